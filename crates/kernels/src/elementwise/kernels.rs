//! The elementwise operations, compiled for each element type.

use super::choice::{Comparison, compare, select};
use super::operation::{
    Abs, Add, Axpy, Binary, Clamp, Div, DivKeepZero, Inside, Maximum, Minimum, Mul, MulAbsorbing,
    MulNoNan, Neg, Offset, Recip, Scale, Share, Sign, Simple, Sqrt, Square, Sub, Tie,
};
use super::rounding::{Ceil, Floor, Rem, Round, Trunc};
use crate::Float;
use crate::family::family;
use crate::slices::{Run, map, map_in_place, zip, zip_in_place};

family! {
    /// The elementwise operations of an element type.
    ElementwiseKernels:
    fn binary_kernel(op: Binary, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]) = binary;
    fn simple_kernel(op: Simple<Self>, x: &[Self], out: &mut [Self]) = simple;
    fn scale_kernel(alpha: Self, x: &mut [Self]) = scale;
    fn add_assign_kernel(acc: &mut [Self], x: &[Self]) = add_assign;
    fn axpy_kernel(alpha: Self, x: &[Self], y: &mut [Self]) = axpy;
    fn compare_kernel(
        op: Comparison, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [bool]
    ) = compare;
    fn select_kernel(
        mask: &[bool], yes: Run<'_, Self>, no: Run<'_, Self>, out: &mut [Self]
    ) = select;
}

#[track_caller]
fn binary<E: Float>(op: Binary, a: Run<'_, E>, b: Run<'_, E>, out: &mut [E]) {
    match op {
        Binary::Add => zip(Add, a, b, out),
        Binary::Sub => zip(Sub, a, b, out),
        Binary::Mul => zip(Mul, a, b, out),
        Binary::Div => zip(Div, a, b, out),
        Binary::Maximum => zip(Maximum, a, b, out),
        Binary::Minimum => zip(Minimum, a, b, out),
        Binary::Rem => zip(Rem, a, b, out),
        Binary::MulNoNan => zip(MulNoNan, a, b, out),
        Binary::MulAbsorbing => zip(MulAbsorbing, a, b, out),
        Binary::DivKeepZero => zip(DivKeepZero, a, b, out),
        Binary::Share => zip(Share, a, b, out),
        Binary::Tie => zip(Tie, a, b, out),
    }
}

#[track_caller]
fn simple<E: Float>(op: Simple<E>, x: &[E], out: &mut [E]) {
    match op {
        Simple::Neg => map(Neg, x, out),
        Simple::Square => map(Square, x, out),
        Simple::Sqrt => map(Sqrt, x, out),
        Simple::Recip => map(Recip, x, out),
        Simple::Abs => map(Abs, x, out),
        Simple::Sign => map(Sign, x, out),
        Simple::Floor => map(Floor, x, out),
        Simple::Ceil => map(Ceil, x, out),
        Simple::Round => map(Round, x, out),
        Simple::Trunc => map(Trunc, x, out),
        Simple::Offset(number) => map(Offset(number), x, out),
        Simple::Scale(alpha) => map(Scale(alpha), x, out),
        Simple::Clamp(low, high) => map(Clamp(low, high), x, out),
        Simple::Inside(low, high) => map(Inside(low, high), x, out),
    }
}

fn scale<E: Float>(alpha: E, x: &mut [E]) {
    map_in_place(Scale(alpha), x);
}

#[track_caller]
fn add_assign<E: Float>(acc: &mut [E], x: &[E]) {
    zip_in_place(Add, acc, x);
}

#[track_caller]
fn axpy<E: Float>(alpha: E, x: &[E], y: &mut [E]) {
    zip_in_place(Axpy(alpha), y, x);
}
