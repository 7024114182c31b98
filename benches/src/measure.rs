//! Times of several bodies that take turns.

use std::time::{Duration, Instant};

/// How often everybody's turn comes.
const ROUNDS: usize = 15;

/// How long a turn should be: long beside the clock's resolution, short beside the machine's moods.
const TURN: Duration = Duration::from_micros(1500);

/// Something to be timed: calls what it stands for as often as it is told and returns the time.
pub type Body<'a> = Box<dyn FnMut(u32) -> Duration + Send + 'a>;

/// A body from one call.
pub fn body<'a>(mut call: impl FnMut() + Send + 'a) -> Body<'a> {
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            call();
        }
        start.elapsed()
    })
}

/// The times of one call of every body, round by round, in seconds.
pub fn rounds(bodies: &mut [Body<'_>]) -> Vec<Vec<f64>> {
    so_many_rounds(ROUNDS, bodies)
}

/// The same for a chosen number of rounds.
pub fn so_many_rounds<B>(count: usize, bodies: &mut [B]) -> Vec<Vec<f64>>
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

/// The middle value.
///
/// # Panics
/// If there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
