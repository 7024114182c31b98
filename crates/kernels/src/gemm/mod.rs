//! Matrix products: `C = act(alpha A B + beta C + bias)`.
//!
//! [`Gemm`] describes a product and [`Gemm::run`] computes it. All three matrices are strided views
//! of slices, so a transposed operand costs nothing but its own layout.
//!
//! What belongs here: products and what is done to their result on the way out ([`Epilogue`]). The
//! activations themselves live in their own family.
//!
//! # How a product runs
//!
//! `plan` picks a path from shape, layout and level. Most go to the blocked loops, which walk
//! C in register tiles; operands are packed where the walk over them would be repeated or uneven,
//! and read in place otherwise. Products of a few rows have kernels that read B once and in order.
//!
//! An [`Operand`] that is not a plain view goes the same way: the blocked loops draw it into their packed
//! panels, and what its [`Prologue`] demands is done there; for the other paths a chunk of it at a
//! time is written to scratch. A [`Packed`] matrix is read in place by the blocked loops.
//!
//! # Accuracy
//!
//! With `u` the machine epsilon of the element, every element of `alpha A B + beta C` differs from
//! the exact value by at most `(k + 2) u (|alpha| |A| |B| + |beta| |C|)` (N. J. Higham, "Accuracy
//! and stability of numerical algorithms", section 3.5, with the order of summation left open).
//! The order of summation over k is fixed by shape, layout and level: results have the same bits
//! for any number of threads.
//!
//! With a prologue the bound is that of the elements it gives, which have the error of their activation
//! and are rounded. Elements of [`Bf16`](crate::bf16::Bf16) are widened, which is exact, and summed in
//! `f32`. Where both operands are such, the path is that of the blocked loops, the level is AVX-512 and
//! the processor has AVX512-BF16, its instruction is used: sums of pairs of products, within the same
//! bound, but of other bits than those of the widened operands, and with subnormal operands and sums
//! taken for zeros.
//!
//! # Special values
//!
//! Infinities and NaN follow the arithmetic: `alpha = 0` does not hide them. But `beta = 0`
//! overwrites C without reading it, so C may hold anything then, and with k = 0 the product is an
//! exact zero.

mod batch;
mod blocked;
mod dot;
mod epilogue;
mod error;
pub(crate) mod implicit;
mod matrix;
mod operand;
mod pack;
mod packed;
#[cfg(target_arch = "x86_64")]
mod pairs;
mod plan;
mod problem;
mod scratch;
mod source;
mod staged;
#[cfg(test)]
mod tests;
mod tile;
pub(crate) mod transpose;
mod vector;

pub use batch::BatchedGemm;
pub use epilogue::{Bias, Epilogue};
pub use error::MatrixError;
pub use matrix::{MatMut, MatRef};
pub use operand::{Operand, Prologue};
pub use packed::Packed;

use batch::Batch;
use packed::Side;
use plan::{Path, Plan};
use problem::Problem;
use source::Source;

use crate::simd::{Kernel, Lanes, Level, Simd, dispatch, run_on};
use crate::{Element, threads};

/// A product to be computed: `C = act(alpha A B + beta C + bias)`.
///
/// # Shapes
/// A is m x k, B is k x n, C is m x n; m, n and k may be zero.
///
/// ```
/// use wengert_kernels::gemm::{Gemm, MatMut, MatRef};
///
/// let a = [1.0_f32, 2.0, 3.0, 4.0];
/// let x = [1.0_f32, -1.0];
/// let mut y = [0.0_f32; 2];
/// let (a, x) = (MatRef::row_major(&a, 2, 2), MatRef::row_major(&x, 2, 1));
/// Gemm::new(a, x, MatMut::row_major(&mut y, 2, 1)).run();
/// assert_eq!(y, [-1.0, -1.0]);
/// ```
#[derive(Debug)]
pub struct Gemm<'a, E> {
    /// The factor of the product.
    pub alpha: E,
    /// The left operand.
    pub a: Operand<'a, E>,
    /// The right operand.
    pub b: Operand<'a, E>,
    /// The factor of what C held before; with zero C is overwritten and not read.
    pub beta: E,
    /// The output.
    pub c: MatMut<'a, E>,
    /// What is done to the result before it is stored.
    pub epilogue: Epilogue<'a, E>,
}

impl<'a, E: Element> Gemm<'a, E> {
    /// The plain product `C = A B`.
    #[inline]
    pub fn new(
        a: impl Into<Operand<'a, E>>,
        b: impl Into<Operand<'a, E>>,
        c: MatMut<'a, E>,
    ) -> Self {
        let (a, b) = (a.into(), b.into());
        Gemm { alpha: E::ONE, a, b, beta: E::ZERO, c, epilogue: Epilogue::default() }
    }

    /// The operands that are not read in place.
    #[inline]
    #[track_caller]
    fn sources(&self) -> [Option<Source<E>>; 2] {
        [self.a.source(Side::Left), self.b.source(Side::Right)]
    }

