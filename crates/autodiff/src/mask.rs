//! [`Mask`]: truth values with a shape, what comparisons give and choices take.

use std::borrow::Cow;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

use wengert_kernels::Element;
use wengert_kernels::elementwise::{self, Comparison};

use crate::error::{Error, Result, expect};
use crate::shape::{Shape, Strides};
use crate::tensor::{Tensor, strided};

/// An array of truth values: which elements are meant.
///
/// Comparisons give it ([`Tensor::lt`], [`Var::lt`](crate::Var::lt) and their kin), and
/// [`where_`](crate::ops::where_) and [`masked_fill`](crate::ops::masked_fill) choose by it. It is no
/// tensor: there is no derivative by it, and none can be asked for.
///
/// Cloning and views (`transpose`, `broadcast_to`, ..) share the values.
///
/// ```
/// use wengert_autodiff::{Mask, Tensor};
/// let x = Tensor::from_slice(&[1.0_f32, -2.0, 3.0], [3])?;
/// let negative = x.lt_scalar(0.0);
/// assert_eq!(negative.to_vec(), [false, true, false]);
/// assert_eq!(x.masked_fill(&negative, 0.0).to_vec(), [1.0, 0.0, 3.0]);
/// assert_eq!(Mask::causal(2, 3).to_vec(), [true, true, false, true, true, true]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
#[derive(Clone)]
pub struct Mask {
    values: Arc<[bool]>,
    offset: usize,
    shape: Shape,
    strides: Strides,
}

impl Mask {
    fn row_major(values: Arc<[bool]>, shape: Shape) -> Self {
        let strides = shape.contiguous_strides();
        Mask { values, offset: 0, shape, strides }
    }

    /// The values in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if there are not as many as the shape asks for.
    pub fn from_slice(values: &[bool], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len::<bool>("mask")? != values.len() {
            return Err(Error::Length { shape, got: values.len() });
        }
        Ok(Self::row_major(values.into(), shape))
    }

