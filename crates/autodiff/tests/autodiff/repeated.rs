//! Reductions and comparisons of broadcast views: every element is read once, and the results are
//! those of copies.

use wengert_autodiff::ops::Reduction;
use wengert_autodiff::{Mask, Result, Shape, Tape, Tensor, Var, ops};

/// Views in which elements repeat along none, some, or all axes.
fn views() -> Vec<Tensor<f64>> {
    let column = Tensor::from_slice(&[0.5, -1.25, 2.0], [3, 1]).unwrap();
    let row = Tensor::from_slice(&[1.5, 0.25, -0.75, 1.0], [4]).unwrap();
    vec![
        column.broadcast_to([3, 5]),
        column.broadcast_to([2, 3, 5]),
        row.broadcast_to([6, 4]),
        row.broadcast_to([6, 4]).transpose(0, 1),
        row.broadcast_to([2, 3, 4]).permute(&[1, 2, 0]),
        column.unsqueeze(1).broadcast_to([3, 2, 5]),
        Tensor::scalar(-1.5).broadcast_to([4, 3]),
        Tensor::scalar(1.5).broadcast_to([1, 7]),
        row.clone(),
    ]
}

fn close(got: &Tensor<f64>, expected: &Tensor<f64>, name: &str) {
    assert_eq!(got.shape(), expected.shape(), "{name}");
    for (got, expected) in got.to_vec().into_iter().zip(expected.to_vec()) {
        let near = (got - expected).abs() <= 1e-13 * expected.abs().max(1.0);
        assert!(
            near || got.is_nan() && expected.is_nan() || got == expected,
            "{name}: {got} {expected}"
        );
    }
}

#[test]
fn reductions_of_views_are_those_of_copies() {
    type Reduction = fn(&Tensor<f64>, &[isize], bool) -> Tensor<f64>;
    let reductions: [(&str, Reduction); 14] = [
        ("sum", |x, axes, keep| x.sum_axes(axes, keep)),
        ("mean", |x, axes, keep| x.mean_axes(axes, keep)),
        ("max", |x, axes, keep| x.max_axes(axes, keep)),
        ("min", |x, axes, keep| x.min_axes(axes, keep)),
        ("prod", |x, axes, keep| x.prod_axes(axes, keep)),
        ("norm 1", |x, axes, keep| x.norm_axes(1.0, axes, keep)),
        ("norm 2", |x, axes, keep| x.norm_axes(2.0, axes, keep)),
        ("norm 3", |x, axes, keep| x.norm_axes(3.0, axes, keep)),
        ("norm inf", |x, axes, keep| x.norm_axes(f64::INFINITY, axes, keep)),
        ("var 0", |x, axes, keep| x.var_axes(axes, 0, keep)),
        ("var 1", |x, axes, keep| x.var_axes(axes, 1, keep)),
        ("var 5", |x, axes, keep| x.var_axes(axes, 5, keep)),
        ("std 1", |x, axes, keep| x.std_axes(axes, 1, keep)),
        ("logsumexp", |x, axes, keep| x.logsumexp_axes(axes, keep)),
    ];
    for x in views() {
        let copy = Tensor::from_slice(&x.to_vec(), x.shape()).unwrap();
        let last = x.rank() as isize - 1;
        let all: Vec<isize> = (0..=last).collect();
        for axes in [&[0][..], &[last], &all, &[]] {
            for (name, reduce) in reductions {
                for keep in [false, true] {
                    let name = format!("{name} of {} over {axes:?}", x.shape());
                    close(&reduce(&x, axes, keep), &reduce(&copy, axes, keep), &name);
                }
            }
        }
        for axis in 0..=last {
            assert_eq!(x.argmax(axis, false), copy.argmax(axis, false));
            assert_eq!(x.argmin(axis, true), copy.argmin(axis, true));
        }
        let target = Shape::from([x.shape()[x.rank() - 1]]);
        let tape = Tape::new();
        let sums =
            [&x, &copy].map(|x| ops::sum_to(tape.constant(x), target.clone()).unwrap().value());
        close(&sums[0], &sums[1], "sum_to");
    }
}

