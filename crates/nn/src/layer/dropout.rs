//! [`Dropout`]: sets elements to zero at random in training.

use rand::{Rng, RngExt};
use wengert_autodiff::{Element, Error, Result, Var, instances, ops};

use super::{LayerConfig, LayerError, RandomStream, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::{Module, Role};

/// In training sets each element to zero with probability `p` and divides the others by `1 - p`,
/// which keeps the mean; see [`ops::dropout`]. In inference ([`eval`](Self::eval)) it is the
/// identity.
///
/// Each layer has its own random stream: the passes of a training run have different masks, which
/// are reproduced by a run with the same seed. A pass that is recomputed by a
/// [`checkpoint`](wengert_autodiff::checkpoint()) has the mask of the original pass.
///
/// # Shapes
/// Any; the output has the shape of the input.
#[derive(Clone, Debug, Module)]
#[module(element = any, role = Role::Dropout)]
pub struct Dropout {
    p: f64,
    stream: RandomStream,
    #[module(training)]
    training: bool,
}

impl Dropout {
    /// Creates a layer that drops each element with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in 0..=1.
    pub fn new(p: f64, rng: &mut impl Rng) -> Result<Self, LayerError> {
        if !(0.0..=1.0).contains(&p) {
            let message = format!("the probability to drop an element must be in 0..=1, got {p}");
            return Err(Error::Argument { op: "dropout", message }.into());
        }
        Ok(Self { p, stream: RandomStream::new(rng.random()), training: true })
    }

    /// The config of a layer that drops each element with probability `p`.
    pub fn config(p: f64) -> DropoutConfig {
        DropoutConfig { p }
    }

    /// Sets the layer to training, the initial mode.
    pub fn train(&mut self) {
        self.training = true;
    }

    /// Sets the layer to inference.
    pub fn eval(&mut self) {
        self.training = false;
    }
}

impl<E: Element> Layer<E> for Dropout {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        if !self.training {
            return Ok(x);
        }
        ops::dropout_from(x, self.p, self.stream.next_stream())
    }
}

/// Describes a [`Dropout`] layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DropoutConfig {
    p: f64,
}

impl<E: Element> LayerConfig<E> for DropoutConfig {
    type Layer = Dropout;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        Ok(input.clone())
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Dropout, LayerError> {
        Dropout::new(self.p, &mut rng)
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds dropout with this probability to drop an element.
    pub fn dropout(self, p: f64) -> Self {
        self.with(Dropout::config(p))
    }
}

instances!(dropout<E>: SequentialBuilder::<E>::with::<DropoutConfig>);
