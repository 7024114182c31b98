//! Strategies for property tests, with the feature `proptest`.
//!
//! They shrink towards fewer axes, smaller sizes and simpler layouts. Each intermediate value is
//! valid: the strategies draw plain numbers, and any numbers give a shape, a permutation, or a pair
//! that broadcasts.

use proptest::collection::vec;
use proptest::prelude::*;
use wengert_kernels::Element;

use super::Layout;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Shapes of up to four axes of sizes 0 to 5.
///
/// ```
/// use proptest::prelude::*;
/// use wengert_autodiff::{Tensor, gradcheck, testing::{arb_shape, arb_tensor}};
/// proptest!(|(x in arb_shape().prop_flat_map(|shape| arb_tensor(shape, -2.0..2.0)))| {
///     prop_assert!(gradcheck(|[x]| (x * x).sum(), [&x]).is_ok());
/// });
/// ```
pub fn arb_shape() -> impl Strategy<Value = Shape> {
    vec(size(), 0..=4).prop_map(Shape::from)
}

/// Axis sizes: usually small, sometimes 1, rarely 0. They shrink towards 1, then 0.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(1_usize), 6 => 2..=5_usize, 1 => Just(0)]
}

/// Tensors of a shape with elements from a range.
pub fn arb_tensor<E: Element>(
    shape: impl Into<Shape>,
    values: std::ops::Range<f64>,
) -> impl Strategy<Value = Tensor<E>> {
    let shape = shape.into();
    vec(values, shape.numel()).prop_map(move |values| {
        let mut values = values.into_iter();
        Tensor::from_fn(shape.clone(), |_| E::from_f64(values.next().unwrap_or_default()))
    })
}

/// Layouts for tensors of a rank; shrinks towards row-major order.
pub fn arb_layout(rank: usize) -> impl Strategy<Value = Layout> {
    let axis = 0..rank.max(1);
    // Sorting random keys gives a permutation for any keys, also for those of a shrunk case.
    let order = vec(any::<u8>(), rank).prop_map(|keys| {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&axis| keys[axis]);
        order
    });
    prop_oneof![
        Just(Layout::RowMajor),
        order.prop_map(Layout::Permuted),
        axis.clone().prop_map(Layout::Stepped),
        axis.clone().prop_map(Layout::Flipped),
        axis.prop_map(Layout::Inside),
    ]
}

/// Pairs of shapes that broadcast with each other.
pub fn arb_broadcast_pair() -> impl Strategy<Value = (Shape, Shape)> {
    // For each axis, the size and which of the two operands has size 1; for each operand, the
    // number of missing leading axes, at least one of which is 0.
    let axes = vec((size(), 0..4_u8), 0..=4);
    (axes, 0..=4_usize, any::<bool>()).prop_map(|(axes, missing, first)| {
        let operand = |bit: u8| -> Vec<usize> {
            axes.iter().map(|&(size, ones)| if ones & bit != 0 { 1 } else { size }).collect()
        };
        let (mut a, mut b) = (operand(1), operand(2));
        let shorter = if first { &mut a } else { &mut b };
        shorter.drain(..missing.min(shorter.len()));
        (Shape::from(a), Shape::from(b))
    })
}

#[cfg(test)]
mod tests {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// Simplifies `strategy`'s values as far as they go, checking each on the way; returns the
    /// simplest of the last run.
    fn simplest<S: Strategy>(strategy: &S, valid: impl Fn(&S::Value) -> bool) -> S::Value {
        let mut runner = TestRunner::deterministic();
        let mut last = None;
        for _ in 0..60 {
            let mut tree = strategy.new_tree(&mut runner).unwrap();
            assert!(valid(&tree.current()));
            // As a runner does: sometimes the simpler value passes and the way goes back.
            for step in 0..200 {
                let moved = if step % 5 == 4 { tree.complicate() } else { tree.simplify() };
                assert!(valid(&tree.current()));
                if !moved && step % 5 != 4 {
                    break;
                }
            }
            while tree.simplify() {}
            last = Some(tree.current());
        }
        last.unwrap()
    }

    #[test]
    fn pairs_broadcast_also_while_they_shrink() {
        let pair = simplest(&arb_broadcast_pair(), |(a, b)| a.broadcast(b).is_some());
        assert_eq!(pair, (Shape::scalar(), Shape::scalar()));
    }

    #[test]
    fn layouts_keep_values_also_while_they_shrink() {
        let x = Tensor::<f64>::from_fn([2, 3, 2], |i| (100 * i[0] + 10 * i[1] + i[2]) as f64);
        let simple = simplest(&arb_layout(3), |layout| {
            let valid = !matches!(layout, Layout::Permuted(order) if order.len() != 3);
            valid && layout.apply(&x) == x
        });
        assert_eq!(simple, Layout::RowMajor);
        simplest(&arb_layout(0), |layout| layout.apply(&Tensor::<f32>::scalar(1.0)).item() == 1.0);
    }

    #[test]
    fn tensors_have_their_shape_and_range() {
        let strategy = arb_shape()
            .prop_flat_map(|shape| (Just(shape.clone()), arb_tensor::<f32>(shape, -2.0..3.0)));
        simplest(&strategy, |(shape, x)| {
            x.shape() == shape && x.to_vec().iter().all(|x| (-2.0..=3.0).contains(x))
        });
    }

    /// All kinds are drawn.
    #[test]
    fn the_draws_vary() {
        let mut runner = TestRunner::deterministic();
        let mut draw = || arb_broadcast_pair().new_tree(&mut runner).unwrap().current();
        let pairs: Vec<_> = (0..300).map(|_| draw()).collect();
        assert!(pairs.iter().any(|(a, b)| a.rank() > b.rank()));
        assert!(pairs.iter().any(|(a, b)| a.rank() < b.rank()));
        assert!(pairs.iter().any(|(a, b)| a.contains(&1) && a.numel() < b.numel()));
        assert!(pairs.iter().any(|(a, _)| a.numel() == 0));
    }
}
