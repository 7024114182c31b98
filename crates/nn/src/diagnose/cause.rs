//! [`Cause`]: why a network does not learn, and [`Level`]: how certain a finding is.

use std::fmt;

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident $name:literal;)+) => {
        /// Why a network does not learn. The order is that of the explanations: data, then labels,
        /// outputs and loss, then structure, start, learning rate, budget, and what shows during
        /// training.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[$doc])* $cause,)+
        }

        impl Cause {
            /// All causes in order.
            pub const ALL: &[Self] = &[$(Self::$cause),+];

            /// The name in reports and files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$cause => $name),+ }
            }
        }
    };
}

causes! {
    /// The data contain NaN or infinity, or inputs and targets do not match.
    InvalidData "invalid_data";
    /// Inputs that are much larger than 1.
    UnscaledInput "unscaled_input";
    /// Targets that are much larger than the outputs that the network can reach.
    UnscaledTarget "unscaled_target";
    /// Labels that do not fit the loss or the number of outputs.
    LabelMismatch "label_mismatch";
    /// An output activation that does not fit the loss or the targets.
    WrongOutputActivation "wrong_output_activation";
    /// A loss that does not fit the task.
    WrongLoss "wrong_loss";
    /// Linear layers in succession, which together compute a linear function.
    MissingNonlinearity "missing_nonlinearity";
    /// Parameters on which the loss does not depend, or that are frozen.
    NotConnected "not_connected";
    /// Too few units to represent the function.
    TooSmallCapacity "too_small_capacity";
    /// Units of a layer that start with the same weights and stay the same.
    SymmetricWeights "symmetric_weights";
    /// Initial weights that are much too large or too small.
    BadInitialization "bad_initialization";
    /// Gradients that vanish with the depth of the network.
    VanishingGradient "vanishing_gradient";
    /// More dropout or weight decay than the network can afford.
    OverRegularised "over_regularised";
    /// Training and held-out examples from different distributions.
    DataOrder "data_order";
    /// A learning rate at which the loss grows.
    LrTooHigh "lr_too_high";
    /// A learning rate too low for the length of the training.
    LrTooLow "lr_too_low";
    /// A training too short for its learning rate.
    TooFewEpochs "too_few_epochs";
    /// A batch too small for the learning rate, or too large for the number of steps.
    BatchSize "batch_size";
    /// An optimizer that does not suit the loss.
    OptimizerChoice "optimizer_choice";
    /// A class that is too rare to be learned.
    ClassImbalance "class_imbalance";
    /// Good results on the training examples only.
    Overfit "overfit";
    /// Inputs that do not determine the targets.
    NoSignal "no_signal";
    /// Symptom: outputs near the ends of the activation's range.
    SaturatedActivation "saturated_activation";
    /// Symptom: units that are zero for every example.
    DeadRelu "dead_relu";
    /// Symptom: values that grow without bound.
    Exploding "exploding";
    /// Symptom: a loss that goes up and down.
    Oscillating "oscillating";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How certain a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A remark. It is no reason for a network not to learn.
    Info,
    /// A probable reason, by a measured threshold.
    Warning,
    /// A certain reason, by arithmetic.
    Error,
}

impl Level {
    /// The name in reports and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
