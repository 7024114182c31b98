//! [`History`]: the metrics of every epoch.

use std::fmt::Write as _;
use std::path::Path;

use wengert_autodiff::Tensor;

use crate::state::{State, StateError, Stateful};

/// The metrics of every epoch, one row for each.
///
/// ```
/// use wengert_nn::train::History;
/// let mut history = History::default();
/// history.push(&[("loss", 0.5), ("accuracy", 0.9)]);
/// history.push(&[("loss", 0.25)]);
/// assert_eq!(history.to_csv(), "loss,accuracy\n0.5,0.9\n0.25,\n");
/// assert_eq!(history.to_json(), r#"[{"loss":0.5,"accuracy":0.9},{"loss":0.25}]"#);
/// assert_eq!(history.last("accuracy"), Some(0.9));
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    names: Vec<String>,
    /// A number for each name; NaN if the epoch has no such metric.
    rows: Vec<Vec<f64>>,
}

impl History {
    /// Adds an epoch.
    pub fn push(&mut self, metrics: &[(&str, f64)]) {
        let mut row = vec![f64::NAN; self.names.len()];
        for &(name, value) in metrics {
            if let Some(place) = self.names.iter().position(|other| other == name) {
                row[place] = value;
            } else {
                self.names.push(name.to_owned());
                row.push(value);
            }
        }
        self.rows.push(row);
    }

    /// The names of the metrics, in the order of their first occurrence.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of epochs.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no epochs.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The values of a metric; NaN for an epoch without it.
    pub fn values(&self, name: &str) -> Vec<f64> {
        let Some(place) = self.names.iter().position(|other| other == name) else {
            return Vec::new();
        };
        self.rows.iter().map(|row| row.get(place).copied().unwrap_or(f64::NAN)).collect()
    }

    /// The last value of a metric that is not NaN.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.values(name).into_iter().rev().find(|value| !value.is_nan())
    }

    /// CSV: a line of names, then a line for each epoch; a cell is empty where an epoch has no
    /// value.
    pub fn to_csv(&self) -> String {
        let quoted = |name: &String| {
            if name.contains(['"', ',', '\n', '\r']) {
                format!("\"{}\"", name.replace('"', "\"\""))
            } else {
                name.clone()
            }
        };
        let mut text = self.names.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n";
        for row in &self.rows {
            let cell = |place: usize| match row.get(place) {
                Some(value) if !value.is_nan() => value.to_string(),
                _ => String::new(),
            };
            text += &((0..self.names.len()).map(cell).collect::<Vec<_>>().join(",") + "\n");
        }
        text
    }

    /// JSON: an array of objects, one for each epoch. A number that JSON does not have (infinity)
    /// is `null`.
    pub fn to_json(&self) -> String {
        let mut text = "[".to_owned();
        for (epoch, row) in self.rows.iter().enumerate() {
            text += if epoch == 0 { "{" } else { ",{" };
            let known = self.names.iter().zip(row).filter(|(_, value)| !value.is_nan());
            for (place, (name, value)) in known.enumerate() {
                text += if place == 0 { "\"" } else { ",\"" };
                escape(name, &mut text);
                text += "\":";
                text += &if value.is_finite() { value.to_string() } else { "null".to_owned() };
            }
            text += "}";
        }
        text + "]"
    }

    /// Writes [`to_json`](Self::to_json) to a file whose name ends in `.json`, else
    /// [`to_csv`](Self::to_csv).
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        let path = path.as_ref();
        let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        std::fs::write(path, if json { self.to_json() } else { self.to_csv() })
    }
}

/// Appends a text to `text`, escaped for a JSON string.
fn escape(name: &str, text: &mut String) {
    for character in name.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
}

/// Saves and loads all epochs.
impl Stateful for History {
    fn state(&self) -> State {
        let mut state = State::new();
        state.insert_text("names", self.names.join("\n"));
        let shape = [self.rows.len(), self.names.len()];
        state.insert_integers("shape", shape.map(|size| size as u64));
        let value = |i: &[usize]| self.rows[i[0]].get(i[1]).copied().unwrap_or(f64::NAN);
        state.insert_tensor("values", &Tensor::<f64>::from_fn(shape, value));
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let text = state.text("names")?;
        let names: Vec<String> = if text.is_empty() {
            Vec::new()
        } else {
            text.split('\n').map(str::to_owned).collect()
        };
        let rows = state.integers("shape", 2)?[0] as usize;
        let values = state.tensor::<f64>("values", &[rows, names.len()].into())?.into_vec();
        state.only(|name| ["names", "shape", "values"].contains(&name))?;
        self.rows = if names.is_empty() {
            Vec::new()
        } else {
            values.chunks(names.len()).map(<[f64]>::to_vec).collect()
        };
        self.names = names;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_values_come_back() {
        let mut history = History::default();
        history.push(&[("a,\"b\"", 1.0), ("tab\t\\", f64::INFINITY)]);
        history.push(&[("later", -0.125)]);
        assert_eq!(history.to_csv(), "\"a,\"\"b\"\"\",tab\t\\,later\n1,inf,\n,,-0.125\n");
        let json = history.to_json();
        assert_eq!(json, r#"[{"a,\"b\"":1,"tab\u0009\\":null},{"later":-0.125}]"#);
        let mut other = History::default();
        other.push(&[("x", 1.0)]);
        other.load_state(&history.state()).unwrap();
        assert_eq!((other.to_csv(), other.len()), (history.to_csv(), 2));
        other.load_state(&History::default().state()).unwrap();
        assert!(other.is_empty() && other.names().is_empty());
        assert!(other.last("x").is_none());
    }

    #[test]
    fn the_name_of_the_file_says_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::default();
        history.push(&[("loss", 1.5)]);
        for (name, text) in [("a.json", "[{\"loss\":1.5}]"), ("a.csv", "loss\n1.5\n")] {
            let path = folder.path().join(name);
            history.save(&path).unwrap();
            assert_eq!(std::fs::read_to_string(path).unwrap(), text);
        }
    }
}
