//! Random changes of images.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::Tensor;
use wengert_nn::data::Augment;

fn images(count: usize) -> Tensor<f64> {
    Tensor::from_fn([count, 2, 3, 4], |i| (1 + 1000 * i[0] + 100 * i[1] + 10 * i[2] + i[3]) as f64)
}

fn apply(augment: Augment, images: &Tensor<f64>) -> Tensor<f64> {
    augment.apply(images, &mut Pcg64::seed_from_u64(3)).unwrap()
}

#[test]
fn nothing_changes_without_settings() {
    assert_eq!(apply(Augment::new(), &images(2)), images(2));
    let all = Augment::new().flip(0.5).rotate(30.0).crop(1).noise(1.0);
    for shape in [[0, 2, 3, 4], [2, 0, 3, 4], [0, 1, 0, 0]] {
        let empty = Tensor::<f64>::zeros(shape);
        assert_eq!(apply(all, &empty), empty);
    }
}

#[test]
fn a_seed_determines_all_changes() {
    let all = Augment::new().flip(0.5).rotate(30.0).crop(2).noise(0.1);
    assert_eq!(apply(all, &images(4)), apply(all, &images(4)));
    let other = all.apply(&images(4), &mut Pcg64::seed_from_u64(4)).unwrap();
    assert_ne!(other, apply(all, &images(4)));
}

#[test]
fn flips_reverse_the_columns_of_some_images() {
    let flipped = apply(Augment::new().flip(1.0), &images(2));
    let expected = images(2);
    let mirrored = Tensor::from_fn([2, 2, 3, 4], |i| expected[[i[0], i[1], i[2], 3 - i[3]]]);
    assert_eq!(flipped, mirrored);
    let half = apply(Augment::new().flip(0.5), &images(200));
    let kept = (0..200).filter(|&i| half[[i, 0, 0, 0]] == images(200)[[i, 0, 0, 0]]).count();
    assert!((70..130).contains(&kept), "{kept}");
}

#[test]
fn crops_are_shifts_with_zeros() {
    let (before, after) = (images(100), apply(Augment::new().crop(2), &images(100)));
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..100 {
        let shift = (-2..=2_isize).flat_map(|y| (-2..=2_isize).map(move |x| (y, x)));
        let fits = |&(down, right): &(isize, isize)| {
            (0..24).all(|at| {
                let (c, y, x) = (at / 12, at / 4 % 3, at % 4);
                let from = (y as isize + down, x as isize + right);
                let inside = (0..3).contains(&from.0) && (0..4).contains(&from.1);
                let value =
                    if inside { before[[i, c, from.0 as usize, from.1 as usize]] } else { 0.0 };
                after[[i, c, y, x]] == value
            })
        };
        let found: Vec<_> = shift.filter(fits).collect();
        assert_eq!(found.len(), 1, "image {i}");
        seen.insert(found[0]);
    }
    assert!(seen.len() > 20, "{seen:?}");
}

#[test]
fn rotations_turn_about_the_centre() {
    // The column and the row of each pixel, from the centre. Rotated, they are linear again.
    let image = Tensor::from_fn([100, 2, 9, 9], |i| i[3 - i[1]] as f64 - 4.0);
    let turned = apply(Augment::new().rotate(50.0), &image);
    let mut angles = Vec::new();
    for i in 0..100 {
        let at = |c: usize, y: usize, x: usize| turned[[i, c, y, x]];
        let (cos, sin) = (at(0, 4, 5), at(0, 3, 4));
        assert!((cos * cos + sin * sin - 1.0).abs() < 1e-12, "{cos} {sin}");
        for (y, x) in [(2, 4), (4, 4), (5, 3), (6, 5)] {
            let (down, right) = (y as f64 - 4.0, x as f64 - 4.0);
            assert!((at(0, y, x) - (cos * right - sin * down)).abs() < 1e-12);
            assert!((at(1, y, x) - (sin * right + cos * down)).abs() < 1e-12);
        }
        angles.push(sin.atan2(cos).to_degrees());
    }
    assert!(angles.iter().all(|angle| angle.abs() <= 50.0), "{angles:?}");
    assert!(angles.iter().any(|angle| *angle > 30.0) && angles.iter().any(|angle| *angle < -30.0));
    // A corner of a constant image turns out of it, the centre stays.
    let flat = apply(Augment::new().rotate(45.0), &Tensor::ones([50, 1, 5, 5]));
    assert!((0..50).all(|i| (flat[[i, 0, 2, 2]] - 1.0).abs() < 1e-12));
    assert!((0..50).any(|i| flat[[i, 0, 0, 0]] < 0.5));
}

#[test]
fn noise_has_its_standard_deviation() {
    let noise = apply(Augment::new().noise(0.5), &Tensor::zeros([40, 1, 16, 16]));
    let (mean, square) = (noise.mean().item(), noise.square().mean().item());
    assert!(mean.abs() < 0.02 && (square.sqrt() - 0.5).abs() < 0.02, "{mean} {square}");
}

#[test]
fn settings_outside_their_range_are_refused() {
    let mut rng = Pcg64::seed_from_u64(1);
    for (augment, text) in [
        (Augment::new().flip(1.5), "probability of a flip must be in 0..=1, got 1.5"),
        (Augment::new().flip(f64::NAN), "must be in 0..=1, got NaN"),
        (Augment::new().rotate(-1.0), "must be in 0..=180 degrees, got -1"),
        (Augment::new().noise(f64::INFINITY), "finite and not negative, got inf"),
        (Augment::new().crop(3), "got 3 for images of 3 x 4"),
        (Augment::new().crop(usize::MAX), "padding must be below height and width"),
    ] {
        let error = augment.apply(&images(1), &mut rng).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let error = Augment::new().apply(&Tensor::<f32>::zeros([3, 4]), &mut rng).unwrap_err();
    assert!(error.to_string().contains("[n, c, h, w]"), "{error}");
}
