//! The cells of recurrent networks against their definitions, and what the catalogue does not
//! cover: refused shapes, saturated gates, and cotangents of zero.

use wengert_autodiff::{CreateGraph, Tape, Tensor, Var, grad, ops};

fn numbers(seed: f64, shape: [usize; 2]) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| 2.0 * (seed + 3.1 * i[0] as f64 + 1.7 * i[1] as f64).sin())
}

/// The columns of a gate.
fn gate(x: Var<'_, f64>, i: usize) -> Var<'_, f64> {
    x.narrow(1, 3 * i, 3)
}

fn lstm<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    let sums = x[0];
    let kept = gate(sums, 1).logistic() * x[1];
    let c = kept + gate(sums, 0).logistic() * gate(sums, 2).tanh();
    gate(sums, 3).logistic() * c.tanh()
}

fn fused_lstm<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    x[0].lstm_output(x[0].lstm_cell(x[1]))
}

fn gru<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    let r = (gate(x[0], 0) + gate(x[1], 0)).logistic();
    let u = (gate(x[0], 1) + gate(x[1], 1)).logistic();
    let n = (gate(x[0], 2) + r * gate(x[1], 2)).tanh();
    n + u * (x[2] - n)
}

fn fused_gru<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    x[0].gru_cell(x[1], x[2])
}

/// The gradients, weighted by a cotangent.
fn gradients<'t>(
    y: Var<'t, f64>,
    gy: Var<'t, f64>,
    x: &[Var<'t, f64>],
    recorded: bool,
) -> Vec<Tensor<f64>> {
    if recorded {
        let all = grad(&[y], &[gy], x, CreateGraph::Yes).unwrap();
        all.into_iter().flatten().map(|g| g.value()).collect()
    } else {
        grad(&[y], &[gy], x, CreateGraph::No).unwrap().into_iter().flatten().collect()
    }
}

/// The value and the gradients, weighted by a cotangent.
fn all(
    operands: &[Tensor<f64>],
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    recorded: bool,
) -> Vec<Vec<f64>> {
    let tape = Tape::new();
    let x: Vec<_> = operands.iter().map(|x| tape.variable(x)).collect();
    let y = f(&x);
    let gy = tape.constant(&numbers(9.0, [2, 3]));
    let gradients = gradients(y, gy, &x, recorded).into_iter().map(|g| g.to_vec());
    std::iter::once(y.value().to_vec()).chain(gradients).collect()
}

#[test]
fn cells_are_their_definitions() {
    let lstm_operands = [numbers(1.0, [2, 12]), numbers(2.0, [2, 3])];
    let gru_operands = [numbers(3.0, [2, 9]), numbers(4.0, [2, 9]), numbers(5.0, [2, 3])];
    for recorded in [false, true] {
        let pairs = [
            (all(&lstm_operands, lstm, recorded), all(&lstm_operands, fused_lstm, recorded)),
            (all(&gru_operands, gru, recorded), all(&gru_operands, fused_gru, recorded)),
        ];
        for (plain, fused) in pairs {
            assert_eq!(plain[0], fused[0], "the values have the same bits");
            for (a, b) in plain.iter().flatten().zip(fused.iter().flatten()) {
                assert!((a - b).abs() < 1e-14, "{plain:?} {fused:?}");
            }
        }
    }
}

#[test]
fn saturated_gates_and_zero_cotangents() {
    let tape = Tape::new();
    let sums = Tensor::from([[f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300]]);
    let (sums, c) = (tape.variable(&sums), tape.variable(&Tensor::from([[f64::INFINITY]])));
    // The forget gate is shut, but the product of 0 and an infinite state is NaN.
    assert!(sums.lstm_cell(c).value().item().is_nan());
    let zero = tape.constant(&Tensor::from([[0.0]]));
    for y in [
        sums.lstm_cell(c),
        sums.lstm_output(c),
        sums.narrow(1, 0, 3).gru_cell(sums.narrow(1, 1, 3), c),
    ] {
        for recorded in [false, true] {
            for gradient in gradients(y, zero, &[sums, c], recorded) {
                assert!(gradient.iter().all(|g| *g == 0.0), "{gradient}");
            }
        }
    }
}

#[test]
fn cells_of_other_shapes_are_refused() {
    let zeros = |shape: &[usize]| Tensor::<f32>::zeros(shape);
    let error = zeros(&[2, 11]).try_lstm_cell(&zeros(&[2, 3])).unwrap_err().to_string();
    let expected = "lstm_cell: expected gates [batch, 4 hidden] and a state [batch, hidden] of the \
                    same batch, got [2, 11] and [2, 3]";
    assert_eq!(error, expected);
    for (gates, state) in [(&[3, 12][..], &[2, 3][..]), (&[12], &[3]), (&[2, 12], &[1, 2, 3])] {
        assert!(zeros(gates).try_lstm_output(&zeros(state)).is_err());
        let gru = zeros(&[2, 9]).try_gru_cell(&zeros(gates), &zeros(state));
        assert!(gru.unwrap_err().to_string().contains("two arrays of gates [batch, 3 hidden]"));
    }
    // Empty batches and states have no elements.
    assert_eq!(zeros(&[0, 12]).lstm_cell(&zeros(&[0, 3])).shape().dims(), [0, 3]);
    assert_eq!(zeros(&[2, 0]).gru_cell(&zeros(&[2, 0]), &zeros(&[2, 0])).shape().dims(), [2, 0]);
    let tape = Tape::new();
    let x = tape.variable(&zeros(&[2, 0]));
    let y = ops::lstm_cell(x, x).unwrap();
    assert_eq!(y.sum().backward().get(x).unwrap().shape().dims(), [2, 0]);
}
