//! The workloads on candle. Threads are those of the surrounding pool; products are divided into as
//! many parts as `RAYON_NUM_THREADS` says.

use std::hint::black_box;

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{
    AdamW, Conv2d, Conv2dConfig, Linear, Module, Optimizer, ParamsAdamW, SGD, loss, ops,
};

use super::Step;
use crate::workload::{Array, Layer, Name, Network, Targets, elements};

pub(super) fn step(name: Name) -> Step {
    match Network::of(name) {
        Some(described) => network(described),
        None => elementwise(elements()),
    }
}

/// Why the `expect`s hold: all shapes fit.
const FITS: &str = "candle computes what it is given";

fn tensor(Array { shape, values }: Array) -> Tensor {
    Tensor::from_vec(values, shape, &Device::Cpu).expect(FITS)
}

enum Rule {
    Sgd(SGD),
    Adam(AdamW),
}

impl Rule {
    fn of(network: &Network, variables: Vec<Var>) -> Result<Self> {
        Ok(if network.adam {
            let options =
                ParamsAdamW { lr: network.rate, weight_decay: 0.0, ..ParamsAdamW::default() };
            Rule::Adam(AdamW::new(variables, options)?)
        } else {
            Rule::Sgd(SGD::new(variables, network.rate)?)
        })
    }

    fn step(&mut self, loss: &Tensor) -> Result<()> {
        match self {
            Rule::Sgd(rule) => rule.backward_step(loss),
            Rule::Adam(rule) => rule.backward_step(loss),
        }
    }
}

/// The maximum over 2 by 2 windows. The gradient of candle 0.11's `max_pool2d` is the correct one
/// times the share of the window's elements that are the maximum.
fn pool(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    x.reshape((batch, channels, height / 2, 2, width / 2, 2))?.max(5)?.max(3)
}

fn forward(layers: &[Box<dyn Module>], network: &Network, x: &Tensor) -> Result<Tensor> {
    let mut x = x.clone();
    for (i, (module, layer)) in layers.iter().zip(&network.layers).enumerate() {
        if matches!(layer, Layer::Linear(..)) && x.rank() > 2 {
            x = x.flatten_from(1)?;
        }
        x = module.forward(&x)?;
        if i < layers.len() - 1 {
            x = if network.tanh { x.tanh()? } else { x.relu()? };
        }
        if matches!(layer, Layer::Conv(..)) {
            x = pool(&x)?;
        }
    }
    Ok(x)
}

fn network(network: Network) -> Step {
    let mut variables = Vec::new();
    let mut layers: Vec<Box<dyn Module>> = Vec::new();
    for (arrays, layer) in network.parameters().zip(&network.layers) {
        let pair = arrays.map(|array| Var::from_tensor(&tensor(array)).expect(FITS));
        let [weight, bias] = pair.each_ref().map(|variable| variable.as_tensor().clone());
        layers.push(match *layer {
            Layer::Linear(..) => Box::new(Linear::new(weight, Some(bias))),
            Layer::Conv(_, _, padding, _) => {
                let options = Conv2dConfig { padding, ..Conv2dConfig::default() };
                Box::new(Conv2d::new(weight, Some(bias), options))
            }
        });
        variables.extend(pair);
    }
    let mut rule = Rule::of(&network, variables).expect(FITS);
    let inputs = tensor(network.inputs());
    let (loss, wanted): (fn(&Tensor, &Tensor) -> Result<Tensor>, _) = match network.targets() {
        Targets::Classes(labels) => {
            let labels: Vec<u32> = labels.into_iter().map(|label| label as u32).collect();
            (loss::cross_entropy, Tensor::new(labels, &Device::Cpu).expect(FITS))
        }
        Targets::Values(values) => (loss::mse, tensor(values)),
    };
    let mut step = move || {
        let loss = loss(&forward(&layers, &network, &inputs)?, &wanted)?;
        rule.step(&loss)?;
        loss.to_scalar::<f32>()
    };
    Box::new(move || step().expect(FITS))
}

fn elementwise(arrays: [Array; 2]) -> Step {
    let [x, w] = arrays.map(tensor);
    let x = Var::from_tensor(&x).expect(FITS);
    let step = move || {
        let x = x.as_tensor();
        let mut z = x.clone();
        for _ in 0..2 {
            z = (((z * &w)? + 0.1)?.sqr()? * 0.5)?.sub(x)?.tanh()?;
            z = ops::sigmoid(&((z * x)? + &w)?.relu()?)?;
        }
        let loss = z.mean_all()?;
        black_box(loss.backward()?.get(x));
        loss.to_scalar::<f32>()
    };
    Box::new(move || step().expect(FITS))
}
