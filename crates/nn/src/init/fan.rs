//! Fan-in and fan-out: the numbers of connections into a unit and out of it.

use wengert_autodiff::Shape;

/// The number of connections with which a scheme scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Incoming connections: keeps the variance of activations.
    In,
    /// Outgoing connections: keeps the variance of gradients.
    Out,
    /// The mean of the two (Glorot and Bengio 2010).
    Average,
}

impl Fan {
    /// The number for a weight with this fan-in and fan-out.
    pub(super) fn of(self, (fan_in, fan_out): (usize, usize)) -> f64 {
        match self {
            Fan::In => fan_in as f64,
            Fan::Out => fan_out as f64,
            Fan::Average => f64::midpoint(fan_in as f64, fan_out as f64),
        }
    }
}

/// The fan-in and fan-out of a weight of shape `[out, in, receptive field ..]` in one group, or
/// `None` if it has fewer than two axes.
///
/// The shape alone does not determine the fans of a transposed or grouped convolution. The fans of
/// a layer's weight are therefore part of the parameter: see
/// [`Kind::fans`](wengert_autodiff::Kind::fans).
///
/// ```
/// use wengert_nn::fans;
/// assert_eq!(fans(&[10, 64].into()), Some((64, 10)));
/// assert_eq!(fans(&[16, 6, 5, 5].into()), Some((150, 400)));
/// assert_eq!(fans(&[10].into()), None);
/// ```
pub fn fans(shape: &Shape) -> Option<(usize, usize)> {
    match shape.dims() {
        [outputs, inputs, field @ ..] => {
            let field = field.iter().fold(1, |field: usize, axis| field.saturating_mul(*axis));
            Some((inputs.saturating_mul(field), outputs.saturating_mul(field)))
        }
        _ => None,
    }
}
