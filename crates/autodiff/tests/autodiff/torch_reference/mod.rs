//! Operations, their gradients and the gradients of those against PyTorch in f64: see `make.py`.

use std::collections::BTreeSet;

use wengert_autodiff::{Tape, Tensor, Var};

mod elementwise;
mod linear_algebra;
mod network;
mod reductions;
mod shapes;
#[path = "../../support/torch_table.rs"]
mod torch_table;

use torch_table::{Record, difference, numbers, read};

type Function = Box<dyn for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>>;
type Functions = Vec<(String, Function)>;

/// A function under the name it has in a table.
fn function(
    name: &str,
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64> + 'static,
) -> (String, Function) {
    (name.to_owned(), Box::new(f))
}

macro_rules! functions {
    ($($name:literal: |$x:ident| $body:expr),+ $(,)?) => {
        vec![$(function($name, move |$x| $body)),+]
    };
}
use functions;

/// What a function has at a case's inputs, and what differs between its gradients.
fn results(f: &Function, record: &Record) -> (Record, Vec<String>) {
    let tape = Tape::new();
    let x = torch_table::inputs(&tape, record);
    let leaves: Vec<_> = x.iter().enumerate().map(|(i, &x)| (i.to_string(), x)).collect();
    torch_table::derivatives(f(&x), &leaves)
}

/// Cases with gradients that are NaN in PyTorch, which multiplies a cotangent of zero by a
/// derivative that is infinite or NaN. Here a cotangent of zero stays zero.
const ZERO_COTANGENTS: [&str; 12] = [
    "div/infinite",
    "eq",
    "erf/infinite",
    "erfc/infinite",
    "ge",
    "gt",
    "le",
    "lt",
    "masked_fill/infinite",
    "ne",
    "norm_2_over_-1_keep/minus_infinity",
    "where_unused_nan",
];

/// PyTorch's gradient with ours where it is NaN.
fn filled(expected: &Tensor<f64>, got: &Tensor<f64>) -> Tensor<f64> {
    if expected.shape() != got.shape() {
        return expected.clone();
    }
    let pairs = expected.to_vec().into_iter().zip(got.to_vec());
    let all = pairs.map(|(want, got)| if want.is_nan() && !got.is_nan() { got } else { want });
    Tensor::from_vec(all.collect(), expected.shape()).unwrap()
}

/// Checks every case of a family.
fn check(table: &str, functions: &[(String, Function)]) {
    let cases = read(table);
    let names: BTreeSet<_> = functions.iter().map(|(name, _)| name.as_str()).collect();
    let called = |case: &str| case.split('/').next().unwrap().to_owned();
    let tabled: BTreeSet<_> = cases.keys().map(|case| called(case)).collect();
    assert_eq!(names.len(), functions.len(), "a name is given twice");
    assert_eq!(names, tabled.iter().map(String::as_str).collect(), "the table has each function");
    let mut wrong = Vec::new();
    for (case, record) in &cases {
        let name = called(case);
        let (_, f) = functions.iter().find(|(known, _)| *known == name).unwrap();
        let (got, unlike) = results(f, record);
        wrong.extend(unlike.into_iter().map(|difference| format!("{case}, {difference}")));
        let expected = record.iter().filter(|(what, _)| !what.starts_with('x'));
        // Gradients in which PyTorch multiplies a cotangent of zero by a derivative that is
        // infinite or NaN.
        let masked =
            |what: &str| what.starts_with(['g', 'h']) && ZERO_COTANGENTS.contains(&&case[..]);
        let differences = expected.filter_map(|(what, want)| {
            difference(
                what,
                &got[what],
                &if masked(what) { filled(want, &got[what]) } else { want.clone() },
            )
        });
        wrong.extend(differences.map(|difference| format!("{case}, {difference}")));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

macro_rules! families {
    ($($family:ident),+) => {
        $(
            #[test]
            fn $family() {
                check(include_str!(concat!(stringify!($family), ".csv")), &$family::all());
            }
        )+

        #[test]
        fn there_are_cases_enough() {
            let tables = [$(include_str!(concat!(stringify!($family), ".csv"))),+];
            let cases: Vec<_> = tables.iter().flat_map(|table| read(table).into_values()).collect();
            // First derivatives, and second ones.
            for what in ["g0", "h0"] {
                let count = cases.iter().filter(|case| case.contains_key(what)).count();
                assert!(count >= 300, "{count} cases with {what}");
            }
        }
    };
}

families!(elementwise, linear_algebra, network, reductions, shapes);
