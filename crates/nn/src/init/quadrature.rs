//! Expectations under the normal distribution: Gauss-Hermite rules for smooth functions, composite
//! Gauss-Legendre rules with bisection for functions with kinks. Every result has an error
//! estimate.

use std::sync::LazyLock;

/// Beyond this the normal density (3e-39) matters only for functions that grow like exponentials.
pub(super) const REACH: f64 = 13.0;

/// The end of the integrals of such functions, where the density (1e-298) is about to underflow.
const FAR: f64 = 37.0;

/// The integral from [`REACH`] to here decides whether the tail is negligible.
const PROBE: f64 = 17.0;

/// Nodes and weights.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) nodes: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

/// The Gauss-Hermite rule of `n` nodes for the weight `e^(-z^2/2) / sqrt(2 pi)`, exact for
/// polynomials of degree `2n - 1`.
///
/// The nodes are the eigenvalues of the Jacobi matrix with off-diagonals `sqrt(k)` and a zero
/// diagonal (G. Golub and J. Welsch, "Calculation of Gauss quadrature rules", Math. Comp. 23,
/// 1969), found by bisection on the sign changes of its leading minors; the weight of a node is the
/// inverse of the sum of squares of the orthonormal polynomials there.
pub(super) fn gauss_hermite(n: usize) -> Rule {
    // The number of eigenvalues below x: negative pivots of the shifted matrix.
    let below = |x: f64| {
        let mut pivot = -x;
        let mut count = usize::from(pivot < 0.0);
        for k in 1..n {
            let safe = if pivot == 0.0 { f64::MIN_POSITIVE } else { pivot };
            pivot = -x - k as f64 / safe;
            count += usize::from(pivot < 0.0);
        }
        count
    };
    let reach = 2.0 * (n as f64).sqrt();
    let root = |i: usize| {
        let (mut low, mut high) = (-reach, reach);
        loop {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                return middle;
            }
            if below(middle) > i { high = middle } else { low = middle }
        }
    };
    // The rule is symmetric: half of the roots are enough.
    let mut nodes = vec![0.0; n];
    for i in 0..n / 2 {
        let x = root(n - 1 - i);
        (nodes[i], nodes[n - 1 - i]) = (-x, x);
    }
    let weight = |&x: &f64| {
        let (mut before, mut now) = (0.0, 1.0);
        let mut sum = 1.0;
        for k in 1..n {
            let next = (x * now - ((k - 1) as f64).sqrt() * before) / (k as f64).sqrt();
            (before, now) = (now, next);
            sum += now * now;
        }
        1.0 / sum
    };
    let weights = nodes.iter().map(weight).collect();
    Rule { nodes, weights }
}

