//! Packing: operands copied into the order the micro-kernel reads them.
//!
//! B becomes panels of a tile's width, row after row, its last panel padded to whole
//! vectors. A becomes one micro-panel of a tile's rows, as rows where A's rows are contiguous, and
//! as columns otherwise: the micro-kernel takes either.

use super::strided::Strided;
use super::tile::VECTORS;
use super::transpose;
use crate::Float;
use crate::simd::{Kernel, Lanes, Simd};
use crate::vectors;

/// A left operand that can be packed, a micro-panel at a time. Ranges are (first, count).
pub(crate) trait Left<E: Float> {
    /// The elements a packed micro-panel takes.
    fn packed_len<S: Simd>(&self, rows: usize, depth: usize) -> usize;

    /// Packs the elements in `rows` and `depth` into `to` and returns them as an operand.
    ///
    /// # Safety
    /// The elements must be readable, `to` writable for [`packed_len`](Self::packed_len) elements.
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        rows: (usize, usize),
        depth: (usize, usize),
        to: *mut E,
    ) -> Strided<E>;

    /// The number of products that a packed micro-panel serves, and the distance in depth from the
    /// start of one to that of the next. The rows of C of the products follow one another.
    #[inline(always)]
    fn repeats(&self) -> (usize, usize) {
        (1, 0)
    }

    /// The rows of a tile, where `even` divides them evenly.
    #[inline(always)]
    fn tile_rows<S: Simd>(&self, even: usize) -> usize {
        even
    }

    /// Asks for a share of what packing such elements will read: see [`Share`].
    fn prefetch(&self, rows: (usize, usize), depth: (usize, usize), share: Share);
}

/// A share of some work that is spread over other work: after `done` parts of `all`, the next
/// `now`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) done: usize,
    pub(crate) now: usize,
    pub(crate) all: usize,
}

impl Share {
    /// The share of `count` things.
    #[inline(always)]
    pub(crate) fn of(self, count: usize) -> std::ops::Range<usize> {
        count * self.done / self.all..count * (self.done + self.now) / self.all
    }
}

/// A right operand that can be packed, a block at a time. Ranges are (first, count).
pub(crate) trait Right<E: Float> {
    /// Packs the elements in `depth` and `cols` into `to`: panels of [`panel_width`], row after
    /// row. Elements after the last column of a row are not used.
    ///
    /// # Safety
    /// The elements must be readable, `to` writable for [`b_len`] elements and a vector after them.
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        depth: (usize, usize),
        cols: (usize, usize),
        to: *mut E,
    );

    /// Asks for a share of what packing such elements will read. Does nothing where the processor
    /// sees it coming.
    #[inline(always)]
    fn prefetch(&self, _depth: (usize, usize), _cols: (usize, usize), _share: Share) {}
}

impl<E: Float> Left<E> for Strided<E> {
    #[inline(always)]
    fn packed_len<S: Simd>(&self, rows: usize, depth: usize) -> usize {
        a_len::<E, S>(rows, depth)
    }

    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        (row, rows): (usize, usize),
        (from, depth): (usize, usize),
        to: *mut E,
    ) -> Strided<E> {
        // SAFETY: the contract of `Left::pack` is that of `pack_a`.
        unsafe { pack_a(simd, self.at(row, from), rows, depth, to) }
    }

    #[inline(always)]
    fn prefetch(&self, (row, rows): (usize, usize), (from, depth): (usize, usize), share: Share) {
        let start = self.at(row, from);
        // The inner loop runs along the smaller stride.
        let (mut along, mut across) = ((depth, self.col_stride), (rows, self.row_stride));
        if across.1.unsigned_abs() < along.1.unsigned_abs() {
            std::mem::swap(&mut along, &mut across);
        }
        let line = LINE / size_of::<E>();
        let jump = line.div_ceil(along.1.unsigned_abs().max(1));
        for outer in share.of(across.0) {
            let start = start.ptr.wrapping_offset(outer as isize * across.1);
            let mut inner = 0;
            while inner < along.0 {
                vectors::prefetch(start.wrapping_offset(inner as isize * along.1));
                inner += jump;
            }
        }
    }
}

impl<E: Float> Right<E> for Strided<E> {
    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        (from, depth): (usize, usize),
        (col, cols): (usize, usize),
        to: *mut E,
    ) {
        // SAFETY: the contract of `Right::pack` is that of `pack_b`.
        unsafe { pack_b(simd, self.at(from, col), depth, cols, to) };
    }
}

/// The bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// The elements a packed B of `depth` x `cols` takes.
pub(super) fn b_len<E: Float, S: Simd>(depth: usize, cols: usize) -> usize {
    depth * cols.next_multiple_of(E::Vector::<S>::LANES)
}

