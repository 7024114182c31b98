//! Conversions between tensors and the types of the standard library.

use wengert_kernels::Element;

use super::{Tensor, strided};
use crate::error::{Error, Result, expect};
use crate::memory::Handle;
use crate::shape::Shape;

impl<E: Element> Tensor<E> {
    /// The elements in row-major order. See [`into_vec`](Self::into_vec).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if they must be copied and there is no memory for the copy.
    pub fn try_into_vec(self) -> Result<Vec<E>> {
        let whole = self.offset == 0
            && self.is_contiguous()
            && self.len() > 1
            && !self.is_pending()
            && self.handle.as_slice().len() == self.len();
        if !whole {
            return self.try_to_vec();
        }
        let Tensor { handle, shape, .. } = self;
        handle.into_adopted().or_else(|handle| Self::of(handle, shape).try_to_vec())
    }

    /// The elements in row-major order. A vector given to [`from_vec`](Self::from_vec) is returned
    /// without a copy if no other tensor shares it. The elements of all other tensors are copied,
    /// because their memory has a larger alignment than that of a vector.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.t().into_vec(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the elements must be copied and there is no memory for the copy.
    #[track_caller]
    pub fn into_vec(self) -> Vec<E> {
        expect(self.try_into_vec())
    }

    /// A tensor of another element type with the same numbers, each rounded to nearest.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if there is no memory for the tensor.
    pub fn try_cast<F: Element>(&self) -> Result<Tensor<F>> {
        let once = strided::without_repetition(self);
        let mut out = Tensor::<F>::stale(once.shape.clone(), None)?;
        for (to, from) in out.as_mut_slice().iter_mut().zip(once.try_to_vec()?) {
            *to = F::from_f64(from.to_f64());
        }
        out.try_broadcast_to(&self.shape)
    }

    /// A tensor of another element type with the same numbers, each rounded to nearest.
    ///
    /// # Panics
    /// If there is no memory for the tensor.
    #[track_caller]
    pub fn cast<F: Element>(&self) -> Tensor<F> {
        expect(self.try_cast())
    }
}

/// A tensor of rank 0.
impl<E: Element> From<E> for Tensor<E> {
    fn from(value: E) -> Self {
        Self::scalar(value)
    }
}

/// A tensor with one axis. The elements are not copied.
impl<E: Element> From<Vec<E>> for Tensor<E> {
    fn from(data: Vec<E>) -> Self {
        let shape = Shape::from([data.len()]);
        Self::of(Handle::adopt(data), shape)
    }
}

/// A tensor with one axis. The elements are copied.
impl<E: Element> From<&[E]> for Tensor<E> {
    /// # Panics
    /// If there is no memory for the copy.
    #[track_caller]
    fn from(data: &[E]) -> Self {
        expect(Self::from_slice(data, [data.len()]))
    }
}

/// The elements in row-major order. See [`Tensor::into_vec`].
impl<E: Element> From<Tensor<E>> for Vec<E> {
    /// # Panics
    /// If the elements must be copied and there is no memory for the copy.
    #[track_caller]
    fn from(tensor: Tensor<E>) -> Self {
        tensor.into_vec()
    }
}

/// A tensor with one axis.
impl<E: Element> FromIterator<E> for Tensor<E> {
    fn from_iter<I: IntoIterator<Item = E>>(elements: I) -> Self {
        Self::from(Vec::from_iter(elements))
    }
}

/// Nested arrays: their type, their sizes and the expression that flattens them.
macro_rules! nested_arrays {
    ($($type:ty, [$($size:ident),+], |$nest:ident| $flat:expr;)+) => {$(
        /// A tensor with one axis per level of nesting. The elements are copied.
        impl<E: Element, $(const $size: usize),+> From<$type> for Tensor<E> {
            /// # Panics
            /// If there is no memory for the copy.
            #[track_caller]
            fn from($nest: $type) -> Self {
                expect(Self::from_slice($flat, [$($size),+]))
            }
        }
    )+};
}

nested_arrays! {
    [E; A], [A], |nest| &nest;
    [[E; B]; A], [A, B], |nest| nest.as_flattened();
    [[[E; C]; B]; A], [A, B, C], |nest| nest.as_flattened().as_flattened();
    [[[[E; D]; C]; B]; A], [A, B, C, D], |nest| nest.as_flattened().as_flattened().as_flattened();
}

/// A tensor with two axes.
///
/// ```
/// use wengert_autodiff::Tensor;
/// let x = Tensor::try_from(vec![vec![1.0_f32, 2.0], vec![3.0, 4.0]])?;
/// assert_eq!(x.shape(), &[2, 2]);
/// assert!(Tensor::try_from(vec![vec![1.0_f32, 2.0], vec![3.0]]).is_err());
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
impl<E: Element> TryFrom<Vec<Vec<E>>> for Tensor<E> {
    type Error = Error;

    /// # Errors
    /// [`Error::Argument`] if the rows differ in length.
    fn try_from(rows: Vec<Vec<E>>) -> Result<Self> {
        let cols = equal_lengths(&rows, "row")?;
        Self::from_vec(rows.concat(), [rows.len(), cols])
    }
}

