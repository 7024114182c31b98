//! Shared code of the programs that check the workspace's sources.
//!
//! They depend on no other crate of the workspace, so that they build in seconds.

pub mod token;
