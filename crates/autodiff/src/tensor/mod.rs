//! [`Tensor`]: a shape, strides, and a shared buffer. Access lives here; construction in `create`,
//! `random` and `convert`, views in `view`, iterators and indices in `iter`, functions of the
//! caller's in `map`, equality in `equal`, the loops over strided operands in
//! `strided`, deferred elements in `deferred`, printing in `format`.

mod convert;
mod create;
mod deferred;
pub(crate) mod equal;
pub(crate) mod finite;
mod format;
pub(crate) mod iter;
pub(crate) mod map;
#[cfg(feature = "ndarray")]
mod ndarray;
mod random;
#[cfg(feature = "serde")]
mod serde;
pub(crate) mod strided;
pub(crate) mod view;

use wengert_kernels::{Element, layout};

use crate::error::{Error, Result, expect};
use crate::memory::{BufferPool, Handle, try_vec};
use crate::shape::{Shape, Strides};

/// A dense array of elements `E` with any number of axes.
///
/// Cloning and taking views (transposes, slices, broadcasts) share the buffer; writing copies it
/// first if it is shared (copy-on-write), so a tensor behaves as a value. Buffers that came from a
/// tape return to it when the last tensor on them is dropped.
///
/// ```
/// use wengert_autodiff::Tensor;
/// let x = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])?;
/// assert_eq!(x.transpose(0, 1).to_vec(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor<E: Element = f32> {
    handle: Handle<E>,
    offset: usize,
    shape: Shape,
    /// `None` where the elements lie in row-major order.
    strides: Option<Box<Strides>>,
}

impl<E: Element> Tensor<E> {
    /// A tensor with unspecified contents, from `pool` if there is one.
    pub(crate) fn stale(shape: Shape, pool: Option<&BufferPool<E>>) -> Result<Self> {
        let len = shape.checked_len::<E>("tensor")?;
        Self::stale_of(shape, len, pool)
    }

    /// [`stale`](Self::stale) for a shape whose number of elements has been checked.
    #[inline]
    pub(crate) fn stale_of(shape: Shape, len: usize, pool: Option<&BufferPool<E>>) -> Result<Self> {
        match Handle::new(len, pool) {
            Ok(handle) => Ok(Tensor { handle, offset: 0, shape, strides: None }),
            Err(refused) => Err(refused.for_shape("tensor", &shape)),
        }
    }

    /// Another tensor that shares the buffer: `clone`, but built in place.
    #[inline(always)]
    pub(crate) fn shared(&self) -> Self {
        Tensor {
            handle: self.handle.clone(),
            offset: self.offset,
            shape: self.shape.clone(),
            strides: self.strides.clone(),
        }
    }

    /// A single element, under a shape of one element.
    #[inline]
    pub(crate) fn single(shape: Shape, element: E) -> Self {
        Self::of(Handle::of_single(element), shape)
    }

    /// The leading elements of a buffer, in row-major order.
    #[inline]
    pub(crate) fn of(handle: Handle<E>, shape: Shape) -> Self {
        Tensor { handle, offset: 0, shape, strides: None }
    }

    /// A tensor whose elements `f` writes. The value is assembled last, in the place where it is
    /// returned: moving a tensor right after its words are written reads them in wider loads than
    /// they were stored in, which stalls on store forwarding.
    #[inline]
    pub(crate) fn written_by(
        shape: &Shape,
        len: usize,
        pool: Option<&BufferPool<E>>,
        f: impl FnOnce(&mut [E]),
    ) -> Result<Self> {
        match Handle::written_by(len, pool, f) {
            Ok(handle) => Ok(Tensor { handle, offset: 0, shape: shape.clone(), strides: None }),
            Err(refused) => Err(refused.for_shape("tensor", shape)),
        }
    }

    /// The sizes along the axes.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The distances, in elements, between neighbours along each axis.
    pub fn strides(&self) -> Strides {
        match &self.strides {
            Some(strides) => Strides::clone(strides),
            None => self.shape.contiguous_strides(),
        }
    }

    /// The distances, in elements, between neighbours along the last two axes.
    #[inline]
    pub(crate) fn matrix_strides(&self) -> [isize; 2] {
        match &self.strides {
            Some(strides) => *strides.last_chunk().expect("a tensor of at least two axes"),
            None => [self.shape.last().map_or(1, |&cols| cols.max(1) as isize), 1],
        }
    }

    /// The elements in row-major order: in place if the tensor is contiguous, otherwise in a copy
    /// that is stored in `room`.
    #[inline]
    pub(crate) fn in_order<'a>(&'a self, room: &'a mut Option<Self>) -> Result<&'a [E]> {
        if self.is_contiguous()
            && let Some(buffer) = self.handle.computed()
        {
            return Ok(self.part_of(buffer));
        }
        self.put_in_order(room)
    }

