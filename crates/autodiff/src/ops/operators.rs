//! `+ - * / %` and unary `-` between variables, tensors and numbers.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use wengert_kernels::Element;

use crate::tape::Var;
use crate::tensor::Tensor;

macro_rules! binary {
    ($($trait:ident $method:ident),+) => {
        $(
            impl<'t, E: Element> $trait for Var<'t, E> {
                type Output = Self;
                #[track_caller]
                fn $method(self, other: Self) -> Self {
                    Var::$method(self, other)
                }
            }

            impl<E: Element> $trait for &Tensor<E> {
                type Output = Tensor<E>;
                #[track_caller]
                fn $method(self, other: Self) -> Tensor<E> {
                    Tensor::$method(self, other)
                }
            }
        )+
    };
}

binary!(Add add, Sub sub, Mul mul, Div div, Rem rem);

impl<E: Element> Neg for Var<'_, E> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        Var::neg(self)
    }
}

impl<E: Element> Neg for &Tensor<E> {
    type Output = Tensor<E>;
    #[track_caller]
    fn neg(self) -> Tensor<E> {
        Tensor::neg(self)
    }
}

impl<E: Element> Add<E> for Var<'_, E> {
    type Output = Self;
    #[track_caller]
    fn add(self, number: E) -> Self {
        self.add_scalar(number)
    }
}

impl<E: Element> Sub<E> for Var<'_, E> {
    type Output = Self;
    #[track_caller]
    fn sub(self, number: E) -> Self {
        self.add_scalar(-number)
    }
}

impl<E: Element> Mul<E> for Var<'_, E> {
    type Output = Self;
    #[track_caller]
    fn mul(self, number: E) -> Self {
        self.mul_scalar(number)
    }
}

impl<E: Element> Div<E> for Var<'_, E> {
    type Output = Self;
    /// Divides each element (and does not multiply by a rounded reciprocal).
    #[track_caller]
    fn div(self, number: E) -> Self {
        Var::div(self, self.tape().constant(&Tensor::scalar(number)))
    }
}

impl<E: Element> Rem<E> for Var<'_, E> {
    type Output = Self;
    #[track_caller]
    fn rem(self, number: E) -> Self {
        Var::rem(self, self.tape().constant(&Tensor::scalar(number)))
    }
}

macro_rules! number_first {
    ($($type:ty),+) => {
        $(
            impl<'t> Add<Var<'t, $type>> for $type {
                type Output = Var<'t, $type>;
                #[track_caller]
                fn add(self, x: Var<'t, $type>) -> Self::Output {
                    x.add_scalar(self)
                }
            }

            impl<'t> Sub<Var<'t, $type>> for $type {
                type Output = Var<'t, $type>;
                #[track_caller]
                fn sub(self, x: Var<'t, $type>) -> Self::Output {
                    Var::neg(x).add_scalar(self)
                }
            }

            impl<'t> Mul<Var<'t, $type>> for $type {
                type Output = Var<'t, $type>;
                #[track_caller]
                fn mul(self, x: Var<'t, $type>) -> Self::Output {
                    x.mul_scalar(self)
                }
            }

            impl<'t> Div<Var<'t, $type>> for $type {
                type Output = Var<'t, $type>;
                #[track_caller]
                fn div(self, x: Var<'t, $type>) -> Self::Output {
                    Var::div(x.tape().constant(&Tensor::scalar(self)), x)
                }
            }
        )+
    };
}

number_first!(f32, f64);
