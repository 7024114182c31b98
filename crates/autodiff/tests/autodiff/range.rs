//! Results and gradients that are in the range of the element type although numbers on the way to
//! them are not, compared with values that are exact or computed with separate exponents.

use wengert_autodiff::ops::Attention;
use wengert_autodiff::{CreateGraph, Element, Mask, Tape, Tensor, Var, grad};

fn vector<E: Element>(values: &[f64]) -> Tensor<E> {
    let values: Vec<E> = values.iter().map(|&x| E::from_f64(x)).collect();
    Tensor::from_slice(&values, [values.len()]).unwrap()
}

/// `mantissa 2^exponent` of a product of numbers.
fn product(factors: impl IntoIterator<Item = f64>) -> (f64, i32) {
    factors.into_iter().fold((1.0, 0), |(mantissa, exponent), x| {
        let mut product = mantissa * if x.abs() < 1e-150 { x * 2.0_f64.powi(600) } else { x };
        let mut exponent = exponent - if x.abs() < 1e-150 { 600 } else { 0 };
        while product != 0.0 && product.is_finite() && product.abs() < 1.0 {
            product *= 2.0;
            exponent -= 1;
        }
        while product.is_finite() && product.abs() >= 2.0 {
            product /= 2.0;
            exponent += 1;
        }
        (product, exponent)
    })
}

/// The number of the type nearest to a product.
fn rounded<E: Element>((mantissa, exponent): (f64, i32)) -> E {
    let half = exponent / 2;
    E::from_f64(mantissa * f64::from(half).exp2() * f64::from(exponent - half).exp2())
}

#[track_caller]
fn near<E: Element>(got: &[E], want: &[E], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let least = E::MIN_EXPONENT.to_f64().exp2() * E::EPSILON.to_f64();
    for (g, w) in got.iter().zip(want) {
        let (g, w) = (g.to_f64(), w.to_f64());
        let close = (g - w).abs() <= tolerance * E::EPSILON.to_f64() * w.abs() + 2.0 * least;
        assert!(g == w || close || (g.is_nan() && w.is_nan()), "{what}: {got:?}, not {want:?}");
    }
}

/// The gradient of a function, weighted by a cotangent, and the same where it is recorded.
fn gradients<E: Element>(
    x: &Tensor<E>,
    cotangent: &Tensor<E>,
    f: impl for<'t> Fn(Var<'t, E>) -> Var<'t, E>,
) -> [Vec<E>; 2] {
    let tape = Tape::new();
    let x = tape.variable(x);
    let (y, gy) = (f(x), tape.constant(cotangent));
    let plain = grad(&[y], &[gy], &[x], CreateGraph::No).unwrap().remove(0).unwrap();
    let recorded = grad(&[y], &[gy], &[x], CreateGraph::Yes).unwrap().remove(0).unwrap();
    [plain.to_vec(), recorded.value().to_vec()]
}

/// Lines of factors whose product or whose partial products leave the range of the type.
fn lines<E: Element>() -> Vec<Vec<f64>> {
    // The type's largest power of ten, and a fraction of it.
    let big: f64 = if E::NAME == "f32" { 1e30 } else { 1e250 };
    let large = |times: f64| big.powf(times);
    vec![
        vec![large(0.7), 0.0, -large(0.7), 0.0],
        vec![big, big, 1.0 / big, 1.0 / big],
        vec![1.0 / big, 1.0 / big, big, big, -3.0],
        vec![1.0 / big, large(-0.3), big, large(0.3), 1.5],
        vec![big, -big, 0.0, 2.0],
        vec![big, big],
        vec![1.0 / big, -1.0 / big],
        vec![large(-1.25), large(-0.05), big],
        (0..40).map(|i| if i % 2 == 0 { big } else { 0.5 / big }).collect(),
        (0..300).map(|i| if i < 150 { 1.5e-3 } else { 0.7e3 }).collect(),
        vec![2.0, 3.0, -4.0],
    ]
}

