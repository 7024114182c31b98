//! Tests of autodiff in the sanitized build, in one program: generic code is compiled once.

#[path = "../../crates/autodiff/tests/autodiff/einsum.rs"]
mod einsum;
#[path = "../../crates/autodiff/tests/autodiff/kinks.rs"]
mod kinks;
#[path = "../../crates/autodiff/tests/autodiff/network.rs"]
mod network;
#[path = "../../crates/autodiff/tests/autodiff/shape.rs"]
mod shape;
#[path = "../../crates/autodiff/tests/autodiff/zero_cotangent.rs"]
mod zero_cotangent;
