//! The workloads on dfdx, except the convolutions, which need a nightly compiler there. Threads are
//! those of the surrounding pool.

use std::convert::Infallible;
use std::hint::black_box;

use dfdx::nn::modules::Module;
use dfdx::nn::tensor_collection::{
    RecursiveWalker, TensorCollection, TensorOptions, TensorVisitor, ViewTensorMut,
};
use dfdx::nn::{BuildOnDevice, ZeroGrads};
use dfdx::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use dfdx::prelude::*;

use super::Step;
use crate::workload::{Array, Name, Network, Targets, elements};

/// The workloads that dfdx cannot compute.
pub(super) const LACKS: &[Name] = &[Name::W5];

type Constant<S> = Tensor<S, f32, Cpu>;
type Traced<S> = Tensor<S, f32, Cpu, OwnedTape<f32, Cpu>>;

/// # Panics
/// For a workload in [`LACKS`].
pub(super) fn step(name: Name) -> Step {
    type W1 = ((Linear<784, 128>, ReLU), Linear<128, 10>);
    type W2 = ((Linear<784, 512>, ReLU), (Linear<512, 512>, ReLU), Linear<512, 10>);
    type W3 = ((Linear<2, 8>, Tanh), Linear<8, 1>);
    type W4 = ((Linear<64, 100>, Tanh), Repeated<(Linear<100, 100>, Tanh), 19>, Linear<100, 10>);
    match (name, Network::of(name)) {
        (Name::W1, Some(network)) => train::<W1, 64, 784, 10>(&network),
        (Name::W2, Some(network)) => train::<W2, 128, 784, 10>(&network),
        (Name::W3, Some(network)) => train::<W3, 4, 2, 1>(&network),
        (Name::W4, Some(network)) => train::<W4, 32, 64, 10>(&network),
        (_, Some(_)) => panic!("dfdx has no model for {name:?}"),
        (_, None) => elementwise(elements()),
    }
}

/// Sets the value of every parameter.
struct Set<I>(I);

impl<I: Iterator<Item = Array>> TensorVisitor<f32, Cpu> for Set<I> {
    type Viewer = ViewTensorMut;
    type Err = Infallible;
    type E2 = f32;
    type D2 = Cpu;

    fn visit<S: Shape>(
        &mut self,
        _: TensorOptions<S, f32, Cpu>,
        parameter: &mut Constant<S>,
    ) -> Result<Option<Constant<S>>, Infallible> {
        parameter.copy_from(&self.0.next().expect("a value for each parameter").values);
        Ok(None)
    }
}

/// Trains a model of this type on batches of `B`.
fn train<M, const B: usize, const I: usize, const O: usize>(network: &Network) -> Step
where
    M: BuildOnDevice<Cpu, f32>,
    M::Built: Module<Traced<Rank2<B, I>>, Output = Traced<Rank2<B, O>>> + 'static,
{
    let device = Cpu::default();
    let mut model = device.build_module::<M, f32>();
    let mut set = Set(network.parameters().flatten());
    let walked = M::Built::iter_tensors(&mut RecursiveWalker { m: &mut model, f: &mut set });
    assert!(walked.is_ok() && set.0.next().is_none(), "the model is another one");
    let mut optimizer: Box<dyn Optimizer<M::Built, Cpu, f32>> = if network.adam {
        let options = AdamConfig { lr: network.rate, ..AdamConfig::default() };
        Box::new(Adam::new(&model, options))
    } else {
        let options = SgdConfig { lr: network.rate, ..SgdConfig::default() };
        Box::new(Sgd::new(&model, options))
    };
    let mut inputs: Constant<Rank2<B, I>> = device.zeros();
    inputs.copy_from(&network.inputs().values);
    let mut wanted: Constant<Rank2<B, O>> = device.zeros();
    let classes = match network.targets() {
        Targets::Classes(labels) => {
            let mut shares = vec![0.0; B * O];
            for (row, label) in labels.into_iter().enumerate() {
                shares[row * O + label] = 1.0;
            }
            wanted.copy_from(&shares);
            true
        }
        Targets::Values(values) => {
            wanted.copy_from(&values.values);
            false
        }
    };
    let mut gradients = Some(model.alloc_grads());
    Box::new(move || {
        let before = gradients.take().expect("every step leaves them");
        let output = model.forward(inputs.trace(before));
        let loss = if classes {
            cross_entropy_with_logits_loss(output, wanted.clone())
        } else {
            mse_loss(output, wanted.clone())
        };
        let value = loss.array();
        let mut after = loss.backward();
        optimizer.update(&mut model, &after).expect("every parameter is used");
        model.zero_grads(&mut after);
        gradients = Some(after);
        value
    })
}

fn elementwise(arrays: [Array; 2]) -> Step {
    type Elements = Rank1<{ 1 << 20 }>;
    let device = Cpu::default();
    let [x, w] = arrays.map(|array| {
        let mut tensor: Constant<Elements> = device.zeros();
        tensor.copy_from(&array.values);
        tensor
    });
    Box::new(move || {
        let mut z = x.leaky_trace();
        for _ in 0..2 {
            z = (((z * w.clone() + 0.1).square() * 0.5) - x.clone()).tanh();
            z = (z * x.clone() + w.clone()).relu().sigmoid();
        }
        let loss = z.mean();
        let value = loss.array();
        black_box(loss.backward().get(&x));
        value
    })
}
