//! Sums and multiples of gradients.

use std::iter::Sum;
use std::ops::AddAssign;
use std::sync::Arc;

use wengert_kernels::{Element, elementwise};

use super::{Gradients, NONE, OfParameter, OfVariable, Source};
use crate::error::{Error, Result, expect};
use crate::memory::BufferPool;
use crate::parameter::ParameterId;
use crate::tensor::Tensor;

/// The elements of a gradient in row-major order, in a buffer that no other tensor shares.
fn own<'a, E: Element>(
    gradient: &'a mut Tensor<E>,
    pool: Option<&BufferPool<E>>,
) -> Result<&'a mut [E]> {
    gradient.settle()?;
    if !(gradient.is_unique() && gradient.is_contiguous()) {
        // In a buffer from the pool, so that a step of a training loop allocates none.
        *gradient = gradient.copied(gradient.pool().or(pool))?;
    }
    Ok(gradient.as_mut_slice())
}

/// `factor` times a gradient, which shares the gradient's buffer if the factor is 1.
fn scaled<E: Element>(
    factor: f64,
    gradient: &Tensor<E>,
    pool: Option<&BufferPool<E>>,
) -> Result<Tensor<E>> {
    let mut gradient = gradient.clone();
    if factor != 1.0 {
        elementwise::scale_in_place(E::from_f64(factor), own(&mut gradient, pool)?);
    }
    Ok(gradient)
}

/// Adds `factor * new` to a gradient of the same shape.
fn add_to<E: Element>(
    sum: &mut Tensor<E>,
    factor: f64,
    new: &Tensor<E>,
    pool: Option<&BufferPool<E>>,
) -> Result<()> {
    let (mut room, sum) = (None, own(sum, pool)?);
    let new = new.in_order(&mut room)?;
    if factor == 1.0 {
        elementwise::add_assign(sum, new);
    } else {
        elementwise::axpy(E::from_f64(factor), new, sum);
    }
    Ok(())
}

/// Returns an error if two gradients of one leaf differ in shape.
fn check<E: Element>(sum: &Tensor<E>, new: &Tensor<E>) -> Result<()> {
    if sum.shape() == new.shape() {
        return Ok(());
    }
    let expected = format!("gradients of one shape for one leaf, {} as in the sum", sum.shape());
    Err(Error::Shapes { op: "add_scaled", expected, got: vec![new.shape().clone()] })
}

impl<E: Element> Source<E> {
    /// Whether both are the same tape in the same generation.
    fn is_same(&self, other: &Self) -> bool {
        self.generation == other.generation && Arc::ptr_eq(&self.link, &other.link)
    }

    /// Whether the tape exists and was not cleared, so that its variables can still be used.
    fn is_current(&self) -> bool {
        self.link.lent(self.generation).is_some()
    }

    /// Records that a parameter of the tape has a gradient.
    fn record(&mut self, id: ParameterId, leaf: u32) {
        if leaf != NONE
            && let Err(place) = self.leaves.binary_search(&(id, leaf))
        {
            self.leaves.insert(place, (id, leaf));
        }
    }
}

impl<E: Element> Gradients<E> {
    /// Multiplies all gradients by a number: `1 / n` after adding the gradients of `n` batches
    /// gives the gradient of the mean.
    ///
    /// # Panics
    /// If there is no memory for a copy of a gradient that another tensor shares.
    #[track_caller]
    pub fn scale(&mut self, factor: f64) {
        self.change(|gradient| elementwise::scale_in_place(E::from_f64(factor), gradient));
    }

    /// Changes the elements of every gradient in place.
    #[track_caller]
    pub(crate) fn change(&mut self, change: impl Fn(&mut [E])) {
        let pool = self.pool();
        for gradient in self.all_mut() {
            change(expect(own(gradient, pool.as_ref())));
        }
    }

