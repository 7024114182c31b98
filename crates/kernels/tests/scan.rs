//! Scans against sequential loops in f64.

use wengert_kernels::Element;
use wengert_kernels::scan::{cumprod_axis, cumsum_axis, recurrence_axis};
use wengert_kernels::testing::{Guarded, assert_near, for_each_level, noise};

fn scans<E: Element>() {
    let shapes = [
        [1, 5, 1],
        [3, 17, 1],
        [2, 4, 9],
        [1, 40, 71],
        [0, 3, 2],
        [2, 0, 3],
        [1, 1, 1],
        [900, 100, 1],
    ];
    for_each_level(|level| {
        for dims @ [outer, axis, inner] in shapes {
            let len = outer * axis * inner;
            let x = Guarded::new(&noise::<E>(len, 1), 1);
            let factors = Guarded::new(&noise::<E>(len, 2), 3);
            for reverse in [false, true] {
                let what = format!("{dims:?} {reverse} {} on {level}", E::NAME);
                let [mut sums, mut products, mut recurrences] =
                    [1, 2, 3].map(|offset| Guarded::poisoned(len, offset));
                cumsum_axis(&x, dims, reverse, &mut sums);
                cumprod_axis(&x, dims, reverse, &mut products);
                recurrence_axis(&x, &factors, dims, reverse, &mut recurrences);
                let mut expected = [vec![0.0; len], vec![0.0; len], vec![0.0; len]];
                for line in 0..outer * inner {
                    let (mut sum, mut product, mut state) = (0.0, 1.0, 0.0);
                    for i in 0..axis {
                        let i = if reverse { axis - 1 - i } else { i };
                        let at = (line / inner * axis + i) * inner + line % inner;
                        sum += x[at].to_f64();
                        product *= x[at].to_f64();
                        state = x[at].to_f64() + factors[at].to_f64() * state;
                        expected[0][at] = sum;
                        expected[1][at] = product;
                        expected[2][at] = state;
                    }
                }
                // Every step rounds once or twice what is at most `axis`.
                let bound = axis as f64 * axis as f64 * E::EPSILON.to_f64();
                assert_near(&sums, &expected[0], &what, |_| bound);
                assert_near(&recurrences, &expected[2], &what, |_| bound);
                let least = E::MIN_EXPONENT.to_f64().exp2() * E::EPSILON.to_f64();
                assert_near(&products, &expected[1], &what, |i| {
                    axis as f64 * (E::EPSILON.to_f64() * expected[1][i].abs() + least)
                });
            }
        }
    });
}

#[test]
fn lines_are_scanned_from_either_end() {
    scans::<f32>();
    scans::<f64>();
}

#[test]
#[should_panic(expected = "a scan of 2 x 3 x 1 takes and gives as many elements")]
fn lengths_must_agree() {
    cumsum_axis(&[1.0_f32; 5], [2, 3, 1], false, &mut [0.0; 6]);
}
