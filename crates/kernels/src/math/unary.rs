//! The names of the functions of one argument.

/// The functions of one argument this module has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unary {
    /// `e^x`.
    Exp,
    /// `e^x - 1`.
    ExpM1,
    /// `1 / (1 + e^-x)`.
    Logistic,
    /// `tanh x`.
    Tanh,
    /// `ln x`.
    Log,
    /// `ln(1 + x)`.
    Log1p,
    /// `1 / sqrt x`.
    Rsqrt,
    /// `sin x`.
    Sin,
    /// `cos x`.
    Cos,
    /// `tan x`.
    Tan,
    /// `erf x`.
    Erf,
    /// `1 - erf x`.
    Erfc,
}
