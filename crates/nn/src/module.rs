//! [`Module`](trait@Module): named parameters, buffers and parts.

use std::fmt::{self, Debug};
use std::sync::Arc;

use wengert_autodiff::{Activation, Element, Parameter};
pub use wengert_derive::Module;

use crate::init::Nonlinearity;
use crate::layer::{Buffer, RandomStream};

/// Anything with parameters: a layer, a network, a struct of these.
///
/// Derive it: every field is a part of the module, named like the field. The forward pass is a
/// method of any name and signature; a module that maps one variable to another can also implement
/// [`Layer`](crate::Layer).
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::{Activation, Result, Tape, Tensor, Var};
/// use wengert_nn::{Linear, Layer, Module, Optimizer, Sgd};
///
/// /// One step of a recurrent network: `tanh(input(x) + state(h))`.
/// #[derive(Debug, Module)]
/// struct Cell {
///     input: Linear,
///     state: Linear,
/// }
///
/// impl Cell {
///     fn forward<'t>(&self, x: Var<'t>, h: Var<'t>) -> Result<Var<'t>> {
///         Ok((self.input.try_forward(x)? + self.state.try_forward(h)?).tanh())
///     }
/// }
///
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let mut cell = Cell {
///     input: Linear::config(3, 4).build(&mut rng)?,
///     state: Linear::config(4, 4).without_bias().build(&mut rng)?,
/// };
/// let names: Vec<String> = cell.parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["input.weight", "input.bias", "state.weight"]);
///
/// let tape = Tape::new();
/// let [x, h] = [3, 4].map(|features| tape.constant(&Tensor::ones([2, features])));
/// let loss = cell.forward(x, h)?.square().mean();
/// Sgd::new(0.1).step(&mut cell, &loss.backward());
/// # Ok::<(), wengert_nn::Error>(())
/// ```
///
/// # Deriving
///
/// A part is a [`Parameter`], a [`Buffer`], a [`RandomStream`], a module, or an `Option`, `Vec`,
/// `Box`, array, tuple or `BTreeMap` of parts; the parts of a list are named `0`, `1`, .. and those
/// of a map by their keys. Fields of primitive types (numbers, `bool`, `char`, strings, containers
/// of these, `PhantomData`) are ignored; other fields without parameters must be marked `skip`. A
/// variant of an enum with one unnamed field has the parts of that field, with the same names.
///
/// The element type is the type parameter bounded by `Element`. Without one it is `f64` if the
/// parts name that type, else `f32`; a module without parts, or one whose parts all depend on type
/// parameters, is implemented for any element type.
///
/// | option of a field | |
/// |---|---|
/// | `#[module(skip)]` | the field is not a part |
/// | `#[module(name = "gamma")]` | the name of the part |
/// | `#[module(flatten)]` | the parts of the field become parts of this module, with their names |
/// | `#[module(training)]` | a `bool`, true while the module is being trained |
///
/// | option of the struct or enum | |
/// |---|---|
/// | `#[module(element = f64)]` | the element type; `any` if the module works with all |
/// | `#[module(role = Role::Residual)]` | an expression for [`role`](Self::role) |
/// | `#[module(activation = self.act)]` | an expression for [`activation`](Self::activation) |
/// | `#[module(nonlinearity = ..)]` | an expression for [`nonlinearity`](Self::nonlinearity) |
/// | `#[module(crate = path)]` | where the crate is, if it is renamed |
///
/// A field that is neither a part nor marked is a compile error at its type:
///
/// ```compile_fail,E0277
/// use wengert_autodiff::Activation;
/// use wengert_nn::{Linear, Module};
///
/// #[derive(Module)]
/// struct Block {
///     linear: Linear,
///     activation: Activation, // needs #[module(skip)]
/// }
/// ```
///
/// A manual implementation must show the same parts in [`visit`](Self::visit) and
/// [`visit_mut`](Self::visit_mut); [`check_module`](crate::check_module) tests this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module of elements `{E}`",
    label = "not a parameter, buffer or module of elements `{E}`",
    note = "a field that holds no parameter is marked `#[module(skip)]`",
    note = "a module whose elements are not `f32` says so with `#[module(element = ..)]`"
)]
pub trait Module<E: Element = f32> {
    /// Shows the visitor each parameter and buffer with its name, and each module among the parts
    /// with [`Visitor::child`].
    ///
    /// A bias ([`Kind::Bias`](wengert_autodiff::Kind::Bias)) belongs to the nearest weight or gain
    /// that the same module shows before it and that has no bias yet.
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>);

    /// Shows the same parameters and modules as [`visit`](Self::visit), in the same order and with
    /// the same names.
    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>);

    /// The activation that computes the outputs; [`Activation::Identity`] by default.
    fn activation(&self) -> Activation {
        Activation::Identity
    }

    /// The function that computes the outputs, for initialization theory, if it is user-defined and
    /// not [`activation`](Self::activation).
    fn nonlinearity(&self) -> Option<Arc<dyn Nonlinearity>> {
        None
    }

    /// How the module combines the outputs of its parts; [`Role::Plain`] by default.
    fn role(&self) -> Role {
        Role::Plain
    }

    /// Sets the mode of this module, without its parts, to training or inference. Only layers that
    /// behave differently in the two modes need it; [`train`](Self::train) and [`eval`](Self::eval)
    /// set the module and all its parts.
    fn set_training(&mut self, training: bool) {
        let _ = training;
    }

    /// Shows the module to the visitor as the part with this name. Parameters, buffers and
    /// containers override it.
    #[doc(hidden)]
    fn visit_as<'a>(&'a self, name: &str, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.enter(name, self);
    }

    /// The mutable version of [`visit_as`](Self::visit_as).
    #[doc(hidden)]
    fn visit_mut_as(&mut self, name: &str, visitor: &mut VisitorMut<'_, E>) {
        visitor.enter(name, self);
    }

    /// Sets the module and all its parts to training, the initial mode.
    fn train(&mut self) {
        set_training(self, true);
    }

    /// Sets the module and all its parts to inference: dropout is the identity, batch normalization
    /// uses its running averages.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// use wengert_nn::{Dropout, Layer};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let mut layer = Dropout::new(0.5, &mut rng)?;
    /// layer.eval();
    /// let x = Tensor::<f32>::ones([4]);
    /// assert_eq!(layer.predict(&x), x);
    /// # Ok::<(), wengert_nn::Error>(())
    /// ```
    fn eval(&mut self) {
        set_training(self, false);
    }

    /// Freezes all parameters: they get no gradient, and optimizers do not change them. See
    /// [`Parameter::set_frozen`].
    ///
    /// ```
    /// use wengert_nn::{Linear, Module};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// #[derive(Module)]
    /// struct Model {
    ///     encoder: Linear,
    ///     head: Linear,
    /// }
    /// let mut model = Model {
    ///     encoder: Linear::config(4, 8).build(&mut rng)?,
    ///     head: Linear::config(8, 2).build(&mut rng)?,
    /// };
    /// model.encoder.freeze();
    /// let learned = model.parameters().into_iter().filter(|(_, p)| !p.is_frozen());
    /// assert!(learned.map(|(name, _)| name).eq(["head.weight", "head.bias"]));
    /// # Ok::<(), wengert_nn::Error>(())
    /// ```
    #[inline(never)]
    fn freeze(&mut self) {
        self.visit_mut(&mut VisitorMut::new(&mut |_, parameter| parameter.set_frozen(true)));
    }

    /// Unfreezes all parameters.
    #[inline(never)]
    fn unfreeze(&mut self) {
        self.visit_mut(&mut VisitorMut::new(&mut |_, parameter| parameter.set_frozen(false)));
    }

    /// The parameters with their names, in a fixed order.
    #[inline(never)]
    fn parameters(&self) -> Vec<(String, &Parameter<E>)> {
        let mut all = Vec::new();
        self.visit(&mut Visitor::new(&mut |path, parameter| {
            all.push((path.to_string(), parameter));
        }));
        all
    }

    /// The buffers with their names, in a fixed order: the state of a model that is not learned.
    #[inline(never)]
    fn buffers(&self) -> Vec<(String, &Buffer<E>)> {
        let mut all = Vec::new();
        let mut see = |path: Path<'_>, buffer| all.push((path.to_string(), buffer));
        self.visit(&mut Visitor { buffers: Some(&mut see), ..Visitor::new(&mut |_, _| ()) });
        all
    }

    /// The random numbers of the layers with their names, in a fixed order.
    #[inline(never)]
    fn random_streams(&self) -> Vec<(String, &RandomStream)> {
        let mut all = Vec::new();
        let mut see = |path: Path<'_>, stream| all.push((path.to_string(), stream));
        self.visit(&mut Visitor { streams: Some(&mut see), ..Visitor::new(&mut |_, _| ()) });
        all
    }

    /// The number of elements of all parameters, frozen ones included.
    #[inline(never)]
    fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.visit(&mut Visitor::new(&mut |_, parameter| count += parameter.value().len()));
        count
    }
}

