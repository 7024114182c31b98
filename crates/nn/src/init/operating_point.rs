//! Selects the point on the edge of chaos for a network of a given depth.

use super::nonlinearity::Nonlinearity;
use super::theory::{CriticalPoint, TheoryError, edge_of_chaos, rough_pair};

/// The selected variance of a layer's pre-activations.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperatingPoint {
    pub(super) point: CriticalPoint,
    /// The correlation of two initially uncorrelated inputs after all layers.
    pub(super) correlation: f64,
}

/// The candidate variances: from nearly linear to strongly saturating, including 1.
fn variances() -> impl Iterator<Item = f64> {
    (-24..=14).map(|i| 10.0_f64.powf(f64::from(i) / 12.0))
}

/// Up to this correlation two inputs count as distinguishable, and a variance near 1 is preferred.
const DISTINCT: f64 = 0.75;

/// The largest growth of a deviation of the variance over the whole depth.
const DRIFT: f64 = 1.5;

/// Of the points on the edge of chaos whose variance is stable over the depth, the one nearest to
/// unit variance at which two uncorrelated inputs remain distinguishable after all layers; if there
/// is none, the one with the smallest correlation. `None` if no candidate variance is on the edge.
///
/// Gradients keep their variance at every point of the edge. At small variance an activation is
/// more linear: correlations converge more slowly (as `2 / (l q sigma_w^2 E[f''^2])` after `l`
/// layers), and the network is less expressive.
pub(super) fn operating_point(
    activation: &dyn Nonlinearity,
    depth: usize,
    bias: bool,
) -> Result<Option<OperatingPoint>, TheoryError> {
    let edge = edge_of_chaos(activation);
    let mut points = Vec::new();
    for q in variances() {
        match edge.at_variance(q) {
            // A rapidly growing function may have finite expectations at small variances only.
            Err(TheoryError::NotFinite { .. } | TheoryError::Unresolved { .. }) => {}
            point => points.extend(point?),
        }
    }
    if !bias {
        // Without a bias only points with sigma_b = 0, or nearly so, can be realized.
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

/// The correlation of two initially uncorrelated inputs after `depth` layers.
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
