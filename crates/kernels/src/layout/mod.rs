//! Copies between memory layouts: strided views into contiguous buffers.

pub(crate) mod kernels;

use crate::Element;
use crate::simd::Level;
use crate::slices::{Shared, Source};
use crate::threads;
use kernels::{BLOCK, ShortRows, Turn};

/// Copies a strided view into a contiguous, row-major `dst`.
///
/// The element with index `(i_0, .., i_r)` is read from
/// `src[offset + i_0 * strides[0] + .. + i_r * strides[r]]`. Strides may be negative, or zero,
/// which repeats elements. Dimensions that are contiguous with the next one are merged, runs are
/// copied whole, and transposed planes go block by block, so that both sides are read and written
/// in whole cache lines; a block is turned in registers. Large views are split over threads.
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
    let plane = Plane::of(&dims);
    let outer: Vec<Dim> =
        dims.iter().enumerate().filter(|(i, _)| !plane.has(*i)).map(|(_, &dim)| dim).collect();
    // A piece is a part of the columns of a band of rows of a plane. How large it is depends on the
    // shape alone.
    let grain = threads::Cost::Light.grain();
    let (rows, cols) = (plane.rows.size, plane.cols.size);
    let band = even(rows, if plane.turns() { BAND } else { grain / cols });
    let part = even(cols, grain / band);
    let (bands, parts) = (rows.div_ceil(band), cols.div_ceil(part));
    let planes: usize = outer.iter().map(|dim| dim.size).product();
    let (level, shared) = (Level::current(), Shared::new(dst));
    let copy = |piece: usize| {
        let (row, col) = (piece / parts % bands * band, piece % parts * part);
        let (mut turn, mut from, mut to) = (piece / (bands * parts), offset as isize, 0);
        for dim in outer.iter().rev() {
            let place = turn % dim.size;
            from += place as isize * dim.stride;
            to += place * dim.step;
            turn /= dim.size;
        }
        for (dim, place) in [(plane.rows, row), (plane.cols, col)] {
            from += place as isize * dim.stride;
            to += place * dim.step;
        }
        let sizes = (band.min(rows - row), part.min(cols - col));
        // SAFETY: the view was checked, the steps are those of `dst`, and the pieces are disjoint.
        unsafe { plane.copy(level, src, from as usize, shared, to, sizes) };
    };
    let run = (grain / (band * part)).max(1);
    threads::for_ranges(planes * bands * parts, run, |range| range.for_each(copy));
}

