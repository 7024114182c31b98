//! Splitting examples into parts: for training and testing, and for cross-validation.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::rows::{IntoRows, Rows};

/// Returns the examples at the indices `places`, in this order.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::{pick, train_test_split};
/// let inputs = Tensor::<f32>::from_fn([10, 3], |i| i[0] as f32);
/// let (train, test) = train_test_split(10, 0.2, 1);
/// let (train, test) = (pick(&inputs, &train), pick(&inputs, &test));
/// assert_eq!((train.shape().dims(), test.shape().dims()), (&[8, 3][..], &[2, 3][..]));
/// ```
///
/// # Panics
/// If an index is not below the number of examples.
#[track_caller]
pub fn pick<R: IntoRows>(rows: R, places: &[usize]) -> R::Rows {
    let rows = rows.into_rows();
    let count = rows.count().unwrap_or(0);
    if let Some(place) = places.iter().find(|&&place| place >= count) {
        panic!("pick: there is no example {place} among {count}");
    }
    let mut picked = rows.blank(places.len());
    picked.copy_rows(&rows, places);
    picked
}

/// Shuffles the indices of `count` examples and splits them into those for training and those for
/// testing. `test` is the fraction for testing; the number is rounded to the nearest integer.
///
/// # Panics
/// If the fraction is not in 0..=1.
#[track_caller]
pub fn train_test_split(count: usize, test: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    check_share(test);
    let mut places = shuffled((0..count).collect(), &mut Pcg64::seed_from_u64(seed));
    let tested = (count as f64 * test).round() as usize;
    let test = places.split_off(count - tested);
    (places, test)
}

/// Shuffles the indices of labelled examples and splits them into those for training and those for
/// testing, with the fraction `test` of the examples of each label for testing, as nearly as whole
/// examples allow.
///
/// ```
/// use wengert_nn::data::stratified_split;
/// let labels = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
/// let (_, test) = stratified_split(&labels, 0.25, 1);
/// let ones = test.iter().filter(|&&place| labels[place] == 1).count();
/// assert_eq!((test.len(), ones), (3, 1));
/// ```
///
/// # Panics
/// If the fraction is not in 0..=1.
#[track_caller]
pub fn stratified_split(labels: &[usize], test: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    check_share(test);
    let mut rng = Pcg64::seed_from_u64(seed);
    let (mut train, mut tested) = (Vec::new(), Vec::new());
    // The numbers for testing are rounded down, and then up for the labels with the largest
    // remainders.
    let mut strata: Vec<Vec<usize>> =
        strata(labels).into_iter().map(|places| shuffled(places, &mut rng)).collect();
    let exact: Vec<f64> = strata.iter().map(|places| places.len() as f64 * test).collect();
    let mut counts: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let wanted = (labels.len() as f64 * test).round() as usize;
    let mut order: Vec<usize> = (0..strata.len()).collect();
    let lost = |stratum: usize| exact[stratum] - exact[stratum].floor();
    order.sort_by(|&a, &b| lost(b).total_cmp(&lost(a)));
    for stratum in order.into_iter().take(wanted.saturating_sub(counts.iter().sum())) {
        counts[stratum] += 1;
    }
    for (places, count) in strata.iter_mut().zip(counts) {
        tested.extend(places.split_off(places.len() - count));
        train.append(places);
    }
    (shuffled(train, &mut rng), shuffled(tested, &mut rng))
}

/// Shuffles the indices of `count` examples for a k-fold cross-validation. Returns the indices for
/// training and for testing of each fold; each example is tested in exactly one fold.
///
/// ```
/// use wengert_nn::data::k_fold;
/// for (train, test) in k_fold(10, 5, 1) {
///     assert_eq!((train.len(), test.len()), (8, 2));
/// }
/// ```
///
/// # Panics
/// If there are fewer than 2 folds, or fewer examples than folds.
#[track_caller]
pub fn k_fold(count: usize, folds: usize, seed: u64) -> Vec<(Vec<usize>, Vec<usize>)> {
    check_folds(count, folds);
    parts(&shuffled((0..count).collect(), &mut Pcg64::seed_from_u64(seed)), folds)
}

