//! The IDX reader on arbitrary bytes: reading ends in an array whose length is the product of its
//! shape, or in a one-line error, and all ways of reading the same file agree.

#![no_main]

use std::io::Read;

use flate2::Crc;
use libfuzzer_sys::fuzz_target;
use wengert_nn::data::{DataError, Idx, ImageSet};

fuzz_target!(|bytes: &[u8]| {
    let parsed = Idx::parse(bytes);
    let streamed = Idx::from_reader(bytes);
    check(&parsed);
    check(&streamed);

    // Plain bytes give the same result from memory and from a reader, however the reader splits
    // them.
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        same(&parsed, &streamed);
    }
    same(&streamed, &Idx::from_reader(Trickle(bytes)));

    // The same bytes in a gzip wrapper decode to the same array, and fail where the plain bytes
    // fail. The wrapper gets mutations past the checksum, which they would hardly guess.
    let wrapped = Idx::from_reader(&stored_gzip(bytes)[..]);
    check(&wrapped);
    same(&parsed, &wrapped);

    if let Ok(images) = parsed {
        image_set(images);
    }
});

fn check(result: &Result<Idx, DataError>) {
    match result {
        Ok(idx) => {
            assert_eq!(idx.data().len(), idx.shape().iter().product::<usize>());
            let again = Idx::parse(&idx.to_bytes()).expect("an encoded array decodes");
            assert_eq!(&again, idx);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
        }
    }
}

/// Any array, with its own leading bytes as labels, gives an image set or an error.
fn image_set(images: Idx) {
    let count = images.shape().first().copied().unwrap_or(0).min(images.data().len());
    let labels = images.data()[..count].to_vec();
    let labels = Idx::new(vec![count], labels).expect("as many labels as the shape says");
    match ImageSet::new(images, labels, 10) {
        Ok(set) => {
            assert_eq!(set.pixels().len(), set.len() * set.pixels_per_image());
            assert!(set.labels().iter().all(|&label| label < 10));
            assert_eq!(set.image(set.len() - 1).len(), set.pixels_per_image());
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
}

fn same(a: &Result<Idx, DataError>, b: &Result<Idx, DataError>) {
    match (a, b) {
        (Ok(a), Ok(b)) => assert_eq!(a, b),
        // For a damaged gzip stream with invalid content, the reader reports the fault that it
        // meets first, which depends on the number of bytes per read.
        (Err(DataError::CorruptGzip { .. }), Err(_))
        | (Err(_), Err(DataError::CorruptGzip { .. })) => {}
        (Err(a), Err(b)) => {
            let kinds = [a, b].map(std::mem::discriminant);
            assert_eq!(kinds[0], kinds[1], "{a} / {b}");
        }
        (a, b) => panic!("one is read and the other is not: {a:?} / {b:?}"),
    }
}

/// A reader that returns one byte at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let one = buffer.len().min(1);
        self.0.read(&mut buffer[..one])
    }
}

/// A valid gzip file (RFC 1952) that holds `bytes` in stored blocks (RFC 1951, section 3.2.4),
/// which are cheap to make.
fn stored_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for block in bytes.chunks(usize::from(u16::MAX)) {
        let length = block.len() as u16;
        file.push(0);
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    file.extend([1, 0, 0, 0xff, 0xff]);
    let mut crc = Crc::new();
    crc.update(bytes);
    file.extend(crc.sum().to_le_bytes());
    file.extend((bytes.len() as u32).to_le_bytes());
    file
}
