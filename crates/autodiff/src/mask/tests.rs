use super::*;

#[test]
fn views_read_the_same_values() {
    let mask = Mask::from_fn([2, 3], |i| (i[0] + i[1]) % 2 == 0 || i[1] == 2);
    assert_eq!(mask.to_vec(), [true, false, true, false, true, true]);
    let t = mask.transpose(0, 1);
    assert!(!t.is_contiguous());
    assert_eq!(t.to_vec(), [true, false, false, true, true, true]);
    assert_eq!(t, Mask::from_slice(&t.to_vec(), [3, 2]).unwrap());
    assert_eq!((t.get(&[2, 1]), t.get(&[2, 2])), (Some(true), None));
    assert_eq!(t.reshape([6]).to_vec(), t.to_vec());
    let rows = mask.unsqueeze(1).broadcast_to([2, 2, 3]);
    assert_eq!(
        rows.to_vec(),
        [&mask.to_vec()[..3]; 2]
            .concat()
            .into_iter()
            .chain([&mask.to_vec()[3..]; 2].concat())
            .collect::<Vec<_>>()
    );
    assert_eq!(mask.to_tensor::<f32>().to_vec(), [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
}

#[test]
fn empty_and_single_masks_are_masks() {
    let empty = Mask::from_fn([2, 0], |_| true);
    assert!(empty.is_empty() && empty.all() && !empty.any() && empty.not().is_empty());
    assert_eq!(empty.transpose(0, 1).to_vec(), []);
    let one = Mask::full(Shape::scalar(), true);
    assert_eq!((one.to_vec(), one.count()), (vec![true], 1));
    assert_eq!(Mask::full([2, 2], false).to_vec(), [false; 4]);
}

#[test]
fn logic_broadcasts() {
    let row = Mask::from_slice(&[true, false], [2]).unwrap();
    let column = Mask::from_slice(&[true, false], [2, 1]).unwrap();
    assert_eq!((&row & &column).to_vec(), [true, false, false, false]);
    assert_eq!((&row | &column).to_vec(), [true, true, true, false]);
    assert_eq!((!&row).to_vec(), [false, true]);
    let wrong = std::panic::catch_unwind(|| row.and(&Mask::full([3], true)));
    assert!(wrong.unwrap_err().downcast_ref::<String>().unwrap().starts_with("and: expected"));
}

#[test]
fn causal_masks_end_at_the_last_key() {
    assert_eq!(Mask::causal(2, 2).to_vec(), [true, false, true, true]);
    assert_eq!(Mask::causal(1, 3).to_vec(), [true, true, true]);
    assert_eq!(Mask::causal(3, 2).to_vec(), [false, false, true, false, true, true]);
}

#[test]
fn comparisons_broadcast_and_are_false_for_nan() {
    let a = Tensor::from_slice(&[1.0_f32, 2.0, f32::NAN], [3]).unwrap();
    let b = Tensor::from_slice(&[1.0, 3.0], [2, 1]).unwrap();
    assert_eq!(a.lt(&b).to_vec(), [false, false, false, true, true, false]);
    assert_eq!(a.le(&b).to_vec(), [true, false, false, true, true, false]);
    assert_eq!(a.gt(&b).to_vec(), [false, true, false, false, false, false]);
    assert_eq!(a.ge(&b).to_vec(), [true, true, false, false, false, false]);
    assert_eq!(Tensor::eq(&a, &b).to_vec(), [true, false, false, false, false, false]);
    assert_eq!(a.ne(&b).to_vec(), [false, true, true, true, true, true]);
    assert_eq!(a.ge_scalar(2.0).to_vec(), [false, true, false]);
    let (t, u) = (b.broadcast_to([2, 3]).transpose(0, 1), a.broadcast_to([2, 3]).transpose(0, 1));
    assert_eq!(u.lt(&t), a.lt(&b).transpose(0, 1));
}
