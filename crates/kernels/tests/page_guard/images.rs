//! Convolutions and pools.

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::conv::{Channels, Conv, ConvGeometry, ConvTranspose, ConvWeightGrad};
use wengert_kernels::pool::{self as pools, AdaptiveGeometry, PoolGeometry};
use wengert_kernels::window::Window;

use crate::child::note;
use crate::pages::{Place, filled};

fn windows() -> [Window; 6] {
    [
        Window::new([1, 1]),
        Window::new([2, 2]).stride([2, 2]),
        Window::new([3, 3]).padding([1, 1]),
        Window::new([2, 3]).stride([1, 2]).padding([0, 1]),
        Window::new([3, 2]).dilation([2, 3]).padding([1, 1]),
        Window::line(5, 3, 2, 1),
    ]
}

pub fn conv<E: Element>(place: Place, len: usize) {
    let channels = [
        Channels::new(1, 1),
        Channels::new(3, 2),
        Channels::new(2, 12),
        Channels::depthwise(3, 2),
        Channels { input: 4, output: 20, groups: 2 },
    ];
    let count = |shape: [usize; 4]| shape.into_iter().product::<usize>();
    for window in windows() {
        for channels in channels {
            // Rows of the length, and a batch of it.
            for (batch, size) in [(2, [3, len]), (len, [3, 4])] {
                let Ok(geometry) = ConvGeometry::new(batch, channels, size, window) else {
                    continue;
                };
                note(&format!("{geometry:?}"));
                let [mut x, mut w, mut y] =
                    [geometry.input_shape(), geometry.weight_shape(), geometry.output_shape()]
                        .map(|shape| filled::<E>(place, count(shape)));
                let (beta, activation) = (E::from_f64(0.5), Activation::Softsign);
                let bias = filled::<E>(place, channels.output);
                Conv::new(geometry, &x, &w, &mut y).run();
                let plain = Conv::new(geometry, &x, &w, &mut y);
                Conv { beta, bias: Some(&bias), activation, ..plain }.run();
                note("transpose");
                ConvTranspose::new(geometry, &y, &w, &mut x).run();
                let input_bias = filled::<E>(place, channels.input);
                let plain = ConvTranspose::new(geometry, &y, &w, &mut x);
                ConvTranspose { beta, bias: Some(&input_bias), activation, ..plain }.run();
                note("weight");
                ConvWeightGrad::new(geometry, &x, &y, &mut w).run();
            }
        }
    }
}

pub fn pool<E: Element>(place: Place, len: usize) {
    for window in windows() {
        for size in [[3, len], [len, 5], [len, len]] {
            for made in [PoolGeometry::new(2, size, window), PoolGeometry::ceil(2, size, window)] {
                let Ok(geometry) = made else { continue };
                note(&format!("{geometry:?}"));
                let [rows, cols] = geometry.output();
                let [x, from, mut gx] = [(); 3].map(|()| filled::<E>(place, 2 * size[0] * size[1]));
                let [gy, mut y] = [(); 2].map(|()| filled::<E>(place, 2 * rows * cols));
                pools::max_pool(&geometry, &x, &mut y);
                pools::max_pool_pick(&geometry, &x, &from, &mut y);
                pools::max_pool_grad(&geometry, &x, &gy, &mut gx);
                note("means");
                pools::avg_pool(&geometry, true, &x, &mut y);
                pools::avg_pool_grad(&geometry, false, &gy, &mut gx);
            }
        }
    }
    for (input, output) in [([3, len], [2, 5]), ([4, 4], [3, len]), ([len, len], [1, 1])] {
        let Ok(geometry) = AdaptiveGeometry::new(2, input, output) else { continue };
        note(&format!("{geometry:?}"));
        let [x, mut gx] = [(); 2].map(|()| filled::<E>(place, 2 * input[0] * input[1]));
        let [gy, mut y] = [(); 2].map(|()| filled::<E>(place, 2 * output[0] * output[1]));
        pools::adaptive_avg_pool(&geometry, &x, &mut y);
        pools::adaptive_avg_pool_grad(&geometry, &gy, &mut gx);
    }
}
