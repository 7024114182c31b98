//! Norms, moments and normalizations lose nothing that is representable: values, gradients and
//! second derivatives at every scale of the operands, against `f64` where they are `f32`, and
//! against their own results at scale one where they are `f64`.

use proptest::collection::vec;
use proptest::prelude::*;
use wengert_autodiff::ops::NormOptions;
use wengert_autodiff::{CreateGraph, Element, Tape, Tensor, Var, grad, ops};

/// What is computed of every line of a matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Sum,
    Mean,
    Norm(f64),
    Variance(usize),
    Deviation(usize),
    Cosine,
    Layer,
    Group,
    Rms,
    Batch,
}
use Operation::*;

impl Operation {
    /// Whether an output is a line of the input's length.
    fn is_normalization(self) -> bool {
        matches!(self, Layer | Group | Rms | Batch)
    }

    /// The power of the scale the output has.
    fn degree(self) -> i32 {
        match self {
            Sum | Mean | Norm(_) | Deviation(_) => 1,
            Variance(_) => 2,
            _ => 0,
        }
    }
}

/// A problem of `rows` lines.
#[derive(Clone, Debug)]
struct Problem {
    operation: Operation,
    /// Whether lines are columns.
    columns: bool,
    rows: usize,
    cols: usize,
    eps: f64,
    /// The lines; the second operand of a cosine; weight and bias of a normalization, if it has
    /// them.
    operands: Vec<Vec<f64>>,
    gy: Vec<f64>,
    /// With which the gradient of the lines is multiplied and summed for a second derivative.
    direction: Vec<f64>,
}

/// The output, the gradients of all operands, and the second derivative by the lines.
struct Results {
    value: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    second: Vec<f64>,
}

fn tensor<E: Element>(data: &[f64], shape: &[usize]) -> Tensor<E> {
    Tensor::from_vec(data.iter().map(|x| E::from_f64(*x)).collect(), shape.to_vec()).unwrap()
}

fn wide<E: Element>(x: &Tensor<E>) -> Vec<f64> {
    x.to_vec().into_iter().map(E::to_f64).collect()
}

impl Problem {
    fn shapes(&self) -> Vec<Vec<usize>> {
        let lines = vec![self.rows, self.cols];
        let part = match self.operation {
            Cosine => lines.clone(),
            Group => vec![self.rows * self.cols],
            Batch => vec![self.rows],
            _ => vec![self.cols],
        };
        (0..self.operands.len())
            .map(|i| if i == 0 { lines.clone() } else { part.clone() })
            .collect()
    }

