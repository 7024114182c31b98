//! One entry of a [`State`](super::State): in memory, or still in a file.

use std::any::Any;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use wengert_autodiff::{Element, Shape, Tensor};

use super::StateError;

/// The content of an entry.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    F32(Tensor<f32>),
    F64(Tensor<f64>),
    Integers(Vec<u64>),
    Text(String),
    Stored(Stored),
}

/// An entry whose elements are in a file.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) file: Arc<Mutex<File>>,
    /// The offset of the elements in the file.
    pub(crate) offset: u64,
    pub(crate) shape: Shape,
    pub(crate) element: ElementType,
}

/// The element types of entries in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ElementType {
    F64,
    F32,
    F16,
    Bf16,
    U64,
    /// A type that entries of a state cannot have.
    Other(String),
}

const FLOATS: &str = "floating-point numbers (F64, F32, F16 or BF16)";
const INTEGERS: &str = "integers (U64)";

impl Entry {
    pub(crate) fn tensor<E: Element>(tensor: &Tensor<E>) -> Self {
        match same::<_, Tensor<f32>>(tensor.clone()) {
            Ok(single) => Entry::F32(single),
            // Elements are f32 or f64; this cast does not round.
            Err(tensor) => Entry::F64(same(tensor).unwrap_or_else(|tensor| tensor.cast())),
        }
    }

    /// The shape of a tensor or of integers.
    pub(crate) fn shape(&self) -> Option<Shape> {
        match self {
            Entry::F32(tensor) => Some(tensor.shape().clone()),
            Entry::F64(tensor) => Some(tensor.shape().clone()),
            Entry::Integers(integers) => Some([integers.len()].into()),
            Entry::Text(_) => None,
            Entry::Stored(stored) => Some(stored.shape.clone()),
        }
    }

    /// The error of an entry that holds another type than expected.
    pub(super) fn unlike(&self, name: &str, expected: &'static str) -> StateError {
        StateError::Type { name: name.to_owned(), expected, found: self.element_name() }
    }

    /// The type of the content, in words.
    pub(crate) fn element_name(&self) -> String {
        match self {
            Entry::F32(_) => "F32".to_owned(),
            Entry::F64(_) => "F64".to_owned(),
            Entry::Integers(_) => "U64".to_owned(),
            Entry::Text(_) => "a text".to_owned(),
            Entry::Stored(stored) => stored.element.name().to_owned(),
        }
    }

    fn check_shape(&self, name: &str, expected: &Shape) -> Result<(), StateError> {
        match self.shape() {
            Some(found) if found != *expected => {
                Err(StateError::Shape { name: name.to_owned(), expected: expected.clone(), found })
            }
            _ => Ok(()),
        }
    }

    /// Whether the entry holds floating-point numbers.
    pub(crate) fn is_float(&self) -> bool {
        match self {
            Entry::F32(_) | Entry::F64(_) => true,
            Entry::Integers(_) | Entry::Text(_) => false,
            Entry::Stored(stored) => stored.element.is_float(),
        }
    }

    pub(crate) fn read_tensor<E: Element>(
        &self,
        name: &str,
        shape: &Shape,
    ) -> Result<Tensor<E>, StateError> {
        if !self.is_float() {
            return Err(self.unlike(name, FLOATS));
        }
        self.check_shape(name, shape)?;
        match self {
            Entry::F32(tensor) => cast(name, tensor.clone()),
            Entry::F64(tensor) => cast(name, tensor.clone()),
            Entry::Stored(stored) => stored.tensor(name),
            Entry::Integers(_) | Entry::Text(_) => Err(self.unlike(name, FLOATS)),
        }
    }

    pub(super) fn read_integers(&self, name: &str, count: usize) -> Result<Vec<u64>, StateError> {
        let shape = [count].into();
        match self {
            Entry::Integers(integers) => {
                self.check_shape(name, &shape)?;
                Ok(integers.clone())
            }
            Entry::Stored(stored) if stored.element == ElementType::U64 => {
                self.check_shape(name, &shape)?;
                stored.elements(name, u64::from_le_bytes)
            }
            _ => Err(self.unlike(name, INTEGERS)),
        }
    }
}

impl ElementType {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::U64 => "U64",
            Self::Other(name) => name,
        }
    }

    fn is_float(&self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }
}