fn products<E: Element>() {
    for line in lines::<E>() {
        let x = vector::<E>(&line);
        let factors: Vec<f64> = x.to_vec().into_iter().map(E::to_f64).collect();
        let (n, what) = (factors.len() as f64, &format!("{} {line:?}", E::NAME));
        let want = rounded::<E>(product(factors.iter().copied()));
        near(&[x.prod().item()], &[want], n, what);
        // The same line down the columns of a matrix, beside an ordinary one.
        let columns = Tensor::from_fn([line.len(), 2], |i| {
            if i[1] == 0 { E::ONE } else { E::from_f64(line[i[0]]) }
        });
        near(&columns.prod_axes(&[0], false).to_vec(), &[E::ONE, want], n, what);
        for weight in [1.0, if want.to_f64().abs() > 1.0 { 1e-20 } else { 1e20 }, 0.0] {
            let others = |i: usize| {
                let others = (0..factors.len()).filter(move |&k| k != i).map(|k| factors[k]);
                rounded(product(others.chain([E::from_f64(weight).to_f64()])))
            };
            let want: Vec<E> = (0..factors.len()).map(others).collect();
            let cotangent = Tensor::scalar(E::from_f64(weight));
            for got in gradients(&x, &cotangent, |x| x.prod()) {
                near(&got, &want, 4.0 * n, &format!("{what}, cotangent {weight}"));
            }
        }
    }
}

#[test]
fn products_and_their_gradients_of_factors_of_mixed_scales() {
    products::<f32>();
    products::<f64>();
    let product = |x: &[f64]| f64::from(vector::<f32>(x).prod().item());
    assert_eq!(product(&[1e20, 0.0, -1e20, 0.0]), 0.0);
    assert!(product(&[1e20, f64::INFINITY, 0.0]).is_nan());
    assert!(product(&[0.0, f64::NAN, 1e-40]).is_nan());
    assert_eq!(product(&[1e-40, f64::NEG_INFINITY]), f64::NEG_INFINITY);
    let exact = f64::from(1e-40_f32) * f64::from(1e38_f32);
    assert_eq!(product(&[1e-40, 1e38]), f64::from(exact as f32));
    assert_eq!(product(&[]), 1.0);
    // Two zeros, and one beside an infinity.
    let slope = |x: &[f64]| gradients(&vector::<f32>(x), &Tensor::scalar(1.0), |x| x.prod());
    for got in slope(&[0.0, 1e30, 0.0, 1e30]) {
        assert_eq!(got, [0.0; 4]);
    }
    for got in slope(&[f64::INFINITY, 0.0, 3.0]) {
        assert!(got[0] == 0.0 && got[1] == f32::INFINITY && got[2].is_nan(), "{got:?}");
    }
}

/// The second derivatives of a product of mixed scales: the products of the others.
#[test]
fn second_derivatives_of_a_product_of_mixed_scales() {
    let factors = [1e30, 2e30, 0.5e-30, 1e-30];
    let tape = Tape::new();
    let x = tape.variable(&vector::<f32>(&factors));
    let first = x.prod().grad(x).unwrap().unwrap();
    let of_first = first.slice(0, 0..1).sum().backward().get(x).unwrap().to_vec();
    near(&of_first, &[0.0, 0.5e-60, 2.0, 1.0], 100.0, "by the first factor");
}

fn running<E: Element>() {
    for line in lines::<E>() {
        let x = vector::<E>(&line);
        let factors: Vec<f64> = x.to_vec().into_iter().map(E::to_f64).collect();
        let n = factors.len();
        let what = &format!("{} {line:?}", E::NAME);
        let running = |end: usize| rounded::<E>(product(factors[..=end].iter().copied()));
        let want: Vec<E> = (0..n).map(running).collect();
        near(&x.cumprod(0).to_vec(), &want, n as f64, what);
        let columns =
            Tensor::from_fn([n, 2], |i| if i[1] == 0 { E::ONE } else { E::from_f64(line[i[0]]) });
        let columns = columns.cumprod(0).transpose(0, 1).contiguous().to_vec();
        near(&columns[n..], &want, n as f64, what);
        // The gradient of the last product.
        let last = Tensor::from_fn([n], |i| if i[0] + 1 == n { E::ONE } else { E::ZERO });
        let others =
            |i: usize| rounded(product((0..n).filter(move |&k| k != i).map(|k| factors[k])));
        let want: Vec<E> = (0..n).map(others).collect();
        let [got, _] = gradients(&x, &last, |x| x.cumprod(0));
        near(&got, &want, 4.0 * n as f64, &format!("{what}, gradient"));
    }
}

