//! Pieces of work on real pools. (`tests/crew.rs` explores the schedules of the protocol.)

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, RwLock, mpsc};
use std::thread::{self, ThreadId, panicking};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{for_chunks, for_pieces};
use crate::simd::{Level, with_level};

/// The time after which a test takes threads to wait for each other forever.
const HANGS: Duration = Duration::from_secs(60);

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn each_once(count: usize) {
    let times: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
    for_pieces(count, |index| {
        times[index].fetch_add(1, Ordering::Relaxed);
    });
    assert!(times.iter().all(|times| times.load(Ordering::Relaxed) == 1), "of {count}");
}

/// Runs two pieces, each until the other runs as well, and returns the threads they ran on.
fn two_threads() -> HashSet<ThreadId> {
    let threads = Mutex::new(HashSet::new());
    for_pieces(2, |_| {
        threads.lock().unwrap().insert(thread::current().id());
        until(HANGS, || threads.lock().unwrap().len() == 2);
    });
    threads.into_inner().unwrap()
}

/// Runs `body` on a thread of its own, and fails if it hangs.
fn ends(body: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let runner = thread::spawn(move || {
        body();
        done.send(()).unwrap();
    });
    let ended = ended.recv_timeout(HANGS);
    assert_ne!(ended, Err(mpsc::RecvTimeoutError::Timeout), "the threads wait for each other");
    runner.join().unwrap();
}

#[test]
fn every_piece_is_done_once_in_any_pool() {
    for count in [0, 1, 2, 7, 1000] {
        each_once(count);
    }
    for threads in [1, 2, 3, 8] {
        let pool = pool(threads);
        pool.install(|| [0, 1, 2, 7, 1000].map(each_once));
        // Pieces that have pieces.
        pool.install(|| for_pieces(20, |_| each_once(20)));
    }
}

#[test]
fn a_panic_reaches_the_caller_when_all_pieces_are_done() {
    let pool = pool(3);
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

/// The payload of a panic. Its destructor panics as well.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !panicking() {
            panic_any("the destructor of a payload");
        }
    }
}

/// The destructor of a payload once made the caller unwind while helpers still used its frame.
#[test]
fn payloads_with_panicking_destructors_do_not_end_the_wait() {
    let pool = pool(4);
    for bad in [2, 3, 8] {
        let done = AtomicUsize::new(0);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            pool.install(|| {
                let mut out = vec![0_u8; 64];
                for_chunks(&mut out, 1, |start, part| {
                    if start < bad {
                        panic_any(Bomb);
                    }
                    thread::sleep(Duration::from_micros(100));
                    part[0] = 1;
                    done.fetch_add(1, Ordering::Relaxed);
                });
            });
        }))
        .unwrap_err();
        assert_eq!(done.load(Ordering::Relaxed), 64 - bad, "all that did not panic is done");
        assert!(panic.is::<Bomb>(), "the first panic reaches the caller");
        std::mem::forget(panic);
        pool.install(|| each_once(50));
    }
}

#[test]
fn every_piece_is_done_on_the_callers_level() {
    let pool = pool(3);
    for level in Level::available() {
        let check = || {
            for_pieces(30, |_| {
                thread::sleep(Duration::from_micros(200));
                assert_eq!(Level::current(), level);
            });
        };
        pool.install(|| with_level(level, check)).unwrap();
    }
}

/// A helper's thread gets back the level it had, also where pieces panic.
#[test]
fn a_level_stays_with_the_pieces() {
    let pool = pool(2);
    let own = Level::current();
    for level in Level::available() {
        for panics in [false, true] {
            let end = catch_unwind(AssertUnwindSafe(|| {
                pool.install(|| {
                    with_level(level, || {
                        let both = Barrier::new(2);
                        for_pieces(2, |index| {
                            both.wait();
                            assert!(!panics, "piece {index}");
                        });
                    })
                })
            }));
            assert_eq!(end.is_err(), panics);
            assert_eq!(pool.broadcast(|_| Level::current()), [own, own]);
        }
    }
}

