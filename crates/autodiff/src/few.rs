//! [`Few`]: a list that stores up to four numbers in place, and more on the heap.
//!
//! Shapes and strides are copied with every tensor. A general small vector copies element by
//! element or calls a function; [`Few`] copies five words.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

pub(crate) const INLINE: usize = 4;

/// Calls `then` with a list of the results of `f` for all items. A short list is on the stack. (A
/// vector that grows would write its length to memory with each item, and read it back.)
#[inline]
pub(crate) fn with_each<T, U: Copy, X, R>(
    items: &[T],
    mut f: impl FnMut(&T) -> Result<U, X>,
    then: impl FnOnce(&[U]) -> Result<R, X>,
) -> Result<R, X> {
    let (mut short, long);
    let list = match items {
        [] => &[][..],
        [first, others @ ..] if others.len() < INLINE => {
            short = [f(first)?; INLINE];
            for (to, item) in short[1..].iter_mut().zip(others) {
                *to = f(item)?;
            }
            &short[..items.len()]
        }
        _ => {
            long = items.iter().map(f).collect::<Result<Vec<_>, X>>()?;
            &long[..]
        }
    };
    then(list)
}

/// A short list of numbers, one for each axis of a tensor.
#[derive(Clone)]
pub struct Few<T>(Repr<T>);

#[derive(Clone)]
enum Repr<T> {
    Inline(Len, [T; INLINE]),
    Heap(Vec<T>),
}

/// A length up to [`INLINE`]. A whole word, which also distinguishes the two representations. A
/// separate byte, read as part of a word just after it was written, would cause a store-forwarding
/// stall.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Len {
    Zero,
    One,
    Two,
    Three,
    Four,
}

impl Len {
    const ALL: [Len; INLINE + 1] = [Len::Zero, Len::One, Len::Two, Len::Three, Len::Four];
}

impl<T: Copy + Default> Few<T> {
    /// A list with `len` copies of `item`.
    #[inline]
    pub(crate) fn repeat(item: T, len: usize) -> Self {
        Self::from_fn(len, |_| item)
    }

    #[inline]
    pub(crate) fn from_slice(slice: &[T]) -> Self {
        Self::from_fn(slice.len(), |i| slice[i])
    }

    #[inline]
    pub(crate) fn from_fn(len: usize, item: impl Fn(usize) -> T) -> Self {
        if let Some(&short) = Len::ALL.get(len) {
            let mut items = [T::default(); INLINE];
            for (i, to) in items[..len].iter_mut().enumerate() {
                *to = item(i);
            }
            Few(Repr::Inline(short, items))
        } else {
            Few(Repr::Heap((0..len).map(item).collect()))
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        self.insert(self.len(), item);
    }

    pub(crate) fn insert(&mut self, at: usize, item: T) {
        match &mut self.0 {
            Repr::Inline(Len::Four, items) => {
                let mut all = items.to_vec();
                all.insert(at, item);
                self.0 = Repr::Heap(all);
            }
            Repr::Inline(len, items) => {
                let old = *len as usize;
                items.copy_within(at..old, at + 1);
                items[at] = item;
                *len = Len::ALL[old + 1];
            }
            Repr::Heap(all) => all.insert(at, item),
        }
    }

    pub(crate) fn remove(&mut self, at: usize) {
        match &mut self.0 {
            Repr::Inline(len, items) => {
                let new = *len as usize - 1;
                items.copy_within(at + 1..=new, at);
                *len = Len::ALL[new];
            }
            Repr::Heap(all) => {
                all.remove(at);
            }
        }
    }
}

impl<T: Copy + Default> Default for Few<T> {
    #[inline]
    fn default() -> Self {
        Few(Repr::Inline(Len::Zero, [T::default(); INLINE]))
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Repr::Inline(len, items) => &items[..*len as usize],
            Repr::Heap(all) => all,
        }
    }
}

impl<T> DerefMut for Few<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Repr::Inline(len, items) => &mut items[..*len as usize],
            Repr::Heap(all) => all,
        }
    }
}

impl<T: Copy + Default> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut few = Few::default();
        for item in items {
            few.push(item);
        }
        few
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Not slice equality, which calls `memcmp` for a word or two.
        self.len() == other.len() && self.iter().zip(other.iter()).all(|(a, b)| a == b)
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T: Hash> Hash for Few<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl<T: Debug> Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list_below_and_above_the_inline_length() {
        let mut few = Few::default();
        let mut model = Vec::new();
        for (at, item) in [(0, 5_usize), (0, 6), (1, 7), (3, 8), (2, 9), (0, 10), (6, 11)] {
            few.insert(at, item);
            model.insert(at, item);
            assert_eq!(few[..], model[..]);
            assert_eq!(few, Few::from_slice(&model));
            assert_eq!(few, model.iter().copied().collect());
        }
        while !model.is_empty() {
            few.remove(model.len() / 2);
            model.remove(model.len() / 2);
            assert_eq!(few[..], model[..]);
            // Equality does not depend on how a list was built.
            assert_eq!(few, Few::from_slice(&model));
        }
        assert_eq!(Few::repeat(1_isize, 6)[..], [1; 6]);
        assert_ne!(Few::repeat(1_isize, 2), Few::repeat(1, 3));
    }
}
