//! [`Gradients`]: the result of a backward pass over the tape.

mod collect;
mod sum;

use std::sync::{Arc, MutexGuard};

use smallvec::SmallVec;
use wengert_kernels::Element;

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::memory::BufferPool;
use crate::parameter::{Parameter, ParameterId};
use crate::tape::Tape;
use crate::tape::link::{Lent, Link};
use crate::tensor::Tensor;
use crate::var::Var;

/// The gradients of one output with respect to all leaves it depends on, or a sum of such
/// gradients.
///
/// A leaf on which the output does not depend has no gradient: [`get`](Self::get) and
/// [`parameter`](Self::parameter) return `None`, and [`connection`](Self::connection) returns the
/// reason. A leaf on which the output depends has a gradient, even if all its elements are zero.
///
/// The gradient of a [`Parameter`] is stored under the parameter's [`id`](Parameter::id). It
/// remains available after the tape was cleared or dropped, on another thread, and in a sum over
/// several tapes. The gradient of a plain variable ([`Tape::variable`]) belongs to the variable's
/// tape, and is available until the tape is cleared. For a variable of another tape, or one
/// recorded after [`Tape::clear`], [`get`](Self::get) returns `None` and
/// [`connection`](Self::connection) returns [`DifferentTape`](Connection::DifferentTape).
///
/// # Sums
///
/// `+=` adds the gradients of two [`Gradients`] leaf by leaf; [`scale`](Self::scale) and
/// [`add_scaled`](Self::add_scaled) multiply gradients by a number. Use them to accumulate
/// gradients over several batches, or over several threads that have a tape each. A leaf with a
/// gradient in only one of the two keeps that gradient, and a leaf without a gradient in both stays
/// without one.
///
/// ```
/// use wengert_autodiff::{Gradients, Parameter, Tape, Tensor};
/// let weight = Parameter::new(Tensor::scalar(3.0_f64));
/// let mut tape = Tape::new();
/// let mut sum = Gradients::new();
/// for x in [1.0, 2.0] {
///     sum += (tape.parameter(&weight) * x).backward();
///     tape.clear();
/// }
/// assert_eq!(sum.parameter(&weight).unwrap().item(), 1.0 + 2.0);
/// ```
#[derive(Clone, Debug)]
pub struct Gradients<E: Element = f32> {
    /// In the order of the parameters' ids.
    parameters: Vec<OfParameter<E>>,
    /// The tapes the gradients come from.
    sources: SmallVec<[Source<E>; 1]>,
}

/// The gradient of a parameter.
#[derive(Clone, Debug)]
struct OfParameter<E: Element> {
    id: ParameterId,
    /// The index of the leaf among the parameters on the tape of the first source, or [`NONE`].
    leaf: u32,
    value: Tensor<E>,
}

/// The index for a gradient that belongs to no leaf of that tape.
const NONE: u32 = u32::MAX;

/// A tape between two calls of [`Tape::clear`], and the gradients that belong to it.
#[derive(Clone, Debug)]
struct Source<E: Element> {
    link: Arc<Link<E>>,
    generation: u64,
    /// The outputs that were differentiated.
    outputs: SmallVec<[u64; 1]>,
    /// The gradients of plain variables, in the order of their places.
    variables: Vec<OfVariable<E>>,
    /// The leaves of the tape that have gradients, sorted, as far as [`OfParameter::leaf`] does not
    /// record them.
    leaves: Vec<(ParameterId, u32)>,
}

/// The gradient of a plain variable.
#[derive(Clone, Debug)]
struct OfVariable<E: Element> {
    place: u64,
    value: Tensor<E>,
}

impl<E: Element> Default for Gradients<E> {
    /// A value without gradients.
    fn default() -> Self {
        Gradients { parameters: Vec::new(), sources: SmallVec::new() }
    }
}

impl<E: Element> Gradients<E> {
    /// A value without gradients: the initial value of a sum, or one to fill with
    /// [`insert`](Self::insert).
    pub fn new() -> Self {
        Self::default()
    }

    /// The gradient with respect to the leaf `x`. `None` if the output does not depend on `x`, if
    /// `x` is not a leaf (use [`grad`](crate::grad) for other variables), or if `x` is on another
    /// tape or was recorded after the tape was cleared.
    #[inline(never)]
    pub fn get(&self, x: Var<'_, E>) -> Option<&Tensor<E>> {
        let (at, source) = self.source_of(x.tape())?;
        let variables = &source.variables;
        if let Ok(found) = variables.binary_search_by_key(&x.place(), |of| of.place) {
            return Some(&variables[found].value);
        }
        let (leaf, id) = x.parameter()?;
        let gradient = &self.parameters[self.find(id)?];
        let own = at == 0 && gradient.leaf == leaf;
        (own || source.leaves.binary_search(&(id, leaf)).is_ok()).then_some(&gradient.value)
    }

