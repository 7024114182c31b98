//! Draws charts as SVG by `plotters`. Colours are variables of the page's style sheet, so that one
//! drawing is valid for a light and a dark page: placeholder colours are replaced by the variables.

use std::fmt::Write;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::clip::{is_inside, visible};
use super::{Axis, Heat, Mark, Panel, Plane, Plot, Ridges, Series};

/// The size of a chart, which the page scales.
const SIZE: (u32, u32) = (440, 300);

/// The size of a chart in a row of three or more, which are shown smaller; texts have the same
/// size.
const SMALL: (u32, u32) = (300, 220);

/// The number of colours of series.
pub const COLOURS: usize = 8;

/// The number of colours of a heat map.
const STEPS: usize = 10;

/// The families of placeholder colours, stored in green; blue is the number within the family.
const SERIES: u8 = 0;
const HEAT: u8 = 1;
const HEAT_TEXT: u8 = 2;
const PLAIN: u8 = 3;

fn colour(family: u8, number: usize) -> RGBColor {
    RGBColor(254, family, number as u8)
}

fn series_colour(number: usize) -> RGBColor {
    colour(SERIES, number % COLOURS)
}

const TEXT: RGBColor = RGBColor(254, PLAIN, 0);
const LINES: RGBColor = RGBColor(254, PLAIN, 1);
const FAINT: RGBColor = RGBColor(254, PLAIN, 2);
const SURFACE: RGBColor = RGBColor(254, PLAIN, 3);

/// The variable for a placeholder colour.
fn variable(family: u8, number: u8) -> String {
    match (family, number) {
        (SERIES, number) => format!("var(--series-{number})"),
        (HEAT, number) => format!("var(--heat-{number})"),
        (HEAT_TEXT, number) => format!("var(--heat-text-{number})"),
        (_, 0) => "currentColor".to_owned(),
        (_, 1) => "var(--axis)".to_owned(),
        (_, 2) => "var(--faint)".to_owned(),
        (..) => "var(--surface)".to_owned(),
    }
}

/// Draws a panel as an SVG element with a label for screen readers; `small` for one of several in a
/// row.
pub fn svg(panel: &Panel, label: &str, small: bool) -> String {
    let mut text = String::new();
    let size = match &panel.plot {
        Plot::Heat(heat) => (SIZE.0, 60 + 30 * heat.rows.len() as u32),
        _ if small => SMALL,
        _ => SIZE,
    };
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let drawn = match &panel.plot {
            Plot::Plane(plane) => draw_plane(&root, plane),
            Plot::Ridges(ridges) => draw_ridges(&root, ridges),
            Plot::Heat(heat) => draw_heat(&root, heat),
        };
        // Writing to a string does not fail.
        drawn.unwrap_or_else(|error| unreachable!("a chart could not be drawn: {error}"));
    }
    finish(&text, size, label)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Replaces the placeholder colours, and adds the label.
fn finish(text: &str, (width, height): (u32, u32), label: &str) -> String {
    let body = text.find("<svg").and_then(|start| {
        let open = start + text[start..].find('>')? + 1;
        Some(&text[open..])
    });
    let mut svg = format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"");
    for character in label.chars() {
        match character {
            '"' => svg.push_str("&quot;"),
            '&' => svg.push_str("&amp;"),
            '<' => svg.push_str("&lt;"),
            other => svg.push(other),
        }
    }
    svg.push_str("\">");
    let mut rest = body.unwrap_or_default();
    while let Some(place) = rest.find("#FE") {
        svg.push_str(&rest[..place]);
        let digits = |at: usize| u8::from_str_radix(rest.get(at..at + 2).unwrap_or(""), 16);
        match (digits(place + 3), digits(place + 5)) {
            (Ok(family), Ok(number)) => svg.push_str(&variable(family, number)),
            _ => svg.push_str(&rest[place..(place + 7).min(rest.len())]),
        }
        rest = &rest[(place + 7).min(rest.len())..];
    }
    svg.push_str(rest);
    // Line breaks between elements would be half of the bytes.
    svg.lines().collect::<Vec<_>>().concat()
}

/// The position of a value on its axis; `None` if the axis cannot show it.
fn place(axis: &Axis, value: f64) -> Option<f64> {
    let value = if axis.logarithmic { value.log10() } else { value };
    value.is_finite().then_some(value)
}

/// The ends of an axis.
fn ends(axis: &Axis, values: impl Iterator<Item = f64>) -> [f64; 2] {
    if let Some([low, high]) = axis.range {
        let at = |value| place(axis, value).unwrap_or(0.0);
        return [at(low), at(high)];
    }
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter_map(|value| place(axis, value)) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return [0.0, 1.0];
    }
    let margin = if high > low { 0.04 * (high - low) } else { 0.5 };
    [low - margin, high + margin]
}

