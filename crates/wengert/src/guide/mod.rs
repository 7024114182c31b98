//! The guide: worked examples, by subject.

#[doc = include_str!("gradients.md")]
pub mod gradients {}

#[doc = include_str!("networks.md")]
pub mod networks {}
