//! The workloads: whole training steps, each with the same initial numbers in every engine.

use clap::ValueEnum;

use crate::lcg::Lcg;

/// A workload's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Name {
    /// 784-128-10, batch 64, relu, softmax cross-entropy, SGD 0.1.
    W1,
    /// 784-512-512-10, batch 128, relu, softmax cross-entropy, Adam 0.001.
    W2,
    /// 2-8-1, batch 4, tanh, mean squared error, SGD 0.1.
    W3,
    /// 64-20x100-10, batch 32, tanh, softmax cross-entropy, SGD 0.1.
    W4,
    /// `LeNet`: 1x28x28, conv 6@5x5 pad 2, relu, max-pool 2, conv 16@5x5, relu, max-pool 2,
    /// 400-120-84-10 with relu, batch 64, softmax cross-entropy, SGD 0.01.
    W5,
    /// The mean of a chain of 20 elementwise operations on 2^20 elements, and its gradient with
    /// respect to `x`: twice `z = tanh((z w + 0.1)^2 / 2 - x)` and `z = logistic(relu(z x + w))`,
    /// from `z = x` on.
    W7,
}

/// The work of a step, for the lower bound of its time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bound {
    /// Number of multiplications and additions of matrix products.
    pub(crate) flops: f64,
    /// Number of bytes that the optimizer reads and writes.
    pub(crate) bytes: f64,
    /// Number of elements of the arrays it works on.
    pub(crate) places: usize,
}

/// Numbers in row-major order.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Array {
    /// The transposed matrix.
    #[cfg(feature = "peers")]
    pub(crate) fn transposed(&self) -> Self {
        let [rows, columns] = self.shape[..] else { panic!("{:?} is no matrix", self.shape) };
        let column = |j| self.values[j..].iter().step_by(columns).copied();
        Self { shape: vec![columns, rows], values: (0..columns).flat_map(column).collect() }
    }
}

/// The targets of the outputs.
#[derive(Clone, Debug)]
pub(crate) enum Targets {
    /// The class of each example, for softmax cross-entropy.
    Classes(Vec<usize>),
    /// The values of the outputs, for the mean squared error.
    Values(Array),
}

/// A layer with weights.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layer {
    /// The numbers of inputs and outputs.
    Linear(usize, usize),
    /// The numbers of input and output channels, the padding, and the side of the square input; the
    /// kernel is 5 by 5 and is followed by the maximum over 2 by 2 windows.
    Conv(usize, usize, usize, usize),
}

impl Layer {
    /// The weight's shape.
    fn weight(self) -> Vec<usize> {
        match self {
            Layer::Linear(inputs, outputs) => vec![outputs, inputs],
            Layer::Conv(inputs, outputs, _, _) => vec![outputs, inputs, 5, 5],
        }
    }

    /// Number of uses of each weight per example.
    fn uses(self) -> usize {
        match self {
            Layer::Linear(..) => 1,
            Layer::Conv(_, _, padding, side) => (side + 2 * padding - 4).pow(2),
        }
    }
}

/// A network and its training.
pub(crate) struct Network {
    pub(crate) layers: Vec<Layer>,
    /// The inputs' shape, the batch first.
    shape: Vec<usize>,
    /// Whether the layers are separated by tanh, or else by relu.
    pub(crate) tanh: bool,
    /// Whether the optimizer is Adam, or else SGD.
    pub(crate) adam: bool,
    pub(crate) rate: f64,
    /// Whether the loss is the mean squared error, or else the softmax cross-entropy.
    squares: bool,
}

impl Network {
    /// The network of a workload; `None` if it has none.
    pub(crate) fn of(name: Name) -> Option<Self> {
        let dense = |widths: &[usize]| -> Vec<Layer> {
            widths.windows(2).map(|pair| Layer::Linear(pair[0], pair[1])).collect()
        };
        let deep: Vec<usize> = std::iter::once(64).chain([100; 20]).chain([10]).collect();
        let (layers, shape) = match name {
            Name::W1 => (dense(&[784, 128, 10]), vec![64, 784]),
            Name::W2 => (dense(&[784, 512, 512, 10]), vec![128, 784]),
            Name::W3 => (dense(&[2, 8, 1]), vec![4, 2]),
            Name::W4 => (dense(&deep), vec![32, 64]),
            Name::W5 => {
                let mut layers = vec![Layer::Conv(1, 6, 2, 28), Layer::Conv(6, 16, 0, 14)];
                layers.extend(dense(&[400, 120, 84, 10]));
                (layers, vec![64, 1, 28, 28])
            }
            Name::W7 => return None,
        };
        Some(Self {
            layers,
            shape,
            tanh: matches!(name, Name::W3 | Name::W4),
            adam: name == Name::W2,
            rate: match name {
                Name::W2 => 1e-3,
                Name::W5 => 0.01,
                _ => 0.1,
            },
            squares: name == Name::W3,
        })
    }

    /// The weight and the bias of every layer, created one at a time.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = [Array; 2]> {
        let mut lcg = Lcg::new(1);
        self.layers.iter().map(move |layer| {
            let shape = layer.weight();
            let fan_in: usize = shape[1..].iter().product();
            let bound = 1.0 / (fan_in as f32).sqrt();
            [lcg.uniform(&shape, bound), lcg.uniform(&shape[..1], bound)]
        })
    }

    pub(crate) fn inputs(&self) -> Array {
        Lcg::new(2).uniform(&self.shape, 1.0)
    }

    pub(crate) fn targets(&self) -> Targets {
        let mut lcg = Lcg::new(3);
        if self.squares {
            Targets::Values(lcg.uniform(&[self.batch(), 1], 1.0))
        } else {
            Targets::Classes(lcg.labels(self.batch()))
        }
    }

    pub(crate) fn batch(&self) -> usize {
        self.shape[0]
    }

    pub(crate) fn bound(&self) -> Bound {
        let weights = |layer: &Layer| layer.weight().iter().product::<usize>();
        let products = self.layers.iter().enumerate().map(|(i, layer)| {
            // The forward product, the weight's gradient, and the input's gradient in all layers
            // but the first.
            let times = if i == 0 { 2 } else { 3 };
            (2 * times * self.batch() * layer.uses() * weights(layer)) as f64
        });
        let parameters: usize =
            self.layers.iter().map(|layer| weights(layer) + layer.weight()[0]).sum();
        // The weights and the optimizer's state are read and written, the gradient is read.
        let (passes, arrays) = if self.adam { (7, 4) } else { (3, 2) };
        let bytes = (passes * parameters * size_of::<f32>()) as f64;
        Bound { flops: products.sum(), bytes, places: arrays * parameters }
    }
}

/// The arrays `x` and `w` of the elementwise workload.
pub(crate) fn elements() -> [Array; 2] {
    [2, 3].map(|seed| Lcg::new(seed).uniform(&[1 << 20], 1.0))
}
