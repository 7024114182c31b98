//! [`Upsample`]: resizes signals or images, and [`PixelShuffle`].

use rand::Rng;
use wengert_autodiff::ops::{self, Extent};
use wengert_autodiff::{Element, Error, Index, Result, Tensor, Var};

use super::{LayerConfig, LayerError, SampleShape};
use crate::forward::Layer;
use crate::module::Module;

/// How [`Upsample`] computes an element of its output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Interpolation {
    /// The input element whose cell contains the output element.
    #[default]
    Nearest,
    /// Interpolation between the neighbours. The outer edges of the first and last cells coincide,
    /// or the first and last elements (`align_corners`).
    Linear { align_corners: bool },
}

/// Resizes signals or images, usually to a larger size. Each output element is the nearest element
/// of the input, or interpolated linearly between its neighbours along each axis (for images:
/// bilinear).
///
/// Nearest takes the element `floor(i size / new size)`. Linear reads at
/// `(i + 1/2) size / new size - 1/2`, not beyond the first and last element; with
/// [`align_corners`](Self::align_corners) at `i (size - 1) / (new size - 1)`.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, Upsample1d};
/// let x = Tensor::<f32>::from([[0.0, 4.0]]);
/// assert_eq!(Upsample1d::nearest(2)?.predict(&x).to_vec(), [0.0, 0.0, 4.0, 4.0]);
/// assert_eq!(Upsample1d::linear(2)?.predict(&x).to_vec(), [0.0, 1.0, 3.0, 4.0]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[.., rows, columns]`, or `[.., length]` for signals, to the sizes times the factors, or to the
/// given sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct Upsample<const AXES: usize> {
    #[module(skip)]
    target: Target<AXES>,
    #[module(skip)]
    interpolation: Interpolation,
}

/// Resizes signals.
pub type Upsample1d = Upsample<1>;

/// Resizes images.
pub type Upsample2d = Upsample<2>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<const AXES: usize> {
    Factor(Extent<AXES>),
    Size(Extent<AXES>),
}

impl<const AXES: usize> Upsample<AXES> {
    /// Creates a layer that enlarges each axis by its factor, with the nearest element.
    ///
    /// # Errors
    /// If a factor is zero.
    pub fn nearest(factor: impl Into<Extent<AXES>>) -> Result<Self, LayerError> {
        Self::by(factor.into(), Interpolation::Nearest)
    }

    /// Creates a layer that enlarges each axis by its factor, with linear interpolation: for images
    /// PyTorch's `bilinear`.
    ///
    /// # Errors
    /// If a factor is zero.
    pub fn linear(factor: impl Into<Extent<AXES>>) -> Result<Self, LayerError> {
        Self::by(factor.into(), Interpolation::Linear { align_corners: false })
    }

    fn by(factor: Extent<AXES>, interpolation: Interpolation) -> Result<Self, LayerError> {
        if factor.0.contains(&0) {
            let message = format!("the factors must be positive, got {:?}", factor.0);
            return Err(Error::Argument { op: "upsample", message }.into());
        }
        Ok(Self { target: Target::Factor(factor), interpolation })
    }

    /// Sets the sizes of the output, in place of the factors.
    pub fn size(self, size: impl Into<Extent<AXES>>) -> Self {
        Self { target: Target::Size(size.into()), ..self }
    }

    /// Uses linear interpolation in which the first and last elements of input and output coincide.
    pub fn align_corners(self) -> Self {
        Self { interpolation: Interpolation::Linear { align_corners: true }, ..self }
    }

    fn sizes(&self, sizes: [usize; AXES]) -> Result<[usize; AXES]> {
        let factor = match self.target {
            Target::Size(size) => return Ok(size.0),
            Target::Factor(factor) => factor.0,
        };
        let mut larger = sizes;
        for (size, factor) in larger.iter_mut().zip(factor) {
            *size = size.checked_mul(factor).ok_or_else(|| {
                let message = format!("{sizes:?} times {factor} does not fit the address space");
                Error::Argument { op: "upsample", message }
            })?;
        }
        Ok(larger)
    }
}

