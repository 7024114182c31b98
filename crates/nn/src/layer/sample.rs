//! What a builder knows of the shape of a sample (a batch without its first axis) between layers.

use std::fmt;

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

    /// Behind a pool over the last two axes that takes sizes to `pooled`.
    pub(super) fn pooled(
        mut self,
        layer: usize,
        pooled: impl FnOnce([usize; 2]) -> wengert_autodiff::Result<[usize; 2]>,
    ) -> Result<Self, BuildError> {
        if let Sample::Axes(axes) = &mut self {
            let Some(at) = axes.len().checked_sub(2) else {
                return Err(self.refused(layer, "[.., rows, columns]"));
            };
            let size = known::<2>(&axes[at..]).map(pooled).transpose();
            let size = size.map_err(|error| BuildError::Sizes { layer, error })?;
            axes.truncate(at);
            axes.extend(size.map_or([None; 2], |size| size.map(Some)));
            return Ok(self);
        }
        Ok(Sample::Unknown)
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

/// The sizes, if all of them are known.
fn known<const AXES: usize>(sizes: &[Option<usize>]) -> Option<[usize; AXES]> {
    let all: Option<Vec<usize>> = sizes.iter().copied().collect();
    all?.try_into().ok()
}
