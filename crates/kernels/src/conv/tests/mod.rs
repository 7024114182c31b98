//! Convolutions against a naive loop in twice the precision of f64, on every level.

mod grid;
mod special;
mod threads;

use super::{Channels, Conv, ConvGeometry, ConvTranspose, ConvWeightGrad, Tuning};
use crate::Element;
use crate::activation::Activation;
use crate::gemm::implicit::Blocks;
use crate::simd::{Level, with_level};
use crate::testing::activation::value;
use crate::testing::conv::{self as naive, Products};
use crate::testing::{Guarded, noise};
use crate::window::Window;

/// A convolution to be checked with its transpose and gradients; printed whole when a check fails.
#[derive(Clone, Copy, Debug)]
struct Case {
    geometry: ConvGeometry,
    level: Level,
    beta: f64,
    bias: bool,
    activation: Activation,
    tuning: Tuning,
    /// How far the arrays begin from an allocation's start.
    offset: usize,
    seed: u64,
}

/// What a case computed.
#[derive(Debug, PartialEq)]
struct Results<E> {
    output: Vec<E>,
    input: Vec<E>,
    weight: Vec<E>,
}

/// Blocks so small that every boundary is crossed, and a piece for every few products.
const TINY: Tuning = Tuning {
    blocks: Some(Blocks { cols: 1, depth: 5, rows: 2 }),
    piece: Some(40),
    interleaved: None,
};

impl Case {
    fn new(geometry: ConvGeometry, level: Level) -> Self {
        Case {
            geometry,
            level,
            beta: 0.0,
            bias: false,
            activation: Activation::Identity,
            tuning: Tuning::default(),
            offset: 0,
            seed: 1,
        }
    }

    /// Runs everything on random arrays, checks it, and returns it.
    #[track_caller]
    fn check<E: Element>(&self) -> Results<E> {
        let [input, output, weight] = [
            self.geometry.input_shape(),
            self.geometry.output_shape(),
            self.geometry.weight_shape(),
        ]
        .map(|shape| shape.iter().product::<usize>());
        let array = |len, seed| Guarded::<E>::new(&noise(len, self.seed + seed), self.offset);
        let (x, w, y) = (array(input, 1), array(weight, 2), array(output, 3));
        let channels = self.geometry.channels();
        let results = Results {
            output: self.gather(
                "forward",
                &naive::forward(&self.geometry, &x, &w),
                channels.output,
                |beta, bias, activation, out| {
                    let conv = Conv::new(self.geometry, &x, &w, out);
                    Conv { beta, bias, activation, ..conv }.run_with(self.tuning);
                },
            ),
            input: self.gather(
                "transpose",
                &naive::transpose(&self.geometry, &y, &w),
                channels.input,
                |beta, bias, activation, out| {
                    let conv = ConvTranspose::new(self.geometry, &y, &w, out);
                    ConvTranspose { beta, bias, activation, ..conv }.run_with(self.tuning);
                },
            ),
            weight: self.compare(
                "weight gradient",
                &naive::weight_grad(&self.geometry, &x, &y),
                |beta, out| {
                    let grad = ConvWeightGrad::new(self.geometry, &x, &y, out);
                    ConvWeightGrad { beta, ..grad }.run_with(self.tuning);
                },
            ),
        };
        self.check_adjoint(&x, &w, &y, &results);
        results
    }

    /// Checks a gather, with the case's bias and activation.
    #[track_caller]
    fn gather<E: Element>(
        &self,
        name: &str,
        sums: &[Products],
        channels: usize,
        run: impl FnOnce(E, Option<&[E]>, Activation, &mut [E]),
    ) -> Vec<E> {
        let bias = noise::<E>(channels, self.seed + 7);
        let plane = sums.len() / (channels * self.geometry.batch()).max(1);
        let before = noise::<E>(sums.len(), self.seed + 8);
        let mut out = self.before(&before);
        let given = self.bias.then_some(&bias[..]);
        with_level(self.level, || {
            run(E::from_f64(self.beta), given, self.activation, &mut out);
        })
        .unwrap();
        for (i, &sum) in sums.iter().enumerate() {
            let mut sum = sum;
            sum.count += usize::from(self.bias);
            if self.beta != 0.0 {
                sum.add(self.beta, before[i].to_f64());
            }
            if self.bias {
                sum.add(1.0, bias[i / plane % channels].to_f64());
            }
            let (exact, mut bound) = (sum.value(), sum.bound::<E>());
            if self.activation == Activation::Tanh {
                bound += 4.0 * E::EPSILON.to_f64();
            }
            self.near(name, i, out[i], value(self.activation, exact), bound);
        }
        out.to_vec()
    }

    /// Checks sums without bias and activation.
    #[track_caller]
    fn compare<E: Element>(
        &self,
        name: &str,
        sums: &[Products],
        run: impl FnOnce(E, &mut [E]),
    ) -> Vec<E> {
        let plain = Case { bias: false, activation: Activation::Identity, ..*self };
        plain.gather(name, sums, 1, |beta, _, _, out| run(beta, out))
    }

    /// What the output holds before: NaN if it must not be read.
    fn before<E: Element>(&self, values: &[E]) -> Guarded<E> {
        if self.beta == 0.0 {
            Guarded::poisoned(values.len(), self.offset + 1)
        } else {
            Guarded::new(values, self.offset + 1)
        }
    }

    #[track_caller]
    fn near<E: Element>(&self, name: &str, i: usize, got: E, exact: f64, bound: f64) {
        let error = (got.to_f64() - exact).abs();
        assert!(
            error <= bound,
            "{name}: element {i} is {got}, exactly {exact}: off by {error:e}, allowed {bound:e}, {} \
             {self:?}",
            E::NAME
        );
    }

    /// `<conv(x, w), y> = <x, conv^T(y, w)> = <w, grad(x, y)>`, from the results alone.
    #[track_caller]
    fn check_adjoint<E: Element>(&self, x: &[E], w: &[E], y: &[E], results: &Results<E>) {
        if self.beta != 0.0 || self.bias || self.activation != Activation::Identity {
            return;
        }
        let inner = |a: &[E], b: &[E]| {
            let mut sum = Products::default();
            a.iter().zip(b).for_each(|(a, b)| sum.add(a.to_f64(), b.to_f64()));
            sum.value()
        };
        let by_output = inner(&results.output, y);
        let by_input = inner(&results.input, x);
        let by_weight = inner(&results.weight, w);
        let mut magnitude = 0.0;
        naive::each_product(&self.geometry, |xi, wi, yi| {
            magnitude += (x[xi].to_f64() * w[wi].to_f64() * y[yi].to_f64()).abs();
        });
        // Every sum is off by at most (k + 2) eps of the magnitudes; the weight's are the longest.
        let longest = w.len().max(x.len()).max(y.len()) as f64;
        let bound = 2.0 * (longest + 2.0) * E::EPSILON.to_f64() * magnitude;
        for other in [by_input, by_weight] {
            assert!(
                (by_output - other).abs() <= bound,
                "<conv x, y> = {by_output}, <x, conv^T y> = {by_input}, <w, grad> = {by_weight}: \
                 allowed {bound:e} in {self:?}"
            );
        }
    }
}
