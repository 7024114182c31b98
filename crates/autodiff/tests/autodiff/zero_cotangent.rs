//! A cotangent that is exactly zero stays zero, even where the derivative is infinite or NaN:
//! elements that a mask excludes contribute nothing.

use wengert_autodiff::ops::{self, NormOptions};
use wengert_autodiff::testing::{Case, Row, Sampler, catalogue};
use wengert_autodiff::{CreateGraph, Element, Mask, Op, Tape, Tensor, Var, eval, grad};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Points at which derivatives are infinite or NaN, or overflow.
const SINGULAR: [f64; 10] = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e300, -1e300, 1e-310];

/// Operations whose gradient is a sum of products along a line or over a matrix, made by a kernel
/// in the arithmetic of IEEE 754, in which zero times infinity is NaN: the contract is that of
/// finite operands.
const SUMS_OF_PRODUCTS: [&str; 8] = [
    "linear",
    "matmul",
    "conv",
    "conv_transpose",
    "conv_weight_grad",
    "batch_norm",
    "layer_norm",
    "rms_norm",
];

fn sums_products(row: &Row) -> bool {
    SUMS_OF_PRODUCTS.iter().any(|name| row.name.starts_with(name))
        && row.name != "batch_norm_inference"
}

type Make<'a, E> = &'a dyn Fn() -> Box<dyn Op<E>>;

/// For each operand and element, the places of the outputs that depend on it.
fn dependents<E: Element>(op: Make<'_, E>, inputs: &[Tensor<E>]) -> Vec<Vec<Vec<usize>>> {
    let value = |inputs: &[Tensor<E>]| -> Vec<u64> {
        let value = eval(&op(), &inputs.iter().collect::<Vec<_>>()).unwrap();
        value.to_vec().into_iter().map(|y| y.to_f64().to_bits()).collect()
    };
    let before = value(inputs);
    let changed_by = |operand: usize, element: usize| -> Vec<usize> {
        let after = [E::NAN, E::from_f64(7.25)].map(|other| {
            let mut elements = inputs[operand].to_vec();
            elements[element] = other;
            let mut changed = inputs.to_vec();
            changed[operand] = Tensor::from_vec(elements, inputs[operand].shape()).unwrap();
            value(&changed)
        });
        (0..before.len()).filter(|&i| after.iter().any(|after| after[i] != before[i])).collect()
    };
    (0..inputs.len())
        .map(|operand| (0..inputs[operand].len()).map(|i| changed_by(operand, i)).collect())
        .collect()
}

/// The gradients by all operands: `None` stands for zeros.
type Gradients<E> = Vec<Option<Vec<E>>>;

/// The gradients by the operands, without a graph and with one, and those of their sum, each
/// weighted, by the operands and the cotangent.
fn gradients<E: Element>(
    op: Make<'_, E>,
    inputs: &[Tensor<E>],
    cotangent: &Tensor<E>,
    weight: E,
    second: bool,
) -> Vec<Gradients<E>> {
    let tape = Tape::new();
    let vars: Vec<Var<'_, E>> = inputs.iter().map(|x| tape.variable(x)).collect();
    let y = tape.apply(op(), &vars).unwrap();
    let gy = tape.variable(cotangent);
    let values = |gradients: Vec<Option<Tensor<E>>>| -> Gradients<E> {
        gradients.into_iter().map(|x| x.map(|x| x.to_vec())).collect()
    };
    let mut all = vec![values(grad(&[y], &[gy], &vars, CreateGraph::No).unwrap())];
    if !second {
        return all;
    }
    let first = grad(&[y], &[gy], &vars, CreateGraph::Yes).unwrap();
    all.push(values(first.iter().map(|x| x.map(|x| x.value())).collect()));
    let outputs: Vec<Var<'_, E>> =
        first.into_iter().flatten().filter(|g| g.requires_grad()).collect();
    if outputs.is_empty() {
        return all;
    }
    let weights: Vec<Var<'_, E>> =
        outputs.iter().map(|g| tape.constant(&Tensor::full(g.shape(), weight))).collect();
    let by: Vec<Var<'_, E>> = vars.iter().copied().chain([gy]).collect();
    all.push(values(grad(&outputs, &weights, &by, CreateGraph::No).unwrap()));
    all
}

