//! Construction of tensors.

use rand::Rng;
use wengert_kernels::Element;

use super::Tensor;
use crate::error::{Error, Result, expect};
use crate::shape::Shape;

impl<E: Element> Tensor<E> {
    /// The elements of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` does not hold as many elements as the shape asks for, and
    /// [`Error::OutOfMemory`].
    pub fn from_slice(data: &[E], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len::<E>("tensor")? != data.len() {
            return Err(Error::Length { shape, got: data.len() });
        }
        let mut tensor = Self::stale(shape, None)?;
        tensor.as_mut_slice().copy_from_slice(data);
        Ok(tensor)
    }

    /// The elements of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` does not hold as many elements as the shape asks for.
    #[allow(clippy::needless_pass_by_value, reason = "what a caller with a Vec expects")]
    pub fn from_vec(data: Vec<E>, shape: impl Into<Shape>) -> Result<Self> {
        Self::from_slice(&data, shape)
    }

    /// Every element equal to `value`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the shape's size does not fit the address space, and
    /// [`Error::OutOfMemory`].
    pub fn try_full(shape: impl Into<Shape>, value: E) -> Result<Self> {
        let shape = shape.into();
        let len = shape.checked_len::<E>("tensor")?;
        Self::written_by(&shape, len, None, |elements| elements.fill(value))
    }

    /// Every element equal to `value`.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for it.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: E) -> Self {
        expect(Self::try_full(shape, value))
    }

    /// Zeros.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for it.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, E::ZERO)
    }

    /// Ones.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for it.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, E::ONE)
    }

    /// A tensor of rank 0.
    pub fn scalar(value: E) -> Self {
        Self::full(Shape::scalar(), value)
    }

    /// The elements `f` gives for each index, in row-major order.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the shape's size does not fit the address space, and
    /// [`Error::OutOfMemory`].
    pub fn try_from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> E) -> Result<Self> {
        let mut tensor = Self::stale(shape.into(), None)?;
        let shape = tensor.shape.clone();
        let mut index = vec![0; shape.rank()];
        for element in tensor.as_mut_slice() {
            *element = f(&index);
            shape.advance(&mut index);
        }
        Ok(tensor)
    }

    /// The elements `f` gives for each index, in row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for it.
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, f: impl FnMut(&[usize]) -> E) -> Self {
        expect(Self::try_from_fn(shape, f))
    }

    /// Independent draws, uniform in `[low, high)` before they are rounded to the element type, in
    /// row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, there is no memory for it, or the ends
    /// are not finite and in order.
    #[track_caller]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut impl Rng) -> Self {
        use rand::RngExt;
        assert!(
            (high - low).is_finite() && low <= high,
            "uniform draws need finite ends, the lower not above the upper, but got {low} and {high}"
        );
        Self::from_fn(shape, |_| E::from_f64(low + (high - low) * rng.random::<f64>()))
    }
}
