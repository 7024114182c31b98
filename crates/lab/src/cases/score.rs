//! [`score()`]: the score of outputs by the metric of a case.

use std::collections::BTreeMap;

use wengert::Tensor;

use super::data::Rows;
use super::format::MetricName;

/// The score of the outputs for some rows; NaN if an output is not finite.
pub fn score(metric: MetricName, outputs: &Tensor<f32>, rows: &Rows) -> f64 {
    let (o, y) = (outputs.to_vec(), rows.targets.to_vec());
    let n = rows.classes.len();
    let k = o.len() / n.max(1);
    if n == 0 || k == 0 || o.len() != y.len() || o.iter().any(|o| !o.is_finite()) {
        return f64::NAN;
    }
    let right = |(&o, &y): (&f32, &f32)| (o > 0.5) == (y > 0.5);
    let share = |count: usize, of: usize| count as f64 / of as f64;
    match metric {
        MetricName::Accuracy => {
            let hits = o.chunks(k).zip(&rows.classes).filter(|(o, class)| predicted(o) == **class);
            share(hits.count(), n)
        }
        MetricName::Balanced => balanced(&o, k, &rows.classes),
        MetricName::Multilabel => {
            share(o.iter().zip(&y).filter(|&pair| right(pair)).count(), o.len())
        }
        MetricName::Exact => {
            let all = |(o, y): &(&[f32], &[f32])| o.iter().zip(*y).all(right);
            share(o.chunks(k).zip(y.chunks(k)).filter(all).count(), n)
        }
        MetricName::R2 => r2(&o, &y, k),
    }
}

/// The class that the outputs of a row predict.
fn predicted(outputs: &[f32]) -> f64 {
    if let [output] = outputs {
        return f64::from(*output > 0.5);
    }
    let mut best = 0;
    for (i, output) in outputs.iter().enumerate() {
        if *output > outputs[best] {
            best = i;
        }
    }
    best as f64
}

/// The mean over the classes of the fraction of its rows that are found.
fn balanced(o: &[f32], k: usize, classes: &[f64]) -> f64 {
    let mut found: BTreeMap<u64, [usize; 2]> = BTreeMap::new();
    for (o, class) in o.chunks(k).zip(classes) {
        let [hits, all] = found.entry(class.to_bits()).or_default();
        *hits += usize::from(predicted(o) == *class);
        *all += 1;
    }
    let recalls = found.values().map(|&[hits, all]| hits as f64 / all as f64);
    recalls.sum::<f64>() / found.len() as f64
}

/// One minus the mean squared error over the mean squared distance from the mean of each output.
fn r2(o: &[f32], y: &[f32], k: usize) -> f64 {
    let n = (y.len() / k) as f64;
    let mut means = vec![0.0; k];
    for row in y.chunks(k) {
        means.iter_mut().zip(row).for_each(|(mean, &y)| *mean += f64::from(y) / n);
    }
    let error: f64 = o.iter().zip(y).map(|(&o, &y)| (f64::from(o) - f64::from(y)).powi(2)).sum();
    let spread: f64 = y
        .chunks(k)
        .flat_map(|row| row.iter().zip(&means).map(|(&y, mean)| (f64::from(y) - mean).powi(2)))
        .sum();
    let count = y.len() as f64;
    1.0 - error / count / (spread / count).max(1e-30)
}
