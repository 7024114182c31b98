//! Programs of operations decoded from arbitrary bytes: the catalogue's fallible entries on a tape,
//! with earlier values, views and copies as operands. A call that does not fit is refused with one
//! line that names the operation; nothing panics; gradients agree with differences, or the point is
//! a kink; the layout of the operands in memory does not matter; and a repeated run has the same
//! bits.
//!
//! If the environment has `TAPE_PROGRAM_PRINT`, each program and its outcome is printed.

#![no_main]

mod catalogue;
mod check;
mod draw;
mod program;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check::check(bytes, std::env::var_os("TAPE_PROGRAM_PRINT").is_some());
});
