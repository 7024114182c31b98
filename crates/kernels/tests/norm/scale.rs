//! Rows and channels whose squares leave the range of the element type.

use wengert_kernels::Element;
use wengert_kernels::norm::{self, Affine, BatchNormGrad, LayerNormGrad, NormGrads, RmsNormGrad};
use wengert_kernels::testing::{assert_near, assert_same_bits, for_each_level, noise, oracle};

use super::{EPS, bound, shifted, statistics};

/// Rows of one shape at every scale: their normalization does not depend on it.
fn scaled_rows<E: Element>(center: bool) {
    let limit: f64 = if E::NAME == "f32" { 1e38 } else { 1e308 };
    for_each_level(|level| {
        for cols in [2, 7, 40] {
            let base = shifted::<E>(cols, 5, 0.5);
            let wide = oracle::widen(&base);
            let (m, v) = statistics(&wide, center);
            let expected: Vec<f64> = wide.iter().map(|x| (x - m) / v.sqrt()).collect();
            for scale in [limit / 2.0, limit.sqrt() * 10.0, 1.0 / limit.sqrt() / 10.0, 10.0 / limit]
            {
                let x: Vec<E> = wide.iter().map(|x| E::from_f64(x * scale)).collect();
                let (mut y, mut mean, mut rstd) = (vec![E::ZERO; cols], [E::ZERO], [E::ZERO]);
                if center {
                    norm::layer_norm(&x, cols, Affine::NONE, 0.0, &mut y, &mut mean, &mut rstd);
                } else {
                    norm::rms_norm(&x, cols, None, 0.0, &mut y, &mut rstd);
                }
                let what = format!("{cols} times {scale:e}, {} on {level}", E::NAME);
                let near = |i: usize| bound::<E>(cols, 2.0 + expected[i].abs());
                assert_near(&y, &expected, &what, near);
                // The gradient of sum(w y) at the scale of x is that at the scale of one, over it.
                let gy = shifted::<E>(cols, 6, 0.1);
                let g = oracle::widen(&gy);
                let mean_g = if center { g.iter().sum::<f64>() / cols as f64 } else { 0.0 };
                let dot = g.iter().zip(&expected).map(|(g, y)| g * y).sum::<f64>() / cols as f64;
                let right: Vec<f64> = g
                    .iter()
                    .zip(&expected)
                    .map(|(g, y)| (g - mean_g - y * dot) / v.sqrt() / scale)
                    .collect();
                let mut gx = vec![E::ZERO; cols];
                let (gy, x, rstd) = (&gy[..], &x[..], &rstd[..]);
                let to = NormGrads { x: &mut gx, weight: None, bias: None };
                let (weight, eps, mean) = (None, 0.0, &mean[..]);
                if center {
                    let from = LayerNormGrad { gy, x, cols, weight, mean, rstd, eps };
                    norm::layer_norm_grad(&from, to);
                } else {
                    norm::rms_norm_grad(&RmsNormGrad { gy, x, cols, weight, rstd, eps }, to);
                }
                let least = E::MIN_EXPONENT.to_f64().exp2() * E::EPSILON.to_f64();
                assert_near(&gx, &right, &what, |_| {
                    bound::<E>(cols, 3.0 / v.sqrt() / scale) + least
                });
            }
        }
    });
}

#[test]
fn rows_of_any_scale_are_normalized() {
    for center in [true, false] {
        scaled_rows::<f32>(center);
        scaled_rows::<f64>(center);
    }
}