/// Shuffles the indices of labelled examples for a k-fold cross-validation like [`k_fold`], with
/// the proportions of the labels kept in every fold, as nearly as whole examples allow.
///
/// # Panics
/// If there are fewer than 2 folds, or fewer examples than folds.
#[track_caller]
pub fn stratified_k_fold(
    labels: &[usize],
    folds: usize,
    seed: u64,
) -> Vec<(Vec<usize>, Vec<usize>)> {
    check_folds(labels.len(), folds);
    let mut rng = Pcg64::seed_from_u64(seed);
    let strata = strata(labels).into_iter().flat_map(|places| shuffled(places, &mut rng));
    // The strata are concatenated before they are divided, so that the folds differ by at most one
    // example.
    parts(&strata.collect::<Vec<_>>(), folds)
}

/// The indices of the examples with each label, in the order of the labels.
fn strata(labels: &[usize]) -> Vec<Vec<usize>> {
    let mut strata = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    for (place, &label) in labels.iter().enumerate() {
        strata.entry(label).or_default().push(place);
    }
    strata.into_values().collect()
}

/// For each fold, the examples outside and inside it. The example at `places[i]` is in fold
/// `i % folds`.
fn parts(places: &[usize], folds: usize) -> Vec<(Vec<usize>, Vec<usize>)> {
    let part = |fold: usize| {
        let of = |inside: bool| {
            let all = places.iter().enumerate();
            let chosen = all.filter(move |(i, _)| (i % folds == fold) == inside);
            chosen.map(|(_, &place)| place).collect()
        };
        (of(false), of(true))
    };
    (0..folds).map(part).collect()
}

fn shuffled(mut places: Vec<usize>, rng: &mut Pcg64) -> Vec<usize> {
    places.shuffle(rng);
    places
}

#[track_caller]
fn check_share(test: f64) {
    assert!((0.0..=1.0).contains(&test), "the share for testing must lie in 0..=1, got {test}");
}

#[track_caller]
fn check_folds(count: usize, folds: usize) {
    assert!(
        (2..=count.max(1)).contains(&folds),
        "{count} examples can be put into 2 to {count} folds, got {folds}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(parts: &[&[usize]]) -> Vec<usize> {
        let mut all = parts.concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn parts_have_every_example_once() {
        let labels: Vec<usize> = (0..53).map(|i| [0, 0, 0, 7, 2][i % 5]).collect();
        let all: Vec<usize> = (0..53).collect();
        for share in [0.0_f64, 0.1, 0.25, 0.5, 1.0] {
            let expected = (53.0 * share).round() as usize;
            for (train, test) in
                [train_test_split(53, share, 3), stratified_split(&labels, share, 3)]
            {
                assert_eq!(test.len(), expected, "{share}");
                assert_eq!(sorted(&[&train, &test]), all);
            }
        }
        assert_ne!(train_test_split(53, 0.2, 3), train_test_split(53, 0.2, 4));
        assert_eq!(stratified_split(&labels, 0.2, 3), stratified_split(&labels, 0.2, 3));
        for folds in [2, 5, 53] {
            for parts in [k_fold(53, folds, 1), stratified_k_fold(&labels, folds, 1)] {
                let tested: Vec<&[usize]> = parts.iter().map(|(_, test)| &test[..]).collect();
                assert_eq!(sorted(&tested), all);
                for (train, test) in &parts {
                    assert_eq!(sorted(&[train, test]), all);
                    assert!((53 / folds..=53_usize.div_ceil(folds)).contains(&test.len()));
                }
            }
        }
    }

    #[test]
    fn strata_keep_their_shares() {
        let labels: Vec<usize> =
            (0..200).map(|i| usize::from(i % 10 == 0) + usize::from(i % 4 == 0)).collect();
        let count =
            |places: &[usize], label| places.iter().filter(|&&p| labels[p] == label).count();
        let total: Vec<usize> = (0..200).collect();
        let (_, test) = stratified_split(&labels, 0.3, 8);
        for label in 0..3 {
            let exact = count(&total, label) as f64 * 0.3;
            assert!((count(&test, label) as f64 - exact).abs() < 1.0, "{label}");
            for (_, test) in stratified_k_fold(&labels, 7, 8) {
                let exact = count(&total, label) as f64 / 7.0;
                assert!((count(&test, label) as f64 - exact).abs() < 1.0, "{label}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "3 examples can be put into 2 to 3 folds, got 4")]
    fn folds_are_not_empty() {
        k_fold(3, 4, 1);
    }

    #[test]
    #[should_panic(expected = "there is no example 3 among 3")]
    fn only_examples_can_be_picked() {
        pick([1, 2, 3], &[3]);
    }
}
