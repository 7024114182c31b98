//! Views: the same buffer under other shapes and strides. Nothing here copies, except a reshape
//! that strides cannot express.

use std::ops::{Bound, RangeBounds};

use wengert_kernels::Element;

use super::Tensor;
use crate::error::{Error, Result, expect};
use crate::shape::{Shape, Strides};

/// A range of positions along an axis with a step.
///
/// Negative positions count from the end; bounds beyond the ends are clipped, as in Python. A
/// negative step runs from `start` down to `stop`, which is excluded.
///
/// ```
/// use wengert_autodiff::{Step, Tensor};
/// let x = Tensor::from_fn([6], |i| i[0] as f32);
/// assert_eq!(x.slice(0, 1..4).to_vec(), [1.0, 2.0, 3.0]);
/// assert_eq!(x.slice(0, Step::new(.., 2)).to_vec(), [0.0, 2.0, 4.0]);
/// assert_eq!(x.slice(0, Step::new(.., -1)).to_vec(), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
/// assert_eq!(x.slice(0, -2..).to_vec(), [4.0, 5.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The first position; `None` is the end at which the step begins.
    pub start: Option<isize>,
    /// The bound, exclusive; `None` is the end towards which the step runs.
    pub stop: Option<isize>,
    /// The distance between selected positions; not zero.
    pub step: isize,
}

impl Step {
    /// A range with a step, from the first bound in the step's direction to the second; the bounds
    /// of an inclusive range are both included.
    ///
    /// ```
    /// use wengert_autodiff::{Step, Tensor};
    /// let x = Tensor::from_vec(vec![0.0, 1.0, 2.0, 3.0, 4.0], [5])?;
    /// assert_eq!(x.slice(0, Step::new(3..1, -1)).to_vec(), [3.0, 2.0]);
    /// assert_eq!(x.slice(0, Step::new(3..=1, -1)).to_vec(), [3.0, 2.0, 1.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    pub fn new(range: impl RangeBounds<isize>, step: isize) -> Self {
        // The next position in the step's direction. At the last position of either end it is
        // outside the axis, and its number would denote a position counted from the other end.
        let last = if step < 0 { 0 } else { -1 };
        let next = |i: isize| i.saturating_add(step.signum());
        let outside = if step < 0 { isize::MIN } else { isize::MAX };
        let start = match range.start_bound() {
            Bound::Included(&i) => Some(i),
            Bound::Excluded(&i) => Some(if i == last { outside } else { next(i) }),
            Bound::Unbounded => None,
        };
        let stop = match range.end_bound() {
            Bound::Unbounded => None,
            Bound::Included(&i) => (i != last).then(|| next(i)),
            Bound::Excluded(&i) => Some(i),
        };
        Step { start, stop, step }
    }

    /// The first position and the number of positions for an axis of `length`.
    pub(crate) fn resolve(&self, length: usize) -> Result<(usize, usize)> {
        if self.step == 0 {
            let message = "the step is zero; use a positive or negative step".to_owned();
            return Err(Error::Argument { op: "slice", message });
        }
        let n = length as isize;
        let absolute = |i: isize| if i < 0 { i.saturating_add(n) } else { i };
        let (first, count) = if self.step > 0 {
            let start = self.start.map_or(0, |i| absolute(i).clamp(0, n));
            let stop = self.stop.map_or(n, |i| absolute(i).clamp(0, n));
            (start, (stop - start).max(0) as usize)
        } else {
            let start = self.start.map_or(n - 1, |i| absolute(i).clamp(-1, n - 1));
            let stop = self.stop.map_or(-1, |i| absolute(i).clamp(-1, n - 1));
            (start, (start - stop).max(0) as usize)
        };
        Ok((first.max(0) as usize, count.div_ceil(self.step.unsigned_abs())))
    }
}

macro_rules! from_range {
    ($($range:ty),+) => {
        $(impl From<$range> for Step {
            fn from(range: $range) -> Self {
                Step::new(range, 1)
            }
        })+
    };
}

from_range!(
    std::ops::Range<isize>,
    std::ops::RangeFrom<isize>,
    std::ops::RangeTo<isize>,
    std::ops::RangeInclusive<isize>,
    std::ops::RangeToInclusive<isize>,
    std::ops::RangeFull
);

