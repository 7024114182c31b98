//! Exact results at the edges of both element types, infinities, and means whose sum overflows.

use wengert_autodiff::ops::{self, Attention, CrossEntropyOptions, Reduction};
use wengert_autodiff::{Mask, Tape, Tensor, Var};
use wengert_kernels::Element;
use wengert_kernels::testing::noise;

use super::{TINY, clipped};

#[test]
fn clipping_at_the_edges_of_the_element_types() {
    assert_eq!(clipped::<f32>(&[f64::from(3e38_f32)], 1e-8).1, [f64::from(1e-8_f32)]);
    // A norm beyond the range of f32.
    let max = f64::from(f32::MAX);
    let (norm, gradient) = clipped::<f32>(&[max; 4], 1.0);
    assert_eq!((norm, gradient), (2.0 * max, vec![0.5; 4]));
    let (norm, gradient) = clipped::<f32>(&[max; 4], max);
    assert_eq!((norm, gradient), (2.0 * max, vec![0.5 * max; 4]));
    // Subnormal gradients, bounds, and results.
    assert_eq!(clipped::<f32>(&[TINY * 8.0], TINY).1, [TINY]);
    assert_eq!(clipped::<f64>(&[5e-324 * 8.0], 5e-324).1, [5e-324]);
    let (norm, gradient) = clipped::<f64>(&[1e-310, -1e-310], 1e-312);
    assert!((norm / 2.0_f64.sqrt() - 1e-310).abs() < 1e-322, "{norm:e}");
    assert!((gradient[0] * 2.0_f64.sqrt() - 1e-312).abs() < 2e-323 && gradient[1] == -gradient[0]);
    // Factors below the range of f64.
    assert_eq!(clipped::<f64>(&[1e308], 1e-308).1, [1e-308]);
    let (norm, gradient) = clipped::<f64>(&[1e300, 1e-20], 1e-10);
    assert_eq!((norm, gradient), (1e300, vec![1e-10, 0.0]));
    let (_, gradient) = clipped::<f64>(&[3e300, 4e300], 5e-10);
    assert!((gradient[0] - 3e-10).abs() < 1e-24 && (gradient[1] - 4e-10).abs() < 1e-24);
    // Finite gradients whose norm is beyond the range of f64.
    let (norm, gradient) = clipped::<f64>(&[1.5e308; 4], 1e-3);
    assert_eq!((norm, gradient), (f64::INFINITY, vec![5e-4; 4]));
    assert_eq!(clipped::<f64>(&[1.0, f64::INFINITY], 1.0).1, [1.0, f64::INFINITY]);
}

