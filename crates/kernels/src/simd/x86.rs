//! What the x86 levels share: the token and the operators, spelled once.

/// Declares a level's token. The one feature list feeds both detection and `#[target_feature]`.
macro_rules! x86_token {
    ($(#[$doc:meta])* $token:ident, $level:expr, $f32:ty, $f64:ty, $registers:literal, [$($feature:tt),+]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $token(());

        impl $token {
            /// The token, if this CPU has all the level's features.
            #[inline]
            pub fn detect() -> Option<Self> {
                ($(is_x86_feature_detected!($feature))&&+).then_some(Self(()))
            }

            /// The token, without asking the CPU.
            ///
            /// # Safety
            /// [`detect`](Self::detect) must have returned a token in this process.
            #[inline(always)]
            pub(super) unsafe fn assume() -> Self {
                Self(())
            }
        }

        impl Simd for $token {
            type F32 = $f32;
            type F64 = $f64;
            const LEVEL: Level = $level;
            const FUSED: bool = true;
            const REGISTERS: usize = $registers;

            #[inline]
            fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
                #[target_feature($(enable = $feature),+)]
                fn inner<K: Kernel>(token: $token, kernel: K) -> K::Output {
                    kernel.run(token)
                }
                // SAFETY: the token witnesses that the CPU has every feature `inner` enables.
                unsafe { inner(self, kernel) }
            }
        }
    };
}

/// Implements an operator of a vector or mask type by an intrinsic.
macro_rules! x86_operators {
    ($type:ident: $($trait:ident $method:ident $intrinsic:path),+) => {
        $(impl std::ops::$trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: the vector was made by its level's token, which witnesses the feature.
                Self(unsafe { $intrinsic(self.0, other.0) })
            }
        })+
    };
}

pub(super) use {x86_operators, x86_token};