/// The position of element `i` of `new` elements among `size`, and for linear interpolation the
/// weight of the following element.
fn place(i: usize, size: usize, new: usize, interpolation: Interpolation) -> (usize, f64) {
    let at = match interpolation {
        Interpolation::Nearest => return ((i as u128 * size as u128 / new as u128) as usize, 0.0),
        Interpolation::Linear { align_corners: true } if new == 1 => 0.0,
        Interpolation::Linear { align_corners: true } => {
            i as f64 * (size - 1) as f64 / (new - 1) as f64
        }
        Interpolation::Linear { align_corners: false } => {
            ((i as f64 + 0.5) * size as f64 / new as f64 - 0.5).max(0.0)
        }
    };
    let lower = (at as usize).min(size - 1);
    (lower, if lower + 1 < size { at - lower as f64 } else { 0.0 })
}

/// Resizes one axis by interpolation.
fn along<E: Element>(
    x: Var<'_, E>,
    axis: isize,
    new: usize,
    interpolation: Interpolation,
) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let size = shape[(shape.rank() as isize + axis) as usize];
    // Checks the memory of the output before the memory of the positions is allocated.
    let mut sizes = shape.to_vec();
    sizes[(shape.rank() as isize + axis) as usize] = new;
    Tensor::<E>::scalar(E::ZERO).try_broadcast_to(sizes)?;
    let places: Vec<(usize, f64)> = (0..new).map(|i| place(i, size, new, interpolation)).collect();
    let lower = places.iter().map(|&(lower, _)| lower);
    let first = ops::index_select(x, axis, &Index::from_vec(lower.collect(), [new])?)?;
    if places.iter().all(|&(_, share)| share == 0.0) {
        return Ok(first);
    }
    let upper = places.iter().map(|&(lower, _)| (lower + 1).min(size - 1));
    let second = ops::index_select(x, axis, &Index::from_vec(upper.collect(), [new])?)?;
    let mut sizes = vec![1; axis.unsigned_abs()];
    sizes[0] = new;
    let share = |f: fn(f64) -> f64| {
        let shares = places.iter().map(|&(_, share)| E::from_f64(f(share)));
        Ok::<_, Error>(x.tape().constant(&Tensor::from_vec(shares.collect(), sizes.clone())?))
    };
    let first = ops::mul(first, share(|share| 1.0 - share)?)?;
    ops::add(first, ops::mul(second, share(|share| share)?)?)
}

impl<const AXES: usize, E: Element> Layer<E> for Upsample<AXES> {
    fn try_forward<'t>(&self, mut x: Var<'t, E>) -> Result<Var<'t, E>> {
        let shape = x.shape();
        let at = shape.rank().checked_sub(AXES);
        let sizes: Option<[usize; AXES]> = at.map(|at| std::array::from_fn(|i| shape[at + i]));
        let Some(sizes) = sizes.filter(|sizes| !sizes.contains(&0)) else {
            let names = if AXES == 1 { "length" } else { "rows, columns" };
            let expected = format!("x [.., {names}] with positions");
            return Err(Error::Shapes { op: "upsample", expected, got: vec![shape] });
        };
        for (i, new) in self.sizes(sizes)?.into_iter().enumerate() {
            x = along(x, i as isize - AXES as isize, new, self.interpolation)?;
        }
        Ok(x)
    }
}

impl<const AXES: usize, E: Element> LayerConfig<E> for Upsample<AXES> {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.positions(|sizes| self.sizes(sizes))
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}

/// Moves channels into space: the values of `factor^2` neighbouring channels become the pixels of a
/// square.
///
/// Source: W. Shi et al., "Real-time single image and video super-resolution using an efficient
/// sub-pixel convolutional neural network", CVPR 2016.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, PixelShuffle};
/// let x = Tensor::<f32>::from_fn([1, 4, 1, 1], |i| i[1] as f32);
/// let y = PixelShuffle::new(2)?.predict(&x);
/// assert_eq!((y.shape().dims(), y.to_vec()), (&[1, 1, 2, 2][..], vec![0.0, 1.0, 2.0, 3.0]));
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[.., channels factor^2, rows, columns]` to `[.., channels, rows factor, columns factor]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct PixelShuffle {
    factor: usize,
}

/// Moves space into channels: the reverse of [`PixelShuffle`].
///
/// # Shapes
/// `[.., channels, rows factor, columns factor]` to `[.., channels factor^2, rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct PixelUnshuffle {
    factor: usize,
}

/// Returns an error for a factor of zero, or one whose square does not fit the address space.
fn checked(op: &'static str, factor: usize) -> Result<usize, LayerError> {
    if factor > 0 && factor.checked_mul(factor).is_some() {
        return Ok(factor);
    }
    let message = format!(
        "the factor must be positive, and its square must fit the address space, got {factor}"
    );
    Err(Error::Argument { op, message }.into())
}

