//! [`Instances`]: the code of this crate for `f32`, compiled once.
//!
//! A function that is generic over the element type is normally compiled in each crate that calls
//! it, so that a program of sixty lines would compile most of this crate again after each change.
//! Two things prevent this:
//!
//! - The functions through which other crates enter are marked `#[inline(never)]`. The compiler
//!   links a call of such a function to an instance that a dependency has compiled, in release
//!   builds too (rust-lang/rust#123244, since Rust 1.85). Without optimization it does so for all
//!   generic functions.
//! - [`instances!`] names functions of which this crate compiles an instance, and with it all
//!   functions that it calls.
//!
//! A function that is not marked, or of which no instance is compiled here, is correct all the
//! same: it is compiled in the crate that calls it. Few functions need a mark. Operations are
//! entered by [`Tape::apply`](crate::Tape::apply) and `eval_op`, which have an instance for each
//! operation; `entry!` and `methods!` name the functions that they define.
//!
//! Each element type costs time in the first build, so that operations and layers are compiled for
//! `f32` only. The tape, tensors and backward pass are compiled for `f64` too, as [`gradcheck`]
//! needs them anyway. A program of `f64` compiles the operations that it uses.
//!
//! [`gradcheck`]: crate::gradcheck()

/// Has no values: its functions hold the names of the instances.
#[doc(hidden)]
#[derive(Debug)]
pub enum Instances {}

/// Compiles instances of generic functions: a name, unique in the crate, the name that stands for
/// the element type, which is `f32` unless types follow `=`, and paths of functions.
///
/// It expands to a function that no program calls, so that linkers drop it.
#[doc(hidden)]
#[macro_export]
#[allow(clippy::crate_in_macro_def, reason = "each crate has `Instances` of its own")]
macro_rules! instances {
    ($name:ident<$element:ident>: $($functions:tt)+) => {
        $crate::instances!(@all $name $element [f32] [$($functions)+]);
    };
    ($name:ident<$element:ident = $($type:ty),+>: $($functions:tt)+) => {
        $crate::instances!(@all $name $element [$($type)+] [$($functions)+]);
    };
    (@all $name:ident $element:ident [$($type:ty)+] $functions:tt) => {
        impl crate::Instances {
            #[doc(hidden)]
            #[allow(non_snake_case, reason = "the name of a type or of a function")]
            #[inline(never)]
            pub fn $name() {
                $($crate::instances!(@one $element = $type, $functions);)+
            }
        }
    };
    (@one $element:ident = $type:ty, [$($function:expr),+ $(,)?]) => {{
        type $element = $type;
        $(std::hint::black_box($function as *const ());)+
    }};
}