/// The ticks of a logarithmic axis, as exponents of ten: at 1, 2 and 5 times a few powers,
/// otherwise at every power, or every second, fifth, ..
fn powers([low, high]: [f64; 2]) -> Vec<f64> {
    let decades = high - low;
    let (first, last) = (low.ceil() as i32, high.floor() as i32);
    if decades < 4.0 {
        let parts: &[f64] = if decades < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let all = (first - 1..=last)
            .flat_map(|power| parts.iter().map(move |part| f64::from(power) + part.log10()));
        return all.filter(|place| (low..=high).contains(place)).collect();
    }
    let every = [1, 2, 5, 10, 20, 50].into_iter().find(|&every| decades / f64::from(every) <= 6.0);
    let every = every.unwrap_or(100);
    (first..=last).filter(|power| power % every == 0).map(f64::from).collect()
}

/// The ticks of an axis.
fn marks(axis: &Axis, ends: [f64; 2]) -> Vec<f64> {
    if axis.logarithmic { powers(ends) } else { round_steps(ends) }
}

/// About six ticks at round numbers.
fn round_steps([low, high]: [f64; 2]) -> Vec<f64> {
    let rough = (high - low) / 6.0;
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/// The text of a tick.
fn tick(axis: &Axis, value: f64) -> String {
    if !axis.logarithmic {
        let value = (value * 1e6).round() / 1e6;
        return format!("{}", value + 0.0);
    }
    let exponent = value.round();
    if (value - exponent).abs() > 1e-6 {
        let number = 10.0_f64.powf(value);
        return if (1e-3..1e5).contains(&number) {
            crate::text::figure(number)
        } else {
            String::new()
        };
    }
    match exponent as i32 {
        exponent @ -2..=3 => format!("{}", 10.0_f64.powi(exponent)),
        exponent => {
            let mut text = String::from("10");
            if exponent < 0 {
                text.push('⁻');
            }
            let digits = exponent.unsigned_abs().to_string();
            text.extend(digits.bytes().map(|digit| SUPERSCRIPTS[usize::from(digit - b'0')]));
            text
        }
    }
}

fn style(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&TEXT)
}

fn draw_plane(root: &Area<'_>, plane: &Plane) -> Drawn {
    let all = |k: usize| plane.series.iter().flat_map(move |s| s.points.iter().map(move |p| p[k]));
    let (x, y) = (ends(&plane.x, all(0)), ends(&plane.y, all(1)));
    let left = if plane.y.label.is_empty() { 34 } else { 58 };
    let mut chart = ChartBuilder::on(root)
        .margin_top(10)
        .margin_right(14)
        .margin_bottom(4)
        .x_label_area_size(40)
        .y_label_area_size(left)
        .build_cartesian_2d(
            Marked::new(x, marks(&plane.x, x)),
            Marked::new(y, marks(&plane.y, y)),
        )?;
    for zone in &plane.zones {
        let [from, to] = [zone[0].max(x[0]), zone[1].min(x[1])];
        chart.draw_series([Rectangle::new([(from, y[0]), (to, y[1])], FAINT.filled())])?;
    }
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(LINES)
        .x_labels(7)
        .y_labels(6)
        .x_desc(plane.x.label.clone())
        .y_desc(plane.y.label.clone())
        .label_style(style(13))
        .axis_desc_style(style(13))
        .x_label_formatter(&|value| tick(&plane.x, *value))
        .y_label_formatter(&|value| tick(&plane.y, *value))
        .draw()?;
    for series in &plane.series {
        let points: Vec<(f64, f64)> = series
            .points
            .iter()
            .filter_map(|p| Some((place(&plane.x, p[0])?, place(&plane.y, p[1])?)))
            .collect();
        draw_series(&mut chart, series, &points, [x, y])?;
    }
    Ok(())
}

/// An axis with given ticks.
struct Marked {
    axis: RangedCoordf64,
    marks: Vec<f64>,
}

impl Marked {
    fn new([low, high]: [f64; 2], marks: Vec<f64>) -> Self {
        Self { axis: (low..high).into(), marks }
    }
}

