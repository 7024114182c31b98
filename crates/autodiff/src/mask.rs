//! [`Mask`]: truth values with a shape, the result of comparisons and the condition of selections.

use std::borrow::Cow;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

use wengert_kernels::Element;
use wengert_kernels::elementwise::{self, Comparison, Run};

use crate::error::{Error, Result, expect};
use crate::memory::try_vec;
use crate::shape::{Shape, Strides};
use crate::tensor::equal::{View, equal};
use crate::tensor::{Tensor, strided};

/// An array of truth values that selects elements.
///
/// Comparisons return a mask ([`Tensor::lt`], [`Var::lt`](crate::Var::lt) and similar methods), and
/// [`where_`](crate::ops::where_) and [`masked_fill`](crate::ops::masked_fill) select by it. It is
/// not a tensor, and has no derivative.
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
    values: Arc<Vec<bool>>,
    offset: usize,
    shape: Shape,
    strides: Strides,
}

impl Mask {
    fn row_major(values: Vec<bool>, shape: Shape) -> Self {
        let strides = shape.contiguous_strides();
        Mask { values: Arc::new(values), offset: 0, shape, strides }
    }

    /// A mask of this shape, all false.
    fn blank(op: &'static str, shape: &Shape) -> Result<Vec<bool>> {
        let len = shape.checked_len::<bool>(op)?;
        try_vec(len, false).map_err(|refused| refused.for_shape(op, shape))
    }

    /// A mask with the given values in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if the number of values is not the number of elements of the shape.
    pub fn from_slice(values: &[bool], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len::<bool>("mask")? != values.len() {
            return Err(Error::Length { shape, got: values.len() });
        }
        let mut copy = Self::blank("mask", &shape)?;
        copy.copy_from_slice(values);
        Ok(Self::row_major(copy, shape))
    }

    /// A mask with the result of `f` for each index. `f` is called in row-major order.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the shape's size does not fit the address space, and
    /// [`Error::OutOfMemory`].
    pub fn try_from_fn(
        shape: impl Into<Shape>,
        mut f: impl FnMut(&[usize]) -> bool,
    ) -> Result<Self> {
        let shape = shape.into();
        let mut values = Self::blank("mask", &shape)?;
        let mut index = vec![0; shape.rank()];
        for value in &mut values {
            *value = f(&index);
            shape.advance(&mut index);
        }
        Ok(Self::row_major(values, shape))
    }

