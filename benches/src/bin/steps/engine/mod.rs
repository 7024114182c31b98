//! The engines whose steps are measured: this one and, with the feature `peers`, others.

#[cfg(feature = "peers")]
mod burn;
#[cfg(feature = "peers")]
mod candle;
#[cfg(feature = "peers")]
mod dfdx;
mod wengert;

use crate::workload::Name;

/// Runs one training step and returns the loss before the update.
pub(crate) type Step = Box<dyn FnMut() -> f32>;

/// An engine that trains.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    /// A training run of a workload from its first step.
    pub(crate) step: fn(Name) -> Step,
    /// The workloads that the engine cannot compute.
    pub(crate) lacks: &'static [Name],
}

/// All engines; the first is the one that the others are compared with.
pub(crate) static ENGINES: &[Engine] = &[
    Engine { name: "wengert", step: wengert::step, lacks: &[] },
    #[cfg(feature = "peers")]
    Engine { name: "candle", step: candle::step, lacks: &[] },
    #[cfg(feature = "peers")]
    Engine { name: "burn", step: burn::step, lacks: &[] },
    #[cfg(feature = "peers")]
    Engine { name: "dfdx", step: dfdx::step, lacks: dfdx::LACKS },
];
