//! The functions that a check differentiates, their values and gradients, and the cotangents.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::VarFn;
use super::report::OpPath;
use crate::backward::{CreateGraph, grad};
use crate::error::{Error, Result};
use crate::ops::{self, slice_grad::SliceGrad};
use crate::shape::Shape;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::Var;

/// The function whose value is the gradient of the outputs of `f`, weighted with one more variable,
/// with respect to all inputs of `f`, as one flat vector.
pub(super) fn gradient_of(
    f: &VarFn<'_>,
) -> impl for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>> {
    move |vars| {
        let Some((weights, inputs)) = vars.split_last() else {
            return Err(Error::NoGradient { reason: "the function has no inputs" });
        };
        let tape = weights.tape();
        let output = f(inputs)?;
        let total: usize = inputs.iter().map(|x| x.shape().numel()).sum();
        let mut flat = tape.constant(&Tensor::zeros([total]));
        if !output.requires_grad() {
            return Ok(flat);
        }
        let gradients = grad(&[output], &[*weights], inputs, CreateGraph::Yes)?;
        let mut start = 0;
        for (x, gradient) in inputs.iter().zip(gradients) {
            let len = x.shape().numel();
            if let Some(gradient) = gradient {
                let gradient = ops::reshape(gradient, [len])?;
                let placed = SliceGrad::along_first(start, len, total);
                flat = ops::add(flat, tape.apply(placed, &[gradient])?)?;
            }
            start += len;
        }
        Ok(flat)
    }
}

/// The value of `f` at `inputs`. The inputs are variables, because `f` may compute gradients.
pub(super) fn evaluate(f: &VarFn<'_>, inputs: &[&Tensor<f64>]) -> Result<Tensor<f64>> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x)).collect();
    Ok(f(&vars)?.value())
}

/// For each cotangent and each input, the elements of the gradient.
pub(super) type Jacobian = Vec<Vec<Vec<f64>>>;

/// The rows of the Jacobian, and for each input the operations between it and the output.
pub(super) fn jacobian(
    f: &VarFn<'_>,
    inputs: &[&Tensor<f64>],
    cotangents: &[Tensor<f64>],
) -> Result<(Jacobian, Vec<OpPath>)> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x)).collect();
    let output = f(&vars)?;
    let paths = vars.iter().map(|&x| OpPath::between(x, output)).collect();
    let rows: Result<Jacobian> = cotangents
        .iter()
        .map(|cotangent| {
            let cotangent = tape.constant(cotangent);
            let gradients = grad(&[output], &[cotangent], &vars, CreateGraph::No)?;
            Ok(gradients
                .into_iter()
                .zip(inputs)
                .map(|(gradient, x)| gradient.map_or(vec![0.0; x.len()], |g| g.to_vec()))
                .collect())
        })
        .collect();
    Ok((rows?, paths))
}

pub(super) fn one_hot(shape: &Shape, k: usize) -> Tensor<f64> {
    let mut tensor = Tensor::zeros(shape.clone());
    tensor.as_mut_slice()[k] = 1.0;
    tensor
}

pub(super) fn unravel(mut place: usize, shape: &Shape) -> Vec<usize> {
    let mut index = vec![0; shape.rank()];
    for (i, &dim) in index.iter_mut().zip(shape.iter()).rev() {
        *i = place % dim;
        place /= dim;
    }
    index
}

/// Random elements of magnitudes from 0.5 to 1.5 for a cotangent. If there are at least two, both
/// signs occur.
pub(crate) fn both_signs(rng: &mut Pcg64, len: usize) -> Vec<f64> {
    let mut draw = || {
        let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
        sign * rng.random_range(0.5..1.5)
    };
    let mut elements: Vec<f64> = (0..len).map(|_| draw()).collect();
    if let [first, rest @ ..] = &mut elements[..]
        && !rest.is_empty()
        && rest.iter().all(|element| element.is_sign_positive() == first.is_sign_positive())
    {
        *first = -*first;
    }
    elements
}
