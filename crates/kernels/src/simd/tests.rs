//! Every lane operation on every level against its scalar definition.

use super::{
    Kernel, Lanes, Level, LevelError, Lookup, MAX_LANES, Mask, Simd, dispatch, with_level,
};
use crate::Element;
use crate::math::Constants as _;
use crate::testing::for_each_level;

/// Values at which operations go wrong, padded to whole vectors.
fn specials<E: Element>() -> Vec<E> {
    let tiny = if E::NAME == "f32" { f64::from(f32::from_bits(1)) } else { f64::from_bits(1) };
    let least = if E::NAME == "f32" { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
    let most = if E::NAME == "f32" { f64::from(f32::MAX) } else { f64::MAX };
    let mut values = vec![
        0.0,
        0.5,
        1.0,
        1.5,
        2.5,
        3.75,
        1e-3,
        7.0,
        100.25,
        1e6,
        8_388_609.0,
        4_503_599_627_370_497.0,
        tiny,
        3.0 * tiny,
        least,
        least - tiny,
        most,
        f64::INFINITY,
        f64::NAN,
        0.1,
    ];
    values.extend(values.clone().into_iter().map(|v| -v));
    values.resize(values.len().next_multiple_of(MAX_LANES), 0.3);
    values.into_iter().map(E::from_f64).collect()
}

/// One operation of two vectors, run over slices.
struct Apply<'a, E, O> {
    op: O,
    a: &'a [E],
    b: &'a [E],
}

trait Op<E: Element>: Copy {
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V) -> V;
}

impl<E: Element, O: Op<E>> Kernel for Apply<'_, E, O> {
    type Output = Vec<E>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<E> {
        let lanes = E::Vector::<S>::LANES;
        let mut out = vec![E::ZERO; self.a.len()];
        for ((a, b), out) in
            self.a.chunks(lanes).zip(self.b.chunks(lanes)).zip(out.chunks_mut(lanes))
        {
            let (a, b) = (E::Vector::<S>::load(simd, a), E::Vector::<S>::load(simd, b));
            self.op.eval(a, b).store(out);
        }
        out
    }
}

fn check<E: Element, O: Op<E>>(name: &str, op: O, scalar: impl Fn(E, E) -> E) {
    let values = specials::<E>();
    for_each_level(|level| {
        for shift in 0..values.len() {
            let mut b = values.clone();
            b.rotate_left(shift);
            let got = dispatch(Apply { op, a: &values, b: &b });
            for ((&a, &b), &got) in values.iter().zip(&b).zip(&got) {
                let expected = scalar(a, b);
                let same = got.to_f64().to_bits() == expected.to_f64().to_bits()
                    || got.is_nan() && expected.is_nan();
                assert!(
                    same,
                    "{name} on {level}, {}: ({a:?}, {b:?}) gave {got:?}, not {expected:?}",
                    E::NAME
                );
            }
        }
    });
}

macro_rules! operations {
    ($($test:ident: |$a:ident, $b:ident| $vector:expr, |$x:ident, $y:ident| $scalar:expr;)+) => {$(
        #[test]
        fn $test() {
            #[derive(Clone, Copy)]
            struct It;
            impl<E: Element> Op<E> for It {
                #[inline(always)]
                fn eval<V: Lanes<Elem = E>>(self, $a: V, $b: V) -> V {
                    let _ = $b;
                    $vector
                }
            }
            check::<f32, _>(stringify!($test), It, |$x, $y| { let _ = $y; $scalar });
            check::<f64, _>(stringify!($test), It, |$x, $y| { let _ = $y; $scalar });
        }
    )+};
}