/// The elements a packed micro-panel of A takes: whole vectors are written.
pub(super) fn a_len<E: Float, S: Simd>(rows: usize, depth: usize) -> usize {
    let lanes = E::Vector::<S>::LANES;
    rows * depth.next_multiple_of(lanes) + rows.next_multiple_of(lanes)
}

/// The width of the panel that starts where `cols` columns are left: that of a tile, or whole
/// vectors over what remains.
#[inline(always)]
pub(crate) fn panel_width<E: Float, S: Simd>(cols: usize) -> usize {
    let lanes = E::Vector::<S>::LANES;
    cols.next_multiple_of(lanes).min(VECTORS * lanes)
}

/// Packs `depth` x `cols` elements of B into `to`.
///
/// # Safety
/// The elements of `b` must be readable, `to` writable for [`b_len`] elements.
#[inline(never)]
pub(crate) unsafe fn pack_b<E: Float, S: Simd>(
    simd: S,
    b: Strided<E>,
    depth: usize,
    cols: usize,
    to: *mut E,
) {
    // SAFETY: the contract of this function is that of `PackB::new`.
    simd.vectorize(unsafe { PackB::new(b, depth, cols, to) });
}

struct PackB<E> {
    b: Strided<E>,
    depth: usize,
    cols: usize,
    to: *mut E,
}

impl<E> PackB<E> {
    /// # Safety
    /// As for [`pack_b`], while it runs.
    unsafe fn new(b: Strided<E>, depth: usize, cols: usize, to: *mut E) -> Self {
        Self { b, depth, cols, to }
    }
}

impl<E: Float> Kernel for PackB<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: `new` states that B is readable and `to` writable for the packed elements.
        unsafe { panels(simd, self.b, self.depth, self.cols, self.to) }
    }
}