    /// Adds `factor * other` to these gradients, leaf by leaf and in place. A leaf with a gradient
    /// only in `self` keeps it, and a leaf with a gradient only in `other` gets `factor` times that
    /// gradient. For parts of a batch that differ in size, use each part's share as its factor.
    ///
    /// The gradients of plain variables of a tape that was cleared or dropped are removed from the
    /// sum, as no variable is left with which they could be read.
    ///
    /// ```
    /// use wengert_autodiff::{Gradients, Parameter, Tensor};
    /// let [weight, bias] = [2, 1].map(|n| Parameter::new(Tensor::<f64>::zeros([n])));
    /// let (mut a, mut b) = (Gradients::new(), Gradients::new());
    /// a.insert(&weight, Tensor::full([2], 1.0))?;
    /// b.insert(&weight, Tensor::full([2], 4.0))?;
    /// b.insert(&bias, Tensor::full([1], 8.0))?;
    /// a.add_scaled(0.5, &b)?;
    /// assert_eq!(a.parameter(&weight).unwrap().to_vec(), [3.0, 3.0]);
    /// assert_eq!(a.parameter(&bias).unwrap().to_vec(), [4.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shapes`] if two gradients of one parameter differ in shape; nothing is added then.
    /// [`Error::OutOfMemory`] if there is no memory for a copy or for a deferred gradient.
    pub fn add_scaled(&mut self, factor: f64, other: &Self) -> Result<()> {
        for new in &other.parameters {
            if let Some(found) = self.find(new.id) {
                check(&self.parameters[found].value, &new.value)?;
            }
        }
        self.drop_past_sources();
        let pool = self.pool().or_else(|| other.pool());
        let empty = self.parameters.is_empty();
        for new in &other.parameters {
            match self.parameters.binary_search_by_key(&new.id, |of| of.id) {
                Ok(found) => {
                    add_to(&mut self.parameters[found].value, factor, &new.value, pool.as_ref())?;
                }
                Err(place) => {
                    let value = scaled(factor, &new.value, pool.as_ref())?;
                    let place = if empty { self.parameters.len() } else { place };
                    self.parameters.insert(place, OfParameter { id: new.id, leaf: NONE, value });
                }
            }
        }
        for (at, source) in other.sources.iter().enumerate() {
            if source.is_current() {
                let leaves = other.parameters.iter().map(|of| (of.id, of.leaf));
                let leaves = leaves.filter(|_| at == 0).chain(source.leaves.iter().copied());
                self.add_source(factor, source, leaves)?;
            }
        }
        Ok(())
    }

    /// Removes the sources whose tape was cleared or dropped.
    fn drop_past_sources(&mut self) {
        let first = |sources: &[Source<E>]| sources.first().map(|first| Arc::as_ptr(&first.link));
        let before = first(&self.sources);
        self.sources.retain(|source| source.is_current());
        // The indices of the leaves refer to the first source.
        if first(&self.sources) != before {
            self.parameters.iter_mut().for_each(|of| of.leaf = NONE);
        }
    }

    /// Adds the part of the gradients that belongs to a tape: the gradients of its plain variables,
    /// and the parameters of it that have gradients.
    fn add_source(
        &mut self,
        factor: f64,
        new: &Source<E>,
        leaves: impl Iterator<Item = (ParameterId, u32)>,
    ) -> Result<()> {
        let known = self.sources.iter().position(|source| source.is_same(new));
        let at = known.unwrap_or_else(|| {
            self.sources.push(Source { variables: Vec::new(), leaves: Vec::new(), ..new.clone() });
            self.sources.len() - 1
        });
        let source = &mut self.sources[at];
        for output in &new.outputs {
            if !source.outputs.contains(output) {
                source.outputs.push(*output);
            }
        }
        for (id, leaf) in leaves {
            source.record(id, leaf);
        }
        let pool = new.link.pool();
        for OfVariable { place, value } in &new.variables {
            match source.variables.binary_search_by_key(place, |of| of.place) {
                Ok(found) => {
                    add_to(&mut source.variables[found].value, factor, value, Some(pool))?;
                }
                Err(at) => {
                    let value = scaled(factor, value, Some(pool))?;
                    source.variables.insert(at, OfVariable { place: *place, value });
                }
            }
        }
        Ok(())
    }
}

/// Adds the gradients leaf by leaf. Panics where [`add_scaled`](Gradients::add_scaled) returns an
/// error.
impl<E: Element> AddAssign<&Self> for Gradients<E> {
    #[track_caller]
    fn add_assign(&mut self, other: &Self) {
        expect(self.add_scaled(1.0, other));
    }
}

/// Adds the gradients leaf by leaf. Panics where [`add_scaled`](Gradients::add_scaled) returns an
/// error.
impl<E: Element> AddAssign for Gradients<E> {
    #[track_caller]
    fn add_assign(&mut self, other: Self) {
        if self.is_empty() && self.sources.is_empty() {
            *self = other;
        } else {
            *self += &other;
        }
    }
}

impl<E: Element> Sum for Gradients<E> {
    fn sum<I: Iterator<Item = Self>>(gradients: I) -> Self {
        gradients.fold(Self::new(), |mut sum, gradients| {
            sum += gradients;
            sum
        })
    }
}
