//! Every public kernel with sizes, strides and slices that do not fit: it must give the right
//! answer or refuse with a message of its own, in debug and in release builds. A kernel that no
//! case calls is found by reading the sources.
//!
//! `cargo test --release -p wengert-kernels --test hostile_sizes` is the run that finds wrapped
//! arithmetic: a debug build panics where it would wrap, which is a fault here as well.

#[path = "../support/child.rs"]
mod child;
mod dims;
mod matrices;
mod report;
mod slices;
mod windows;

use report::Report;

/// Sizes beyond what an array can have: on the way to a wrapped product, sum or rounding.
const HOSTILE: [usize; 4] =
    [1 << (usize::BITS / 2), 1 << (usize::BITS - 2), 1 << (usize::BITS - 1), usize::MAX];

/// Runs the cases of a family in a process of their own.
fn family(name: &str, cases: impl FnOnce(&mut Report)) {
    child::in_child(name, || {
        let mut report = Report::new(name);
        cases(&mut report);
        report.finish();
    });
}

macro_rules! families {
    ($($name:ident: $cases:path;)+) => {
        /// The families whose kernels are called.
        const FAMILIES: &[&str] = &[$(stringify!($name)),+];

        $(#[test]
        fn $name() {
            family(stringify!($name), $cases);
        })+
    };
}

families! {
    activation: slices::activation;
    chain: slices::chain;
    conv: windows::conv;
    elementwise: slices::elementwise;
    gemm: matrices::gemm;
    layout: matrices::layout;
    math: slices::math;
    norm: dims::norm;
    optim: slices::optim;
    pool: windows::pool;
    random: slices::random;
    reduce: dims::reduce;
    scan: dims::scan;
    softmax: dims::softmax;
    window: windows::window;
}

/// The public modules without kernels: documentation, lanes and levels, traits, oracles, and the
/// division of work among threads, which has tests of its own.
const OTHERS: [&str; 5] = ["accuracy", "simd", "slices", "testing", "threads"];

#[test]
fn no_family_is_left_out() {
    let library = include_str!("../../src/lib.rs");
    let modules = library.lines().filter_map(|line| line.strip_prefix("pub mod "));
    let names = modules.map(|rest| rest.trim_end_matches([';', ' ', '{', '}']));
    let kernels: Vec<&str> = names.filter(|name| !OTHERS.contains(name)).collect();
    assert_eq!(kernels, FAMILIES);
}
