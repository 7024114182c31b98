//! `NumPy`'s `.npy` files: one array, with its type and shape.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use wengert_autodiff::{Element, Shape, Tensor};

/// Why a `.npy` or `.npz` file cannot be read. `Display` is one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The operating system refuses to read or write the file.
    #[error("`{}` cannot be read or written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file that is not of the format, or one that is damaged.
    #[error("`{}` is not a readable file of arrays: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        message: String,
    },
}

/// The bytes with which every file begins.
const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read. `NumPy`'s own are below 200 bytes.
const MAX_HEADER: usize = 1 << 16;

/// Reads an array of floating-point numbers, integers or booleans, in either byte order and in
/// row-major (C) or column-major (Fortran) order. Numbers are rounded to the nearest of the element
/// type.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::{read_npy, write_npy};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("array.npy");
/// let array = Tensor::<f32>::from_fn([2, 3], |i| (10 * i[0] + i[1]) as f32);
/// write_npy(&path, &array)?;
/// assert_eq!(read_npy::<f32>(&path)?, array);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`NpyError`], also if the elements are not numbers. No memory is allocated for a size that only
/// a header claims.
pub fn read_npy<E: Element>(path: impl AsRef<Path>) -> Result<Tensor<E>, NpyError> {
    let path = path.as_ref();
    let (file, len) = regular_file(path)?;
    parse(BufReader::new(file), len, true).map_err(|problem| match problem {
        Problem::Io(source) => NpyError::Io { path: path.to_path_buf(), source },
        Problem::Content(message) => NpyError::Damaged { path: path.to_path_buf(), message },
    })
}

/// Opens a file that is neither a directory nor a pipe, a socket or a device; returns its size too.
pub(super) fn regular_file(path: &Path) -> Result<(File, u64), NpyError> {
    let failed = |source: io::Error| NpyError::Io { path: path.to_path_buf(), source };
    let found = std::fs::metadata(path).map_err(failed)?;
    if !found.is_file() {
        let what = if found.is_dir() { "a directory" } else { "a pipe, a socket or a device" };
        let (path, message) = (path.to_path_buf(), format!("it is {what}"));
        return Err(NpyError::Damaged { path, message });
    }
    let file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    Ok((file, len))
}

/// Writes an array as `f4` or `f8`, depending on its element type.
///
/// # Errors
/// [`NpyError`], if the file cannot be written.
pub fn write_npy<E: Element>(path: impl AsRef<Path>, array: &Tensor<E>) -> Result<(), NpyError> {
    let path = path.as_ref();
    let write = || {
        let mut out = BufWriter::new(File::create(path)?);
        encode(&mut out, array)?;
        out.flush()
    };
    write().map_err(|source| NpyError::Io { path: path.to_path_buf(), source })
}

/// Writes the header and the elements of an array.
pub(super) fn encode<E: Element>(out: &mut impl Write, array: &Tensor<E>) -> io::Result<()> {
    let single = size_of::<E>() == 4;
    let sizes: Vec<String> = array.shape().iter().map(|size| format!("{size},")).collect();
    let (width, sizes) = (size_of::<E>(), sizes.join(" "));
    let mut header =
        format!("{{'descr': '<f{width}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // The data is aligned to 64 bytes.
    let before = MAGIC.len() + 4;
    let padded = (before + header.len() + 1).next_multiple_of(64) - before - 1;
    header = format!("{header:padded$}\n");
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for x in array {
        let x = x.to_f64();
        if single {
            out.write_all(&(x as f32).to_le_bytes())?;
        } else {
            out.write_all(&x.to_le_bytes())?;
        }
    }
    Ok(())
}

pub(super) enum Problem {
    Io(io::Error),
    Content(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Io(error)
    }
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Problem::Content(message)
    }
}

/// Reads an array from `len` bytes. Unless the length is `certain`, memory is allocated as the
/// elements arrive.
pub(super) fn parse<E: Element>(
    mut reader: impl Read,
    len: u64,
    certain: bool,
) -> Result<Tensor<E>, Problem> {
    let mut start = [0; 8];
    if len < 8 {
        return Err(format!("it has {len} bytes, too few for the 8 that state the format").into());
    }
    reader.read_exact(&mut start)?;
    if !start.starts_with(MAGIC) {
        return Err("it does not begin with the bytes 93 NUMPY".to_owned().into());
    }
    let wide = start[6] >= 2;
    let mut length = [0; 4];
    let length_bytes = if wide { 4 } else { 2 };
    let short = || "it ends inside its header".to_owned();
    if len < 8 + length_bytes as u64 {
        return Err(short().into());
    }
    reader.read_exact(&mut length[..length_bytes])?;
    let header_len = u32::from_le_bytes(length) as usize;
    let before = 8 + length_bytes as u64 + header_len as u64;
    if header_len > MAX_HEADER {
        return Err(
            format!("its header has {header_len} bytes, above the limit of {MAX_HEADER}").into()
        );
    }
    if before > len {
        return Err(short().into());
    }
    let mut header = vec![0; header_len];
    reader.read_exact(&mut header)?;
    let header = Header::parse(&String::from_utf8_lossy(&header))?;

    let count = header.shape.iter().try_fold(1_u64, |count, &size| count.checked_mul(size as u64));
    let needed = count.and_then(|count| count.checked_mul(header.width as u64));
    let (found, shape) = (len - before, Shape::from(&header.shape[..]));
    if needed != Some(found) {
        return Err(format!(
            "its header states an array of shape {shape} and type {:?}, and {found} bytes follow",
            header.descr
        )
        .into());
    }
    let count = (found / header.width.max(1) as u64) as usize;
    let elements = header.elements(reader, count, certain)?;
    let made = |shape: Shape| Tensor::from_vec(elements, shape).map_err(|error| error.to_string());
    if !header.fortran {
        return Ok(made(shape)?);
    }
    // The elements are in column-major order, which is the row-major order of the transpose.
    let reversed: Shape = header.shape.iter().rev().copied().collect();
    let order: Vec<isize> = (0..header.shape.len() as isize).rev().collect();
    let rows = made(reversed)?.try_permute(&order).and_then(|columns| columns.try_contiguous());
    Ok(rows.map_err(|error| error.to_string())?)
}

