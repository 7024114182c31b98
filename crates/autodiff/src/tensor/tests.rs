//! Views compared with an index-by-index model, copy-on-write, and errors.

use proptest::prelude::*;

use super::view::Step;
use super::*;
use crate::testing::{Dense, Domain, Sampler};

fn numbered(shape: &[usize]) -> Tensor<f64> {
    let mut n = -1.0;
    Tensor::from_fn(shape, |_| {
        n += 1.0;
        n
    })
}

/// A random chain of views, and the same operations on a naive array.
pub(super) fn random_views(seed: u64) -> (Tensor<f64>, Dense) {
    let mut s = Sampler::new(seed);
    let shape = s.shape();
    let mut view = s.tensor(&shape, &Domain::REAL);
    let mut model = Dense::from(&view);
    for _ in 0..5 {
        match s.below(4) {
            0 => {
                let order = s.permutation(view.rank());
                view = view.permute(&order.iter().map(|&i| i as isize).collect::<Vec<_>>());
                model = model.permuted(&order);
            }
            1 if view.rank() > 0 => {
                let (axis, range) = s.range(view.shape());
                view = view.slice(axis as isize, range);
                model = model.picked(axis, &range);
            }
            2 => {
                let mut shape = model.shape.clone();
                shape.insert(s.below(shape.len() + 1), 1);
                view = view.reshape(shape.clone());
                model.shape = shape;
            }
            _ => {
                let mut shape: Vec<usize> = vec![view.len()];
                if view.len().is_multiple_of(2) {
                    shape = vec![2, view.len() / 2];
                }
                view = view.reshape(shape.clone());
                model.shape = shape;
            }
        }
    }
    (view, model)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chains_of_views_are_what_counting_indices_gives(seed in any::<u64>()) {
        let (view, model) = random_views(seed);
        prop_assert_eq!(Dense::from(&view), model.clone());
        prop_assert_eq!(view.to_vec(), model.data.clone());
        let contiguous = view.contiguous();
        prop_assert_eq!(contiguous.as_slice().unwrap(), &model.data[..]);
        prop_assert_eq!(view.as_slice().is_some(), view.is_contiguous());
        let mut written = view.clone();
        written.as_mut_slice().fill(7.0);
        prop_assert_eq!(view.to_vec(), model.data);
        prop_assert!(written.to_vec().iter().all(|&x| x == 7.0));
    }
}

#[test]
fn views_share_and_writing_copies() {
    let mut x = numbered(&[2, 3]);
    let view = x.transpose(0, 1);
    assert!(x.is_shared());
    x.as_mut_slice()[0] = 9.0;
    assert_eq!(view.get(&[0, 0]), Some(0.0));
    assert_eq!(x.get(&[0, 0]), Some(9.0));
    let before = x.as_slice().unwrap().as_ptr();
    x.as_mut_slice()[1] = 8.0;
    assert_eq!(x.as_slice().unwrap().as_ptr(), before, "alone, it is written in place");
}

#[test]
fn reshapes_that_strides_can_express_do_not_copy() {
    let x = numbered(&[4, 6]);
    let left = x.slice(1, 0..3);
    let split = left.reshape([2, 2, 3]);
    assert_eq!(split.raw().0.as_ptr(), x.raw().0.as_ptr());
    assert_eq!(split.strides()[..], [12, 6, 1]);
    let merged = left.reshape([12]);
    assert_ne!(merged.raw().0.as_ptr(), x.raw().0.as_ptr());
    assert_eq!(merged.to_vec(), left.to_vec());
}

