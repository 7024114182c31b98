//! The properties that a program must have.

use wengert_autodiff::{
    Comparison, CreateGraph, Error, Gradcheck, GradcheckError, Mode, Report, Result, Tape, Tensor,
    Var, grad,
};

use crate::catalogue;
use crate::draw::Draw;
use crate::program::{self, Call, copy};

/// Maximum number of calls of a program.
const CALLS: usize = 8;

/// Maximum number of elements of a value that later calls may use.
const ELEMENTS: usize = 256;

/// Maximum magnitude of a value that later calls may use.
const LARGEST: f64 = 1e3;

/// The outcome of a program.
pub enum Outcome {
    /// The program has no calls, or no elements.
    Nothing,
    /// The gradient agrees with the differences, except at `kinks` kinks.
    Compared { derivatives: usize, kinks: usize },
    /// The differences are inconclusive: all are at kinks, or do not converge.
    Silent,
    /// The gradient differs because a call has no derivative at its operands, or its differences
    /// are inconclusive.
    Singular,
}

/// The calls that were valid, and the inputs.
struct Plan {
    inputs: Vec<Tensor<f64>>,
    calls: Vec<Call>,
}

pub fn check(bytes: &[u8], print: bool) -> Outcome {
    let plan = plan(bytes);
    if plan.calls.is_empty() {
        return Outcome::Nothing;
    }
    twice(&plan);
    laid_out(&plan);
    let outcome = differences(&plan);
    if print {
        eprintln!("{outcome}\n{plan}");
    }
    outcome
}

/// Builds the program: each valid call is run at once and checked separately.
fn plan(bytes: &[u8]) -> Plan {
    let mut draw = Draw::new(bytes);
    let mut plan = Plan { inputs: Vec::new(), calls: Vec::new() };
    for _ in 0..1 + draw.below(3) {
        let shape = draw.input_shape();
        plan.inputs.push(draw.tensor(&shape));
    }
    let tape = Tape::new();
    let inputs: Vec<_> = plan.inputs.iter().map(|x| tape.variable(x)).collect();
    let mut values = inputs.clone();
    draw.shapes = values.iter().map(|x| x.shape()).collect();
    while !draw.is_empty() && plan.calls.len() < CALLS {
        let call = catalogue::call(&mut draw);
        let operands = call.operands(&values).expect("operands that are brought to a shape");
        match call.apply(&operands) {
            Err(error) => refused(&call, &error),
            Ok(value) => {
                let usable = single(&call, &operands, value, &inputs);
                if usable {
                    draw.shapes.push(value.shape());
                    values.push(value);
                    plan.calls.push(call);
                }
            }
        }
    }
    plan
}

/// A refusal is one line that begins with the operation's name.
fn refused(call: &Call, error: &Error) {
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("{}: ", call.name)) && !text.contains('\n'),
        "{text:?} of {call}"
    );
}

