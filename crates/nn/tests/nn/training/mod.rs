//! Training: optimizers, schedules and losses against PyTorch's values, checkpoints, the trainer.

#[cfg(feature = "checkpoint")]
mod files;
#[cfg(feature = "checkpoint")]
mod interop;
mod losses;
mod optimizers;
#[cfg(feature = "checkpoint")]
mod resume;
mod schedules;
mod trainer;

/// The lines of a table, each a name and its numbers.
fn table(text: &str) -> impl Iterator<Item = (&str, Vec<f64>)> {
    text.lines().map(|line| {
        let mut cells = line.split(',');
        let name = cells.next().unwrap();
        (name, cells.map(|cell| cell.parse().unwrap()).collect())
    })
}
