//! Views of slices as matrices: what is refused, and what a view holds to.

use crate::gemm::matrix::MOST;
use crate::gemm::{MatMut, MatRef, MatrixError};

#[test]
fn every_reachable_index_is_checked() {
    let data = [0.0_f32; 12];
    assert!(MatRef::try_new(&data, 0, 3, 4, 4, 1).is_ok());
    assert!(MatRef::try_new(&data, 1, 3, 4, 4, 1).is_err());
    assert!(MatRef::try_new(&data, 11, 3, 4, -4, -1).is_ok());
    assert!(MatRef::try_new(&data, 10, 3, 4, -4, -1).is_err());
    assert!(MatRef::try_new(&data, 11, 100, 100, 0, 0).is_ok());
    assert!(MatRef::try_new(&data, 12, 1, 1, 0, 0).is_err());
    assert!(MatRef::try_new(&data, usize::MAX, 0, 5, 1, 1).is_ok());
    assert!(MatRef::try_new(&data, 0, usize::MAX, usize::MAX, isize::MAX, isize::MAX).is_err());
    assert!(MatRef::try_new(&data, 0, 2, 2, isize::MIN, isize::MAX).is_err());
    let error = MatRef::try_new(&data, 2, 3, 4, 4, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a 3x4 matrix with strides (4, 1) from offset 2 reaches the indices 2..=13, but the \
         slice has 12 elements"
    );
}

#[test]
fn elements_can_be_counted() {
    let data = [0.0_f32; 12];
    let view = |rows, cols| MatRef::try_new(&data, 0, rows, cols, 0, 0);
    assert!(view(1, MOST).is_ok() && view(MOST / 7, 7).is_ok());
    let (half, highest) = (1 << (usize::BITS / 2), 1 << (usize::BITS - 1));
    for (rows, cols) in [(1, usize::MAX), (highest, 1), (half, half), (1, MOST + 1)] {
        assert_eq!(view(rows, cols).unwrap_err(), MatrixError::TooMany { rows, cols, most: MOST });
    }
    assert_eq!(
        view(2, MOST).unwrap_err().to_string(),
        format!(
            "a 2x{MOST} matrix repeats elements of its slice, but then it may have at most {MOST}"
        )
    );
}

#[test]
fn strides_that_lead_nowhere_are_of_no_account() {
    let data = [0.0_f32; 12];
    for stride in [isize::MIN, isize::MAX, -1] {
        let strides = |rows, cols, row_stride, col_stride| {
            let view = MatRef::new(&data, 0, rows, cols, row_stride, col_stride);
            (view.row_stride(), view.col_stride())
        };
        assert_eq!(strides(1, 12, stride, 1), (0, 1));
        assert_eq!(strides(12, 1, 1, stride), (1, 0));
        assert_eq!(strides(0, 12, stride, stride), (0, 0));
    }
}

#[test]
fn outputs_must_not_overlap() {
    let mut data = [0.0_f32; 64];
    let mut ok = |rows, cols, rs, cs| MatMut::try_new(&mut data, 32, rows, cols, rs, cs).is_ok();
    assert!(ok(3, 4, 4, 1));
    assert!(ok(3, 4, 1, 3));
    assert!(ok(3, 4, -4, 1));
    assert!(ok(1, 4, 0, 1));
    assert!(ok(4, 1, 1, 0));
    assert!(ok(1, 1, 0, 0));
    assert!(ok(2, 2, 2, 3));
    assert!(!ok(3, 4, 3, 1));
    assert!(!ok(2, 2, 0, 1));
    assert!(!ok(1, 4, 0, 0));
    assert!(!ok(2, 2, 1, 1));
    assert!(!ok(2, 2, 1, -1));
}

#[test]
fn transposing_swaps_indices() {
    let data: Vec<f64> = (0..6).map(f64::from).collect();
    let a = MatRef::row_major(&data, 2, 3);
    assert_eq!((a.get(1, 2), a.t().get(2, 1), a.t().rows()), (5.0, 5.0, 3));
}