    /// The gradient with respect to a parameter, or `None` if the output does not depend on the
    /// parameter.
    ///
    /// The gradient was computed with the value of the parameter in the forward pass. It does not
    /// change when an optimizer changes the parameter.
    pub fn parameter(&self, parameter: &Parameter<E>) -> Option<&Tensor<E>> {
        Some(&self.parameters[self.find(parameter.id())?].value)
    }

    /// The elements of a parameter's gradient in row-major order, for writing; `None` if the
    /// parameter has no gradient. Copies the gradient first if another tensor shares its buffer.
    ///
    /// # Panics
    /// If there is no memory for the copy.
    pub fn parameter_mut(&mut self, parameter: &Parameter<E>) -> Option<&mut [E]> {
        let found = self.find(parameter.id())?;
        Some(self.parameters[found].value.as_mut_slice())
    }

    /// Sets the gradient of a parameter, and returns its previous gradient.
    ///
    /// ```
    /// use wengert_autodiff::{Gradients, Parameter, Tensor};
    /// let weight = Parameter::new(Tensor::<f32>::zeros([2, 3]));
    /// let mut gradients = Gradients::new();
    /// gradients.insert(&weight, Tensor::ones([2, 3]))?;
    /// assert_eq!(gradients.parameter(&weight).unwrap().to_vec(), [1.0; 6]);
    /// assert!(gradients.insert(&weight, Tensor::ones([3, 2])).is_err());
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shapes`] if the gradient does not have the parameter's shape.
    #[inline(never)]
    pub fn insert(
        &mut self,
        parameter: &Parameter<E>,
        gradient: Tensor<E>,
    ) -> Result<Option<Tensor<E>>> {
        let shape = parameter.value().shape();
        if gradient.shape() != shape {
            let expected = format!("a gradient of the parameter's shape {shape}");
            let got = vec![gradient.shape().clone()];
            return Err(Error::Shapes { op: "insert", expected, got });
        }
        let id = parameter.id();
        Ok(match self.parameters.binary_search_by_key(&id, |of| of.id) {
            Ok(found) => Some(std::mem::replace(&mut self.parameters[found].value, gradient)),
            Err(place) => {
                self.parameters.insert(place, OfParameter { id, leaf: NONE, value: gradient });
                None
            }
        })
    }

    /// Removes the gradient of a parameter, and returns it.
    pub fn remove(&mut self, parameter: &Parameter<E>) -> Option<Tensor<E>> {
        let found = self.find(parameter.id())?;
        Some(self.parameters.remove(found).value)
    }

    /// The gradients of the parameters, in the order of their ids.
    pub fn parameters(&self) -> impl Iterator<Item = (ParameterId, &Tensor<E>)> {
        self.parameters.iter().map(|of| (of.id, &of.value))
    }

    /// The index of a parameter's gradient.
    fn find(&self, id: ParameterId) -> Option<usize> {
        self.parameters.binary_search_by_key(&id, |of| of.id).ok()
    }

    /// The source that is this tape in its current generation, and the index of the source.
    fn source_of(&self, tape: &Tape<E>) -> Option<(usize, &Source<E>)> {
        self.sources.iter().enumerate().find(|(_, source)| {
            source.generation == tape.generation()
                && tape.link().is_some_and(|link| Arc::ptr_eq(link, &source.link))
        })
    }

    /// All gradients: those of parameters, then those of plain variables.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Tensor<E>> {
        let variables = self.sources.iter().flat_map(|source| &source.variables);
        self.parameters.iter().map(|of| &of.value).chain(variables.map(|of| &of.value))
    }

    /// All gradients, mutable, in the order of [`all`](Self::all).
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Tensor<E>> {
        let variables = self.sources.iter_mut().flat_map(|source| &mut source.variables);
        let variables = variables.map(|of| &mut of.value);
        self.parameters.iter_mut().map(|of| &mut of.value).chain(variables)
    }

    /// The buffer pool for copies.
    pub(crate) fn pool(&self) -> Option<BufferPool<E>> {
        self.sources.first().map(|source| source.link.pool().clone())
    }

    /// How the output depends on the variable `x`; if [`get`](Self::get) returns `None`, this is
    /// the reason. For a sum of gradients, the closest connection of `x` with one of the outputs.
    ///
    /// A variable that has a gradient is always [`Connected`](Connection::Connected). Operations
    /// that [`backward_once`](Var::backward_once) has freed no longer count as a path to other
    /// variables.
    ///
    /// ```
    /// use wengert_autodiff::{Connection, Tape, Tensor};
    /// let mut tape = Tape::new();
    /// let [x, y, z] = [1.0_f64, -2.0, 3.0].map(|v| tape.variable(&Tensor::scalar(v)));
    /// let gradients = (x.detach() * y.relu()).backward();
    /// assert_eq!(gradients.connection(x), Connection::Detached);
    /// assert_eq!(gradients.connection(y), Connection::Connected); // and the gradient is zero
    /// assert_eq!(gradients.get(y).unwrap().item(), 0.0);
    /// assert_eq!(gradients.connection(z), Connection::Unused);
    /// tape.clear();
    /// let later = tape.variable(&Tensor::scalar(1.0));
    /// assert_eq!(gradients.connection(later), Connection::DifferentTape);
    /// assert!(gradients.get(later).is_none());
    /// ```
    pub fn connection(&self, x: Var<'_, E>) -> Connection {
        if self.get(x).is_some() {
            return Connection::Connected;
        }
        self.connection_to(x.tape(), std::iter::once(x))
    }

