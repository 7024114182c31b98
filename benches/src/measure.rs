//! Times of several bodies that run alternately.

use std::time::{Duration, Instant};

/// Number of turns of every body.
const ROUNDS: usize = 15;

/// Duration of a turn: long compared with the clock's resolution, short compared with the machine's
/// fluctuations.
const TURN: Duration = Duration::from_micros(1500);

/// Code to be timed: runs it the given number of times and returns the time.
pub type Body<'a> = Box<dyn FnMut(u32) -> Duration + Send + 'a>;

/// A body that repeats one call.
pub fn body<'a>(mut call: impl FnMut() + Send + 'a) -> Body<'a> {
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            call();
        }
        start.elapsed()
    })
}

/// The times of one call of every body, in seconds, round by round.
pub fn rounds(bodies: &mut [Body<'_>]) -> Vec<Vec<f64>> {
    n_rounds(ROUNDS, bodies)
}

/// [`rounds`] for a given number of rounds.
pub fn n_rounds<B>(count: usize, bodies: &mut [B]) -> Vec<Vec<f64>>
where
    B: FnMut(u32) -> Duration,
{
    let times: Vec<u32> = bodies.iter_mut().map(calls_in_a_turn).collect();
    (0..count)
        .map(|_| {
            let turn = |(body, &times): (&mut B, _)| body(times).as_secs_f64() / f64::from(times);
            bodies.iter_mut().zip(&times).map(turn).collect()
        })
        .collect()
}

fn calls_in_a_turn(body: &mut impl FnMut(u32) -> Duration) -> u32 {
    let mut times = 1;
    loop {
        let taken = body(times);
        if taken >= TURN / 4 || times >= 1 << 24 {
            let wanted = TURN.as_secs_f64() / taken.as_secs_f64().max(1e-9);
            return (f64::from(times) * wanted).clamp(1.0, 1e8) as u32;
        }
        times *= 4;
    }
}

/// The median.
///
/// # Panics
/// If there are no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
