//! Neural networks on the wengert tape: layers, initializers, optimizers, data.
//!
//! - [`Module`](trait@Module): what has parameters; derived for a struct of your own.
//! - [`Layer`]: a module that maps one variable to one. [`layer`] has [`Linear`], [`Conv2d`],
//!   [`LayerNorm`], [`Dropout`], [`Embedding`] and others; [`Sequential`] and its builder put them
//!   together.
//! - [`Init`]: how a parameter begins, with the formula and the paper of each scheme.
//! - [`Optimizer`]: what changes parameters by their gradients; [`Sgd`], [`Adam`], [`RmsProp`].
//! - [`data`]: mini-batches, and with the feature `data` the IDX files of the MNIST family.
//! - [`metrics`] and [`diagnosis`]: how well a network does, and the state of its units.
//!
//! ```
//! use rand::SeedableRng;
//! use rand_pcg::Pcg64;
//! use wengert_autodiff::{Activation, Tape, Tensor};
//! use wengert_nn::{Layer, Optimizer, Sequential, Sgd};
//!
//! let mut rng = Pcg64::seed_from_u64(7);
//! let mut model: Sequential = Sequential::builder()
//!     .linear(2, 8, Activation::Tanh)
//!     .linear(8, 1, Activation::Identity)
//!     .build(&mut rng)?;
//! let mut sgd = Sgd::new(0.1).momentum(0.9);
//! let mut tape = Tape::new();
//!
//! let x = tape.constant(&Tensor::ones([4, 2]));
//! let loss = model.forward(x).mse_loss(tape.constant(&Tensor::zeros([4, 1])));
//! sgd.step(&mut model, &loss.backward());
//! tape.clear();
//! # Ok::<(), wengert_nn::BuildError>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The derive macro names this crate, also within it.
extern crate self as wengert_nn;

mod check;
pub mod data;
pub mod diagnosis;
mod forward;
pub mod init;
pub mod layer;
pub mod metrics;
mod module;
mod observe;
mod optim;
mod parts;

pub use check::{ModuleError, check_module};
pub use forward::Layer;
pub use init::{Distribution, Fan, Init, InitError, fans};
pub use layer::*;
pub use module::{Module, Path, Role, Visitor, VisitorMut};
pub use observe::{Observation, Observer};
pub use optim::{Adam, Optimizer, RmsProp, Sgd};

/// What the derive macro names.
#[doc(hidden)]
pub mod __private {
    pub use wengert_autodiff::{Activation, Element};

    pub use crate::init::Nonlinearity;
}
