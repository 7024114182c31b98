//! Access to elements: iterators in row-major order, and `x[[i, j]]`.

use std::iter::FusedIterator;
use std::ops::{Index, IndexMut};
use std::slice;

use wengert_kernels::Element;

use super::Tensor;
use crate::shape::{Shape, Strides};

/// Iterator over the elements of a tensor in row-major order, by reference. Returned by
/// [`Tensor::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a, E>(Elements<'a, E>);

#[derive(Clone, Debug)]
enum Elements<'a, E> {
    /// The layout is row-major.
    Slice(slice::Iter<'a, E>),
    /// The elements are addressed by strides.
    Strided {
        buffer: &'a [E],
        offset: usize,
        shape: Shape,
        strides: Strides,
        front: usize,
        back: usize,
    },
}

impl<E: Element> Tensor<E> {
    /// The elements in row-major order, by reference.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.t().iter().copied().collect::<Vec<_>>(), [1.0, 3.0, 2.0, 4.0]);
    /// assert_eq!(x.iter().sum::<f32>(), 10.0);
    /// ```
    ///
    /// # Panics
    /// If the elements are a deferred result that there is no memory for.
    pub fn iter(&self) -> Iter<'_, E> {
        if let Some(elements) = self.as_slice() {
            return Iter(Elements::Slice(elements.iter()));
        }
        let (buffer, offset) = self.raw();
        let (shape, strides) = (self.shape().clone(), self.strides());
        Iter(Elements::Strided { buffer, offset, shape, strides, front: 0, back: self.len() })
    }

    /// The elements in row-major order, for writing. Copies first under the conditions of
    /// [`as_mut_slice`](Self::as_mut_slice).
    ///
    /// # Panics
    /// If there is no memory for the copy.
    pub fn iter_mut(&mut self) -> slice::IterMut<'_, E> {
        self.as_mut_slice().iter_mut()
    }

    /// The element at an index for writing, or `None` if there is none. Copies first under the
    /// conditions of [`as_mut_slice`](Self::as_mut_slice).
    ///
    /// # Panics
    /// If there is no memory for the copy.
    pub fn get_mut(&mut self, index: &[usize]) -> Option<&mut E> {
        let at = self.shape().row_major_position(index)?;
        self.as_mut_slice().get_mut(at)
    }

    /// Panics like indexing a slice out of bounds.
    #[cold]
    #[track_caller]
    fn no_such_element(&self, index: &[usize]) -> ! {
        panic!("there is no element at the index {index:?} in a tensor of shape {}", self.shape())
    }
}

impl<'a, E> Iter<'a, E> {
    /// The element at a position, counted in row-major order.
    fn strided(
        buffer: &'a [E],
        offset: usize,
        shape: &Shape,
        strides: &Strides,
        number: usize,
    ) -> &'a E {
        let (mut rest, mut at) = (number, offset as isize);
        for (&size, &stride) in shape.iter().zip(strides.iter()).rev() {
            at += (rest % size) as isize * stride;
            rest /= size;
        }
        &buffer[at as usize]
    }
}

impl<'a, E> Iterator for Iter<'a, E> {
    type Item = &'a E;

    #[inline]
    fn next(&mut self) -> Option<&'a E> {
        self.nth(0)
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<&'a E> {
        match &mut self.0 {
            Elements::Slice(elements) => elements.nth(n),
            Elements::Strided { buffer, offset, shape, strides, front, back } => {
                let at = front.saturating_add(n);
                *front = at.saturating_add(1).min(*back);
                (at < *back).then(|| Self::strided(buffer, *offset, shape, strides, at))
            }
        }
    }

    fn count(self) -> usize {
        self.len()
    }

    fn last(mut self) -> Option<&'a E> {
        self.next_back()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = match &self.0 {
            Elements::Slice(elements) => elements.len(),
            Elements::Strided { front, back, .. } => back - front,
        };
        (len, Some(len))
    }

    fn fold<B, F: FnMut(B, &'a E) -> B>(self, init: B, mut f: F) -> B {
        match self.0 {
            Elements::Slice(elements) => elements.fold(init, f),
            Elements::Strided { buffer, offset, shape, strides, front, back } => {
                let mut index = vec![0; shape.rank()];
                let mut rest = front;
                for (i, &size) in index.iter_mut().zip(shape.iter()).rev() {
                    (*i, rest) = (rest % size.max(1), rest / size.max(1));
                }
                (front..back).fold(init, |all, _| {
                    let at = shape.position(&index, &strides).map_or(0, |at| at + offset as isize);
                    shape.advance(&mut index);
                    f(all, &buffer[at as usize])
                })
            }
        }
    }
}

impl<E> DoubleEndedIterator for Iter<'_, E> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.nth_back(0)
    }

    fn nth_back(&mut self, n: usize) -> Option<Self::Item> {
        match &mut self.0 {
            Elements::Slice(elements) => elements.nth_back(n),
            Elements::Strided { buffer, offset, shape, strides, front, back } => {
                let at = back.checked_sub(n).and_then(|end| end.checked_sub(1));
                let at = at.filter(|at| at >= front);
                *back = at.unwrap_or(*front);
                at.map(|at| Self::strided(buffer, *offset, shape, strides, at))
            }
        }
    }
}

impl<E> ExactSizeIterator for Iter<'_, E> {}
impl<E> FusedIterator for Iter<'_, E> {}

impl<'a, E: Element> IntoIterator for &'a Tensor<E> {
    type Item = &'a E;
    type IntoIter = Iter<'a, E>;

