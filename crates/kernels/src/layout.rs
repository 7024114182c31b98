//! Copies between memory layouts: strided views into contiguous buffers.

use crate::Element;

/// Copies a strided view into a contiguous, row-major `dst`.
///
/// The element with index `(i_0, .., i_r)` is read from
/// `src[offset + i_0 * strides[0] + .. + i_r * strides[r]]`. Strides may be negative, or zero, which
/// repeats elements. Dimensions that lie contiguously behind one another are merged, runs are
/// copied whole, and transposed planes go block by block, so that both sides are read and written
/// in whole cache lines.
///
/// ```
/// let mut transposed = [0.0; 6];
/// wengert_kernels::layout::copy_strided(
///     &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0, &[3, 2], &[1, 3], &mut transposed);
/// assert_eq!(transposed, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
/// ```
///
/// # Panics
/// If `shape` and `strides` differ in length, if `dst` does not hold exactly the view's elements,
/// or if the view reaches outside of `src`.
#[track_caller]
pub fn copy_strided<E: Element>(
    src: &[E],
    offset: usize,
    shape: &[usize],
    strides: &[isize],
    dst: &mut [E],
) {
    check(src.len(), offset, shape, strides, dst.len());
    if dst.is_empty() {
        return;
    }
    let dims = merged(shape, strides);
    let (outer, plane) = dims.split_at(dims.len().saturating_sub(2));
    let (rows, cols) = match *plane {
        [] => (Dim::ONE, Dim::ONE),
        [cols] => (Dim::ONE, cols),
        [rows, cols] => (rows, cols),
        _ => unreachable!("at most two dimensions are split off"),
    };
    // An odometer over the outer dimensions; every turn is one plane.
    let mut index = vec![0; outer.len()];
    let mut start = offset;
    for part in dst.chunks_exact_mut(rows.size * cols.size) {
        copy_plane(src, start, rows, cols, part);
        for (i, dim) in index.iter_mut().zip(outer).rev() {
            *i += 1;
            if *i < dim.size {
                start = start.wrapping_add_signed(dim.stride);
                break;
            }
            start =
                start.wrapping_add_signed(dim.stride.wrapping_mul(*i as isize - 1).wrapping_neg());
            *i = 0;
        }
    }
}

#[track_caller]
fn check(src: usize, offset: usize, shape: &[usize], strides: &[isize], dst: usize) {
    assert!(
        shape.len() == strides.len(),
        "the shape {shape:?} has {} dimensions and the strides {strides:?} have {}: every \
         dimension needs one stride",
        shape.len(),
        strides.len()
    );
    let elements = shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size));
    assert!(
        elements == Some(dst),
        "the shape {shape:?} does not have the {dst} elements of the output"
    );
    if dst == 0 {
        return;
    }
    // In i128 no sum of products of two words can overflow for any rank that fits in memory.
    let (mut lowest, mut highest) = (offset as i128, offset as i128);
    for (&size, &stride) in shape.iter().zip(strides) {
        let reach = (size as i128 - 1) * stride as i128;
        lowest += reach.min(0);
        highest += reach.max(0);
    }
    assert!(
        lowest >= 0 && highest < src as i128,
        "a view of shape {shape:?} and strides {strides:?} at offset {offset} reaches elements \
         {lowest} to {highest} of a slice of {src}"
    );
}

#[derive(Clone, Copy)]
struct Dim {
    size: usize,
    stride: isize,
}

impl Dim {
    const ONE: Dim = Dim { size: 1, stride: 1 };
}

/// The dimensions without those of size one, neighbours merged where one stride serves both.
fn merged(shape: &[usize], strides: &[isize]) -> Vec<Dim> {
    let mut dims: Vec<Dim> = Vec::with_capacity(shape.len());
    for (&size, &stride) in shape.iter().zip(strides).filter(|(size, _)| **size != 1) {
        match dims.last_mut() {
            Some(last) if stride.checked_mul(size as isize) == Some(last.stride) => {
                *last = Dim { size: last.size * size, stride };
            }
            _ => dims.push(Dim { size, stride }),
        }
    }
    dims
}

/// The side of the square blocks a transposed plane is copied in.
const BLOCK: usize = 16;

fn copy_plane<E: Element>(src: &[E], start: usize, rows: Dim, cols: Dim, dst: &mut [E]) {
    let at = |i: usize, j: usize| {
        start
            .wrapping_add_signed(rows.stride.wrapping_mul(i as isize))
            .wrapping_add_signed(cols.stride.wrapping_mul(j as isize))
    };
    match cols.stride {
        1 => {
            for (i, row) in dst.chunks_exact_mut(cols.size).enumerate() {
                let first = at(i, 0);
                row.copy_from_slice(&src[first..first + cols.size]);
            }
        }
        0 => {
            for (i, row) in dst.chunks_exact_mut(cols.size).enumerate() {
                row.fill(src[at(i, 0)]);
            }
        }
        _ if rows.size == 1 || rows.stride.unsigned_abs() >= cols.stride.unsigned_abs() => {
            for (i, row) in dst.chunks_exact_mut(cols.size).enumerate() {
                for (j, value) in row.iter_mut().enumerate() {
                    *value = src[at(i, j)];
                }
            }
        }
        // The source runs down the columns: blocks keep both sides in cache.
        _ => {
            for top in (0..rows.size).step_by(BLOCK) {
                let bottom = rows.size.min(top + BLOCK);
                for left in (0..cols.size).step_by(BLOCK) {
                    let right = cols.size.min(left + BLOCK);
                    for i in top..bottom {
                        let row = &mut dst[i * cols.size + left..i * cols.size + right];
                        for (j, value) in (left..).zip(row) {
                            *value = src[at(i, j)];
                        }
                    }
                }
            }
        }
    }
}
