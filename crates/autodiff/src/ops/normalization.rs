//! The options of normalizations, the checks of their operands, and the gradient of a normalization
//! of rows composed of variables, for second derivatives.

use wengert_kernels::Element;
use wengert_kernels::norm::Affine;

use super::{scaling, support};
use crate::error::{Error, Result};
use crate::op::{Cotangents, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The number of axes that a normalization goes over, and the number it adds to the variance.
///
/// ```
/// use wengert_autodiff::ops::NormOptions;
/// let image_norm = NormOptions::new().axes(3).eps(1e-6);
/// assert_ne!(image_norm, NormOptions::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormOptions {
    pub(super) axes: usize,
    pub(super) eps: f64,
}

impl Default for NormOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl NormOptions {
    /// Normalization over the last axis, with 1e-5 added to the variance.
    pub const fn new() -> Self {
        NormOptions { axes: 1, eps: 1e-5 }
    }

    /// Number of trailing axes to normalize over, at least one.
    pub const fn axes(self, axes: usize) -> Self {
        NormOptions { axes, ..self }
    }

    /// The number added to the variance, so that a constant row is not divided by zero; finite and
    /// not negative.
    pub const fn eps(self, eps: f64) -> Self {
        NormOptions { eps, ..self }
    }
}

/// The operands that follow the input: which of weight and bias are present.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(super) weight: bool,
    pub(super) bias: bool,
}

impl Parts {
    /// The operands in order, and which of the optional ones are present.
    pub(super) fn gather<'t, E: Element>(
        front: &[Var<'t, E>],
        weight: Option<Var<'t, E>>,
        bias: Option<Var<'t, E>>,
    ) -> (Self, Vec<Var<'t, E>>) {
        let parts = Parts { weight: weight.is_some(), bias: bias.is_some() };
        (parts, front.iter().copied().chain(weight).chain(bias).collect())
    }

    /// The indices of weight and bias among the operands, after the first `front`.
    pub(super) fn places(self, front: usize) -> (Option<usize>, Option<usize>) {
        let weight = self.weight.then_some(front);
        (weight, self.bias.then_some(front + usize::from(self.weight)))
    }

    /// Returns an error unless weight and bias, where present, have this shape.
    pub(super) fn check(
        self,
        op: &'static str,
        inputs: &[&Shape],
        front: usize,
        right: &[usize],
    ) -> Result<()> {
        let expected = front + usize::from(self.weight) + usize::from(self.bias);
        if inputs.len() != expected {
            return Err(Error::Arity { op, expected, got: inputs.len() });
        }
        if inputs[front..].iter().all(|shape| shape.dims() == right) {
            return Ok(());
        }
        let expected = format!("a weight and a bias of shape {}", Shape::from(right));
        Err(Error::Shapes {
            op,
            expected,
            got: inputs.iter().map(|&shape| shape.clone()).collect(),
        })
    }
}

/// Returns an error unless `eps` can be added to a variance.
pub(super) fn check_eps(op: &'static str, eps: f64) -> Result<()> {
    if eps.is_finite() && eps >= 0.0 {
        return Ok(());
    }
    let message = format!("eps must be finite and not negative, got {eps}");
    Err(Error::Argument { op, message })
}

/// The number and the length of the rows of a normalization over the last axes.
pub(super) fn rows(op: &'static str, x: &Shape, options: NormOptions) -> Result<(usize, usize)> {
    check_eps(op, options.eps)?;
    let NormOptions { axes, .. } = options;
    let Some(at) = x.rank().checked_sub(axes).filter(|_| axes > 0) else {
        let rank = x.rank();
        let message = format!("axes must be from 1 to {rank} for a shape {x}, got {axes}");
        return Err(Error::Argument { op, message });
    };
    Ok((x[..at].iter().product(), x[at..].iter().product()))
}

/// Weight and bias in row-major order.
pub(super) struct Held<E: Element> {
    weight: Option<Tensor<E>>,
    bias: Option<Tensor<E>>,
}

impl<E: Element> Held<E> {
    pub(super) fn new(parts: Parts, front: usize, inputs: &[&Tensor<E>]) -> Result<Self> {
        let (weight, bias) = parts.places(front);
        let take =
            |place: Option<usize>| place.map(|place| inputs[place].try_contiguous()).transpose();
        Ok(Held { weight: take(weight)?, bias: take(bias)? })
    }

