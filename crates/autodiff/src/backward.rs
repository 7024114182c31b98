//! Gradients of outputs: [`Var::backward`] with respect to all leaves, [`grad`] with respect to any
//! variables. The traversal of the tape is in `walk`.

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::gradients::Gradients;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;
use crate::walk::{Keep, Sums, Walk, Wanted};

/// Zeros of any shape; the memory is that of a single element.
fn zeros<E: Element>(shape: &Shape) -> Result<Tensor<E>> {
    Tensor::scalar(E::ZERO).try_broadcast_to(shape.clone())
}

impl<E: Element> Var<'_, E> {
    /// The gradients of this variable, which must have one element, with respect to all leaves it
    /// depends on.
    ///
    /// The tape does not change: values can still be read, and other outputs differentiated.
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
    /// [`Error::NotScalar`] if this variable does not have exactly one element,
    /// [`Error::NoGradient`] if it depends on no leaf that requires a gradient, and the errors of
    /// the operations' vector-Jacobian products.
    pub fn try_backward(self) -> Result<Gradients<E>> {
        self.backward_keeping(Keep::Tape)
    }

    #[inline(never)]
    fn backward_keeping(self, keep: Keep) -> Result<Gradients<E>> {
        let tape = self.tape();
        let _recalled = tape.recall_lent();
        let (requires_grad, shape) = {
            let nodes = tape.nodes();
            let node = self.node(&nodes, "backward")?;
            (node.requires_grad, node.value("backward")?.shape().clone())
        };
        if shape.numel() != 1 {
            return Err(Error::NotScalar { op: "backward", shape });
        }
        if !requires_grad {
            let reason = "the output depends on no variable and on no parameter that is not frozen, \
                          only on constants or on values computed without recording (`no_grad`, \
                          `detach`)";
            return Err(Error::NoGradient { reason });
        }
        let mark = tape.len();
        let seed = tape.push(Tensor::single(shape, E::ONE), None, false);
        let walk = Walk::run(tape, &[(self, seed)], &Wanted::Leaves, Sums::OF_OPS, keep);
        tape.truncate(mark);
        tape.collect(self, &mut walk?)
    }

    /// The gradients of this variable, which must have one element, with respect to all leaves it
    /// depends on. See [`try_backward`](Self::try_backward), which returns the errors.
    ///
    /// # Panics
    /// If this variable does not have exactly one element, or depends on no leaf that requires a
    /// gradient.
    #[track_caller]
    pub fn backward(self) -> Gradients<E> {
        expect(self.try_backward())
    }

    /// The gradients of this variable with respect to all leaves it depends on, computed in a
    /// backward pass that frees the tape: each intermediate value returns to the buffer pool after
    /// its last use, so that the peak memory of a step is lower by about the size of the gradients.
    /// The leaves and this variable keep their values. Afterwards, reading an intermediate variable
    /// is [`Error::Released`], and so is a second backward pass through it.
    ///
    /// # Errors
    /// Those of [`try_backward`](Self::try_backward).
    pub fn try_backward_once(self) -> Result<Gradients<E>> {
        self.backward_keeping(Keep::Nothing)
    }

    /// The gradients of this variable with respect to all leaves it depends on, computed in a
    /// backward pass that frees the tape. See [`try_backward_once`](Self::try_backward_once).
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
    /// If this variable does not have exactly one element, or depends on no leaf that requires a
    /// gradient.
    #[track_caller]
    pub fn backward_once(self) -> Gradients<E> {
        expect(self.try_backward_once())
    }
}

instances!(
    backward<E = f32, f64>:
    Var::<E>::try_backward,
    grad::<E, AsTensors>,
    grad::<E, AsVariables>
);

/// The last argument of [`grad`]: whether the gradients can be differentiated again. It determines
/// their type.
#[derive(Clone, Copy, Debug)]
pub struct CreateGraph;

#[allow(non_upper_case_globals, reason = "a choice of two, each with a type of its own")]
impl CreateGraph {
    /// The gradients are tensors. The tape does not change.
    pub const No: AsTensors = AsTensors;
    /// The gradients are variables: their computation is recorded, and they can be differentiated.
    pub const Yes: AsVariables = AsVariables;
}

/// The type of [`CreateGraph::No`].
#[derive(Clone, Copy, Debug)]
pub struct AsTensors;

/// The type of [`CreateGraph::Yes`].
#[derive(Clone, Copy, Debug)]
pub struct AsVariables;

/// The type of the gradients that [`grad`] returns for [`CreateGraph::No`] and
/// [`CreateGraph::Yes`]. Only the types of these two constants implement it.
pub trait Returned<'t, E: Element>: sealed::Sealed {
    /// The type of a gradient: [`Tensor`] or [`Var`].
    type Gradient;

    #[doc(hidden)]
    const KEEP: Keep;

    #[doc(hidden)]
    fn gradient(walk: &Walk<'t, E>, x: Var<'t, E>) -> Result<Self::Gradient>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AsTensors {}
    impl Sealed for super::AsVariables {}
}

impl<'t, E: Element> Returned<'t, E> for AsTensors {
    type Gradient = Tensor<E>;
    const KEEP: Keep = Keep::Tape;

