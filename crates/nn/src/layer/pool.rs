//! Pooling layers for images: [`MaxPool2d`], [`AvgPool2d`], [`AdaptiveAvgPool2d`].

use rand::Rng;
use wengert_autodiff::ops::{self, Extent, Pool2d};
use wengert_autodiff::{Element, Result, Var, instances};

use super::shape::named;
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::Module;

/// The maximum of each window.
///
/// # Shapes
/// `[.., rows, columns]`, to the sizes of [`Pool2d::output_size`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct MaxPool2d(#[module(skip)] pub Pool2d);

/// The mean of each window.
///
/// # Shapes
/// `[.., rows, columns]`, to the sizes of [`Pool2d::output_size`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct AvgPool2d(#[module(skip)] pub Pool2d);

/// The means of bins that divide an image of any size evenly into a fixed number of rows and
/// columns.
///
/// # Shapes
/// `[.., rows, columns]`, to the numbers of rows and columns of bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct AdaptiveAvgPool2d(#[module(skip)] pub Extent<2>);

macro_rules! pools {
    ($(
        $layer:ident: $op:ident, |$pool:ident, $size:pat_param| $pooled:expr $(, $check:expr)?
    );+) => {$(
        impl<E: Element> Layer<E> for $layer {
            fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
                ops::$op(x, self.0)
            }
        }

        impl<E: Element> LayerConfig<E> for $layer {
            type Layer = Self;

            fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
                let $pool = self.0;
                input.pooled(stringify!($op), |$size| $pooled)
            }

            fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
                $(
                    let $pool = self.0;
                    $check.map_err(|error| named(stringify!($op), error))?;
                )?
                Ok(*self)
            }
        }
    )+};
}

pools! {
    MaxPool2d: max_pool2d, |pool, size| pool.output_size(size), pool.check();
    AvgPool2d: avg_pool2d, |pool, size| pool.output_size(size), pool.check();
    AdaptiveAvgPool2d: adaptive_avg_pool2d, |bins, _| Ok(bins.0)
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds a layer that takes the maximum of each window.
    pub fn max_pool2d(self, pool: Pool2d) -> Self {
        self.with(MaxPool2d(pool))
    }

    /// Adds a layer that takes the mean of each window.
    pub fn avg_pool2d(self, pool: Pool2d) -> Self {
        self.with(AvgPool2d(pool))
    }

    /// Adds a layer that takes the means of bins; `output` is the number of bins along each axis.
    pub fn adaptive_avg_pool2d(self, output: impl Into<Extent<2>>) -> Self {
        self.with(AdaptiveAvgPool2d(output.into()))
    }
}

instances!(
    pool<E>:
    SequentialBuilder::<E>::with::<MaxPool2d>,
    SequentialBuilder::<E>::with::<AvgPool2d>,
    SequentialBuilder::<E>::with::<AdaptiveAvgPool2d>
);
