//! Random matrices with orthonormal rows or columns.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};
use wengert_autodiff::{Result, Tensor};

/// A matrix `[rows, columns]` in row-major order whose columns (or rows, if these are fewer) are
/// orthonormal, uniformly distributed among all such.
///
/// # Errors
/// If there is no memory for it.
pub(super) fn haar(rows: usize, columns: usize, rng: &mut impl Rng) -> Result<Vec<f64>> {
    // The factorization needs up to three more arrays of this size: checks for all memory at once.
    let room = Tensor::<f64>::try_full([4, rows, columns], 0.0)?;
    if room.is_empty() {
        return Ok(Vec::new());
    }
    drop(room);
    let draws: Vec<f64> = (0..rows * columns).map(|_| StandardNormal.sample(rng)).collect();
    Ok(orthonormalized(&draws, rows, columns))
}

/// The rows of a matrix `[rows, columns]` in `groups` blocks of equal size, each a matrix of
/// [`haar`]. `groups` is above 0 and divides `rows`.
///
/// # Errors
/// If there is no memory for it.
pub(super) fn haar_groups(
    groups: usize,
    rows: usize,
    columns: usize,
    rng: &mut impl Rng,
) -> Result<Vec<f64>> {
    if groups == 1 {
        return haar(rows, columns, rng);
    }
    drop(Tensor::<f64>::try_full([rows, columns], 0.0)?);
    let mut matrix = Vec::new();
    for _ in 0..groups {
        matrix.extend(haar(rows / groups, columns, rng)?);
    }
    Ok(matrix)
}

/// The factor `Q` of `A = Q R` with signs such that the diagonal of `R` is positive, which makes it
/// unique. For a matrix of normal numbers it is uniformly distributed (F. Mezzadri, "How to
/// generate random matrices from the classical compact groups", Notices of the AMS 54, 2007). For a
/// wide matrix, the transpose is factorized.
pub(super) fn orthonormalized(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let (length, count) = (rows.max(columns), rows.min(columns));
    // The vectors along the shorter side, one after another.
    let mut vectors =
        if rows < columns { matrix.to_vec() } else { transposed(matrix, rows, columns) };
    householder(&mut vectors, length, count);
    if rows < columns { vectors } else { transposed(&vectors, columns, rows) }
}

fn transposed(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| matrix[i * columns + j])).collect()
}

/// Replaces `count <= length` vectors by the orthonormal ones of their QR factorization, by
/// Householder's reflections.
fn householder(vectors: &mut [f64], length: usize, count: usize) {
    if length == 0 {
        return;
    }
    // The reflection k is 1 - 2 v v^T with the unit vector v in vector k from place k on.
    let mut signs = vec![1.0; count];
    for k in 0..count {
        let (done, rest) = vectors.split_at_mut((k + 1) * length);
        let pivot = &mut done[k * length + k..];
        let norm = dot(pivot, pivot).sqrt();
        // The diagonal of R becomes -sign(pivot[0]) norm; Q is turned so that it is positive.
        let sign = if pivot[0] < 0.0 { -1.0 } else { 1.0 };
        signs[k] = -sign;
        pivot[0] += sign * norm;
        let scale = dot(pivot, pivot).sqrt();
        if scale > 0.0 {
            for x in &mut *pivot {
                *x /= scale;
            }
        }
        for other in rest.chunks_exact_mut(length) {
            reflect(pivot, &mut other[k..]);
        }
    }
    // The columns of Q: the reflections, in reverse order, applied to the unit vectors.
    let reflections = vectors.to_vec();
    for (j, vector) in vectors.chunks_exact_mut(length).enumerate() {
        vector.fill(0.0);
        vector[j] = signs[j];
        for k in (0..=j).rev() {
            reflect(&reflections[k * length + k..(k + 1) * length], &mut vector[k..]);
        }
    }
}

fn reflect(unit: &[f64], vector: &mut [f64]) {
    let twice = 2.0 * dot(unit, vector);
    for (x, v) in vector.iter_mut().zip(unit) {
        *x -= twice * v;
    }
}

/// Eight sums side by side, in an order that depends on the length alone.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (blocks_a, blocks_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = blocks_a.remainder().iter().zip(blocks_b.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in blocks_a.zip(blocks_b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f64>() + rest
}
