//! Clipping gradients: by the norm of all gradients together, or element by element.

use wengert_kernels::{Element, elementwise};

use crate::gradients::Gradients;
use crate::ops::support::slice;

/// The smallest positive normal number.
fn smallest_normal<E: Element>() -> E {
    E::from_f64(E::MIN_EXPONENT.to_f64().exp2())
}

impl<E: Element> Gradients<E> {
    /// The norm of all gradients taken as one vector, `sqrt(sum g^2)`, summed in f64 in a fixed
    /// order. Infinite only if a gradient is, or if the norm is beyond the range of f64.
    pub fn norm(&self) -> f64 {
        let [scale, root] = self.scaled_norm();
        scale * root
    }

    /// Two factors whose product is the norm. The second factor neither overflows nor underflows
    /// f64 unless a gradient is infinite or all gradients are zero.
    fn scaled_norm(&self) -> [f64; 2] {
        let squares = self.sum(|g| g * g);
        // Squares of f32 elements do not overflow. A square that underflows is negligible in a sum
        // of this size.
        if squares.is_nan() || (1e-280..1e300).contains(&squares) {
            return [1.0, squares.sqrt()];
        }
        let largest = self.all().fold(0.0, |largest, gradient| {
            let gradient = gradient.contiguous();
            slice(&gradient).iter().fold(largest, |largest: f64, g| largest.max(g.to_f64().abs()))
        });
        if largest == 0.0 || largest == f64::INFINITY {
            return [1.0, largest];
        }
        [largest, self.sum(|g| (g / largest) * (g / largest)).sqrt()]
    }

    /// The sum of `f` over all elements, with several independent partial sums, so that an addition
    /// does not wait for the result of the previous one.
    fn sum(&self, f: impl Fn(f64) -> f64) -> f64 {
        const LANES: usize = 8;
        let mut lanes = [0.0; LANES];
        for gradient in self.all() {
            let gradient = gradient.contiguous();
            let (chunks, rest) = slice(&gradient).as_chunks::<LANES>();
            for chunk in chunks {
                for (lane, g) in lanes.iter_mut().zip(chunk) {
                    *lane += f(g.to_f64());
                }
            }
            for (lane, g) in lanes.iter_mut().zip(rest) {
                *lane += f(g.to_f64());
            }
        }
        lanes.iter().sum()
    }

    /// Multiplies all gradients by one factor so that their common [`norm`](Self::norm) is at most
    /// `most`, and returns the norm before clipping.
    ///
    /// If a gradient is infinite or NaN, the returned norm is infinite or NaN, and the gradients do
    /// not change. Otherwise each gradient is accurate to a few roundings, however large or small
    /// the gradients, the norm and the bound are.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.variable(&Tensor::from_slice(&[3.0_f64, 4.0], [2])?);
    /// let mut gradients = (x * x).sum().backward(); // 6 and 8
    /// assert_eq!(gradients.clip_norm(5.0), 10.0);
    /// assert_eq!(gradients.get(x).unwrap().to_vec(), [3.0, 4.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent
    /// neural networks", ICML 2013.
    ///
    /// # Panics
    /// If `most` is negative or NaN.
    #[track_caller]
    pub fn clip_norm(&mut self, most: f64) -> f64 {
        assert!(most >= 0.0, "clip_norm: the norm must not be negative or NaN, got {most}");
        let [scale, root] = self.scaled_norm();
        if scale * root <= most || !root.is_finite() {
            return scale * root;
        }
        let factor = E::from_f64(most / scale / root);
        if factor >= smallest_normal() {
            self.change(|gradient| elementwise::scale_in_place(factor, gradient));
        } else {
            // The factor is subnormal or zero: divide first, which gives at most one in magnitude.
            self.change(|gradient| {
                for g in gradient {
                    *g = E::from_f64(g.to_f64() / scale / root * most);
                }
            });
        }
        scale * root
    }

    /// Limits every element of every gradient to `[-most, most]`. NaN stays NaN.
    ///
    /// # Panics
    /// If `most` is negative or NaN.
    #[track_caller]
    pub fn clip_value(&mut self, most: f64) {
        assert!(most >= 0.0, "clip_value: the bound must not be negative or NaN, got {most}");
        let most = E::from_f64(most);
        self.change(|gradient| {
            for g in gradient {
                if *g > most {
                    *g = most;
                } else if *g < -most {
                    *g = -most;
                }
            }
        });
    }
}
