//! Operands that are not read in place: prologues, packed matrices, numbers of half the size.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rayon::ThreadPoolBuilder;

use super::super::{BatchedGemm, Epilogue, Gemm, MatMut, MatRef, MatrixError, Operand, Packed};
use super::super::{Prologue, plan::Plan};
use super::layouts::{Layout, Stored};
use super::{blocked, oracle, run, tiny_blocks};
use crate::Element;
use crate::activation::{self, Activation};
use crate::bf16::Bf16;
use crate::simd::{Level, with_level};
use crate::testing::assert_same_bits;

/// Shapes for every path: tiny, gathered rows, inner products, direct tiles, blocked loops; the last
/// two are divided among threads.
const SHAPES: [[usize; 3]; 12] = [
    [2, 3, 4],
    [1, 40, 9],
    [1, 1700, 33],
    [40, 1, 9],
    [3, 5, 41],
    [9, 35, 6],
    [30, 40, 50],
    [33, 70, 5],
    [65, 130, 70],
    [5, 33, 600],
    [100, 220, 400],
    [1, 9000, 1000],
];

/// A product to be checked.
#[derive(Clone, Copy, Debug)]
struct Setting {
    shape: [usize; 3],
    a: Layout,
    b: Layout,
    c: Layout,
    level: Level,
    force: Option<Plan>,
}

impl Setting {
    /// C of operands made by the caller, its bits the same on one and on three threads.
    fn product<E: Element>(&self, a: Operand<'_, E>, b: Operand<'_, E>) -> Vec<E> {
        let [m, n, _] = self.shape;
        let [alone, together] = [1, 3].map(|threads| {
            let mut c = Stored::new(self.c, m, n, || E::from_f64(0.25));
            let bias: Vec<E> = (0..n).map(|j| E::from_f64(j as f64 / 8.0)).collect();
            let gemm = Gemm {
                alpha: E::from_f64(0.5),
                beta: E::from_f64(-2.0),
                epilogue: Epilogue {
                    bias: super::super::Bias::PerColumn(&bias),
                    activation: Activation::LeakyRelu { slope: 0.5 },
                },
                ..Gemm::new(a, b, c.view_mut())
            };
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| with_level(self.level, || run(gemm, self.force)).unwrap());
            c.check_canaries(self);
            c.values()
        });
        assert_same_bits(&together, &alone, &format!("three threads in {self:?}"));
        alone
    }

    /// Checks C against the oracle, the operands given row after row.
    fn check<E: Element>(&self, c: &[E], a: &[E], b: &[E]) {
        let [_, n, k] = self.shape;
        for (at, got) in c.iter().enumerate() {
            let (i, j) = (at / n, at % n);
            let (exact, bound) = oracle::element(
                (0..k).map(|p| (a[i * k + p], b[p * n + j])),
                E::from_f64(0.5),
                Some((E::from_f64(-2.0), E::from_f64(0.25))),
                E::from_f64(j as f64 / 8.0),
                Activation::LeakyRelu { slope: 0.5 },
            );
            let error = (got.to_f64() - exact).abs();
            assert!(error <= bound, "({i}, {j}) is off by {error:e} of {bound:e} in {self:?}");
        }
    }
}

/// Settings that go through layouts of operands and output, each shape with some.
fn settings(level: Level) -> impl Iterator<Item = Setting> {
    SHAPES.into_iter().enumerate().flat_map(move |(s, shape)| {
        let many = if shape.iter().product::<usize>() < 1 << 18 { 10 } else { 2 };
        (0..many).map(move |i| Setting {
            shape,
            a: Layout::OPERAND[(i + s) % 10],
            b: Layout::OPERAND[(3 * i + s) % 10],
            c: Layout::OUTPUT[(i * 5 + s) % 8],
            level,
            force: None,
        })
    })
}

fn repeats(layout: Layout) -> bool {
    matches!(layout, Layout::RepeatedRow | Layout::RepeatedColumn)
}

/// An operand, what its prologue needs, and its elements after that.
struct Prepared<E> {
    stored: Stored<E>,
    second: Stored<E>,
    /// The elements as the product meets them, in the operand's layout.
    made: Stored<E>,
    kind: usize,
}

