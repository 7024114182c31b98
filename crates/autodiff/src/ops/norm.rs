//! `y = (sum |x|^p)^(1/p)` over some axes, `max |x|` for infinite `p`. The cotangent is
//! `gy sign(x) (|x| / y)^(p-1)`: `gy sign(x)` for `p = 1`, `gy x / y` for `p = 2`, and for infinite
//! `p` `gy sign(x)`, shared equally by the largest magnitudes. Where `y` is 0 the norm has no
//! derivative, and the cotangent is 0.
//!
//! For `p < 2` the quotient may underflow where its power does not: the powers of `x` and `y` are
//! divided. For `p > 2` the rounding error of `y` would grow with the power: with the largest
//! magnitude `m` and `r = |x| / m`, the cotangent is `gy sign(x) r^(p-1) / sum(r^p)^((p-1)/p)`.

use wengert_kernels::{Element, elementwise, reduce};

use super::extreme_share::ExtremeShare;
use super::max::Extreme;
use super::scaling;
use super::sum::Axes;
use super::support;
#[cfg(any(test, feature = "testing"))]
use super::support::sample_distinct;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Row, Sampler};

#[derive(Clone, Debug)]
pub(crate) struct Norm {
    axes: Axes,
    p: f64,
}

impl Norm {
    /// The norms of lines, from the ratios of magnitudes to the largest one, whose powers do not
    /// overflow.
    fn scaled<E: Element>(&self, lines: &Tensor<E>, dims: [usize; 3]) -> Result<Tensor<E>> {
        let [outer, _, inner] = dims;
        let mut largest = Tensor::try_full([outer, 1, inner], E::ZERO)?;
        let data = lines.as_slice().expect("lines are contiguous");
        reduce::max_abs_axis(data, dims, largest.as_mut_slice());
        let useless = largest.eq_scalar(E::ZERO).or(&largest.eq_scalar(E::INFINITY));
        let (p, root) = (E::from_f64(self.p), E::from_f64(self.p.recip()));
        support::on_tape(lines.pool(), |tape| {
            let scale = super::masked_fill(tape.constant(&largest), &useless, E::ONE)?;
            let lines = super::reshape(tape.constant(lines), dims)?;
            let powers = super::pow_scalar(super::div(super::abs(lines)?, scale)?, p)?;
            let sums = super::sum_axes(powers, &[1], true)?;
            super::mul(super::pow_scalar(sums, root)?, scale)
        })
    }
}

impl Norm {
    /// `(|x| / y)^(p-1)` for `1 < p < 2`.
    fn power_of_ratio<'t, E: Element>(
        &self,
        x: Var<'t, E>,
        y: Var<'t, E>,
        flags: &[bool],
    ) -> Result<Var<'t, E>> {
        let (shape, exponent) = (x.shape(), E::from_f64(self.p - 1.0));
        let power = super::pow_scalar(super::abs(x)?, exponent)?;
        let divided = |power, y: Var<'t, E>| {
            // An infinite norm makes the quotient zero, and the mask lets no gradient through.
            let y = super::masked_fill(y, &y.eq_scalar(E::ZERO), E::INFINITY)?;
            let y = super::pow_scalar(y, exponent)?;
            super::div(power, self.axes.repeat("norm", y, &shape)?)
        };
        if !scaling::is_needed(&x.try_value()?, flags, &y.try_value()?, 120)? {
            return divided(power, y);
        }
        // The norm of the elements times `s` is `s y`.
        let (scaled, mut powers) = scaling::scaled(x, flags, 0.0)?;
        let y = x.tape().apply(self.clone(), &[scaled])?;
        for s in powers.as_mut_slice() {
            *s = E::from_f64(s.to_f64().powf(self.p - 1.0));
        }
        divided(super::mul(power, x.tape().constant(&powers))?, y)
    }

    /// `(|x| / y)^(p-1)` for `p > 2`.
    fn power_from_largest<'t, E: Element>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let shape = x.shape();
        let group = self.axes.group("norm", &shape)?;
        let lines = group.gather(x)?;
        let value = lines.try_value()?.try_contiguous()?;
        let [outer, _, inner] = group.dims;
        let mut largest = Tensor::try_full([outer, 1, inner], E::ZERO)?;
        reduce::max_abs_axis(support::slice(&value), group.dims, largest.as_mut_slice());
        for largest in largest.as_mut_slice() {
            if *largest == E::ZERO || !largest.is_finite() {
                *largest = E::ONE;
            }
        }
        let ratio = super::div(super::abs(lines)?, x.tape().constant(&largest))?;
        let sums = super::pow_scalar(ratio, E::from_f64(self.p))?;
        let sums = super::sum_axes(sums, &[1], true)?;
        // An infinite sum makes the product zero, and the mask lets no gradient through.
        let sums = super::masked_fill(sums, &sums.eq_scalar(E::ZERO), E::INFINITY)?;
        let root = super::pow_scalar(sums, E::from_f64(1.0 / self.p - 1.0))?;
        let power = super::pow_scalar(ratio, E::from_f64(self.p - 1.0))?;
        group.scatter(super::mul(power, root)?)
    }
}

