//! Searching and sorting: `argmax`, `argmin`, `argsort`, `sort` and `topk`. Positions are an
//! [`Index`], which is not on the tape and has no gradient. Sorted elements are
//! [gathered](super::gather) at their positions, and their gradient is that of the gather.
//!
//! NaN counts as larger than any number. Equal elements keep their order.

use std::cmp::Ordering;

use wengert_kernels::{Element, reduce};

use super::recurrence::dims;
use crate::error::{Error, Result, expect};
use crate::index::Index;
use crate::memory::try_vec;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};

/// Which of two extremes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extremum {
    Largest,
    Smallest,
}

#[inline(never)]
fn arg<E: Element>(x: &Tensor<E>, extreme: Extremum, axis: isize, keep: bool) -> Result<Index> {
    let largest = extreme == Extremum::Largest;
    let op = if largest { "argmax" } else { "argmin" };
    let at = x.shape().axis(op, axis)?;
    let flags: Vec<bool> = (0..x.rank()).map(|axis| axis == at).collect();
    let shape = if keep { x.shape().with_ones(&flags) } else { x.shape().without(&flags) };
    if x.shape()[at] == 0 && shape.numel() > 0 {
        let expected = "at least one element along the axis: an empty axis has no extreme";
        let got = vec![x.shape().clone()];
        return Err(Error::Shapes { op, expected: expected.to_owned(), got });
    }
    let mut places = Index::blank(op, &shape)?;
    // Of the copies of an element that repeats along an axis, the kernel finds the first.
    let once = strided::without_repetition(x);
    let mut copy = None;
    let (data, dims) = (once.in_order(&mut copy)?, dims(op, once.shape(), axis)?);
    let kernel = if largest { reduce::argmax_axis } else { reduce::argmin_axis };
    if once.shape() == x.shape() {
        kernel(data, dims, &mut places);
        return Index::from_vec(places, shape);
    }
    let kept = once.shape().with_ones(&flags);
    let mut found = Index::blank(op, &kept)?;
    kernel(data, dims, &mut found);
    let all = x.shape().with_ones(&flags);
    let strides = kept.broadcast_strides(&kept.contiguous_strides(), &all)?;
    let mut index = vec![0; all.rank()];
    for place in &mut places {
        let at: usize = index.iter().zip(strides.iter()).map(|(&i, &by)| i * by as usize).sum();
        *place = found[at];
        all.advance(&mut index);
    }
    Index::from_vec(places, shape)
}

/// The ascending order, with NaN after all numbers.
fn ascending<E: Element>(a: E, b: E) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The positions of the first `count` elements of each line along an axis in sorted order.
#[inline(never)]
fn order<E: Element>(
    op: &'static str,
    x: &Tensor<E>,
    axis: isize,
    descending: bool,
    count: Option<usize>,
) -> Result<Index> {
    let at = x.shape().axis(op, axis)?;
    let [outer, size, inner] = dims(op, x.shape(), axis)?;
    let count = count.unwrap_or(size);
    if count > size {
        let message = format!(
            "{count} elements were asked for along axis {axis} of {}, which has {size}",
            x.shape()
        );
        return Err(Error::Argument { op, message });
    }
    let mut shape = x.shape().clone();
    shape.dims_mut()[at] = count;
    let mut places = Index::blank(op, &shape)?;
    if places.is_empty() {
        return Index::from_vec(places, shape);
    }
    let mut copy = None;
    let data = x.in_order(&mut copy)?;
    let mut line = try_vec(size, (E::ZERO, 0)).map_err(|e| e.for_shape(op, x.shape()))?;
    for (start, to) in (0..outer)
        .flat_map(|o| (0..inner).map(move |i| (o * size * inner + i, o * count * inner + i)))
    {
        line.clear();
        line.extend((0..size).map(|i| (data[start + i * inner], i)));
        // Ties are broken by position, which makes the unstable sort stable.
        let compare = |a: &(E, usize), b: &(E, usize)| {
            let values = ascending(a.0, b.0);
            (if descending { values.reverse() } else { values }).then(a.1.cmp(&b.1))
        };
        if count < size && count > 0 {
            line.select_nth_unstable_by(count - 1, compare);
        }
        line.truncate(count);
        line.sort_unstable_by(compare);
        for (j, &(_, place)) in line.iter().enumerate() {
            places[to + j * inner] = place;
        }
    }
    Index::from_vec(places, shape)
}

/// Position of the largest element along an axis: the first of equal elements, or the first NaN.
///
/// # Shapes
/// The index has the shape of `x` without the axis, or with size 1 there with `keep_dims`.
///
/// # Errors
/// If the axis does not exist or has no elements.
pub fn argmax<E: Element>(x: Var<'_, E>, axis: isize, keep_dims: bool) -> Result<Index> {
    arg(&x.try_value()?, Extremum::Largest, axis, keep_dims)
}

/// Position of the smallest element along an axis: the first of equal elements, or the first NaN.
///
/// # Shapes
/// The index has the shape of `x` without the axis, or with size 1 there with `keep_dims`.
///
/// # Errors
/// If the axis does not exist or has no elements.
pub fn argmin<E: Element>(x: Var<'_, E>, axis: isize, keep_dims: bool) -> Result<Index> {
    arg(&x.try_value()?, Extremum::Smallest, axis, keep_dims)
}

