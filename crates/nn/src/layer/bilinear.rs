//! [`Bilinear`]: products of pairs of features of two inputs.

use rand::Rng;
use wengert_autodiff::{Element, Error, Kind, Parameter, Result, Tensor, Var, ops};

use super::LayerError;
use super::accessors::accessors;
use crate::init::Init;
use crate::module::Module;

/// `y_o = sum over i, j of x1_i weight_oij x2_j + bias_o`.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor};
/// use wengert_nn::Bilinear;
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let layer = Bilinear::config(3, 4, 5).build(&mut rng)?;
/// let tape = Tape::new();
/// let [x1, x2] = [3, 4].map(|features| tape.constant(&Tensor::<f32>::ones([2, features])));
/// assert_eq!(layer.try_forward(x1, x2)?.shape(), [2, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shapes
/// `x1` is `[.., in1]`, `x2` `[.., in2]` with the same leading axes, `weight` `[out, in1, in2]`,
/// `bias` `[out]`; the output is `[.., out]`.
#[derive(Clone, Debug, Module)]
pub struct Bilinear<E: Element = f32> {
    weight: Parameter<E>,
    bias: Option<Parameter<E>>,
}

impl Bilinear {
    /// The config of a layer of `inputs1` and `inputs2` features to `outputs`, with a bias.
    pub fn config(inputs1: usize, inputs2: usize, outputs: usize) -> BilinearConfig {
        BilinearConfig { inputs: [inputs1, inputs2], outputs, bias: true, init: None }
    }
}

impl<E: Element> Bilinear<E> {
    accessors! {
        layer => layer.weight, layer.bias.as_ref(), layer.bias.as_mut();
        "`[out, in1, in2]`", "`[out]`"
    }

    /// Computes the output for a batch of pairs.
    ///
    /// # Errors
    /// If the inputs' shapes do not fit the layer or each other.
    pub fn try_forward<'t>(&self, x1: Var<'t, E>, x2: Var<'t, E>) -> Result<Var<'t, E>> {
        let shape = self.weight.value().shape();
        let [outputs, inputs1, inputs2] = [0, 1, 2].map(|axis| shape[axis]);
        let got = [x1.shape(), x2.shape()];
        let fits = match (got[0].split_last(), got[1].split_last()) {
            (Some((&a, front1)), Some((&b, front2))) => {
                a == inputs1 && b == inputs2 && front1 == front2
            }
            _ => false,
        };
        if !fits {
            let expected =
                format!("x1 [.., {inputs1}] and x2 [.., {inputs2}] with the same leading axes");
            return Err(Error::Shapes { op: "bilinear", expected, got: got.into() });
        }
        let tape = x1.tape();
        let rows = got[0].iter().rev().skip(1).product();
        let (a, b) = (ops::reshape(x1, [rows, inputs1])?, ops::reshape(x2, [rows, inputs2])?);
        // One matrix product computes the sums over j, [out in1, rows]; the sums over i follow.
        let weight = ops::reshape(tape.parameter(&self.weight), [outputs * inputs1, inputs2])?;
        let sums = ops::matmul(b, ops::transpose(weight, 0, 1)?)?;
        let sums = ops::reshape(sums, [rows, outputs, inputs1])?;
        let y = ops::matmul(sums, ops::unsqueeze(a, 2)?)?;
        let mut sizes = got[0].to_vec();
        sizes[got[0].rank() - 1] = outputs;
        let y = ops::reshape(y, sizes)?;
        match &self.bias {
            Some(bias) => ops::add(y, tape.parameter(bias)),
            None => Ok(y),
        }
    }

    /// Computes the output for a batch of pairs. See [`try_forward`](Self::try_forward).
    ///
    /// # Panics
    /// If the inputs' shapes do not fit the layer or each other.
    #[track_caller]
    pub fn forward<'t>(&self, x1: Var<'t, E>, x2: Var<'t, E>) -> Var<'t, E> {
        super::error::expect(self.try_forward(x1, x2))
    }
}

/// Describes a [`Bilinear`] layer.
#[derive(Clone, Debug, PartialEq)]
pub struct BilinearConfig {
    inputs: [usize; 2],
    outputs: usize,
    bias: bool,
    init: Option<Init>,
}

impl BilinearConfig {
    /// Sets the initializer of the weight; the bias then begins at zero. By default weight and bias
    /// are drawn uniformly from `-1 / sqrt(inputs1)` to `1 / sqrt(inputs1)`, as in PyTorch.
    pub fn init(self, init: Init) -> Self {
        Self { init: Some(init), ..self }
    }

    /// Omits the bias.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Builds the layer, with parameters drawn from `rng`.
    ///
    /// # Errors
    /// If the first number of inputs is zero, the initializer cannot be applied, or there is no
    /// memory.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Bilinear<E>, LayerError> {
        let &Self { inputs: [inputs1, inputs2], outputs, .. } = self;
        if inputs1 == 0 {
            let message = "the number of features of x1 must be positive, got 0".to_owned();
            return Err(Error::Argument { op: "bilinear", message }.into());
        }
        let bound = 1.0 / (inputs1 as f64).sqrt();
        let uniform = Init::Uniform { low: -bound, high: bound };
        let fan_in = inputs1.saturating_mul(inputs2);
        let kind = Kind::weight(fan_in, outputs.saturating_mul(inputs2));
        let weight = self.init.as_ref().unwrap_or(&uniform);
        let weight = weight.sample_for([outputs, inputs1, inputs2], kind, rng);
        let weight = weight.map_err(|error| error.of_layer("bilinear"))?;
        let bias: Option<Tensor<E>> = match (self.bias, &self.init) {
            (false, _) => None,
            (true, Some(_)) => Some(Tensor::try_full([outputs], E::ZERO)?),
            (true, None) => Some(uniform.sample([outputs], rng)?),
        };
        Ok(Bilinear { weight: Parameter::of_kind(weight, kind), bias: bias.map(Parameter::bias) })
    }
}