/// # Safety
/// As for [`pack_b`].
#[inline(always)]
unsafe fn panels<E: Float, S: Simd>(simd: S, b: Strided<E>, depth: usize, cols: usize, to: *mut E) {
    let lanes = E::Vector::<S>::LANES;
    let mut to = to;
    let mut col = 0;
    while col < cols {
        let width = panel_width::<E, S>(cols - col);
        let count = width.min(cols - col);
        let panel = b.at(0, col);
        // SAFETY: the panel lies within B and within the packed elements.
        unsafe {
            if panel.col_stride == 1 && count == VECTORS * lanes {
                const { assert!(VECTORS == 2) };
                for p in 0..depth {
                    let (from, to) = (panel.at(p, 0).ptr, to.add(p * width));
                    let first = E::Vector::<S>::load_ptr(simd, from);
                    let second = E::Vector::<S>::load_ptr(simd, from.add(lanes));
                    first.store_ptr(to);
                    second.store_ptr(to.add(lanes));
                }
            } else if panel.col_stride == 1 {
                for p in 0..depth {
                    copy(simd, panel.at(p, 0).ptr, count, to.add(p * width));
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

/// Copies B, whose columns are contiguous, by rows, `stride` elements apart.
///
/// # Safety
/// The `depth` x `cols` elements must be readable, `to` writable for rows of `cols` rounded up to
/// whole vectors.
#[inline(never)]
pub(super) unsafe fn turn<E: Float, S: Simd>(
    simd: S,
    b: Strided<E>,
    (depth, cols): (usize, usize),
    to: *mut E,
    stride: usize,
) {
    // SAFETY: the contract of this function is that of `Turn::new`.
    simd.vectorize(unsafe { Turn::new(b, (depth, cols), to, stride) });
}

struct Turn<E> {
    b: Strided<E>,
    depth: usize,
    cols: usize,
    to: *mut E,
    stride: usize,
}

impl<E> Turn<E> {
    /// # Safety
    /// As for [`turn`], while it runs.
    unsafe fn new(b: Strided<E>, (depth, cols): (usize, usize), to: *mut E, stride: usize) -> Self {
        Self { b, depth, cols, to, stride }
    }
}

impl<E: Float> Kernel for Turn<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Turn { b, depth, cols, to, stride } = self;
        let lanes = E::Vector::<S>::LANES;
        for col in (0..cols).step_by(lanes) {
            let count = lanes.min(cols - col);
            let to = to.wrapping_add(col);
            // SAFETY: `new` states that the columns are readable, and `depth` rows writable for the
            // vector at `col < cols`.
            unsafe { columns_to_rows(simd, b.at(0, col), depth, count, to, stride) };
        }
    }
}

/// Writes `depth` rows of one vector each, `count` elements from the columns of `from`; the other
/// lanes are of no account.
///
/// # Safety
/// The elements of `from` must be readable, each row of `to` writable for a vector.
#[inline(always)]
unsafe fn columns_to_rows<E: Float, S: Simd>(
    simd: S,
    from: Strided<E>,
    depth: usize,
    count: usize,
    to: *mut E,
    to_stride: usize,
) {
    let lanes = E::Vector::<S>::LANES;
    let stride = to_stride as isize;
    let mut p = 0;
    while p < depth {
        let len = lanes.min(depth - p);
        let (block, to) = (from.at(p, 0), to.wrapping_add(p * to_stride));
        // SAFETY: rows `p` to `p + len <= depth` of both are readable or writable, by this
        // function's contract.
        unsafe {
            if from.row_stride != 1 {
                for i in 0..len {
                    for j in 0..lanes {
                        let value = if j < count { block.at(i, j).ptr.read() } else { E::ZERO };
                        to.add(i * to_stride + j).write(value);
                    }
                }
            } else if count == lanes && len == lanes {
                transpose::block(simd, block.ptr, block.col_stride, to, stride);
            } else {
                let size = (count, len);
                transpose::partial_block(simd, block.ptr, block.col_stride, size, to, stride);
            }
        }
        p += len;
    }
}

/// Packs `rows` x `depth` elements of A into `to` and returns them as an operand.
///
/// # Safety
/// The elements of `a` must be readable, `to` writable for [`a_len`] elements.
#[inline(never)]
pub(super) unsafe fn pack_a<E: Float, S: Simd>(
    simd: S,
    a: Strided<E>,
    rows: usize,
    depth: usize,
    to: *mut E,
) -> Strided<E> {
    // SAFETY: the contract of this function is that of `PackA::new`.
    simd.vectorize(unsafe { PackA::new(a, rows, depth, to) })
}

struct PackA<E> {
    a: Strided<E>,
    rows: usize,
    depth: usize,
    to: *mut E,
}

impl<E> PackA<E> {
    /// # Safety
    /// As for [`pack_a`], while it runs.
    unsafe fn new(a: Strided<E>, rows: usize, depth: usize, to: *mut E) -> Self {
        Self { a, rows, depth, to }
    }
}

impl<E: Float> Kernel for PackA<E> {
    type Output = Strided<E>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Strided<E> {
        // SAFETY: `new` states that A is readable and `to` writable for the packed elements.
        unsafe { micro_panel(simd, self.a, self.rows, self.depth, self.to) }
    }
}

/// # Safety
/// As for [`pack_a`].
#[inline(always)]
unsafe fn micro_panel<E: Float, S: Simd>(
    simd: S,
    a: Strided<E>,
    rows: usize,
    depth: usize,
    to: *mut E,
) -> Strided<E> {
    // SAFETY: each copy writes a row's or column's elements and up to a vector of slack, which the
    // next one overwrites.
    unsafe {
        if a.col_stride == 1 {
            let stride = depth.next_multiple_of(E::Vector::<S>::LANES);
            for i in 0..rows {
                copy(simd, a.at(i, 0).ptr, depth, to.add(i * stride));
            }
            return Strided { ptr: to, row_stride: stride as isize, col_stride: 1 };
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
    Strided { ptr: to, row_stride: 1, col_stride: rows as isize }
}

/// Copies `count` elements, writing whole vectors.
///
/// # Safety
/// `from` must be readable for `count` elements, `to` writable for `count` rounded up to vectors.
#[inline(always)]
unsafe fn copy<E: Float, S: Simd>(simd: S, from: *const E, count: usize, to: *mut E) {
    let lanes = E::Vector::<S>::LANES;
    let mut i = 0;
    // SAFETY: `i < count`, and whole vectors of `to` are writable, by this function's contract.
    unsafe {
        while count - i >= 4 * lanes {
            let (from, to) = (from.add(i), to.add(i));
            let first = E::Vector::<S>::load_ptr(simd, from);
            let second = E::Vector::<S>::load_ptr(simd, from.add(lanes));
            let third = E::Vector::<S>::load_ptr(simd, from.add(2 * lanes));
            let fourth = E::Vector::<S>::load_ptr(simd, from.add(3 * lanes));
            first.store_ptr(to);
            second.store_ptr(to.add(lanes));
            third.store_ptr(to.add(2 * lanes));
            fourth.store_ptr(to.add(3 * lanes));
            i += 4 * lanes;
        }
        while count - i >= lanes {
            E::Vector::<S>::load_ptr(simd, from.add(i)).store_ptr(to.add(i));
            i += lanes;
        }
        if i < count {
            E::Vector::<S>::load_partial_ptr(simd, from.add(i), count - i).store_ptr(to.add(i));
        }
    }
}