#[test]
fn a_row_of_one_has_no_gradient() {
    for_each_level(|level| {
        for (gy, weight) in [(1.0_f32, 1e10), (0.3, 7.7), (1e25, 1e-30), (3e-30, 1e38)] {
            let (mut gx, mut y) = ([7.0], [0.0]);
            let (mut mean, mut rstd) = ([0.0], [0.0]);
            let affine = Affine { weight: Some(&[weight][..]), bias: None };
            norm::layer_norm(&[0.7], 1, affine, 1e-5, &mut y, &mut mean, &mut rstd);
            let (mean, rstd, eps) = (&mean[..], &rstd[..], 1e-5);
            let (gy, x, weight) = (&[gy][..], &[0.7][..], Some(&[weight][..]));
            let from = LayerNormGrad { gy, x, cols: 1, weight, mean, rstd, eps };
            norm::layer_norm_grad(&from, NormGrads { x: &mut gx, weight: None, bias: None });
            assert_eq!(gx, [0.0], "{gy:?} {weight:?} on {level}");
        }
    });
}

/// Gradients and weights whose products leave the range, and rows without a gradient among others:
/// the ordinary rows keep their bits.
#[test]
fn extreme_gradients_of_rows_leave_the_others_alone() {
    for_each_level(|level| {
        let (rows, cols) = (9, 24);
        let (x, gy) = (noise::<f32>(rows * cols, 1), noise::<f32>(rows * cols, 2));
        let run = |gy: &[f32]| {
            let (mut y, mut mean, mut rstd) = (vec![0.0; 216], [0.0; 9], [0.0; 9]);
            norm::layer_norm(&x, cols, Affine::NONE, EPS, &mut y, &mut mean, &mut rstd);
            let (mean, rstd, x) = (&mean[..], &rstd[..], &x[..]);
            let from = LayerNormGrad { gy, x, cols, weight: None, mean, rstd, eps: EPS };
            norm::layer_norm_grad(&from, NormGrads { x: &mut y, weight: None, bias: None });
            y
        };
        let ordinary = run(&gy);
        for factor in [0.0, 1e-40, 1e-30, 1e37] {
            let mut changed = gy.clone();
            changed[3 * cols..4 * cols].iter_mut().for_each(|g| *g *= factor);
            let got = run(&changed);
            for row in 0..rows {
                let range = row * cols..(row + 1) * cols;
                let (got, plain) = (&got[range.clone()], &ordinary[range.clone()]);
                if row != 3 {
                    assert_same_bits(got, plain, &format!("row {row}, {factor:e} on {level}"));
                    continue;
                }
                let right: Vec<f64> =
                    plain.iter().map(|g| f64::from(*g) * f64::from(factor)).collect();
                let least = f64::from(f32::from_bits(100));
                assert_near(got, &right, &format!("{factor:e} on {level}"), |_| {
                    f64::from(factor) * 1e-5 + least
                });
            }
        }
    });
}

