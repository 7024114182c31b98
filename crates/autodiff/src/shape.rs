//! Shapes: sizes along axes, broadcasting, negative axis numbers, row-major strides.

use std::fmt;
use std::ops::Deref;

use crate::error::{Error, Result};
use crate::few::Few;

/// The sizes of a tensor along its axes. The shape of a single number has no axes (rank 0).
///
/// ```
/// use wengert_autodiff::Shape;
/// let shape = Shape::from([2, 3]);
/// assert_eq!((shape.rank(), shape.numel()), (2, 6));
/// assert_eq!(shape.to_string(), "[2, 3]");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape(Few<usize>);

/// The distance in elements between neighbours along each axis. A stride of 0 repeats an element,
/// and a negative stride reverses the axis.
pub type Strides = Few<isize>;

impl Shape {
    /// The shape of a single number.
    pub fn scalar() -> Self {
        Self::default()
    }

    /// The number of axes.
    #[inline]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The sizes.
    #[inline]
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// The number of elements; 1 for rank 0. The number saturates instead of overflowing, but no
    /// tensor has so large a shape.
    #[inline]
    pub fn numel(&self) -> usize {
        let mut n = 1_usize;
        for &dim in self.0.iter() {
            if dim == 0 {
                return 0;
            }
            n = n.saturating_mul(dim);
        }
        n
    }

    /// The number of elements, if that number of elements of type `E` fits the address space.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it does not.
    #[inline]
    pub(crate) fn checked_len<E>(&self, op: &'static str) -> Result<usize> {
        let most = isize::MAX as usize / 2 / size_of::<E>();
        // The product of the non-zero sizes must fit too, so that strides never overflow.
        let (mut span, mut empty) = (1_usize, false);
        for &dim in self.0.iter() {
            empty |= dim == 0;
            span = span.saturating_mul(dim.max(1));
        }
        if span > most {
            return Err(Error::TooLarge { op, shape: self.clone() });
        }
        Ok(if empty { 0 } else { span })
    }

    /// Row-major strides.
    #[inline]
    pub(crate) fn contiguous_strides(&self) -> Strides {
        let mut strides = Strides::repeat(0, self.rank());
        let mut step = 1_isize;
        for (stride, &dim) in strides.iter_mut().zip(self.0.iter()).rev() {
            *stride = step;
            step *= dim.max(1) as isize;
        }
        strides
    }

