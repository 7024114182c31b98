//! [`Error`]: any error of this crate.

use crate::check::ModuleError;
use crate::data::BatchesError;
#[cfg(feature = "data")]
use crate::data::DataError;
use crate::init::{InitError, LsuvError, TheoryError};
use crate::layer::{BuildError, LayerError};

/// Any error of this crate, for functions that can fail in several ways: `?` converts each of the
/// errors below. The functions of this crate return the specific one, which names every case that
/// can occur.
///
/// ```
/// use rand::Rng;
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::data::Batches;
/// use wengert_nn::{Result, Sequential, init::recommend};
///
/// fn network(rng: &mut impl Rng) -> Result<Sequential> {
///     let mut model = Sequential::builder().linear(4, 8, Activation::Tanh).build(rng)?;
///     recommend(&model)?.apply(&mut model, rng)?;
///     Batches::new(&Tensor::<f32>::try_full([6, 4], 0.5)?, [0; 6], 2)?;
///     Ok(model)
/// }
/// # use rand::SeedableRng;
/// network(&mut rand_pcg::Pcg64::seed_from_u64(1))?;
/// # Ok::<(), wengert_nn::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation on tensors or variables.
    #[error(transparent)]
    Tensor(#[from] wengert_autodiff::Error),
    /// An initializer that cannot be applied to a parameter.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A quantity of initialization theory that cannot be computed for an activation.
    #[error(transparent)]
    Theory(#[from] TheoryError),
    /// A failure of layer-sequential unit variance initialization.
    #[error(transparent)]
    Lsuv(#[from] LsuvError),
    /// A layer that cannot be built, or does not accept its input's shape.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A network that cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An inconsistent implementation of [`Module`](trait@crate::Module).
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// Inputs and targets that cannot be divided into mini-batches.
    #[error(transparent)]
    Batches(#[from] BatchesError),
    /// A data file that cannot be read.
    #[cfg(feature = "data")]
    #[error(transparent)]
    Data(#[from] DataError),
}

/// The result of a function that can fail with any [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_specific_error() {
        let specific = LayerError::Features { takes: 3, given: 4 };
        let text = specific.to_string();
        assert_eq!(Error::from(specific).to_string(), text);
        // A larger error makes every call that returns it slower.
        assert!(size_of::<Error>() <= 128, "{} bytes", size_of::<Error>());
    }
}
