//! [`Network`]: the network of a case.

use wengert::Result as EngineResult;
use wengert::nn::{Module, Observer};
use wengert::prelude::*;

use super::format_network::{Act, InitSpec, LayerSpec, NetworkSpec};

/// The slope of a leaky relu for negative inputs.
const SLOPE: f64 = 0.2;

/// A chain of layers as a case describes it, with the softmax of the last layer.
#[derive(Clone, Debug, Module)]
pub struct Network {
    #[module(flatten)]
    layers: Sequential<f32>,
    softmax: bool,
    outputs: usize,
}

impl Network {
    /// The layers, in order. A softmax is a layer of its own.
    pub fn layers(&self) -> &Sequential<f32> {
        &self.layers
    }

    /// Whether the last layer is a softmax.
    pub fn ends_in_softmax(&self) -> bool {
        self.softmax
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The inputs of the softmax at the end; the outputs if there is none.
    ///
    /// # Errors
    /// If the network does not accept the shape of the inputs.
    pub fn logits<'t>(&self, x: Var<'t>) -> EngineResult<Var<'t>> {
        let count = self.layers.layers().len() - usize::from(self.softmax);
        self.layers.layers().take(count).try_fold(x, |x, layer| layer.try_forward(x))
    }
}

impl Layer<f32> for Network {
    fn try_forward<'t>(&self, x: Var<'t>) -> EngineResult<Var<'t>> {
        self.layers.try_forward(x)
    }

    fn observe<'t>(&self, x: Var<'t>, observer: &mut Observer<'_, 't>) -> EngineResult<Var<'t>> {
        self.layers.observe(x, observer)
    }
}

/// The softmax along the last axis.
#[derive(Clone, Copy, Debug, Module)]
#[module(element = f32)]
pub struct Softmax;

impl Layer<f32> for Softmax {
    fn try_forward<'t>(&self, x: Var<'t>) -> EngineResult<Var<'t>> {
        ops::softmax(x, -1)
    }
}

/// Builds a network for inputs of this many columns, with weights from a seed. An error names the
/// layer.
///
/// # Errors
/// If a layer has more than one of `dense`, `dropout`, `batchnorm`, or nothing; or if a number is
/// invalid.
pub fn build(spec: &NetworkSpec, inputs: usize, seed: u64) -> Result<Network, String> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut builder = Built { layers: Sequential::empty(), width: inputs, softmax: false };
    for (i, layer) in spec.layers.iter().enumerate() {
        builder.add(layer, &mut rng).map_err(|error| format!("network: layer {i}: {error}"))?;
    }
    if spec.layers.is_empty() {
        return Err("network: there are no layers".into());
    }
    Ok(Network { layers: builder.layers, softmax: builder.softmax, outputs: builder.width })
}

struct Built {
    layers: Sequential<f32>,
    width: usize,
    softmax: bool,
}

impl Built {
    fn add(&mut self, spec: &LayerSpec, rng: &mut Pcg64) -> Result<(), String> {
        let act = spec.act.unwrap_or(Act::Linear);
        let batch_norm = spec.batchnorm.is_some();
        self.softmax = false;
        match (spec.dense, spec.dropout, batch_norm) {
            (Some(units), None, false) => {
                let layer = dense(spec, self.width, units, rng)?;
                self.layers.push(layer);
                self.width = units;
                self.softmax = act == Act::Softmax;
                if self.softmax {
                    self.layers.push(Softmax);
                }
            }
            (None, Some(p), false) => {
                self.layers.push(Dropout::new(p, rng).map_err(|error| error.to_string())?);
            }
            (None, None, true) => {
                let layer = BatchNorm1d::try_new(self.width).map_err(|error| error.to_string())?;
                self.layers.push(layer.eps(1e-3).momentum(0.01));
            }
            (None, None, false) if spec.act.is_some() => {
                self.softmax = act == Act::Softmax;
                match fused(act) {
                    _ if self.softmax => self.layers.push(Softmax),
                    activation => self.layers.push(ActivationLayer(activation)),
                };
            }
            _ => return Err("exactly one of dense, dropout, batchnorm and act is needed".into()),
        }
        Ok(())
    }
}

/// The activation of a fully connected layer; that of a softmax is a layer of its own.
fn fused(act: Act) -> Activation {
    match act {
        Act::Linear | Act::Softmax => Activation::Identity,
        Act::Relu => Activation::Relu,
        Act::LeakyRelu => Activation::LeakyRelu { slope: SLOPE },
        Act::Elu => Activation::Elu { alpha: 1.0 },
        Act::Tanh => Activation::Tanh,
        Act::Sigmoid => Activation::Logistic,
    }
}

fn dense(
    spec: &LayerSpec,
    inputs: usize,
    units: usize,
    rng: &mut Pcg64,
) -> Result<Linear<f32>, String> {
    if units == 0 {
        return Err("dense must be at least 1".into());
    }
    let act = fused(spec.act.unwrap_or(Act::Linear));
    let init = initializer(spec.init.unwrap_or(InitSpec::GlorotUniform), inputs, units);
    let mut layer =
        Linear::new(inputs, units, act, &init, rng).map_err(|error| error.to_string())?;
    // A bias that is not learned keeps its initial value.
    let initial = spec.bias.unwrap_or(InitSpec::Zeros);
    let (learned, frozen) = (spec.use_bias != Some(false), spec.frozen == Some(true));
    if !learned && initial == InitSpec::Zeros {
        layer = layer.without_bias();
    } else if let Some(bias) = layer.bias_mut() {
        let values = initializer(initial, 1, units)
            .sample([1, units], rng)
            .map_err(|error| error.to_string())?;
        bias.value_mut().as_mut_slice().copy_from_slice(&values.to_vec());
        bias.set_frozen(frozen || !learned);
    }
    layer.weight_mut().set_frozen(frozen);
    Ok(layer)
}

/// The engine's initializer for the initial values of a layer with these numbers of connections.
fn initializer(spec: InitSpec, fan_in: usize, fan_out: usize) -> Init {
    let half = match spec {
        InitSpec::Zeros => return Init::Zeros,
        InitSpec::Ones => return Init::ones(),
        InitSpec::Const(value) => return Init::Constant(value),
        InitSpec::Normal(sd) => return Init::Normal { mean: 0.0, std: sd },
        InitSpec::GlorotUniform => (6.0 / (fan_in + fan_out) as f64).sqrt(),
        InitSpec::HeUniform => (6.0 / fan_in as f64).sqrt(),
        InitSpec::Uniform(half) => half,
    };
    Init::Uniform { low: -half, high: half }
}
