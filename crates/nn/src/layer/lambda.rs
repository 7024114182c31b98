//! [`Lambda`]: a function of variables as a layer.

use std::fmt;
use std::sync::Arc;

use wengert_autodiff::{Element, Result, Var};

use crate::forward::Layer;
use crate::module::Module;

type Function<E> = dyn for<'t> Fn(Var<'t, E>) -> Result<Var<'t, E>> + Send + Sync;

/// A layer that applies a function of variables without parameters, for operations that have no
/// layer of their own.
///
/// For an activation, use a [`CustomActivation`](crate::CustomActivation), whose gain the
/// initializers can compute.
///
/// ```
/// use wengert_autodiff::{Activation, Tensor, ops};
/// use wengert_nn::{Lambda, Layer, Sequential};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let last = Lambda::new("last step", |x| ops::select(x, 1, -1));
/// let model: Sequential = Sequential::builder()
///     .linear(3, 4, Activation::Tanh)
///     .layer(last)
///     .build(&mut rng)?;
/// assert_eq!(model.predict(&Tensor::ones([2, 5, 3])).shape().dims(), [2, 4]);
/// # Ok::<(), wengert_nn::BuildError>(())
/// ```
///
/// # Shapes
/// Those of the function.
#[derive(Clone, Module)]
pub struct Lambda<E: Element = f32> {
    name: String,
    #[module(skip)]
    function: Arc<Function<E>>,
}

impl<E: Element> Lambda<E> {
    /// Creates a layer from a function; the name is shown by `Debug`.
    pub fn new(
        name: impl Into<String>,
        function: impl for<'t> Fn(Var<'t, E>) -> Result<Var<'t, E>> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), function: Arc::new(function) }
    }
}

impl<E: Element> fmt::Debug for Lambda<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<E: Element> Layer<E> for Lambda<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        (self.function)(x)
    }
}
