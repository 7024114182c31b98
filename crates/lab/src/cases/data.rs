//! [`build()`]: the inputs, targets and classes of a case, drawn from a seed.

use rand::RngExt;
use rand::seq::SliceRandom;
use wengert::Tensor;
use wengert::prelude::{Pcg64, SeedableRng};

use super::draw::{self, Table};
use super::format::{Order, Setup};
use super::format_data::{Code, DataKind, DataSpec, Scale, Source, Target, Weights};
use super::shipped;
use crate::error::LabError;

/// Rows with their targets.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The inputs, `[rows, columns]`.
    pub inputs: Tensor<f32>,
    /// The targets, `[rows, outputs]`.
    pub targets: Tensor<f32>,
    /// The first target of each row before it was changed: for classes, the class.
    pub classes: Vec<f64>,
}

/// The rows of a case.
#[derive(Clone, Debug)]
pub struct Data {
    /// The training rows.
    pub train: Rows,
    /// The held-out rows, if the case has a split.
    pub held_out: Option<Rows>,
}

/// An error in the data of a case, without the name of the case.
pub(super) type Refused = String;

/// Makes the rows of a case.
///
/// # Errors
/// If a key that the kind of data reads is missing or invalid.
pub fn build(setup: &Setup, seed: u64) -> Result<Data, LabError> {
    try_build(setup, seed)
        .map_err(|message| LabError::Request(format!("case `{}`: data: {message}", setup.id)))
}

fn try_build(setup: &Setup, seed: u64) -> Result<Data, Refused> {
    let spec = &setup.data;
    let mut rng = Pcg64::seed_from_u64(1000 + seed);
    let (mut x, mut y) = raw(spec, &mut rng)?;
    if x.rows() == 0 || x.columns == 0 || y.columns == 0 || x.rows() != y.rows() {
        let (rows, targets) = (x.rows(), y.rows());
        return Err(format!("there are {rows} rows of inputs and {targets} of targets"));
    }
    for &change in &spec.x_scale {
        scale(&mut x, change);
    }
    let classes: Vec<f64> = y.values.iter().step_by(y.columns).copied().collect();
    if spec.y_from_x == Some(true) {
        y = x.clone();
    }
    for &change in &spec.y_scale {
        scale(&mut y, change);
    }
    if spec.y_code == Some(Code::Onehot) {
        y = one_hot(&y, need(spec.y_classes, "y_classes")?)?;
    }
    let mut order: Vec<usize> = (0..x.rows()).collect();
    let Some(split) = setup.split else {
        return Ok(Data { train: select(&x, &y, &classes, &order)?, held_out: None });
    };
    if split.order == Some(Order::Shuffled) {
        order.shuffle(&mut Pcg64::seed_from_u64(7 + seed));
    }
    let cut = (x.rows() as f64 * split.train).round_ties_even() as usize;
    if cut == 0 || cut >= x.rows() {
        return Err(format!(
            "a split with train {} leaves one part of {} rows empty",
            split.train,
            x.rows()
        ));
    }
    let (train, held_out) = order.split_at(cut);
    Ok(Data {
        train: select(&x, &y, &classes, train)?,
        held_out: Some(select(&x, &y, &classes, held_out)?),
    })
}

fn select(x: &Table, y: &Table, classes: &[f64], rows: &[usize]) -> Result<Rows, Refused> {
    let classes = rows.iter().map(|&row| classes[row]).collect();
    Ok(Rows { inputs: x.tensor(rows)?, targets: y.tensor(rows)?, classes })
}

/// The value of a key that the kind of data reads.
pub(super) fn need<T>(value: Option<T>, key: &str) -> Result<T, Refused> {
    value.ok_or_else(|| format!("the key `{key}` is missing"))
}

/// Inputs and targets before they are changed.
fn raw(spec: &DataSpec, rng: &mut Pcg64) -> Result<(Table, Table), Refused> {
    match spec.kind {
        DataKind::Table => table(spec),
        DataKind::Grid1d | DataKind::Uniform1d => curve(spec, rng),
        DataKind::Linear => linear(spec, rng),
        DataKind::Gaussians => draw::gaussians(spec, rng),
        DataKind::Blobs => draw::blobs(spec, rng),
        DataKind::Circles => draw::circles(spec, rng),
        DataKind::Moons => draw::moons(spec, rng),
        DataKind::Boxes => draw::boxes(spec, rng),
        DataKind::Blocks => draw::blocks(spec),
        DataKind::Bits => draw::bits(spec, rng),
        DataKind::Walk => draw::walk(spec, rng),
        DataKind::Columns => draw::columns(spec, rng),
        DataKind::Random => random(spec, rng),
        DataKind::Shipped => shipped(spec, rng),
    }
}

fn table(spec: &DataSpec) -> Result<(Table, Table), Refused> {
    let (Some(Source::Rows(x)), Some(Source::Rows(y))) = (&spec.x, &spec.y) else {
        return Err("a table needs rows in `x` and `y`".into());
    };
    let repeat = spec.repeat.unwrap_or(1);
    Ok((Table::of(x, "x")?.repeat(repeat), Table::of(y, "y")?.repeat(repeat)))
}

