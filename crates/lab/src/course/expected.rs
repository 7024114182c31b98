//! What this repository states of each claim. A run that finds anything else contradicts it, and the
//! program ends with status 1.

use super::claim::Verdict::{self, DoesNotHold, Holds, HoldsWithCaveat};

/// A claim, and the verdicts that are stated of it; more than one where the machine decides.
const STATED: [(&str, &[Verdict]); 22] = [
    ("A1", &[Holds]),
    ("A2", &[Holds]),
    ("A3", &[Holds]),
    ("A4", &[Holds]),
    // f(-2) is not 0.02, and the mean is not near zero.
    ("A5", &[HoldsWithCaveat]),
    // f' is tiny and not 0; with large random weights the weights make up for it.
    ("A6", &[HoldsWithCaveat]),
    ("A7", &[Holds]),
    // Of one example; of a batch the signs are mixed.
    ("A8", &[HoldsWithCaveat]),
    // In cache. Out of it, memory is what costs; how far, is the machine's.
    ("A9", &[Holds, HoldsWithCaveat]),
    ("A10", &[Holds]),
    ("A11", &[Holds]),
    ("A12", &[Holds]),
    ("A13", &[DoesNotHold]),
    ("A14", &[Holds]),
    ("B1", &[Holds]),
    ("B2", &[Holds]),
    ("B3", &[Holds]),
    ("B4", &[Holds]),
    // It is 1/sqrt(m).
    ("B5", &[HoldsWithCaveat]),
    // Not the gradients of the logistic function; and randn is not in 0..1.
    ("B6", &[HoldsWithCaveat]),
    ("B7", &[Holds]),
    ("B8", &[HoldsWithCaveat]),
];

/// The verdicts stated of a claim.
pub(super) fn of(id: &str) -> &'static [Verdict] {
    STATED.iter().find(|(claim, _)| *claim == id).map_or(&[], |(_, verdicts)| verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Claim;

    #[test]
    fn every_claim_has_an_expectation_and_every_expectation_a_claim() {
        let claims = Claim::all();
        let ids: Vec<&str> = claims.iter().map(|claim| claim.id).collect();
        assert_eq!(ids, STATED.map(|(id, _)| id));
        assert!(claims.iter().all(|claim| !claim.expected().is_empty()));
    }
}
