//! Why a network trains or does not: lecture notes on activation functions and weight
//! initialization, tested claim by claim on networks of this engine.
//!
//! - [`args`] is the command line, [`app`] carries out the commands.
//! - [`course`] has the claims with their experiments, [`grid`] trains every pair of an activation
//!   and an initialization; [`explore`] and [`live`] are the other commands.
//! - [`data`] has the images and [`task`] converts them to tensors; [`network`] builds networks,
//!   [`mod@fit`] trains them, and [`measure`] measures them.
//! - [`activation`], [`sweep`] and [`timing`] evaluate the activation kernels; [`statistics`] and
//!   [`interval`] summarize numbers.
//! - [`cases`] reads training cases from JSON, builds and trains them.
//! - [`figure`] has charts as data and draws them, [`page`] renders the web page, [`report`] writes
//!   files.

#![forbid(unsafe_code)]

pub mod activation;
pub mod app;
pub mod args;
pub mod cases;
pub mod course;
pub mod data;
pub mod error;
pub mod explore;
pub mod figure;
pub mod fit;
pub mod grid;
pub mod interval;
pub mod live;
pub mod measure;
pub mod network;
pub mod page;
pub mod progress;
pub mod report;
pub mod statistics;
pub mod sweep;
pub mod task;
pub mod text;
pub mod timing;
