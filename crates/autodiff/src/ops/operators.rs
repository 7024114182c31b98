//! `+ - * / %` and unary `-` between variables, tensors and numbers. A tensor that meets a variable is a
//! constant of the variable's tape.

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

            impl<'t, E: Element> $trait<&Tensor<E>> for Var<'t, E> {
                type Output = Self;
                #[track_caller]
                fn $method(self, other: &Tensor<E>) -> Self {
                    Var::$method(self, self.tape().constant(other))
                }
            }

            impl<'t, E: Element> $trait<Var<'t, E>> for &Tensor<E> {
                type Output = Var<'t, E>;
                #[track_caller]
                fn $method(self, other: Var<'t, E>) -> Var<'t, E> {
                    Var::$method(other.tape().constant(self), other)
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

#[cfg(test)]
mod tests {
    use crate::tape::Tape;
    use crate::tensor::Tensor;

    #[test]
    fn a_tensor_beside_a_variable_is_a_constant() {
        let tape = Tape::new();
        let t = Tensor::from_slice(&[2.0_f64, 4.0], [2]).unwrap();
        let x = tape.variable(&Tensor::from_slice(&[5.0, 3.0], [2]).unwrap());
        for (y, expected, slope) in [
            (x + &t, [7.0, 7.0], [1.0, 1.0]),
            (&t + x, [7.0, 7.0], [1.0, 1.0]),
            (x - &t, [3.0, -1.0], [1.0, 1.0]),
            (&t - x, [-3.0, 1.0], [-1.0, -1.0]),
            (x * &t, [10.0, 12.0], [2.0, 4.0]),
            (&t * x, [10.0, 12.0], [2.0, 4.0]),
            (x / &t, [2.5, 0.75], [0.5, 0.25]),
            (&t / x, [0.4, 4.0 / 3.0], [-0.08, -4.0 / 9.0]),
            (x % &t, [1.0, 3.0], [1.0, 1.0]),
        ] {
            assert_eq!(y.value().to_vec(), expected);
            let gradient = y.sum().backward().get(x).unwrap().to_vec();
            assert!(gradient.iter().zip(slope).all(|(g, s)| (g - s).abs() < 1e-15), "{gradient:?}");
        }
    }
}
