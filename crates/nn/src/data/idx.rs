//! The IDX format: an array of unsigned bytes with its shape. `images` interprets the arrays.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::{DataError, FileRole, Origin};

const UNSIGNED_BYTE: u8 = 0x08;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const MAGIC_LEN: usize = 4;

/// An array of unsigned bytes in the IDX format of the MNIST files.
///
/// The format is: two zero bytes, the type of the elements (0x08 for unsigned bytes, the only one
/// read here), the rank; then the dimensions as big-endian 32-bit integers; then the elements,
/// the last dimension varying fastest. (Y. `LeCun`, C. Cortes, C. Burges, "The MNIST database of
/// handwritten digits", 1998, section "File formats".)
///
/// The number of elements is the product of the shape. Rank 0 has one element.
///
/// ```
/// use wengert_nn::data::Idx;
///
/// let labels = Idx::parse(&[0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1])?;
/// assert_eq!(labels.shape(), [3]);
/// assert_eq!(labels.data(), [7, 2, 1]);
///
/// let problem = Idx::parse(&[0, 0, 8, 1, 0, 0, 0, 3, 7, 2]).unwrap_err();
/// assert_eq!(
///     problem.to_string(),
///     "the IDX data is truncated: its header states 3 bytes of data, and 2 follow",
/// );
/// # Ok::<(), wengert_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Idx {
    /// Creates an array of this shape, with its elements in row-major order.
    ///
    /// # Errors
    /// If the number of elements is not the product of the shape, or the shape has more than 255
    /// dimensions or one above 2^32 - 1, which an IDX header cannot express.
    pub fn new(shape: Vec<usize>, data: Vec<u8>) -> Result<Self, DataError> {
        let largest = shape.iter().copied().max().unwrap_or(0);
        if u8::try_from(shape.len()).is_err() || u32::try_from(largest).is_err() {
            return Err(DataError::NotEncodable { rank: shape.len(), largest });
        }
        let Some(needed) = element_count(&shape) else {
            return Err(DataError::TooLarge { origin: Origin::memory("the shape given"), shape });
        };
        if needed != data.len() {
            return Err(DataError::ShapeMismatch { shape, needed, found: data.len() });
        }
        Ok(Self { shape, data })
    }

    /// Decodes an uncompressed IDX file in memory.
    ///
    /// # Errors
    /// If the bytes are not IDX, the elements are not unsigned bytes, or the length is not that of
    /// the header.
    pub fn parse(bytes: &[u8]) -> Result<Self, DataError> {
        let origin = Origin::memory("the IDX data");
        let mut rest = bytes;
        let shape = read_header(&mut rest, &origin)?;
        check_length(rest.len(), element_count(&shape), &shape, &origin)?;
        Ok(Self { shape, data: rest.to_vec() })
    }

    /// Decodes IDX data from a reader, to its end. Gzip compression, also with several members, is
    /// recognized by the first bytes.
    ///
    /// Memory grows with the bytes read, not with the sizes in the header, and at most one byte
    /// more than the header states is decompressed.
    ///
    /// # Errors
    /// Those of [`Idx::parse`], and if the reader fails or the compressed data is damaged.
    pub fn from_reader(reader: impl Read) -> Result<Self, DataError> {
        decode(BufReader::new(reader), &Origin::memory("the IDX data"), None)
    }

    /// Reads an IDX file, plain or gzip-compressed, with any name.
    ///
    /// # Errors
    /// Those of [`Idx::from_reader`], with the name of the file; and if it cannot be opened, or is
    /// not a regular file (a pipe may never end).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::read_as(path.as_ref(), None)
    }

    /// [`read`](Self::read), with a check of the rank against that of `role` before the length of
    /// the data, which depends on the rank.
    pub(super) fn read_as(path: &Path, role: Option<FileRole>) -> Result<Self, DataError> {
        let origin = Origin::file(path);
        let io = |source| DataError::Io { origin: origin.clone(), source };
        // Opening a directory fails obscurely on some systems, and a pipe may never end.
        let kind = fs::metadata(path).map_err(io)?.file_type();
        if kind.is_dir() {
            return Err(DataError::IsDirectory { path: path.to_path_buf() });
        }
        if !kind.is_file() {
            return Err(DataError::NotAFile { path: path.to_path_buf() });
        }
        decode(BufReader::new(File::open(path).map_err(io)?), &origin, role)
    }

    /// Encodes the array as an uncompressed IDX file: the inverse of [`Idx::parse`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC_LEN + 4 * self.shape.len() + self.data.len());
        bytes.extend([0, 0, UNSIGNED_BYTE, self.shape.len() as u8]);
        // All constructors have checked that rank and dimensions fit.
        bytes.extend(self.shape.iter().flat_map(|&dim| (dim as u32).to_be_bytes()));
        bytes.extend_from_slice(&self.data);
        bytes
    }

    /// The dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The shape and the elements, without copying.
    pub fn into_parts(self) -> (Vec<usize>, Vec<u8>) {
        (self.shape, self.data)
    }
}

