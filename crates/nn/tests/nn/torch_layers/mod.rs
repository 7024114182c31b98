//! Layers, the gradients of their inputs and parameters, and the gradients of those against PyTorch
//! in f64: see `make.py`.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Tape, Var};
use wengert_nn::{Module, VisitorMut, check_module};

mod attention;
mod convolution;
mod dense;
mod normalization;
mod recurrent;
#[path = "../../../../autodiff/tests/support/torch_table.rs"]
mod torch_table;

use torch_table::{Record, difference, numbers, read};

/// What a layer has at a table's inputs, and what differs between its gradients.
type Run = dyn Fn(&Record) -> (Record, Vec<String>);

/// A layer under the name it has in a table.
struct Case {
    name: String,
    run: Box<Run>,
}

/// The layer that `build` makes, and what the table's inputs go through.
fn case<M: Module<f64> + 'static>(
    name: &str,
    build: impl Fn(&mut Pcg64) -> M + 'static,
    forward: impl for<'t> Fn(&M, &'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64> + 'static,
) -> Case {
    let run = move |record: &Record| {
        let mut module = build(&mut Pcg64::seed_from_u64(1));
        check_module(&mut module).unwrap();
        set_parameters(&mut module, record);
        results(&module, &forward, record)
    };
    Case { name: name.to_owned(), run: Box::new(run) }
}

/// The outputs one after another in one vector, as the script has them.
fn joined<'t>(outputs: &[Var<'t, f64>]) -> Var<'t, f64> {
    let flat: Vec<_> = outputs.iter().map(|y| y.reshape([y.shape().numel()])).collect();
    Var::concat(&flat, 0)
}

/// Gives the module the table's parameters; both have the same names and shapes.
fn set_parameters(module: &mut impl Module<f64>, record: &Record) {
    let mut seen = BTreeSet::new();
    module.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
        let name = format!("p.{path}");
        let value = record.get(&name).unwrap_or_else(|| panic!("PyTorch has no {path}"));
        assert_eq!(parameter.value().shape(), value.shape(), "{path}");
        *parameter.value_mut() = value.clone();
        seen.insert(name);
    }));
    let tabled = record.keys().filter(|name| name.starts_with("p.")).cloned().collect();
    assert_eq!(seen, tabled, "the parameters");
}

/// What a module has at a case's inputs, and what differs between its gradients.
fn results<M: Module<f64>>(
    module: &M,
    forward: &impl for<'t> Fn(&M, &'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
    record: &Record,
) -> (Record, Vec<String>) {
    let tape = Tape::new();
    let x = torch_table::inputs(&tape, record);
    let y = forward(module, &tape, &x);
    let mut leaves: BTreeMap<String, Var<'_, f64>> =
        x.iter().enumerate().map(|(i, &x)| (i.to_string(), x)).collect();
    let parameters = module.parameters().into_iter();
    leaves.extend(parameters.map(|(name, p)| (format!(".{name}"), tape.parameter(p))));
    torch_table::derivatives(y, &leaves.into_iter().collect::<Vec<_>>())
}

/// Checks every case of a family.
fn check(table: &str, cases: &[Case]) {
    let records = read(table);
    let names: BTreeSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "a name is given twice");
    assert_eq!(names, records.keys().copied().collect(), "the table has each layer");
    let mut wrong = Vec::new();
    for case in cases {
        let record = &records[case.name.as_str()];
        let (got, unlike) = (case.run)(record);
        let expected = record.iter().filter(|(what, _)| !what.starts_with(['x', 'p']));
        let differences = expected.filter_map(|(what, want)| difference(what, &got[what], want));
        wrong.extend(unlike.into_iter().chain(differences).map(|d| format!("{}, {d}", case.name)));
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
    };
}

families!(attention, convolution, dense, normalization, recurrent);

/// The checks above find a wrong value, a wrong gradient and a wrong second derivative.
#[test]
fn a_wrong_layer_is_found() {
    let table = include_str!("dense.csv");
    let record = read(table)["highway"].clone();
    let wrong = |build: fn(&mut Pcg64) -> wengert_nn::Highway<f64>, factor: f64| {
        let off = case("highway", build, move |layer: &wengert_nn::Highway<f64>, _, x| {
            wengert_nn::Layer::forward(layer, x[0]) + (x[0] - x[0].detach()).square() * factor
        });
        let (got, _) = (off.run)(&record);
        let differs = |what: &str| difference(what, &got[what], &record[what]).is_some();
        ["y", "g0", "h0", "g.gate.weight"].map(differs)
    };
    let build = |rng: &mut Pcg64| {
        let config = wengert_nn::Highway::config(3).activation(wengert_autodiff::Activation::Tanh);
        config.build(rng).unwrap()
    };
    assert_eq!(wrong(build, 0.0), [false; 4]);
    // A term that is zero, with a derivative that is zero and a second one that is not.
    assert_eq!(wrong(build, 1.0), [false, false, true, false]);
    let relu = |rng: &mut Pcg64| wengert_nn::Highway::config(3).build(rng).unwrap();
    assert_eq!(wrong(relu, 0.0), [true; 4]);
}