operations! {
    add: |a, b| a + b, |a, b| a + b;
    sub: |a, b| a - b, |a, b| a - b;
    mul: |a, b| a * b, |a, b| a * b;
    div: |a, b| a / b, |a, b| a / b;
    neg: |a, b| -a, |a, b| -a;
    abs: |a, b| a.abs(), |a, b| a.abs();
    sqrt: |a, b| a.sqrt(), |a, b| a.sqrt();
    max: |a, b| a.max(b), |a, b| if a > b { a } else { b };
    min: |a, b| a.min(b), |a, b| if a < b { a } else { b };
    round: |a, b| a.round(), |a, b| a.round_ties_even();
    copysign: |a, b| a.copysign(b), |a, b| a.copysign(b);
    bit_xor: |a, b| a.bit_xor(b), |a, b| Word::of(a.word() ^ b.word());
    bit_and: |a, b| a.bit_and(b), |a, b| Word::of(a.word() & b.word());
    lt: |a, b| V::select(a.lt(b), a, b), |a, b| if a < b { a } else { b };
    le: |a, b| V::select(a.le(b), a.lit(E::ONE), b), |a, b| if a <= b { 1.0 } else { b };
    eq: |a, b| V::select(a.eq(b), a.lit(E::ONE), b), |a, b| if a == b { 1.0 } else { b };
    ne: |a, b| V::select(a.ne(b), a.lit(E::ONE), b), |a, b| if a == b { b } else { 1.0 };
    unordered: |a, b| V::select(a.unordered(b), a.lit(E::ONE), b),
        |a, b| if a.is_nan() || b.is_nan() { 1.0 } else { b };
    mask_algebra: |a, b| V::select(a.lt(b) & !b.eq(a.lit(E::ONE)) | b.eq(a.lit(E::ZERO)), a.lit(E::ONE), b),
        |a, b| if a < b && b != 1.0 || b == 0.0 { 1.0 } else { b };
}

/// The bits of an element.
trait Word<W> {
    fn word(self) -> W;
    fn of(word: W) -> Self;
}
impl Word<u32> for f32 {
    fn word(self) -> u32 {
        self.to_bits()
    }
    fn of(word: u32) -> Self {
        f32::from_bits(word)
    }
}
impl Word<u64> for f64 {
    fn word(self) -> u64 {
        self.to_bits()
    }
    fn of(word: u64) -> Self {
        f64::from_bits(word)
    }
}

/// Entries by the low five bits, whatever the others; bits moved down; `f32` lanes as such.
struct Tables;
impl Kernel for Tables {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let table: [f32; 32] = std::array::from_fn(|i| 1.0 / (i as f32 - 7.5));
        for high in [0, 0x3f80_0000, 0x4b00_0000, 0x7fc0_0000, 0xffff_ffe0] {
            for first in 0..32 {
                let index: Vec<u32> =
                    (0..MAX_LANES as u32).map(|i| high | ((first + 3 * i) % 32)).collect();
                let lanes: Vec<f32> = index.iter().map(|&i| f32::from_bits(i)).collect();
                let x = S::F32::load(simd, &lanes);
                let mut found = [0.0; MAX_LANES];
                x.lookup(&table).store(&mut found);
                let mut shifted = [0.0_f32; MAX_LANES];
                x.shifted_down::<21>().store(&mut shifted);
                for (i, &index) in index.iter().enumerate().take(S::F32::LANES) {
                    assert_eq!(found[i], table[index as usize % 32], "{}, {index:#x}", S::LEVEL);
                    assert_eq!(shifted[i].to_bits(), index >> 21, "{}, {index:#x}", S::LEVEL);
                }
            }
        }
        let single = S::F32::splat(simd, -0.1);
        assert_eq!(S::F32::of_single(single.to_single()).reduce_max(), -0.1);
        let double = S::F64::splat(simd, 0.375);
        assert_eq!(double.to_single().reduce_sum(), 0.375 * S::F32::LANES as f32);
        assert_eq!(S::F64::of_single(single).reduce_max(), f64::from(-0.1_f32));
    }
}

#[test]
fn lookup() {
    for_each_level(|_| dispatch(Tables));
}

