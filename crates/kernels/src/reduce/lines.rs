//! The lines along the middle of three dimensions: checks, and how threads share them.

use std::ops::Range;

use crate::threads;

/// Panics unless the input has the elements of `dims` and the output those without the axis.
#[track_caller]
pub(super) fn check_dims(dims: [usize; 3], x: usize, out: usize) {
    let [outer, axis, inner] = dims;
    let count = |a: usize, b: usize| a.checked_mul(b);
    assert!(
        count(outer, axis).and_then(|n| count(n, inner)) == Some(x)
            && count(outer, inner) == Some(out),
        "a reduction over the middle of {outer} x {axis} x {inner} takes as many elements and \
         gives {outer} x {inner}, but the input has {x} and the output {out}"
    );
}

/// Calls `rows` with ranges of rows if `inner` is one, and else `columns` with the index of a
/// plane, the first of some columns, and the number of columns. Together the calls cover every line
/// once.
pub(crate) fn for_lines(
    [outer, axis, inner]: [usize; 3],
    grain: usize,
    rows: impl Fn(Range<usize>) + Send + Sync,
    columns: impl Fn(usize, usize, usize) + Send + Sync,
) {
    let axis = axis.max(1);
    if inner == 1 {
        return threads::for_ranges(outer, (grain / axis).max(1), rows);
    }
    // Pieces of the columns of one plane, in whole cache lines.
    let width = (grain / axis).next_multiple_of(64).clamp(64, inner.max(64));
    let pieces = inner.div_ceil(width);
    let planes = (grain / axis.saturating_mul(width.min(inner))).max(1);
    threads::for_ranges(outer * pieces, planes, |range| {
        for i in range {
            let first = i % pieces * width;
            columns(i / pieces, first, width.min(inner - first));
        }
    });
}

/// [`for_lines`] of the lines of `x`: `rows` gets the elements of some rows and their numbers,
/// `columns` the elements of a plane, its first column, and the numbers of the columns among those
/// of all planes.
pub(super) fn for_slices<E: Sync>(
    x: &[E],
    dims: [usize; 3],
    grain: usize,
    rows: impl Fn(&[E], Range<usize>) + Send + Sync,
    columns: impl Fn(&[E], usize, Range<usize>) + Send + Sync,
) {
    let [_, axis, inner] = dims;
    for_lines(
        dims,
        grain,
        |range| rows(&x[range.start * axis..range.end * axis], range),
        |plane, first, count| {
            let start = plane * inner + first;
            let x = &x[plane * axis * inner..(plane + 1) * axis * inner];
            columns(x, first, start..start + count);
        },
    );
}

/// Panics unless `x` elements are `rows` rows of `cols`, `cols` being positive.
#[track_caller]
pub(crate) fn check_rows(x: usize, cols: usize, rows: usize) {
    assert!(
        rows.checked_mul(cols) == Some(x) && (cols > 0 || rows == 0),
        "{x} elements were given as {rows} rows of {cols}: there must be {rows} times {cols} of \
         them, and rows must not be empty"
    );
}
