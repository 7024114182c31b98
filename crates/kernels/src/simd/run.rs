//! Running a kernel on a level.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
use super::lanes::{Kernel, Simd};
use super::level::Level;
use super::portable::Portable;

/// Runs `kernel` on the current level (see [`Level::current`]).
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: `Level::current` only names a level that this CPU has.
    unsafe { run_unchecked(Level::current(), kernel) }
}

/// Runs `kernel` on `level`, from whatever thread: a kernel that splits its work asks for the
/// current level once, where it is called.
///
/// Never inlined: a kernel's code is there once, from wherever it is called.
///
/// # Panics
/// If this CPU lacks the level.
#[inline(never)]
pub(crate) fn run_on<K: Kernel>(level: Level, kernel: K) -> K::Output {
    check(level);
    // SAFETY: the level was checked.
    unsafe { run_unchecked(level, kernel) }
}

/// Panics if this CPU lacks the level.
#[inline]
fn check(level: Level) {
    assert!(level.is_available(), "the SIMD level {level} is not available");
}

/// # Safety
/// This CPU must have the level.
#[inline(always)]
pub(super) unsafe fn run_unchecked<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => {
            // SAFETY: this CPU has the level, by this function's contract.
            unsafe { Avx512::assume() }.vectorize(kernel)
        }
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => {
            // SAFETY: this CPU has the level, by this function's contract.
            unsafe { Avx2::assume() }.vectorize(kernel)
        }
        _ => Portable.vectorize(kernel),
    }
}
