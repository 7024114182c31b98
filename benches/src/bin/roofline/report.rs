//! The printed report: a row for each case.

use std::collections::BTreeMap;

use serde::Serialize;

/// The result of a case.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) case: String,
    pub(crate) dtype: &'static str,
    pub(crate) level: &'static str,
    pub(crate) threads: usize,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The value as a share of the limit that applies.
    pub(crate) of_roof: f64,
    /// The values of other implementations on the same data, in the same unit.
    pub(crate) peers: BTreeMap<&'static str, f64>,
}

/// The table's heading.
pub(crate) fn heading() -> String {
    format!("{:<46} {:>5} {:>10} {:<8} {:>7}  peers", "case", "dtype", "value", "unit", "of roof")
}

impl Row {
    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let peers: Vec<String> =
            self.peers.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        format!(
            "{:<46} {:>5} {:>10.3} {:<8} {:>7.2}  {}",
            format!("{}/{}", self.group, self.case),
            self.dtype,
            self.value,
            self.unit,
            self.of_roof,
            peers.join(", ")
        )
    }
}
