//! Values and derivatives where formulas break: at kinks, ties, jumps, zeros, and next to
//! infinities.

use wengert_autodiff::{Mask, Tape, Tensor, Var};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

/// The gradient of the sum of a function's results.
fn slope(values: &[f64], f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.variable(&vector(values));
    let gradients = f(x).sum().backward();
    gradients.get(x).map_or(vec![0.0; values.len()], Tensor::to_vec)
}

/// The second derivative along all elements at once.
fn bend(values: &[f64], f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.variable(&vector(values));
    let first = f(x).sum().grad(x).unwrap().unwrap();
    // The first derivative may be a constant.
    let gradients = first.requires_grad().then(|| first.sum().backward());
    let bend = gradients.as_ref().and_then(|gradients| gradients.get(x));
    bend.map_or(vec![0.0; values.len()], Tensor::to_vec)
}

#[track_caller]
fn assert_same(got: &[f64], want: &[f64]) {
    let same = |(g, w): (&f64, &f64)| g == w || (g.is_nan() && w.is_nan());
    assert!(got.len() == want.len() && got.iter().zip(want).all(same), "{got:?}, not {want:?}");
}

#[test]
fn steps_and_kinks_have_their_stated_slopes() {
    assert_same(&slope(&[-2.0, 0.0, -0.0, 3.0, NAN], |x| x.abs()), &[-1.0, 0.0, 0.0, 1.0, NAN]);
    let steps = |x: f64| slope(&[x], |x| x.sign() + x.floor() + x.ceil() + x.round() + x.trunc());
    assert_same(&[-1.5, 0.0, 2.0, 0.25].map(|x| steps(x)[0]), &[0.0; 4]);
    let x = [-3.0, -1.0, 0.0, 2.0, INF];
    assert_same(&slope(&x, |x| x.clamp(-1.0, 2.0)), &[0.0, 0.0, 1.0, 0.0, 0.0]);
    let x = vector(&[-2.5, -0.5, 0.5, 1.5, 2.5, NAN]);
    assert_same(&x.round().to_vec(), &[-2.0, 0.0, 0.0, 2.0, 2.0, NAN]);
    assert_same(&x.clamp(-1.0, INF).to_vec(), &[-1.0, -0.5, 0.5, 1.5, 2.5, NAN]);
    assert_same(&x.sign().to_vec(), &[-1.0, -1.0, 1.0, 1.0, 1.0, NAN]);
}

#[test]
fn ties_share_the_gradient_equally() {
    let x = [0.5, 1.0, 2.0, NAN];
    assert_same(
        &slope(&x, |x| x.maximum(x.tape().constant(&Tensor::ones([4])))),
        &[0.0, 0.5, 1.0, NAN],
    );
    assert_same(
        &slope(&[1.0, NAN], |x| x.maximum(x.tape().constant(&vector(&[NAN, 1.0])))),
        &[NAN, NAN],
    );
    assert_same(
        &slope(&x, |x| x.minimum(x.tape().constant(&Tensor::ones([4])))),
        &[1.0, 0.5, 0.0, NAN],
    );
    assert_same(
        &slope(&[3.0, 1.0, 3.0, 3.0], |x| x.max()),
        &[1.0 / 3.0, 0.0, 1.0 / 3.0, 1.0 / 3.0],
    );
    assert_same(&slope(&[3.0, 1.0, 1.0], |x| x.min()), &[0.0, 0.5, 0.5]);
    // A NaN is the result, and takes the gradient.
    assert!(vector(&[1.0, NAN, INF]).max().item().is_nan());
    assert_same(&slope(&[1.0, NAN, INF], |x| x.max()), &[0.0, 1.0, 0.0]);
    assert_same(&slope(&[INF, INF, 1.0], |x| x.max()), &[0.5, 0.5, 0.0]);
    let error = Tensor::<f64>::zeros([0]);
    let error = std::panic::catch_unwind(|| error.max()).unwrap_err();
    assert!(error.downcast_ref::<String>().unwrap().contains("at least one element"));
}