/// Positions that sort the elements along an axis. The order is stable, and NaN counts as larger
/// than any number.
///
/// # Shapes
/// The index has the shape of `x`.
///
/// # Errors
/// If the axis does not exist.
pub fn argsort<E: Element>(x: Var<'_, E>, axis: isize, descending: bool) -> Result<Index> {
    order("argsort", &x.try_value()?, axis, descending, None)
}

/// The elements sorted along an axis, and their positions. See [`argsort`].
///
/// # Shapes
/// Both have the shape of `x`.
///
/// # Errors
/// If the axis does not exist.
#[track_caller]
pub fn sort<E: Element>(
    x: Var<'_, E>,
    axis: isize,
    descending: bool,
) -> Result<(Var<'_, E>, Index)> {
    let index = order("sort", &x.try_value()?, axis, descending, None)?;
    Ok((super::gather(x, axis, &index)?, index))
}

/// The `k` largest elements along an axis, largest first, and their positions; with `largest`
/// false, the `k` smallest, smallest first. Of equal elements the first are taken; NaN counts as
/// larger than any number.
///
/// # Shapes
/// Both have the shape of `x` with size `k` along the axis.
///
/// # Errors
/// If the axis does not exist or has fewer elements.
#[track_caller]
pub fn topk<E: Element>(
    x: Var<'_, E>,
    k: usize,
    axis: isize,
    largest: bool,
) -> Result<(Var<'_, E>, Index)> {
    let index = order("topk", &x.try_value()?, axis, largest, Some(k))?;
    Ok((super::gather(x, axis, &index)?, index))
}

impl<E: Element> Var<'_, E> {
    /// The positions of the largest elements. See [`ops::argmax`](crate::ops::argmax).
    ///
    /// # Panics
    /// If the axis does not exist or has no elements.
    #[track_caller]
    pub fn argmax(self, axis: isize, keep_dims: bool) -> Index {
        expect(argmax(self, axis, keep_dims))
    }

    /// The positions of the smallest elements. See [`ops::argmin`](crate::ops::argmin).
    ///
    /// # Panics
    /// If the axis does not exist or has no elements.
    #[track_caller]
    pub fn argmin(self, axis: isize, keep_dims: bool) -> Index {
        expect(argmin(self, axis, keep_dims))
    }

    /// Positions that sort the elements. See [`ops::argsort`](crate::ops::argsort).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn argsort(self, axis: isize, descending: bool) -> Index {
        expect(argsort(self, axis, descending))
    }

    /// The sorted elements, and their positions. See [`ops::sort`](crate::ops::sort).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn sort(self, axis: isize, descending: bool) -> (Self, Index) {
        expect(sort(self, axis, descending))
    }

    /// The `k` largest or smallest elements, and their positions. See
    /// [`ops::topk`](crate::ops::topk).
    ///
    /// # Panics
    /// If the axis does not exist or has fewer elements.
    #[track_caller]
    pub fn topk(self, k: usize, axis: isize, largest: bool) -> (Self, Index) {
        expect(topk(self, k, axis, largest))
    }
}

impl<E: Element> Tensor<E> {
    /// The positions of the largest elements. See [`ops::argmax`](crate::ops::argmax).
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from_slice(&[1.0_f32, 5.0, 5.0, 4.0, 2.0, 3.0], [2, 3])?;
    /// assert_eq!(x.argmax(1, false).as_slice(), [1, 0]);
    /// let (values, places) = x.topk(2, 1, true);
    /// assert_eq!(values.to_vec(), [5.0, 5.0, 4.0, 3.0]);
    /// assert_eq!(places.as_slice(), [1, 2, 0, 2]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist or has no elements.
    #[track_caller]
    pub fn argmax(&self, axis: isize, keep_dims: bool) -> Index {
        expect(self.try_argmax(axis, keep_dims))
    }

    /// Fallible version of [`argmax`](Self::argmax).
    ///
    /// # Errors
    /// If the axis does not exist or has no elements, or there is no memory for the result.
    pub fn try_argmax(&self, axis: isize, keep_dims: bool) -> Result<Index> {
        arg(self, Extremum::Largest, axis, keep_dims)
    }

    /// The positions of the smallest elements. See [`ops::argmin`](crate::ops::argmin).
    ///
    /// # Panics
    /// If the axis does not exist or has no elements.
    #[track_caller]
    pub fn argmin(&self, axis: isize, keep_dims: bool) -> Index {
        expect(self.try_argmin(axis, keep_dims))
    }

    /// Fallible version of [`argmin`](Self::argmin).
    ///
    /// # Errors
    /// If the axis does not exist or has no elements, or there is no memory for the result.
    pub fn try_argmin(&self, axis: isize, keep_dims: bool) -> Result<Index> {
        arg(self, Extremum::Smallest, axis, keep_dims)
    }