#[inline(never)]
fn set_training<E: Element>(module: &mut (impl Module<E> + ?Sized), training: bool) {
    set_mode(module, training, false);
}

/// Sets a module and its parts to training, but dropout to inference.
pub(crate) fn train_without_dropout<E: Element>(module: &mut (impl Module<E> + ?Sized)) {
    set_mode(module, true, true);
}

fn set_mode<E: Element>(module: &mut (impl Module<E> + ?Sized), training: bool, steady: bool) {
    module.set_training(training && !(steady && module.role() == Role::Dropout));
    let mut ignore = |_: Path<'_>, _: &mut Parameter<E>| ();
    let training = Some(training);
    module.visit_mut(&mut VisitorMut { training, steady, ..VisitorMut::new(&mut ignore) });
}

/// How a module combines the outputs of its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A layer, or a chain of layers.
    #[default]
    Plain,
    /// Adds its input to the output of its parts.
    Residual,
    /// Scales the outputs of each example together, to mean square 1: layer norm, group norm, RMS
    /// norm.
    Normalization,
    /// Gives each unit mean 0 and variance 1 over the examples or positions: batch norm, instance
    /// norm.
    Standardization,
    /// Sets elements to zero at random in training: dropout of elements, channels or branches.
    Dropout,
}

/// The path of a parameter in a module tree. Displayed as `0.weight`, outermost name first.
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

    /// The path of the module that directly contains the parameter; empty for the root.
    pub(crate) fn module(&self) -> String {
        self.parent.map(ToString::to_string).unwrap_or_default()
    }

    /// The path of the part with this name below `parent`.
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

