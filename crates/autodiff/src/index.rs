//! [`Index`]: a tensor of whole numbers, which are positions to read from or write to.

use std::fmt;
use std::sync::Arc;

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::memory::try_vec;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The maximum number of elements that are printed.
const PRINTED: usize = 1000;

/// A tensor of whole numbers: positions along an axis, class labels, the results of searches.
///
/// It is not a [`Tensor`](crate::Tensor) and cannot be put on a tape, as positions have no
/// derivative. Cloning shares the numbers.
///
/// ```
/// use wengert_autodiff::{Index, Tensor};
/// let x = Tensor::from_fn([3, 2], |i| (10 * i[0] + i[1]) as f32);
/// let rows = Index::from([2, 0]);
/// assert_eq!(x.index_select(0, &rows).to_vec(), [20.0, 21.0, 0.0, 1.0]);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Index {
    numbers: Arc<Vec<usize>>,
    shape: Shape,
    largest: Option<usize>,
}

impl Index {
    /// An index with the numbers of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of `data` is not the number of elements of the shape.
    pub fn from_slice(data: &[usize], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let mut numbers = try_vec(data.len(), 0).map_err(|e| e.for_shape("index", &shape))?;
        numbers.copy_from_slice(data);
        Self::new(Arc::new(numbers), shape)
    }

    /// An index with the numbers of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of `data` is not the number of elements of the shape.
    pub fn from_vec(data: Vec<usize>, shape: impl Into<Shape>) -> Result<Self> {
        Self::new(Arc::new(data), shape.into())
    }

    /// An index with the numbers of `data` in row-major order, where negative numbers count from
    /// the end of an axis of the given size.
    ///
    /// ```
    /// use wengert_autodiff::Index;
    /// let index = Index::from_signed(&[0, -1], [2], 5)?;
    /// assert_eq!(index.as_slice(), [0, 4]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] if the length of `data` is not the number of elements of the shape, and
    /// [`Error::Argument`] if a number is not in `-size..size`.
    pub fn from_signed(data: &[isize], shape: impl Into<Shape>, size: usize) -> Result<Self> {
        let place = |(place, &number): (usize, &isize)| {
            let absolute = if number < 0 {
                size.checked_sub(number.unsigned_abs())
            } else {
                Some(number as usize).filter(|&number| number < size)
            };
            absolute.ok_or_else(|| {
                let message = format!(
                    "the number {number} at position {place} is not in -{size}..{size}, the \
                     positions on an axis of size {size}"
                );
                Error::Argument { op: "Index::from_signed", message }
            })
        };
        Self::from_vec(data.iter().enumerate().map(place).collect::<Result<_>>()?, shape)
    }

    /// An index with the result of `f` for each place. `f` is called in row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the index.
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> usize) -> Self {
        let shape = shape.into();
        let mut numbers = expect(Self::blank("index", &shape));
        let mut place = vec![0; shape.rank()];
        for number in &mut numbers {
            *number = f(&place);
            shape.advance(&mut place);
        }
        expect(Self::from_vec(numbers, shape))
    }

    /// Zeros of this shape.
    pub(crate) fn blank(op: &'static str, shape: &Shape) -> Result<Vec<usize>> {
        let len = shape.checked_len::<usize>(op)?;
        try_vec(len, 0).map_err(|refused| refused.for_shape(op, shape))
    }

    fn new(numbers: Arc<Vec<usize>>, shape: Shape) -> Result<Self> {
        if shape.checked_len::<usize>("index")? != numbers.len() {
            return Err(Error::Length { shape, got: numbers.len() });
        }
        let largest = numbers.iter().copied().max();
        Ok(Index { numbers, shape, largest })
    }

    /// The sizes along the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether the index has no elements.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The numbers in row-major order.
    pub fn as_slice(&self) -> &[usize] {
        &self.numbers
    }

    /// A copy of the numbers in row-major order.
    pub fn to_vec(&self) -> Vec<usize> {
        self.numbers.to_vec()
    }

    /// The number at a place, or `None` if there is no such place.
    pub fn get(&self, place: &[usize]) -> Option<usize> {
        self.shape.row_major_position(place).map(|at| self.numbers[at])
    }

    /// An index with the same numbers in row-major order in another shape.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ in their number of elements.
    pub fn try_reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        Self::new(Arc::clone(&self.numbers), shape.into())
    }

    /// An index with the same numbers in row-major order in another shape.
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        expect(self.try_reshape(shape))
    }

    /// Returns an error if a number is not a position along an axis of `size`.
    pub(crate) fn check(&self, op: &'static str, size: usize) -> Result<()> {
        if self.largest.is_none_or(|largest| largest < size) {
            return Ok(());
        }
        let mut place = vec![0; self.rank()];
        for &index in self.numbers.iter() {
            if index >= size {
                return Err(Error::Index { op, place: place.into(), index, size });
            }
            self.shape.advance(&mut place);
        }
        unreachable!("the largest is one of the numbers")
    }
}

