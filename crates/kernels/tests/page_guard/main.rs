//! Every kernel on operands that end where a page without access begins, and on operands that begin
//! where one ends: an access outside of them ends the process, and the last call is reported.
//!
//! Lengths are those of whole vectors and of every remainder, on every level.
#![cfg(unix)]

#[path = "../support/child.rs"]
mod child;
mod images;
mod lines;
mod pages;
mod products;
mod slices;

use child::note;
use pages::Place;
use wengert_kernels::testing::for_each_level;
use wengert_kernels::{Element, simd::MAX_LANES};

/// The longest run of elements: two vectors of the widest level, and one element.
const LONGEST: usize = 2 * MAX_LANES + 1;

/// A family's calls with operands of some length.
trait Calls {
    fn call<E: Element>(&self, place: Place, len: usize);
}

/// Runs the calls in a process of their own, for all lengths, types and levels, on either side of a
/// page without access.
fn family(name: &str, calls: &impl Calls) {
    fn of<E: Element>(calls: &impl Calls) {
        for_each_level(|level| {
            for place in [Place::BeforeGuard, Place::AfterGuard] {
                for len in 0..=LONGEST {
                    note(&format!("{} on {level}, {place:?}, length {len}", E::NAME));
                    calls.call::<E>(place, len);
                }
            }
        });
    }
    child::in_child(name, || {
        of::<f32>(calls);
        of::<f64>(calls);
    });
}

macro_rules! families {
    ($($name:ident: $module:ident;)+) => {$(
        #[test]
        fn $name() {
            struct Family;

            impl Calls for Family {
                fn call<E: Element>(&self, place: Place, len: usize) {
                    $module::$name::<E>(place, len);
                }
            }

            family(stringify!($name), &Family);
        }
    )+};
}

families! {
    activation: slices;
    chain: slices;
    elementwise: slices;
    math: slices;
    optim: slices;
    random: slices;
    layout: lines;
    norm: lines;
    reduce: lines;
    scan: lines;
    softmax: lines;
    gemm: products;
    conv: images;
    pool: images;
}

/// The guard guards: a read one element further ends the process.
#[test]
#[should_panic(expected = "the test's process ended with")]
fn beyond_the_end() {
    child::in_child("beyond_the_end", || {
        let x = pages::filled::<f32>(Place::BeforeGuard, 5);
        note("reading beyond the end");
        // SAFETY: none: the read ends the process, which is what the test is about.
        let value = unsafe { std::ptr::read_volatile(x.as_ptr().wrapping_add(5)) };
        note(&format!("{value} was read"));
    });
}
