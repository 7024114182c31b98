//! The operations with which the backward pass adds cotangents. `walk` does not depend on `ops`.

use wengert_kernels::{Element, elementwise};

use crate::error::Result;
use crate::eval::{lazy_value_of, value_of};
use crate::ops::{self, add::Add};
use crate::shape::Shape;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::Var;
use crate::walk::Sums;

impl<E: Element> Sums<E> {
    /// The functions of the catalogue of operations.
    pub(crate) const OF_OPS: &'static Self =
        &Sums { add: ops::add, sum_to: ops_sum_to, accumulate };
}

fn ops_sum_to<E: Element>(x: Var<'_, E>, shape: Shape) -> Result<Var<'_, E>> {
    ops::sum_to(x, shape)
}

/// Adds `new` to `sum`, which has the same shape; in place if no other tensor shares the buffer.
fn accumulate<E: Element>(sum: &mut Tensor<E>, new: &Tensor<E>, tape: &Tape<E>) -> Result<()> {
    if sum.is_pending() || new.is_pending() {
        *sum = lazy_value_of(&Add, &[sum, new], tape.pool(), tape.schedule())?;
    } else if sum.is_unique() && sum.is_contiguous() {
        let mut copy = None;
        elementwise::add_assign(sum.as_mut_slice(), new.in_order(&mut copy)?);
    } else {
        *sum = value_of(&Add, &[sum, new], Some(tape.pool()))?;
    }
    Ok(())
}
