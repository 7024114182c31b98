//! A9: the cost of exponentials.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::evidence::{Check, Evidence, Need};
use crate::error::Failure;
use crate::interval::Interval;
use crate::text::figure;
use crate::timing::{Cost, costs};

pub(super) const CLAIM: Claim = Claim {
    id: "A9",
    title: "exponentials are expensive",
    says: "The exponential makes the logistic function and tanh expensive; relu and leaky relu are \
           cheap.",
    method: "Nanoseconds per element of the forward pass on one thread, for 4,096 elements in the \
             first-level cache and for 16 million elements in memory, as ratios to relu. Medians of \
             repetitions in which the activations alternate.",
    needs: Needs::Idle,
    run: |_| Ok(judge(&measure()?)),
};

/// The two activations that are said to be expensive, and the two that are said to be cheap.
pub(super) const MEASURED: [Activation; 4] = [
    Activation::Logistic,
    Activation::Tanh,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.01 },
];

fn measure() -> Result<Vec<Cost>, Failure> {
    Ok(costs(&MEASURED, 5)?)
}

/// A difference of half is noticeable.
const EXPENSIVE: f64 = 1.5;

/// The evidence of times, in the order of [`MEASURED`].
pub(super) fn judge(costs: &[Cost]) -> Evidence {
    let relu = &costs[2];
    let mut evidence = Evidence::default();
    let mut words = Vec::new();
    for cost in &costs[..2] {
        let name = cost.activation.0;
        let inside = cost.forward_in_cache / relu.forward_in_cache;
        let outside = cost.forward_out_of_cache / relu.forward_out_of_cache;
        evidence.checks.push(
            Check::essential(
                format!("time of {name} / time of relu, in cache"),
                Interval::exact(inside),
                Need::AtLeast(EXPENSIVE),
            )
            .because(
                "about 20 vector operations compared with one; half as much again counts as expensive",
            ),
        );
        evidence.checks.push(
            Check::strict(
                format!("time of {name} / time of relu, from memory"),
                Interval::exact(outside),
                Need::AtLeast(EXPENSIVE),
            )
            .because("the same threshold where the speed of memory contributes"),
        );
        words.push(format!(
            "{name} takes {} times as long as relu in cache, {} times from memory",
            figure(inside),
            figure(outside)
        ));
    }
    let leaky = costs[3].forward_in_cache / relu.forward_in_cache;
    evidence.checks.push(
        Check::essential(
            "time of leaky relu / time of relu, in cache",
            Interval::exact(leaky),
            Need::AtMost(2.0),
        )
        .because("two vector operations compared with one; the cache limits both"),
    );
    evidence.summary = words.join("; ");
    let outside = costs[..2].iter().map(|c| c.forward_out_of_cache / relu.forward_out_of_cache);
    if outside.clone().all(|ratio| ratio < EXPENSIVE) {
        let most = outside.fold(0.0, f64::max);
        evidence.remarks.push(format!(
            "With vector instructions an exponential is a polynomial, evaluated for 4 to 16 numbers at \
             once. For numbers in memory, the expensive functions take at most {} times as long as relu.",
            figure(most)
        ));
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;
    use crate::timing::Activated;

    fn verdict(inside: [f64; 4], outside: [f64; 4]) -> Verdict {
        let cost = |i: usize| Cost {
            activation: Activated(MEASURED[i]),
            forward_in_cache: inside[i],
            backward_in_cache: 1.0,
            forward_out_of_cache: outside[i],
            backward_out_of_cache: 1.0,
        };
        judge(&[0, 1, 2, 3].map(cost)).verdict()
    }

    #[test]
    fn the_verdict_follows_the_times() {
        assert_eq!(verdict([3.0, 3.0, 1.0, 1.0], [2.0, 2.0, 1.0, 1.0]), Verdict::Holds);
        let hidden = verdict([3.0, 3.0, 1.0, 1.0], [1.1, 1.1, 1.0, 1.0]);
        assert_eq!(hidden, Verdict::HoldsWithCaveat);
        // Exponentials as cheap as relu, and an expensive leaky relu.
        assert_eq!(verdict([1.0, 1.1, 1.0, 1.0], [1.0; 4]), Verdict::DoesNotHold);
        assert_eq!(verdict([3.0, 3.0, 1.0, 4.0], [2.0; 4]), Verdict::DoesNotHold);
    }
}