/// Operands with some elements replaced by singular points.
fn planted(s: &mut Sampler, row: &Row, case: &Case) -> Vec<Tensor<f64>> {
    let points = if sums_products(row) { &SINGULAR[..4] } else { &SINGULAR[..] };
    let mut plant = |x: f64| if s.coin() { s.choose(points) } else { x };
    case.inputs
        .iter()
        .map(|x| {
            let elements = x.to_vec().into_iter().map(&mut plant).collect();
            Tensor::from_vec(elements, x.shape()).unwrap()
        })
        .collect()
}

/// Checks a case, and counts the gradients that had to be zero.
fn check<E: Element>(
    name: &str,
    op: Make<'_, E>,
    ordinary: &[Tensor<f64>],
    singular: &[Tensor<f64>],
    second: bool,
    s: &mut Sampler,
) -> usize {
    let [ordinary, singular] =
        [ordinary, singular].map(|x| x.iter().map(Tensor::cast).collect::<Vec<Tensor<E>>>());
    // A result that is NaN hides the elements it depends on; each activation has a derivative that
    // is not zero at 0.75 or at 4.
    let [small, large] = [0.75, 4.0].map(|x| -> Vec<Tensor<E>> {
        ordinary.iter().map(|tensor| Tensor::full(tensor.shape(), E::from_f64(x))).collect()
    });
    let dependents = [&ordinary, &singular, &small, &large].map(|inputs| dependents(op, inputs));
    let y = eval(&op(), &ordinary.iter().collect::<Vec<_>>()).unwrap();
    let mut cotangent = || E::from_f64(if s.coin() { 0.0 } else { s.number(0.5, 2.0) });
    let some_zeros = Tensor::from_fn(y.shape().clone(), |_| cotangent());
    let mut count = 0;
    for cotangent in [some_zeros, Tensor::zeros(y.shape().clone())] {
        let gy = cotangent.to_vec();
        let all = gradients(op, &singular, &cotangent, E::ONE, second);
        for operand in 0..singular.len() {
            for element in 0..singular[operand].len() {
                let zero = |outputs: &[Vec<Vec<usize>>]| {
                    outputs[operand][element].iter().all(|&i| gy[i] == E::ZERO)
                };
                if !dependents.iter().all(|outputs| zero(outputs)) {
                    continue;
                }
                count += 1;
                for (which, gradients) in all.iter().enumerate() {
                    let zero = gradients[operand].as_ref().is_none_or(|g| g[element] == E::ZERO);
                    assert!(
                        zero,
                        "{name}, gradient {which} by operand {operand}, element {element} of {singular:?}, \
                         cotangent {gy:?}: {gradients:?}"
                    );
                }
            }
        }
    }
    if second {
        // The cotangent of the gradient is zero.
        let all = gradients(op, &singular, &Tensor::ones(y.shape().clone()), E::ZERO, true);
        for gradient in all.get(2).into_iter().flatten().flatten() {
            let zeros = gradient.iter().all(|&x| x == E::ZERO);
            assert!(zeros, "{name}, a zero weight, of {singular:?}: {gradient:?}");
        }
    }
    count
}

#[test]
fn a_zero_cotangent_stays_zero_through_every_operation() {
    for row in catalogue() {
        let second = row.order == 2;
        let mut count = 0;
        for seed in 0..12 {
            let s = &mut Sampler::new(seed);
            let case = (row.sample)(s);
            if case.inputs.iter().map(Tensor::len).sum::<usize>() > 200 {
                continue;
            }
            let singular = planted(s, row, &case);
            let name = &format!("{} at seed {seed}", row.name);
            count += check::<f64>(name, &|| case.op(), &case.inputs, &singular, second, s);
            if case.op_f32().is_some() {
                let single = || case.op_f32().expect("there is one");
                count += check::<f32>(name, &single, &case.inputs, &singular, second, s);
            }
        }
        assert!(count > 30, "{}: only {count} gradients had to be zero", row.name);
    }
}