impl<E: Element> Op<E> for Norm {
    described!("norm", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        if self.p >= 1.0 {
            return self.axes.reduced("norm", inputs[0]);
        }
        let message = format!("p must be at least 1, or infinite, got {}", self.p);
        Err(Error::Argument { op: "norm", message })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let times = |copies: usize, norms: &mut [E]| {
            // For infinite `p` this is a power of 0, so the factor is 1: the largest magnitude.
            let root = (copies as f64).powf(self.p.recip());
            elementwise::scale_in_place(E::from_f64(root), norms);
        };
        if let Some(norm) = support::reduced_once(self, inputs[0], &self.axes, ctx, times)? {
            return Ok(norm);
        }
        let group = self.axes.group("norm", inputs[0].shape())?;
        let lines = group.lines(inputs[0])?;
        let data = lines.as_slice().expect("lines are contiguous");
        if self.p == 1.0 {
            return ctx.output_by(|out| reduce::sum_abs_axis(data, group.dims, out));
        }
        if self.p == f64::INFINITY {
            return ctx.output_by(|out| reduce::max_abs_axis(data, group.dims, out));
        }
        if self.p == 2.0 {
            return ctx.output_by(|out| reduce::norm_axis(data, group.dims, out));
        }
        self.scaled(&lines, group.dims)?.try_reshape(ctx.shape())
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let x = node.input(0);
        let shape = x.shape();
        if shape.numel() == 0 {
            return cotangents([None]);
        }
        let gy = self.axes.repeat("norm", node.gy(), &shape)?;
        if self.p == 1.0 {
            return cotangents([Some(gy.mul_absorbing(x.sign()))]);
        }
        if self.p == f64::INFINITY {
            let share = ExtremeShare(Extreme { axes: self.axes.clone(), largest: true });
            let share = node.tape().apply(share, &[x.abs()])?;
            return cotangents([Some(gy.mul_absorbing(x.sign() * share))]);
        }
        if self.p > 2.0 {
            let power = self.power_from_largest(x)?;
            return cotangents([Some(gy.cotangent_mul(x.sign() * power))]);
        }
        // Where the norm overflows or underflows, the ratios of the scaled elements to their norm
        // do not.
        let (mut x, mut y) = (x, node.output());
        let flags = self.axes.flags("norm", &shape)?;
        if self.p < 2.0 {
            let power = self.power_of_ratio(x, y, &flags)?;
            return cotangents([Some(gy.cotangent_mul(x.sign() * power))]);
        }
        if scaling::is_needed(&x.try_value()?, &flags, &y.try_value()?, 60)? {
            (x, _) = scaling::scaled(x, &flags, 0.0)?;
            y = node.tape().apply(self.clone(), &[x])?;
        }
        // An infinite norm makes the quotient zero, and the mask lets no gradient through.
        let y = super::masked_fill(y, &y.eq_scalar(E::ZERO), E::INFINITY)?;
        let ratio = x / self.axes.repeat("norm", y, &shape)?;
        cotangents([Some(gy.cotangent_mul(ratio))])
    }
}

entry! {
    /// The `p`-norm of all elements, `(sum |x|^p)^(1/p)`, for `p` from 1 to infinity, which selects
    /// the largest magnitude. Powers that overflow or underflow do no harm: the norm of `n`
    /// elements is within `(40 + log2 n) eps` of its exact value, or within half of the smallest
    /// subnormal, and infinite only if an element is infinite or the norm itself exceeds the range.
    /// The gradient is correct in these cases too.
    ///
    /// The derivative is 0 where the norm is 0. For `p = 1` it is `sign(x)`, 0 at 0; for infinite
    /// `p` it is shared equally by the largest magnitudes.
    norm / try_norm(x; p: f64) = Norm { axes: Axes::ALL, p }
}

entry! {
    /// The `p`-norm over the given axes (negative numbers count from the last). With `keep_dims`
    /// these axes stay with size 1, otherwise they are removed. See [`norm`](crate::ops::norm).
    norm_axes / try_norm_axes(x; p: f64, axes: &[isize], keep_dims: bool) =
        Norm { axes: Axes::of(axes, keep_dims), p }
}

#[cfg(any(test, feature = "testing"))]
fn sample(s: &mut Sampler, p: f64) -> Case {
    let (x, axes, keep) = sample_distinct(s);
    let op = Norm { axes: Axes::of(&axes, keep), p };
    Case::new(op, vec![x], move |x| {
        x[0].reduce(&axes, keep, |values| {
            let magnitudes = values.iter().map(|x| x.abs());
            if p == f64::INFINITY {
                magnitudes.fold(0.0, f64::max)
            } else {
                magnitudes.map(|x| x.powf(p)).sum::<f64>().powf(1.0 / p)
            }
        })
    })
}

#[cfg(any(test, feature = "testing"))]
macro_rules! rows {
    ($($name:literal: $p:expr;)+) => {
        pub(crate) const ROWS: &[Row] = &[$(Row {
            name: $name,
            order: 2,
            reorders: false,
            sample: |s| sample(s, $p),
        }),+];
    };
}

#[cfg(any(test, feature = "testing"))]
rows! {
    "norm_1": 1.0;
    "norm_2": 2.0;
    "norm_3": 3.0;
    "norm_1.5": 1.5;
    "norm_inf": f64::INFINITY;
}
