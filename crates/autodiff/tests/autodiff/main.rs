//! The tests of this crate through its public interface, in one program: generic code is compiled
//! once for all of them.

mod catalogue;
mod checkpoint;
mod controls;
mod einsum;
mod extreme_norms;
mod found;
mod fused;
mod gradients;
mod kinks;
mod network;
mod range;
mod recurrent_cells;
mod repeated;
mod representable_losses;
mod representable_norms;
mod shape;
mod tape;
mod torch_reference;
mod zero_cotangent;