/// Rows of equal logits: the loss is a logarithm, and the gradient is that of even odds, exactly.
fn even_odds<E: Element>(magnitudes: &[f64]) {
    let ln2 = E::from_f64(2.0_f64.ln());
    let options = CrossEntropyOptions::new();
    for &m in magnitudes {
        let what = format!("{m:e} {}", E::NAME);
        let tape = Tape::<E>::new();
        let row = Tensor::from_vec(vec![E::from_f64(m); 2], [1, 2]).unwrap();
        let x = tape.variable(&row);
        let hit = tape.constant(&Tensor::from_vec(vec![E::ONE, E::ZERO], [1, 2]).unwrap());
        let half = E::from_f64(0.5);
        let quarter = E::from_f64(0.25);
        // By name, value, first derivative, and the second along the first logit.
        let check = |name: &str, y: Var<'_, E>, value: E, first: [E; 2], second: [E; 2]| {
            let y = y.sum();
            assert_eq!(y.item(), value, "{name} {what}");
            let dx = y.grad(x).unwrap().unwrap();
            assert_eq!(dx.value().to_vec(), first, "gradient of {name} {what}");
            let ddx = (dx * hit).sum().grad(x).unwrap().unwrap();
            assert_eq!(ddx.value().to_vec(), second, "second derivative of {name} {what}");
        };
        let hessian = [quarter, -quarter];
        let losses = [
            ("cross_entropy", ops::cross_entropy(x, &[0][..])),
            ("reduction", ops::cross_entropy_with(x, [0], options.reduction(Reduction::None))),
            ("ignore_index", ops::cross_entropy_with(x, [0], options.ignore_index(9))),
            ("smoothing", ops::cross_entropy_with(x, [0], options.label_smoothing(5e-324))),
            ("soft_cross_entropy", ops::soft_cross_entropy(x, hit, Reduction::Mean)),
            ("nll_loss", ops::nll_loss(x.log_softmax(-1), [0], None, Reduction::Mean)),
        ];
        for (name, loss) in losses {
            check(name, loss.unwrap(), ln2, [-half, half], hessian);
        }
        let even = ops::cross_entropy_with(x, [0], options.label_smoothing(1.0)).unwrap();
        check("even targets", even, ln2, [E::ZERO; 2], hessian);
        let sum = E::from_f64(m) + ln2;
        check("logsumexp", x.logsumexp(), sum, [half; 2], hessian);
        check("softmax", x.softmax(-1) * hit, half, hessian, [E::ZERO; 2]);
        // A column takes another kernel than a row.
        let rows = Tensor::from_vec(vec![E::from_f64(m); 4], [2, 2]).unwrap();
        let x = tape.variable(&rows);
        let dx = x.logsumexp_axes(&[0], false).sum().grad(x).unwrap().unwrap();
        assert_eq!(dx.value().to_vec(), [half; 4], "{what}");
    }
}

#[test]
fn even_odds_are_exact_at_any_magnitude() {
    even_odds::<f32>(&[0.0, 1e-45, 1e-38, 1e3, -1e4, 1e6, 1e7, 1e10, -1e30, 1e38, 3e38, -3e38]);
    even_odds::<f64>(&[0.0, 5e-324, 1e-308, 1e3, 1e15, 1e16, -1e17, 1e30, 1e300, -1e308]);
}

/// With and without options that change nothing the losses have the same bits.
fn options_agree<E: Element>() {
    for (seed, scale) in [1e-30, 1e-3, 1.0, 30.0, 1e4, 1e7, 1e30].into_iter().enumerate() {
        for rows in [1, 2, 3, 7, 50, 1000] {
            let tape = Tape::<E>::new();
            let logits: Vec<E> = noise::<f64>(rows * 5, seed as u64)
                .iter()
                .map(|v| E::from_f64(v * scale))
                .collect();
            let x = tape.variable(&Tensor::from_vec(logits, [rows, 5]).unwrap());
            let labels: Vec<usize> = (0..rows).map(|i| i * 7 % 5).collect();
            let plain = x.cross_entropy(&labels[..]);
            let gradient = plain.backward().get(x).unwrap().to_vec();
            let options = CrossEntropyOptions::new();
            let none = options.reduction(Reduction::None);
            let hit = tape.constant(&Tensor::from_fn([rows, 5], |i| {
                if labels[i[0]] == i[1] { E::ONE } else { E::ZERO }
            }));
            for (name, loss) in [
                ("ignore_index", x.cross_entropy_with(&labels, options.ignore_index(17))),
                ("smoothing", x.cross_entropy_with(&labels, options.label_smoothing(5e-324))),
                (
                    "batch mean",
                    x.cross_entropy_with(&labels, options.reduction(Reduction::BatchMean)),
                ),
                ("mean of rows", x.cross_entropy_with(&labels, none).mean()),
                ("soft", x.soft_cross_entropy(hit, Reduction::Mean)),
                ("nll", x.log_softmax(-1).nll_loss(&labels, None, Reduction::Mean)),
            ] {
                assert_eq!(loss.item(), plain.item(), "{name}, {rows} rows, {scale:e} {}", E::NAME);
                let other = loss.backward().get(x).unwrap().to_vec();
                // The softmax is rounded in another place.
                let bound = 8.0 * E::EPSILON.to_f64() / rows as f64;
                for (a, b) in gradient.iter().zip(other) {
                    assert!((a.to_f64() - b.to_f64()).abs() <= bound, "{name}: {a} and {b}");
                }
            }
        }
    }
}

