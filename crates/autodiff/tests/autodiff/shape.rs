//! Functions that are composed of operations on shapes: values counted out, gradients against
//! differences, and what they refuse.

use wengert_autodiff::ops::{self, PadMode, PadWidth};
use wengert_autodiff::testing::{Domain, Sampler};
use wengert_autodiff::{Error, Index, Shape, Tape, Tensor, Var, gradgradcheck};

/// Elements 0, 1, 2 and so on.
fn numbered(shape: &[usize]) -> Tensor<f64> {
    let mut next = -1.0;
    Tensor::from_fn(shape, |_| {
        next += 1.0;
        next
    })
}

/// The first and second derivatives of a function of one tensor, of any layout.
fn differentiable(shape: &[usize], f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) {
    let x = Sampler::new(7).tensor(&Shape::from(shape), &Domain::REAL);
    gradgradcheck(|[x]| f(x).square().sum(), [&x]).unwrap();
}

/// The message of a refusal on variables.
fn refused(
    x: &Tensor<f64>,
    f: impl for<'t> Fn(Var<'t, f64>) -> Result<Var<'t, f64>, Error>,
) -> String {
    let tape = Tape::new();
    f(tape.variable(x)).unwrap_err().to_string()
}

#[test]
fn axes_come_go_merge_and_move() {
    let x = numbered(&[2, 1, 3]);
    assert_eq!(x.squeeze(1), numbered(&[2, 3]));
    assert_eq!(x.flatten(0, -1), numbered(&[6]));
    assert_eq!(x.flatten(-2, -1), numbered(&[2, 3]));
    assert_eq!(Tensor::scalar(3.0).flatten(0, -1).shape(), &[1][..]);
    assert_eq!(numbered(&[2, 3, 4]).move_axis(-1, 0), numbered(&[2, 3, 4]).permute(&[2, 0, 1]));
    assert_eq!(numbered(&[2, 3, 4]).move_axis(0, 1), numbered(&[2, 3, 4]).permute(&[1, 0, 2]));
    differentiable(&[2, 1, 3], |x| x.squeeze(-2).unsqueeze(0).flatten(1, 2).unsqueeze(-1));
    differentiable(&[2, 3, 2], |x| x.move_axis(0, -1) * x.permute(&[1, 2, 0]));

    assert!(refused(&x, |x| ops::squeeze(x, 0)).contains("axis 0 of [2, 1, 3] has size 2"));
    assert!(refused(&x, |x| ops::unsqueeze(x, 5)).contains("positions run from -4 to 3"));
    assert!(refused(&x, |x| ops::flatten(x, 2, 0)).contains("before axis 2"));
    assert!(refused(&x, |x| ops::move_axis(x, 0, 3)).contains("axis 3 does not exist"));
}

#[test]
fn positions_are_selected_and_narrowed() {
    let x = numbered(&[3, 4]);
    assert_eq!(x.select(0, 1).to_vec(), [4.0, 5.0, 6.0, 7.0]);
    assert_eq!(x.select(-1, -4).to_vec(), [0.0, 4.0, 8.0]);
    assert_eq!(x.narrow(1, 1, 2), x.slice(1, 1..3));
    assert_eq!(x.narrow(0, 3, 0).shape(), &[0, 4][..]);
    differentiable(&[3, 4], |x| x.select(1, -2) * x.narrow(0, 1, 1).select(0, 0).select(0, 3));

    assert!(
        refused(&x, |x| ops::select(x, 0, 3))
            .contains("axis 0 of [3, 4] has no position 3; positions run from -3 to 2")
    );
    assert!(refused(&x, |x| ops::select(x, 0, isize::MIN)).contains("no position"));
    assert!(refused(&x, |x| ops::narrow(x, 1, 2, 3)).contains("3 positions from 2 on"));
    assert!(refused(&x, |x| ops::narrow(x, 1, usize::MAX, 3)).contains("which has 0..4"));
}

