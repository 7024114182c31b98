//! Strided copies against an index-by-index gather.

use wengert_kernels::Element;
use wengert_kernels::layout::{copy_rows, copy_strided};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::{Guarded, assert_same_bits, noise, oracle};

fn check<E: Element>(src: &[E], offset: usize, shape: &[usize], strides: &[isize]) {
    let expected = oracle::gather(src, offset, shape, strides);
    for level in Level::available() {
        let mut out = Guarded::poisoned(expected.len(), 3);
        with_level(level, || copy_strided(src, offset, shape, strides, &mut out)).unwrap();
        let case = format!("{shape:?} by {strides:?} at {offset} on {level}");
        assert_same_bits(&out, &expected, &case);
    }
}

#[test]
fn views_are_copied() {
    let src = noise::<f32>(20_000, 1);
    check(&src, 5, &[], &[]);
    check(&src, 5, &[7], &[1]);
    check(&src, 5, &[7], &[3]);
    check(&src, 50, &[7], &[-3]);
    check(&src, 5, &[7], &[0]);
    check(&src, 0, &[0], &[1]);
    check(&src, 0, &[3, 0, 2], &[1, 1, 1]);
    check(&src, 0, &[100, 70], &[70, 1]);
    check(&src, 0, &[100, 70], &[1, 100]);
    check(&src, 6999, &[100, 70], &[-1, -100]);
    check(&src, 2, &[33, 17], &[1, 33]);
    check(&src, 0, &[5, 6], &[0, 1]);
    check(&src, 0, &[5, 6], &[1, 0]);
    check(&src, 0, &[4, 5, 6], &[30, 6, 1]);
    check(&src, 0, &[6, 5, 4], &[1, 6, 30]);
    check(&src, 0, &[5, 4, 6], &[6, 30, 1]);
    check(&src, 0, &[4, 1, 6, 1], &[6, 999, 1, 12_345]);
    check(&src, 7, &[2, 3, 4, 5], &[1, 100, -2, 20]);
    check(&src, 7, &[3, 2, 1, 2, 3, 2, 2], &[1, 3, 0, 11, 200, 0, 1000]);
    check(&src, 0, &[1, 1, 1], &[isize::MAX, isize::MIN, 0]);
}

/// Planes of several bands and parts, with and without a rest, in all orders of the axes.
#[test]
fn large_permutations_are_copied() {
    fn in_orders<E: Element>(shape: [usize; 3]) {
        let [a, b, c] = shape;
        let src = noise::<E>(a * b * c + 1, 3);
        let own = [b * c, c, 1];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let sizes = order.map(|axis: usize| shape[axis]);
            let strides = order.map(|axis: usize| own[axis] as isize);
            // From an odd place on, too.
            check(&src, 0, &sizes, &strides);
            check(&src, 1, &sizes, &strides);
        }
    }
    in_orders::<f32>([1, 600, 700]);
    in_orders::<f64>([1, 263, 521]);
    in_orders::<f32>([40, 5, 70]);
    in_orders::<f64>([3, 300, 33]);
    in_orders::<f32>([2, 3, 9000]);
    in_orders::<f64>([20_000, 2, 3]);
}

/// Every view of a few sizes and strides that stays inside.
#[test]
fn small_views_are_copied() {
    let src = noise::<f32>(6000, 2);
    for rows in [1, 2, 15, 16, 17, 33] {
        for cols in [1, 2, 15, 16, 17, 33] {
            for row_stride in [-40, -1, 0, 1, 2, 17, 33] {
                for col_stride in [-34, -1, 0, 1, 2, 16, 33] {
                    check(&src, 2700, &[2, rows, cols], &[100, row_stride, col_stride]);
                }
            }
        }
    }
}

#[test]
fn rows_are_copied() {
    fn of<E: Element>() {
        let src = noise::<E>(3000, 4);
        for run in 1..=70 {
            for (rows, stride) in [(1, 0), (2, -71), (5, 0), (13, 83), (13, 1), (30, -50)] {
                let expected = oracle::gather(&src, 1600, &[rows, run], &[stride, 1]);
                for level in Level::available() {
                    let mut out = Guarded::poisoned(expected.len(), 3);
                    with_level(level, || copy_rows(&src, 1600, stride, run, &mut out)).unwrap();
                    let case = format!("{rows} rows of {run} by {stride} on {level}");
                    assert_same_bits(&out, &expected, &case);
                }
            }
        }
    }
    of::<f32>();
    of::<f64>();
    copy_rows::<f32>(&[], 0, 1, 0, &mut []);
    let refused = |start: usize, stride: isize, run: usize| {
        told(move || copy_rows(&[0.0; 10], start, stride, run, &mut [0.0; 4]))
    };
    assert!(refused(0, 9, 2).contains("reaches elements 0 to 10 of a slice of 10"));
    assert!(refused(1, -2, 2).contains("reaches elements -1 to 2"));
    assert!(refused(0, 1, 3).contains("4 elements are not whole rows of 3"));
    assert!(refused(0, 1, 0).contains("4 elements are not whole rows of 0"));
}

fn told(f: impl Fn() + std::panic::UnwindSafe) -> String {
    let error = std::panic::catch_unwind(f).expect_err("the view is wrong");
    error.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn views_outside_of_the_source_are_refused() {
    let reach = |offset: usize, shape: &'static [usize], strides: &'static [isize]| {
        told(move || {
            let mut out = vec![0.0; shape.iter().product()];
            copy_strided(&[0.0_f32; 10], offset, shape, strides, &mut out);
        })
    };
    assert!(reach(0, &[11], &[1]).contains("reaches elements 0 to 10 of a slice of 10"));
    assert!(reach(10, &[], &[]).contains("10 to 10"));
    assert!(reach(3, &[3], &[-2]).contains("-1 to 3"));
    assert!(reach(0, &[2, 2], &[isize::MAX, isize::MAX]).contains("of a slice of 10"));
    assert!(reach(9, &[2, 2], &[isize::MIN, 1]).contains("of a slice of 10"));
    assert!(reach(0, &[2], &[1, 1]).contains("every dimension needs one stride"));
    assert!(
        told(|| copy_strided(&[0.0; 4], 0, &[2, 2], &[2, 1], &mut [0.0; 3])).contains("3 elements")
    );
    assert!(
        told(|| copy_strided(&[0.0; 4], 0, &[usize::MAX, 3], &[0, 0], &mut [0.0; 3]))
            .contains("does not have the 3 elements")
    );
}

#[test]
fn a_row_longer_than_a_threads_share_is_copied() {
    let len = (1 << 17) + 1;
    let mut once = vec![0.0_f32; len];
    copy_strided(&[3.0], 0, &[len], &[0], &mut once);
    assert!(once.iter().all(|&x| x == 3.0));
    let source: Vec<f32> = (0..2 * len).map(|i| i as f32).collect();
    let mut flipped = vec![0.0; 2 * len];
    copy_strided(&source, len - 1, &[2, len], &[len as isize, -1], &mut flipped);
    assert_eq!(
        (flipped[0], flipped[len - 1], flipped[len]),
        ((len - 1) as f32, 0.0, (2 * len - 1) as f32)
    );
}
