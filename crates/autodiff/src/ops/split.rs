//! Splitting a tensor along an axis, by [`slice`](super::slice): the parts are views.

use wengert_kernels::Element;

use super::slice;
use crate::error::{Error, Result, expect};
use crate::eval::compose_all;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The maximum number of parts of [`chunk`]: each is a node of the tape.
const MOST_PARTS: usize = 1 << 20;

/// The number of sizes that an error shows.
const SHOWN: usize = 8;

/// Consecutive parts of the given sizes along an axis, as views.
///
/// # Errors
/// If the axis does not exist, or the sum of the sizes is not its size.
#[track_caller]
pub fn split<'t, E: Element>(
    x: Var<'t, E>,
    sizes: &[usize],
    axis: isize,
) -> Result<Vec<Var<'t, E>>> {
    let size = {
        let shape = x.shape();
        shape[shape.axis("split", axis)?]
    };
    let total = sizes.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size));
    if total != Some(size) {
        let shape = x.shape();
        let (first, rest) = sizes.split_at(sizes.len().min(SHOWN));
        let message = if rest.is_empty() {
            format!("the sizes {first:?} must add up to {size}, the size of axis {axis} of {shape}")
        } else {
            let count = sizes.len();
            format!(
                "the {count} sizes, of which the first are {first:?}, must add up to {size}, the size of \
                 axis {axis} of {shape}"
            )
        };
        return Err(Error::Argument { op: "split", message });
    }
    let mut end = 0;
    sizes
        .iter()
        .map(|&size| {
            let start = end;
            end += size as isize;
            slice(x, axis, start..end)
        })
        .collect()
}

/// At most `count` parts of equal size along an axis, as views; the last may be smaller.
///
/// The size of a part is the axis' size divided by `count`, rounded up; there are fewer parts if
/// fewer of that size cover the axis. An axis of size 0 gives `count` empty parts.
///
/// # Errors
/// If the axis does not exist, `count` is 0, or there would be more than 2^20 parts.
#[track_caller]
pub fn chunk<E: Element>(x: Var<'_, E>, count: usize, axis: isize) -> Result<Vec<Var<'_, E>>> {
    if count == 0 {
        let message = "the number of parts is 0; ask for at least one".to_owned();
        return Err(Error::Argument { op: "chunk", message });
    }
    let size = {
        let shape = x.shape();
        shape[shape.axis("chunk", axis)?]
    };
    let parts = if size == 0 { count } else { count.min(size) };
    if parts > MOST_PARTS {
        let message = format!(
            "{parts} parts of {} are more than the {MOST_PARTS} that a call gives; ask for fewer, \
             or take slices one by one",
            x.shape()
        );
        return Err(Error::Argument { op: "chunk", message });
    }
    if size == 0 {
        return (0..count).map(|_| slice(x, axis, ..)).collect();
    }
    let part = size.div_ceil(count);
    (0..size)
        .step_by(part)
        .map(|start| slice(x, axis, start as isize..size.min(start + part) as isize))
        .collect()
}

impl<E: Element> Var<'_, E> {
    /// The parts of the given sizes along an axis. See [`ops::split`](crate::ops::split).
    ///
    /// # Panics
    /// If the axis does not exist, or the sum of the sizes is not its size.
    #[track_caller]
    pub fn split(self, sizes: &[usize], axis: isize) -> Vec<Self> {
        expect(split(self, sizes, axis))
    }

    /// At most `count` parts of equal size along an axis. See [`ops::chunk`](crate::ops::chunk).
    ///
    /// # Panics
    /// If the axis does not exist, `count` is 0, or there would be more than 2^20 parts.
    #[track_caller]
    pub fn chunk(self, count: usize, axis: isize) -> Vec<Self> {
        expect(chunk(self, count, axis))
    }
}

impl<E: Element> Tensor<E> {
    /// The parts of the given sizes along an axis. See [`ops::split`](crate::ops::split).
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from_fn([5], |i| i[0] as f32);
    /// let parts = x.split(&[2, 3], 0);
    /// assert_eq!(parts[1].to_vec(), [2.0, 3.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist, or the sum of the sizes is not its size.
    #[track_caller]
    pub fn split(&self, sizes: &[usize], axis: isize) -> Vec<Self> {
        expect(self.try_split(sizes, axis))
    }

    /// Fallible version of [`split`](Self::split).
    ///
    /// # Errors
    /// If the axis does not exist, or the sum of the sizes is not its size.
    pub fn try_split(&self, sizes: &[usize], axis: isize) -> Result<Vec<Self>> {
        compose_all(&[self], |x| split(x[0], sizes, axis))
    }

    /// At most `count` parts of equal size along an axis. See [`ops::chunk`](crate::ops::chunk).
    ///
    /// # Panics
    /// If the axis does not exist, `count` is 0, or there would be more than 2^20 parts.
    #[track_caller]
    pub fn chunk(&self, count: usize, axis: isize) -> Vec<Self> {
        expect(self.try_chunk(count, axis))
    }

    /// Fallible version of [`chunk`](Self::chunk).
    ///
    /// # Errors
    /// If the axis does not exist, `count` is 0, or there would be more than 2^20 parts.
    pub fn try_chunk(&self, count: usize, axis: isize) -> Result<Vec<Self>> {
        compose_all(&[self], |x| chunk(x[0], count, axis))
    }
}

instances!(split<E>: split::<E>, chunk::<E>, Tensor::<E>::try_split, Tensor::<E>::try_chunk);
