//! Losses in f64 against those of PyTorch (`../../training_reference/losses.py`), and their
//! derivatives against differences.

use wengert_autodiff::{Result, Tape, Tensor, Var, gradgradcheck};
use wengert_nn::loss::{
    CrossEntropyOptions, CtcOptions, FocalOptions, GaussianNll, PoissonNll, Reduction,
    TripletOptions, cosine_embedding_loss, cross_entropy_with, ctc_loss, dice_loss, focal_loss,
    gaussian_nll_loss, hinge_loss, info_nce_loss, multi_margin_loss, poisson_nll_loss,
    triplet_margin_loss,
};

fn matrix(f: impl Fn(f64, f64) -> f64) -> Tensor<f64> {
    Tensor::from_fn([4, 3], |i| f(i[0] as f64, i[1] as f64))
}

fn a() -> Tensor<f64> {
    matrix(|i, j| 1.5 * (1.0 + 3.0 * i + j).sin())
}

fn b() -> Tensor<f64> {
    matrix(|i, j| (2.0 + i - 2.0 * j).cos())
}

fn c() -> Tensor<f64> {
    matrix(|i, j| (i + 5.0 * j).sin())
}

fn sign() -> Tensor<f64> {
    matrix(|i, j| if (i + j) % 3.0 == 0.0 { 1.0 } else { -1.0 })
}

fn frames() -> Tensor<f64> {
    Tensor::from_fn([6, 3, 5], |i| {
        let [t, n, k] = [i[0], i[1], i[2]].map(|i| i as f64);
        1.5 * (1.0 + 3.0 * t + 7.0 * n + 2.0 * k + t * k).sin()
    })
}

/// A loss as a function of its first operand.
type Loss = for<'t> fn(Var<'t, f64>) -> Result<Var<'t, f64>>;

fn constant<'t>(like: Var<'t, f64>, value: &Tensor<f64>) -> Var<'t, f64> {
    like.tape().constant(value)
}

const LABELS: [usize; 4] = [2, 0, 1, 1];

fn sequences() -> Vec<Vec<usize>> {
    vec![vec![1, 2, 2], vec![3, 3], vec![4]]
}

const LOSSES: [(&str, Loss); 24] = [
    ("gaussian", |a| {
        let variance = constant(a, &(c().square() + 0.1));
        gaussian_nll_loss(a, constant(a, &b()), variance, GaussianNll::default())
    }),
    ("gaussian_full_sum", |a| {
        let options =
            GaussianNll { full: true, reduction: Reduction::Sum, ..GaussianNll::default() };
        gaussian_nll_loss(a, constant(a, &b()), constant(a, &(c().square() + 0.1)), options)
    }),
    ("gaussian_variance", |a| {
        let variance = a.square() + 0.1;
        let (mean, target) = (constant(a, &b()), constant(a, &c()));
        gaussian_nll_loss(mean, target, variance, GaussianNll::default())
    }),
    ("poisson", |a| poisson_nll_loss(a, constant(a, &counts()), PoissonNll::default())),
    ("poisson_full", |a| {
        let options = PoissonNll { full: true, reduction: Reduction::Sum, ..PoissonNll::default() };
        poisson_nll_loss(a, constant(a, &counts()), options)
    }),
    ("poisson_rate", |a| {
        let options = PoissonNll { log_input: false, ..PoissonNll::default() };
        poisson_nll_loss(a.square() + 0.1, constant(a, &counts()), options)
    }),
    ("hinge", |a| hinge_loss(a, constant(a, &sign()), 1.0, Reduction::Mean)),
    ("multi_margin", |a| multi_margin_loss(a, LABELS, 0.8, Reduction::Mean)),
    ("cosine_embedding", |a| {
        let target = constant(a, &Tensor::from([1.0, -1.0, -1.0, 1.0]));
        cosine_embedding_loss(a, constant(a, &b()), target, 0.1, Reduction::Mean)
    }),
    ("triplet", |a| {
        triplet_margin_loss(a, constant(a, &b()), constant(a, &c()), TripletOptions::default())
    }),
    ("triplet_swap", |a| {
        let reduction = Reduction::Sum;
        let options = TripletOptions {
            margin: 2.0,
            p: 3.0,
            swap: true,
            reduction,
            ..TripletOptions::default()
        };
        triplet_margin_loss(a, constant(a, &b()), constant(a, &c()), options)
    }),
    ("info_nce", |a| info_nce_loss(a, constant(a, &b()), 0.5, false, Reduction::Mean)),
    ("info_nce_symmetric", |a| info_nce_loss(a, constant(a, &b()), 0.5, true, Reduction::Mean)),
    ("focal", |a| focal_loss(a, constant(a, &bits()), FocalOptions::default())),
    ("focal_plain", |a| {
        let options = FocalOptions { alpha: None, gamma: 0.5, ..FocalOptions::default() };
        focal_loss(a, constant(a, &bits()), options)
    }),
    ("dice", |a| dice_loss(a.logistic(), constant(a, &bits()), 1.0, Reduction::Mean)),
    ("ctc", |a| ctc_loss(a.log_softmax(2), &sequences(), &[6, 5, 4], CtcOptions::default())),
    ("ctc_sum", |a| {
        let options = CtcOptions { reduction: Reduction::Sum, ..CtcOptions::default() };
        ctc_loss(a.log_softmax(2), &sequences(), &[6, 5, 4], options)
    }),
    ("weighted", |a| cross_entropy_with(a, LABELS, weighted())),
    ("weighted_sum", |a| cross_entropy_with(a, LABELS, weighted().reduction(Reduction::Sum))),
    ("weighted_smooth", |a| cross_entropy_with(a, LABELS, weighted().label_smoothing(0.2))),
    ("weighted_ignore", |a| cross_entropy_with(a, IGNORED, weighted().ignore_index(9))),
    ("weighted_ignore_smooth", |a| {
        cross_entropy_with(a, IGNORED, weighted().ignore_index(9).label_smoothing(0.2))
    }),
    ("weighted_ignore_smooth_sum", |a| {
        let options = weighted().ignore_index(9).label_smoothing(0.2);
        cross_entropy_with(a, IGNORED, options.reduction(Reduction::Sum))
    }),
];

