//! The optimizer updates, compiled for each element type.

use super::adaptive::{
    Adadelta, AdadeltaStep, Adagrad, AdagradStep, Adamax, AdamaxStep, AverageStep, Lion, LionStep,
};
use super::moments::{LambStep, Moments, MomentsStep};
use super::rules::{Adam, AdamStep, Momentum, MomentumStep, RmsProp, RmsPropStep, SgdStep};
use super::update::update;
use crate::Float;
use crate::family::family;

family! {
    /// The updates of an element type.
    OptimKernels:
    fn sgd_kernel(w: &mut [Self], g: &[Self], lr: Self, weight_decay: Self) = sgd;
    fn momentum_kernel(
        w: &mut [Self], g: &[Self], velocity: &mut [Self], rule: Momentum<Self>
    ) = momentum;
    fn adam_kernel(
        w: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], rule: Adam
    ) = adam;
    fn amsgrad_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Adam) = amsgrad;
    fn rmsprop_kernel(w: &mut [Self], g: &[Self], mean: &mut [Self], rule: RmsProp<Self>) = rmsprop;
    fn moments_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Moments) = moments;
    fn lamb_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Moments) = lamb;
    fn adamax_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Adamax<Self>) = adamax;
    fn adagrad_kernel(state: [&mut [Self]; 2], g: &[Self], rule: Adagrad<Self>) = adagrad;
    fn adadelta_kernel(state: [&mut [Self]; 3], g: &[Self], rule: Adadelta<Self>) = adadelta;
    fn lion_kernel(state: [&mut [Self]; 2], g: &[Self], rule: Lion<Self>) = lion;
    fn average_kernel(average: &mut [Self], w: &[Self], share: Self) = moving_average;
}

#[track_caller]
fn sgd<E: Float>(w: &mut [E], g: &[E], lr: E, weight_decay: E) {
    update(SgdStep { lr, weight_decay }, g, [w]);
}

#[track_caller]
fn momentum<E: Float>(w: &mut [E], g: &[E], velocity: &mut [E], rule: Momentum<E>) {
    update(MomentumStep(rule), g, [w, velocity]);
}

#[track_caller]
fn adam<E: Float>(w: &mut [E], g: &[E], m: &mut [E], v: &mut [E], rule: Adam) {
    update(AdamStep::new(rule), g, [w, m, v]);
}

#[track_caller]
fn amsgrad<E: Float>(state: [&mut [E]; 4], g: &[E], rule: Adam) {
    update(AdamStep::new(rule), g, state);
}

#[track_caller]
fn rmsprop<E: Float>(w: &mut [E], g: &[E], mean: &mut [E], rule: RmsProp<E>) {
    update(RmsPropStep(rule), g, [w, mean]);
}

#[track_caller]
fn moments<E: Float>(state: [&mut [E]; 3], g: &[E], rule: Moments) {
    update(MomentsStep::new(rule), g, state);
}

#[track_caller]
fn lamb<E: Float>(state: [&mut [E]; 4], g: &[E], rule: Moments) {
    update(LambStep(MomentsStep::new(rule)), g, state);
}

#[track_caller]
fn adamax<E: Float>(state: [&mut [E]; 3], g: &[E], rule: Adamax<E>) {
    update(AdamaxStep(rule), g, state);
}

#[track_caller]
fn adagrad<E: Float>(state: [&mut [E]; 2], g: &[E], rule: Adagrad<E>) {
    update(AdagradStep(rule), g, state);
}

#[track_caller]
fn adadelta<E: Float>(state: [&mut [E]; 3], g: &[E], rule: Adadelta<E>) {
    update(AdadeltaStep(rule), g, state);
}

#[track_caller]
fn lion<E: Float>(state: [&mut [E]; 2], g: &[E], rule: Lion<E>) {
    update(LionStep(rule), g, state);
}

#[track_caller]
fn moving_average<E: Float>(average: &mut [E], w: &[E], share: E) {
    update(AverageStep { share }, w, [average]);
}
