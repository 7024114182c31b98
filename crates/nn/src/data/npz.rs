//! `NumPy`'s `.npz` files: several arrays by name, each a `.npy` file in a zip archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use wengert_autodiff::{Element, Tensor};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::NpyError;
use super::npy::{Problem, encode, parse, regular_file};

/// The largest size in bytes of a compressed array, unless [`Npz::max_bytes`] changes it.
const MAX_BYTES: u64 = 1 << 32;

/// An open `.npz` file, as `numpy.savez` and `numpy.savez_compressed` write it.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::{Npz, write_npz};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("arrays.npz");
/// let (x, y) = (Tensor::<f32>::ones([2, 3]), Tensor::<f32>::zeros([2]));
/// write_npz(&path, [("x", &x), ("y", &y)])?;
/// let mut file = Npz::open(&path)?;
/// assert_eq!(file.names(), ["x", "y"]);
/// assert_eq!(file.read::<f32>("x")?, x);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    max_bytes: u64,
}

impl Npz {
    /// Opens a file and reads its table of contents.
    ///
    /// # Errors
    /// [`NpyError`], if the file cannot be read or is not a zip archive.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NpyError> {
        let path = path.as_ref();
        let (file, _) = regular_file(path)?;
        let archive = ZipArchive::new(BufReader::new(file));
        let archive = archive.map_err(|error| wrong(path, "the archive", error))?;
        Ok(Self { path: path.to_path_buf(), archive, max_bytes: MAX_BYTES })
    }

    /// Sets the largest size in bytes of a compressed array that is read; 4 GiB by default. A small
    /// damaged or malicious file can hold a large compressed array. Arrays that are not compressed
    /// are at most as large as the file, and are not limited.
    pub fn max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// The names of the arrays, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .archive
            .file_names()
            .filter_map(Result::ok)
            .map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_owned())
            .collect();
        names.sort();
        names
    }

    /// Reads an array; see [`read_npy`](super::read_npy) for the types of elements.
    ///
    /// # Errors
    /// [`NpyError`], if there is no such array, it is damaged, or its elements are not numbers. The
    /// memory that is allocated is at most in proportion to the elements that are really there.
    pub fn read<E: Element>(&mut self, name: &str) -> Result<Tensor<E>, NpyError> {
        let inside = |message: String| NpyError::Damaged {
            path: self.path.clone(),
            message: format!("in the array {name:?} {message}"),
        };
        let full = format!("{name}.npy");
        let place =
            self.archive.index_for_name(&full).or_else(|| self.archive.index_for_name(name));
        let Some(place) = place else {
            let (path, names) = (self.path.clone(), self.names());
            let message = format!("it has no array {name:?}, but {names:?}");
            return Err(NpyError::Damaged { path, message });
        };
        let path = &self.path;
        let mut entry = self.archive.by_index(place).map_err(|error| wrong(path, name, error))?;
        let (size, stored) = (entry.size(), entry.compression() == CompressionMethod::Stored);
        if !stored && size > self.max_bytes {
            let most = self.max_bytes;
            return Err(inside(format!("{size} bytes are compressed, above the limit of {most}")));
        }
        let array = parse(&mut entry, size, false).and_then(|array| {
            // The checksum is compared at the end of the entry.
            let more = entry.read(&mut [0])?;
            if more > 0 {
                return Err(format!("there are more than the stated {size} bytes").into());
            }
            Ok(array)
        });
        array.map_err(|problem| match problem {
            Problem::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    inside(format!("there are fewer than the stated {size} bytes"))
                }
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                    inside(format!("the data is damaged ({error})"))
                }
                _ => NpyError::Io { path: path.clone(), source: error },
            },
            Problem::Content(message) => inside(format!("there is a fault: {message}")),
        })
    }
}

/// Reads all arrays of a `.npz` file by their names: see [`Npz`] for single arrays.
///
/// # Errors
/// Those of [`Npz::open`] and [`Npz::read`].
pub fn read_npz<E: Element>(
    path: impl AsRef<Path>,
) -> Result<BTreeMap<String, Tensor<E>>, NpyError> {
    let mut file = Npz::open(path)?;
    let names = file.names();
    names.into_iter().map(|name| file.read(&name).map(|array| (name, array))).collect()
}

/// Writes arrays by name, as `numpy.savez` does. Names may not repeat.
///
/// # Errors
/// [`NpyError`], if the file cannot be written, or two arrays have the same name.
pub fn write_npz<'a, E: Element>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (&'a str, &'a Tensor<E>)>,
) -> Result<(), NpyError> {
    write(path.as_ref(), arrays, CompressionMethod::Stored)
}

/// Writes compressed arrays by name, as `numpy.savez_compressed` does. Names may not repeat.
///
/// # Errors
/// [`NpyError`], if the file cannot be written, or two arrays have the same name.
pub fn write_npz_compressed<'a, E: Element>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (&'a str, &'a Tensor<E>)>,
) -> Result<(), NpyError> {
    write(path.as_ref(), arrays, CompressionMethod::Deflated)
}

fn write<'a, E: Element>(
    path: &Path,
    arrays: impl IntoIterator<Item = (&'a str, &'a Tensor<E>)>,
    method: CompressionMethod,
) -> Result<(), NpyError> {
    let write = || -> io::Result<()> {
        let mut archive = ZipWriter::new(BufWriter::new(File::create(path)?));
        for (name, array) in arrays {
            let bytes = array.len().saturating_mul(size_of::<E>()) as u64;
            let options = SimpleFileOptions::default()
                .compression_method(method)
                // Twice the size is enough for an array that compression enlarges.
                .large_file(bytes >= u64::from(u32::MAX) / 2);
            archive.start_file(format!("{name}.npy"), options)?;
            encode(&mut archive, array)?;
        }
        archive.finish()?.flush()
    };
    write().map_err(|source| NpyError::Io { path: path.to_path_buf(), source })
}

/// The error of a part of the archive that cannot be read.
fn wrong(path: &Path, part: &str, error: ZipError) -> NpyError {
    let path = path.to_path_buf();
    match error {
        ZipError::Io(source)
            if source.kind() != io::ErrorKind::UnexpectedEof
                && source.kind() != io::ErrorKind::InvalidData =>
        {
            NpyError::Io { path, source }
        }
        error => NpyError::Damaged { path, message: format!("{part} cannot be read ({error})") },
    }
}