/// Decodes the plain or compressed bytes of `reader` to their end.
fn decode(
    mut reader: impl BufRead,
    origin: &Origin,
    role: Option<FileRole>,
) -> Result<Idx, DataError> {
    let mut start = [0; GZIP_MAGIC.len()];
    let found = fill(&mut reader, &mut start).map_err(|e| reading_failed(e, origin))?;
    let mut whole = start[..found].chain(reader);
    if start == GZIP_MAGIC {
        read_all(&mut MultiGzDecoder::new(whole), &origin.decompressed(), role)
    } else {
        read_all(&mut whole, origin, role)
    }
}

fn read_all(
    reader: &mut impl Read,
    origin: &Origin,
    role: Option<FileRole>,
) -> Result<Idx, DataError> {
    let shape = read_header(reader, origin)?;
    if let Some(role) = role.filter(|role| role.rank() != shape.len()) {
        return Err(DataError::WrongRank { origin: origin.clone(), role, shape });
    }
    let needed = element_count(&shape);
    let swapped = element_count(&little_endian(&shape));
    let mut data = Vec::new();
    // One byte more than the header states shows whether data follows; at the exact end, the read
    // makes the decompressor verify its checksum. The vector grows with the bytes read. If the
    // stated size is beyond the address space, the data is read only to find out whether the
    // dimensions are little-endian.
    let most = needed.or(swapped).unwrap_or(0);
    let limit = (most as u64).saturating_add(1);
    reader.take(limit).read_to_end(&mut data).map_err(|e| reading_failed(e, origin))?;
    check_length(data.len(), needed, &shape, origin)?;
    data.shrink_to_fit();
    Ok(Idx { shape, data })
}

/// The dimensions of a header whose integers are in the other order.
fn little_endian(shape: &[usize]) -> Vec<usize> {
    // A dimension of a header fits 32 bits.
    shape.iter().map(|&dim| (dim as u32).swap_bytes() as usize).collect()
}

/// Reads the header and returns the dimensions.
fn read_header(reader: &mut impl Read, origin: &Origin) -> Result<Vec<usize>, DataError> {
    let mut magic = [0; MAGIC_LEN];
    let found = fill(reader, &mut magic).map_err(|e| reading_failed(e, origin))?;
    let start = &magic[..found];
    if start.is_empty() {
        return Err(DataError::Empty { origin: origin.clone() });
    }
    if start.iter().take(2).any(|&byte| byte != 0) {
        return Err(DataError::NotIdx { origin: origin.clone(), found: start.to_vec() });
    }
    if let Some(&code) = start.get(2).filter(|&&code| code != UNSIGNED_BYTE) {
        return Err(DataError::UnsupportedType { origin: origin.clone(), code });
    }
    let truncated =
        |needed, found| Err(DataError::TruncatedHeader { origin: origin.clone(), needed, found });
    if found < MAGIC_LEN {
        return truncated(MAGIC_LEN, found);
    }

    let mut dimensions = [0; 4 * u8::MAX as usize];
    let dimensions = &mut dimensions[..4 * usize::from(magic[3])];
    let found = fill(reader, dimensions).map_err(|e| reading_failed(e, origin))?;
    if found < dimensions.len() {
        return truncated(MAGIC_LEN + dimensions.len(), MAGIC_LEN + found);
    }
    let (dimensions, _) = dimensions.as_chunks::<4>();
    Ok(dimensions.iter().map(|&d| u32::from_be_bytes(d) as usize).collect())
}

/// The product of the shape; `None` if the dimensions other than zero multiply to more than a
/// `usize`, so that no partial product of an accepted shape overflows either.
fn element_count(shape: &[usize]) -> Option<usize> {
    let nonzero = shape.iter().filter(|&&dim| dim != 0);
    let product = nonzero.clone().try_fold(1_usize, |product, &dim| product.checked_mul(dim))?;
    Some(if nonzero.count() == shape.len() { product } else { 0 })
}

/// Compares the number of bytes with the product of the shape, which is `None` if it overflows.
fn check_length(
    found: usize,
    needed: Option<usize>,
    shape: &[usize],
    origin: &Origin,
) -> Result<(), DataError> {
    let (origin, shape) = (origin.clone(), shape.to_vec());
    let missing = needed.is_none_or(|needed| found < needed);
    if missing && found > 0 {
        let swapped = little_endian(&shape);
        if element_count(&swapped) == Some(found) {
            return Err(DataError::LittleEndian { origin, shape: swapped });
        }
    }
    let Some(needed) = needed else { return Err(DataError::TooLarge { origin, shape }) };
    match found.cmp(&needed) {
        std::cmp::Ordering::Less => Err(DataError::Truncated { origin, shape, needed, found }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(DataError::TrailingBytes { origin, shape, needed }),
    }
}

/// Reads until `buffer` is full or the reader ends, and returns the number of bytes read.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The error of a read: damaged compressed data, or a failure of the reader.
fn reading_failed(source: io::Error, origin: &Origin) -> DataError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let damaged = matches!(source.kind(), InvalidData | InvalidInput | UnexpectedEof);
    let stored = origin.compressed();
    if origin.is_decompressed() && damaged {
        DataError::CorruptGzip { origin: stored, source }
    } else {
        DataError::Io { origin: stored, source }
    }
}

#[cfg(test)]
mod tests;
