//! [`PaddedConv`]: a convolution whose padding is given by a rule, or mirrored.

use rand::Rng;
use wengert_autodiff::ops::{self, ConvOptions, Extent, PadMode, PadWidth};
use wengert_autodiff::{Activation, Element, Error, Result, Var};

use super::conv::{Conv, ConvConfig};
use super::{LayerConfig, LayerError, SampleShape};
use crate::forward::Layer;
use crate::init::Init;
use crate::module::Module;

/// The amount of padding around the input of a [`PaddedConv`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding<const AXES: usize> {
    /// No padding: the output is smaller than the input.
    #[default]
    Valid,
    /// Padding with which the output has the size of the input; an odd position is added at the
    /// end. Requires a stride of 1.
    Same,
    /// This number of positions on each side.
    Sides(Extent<AXES>),
}

/// The content of the padding around the input of a [`PaddedConv`]: PyTorch's `padding_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The input mirrored at its first and last positions, which are not repeated.
    Reflect,
    /// The first and last positions, repeated.
    Replicate,
}

/// A convolution whose padding is given by a rule ([`Padding`]) and filled with zeros, the mirrored
/// input or its edge ([`PaddingMode`]). A given number of zeros is an option of [`Conv`] itself.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, PaddedConv2d, Padding, PaddingMode};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let layer = PaddedConv2d::config(3, 8, [3, 4])
///     .padding(Padding::Same)
///     .padding_mode(PaddingMode::Reflect)
///     .build(&mut rng)?;
/// assert_eq!(layer.predict(&Tensor::<f32>::ones([2, 3, 9, 9])).shape().dims(), [2, 8, 9, 9]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// Those of [`Conv`].
#[derive(Clone, Debug, Module)]
#[module(activation = self.conv.activation())]
pub struct PaddedConv<const AXES: usize, E: Element = f32> {
    #[module(flatten)]
    conv: Conv<AXES, E>,
    /// The padding that the convolution itself does not add.
    #[module(skip)]
    sides: Option<[[usize; 2]; AXES]>,
    #[module(skip)]
    mode: PaddingMode,
}

/// A padded convolution over signals, `[batch, channels, length]`.
pub type PaddedConv1d<E = f32> = PaddedConv<1, E>;

/// A padded convolution over images, `[batch, channels, rows, columns]`.
pub type PaddedConv2d<E = f32> = PaddedConv<2, E>;

impl<const AXES: usize> PaddedConv<AXES> {
    /// The config of a layer from `inputs` to `outputs` channels, without padding, with a bias.
    pub fn config(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
    ) -> PaddedConvConfig<AXES> {
        PaddedConvConfig {
            conv: Conv::config(inputs, outputs, kernel),
            channels: [inputs, outputs],
            kernel: Extent([1; AXES]),
            stride: Extent([1; AXES]),
            dilation: Extent([1; AXES]),
            groups: 1,
            activation: Activation::Identity,
            padding: Padding::Valid,
            mode: PaddingMode::Zeros,
        }
        .of_kernel()
    }
}

impl<const AXES: usize, E: Element> PaddedConv<AXES, E> {
    /// The convolution without the padding.
    pub fn conv(&self) -> &Conv<AXES, E> {
        &self.conv
    }
}

impl<const AXES: usize, E: Element> Layer<E> for PaddedConv<AXES, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let Some(sides) = self.sides else { return self.conv.try_forward(x) };
        let shape = x.shape();
        if shape.rank() <= AXES {
            // The convolution reports which shapes it accepts.
            return self.conv.try_forward(x);
        }
        let mode = match self.mode {
            PaddingMode::Zeros => PadMode::Constant(E::ZERO),
            PaddingMode::Reflect => PadMode::Reflect,
            PaddingMode::Replicate => PadMode::Edge,
        };
        let width = |(i, [before, after]): (usize, &[usize; 2])| PadWidth {
            axis: i as isize - AXES as isize,
            before: *before,
            after: *after,
        };
        let widths: Vec<PadWidth> = sides.iter().enumerate().map(width).collect();
        self.conv.try_forward(ops::pad(x, &widths, mode)?)
    }
}

