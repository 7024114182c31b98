//! Operations, their gradients and the gradients of those against PyTorch in f64: see `make.py`.

use std::collections::{BTreeMap, BTreeSet};

use wengert_autodiff::{CreateGraph, Shape, Tape, Tensor, Var, grad};

mod elementwise;
mod linear_algebra;
mod network;
mod reductions;
mod shapes;

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

/// The input numbers of the script, by a formula that is exact in both languages.
fn numbers(seed: usize, shape: &Shape) -> Tensor<f64> {
    let mut k = 0;
    Tensor::from_fn(shape.clone(), |_| {
        let value = ((k * 7919 + seed * 104_729 + k * k * 31) % 2003) as f64 / 1001.0 - 1.0;
        k += 1;
        value
    })
}

/// The tensors of a case under their names: its inputs `x0`, `x1`, .. and PyTorch's results.
type Record = BTreeMap<String, Tensor<f64>>;

fn read(table: &str) -> BTreeMap<&str, Record> {
    let mut cases: BTreeMap<_, Record> = BTreeMap::new();
    for line in table.lines() {
        let mut fields = line.split(',');
        let (name, what) = (fields.next().unwrap(), fields.next().unwrap());
        let (what, shape) = what.split_once(':').unwrap();
        let sizes = shape.split('x').filter(|size| !size.is_empty());
        let shape: Shape = sizes.map(|size| size.parse::<usize>().unwrap()).collect();
        let values = fields.map(|value| value.parse().unwrap()).collect();
        let tensor = Tensor::from_vec(values, shape).unwrap();
        assert!(cases.entry(name).or_default().insert(what.to_owned(), tensor).is_none(), "{line}");
    }
    cases
}

/// What a function has at a case's inputs, under the names of the table, and what differs between
/// the gradients with a graph and without, which may come by other rules.
fn results(f: &Function, record: &Record) -> (Record, Vec<String>) {
    let tape = Tape::new();
    let inputs = record.iter().filter(|(what, _)| what.starts_with('x'));
    let x: Vec<_> = inputs.map(|(_, x)| tape.variable(x)).collect();
    let y = f(&x);
    let loss = (y * tape.constant(&numbers(90, &y.shape()))).sum();
    let mut all = Record::from([("y".to_owned(), y.value())]);
    let mut wrong = Vec::new();
    let plain = loss.backward();
    let one = tape.constant(&Tensor::scalar(1.0));
    let g = grad(&[loss], &[one], &x, CreateGraph::Yes);
    let g = g.unwrap_or_else(|_| vec![None; x.len()]);
    let mut total = tape.constant(&Tensor::scalar(0.0));
    for (i, (g, x)) in g.iter().zip(&x).enumerate() {
        let zeros = Tensor::zeros(x.shape());
        let graph = g.map_or(zeros.clone(), Var::value);
        let kernel = plain.get(*x).cloned().unwrap_or(zeros);
        wrong.extend(difference(&format!("g{i} with a graph and without"), &graph, &kernel));
        all.insert(format!("g{i}"), kernel);
        if let Some(g) = g {
            total = total + (*g * tape.constant(&numbers(91 + i, &g.shape()))).sum();
        }
    }
    let h = grad(&[total], &[one], &x, CreateGraph::No);
    for (i, x) in x.iter().enumerate() {
        let value = h.as_ref().ok().and_then(|h| h[i].clone());
        all.insert(format!("h{i}"), value.unwrap_or_else(|| Tensor::zeros(x.shape())));
    }
    (all, wrong)
}

/// A description of where two tensors differ, if they do.
fn difference(what: &str, got: &Tensor<f64>, expected: &Tensor<f64>) -> Option<String> {
    if got.shape() != expected.shape() {
        return Some(format!("{what}: shape {}, PyTorch has {}", got.shape(), expected.shape()));
    }
    let (got, expected) = (got.to_vec(), expected.to_vec());
    let near = |got: f64, want: f64| {
        got == want
            || got.is_nan() && want.is_nan()
            || want.is_finite() && (got - want).abs() <= 1e-11 * (1.0 + want.abs())
    };
    let at = got.iter().zip(&expected).position(|(&got, &want)| !near(got, want))?;
    Some(format!("{what}, element {at}: {:e}, PyTorch has {:e}", got[at], expected[at]))
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