impl Ranged for Marked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.axis.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { vec![] } else { self.marks.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.axis.range()
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Marked, Marked>>;

fn draw_series(
    chart: &mut Chart<'_, '_>,
    series: &Series,
    points: &[(f64, f64)],
    field: [[f64; 2]; 2],
) -> Drawn {
    let colour = series_colour(series.colour);
    let line = colour.stroke_width(2);
    match series.mark {
        Mark::Line | Mark::DotsOnLine => {
            for part in visible(points, field) {
                chart.draw_series(LineSeries::new(part, line))?;
            }
        }
        Mark::Dashed => {
            for part in visible(points, field) {
                chart.draw_series(DashedLineSeries::new(part, 6, 4, line))?;
            }
        }
        Mark::Dots => {}
    }
    let size = match (series.mark, points.len()) {
        (Mark::Line | Mark::Dashed, _) => return Ok(()),
        (Mark::Dots, 101..) => 1,
        // Large marks would hide a line under them.
        (Mark::Dots, 25..) | (Mark::DotsOnLine, 61..) => 2,
        _ => 3,
    };
    let seen = points.iter().filter(|&&p| is_inside(p, field));
    chart.draw_series(seen.map(|&p| Circle::new(p, size, colour.filled())))?;
    Ok(())
}

fn draw_ridges(root: &Area<'_>, ridges: &Ridges) -> Drawn {
    let count = ridges.rows.len() as f64;
    let [low, high] = ridges.range;
    let mut chart = ChartBuilder::on(root)
        .margin_top(8)
        .margin_right(14)
        .margin_bottom(4)
        .x_label_area_size(40)
        .y_label_area_size(58)
        .build_cartesian_2d(low..high, 0.0..count + 0.35)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(LINES)
        .x_labels(6)
        .y_labels(0)
        .x_desc(ridges.label.clone())
        .y_desc("layer")
        .label_style(style(13))
        .axis_desc_style(style(13))
        .draw()?;
    let colour = series_colour(ridges.colour);
    for (i, (name, shares)) in ridges.rows.iter().enumerate() {
        let base = count - 1.0 - i as f64;
        let most = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let part = (high - low) / shares.len() as f64;
        let mut outline = vec![(low, base)];
        for (k, share) in shares.iter().enumerate() {
            let top = base + 1.2 * share / most;
            outline.extend([(low + part * k as f64, top), (low + part * (k + 1) as f64, top)]);
        }
        outline.push((high, base));
        // Covers the ridges behind.
        chart.draw_series([Polygon::new(outline.clone(), SURFACE.filled())])?;
        chart.draw_series([Polygon::new(outline.clone(), colour.mix(0.35).filled())])?;
        chart.draw_series(LineSeries::new(outline, colour.stroke_width(1)))?;
        let (x, y) = chart.backend_coord(&(low, base));
        let style = style(13).pos(Pos::new(HPos::Right, VPos::Bottom));
        root.draw(&Text::new(name.clone(), (x - 6, y), style))?;
    }
    Ok(())
}

fn draw_heat(root: &Area<'_>, heat: &Heat) -> Drawn {
    const LEFT: i32 = 84;
    const TOP: i32 = 40;
    const HEIGHT: i32 = 30;
    let width = (SIZE.0 as i32 - LEFT - 4) / heat.columns.len() as i32;
    let centred = Pos::new(HPos::Center, VPos::Center);
    for (column, name) in heat.columns.iter().enumerate() {
        let x = LEFT + width * column as i32 + width / 2;
        // Names of two words have two lines.
        let words: Vec<&str> = name.split(' ').collect();
        for (line, word) in words.iter().enumerate() {
            let y = TOP - 10 - 14 * (words.len() - 1 - line) as i32;
            root.draw(&Text::new((*word).to_owned(), (x, y), style(12).pos(centred)))?;
        }
    }
    for (row, name) in heat.rows.iter().enumerate() {
        let y = TOP + HEIGHT * row as i32;
        let right = style(12).pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new(name.clone(), (LEFT - 8, y + HEIGHT / 2), right))?;
        for (column, (value, text)) in heat.values[row].iter().zip(&heat.texts[row]).enumerate() {
            let x = LEFT + width * column as i32;
            let step = ((value.clamp(0.0, 1.0) * STEPS as f64) as usize).min(STEPS - 1);
            let corners = [(x + 1, y + 1), (x + width - 1, y + HEIGHT - 1)];
            root.draw(&Rectangle::new(corners, colour(HEAT, step).filled()))?;
            let on = colour(HEAT_TEXT, usize::from(step >= STEPS / 2));
            // Cells are narrow: each word has a line.
            let words: Vec<&str> = text.split(' ').collect();
            for (line, word) in words.iter().enumerate() {
                let middle = y + HEIGHT / 2 - 6 * (words.len() as i32 - 1) + 12 * line as i32;
                let style = style(if words.len() > 1 { 11 } else { 12 }).pos(centred).color(&on);
                root.draw(&Text::new((*word).to_owned(), (x + width / 2, middle), style))?;
            }
        }
    }
    Ok(())
}

