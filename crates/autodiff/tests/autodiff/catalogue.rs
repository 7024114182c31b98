//! The property test of every operation, and a test that it detects faults.

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

/// All kinds of cases that the property is stated for occur.
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

/// Operations whose order of additions depends on the layout may depend on one property only:
/// which axes (longer than one) have stride 1. Rows further apart, and tensors at other places of
/// their buffers, give the same bits.
#[test]
fn only_strides_of_one_change_an_order_of_additions() {
    fn bits(x: &Tensor<f64>) -> Vec<u64> {
        x.to_vec().into_iter().map(f64::to_bits).collect()
    }
    let units = |x: &Tensor<f64>| -> Vec<bool> {
        x.shape().iter().zip(x.strides().iter()).map(|(&n, &by)| n > 1 && by == 1).collect()
    };
    // A copy elsewhere, with its elements further apart if that leaves the strides of one.
    let moved = |x: &Tensor<f64>| {
        let same = |y: &Tensor<f64>| units(y) == units(&x.contiguous());
        let mut layouts = (0..x.rank()).rev().map(|axis| Layout::Inside(axis).apply(x));
        layouts.find(same).unwrap_or_else(|| x.contiguous())
    };
    let rows: Vec<&Row> = catalogue().filter(|row| row.reorders).collect();
    assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), ["linear", "matmul"]);
    let mut scattered = 0;
    for row in rows {
        for seed in 0..300 {
            let case = (row.sample)(&mut Sampler::new(seed));
            let apart: Vec<Tensor<f64>> = case.inputs.iter().map(moved).collect();
            scattered += apart.iter().filter(|x| !x.is_contiguous()).count();
            let compact: Vec<_> = case.inputs.iter().map(Tensor::contiguous).collect();
            let [apart, compact] = [apart, compact]
                .map(|inputs| bits(&eval(&case.op(), &inputs.iter().collect::<Vec<_>>()).unwrap()));
            assert_eq!(apart, compact, "{} at seed {seed}: {case:?}", row.name);
        }
    }
    assert!(scattered > 300);
    // Sizes of every path through the products, with transposes.
    let mut s = Sampler::new(0);
    for (a, b) in [
        (&[33, 70][..], &[70, 40][..]),
        (&[3, 33, 70], &[3, 70, 40]),
        (&[3, 33, 70], &[70, 40]),
        (&[5, 1, 64], &[5, 64, 2]),
        (&[1, 500], &[500, 70]),
        (&[120, 300], &[300, 9]),
        (&[500], &[4, 500, 3]),
        (&[130, 260], &[260, 140]),
    ] {
        let [a, b] = [a, b].map(|shape| {
            let mut number = || s.number(-2.0, 2.0);
            Tensor::from_fn(shape, |_| number())
        });
        assert_eq!(bits(&moved(&a).matmul(&moved(&b))), bits(&a.matmul(&b)), "{a:?} {b:?}");
        if a.rank() > 1 {
            let columns = a.transpose(-2, -1).contiguous();
            let (apart, compact) = (moved(&columns).transpose(-2, -1), columns.transpose(-2, -1));
            assert_eq!(bits(&apart.matmul(&b)), bits(&compact.matmul(&b)), "{a:?} {b:?}");
        }
    }
}

/// Whether the check detects the fault in some of the first cases.
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

/// The check of values detects a wrong value as well.
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