#[test]
fn running_products_return_to_the_range() {
    running::<f32>();
    running::<f64>();
    let x = vector::<f64>(&[1e200, 1e200, 1e-300, 1e-300, 3.0]);
    let [got, _] = gradients(&x, &Tensor::ones([5]), |x| x.cumprod(0));
    // 1 + x1 + x1 x2 + .. for the first, and so on.
    near(&got, &[1e200, 1e200, f64::INFINITY, 4e100, 1e-200], 20.0, "the sum of all");
}

#[test]
fn quotients_and_powers_of_small_numbers() {
    #[track_caller]
    fn close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-6 * want.abs(), "{got}, not {want}");
    }
    type Function = for<'t> fn(Var<'t, f32>) -> Var<'t, f32>;
    let derivative = |x: f64, gy: f64, f: Function| {
        let [plain, recorded] = gradients(&vector::<f32>(&[x]), &vector(&[gy]), f);
        assert!(plain == recorded || plain[0].is_nan(), "{plain:?} {recorded:?}");
        f64::from(plain[0])
    };
    // 0 / b, and a / b for small numbers.
    assert_eq!(derivative(4e-45, 1.0, |b| 0.0 / b), 0.0);
    assert_eq!(derivative(4e-45, 0.0, |b| 1.0 / b), 0.0);
    close(derivative(1e-25, 1e-20, |b| 1e-30 / b), -1.0);
    close(derivative(1e-30, 1e10, |b| 1e-35 / b), -1e35);
    assert!(derivative(0.0, 1.0, |b| 0.0 / b).is_nan());
    assert_eq!(derivative(0.0, 1.0, |b| 1.0 / b), f64::NEG_INFINITY);
    assert!(derivative(1.0, f64::NAN, |b| 0.0 / b).is_nan());
    // The squares of these reciprocals overflow, or underflow.
    close(derivative(1e-25, 1e-20, |x| x.reciprocal()), -1e30);
    close(derivative(1e25, 1e20, |x| x.reciprocal()), -1e-30);
    close(derivative(1e-25, 1e-20, |x| x.pow_scalar(-1.0)), -1e30);
    close(derivative(-1e-15, 1e-20, |x| x.pow_scalar(-2.0)), 2e25);
    close(derivative(1e-30, 1e-20, |x| x.rsqrt()), -0.5e25);
    close(derivative(1e30, 1e20, |x| x.rsqrt()), -0.5e-25);
    close(derivative(4.0, 1.0, |x| x.pow_scalar(-0.5)), -0.0625);
    // At both zeros: an odd and an even power, and one that is no integer.
    for zero in [0.0, -0.0] {
        assert_eq!(derivative(zero, 1.0, |x| x.pow_scalar(-1.0)), f64::NEG_INFINITY);
        assert_eq!(derivative(zero, 1.0, |x| x.pow_scalar(-0.5)), f64::NEG_INFINITY);
    }
    assert_eq!(derivative(0.0, 1.0, |x| x.pow_scalar(-2.0)), f64::NEG_INFINITY);
    assert_eq!(derivative(-0.0, 1.0, |x| x.pow_scalar(-2.0)), f64::INFINITY);
    assert_eq!(derivative(0.0, 0.0, |x| x.rsqrt() + x.reciprocal() + x.pow_scalar(-2.0)), 0.0);
}