/// The path of large tensors, whose operations are deferred and computed tile by tile.
fn large<E: Element>(op: Make<'_, E>, operands: usize, second: bool, name: &str) -> bool {
    const LEN: usize = (1 << 16) + 37;
    let of_len = |len: usize, first: usize| {
        let number = |i: usize| SINGULAR[(i / SINGULAR.len().pow(first as u32)) % SINGULAR.len()];
        Tensor::from_fn([len], |i| E::from_f64(number(i[0])))
    };
    // An operation that treats element after element takes tensors of one axis.
    let short: Vec<Tensor<E>> = (0..operands).map(|_| Tensor::ones([7])).collect();
    let Ok(y) = eval(&op(), &short.iter().collect::<Vec<_>>()) else { return false };
    let own = |x: &[Vec<usize>]| x.iter().enumerate().all(|(i, x)| x.iter().all(|&y| y == i));
    if y.shape().dims() != [7] || !dependents(op, &short).iter().all(|x| own(x)) {
        return false;
    }
    let inputs: Vec<Tensor<E>> = (0..operands).map(|first| of_len(LEN, first)).collect();
    let cotangent =
        Tensor::from_fn([LEN], |i| if i[0] % 3 == 0 { E::from_f64(1.5) } else { E::ZERO });
    for (which, all) in gradients(op, &inputs, &cotangent, E::ONE, second).iter().enumerate() {
        for (operand, gradient) in all[..operands].iter().enumerate() {
            for (i, &g) in gradient.iter().flatten().enumerate() {
                let zero = i % 3 == 0 || g == E::ZERO;
                assert!(zero, "{name}, gradient {which} by operand {operand}, element {i}: {g}");
            }
        }
    }
    true
}