    /// The values `f` gives for each index, in row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> bool) -> Self {
        let shape = shape.into();
        let len = expect(shape.checked_len::<bool>("mask"));
        let mut index = vec![0; shape.rank()];
        let values = (0..len).map(|_| {
            let value = f(&index);
            shape.advance(&mut index);
            value
        });
        let values = values.collect();
        Self::row_major(values, shape)
    }

    /// The same value everywhere, which takes the memory of one.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: bool) -> Self {
        Self::row_major([value].into(), Shape::scalar()).broadcast_to(shape)
    }

    /// Who may look at whom when each of the last `queries` of `keys` positions sees itself and what
    /// came before: true at `(i, j)` where `j <= i + keys - queries`. With as many keys as queries
    /// it is the lower triangle; with fewer keys the first queries see none.
    ///
    /// # Shapes
    /// The result is `[queries, keys]`.
    ///
    /// # Panics
    /// If the size does not fit the address space.
    #[track_caller]
    pub fn causal(queries: usize, keys: usize) -> Self {
        Self::from_fn([queries, keys], |i| i[1] + queries <= i[0] + keys)
    }

    /// The sizes along the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.shape.numel()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in row-major order.
    pub fn to_vec(&self) -> Vec<bool> {
        let mut values = Vec::with_capacity(self.len());
        let mut index = vec![0; self.rank().saturating_sub(1)];
        let (inner, step) = match (self.shape.last(), self.strides.last()) {
            (Some(&inner), Some(&step)) => (inner, step),
            _ => (1, 0),
        };
        let mut start = self.offset as isize;
        while values.len() < self.len() {
            values.extend((0..inner as isize).map(|i| self.values[(start + i * step) as usize]));
            for ((i, &dim), &stride) in
                index.iter_mut().zip(self.shape.iter()).zip(self.strides.iter()).rev()
            {
                *i += 1;
                start += stride;
                if *i < dim {
                    break;
                }
                *i = 0;
                start -= stride * dim as isize;
            }
        }
        values
    }

    /// The values in row-major order, copied only if they do not lie so.
    pub fn to_contiguous(&self) -> Cow<'_, [bool]> {
        if self.is_empty() {
            Cow::Borrowed(&[])
        } else if self.is_contiguous() {
            Cow::Borrowed(&self.values[self.offset..self.offset + self.len()])
        } else {
            Cow::Owned(self.to_vec())
        }
    }

    /// Whether the values lie one after another in row-major order.
    pub fn is_contiguous(&self) -> bool {
        self.shape.are_row_major(&self.strides)
    }

    /// The value at an index, or `None` if there is none.
    pub fn get(&self, index: &[usize]) -> Option<bool> {
        let inside = index.len() == self.rank()
            && index.iter().zip(self.shape.iter()).all(|(&i, &dim)| i < dim);
        inside.then(|| {
            let steps = index.iter().zip(self.strides.iter()).map(|(&i, &step)| i as isize * step);
            self.values[(self.offset as isize + steps.sum::<isize>()) as usize]
        })
    }

    /// Whether some value is true.
    pub fn any(&self) -> bool {
        self.to_contiguous().contains(&true)
    }

    /// Whether every value is true.
    pub fn all(&self) -> bool {
        !self.to_contiguous().contains(&false)
    }

    /// The number of true values.
    pub fn count(&self) -> usize {
        self.to_contiguous().iter().filter(|&&value| value).count()
    }

    /// One where true, zero where false.
    pub fn to_tensor<E: Element>(&self) -> Tensor<E> {
        let values = self.to_contiguous();
        let mut values = values.iter();
        Tensor::from_fn(self.shape.clone(), |_| match values.next() {
            Some(true) => E::ONE,
            _ => E::ZERO,
        })
    }

    /// The mask repeated to a larger shape: axes of size 1, and axes missing in front, repeat.
    ///
    /// # Errors
    /// [`Error::Shapes`] if the shape cannot be reached by repeating.
    pub fn try_broadcast_to(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        shape.checked_len::<bool>("broadcast_to")?;
        let strides = self.shape.broadcast_strides(&self.strides, &shape)?;
        Ok(Mask { values: Arc::clone(&self.values), offset: self.offset, shape, strides })
    }

    /// The mask repeated to a larger shape. See [`try_broadcast_to`](Self::try_broadcast_to).
    ///
    /// # Panics
    /// If the shape cannot be reached by repeating.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        expect(self.try_broadcast_to(shape))
    }

    /// Two axes exchanged. No copy.
    ///
    /// # Panics
    /// If one of them does not exist.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let place = |axis| expect(self.shape.axis("transpose", axis));
        let (a, b) = (place(a), place(b));
        let mut mask = self.clone();
        mask.shape.dims_mut().swap(a, b);
        mask.strides.swap(a, b);
        mask
    }

    /// A new axis of size 1 in front of `axis`; `rank` puts it behind the last. No copy.
    ///
    /// # Panics
    /// If there is no such place.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let at = expect(self.shape.place("unsqueeze", axis));
        let mut mask = self.clone();
        mask.shape.dims_mut().insert(at, 1);
        mask.strides.insert(at, 0);
        mask
    }

    /// The values under another shape.
    ///
    /// # Panics
    /// If the shapes differ in their number of values.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if expect(shape.checked_len::<bool>("reshape")) != self.len() {
            let expected = format!("a shape of {} values to reshape {} to", self.len(), self.shape);
            return expect(Err(Error::Shapes { op: "reshape", expected, got: vec![shape] }));
        }
        Self::row_major(self.to_contiguous().into(), shape)
    }

    /// The values `f` gives for each pair; the masks broadcast.
    fn zip(&self, other: &Mask, op: &'static str, f: impl Fn(bool, bool) -> bool) -> Result<Mask> {
        let shape = broadcast(op, &self.shape, &other.shape)?;
        let (a, b) = (self.broadcast_to(&shape), other.broadcast_to(&shape));
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let values = a.iter().zip(b.iter()).map(|(&a, &b)| f(a, b)).collect();
        Ok(Self::row_major(values, shape))
    }

    /// Where both are true; the shapes broadcast. Also `&`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn and(&self, other: &Mask) -> Mask {
        expect(self.zip(other, "and", |a, b| a & b))
    }

    /// Where one of them is true, or both; the shapes broadcast. Also `|`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn or(&self, other: &Mask) -> Mask {
        expect(self.zip(other, "or", |a, b| a | b))
    }

    /// Where it is false. Also `!`.
    #[allow(clippy::should_implement_trait, reason = "`!` is implemented through it")]
    #[must_use]
    pub fn not(&self) -> Mask {
        let values = self.to_contiguous().iter().map(|&value| !value).collect();
        Self::row_major(values, self.shape.clone())
    }
}

impl BitAnd for &Mask {
    type Output = Mask;
    #[track_caller]
    fn bitand(self, other: &Mask) -> Mask {
        self.and(other)
    }
}

impl BitOr for &Mask {
    type Output = Mask;
    #[track_caller]
    fn bitor(self, other: &Mask) -> Mask {
        self.or(other)
    }
}

impl Not for &Mask {
    type Output = Mask;
    fn not(self) -> Mask {
        Mask::not(self)
    }
}

/// Equal shapes and equal values.
impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.to_contiguous() == other.to_contiguous()
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask of shape {}, {} of {} true", self.shape, self.count(), self.len())
    }
}

fn broadcast(op: &'static str, a: &Shape, b: &Shape) -> Result<Shape> {
    crate::ops::support::broadcast(op, &[a, b])
}

