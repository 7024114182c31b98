//! What a builder knows of the shape of a sample (a batch without its first axis) between layers.

use std::fmt;

use wengert_autodiff::Error;

use super::BuildError;

/// The shape of a sample as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sample {
    /// Nothing is known.
    #[default]
    Unknown,
    /// The number of axes is not known, the last has this size.
    Last(usize),
    /// The axes are known, and the sizes that are `Some`.
    Axes(Vec<Option<usize>>),
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sample::Unknown => f.write_str("[..]"),
            Sample::Last(size) => write!(f, "[.., {size}]"),
            Sample::Axes(axes) => {
                let sizes = axes.iter().map(|size| size.map_or("_".to_owned(), |n| n.to_string()));
                write!(f, "[{}]", sizes.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl Sample {
    /// Behind a layer that takes `inputs` features along the last axis and gives `outputs`.
    pub(super) fn features(
        mut self,
        layer: usize,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, BuildError> {
        let given = match &self {
            Sample::Unknown => None,
            Sample::Last(size) => Some(*size),
            Sample::Axes(axes) => match axes.last() {
                Some(size) => *size,
                None => return Err(self.refused(layer, &format!("[.., {inputs}]"))),
            },
        };
        if let Some(given) = given
            && given != inputs
        {
            return Err(BuildError::Features { layer, takes: inputs, given });
        }
        match &mut self {
            Sample::Axes(axes) => {
                let last = axes.len() - 1;
                axes[last] = Some(outputs);
            }
            _ => self = Sample::Last(outputs),
        }
        Ok(self)
    }

    /// The sizes along the axes of an image (or a line) of `channels`, if they are known.
    pub(super) fn image<const AXES: usize>(
        &self,
        layer: usize,
        channels: usize,
    ) -> Result<Option<[usize; AXES]>, BuildError> {
        let names = if AXES == 1 { "length" } else { "rows, columns" };
        let refuse = || self.refused(layer, &format!("[{channels}, {names}]"));
        match self {
            // A linear layer gives features, and no channels.
            Sample::Unknown | Sample::Last(_) => Ok(None),
            Sample::Axes(axes) => match &axes[..] {
                [given, size @ ..] if size.len() == AXES => {
                    if given.is_some_and(|given| given != channels) {
                        return Err(refuse());
                    }
                    Ok(known(size))
                }
                _ => Err(refuse()),
            },
        }
    }

    /// An image (or a line) of these channels and sizes.
    pub(super) fn of_image<const AXES: usize>(
        channels: usize,
        size: Option<[usize; AXES]>,
    ) -> Self {
        let size = size.map_or([None; AXES], |size| size.map(Some));
        Sample::Axes([Some(channels)].into_iter().chain(size).collect())
    }

    /// After the pool of this name over the last two axes that takes sizes to `pooled`.
    pub(super) fn pooled(
        mut self,
        layer: usize,
        name: &'static str,
        pooled: impl FnOnce([usize; 2]) -> wengert_autodiff::Result<[usize; 2]>,
    ) -> Result<Self, BuildError> {
        if let Sample::Axes(axes) = &mut self {
            let Some(at) = axes.len().checked_sub(2) else {
                return Err(self.refused(layer, "[.., rows, columns]"));
            };
            let size = known::<2>(&axes[at..]).map(pooled).transpose();
            let size =
                size.map_err(|error| BuildError::Sizes { layer, error: named(name, error) })?;
            axes.truncate(at);
            axes.extend(size.map_or([None; 2], |size| size.map(Some)));
            return Ok(self);
        }
        Ok(Sample::Unknown)
    }

    /// Behind a table of vectors of so many features.
    pub(super) fn embedded(self, features: usize) -> Self {
        let Sample::Axes(mut axes) = self else { return Sample::Last(features) };
        axes.push(Some(features));
        Sample::Axes(axes)
    }

    /// Behind a layer that takes so many channels, of samples of one of these numbers of axes.
    pub(super) fn channels(
        self,
        layer: usize,
        channels: usize,
        ranks: &[usize],
    ) -> Result<Self, BuildError> {
        let fits = match &self {
            Sample::Unknown => true,
            // Features, unless more axes come in; those are left to the run.
            Sample::Last(size) => *size == channels || ranks.contains(&3),
            Sample::Axes(axes) => {
                ranks.contains(&axes.len()) && axes[0].is_none_or(|size| size == channels)
            }
        };
        if fits { Ok(self) } else { Err(self.refused(layer, &format!("[{channels}, ..]"))) }
    }

    /// Behind a layer over the last axes, of these sizes.
    pub(super) fn ends_with(self, layer: usize, sizes: &[usize]) -> Result<Self, BuildError> {
        let fits = match &self {
            Sample::Unknown => true,
            Sample::Last(size) => sizes.last() == Some(size),
            Sample::Axes(axes) => axes.len().checked_sub(sizes.len()).is_some_and(|at| {
                axes[at..]
                    .iter()
                    .zip(sizes)
                    .all(|(axis, size)| axis.is_none_or(|axis| axis == *size))
            }),
        };
        if fits { Ok(self) } else { Err(self.refused(layer, &format!("[.., {}]", list(sizes)))) }
    }

    /// All axes as one.
    pub(super) fn flat(self) -> Self {
        let Sample::Axes(axes) = self else { return Sample::Axes(vec![None]) };
        Sample::Axes(vec![
            axes.into_iter().try_fold(1_usize, |product, size| product.checked_mul(size?)),
        ])
    }

    pub(super) fn refused(&self, layer: usize, takes: &str) -> BuildError {
        BuildError::Shape { layer, takes: takes.to_owned(), given: self.to_string() }
    }
}

/// An error of options that several operations share, with the name of the one at hand.
fn named(op: &'static str, error: Error) -> Error {
    match error {
        Error::Argument { message, .. } => Error::Argument { op, message },
        other => other,
    }
}

/// The sizes, if all of them are known.
fn known<const AXES: usize>(sizes: &[Option<usize>]) -> Option<[usize; AXES]> {
    let all: Option<Vec<usize>> = sizes.iter().copied().collect();
    all?.try_into().ok()
}

fn list(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
