//! The compiled convolutions of an element type.

use super::{gather, weight};
use crate::simd::dispatch;

/// The compiled kernels of an element type. Sealed with [`Element`](crate::Element).
pub trait ConvKernels: Sized {
    #[doc(hidden)]
    #[expect(
        private_interfaces,
        reason = "only called by this crate; the supertrait is sealed with Element"
    )]
    fn conv_gather(task: gather::Task<'_, Self>);

    #[doc(hidden)]
    #[expect(
        private_interfaces,
        reason = "only called by this crate; the supertrait is sealed with Element"
    )]
    fn conv_weight(task: weight::Task<'_, Self>);
}

macro_rules! conv_element {
    ($($type:ty),+) => {$(
        impl ConvKernels for $type {
            #[expect(private_interfaces, reason = "only called by this crate; the trait is sealed with Element")]
            fn conv_gather(task: gather::Task<'_, Self>) {
                dispatch(task);
            }

            #[expect(private_interfaces, reason = "only called by this crate; the trait is sealed with Element")]
            fn conv_weight(task: weight::Task<'_, Self>) {
                dispatch(task);
            }
        }
    )+};
}

conv_element!(f32, f64);
