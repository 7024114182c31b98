//! Operands that are not read in place: stored otherwise than as elements in strides, or with
//! something to be done to them first.
//!
//! An operand is lines along k, the rows of a left one and the columns of a right one, so that it is
//! the same when the product is transposed. What a path needs of it is written into scratch, and what
//! the operand's prologue demands is done there.

use super::pack::{Block, Left, Right, Share, pack_b, panel_width};
use super::packed::Panels;
use super::problem::{Output, Problem, Strided};
use super::scratch::Scratch;
use super::tile;
use crate::Element;
use crate::activation::{self, Activation};
use crate::bf16::Bf16;
use crate::elementwise::Mul;
use crate::simd::{Kernel, Lanes, Simd, dispatch};
use crate::slices::{self, Zip};

/// An operand's elements, and what is done to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<E> {
    pub(super) storage: Storage<E>,
    pub(super) step: Step<E>,
}

/// Where the elements are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Storage<E> {
    Strided(Strided<E>),
    Bf16(Strided<Bf16>),
    Panels(Panels<E>),
}

/// What is done to them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<E> {
    None,
    Derivative(Activation, Strided<E>),
    Times(Strided<E>),
    Activation(Activation),
}

impl<E: Element> Source<E> {
    /// The operand `elements` further in memory, and what it is multiplied by as much.
    pub(super) fn further(mut self, elements: isize) -> Self {
        match &mut self.storage {
            Storage::Strided(matrix) => matrix.ptr = matrix.ptr.wrapping_offset(elements),
            Storage::Bf16(matrix) => matrix.ptr = matrix.ptr.wrapping_offset(elements),
            Storage::Panels(_) => {}
        }
        if let Step::Derivative(_, second) | Step::Times(second) = &mut self.step {
            second.ptr = second.ptr.wrapping_offset(elements);
        }
        self
    }

    /// The panels, if they can be read as they are.
    pub(super) fn panels(&self) -> Option<&Panels<E>> {
        match (&self.storage, &self.step) {
            (Storage::Panels(panels), Step::None) => Some(panels),
            _ => None,
        }
    }

    /// The elements as they are stored, if they are numbers of half the size.
    pub(super) fn bf16(&self) -> Option<Strided<Bf16>> {
        match (&self.storage, &self.step) {
            (&Storage::Bf16(matrix), Step::None) => Some(matrix),
            _ => None,
        }
    }

    /// Whether neighbours along k are neighbours in memory.
    fn along_depth(&self) -> bool {
        match &self.storage {
            Storage::Strided(matrix) => matrix.col_stride == 1,
            Storage::Bf16(matrix) => matrix.col_stride == 1,
            Storage::Panels(_) => false,
        }
    }

    /// Writes lines, given by the first and their number, at a depth, likewise, to `to`, one of whose
    /// strides is one. What lies between its lines may be overwritten.
    ///
    /// # Safety
    /// The elements must be readable, and `to` writable: from the first element to the last.
    pub(super) unsafe fn write<S: Simd>(
        &self,
        simd: S,
        lines: (usize, usize),
        depth: (usize, usize),
        to: Output<E>,
    ) {
        simd.vectorize(Write { storage: self.storage, lines, depth, to });
        let second = match &self.step {
            Step::None => return,
            Step::Activation(_) => None,
            Step::Derivative(_, second) | Step::Times(second) => Some(*second),
        };
        let last = |count: usize, stride: isize| (count - 1) * stride as usize;
        let len = last(lines.1, to.row_stride) + last(depth.1, to.col_stride) + 1;
        let mut scratch = None;
        let mut other = std::ptr::null_mut();
        if let Some(second) = second {
            other = scratch.insert(Scratch::take()).get::<E>(len);
            let (storage, to) = (Storage::Strided(second), Output { ptr: other, ..to });
            simd.vectorize(Write { storage, lines, depth, to });
        }
        // SAFETY: both are `len` elements from the first to the last.
        unsafe { self.step.apply(simd, to.ptr, other, len) };
    }

    /// As [`write`](Self::write), on the current level.
    ///
    /// # Safety
    /// As for [`write`](Self::write).
    pub(super) unsafe fn write_now(
        &self,
        lines: (usize, usize),
        depth: (usize, usize),
        to: Output<E>,
    ) {
        struct Now<'a, E>(&'a Source<E>, (usize, usize), (usize, usize), Output<E>);

        impl<E: Element> Kernel for Now<'_, E> {
            type Output = ();

