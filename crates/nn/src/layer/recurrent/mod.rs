//! [`Recurrent`]: recurrent networks over sequences, [`Rnn`], [`Lstm`] and [`Gru`].

mod cell;
mod config;
mod gates;

use wengert_autodiff::{Element, Mask, Parameter, Result, Shape, Tensor, Var, ops};

use super::Dropout;
use crate::forward::Layer;
use crate::module::{Module, Visitor, VisitorMut};
pub use cell::{GruCell, LstmCell, RecurrentCell, RecurrentCellConfig, RnnCell};
use cell::{checked, refused, zeros};
pub use config::RecurrentConfig;
pub use gates::{Gates, GruGates, LstmGates, Parts, SimpleGates};

/// A recurrent network over sequences: layers of [`RecurrentCell`]s, forward in time or in both
/// directions.
///
/// The sums over the inputs of a layer are one matrix product for all steps; each step is then one
/// product with the state. As a [`Layer`] it begins with a state of zeros and returns the outputs
/// of the last layer at each step; [`run`](Self::run) takes a state and a mask, and returns the
/// state.
///
/// ```
/// use wengert_autodiff::{Mask, Tape, Tensor};
/// use wengert_nn::Lstm;
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let lstm = Lstm::config(3, 5).layers(2).bidirectional().build(&mut rng)?;
/// let tape = Tape::new();
/// let x = tape.constant(&Tensor::<f32>::ones([2, 7, 3]));
/// // The second sequence has four elements, the others pad it.
/// let mask = Mask::from_fn([2, 7], |i| i[1] < [7, 4][i[0]]);
/// let (y, (h, c)) = lstm.run(x, None, Some(&mask))?;
/// assert_eq!(y.shape(), [2, 7, 10]);
/// assert_eq!((h.shape(), c.shape()), ([4, 2, 5].into(), [4, 2, 5].into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shapes
/// `x` is `[batch, time, in]` (PyTorch's `batch_first`), the output `[batch, time, directions
/// hidden]` with the forward direction first; each part of the state is `[layers directions, batch,
/// hidden]`, in each layer the forward direction first; a mask is `[batch, time]`.
#[derive(Clone, Debug)]
pub struct Recurrent<G: Gates, E: Element = f32> {
    /// For each layer the forward direction, followed by the backward direction if the network has
    /// it.
    directions: Vec<Direction<G, E>>,
    bidirectional: bool,
    dropout: Option<Dropout>,
}

/// A simple recurrent network; see [`RnnCell`].
pub type Rnn<E = f32> = Recurrent<SimpleGates, E>;

/// A long short-term memory; see [`LstmCell`].
pub type Lstm<E = f32> = Recurrent<LstmGates, E>;

/// A gated recurrent unit; see [`GruCell`].
pub type Gru<E = f32> = Recurrent<GruGates, E>;

/// A layer in one direction.
#[derive(Clone, Debug)]
struct Direction<G: Gates, E: Element> {
    cell: RecurrentCell<G, E>,
    /// The names of the parameters, in the order of the cell's.
    names: [String; 4],
}

impl<G: Gates, E: Element> Direction<G, E> {
    fn new(cell: RecurrentCell<G, E>, layer: usize, backward: bool) -> Self {
        let suffix = if backward { "_reverse" } else { "" };
        let names = ["weight_ih", "bias_ih", "weight_hh", "bias_hh"]
            .map(|name| format!("{name}_l{layer}{suffix}"));
        Self { cell, names }
    }