    pub(super) fn affine(&self) -> Affine<'_, E> {
        Affine {
            weight: self.weight.as_ref().map(support::slice),
            bias: self.bias.as_ref().map(support::slice),
        }
    }
}

/// The reciprocal deviations of rows for the gradient's kernel: 1 in place of an infinite one where
/// all cotangents of the row are zero. With `eps` 0, the normalized elements of a constant row are
/// NaN, and a row that contributes nothing would make the sums of all rows NaN.
pub(super) fn used_rstd<E: Element>(rstd: &Tensor<E>, gy: &[E], cols: usize) -> Result<Tensor<E>> {
    let values = support::slice(rstd);
    if values.iter().all(|&rstd| rstd != E::INFINITY) {
        return Ok(rstd.clone());
    }
    let rows = values.iter().zip(gy.chunks_exact(cols.max(1)));
    let used = rows.map(|(&rstd, gy)| {
        let is_unused = rstd == E::INFINITY && gy.iter().all(|&gy| gy == E::ZERO);
        if is_unused { E::ONE } else { rstd }
    });
    Tensor::from_vec(used.collect(), rstd.shape().clone())
}

/// The gradient of `y = (x - mean) rstd weight + bias` over rows, recorded: with `g = gy weight`
/// and `n = (x - mean) rstd`, `gx = rstd (g - mean(g) - n mean(g n))`, `gweight = sum gy n` and
/// `gbias = sum gy`. A normalization that is not `centred` has only the last of these means.
pub(super) fn recorded<'t, E: Element>(
    node: &Vjp<'_, 't, E>,
    parts: Parts,
    (rows, cols): (usize, usize),
    (eps, rstd): (f64, &Tensor<E>),
    centred: bool,
) -> Result<Cotangents<'t, E>> {
    let (weight, bias) = parts.places(1);
    let shape = node.input(0).shape();
    let matrix = |v: Var<'t, E>| super::reshape(v, [rows, cols]);
    let (x, gy) = (matrix(node.input(0))?, matrix(node.gy())?);
    let mean = |v: Var<'t, E>| v.mean_axes(&[-1], true);
    let deviations = |x: Var<'t, E>| if centred { deviations(x, mean) } else { x };
    // Rows whose squares overflow or underflow are first scaled by powers of two.
    let scale = if scaling::all_within(rstd, 10)? {
        None
    } else {
        Some(RowScale::new(x, &[false, true], eps, deviations)?)
    };
    let d = scale.as_ref().map_or_else(|| deviations(x), |scale| scale.deviations);
    let rstd = match &scale {
        Some(scale) => scale.reciprocal_root(mean(d * d)),
        None => reciprocal_root(mean(d * d), eps),
    };
    let normal = d * rstd;
    let g = match weight {
        Some(place) => gy.cotangent_mul(super::reshape(node.input(place), [cols])?),
        None => gy,
    };
    let centred_g = if centred { g - mean(g) } else { g };
    // A row of zero cotangents has zero gradients, also where `rstd` is infinite.
    let slope = mean(g.cotangent_mul(normal)).cotangent_mul(normal);
    let gx = (centred_g - slope).cotangent_mul(rstd);
    let gx = scale.map_or(gx, |scale| scale.of_operand(gx));
    let mut result = Cotangents::new();
    result.push(Some(super::reshape(gx, shape)?));
    for (place, terms) in [(weight, gy.cotangent_mul(normal)), (bias, gy)] {
        if let Some(place) = place {
            let sum = terms.sum_axes(&[0], false);
            result.push(Some(super::reshape(sum, node.input(place).shape())?));
        }
    }
    Ok(result)
}

/// The deviations from the mean. They are centred twice: the second mean is the rounding error of
/// the first, which may exceed the deviations where these are much smaller than the mean.
pub(super) fn deviations<'t, E: Element>(
    x: Var<'t, E>,
    mean: impl Fn(Var<'t, E>) -> Var<'t, E>,
) -> Var<'t, E> {
    let once = x - mean(x);
    once - mean(once)
}

