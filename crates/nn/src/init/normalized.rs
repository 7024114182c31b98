//! What normalizations after a layer do to the moments of its outputs.

use wengert_autodiff::Activation;

use super::gain::{Moments, moments};
use super::theory::TheoryError;
use crate::module::{Met, Role};

/// A sequence of modules of which one normalizes.
pub(super) struct Normalized {
    /// The role of the last module that normalizes.
    pub(super) role: Role,
    /// Whether an activation comes before it.
    pub(super) after_activation: bool,
    /// The moments of the outputs for normalized inputs.
    pub(super) outputs: Moments,
}

/// The effect of a sequence of modules on its inputs, if one of them normalizes.
pub(super) fn normalized<'a>(
    modules: impl Iterator<Item = &'a Met>,
) -> Result<Option<Normalized>, TheoryError> {
    let (mut found, mut after_activation) = (None, false);
    for module in modules {
        let nonlinearity = module.nonlinearity();
        if let role @ (Role::Normalization | Role::Standardization) = module.role {
            let outputs = moments(&Activation::Identity, 1.0)?;
            found = Some(Normalized { role, after_activation, outputs });
        } else if !nonlinearity.is_identity() {
            after_activation = true;
            if let Some(normalized) = &mut found {
                normalized.outputs = moments(&*nonlinearity, 1.0)?;
            }
        }
    }
    Ok(found)
}

/// The variance of the outputs of an activation.
pub(super) fn variance_of(moments: &Moments) -> f64 {
    moments.second - moments.mean * moments.mean
}
