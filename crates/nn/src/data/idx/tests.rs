//! Unit tests of the IDX reader: bytes in memory, whole, cut, damaged and foreign.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn header(dims: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, UNSIGNED_BYTE, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes
}

fn file(dims: &[u32], data: &[u8]) -> Vec<u8> {
    [&header(dims), data].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sentence(bytes: &[u8]) -> String {
    let text = Idx::from_reader(bytes).unwrap_err().to_string();
    let plain = !bytes.starts_with(&GZIP_MAGIC);
    assert!(!plain || text == Idx::parse(bytes).unwrap_err().to_string(), "parse: {text}");
    text
}

#[test]
fn the_fields_are_at_the_offsets_of_the_format() {
    let bytes = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 11, 12, 20, 21, 22];
    let idx = Idx::parse(&bytes).unwrap();
    assert_eq!(idx.shape(), [2, 3]);
    assert_eq!(idx.data(), [10, 11, 12, 20, 21, 22]);
    assert_eq!(idx.to_bytes(), bytes);
    assert_eq!(idx.into_parts(), (vec![2, 3], vec![10, 11, 12, 20, 21, 22]));
}

#[test]
fn dimensions_are_big_endian() {
    let idx = Idx::parse(&file(&[0x0102], &[7; 0x0102])).unwrap();
    assert_eq!(idx.shape(), [258]);
}

#[test]
fn rank_zero_is_one_element_and_a_zero_dimension_is_none() {
    assert_eq!(Idx::parse(&[0, 0, 8, 0, 9]).unwrap().data(), [9]);
    let empty = Idx::parse(&file(&[5, 0, u32::MAX], &[])).unwrap();
    assert_eq!(empty.shape(), [5, 0, u32::MAX as usize]);
    assert!(empty.data().is_empty());
}

#[test]
fn rank_255_is_read() {
    let idx = Idx::parse(&file(&[1; 255], &[3])).unwrap();
    assert_eq!((idx.shape().len(), idx.data()), (255, &[3][..]));
}

#[test]
fn gzip_is_recognized_by_its_first_bytes() {
    let plain = file(&[4], &[1, 2, 3, 4]);
    let expected = Idx::parse(&plain).unwrap();
    assert_eq!(Idx::from_reader(&plain[..]).unwrap(), expected);
    assert_eq!(Idx::from_reader(&gzip(&plain)[..]).unwrap(), expected);
}

#[test]
fn gzip_members_are_joined_at_any_boundary() {
    let plain = file(&[4], &[1, 2, 3, 4]);
    for cut in 0..=plain.len() {
        let (head, tail) = plain.split_at(cut);
        let members = [gzip(head), gzip(&[]), gzip(tail)].concat();
        assert_eq!(Idx::from_reader(&members[..]).unwrap().data(), [1, 2, 3, 4], "cut {cut}");
    }
}

