//! Patches packed as the blocked loops of the matrix product come to them, by columns: for the
//! output and the input's gradient. The matrix of patches is never whole in memory.

use std::ops::Range;

use super::band::{Band, Extent, Gather};
use crate::Float;
use crate::gemm::implicit::{LINE, Right, Scratch, Share, VECTORS, panel_width};
use crate::simd::{Kernel, Lanes, Simd};
use crate::vectors;

/// The rows and columns of results.
type Rectangle = (Range<usize>, Range<usize>);

/// Rectangles of results that cover a range of them, in order.
///
/// One rectangle of whole rows, unless its rows are so long, or draw from rows of the source so far
/// apart, that the band would be larger than what is drawn from it: then each row by itself.
pub(super) struct Rectangles {
    from: usize,
    until: usize,
    len: usize,
    by_row: bool,
}

impl Rectangles {
    #[inline(always)]
    pub(super) fn new<E: Float>(gather: &Gather<E>, from: usize, count: usize) -> Self {
        let len = gather.cols.len;
        let by_row = len > count || gather.rows.step > gather.rows.span(1);
        Rectangles { from, until: from + count, len, by_row }
    }

    /// The next rectangle, and the range of results in it.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<(Rectangle, Range<usize>)> {
        let &mut Rectangles { from, until, len, by_row } = self;
        if from == until {
            return None;
        }
        let row = from / len;
        let end = until.min(if by_row { (row + 1) * len } else { until });
        self.from = end;
        let rows = row..(end - 1) / len + 1;
        let cols = if rows.len() == 1 { from - row * len..end - row * len } else { 0..len };
        Some(((rows, cols), from..end))
    }

    /// Whether more follow.
    #[inline(always)]
    fn more(&self) -> bool {
        self.from < self.until
    }
}

/// Asks for a share of the rows of the source that some rows and columns of the matrix of patches
/// draw from: they are short and far apart, and the processor does not see them coming.
#[inline(never)]
pub(super) fn prefetch<E: Float>(
    gather: &Gather<E>,
    (row, rows): (usize, usize),
    (first, count): (usize, usize),
    share: Share,
) {
    let taps = gather.rows.taps * gather.cols.taps;
    let channels = row / taps..(row + rows - 1) / taps + 1;
    let mut rectangles = Rectangles::new(gather, first, count);
    let Some(((down, across), _)) = rectangles.next() else { return };
    let clip = |low: isize, span: usize, size: usize| {
        let end = (low + span as isize).clamp(0, size as isize);
        low.clamp(0, end) as usize..end as usize
    };
    let (lines, columns) = (&gather.rows, &gather.cols);
    let down = clip(lines.lowest(down.start), lines.span(down.len()), lines.size);
    let across = clip(columns.lowest(across.start), columns.span(across.len()), columns.size);
    for i in share.of(channels.len() * down.len()) {
        let (channel, row) = (channels.start + i / down.len(), down.start + i % down.len());
        let start = channel * gather.plane() + row * columns.size;
        for col in across.clone().step_by(LINE / size_of::<E>()) {
            vectors::prefetch(gather.source.wrapping_add(start + col));
        }
    }
}

/// The matrix of patches as the right operand: its columns are the results of one image.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatchColumns<E> {
    pub(super) gather: Gather<E>,
    /// The result that is column 0.
    pub(super) first: usize,
}

impl<E: Float> Right<E> for PatchColumns<E> {
    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        (from, depth): (usize, usize),
        (col, cols): (usize, usize),
        to: *mut E,
    ) {
        let gather = &self.gather;
        // SAFETY: the contract of `Right::pack` is that of `pack_columns`.
        unsafe { pack_columns(simd, gather, (from, depth), (self.first + col, cols), to) };
    }

    #[inline(always)]
    fn prefetch(&self, depth: (usize, usize), (col, cols): (usize, usize), share: Share) {
        prefetch(&self.gather, depth, (self.first + col, cols), share);
    }
}

/// # Safety
/// As for [`Right::pack`].
#[inline(never)]
unsafe fn pack_columns<E: Float, S: Simd>(
    simd: S,
    gather: &Gather<E>,
    depth: (usize, usize),
    results: (usize, usize),
    to: *mut E,
) {
    // SAFETY: the contract of this function is that of `PackColumns::new`.
    simd.vectorize(unsafe { PackColumns::new(gather, depth, results, to) });
}

struct PackColumns<'a, E> {
    gather: &'a Gather<E>,
    depth: (usize, usize),
    results: (usize, usize),
    to: *mut E,
}

impl<'a, E> PackColumns<'a, E> {
    /// # Safety
    /// As for [`Right::pack`], while it runs.
    unsafe fn new(
        gather: &'a Gather<E>,
        depth: (usize, usize),
        results: (usize, usize),
        to: *mut E,
    ) -> Self {
        Self { gather, depth, results, to }
    }
}

/// The most vectors that are copied to make a row of a panel.
const MOST_MOVES: usize = VECTORS * crate::simd::MAX_LANES;

/// A vector to be copied: where from, where to, and how many of its elements count.
#[derive(Clone, Copy, Default)]
struct Move {
    from: usize,
    to: usize,
    count: usize,
}

