//! [`methods!`]: the methods of `Var` and `Tensor` for a function that is written out.

/// Defines the methods of `Var` and `Tensor` that call the function of the same name: operands,
/// in brackets those that may be left out, and after a semicolon other arguments. The name after
/// the slash is that of the fallible method of `Tensor`. After `var`, only the method of `Var`.
macro_rules! methods {
    ($(#[$doc:meta])* var $name:ident($($operands:tt)*)) => {
        methods!(@var $(#[$doc])* $name($($operands)*));
        methods!(@instance $name($($operands)*));
    };
    ($(#[$doc:meta])* $name:ident / $try_name:ident($($operands:tt)*)) => {
        methods!(@all $(#[$doc])* $name / $try_name($($operands)*));
        methods!(@instance $name($($operands)*));
    };
    // Of a function whose first argument is generic the operation's file names the instances.
    (@instance $name:ident(
        $($operand:ident),* $([$($optional:ident),+])?; $arg:ident: impl $($rest:tt)+
    )) => {};
    (@instance $name:ident($($operands:tt)*)) => {
        instances!($name<E>: $name::<E>);
    };
    (
        @all
        $(#[$doc:meta])*
        $name:ident / $try_name:ident(
            $($operand:ident),* $([$($optional:ident),+])? $(; $($arg:ident: $type:ty),+)?
        )
    ) => {
        methods! {
            @var
            $(#[$doc])*
            $name($($operand),* $([$($optional),+])? $(; $($arg: $type),+)?)
        }

        impl<E: wengert_kernels::Element> crate::Tensor<E> {
            $(#[$doc])*
            #[doc = concat!(" See [`ops::", stringify!($name), "`](crate::ops::", stringify!($name), ").")]
            ///
            /// # Panics
            /// If the shapes or arguments do not fit; the message states the expected ones.
            #[track_caller]
            pub fn $name(
                &self
                $(, $operand: &crate::Tensor<E>)*
                $($(, $optional: Option<&crate::Tensor<E>>)+)?
                $($(, $arg: $type)+)?
            ) -> Self {
                crate::error::expect(self.$try_name(
                    $($operand,)* $($($optional,)+)? $($($arg),+)?
                ))
            }

            #[doc = concat!("Fallible version of [`", stringify!($name), "`](Self::", stringify!($name), ").")]
            ///
            /// # Errors
            /// If the shapes or arguments do not fit, or there is no memory for the result.
            pub fn $try_name(
                &self
                $(, $operand: &crate::Tensor<E>)*
                $($(, $optional: Option<&crate::Tensor<E>>)+)?
                $($(, $arg: $type)+)?
            ) -> crate::Result<Self> {
                let pool = self.pool()$(.or_else(|| $operand.pool()))*;
                crate::ops::support::on_tape(pool, |tape| {
                    $name(
                        tape.constant(self)
                        $(, tape.constant($operand))*
                        $($(, $optional.map(|operand| tape.constant(operand)))+)?
                        $($(, $arg)+)?
                    )
                })
            }
        }
    };
    (
        @var
        $(#[$doc:meta])*
        $name:ident(
            $($operand:ident),* $([$($optional:ident),+])? $(; $($arg:ident: $type:ty),+)?
        )
    ) => {
        impl<'t, E: wengert_kernels::Element> crate::Var<'t, E> {
            $(#[$doc])*
            #[doc = concat!(" See [`ops::", stringify!($name), "`](crate::ops::", stringify!($name), ").")]
            ///
            /// # Panics
            /// If the shapes or arguments do not fit; the message states the expected ones.
            #[track_caller]
            pub fn $name(
                self
                $(, $operand: crate::Var<'t, E>)*
                $($(, $optional: Option<crate::Var<'t, E>>)+)?
                $($(, $arg: $type)+)?
            ) -> Self {
                crate::error::expect($name(self $(, $operand)* $($(, $optional)+)? $($(, $arg)+)?))
            }
        }
    };
}
