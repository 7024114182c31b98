//! The cost of the lane abstraction: kernels written with lanes, compared with the same kernels
//! written with the `wide` crate's vectors. Only on the portable level do the two have the same
//! instructions.

use wengert::kernels::simd::{Kernel, Lanes, Simd, dispatch};
use wide::f32x4;

use crate::data::{Buffer, SMALL, assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// Number of terms of the polynomial.
const TERMS: usize = 24;

/// A function of a vector in both implementations.
trait Function: Copy + Send {
    const NAME: &'static str;

    fn lanes<V: Lanes<Elem = f32>>(x: V) -> V;

    fn wide(x: f32x4) -> f32x4;
}

/// A polynomial of [`TERMS`] terms: only multiply-adds.
#[derive(Clone, Copy, Default)]
struct Polynomial;

impl Function for Polynomial {
    const NAME: &'static str = "polynomial of 24 terms";

    #[inline(always)]
    fn lanes<V: Lanes<Elem = f32>>(x: V) -> V {
        let mut y = x.lit(0.5);
        for i in 0..TERMS {
            y = y.mul_add(x, x.lit(1.0 / (i + 1) as f32));
        }
        y
    }

    #[inline(always)]
    fn wide(x: f32x4) -> f32x4 {
        let mut y = f32x4::splat(0.5);
        for i in 0..TERMS {
            y = y.mul_add(x, f32x4::splat(1.0 / (i + 1) as f32));
        }
        y
    }
}

/// A comparison, a selection and a square root.
#[derive(Clone, Copy, Default)]
struct Choice;

impl Function for Choice {
    const NAME: &'static str = "comparison, choice, root";

    #[inline(always)]
    fn lanes<V: Lanes<Elem = f32>>(x: V) -> V {
        let zero = x.lit(0.0);
        V::select(x.lt(zero), x * x.lit(0.125), x.abs().sqrt().min(x.lit(1.5)))
    }

    #[inline(always)]
    fn wide(x: f32x4) -> f32x4 {
        let (zero, most) = (f32x4::splat(0.0), f32x4::splat(1.5));
        x.simd_lt(zero).select(x * f32x4::splat(0.125), x.abs().sqrt().fast_min(most))
    }
}

struct OnLanes<'a, F> {
    x: &'a [f32],
    out: &'a mut [f32],
    _function: F,
}

impl<F: Function> Kernel for OnLanes<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = S::F32::LANES;
        for (x, out) in self.x.chunks_exact(lanes).zip(self.out.chunks_exact_mut(lanes)) {
            F::lanes(S::F32::load(simd, x)).store(out);
        }
    }
}

fn on_wide<F: Function>(x: &[f32], out: &mut [f32]) {
    let (vectors, _) = x.as_chunks();
    let (outs, _) = out.as_chunks_mut();
    for (x, out) in vectors.iter().zip(outs) {
        *out = F::wide(f32x4::new(*x)).to_array();
    }
}

fn case<F: Function + Default>(run: &mut Run) {
    let x: Buffer<f32> = noise(SMALL);
    // Scaled so that the polynomial's powers stay in range.
    let x: Buffer<f32> = Buffer::from_iter(64, x.iter().map(|x| x * 0.25));
    let (mut ours, mut theirs) = (zeros(SMALL), zeros(SMALL));
    let call = |x: &[f32], out: &mut [f32]| {
        dispatch(OnLanes { x, out, _function: F::default() });
    };
    run.install(|| call(&x, &mut ours));
    on_wide::<F>(&x, &mut theirs);
    assert_agree(F::NAME, &ours, &theirs);
    let work = Work::out_of_place(F::NAME.into(), SMALL, SMALL, SMALL);
    run.beside::<f32>(work, || call(&x, &mut ours), "wide", || on_wide::<F>(&x, &mut theirs));
}

/// Adds both cases.
pub(crate) fn cases(run: &mut Run) {
    case::<Polynomial>(run);
    case::<Choice>(run);
}
