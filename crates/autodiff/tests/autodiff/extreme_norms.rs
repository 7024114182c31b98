//! Norms, moments and normalizations at the ends of the range: right values, and where there is
//! none.

use wengert_autodiff::ops::NormOptions;
use wengert_autodiff::{CreateGraph, Element, Tape, Tensor, Var, grad};

fn tensor<E: Element>(data: &[f64], shape: &[usize]) -> Tensor<E> {
    Tensor::from_vec(data.iter().map(|x| E::from_f64(*x)).collect(), shape.to_vec()).unwrap()
}

fn wide<E: Element>(x: &Tensor<E>) -> Vec<f64> {
    x.to_vec().into_iter().map(E::to_f64).collect()
}

fn row<E: Element>(x: &[f64]) -> Tensor<E> {
    tensor(x, &[1, x.len()])
}

fn near<E: Element>(got: &Tensor<E>, right: &[f64]) {
    let got = wide(got);
    assert_eq!(got.len(), right.len());
    for (a, b) in got.iter().zip(right) {
        assert!((a - b).abs() <= 4e-6 * b.abs(), "{got:?} where {right:?} is right");
    }
}

/// The value of `f` at a row, and the gradient of its sum.
fn at<E: Element>(
    x: &[f64],
    f: impl for<'t> Fn(Var<'t, E>) -> Var<'t, E>,
) -> (Tensor<E>, Tensor<E>) {
    let tape = Tape::new();
    let x = tape.variable(&row(x));
    let y = f(x);
    let gradient = y.sum().backward().get(x).unwrap().clone();
    (y.value(), gradient)
}

#[test]
fn cosines_of_huge_and_tiny_vectors() {
    let cosine = |a: &[f64], b: &[f64]| {
        let b = row(b);
        at::<f32>(a, move |a| a.cosine_similarity(a.tape().constant(&b), 1, 1e-8))
    };
    near(&cosine(&[2e19], &[1.0]).0, &[1.0]);
    near(&cosine(&[2e19], &[2e19]).0, &[1.0]);
    let (a, b) = (2.0775e38, 3.0262e38);
    let (value, gradient) = cosine(&[a, b], &[1.0, 1.0]);
    near(&value, &[0.983_158_6]);
    let length = f64::hypot(a, b);
    let slope = |x: f64| (0.5_f64.sqrt() - x / length * (a + b) / length * 0.5_f64.sqrt()) / length;
    let limit = f64::from(f32::MIN_POSITIVE);
    for (got, right) in wide(&gradient).into_iter().zip([slope(a), slope(b)]) {
        assert!((got - right).abs() < 1e-6 * limit, "{got:e} {right:e}");
    }
    // Divided by eps each, not by their norms.
    near(&cosine(&[3e-25, 4e-25], &[4e-25, 3e-25]).0, &[24e-50 / 1e-16]);
    let (value, gradient) = cosine(&[3e-30, 4e-30], &[1e30, 0.0]);
    near(&value, &[3e-22]);
    near(&gradient, &[1e8, 0.0]);
    // The f64 of smallest vectors, by an eps that is smaller still.
    let b = row(&[5e-324]);
    let smallest =
        at::<f64>(&[5e-324], move |a| a.cosine_similarity(a.tape().constant(&b), 1, 5e-324));
    near(&smallest.0, &[1.0]);
    let nan = cosine(&[f64::NAN, 1e30], &[1.0, 1.0]).0;
    assert!(nan.to_vec()[0].is_nan());
    assert_eq!(cosine(&[0.0, 0.0], &[1e38, 1e38]).0.to_vec(), [0.0]);
}

