//! Convolutions and pools by naive loops.

use crate::Element;
use crate::conv::ConvGeometry;
use crate::window::Window;

/// Calls `each` with the indices (input, weight, output) of every product of a convolution.
pub fn each_product(geometry: &ConvGeometry, mut each: impl FnMut(usize, usize, usize)) {
    let [batch, inputs, height, width] = geometry.input_shape();
    let [_, outputs, rows, cols] = geometry.output_shape();
    let [_, group_inputs, kernel_rows, kernel_cols] = geometry.weight_shape();
    let group_outputs = outputs / geometry.channels().groups;
    for n in 0..batch {
        for o in 0..outputs {
            for c in 0..group_inputs {
                let input = n * inputs + o / group_outputs * group_inputs + c;
                for i in 0..rows {
                    for j in 0..cols {
                        let output = ((n * outputs + o) * rows + i) * cols + j;
                        each_seen(&geometry.window(), [height, width], [i, j], |[y, x], [r, t]| {
                            let weight =
                                ((o * group_inputs + c) * kernel_rows + r) * kernel_cols + t;
                            each((input * height + y) * width + x, weight, output);
                        });
                    }
                }
            }
        }
    }
}

/// Calls `each` with every position of the image that the window of an output sees, and the
/// position in the window, in row-major order.
pub fn each_seen(
    window: &Window,
    size: [usize; 2],
    [i, j]: [usize; 2],
    mut each: impl FnMut([usize; 2], [usize; 2]),
) {
    for r in 0..window.kernel[0] {
        for t in 0..window.kernel[1] {
            let y =
                (i * window.stride[0] + r * window.dilation[0]).checked_sub(window.padding[0][0]);
            let x =
                (j * window.stride[1] + t * window.dilation[1]).checked_sub(window.padding[1][0]);
            if let (Some(y), Some(x)) = (y, x)
                && y < size[0]
                && x < size[1]
            {
                each([y, x], [r, t]);
            }
        }
    }
}

/// A sum of products in twice the precision of f64 (T. Ogita, S. M. Rump, S. Oishi, "Accurate sum
/// and dot product", SIAM J. Sci. Comput. 26, 2005, algorithm 5.3), with what an error bound needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Products {
    high: f64,
    low: f64,
    /// The sum of the magnitudes.
    pub magnitude: f64,
    /// The number of products.
    pub count: usize,
}

impl Products {
    /// Adds a product.
    pub fn add(&mut self, x: f64, y: f64) {
        let product = x * y;
        let sum = self.high + product;
        let part = sum - self.high;
        self.low += x.mul_add(y, -product) + (self.high - (sum - part)) + (product - part);
        self.high = sum;
        self.magnitude += product.abs();
        self.count += 1;
    }

    /// The sum.
    pub fn value(&self) -> f64 {
        self.high + self.low
    }

    /// What an element computed as this sum may be off by: `(k + 2) eps magnitude`.
    pub fn bound<E: Element>(&self) -> f64 {
        (self.count as f64 + 2.0) * E::EPSILON.to_f64() * self.magnitude
    }
}

/// `conv(input, weight)`.
pub fn forward<E: Element>(geometry: &ConvGeometry, input: &[E], weight: &[E]) -> Vec<Products> {
    let mut sums = vec![Products::default(); geometry.output_shape().iter().product()];
    each_product(geometry, |x, w, y| sums[y].add(input[x].to_f64(), weight[w].to_f64()));
    sums
}

/// `conv^T(output, weight)`.
pub fn transpose<E: Element>(geometry: &ConvGeometry, output: &[E], weight: &[E]) -> Vec<Products> {
    let mut sums = vec![Products::default(); geometry.input_shape().iter().product()];
    each_product(geometry, |x, w, y| sums[x].add(output[y].to_f64(), weight[w].to_f64()));
    sums
}

/// The gradient by the weight.
pub fn weight_grad<E: Element>(
    geometry: &ConvGeometry,
    input: &[E],
    output: &[E],
) -> Vec<Products> {
    let mut sums = vec![Products::default(); geometry.weight_shape().iter().product()];
    each_product(geometry, |x, w, y| sums[w].add(input[x].to_f64(), output[y].to_f64()));
    sums
}
