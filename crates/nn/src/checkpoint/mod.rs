//! Checkpoints: a training run, or a model alone, in one safetensors file.
//!
//! [`Checkpoint`] names the parts of a run: the model (parameters, buffers, and the position of its
//! random numbers), the optimizer, and whatever else has a state
//! ([`Stateful`](crate::Stateful)): a schedule, a loader, a generator, counters. The same list
//! saves and loads. A run that is loaded continues as the one that was saved would have, to the
//! bit.
//!
//! ```
//! use rand::SeedableRng;
//! use rand_pcg::Pcg64;
//! use wengert_autodiff::{Activation, Tensor};
//! use wengert_nn::{Adam, Checkpoint, Sequential, data::Batches};
//!
//! let mut rng = Pcg64::seed_from_u64(1);
//! let mut model = Sequential::builder()
//!     .linear(4, 8, Activation::Relu)
//!     .dropout(0.1)
//!     .linear(8, 2, Activation::Identity)
//!     .build(&mut rng)?;
//! let mut adam = Adam::<f32>::new(1e-3);
//! let mut batches = Batches::new(Tensor::<f32>::ones([6, 4]), [0; 6], 2)?.shuffled(1);
//! let mut step = 0_u64;
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("run.safetensors");
//!
//! let mut run = Checkpoint::new(&mut model)
//!     .optimizer(&mut adam)
//!     .with("batches", &mut batches)
//!     .with("step", &mut step);
//! run.save(&path)?;
//! run.load(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`save_model`] and [`load_model`] do the same with a model alone, whose entries have PyTorch's
//! names and layouts where the modules do: `safetensors.torch.load_file` reads what `save_model`
//! has written, and the reverse. [`LoadOptions`] map names, and load what fits.
//!
//! # The file
//!
//! A [safetensors](https://github.com/huggingface/safetensors) file. The entries of the model have
//! the paths of its parameters and buffers, those of other parts are named `part/entry`. The
//! metadata has one entry, `wengert`: a JSON object of the version of this layout (1) and of what
//! is text.
//!
//! A file is written under another name in the same folder, forced to the disk and then given its
//! name, so that a process or machine that stops at any moment leaves the old file or the new one.
//! A process that is killed may leave the file it was writing, `.NAME.PID-COUNT.tmp`.
//!
//! Files are untrusted: whatever they hold, loading ends in a value or in an error of one sentence
//! that names the file, and the header is limited to 16 MiB, tensors to the sizes of those that are
//! loaded. After an error all parts are as they were.

mod error;
mod model;
mod options;
mod read;
mod run;
mod write;

pub use error::CheckpointError;
pub use model::{load_model, load_model_with, save_model};
pub use options::{LoadOptions, LoadReport, Misfit};
pub use run::Checkpoint;

use std::path::Path;

use crate::state::State;

/// Writes a state to a safetensors file, atomically.
///
/// ```
/// use wengert_nn::{State, checkpoint};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("state.safetensors");
/// let mut state = State::new();
/// state.insert_number("best", 0.98);
/// checkpoint::write(&path, &state)?;
/// assert_eq!(checkpoint::read(&path)?.number("best")?, 0.98);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`CheckpointError`], if the file cannot be written. A file that was there before is unchanged
/// then.
pub fn write(path: impl AsRef<Path>, state: &State) -> Result<(), CheckpointError> {
    write::write(path.as_ref(), state)
}

/// Opens a safetensors file: its tensors are read when they are asked for.
///
/// # Errors
/// [`CheckpointError`], if there is no such file or it is damaged.
pub fn read(path: impl AsRef<Path>) -> Result<State, CheckpointError> {
    read::read(path.as_ref())
}