/// Attention to two keys whose scores are `1e42` and more, beyond the range of an `f32`.
#[test]
fn attention_with_scores_beyond_the_range() {
    let tensor = |data: &[f32], shape: [usize; 2]| Tensor::from_slice(data, shape).unwrap();
    let query = tensor(&[1e21, 0.0, -1e21, 0.0, 0.0, 1.0, 1e21, -1e21], [4, 2]);
    let key = tensor(&[1e21, 1e21, 2e21, 1e21, 2e21, 1e21], [3, 2]);
    let value = tensor(&[1.0, 3.0, 7.0], [3, 1]);
    let hidden = Mask::from_slice(&[true, true, false], [3]).unwrap();
    for (options, want) in [
        // The third query has equal scores of 1e21, the fourth scores of 0, 1e42 and 1e42.
        (Attention::new(), [5.0, 1.0, 11.0 / 3.0, 5.0]),
        (Attention::new().mask(&hidden), [3.0, 1.0, 2.0, 3.0]),
    ] {
        let tape = Tape::new();
        tape.detect_anomaly(true);
        let [q, k, v] = [&query, &key, &value].map(|x| tape.variable(x));
        let y = q.scaled_dot_product_attention(k, v, &options);
        near(&y.value().to_vec(), &want, 4.0, "the limit");
        let gradients = y.sum().backward();
        for (x, len) in [(q, 8), (k, 6), (v, 3)] {
            let gradient = gradients.get(x).unwrap().to_vec();
            assert!(gradient.len() == len && gradient.iter().all(|x| x.is_finite()));
        }
        // Weights of all queries, by columns.
        let total: f32 = gradients.get(v).unwrap().to_vec().iter().sum();
        assert!((total - 4.0).abs() < 1e-5, "{total}");
    }
    let large = tensor(&[f32::MAX; 4], [2, 2]);
    let y = large.scaled_dot_product_attention(&large, &large, &Attention::new().scale(1.0));
    near(&y.to_vec(), &[f32::MAX; 4], 4.0, "the largest numbers");
    let large = Tensor::<f64>::full([2, 2], f64::MAX);
    let y = large.scaled_dot_product_attention(&large, &large, &Attention::new());
    near(&y.to_vec(), &[f64::MAX; 4], 4.0, "the largest numbers");
    // An operand that is infinite or NaN and visible is still one.
    let nan = tensor(&[f32::NAN, 0.0, 0.0, 0.0], [2, 2]);
    let y = nan.scaled_dot_product_attention(
        &large.cast(),
        &tensor(&[1.0, 2.0], [2, 1]),
        &Attention::new(),
    );
    assert!(y.to_vec()[0].is_nan());
}

/// Scores of 1e21, which are in the range, and their gradients.
#[test]
fn attention_with_large_scores() {
    let tensor = |data: &[f32], shape: [usize; 2]| Tensor::from_slice(data, shape).unwrap();
    let tape = Tape::new();
    let query = tape.variable(&tensor(&[1e21, 1e10, 1.0, -1e21], [2, 2]));
    let key = tape.variable(&tensor(&[1.0, 1e11, 1.0, 0.5], [2, 2]));
    let value = tape.variable(&tensor(&[1.0, 3.0], [2, 1]));
    for options in [Attention::new(), Attention::new().mask(&Mask::full([2, 2], true))] {
        let y = query.scaled_dot_product_attention(key, value, &options);
        assert_eq!(y.value().to_vec(), [1.0, 3.0]);
        let gradients = y.sum().backward();
        for x in [query, key, value] {
            let gradient = gradients.get(x).unwrap().to_vec();
            assert!(gradient.iter().all(|x| x.is_finite()), "{gradient:?}");
        }
    }
}

/// What no query attends to has no effect, and neither has a query that attends to nothing.
#[test]
fn padding_of_attention_may_be_nan() {
    let fill = |padding: f32| {
        let tape = Tape::new();
        let of = |shape: [usize; 4], padded: usize, seed: usize| {
            tape.variable(&Tensor::from_fn(shape, |i| {
                let own = i[2] < if i[0] == 0 { padded } else { shape[2] };
                let number = (i[0] * 31 + i[1] * 17 + i[2] * 7 + i[3] * 3 + seed) % 11;
                if own { number as f32 * 0.25 - 1.0 } else { padding }
            }))
        };
        // Two batches, of which the first has padding, and two heads.
        let operands = [of([2, 2, 3, 4], 2, 0), of([2, 2, 5, 4], 3, 1), of([2, 2, 5, 2], 3, 2)];
        let mask = Mask::from_fn([2, 1, 3, 5], |i| i[0] == 1 || (i[2] < 2 && i[3] < 3));
        let [query, key, value] = operands;
        let y = query.scaled_dot_product_attention(key, value, &Attention::new().mask(&mask));
        let gradients = (y * y).sum().backward();
        let mut all = vec![y.value().to_vec()];
        all.extend(operands.map(|x| gradients.get(x).unwrap().to_vec()));
        all
    };
    let want = fill(0.0);
    assert!(want[0].iter().all(|x| x.is_finite()));
    for padding in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        for (got, want) in fill(padding).iter().zip(&want) {
            near(got, want, 4.0, &format!("padding {padding}"));
        }
    }
}

