//! Tensors, masks and indices serialized and deserialized with serde. Input is not trusted.

use proptest::prelude::*;
use wengert::prelude::*;
use wengert::testing::{arb_layout, arb_shape, arb_tensor};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(
        (x, layout) in arb_shape().prop_flat_map(|shape| {
            let rank = shape.rank();
            (arb_tensor::<f64>(shape, -2.0..2.0), arb_layout(rank))
        })
    ) {
        // Few digits: without its feature `float_roundtrip`, `serde_json` may be off by an ULP.
        let x = x.map(|x| (x * 64.0).round() / 64.0);
        let text = serde_json::to_string(&layout.apply(&x)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Tensor<f64>>(&text).unwrap(), x.clone());
        let mask = layout.apply(&x).gt_scalar(0.0);
        let text = serde_json::to_string(&mask).unwrap();
        prop_assert_eq!(serde_json::from_str::<Mask>(&text).unwrap(), mask);
    }

    #[test]
    fn no_text_makes_a_panic_or_a_wrong_tensor(
        shape in proptest::collection::vec(any::<u64>().prop_map(|n| n >> (n % 64)), 0..6),
        elements in proptest::collection::vec(-9..9_i8, 0..6),
    ) {
        let text = format!(r#"{{"shape": {shape:?}, "elements": {elements:?}}}"#);
        // A product with a zero is zero, however large the other sizes.
        let len = if shape.contains(&0) { Some(0) } else {
            shape.iter().try_fold(1_u64, |len, &dim| len.checked_mul(dim))
        };
        let fits = len == Some(elements.len() as u64);
        match serde_json::from_str::<Tensor<f32>>(&text) {
            Ok(read) => prop_assert!(fits && read.len() == elements.len()),
            // A shape without elements may still be too large for its strides.
            Err(_) => prop_assert!(!fits || elements.is_empty()),
        }
    }
}

#[test]
fn the_format_is_a_shape_and_elements() {
    let x = Tensor::from([[1.0_f32, 2.5], [3.0, 4.0]]);
    let text = serde_json::to_string(&x.t()).unwrap();
    assert_eq!(text, r#"{"shape":[2,2],"elements":[1.0,3.0,2.5,4.0]}"#);
    let index = Index::from([3, 1]);
    let text = serde_json::to_string(&index).unwrap();
    assert_eq!(text, r#"{"shape":[2],"elements":[3,1]}"#);
    assert_eq!(serde_json::from_str::<Index>(&text).unwrap(), index);
}

#[test]
fn what_does_not_fit_is_refused_with_a_sentence() {
    for (text, part) in [
        (r#"{"shape":[3],"elements":[1.0]}"#, "shape [3] holds 3 elements, got 1"),
        (r#"{"shape":[4294967296,4294967296],"elements":[]}"#, "too large"),
        (r#"{"shape":[1],"elements":[null]}"#, "invalid type: null"),
        (r#"{"shape":[-1],"elements":[]}"#, "invalid value"),
        (r#"{"shape":[0]}"#, "missing field"),
        (r#"{"shape":[0],"elements":[],"strides":[1]}"#, "unknown field"),
    ] {
        let error = serde_json::from_str::<Tensor<f32>>(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error:?} does not say {part:?}");
    }
}
