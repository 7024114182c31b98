//! Orthogonal, identity and sparse schemes, compared with those of PyTorch.

use wengert_autodiff::Tensor;
use wengert_kernels::simd::{Level, with_level};

use super::{near, reference, rng};
use crate::init::orthogonal::orthonormalized;
use crate::init::{Fixup, Init, InitError};

fn shape(name: &str) -> Vec<usize> {
    name.split('x').map(|size| size.parse().unwrap()).collect()
}

#[test]
fn eye_and_dirac_are_pytorchs() {
    for (name, numbers) in reference("torch_eye") {
        let got = Init::Eye.sample::<f64>(shape(name), &mut rng(1)).unwrap();
        assert_eq!(got.to_vec(), numbers, "{name}");
    }
    for (name, numbers) in reference("torch_dirac") {
        let (sizes, groups) = name.split_once(" groups ").unwrap();
        let init = Init::Dirac { groups: groups.parse().unwrap() };
        let got = init.sample::<f64>(shape(sizes), &mut rng(1)).unwrap();
        assert_eq!(got.to_vec(), numbers, "{name}");
    }
}

#[test]
fn the_orthogonal_factor_of_the_same_draws_is_pytorchs() {
    let results = reference("torch_orthogonal");
    for ((name, draws), (_, want)) in reference("torch_orthogonal_draws").iter().zip(&results) {
        let sizes = shape(name);
        let (rows, columns) = (sizes[0], sizes[1..].iter().product());
        let got = orthonormalized(draws, rows, columns);
        for (got, want) in got.iter().zip(want) {
            near(1.5 * got, *want, 1e-13, name);
        }
    }
}

/// `W W^T` or `W^T W`, whichever is smaller, of a weight seen as `[out, rest]`.
fn gram(weight: &Tensor<f64>) -> Tensor<f64> {
    let rows = weight.shape()[0];
    let matrix = weight.reshape([rows, weight.len() / rows.max(1)]);
    let transposed = matrix.transpose(0, 1);
    let wide = matrix.shape()[0] <= matrix.shape()[1];
    if wide { matrix.matmul(&transposed) } else { transposed.matmul(&matrix) }
}

fn assert_multiple_of_identity(gram: &Tensor<f64>, square: f64, what: &str) {
    let size = gram.shape()[0];
    for (i, value) in gram.to_vec().into_iter().enumerate() {
        let want = if i % (size + 1) == 0 { square } else { 0.0 };
        assert!((value - want).abs() < 1e-12, "{what}: {value} at {i}, not {want}");
    }
}

#[test]
fn orthogonal_weights_are_orthogonal_in_every_shape() {
    for sizes in
        [&[1, 1][..], &[5, 5], &[64, 20], &[20, 64], &[8, 4, 3, 3], &[40, 2, 3], &[130, 128]]
    {
        let init = Init::orthogonal().gain(1.5);
        let weight = init.sample::<f64>(sizes, &mut rng(3)).unwrap();
        assert_multiple_of_identity(&gram(&weight), 2.25, &format!("{sizes:?}"));
        let single = init.sample::<f32>(sizes, &mut rng(3)).unwrap();
        assert_multiple_of_close(&gram(&single.cast()), 2.25);
    }
    assert!(Init::orthogonal().sample::<f32>([0, 3], &mut rng(1)).unwrap().is_empty());
    // Uniform over all rotations: each element of a row of 8 has the mean square 1/8, and both
    // signs are equally frequent; without the choice of signs the first would be negative.
    let mut generator = rng(5);
    let (mut squares, mut positive) = ([0.0; 8], 0);
    for _ in 0..4000 {
        let weight = Init::orthogonal().sample::<f64>([8, 8], &mut generator).unwrap().to_vec();
        for (square, x) in squares.iter_mut().zip(&weight) {
            *square += x * x / 4000.0;
        }
        positive += usize::from(weight[0] > 0.0);
    }
    // A standard deviation of x^2 is below sqrt(2)/8: five of them over sqrt(4000).
    assert!(squares.iter().all(|s| (s - 0.125).abs() < 0.014), "{squares:?}");
    assert!((positive as f64 - 2000.0).abs() < 5.0 * 32.0, "{positive}");
}

fn assert_multiple_of_close(gram: &Tensor<f64>, square: f64) {
    let size = gram.shape()[0];
    for (i, value) in gram.to_vec().into_iter().enumerate() {
        let want = if i % (size + 1) == 0 { square } else { 0.0 };
        assert!((value - want).abs() < 1e-6, "in f32: {value} at {i}, not {want}");
    }
}