#[test]
fn views_compare_as_copies_do() {
    for x in views() {
        let copy = Tensor::from_slice(&x.to_vec(), x.shape()).unwrap();
        assert_eq!(x, copy);
        assert_eq!(copy, x);
        assert_eq!(x, x.clone());
        for place in 0..copy.len() {
            let mut other = copy.clone();
            other.as_mut_slice()[place] += 1.0;
            assert!(x != other, "{place} of {}", x.shape());
        }
        let mean = x.mean();
        let (mask, expected) = (x.gt(&mean), copy.gt(&mean));
        assert_eq!(mask, expected);
        assert_eq!(expected, mask);
        assert_eq!(mask.to_vec(), expected.to_vec());
        assert_eq!(
            (mask.any(), mask.all(), mask.count()),
            (expected.any(), expected.all(), expected.count())
        );
        assert_eq!((!&mask).to_vec(), (!&expected).to_vec());
        assert_eq!((&mask & &mask.not()).count(), 0);
        assert_eq!(mask.to_tensor::<f64>(), expected.to_tensor());
        let double = &x + &x;
        assert_eq!(double, &copy + &copy);
        assert_eq!(x.cast::<f32>(), copy.cast());
    }
    let nan = Tensor::scalar(f64::NAN).broadcast_to([3]);
    assert!(nan != nan.clone());
    let rows = Tensor::from_slice(&[1.0, 2.0], [2]).unwrap().broadcast_to([2, 2]);
    assert!(rows != rows.transpose(0, 1));
    assert_eq!(Mask::full([2, 0], true), Mask::full([2, 0], false));
}

#[test]
fn enormous_views_have_closed_forms() {
    const N: usize = 1 << 40;
    let x = Tensor::scalar(1.5_f64).broadcast_to([N]);
    let n = N as f64;
    assert_eq!((x.sum().item(), x.mean().item(), x.max().item()), (1.5 * n, 1.5, 1.5));
    assert_eq!((x.var(1).item(), x.std(0).item()), (0.0, 0.0));
    assert_eq!((x.norm(1.0).item(), x.norm(2.0).item()), (1.5 * n, 1.5 * n.sqrt()));
    assert_eq!(x.logsumexp().item(), 1.5 + n.ln());
    assert_eq!(x.prod().item(), f64::INFINITY);
    let minus = Tensor::scalar(-1.0_f32).broadcast_to([N + 1]);
    assert_eq!((minus.prod().item(), minus.slice(0, 1..).prod().item()), (-1.0, 1.0));
    assert_eq!(x.argmax(0, false).as_slice(), [0]);
    assert!(x == x.clone() && x.exp() != x && x.lt_scalar(2.0).all());
    let mean = Tensor::scalar(1e30_f32).broadcast_to([N]).mean();
    assert_eq!(mean.item(), 1e30);
    let rows = Tensor::from_slice(&[1.0_f64, 2.0], [2]).unwrap().broadcast_to([N, 2]);
    let columns = rows.transpose(0, 1);
    assert_eq!(columns.matmul(&rows).to_vec(), [n, 2.0 * n, 2.0 * n, 4.0 * n]);
    // The gradient is a view as well.
    let tape = Tape::new();
    let v = tape.variable(&x);
    let gradient = v.square().mean().backward().get(v).unwrap().clone();
    assert_eq!(gradient.get(&[N - 1]), Some(3.0 / n));
    let [many, one] = [&rows, &rows.slice(0, ..1)].map(|x| tape.variable(x));
    let gradients = (many.gelu().sum() + one.gelu().sum()).backward();
    assert_eq!(gradients.get(many).unwrap().slice(0, ..1), *gradients.get(one).unwrap());
}

