//! Programs of operations made of arbitrary bytes: the catalogue's fallible entries on a tape, with
//! operands among the values so far, views and copies. What does not fit is refused in one line that
//! names the operation; nothing panics; gradients are those of differences, or the point is a kink;
//! the layout of the operands in memory does not matter; and twice the same is the same.
//!
//! With `TAPE_PROGRAM_PRINT` in the environment each program and what was made of it is printed.

#![no_main]

mod catalogue;
mod check;
mod draw;
mod program;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check::check(bytes, std::env::var_os("TAPE_PROGRAM_PRINT").is_some());
});