const IGNORED: [usize; 4] = [2, 0, 9, 1];

fn weighted() -> CrossEntropyOptions<'static> {
    CrossEntropyOptions::new().class_weights(&[0.5, 2.0, 3.5])
}

fn counts() -> Tensor<f64> {
    matrix(|i, j| (i * j) % 4.0)
}

fn bits() -> Tensor<f64> {
    (sign() + 1.0) / 2.0
}

fn operand(name: &str) -> Tensor<f64> {
    if name.starts_with("ctc") { frames() } else { a() }
}

#[test]
fn losses_and_derivatives_are_those_of_pytorch() {
    let table: Vec<_> = super::table(include_str!("../../training_reference/losses.csv")).collect();
    assert_eq!(table.len(), LOSSES.len());
    for ((name, loss), (expected_name, expected)) in LOSSES.iter().zip(table) {
        assert_eq!(*name, expected_name);
        let tape = Tape::new();
        let x = tape.variable(&operand(name));
        let value = loss(x).unwrap();
        let gradient = value.backward().get(x).unwrap().to_vec();
        assert_eq!(gradient.len() + 1, expected.len(), "{name}");
        for (found, expected) in std::iter::once(value.item()).chain(gradient).zip(expected) {
            let close = (found - expected).abs() < 1e-9 * expected.abs().max(1.0);
            assert!(close, "{name}: {found} for {expected}");
        }
    }
}

