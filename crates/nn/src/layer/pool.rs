//! Layers that pool over images: [`MaxPool2d`], [`AvgPool2d`], [`AdaptiveAvgPool2d`].

use wengert_autodiff::ops::{self, Extent, Pool2d};
use wengert_autodiff::{Element, Result, Var};

use crate::module::{Module, Visitor, VisitorMut};

/// The maximum of each window.
///
/// # Shapes
/// `[.., rows, columns]`, to the sizes that [`Pool2d::output_size`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d(pub Pool2d);

/// The mean of each window.
///
/// # Shapes
/// `[.., rows, columns]`, to the sizes that [`Pool2d::output_size`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d(pub Pool2d);

/// The means of bins that divide an image evenly, so many rows and columns of them, whatever the
/// image's size.
///
/// # Shapes
/// `[.., rows, columns]`, to the rows and columns it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAvgPool2d(pub Extent<2>);

macro_rules! pools {
    ($($layer:ident: $op:ident),+) => {$(
        impl<E: Element> Module<E> for $layer {
            fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
                ops::$op(x, self.0)
            }

            fn visit<'a>(&'a self, _: &mut Visitor<'_, 'a, E>) {}

            fn visit_mut(&mut self, _: &mut VisitorMut<'_, E>) {}
        }
    )+};
}

pools!(MaxPool2d: max_pool2d, AvgPool2d: avg_pool2d, AdaptiveAvgPool2d: adaptive_avg_pool2d);
