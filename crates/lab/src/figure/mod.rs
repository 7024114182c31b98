//! Figures as data, as they are serialized in `report.json`. [`draw`] renders them as SVG.

mod clip;
pub mod draw;

use serde::Serialize;

/// A figure of one or more charts.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The name in links; unique on a page.
    pub id: String,
    /// The title.
    pub title: String,
    /// A description in a few sentences.
    pub caption: String,
    /// The legend.
    pub legend: Vec<Key>,
    /// The charts.
    pub panels: Vec<Panel>,
}

/// An entry of a legend.
#[derive(Clone, Debug, Serialize)]
pub struct Key {
    /// The colour's number.
    pub colour: usize,
    /// The name of the series.
    pub name: String,
    /// The mark of the series.
    pub mark: Mark,
}

/// One chart.
#[derive(Clone, Debug, Serialize)]
pub struct Panel {
    /// The title of the chart among others of the figure.
    pub title: String,
    /// The chart.
    pub plot: Plot,
}

/// A kind of chart.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Plot {
    /// Curves and points in a plane.
    Plane(Plane),
    /// Distributions, one above the other.
    Ridges(Ridges),
    /// A number for each pair of a row and a column.
    Heat(Heat),
}

/// Curves and points.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plane {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The series; later ones are drawn over earlier ones.
    pub series: Vec<Series>,
    /// Ranges of x that are shaded.
    pub zones: Vec<[f64; 2]>,
}

/// An axis.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Axis {
    /// The quantity, with its unit.
    pub label: String,
    /// Whether the scale is logarithmic.
    pub logarithmic: bool,
    /// The ends; determined by the data if `None`.
    pub range: Option<[f64; 2]>,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A logarithmic axis.
    pub fn logarithmic(label: impl Into<String>) -> Self {
        Self { logarithmic: true, ..Self::linear(label) }
    }

    /// Sets the ends.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some([low, high]);
        self
    }
}

/// A series of points.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// The name in the legend; empty for none.
    pub name: String,
    /// The colour's number.
    pub colour: usize,
    /// The mark.
    pub mark: Mark,
    /// The points. Numbers that are not finite, or not positive on a logarithmic axis, are omitted.
    pub points: Vec<[f64; 2]>,
}

/// The mark of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A line: a curve, or many measurements.
    Line,
    /// A dashed line: a prediction of theory.
    Dashed,
    /// Dots: measurements.
    Dots,
    /// Dots connected by a line.
    DotsOnLine,
}

impl Series {
    /// A series.
    pub fn new(name: impl Into<String>, colour: usize, mark: Mark, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), colour, mark, points }
    }

    /// A series of values at 1, 2, ..
    pub fn numbered(
        name: impl Into<String>,
        colour: usize,
        mark: Mark,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let points = values.into_iter().enumerate().map(|(i, y)| [i as f64 + 1.0, y]).collect();
        Self::new(name, colour, mark, points)
    }
}

/// Distributions, the first at the top.
#[derive(Clone, Debug, Serialize)]
pub struct Ridges {
    /// The quantity.
    pub label: String,
    /// The smallest and the largest value shown.
    pub range: [f64; 2],
    /// The colour's number.
    pub colour: usize,
    /// For each distribution a name, and the fractions in equal bins of the range.
    pub rows: Vec<(String, Vec<f64>)>,
}

/// A number for each pair.
#[derive(Clone, Debug, Serialize)]
pub struct Heat {
    /// The names of the rows, from top to bottom.
    pub rows: Vec<String>,
    /// The names of the columns, from left to right.
    pub columns: Vec<String>,
    /// The colours of the cells, row by row, from 0 (pale) to 1 (strong).
    pub values: Vec<Vec<f64>>,
    /// The texts of the cells.
    pub texts: Vec<Vec<String>>,
}

impl Figure {
    /// A figure of one panel.
    pub fn one(
        id: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        plot: Plot,
    ) -> Self {
        Self::new(id, title, caption, vec![Panel { title: String::new(), plot }])
    }

    /// A figure. Its legend has the names of all series, each once.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        panels: Vec<Panel>,
    ) -> Self {
        let mut legend: Vec<Key> = Vec::new();
        for panel in &panels {
            if let Plot::Plane(plane) = &panel.plot {
                for Series { name, colour, mark, .. } in &plane.series {
                    if !name.is_empty() && legend.iter().all(|key| key.name != *name) {
                        legend.push(Key { colour: *colour, name: name.clone(), mark: *mark });
                    }
                }
            }
        }
        Self { id: id.into(), title: title.into(), caption: caption.into(), legend, panels }
    }
}

/// The fractions of values in `parts` equal bins of a range; values outside count for the
/// outermost.
pub fn histogram(values: impl IntoIterator<Item = f64>, range: [f64; 2], parts: usize) -> Vec<f64> {
    let mut counts = vec![0_usize; parts];
    let mut total = 0_usize;
    for value in values {
        let place = (value - range[0]) / (range[1] - range[0]) * parts as f64;
        counts[(place.max(0.0) as usize).min(parts - 1)] += 1;
        total += 1;
    }
    counts.into_iter().map(|count| count as f64 / total.max(1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_value_once() {
        let shares = histogram([-9.0, -1.0, -0.4, 0.0, 0.6, 1.0, 9.0, 0.1], [-1.0, 1.0], 4);
        assert_eq!(shares, [0.25, 0.125, 0.25, 0.375]);
    }

    #[test]
    fn a_legend_names_each_series_once() {
        let series = |name: &str| Series::new(name, 0, Mark::Line, vec![]);
        let plane = || {
            Plot::Plane(Plane {
                series: vec![series("a"), series(""), series("b")],
                ..Plane::default()
            })
        };
        let panels = ["x", "y"].map(|title| Panel { title: title.into(), plot: plane() });
        let figure = Figure::new("f", "", "", panels.into());
        let names: Vec<&str> = figure.legend.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