            #[inline(always)]
            fn run<S: Simd>(self, simd: S) {
                // SAFETY: passed on.
                unsafe { self.0.write(simd, self.1, self.2, self.3) };
            }
        }

        dispatch(Now(self, lines, depth, to));
    }

    /// Packs a block of columns as [`Right::pack`] does.
    ///
    /// # Safety
    /// As for [`Right::pack`].
    #[inline(never)]
    unsafe fn pack_right<S: Simd>(
        &self,
        simd: S,
        (from, depth): (usize, usize),
        (first, count): (usize, usize),
        to: *mut E,
    ) {
        let mut scratch = Scratch::take();
        let mut done = 0;
        while done < count {
            let width = panel_width::<E, S>(count - done);
            let cols = width.min(count - done);
            let (line, panel) = (first + done, to.wrapping_add(done * depth));
            let other = scratch.get::<E>(2 * width * depth);
            // SAFETY: the panel is `width` times `depth` elements of the block; the scratch has room
            // for two.
            unsafe {
                match &self.storage {
                    &Storage::Strided(matrix) => {
                        pack_b(simd, matrix.at(line, from).transposed(), depth, cols, panel);
                    }
                    storage if self.along_depth() => {
                        let lines =
                            Output { ptr: other, row_stride: depth as isize, col_stride: 1 };
                        let (storage, line, depth) = (*storage, (line, cols), (from, depth));
                        simd.vectorize(Write { storage, lines: line, depth, to: lines });
                        let lines =
                            Strided { ptr: other, row_stride: 1, col_stride: depth.1 as isize };
                        pack_b(simd, lines, depth.1, cols, panel);
                    }
                    &storage => {
                        let to = Output { ptr: panel, row_stride: 1, col_stride: width as isize };
                        simd.vectorize(Write {
                            storage,
                            lines: (line, cols),
                            depth: (from, depth),
                            to,
                        });
                    }
                }
                if let Step::Derivative(_, second) | Step::Times(second) = &self.step {
                    pack_b(simd, second.at(line, from).transposed(), depth, cols, other);
                }
                self.step.apply(simd, panel, other, width * depth);
            }
            done += cols;
        }
    }

    /// Packs a micro-panel as [`Left::pack`] does.
    ///
    /// # Safety
    /// As for [`Left::pack`].
    #[inline(never)]
    unsafe fn pack_left<S: Simd>(
        &self,
        simd: S,
        (first, rows): (usize, usize),
        (from, depth): (usize, usize),
        to: *mut E,
    ) -> Strided<E> {
        if let Some(panels) = self.panels()
            && rows <= panels.left_in_panel(first)
        {
            return panels.at(first).at(0, from);
        }
        let (row_stride, col_stride) = if self.along_depth() {
            (depth.next_multiple_of(E::Vector::<S>::LANES) as isize, 1)
        } else {
            (1, rows as isize)
        };
        // SAFETY: a micro-panel has room for either order.
        unsafe {
            let to = Output { ptr: to, row_stride, col_stride };
            self.write(simd, (first, rows), (from, depth), to);
        }
        Strided { ptr: to, row_stride, col_stride }
    }
}

impl<E: Element> Step<E> {
    /// Does it to `len` elements, those it is done with being in `other`.
    ///
    /// # Safety
    /// The elements must be readable and writable, and those of `other` readable if there is a
    /// second array.
    unsafe fn apply<S: Simd>(&self, simd: S, data: *mut E, other: *const E, len: usize) {
        let [x, second] = [data.cast_const(), other].map(slices::Source::at_ptr);
        match *self {
            Step::None => {}
            Step::Derivative(act, _) => {
                simd.vectorize(activation::Backward { act, gy: x, saved: second, out: data, len });
            }
            Step::Times(_) => simd.vectorize(Zip::new(Mul, x, second, data, len)),
            Step::Activation(act) => {
                simd.vectorize(activation::Forward { act, x, out: data, len });
            }
        }
    }
}

/// Elements written in another order.
struct Write<E> {
    storage: Storage<E>,
    lines: (usize, usize),
    depth: (usize, usize),
    to: Output<E>,
}

