//! The options of pools, the planes of an operand, and the positions of a window for the
//! references.

use wengert_kernels::Element;
use wengert_kernels::pool::PoolGeometry;
use wengert_kernels::window::{Window, WindowError};

use super::convolution::{Extent, plane};
use super::support;
use super::window::{check_padding, check_positive};
use crate::error::{Error, Result};
use crate::op::Forward;
use crate::shape::Shape;
use crate::tensor::{Tensor, strided};

/// The means that a kernel computes from contiguous elements. Those whose sums exceed the range of
/// the element type are computed again from elements times a power of two.
pub(super) fn means<E: Element>(
    x: &Tensor<E>,
    ctx: &mut Forward<'_, E>,
    kernel: impl Fn(&[E], &mut [E]),
) -> Result<Tensor<E>> {
    let mut means = ctx.output_by(|y| kernel(support::slice(x), y))?;
    if strided::max_abs(&means)?.is_finite() {
        return Ok(means);
    }
    let power = E::from_f64((E::MIN_EXPONENT.to_f64() / 2.0).floor().exp2());
    let small = x.try_mul_scalar(power)?.try_contiguous()?;
    let mut again = Tensor::try_full(means.shape().clone(), E::ZERO)?;
    kernel(support::slice(&small), again.as_mut_slice());
    let again = support::slice(&again);
    for (mean, &small) in means.as_mut_slice().iter_mut().zip(again) {
        if !mean.is_finite() {
            *mean = small / power;
        }
    }
    Ok(means)
}

/// The window of a pool and how it moves.
///
/// ```
/// use wengert_autodiff::ops::Pool2d;
/// let halving = Pool2d::new(2);
/// let overlapping = Pool2d::new([3, 3]).stride(2).padding(1);
/// assert_eq!(halving.output_size([28, 28])?, overlapping.output_size([28, 28])?);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool<const AXES: usize> {
    kernel: [usize; AXES],
    stride: [usize; AXES],
    padding: [[usize; 2]; AXES],
    dilation: [usize; AXES],
    ceil: bool,
    pub(super) count_include_pad: bool,
}

/// A pool over lines.
pub type Pool1d = Pool<1>;

/// A pool over images.
pub type Pool2d = Pool<2>;

impl<const AXES: usize> Pool<AXES> {
    /// A window of this size; the stride is the kernel size, so that windows do not overlap, and
    /// there is no padding.
    pub fn new(kernel: impl Into<Extent<AXES>>) -> Self {
        let kernel = kernel.into().0;
        let (padding, dilation) = ([[0; 2]; AXES], [1; AXES]);
        Pool { kernel, stride: kernel, padding, dilation, ceil: false, count_include_pad: true }
    }

    /// Number of positions between the windows of adjacent outputs.
    pub fn stride(self, stride: impl Into<Extent<AXES>>) -> Self {
        Pool { stride: stride.into().0, ..self }
    }

    /// Number of positions added before and after the input on each axis, at most half of the
    /// window's span. They are zeros for a mean, and are never the maximum.
    pub fn padding(self, padding: impl Into<Extent<AXES>>) -> Self {
        self.padding_sides(padding.into().0.map(|size| [size; 2]))
    }

    /// Number of positions added on each side of the input: `[before, after]` for each axis.
    pub fn padding_sides(self, padding: [[usize; 2]; AXES]) -> Self {
        Pool { padding, ..self }
    }

    /// Distance between adjacent positions in a window.
    pub fn dilation(self, dilation: impl Into<Extent<AXES>>) -> Self {
        Pool { dilation: dilation.into().0, ..self }
    }

    /// Whether a last window that extends beyond the padded input gives an output too, provided
    /// that it begins within the input or the padding before it.
    pub fn ceil_mode(self, ceil: bool) -> Self {
        Pool { ceil, ..self }
    }

    /// Whether a mean counts the positions of its window in the padding; the default is true.
    pub fn count_include_pad(self, count_include_pad: bool) -> Self {
        Pool { count_include_pad, ..self }
    }

