//! Products of few rows: where every element of B is used so seldom that only reading it counts.

use super::epilogue::{self, Bias};
use super::output::Output;
use super::problem::Problem;
use super::scratch::Scratch;
use super::strided::Strided;
use crate::Float;
use crate::activation::Activation;
use crate::simd::{Lanes, Simd};

/// C = beta C, for products without a term.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone.
#[inline(always)]
unsafe fn scale<E: Float>(problem: &Problem<'_, E>) {
    let &Problem { m, n, beta, c, .. } = problem;
    for i in 0..m {
        for j in 0..n {
            let to = c.at(i, j).ptr;
            // SAFETY: the element lies within C.
            unsafe { to.write(if beta == E::ZERO { E::ZERO } else { beta * to.read() }) };
        }
    }
}

/// The rows of B [`axpy`] takes at a time.
const ROWS_AT_A_TIME: usize = 4;

/// Few rows, B by rows: each row of C takes up multiples of the rows of B, which are read in
/// order, once for every row of C.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone and the column
/// stride of B one.
#[inline(always)]
pub(super) unsafe fn axpy<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>) {
    let &Problem { m, n, k, alpha, a, b, beta, c, epilogue, .. } = problem;
    let mut scratch = (c.col_stride != 1).then(Scratch::take);
    for i in 0..m {
        // SAFETY: everything read or written is an element of the problem, or of the scratch of n
        // elements.
        unsafe {
            let given = c.at(i, 0);
            let mut row = given;
            if let Some(scratch) = &mut scratch {
                row = Output { ptr: scratch.get::<E>(n), row_stride: n as isize, col_stride: 1 };
                for j in 0..n {
                    row.at(0, j).ptr.write(given.at(0, j).ptr.read());
                }
            }
            let mut beta = beta;
            let mut p = 0;
            while k - p >= ROWS_AT_A_TIME {
                gather::<E, S, ROWS_AT_A_TIME>(
                    simd,
                    alpha,
                    a.at(i, p),
                    b.at(p, 0),
                    beta,
                    row.ptr,
                    n,
                );
                p += ROWS_AT_A_TIME;
                beta = E::ONE;
            }
            while k - p >= 2 {
                gather::<E, S, 2>(simd, alpha, a.at(i, p), b.at(p, 0), beta, row.ptr, n);
                p += 2;
                beta = E::ONE;
            }
            while p < k {
                gather::<E, S, 1>(simd, alpha, a.at(i, p), b.at(p, 0), beta, row.ptr, n);
                p += 1;
                beta = E::ONE;
            }
            if !epilogue.is_none() {
                epilogue::finish(simd, row, 1, n, &epilogue.part(i, 1, 0, n));
            }
            if scratch.is_some() {
                for j in 0..n {
                    given.at(0, j).ptr.write(row.at(0, j).ptr.read());
                }
            }
        }
    }
}

/// `row = beta row + sum of alpha a[p] * B[p, ..]` over `R` rows of B, in order.
///
/// # Safety
/// `a` must be readable for 1 x R, `b` for R x n elements, `row` writable for n.
#[inline(always)]
unsafe fn gather<E: Float, S: Simd, const R: usize>(
    simd: S,
    alpha: E,
    a: Strided<E>,
    b: Strided<E>,
    beta: E,
    row: *mut E,
    n: usize,
) {
    let lanes = E::Vector::<S>::LANES;
    let mut factors = [E::Vector::<S>::splat(simd, E::ZERO); R];
    for (p, factor) in factors.iter_mut().enumerate() {
        // SAFETY: `a` has `R` elements along its row, by this function's contract.
        *factor = E::Vector::<S>::splat(simd, alpha * unsafe { a.at(0, p).ptr.read() });
    }
    let scale = E::Vector::<S>::splat(simd, beta);
    let overwrite = beta == E::ZERO;
    let mut j = 0;
    while j < n {
        let count = lanes.min(n - j);
        // SAFETY: `count` elements from `j` on lie within the rows.
        unsafe {
            let to = row.add(j);
            let mut sum = E::Vector::<S>::splat(simd, E::ZERO);
            if !overwrite {
                sum = if count == lanes {
                    E::Vector::<S>::load_ptr(simd, to)
                } else {
                    E::Vector::<S>::load_partial_ptr(simd, to, count)
                };
                sum = sum * scale;
            }
            for (p, factor) in factors.iter().enumerate() {
                let from = b.at(p, j).ptr;
                let vector = if count == lanes {
                    E::Vector::<S>::load_ptr(simd, from)
                } else {
                    E::Vector::<S>::load_partial_ptr(simd, from, count)
                };
                sum = factor.mul_add(vector, sum);
            }
            if count == lanes {
                sum.store_ptr(to);
            } else {
                sum.store_partial_ptr(to, count);
            }
        }
        j += count;
    }
}

