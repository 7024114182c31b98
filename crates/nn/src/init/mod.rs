//! Initializers, and the theory of signals and gradients at initialization.
//!
//! - [`Init`] is a scheme for initial values, sampled by [`Init::sample`]; [`Fixup`] gives the
//!   schemes of a residual branch; [`lsuv`] scales the weights of any module by a batch of data.
//! - [`gain()`] computes by which factor an activation, built in or user-defined, changes the
//!   variance of signals and gradients.
//! - [`MeanField`], [`edge_of_chaos`], [`phase_diagram`] and [`predict`] predict both in a deep
//!   network.
//! - [`measure`] measures the quantities that they predict.
//! - [`recommend`] chooses an initializer for each layer of a module and states the reason.

mod advice;
mod advice_table;
mod draw;
mod error;
mod fan;
mod figure;
mod fixup;
mod gain;
mod gradient_warning;
mod layout;
mod lsuv;
mod measure;
pub(crate) mod nonlinearity;
mod normalized;
mod operating_point;
mod orthogonal;
mod quadrature;
mod scheme;
mod structured;
#[cfg(test)]
mod tests;
mod theory;
mod tree;
mod truncated;

pub use advice::{Advice, LayerAdvice, recommend, recommend_for};
pub use error::InitError;
pub use fan::{Fan, fans};
pub use fixup::Fixup;
pub use gain::{Gain, gain};
pub use gradient_warning::GradientWarning;
pub use lsuv::{Lsuv, LsuvError, LsuvLayer, lsuv, lsuv_with};
pub use measure::{Propagation, measure, measure_with};
pub use nonlinearity::{Evaluation, Nonlinearity};
pub use scheme::{Distribution, Init};
pub use theory::{
    CriticalPoint, DepthScales, EdgeOfChaos, MeanField, Phase, PhaseDiagram, StackLayer,
    StackPrediction, TheoryError, edge_of_chaos, phase_diagram, predict,
};
