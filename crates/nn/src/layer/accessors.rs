//! The accessors that every layer with parameters has: `weight`, `weight_mut`, `bias`, `bias_mut`.

/// Writes the accessors into an `impl` block of the layer. `bias` is an expression of the layer
/// that is an `Option` of a reference, with its mutable twin; a layer that never has a bias leaves
/// it out.
macro_rules! accessors {
    ($layer:ident => $weight:expr; $weight_shape:literal) => {
        accessors!(@weight $layer => $weight; $weight_shape);

        /// `None`: the layer has no bias.
        pub fn bias(&self) -> Option<&Parameter<E>> {
            None
        }

        /// `None`: the layer has no bias.
        pub fn bias_mut(&mut self) -> Option<&mut Parameter<E>> {
            None
        }
    };
    (
        $layer:ident => $weight:expr, $bias:expr, $bias_mut:expr;
        $weight_shape:literal, $bias_shape:literal
    ) => {
        accessors!(@weight $layer => $weight; $weight_shape);

        #[doc = concat!("The bias, ", $bias_shape, ".")]
        pub fn bias(&self) -> Option<&Parameter<E>> {
            let $layer = self;
            $bias
        }

        #[doc = concat!("The bias, ", $bias_shape, ", to be changed.")]
        pub fn bias_mut(&mut self) -> Option<&mut Parameter<E>> {
            let $layer = self;
            $bias_mut
        }
    };
    (@weight $layer:ident => $weight:expr; $weight_shape:literal) => {
        #[doc = concat!("The weight, ", $weight_shape, ".")]
        pub fn weight(&self) -> &Parameter<E> {
            let $layer = self;
            &$weight
        }

        #[doc = concat!("The weight, ", $weight_shape, ", to be changed.")]
        pub fn weight_mut(&mut self) -> &mut Parameter<E> {
            let $layer = self;
            &mut $weight
        }
    };
}

pub(super) use accessors;
