//! [`predict()`]: activations and gradients layer by layer in a given stack of finite width.

use std::sync::Arc;

use super::error::{TheoryError, not_negative};
use crate::init::gain::{Moments, moments};
use crate::init::nonlinearity::Nonlinearity;

/// A layer of a stack: `f(W x + b)` with independent weights and biases of mean zero.
#[derive(Clone, Debug)]
pub struct StackLayer {
    /// Connections into a unit, the receptive field included.
    pub fan_in: usize,
    /// Connections out of a unit of the layer before, the receptive field included.
    pub fan_out: usize,
    /// The units, or channels, of the layer.
    pub units: usize,
    /// The weights' standard deviation, times `sqrt(fan_in)`.
    pub sigma_w: f64,
    /// The biases' standard deviation.
    pub sigma_b: f64,
    /// The activation.
    pub activation: Arc<dyn Nonlinearity>,
}

impl StackLayer {
    /// A fully connected layer.
    pub fn linear(
        inputs: usize,
        outputs: usize,
        activation: impl Nonlinearity + 'static,
        sigma_w: f64,
        sigma_b: f64,
    ) -> Self {
        Self::conv(inputs, outputs, 1, activation, sigma_w, sigma_b)
    }

    /// A convolution of stride 1 with circular padding and a receptive field of this number of
    /// positions, in one group. (With zero padding, sums at the border have fewer terms.)
    pub fn conv(
        inputs: usize,
        outputs: usize,
        receptive_field: usize,
        activation: impl Nonlinearity + 'static,
        sigma_w: f64,
        sigma_b: f64,
    ) -> Self {
        Self {
            fan_in: inputs * receptive_field,
            fan_out: outputs * receptive_field,
            units: outputs,
            sigma_w,
            sigma_b,
            activation: Arc::new(activation),
        }
    }

    /// Divides the channels of the layer into `groups` groups, which divides both fans.
    pub fn groups(mut self, groups: usize) -> Self {
        self.fan_in /= groups.max(1);
        self.fan_out /= groups.max(1);
        self
    }
}

/// The predicted moments of a layer, for one example.
///
/// Means are over the random weights. `*_deviation` is the relative standard deviation of one
/// network around them, of order `sqrt(depth / width)`; that of the mean of `S` networks is smaller
/// by `sqrt(S)`. `shift` is the relative error of the mean itself, of order `depth / width`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackPrediction {
    /// The variance of the pre-activations.
    pub variance: f64,
    /// `E[f^2]`: the mean square of the activations.
    pub activation_square: f64,
    /// The variance of the activations, over units.
    pub activation_variance: f64,
    /// The mean square of the gradient with respect to the pre-activations, relative to that of
    /// the gradient with respect to the stack's outputs.
    pub gradient_square: f64,
    /// The Euclidean norm of the gradient with respect to the weight, for a gradient of norm 1 with
    /// respect to the stack's outputs and one example. (For a convolution, the contribution of one
    /// position.)
    pub weight_gradient_norm: f64,
    /// The relative standard deviation of `variance` of one network, due to the finite width alone.
    pub variance_deviation: f64,
    /// The first-order correction of `variance`, relative, which is already included.
    pub shift: f64,
    /// The relative standard deviation of `gradient_square` of one network.
    pub gradient_deviation: f64,
}