#[test]
fn tensors_are_joined_and_cut() {
    let (a, b) = (numbered(&[2, 2]), numbered(&[2, 2]).transpose(0, 1));
    assert_eq!(Tensor::stack(&[&a, &b], 0).to_vec(), [0.0, 1.0, 2.0, 3.0, 0.0, 2.0, 1.0, 3.0]);
    assert_eq!(Tensor::stack(&[&a, &b], -1).to_vec(), [0.0, 0.0, 1.0, 2.0, 2.0, 1.0, 3.0, 3.0]);
    let x = numbered(&[2, 5]);
    for (parts, sizes) in [
        (x.split(&[1, 0, 4], 1), vec![1, 0, 4]),
        (x.chunk(3, -1), vec![2, 2, 1]),
        (x.chunk(4, 1), vec![2, 2, 1]),
        (x.chunk(9, 1), vec![1; 5]),
        (x.slice(1, 0..0).chunk(2, 1), vec![0, 0]),
    ] {
        assert_eq!(parts.iter().map(|part| part.shape()[1]).collect::<Vec<_>>(), sizes);
        let whole = Tensor::concat(&parts.iter().collect::<Vec<_>>(), 1);
        assert_eq!(whole, x.slice(1, ..whole.shape()[1] as isize));
    }
    differentiable(&[2, 5], |x| {
        let parts = x.split(&[2, 2, 1], 1);
        Var::stack(&[parts[1], parts[0] * parts[1]], 0)
    });
    differentiable(&[5], |x| {
        let parts = x.chunk(2, 0);
        Var::concat(&[parts[1], x, parts[0] * parts[0]], 0)
    });

    assert!(refused(&x, |x| ops::split(x, &[2, 2], 1).map(|x| x[0])).contains("add up to 5"));
    assert!(refused(&x, |x| ops::split(x, &[usize::MAX, 6], 1).map(|x| x[0])).contains("add up"));
    assert!(refused(&x, |x| ops::chunk(x, 0, 1).map(|x| x[0])).contains("at least one"));
    assert!(
        refused(&x, |x| ops::concat(&[x, ops::select(x, 0, 0)?], 1)).contains("size of axis 1")
    );
    assert!(refused(&x, |x| ops::stack(&[x, ops::select(x, 0, 0)?], 1)).contains("one shape"));
    assert!(refused(&x, |_| ops::stack(&[], 0)).contains("at least one"));
    assert!(refused(&x, |_| ops::concat(&[], 0)).contains("at least one"));
}

/// Every element of a padded tensor is looked up at the position the mode's picture shows.
#[test]
fn tensors_are_mirrored_and_prolonged_at_their_edges() {
    let line = numbered(&[3]);
    let padded = |before, after, mode| line.pad(&[PadWidth { axis: 0, before, after }], mode);
    assert_eq!(padded(2, 2, PadMode::Reflect).to_vec(), [2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0]);
    assert_eq!(padded(1, 3, PadMode::Edge).to_vec(), [0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0]);
    let x = numbered(&[3, 2]).transpose(0, 1);
    let widths = [(1, 2, 1).into(), (-2, 0, 1).into()];
    for (mode, places) in
        [(PadMode::Reflect, [2, 1, 0, 1, 2, 1]), (PadMode::Edge, [0, 0, 0, 1, 2, 2])]
    {
        let rows = if mode == PadMode::Edge { [0, 1, 1] } else { [0, 1, 0] };
        let expected = Tensor::from_fn([3, 6], |i| x.get(&[rows[i[0]], places[i[1]]]).unwrap());
        assert_eq!(x.pad(&widths, mode), expected, "{mode:?}");
        differentiable(&[2, 3], |x| x.pad(&widths, mode));
    }
    assert_eq!(numbered(&[0, 2]).pad(&[(1, 1, 0).into()], PadMode::Edge).shape(), &[0, 3][..]);
    let refuse = |widths: [PadWidth; 1], mode| refused(&line, |x| ops::pad(x, &widths, mode));
    assert!(refuse([(0, 3, 0).into()], PadMode::Reflect).contains("less than its size"));
    assert!(refuse([(1, 1, 0).into()], PadMode::Edge).contains("axis 1 does not exist"));
    assert!(refuse([(0, usize::MAX, 1).into()], PadMode::Edge).contains("too large"));
    assert!(refuse([(0, usize::MAX, 1).into()], PadMode::Constant(0.0)).contains("too large"));
    let empty = numbered(&[0]);
    assert!(
        refused(&empty, |x| ops::pad(x, &[(0, 1, 0).into()], PadMode::Edge)).contains("not empty")
    );
    let twice = [(0, 1, 0).into(), (-1, 1, 0).into()];
    assert!(refused(&line, |x| ops::pad(x, &twice, PadMode::Edge)).contains("named twice"));
}

