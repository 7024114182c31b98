//! [`Storage`]: the memory of a buffer, aligned by this crate or adopted from a `Vec`.

use std::ops::{Deref, DerefMut};

use aligned_vec::{AVec, ConstAlign};
use wengert_kernels::Element;

use super::refused::Refused;

/// The alignment of the memory that this crate allocates: a cache line.
pub(crate) const ALIGN: usize = 64;

/// The elements of a buffer.
///
/// The kernels accept any alignment. An unaligned 64-byte load touches two cache lines. Measured on
/// Zen 5 with AVX-512: a square of 4096 elements runs at half speed, a polynomial of degree 8 or
/// 2^22 elements at full speed. A copy into aligned memory takes as long as squaring the
/// elements.
#[derive(Debug)]
pub(crate) enum Storage<E> {
    /// Memory that starts at a multiple of [`ALIGN`].
    Aligned(AVec<E, ConstAlign<ALIGN>>),
    /// The caller's vector, which can be given back.
    Adopted(Vec<E>),
}

impl<E: Element> Storage<E> {
    /// No elements, no memory.
    pub(crate) fn empty() -> Self {
        Storage::Aligned(AVec::new(ALIGN))
    }

    /// Aligned zeros.
    pub(crate) fn zeros(len: usize) -> Result<Self, Refused> {
        let mut data = AVec::new(ALIGN);
        if data.try_reserve_exact(len).is_err() {
            return Err(Refused::by_system::<E>(len));
        }
        data.resize(len, E::ZERO);
        Ok(Storage::Aligned(data))
    }
}

impl<E> Deref for Storage<E> {
    type Target = [E];

    #[inline]
    fn deref(&self) -> &[E] {
        match self {
            Storage::Aligned(data) => data,
            Storage::Adopted(data) => data,
        }
    }
}

impl<E> DerefMut for Storage<E> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [E] {
        match self {
            Storage::Aligned(data) => data,
            Storage::Adopted(data) => data,
        }
    }
}
