//! [`Rotary`]: positions as rotations of queries and keys.

use wengert_autodiff::{Element, Error, Result, Step, Tensor, Var, ops};

use crate::layer::LayerError;

const OP: &str = "rotary";

/// Rotary position embedding: pair `i` of the features at position `t` is rotated by the angle
/// `t base^(-2i / features)`, so that the product of a query and a key depends on their distance.
///
/// A pair is two features next to each other, as in the paper; with [`halves`](Self::halves) it is
/// one feature of the first half and the one in the same place of the second, as in GPT-NeoX and
/// many published weights.
///
/// Source: J. Su et al., "`RoFormer`: enhanced transformer with rotary position embedding",
/// arXiv:2104.09864, 2021.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor};
/// use wengert_nn::Rotary;
/// let tape = Tape::new();
/// let x = tape.constant(&Tensor::<f32>::ones([2, 1, 5, 8]));
/// let y = Rotary::new(8)?.rotate(x, 0)?;
/// assert_eq!(y.value().slice(2, ..1), x.value().slice(2, ..1)); // position 0
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shapes
/// `[.., time, features]` with an even number of features; the output has the input's shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary {
    features: usize,
    base: f64,
    halves: bool,
}

impl Rotary {
    /// Creates rotations of pairs of `features` features, with the base 10000.
    ///
    /// # Errors
    /// If the number of features is odd or zero.
    pub fn new(features: usize) -> Result<Self, LayerError> {
        if features == 0 || !features.is_multiple_of(2) {
            let message =
                format!("the number of features must be even and positive, got {features}");
            return Err(Error::Argument { op: OP, message }.into());
        }
        Ok(Self { features, base: 10_000.0, halves: false })
    }

    /// Sets the base of the angles; 10000 by default.
    ///
    /// # Errors
    /// If the base is not positive and finite.
    pub fn base(self, base: f64) -> Result<Self, LayerError> {
        if base > 0.0 && base.is_finite() {
            return Ok(Self { base, ..self });
        }
        let message = format!("the base must be positive and finite, got {base}");
        Err(Error::Argument { op: OP, message }.into())
    }

    /// Pairs feature `i` with feature `i + features / 2`.
    pub fn halves(self) -> Self {
        Self { halves: true, ..self }
    }

    /// Rotates the features of a sequence whose first element is at position `offset`.
    ///
    /// # Errors
    /// If `x` has another number of features or no time axis.
    pub fn rotate<'t, E: Element>(&self, x: Var<'t, E>, offset: usize) -> Result<Var<'t, E>> {
        let shape = x.shape();
        let &[.., time, features] = shape.dims() else {
            return Err(self.refused(shape));
        };
        if features != self.features {
            return Err(self.refused(shape));
        }
        let pairs = features / 2;
        let table = |f: fn(f64) -> f64| -> Result<Var<'t, E>> {
            let mut table = Tensor::<E>::try_full([time, pairs], E::ZERO)?;
            for (k, entry) in table.as_mut_slice().iter_mut().enumerate() {
                let (t, i) = (offset.saturating_add(k / pairs), k % pairs);
                let frequency = self.base.powf(-2.0 * i as f64 / features as f64);
                *entry = E::from_f64(f(t as f64 * frequency));
            }
            Ok(x.tape().constant(&table))
        };
        let (cos, sin) = (table(f64::cos)?, table(f64::sin)?);
        let half = pairs as isize;
        let every_other = |start| Step { start: Some(start), stop: None, step: 2 };
        let (a, b) = if self.halves {
            (ops::slice(x, -1, ..half)?, ops::slice(x, -1, half..)?)
        } else {
            (ops::slice(x, -1, every_other(0))?, ops::slice(x, -1, every_other(1))?)
        };
        let first = ops::sub(ops::mul(a, cos)?, ops::mul(b, sin)?)?;
        let second = ops::add(ops::mul(a, sin)?, ops::mul(b, cos)?)?;
        if self.halves {
            ops::concat(&[first, second], -1)
        } else {
            ops::reshape(ops::stack(&[first, second], -1)?, shape)
        }
    }

    fn refused(&self, got: wengert_autodiff::Shape) -> Error {
        let expected = format!("x [.., time, {}]", self.features);
        Error::Shapes { op: OP, expected, got: vec![got] }
    }
}