/// A module found by a visitor, recorded before its parts.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    /// The path of the module; empty for the root.
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

    /// The activation that computes the module's outputs.
    pub(crate) fn activation(&self) -> Activation {
        self.activation
    }

    /// The function that computes the module's outputs. Constructed on demand, so that a program
    /// without [`recommend`](crate::init::recommend) does not link the theory.
    pub(crate) fn nonlinearity(&self) -> Arc<dyn Nonlinearity> {
        self.own.clone().unwrap_or_else(|| Arc::new(self.activation))
    }
}

/// Visits every parameter of a module tree.
pub struct Visitor<'v, 'a, E: Element = f32> {
    see: &'v mut dyn FnMut(Path<'_>, &'a Parameter<E>),
    buffers: Option<&'v mut SeeBuffer<'v, 'a, E>>,
    streams: Option<&'v mut SeeStream<'v, 'a>>,
    path: Option<&'v Path<'v>>,
    met: Option<&'v mut Vec<Met>>,
}

type SeeBuffer<'v, 'a, E> = dyn FnMut(Path<'_>, &'a Buffer<E>) + 'v;
type SeeStream<'v, 'a> = dyn FnMut(Path<'_>, &'a RandomStream) + 'v;

/// Visits every parameter of a module tree, mutably.
pub struct VisitorMut<'v, E: Element = f32> {
    see: &'v mut dyn FnMut(Path<'_>, &mut Parameter<E>),
    path: Option<&'v Path<'v>>,
    /// The mode to which the visited modules are set.
    training: Option<bool>,
    /// Whether modules of [`Role::Dropout`] are set to inference all the same.
    steady: bool,
    /// The paths of the visited modules.
    met: Option<&'v mut Vec<String>>,
}