    /// A mask with the result of `f` for each index. `f` is called in row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the mask.
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, f: impl FnMut(&[usize]) -> bool) -> Self {
        expect(Self::try_from_fn(shape, f))
    }

    /// A mask with the same value everywhere. It takes the memory of one value.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: bool) -> Self {
        Self::row_major(vec![value], Shape::scalar()).broadcast_to(shape)
    }

    /// The mask of causal attention: each of the last `queries` of `keys` positions attends to
    /// itself and to the positions before it. True at `(i, j)` where `j <= i + keys - queries`.
    /// With equal numbers it is the lower triangle; with fewer keys the first queries attend to
    /// none.
    ///
    /// # Shapes
    /// The result is `[queries, keys]`.
    ///
    /// # Panics
    /// If the size does not fit the address space, or there is no memory for the mask.
    #[track_caller]
    pub fn causal(queries: usize, keys: usize) -> Self {
        expect(Self::try_causal(queries, keys))
    }

    pub(crate) fn try_causal(queries: usize, keys: usize) -> Result<Self> {
        Self::try_from_fn([queries, keys], |i| i[1] + queries <= i[0] + keys)
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

    /// Whether the mask has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in row-major order.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if there is no memory for the vector.
    pub fn try_to_vec(&self) -> Result<Vec<bool>> {
        let mut values = Self::blank("mask", &self.shape)?;
        if values.is_empty() {
            return Ok(values);
        }
        let (inner, step) = match (self.shape.last(), self.strides.last()) {
            (Some(&inner), Some(&step)) => (inner, step),
            _ => (1, 0),
        };
        let mut index = vec![0; self.rank().saturating_sub(1)];
        let mut start = self.offset as isize;
        for row in values.chunks_exact_mut(inner) {
            for (i, value) in row.iter_mut().enumerate() {
                *value = self.values[(start + i as isize * step) as usize];
            }
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
        Ok(values)
    }

    /// The values in row-major order.
    ///
    /// # Panics
    /// If there is no memory for the vector.
    #[track_caller]
    pub fn to_vec(&self) -> Vec<bool> {
        expect(self.try_to_vec())
    }

    /// The values in row-major order, copied only if the mask is not contiguous.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if there is no memory for a copy.
    pub fn try_to_contiguous(&self) -> Result<Cow<'_, [bool]>> {
        if self.is_empty() {
            Ok(Cow::Borrowed(&[]))
        } else if self.is_contiguous() {
            Ok(Cow::Borrowed(&self.values[self.offset..self.offset + self.len()]))
        } else {
            self.try_to_vec().map(Cow::Owned)
        }
    }

    /// The values in row-major order, copied only if the mask is not contiguous.
    ///
    /// # Panics
    /// If there is no memory for a copy.
    #[track_caller]
    pub fn to_contiguous(&self) -> Cow<'_, [bool]> {
        expect(self.try_to_contiguous())
    }

    /// The mask with size 1 along the axes along which a value repeats, if there are any.
    fn once(&self) -> Cow<'_, Mask> {
        let repeated = |&axis: &usize| self.strides[axis] == 0 && self.shape[axis] > 1;
        if self.is_empty() || !(0..self.rank()).any(|axis| repeated(&axis)) {
            return Cow::Borrowed(self);
        }
        let mut once = self.clone();
        for axis in (0..self.rank()).filter(repeated) {
            once.shape.dims_mut()[axis] = 1;
        }
        Cow::Owned(once)
    }

    /// Whether the values lie one after another in row-major order.
    pub fn is_contiguous(&self) -> bool {
        self.shape.are_row_major(&self.strides)
    }

    /// The value at an index, or `None` if the index is outside the shape.
    pub fn get(&self, index: &[usize]) -> Option<bool> {
        let steps = self.shape.position(index, &self.strides)?;
        Some(self.values[(self.offset as isize + steps) as usize])
    }

    /// Whether some value is true.
    pub fn any(&self) -> bool {
        self.once().to_contiguous().contains(&true)
    }

    /// Whether every value is true.
    pub fn all(&self) -> bool {
        !self.once().to_contiguous().contains(&false)
    }

    /// The number of true values.
    pub fn count(&self) -> usize {
        let once = self.once();
        let copies = if self.is_empty() { 0 } else { self.len() / once.len() };
        once.to_contiguous().iter().filter(|&&value| value).count() * copies
    }

    /// A tensor with 1 where the mask is true and 0 where it is false.
    ///
    /// # Panics
    /// If there is no memory for the tensor.
    #[track_caller]
    pub fn to_tensor<E: Element>(&self) -> Tensor<E> {
        let once = self.once();
        let values = once.to_contiguous();
        let mut values = values.iter();
        let tensor = Tensor::from_fn(once.shape.clone(), |_| match values.next() {
            Some(true) => E::ONE,
            _ => E::ZERO,
        });
        tensor.broadcast_to(&self.shape)
    }

    /// The mask repeated to a larger shape, along axes of size 1 and along missing leading axes.
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

    /// The mask with two axes exchanged, as a view.
    ///
    /// # Panics
    /// If one of the axes does not exist.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let place = |axis| expect(self.shape.axis("transpose", axis));
        let (a, b) = (place(a), place(b));
        let mut mask = self.clone();
        mask.shape.dims_mut().swap(a, b);
        mask.strides.swap(a, b);
        mask
    }

    /// The mask with a new axis of size 1 before `axis`, as a view; `rank` adds it after the last
    /// axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let at = expect(self.shape.place("unsqueeze", axis));
        let mut mask = self.clone();
        mask.shape.dims_mut().insert(at, 1);
        mask.strides.insert(at, 0);
        mask
    }

    fn as_view(&self) -> View<'_, bool> {
        let (shape, strides) = (self.shape.clone(), self.strides.clone());
        View { values: &self.values, offset: self.offset, shape, strides }
    }

    /// The mask in another shape, with the same values in row-major order.
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
        if self.is_contiguous() {
            let strides = shape.contiguous_strides();
            return Mask { values: Arc::clone(&self.values), offset: self.offset, shape, strides };
        }
        Self::row_major(self.to_vec(), shape)
    }

    /// The result of `f` for each pair of values; the masks broadcast. The result repeats along an
    /// axis on which both masks repeat.
    fn zip(&self, other: &Mask, op: &'static str, f: impl Fn(bool, bool) -> bool) -> Result<Mask> {
        let shape = broadcast(op, &self.shape, &other.shape)?;
        let (mut a, mut b) = (self.try_broadcast_to(&shape)?, other.try_broadcast_to(&shape)?);
        let mut once = shape.clone();
        for axis in 0..shape.rank() {
            if shape[axis] > 1 && a.strides[axis] == 0 && b.strides[axis] == 0 {
                for shape in [&mut once, &mut a.shape, &mut b.shape] {
                    shape.dims_mut()[axis] = 1;
                }
            }
        }
        let mut values = Self::blank(op, &once)?;
        let (a, b) = (a.try_to_contiguous()?, b.try_to_contiguous()?);
        for ((value, &a), &b) in values.iter_mut().zip(a.iter()).zip(b.iter()) {
            *value = f(a, b);
        }
        Self::row_major(values, once).try_broadcast_to(shape)
    }

    /// True where both masks are true; the shapes broadcast. Also available as `&`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn and(&self, other: &Mask) -> Mask {
        expect(self.try_and(other))
    }

    pub(crate) fn try_and(&self, other: &Mask) -> Result<Mask> {
        self.zip(other, "and", |a, b| a & b)
    }

    /// True where at least one of the masks is true; the shapes broadcast. Also available as `|`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn or(&self, other: &Mask) -> Mask {
        expect(self.zip(other, "or", |a, b| a | b))
    }

    /// True where the mask is false. Also available as `!`.
    ///
    /// # Panics
    /// If there is no memory for the result.
    #[allow(clippy::should_implement_trait, reason = "`!` is implemented through it")]
    #[must_use]
    pub fn not(&self) -> Mask {
        let once = self.once();
        let mut values = once.to_vec();
        for value in &mut values {
            *value = !*value;
        }
        Self::row_major(values, once.shape.clone()).broadcast_to(&self.shape)
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
        self.shape == other.shape && equal(self.as_view(), other.as_view())
    }
}