fn rows_at<E: Element>(large: f64) {
    let options = NormOptions::new();
    let scaled = |x: &[f64]| x.iter().map(|x| x * large).collect::<Vec<_>>();
    let x = scaled(&[3.0, 6.0]);
    near(&at::<E>(&x, |x| x.layer_norm(None, None, options)).0, &[-1.0, 1.0]);
    near(&at::<E>(&x, |x| x.group_norm(1, None, None, 1e-5)).0, &[-1.0, 1.0]);
    near(&at::<E>(&x, |x| x.transpose(0, 1).batch_norm(None, None, 1e-5).output).0, &[-1.0, 1.0]);
    let (value, gradient) = at::<E>(&scaled(&[1.0, 2.0]), |x| x.rms_norm(None, options));
    near(&value, &[1.0 / 2.5_f64.sqrt(), 2.0 / 2.5_f64.sqrt()]);
    // (1 - y mean(y)) / rms
    let rms = 2.5_f64.sqrt();
    let slope = |y: f64| (1.0 - y / rms * 1.5 / rms) / rms / large;
    near(&gradient, &[slope(1.0), slope(2.0)]);
    let (value, gradient) = at::<E>(&x, |x| x.std(0));
    near(&value, &[1.5 * large]);
    near(&gradient, &[-0.5, 0.5]);
    let (value, gradient) = at::<E>(&scaled(&[3.0, 4.0]), |x| x.norm(2.0));
    near(&value, &[5.0 * large]);
    near(&gradient, &[0.6, 0.8]);
    let gradient = at::<E>(&x, |x| x.var(0) * E::from_f64(1e-20)).1;
    near(&gradient, &[-1.5e-20 * large, 1.5e-20 * large]);
}

#[test]
fn rows_whose_squares_overflow() {
    rows_at::<f32>(1e19);
    rows_at::<f32>(3e37);
    rows_at::<f64>(1e155);
    rows_at::<f64>(2e307);
}

#[test]
fn gradients_where_the_norm_is_beyond_the_range() {
    let largest = f64::from(f32::MAX);
    let (value, gradient) = at::<f32>(&[largest, largest], |x| x.norm(2.0));
    assert_eq!(value.item(), f32::INFINITY);
    near(&gradient, &[0.5_f64.sqrt(); 2]);
    let smallest = f64::from(f32::from_bits(1));
    near(&at::<f32>(&[smallest, smallest], |x| x.norm(2.0)).1, &[0.5_f64.sqrt(); 2]);
    let (value, gradient) = at::<f32>(&[largest, -largest], |x| x.std(1));
    assert_eq!(value.item(), f32::INFINITY);
    near(&gradient, &[0.5_f64.sqrt(), -0.5_f64.sqrt()]);
}

/// Means and sums whose partial sums overflow, computed at once and deferred.
#[test]
fn sums_and_means_near_the_end_of_the_range() {
    near(&at::<f32>(&[3e38, 3e38, 3e38], |x| x.mean()).0, &[3e38]);
    near(&at::<f32>(&[3e38, 3e38, -3e38], |x| x.sum()).0, &[3e38]);
    near(&at::<f64>(&[1.7e308, 1.7e308], |x| x.mean()).0, &[1.7e308]);
    let x = Tensor::<f32>::full([2, 3, 2], 3e38);
    near(&x.mean_axes(&[0, 2], false), &[3e38; 3]);
    let signs = Tensor::<f32>::from_fn([2, 3, 2], |i| if i[0] == 0 { 3e38 } else { -3e38 });
    assert_eq!(signs.sum_axes(&[0, 2], false).to_vec(), [0.0; 3]);
    for len in [100_000, 300_000] {
        let tape = Tape::<f32>::new();
        let x = tape.variable(&Tensor::full([len], 1.5e19));
        let mean = (x * x).mean();
        near(&mean.value(), &[2.25e38]);
        let signs = Tensor::from_fn([len], |i| if i[0] % 2 == 0 { 1.0 } else { -1.0 });
        let sum = (x * x * tape.constant(&signs)).sum();
        assert_eq!(sum.item(), 0.0);
        assert!((x * x * x).sum().item().is_infinite());
    }
}

#[test]
fn a_feature_alone_has_no_gradient() {
    let options = NormOptions::new();
    let tape = Tape::<f32>::new();
    let x = tape.variable(&row(&[0.3]));
    let weight = tape.variable(&tensor(&[1e10], &[1]));
    let y = x.layer_norm(Some(weight), None, options);
    assert_eq!(y.sum().backward().get(x).unwrap().to_vec(), [0.0]);
}

