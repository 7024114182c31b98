//! The data readers as a user meets them: files on disk, and arbitrary bytes.

mod augment;
mod files;
#[cfg(feature = "npz")]
mod npz;
mod properties;
mod sequences;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A valid IDX file.
fn idx_file(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes.extend_from_slice(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
