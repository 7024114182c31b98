//! Tables of PyTorch's results, and the comparison with them. The tests of `autodiff` on operations
//! and of `nn` on layers share this file.

use std::collections::BTreeMap;

use wengert_autodiff::{CreateGraph, Shape, Tape, Tensor, Var, grad};

/// The tensors of a case under their names: its inputs `x0`, `x1`, .. and PyTorch's results. A
/// layer's case has its parameters too: `p.weight`, ..
pub type Record = BTreeMap<String, Tensor<f64>>;

/// The numbers of the scripts, by a formula that is exact in both languages.
pub fn numbers(seed: usize, shape: &Shape) -> Tensor<f64> {
    let mut k = 0;
    Tensor::from_fn(shape.clone(), |_| {
        let value = ((k * 7919 + seed * 104_729 + k * k * 31) % 2003) as f64 / 1001.0 - 1.0;
        k += 1;
        value
    })
}

/// The cases of a table.
pub fn read(table: &str) -> BTreeMap<&str, Record> {
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

/// The inputs of a case, as variables.
pub fn inputs<'t>(tape: &'t Tape<f64>, record: &Record) -> Vec<Var<'t, f64>> {
    let inputs = record.iter().filter(|(what, _)| what.starts_with('x'));
    inputs.map(|(_, x)| tape.variable(x)).collect()
}

/// The output, the derivatives by the named leaves, first and second, under the names of the table,
/// and what differs between the gradients with a graph and without, which other rules may compute.
pub fn derivatives<'t>(
    y: Var<'t, f64>,
    leaves: &[(String, Var<'t, f64>)],
) -> (Record, Vec<String>) {
    let tape = y.tape();
    let loss = (y * tape.constant(&numbers(90, &y.shape()))).sum();
    let mut all = Record::from([("y".to_owned(), y.value())]);
    let mut wrong = Vec::new();
    let plain = loss.backward();
    let one = tape.constant(&Tensor::scalar(1.0));
    let vars: Vec<_> = leaves.iter().map(|(_, leaf)| *leaf).collect();
    let g = grad(&[loss], &[one], &vars, CreateGraph::Yes);
    let g = g.unwrap_or_else(|_| vec![None; vars.len()]);
    let mut total = tape.constant(&Tensor::scalar(0.0));
    for (i, (g, (name, x))) in g.iter().zip(leaves).enumerate() {
        let zeros = Tensor::zeros(x.shape());
        let graph = g.map_or(zeros.clone(), Var::value);
        let kernel = plain.get(*x).cloned().unwrap_or(zeros);
        wrong.extend(difference(&format!("g{name} with a graph and without"), &graph, &kernel));
        all.insert(format!("g{name}"), kernel);
        if let Some(g) = g {
            total = total + (*g * tape.constant(&numbers(91 + i, &g.shape()))).sum();
        }
    }
    let h = grad(&[total], &[one], &vars, CreateGraph::No);
    for (i, (name, x)) in leaves.iter().enumerate() {
        let value = h.as_ref().ok().and_then(|h| h[i].clone());
        all.insert(format!("h{name}"), value.unwrap_or_else(|| Tensor::zeros(x.shape())));
    }
    (all, wrong)
}

/// A description of where two tensors differ, if they do.
pub fn difference(what: &str, got: &Tensor<f64>, expected: &Tensor<f64>) -> Option<String> {
    if got.shape() != expected.shape() {
        return Some(format!("{what}: shape {}, expected {}", got.shape(), expected.shape()));
    }
    let (got, expected) = (got.to_vec(), expected.to_vec());
    let near = |got: f64, want: f64| {
        got == want
            || got.is_nan() && want.is_nan()
            || want.is_finite() && (got - want).abs() <= 1e-11 * (1.0 + want.abs())
    };
    let at = got.iter().zip(&expected).position(|(&got, &want)| !near(got, want))?;
    Some(format!("{what}, element {at}: {:e}, expected {:e}", got[at], expected[at]))
}
