//! [`Observer`]: receives the inputs and outputs of every layer during a forward pass.

use std::fmt;

use wengert_autodiff::{Element, Result, Var};

use crate::forward::Layer;
use crate::module::Path;

/// The variables of a layer in a forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'t, E: Element = f32> {
    /// The input.
    pub input: Var<'t, E>,
    /// The value before the activation, or the output if the layer does not show that value.
    pub preactivation: Var<'t, E>,
    /// The output.
    pub output: Var<'t, E>,
}

/// Receives every layer of a module tree during a forward pass; see [`Layer::observe`].
///
/// ```
/// use wengert_autodiff::{Activation, Tape, Tensor};
/// use wengert_nn::{Layer, Observer, Sequential};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let model: Sequential =
///     Sequential::builder().linear(3, 4, Activation::Tanh).build(&mut rng).unwrap();
/// let tape = Tape::new();
/// let mut shapes = Vec::new();
/// model.observe(
///     tape.constant(&Tensor::ones([2, 3])),
///     &mut Observer::new(&mut |path, layer| shapes.push((path.to_owned(), layer.output.shape()))),
/// )?;
/// assert_eq!(shapes, [("0".to_owned(), [2, 4].into())]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
pub struct Observer<'o, 't, E: Element = f32> {
    see: &'o mut dyn FnMut(&str, Observation<'t, E>),
    path: Option<&'o Path<'o>>,
}

impl<'o, 't, E: Element> Observer<'o, 't, E> {
    /// An observer at the root, whose path is empty.
    pub fn new(see: &'o mut dyn FnMut(&str, Observation<'t, E>)) -> Self {
        Self { see, path: None }
    }

    /// Shows the current layer.
    pub fn layer(&mut self, input: Var<'t, E>, preactivation: Var<'t, E>, output: Var<'t, E>) {
        let path = self.path.map(ToString::to_string).unwrap_or_default();
        (self.see)(&path, Observation { input, preactivation, output });
    }

    /// Runs a child of the current module, which has the same name in [`Module::visit`].
    ///
    /// [`Module::visit`]: crate::Module::visit
    ///
    /// # Errors
    /// Those of the child's forward pass.
    pub fn child(
        &mut self,
        name: &str,
        layer: &(impl Layer<E> + ?Sized),
        x: Var<'t, E>,
    ) -> Result<Var<'t, E>> {
        let path = Path::below(self.path, name);
        let below = &mut Observer { see: &mut *self.see, path: Some(&path) };
        layer.observe(x, below).map_err(|error| error.in_layer(name))
    }
}

impl<E: Element> fmt::Debug for Observer<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observer below {:?}", self.path)
    }
}
