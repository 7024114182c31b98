//! Distributions, tables of numbers, and the kinds of data that are drawn.

use std::f64::consts::{PI, TAU};

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;
use wengert::Tensor;
use wengert::prelude::Pcg64;

use super::data::{Refused, need};
use super::format_data::{
    BitsTarget, Counts, Curve, DataSpec, Distribution, Function, LabelKind, Noise, Target,
};

/// Numbers in rows and columns.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The numbers, row by row.
    pub values: Vec<f64>,
    pub columns: usize,
}

impl Table {
    pub fn new(values: Vec<f64>, columns: usize) -> Result<Self, Refused> {
        if columns == 0 {
            return Err("there are no columns".into());
        }
        Ok(Self { values, columns })
    }

    /// A table of one column.
    pub fn column(values: Vec<f64>) -> Self {
        Self { values, columns: 1 }
    }

    /// A table of rows from the JSON.
    pub fn of(rows: &[Vec<f64>], key: &str) -> Result<Self, Refused> {
        let columns = rows.first().map_or(0, Vec::len);
        if columns == 0 || rows.iter().any(|row| row.len() != columns) {
            return Err(format!("the rows of `{key}` must have the same number of columns"));
        }
        Ok(Self { values: rows.concat(), columns })
    }

    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    pub fn repeat(&self, times: usize) -> Self {
        Self { values: self.values.repeat(times), columns: self.columns }
    }

    /// The rows with these numbers.
    pub fn select(&self, rows: &[usize]) -> Self {
        let d = self.columns;
        let values = rows.iter().flat_map(|&row| &self.values[row * d..(row + 1) * d]).copied();
        Self { values: values.collect(), columns: d }
    }

    /// Changes each column.
    pub fn each_column(&mut self, mut change: impl FnMut(&mut [f64])) {
        let d = self.columns;
        for j in 0..d {
            let mut column: Vec<f64> = self.values.iter().skip(j).step_by(d).copied().collect();
            change(&mut column);
            for (value, new) in self.values.iter_mut().skip(j).step_by(d).zip(column) {
                *value = new;
            }
        }
    }

    /// The rows with these numbers as a tensor.
    pub fn tensor(&self, rows: &[usize]) -> Result<Tensor<f32>, Refused> {
        let values = self.select(rows).values.iter().map(|&v| v as f32).collect();
        Tensor::from_vec(values, [rows.len(), self.columns]).map_err(|error| error.to_string())
    }
}

