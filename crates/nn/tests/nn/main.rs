//! The tests of this crate through its public interface, in one program: generic code is compiled
//! once for all of them.

mod attention;
mod convolution;
#[cfg(feature = "data")]
mod data;
mod derive;
mod diagnose;
mod layers;
mod module_ext;
mod modules;
mod more_layers;
mod recurrent;
mod resampling;
mod torch_layers;
mod training;