fn scaled_channels<E: Element>() {
    let limit: f64 = if E::NAME == "f32" { 1e38 } else { 1e308 };
    for_each_level(|level| {
        for dims @ [outer, channels, inner] in [[6, 3, 1], [3, 2, 5], [11, 1, 1], [2, 40, 1]] {
            let len = outer * channels * inner;
            let scales = [limit / 2.0, 1.0, 10.0 / limit, limit.sqrt() * 10.0];
            let scale = |i: usize| scales[i / inner % channels % 4];
            let wide: Vec<f64> = noise::<f64>(len, 3).iter().map(|x| x + 0.3).collect();
            let x: Vec<E> =
                wide.iter().enumerate().map(|(i, x)| E::from_f64(x * scale(i))).collect();
            let (mut y, mut gx) = (vec![E::ZERO; len], vec![E::ZERO; len]);
            let (mut mean, mut variance) = (vec![E::ZERO; channels], vec![E::ZERO; channels]);
            norm::batch_norm_statistics(&x, dims, &mut mean, &mut variance);
            let given = (&mean[..], &variance[..]);
            norm::batch_norm_training(&x, dims, given, Affine::NONE, 0.0, &mut y);
            let gy = noise::<E>(len, 4);
            let (mean, variance) = given;
            let (weight, training, eps) = (None, true, 0.0);
            let from =
                BatchNormGrad { gy: &gy, x: &x, dims, weight, mean, variance, eps, training };
            norm::batch_norm_grad(&from, NormGrads { x: &mut gx, weight: None, bias: None });
            let what = format!("{dims:?}, {} on {level}", E::NAME);
            for channel in 0..channels {
                let at: Vec<usize> = (0..len).filter(|i| i / inner % channels == channel).collect();
                let line: Vec<f64> = at.iter().map(|&i| wide[i]).collect();
                let (m, v) = statistics(&line, true);
                let right: Vec<f64> = line.iter().map(|x| (x - m) / v.sqrt()).collect();
                let got: Vec<E> = at.iter().map(|&i| y[i]).collect();
                assert_near(&got, &right, &what, |i| bound::<E>(line.len(), 2.0 + right[i].abs()));
                let g: Vec<f64> = at.iter().map(|&i| gy[i].to_f64()).collect();
                let count = line.len() as f64;
                let mean_g = g.iter().sum::<f64>() / count;
                let dot = g.iter().zip(&right).map(|(g, y)| g * y).sum::<f64>() / count;
                let size = v.sqrt() * scale(at[0]);
                let right: Vec<f64> =
                    g.iter().zip(&right).map(|(g, y)| (g - mean_g - y * dot) / size).collect();
                let got: Vec<E> = at.iter().map(|&i| gx[i]).collect();
                let least = E::MIN_EXPONENT.to_f64().exp2() * E::EPSILON.to_f64();
                assert_near(&got, &right, &what, |_| bound::<E>(line.len(), 4.0 / size) + least);
            }
        }
    });
}

#[test]
fn channels_of_any_scale_are_normalized() {
    scaled_channels::<f32>();
    scaled_channels::<f64>();
}

/// By a huge variance, and with differences and factors that leave the range.
#[test]
fn inference_stays_in_range() {
    for_each_level(|level| {
        let run = |x: f32, mean: f32, variance: f32, weight: f32| {
            let mut y = [0.0];
            let affine = Affine { weight: Some(&[weight][..]), bias: None };
            let given = (&[mean][..], &[variance][..]);
            norm::batch_norm(&[x], [1, 1, 1], given, affine, 1e-5, &mut y);
            y[0]
        };
        let near = |got: f32, right: f64| {
            assert!((f64::from(got) / right - 1.0).abs() < 1e-6, "{got} {right} on {level}");
        };
        near(run(3e38, -3e38, 1e38, 1.0), 6e19);
        near(run(2.0, 1.0, 3e38, 1e35), 1e35 / 3e38_f64.sqrt());
        near(run(1e-20, 0.0, 1e30, 1e30), 1e-5);
        near(run(1e-30, 0.0, 0.0, 1e38), 1e8 / 1e-5_f64.sqrt());
        assert_eq!(run(1.0, 2.0, f32::INFINITY, 3.0), 0.0);
        assert!(run(f32::NAN, -3e38, 1e38, 1.0).is_nan());
    });
}

/// A constant gradient has a gradient of zero through a layer norm, also where its products with a
/// large reciprocal deviation leave the range.
#[test]
fn large_gradients_of_tiny_rows_cancel() {
    for_each_level(|level| {
        let (tiny, large) = (f32::exp2(-40.0), 1.9 * f32::exp2(88.0));
        let (x, gy) = ([tiny, -tiny], [large; 2]);
        let (mut y, mut mean, mut rstd, mut gx) = ([0.0; 2], [0.0], [0.0], [f32::NAN; 2]);
        norm::layer_norm(&x, 2, Affine::NONE, 0.0, &mut y, &mut mean, &mut rstd);
        let (mean, rstd) = (&mean[..], &rstd[..]);
        let from = LayerNormGrad { gy: &gy, x: &x, cols: 2, weight: None, mean, rstd, eps: 0.0 };
        norm::layer_norm_grad(&from, NormGrads { x: &mut gx, weight: None, bias: None });
        assert_eq!(gx, [0.0; 2], "on {level}");
    });
}