/// The Gauss-Legendre rule of `n` nodes on `[-1, 1]`, by Newton's method on the Legendre
/// polynomial from the asymptotic places of its roots.
pub(super) fn gauss_legendre(n: usize) -> Rule {
    // The polynomial and its derivative, by the three-term recurrence.
    let legendre = |x: f64| {
        let (mut before, mut now) = (1.0, x);
        for k in 2..=n {
            let k = k as f64;
            (before, now) = (now, ((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k);
        }
        (now, n as f64 * (x * now - before) / (x * x - 1.0))
    };
    let mut rule = Rule::default();
    for i in 0..n {
        let mut x = -(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        for _ in 0..8 {
            let (value, slope) = legendre(x);
            x -= value / slope;
        }
        let slope = legendre(x).1;
        rule.nodes.push(x);
        rule.weights.push(2.0 / ((1.0 - x * x) * slope * slope));
    }
    rule
}

/// The Gauss-Hermite rules the expectations use, from the coarsest.
pub(super) static HERMITE: LazyLock<[Rule; 3]> = LazyLock::new(|| [32, 64, 128].map(gauss_hermite));

/// The rule on each panel of a composite rule.
static LEGENDRE: LazyLock<Rule> = LazyLock::new(|| gauss_legendre(16));

/// The density of the standard normal distribution.
pub(super) fn density(z: f64) -> f64 {
    const INVERSE_ROOT_TWO_PI: f64 = 0.398942280401432677939946059934;
    INVERSE_ROOT_TWO_PI * (-0.5 * z * z).exp()
}

/// Adds to `rule` the nodes of `[low, high]`, the normal density within the weights.
fn panel(low: f64, high: f64, rule: &mut Rule) {
    let (centre, half) = (f64::midpoint(low, high), 0.5 * (high - low));
    for (&x, &w) in LEGENDRE.nodes.iter().zip(&LEGENDRE.weights) {
        let z = centre + half * x;
        rule.nodes.push(z);
        rule.weights.push(half * w * density(z));
    }
}

/// The ends of panels of the width 1 at most over `-reach..=reach`, split at `breaks`.
fn panels(breaks: &[f64], reach: f64) -> Vec<f64> {
    let mut ends: Vec<f64> = (0..=2 * reach as usize).map(|i| i as f64 - reach).collect();
    ends.extend(breaks);
    ends.retain(|z| z.abs() <= reach);
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    ends
}

/// A composite rule for the standard normal distribution, split at `breaks`.
pub(super) fn composite(breaks: &[f64]) -> Rule {
    let mut rule = Rule::default();
    for ends in panels(breaks, REACH).windows(2) {
        panel(ends[0], ends[1], &mut rule);
    }
    rule
}

/// Points around which a function may change quickly, each with a sequence of points converging to
/// it.
fn graded(kinks: &[f64]) -> Vec<f64> {
    let mut breaks = Vec::new();
    for &kink in kinks.iter().chain(&[0.0]) {
        breaks.push(kink);
        for halvings in 1..=12 {
            let step = 0.5_f64.powi(halvings);
            breaks.extend([kink - step, kink + step]);
        }
    }
    breaks
}

/// Several expectations with their error estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate<const K: usize> {
    pub(super) values: [f64; K],
    /// The differences between two rules plus the truncated tail, relative to the larger of the
    /// value and 1; infinite if the integrand does not decay.
    pub(super) errors: [f64; K],
}

impl<const K: usize> Estimate<K> {
    /// The largest of the errors.
    fn error(&self) -> f64 {
        self.errors.into_iter().fold(0.0, f64::max)
    }
}

/// Integrands: functions that return the values of all `K` at each of the given points.
pub(super) type Integrands<'f, const K: usize, X> = dyn Fn(&[f64]) -> Result<Vec<[f64; K]>, X> + 'f;

fn sum<const K: usize>(weights: &[f64], values: &[[f64; K]]) -> [f64; K] {
    let mut sum = [0.0; K];
    for (w, values) in weights.iter().zip(values) {
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += w * value;
        }
    }
    sum
}

fn sum_of_sizes<const K: usize>(weights: &[f64], values: &[[f64; K]]) -> [f64; K] {
    let sizes: Vec<[f64; K]> = values.iter().map(|values| values.map(f64::abs)).collect();
    sum(weights, &sizes)
}

fn difference<const K: usize>(a: &[f64; K], b: &[f64; K], scale: &[f64; K]) -> [f64; K] {
    let relative = |i: usize| (a[i] - b[i]).abs() / scale[i].abs().max(1.0);
    // A NaN is no agreement.
    std::array::from_fn(relative).map(|d: f64| if d.is_nan() { f64::INFINITY } else { d })
}

fn largest<const K: usize>(a: [f64; K], b: [f64; K]) -> [f64; K] {
    std::array::from_fn(|k| a[k].max(b[k]))
}

/// `E[g(z)]` for `z ~ N(0, 1)` and each of the integrands.
///
/// Without kinks the Gauss-Hermite rules of 32, 64 and 128 nodes are tried in order, until two
/// agree to `tolerance` with each other and with a composite rule whose panels become narrow around
/// 0. Otherwise the line is split at the kinks, and every panel is bisected until the sum of its
/// halves agrees with it. If the tail beyond [`REACH`] is not negligible the integral extends to
/// [`FAR`], and an estimate of the tail beyond that is part of the error.
pub(super) fn expectation<const K: usize, X>(
    integrands: &Integrands<'_, K, X>,
    kinks: &[f64],
    tolerance: f64,
) -> Result<Estimate<K>, X> {
    let check = composite(&graded(&[]));
    let on_check = integrands(&check.nodes)?;
    let mut beyond = Rule::default();
    panel(-PROBE, -REACH, &mut beyond);
    panel(REACH, PROBE, &mut beyond);
    let tail = sum_of_sizes(&beyond.weights, &integrands(&beyond.nodes)?);
    let sizes = sum_of_sizes(&check.weights, &on_check);
    // A NaN is not negligible.
    if !(0..K).all(|k| tail[k] <= tolerance * sizes[k]) {
        return adaptive(integrands, kinks, tolerance, FAR);
    }
    if kinks.is_empty() {
        let mut last: Option<[f64; K]> = None;
        for rule in HERMITE.iter() {
            let values = sum(&rule.weights, &integrands(&rule.nodes)?);
            if let Some(last) = last.replace(values) {
                let between = difference(&last, &values, &values);
                let estimate = Estimate { values, errors: between };
                if estimate.error() <= tolerance {
                    let other = sum(&check.weights, &on_check);
                    let errors = largest(difference(&other, &values, &values), between);
                    let estimate = Estimate { values, errors };
                    if estimate.error() <= tolerance {
                        return Ok(estimate);
                    }
                    break;
                }
            }
        }
    }
    adaptive(integrands, kinks, tolerance, REACH)
}

/// The largest number of bisections: a panel is then 2^-50 wide.
const HALVINGS: usize = 50;

/// The largest number of unsettled panels: an integral that needs more does not exist.
const OPEN: usize = 2000;

/// The integrals of each integrand over each interval.
fn evaluate<const K: usize, X>(
    integrands: &Integrands<'_, K, X>,
    intervals: &[[f64; 2]],
) -> Result<Vec<[f64; K]>, X> {
    let order = LEGENDRE.nodes.len();
    let mut rule = Rule::default();
    for &[low, high] in intervals {
        panel(low, high, &mut rule);
    }
    let values = integrands(&rule.nodes)?;
    let parts = rule.weights.chunks_exact(order).zip(values.chunks_exact(order));
    Ok(parts.map(|(weights, values)| sum(weights, values)).collect())
}

/// The composite rule with halving, over `-reach..=reach`.
fn adaptive<const K: usize, X>(
    integrands: &Integrands<'_, K, X>,
    kinks: &[f64],
    tolerance: f64,
    reach: f64,
) -> Result<Estimate<K>, X> {
    let ends = panels(&graded(kinks), reach);
    let mut open: Vec<[f64; 2]> = ends.windows(2).map(|w| [w[0], w[1]]).collect();
    let mut coarse = evaluate(integrands, &open)?;
    let mut scale = [0.0; K];
    for part in &coarse {
        for (scale, part) in scale.iter_mut().zip(part) {
            *scale += part.abs();
        }
    }
    let share = tolerance / open.len() as f64;
    let mut total = [0.0; K];
    let mut errors = tail_bound(integrands, reach, tolerance, &scale)?;
    for round in 0..=HALVINGS {
        let last = round == HALVINGS || open.len() > OPEN;
        let halves: Vec<[f64; 2]> = open
            .iter()
            .flat_map(|&[low, high]| {
                let middle = f64::midpoint(low, high);
                [[low, middle], [middle, high]]
            })
            .collect();
        let fine = evaluate(integrands, &halves)?;
        let (mut next_open, mut next_coarse) = (Vec::new(), Vec::new());
        for (i, coarse) in coarse.iter().enumerate() {
            let pair = [fine[2 * i], fine[2 * i + 1]];
            let both: [f64; K] = std::array::from_fn(|k| pair[0][k] + pair[1][k]);
            let off = difference(coarse, &both, &scale);
            // Bisection does not make an infinite integral finite, and must not delay the others.
            let settled = |k: usize| off[k] <= share || !both[k].is_finite();
            if last || (0..K).all(settled) {
                for k in 0..K {
                    errors[k] += off[k];
                    total[k] += both[k];
                }
            } else {
                next_open.extend_from_slice(&halves[2 * i..2 * i + 2]);
                next_coarse.extend(pair);
            }
        }
        if next_open.is_empty() {
            break;
        }
        (open, coarse) = (next_open, next_coarse);
    }
    Ok(Estimate { values: total, errors })
}

/// A bound of the integral beyond `reach`, relative to the larger of the scale and 1, from the last
/// two panels at each end: a tail that decays faster than a geometric series is less than its sum.
fn tail_bound<const K: usize, X>(
    integrands: &Integrands<'_, K, X>,
    reach: f64,
    tolerance: f64,
    scale: &[f64; K],
) -> Result<[f64; K], X> {
    let mut errors = [0.0; K];
    for sign in [-1.0, 1.0] {
        let at = |z: f64| {
            let (a, b) = (sign * z, sign * (z + 1.0));
            [a.min(b), a.max(b)]
        };
        let parts = evaluate(integrands, &[at(reach - 2.0), at(reach - 1.0)])?;
        for k in 0..K {
            let (before, last) = (parts[0][k].abs(), parts[1][k].abs());
            if last <= tolerance * scale[k] && last.is_finite() {
                errors[k] += last / scale[k].max(1.0);
                continue;
            }
            let ratio = last / before;
            let rest = if ratio < 1.0 { last * ratio / (1.0 - ratio) } else { f64::INFINITY };
            errors[k] += rest / scale[k].max(1.0);
        }
    }
    Ok(errors.map(|error: f64| if error.is_nan() { f64::INFINITY } else { error }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// E[z^k] for even k: 1 * 3 * 5 ... (k - 1).
    fn double_factorial(k: u32) -> f64 {
        (1..k).step_by(2).map(f64::from).product()
    }

    #[test]
    fn hermite_rules_are_exact_for_polynomials() {
        for n in [1, 2, 3, 8, 32, 64, 128] {
            let rule = gauss_hermite(n);
            assert!(rule.nodes.is_sorted(), "{n}");
            for k in (0..(2 * n as u32).min(40)).step_by(2) {
                let moment: f64 =
                    rule.nodes.iter().zip(&rule.weights).map(|(z, w)| w * z.powi(k as i32)).sum();
                let want = double_factorial(k);
                assert!((moment / want - 1.0).abs() < 1e-12, "{n} nodes, z^{k}: {moment} {want}");
            }
        }
        // z^2n is the first power for which two nodes are not exact: E[z^4] = 3, and the rule gives
        // 1.
        let two = gauss_hermite(2);
        assert!((two.nodes[1] - 1.0).abs() < 1e-15 && (two.weights[0] - 0.5).abs() < 1e-15);
    }

    #[test]
    fn legendre_rules_are_exact_for_polynomials() {
        for n in [1, 2, 5, 16] {
            let rule = gauss_legendre(n);
            for k in 0..2 * n as i32 {
                let integral: f64 =
                    rule.nodes.iter().zip(&rule.weights).map(|(x, w)| w * x.powi(k)).sum();
                let want = if k % 2 == 0 { 2.0 / f64::from(k + 1) } else { 0.0 };
                assert!((integral - want).abs() < 1e-14, "{n} nodes, x^{k}: {integral} {want}");
            }
        }
    }

    fn one(f: impl Fn(f64) -> f64, kinks: &[f64]) -> Estimate<1> {
        let integrand = |z: &[f64]| -> Result<Vec<[f64; 1]>, Infallible> {
            Ok(z.iter().map(|&z| [f(z)]).collect())
        };
        let Ok(estimate) = expectation(&integrand, kinks, 1e-14);
        estimate
    }

    #[test]
    fn smooth_kinked_and_steep_integrands_are_within_their_error_estimates() {
        // E[cos z] = e^(-1/2), E[e^z] = e^(1/2), E|z - a| in closed form, E[z > a] = 1 - Phi(a),
        // E[(tanh(1000 z))^2] = 1 - 2 phi(0) / 1000 + O(1e-9).
        let at = 0.3;
        let phi_at_minus = 0.38208857781104733; // Phi(-0.3), by mpmath
        let absolute = 2.0 * density(at) + at * (1.0 - 2.0 * phi_at_minus);
        let cases = [
            (one(f64::cos, &[]), (-0.5_f64).exp(), 1e-14),
            (one(f64::exp, &[]), 0.5_f64.exp(), 1e-14),
            (one(|z| (z - at).abs(), &[at]), absolute, 1e-14),
            (one(|z| (z - at).abs(), &[]), absolute, 1e-13),
            (one(|z| f64::from(u8::from(z > at)), &[at]), phi_at_minus, 1e-14),
            (one(|z| f64::from(u8::from(z > at)), &[]), phi_at_minus, 1e-13),
            (one(|z| (1000.0 * z).tanh().powi(2), &[]), 1.0 - 2.0 * density(0.0) / 1000.0, 1e-8),
        ];
        for (i, (got, want, tolerance)) in cases.into_iter().enumerate() {
            let off = (got.values[0] - want).abs();
            assert!(off < tolerance, "{i}: {} {want}", got.values[0]);
            assert!(got.error() < 1e-12, "{i}: {}", got.error());
        }
        // An expectation that does not exist has a large error.
        assert!(one(|z| 1.0 / (z - at).powi(2), &[]).error() > 1e-3);
        assert_eq!(one(|_| f64::NAN, &[]).error(), f64::INFINITY);
        assert_eq!(one(|z| if z < -12.5 { f64::NAN } else { z }, &[0.0]).error(), f64::INFINITY);
    }

    #[test]
    fn expectations_dominated_by_the_tail_are_accurate_or_have_a_large_error() {
        // E[e^(a z)] = e^(a^2 / 2), E[e^(z^2 / a)] = (1 - 2/a)^(-1/2).
        for a in [10.0, 16.0, 18.0] {
            let got = one(|z| (a * z).exp(), &[]);
            let want = (0.5 * a * a).exp();
            assert!((got.values[0] / want - 1.0).abs() < 1e-11, "{a}: {} {want}", got.values[0]);
            assert!(got.error() < 1e-11, "{a}: {}", got.error());
        }
        let slow = one(|z| (z * z / 2.025).exp(), &[]);
        let off = (slow.values[0] / 9.0 - 1.0).abs();
        assert!(off < slow.error() && slow.error() < 1e-3, "{off} {}", slow.error());
        for a in [2.0, 1.9, 1.1] {
            assert_eq!(one(|z| (z * z / a).exp(), &[]).error(), f64::INFINITY, "{a}");
        }
    }
}
