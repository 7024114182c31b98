//! nn

#[cfg(feature = "data")]
pub mod data;
