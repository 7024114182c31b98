//! Elementary functions.

use wengert::kernels::{Element, math};

use crate::data::{LARGE, SMALL, assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// A function of slices.
pub(crate) type Map<E> = fn(&[E], &mut [E]);

/// A name, the kernel, and the plain loop.
struct Function<E> {
    name: &'static str,
    kernel: Map<E>,
    plain: Map<E>,
}

/// A plain loop over one slice into another.
macro_rules! plain {
    ($E:ty, |$x:ident| $value:expr) => {
        |x: &[$E], out: &mut [$E]| {
            for (out, &$x) in out.iter_mut().zip(x) {
                *out = $value;
            }
        }
    };
}
pub(crate) use plain;

/// The functions; a new one is a line here.
macro_rules! functions {
    ($E:ty) => {
        [
            ("exp", math::exp as Map<$E>, plain!($E, |x| x.exp()) as Map<$E>),
            ("exp_m1", math::exp_m1, plain!($E, |x| x.exp_m1())),
            ("logistic", math::logistic, plain!($E, |x| 1.0 / (1.0 + (-x).exp()))),
            ("tanh", math::tanh, plain!($E, |x| x.tanh())),
        ]
        .map(|(name, kernel, plain)| Function { name, kernel, plain })
    };
}

/// Adds the functions, in cache and in memory.
pub(crate) fn cases(run: &mut Run) {
    for len in [SMALL, LARGE] {
        of_type::<f32>(run, len, &functions!(f32));
        of_type::<f64>(run, len, &functions!(f64));
    }
}

fn of_type<E: Element>(run: &mut Run, len: usize, functions: &[Function<E>]) {
    let x = noise::<E>(len);
    let (mut y, mut z) = (zeros(len), zeros(len));
    for Function { name, kernel, plain } in functions {
        let case = format!("{name}, {len}");
        kernel(&x, &mut y);
        plain(&x, &mut z);
        assert_agree(&case, &y, &z);
        let work = Work::out_of_place(case, len, len, len);
        run.case::<E>(work, || kernel(&x, &mut y), || plain(&x, &mut z));
    }
}