    fn apply<'t, E: Element>(&self, operands: &[Var<'t, E>]) -> Var<'t, E> {
        let (x, weight, bias) = (operands[0], operands.get(1).copied(), operands.get(2).copied());
        let options = NormOptions::new().eps(self.eps);
        let (lines, axis) = if self.columns { (x.transpose(0, 1), 0) } else { (x, 1) };
        match self.operation {
            Sum => lines.sum_axes(&[axis], false),
            Mean => lines.mean_axes(&[axis], false),
            Norm(p) => lines.norm_axes(p, &[axis], false),
            Variance(correction) => lines.var_axes(&[axis], correction, false),
            Deviation(correction) => lines.std_axes(&[axis], correction, false),
            Cosine => x.cosine_similarity(operands[1], 1, self.eps),
            Layer => x.layer_norm(weight, bias, options),
            Rms => x.rms_norm(weight, options),
            Group => {
                let channels = x.reshape([1, self.rows * self.cols]);
                channels
                    .group_norm(self.rows, weight, bias, self.eps)
                    .reshape([self.rows, self.cols])
            }
            Batch => {
                let normalized =
                    ops::batch_norm(x.transpose(0, 1), weight, bias, self.eps).unwrap();
                normalized.output.transpose(0, 1)
            }
        }
    }

    fn run<E: Element>(&self) -> Results {
        let tape = Tape::<E>::new();
        let operands: Vec<_> = self.operands.iter().zip(self.shapes()).collect();
        let operands: Vec<Var<'_, E>> =
            operands.into_iter().map(|(x, shape)| tape.variable(&tensor(x, &shape))).collect();
        let y = self.apply(&operands);
        let gy = tape.constant(&tensor::<E>(&self.gy, y.shape().dims()));
        let once = grad(&[y], &[gy], &operands, CreateGraph::No).unwrap();
        let twice = grad(&[y], &[gy], &operands, CreateGraph::Yes).unwrap();
        let direction = tape.constant(&tensor::<E>(&self.direction, &[self.rows, self.cols]));
        let second = grad(&[twice[0].unwrap()], &[direction], &operands[..1], CreateGraph::No);
        let zeros = vec![0.0; self.direction.len()];
        let second = second.unwrap()[0].as_ref().map_or(zeros, wide);
        // Recorded or not, the gradient is the same to rounding.
        let twice = twice.iter().map(|g| g.map(|g| g.value()));
        let gradients = once.iter().cloned().chain(twice).map(|g| wide(&g.unwrap())).collect();
        Results { value: wide(&y.value()), gradients, second }
    }

    /// The bounds of the errors of each line's value, gradients and second derivative, for an
    /// element type with these numbers.
    fn bounds(&self, epsilon: f64, smallest_normal: f64) -> Bounds {
        let mut bounds = Bounds::default();
        let n = self.cols as f64;
        let largest = |x: &[f64]| x.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let (weights, biases) = match (self.operation, self.operands.get(1), self.operands.get(2)) {
            (Cosine, ..) => (1.0, 0.0),
            (_, weight, bias) => {
                (weight.map_or(1.0, |w| largest(w)), bias.map_or(0.0, |b| largest(b)))
            }
        };
        for row in 0..self.rows {
            let line = &self.operands[0][row * self.cols..(row + 1) * self.cols];
            let direction = largest(&self.direction[row * self.cols..(row + 1) * self.cols]);
            let each = self.gy.len() / self.rows;
            let gy = largest(&self.gy[row * each..(row + 1) * each]) * weights;
            let size = largest(line);
            let unit = line.iter().map(|x| x / size);
            let centre = unit.clone().sum::<f64>() / n;
            let deviation = |about: f64, free: f64| {
                (unit.clone().map(|x| (x - about).powi(2)).sum::<f64>() / free).sqrt() * size
            };
            let (mean, std) = (centre * size, deviation(centre, n));
            let with_eps = |spread: f64| spread.hypot(self.eps.sqrt());
            let (value, first, second) = match self.operation {
                Sum | Mean => (size * n, gy, 0.0),
                Norm(p) => {
                    let p = p.min(8.0);
                    (size * n, gy * p, gy * direction / size * p * p * n)
                }
                Variance(c) => {
                    let s = deviation(centre, n - c as f64);
                    (s * s, gy * (s + mean.abs()), gy * direction)
                }
                Deviation(c) => {
                    let s = deviation(centre, n - c as f64);
                    let off = 1.0 + (mean.abs() + smallest_normal) / s;
                    (s, gy * off, gy * direction / s * off * off)
                }
                Cosine => {
                    let other = &self.operands[1][row * self.cols..(row + 1) * self.cols];
                    let [a, b] = [line, other].map(|x| largest(x).max(self.eps));
                    bounds.other.push(gy / b * 2.0);
                    (
                        largest(line) / a * (largest(other) / b),
                        gy / a * 2.0,
                        gy * direction / a / a * 8.0,
                    )
                }
                Layer | Group | Batch | Rms => {
                    let about = if self.operation == Rms { 0.0 } else { mean };
                    let s = if self.operation == Rms { deviation(0.0, n) } else { std };
                    let s = with_eps(s);
                    let off = 1.0 + (about.abs() + smallest_normal) / s;
                    let value = off * n.sqrt() * weights + biases;
                    bounds.other.push(gy / weights * off * n);
                    (value, gy / s * off * n, gy * (direction / s) / s * off * off * n * n)
                }
            };
            let bound = |size: f64| 600.0 * epsilon * size;
            bounds.value.push(bound(value));
            bounds.first.push(bound(first));
            bounds.second.push(4.0 * bound(second));
        }
        if self.operation.is_normalization() {
            // Of the weight and the bias: sums over lines.
            let total = bounds.other.iter().sum::<f64>();
            bounds.other.fill(600.0 * epsilon * total);
        } else {
            bounds.other.iter_mut().for_each(|size| *size *= 600.0 * epsilon);
        }
        bounds
    }
}

