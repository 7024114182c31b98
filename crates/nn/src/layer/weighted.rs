//! [`WeightNorm`] and [`SpectralNorm`]: layers whose weight is computed from the parameter.

use rand::Rng;
use wengert_autodiff::{Element, Error, Parameter, Result, Tensor, Var, ops};

use super::{Buffer, LayerConfig, LayerError, SampleShape};
use crate::forward::Layer;
use crate::module::Module;

/// A layer that multiplies by a weight, and can also multiply by another weight: the layers that
/// [`WeightNorm`] and [`SpectralNorm`] wrap.
pub trait Weighted<E: Element = f32>: Layer<E> {
    /// The axis of the weight along which the outputs lie.
    const OUTPUTS: usize = 0;

    /// The weight.
    fn weight_parameter(&self) -> &Parameter<E>;

    /// Computes the output with this weight in place of the layer's own.
    ///
    /// # Errors
    /// If the shapes do not fit.
    fn forward_with<'t>(&self, x: Var<'t, E>, weight: Var<'t, E>) -> Result<Var<'t, E>>;
}

/// A layer whose weight is `weight_g weight / |weight|`, with the norm over all axes but the first:
/// length and direction are learned separately.
///
/// Source: T. Salimans, D. Kingma, "Weight normalization: a simple reparameterization to accelerate
/// training of deep neural networks", `NeurIPS` 2016.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, Linear, Module, WeightNorm};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let plain: Linear = Linear::config(3, 4).build(&mut rng)?;
/// let x = Tensor::ones([2, 3]);
/// let before = plain.predict(&x);
/// let layer = WeightNorm::new(plain)?;
/// let difference = &layer.predict(&x) - &before;
/// assert!(difference.abs().max().item() < 1e-6);
/// assert_eq!(layer.parameters()[2].0, "weight_g");
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// Those of the layer. Its parameters keep their names; `weight` is the direction (PyTorch's
/// `weight_v`). `weight_g` has the weight's shape, with all sizes but the first replaced by 1.
#[derive(Clone, Debug, Module)]
pub struct WeightNorm<L, E: Element = f32> {
    #[module(flatten)]
    inner: L,
    weight_g: Parameter<E>,
}

impl<E: Element, L: Weighted<E>> WeightNorm<L, E> {
    /// Wraps a layer. Its outputs do not change, because `weight_g` begins as the norm of the
    /// weight.
    ///
    /// # Errors
    /// If the weight has no first axis, or there is no memory.
    pub fn new(inner: L) -> Result<Self, LayerError> {
        let weight = inner.weight_parameter().value();
        let axes = other_axes("weight_norm", weight)?;
        let weight_g = Parameter::gain(weight.try_norm_axes(2.0, &axes, true)?);
        Ok(Self { inner, weight_g })
    }

    /// The wrapped layer, whose weight is the direction.
    pub fn inner(&self) -> &L {
        &self.inner
    }

    /// The lengths of the weights.
    pub fn weight_g(&self) -> &Parameter<E> {
        &self.weight_g
    }
}

/// All axes but the first.
fn other_axes<E: Element>(op: &'static str, weight: &Tensor<E>) -> Result<Vec<isize>> {
    if weight.rank() < 2 {
        let expected = "a weight of at least two axes".to_owned();
        return Err(Error::Shapes { op, expected, got: vec![weight.shape().clone()] });
    }
    Ok((1..weight.rank() as isize).collect())
}

impl<E: Element, L: Weighted<E>> Layer<E> for WeightNorm<L, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let parameter = self.inner.weight_parameter();
        let axes = other_axes("weight_norm", parameter.value())?;
        let (weight, length) = (x.tape().parameter(parameter), x.tape().parameter(&self.weight_g));
        let factor = ops::div(length, ops::norm_axes(weight, 2.0, &axes, true)?)?;
        self.inner.forward_with(x, ops::mul(weight, factor)?)
    }
}

/// A layer whose weight is divided by an estimate of its largest singular value, so that the
/// weight, as a matrix of outputs and inputs, has spectral norm 1.
///
/// The estimate is `u^T weight v`. Each forward pass in training improves the vectors `u` and `v`
/// by a step of the power iteration, through which no gradient passes; in inference they are
/// constant. The vectors are [`Buffer`]s.
///
/// Source: T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR
/// 2018.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Init, Layer, Linear, SpectralNorm};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let plain: Linear = Linear::config(2, 2).init(Init::Constant(3.0)).build(&mut rng)?;
/// let layer = SpectralNorm::new(plain, &mut rng)?;
/// // The matrix of threes has the norm 6.
/// let y = layer.predict(&Tensor::ones([1, 2]));
/// assert!(y.to_vec().iter().all(|y| (y - 1.0).abs() < 1e-5));
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// Those of the layer, whose parameters keep their names. `u` is `[out]`, `v` has one element for
/// each element of the weight that belongs to one output.
#[derive(Clone, Debug, Module)]
pub struct SpectralNorm<L, E: Element = f32> {
    #[module(flatten)]
    inner: L,
    u: Buffer<E>,
    v: Buffer<E>,
    steps: usize,
    eps: f64,
    #[module(training)]
    training: bool,
}

/// The number of power iterations when the layer is created.
const FIRST_STEPS: usize = 15;