impl Stored {
    fn tensor<E: Element>(&self, name: &str) -> Result<Tensor<E>, StateError> {
        match &self.element {
            ElementType::F64 => cast(name, self.filled(name, f64::from_le_bytes)?),
            ElementType::F32 => cast(name, self.filled(name, f32::from_le_bytes)?),
            ElementType::F16 => cast(name, self.filled(name, half)?),
            ElementType::Bf16 => cast(name, self.filled(name, brain)?),
            ElementType::U64 | ElementType::Other(_) => {
                Err(Entry::Stored(self.clone()).unlike(name, FLOATS))
            }
        }
    }

    fn filled<T: Element, const BYTES: usize>(
        &self,
        name: &str,
        decode: impl Fn([u8; BYTES]) -> T,
    ) -> Result<Tensor<T>, StateError> {
        let elements = self.elements(name, decode)?;
        Tensor::from_vec(elements, self.shape.clone()).map_err(|error| StateError::Content {
            name: name.to_owned(),
            message: error.to_string(),
        })
    }

    /// The elements, decoded piece by piece.
    fn elements<T, const BYTES: usize>(
        &self,
        name: &str,
        decode: impl Fn([u8; BYTES]) -> T,
    ) -> Result<Vec<T>, StateError> {
        const PIECE: usize = 1 << 13;
        let count = self.shape.numel();
        let mut elements = Vec::new();
        elements.try_reserve_exact(count).map_err(|_| StateError::Memory {
            name: name.to_owned(),
            bytes: count.saturating_mul(size_of::<T>()),
        })?;
        let failed =
            |error: io::Error| StateError::Io { name: name.to_owned(), message: error.to_string() };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        let mut piece = vec![0; BYTES * PIECE.min(count)];
        while elements.len() < count {
            let bytes = &mut piece[..BYTES * PIECE.min(count - elements.len())];
            file.read_exact(bytes).map_err(failed)?;
            elements.extend(bytes.as_chunks::<BYTES>().0.iter().map(|&bytes| decode(bytes)));
        }
        Ok(elements)
    }
}

/// The value as type `B`, if that is its type.
fn same<A: 'static, B: 'static>(value: A) -> Result<B, A> {
    let mut value = Some(value);
    let found = (&mut value as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take);
    match (found, value) {
        (Some(found), _) => Ok(found),
        (None, Some(value)) => Err(value),
        (None, None) => unreachable!("the value was taken only if it was found"),
    }
}

/// The tensor with elements of type `E`, without a copy if that is its type.
fn cast<T: Element, E: Element>(name: &str, tensor: Tensor<T>) -> Result<Tensor<E>, StateError> {
    same(tensor).or_else(|tensor: Tensor<T>| {
        let bytes = tensor.len().saturating_mul(size_of::<E>());
        let memory = |_| StateError::Memory { name: name.to_owned(), bytes };
        tensor.try_cast().map_err(memory)
    })
}

/// The value of an IEEE 754 binary16 number: 1 sign bit, 5 exponent bits, 10 fraction bits.
pub(crate) fn half(bytes: [u8; 2]) -> f32 {
    let bits = u32::from(u16::from_le_bytes(bytes));
    let (sign, exponent, fraction) = (bits >> 15 << 31, bits >> 10 & 0x1f, bits & 0x3ff);
    let magnitude = match exponent {
        // A multiple of the smallest number, 2^-24.
        0 => (fraction as f32 * 2.0_f32.powi(-24)).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + (127 - 15)) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The value of a bfloat16 number: the upper half of an `f32`.
pub(crate) fn brain(bytes: [u8; 2]) -> f32 {
    f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 2^16 halves, by their definition.
    #[test]
    fn halves_have_their_values() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
            let magnitude = match exponent {
                0 => fraction / 1024.0 * 2.0_f64.powi(-14),
                31 if fraction == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1.0 + fraction / 1024.0) * 2.0_f64.powi(exponent - 15),
            };
            let value = if bits >> 15 == 1 { -magnitude } else { magnitude };
            let found = f64::from(half(bits.to_le_bytes()));
            let same = found == value && found.is_sign_negative() == value.is_sign_negative();
            assert!(same || found.is_nan() && value.is_nan(), "{bits:#06x}: {found} for {value}");
        }
    }

    #[test]
    fn brain_floats_are_upper_halves() {
        for (bits, value) in [(0x3f80_u16, 1.0), (0xc040, -3.0), (0x7f80, f32::INFINITY)] {
            assert_eq!(brain(bits.to_le_bytes()), value);
        }
        assert!(brain(0x7fc0_u16.to_le_bytes()).is_nan());
        assert_eq!(brain(1_u16.to_le_bytes()), f32::from_bits(1 << 16));
    }
}
