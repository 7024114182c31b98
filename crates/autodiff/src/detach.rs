//! [`Var::detach`]: a value through which no gradient flows.

use wengert_kernels::Element;

use crate::error::{Result, expect};
use crate::few::Few;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::cut::Cut;
use crate::tensor::Tensor;
use crate::var::Var;

impl<E: Element> Var<'_, E> {
    /// The value of this variable as a constant, through which no gradient flows.
    ///
    /// # Panics
    /// If [`try_value`](Self::try_value) returns an error.
    #[track_caller]
    pub fn detach(self) -> Self {
        if self.tape().in_segment() {
            return self.tape().no_grad(|| expect(self.tape().apply(Detach, &[self])));
        }
        let (value, touched) = {
            let nodes = self.tape().nodes();
            let node = expect(self.node(&nodes, "detach"));
            let value = expect(self.with_value("detach", Tensor::clone));
            (value, node.requires_grad || node.cut)
        };
        if touched {
            let cut = Cut { node: self.index(), index: false };
            self.tape().push_cut(&mut Some(value), None, Few::from_slice(&[cut]))
        } else {
            self.tape().push(value, None, false)
        }
    }
}

/// [`Var::detach`] in the closure of a checkpoint, where the value must be computed again.
#[derive(Debug)]
struct Detach;

impl<E: Element> Op<E> for Detach {
    fn name(&self) -> &'static str {
        "detach"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        Ok(inputs[0].clone())
    }

    fn vjp<'t>(&self, _: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        unreachable!("`detach` records this operation only inside `no_grad`")
    }
}
