//! The accessors of layers with parameters: `weight`, `weight_mut`, `bias`, `bias_mut`.

/// Defines the accessors in an `impl` block of the layer, from expressions of the layer: the
/// weight, and the bias as an `Option` of a reference and of a mutable reference. A layer without a
/// bias omits the latter.
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

        #[doc = concat!("The bias, ", $bias_shape, "; `None` if the layer has none.")]
        pub fn bias(&self) -> Option<&Parameter<E>> {
            let $layer = self;
            $bias
        }

        #[doc = concat!("A mutable reference to the bias, ", $bias_shape, "; `None` if the layer has none.")]
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

        #[doc = concat!("A mutable reference to the weight, ", $weight_shape, ".")]
        pub fn weight_mut(&mut self) -> &mut Parameter<E> {
            let $layer = self;
            &mut $weight
        }
    };
}

pub(super) use accessors;
