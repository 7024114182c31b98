//! What divides a convolution into pieces.

use crate::gemm::implicit::Blocks;

/// The products worth a piece of an image or of a weight: what is packed for it is packed once more
/// for each. (Whole images are given away in smaller runs.)
pub(super) const DIVIDED: usize = 4 << 20;

/// What tests set, to have every boundary crossed by small problems.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tuning {
    /// The blocks of the matrix product.
    pub(super) blocks: Option<Blocks>,
    /// The multiply-adds of a piece.
    pub(super) piece: Option<usize>,
    /// Whether the lanes run along the batch.
    pub(super) interleaved: Option<bool>,
}
