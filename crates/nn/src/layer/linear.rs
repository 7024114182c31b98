//! [`Linear`]: a fully connected layer with its activation.

use rand::Rng;
use wengert_autodiff::{Activation, Element, Kind, Parameter, Result, Var, instances, ops};

use super::accessors::accessors;
use super::affine::{self, Affine};
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder, Weighted};
use crate::forward::Layer;
use crate::init::{Init, InitError};
use crate::module::Module;
use crate::observe::Observer;

/// `y = activation(x weight^T + bias)`, with bias and activation fused into the matrix product.
///
/// # Shapes
/// `x` is `[.., in]`, `weight` `[out, in]`, `bias` `[out]`; the output is `[.., out]`.
#[derive(Clone, Debug, Module)]
#[module(activation = self.activation)]
pub struct Linear<E: Element = f32> {
    #[module(flatten)]
    affine: Affine<E>,
    #[module(skip)]
    activation: Activation,
}

impl Linear {
    /// The config of a layer from `inputs` to `outputs` features, without an activation, with a
    /// bias.
    ///
    /// ```
    /// use wengert_autodiff::{Activation, Tensor};
    /// use wengert_nn::{Init, Layer, Linear};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let config = Linear::config(64, 32).activation(Activation::Relu).init(Init::he_uniform());
    /// let layer = config.without_bias().build(&mut rng)?;
    /// assert_eq!(layer.predict(&Tensor::<f32>::ones([8, 64])).shape().dims(), [8, 32]);
    /// # Ok::<(), wengert_nn::Error>(())
    /// ```
    pub fn config(inputs: usize, outputs: usize) -> LinearConfig {
        let activation = Activation::Identity;
        LinearConfig { inputs, outputs, activation, init: None, bias: true }
    }
}

impl<E: Element> Linear<E> {
    /// A layer from `inputs` to `outputs` features, with a weight drawn by `init` and a bias of
    /// zeros.
    ///
    /// # Errors
    /// If the initializer cannot be applied.
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        init: &Init,
        rng: &mut impl Rng,
    ) -> Result<Self, InitError> {
        let weight = ([outputs, inputs].into(), Kind::weight(inputs, outputs));
        Ok(Self { affine: Affine::new("linear", weight, outputs, init, rng)?, activation })
    }

    /// Removes the bias.
    pub fn without_bias(mut self) -> Self {
        self.affine.bias = None;
        self
    }

    fn apply<'t>(&self, x: Var<'t, E>, activation: Activation) -> Result<Var<'t, E>> {
        let (weight, bias) = self.affine.on(x.tape());
        ops::linear(x, weight, bias, activation)
    }

    accessors! {
        layer => layer.affine.weight, layer.affine.bias.as_ref(), layer.affine.bias.as_mut();
        "`[out, in]`", "`[out]`"
    }
}

impl<E: Element> Weighted<E> for Linear<E> {
    fn weight_parameter(&self) -> &Parameter<E> {
        &self.affine.weight
    }

    fn forward_with<'t>(&self, x: Var<'t, E>, weight: Var<'t, E>) -> Result<Var<'t, E>> {
        ops::linear(x, weight, self.affine.on(x.tape()).1, self.activation)
    }
}

impl<E: Element> Layer<E> for Linear<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.apply(x, self.activation)
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        affine::observe(x, observer, self.activation, |activation| self.apply(x, activation))
    }
}

/// Describes a [`Linear`] layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearConfig {
    inputs: usize,
    outputs: usize,
    activation: Activation,
    init: Option<Init>,
    bias: bool,
}

impl LinearConfig {
    /// Sets the activation of the outputs.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Sets the initializer of the weight; [`Init::for_activation`] by default.
    pub fn init(self, init: Init) -> Self {
        Self { init: Some(init), ..self }
    }

    /// Omits the bias.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Builds the layer, with a weight drawn from `rng`.
    ///
    /// # Errors
    /// If the initializer cannot be applied, or none is set and the activation has no gain.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Linear<E>, LayerError> {
        let init = affine::scheme(self.init.as_ref(), self.activation)?;
        let layer = Linear::new(self.inputs, self.outputs, self.activation, &init, rng)?;
        Ok(if self.bias { layer } else { layer.without_bias() })
    }
}

impl<E: Element> LayerConfig<E> for LinearConfig {
    type Layer = Linear<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.features(self.inputs, self.outputs)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Linear<E>, LayerError> {
        self.build(&mut rng)
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds a fully connected layer with its activation.
    pub fn linear(self, inputs: usize, outputs: usize, activation: Activation) -> Self {
        self.with(Linear::config(inputs, outputs).activation(activation))
    }
}

instances!(linear<E>: SequentialBuilder::<E>::with::<LinearConfig>);
