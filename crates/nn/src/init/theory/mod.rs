//! Mean-field theory of signals and gradients in deep networks of random weights.
//!
//! B. Poole et al., "Exponential expressivity in deep neural networks through transient chaos",
//! `NeurIPS` 2016; S. S. Schoenholz et al., "Deep information propagation", ICLR 2017; L. Xiao et
//! al., "Dynamical isometry and a mean field theory of CNNs", ICML 2018; S. Hayou et al., "On the
//! impact of the activation function on deep neural networks training", ICML 2019.
//!
//! The maps and their fixed points are in `mean_field`, the correlation integrals in `pair`, the
//! curve between order and chaos in `edge`, the phase diagram in `phase`, and stacks of layers of
//! finite width in `stack`.

mod edge;
mod error;
mod mean_field;
mod pair;
mod phase;
mod stack;

pub use edge::{CriticalPoint, EdgeOfChaos, edge_of_chaos};
pub use error::TheoryError;
pub use mean_field::{DepthScales, MeanField};
pub(super) use pair::rough_pair;
pub use phase::{Phase, PhaseDiagram, phase_diagram};
pub use stack::{StackLayer, StackPrediction, predict};
