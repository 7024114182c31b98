//! `y = x^p` for a number `p`; the cotangent is `gy p x^(p-1)`, 0 for `p = 0`. For negative `p` it
//! is computed as `(gy y) / x p`, where no product leaves the range unless the cotangent does.

use wengert_kernels::Element;
use wengert_kernels::chain::Function1;
use wengert_kernels::elementwise::Simple;

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct PowScalar<E> {
    exponent: E,
}

impl<E: Element> Op<E> for PowScalar<E> {
    described!("pow_scalar", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        // The common exponents need no logarithm.
        let p = self.exponent;
        if p == E::ONE {
            return Ok(inputs[0].clone());
        }
        let function = if p == E::ONE + E::ONE {
            Simple::Square.into()
        } else if p == -E::ONE {
            Simple::Recip.into()
        } else {
            Function1::Power(p)
        };
        support::lazy_map(ctx, inputs[0], function)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, x, p) = (node.gy(), node.input(0), self.exponent);
        if p < E::ZERO {
            // A power that is no integer is infinite at both zeros, and its derivative is -inf.
            let x = if p.to_f64().fract() == 0.0 { x } else { x + E::ZERO };
            let quotient = gy.cotangent_mul(node.output()).div_keep_zero(x);
            return cotangents([Some(super::mul_scalar(quotient, p)?)]);
        }
        cotangents([(p != E::ZERO).then(|| gy.cotangent_mul(x.pow_scalar(p - E::ONE) * p))])
    }
}

entry! {
    /// Each element to the power of a number, with the special values of IEEE 754: `x^0` is 1, also
    /// for `x = 0`; a negative base has powers for integer exponents, and NaN for others.
    ///
    /// The derivative is `p x^(p-1)`: 0 for `p = 0`, infinite at 0 for `p` between 0 and 1.
    pow_scalar / try_pow_scalar(x; exponent: E) = PowScalar { exponent }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("pow_scalar", |s| {
    let shape = s.shape();
    // Integer exponents permit negative bases.
    let (p, domain) = match s.below(3) {
        0 => (s.choose(&[2.0, 3.0, 4.0]), Domain::REAL),
        1 => (s.choose(&[-1.0, -2.0, -3.0]), Domain::AWAY_FROM_ZERO),
        _ => (s.choose(&[0.5, 1.5, -0.5, 2.5]), Domain::POSITIVE),
    };
    let inputs = vec![s.tensor(&shape, &domain)];
    let single = PowScalar { exponent: p as f32 };
    Case::pair(single, PowScalar { exponent: p }, inputs, move |x| x[0].map(|x| x.powf(p)))
})];
