//! Expectations over two correlated normal numbers.

use super::TheoryError;
use crate::init::nonlinearity::Nonlinearity;
use crate::init::quadrature::{HERMITE, Rule, composite};

/// `E[f(u) f(v)]` and `E[f'(u) f'(v)]` for normal `u`, `v` of variance `q` and correlation `c`.
#[derive(Clone, Copy, Debug)]
pub(in crate::init) struct Pair {
    pub(in crate::init) values: f64,
    pub(in crate::init) derivatives: f64,
}

/// The product rules are used for a smooth function if they agree to this.
const AGREEMENT: f64 = 1e-11;

/// The product of two Gauss-Hermite rules if two orders agree, otherwise nested composite rules
/// split at the kinks.
pub(super) fn pair(
    activation: &(impl Nonlinearity + ?Sized),
    q: f64,
    c: f64,
) -> Result<Pair, TheoryError> {
    if activation.kinks().is_empty() {
        let [coarse, fine, _] = &*HERMITE;
        let a = nested(activation, q, c, coarse, &|_| coarse.clone())?;
        let b = nested(activation, q, c, fine, &|_| fine.clone())?;
        let off = |a: f64, b: f64| (a - b).abs() / b.abs().max(1.0);
        if off(a.values, b.values).max(off(a.derivatives, b.derivatives)) < AGREEMENT {
            return Ok(b);
        }
    }
    let (root, rest) = (q.sqrt(), (1.0 - c * c).max(0.0).sqrt());
    let kinks: Vec<f64> = activation.kinks().iter().map(|kink| kink / root).collect();
    // As a function of the outer variable, the inner integral changes around each kink over a
    // length of `rest`: the panels grow with the distance from it.
    let mut breaks = vec![0.0];
    for &kink in &kinks {
        breaks.push(kink);
        for step in 0..12 {
            let reach = rest * f64::from(1 << step);
            for z in [kink / c - reach, kink / c, kink / c + reach] {
                if z.is_finite() && reach < 1.0 {
                    breaks.push(z);
                }
            }
        }
    }
    let outer = composite(&breaks);
    nested(activation, q, c, &outer, &|z| {
        let inner: Vec<f64> = kinks.iter().map(|kink| (kink - c * z) / rest).collect();
        composite(&inner)
    })
}

/// Computes [`pair`] by one product rule of 32 nodes in each variable: accurate to three digits at
/// kinks, and much faster.
pub(in crate::init) fn rough_pair(
    activation: &dyn Nonlinearity,
    q: f64,
    c: f64,
) -> Result<Pair, TheoryError> {
    nested(activation, q, c, &HERMITE[0], &|_| HERMITE[0].clone())
}

/// `u = sqrt(q) z`, `v = sqrt(q) (c z + sqrt(1 - c^2) y)`: a rule for `z`, and one for `y` at each.
fn nested(
    activation: &(impl Nonlinearity + ?Sized),
    q: f64,
    c: f64,
    outer: &Rule,
    inner: &dyn Fn(f64) -> Rule,
) -> Result<Pair, TheoryError> {
    let (root, rest) = (q.sqrt(), (1.0 - c * c).max(0.0).sqrt());
    let u: Vec<f64> = outer.nodes.iter().map(|z| root * z).collect();
    let at_u = activation.evaluate(&u)?;
    let rules: Vec<Rule> = outer.nodes.iter().map(|&z| inner(z)).collect();
    let each = outer.nodes.iter().zip(&rules);
    let v: Vec<f64> = each
        .flat_map(|(&z, rule)| rule.nodes.iter().map(move |y| root * (c * z + rest * y)))
        .collect();
    let at_v = activation.evaluate(&v)?;
    let mut pair = Pair { values: 0.0, derivatives: 0.0 };
    let mut start = 0;
    for (i, rule) in rules.iter().enumerate() {
        let end = start + rule.nodes.len();
        let mean = |values: &[f64]| -> f64 {
            values[start..end].iter().zip(&rule.weights).map(|(value, w)| value * w).sum()
        };
        pair.values += outer.weights[i] * at_u.values[i] * mean(&at_v.values);
        pair.derivatives += outer.weights[i] * at_u.derivatives[i] * mean(&at_v.derivatives);
        start = end;
    }
    Ok(pair)
}