    /// Computes the product.
    ///
    /// # Panics
    /// If the shapes of the matrices do not fit, the bias has the wrong length, a number of the
    /// epilogue's activation is outside its domain, or an operand was packed for the other side.
    #[inline]
    #[track_caller]
    pub fn run(mut self) {
        let sources = self.sources();
        E::gemm(&mut Problem::new(&mut self, &sources));
    }
}

/// Computes a product; the same as [`Gemm::run`].
///
/// # Panics
/// As for [`Gemm::run`].
#[inline]
#[track_caller]
pub fn gemm<E: Element>(product: Gemm<'_, E>) {
    product.run();
}

/// The compiled kernels of an element type. Sealed with [`Element`].
pub trait GemmKernels: Sized {
    #[doc(hidden)]
    #[expect(
        private_interfaces,
        reason = "only called here; the supertrait is sealed with Element"
    )]
    fn gemm(problem: &mut Problem<'_, Self>);

    #[doc(hidden)]
    #[expect(
        private_interfaces,
        reason = "only called here; the supertrait is sealed with Element"
    )]
    fn gemm_batched(batch: Batch<'_, Self>);
}

macro_rules! gemm_element {
    ($($type:ty),+) => {$(
        impl GemmKernels for $type {
            #[expect(private_interfaces, reason = "only called here; the trait is sealed with Element")]
            fn gemm(problem: &mut Problem<'_, Self>) {
                dispatch(Run { problem, force: None });
            }

            #[expect(private_interfaces, reason = "only called here; the trait is sealed with Element")]
            fn gemm_batched(batch: Batch<'_, Self>) {
                let level = Level::current();
                batch.each(|mut problem| run_on(level, Run { problem: &mut problem, force: None }));
            }
        }
    )+};
}

gemm_element!(f32, f64);

/// The whole product on a level.
struct Run<'a, 'p, E> {
    problem: &'a mut Problem<'p, E>,
    /// The plan to use instead of the one made for the problem.
    force: Option<Plan>,
}

impl<E: Element> Kernel for Run<'_, '_, E> {
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
            // SAFETY: `Problem::new` was made from checked views, of which that of C is exclusive.
            unsafe { piece(simd, self.problem, &plan) };
        } else {
            pieces(simd, self.problem, &plan);
        }
    }
}

/// Computes the pieces of the plan's grid, on as many threads as there are.
#[inline(never)]
fn pieces<E: Element, S: Simd>(simd: S, problem: &Problem<'_, E>, plan: &Plan) {
    let row_unit = problem.sources.a.and_then(Source::panels).map_or(1, |panels| panels.width);
    let row_step = problem.m.div_ceil(plan.grid.0).next_multiple_of(row_unit);
    let col_unit = tile::VECTORS * E::Vector::<S>::LANES;
    let col_step = problem.n.div_ceil(plan.grid.1).next_multiple_of(col_unit);
    let grid = (problem.m.div_ceil(row_step), problem.n.div_ceil(col_step));
    threads::for_pieces(grid.0 * grid.1, |index| {
        let (row, col) = (index / grid.1 * row_step, index % grid.1 * col_step);
        let rows = row_step.min(problem.m - row);
        let cols = col_step.min(problem.n - col);
        // SAFETY: as for the whole problem, and the pieces of C are disjoint.
        unsafe { piece(simd, &problem.part(row, rows, col, cols), plan) };
    });
}

/// Computes a product on this thread.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone.
#[inline(always)]
unsafe fn piece<E: Element, S: Simd>(simd: S, problem: &Problem<'_, E>, plan: &Plan) {
    simd.vectorize(Piece { problem, plan });
}

struct Piece<'a, E> {
    problem: &'a Problem<'a, E>,
    plan: &'a Plan,
}

impl<E: Element> Kernel for Piece<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let path = self.plan.path;
        let in_place = self.problem.sources.a.is_none() && self.problem.sources.b.is_none();
        // SAFETY: whoever made this vouches for the problem; the paths' own demands are the
        // conditions the plan picks them by.
        unsafe {
            if !in_place && !matches!(path, Path::Scale | Path::Blocked { .. }) {
                return staged::run(simd, self.problem, self.plan);
            }
            match path {
                Path::Scale | Path::Tiny => vector::tiny(simd, self.problem),
                Path::Axpy => vector::axpy(simd, self.problem),
                Path::Direct => blocked::direct(simd, self.problem),
                Path::Dot => dot::run(simd, self.problem),
                #[cfg(target_arch = "x86_64")]
                Path::Blocked { .. } if pairs::run(simd, self.problem, &self.plan.blocks) => {}
                Path::Blocked { pack_a, pack_b } => {
                    blocked::run(simd, self.problem, &self.plan.blocks, pack_a, pack_b);
                }
            }
        }
    }
}
