//! `y = x` padded with a number, with the elements at its edges, or with its mirror image. The
//! cotangent of the first is the middle of `gy`; the other two read `x` at positions and are an
//! [`index_select`] along each padded axis.

use wengert_kernels::Element;

use super::index_select;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

/// What a tensor is padded with.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PadMode<E = f32> {
    /// A number.
    Constant(E),
    /// The tensor mirrored at its first and last elements, which are not repeated:
    /// `c b [a b c] b a`.
    Reflect,
    /// The first and the last elements: `a a [a b c] c c`.
    Edge,
}

/// Number of positions added along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PadWidth {
    /// The axis; negative numbers count from the last.
    pub axis: isize,
    /// Number of positions added before the first one.
    pub before: usize,
    /// Number of positions added after the last one.
    pub after: usize,
}

/// The axis, and the numbers of positions added before and after.
impl From<(isize, usize, usize)> for PadWidth {
    fn from((axis, before, after): (isize, usize, usize)) -> Self {
        PadWidth { axis, before, after }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Pad<E> {
    widths: Vec<PadWidth>,
    value: E,
}

/// The shape with the widths added; each axis may be given once.
fn padded(shape: &Shape, widths: &[PadWidth]) -> Result<Shape> {
    let axes: Vec<isize> = widths.iter().map(|width| width.axis).collect();
    shape.axis_set("pad", &axes)?;
    let mut padded = shape.clone();
    for width in widths {
        let size = &mut padded.dims_mut()[shape.axis("pad", width.axis)?];
        *size = size.saturating_add(width.before).saturating_add(width.after);
    }
    Ok(padded)
}

impl<E: Element> Op<E> for Pad<E> {
    described!("pad", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        padded(inputs[0], &self.widths)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let x = inputs[0].try_contiguous()?;
        let from = x.as_slice().unwrap_or_default();
        let strides = ctx.shape().contiguous_strides();
        let mut start = 0;
        for width in &self.widths {
            let axis = x.shape().axis("pad", width.axis)?;
            start += width.before * strides[axis] as usize;
        }
        ctx.output_by(|out| {
            out.fill(self.value);
            let (run, front) = match x.shape().split_last() {
                Some((&run, front)) => (run, Shape::from(front)),
                None => (1, Shape::scalar()),
            };
            if from.is_empty() {
                return;
            }
            let mut place = vec![0; front.rank()];
            for row in from.chunks_exact(run) {
                let steps =
                    place.iter().zip(strides.iter()).map(|(&i, &stride)| i * stride as usize);
                let at = start + steps.sum::<usize>();
                out[at..at + run].copy_from_slice(row);
                front.advance(&mut place);
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let shape = node.input(0).shape();
        let middle = self.widths.iter().try_fold(node.gy(), |gy, width| {
            let size = shape[shape.axis("pad", width.axis)?];
            let range = width.before as isize..(width.before + size) as isize;
            super::slice(gy, width.axis, range)
        });
        cotangents([Some(middle?)])
    }
}

/// The tensor padded along some axes.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::PadMode};
/// let x = Tensor::from_fn([3], |i| i[0] as f32);
/// let pad = |mode| x.pad(&[(0, 2, 1).into()], mode).to_vec();
/// assert_eq!(pad(PadMode::Constant(7.0)), [7.0, 7.0, 0.0, 1.0, 2.0, 7.0]);
/// assert_eq!(pad(PadMode::Reflect), [2.0, 1.0, 0.0, 1.0, 2.0, 1.0]);
/// assert_eq!(pad(PadMode::Edge), [0.0, 0.0, 0.0, 1.0, 2.0, 2.0]);
/// ```
///
/// # Shapes
/// Each given axis grows by the sum of its widths.
///
/// # Errors
/// If an axis does not exist or is given twice; for `Reflect`, if a width is not below the axis'
/// size; for `Edge`, if the axis is empty.
#[track_caller]
pub fn pad<'t, E: Element>(
    x: Var<'t, E>,
    widths: &[PadWidth],
    mode: PadMode<E>,
) -> Result<Var<'t, E>> {
    let shape = x.shape();
    let reflect = match mode {
        PadMode::Constant(value) => {
            return x.tape().apply(Pad { widths: widths.to_vec(), value }, &[x]);
        }
        PadMode::Reflect => true,
        PadMode::Edge => false,
    };
    padded(&shape, widths)?.checked_len::<E>("pad")?;
    widths.iter().filter(|width| width.before + width.after > 0).try_fold(x, |x, width| {
        let size = shape[shape.axis("pad", width.axis)?];
        let most = width.before.max(width.after);
        if size == 0 || reflect && most >= size {
            let rule = if reflect { "a width less than its size" } else { "an axis that is not empty" };
            let message = format!(
                "axis {} of {shape} was to be padded by {} before and {} after; the mode {mode:?} needs \
                 {rule}",
                width.axis, width.before, width.after
            );
            return Err(Error::Argument { op: "pad", message });
        }
        index_select(x, width.axis, &positions(size, *width, reflect)?)
    })
}

/// The positions of an axis of `size` that its padded form reads.
fn positions(size: usize, width: PadWidth, reflect: bool) -> Result<Index> {
    let (last, shape) = (size - 1, Shape::from([width.before + size + width.after]));
    let mut positions = Index::blank("pad", &shape)?;
    for (i, position) in positions.iter_mut().enumerate() {
        *position = match i.checked_sub(width.before) {
            Some(inside) if inside <= last => inside,
            Some(behind) => {
                if reflect {
                    2 * last - behind
                } else {
                    last
                }
            }
            None => {
                if reflect {
                    width.before - i
                } else {
                    0
                }
            }
        };
    }
    Index::from_vec(positions, shape)
}

methods! {
    /// The tensor padded along some axes.
    pad / try_pad(; widths: &[PadWidth], mode: PadMode<E>)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("pad", |s| {
    let shape = s.shape();
    let (axes, _) = s.axes(&shape);
    let widths: Vec<PadWidth> =
        axes.iter().map(|&axis| PadWidth { axis, before: s.below(3), after: s.below(3) }).collect();
    let value = s.number(-2.0, 2.0);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    let single = Pad { widths: widths.clone(), value: value as f32 };
    let double = Pad { widths: widths.clone(), value };
    Case::pair(single, double, inputs, move |x| {
        let mut before = vec![0; shape.rank()];
        let mut sizes = shape.to_vec();
        for width in &widths {
            let axis = width.axis.rem_euclid(shape.rank() as isize) as usize;
            before[axis] = width.before;
            sizes[axis] += width.before + width.after;
        }
        Dense::from_fn(&sizes, |place| {
            let own: Option<Vec<usize>> = place
                .iter()
                .zip(&before)
                .zip(shape.iter())
                .map(|((&i, &before), &dim)| i.checked_sub(before).filter(|&i| i < dim))
                .collect();
            own.map_or(value, |own| x[0].at(&own))
        })
    })
})];
