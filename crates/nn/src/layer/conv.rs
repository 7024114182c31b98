//! [`Conv`]: a convolution with its activation, over lines ([`Conv1d`]) or images ([`Conv2d`]).

use rand::Rng;
use wengert_autodiff::ops::{self, ConvOptions, Extent};
use wengert_autodiff::{Activation, Element, Parameter, Result, Var, WeightLayout};

use super::LayerError;
use super::accessors::accessors;
use super::affine::{self, Affine};
use crate::init::Init;
use crate::module::{Module, Visitor, VisitorMut};
use crate::observe::Observer;

/// `y = activation(conv(x, weight) + bias)`, bias and activation applied in the convolution's own
/// pass. The activation is one of the options.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::{Activation, Tape, Tensor, ops::Conv2dOptions};
/// use wengert_nn::{Conv2d, Init, Module};
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let options = Conv2dOptions::new().padding(2).activation(Activation::Relu);
/// let layer = Conv2d::<f32>::new(1, 6, 5, options, &Init::he_normal(), &mut rng)?;
/// let tape = Tape::new();
/// let y = layer.forward(tape.constant(&Tensor::ones([64, 1, 28, 28])));
/// assert_eq!(y.shape(), [64, 6, 28, 28]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// For images `x` is `[batch, in, rows, columns]` and `weight` `[out, in / groups, kernel rows,
/// kernel columns]`, for lines `[batch, in, length]` and `[out, in / groups, kernel]`; `bias` is
/// `[out]`. See [`ops::conv1d`] for the output's sizes.
#[derive(Clone, Debug)]
pub struct Conv<const AXES: usize, E: Element = f32> {
    affine: Affine<E>,
    options: ConvOptions<AXES>,
}

/// A convolution over lines, `[batch, channels, length]`.
pub type Conv1d<E = f32> = Conv<1, E>;

/// A convolution over images, `[batch, channels, rows, columns]`.
pub type Conv2d<E = f32> = Conv<2, E>;

impl<const AXES: usize, E: Element> Conv<AXES, E> {
    /// A layer from `inputs` to `outputs` channels, its weight drawn by `init`, its bias zero. The
    /// fan-in of the weight is `inputs / groups` times the positions of the kernel, its fan-out
    /// `outputs / groups` times these.
    ///
    /// # Errors
    /// If the groups do not divide the channels, the initializer cannot be applied, a size does not
    /// fit the address space, or there is no memory for the parameters.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
        options: ConvOptions<AXES>,
        init: &Init,
        rng: &mut impl Rng,
    ) -> Result<Self, LayerError> {
        let shape = options.weight_shape(inputs, outputs, kernel)?;
        let groups = options.group_count();
        let layout = WeightLayout { groups, inputs_first: false };
        let kind = affine::convolution([shape[1], outputs / groups], &shape.dims()[2..], layout);
        Ok(Self { affine: Affine::new((shape, kind), outputs, init, rng)?, options })
    }

    /// The same layer without a bias.
    pub fn without_bias(mut self) -> Self {
        self.affine.bias = None;
        self
    }

    fn apply<'t>(&self, x: Var<'t, E>, activation: Activation) -> Result<Var<'t, E>> {
        let (weight, bias) = self.affine.on(x.tape());
        ops::conv(x, weight, bias, self.options.activation(activation))
    }

    accessors! {
        layer => layer.affine.weight, layer.affine.bias.as_ref(), layer.affine.bias.as_mut();
        "`[out, in / groups, kernel ..]`", "`[out]`, if there is one"
    }
}

impl<const AXES: usize, E: Element> Module<E> for Conv<AXES, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.apply(x, self.activation())
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        affine::observe(x, observer, self.activation(), |activation| self.apply(x, activation))
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        self.affine.visit(visitor);
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        self.affine.visit_mut(visitor);
    }

    fn activation(&self) -> Activation {
        self.options.fused_activation()
    }
}
