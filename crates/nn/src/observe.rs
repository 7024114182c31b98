//! [`Observer`]: sees the layers of a module tree at work.

use std::fmt;

use wengert_autodiff::{Element, Result, Var};

use crate::forward::Layer;
use crate::module::Path;

/// A layer during a forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'t, E: Element = f32> {
    /// What came in.
    pub input: Var<'t, E>,
    /// Before the activation; the same as `output` if the layer does not distinguish the two.
    pub preactivation: Var<'t, E>,
    /// What went out.
    pub output: Var<'t, E>,
}

/// Is shown every layer of a module tree during a forward pass; see
/// [`Layer::observe`].
///
/// ```
/// use wengert_autodiff::{Activation, Tape, Tensor};
/// use wengert_nn::{Layer, Observer, Sequential};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let model: Sequential = Sequential::builder().linear(3, 4, Activation::Tanh).build(&mut rng).unwrap();
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

    /// Shows the layer at hand.
    pub fn layer(&mut self, input: Var<'t, E>, preactivation: Var<'t, E>, output: Var<'t, E>) {
        let path = self.path.map(ToString::to_string).unwrap_or_default();
        (self.see)(&path, Observation { input, preactivation, output });
    }

    /// Runs a child of the module at hand, under the name it has for visitors.
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
        layer.observe(x, &mut Observer { see: &mut *self.see, path: Some(&path) })
    }
}

impl<E: Element> fmt::Debug for Observer<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observer below {:?}", self.path)
    }
}
