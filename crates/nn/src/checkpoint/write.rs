//! Writing a safetensors file so that the old file or the new one exists at any moment.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde_json::{Map, Value, json};
use wengert_autodiff::{Element, Tensor};

use super::CheckpointError;
use super::read::{LENGTH, MAX_HEADER, METADATA, VERSION};
use crate::state::{ElementType, Entry, State, StateError};

/// An entry's elements, and their size in bytes.
struct Elements<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: Vec<usize>,
    source: Source<'a>,
}

enum Source<'a> {
    F64(Tensor<f64>),
    F32(Tensor<f32>),
    U64(Cow<'a, [u64]>),
}

pub(super) fn write(path: &Path, state: &State) -> Result<(), CheckpointError> {
    let (elements, texts) = entries(path, state)?;
    let header = header(path, &elements, &texts)?;
    replace(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        elements.iter().try_for_each(|elements| elements.source.write(out))
    })
    .map_err(CheckpointError::io(path, "written"))
}

/// The tensor of the entry `name` with its elements in row-major order.
pub(super) fn contiguous<E: Element>(
    path: &Path,
    name: &str,
    tensor: &Tensor<E>,
) -> Result<Tensor<E>, CheckpointError> {
    tensor.try_contiguous().map_err(|_| {
        let bytes = tensor.len().saturating_mul(size_of::<E>());
        CheckpointError::state(path)(StateError::Memory { name: name.to_owned(), bytes })
    })
}

/// The tensors, those with the largest elements first as the format requires, and the texts.
fn entries<'a>(
    path: &Path,
    state: &'a State,
) -> Result<(Vec<Elements<'a>>, Map<String, Value>), CheckpointError> {
    let (mut all, mut texts) = (Vec::new(), Map::new());
    for (name, entry) in state.entries() {
        let shape = entry.shape().unwrap_or_default();
        let (dtype, source) = match entry {
            Entry::F64(tensor) => (Dtype::F64, Source::F64(contiguous(path, name, tensor)?)),
            Entry::F32(tensor) => (Dtype::F32, Source::F32(contiguous(path, name, tensor)?)),
            Entry::Integers(integers) => (Dtype::U64, Source::U64(Cow::Borrowed(integers))),
            Entry::Text(text) => {
                texts.insert(name.to_owned(), Value::from(text.as_str()));
                continue;
            }
            Entry::Stored(stored) => {
                let (shape, failed) = (&stored.shape, CheckpointError::state(path));
                match stored.element {
                    ElementType::U64 => {
                        let integers = state.integers(name, shape.numel()).map_err(failed)?;
                        (Dtype::U64, Source::U64(Cow::Owned(integers)))
                    }
                    ElementType::F64 => {
                        let tensor = entry.read_tensor(name, shape).map_err(failed)?;
                        (Dtype::F64, Source::F64(tensor))
                    }
                    _ => {
                        let tensor = entry.read_tensor(name, shape).map_err(failed)?;
                        (Dtype::F32, Source::F32(tensor))
                    }
                }
            }
        };
        all.push(Elements { name, dtype, shape: shape.to_vec(), source });
    }
    all.sort_by(|a, b| b.dtype.cmp(&a.dtype).then(a.name.cmp(b.name)));
    Ok((all, texts))
}

/// The header, padded so that the data is aligned.
fn header(
    path: &Path,
    elements: &[Elements<'_>],
    texts: &Map<String, Value>,
) -> Result<Vec<u8>, CheckpointError> {
    let mut offset = 0;
    let mut infos = Vec::with_capacity(elements.len());
    for Elements { name, dtype, shape, .. } in elements {
        let end = offset + shape.iter().product::<usize>() * (dtype.bitsize() / 8);
        let (shape, data_offsets) = (shape.clone(), (offset, end));
        infos.push(((*name).to_owned(), TensorInfo { dtype: *dtype, shape, data_offsets }));
        offset = end;
    }
    let unable = |message: String| {
        CheckpointError::io(path, "written")(io::Error::new(ErrorKind::InvalidInput, message))
    };
    let own = json!({ "version": VERSION, "texts": texts }).to_string();
    let metadata = [(METADATA.to_owned(), own)].into_iter().collect();
    let metadata =
        Metadata::new(Some(metadata), infos).map_err(|error| unable(error.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|error| unable(error.to_string()))?;
    header.resize(header.len().next_multiple_of(LENGTH as usize), b' ');
    if header.len() as u64 > MAX_HEADER {
        let (bytes, count) = (header.len(), elements.len());
        return Err(unable(format!(
            "{count} tensors need a header of {bytes} bytes, and at most {MAX_HEADER} are read"
        )));
    }
    Ok(header)
}

impl Source<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Source::F64(tensor) => {
                put(out, tensor.as_slice().unwrap_or_default(), f64::to_le_bytes)
            }
            Source::F32(tensor) => {
                put(out, tensor.as_slice().unwrap_or_default(), f32::to_le_bytes)
            }
            Source::U64(integers) => put(out, integers, u64::to_le_bytes),
        }
    }
}

/// Writes the bytes of all elements, piece by piece.
fn put<T: Copy, const BYTES: usize>(
    out: &mut impl Write,
    elements: &[T],
    bytes: impl Fn(T) -> [u8; BYTES],
) -> io::Result<()> {
    let mut piece = Vec::with_capacity(BYTES << 13);
    for elements in elements.chunks(1 << 13) {
        piece.clear();
        piece.extend(elements.iter().flat_map(|&x| bytes(x)));
        out.write_all(&piece)?;
    }
    Ok(())
}

/// Replaces a file by what `content` writes. The old file stays until the new one is on the disk.
pub(crate) fn replace(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory"));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = Temporary::new(folder, path)?;
    let mut out = BufWriter::new(&temporary.file);
    content(&mut out)?;
    out.flush()?;
    drop(out);
    temporary.file.sync_all()?;
    fs::rename(&temporary.path, path)?;
    // The new name is on the disk once the folder is. Not every system opens folders as files.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// A new file next to another one. It is removed when dropped, unless it was renamed.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn new(folder: &Path, beside: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = beside.file_name().ok_or_else(|| {
            io::Error::new(ErrorKind::InvalidInput, "the path does not end in a file's name")
        })?;
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let mut temporary = OsString::from(".");
            temporary.push(name);
            temporary.push(format!(".{}-{count}.tmp", std::process::id()));
            let path = folder.join(temporary);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // Left by a process with the same id that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a success the temporary name no longer exists.
        let _ = fs::remove_file(&self.path);
    }
}
