//! One axis of a convolution or of its transpose, as a gather: which positions of the source each
//! position of the result draws from.
//!
//! The transpose of a convolution with a stride is as many gathers as the stride has residues, each
//! with the taps of the kernel that meet it: nothing is multiplied by the zeros between.

use super::geometry::ConvGeometry;
use crate::window::Window;

/// Result position `i < len` is the sum over the taps `t < taps` of source position
/// `i * step + offset + t * tap_step`, where that is within `0..size`, times its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) len: usize,
    pub(crate) step: usize,
    pub(crate) taps: usize,
    pub(crate) offset: isize,
    pub(crate) tap_step: isize,
    pub(crate) size: usize,
    /// The kernel's position at the first tap, and from a tap to the next.
    pub(crate) kernel: (usize, usize),
    /// Where result position 0 lies in the output array, and the distance to the next.
    pub(crate) place: (usize, usize),
}

impl Axis {
    /// A window that slides along `axis` over `size` positions to `len` outputs.
    pub(crate) fn window(window: &Window, axis: usize, size: usize, len: usize) -> Self {
        Axis {
            len,
            step: window.stride[axis],
            taps: window.kernel[axis],
            offset: -(window.padding[axis][0] as isize),
            tap_step: window.dilation[axis] as isize,
            size,
            kernel: (0, 1),
            place: (0, 1),
        }
        .countable()
    }

    /// With steps that lead nowhere made small: they may be of any size.
    fn countable(mut self) -> Self {
        if self.len <= 1 {
            self.step = 1;
        }
        if self.taps <= 1 {
            self.tap_step = 1;
        }
        self
    }

    /// The convolution along `axis`.
    pub(crate) fn forward(geometry: &ConvGeometry, axis: usize) -> Self {
        let (size, len) = (geometry.input()[axis], geometry.output()[axis]);
        Self::window(&geometry.window(), axis, size, len)
    }

    /// The transpose along `axis`, for the positions `residue`, `residue + stride`, ... of the
    /// convolution's input.
    ///
    /// Input position x meets kernel position j at output position
    /// `(x + padding - j dilation) / stride`, where that is a whole number.
    pub(crate) fn transposed(geometry: &ConvGeometry, axis: usize, residue: usize) -> Self {
        let window = geometry.window();
        let (stride, kernel) = (window.stride[axis], window.kernel[axis]);
        // From a single position no step leads on: it may be of any size.
        let dilation = if kernel > 1 { window.dilation[axis] } else { 1 };
        let start = residue + window.padding[axis][0];
        let common = gcd(stride, dilation);
        // The kernel's positions that meet the residue come at equal distances.
        let period = stride / common;
        let first = (0..kernel.min(period))
            .find(|j| start % stride == j * dilation % stride)
            .unwrap_or(kernel);
        Axis {
            len: (geometry.input()[axis] - residue).div_ceil(stride),
            step: 1,
            taps: (kernel - first).div_ceil(period),
            offset: (start as isize - (first * dilation) as isize) / stride as isize,
            tap_step: -((dilation / common) as isize),
            size: geometry.output()[axis],
            kernel: (first, period),
            place: (residue, stride),
        }
        .countable()
    }

    /// The source position of a tap for a result.
    #[inline(always)]
    pub(crate) fn source(&self, i: usize, tap: usize) -> isize {
        i as isize * self.step as isize + self.offset + tap as isize * self.tap_step
    }

    /// The lowest source position drawn from by the results from `first` on.
    #[inline(always)]
    pub(crate) fn lowest(&self, first: usize) -> isize {
        let farthest = self.taps.saturating_sub(1) as isize * self.tap_step;
        self.source(first, 0) + farthest.min(0)
    }

    /// The number of source positions from the lowest to the highest drawn from by `count` results.
    #[inline(always)]
    pub(crate) fn span(&self, count: usize) -> usize {
        let farthest = self.taps.saturating_sub(1) * self.tap_step.unsigned_abs();
        (count - 1) * self.step + farthest + 1
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::super::Channels;
    use super::*;

    /// Both gathers name the same pairs of positions, each once.
    #[test]
    fn the_transpose_meets_every_tap_once() {
        for kernel in 1..=5 {
            for stride in 1..=5 {
                for dilation in 1..=4 {
                    for before in 0..=3 {
                        for extra in 0..stride {
                            let size = (kernel - 1) * dilation + 4 + extra;
                            let window = Window::new([1, kernel])
                                .stride([1, stride])
                                .dilation([1, dilation])
                                .padding_sides([[0, 0], [before, 1]]);
                            let geometry =
                                ConvGeometry::new(1, Channels::new(1, 1), [1, size], window)
                                    .unwrap();
                            let mut forward = triples(&Axis::forward(&geometry, 1));
                            for triple in &mut forward {
                                *triple = (triple.2, triple.1, triple.0);
                            }
                            let mut back: Vec<_> = (0..stride.min(size))
                                .flat_map(|r| triples(&Axis::transposed(&geometry, 1, r)))
                                .collect();
                            forward.sort_unstable();
                            back.sort_unstable();
                            assert_eq!(forward, back, "{geometry:?}");
                        }
                    }
                }
            }
        }
    }

    /// (place in the result, place in the kernel, place in the source)
    fn triples(axis: &Axis) -> Vec<(usize, usize, usize)> {
        let mut all = Vec::new();
        for i in 0..axis.len {
            for tap in 0..axis.taps {
                let source = axis.source(i, tap);
                assert!(source >= axis.lowest(i));
                assert!(source < axis.lowest(i) + axis.span(1) as isize);
                if let Ok(source) = usize::try_from(source)
                    && source < axis.size
                {
                    let place = axis.place.0 + i * axis.place.1;
                    all.push((place, axis.kernel.0 + tap * axis.kernel.1, source));
                }
            }
        }
        all
    }
}
