//! [`Op`]: the trait that defines an operation, of this crate or of a user.

use std::fmt::Debug;

use smallvec::SmallVec;
use wengert_kernels::Element;

use crate::error::Result;
pub use crate::forward::Forward;
use crate::shape::Shape;
use crate::tape::{Node, Tape, Var};
use crate::tensor::Tensor;

/// A differentiable operation: the shape and the value of its output, and its vector-Jacobian
/// product.
///
/// The operations of this crate and those of users implement this trait in the same way.
/// [`Tape::apply`] evaluates an operation on variables and records it; [`eval`](crate::eval())
/// evaluates it on tensors, without a tape.
///
/// The vector-Jacobian product takes and returns variables. If the gradient is not differentiated
/// again, nothing is recorded, and each intermediate value is freed when [`vjp`](Self::vjp)
/// returns. Otherwise the operations that `vjp` applies are recorded on the tape. An operation
/// whose `vjp` computes with variables is therefore differentiable to any order; one whose `vjp`
/// reads their values and returns constants is not.
///
/// A cotangent may have the shape that its operand was broadcast to: the backward pass sums it to
/// the shape of the operand.
///
/// An elementwise operation computes its value with [`Forward::map`], [`Forward::zip`] or
/// [`Forward::blocks`].
///
/// ```
/// use wengert_autodiff::{Cotangents, Forward, Op, Result, Shape, Tape, Tensor, Vjp};
///
/// /// y = x^3
/// #[derive(Debug)]
/// struct Cube;
///
/// impl Op<f64> for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
///         Ok(inputs[0].clone())
///     }
///     fn forward(
///         &self,
///         inputs: &[&Tensor<f64>],
///         ctx: &mut Forward<'_, f64>,
///     ) -> Result<Tensor<f64>> {
///         ctx.map(inputs[0], |x| x * x * x) // vectorized, on several threads
///     }
///     fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
///         let x = node.input(0);
///         Ok([Some(node.gy() * x * x * 3.0)].into_iter().collect())
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.variable(&Tensor::scalar(2.0));
/// let y = tape.apply(Cube, &[x])?;
/// assert_eq!(y.backward().get(x).unwrap().item(), 12.0);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
pub trait Op<E: Element>: Debug + Send + Sync + 'static {
    /// The name of the operation in error messages and reports.
    fn name(&self) -> &'static str;

    /// The number of operands if it is fixed, or `None` if the operation takes any number of
    /// operands from one up. The number is checked before [`shape`](Self::shape) is called.
    fn arity(&self) -> Option<usize> {
        None
    }

    /// The shape of the output for operands of the given shapes.
    ///
    /// # Errors
    /// If the operation does not accept these shapes. Such an operation is not recorded.
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape>;

    /// The value of the output. The operands have shapes that [`shape`](Self::shape) accepted, but
    /// may have any strides. The result may be a view of an operand.
    ///
    /// # Errors
    /// If the operation is not defined for the values of the operands, or there is no memory for
    /// the result.
    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>>;

    /// The vector-Jacobian product: for each operand, the cotangent of the output `node.gy()` times
    /// the Jacobian of the output with respect to that operand. `None` stands for zero, and for a
    /// cotangent that is not needed ([`Vjp::needs`]).
    ///
    /// # Errors
    /// If the operation has no gradient.
    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>>;

    /// Whether operand `i` is read as whole numbers (labels, positions). There is no derivative
    /// with respect to such an operand: [`Vjp::needs`] is false for it, and a gradient that is
    /// absent for this reason is reported as [`Connection::Index`](crate::Connection::Index).
    fn reads_index(&self, i: usize) -> bool {
        let _ = i;
        false
    }

    /// The operation as a composition of other operations, for an operation that saves none of its
    /// intermediate values. The backward pass then records the composition and differentiates it
    /// instead of calling [`vjp`](Self::vjp).
    fn composition(&self) -> Option<&dyn Composition<E>> {
        None
    }
}

/// A computation that can be recorded again. [`Op::composition`] returns it.
pub trait Composition<E: Element> {
    /// Records the computation on the tape of the operands. The result must have the same bits as
    /// that of [`Op::forward`].
    ///
    /// # Errors
    /// Those of the operations that the computation consists of.
    fn record<'t>(&self, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>>;
}

impl<E: Element> Op<E> for Box<dyn Op<E>> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn arity(&self) -> Option<usize> {
        (**self).arity()
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        (**self).shape(inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        (**self).forward(inputs, ctx)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        (**self).vjp(node)
    }

    fn reads_index(&self, i: usize) -> bool {
        (**self).reads_index(i)
    }

    fn composition(&self) -> Option<&dyn Composition<E>> {
        (**self).composition()
    }
}

/// The cotangents of the operands of an operation, one for each operand; `None` stands for zero.
pub type Cotangents<'t, E> = SmallVec<[Option<Var<'t, E>>; 3]>;

/// Cotangents from an array in the order of the operands: the result of a vector-Jacobian product.
#[allow(clippy::unnecessary_wraps, reason = "it is what a rule returns")]
pub(crate) fn cotangents<E: Element, const N: usize>(
    values: [Option<Var<'_, E>>; N],
) -> Result<Cotangents<'_, E>> {
    Ok(Cotangents::from_slice(&values))
}

/// The argument of [`Op::vjp`]: the operands, the output, and the cotangent of the output.
#[derive(Debug)]
pub struct Vjp<'a, 't, E: Element> {
    pub(crate) op: &'a dyn Op<E>,
    pub(crate) inputs: &'a [u32],
    pub(crate) output: u32,
    pub(crate) gy: Var<'t, E>,
    pub(crate) saved: &'a [Tensor<E>],
    pub(crate) needs: &'a [bool],
    pub(crate) graph: bool,
}