impl PixelShuffle {
    /// Creates a layer with squares of `factor` times `factor` pixels.
    ///
    /// # Errors
    /// If the factor is zero or too large.
    pub fn new(factor: usize) -> Result<Self, LayerError> {
        Ok(Self { factor: checked("pixel_shuffle", factor)? })
    }
}

impl PixelUnshuffle {
    /// Creates a layer with squares of `factor` times `factor` pixels.
    ///
    /// # Errors
    /// If the factor is zero or too large.
    pub fn new(factor: usize) -> Result<Self, LayerError> {
        Ok(Self { factor: checked("pixel_unshuffle", factor)? })
    }
}

/// The axes of `x` except the last three, followed by these sizes.
fn with_sizes<E: Element>(x: Var<'_, E>, sizes: &[usize]) -> Vec<usize> {
    let shape = x.shape();
    [&shape[..shape.rank() - 3], sizes].concat()
}

/// Permutes the last axes by `order`, which has their number.
fn reorder<'t, E: Element>(x: Var<'t, E>, order: &[isize]) -> Result<Var<'t, E>> {
    let front = (x.shape().rank() - order.len()) as isize;
    let order: Vec<isize> = (0..front).chain(order.iter().map(|axis| front + axis)).collect();
    ops::permute(x, &order)
}

impl<E: Element> Layer<E> for PixelShuffle {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let (shape, r) = (x.shape(), self.factor);
        match shape.dims() {
            &[.., channels, rows, columns] if channels % (r * r) == 0 => {
                let kept = channels / (r * r);
                let apart = ops::reshape(x, with_sizes(x, &[kept, r, r, rows, columns]))?;
                // Channels, rows, rows in the square, columns, columns in the square.
                let y = reorder(apart, &[0, 3, 1, 4, 2])?;
                ops::reshape(
                    y,
                    with_sizes(x, &[kept, rows.saturating_mul(r), columns.saturating_mul(r)]),
                )
            }
            _ => {
                let expected = format!("x [.., channels {r} {r}, rows, columns]");
                Err(Error::Shapes { op: "pixel_shuffle", expected, got: vec![shape] })
            }
        }
    }
}

impl<E: Element> Layer<E> for PixelUnshuffle {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let (shape, r) = (x.shape(), self.factor);
        match shape.dims() {
            &[.., channels, rows, columns] if rows % r == 0 && columns % r == 0 => {
                let (rows, columns) = (rows / r, columns / r);
                let apart = ops::reshape(x, with_sizes(x, &[channels, rows, r, columns, r]))?;
                let y = reorder(apart, &[0, 2, 4, 1, 3])?;
                ops::reshape(y, with_sizes(x, &[channels.saturating_mul(r * r), rows, columns]))
            }
            _ => {
                let expected = format!("x [.., channels, rows {r}, columns {r}]");
                Err(Error::Shapes { op: "pixel_unshuffle", expected, got: vec![shape] })
            }
        }
    }
}

impl<E: Element> LayerConfig<E> for PixelShuffle {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        let SampleShape::Axes(axes) = input else { return Ok(SampleShape::Unknown) };
        let r = self.factor;
        match axes[..] {
            [channels, rows, columns] if channels.is_none_or(|c| c % (r * r) == 0) => {
                let larger = |size: Option<usize>| size.and_then(|size| size.checked_mul(r));
                let axes = vec![channels.map(|c| c / (r * r)), larger(rows), larger(columns)];
                Ok(SampleShape::Axes(axes))
            }
            _ => Err(input.refused(format!("[channels {r} {r}, rows, columns]"))),
        }
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}

impl<E: Element> LayerConfig<E> for PixelUnshuffle {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        let SampleShape::Axes(axes) = input else { return Ok(SampleShape::Unknown) };
        let r = self.factor;
        let fits = |size: Option<usize>| size.is_none_or(|size| size % r == 0);
        match axes[..] {
            [channels, rows, columns] if fits(rows) && fits(columns) => {
                let smaller = |size: Option<usize>| size.map(|size| size / r);
                let channels = channels.and_then(|channels| channels.checked_mul(r * r));
                Ok(SampleShape::Axes(vec![channels, smaller(rows), smaller(columns)]))
            }
            _ => Err(input.refused(format!("[channels, rows {r}, columns {r}]"))),
        }
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}