impl<E: Element> Kernel for Write<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Write { storage, lines: (line, lines), depth: (from, depth), to } = self;
        // SAFETY: whoever made this vouches for the elements.
        unsafe {
            match storage {
                Storage::Strided(matrix) => {
                    copy(matrix.at(line, from), (lines, depth), to, |x| x);
                }
                Storage::Bf16(matrix) => {
                    copy(matrix.at(line, from), (lines, depth), to, |x: Bf16| {
                        // Both are exact, and the compiler sees that they are one.
                        E::from_f64(f64::from(x.to_f32()))
                    });
                }
                Storage::Panels(panels) => {
                    let mut done = 0;
                    while done < lines {
                        let count = panels.left_in_panel(line + done).min(lines - done);
                        let panel = panels.at(line + done).at(0, from);
                        copy(panel, (count, depth), to.at(done, 0), |x| x);
                        done += count;
                    }
                }
            }
        }
    }
}

/// Writes `rows` x `cols` elements, one of the strides of `to` being one.
///
/// # Safety
/// The elements must be readable, `to` writable and apart from them.
#[inline(always)]
unsafe fn copy<T: Copy, E: Copy>(
    from: Strided<T>,
    (rows, cols): (usize, usize),
    to: Output<E>,
    convert: impl Fn(T) -> E,
) {
    // The inner loop runs along the contiguous direction of `to`.
    let by_rows = to.col_stride == 1;
    let (from, to) = if by_rows { (from, to) } else { (from.transposed(), to.transposed()) };
    let (outer, inner) = if by_rows { (rows, cols) } else { (cols, rows) };
    debug_assert!(to.col_stride == 1 || inner <= 1);
    for i in 0..outer {
        let from = from.at(i, 0);
        // SAFETY: the elements of a line are there and apart.
        unsafe {
            let to = std::slice::from_raw_parts_mut(to.at(i, 0).ptr, inner);
            if from.col_stride == 1 {
                let from = std::slice::from_raw_parts(from.ptr, inner);
                for (to, &from) in to.iter_mut().zip(from) {
                    *to = convert(from);
                }
            } else {
                for (j, to) in to.iter_mut().enumerate() {
                    *to = convert(from.at(0, j).ptr.read());
                }
            }
        }
    }
}

/// An operand of a problem, wherever its elements are.
pub(super) struct Sided<'a, E> {
    pub(super) source: Option<&'a Source<E>>,
    /// The line the problem's first is.
    first: usize,
    in_place: Strided<E>,
}

impl<'a, E: Element> Sided<'a, E> {
    /// The left operand.
    pub(super) fn left(problem: &Problem<'a, E>) -> Self {
        let &Problem { sources, a, .. } = problem;
        Sided { source: sources.a, first: sources.row, in_place: a }
    }

    /// The right operand.
    pub(super) fn right(problem: &Problem<'a, E>) -> Self {
        let &Problem { sources, b, .. } = problem;
        Sided { source: sources.b, first: sources.col, in_place: b }
    }
}

impl<E: Element> Left<E> for Sided<'_, E> {
    #[inline(always)]
    fn packed_len<S: Simd>(&self, rows: usize, depth: usize) -> usize {
        self.in_place.packed_len::<S>(rows, depth)
    }

    #[inline(always)]
    fn tile_rows<S: Simd>(&self, even: usize) -> usize {
        match self.source.and_then(Source::panels) {
            // A panel can be read as it is, if it is not another level's and too wide.
            Some(panels) if panels.width <= tile::max_rows::<S>() => panels.width,
            _ => even,
        }
    }

    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        rows: (usize, usize),
        depth: (usize, usize),
        to: *mut E,
    ) -> Strided<E> {
        // SAFETY: passed on.
        unsafe {
            match self.source {
                None => Left::pack(&self.in_place, simd, rows, depth, to),
                Some(source) => source.pack_left(simd, (self.first + rows.0, rows.1), depth, to),
            }
        }
    }

    #[inline(always)]
    fn prefetch(&self, rows: (usize, usize), depth: (usize, usize), share: Share) {
        if self.source.is_none() {
            Left::prefetch(&self.in_place, rows, depth, share);
        }
    }
}

impl<E: Element> Right<E> for Sided<'_, E> {
    #[inline(always)]
    fn there<S: Simd>(&self, from: usize, col: usize) -> Option<Block<E>> {
        self.source?.panels()?.block::<S>(from, self.first + col)
    }

    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        depth: (usize, usize),
        cols: (usize, usize),
        to: *mut E,
    ) {
        // SAFETY: passed on.
        unsafe {
            match self.source {
                None => Right::pack(&self.in_place, simd, depth, cols, to),
                Some(source) => {
                    source.pack_right(simd, depth, (self.first + cols.0, cols.1), to);
                }
            }
        }
    }
}
