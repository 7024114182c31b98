use super::*;
use crate::parameter::Parameter;
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use wengert_kernels::chain::TILE;

const LEN: usize = LEAST + TILE + 37;

fn numbers(seed: usize) -> Tensor<f32> {
    Tensor::from_fn([LEN], |i| ((i[0] * 7919 + seed * 104_729) % 2003) as f32 / 1000.0 - 1.0)
}

/// The bits of the elements, those of one NaN for all.
fn bits(x: &Tensor<f32>) -> Vec<u32> {
    let one_nan = |x: f32| if x.is_nan() { f32::NAN } else { x };
    x.to_vec().into_iter().map(|x| one_nan(x).to_bits()).collect()
}

fn chain<'t>(x: Var<'t, f32>, w: Var<'t, f32>) -> Var<'t, f32> {
    let y = (x * w + 0.5).tanh();
    (y * y - x).logistic() * y
}

fn pending(x: Var<'_, f32>) -> bool {
    x.tape().nodes()[x.index() as usize].value.as_ref().is_some_and(Tensor::is_pending)
}

#[test]
fn values_are_those_of_one_operation_after_the_other() {
    let (x, w) = (numbers(1), numbers(2));
    let y = (&(&x * &w) + &Tensor::scalar(0.5)).tanh();
    let expected = &(&(&y * &y) - &x).logistic() * &y;
    let tape = Tape::new();
    let z = chain(tape.variable(&x), tape.constant(&w));
    assert!(pending(z));
    assert_eq!(bits(&z.value()), bits(&expected));
    assert!(!pending(z));
}

#[test]
fn a_view_of_what_is_not_computed_yet_is_a_view_of_its_values() {
    let tape = Tape::new();
    let x = tape.variable(&Tensor::from_fn([2 * LEN], |i| i[0] as f32 * 1e-4));
    let y = x * x;
    let (front, back) = (y.slice(0, ..LEN as isize), y.slice(0, LEN as isize..));
    let sum = (front * front - back).relu();
    assert!(pending(sum));
    let square = |i: usize| (i as f32 * 1e-4) * (i as f32 * 1e-4);
    let values = sum.value().to_vec();
    for i in [0, 1, TILE, LEN - 1] {
        let expected = (square(i) * square(i) - square(LEN + i)).max(0.0);
        assert_eq!(values[i], expected, "{i}");
    }
    let transposed = y.reshape([2, LEN]).transpose(0, 1) + 1.0;
    assert_eq!(transposed.value().get(&[3, 1]), Some(square(LEN + 3) + 1.0));
}

#[test]
fn gradients_are_those_of_small_tensors() {
    let (x, w) = (numbers(1), numbers(2));
    let tape = Tape::new();
    let (vx, vw) = (tape.variable(&x), tape.variable(&w));
    let loss = chain(vx, vw).sum();
    let gradients = loss.backward();
    for once in [false, true] {
        let gradients = if once { &chain(vx, vw).sum().backward_once() } else { &gradients };
        let whole = [vx, vw].map(|v| gradients.get(v).unwrap().to_vec());
        for start in (0..LEN).step_by(LEN / 3) {
            let small = Tape::new();
            let part = |x: &Tensor<f32>| x.slice(0, start as isize..start as isize + 5);
            let (px, pw) = (small.variable(&part(&x)), small.variable(&part(&w)));
            let gradients = chain(px, pw).sum().backward();
            for (whole, part) in whole.iter().zip([px, pw]) {
                let part = gradients.get(part).unwrap().to_vec();
                assert_eq!(whole[start..start + part.len()], part[..]);
            }
        }
    }
}

#[test]
fn a_long_chain_is_computed_on_the_way() {
    let tape = Tape::new();
    let x = tape.variable(&numbers(3));
    let mut y = x;
    for _ in 0..3 * DEEPEST {
        y = y * 0.99 + 0.001;
    }
    let mut expected = x.value().to_vec();
    for _ in 0..3 * DEEPEST {
        for y in &mut expected {
            *y = *y * 0.99 + 0.001;
        }
    }
    assert_eq!(y.value().to_vec(), expected);
    assert!(y.sum().backward().get(x).is_some());
}

