//! A9: what an exponential costs.

use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::network::Failure;
use super::{Claim, Needs};
use crate::interval::Interval;
use crate::text::figure;
use crate::timing::{Cost, costs};

pub(super) const CLAIM: Claim = Claim {
    id: "A9",
    title: "exponentials are expensive",
    says: "The exponential makes the logistic function and tanh expensive; relu and leaky relu are \
           cheap.",
    method: "Nanoseconds an element of the kernels' forward passes on one thread, 4,096 elements in \
             the first cache and 16 million from memory, as ratios to relu; medians of repetitions in \
             which the activations take turns.",
    needs: Needs::Silence,
    run: |_| Ok(judge(&measure()?)),
};

/// The two that are called expensive, the two that are called cheap.
pub(super) const MEASURED: [Activation; 4] = [
    Activation::Logistic,
    Activation::Tanh,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.01 },
];

fn measure() -> Result<Vec<Cost>, Failure> {
    Ok(costs(&MEASURED)?)
}

/// Half as much again is what a user would notice.
const EXPENSIVE: f64 = 1.5;

/// The verdict on times, in the order of [`MEASURED`].
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
                format!("{name} by relu, in cache"),
                Interval::exact(inside),
                Need::AtLeast(EXPENSIVE),
            )
            .because(
                "about 20 operations on a vector against one; half as much again is expensive",
            ),
        );
        evidence.checks.push(
            Check::strict(
                format!("{name} by relu, from memory"),
                Interval::exact(outside),
                Need::AtLeast(EXPENSIVE),
            )
            .because("the same threshold where memory has to be waited for as well"),
        );
        words.push(format!(
            "{name} {} x relu in cache, {} x from memory",
            figure(inside),
            figure(outside)
        ));
    }
    let leaky = costs[3].forward_in_cache / relu.forward_in_cache;
    evidence.checks.push(
        Check::essential("leaky relu by relu, in cache", Interval::exact(leaky), Need::AtMost(2.0))
            .because("two operations on a vector against one, and both wait for the cache"),
    );
    evidence.summary = words.join("; ");
    let outside = costs[..2].iter().map(|c| c.forward_out_of_cache / relu.forward_out_of_cache);
    if outside.clone().all(|ratio| ratio < EXPENSIVE) {
        let most = outside.fold(0.0, f64::max);
        evidence.remarks.push(format!(
            "With vector instructions an exponential is a polynomial for 4 to 16 numbers at once: as soon \
             as the numbers come from memory, the expensive functions cost {} times relu at most.",
            figure(most)
        ));
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;
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
        // Exponentials for nothing, and a rectifier that is expensive itself.
        assert_eq!(verdict([1.0, 1.1, 1.0, 1.0], [1.0; 4]), Verdict::DoesNotHold);
        assert_eq!(verdict([3.0, 3.0, 1.0, 4.0], [2.0; 4]), Verdict::DoesNotHold);
    }
}
