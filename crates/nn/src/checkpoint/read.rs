//! Opening a safetensors file.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};

use safetensors::tensor::{Dtype, Metadata};
use serde_json::Value;

use super::CheckpointError;
use crate::state::{ElementType, Entry, State, Stored};

/// The latest version of the layout.
pub(super) const VERSION: u64 = 1;
/// The entry of the metadata with the version and the texts.
pub(super) const METADATA: &str = "wengert";
/// The largest header: enough for 100,000 tensors.
pub(super) const MAX_HEADER: u64 = 16 << 20;
/// The bytes of the header's length.
pub(super) const LENGTH: u64 = 8;

pub(super) fn read(path: &Path) -> Result<State, CheckpointError> {
    let failed = || CheckpointError::io(path, "read");
    // Checked before opening, because opening a pipe waits for a writer.
    let found = fs::metadata(path).map_err(failed())?;
    if !found.is_file() {
        let found = if found.is_dir() { "a directory" } else { "a pipe, a socket or a device" };
        return Err(CheckpointError::NotAFile { path: path.to_path_buf(), found });
    }
    let mut file = File::open(path).map_err(failed())?;
    let len = file.metadata().map_err(failed())?.len();
    let damaged = |message: String| CheckpointError::damaged(path, message);
    if len < LENGTH {
        return Err(damaged(format!(
            "it has {len} bytes, too few for the 8 of the header's length"
        )));
    }
    let mut length = [0; LENGTH as usize];
    file.read_exact(&mut length).map_err(failed())?;
    let header_len = u64::from_le_bytes(length);
    if header_len > MAX_HEADER {
        return Err(damaged(format!(
            "read as the length of the header, its first 8 bytes are {header_len}, above the \
             limit of {MAX_HEADER}; it is probably a file of another format"
        )));
    }
    let data = LENGTH + header_len;
    if data > len {
        return Err(damaged(format!(
            "it is truncated: its first 8 bytes state a header of {header_len} bytes, and {} \
             follow",
            len - LENGTH
        )));
    }
    let mut header = vec![0; header_len as usize];
    file.read_exact(&mut header).map_err(failed())?;
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| damaged(format!("its header cannot be used ({error})")))?;
    let (needed, found) = (header.data_len() as u64, len - data);
    if needed != found {
        let what = if needed > found { "it is truncated" } else { "it has bytes after its data" };
        return Err(damaged(format!(
            "{what}: its header states {needed} bytes of data, and {found} follow"
        )));
    }

    let mut state = State::new();
    let texts = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA));
    for (name, text) in parse(path, texts.map(String::as_str))? {
        state.insert(name, Entry::Text(text));
    }
    let file = Arc::new(Mutex::new(file));
    for (name, info) in header.tensors() {
        let element = match info.dtype {
            Dtype::F64 => ElementType::F64,
            Dtype::F32 => ElementType::F32,
            Dtype::F16 => ElementType::F16,
            Dtype::BF16 => ElementType::Bf16,
            Dtype::U64 => ElementType::U64,
            other => ElementType::Other(format!("{other:?}")),
        };
        let (file, offset) = (Arc::clone(&file), data + info.data_offsets.0 as u64);
        let shape = info.shape.iter().copied().collect();
        state.insert(name, Entry::Stored(Stored { file, offset, shape, element }));
    }
    Ok(state)
}

/// The text entries of the metadata, if its version is known; none for a file of another program.
fn parse(path: &Path, text: Option<&str>) -> Result<Vec<(String, String)>, CheckpointError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let unknown = |what: &str| {
        CheckpointError::damaged(path, format!("its metadata entry {METADATA:?} {what}"))
    };
    let value: Value = serde_json::from_str(text).map_err(|_| unknown("is not JSON"))?;
    let version = value.get("version").and_then(Value::as_u64);
    let found = version.ok_or_else(|| unknown("has no version"))?;
    if found > VERSION {
        return Err(CheckpointError::Version { path: path.to_path_buf(), found, known: VERSION });
    }
    let texts = value.get("texts").and_then(Value::as_object);
    let texts = texts.ok_or_else(|| unknown("has no texts"))?;
    let text = |(name, value): (&String, &Value)| {
        let text =
            value.as_str().ok_or_else(|| unknown("has a text entry that is not a string"))?;
        Ok((name.clone(), text.to_owned()))
    };
    texts.iter().map(text).collect()
}
