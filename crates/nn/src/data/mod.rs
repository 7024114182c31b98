//! Data from files: the IDX format of the MNIST family, plain or gzip-compressed, and image sets
//! made of an images file and a labels file.
//!
//! What belongs here reads and checks files and hands out bytes; it knows no tensor. Files are
//! untrusted: whatever they hold, reading them ends in a value or in a [`DataError`] whose text is
//! one sentence that names the file, what is wrong with it and what would be right, and no memory
//! is set aside for a size that only a header claims.
//!
//! ```no_run
//! use wengert_nn::data::{ImageSet, Split};
//!
//! let train = ImageSet::from_directory("mnist", Split::Train)?;
//! assert_eq!((train.height(), train.width()), (28, 28));
//! let pixels: Vec<f32> = train.scaled_pixels(); // 60,000 x 784, each in 0..=1
//! # Ok::<(), wengert_nn::data::DataError>(())
//! ```

mod error;
mod idx;
mod images;

pub use error::{DataError, Origin, Role};
pub use idx::Idx;
pub use images::{ImageSet, Split};
