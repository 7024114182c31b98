//! Why a network trains or does not: a course on activations and initialization, claim by claim,
//! shown by measurement on networks of this engine.
//!
//! - [`args`] says what to do and [`app`] does it.
//! - [`course`] has the claims with their experiments, [`grid`] trains every pair of an activation and
//!   an initialization, [`explore`] and [`live`] are what else can be asked for.
//! - [`data`] has the images and [`task`] makes tensors of them; [`mod@fit`] trains and [`measure`]
//!   looks at networks; [`reference`](mod@reference), [`sweep`] and [`timing`] look at kernels;
//!   [`interval`] sums up.
//! - [`figure`] holds and draws charts, [`page`] makes a web page of them, [`report`] writes files.

#![forbid(unsafe_code)]

pub mod app;
pub mod args;
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
pub mod page;
pub mod progress;
pub mod reference;
pub mod report;
pub mod sweep;
pub mod task;
pub mod text;
pub mod timing;