impl<E: Element> Prepared<E> {
    fn new(layout: Layout, rows: usize, cols: usize, kind: usize, rng: &mut Pcg64) -> Self {
        let mut value = || E::from_f64(rng.random_range(-1.0..1.0));
        let stored = Stored::new(layout, rows, cols, &mut value);
        let other = Layout::OPERAND[(kind + rows + cols) % 10];
        let second = Stored::new(other, rows, cols, &mut value);
        let (x, y) = (stored.values(), second.values());
        let mut made = vec![E::ZERO; x.len()];
        match kind {
            0 => made.copy_from_slice(&x),
            1 => activation::backward(Activation::Tanh, &x, &y, &mut made),
            2 => activation::backward(Activation::Relu, &x, &y, &mut made),
            3 => made.iter_mut().zip(x.iter().zip(&y)).for_each(|(z, (&x, &y))| *z = x * y),
            _ => activation::forward(Activation::Gelu, &x, &mut made),
        }
        let mut elements = made.into_iter();
        let rows_first = if repeats(layout) { Layout::Rows } else { layout };
        let made = Stored::new(rows_first, rows, cols, || elements.next().unwrap());
        Prepared { stored, second, made, kind }
    }

    fn operand(&self) -> Operand<'_, E> {
        let (operand, second) = (Operand::from(self.stored.view()), self.second.view());
        operand.with(match self.kind {
            0 => Prologue::None,
            1 => Prologue::Derivative { activation: Activation::Tanh, saved: second },
            2 => Prologue::Derivative { activation: Activation::Relu, saved: second },
            3 => Prologue::Times(second),
            _ => Prologue::Activation(Activation::Gelu),
        })
    }
}

fn prologues<E: Element>(level: Level) {
    let rng = &mut Pcg64::seed_from_u64(41);
    for (turn, setting) in settings(level).enumerate() {
        let [m, n, k] = setting.shape;
        for force in [None, Some(tiny_blocks(false, false))] {
            if force.is_some() && m * n * k > 1 << 15 {
                continue;
            }
            let setting = Setting { force, ..setting };
            let (left, right) = (turn % 5, (turn / 5 + 1) % 5);
            with_level(level, || {
                let a = Prepared::<E>::new(setting.a, m, k, left, rng);
                let b = Prepared::<E>::new(setting.b, k, n, right, rng);
                let c = setting.product(a.operand(), b.operand());
                setting.check(&c, &a.made.values(), &b.made.values());
                if !repeats(setting.a) && !repeats(setting.b) {
                    let apart = setting.product(a.made.view().into(), b.made.view().into());
                    assert_same_bits(&c, &apart, &format!("{left}, {right} in {setting:?}"));
                }
            })
            .unwrap();
        }
    }
}

#[test]
fn a_prologue_is_an_array_made_beforehand() {
    for level in Level::available() {
        prologues::<f32>(level);
        prologues::<f64>(level);
    }
}

fn packed<E: Element>(level: Level, packed_on: Level) {
    let rng = &mut Pcg64::seed_from_u64(42);
    for (turn, setting) in settings(level).enumerate() {
        let [m, n, k] = setting.shape;
        for force in [None, Some(tiny_blocks(true, true))] {
            if force.is_some() && m * n * k > 1 << 15 {
                continue;
            }
            let setting = Setting { force, ..setting };
            let mut value = || E::from_f64(rng.random_range(-1.0..1.0));
            let a = Stored::<E>::new(setting.a, m, k, &mut value);
            let b = Stored::<E>::new(setting.b, k, n, &mut value);
            let (left, right) =
                with_level(packed_on, || (Packed::left(a.view()), Packed::right(b.view())))
                    .unwrap();
            // Whatever the shape, packed operands go the blocked loops.
            let force = force.or_else(|| with_level(level, blocked::<E>).ok());
            let by_blocks = Setting { force, ..setting };
            let plain = by_blocks.product(a.view().into(), b.view().into());
            let (x, y): (Operand<'_, E>, Operand<'_, E>) = match turn % 3 {
                0 => (a.view().into(), (&right).into()),
                1 => ((&left).into(), b.view().into()),
                _ => ((&left).into(), (&right).into()),
            };
            let got = setting.product(x, y);
            setting.check(&got, &a.values(), &b.values());
            assert_same_bits(&got, &plain, &format!("packed on {packed_on} in {setting:?}"));
        }
    }
}

