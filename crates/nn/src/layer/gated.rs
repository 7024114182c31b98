//! Gated units: [`Glu`], and [`GatedLinear`] with a linear layer before the gate (`SwiGLU` and
//! similar layers).

use rand::Rng;
use wengert_autodiff::{Activation, Element, Error, Result, Var, instances, ops};

use super::{LayerConfig, LayerError, Linear, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::init::Init;
use crate::module::Module;

/// `a * logistic(b)`, with `a` the first and `b` the second half of an axis.
///
/// Source: Y. Dauphin, A. Fan, M. Auli, D. Grangier, "Language modeling with gated convolutional
/// networks", ICML 2017.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Glu, Layer};
/// let y = Glu::default().predict(&Tensor::<f32>::from([[3.0, 5.0, 0.0, 0.0]]));
/// assert_eq!(y.to_vec(), [1.5, 2.5]);
/// ```
///
/// # Shapes
/// The axis, by default the last, has an even size; its size in the output is half of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct Glu {
    axis: isize,
}

impl Default for Glu {
    fn default() -> Self {
        Self { axis: -1 }
    }
}

impl Glu {
    /// Creates a gated unit along this axis; negative axes count from the end (PyTorch's `dim`).
    pub fn new(axis: isize) -> Self {
        Self { axis }
    }
}

impl<E: Element> Layer<E> for Glu {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        gate(x, self.axis, Activation::Logistic)
    }
}

/// Computes `a * activation(b)` for the halves `a` and `b` of an axis.
fn gate<E: Element>(x: Var<'_, E>, axis: isize, activation: Activation) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let rank = shape.rank() as isize;
    if !(-rank..rank).contains(&axis) {
        return Err(Error::Axis { op: "glu", axis, rank: shape.rank() });
    }
    let size = shape[axis.rem_euclid(rank) as usize];
    if !size.is_multiple_of(2) {
        let expected = format!("an even size of axis {axis}");
        return Err(Error::Shapes { op: "glu", expected, got: vec![shape] });
    }
    let half = (size / 2) as isize;
    let (a, b) = (ops::slice(x, axis, ..half)?, ops::slice(x, axis, half..)?);
    ops::mul(a, ops::activate(b, activation)?)
}

impl<E: Element> LayerConfig<E> for Glu {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        let takes = || input.refused("[.., an even number]".to_owned());
        match input {
            SampleShape::Last(size) if self.axis == -1 => {
                if size % 2 == 0 {
                    Ok(SampleShape::Last(size / 2))
                } else {
                    Err(takes())
                }
            }
            SampleShape::Axes(axes) => {
                // The batch axis is not one of the axes of a sample.
                let at = if self.axis < 0 {
                    axes.len().checked_add_signed(self.axis)
                } else {
                    self.axis.checked_sub(1).map(|at| at as usize)
                };
                let at = at.filter(|&at| at < axes.len()).ok_or_else(takes)?;
                if axes[at].is_some_and(|size| size % 2 != 0) {
                    return Err(takes());
                }
                let mut axes = axes.clone();
                axes[at] = axes[at].map(|size| size / 2);
                Ok(SampleShape::Axes(axes))
            }
            _ => Ok(SampleShape::Unknown),
        }
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}

/// `activation(gate(x)) * value(x)`, where `gate` and `value` are linear and computed in one
/// product: the replacement of the first linear layer and its activation in the feed-forward part
/// of many language models.
///
/// | | activation of the gate |
/// |---|---|
/// | [`glu`](Self::glu) | logistic |
/// | [`swiglu`](Self::swiglu) | silu |
/// | [`geglu`](Self::geglu) | gelu |
/// | [`reglu`](Self::reglu) | relu |
///
/// Source: N. Shazeer, "GLU variants improve transformer", arXiv:2002.05202, 2020.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{GatedLinear, Layer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let layer = GatedLinear::swiglu(8, 32).build(&mut rng)?;
/// assert_eq!(layer.predict(&Tensor::<f32>::ones([2, 8])).shape().dims(), [2, 32]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `x` is `[.., in]`, `weight` `[2 out, in]`, the rows of the value before those of the gate,
/// `bias` `[2 out]`; the output is `[.., out]`.
#[derive(Clone, Debug, Module)]
pub struct GatedLinear<E: Element = f32> {
    #[module(flatten)]
    linear: Linear<E>,
    #[module(skip)]
    activation: Activation,
}

impl GatedLinear {
    /// The config of a layer of `inputs` features to `outputs`, with a bias, whose gate has this
    /// activation.
    pub fn config(inputs: usize, outputs: usize, activation: Activation) -> GatedLinearConfig {
        GatedLinearConfig { inputs, outputs, activation, bias: true, init: None }
    }

    /// The config of a layer whose gate is a logistic function.
    pub fn glu(inputs: usize, outputs: usize) -> GatedLinearConfig {
        Self::config(inputs, outputs, Activation::Logistic)
    }

    /// The config of a layer whose gate is silu, also named swish.
    pub fn swiglu(inputs: usize, outputs: usize) -> GatedLinearConfig {
        Self::config(inputs, outputs, Activation::Silu)
    }

    /// The config of a layer whose gate is gelu.
    pub fn geglu(inputs: usize, outputs: usize) -> GatedLinearConfig {
        Self::config(inputs, outputs, Activation::Gelu)
    }

    /// The config of a layer whose gate is relu.
    pub fn reglu(inputs: usize, outputs: usize) -> GatedLinearConfig {
        Self::config(inputs, outputs, Activation::Relu)
    }
}

impl<E: Element> GatedLinear<E> {
    /// The linear layer of values and gates, whose weight is `[2 out, in]`.
    pub fn linear(&self) -> &Linear<E> {
        &self.linear
    }
}

impl<E: Element> Layer<E> for GatedLinear<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        gate(self.linear.try_forward(x)?, -1, self.activation)
    }
}

/// Describes a [`GatedLinear`] layer.
#[derive(Clone, Debug, PartialEq)]
pub struct GatedLinearConfig {
    inputs: usize,
    outputs: usize,
    activation: Activation,
    bias: bool,
    init: Option<Init>,
}

impl GatedLinearConfig {
    /// Sets the initializer of the weight; [`Init::xavier_normal`] by default.
    pub fn init(self, init: Init) -> Self {
        Self { init: Some(init), ..self }
    }

    /// Omits the bias, as most language models do.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Builds the layer, with a weight drawn from `rng`.
    ///
    /// # Errors
    /// If the initializer cannot be applied, or there is no memory.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<GatedLinear<E>, LayerError> {
        let Some(rows) = self.outputs.checked_mul(2) else {
            let message = format!("twice {} outputs do not fit the address space", self.outputs);
            return Err(Error::Argument { op: "gated_linear", message }.into());
        };
        let init = self.init.clone().unwrap_or(Init::xavier_normal());
        let config = Linear::config(self.inputs, rows).init(init);
        let linear = if self.bias { config } else { config.without_bias() }.build(rng)?;
        Ok(GatedLinear { linear, activation: self.activation })
    }
}

impl<E: Element> LayerConfig<E> for GatedLinearConfig {
    type Layer = GatedLinear<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.features(self.inputs, self.outputs)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<GatedLinear<E>, LayerError> {
        self.build(&mut rng)
    }
}

instances!(
    gated<E>:
    SequentialBuilder::<E>::with::<Glu>,
    SequentialBuilder::<E>::with::<GatedLinearConfig>
);