    /// How the output depends on a parameter that was put on `tape`; if
    /// [`parameter`](Self::parameter) returns `None`, this is the reason.
    pub fn parameter_connection(&self, parameter: &Parameter<E>, tape: &Tape<E>) -> Connection {
        if self.parameter(parameter).is_some() {
            return Connection::Connected;
        }
        if parameter.is_frozen() {
            return Connection::Constant;
        }
        let leaves = tape.leaves(parameter.id());
        self.connection_to(tape, leaves.into_iter().map(|leaf| tape.var(leaf)))
    }

    /// The closest connection of the outputs with one of the given variables of a tape.
    fn connection_to<'t>(
        &self,
        tape: &'t Tape<E>,
        variables: impl Iterator<Item = Var<'t, E>>,
    ) -> Connection {
        let Some((_, source)) = self.source_of(tape) else { return Connection::DifferentTape };
        let connection = |x: Var<'t, E>| {
            source.outputs.iter().map(move |&output| Var::of_place(tape, output).connection(x))
        };
        variables.flat_map(connection).max_by_key(|found| found.closeness()).unwrap_or_default()
    }

    /// Returns the gradient of a parameter, and makes the tapes that the gradients come from
    /// release the parameter's value. An optimizer calls this method before it changes the value in
    /// place. The variables of the parameter that are already on these tapes lose their value.
    /// Deferred variables and gradients that read the value are computed first.
    ///
    /// A tape that was cleared has already released the value. If another tape still holds the
    /// value, changing it makes a copy.
    pub fn release(&self, parameter: &Parameter<E>) -> Option<&Tensor<E>> {
        self.update().release(parameter)
    }

    /// The gradients while an optimizer changes one parameter after the other. The tape must not be
    /// used before the returned value is dropped.
    #[doc(hidden)]
    pub fn update(&self) -> Update<'_, E> {
        let lent = self.sources.first().and_then(|source| source.link.lent(source.generation));
        Update { gradients: self, lent, next: 0 }
    }

    /// The number of leaves with a gradient.
    pub fn len(&self) -> usize {
        self.all().count()
    }

    /// Whether there are no gradients: the output depends on no leaf.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }
}

/// The gradients while an optimizer changes parameters: see [`Gradients::release`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Update<'g, E: Element> {
    gradients: &'g Gradients<E>,
    /// The values that the tape of the first source has lent, unless the tape was cleared.
    lent: Option<MutexGuard<'g, Lent<E>>>,
    /// The index after the gradient that was requested last. A module visits its parameters in the
    /// order in which they were made, which is usually the order of the gradients.
    next: usize,
}

impl<'g, E: Element> Update<'g, E> {
    /// See [`Gradients::release`].
    #[inline(never)]
    pub fn release(&mut self, parameter: &Parameter<E>) -> Option<&'g Tensor<E>> {
        let gradients = self.gradients;
        let (id, all) = (parameter.id(), &gradients.parameters);
        let found = match all.get(self.next) {
            Some(next) if next.id == id => self.next,
            _ => gradients.find(id)?,
        };
        self.next = found + 1;
        let OfParameter { leaf, ref value, .. } = all[found];
        if let Some(lent) = &mut self.lent {
            lent.release(leaf);
        }
        if !parameter.value().is_unique() {
            self.release_others(parameter);
        }
        Some(value)
    }

    /// Makes further tapes and deferred results release a parameter's value.
    #[cold]
    fn release_others(&mut self, parameter: &Parameter<E>) {
        let sources = &self.gradients.sources;
        // One lock at a time: another thread may lock these tapes in another order.
        self.lent = None;
        for source in sources {
            let own = source.leaves.iter().filter(|(id, _)| *id == parameter.id());
            if let Some(mut lent) = source.link.lent(source.generation) {
                own.for_each(|own| lent.release(own.1));
            }
        }
        if !parameter.value().is_unique() {
            let schedules = sources.iter().map(|source| source.link.schedule());
            parameter.value().compute_users(schedules, self.gradients.all());
        }
        self.lent = sources.first().and_then(|source| source.link.lent(source.generation));
    }
}

instances!(
    gradients<E = f32, f64>:
    Gradients::<E>::get,
    Gradients::<E>::insert,
    Gradients::<E>::release,
    Gradients::<E>::clip_norm,
    Gradients::<E>::clip_value,
    Gradients::<E>::add_scaled,
    drop::<Gradients<E>>
);
