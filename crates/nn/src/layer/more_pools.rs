//! Further pools: [`AdaptiveMaxPool`], [`LpPool`], [`GlobalAvgPool`], [`GlobalMaxPool`].

use rand::Rng;
use wengert_autodiff::ops::{self, Extent};
use wengert_autodiff::{Element, Error, Result, Step, Var};

use super::{LayerConfig, LayerError, SampleShape};
use crate::forward::Layer;
use crate::module::Module;

/// The maximum of each bin, where a fixed number of bins along each axis divides a signal or image
/// of any size evenly. A bin begins at `floor(i size / bins)` and ends before
/// `ceil((i + 1) size / bins)`. Equal elements that are the largest of a bin share its gradient, as
/// in [`max_axes`](ops::max_axes()).
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{AdaptiveMaxPool2d, Layer};
/// let pool = AdaptiveMaxPool2d::new([1, 2]);
/// let y = pool.predict(&Tensor::<f32>::from([[[1.0, 5.0, 2.0], [3.0, 4.0, 6.0]]]));
/// assert_eq!(y.to_vec(), [5.0, 6.0]);
/// ```
///
/// # Shapes
/// `[.., rows, columns]`, or `[.., length]` for signals, to the numbers of bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct AdaptiveMaxPool<const AXES: usize>(#[module(skip)] Extent<AXES>);

/// The maximum of each bin of a signal.
pub type AdaptiveMaxPool1d = AdaptiveMaxPool<1>;

/// The maximum of each bin of an image.
pub type AdaptiveMaxPool2d = AdaptiveMaxPool<2>;

/// The norm `(sum |x|^p)^(1/p)` of each window: between the sum for `p = 1` and the maximum for
/// large `p`. For even `p` this is PyTorch's pool, which for odd `p` keeps the signs.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, LpPool1d};
/// let y = LpPool1d::new(2.0, 2)?.predict(&Tensor::<f32>::from([[3.0, 4.0, 0.0, 1.0]]));
/// assert_eq!(y.to_vec(), [5.0, 1.0]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[.., rows, columns]`, or `[.., length]` for signals; an axis of `size` becomes
/// `(size - kernel) / stride + 1`, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Module)]
pub struct LpPool<const AXES: usize> {
    p: f64,
    #[module(skip)]
    kernel: Extent<AXES>,
    #[module(skip)]
    stride: Extent<AXES>,
}

/// The norm of each window of a signal.
pub type LpPool1d = LpPool<1>;

/// The norm of each window of an image.
pub type LpPool2d = LpPool<2>;

/// The mean of each channel over all its positions.
///
/// # Shapes
/// `[batch, channels, ..]` to `[batch, channels]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Module)]
pub struct GlobalAvgPool;

/// The maximum of each channel over all its positions.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{GlobalAvgPool, GlobalMaxPool, Layer};
/// let x = Tensor::<f32>::from([[[1.0, 5.0, 3.0]]]);
/// assert_eq!(GlobalMaxPool.predict(&x).to_vec(), [5.0]);
/// assert_eq!(GlobalAvgPool.predict(&x).to_vec(), [3.0]);
/// ```
///
/// # Shapes
/// `[batch, channels, ..]` to `[batch, channels]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Module)]
pub struct GlobalMaxPool;

/// The largest number of bins along an axis: each bin is an entry of the tape.
const MOST_BINS: usize = 1 << 20;

impl<const AXES: usize> AdaptiveMaxPool<AXES> {
    /// Creates a pool with this number of bins along each axis.
    pub fn new(bins: impl Into<Extent<AXES>>) -> Self {
        Self(bins.into())
    }
}

/// The sizes of the last axes, each positive.
fn sizes<const AXES: usize, E: Element>(op: &'static str, x: Var<'_, E>) -> Result<[usize; AXES]> {
    let shape = x.shape();
    let at = shape.rank().checked_sub(AXES);
    let sizes = at.map(|at| std::array::from_fn(|i| shape[at + i]));
    sizes.filter(|sizes: &[usize; AXES]| !sizes.contains(&0)).ok_or_else(|| {
        let names = if AXES == 1 { "length" } else { "rows, columns" };
        let expected = format!("x [.., {names}] with positions");
        Error::Shapes { op, expected, got: vec![shape] }
    })
}