/// The length of parts of at most about `most` that divide `len` evenly, in whole blocks.
fn even(len: usize, most: usize) -> usize {
    let count = len.div_ceil(most.max(1));
    len.div_ceil(count).next_multiple_of(BLOCK).min(len)
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

/// A dimension of a view: its size, its stride in the source, and its step in the output.
#[derive(Clone, Copy, Debug)]
struct Dim {
    size: usize,
    stride: isize,
    step: usize,
}

/// The dimensions without those of size one, neighbours merged where one stride serves both.
fn merged(shape: &[usize], strides: &[isize]) -> Vec<Dim> {
    let mut dims: Vec<Dim> = Vec::with_capacity(shape.len());
    for (&size, &stride) in shape.iter().zip(strides).filter(|(size, _)| **size != 1) {
        match dims.last_mut() {
            Some(last) if stride.checked_mul(size as isize) == Some(last.stride) => {
                *last = Dim { size: last.size * size, stride, step: 1 };
            }
            _ => dims.push(Dim { size, stride, step: 1 }),
        }
    }
    let mut step = 1;
    for dim in dims.iter_mut().rev() {
        dim.step = step;
        step *= dim.size;
    }
    dims
}

/// The rows of a transposed plane that are copied together: their columns in the source are runs,
/// which the processor fetches ahead, and their lines in the output are not too many pages.
const BAND: usize = 256;

/// Two dimensions that are copied together: the last one, and the one along which the source lies
/// closest.
#[derive(Clone, Copy, Debug)]
struct Plane {
    rows: Dim,
    cols: Dim,
    /// The places of the two among the dimensions.
    places: [usize; 2],
}

impl Plane {
    fn of(dims: &[Dim]) -> Self {
        const ONE: Dim = Dim { size: 1, stride: 0, step: 0 };
        let Some((&cols, front)) = dims.split_last() else {
            return Plane { rows: ONE, cols: Dim { stride: 1, step: 1, ..ONE }, places: [0, 0] };
        };
        let last = front.len();
        // Only a source that does not run along the last dimension is worth a walk along another.
        let strided = (0..last).filter(|&i| front[i].stride != 0);
        let closest = strided.min_by_key(|&i| front[i].stride.unsigned_abs());
        let place = match closest {
            Some(place) if front[place].stride.unsigned_abs() < cols.stride.unsigned_abs() => place,
            _ if last == 0 => return Plane { rows: ONE, cols, places: [0, 0] },
            _ => last - 1,
        };
        Plane { rows: front[place], cols, places: [place, last] }
    }

    fn has(&self, place: usize) -> bool {
        self.places.contains(&place)
    }

    /// Whether the source runs along the rows' dimension and not along the columns', so that blocks
    /// can be turned in registers.
    fn turns(&self) -> bool {
        self.rows.stride == 1 && self.cols.stride > 1
    }

    /// Copies a part of a plane from a place of the source to one of the output.
    ///
    /// # Safety
    /// The part must lie in the source and the output, and no other thread may use it in the
    /// output.
    unsafe fn copy<E: Element>(
        &self,
        level: Level,
        src: &[E],
        from: usize,
        dst: Shared<E>,
        to: usize,
        (rows, cols): (usize, usize),
    ) {
        let Dim { stride, step, .. } = self.rows;
        let at = |i: usize| from.wrapping_add_signed(stride.wrapping_mul(i as isize));
        // SAFETY: row `i` lies in the part, whose elements only this call uses, by its contract.
        let row = |i: usize, left: usize, right: usize| unsafe {
            dst.part(to + i * step + left..to + i * step + right)
        };
        match self.cols.stride {
            1 if cols < SHORT => {
                // SAFETY: this function's contract is that of `ShortRows::new` for its rows.
                let copy = unsafe {
                    let (from, to) = (Source::new(src).from(from), dst.at(to));
                    ShortRows::new((from, stride), (to, step), (rows, cols))
                };
                E::rows(level, copy);
            }
            1 => {
                for i in 0..rows {
                    row(i, 0, cols).copy_from_slice(&src[at(i)..at(i) + cols]);
                }
            }
            0 => {
                for i in 0..rows {
                    row(i, 0, cols).fill(src[at(i)]);
                }
            }
            distance if self.turns() => {
                // SAFETY: this function's contract is that of `Turn::new` for its plane.
                let copy = unsafe {
                    let (from, to) = (Source::new(src).from(from), dst.at(to));
                    Turn::new((from, distance), (to, step), (rows, cols))
                };
                E::turn(level, copy);
            }
            // Blocks keep both sides in cache where the source runs along neither dimension.
            by => {
                for top in (0..rows).step_by(BLOCK) {
                    for left in (0..cols).step_by(BLOCK) {
                        let right = cols.min(left + BLOCK);
                        for i in top..rows.min(top + BLOCK) {
                            let mut place =
                                at(i).wrapping_add_signed(by.wrapping_mul(left as isize));
                            for value in row(i, left, right) {
                                *value = src[place];
                                place = place.wrapping_add_signed(by);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// For runs of fewer elements a call of `memcpy` costs more than the copy.
const SHORT: usize = 64;

/// Copies rows of `run` elements that lie `stride` apart in `src`, the first of them at `start`,
/// row after row until `dst` is full. The stride may be negative, or zero, which repeats a row.
///
/// It is [`copy_strided`] for two dimensions, on one thread and with nothing to plan: for parts of
/// a view that are small enough to be used right after, from the first-level cache.
///
/// ```
/// let mut rows = [0.0; 4];
/// wengert_kernels::layout::copy_rows(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 1, 3, 2, &mut rows);
/// assert_eq!(rows, [2.0, 3.0, 5.0, 6.0]);
/// ```
///
/// # Panics
/// If `dst` is not whole rows, or a row reaches outside of `src`.
#[track_caller]
pub fn copy_rows<E: Element>(src: &[E], start: usize, stride: isize, run: usize, dst: &mut [E]) {
    if dst.is_empty() {
        return;
    }
    assert!(
        run > 0 && dst.len().is_multiple_of(run),
        "{} elements are not whole rows of {run}",
        dst.len()
    );
    let rows = dst.len() / run;
    check(src.len(), start, &[rows, run], &[stride, 1], dst.len());
    // SAFETY: `check` found the view's rows in `src`, and `dst` is `rows` rows of `run` elements.
    let rows = unsafe {
        let from = Source::new(src).from(start);
        ShortRows::new((from, stride), (dst.as_mut_ptr(), run), (rows, run))
    };
    E::rows(Level::current(), rows);
}
