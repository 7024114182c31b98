//! Products against an oracle in twice the precision, on every level.

mod batch;
mod layouts;
mod matrix;
mod oracle;
mod paths;
mod shapes;
mod special;
mod threads;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::plan::{Blocks, Path, Plan};
use super::run::Run;
use super::{Bias, Epilogue, Gemm};
use crate::Element;
use crate::activation::Activation;
use crate::simd::{Level, dispatch, with_level};

use layouts::{Layout, Stored};

/// A product to be checked; printed whole when a check fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) a: Layout,
    pub(super) b: Layout,
    pub(super) c: Layout,
    pub(super) bias: BiasKind,
    pub(super) activation: Activation,
    pub(super) level: Level,
    /// Forces a path instead of the plan's own.
    pub(super) force: Option<Plan>,
    pub(super) seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BiasKind {
    None,
    Row,
    Column,
}

impl Case {
    pub(super) fn new(m: usize, n: usize, k: usize, level: Level) -> Self {
        Case {
            m,
            n,
            k,
            alpha: 1.0,
            beta: 0.0,
            a: Layout::Rows,
            b: Layout::Rows,
            c: Layout::Rows,
            bias: BiasKind::None,
            activation: Activation::Identity,
            level,
            force: None,
            seed: 1,
        }
    }

    /// Runs the product on random operands and returns C, row after row, after checking it.
    #[track_caller]
    pub(super) fn check<E: Element>(&self) -> Vec<E> {
        let rng = &mut Pcg64::seed_from_u64(self.seed);
        let mut value = || E::from_f64(rng.random_range(-1.0..1.0));
        let a = Stored::new(self.a, self.m, self.k, &mut value);
        let b = Stored::new(self.b, self.k, self.n, &mut value);
        let mut c = Stored::new(self.c, self.m, self.n, &mut value);
        let bias: Vec<E> = match self.bias {
            BiasKind::None => Vec::new(),
            BiasKind::Row => (0..self.m).map(|_| value()).collect(),
            BiasKind::Column => (0..self.n).map(|_| value()).collect(),
        };
        let before = c.values();
        if self.beta == 0.0 {
            c.fill(E::NAN);
        }
        let (alpha, beta) = (E::from_f64(self.alpha), E::from_f64(self.beta));
        let epilogue = Epilogue {
            bias: match self.bias {
                BiasKind::None => Bias::None,
                BiasKind::Row => Bias::PerRow(&bias),
                BiasKind::Column => Bias::PerColumn(&bias),
            },
            activation: self.activation,
        };
        let gemm = Gemm { alpha, beta, epilogue, ..Gemm::new(a.view(), b.view(), c.view_mut()) };
        with_level(self.level, || run(gemm, self.force)).unwrap();
        c.check_canaries(self);
        let result = c.values();
        for i in 0..self.m {
            for j in 0..self.n {
                let terms = (0..self.k).map(|p| (a.get(i, p), b.get(p, j)));
                let bias = match self.bias {
                    BiasKind::None => E::ZERO,
                    BiasKind::Row => bias[i],
                    BiasKind::Column => bias[j],
                };
                let (exact, bound) = oracle::element(
                    terms,
                    alpha,
                    if self.beta == 0.0 { None } else { Some((beta, before[i * self.n + j])) },
                    bias,
                    self.activation,
                );
                let got = result[i * self.n + j].to_f64();
                let error = (got - exact).abs();
                assert!(
                    error <= bound,
                    "element ({i}, {j}) is {got}, exactly {exact}: off by {error:e}, allowed \
                     {bound:e}, {} {self:?}",
                    E::NAME
                );
            }
        }
        result
    }
}

/// Runs a product, on a plan of the test's choice if one is given.
pub(super) fn run<E: Element>(mut gemm: Gemm<'_, E>, force: Option<Plan>) {
    match force {
        None => gemm.run(),
        Some(plan) => {
            dispatch(Run { problem: &mut gemm.problem(), force: Some(plan) });
        }
    }
}

/// The blocked loops with blocks so small that every boundary is crossed.
pub(super) fn tiny_blocks(pack_a: bool, pack_b: bool) -> Plan {
    Plan {
        path: Path::Blocked { pack_a, pack_b },
        blocks: Blocks { cols: 1, depth: 3, rows: 2 },
        grid: (1, 1),
    }
}