/// Quotients of elements and norms that underflow, whose powers do not.
#[test]
fn gradients_of_norms_of_mixed_magnitudes() {
    let check = |values: &[f64], p: f64, want: &[f64], tolerance| {
        let what = format!("{values:?}, p = {p}");
        for gradient in gradients_of_norm::<f32>(values, p) {
            near(&gradient, &vector::<f32>(want).to_vec(), tolerance, &what);
        }
        for gradient in gradients_of_norm::<f64>(values, p) {
            near(&gradient, &vector::<f64>(want).to_vec(), tolerance, &what);
        }
    };
    // (1e-30 / 1e30)^(p - 1). The exponent p - 1 has an error of eps, times ln 1e60 = 138.
    check(&[1e30, 1e-30], 1.1, &[1.0, 1e-6], 2000.0);
    check(&[1e30, -1e-30, 0.0], 1.01, &[1.0, -1e-6_f64.powf(0.1), 0.0], 2000.0);
    check(&[1e30, 1e-30], 1.5, &[1.0, 1e-30], 2000.0);
    // The norm exceeds the range of f32: all shares are equal.
    check(&[3e38; 3], 1.5, &[3.0_f64.powf(-1.0 / 3.0); 3], 40.0);
    // Powers that grow the rounding error of the norm.
    let half = 2.0_f64.powf(1e-10 - 1.0);
    check(&[3.0, 4.0, -4.0], 1e10, &[0.0, half, -half], 40.0);
    check(&[2.0; 3], 1e6, &[3.0_f64.powf(1e-6 - 1.0); 3], 40.0);
    check(&[0.0, 0.0], 1e6, &[0.0, 0.0], 0.0);
    check(&[1e-30, 0.0], 3.0, &[1.0, 0.0], 40.0);
    let double = gradients_of_norm::<f64>(&[2.0; 3], 1e17);
    near(&double[0], &[1.0 / 3.0; 3], 40.0, "p = 1e17");
    let double = gradients_of_norm::<f64>(&[1e200, 1e-200], 1.1);
    near(&double[0], &[1.0, 1e-40], 1e4, "f64, p = 1.1");
}

fn gradients_of_norm<E: Element>(values: &[f64], p: f64) -> [Vec<E>; 2] {
    gradients(&vector::<E>(values), &Tensor::scalar(E::ONE), |x| x.norm(p))
}

/// A visible score may be the lowest number itself.
#[test]
fn hidden_keys_have_no_weight_next_to_the_lowest_scores() {
    let tensor = |data: &[f32]| Tensor::from_slice(data, [data.len(), 1]).unwrap();
    let mask = Mask::from_slice(&[true, false], [2]).unwrap();
    let options = Attention::new().scale(1.0).mask(&mask);
    for query in [f32::MIN, f32::MIN / 1.5, -1e38, f32::MAX] {
        let (query, key, value) = (tensor(&[query]), tensor(&[1.0, 1.0]), tensor(&[5.0, 7.0]));
        let y = query.scaled_dot_product_attention(&key, &value, &options);
        assert_eq!(y.to_vec(), [5.0], "{query}");
    }
}

#[test]
fn gradients_of_the_cosine_with_large_cotangents() {
    let (a, b) = ([1e-5, -2e-5, 3e-5], [0.7, 0.4, 1.1]);
    // The same in f64, where nothing overflows.
    let right = gradients(&vector::<f64>(&a), &Tensor::scalar(1e30), |x| {
        x.cosine_similarity(x.tape().constant(&vector(&b)), 0, 1e-8)
    });
    let got = gradients(&vector::<f32>(&a), &Tensor::scalar(1e30), |x| {
        x.cosine_similarity(x.tape().constant(&vector(&b)), 0, 1e-8)
    });
    let right: Vec<f32> = right[0].iter().map(|&x| x as f32).collect();
    for got in got {
        near(&got, &right, 100.0, "cosine");
    }
}

#[test]
fn means_of_windows_whose_sums_exceed_the_range() {
    use wengert_autodiff::ops::{Pool1d, Pool2d};
    let x = Tensor::from_slice(&[3e38_f32, 3e38, -3e38, 3e38, f32::INFINITY, 0.0], [1, 1, 6]);
    let x = x.unwrap();
    let want = [3e38, 0.0, f32::INFINITY];
    assert_eq!(x.avg_pool1d(Pool1d::new(2)).to_vec(), want);
    assert_eq!(x.adaptive_avg_pool1d(3).to_vec(), want);
    let y = Tensor::full([1, 1, 4, 4], f64::MAX).avg_pool2d(Pool2d::new(2)).to_vec();
    assert_eq!(y, [f64::MAX; 4]);
    assert!(Tensor::from([[[f32::NAN, 1.0]]]).avg_pool1d(Pool1d::new(2)).item().is_nan());
}