/// Fused where the level says so, else two roundings.
struct MulAdd;
impl Kernel for MulAdd {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (a, b, c) = (1.0 + f32::EPSILON, 1.0 - f32::EPSILON, -1.0_f32);
        let splat = |v| S::F32::splat(simd, v);
        let fused = -f32::EPSILON * f32::EPSILON;
        let expected = if S::FUSED { fused } else { 0.0 };
        let sum = splat(a).mul_add(splat(b), splat(c)).first();
        let difference = splat(a).neg_mul_add(splat(b), splat(-c)).first();
        assert_eq!((sum, difference), (expected, -expected), "{}", S::LEVEL);
        assert_eq!(
            splat(3.0).mul_add(splat(4.0), splat(5.0)).reduce_sum(),
            17.0 * S::F32::LANES as f32
        );

        let splat = |v| S::F64::splat(simd, v);
        let (a, b) = (1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
        let expected = if S::FUSED { -f64::EPSILON * f64::EPSILON } else { 0.0 };
        let sum = splat(a).mul_add(splat(b), splat(-1.0)).first();
        let difference = splat(a).neg_mul_add(splat(b), splat(1.0)).first();
        assert_eq!((sum, difference), (expected, -expected), "{}", S::LEVEL);
        assert_eq!(
            splat(3.0).neg_mul_add(splat(4.0), splat(5.0)).reduce_sum(),
            -7.0 * S::F64::LANES as f64
        );
    }
}

#[test]
fn mul_add() {
    for_each_level(|_| dispatch(MulAdd));
}

/// Powers of two: scaling into the subnormals and to infinity, exponents of subnormals.
struct Powers<E> {
    largest: i32,
    bits: i32,
    scale: fn(f64, i32) -> E,
}

impl<E: Element> Kernel for Powers<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let splat = |v: E| E::Vector::<S>::splat(simd, v);
        let first = |v: E::Vector<S>| v.first();
        for n in 1 - self.largest..=self.largest {
            let n = E::from_f64(f64::from(n));
            assert_eq!(first(splat(n).pow2()).to_f64(), n.to_f64().exp2(), "{} 2^{n}", S::LEVEL);
        }
        let mantissas =
            [1.0, 1.5, 1.0 + E::EPSILON.to_f64(), 2.0 - E::EPSILON.to_f64(), -1.25, 0.75];
        for mantissa in mantissas {
            for n in -(self.largest + self.bits + 4)..=self.largest + 2 {
                let got =
                    first(splat(E::from_f64(mantissa)).scale2(splat(E::from_f64(f64::from(n)))));
                let expected = (self.scale)(mantissa, n);
                assert!(
                    got == expected,
                    "{}: {mantissa} * 2^{n} gave {got:?}, not {expected:?}",
                    S::LEVEL
                );
                if expected.is_finite() && expected != E::ZERO {
                    let exponent = first(splat(expected).exponent()).to_f64();
                    assert_eq!(exponent, floor_log2(expected.to_f64()), "{expected:?}");
                }
            }
        }
        for special in [E::ZERO, -E::ZERO, E::INFINITY, E::NEG_INFINITY] {
            assert_eq!(first(splat(special).scale2(splat(-E::ONE))), special);
        }
        assert!(first(splat(E::NAN).scale2(splat(E::ONE))).is_nan());
        assert!(first(splat(E::NAN).recip_fast()).is_nan());
        for i in 0..1000 {
            let x = 0.001 + f64::from(i) * 0.37;
            let error = first(splat(E::from_f64(x)).recip_fast()).to_f64() * x - 1.0;
            let bound = if E::NAME == "f32" { -14 } else { -27 };
            assert!(error.abs() <= 2f64.powi(bound), "{}: 1 / {x} is off by {error:?}", S::LEVEL);
        }
    }
}

/// The exponent in the bits, that of a subnormal after scaling.
fn floor_log2(x: f64) -> f64 {
    if x.abs() < f64::MIN_POSITIVE {
        return floor_log2(x * 2f64.powi(54)) - 54.0;
    }
    f64::from((x.abs().to_bits() >> 52) as i32 - 1023)
}

/// `m * 2^n`, rounded once.
fn scale64(m: f64, n: i32) -> f64 {
    // Two steps, of which only the last can round.
    let half = n / 2;
    m * 2f64.powi(half) * 2f64.powi(n - half)
}