#[test]
fn packing_changes_no_bit() {
    for level in Level::available() {
        packed::<f32>(level, level);
        packed::<f64>(level, level);
    }
    // Another level's panels are of another width.
    packed::<f32>(Level::Portable, *Level::available().last().unwrap());
}

#[test]
fn what_is_packed_went_through_its_prologue() {
    let rng = &mut Pcg64::seed_from_u64(43);
    let [m, n, k] = [30, 70, 40];
    let a = Prepared::<f32>::new(Layout::Rows, m, k, 0, rng);
    let b = Prepared::<f32>::new(Layout::Columns, k, n, 1, rng);
    let (packed, plain) = (Packed::right(b.operand()), Packed::right(b.made.view()));
    let [mut got, mut expected] = [vec![0.0; m * n], vec![0.0; m * n]];
    Gemm::new(a.operand(), &packed, MatMut::row_major(&mut got, m, n)).run();
    Gemm::new(a.operand(), &plain, MatMut::row_major(&mut expected, m, n)).run();
    assert_eq!(got, expected);

    // And one after it was packed is done to what is packed.
    let second = b.second.view();
    let late = Operand::from(&plain).with(Prologue::Times(second));
    let early = Operand::from(b.made.view()).with(Prologue::Times(second));
    Gemm::new(a.operand(), late, MatMut::row_major(&mut got, m, n)).run();
    Gemm::new(a.operand(), early, MatMut::row_major(&mut expected, m, n)).run();
    assert_eq!(got, expected);
}

/// Elements of half the size, in a layout, as numbers and as they are stored.
struct Halves {
    numbers: Stored<f32>,
    stored: Vec<Bf16>,
}

impl Halves {
    fn new(layout: Layout, rows: usize, cols: usize, rng: &mut Pcg64) -> Self {
        let value = || Bf16::from_f32(rng.random_range(-1.0..1.0)).to_f32();
        let numbers = Stored::new(layout, rows, cols, value);
        let stored = numbers.data().iter().map(|&x| Bf16::from_f32(x)).collect();
        Halves { numbers, stored }
    }

    fn view(&self) -> MatRef<'_, Bf16> {
        self.numbers.view_of(&self.stored)
    }
}

#[test]
fn halves_are_multiplied_as_the_numbers_they_are() {
    let rng = &mut Pcg64::seed_from_u64(44);
    for level in Level::available() {
        for setting in settings(level) {
            let [m, n, k] = setting.shape;
            for force in [None, Some(tiny_blocks(true, true))] {
                if force.is_some() && m * n * k > 1 << 15 {
                    continue;
                }
                let setting = Setting { force, ..setting };
                let a = Halves::new(setting.a, m, k, rng);
                let b = Halves::new(setting.b, k, n, rng);
                let (x, y) = (a.numbers.values(), b.numbers.values());
                let c = setting.product(a.view().into(), b.view().into());
                setting.check(&c, &x, &y);
                // With the other operand of full size, the bits are those of full size alone.
                let full = setting.product(a.numbers.view().into(), b.numbers.view().into());
                let left = setting.product(a.view().into(), b.numbers.view().into());
                let right = setting.product(a.numbers.view().into(), b.view().into());
                assert_same_bits(&left, &full, &format!("left in {setting:?}"));
                assert_same_bits(&right, &full, &format!("right in {setting:?}"));
            }
        }
    }
}

