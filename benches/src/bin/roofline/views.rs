//! Elementwise operations on views, compared with the same on contiguous tensors, and sums over
//! each axis.

use std::hint::black_box;

use wengert::Step;
use wengert::prelude::*;

use crate::data::assert_agree;
use crate::run::{Run, Work};

const SIDE: usize = 1024;
const CUBE: usize = 256;

/// Adds the views of a matrix that exceeds the second-level cache, and the axes of a cube.
pub(crate) fn cases(run: &mut Run) {
    let (n, wide) = (SIDE as isize, numbers([SIDE + 64, SIDE + 64]));
    let matrix = numbers([SIDE, SIDE]);
    let views = [
        ("transposed", matrix.transpose(0, 1)),
        ("offset", wide.slice(0, 3..n + 3).slice(1, 5..n + 5)),
        ("rows of 16", numbers([SIDE * SIDE / 16, 32]).slice(1, 7..23)),
        ("every second row", numbers([2 * SIDE, SIDE]).slice(0, Step::new(.., 2))),
        ("every second column", numbers([SIDE, 2 * SIDE]).slice(1, Step::new(.., 2))),
        ("backwards", matrix.slice(1, Step::new(.., -1))),
        ("a row repeated", numbers([SIDE]).broadcast_to([SIDE, SIDE])),
        ("a column repeated", numbers([SIDE, 1]).broadcast_to([SIDE, SIDE])),
    ];
    for (name, view) in &views {
        beside(run, format!("exp, {name}"), view, |x| x.exp(), 1);
        beside(run, format!("add, both {name}"), view, |x| x + x, 1);
        let other = numbers(view.shape());
        beside(run, format!("add, one {name}"), view, move |x| x + x.tape().constant(&other), 2);
    }
    let cube = numbers([CUBE, CUBE, CUBE]);
    for axis in 0..3 {
        sum(run, &cube, axis);
    }
}

/// Numbers of order one.
fn numbers(shape: impl Into<Shape>) -> Tensor<f32> {
    let shape = shape.into();
    let mut state = 1_u32;
    Tensor::from_fn(shape, |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    })
}

/// A function of a variable on any tape.
trait Function: for<'t> Fn(Var<'t, f32>) -> Var<'t, f32> + Send {}
impl<F: for<'t> Fn(Var<'t, f32>) -> Var<'t, f32> + Send> Function for F {}

/// Computes the function once more with the tape's pooled memory.
fn call(tape: &mut Tape<f32>, x: &Tensor<f32>, f: &impl Function) {
    tape.clear();
    // Reads the elements: a deferred result that is not read would not be computed.
    black_box(f(tape.constant(black_box(x))).value().as_slice());
}

fn beside(run: &mut Run, case: String, view: &Tensor<f32>, f: impl Function, operands: usize) {
    let copy = Tensor::from_vec(view.to_vec(), view.shape()).expect("a copy of the view");
    let (mut tape, mut second) = (Tape::new(), Tape::new());
    let [got, want] = [view, &copy].map(|x| f(tape.constant(x)).value().to_vec());
    assert_agree(&case, &got, &want);
    let len = copy.len();
    let work = Work::out_of_place(case, len, operands * len, len);
    let f = std::sync::Mutex::new(f);
    run.beside::<f32>(
        work,
        || call(&mut tape, view, &*f.lock().expect("no turn panics")),
        "contiguous",
        || call(&mut second, &copy, &*f.lock().expect("no turn panics")),
    );
}

fn sum(run: &mut Run, cube: &Tensor<f32>, axis: usize) {
    let case = format!("sum over axis {axis} of {CUBE}^3");
    let over = |x: &Tensor<f32>, axis: usize| x.sum_axes(&[axis as isize], false);
    let plain = |x: &Tensor<f32>| -> Vec<f32> {
        let x = x.as_slice().expect("a contiguous cube");
        let inner = CUBE.pow(2 - axis as u32);
        let mut sums = vec![0.0; x.len() / CUBE];
        for (i, &x) in x.iter().enumerate() {
            sums[i / (inner * CUBE) * inner + i % inner] += x;
        }
        sums
    };
    assert_agree(&case, &over(cube, axis).to_vec(), &plain(cube));
    let work = Work::out_of_place(case, cube.len(), cube.len(), cube.len() / CUBE);
    run.case::<f32>(
        work,
        || {
            black_box(over(black_box(cube), axis));
        },
        || {
            black_box(plain(black_box(cube)));
        },
    );
}