impl<'v, 'a, E: Element> Visitor<'v, 'a, E> {
    /// A visitor that starts at a root.
    pub fn new(see: &'v mut dyn FnMut(Path<'_>, &'a Parameter<E>)) -> Self {
        Self { see, buffers: None, streams: None, path: None, met: None }
    }

    /// A visitor that starts at a root and also records the modules below it.
    pub(crate) fn recording(
        see: &'v mut dyn FnMut(Path<'_>, &'a Parameter<E>),
        met: &'v mut Vec<Met>,
    ) -> Self {
        Self { met: Some(met), ..Self::new(see) }
    }

    /// Shows a parameter whose path below the current module is known.
    pub(crate) fn shown(&mut self, path: Path<'_>, parameter: &'a Parameter<E>) {
        (self.see)(path, parameter);
    }

    /// Shows a parameter of the current module.
    pub fn parameter(&mut self, name: &str, parameter: &'a Parameter<E>) {
        (self.see)(Path::below(self.path, name), parameter);
    }

    /// Shows a buffer of the current module.
    pub fn buffer(&mut self, name: &str, buffer: &'a Buffer<E>) {
        if let Some(see) = &mut self.buffers {
            see(Path::below(self.path, name), buffer);
        }
    }

    /// Shows a random stream of the current module.
    pub fn random_stream(&mut self, name: &str, stream: &'a RandomStream) {
        if let Some(see) = &mut self.streams {
            see(Path::below(self.path, name), stream);
        }
    }

    /// Shows a part of the current module, with all its parts.
    pub fn child(&mut self, name: &str, module: &'a (impl Module<E> + ?Sized)) {
        module.visit_as(name, self);
    }

    /// Visits a module below the current one.
    pub(crate) fn enter(&mut self, name: &str, module: &'a (impl Module<E> + ?Sized)) {
        let path = Path::below(self.path, name);
        if let Some(met) = &mut self.met {
            met.push(Met::new(path.to_string(), module));
        }
        let buffers = self.buffers.as_mut().map(|see| &mut **see as &mut SeeBuffer<'_, 'a, E>);
        let streams = self.streams.as_mut().map(|see| &mut **see as &mut SeeStream<'_, 'a>);
        let met = self.met.as_deref_mut();
        module.visit(&mut Visitor {
            see: &mut *self.see,
            buffers,
            streams,
            path: Some(&path),
            met,
        });
    }
}

impl<'v, E: Element> VisitorMut<'v, E> {
    /// A visitor that starts at a root.
    pub fn new(see: &'v mut dyn FnMut(Path<'_>, &mut Parameter<E>)) -> Self {
        Self { see, path: None, training: None, steady: false, met: None }
    }

    /// A visitor that starts at a root and also records the paths of the modules below it.
    pub(crate) fn recording(
        see: &'v mut dyn FnMut(Path<'_>, &mut Parameter<E>),
        met: &'v mut Vec<String>,
    ) -> Self {
        Self { met: Some(met), ..Self::new(see) }
    }

    /// Shows a parameter whose path below the current module is known.
    pub(crate) fn shown(&mut self, path: Path<'_>, parameter: &mut Parameter<E>) {
        (self.see)(path, parameter);
    }

    /// Shows a parameter of the current module.
    pub fn parameter(&mut self, name: &str, parameter: &mut Parameter<E>) {
        (self.see)(Path::below(self.path, name), parameter);
    }

    /// Shows a part of the current module, with all its parts.
    pub fn child(&mut self, name: &str, module: &mut (impl Module<E> + ?Sized)) {
        module.visit_mut_as(name, self);
    }

    /// Visits a module below the current one.
    pub(crate) fn enter(&mut self, name: &str, module: &mut (impl Module<E> + ?Sized)) {
        let path = Path::below(self.path, name);
        if let Some(met) = &mut self.met {
            met.push(path.to_string());
        }
        let (training, steady) = (self.training, self.steady);
        if let Some(training) = training {
            module.set_training(training && !(steady && module.role() == Role::Dropout));
        }
        let met = self.met.as_deref_mut();
        let path = Some(&path);
        module.visit_mut(&mut VisitorMut { see: &mut *self.see, path, training, steady, met });
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
