//! Other libraries' matrix products, with the feature `peers`.

use wengert::kernels::Element;

use crate::gemm::Product;

/// A library's product of two operands, on a number of threads of the caller's pool.
pub(crate) type Peer<E> = fn(&Product<E>, &mut [E], usize);

/// Element types the peers know.
pub(crate) trait PeerProducts: Element {
    /// The peers, and whether they use threads.
    fn peers() -> Vec<(&'static str, Peer<Self>, bool)>;
}

/// The peers that can use `threads` threads.
pub(crate) fn of<E: PeerProducts>(threads: usize) -> Vec<(&'static str, Peer<E>)> {
    let able = |&(_, _, threaded): &(_, _, bool)| threaded || threads == 1;
    E::peers().into_iter().filter(able).map(|(name, peer, _)| (name, peer)).collect()
}

#[cfg(not(feature = "peers"))]
mod none {
    use super::{Peer, PeerProducts};

    impl PeerProducts for f32 {
        fn peers() -> Vec<(&'static str, Peer<f32>, bool)> {
            Vec::new()
        }
    }

    impl PeerProducts for f64 {
        fn peers() -> Vec<(&'static str, Peer<f64>, bool)> {
            Vec::new()
        }
    }
}

#[cfg(feature = "peers")]
mod some {
    use faer::linalg::matmul::matmul;
    use faer::{Accum, MatMut, MatRef, Par};

    use super::{Peer, PeerProducts};
    use crate::gemm::Product;

    macro_rules! peers {
        ($E:ty, $faer:ident, $gemm:ident, $matrixmultiply:ident, $function:path) => {
            fn $faer(product: &Product<$E>, c: &mut [$E], threads: usize) {
                let &Product { m, n, k, .. } = product;
                let [(a, a_strides), (b, b_strides)] = product.strided();
                let left = if a_strides[1] == 1 {
                    MatRef::from_row_major_slice(a, m, k)
                } else {
                    MatRef::from_column_major_slice(a, m, k)
                };
                let right = if b_strides[1] == 1 {
                    MatRef::from_row_major_slice(b, k, n)
                } else {
                    MatRef::from_column_major_slice(b, k, n)
                };
                let par = if threads == 1 { Par::Seq } else { Par::rayon(threads) };
                matmul(
                    MatMut::from_row_major_slice_mut(c, m, n),
                    Accum::Replace,
                    left,
                    right,
                    1.0,
                    par,
                );
            }

            fn $gemm(product: &Product<$E>, c: &mut [$E], threads: usize) {
                let &Product { m, n, k, .. } = product;
                let [(a, a_strides), (b, b_strides)] = product.strided();
                let ([a_row, a_col], [b_row, b_col]) =
                    (a_strides.map(|s| s as isize), b_strides.map(|s| s as isize));
                let parallelism = if threads == 1 {
                    gemm::Parallelism::None
                } else {
                    gemm::Parallelism::Rayon(threads)
                };
                assert_eq!(c.len(), m * n);
                // SAFETY: the slices hold matrices of these shapes and strides.
                unsafe {
                    gemm::gemm(
                        m,
                        n,
                        k,
                        c.as_mut_ptr(),
                        1,
                        n as isize,
                        false,
                        a.as_ptr(),
                        a_col,
                        a_row,
                        b.as_ptr(),
                        b_col,
                        b_row,
                        0.0,
                        1.0,
                        false,
                        false,
                        false,
                        parallelism,
                    );
                }
            }

            fn $matrixmultiply(product: &Product<$E>, c: &mut [$E], _: usize) {
                let &Product { m, n, k, .. } = product;
                let [(a, a_strides), (b, b_strides)] = product.strided();
                let ([a_row, a_col], [b_row, b_col]) =
                    (a_strides.map(|s| s as isize), b_strides.map(|s| s as isize));
                assert_eq!(c.len(), m * n);
                // SAFETY: the slices hold matrices of these shapes and strides.
                unsafe {
                    $function(
                        m,
                        k,
                        n,
                        1.0,
                        a.as_ptr(),
                        a_row,
                        a_col,
                        b.as_ptr(),
                        b_row,
                        b_col,
                        0.0,
                        c.as_mut_ptr(),
                        n as isize,
                        1,
                    );
                }
            }

            impl PeerProducts for $E {
                fn peers() -> Vec<(&'static str, Peer<$E>, bool)> {
                    vec![
                        ("faer", $faer, true),
                        ("gemm", $gemm, true),
                        ("matrixmultiply", $matrixmultiply, false),
                    ]
                }
            }
        };
    }
    peers!(f32, faer32, gemm32, matrixmultiply32, matrixmultiply::sgemm);
    peers!(f64, faer64, gemm64, matrixmultiply64, matrixmultiply::dgemm);
}