#[derive(Default)]
struct Bounds {
    value: Vec<f64>,
    first: Vec<f64>,
    /// Of the gradients of the other operands.
    other: Vec<f64>,
    second: Vec<f64>,
}

/// The numbers of an element type.
struct Range {
    epsilon: f64,
    largest: f64,
    smallest: f64,
}

const SINGLE: Range = Range {
    epsilon: f32::EPSILON as f64,
    largest: f32::MAX as f64,
    smallest: f32::MIN_POSITIVE as f64,
};
const DOUBLE: Range =
    Range { epsilon: f64::EPSILON, largest: f64::MAX, smallest: f64::MIN_POSITIVE };

/// Compares line by line; where the terms of a sum are beyond the range, there is nothing to
/// compare.
fn compare(
    what: &str,
    (got, right): (&[f64], &[f64]),
    bounds: &[f64],
    range: &Range,
) -> Result<(), TestCaseError> {
    let each = (got.len() / bounds.len().max(1)).max(1);
    let subnormal = range.smallest * range.epsilon;
    for (i, (got, right)) in got.iter().zip(right).enumerate() {
        let bound = bounds[(i / each).min(bounds.len() - 1)];
        // The terms are the bound divided by its factor and the unit.
        let beyond = bound / (600.0 * range.epsilon) > range.largest / 16.0;
        if right.abs() > range.largest || beyond {
            continue;
        }
        let good = (got - right).abs() <= bound + 8.0 * subnormal;
        prop_assert!(
            good,
            "{what}, element {i}: {got:e} where {right:e} is right, bound {bound:e}"
        );
    }
    Ok(())
}

fn check(
    problem: &Problem,
    got: &Results,
    right: &Results,
    range: &Range,
) -> Result<(), TestCaseError> {
    let bounds = problem.bounds(range.epsilon, range.smallest);
    compare("value", (&got.value, &right.value), &bounds.value, range)?;
    for (i, pair) in got.gradients.iter().zip(&right.gradients).enumerate() {
        let count = problem.operands.len();
        let bounds = if i % count == 0 { &bounds.first } else { &bounds.other };
        let kind = if i < count { "kernel" } else { "recorded" };
        compare(&format!("gradient {} ({kind})", i % count), (pair.0, pair.1), bounds, range)?;
    }
    compare("second derivative", (&got.second, &right.second), &bounds.second, range)
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        Just(Sum),
        Just(Mean),
        prop_oneof![Just(1.0), Just(1.5), Just(2.0), Just(3.0), Just(f64::INFINITY)].prop_map(Norm),
        (0..2_usize).prop_map(Variance),
        (0..2_usize).prop_map(Deviation),
        Just(Cosine),
        Just(Layer),
        Just(Group),
        Just(Rms),
        Just(Batch),
    ]
}

/// The exponents of the scales of a problem's numbers.
#[derive(Clone, Debug)]
struct Scales {
    /// Of the lines, one each.
    lines: Vec<i32>,
    other: i32,
    weight: i32,
    gy: i32,
    direction: i32,
}