/// The losses of views, and their gradients, as no copy of the views would fit in memory.
#[test]
fn losses_of_enormous_views_have_closed_forms() {
    const N: usize = 1 << 40;
    type Loss = for<'t> fn(Var<'t, f64>, Var<'t, f64>, Reduction) -> Result<Var<'t, f64>>;
    let numbers = |a: [f64; 2]| Tensor::from_slice(&a, [2]).unwrap().broadcast_to([N, 2]);
    let (a, b) = (numbers([0.25, 3.0]), numbers([0.5, 0.75]));
    let losses: [(&str, Loss); 7] = [
        ("l1_loss", ops::l1_loss),
        ("squared_error", ops::squared_error),
        ("huber_loss", |a, b, reduction| ops::huber_loss(a, b, 1.0, reduction)),
        ("smooth_l1_loss", |a, b, reduction| ops::smooth_l1_loss(a, b, 0.5, reduction)),
        ("kl_div", |a, b, reduction| ops::kl_div(a, b, false, reduction)),
        ("kl_div of logarithms", |a, b, reduction| ops::kl_div(a, b, true, reduction)),
        ("binary_cross_entropy_with_logits", |a, b, reduction| {
            let weight = a.tape().constant(&Tensor::from_slice(&[2.0, 3.0], [2])?);
            ops::binary_cross_entropy_with_logits(a, b, Some(weight), reduction)
        }),
    ];
    for (name, loss) in losses {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::BatchMean] {
            let run = |a: &Tensor<f64>, b: &Tensor<f64>| {
                let tape = Tape::new();
                let (a, b) = (tape.variable(a), tape.variable(b));
                let loss = loss(a, b, reduction).unwrap();
                let gradients = loss.try_backward().unwrap();
                let gradient = |x| gradients.get(x).unwrap().slice(0, ..1);
                (loss.item(), gradient(a).to_vec(), gradient(b).to_vec())
            };
            let (whole, row) = (run(&a, &b), run(&a.slice(0, ..1), &b.slice(0, ..1)));
            // A sum is that of `N` rows. Each mean is that of one, and each gradient of a mean a
            // share of it.
            let n = N as f64;
            let (value, gradient) =
                if reduction == Reduction::Sum { (n, 1.0) } else { (1.0, 1.0 / n) };
            let near = |got: f64, want: f64| {
                assert!((got - want).abs() <= 1e-14 * want.abs(), "{name}: {got} {want}");
            };
            near(whole.0, row.0 * value);
            for (got, want) in [(whole.1, row.1), (whole.2, row.2)] {
                got.iter().zip(want).for_each(|(got, want)| near(*got, want * gradient));
            }
        }
    }
}

#[test]
fn printing_never_takes_more_than_a_page() {
    for shape in [&[2; 40][..], &[8, 8, 8, 8, 8], &[1 << 40, 1 << 19], &[2; 1100]] {
        let shape = if shape.len() > 1000 { vec![1; shape.len()] } else { shape.to_vec() };
        let text = Tensor::scalar(0.125_f32).broadcast_to(shape).to_string();
        assert!(text.lines().count() <= 1001 && text.len() < 1 << 16, "{}", text.len());
    }
    let cut = Tensor::scalar(1.0_f32).broadcast_to([8, 8, 8, 8]).to_string();
    assert!(cut.contains('…') && cut.ends_with(']'), "{cut}");
}

/// The number of elements is so large that visiting each of them would take days.
#[test]
fn the_elements_of_a_huge_view_are_counted_and_passed_over_at_once() {
    let huge = Tensor::<f32>::scalar(1.5).broadcast_to([1_usize << 40]);
    assert_eq!(huge.iter().count(), 1 << 40);
    assert_eq!(huge.iter().last(), Some(&1.5));
    assert_eq!(huge.iter().rev().nth((1 << 40) - 1), Some(&1.5));
    assert_eq!(huge.iter().rev().nth(1 << 40), None);
    let x = Tensor::from_fn([3, 4], |i| (4 * i[0] + i[1]) as f32);
    let view = x.t();
    let elements = view.to_vec();
    for skip in 0..14 {
        let (mut got, mut want) = (view.iter(), elements.iter());
        assert_eq!(got.nth(1), want.nth(1));
        assert_eq!(got.nth_back(skip), want.nth_back(skip));
        assert_eq!(got.clone().count(), want.clone().count());
        assert_eq!(got.clone().last(), want.clone().last());
        assert!(got.eq(want), "{skip}");
    }
}
