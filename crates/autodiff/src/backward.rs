//! Gradients of outputs: [`Var::backward`] by all leaves, [`grad`] by any variables. The walk itself
//! is in `walk`.

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::gradients::Gradients;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;
use crate::walk::{Keep, Walk, Wanted};

/// Zeros of any shape in one element.
fn zeros<E: Element>(shape: &Shape) -> Result<Tensor<E>> {
    Tensor::scalar(E::ZERO).try_broadcast_to(shape.clone())
}

impl<'t, E: Element> Var<'t, E> {
    /// The gradients of this single number with respect to all leaves it depends on.
    ///
    /// The tape stays as it is: values can still be read, and another output differentiated.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.variable(&Tensor::from_slice(&[1.0_f64, 2.0], [2])?);
    /// let gradients = (x * x).sum().backward();
    /// assert_eq!(gradients.get(x).unwrap().to_vec(), [2.0, 4.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotScalar`] if it is not a single number, [`Error::NoGradient`] if it depends on
    /// no leaf that requires a gradient, and those of the operations' rules.
    pub fn try_backward(self) -> Result<Gradients<'t, E>> {
        self.backward_keeping(Keep::Tape)
    }

    fn backward_keeping(self, keep: Keep) -> Result<Gradients<'t, E>> {
        let tape = self.tape();
        let (requires_grad, shape) = {
            let nodes = tape.nodes();
            let node = self.node(&nodes, "backward")?;
            (node.requires_grad, node.value("backward")?.shape().clone())
        };
        if shape.numel() != 1 {
            return Err(Error::NotScalar { op: "backward", shape });
        }
        if !requires_grad {
            let reason = "the output depends on no variable or parameter (only on constants, or on \
                          what was computed without recording)";
            return Err(Error::NoGradient { reason });
        }
        let mark = tape.len();
        let seed = tape.push(Tensor::full(shape, E::ONE), None, false);
        let walk = Walk::run(tape, &[(self, seed)], &Wanted::Leaves, keep);
        tape.truncate(mark);
        let mut walk = walk?;
        let mut values = std::mem::take(&mut walk.values);
        for (leaf, (value, mark)) in values.iter_mut().zip(&walk.marks).enumerate() {
            if !(mark.wanted && mark.reached) {
                *value = None;
            } else if value.is_none() {
                *value = Some(zeros(&tape.var(leaf as u32).shape())?);
            }
        }
        Ok(Gradients { tape, output: self, values })
    }

    /// The gradients of this single number. See [`try_backward`](Self::try_backward).
    ///
    /// # Panics
    /// If it is not a single number or depends on no leaf that requires a gradient.
    #[track_caller]
    pub fn backward(self) -> Gradients<'t, E> {
        expect(self.try_backward())
    }

    /// The gradients, for a tape that is walked once: what was computed on the way goes back to the
    /// pool as soon as its last use has passed, so that a step's peak is lower by as much as
    /// gradients take. Leaves and this output keep their values; asking a variable in between for
    /// its own is [`Error::Released`] from then on, and so is a second walk through it.
    ///
    /// # Errors
    /// Those of [`try_backward`](Self::try_backward).
    pub fn try_backward_once(self) -> Result<Gradients<'t, E>> {
        self.backward_keeping(Keep::Nothing)
    }

    /// The gradients, for a tape that is walked once. See
    /// [`try_backward_once`](Self::try_backward_once).
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.variable(&Tensor::scalar(0.5_f64));
    /// let hidden = x.tanh();
    /// let loss = hidden * hidden;
    /// let gradients = loss.backward_once();
    /// assert!(gradients.get(x).is_some() && loss.item() > 0.2);
    /// assert!(hidden.try_value().is_err());
    /// ```
    ///
    /// # Panics
    /// If it is not a single number or depends on no leaf that requires a gradient.
    #[track_caller]
    pub fn backward_once(self) -> Gradients<'t, E> {
        expect(self.try_backward_once())
    }
}