/// Describes a [`PaddedConv`].
#[derive(Clone, Debug, PartialEq)]
pub struct PaddedConvConfig<const AXES: usize> {
    conv: ConvConfig<AXES>,
    channels: [usize; 2],
    kernel: Extent<AXES>,
    stride: Extent<AXES>,
    dilation: Extent<AXES>,
    groups: usize,
    activation: Activation,
    padding: Padding<AXES>,
    mode: PaddingMode,
}

impl<const AXES: usize> PaddedConvConfig<AXES> {
    fn of_kernel(self) -> Self {
        let kernel = self.conv.kernel();
        Self { kernel, ..self }
    }

    /// Sets the stride of the kernel; 1 by default.
    pub fn stride(self, stride: impl Into<Extent<AXES>>) -> Self {
        Self { stride: stride.into(), ..self }
    }

    /// Sets the distance between the kernel's positions; 1 by default.
    pub fn dilation(self, dilation: impl Into<Extent<AXES>>) -> Self {
        Self { dilation: dilation.into(), ..self }
    }

    /// Sets the number of groups; 1 by default.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Sets the activation of the outputs.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Sets the amount of padding; none by default.
    pub fn padding(self, padding: Padding<AXES>) -> Self {
        Self { padding, ..self }
    }

    /// Sets the content of the padding; zeros by default.
    pub fn padding_mode(self, mode: PaddingMode) -> Self {
        Self { mode, ..self }
    }

    /// Sets the initializer of the weight; [`Init::for_activation`] by default.
    pub fn init(self, init: Init) -> Self {
        Self { conv: self.conv.init(init), ..self }
    }

    /// Omits the bias.
    pub fn without_bias(self) -> Self {
        Self { conv: self.conv.without_bias(), ..self }
    }

    /// The number of positions added before and after the input along each axis.
    fn sides(&self) -> Result<[[usize; 2]; AXES]> {
        match self.padding {
            Padding::Valid => Ok([[0; 2]; AXES]),
            Padding::Sides(Extent(sides)) => Ok(sides.map(|side| [side; 2])),
            Padding::Same if self.stride != Extent([1; AXES]) => {
                let message = format!(
                    "padding that keeps the size requires a stride of 1, got {:?}",
                    self.stride.0
                );
                Err(Error::Argument { op: "padded_conv", message })
            }
            Padding::Same => Ok(std::array::from_fn(|i| {
                let [kernel, dilation] = [self.kernel.0[i], self.dilation.0[i]];
                let total = kernel.saturating_sub(1).saturating_mul(dilation);
                [total / 2, total - total / 2]
            })),
        }
    }

    fn options(&self) -> ConvOptions<AXES> {
        ConvOptions::new()
            .stride(self.stride)
            .dilation(self.dilation)
            .groups(self.groups)
            .activation(self.activation)
    }

    /// Builds the layer, with a weight drawn from `rng`.
    ///
    /// # Errors
    /// Those of [`Conv::new`], and if [`Padding::Same`] is combined with a stride other than 1.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<PaddedConv<AXES, E>, LayerError> {
        let (sides, options) = (self.sides()?, self.options());
        let zeros = self.mode == PaddingMode::Zeros;
        let options = if zeros { options.padding_sides(sides) } else { options };
        let conv = self.conv.clone().options(options).build(rng)?;
        let sides = (!zeros && sides != [[0; 2]; AXES]).then_some(sides);
        Ok(PaddedConv { conv, sides, mode: self.mode })
    }
}

impl<const AXES: usize, E: Element> LayerConfig<E> for PaddedConvConfig<AXES> {
    type Layer = PaddedConv<AXES, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        let options = self.options().padding_sides(self.sides()?);
        let [inputs, outputs] = self.channels;
        input.image(inputs, outputs, |size: [usize; AXES]| {
            Ok(options.output_size(self.kernel, Extent(size))?)
        })
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<PaddedConv<AXES, E>, LayerError> {
        self.build(&mut rng)
    }
}
