//! The IDX reader on arrays, on arbitrary bytes and on damaged files.

use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wengert_nn::data::{DataError, Idx};

use super::{gzip, idx_file};

/// An array of rank 0 to 4 and at most 625 elements.
fn arrays() -> impl Strategy<Value = Idx> {
    vec(0_usize..=5, 0..=4).prop_flat_map(|shape| {
        let count = shape.iter().product::<usize>();
        vec(any::<u8>(), count).prop_map(move |data| Idx::new(shape.clone(), data).unwrap())
    })
}

/// Bytes that often begin like IDX, so that more than the first check is met.
fn suspicious_bytes() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![8 => 0_u32..4, 1 => any::<u32>()];
    let nearly = (vec(small, 0..4), vec(any::<u8>(), 0..40));
    prop_oneof![
        vec(any::<u8>(), 0..80),
        nearly.prop_map(|(dims, data)| idx_file(&dims, &data)),
        vec(prop_oneof![Just(0_u8), Just(8), Just(1), any::<u8>()], 0..80),
    ]
}

/// One thing that may happen to a file.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, u8),
    Remove(Index),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
    ];
    vec(one, 1..4)
}

fn damage(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for one in damages {
        let length = bytes.len();
        match one {
            Damage::Insert(at, byte) => bytes.insert(at.index(length + 1), *byte),
            _ if length == 0 => {}
            Damage::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Remove(at) => drop(bytes.remove(at.index(length))),
        }
    }
    bytes
}

/// What holds of every result: the length is the product of the shape and the array survives being
/// written; an error is one line.
fn check(result: &Result<Idx, DataError>) -> Result<(), TestCaseError> {
    match result {
        Ok(idx) => {
            prop_assert_eq!(idx.data().len(), idx.shape().iter().product::<usize>());
            prop_assert_eq!(&Idx::parse(&idx.to_bytes()).unwrap(), idx);
        }
        Err(error) => {
            let text = error.to_string();
            prop_assert!(
                !text.is_empty() && !text.contains('\n') && !text.contains(". "),
                "{text}"
            );
        }
    }
    Ok(())
}

/// A reader that gives at most `step` bytes at a time, and is interrupted before each.
struct Halting<'a> {
    bytes: &'a [u8],
    step: usize,
    interrupted: bool,
}

impl Read for Halting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let length = buffer.len().min(self.step);
        self.bytes.read(&mut buffer[..length])
    }
}

proptest! {
    #[test]
    fn an_array_survives_the_file(idx in arrays()) {
        let bytes = idx.to_bytes();
        prop_assert_eq!(bytes.len(), 4 + 4 * idx.shape().len() + idx.data().len());
        prop_assert_eq!(&Idx::parse(&bytes).unwrap(), &idx);
        prop_assert_eq!(&Idx::from_reader(&bytes[..]).unwrap(), &idx);
        prop_assert_eq!(&Idx::from_reader(&gzip(&bytes)[..]).unwrap(), &idx);
    }

    #[test]
    fn readers_may_halt_anywhere(idx in arrays(), step in 1_usize..9, cut in any::<Index>()) {
        let bytes = idx.to_bytes();
        let halting = |bytes| Halting { bytes, step, interrupted: false };
        prop_assert_eq!(&Idx::from_reader(halting(&bytes)).unwrap(), &idx);
        let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
        let members = [gzip(head), gzip(tail)].concat();
        prop_assert_eq!(&Idx::from_reader(halting(&members)).unwrap(), &idx);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in suspicious_bytes()) {
        let parsed = Idx::parse(&bytes);
        check(&parsed)?;
        if let Ok(idx) = &parsed {
            prop_assert_eq!(&idx.to_bytes(), &bytes, "the encoding is unique");
        }
        check(&Idx::from_reader(&bytes[..]))?;
        let packed = Idx::from_reader(&gzip(&bytes)[..]);
        check(&packed)?;
        match (parsed, packed) {
            (Ok(parsed), Ok(packed)) => prop_assert_eq!(parsed, packed),
            (Err(parsed), Err(packed)) => prop_assert_eq!(
                format!("the decompressed content of {parsed}"), packed.to_string()
            ),
            (parsed, packed) => prop_assert!(false, "{parsed:?} / {packed:?}"),
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(idx in arrays(), damages in damages()) {
        let bytes = damage(idx.to_bytes(), &damages);
        let parsed = Idx::parse(&bytes);
        check(&parsed)?;
        if let Ok(parsed) = parsed {
            prop_assert_eq!(parsed.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_damaged_gzip_file_never_yields_other_pixels(idx in arrays(), damages in damages()) {
        let whole = gzip(&idx.to_bytes());
        let result = Idx::from_reader(&damage(whole, &damages)[..]);
        check(&result)?;
        // The checksum catches what the format does not; damage to the header's unused fields, or
        // damage undone, leaves the array as it was.
        if let Ok(read) = result {
            prop_assert_eq!(read, idx);
        }
    }
}