/// Whether a gradient is itself to be differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateGraph {
    /// The gradients are constants.
    No,
    /// The gradients are recorded, and have gradients of their own.
    Yes,
}

/// The gradients of `outputs` with respect to `inputs`, any variables of the tape, as variables:
/// `sum_i cotangents[i] . d outputs[i] / d inputs[j]`.
///
/// A `None` among the results says that no output depends on that input; a gradient that is zero
/// is a variable full of zeros.
///
/// ```
/// use wengert_autodiff::{CreateGraph, Tape, Tensor, grad};
/// let tape = Tape::new();
/// let x = tape.variable(&Tensor::scalar(2.0_f64));
/// let y = x * x * x;
/// let one = tape.constant(&Tensor::scalar(1.0));
/// let dy = grad(&[y], &[one], &[x], CreateGraph::Yes)?[0].unwrap();
/// assert_eq!(dy.item(), 12.0);
/// assert_eq!(dy.backward().get(x).unwrap().item(), 12.0); // 6 x
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shapes`] if a cotangent has not its output's shape or their numbers differ,
/// [`Error::NoGradient`] if an input is a constant, [`Error::DifferentTapes`], and those of the
/// operations' rules.
pub fn grad<'t, E: Element>(
    outputs: &[Var<'t, E>],
    cotangents: &[Var<'t, E>],
    inputs: &[Var<'t, E>],
    create_graph: CreateGraph,
) -> Result<Vec<Option<Var<'t, E>>>> {
    let op = "grad";
    let shapes = |vars: &[Var<'t, E>]| vars.iter().map(|var| var.shape()).collect::<Vec<_>>();
    if shapes(outputs) != shapes(cotangents) {
        let expected = format!("cotangents of the outputs' shapes {:?}", shapes(outputs));
        return Err(Error::Shapes { op, expected, got: shapes(cotangents) });
    }
    let Some(tape) = outputs.first().map(|y| y.tape()) else { return Ok(vec![None; inputs.len()]) };
    let all = outputs.iter().chain(cotangents).chain(inputs);
    if !all.into_iter().all(|var| std::ptr::eq(var.tape(), tape)) {
        return Err(Error::DifferentTapes { op });
    }
    if !inputs.iter().all(|x| x.requires_grad()) {
        let reason = "an input is a constant (or was computed without recording); make it a \
                      variable to have its gradient";
        return Err(Error::NoGradient { reason });
    }
    let keep = match create_graph {
        CreateGraph::Yes => Keep::Graph,
        CreateGraph::No => Keep::Tape,
    };
    let pairs: Vec<_> = outputs.iter().copied().zip(cotangents.iter().copied()).collect();
    let wanted: Vec<u32> = inputs.iter().map(|x| x.index()).collect();
    let walk = Walk::run(tape, &pairs, &Wanted::These(&wanted), keep)?;
    inputs
        .iter()
        .map(|x| {
            let index = x.index() as usize;
            if !walk.marks.get(index).is_some_and(|mark| mark.reached) {
                return Ok(None);
            }
            if let Some(&Some(place)) = walk.places.get(index) {
                return Ok(Some(tape.var(place)));
            }
            let value = match walk.values.get(index).cloned().flatten() {
                Some(value) => value,
                None => zeros(&x.shape())?,
            };
            Ok(Some(tape.push(value, None, false)))
        })
        .collect()
}

impl<'t, E: Element> Var<'t, E> {
    /// The gradient of this single number with respect to `x`, recorded so that it can be
    /// differentiated again; `None` if it does not depend on `x`. See [`grad`].
    ///
    /// # Errors
    /// [`Error::NotScalar`], and those of [`grad`].
    pub fn grad(self, x: Var<'t, E>) -> Result<Option<Var<'t, E>>> {
        let shape = self.shape();
        if shape.numel() != 1 {
            return Err(Error::NotScalar { op: "grad", shape });
        }
        let seed = self.tape().push(Tensor::full(shape, E::ONE), None, false);
        Ok(grad(&[self], &[seed], &[x], CreateGraph::Yes)?[0])
    }
}
