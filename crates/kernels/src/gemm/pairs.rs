//! Products of two operands of [`Bf16`] where the processor multiplies pairs of them.
//!
//! The instruction (`vdpbf16ps`) adds to each `f32` lane the products of two neighbours along k: first
//! that of the second ones, then that of the first. Products are exact, and each sum is rounded to
//! nearest even. Whatever the processor's mode, subnormal operands and sums count as zeros: what is
//! below `2^-126` is lost. The blocked loops see a pair as one element of 32 bits, and half of k.

use std::any::TypeId;

use core::arch::x86_64::{__m512bh, _mm512_dpbf16_ps};

use super::blocked;
use super::pack::{Left, Right, Share, a_len, pack_b, panel_width};
use super::plan::Blocks;
use super::problem::{Problem, Sources, Strided};
use super::tile::{self, Multiply, Tile};
use crate::Element;
use crate::bf16::Bf16;
use crate::simd::{Avx512, Avx512F32, Kernel, Lanes, Simd};

/// Computes a product on the blocked loops, if both operands are pairs and there is an instruction
/// for them. Whether it did.
///
/// # Safety
/// As for [`blocked::run`].
#[inline(always)]
pub(super) unsafe fn run<E: Element, S: Simd>(
    _: S,
    problem: &Problem<'_, E>,
    blocks: &Blocks,
) -> bool {
    let &Problem { sources: Sources { a: Some(a), b: Some(b), row, col }, k, .. } = problem else {
        return false;
    };
    let (Some(a), Some(b)) = (a.bf16(), b.bf16()) else { return false };
    let Some(simd) = available::<S>() else { return false };
    if TypeId::of::<E>() != TypeId::of::<f32>() {
        return false;
    }
    // SAFETY: the two are one type.
    let problem = unsafe { &*std::ptr::from_ref(problem).cast::<Problem<'_, f32>>() };
    let problem = Problem { k: k.div_ceil(2), sources: Sources::default(), ..*problem };
    let (a, b) = (Pairs { lines: a.at(row, 0), k }, Pairs { lines: b.at(col, 0), k });
    // SAFETY: passed on; the instruction was found.
    unsafe { product(simd, &problem, (&a, &b), blocks) };
    true
}

/// The token of the level, if `S` is it and there is the instruction beside it.
#[inline(always)]
fn available<S: Simd>() -> Option<Avx512> {
    if TypeId::of::<S>() == TypeId::of::<Avx512>() && is_x86_feature_detected!("avx512bf16") {
        Avx512::detect()
    } else {
        None
    }
}

/// # Safety
/// As for [`run`], and there must be the instruction.
#[inline(never)]
unsafe fn product(
    simd: Avx512,
    problem: &Problem<'_, f32>,
    operands: (&Pairs, &Pairs),
    blocks: &Blocks,
) {
    // SAFETY: passed on; both operands are packed.
    unsafe { blocked::run_from(simd, Dot, problem, operands, blocks, true, true) };
}

/// The multiplication of pairs.
#[derive(Clone, Copy, Debug)]
struct Dot;

impl Multiply<f32, Avx512> for Dot {
    #[inline(always)]
    unsafe fn add(left: Avx512F32, right: Avx512F32, sum: Avx512F32) -> Avx512F32 {
        // SAFETY: registers of the same size; the caller vouches for the instruction.
        unsafe {
            let [left, right] = [left, right].map(|pair| {
                std::mem::transmute::<core::arch::x86_64::__m512, __m512bh>(pair.register())
            });
            Avx512F32::from_register(_mm512_dpbf16_ps(sum.register(), left, right), sum.token())
        }
    }

    #[inline(always)]
    unsafe fn tile<const MR: usize, const NV: usize, const WHOLE: bool>(
        simd: Avx512,
        tile: &Tile<f32>,
    ) {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,avx512bf16")]
        unsafe fn inner<const MR: usize, const NV: usize, const WHOLE: bool>(
            simd: Avx512,
            tile: &Tile<f32>,
        ) {
            // SAFETY: passed on.
            unsafe { tile::micro::<f32, Avx512, Dot, MR, NV, WHOLE>(simd, tile) };
        }
        // SAFETY: passed on.
        unsafe { inner::<MR, NV, WHOLE>(simd, tile) };
    }
}

/// An operand of `k` numbers a line, to be packed as pairs of neighbours along k; an odd one's
/// neighbour is zero.
#[derive(Clone, Copy, Debug)]
struct Pairs {
    lines: Strided<Bf16>,
    k: usize,
}

impl Pairs {
    /// The bits of the pair at (`line`, `pair`).
    ///
    /// # Safety
    /// Its elements must be readable.
    #[inline(always)]
    unsafe fn bits(&self, line: usize, pair: usize) -> u32 {
        // SAFETY: passed on.
        let bits = |p: usize| u32::from(unsafe { self.lines.at(line, p).ptr.read() }.to_bits());
        let second = if 2 * pair + 1 < self.k { bits(2 * pair + 1) } else { 0 };
        bits(2 * pair) | second << 16
    }

    /// Of the pairs in `depth`, those of which both elements are there.
    #[inline(always)]
    fn whole(&self, (from, depth): (usize, usize)) -> usize {
        depth.min(self.k / 2 - from)
    }
}

/// Pairs of two lines of numbers that lie side by side in memory.
struct Interleave {
    pairs: Pairs,
    lines: (usize, usize),
    depth: (usize, usize),
    to: *mut u32,
    stride: usize,
}

impl Kernel for Interleave {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Interleave { pairs, lines: (line, lines), depth: (from, depth), to, stride } = self;
        // SAFETY: whoever made this vouches for the elements.
        unsafe {
            if pairs.lines.row_stride != 1 {
                for p in 0..depth {
                    for i in 0..lines {
                        to.add(p * stride + i).write(pairs.bits(line + i, from + p));
                    }
                }
                return;
            }
            let whole = pairs.whole((from, depth));
            for p in 0..whole {
                let row = |p| std::slice::from_raw_parts(pairs.lines.at(line, p).ptr, lines);
                let (first, second) = (row(2 * (from + p)), row(2 * (from + p) + 1));
                let to = std::slice::from_raw_parts_mut(to.add(p * stride), lines);
                for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
                    *to = u32::from(first.to_bits()) | u32::from(second.to_bits()) << 16;
                }
            }
            for p in whole..depth {
                for i in 0..lines {
                    to.add(p * stride + i).write(pairs.bits(line + i, from + p));
                }
            }
        }
    }
}

