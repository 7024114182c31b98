//! Conversions between tensors and arrays of `ndarray`, without copies where the layouts permit it.

use ndarray::{Array, Array2, ArrayD, arr0, s};
use proptest::prelude::*;
use wengert::prelude::*;
use wengert::testing::{arb_layout, arb_shape, arb_tensor};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_view_is_an_array_of_the_same_elements(
        (x, layout) in arb_shape().prop_flat_map(|shape| {
            let rank = shape.rank();
            (arb_tensor::<f64>(shape, -2.0..2.0), arb_layout(rank))
        })
    ) {
        let view = layout.apply(&x);
        let array = view.as_ndarray();
        prop_assert_eq!(array.shape(), x.shape().dims());
        prop_assert_eq!(array.iter().copied().collect::<Vec<_>>(), x.to_vec());
        let address = view.iter().next().map(std::ptr::from_ref);
        prop_assert_eq!(array.first().map(std::ptr::from_ref), address);
        prop_assert_eq!(&Tensor::from_ndarray(&array).unwrap(), &x);
        let owned = array.to_owned();
        prop_assert_eq!(&view.clone().into_ndarray(), &owned);
        prop_assert_eq!(&Tensor::try_from(owned).unwrap(), &x);
    }
}

#[test]
fn owned_arrays_keep_memory_and_layout() {
    let array = Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as f32);
    let address = array.as_ptr();
    let x = Tensor::try_from(array).unwrap();
    assert!(std::ptr::eq(&raw const x[[0, 0]], address));
    assert_eq!(x[[3, 5]], 35.0);
    let back = x.into_ndarray();
    assert_eq!(back.as_ptr(), address);

    // Reversed, sliced and transposed, so that the first element is in the middle of the memory.
    let back = back.into_dimensionality::<ndarray::Ix2>().unwrap();
    let turned = back.slice_move(s![1..;2, ..;-2]).reversed_axes();
    let (expected, address) = (turned.clone(), turned.as_ptr());
    let x = Tensor::try_from(turned).unwrap();
    assert!(std::ptr::eq(&raw const x[[0, 0]], address));
    assert_eq!(x.shape(), &[3, 2]);
    assert_eq!(x.to_vec(), [15.0, 35.0, 13.0, 33.0, 11.0, 31.0]);
    assert_eq!(ArrayD::from(x), expected.into_dyn());
}

#[test]
fn repeated_elements_and_no_elements() {
    let x = Tensor::from([1.0_f64, 2.0]).broadcast_to([3, 2]);
    assert_eq!(x.as_ndarray(), Array::from_shape_fn((3, 2), |(_, j)| 1.0 + j as f64).into_dyn());
    for shape in [[0, 3], [3, 0]] {
        let x = Tensor::<f64>::zeros(shape);
        assert_eq!(x.as_ndarray().shape(), shape);
        assert_eq!(Tensor::try_from(x.clone().into_ndarray()).unwrap(), x);
    }
    assert_eq!(Tensor::try_from(arr0(2.0_f32)).unwrap().item(), 2.0);
    assert_eq!(Tensor::scalar(2.0_f32).as_ndarray(), arr0(2.0).into_dyn());
}
