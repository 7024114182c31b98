//! The order in which the terms of a product are contracted.

/// A set of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LabelSet(u128);

impl LabelSet {
    /// The maximum number of distinct labels.
    pub(super) const MOST: usize = u128::BITS as usize;

    pub(super) fn contains(self, label: usize) -> bool {
        self.0 >> label & 1 == 1
    }

    pub(super) fn union(self, other: Self) -> Self {
        LabelSet(self.0 | other.0)
    }

    fn both(self, other: Self) -> Self {
        LabelSet(self.0 & other.0)
    }

    /// The number of index tuples over the labels of the set.
    fn count(self, sizes: &[usize]) -> f64 {
        let (mut rest, mut count) = (self.0, 1.0);
        while rest != 0 {
            count *= sizes[rest.trailing_zeros() as usize] as f64;
            rest &= rest - 1;
        }
        count
    }
}

impl FromIterator<usize> for LabelSet {
    fn from_iter<I: IntoIterator<Item = usize>>(labels: I) -> Self {
        LabelSet(labels.into_iter().fold(0, |set, label| set | 1 << label))
    }
}

/// The maximum number of terms for which all orders are compared: 3^8 pairs of subsets.
const EXHAUSTIVE: usize = 8;

/// The pairs to contract, in order, until one term is left. Terms are numbered from 0, and the
/// result of each contraction gets the next free number.
pub(super) fn path(terms: &[LabelSet], output: LabelSet, sizes: &[usize]) -> Vec<(usize, usize)> {
    if terms.len() <= EXHAUSTIVE {
        cheapest(terms, output, sizes)
    } else {
        greedy(terms, output, sizes)
    }
}

/// The path with the fewest multiplications, by dynamic programming over the sets of terms.
fn cheapest(terms: &[LabelSet], output: LabelSet, sizes: &[usize]) -> Vec<(usize, usize)> {
    let all = (1_usize << terms.len()) - 1;
    let union = |set: usize| {
        let members = terms.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1);
        members.fold(LabelSet::default(), |union, (_, &labels)| union.union(labels))
    };
    // For each set of terms: the labels left after contracting it to one term, the cost of that,
    // and the best last pair.
    let left: Vec<LabelSet> =
        (0..=all).map(|set| union(set).both(output.union(union(all & !set)))).collect();
    let mut best = vec![(0.0_f64, 0_usize); all + 1];
    for set in 1..=all {
        if set.is_power_of_two() {
            continue;
        }
        best[set].0 = f64::INFINITY;
        // Each split once: the half that has the lowest term.
        let lowest = set & set.wrapping_neg();
        let mut part = (set - 1) & set;
        while part > 0 {
            if part & lowest > 0 {
                let rest = set & !part;
                let own = left[part].union(left[rest]).count(sizes);
                let cost = best[part].0 + best[rest].0 + own;
                if best[set].1 == 0 || cost < best[set].0 {
                    best[set] = (cost, part);
                }
            }
            part = (part - 1) & set;
        }
    }
    let mut steps = Vec::new();
    visit(all, &best, terms.len(), &mut steps);
    steps
}

/// Adds the steps that contract a set of terms, and returns the number of the result. The recursion
/// is at most [`EXHAUSTIVE`] deep.
fn visit(
    set: usize,
    best: &[(f64, usize)],
    terms: usize,
    steps: &mut Vec<(usize, usize)>,
) -> usize {
    if set.is_power_of_two() {
        return set.trailing_zeros() as usize;
    }
    let part = best[set].1;
    let first = visit(part, best, terms, steps);
    let second = visit(set & !part, best, terms, steps);
    steps.push((first, second));
    terms + steps.len() - 1
}

/// The maximum number of terms of which all pairs are compared at each step. Without it the time
/// would grow with the third power of the number of terms.
const COMPARED: usize = 64;

