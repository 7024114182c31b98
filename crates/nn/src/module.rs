//! [`Module`]: a forward pass and named parameters.

use std::fmt::{self, Debug};
use std::sync::Arc;

use wengert_autodiff::{Activation, Element, Parameter, Result, Var};

use crate::init::Nonlinearity;
use crate::layer::Buffer;
use crate::observe::Observer;

/// A part of a network: a forward pass and the parameters it uses.
///
/// ```
/// use wengert_autodiff::{Element, Parameter, Result, Tensor, Var};
/// use wengert_nn::{Linear, Module, Visitor, VisitorMut};
///
/// /// `x + linear(x)`
/// #[derive(Debug)]
/// struct Residual<E: Element> {
///     inner: Linear<E>,
/// }
///
/// impl<E: Element> Module<E> for Residual<E> {
///     fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
///         Ok(x + self.inner.try_forward(x)?)
///     }
///     fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
///         visitor.child("inner", &self.inner);
///     }
///     fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
///         visitor.child("inner", &mut self.inner);
///     }
/// }
/// ```
pub trait Module<E: Element>: Debug {
    /// The output for a batch of inputs, recorded on the inputs' tape.
    ///
    /// # Errors
    /// If the inputs' shape does not fit.
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>>;

    /// Shows each parameter to the visitor, with its name; children through
    /// [`Visitor::child`].
    ///
    /// A bias ([`Kind::Bias`](wengert_autodiff::Kind::Bias)) belongs to the nearest weight or gain
    /// that the same module shows before it and that has no bias yet.
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>);

    /// Shows each parameter to the visitor, in the same order and under the same names as
    /// [`visit`](Self::visit).
    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>);

    /// The activation the outputs come from; [`Activation::Identity`] unless the module says
    /// otherwise.
    fn activation(&self) -> Activation {
        Activation::Identity
    }

    /// The function the outputs come from, as the theory of initialization sees it, if it is one of
    /// the module's own and not [`activation`](Self::activation).
    fn nonlinearity(&self) -> Option<Arc<dyn Nonlinearity>> {
        None
    }

    /// What the module does with what its parts compute; [`Role::Plain`] unless it says otherwise.
    fn role(&self) -> Role {
        Role::Plain
    }

    /// Tells this module, and not its parts, whether it is being trained. Only layers that behave
    /// differently in the two need it; [`train`](Self::train) and [`eval`](Self::eval) tell the
    /// module and all its parts.
    fn set_mode(&mut self, mode: Mode) {
        let _ = mode;
    }

    /// Sets the module and all its parts to training, which they are in from the beginning.
    fn train(&mut self) {
        set_mode(self, Mode::Training);
    }

    /// Sets the module and all its parts to inference: dropout does nothing, batch normalization
    /// uses its running statistics.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// use wengert_nn::{Dropout, Module};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let mut layer = Dropout::new(0.5, &mut rng)?;
    /// Module::<f32>::eval(&mut layer);
    /// let tape = Tape::new();
    /// let x = Tensor::<f32>::ones([4]);
    /// assert_eq!(layer.forward(tape.constant(&x)).value(), x);
    /// # Ok::<(), wengert_nn::LayerError>(())
    /// ```
    fn eval(&mut self) {
        set_mode(self, Mode::Inference);
    }

    /// The output for a batch of inputs, every layer on the way shown to `observer`.
    ///
    /// A module that has parts passes them on with [`Observer::child`], in place of calling their
    /// `try_forward`. One that does not override this is shown as a whole.
    ///
    /// # Errors
    /// If the inputs' shape does not fit.
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let output = self.try_forward(x)?;
        observer.layer(x, output, output);
        Ok(output)
    }

    /// The output for a batch of inputs. See [`try_forward`](Self::try_forward).
    ///
    /// # Panics
    /// If the inputs' shape does not fit.
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, E>) -> Var<'t, E> {
        match self.try_forward(x) {
            Ok(y) => y,
            Err(error) => panic!("{error}"),
        }
    }

    /// The parameters with their names, in a fixed order.
    fn parameters(&self) -> Vec<(String, &Parameter<E>)> {
        let mut all = Vec::new();
        self.visit(&mut Visitor::new(&mut |path, parameter| {
            all.push((path.to_string(), parameter));
        }));
        all
    }

    /// The buffers with their names, in a fixed order: what belongs to a saved model beside its
    /// parameters.
    fn buffers(&self) -> Vec<(String, &Buffer<E>)> {
        let mut all = Vec::new();
        let mut see = |path: Path<'_>, buffer| all.push((path.to_string(), buffer));
        self.visit(&mut Visitor { buffers: Some(&mut see), ..Visitor::new(&mut |_, _| ()) });
        all
    }

    /// The number of learned numbers.
    fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.visit(&mut Visitor::new(&mut |_, parameter| count += parameter.value().len()));
        count
    }
}

impl<E: Element, M: Module<E> + ?Sized> Module<E> for Box<M> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        (**self).try_forward(x)
    }
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        (**self).visit(visitor);
    }
    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        (**self).visit_mut(visitor);
    }
    fn activation(&self) -> Activation {
        (**self).activation()
    }
    fn nonlinearity(&self) -> Option<Arc<dyn Nonlinearity>> {
        (**self).nonlinearity()
    }
    fn role(&self) -> Role {
        (**self).role()
    }
    fn set_mode(&mut self, mode: Mode) {
        (**self).set_mode(mode);
    }
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        (**self).observe(x, observer)
    }
}

