//! Neural networks on the wengert tape: layers, initializers, optimizers, data.
//!
//! - [`Module`]: what has a forward pass and parameters. [`Linear`], [`Conv1d`], [`Conv2d`],
//!   [`ConvTranspose2d`], [`MaxPool2d`], [`AvgPool2d`], [`AdaptiveAvgPool2d`], [`Flatten`],
//!   [`BatchNorm1d`], [`BatchNorm2d`], [`LayerNorm`], [`GroupNorm`], [`RmsNorm`], [`Dropout`],
//!   [`Embedding`] and [`ActivationLayer`] are such; [`Sequential`] and its builder put them
//!   together.
//! - [`Init`]: how a parameter begins, with the formula and the paper of each scheme.
//! - [`Optimizer`]: what changes parameters by their gradients; [`Sgd`], [`Adam`], [`RmsProp`].
//! - [`data`]: mini-batches, and with the feature `data` the IDX files of the MNIST family.
//! - [`metrics`] and [`diagnosis`]: how well a network does, and what its units are up to.
//!
//! ```
//! use rand::SeedableRng;
//! use rand_pcg::Pcg64;
//! use wengert_autodiff::{Activation, Tape, Tensor};
//! use wengert_nn::{Module, Optimizer, Sequential, Sgd};
//!
//! let mut rng = Pcg64::seed_from_u64(7);
//! let mut model = Sequential::builder()
//!     .linear(2, 8, Activation::Tanh)
//!     .linear(8, 1, Activation::Identity)
//!     .build::<f32>(&mut rng)?;
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

pub mod data;
pub mod diagnosis;
pub mod init;
mod layer;
pub mod metrics;
mod module;
mod observe;
mod optim;

pub use init::{Distribution, Fan, Init, InitError, fans};
pub use layer::{
    ActivationLayer, AdaptiveAvgPool2d, AvgPool2d, BatchNorm, BatchNorm1d, BatchNorm2d, Buffer,
    BuildError, Conv, Conv1d, Conv2d, ConvTranspose, ConvTranspose1d, ConvTranspose2d,
    CustomActivation, Dropout, Embedding, Flatten, GroupNorm, LayerError, LayerNorm, Linear,
    MaxPool2d, RmsNorm, Sequential, SequentialBuilder,
};
pub use module::{Mode, Module, Path, Role, Visitor, VisitorMut};
pub use observe::{Observation, Observer};
pub use optim::{Adam, Optimizer, RmsProp, Sgd};
