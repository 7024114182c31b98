//! lab

pub mod data;
