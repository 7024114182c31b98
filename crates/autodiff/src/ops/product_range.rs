//! Products of lines whose partial products leave the range of the element type, although the
//! product itself may not: they are computed again with [`Extended`] numbers, or with powers of two
//! that keep running products near one.

use std::ops::Mul;

use wengert_kernels::{Element, Extended, threads};

use crate::error::Result;
use crate::tensor::Tensor;

/// The number of elements that a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// The number of partial products of a contiguous line.
const PARTS: usize = 8;

/// The products of `f` of the elements of each line of one plane, `[axis, inner]`.
fn products_of<E: Element>(plane: &[E], f: impl Fn(E) -> E, products: &mut [E]) {
    products.fill(E::ONE);
    if let [product] = products {
        let mut parts = [E::ONE; PARTS];
        let chunks = plane.chunks_exact(PARTS);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (part, &x) in parts.iter_mut().zip(chunk) {
                *part *= f(x);
            }
        }
        *product = parts.into_iter().chain(rest.iter().map(|&x| f(x))).fold(E::ONE, Mul::mul);
        return;
    }
    for row in plane.chunks_exact(products.len()) {
        for (product, &x) in products.iter_mut().zip(row) {
            *product *= f(x);
        }
    }
}

/// The magnitude of an element, but 1 if that is larger, or the element is NaN.
fn below_one<E: Element>(x: E) -> E {
    let x = x.abs();
    if x < E::ONE { x } else { E::ONE }
}

/// The magnitude of an element, but 1 if that is smaller, or the element is NaN.
fn above_one<E: Element>(x: E) -> E {
    let x = x.abs();
    if x > E::ONE { x } else { E::ONE }
}

/// The smallest normal number.
fn least_normal<E: Element>() -> E {
    E::from_f64(E::MIN_EXPONENT.to_f64().exp2())
}

/// Recomputes those products of the lines of `x`, `[outer, axis, inner]`, that may be wrong because
/// a partial product left the range: `products` are theirs, computed in any order.
///
/// A partial product that overflows makes the product infinite or NaN. One that underflows may
/// leave a normal product with wrong digits. No partial product underflows if the product of all
/// magnitudes below one is a normal number, and this is cheaper to test than the product is.
pub(super) fn repair_products<E: Element>(x: &[E], dims: [usize; 3], products: &mut [E]) {
    let [_, axis, inner] = dims;
    if products.is_empty() || x.is_empty() {
        return;
    }
    let plane = axis * inner;
    let least = least_normal::<E>();
    threads::for_chunks(products, (GRAIN / plane).max(1) * inner, |start, products| {
        let mut low = vec![E::ONE; inner];
        let first = start / inner;
        for (i, products) in products.chunks_exact_mut(inner).enumerate() {
            let x = &x[(first + i) * plane..][..plane];
            products_of(x, below_one, &mut low);
            for (line, (product, &low)) in products.iter_mut().zip(&low).enumerate() {
                if low >= least && product.is_finite() {
                    continue;
                }
                let factors = x[line..].iter().step_by(inner);
                *product =
                    factors.fold(Extended::ONE, |product, &x| product * Extended::new(x)).to();
            }
        }
    });
}

/// Whether each product of some of the nonzero elements of a line is a normal number, for all lines
/// of `x`, `[outer, axis, inner]`.
pub(super) fn are_partial_products_normal<E: Element>(x: &[E], dims: [usize; 3]) -> bool {
    let [_, axis, inner] = dims;
    // The other sizes of an empty tensor may be large.
    if x.is_empty() {
        return true;
    }
    let (plane, least) = (axis * inner, least_normal::<E>());
    let (mut low, mut high) = (vec![E::ONE; inner], vec![E::ONE; inner]);
    x.chunks_exact(plane).all(|x| {
        products_of(x, |x| if x == E::ZERO { E::ONE } else { below_one(x) }, &mut low);
        products_of(x, above_one, &mut high);
        low.iter().all(|&low| low >= least) && high.iter().all(|high| high.is_finite())
    })
}

