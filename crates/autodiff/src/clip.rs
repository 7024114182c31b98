//! Clipping gradients: by the norm of all together, or number by number.

use wengert_kernels::{Element, elementwise};

use crate::error::expect;
use crate::gradients::Gradients;
use crate::tensor::Tensor;

impl<E: Element> Gradients<'_, E> {
    /// The norm of all gradients taken as one vector, `sqrt(sum g^2)`, summed in f64 in a fixed
    /// order.
    pub fn norm(&self) -> f64 {
        // Scaled by the largest, so that no square overflows or vanishes.
        let largest = self.fold(0.0_f64, |largest, g| {
            if largest.is_nan() || g.is_nan() { f64::NAN } else { largest.max(g.abs()) }
        });
        if largest == 0.0 || !largest.is_finite() {
            return largest;
        }
        let squares = self.fold(0.0, |sum, g| sum + (g / largest) * (g / largest));
        largest * squares.sqrt()
    }

    fn fold(&self, start: f64, f: impl Fn(f64, f64) -> f64) -> f64 {
        self.all().fold(start, |so_far, gradient| {
            let mut copy = None;
            let elements = expect(gradient.in_order(&mut copy));
            elements.iter().fold(so_far, |so_far, g| f(so_far, g.to_f64()))
        })
    }

    /// Scales all gradients alike so that the [`norm`](Self::norm) of all together is at most
    /// `most`, and returns the norm they had.
    ///
    /// A norm that is not finite is returned, and the gradients stay as they are: there is no
    /// factor that would make them right.
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
    /// Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
    /// networks", ICML 2013.
    ///
    /// # Panics
    /// If `most` is negative or NaN.
    #[track_caller]
    pub fn clip_norm(&mut self, most: f64) -> f64 {
        assert!(most >= 0.0, "clip_norm: the norm must not be negative or NaN, got {most}");
        let norm = self.norm();
        if norm > most && norm.is_finite() {
            let factor = E::from_f64(most / norm);
            self.change(|gradient| elementwise::scale_in_place(factor, gradient));
        }
        norm
    }

    /// Brings every number of every gradient into `[-most, most]`. NaN stays NaN.
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

    /// Changes every gradient in place.
    fn change(&mut self, change: impl Fn(&mut [E])) {
        for gradient in self.values.iter_mut().flatten() {
            if !(gradient.is_unique() && gradient.is_contiguous()) {
                // In a buffer of the tape's.
                *gradient = expect(Tensor::copied(gradient, Some(self.tape.pool())));
            }
            change(gradient.as_mut_slice());
        }
    }
}