#[test]
fn a_zero_cotangent_stays_zero_in_large_tensors() {
    let mut names = Vec::new();
    for row in catalogue() {
        // An operation that may be elementwise takes vectors of one length and gives another.
        let vectors = |case: &Case| {
            let shape = case.inputs[0].shape();
            shape.rank() == 1
                && case.inputs.iter().all(|x| x.shape() == shape)
                && eval(&case.op(), &case.inputs.iter().collect::<Vec<_>>()).unwrap().shape()
                    == shape
        };
        let mut cases = (0..200).map(|seed| (row.sample)(&mut Sampler::new(seed)));
        let Some(case) = cases.find(vectors) else { continue };
        let (operands, second) = (case.inputs.len(), row.order == 2);
        if large::<f64>(&|| case.op(), operands, second, row.name) {
            names.push(row.name);
        }
        if case.op_f32().is_some() {
            large::<f32>(&|| case.op_f32().expect("there is one"), operands, second, row.name);
        }
    }
    for name in ["div", "sqrt", "log", "pow", "pow_scalar", "tanh", "tanh_grad", "atan2", "exp"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
}

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

/// The gradient of the sum of a function's results, and the gradient of its sum.
fn slopes(values: &[f64], f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> [Vec<f64>; 2] {
    let tape = Tape::new();
    let x = tape.variable(&vector(values));
    let first = f(x).sum().grad(x).unwrap().unwrap();
    let second = if first.requires_grad() { first.sum().grad(x).unwrap() } else { None };
    let second = second.map_or(vec![0.0; values.len()], |x| x.value().to_vec());
    [first.value().to_vec(), second]
}

#[track_caller]
fn assert_same(got: &[f64], want: &[f64]) {
    let same = |(g, w): (&f64, &f64)| g == w || (g.is_nan() && w.is_nan());
    assert!(got.len() == want.len() && got.iter().zip(want).all(same), "{got:?}, not {want:?}");
}

#[test]
fn what_a_mask_cut_off_has_no_gradient() {
    let x = [0.0, -1.0, 4.0];
    let kept = Mask::from_slice(&[false, false, true], [3]).unwrap();
    let zero = Tensor::zeros([3]);
    let [first, second] = slopes(&x, |x| x.sqrt().where_(&kept, x.tape().constant(&zero)));
    assert_same(&first, &[0.0, 0.0, 0.25]);
    assert_same(&second, &[0.0, 0.0, -0.03125]);
    let [first, second] = slopes(&x, |x| x.log().masked_fill(&(!&kept), 0.0));
    assert_same(&first, &[0.0, 0.0, 0.25]);
    assert_same(&second, &[0.0, 0.0, -0.0625]);
    let [first, second] = slopes(&x, |x| (2.0 / (x * x + x)).masked_fill(&(!&kept), 0.0));
    assert_same(&first[..2], &[0.0; 2]);
    assert_same(&second[..2], &[0.0; 2]);
    let [first, second] = slopes(&x, |x| x.pow_scalar(-0.5).slice(0, 2..));
    assert_same(&first, &[0.0, 0.0, -0.0625]);
    assert_same(&second[..2], &[0.0; 2]);
    // The gradient's own dropout: all is dropped.
    let mut rng = <rand_pcg::Pcg64 as rand::SeedableRng>::seed_from_u64(1);
    let tape = Tape::new();
    let x = tape.variable(&vector(&x));
    let gradients = x.rsqrt().dropout(1.0, &mut rng).sum().backward();
    assert_same(&gradients.get(x).unwrap().to_vec(), &[0.0; 3]);
}

/// Normalizations without `eps`: a constant row or channel is NaN, and so is its gradient, but not
/// one whose cotangents are all zero, nor the gradients of the parameters.
#[test]
fn a_constant_row_without_eps_has_no_gradient_if_its_cotangent_is_zero() {
    type Function = for<'t> fn([Var<'t, f64>; 3]) -> Var<'t, f64>;
    let norms: [(&str, Function); 5] = [
        ("layer_norm", |[x, weight, bias]| {
            x.layer_norm(Some(weight), Some(bias), NormOptions::new().eps(0.0))
        }),
        ("rms_norm", |[x, weight, _]| x.rms_norm(Some(weight), NormOptions::new().eps(0.0))),
        // Two samples of two channels with two elements; a group is a channel.
        ("group_norm", |[x, weight, bias]| {
            let x = x.reshape([2, 2, 2]);
            x.group_norm(2, Some(weight), Some(bias), 0.0).reshape([4, 2])
        }),
        ("batch_norm", |[x, weight, bias]| {
            let x = x.reshape([2, 2, 2]);
            let normalized = ops::batch_norm(x, Some(weight), Some(bias), 0.0).unwrap();
            normalized.output.reshape([4, 2])
        }),
        ("batch_norm_inference", |[x, weight, bias]| {
            let zeros = x.tape().constant(&Tensor::zeros([2]));
            let seen = x.tape().constant(&Tensor::full([2], 2.0));
            let y = ops::batch_norm_inference(x, zeros, zeros, Some(weight), Some(bias), 0.0);
            let (unused, mask) = (y.unwrap(), Mask::from_fn([4, 2], |i| i[0] == 0 || i[0] == 2));
            let y = ops::batch_norm_inference(x, zeros, seen, Some(weight), Some(bias), 0.0);
            unused.where_(&mask, y.unwrap())
        }),
    ];
    for value in [0.0, 3.0, 1e300] {
        // Rows 0 and 2 are constant, and zero for the root mean square. They are channel 0 of the
        // batch.
        let x = |kind: &str| {
            Tensor::from_fn([4, 2], |i| {
                let unused = i[0] % 2 == 0;
                let value = if kind == "rms_norm" { 0.0 } else { value };
                if unused { value } else { [1.0, -2.5, 0.75, 4.0][i[0] / 2 * 2 + i[1]] }
            })
        };
        for (name, norm) in norms {
            let cotangent =
                Tensor::from_fn([4, 2], |i| if i[0] % 2 == 0 { 0.0 } else { 0.5 + i[1] as f64 });
            let gradients = |recorded: bool| -> Vec<Vec<f64>> {
                let tape = Tape::new();
                let parameter = |values: &[f64]| tape.variable(&vector(values));
                let operands =
                    [tape.variable(&x(name)), parameter(&[2.0, 3.0]), parameter(&[1.0, -1.0])];
                let y = norm(operands);
                let wanted = &operands[..if name == "rms_norm" { 2 } else { 3 }];
                let gy = tape.constant(&cotangent);
                if recorded {
                    let all = grad(&[y], &[gy], wanted, CreateGraph::Yes).unwrap();
                    return all.into_iter().map(|g| g.unwrap().value().to_vec()).collect();
                }
                let all = grad(&[y], &[gy], wanted, CreateGraph::No).unwrap();
                all.into_iter().map(|g| g.unwrap().to_vec()).collect()
            };
            let (plain, recorded) = (gradients(false), gradients(true));
            for gradients in [&plain, &recorded] {
                let what = format!("{name} at {value}: {gradients:?}");
                assert!(gradients.iter().flatten().all(|x| x.is_finite()), "{what}");
                for row in [0, 2] {
                    assert_same(&gradients[0][2 * row..2 * row + 2], &[0.0, 0.0]);
                }
            }
            let pairs = plain.iter().flatten().zip(recorded.iter().flatten());
            for (a, b) in pairs {
                assert!((a - b).abs() <= 1e-12 * (1.0 + a.abs()), "{name}: {plain:?} {recorded:?}");
            }
        }
    }
    // A cotangent that is not zero.
    let [first, _] = slopes(&[3.0, 3.0], |x| x.layer_norm(None, None, NormOptions::new().eps(0.0)));
    assert!(first.iter().all(|x| x.is_nan()), "{first:?}");
}

