//! The command `wengert-lab`; all of it is in the library.

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
