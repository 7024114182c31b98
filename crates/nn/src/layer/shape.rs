//! [`SampleShape`]: the known part of the shape of a sample between two layers.

use std::fmt;

use wengert_autodiff::Error;

use super::LayerError;

/// The shape of a sample (a batch without its first axis), as far as it is known when a network is
/// built.
///
/// The methods are shape rules for implementations of [`LayerConfig`](crate::LayerConfig): each
/// checks that a layer accepts the shape, and returns the shape of the layer's output.
///
/// ```
/// use wengert_nn::SampleShape;
/// let images = SampleShape::Axes(vec![Some(3), Some(8), None]);
/// assert_eq!(images.to_string(), "[3, 8, _]");
/// assert_eq!(images.ends_with(&[5])?, images);
/// let error = images.channels(4, &[3]).unwrap_err().to_string();
/// assert_eq!(error, "takes [4, ..], but the layers before it give [3, 8, _]");
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleShape {
    /// Nothing is known.
    #[default]
    Unknown,
    /// The number of axes is unknown, the last has this size.
    Last(usize),
    /// The number of axes is known; sizes that are `None` are not.
    Axes(Vec<Option<usize>>),
}

impl fmt::Display for SampleShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SampleShape::Unknown => f.write_str("[..]"),
            SampleShape::Last(size) => write!(f, "[.., {size}]"),
            SampleShape::Axes(axes) => {
                let sizes = axes.iter().map(|size| size.map_or("_".to_owned(), |n| n.to_string()));
                write!(f, "[{}]", sizes.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl SampleShape {
    /// The rule of a layer that maps `inputs` features along the last axis to `outputs`.
    ///
    /// # Errors
    /// [`LayerError::Features`] or [`LayerError::Shape`].
    pub fn features(&self, inputs: usize, outputs: usize) -> Result<Self, LayerError> {
        let given = match self {
            SampleShape::Unknown => None,
            SampleShape::Last(size) => Some(*size),
            SampleShape::Axes(axes) => match axes.last() {
                Some(size) => *size,
                None => return Err(self.refused(format!("[.., {inputs}]"))),
            },
        };
        if let Some(given) = given
            && given != inputs
        {
            return Err(LayerError::Features { takes: inputs, given });
        }
        Ok(match self {
            SampleShape::Axes(axes) => {
                let mut axes = axes.clone();
                let last = axes.len() - 1;
                axes[last] = Some(outputs);
                SampleShape::Axes(axes)
            }
            _ => SampleShape::Last(outputs),
        })
    }

    /// The rule of a layer that maps images (with `AXES` 1, signals) of `inputs` channels to images
    /// of `outputs` channels; `size` computes the output's size from the input's.
    ///
    /// # Errors
    /// [`LayerError::Shape`], and those of `size`.
    pub fn image<const AXES: usize>(
        &self,
        inputs: usize,
        outputs: usize,
        size: impl FnOnce([usize; AXES]) -> Result<[usize; AXES], LayerError>,
    ) -> Result<Self, LayerError> {
        let names = if AXES == 1 { "length" } else { "rows, columns" };
        let takes = || format!("[{inputs}, {names}]");
        let given = match self {
            // Nothing is known about channels.
            SampleShape::Unknown | SampleShape::Last(_) => None,
            SampleShape::Axes(axes) => match &axes[..] {
                [given, size @ ..] if size.len() == AXES => {
                    if given.is_some_and(|given| given != inputs) {
                        return Err(self.refused(takes()));
                    }
                    known(size)
                }
                _ => return Err(self.refused(takes())),
            },
        };
        let size = given.map(size).transpose()?;
        let size = size.map_or([None; AXES], |size| size.map(Some));
        Ok(SampleShape::Axes([Some(outputs)].into_iter().chain(size).collect()))
    }

    /// The rule of a layer that maps sequences of `inputs` features, `[time, inputs]`, to sequences
    /// of the same length with `outputs` features.
    ///
    /// # Errors
    /// [`LayerError::Features`] or [`LayerError::Shape`].
    pub fn sequence(&self, inputs: usize, outputs: usize) -> Result<Self, LayerError> {
        match self {
            SampleShape::Axes(axes) if axes.len() != 2 => {
                Err(self.refused(format!("[time, {inputs}]")))
            }
            SampleShape::Axes(_) => self.features(inputs, outputs),
            _ => {
                self.features(inputs, outputs)?;
                Ok(SampleShape::Axes(vec![None, Some(outputs)]))
            }
        }
    }

    /// The rule of a layer that changes the sizes of the last `AXES` axes, the positions; `rule`
    /// computes the output's sizes from the input's.
    ///
    /// # Errors
    /// [`LayerError::Shape`], and the error of `rule`.
    pub fn positions<const AXES: usize>(
        &self,
        rule: impl FnOnce([usize; AXES]) -> wengert_autodiff::Result<[usize; AXES]>,
    ) -> Result<Self, LayerError> {
        let SampleShape::Axes(axes) = self else { return Ok(SampleShape::Unknown) };
        let Some(at) = axes.len().checked_sub(AXES) else {
            let names = if AXES == 1 { "length" } else { "rows, columns" };
            return Err(self.refused(format!("[.., {names}]")));
        };
        let size = known::<AXES>(&axes[at..]).map(rule).transpose()?;
        let size = size.map_or([None; AXES], |size| size.map(Some));
        Ok(SampleShape::Axes(axes[..at].iter().copied().chain(size).collect()))
    }

    /// The rule of a pool over the last two axes; `pooled` computes the output's size, and `name`
    /// is that of the operation in errors.
    pub(super) fn pooled(
        &self,
        name: &'static str,
        pooled: impl FnOnce([usize; 2]) -> wengert_autodiff::Result<[usize; 2]>,
    ) -> Result<Self, LayerError> {
        let SampleShape::Axes(axes) = self else { return Ok(SampleShape::Unknown) };
        let Some(at) = axes.len().checked_sub(2) else {
            return Err(self.refused("[.., rows, columns]".to_owned()));
        };
        let size = known::<2>(&axes[at..]).map(pooled).transpose();
        let size = size.map_err(|error| named(name, error))?;
        let size = size.map_or([None; 2], |size| size.map(Some));
        Ok(SampleShape::Axes(axes[..at].iter().copied().chain(size).collect()))
    }

    /// The rule of an embedding with vectors of `features` numbers.
    pub(super) fn embedded(&self, features: usize) -> Self {
        let SampleShape::Axes(axes) = self else { return SampleShape::Last(features) };
        SampleShape::Axes(axes.iter().copied().chain([Some(features)]).collect())
    }

    /// The rule of a layer that keeps the shape and accepts samples with `channels` channels along
    /// the first axis and one of these numbers of axes.
    ///
    /// # Errors
    /// [`LayerError::Shape`].
    pub fn channels(&self, channels: usize, ranks: &[usize]) -> Result<Self, LayerError> {
        let fits = match self {
            SampleShape::Unknown => true,
            // If more axes are possible, the check is left to the forward pass.
            SampleShape::Last(size) => *size == channels || ranks.contains(&3),
            SampleShape::Axes(axes) => {
                ranks.contains(&axes.len())
                    && axes.first().is_none_or(|size| size.is_none_or(|size| size == channels))
            }
        };
        if fits { Ok(self.clone()) } else { Err(self.refused(format!("[{channels}, ..]"))) }
    }

    /// The rule of a layer that keeps the shape and accepts samples whose last axes have these
    /// sizes.
    ///
    /// # Errors
    /// [`LayerError::Shape`].
    pub fn ends_with(&self, sizes: &[usize]) -> Result<Self, LayerError> {
        let fits = match self {
            SampleShape::Unknown => true,
            SampleShape::Last(size) => sizes.last() == Some(size),
            SampleShape::Axes(axes) => axes.len().checked_sub(sizes.len()).is_some_and(|at| {
                axes[at..]
                    .iter()
                    .zip(sizes)
                    .all(|(axis, size)| axis.is_none_or(|axis| axis == *size))
            }),
        };
        if fits { Ok(self.clone()) } else { Err(self.refused(format!("[.., {}]", list(sizes)))) }
    }

    /// The rule of a layer that merges all axes into one.
    pub fn flat(&self) -> Self {
        let SampleShape::Axes(axes) = self else { return SampleShape::Axes(vec![None]) };
        let product = axes.iter().try_fold(1_usize, |product, size| product.checked_mul((*size)?));
        SampleShape::Axes(vec![product])
    }

    /// Returns the error of a layer that accepts only shapes of the form `takes`.
    pub fn refused(&self, takes: String) -> LayerError {
        LayerError::Shape { takes, given: self.to_string() }
    }
}

/// Replaces the operation's name in an error of options that several operations share.
pub(super) fn named(op: &'static str, error: Error) -> Error {
    match error {
        Error::Argument { message, .. } => Error::Argument { op, message },
        other => other,
    }
}

/// The sizes, if all are known.
fn known<const AXES: usize>(sizes: &[Option<usize>]) -> Option<[usize; AXES]> {
    let all: Option<Vec<usize>> = sizes.iter().copied().collect();
    all?.try_into().ok()
}

fn list(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
