//! Which point of the edge of chaos suits a network of a given depth.

use super::nonlinearity::Nonlinearity;
use super::theory::{CriticalPoint, TheoryError, edge_of_chaos, rough_pair};

/// Where a layer's pre-activations are to be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperatingPoint {
    pub(super) point: CriticalPoint,
    /// The correlation that two unrelated inputs have reached after the network's depth.
    pub(super) correlation: f64,
}

/// Variances that are looked at: from nearly linear to strongly saturating, 1 among them.
fn variances() -> impl Iterator<Item = f64> {
    (-24..=14).map(|i| 10.0_f64.powf(f64::from(i) / 12.0))
}

/// Unrelated inputs may come this close before depth is paid for with nonlinearity.
const DISTINCT: f64 = 0.75;

/// Over the whole depth a deviation of the variance may grow by this factor.
const DRIFT: f64 = 1.5;

/// Of the points of the edge of chaos whose variance is stable over the depth, the one nearest to
/// unit variance at which two unrelated inputs are still told apart after that many layers; if
/// there is none such, the one that keeps them best. `None` if the edge has no point within reach.
///
/// On the edge gradients keep their variance, whichever point is chosen. Towards small variance
/// an activation is more linear: correlations converge more slowly (by `2 / (l q sigma_w^2
/// E[f''^2])` after `l` layers), and the network does less.
pub(super) fn operating_point(
    activation: &dyn Nonlinearity,
    depth: usize,
    bias: bool,
) -> Result<Option<OperatingPoint>, TheoryError> {
    let edge = edge_of_chaos(activation);
    let mut points = Vec::new();
    for q in variances() {
        match edge.at_variance(q) {
            // A function that grows quickly may have a point at small variances only.
            Err(TheoryError::NotFinite { .. } | TheoryError::Unresolved { .. }) => {}
            point => points.extend(point?),
        }
    }
    if !bias {
        // Without a bias only the silent end of the edge can be had, or all of it if none is asked
        // for.
        let bound = |point: &CriticalPoint| point.sigma_b.powi(2) <= 0.05 * point.q;
        points.retain(bound);
    }
    let drift = |point: &CriticalPoint| point.chi_q.max(0.0).powi(depth as i32);
    let steadiest = points.iter().map(drift).fold(f64::INFINITY, f64::min);
    points.retain(|point| drift(point) <= steadiest.max(DRIFT));
    let mut candidates = Vec::new();
    for point in points {
        let correlation = correlation(activation, &point, depth)?;
        candidates.push(OperatingPoint { point, correlation });
    }
    let score = |candidate: &OperatingPoint| candidate.correlation.max(DISTINCT);
    let best = candidates.iter().map(score).fold(f64::INFINITY, f64::min);
    let distance = |candidate: &OperatingPoint| candidate.point.q.ln().abs();
    candidates.retain(|candidate| score(candidate) <= best + 0.01);
    Ok(candidates.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b))))
}

/// The correlation of two inputs that begin with none, after `depth` layers.
fn correlation(
    activation: &dyn Nonlinearity,
    point: &CriticalPoint,
    depth: usize,
) -> Result<f64, TheoryError> {
    let (w, b, q) = (point.sigma_w.powi(2), point.sigma_b.powi(2), point.q);
    let length = w * rough_pair(activation, q, 1.0)?.values + b;
    let mut c: f64 = 0.0;
    for _ in 0..depth {
        c = ((w * rough_pair(activation, q, c)?.values + b) / length).clamp(-1.0, 1.0);
    }
    Ok(c)
}
