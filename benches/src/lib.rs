//! Benchmarks of wengert: what the programs of this package share.

pub mod cli;
pub mod data;
pub mod machine;
pub mod measure;
