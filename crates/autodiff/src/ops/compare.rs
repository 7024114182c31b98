//! Comparisons: `lt`, `le`, `gt`, `ge`, `eq`, `ne`. They return a [`Mask`], which is not on the
//! tape: a comparison is a step function and has no gradient.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Comparison;

use crate::error::{Error, Result, expect};
use crate::mask::{Mask, compare};
use crate::tape::Var;
use crate::tensor::Tensor;

macro_rules! comparisons {
    ($($name:ident, $scalar:ident, $try_name:ident, $comparison:ident: $text:literal;)+) => {
        $(
            #[doc = concat!("A mask that is true where `", $text, "`, element by element.")]
            ///
            /// # Shapes
            /// The operands broadcast; the mask has the shape they broadcast to.
            ///
            /// # Errors
            /// If the shapes do not broadcast, or the operands belong to different tapes.
            #[track_caller]
            pub fn $name<'t, E: Element>(a: Var<'t, E>, b: Var<'t, E>) -> Result<Mask> {
                if !std::ptr::eq(a.tape(), b.tape()) {
                    return Err(Error::DifferentTapes { op: stringify!($name) });
                }
                compare(Comparison::$comparison, &a.try_value()?, &b.try_value()?)
            }
        )+

        impl<'t, E: Element> Var<'t, E> {
            $(
                #[doc = concat!("A mask that is true where `", $text, "`, element by element; the operands broadcast.")]
                /// False where an operand is NaN, except for `ne`.
                ///
                /// # Panics
                /// If the shapes do not broadcast.
                #[track_caller]
                pub fn $name(self, b: Var<'t, E>) -> Mask {
                    expect($name(self, b))
                }

                #[doc = concat!("A mask that is true where `", $text, "` for a number `b`.")]
                ///
                /// # Panics
                /// If the value is no longer on the tape.
                #[track_caller]
                pub fn $scalar(self, b: E) -> Mask {
                    self.value().$scalar(b)
                }
            )+
        }

        impl<E: Element> Tensor<E> {
            $(
                #[doc = concat!("A mask that is true where `", $text, "`, element by element; the operands broadcast.")]
                /// False where an operand is NaN, except for `ne`.
                ///
                /// # Panics
                /// If the shapes do not broadcast.
                #[track_caller]
                pub fn $name(&self, b: &Tensor<E>) -> Mask {
                    expect(self.$try_name(b))
                }

                #[doc = concat!("Fallible version of [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                ///
                /// # Errors
                /// If the shapes do not broadcast, or there is no memory for the mask.
                pub fn $try_name(&self, b: &Tensor<E>) -> Result<Mask> {
                    compare(Comparison::$comparison, self, b)
                }

                #[doc = concat!("A mask that is true where `", $text, "` for a number `b`.")]
                #[allow(clippy::missing_panics_doc, reason = "a number broadcasts to any shape")]
                pub fn $scalar(&self, b: E) -> Mask {
                    expect(compare(Comparison::$comparison, self, &Tensor::scalar(b)))
                }
            )+
        }
    };
}

comparisons! {
    lt, lt_scalar, try_lt, Lt: "a < b";
    le, le_scalar, try_le, Le: "a <= b";
    gt, gt_scalar, try_gt, Gt: "a > b";
    ge, ge_scalar, try_ge, Ge: "a >= b";
    eq, eq_scalar, try_eq, Eq: "a == b";
    ne, ne_scalar, try_ne, Ne: "a != b";
}
