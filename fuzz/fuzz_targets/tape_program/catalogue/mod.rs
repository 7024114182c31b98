//! The catalogue: one file per family, which selects one of its operations.

mod convolution;
mod elementwise;
mod index;
mod linear;
mod loss;
mod normalization;
mod reduction;
mod shape;

use crate::draw::Draw;
use crate::program::{Call, Operand};
use wengert_autodiff::{Result, Shape, Var};

/// An operation of one operand.
type Unary = for<'t> fn(Var<'t, f64>) -> Result<Var<'t, f64>>;

/// An operation of two operands.
type Binary = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Result<Var<'t, f64>>;

/// Entries of `ops` with their names.
macro_rules! table {
    ($kind:ty: $($name:ident),+ $(,)?) => {{
        const TABLE: &[(&str, $kind)] = &[$((stringify!($name), wengert_autodiff::ops::$name)),+];
        TABLE
    }};
}
use table;

/// One call with operands among the values so far.
pub fn call(draw: &mut Draw<'_>) -> Call {
    match draw.below(16) {
        0 => elementwise::unary(draw),
        1 => elementwise::activation(draw),
        2 | 3 => elementwise::binary(draw),
        4 => elementwise::choice(draw),
        5 => reduction::reduction(draw),
        6 => reduction::along(draw),
        7 => shape::turned(draw),
        8 => shape::parts(draw),
        9 => shape::joined(draw),
        10 => index::index(draw),
        11 => linear::linear(draw),
        12 => convolution::convolution(draw),
        13 => convolution::pool(draw),
        14 => normalization::normalization(draw),
        _ => loss::loss(draw),
    }
}

fn unary(name: &'static str, x: Operand, entry: Unary) -> Call {
    Call::new(name, String::new(), [x], move |v| entry(v[0]))
}

/// An optional weight or bias: adds it to the operands, and returns whether it is present.
fn optional(draw: &mut Draw<'_>, operands: &mut Vec<Operand>, shape: impl Into<Shape>) -> bool {
    let given = draw.flag();
    if given {
        operands.push(draw.like(shape));
    }
    given
}