#[test]
fn derivatives_are_those_of_differences() {
    for (name, loss) in LOSSES {
        let check = gradgradcheck(|[x]| loss(x).unwrap(), [&operand(name)]);
        check.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn weights_of_classes_follow_their_definition() {
    let tape = Tape::new();
    let x = tape.variable(&a());
    let loss = |options| cross_entropy_with(x, LABELS, options).unwrap();
    let options = CrossEntropyOptions::new;
    let plain = loss(options()).item();
    // Equal weights change nothing, and extreme weights stay in range.
    for weight in [1e-300, 1.0, 3.0, 1e300] {
        let weights = [weight; 3];
        let weighted = options().class_weights(&weights);
        let found = cross_entropy_with(x, LABELS, weighted).unwrap().item();
        assert!((found - plain).abs() < 1e-15 * plain, "{weight}: {found} for {plain}");
    }
    let each = loss(options().class_weights(&[0.5, 2.0, 0.0]).reduction(Reduction::None));
    let losses = loss(options().reduction(Reduction::None)).value();
    for (row, weight) in [0.0, 0.5, 2.0, 2.0].into_iter().enumerate() {
        assert!((each.value()[[row]] - weight * losses[[row]]).abs() < 1e-15);
    }
    // The weights of all rows are zero.
    let nothing = cross_entropy_with(x, [1, 1, 0, 0], options().class_weights(&[0.0, 0.0, 1.0]));
    let nothing = nothing.unwrap();
    assert!(nothing.item().is_nan());
    assert_eq!(nothing.backward().get(x).unwrap().to_vec(), [0.0; 12]);
    for (weights, text) in [
        (&[1.0, 2.0][..], "3 classes need as many weights, got 2"),
        (&[1.0, -1.0, 1.0], "must be finite and not negative, got -1 for class 1"),
        (&[1.0, 1.0, f64::NAN], "got NaN for class 2"),
        (&[f64::INFINITY, 1.0, 1.0], "got inf for class 0"),
    ] {
        let error = cross_entropy_with(x, LABELS, options().class_weights(weights)).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn losses_of_single_examples_add_up() {
    let tape = Tape::new();
    let x = tape.variable(&a());
    let all = |reduction| multi_margin_loss(x, LABELS, 0.8, reduction).unwrap();
    let each = all(Reduction::None);
    assert_eq!(each.shape().dims(), [4]);
    assert!((each.sum().item() - all(Reduction::Sum).item()).abs() < 1e-12);
    assert!((each.mean().item() - all(Reduction::Mean).item()).abs() < 1e-12);
    let hinge = |reduction| hinge_loss(x, tape.constant(&sign()), 1.0, reduction).unwrap();
    assert!(
        (hinge(Reduction::BatchMean).item() * 4.0 - hinge(Reduction::Sum).item()).abs() < 1e-12
    );
}

/// A loss of extreme numbers is an ordinary number where the true one is.
#[test]
fn large_and_small_numbers_stay_in_range() {
    let tape = Tape::<f32>::new();
    let x = |values: [f32; 2]| tape.variable(&Tensor::from([values]));
    let sum = Reduction::Sum;
    let gaussian = GaussianNll { eps: 1e-30, reduction: sum, ..GaussianNll::default() };
    let loss = gaussian_nll_loss(x([1e30, 0.0]), x([0.0, 1e-30]), x([1e38, 1e-20]), gaussian);
    // ln 1e38 / 2, 1e22 / 2, ln 1e-20 / 2
    assert!((loss.unwrap().item() / 5e21 - 1.0).abs() < 1e-5);
    let loss = info_nce_loss(x([3e30, 4e30]), x([3e-30, 4e-30]), 0.1, true, sum).unwrap();
    assert!(loss.item().abs() < 1e-6, "{}", loss.item());
    let focal = FocalOptions { alpha: None, reduction: sum, ..FocalOptions::default() };
    let loss = focal_loss(x([200.0, -200.0]), tape.constant(&Tensor::from([[0.0, 1.0]])), focal);
    assert!((loss.unwrap().item() - 400.0).abs() < 1e-3);
}

/// A variance of 0 would be divided by.
#[test]
fn numbers_that_round_to_zero_are_refused() {
    let tape = Tape::<f32>::new();
    let x = tape.variable(&Tensor::from([0.0]));
    let options = GaussianNll { eps: 1e-50, ..GaussianNll::default() };
    let error = gaussian_nll_loss(x, x, x, options).unwrap_err().to_string();
    let expected = "eps must be finite and positive, got 1e-50, which is 0 as f32";
    assert!(error.ends_with(expected), "{error}");
}

/// Intermediate results beyond the range of f32, for losses and derivatives within it.
#[test]
fn intermediate_results_stay_in_range() {
    fn of<'t>(tape: &'t Tape<f32>, values: &[f32], shape: [usize; 2]) -> Var<'t, f32> {
        tape.variable(&Tensor::from_slice(values, shape).unwrap())
    }
    let near = |found: f32, expected: f32| {
        assert!((found / expected - 1.0).abs() < 1e-4, "{found} for {expected}");
    };
    let tape = &Tape::new();
    let sum = Reduction::Sum;
    for size in [1e-40, 1e-30, 1.0, 3e38] {
        let x = of(tape, &[size, size, size, -size], [2, 2]);
        let loss = info_nce_loss(x, x, 1.0, true, Reduction::Mean).unwrap();
        near(loss.item(), 0.313_261_7);
    }
    // The derivatives by scaled vectors are those by the vectors, divided by the scale.
    let (queries, keys) = ([3.0, 4.0, 1.0, -2.0], [0.5, 2.0, 1.0, 1.0]);
    let gradient = |scale: f32| {
        let x = of(tape, &queries.map(|x| scale * x), [2, 2]);
        let loss = info_nce_loss(x, of(tape, &keys, [2, 2]), 0.5, false, sum).unwrap();
        let gradient = loss.backward().get(x).unwrap().to_vec();
        gradient.into_iter().map(|g| g * scale).collect::<Vec<_>>()
    };
    for scale in [1e-30, 1e-12, 1e30] {
        for (found, expected) in gradient(scale).into_iter().zip(gradient(1.0)) {
            near(found, expected);
        }
    }

    let (zero, one) = (of(tape, &[0.0], [1, 1]), of(tape, &[1.0], [1, 1]));
    let options = GaussianNll { reduction: sum, ..GaussianNll::default() };
    let loss = gaussian_nll_loss(zero, of(tape, &[2.2e19], [1, 1]), one, options).unwrap();
    near(loss.item(), 2.42e38);
    let options =
        PoissonNll { log_input: false, full: true, reduction: sum, ..PoissonNll::default() };
    let count = of(tape, &[1e37], [1, 1]);
    let loss = poisson_nll_loss(count, count, options).unwrap();
    near(loss.item(), 0.5 * (std::f32::consts::TAU.ln() + 1e37_f32.ln()));

    let probabilities = of(tape, &[1e-30, 2e-30, 0.25, 0.5], [2, 2]);
    let loss = dice_loss(probabilities, probabilities.detach(), 0.0, sum).unwrap();
    // With the area a = 2 sum(t) the derivatives are -(2 t a - 2 sum(t^2)) / a^2 at any scale.
    let slopes = [-1.0 / 18.0, -7.0 / 18.0];
    let gradient = loss.backward().get(probabilities).unwrap().to_vec();
    for (found, expected) in gradient.into_iter().zip([slopes, slopes].concat()) {
        near(found, expected);
    }
    near(loss.item(), 2.0 - 0.625 / 1.5);

    let scores = of(tape, &[2e38, 2e38], [2, 1]);
    let targets = of(tape, &[-1.0, -1.0], [2, 1]);
    near(hinge_loss(scores, targets, 0.0, Reduction::BatchMean).unwrap().item(), 2e38);
    let logits = of(tape, &[0.0, 2e38, 2e38], [1, 3]);
    near(multi_margin_loss(logits, [0], 0.0, sum).unwrap().item(), 1.333_333_3e38);
}

#[test]
fn a_sequence_without_an_alignment_is_infinite_or_zero() {
    for zero_infinity in [false, true] {
        let tape = Tape::new();
        let x = tape.variable(&frames());
        let options =
            CtcOptions { zero_infinity, reduction: Reduction::None, ..CtcOptions::default() };
        // Two equal labels need a blank between them.
        let losses = ctc_loss(x.log_softmax(2), &sequences(), &[6, 2, 4], options).unwrap();
        let values = losses.value().to_vec();
        assert!(values[0].is_finite() && values[2].is_finite());
        assert_eq!(values[1], if zero_infinity { 0.0 } else { f64::INFINITY });
        let gradient = losses.sum().backward().get(x).unwrap().to_vec();
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
        assert!(gradient.iter().skip(5).take(5).all(|g| *g == 0.0), "of the impossible sequence");
    }
}

/// Without labels all frames spell the blank.
#[test]
fn no_labels_are_all_blanks() {
    let tape = Tape::new();
    let x = tape.variable(&frames());
    let log_probs = x.log_softmax(2);
    let options = CtcOptions { reduction: Reduction::Sum, ..CtcOptions::default() };
    let loss = ctc_loss(log_probs, &[vec![], vec![], vec![]], &[6, 6, 6], options).unwrap();
    let blanks = -log_probs.select(2, 0).sum().item();
    assert!((loss.item() - blanks).abs() < 1e-12, "{} for {blanks}", loss.item());
}

/// Views that repeat a row so often that no copy of them would fit in memory.
#[test]
fn losses_of_enormous_views_are_those_of_a_row() {
    type Loss = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Result<Var<'t, f64>>;
    let losses: [(&str, Loss); 3] = [
        ("hinge", |a, b| hinge_loss(a, b, 1.0, Reduction::Mean)),
        ("focal", |a, b| focal_loss(a, b, FocalOptions::default())),
        ("gaussian", |a, b| gaussian_nll_loss(a, b, b, GaussianNll::default())),
    ];
    let (a, b) = (Tensor::from([[0.25, 0.75]]), Tensor::from([[0.5, 0.625]]));
    for (name, loss) in losses {
        let run = |rows: usize| {
            let tape = Tape::new();
            let [a, b] = [&a, &b].map(|x| tape.variable(&x.broadcast_to([rows, 2])));
            let loss = loss(a, b).unwrap();
            let gradients = loss.try_backward().unwrap();
            let first = gradients.get(a).unwrap().slice(0, ..1).to_vec();
            (loss.item(), first.into_iter().map(|g| g * rows as f64).collect::<Vec<_>>())
        };
        let (one, many) = (run(1), run(1 << 40));
        assert!((one.0 - many.0).abs() < 1e-14, "{name}: {} {}", one.0, many.0);
        for (one, many) in one.1.iter().zip(many.1) {
            assert!((one - many).abs() < 1e-14, "{name}: {one} {many}");
        }
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let tape = Tape::new();
    let (x, row) = (tape.variable(&a()), tape.constant(&Tensor::<f64>::ones([3])));
    let mean = Reduction::Mean;
    let ctc = |labels: &[Vec<usize>], lengths: &[usize], blank| {
        let log_probs = tape.constant(&frames()).log_softmax(2);
        ctc_loss(log_probs, labels, lengths, CtcOptions { blank, ..CtcOptions::default() })
    };
    let three = sequences();
    for (loss, text) in [
        (hinge_loss(x, row, 1.0, mean), "hinge_loss: expected operands of one shape"),
        (hinge_loss(x, x, -1.0, mean), "the margin must be finite and not negative, got -1"),
        (multi_margin_loss(x, [0, 1], 1.0, mean), "one row for each label"),
        (multi_margin_loss(x, [0, 1, 3, 0], 1.0, mean), "label 3 of row 2"),
        (multi_margin_loss(row, [0, 1, 2], 1.0, mean), "logits [3, classes]"),
        (gaussian_nll_loss(x, x, row, GaussianNll::default()), "gaussian_nll_loss: expected"),
        (poisson_nll_loss(x, row, PoissonNll::default()), "poisson_nll_loss: expected"),
        (cosine_embedding_loss(x, x, x, 0.0, mean), "cosine_embedding_loss: expected"),
        (cosine_embedding_loss(x, x, row, 2.0, mean), "the margin must be in -1..=1, got 2"),
        (info_nce_loss(row, row, 1.0, false, mean), "queries and keys [batch, features]"),
        (info_nce_loss(x, x, 0.0, false, mean), "the temperature must be finite and positive"),
        (focal_loss(x, row, FocalOptions::default()), "focal_loss: expected"),
        (dice_loss(x, row, 1.0, mean), "dice_loss: expected"),
        (ctc(&three[..2], &[6, 6, 6], 0), "a batch of 3 needs 3 sequences"),
        (ctc(&three, &[6, 7, 6], 0), "sequence 1 has length 7, and there are 6 frames"),
        (ctc(&three, &[6, 6, 6], 5), "the blank 5 is not among the 5 classes"),
        (ctc(&three, &[6, 6, 6], 4), "sequence 2 has the blank, 4, among its labels"),
        (ctc(&[vec![5], vec![], vec![]], &[6, 6, 6], 0), "label 5 of row 0"),
    ] {
        let error = loss.unwrap_err().to_string();
        assert!(error.contains(text), "{text}: {error}");
    }
}