/// `c = alpha sum + beta c`.
///
/// # Safety
/// `c` must be readable and writable.
#[inline(always)]
pub(super) unsafe fn put<E: Float>(problem: &Problem<'_, E>, sum: E, c: *mut E) {
    let sum = problem.alpha * sum;
    // SAFETY: the element may be accessed, by this function's contract.
    unsafe {
        c.write(if problem.beta == E::ZERO { sum } else { sum + problem.beta * c.read() });
    }
}

/// A handful of multiply-adds in plain loops; with k = 0 this only scales C.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone.
#[inline(always)]
pub(super) unsafe fn tiny<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>) {
    let &Problem { m, n, k, a, b, c, epilogue, .. } = problem;
    let plain = problem.alpha == E::ONE && problem.beta == E::ZERO;
    // A bias that is added to what was just stored, as vectors, would have to wait for it.
    let finished = epilogue.activation == Activation::Identity && k > 0;
    // SAFETY: everything read or written is an element of the problem.
    unsafe {
        if k == 0 {
            scale(problem);
        } else if plain && n >= ALONG && b.col_stride == 1 && c.col_stride == 1 {
            tiny_rows(simd, problem, finished);
        } else {
            for i in 0..m {
                for j in 0..n {
                    let mut sum = E::ZERO;
                    let (mut left, mut right) = (a.at(i, 0).ptr, b.at(0, j).ptr);
                    for _ in 0..k {
                        sum += left.read() * right.read();
                        left = left.wrapping_offset(a.col_stride);
                        right = right.wrapping_offset(b.row_stride);
                    }
                    let to = c.at(i, j).ptr;
                    if !plain {
                        put(problem, sum, to);
                        sum = to.read();
                    }
                    to.write(match epilogue.bias {
                        Bias::PerRow(bias) if finished => sum + bias[i],
                        Bias::PerColumn(bias) if finished => sum + bias[j],
                        _ => sum,
                    });
                }
            }
        }
        if !finished && !epilogue.is_none() {
            epilogue::finish(simd, c, m, n, &epilogue);
        }
    }
}

/// Number of columns of a tiny product that are worth a vector.
const ALONG: usize = 4;

/// The same bits along the rows of C, for a B and a C whose rows are contiguous: every element is a
/// product and a sum at a time, each rounded, as for single numbers. The bias is added if asked
/// for.
///
/// # Safety
/// As [`tiny`], with k not zero.
#[inline(always)]
unsafe fn tiny_rows<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>, add_bias: bool) {
    let &Problem { m, n, k, a, b, c, epilogue, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    for i in 0..m {
        let mut j = 0;
        while j < n {
            let count = lanes.min(n - j);
            let mut sum = E::Vector::<S>::splat(simd, E::ZERO);
            for p in 0..k {
                // SAFETY: the element lies within A, and `count` elements from column `j` on within
                // the row of B.
                unsafe {
                    let left = E::Vector::<S>::splat(simd, a.at(i, p).ptr.read());
                    sum = sum + left * some(simd, b.at(p, j).ptr, count);
                }
            }
            match epilogue.bias {
                Bias::PerRow(bias) if add_bias => {
                    sum = sum + E::Vector::<S>::splat(simd, bias[i]);
                }
                Bias::PerColumn(bias) if add_bias => {
                    // SAFETY: the bias has as many elements as C has columns.
                    sum = sum + unsafe { some(simd, bias.as_ptr().add(j), count) };
                }
                _ => {}
            }
            let to = c.at(i, j).ptr;
            // SAFETY: `count` elements from here on lie in this row of C.
            unsafe {
                if count == lanes { sum.store_ptr(to) } else { sum.store_partial_ptr(to, count) }
            }
            j += count;
        }
    }
}

/// The first `count` elements, at most a vector's.
///
/// # Safety
/// They must be readable.
#[inline(always)]
unsafe fn some<E: Float, S: Simd>(simd: S, from: *const E, count: usize) -> E::Vector<S> {
    // SAFETY: `count` elements are readable, by this function's contract.
    unsafe {
        if count == E::Vector::<S>::LANES {
            E::Vector::<S>::load_ptr(simd, from)
        } else {
            E::Vector::<S>::load_partial_ptr(simd, from, count)
        }
    }
}
