//! The one property test of every operation, and the test of that test.

use proptest::prelude::*;
use wengert_autodiff::testing::{
    Case, Fault, Layout, Row, Sampler, catalogue, check, check_gradients,
};
use wengert_autodiff::{Cotangents, Element, Forward, Op, Result, Shape, Tensor, Vjp, eval};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Value, layouts, first and second derivatives of every operation, on shapes that broadcast,
    /// are strided, empty, or hold one element.
    #[test]
    fn every_operation_is_what_its_row_says(seed in any::<u64>()) {
        for row in catalogue() {
            let case = (row.sample)(&mut Sampler::new(seed));
            if let Err(failure) = check(row, &case) {
                return Err(TestCaseError::fail(format!("{} at seed {seed}: {failure}", row.name)));
            }
        }
    }
}

/// The kinds of cases the property speaks of do occur.
#[test]
fn cases_are_strided_empty_single_and_broadcast() {
    for row in catalogue() {
        let cases: Vec<Case> = (0..400).map(|seed| (row.sample)(&mut Sampler::new(seed))).collect();
        let any =
            |what: fn(&Tensor<f64>) -> bool| cases.iter().any(|case| case.inputs.iter().any(what));
        assert!(any(|x| !x.is_contiguous()), "{}: a strided operand", row.name);
        assert!(any(|x| x.len() == 1), "{}: a single element", row.name);
        let never_empty = ["cross_entropy", "cross_entropy_grad"];
        assert!(any(Tensor::is_empty) || never_empty.contains(&row.name), "{}: empty", row.name);
        let two = cases.iter().any(|case| case.inputs.len() == 2);
        let broadcasting = [
            "add",
            "sub",
            "mul",
            "div",
            "rem",
            "pow",
            "maximum",
            "minimum",
            "atan2",
            "mul_no_nan",
            "share",
            "where",
        ]
        .contains(&row.name);
        let mixed = cases
            .iter()
            .any(|case| case.inputs.len() == 2 && case.inputs[0].shape() != case.inputs[1].shape());
        assert!(!broadcasting || (two && mixed), "{}: operands that broadcast", row.name);
    }
}

/// Operations that add up in an order of their own for some layouts tell them apart by one thing:
/// which axes (longer than one) have stride 1. Rows further apart, and tensors at other places of
/// their buffers, give the same bits.
#[test]
fn only_strides_of_one_change_an_order_of_additions() {
    let units = |x: &Tensor<f64>| -> Vec<bool> {
        x.shape().iter().zip(x.strides().iter()).map(|(&n, &by)| n > 1 && by == 1).collect()
    };
    let rows: Vec<&Row> = catalogue().filter(|row| row.reorders).collect();
    assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), ["linear", "matmul"]);
    let mut moved_rows = 0;
    for row in rows {
        for seed in 0..300 {
            let case = (row.sample)(&mut Sampler::new(seed));
            let moved: Vec<Tensor<f64>> = case
                .inputs
                .iter()
                .map(|x| {
                    let layouts = (0..x.rank()).rev().map(|axis| Layout::Inside(axis).apply(x));
                    let strides = |y: &Tensor<f64>| units(y) == units(&x.contiguous());
                    layouts.into_iter().find(strides).unwrap_or_else(|| x.contiguous())
                })
                .collect();
            moved_rows += moved.iter().filter(|x| !x.is_contiguous()).count();
            let bits = |inputs: &[Tensor<f64>]| -> Vec<u64> {
                let value = eval(&case.op(), &inputs.iter().collect::<Vec<_>>()).unwrap();
                value.to_vec().into_iter().map(f64::to_bits).collect()
            };
            let contiguous: Vec<_> = case.inputs.iter().map(Tensor::contiguous).collect();
            assert_eq!(bits(&moved), bits(&contiguous), "{} at seed {seed}: {case:?}", row.name);
        }
    }
    assert!(moved_rows > 300);
}

/// Whether the check notices the fault in some of the first cases.
fn caught(row: &Row, fault: Fault) -> bool {
    (0..12).any(|seed| {
        let case = (row.sample)(&mut Sampler::new(seed));
        check_gradients(&case, row.order, |op| fault.plant(op)).is_err()
    })
}

#[test]
fn a_wrong_gradient_is_caught_for_every_operation() {
    for row in catalogue() {
        let faults = if row.order == 0 { &[Fault::Passed][..] } else { &Fault::ALL };
        for &fault in faults {
            assert!(caught(row, fault), "{}: {fault:?} is not caught", row.name);
        }
    }
}

/// The check of values notices a wrong value as well.
#[test]
fn a_wrong_value_is_caught() {
    #[derive(Clone, Debug)]
    struct Off;
    impl<E: Element> Op<E> for Off {
        fn name(&self) -> &'static str {
            "off"
        }
        fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
            Ok(inputs[0].clone())
        }
        fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
            Ok(inputs[0].mul_scalar(E::from_f64(1.0 + 1e-5)))
        }
        fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
            Ok([Some(node.gy().mul_scalar(E::from_f64(1.0 + 1e-5)))].into_iter().collect())
        }
    }
    let case = Case::new(Off, vec![Tensor::ones([3])], |x| x[0].clone());
    let sample = |_: &mut Sampler| -> Case { unreachable!("the case is given") };
    let row = Row { name: "off", order: 2, reorders: false, sample };
    let failure = check(&row, &case).unwrap_err().to_string();
    assert!(failure.contains("element 0"), "{failure}");
}