    fn geometry(&self, planes: usize, input: [usize; AXES]) -> Result<PoolGeometry, WindowError> {
        let window = Window::new(plane(self.kernel, 1))
            .stride(plane(self.stride, 1))
            .padding_sides(plane(self.padding, [0, 0]))
            .dilation(plane(self.dilation, 1));
        let make = if self.ceil { PoolGeometry::ceil } else { PoolGeometry::new };
        make(planes, plane(input, 1), window)
    }

    /// The output's sizes for an input of these sizes.
    ///
    /// # Errors
    /// If the window does not fit into the padded input, or its padding exceeds half of it.
    pub fn output_size(&self, input: impl Into<Extent<AXES>>) -> Result<[usize; AXES]> {
        let geometry = self.geometry(1, input.into().0);
        let output = geometry.map_err(|error| refused("pool", &error))?.output();
        Ok(std::array::from_fn(|axis| output[axis + 2 - AXES]))
    }

    /// Checks what does not depend on the input.
    ///
    /// ```
    /// use wengert_autodiff::ops::Pool2d;
    /// let error = Pool2d::new([2, 0]).check().unwrap_err().to_string();
    /// assert!(error.contains("a kernel of [2, 0] was asked for"), "{error}");
    /// ```
    ///
    /// # Errors
    /// If the kernel, the stride or the dilation is zero along an axis, or the padding exceeds half
    /// of the window's span.
    pub fn check(&self) -> Result<()> {
        check_positive("pool", self.kernel, self.stride, self.dilation)?;
        // The smallest input that the window fits into without padding.
        let span: [usize; AXES] = std::array::from_fn(|axis| {
            (self.kernel[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1)
        });
        self.output_size(span).map(|_| ())
    }

    /// The planes of a tensor under this pool.
    pub(super) fn planes(&self, op: &'static str, x: &Shape) -> Result<Planes<PoolGeometry>> {
        let (front, size) = split::<AXES>(op, x)?;
        let geometry = self.geometry(front.iter().product(), size);
        let geometry = geometry.map_err(|error| refused(op, &error))?;
        check_padding(op, geometry.input(), geometry.window())?;
        Ok(Planes { geometry, front: front.into(), axes: AXES })
    }
}

/// The planes of an operand: its leading axes, and the number of axes the window slides over.
#[derive(Clone, Debug)]
pub(crate) struct Planes<G> {
    pub(super) geometry: G,
    pub(super) front: Shape,
    pub(super) axes: usize,
}

impl<G> Planes<G> {
    /// The name of the operation: the first along one axis, the second along two.
    pub(super) fn name(&self, names: [&'static str; 2]) -> &'static str {
        names[usize::from(self.axes != 1)]
    }

    /// The shape with planes of these sizes.
    pub(super) fn shape(&self, size: [usize; 2]) -> Shape {
        self.front.iter().chain(&size[2 - self.axes..]).copied().collect()
    }

    /// Returns an error unless the operands have these shapes.
    pub(super) fn check(
        &self,
        op: &'static str,
        inputs: &[&Shape],
        sizes: &[[usize; 2]],
    ) -> Result<()> {
        let right: Vec<Shape> = sizes.iter().map(|&size| self.shape(size)).collect();
        if inputs.iter().copied().eq(&right) {
            return Ok(());
        }
        let expected = format!("operands of the shapes {}", crate::shape::list(&right));
        Err(Error::Shapes {
            op,
            expected,
            got: inputs.iter().map(|&shape| shape.clone()).collect(),
        })
    }
}

pub(super) fn refused(op: &'static str, error: &WindowError) -> Error {
    Error::Argument { op, message: error.to_string() }
}

/// The leading axes, and the sizes along the axes that the window slides over.
pub(super) fn split<'s, const AXES: usize>(
    op: &'static str,
    x: &'s Shape,
) -> Result<(&'s [usize], [usize; AXES])> {
    let at = x.rank().checked_sub(AXES).ok_or_else(|| {
        let expected = if AXES == 1 { "x [.., length]" } else { "x [.., rows, columns]" };
        Error::Shapes { op, expected: expected.to_owned(), got: vec![x.clone()] }
    })?;
    let (front, size) = x.split_at(at);
    Ok((front, size.try_into().expect("split there")))
}
