//! [`activations!`]: an activation is one row, and [`Activation`](super::functions::Activation)
//! follows from the rows.

/// Declares [`Activation`](super::functions::Activation) from a row for each function. The columns,
/// all of which may use the numbers of the row:
///
/// - `kernel`: the [`Derivative`](super::Derivative) that computes the function and its gradient.
/// - `saves`: what the gradient is computed from ([`Saved`](super::Saved)).
/// - `kinks`: where the function has no derivative. `bends`: where only the second one is missing.
/// - `left`, `right`: limits of value and derivative at minus and plus infinity, NaN for none.
/// - `sloping`: at which outputs the derivative is not zero, if there are others and the output
///   determines it ([`Sloping`](super::Sloping)).
/// - `value`, `slope`: the function and its derivative naively in `f64`, for tests.
/// - `accuracy`: the bound of the error in ULP, and the function in high precision
///   ([`Accuracy`](super::Accuracy)); `None` where the result is exact or one rounded product, or
///   where no bound is stated.
macro_rules! activations {
    ($(
        $(#[$doc:meta])*
        $name:ident $text:literal
        $({
            $($(#[$about:meta])* number $number:ident = $default:literal, in tests $other:literal;)+
            if $domain:expr, else $needs:literal
        })?
        kernel: $kernel:expr, saves: $saves:ident,
        kinks: $kinks:expr, bends: $bends:expr, left: $left:expr, right: $right:expr,
        sloping: $sloping:expr,
        value: |$x:ident| $value:expr, slope: |$at:ident| $slope:expr,
        accuracy: $accuracy:expr;
    )+) => {
        /// An activation function.
        ///
        /// ```
        /// use wengert_kernels::activation::{self, Activation};
        /// let mut y = [0.0_f32; 2];
        /// activation::forward(Activation::leaky_relu(0.125)?, &[-1.0, 2.0], &mut y);
        /// assert_eq!(y, [-0.125, 2.0]);
        /// # Ok::<(), activation::ActivationError>(())
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub enum Activation {
            $($(#[$doc])* $name $({ $($(#[$about])* $number: f64),+ })?),+
        }

        #[allow(unused_variables, reason = "a column need not depend on the numbers")]
        impl Activation {
            /// Every activation, with its default numbers.
            pub const ALL: [Self; [$($text),+].len()] =
                [$(Self::$name $({ $($number: $default),+ })?),+];

            /// Every activation, with the numbers that tests take as well.
            #[doc(hidden)]
            pub const IN_TESTS: [Self; Self::ALL.len()] =
                [$(Self::$name $({ $($number: $other),+ })?),+];

            /// The name, without the numbers: that of the operation.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name { .. } => $text),+ }
            }

            /// What [`backward`](crate::activation::backward) takes as `saved`.
            pub fn saves(&self) -> Saved {
                match self { $(Self::$name { .. } => Saved::$saves),+ }
            }

            /// The names and values of the numbers, in the order of their declaration.
            pub fn numbers(&self) -> Vec<(&'static str, f64)> {
                match *self {
                    $(Self::$name $({ $($number),+ })? => vec![$($((stringify!($number), $number)),+)?]),+
                }
            }

            /// The same function, with `f` of each of its numbers.
            pub fn map_numbers(self, mut f: impl FnMut(f64) -> f64) -> Self {
                match self {
                    $(Self::$name $({ $($number),+ })? => Self::$name $({ $($number: f($number)),+ })?),+
                }
            }

            /// What the numbers must be, if they are not.
            pub(super) fn domain(&self) -> Result<(), &'static str> {
                match *self { $(Self::$name $({ $($number),+ })? => ensure(&[$(($domain, $needs))?])),+ }
            }

            /// The facts about the graph of the function.
            pub(crate) fn graph(&self) -> Graph {
                match *self {
                    $(Self::$name $({ $($number),+ })? => Graph::new(($kinks, $bends), [$left, $right], $sloping)),+
                }
            }

            /// The value in `f64`, by a textbook formula.
            pub(crate) fn value(&self, x: f64) -> f64 {
                match *self { $(Self::$name $({ $($number),+ })? => { let $x = x; $value }),+ }
            }

            /// The derivative in `f64`, by a textbook formula.
            pub(crate) fn slope(&self, x: f64) -> f64 {
                match *self { $(Self::$name $({ $($number),+ })? => { let $at = x; $slope }),+ }
            }

            /// The bound of the error, and the function in high precision.
            pub(crate) fn accuracy(&self) -> Option<Accuracy> {
                match *self { $(Self::$name $({ $($number),+ })? => $accuracy),+ }
            }

            /// Calls `visitor` with the kernel.
            #[inline(always)]
            pub(crate) fn visit<E: Float, V: Visit<E>>(self, visitor: V) -> V::Output {
                match self { $(Self::$name $({ $($number),+ })? => visitor.visit($kernel)),+ }
            }
        }
    };
}

pub(super) use activations;