#[test]
fn what_is_changed_later_does_not_change_what_was_noted() {
    let mut x = numbers(4);
    let before = x.as_slice().unwrap()[LEN - 1];
    let tape = Tape::new();
    let y = tape.variable(&x) * 2.0;
    x.as_mut_slice().fill(7.0);
    let mut value = y.value();
    assert_eq!(value.as_slice().unwrap()[LEN - 1], before * 2.0);
    value.as_mut_slice().fill(5.0);
    assert_eq!(y.value().as_slice().unwrap()[LEN - 1], before * 2.0);
}

#[test]
fn a_value_many_ask_for_is_computed_a_few_times_and_kept() {
    let tape = Tape::new();
    let x = tape.variable(&numbers(5));
    let y = x.tanh();
    for i in 0..=COMPUTED_AGAIN {
        assert!(pending(y), "after {i}");
        (y * (i as f32)).value().to_vec();
    }
    assert!(!pending(y));
}

#[test]
fn a_gradient_is_one_pass() {
    let tape = Tape::new();
    let (x, w) = (tape.variable(&numbers(9)), tape.constant(&numbers(10)));
    let z = chain(x, w);
    let gradients = z.mean().backward();
    // Nothing is there, and then the gradient.
    let held = |len: usize| tape.memory().live / (len * 4);
    assert_eq!(held(LEN), 0);
    assert!(gradients.get(x).unwrap().is_pending());
    gradients.get(x).unwrap().to_vec();
    assert_eq!(held(LEN), 1);
    assert!(pending(z));
}

#[test]
fn what_nobody_looks_at_takes_no_memory() {
    let tape = Tape::new();
    let x = tape.variable(&numbers(6));
    let y = chain(x, x);
    assert_eq!(tape.memory().peak, 0);
    let bytes = LEN * 4;
    y.value();
    let _ = y.value().to_vec();
    // The result, and for every thread some tiles.
    assert!(tape.memory().live >= bytes && tape.memory().live < bytes * 9 / 8);
}

#[test]
fn anomalies_are_found_where_they_arise() {
    let tape = Tape::new();
    tape.detect_anomaly(true);
    let x = tape.variable(&numbers(7));
    let error = crate::ops::log(x * 0.0 - 1.0).unwrap_err().to_string();
    assert!(error.starts_with("log "), "{error}");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let tape = Tape::new();
            let x = tape.variable(&numbers(8));
            let loss = chain(x, x).mean();
            let gradient = loss.backward().get(x).unwrap().clone();
            (loss.item().to_bits(), bits(&gradient))
        })
    };
    assert_eq!(on(1), on(3));
}

/// More than one part of a sum, and a rest.
const LONG: usize = 2 * reduce::PART + 3 * TILE + 5;

fn long<E: Element>(seed: usize) -> Tensor<E> {
    Tensor::from_fn([LONG], |i| {
        E::from_f64(((i[0] * 7919 + seed * 104_729) % 2003) as f64 / 1000.0 - 1.0)
    })
}

#[test]
fn sums_are_those_of_arrays() {
    fn of<E: Element>() {
        for level in Level::available() {
            with_level(level, || {
                let tape = Tape::new();
                let x = tape.variable(&long::<E>(1));
                let z = (x * x + E::from_f64(0.1)).tanh();
                let (sum, mean) = (z.sum(), z.mean());
                let kept = z.sum_axes(&[0], true);
                assert!(pending_node(sum) && pending_node(mean) && pending_node(kept));
                let (sum, mean) = (sum.item(), mean.item());
                assert!(pending_node(z), "the elements are nowhere");
                let elements = z.value().to_vec();
                assert!(sum == reduce::sum(&elements));
                assert!(mean == reduce::sum(&elements) * (E::ONE / E::from_f64(LONG as f64)));
                assert_eq!(kept.shape(), Shape::from([1]));
                assert!(kept.value().item() == sum);
            })
            .unwrap();
        }
    }
    fn pending_node<E: Element>(x: Var<'_, E>) -> bool {
        x.tape().nodes()[x.index() as usize].value.as_ref().is_some_and(Tensor::is_pending)
    }
    of::<f32>();
    of::<f64>();
}

