//! Activations and their gradients.

use wengert::kernels::Element;
use wengert::kernels::activation::{self, Activation, Saved};

use crate::data::{LARGE, SMALL, assert_agree, noise, zeros};
use crate::math::{Map, plain};
use crate::run::{Run, Work};

/// The gradient from upstream's and from what the forward pass saved.
type Grad<E> = fn(&[E], &[E], &mut [E]);

/// An activation and the plain loops of its two passes.
struct Member<E> {
    function: Activation,
    forward: Map<E>,
    backward: Grad<E>,
}

/// A plain loop over two slices into a third.
macro_rules! plain_grad {
    ($E:ty, |$gy:ident, $saved:ident| $value:expr) => {
        |gy: &[$E], saved: &[$E], out: &mut [$E]| {
            for ((out, &$gy), &$saved) in out.iter_mut().zip(gy).zip(saved) {
                *out = $value;
            }
        }
    };
}

/// The members of [`Activation`]; a new one is an entry here. The gradients take what
/// [`Activation::saves`] names.
macro_rules! members {
    ($E:ty) => {
        [
            (
                Activation::Identity,
                plain!($E, |x| x) as Map<$E>,
                plain_grad!($E, |gy, _y| gy) as Grad<$E>,
            ),
            (
                Activation::Logistic,
                plain!($E, |x| 1.0 / (1.0 + (-x).exp())),
                plain_grad!($E, |gy, y| gy * (y * (1.0 - y))),
            ),
            (
                Activation::Tanh,
                plain!($E, |x| x.tanh()),
                plain_grad!($E, |gy, y| gy * (1.0 - y * y)),
            ),
            (
                Activation::Relu,
                plain!($E, |x| x.max(0.0)),
                plain_grad!($E, |gy, y| if y > 0.0 { gy } else { 0.0 }),
            ),
            (
                Activation::LeakyRelu { slope: 0.125 },
                plain!($E, |x| if x > 0.0 { x } else { 0.125 * x }),
                plain_grad!($E, |gy, y| if y > 0.0 { gy } else { 0.125 * gy }),
            ),
        ]
        .map(|(function, forward, backward)| Member { function, forward, backward })
    };
}

/// Adds every activation, forward and backward, in cache and in memory.
pub(crate) fn cases(run: &mut Run) {
    for len in [SMALL, LARGE] {
        of_type::<f32>(run, len, &members!(f32));
        of_type::<f64>(run, len, &members!(f64));
    }
}

fn of_type<E: Element>(run: &mut Run, len: usize, members: &[Member<E>]) {
    let (x, gy) = (noise::<E>(len), noise::<E>(len));
    let (mut y, mut z) = (zeros(len), zeros(len));
    for Member { function, forward, backward } in members {
        let case = format!("{function}, {len}");
        activation::forward(*function, &x, &mut y);
        forward(&x, &mut z);
        assert_agree(&case, &y, &z);
        let work = Work::out_of_place(case, len, len, len);
        let saved = match function.saves() {
            Saved::Output => y.clone(),
            Saved::Input => x.clone(),
        };
        run.case::<E>(work, || activation::forward(*function, &x, &mut y), || forward(&x, &mut z));

        let case = format!("{function} gradient, {len}");
        activation::backward(*function, &gy, &saved, &mut y);
        backward(&gy, &saved, &mut z);
        assert_agree(&case, &y, &z);
        let work = Work::out_of_place(case, len, 2 * len, len);
        run.case::<E>(
            work,
            || activation::backward(*function, &gy, &saved, &mut y),
            || backward(&gy, &saved, &mut z),
        );
    }
}
