//! Clips lines to the field of a chart.

/// A point of a chart.
type Point = (f64, f64);

/// The ranges of x and y.
type Field = [[f64; 2]; 2];

/// Whether a point is within the field.
pub(super) fn is_inside((px, py): Point, [x, y]: Field) -> bool {
    (x[0]..=x[1]).contains(&px) && (y[0]..=y[1]).contains(&py)
}

/// The parts of a line within the field. The line ends at the edge of the field, and is not
/// continued along it.
pub(super) fn visible(points: &[Point], field: Field) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = Vec::new();
    let mut end = None;
    for pair in points.windows(2) {
        let Some((from, to)) = cut(pair[0], pair[1], field) else { continue };
        match parts.last_mut() {
            Some(part) if end == Some(from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
        end = Some(to);
    }
    parts
}

/// The part of a segment within the field (Y.-D. Liang and B. Barsky, "A new concept and method
/// for line clipping", 1984).
fn cut(from: Point, to: Point, [x, y]: Field) -> Option<(Point, Point)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (step, room) in
        [(-dx, from.0 - x[0]), (dx, x[1] - from.0), (-dy, from.1 - y[0]), (dy, y[1] - from.1)]
    {
        if step < 0.0 {
            enter = enter.max(room / step);
        } else if step > 0.0 {
            leave = leave.min(room / step);
        } else if room < 0.0 {
            return None;
        }
    }
    let at = |part: f64| match part {
        0.0 => from,
        1.0 => to,
        part => (from.0 + part * dx, from.1 + part * dy),
    };
    (enter <= leave).then(|| (at(enter), at(leave)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_it_leaves_the_field() {
        let field = [[0.0, 4.0], [-1.0, 1.0]];
        let points = [(0.0, 0.0), (1.0, 2.0), (2.0, 2.0), (3.0, 0.0), (4.0, 0.5), (6.0, 0.5)];
        let parts = visible(&points, field);
        assert_eq!(
            parts,
            [vec![(0.0, 0.0), (0.5, 1.0)], vec![(2.5, 1.0), (3.0, 0.0), (4.0, 0.5), (4.0, 0.5)]]
        );
        assert!(visible(&[(0.0, 2.0), (4.0, 2.0)], field).is_empty());
    }
}
