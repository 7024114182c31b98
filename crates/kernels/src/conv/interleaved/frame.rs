//! The part of the source that is turned, along an axis.

use std::ops::Range;

use crate::conv::axis::Axis;

/// Which positions of the source along an axis are turned, and how the results find them. The taps
/// are in the order of the positions, so that those of neighbouring columns are neighbours.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// The first position, and how many there are.
    pub(super) low: isize,
    pub(super) len: usize,
    pub(super) axis: Axis,
    /// Whether the taps go the other way than the axis has them.
    flipped: bool,
}

impl Frame {
    pub(super) fn new(axis: Axis, transposed: bool) -> Self {
        // The padding of a convolution is stored, and what surrounds the source of a transpose not.
        let (low, len) = if transposed || axis.len == 0 {
            (0, axis.size)
        } else {
            (axis.lowest(0), axis.span(axis.len))
        };
        let flipped = axis.tap_step < 0;
        let mut axis = axis;
        if flipped {
            axis.offset += axis.taps.saturating_sub(1) as isize * axis.tap_step;
            axis.tap_step = -axis.tap_step;
        }
        Frame { low, len, axis, flipped }
    }

    /// The taps that meet the frame from a result.
    #[inline(always)]
    pub(super) fn taps(&self, result: usize) -> Range<usize> {
        let first = self.axis.source(result, 0) - self.low;
        let step = self.axis.tap_step;
        let steps = |distance: isize| {
            let distance = distance.max(0);
            // A division only where there is something to divide.
            let steps = if step == 1 { distance } else { (distance + step - 1) / step };
            (steps as usize).min(self.axis.taps)
        };
        let (from, until) = (steps(-first), steps(self.len as isize - first));
        from.min(until)..until
    }

    /// The place in the frame of a tap from a result.
    #[inline(always)]
    pub(super) fn place(&self, result: usize, tap: usize) -> usize {
        (self.axis.source(result, tap) - self.low) as usize
    }

    /// The kernel's position at a tap.
    pub(super) fn kernel(&self, tap: usize) -> usize {
        let tap = if self.flipped { self.axis.taps - 1 - tap } else { tap };
        self.axis.kernel.0 + tap * self.axis.kernel.1
    }

    /// The results whose place in the output lies in `rows`.
    pub(super) fn results(&self, rows: &Range<usize>) -> Range<usize> {
        let (first, step) = self.axis.place;
        let count = |end: usize| end.saturating_sub(first).div_ceil(step).min(self.axis.len);
        count(rows.start)..count(rows.end)
    }

    /// The positions of the source that the frame has.
    pub(super) fn inside(&self) -> Range<usize> {
        let end = (self.low + self.len as isize).clamp(0, self.axis.size as isize);
        self.low.clamp(0, end) as usize..end as usize
    }
}