impl<E: Float> Kernel for PackColumns<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { gather, depth: (from, depth), results: (first, count), to } = self;
        let taps = gather.rows.taps * gather.cols.taps;
        let channels = from / taps..(from + depth - 1) / taps + 1;
        let full = VECTORS * E::Vector::<S>::LANES;
        let mut rectangles = Rectangles::new(gather, first, count);
        // A vector written past its run spills into what is written next, unless another
        // rectangle comes back to the same panels.
        let mut exact = false;
        while let Some((results, range)) = rectangles.next() {
            exact |= rectangles.more();
            let extent = Extent::new(gather, channels.clone(), results);
            let mut scratch = Scratch::take();
            let buffer = scratch.get::<E>(extent.elements::<E, S>());
            // SAFETY: the buffer is as long as asked for, and `new` states that the planes are
            // readable.
            let band = unsafe { Band::fill(simd, gather, extent, E::ZERO, buffer) };
            let mut at = range.start - first;
            while at < range.end - first {
                let panel = at / full * full;
                let end = (panel + full).min(range.end - first);
                let width = panel_width::<E, S>(count - panel);
                let mut moves = [Move::default(); MOST_MOVES];
                let moves = plan_row::<E, S>(&band, gather, first, panel, at..end, &mut moves);
                let to = to.wrapping_add(panel * depth);
                // SAFETY: `new` states that the packed elements, of which this is a panel, are
                // writable.
                unsafe {
                    match (exact, moves) {
                        (false, [a]) => panel_rows(simd, &band, from, depth, width, &[*a], to),
                        (false, [a, b]) => {
                            panel_rows(simd, &band, from, depth, width, &[*a, *b], to);
                        }
                        (false, [a, b, c]) => {
                            panel_rows(simd, &band, from, depth, width, &[*a, *b, *c], to);
                        }
                        (false, _) => panel_rows(simd, &band, from, depth, width, moves, to),
                        (true, _) => exact_rows(simd, &band, from, depth, width, moves, to),
                    }
                }
                at = end;
            }
        }
    }
}

/// The moves that make up each row of the part `range` of a panel, relative to its first tap.
#[inline(always)]
fn plan_row<'m, E: Float, S: Simd>(
    band: &Band<'_, E>,
    gather: &Gather<E>,
    first: usize,
    panel: usize,
    range: Range<usize>,
    moves: &'m mut [Move; MOST_MOVES],
) -> &'m [Move] {
    let lanes = E::Vector::<S>::LANES;
    let mut planned = 0;
    let mut at = range.start;
    while at < range.end {
        let (row, col) = ((first + at) / gather.cols.len, (first + at) % gather.cols.len);
        let count = lanes.min(range.end - at).min(gather.cols.len - col);
        moves[planned] = Move { from: band.offset(row, col), to: at - panel, count };
        planned += 1;
        at += count;
    }
    &moves[..planned]
}

/// Walks down the rows of the matrix of patches: the address of each in the band.
pub(super) struct Walk<'a, 'b, E> {
    band: &'a Band<'b, E>,
    line: *const E,
    row: usize,
    col: usize,
}

impl<'a, 'b, E: Float> Walk<'a, 'b, E> {
    /// From row `from` on.
    #[inline(always)]
    pub(super) fn new(band: &'a Band<'b, E>, from: usize) -> Self {
        let (rows, cols) = band.taps();
        let (line, col) = (from / cols, from % cols);
        let (channel, row) = (line / rows, line % rows);
        let down = (channel - band.channels().start) * band.channel_stride();
        let line = band.ptr().wrapping_add(down);
        let line = line.wrapping_offset(band.first_tap() + row as isize * band.tap_stride());
        Walk { band, line, row, col }
    }

    #[inline(always)]
    pub(super) fn here(&self) -> *const E {
        self.line.wrapping_add(self.band.shift(self.col))
    }

    #[inline(always)]
    pub(super) fn advance(&mut self) {
        let (rows, cols) = self.band.taps();
        self.col += 1;
        if self.col == cols {
            self.col = 0;
            self.row += 1;
            self.line = self.line.wrapping_offset(self.band.tap_stride());
            if self.row == rows {
                self.row = 0;
                let back = rows as isize * self.band.tap_stride();
                let on = self.band.channel_stride() as isize - back;
                self.line = self.line.wrapping_offset(on);
            }
        }
    }
}

/// Packs a panel, in whole vectors.
///
/// # Safety
/// The moves must lie in the band and the panel's rows, and the panel be followed by a vector of
/// elements that are written later or not at all.
#[inline(always)]
unsafe fn panel_rows<E: Float, S: Simd, M: AsRef<[Move]> + ?Sized>(
    simd: S,
    band: &Band<'_, E>,
    from: usize,
    depth: usize,
    width: usize,
    moves: &M,
    to: *mut E,
) {
    let mut walk = Walk::new(band, from);
    let mut to = to;
    for _ in 0..depth {
        let here = walk.here();
        for step in moves.as_ref() {
            // SAFETY: the moves lie in the band, which has a vector of slack, and in the panel's
            // rows, by this function's contract.
            unsafe {
                let vector = E::Vector::<S>::load_ptr(simd, here.wrapping_add(step.from));
                vector.store_ptr(to.add(step.to));
            }
        }
        to = to.wrapping_add(width);
        walk.advance();
    }
}

/// Packs part of a panel and leaves the rest of it alone.
///
/// # Safety
/// The moves must lie in the band and the panel's rows.
#[inline(always)]
unsafe fn exact_rows<E: Float, S: Simd>(
    simd: S,
    band: &Band<'_, E>,
    from: usize,
    depth: usize,
    width: usize,
    moves: &[Move],
    to: *mut E,
) {
    let mut walk = Walk::new(band, from);
    let mut to = to;
    for _ in 0..depth {
        let here = walk.here();
        for step in moves {
            // SAFETY: the moves lie in the band, which has a vector of slack, and in the panel's
            // rows, by this function's contract.
            unsafe {
                let vector = E::Vector::<S>::load_ptr(simd, here.wrapping_add(step.from));
                vector.store_partial_ptr(to.add(step.to), step.count);
            }
        }
        to = to.wrapping_add(width);
        walk.advance();
    }
}
