//! Fans: how many connections come into a unit and go out of it.

use wengert_autodiff::Shape;

/// Which number of connections a scheme scales with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Those that come in: keeps the variance of activations.
    In,
    /// Those that go out: keeps the variance of gradients.
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
/// This is a convention about shapes. The fans of a layer's weight are part of the parameter
/// ([`Kind::fans`](wengert_autodiff::Kind::fans)): those of a transposed or a grouped convolution
/// differ from what this function reads from the shape.
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