/// The values of the variables in the light or the dark scheme.
pub fn palette(dark: bool) -> String {
    let series = if dark {
        ["#6cb6ff", "#ffa657", "#56d4a0", "#f28cc4", "#d2a8ff", "#e3c65b", "#76d9e6", "#ff8f85"]
    } else {
        ["#0b5cad", "#b54708", "#0a7a55", "#a8246f", "#6b3fc0", "#7a5d00", "#0b7285", "#b42318"]
    };
    let mut text = String::new();
    for (i, value) in series.iter().enumerate() {
        let _ = write!(text, "--series-{i}:{value};");
    }
    // From the surface to a strong blue, in even steps of lightness.
    let (from, to) =
        if dark { ([38, 46, 60], [128, 200, 255]) } else { ([236, 241, 247], [10, 78, 150]) };
    for step in 0..STEPS {
        let part = step as f64 / (STEPS - 1) as f64;
        let mix = |k: usize| f64::from(from[k]) + part * (f64::from(to[k]) - f64::from(from[k]));
        let _ = write!(text, "--heat-{step}:rgb({:.0} {:.0} {:.0});", mix(0), mix(1), mix(2));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(y: Axis, points: Vec<[f64; 2]>, mark: Mark) -> Panel {
        let series = vec![Series::new("s", 3, mark, points)];
        let x = Axis::linear("x & y");
        Panel {
            title: String::new(),
            plot: Plot::Plane(Plane { x, y, series, zones: vec![[0.0, 1.0]] }),
        }
    }

    #[test]
    fn placeholder_colours_are_replaced_by_variables() {
        for mark in [Mark::Line, Mark::Dashed, Mark::Dots, Mark::DotsOnLine] {
            let panel = plane(Axis::linear("y"), vec![[0.0, 1.0], [1.0, 3.0], [2.0, 2.0]], mark);
            let svg = svg(&panel, "a \"chart\" <of> x & y", false);
            assert!(svg.starts_with("<svg viewBox=\"0 0 440 300\" role=\"img\""), "{svg}");
            assert!(svg.contains("aria-label=\"a &quot;chart&quot; &lt;of> x &amp; y\""), "{svg}");
            assert!(svg.contains("var(--series-3)") && svg.ends_with("</svg>"), "{svg}");
            assert!(!svg.contains("#FE") && !svg.contains("http"), "{svg}");
        }
    }

    #[test]
    fn values_that_an_axis_cannot_show_are_omitted() {
        let points =
            vec![[0.0, 0.0], [1.0, f64::NAN], [2.0, 1e-3], [3.0, f64::INFINITY], [4.0, 10.0]];
        let svg = svg(&plane(Axis::logarithmic("y"), points, Mark::Dots), "", false);
        assert_eq!(svg.matches("<circle").count(), 2, "{svg}");
        let empty = svg.len();
        assert!(empty > 100);
        for points in [vec![], vec![[1.0, 1.0]], vec![[f64::NAN, f64::NAN]]] {
            for axis in [Axis::linear("y"), Axis::logarithmic("y")] {
                let panel = plane(axis, points.clone(), Mark::Line);
                assert!(super::svg(&panel, "", true).contains("<svg"));
            }
        }
    }

    #[test]
    fn ticks_are_at_round_numbers() {
        let values = |ends: [f64; 2]| -> Vec<String> {
            let log = Axis::logarithmic("");
            powers(ends).into_iter().map(|place| tick(&log, place)).collect()
        };
        assert_eq!(values([-1.8, 0.1]), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(values([1.6, 3.4]), ["50", "100", "200", "500", "1000", "2000"]);
        assert_eq!(values([-1.1, 2.5]), ["0.1", "1", "10", "100"]);
        assert_eq!(values([-26.0, 1.0]), ["10⁻²⁵", "10⁻²⁰", "10⁻¹⁵", "10⁻¹⁰", "10⁻⁵", "1"]);
        let close = |ends, expected: &[f64]| {
            let marks = round_steps(ends);
            assert_eq!(marks.len(), expected.len(), "{marks:?}");
            assert!(marks.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{marks:?}");
        };
        close([0.0, 1.0], &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        close([-2.0, 2.5], &[-2.0, -1.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn ticks_are_short() {
        let log = Axis::logarithmic("");
        let texts = [-12.0, -2.0, 0.0, 3.0, 5.0, 0.5].map(|value| tick(&log, value));
        assert_eq!(texts, ["10⁻¹²", "0.01", "1", "1000", "10⁵", "3.16"]);
        let linear = [-0.0, 0.30000000000000004, 20.0].map(|value| tick(&Axis::linear(""), value));
        assert_eq!(linear, ["0", "0.3", "20"]);
    }
}