#[test]
fn delta_orthogonal_is_orthogonal_at_the_centre_and_zero_around_it() {
    let weight: Tensor<f64> =
        Init::delta_orthogonal().gain(0.5).sample([6, 4, 3, 5], &mut rng(2)).unwrap();
    let centre = weight.slice(2, 1..2).slice(3, 2..3).contiguous().reshape([6, 4]);
    assert_multiple_of_identity(&gram(&centre), 0.25, "centre");
    let around: f64 = weight.to_vec().iter().map(|x| x * x).sum();
    near(around, 4.0 * 0.25, 1e-12, "nothing elsewhere");
    let error = Init::delta_orthogonal().sample::<f32>([4, 6, 3], &mut rng(2)).unwrap_err();
    assert!(error.to_string().contains("at least as many outputs as inputs"), "{error}");
}

#[test]
fn sparse_columns_have_their_zeros_at_random() {
    let init = Init::Sparse { sparsity: 0.25, std: 2.0 };
    let (rows, columns) = (21, 400);
    let weight = init.sample::<f64>([rows, columns], &mut rng(4)).unwrap().to_vec();
    let mut by_row = vec![0; rows];
    for column in 0..columns {
        let zeros: Vec<usize> =
            (0..rows).filter(|row| weight[row * columns + column] == 0.0).collect();
        assert_eq!(zeros.len(), 6, "ceil(21 / 4)"); // as torch.nn.init.sparse_ does
        for row in zeros {
            by_row[row] += 1;
        }
    }
    // Each row has 400 * 6/21 zeros in the mean, with a standard deviation of 9.
    assert!(by_row.iter().all(|count| (70..160).contains(count)), "{by_row:?}");
    let others: Vec<f64> = weight.into_iter().filter(|x| *x != 0.0).collect();
    let variance = others.iter().map(|x| x * x).sum::<f64>() / others.len() as f64;
    near(variance / 4.0, 1.0, 0.08, "variance");
}

#[test]
fn fixups_scale_is_its_formula() {
    near(Fixup { branches: 64, layers: 2 }.scale(), 1.0 / 8.0, 1e-15, "m = 2");
    near(Fixup { branches: 64, layers: 3 }.scale(), 64.0_f64.powf(-0.25), 1e-15, "m = 3");
    let fixup = Fixup { branches: 64, layers: 3 };
    let scaled = Init::he_normal().gain(2.0_f64.sqrt() * fixup.scale());
    assert_eq!([0, 1, 2].map(|i| fixup.init(i)), [scaled.clone(), scaled, Init::Zeros]);
    assert_eq!(Fixup { branches: 9, layers: 1 }.init(0), Init::Zeros);
}

#[test]
fn every_level_and_both_types_draw_the_same() {
    let schemes = [
        Init::he_normal(),
        Init::xavier_uniform(),
        Init::truncated_normal(0.5),
        Init::orthogonal(),
        Init::Sparse { sparsity: 0.5, std: 1.0 },
    ];
    for init in schemes {
        let draw = || init.sample::<f64>([33, 17], &mut rng(7)).unwrap().to_vec();
        let want = draw();
        for level in Level::available() {
            assert_eq!(with_level(level, draw).unwrap(), want, "{init:?} on {level:?}");
        }
        let single = init.sample::<f32>([33, 17], &mut rng(7)).unwrap().to_vec();
        let rounded: Vec<f32> = want.iter().map(|&x| x as f32).collect();
        assert_eq!(single, rounded, "{init:?}");
        assert_ne!(init.sample::<f64>([33, 17], &mut rng(8)).unwrap().to_vec(), want);
    }
}

#[test]
fn shapes_that_do_not_suit_are_refused() {
    for (init, sizes) in [
        (Init::Eye, &[3][..]),
        (Init::Eye, &[3, 3, 3]),
        (Init::Dirac { groups: 1 }, &[3, 3]),
        (Init::Dirac { groups: 2 }, &[3, 3, 3]),
        (Init::orthogonal(), &[3]),
        (Init::orthogonal(), &[]),
        (Init::delta_orthogonal(), &[3, 3]),
        (Init::Sparse { sparsity: 0.5, std: 1.0 }, &[3, 3, 3]),
    ] {
        let error = init.sample::<f32>(sizes, &mut rng(1)).unwrap_err();
        assert!(matches!(error, InitError::Shape { .. }), "{error}");
        assert!(error.to_string().contains("needs"), "{error}");
    }
}

#[test]
fn weights_without_elements_are_orthogonal_too() {
    for shape in [vec![0, 0], vec![0, 3], vec![3, 0], vec![0, 0, 3, 3]] {
        let weight: Tensor<f64> = Init::orthogonal().sample(shape.clone(), &mut rng(1)).unwrap();
        assert_eq!(weight.shape().dims(), shape);
    }
}
