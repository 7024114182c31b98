//! [`family!`]: the compiled kernels of a family, for every element type.

/// Declares the kernels of a family: a trait with a function for each, implemented for `f32` and
/// `f64` by one call of the generic function named after `=`.
///
/// The trait is a supertrait of [`Element`](crate::Element), which seals it. Calls from other
/// crates go through it, so that a kernel is compiled once for each type, in this crate, and not
/// again in every crate that calls it.
macro_rules! family {
    ($(#[$doc:meta])* $family:ident: $($kernels:tt)+) => {
        family!(@trait [$(#[$doc])*] $family: $($kernels)+);
        family!(@impl f32 $family: $($kernels)+);
        family!(@impl f64 $family: $($kernels)+);
    };
    (@trait [$($doc:tt)*] $family:ident: $(
        fn $kernel:ident($($operand:ident: $type:ty),+ $(,)?) $(-> $result:ty)? = $function:path;
    )+) => {
        $($doc)*
        #[doc(hidden)]
        #[allow(private_interfaces, reason = "called by this crate alone: `Element` is sealed")]
        pub trait $family: Sized {
            $(#[track_caller] fn $kernel($($operand: $type),+) $(-> $result)?;)+
        }
    };
    (@impl $element:ident $family:ident: $(
        fn $kernel:ident($($operand:ident: $type:ty),+ $(,)?) $(-> $result:ty)? = $function:path;
    )+) => {
        #[allow(private_interfaces, reason = "called by this crate alone: `Element` is sealed")]
        impl $family for $element {
            $(fn $kernel($($operand: $type),+) $(-> $result)? {
                $function($($operand),+)
            })+
        }
    };
}

pub(crate) use family;