#[test]
fn a_loss_with_and_without_options_is_the_same() {
    options_agree::<f32>();
    options_agree::<f64>();
}

fn ignored_rows<E: Element>() {
    for bad in [E::ONE, E::NAN, E::INFINITY, E::NEG_INFINITY] {
        let tape = Tape::<E>::new();
        let data = vec![E::ONE, E::ONE, bad, E::ONE];
        let x = tape.variable(&Tensor::from_vec(data, [2, 2]).unwrap());
        let derivatives = |loss: Var<'_, E>| {
            let dx = loss.grad(x).unwrap().unwrap();
            // Directions of different magnitudes.
            let direction =
                tape.constant(&Tensor::from_fn([2, 2], |i| E::from_f64(1.0 + i[1] as f64)));
            let ddx = (dx * direction).sum().grad(x).unwrap();
            (dx.value().to_vec(), ddx.map_or(vec![E::ZERO; 4], |ddx| ddx.value().to_vec()))
        };
        for smoothing in [0.0, 0.25] {
            for reduction in [Reduction::Mean, Reduction::Sum, Reduction::BatchMean] {
                let options = CrossEntropyOptions::new()
                    .label_smoothing(smoothing)
                    .ignore_index(7)
                    .reduction(reduction);
                let all = x.cross_entropy_with([7, 7], options);
                assert_eq!(all.item().is_nan(), reduction == Reduction::Mean);
                assert_eq!(derivatives(all), (vec![E::ZERO; 4], vec![E::ZERO; 4]), "{bad}");
                let one = x.cross_entropy_with([0, 7], options);
                let (dx, ddx) = derivatives(one);
                assert!(dx[0] < E::ZERO && ddx[0] < E::ZERO, "{bad}: {dx:?} {ddx:?}");
                assert_eq!((&dx[2..], &ddx[2..]), (&[E::ZERO; 2][..], &[E::ZERO; 2][..]), "{bad}");
            }
        }
        let all = x.nll_loss([7, 7], Some(7), Reduction::Mean);
        assert!(all.item().is_nan());
        assert_eq!(derivatives(all).0, vec![E::ZERO; 4], "{bad}");
    }
}

#[test]
fn ignored_rows_have_derivatives_of_zero_whatever_they_hold() {
    ignored_rows::<f32>();
    ignored_rows::<f64>();
}

/// The gradient by targets is that of the formula, in rows without targets, too.
#[test]
fn rows_without_targets_have_a_gradient_by_targets() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(&Tensor::from_slice(&[1.0, 3.0], [1, 2]).unwrap());
    let targets = tape.variable(&Tensor::zeros([1, 2]));
    let dx = x.soft_cross_entropy(targets, Reduction::Sum).grad(x).unwrap().unwrap();
    let mixed = dx.slice(1, 0..1).sum().grad(targets).unwrap().unwrap().value().to_vec();
    let p = 1.0 / (1.0 + 2.0_f64.exp());
    assert!((mixed[0] - (p - 1.0)).abs() < 1e-15 && (mixed[1] - p).abs() < 1e-15, "{mixed:?}");
}

