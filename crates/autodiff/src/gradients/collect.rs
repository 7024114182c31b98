//! The gradients of one walk back, collected from where the walk has left them.

use std::sync::Arc;

use smallvec::SmallVec;
use wengert_kernels::Element;

use super::{Gradients, OfParameter, OfVariable, Source};
use crate::error::Result;
use crate::parameter::ParameterId;
use crate::tape::Tape;
use crate::tape::link::Link;
use crate::tensor::Tensor;
use crate::var::Var;

impl<E: Element> Tape<E> {
    /// The gradients of an output, from those that a walk has left in `values`. `has` says which of
    /// the nodes have one: it is zero where there is no value. Lends the values of the parameters
    /// among them, unless this is inside of another walk.
    pub(crate) fn collect(
        &self,
        output: Var<'_, E>,
        values: &mut [Option<Tensor<E>>],
        has: impl Fn(usize) -> bool,
    ) -> Result<Gradients<E>> {
        let link = self.begin_lending();
        let lends = !self.walks.get();
        let (parameters, mut nodes) = (self.parameters.borrow(), self.nodes_mut());
        let mut leaves = parameters.all().iter().enumerate();
        let mut lent = link.lend(self.generation(), leaves.len());
        let link = Arc::clone(link);
        let mut collector = Collector::new(link, self.generation(), output, leaves.len());
        let mut next = leaves.next();
        for (place, (value, node)) in values.iter_mut().zip(nodes.iter_mut()).enumerate() {
            let parameter = next.filter(|(_, of)| of.0 as usize == place);
            if parameter.is_some() {
                next = leaves.next();
            }
            if !has(place) {
                continue;
            }
            if value.is_none() {
                let shape = node.value("backward")?.shape().clone();
                *value = Some(Tensor::scalar(E::ZERO).try_broadcast_to(shape)?);
            }
            if let Some((leaf, &(_, id))) = parameter {
                collector.parameter(id, leaf as u32, value);
                if lends && node.value.is_some() {
                    lent.swap(leaf, &mut node.value);
                }
            } else {
                let place = Var::at(self, place as u32, node.epoch).place();
                collector.variable(place, value);
            }
        }
        Ok(collector.finish())
    }
}

/// Collects the gradients of one walk back.
struct Collector<E: Element> {
    gradients: Gradients<E>,
    /// The last parameter.
    last: Option<ParameterId>,
    /// Whether a parameter was collected out of the order of ids.
    unordered: bool,
}

impl<E: Element> Collector<E> {
    /// For the gradients of an output on a tape of a generation.
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

    /// Adds the gradient of a parameter, taken from where it lies.
    #[inline]
    fn parameter(&mut self, id: ParameterId, leaf: u32, value: &mut Option<Tensor<E>>) {
        self.unordered |= self.last.is_some_and(|last| last >= id);
        self.last = Some(id);
        let of = value.take().map(|value| OfParameter { id, leaf, value });
        self.gradients.parameters.extend(of);
    }

    /// Adds the gradient of a plain variable, taken from where it lies.
    fn variable(&mut self, place: u64, value: &mut Option<Tensor<E>>) {
        let of = value.take().map(|value| OfVariable { place, value });
        self.gradients.sources[0].variables.extend(of);
    }

    /// The gradients.
    fn finish(mut self) -> Gradients<E> {
        if self.unordered {
            // Each is there once: a walk back does not reach a leaf whose value was released.
            self.gradients.parameters.sort_unstable_by_key(|of| of.id);
        }
        self.gradients
    }
}
