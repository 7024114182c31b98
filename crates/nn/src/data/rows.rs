//! [`Rows`]: data that can be divided into batches.

use std::sync::Arc;

use wengert_autodiff::{Element, Index, IntoLabels, Shape, Tensor};

/// Class labels, one for each example.
pub type Labels = Arc<[usize]>;

/// Data with one row per example along a first axis; a batch is a selection of rows.
///
/// Implement it to batch data of another type.
pub trait Rows: Clone {
    /// The number of rows; `None` if there is no first axis, or the parts have different numbers of
    /// rows.
    fn count(&self) -> Option<usize>;

    /// Whether nothing else refers to the rows, so that they may be overwritten.
    fn is_unique(&self) -> bool;

    /// `rows` rows with unspecified content.
    fn blank(&self, rows: usize) -> Self;

    /// Overwrites all rows with the rows of `from` at these indices.
    fn copy_rows(&mut self, from: &Self, places: &[usize]);
}

/// Arguments of [`Batches::new`](super::Batches::new): rows, by value or by reference.
pub trait IntoRows {
    /// The type of the rows.
    type Rows: Rows;

    /// Converts to rows; the content is shared if the type supports it.
    fn into_rows(self) -> Self::Rows;
}

/// The examples along the first axis.
impl<E: Element> Rows for Tensor<E> {
    fn count(&self) -> Option<usize> {
        self.shape().first().copied()
    }

    fn is_unique(&self) -> bool {
        !self.is_shared()
    }

    fn blank(&self, rows: usize) -> Self {
        Tensor::zeros(with_rows(self.shape(), rows))
    }

    fn copy_rows(&mut self, from: &Self, places: &[usize]) {
        let from = from.contiguous();
        let width: usize = from.shape()[1..].iter().product();
        let source = from.as_slice().unwrap_or_default();
        if width > 0 {
            for (to, &place) in self.as_mut_slice().chunks_exact_mut(width).zip(places) {
                to.copy_from_slice(&source[place * width..(place + 1) * width]);
            }
        }
    }
}

impl<E: Element> IntoRows for Tensor<E> {
    type Rows = Self;

    fn into_rows(self) -> Self {
        self.contiguous()
    }
}

impl<E: Element> IntoRows for &Tensor<E> {
    type Rows = Tensor<E>;

    fn into_rows(self) -> Tensor<E> {
        self.contiguous()
    }
}

/// The examples along the first axis.
impl Rows for Index {
    fn count(&self) -> Option<usize> {
        self.shape().first().copied()
    }

    // `copy_rows` replaces the index.
    fn is_unique(&self) -> bool {
        true
    }

    fn blank(&self, rows: usize) -> Self {
        Index::from_fn(with_rows(self.shape(), rows), |_| 0)
    }

    fn copy_rows(&mut self, from: &Self, places: &[usize]) {
        let width: usize = from.shape()[1..].iter().product();
        let row = |&place: &usize| &from.as_slice()[place * width..(place + 1) * width];
        let numbers: Vec<usize> = places.iter().flat_map(row).copied().collect();
        if let Ok(picked) = Index::from_vec(numbers, with_rows(from.shape(), places.len())) {
            *self = picked;
        }
    }
}

impl IntoRows for Index {
    type Rows = Self;

    fn into_rows(self) -> Self {
        self
    }
}

impl IntoRows for &Index {
    type Rows = Index;

    fn into_rows(self) -> Index {
        self.clone()
    }
}

impl Rows for Labels {
    fn count(&self) -> Option<usize> {
        Some(self.len())
    }

    fn is_unique(&self) -> bool {
        Arc::strong_count(self) == 1
    }

    fn blank(&self, rows: usize) -> Self {
        vec![0; rows].into()
    }

    fn copy_rows(&mut self, from: &Self, places: &[usize]) {
        for (to, &place) in Arc::make_mut(self).iter_mut().zip(places) {
            *to = from[place];
        }
    }
}

macro_rules! labels {
    ($([$($size:ident)?] $labels:ty),+) => {$(
        impl$(<const $size: usize>)? IntoRows for $labels {
            type Rows = Labels;

            fn into_rows(self) -> Labels {
                self.into_labels()
            }
        }
    )+};
}

labels!([] Labels, [] &Labels, [] &[usize], [] Vec<usize>, [] &Vec<usize>, [N] [usize; N], [N] &[usize; N]);

macro_rules! tuple {
    ($($name:ident $at:tt),+) => {
        impl<$($name: Rows),+> Rows for ($($name,)+) {
            fn count(&self) -> Option<usize> {
                let counts = [$(self.$at.count()?),+];
                counts.iter().all(|count| *count == counts[0]).then_some(counts[0])
            }

            fn is_unique(&self) -> bool {
                $(self.$at.is_unique())&&+
            }

            fn blank(&self, rows: usize) -> Self {
                ($(self.$at.blank(rows),)+)
            }

            fn copy_rows(&mut self, from: &Self, places: &[usize]) {
                $(self.$at.copy_rows(&from.$at, places);)+
            }
        }

        impl<$($name: IntoRows),+> IntoRows for ($($name,)+) {
            type Rows = ($($name::Rows,)+);

            fn into_rows(self) -> Self::Rows {
                ($(self.$at.into_rows(),)+)
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);

/// The shape with `rows` as the size of the first axis.
fn with_rows(shape: &Shape, rows: usize) -> Shape {
    std::iter::once(rows).chain(shape[1..].iter().copied()).collect()
}
