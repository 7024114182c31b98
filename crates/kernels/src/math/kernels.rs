//! The elementary functions, compiled for each element type.

use super::atan::Atan2;
use super::pow::Pow;
use super::unary::{Unary, unary};
use crate::Float;
use crate::elementwise::Run;
use crate::family::family;
use crate::slices::zip;

family! {
    /// The elementary functions of an element type.
    UnaryKernels:
    fn unary_kernel(f: Unary, x: &[Self], out: &mut [Self]) = unary;
    fn pow_kernel(a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]) = pow;
    fn atan2_kernel(y: Run<'_, Self>, x: Run<'_, Self>, out: &mut [Self]) = atan2;
}

#[track_caller]
fn pow<E: Float>(a: Run<'_, E>, b: Run<'_, E>, out: &mut [E]) {
    zip(Pow, a, b, out);
}

#[track_caller]
fn atan2<E: Float>(y: Run<'_, E>, x: Run<'_, E>, out: &mut [E]) {
    zip(Atan2, y, x, out);
}
