//! Dropout: a selection between a scaled input and zero by a mask drawn from the caller's
//! generator. The mask is recorded with the operation, so that all backward passes use the same
//! one.

use rand::{Rng, RngExt};
use wengert_kernels::Element;
use wengert_kernels::elementwise::Comparison;
use wengert_kernels::random::{Stream, fill_uniform};

use crate::error::{Error, Result, expect};
use crate::eval::compose;
use crate::mask::{Mask, compare};
use crate::op::{Composition, Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Dropout in training: sets each element to zero with probability `p`, and divides the others by
/// `1 - p`, which preserves the mean. In inference, do not call this function: dropout is the
/// identity there.
///
/// The random numbers are those of a [`Stream`] whose key is one draw from the generator; they are
/// the same on every machine and for any number of threads. Dropped infinities and NaNs become
/// zero.
///
/// Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
/// overfitting", JMLR 15, 2014.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::{Tape, Tensor, ops};
/// let (tape, mut rng) = (Tape::new(), rand_pcg::Pcg64::seed_from_u64(1));
/// let x = tape.variable(&Tensor::<f32>::ones([1000]));
/// let y = ops::dropout(x, 0.25, &mut rng)?;
/// assert!((y.mean().item() - 1.0).abs() < 0.1);
/// assert_eq!(y.sum().backward().get(x).unwrap().to_vec(), y.value().to_vec());
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// If `p` is not in 0..=1.
#[track_caller]
pub fn dropout<'t, E: Element>(x: Var<'t, E>, p: f64, rng: &mut impl Rng) -> Result<Var<'t, E>> {
    dropout_from(x, p, Stream::new(rng.random(), 0))
}

/// Dropout with random numbers from a given stream: [`dropout`] for callers that choose their
/// streams.
///
/// # Errors
/// If `p` is not in 0..=1.
#[track_caller]
pub fn dropout_from<E: Element>(x: Var<'_, E>, p: f64, stream: Stream) -> Result<Var<'_, E>> {
    if !(0.0..=1.0).contains(&p) {
        let message = format!("the probability to drop an element must be in 0..=1, got {p}");
        return Err(Error::Argument { op: "dropout", message });
    }
    if p == 0.0 {
        return Ok(x);
    }
    if x.tape().in_segment() {
        return x.tape().apply(Dropout { p, stream }, &[x]);
    }
    masked(x, p, stream)
}

/// Dropout as a selection by a mask that is drawn here.
fn masked<E: Element>(x: Var<'_, E>, p: f64, stream: Stream) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let kept = if p == 1.0 {
        Mask::full(shape, false)
    } else {
        let mut draws = Tensor::<f32>::try_full(shape, 0.0)?;
        fill_uniform(stream, 0.0, 1.0, draws.as_mut_slice());
        compare(Comparison::Ge, &draws, &Tensor::scalar(p as f32))?
    };
    let scale = if p == 1.0 { 0.0 } else { 1.0 / (1.0 - p) };
    let zero = x.tape().constant(&Tensor::scalar(E::ZERO));
    super::where_(&kept, super::mul_scalar(x, E::from_f64(scale))?, zero)
}

/// Dropout in a checkpoint's closure. It keeps no mask, but draws it again from the stream.
#[derive(Debug)]
struct Dropout {
    p: f64,
    stream: Stream,
}

impl<E: Element> Op<E> for Dropout {
    described!("dropout", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        compose(inputs, |x| masked(x[0], self.p, self.stream))
    }

    fn vjp<'t>(&self, _: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        unreachable!("the backward pass differentiates the composition")
    }

    fn composition(&self) -> Option<&dyn Composition<E>> {
        Some(self)
    }
}

impl<E: Element> Composition<E> for Dropout {
    fn record<'t>(&self, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>> {
        masked(inputs[0], self.p, self.stream)
    }
}

impl<E: Element> Var<'_, E> {
    /// Dropout in training. See [`ops::dropout`](crate::ops::dropout()).
    ///
    /// # Panics
    /// If `p` is not in 0..=1.
    #[track_caller]
    pub fn dropout(self, p: f64, rng: &mut impl Rng) -> Self {
        expect(dropout(self, p, rng))
    }
}

instances!(dropout<E>: dropout_from::<E>);
