//! Matrix products whose operands are not plain arrays, each beside what it replaces: numbers of half
//! the size beside `f32`, a prologue beside an array made first, a packed matrix beside the plain one.

use std::hint::black_box;

use wengert::kernels::activation::{self, Activation};
use wengert::kernels::bf16::{self, Bf16};
use wengert::kernels::gemm::{Gemm, MatMut, MatRef, Operand, Packed, Prologue};

use crate::data::{Buffer, noise, zeros};
use crate::run::Run;

/// The flops of a product.
fn flops([m, n, k]: [usize; 3]) -> f64 {
    2.0 * (m * n * k) as f64
}

/// Panics unless the two results of a case are within `bound` of each other.
fn agree(case: &str, got: &[f32], expected: &[f32], bound: f32) {
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= bound, "{case}: element {at} is {got}, not {expected}");
    }
}

/// Adds the cases.
pub(crate) fn cases(run: &mut Run) {
    for cube in [256, 512, 1024, 2048] {
        halves(run, [cube; 3], false);
    }
    halves(run, [1024; 3], true);
    halves(run, [128, 512, 784], false);
    for act in [Activation::Relu, Activation::Tanh] {
        // The gradients of a layer of 784 inputs and 512 outputs, of 128 rows: by its weight and by
        // its input.
        prologue(run, [784, 512, 128], act, Derivative::Right);
        prologue(run, [128, 784, 512], act, Derivative::Left);
    }
    for shape in [[1, 512, 784], [8, 1024, 1024], [32, 512, 784], [128, 512, 784]] {
        packed(run, shape, false);
        packed(run, shape, true);
    }
}

/// The right operand, which lies transposed or not.
fn right<T: Copy>(y: &[T], [_, n, k]: [usize; 3], transposed: bool) -> MatRef<'_, T> {
    if transposed { MatRef::row_major(y, n, k).t() } else { MatRef::row_major(y, k, n) }
}

/// Both operands of half the size.
fn halves(run: &mut Run, shape: [usize; 3], transposed: bool) {
    let [m, n, k] = shape;
    let narrow = |x: &[f32]| {
        let mut halves = vec![Bf16::default(); x.len()];
        bf16::narrow(x, &mut halves);
        halves
    };
    let (x, y) = (narrow(&noise::<f32>(m * k)), narrow(&noise::<f32>(k * n)));
    let (mut wide_x, mut wide_y): (Buffer<f32>, Buffer<f32>) = (zeros(m * k), zeros(k * n));
    bf16::widen(&x, &mut wide_x);
    bf16::widen(&y, &mut wide_y);
    let [mut got, mut expected] = [zeros::<f32>(m * n), zeros(m * n)];
    let suffix = if transposed { " B^T" } else { "" };
    let case = format!("{m} x {n} x {k}{suffix}, bf16");
    let half = |c: &mut [f32]| {
        let (a, b) = (MatRef::row_major(&x, m, k), right(&y, shape, transposed));
        Gemm::new(a, b, MatMut::row_major(black_box(c), m, n)).run();
    };
    let full = |c: &mut [f32]| {
        let (a, b) = (MatRef::row_major(&wide_x, m, k), right(&wide_y, shape, transposed));
        Gemm::new(a, b, MatMut::row_major(black_box(c), m, n)).run();
    };
    run.install(|| {
        half(&mut got);
        full(&mut expected);
    });
    agree(&case, &got, &expected, 2.0 * k as f32 * k as f32 * f32::EPSILON);
    run.flops::<f32>(case, flops(shape), || half(&mut got), ("f32", || full(&mut expected)));
}

/// The operand that is multiplied by a derivative.
#[derive(Clone, Copy)]
enum Derivative {
    Left,
    Right,
}

/// A product with a derivative in an operand.
fn prologue(run: &mut Run, shape: [usize; 3], activation: Activation, side: Derivative) {
    let [m, n, k] = shape;
    let ((rows, cols), name) = match side {
        Derivative::Left => ((m, k), "(gy f') W"),
        Derivative::Right => ((k, n), "x^T (gy f')"),
    };
    let (gy, saved) = (noise::<f32>(rows * cols), noise::<f32>(rows * cols));
    let other = noise::<f32>(m * k + k * n - rows * cols);
    let mut made = zeros::<f32>(rows * cols);
    let [mut got, mut expected] = [zeros::<f32>(m * n), zeros(m * n)];
    let case = format!("{m} x {n} x {k} {name}, {activation}");
    let product = |gz: Operand<'_, f32>, c: &mut [f32]| {
        let c = MatMut::row_major(black_box(c), m, n);
        match side {
            Derivative::Left => Gemm::new(gz, MatRef::row_major(&other, k, n), c).run(),
            Derivative::Right => Gemm::new(MatRef::row_major(&other, k, m).t(), gz, c).run(),
        }
    };
    let fused = |c: &mut [f32]| {
        let saved = MatRef::row_major(&saved, rows, cols);
        let gy = Operand::from(MatRef::row_major(&gy, rows, cols));
        product(gy.with(Prologue::Derivative { activation, saved }), c);
    };
    let mut apart = |c: &mut [f32]| {
        activation::backward(activation, &gy, &saved, &mut made);
        product(MatRef::row_major(&made, rows, cols).into(), c);
    };
    run.install(|| {
        fused(&mut got);
        apart(&mut expected);
    });
    agree(&case, &got, &expected, 0.0);
    run.flops::<f32>(case, flops(shape), || fused(&mut got), ("apart", || apart(&mut expected)));
}

/// A product with the right operand packed.
fn packed(run: &mut Run, shape: [usize; 3], transposed: bool) {
    let [m, n, k] = shape;
    let (a, b) = (noise::<f32>(m * k), noise::<f32>(k * n));
    let right =
        if transposed { MatRef::row_major(&b, n, k).t() } else { MatRef::row_major(&b, k, n) };
    let weight = run.install(|| Packed::right(right));
    let [mut got, mut expected] = [zeros::<f32>(m * n), zeros(m * n)];
    let suffix = if transposed { " B^T" } else { "" };
    let case = format!("{m} x {n} x {k}{suffix}, packed");
    let product = |b: Operand<'_, f32>, c: &mut [f32]| {
        Gemm::new(MatRef::row_major(&a, m, k), b, MatMut::row_major(black_box(c), m, n)).run();
    };
    run.install(|| {
        product((&weight).into(), &mut got);
        product(right.into(), &mut expected);
    });
    // Paths differ, and so do the orders of the sums: of each, so many roundings of so many ones.
    agree(&case, &got, &expected, 2.0 * (k * k) as f32 * f32::EPSILON);
    let plain = || product(right.into(), &mut expected);
    run.flops::<f32>(case, flops(shape), || product((&weight).into(), &mut got), ("plain", plain));
}