#[test]
fn powers_of_two() {
    for_each_level(|_| {
        dispatch(Powers::<f32> { largest: 127, bits: 23, scale: |m, n| (m * 2f64.powi(n)) as f32 });
        dispatch(Powers::<f64> { largest: 1023, bits: 52, scale: scale64 });
    });
}

/// The bits of `n + EXPONENT_MAGIC`, and lanes widened and narrowed.
struct Widths;

impl Kernel for Widths {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for n in -1022..=1023 {
            let shifted = S::F64::splat(simd, f64::from(n) + f64::EXPONENT_MAGIC);
            let mut lanes = [0.0; MAX_LANES];
            shifted.low_bits_to_exponent().store(&mut lanes);
            assert_eq!(lanes[0], 2f64.powi(n), "{}", S::LEVEL);
        }
        // Halfway cases, subnormals, and what overflows.
        let tiny = f64::from(f32::from_bits(1));
        let values: Vec<f64> = [
            [1.0 + 2f64.powi(-24), 1.0 + 3.0 * 2f64.powi(-24), -0.0, 0.5 * tiny],
            [0.75 * tiny, -1.5 * tiny, 1e300, f64::from(f32::MAX)],
            [-3.4028236e38, f64::NEG_INFINITY, 1.0 / 3.0, 2f64.powi(-126)],
            [f64::NAN, -2.5, 65_504.0, 1e-310],
        ]
        .concat();
        let width = S::F64::LANES;
        for chunk in values.chunks_exact(2 * width) {
            let halves = [&chunk[..width], &chunk[width..]].map(|half| S::F64::load(simd, half));
            let narrow = S::F32::narrow(halves);
            let mut lanes = [0.0_f32; MAX_LANES];
            narrow.store(&mut lanes);
            let mut wide = [0.0_f64; 2 * MAX_LANES];
            let [low, high] = narrow.widen();
            low.store(&mut wide);
            high.store(&mut wide[width..]);
            for (i, &x) in chunk.iter().enumerate() {
                let expected = x as f32;
                assert!(same(lanes[i], expected), "{}: {x:?} to {:?}", S::LEVEL, lanes[i]);
                assert!(same(wide[i], f64::from(expected)), "{}: {expected:?}", S::LEVEL);
            }
            let [whole, again] = halves[0].widen();
            let mut lanes = [0.0_f64; 2 * MAX_LANES];
            S::F64::narrow([whole, halves[1]]).store(&mut lanes);
            again.store(&mut lanes[width..]);
            assert!((0..2 * width).all(|i| same(lanes[i], chunk[i % width])), "{}", S::LEVEL);
        }
    }
}