#[test]
fn every_truncation_of_a_plain_file_is_an_error() {
    let whole = file(&[2, 3], &[1, 2, 3, 4, 5, 6]);
    assert!(sentence(&[]).contains("is empty"));
    for cut in 1..12 {
        let (text, needed) = (sentence(&whole[..cut]), if cut < 4 { 4 } else { 12 });
        let expected = format!(
            "the IDX data ends inside its header, which needs at least {needed} bytes for the \
             magic number and the dimensions, and has {cut}"
        );
        assert_eq!(text, expected);
    }
    for cut in 12..whole.len() {
        let expected = format!(
            "the IDX data is truncated: its header states 2 x 3 = 6 bytes of data, and {} \
             follow",
            cut - 12
        );
        assert_eq!(sentence(&whole[..cut]), expected);
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_of_a_gzip_trailer_is_an_error() {
    let whole = gzip(&file(&[2, 3], &[1, 2, 3, 4, 5, 6]));
    for cut in 2..whole.len() {
        let error = Idx::from_reader(&whole[..cut]).unwrap_err();
        assert!(matches!(error, DataError::CorruptGzip { .. }), "cut {cut}: {error}");
    }
    for bit in 0..64 {
        let mut damaged = whole.clone();
        let trailer = damaged.len() - 8;
        damaged[trailer + bit / 8] ^= 1 << (bit % 8);
        let error = Idx::from_reader(&damaged[..]).unwrap_err();
        assert!(matches!(error, DataError::CorruptGzip { .. }), "bit {bit}: {error}");
    }
}

#[test]
fn trailing_bytes_are_an_error_plain_and_compressed() {
    let long = file(&[2], &[1, 2, 3]);
    let expected = "the IDX data has bytes after its last element: its header states 2 bytes \
                    of data, and more follow";
    assert_eq!(sentence(&long), expected);
    assert_eq!(sentence(&gzip(&long)), format!("the decompressed content of {expected}"));
    let after_gzip = [gzip(&file(&[1], &[1])), b"rest".to_vec()].concat();
    assert!(sentence(&after_gzip).contains("is a damaged or incomplete gzip file"));
}

#[test]
fn other_element_types_are_named() {
    for (code, name) in [
        (0x09, "signed byte"),
        (0x0B, "16-bit integer"),
        (0x0C, "32-bit integer"),
        (0x0D, "32-bit float"),
        (0x0E, "64-bit float"),
        (0x00, "not defined by the format"),
    ] {
        let expected = format!(
            "the IDX data has elements of IDX type 0x{code:02X} ({name}); only \
             type 0x08 (unsigned byte) can be read"
        );
        assert_eq!(sentence(&[0, 0, code, 1, 0, 0, 0, 0]), expected);
    }
}

#[test]
fn foreign_files_are_recognised() {
    for (start, kind) in [
        (&b"\x89PNG\r\n"[..], "begins with the bytes 89 50 4e 47 (like a PNG image), and"),
        (b"<!DOCTYPE html>", "(like a web page or XML, perhaps an error page"),
        (b"0,0,5,13\n", "begins with the bytes 30 2c 30 2c (like text), and"),
        (b"PK\x03\x04", "(like a zip archive)"),
        (b"\xff\x00\x00\x00", "begins with the bytes ff 00 00 00, and"),
        (b"x", "begins with the bytes 78 (like text), and"),
    ] {
        let text = sentence(start);
        assert!(text.contains(kind), "{text}");
        assert!(text.contains("an IDX file of unsigned bytes begins with 00 00 08"), "{text}");
        let inside = sentence(&gzip(start));
        assert_eq!(inside, format!("the decompressed content of {text}"));
    }
    let nested = sentence(&gzip(&gzip(&file(&[1], &[1]))));
    assert!(nested.contains("(like a gzip file)"), "{nested}");
    assert!(sentence(&gzip(&[])).starts_with("the decompressed content of the IDX data is empty"));
    assert!(Idx::parse(&gzip(&[])).unwrap_err().to_string().contains("like a gzip file"));
}

#[test]
fn a_huge_size_in_a_header_allocates_nothing() {
    // Overflows 64 bits; would be 2^96 elements.
    let text = sentence(&header(&[u32::MAX; 3]));
    assert!(text.contains("would hold 4294967295 x 4294967295 x 4294967295 elements"), "{text}");
    let text = sentence(&header(&[u32::MAX; 255]));
    assert!(text.contains("x … (255 dimensions) elements"), "{text}");
    // A zero does not hide the overflow of the others.
    assert!(sentence(&header(&[0, u32::MAX, u32::MAX, u32::MAX])).contains("more than memory"));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_promise_of_exabytes_is_merely_truncated() {
    let promise = file(&[u32::MAX, u32::MAX], &[1, 2, 3]);
    for bytes in [promise.clone(), gzip(&promise)] {
        let text = sentence(&bytes);
        assert!(
            text.ends_with(
                "4294967295 x 4294967295 = 18446744065119617025 bytes of data, and 3 follow"
            ),
            "{text}"
        );
    }
}

/// A reader that counts what is taken from it, and never ends.
struct Endless {
    start: Vec<u8>,
    given: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.start.get(self.given).copied().unwrap_or(0);
            self.given += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn at_most_one_byte_more_than_the_header_states_is_read() {
    let mut endless = Endless { start: header(&[10, 10]), given: 0 };
    let error = read_all(&mut endless, &Origin::memory("the stream"), None).unwrap_err();
    assert!(matches!(error, DataError::TrailingBytes { needed: 100, .. }), "{error}");
    assert_eq!(endless.given, 12 + 100 + 1);

    // 64 MiB of zeros in 64 KiB: only the start of it is decompressed, so a fault further on
    // is never met.
    let mut bomb = gzip(&[header(&[10, 10]), vec![0; 64 << 20]].concat());
    let end = bomb.len() - 1;
    bomb[end] ^= 0xff;
    let text = sentence(&bomb);
    assert!(text.contains("has bytes after its last element"), "{text}");
}

#[test]
fn a_failing_reader_is_not_called_a_damaged_file() {
    struct Failing(Vec<u8>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("the cable was pulled"));
            }
            let mut start = &self.0[..];
            let read = start.read(buffer)?;
            self.0.drain(..read);
            Ok(read)
        }
    }
    let whole = file(&[2], &[1, 2]);
    for start in [whole.clone(), whole[..7].to_vec(), whole[..1].to_vec(), gzip(&whole)] {
        let error = Idx::from_reader(Failing(start)).unwrap_err();
        assert!(matches!(error, DataError::Io { .. }), "{error}");
        assert!(error.to_string().starts_with("the IDX data cannot be read: the cable"));
    }
}

#[test]
fn new_checks_what_a_header_can_hold() {
    let text = |shape, data| Idx::new(shape, data).unwrap_err().to_string();
    assert_eq!(text(vec![2, 3], vec![0; 5]), "a shape of 2 x 3 has 6 elements, and 5 were given");
    assert!(text(vec![1; 256], vec![0]).contains("has 256 dimensions, the largest being 1"));
    #[cfg(target_pointer_width = "64")]
    assert!(text(vec![1 << 32, 0], vec![]).contains("the largest being 4294967296"));
    let huge = vec![u32::MAX as usize; 3];
    assert!(text(huge, vec![]).starts_with("the shape given would hold"));
    assert_eq!(Idx::new(vec![1, 2], vec![8, 9]).unwrap().data(), [8, 9]);
}

#[test]
fn little_endian_files_are_recognised() {
    for shape in [&[3_u32, 4, 5][..], &[60], &[600, 28, 28]] {
        let count: u32 = shape.iter().product();
        let header = |magic: [u8; 4]| -> Vec<u8> {
            magic.into_iter().chain(shape.iter().flat_map(|dim| dim.to_le_bytes())).collect()
        };
        let mut bytes = header([0, 0, 8, shape.len() as u8]);
        bytes.resize(bytes.len() + count as usize, 1);
        for error in [Idx::parse(&bytes).unwrap_err(), Idx::from_reader(&bytes[..]).unwrap_err()] {
            assert!(matches!(error, DataError::LittleEndian { .. }), "{error}");
            let named: Vec<String> = shape.iter().map(u32::to_string).collect();
            assert!(error.to_string().contains(&named.join(" x ")), "{error}");
        }
        // The magic number as well.
        let error = Idx::parse(&header([shape.len() as u8, 8, 0, 0])).unwrap_err().to_string();
        assert!(error.contains("is not IDX") && error.contains("little-endian"), "{error}");
    }
}
