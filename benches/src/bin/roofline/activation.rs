//! Activations and their gradients.

use wengert::kernels::Element;
use wengert::kernels::activation::{self, Activation, Saved};

use crate::data::{LARGE, SMALL, assert_agree, noise, zeros};
use crate::math::{Map, plain};
use crate::run::{Run, Work};

/// The gradient from the output's cotangent and the array that the forward pass saved.
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

/// Members of [`Activation`], with one example of each kind of loop; a new one is an entry here.
/// The second argument of a gradient is the array that [`Activation::saves`] names.
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
                plain_grad!($E, |gy, x| {
                    let s = 1.0 / (1.0 + (-x).exp());
                    gy * (s * (1.0 - s))
                }),
            ),
            (
                Activation::Tanh,
                plain!($E, |x| x.tanh()),
                plain_grad!($E, |gy, x| gy * (1.0 - x.tanh() * x.tanh())),
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
            (
                Activation::Elu { alpha: 1.0 },
                plain!($E, |x| if x > 0.0 { x } else { x.exp_m1() }),
                plain_grad!($E, |gy, x| if x > 0.0 { gy } else { gy * x.exp() }),
            ),
            (
                Activation::Silu,
                plain!($E, |x| x / (1.0 + (-x).exp())),
                plain_grad!($E, |gy, x| {
                    let s = 1.0 / (1.0 + (-x).exp());
                    gy * (s * (1.0 + x * (1.0 - s)))
                }),
            ),
            (
                Activation::Softplus { beta: 1.0 },
                plain!($E, |x| x.exp().ln_1p()),
                plain_grad!($E, |gy, x| gy / (1.0 + (-x).exp())),
            ),
            (
                Activation::Gelu,
                plain!($E, |x| x * normal(f64::from(x)) as $E),
                plain_grad!($E, |gy, x| {
                    let (x, density) = (f64::from(x), density(f64::from(x)));
                    gy * (normal(x) + x * density) as $E
                }),
            ),
            (
                Activation::GeluTanh,
                plain!($E, |x| {
                    let y = 1.5957691216057308 * (x + 0.044715 * x * x * x);
                    x / (1.0 + (-y).exp())
                }),
                plain_grad!($E, |gy, x| {
                    let y = 1.5957691216057308 * (x + 0.044715 * x * x * x);
                    let slope = 1.5957691216057308 * (1.0 + 0.134145 * x * x);
                    let s = 1.0 / (1.0 + (-y).exp());
                    gy * (s + x * s * (1.0 - s) * slope)
                }),
            ),
            (
                Activation::Mish,
                plain!($E, |x| x * x.exp().ln_1p().tanh()),
                plain_grad!($E, |gy, x| {
                    let t = x.exp().ln_1p().tanh();
                    gy * (t + x * (1.0 - t * t) / (1.0 + (-x).exp()))
                }),
            ),
            (
                Activation::HardSwish,
                plain!($E, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
                plain_grad!($E, |gy, x| {
                    if x <= -3.0 {
                        0.0
                    } else if x >= 3.0 {
                        gy
                    } else {
                        gy * (x / 3.0 + 0.5)
                    }
                }),
            ),
        ]
        .map(|(function, forward, backward)| Member { function, forward, backward })
    };
}

/// The cumulative distribution function of the standard normal distribution.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The density of the standard normal distribution.
fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() * 0.3989422804014327
}

/// Adds these activations, forward and backward, in cache and in memory.
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