#[test]
fn special_halves_stay_in_their_lane() {
    let one = Bf16::from_f32(1.0);
    for level in Level::available() {
        for [m, n, k] in [[2, 3, 2], [1, 40, 9], [40, 70, 31], [70, 130, 301]] {
            for value in [f32::NAN, f32::INFINITY] {
                let (mut a, mut b) = (vec![one; m * k], vec![one; k * n]);
                a[m * k - 1] = Bf16::from_f32(value);
                b[n - 1] = Bf16::from_f32(value);
                let mut c = vec![0.0_f32; m * n];
                let (left, right) = (MatRef::row_major(&a, m, k), MatRef::row_major(&b, k, n));
                let gemm = Gemm::new(left, right, MatMut::row_major(&mut c, m, n));
                with_level(level, || gemm.run()).unwrap();
                for (at, &got) in c.iter().enumerate() {
                    let hit = at / n == m - 1 || at % n == n - 1;
                    let expected = if hit { value } else { k as f32 };
                    let right = got == expected || (got.is_nan() && expected.is_nan());
                    assert!(right, "element {at} of {m}x{n}x{k} is {got} on {level}");
                }
            }
        }
    }
}

#[test]
fn batches_take_every_operand() {
    let (count, [m, n, k]) = (5, [20, 40, 30]);
    let values = |len: usize, seed| crate::testing::noise::<f32>(len, seed);
    let (a, b, saved) =
        (values(count * m * k, 1), values(count * k * n, 2), values(count * k * n, 3));
    let half: Vec<Bf16> = a.iter().map(|&x| Bf16::from_f32(x)).collect();
    let mut together = vec![0.0; count * m * n];
    let prologue = |at: usize| Prologue::Derivative {
        activation: Activation::Silu,
        saved: MatRef::new(&saved, at, k, n, n as isize, 1),
    };
    let first = Gemm::new(
        MatRef::row_major(&half, m, k),
        Operand::from(MatRef::row_major(&b, k, n)).with(prologue(0)),
        MatMut::row_major(&mut together, m, n),
    );
    let [a_step, b_step, c_step] = [m * k, k * n, m * n].map(|step| step as isize);
    BatchedGemm { count, first, a_step, b_step, c_step }.run().unwrap();
    for i in 0..count {
        let mut alone = vec![0.0; m * n];
        let right = MatRef::new(&b, i * k * n, k, n, n as isize, 1);
        Gemm::new(
            MatRef::new(&half, i * m * k, m, k, k as isize, 1),
            Operand::from(right).with(prologue(i * k * n)),
            MatMut::row_major(&mut alone, m, n),
        )
        .run();
        assert_eq!(together[i * m * n..][..m * n], alone);
    }

    let packed = Packed::right(MatRef::row_major(&b, k, n));
    let mut batch = |b_step, a_step| {
        let c = MatMut::row_major(&mut together, m, n);
        let first = Gemm::new(MatRef::row_major(&a, m, k), &packed, c);
        BatchedGemm { count, first, a_step, b_step, c_step }.run()
    };
    assert!(batch(0, a_step).is_ok());
    assert!(matches!(batch(1, a_step), Err(MatrixError::PackedStep { count: 5, step: 1 })));
    let second = MatRef::row_major(&saved[..m * k], m, k);
    let a = Operand::from(MatRef::row_major(&a, m, k)).with(Prologue::Times(second));
    let first = Gemm::new(a, &packed, MatMut::row_major(&mut together, m, n));
    let refused = BatchedGemm { count, first, a_step, b_step: 0, c_step }.run();
    assert!(matches!(refused, Err(MatrixError::OutOfBounds { .. })));
}

#[test]
#[should_panic(expected = "packed for the Right of a product was given as the Left operand")]
fn a_side_is_a_side() {
    let packed = Packed::right(MatRef::row_major(&[1.0_f32; 4], 2, 2));
    let b = [0.0; 4];
    let mut c = [0.0; 4];
    let c = MatMut::row_major(&mut c, 2, 2);
    Gemm::new(&packed, MatRef::row_major(&b, 2, 2), c).run();
}

#[test]
#[should_panic(
    expected = "an operand of 2x3 elements needs a second matrix of that shape, but it is 3x2"
)]
fn a_second_matrix_has_the_operands_shape() {
    let x = MatRef::row_major(&[0.0_f32; 6], 2, 3);
    let _ = Operand::from(x).with(Prologue::Times(x.t()));
}
