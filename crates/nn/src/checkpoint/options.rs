//! Options for loading a model from a file, and the report of the result.

use std::fmt;

use wengert_autodiff::Shape;

use crate::pattern::matches;

/// How the entries of a file are matched with the parameters and buffers of a model.
///
/// By default every parameter and buffer must be in the file, under its path and in its shape, and
/// the file must hold nothing else.
///
/// ```
/// use wengert_nn::checkpoint::LoadOptions;
/// // A backbone from PyTorch, under other names, with another head.
/// let options = LoadOptions::pytorch()
///     .skip("fc.*")
///     .rename(|name| name.replace("backbone.", "encoder."))
///     .lenient();
/// assert_eq!(options.name_of("backbone.0.weight").as_deref(), Some("encoder.0.weight"));
/// assert_eq!(options.name_of("fc.weight"), None);
/// ```
#[derive(Default)]
pub struct LoadOptions {
    lenient: bool,
    skip: Vec<String>,
    rename: Vec<Box<Rename>>,
    transpose: Vec<String>,
}

impl LoadOptions {
    /// Creates the default options: all entries must fit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates options for files saved by PyTorch, whose layouts are the same: skips the counters
    /// `num_batches_tracked` of batch normalization.
    pub fn pytorch() -> Self {
        Self::new().skip("*num_batches_tracked")
    }

    /// Loads the entries that fit, and lists the others in the report instead of failing.
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Skips the entries of the file whose name matches the pattern, in which `*` stands for any
    /// characters.
    pub fn skip(mut self, pattern: &str) -> Self {
        self.skip.push(pattern.to_owned());
        self
    }

    /// Maps names in the file to paths in the model. Several maps are applied one after another.
    pub fn rename(mut self, map: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.rename.push(Box::new(map));
        self
    }

    /// Exchanges the last two axes of the entries whose name in the file matches the pattern, for
    /// weights that were saved as `[in, out]`.
    pub fn transpose(mut self, pattern: &str) -> Self {
        self.transpose.push(pattern.to_owned());
        self
    }

    /// The path in the model of an entry of the file; `None` if the entry is skipped.
    pub fn name_of(&self, name: &str) -> Option<String> {
        if self.skip.iter().any(|pattern| matches(pattern, name)) {
            return None;
        }
        Some(self.rename.iter().fold(name.to_owned(), |name, map| map(&name)))
    }

    pub(super) fn is_lenient(&self) -> bool {
        self.lenient
    }

    pub(super) fn is_transposed(&self, name: &str) -> bool {
        self.transpose.iter().any(|pattern| matches(pattern, name))
    }
}

impl fmt::Debug for LoadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions")
            .field("lenient", &self.lenient)
            .field("skip", &self.skip)
            .field("rename", &format_args!("{} maps", self.rename.len()))
            .field("transpose", &self.transpose)
            .finish()
    }
}

type Rename = dyn Fn(&str) -> String + Send + Sync;

/// The result of loading a model from a file. `Display` describes what does not fit.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LoadReport {
    /// The paths of the parameters and buffers that were loaded.
    pub loaded: Vec<String>,
    /// The paths of the parameters and buffers that are missing in the file.
    pub missing: Vec<String>,
    /// The names of the entries of the file that have no parameter or buffer in the model.
    pub unexpected: Vec<String>,
    /// The parameters and buffers whose shape or type differs in the file.
    pub misfits: Vec<Misfit>,
}

/// An entry that cannot be loaded into the parameter or buffer of its name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Misfit {
    /// The path in the model.
    pub path: String,
    /// The shape in the model.
    pub expected: Shape,
    /// The shape in the file.
    pub found: Shape,
    /// The element type in the file, if it is not a floating-point type.
    pub element: Option<String>,
}

impl LoadReport {
    /// Whether the file and the model have the same entries, in the same shapes.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misfits.is_empty()
    }
}

/// The number of names and misfits that are displayed of a longer list.
const SHOWN: usize = 6;

fn list(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    for (i, name) in names.iter().take(SHOWN).enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(f, "{comma}{name:?}")?;
    }
    if names.len() > SHOWN {
        write!(f, " and {} more", names.len() - SHOWN)?;
    }
    Ok(())
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut join = "";
        if !self.missing.is_empty() {
            f.write_str("the file has no ")?;
            list(f, &self.missing)?;
            join = "; ";
        }
        if !self.unexpected.is_empty() {
            write!(f, "{join}the model has no ")?;
            list(f, &self.unexpected)?;
            join = "; ";
        }
        for Misfit { path, expected, found, element } in self.misfits.iter().take(SHOWN) {
            match element {
                Some(element) => write!(
                    f,
                    "{join}{path:?} holds {element}, where F64, F32, F16 or BF16 was expected"
                )?,
                None => write!(
                    f,
                    "{join}{path:?} has shape {found} in the file and {expected} in the model"
                )?,
            }
            join = "; ";
        }
        if self.misfits.len() > SHOWN {
            write!(f, "; {} more do not fit", self.misfits.len() - SHOWN)?;
        }
        if !self.unexpected.is_empty() && self.unexpected.iter().all(|name| name.contains('/')) {
            // Only the parts of a training run have a slash in their names.
            f.write_str(
                "; this is the file of a training run: load it with a `Checkpoint` of the same \
                 parts, or its model alone with `load_model_with` and \
                 `LoadOptions::new().skip(\"*/*\")`",
            )?;
        }
        if self.is_complete() {
            write!(f, "all {} entries fit", self.loaded.len())?;
        }
        Ok(())
    }
}