/// A problem whose numbers are of the order of one, and scales for them.
fn problems(limit: i32) -> impl Strategy<Value = (Problem, Scales)> {
    let sizes = (1..4_usize, prop_oneof![2..10_usize, Just(33)]);
    let kinds = (operations(), any::<bool>(), any::<bool>(), prop_oneof![Just(0.0), 0.0..6.0]);
    let mild = limit / 4;
    let scales = (-limit..limit, -mild..mild, -mild..mild, -mild..mild);
    (sizes, kinds, scales).prop_flat_map(move |((rows, cols), kinds, scales)| {
        let len = rows * cols;
        let noise = |len: usize| vec(prop_oneof![-1.0..-0.1, 0.1..1.0], len);
        let data = (noise(len), noise(len), noise(len), noise(len), noise(len));
        (data, vec(-limit..limit, rows)).prop_map(move |(data, lines)| {
            let (operation, columns, affine, mean) = kinds;
            let (mut x, second, third, mut gy, direction) = data;
            // The mean is `mean` deviations from zero, and no line is constant.
            let mean = if mean > 0.0 { 10_f64.powf(mean) } else { 0.0 };
            for (i, x) in x.iter_mut().enumerate() {
                let apart = [0.6, -0.6][i % cols % 2];
                let from_mean = !matches!(operation, Norm(_) | Cosine | Rms);
                *x = if from_mean { (*x * 0.5 + apart + mean) / (1.0 + mean) } else { *x };
            }
            if !operation.is_normalization() {
                gy.truncate(rows);
            }
            let parts = match operation {
                Batch => rows,
                Group => len,
                _ => cols,
            };
            let mut operands = std::vec![x];
            match operation {
                Cosine => operands.push(second),
                _ if operation.is_normalization() && affine => {
                    operands.push(second[..parts].to_vec());
                    if operation != Rms {
                        operands.push(third[..parts].to_vec());
                    }
                }
                _ => {}
            }
            let problem =
                Problem { operation, columns, rows, cols, eps: 0.0, operands, gy, direction };
            let (other, weight, gy, direction) = scales;
            (problem, Scales { lines, other, weight, gy, direction })
        })
    })
}

fn scale(x: &mut [f64], exponent: i32) {
    // In two steps: neither power is a subnormal number.
    let (a, b) = (exponent / 2, exponent - exponent / 2);
    for x in x {
        *x = *x * f64::from(a).exp2() * f64::from(b).exp2();
    }
}

fn single(x: &mut [f64]) {
    for x in x {
        *x = f64::from(*x as f32);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// `f32` at any scale against `f64`, where no such number leaves the range.
    #[test]
    fn single_precision_is_that_of_double(
        (mut problem, scales) in problems(126),
        eps in prop_oneof![Just(0.0), Just(1e-5), Just(1e-12)],
    ) {
        for (row, exponent) in scales.lines.iter().enumerate() {
            scale(&mut problem.operands[0][row * problem.cols..(row + 1) * problem.cols], *exponent);
        }
        let other = if problem.operation == Cosine { scales.other } else { scales.weight };
        for operand in &mut problem.operands[1..] {
            scale(operand, other);
        }
        scale(&mut problem.gy, scales.gy);
        scale(&mut problem.direction, scales.direction);
        problem.operands.iter_mut().for_each(|x| single(x));
        single(&mut problem.gy);
        single(&mut problem.direction);
        problem.eps = match problem.operation {
            Cosine => 1e-8,
            _ => eps,
        };
        // A constant line has no normalization without eps, nor a deviation that has a derivative.
        let constant = problem.operands[0].chunks(problem.cols).any(|x| x.iter().all(|y| *y == x[0]));
        prop_assume!(!constant);
        check(&problem, &problem.run::<f32>(), &problem.run::<f64>(), &SINGLE)?;
    }

    /// `f64` at any scale against itself at scale one.
    #[test]
    fn double_precision_scales((base, scales) in problems(990)) {
        let cosine = base.operation == Cosine;
        let mut base = base;
        base.eps = if cosine { 1e-300 } else { 0.0 };
        let mut problem = base.clone();
        for (row, exponent) in scales.lines.iter().enumerate() {
            scale(&mut problem.operands[0][row * problem.cols..(row + 1) * problem.cols], *exponent);
        }
        if cosine {
            problem.eps = f64::MIN_POSITIVE;
            scale(&mut problem.operands[1], scales.other);
        }
        let mut right = base.run::<f64>();
        let degree = base.operation.degree();
        let each = right.value.len() / base.rows;
        for (row, exponent) in scales.lines.iter().enumerate() {
            let line = row * base.cols..(row + 1) * base.cols;
            scale(&mut right.value[row * each..(row + 1) * each], degree * exponent);
            let count = base.operands.len();
            for i in [0, count] {
                scale(&mut right.gradients[i][line.clone()], (degree - 1) * exponent);
            }
            scale(&mut right.second[line], (degree - 2) * exponent);
        }
        if cosine {
            for i in [1, 3] {
                scale(&mut right.gradients[i], -scales.other);
            }
        }
        check(&problem, &problem.run::<f64>(), &right, &DOUBLE)?;
    }
}