    /// The shape to which both operands broadcast: axes are aligned at the last one, and their
    /// sizes are equal or one of them is 1. `None` if there is no such shape.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let size = |shape: &Shape, axis: usize| {
            (axis + shape.rank()).checked_sub(rank).map_or(1, |own| shape.0[own])
        };
        (0..rank)
            .map(|axis| match (size(self, axis), size(other, axis)) {
                (a, b) if a == b => Some(a),
                (1, b) => Some(b),
                (a, 1) => Some(a),
                _ => None,
            })
            .collect::<Option<Few<_>>>()
            .map(Shape)
    }

    /// Whether a tensor of this shape broadcasts to `target`.
    pub fn broadcasts_to(&self, target: &Shape) -> bool {
        self.broadcast(target).as_ref() == Some(target)
    }

    /// The axis with this number; negative numbers count from the last axis.
    ///
    /// # Errors
    /// [`Error::Axis`] if the axis does not exist.
    pub fn axis(&self, op: &'static str, axis: isize) -> Result<usize> {
        let rank = self.rank();
        let absolute = if axis < 0 { axis + rank as isize } else { axis };
        if (0..rank as isize).contains(&absolute) {
            Ok(absolute as usize)
        } else {
            Err(Error::Axis { op, axis, rank })
        }
    }

    /// The position of a new axis: before the axis with this number, or after the last axis.
    /// Negative numbers count from the end.
    pub(crate) fn place(&self, op: &'static str, axis: isize) -> Result<usize> {
        let places = self.rank() + 1;
        let absolute = if axis < 0 { axis + places as isize } else { axis };
        if (0..places as isize).contains(&absolute) {
            return Ok(absolute as usize);
        }
        let message = format!(
            "a new axis of {self} cannot be at position {axis}; positions run from -{places} to {}",
            self.rank()
        );
        Err(Error::Argument { op, message })
    }

    /// The axis with this number; an error if its size is not 1.
    pub(crate) fn axis_of_one(&self, op: &'static str, axis: isize) -> Result<usize> {
        let at = self.axis(op, axis)?;
        if self[at] == 1 {
            return Ok(at);
        }
        let message = format!(
            "axis {axis} of {self} has size {}; only an axis of size 1 can be removed",
            self[at]
        );
        Err(Error::Argument { op, message })
    }

    /// The sizes of the leading axes, and those of the last two.
    pub(crate) fn matrices(&self, op: &'static str) -> Result<(&[usize], [usize; 2])> {
        let Some((front, &matrix)) = self.split_last_chunk() else {
            let expected = "matrices, a shape [.., rows, columns]".to_owned();
            return Err(Error::Shapes { op, expected, got: vec![self.clone()] });
        };
        Ok((front, matrix))
    }

    /// For each axis whether `axes` names it. An axis that is named twice is an error.
    pub(crate) fn axis_set(&self, op: &'static str, axes: &[isize]) -> Result<Few<bool>> {
        let mut set = Few::repeat(false, self.rank());
        for &axis in axes {
            let index = self.axis(op, axis)?;
            if std::mem::replace(&mut set[index], true) {
                let message =
                    format!("axis {axis} is named twice in {axes:?}; name each axis once");
                return Err(Error::Argument { op, message });
            }
        }
        Ok(set)
    }

    /// This shape with size 1 in place of the flagged axes.
    pub(crate) fn with_ones(&self, flags: &[bool]) -> Shape {
        Shape(self.0.iter().zip(flags).map(|(&d, &flag)| if flag { 1 } else { d }).collect())
    }

    /// This shape without the flagged axes.
    pub(crate) fn without(&self, flags: &[bool]) -> Shape {
        Shape(self.0.iter().zip(flags).filter(|(_, flag)| !**flag).map(|(&d, _)| d).collect())
    }

    /// Whether the strides are row-major; the strides of axes of size 1 do not matter.
    pub(crate) fn are_row_major(&self, strides: &Strides) -> bool {
        let mut step = 1_isize;
        for (&stride, &dim) in strides.iter().zip(self.iter()).rev() {
            if dim == 0 {
                return true;
            }
            if dim != 1 && stride != step {
                return false;
            }
            step *= dim as isize;
        }
        true
    }

    /// The strides of a view that repeats a tensor of this shape with `strides` to the shape
    /// `target`.
    ///
    /// # Errors
    /// [`Error::Shapes`] if this shape does not broadcast to the target.
    pub(crate) fn broadcast_strides(&self, strides: &Strides, target: &Shape) -> Result<Strides> {
        if !self.broadcasts_to(target) {
            let expected = format!("a shape that repeats to {target}");
            return Err(Error::Shapes { op: "broadcast_to", expected, got: vec![self.clone()] });
        }
        let front = target.rank() - self.rank();
        let stride = |axis: usize| match axis.checked_sub(front) {
            Some(own) if self[own] == target[axis] => strides[own],
            _ => 0,
        };
        Ok((0..target.rank()).map(stride).collect())
    }

    /// Whether `index` is inside the shape.
    #[inline]
    fn holds(&self, index: &[usize]) -> bool {
        index.len() == self.rank() && index.iter().zip(self.0.iter()).all(|(i, dim)| i < dim)
    }

    /// The row-major position of the element at `index`, or `None` if it is outside the shape.
    #[inline]
    pub(crate) fn row_major_position(&self, index: &[usize]) -> Option<usize> {
        let at = || index.iter().zip(self.0.iter()).fold(0, |at, (&i, &dim)| at * dim + i);
        self.holds(index).then(at)
    }

    /// The offset of the element at `index` from the first one, or `None` if it is outside the
    /// shape.
    #[inline]
    pub(crate) fn position(&self, index: &[usize], strides: &Strides) -> Option<isize> {
        let at = || index.iter().zip(strides.iter()).map(|(&i, &stride)| i as isize * stride).sum();
        self.holds(index).then(at)
    }

    /// Advances an index in row-major order; the first index follows the last.
    pub(crate) fn advance(&self, place: &mut [usize]) {
        for (i, &dim) in place.iter_mut().zip(self.0.iter()).rev() {
            *i += 1;
            if *i < dim {
                return;
            }
            *i = 0;
        }
    }

    #[inline]
    pub(crate) fn dims_mut(&mut self) -> &mut Few<usize> {
        &mut self.0
    }
}

