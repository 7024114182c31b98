//! How things are done: pages to read.

#[doc = include_str!("gradients.md")]
pub mod gradients {}
