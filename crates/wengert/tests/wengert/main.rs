//! The tests of this crate through its public interface, in one program: generic code is compiled
//! once for all of them. Tests that need a process of their own are beside this folder.

mod data_parallel;
mod memory;
mod ndarray;
mod serde;
mod training;
mod user_op;
