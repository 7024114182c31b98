//! [`IntoLabels`]: the types that losses and metrics accept as class labels.

use std::sync::Arc;

use crate::index::Index;

/// Class labels, one for each row: an array, a slice, a `Vec` or an `Arc`, by value or by
/// reference, or a reference to an [`Index`] such as that of `argmax`, in row-major order.
///
/// An `Arc` is shared and not copied.
///
/// ```
/// use std::sync::Arc;
/// use wengert_autodiff::{Index, Tensor};
/// let logits = Tensor::<f32>::zeros([2, 3]);
/// let (list, shared): (Vec<usize>, Arc<[usize]>) = (vec![0, 1], [0, 1].into());
/// let tape = wengert_autodiff::Tape::new();
/// let x = tape.constant(&logits);
/// for loss in [
///     x.cross_entropy([0, 1]),
///     x.cross_entropy(&[0, 1]),
///     x.cross_entropy(&list[..]),
///     x.cross_entropy(&list),
///     x.cross_entropy(&Index::from([0, 1])),
///     x.cross_entropy(list),
///     x.cross_entropy(&shared),
///     x.cross_entropy(shared),
/// ] {
///     assert!((loss.item() - 3.0_f32.ln()).abs() < 1e-6);
/// }
/// ```
pub trait IntoLabels: AsRef<[usize]> {
    /// The labels in a shared slice.
    fn into_labels(self) -> Arc<[usize]>;
}

impl IntoLabels for Arc<[usize]> {
    fn into_labels(self) -> Arc<[usize]> {
        self
    }
}

impl IntoLabels for &Arc<[usize]> {
    fn into_labels(self) -> Arc<[usize]> {
        Arc::clone(self)
    }
}

macro_rules! copied {
    ($([$($size:ident)?] $labels:ty),+) => {$(
        impl$(<const $size: usize>)? IntoLabels for $labels {
            fn into_labels(self) -> Arc<[usize]> {
                AsRef::<[usize]>::as_ref(&self).into()
            }
        }
    )+};
}

copied!(
    [] &[usize], [] &Vec<usize>, [] Vec<usize>, [N] [usize; N], [N] &[usize; N], [] &Index
);
