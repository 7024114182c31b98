//! `+ - * / %` and unary `-` between variables, tensors and numbers, tensors by value or by
//! reference; and `+= -= *= /= %=` of tensors. A tensor combined with a variable becomes a constant
//! on the variable's tape.

use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

use wengert_kernels::Element;

use crate::error::{Error, expect};
use crate::tape::Var;
use crate::tensor::Tensor;

/// Implements one operator between two types by an expression.
macro_rules! operator {
    (
        [$($generics:tt)*] $trait:ident $method:ident:
        |$a:ident: $left:ty, $b:ident: $right:ty| -> $output:ty { $value:expr }
    ) => {
        impl<$($generics)*> $trait<$right> for $left {
            type Output = $output;

            #[track_caller]
            fn $method(self, other: $right) -> $output {
                let ($a, $b) = (self, other);
                $value
            }
        }
    };
}

/// Implements an operator between tensors, variables and numbers.
macro_rules! binary {
    // For a number on the left the trait can be implemented only for each element type separately.
    (number $type:ty, $trait:ident $method:ident) => {
        operator! { [] $trait $method:
            |a: $type, b: &Tensor<$type>| -> Tensor<$type> { Tensor::$method(&Tensor::scalar(a), b) } }
        operator! { [] $trait $method:
            |a: $type, b: Tensor<$type>| -> Tensor<$type> { Tensor::$method(&Tensor::scalar(a), &b) } }
    };
    ($($trait:ident $method:ident),+) => {
        $(
            operator! { ['t, E: Element] $trait $method:
                |a: Var<'t, E>, b: Var<'t, E>| -> Var<'t, E> { Var::$method(a, b) } }
            operator! { ['t, E: Element] $trait $method:
                |a: Var<'t, E>, b: &Tensor<E>| -> Var<'t, E> { Var::$method(a, a.tape().constant(b)) } }
            operator! { ['t, E: Element] $trait $method:
                |a: &Tensor<E>, b: Var<'t, E>| -> Var<'t, E> { Var::$method(b.tape().constant(a), b) } }
            operator! { ['t, E: Element] $trait $method:
                |a: Var<'t, E>, b: Tensor<E>| -> Var<'t, E> { Var::$method(a, a.tape().constant(&b)) } }
            operator! { ['t, E: Element] $trait $method:
                |a: Tensor<E>, b: Var<'t, E>| -> Var<'t, E> { Var::$method(b.tape().constant(&a), b) } }

            operator! { [E: Element] $trait $method:
                |a: &Tensor<E>, b: &Tensor<E>| -> Tensor<E> { Tensor::$method(a, b) } }
            operator! { [E: Element] $trait $method:
                |a: &Tensor<E>, b: Tensor<E>| -> Tensor<E> { Tensor::$method(a, &b) } }
            operator! { [E: Element] $trait $method:
                |a: Tensor<E>, b: &Tensor<E>| -> Tensor<E> { Tensor::$method(&a, b) } }
            operator! { [E: Element] $trait $method:
                |a: Tensor<E>, b: Tensor<E>| -> Tensor<E> { Tensor::$method(&a, &b) } }

            operator! { [E: Element] $trait $method:
                |a: &Tensor<E>, b: E| -> Tensor<E> { Tensor::$method(a, &Tensor::scalar(b)) } }
            operator! { [E: Element] $trait $method:
                |a: Tensor<E>, b: E| -> Tensor<E> { Tensor::$method(&a, &Tensor::scalar(b)) } }
            binary! { number f32, $trait $method }
            binary! { number f64, $trait $method }
        )+
    };
}

binary!(Add add, Sub sub, Mul mul, Div div, Rem rem);

/// Implements an operator between a variable and a number on the right.
macro_rules! number_last {
    ($($trait:ident $method:ident |$x:ident, $number:ident| $value:expr;)+) => {
        $(operator! { ['t, E: Element] $trait $method:
            |$x: Var<'t, E>, $number: E| -> Var<'t, E> { $value } })+
    };
}

number_last! {
    Add add |x, number| x.add_scalar(number);
    Sub sub |x, number| x.add_scalar(-number);
    Mul mul |x, number| x.mul_scalar(number);
    // A division, because the product with the rounded reciprocal has different bits.
    Div div |x, number| Var::div(x, x.tape().constant(&Tensor::scalar(number)));
    Rem rem |x, number| Var::rem(x, x.tape().constant(&Tensor::scalar(number)));
}

/// Implements an operator between a number on the left and a variable.
macro_rules! number_first {
    ($($type:ty),+) => {
        $(
            operator! { ['t] Add add:
                |a: $type, x: Var<'t, $type>| -> Var<'t, $type> { x.add_scalar(a) } }
            operator! { ['t] Sub sub:
                |a: $type, x: Var<'t, $type>| -> Var<'t, $type> { Var::neg(x).add_scalar(a) } }
            operator! { ['t] Mul mul:
                |a: $type, x: Var<'t, $type>| -> Var<'t, $type> { x.mul_scalar(a) } }
            operator! { ['t] Div div: |a: $type, x: Var<'t, $type>| -> Var<'t, $type> {
                Var::div(x.tape().constant(&Tensor::scalar(a)), x) } }
            operator! { ['t] Rem rem: |a: $type, x: Var<'t, $type>| -> Var<'t, $type> {
                Var::rem(x.tape().constant(&Tensor::scalar(a)), x) } }
        )+
    };
}

number_first!(f32, f64);

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

impl<E: Element> Neg for Tensor<E> {
    type Output = Tensor<E>;
    #[track_caller]
    fn neg(self) -> Tensor<E> {
        Tensor::neg(&self)
    }
}

/// Implements an operator that replaces a tensor by its result.
macro_rules! assign {
    ($($trait:ident $method:ident $of:ident),+) => {
        $(
            /// The right operand broadcasts to the shape of the left one, which does not change.
            impl<E: Element> $trait<&Tensor<E>> for Tensor<E> {
                #[track_caller]
                fn $method(&mut self, other: &Tensor<E>) {
                    check_assigned(stringify!($method), self, other);
                    *self = Tensor::$of(self, other);
                }
            }

            /// The right operand broadcasts to the shape of the left one, which does not change.
            impl<E: Element> $trait<Tensor<E>> for Tensor<E> {
                #[track_caller]
                fn $method(&mut self, other: Tensor<E>) {
                    $trait::$method(self, &other);
                }
            }

            impl<E: Element> $trait<E> for Tensor<E> {
                #[track_caller]
                fn $method(&mut self, number: E) {
                    *self = Tensor::$of(self, &Tensor::scalar(number));
                }
            }
        )+
    };
}

assign! {
    AddAssign add_assign add,
    SubAssign sub_assign sub,
    MulAssign mul_assign mul,
    DivAssign div_assign div,
    RemAssign rem_assign rem
}

/// Refuses an operand that would change the shape of the assigned tensor.
#[track_caller]
fn check_assigned<E: Element>(op: &'static str, target: &Tensor<E>, operand: &Tensor<E>) {
    if !operand.shape().broadcasts_to(target.shape()) {
        let expected = format!(
            "an operand that broadcasts to {}, the shape of the assigned tensor",
            target.shape()
        );
        expect::<()>(Err(Error::Shapes { op, expected, got: vec![operand.shape().clone()] }));
    }
}

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

    #[test]
    fn tensors_and_numbers_by_value_and_by_reference() {
        let (a, b) = (Tensor::from([7.0_f32, -3.0]), Tensor::from([2.0_f32, 0.5]));
        let (x, y) = (|| a.clone(), || b.clone());
        macro_rules! check {
            ($($operator:tt)+) => {$(
                let expected = [7.0_f32 $operator 2.0, -3.0 $operator 0.5];
                for z in [&a $operator &b, x() $operator &b, &a $operator y(), x() $operator y()] {
                    assert_eq!(z.to_vec(), expected, stringify!($operator));
                }
                let by_number = [7.0_f32 $operator 0.3, -3.0 $operator 0.3];
                assert_eq!((&a $operator 0.3).to_vec(), by_number, stringify!($operator));
                assert_eq!((x() $operator 0.3).to_vec(), by_number, stringify!($operator));
                let of_number = [0.3 $operator 7.0_f32, 0.3 $operator -3.0];
                assert_eq!((0.3 $operator &a).to_vec(), of_number, stringify!($operator));
                assert_eq!((0.3 $operator x()).to_vec(), of_number, stringify!($operator));
            )+};
        }
        check!(+ - * / %);
        assert_eq!((-x()).to_vec(), [-7.0, 3.0]);
        assert_eq!((-&a).to_vec(), [-7.0, 3.0]);
    }

    #[test]
    fn assignments_keep_the_shape_and_leave_other_tensors_alone() {
        let mut x = Tensor::from([[1.0_f64, 2.0], [3.0, 4.0]]);
        let before = x.clone();
        x += &Tensor::from([10.0, 20.0]);
        x -= Tensor::from([[1.0], [2.0]]);
        x *= 2.0;
        x /= &before;
        assert_eq!(x, Tensor::from([[20.0, 21.0], [22.0 / 3.0, 11.0]]));
        x %= 5.0;
        assert_eq!(x[[0, 1]], 1.0);
        assert_eq!(before, Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
        let panic = std::panic::catch_unwind(|| {
            let mut x = Tensor::from([1.0_f64, 2.0]);
            x += Tensor::zeros([2, 2]);
        });
        let message = *panic.unwrap_err().downcast::<String>().unwrap();
        assert!(
            message.contains("add_assign: expected an operand that broadcasts to [2]"),
            "{message}"
        );
    }

    #[test]
    fn numbers_and_tensors_by_value_meet_variables() {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::from([4.0_f32]));
        let t = || Tensor::from([3.0_f32]);
        assert_eq!((7.0 % x).value().to_vec(), [3.0]);
        for (y, expected) in [(x + t(), 7.0), (t() - x, -1.0), (x * t(), 12.0), (t() / x, 0.75)] {
            assert_eq!(y.value().to_vec(), [expected]);
        }
    }
}
