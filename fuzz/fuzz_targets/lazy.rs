//! Programs of elementwise operations, sums and views decoded from arbitrary bytes, run on a tape
//! in three ways: with every result deferred, with every result read as soon as it is recorded, and
//! with deferring switched off. The values, the loss and the gradients have the same bits in all
//! three, for any order of reading.
//!
//! Built with `cfg(fuzzing)`, results of a few dozen elements are already deferred.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_autodiff::{Activation, Element, Tape, Tensor, Var};
use wengert_fuzz::Bytes;

/// How results are computed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Deferred,
    ReadAtOnce,
    /// Checks for NaN and infinity, which computes each result when it is recorded.
    Eager,
}

fn bits<E: Element>(x: &Tensor<E>) -> Vec<u64> {
    let bits = |x: E| if x.is_nan() { f64::NAN.to_bits() } else { x.to_f64().to_bits() };
    x.to_vec().into_iter().map(bits).collect()
}

fn one<'t, E: Element>(x: Var<'t, E>, bytes: &mut Bytes<'_>) -> Var<'t, E> {
    match bytes.below(12) {
        0 => x.exp(),
        1 => x.tanh(),
        2 => x.square(),
        3 => -x,
        4 => x.abs(),
        5 => x + E::from_f64([0.5, -1.0, 2.0][bytes.below(3)]),
        6 => x * E::from_f64([0.5, -1.0, 3.0][bytes.below(3)]),
        7 => x.sqrt(),
        8 => x.detach(),
        9 => x.clamp(E::from_f64(-0.5), E::from_f64(0.75)),
        _ => x.activate(Activation::ALL[bytes.below(Activation::ALL.len())]),
    }
}

fn two<'t, E: Element>(a: Var<'t, E>, b: Var<'t, E>, bytes: &mut Bytes<'_>) -> Var<'t, E> {
    match bytes.below(6) {
        0 => a + b,
        1 => a - b,
        2 | 3 => a * b,
        4 => a / (b * b + E::ONE),
        _ => a.maximum(b),
    }
}

/// The results of a run: the bits of the values read, of the loss and of the gradients; `None` if
/// the tape refused a value that is not finite.
fn run<E: Element>(mut bytes: Bytes<'_>, way: Way) -> Option<Vec<Vec<u64>>> {
    let [rows, cols] = [4 + bytes.below(12), 8 + bytes.below(150)];
    let mut tape = Tape::new();
    tape.detect_anomaly(way == Way::Eager);
    let mut inputs = Vec::new();
    for place in 0..3 {
        let shape: &[usize] = match bytes.below(6) {
            0 => &[1],
            1 => &[cols],
            _ => &[rows, cols],
        };
        let values = wengert_kernels::testing::noise(shape.iter().product(), bytes.next() as u64);
        let x = Tensor::from_vec(values, shape).expect("as many elements as the shape has");
        inputs.push(if place == 2 { tape.constant(&x) } else { tape.variable(&x) });
    }
    let mut all: Vec<Var<'_, E>> = inputs.clone();
    let mut total: Option<Var<'_, E>> = None;
    let mut seen = Vec::new();
    let finite = |x: Var<'_, E>| x.value().to_vec().iter().all(|x| x.is_finite());
    for _ in 0..2 + bytes.below(16) {
        let pick = |bytes: &mut Bytes<'_>| all[all.len() - 1 - bytes.below(all.len().min(5))];
        let a = pick(&mut bytes);
        let y = match bytes.below(8) {
            0 | 1 | 2 => one(a, &mut bytes),
            3 => {
                let part = if bytes.below(2) == 0 { a.sum() } else { a.mean() };
                total = Some(total.map_or(part, |total| total + part));
                part
            }
            _ => {
                let b = pick(&mut bytes);
                two(a, b, &mut bytes)
            }
        };
        // Where the eager run stops, the others stop too, so that all three are comparable.
        match way {
            Way::ReadAtOnce | Way::Eager if !finite(y) => return None,
            _ => {}
        }
        if bytes.below(5) == 0 {
            seen.push(bits(&y.value()));
        }
        all.push(y);
    }
    let last = all[all.len() - 1].sum();
    let loss = total.map_or(last, |total| total + last);
    if way != Way::Deferred && !finite(loss) {
        return None;
    }
    let first = bytes.below(2) == 0;
    if first {
        seen.push(bits(&loss.value()));
    }
    let gradients = loss.try_backward().ok()?;
    for &x in &inputs[..2] {
        seen.push(gradients.get(x).map(bits).unwrap_or_default());
    }
    if !first {
        seen.push(bits(&loss.value()));
    }
    drop(gradients);
    tape.clear();
    Some(seen)
}

fn check<E: Element>(bytes: Bytes<'_>) {
    let Some(read) = run::<E>(bytes, Way::ReadAtOnce) else { return };
    let deferred = run::<E>(bytes, Way::Deferred).expect("nothing is refused");
    assert!(deferred == read, "deferred and read at once");
    if let Some(eager) = run::<E>(bytes, Way::Eager) {
        assert!(deferred == eager, "deferred and eager");
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    if bytes.below(2) == 0 { check::<f32>(bytes) } else { check::<f64>(bytes) }
});
