//! The operands of a product: how they are stored, and what is done to them on the way in.

use super::packed::{Packed, Side};
use super::problem::Strided;
use super::source::{Source, Step, Storage};
use super::{MatRef, MatrixError};
use crate::Element;
use crate::activation::Activation;
use crate::bf16::Bf16;

/// What is done to an operand, element by element, while it is read.
///
/// The elements are those of [`activation::backward`](crate::activation::backward),
/// [`activation::forward`](crate::activation::forward) or a product, to the bit: the result is that
/// of the product of an array made beforehand, which is not made.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum Prologue<'a, E> {
    /// Nothing.
    #[default]
    None,
    /// The operand is a gradient by an activation's output: it is multiplied by the derivative,
    /// which is told from what [`Activation::saves`] names.
    Derivative {
        /// The activation.
        activation: Activation,
        /// Its output or input, of the operand's shape.
        saved: MatRef<'a, E>,
    },
    /// The operand is multiplied by another matrix of its shape, such as a mask.
    Times(MatRef<'a, E>),
    /// The operand goes through an activation.
    Activation(Activation),
}

/// An operand of a [`Gemm`](super::Gemm): a strided view, of elements or of [`Bf16`] that are widened
/// to `f32`, or a [`Packed`] matrix; and what is done to its elements first.
///
/// With `y = act(x W + b)` and `gy` the gradient by y, the gradients by W, x and b need `gy act'` three
/// times:
///
/// ```
/// use wengert_kernels::activation::Activation;
/// use wengert_kernels::gemm::{Gemm, MatMut, MatRef, Operand, Prologue};
///
/// let (x, gy, y) = ([1.0_f32, 2.0, 3.0, 4.0], [1.0, -1.0], [0.5, 0.0]);
/// let [x, gy, saved] = [(&x[..], 2), (&gy, 1), (&y, 1)].map(|(m, n)| MatRef::row_major(m, 2, n));
/// let gz = Operand::from(gy).with(Prologue::Derivative { activation: Activation::Relu, saved });
///
/// let (mut gw, mut gb) = ([0.0; 2], [0.0]);
/// Gemm::new(x.t(), gz, MatMut::row_major(&mut gw, 2, 1)).run();
/// let ones = MatRef::new(&[1.0], 0, 1, 2, 0, 0);
/// Gemm::new(ones, gz, MatMut::row_major(&mut gb, 1, 1)).run();
/// assert_eq!((gw, gb), ([1.0, 2.0], [1.0]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a, E> {
    storage: Stored<'a, E>,
    prologue: Prologue<'a, E>,
}

/// How an operand is stored.
#[derive(Clone, Copy, Debug)]
enum Stored<'a, E> {
    Strided(MatRef<'a, E>),
    Bf16(MatRef<'a, Bf16>),
    Packed(&'a Packed<E>),
}

impl<'a, E: Element> From<MatRef<'a, E>> for Operand<'a, E> {
    #[inline]
    fn from(matrix: MatRef<'a, E>) -> Self {
        Operand { storage: Stored::Strided(matrix), prologue: Prologue::None }
    }
}

impl<'a> From<MatRef<'a, Bf16>> for Operand<'a, f32> {
    #[inline]
    fn from(matrix: MatRef<'a, Bf16>) -> Self {
        Operand { storage: Stored::Bf16(matrix), prologue: Prologue::None }
    }
}

impl<'a, E: Element> From<&'a Packed<E>> for Operand<'a, E> {
    #[inline]
    fn from(packed: &'a Packed<E>) -> Self {
        Operand { storage: Stored::Packed(packed), prologue: Prologue::None }
    }
}

impl<'a, E: Element> Operand<'a, E> {
    /// The operand with this done to its elements; it replaces what was to be done before.
    ///
    /// # Panics
    /// If the second matrix has another shape, or a number of the activation is outside its domain.
    #[track_caller]
    pub fn with(self, prologue: Prologue<'a, E>) -> Self {
        let second = match &prologue {
            Prologue::Derivative { saved, .. } => Some(saved),
            Prologue::Times(factor) => Some(factor),
            _ => None,
        };
        if let Some(second) = second {
            let (rows, cols) = (self.rows(), self.cols());
            assert!(
                second.rows() == rows && second.cols() == cols,
                "what is done to an operand of {rows}x{cols} elements needs a second matrix of that \
                 shape, but it is {}x{}",
                second.rows(),
                second.cols()
            );
        }
        if let Prologue::Derivative { activation, .. } | Prologue::Activation(activation) = prologue
            && let Err(error) = activation.check_in::<E>()
        {
            panic!("{error}");
        }
        Operand { prologue, ..self }
    }

    /// The number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        match self.storage {
            Stored::Strided(matrix) => matrix.rows(),
            Stored::Bf16(matrix) => matrix.rows(),
            Stored::Packed(packed) => packed.rows(),
        }
    }

    /// The number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        match self.storage {
            Stored::Strided(matrix) => matrix.cols(),
            Stored::Bf16(matrix) => matrix.cols(),
            Stored::Packed(packed) => packed.cols(),
        }
    }

    /// The operand as the paths see it that read it in place. Where it is not so stored, only its
    /// strides count.
    #[inline]
    pub(super) fn in_place(&self) -> Strided<E> {
        match self.storage {
            Stored::Strided(matrix) => matrix.strided(),
            Stored::Bf16(matrix) => {
                let Strided { row_stride, col_stride, .. } = matrix.strided();
                Strided { ptr: std::ptr::null(), row_stride, col_stride }
            }
            Stored::Packed(packed) => packed.origin(),
        }
    }

    /// Where the elements come from, as the operand of a side, unless that is [`in_place`].
    ///
    /// [`in_place`]: Self::in_place
    #[inline]
    #[track_caller]
    pub(super) fn source(&self, side: Side) -> Option<Source<E>> {
        match (&self.storage, &self.prologue) {
            (Stored::Strided(_), Prologue::None) => None,
            _ => Some(self.any_source(side)),
        }
    }

    /// Where the elements come from, as the operand of a side.
    #[track_caller]
    pub(super) fn any_source(&self, side: Side) -> Source<E> {
        let storage = match self.storage {
            Stored::Strided(matrix) => Storage::Strided(side.lines(matrix.strided())),
            Stored::Bf16(matrix) => Storage::Bf16(side.lines(matrix.strided())),
            Stored::Packed(packed) => Storage::Panels(packed.panels(side)),
        };
        let step = match self.prologue {
            Prologue::None | Prologue::Activation(Activation::Identity) => Step::None,
            Prologue::Derivative { activation, saved } => {
                Step::Derivative(activation.simplest(), side.lines(saved.strided()))
            }
            Prologue::Times(factor) => Step::Times(side.lines(factor.strided())),
            Prologue::Activation(activation) => Step::Activation(activation.simplest()),
        };
        Source { storage, step }
    }
    /// Checks that `count` operands like this, `step` elements apart, are there.
    pub(super) fn check_repeats(&self, count: usize, step: isize) -> Result<(), MatrixError> {
        match self.storage {
            Stored::Strided(matrix) => matrix.check_repeats(count, step)?,
            Stored::Bf16(matrix) => matrix.check_repeats(count, step)?,
            Stored::Packed(_) if step != 0 && count > 1 => {
                return Err(MatrixError::PackedStep { count, step });
            }
            Stored::Packed(_) => {}
        }
        match self.prologue {
            Prologue::Derivative { saved: second, .. } | Prologue::Times(second) => {
                second.check_repeats(count, step)
            }
            _ => Ok(()),
        }
    }
}