/// The mean and the standard deviation of a column.
pub(super) fn mean_sd(column: &[f64]) -> (f64, f64) {
    let n = column.len() as f64;
    let mean = column.iter().sum::<f64>() / n;
    (mean, (column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

pub(super) fn uniform(rng: &mut Pcg64, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

pub(super) fn normal(rng: &mut Pcg64) -> f64 {
    rng.sample(StandardNormal)
}

/// `n` numbers from a distribution.
pub(super) fn numbers(distribution: &Distribution, n: usize, rng: &mut Pcg64) -> Vec<f64> {
    (0..n)
        .map(|_| match *distribution {
            Distribution::Uniform { low, high } => uniform(rng, low, high),
            Distribution::Int { low, high } => (low as f64
                + (uniform(rng, 0.0, (high - low) as f64 + 1.0)).floor())
            .min(high as f64),
            Distribution::Normal { mean, sd } => mean + sd * normal(rng),
            Distribution::Loguniform { low, high } => uniform(rng, low.ln(), high.ln()).exp(),
            Distribution::Sparse { p, low, high } => {
                if rng.random::<f64>() < p {
                    uniform(rng, low, high)
                } else {
                    0.0
                }
            }
            Distribution::Const { value } => value,
        })
        .collect()
}

/// The values of a function with its noise.
pub(super) fn curve(curve: &Curve, x: &[f64], rng: &mut Pcg64) -> Vec<f64> {
    x.iter()
        .map(|&x| {
            let value = match curve.function {
                Function::Poly => curve.coef.iter().rev().fold(0.0, |sum, c| sum * x + c),
                Function::Sin => (curve.freq.unwrap_or(1.0) * x).sin(),
            };
            let noise = curve.noise_sd.map_or(0.0, |sd| sd * normal(rng));
            let cubed = match curve.noise {
                Some(Noise::CubedNormal) => normal(rng).powi(3),
                None => 0.0,
            };
            value + noise + cubed
        })
        .collect()
}

/// Inputs and classes.
type Drawn = Result<(Table, Table), Refused>;

fn classes(labels: &[usize]) -> Table {
    Table::column(labels.iter().map(|&class| class as f64).collect())
}

/// `n` labels, the same number of each class, shuffled.
fn shuffled_labels(n: usize, classes: usize, rng: &mut Pcg64) -> Vec<usize> {
    let mut labels: Vec<usize> = (0..n).map(|i| i % classes).collect();
    labels.shuffle(rng);
    labels
}

pub(super) fn gaussians(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let (count, d, n) = (need(spec.classes, "classes")?, need(spec.d, "d")?, need(spec.n, "n")?);
    let sep = need(spec.sep, "sep")?;
    let priors = spec.priors.clone().unwrap_or_else(|| vec![1.0; count]);
    if count == 0 || d == 0 || priors.len() != count {
        return Err(format!("{count} classes in {d} dimensions have {} priors", priors.len()));
    }
    let total: f64 = priors.iter().sum();
    let labels: Vec<usize> = (0..n)
        .map(|_| {
            let mut rest = uniform(rng, 0.0, total);
            let found = priors.iter().position(|p| {
                rest -= p;
                rest < 0.0
            });
            found.unwrap_or(count - 1)
        })
        .collect();
    let mut values = Vec::with_capacity(n * d);
    for &label in &labels {
        for j in 0..d {
            let centre = if label < d { sep } else { -sep };
            values.push(if label % d == j { centre } else { 0.0 } + normal(rng));
        }
    }
    Ok((Table::new(values, d)?, classes(&labels)))
}

pub(super) fn blobs(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let (count, n) = (need(spec.centers, "centers")?, need(spec.n, "n")?);
    let std = need(spec.std, "std")?;
    let centers = if let Some(at) = &spec.at {
        Table::of(at, "at")?
    } else {
        let d = spec.d.unwrap_or(2);
        Table::new((0..count * d).map(|_| uniform(rng, -10.0, 10.0)).collect(), d)?
    };
    if count == 0 || centers.rows() < count {
        return Err(format!("`at` has {} points for {count} centers", centers.rows()));
    }
    let labels = shuffled_labels(n, count, rng);
    let mut x = centers.select(&labels);
    x.values.iter_mut().for_each(|v| *v += std * normal(rng));
    Ok((x, classes(&labels)))
}

pub(super) fn circles(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let (n, noise) = (need(spec.n, "n")?, need(spec.noise, "noise")?);
    let labels = shuffled_labels(n, 2, rng);
    let mut values = Vec::with_capacity(2 * n);
    for &label in &labels {
        let radius = if label == 1 { spec.factor.unwrap_or(0.8) } else { 1.0 };
        let angle = uniform(rng, 0.0, TAU);
        values.push(radius * angle.cos() + noise * normal(rng));
        values.push(radius * angle.sin() + noise * normal(rng));
    }
    Ok((Table::new(values, 2)?, classes(&labels)))
}

pub(super) fn moons(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let (n, noise) = (need(spec.n, "n")?, need(spec.noise, "noise")?);
    let labels = shuffled_labels(n, 2, rng);
    let mut values = Vec::with_capacity(2 * n);
    for &label in &labels {
        let angle = uniform(rng, 0.0, PI);
        let (sin, cos) = angle.sin_cos();
        let [a, b] = if label == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] };
        values.extend([a + noise * normal(rng), b + noise * normal(rng)]);
    }
    Ok((Table::new(values, 2)?, classes(&labels)))
}

/// The number of rows of each of `classes` classes.
fn counts(spec: &DataSpec, classes: usize) -> Result<Vec<usize>, Refused> {
    match need(spec.n_per_class.clone(), "n_per_class")? {
        Counts::Every(n) => Ok(vec![n; classes]),
        Counts::Each(counts) if counts.len() == classes => Ok(counts),
        Counts::Each(counts) => {
            Err(format!("`n_per_class` has {} numbers for {classes} classes", counts.len()))
        }
    }
}

pub(super) fn boxes(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let boxes = need(spec.boxes.clone(), "boxes")?;
    let d = boxes.first().map_or(0, Vec::len);
    if boxes.iter().any(|columns| columns.len() != d) {
        return Err("the boxes must have the same number of columns".into());
    }
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for (class, n) in counts(spec, boxes.len())?.into_iter().enumerate() {
        for _ in 0..n {
            values.extend(boxes[class].iter().map(|&[low, high]| uniform(rng, low, high)));
            labels.push(class);
        }
    }
    Ok((Table::new(values, d)?, classes(&labels)))
}

pub(super) fn blocks(spec: &DataSpec) -> Drawn {
    let (d, each) = (need(spec.d, "d")?, need(spec.values.clone(), "values")?);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for (class, n) in counts(spec, each.len())?.into_iter().enumerate() {
        values.extend(std::iter::repeat_n(each[class], n * d));
        labels.extend(std::iter::repeat_n(class, n));
    }
    Ok((Table::new(values, d)?, classes(&labels)))
}

pub(super) fn bits(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let bits = need(spec.bits, "bits")?;
    if !(1..=20).contains(&bits) {
        return Err(format!("`bits` must be in 1..=20, got {bits}"));
    }
    let words = 1_usize << bits;
    let values = (0..words).flat_map(|w| (0..bits).rev().map(move |b| ((w >> b) & 1) as f64));
    let x = Table::new(values.collect(), bits)?;
    let y = match spec.target {
        Some(Target::Bits(BitsTarget::Permutation)) => {
            let mut order: Vec<usize> = (0..words).collect();
            order.shuffle(rng);
            x.select(&order)
        }
        Some(Target::Bits(BitsTarget::Parity)) => {
            Table::column((0..words).map(|w| (w.count_ones() % 2) as f64).collect())
        }
        _ => return Err("the key `target` must be `permutation` or `parity`".into()),
    };
    Ok((x, y))
}

pub(super) fn walk(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let (n, start, sd) = (need(spec.n, "n")?, need(spec.start, "start")?, need(spec.sd, "sd")?);
    let mut value = start;
    let mut walk = Vec::with_capacity(n + 1);
    match spec.revert.filter(|&revert| revert != 0.0) {
        Some(revert) => {
            walk.push(value);
            for _ in 0..n {
                value += revert * (start - value) + sd * normal(rng);
                walk.push(value);
            }
        }
        None => {
            for _ in 0..=n {
                value += sd * normal(rng);
                walk.push(value);
            }
        }
    }
    let next = walk[1..].to_vec();
    walk.pop();
    Ok((Table::column(walk), Table::column(next)))
}

pub(super) fn columns(spec: &DataSpec, rng: &mut Pcg64) -> Drawn {
    let (n, columns) = (need(spec.n, "n")?, need(spec.columns.clone(), "columns")?);
    let label = need(spec.label.clone(), "label")?;
    let d = columns.len();
    let drawn: Vec<Vec<f64>> = columns.iter().map(|column| numbers(column, n, rng)).collect();
    let mut standard = drawn.clone();
    for column in &mut standard {
        let (mean, sd) = mean_sd(column);
        for v in column {
            *v = (*v - mean) / (sd + 1e-12);
        }
    }
    let weighted = |weights: &std::collections::BTreeMap<usize, f64>| {
        let mut sums = vec![0.0; n];
        for (&column, w) in weights {
            let values = standard.get(column).ok_or_else(|| {
                format!("`label` has a weight for column {column}, but there are {d} columns")
            })?;
            sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += w * v);
        }
        Ok::<_, Refused>(sums)
    };
    let mut sums = weighted(&label.weights)?;
    for sum in &mut sums {
        *sum += label.noise_sd * normal(rng);
    }
    let y = match label.kind {
        LabelKind::Threshold => {
            let threshold = quantile(&sums, 1.0 - label.positive.unwrap_or(0.5));
            Table::column(sums.iter().map(|&sum| f64::from(sum > threshold)).collect())
        }
        LabelKind::MultiThreshold => {
            let each = label.each.iter().map(weighted).collect::<Result<Vec<_>, _>>()?;
            let values = (0..n).flat_map(|i| each.iter().map(move |sums| f64::from(sums[i] > 0.0)));
            Table::new(values.collect(), each.len())?
        }
        LabelKind::Value => {
            let (offset, gain) = (need(label.offset, "offset")?, need(label.gain, "gain")?);
            Table::column(sums.iter().map(|sum| offset + gain * sum).collect())
        }
    };
    let values = (0..n).flat_map(|i| drawn.iter().map(move |column| column[i])).collect();
    Ok((Table::new(values, d)?, y))
}

/// The quantile of numbers, interpolated linearly.
fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (q.clamp(0.0, 1.0)) * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * (at - low as f64),
        _ => 0.0,
    }
}