/// A job of the pool must not run on top of a kernel: it would find the level forced there, and
/// thread-local values borrowed.
#[test]
fn a_waiting_thread_runs_no_other_job() {
    thread_local! {
        static TAPE: RefCell<()> = const { RefCell::new(()) };
    }
    let pool = pool(2);
    for level in Level::available() {
        let found = Arc::new(OnceLock::new());
        let started = AtomicBool::new(false);
        let kernel = || {
            let both = Barrier::new(2);
            let caller = thread::current().id();
            for_pieces(2, |_| {
                both.wait();
                if thread::current().id() == caller {
                    // The pool's other thread is in the other piece.
                    let found = Arc::clone(&found);
                    rayon::spawn(move || {
                        let tape_is_free = TAPE.with(|tape| tape.try_borrow_mut().is_ok());
                        found.set((Level::current(), tape_is_free)).unwrap();
                    });
                    return started.store(true, Ordering::SeqCst);
                }
                until(HANGS, || started.load(Ordering::SeqCst));
                until(Duration::from_millis(50), || found.get().is_some());
                assert_eq!(found.get(), None, "the waiting thread ran a job");
            });
        };
        pool.install(|| TAPE.with_borrow_mut(|()| with_level(level, kernel))).unwrap();
        until(HANGS, || found.get().is_some());
        assert_eq!(found.get(), Some(&(Level::current(), true)), "what the job found");
    }
}

/// Waits for the condition, at most for the time.
fn until(time: Duration, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() && start.elapsed() < time {
        thread::yield_now();
    }
}

/// A kernel whose caller waits for its helpers for a while.
fn slow_helpers() {
    let caller = thread::current().id();
    for_pieces(4, |_| {
        let helps = thread::current().id() != caller;
        thread::sleep(Duration::from_micros(if helps { 1000 } else { 100 }));
    });
}

#[test]
fn a_lock_may_be_held_across_pieces() {
    ends(|| {
        let shared = RwLock::new(0);
        pool(4).install(|| {
            (0..200).into_par_iter().with_max_len(1).for_each(|task| {
                if task % 8 == 0 {
                    *shared.write().unwrap() += 1;
                } else {
                    let _held = shared.read().unwrap();
                    slow_helpers();
                }
            });
        });
        assert_eq!(shared.into_inner().unwrap(), 25);
    });
}

/// Whoever waits for a piece keeps what was meant for `park`.
#[test]
fn an_unpark_is_not_swallowed() {
    thread::current().unpark();
    for_pieces(8, |_| thread::sleep(Duration::from_micros(500)));
    let before = Instant::now();
    thread::park_timeout(HANGS);
    assert!(before.elapsed() < HANGS);
}

/// A pool whose threads are all busy does not hold the caller up.
#[test]
fn helpers_need_not_come() {
    let (busy, release) = mpsc::channel::<()>();
    pool(2).install(|| {
        rayon::scope(|scope| {
            scope.spawn(move |_| release.recv().unwrap());
            for _ in 0..1000 {
                each_once(3);
            }
            busy.send(()).unwrap();
        });
    });
}

/// A busy pool, with as many unanswered calls as are allowed, keeps no helper from another pool.
#[test]
fn pools_do_not_share_the_limit_of_calls() {
    let (busy, free) = (pool(2), pool(2));
    let (release, blocked) = mpsc::channel::<()>();
    busy.install(|| {
        rayon::scope(|scope| {
            scope.spawn(move |_| blocked.recv().unwrap());
            for _ in 0..1000 {
                each_once(3);
            }
            // From outside, as a thread that waits for another pool does other jobs of its own.
            let threads = thread::scope(|s| s.spawn(|| free.install(two_threads)).join());
            release.send(()).unwrap();
            assert_eq!(threads.unwrap().len(), 2, "a thread of the other pool helps");
        });
    });
    assert_eq!(busy.install(two_threads).len(), 2, "the calls were answered");
}
