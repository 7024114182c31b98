//! Convolutions and their gradients, compared with the same computed from stored patches (im2col).

use wengert::kernels::Element;
use wengert::kernels::conv::{Channels, Conv, ConvGeometry, ConvTranspose, ConvWeightGrad};
use wengert::kernels::gemm::{Gemm, MatMut, MatRef};
use wengert::kernels::window::Window;

use crate::data::{Buffer, assert_agree, noise, zeros};
use crate::run::Run;

/// Batch, channels, size of the image, and the window.
type Sizes = (usize, Channels, [usize; 2], Window);

/// Adds layers of well-known networks.
pub(crate) fn cases(run: &mut Run) {
    let square = |kernel: usize, padding| Window::new([kernel, kernel]).padding([padding, padding]);
    let sizes: [Sizes; 8] = [
        (32, Channels::new(64, 64), [56, 56], square(3, 1)),
        (64, Channels::new(1, 6), [28, 28], square(5, 2)),
        (64, Channels::new(6, 16), [14, 14], square(5, 0)),
        (8, Channels::new(3, 64), [112, 112], square(7, 3).stride([2, 2])),
        (8, Channels::new(64, 128), [56, 56], square(3, 1).stride([2, 2])),
        (8, Channels::new(256, 256), [14, 14], square(1, 0)),
        (16, Channels::depthwise(64, 1), [56, 56], square(3, 1)),
        (16, Channels::new(64, 64), [1, 1024], Window::line(9, 1, 4, 1)),
    ];
    for sizes in sizes {
        of_type::<f32>(run, sizes);
    }
    for sizes in &sizes[..3] {
        of_type::<f64>(run, *sizes);
    }
}

/// A convolution that stores all patches of an image in memory.
struct Stored<E> {
    geometry: ConvGeometry,
    /// For each element of a patch and each output of an image, the offset in the image; `None` in
    /// the padding.
    places: Vec<Option<u32>>,
    patches: Vec<E>,
}

impl<E: Element> Stored<E> {
    fn new(geometry: ConvGeometry) -> Self {
        let [_, inputs, height, width] = geometry.input_shape();
        let ([rows, cols], window) = (geometry.output(), geometry.window());
        let mut places = Vec::new();
        for c in 0..inputs {
            for r in 0..window.kernel[0] {
                for t in 0..window.kernel[1] {
                    for i in 0..rows {
                        for j in 0..cols {
                            let y = (i * window.stride[0] + r * window.dilation[0])
                                .checked_sub(window.padding[0][0]);
                            let x = (j * window.stride[1] + t * window.dilation[1])
                                .checked_sub(window.padding[1][0]);
                            places.push(match (y, x) {
                                (Some(y), Some(x)) if y < height && x < width => {
                                    Some(((c * height + y) * width + x) as u32)
                                }
                                _ => None,
                            });
                        }
                    }
                }
            }
        }
        Stored { geometry, patches: vec![E::ZERO; places.len()], places }
    }

    /// The sizes of the product of a group: outputs, results, depth.
    fn product(&self) -> (usize, usize, usize) {
        let [outputs, inputs, height, width] = self.geometry.weight_shape();
        let [rows, cols] = self.geometry.output();
        (outputs / self.geometry.channels().groups, rows * cols, inputs * height * width)
    }

    fn fill(&mut self, image: &[E]) {
        for (patch, place) in self.patches.iter_mut().zip(&self.places) {
            *patch = place.map_or(E::ZERO, |place| image[place as usize]);
        }
    }

    fn forward(&mut self, x: &[E], w: &[E], y: &mut [E]) {
        let (m, n, k) = self.product();
        let groups = self.geometry.channels().groups;
        let size = x.len() / self.geometry.batch();
        for image in 0..self.geometry.batch() {
            self.fill(&x[image * size..(image + 1) * size]);
            for group in 0..groups {
                let at = (image * groups + group) * m * n;
                let a = MatRef::row_major(&w[group * m * k..], m, k);
                let b = MatRef::row_major(&self.patches[group * k * n..], k, n);
                Gemm::new(a, b, MatMut::row_major(&mut y[at..], m, n)).run();
            }
        }
    }