    fn gradient(walk: &Walk<'t, E>, x: Var<'t, E>) -> Result<Tensor<E>> {
        let value = walk.values.get(x.index() as usize).cloned().flatten();
        value.map_or_else(|| zeros(&x.shape()), Ok)
    }
}

impl<'t, E: Element> Returned<'t, E> for AsVariables {
    type Gradient = Var<'t, E>;
    const KEEP: Keep = Keep::Graph;

    fn gradient(walk: &Walk<'t, E>, x: Var<'t, E>) -> Result<Var<'t, E>> {
        match walk.places.get(x.index() as usize) {
            Some(&Some(place)) => Ok(x.tape().var(place)),
            _ => Ok(x.tape().push(zeros(&x.shape())?, None, false)),
        }
    }
}

/// The gradients of `outputs` with respect to `inputs`, which may be any variables of the tape:
///
/// `sum_i cotangents[i] . d outputs[i] / d inputs[j]`
///
/// The gradients are tensors with [`CreateGraph::No`], and variables that can be differentiated
/// again with [`CreateGraph::Yes`].
///
/// The result for an input is `None` if no output depends on it. If an output depends on an input
/// and the gradient is zero, the result is a tensor of zeros.
///
/// ```
/// use wengert_autodiff::{CreateGraph, Tape, Tensor, grad};
/// let tape = Tape::new();
/// let x = tape.variable(&Tensor::scalar(2.0_f64));
/// let y = x * x * x;
/// let one = tape.constant(&Tensor::scalar(1.0));
/// let dy = grad(&[y], &[one], &[x], CreateGraph::Yes)?[0].unwrap();
/// assert_eq!(dy.item(), 12.0);
/// let ddy = grad(&[dy], &[one], &[x], CreateGraph::No)?.remove(0);
/// assert_eq!(ddy, Some(Tensor::scalar(12.0))); // 6 x
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shapes`] if there is not one cotangent for each output, of the shape of that output;
/// [`Error::NoGradient`] if an input is a constant; [`Error::DifferentTapes`]; and the errors of
/// the operations' vector-Jacobian products.
#[allow(clippy::needless_pass_by_value, reason = "a choice without contents")]
pub fn grad<'t, E: Element, G: Returned<'t, E>>(
    outputs: &[Var<'t, E>],
    cotangents: &[Var<'t, E>],
    inputs: &[Var<'t, E>],
    create_graph: G,
) -> Result<Vec<Option<G::Gradient>>> {
    let _ = create_graph;
    let walk = walk_to(outputs, cotangents, inputs, G::KEEP)?;
    let gradient = |&x: &Var<'t, E>| match &walk {
        Some(walk) if walk.marks.get(x.index() as usize).is_some_and(|mark| mark.reached) => {
            G::gradient(walk, x).map(Some)
        }
        _ => Ok(None),
    };
    inputs.iter().map(gradient).collect()
}

/// The backward pass to the given variables; `None` if there are no outputs.
#[inline(never)]
fn walk_to<'t, E: Element>(
    outputs: &[Var<'t, E>],
    cotangents: &[Var<'t, E>],
    inputs: &[Var<'t, E>],
    keep: Keep,
) -> Result<Option<Walk<'t, E>>> {
    let op = "grad";
    let shapes = |vars: &[Var<'t, E>]| vars.iter().map(|var| var.shape()).collect::<Vec<_>>();
    if shapes(outputs) != shapes(cotangents) {
        let expected = format!("cotangents of the outputs' shapes {:?}", shapes(outputs));
        return Err(Error::Shapes { op, expected, got: shapes(cotangents) });
    }
    let Some(tape) = outputs.first().map(|y| y.tape()) else { return Ok(None) };
    let all = outputs.iter().chain(cotangents).chain(inputs);
    if !all.into_iter().all(|var| std::ptr::eq(var.tape(), tape)) {
        return Err(Error::DifferentTapes { op });
    }
    if !inputs.iter().all(|x| x.requires_grad()) {
        let reason = "an input is a constant, or was computed without recording; put it on the \
                      tape with `Tape::variable` to get its gradient";
        return Err(Error::NoGradient { reason });
    }
    let pairs: Vec<_> = outputs.iter().copied().zip(cotangents.iter().copied()).collect();
    let wanted: Vec<u32> = inputs.iter().map(|x| x.index()).collect();
    let _recalled = tape.recall_lent();
    Walk::run(tape, &pairs, &Wanted::These(&wanted), Sums::OF_OPS, keep).map(Some)
}

impl<'t, E: Element> Var<'t, E> {
    /// The gradient of this variable, which must have one element, with respect to `x`. Its
    /// computation is recorded, so that it can be differentiated again. `None` if this variable
    /// does not depend on `x`. See [`grad`].
    ///
    /// # Errors
    /// [`Error::NotScalar`], and those of [`grad`].
    pub fn grad(self, x: Var<'t, E>) -> Result<Option<Var<'t, E>>> {
        let shape = self.shape();
        if shape.numel() != 1 {
            return Err(Error::NotScalar { op: "grad", shape });
        }
        let seed = self.tape().push(Tensor::single(shape, E::ONE), None, false);
        Ok(grad(&[self], &[seed], &[x], CreateGraph::Yes)?[0])
    }
}