#[test]
fn a_nan_or_an_infinity_stays_in_its_row() {
    let options = NormOptions::new();
    for poison in [f32::NAN, f32::INFINITY] {
        let x = Tensor::from_fn([3, 4], |i| match (i[0], i[1]) {
            (1, 2) => poison,
            (2, _) => 1e30 * (1 + i[1]) as f32,
            (_, j) => j as f32,
        });
        let rows = |y: Tensor<f32>| y.to_vec();
        let y = rows(x.layer_norm(None, None, options));
        assert!(y[4..8].iter().all(|y| y.is_nan()) && y[..4].iter().all(|y| y.is_finite()));
        let right = [-1.341_640_8, -0.447_213_6, 0.447_213_6, 1.341_640_8];
        near(
            &tensor::<f32>(&y[8..].iter().map(|y| f64::from(*y)).collect::<Vec<_>>(), &[4]),
            &right,
        );
        let y = rows(x.norm_axes(2.0, &[1], false));
        assert!(!y[1].is_finite() && y[0].is_finite() && y[2].is_finite(), "{y:?}");
        let y = rows(x.std_axes(&[1], 0, false));
        assert!(y[1].is_nan() && y[0].is_finite() && y[2].is_finite(), "{y:?}");
    }
}

/// `grad` by the kernel and by the formula that is recorded, and a second derivative.
fn both<E: Element>(x: &Tensor<E>, f: impl for<'t> Fn(Var<'t, E>) -> Var<'t, E>) -> [Tensor<E>; 3] {
    let tape = Tape::new();
    let x = tape.variable(x);
    let y = f(x);
    let weights = tape.constant(&Tensor::from_fn(y.shape(), |i| {
        E::from_f64([0.5, -1.5, 2.0, 0.25, -0.75][i.iter().sum::<usize>() % 5])
    }));
    let once = grad(&[y], &[weights], &[x], CreateGraph::No).unwrap().remove(0).unwrap();
    let recorded = grad(&[y], &[weights], &[x], CreateGraph::Yes).unwrap()[0].unwrap();
    let ones = tape.constant(&Tensor::ones(recorded.shape()));
    let twice = grad(&[recorded], &[ones], &[x], CreateGraph::No).unwrap().remove(0).unwrap();
    [once, recorded.value(), twice]
}

/// Of equal elements, far larger than the root of `eps`: `n` is 0,
/// `gx = (g - mean(g)) / sqrt(eps)`, and so the second derivative is 0. The mean of some of these
/// numbers of elements is rounded, by more than the root of `eps`.
fn equal_elements<E: Element>(scales: &[f64], cols: usize) {
    for &scale in scales {
        for eps in [1e-5, 1e-30] {
            let x = Tensor::full([3, cols], E::from_f64(scale));
            let options = NormOptions::new().eps(eps);
            let rows = both(&x, |x| x.layer_norm(None, None, options));
            let channels = both(&x.t(), |x| x.batch_norm(None, None, eps).output);
            let groups = both(&x.reshape([3, cols, 1]), |x| x.group_norm(1, None, None, eps));
            for [once, recorded, twice] in [rows, channels, groups] {
                let largest = once.abs().max().item().to_f64();
                assert!(largest.is_finite() && largest > 0.1 / eps.sqrt(), "{scale} {eps}");
                let off = (&once - &recorded).abs().max().item().to_f64() / largest;
                assert!(off < 1e-5, "{scale} {eps} {cols}: {once} but {recorded}");
                let twice = twice.abs().max().item().to_f64();
                assert!(twice <= 1e-5 * largest * largest, "{scale} {eps} {cols}: {twice}");
            }
        }
    }
}

#[test]
fn equal_elements_have_the_same_gradient_where_it_is_recorded() {
    for cols in [2, 3, 4, 5, 7, 8] {
        equal_elements::<f32>(&[0.25, 1e3, 1e10, 2.5e18, 2.5e20, 3e38], cols);
        equal_elements::<f64>(&[0.25, 1e10, 2.5e150, 1e200, 1e308], cols);
    }
}