impl<E: Element, L: Weighted<E>> SpectralNorm<L, E> {
    /// Wraps a layer, with random vectors that are improved by 15 power iterations.
    ///
    /// # Errors
    /// If the weight has no first axis or no elements, or there is no memory.
    pub fn new(inner: L, rng: &mut impl Rng) -> Result<Self, LayerError> {
        let weight = matrix::<E, L>(inner.weight_parameter().value())?;
        let [rows, columns] = [0, 1].map(|axis| weight.shape()[axis]);
        if rows * columns == 0 {
            let expected = "a weight with elements".to_owned();
            let got = vec![inner.weight_parameter().value().shape().clone()];
            return Err(Error::Shapes { op: "spectral_norm", expected, got }.into());
        }
        let mut random = |size: usize| {
            let init = crate::init::Init::Normal { mean: 0.0, std: 1.0 };
            init.sample::<E>([size], rng)
        };
        let eps = 1e-12;
        let (u, v) = (normalized(&random(rows)?, eps)?, normalized(&random(columns)?, eps)?);
        let (u, v) = iterate(&weight, u, v, FIRST_STEPS, eps)?;
        Ok(Self { inner, u: Buffer::new(u), v: Buffer::new(v), steps: 1, eps, training: true })
    }

    /// Sets the number of power iterations of each forward pass in training, PyTorch's
    /// `n_power_iterations`; 1 by default.
    pub fn steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// Sets the smallest length by which a vector is divided; 1e-12 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// The wrapped layer.
    pub fn inner(&self) -> &L {
        &self.inner
    }

    /// The vectors `u`, for the outputs, and `v`, for the inputs, of the estimate.
    pub fn vectors(&self) -> (&Buffer<E>, &Buffer<E>) {
        (&self.u, &self.v)
    }
}

/// The weight as a matrix with a row for each output.
fn matrix<E: Element, L: Weighted<E>>(weight: &Tensor<E>) -> Result<Tensor<E>> {
    other_axes("spectral_norm", weight)?;
    let rows = weight.shape()[L::OUTPUTS];
    let columns = weight.len().checked_div(rows).unwrap_or_default();
    weight.try_transpose(0, L::OUTPUTS as isize)?.try_reshape([rows, columns])
}

/// A vector of length 1.
fn normalized<E: Element>(x: &Tensor<E>, eps: f64) -> Result<Tensor<E>> {
    let length = x.try_norm(2.0)?.item().to_f64().max(eps);
    x.try_mul_scalar(E::from_f64(1.0 / length))
}

/// The vectors after a number of power iterations.
fn iterate<E: Element>(
    weight: &Tensor<E>,
    mut u: Tensor<E>,
    mut v: Tensor<E>,
    steps: usize,
    eps: f64,
) -> Result<(Tensor<E>, Tensor<E>)> {
    for _ in 0..steps {
        u = normalized(&weight.try_matmul(&v)?, eps)?;
        v = normalized(&u.try_matmul(weight)?, eps)?;
    }
    Ok((u, v))
}

impl<E: Element, L: Weighted<E>> Layer<E> for SpectralNorm<L, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let parameter = self.inner.weight_parameter();
        let (mut u, mut v) = (self.u.value(), self.v.value());
        if self.training {
            let weight = matrix::<E, L>(parameter.value())?;
            (u, v) = iterate(&weight, u, v, self.steps, self.eps)?;
            self.u.set(u.clone());
            self.v.set(v.clone());
        }
        let tape = x.tape();
        let weight = tape.parameter(parameter);
        let (rows, columns) = (u.len(), v.len());
        let flat = ops::transpose(weight, 0, L::OUTPUTS as isize)?;
        let flat = ops::reshape(flat, [rows, columns])?;
        let sums = ops::matmul(flat, tape.constant(&v))?;
        let largest = ops::sum(ops::mul(tape.constant(&u), sums)?)?;
        self.inner.forward_with(x, ops::div(weight, largest)?)
    }
}

/// Describes a [`WeightNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightNormConfig<C> {
    inner: C,
}

/// Describes a [`SpectralNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpectralNormConfig<C> {
    inner: C,
}

impl WeightNorm<()> {
    /// The config of the layer that `inner` describes, with weight normalization.
    pub fn config<C>(inner: C) -> WeightNormConfig<C> {
        WeightNormConfig { inner }
    }
}

impl SpectralNorm<()> {
    /// The config of the layer that `inner` describes, with spectral normalization.
    pub fn config<C>(inner: C) -> SpectralNormConfig<C> {
        SpectralNormConfig { inner }
    }
}

impl<E: Element, C: LayerConfig<E, Layer: Weighted<E>>> LayerConfig<E> for WeightNormConfig<C> {
    type Layer = WeightNorm<C::Layer, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        self.inner.output_shape(input)
    }

    fn build(&self, rng: &mut dyn Rng) -> Result<Self::Layer, LayerError> {
        WeightNorm::new(self.inner.build(rng)?)
    }
}

impl<E: Element, C: LayerConfig<E, Layer: Weighted<E>>> LayerConfig<E> for SpectralNormConfig<C> {
    type Layer = SpectralNorm<C::Layer, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        self.inner.output_shape(input)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Self::Layer, LayerError> {
        let inner = self.inner.build(rng)?;
        SpectralNorm::new(inner, &mut rng)
    }
}
