//! A step length along a direction that satisfies the strong Wolfe conditions.

/// The loss at a step length.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// The step length.
    pub(super) length: f64,
    pub(super) loss: f64,
    /// The derivative of the loss by the length.
    pub(super) slope: f64,
    pub(super) gradient: Vec<f64>,
}

/// The loss must fall by this fraction of the decrease that the first slope predicts.
const DECREASE: f64 = 1e-4;
/// The slope must fall to this fraction of the first slope.
const CURVATURE: f64 = 0.9;

/// Returns a point along a descent direction at which the loss has fallen enough and the slope is
/// flat enough (the strong Wolfe conditions), or the lowest point found within `evaluations`
/// evaluations, which may be the start. The first length that is tried is `first`.
///
/// Source: J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition, 2006, algorithms 3.5
/// and 3.6, with the interpolation of formula 3.59.
pub(super) fn strong_wolfe(
    start: &Point,
    first: f64,
    evaluations: usize,
    mut at: impl FnMut(f64) -> Point,
) -> Point {
    let limit = |length: f64| start.loss + DECREASE * length * start.slope;
    let flat = |point: &Point| point.slope.abs() <= -CURVATURE * start.slope;
    let (mut low, mut length) = (start.clone(), first);
    let mut bracket = None;
    let mut left = evaluations;
    while left > 0 {
        left -= 1;
        let point = at(length);
        // A loss of NaN is not a decrease.
        let fallen = point.loss <= limit(length) && (low.length == 0.0 || point.loss < low.loss);
        if !fallen {
            bracket = Some((low.clone(), point));
            break;
        }
        if flat(&point) {
            return point;
        }
        if point.slope >= 0.0 {
            bracket = Some((point.clone(), low));
            low = point;
            break;
        }
        length *= 2.0;
        low = point;
    }
    let Some((mut low, mut high)) = bracket else { return low };
    while left > 0 {
        left -= 1;
        let length = between(&low, &high);
        if length == low.length || length == high.length {
            break;
        }
        let point = at(length);
        let fallen = point.loss <= limit(length) && point.loss < low.loss;
        if !fallen {
            high = point;
            continue;
        }
        if flat(&point) {
            return point;
        }
        if point.slope * (high.length - low.length) >= 0.0 {
            high = low;
        }
        low = point;
    }
    low
}

/// The minimum of the cubic through the losses and slopes of two points, at least a tenth of the
/// interval away from its ends; the middle of the interval if the cubic has no minimum.
fn between(a: &Point, b: &Point) -> f64 {
    let width = b.length - a.length;
    let secant = a.slope + b.slope - 3.0 * (b.loss - a.loss) / width;
    let root = (secant * secant - a.slope * b.slope).sqrt().copysign(width);
    let share = 1.0 - (b.slope + root - secant) / (b.slope - a.slope + 2.0 * root);
    let share = if share.is_finite() { share.clamp(0.1, 0.9) } else { 0.5 };
    a.length + share * width
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Losses of one weight, from 0, whose first slope is negative.
    fn search(loss: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64, first: f64) -> Point {
        let at = |length: f64| Point {
            length,
            loss: loss(length),
            slope: slope(length),
            gradient: vec![slope(length)],
        };
        strong_wolfe(&at(0.0), first, 25, at)
    }

    #[test]
    fn the_conditions_hold_at_the_point_found() {
        type Curve = fn(f64) -> f64;
        let curves: [(Curve, Curve); 3] = [
            (|t| (t - 3.0).powi(2), |t| 2.0 * (t - 3.0)),
            (|t| (t - 1.0).powi(4) - t, |t| 4.0 * (t - 1.0).powi(3) - 1.0),
            (|t| -(-t).exp() * t, |t| (-t).exp() * (t - 1.0)),
        ];
        for (loss, slope) in curves {
            for first in [1e-3, 0.1, 1.0, 10.0, 1e4] {
                let found = search(loss, slope, first);
                let enough = loss(0.0) + DECREASE * found.length * slope(0.0);
                assert!(found.length > 0.0 && found.loss <= enough, "{first}: {found:?}");
                assert!(found.slope.abs() <= -CURVATURE * slope(0.0), "{first}: {found:?}");
            }
        }
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_walked_away_from() {
        let cliff = |t: f64| if t > 2.0 { f64::NAN } else { (t - 1.0).powi(2) };
        let found = search(cliff, |t| if t > 2.0 { f64::NAN } else { 2.0 * (t - 1.0) }, 64.0);
        assert!(found.loss < 1.0 && found.length > 0.0, "{found:?}");
    }

    #[test]
    fn where_nothing_is_lower_the_start_is_kept() {
        let found = search(f64::abs, |_| -1.0, 1.0);
        assert_eq!((found.length, found.loss), (0.0, 0.0));
    }
}