/// A tensor with three axes.
impl<E: Element> TryFrom<Vec<Vec<Vec<E>>>> for Tensor<E> {
    type Error = Error;

    /// # Errors
    /// [`Error::Argument`] if the matrices differ in their number of rows or the rows in length.
    fn try_from(matrices: Vec<Vec<Vec<E>>>) -> Result<Self> {
        let rows = equal_lengths(&matrices, "matrix")?;
        let count = matrices.len();
        let all = matrices.concat();
        let cols = equal_lengths(&all, "row")?;
        Self::from_vec(all.concat(), [count, rows, cols])
    }
}

/// The common length of the lists; 0 if there are none.
fn equal_lengths<T>(lists: &[Vec<T>], what: &str) -> Result<usize> {
    let len = lists.first().map_or(0, Vec::len);
    match lists.iter().position(|list| list.len() != len) {
        None => Ok(len),
        Some(i) => {
            let message = format!(
                "{what} {i} of the nested vectors has length {}, {what} 0 has length {len}; all must \
                 have the same length",
                lists[i].len()
            );
            Err(Error::Argument { op: "tensor", message })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_adopted_and_given_back() {
        let data = vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let address = data.as_ptr();
        let mut x = Tensor::from_vec(data, [2, 3]).unwrap();
        x.as_mut_slice()[0] = 9.0;
        assert_eq!(x.as_slice().unwrap().as_ptr(), address);
        let turned = x.reshape([3, 2]);
        drop(x);
        let data = turned.into_vec();
        assert_eq!((data.as_ptr(), &data[..]), (address, &[9.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]));
    }

    #[test]
    fn what_is_shared_or_a_view_is_copied() {
        let data = vec![1.0_f64, 2.0, 3.0, 4.0];
        let address = data.as_ptr();
        let x = Tensor::from(data).reshape([2, 2]);
        let other = x.clone();
        let copy = x.into_vec();
        assert_eq!(copy, [1.0, 2.0, 3.0, 4.0]);
        assert_ne!(copy.as_ptr(), address);
        assert_eq!(other.slice(0, 1..).into_vec(), [3.0, 4.0]);
        assert_eq!(other.slice(0, ..1).into_vec(), [1.0, 2.0]);
        assert_eq!(other.t().into_vec(), [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(other.broadcast_to([2, 2, 2]).into_vec().len(), 8);
        let data = other.into_vec();
        assert_eq!(data.as_ptr(), address);
    }

    #[test]
    fn vectors_of_no_and_of_one_element() {
        assert_eq!(Tensor::from(Vec::<f32>::new()).shape(), &[0]);
        assert_eq!(Tensor::<f32>::from_vec(vec![], [3, 0]).unwrap().into_vec(), []);
        assert_eq!(Tensor::from(vec![2.0_f32]).into_vec(), [2.0]);
        assert_eq!(Tensor::from_vec(vec![2.0_f64], []).unwrap().item(), 2.0);
        let (mut x, mut y) = (Tensor::from(vec![2.0_f32]), Tensor::from(vec![3.0_f32, 4.0]));
        (x.as_mut_slice()[0], y.as_mut_slice()[1]) = (5.0, 6.0);
        assert_eq!((x.into_vec(), y.into_vec()), (vec![5.0], vec![3.0, 6.0]));
        // A vector whose capacity exceeds its length.
        let mut data = Vec::with_capacity(100);
        data.extend([1.0_f32, 2.0]);
        assert_eq!((&Tensor::from(data) + &Tensor::ones([2])).to_vec(), [2.0, 3.0]);
    }

    #[test]
    fn nests_have_an_axis_for_each_level() {
        let x = Tensor::from([[[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]]]);
        assert_eq!(x.shape(), &[1, 3, 2]);
        assert_eq!(x.to_vec(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(Tensor::from([[[[1.0_f64]; 2]; 3]; 4]).shape(), &[4, 3, 2, 1]);
        assert_eq!(Tensor::from([[0.0_f64; 3]; 0]).shape(), &[0, 3]);
        assert_eq!(
            Tensor::try_from(vec![vec![vec![1.0_f32; 2]; 3]; 4]).unwrap().shape(),
            &[4, 3, 2]
        );
        assert_eq!(Tensor::try_from(Vec::<Vec<f32>>::new()).unwrap().shape(), &[0, 0]);
        let nest = vec![vec![vec![1.0_f32], vec![2.0]], vec![vec![3.0], vec![4.0, 5.0]]];
        let error = Tensor::try_from(nest).unwrap_err().to_string();
        assert!(error.contains("row 3 of the nested vectors has length 2"), "{error}");
        assert_eq!((0..3).map(f64::from).collect::<Tensor<f64>>().to_vec(), [0.0, 1.0, 2.0]);
        assert_eq!(Vec::from(Tensor::from(&[1.0_f32, 2.0][..])), [1.0, 2.0]);
    }
}
