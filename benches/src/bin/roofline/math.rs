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
            ("log", math::log, plain!($E, |x| x.ln())),
            ("log_1p", math::log_1p, plain!($E, |x| x.ln_1p())),
            ("rsqrt", math::rsqrt, plain!($E, |x| 1.0 / x.sqrt())),
            ("sin", math::sin, plain!($E, |x| x.sin())),
            ("cos", math::cos, plain!($E, |x| x.cos())),
            ("erf", math::erf, plain!($E, |x| libm::erf(f64::from(x)) as $E)),
            ("erfc", math::erfc, plain!($E, |x| libm::erfc(f64::from(x)) as $E)),
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
    // Positive for the logarithms, and away from their pole.
    let mut positive = noise::<E>(len);
    for x in positive.iter_mut() {
        *x = x.abs() + E::from_f64(0.01);
    }
    let anywhere = noise::<E>(len);
    let (mut y, mut z) = (zeros(len), zeros(len));
    for Function { name, kernel, plain } in functions {
        let case = format!("{name}, {len}");
        let x = if ["log", "log_1p", "rsqrt"].contains(name) { &positive } else { &anywhere };
        kernel(x, &mut y);
        plain(x, &mut z);
        assert_agree(&case, &y, &z);
        let work = Work::out_of_place(case, len, len, len);
        run.case::<E>(work, || kernel(x, &mut y), || plain(x, &mut z));
    }
}