/// Prints 1 for true and 0 for false, like the elements of a tensor: in nested brackets, a large
/// mask in part.
///
/// ```
/// use wengert_autodiff::Tensor;
/// let x = Tensor::from([[1.0_f32, -2.0], [0.5, 3.0]]);
/// assert_eq!(x.gt(&Tensor::scalar(0.0)).to_string(), "[[1, 0],\n [1, 1]]");
/// ```
impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.to_vec();
        let mut values = values.iter();
        let next = |_: &[usize]| f32::from(u8::from(values.next().copied().unwrap_or_default()));
        fmt::Display::fmt(&Tensor::from_fn(self.shape.clone(), next), f)
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask of shape {}, {} of {} true", self.shape, self.count(), self.len())
    }
}

fn broadcast(op: &'static str, a: &Shape, b: &Shape) -> Result<Shape> {
    crate::shape::broadcast(op, &[a, b])
}

/// A mask that is true where the comparison holds; the operands broadcast.
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
    shape.checked_len::<E>(op)?;
    a.compute()?;
    b.compute()?;
    let kernel =
        |a: Run<E>, b: Run<E>, out: &mut [bool]| elementwise::compare(comparison, a, b, out);
    // The mask repeats along an axis on which both operands repeat.
    if let Some((once, part)) = strided::once_all(&[a, b], &shape) {
        let mut values = Mask::blank(op, &part)?;
        strided::zip(&once[0], &once[1], &part, &mut values, kernel);
        return Mask::row_major(values, part).try_broadcast_to(shape);
    }
    let mut values = Mask::blank(op, &shape)?;
    strided::zip(a, b, &shape, &mut values, kernel);
    Ok(Mask::row_major(values, shape))
}

#[cfg(test)]
mod tests;
