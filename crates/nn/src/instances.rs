//! [`Instances`]: the code of this crate for `f32`, compiled once.
//!
//! The mechanism, with the macro `instances!`, is that of
//! [`wengert_autodiff::Instances`]. The entry of a layer is [`SequentialBuilder::with`] with its
//! config, that of an optimizer [`Optimizer::step`].
//!
//! [`SequentialBuilder::with`]: crate::SequentialBuilder::with
//! [`Optimizer::step`]: crate::Optimizer::step

/// Has no values: its functions hold the names of the instances.
#[doc(hidden)]
#[derive(Debug)]
pub enum Instances {}
