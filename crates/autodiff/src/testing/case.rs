//! Rows, cases, and the check that every operation passes.

use std::fmt;

use wengert_kernels::Element;

use super::{Dense, Fault, Sampler};
use crate::error::Result;
use crate::eval::eval;
use crate::gradcheck::Gradcheck;
use crate::op::Op;
use crate::tensor::Tensor;

/// A row of the catalogue: how an operation is tested.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation, or its variant.
    pub name: &'static str,
    /// The highest order of derivative to check; 0 for an operation whose derivative is zero
    /// wherever it has one, which is checked.
    pub order: u8,
    /// Whether the operands' layout may change the order of additions, and so the last bits: true
    /// for matrix products, which read transposes where they lie. Of the layout only one thing may
    /// do so: which axes longer than one have stride 1. (A test of the catalogue holds them to it.)
    pub reorders: bool,
    /// Draws a case.
    pub sample: fn(&mut Sampler) -> Case,
}

impl Row {
    /// A row that checks derivatives of both orders, for an operation whose value does not depend
    /// on its operands' layout.
    pub const fn new(name: &'static str, sample: fn(&mut Sampler) -> Case) -> Self {
        Row { name, order: 2, reorders: false, sample }
    }
}

type Make<E> = Box<dyn Fn() -> Box<dyn Op<E>>>;
type Reference = Box<dyn Fn(&[Dense]) -> Dense>;

/// An operation, operands, and what it should give.
pub struct Case {
    /// `None` for an operation of f64 alone.
    single: Option<Make<f32>>,
    double: Make<f64>,
    /// The operands.
    pub inputs: Vec<Tensor<f64>>,
    reference: Reference,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<_> = self
            .inputs
            .iter()
            .map(|x| format!("{} strides {:?}: {:?}", x.shape(), x.strides(), x.to_vec()))
            .collect();
        write!(f, "{:?} of {inputs:#?}", (self.double)())
    }
}

impl Case {
    /// A case of an operation that is the same for both element types.
    pub fn new<O: Op<f32> + Op<f64> + Clone>(
        op: O,
        inputs: Vec<Tensor<f64>>,
        reference: impl Fn(&[Dense]) -> Dense + 'static,
    ) -> Self {
        Self::pair(op.clone(), op, inputs, reference)
    }

    /// A case of an operation that holds numbers of the element type.
    pub fn pair(
        single: impl Op<f32> + Clone,
        double: impl Op<f64> + Clone,
        inputs: Vec<Tensor<f64>>,
        reference: impl Fn(&[Dense]) -> Dense + 'static,
    ) -> Self {
        Case {
            single: Some(Box::new(move || Box::new(single.clone()))),
            ..Self::double(double, inputs, reference)
        }
    }

    /// A case of an operation of f64 alone.
    pub fn double(
        op: impl Op<f64> + Clone,
        inputs: Vec<Tensor<f64>>,
        reference: impl Fn(&[Dense]) -> Dense + 'static,
    ) -> Self {
        let double: Make<f64> = Box::new(move || Box::new(op.clone()));
        Case { single: None, double, inputs, reference: Box::new(reference) }
    }

    /// The operation.
    pub fn op(&self) -> Box<dyn Op<f64>> {
        (self.double)()
    }

    /// The operation in single precision; `None` for an operation of f64 alone.
    pub fn op_f32(&self) -> Option<Box<dyn Op<f32>>> {
        self.single.as_ref().map(|single| single())
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub(super) fn at(self, name: &str, seed: u64) -> Self {
        Failure(format!("{name} at seed {seed}: {}", self.0))
    }

    pub(super) fn blind(name: &str, fault: Fault) -> Self {
        Failure(format!(
            "{name}: no case would notice a gradient that is {fault:?}; let the operands be neither \
             all empty nor such that the derivatives vanish, or ask for a lower order"
        ))
    }
}

/// Checks an operation on a case: its value against the reference, in f64 and f32; the same bits
/// whatever the operands' layout (unless the row says it `reorders`); its derivatives up to the
/// row's order against differences.
///
/// # Errors
/// [`Failure`] names the case and what is wrong with it.
pub fn check(row: &Row, case: &Case) -> Result<(), Failure> {
    let fail = |what: String| Failure(format!("{what}\nin {case:?}"));
    let inputs: Vec<&Tensor<f64>> = case.inputs.iter().collect();
    let expected = (case.reference)(&case.inputs.iter().map(Dense::from).collect::<Vec<_>>());

    let value = eval(&case.op(), &inputs).map_err(|error| fail(error.to_string()))?;
    compare(&value, &expected, 1e-12).map_err(|what| fail(format!("f64 value: {what}")))?;

    let copies: Vec<_> = case.inputs.iter().map(Tensor::contiguous).collect();
    let contiguous = eval(&case.op(), &copies.iter().collect::<Vec<_>>())
        .map_err(|error| fail(format!("on contiguous copies: {error}")))?;
    // The bits of a NaN are no part of a result.
    let one_nan = |x: f64| if x.is_nan() { f64::NAN } else { x };
    let bits = |tensor: &Tensor<f64>| {
        tensor.to_vec().into_iter().map(|x| one_nan(x).to_bits()).collect::<Vec<_>>()
    };
    if row.reorders {
        compare(&contiguous, &expected, 1e-12)
            .map_err(|what| fail(format!("f64 value on contiguous copies: {what}")))?;
    } else if bits(&value) != bits(&contiguous) {
        return Err(fail(format!("{value:?} differs from {contiguous:?} on contiguous copies")));
    }

    if let Some(single) = &case.single {
        let narrow: Vec<Tensor<f32>> = case.inputs.iter().map(Tensor::cast).collect();
        let value = eval(&single(), &narrow.iter().collect::<Vec<_>>())
            .map_err(|error| fail(format!("f32: {error}")))?;
        let rounded: Vec<Dense> = narrow.iter().map(|x| Dense::from(&x.cast::<f64>())).collect();
        compare(&value, &(case.reference)(&rounded), 4e-6)
            .map_err(|what| fail(format!("f32 value: {what}")))?;
    }

    if expected.data.iter().all(|value| value.is_finite()) {
        check_gradients(case, row.order, |op| op).map_err(|error| fail(error.to_string()))?;
    }
    Ok(())
}

/// Checks the derivatives alone, of the operation that `wrap` returns.
///
/// # Errors
/// [`Failure`] says what is wrong with them.
pub fn check_gradients(
    case: &Case,
    order: u8,
    wrap: impl Fn(Box<dyn Op<f64>>) -> Box<dyn Op<f64>>,
) -> Result<(), Failure> {
    let inputs: Vec<&Tensor<f64>> = case.inputs.iter().collect();
    Gradcheck::new()
        .order(order.max(1))
        .run_slice(&|vars| vars[0].tape().apply(wrap(case.op()), vars), &inputs)
        .map(|_| ())
        .map_err(|error| Failure(error.to_string()))
}

fn compare<E: Element>(value: &Tensor<E>, expected: &Dense, tolerance: f64) -> Result<(), String> {
    if value.shape().dims() != expected.shape {
        return Err(format!("the shape is {}, expected {:?}", value.shape(), expected.shape));
    }
    for (i, (got, &want)) in value.to_vec().into_iter().zip(&expected.data).enumerate() {
        let got = got.to_f64();
        let near = (got - want).abs() <= tolerance * (1.0 + want.abs());
        if !(near || got == want || (got.is_nan() && want.is_nan())) {
            return Err(format!("element {i} is {got:e}, expected {want:e}"));
        }
    }
    Ok(())
}