#[test]
fn a_sum_is_computed_with_a_gradient_of_the_same_chain() {
    let (x, w) = (long::<f32>(1), long::<f32>(2));
    let expected = {
        let tape = Tape::new();
        let z = chain(tape.constant(&x), tape.constant(&w)).value();
        reduce::sum(z.as_slice().unwrap())
    };
    let tape = Tape::new();
    let (vx, vw) = (tape.variable(&x), tape.constant(&w));
    let z = chain(vx, vw);
    let (loss, other) = (z.sum(), tape.variable(&w).square().sum());
    let gradients = z.sum().backward();
    assert!(pending(loss) && pending(other));
    gradients.get(vx).unwrap().to_vec();
    assert!(!pending(loss), "it is computed on the way");
    assert!(pending(other), "it has nothing in common");
    assert!(pending(z));
    assert_eq!(loss.item().to_bits(), expected.to_bits());
    let squares: Vec<f32> = w.to_vec().iter().map(|w| w * w).collect();
    assert_eq!(other.item(), reduce::sum(&squares));
}

#[test]
fn a_sum_of_what_takes_the_value_itself_is_computed_after_it() {
    let tape = Tape::new();
    let x = tape.variable(&long::<f32>(3));
    let y = x.tanh();
    let (of_itself, behind) = (y.sum(), (y * x).sum());
    let elements = y.value().to_vec();
    assert!(pending(of_itself) && pending(behind));
    assert_eq!(of_itself.item(), reduce::sum(&elements));
    let products: Vec<f32> = elements.iter().zip(x.value().to_vec()).map(|(y, x)| y * x).collect();
    assert_eq!(behind.item(), reduce::sum(&products));
}

#[test]
fn a_sum_that_is_looked_at_later_is_that_of_what_was_there() {
    let mut tape = Tape::new();
    let mut x = long::<f32>(4);
    let (sum, expected) = {
        let y = tape.variable(&x) * 2.0;
        let sum = y.sum().value();
        let doubled: Vec<f32> = x.to_vec().iter().map(|x| x * 2.0).collect();
        (sum, reduce::sum(&doubled))
    };
    assert!(sum.is_pending());
    x.as_mut_slice().fill(0.0);
    tape.clear();
    // Its place on the list is another's by now.
    for seed in 5..8 {
        (tape.variable(&long::<f32>(seed)) + 1.0).sum().item();
    }
    assert_eq!(sum.item(), expected);
}

#[test]
fn a_number_that_is_kept_keeps_nothing_else() {
    let mut tape = Tape::new();
    let (x, w) = (numbers(3), numbers(4));
    let kept: Vec<Tensor<f32>> = (0..3)
        .map(|i| {
            // Of a buffer of the tape's.
            let y = tape
                .variable(&x)
                .reshape([LEN, 1])
                .matmul(tape.constant(&Tensor::full([1, 1], 2.0)));
            let error = (y.reshape([LEN]) - tape.constant(&w) * i as f32).abs().mean().value();
            assert!(error.is_pending());
            assert!(tape.memory().live > 0);
            tape.clear();
            assert!(!error.is_pending());
            assert_eq!(tape.memory().live, 0);
            error
        })
        .collect();
    for (i, kept) in kept.iter().enumerate() {
        let errors = &(&(&x * &Tensor::scalar(2.0)) - &(&w * &Tensor::scalar(i as f32))).abs();
        assert_eq!(kept.item(), errors.mean().item());
    }
}

#[test]
fn dropping_a_tape_computes_nothing() {
    let tape = Tape::new();
    let pool = tape.pool().clone();
    let x =
        tape.variable(&numbers(3)).reshape([LEN, 1]).matmul(tape.constant(&Tensor::ones([1, 1])));
    let sum = x.square().sum().value();
    let expected = x.value().square().sum().item();
    drop(tape);
    assert!(sum.is_pending());
    assert_eq!(pool.memory().live / (4 * LEN), 1, "its operand is kept");
    assert_eq!(sum.item(), expected);
    assert_eq!(pool.memory().live, 0);
}

