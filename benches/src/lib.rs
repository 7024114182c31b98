//! Benchmarks of wengert: code shared by the programs of this package.

pub mod cli;
pub mod data;
pub mod machine;
pub mod measure;
