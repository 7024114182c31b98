//! Kernels along the rows and columns of arrays.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;
use wengert_kernels::norm::{
    self as norms, Affine, BatchNormGrad, LayerNormGrad, NormGrads, RmsNormGrad,
};
use wengert_kernels::{layout as copies, reduce as folds, scan as scans, softmax as soft};

use crate::child::note;
use crate::pages::{Pages, Place, filled};

/// Dimensions with an axis or a run of `len`: rows, columns, and both in several planes.
fn all_dims(len: usize) -> [[usize; 3]; 6] {
    [[1, len, 1], [5, len, 1], [1, 3, len], [2, 3, len], [2, len, 3], [2, len, len]]
}

fn product(dims: &[usize]) -> usize {
    dims.iter().product()
}

pub fn reduce<E: Element>(place: Place, len: usize) {
    note("slices");
    let x = filled::<E>(place, len);
    for fold in [folds::sum, folds::sum_squares, folds::max, folds::min, folds::norm] {
        fold(&x);
    }
    folds::sum_of_parts(&x);
    for dims in all_dims(len) {
        note(&format!("{dims:?}"));
        let [outer, axis, inner] = dims;
        let (x, mut out) = (filled::<E>(place, product(&dims)), filled(place, outer * inner));
        for fold in [
            folds::sum_axis,
            folds::sum_abs_axis,
            folds::prod_axis,
            folds::max_axis,
            folds::min_axis,
            folds::max_abs_axis,
        ] {
            fold(&x, dims, &mut out);
        }
        note("moments");
        let mut variance = filled::<E>(place, outer * inner);
        folds::mean_variance_axis(&x, dims, 1, &mut out, &mut variance);
        folds::mean_deviation_axis(&x, dims, 1, &mut out, &mut variance);
        folds::norm_axis(&x, dims, &mut out);
        folds::repair_sums_axis(&x, dims, 1.0, &mut out);
        if axis > 0 {
            note("places");
            let mut places = Pages::new(place, outer * inner, |i| i);
            folds::argmax_axis(&x, dims, &mut places);
            folds::argmin_axis(&x, dims, &mut places);
        }
    }
    if len > 0 {
        let (x, mut places) = (filled::<E>(place, 3 * len), Pages::new(place, 3, |i| i));
        folds::argmax_rows(&x, len, &mut places);
    }
}

pub fn scan<E: Element>(place: Place, len: usize) {
    for dims in all_dims(len) {
        note(&format!("{dims:?}"));
        let [x, factors, mut out] = [(); 3].map(|()| filled::<E>(place, product(&dims)));
        for reverse in [false, true] {
            scans::cumsum_axis(&x, dims, reverse, &mut out);
            scans::cumprod_axis(&x, dims, reverse, &mut out);
            scans::recurrence_axis(&x, &factors, dims, reverse, &mut out);
        }
    }
}

pub fn softmax<E: Element>(place: Place, len: usize) {
    for dims in all_dims(len) {
        note(&format!("{dims:?}"));
        let [outer, _, inner] = dims;
        let [x, mut out] = [(); 2].map(|()| filled::<E>(place, product(&dims)));
        let [g, mut totals] = [(); 2].map(|()| filled::<E>(place, outer * inner));
        soft::log_sum_exp_axis(&x, dims, &mut totals);
        soft::log_sum_exp_grad_axis(&g, &x, dims, &mut out);
    }
    if len == 0 {
        return;
    }
    note("rows");
    let [x, gy, mut out] = [(); 3].map(|()| filled::<E>(place, 3 * len));
    soft::softmax_rows(&x, len, &mut out);
    soft::log_softmax_rows(&x, len, &mut out);
    soft::softmax_grad_rows(&gy, &x, len, &mut out);
    soft::log_softmax_grad_rows(&gy, &x, len, &mut out);
    note("cross entropy");
    let labels = Pages::new(place, 3, |i| (i * 7) % len);
    let [mut losses, g] = [(); 2].map(|()| filled::<E>(place, 3));
    let mut pairs = Pages::new(place, 3, |_| [E::ONE; 2]);
    soft::cross_entropy_rows(&x, len, &labels, &mut losses, &mut pairs);
    for g in [Run::Slice(&g[..]), Run::Splat(E::ONE)] {
        soft::cross_entropy_grad_rows(&x, len, &labels, &pairs, g, &mut out);
    }
}

