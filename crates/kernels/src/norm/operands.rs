//! What the norms read and write.

use crate::slices::check_len;

/// A weight and a bias for every column or channel, where there are any.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a, E> {
    /// The factors; one where there are none.
    pub weight: Option<&'a [E]>,
    /// What is added; zero where there is none.
    pub bias: Option<&'a [E]>,
}

impl<E> Affine<'_, E> {
    /// Neither weight nor bias.
    pub const NONE: Self = Affine { weight: None, bias: None };
}

impl<E> Affine<'_, E> {
    #[track_caller]
    pub(super) fn check(&self, len: usize) {
        for (name, values) in [("weight", self.weight), ("bias", self.bias)] {
            if let Some(values) = values {
                check_len(name, values.len(), len);
            }
        }
    }
}

/// What [`layer_norm_grad`](super::layer_norm_grad) reads.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormGrad<'a, E> {
    /// The upstream gradient, `[rows, cols]`.
    pub gy: &'a [E],
    /// The input, `[rows, cols]`.
    pub x: &'a [E],
    /// The length of a row.
    pub cols: usize,
    /// The factors of the forward pass.
    pub weight: Option<&'a [E]>,
    /// The means the forward pass gave, `[rows]`.
    pub mean: &'a [E],
    /// The reciprocal deviations the forward pass gave, `[rows]`.
    pub rstd: &'a [E],
    /// What the forward pass added to the variances.
    pub eps: f64,
}

/// What [`rms_norm_grad`](super::rms_norm_grad) reads.
#[derive(Clone, Copy, Debug)]
pub struct RmsNormGrad<'a, E> {
    /// The upstream gradient, `[rows, cols]`.
    pub gy: &'a [E],
    /// The input, `[rows, cols]`.
    pub x: &'a [E],
    /// The length of a row.
    pub cols: usize,
    /// The factors of the forward pass.
    pub weight: Option<&'a [E]>,
    /// The reciprocal root mean squares the forward pass gave, `[rows]`.
    pub rstd: &'a [E],
    /// What the forward pass added to the mean squares.
    pub eps: f64,
}

/// What [`batch_norm_grad`](super::batch_norm_grad) reads.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormGrad<'a, E> {
    /// The upstream gradient, `[outer, channels, inner]`.
    pub gy: &'a [E],
    /// The input, `[outer, channels, inner]`.
    pub x: &'a [E],
    /// The dimensions `[outer, channels, inner]`.
    pub dims: [usize; 3],
    /// The factors of the forward pass.
    pub weight: Option<&'a [E]>,
    /// The means of the forward pass, `[channels]`.
    pub mean: &'a [E],
    /// The variances of the forward pass, `[channels]`.
    pub variance: &'a [E],
    /// What the forward pass added to the variances.
    pub eps: f64,
    /// Whether the statistics are those of `x` and depend on it (training), or given numbers
    /// (inference).
    pub training: bool,
}

/// Where the gradients of a norm go.
#[derive(Debug)]
pub struct NormGrads<'a, E> {
    /// Of the input.
    pub x: &'a mut [E],
    /// Of the weight, if it is asked for.
    pub weight: Option<&'a mut [E]>,
    /// Of the bias, if it is asked for.
    pub bias: Option<&'a mut [E]>,
}