/// Whether a module is being trained or used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is being trained.
    #[default]
    Training,
    /// It is used as it is.
    Inference,
}

fn set_mode<E: Element>(module: &mut (impl Module<E> + ?Sized), mode: Mode) {
    module.set_mode(mode);
    module.visit_mut(&mut VisitorMut { mode: Some(mode), ..VisitorMut::new(&mut |_, _| ()) });
}

/// What a module does with what its parts compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A layer, or layers one after another.
    #[default]
    Plain,
    /// Adds its input to what its parts compute of it.
    Residual,
    /// Brings its outputs to variance 1 whatever comes in.
    Normalization,
}

/// Where a parameter is in a module tree. Shown as `0.weight`, outermost first.
#[derive(Clone, Copy, Debug)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'p str,
}

impl<'p> Path<'p> {
    /// The innermost name.
    pub fn name(&self) -> &'p str {
        self.name
    }

    /// The path of the module that shows the parameter; empty for the root.
    pub(crate) fn module(&self) -> String {
        self.parent.map(ToString::to_string).unwrap_or_default()
    }

    /// The path of what has this name below `parent`.
    pub(crate) fn below(parent: Option<&'p Path<'p>>, name: &'p str) -> Self {
        Self { parent, name }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)
    }
}

/// A module met on a walk, before its parts.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    /// Its path; empty for the root.
    pub(crate) path: String,
    pub(crate) role: Role,
    activation: Activation,
    own: Option<Arc<dyn Nonlinearity>>,
}

impl Met {
    pub(crate) fn new<E: Element>(path: String, module: &(impl Module<E> + ?Sized)) -> Self {
        let (activation, own) = (module.activation(), module.nonlinearity());
        Self { path, role: module.role(), activation, own }
    }

    /// The function the module's outputs come from. Only made when asked for: a program that asks for
    /// no advice need not hold the theory.
    pub(crate) fn nonlinearity(&self) -> Arc<dyn Nonlinearity> {
        self.own.clone().unwrap_or_else(|| Arc::new(self.activation))
    }
}

/// Walks a module tree and sees every parameter.
pub struct Visitor<'v, 'a, E: Element> {
    see: &'v mut dyn FnMut(Path<'_>, &'a Parameter<E>),
    buffers: Option<&'v mut SeeBuffer<'v, 'a, E>>,
    path: Option<&'v Path<'v>>,
    met: Option<&'v mut Vec<Met>>,
}

type SeeBuffer<'v, 'a, E> = dyn FnMut(Path<'_>, &'a Buffer<E>) + 'v;

/// Walks a module tree and sees every parameter, to change it.
pub struct VisitorMut<'v, E: Element> {
    see: &'v mut dyn FnMut(Path<'_>, &mut Parameter<E>),
    path: Option<&'v Path<'v>>,
    /// What the modules that are met are set to.
    mode: Option<Mode>,
}

impl<'v, 'a, E: Element> Visitor<'v, 'a, E> {
    /// A walk that begins at a root.
    pub fn new(see: &'v mut dyn FnMut(Path<'_>, &'a Parameter<E>)) -> Self {
        Self { see, buffers: None, path: None, met: None }
    }

    /// A walk that begins at a root and also notes the modules below it.
    pub(crate) fn noting(
        see: &'v mut dyn FnMut(Path<'_>, &'a Parameter<E>),
        met: &'v mut Vec<Met>,
    ) -> Self {
        Self { see, buffers: None, path: None, met: Some(met) }
    }

    /// Shows a parameter of the module at hand.
    pub fn parameter(&mut self, name: &str, parameter: &'a Parameter<E>) {
        (self.see)(Path::below(self.path, name), parameter);
    }

    /// Shows a buffer of the module at hand.
    pub fn buffer(&mut self, name: &str, buffer: &'a Buffer<E>) {
        if let Some(see) = &mut self.buffers {
            see(Path::below(self.path, name), buffer);
        }
    }

    /// Walks a child of the module at hand.
    pub fn child(&mut self, name: &str, module: &'a (impl Module<E> + ?Sized)) {
        let path = Path::below(self.path, name);
        if let Some(met) = &mut self.met {
            met.push(Met::new(path.to_string(), module));
        }
        let buffers = self.buffers.as_mut().map(|see| &mut **see as &mut SeeBuffer<'_, 'a, E>);
        let met = self.met.as_deref_mut();
        module.visit(&mut Visitor { see: &mut *self.see, buffers, path: Some(&path), met });
    }
}

impl<'v, E: Element> VisitorMut<'v, E> {
    /// A walk that begins at a root.
    pub fn new(see: &'v mut dyn FnMut(Path<'_>, &mut Parameter<E>)) -> Self {
        Self { see, path: None, mode: None }
    }

    /// Shows a parameter of the module at hand.
    pub fn parameter(&mut self, name: &str, parameter: &mut Parameter<E>) {
        (self.see)(Path::below(self.path, name), parameter);
    }

    /// Walks a child of the module at hand.
    pub fn child(&mut self, name: &str, module: &mut (impl Module<E> + ?Sized)) {
        let path = Path::below(self.path, name);
        if let Some(mode) = self.mode {
            module.set_mode(mode);
        }
        let mode = self.mode;
        module.visit_mut(&mut VisitorMut { see: &mut *self.see, path: Some(&path), mode });
    }
}

impl<E: Element> Debug for Visitor<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Visitor below {:?}", self.path)
    }
}

impl<E: Element> Debug for VisitorMut<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitorMut below {:?}", self.path)
    }
}