    /// Runs all steps and returns the states after each step, and the last one. `steps` are the
    /// sums over the inputs of each step in the order of time.
    fn run<'t>(
        &self,
        steps: &[Var<'t, E>],
        masks: Option<&[Option<Mask>]>,
        mut state: Parts<'t, E>,
        backward: bool,
    ) -> Result<(Vec<Var<'t, E>>, Parts<'t, E>)> {
        let mut outputs = vec![state.h; steps.len()];
        for i in 0..steps.len() {
            let at = if backward { steps.len() - 1 - i } else { i };
            let next = self.cell.advance(steps[at], state)?;
            let kept = masks.and_then(|masks| masks[at].as_ref());
            state = match kept {
                Some(mask) => {
                    let h = ops::where_(mask, next.h, state.h)?;
                    let cells = next.c.zip(state.c);
                    let c = cells.map(|(next, c)| ops::where_(mask, next, c)).transpose()?;
                    Parts { h, c }
                }
                None => next,
            };
            outputs[at] = state.h;
        }
        Ok((outputs, state))
    }
}

/// The parameters have PyTorch's names: `weight_ih_l0`, `bias_ih_l0`, `weight_hh_l0`, `bias_hh_l0`,
/// and those of the backward direction `weight_ih_l0_reverse` and so on.
impl<G: Gates, E: Element> Module<E> for Recurrent<G, E> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        for Direction { cell, names } in &self.directions {
            let parameters = [
                Some(&cell.weight_ih),
                cell.bias_ih.as_ref(),
                Some(&cell.weight_hh),
                cell.bias_hh.as_ref(),
            ];
            for (name, parameter) in names.iter().zip(parameters) {
                if let Some(parameter) = parameter {
                    visitor.parameter(name, parameter);
                }
            }
        }
        if let Some(dropout) = &self.dropout {
            visitor.child("dropout", dropout);
        }
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        for Direction { cell, names } in &mut self.directions {
            let parameters = [
                Some(&mut cell.weight_ih),
                cell.bias_ih.as_mut(),
                Some(&mut cell.weight_hh),
                cell.bias_hh.as_mut(),
            ];
            for (name, parameter) in names.iter().zip(parameters) {
                if let Some(parameter) = parameter {
                    visitor.parameter(name, parameter);
                }
            }
        }
        if let Some(dropout) = &mut self.dropout {
            visitor.child("dropout", dropout);
        }
    }
}

impl<G: Gates + Default> Recurrent<G> {
    /// The config of a network of one layer, forward in time, that takes `inputs` features and
    /// keeps a state of `hidden`.
    pub fn config(inputs: usize, hidden: usize) -> RecurrentConfig<G> {
        RecurrentConfig::new(inputs, hidden)
    }
}

impl<G: Gates, E: Element> Recurrent<G, E> {
    /// The number of features of the state of a layer and direction.
    pub fn hidden(&self) -> usize {
        self.directions[0].cell.hidden()
    }

