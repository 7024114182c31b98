//! Equality of arrays of any layout, without a copy of either.

use wengert_kernels::Element;

use super::Tensor;
use super::strided::{advance, coalesce};
use crate::few::Few;
use crate::shape::{Shape, Strides};

/// An array under a shape and strides.
#[derive(Clone)]
pub(crate) struct View<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) offset: usize,
    pub(crate) shape: Shape,
    pub(crate) strides: Strides,
}

impl<T: PartialEq> View<'_, T> {
    /// The first position along an axis, which stays with size 1.
    fn narrow(&mut self, axis: usize) {
        self.shape.dims_mut()[axis] = 1;
        self.strides[axis] = 0;
    }

    fn repeats(&self, axis: usize) -> bool {
        self.strides[axis] == 0
    }

    /// Whether all positions along an axis have the values of the first.
    fn is_constant(&self, axis: usize) -> bool
    where
        T: Clone,
    {
        let mut once = self.clone();
        for axis in (0..once.shape.rank()).filter(|&axis| self.repeats(axis)) {
            once.narrow(axis);
        }
        let mut first = once.clone();
        first.strides[axis] = 0;
        once.same(&first)
    }

    /// Whether each element equals the other's at the same position.
    fn same(&self, other: &Self) -> bool {
        let mut axes = coalesce(&self.shape, &self.strides, &other.strides);
        let (mut a, mut b) = (self.offset as isize, other.offset as isize);
        let inner = axes.pop();
        let (size, by_a, by_b) = inner.map_or((1, 0, 0), |axis| (axis.size, axis.a, axis.b));
        let mut index = Few::repeat(0, axes.len());
        let runs: usize = axes.iter().map(|axis| axis.size).product();
        (0..runs).all(|_| {
            let equal = (0..size as isize).all(|i| {
                self.values[(a + i * by_a) as usize] == other.values[(b + i * by_b) as usize]
            });
            advance(&axes, &mut index, &mut a, &mut b);
            equal
        })
    }
}

/// Whether two arrays of the same shape have equal elements, in time proportional to their elements
/// in memory: where one array repeats along an axis, the other must be constant along it, and the
/// first positions of both are compared.
pub(crate) fn equal<T: PartialEq + Clone>(mut a: View<'_, T>, mut b: View<'_, T>) -> bool {
    if a.shape.numel() == 0 {
        return true;
    }
    for axis in 0..a.shape.rank() {
        let constant = match (a.repeats(axis), b.repeats(axis)) {
            (false, false) => continue,
            (true, true) => true,
            (true, false) => b.is_constant(axis),
            (false, true) => a.is_constant(axis),
        };
        if !constant {
            return false;
        }
        a.narrow(axis);
        b.narrow(axis);
    }
    a.same(&b)
}

impl<E: Element> Tensor<E> {
    /// The elements where they lie.
    fn as_view(&self) -> View<'_, E> {
        let (values, offset) = self.raw();
        View { values, offset, shape: self.shape.clone(), strides: self.strides() }
    }
}

/// Equal shapes and equal elements (so a tensor that holds a NaN equals nothing).
impl<E: Element> PartialEq for Tensor<E> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
            && match (self.as_slice(), other.as_slice()) {
                (Some(a), Some(b)) => a == b,
                _ => equal(self.as_view(), other.as_view()),
            }
    }
}
