//! The pools, compiled for each element type, plane by plane.

use std::ops::Range;

use super::geometry::{AdaptiveGeometry, PoolGeometry};
use super::{adaptive, average, max, quads};
use crate::family::family;
use crate::simd::{Level, run_on};
use crate::slices::Shared;
use crate::{Float, threads};

/// Calls `each` with every plane's number and its part of `to`, on several threads if there is much
/// to do; `work` is that of a plane, in elements.
fn each_plane<E: Float>(
    planes: usize,
    to: &mut [E],
    work: usize,
    each: impl Fn(usize, &mut [E]) + Sync,
) {
    if to.is_empty() {
        return;
    }
    let size = to.len() / planes;
    let grain = (GRAIN / work.max(1)).max(1);
    let to = Shared::new(to);
    threads::for_ranges(planes, grain, |range: Range<usize>| {
        for plane in range {
            // SAFETY: the planes are disjoint parts of the array.
            each(plane, unsafe { to.part(plane * size..(plane + 1) * size) });
        }
    });
}

/// The elements worth handing to another thread.
const GRAIN: usize = threads::work(1 << 17);

/// The elements of a plane of this size; `usize::MAX` if the number overflows, as it may without
/// planes.
pub(super) fn area([rows, cols]: [usize; 2]) -> usize {
    rows.saturating_mul(cols)
}

family! {
    /// The pools of an element type.
    PoolKernels:
    fn max_pool(geometry: &PoolGeometry, x: &[Self], y: &mut [Self]) = max_pool;
    fn max_pool_grad(
        geometry: &PoolGeometry, x: &[Self], gy: &[Self], gx: &mut [Self]
    ) = max_pool_grad;
    fn max_pool_pick(
        geometry: &PoolGeometry, x: &[Self], from: &[Self], y: &mut [Self]
    ) = max_pool_pick;
    fn avg_pool(
        geometry: &PoolGeometry, count_include_pad: bool, x: &[Self], y: &mut [Self]
    ) = avg_pool;
    fn avg_pool_grad(
        geometry: &PoolGeometry, count_include_pad: bool, gy: &[Self], gx: &mut [Self]
    ) = avg_pool_grad;
    fn adaptive_avg_pool(geometry: &AdaptiveGeometry, x: &[Self], y: &mut [Self]) = adaptive_avg_pool;
    fn adaptive_avg_pool_grad(
        geometry: &AdaptiveGeometry, gy: &[Self], gx: &mut [Self]
    ) = adaptive_avg_pool_grad;
}

fn max_pool<E: Float>(geometry: &PoolGeometry, x: &[E], y: &mut [E]) {
    let (level, size) = (Level::current(), area(geometry.input()));
    let quads = quads::are(geometry);
    each_plane(geometry.planes(), y, size, |plane, y| {
        let x = &x[plane * size..(plane + 1) * size];
        let forward = max::Forward { geometry, x, y };
        if quads {
            run_on(level, quads::Forward(forward));
        } else {
            run_on(level, forward);
        }
    });
}

fn max_pool_grad<E: Float>(geometry: &PoolGeometry, x: &[E], gy: &[E], gx: &mut [E]) {
    let (level, size) = (Level::current(), area(geometry.input()));
    let out = area(geometry.output());
    let quads = quads::are(geometry);
    each_plane(geometry.planes(), gx, size, |plane, gx| {
        let x = &x[plane * size..(plane + 1) * size];
        let gy = &gy[plane * out..(plane + 1) * out];
        if quads {
            let take = max::Scatter { gy, gx };
            run_on(level, quads::Backward(max::Places { geometry, x, take }));
        } else {
            gx.fill(E::ZERO);
            run_on(level, max::Places { geometry, x, take: max::Scatter { gy, gx } });
        }
    });
}

fn max_pool_pick<E: Float>(geometry: &PoolGeometry, x: &[E], from: &[E], y: &mut [E]) {
    let (level, size) = (Level::current(), area(geometry.input()));
    each_plane(geometry.planes(), y, size, |plane, y| {
        let x = &x[plane * size..(plane + 1) * size];
        let from = &from[plane * size..(plane + 1) * size];
        run_on(level, max::Places { geometry, x, take: max::Pick { from, y } });
    });
}

fn avg_pool<E: Float>(geometry: &PoolGeometry, count_include_pad: bool, x: &[E], y: &mut [E]) {
    let (level, size) = (Level::current(), area(geometry.input()));
    let counts = average::Counts::new(geometry, count_include_pad);
    let quads = quads::are(geometry);
    each_plane(geometry.planes(), y, size, |plane, y| {
        let x = &x[plane * size..(plane + 1) * size];
        if quads {
            run_on(level, quads::Means { geometry, x, y });
        } else {
            run_on(level, average::Forward { counts, x, y });
        }
    });
}

fn avg_pool_grad<E: Float>(
    geometry: &PoolGeometry,
    count_include_pad: bool,
    gy: &[E],
    gx: &mut [E],
) {
    let (level, out) = (Level::current(), area(geometry.output()));
    let counts = average::Counts::new(geometry, count_include_pad);
    let quads = quads::are(geometry);
    each_plane(geometry.planes(), gx, area(geometry.input()), |plane, gx| {
        let gy = &gy[plane * out..(plane + 1) * out];
        if quads {
            run_on(level, quads::MeansGrad { geometry, gy, gx });
        } else {
            run_on(level, average::Backward { counts, gy, gx });
        }
    });
}

fn adaptive_avg_pool<E: Float>(geometry: &AdaptiveGeometry, x: &[E], y: &mut [E]) {
    let (level, size) = (Level::current(), area(geometry.input()));
    each_plane(geometry.planes(), y, size, |plane, y| {
        let x = &x[plane * size..(plane + 1) * size];
        run_on(level, adaptive::Forward { geometry, x, y });
    });
}

fn adaptive_avg_pool_grad<E: Float>(geometry: &AdaptiveGeometry, gy: &[E], gx: &mut [E]) {
    let (level, out) = (Level::current(), area(geometry.output()));
    each_plane(geometry.planes(), gx, area(geometry.input()), |plane, gx| {
        let gy = &gy[plane * out..(plane + 1) * out];
        run_on(level, adaptive::Backward { geometry, gy, gx });
    });
}
