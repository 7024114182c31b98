//! Conversions to and from `ndarray` (feature `ndarray`), without a copy where the layouts permit
//! it.

use ndarray::{
    ArrayBase, ArrayD, ArrayViewD, Axis, Data, Dimension, IxDyn, OwnedRepr, ShapeBuilder,
};
use wengert_kernels::Element;

use super::Tensor;
use super::create::check_len;
use crate::error::{Result, expect};
use crate::memory::Handle;
use crate::shape::{Shape, Strides};

impl<E: Element> Tensor<E> {
    /// A tensor of the elements of an array or a view of `ndarray`, which are copied.
    /// `Tensor::try_from` converts an owned array without a copy.
    ///
    /// # Errors
    /// [`Error::TooLarge`](crate::Error::TooLarge) for an array without elements whose other sizes
    /// do not fit the address space, and [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn from_ndarray(array: &ArrayBase<impl Data<Elem = E>, impl Dimension>) -> Result<Self> {
        let mut elements = array.iter();
        Self::generated(&Shape::from(array.shape()), || {
            elements.next().copied().unwrap_or_default()
        })
    }

    /// The elements as a view of `ndarray`, for any strides. See [`as_ndarray`](Self::as_ndarray).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if the elements are a deferred result that
    /// there is no memory for.
    #[allow(clippy::missing_panics_doc, reason = "every index of a tensor lies in its buffer")]
    pub fn try_as_ndarray(&self) -> Result<ArrayViewD<'_, E>> {
        self.compute()?;
        let (buffer, offset) = self.raw();
        if self.is_empty() {
            let view = ArrayViewD::from_shape(self.shape().dims(), &[]);
            return Ok(view.expect("a shape without elements needs none"));
        }
        // `ndarray` requires strides that are not negative: flipped axes are inverted, and inverted
        // back.
        let mut first = offset as isize;
        let strides = self.strides();
        for (&size, &stride) in self.shape().iter().zip(strides.iter()) {
            first += (size as isize - 1) * stride.min(0);
        }
        let sizes: Vec<usize> = self.shape().to_vec();
        let lengths: Vec<usize> = strides.iter().map(|stride| stride.unsigned_abs()).collect();
        let view = ArrayViewD::from_shape(sizes.strides(lengths), &buffer[first as usize..]);
        let mut view = view.expect("the elements of a tensor lie in its buffer");
        for (axis, &stride) in strides.iter().enumerate() {
            if stride < 0 {
                view.invert_axis(Axis(axis));
            }
        }
        Ok(view)
    }

    /// The elements as a view of `ndarray`. Nothing is copied, for any strides.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// let column_sums = x.as_ndarray().sum_axis(ndarray::Axis(0));
    /// assert_eq!(column_sums.as_slice(), Some(&[4.0, 6.0][..]));
    /// ```
    ///
    /// # Panics
    /// If the elements are a deferred result that there is no memory for.
    #[track_caller]
    pub fn as_ndarray(&self) -> ArrayViewD<'_, E> {
        expect(self.try_as_ndarray())
    }

    /// An owned array of `ndarray` with the elements in row-major order. See
    /// [`into_ndarray`](Self::into_ndarray).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if they must be copied and there is no
    /// memory for the copy.
    #[allow(clippy::missing_panics_doc, reason = "the vector is as long as the shape says")]
    pub fn try_into_ndarray(self) -> Result<ArrayD<E>> {
        let sizes = self.shape().to_vec();
        let array = ArrayD::from_shape_vec(sizes, self.try_into_vec()?);
        Ok(array.expect("the vector holds the elements of the shape"))
    }

    /// An owned array of `ndarray` with the elements in row-major order. Copies under the
    /// conditions of [`into_vec`](Self::into_vec).
    ///
    /// # Panics
    /// If the elements must be copied and there is no memory for the copy.
    #[track_caller]
    pub fn into_ndarray(self) -> ArrayD<E> {
        expect(self.try_into_ndarray())
    }
}

/// Converts an array that owns its elements into a tensor of the same layout without a copy.
///
/// ```
/// use wengert_autodiff::Tensor;
/// let x = Tensor::try_from(ndarray::array![[1.0_f32, 2.0], [3.0, 4.0]])?;
/// assert_eq!(x, Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
impl<E: Element, D: Dimension> TryFrom<ArrayBase<OwnedRepr<E>, D>> for Tensor<E> {
    type Error = crate::Error;

    /// # Errors
    /// [`Error::TooLarge`](crate::Error::TooLarge) for an array without elements whose other sizes
    /// do not fit the address space.
    fn try_from(array: ArrayBase<OwnedRepr<E>, D>) -> Result<Self> {
        let shape = Shape::from(array.shape());
        // Along an axis with one position `ndarray` permits any stride.
        let strides = array.strides().iter().zip(array.shape());
        let strides: Strides =
            strides.map(|(&stride, &size)| if size > 1 { stride } else { 0 }).collect();
        check_len::<E>(&shape, array.len())?;
        let (data, offset) = array.into_raw_vec_and_offset();
        // Without elements the offset is zero.
        let whole = Self::of(Handle::adopt(data), shape.clone());
        Ok(match offset {
            Some(offset) => whole.view(shape, strides, offset),
            None => whole,
        })
    }
}

/// The elements in row-major order. See [`Tensor::into_ndarray`].
impl<E: Element> From<Tensor<E>> for ArrayBase<OwnedRepr<E>, IxDyn> {
    /// # Panics
    /// If the elements must be copied and there is no memory for the copy.
    #[track_caller]
    fn from(tensor: Tensor<E>) -> Self {
        tensor.into_ndarray()
    }
}