impl Left<f32> for Pairs {
    #[inline(always)]
    fn packed_len<S: Simd>(&self, rows: usize, depth: usize) -> usize {
        a_len::<f32, S>(rows, depth)
    }

    #[inline(never)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        (row, rows): (usize, usize),
        (from, depth): (usize, usize),
        to: *mut f32,
    ) -> Strided<f32> {
        if self.lines.col_stride != 1 {
            let (lines, depth) = ((row, rows), (from, depth));
            simd.vectorize(Interleave { pairs: *self, lines, depth, to: to.cast(), stride: rows });
            return Strided { ptr: to, row_stride: 1, col_stride: rows as isize };
        }
        let whole = self.whole((from, depth));
        for i in 0..rows {
            // SAFETY: the caller vouches for both; whole pairs lie in memory as they are wanted.
            unsafe {
                let to = to.add(i * depth);
                let there = self.lines.at(row + i, 2 * from).ptr;
                to.cast::<Bf16>().copy_from_nonoverlapping(there, 2 * whole);
                for p in whole..depth {
                    to.cast::<u32>().add(p).write(self.bits(row + i, from + p));
                }
            }
        }
        Strided { ptr: to, row_stride: depth as isize, col_stride: 1 }
    }

    #[inline(always)]
    fn prefetch(&self, _: (usize, usize), _: (usize, usize), _: Share) {}
}

impl Right<f32> for Pairs {
    #[inline(never)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        (from, depth): (usize, usize),
        (first, count): (usize, usize),
        to: *mut f32,
    ) {
        let mut done = 0;
        while done < count {
            let width = panel_width::<f32, S>(count - done);
            let (line, cols) = (first + done, width.min(count - done));
            // SAFETY: the caller vouches for the columns and the block, of which this is a panel.
            unsafe {
                let mut to = to.add(done * depth);
                let (mut from, mut depth) = (from, depth);
                // Columns in memory as they are wanted are turned like any others of 32 bits.
                if self.lines.col_stride == 1 && self.lines.row_stride % 2 == 0 {
                    let whole = self.whole((from, depth));
                    let ptr = self.lines.at(line, 2 * from).ptr.cast();
                    let col_stride = self.lines.row_stride / 2;
                    let columns = Strided { ptr, row_stride: 1, col_stride };
                    if whole > 0 {
                        pack_b(simd, columns, whole, cols, to);
                    }
                    to = to.add(whole * width);
                    (from, depth) = (from + whole, depth - whole);
                }
                simd.vectorize(Interleave {
                    pairs: *self,
                    lines: (line, cols),
                    depth: (from, depth),
                    to: to.cast(),
                    stride: width,
                });
            }
            done += cols;
        }
    }
}