    #[cold]
    fn put_in_order<'a>(&'a self, room: &'a mut Option<Self>) -> Result<&'a [E]> {
        self.compute()?;
        if let Some(elements) = self.as_slice() {
            return Ok(elements);
        }
        Ok(room.insert(self.copied(self.pool())?).as_slice().expect("a copy is in order"))
    }

    /// The elements of a contiguous tensor, in its buffer.
    #[inline]
    fn part_of<'a>(&self, buffer: &'a [E]) -> &'a [E] {
        let len = self.len();
        // An empty view may point past the buffer's end.
        let start = if len == 0 { 0 } else { self.offset };
        &buffer[start..start + len]
    }

    /// The number of axes.
    #[inline]
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.shape.numel()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the elements lie one after another in row-major order.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.strides.is_none()
    }

    /// The elements in row-major order, if that is their layout in memory.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if they are a deferred result that there is no memory for.
    pub fn try_as_slice(&self) -> Result<Option<&[E]>> {
        self.compute()?;
        Ok(self.as_slice())
    }

    /// The elements in row-major order, if that is their layout in memory.
    ///
    /// # Panics
    /// If they are a deferred result that there is no memory for.
    #[inline]
    pub fn as_slice(&self) -> Option<&[E]> {
        if self.is_contiguous() { Some(self.part_of(self.handle.as_slice())) } else { None }
    }

    /// The elements in row-major order, for writing. Copies first if the buffer is shared with
    /// another tensor or the layout is not row-major.
    ///
    /// # Panics
    /// If there is no memory for the copy.
    #[inline]
    #[track_caller]
    pub fn as_mut_slice(&mut self) -> &mut [E] {
        if !self.is_contiguous() || !self.handle.is_unique() {
            expect(self.copy_on_write());
        }
        self.own_elements()
    }

    /// The elements in row-major order, for writing. See [`as_mut_slice`](Self::as_mut_slice).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if there is no memory for the copy.
    #[inline(never)]
    pub fn try_as_mut_slice(&mut self) -> Result<&mut [E]> {
        if !self.is_contiguous() || !self.handle.is_unique() {
            self.copy_on_write()?;
        }
        Ok(self.own_elements())
    }

    /// The elements of a buffer that no other tensor shares, in row-major order.
    #[inline]
    fn own_elements(&mut self) -> &mut [E] {
        let len = self.len();
        let start = if len == 0 { 0 } else { self.offset };
        let elements = self.handle.get_mut().expect("the buffer was made unique before");
        &mut elements[start..start + len]
    }

    /// Whether both are views of the same elements in the same order. They are then equal without
    /// comparing elements, as shared buffers are never modified.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let elements = match (self.handle.single(), other.handle.single()) {
            (Some(own), Some(other)) => own.to_f64().to_bits() == other.to_f64().to_bits(),
            _ => self.handle.is_on(&other.handle),
        };
        elements
            && self.offset == other.offset
            && self.shape == other.shape
            && self.strides == other.strides
    }

    /// Replaces a deferred computation, once computed, by a reference to its elements.
    #[inline(never)]
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.handle.settle().map_err(|refused| refused.for_shape("tensor", &self.shape))
    }

    #[cold]
    fn copy_on_write(&mut self) -> Result<()> {
        if let Err(refused) = self.handle.settle() {
            return Err(refused.for_shape("tensor", &self.shape));
        }
        if !self.is_contiguous() || !self.handle.is_unique() {
            *self = self.copied(self.handle.pool())?;
        }
        Ok(())
    }

    /// Computes the elements if they are a pending deferred result.
    #[inline]
    pub(crate) fn compute(&self) -> Result<()> {
        match self.handle.compute() {
            Ok(()) => Ok(()),
            Err(refused) => Err(refused.for_shape("tensor", &self.shape)),
        }
    }

    /// A row-major copy in a buffer of its own.
    #[inline(never)]
    pub(crate) fn copied(&self, pool: Option<&BufferPool<E>>) -> Result<Self> {
        self.compute()?;
        let len = self.len();
        Self::written_by(&self.shape, len, pool, |target| self.copy_to(target))
    }

    /// Writes the elements in row-major order.
    #[inline(never)]
    pub(crate) fn copy_to(&self, target: &mut [E]) {
        if let Some(slice) = self.as_slice() {
            target.copy_from_slice(slice);
        } else {
            let (buffer, offset) = self.raw();
            layout::copy_strided(buffer, offset, self.shape.dims(), &self.strides(), target);
        }
    }

    /// Moves a single element that a view repeats to a buffer of the pool, so that copies of it
    /// come from the pool too. Any other tensor does not change.
    #[inline]
    pub(crate) fn bring_home(&mut self, pool: &BufferPool<E>) {
        if let Some(element) = self.handle.single()
            && self.strides.is_some()
            && self.len() > 1
        {
            // If there is no memory for one element, there is none for copies of it.
            let Ok(mut handle) = pool.take(1) else { return };
            handle.get_mut().expect("a new buffer has one owner")[0] = element;
            self.handle = handle;
        }
    }

    /// A contiguous tensor with the same elements; it shares the buffer if the tensor is contiguous
    /// already.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if a copy is needed and there is no memory for it.
    #[inline(never)]
    pub fn try_contiguous(&self) -> Result<Self> {
        self.compute()?;
        if self.is_contiguous() { Ok(self.clone()) } else { self.copied(self.handle.pool()) }
    }

    /// A contiguous tensor with the same elements; it shares the buffer if the tensor is contiguous
    /// already.
    ///
    /// # Panics
    /// If a copy is needed and there is no memory for it.
    #[track_caller]
    pub fn contiguous(&self) -> Self {
        expect(self.try_contiguous())
    }

    /// The elements in row-major order.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if there is no memory for the vector.
    #[inline(never)]
    pub fn try_to_vec(&self) -> Result<Vec<E>> {
        self.compute()?;
        match try_vec(self.len(), E::ZERO) {
            Ok(mut elements) => {
                self.copy_to(&mut elements);
                Ok(elements)
            }
            Err(refused) => Err(refused.for_shape("to_vec", &self.shape)),
        }
    }

    /// The elements in row-major order.
    ///
    /// # Panics
    /// If there is no memory for the vector.
    #[track_caller]
    pub fn to_vec(&self) -> Vec<E> {
        expect(self.try_to_vec())
    }

    /// The element at an index, or `None` if there is none. See also `x[[i, j]]`.
    ///
    /// ```
    /// # use wengert_autodiff::Tensor;
    /// let x = Tensor::from_fn([2, 3], |i| (10 * i[0] + i[1]) as f32);
    /// assert_eq!(x.get(&[1, 2]), Some(12.0));
    /// assert_eq!(x.get(&[2, 0]), None);
    /// ```
    ///
    /// # Panics
    /// If the elements are a deferred result that there is no memory for.
    #[inline(never)]
    pub fn get(&self, index: &[usize]) -> Option<E> {
        self.element(index).copied()
    }

    /// The element at an index, if there is one.
    #[inline]
    fn element(&self, index: &[usize]) -> Option<&E> {
        let steps = match &self.strides {
            Some(strides) => self.shape.position(index, strides)?,
            None => self.shape.row_major_position(index)? as isize,
        };
        Some(&self.handle.as_slice()[(self.offset as isize + steps) as usize])
    }

    /// The element of a tensor with exactly one element.
    ///
    /// # Errors
    /// [`Error::Shapes`] if there is not exactly one, and [`Error::OutOfMemory`] if it is a
    /// deferred result that there is no memory for.
    pub fn try_item(&self) -> Result<E> {
        if self.len() != 1 {
            let expected = "a tensor of exactly one element".to_owned();
            return Err(Error::Shapes { op: "item", expected, got: vec![self.shape.clone()] });
        }
        self.compute()?;
        Ok(self.handle.as_slice()[self.offset])
    }

    /// The element of a tensor with exactly one element.
    ///
    /// # Panics
    /// If there is not exactly one, or it is a deferred result that there is no memory for.
    #[track_caller]
    pub fn item(&self) -> E {
        expect(self.try_item())
    }

    /// Whether another tensor, or a tape, shares the buffer, so that writing would copy it.
    pub fn is_shared(&self) -> bool {
        !self.handle.is_unique()
    }

    /// Whether writing makes no copy.
    pub(crate) fn is_unique(&self) -> bool {
        self.handle.is_unique()
    }

    /// The pool the buffer came from.
    pub(crate) fn pool(&self) -> Option<&BufferPool<E>> {
        self.handle.pool()
    }

    /// The whole buffer, and the offset of the first element in it.
    #[inline]
    pub(crate) fn raw(&self) -> (&[E], usize) {
        (self.handle.as_slice(), self.offset)
    }

    /// Whether both tensors have the same elements at the same offsets of one buffer.
    pub(crate) fn is_view_of(&self, other: &Self) -> bool {
        std::ptr::eq(self.handle.as_slice(), other.handle.as_slice())
            && self.offset == other.offset
            && self.shape == other.shape
            && self.strides() == other.strides()
    }

    /// The same buffer under another shape, strides and offset. The caller ensures that every
    /// element of that view lies in the buffer.
    pub(crate) fn view(&self, shape: Shape, strides: Strides, offset: usize) -> Self {
        let strides = (!shape.are_row_major(&strides)).then(|| Box::new(strides));
        Tensor { handle: self.handle.clone(), offset, shape, strides }
    }

    #[inline]
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }
}

impl<E: Element> Default for Tensor<E> {
    /// A tensor without elements.
    fn default() -> Self {
        Self::zeros([0])
    }
}

instances!(
    tensor<E = f32, f64>:
    Tensor::<E>::copied_from,
    Tensor::<E>::adopted,
    Tensor::<E>::filled,
    Tensor::<E>::try_as_mut_slice,
    Tensor::<E>::try_contiguous,
    Tensor::<E>::try_to_vec,
    Tensor::<E>::get
);

#[cfg(test)]
mod tests;
