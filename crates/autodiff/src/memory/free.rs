//! The free buffers of a pool, by size class, and the choice of those that are returned to the
//! system.
//!
//! A step uses the buffers that the previous step of the same sizes has given back. Buffers that
//! were used in the current step are therefore never freed, and a loop with fixed sizes allocates
//! nothing. Where sizes vary from step to step, each step has other size classes: the least
//! recently used buffers are freed once the pool holds more than [`MOST`] times the peak of recent
//! steps.

/// The maximum of live and free bytes together, in multiples of the peak of recent steps.
const MOST: usize = 2;

/// The recent peak decreases by the fraction `1 / FADE` with each step.
const FADE: usize = 8;

/// Free buffers of a pool.
#[derive(Debug)]
pub(crate) struct FreeLists<B> {
    /// The buffers of each size class, each with the step in which it was given back. The buffer
    /// given back last is taken first, so the steps of a class never decrease.
    classes: Vec<Vec<(B, u64)>>,
    step: u64,
    /// The peak of recent steps in bytes, decreasing with their age.
    recent: usize,
}

impl<B> Default for FreeLists<B> {
    fn default() -> Self {
        FreeLists { classes: Vec::new(), step: 0, recent: 0 }
    }
}

impl<B> FreeLists<B> {
    /// A free buffer of a class.
    #[inline]
    pub(crate) fn take(&mut self, class: usize) -> Option<B> {
        self.classes.get_mut(class)?.pop().map(|(buffer, _)| buffer)
    }

    #[inline]
    pub(crate) fn give(&mut self, class: usize, buffer: B) {
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Vec::new);
        }
        self.classes[class].push((buffer, self.step));
    }

    /// Ends a step whose peak of live bytes was `peak`.
    #[inline]
    pub(crate) fn end_step(&mut self, peak: usize) {
        self.step += 1;
        self.recent = peak.max(self.recent - self.recent / FADE);
    }

    /// The number of bytes by which `bytes` exceed the bound in a step with this peak so far.
    #[inline]
    pub(crate) fn excess(&self, bytes: usize, peak: usize) -> usize {
        bytes.saturating_sub(MOST * self.recent.max(peak))
    }

    /// Removes and returns the least recently used buffers, of at least `excess` bytes together, or
    /// all buffers that were not used in this step.
    #[cold]
    pub(crate) fn take_unused(&mut self, excess: usize, bytes: impl Fn(&B) -> usize) -> Vec<B> {
        let (mut taken, mut sum) = (Vec::new(), 0);
        while sum < excess {
            let oldest =
                |class: &&mut Vec<(B, u64)>| class.first().map_or(u64::MAX, |first| first.1);
            let Some(class) = self.classes.iter_mut().min_by_key(oldest) else { break };
            let step = oldest(&class);
            if step >= self.step {
                break;
            }
            let of_step = class.iter().take_while(|(_, other)| *other == step);
            let mut count = 0;
            for (buffer, _) in of_step {
                if sum >= excess {
                    break;
                }
                sum += bytes(buffer);
                count += 1;
            }
            taken.extend(class.drain(..count).map(|(buffer, _)| buffer));
        }
        taken
    }

    /// Removes and returns all buffers.
    pub(crate) fn take_all(&mut self) -> Vec<Vec<(B, u64)>> {
        std::mem::take(&mut self.classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{BufferPool, Memory};

    fn sizes(classes: &mut FreeLists<usize>, excess: usize) -> Vec<usize> {
        classes.take_unused(excess, |bytes| *bytes)
    }

    #[test]
    fn the_least_recently_used_go_first_and_those_of_this_step_stay() {
        let mut free = FreeLists::default();
        for bytes in [10, 11, 12] {
            free.give(0, bytes);
        }
        free.end_step(33);
        assert_eq!(free.take(0), Some(12));
        free.give(0, 12);
        free.give(3, 50);
        // 12 and 50 are of this step.
        assert_eq!(sizes(&mut free, 1), [10]);
        assert_eq!(sizes(&mut free, 1000), [11]);
        free.end_step(62);
        free.give(5, 70);
        assert_eq!(sizes(&mut free, 20), [12, 50]);
        assert_eq!(sizes(&mut free, 20), [0; 0]);
        assert_eq!(free.take(5), Some(70));
    }

    #[test]
    fn the_bound_follows_recent_steps() {
        let mut free = FreeLists::<usize>::default();
        assert_eq!(free.excess(300, 100), 100);
        free.end_step(800);
        assert_eq!((free.excess(1600, 100), free.excess(1700, 100)), (0, 100));
        for _ in 0..100 {
            free.end_step(100);
        }
        assert_eq!(free.excess(300, 50), 100);
    }

    #[test]
    fn a_closed_pool_keeps_nothing() {
        let pool = BufferPool::<f32>::default();
        let (kept, dropped) = (pool.take(1000), pool.take(5000));
        drop(dropped);
        assert!(pool.memory().pooled >= 20_000);
        pool.close();
        assert_eq!(pool.memory().pooled, 0);
        // Operations on a tensor that was kept still count what they take.
        drop((pool.take(7000), kept));
        let Memory { live, pooled, .. } = pool.memory();
        assert_eq!((live, pooled), (0, 0));
    }

    #[test]
    fn steps_of_varying_sizes_pool_no_more_than_one_of_them() {
        let pool = BufferPool::<f32>::default();
        for step in 0..200_usize {
            let len = 1000 + step * 7919 % 9000;
            let buffers: Vec<_> = (0..5).map(|_| pool.take(len)).collect();
            let Memory { live, peak, pooled } = pool.memory();
            assert!(live + pooled <= 2 * peak, "step {step}: {live} live, {pooled} pooled");
            drop(buffers);
            pool.end_step();
        }
        // Small steps make the pool small again.
        for _ in 0..100 {
            drop(pool.take(100));
            pool.end_step();
        }
        assert_eq!(pool.memory().pooled, 416);
        assert!(pool.memory().peak > 5 * 4 * 9000, "the peak is that of all steps");
    }

    #[test]
    fn a_step_of_fixed_sizes_finds_its_buffers_again_whatever_their_order() {
        let pool = BufferPool::<f32>::default();
        let mut addresses = Vec::new();
        for step in 0..5 {
            // One after another: together they are many times what is live at once.
            let taken: Vec<_> =
                (1..20).map(|i| pool.take(i * 1000).unwrap().as_slice().as_ptr().addr()).collect();
            pool.end_step();
            assert!(step == 0 || taken == addresses, "step {step}");
            addresses = taken;
        }
        assert!(pool.memory().pooled > 5 * pool.memory().peak);
    }
}
