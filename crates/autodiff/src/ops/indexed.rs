//! Shape rules and index walks of the operations that read or write at the positions of an
//! [`Index`].

use wengert_kernels::{Element, elementwise};

use crate::error::{Error, Result};
use crate::index::Index;
use crate::shape::Shape;

/// The axis of a gather. An error unless the index has the same number of axes as `shape`, is not
/// larger than it along the other axes, and holds positions along this one.
pub(super) fn along(op: &'static str, shape: &Shape, axis: isize, index: &Index) -> Result<usize> {
    let axis = shape.axis(op, axis)?;
    let fits = |(i, (&of_index, &of_shape))| i == axis || of_index <= of_shape;
    let sizes = index.shape().iter().zip(shape.iter()).enumerate();
    if index.rank() != shape.rank() || !sizes.into_iter().all(fits) {
        let expected = format!(
            "an index with as many axes as the tensor, and not larger than it along any axis but \
             {axis}"
        );
        let got = vec![shape.clone(), index.shape().clone()];
        return Err(Error::Shapes { op, expected, got });
    }
    index.check(op, shape[axis])?;
    Ok(axis)
}

/// Calls `body` for each number of the index, in row-major order, with its offset in the index and
/// the offset of the element it denotes in a row-major array of `shape`.
pub(super) fn for_places(
    shape: &Shape,
    axis: usize,
    index: &Index,
    mut body: impl FnMut(usize, usize),
) {
    let (Some(&run), false) = (index.shape().last(), index.is_empty()) else { return };
    let strides = shape.contiguous_strides();
    let along = strides[axis] as usize;
    let last = shape.rank() - 1;
    let front: Shape = index.shape()[..last].into();
    let mut place = vec![0; last];
    for (turn, numbers) in index.as_slice().chunks_exact(run).enumerate() {
        let others = place.iter().zip(strides.iter()).enumerate().filter(|(i, _)| *i != axis);
        let start: usize = others.map(|(_, (&at, &stride))| at * stride as usize).sum();
        for (i, &number) in numbers.iter().enumerate() {
            let own = if axis == last { 0 } else { i };
            body(turn * run + i, start + own + number * along);
        }
        front.advance(&mut place);
    }
}

/// The shortest row that is worth a kernel call.
const SHORT: usize = 16;

/// Rows along an axis, to be selected from a row-major array by an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    outer: usize,
    axis: usize,
    inner: usize,
}

impl Rows {
    /// The rows of an array of `shape`.
    pub(super) fn of(shape: &Shape, axis: usize) -> Self {
        let inner = shape[axis + 1..].iter().product();
        Rows { outer: shape[..axis].iter().product(), axis: shape[axis], inner }
    }

    /// `picked[o][i] = x[o][index[i]]`, rows of `inner` elements each.
    pub(super) fn pick<E: Element>(self, x: &[E], index: &Index, picked: &mut [E]) {
        self.each(index, |row, number| {
            let (row, number) = (row * self.inner, number * self.inner);
            picked[row..row + self.inner].copy_from_slice(&x[number..number + self.inner]);
        });
    }

    /// `x[o][index[i]] += picked[o][i]`, in the index's order.
    pub(super) fn put_back<E: Element>(self, picked: &[E], index: &Index, x: &mut [E]) {
        self.each(index, |row, number| {
            let (row, number) = (row * self.inner, number * self.inner);
            let (row, x) = (&picked[row..row + self.inner], &mut x[number..number + self.inner]);
            if row.len() < SHORT {
                x.iter_mut().zip(row).for_each(|(x, &picked)| *x += picked);
            } else {
                elementwise::add_assign(x, row);
            }
        });
    }

    /// Calls `body` for each row with its number in the selection and its number in the array.
    fn each(self, index: &Index, mut body: impl FnMut(usize, usize)) {
        if self.inner == 0 {
            return;
        }
        for outer in 0..self.outer {
            for (i, &number) in index.as_slice().iter().enumerate() {
                body(outer * index.len() + i, outer * self.axis + number);
            }
        }
    }
}