fn curve(spec: &DataSpec, rng: &mut Pcg64) -> Result<(Table, Table), Refused> {
    let Some(Target::Curve(target)) = &spec.target else {
        return Err("the key `target` is missing, or is not a function".into());
    };
    let x: Vec<f64> = if spec.kind == DataKind::Grid1d {
        let (from, to) = (need(spec.from, "from")?, need(spec.to, "to")?);
        let step = need(spec.step, "step")?;
        let count = ((to - 1e-9 - from) / step).ceil();
        if !(0.0..1e9).contains(&count) {
            return Err(format!("a grid from {from} to {to} in steps of {step} is not possible"));
        }
        (0..count as usize).map(|i| from + i as f64 * step).collect()
    } else {
        let (low, high) = (need(spec.low, "low")?, need(spec.high, "high")?);
        (0..need(spec.n, "n")?).map(|_| draw::uniform(rng, low, high)).collect()
    };
    let y = draw::curve(target, &x, rng);
    Ok((Table::column(x), Table::column(y)))
}

fn linear(spec: &DataSpec, rng: &mut Pcg64) -> Result<(Table, Table), Refused> {
    let (n, d) = (need(spec.n, "n")?, need(spec.d, "d")?);
    let x = drawn(spec, n, d, rng)?;
    let mut w = match need(spec.w.clone(), "w")? {
        Weights::Given(w) => w,
        Weights::Drawn(distribution) => draw::numbers(&distribution, d, rng),
    };
    if w.len() != d {
        return Err(format!("`w` has {} weights for {d} columns", w.len()));
    }
    if let Some(informative) = spec.informative {
        w.iter_mut().skip(informative).for_each(|w| *w = 0.0);
    }
    let (bias, sd) = (spec.bias.unwrap_or(0.0), spec.noise_sd.unwrap_or(0.0));
    let y = x
        .values
        .chunks(d)
        .map(|row| {
            let sum: f64 = row.iter().zip(&w).map(|(x, w)| x * w).sum();
            sum + bias + sd * draw::normal(rng)
        })
        .collect();
    Ok((x, Table::column(y)))
}

/// `n` rows of `d` numbers from the distribution `x`.
fn drawn(spec: &DataSpec, n: usize, d: usize, rng: &mut Pcg64) -> Result<Table, Refused> {
    let Some(Source::Drawn(distribution)) = &spec.x else {
        return Err("the key `x` is missing, or is not a distribution".into());
    };
    Table::new(draw::numbers(distribution, n * d, rng), d)
}

fn random(spec: &DataSpec, rng: &mut Pcg64) -> Result<(Table, Table), Refused> {
    let (n, d) = (need(spec.n, "n")?, need(spec.d, "d")?);
    let x = drawn(spec, n, d, rng)?;
    let y = match (spec.binary_p, &spec.y) {
        (Some(p), _) => (0..n).map(|_| f64::from(rng.random::<f64>() < p)).collect(),
        (None, Some(Source::Drawn(distribution))) => draw::numbers(distribution, n, rng),
        _ => return Err("the key `y` is missing, or is not a distribution".into()),
    };
    Ok((x, Table::column(y)))
}

fn shipped(spec: &DataSpec, rng: &mut Pcg64) -> Result<(Table, Table), Refused> {
    let (x, y) = shipped::load(need(spec.name, "name")?)?;
    let mut rows: Vec<usize> = (0..x.rows()).collect();
    if let Some(classes) = &spec.only_classes {
        rows.retain(|&row| classes.contains(&y.values[row]));
    }
    if spec.sorted == Some(true) {
        rows.sort_by(|&a, &b| y.values[a].total_cmp(&y.values[b]));
    } else if spec.shuffle != Some(false) {
        rows.shuffle(rng);
    }
    rows.truncate(spec.rows.unwrap_or(usize::MAX));
    Ok((x.select(&rows), y.select(&rows)))
}

/// The rows of an identity matrix for the classes, limited to the last one.
fn one_hot(y: &Table, classes: usize) -> Result<Table, Refused> {
    if classes == 0 {
        return Err("`y_classes` must be at least 1".into());
    }
    let mut values = vec![0.0; y.rows() * classes];
    for (row, class) in y.values.iter().step_by(y.columns).enumerate() {
        let class = class.trunc().clamp(0.0, (classes - 1) as f64) as usize;
        values[row * classes + class] = 1.0;
    }
    Table::new(values, classes)
}

fn scale(table: &mut Table, change: Scale) {
    match change {
        Scale::Mul(factor) => table.values.iter_mut().for_each(|v| *v *= factor),
        Scale::Add(term) => table.values.iter_mut().for_each(|v| *v += term),
        Scale::Trunc(true) => table.values.iter_mut().for_each(|v| *v = v.trunc()),
        Scale::Trunc(false) => {}
        Scale::BinarizeMid => {
            let (low, high) = range(table.values.iter().copied());
            table.values.iter_mut().for_each(|v| *v = f64::from(*v > f64::midpoint(low, high)));
        }
        Scale::Standardize => table.each_column(|column| {
            let (mean, sd) = draw::mean_sd(column);
            for v in column {
                *v = (*v - mean) / (sd + 1e-12);
            }
        }),
        Scale::Minmax | Scale::Minmax11 => table.each_column(|column| {
            let (low, high) = range(column.iter().copied());
            let (factor, term) = if change == Scale::Minmax { (1.0, 0.0) } else { (2.0, -1.0) };
            let width = high - low + 1e-12;
            for v in column {
                *v = factor * (*v - low) / width + term;
            }
        }),
    }
}

/// The smallest and the largest number.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}
