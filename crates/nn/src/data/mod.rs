//! Data: mini-batches ([`Batches`]), splits for training and testing ([`stratified_split`],
//! [`k_fold`]), features on a common scale ([`Scaler`]), batches computed ahead of their use
//! ([`prefetch`]), sequences padded to one length ([`Sequences`]), examples that a closure computes
//! ([`Computed`]), random changes of images ([`Augment`]), and readers of files: the arrays of
//! `NumPy` ([`read_npy`], and with the feature `npz` several in one file), with the feature `data`
//! the IDX format of the MNIST family, plain or gzip-compressed, and with the feature `csv` tables.
//!
//! The readers check files and return bytes, not tensors. Files are untrusted: for any content,
//! reading returns a value or a `DataError` whose text is one sentence with the file, the fault and
//! the expected content, and no memory is allocated for a size that only a header claims.
//!
#![cfg_attr(
    feature = "data",
    doc = r#"
```no_run
use wengert_nn::data::{ImageSet, Split};

let train = ImageSet::from_directory("mnist", Split::Train)?;
assert_eq!((train.height(), train.width()), (28, 28));
let pixels: Vec<f32> = train.scaled_pixels(); // 60,000 x 784, each in 0..=1
# Ok::<(), wengert_nn::data::DataError>(())
```
"#
)]

mod augment;
#[cfg(feature = "data")]
mod error;
#[cfg(feature = "data")]
mod idx;
#[cfg(feature = "data")]
mod images;
mod loader;
mod npy;
#[cfg(feature = "npz")]
mod npz;
mod prefetch;
mod rows;
mod sampling;
mod scale;
mod sequences;
mod split;
#[cfg(feature = "csv")]
mod table;
#[cfg(feature = "csv")]
mod table_error;

pub use augment::Augment;
#[cfg(feature = "data")]
pub use error::{DataError, FileRole, Origin};
#[cfg(feature = "data")]
pub use idx::Idx;
#[cfg(feature = "data")]
pub use images::{ImageSet, Split};
pub use loader::{Batch, Batches, BatchesError, Epoch};
pub use npy::{NpyError, read_npy, write_npy};
#[cfg(feature = "npz")]
pub use npz::{Npz, read_npz, write_npz, write_npz_compressed};
pub use prefetch::{Prefetch, prefetch};
pub use rows::{IntoRows, Labels, Rows};
pub use scale::Scaler;
pub use sequences::{Computed, Padded, Sequences, pad_sequences, pad_tokens};
pub use split::{k_fold, pick, stratified_k_fold, stratified_split, train_test_split};
#[cfg(feature = "csv")]
pub use table::{CsvReader, Table};
#[cfg(feature = "csv")]
pub use table_error::TableError;
