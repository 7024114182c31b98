//! `y = f(x W^T + b)`: a fully connected layer in one pass, with bias and activation applied while
//! a tile of the product is in registers. With `gz = gy f'(y)` the cotangents are `gz W`, `gz^T x`
//! and the sum of `gz` over its rows.

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::gemm::{Bias, Epilogue};

use super::activate::check;
use super::epilogue;
use super::matmul::{as_rows, depth_once, matrix, product, scaled_product};
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear {
    activation: Activation,
}

impl<E: Element> Op<E> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check::<E>("linear", self.activation)?;
        let mismatch = |expected: String| Error::Shapes {
            op: "linear",
            expected,
            got: inputs.iter().map(|&shape| shape.clone()).collect(),
        };
        let ([x, w] | [x, w, _]) = inputs else {
            return Err(Error::Arity { op: "linear", expected: 3, got: inputs.len() });
        };
        let (Some((features, front)), [outputs, w_features]) = (x.split_last(), w.dims()) else {
            let expected = "x [.., in], a weight [out, in] and a bias [out]";
            return Err(mismatch(expected.to_owned()));
        };
        if features != w_features {
            return Err(mismatch(format!(
                "x [.., {w_features}] for a weight [out, in] of [{outputs}, {w_features}]"
            )));
        }
        if inputs.get(2).is_some_and(|bias| bias.dims() != [*outputs]) {
            return Err(mismatch(format!(
                "a bias [{outputs}] for a weight [out, in] of [{outputs}, {w_features}]"
            )));
        }
        let mut shape = (*x).clone();
        shape.dims_mut()[front.len()] = *outputs;
        Ok(shape)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (mut merged, mut copy) = (None, None);
        let once = depth_once([inputs[0], inputs[1]], 1)?;
        let (x, weight, copies) = match &once {
            Some(([x, weight], copies)) => (x, weight, *copies),
            None => (inputs[0], inputs[1], 1),
        };
        let x = as_rows(x, &mut merged)?;
        weight.compute()?;
        let weight = matrix(weight).t();
        let bias = inputs.get(2).map(|bias| bias.in_order(&mut copy)).transpose()?;
        let bias = bias.map_or(Bias::None, Bias::PerColumn);
        let epilogue = Epilogue { bias, activation: epilogue::fused(self.activation) };
        let alpha = E::from_f64(copies as f64);
        let kernel = |out: &mut [E]| scaled_product(alpha, x, weight, epilogue, out);
        epilogue::finish(self.activation, ctx, kernel)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        if !node.creates_graph() {
            return self.values(node);
        }
        let (x, w) = (node.input(0), node.input(1));
        let plain = Linear { activation: Activation::Identity };
        let gz = epilogue::cotangent(self.activation, node, plain)?;
        let front = x.shape().rank() - 1;
        let rows: usize = x.shape()[..front].iter().product();
        let flat = |v: Var<'t, E>| {
            let cols = v.shape()[front];
            if front == 1 { v } else { v.reshape([rows, cols]) }
        };
        let mut result = Cotangents::new();
        result.push(node.needs(0).then(|| {
            let gx = flat(gz).matmul(w);
            if front == 1 { gx } else { gx.reshape(x.shape()) }
        }));
        result.push(node.needs(1).then(|| flat(gz).transpose(0, 1).matmul(flat(x))));
        if node.len() > 2 {
            let over_rows = || flat(gz).sum_axes(&[0], false);
            result.push(node.needs(2).then(over_rows));
        }
        Ok(result)
    }
}

impl Linear {
    /// The cotangents where nothing is recorded: the products of the operands, read in place.
    fn values<'t, E: Element>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let gz = epilogue::cotangent_value(self.activation, node)?;
        let by_x = || {
            node.constant_like(0, |values, out| {
                let mut merged = None;
                let gz = as_rows(values.or_gy(gz.as_ref()), &mut merged)?;
                product(gz, matrix(values.input(1)), Epilogue::default(), out);
                Ok(())
            })
        };
        let by_weight = || {
            node.constant_like(1, |values, out| {
                let (mut merged, mut merged_x) = (None, None);
                let gz = as_rows(values.or_gy(gz.as_ref()), &mut merged)?;
                let x = as_rows(values.input(0), &mut merged_x)?;
                product(gz.t(), x, Epilogue::default(), out);
                Ok(())
            })
        };
        let by_bias = || {
            node.constant_like(2, |values, out| strided::sum_rows(values.or_gy(gz.as_ref()), out))
        };
        let all = [
            if node.needs(0) { Some(by_x()?) } else { None },
            if node.needs(1) { Some(by_weight()?) } else { None },
            if node.len() > 2 && node.needs(2) { Some(by_bias()?) } else { None },
        ];
        Ok(Cotangents::from_slice(&all[..node.len()]))
    }
}