/// Where the comparison holds; the operands broadcast.
pub(crate) fn compare<E: Element>(
    comparison: Comparison,
    a: &Tensor<E>,
    b: &Tensor<E>,
) -> Result<Mask> {
    let op = match comparison {
        Comparison::Lt => "lt",
        Comparison::Le => "le",
        Comparison::Gt => "gt",
        Comparison::Ge => "ge",
        Comparison::Eq => "eq",
        _ => "ne",
    };
    let shape = broadcast(op, a.shape(), b.shape())?;
    let mut values: Arc<[bool]> = std::iter::repeat_n(false, shape.checked_len::<E>(op)?).collect();
    let out = Arc::get_mut(&mut values).expect("a new allocation has one owner");
    strided::zip(a, b, &shape, out, |a, b, out| elementwise::compare(comparison, a, b, out));
    Ok(Mask::row_major(values, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_read_the_same_values() {
        let mask = Mask::from_fn([2, 3], |i| (i[0] + i[1]) % 2 == 0 || i[1] == 2);
        assert_eq!(mask.to_vec(), [true, false, true, false, true, true]);
        let t = mask.transpose(0, 1);
        assert!(!t.is_contiguous());
        assert_eq!(t.to_vec(), [true, false, false, true, true, true]);
        assert_eq!(t, Mask::from_slice(&t.to_vec(), [3, 2]).unwrap());
        assert_eq!((t.get(&[2, 1]), t.get(&[2, 2])), (Some(true), None));
        assert_eq!(t.reshape([6]).to_vec(), t.to_vec());
        let rows = mask.unsqueeze(1).broadcast_to([2, 2, 3]);
        assert_eq!(
            rows.to_vec(),
            [&mask.to_vec()[..3]; 2]
                .concat()
                .into_iter()
                .chain([&mask.to_vec()[3..]; 2].concat())
                .collect::<Vec<_>>()
        );
        assert_eq!(mask.to_tensor::<f32>().to_vec(), [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn empty_and_single_masks_are_masks() {
        let empty = Mask::from_fn([2, 0], |_| true);
        assert!(empty.is_empty() && empty.all() && !empty.any() && empty.not().is_empty());
        assert_eq!(empty.transpose(0, 1).to_vec(), []);
        let one = Mask::full(Shape::scalar(), true);
        assert_eq!((one.to_vec(), one.count()), (vec![true], 1));
        assert_eq!(Mask::full([2, 2], false).to_vec(), [false; 4]);
    }

    #[test]
    fn logic_broadcasts() {
        let row = Mask::from_slice(&[true, false], [2]).unwrap();
        let column = Mask::from_slice(&[true, false], [2, 1]).unwrap();
        assert_eq!((&row & &column).to_vec(), [true, false, false, false]);
        assert_eq!((&row | &column).to_vec(), [true, true, true, false]);
        assert_eq!((!&row).to_vec(), [false, true]);
        let wrong = std::panic::catch_unwind(|| row.and(&Mask::full([3], true)));
        assert!(wrong.unwrap_err().downcast_ref::<String>().unwrap().starts_with("and: expected"));
    }

    #[test]
    fn causal_masks_end_at_the_last_key() {
        assert_eq!(Mask::causal(2, 2).to_vec(), [true, false, true, true]);
        assert_eq!(Mask::causal(1, 3).to_vec(), [true, true, true]);
        assert_eq!(Mask::causal(3, 2).to_vec(), [false, false, true, false, true, true]);
    }

    #[test]
    fn comparisons_broadcast_and_are_false_for_nan() {
        let a = Tensor::from_slice(&[1.0_f32, 2.0, f32::NAN], [3]).unwrap();
        let b = Tensor::from_slice(&[1.0, 3.0], [2, 1]).unwrap();
        assert_eq!(a.lt(&b).to_vec(), [false, false, false, true, true, false]);
        assert_eq!(a.le(&b).to_vec(), [true, false, false, true, true, false]);
        assert_eq!(a.gt(&b).to_vec(), [false, true, false, false, false, false]);
        assert_eq!(a.ge(&b).to_vec(), [true, true, false, false, false, false]);
        assert_eq!(Tensor::eq(&a, &b).to_vec(), [true, false, false, false, false, false]);
        assert_eq!(a.ne(&b).to_vec(), [false, true, true, true, true, true]);
        assert_eq!(a.ge_scalar(2.0).to_vec(), [false, true, false]);
        let (t, u) =
            (b.broadcast_to([2, 3]).transpose(0, 1), a.broadcast_to([2, 3]).transpose(0, 1));
        assert_eq!(u.lt(&t), a.lt(&b).transpose(0, 1));
    }
}
