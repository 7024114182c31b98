//! [`DataError`]: errors of data files. The checks are in `idx` and `images`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The source of faulty data, as it is named in an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    name: Name,
    decompressed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    File(PathBuf),
    Memory(&'static str),
}

impl Origin {
    pub(super) fn file(path: &Path) -> Self {
        Self { name: Name::File(path.to_path_buf()), decompressed: false }
    }

    pub(super) fn memory(words: &'static str) -> Self {
        Self { name: Name::Memory(words), decompressed: false }
    }

    /// This origin, for an error in the decompressed content.
    pub(super) fn decompressed(&self) -> Self {
        Self { name: self.name.clone(), decompressed: true }
    }

    /// This origin, for an error in the compressed bytes.
    pub(super) fn compressed(&self) -> Self {
        Self { name: self.name.clone(), decompressed: false }
    }

    /// The path of the file, if the data is from a file.
    pub fn path(&self) -> Option<&Path> {
        match &self.name {
            Name::File(path) => Some(path),
            Name::Memory(_) => None,
        }
    }

    /// Whether the fault is in the decompressed content rather than in the stored bytes.
    pub fn is_decompressed(&self) -> bool {
        self.decompressed
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.decompressed {
            f.write_str("the decompressed content of ")?;
        }
        match &self.name {
            Name::File(path) => write!(f, "`{}`", path.display()),
            Name::Memory(words) => f.write_str(words),
        }
    }
}

/// The role of a file in an image set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileRole {
    /// Pixels: rank 3, count x height x width.
    Images,
    /// Classes: rank 1, one byte for each image.
    Labels,
}

impl FileRole {
    /// The rank of an IDX file with this role.
    pub fn rank(self) -> usize {
        match self {
            Self::Images => 3,
            Self::Labels => 1,
        }
    }

    fn expectation(self) -> &'static str {
        match self {
            Self::Images => "images of rank 3 (count x height x width)",
            Self::Labels => "labels of rank 1 (count)",
        }
    }
}

