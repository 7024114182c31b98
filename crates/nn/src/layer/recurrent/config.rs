//! [`RecurrentConfig`]: describes a recurrent network.

use rand::Rng;
use wengert_autodiff::{Activation, Element, Error};

use super::cell::RecurrentCellConfig;
use super::{Direction, Gates, Recurrent, SimpleGates};
use crate::init::Init;
use crate::layer::{Dropout, LayerConfig, LayerError, SampleShape};

/// Describes a [`Recurrent`] network.
#[derive(Clone, Debug, PartialEq)]
pub struct RecurrentConfig<G: Gates> {
    cell: RecurrentCellConfig<G>,
    layers: usize,
    bidirectional: bool,
    dropout: f64,
}

impl<G: Gates> RecurrentConfig<G> {
    pub(super) fn new(inputs: usize, hidden: usize) -> Self
    where
        G: Default,
    {
        let gates = G::default();
        let cell = RecurrentCellConfig { gates, inputs, hidden, bias: true, init: None };
        Self { cell, layers: 1, bidirectional: false, dropout: 0.0 }
    }

    /// Sets the number of layers; each takes the outputs of the layer before. 1 by default.
    pub fn layers(self, layers: usize) -> Self {
        Self { layers, ..self }
    }

    /// Makes each layer read the sequence forward and backward, with separate weights.
    pub fn bidirectional(self) -> Self {
        Self { bidirectional: true, ..self }
    }

    /// Sets the probability to drop an element between two layers in training; 0 by default.
    pub fn dropout(self, p: f64) -> Self {
        Self { dropout: p, ..self }
    }

    /// Sets the initializer of the weights; biases then begin at zero. By default weights and
    /// biases are drawn uniformly from `-1 / sqrt(hidden)` to `1 / sqrt(hidden)`.
    pub fn init(self, init: Init) -> Self {
        Self { cell: self.cell.init(init), ..self }
    }

    /// Omits the biases.
    pub fn without_bias(self) -> Self {
        Self { cell: self.cell.without_bias(), ..self }
    }

    /// Builds the network, with parameters drawn from `rng`.
    ///
    /// # Errors
    /// If `hidden` or the number of layers is zero, the probability of dropout is not in 0..=1, the
    /// initializer cannot be applied, or there is no memory.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Recurrent<G, E>, LayerError> {
        if self.layers == 0 {
            let message = "the number of layers must be at least 1, got 0".to_owned();
            return Err(Error::Argument { op: G::NAME, message }.into());
        }
        let mut directions = Vec::new();
        for layer in 0..self.layers {
            let inputs = if layer == 0 { self.cell.inputs } else { self.outputs() };
            let config = RecurrentCellConfig { inputs, ..self.cell.clone() };
            for backward in [false, true] {
                if !backward || self.bidirectional {
                    directions.push(Direction::new(config.build(rng)?, layer, backward));
                }
            }
        }
        let dropout = match Dropout::new(self.dropout, rng)? {
            dropout if self.dropout > 0.0 => Some(dropout),
            _ => None,
        };
        Ok(Recurrent { directions, bidirectional: self.bidirectional, dropout })
    }

    fn outputs(&self) -> usize {
        self.cell.hidden.saturating_mul(if self.bidirectional { 2 } else { 1 })
    }
}

impl RecurrentConfig<SimpleGates> {
    /// Sets the activation of the states; tanh by default.
    pub fn nonlinearity(self, nonlinearity: Activation) -> Self {
        Self { cell: self.cell.nonlinearity(nonlinearity), ..self }
    }
}

impl<G: Gates, E: Element> LayerConfig<E> for RecurrentConfig<G> {
    type Layer = Recurrent<G, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.sequence(self.cell.inputs, self.outputs())
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Recurrent<G, E>, LayerError> {
        self.build(&mut rng)
    }
}
