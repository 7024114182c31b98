//! Runs the program as a process, and checks its output, its reports and its exit status.

mod course;
mod depth;
mod faults;
mod output;
mod report;
mod support;
mod training;
