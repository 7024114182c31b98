//! What tests, benches and fuzz targets share: naive oracles, guarded slices, ULP errors.
//!
//! Not part of the public interface. Nothing in here is fast, and nothing in here uses a kernel.

pub mod activation;
pub mod conv;
pub mod oracle;
pub mod ulp;

use crate::Element;
use crate::simd::{Level, with_level};

/// Runs `body` once on every level this CPU has.
///
/// # Panics
/// Where `body` does.
pub fn for_each_level(mut body: impl FnMut(Level)) {
    for level in Level::available() {
        with_level(level, || body(level)).expect("an available level can be forced");
    }
}

/// The elementary functions of one argument of [`math`](crate::math), by name.
pub fn functions<E: Element>() -> Vec<crate::math::Named<E>> {
    crate::math::functions()
}

/// A slice at an odd offset into a larger buffer, with canaries on both sides that are checked when
/// it is dropped.
#[derive(Debug)]
pub struct Guarded<E: Element> {
    buffer: Vec<E>,
    start: usize,
    len: usize,
}

/// Canaries on each side.
const GUARD: usize = 32;
const CANARY: f64 = -1234.5;

impl<E: Element> Guarded<E> {
    /// A copy of `values`, `offset` elements away from an allocation's start.
    pub fn new(values: &[E], offset: usize) -> Self {
        let start = GUARD + offset;
        let mut buffer = vec![E::from_f64(CANARY); start + values.len() + GUARD];
        buffer[start..start + values.len()].copy_from_slice(values);
        Self { buffer, start, len: values.len() }
    }

    /// `len` NaNs.
    pub fn poisoned(len: usize, offset: usize) -> Self {
        Self::new(&vec![E::NAN; len], offset)
    }
}

impl<E: Element> std::ops::Deref for Guarded<E> {
    type Target = [E];
    fn deref(&self) -> &[E] {
        &self.buffer[self.start..self.start + self.len]
    }
}

impl<E: Element> std::ops::DerefMut for Guarded<E> {
    fn deref_mut(&mut self) -> &mut [E] {
        &mut self.buffer[self.start..self.start + self.len]
    }
}

impl<E: Element> Drop for Guarded<E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let (before, rest) = self.buffer.split_at(self.start);
        let after = &rest[self.len..];
        for (side, guards) in [("before", before), ("behind", after)] {
            for (i, guard) in guards.iter().enumerate() {
                assert!(
                    guard.to_f64() == CANARY,
                    "element {i} {side} a slice of {} was overwritten with {guard:?}",
                    self.len
                );
            }
        }
    }
}

/// Numbers between -1 and 1 that look random and are the same for the same seed (SplitMix64).
pub fn noise<E: Element>(len: usize, seed: u64) -> Vec<E> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            E::from_f64((z >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
        })
        .collect()
}

/// Panics unless the two agree to the bit (all NaNs being the same).
///
/// # Panics
/// If they do not.
#[track_caller]
pub fn assert_same_bits<E: Element>(got: &[E], expected: &[E], what: &str) {
    assert!(got.len() == expected.len(), "{what}: {} and {} values", got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let same = g.to_f64().to_bits() == e.to_f64().to_bits() || (g.is_nan() && e.is_nan());
        assert!(same, "{what}: element {i} of {} is {g:?}, not {e:?}", got.len());
    }
}

/// Panics unless `|got - expected| <= tolerance(i)` everywhere.
///
/// # Panics
/// If one is further off, or only one of the two is NaN.
#[track_caller]
pub fn assert_near<E: Element>(
    got: &[E],
    expected: &[f64],
    what: &str,
    tolerance: impl Fn(usize) -> f64,
) {
    assert!(got.len() == expected.len(), "{what}: {} and {} values", got.len(), expected.len());
    for (i, (g, &e)) in got.iter().zip(expected).enumerate() {
        let g = g.to_f64();
        let near = (g - e).abs() <= tolerance(i) || g == e || (g.is_nan() && e.is_nan());
        assert!(
            near,
            "{what}: element {i} of {} is {g:e}, not {e:e}: off by {:e}, allowed {:e}",
            got.len(),
            (g - e).abs(),
            tolerance(i)
        );
    }
}
