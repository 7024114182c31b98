//! The program as its user meets it: run as a process, its output, its report and its exit status
//! looked at.

mod course;
mod depth;
mod faults;
mod output;
mod report;
mod support;
mod training;
