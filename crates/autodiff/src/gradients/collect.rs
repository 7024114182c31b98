//! The gradients of one backward pass, collected from the slots of the walk.

use std::sync::Arc;

use smallvec::SmallVec;
use wengert_kernels::Element;

use super::{Gradients, OfParameter, OfVariable, Source};
use crate::error::Result;
use crate::parameter::ParameterId;
use crate::tape::link::Link;
use crate::tape::{Node, Tape};
use crate::tensor::Tensor;
use crate::var::Var;
use crate::walk::Walk;

impl<E: Element> Tape<E> {
    /// The gradients of an output, from the slots of a walk to all leaves. Lends the values of the
    /// parameters among the leaves, unless another backward pass is running.
    #[inline(never)]
    pub(crate) fn collect(
        &self,
        output: Var<'_, E>,
        walk: &mut Walk<'_, E>,
    ) -> Result<Gradients<E>> {
        let link = self.begin_lending();
        let lends = !self.walks.get();
        let (parameters, mut nodes) = (self.parameters.borrow(), self.nodes_mut());
        let leaves = parameters.all();
        let mut lent = link.lend(self.generation(), leaves.len());
        let mut collector =
            Collector::new(Arc::clone(link), self.generation(), output, leaves.len());
        let mut marked = 0;
        for (leaf, &(place, id)) in leaves.iter().enumerate() {
            let place = place as usize;
            // The walk has no slots for leaves after the output.
            let Some(mark) = walk.marks.get(place) else { break };
            marked += usize::from(mark.wanted);
            if mark.is_wanted_and_reached() {
                let (value, node) = (&mut walk.values[place], &mut nodes[place]);
                if value.is_none() {
                    *value = Some(zeros_like(node)?);
                }
                collector.parameter(id, leaf as u32, value);
                if lends {
                    lent.put(leaf, &mut node.value);
                }
            }
        }
        if marked < walk.leaves {
            self.collect_variables(walk, &nodes, &mut collector)?;
        }
        Ok(collector.finish())
    }

    /// Adds the gradients that remain in the slots of a walk: those of plain variables.
    #[cold]
    fn collect_variables(
        &self,
        walk: &mut Walk<'_, E>,
        nodes: &[Node<E>],
        collector: &mut Collector<E>,
    ) -> Result<()> {
        let parameters = self.parameters.borrow();
        let mut parameters = parameters.all().iter().map(|&(place, _)| place as usize).peekable();
        for (place, mark) in walk.marks.iter().enumerate() {
            let is_parameter = parameters.next_if_eq(&place).is_some();
            if mark.is_wanted_and_reached() && !is_parameter {
                let (value, node) = (&mut walk.values[place], &nodes[place]);
                if value.is_none() {
                    *value = Some(zeros_like(node)?);
                }
                let place = Var::at(self, place as u32, node.epoch).place();
                collector.variable(place, value);
            }
        }
        Ok(())
    }
}

/// Zeros: the gradient of a leaf that the walk has reached and at which no cotangent has arrived.
#[cold]
fn zeros_like<E: Element>(node: &Node<E>) -> Result<Tensor<E>> {
    let shape = node.value("backward")?.shape().clone();
    Tensor::scalar(E::ZERO).try_broadcast_to(shape)
}

/// A collector of the gradients of one backward pass.
struct Collector<E: Element> {
    gradients: Gradients<E>,
    /// The parameter that was added last.
    last: Option<ParameterId>,
    /// Whether parameters were added in another order than that of their ids.
    unordered: bool,
}

impl<E: Element> Collector<E> {
    /// A collector for the gradients of an output on a tape of a generation.
    fn new(link: Arc<Link<E>>, generation: u64, output: Var<'_, E>, parameters: usize) -> Self {
        let source = Source {
            link,
            generation,
            outputs: SmallVec::from_buf([output.place()]),
            variables: Vec::new(),
            leaves: Vec::new(),
        };
        let (parameters, sources) = (Vec::with_capacity(parameters), SmallVec::from_buf([source]));
        Collector { gradients: Gradients { parameters, sources }, last: None, unordered: false }
    }

    /// Adds the gradient of a parameter, taken from `value`.
    #[inline]
    fn parameter(&mut self, id: ParameterId, leaf: u32, value: &mut Option<Tensor<E>>) {
        self.unordered |= self.last.is_some_and(|last| last >= id);
        self.last = Some(id);
        if let Some(value) = value.take() {
            self.gradients.parameters.push(OfParameter { id, leaf, value });
        }
    }

    /// Adds the gradient of a plain variable, taken from `value`.
    fn variable(&mut self, place: u64, value: &mut Option<Tensor<E>>) {
        let of = value.take().map(|value| OfVariable { place, value });
        self.gradients.sources[0].variables.extend(of);
    }

    /// The gradients.
    fn finish(mut self) -> Gradients<E> {
        if self.unordered {
            // Each parameter occurs once: a backward pass does not reach a leaf whose value was
            // released.
            self.gradients.parameters.sort_unstable_by_key(|of| of.id);
        }
        self.gradients
    }
}