/// Errors of reading data files and combining their arrays. `Display` is one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system or the reader failed.
    #[error(
        "{origin} cannot be read: {source}; a readable IDX file, plain or gzip-compressed, was \
         expected"
    )]
    Io {
        /// What was being read.
        origin: Origin,
        /// The error of the system.
        source: io::Error,
    },

    /// A directory in place of a file.
    #[error(
        "`{}` is a directory; an IDX file, plain or gzip-compressed, was expected",
        path.display()
    )]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },

    /// A pipe, a socket or a device in place of a file.
    #[error(
        "`{}` is a pipe, a socket or a device; a regular IDX file, plain or gzip-compressed, was \
         expected",
        path.display()
    )]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// The directory of an image set does not exist, or is not a directory.
    #[error(
        "`{}` {reason}; the directory of the images and labels files was expected",
        path.display()
    )]
    NoDirectory {
        /// The path given.
        path: PathBuf,
        /// The fault, as the end of a sentence that begins with the path.
        reason: String,
    },

    /// The directory does not contain one of the files of an image set.
    #[error(
        "`{}` holds no {wanted}; a file {} was expected there",
        directory.display(), Names(names)
    )]
    MissingFile {
        /// The directory searched.
        directory: PathBuf,
        /// The missing data, in words.
        wanted: &'static str,
        /// The accepted file names, each also with the suffix `.gz`.
        names: Vec<String>,
    },

    /// No bytes at all.
    #[error("{origin} is empty; an IDX file begins with the bytes 00 00 08 and its rank")]
    Empty {
        /// The empty data.
        origin: Origin,
    },

    /// The first bytes are not those of IDX.
    #[error(
        "{origin} is not IDX: it begins with {}, and an IDX file of unsigned bytes begins with \
         00 00 08 and its rank",
        FirstBytes(found)
    )]
    NotIdx {
        /// The data.
        origin: Origin,
        /// The first bytes, at most four.
        found: Vec<u8>,
    },

    /// IDX, but not of unsigned bytes.
    #[error(
        "{origin} has elements of IDX type 0x{code:02X} ({}); only type 0x08 \
         (unsigned byte) can be read",
        type_name(*code)
    )]
    UnsupportedType {
        /// The data.
        origin: Origin,
        /// The third byte of the file.
        code: u8,
    },

    /// The data ends inside the header.
    #[error(
        "{origin} ends inside its header, which needs at least {needed} bytes for the magic \
         number and the dimensions, and has {found}"
    )]
    TruncatedHeader {
        /// The data.
        origin: Origin,
        /// The length of the known part of the header.
        needed: usize,
        /// The number of bytes found.
        found: usize,
    },

    /// The product of the dimensions is more than memory can address.
    #[error(
        "{origin} would hold {} elements, more than memory can address; the \
         product of the dimensions must be at most {}",
        Dims(shape),
        usize::MAX
    )]
    TooLarge {
        /// The data.
        origin: Origin,
        /// The dimensions of the header.
        shape: Vec<usize>,
    },

    /// Dimensions in little-endian order.
    #[error(
        "{origin} has little-endian dimensions (read as such, {} match its data); the \
         dimensions of an IDX file must be big-endian 32-bit integers",
        Dims(shape)
    )]
    LittleEndian {
        /// The data.
        origin: Origin,
        /// The dimensions of the header, read as little-endian.
        shape: Vec<usize>,
    },

    /// Fewer elements than the header states.
    #[error(
        "{origin} is truncated: its header states {} of data, and {found} follow",
        StatedSize(shape, *needed)
    )]
    Truncated {
        /// The data.
        origin: Origin,
        /// The dimensions of the header.
        shape: Vec<usize>,
        /// Their product.
        needed: usize,
        /// The number of bytes of data.
        found: usize,
    },

    /// More data than the header states.
    #[error(
        "{origin} has bytes after its last element: its header states {} of data, and more follow",
        StatedSize(shape, *needed)
    )]
    TrailingBytes {
        /// The data.
        origin: Origin,
        /// The dimensions of the header.
        shape: Vec<usize>,
        /// Their product.
        needed: usize,
    },

    /// The gzip compression is damaged or cut off.
    #[error(
        "{origin} is a damaged or incomplete gzip file ({source}); a whole gzip file, or an IDX \
         file that is not compressed, was expected"
    )]
    CorruptGzip {
        /// The data.
        origin: Origin,
        /// The error of the decompressor.
        source: io::Error,
    },

    /// A number of elements that is not the product of the shape.
    #[error("a shape of {} has {needed} elements, and {found} were given", Dims(shape))]
    ShapeMismatch {
        /// The shape given.
        shape: Vec<usize>,
        /// Its product.
        needed: usize,
        /// The number of elements given.
        found: usize,
    },

    /// A shape that an IDX header cannot express.
    #[error(
        "an IDX header holds at most 255 dimensions of at most 4294967295 each, and the shape \
         given has {rank} dimensions, the largest being {largest}"
    )]
    NotEncodable {
        /// The number of dimensions given.
        rank: usize,
        /// The largest dimension.
        largest: usize,
    },

    /// A labels file in place of images, or the reverse.
    #[error(
        "{origin} has rank {} ({}), where {} were expected{}",
        shape.len(), Dims(shape), role.expectation(), swapped(*role, shape.len())
    )]
    WrongRank {
        /// The file of the wrong rank.
        origin: Origin,
        /// The expected role.
        role: FileRole,
        /// Its dimensions.
        shape: Vec<usize>,
    },

    /// Images without pixels: the number, height or width is zero.
    #[error(
        "{origin} holds no pixels ({}); at least one image of at least one pixel was expected",
        Dims(shape)
    )]
    NoPixels {
        /// The images file.
        origin: Origin,
        /// Its dimensions.
        shape: Vec<usize>,
    },

    /// A number of labels that differs from the number of images.
    #[error(
        "{labels} holds {label_count} labels and {images} holds {image_count} images, where one \
         label for each image was expected"
    )]
    CountMismatch {
        /// The images file.
        images: Origin,
        /// Its number of images.
        image_count: usize,
        /// The labels file.
        labels: Origin,
        /// Its number of labels.
        label_count: usize,
    },

    /// A label that is not below the number of classes.
    #[error(
        "{origin} has the label {label} at position {position} (counted from 0), where labels \
         below {classes}, the number of classes, were expected"
    )]
    LabelOutOfRange {
        /// The labels file.
        origin: Origin,
        /// The index of the label.
        position: usize,
        /// Its value.
        label: u8,
        /// The number of classes.
        classes: usize,
    },

    /// Training and test images of different sizes.
    #[error(
        "{test} holds images of {} pixels and {train} images of {}, where both were expected to \
         be of one size",
        Dims(test_size),
        Dims(train_size)
    )]
    SizeMismatch {
        /// The file of the training images.
        train: Origin,
        /// Their height and width.
        train_size: [usize; 2],
        /// The file of the test images.
        test: Origin,
        /// Their height and width.
        test_size: [usize; 2],
    },

    /// A pixel above the maximum.
    #[error(
        "image {image} (counted from 0) has a pixel of value {value}, where values in 0..={max} \
         and a maximum of at least 1 were expected"
    )]
    PixelAboveMax {
        /// The index of the image.
        image: usize,
        /// The value of the pixel.
        value: u8,
        /// The maximum given.
        max: u8,
    },
}

