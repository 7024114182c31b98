//! The data sets that are part of the program; `data/README.md` states their sources and licences.

use std::io::Read;

use flate2::read::GzDecoder;

use super::data::Refused;
use super::draw::{Table, mean_sd};
use super::format_data::Shipped;
use crate::data::digits;

static IRIS: &str = include_str!("../../data/iris.csv");
static WINE: &str = include_str!("../../data/wine.csv");
static DIABETES: &str = include_str!("../../data/diabetes.csv");
static BREAST_CANCER: &[u8] = include_bytes!("../../data/breast-cancer.csv.gz");

/// The inputs and targets of a data set.
pub(super) fn load(name: Shipped) -> Result<(Table, Table), Refused> {
    match name {
        Shipped::Iris => parse(IRIS),
        Shipped::Wine => parse(WINE),
        Shipped::BreastCancer => {
            let mut text = String::new();
            GzDecoder::new(BREAST_CANCER)
                .read_to_string(&mut text)
                .map_err(|error| format!("the embedded data cannot be decompressed: {error}"))?;
            parse(&text)
        }
        Shipped::Diabetes => {
            let (mut x, y) = parse(DIABETES)?;
            // Each column has mean 0 and the sum of squares 1.
            x.each_column(|column| {
                let (mean, sd) = mean_sd(column);
                let norm = sd * (column.len() as f64).sqrt();
                for v in column {
                    *v = (*v - mean) / norm;
                }
            });
            Ok((x, y))
        }
        Shipped::Digits => {
            let set = digits();
            let x = set.pixels().iter().map(|&pixel| f64::from(pixel)).collect();
            let y = set.labels().iter().map(|&label| f64::from(label)).collect();
            Ok((Table::new(x, set.pixels_per_image())?, Table::column(y)))
        }
    }
}

/// Rows of numbers that are separated by commas, of which the last is the target.
fn parse(text: &str) -> Result<(Table, Table), Refused> {
    let (mut x, mut y, mut columns) = (Vec::new(), Vec::new(), 0);
    for line in text.lines() {
        let row = line.split(',').map(str::parse::<f64>).collect::<Result<Vec<_>, _>>();
        let row =
            row.map_err(|error| format!("the embedded data have the row `{line}`: {error}"))?;
        if let Some((&target, inputs)) = row.split_last() {
            columns = inputs.len();
            x.extend_from_slice(inputs);
            y.push(target);
        }
    }
    Ok((Table::new(x, columns)?, Table::column(y)))
}