#[test]
fn other_cotangents_are_what_they_were() {
    let [first, _] = slopes(&[0.0, 4.0], |x| x.sqrt());
    assert_same(&first, &[INF, 0.25]);
    let [first, _] = slopes(&[0.0, -1.0, NAN], |x| x.sqrt() + x.log());
    assert_same(&first, &[INF, NAN, NAN]);
    // A NaN stays NaN, even where the derivative is zero.
    let functions: [fn(Var<'_, f64>) -> Var<'_, f64>; 4] =
        [|x| x.cos(), |x| x.square(), |x| x.exp(), |x| x.tanh()];
    for f in functions {
        let [first, _] = slopes(&[0.0, -INF], |x| f(x) * NAN);
        assert!(first.iter().all(|x| x.is_nan()), "{first:?}");
    }
    let [first, _] = slopes(&[0.0], |x| x.square() * INF);
    assert!(first[0].is_nan());
}

/// A gradient is linear in the cotangent, at zero too: its derivative there is the Jacobian.
#[test]
fn the_derivative_by_a_zero_cotangent_is_the_derivative() {
    let functions: [fn(Var<'_, f64>) -> Var<'_, f64>; 6] =
        [|x| x.sqrt(), |x| x.log(), |x| x.square(), |x| x.tanh(), |x| x.reciprocal(), |x| 3.0 / x];
    for f in functions {
        let tape = Tape::new();
        let (x, gy) = (tape.variable(&vector(&[0.5, 2.0])), tape.variable(&vector(&[0.0, 0.0])));
        let first = grad(&[f(x)], &[gy], &[x], CreateGraph::Yes).unwrap()[0].unwrap();
        let by_cotangent = first.sum().backward().get(gy).unwrap().to_vec();
        let one = tape.constant(&vector(&[1.0, 1.0]));
        let slope = grad(&[f(x)], &[one], &[x], CreateGraph::No).unwrap().remove(0).unwrap();
        assert_same(&by_cotangent, &slope.to_vec());
    }
}
