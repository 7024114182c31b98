//! [`Instances`]: the code of this crate for `f32` and `f64`, compiled once.
//!
//! A function that is generic over the element type is normally compiled in each crate that calls
//! it, so that a program of sixty lines would compile most of this crate again after each change.
//! Two things prevent this:
//!
//! - The functions through which other crates enter are marked `#[inline(never)]`. The compiler
//!   links a call of such a function to an instance that a dependency has compiled, in release
//!   builds too (rust-lang/rust#123244, since Rust 1.85). Without optimization it does so for all
//!   generic functions.
//! - [`instances!`] names functions of which this crate compiles the instances for both element
//!   types, and with each all functions that it calls.
//!
//! A function that is not marked, or of which no instance is compiled here, is correct all the same:
//! it is compiled in the crate that calls it. Few functions need a mark. Operations are entered by
//! [`Tape::apply`](crate::Tape::apply) and `eval_op`, which have an instance for each operation, and
//! `entry!` and `methods!` name the functions that they define.

/// Has no values: its functions hold the names of the instances.
#[doc(hidden)]
#[derive(Debug)]
pub enum Instances {}

/// Compiles the instances of generic functions for `f32` and `f64`: a name, unique in the crate,
/// the element type, and paths of functions.
///
/// It expands to a function that no program calls, so that linkers drop it.
#[doc(hidden)]
#[macro_export]
#[allow(clippy::crate_in_macro_def, reason = "each crate has `Instances` of its own")]
macro_rules! instances {
    ($name:ident<$element:ident>: $($function:expr),+ $(,)?) => {
        impl crate::Instances {
            #[doc(hidden)]
            #[allow(non_snake_case, reason = "the name of a type or of a function")]
            #[inline(never)]
            pub fn $name() {
                $crate::instances!(@one $element = f32: $($function),+);
            }
        }
    };
    (@one $element:ident = $type:ty: $($function:expr),+) => {
        {
            type $element = $type;
            $(std::hint::black_box($function as *const ());)+
        }
    };
}
