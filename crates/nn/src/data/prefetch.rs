//! [`Prefetch`]: computes items on another thread, ahead of their use.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

/// Computes the items of `source` on another thread, at most `depth` of them ahead of their use,
/// and returns them in the same order. Useful for batches that take long to load or to augment.
///
/// A panic of the source is resumed in the thread that iterates. When the iterator is dropped, the
/// source's thread ends after the current item.
///
/// ```
/// use wengert_nn::data::{Batches, prefetch};
/// # use wengert_autodiff::Tensor;
/// # let inputs = Tensor::<f32>::zeros([10, 2]);
/// let mut batches = Batches::new(inputs, [0; 10], 4)?.shuffled(1);
/// let epochs = (0..3).flat_map(move |_| batches.epoch().collect::<Vec<_>>());
/// for batch in prefetch(epochs, 2) {
///     // a step of training
/// }
/// # Ok::<(), wengert_nn::data::BatchesError>(())
/// ```
///
/// # Panics
/// If the operating system cannot start a thread.
pub fn prefetch<I>(source: I, depth: usize) -> Prefetch<I::Item>
where
    I: IntoIterator<Item: Send + 'static> + Send + 'static,
{
    let (sender, items) = sync_channel(depth);
    let make = move || {
        for item in source {
            // The receiver was dropped: no more items are wanted.
            if sender.send(item).is_err() {
                break;
            }
        }
    };
    Prefetch { items: Some(items), thread: Some(thread::spawn(make)) }
}

/// The iterator that [`prefetch`] returns.
#[derive(Debug)]
pub struct Prefetch<T> {
    items: Option<Receiver<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T> Iterator for Prefetch<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Ok(item) = self.items.as_ref()?.recv() {
            return Some(item);
        }
        // The source has ended, or has panicked.
        self.items = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            resume_unwind(panic);
        }
        None
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        self.items = None;
        if let Some(thread) = self.thread.take() {
            // A panic while computing an item that the caller did not request is ignored.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn items_come_in_order_whatever_the_depth() {
        for depth in [0, 1, 3, 100] {
            assert!(prefetch(0..50, depth).eq(0..50), "{depth}");
        }
    }

    #[test]
    fn no_more_than_the_depth_is_made_ahead() {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let mut items = prefetch(
            (0..100).inspect(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
            }),
            3,
        );
        assert_eq!(items.next(), Some(0));
        drop(items);
        // One taken, three waiting, one that is being sent, one computed after the first was taken.
        assert!(made.load(Ordering::SeqCst) <= 6, "{made:?}");
    }

    #[test]
    fn a_panic_of_the_source_arrives() {
        let mut items = prefetch((0..4).map(|i| if i == 2 { panic!("the third") } else { i }), 8);
        assert_eq!((items.next(), items.next()), (Some(0), Some(1)));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| items.next()));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"the third"));
        assert_eq!(items.next(), None);
    }
}