/// Checks the properties of a single call; returns whether later calls may use its value.
fn single<'t>(
    call: &Call,
    operands: &[Var<'t, f64>],
    value: Var<'t, f64>,
    inputs: &[Var<'t, f64>],
) -> bool {
    let own = value.value();
    assert_eq!(own.shape(), &value.shape(), "{call}");
    let elements = own.to_vec();
    assert_eq!(elements.len(), own.shape().numel(), "{call}");
    if elements.len() > ELEMENTS {
        return false;
    }
    // The gradient is computed for any value.
    gradients(value, inputs).unwrap_or_else(|error| panic!("{error}, the gradient of {call}"));
    if !elements.iter().all(|element| element.abs() <= LARGEST) {
        return false;
    }
    let operands: Vec<_> = operands.iter().map(|x| x.value()).collect();
    let contiguous = call.of_contiguous(&operands).expect("operands of the same shapes");
    assert!(
        close(&own, &contiguous, &operands),
        "{own} and {contiguous}, with operands in order: {call}, {operands:?}"
    );
    true
}

/// The gradient of the sum of a value, with zeros where it does not depend on an input.
fn gradients<'t>(value: Var<'t, f64>, inputs: &[Var<'t, f64>]) -> Result<Vec<Tensor<f64>>> {
    let ones = value.tape().constant(&Tensor::ones(value.shape()));
    let gradients = grad(&[value], &[ones], inputs, CreateGraph::No)?;
    let tensors = gradients.into_iter().zip(inputs).map(|(gradient, input)| {
        let gradient = gradient.unwrap_or_else(|| Tensor::zeros(input.shape()));
        assert_eq!(gradient.shape(), &input.shape());
        assert_eq!(gradient.to_vec().len(), input.shape().numel());
        gradient
    });
    Ok(tensors.collect())
}

/// Whether two values agree up to rounding, which may be as large as that of the operands.
fn close(a: &Tensor<f64>, b: &Tensor<f64>, operands: &[Tensor<f64>]) -> bool {
    let largest = operands.iter().flat_map(|x| x.to_vec()).fold(1.0_f64, |all, x| all.max(x.abs()));
    let agree = |(a, b): (f64, f64)| (a - b).abs() <= 1e-9 * largest.max(a.abs());
    a.shape() == b.shape() && a.to_vec().into_iter().zip(b.to_vec()).all(agree)
}

/// Checks that a second run of the program has the same bits.
fn twice(plan: &Plan) {
    let once = || {
        let tape = Tape::new();
        let inputs: Vec<_> = plan.inputs.iter().map(|x| tape.variable(x)).collect();
        let values = program::run(&plan.calls, &inputs).expect("a program that ran before");
        let output = program::output(&plan.calls, &values).expect("values of any shapes");
        let mut all = vec![output.value()];
        all.extend(gradients(output, &inputs).expect("a gradient of operations"));
        all.iter().flat_map(Tensor::to_vec).map(f64::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(once(), once(), "{plan}");
}

/// Checks that inputs in row-major order give the same values.
fn laid_out(plan: &Plan) {
    let (tape, other) = (Tape::new(), Tape::new());
    let inputs: Vec<_> = plan.inputs.iter().map(|x| tape.variable(x)).collect();
    let copies: Vec<_> = plan.inputs.iter().map(|x| other.variable(&copy(x))).collect();
    let values = program::run(&plan.calls, &inputs).expect("a program that ran before");
    let others = program::run(&plan.calls, &copies).expect("inputs of the same shapes");
    for (i, call) in plan.calls.iter().enumerate() {
        let at = inputs.len() + i;
        let (value, other) = (values[at].value(), others[at].value());
        let of = |values: &[Var<'_, f64>]| -> Vec<Tensor<f64>> {
            let operands = call.operands(values).expect("operands that were there before");
            operands.iter().map(|x| x.value()).collect()
        };
        let operands = of(&others[..at]);
        if !close(&value, &other, &operands) {
            // Rounding may have moved a difference across a jump. The operation then agrees with
            // itself on these operands in row-major order, and the rest of the program is not
            // comparable.
            let contiguous = call.of_contiguous(&operands).expect("operands of the same shapes");
            assert!(
                close(&other, &contiguous, &operands),
                "{call}: {value} and {other} of\n{plan}"
            );
            let same =
                operands.iter().zip(of(&values[..at])).all(|(a, b)| a.to_vec() == b.to_vec());
            assert!(!same, "{call}: {value} and {other} of\n{plan}");
            return;
        }
    }
}

/// Checks that the gradient agrees with differences.
fn differences(plan: &Plan) -> Outcome {
    let inputs: Vec<&Tensor<f64>> = plan.inputs.iter().collect();
    let checked = compare(Mode::Auto, &inputs, &|inputs| {
        program::output(&plan.calls, &program::run(&plan.calls, inputs)?)
    });
    match checked {
        Ok(Report { checked: 0, kinks, .. }) if kinks.is_empty() => Outcome::Nothing,
        Ok(Report { checked: 0, .. }) => Outcome::Silent,
        Ok(Report { checked, kinks, .. }) => {
            Outcome::Compared { derivatives: checked, kinks: kinks.len() }
        }
        Err(GradcheckError::Mismatch { first, .. })
            if first.iter().all(|wrong| is_rounding(plan, wrong)) =>
        {
            Outcome::Silent
        }
        Err(error @ GradcheckError::Mismatch { .. }) => {
            assert!(singular(plan), "{error}\n{plan}");
            Outcome::Singular
        }
        Err(error @ GradcheckError::Function(_)) => panic!("{error}\n{plan}"),
        Err(_) => Outcome::Silent,
    }
}

/// Whether a derivative differs from the differences by no more than rounding: several hundred
/// units in the last place of the largest intermediate cotangent. A sequence of steep operations
/// makes cotangents of 1e9, which a mean then cancels.
fn is_rounding(plan: &Plan, wrong: &Comparison) -> bool {
    let tape = Tape::new();
    let inputs: Vec<_> = plan.inputs.iter().map(|x| tape.variable(x)).collect();
    let values = program::run(&plan.calls, &inputs).expect("a program that ran before");
    let output = program::output(&plan.calls, &values).expect("values of any shapes");
    let seed: Vec<f64> =
        (0..output.value().len()).map(|i| f64::from(u8::from(i == wrong.output))).collect();
    let seed = Tensor::from_vec(seed, output.shape()).expect("as many elements as there are");
    let values: Vec<_> = values.into_iter().filter(|value| value.requires_grad()).collect();
    let cotangents = grad(&[output], &[tape.constant(&seed)], &values, CreateGraph::No)
        .expect("a gradient of operations");
    let largest = cotangents
        .iter()
        .flatten()
        .flat_map(|cotangent| cotangent.to_vec())
        .fold(0.0_f64, |largest, x| largest.max(x.abs()));
    (wrong.analytic - wrong.numeric).abs() <= 1e-13 * largest
}

/// Compares with differences, except at kinks. Across a kink, differences with large steps may look
/// like another slope; a wrong gradient is wrong for small steps too.
fn compare(
    mode: Mode,
    inputs: &[&Tensor<f64>],
    f: &dyn for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>>,
) -> Result<Report, GradcheckError> {
    let check = Gradcheck::new().kinks(1.0).mode(mode);
    match check.run_slice(f, inputs) {
        Err(GradcheckError::Mismatch { .. }) => check.step(1e-4).run_slice(f, inputs),
        other => other,
    }
}

/// Whether a call of the program has no derivative at its operands: the chain rule does not apply
/// to `relu(x) - relu(-x)` at 0. A call on its own must not differ.
fn singular(plan: &Plan) -> bool {
    let tape = Tape::new();
    let inputs: Vec<_> = plan.inputs.iter().map(|x| tape.variable(x)).collect();
    let values = program::run(&plan.calls, &inputs).expect("a program that ran before");
    let mut singular = false;
    for call in &plan.calls {
        let operands = call.operands(&values).expect("operands that were there before");
        let operands: Vec<_> = operands.iter().map(|x| x.value()).collect();
        let all: Vec<&Tensor<f64>> = operands.iter().collect();
        match compare(Mode::Full, &all, &|operands| call.apply(operands)) {
            Ok(report) => singular |= !report.kinks.is_empty(),
            Err(GradcheckError::Mismatch { first, .. })
                if first.iter().all(|wrong| {
                    bends(call, &operands, wrong.output)
                        || !wrong.analytic.is_finite() && is_steep(call, &operands, wrong)
                }) =>
            {
                singular = true;
            }
            Err(error @ (GradcheckError::Mismatch { .. } | GradcheckError::Function(_))) => {
                panic!("{error}\nin {call} of {operands:?}")
            }
            Err(_) => singular = true,
        }
    }
    singular
}

/// Whether an element of a call's value is not differentiable although it may have partial
/// derivatives, as the median of equal elements: the slope in another direction is not the sum of
/// those along the axes.
fn bends(call: &Call, operands: &[Tensor<f64>], element: usize) -> bool {
    const STEP: f64 = 1e-5;
    let moved = |by: &dyn Fn(usize) -> f64| moved(call, operands, by)[element];
    let slope = |by: &dyn Fn(usize) -> f64| {
        (moved(&|i| STEP * by(i)) - moved(&|i| -STEP * by(i))) / (2.0 * STEP)
    };
    let len: usize = operands.iter().map(Tensor::len).sum();
    let slopes: Vec<f64> = (0..len).map(|i| slope(&|j| f64::from(u8::from(i == j)))).collect();
    let size: f64 = 1.0 + slopes.iter().map(|slope| slope.abs()).sum::<f64>();
    (1..4).any(|n| {
        let direction = |i: usize| (((i + 1) * (2 * n + 1)) as f64).sin();
        let sum: f64 = slopes.iter().enumerate().map(|(i, slope)| slope * direction(i)).sum();
        // A NaN counts as a difference too.
        !((slope(&direction) - sum).abs() <= 1e-3 * size)
    })
}

/// Whether a call has no derivative by an element of an operand because it is infinitely steep
/// there or has no value on one side. The product of an infinite derivative and a zero cotangent
/// carries no information.
fn is_steep(call: &Call, operands: &[Tensor<f64>], wrong: &Comparison) -> bool {
    let before: usize = operands[..wrong.input].iter().map(Tensor::len).sum();
    let within = wrong.index.iter().zip(operands[wrong.input].shape().iter());
    let at = before + within.fold(0, |at, (&i, &size)| at * size + i);
    let value = moved(call, operands, &|_| 0.0);
    let slope = |step: f64| {
        let moved = moved(call, operands, &|i| if i == at { step } else { 0.0 });
        let rises = moved.iter().zip(&value).map(|(a, b)| ((a - b) / step).abs());
        rises.fold(0.0_f64, |most, rise| if rise.is_nan() { f64::INFINITY } else { most.max(rise) })
    };
    [1.0, -1.0].into_iter().any(|side| {
        let (far, near) = (slope(side * 1e-5), slope(side * 1e-9));
        near.is_infinite() || near > 10.0 * far.max(1.0)
    })
}

/// The elements of a call's value with its operands shifted by `by`, which is given the number of
/// an element; elements are numbered through all operands.
fn moved(call: &Call, operands: &[Tensor<f64>], by: &dyn Fn(usize) -> f64) -> Vec<f64> {
    let mut at = 0;
    let moved: Vec<Tensor<f64>> = operands
        .iter()
        .map(|x| {
            let values = x.to_vec().into_iter().enumerate().map(|(i, x)| x + by(at + i));
            let moved = Tensor::from_vec(values.collect(), x.shape().clone());
            at += x.len();
            moved.expect("as many elements as there are")
        })
        .collect();
    call.of_contiguous(&moved).expect("operands of the same shapes").to_vec()
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Nothing => f.write_str("nothing"),
            Outcome::Compared { derivatives, kinks } => {
                write!(f, "compared: {derivatives} derivatives, {kinks} kinks")
            }
            Outcome::Silent => f.write_str("silent"),
            Outcome::Singular => f.write_str("singular"),
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, input) in self.inputs.iter().enumerate() {
            writeln!(
                f,
                "#{i} = {:?} of {}, strides {:?}",
                input.to_vec(),
                input.shape(),
                input.strides()
            )?;
        }
        for (i, call) in self.calls.iter().enumerate() {
            writeln!(f, "#{} = {call}", self.inputs.len() + i)?;
        }
        Ok(())
    }
}
