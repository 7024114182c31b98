//! `y = f c + i g` with `i = logistic(z_i)`, `f = logistic(z_f)` and `g = tanh(z_g)`: the new cell
//! state of an LSTM, from rows `[z_i, z_f, z_g, z_o]` of the sums of its four gates. The cotangents
//! are `gy g i (1 - i)`, `gy c f (1 - f)`, `gy i (1 - g^2)`, 0 for `z_o`, and `gy f` for `c`.

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
const COUNT: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(crate) struct LstmCell;

impl<E: Element> Op<E> for LstmCell {
    described!("lstm_cell", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        sizes("lstm_cell", &inputs[..1], COUNT, inputs[1]).map(Shape::from)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (mut gates_copy, mut c_copy) = (None, None);
        let (gates, c) = (inputs[0].in_order(&mut gates_copy)?, inputs[1].in_order(&mut c_copy)?);
        let (batch, hidden) = (ctx.shape()[0], ctx.shape()[1]);
        // The values of i, f and g.
        let mut values = ctx.scratch([batch, 3 * hidden])?;
        let rows = values.as_mut_slice();
        let out = ctx.output_by(|out| {
            for row in 0..if hidden == 0 { 0 } else { batch } {
                let sums = &gates[COUNT * hidden * row..][..3 * hidden];
                let values = &mut rows[3 * hidden * row..][..3 * hidden];
                let (logistic, tanh) = values.split_at_mut(2 * hidden);
                activation::forward(Activation::Logistic, &sums[..2 * hidden], logistic);
                activation::forward(Activation::Tanh, &sums[2 * hidden..], tanh);
                let (i, f) = logistic.split_at(hidden);
                let (c, out) = (&c[hidden * row..][..hidden], &mut out[hidden * row..][..hidden]);
                for (k, out) in out.iter_mut().enumerate() {
                    *out = f[k] * c[k] + i[k] * tanh[k];
                }
            }
        })?;
        ctx.save(values);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let hidden = node.gy().shape()[1];
        if node.creates_graph() {
            let (sums, c, gy) = (node.input(0), node.input(1), node.gy());
            let i = activate::logistic(gate(sums, 0, hidden)?)?;
            let f = activate::logistic(gate(sums, 1, hidden)?)?;
            let g = activate::tanh(gate(sums, 2, hidden)?)?;
            let by_sums = || {
                let parts = [
                    gy.cotangent_mul(super::mul(g, logistic_slope(i)?)?),
                    gy.cotangent_mul(super::mul(c, logistic_slope(f)?)?),
                    gy.cotangent_mul(super::mul(i, tanh_slope(g)?)?),
                ];
                let zeros = Tensor::scalar(E::ZERO).try_broadcast_to(gy.shape())?;
                let [i, f, g] = parts;
                super::concat(&[i, f, g, node.tape().constant(&zeros)], 1)
            };
            return cotangents([
                if node.needs(0) { Some(by_sums()?) } else { None },
                if node.needs(1) { Some(gy.cotangent_mul(f)) } else { None },
            ]);
        }
        let values = support::slice(node.saved(0));
        let by_sums = || {
            node.constant_like(0, |at, out| {
                let (mut gy_copy, mut c_copy) = (None, None);
                let (gy, c) = (at.gy().in_order(&mut gy_copy)?, at.input(1).in_order(&mut c_copy)?);
                for (row, out) in out.chunks_exact_mut((COUNT * hidden).max(1)).enumerate() {
                    let values = &values[3 * hidden * row..][..3 * hidden];
                    let ([i, f, g], [gy, c]) = (
                        [0, 1, 2].map(|part| &values[part * hidden..][..hidden]),
                        [gy, c].map(|array| &array[hidden * row..][..hidden]),
                    );
                    let (by_i, rest) = out.split_at_mut(hidden);
                    let (by_f, rest) = rest.split_at_mut(hidden);
                    let (by_g, by_o) = rest.split_at_mut(hidden);
                    for k in 0..hidden {
                        by_i[k] = times(gy[k], g[k] * (i[k] * (E::ONE - i[k])));
                        by_f[k] = times(gy[k], c[k] * (f[k] * (E::ONE - f[k])));
                        by_g[k] = times(gy[k], i[k] * (E::ONE - g[k] * g[k]));
                    }
                    by_o.fill(E::ZERO);
                }
                Ok(())
            })
        };
        let by_c = || {
            node.constant_like(1, |at, out| {
                let mut copy = None;
                let gy = at.gy().in_order(&mut copy)?;
                for (row, out) in out.chunks_exact_mut(hidden.max(1)).enumerate() {
                    let f = &values[3 * hidden * row + hidden..][..hidden];
                    for ((out, &gy), &f) in out.iter_mut().zip(&gy[hidden * row..]).zip(f) {
                        *out = times(gy, f);
                    }
                }
                Ok(())
            })
        };
        cotangents([
            if node.needs(0) { Some(by_sums()?) } else { None },
            if node.needs(1) { Some(by_c()?) } else { None },
        ])
    }
}

entry! {
    /// The new cell state of an LSTM, `f c + i g`, with `i = logistic(z_i)`, `f = logistic(z_f)`
    /// and `g = tanh(z_g)`, where each row of the gates is `[z_i, z_f, z_g, z_o]`, as in PyTorch.
    /// [`lstm_output`](crate::ops::lstm_output) computes the output from it.
    ///
    /// Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
    /// 1997, with the forget gate of F. A. Gers, J. Schmidhuber, F. Cummins, 2000.
    ///
    /// # Shapes
    /// The gates are `[batch, 4 hidden]`, `c` is `[batch, hidden]`; the result has the shape of
    /// `c`.
    lstm_cell / try_lstm_cell(gates, c) = LstmCell
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("lstm_cell", |s| {
    let (batch, hidden) = (s.size(), s.size());
    let gates = s.tensor(&Shape::from([batch, COUNT * hidden]), &Domain::REAL);
    let c = s.tensor(&Shape::from([batch, hidden]), &Domain::REAL);
    Case::new(LstmCell, vec![gates, c], move |x| {
        let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
        let value = |place: usize| {
            let (row, k) = (place / hidden, place % hidden);
            let sum = |gate: usize| x[0].data[(row * COUNT + gate) * hidden + k];
            logistic(sum(1)) * x[1].data[place] + logistic(sum(0)) * sum(2).tanh()
        };
        Dense { shape: vec![batch, hidden], data: (0..batch * hidden).map(value).collect() }
    })
})];
