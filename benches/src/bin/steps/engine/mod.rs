//! The engines a step is measured on: this one and, with the feature `peers`, others.

#[cfg(feature = "peers")]
mod burn;
#[cfg(feature = "peers")]
mod candle;
#[cfg(feature = "peers")]
mod dfdx;
mod wengert;

use crate::workload::Name;

/// One training step after another. Returns the loss before the update.
pub(crate) type Step = Box<dyn FnMut() -> f32>;

/// An engine that trains.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    /// A workload's steps, from the first one on.
    pub(crate) step: fn(Name) -> Step,
    /// The workloads it cannot compute.
    pub(crate) lacks: &'static [Name],
}

/// All of them, the one the others are held against first.
pub(crate) static ENGINES: &[Engine] = &[
    Engine { name: "wengert", step: wengert::step, lacks: &[] },
    #[cfg(feature = "peers")]
    Engine { name: "candle", step: candle::step, lacks: &[] },
    #[cfg(feature = "peers")]
    Engine { name: "burn", step: burn::step, lacks: &[] },
    #[cfg(feature = "peers")]
    Engine { name: "dfdx", step: dfdx::step, lacks: dfdx::LACKS },
];
