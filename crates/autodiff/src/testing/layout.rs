//! [`Layout`]: copies of a tensor with the same values in another memory layout.

use wengert_kernels::Element;

use crate::tensor::Tensor;
use crate::tensor::view::Step;

/// A way to lay a tensor's elements out in memory. Its values, and so the results of operations on
/// it, do not depend on the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Contiguous, in row-major order.
    RowMajor,
    /// The axes in another order in memory, a permutation of `0..rank`.
    Permuted(Vec<usize>),
    /// Every second element of a larger tensor along this axis.
    Stepped(usize),
    /// In reverse order along this axis.
    Flipped(usize),
    /// The middle of a larger tensor along this axis.
    Inside(usize),
}

impl Layout {
    /// A copy of `x` with this layout. If `x` does not have the layout's axis, the copy is
    /// row-major.
    ///
    /// ```
    /// use wengert_autodiff::{Tensor, testing::Layout};
    /// let x = Tensor::from_slice(&[1.0_f64, 2.0, 3.0], [3])?;
    /// let flipped = Layout::Flipped(0).apply(&x);
    /// assert_eq!((flipped.strides()[0], flipped.to_vec()), (-1, x.to_vec()));
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    pub fn apply<E: Element>(&self, x: &Tensor<E>) -> Tensor<E> {
        match *self {
            Layout::Permuted(ref order) if is_permutation(order, x.rank()) => {
                let mut inverse = vec![0; order.len()];
                for (to, &from) in order.iter().enumerate() {
                    inverse[from] = to as isize;
                }
                let order: Vec<isize> = order.iter().map(|&axis| axis as isize).collect();
                compact(&x.permute(&order)).permute(&inverse)
            }
            Layout::Stepped(axis) if axis < x.rank() => {
                let at = |i: usize| (i % 2 == 1).then_some(i / 2);
                spread(x, axis, 2 * x.shape()[axis] + 1, at).slice(axis as isize, Step::new(1.., 2))
            }
            Layout::Flipped(axis) if axis < x.rank() => {
                let backwards = Step::new(.., -1);
                compact(&x.slice(axis as isize, backwards)).slice(axis as isize, backwards)
            }
            Layout::Inside(axis) if axis < x.rank() => {
                let n = x.shape()[axis];
                let inside = spread(x, axis, n + 3, |i| i.checked_sub(2).filter(|&i| i < n));
                inside.slice(axis as isize, 2..n as isize + 2)
            }
            _ => compact(x),
        }
    }
}

fn is_permutation(order: &[usize], rank: usize) -> bool {
    order.len() == rank && (0..rank).all(|axis| order.contains(&axis))
}

/// A copy in row-major order.
fn compact<E: Element>(x: &Tensor<E>) -> Tensor<E> {
    x.copied(None).expect("there is memory for a case")
}

/// `x` with the axis extended: position `i` holds position `at(i)` of `x`, or NaN, which must not
/// be read.
fn spread<E: Element>(
    x: &Tensor<E>,
    axis: usize,
    size: usize,
    at: impl Fn(usize) -> Option<usize>,
) -> Tensor<E> {
    let mut shape = x.shape().to_vec();
    shape[axis] = size;
    Tensor::from_fn(shape, |index| {
        let mut index = index.to_vec();
        let Some(i) = at(index[axis]) else { return E::NAN };
        index[axis] = i;
        x.get(&index).unwrap_or(E::NAN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_holds_the_same_values_elsewhere() {
        let x = Tensor::<f64>::from_fn([3, 4], |i| (10 * i[0] + i[1]) as f64);
        let layouts = [
            (Layout::RowMajor, [4, 1]),
            (Layout::Permuted(vec![1, 0]), [1, 3]),
            (Layout::Stepped(1), [9, 2]),
            (Layout::Flipped(0), [-4, 1]),
            (Layout::Inside(1), [7, 1]),
            // There is no such axis.
            (Layout::Flipped(2), [4, 1]),
            (Layout::Permuted(vec![0, 0]), [4, 1]),
        ];
        for (layout, strides) in layouts {
            let laid_out = layout.apply(&x);
            assert_eq!(laid_out, x, "{layout:?}");
            assert_eq!(laid_out.strides()[..], strides, "{layout:?}");
            assert!(!laid_out.is_shared());
        }
        for layout in [Layout::Stepped(0), Layout::Flipped(0), Layout::Inside(0)] {
            let empty = Tensor::<f32>::zeros([0, 2]);
            assert_eq!(layout.apply(&empty).shape(), empty.shape());
        }
    }
}
