//! Figures as data: what a chart shows, before it is drawn. They are in `report.json` as they are
//! here, and [`draw`] makes SVG of them.

mod clip;
pub mod draw;

use serde::Serialize;

/// A picture with its numbers: one panel, or several of a kind.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Its name in links; unique on a page.
    pub id: String,
    /// What is shown.
    pub title: String,
    /// What is to be seen in it, in a sentence or two; also its text for those who do not see it.
    pub caption: String,
    /// What the colours mean, by name.
    pub legend: Vec<Key>,
    /// The charts.
    pub panels: Vec<Panel>,
}

/// An entry of a legend.
#[derive(Clone, Debug, Serialize)]
pub struct Key {
    /// The colour's number.
    pub colour: usize,
    /// What has it.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
}

/// One chart.
#[derive(Clone, Debug, Serialize)]
pub struct Panel {
    /// What tells it from its neighbours.
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
    /// From left to right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// What is drawn, the first below.
    pub series: Vec<Series>,
    /// Ranges of x that are set off.
    pub zones: Vec<[f64; 2]>,
}

/// An axis.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Axis {
    /// What is measured, with its unit.
    pub label: String,
    /// Whether equal distances are equal factors.
    pub logarithmic: bool,
    /// Its ends; by the data if none are given.
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

    /// With these ends.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some([low, high]);
        self
    }
}

/// Points that belong together.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// What they are.
    pub name: String,
    /// The colour's number.
    pub colour: usize,
    /// How they are drawn.
    pub mark: Mark,
    /// The points. What is not finite, or not positive on a logarithmic axis, is left out.
    pub points: Vec<[f64; 2]>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A line: a curve, or measurements in close order.
    Line,
    /// A dashed line: what theory predicts.
    Dashed,
    /// Dots: what was measured.
    Dots,
    /// Dots on a line.
    DotsOnLine,
}

impl Series {
    /// A line.
    pub fn new(name: impl Into<String>, colour: usize, mark: Mark, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), colour, mark, points }
    }

    /// Values at 1, 2, ..
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
    /// What is distributed.
    pub label: String,
    /// The least and the largest value shown.
    pub range: [f64; 2],
    /// The colour's number.
    pub colour: usize,
    /// A name and the shares of equal parts of the range for each.
    pub rows: Vec<(String, Vec<f64>)>,
}

/// A number for each pair.
#[derive(Clone, Debug, Serialize)]
pub struct Heat {
    /// From top to bottom.
    pub rows: Vec<String>,
    /// From left to right.
    pub columns: Vec<String>,
    /// Row by row, from 0 (pale) to 1 (strong).
    pub values: Vec<Vec<f64>>,
    /// What is written on them.
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

    /// A figure; its legend is that of its series, each name once.
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

/// The shares of values in so many equal parts of a range; what is beyond counts to the outermost.
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
    fn a_histogram_counts_everything_once() {
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
