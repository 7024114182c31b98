//! [`Kind`]: what a layer does with a parameter.

/// What a layer does with a [`Parameter`](crate::Parameter), stated by the layer that makes it.
///
/// Initializers and the advice of `wengert-nn` act on the kind. They never infer it from a
/// parameter's rank, name or place in a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Multiplies the inputs and sums the products: the weight of a linear layer or a convolution.
    Weight {
        /// The number of products in the sum for one output; the mean if it is not the same for all
        /// outputs.
        fan_in: usize,
        /// The number of sums that one input takes part in; the mean if it is not the same for all
        /// inputs.
        fan_out: usize,
        /// Which axes are the inputs and which the outputs.
        layout: WeightLayout,
    },
    /// Added to the sums of a weight, or to the outputs of a normalization. A bias belongs to the
    /// weight that its module passes to a visitor before the bias, if there is one.
    Bias,
    /// Multiplies each output of a normalization; its initial value is 1.
    Gain,
    /// Rows of features that are selected by their number, of shape `[rows, features]`: an
    /// embedding.
    Table {
        /// The padding row: it is zero and receives no gradient.
        padding: Option<usize>,
    },
    /// Not specified. Initializers change it only if the caller names the parameter.
    #[default]
    Other,
}

/// How the axes of a weight are laid out.
///
/// A weight that is not grouped is `[outputs, inputs, field ..]`, where the field is the kernel of
/// a convolution and absent in a linear layer. With `groups`, it is
/// `[outputs, inputs / groups, field ..]`: the outputs fall into blocks, and each block reads its
/// own block of the inputs. With `inputs_first`, as in a transposed convolution, it is
/// `[inputs, outputs / groups, field ..]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightLayout {
    /// The number of groups, 1 for most weights.
    pub groups: usize,
    /// Whether the first axis is the axis of the inputs.
    pub inputs_first: bool,
}

impl Default for WeightLayout {
    fn default() -> Self {
        Self { groups: 1, inputs_first: false }
    }
}

impl Kind {
    /// A weight `[outputs, inputs, ..]` in one group.
    pub const fn weight(fan_in: usize, fan_out: usize) -> Self {
        Self::Weight { fan_in, fan_out, layout: WeightLayout { groups: 1, inputs_first: false } }
    }

    /// The fan-in and the fan-out of a [`Weight`](Self::Weight); `None` for other kinds.
    pub const fn fans(&self) -> Option<(usize, usize)> {
        match *self {
            Self::Weight { fan_in, fan_out, .. } => Some((fan_in, fan_out)),
            _ => None,
        }
    }

    /// Whether this is a [`Weight`](Self::Weight).
    pub const fn is_weight(&self) -> bool {
        matches!(self, Self::Weight { .. })
    }

    /// Whether this is a [`Table`](Self::Table).
    pub const fn is_table(&self) -> bool {
        matches!(self, Self::Table { .. })
    }
}
