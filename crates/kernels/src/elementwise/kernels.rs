//! The compiled elementwise operations of an element type.

use super::choice::{self, Comparison};
use super::operation::{
    Abs, Add, Axpy, Binary, Clamp, Div, DivKeepZero, Inside, Maximum, Minimum, Mul, MulAbsorbing,
    MulNoNan, Neg, Offset, Recip, Scale, Share, Sign, Simple, Sqrt, Square, Sub, Tie,
};
use super::rounding::{Ceil, Floor, Rem, Round, Trunc};
use crate::slices::{Run, map, map_in_place, zip, zip_in_place};

/// The compiled kernels of an element type. Sealed with [`Element`](crate::Element).
#[doc(hidden)]
pub trait ElementwiseKernels: Sized {
    fn binary_kernel(op: Binary, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]);
    fn simple_kernel(op: Simple<Self>, x: &[Self], out: &mut [Self]);
    fn scale_kernel(alpha: Self, x: &mut [Self]);
    fn add_assign_kernel(acc: &mut [Self], x: &[Self]);
    fn axpy_kernel(alpha: Self, x: &[Self], y: &mut [Self]);
    fn compare_kernel(op: Comparison, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [bool]);
    fn select_kernel(mask: &[bool], yes: Run<'_, Self>, no: Run<'_, Self>, out: &mut [Self]);
}

macro_rules! elementwise_kernels {
    ($type:ty) => {
        impl ElementwiseKernels for $type {
            #[track_caller]
            fn binary_kernel(op: Binary, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]) {
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
            fn simple_kernel(op: Simple<Self>, x: &[Self], out: &mut [Self]) {
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

            fn scale_kernel(alpha: Self, x: &mut [Self]) {
                map_in_place(Scale(alpha), x);
            }

            #[track_caller]
            fn add_assign_kernel(acc: &mut [Self], x: &[Self]) {
                zip_in_place(Add, acc, x);
            }

            #[track_caller]
            fn axpy_kernel(alpha: Self, x: &[Self], y: &mut [Self]) {
                zip_in_place(Axpy(alpha), y, x);
            }

            #[track_caller]
            fn compare_kernel(
                op: Comparison,
                a: Run<'_, Self>,
                b: Run<'_, Self>,
                out: &mut [bool],
            ) {
                choice::compare_elements(op, a, b, out);
            }

            #[track_caller]
            fn select_kernel(
                mask: &[bool],
                yes: Run<'_, Self>,
                no: Run<'_, Self>,
                out: &mut [Self],
            ) {
                choice::select_elements(mask, yes, no, out);
            }
        }
    };
}

elementwise_kernels!(f32);

elementwise_kernels!(f64);