#[test]
fn tapes_that_share_a_pool_do_not_compute_sums_of_one_another() {
    let tape = Tape::new();
    let x = tape.variable(&numbers(3));
    let (y, kept) = (x * 2.0, x.square().sum().value());
    let sum = y.sum();
    let mut other = Tape::with_pool(tape.pool().clone());
    // Another value of the same chain, a cleared tape, and a dropped one.
    (other.constant(&y.value()) + 1.0).value().to_vec();
    other.clear();
    drop(other);
    assert!(pending(y) && pending(sum) && kept.is_pending());
    assert_eq!(sum.item(), reduce::sum(&y.value().to_vec()));
}

#[test]
fn of_many_sums_some_are_looked_at() {
    let tape = Tape::new();
    let x = tape.variable(&numbers(5));
    let sums: Vec<_> = (0..2_000).map(|i| (x * i as f32).sum()).collect();
    // A look at one of these goes through the latest sums, not through all.
    for sum in sums.iter().step_by(20) {
        sum.item();
    }
    let looked_at = sums.iter().filter(|sum| !pending(**sum)).count();
    assert!((100..2_000).contains(&looked_at), "{looked_at}");
    assert_eq!(sums[1_999].item(), (x * 1_999.0).value().sum().item());
}

#[test]
fn a_part_of_a_value_and_axes_are_summed_at_once() {
    let tape = Tape::new();
    let x = tape.variable(&long::<f32>(6));
    let y = x.square();
    let part = y.slice(0, 1..);
    let elements: Vec<f32> = x.value().to_vec().iter().map(|x| x * x).collect();
    assert_eq!(part.sum().item(), reduce::sum(&elements[1..]));
    let rows = (x.slice(0, ..2 * LEAST as isize).reshape([2, LEAST]) * 3.0).sum_axes(&[1], false);
    assert!(!pending(rows));
    assert_eq!(rows.shape(), Shape::from([2]));
}

#[test]
fn sums_of_sums_and_many_sums_are_computed() {
    let tape = Tape::new();
    let x = tape.variable(&numbers(11));
    let y = x * 2.0;
    let mut nested = y.sum();
    assert!(pending(nested));
    nested = nested.sum();
    assert!(!pending(nested), "a number is computed at once");
    let sums: Vec<_> = (0..3 * MOST_SUMS).map(|i| (y * i as f32).sum()).collect();
    (y + 1.0).value().to_vec();
    let computed = sums.iter().filter(|sum| !pending(**sum)).count();
    assert_eq!(computed, MOST_SUMS);
    for (i, sum) in sums.into_iter().enumerate() {
        let products: Vec<f32> = y.value().to_vec().iter().map(|y| y * i as f32).collect();
        assert_eq!(sum.item(), reduce::sum(&products));
    }
}

/// A matrix product chooses its path by its operands' strides, so a deferred result must have those
/// of the result computed at once.
#[test]
fn a_deferred_result_has_the_layout_of_the_one_computed_at_once() {
    let matrix = Tensor::from_fn([256, 31], |i| ((i[0] * 31 + i[1]) % 97) as f32 * 0.03 - 1.4);
    let full = Tensor::from_fn([256, 256], |i| ((i[0] * 7 + i[1] * 3) % 101) as f32 * 0.02 - 1.0);
    for from in [vec![], vec![1], vec![1, 1], vec![256], vec![1, 256], vec![256, 1]] {
        let x = Tensor::from_fn(&from[..], |i| 0.37 + i.iter().sum::<usize>() as f32 * 0.01);
        let product = |anomaly: bool| {
            let tape = Tape::new();
            tape.detect_anomaly(anomaly);
            let y = tape.variable(&x).broadcast_to([256, 256]);
            let results = [y.gelu(), y + tape.constant(&full), y * y];
            results.map(|y| bits(&y.matmul(tape.constant(&matrix)).value()))
        };
        assert!(product(true) == product(false), "from {from:?}");
    }
}