    fn transpose(&mut self, y: &[E], w: &[E], x: &mut [E]) {
        let (m, n, k) = self.product();
        let groups = self.geometry.channels().groups;
        x.fill(E::ZERO);
        let size = x.len() / self.geometry.batch();
        for image in 0..self.geometry.batch() {
            for group in 0..groups {
                let at = (image * groups + group) * m * n;
                let a = MatRef::row_major(&w[group * m * k..], m, k).t();
                let b = MatRef::row_major(&y[at..], m, n);
                let c = MatMut::row_major(&mut self.patches[group * k * n..], k, n);
                Gemm::new(a, b, c).run();
            }
            let x = &mut x[image * size..(image + 1) * size];
            for (&patch, place) in self.patches.iter().zip(&self.places) {
                if let Some(place) = place {
                    x[*place as usize] += patch;
                }
            }
        }
    }

    fn weight_grad(&mut self, x: &[E], y: &[E], w: &mut [E]) {
        let (m, n, k) = self.product();
        let groups = self.geometry.channels().groups;
        w.fill(E::ZERO);
        let size = x.len() / self.geometry.batch();
        for image in 0..self.geometry.batch() {
            self.fill(&x[image * size..(image + 1) * size]);
            for group in 0..groups {
                let at = (image * groups + group) * m * n;
                let a = MatRef::row_major(&y[at..], m, n);
                let b = MatRef::row_major(&self.patches[group * k * n..], k, n).t();
                let c = MatMut::row_major(&mut w[group * m * k..], m, k);
                Gemm { beta: E::ONE, ..Gemm::new(a, b, c) }.run();
            }
        }
    }
}

fn of_type<E: Element>(run: &mut Run, (batch, channels, input, window): Sizes) {
    let geometry = ConvGeometry::new(batch, channels, input, window)
        .expect("the layers of well-known networks exist");
    let mut stored = Stored::<E>::new(geometry);
    let [x, w, y]: [Buffer<E>; 3] =
        [geometry.input_shape(), geometry.weight_shape(), geometry.output_shape()]
            .map(|shape| noise(shape.iter().product()));
    let (m, n, k) = stored.product();
    let flops = 2.0 * (m * n * k) as f64 * (batch * channels.groups) as f64;
    let name = |what: &str| {
        let [rows, cols] = input;
        let [height, width] = window.kernel;
        let Channels { input, output, groups } = channels;
        let groups = if groups == 1 { String::new() } else { format!(" in {groups} groups") };
        let stride = if window.stride == [1, 1] { "" } else { ", stride 2" };
        format!(
            "{batch}x{input}x{rows}x{cols} -> {output}, {height}x{width}{stride}{groups}, {what}"
        )
    };

    let (mut a, mut b) = (zeros(y.len()), zeros(y.len()));
    Conv::new(geometry, &x, &w, &mut a).run();
    stored.forward(&x, &w, &mut b);
    assert_agree(&name("forward"), &a, &b);
    run.flops::<E>(
        name("forward"),
        flops,
        || Conv::new(geometry, &x, &w, &mut a).run(),
        ("patches_stored", || stored.forward(&x, &w, &mut b)),
    );

    let (mut a, mut b) = (zeros(x.len()), zeros(x.len()));
    ConvTranspose::new(geometry, &y, &w, &mut a).run();
    stored.transpose(&y, &w, &mut b);
    assert_agree(&name("input"), &a, &b);
    run.flops::<E>(
        name("d-input"),
        flops,
        || ConvTranspose::new(geometry, &y, &w, &mut a).run(),
        ("patches_stored", || stored.transpose(&y, &w, &mut b)),
    );

    let (mut a, mut b) = (zeros(w.len()), zeros(w.len()));
    ConvWeightGrad::new(geometry, &x, &y, &mut a).run();
    stored.weight_grad(&x, &y, &mut b);
    // The sums have a hundred thousand terms.
    let scale = E::from_f64(1.0 / (batch * n) as f64);
    let scaled = |w: &[E]| w.iter().map(|&w| w * scale).collect::<Vec<_>>();
    assert_agree(&name("weight"), &scaled(&a), &scaled(&b));
    run.flops::<E>(
        name("d-weight"),
        flops,
        || ConvWeightGrad::new(geometry, &x, &y, &mut a).run(),
        ("patches_stored", || stored.weight_grad(&x, &y, &mut b)),
    );
}