impl<const AXES: usize, E: Element> Layer<E> for AdaptiveMaxPool<AXES> {
    fn try_forward<'t>(&self, mut x: Var<'t, E>) -> Result<Var<'t, E>> {
        let sizes = sizes::<AXES, E>("adaptive_max_pool", x)?;
        // The maximum along one axis after the other: bins are products of ranges.
        for (i, (&size, &bins)) in sizes.iter().zip(&self.0.0).enumerate() {
            let axis = i as isize - AXES as isize;
            if bins > MOST_BINS {
                let message =
                    format!("an axis can be divided into at most {MOST_BINS} bins, got {bins}");
                return Err(Error::Argument { op: "adaptive_max_pool", message });
            }
            if bins == 0 {
                x = ops::slice(x, axis, ..0)?;
                continue;
            }
            let maximum = |bin: usize| {
                let (start, end) = (bin * size / bins, ((bin + 1) * size).div_ceil(bins));
                let range = ops::slice(x, axis, start as isize..end as isize)?;
                ops::max_axes(range, &[axis], true)
            };
            x = ops::concat(&(0..bins).map(maximum).collect::<Result<Vec<_>>>()?, axis)?;
        }
        Ok(x)
    }
}

impl<const AXES: usize> LpPool<AXES> {
    /// Creates a pool of the norms of adjacent windows of this size: the stride is the size of the
    /// window.
    ///
    /// # Errors
    /// If `p` is not at least 1, or a size is zero.
    pub fn new(p: f64, kernel: impl Into<Extent<AXES>>) -> Result<Self, LayerError> {
        let kernel = kernel.into();
        Self { p, kernel, stride: kernel }.checked()
    }

    /// Sets the stride of the windows.
    ///
    /// # Errors
    /// If a size is zero.
    pub fn stride(self, stride: impl Into<Extent<AXES>>) -> Result<Self, LayerError> {
        Self { stride: stride.into(), ..self }.checked()
    }

    fn checked(self) -> Result<Self, LayerError> {
        let Self { p, kernel, stride } = self;
        if p >= 1.0 && p.is_finite() && !kernel.0.contains(&0) && !stride.0.contains(&0) {
            return Ok(self);
        }
        let message = format!(
            "the norm must be at least 1 and finite, and sizes and strides positive; got {p}, \
             {:?} and {:?}",
            kernel.0, stride.0
        );
        Err(Error::Argument { op: "lp_pool", message }.into())
    }

    /// The number of windows along each axis.
    fn windows(&self, sizes: [usize; AXES]) -> Result<[usize; AXES]> {
        if (0..AXES).any(|i| sizes[i] < self.kernel.0[i]) {
            let message =
                format!("a window of {:?} does not fit an input of {sizes:?}", self.kernel.0);
            return Err(Error::Argument { op: "lp_pool", message });
        }
        Ok(std::array::from_fn(|i| (sizes[i] - self.kernel.0[i]) / self.stride.0[i] + 1))
    }
}

impl<const AXES: usize, E: Element> Layer<E> for LpPool<AXES> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let windows = self.windows(sizes::<AXES, E>("lp_pool", x)?)?;
        // The elements at each place of the windows, with a new axis for the places: the norm over
        // it neither overflows nor underflows.
        let mut places = vec![x];
        for (i, &count) in windows.iter().enumerate() {
            let axis = i as isize - AXES as isize;
            let (kernel, stride) = (self.kernel.0[i] as isize, self.stride.0[i] as isize);
            let reach = (count as isize - 1) * stride + 1;
            let mut next = Vec::with_capacity(places.len() * self.kernel.0[i]);
            for x in places {
                for start in 0..kernel {
                    let step = Step { start: Some(start), stop: Some(start + reach), step: stride };
                    next.push(ops::slice(x, axis, step)?);
                }
            }
            places = next;
        }
        ops::norm_axes(ops::stack(&places, -1)?, self.p, &[-1], false)
    }
}

macro_rules! global {
    ($($layer:ident, $op:literal, $reduce:ident);+) => {$(
        impl<E: Element> Layer<E> for $layer {
            fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
                let shape = x.shape();
                if shape.rank() < 3 || shape[2..].contains(&0) {
                    let expected = "x [batch, channels, positions, ..]".to_owned();
                    return Err(Error::Shapes { op: $op, expected, got: vec![shape] });
                }
                let axes: Vec<isize> = (2..shape.rank() as isize).collect();
                ops::$reduce(x, &axes, false)
            }
        }

        impl<E: Element> LayerConfig<E> for $layer {
            type Layer = Self;

            fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
                match input {
                    SampleShape::Axes(axes) if axes.len() >= 2 => {
                        Ok(SampleShape::Axes(vec![axes[0]]))
                    }
                    SampleShape::Axes(_) => {
                        Err(input.refused("[channels, positions, ..]".to_owned()))
                    }
                    _ => Ok(SampleShape::Axes(vec![None])),
                }
            }

            fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
                Ok(*self)
            }
        }
    )+};
}

global! {
    GlobalAvgPool, "global_avg_pool", mean_axes;
    GlobalMaxPool, "global_max_pool", max_axes
}

impl<const AXES: usize, E: Element> LayerConfig<E> for AdaptiveMaxPool<AXES> {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.positions(|_: [usize; AXES]| Ok(self.0.0))
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}

impl<const AXES: usize, E: Element> LayerConfig<E> for LpPool<AXES> {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.positions(|sizes| self.windows(sizes))
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}
