//! `y = smallest x over some axes`: the other case of [`Extreme`].

use super::max::Extreme;
use super::sum::Axes;
#[cfg(any(test, feature = "testing"))]
use super::support::sample_distinct;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Row};

entry! {
    /// The smallest element, a single number; NaN if any element is. Equal elements share the
    /// gradient equally.
    min / try_min(x) = Extreme { axes: Axes::ALL, largest: false }
}

entry! {
    /// The smallest elements over the given axes (negative numbers count from the last). With
    /// `keep_dims` these axes stay with size 1, otherwise they are removed. See
    /// [`min`](crate::ops::min).
    min_axes / try_min_axes(x; axes: &[isize], keep_dims: bool) =
        Extreme { axes: Axes::of(axes, keep_dims), largest: false }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("min", |s| {
    let (x, axes, keep) = sample_distinct(s);
    let op = Extreme { axes: Axes::of(&axes, keep), largest: false };
    Case::new(op, vec![x], move |x| {
        x[0].reduce(&axes, keep, |values| values.iter().copied().fold(f64::MAX, f64::min))
    })
})];