/// A path that contracts, at each step, the pair whose result adds the fewest elements.
fn greedy(terms: &[LabelSet], output: LabelSet, sizes: &[usize]) -> Vec<(usize, usize)> {
    let mut left: Vec<(usize, LabelSet)> = terms.iter().copied().enumerate().collect();
    let mut steps = Vec::new();
    while left.len() > 1 {
        // The labels of at least one term, of at least two, and of at least three.
        let (mut once, mut twice, mut more) = (0, 0, 0);
        for &(_, LabelSet(labels)) in &left {
            more |= twice & labels;
            twice |= once & labels;
            once |= labels;
        }
        // A label of both terms stays if a third term or the output has it.
        let result = |a: LabelSet, b: LabelSet| {
            let elsewhere = output.0 | more | (twice & !(a.0 & b.0));
            LabelSet((a.0 | b.0) & elsewhere)
        };
        let growth =
            |a: LabelSet, b: LabelSet| result(a, b).count(sizes) - a.count(sizes) - b.count(sizes);
        let near = left.len().min(COMPARED);
        let pairs = (0..near).flat_map(|i| (i + 1..near).map(move |j| (i, j)));
        let costs = pairs.map(|(i, j)| (growth(left[i].1, left[j].1), i, j));
        let Some((_, i, j)) = costs.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        let (second, first) = (left.remove(j), left.remove(i));
        let made = result(first.1, second.1);
        steps.push((first.0, second.0));
        left.push((terms.len() + steps.len() - 1, made));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[usize]) -> LabelSet {
        labels.iter().copied().collect()
    }

    /// The number of multiplications of a path.
    fn cost(
        steps: &[(usize, usize)],
        terms: &[LabelSet],
        output: LabelSet,
        sizes: &[usize],
    ) -> f64 {
        let mut there: Vec<Option<LabelSet>> = terms.iter().copied().map(Some).collect();
        let mut total = 0.0;
        for &(i, j) in steps {
            let all = there[i].take().unwrap().union(there[j].take().unwrap());
            total += all.count(sizes);
            let needed = there.iter().flatten().fold(output, |union, &term| union.union(term));
            there.push(Some(all.both(needed)));
        }
        assert_eq!(there.iter().flatten().count(), 1, "one term is left of {steps:?}");
        total
    }

    #[test]
    fn a_chain_of_matrices_is_multiplied_from_the_cheap_end() {
        // With a vector at the right end, the contraction begins there.
        let terms = [set(&[0, 1]), set(&[1, 2]), set(&[2, 3])];
        assert_eq!(path(&terms, set(&[0, 3]), &[100, 100, 100, 1]), [(1, 2), (0, 3)]);
        assert_eq!(path(&terms, set(&[0, 3]), &[1, 100, 100, 100]), [(0, 1), (3, 2)]);
        assert_eq!(path(&terms[..1], set(&[0, 1]), &[2, 2]), []);
    }

    #[test]
    fn a_path_is_no_dearer_than_from_left_to_right_or_greedily() {
        let sizes = [2, 3, 5, 7, 11, 13];
        for seed in 0..200_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
            let mut below = |n: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as usize % n
            };
            let count = 2 + below(5);
            let terms: Vec<LabelSet> =
                (0..count).map(|_| (0..below(4)).map(|_| below(6)).collect()).collect();
            // The caller sums over labels of a single term first; here they stay.
            let alone = |&label: &usize| {
                terms.iter().filter(|term| term.contains(label)).count() == 1 || below(2) == 0
            };
            let output = (0..6).filter(alone).collect();
            let mut along = vec![(0, 1)];
            along.extend((2..count).map(|i| (count + i - 2, i)));
            let best = cost(&path(&terms, output, &sizes), &terms, output, &sizes);
            let greedy = cost(&greedy(&terms, output, &sizes), &terms, output, &sizes);
            assert!(best <= cost(&along, &terms, output, &sizes), "seed {seed}");
            assert!(best <= greedy, "seed {seed}");
        }
    }

    #[test]
    fn many_terms_and_empty_ones_have_a_path() {
        let terms: Vec<LabelSet> = (0..40).map(|i| set(&[i, i + 1])).collect();
        let sizes = vec![3; 41];
        let output = set(&[0, 40]);
        // Each product in a chain of small matrices costs 27.
        assert_eq!(cost(&path(&terms, output, &sizes), &terms, output, &sizes), 39.0 * 27.0);
        cost(&path(&terms[..5], output, &vec![0; 41]), &terms[..5], output, &vec![0; 41]);
    }
}
