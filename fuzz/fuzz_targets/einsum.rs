//! Equations decoded from arbitrary bytes with operands of small shapes, compared with the sum over
//! every label: an equation is refused with a one-line error, or gives the sum and gradients of its
//! operands' shapes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_autodiff::testing::Dense;
use wengert_autodiff::{Shape, Tape, Tensor, Var, ops};

/// Maximum number of products of a sum, so that a run has many cases.
const MOST: usize = 1 << 12;

/// The characters of an equation, the meaningful ones several times.
const ALPHABET: [char; 24] = [
    'i', 'j', 'k', 'l', 'i', 'j', 'k', 'm', 'A', 'é', ',', ',', '.', '-', '>', ' ', '\u{1}',
    '\u{2}', '\u{2}', '\u{1}', 'n', '0', '\n', '…',
];

fuzz_target!(|bytes: &[u8]| {
    let Some((&count, bytes)) = bytes.split_first() else { return };
    let (shapes, equation) = bytes.split_at(bytes.len().min(usize::from(count % 24)));
    // Sizes are at most 3; a larger byte ends the operand.
    let shapes: Vec<Shape> = shapes
        .split(|&byte| byte >= 192)
        .map(|sizes| sizes.iter().map(|&byte| usize::from(byte) % 4).collect())
        .collect();
    let mut text = String::new();
    for &byte in equation {
        match ALPHABET[usize::from(byte) % ALPHABET.len()] {
            '\u{1}' => text.push_str("->"),
            '\u{2}' => text.push_str("..."),
            char => text.push(char),
        }
    }
    if shapes.iter().any(|shape| shape.rank() > 6) {
        return;
    }
    // The number of distinct labels is at most that of the axes.
    let axes: Vec<usize> = shapes.iter().flat_map(|shape| shape.to_vec()).collect();
    if axes.iter().fold(1_usize, |all, &size| all.saturating_mul(size.max(1))) > MOST {
        return;
    }
    let mut state = 1.0;
    let operands: Vec<Tensor<f64>> = shapes
        .iter()
        .map(|shape| {
            Tensor::from_fn(shape.clone(), |_| {
                state = (state * 37.0 + 11.0) % 101.0;
                state / 50.0 - 1.0
            })
        })
        .collect();
    let tape = Tape::new();
    let vars: Vec<Var<'_, f64>> = operands.iter().map(|x| tape.variable(x)).collect();
    let value = match ops::einsum(&text, &vars) {
        Ok(value) => value,
        Err(error) => {
            // The error names `einsum`, not an operation that it is composed of.
            let error = error.to_string();
            assert!(
                error.starts_with("einsum: ") && !error.contains('\n'),
                "{error:?} of {text:?}"
            );
            return;
        }
    };
    let dense: Vec<Dense> = operands.iter().map(Dense::from).collect();
    let expected = Dense::einsum(&text, &dense);
    assert_eq!(value.shape()[..], expected.shape, "{text:?} of {shapes:?}");
    for (got, want) in value.value().to_vec().into_iter().zip(&expected.data) {
        assert!(
            (got - want).abs() <= 1e-12 * (1.0 + want.abs()),
            "{text:?} of {shapes:?}: {got}, {want}"
        );
    }
    let gradients = value.sum().try_backward().expect("a number has a gradient");
    for (&var, shape) in vars.iter().zip(&shapes) {
        let gradient = gradients.get(var).expect("an operand of the sum");
        assert_eq!(gradient.shape(), shape, "{text:?}");
    }
});
