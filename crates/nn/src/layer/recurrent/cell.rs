//! [`RecurrentCell`]: one step of a recurrent network.

use rand::Rng;
use wengert_autodiff::{Element, Error, Kind, Parameter, Result, Shape, Tensor, Var, ops};

use super::gates::{Gates, GruGates, LstmGates, Parts, SimpleGates};
use crate::init::Init;
use crate::layer::LayerError;
use crate::module::Module;

/// One step of a recurrent network: computes the next state from an input and the current state.
///
/// With `a = weight_ih x + bias_ih` and `b = weight_hh h + bias_hh`, each split into one part for
/// each gate, and `s` the logistic function:
///
/// | | |
/// |---|---|
/// | [`RnnCell`] | `h' = tanh(a + b)` |
/// | [`LstmCell`] | `i, f, o = s(a1 + b1), s(a2 + b2), s(a4 + b4)`; `g = tanh(a3 + b3)` |
/// | | `c' = f c + i g`; `h' = o tanh(c')` |
/// | [`GruCell`] | `r, z = s(a1 + b1), s(a2 + b2)`; `n = tanh(a3 + r b3)`; `h' = (1 - z) n + z h` |
///
/// ```
/// use wengert_autodiff::{Tape, Tensor};
/// use wengert_nn::LstmCell;
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let cell = LstmCell::config(3, 5).build(&mut rng)?;
/// let tape = Tape::new();
/// let x = tape.constant(&Tensor::<f32>::ones([2, 3]));
/// let (h, c) = cell.step(x, None)?;
/// let (h, _) = cell.step(x, Some((h, c)))?;
/// assert_eq!(h.shape(), [2, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shapes
/// `x` is `[batch, in]`, each part of the state `[batch, hidden]`; `weight_ih` is
/// `[gates hidden, in]`, `weight_hh` `[gates hidden, hidden]`, a bias `[gates hidden]`.
#[derive(Clone, Debug, Module)]
pub struct RecurrentCell<G: Gates, E: Element = f32> {
    pub(super) weight_ih: Parameter<E>,
    pub(super) bias_ih: Option<Parameter<E>>,
    pub(super) weight_hh: Parameter<E>,
    pub(super) bias_hh: Option<Parameter<E>>,
    #[module(skip)]
    gates: G,
}

/// A step of a simple recurrent network. J. L. Elman, "Finding structure in time", Cognitive
/// Science 14, 1990.
pub type RnnCell<E = f32> = RecurrentCell<SimpleGates, E>;

/// A step of a long short-term memory. S. Hochreiter, J. Schmidhuber, "Long short-term memory",
/// Neural Computation 9(8), 1997; the forget gate by F. Gers et al., 2000.
pub type LstmCell<E = f32> = RecurrentCell<LstmGates, E>;

/// A step of a gated recurrent unit. K. Cho et al., "Learning phrase representations using RNN
/// encoder-decoder for statistical machine translation", EMNLP 2014, with the reset gate after the
/// product, as in PyTorch.
pub type GruCell<E = f32> = RecurrentCell<GruGates, E>;

impl<G: Gates + Default> RecurrentCell<G> {
    /// The config of a cell that takes `inputs` features and keeps a state of `hidden`.
    pub fn config(inputs: usize, hidden: usize) -> RecurrentCellConfig<G> {
        RecurrentCellConfig { gates: G::default(), inputs, hidden, bias: true, init: None }
    }
}

impl<G: Gates, E: Element> RecurrentCell<G, E> {
    /// The weight of the inputs, `[gates hidden, in]`.
    pub fn weight_ih(&self) -> &Parameter<E> {
        &self.weight_ih
    }

    /// The weight of the state, `[gates hidden, hidden]`.
    pub fn weight_hh(&self) -> &Parameter<E> {
        &self.weight_hh
    }

    /// The number of features of the state.
    pub fn hidden(&self) -> usize {
        self.weight_hh.value().shape()[1]
    }

    pub(super) fn inputs(&self) -> usize {
        self.weight_ih.value().shape()[1]
    }

