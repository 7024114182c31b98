//! The protocol of `src/threads/crew.rs` under [loom](https://docs.rs/loom): every schedule of a
//! few threads up to a number of preemptions, and every value the memory orderings allow a load to
//! see.
//!
//! The file is compiled a second time here, on loom's atomics, mutex and condition variable, and
//! with calls for helpers that are answered as the test says.

#[path = "../src/threads/crew.rs"]
mod crew;

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::panicking;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::thread::JoinHandle;

/// What `crew.rs` imports.
mod sync {
    pub(super) use std::sync::PoisonError;

    pub(super) use loom::sync::atomic::{AtomicUsize, Ordering};
    pub(super) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

    pub(super) use super::call;

    /// Looks once. (A thread that spins would be resumed by loom only when no other can run.)
    pub(super) fn spin_until(condition: impl Fn() -> bool) {
        condition();
    }
}

/// What becomes of a call for a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// A thread runs the job at any time: at once, or long after the caller has left.
    Comes,
    /// The job runs only after the caller has left, as in a pool whose threads are all busy.
    Late,
    /// The call is refused and its job dropped.
    Refused,
    /// The call panics.
    Fails,
    /// The call panics, but a thread comes.
    ComesAndFails,
}

/// The payload of a call that panics.
struct CallFailed;

/// The payload of a piece that panics. Its destructor panics, too.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        POOL.with(|pool| pool.violate("the payload of a panic was dropped"));
        if !panicking() {
            resume_unwind(Box::new("the destructor of a payload"));
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The pool of one execution. All threads of a model run on one thread of the system.
#[derive(Default)]
struct Pool {
    answers: Cell<&'static [Answer]>,
    helpers: RefCell<Vec<JoinHandle<()>>>,
    late: RefCell<Vec<Job>>,
    violation: Cell<Option<&'static str>>,
}

thread_local! {
    static POOL: Pool = Pool::default();
}

impl Pool {
    /// The answer to the next call. Calls after the last answer are refused.
    fn next_answer(&self) -> Answer {
        let Some((first, rest)) = self.answers.get().split_first() else { return Answer::Refused };
        self.answers.set(rest);
        *first
    }

    /// Notes what must not happen. A panic in its place could be taken for one of a piece.
    fn violate(&self, what: &'static str) {
        self.violation.set(self.violation.get().or(Some(what)));
    }
}

fn call(job: impl FnOnce() + Send + 'static) {
    let answer = POOL.with(Pool::next_answer);
    match answer {
        Answer::Comes | Answer::ComesAndFails => {
            let helper = loom::thread::spawn(job);
            POOL.with(|pool| pool.helpers.borrow_mut().push(helper));
        }
        Answer::Late => POOL.with(|pool| pool.late.borrow_mut().push(Box::new(job))),
        Answer::Refused | Answer::Fails => drop(job),
    }
    if matches!(answer, Answer::Fails | Answer::ComesAndFails) {
        resume_unwind(Box::new(CallFailed));
    }
}

/// What the pieces of a crew use of their caller's frame.
struct Frame {
    /// One cell for each piece: loom reports any two accesses that are not ordered.
    cells: Vec<UnsafeCell<()>>,
    times: Vec<AtomicUsize>,
    left: AtomicBool,
}

// SAFETY: loom runs all threads of a model on one thread of the system, one at a time, and the
// cells hold nothing: they only report unordered accesses.
unsafe impl Sync for Frame {}

impl Frame {
    fn new(pieces: usize) -> Self {
        Frame {
            cells: (0..pieces).map(|_| UnsafeCell::new(())).collect(),
            times: (0..pieces).map(|_| AtomicUsize::new(0)).collect(),
            left: AtomicBool::new(false),
        }
    }

    /// A piece of work: uses the frame, which must still be there.
    fn piece(&self, index: usize) {
        let write = || self.cells[index].with_mut(|_| ());
        if catch_unwind(AssertUnwindSafe(write)).is_err() || self.left.load(Ordering::SeqCst) {
            POOL.with(|pool| pool.violate("a piece ran while the caller left or after it"));
        }
        self.times[index].fetch_add(1, Ordering::SeqCst);
    }

    /// The caller leaves the frame: writes to all of it, as whoever uses the memory next.
    fn leave(&self, complete: bool) {
        self.left.store(true, Ordering::SeqCst);
        let write = || self.cells.iter().for_each(|cell| cell.with_mut(|_| ()));
        if catch_unwind(AssertUnwindSafe(write)).is_err() {
            POOL.with(|pool| pool.violate("the caller left before it saw what a piece wrote"));
        }
        let times = || self.times.iter().map(|times| times.load(Ordering::SeqCst));
        if times().any(|times| times > 1) || complete && times().any(|times| times != 1) {
            POOL.with(|pool| pool.violate("a piece was not run once"));
        }
    }
}

#[derive(Clone, Copy)]
struct Scenario {
    pieces: usize,
    helpers: usize,
    /// The pieces that panic.
    panics: &'static [usize],
    /// The pieces of the crew that each piece runs, with one helper.
    nested: usize,
    answers: &'static [Answer],
    /// The most preemptions of a schedule that is explored.
    preemptions: usize,
}

impl Scenario {
    const PLAIN: Scenario = Scenario {
        pieces: 2,
        helpers: 1,
        panics: &[],
        nested: 0,
        answers: &[Answer::Comes; 4],
        preemptions: 3,
    };

    /// Runs the scenario in every schedule.
    fn check(self) {
        let executions = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&executions);
        let mut builder = Builder::new();
        builder.preemption_bound = Some(self.preemptions);
        builder.check(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            self.run();
        });
        println!("{} executions", executions.load(Ordering::SeqCst));
    }

    fn run(self) {
        POOL.with(|pool| {
            pool.answers.set(self.answers);
            pool.violation.set(None);
        });
        // All of this lives until every thread has ended, so that a wrong protocol is seen and not
        // undefined behaviour.
        let frame = Frame::new(self.pieces);
        let inner_frames: Vec<Frame> = (0..self.pieces).map(|_| Frame::new(self.nested)).collect();
        let inner_bodies: Vec<_> =
            inner_frames.iter().map(|frame| |index| frame.piece(index)).collect();
        let body = |index: usize| {
            frame.piece(index);
            if self.nested > 0 {
                crew::run(self.nested, 1, &inner_bodies[index]);
                inner_frames[index].leave(true);
            }
            if self.panics.contains(&index) {
                resume_unwind(Box::new(Bomb));
            }
        };
        let end = catch_unwind(AssertUnwindSafe(|| crew::run(self.pieces, self.helpers, &body)));
        let failed = end.as_ref().is_err_and(|panic| panic.is::<CallFailed>());
        frame.leave(!failed);
        let bomb = end.as_ref().is_err_and(|panic| panic.is::<Bomb>());
        mem::forget(end);

        loop {
            if let Some(helper) = POOL.with(|pool| pool.helpers.borrow_mut().pop()) {
                helper.join().expect("the job of a helper does not unwind");
            } else if let Some(job) = POOL.with(|pool| pool.late.borrow_mut().pop()) {
                job();
            } else {
                break;
            }
        }
        assert_eq!(POOL.with(|pool| pool.violation.get()), None);
        let fails = self.answers.iter().any(|a| matches!(a, Answer::Fails | Answer::ComesAndFails));
        assert_eq!(failed, fails, "a panic of the caller's own part reaches the caller");
        assert_eq!(bomb, !fails && !self.panics.is_empty(), "a piece's panic reaches the caller");
    }
}

