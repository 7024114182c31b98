//! [`Refused`]: an allocation that failed, without the operation that needed it.

use crate::error::Error;
use crate::shape::Shape;

/// An allocation that was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) bytes: usize,
    /// The limit that refused the allocation; `usize::MAX` if the system did.
    pub(crate) limit: usize,
}

impl Refused {
    /// The refusal of `len` elements by the system.
    pub(crate) fn by_system<T>(len: usize) -> Self {
        Refused { bytes: len.saturating_mul(size_of::<T>()), limit: usize::MAX }
    }

    /// The error of an operation that needs the memory for a tensor of this shape.
    #[cold]
    pub(crate) fn for_shape(self, op: &'static str, shape: &Shape) -> Error {
        let limit = (self.limit != usize::MAX).then_some(self.limit);
        Error::OutOfMemory { op, shape: shape.clone(), bytes: self.bytes, limit }
    }

    /// Panics for an infallible function that needs the memory for `len` elements.
    #[cold]
    #[track_caller]
    pub(crate) fn panic(self, len: usize) -> ! {
        panic!("{}", self.for_shape("tensor", &Shape::from([len])))
    }
}

/// A vector of `len` copies of `value`; an error if the system has no memory for it.
pub(crate) fn try_vec<T: Clone>(len: usize, value: T) -> Result<Vec<T>, Refused> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| Refused::by_system::<T>(len))?;
    values.resize(len, value);
    Ok(values)
}
