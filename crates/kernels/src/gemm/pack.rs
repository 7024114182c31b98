//! Packing: operands copied into the order the micro-kernel reads them.
//!
//! B becomes panels of a tile's width, row after row, its last panel padded with zeros to whole
//! vectors. A becomes one micro-panel of a tile's rows, as rows where A's rows are contiguous, and
//! as columns otherwise: the micro-kernel takes either.

use super::problem::Operand;
use super::tile::VECTORS;
use crate::Element;
use crate::simd::{Lanes, Simd};

/// The elements a packed B of `depth` x `cols` takes.
pub(super) fn b_len<E: Element, S: Simd>(depth: usize, cols: usize) -> usize {
    depth * cols.next_multiple_of(E::Vector::<S>::LANES)
}

/// The elements a packed micro-panel of A takes: whole vectors are written.
pub(super) fn a_len<E: Element, S: Simd>(rows: usize, depth: usize) -> usize {
    (rows * depth).next_multiple_of(E::Vector::<S>::LANES) + 2 * E::Vector::<S>::LANES
}

/// The width of the panel that starts where `cols` columns are left: that of a tile, or whole
/// vectors over what remains.
#[inline(always)]
pub(super) fn panel_width<E: Element, S: Simd>(cols: usize) -> usize {
    let lanes = E::Vector::<S>::LANES;
    cols.next_multiple_of(lanes).min(VECTORS * lanes)
}

/// Packs `depth` x `cols` elements of B into `to`.
///
/// # Safety
/// The elements of `b` must be readable, `to` writable for [`b_len`] elements.
#[inline(always)]
pub(super) unsafe fn pack_b<E: Element, S: Simd>(
    simd: S,
    b: Operand<E>,
    depth: usize,
    cols: usize,
    to: *mut E,
) {
    let lanes = E::Vector::<S>::LANES;
    let mut to = to;
    let mut col = 0;
    while col < cols {
        let width = panel_width::<E, S>(cols - col);
        let count = width.min(cols - col);
        let panel = b.at(0, col);
        // SAFETY: the panel lies within B and within the packed elements.
        unsafe {
            if panel.col_stride == 1 {
                for p in 0..depth {
                    let (from, to) = (panel.at(p, 0).ptr, to.add(p * width));
                    let mut v = 0;
                    while v < width {
                        let left = count - v;
                        let vector = if left >= lanes {
                            E::Vector::<S>::load_ptr(simd, from.add(v))
                        } else {
                            E::Vector::<S>::load_partial_ptr(simd, from.add(v), left)
                        };
                        vector.store_ptr(to.add(v));
                        v += lanes;
                    }
                }
            } else {
                let mut v = 0;
                while v < width {
                    let left = (count - v).min(lanes);
                    columns_to_rows(simd, panel.at(0, v), depth, left, to.add(v), width);
                    v += lanes;
                }
            }
            to = to.add(depth * width);
        }
        col += width;
    }
}

/// Writes `depth` rows of one vector each, `count` elements from the columns of `from`, the rest
/// zero.
///
/// # Safety
/// The elements of `from` must be readable, each row of `to` writable for a vector.
#[inline(always)]
unsafe fn columns_to_rows<E: Element, S: Simd>(
    simd: S,
    from: Operand<E>,
    depth: usize,
    count: usize,
    to: *mut E,
    to_stride: usize,
) {
    let lanes = E::Vector::<S>::LANES;
    let zero = E::Vector::<S>::splat(simd, E::ZERO);
    for p in 0..depth {
        // SAFETY: passed on.
        unsafe {
            let row = to.add(p * to_stride);
            if count < lanes {
                zero.store_ptr(row);
            }
            for j in 0..count {
                row.add(j).write(from.at(p, j).ptr.read());
            }
        }
    }
}

/// Packs `rows` x `depth` elements of A into `to` and returns them as an operand.
///
/// # Safety
/// The elements of `a` must be readable, `to` writable for [`a_len`] elements.
#[inline(always)]
pub(super) unsafe fn pack_a<E: Element, S: Simd>(
    simd: S,
    a: Operand<E>,
    rows: usize,
    depth: usize,
    to: *mut E,
) -> Operand<E> {
    // SAFETY: each copy writes a row's or column's elements and up to a vector of slack, which the
    // next one overwrites.
    unsafe {
        if a.col_stride == 1 {
            for i in 0..rows {
                copy(simd, a.at(i, 0).ptr, depth, to.add(i * depth));
            }
            return Operand { ptr: to, row_stride: depth as isize, col_stride: 1 };
        }
        if a.row_stride == 1 {
            for p in 0..depth {
                copy(simd, a.at(0, p).ptr, rows, to.add(p * rows));
            }
        } else {
            for p in 0..depth {
                for i in 0..rows {
                    to.add(p * rows + i).write(a.at(i, p).ptr.read());
                }
            }
        }
    }
    Operand { ptr: to, row_stride: 1, col_stride: rows as isize }
}

/// Copies `count` elements, writing whole vectors.
///
/// # Safety
/// `from` must be readable for `count` elements, `to` writable for `count` rounded up to vectors.
#[inline(always)]
unsafe fn copy<E: Element, S: Simd>(simd: S, from: *const E, count: usize, to: *mut E) {
    let lanes = E::Vector::<S>::LANES;
    let mut i = 0;
    while i < count {
        // SAFETY: passed on.
        unsafe {
            let vector = if count - i >= lanes {
                E::Vector::<S>::load_ptr(simd, from.add(i))
            } else {
                E::Vector::<S>::load_partial_ptr(simd, from.add(i), count - i)
            };
            vector.store_ptr(to.add(i));
        }
        i += lanes;
    }
}