/// The content of the header.
struct Header {
    descr: String,
    kind: u8,
    /// The bytes of an element.
    width: usize,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Parses the text of a Python dictionary, as `NumPy` writes it.
    fn parse(text: &str) -> Result<Self, String> {
        let missing = |key: &str| format!("its header has no {key:?}: {:?}", shorten(text));
        let after = |key: &str| {
            let found = text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
            found.ok_or_else(|| missing(key))
        };
        let quoted = after("descr")?.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        let (descr, _) = quoted
            .ok_or_else(|| "its type is a record, where one of numbers was expected".to_owned())?;
        let order = after("fortran_order")?;
        let fortran = order.starts_with("True");
        if !fortran && !order.starts_with("False") {
            return Err(missing("fortran_order"));
        }
        let sizes = after("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let (sizes, _) = sizes.ok_or_else(|| missing("shape"))?;
        let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
        let shape = sizes.map(|size| size.parse().map_err(|_| missing("shape")));
        let shape: Vec<usize> = shape.collect::<Result<_, _>>()?;
        let unknown = || {
            format!(
                "its type is {descr:?}, where f2, f4, f8, i1 to i8, u1 to u8 or b1 was expected"
            )
        };
        let bytes = descr.as_bytes();
        let (&order, kind) = (bytes.first().ok_or_else(unknown)?, bytes.get(1).copied());
        let kind = kind.ok_or_else(unknown)?;
        let width = descr.get(2..).and_then(|width| width.parse().ok()).ok_or_else(unknown)?;
        let known = match kind {
            b'f' => [2, 4, 8].contains(&width),
            b'i' | b'u' => [1, 2, 4, 8].contains(&width),
            b'b' => width == 1,
            _ => false,
        };
        if !known || !b"<>|=".contains(&order) {
            return Err(unknown());
        }
        let (descr, big_endian) = (descr.to_owned(), order == b'>');
        Ok(Self { descr, kind, width, big_endian, fortran, shape })
    }

    /// The elements, piece by piece.
    fn elements<E: Element>(
        &self,
        mut reader: impl Read,
        count: usize,
        certain: bool,
    ) -> Result<Vec<E>, Problem> {
        const PIECE: usize = 1 << 13;
        let mut elements = Vec::new();
        let bytes = count.saturating_mul(size_of::<E>());
        let full = |_| format!("it needs {bytes} bytes, more than there is memory for");
        if certain {
            elements.try_reserve_exact(count).map_err(full)?;
        }
        let mut piece = vec![0; self.width * PIECE.min(count)];
        while elements.len() < count {
            let piece = &mut piece[..self.width * PIECE.min(count - elements.len())];
            reader.read_exact(piece)?;
            elements.try_reserve(piece.len() / self.width).map_err(full)?;
            elements.extend(piece.chunks_exact(self.width).map(|x| E::from_f64(self.number(x))));
        }
        Ok(elements)
    }

    fn number(&self, bytes: &[u8]) -> f64 {
        // In little-endian order, the sign of an integer extended.
        let mut low = [0; 8];
        low[..bytes.len()].copy_from_slice(bytes);
        if self.big_endian {
            low[..bytes.len()].reverse();
        }
        let unsigned = u64::from_le_bytes(low);
        let spare = 64 - 8 * bytes.len() as u32;
        match (self.kind, bytes.len()) {
            (b'f', 2) => f64::from(crate::state::half([low[0], low[1]])),
            (b'f', 4) => f64::from(f32::from_bits(unsigned as u32)),
            (b'f', _) => f64::from_bits(unsigned),
            (b'i', _) => ((unsigned << spare) as i64 >> spare) as f64,
            _ => unsigned as f64,
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    fn read(bytes: &[u8]) -> Result<Tensor<f64>, String> {
        parse(bytes, bytes.len() as u64, true).map_err(|problem| match problem {
            Problem::Io(error) => format!("io: {error}"),
            Problem::Content(message) => message,
        })
    }

    fn header(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
    }

    #[test]
    fn numbers_of_every_type_have_their_values() {
        let one = |descr: &str, bytes: &[u8]| {
            read(&file(&header(descr, "False", "(1,)"), bytes)).unwrap().item()
        };
        assert_eq!(one("<f8", &0.1_f64.to_le_bytes()), 0.1);
        assert_eq!(one(">f8", &0.1_f64.to_be_bytes()), 0.1);
        assert_eq!(one("<f4", &0.5_f32.to_le_bytes()), 0.5);
        assert_eq!(one("<f2", &[0, 0xc0]), -2.0);
        assert_eq!(one(">f2", &[0xc0, 0]), -2.0);
        assert_eq!(one("|i1", &[0xff]), -1.0);
        assert_eq!(one("<i2", &(-300_i16).to_le_bytes()), -300.0);
        assert_eq!(one(">i4", &(-70_000_i32).to_be_bytes()), -70_000.0);
        assert_eq!(one("<i8", &i64::MIN.to_le_bytes()), i64::MIN as f64);
        assert_eq!(one("|u1", &[0xff]), 255.0);
        assert_eq!(one("<u8", &u64::MAX.to_le_bytes()), u64::MAX as f64);
        assert_eq!(one("|b1", &[1]), 1.0);
    }

    #[test]
    fn shapes_and_orders_are_those_of_the_file() {
        let data: Vec<u8> = (0..6).collect();
        let rows = read(&file(&header("|u1", "False", "(2, 3)"), &data)).unwrap();
        assert_eq!(
            (rows.shape().dims(), rows.to_vec()),
            (&[2, 3][..], vec![0., 1., 2., 3., 4., 5.])
        );
        let columns = read(&file(&header("|u1", "True", "(2, 3)"), &data)).unwrap();
        assert_eq!(columns.to_vec(), [0., 2., 4., 1., 3., 5.]);
        assert_eq!(read(&file(&header("|u1", "False", "()"), &[7])).unwrap().item(), 7.0);
        assert!(read(&file(&header("<f8", "False", "(0, 3)"), &[])).unwrap().is_empty());
        // Version 2 has a longer length.
        let text = header("|u1", "False", "(1,)");
        let length = (text.len() as u32).to_le_bytes();
        let wide = [MAGIC, &[2, 0], &length, text.as_bytes(), &[9]].concat();
        assert_eq!(read(&wide).unwrap().item(), 9.0);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let good = header("<f4", "False", "(2,)");
        for (bytes, text) in [
            (vec![], "it has 0 bytes"),
            (b"PK\x03\x04 and more".to_vec(), "does not begin with the bytes 93 NUMPY"),
            (MAGIC.iter().copied().chain([1, 0]).collect(), "it ends inside its header"),
            (file(&good, &[0; 8])[..40].to_vec(), "it ends inside its header"),
            (file(&good, &[0; 7]), "shape [2] and type \"<f4\", and 7 bytes follow"),
            (file(&good, &[0; 9]), "and 9 bytes follow"),
            (file(&header("<f4", "False", "(4294967296, 4294967296, 4)"), &[]), "and 0 bytes"),
            (file(&header("<c8", "False", "(1,)"), &[0; 8]), "its type is \"<c8\""),
            (file(&header("<U3", "False", "(1,)"), &[0; 12]), "its type is \"<U3\""),
            (file(&header("|O", "False", "(1,)"), &[0; 8]), "its type is \"|O\""),
            (file(&header("<f3", "False", "(1,)"), &[0; 3]), "its type is \"<f3\""),
            (file(&header("", "False", "(1,)"), &[]), "its type is \"\""),
            (file(&header("<f4", "No", "(1,)"), &[0; 4]), "no \"fortran_order\""),
            (file(&header("<f4", "False", "(-1,)"), &[0; 4]), "no \"shape\""),
            (
                file("{'descr': [('a', '<f4')], 'fortran_order': False}", &[]),
                "its type is a record",
            ),
            (file("", &[]), "its header has no \"descr\""),
            ([MAGIC, &[3, 0], &[0xff; 4]].concat(), "its header has 4294967295 bytes"),
        ] {
            let error = read(&bytes).unwrap_err();
            assert!(error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("array.npy");
        for shape in [&[][..], &[5], &[2, 0, 3], &[3, 4, 2]] {
            let array = Tensor::<f64>::from_fn(shape, |i| i.iter().sum::<usize>() as f64 / 3.0);
            write_npy(&path, &array).unwrap();
            assert_eq!(read_npy::<f64>(&path).unwrap(), array);
            let single = array.cast::<f32>();
            write_npy(&path, &single).unwrap();
            assert_eq!(read_npy::<f32>(&path).unwrap(), single);
        }
        let error = read_npy::<f32>(folder.path()).unwrap_err().to_string();
        assert!(error.contains("it is a directory"), "{error}");
        let error = read_npy::<f32>(folder.path().join("none.npy")).unwrap_err().to_string();
        assert!(error.contains("none.npy` cannot be read"), "{error}");
    }
}