#[test]
fn what_repeats_one_element_is_computed_as_one() {
    let tape = Tape::new();
    let x = Tensor::scalar(0.5_f32).broadcast_to([1 << 20]);
    let y = (tape.variable(&x).tanh() * 2.0 + 1.0).exp() * tape.constant(&x);
    let expected = ((0.5_f32.tanh() * 2.0 + 1.0).exp()) * 0.5;
    assert!((y.value().get(&[77]).unwrap() - expected).abs() < 1e-5);
    assert!(tape.memory().peak < 1 << 14, "{:?}", tape.memory());
    let gradient = y.sum().backward();
    assert!(gradient.all().all(|gradient| gradient.to_vec()[77] > 0.0));
}

#[test]
fn a_kept_tensor_that_is_not_computed_yet_keeps_its_operands_alone() {
    let tape = Tape::new();
    let pool = tape.pool().clone();
    let x = tape.variable(&Tensor::<f32>::full([4, LEN], 0.5));
    // Of buffers of the tape's: one as long as the result, others four times as long.
    let large = x.matmul(tape.constant(&Tensor::full([LEN, 4], 1e-3))).softmax(1).matmul(x);
    let row = large.slice(0, 1..2) * 1.0;
    row.value().to_vec();
    let kept = (row.reshape([LEN]) * 2.0).value();
    assert!(kept.is_pending());
    let elements = large.value().to_vec()[LEN..2 * LEN].to_vec();
    let own = pool.memory().live / (4 * LEN);
    assert!(own >= 5, "{own}");
    drop(tape);
    let memory = pool.memory();
    assert_eq!((memory.live / (4 * LEN), memory.pooled), (1, 0));
    assert!(kept.to_vec().iter().zip(elements).all(|(y, x)| *y == x * 2.0));
    assert_eq!((pool.memory().live / (4 * LEN), pool.memory().pooled), (1, 0));
    drop(kept);
    assert_eq!(pool.memory(), crate::Memory { live: 0, pooled: 0, ..pool.memory() });
}

#[test]
fn a_released_parameter_is_written_in_place_whatever_is_to_be_computed_from_it() {
    let mut parameters = [3, 4].map(|seed| Parameter::new(numbers(seed)));
    let (before, address): (Vec<_>, Vec<_>) = parameters
        .iter()
        .map(|p| (p.value().to_vec(), p.value().as_slice().unwrap().as_ptr()))
        .unzip();
    for once in [false, true] {
        let tape = Tape::new();
        let [a, b] = [0, 1].map(|i| tape.parameter(&parameters[i]));
        let (a0, b0) = (a.value().to_vec(), b.value().to_vec());
        let (square, product) = (a * a, a * b);
        let shifted = square + 1.0;
        let loss = (square.sum() + product.sum()) + shifted.tanh().mean();
        // Numbers that are not read before the step, one of them of what is off the tape by then.
        let (apart, kept) = ((a.relu() * b).sum(), (b * 3.0).sum().value());
        let elements = (!once).then_some((square, shifted, product));
        let gradients = if once { loss.backward_once() } else { loss.backward() };
        for (parameter, address) in parameters.iter_mut().zip(&address) {
            let gradient = gradients.release(parameter).unwrap();
            assert!(!gradient.is_pending());
            assert!(once || parameter.value().is_unique());
            let values = parameter.value_mut().as_mut_slice();
            for value in values.iter_mut() {
                *value += 1.0;
            }
            assert!(once || std::ptr::eq(values.as_ptr(), *address));
        }
        let products: Vec<f32> = a0.iter().zip(&b0).map(|(a, b)| a.max(0.0) * b).collect();
        assert_eq!(apart.item(), reduce::sum(&products));
        assert_eq!(kept.item(), reduce::sum(&b0.iter().map(|b| b * 3.0).collect::<Vec<_>>()));
        if let Some((square, shifted, product)) = elements {
            // A sum of what is there is computed when it is read.
            assert!(!pending(square) && pending(shifted) && !pending(product));
            assert!(square.value().to_vec().iter().zip(&a0).all(|(y, a)| *y == a * a));
            assert!(shifted.value().to_vec().iter().zip(&a0).all(|(y, a)| *y == a * a + 1.0));
            let product = product.value().to_vec();
            assert!(product.iter().zip(a0.iter().zip(&b0)).all(|(y, (a, b))| *y == a * b));
        }
    }
    assert_eq!(parameters[0].value().to_vec()[5], before[0][5] + 1.0 + 1.0);
}