impl Deref for Shape {
    type Target = [usize];

    #[inline]
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Shape(Few::from_slice(&dims))
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Shape(Few::from_slice(dims))
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        Shape(Few::from_slice(&dims))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(dims: I) -> Self {
        Shape(dims.into_iter().collect())
    }
}

impl PartialEq<[usize]> for Shape {
    fn eq(&self, other: &[usize]) -> bool {
        self.dims() == other
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        self.dims() == other
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The shape to which two operands broadcast.
pub(crate) fn broadcast(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    let (a, b) = (inputs[0], inputs[1]);
    a.broadcast(b).ok_or_else(|| {
        let expected =
            "shapes that broadcast: aligned at the last axis, sizes equal or one of them 1";
        Error::Shapes { op, expected: expected.to_owned(), got: vec![a.clone(), b.clone()] }
    })
}

/// Shapes in the form `[2, 3] and [4]`, for messages.
pub(crate) fn list(shapes: &[Shape]) -> String {
    match shapes {
        [] => "nothing".to_owned(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(Shape::to_string).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_aligns_at_the_last_axis() {
        let shape = |dims: &[usize]| Shape::from(dims);
        for (a, b, expected) in [
            (&[2, 3][..], &[3][..], Some(&[2, 3][..])),
            (&[2, 1, 4], &[3, 1], Some(&[2, 3, 4])),
            (&[], &[5], Some(&[5])),
            (&[0], &[1], Some(&[0])),
            (&[0], &[2], None),
            (&[2, 3], &[2], None),
        ] {
            let expected = expected.map(shape);
            assert_eq!(shape(a).broadcast(&shape(b)), expected, "{a:?} {b:?}");
            assert_eq!(shape(b).broadcast(&shape(a)), expected, "{b:?} {a:?}");
        }
        assert!(!shape(&[2, 3]).broadcasts_to(&shape(&[3])));
        assert!(!shape(&[3]).broadcasts_to(&shape(&[1])));
    }

    #[test]
    fn sizes_beyond_the_address_space_are_refused_even_when_empty() {
        for dims in [[usize::MAX, 2], [usize::MAX, 0], [1 << 62, 1]] {
            let error = Shape::from(dims).checked_len::<f64>("zeros").unwrap_err();
            assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        }
        assert_eq!(Shape::from([3, 0, 5]).checked_len::<f32>("zeros"), Ok(0));
    }

    #[test]
    fn axes_count_from_either_end() {
        let shape = Shape::from([2, 3, 4]);
        assert_eq!(shape.axis("sum", -1), Ok(2));
        assert_eq!(shape.axis("sum", 0), Ok(0));
        let error = shape.axis("sum", 3).unwrap_err().to_string();
        assert_eq!(
            error,
            "sum: axis 3 does not exist in a tensor of rank 3; axes run from -3 to 2"
        );
        assert!(shape.axis_set("sum", &[1, -2]).is_err());
    }
}