#[test]
fn a_helper_comes_at_any_time() {
    Scenario::PLAIN.check();
    Scenario { pieces: 3, ..Scenario::PLAIN }.check();
}

#[test]
fn helpers_call_helpers() {
    Scenario { pieces: 3, helpers: 2, preemptions: 2, ..Scenario::PLAIN }.check();
    Scenario { pieces: 2, helpers: 3, preemptions: 0, ..Scenario::PLAIN }.check();
}

#[test]
fn helpers_that_do_not_come_are_not_waited_for() {
    for answers in [&[Answer::Refused; 4], &[Answer::Late; 4]] {
        Scenario { pieces: 3, helpers: 3, answers, ..Scenario::PLAIN }.check();
    }
    let answers = &[Answer::Comes, Answer::Late, Answer::Refused];
    Scenario { pieces: 3, helpers: 3, answers, preemptions: 2, ..Scenario::PLAIN }.check();
}

#[test]
fn pieces_panic_with_payloads_whose_destructors_panic() {
    Scenario { panics: &[1], ..Scenario::PLAIN }.check();
    Scenario { panics: &[0, 1], ..Scenario::PLAIN }.check();
    Scenario { panics: &[0, 1, 2], pieces: 3, helpers: 2, preemptions: 1, ..Scenario::PLAIN }
        .check();
}

#[test]
fn the_callers_own_part_panics() {
    for panics in [&[][..], &[0, 1]] {
        Scenario { panics, answers: &[Answer::Fails], ..Scenario::PLAIN }.check();
        Scenario { panics, answers: &[Answer::ComesAndFails], ..Scenario::PLAIN }.check();
    }
}

#[test]
fn pieces_run_crews() {
    let nested = Scenario { nested: 2, preemptions: 0, ..Scenario::PLAIN };
    nested.check();
    Scenario { panics: &[0, 1], ..nested }.check();
    Scenario { answers: &[Answer::Comes; 2], preemptions: 1, ..nested }.check();
}