/// Predicts the moments of an input whose elements have the mean square `input_square` in each
/// layer of a stack, and those of the gradient.
///
/// The means follow the maps of [`MeanField`](super::MeanField) from layer to layer, not at a fixed
/// point. To first order in `1/width`, with `v` the variance of a network's `q` about its mean,
///
/// ```text
/// v -> sigma_w^4 (E[f^4] - E[f^2]^2) / width + chi_q^2 v
/// mean -> sigma_w^2 E[f^2] + sigma_b^2, plus v/2 times the second derivative of that by q
/// ```
///
/// and the relative variance of the gradient's mean square grows by `(3 E[f'^4] / E[f'^2]^2 - 1) /
/// width` a layer. For relu of depth `L` both are `5 L / width`, as derived by B. Hanin and M. Nica
/// ("Products of many large random matrices and gradients in deep neural networks", 2018). The
/// deviations hold where they are small.
///
/// # Errors
/// [`TheoryError`] if a number is negative or an expectation cannot be computed.
pub fn predict(
    stack: &[StackLayer],
    input_square: f64,
) -> Result<Vec<StackPrediction>, TheoryError> {
    let mut square = not_negative("the mean square of the inputs", input_square)?;
    let mut input_width = f64::INFINITY;
    // Absolute: the variance of q over networks, and the correction of its mean.
    let (mut spread, mut correction) = (0.0, 0.0);
    let mut all: Vec<(StackPrediction, Moments, f64)> = Vec::with_capacity(stack.len());
    let mut last: Option<(Moments, f64)> = None;
    for layer in stack {
        if [layer.fan_in, layer.fan_out, layer.units].contains(&0) {
            let what = "the smallest of a layer's units and connections";
            return Err(TheoryError::Number { what, domain: "positive", got: 0.0 });
        }
        let w = not_negative("sigma_w", layer.sigma_w)?.powi(2);
        let b = not_negative("sigma_b", layer.sigma_b)?.powi(2);
        let before = square;
        if let Some((moments, curvature)) = last {
            correction = w * (moments.growth * correction + 0.5 * curvature * spread);
            let noise = (moments.fourth - moments.second.powi(2)).max(0.0) / input_width;
            spread = w * w * (noise + moments.growth.powi(2) * spread);
        }
        let mean_field = w * square + b;
        let q = mean_field + correction;
        let here = moments(&*layer.activation, mean_field)?;
        if !(here.fourth.is_finite() && here.slope_fourth.is_finite()) {
            let activation = layer.activation.name();
            return Err(TheoryError::NotFinite { activation, variance: mean_field });
        }
        let curvature = curvature(&*layer.activation, mean_field)?;
        let activation_square =
            here.second + here.growth * (q - mean_field) + 0.5 * curvature * spread;
        all.push((
            StackPrediction {
                variance: q,
                activation_square,
                activation_variance: activation_square - here.mean.powi(2),
                gradient_square: 1.0,
                weight_gradient_norm: (before * layer.fan_in as f64).sqrt(),
                variance_deviation: spread.sqrt() / mean_field.max(f64::MIN_POSITIVE),
                shift: correction / mean_field.max(f64::MIN_POSITIVE),
                gradient_deviation: 0.0,
            },
            here,
            w,
        ));
        square = here.second;
        input_width = layer.units as f64;
        last = Some((here, curvature));
    }
    backward(stack, &mut all);
    Ok(all.into_iter().map(|(prediction, ..)| prediction).collect())
}

/// `d^2 E[f(sqrt(q) z)^2] / dq^2`, by central differences of the exact first derivative.
fn curvature(activation: &dyn Nonlinearity, q: f64) -> Result<f64, TheoryError> {
    if q == 0.0 {
        return Ok(0.0);
    }
    let step = 1e-3 * q;
    let (above, below) = (moments(activation, q + step)?, moments(activation, q - step)?);
    Ok((above.growth - below.growth) / (2.0 * step))
}

/// Fills in the gradients from the last layer to the first.
fn backward(stack: &[StackLayer], all: &mut [(StackPrediction, Moments, f64)]) {
    let outputs = stack.last().map_or(1, |layer| layer.units) as f64;
    let mut square = 1.0;
    let mut relative = 0.0;
    for i in (0..all.len()).rev() {
        let units = stack[i].units as f64;
        let (prediction, moments, _) = &mut all[i];
        square *= moments.slope;
        if moments.slope > 0.0 {
            let kurtosis = moments.slope_fourth / moments.slope.powi(2);
            // Given the gradient of the next layer, the elements of this one are normal, with a
            // fourth moment of 3. That of the last layer is the argument.
            let normal = if i + 1 == stack.len() { 1.0 } else { 3.0 };
            relative += (normal * kurtosis - 1.0) / units;
        }
        prediction.gradient_square = square;
        prediction.gradient_deviation = relative.max(0.0).sqrt();
        prediction.weight_gradient_norm *= (square * units / outputs).sqrt();
        // Through the weight: each input receives fan_out gradients.
        square *= all[i].2 * stack[i].fan_out as f64 / stack[i].fan_in as f64;
    }
}