/// A fully connected layer: `activation(x weight^T + bias)`.
///
/// # Shapes
/// `x` is `[.., in]`, `weight` `[out, in]`, `bias` `[out]`; the result is `[.., out]`. For `x` of
/// rank 1 the result has rank 1.
///
/// # Errors
/// If the shapes do not fit; the message states the expected ones.
#[track_caller]
pub fn linear<'t, E: Element>(
    x: Var<'t, E>,
    weight: Var<'t, E>,
    bias: Option<Var<'t, E>>,
    activation: Activation,
) -> Result<Var<'t, E>> {
    let op = Linear { activation };
    match bias {
        Some(bias) => x.tape().apply(op, &[x, weight, bias]),
        None => x.tape().apply(op, &[x, weight]),
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// A fully connected layer. See [`ops::linear`](crate::ops::linear).
    ///
    /// # Panics
    /// If the shapes do not fit; the message states the expected ones.
    #[track_caller]
    pub fn linear(
        self,
        weight: Var<'t, E>,
        bias: Option<Var<'t, E>>,
        activation: Activation,
    ) -> Self {
        crate::error::expect(linear(self, weight, bias, activation))
    }
}

instances!(linear<E>: linear::<E>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "linear",
    order: 2,
    reorders: true,
    sample: |s| {
        let activation = s.choose(&[
            Activation::Identity,
            Activation::Logistic,
            Activation::Tanh,
            Activation::Relu,
            Activation::LeakyRelu { slope: 0.5 },
        ]);
        let (features, outputs) = (s.size(), s.size());
        let front = s.shape();
        let x: Shape = front.iter().copied().take(2).chain([features]).collect();
        let (w, b) = (Shape::from([outputs, features]), Shape::from([outputs]));
        let bias = features == 0 || s.coin();
        let kinked = matches!(activation, Activation::Relu | Activation::LeakyRelu { .. });
        let inputs = if kinked {
            // Pre-activations of both signs, none of them near the kink: the inputs are positive,
            // and the weights and the bias of an output have the same sign.
            let sign: Vec<f64> = (0..outputs).map(|_| if s.coin() { 1.0 } else { -1.0 }).collect();
            let mut signed = |shape: &Shape| {
                let positive = s.tensor(shape, &Domain::POSITIVE);
                let value = |i: &[usize]| sign[i[0]] * positive.get(i).unwrap_or_default();
                s.lay_out(&Tensor::from_fn(shape.clone(), value))
            };
            let (w, b) = (signed(&w), bias.then(|| signed(&b)));
            [Some(s.tensor(&x, &Domain::POSITIVE)), Some(w), b]
        } else {
            let mut draw = |shape: &Shape| s.tensor(shape, &Domain::REAL);
            [Some(draw(&x)), Some(draw(&w)), bias.then(|| draw(&b))]
        };
        let inputs = inputs.into_iter().flatten().collect();
        let f: fn(f64) -> f64 = match activation {
            Activation::Logistic => |z| 1.0 / (1.0 + (-z).exp()),
            Activation::Tanh => f64::tanh,
            Activation::Relu => |z| z.max(0.0),
            Activation::LeakyRelu { .. } => |z| if z > 0.0 { z } else { 0.5 * z },
            _ => |z| z,
        };
        Case::new(Linear { activation }, inputs, move |x| {
            let z = Dense::matmul(&x[0].as_rows(), &x[1].transposed());
            let z = match x.get(2) {
                Some(bias) => Dense::zip(&z, bias, |z, b| z + b),
                None => z,
            };
            let shape: Vec<usize> = x[0].shape[..x[0].shape.len() - 1]
                .iter()
                .chain(&x[1].shape[..1])
                .copied()
                .collect();
            Dense { shape, data: z.map(f).data }
        })
    },
}];