impl<'t, E: Element> Vjp<'_, 't, E> {
    /// Operand `i`.
    ///
    /// # Panics
    /// If the operation has no operand `i`.
    #[track_caller]
    pub fn input(&self, i: usize) -> Var<'t, E> {
        let Some(&input) = self.inputs.get(i) else {
            let (op, operands) = (self.op.name(), self.inputs.len());
            panic!(
                "{op}: `vjp` reads operand {i}, but the operation has {operands} (0..{operands})"
            );
        };
        self.tape().var(input)
    }

    /// The output of the operation.
    pub fn output(&self) -> Var<'t, E> {
        self.tape().var(self.output)
    }

    /// The cotangent of the output; it has the shape of the output.
    pub fn gy(&self) -> Var<'t, E> {
        self.gy
    }

    /// Tensor `i` of those that [`Forward::save`] kept.
    ///
    /// # Panics
    /// If the forward computation saved no tensor `i`.
    #[track_caller]
    pub fn saved(&self, i: usize) -> &Tensor<E> {
        let count = self.saved.len();
        let Some(saved) = self.saved.get(i) else {
            let op = self.op.name();
            panic!("{op}: `vjp` reads saved tensor {i}, but `forward` saved {count} (0..{count})");
        };
        saved
    }

    /// Whether the cotangent of operand `i` is needed. If it is not, [`Op::vjp`] can skip its
    /// computation; a cotangent that is returned all the same is dropped.
    ///
    /// # Panics
    /// If the operation has no operand `i`.
    #[track_caller]
    pub fn needs(&self, i: usize) -> bool {
        let Some(&needed) = self.needs.get(i) else {
            let (op, operands) = (self.op.name(), self.inputs.len());
            panic!(
                "{op}: `vjp` reads operand {i}, but the operation has {operands} (0..{operands})"
            );
        };
        needed
    }

    /// The number of operands.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether there are no operands.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Whether the operations that [`Op::vjp`] applies are recorded, so that the gradient can be
    /// differentiated again. If they are, compute saved values again from the operands: a saved
    /// tensor is a constant, through which no gradient flows.
    pub fn creates_graph(&self) -> bool {
        self.graph
    }

    /// The values on the tape, borrowed.
    #[inline]
    pub(crate) fn values<'n>(&'n self, nodes: &'n [Node<E>]) -> Values<'n, E> {
        Values { inputs: self.inputs, output: self.output, gy: self.gy.index(), nodes }
    }

    /// Lets `f` overwrite the cotangent of the output in place if no other tensor shares its
    /// buffer, and returns whether it did.
    pub(crate) fn write_gy(
        &self,
        f: impl FnOnce(Values<'_, E>, &mut [E]) -> Result<()>,
    ) -> Result<bool> {
        let mut nodes = self.tape().nodes_mut();
        let gy = self.gy.index();
        let (nodes, later) = nodes.split_at_mut(gy as usize);
        let Some(value) = later.first_mut().and_then(|node| node.value.as_mut()) else {
            return Ok(false);
        };
        if !value.is_contiguous() || !value.is_unique() {
            return Ok(false);
        }
        let values = Values { inputs: self.inputs, output: self.output, gy, nodes };
        f(values, value.as_mut_slice())?;
        Ok(true)
    }

    /// A cotangent of the shape of operand `i`, whose elements `f` writes. It is not recorded.
    #[inline]
    pub(crate) fn constant_like(
        &self,
        i: usize,
        f: impl FnOnce(Values<'_, E>, &mut [E]) -> Result<()>,
    ) -> Result<Var<'t, E>> {
        let (inputs, output, gy) = (self.inputs, self.output, self.gy.index());
        self.tape().push_like(inputs[i], |nodes, out| f(Values { inputs, output, gy, nodes }, out))
    }

    /// A cotangent that is not recorded.
    pub(crate) fn constant(&self, value: Tensor<E>) -> Var<'t, E> {
        self.tape().push(value, None, false)
    }

    /// The tape of the operands, the output and the cotangent.
    pub fn tape(&self) -> &'t Tape<E> {
        self.gy.tape()
    }
}

/// The values on the tape that a vector-Jacobian product may read, borrowed without a reference
/// count. The backward pass has checked that they are present.
#[derive(Clone, Copy)]
pub(crate) struct Values<'n, E: Element> {
    inputs: &'n [u32],
    output: u32,
    gy: u32,
    nodes: &'n [Node<E>],
}

impl<'n, E: Element> Values<'n, E> {
    #[inline]
    fn at(self, index: u32) -> &'n Tensor<E> {
        self.nodes[index as usize].value.as_ref().expect("the backward pass found a value")
    }

    /// The value of operand `i`.
    #[inline]
    pub(crate) fn input(self, i: usize) -> &'n Tensor<E> {
        self.at(self.inputs[i])
    }

    /// The value of the output.
    #[inline]
    pub(crate) fn output(self) -> &'n Tensor<E> {
        self.at(self.output)
    }

    /// The cotangent of the output.
    #[inline]
    pub(crate) fn gy(self) -> &'n Tensor<E> {
        self.at(self.gy)
    }

    /// The given tensor, or the cotangent of the output for `None`.
    #[inline]
    pub(crate) fn or_gy<'a>(self, tensor: Option<&'a Tensor<E>>) -> &'a Tensor<E>
    where
        'n: 'a,
    {
        tensor.unwrap_or_else(|| self.gy())
    }
}