fn infinite_logits<E: Element>() {
    let (inf, one, zero) = (E::INFINITY, E::ONE, E::ZERO);
    let gradient = |row: [E; 3], f: &dyn for<'t> Fn(Var<'t, E>) -> Var<'t, E>| {
        let tape = Tape::<E>::new();
        let x = tape.variable(&Tensor::from_slice(&row, [1, 3]).unwrap());
        let y = f(x);
        (y.item(), y.backward().get(x).unwrap().to_vec())
    };
    for rest in [zero, -inf, E::from_f64(-1e30), E::from_f64(3e38)] {
        let row = [inf, rest, zero];
        let of = |f: &dyn for<'t> Fn(Var<'t, E>) -> Var<'t, E>| gradient(row, f);
        assert_eq!(of(&|x| x.logsumexp()), (inf, vec![one, zero, zero]));
        assert_eq!(of(&|x| x.cross_entropy([0])), (zero, vec![zero; 3]));
        assert_eq!(of(&|x| x.cross_entropy([2])), (inf, vec![one, zero, -one]));
        let none = CrossEntropyOptions::new().reduction(Reduction::Sum);
        assert_eq!(of(&|x| x.cross_entropy_with([0], none)), (zero, vec![zero; 3]));
        assert_eq!(of(&|x| x.cross_entropy_with([2], none)), (inf, vec![one, zero, -one]));
        let first = |x: Var<'_, E>| x.softmax(-1).slice(1, 0..1).sum().item();
        let tape = Tape::<E>::new();
        assert_eq!(first(tape.variable(&Tensor::from_slice(&row, [1, 3]).unwrap())), one);
        // No limit exists.
        for row in [[inf, rest, inf], [inf, E::NAN, zero]] {
            assert!(gradient(row, &|x| x.logsumexp()).1.iter().all(|g| g.is_nan()));
            assert!(gradient(row, &|x| x.cross_entropy([0])).1.iter().all(|g| g.is_nan()));
        }
    }
    let masked = gradient([-inf; 3], &|x| x.logsumexp());
    assert_eq!(masked, (-inf, vec![zero; 3]));
}

#[test]
fn a_single_infinite_logit_takes_all() {
    infinite_logits::<f32>();
    infinite_logits::<f64>();
}

fn widths<E: Element>(least: f64, widths: &[f64]) {
    for &beta in widths {
        for d in [0.0, least, beta / 3.0, beta, 1.0, -2.0, 1e30] {
            let what = format!("beta {beta:e}, difference {d:e}, {}", E::NAME);
            let tape = Tape::<E>::new();
            let x = tape.variable(&Tensor::scalar(E::from_f64(d)));
            let zero = tape.constant(&Tensor::scalar(E::ZERO));
            let (d, rounded) = (E::from_f64(d).to_f64(), E::from_f64(beta).to_f64());
            let y = x.smooth_l1_loss(zero, beta, Reduction::Mean);
            let inside = d.abs() <= rounded;
            let exact = if inside { 0.5 * d * (d / rounded) } else { d.abs() - rounded / 2.0 };
            let error = (y.item().to_f64() - E::from_f64(exact).to_f64()).abs();
            assert!(error <= 2.0 * E::EPSILON.to_f64() * exact + least, "{what}: {}", y.item());
            let dx = y.grad(x).unwrap().unwrap();
            let exact = (d / rounded).clamp(-1.0, 1.0);
            let error = (dx.item().to_f64() - exact).abs();
            assert!(
                error <= 2.0 * E::EPSILON.to_f64() * exact.abs() + least,
                "{what}: {}",
                dx.item()
            );
            let ddx = dx.grad(x).unwrap().map_or(E::ZERO, |ddx| ddx.item());
            let exact = E::ONE / E::from_f64(beta);
            if d.abs() != rounded {
                assert_eq!(ddx, if inside { exact } else { E::ZERO }, "{what}");
            }
        }
    }
}

#[test]
fn smooth_errors_of_any_width() {
    widths::<f32>(TINY, &[1e-45, 1e-42, 1e-38, 1e-20, 1e-3, 1.0, 1e5, 1e25, 1e38]);
    widths::<f64>(5e-324, &[5e-324, 1e-320, 1e-308, 1e-100, 1.0, 1e150, 1e308]);
}