    /// Computes the next state. If `state` is `None`, the current state is zero.
    ///
    /// # Errors
    /// If `x` is not `[batch, in]`, or a part of the state is not `[batch, hidden]`.
    pub fn step<'t>(
        &self,
        x: Var<'t, E>,
        state: Option<G::State<'t, E>>,
    ) -> Result<G::State<'t, E>> {
        let (inputs, hidden, shape) = (self.inputs(), self.hidden(), x.shape());
        let (&[batch, features], true) = (shape.dims(), shape.last() == Some(&inputs)) else {
            return Err(refused::<G>(format!("x [batch, {inputs}]"), shape));
        };
        debug_assert_eq!(features, inputs);
        let state = match state {
            Some(state) => checked::<G, E>(G::parts(state), &[batch, hidden].into())?,
            None => zeros::<G, E>(x, batch, hidden)?,
        };
        Ok(G::state(self.advance(self.input_sums(x)?, state)?))
    }

    /// The sums over the inputs, for any number of steps at once.
    pub(super) fn input_sums<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let tape = x.tape();
        let bias = self.bias_ih.as_ref().map(|bias| tape.parameter(bias));
        ops::linear(x, tape.parameter(&self.weight_ih), bias, IDENTITY)
    }

    /// The next state, from the sums over the inputs.
    pub(super) fn advance<'t>(
        &self,
        sums: Var<'t, E>,
        state: Parts<'t, E>,
    ) -> Result<Parts<'t, E>> {
        let tape = sums.tape();
        let bias = self.bias_hh.as_ref().map(|bias| tape.parameter(bias));
        let recurrent = ops::linear(state.h, tape.parameter(&self.weight_hh), bias, IDENTITY)?;
        self.gates.step(sums, recurrent, state)
    }
}

const IDENTITY: wengert_autodiff::Activation = wengert_autodiff::Activation::Identity;

pub(super) fn refused<G: Gates>(expected: String, got: Shape) -> Error {
    Error::Shapes { op: G::NAME, expected, got: vec![got] }
}

/// A state of zeros.
pub(super) fn zeros<G: Gates, E: Element>(
    x: Var<'_, E>,
    batch: usize,
    hidden: usize,
) -> Result<Parts<'_, E>> {
    let h = x.tape().constant(&Tensor::try_full([batch, hidden], E::ZERO)?);
    Ok(Parts { h, c: G::CELL.then_some(h) })
}

/// The state, if its parts have this shape.
pub(super) fn checked<'t, G: Gates, E: Element>(
    state: Parts<'t, E>,
    shape: &Shape,
) -> Result<Parts<'t, E>> {
    for part in [Some(state.h), state.c].into_iter().flatten() {
        if part.shape() != *shape {
            return Err(refused::<G>(format!("a state of shape {shape}"), part.shape()));
        }
    }
    Ok(state)
}

/// Describes a [`RecurrentCell`].
#[derive(Clone, Debug, PartialEq)]
pub struct RecurrentCellConfig<G: Gates> {
    pub(super) gates: G,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) bias: bool,
    pub(super) init: Option<Init>,
}

impl<G: Gates> RecurrentCellConfig<G> {
    /// Sets the initializer of the weights; biases then begin at zero. By default weights and
    /// biases are drawn uniformly from `-1 / sqrt(hidden)` to `1 / sqrt(hidden)`.
    pub fn init(self, init: Init) -> Self {
        Self { init: Some(init), ..self }
    }

    /// Omits the biases.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Builds the cell, with parameters drawn from `rng`.
    ///
    /// # Errors
    /// If `hidden` is zero, the initializer cannot be applied, or there is no memory.
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> std::result::Result<RecurrentCell<G, E>, LayerError> {
        let &Self { inputs, hidden, .. } = self;
        let Some(rows) = hidden.checked_mul(G::COUNT).filter(|&rows| rows > 0) else {
            let message = format!(
                "the state must have at least one feature, and {} times as many must fit the \
                 address space; got {hidden}",
                G::COUNT
            );
            return Err(Error::Argument { op: G::NAME, message }.into());
        };
        let bound = 1.0 / (hidden as f64).sqrt();
        let uniform = Init::Uniform { low: -bound, high: bound };
        let (weights, biases) = match &self.init {
            Some(init) => (init, &Init::Zeros),
            None => (&uniform, &uniform),
        };
        let mut weight = |columns: usize| {
            let kind = Kind::weight(columns, rows);
            let value = weights.sample_for([rows, columns], kind, rng);
            let value = value.map_err(|error| error.of_layer("recurrent_cell"))?;
            let bias = self.bias.then(|| biases.sample([rows], rng).map(Parameter::bias));
            Ok::<_, LayerError>((Parameter::of_kind(value, kind), bias.transpose()?))
        };
        let (weight_ih, bias_ih) = weight(inputs)?;
        let (weight_hh, bias_hh) = weight(hidden)?;
        let gates = self.gates.clone();
        Ok(RecurrentCell { weight_ih, bias_ih, weight_hh, bias_hh, gates })
    }
}

impl RecurrentCellConfig<SimpleGates> {
    /// Sets the activation of the state; tanh by default.
    pub fn nonlinearity(self, nonlinearity: wengert_autodiff::Activation) -> Self {
        Self { gates: SimpleGates { nonlinearity }, ..self }
    }
}
