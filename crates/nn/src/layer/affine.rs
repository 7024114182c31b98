//! Weight and bias of linear layers and convolutions.

use rand::Rng;
use wengert_autodiff::ops::{self, Extent};
use wengert_autodiff::{
    Activation, Element, Kind, Parameter, Result, Shape, Tape, Tensor, Var, WeightLayout,
};

use super::LayerError;
use crate::init::{Init, InitError};
use crate::module::Module;
use crate::observe::Observer;

/// A weight and an optional bias.
#[derive(Clone, Debug, Module)]
pub(super) struct Affine<E: Element> {
    pub(super) weight: Parameter<E>,
    pub(super) bias: Option<Parameter<E>>,
}

impl<E: Element> Affine<E> {
    /// A weight of this shape and kind, drawn by `init`, and a bias of `outputs` zeros, for the
    /// layer that errors name.
    #[inline(never)]
    pub(super) fn new(
        layer: &'static str,
        (shape, kind): (Shape, Kind),
        outputs: usize,
        init: &Init,
        rng: &mut dyn Rng,
    ) -> std::result::Result<Self, InitError> {
        let weight = init.sample_kind(shape, kind, rng).map_err(|error| error.of_layer(layer))?;
        let bias = Tensor::try_full([outputs], E::ZERO).map_err(|error| error.in_name_of(layer))?;
        let weight = Parameter::of_kind(weight, kind);
        Ok(Self { weight, bias: Some(Parameter::bias(bias)) })
    }

    /// The parameters as variables of a tape.
    pub(super) fn on<'t>(&self, tape: &'t Tape<E>) -> (Var<'t, E>, Option<Var<'t, E>>) {
        let bias = self.bias.as_ref();
        (tape.parameter(&self.weight), bias.map(|bias| tape.parameter(bias)))
    }
}

/// The initializer of a weight before this activation: the one of the config, or the recommended
/// one.
pub(super) fn scheme(
    named: Option<&Init>,
    activation: Activation,
) -> std::result::Result<Init, LayerError> {
    match named {
        Some(init) => Ok(init.clone()),
        None => Init::try_for_activation(activation)
            .map_err(|error| LayerError::Activation { activation, error }),
    }
}

/// The kind of the weight of a convolution, or of a transposed one, with these numbers of channels
/// in each group and strides of at least 1.
///
/// Each output of a convolution is a sum over the inputs of its group at all `kernel` positions.
/// With a stride, each input takes part in `kernel / stride` sums along an axis, in the mean over
/// the inputs. A transposed convolution exchanges the two. The mean is rounded to a whole number,
/// at least 1.
pub(super) fn convolution<const AXES: usize>(
    [inputs, outputs]: [usize; 2],
    kernel: &[usize],
    stride: Extent<AXES>,
    layout: WeightLayout,
) -> Kind {
    let product = |sizes: &[usize]| sizes.iter().fold(1, |all: usize, &n| all.saturating_mul(n));
    let (positions, area) = (product(kernel), product(&stride.0));
    let all = |channels: usize| channels.saturating_mul(positions);
    let mean = |channels: usize| {
        let all = all(channels);
        let rounded = all / area + usize::from(all % area >= area.div_ceil(2));
        rounded.max(usize::from(all > 0))
    };
    let (fan_in, fan_out) = if layout.inputs_first {
        (mean(inputs), all(outputs))
    } else {
        (all(inputs), mean(outputs))
    };
    Kind::Weight { fan_in, fan_out, layout }
}

/// Shows an observer the pre-activation and the output of a layer with a fused activation; `apply`
/// runs the layer with a given activation.
pub(super) fn observe<'t, E: Element>(
    x: Var<'t, E>,
    observer: &mut Observer<'_, 't, E>,
    activation: Activation,
    apply: impl FnOnce(Activation) -> Result<Var<'t, E>>,
) -> Result<Var<'t, E>> {
    let preactivation = apply(Activation::Identity)?;
    let output = ops::activate(preactivation, activation)?;
    observer.layer(x, preactivation, output);
    Ok(output)
}