pub fn norm<E: Element>(place: Place, len: usize) {
    let of_cols = || filled::<E>(place, len);
    for rows in [0, 1, 5] {
        if len == 0 && rows > 0 {
            continue;
        }
        note(&format!("{rows} rows"));
        let [x, gy, mut out] = [(); 3].map(|()| filled::<E>(place, rows * len));
        let [mut mean, mut rstd] = [(); 2].map(|()| filled::<E>(place, rows));
        let (weight, bias, mut gweight, mut gbias) = (of_cols(), of_cols(), of_cols(), of_cols());
        let affine = Affine { weight: Some(&weight), bias: Some(&bias) };
        for affine in [affine, Affine::NONE] {
            norms::layer_norm(&x, len, affine, 1e-3, &mut out, &mut mean, &mut rstd);
            norms::rms_norm(&x, len, affine.weight, 1e-3, &mut out, &mut rstd);
            note("gradients");
            let (cols, weight) = (len, affine.weight);
            let (mean, rstd, eps) = (&mean[..], &rstd[..], 1e-3);
            let from = LayerNormGrad { gy: &gy, x: &x, cols, weight, mean, rstd, eps };
            let (weight, bias) = (Some(&mut gweight[..]), Some(&mut gbias[..]));
            norms::layer_norm_grad(&from, NormGrads { x: &mut out, weight, bias });
            let from = RmsNormGrad { gy: &gy, x: &x, cols, weight: affine.weight, rstd, eps };
            let (weight, bias) = (Some(&mut gweight[..]), Some(&mut gbias[..]));
            norms::rms_norm_grad(&from, NormGrads { x: &mut out, weight, bias });
        }
    }
    for dims in [[5, len, 1], [2, len, 3], [2, 3, len], [1, 1, len], [len, 2, 2]] {
        note(&format!("batch norm of {dims:?}"));
        let [x, gy, mut out] = [(); 3].map(|()| filled::<E>(place, product(&dims)));
        let [mut mean, mut variance, weight, bias, mut gweight, mut gbias] =
            [(); 6].map(|()| filled::<E>(place, dims[1]));
        norms::batch_norm_statistics(&x, dims, &mut mean, &mut variance);
        let affine = Affine { weight: Some(&weight), bias: Some(&bias) };
        norms::batch_norm(&x, dims, (&mean, &variance), affine, 1e-3, &mut out);
        norms::batch_norm_training(&x, dims, (&mean, &variance), affine, 1e-3, &mut out);
        note("gradients");
        for training in [false, true] {
            let from = BatchNormGrad {
                gy: &gy,
                x: &x,
                dims,
                weight: Some(&weight),
                mean: &mean,
                variance: &variance,
                eps: 1e-3,
                training,
            };
            let (weight, bias) = (Some(&mut gweight[..]), Some(&mut gbias[..]));
            norms::batch_norm_grad(&from, NormGrads { x: &mut out, weight, bias });
        }
    }
}

pub fn layout<E: Element>(place: Place, len: usize) {
    for other in [1, 3, 8, 17, 40, len] {
        note(&format!("{len} x {other}"));
        let (src, mut out) = (filled::<E>(place, len * other), filled::<E>(place, len * other));
        let (n, m) = (len as isize, other as isize);
        let last = (len * other).saturating_sub(1);
        for (offset, strides) in [
            (0, [m, 1]),
            (0, [1, n]),
            (last, [-m, -1]),
            (last, [-1, -n]),
            (last.saturating_sub(other.saturating_sub(1)), [-m, 1]),
            (0, [0, 1]),
            (0, [1, 0]),
        ] {
            if len == 0 || other == 0 {
                continue;
            }
            // Repeated rows and columns end where the source does.
            let reach = (n - 1) * strides[0] + (m - 1) * strides[1];
            let offset = if strides.contains(&0) { last - reach as usize } else { offset };
            note(&format!("strides {strides:?} from {offset}"));
            copies::copy_strided(&src, offset, &[len, other], &strides, &mut out);
        }
        if other > 0 && len > 0 {
            note("rows");
            copies::copy_rows(&src, 0, m, other, &mut out);
            copies::copy_rows(&src, (len - 1) * other, -m, other, &mut out);
            copies::copy_rows(&src, (len - 1) * other, 0, other, &mut out);
        }
    }
}
