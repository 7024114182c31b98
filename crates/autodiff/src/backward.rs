//! Gradients of outputs: [`Var::backward`] by all leaves, [`grad`] by any variables. The walk
//! itself is in `walk`.

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::gradients::Gradients;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;
use crate::walk::{Keep, Sums, Walk, Wanted};

/// Zeros of any shape in one element.
fn zeros<E: Element>(shape: &Shape) -> Result<Tensor<E>> {
    Tensor::scalar(E::ZERO).try_broadcast_to(shape.clone())
}

impl<E: Element> Var<'_, E> {
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
            let reason = "the output depends on no variable, and on no parameter that is not frozen \
                          (only on constants, or on what was computed without recording)";
            return Err(Error::NoGradient { reason });
        }
        let mark = tape.len();
        let seed = tape.push(Tensor::single(shape, E::ONE), None, false);
        let walk = Walk::run(tape, &[(self, seed)], &Wanted::Leaves, Sums::OF_OPS, keep);
        tape.truncate(mark);
        tape.collect(self, &mut walk?)
    }

    /// The gradients of this single number. See [`try_backward`](Self::try_backward).
    ///
    /// # Panics
    /// If it is not a single number or depends on no leaf that requires a gradient.
    #[track_caller]
    pub fn backward(self) -> Gradients<E> {
        expect(self.try_backward())
    }

    /// The gradients, for a tape that is walked once: intermediate values go back to the pool right
    /// after their last use, so that the peak of a step is lower by the size of the gradients.
    /// Leaves and this output keep their values. Reading a variable in between is
    /// [`Error::Released`] from then on, and so is a second walk through it.
    ///
    /// # Errors
    /// Those of [`try_backward`](Self::try_backward).
    pub fn try_backward_once(self) -> Result<Gradients<E>> {
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

/// Whether a gradient is itself to be differentiated, and with it what [`grad`] returns.
#[derive(Clone, Copy, Debug)]
pub struct CreateGraph;

#[allow(non_upper_case_globals, reason = "a choice of two, each with a type of its own")]
impl CreateGraph {
    /// The gradients are tensors. The tape is left as it was.
    pub const No: AsTensors = AsTensors;
    /// The gradients are variables: they are recorded, and have gradients of their own.
    pub const Yes: AsVariables = AsVariables;
}

/// The type of [`CreateGraph::No`].
#[derive(Clone, Copy, Debug)]
pub struct AsTensors;

/// The type of [`CreateGraph::Yes`].
#[derive(Clone, Copy, Debug)]
pub struct AsVariables;

/// What [`grad`] returns for [`CreateGraph::No`] and [`CreateGraph::Yes`]. Only these two types
/// implement it.
pub trait Returned<'t, E: Element>: sealed::Sealed {
    /// A gradient.
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

/// The gradients of `outputs` with respect to `inputs`, any variables of the tape:
///
/// `sum_i cotangents[i] . d outputs[i] / d inputs[j]`
///
/// They are tensors with [`CreateGraph::No`], and
/// variables that can be differentiated again with [`CreateGraph::Yes`].
///
/// A `None` among the results says that no output depends on that input; a gradient that is zero
/// is full of zeros.
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
/// [`Error::Shapes`] if a cotangent does not have its output's shape or their numbers differ,
/// [`Error::NoGradient`] if an input is a constant, [`Error::DifferentTapes`], and those of the
/// operations' rules.
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

/// Walks back to some variables; `None` if there are no outputs.
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
        let reason = "an input is a constant (or was computed without recording); make it a \
                      variable to have its gradient";
        return Err(Error::NoGradient { reason });
    }
    let pairs: Vec<_> = outputs.iter().copied().zip(cotangents.iter().copied()).collect();
    let wanted: Vec<u32> = inputs.iter().map(|x| x.index()).collect();
    let _recalled = tape.recall_lent();
    Walk::run(tape, &pairs, &Wanted::These(&wanted), Sums::OF_OPS, keep).map(Some)
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
        let seed = self.tape().push(Tensor::single(shape, E::ONE), None, false);
        Ok(grad(&[self], &[seed], &[x], CreateGraph::Yes)?[0])
    }
}