#[test]
fn means_of_losses_whose_sum_overflows() {
    let tape = Tape::<f32>::new();
    for len in [4, 100_000] {
        let x = tape.variable(&Tensor::full([len, 1], 3e38));
        let zero = tape.constant(&Tensor::zeros([len, 1]));
        let near = |y: Var<'_, f32>| {
            let y = y.item();
            assert!((f64::from(y) / f64::from(3e38_f32) - 1.0).abs() < 1e-5, "{len}: {y:e}");
        };
        near(x.l1_loss(zero, Reduction::Mean));
        near(x.l1_loss(zero, Reduction::BatchMean));
        near((x * 1.0).mean());
        near((x * 1.0).mean_axes(&[0], false));
        // A deferred mean, and something of the same chain that is computed before it.
        let deferred = x * 1.0;
        let mean = deferred.mean();
        assert_eq!((deferred * 0.0).value().to_vec()[0], 0.0);
        near(mean);
        let root = tape.variable(&Tensor::full([len, 1], 1.732_050_8e19));
        near(root.mse_loss(zero));
        near(root.squared_error(zero, Reduction::Mean));
        let alternating = Tensor::from_fn([len, 1], |i| if i[0] < len / 2 { 3e38 } else { -3e38 });
        assert!(tape.variable(&alternating).mean().item().abs() < 1e34);
        let logits = Tensor::from_fn([len, 2], |i| if i[1] == 0 { 3e38 } else { 0.0 });
        let logits = tape.variable(&logits);
        near(logits.cross_entropy(vec![1; len]));
        let options = CrossEntropyOptions::new().ignore_index(7);
        near(logits.cross_entropy_with(vec![1; len], options));
        near(logits.logsumexp_axes(&[1], false).mean());
    }
    // What is infinite or NaN itself stays so.
    let mean = |x: [f32; 3]| Tensor::from_slice(&x, [3]).unwrap().mean().item();
    assert_eq!(mean([f32::INFINITY, 1.0, 1.0]), f32::INFINITY);
    assert!(mean([f32::INFINITY, f32::NEG_INFINITY, 1.0]).is_nan());
    assert!(mean([f32::NAN, f32::INFINITY, 1.0]).is_nan());
}

#[test]
fn attention_to_very_low_scores() {
    let tensor = |data: &[f64], shape: [usize; 2]| Tensor::from_slice(data, shape).unwrap();
    let query = tensor(&[-1e150, 1e150], [1, 2]);
    let key = tensor(&[1e150, 0.0, 1e150, 0.0, 1.0, 1.0], [3, 2]);
    let value = tensor(&[1.0, 3.0, 100.0], [3, 1]);
    let seen = Mask::from_slice(&[true, true, false], [3]).unwrap();
    let options = Attention::new().mask(&seen);
    let y = query.scaled_dot_product_attention(&key, &value, &options);
    assert_eq!(y.to_vec(), [2.0]);
}

fn running_sums<E: Element>(len: usize, small: f64) {
    let tape = Tape::<E>::new();
    let x = Tensor::from_fn([len], |i| if i[0] == 0 { E::ONE } else { E::from_f64(small) });
    let x = tape.variable(&x);
    let y = x.cumsum(0);
    let (sums, small) = (y.value().to_vec(), E::from_f64(small).to_f64());
    for i in (0..len).step_by(997).chain([len - 1]) {
        let expected = 1.0 + i as f64 * small;
        let error = (sums[i].to_f64() - expected).abs();
        assert!(
            error <= E::EPSILON.to_f64(),
            "{} at {i}: {} instead of {expected}",
            E::NAME,
            sums[i]
        );
    }
    // The gradient is a running sum as well.
    let weights =
        Tensor::from_fn([len], |i| if i[0] == len - 1 { E::ONE } else { E::from_f64(small) });
    let dx = (y * tape.constant(&weights)).sum().backward().get(x).unwrap().to_vec();
    let expected = 1.0 + (len - 1) as f64 * small;
    assert!((dx[0].to_f64() - expected).abs() <= E::EPSILON.to_f64(), "{}", dx[0]);
}

#[test]
fn running_sums_do_not_stand_still() {
    running_sums::<f32>(200_000, 1e-8);
    running_sums::<f64>(200_000, 1e-17);
    let ones = Tensor::<f32>::ones([(1 << 24) + 2]).cumsum(0).to_vec();
    assert_eq!(ones[1 << 24..], [16_777_216.0, 16_777_218.0]);
}