#[test]
fn tensors_are_repeated() {
    let x = numbered(&[2, 2]);
    let expected = Tensor::from_fn([3, 2, 4], |i| x.get(&[i[1], i[2] % 2]).unwrap());
    assert_eq!(x.repeat(&[3, 1, 2]), expected);
    let expected = Tensor::from_fn([6, 2], |i| x.get(&[i[0] / 3, i[1]]).unwrap());
    assert_eq!(x.repeat_interleave(3, 0), expected);
    assert_eq!(x.repeat(&[0, 2]).shape(), &[0, 4][..]);
    differentiable(&[2, 3], |x| x.repeat(&[2, 1, 2]));
    differentiable(&[2, 3], |x| x.repeat_interleave(2, -1));

    assert!(refused(&x, |x| ops::repeat(x, &[2])).contains("one for each axis"));
    assert!(refused(&x, |x| ops::repeat(x, &[usize::MAX, 2])).contains("too large"));
    assert!(refused(&x, |x| ops::repeat_interleave(x, usize::MAX, 0)).contains("too large"));
}

#[test]
fn vectors_are_multiplied() {
    let (a, b) = (numbered(&[3]), numbered(&[6]).slice(0, 3..));
    assert_eq!(a.dot(&b).item(), 14.0);
    assert_eq!(a.outer(&b), Tensor::from_fn([3, 3], |i| (i[0] * (i[1] + 3)) as f64));
    assert_eq!(numbered(&[0]).dot(&numbered(&[0])).item(), 0.0);
    gradgradcheck(|[a, b]| a.dot(b) * a.outer(b).sum(), [&a, &b]).unwrap();

    let matrix = numbered(&[3, 3]);
    assert!(refused(&matrix, |x| ops::dot(x, x)).contains("two vectors of one length"));
    assert!(refused(&matrix, |x| ops::outer(x, ops::select(x, 0, 0)?)).contains("two vectors"));
}

#[test]
fn diagonals_are_summed_and_made() {
    let x = numbered(&[2, 3, 3]);
    assert_eq!(x.trace().to_vec(), [12.0, 39.0]);
    assert_eq!(x.select(0, 0).diag(-1).to_vec(), [3.0, 7.0]);
    let expected =
        Tensor::from_fn(
            [2, 4, 4],
            |i| if i[1] == i[2] + 1 { (3 * i[0] + i[2]) as f64 } else { 0.0 },
        );
    assert_eq!(numbered(&[2, 3]).diag_embed(-1), expected);
    differentiable(&[3, 2], |x| x.trace() * x.diag(1).sum());
    differentiable(&[3], |x| x.diag(-2));

    assert!(refused(&x, |x| ops::diag(x, 0)).contains("a vector [n] or a matrix"));
    assert!(refused(&numbered(&[3]), ops::trace).contains("[.., rows, columns]"));
    assert!(refused(&numbered(&[3]), |x| ops::diag_embed(x, isize::MIN)).contains("too large"));
}

#[test]
fn an_index_outside_of_its_axis_is_named() {
    let x = numbered(&[3, 2]);
    let index = Index::from_slice(&[0, 2, 1, 3], [2, 2]).unwrap();
    let expected = "the index 3 at [1, 1] is not a position on an axis of size 3 (0..3)";
    assert!(refused(&x, |x| ops::gather(x, 0, &index)).contains(expected));
    assert!(refused(&x, |x| ops::index_select(x, 0, &index)).contains(expected));
    assert!(refused(&x, |x| ops::scatter_add(x, 0, &index, x)).contains(expected));
    let long = Index::from_fn([2, 3], |_| 0);
    assert!(refused(&x, |x| ops::gather(x, 0, &long)).contains("not larger than it"));
    assert!(refused(&x, |x| ops::gather(x, 0, &Index::from([0]))).contains("as many axes"));
    let two = Index::from_fn([2, 2], |_| 0);
    assert!(refused(&x, |x| ops::scatter_add(x, 0, &two, x)).contains("the index's shape [2, 2]"));
}

/// Onto the element first, then in the index's order: the sums round differently in another one.
#[test]
fn additions_to_one_element_are_in_the_order_of_the_index() {
    let src = Tensor::from_slice(&[1e16, 1.0, -1e16, 3.0], [4]).unwrap();
    let index = Index::from([0, 0, 0, 1]);
    let y = Tensor::from_slice(&[1.0, 0.5], [2]).unwrap().scatter_add(0, &index, &src);
    assert_eq!(y.to_vec(), [((1.0 + 1e16) + 1.0) - 1e16, 3.5]);
}
