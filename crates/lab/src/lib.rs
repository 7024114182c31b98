//! Why a network trains or does not: the same network with every pair of activation and
//! initialization, trained on handwritten digits, measured before and after.
//!
//! The way of a run: [`args`] says what to do, [`data`] has the images and [`task`] makes tensors
//! of them; [`experiment`] spreads the grid over threads, [`train`] is one run of it and
//! [`measure`] what is looked at; [`summary`] takes the runs of a pair together, [`mod@verdict`] and
//! [`lesson`] put the figures into words; [`mod@table`] and [`report`] are what comes out. [`app`]
//! leads from one end to the other.

#![forbid(unsafe_code)]

pub mod app;
pub mod args;
pub mod data;
pub mod error;
pub mod experiment;
pub mod lesson;
pub mod measure;
pub mod progress;
pub mod report;
pub mod summary;
pub mod table;
pub mod task;
pub mod text;
pub mod train;
pub mod verdict;
