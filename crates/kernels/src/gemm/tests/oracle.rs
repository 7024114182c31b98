//! One element of a product, in twice the precision of f64.

use crate::Element;
use crate::activation::Activation;
use crate::testing::activation::value;

/// A sum of products carried as an unevaluated sum of two f64 (T. Ogita, S. M. Rump, S. Oishi,
/// "Accurate sum and dot product", SIAM J. Sci. Comput. 26, 2005, algorithm 5.3).
#[derive(Default)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    fn add_product(&mut self, x: f64, y: f64) {
        let product = x * y;
        let product_error = x.mul_add(y, -product);
        let sum = self.high + product;
        let part = sum - self.high;
        let sum_error = (self.high - (sum - part)) + (product - part);
        self.high = sum;
        self.low += product_error + sum_error;
    }

    fn value(&self) -> f64 {
        self.high + self.low
    }
}

/// `act(alpha * sum of terms + beta * c + bias)` and the error allowed for it.
pub(super) fn element<E: Element>(
    terms: impl Iterator<Item = (E, E)>,
    alpha: E,
    old: Option<(E, E)>,
    bias: E,
    activation: Activation,
) -> (f64, f64) {
    let alpha = alpha.to_f64();
    let (mut exact, mut magnitude, mut k) = (Double::default(), 0.0, 0);
    for (x, y) in terms {
        let (x, y) = (x.to_f64(), y.to_f64());
        exact.add_product(x, y);
        magnitude += (x * y).abs();
        k += 1;
    }
    let mut total = Double::default();
    total.add_product(alpha, exact.high);
    total.add_product(alpha, exact.low);
    magnitude *= alpha.abs();
    if let Some((beta, c)) = old {
        total.add_product(beta.to_f64(), c.to_f64());
        magnitude += (beta.to_f64() * c.to_f64()).abs();
    }
    let epsilon = E::EPSILON.to_f64();
    let mut bound = (f64::from(k) + 2.0) * epsilon * magnitude;
    total.add_product(1.0, bias.to_f64());
    if bias != E::ZERO {
        bound += epsilon * (magnitude + bias.to_f64().abs());
    }
    let after = value(activation, total.value());
    if activation != Activation::Identity {
        // None has a slope above 1.1; their own error is a few units in the last place.
        bound = 1.1 * bound + 4.0 * epsilon * after.abs();
    }
    (after, bound)
}

#[test]
fn the_oracle_is_exact_where_f64_is_not() {
    let terms = [(1e16, 1.0), (1.0, 1.0), (-1e16, 1.0)];
    let (exact, bound) =
        element::<f64>(terms.into_iter(), 1.0, Some((2.0, 3.0)), 0.5, Activation::Identity);
    assert_eq!(exact, 7.5);
    assert!(bound > 5.0 * f64::EPSILON * 2e16 && bound < 7.0 * f64::EPSILON * 2e16);
}
