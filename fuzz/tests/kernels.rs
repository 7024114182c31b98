//! Tests of the kernels in the sanitized build, in one program: generic code is compiled once.

#[path = "../../crates/kernels/tests/elementwise.rs"]
mod elementwise;
#[path = "../../crates/kernels/tests/layout.rs"]
mod layout;
#[path = "../../crates/kernels/tests/moments.rs"]
mod moments;
#[path = "../../crates/kernels/tests/norm/main.rs"]
mod norm;
#[path = "../../crates/kernels/tests/optim.rs"]
mod optim;
#[path = "../../crates/kernels/tests/random.rs"]
mod random;
#[path = "../../crates/kernels/tests/reduce.rs"]
mod reduce;
#[path = "../../crates/kernels/tests/scan.rs"]
mod scan;
#[path = "../../crates/kernels/tests/softmax.rs"]
mod softmax;
