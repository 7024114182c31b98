//! Einstein summation: random equations against the sum over every label, gradients against
//! differences.

use proptest::prelude::*;
use wengert_autodiff::testing::{Dense, Domain, Sampler};
use wengert_autodiff::{Gradcheck, Shape, Tape, Tensor, ops};

fn compare(equation: &str, operands: &[Tensor<f64>]) -> Result<(), String> {
    let operands: Vec<&Tensor<f64>> = operands.iter().collect();
    let dense: Vec<Dense> = operands.iter().map(|&x| Dense::from(x)).collect();
    let expected = Dense::einsum(equation, &dense);
    let got = Tensor::try_einsum(equation, &operands).map_err(|error| error.to_string())?;
    if got.shape()[..] != expected.shape {
        return Err(format!("{equation}: the shape is {}, not {:?}", got.shape(), expected.shape));
    }
    for (got, want) in got.to_vec().into_iter().zip(&expected.data) {
        if (got - want).abs() > 1e-12 * (1.0 + want.abs()) {
            return Err(format!("{equation} of {operands:?}: {got} is not {want}"));
        }
    }
    Ok(())
}

/// An equation with operands that fit it.
fn draw(s: &mut Sampler) -> (String, Vec<Tensor<f64>>) {
    let names = ['i', 'j', 'k', 'B', 'a'];
    let sizes: Vec<usize> = names.iter().map(|_| s.size().min(3)).collect();
    let nameless = [2, 3];
    let mut used = Vec::new();
    let (mut terms, mut operands) = (Vec::new(), Vec::new());
    for _ in 0..=s.below(4) {
        let mut term = String::new();
        let mut shape = Vec::new();
        let ellipsis = (s.below(3) == 0).then(|| s.below(3));
        for place in 0..3 {
            if ellipsis == Some(place) {
                let count = s.below(3);
                term.push_str("...");
                shape.extend(nameless[2 - count..].iter().map(|&n| if s.coin() { 1 } else { n }));
            }
            if s.below(3) > 0 {
                let label = s.below(names.len());
                term.push(names[label]);
                shape.push(sizes[label]);
                used.push(names[label]);
            }
        }
        terms.push(term);
        operands.push(s.tensor(&Shape::from(shape), &Domain::REAL));
    }
    let mut equation = terms.join(if s.coin() { "," } else { ", " });
    if s.below(3) > 0 {
        used.sort_unstable();
        used.dedup();
        let mut output: Vec<String> =
            used.iter().filter(|_| s.coin()).map(char::to_string).collect();
        let front = s.below(output.len() + 1);
        output.rotate_left(front);
        if s.coin() {
            output.insert(front, "...".to_owned());
        }
        equation = format!("{equation} -> {}", output.concat());
    }
    (equation, operands)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equations_are_what_the_sum_over_all_labels_says(seed in any::<u64>()) {
        let (equation, operands) = draw(&mut Sampler::new(seed));
        compare(&equation, &operands).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gradients_of_both_orders_are_right(seed in any::<u64>()) {
        let (equation, operands) = draw(&mut Sampler::new(seed));
        let operands: Vec<&Tensor<f64>> = operands.iter().collect();
        let report = Gradcheck::new()
            .order(2)
            .run_slice(&|vars| Ok(ops::einsum(&equation, vars)?.square().sum()), &operands);
        prop_assert!(report.is_ok(), "{equation}: {}", report.unwrap_err());
    }
}

#[test]
fn the_equations_of_the_textbook() {
    let mut s = Sampler::new(1);
    let mut tensor = |shape: &[usize]| s.tensor(&Shape::from(shape), &Domain::REAL);
    let (a, b, square) = (tensor(&[3, 4]), tensor(&[4, 5]), tensor(&[4, 4]));
    let (x, y) = (tensor(&[4]), tensor(&[4]));
    let einsum = |equation, operands: &[&Tensor<f64>]| Tensor::einsum(equation, operands);
    let near = |a: &Tensor<f64>, b: &Tensor<f64>| {
        let distance = (a - b).square().sum().item();
        a.shape() == b.shape() && distance < 1e-24
    };
    assert!(near(&einsum("ij,jk", &[&a, &b]), &a.matmul(&b)));
    assert!(near(&einsum("i,i->", &[&x, &y]), &x.dot(&y)));
    assert_eq!(einsum("i,j->ij", &[&x, &y]), x.outer(&y));
    assert_eq!(einsum("ij->ji", &[&a]), a.transpose(0, 1));
    assert_eq!(einsum("ii->i", &[&square]), square.diagonal(0));
    assert!(near(&einsum("ii", &[&square]), &square.trace()));
    assert!(near(&einsum("i,ij,j->", &[&x, &square, &y]), &x.dot(&square.matmul(&y))));
    assert_eq!(einsum("", &[&Tensor::scalar(2.5)]).item(), 2.5);
    // A transpose alone is a view.
    assert!(einsum("ij->ji", &[&a]).is_shared());
}

#[test]
fn many_operands_are_contracted() {
    let matrices: Vec<Tensor<f64>> = (0..12)
        .map(|seed| Sampler::new(seed).tensor(&Shape::from([2, 2]), &Domain::REAL))
        .collect();
    let letters: Vec<char> = ('a'..='m').collect();
    let terms: Vec<String> = letters.windows(2).map(|pair| pair.iter().collect()).collect();
    compare(&format!("{}->am", terms.join(",")), &matrices).unwrap();
    compare(&terms[..8].join(","), &matrices[..8]).unwrap();
}

/// No other operand has the label of an axis that the others repeat.
#[test]
fn repeated_axes_are_summed_over_where_they_are_long() {
    let mut s = Sampler::new(2);
    let mut tensor = |shape: &[usize]| s.tensor(&Shape::from(shape), &Domain::REAL);
    let (a, b, c) = (tensor(&[3, 2]), tensor(&[1, 2]), tensor(&[2]));
    compare("...i,...i->i", &[a.clone(), b.clone()]).unwrap();
    compare("...i,...i,i->...", &[b, a, c]).unwrap();
}

/// A wrong equation is an error of the fallible function, and names the place.
#[test]
fn refusals_point_to_the_character() {
    let tape = Tape::new();
    let x = tape.variable(&Tensor::<f64>::zeros([2, 3]));
    let error = ops::einsum("ij,jk->ik", &[x, x]).unwrap_err().to_string();
    assert_eq!(
        error,
        "einsum: this axis of [2, 3] has size 2, but its label has size 3 elsewhere \
         (\"ij,jk->ik\" at character 4, 'j')"
    );
    assert!(ops::einsum::<f64>("", &[]).unwrap_err().to_string().contains("got 0"));
}
