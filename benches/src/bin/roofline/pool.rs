//! Pools and their gradients.

use wengert::kernels::Element;
use wengert::kernels::pool::{self, AdaptiveGeometry, PoolGeometry};
use wengert::kernels::window::Window;

use crate::data::{assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// Adds the pools of well-known networks, in cache and in memory.
pub(crate) fn cases(run: &mut Run) {
    let square = |kernel, stride| Window::new([kernel, kernel]).stride([stride, stride]);
    for (planes, size, window) in [
        (6, 28, square(2, 2)),
        (64 * 6, 28, square(2, 2)),
        (8 * 64, 112, square(3, 2).padding([1, 1])),
        (8 * 64, 56, square(3, 1).padding([1, 1])),
    ] {
        of_type::<f32>(run, planes, [size, size], window);
    }
    of_type::<f64>(run, 64 * 6, [28, 28], square(2, 2));
    for (planes, input, output) in [(8 * 512, [7, 7], [1, 1]), (8 * 256, [14, 14], [6, 6])] {
        adaptive::<f32>(run, planes, input, output);
    }
}

/// Calls `each` with the index of an output and the index of each element in its window.
fn each_seen(geometry: &PoolGeometry, mut each: impl FnMut(usize, usize)) {
    let ([height, width], [rows, cols]) = (geometry.input(), geometry.output());
    let window = geometry.window();
    for out in 0..geometry.planes() * rows * cols {
        let (plane, i, j) = (out / (rows * cols), out / cols % rows, out % cols);
        for r in 0..window.kernel[0] {
            for t in 0..window.kernel[1] {
                let y = (i * window.stride[0] + r).wrapping_sub(window.padding[0][0]);
                let x = (j * window.stride[1] + t).wrapping_sub(window.padding[1][0]);
                if y < height && x < width {
                    each(out, (plane * height + y) * width + x);
                }
            }
        }
    }
}

fn plain_max<E: Element>(geometry: &PoolGeometry, x: &[E], y: &mut [E]) {
    y.fill(E::NEG_INFINITY);
    each_seen(geometry, |out, at| {
        if x[at] > y[out] || x[at].is_nan() {
            y[out] = x[at];
        }
    });
}

fn plain_max_grad<E: Element>(
    geometry: &PoolGeometry,
    x: &[E],
    gy: &[E],
    places: &mut [usize],
    gx: &mut [E],
) {
    places.fill(usize::MAX);
    each_seen(geometry, |out, at| {
        if places[out] == usize::MAX || x[at] > x[places[out]] {
            places[out] = at;
        }
    });
    gx.fill(E::ZERO);
    for (&gy, &place) in gy.iter().zip(&*places) {
        gx[place] += gy;
    }
}

fn of_type<E: Element>(run: &mut Run, planes: usize, input: [usize; 2], window: Window) {
    let geometry = PoolGeometry::new(planes, input, window).expect("the window fits");
    let output = geometry.output();
    let (from, to) = (planes * input[0] * input[1], planes * output[0] * output[1]);
    let (x, gy) = (noise::<E>(from), noise::<E>(to));
    let name = |what: &str| {
        let ([height, width], [rows, _], [stride, _]) = (input, window.kernel, window.stride);
        format!("{what}, {planes} planes of {height}x{width}, {rows}x{rows}, stride {stride}")
    };

    let (mut y, mut z) = (zeros(to), zeros(to));
    pool::max_pool(&geometry, &x, &mut y);
    plain_max(&geometry, &x, &mut z);
    assert_agree(&name("max"), &y, &z);
    run.case::<E>(
        Work::out_of_place(name("max"), from, from, to),
        || pool::max_pool(&geometry, &x, &mut y),
        || plain_max(&geometry, &x, &mut z),
    );

    // The divisor counts the whole window, padding included.
    let share = E::from_f64(1.0 / (window.kernel[0] * window.kernel[1]) as f64);
    let plain = |z: &mut [E]| {
        z.fill(E::ZERO);
        each_seen(&geometry, |out, at| z[out] += x[at] * share);
    };
    pool::avg_pool(&geometry, true, &x, &mut y);
    plain(&mut z);
    assert_agree(&name("mean"), &y, &z);
    run.case::<E>(
        Work::out_of_place(name("mean"), from, from, to),
        || pool::avg_pool(&geometry, true, &x, &mut y),
        || plain(&mut z),
    );

    let (mut a, mut b, mut places) = (zeros(from), zeros(from), vec![0; to]);
    pool::max_pool_grad(&geometry, &x, &gy, &mut a);
    plain_max_grad(&geometry, &x, &gy, &mut places, &mut b);
    assert_agree(&name("max gradient"), &a, &b);
    run.case::<E>(
        Work::out_of_place(name("max gradient"), from, from + to, from),
        || pool::max_pool_grad(&geometry, &x, &gy, &mut a),
        || plain_max_grad(&geometry, &x, &gy, &mut places, &mut b),
    );

    let plain = |b: &mut [E]| {
        b.fill(E::ZERO);
        each_seen(&geometry, |out, at| b[at] += gy[out] * share);
    };
    pool::avg_pool_grad(&geometry, true, &gy, &mut a);
    plain(&mut b);
    assert_agree(&name("mean gradient"), &a, &b);
    run.case::<E>(
        Work::out_of_place(name("mean gradient"), from, to, from),
        || pool::avg_pool_grad(&geometry, true, &gy, &mut a),
        || plain(&mut b),
    );
}

fn adaptive<E: Element>(run: &mut Run, planes: usize, input: [usize; 2], output: [usize; 2]) {
    let geometry = AdaptiveGeometry::new(planes, input, output).expect("there are inputs");
    let (from, to) = (planes * input[0] * input[1], planes * output[0] * output[1]);
    let (x, gy) = (noise::<E>(from), noise::<E>(to));
    let case = |what: &str| {
        let ([height, width], [rows, cols]) = (input, output);
        format!("{what}, {planes} planes of {height}x{width} to {rows}x{cols}")
    };
    let bin = |i: usize, axis: usize| {
        i * input[axis] / output[axis]..((i + 1) * input[axis]).div_ceil(output[axis])
    };
    let each = |each: &mut dyn FnMut(usize, usize, f64)| {
        for out in 0..to {
            let (plane, i, j) =
                (out / (output[0] * output[1]), out / output[1] % output[0], out % output[1]);
            let share = 1.0 / (bin(i, 0).len() * bin(j, 1).len()) as f64;
            for r in bin(i, 0) {
                for c in bin(j, 1) {
                    each(out, (plane * input[0] + r) * input[1] + c, share);
                }
            }
        }
    };

    let (mut y, mut z) = (zeros(to), zeros(to));
    let plain = |z: &mut [E]| {
        z.fill(E::ZERO);
        each(&mut |out, at, share| z[out] += x[at] * E::from_f64(share));
    };
    pool::adaptive_avg_pool(&geometry, &x, &mut y);
    plain(&mut z);
    assert_agree(&case("adaptive mean"), &y, &z);
    run.case::<E>(
        Work::out_of_place(case("adaptive mean"), from, from, to),
        || pool::adaptive_avg_pool(&geometry, &x, &mut y),
        || plain(&mut z),
    );

    let (mut a, mut b) = (zeros(from), zeros(from));
    let plain = |b: &mut [E]| {
        b.fill(E::ZERO);
        each(&mut |out, at, share| b[at] += gy[out] * E::from_f64(share));
    };
    pool::adaptive_avg_pool_grad(&geometry, &gy, &mut a);
    plain(&mut b);
    assert_agree(&case("adaptive mean gradient"), &a, &b);
    run.case::<E>(
        Work::out_of_place(case("adaptive mean gradient"), from, to, from),
        || pool::adaptive_avg_pool_grad(&geometry, &gy, &mut a),
        || plain(&mut b),
    );
}
