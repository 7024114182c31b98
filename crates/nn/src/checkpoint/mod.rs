//! Checkpoints: a training run, or a model alone, in one safetensors file.
//!
//! [`Checkpoint`] names the parts of a run: the model (parameters, buffers, and the position of its
//! random numbers), the optimizer, and any other object with a state
//! ([`Stateful`](crate::Stateful)): a schedule, a loader, a generator, counters. The same list
//! saves and loads. A loaded run continues exactly, bit for bit, as the saved run would have
//! continued.
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
//! [`save_model`] and [`load_model`] save and load only a model. Its entries have PyTorch's names
//! and layouts where the modules have them: `safetensors.torch.load_file` reads what `save_model`
//! has written, and the reverse. [`LoadOptions`] map the names of entries, or load only the entries
//! that fit.
//!
//! # The file
//!
//! A [safetensors](https://github.com/huggingface/safetensors) file. The entries of the model are
//! named by the paths of its parameters and buffers, the entries of other parts are named
//! `part/entry`. The metadata has one entry, `wengert`: a JSON object with the version of this
//! layout (1) and the text entries.
//!
//! A file is first written under another name in the same folder, forced to the disk and then
//! renamed, so that a process or machine that stops at any moment leaves either the old file or the
//! new one. A process that is killed may leave its temporary file, `.NAME.PID-COUNT.tmp`.
//!
//! Files are untrusted: whatever their content, loading returns a value or an error of one sentence
//! that names the file. The header is limited to 16 MiB, and each tensor to the size of the
//! parameter or state that it is loaded into. After an error all parts are unchanged.

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
/// [`CheckpointError`], if the file cannot be written. An existing file is then unchanged.
pub fn write(path: impl AsRef<Path>, state: &State) -> Result<(), CheckpointError> {
    write::write(path.as_ref(), state)
}

/// Opens a safetensors file. A tensor is read when it is requested from the [`State`].
///
/// # Errors
/// [`CheckpointError`], if there is no such file or it is damaged.
pub fn read(path: impl AsRef<Path>) -> Result<State, CheckpointError> {
    read::read(path.as_ref())
}