    /// Positions that sort the elements. See [`ops::argsort`](crate::ops::argsort).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Index {
        expect(self.try_argsort(axis, descending))
    }

    /// Fallible version of [`argsort`](Self::argsort).
    ///
    /// # Errors
    /// If the axis does not exist, or there is no memory for the result.
    pub fn try_argsort(&self, axis: isize, descending: bool) -> Result<Index> {
        order("argsort", self, axis, descending, None)
    }

    /// The sorted elements, and their positions. See [`ops::sort`](crate::ops::sort).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Self, Index) {
        expect(self.try_sort(axis, descending))
    }

    /// Fallible version of [`sort`](Self::sort).
    ///
    /// # Errors
    /// If the axis does not exist, or there is no memory for the result.
    pub fn try_sort(&self, axis: isize, descending: bool) -> Result<(Self, Index)> {
        let index = order("sort", self, axis, descending, None)?;
        Ok((self.try_gather(axis, &index)?, index))
    }

    /// The `k` largest or smallest elements, and their positions. See
    /// [`ops::topk`](crate::ops::topk).
    ///
    /// # Panics
    /// If the axis does not exist or has fewer elements.
    #[track_caller]
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> (Self, Index) {
        expect(self.try_topk(k, axis, largest))
    }

    /// Fallible version of [`topk`](Self::topk).
    ///
    /// # Errors
    /// If the axis does not exist or has fewer elements, or there is no memory for the result.
    pub fn try_topk(&self, k: usize, axis: isize, largest: bool) -> Result<(Self, Index)> {
        let index = order("topk", self, axis, largest, Some(k))?;
        Ok((self.try_gather(axis, &index)?, index))
    }
}

instances!(search<E>: arg::<E>, order::<E>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gradgradcheck;
    use crate::tape::Tape;

    const NAN: f64 = f64::NAN;

    fn tensor(data: &[f64], shape: [usize; 2]) -> Tensor<f64> {
        Tensor::from_slice(data, shape).unwrap()
    }

    #[test]
    fn extremes_are_the_first_of_equal_ones_on_any_axis_and_layout() {
        let x = tensor(&[1.0, 3.0, 3.0, 2.0, -1.0, 3.0, 1.0, -1.0], [2, 4]);
        for x in [x.clone(), x.transpose(0, 1).contiguous().transpose(0, 1)] {
            assert_eq!(x.argmax(1, false).as_slice(), [1, 1]);
            assert_eq!(x.argmin(-1, false).as_slice(), [0, 0]);
            assert_eq!(x.argmax(0, true).shape().dims(), [1, 4]);
            assert_eq!(x.argmax(0, false).as_slice(), [0, 0, 0, 0]);
            assert_eq!(x.argmin(0, false).as_slice(), [1, 0, 1, 1]);
        }
        let with_nan = tensor(&[1.0, NAN, NAN, 0.0], [1, 4]);
        assert_eq!(with_nan.argmax(1, false).as_slice(), [1]);
        assert_eq!(with_nan.argmin(1, false).as_slice(), [1]);
    }

    #[test]
    #[should_panic(expected = "argmax: expected at least one element along the axis")]
    fn there_is_no_extreme_of_nothing() {
        Tensor::<f32>::zeros([0, 3]).argmax(0, false);
    }

    #[test]
    fn sorting_is_stable_and_puts_nan_last() {
        let x = tensor(&[2.0, NAN, 1.0, 2.0, -0.0, 0.0], [1, 6]);
        let (values, places) = x.sort(1, false);
        assert_eq!(places.as_slice(), [4, 5, 2, 0, 3, 1]);
        assert_eq!(values.to_vec()[..5], [0.0, 0.0, 1.0, 2.0, 2.0]);
        assert_eq!(x.argsort(1, true).as_slice(), [1, 0, 3, 2, 4, 5]);
        assert_eq!(x.topk(2, 1, true).1.as_slice(), [1, 0]);
        assert_eq!(x.topk(3, 1, false).1.as_slice(), [4, 5, 2]);
        assert_eq!(x.topk(0, 1, true).0.shape().dims(), [1, 0]);
        let columns = x.transpose(0, 1);
        assert_eq!(columns.sort(0, false).1.as_slice(), [4, 5, 2, 0, 3, 1]);
    }

    #[test]
    fn what_an_order_cannot_give_is_an_error() {
        let tape = Tape::new();
        let x = tape.variable(&tensor(&[1.0, 2.0], [1, 2]));
        let error = topk(x, 3, 1, true).unwrap_err().to_string();
        assert_eq!(error, "topk: 3 elements were asked for along axis 1 of [1, 2], which has 2");
        assert!(sort(x, 2, false).is_err());
    }

    #[test]
    fn sorted_elements_have_gradients_of_any_order() {
        let x = tensor(&[0.3, -1.0, 2.0, 0.9, 1.5, -0.4], [2, 3]);
        let weights = tensor(&[1.0, -2.0, 0.5, 3.0], [2, 2]);
        gradgradcheck(|[x, w]| (x.topk(2, 1, true).0.square() * w).sum(), [&x, &weights]).unwrap();
        gradgradcheck(|[x]| x.sort(0, true).0.exp().cumsum(1).sum(), [&x]).unwrap();
    }
}
