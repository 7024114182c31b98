//! The command `wengert-lab`, which is implemented in the library.

use std::process::ExitCode;

use clap::Parser;
use wengert_lab::{app, args::Args};

fn main() -> ExitCode {
    match app::run(&Args::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("wengert-lab: {error}");
            ExitCode::from(2)
        }
    }
}
