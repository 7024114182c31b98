//! [`Gemm`], a product to be computed.

use super::epilogue::{Bias, Epilogue};
use super::matrix::{MatMut, MatRef};
use super::problem::Problem;
use crate::Element;

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
    pub a: MatRef<'a, E>,
    /// The right operand.
    pub b: MatRef<'a, E>,
    /// The factor of the previous content of C; with zero C is overwritten and not read.
    pub beta: E,
    /// The output.
    pub c: MatMut<'a, E>,
    /// The bias and the activation that are applied to the result before it is stored.
    pub epilogue: Epilogue<'a, E>,
}

impl<'a, E: Element> Gemm<'a, E> {
    /// The plain product `C = A B`.
    #[inline]
    pub fn new(a: MatRef<'a, E>, b: MatRef<'a, E>, c: MatMut<'a, E>) -> Self {
        Gemm { alpha: E::ONE, a, b, beta: E::ZERO, c, epilogue: Epilogue::default() }
    }

    /// The product as the kernels see it. Always inlined: little of it is left then.
    ///
    /// # Panics
    /// If the shapes of the matrices do not fit, the bias has the wrong length, or a number of the
    /// epilogue's activation is outside its domain.
    #[inline(always)]
    #[track_caller]
    pub(super) fn problem(&mut self) -> Problem<'_, E> {
        let Gemm { alpha, a, b, beta, c, epilogue } = self;
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        assert!(
            a.rows() == m && b.rows() == k && b.cols() == n,
            "a matrix product needs A of m x k, B of k x n and C of m x n elements, but A is {}x{}, \
             B is {}x{} and C is {m}x{n}",
            a.rows(),
            a.cols(),
            b.rows(),
            b.cols()
        );
        let (per, expected, got) = match epilogue.bias {
            Bias::None => ("", 0, 0),
            Bias::PerRow(bias) => ("row", m, bias.len()),
            Bias::PerColumn(bias) => ("column", n, bias.len()),
        };
        assert!(
            expected == got,
            "a bias per {per} of a {m}x{n} output needs {expected} elements, but has {got}"
        );
        let (a, b, c) = (a.strided(), b.strided(), c.output());
        // SAFETY: every index of a `MatRef` or `MatMut` lies in its slice (invariant 1 of
        // `matrix`), the shapes fit, and C is borrowed mutably for as long as the problem lives.
        unsafe { Problem::new([m, n, k], (*alpha, a, b), (*beta, c), epilogue.checked()) }
    }

    /// Computes the product.
    ///
    /// # Panics
    /// If the shapes of the matrices do not fit, the bias has the wrong length, or a number of the
    /// epilogue's activation is outside its domain.
    #[inline]
    #[track_caller]
    pub fn run(mut self) {
        E::gemm(&mut self.problem());
    }
}
