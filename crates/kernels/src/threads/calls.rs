//! [`call`]: asking the pool for a helper, and [`awake`]: whether one is likely to come at once.
//!
//! What is remembered of earlier calls belongs to the calling thread. A thread belongs to one pool
//! for life (one outside any pool calls helpers of the global pool), so no pool is judged by
//! another.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::simd::{Level, with_level};

/// The time a thread of a pool is assumed to look for more work. (rayon's look for some 50
/// microseconds before they sleep.)
const AWAKE: Duration = Duration::from_micros(30);

/// After this number of chances to give work away, each a moment after the one before, a thread is
/// worth waking: it will not sleep again soon.
const DENSE: usize = 4;

/// The most calls of a thread that no helper has answered. rayon keeps a call until a thread of the
/// pool has time to see that nothing is left to do, so calls must not pile up while all threads are
/// busy.
const MOST_PENDING: usize = 64;

thread_local! {
    /// When the last work that could have been given away, given or not, was done.
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    /// The number of chances in a row, each a moment after the one before; at least [`DENSE`] after
    /// work was given away.
    static CHANCES: Cell<usize> = const { Cell::new(0) };
    /// The number of calls that no helper has answered.
    static PENDING: Arc<AtomicUsize> = Arc::new(AtomicUsize::new(0));
}

/// Whether threads of the pool are likely looking for work, or the calling thread has had so much
/// of it lately that they will have some. The work in question would take the caller about `alone`.
pub(crate) fn awake(alone: Duration) -> bool {
    let now = Instant::now();
    let recent = LAST.get().is_some_and(|last| now.saturating_duration_since(last) < AWAKE);
    let chances = if recent { CHANCES.get().saturating_add(1) } else { 0 };
    CHANCES.set(chances);
    LAST.set(Some(now + alone));
    chances >= DENSE
}

/// Notes that helpers have just been given work, and look for more.
pub(super) fn note_help() {
    LAST.set(Some(Instant::now()));
    CHANCES.set(CHANCES.get().max(DENSE));
}

/// Asks the pool of this thread for a helper to run `job` on this thread's level. Does nothing if
/// too many calls are unanswered.
///
/// The pool may run the job on a thread that waits inside rayon for something else, on top of that
/// thread's stack, so the level there is restored afterwards. The job must not unwind.
pub(super) fn call(job: impl FnOnce() + Send + 'static) {
    // A thread that is being destroyed has no count any more, and works alone.
    let _ = PENDING.try_with(|pending| {
        if pending.load(Ordering::Relaxed) >= MOST_PENDING {
            return;
        }
        let unanswered = Unanswered::new(pending);
        let level = Level::current();
        rayon::spawn(move || {
            drop(unanswered);
            with_level(level, job).expect("the calling thread runs on this level");
        });
    });
}

/// A call in the count of its thread.
struct Unanswered(Arc<AtomicUsize>);

impl Unanswered {
    fn new(pending: &Arc<AtomicUsize>) -> Self {
        pending.fetch_add(1, Ordering::Relaxed);
        Unanswered(Arc::clone(pending))
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rayon::ThreadPoolBuilder;

    use super::{MOST_PENDING, PENDING, call};

    #[test]
    fn unanswered_calls_do_not_pile_up() {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let answered = Arc::new(AtomicUsize::new(0));
        for round in 1..=2 {
            // The only thread of the pool answers calls once it is done here.
            pool.install(|| {
                for _ in 0..1000 {
                    let answered = Arc::clone(&answered);
                    call(move || {
                        answered.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
            let pending = || PENDING.with(|pending| pending.load(Ordering::Relaxed));
            while pool.install(pending) > 0 {}
            assert_eq!(answered.load(Ordering::Relaxed), round * MOST_PENDING);
        }
    }
}