/// The deviations of an operand, scaled line by line so that the root of their variance plus
/// `eps` is of the order of one, by powers of two, which are constants to all derivatives.
///
/// The powers depend on the deviations, not on the operand: where the deviations are much smaller
/// than the mean, a power that scales the mean to one would make `eps` overflow or underflow.
pub(super) struct RowScale<'t, E: Element> {
    /// The deviations times all powers.
    pub(super) deviations: Var<'t, E>,
    /// The powers by which the operand and its deviations were multiplied.
    powers: [Var<'t, E>; 2],
    /// The numbers added to the variances of the scaled deviations.
    eps: Var<'t, E>,
}

impl<'t, E: Element> RowScale<'t, E> {
    /// Scales the lines over the flagged axes.
    pub(super) fn new(
        x: Var<'t, E>,
        flags: &[bool],
        eps: f64,
        deviations: impl Fn(Var<'t, E>) -> Var<'t, E>,
    ) -> Result<Self> {
        let constant = |tensor: &Tensor<E>| x.tape().constant(tensor);
        let first = scaling::raising(&x.try_value()?, flags, eps.sqrt())?;
        let small = deviations(super::mul(x, constant(&first))?);
        let floor = |line: usize| eps.sqrt() * first.as_slice().map_or(1.0, |s| s[line].to_f64());
        let second = scaling::powers(&small.try_value()?, flags, floor)?;
        let deviations = super::mul(small, constant(&second))?;
        let eps = constant(&scaling::scaled_eps(&first, &second, eps)?);
        Ok(RowScale { deviations, powers: [constant(&second), constant(&first)], eps })
    }

    /// The gradient of the operand, from the gradient of the scaled deviations.
    pub(super) fn of_operand(&self, gradient: Var<'t, E>) -> Var<'t, E> {
        self.powers.iter().fold(gradient, |gradient, &power| gradient * power)
    }

    /// One over the root of the variances of the scaled deviations.
    pub(super) fn reciprocal_root(&self, variance: Var<'t, E>) -> Var<'t, E> {
        reciprocal_root(variance + self.eps, 0.0)
    }
}

/// `1 / sqrt(variance + eps)`.
pub(super) fn reciprocal_root<E: Element>(variance: Var<'_, E>, eps: f64) -> Var<'_, E> {
    let one = variance.tape().constant(&Tensor::scalar(E::ONE));
    one / variance.add_scalar(E::from_f64(eps)).sqrt()
}

/// The buffers into which a kernel writes the gradients of a normalization.
pub(super) struct Buffers<E: Element> {
    pub(super) x: Tensor<E>,
    pub(super) weight: Option<Tensor<E>>,
    pub(super) bias: Option<Tensor<E>>,
}

impl<E: Element> Buffers<E> {
    /// Buffers for the gradients that are needed; the input's is always computed.
    pub(super) fn new(node: &Vjp<'_, '_, E>, parts: Parts) -> Result<Self> {
        let pool = Some(node.tape().pool());
        let (weight, bias) = parts.places(1);
        let make = |place: Option<usize>| {
            let asked = place.filter(|&place| node.needs(place));
            asked.map(|place| Tensor::stale(node.input(place).shape(), pool)).transpose()
        };
        let x = Tensor::stale(node.input(0).shape(), pool)?;
        Ok(Buffers { x, weight: make(weight)?, bias: make(bias)? })
    }

    pub(super) fn grads(&mut self) -> wengert_kernels::norm::NormGrads<'_, E> {
        wengert_kernels::norm::NormGrads {
            x: self.x.as_mut_slice(),
            weight: self.weight.as_mut().map(Tensor::as_mut_slice),
            bias: self.bias.as_mut().map(Tensor::as_mut_slice),
        }
    }

    pub(super) fn cotangents<'t>(self, node: &Vjp<'_, 't, E>, parts: Parts) -> Cotangents<'t, E> {
        let constant = |tensor: Option<Tensor<E>>| tensor.map(|x| node.tape().constant(&x));
        let mut result = Cotangents::new();
        result.push(constant(Some(self.x)));
        for (there, gradient) in [(parts.weight, self.weight), (parts.bias, self.bias)] {
            if there {
                result.push(constant(gradient));
            }
        }
        result
    }
}