impl<E: Element> Tensor<E> {
    /// A tensor with the same elements in row-major order in another shape. Returns a view where
    /// strides can express it, otherwise a copy.
    ///
    /// # Errors
    /// [`Error::Shapes`] if the shapes differ in their number of elements.
    pub fn try_reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len::<E>("reshape")? != self.len() {
            let expected =
                format!("a shape of {} elements to reshape {} to", self.len(), self.shape());
            return Err(Error::Shapes { op: "reshape", expected, got: vec![shape] });
        }
        if let Some(strides) = self.reshaped_strides(&shape) {
            return Ok(self.view(shape, strides, self.offset()));
        }
        let copy = self.copied(self.pool()).map_err(|error| error.of_op("reshape"))?;
        let strides = shape.contiguous_strides();
        Ok(copy.view(shape, strides, copy.offset()))
    }

    /// The strides of this layout under `shape`, if there are any. Both have the same number of
    /// elements.
    fn reshaped_strides(&self, shape: &Shape) -> Option<Strides> {
        if self.is_contiguous() {
            return Some(shape.contiguous_strides());
        }
        // Groups of old axes with the same number of elements as a group of new ones; the old axes
        // of a group must be mergeable into one.
        let own = self.strides();
        let old: Vec<(usize, isize)> = self
            .shape()
            .iter()
            .copied()
            .zip(own.iter().copied())
            .filter(|&(dim, _)| dim != 1)
            .collect();
        let mut strides = Strides::repeat(0, shape.rank());
        let (mut o, mut n) = (0, 0);
        while o < old.len() {
            let (first_old, first_new) = (o, n);
            let (mut old_len, mut new_len) = (old[o].0, *shape.get(n)?);
            (o, n) = (o + 1, n + 1);
            while old_len != new_len {
                if old_len < new_len {
                    old_len *= old.get(o)?.0;
                    o += 1;
                } else {
                    new_len *= shape.get(n)?;
                    n += 1;
                }
            }
            let run = |pair: &[(usize, isize)]| pair[0].1 == pair[1].0 as isize * pair[1].1;
            if !old[first_old..o].windows(2).all(run) {
                return None;
            }
            let mut stride = old[o - 1].1;
            for axis in (first_new..n).rev() {
                strides[axis] = stride;
                stride *= shape[axis] as isize;
            }
        }
        Some(strides)
    }

    /// A tensor with the same elements in another shape. See [`try_reshape`](Self::try_reshape).
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        expect(self.try_reshape(shape))
    }

    /// The tensor with its axes in another order: axis `i` of the result is axis `order[i]`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `order` does not contain every axis once.
    #[inline(never)]
    pub fn try_permute(&self, order: &[isize]) -> Result<Self> {
        let op = "permute";
        let named = self.shape().axis_set(op, order)?;
        if order.len() != self.rank() || named.contains(&false) {
            let message =
                format!("the order {order:?} must contain each of the {} axes once", self.rank());
            return Err(Error::Argument { op, message });
        }
        let axes: Vec<usize> =
            order.iter().map(|&a| self.shape().axis(op, a)).collect::<Result<_>>()?;
        let own = self.strides();
        let shape = axes.iter().map(|&a| self.shape()[a]).collect();
        let strides = axes.iter().map(|&a| own[a]).collect();
        Ok(self.view(shape, strides, self.offset()))
    }

    /// The tensor with its axes in another order. See [`try_permute`](Self::try_permute).
    ///
    /// # Panics
    /// If `order` does not contain every axis once.
    #[track_caller]
    pub fn permute(&self, order: &[isize]) -> Self {
        expect(self.try_permute(order))
    }

    /// The tensor with two axes exchanged.
    ///
    /// # Errors
    /// [`Error::Axis`] if one of them does not exist.
    #[inline(never)]
    pub fn try_transpose(&self, a: isize, b: isize) -> Result<Self> {
        let (a, b) = (self.shape().axis("transpose", a)?, self.shape().axis("transpose", b)?);
        let (mut shape, mut strides) = (self.shape().clone(), self.strides());
        shape.dims_mut().swap(a, b);
        strides.swap(a, b);
        Ok(self.view(shape, strides, self.offset()))
    }

    /// The tensor with two axes exchanged.
    ///
    /// # Panics
    /// If one of them does not exist.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        expect(self.try_transpose(a, b))
    }

    /// The transpose: a matrix with its axes exchanged, or a batch of matrices with its last two
    /// axes exchanged. A tensor with fewer axes is returned unchanged.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.t(), Tensor::from([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]));
    /// ```
    ///
    /// # Shapes
    /// `[.., rows, columns]` gives `[.., columns, rows]`.
    #[must_use]
    pub fn t(&self) -> Self {
        self.try_transpose(-2, -1).unwrap_or_else(|_| self.clone())
    }

    /// The elements at the positions of a range along an axis. See [`Step`].
    ///
    /// # Errors
    /// [`Error::Axis`] if the axis does not exist, [`Error::Argument`] if the step is zero.
    pub fn try_slice(&self, axis: isize, range: impl Into<Step>) -> Result<Self> {
        let axis = self.shape().axis("slice", axis)?;
        let range = range.into();
        let (first, count) = range.resolve(self.shape()[axis])?;
        let (mut shape, mut strides) = (self.shape().clone(), self.strides());
        shape.dims_mut()[axis] = count;
        let offset = if shape.numel() == 0 {
            0
        } else {
            (self.offset() as isize + first as isize * strides[axis]) as usize
        };
        // For one position or none the stride is not used, and its product may overflow.
        strides[axis] = if count > 1 { strides[axis] * range.step } else { 0 };
        Ok(self.view(shape, strides, offset))
    }

    /// The elements at the positions of a range along an axis. See [`Step`].
    ///
    /// # Panics
    /// If the axis does not exist or the step is zero.
    #[track_caller]
    pub fn slice(&self, axis: isize, range: impl Into<Step>) -> Self {
        expect(self.try_slice(axis, range))
    }

    /// The tensor repeated to a larger shape, along axes of size 1 and along missing leading axes.
    ///
    /// # Errors
    /// [`Error::Shapes`] if the shape cannot be reached by repeating.
    pub fn try_broadcast_to(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        shape.checked_len::<E>("broadcast_to")?;
        let strides = self.shape().broadcast_strides(&self.strides(), &shape)?;
        Ok(self.view(shape, strides, self.offset()))
    }

    /// The tensor repeated to a larger shape. See [`try_broadcast_to`](Self::try_broadcast_to).
    ///
    /// # Panics
    /// If the shape cannot be reached by repeating.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        expect(self.try_broadcast_to(shape))
    }

    /// The tensor with a new axis of size 1 before `axis`; `rank` adds it after the last axis.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such axis.
    #[inline(never)]
    pub fn try_unsqueeze(&self, axis: isize) -> Result<Self> {
        let at = self.shape().place("unsqueeze", axis)?;
        let (mut shape, mut strides) = (self.shape().clone(), self.strides());
        shape.dims_mut().insert(at, 1);
        strides.insert(at, 0);
        Ok(self.view(shape, strides, self.offset()))
    }

    /// The tensor with a new axis of size 1 before `axis`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        expect(self.try_unsqueeze(axis))
    }

    /// The tensor without `axis`, which has size 1.
    ///
    /// # Errors
    /// [`Error::Axis`] if the axis does not exist, [`Error::Argument`] if its size is not 1.
    #[inline(never)]
    pub fn try_squeeze(&self, axis: isize) -> Result<Self> {
        let at = self.shape().axis_of_one("squeeze", axis)?;
        let (mut shape, mut strides) = (self.shape().clone(), self.strides());
        shape.dims_mut().remove(at);
        strides.remove(at);
        Ok(self.view(shape, strides, self.offset()))
    }

    /// The tensor without `axis`, which has size 1.
    ///
    /// # Panics
    /// If the axis does not exist or has another size.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        expect(self.try_squeeze(axis))
    }

    /// The diagonal of each matrix: the elements `[.., i, i + offset]`, or `[.., i - offset, i]`
    /// for a negative offset.
    ///
    /// # Errors
    /// [`Error::Shapes`] if there are fewer than two axes.
    #[inline(never)]
    pub fn try_diagonal(&self, offset: isize) -> Result<Self> {
        let (front, matrix) = self.shape().matrices("diagonal")?;
        let (start, len) = diagonal_of(matrix, offset);
        let shape: Shape = front.iter().copied().chain([len]).collect();
        let own = self.strides();
        let (outer, inner) = own.split_at(front.len());
        let strides = outer.iter().copied().chain([inner[0] + inner[1]]).collect();
        if shape.numel() == 0 {
            return Ok(self.view(shape, strides, 0));
        }
        let steps = start[0] as isize * inner[0] + start[1] as isize * inner[1];
        Ok(self.view(shape, strides, (self.offset() as isize + steps) as usize))
    }

    /// The diagonal of each matrix. See [`try_diagonal`](Self::try_diagonal).
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn diagonal(&self, offset: isize) -> Self {
        expect(self.try_diagonal(offset))
    }
}

/// The first position of a diagonal of a matrix of the given rows and columns, and its length.
pub(crate) fn diagonal_of([rows, cols]: [usize; 2], offset: isize) -> ([usize; 2], usize) {
    let by = offset.unsigned_abs();
    let start = if offset >= 0 { [0, by] } else { [by, 0] };
    let len = rows.saturating_sub(start[0]).min(cols.saturating_sub(start[1]));
    (start, len)
}
