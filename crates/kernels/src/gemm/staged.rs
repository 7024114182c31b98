//! Products on the paths that read their operands in place, with operands that are not: a chunk of
//! lines at a time is written to where it can be read, and its part of the product computed.

use super::plan::{Path, Plan};
use super::problem::{Output, Problem, Sources, Strided};
use super::scratch::Scratch;
use super::source::Source;
use super::{Epilogue, piece};
use crate::Element;
use crate::simd::Simd;

/// The elements written at a time: they stay in the nearest caches.
const CHUNK: usize = 16 << 10;
/// The rows of B that are combined at a time by what gathers them; a division of k in between
/// changes no bit.
const GATHERED: usize = 4;

/// Computes a product of sources on a path other than the blocked loops.
///
/// # Safety
/// As for [`piece`].
#[inline(never)]
pub(super) unsafe fn run<E: Element, S: Simd>(simd: S, problem: &Problem<'_, E>, plan: &Plan) {
    let &Problem { m, n, k, sources, .. } = problem;
    // Inner products want lines whole; whatever else comes here, rows of B.
    let b_along_depth = plan.path == Path::Dot;
    let mut rows_scratch = Scratch::take();
    let mut row = 0;
    while row < m {
        let rows = sources.a.map_or(m, |_| chunk(k, m - row));
        let mut part = problem.part(row, rows, 0, n);
        // SAFETY: the lines are those of the operand.
        unsafe {
            if let Some(source) = sources.a {
                let lines = (sources.row + row, rows);
                let depth = (0, k);
                part.a = stage(simd, source, lines, depth, true, &mut rows_scratch);
                part.sources.a = None;
            }
            match sources.b {
                None => piece(simd, &part, plan),
                Some(source) if plan.path == Path::Axpy => {
                    by_depth(simd, &part, source, plan);
                }
                Some(source) => by_columns(simd, &part, source, b_along_depth, plan),
            }
        }
        row += rows;
    }
}

/// The lines of depth `k`, of those that are left, that are written at a time.
fn chunk(k: usize, left: usize) -> usize {
    (CHUNK / k).max(1).min(left)
}

/// Computes the product some columns at a time.
///
/// # Safety
/// As for [`piece`].
unsafe fn by_columns<E: Element, S: Simd>(
    simd: S,
    problem: &Problem<'_, E>,
    source: &Source<E>,
    along_depth: bool,
    plan: &Plan,
) {
    let mut scratch = Scratch::take();
    let mut col = 0;
    while col < problem.n {
        let first = problem.sources.col + col;
        let cols = chunk(problem.k, problem.n - col);
        let mut part = problem.part(0, problem.m, col, cols);
        part.sources = Sources::default();
        // SAFETY: the lines are those of the operand, and the part one of the product's.
        unsafe {
            let depth = (0, problem.k);
            let staged = stage(simd, source, (first, cols), depth, along_depth, &mut scratch);
            part.b = staged.transposed();
            piece(simd, &part, plan);
        }
        col += cols;
    }
}

/// Computes the product some rows of B at a time, which are gathered in order.
///
/// # Safety
/// As for [`piece`].
unsafe fn by_depth<E: Element, S: Simd>(
    simd: S,
    problem: &Problem<'_, E>,
    source: &Source<E>,
    plan: &Plan,
) {
    let &Problem { n, k, .. } = problem;
    let step = (CHUNK / n).next_multiple_of(GATHERED).max(GATHERED);
    let mut scratch = Scratch::take();
    let mut from = 0;
    while from < k {
        let depth = step.min(k - from);
        let mut part = Problem { k: depth, a: problem.a.at(0, from), ..*problem };
        part.sources = Sources::default();
        if from > 0 {
            part.beta = E::ONE;
        }
        if from + depth < k {
            part.epilogue = Epilogue::default();
        }
        // SAFETY: the lines are those of the operand, and the part one of the product's.
        unsafe {
            let lines = (problem.sources.col, n);
            let staged = stage(simd, source, lines, (from, depth), false, &mut scratch);
            part.b = staged.transposed();
            piece(simd, &part, plan);
        }
        from += depth;
    }
}

/// Lines of a source where they can be read: written one after another or interleaved.
///
/// # Safety
/// The elements must be readable.
unsafe fn stage<E: Element, S: Simd>(
    simd: S,
    source: &Source<E>,
    (line, lines): (usize, usize),
    (from, depth): (usize, usize),
    along_depth: bool,
    scratch: &mut Scratch,
) -> Strided<E> {
    let len = lines.checked_mul(depth).expect("the operand fits the address space");
    let ptr = scratch.get::<E>(len);
    let (row_stride, col_stride) =
        if along_depth { (depth as isize, 1) } else { (1, lines as isize) };
    // SAFETY: the scratch is as long as the lines.
    unsafe {
        source.write(simd, (line, lines), (from, depth), Output { ptr, row_stride, col_stride });
    }
    Strided { ptr, row_stride, col_stride }
}
