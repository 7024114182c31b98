//! Adding nodes to a tape.

use std::panic::Location;

use wengert_kernels::Element;

use super::cut::Cut;
use super::{Node, Rule, Tape, Var};
use crate::error::Result;
use crate::few::Few;
use crate::memory::Handle;
use crate::shape::Shape;
use crate::tensor::Tensor;

impl<E: Element> Tape<E> {
    #[track_caller]
    pub(crate) fn push(
        &self,
        value: Tensor<E>,
        rule: Option<Box<Rule<E>>>,
        requires_grad: bool,
    ) -> Var<'_, E> {
        self.push_from(&mut Some(value), rule, requires_grad)
    }

    /// Adds a node whose value is taken from `value`, which avoids a move.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn push_from(
        &self,
        value: &mut Option<Tensor<E>>,
        rule: Option<Box<Rule<E>>>,
        requires_grad: bool,
    ) -> Var<'_, E> {
        let mut nodes = self.nodes.borrow_mut();
        let var = self.grow(&mut nodes, requires_grad);
        let node = &mut nodes[var.index() as usize];
        std::mem::swap(&mut node.value, value);
        // Most nodes have no rule, and dropping the absent one would cost a function call.
        if let Some(rule) = rule {
            node.rule = Some(rule);
        }
        var
    }

    /// Puts a tensor on the tape and shares its buffer. The tensor is assembled in its final place,
    /// to avoid the store-forwarding stalls described at `Len` in `few`.
    #[inline(never)]
    #[track_caller]
    pub(super) fn push_shared(&self, value: &Tensor<E>, requires_grad: bool) -> Var<'_, E> {
        let mut nodes = self.nodes.borrow_mut();
        let var = self.grow(&mut nodes, requires_grad);
        nodes[var.index() as usize].value.get_or_insert_with(|| value.shared());
        var
    }

    /// A constant of the shape of the value at `like`. Its elements are written by `f`, which may
    /// read all earlier nodes of the tape.
    #[inline]
    #[track_caller]
    pub(crate) fn push_like(
        &self,
        like: u32,
        f: impl FnOnce(&[Node<E>], &mut [E]) -> Result<()>,
    ) -> Result<Var<'_, E>> {
        let place = like as usize;
        let handle = {
            let nodes = self.nodes.borrow();
            let shape = nodes[place].value.as_ref().map(Tensor::shape);
            let len = shape.map_or(0, Shape::numel);
            let mut failed = None;
            let write = |out: &mut [E]| {
                if let Err(error) = f(&nodes, out) {
                    failed = Some(error);
                }
            };
            let handle = match Handle::written_by(len, Some(&self.pool), write) {
                Ok(handle) => handle,
                Err(refused) => {
                    let shape = shape.cloned().unwrap_or_default();
                    return Err(refused.for_shape("tensor", &shape));
                }
            };
            if let Some(error) = failed {
                return Err(error);
            }
            handle
        };
        let mut nodes = self.nodes.borrow_mut();
        let var = self.grow(&mut nodes, false);
        if let Some((node, before)) = nodes.split_last_mut()
            && let Some(like) = &before[place].value
        {
            node.value.get_or_insert_with(|| Tensor::of(handle, like.shape().clone()));
        }
        Ok(var)
    }

    /// Adds a node that has neither a value nor a rule.
    #[inline]
    #[track_caller]
    fn grow(&self, nodes: &mut Vec<Node<E>>, requires_grad: bool) -> Var<'_, E> {
        let index = u32::try_from(nodes.len()).expect("a tape holds fewer than 2^32 nodes");
        let epoch = self.epoch.get();
        let recorded_at = self.on_behalf_of.get().unwrap_or(Location::caller());
        // Built in place and not copied there.
        nodes.resize_with(nodes.len() + 1, || Node {
            value: None,
            rule: None,
            recorded_at,
            epoch,
            requires_grad,
            cut: false,
            spent: false,
        });
        Var::at(self, index, epoch)
    }

    /// A constant that was computed from variables. No gradient flows to them, and
    /// [`Connection`](crate::Connection) reports them as cut off.
    #[track_caller]
    pub(crate) fn push_cut(
        &self,
        value: &mut Option<Tensor<E>>,
        rule: Option<Box<Rule<E>>>,
        from: Few<Cut>,
    ) -> Var<'_, E> {
        let var = self.push_from(value, rule, false);
        self.nodes.borrow_mut()[var.index() as usize].cut = true;
        self.cuts.borrow_mut().push(var.index(), from);
        var
    }
}
