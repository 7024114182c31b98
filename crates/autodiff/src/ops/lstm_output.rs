//! `y = o tanh(c)` with `o = logistic(z_o)`: the output of an LSTM, from its new cell state `c` and
//! rows `[z_i, z_f, z_g, z_o]` of the sums of its four gates. With `t = tanh(c)` the cotangents are
//! `gy t o (1 - o)` for `z_o`, 0 for the other sums, and `gy o (1 - t^2)` for `c`.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};

use super::activate;
use super::gates::{gate, logistic_slope, sizes, tanh_slope, times};
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

/// The number of gates, and the place of the output gate.
const COUNT: usize = 4;
const OUTPUT: usize = 3;

#[derive(Clone, Copy, Debug)]
pub(crate) struct LstmOutput;

impl<E: Element> Op<E> for LstmOutput {
    described!("lstm_output", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        sizes("lstm_output", &inputs[..1], COUNT, inputs[1]).map(Shape::from)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (mut gates_copy, mut c_copy) = (None, None);
        let (gates, c) = (inputs[0].in_order(&mut gates_copy)?, inputs[1].in_order(&mut c_copy)?);
        let hidden = ctx.shape()[1];
        let (mut o, mut t) = (ctx.output()?, ctx.output()?);
        activation::forward(Activation::Tanh, c, t.as_mut_slice());
        for (row, o) in o.as_mut_slice().chunks_exact_mut(hidden.max(1)).enumerate() {
            let sums = &gates[(COUNT * row + OUTPUT) * hidden..][..hidden];
            activation::forward(Activation::Logistic, sums, o);
        }
        let factors = (support::slice(&o), support::slice(&t));
        let out = ctx.output_by(|out| {
            for ((out, &o), &t) in out.iter_mut().zip(factors.0).zip(factors.1) {
                *out = o * t;
            }
        })?;
        ctx.save(o);
        ctx.save(t);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let hidden = node.gy().shape()[1];
        if node.creates_graph() {
            let gy = node.gy();
            let o = activate::logistic(gate(node.input(0), OUTPUT, hidden)?)?;
            let t = activate::tanh(node.input(1))?;
            let by_sums = || {
                let by_o = gy.cotangent_mul(super::mul(t, logistic_slope(o)?)?);
                let zeros = Tensor::scalar(E::ZERO).try_broadcast_to(gy.shape())?;
                let zeros = node.tape().constant(&zeros);
                super::concat(&[zeros, zeros, zeros, by_o], 1)
            };
            let by_c = || Ok::<_, Error>(gy.cotangent_mul(super::mul(o, tanh_slope(t)?)?));
            return cotangents([
                if node.needs(0) { Some(by_sums()?) } else { None },
                if node.needs(1) { Some(by_c()?) } else { None },
            ]);
        }
        let (o, t) = (support::slice(node.saved(0)), support::slice(node.saved(1)));
        let by_sums = || {
            node.constant_like(0, |at, out| {
                let mut copy = None;
                let gy = at.gy().in_order(&mut copy)?;
                for (row, out) in out.chunks_exact_mut((COUNT * hidden).max(1)).enumerate() {
                    let (others, by_o) = out.split_at_mut(OUTPUT * hidden);
                    let [gy, o, t] = [gy, o, t].map(|array| &array[hidden * row..][..hidden]);
                    others.fill(E::ZERO);
                    for (k, by_o) in by_o.iter_mut().enumerate() {
                        *by_o = times(gy[k], t[k] * (o[k] * (E::ONE - o[k])));
                    }
                }
                Ok(())
            })
        };
        let by_c = || {
            node.constant_like(1, |at, out| {
                let mut copy = None;
                let gy = at.gy().in_order(&mut copy)?;
                for (k, out) in out.iter_mut().enumerate() {
                    *out = times(gy[k], o[k] * (E::ONE - t[k] * t[k]));
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
    /// The output of an LSTM, `logistic(z_o) tanh(c)`, from its new cell state and its gates, whose
    /// rows are `[z_i, z_f, z_g, z_o]`. See [`lstm_cell`](crate::ops::lstm_cell).
    ///
    /// # Shapes
    /// The gates are `[batch, 4 hidden]`, `c` is `[batch, hidden]`; the result has the shape of
    /// `c`.
    lstm_output / try_lstm_output(gates, c) = LstmOutput
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("lstm_output", |s| {
    let (batch, hidden) = (s.size(), s.size());
    let gates = s.tensor(&Shape::from([batch, COUNT * hidden]), &Domain::REAL);
    let c = s.tensor(&Shape::from([batch, hidden]), &Domain::REAL);
    Case::new(LstmOutput, vec![gates, c], move |x| {
        let value = |place: usize| {
            let (row, k) = (place / hidden, place % hidden);
            let sum = x[0].data[(row * COUNT + OUTPUT) * hidden + k];
            x[1].data[place].tanh() / (1.0 + (-sum).exp())
        };
        Dense { shape: vec![batch, hidden], data: (0..batch * hidden).map(value).collect() }
    })
})];