#[test]
fn what_does_not_fit_is_refused_with_a_sentence() {
    let x = numbered(&[2, 3]);
    for (error, part) in [
        (x.try_reshape([5]).unwrap_err(), "6 elements"),
        (x.try_reshape([usize::MAX, 2]).unwrap_err(), "too large"),
        (x.try_permute(&[0]).unwrap_err(), "each of the 2 axes once"),
        (x.try_permute(&[0, -2]).unwrap_err(), "twice"),
        (x.try_transpose(0, 2).unwrap_err(), "axis 2"),
        (x.try_slice(0, Step::new(.., 0)).unwrap_err(), "zero"),
        (x.try_slice(-3, 0..1).unwrap_err(), "axis -3"),
        (x.try_broadcast_to([3, 3]).unwrap_err(), "repeats to [3, 3]"),
        (x.try_squeeze(0).unwrap_err(), "size 1"),
        (
            x.try_unsqueeze(4).unwrap_err(),
            "a new axis of [2, 3] cannot be at position 4; positions run from -3 to 2",
        ),
        (x.select(0, 0).try_diagonal(0).unwrap_err(), "[.., rows, columns]"),
        (Tensor::from_vec(vec![1.0_f64], [2]).unwrap_err(), "holds 2 elements, got 1"),
        (Tensor::<f64>::from_vec(vec![], [1 << 40, 1 << 40]).unwrap_err(), "too large"),
    ] {
        let text = error.to_string();
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn huge_steps_and_bounds_do_not_overflow() {
    let x = numbered(&[5]);
    let (min, max) = (isize::MIN, isize::MAX);
    assert_eq!(x.slice(0, Step::new(.., max)).to_vec(), [0.0]);
    assert_eq!(x.slice(0, Step::new(.., min)).to_vec(), [4.0]);
    assert_eq!(
        x.slice(0, Step { start: Some(min), stop: Some(max), step: 2 }).to_vec(),
        [0.0, 2.0, 4.0]
    );
    assert_eq!(
        x.slice(0, Step { start: Some(max), stop: Some(min), step: -3 }).to_vec(),
        [4.0, 1.0]
    );
    assert!(x.slice(0, max..).is_empty());
    assert_eq!(x.slice(0, ..=-1).len(), 5);
}

#[test]
fn tensors_print_shape_and_elements() {
    let x = numbered(&[2, 2]);
    assert_eq!(format!("{x:?}"), "Tensor<f64>[2, 2] [[0, 1],\n [2, 3]]");
    assert_eq!(numbered(&[0, 3]).to_string(), "[]");
}

#[test]
fn equality_and_conversion() {
    let x = numbered(&[2, 3]);
    assert_eq!(x.transpose(0, 1).transpose(0, 1), x);
    assert_ne!(x.reshape([3, 2]), x);
    assert_ne!(Tensor::scalar(f64::NAN), Tensor::scalar(f64::NAN));
    assert_eq!(x.cast::<f32>().cast::<f64>(), x);
    assert_eq!(Tensor::<f32>::default().len(), 0);
    assert_eq!(Tensor::from(2.0_f32).item(), 2.0);
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "walked with a negative step they are not empty")]
fn inclusive_and_exclusive_bounds_follow_the_step() {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let x = Tensor::from_vec(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [6]).unwrap();
    let taken = |step: Step| x.slice(0, step).to_vec();
    assert_eq!(taken(Step::new(5..=1, -1)), [5.0, 4.0, 3.0, 2.0, 1.0]);
    assert_eq!(taken(Step::new(5..1, -1)), [5.0, 4.0, 3.0, 2.0]);
    assert_eq!(taken(Step::new(..=0, -1)), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
    assert_eq!(taken(Step::new(..=-6, -1)), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
    assert_eq!(taken(Step::new(..=-1, 2)), [0.0, 2.0, 4.0]);
    assert_eq!(taken(Step::new(1..=3, 1)), [1.0, 2.0, 3.0]);
    assert_eq!(taken(Step::new((Excluded(5), Unbounded), -1)), [4.0, 3.0, 2.0, 1.0, 0.0]);
    assert_eq!(taken(Step::new((Excluded(0), Unbounded), -1)), []);
    assert_eq!(taken(Step::new((Excluded(-1), Unbounded), 1)), []);
    assert_eq!(taken(Step::new((Excluded(1), Included(3)), 1)), [2.0, 3.0]);
}

/// Short runs are copied together, several axes of them in one part, and parts by several threads.
#[test]
fn operations_on_short_runs_are_those_on_copies() {
    let numbers = |shape: &[usize]| {
        let mut state = 7_u32;
        Tensor::<f64>::from_fn(shape.to_vec(), |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24)
        })
    };
    for run in [4, 5, 16, 23, 95] {
        let rows = 41;
        let outer = 100_000 / (run * rows) + 1;
        let wide = numbers(&[outer, rows + 2, run + 3]);
        let view = wide.slice(1, 1..rows as isize + 1).slice(2, 2..run as isize + 2);
        let other = wide.slice(1, 2..).slice(2, 1..run as isize + 1);
        let turned = view.slice(0, Step::new(.., -1));
        let copy = |x: &Tensor<f64>| Tensor::from_vec(x.to_vec(), x.shape()).unwrap();
        let contiguous = numbers(&[outer, rows, run]);
        let whole = contiguous.broadcast_to([1, outer, rows, run]);
        let repeated = numbers(&[1, 1, run]);
        for (a, b) in [
            (&view, &view),
            (&view, &other),
            (&view, &turned),
            (&turned, &contiguous),
            (&contiguous, &view),
            (&whole, &other),
            (&view, &repeated),
        ] {
            let got = (a - b).to_vec();
            let want = (&copy(a) - &copy(b)).to_vec();
            assert!(got == want, "runs of {run}: {:?} and {:?}", a.strides(), b.strides());
        }
        assert_eq!(view.exp().to_vec(), copy(&view).exp().to_vec());
    }
}

/// Rows longer than a thread's share, whose elements are not adjacent in memory.
#[test]
fn operations_on_long_rows_without_runs_are_those_on_copies() {
    let x = Tensor::<f32>::from_fn([2, 40_000, 3], |i| (i[0] + 3 * i[1] + 7 * i[2]) as f32);
    let view = x.transpose(1, 2).slice(2, Step::new(.., -2));
    let copy = Tensor::from_vec(view.to_vec(), view.shape()).unwrap();
    let other = Tensor::<f32>::from_fn([3, 20_000], |i| (5 * i[0] + i[1]) as f32);
    assert_eq!((&view + &other).to_vec(), (&copy + &other).to_vec());
}

#[test]
fn fallible_methods_return_what_the_others_panic_with() {
    let (x, y) = (numbered(&[2, 3]), numbered(&[4]));
    macro_rules! check {
        ($($method:ident / $fallible:ident ($($arg:expr),*);)+) => {$(
            let error = x.$fallible($($arg),*).unwrap_err().to_string();
            let panic = std::panic::catch_unwind(|| x.$method($($arg),*)).unwrap_err();
            assert_eq!(*panic.downcast::<String>().unwrap(), error, stringify!($method));
        )+};
    }
    check! {
        add / try_add(&y);
        matmul / try_matmul(&y);
        sum_axes / try_sum_axes(&[5], false);
        softmax / try_softmax(2);
        dot / try_dot(&y);
        layer_norm / try_layer_norm(Some(&y), None, crate::ops::NormOptions::default());
        mse_loss / try_mse_loss(&y);
        lt / try_lt(&y);
        argmax / try_argmax(2, false);
        topk / try_topk(4, 1, true);
        chunk / try_chunk(0, 1);
        cumsum / try_cumsum(-3);
        item / try_item();
        zip_with / try_zip_with(&y, |a, _| a);
    }
    assert_eq!(x.try_sort(1, true).unwrap().0, x.sort(1, true).0);
    assert_eq!(x.try_softmax(0).unwrap(), x.softmax(0));
    assert_eq!(Tensor::try_stack(&[&x, &x], 0).unwrap().shape(), &[2, 2, 3]);
    assert!(Tensor::try_concat(&[&x, &y], 0).is_err());
}