    /// A parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter<E>> {
        self.parameters().into_iter().find(|(known, _)| known == name).map(|(_, found)| found)
    }

    /// Computes the outputs of the last layer at each step, and the final states of all layers. If
    /// `state` is `None`, the initial state is zero.
    ///
    /// A step is skipped where the mask is false: the state is kept, and the output is zero. A mask
    /// that is true for the first elements of each sequence corresponds to PyTorch's packed
    /// sequence.
    ///
    /// # Errors
    /// If `x` is not `[batch, time, in]`, a part of the state is not
    /// `[layers directions, batch, hidden]`, or the mask is not `[batch, time]`.
    pub fn run<'t>(
        &self,
        x: Var<'t, E>,
        state: Option<G::State<'t, E>>,
        mask: Option<&Mask>,
    ) -> Result<(Var<'t, E>, G::State<'t, E>)> {
        let (inputs, shape) = (self.directions[0].cell.inputs(), x.shape());
        let (&[batch, time, _], true) = (shape.dims(), shape.last() == Some(&inputs)) else {
            return Err(refused::<G>(format!("x [batch, time, {inputs}]"), shape));
        };
        if let Some(mask) = mask
            && mask.shape().dims() != [batch, time]
        {
            let expected = format!("a mask [batch, time], [{batch}, {time}]");
            return Err(refused::<G>(expected, mask.shape().clone()));
        }
        let state_shape = Shape::from([self.directions.len(), batch, self.hidden()]);
        let first =
            state.map(|state| checked::<G, E>(G::parts(state), &state_shape)).transpose()?;
        let masks = mask.map(|mask| masks_by_step(mask, batch, time)).transpose()?.flatten();

        let mut states = Vec::with_capacity(self.directions.len());
        // The time axis comes first internally, so that a step is contiguous in memory.
        let mut sequence = ops::transpose(x, 0, 1)?;
        let layers = self.directions.chunks(if self.bidirectional { 2 } else { 1 });
        for (layer, directions) in layers.enumerate() {
            if let Some(dropout) = &self.dropout
                && layer > 0
            {
                sequence = dropout.try_forward(sequence)?;
            }
            let mut outputs = Vec::with_capacity(2);
            for (i, direction) in directions.iter().enumerate() {
                let begin = match first {
                    Some(first) => at(first, states.len())?,
                    None => zeros::<G, E>(x, batch, self.hidden())?,
                };
                let mut steps = Vec::with_capacity(time);
                unstack(direction.cell.input_sums(sequence)?, &mut steps)?;
                let (output, last) = direction.run(&steps, masks.as_deref(), begin, i == 1)?;
                outputs.push(match output[..] {
                    [] => x.tape().constant(&Tensor::try_full([0, batch, self.hidden()], E::ZERO)?),
                    _ => ops::stack(&output, 0)?,
                });
                states.push(last);
            }
            sequence = if let [one] = outputs[..] { one } else { ops::concat(&outputs, 2)? };
            if let (Some(mask), Some(_)) = (mask, &masks) {
                let padding = (!mask).transpose(0, 1).unsqueeze(-1);
                sequence = ops::masked_fill(sequence, &padding, E::ZERO)?;
            }
        }
        let h: Vec<_> = states.iter().map(|state| state.h).collect();
        let c: Option<Vec<_>> = states.iter().map(|state| state.c).collect();
        let c = c.map(|c| ops::stack(&c, 0)).transpose()?;
        Ok((ops::transpose(sequence, 0, 1)?, G::state(Parts { h: ops::stack(&h, 0)?, c })))
    }
}

/// The state of the layer and direction at index `place`.
fn at<E: Element>(state: Parts<'_, E>, place: usize) -> Result<Parts<'_, E>> {
    let place = place as isize;
    let c = state.c.map(|c| ops::select(c, 0, place)).transpose()?;
    Ok(Parts { h: ops::select(state.h, 0, place)?, c })
}

/// The mask of each step, `[batch, 1]`, or `None` for a step if it is true for all sequences. The
/// result is `None` if all masks are true.
fn masks_by_step(mask: &Mask, batch: usize, time: usize) -> Result<Option<Vec<Option<Mask>>>> {
    let values = mask.try_to_vec()?;
    if !values.contains(&false) {
        return Ok(None);
    }
    let step = |t: usize| {
        let column: Vec<bool> = (0..batch).map(|sequence| values[sequence * time + t]).collect();
        column.contains(&false).then(|| Mask::from_slice(&column, [batch, 1])).transpose()
    };
    (0..time).map(step).collect::<Result<_>>().map(Some)
}

/// Splits along the first axis by recursive halving. The gradient of a part is as large as the
/// tensor that it was split from, so that splitting each part from the whole would cost the square
/// of their number.
fn unstack<'t, E: Element>(x: Var<'t, E>, parts: &mut Vec<Var<'t, E>>) -> Result<()> {
    match x.shape()[0] as isize {
        0 => {}
        1 => parts.push(ops::squeeze(x, 0)?),
        count => {
            unstack(ops::slice(x, 0, ..count / 2)?, parts)?;
            unstack(ops::slice(x, 0, count / 2..)?, parts)?;
        }
    }
    Ok(())
}

impl<G: Gates, E: Element> Layer<E> for Recurrent<G, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        Ok(self.run(x, None, None)?.0)
    }
}
