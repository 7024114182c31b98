//! [`Refused`]: an allocation that failed, before it is known for which operation it was.

use crate::error::Error;
use crate::shape::Shape;

/// Memory that was asked for and refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) bytes: usize,
    /// The limit that refused it; `usize::MAX` if the system did.
    pub(crate) limit: usize,
}

impl Refused {
    /// For `len` elements that the system has no memory for.
    pub(crate) fn by_system<T>(len: usize) -> Self {
        Refused { bytes: len.saturating_mul(size_of::<T>()), limit: usize::MAX }
    }

    /// The error of an operation that needs the memory for a tensor of a shape.
    #[cold]
    pub(crate) fn for_shape(self, op: &'static str, shape: &Shape) -> Error {
        let limit = (self.limit != usize::MAX).then_some(self.limit);
        Error::OutOfMemory { op, shape: shape.clone(), bytes: self.bytes, limit }
    }

    /// The panic of an infallible entry that needs the memory for `len` elements.
    #[cold]
    #[track_caller]
    pub(crate) fn panic(self, len: usize) -> ! {
        panic!("{}", self.for_shape("tensor", &Shape::from([len])))
    }
}

/// `len` values that are all `value`, if the system gives the memory.
pub(crate) fn try_vec<T: Clone>(len: usize, value: T) -> Result<Vec<T>, Refused> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| Refused::by_system::<T>(len))?;
    values.resize(len, value);
    Ok(values)
}