/// Dimensions as `60000 x 28 x 28`; a long list is abbreviated.
struct Dims<'a>(&'a [usize]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        if self.0.is_empty() {
            return f.write_str("1 (no dimensions)");
        }
        for (i, dim) in self.0.iter().take(SHOWN).enumerate() {
            let times = if i == 0 { "" } else { " x " };
            write!(f, "{times}{dim}")?;
        }
        if self.0.len() > SHOWN {
            write!(f, " x … ({} dimensions)", self.0.len())?;
        }
        Ok(())
    }
}

/// The size that a header states: `3 bytes`, or `2 x 3 = 6 bytes` for several dimensions.
struct StatedSize<'a>(&'a [usize], usize);

impl fmt::Display for StatedSize<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() > 1 {
            write!(f, "{} = ", Dims(self.0))?;
        }
        write!(f, "{} {}", self.1, if self.1 == 1 { "byte" } else { "bytes" })
    }
}

/// File names as ``named `a` or `b`, with or without `.gz`,``.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            let word = if i == 0 { "named" } else { " or" };
            write!(f, "{word} `{name}`")?;
        }
        f.write_str(", with or without `.gz`,")
    }
}

/// The first bytes of a file in another format, in hexadecimal, with the format if it is known.
struct FirstBytes<'a>(&'a [u8]);

impl fmt::Display for FirstBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes")?;
        for byte in self.0 {
            write!(f, " {byte:02x}")?;
        }
        match recognise(self.0) {
            Some(kind) => write!(f, " (like {kind})"),
            None => Ok(()),
        }
    }
}

/// The file format that begins with these bytes, of those that are likely in place of IDX data.
fn recognise(start: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1f\x8b", "a gzip file"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zX", "an xz file"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
        (b"\x93NUM", "a NumPy array"),
        (b"\x89HDF", "an HDF5 file"),
        (b"%PDF", "a PDF document"),
        (b"\x7fELF", "a program"),
        (b"<", "a web page or XML, perhaps an error page saved by a download"),
    ];
    let known = KINDS.iter().find(|(magic, _)| start.starts_with(magic)).map(|&(_, kind)| kind);
    // The magic number written as one little-endian integer.
    if let [1..=255, 0x08..=0x0E, 0, 0] = start {
        return Some("an IDX file whose integers are little-endian, where big-endian is needed");
    }
    let text = |b: &u8| b.is_ascii_graphic() || b.is_ascii_whitespace();
    known.or_else(|| start.iter().all(text).then_some("text"))
}

fn type_name(code: u8) -> &'static str {
    match code {
        0x08 => "unsigned byte",
        0x09 => "signed byte",
        0x0B => "16-bit integer",
        0x0C => "32-bit integer",
        0x0D => "32-bit float",
        0x0E => "64-bit float",
        _ => "not defined by the format",
    }
}

fn swapped(role: FileRole, rank: usize) -> &'static str {
    match (role, rank) {
        (FileRole::Images, 1) => "; it looks like a labels file",
        (FileRole::Labels, 3) => "; it looks like an images file",
        _ => "",
    }
}
