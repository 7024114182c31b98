//! [`Packed`]: an operand copied once into the order the micro-kernel reads, for many products.

use aligned_vec::{AVec, ConstAlign};

use super::operand::Operand;
use super::pack::{Block, panel_width};
use super::plan::block_size;
use super::problem::{Output, Strided};
use super::scratch::ALIGN;
use super::tile::{self, VECTORS};
use crate::Element;
use crate::simd::{Kernel, Lanes, Simd, dispatch};

/// The side of a product an operand is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    /// An operand as lines along k: the rows of a left one, the columns of a right one.
    #[inline]
    pub(super) fn lines<T>(self, matrix: Strided<T>) -> Strided<T> {
        match self {
            Side::Left => matrix,
            Side::Right => matrix.transposed(),
        }
    }
}

/// An operand packed for its side of a product, to be used in many: a weight in inference, say, of
/// which the rows or columns would be gathered again by every call.
///
/// Products with it go the blocked loops, whatever their shape, and have the bits they have with the
/// matrix it was made of where those go the same way; they are quick on the level it was made on.
/// Elements of [`Bf16`](crate::bf16::Bf16) are widened, and a prologue is applied.
///
/// ```
/// use wengert_kernels::gemm::{Gemm, MatMut, MatRef, Packed};
///
/// let weight = Packed::right(MatRef::row_major(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2));
/// for x in [[1.0, 0.0], [0.0, 1.0]] {
///     let mut y = [0.0; 2];
///     let c = MatMut::row_major(&mut y, 1, 2);
///     Gemm::new(MatRef::row_major(&x, 1, 2), &weight, c).run();
///     assert_eq!(y, if x[0] == 1.0 { [1.0, 2.0] } else { [3.0, 4.0] });
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Packed<E> {
    data: AVec<E, ConstAlign<ALIGN>>,
    side: Side,
    rows: usize,
    cols: usize,
    /// The strides of what it was made of, by which paths are chosen.
    strides: (isize, isize),
    width: usize,
    unit: usize,
}

impl<E: Element> Packed<E> {
    /// Packs a left operand.
    ///
    /// # Panics
    /// If there is no memory for its elements.
    #[track_caller]
    pub fn left<'a>(a: impl Into<Operand<'a, E>>) -> Self
    where
        E: 'a,
    {
        Self::new(&a.into(), Side::Left)
    }

    /// Packs a right operand.
    ///
    /// # Panics
    /// If there is no memory for its elements.
    #[track_caller]
    pub fn right<'a>(b: impl Into<Operand<'a, E>>) -> Self
    where
        E: 'a,
    {
        Self::new(&b.into(), Side::Right)
    }

    #[track_caller]
    fn new(operand: &Operand<'_, E>, side: Side) -> Self {
        let (rows, cols) = (operand.rows(), operand.cols());
        let Strided { row_stride, col_stride, .. } = operand.in_place();
        let (lines, depth) = if side == Side::Left { (rows, cols) } else { (cols, rows) };
        let (width, unit) = dispatch(Width { side, lines, element: std::marker::PhantomData::<E> });
        let mut packed = Packed {
            data: AVec::new(ALIGN),
            side,
            rows,
            cols,
            strides: (row_stride, col_stride),
            width,
            unit,
        };
        if lines > 0 && depth > 0 {
            // Repeated elements are packed each.
            let len = lines.checked_next_multiple_of(unit).and_then(|all| all.checked_mul(depth));
            let room = len.filter(|&len| packed.data.try_reserve_exact(len).is_ok());
            let Some(len) = room else {
                panic!(
                    "there is no memory for the elements of a {rows}x{cols} matrix to be packed"
                );
            };
            packed.data.resize(len, E::ZERO);
            let source = operand.any_source(side);
            let to = packed.data.as_mut_ptr();
            for first in (0..lines).step_by(width) {
                let place = packed.panels(side).at(first);
                let to = Output {
                    ptr: to.wrapping_add(first * depth),
                    row_stride: place.row_stride,
                    col_stride: place.col_stride,
                };
                let lines = (first, width.min(lines - first));
                // SAFETY: the operand's elements are there, and the panel is `lines` rounded up to
                // units times `depth` elements of those just made.
                unsafe { source.write_now(lines, (0, depth), to) };
            }
        }
        packed
    }

    /// The number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The strides of what it was made of, without elements.
    #[inline]
    pub(super) fn origin(&self) -> Strided<E> {
        let (row_stride, col_stride) = self.strides;
        Strided { ptr: std::ptr::null(), row_stride, col_stride }
    }

    /// The panels.
    ///
    /// # Panics
    /// If they were packed for the other side.
    #[track_caller]
    pub(super) fn panels(&self, side: Side) -> Panels<E> {
        assert!(
            side == self.side,
            "a matrix packed for the {:?} of a product was given as the {side:?} operand",
            self.side
        );
        let (lines, depth) =
            if side == Side::Left { (self.rows, self.cols) } else { (self.cols, self.rows) };
        Panels { ptr: self.data.as_ptr(), lines, depth, width: self.width, unit: self.unit }
    }
}

/// The panels of a packed operand: `width` lines each, interleaved along k; the last has as many
/// as are left, rounded up to whole units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panels<E> {
    pub(super) ptr: *const E,
    pub(super) lines: usize,
    pub(super) depth: usize,
    pub(super) width: usize,
    pub(super) unit: usize,
}

impl<E> Panels<E> {
    /// The lines from `line` on to the end of its panel, as rows.
    #[inline]
    pub(super) fn at(&self, line: usize) -> Strided<E> {
        let first = line / self.width * self.width;
        let width = (self.lines - first).next_multiple_of(self.unit).min(self.width);
        let ptr = self.ptr.wrapping_add(first * self.depth + (line - first));
        Strided { ptr, row_stride: 1, col_stride: width as isize }
    }

    /// The lines from `line` on to the end of its panel.
    #[inline]
    pub(super) fn left_in_panel(&self, line: usize) -> usize {
        (self.width - line % self.width).min(self.lines - line)
    }

    /// The columns from `col` on as the blocked loops pack them, if the panels are those of level
    /// `S`.
    #[inline]
    pub(super) fn block<S: Simd>(&self, from: usize, col: usize) -> Option<Block<E>>
    where
        E: Element,
    {
        let lanes = E::Vector::<S>::LANES;
        let fits = self.width == VECTORS * lanes && self.unit == lanes;
        let ptr = self.ptr.wrapping_add(col * self.depth);
        (fits && col.is_multiple_of(self.width)).then_some(Block { ptr, depth: self.depth, from })
    }
}

/// The width of panels on a level, and what the last one's is rounded up to.
struct Width<E> {
    side: Side,
    lines: usize,
    element: std::marker::PhantomData<E>,
}

impl<E: Element> Kernel for Width<E> {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (usize, usize) {
        match self.side {
            Side::Left => (block_size(self.lines, tile::max_rows::<S>(), 1).max(1), 1),
            Side::Right => (panel_width::<E, S>(usize::MAX / 2), E::Vector::<S>::LANES),
        }
    }
}