/// Recomputes those lines of the running products of `x`, `[outer, axis, inner]`, in which a
/// product has left the range before the first zero. Later products may be in the range again.
pub(super) fn repair_running<E: Element>(
    x: &[E],
    dims: [usize; 3],
    reverse: bool,
    running: &mut [E],
) {
    let [_, axis, inner] = dims;
    let least = least_normal::<E>();
    let is_normal = |y: E| y.abs() >= least && y.is_finite();
    if running.iter().all(|&y| is_normal(y)) {
        return;
    }
    let plane = axis * inner;
    threads::for_chunks(running, (GRAIN / plane).max(1) * plane, |start, running| {
        let x = &x[start..start + running.len()];
        for (x, running) in x.chunks_exact(plane).zip(running.chunks_exact_mut(plane)) {
            for line in 0..inner {
                let at = |k: usize| {
                    let row = if reverse { axis - 1 - k } else { k };
                    line + row * inner
                };
                let mut nonzero = (0..axis).take_while(|&k| x[at(k)] != E::ZERO);
                if nonzero.all(|k| is_normal(running[at(k)])) {
                    continue;
                }
                let mut product = Extended::ONE;
                for place in (0..axis).map(at) {
                    product = product * Extended::new(x[place]);
                    running[place] = product.to();
                }
            }
        }
    });
}

/// The gradient of running products: `gx_i = before_i s_i`, with the product of the elements before
/// the `i`th one and `s_i = gy_i + x_(i+1) s_(i+1)`. A zero `s_i` stays zero.
pub(super) fn running_gradient<E: Element>(
    (gy, x): (&[E], &[E]),
    dims: [usize; 3],
    reverse: bool,
    gx: &mut [E],
) {
    let [_, axis, inner] = dims;
    let plane = (axis * inner).max(1);
    let mut before = vec![Extended::ONE; axis];
    for (start, gx) in gx.chunks_exact_mut(plane).enumerate() {
        let (gy, x) = (&gy[start * plane..][..plane], &x[start * plane..][..plane]);
        for line in 0..inner {
            let at = |k: usize| {
                let row = if reverse { axis - 1 - k } else { k };
                line + row * inner
            };
            for k in 1..axis {
                before[k] = before[k - 1] * Extended::new(x[at(k - 1)]);
            }
            let mut sum = Extended::ZERO;
            for k in (0..axis).rev() {
                let place = at(k);
                sum = Extended::new(gy[place]) + sum;
                gx[place] = if sum.is_zero() { E::ZERO } else { (sum * before[k]).to() };
                sum = if sum.is_zero() { Extended::ZERO } else { sum * Extended::new(x[place]) };
            }
        }
    }
}

/// Powers of two for the elements of lines: with them, the running products of each line in either
/// direction are near one, from about 1/4 to 4.
pub(super) struct Balance<E: Element> {
    /// The power of two that multiplies each element.
    pub(super) powers: Tensor<E>,
    /// Three factors for each element, whose product is the reciprocal of the product of the powers
    /// of all other elements of the line. Each is of about a third of the exponent.
    pub(super) undo: [Tensor<E>; 3],
}

impl<E: Element> Balance<E> {
    /// For the lines of `x`, `[outer, axis, inner]`. Elements that are zero, infinite or NaN have
    /// the power 1.
    pub(super) fn new(x: &[E], dims: [usize; 3]) -> Result<Self> {
        let one = || Tensor::try_full(dims, E::ONE);
        let (mut powers, mut undo) = (one()?, [one()?, one()?, one()?]);
        let [_, axis, inner] = dims;
        let last = -E::MIN_EXPONENT.to_f64() as i64;
        let power =
            |exponent: i64| Extended::ONE.times_power_of_two(exponent.clamp(-last, last)).to::<E>();
        let mut exponents = vec![0; axis];
        let lines = x.len().checked_div(axis).unwrap_or(0);
        let [a, b, c] = undo.each_mut().map(|factor| factor.as_mut_slice());
        let of_elements = powers.as_mut_slice();
        for line in 0..lines {
            let at = |k: usize| (line / inner * axis + k) * inner + line % inner;
            let mut product = Extended::ONE;
            for (k, exponent) in exponents.iter_mut().enumerate() {
                let x = x[at(k)];
                *exponent = 0;
                if x != E::ZERO && x.is_finite() {
                    product = product * Extended::new(x);
                    // Both the power and its reciprocal are normal numbers: what the power of a
                    // subnormal element lacks is left to the next one.
                    *exponent = (-product.exponent()).clamp(-last, last);
                    product = product.times_power_of_two(*exponent);
                }
            }
            let total: i64 = exponents.iter().sum();
            for (k, &exponent) in exponents.iter().enumerate() {
                let (place, rest) = (at(k), exponent - total);
                of_elements[place] = power(exponent);
                a[place] = power(rest / 3);
                b[place] = power((rest - rest / 3) / 2);
                c[place] = power(rest - rest / 3 - (rest - rest / 3) / 2);
            }
        }
        Ok(Balance { powers, undo })
    }
}
