//! The compiled updates of an element type.

use super::adaptive::{
    Adadelta, AdadeltaStep, Adagrad, AdagradStep, Adamax, AdamaxStep, AverageStep, Lion, LionStep,
};
use super::moments::{LambStep, Moments, MomentsStep};
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
    fn moments_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Moments);
    fn lamb_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Moments);
    fn adamax_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Adamax<Self>);
    fn adagrad_kernel(state: [&mut [Self]; 2], g: &[Self], rule: Adagrad<Self>);
    fn adadelta_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Adadelta<Self>);
    fn lion_kernel(state: [&mut [Self]; 2], g: &[Self], rule: Lion<Self>);
    fn average_kernel(average: &mut [Self], w: &[Self], share: Self);
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

            fn moments_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Moments) {
                update(MomentsStep::new(rule), g, state);
            }

            fn lamb_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Moments) {
                update(LambStep(MomentsStep::new(rule)), g, state);
            }

            fn adamax_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Adamax<Self>) {
                update(AdamaxStep(rule), g, state);
            }

            fn adagrad_kernel(state: [&mut [Self]; 2], g: &[Self], rule: Adagrad<Self>) {
                update(AdagradStep(rule), g, state);
            }

            fn adadelta_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Adadelta<Self>) {
                update(AdadeltaStep(rule), g, state);
            }

            fn lion_kernel(state: [&mut [Self]; 2], g: &[Self], rule: Lion<Self>) {
                update(LionStep(rule), g, state);
            }

            fn average_kernel(average: &mut [Self], w: &[Self], share: Self) {
                update(AverageStep { share }, w, [average]);
            }
        }
    };
}

optim_kernels!(f32);

optim_kernels!(f64);
