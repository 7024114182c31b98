//! Benchmarks of wengert.