    fn into_iter(self) -> Iter<'a, E> {
        self.iter()
    }
}

impl<'a, E: Element> IntoIterator for &'a mut Tensor<E> {
    type Item = &'a mut E;
    type IntoIter = slice::IterMut<'a, E>;

    fn into_iter(self) -> slice::IterMut<'a, E> {
        self.iter_mut()
    }
}

/// The elements in row-major order.
impl<E: Element> IntoIterator for Tensor<E> {
    type Item = E;
    type IntoIter = std::vec::IntoIter<E>;

    /// # Panics
    /// If the elements must be copied and there is no memory for the copy.
    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

/// The element at an index. [`Tensor::get`] does not panic.
///
/// ```
/// use wengert_autodiff::Tensor;
/// let mut x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
/// x[[0, 1]] += 5.0;
/// assert_eq!(x[[0, 1]], 7.0);
/// ```
impl<E: Element> Index<&[usize]> for Tensor<E> {
    type Output = E;

    /// # Panics
    /// If there is no such element, or the elements are a deferred result that there is no memory
    /// for.
    #[inline]
    #[track_caller]
    fn index(&self, index: &[usize]) -> &E {
        match self.element(index) {
            Some(element) => element,
            None => self.no_such_element(index),
        }
    }
}

/// The element at an index, for writing. Copies first under the conditions of
/// [`Tensor::as_mut_slice`]. [`Tensor::get_mut`] does not panic.
impl<E: Element> IndexMut<&[usize]> for Tensor<E> {
    /// # Panics
    /// If there is no such element, or no memory for the copy.
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, index: &[usize]) -> &mut E {
        match self.shape().row_major_position(index) {
            Some(at) => &mut self.as_mut_slice()[at],
            None => self.no_such_element(index),
        }
    }
}

/// Indices of other types, converted to slices.
macro_rules! index_as_slice {
    ($([$($size:tt)*] $type:ty, |$index:ident| $slice:expr;)+) => {$(
        impl<E: Element $($size)*> Index<$type> for Tensor<E> {
            type Output = E;

            #[inline]
            #[track_caller]
            fn index(&self, $index: $type) -> &E {
                &self[&$slice[..]]
            }
        }

        impl<E: Element $($size)*> IndexMut<$type> for Tensor<E> {
            #[inline]
            #[track_caller]
            fn index_mut(&mut self, $index: $type) -> &mut E {
                &mut self[&$slice[..]]
            }
        }
    )+};
}

index_as_slice! {
    [, const N: usize] [usize; N], |index| index;
    [] usize, |index| [index];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::tests::random_views;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn iterators_and_indices_agree_with_the_copied_elements(
            seed in any::<u64>(),
            ends in proptest::collection::vec(any::<bool>(), 0..20),
            skip in 0_usize..5,
        ) {
            let (view, model) = random_views(seed);
            let all = &model.data;
            prop_assert_eq!(view.iter().len(), all.len());
            prop_assert_eq!(&view.iter().copied().collect::<Vec<_>>(), all);
            prop_assert_eq!(&view.clone().into_iter().collect::<Vec<_>>(), all);
            // From both ends in any order, then the rest by `fold`.
            let (mut got, mut want) = (view.iter(), all.iter());
            for front in ends {
                if front {
                    prop_assert_eq!(got.next(), want.next());
                } else {
                    prop_assert_eq!(got.next_back(), want.next_back());
                }
            }
            prop_assert_eq!(got.len(), want.len());
            prop_assert_eq!(got.clone().nth(skip), want.clone().nth(skip));
            prop_assert_eq!(got.clone().count(), want.clone().count());
            prop_assert_eq!(got.clone().last(), want.clone().last());
            let (mut behind, mut wanted) = (got.clone(), want.clone());
            prop_assert_eq!(behind.nth_back(skip), wanted.nth_back(skip));
            prop_assert_eq!(behind.next_back(), wanted.next_back());
            prop_assert_eq!(behind.next(), wanted.next());
            let listed = |mut list: Vec<f64>, x: &f64| {
                list.push(*x);
                list
            };
            prop_assert_eq!(got.fold(Vec::new(), listed), want.fold(Vec::new(), listed));

            let mut written = view.clone();
            let mut index = vec![0; view.rank()];
            for &element in all {
                prop_assert_eq!(view[&index[..]], element);
                prop_assert_eq!(view.get(&index), Some(element));
                written[&index[..]] += 1.0;
                view.shape().advance(&mut index);
            }
            prop_assert_eq!(written.to_vec(), all.iter().map(|x| x + 1.0).collect::<Vec<_>>());
            prop_assert_eq!(&view.to_vec(), all);
        }
    }

    #[test]
    fn an_index_outside_is_named() {
        let mut x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
        assert!(x.get_mut(&[0, 2]).is_none() && x.get_mut(&[0]).is_none());
        *x.get_mut(&[1, 0]).unwrap() = 8.0;
        assert_eq!(x[[1, 0]], 8.0);
        let message = |f: &dyn Fn() -> f32| {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
            *panic.downcast::<String>().unwrap()
        };
        let expected = "there is no element at the index [2, 0] in a tensor of shape [2, 2]";
        assert_eq!(message(&|| x[[2, 0]]), expected);
        assert!(message(&|| x[0]).starts_with("there is no element at the index [0] in"));
        let mut line = Tensor::from([1.0_f32, 2.0]);
        line[1] = 5.0;
        assert_eq!(line[1], 5.0);
    }
}