/// Whether both are NaN, or equal with their signs.
fn same<E: Element>(a: E, b: E) -> bool {
    let (a, b) = (a.to_f64(), b.to_f64());
    (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits()
}

#[test]
fn lanes_change_their_width() {
    for_each_level(|_| dispatch(Widths));
}

/// Partial and whole loads and stores between canaries.
struct Partial<E>(std::marker::PhantomData<E>);

impl<E: Element> Kernel for Partial<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        let data: Vec<E> = (0..3 * MAX_LANES).map(|i| E::from_f64(i as f64 + 1.0)).collect();
        for offset in 0..5 {
            for count in 0..=lanes {
                let v = E::Vector::<S>::load_partial(simd, &data[offset..offset + count]);
                let mut all = [E::NAN; MAX_LANES];
                v.store(&mut all);
                for (i, &got) in all[..lanes].iter().enumerate() {
                    let expected = if i < count { data[offset + i] } else { E::ZERO };
                    assert_eq!(got, expected, "{} lane {i} of {count}", S::LEVEL);
                }
                let mut out = crate::testing::Guarded::<E>::poisoned(count, offset);
                E::Vector::<S>::load(simd, &data).store_partial(&mut out);
                assert_eq!(out[..], data[..count]);
            }
            let mut out = crate::testing::Guarded::<E>::poisoned(lanes, offset);
            E::Vector::<S>::load(simd, &data[offset..]).store(&mut out);
            assert_eq!(out[..], data[offset..offset + lanes]);
        }
        let v = E::Vector::<S>::load(simd, &data);
        let expected: E = data[..lanes].iter().copied().sum();
        assert_eq!(v.reduce_sum(), expected);
        assert_eq!(v.reduce_max(), data[lanes - 1]);
        assert_eq!((-v).reduce_max(), -E::ONE);
        let mut distance = lanes / 2;
        while distance > 0 {
            let mut moved = [E::NAN; MAX_LANES];
            v.upper(distance).store(&mut moved);
            assert_eq!(moved[..distance], data[distance..2 * distance], "{}", S::LEVEL);
            distance /= 2;
        }
        let w = v + E::Vector::<S>::splat(simd, E::from_f64(100.0));
        let both = |halves: [E::Vector<S>; 2]| {
            let mut all = [E::NAN; 2 * MAX_LANES];
            halves[0].store(&mut all);
            halves[1].store(&mut all[lanes..]);
            all
        };
        let (plain, apart) = (both([v, w]), both(v.deinterleave(w)));
        for i in 0..lanes {
            assert_eq!([apart[i], apart[lanes + i]], [plain[2 * i], plain[2 * i + 1]]);
        }
        let [even, odd] = v.deinterleave(w);
        assert_eq!(both(even.interleave(odd))[..2 * lanes], plain[..2 * lanes], "{}", S::LEVEL);
        let one_two = v.eq(E::Vector::<S>::splat(simd, E::ONE));
        assert!(one_two.any() && (!one_two).any() && !(one_two & !one_two).any());
    }
}

#[test]
fn loads_stores_and_lane_sums() {
    for_each_level(|_| {
        dispatch(Partial::<f32>(std::marker::PhantomData));
        dispatch(Partial::<f64>(std::marker::PhantomData));
    });
}

#[test]
fn short_slices_are_refused() {
    struct Load;
    impl Kernel for Load {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            S::F32::load(simd, &vec![0.0; S::F32::LANES - 1]);
        }
    }
    for_each_level(|_| assert!(std::panic::catch_unwind(|| dispatch(Load)).is_err()));
}

#[test]
fn scopes_nest_and_survive_panics() {
    let outside = Level::current();
    with_level(Level::Portable, || {
        assert_eq!(Level::current(), Level::Portable);
        let highest = *Level::available().last().expect("there is always a level");
        with_level(highest, || assert_eq!(Level::current(), highest)).expect("it is available");
        assert_eq!(Level::current(), Level::Portable);
        let panicked = std::panic::catch_unwind(|| with_level(highest, || panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(Level::current(), Level::Portable);
    })
    .expect("the portable level is always there");
    assert_eq!(Level::current(), outside);
}

#[test]
fn absent_and_unknown_levels_are_errors() {
    for level in Level::ALL {
        let mut ran = false;
        let result = with_level(level, || ran = true);
        assert_eq!(result.is_ok(), level.is_available());
        assert_eq!(ran, level.is_available());
        assert_eq!(level.name().to_uppercase().parse::<Level>(), Ok(level));
    }
    let error = "sse9".parse::<Level>().expect_err("no such level");
    assert_eq!(
        error.to_string(),
        "\"sse9\" is no SIMD level; the levels are portable, avx2 and avx512"
    );
    let absent = LevelError::Absent { asked: Level::Avx512, available: vec![Level::Portable] };
    assert_eq!(
        absent.to_string(),
        "the SIMD level avx512 was asked for, but this CPU has only portable"
    );
}

#[test]
fn vectors_know_their_tokens() {
    struct Lit;
    impl Kernel for Lit {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let x = S::F32::splat(simd, 1.0);
            assert_eq!(x.lit(2.5).first(), 2.5);
            assert_eq!(S::LEVEL, Level::current());
        }
    }
    for_each_level(|_| dispatch(Lit));
}
