//! Many products of one shape as the kernels see them.

use super::plan;
use super::problem::Problem;
use crate::{Float, threads};

/// A batch as the kernels see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a, E> {
    count: usize,
    a_step: isize,
    b_step: isize,
    c_step: isize,
    first: Problem<'a, E>,
}

impl<'a, E: Float> Batch<'a, E> {
    /// `count` products like `first`, whose A, B and C lie `steps` elements apart.
    ///
    /// # Safety
    /// Each must be a problem like the first (see [`Problem::new`]), and no two may share an
    /// element of C.
    pub(super) unsafe fn new(
        count: usize,
        [a_step, b_step, c_step]: [isize; 3],
        first: Problem<'a, E>,
    ) -> Self {
        Self { count, a_step, b_step, c_step, first }
    }

    /// Calls `one` for product `index`.
    fn product(&self, index: usize, one: &impl Fn(Problem<'_, E>)) {
        let mut product = self.first;
        let index = index as isize;
        product.a.ptr = product.a.ptr.wrapping_offset(index * self.a_step);
        product.b.ptr = product.b.ptr.wrapping_offset(index * self.b_step);
        product.c.ptr = product.c.ptr.wrapping_offset(index * self.c_step);
        one(product);
    }

    /// Calls `one` for every product: one after another if each is worth several threads, and
    /// otherwise in runs that are worth one.
    pub(super) fn each(&self, one: impl Fn(Problem<'_, E>) + Sync) {
        let work = plan::work(&self.first).max(1);
        let run = (plan::PIECE / work).max(1);
        let all = work.saturating_mul(self.count);
        if work >= plan::WAKING || self.count <= run || !plan::worth_threads(all) {
            (0..self.count).for_each(|index| self.product(index, &one));
        } else {
            threads::for_pieces(self.count.div_ceil(run), |piece| {
                let last = self.count.min((piece + 1) * run);
                (piece * run..last).for_each(|index| self.product(index, &one));
            });
        }
    }
}
