//! How things are done: pages to read.

#[doc = include_str!("gradients.md")]
pub mod gradients {}

#[doc = include_str!("networks.md")]
pub mod networks {}
