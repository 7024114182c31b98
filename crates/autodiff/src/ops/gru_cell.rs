//! `y = n + u (h - n)` with `r = logistic(x_r + h_r)`, `u = logistic(x_u + h_u)` and
//! `n = tanh(x_n + r h_n)`: the new state of a GRU, from rows `[x_r, x_u, x_n]` of sums over the
//! inputs and `[h_r, h_u, h_n]` over the state `h`. With `b = gy (1 - u) (1 - n^2)` the cotangents
//! of `x_n`, `x_r` and `x_u` are `b`, `b h_n r (1 - r)` and `gy (h - n) u (1 - u)`; those of `h_r`
//! and `h_u` are the same, that of `h_n` is `b r`, and that of `h` is `gy u`.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};

use super::activate;
use super::gates::{gate, logistic_slope, sizes, tanh_slope, times};
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

/// The number of gates.
const COUNT: usize = 3;

#[derive(Clone, Copy, Debug)]
pub(crate) struct GruCell;

impl<E: Element> Op<E> for GruCell {
    described!("gru_cell", operands: 3);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        sizes("gru_cell", &inputs[..2], COUNT, inputs[2]).map(Shape::from)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let [mut x_copy, mut recurrent_copy, mut h_copy] = [None, None, None];
        let x = inputs[0].in_order(&mut x_copy)?;
        let recurrent = inputs[1].in_order(&mut recurrent_copy)?;
        let h = inputs[2].in_order(&mut h_copy)?;
        let (batch, hidden) = (ctx.shape()[0], ctx.shape()[1]);
        // The values of r, u and n.
        let mut values = ctx.scratch([batch, COUNT * hidden])?;
        let mut sums = vec![E::ZERO; 2 * hidden];
        let rows = values.as_mut_slice();
        let out = ctx.output_by(|out| {
            for row in 0..if hidden == 0 { 0 } else { batch } {
                let (start, len) = (COUNT * hidden * row, COUNT * hidden);
                let (x, recurrent) = (&x[start..][..len], &recurrent[start..][..len]);
                let (gates, n) = rows[start..][..len].split_at_mut(2 * hidden);
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum = x[k] + recurrent[k];
                }
                activation::forward(Activation::Logistic, &sums, gates);
                let (r, u) = gates.split_at(hidden);
                for (k, sum) in sums[..hidden].iter_mut().enumerate() {
                    *sum = x[2 * hidden + k] + r[k] * recurrent[2 * hidden + k];
                }
                activation::forward(Activation::Tanh, &sums[..hidden], n);
                let (h, out) = (&h[hidden * row..][..hidden], &mut out[hidden * row..][..hidden]);
                for (k, out) in out.iter_mut().enumerate() {
                    *out = n[k] + u[k] * (h[k] - n[k]);
                }
            }
        })?;
        ctx.save(values);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        if node.creates_graph() {
            return recorded(node);
        }
        let hidden = node.gy().shape()[1];
        let values = support::slice(node.saved(0));
        // The cotangent of the sums over the inputs, or of those over the state.
        let by_sums = |place: usize| {
            node.constant_like(place, |at, out| {
                let [mut gy_copy, mut recurrent_copy, mut h_copy] = [None, None, None];
                let gy = at.gy().in_order(&mut gy_copy)?;
                let recurrent = at.input(1).in_order(&mut recurrent_copy)?;
                let h = at.input(2).in_order(&mut h_copy)?;
                for (row, out) in out.chunks_exact_mut((COUNT * hidden).max(1)).enumerate() {
                    let values = &values[COUNT * hidden * row..][..COUNT * hidden];
                    let [r, u, n] = [0, 1, 2].map(|part| &values[part * hidden..][..hidden]);
                    let new = &recurrent[(COUNT * row + 2) * hidden..][..hidden];
                    let [gy, h] = [gy, h].map(|array| &array[hidden * row..][..hidden]);
                    let (by_r, rest) = out.split_at_mut(hidden);
                    let (by_u, by_n) = rest.split_at_mut(hidden);
                    for k in 0..hidden {
                        let slope = (E::ONE - u[k]) * (E::ONE - n[k] * n[k]);
                        let by_new = times(gy[k], slope);
                        by_r[k] = times(by_new, new[k] * (r[k] * (E::ONE - r[k])));
                        by_u[k] = times(gy[k], (h[k] - n[k]) * (u[k] * (E::ONE - u[k])));
                        by_n[k] = if place == 0 { by_new } else { times(by_new, r[k]) };
                    }
                }
                Ok(())
            })
        };
        let by_h = || {
            node.constant_like(2, |at, out| {
                let mut copy = None;
                let gy = at.gy().in_order(&mut copy)?;
                for (row, out) in out.chunks_exact_mut(hidden.max(1)).enumerate() {
                    let u = &values[(COUNT * row + 1) * hidden..][..hidden];
                    for ((out, &gy), &u) in out.iter_mut().zip(&gy[hidden * row..]).zip(u) {
                        *out = times(gy, u);
                    }
                }
                Ok(())
            })
        };
        cotangents([
            if node.needs(0) { Some(by_sums(0)?) } else { None },
            if node.needs(1) { Some(by_sums(1)?) } else { None },
            if node.needs(2) { Some(by_h()?) } else { None },
        ])
    }
}

