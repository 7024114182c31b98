//! The passes over all rows: what is checked, and what a thread takes.

use crate::Float;
use crate::elementwise::Add;
use crate::reduce::check_rows;
use crate::simd::{Level, run_on};
use crate::slices::{Shared, check_len, zip_in_place};
use crate::threads;

use super::careful::{are_rows_ordinary, forward_row, is_row_extreme};
use super::layer::{Backward, Forward};
use super::{Affine, LayerNormGrad, NormGrads};

/// Elements a thread takes at a time.
const GRAIN: usize = threads::work(1 << 15);

/// The rows a thread takes at a time backward: not few, as each piece has sums of its own.
fn rows_backward_at_a_time(rows: usize, cols: usize) -> usize {
    (GRAIN / cols.max(1)).max(rows / 64).max(16)
}

/// What a forward pass of rows reads.
pub(super) struct RowOperands<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) affine: Affine<'a, E>,
    pub(super) eps: f64,
}

/// Layer norm or, without `CENTER`, RMS norm.
#[track_caller]
pub(super) fn rows_forward<E: Float, const CENTER: bool>(
    operands: &RowOperands<'_, E>,
    out: &mut [E],
    mean: &mut [E],
    rstd: &mut [E],
) {
    let RowOperands { x, cols, affine, eps } = *operands;
    let rows = rstd.len();
    check_rows(x.len(), cols, rows);
    check_len("out", out.len(), x.len());
    check_len("mean", mean.len(), if CENTER { rows } else { 0 });
    affine.check(cols);
    let level = Level::current();
    let (out, mean, rstd) = (Shared::new(out), Shared::new(mean), Shared::new(rstd));
    threads::for_ranges(rows, (GRAIN / cols.max(1)).max(1), |rows| {
        let range = rows.start * cols..rows.end * cols;
        // SAFETY: ranges of rows are disjoint and, as checked, within the outputs.
        let (out, mean, rstd) = unsafe {
            (
                out.part(range.clone()),
                mean.part(if CENTER { rows.clone() } else { 0..0 }),
                rstd.part(rows),
            )
        };
        let Affine { weight, bias } = affine;
        let x = &x[range];
        let forward = Forward::<E, CENTER> {
            x,
            cols,
            weight,
            bias,
            eps: E::from_f64(eps),
            out: &mut *out,
            mean: &mut *mean,
            rstd: &mut *rstd,
        };
        run_on(level, forward);
        if are_rows_ordinary(mean, rstd) {
            return;
        }
        for (i, rstd) in rstd.iter_mut().enumerate() {
            let (row, mean) = (i * cols..(i + 1) * cols, mean.get_mut(i));
            let x = &x[row.clone()];
            if is_row_extreme(x, mean.as_deref().copied(), *rstd) {
                forward_row(x, affine, eps, &mut out[row], (mean, rstd));
            }
        }
    });
}

/// The gradients of [`rows_forward`].
#[track_caller]
pub(super) fn rows_backward<E: Float, const CENTER: bool>(
    from: &LayerNormGrad<'_, E>,
    to: NormGrads<'_, E>,
) {
    let LayerNormGrad { gy, x, cols, weight, mean, rstd, eps } = *from;
    let rows = rstd.len();
    check_rows(x.len(), cols, rows);
    check_len("gy", gy.len(), x.len());
    check_len("mean", mean.len(), if CENTER { rows } else { 0 });
    check_len("the gradient of x", to.x.len(), x.len());
    Affine { weight, bias: None }.check(cols);
    Affine { weight: to.weight.as_deref(), bias: to.bias.as_deref() }.check(cols);
    let level = Level::current();
    let piece = rows_backward_at_a_time(rows, cols);
    let pieces = rows.div_ceil(piece).max(1);
    // The sums of every piece of rows, the weight's and then the bias's.
    let mut sums = vec![E::ZERO; pieces * 2 * cols];
    let (gx, shared) = (Shared::new(to.x), Shared::new(&mut sums));
    threads::for_ranges(rows, piece, |rows| {
        let range = rows.start * cols..rows.end * cols;
        let at = rows.start / piece * 2 * cols;
        // SAFETY: ranges of rows are disjoint and, as checked, within the output; there are sums
        // for each.
        let (gx, sums) = unsafe {
            (
                gx.part(range.clone()),
                [shared.part(at..at + cols), shared.part(at + cols..at + 2 * cols)],
            )
        };
        let backward = Backward::<E, CENTER> {
            gy: &gy[range.clone()],
            x: &x[range],
            cols,
            weight,
            eps,
            mean: if CENTER { &mean[rows.clone()] } else { &[] },
            rstd: &rstd[rows],
            gx,
            sums,
        };
        run_on(level, backward);
    });
    for (k, out) in [to.weight, to.bias].into_iter().enumerate() {
        let Some(out) = out else { continue };
        out.fill(E::ZERO);
        for piece in sums.chunks_exact(2 * cols.max(1)) {
            zip_in_place(Add, out, &piece[k * cols..(k + 1) * cols]);
        }
    }
}
