//! Optimizers, one per file.
//!
//! | | |
//! |---|---|
//! | one rate | [`Sgd`] (momentum, Nesterov), [`Lion`] |
//! | a rate for each element, of moments | [`Adam`] (and AdamW), [`NAdam`], [`RAdam`], [`Adamax`] |
//! | a rate for each element, of squares | [`RmsProp`], [`Adagrad`], [`Adadelta`] |
//! | a rate for each tensor | [`Lamb`], [`Muon`] |
//! | second order | [`Lbfgs`] |
//! | of other optimizers | [`Groups`] by path, [`Lookahead`], [`Average`] of the weights |

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod average;
mod groups;
mod lamb;
mod lbfgs;
mod line_search;
mod lion;
mod lookahead;
mod memory;
mod muon;
mod nadam;
mod optimizer;
mod radam;
mod rmsprop;
mod select;
mod setters;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use average::Average;
pub use groups::Groups;
pub use lamb::Lamb;
pub use lbfgs::Lbfgs;
pub use lion::Lion;
pub use lookahead::Lookahead;
pub use muon::Muon;
pub use nadam::NAdam;
pub use optimizer::Optimizer;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