/// The cotangents as functions of the operands.
fn recorded<'t, E: Element>(node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
    let (x, recurrent, h, gy) = (node.input(0), node.input(1), node.input(2), node.gy());
    let hidden = gy.shape()[1];
    let sum = |i: usize| super::add(gate(x, i, hidden)?, gate(recurrent, i, hidden)?);
    let (r, u) = (activate::logistic(sum(0)?)?, activate::logistic(sum(1)?)?);
    let new = gate(recurrent, 2, hidden)?;
    let n = activate::tanh(super::add(gate(x, 2, hidden)?, super::mul(r, new)?)?)?;
    let rest = super::add_scalar(super::neg(u)?, E::ONE)?;
    let by_new = gy.cotangent_mul(super::mul(rest, tanh_slope(n)?)?);
    let by_r = by_new.cotangent_mul(super::mul(new, logistic_slope(r)?)?);
    let by_u = gy.cotangent_mul(super::mul(super::sub(h, n)?, logistic_slope(u)?)?);
    let by_state = || super::concat(&[by_r, by_u, by_new.cotangent_mul(r)], 1);
    cotangents([
        if node.needs(0) { Some(super::concat(&[by_r, by_u, by_new], 1)?) } else { None },
        if node.needs(1) { Some(by_state()?) } else { None },
        if node.needs(2) { Some(gy.cotangent_mul(u)) } else { None },
    ])
}

entry! {
    /// The new state of a GRU, `n + u (h - n)`, with `r = logistic(x_r + h_r)`,
    /// `u = logistic(x_u + h_u)` and `n = tanh(x_n + r h_n)`, where each row of the sums over the
    /// inputs is `[x_r, x_u, x_n]` and each row of those over the state `[h_r, h_u, h_n]`, as in
    /// PyTorch.
    ///
    /// Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
    /// statistical machine translation", arXiv:1406.1078, 2014.
    ///
    /// # Shapes
    /// The sums are `[batch, 3 hidden]`, `h` is `[batch, hidden]`; the result has the shape of `h`.
    gru_cell / try_gru_cell(sums, recurrent, h) = GruCell
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("gru_cell", |s| {
    let (batch, hidden) = (s.size(), s.size());
    let sums = Shape::from([batch, COUNT * hidden]);
    let operands = [&sums, &sums, &Shape::from([batch, hidden])];
    let operands = operands.map(|shape| s.tensor(shape, &Domain::REAL));
    Case::new(GruCell, operands.into(), move |x| {
        let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
        let value = |place: usize| {
            let (row, k) = (place / hidden, place % hidden);
            let sum = |i: usize, gate: usize| x[i].data[(row * COUNT + gate) * hidden + k];
            let (r, u) = (logistic(sum(0, 0) + sum(1, 0)), logistic(sum(0, 1) + sum(1, 1)));
            let n = (sum(0, 2) + r * sum(1, 2)).tanh();
            (1.0 - u) * n + u * x[2].data[place]
        };
        Dense { shape: vec![batch, hidden], data: (0..batch * hidden).map(value).collect() }
    })
})];
