//! [`GroupNorm`]: normalization of groups of channels in each sample.

use rand::Rng;
use wengert_autodiff::{Element, Error, Parameter, Result, Tensor, Var, instances, ops};

use super::accessors::accessors;
use super::error::expect;
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::{Module, Role};

/// Group normalization, with a weight and a bias for each channel that begin as 1 and 0; see
/// [`ops::group_norm`].
///
/// # Shapes
/// `[batch, channels, ..]`; the output has the shape of the input.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Normalization)]
pub struct GroupNorm<E: Element = f32> {
    groups: usize,
    weight: Parameter<E>,
    bias: Parameter<E>,
    eps: f64,
}

impl GroupNorm {
    /// The config of a layer of `groups` groups; `groups` must divide `channels`.
    pub fn config(groups: usize, channels: usize) -> GroupNormConfig {
        GroupNormConfig { groups, channels, eps: 1e-5 }
    }
}

impl<E: Element> GroupNorm<E> {
    /// Creates a layer of `groups` groups; `groups` must divide `channels`.
    ///
    /// # Panics
    /// If the groups do not divide the channels, or there is no memory for the parameters.
    #[track_caller]
    pub fn new(groups: usize, channels: usize) -> Self {
        expect(Self::try_new(groups, channels))
    }

    /// [`new`](Self::new), with an error if the groups do not divide the channels or there is no
    /// memory for the parameters.
    ///
    /// # Errors
    /// [`Error::Argument`] if the groups do not divide the channels, [`Error::TooLarge`], and
    /// [`Error::OutOfMemory`].
    pub fn try_new(groups: usize, channels: usize) -> Result<Self> {
        if groups == 0 || !channels.is_multiple_of(groups) {
            let message = format!(
                "the groups must be one or more and divide {channels} channels, got {groups}"
            );
            return Err(Error::Argument { op: "group_norm", message });
        }
        let all = |value| {
            Tensor::try_full([channels], value).map_err(|error| error.in_name_of("group_norm"))
        };
        let (weight, bias) = (Parameter::gain(all(E::ONE)?), Parameter::bias(all(E::ZERO)?));
        Ok(Self { groups, weight, bias, eps: 1e-5 })
    }

    /// Sets the number that is added to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    accessors! {
        layer => layer.weight, Some(&layer.bias), Some(&mut layer.bias);
        "`[channels]`", "`[channels]`"
    }
}

impl<E: Element> Layer<E> for GroupNorm<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let tape = x.tape();
        let (weight, bias) = (tape.parameter(&self.weight), tape.parameter(&self.bias));
        ops::group_norm(x, self.groups, Some(weight), Some(bias), self.eps)
    }
}

/// Describes a [`GroupNorm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNormConfig {
    groups: usize,
    channels: usize,
    eps: f64,
}

impl GroupNormConfig {
    /// Sets the number that is added to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }
}

impl<E: Element> LayerConfig<E> for GroupNormConfig {
    type Layer = GroupNorm<E>;

    fn output_shape(&self, input: &SampleShape) -> std::result::Result<SampleShape, LayerError> {
        input.channels(self.channels, &[1, 2, 3])
    }

    fn build(&self, _: &mut dyn Rng) -> std::result::Result<GroupNorm<E>, LayerError> {
        Ok(GroupNorm::try_new(self.groups, self.channels)?.eps(self.eps))
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds group normalization of `channels` channels in `groups` groups.
    pub fn group_norm(self, groups: usize, channels: usize) -> Self {
        self.with(GroupNorm::config(groups, channels))
    }
}

instances!(group_norm<E>: SequentialBuilder::<E>::with::<GroupNormConfig>);
