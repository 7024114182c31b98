//! [`Crew`]: pieces of work taken by the calling thread and by whichever threads of its pool come.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::simd::{Level, with_level};

/// How long a thread of a pool is taken to look for more work. (rayon's look for some 50 microseconds
/// before they sleep.)
const AWAKE: Duration = Duration::from_micros(30);

/// So many chances to give work away, each a moment after the one before, are worth waking a thread for:
/// it will not sleep again soon.
const DENSE: usize = 4;

/// The turns of waiting for the last pieces before the caller sleeps: some 100 microseconds.
const PATIENCE: u32 = 2_000;

/// The threads called that have not come, of all crews. A call is kept until a thread of the pool has
/// time to see that there is nothing left to do, so they must not grow without end while it has none.
static CALLED: AtomicUsize = AtomicUsize::new(0);

/// The most threads called that have not come, for each thread of the pool.
const MOST_CALLED: usize = 64;

/// When the last work there was to give away, given or not, was done; in nanoseconds after [`start`].
static LAST: AtomicU64 = AtomicU64::new(0);

/// How many chances in a row came a moment after the one before; at least [`DENSE`] when threads have come.
static CHANCES: AtomicUsize = AtomicUsize::new(0);

fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    // A second back, so that nothing was a moment ago when nothing was at all.
    *START.get_or_init(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
    })
}

