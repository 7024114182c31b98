//! A product on its way: the plan is made, C divided among the threads, and each piece computed.

use super::plan::{self, Path, Plan};
use super::problem::Problem;
use super::{blocked, dot, tile, vector};
use crate::simd::{Kernel, Lanes, Simd};
use crate::{Float, threads};

/// The whole product on a level.
pub(super) struct Run<'a, 'p, E> {
    pub(super) problem: &'a mut Problem<'p, E>,
    /// The plan to use instead of the one made for the problem.
    pub(super) force: Option<Plan>,
}

impl<E: Float> Kernel for Run<'_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if self.problem.m == 0 || self.problem.n == 0 {
            return;
        }
        plan::orient::<E, S>(self.problem);
        let plan = self.force.unwrap_or_else(|| Plan::of::<E, S>(self.problem, threads::count));
        let forced = self.force.is_some();
        let alone = plan.grid == (1, 1)
            || !forced && !plan::worth_threads_by(plan::work(self.problem), plan.path.piece());
        if alone {
            // SAFETY: `Problem::new` requires that the holder alone accesses C, which is this
            // thread.
            unsafe { piece(simd, self.problem, &plan) };
        } else {
            pieces(simd, self.problem, &plan);
        }
    }
}

/// Computes the pieces of the plan's grid, on as many threads as there are.
#[inline(never)]
fn pieces<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>, plan: &Plan) {
    let row_step = problem.m.div_ceil(plan.grid.0);
    let col_unit = tile::VECTORS * E::Vector::<S>::LANES;
    let col_step = problem.n.div_ceil(plan.grid.1).next_multiple_of(col_unit);
    let grid = (problem.m.div_ceil(row_step), problem.n.div_ceil(col_step));
    threads::for_pieces(grid.0 * grid.1, |index| {
        let (row, col) = (index / grid.1 * row_step, index % grid.1 * col_step);
        let rows = row_step.min(problem.m - row);
        let cols = col_step.min(problem.n - col);
        // SAFETY: parts of the problem keep its contract (see `Problem::new`), and the pieces of C
        // are disjoint.
        unsafe { piece(simd, &problem.part(row, rows, col, cols), plan) };
    });
}

/// Computes a product on this thread.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone.
#[inline(always)]
unsafe fn piece<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>, plan: &Plan) {
    // SAFETY: the caller keeps the contract of `Piece::new`, which is this function's.
    simd.vectorize(unsafe { Piece::new(problem, plan) });
}

struct Piece<'a, E> {
    problem: &'a Problem<'a, E>,
    plan: &'a Plan,
}

impl<'a, E> Piece<'a, E> {
    /// # Safety
    /// No other thread may access the elements of the problem's C while the piece runs.
    #[inline(always)]
    unsafe fn new(problem: &'a Problem<'a, E>, plan: &'a Plan) -> Self {
        Self { problem, plan }
    }
}

impl<E: Float> Kernel for Piece<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { problem, plan } = self;
        // SAFETY: `Problem::new` states that the elements can be accessed, and `Piece::new` that
        // this thread alone writes C. `plan::path` picks `Direct` for k > 0 and a B with a unit
        // stride, `Axpy`, `Dot` and `Blocked` for k > 0.
        unsafe {
            match plan.path {
                Path::Scale | Path::Tiny => vector::tiny(simd, problem),
                Path::Axpy => vector::axpy(simd, problem),
                Path::Direct => blocked::direct(simd, problem),
                Path::Dot => dot::run(simd, problem),
                Path::Blocked { pack_a, pack_b } => {
                    blocked::run(simd, problem, &plan.blocks, pack_a, pack_b);
                }
            }
        }
    }
}
