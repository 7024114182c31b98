//! [`run`]: pieces of work done by the calling thread and the helpers that come.
//!
//! The protocol only: what it is built from is imported from [`super::sync`], so that
//! `tests/crew.rs` compiles this file a second time on loom's types and explores its schedules.
//!
//! # Why waiting ends
//!
//! A thread takes a piece only to run it at once, and the caller takes pieces itself until none is
//! left. The caller therefore waits only for pieces that other threads are running, and runs
//! nothing else meanwhile. A piece in turn waits for nothing but crews of its own, for which the
//! same holds.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::sync::{
    Arc, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, PoisonError, call, spin_until,
};

/// The bit of [`Crew::unfinished`] that is set while the caller sleeps.
const CALLER_SLEEPS: usize = 1 << (usize::BITS - 1);

type Payload = Box<dyn Any + Send>;

/// Calls `body` with every index below `count`, each once and in no order, on the calling thread
/// and on at most `helpers` other threads.
///
/// However it ends, no thread runs `body` any more by then. If pieces panic, the others are still
/// done, and then the first panic resumes here. The payloads of the others are leaked: their
/// destructors may panic as well.
pub(super) fn run(count: usize, helpers: usize, body: &(dyn Fn(usize) + Sync)) {
    // SAFETY: only the lifetime changes. `Crew::work` alone calls the body, for pieces it has
    // taken. `Crew::finish` lets no more pieces be taken and returns once the taken ones are done.
    // It is called below before this function returns or unwinds: a panic before it is caught.
    let body =
        unsafe { mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(body) };
    let crew = Arc::new(Crew {
        body,
        count,
        next: AtomicUsize::new(0),
        unfinished: AtomicUsize::new(count),
        absent: AtomicUsize::new(helpers),
        panic: Mutex::new(None),
        all_done: Condvar::new(),
    });
    let own = catch_unwind(AssertUnwindSafe(|| {
        Crew::call(&crew);
        crew.work();
    }));
    let of_piece = crew.finish();
    match (own, of_piece) {
        (Ok(()), None) => {}
        (Ok(()), Some(panic)) => resume_unwind(panic),
        (Err(panic), of_piece) => {
            mem::forget(of_piece);
            resume_unwind(panic)
        }
    }
}

/// Pieces of work and the progress on them.
struct Crew {
    /// Dangles once [`run`] has ended: to be dereferenced only with a piece taken and not finished.
    body: *const (dyn Fn(usize) + Sync),
    count: usize,
    /// The next piece to be taken; none is left from `count` on.
    next: AtomicUsize,
    /// The number of pieces that are not finished, and [`CALLER_SLEEPS`].
    unfinished: AtomicUsize,
    /// The number of helpers that may still be called.
    absent: AtomicUsize,
    /// The payload of the first panic of a piece.
    panic: Mutex<Option<Payload>>,
    /// Notified, with `panic` locked, when the last piece is finished while the caller sleeps.
    all_done: Condvar,
}

// SAFETY: every field but `body` is `Send`. `body` points to a `Sync` closure, so that any thread
// may call it, and `Crew::work` does so only while the closure lives.
unsafe impl Send for Crew {}
// SAFETY: every field but `body` is `Sync`. `body` is never changed and points to a `Sync` closure,
// which `Crew::work` calls only while the closure lives.
unsafe impl Sync for Crew {}

impl Crew {
    /// Calls one more helper, if there may be one more and pieces are left. Each that comes calls
    /// two, so that the caller need not wake them all.
    fn call(crew: &Arc<Crew>) {
        let one_less = |absent: usize| absent.checked_sub(1);
        if crew.next.load(Ordering::Relaxed) >= crew.count
            || crew.absent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err()
        {
            return;
        }
        let helper = Arc::clone(crew);
        call(move || {
            Crew::call(&helper);
            Crew::call(&helper);
            helper.work();
        });
    }

    /// Does pieces as long as any are left.
    fn work(&self) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count {
                return;
            }
            // SAFETY: the piece `index` was taken above and is counted in `unfinished` until it is
            // finished below, and `run` keeps the closure alive until `finish` has seen that.
            let body = unsafe { &*self.body };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(index))) {
                let mut first = self.lock();
                if first.is_none() {
                    *first = Some(panic);
                } else {
                    // Its destructor is foreign code that may panic, too.
                    mem::forget(panic);
                }
            }
            // Release: the caller sees what the piece wrote. The closure may be gone from here on.
            let before = self.unfinished.fetch_sub(1, Ordering::Release);
            if before == CALLER_SLEEPS | 1 {
                // The caller set the bit with this locked, so by now it waits.
                let _lock = self.lock();
                self.all_done.notify_one();
            }
        }
    }

    /// Lets no more pieces be taken, waits for those that were, and returns the first panic of one.
    fn finish(&self) -> Option<Payload> {
        let taken = self.next.swap(self.count, Ordering::Relaxed);
        if let Some(untaken) = self.count.checked_sub(taken) {
            self.unfinished.fetch_sub(untaken, Ordering::Relaxed);
        }
        spin_until(|| self.unfinished.load(Ordering::Acquire) == 0);
        let mut panic = self.lock();
        if self.unfinished.fetch_or(CALLER_SLEEPS, Ordering::Acquire) > 0 {
            while self.unfinished.load(Ordering::Acquire) != CALLER_SLEEPS {
                panic = self.all_done.wait(panic).unwrap_or_else(PoisonError::into_inner);
            }
        }
        panic.take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Payload>> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
