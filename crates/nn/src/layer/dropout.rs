//! [`Dropout`]: sets elements to zero at random in training, and does nothing in inference.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::{Rng, RngExt};
use wengert_autodiff::{Element, Error, Result, Var, ops};
use wengert_kernels::random::Stream;

use super::LayerError;
use crate::module::{Mode, Module, Visitor, VisitorMut};

/// In training sets each element to zero with a probability, and scales the others so that the mean
/// stays; see [`ops::dropout`]. In inference ([`Module::eval`]) its output is its input.
///
/// Draws come from a stream of the layer's own: the passes of a training run have different masks,
/// and the same ones in the next run with the same seed. What a
/// [`checkpoint`](wengert_autodiff::checkpoint()) computes again has the same mask and is no further pass.
///
/// # Shapes
/// Any; the output has the input's.
#[derive(Debug)]
pub struct Dropout {
    p: f64,
    seed: u64,
    passes: AtomicU64,
    mode: Mode,
}

impl Dropout {
    /// A layer that drops each element with probability `p`.
    ///
    /// # Errors
    /// If `p` does not lie in 0..=1.
    pub fn new(p: f64, rng: &mut impl Rng) -> Result<Self, LayerError> {
        if !(0.0..=1.0).contains(&p) {
            let message = format!("the probability to drop an element must be in 0..=1, got {p}");
            return Err(Error::Argument { op: "dropout", message }.into());
        }
        let passes = AtomicU64::new(0);
        Ok(Self { p, seed: rng.random(), passes, mode: Mode::Training })
    }
}

impl Clone for Dropout {
    fn clone(&self) -> Self {
        let passes = AtomicU64::new(self.passes.load(Ordering::Relaxed));
        Self { passes, ..*self }
    }
}

impl<E: Element> Module<E> for Dropout {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        match self.mode {
            Mode::Inference => Ok(x),
            Mode::Training => {
                let pass = self.passes.fetch_add(1, Ordering::Relaxed);
                ops::dropout_from(x, self.p, Stream::new(self.seed, pass))
            }
        }
    }

    fn visit<'a>(&'a self, _: &mut Visitor<'_, 'a, E>) {}

    fn visit_mut(&mut self, _: &mut VisitorMut<'_, E>) {}

    fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }
}