impl<E: Element> Tensor<E> {
    /// One-hot vectors along a new last axis: 1 at the position that each number gives, 0
    /// elsewhere. The tensor is a constant, as positions have no derivative.
    ///
    /// ```
    /// use wengert_autodiff::{Index, Tensor};
    /// let targets = Tensor::<f32>::one_hot(&Index::from([2, 0]), 3)?;
    /// assert_eq!(targets.to_vec(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Shapes
    /// An index of shape `[..]` gives `[.., classes]`.
    ///
    /// # Errors
    /// [`Error::Index`] if a number is not below `classes`, [`Error::TooLarge`], and
    /// [`Error::OutOfMemory`].
    pub fn one_hot(index: &Index, classes: usize) -> Result<Self> {
        index.check("one_hot", classes)?;
        let shape: Shape = index.shape().iter().copied().chain([classes]).collect();
        let mut out = Tensor::stale(shape, None).map_err(|error| error.of_op("one_hot"))?;
        let elements = out.as_mut_slice();
        elements.fill(E::ZERO);
        if classes > 0 {
            for (row, &number) in elements.chunks_exact_mut(classes).zip(index.as_slice()) {
                row[number] = E::ONE;
            }
        }
        Ok(out)
    }
}

/// The numbers in row-major order.
impl AsRef<[usize]> for Index {
    fn as_ref(&self) -> &[usize] {
        self.as_slice()
    }
}

/// An index with one axis.
impl From<Vec<usize>> for Index {
    fn from(numbers: Vec<usize>) -> Self {
        let shape = Shape::from([numbers.len()]);
        expect(Self::new(Arc::new(numbers), shape))
    }
}

/// An index with one axis.
impl From<&[usize]> for Index {
    fn from(numbers: &[usize]) -> Self {
        Self::from(numbers.to_vec())
    }
}

/// An index with one axis.
impl<const N: usize> From<[usize; N]> for Index {
    fn from(numbers: [usize; N]) -> Self {
        Self::from(numbers.to_vec())
    }
}

/// An index with one axis.
impl FromIterator<usize> for Index {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        Self::from(Vec::from_iter(numbers))
    }
}

/// Prints the numbers like a tensor's: in nested brackets, a large index in part.
///
/// ```
/// use wengert_autodiff::Index;
/// let index = Index::from_vec(vec![1, 20, 3, 4], [2, 2])?;
/// assert_eq!(index.to_string(), "[[ 1, 20],\n [ 3,  4]]");
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.numbers.iter();
        let next = |_: &[usize]| numbers.next().map_or(f64::NAN, |&number| number as f64);
        fmt::Display::fmt(&Tensor::from_fn(self.shape.clone(), next), f)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.numbers[..self.len().min(PRINTED)];
        write!(f, "Index{} {shown:?}", self.shape)?;
        if shown.len() < self.len() {
            write!(f, " and {} more", self.len() - shown.len())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_array_of_whole_numbers() {
        let index = Index::from_fn([2, 3], |place| 10 * place[0] + place[1]);
        assert_eq!(index.as_slice(), [0, 1, 2, 10, 11, 12]);
        assert_eq!(index, Index::from_vec(vec![0, 1, 2, 10, 11, 12], [2, 3]).unwrap());
        assert_eq!(
            (index.get(&[1, 1]), index.get(&[1, 3]), index.get(&[1])),
            (Some(11), None, None)
        );
        assert_eq!(index.reshape([3, 2]).get(&[1, 1]), Some(10));
        assert_eq!(Index::from_fn([2, 0], |_| 7).len(), 0);
        assert_eq!(Index::from_slice(&[5], []).unwrap().get(&[]), Some(5));
        assert_eq!(format!("{:?}", Index::from([3, 1])), "Index[2] [3, 1]");
        let error = Index::from_slice(&[1, 2], [3]).unwrap_err().to_string();
        assert_eq!(error, "a tensor of shape [3] holds 3 elements, got 2");
    }

    #[test]
    fn ones_stand_where_the_numbers_say() {
        let one_hot =
            Tensor::<f64>::one_hot(&Index::from_fn([2, 2], |i| i[0] + 2 * i[1]), 4).unwrap();
        let expected =
            Tensor::from_fn([2, 2, 4], |i| if i[2] == i[0] + 2 * i[1] { 1.0 } else { 0.0 });
        assert_eq!(one_hot, expected);
        assert_eq!(Tensor::<f32>::one_hot(&Index::from([]), 0).unwrap().shape(), &[0, 0][..]);
        let error = Tensor::<f32>::one_hot(&Index::from([1, 3]), 3).unwrap_err();
        assert!(matches!(error, Error::Index { index: 3, size: 3, .. }), "{error}");
    }

    #[test]
    fn negative_numbers_have_a_constructor_of_their_own() {
        let index = Index::from_signed(&[-3, 2, 0, -1], [2, 2], 3).unwrap();
        assert_eq!(index.as_slice(), [0, 2, 0, 2]);
        for number in [3, -4, isize::MIN, isize::MAX] {
            let error = Index::from_signed(&[0, number], [2], 3).unwrap_err().to_string();
            assert!(error.contains(&format!("the number {number} at position 1")), "{error}");
        }
    }

    #[test]
    fn a_number_that_is_no_position_is_named_with_its_place() {
        let index = Index::from_slice(&[0, 1, 5, 2], [2, 2]).unwrap();
        assert_eq!(index.check("gather", 6), Ok(()));
        let error = index.check("gather", 5).unwrap_err().to_string();
        assert_eq!(
            error,
            "gather: the index 5 at [1, 0] is not a position on an axis of size 5 (0..5)"
        );
        assert!(Index::from([usize::MAX]).check("gather", usize::MAX).is_err());
        assert_eq!(Index::from([]).check("gather", 0), Ok(()));
    }
}
