//! [`Op`]: the one trait that defines an operation, built in or a user's own.

use std::fmt::Debug;

use smallvec::SmallVec;
use wengert_kernels::Element;

use crate::error::Result;
pub use crate::forward::Forward;
use crate::shape::Shape;
use crate::tape::{Node, Tape, Var};
use crate::tensor::Tensor;

/// A differentiable operation: shapes, value, and vector-Jacobian product.
///
/// The operations of this crate implement it, and so do a user's own; there is no difference
/// between the two. [`Tape::apply`] records an operation, [`eval`](crate::eval()) runs it on
/// tensors alone.
///
/// The vector-Jacobian product takes and returns variables. While gradients are merely computed
/// nothing is recorded and each intermediate is freed as soon as the rule returns; when a gradient
/// is itself to be differentiated, the same rule lands on the tape. A rule written with variables
/// is therefore differentiable to any order; one that reads values out of them and puts constants
/// back is not.
///
/// Rules need not undo broadcasting: a cotangent of a broadcast shape is summed to its operand's.
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
    /// The name messages call it by.
    fn name(&self) -> &'static str;

    /// The number of operands, if it is fixed. Checked before [`shape`](Self::shape) is asked:
    /// `None` takes any number but none at all.
    fn arity(&self) -> Option<usize> {
        None
    }

    /// The output's shape for operands of the given shapes.
    ///
    /// # Errors
    /// If the operation does not take these shapes; what is refused here is not recorded.
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape>;

    /// The output's value. The shapes are those [`shape`](Self::shape) accepted; the layouts are
    /// any. A view of an operand may be returned.
    ///
    /// # Errors
    /// If the operands' values cannot be taken.
    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>>;

    /// For each operand the product of the output's cotangent `node.gy()` with the Jacobian;
    /// `None` where it is zero or where [`Vjp::needs`] is false.
    ///
    /// # Errors
    /// If the operation has no gradient.
    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>>;

    /// Whether the operand in place `i` is read as whole numbers (labels, positions): there is no
    /// derivative by it, none is asked of [`vjp`](Self::vjp), and
    /// [`Connection::Index`](crate::Connection::Index) reports it.
    fn reads_index(&self, i: usize) -> bool {
        let _ = i;
        false
    }

    /// The operation as a composition of others, for one that keeps nothing of its inner
    /// computation: the walk back records the composition and goes through it, and
    /// [`vjp`](Self::vjp) is not asked.
    fn composition(&self) -> Option<&dyn Composition<E>> {
        None
    }
}

/// What [`Op::composition`] returns: a computation that can be recorded again.
pub trait Composition<E: Element> {
    /// Records the computation on the operands' tape. It must give what
    /// [`Op::forward`] gave, to the bit.
    ///
    /// # Errors
    /// Those of the operations it is made of.
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

/// One cotangent an operand; `None` is zero.
pub type Cotangents<'t, E> = SmallVec<[Option<Var<'t, E>>; 3]>;

/// Cotangents from an array, in the operands' order: the last line of a rule.
#[allow(clippy::unnecessary_wraps, reason = "it is what a rule returns")]
pub(crate) fn cotangents<E: Element, const N: usize>(
    values: [Option<Var<'_, E>>; N],
) -> Result<Cotangents<'_, E>> {
    Ok(Cotangents::from_slice(&values))
}

/// What a vector-Jacobian product is given: the operands, the output, and the cotangent.
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
    /// The operand in place `i`.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn input(&self, i: usize) -> Var<'t, E> {
        let Some(&input) = self.inputs.get(i) else {
            let (op, operands) = (self.op.name(), self.inputs.len());
            panic!("{op}: the rule asked for operand {i}, there are {operands} (0..{operands})");
        };
        self.tape().var(input)
    }

    /// The output.
    pub fn output(&self) -> Var<'t, E> {
        self.tape().var(self.output)
    }

    /// The output's cotangent, of the output's shape.
    pub fn gy(&self) -> Var<'t, E> {
        self.gy
    }

    /// The tensor the forward computation saved in place `i`.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn saved(&self, i: usize) -> &Tensor<E> {
        let count = self.saved.len();
        let Some(saved) = self.saved.get(i) else {
            let op = self.op.name();
            panic!("{op}: the rule asked for saved tensor {i}, there are {count} (0..{count})");
        };
        saved
    }

    /// Whether the cotangent of the operand in place `i` is needed. Rules skip expensive products
    /// that are not; a cotangent given anyway is dropped.
    ///
    /// # Panics
    /// If there is no such operand.
    #[track_caller]
    pub fn needs(&self, i: usize) -> bool {
        let Some(&needed) = self.needs.get(i) else {
            let (op, operands) = (self.op.name(), self.inputs.len());
            panic!("{op}: the rule asked for operand {i}, there are {operands} (0..{operands})");
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

    /// Whether what the rule computes is recorded, to be differentiated again. What was saved is
    /// then to be recomputed from the operands.
    pub fn creates_graph(&self) -> bool {
        self.graph
    }

    /// The values on the tape, to be read where they lie.
    #[inline]
    pub(crate) fn values<'n>(&'n self, nodes: &'n [Node<E>]) -> Values<'n, E> {
        Values { inputs: self.inputs, output: self.output, gy: self.gy.index(), nodes }
    }

    /// Has `f` overwrite the output's cotangent in place if no other tensor shares it, and returns
    /// whether it did.
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

    /// A cotangent of the shape of the operand in place `i` that is not recorded, its elements
    /// written by `f`.
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

    /// The tape.
    pub fn tape(&self) -> &'t Tape<E> {
        self.gy.tape()
    }
}

/// What a rule may read of the tape, without a hold on any of it. The walk has seen to it that all
/// of it is there.
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
        self.nodes[index as usize].value.as_ref().expect("a value the walk has found there")
    }

    /// The value of the operand in place `i`.
    #[inline]
    pub(crate) fn input(self, i: usize) -> &'n Tensor<E> {
        self.at(self.inputs[i])
    }

    /// The output's value.
    #[inline]
    pub(crate) fn output(self) -> &'n Tensor<E> {
        self.at(self.output)
    }

    /// The output's cotangent.
    #[inline]
    pub(crate) fn gy(self) -> &'n Tensor<E> {
        self.at(self.gy)
    }

    /// A tensor, or the output's cotangent in place of none.
    #[inline]
    pub(crate) fn or_gy<'a>(self, tensor: Option<&'a Tensor<E>>) -> &'a Tensor<E>
    where
        'n: 'a,
    {
        tensor.unwrap_or_else(|| self.gy())
    }
}