/// Whether threads of a pool are likely looking for work, or there has been so much of late that they
/// will have some. What is asked for would take the caller about `alone`.
pub(crate) fn awake(alone: Duration) -> bool {
    let now = start().elapsed();
    let gap = now.saturating_sub(Duration::from_nanos(LAST.load(Ordering::Relaxed)));
    let chances = if gap < AWAKE { CHANCES.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
    CHANCES.store(chances, Ordering::Relaxed);
    LAST.store((now + alone).as_nanos() as u64, Ordering::Relaxed);
    chances >= DENSE
}

/// Pieces of work and how far they are.
pub(super) struct Crew {
    /// Called only for a piece taken below `count`, which is before [`finish`](Self::finish) returns.
    body: *const (dyn Fn(usize) + Sync),
    /// The caller's level, on which every piece is done.
    level: Level,
    count: usize,
    /// The next piece to be taken.
    next: AtomicUsize,
    /// The pieces done.
    done: AtomicUsize,
    /// The threads that may still be called.
    absent: AtomicUsize,
    /// Whether the caller waits for [`all_done`](Self::all_done).
    caller_sleeps: AtomicBool,
    all_done: Condvar,
    /// The first panic of a piece.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: the body is `Sync`, and called only while the caller keeps it.
unsafe impl Send for Crew {}
// SAFETY: as above.
unsafe impl Sync for Crew {}

impl Crew {
    /// A crew for `count` pieces with at most `helpers` threads beside the caller, which must
    /// [`finish`](Self::finish) it before the body goes.
    pub(super) fn new(count: usize, helpers: usize, body: &(dyn Fn(usize) + Sync)) -> Self {
        // SAFETY: only the lifetime changes; see the field.
        let body = unsafe {
            std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(body)
        };
        Crew {
            body,
            level: Level::current(),
            count,
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            absent: AtomicUsize::new(helpers),
            caller_sleeps: AtomicBool::new(false),
            all_done: Condvar::new(),
            panic: Mutex::new(None),
        }
    }

    /// Calls one more thread of the pool, if there may be one more. Each that comes calls two, so that the
    /// caller need not wake them all.
    pub(super) fn call(self: &Arc<Self>) {
        let one_less = |absent: usize| absent.checked_sub(1);
        if CALLED.load(Ordering::Relaxed) > MOST_CALLED * super::count()
            || self.absent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err()
        {
            return;
        }
        CALLED.fetch_add(1, Ordering::Relaxed);
        let crew = Arc::clone(self);
        rayon::spawn(move || {
            CALLED.fetch_sub(1, Ordering::Relaxed);
            for _ in 0..2 {
                if crew.next.load(Ordering::Relaxed) < crew.count {
                    crew.call();
                }
            }
            with_level(crew.level, || crew.work()).expect("the caller runs on this level");
        });
    }

    /// Does pieces as long as there are any.
    pub(super) fn work(&self) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count {
                return;
            }
            // SAFETY: the caller waits for every piece that was taken.
            let body = unsafe { &*self.body };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(index))) {
                self.first_panic().get_or_insert(panic);
            }
            // After this the caller may be gone, unless there are pieces left.
            let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
            if done == self.count && self.caller_sleeps.load(Ordering::SeqCst) {
                // Locked, so that the caller either has not looked yet or waits already.
                let _lock = self.first_panic();
                self.all_done.notify_one();
            }
        }
    }

    /// Waits for the pieces others have taken. A panic of a piece goes on here.
    ///
    /// A caller that is a thread of a pool does the pool's other work in the meantime: what is waited
    /// for may wait for it.
    pub(super) fn finish(&self) {
        let finished = || self.done.load(Ordering::SeqCst) == self.count;
        let mut turns = 0;
        while !finished() && turns < PATIENCE {
            turns += 1;
            std::hint::spin_loop();
        }
        if !finished() {
            if rayon::current_thread_index().is_some() {
                while !finished() {
                    if rayon::yield_now() != Some(rayon::Yield::Executed) {
                        thread::yield_now();
                    }
                }
            } else {
                self.caller_sleeps.store(true, Ordering::SeqCst);
                let mut lock = self.first_panic();
                while !finished() {
                    lock = self.all_done.wait(lock).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        LAST.store(start().elapsed().as_nanos() as u64, Ordering::Relaxed);
        CHANCES.fetch_max(DENSE, Ordering::Relaxed);
        if let Some(panic) = self.first_panic().take() {
            resume_unwind(panic);
        }
    }

    fn first_panic(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use rayon::ThreadPoolBuilder;

    use crate::simd::{Level, with_level};
    use crate::threads::for_pieces;

    fn each_once(count: usize) {
        let times: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        for_pieces(count, |index| {
            times[index].fetch_add(1, Ordering::Relaxed);
        });
        assert!(times.iter().all(|times| times.load(Ordering::Relaxed) == 1), "of {count}");
    }

    #[test]
    fn every_piece_is_done_once_in_any_pool() {
        for count in [0, 1, 2, 7, 1000] {
            each_once(count);
        }
        for threads in [1, 2, 3, 8] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| [0, 1, 2, 7, 1000].map(each_once));
            // Pieces that have pieces.
            pool.install(|| for_pieces(20, |_| each_once(20)));
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_when_all_pieces_are_done() {
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for bad in [0, 5, 49] {
            let done = AtomicUsize::new(0);
            let panic = catch_unwind(AssertUnwindSafe(|| {
                pool.install(|| {
                    for_pieces(50, |index| {
                        assert!(index != bad, "piece {index} is bad");
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                });
            }))
            .unwrap_err();
            assert_eq!(panic.downcast_ref::<String>().unwrap(), &format!("piece {bad} is bad"));
            assert_eq!(done.load(Ordering::Relaxed), 49);
            pool.install(|| each_once(50));
        }
    }

    #[test]
    fn every_piece_is_done_on_the_callers_level() {
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for level in Level::available() {
            let check = || {
                for_pieces(30, |_| {
                    std::thread::sleep(Duration::from_micros(200));
                    assert_eq!(Level::current(), level);
                });
            };
            pool.install(|| with_level(level, check)).unwrap();
        }
    }

    /// A piece may need the very thread that waits for it.
    #[test]
    fn a_waiting_thread_of_the_pool_does_other_work() {
        let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let caller = AtomicUsize::new(0);
        for _ in 0..20 {
            pool.install(|| {
                caller.store(rayon::current_thread_index().unwrap(), Ordering::SeqCst);
                for_pieces(2, |_| {
                    std::thread::sleep(Duration::from_micros(200));
                    if rayon::current_thread_index() != Some(caller.load(Ordering::SeqCst)) {
                        rayon::broadcast(|_| ());
                    }
                });
            });
        }
    }

    /// Whoever waits for a piece keeps what was meant for `park`.
    #[test]
    fn an_unpark_is_not_swallowed() {
        std::thread::current().unpark();
        for_pieces(8, |_| std::thread::sleep(Duration::from_micros(500)));
        let before = Instant::now();
        std::thread::park_timeout(Duration::from_secs(60));
        assert!(before.elapsed() < Duration::from_secs(60));
    }

    /// A pool whose threads are all busy does not hold the caller up.
    #[test]
    fn nobody_need_come() {
        let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let (busy, release) = std::sync::mpsc::channel::<()>();
        pool.install(|| {
            rayon::scope(|scope| {
                scope.spawn(move |_| release.recv().unwrap());
                for _ in 0..1000 {
                    each_once(3);
                }
                busy.send(()).unwrap();
            });
        });
    }
}