/// An infinite cotangent gives zero where the slope is zero.
#[test]
fn an_infinite_cotangent_stops_at_a_flat_side() {
    fn infinite(y: Var<'_, f64>) -> Var<'_, f64> {
        y.mul_scalar(INF)
    }
    assert_same(&slope(&[-3.0], |x| infinite(x.clamp(-1.0, 1.0))), &[0.0]);
    assert_same(&slope(&[1.0, 2.0], |x| infinite(x.max())), &[0.0, INF]);
    // Elements that a mask excludes contribute nothing to the value, and their gradient is zero.
    let mask = Mask::from_slice(&[true, false], [2]).unwrap();
    let other = vector(&[NAN, 7.0]);
    assert_same(&vector(&[1.0, INF]).where_(&mask, &vector(&[NAN, 7.0])).to_vec(), &[1.0, 7.0]);
    assert_same(
        &slope(&[1.0, INF], |x| infinite(x.where_(&mask, x.tape().constant(&other)))),
        &[INF, 0.0],
    );
    assert_same(&vector(&[1.0, NAN]).masked_fill(&(!&mask), 3.0).to_vec(), &[1.0, 3.0]);
    assert_same(&slope(&[2.0, 0.0], |x| x.masked_fill(&(!&mask), 1.0).log()), &[0.5, 0.0]);
}

#[test]
fn powers_at_zero_and_of_negative_numbers() {
    let x = [0.0, -2.0, 3.0];
    assert_same(&vector(&x).pow_scalar(0.0).to_vec(), &[1.0; 3]);
    assert_same(&slope(&x, |x| x.pow_scalar(0.0)), &[0.0; 3]);
    assert_same(&slope(&x, |x| x.pow_scalar(1.0)), &[1.0; 3]);
    assert_same(&slope(&x, |x| x.pow_scalar(2.0)), &[0.0, -4.0, 6.0]);
    assert_same(&slope(&x, |x| x.pow_scalar(3.0)), &[0.0, 12.0, 27.0]);
    assert_same(&bend(&x, |x| x.pow_scalar(2.0)), &[2.0; 3]);
    assert_same(&bend(&x, |x| x.pow_scalar(1.0)), &[0.0; 3]);
    assert_same(&slope(&[0.0, 4.0], |x| x.pow_scalar(0.5)), &[INF, 0.25]);
    assert_same(&vector(&x).pow_scalar(0.5).to_vec(), &[0.0, NAN, 3.0_f64.sqrt()]);

    let tape = Tape::new();
    let a = tape.variable(&vector(&[0.0, 0.0, 0.0, -2.0, 2.0]));
    let b = tape.variable(&vector(&[0.0, 2.0, 1.0, 3.0, 0.0]));
    let y = a.pow(b);
    assert_same(&y.value().to_vec(), &[1.0, 0.0, 0.0, -8.0, 1.0]);
    let gradients = y.sum().backward();
    assert_same(&gradients.get(a).unwrap().to_vec(), &[0.0, 0.0, 1.0, 12.0, 0.0]);
    let by_exponent = gradients.get(b).unwrap().to_vec();
    assert_same(&by_exponent, &[0.0, 0.0, 0.0, NAN, 2.0_f64.ln()]);
}

/// The number on the variable's tape.
fn number(x: Var<'_, f64>, value: f64) -> Var<'_, f64> {
    x.tape().constant(&vector(&[value]))
}

/// Derivatives of both orders by the base and by the exponent at the base 0.
#[test]
fn powers_of_zero_have_the_derivatives_of_their_polynomials() {
    for (p, first, second) in [(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 0.0, 2.0), (3.0, 0.0, 0.0)] {
        for zero in [0.0, -0.0] {
            assert_same(&slope(&[zero], |x| x.pow_scalar(p)), &[first]);
            assert_same(&bend(&[zero], |x| x.pow_scalar(p)), &[second]);
            assert_same(&slope(&[zero], |x| x.pow(number(x, p))), &[first]);
            assert_same(&bend(&[zero], |x| x.pow(number(x, p))), &[second]);
            // By the exponent.
            assert_same(&slope(&[p], |x| number(x, zero).pow(x)), &[0.0]);
            assert_same(&bend(&[p], |x| number(x, zero).pow(x)), &[0.0]);
            // The gradient by the base of a power whose exponent has a gradient, too.
            let tape = Tape::new();
            let (a, b) = (tape.variable(&vector(&[zero])), tape.variable(&vector(&[p])));
            let by_base = a.pow(b).sum().grad(a).unwrap().unwrap();
            assert_same(&by_base.value().to_vec(), &[first]);
            let twice = by_base.sum().backward().get(a).unwrap().to_vec();
            assert_same(&twice, &[second]);
        }
    }
    // The derivatives of other powers are infinite there.
    assert_same(&slope(&[0.0], |x| x.pow_scalar(-1.0)), &[-INF]);
    assert_same(&bend(&[0.0], |x| x.pow_scalar(1.5)), &[INF]);
}

#[test]
fn remainders_have_the_sign_of_the_dividend() {
    let (a, b) = (vector(&[5.5, -5.5, 5.5, -5.5, 6.0]), vector(&[2.0, 2.0, -2.0, -2.0, INF]));
    assert_same(&(&a % &b).to_vec(), &[1.5, -1.5, 1.5, -1.5, 6.0]);
    let tape = Tape::new();
    let (a, b) = (tape.variable(&a), tape.variable(&b));
    let gradients = (a % b).sum().backward();
    assert_same(&gradients.get(a).unwrap().to_vec(), &[1.0; 5]);
    assert_same(&gradients.get(b).unwrap().to_vec(), &[-2.0, 2.0, 2.0, -2.0, 0.0]);
}

#[test]
fn angles_at_the_origin_and_far_away() {
    let tape = Tape::new();
    let y = tape.variable(&vector(&[0.0, 1e200, 1e-200, 3.0]));
    let x = tape.variable(&vector(&[0.0, 1e200, 1e-200, -4.0]));
    let gradients = y.atan2(x).sum().backward();
    let near = |got: &[f64], want: &[f64]| {
        for (g, w) in got.iter().zip(want) {
            assert!((g - w).abs() <= 1e-14 * w.abs(), "{got:?}, not {want:?}");
        }
    };
    near(&gradients.get(y).unwrap().to_vec(), &[0.0, 0.5e-200, 0.5e200, -0.16]);
    near(&gradients.get(x).unwrap().to_vec(), &[0.0, -0.5e-200, -0.5e200, -0.12]);
}

#[test]
fn products_with_zeros_have_all_their_derivatives() {
    assert_same(&slope(&[2.0, 3.0, 4.0], |x| x.prod()), &[12.0, 8.0, 6.0]);
    assert_same(&slope(&[2.0, 0.0, 4.0], |x| x.prod()), &[0.0, 8.0, 0.0]);
    assert_same(&slope(&[0.0, 0.0, 4.0], |x| x.prod()), &[0.0, 0.0, 0.0]);
    // The sum of each row of the second derivative, of which the pairs are products of the others.
    assert_same(&bend(&[2.0, 0.0, 4.0], |x| x.prod()), &[4.0, 6.0, 2.0]);
    assert_same(&bend(&[0.0, 0.0, 4.0], |x| x.prod()), &[4.0, 4.0, 0.0]);
    assert_same(&slope(&[2.0, 0.0, 4.0], |x| x.cumprod(0)), &[1.0, 10.0, 0.0]);
    assert_same(&bend(&[2.0, 0.0, 4.0], |x| x.cumprod(0)), &[5.0, 7.0, 2.0]);
    assert_eq!(Tensor::<f32>::zeros([0]).prod().item(), 1.0);
}

#[test]
fn deviations_and_norms_of_nothing_but_equals_have_slope_zero() {
    assert_same(&slope(&[2.0, 2.0, 2.0], |x| x.std(1)), &[0.0; 3]);
    assert_same(&slope(&[2.0, 2.0], |x| x.var(0)), &[0.0; 2]);
    assert!(vector(&[2.0]).var(1).item().is_nan());
    assert_same(&vector(&[1.0, 3.0]).var(0).to_vec(), &[1.0]);
    assert_same(&vector(&[1.0, 3.0]).var(1).to_vec(), &[2.0]);
    for p in [1.0, 1.5, 2.0, 3.0, INF] {
        assert_same(&slope(&[0.0, 0.0], |x| x.norm(p)), &[0.0; 2]);
        assert_eq!(Tensor::<f64>::zeros([0]).norm(p).item(), 0.0);
    }
    assert_same(&slope(&[3.0, -4.0], |x| x.norm(2.0)), &[0.6, -0.8]);
    assert_same(&slope(&[3.0, -4.0, 0.0], |x| x.norm(1.0)), &[1.0, -1.0, 0.0]);
    assert_same(&slope(&[3.0, -4.0, 4.0], |x| x.norm(INF)), &[0.0, -0.5, 0.5]);
    let error = std::panic::catch_unwind(|| vector(&[1.0]).norm(0.5)).unwrap_err();
    let message = error.downcast_ref::<String>().unwrap();
    assert_eq!(message, "norm: p must be at least 1, or infinite, got 0.5");
}

#[test]
fn norms_leave_the_range_only_where_they_are_beyond_it() {
    for scale in [1e30_f32, 1e-30, 1e-40, 1.0] {
        let x = Tensor::from_slice(&[3.0 * scale, 4.0 * scale], [2]).unwrap();
        for (p, want) in [(2.0, 5.0), (3.0, 91.0_f64.cbrt()), (1.0, 7.0), (INF, 4.0)] {
            let got = f64::from(x.norm(p).item()) / f64::from(scale);
            let tolerance = if scale < 1e-38 { 1e-4 } else { 1e-6 };
            assert!((got - want).abs() <= tolerance * want, "{p} at {scale:e}: {got}");
        }
    }
    assert_eq!(vector(&[1.0, -INF]).norm(2.0).item(), INF);
    assert_eq!(vector(&[1.0, -INF]).norm(3.0).item(), INF);
    assert!(vector(&[1.0, NAN]).norm(2.0).item().is_nan());
    assert!(vector(&[1.0, NAN]).norm(3.0).item().is_nan());
}

#[test]
fn logarithms_of_sums_of_nothing() {
    let x = Tensor::from_slice(&[-INF, -INF, -INF, 0.0, 1e4, 1e4], [3, 2]).unwrap();
    let y = x.logsumexp_axes(&[1], false);
    assert_same(&y.to_vec(), &[-INF, 0.0, 1e4 + 2.0_f64.ln()]);
    let tape = Tape::new();
    let x = tape.variable(&x);
    let gradients = x.logsumexp_axes(&[1], false).sum().backward();
    let slopes = gradients.get(x).unwrap().to_vec();
    assert_same(&slopes[..4], &[0.0, 0.0, 0.0, 1.0]);
    assert!((slopes[4] - 0.5).abs() < 1e-12 && (slopes[5] - 0.5).abs() < 1e-12, "{slopes:?}");
    assert_eq!(Tensor::<f64>::zeros([0]).logsumexp().item(), -INF);
}

/// Axes that are no neighbours, kept and not, in any layout: as one after the other.
#[test]
fn scattered_axes_are_reduced_together() {
    let x = Tensor::from_fn([2, 3, 4], |i| ((7 * i[0] + 5 * i[1] + 3 * i[2]) % 11) as f64 - 4.5);
    for x in [x.clone(), x.permute(&[2, 0, 1]).contiguous().permute(&[1, 2, 0])] {
        let line = |j: usize| -> Vec<f64> {
            (0..2)
                .flat_map(|i| (0..4).map(move |k| (i, k)))
                .map(|(i, k)| x.get(&[i, j, k]).unwrap())
                .collect()
        };
        for j in 0..3 {
            let line = vector(&line(j));
            let near =
                |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} {b}");
            let at = |y: Tensor<f64>| y.get(&[j]).unwrap();
            near(at(x.var_axes(&[0, 2], 1, false)), line.var(1).item());
            near(at(x.std_axes(&[0, -1], 0, false)), line.std(0).item());
            near(at(x.norm_axes(2.0, &[2, 0], false)), line.norm(2.0).item());
            near(at(x.logsumexp_axes(&[0, 2], false)), line.logsumexp().item());
            near(at(x.prod_axes(&[0, 2], false)), line.prod().item());
            near(at(x.max_axes(&[0, 2], false)), line.max().item());
            near(at(x.min_axes(&[0, 2], false)), line.min().item());
        }
        assert_eq!(x.var_axes(&[0, 2], 1, true).shape().dims(), [1, 3, 1]);
    }
}
