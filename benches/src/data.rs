//! Input data, and the comparison of answers.

use aligned_vec::{AVec, ConstAlign};
use wengert::kernels::Element;

/// Elements aligned to a cache line, as those of a tensor are.
pub type Buffer<E> = AVec<E, ConstAlign<64>>;

/// Number of elements of an array in the first-level cache.
pub const SMALL: usize = 4096;

/// Number of elements of an array far beyond the second-level cache.
pub const LARGE: usize = 1 << 22;

/// Number of elements of an array in the second-level cache.
pub const MIDDLE: usize = 1 << 16;

/// Pseudorandom numbers between -4 and 4.
pub fn noise<E: Element>(len: usize) -> Buffer<E> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let numbers = (0..len).map(|_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        E::from_f64((state >> 11) as f64 / (1_u64 << 50) as f64 - 4.0)
    });
    AVec::from_iter(64, numbers)
}

/// Zeros.
pub fn zeros<E: Element>(len: usize) -> Buffer<E> {
    AVec::from_iter(64, std::iter::repeat_n(E::ZERO, len))
}

/// Checks that the answers agree within several thousand roundings.
///
/// # Panics
/// If they do not.
pub fn assert_agree<E: Element>(case: &str, kernel: &[E], plain: &[E]) {
    assert_eq!(kernel.len(), plain.len(), "{case}");
    let tolerance = 4096.0 * E::EPSILON.to_f64();
    for (i, (a, b)) in kernel.iter().zip(plain).enumerate() {
        let (a, b) = (a.to_f64(), b.to_f64());
        assert!(
            (a - b).abs() <= tolerance * (1.0 + b.abs()),
            "{case}: element {i} is {a} from the kernel and {b} from the plain loop"
        );
    }
}
