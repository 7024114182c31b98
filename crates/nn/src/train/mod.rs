//! [`Trainer`]: the training loop, with the usual extras.
//!
//! The trainer only determines the order of operations: a closure computes the loss of a batch,
//! another one the validation, and callbacks are shown each step and epoch. Everything that the
//! trainer uses ([`Batches`], [`Optimizer`], [`schedule`](crate::schedule), [`Average`],
//! [`Checkpoint`](crate::Checkpoint)) also works in your own `for` loop.
//!
//! ```
//! use rand::SeedableRng;
//! use wengert_autodiff::{Activation, Tensor};
//! use wengert_nn::data::Batches;
//! use wengert_nn::schedule::Cosine;
//! use wengert_nn::train::{EarlyStopping, Trainer};
//! use wengert_nn::{Adam, Layer, Sequential, metrics};
//!
//! let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
//! let x = Tensor::<f32>::randn([64, 2], &mut rng);
//! let y: Vec<usize> = (0..64).map(|i| usize::from(x[[i, 0]] > x[[i, 1]])).collect();
//! let mut model = Sequential::builder()
//!     .linear(2, 8, Activation::Tanh)
//!     .linear(8, 2, Activation::Identity)
//!     .build(&mut rng)?;
//! let mut batches = Batches::new(&x, &y, 16)?.shuffled(1);
//! let mut trainer = Trainer::new(&mut model, Adam::new(0.05))
//!     .epochs(20)
//!     .schedule(Cosine::new(0.05, 80))
//!     .clip_norm(1.0)
//!     .early_stopping(EarlyStopping::new("accuracy").maximize().patience(5));
//! trainer.fit(
//!     &mut batches,
//!     |model, tape, batch| {
//!         Ok(model.try_forward(tape.constant(&batch.inputs))?.cross_entropy(&batch.targets))
//!     },
//!     |model| vec![("accuracy", metrics::accuracy(&model.predict(&x), &y))],
//! )?;
//! assert!(trainer.history().last("accuracy").unwrap() > 0.9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod early_stopping;
mod event;
mod history;
#[cfg(feature = "progress")]
mod progress;
#[cfg(feature = "checkpoint")]
mod saving;
mod trainer;

pub use early_stopping::EarlyStopping;
pub use event::{Event, Outcome, TrainError};
pub use history::History;
#[cfg(feature = "checkpoint")]
pub use saving::Saving;
pub use trainer::Trainer;

#[allow(unused_imports, reason = "for the links above")]
use crate::{data::Batches, optim::Average, optim::Optimizer};
