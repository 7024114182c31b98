//! Random sizes of pools, and the naive positions of their windows.

use wengert_kernels::pool::{AdaptiveGeometry, PoolGeometry};

use super::pooling::{Planes, Pool};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Dense, Sampler};

/// A pool with few elements, over lines or images, and whether it counts padding.
#[cfg(any(test, feature = "testing"))]
pub(super) fn draw(s: &mut Sampler) -> (Planes<PoolGeometry>, bool) {
    if s.coin() { draw_axes::<1>(s) } else { draw_axes::<2>(s) }
}

#[cfg(any(test, feature = "testing"))]
fn draw_axes<const AXES: usize>(s: &mut Sampler) -> (Planes<PoolGeometry>, bool) {
    let kernel = [(); AXES].map(|()| 1 + s.below(3));
    let stride = [(); AXES].map(|()| 1 + s.below(3));
    let dilation = [(); AXES].map(|()| 1 + s.below(2));
    let extent = |axis: usize| dilation[axis] * (kernel[axis] - 1) + 1;
    let padding: [[usize; 2]; AXES] =
        std::array::from_fn(|axis| [(); 2].map(|()| s.below(extent(axis) / 2 + 1)));
    let (ceil, count_include_pad) = (s.coin(), s.coin());
    let pool = Pool::new(kernel)
        .stride(stride)
        .padding_sides(padding)
        .dilation(dilation)
        .ceil_mode(ceil)
        .count_include_pad(count_include_pad);
    let size = (0..AXES).map(|axis| {
        let least = extent(axis).saturating_sub(padding[axis][0] + padding[axis][1]);
        least.max(1) + s.below(3)
    });
    let size: Vec<usize> = size.collect();
    let x: Shape = front(s).into_iter().chain(size).collect();
    (pool.planes("pool", &x).expect("the window fits"), count_include_pad)
}

/// Leading axes with few elements.
#[cfg(any(test, feature = "testing"))]
fn front(s: &mut Sampler) -> Vec<usize> {
    let rank = s.below(3);
    (0..rank).map(|_| if s.below(12) == 0 { 0 } else { 1 + s.below(2) }).collect()
}

/// An adaptive pool with few elements, over lines or images.
#[cfg(any(test, feature = "testing"))]
pub(super) fn draw_bins(s: &mut Sampler) -> Planes<AdaptiveGeometry> {
    let axes = 1 + s.below(2);
    let mut size = |axis: usize, most: usize| if axis + axes < 2 { 1 } else { 1 + s.below(most) };
    let input = [size(0, 4), size(1, 5)];
    let output = [size(0, 3), size(1, 6)];
    let front: Shape = front(s).into();
    let geometry = AdaptiveGeometry::new(front.numel(), input, output).expect("there are inputs");
    Planes { geometry, front, axes }
}

/// Numbers with a minimum distance of 0.25, so that no maximum is near a tie.
#[cfg(any(test, feature = "testing"))]
pub(super) fn distinct(s: &mut Sampler, shape: &Shape) -> Tensor<f64> {
    let order = s.permutation(shape.numel());
    let mut order = order.iter();
    let x = Tensor::from_fn(shape.clone(), |_| {
        0.25 * *order.next().expect("one an element") as f64 - 2.0
    });
    s.lay_out(&x)
}

/// The positions of one window.
pub(super) struct Window {
    /// The offsets of the positions inside the input.
    pub(super) places: Vec<usize>,
    /// The number of positions in the padding.
    padding: usize,
}

impl Window {
    /// The divisor of the mean; a window without positions has the mean 0.
    pub(super) fn count(&self, include_pad: bool) -> f64 {
        let padding = if include_pad { self.padding } else { 0 };
        (self.places.len() + padding).max(1) as f64
    }
}

/// The windows of all outputs in row-major order.
pub(super) fn all(planes: &Planes<PoolGeometry>) -> impl Iterator<Item = Window> {
    let geometry = planes.geometry;
    let ([rows, columns], [out_rows, out_columns]) = (geometry.input(), geometry.output());
    let window = geometry.window();
    // The position along an axis: in the input, in the padding, or beyond the padding.
    let seen = move |axis: usize, i: usize, size: usize| -> Vec<Option<usize>> {
        let [before, behind] = window.padding[axis];
        (0..window.kernel[axis])
            .map(|tap| i * window.stride[axis] + tap * window.dilation[axis])
            .filter(|&place| place < before + size + behind)
            .map(|place| place.checked_sub(before).filter(|&place| place < size))
            .collect()
    };
    (0..geometry.planes() * out_rows * out_columns).map(move |output| {
        let (plane, i, j) = (
            output / (out_rows * out_columns),
            output / out_columns % out_rows,
            output % out_columns,
        );
        let mut found = Window { places: Vec::new(), padding: 0 };
        for row in seen(0, i, rows) {
            for column in seen(1, j, columns) {
                match (row, column) {
                    (Some(row), Some(column)) => {
                        found.places.push((plane * rows + row) * columns + column);
                    }
                    _ => found.padding += 1,
                }
            }
        }
        found
    })
}

/// The result of `f` for each window.
#[cfg(any(test, feature = "testing"))]
pub(super) fn windows(planes: &Planes<PoolGeometry>, f: impl Fn(&Window) -> f64) -> Dense {
    let data = all(planes).map(|window| f(&window)).collect();
    Dense { shape: planes.shape(planes.geometry.output()).to_vec(), data }
}

/// The offset of the first maximum of each window that has positions in the input.
#[cfg(any(test, feature = "testing"))]
pub(super) fn first_maxima(
    planes: &Planes<PoolGeometry>,
    x: &Dense,
) -> impl Iterator<Item = Option<usize>> {
    all(planes).map(|window| {
        window.places.into_iter().reduce(|a, b| if x.data[b] > x.data[a] { b } else { a })
    })
}

/// The offsets in the input of each bin's positions, in row-major order.
pub(super) fn bins(planes: &Planes<AdaptiveGeometry>) -> Vec<Vec<usize>> {
    let geometry = planes.geometry;
    let ([rows, columns], [out_rows, out_columns]) = (geometry.input(), geometry.output());
    // Position `p` is in bin `i` if [p, p + 1) and [i, i + 1) input / output overlap.
    let within = |p: usize, i: usize, input: usize, output: usize| {
        (p + 1) * output > i * input && p * output < (i + 1) * input
    };
    let mut all = Vec::new();
    for plane in 0..geometry.planes() {
        for i in 0..out_rows {
            for j in 0..out_columns {
                let places = (0..rows * columns).filter(|place| {
                    within(place / columns, i, rows, out_rows)
                        && within(place % columns, j, columns, out_columns)
                });
                all.push(places.map(|place| plane * rows * columns + place).collect());
            }
        }
    }
    all
}
