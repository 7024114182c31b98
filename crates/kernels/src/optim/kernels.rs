//! The compiled updates of an element type.

use super::rules::{Adam, AdamStep, Momentum, MomentumStep, RmsProp, RmsPropStep, SgdStep};
use super::update::update;

/// The compiled kernels of an element type. Sealed with [`Element`](crate::Element).
#[doc(hidden)]
pub trait OptimKernels: Sized {
    fn sgd_kernel(w: &mut [Self], g: &[Self], lr: Self, weight_decay: Self);
    fn momentum_kernel(w: &mut [Self], g: &[Self], velocity: &mut [Self], rule: Momentum<Self>);
    fn adam_kernel(w: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], rule: Adam);
    fn amsgrad_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Adam);
    fn rmsprop_kernel(w: &mut [Self], g: &[Self], mean: &mut [Self], rule: RmsProp<Self>);
}

macro_rules! optim_kernels {
    ($type:ty) => {
        impl OptimKernels for $type {
            fn sgd_kernel(w: &mut [Self], g: &[Self], lr: Self, weight_decay: Self) {
                update(SgdStep { lr, weight_decay }, g, [w]);
            }

            fn momentum_kernel(
                w: &mut [Self],
                g: &[Self],
                velocity: &mut [Self],
                rule: Momentum<Self>,
            ) {
                update(MomentumStep(rule), g, [w, velocity]);
            }

            fn adam_kernel(w: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], rule: Adam) {
                update(AdamStep::new(rule), g, [w, m, v]);
            }

            fn amsgrad_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Adam) {
                update(AdamStep::new(rule), g, state);
            }

            fn rmsprop_kernel(w: &mut [Self], g: &[Self], mean: &mut [Self], rule: RmsProp<Self>) {
                update(RmsPropStep(rule), g, [w, mean]);
            }
        }
    };
}

optim_kernels!(f32);

optim_kernels!(f64);
