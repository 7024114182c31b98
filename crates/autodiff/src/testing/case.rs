//! Rows of the catalogue, cases, and the check that every operation passes.

use std::fmt;

use wengert_kernels::Element;

use super::constants::check_constants;
use super::{Dense, Fault, Sampler};
use crate::error::Result;
use crate::eval::eval;
use crate::gradcheck::{Gradcheck, distinct};
use crate::op::Op;
use crate::tensor::Tensor;

/// A row of the catalogue: how an operation is tested.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name of the operation, or of a variant of it.
    pub name: &'static str,
    /// The highest order of derivatives to check. 0 is for an operation whose derivative is zero
    /// wherever it exists; the check verifies this.
    pub order: u8,
    /// Whether the layout of the operands may change the order of additions, and so the last bits
    /// of the result: true for matrix products, which read transposed operands in place. The result
    /// may then depend on which axes longer than one have stride 1, and on nothing else of the
    /// layout. (A test of the catalogue verifies this.)
    pub reorders: bool,
    /// Draws a case.
    pub sample: fn(&mut Sampler) -> Case,
}

impl Row {
    /// A row that checks derivatives of first and second order, for an operation whose value does
    /// not depend on the layout of its operands.
    pub const fn new(name: &'static str, sample: fn(&mut Sampler) -> Case) -> Self {
        Row { name, order: 2, reorders: false, sample }
    }
}

type Make<E> = Box<dyn Fn() -> Box<dyn Op<E>>>;
type Reference = Box<dyn Fn(&[Dense]) -> Dense>;

/// An operation, its operands, and a reference for its value.
pub struct Case {
    /// `None` for an operation on f64 only.
    single: Option<Make<f32>>,
    double: Make<f64>,
    /// The operands.
    pub inputs: Vec<Tensor<f64>>,
    reference: Reference,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with the operands", (self.double)())?;
        for (i, x) in self.inputs.iter().enumerate() {
            write!(f, "\n{i}: shape {}, strides {:?}\n{x:.6}", x.shape(), x.strides())?;
        }
        Ok(())
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

    /// A case of an operation with a parameter of the element type, and therefore of two types.
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

    /// A case of an operation on f64 only.
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

    /// The operation in single precision; `None` for an operation on f64 only.
    pub fn op_f32(&self) -> Option<Box<dyn Op<f32>>> {
        self.single.as_ref().map(|single| single())
    }
}

/// The reason for which a check did not pass.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub(super) fn new(what: String) -> Self {
        Failure(what)
    }

    pub(super) fn at(self, name: &str, seed: u64) -> Self {
        Failure(format!("{name} at seed {seed}: {}", self.0))
    }

    pub(super) fn blind(name: &str, fault: Fault) -> Self {
        Failure(format!(
            "{name}: no case detects the planted fault {fault:?} of the gradient, so the check \
             proves nothing; draw operands that are not empty and have nonzero derivatives, or \
             check a lower order (`Spec::order`)"
        ))
    }
}

/// Checks an operation on a case. Its value must agree with the reference in f64 and f32, and must
/// have the same bits for every layout of the operands (unless the row has `reorders`). Its
/// derivatives up to the order of the row must agree with finite differences, and the gradient must
/// depend neither on which operands are variables nor on whether it is recorded. See
/// [`check_gradients`].
///
/// # Errors
/// [`Failure`] describes the case and what is wrong with it.
pub fn check(row: &Row, case: &Case) -> Result<(), Failure> {
    let fail = |what: String| Failure(format!("{what}\nin {case:?}"));
    let inputs: Vec<&Tensor<f64>> = case.inputs.iter().collect();
    let expected = (case.reference)(&case.inputs.iter().map(Dense::from).collect::<Vec<_>>());

    let value = eval(&case.op(), &inputs).map_err(|error| fail(error.to_string()))?;
    compare(&value, &expected, 1e-12).map_err(|what| fail(format!("f64 value: {what}")))?;

    let copies: Vec<_> = case.inputs.iter().map(Tensor::contiguous).collect();
    let contiguous = eval(&case.op(), &copies.iter().collect::<Vec<_>>())
        .map_err(|error| fail(format!("on contiguous copies: {error}")))?;
    // The bits of a NaN are not part of the result.
    let one_nan = |x: f64| if x.is_nan() { f64::NAN } else { x };
    let bits = |tensor: &Tensor<f64>| {
        tensor.to_vec().into_iter().map(|x| one_nan(x).to_bits()).collect::<Vec<_>>()
    };
    if row.reorders {
        compare(&contiguous, &expected, 1e-12)
            .map_err(|what| fail(format!("f64 value on contiguous copies: {what}")))?;
    } else if let Some(i) =
        bits(&value).iter().zip(bits(&contiguous)).position(|(strided, copied)| *strided != copied)
    {
        let [strided, copied] = [&value, &contiguous].map(|tensor| tensor.to_vec()[i]);
        return Err(fail(format!(
            "f64 value: it depends on the operands' layout: element {i} is {strided:e}, but \
             {copied:e} on contiguous copies"
        )));
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

/// Checks the derivatives, and not the value, of the operation that `wrap` returns.
///
/// The gradient is first computed with some operands as variables and the others as constants: each
/// operand alone, and all but one. It must be the same as with all operands as variables. A
/// [`Gradcheck`] up to this order (at least 1) follows, which at order 1 also compares the gradient
/// with [`CreateGraph::Yes`](crate::CreateGraph) with the one with `CreateGraph::No`. An operation
/// that is checked at order 1 only may return an error where its gradient is recorded.
///
/// # Errors
/// [`Failure`] describes what is wrong with the derivatives.
pub fn check_gradients(
    case: &Case,
    order: u8,
    wrap: impl Fn(Box<dyn Op<f64>>) -> Box<dyn Op<f64>>,
) -> Result<(), Failure> {
    check_constants(case, order, &wrap)?;
    let inputs: Vec<&Tensor<f64>> = case.inputs.iter().collect();
    Gradcheck::new()
        .order(order.max(1))
        .recorded()
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
            let (error, most) = ((got - want).abs(), tolerance * (1.0 + want.abs()));
            let [got, want] = distinct(got, want);
            return Err(format!(
                "element {i} is {got}, expected {want} (error {error:.1e}, at most {most:.1e})"
            ));
        }
    }
    Ok(())
}
