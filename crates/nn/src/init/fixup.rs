//! [`Fixup`]: schemes for deep residual networks without normalization.

use super::Init;

/// The schemes of a residual branch by H. Zhang, Y. N. Dauphin and T. Ma, "Fixup initialization:
/// residual learning without normalization", ICLR 2019: in a network of `L` branches of `m` weight
/// layers each, He's scheme times `L^(-1/(2m-2))`, and zeros for the last layer of a branch. At
/// initialization every block is then the identity, and one step of gradient descent changes the
/// network's outputs by an amount that does not grow with `L`.
///
/// The paper's third rule adds parameters to the network (a scalar bias before each layer, a
/// multiplier at the end of each branch), and is not part of this.
///
/// ```
/// use wengert_nn::{Init, init::Fixup};
/// let fixup = Fixup { branches: 16, layers: 2 };
/// assert_eq!(fixup.init(0), Init::he_normal().gain(2.0_f64.sqrt() / 4.0));
/// assert_eq!(fixup.init(1), Init::Zeros);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixup {
    /// The number of residual branches of the network.
    pub branches: usize,
    /// The number of weight layers in each branch.
    pub layers: usize,
}

impl Fixup {
    /// `L^(-1/(2m-2))`; 0 for a branch of one layer, which is the last of the branch.
    pub fn scale(&self) -> f64 {
        if self.layers < 2 {
            return 0.0;
        }
        (self.branches.max(1) as f64).powf(-0.5 / (self.layers - 1) as f64)
    }

    /// The scheme of the layer with this index in its branch, for relu. For another activation,
    /// multiply the gain of its own scheme by [`scale`](Self::scale).
    ///
    /// # Panics
    /// If the index is not below [`layers`](Self::layers).
    #[track_caller]
    pub fn init(&self, layer: usize) -> Init {
        assert!(
            layer < self.layers,
            "there is no layer {layer} in a branch of {} layers; indices start at 0",
            self.layers
        );
        if layer + 1 == self.layers {
            Init::Zeros
        } else {
            Init::he_normal().gain(std::f64::consts::SQRT_2 * self.scale())
        }
    }
}
