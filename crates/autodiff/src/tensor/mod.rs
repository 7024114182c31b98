//! [`Tensor`]: a shape, strides, and a shared buffer. Construction and access live here; views in
//! `view`, the loops over strided operands in `strided`, printing in `format`.

mod format;
pub(crate) mod strided;
mod view;

pub use view::Step;
pub(crate) use view::diagonal_of;

use rand::Rng;
use smallvec::SmallVec;
use wengert_kernels::{Element, layout};

use crate::error::{Error, Result, expect};
use crate::lazy::{self, Lazy, Operand};
use crate::pool::{Handle, Pool};
use crate::shape::{Shape, Strides};

/// A dense array of `E` with any number of axes.
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
    pub(crate) fn stale(shape: Shape, pool: Option<&Pool<E>>) -> Result<Self> {
        let len = shape.checked_len::<E>("tensor")?;
        Ok(Self::stale_of(shape, len, pool))
    }

    /// The same for a shape whose number of elements was checked before.
    #[inline]
    pub(crate) fn stale_of(shape: Shape, len: usize, pool: Option<&Pool<E>>) -> Self {
        Tensor { handle: Handle::new(len, pool), offset: 0, shape, strides: None }
    }

    /// Another tensor on the same buffer: `clone`, put together where it is to lie.
    #[inline(always)]
    pub(crate) fn shared(&self) -> Self {
        Tensor {
            handle: self.handle.clone(),
            offset: self.offset,
            shape: self.shape.clone(),
            strides: self.strides.clone(),
        }
    }

    /// The elements of a buffer, from its first on, in row-major order.
    #[inline]
    pub(crate) fn of(handle: Handle<E>, shape: Shape) -> Self {
        Tensor { handle, offset: 0, shape, strides: None }
    }

    /// A tensor of elements written by `f`. It is put together after that, where it is returned: a
    /// tensor that is moved just after it was written, word by word, is read in wider pieces, for which
    /// the processor waits.
    #[inline]
    pub(crate) fn written_by(
        shape: &Shape,
        len: usize,
        pool: Option<&Pool<E>>,
        f: impl FnOnce(&mut [E]),
    ) -> Self {
        let handle = Handle::written_by(len, pool, f);
        Tensor { handle, offset: 0, shape: shape.clone(), strides: None }
    }

    /// The elements of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` does not hold as many elements as the shape asks for.
    pub fn from_slice(data: &[E], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len::<E>("tensor")? != data.len() {
            return Err(Error::Length { shape, got: data.len() });
        }
        let mut tensor = Self::stale(shape, None)?;
        tensor.as_mut_slice().copy_from_slice(data);
        Ok(tensor)
    }

    /// The elements of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` does not hold as many elements as the shape asks for.
    #[allow(clippy::needless_pass_by_value, reason = "what a caller with a Vec expects")]
    pub fn from_vec(data: Vec<E>, shape: impl Into<Shape>) -> Result<Self> {
        Self::from_slice(&data, shape)
    }

    /// Every element equal to `value`.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: E) -> Self {
        let shape = shape.into();
        let len = expect(shape.checked_len::<E>("tensor"));
        Self::written_by(&shape, len, None, |elements| elements.fill(value))
    }

    /// Zeros.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, E::ZERO)
    }

    /// Ones.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, E::ONE)
    }

    /// A tensor of rank 0.
    pub fn scalar(value: E) -> Self {
        Self::full(Shape::scalar(), value)
    }

    /// The elements `f` gives for each index, in row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> E) -> Self {
        let mut tensor = expect(Self::stale(shape.into(), None));
        let shape = tensor.shape.clone();
        let mut index = vec![0; shape.rank()];
        for element in tensor.as_mut_slice() {
            *element = f(&index);
            shape.advance(&mut index);
        }
        tensor
    }

    /// Independent draws, uniform in `[low, high)` before they are rounded to the element type, in
    /// row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or the ends are not finite and in order.
    #[track_caller]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut impl Rng) -> Self {
        use rand::RngExt;
        assert!(
            (high - low).is_finite() && low <= high,
            "uniform draws need finite ends, the lower not above the upper, but got {low} and {high}"
        );
        Self::from_fn(shape, |_| E::from_f64(low + (high - low) * rng.random::<f64>()))
    }

    /// The sizes along the axes.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The distances, in elements, between neighbours along the axes.
    pub fn strides(&self) -> Strides {
        match &self.strides {
            Some(strides) => Strides::clone(strides),
            None => self.shape.contiguous_strides(),
        }
    }

    /// The distances between neighbours along the last two axes.
    #[inline]
    pub(crate) fn matrix_strides(&self) -> [isize; 2] {
        match &self.strides {
            Some(strides) => *strides.last_chunk().expect("a tensor of at least two axes"),
            None => [self.shape.last().map_or(1, |&cols| cols.max(1) as isize), 1],
        }
    }

    /// The elements in row-major order: where they lie, or a copy that `room` keeps.
    #[inline]
    pub(crate) fn in_order<'a>(&'a self, room: &'a mut Option<Self>) -> &'a [E] {
        if let Some(elements) = self.as_slice() {
            return elements;
        }
        room.insert(self.copied(self.pool())).as_slice().expect("a copy is in order")
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

    /// The elements in row-major order, if they lie so in memory.
    #[inline]
    pub fn as_slice(&self) -> Option<&[E]> {
        self.is_contiguous().then(|| {
            let len = self.len();
            // An empty view may point behind the buffer's end.
            let start = if len == 0 { 0 } else { self.offset };
            &self.handle.as_slice()[start..start + len]
        })
    }

    /// The elements in row-major order, for writing. Copies first if the buffer is shared with
    /// another tensor or the layout is not row-major.
    #[allow(clippy::missing_panics_doc, reason = "the buffer is made unique before")]
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [E] {
        if !self.is_contiguous() || !self.handle.is_unique() {
            self.copy_on_write();
        }
        let len = self.len();
        let start = if len == 0 { 0 } else { self.offset };
        let elements = self.handle.get_mut().expect("the buffer was made unique above");
        &mut elements[start..start + len]
    }

    #[cold]
    fn copy_on_write(&mut self) {
        self.handle.settle();
        if !self.is_contiguous() || !self.handle.is_unique() {
            *self = self.copied(self.handle.pool());
        }
    }

    /// Elements that are computed when somebody looks at them, from operands that
    /// [`lazy_operands`](Self::lazy_operands) gave for the shape.
    pub(crate) fn lazy(
        shape: &Shape,
        pool: Option<&Pool<E>>,
        operands: SmallVec<[Operand<E>; 2]>,
        function: lazy::Function<E>,
    ) -> Self {
        let lazy = Lazy::new(shape.numel(), pool, operands, function);
        Tensor { handle: Handle::lazy(lazy), offset: 0, shape: shape.clone(), strides: None }
    }

    /// Operands of an elementwise operation whose result has `shape`, if each is laid out like it or
    /// is one element for all.
    pub(crate) fn lazy_operands(
        shape: &Shape,
        operands: &[&Tensor<E>],
    ) -> Option<SmallVec<[Operand<E>; 2]>> {
        let operand = |x: &&Tensor<E>| {
            let one = x.len() == 1 || x.strides().iter().all(|&stride| stride == 0);
            if one && x.shape.broadcasts_to(shape) {
                return Some(Operand::Splat(x.handle.as_slice()[x.offset]));
            }
            let aligned = x.is_contiguous() && x.shape == *shape;
            aligned.then(|| Operand::Elements(x.handle.clone(), x.offset))
        };
        operands.iter().map(operand).collect()
    }

    /// The sum of all elements, times the factor if there is one, computed when somebody looks at it; if
    /// the elements themselves are not computed yet, and are all of a buffer's.
    pub(crate) fn lazy_sum(
        &self,
        shape: &Shape,
        factor: Option<E>,
        pool: Option<&Pool<E>>,
    ) -> Option<Self> {
        let len = self.len();
        // The sum of a sum has nothing to gain.
        if len < lazy::LEAST || !self.is_contiguous() || self.handle.pending()?.len() != len {
            return None;
        }
        let sum = Handle::lazy(Lazy::sum(self.handle.clone(), len, factor, pool));
        if let Some(pool) = pool {
            pool.note_sum(&sum);
        }
        Some(Tensor { handle: sum, offset: 0, shape: shape.clone(), strides: None })
    }

    /// Whether nobody has looked at the elements yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.handle.pending().is_some()
    }

    /// Computes those of some tensors, in their order, that hold a tensor's buffer to be computed from it,
    /// in one pass over memory. What is computed from one of them no longer holds it, and is left.
    pub(crate) fn compute_users<'a>(&self, tensors: impl Iterator<Item = &'a Self>)
    where
        E: 'a,
    {
        let mut users = Vec::new();
        for lazy in tensors.filter_map(|tensor| tensor.handle.pending()) {
            if lazy.reads(&self.handle, &users) {
                users.push(lazy);
            }
        }
        lazy::force_all(&users);
    }

    /// A copy with a buffer of its own, in row-major order.
    pub(crate) fn copied(&self, pool: Option<&Pool<E>>) -> Self {
        let len = self.len();
        Self::written_by(&self.shape, len, pool, |target| self.copy_to(target))
    }

    /// Writes the elements in row-major order.
    pub(crate) fn copy_to(&self, target: &mut [E]) {
        if let Some(slice) = self.as_slice() {
            target.copy_from_slice(slice);
        } else {
            let (buffer, offset) = self.raw();
            layout::copy_strided(buffer, offset, self.shape.dims(), &self.strides(), target);
        }
    }

    /// Moves a single element that is seen as many to a buffer of the pool's: copies that are made
    /// of it then come from there, too. Any other tensor stays as it is.
    #[inline]
    pub(crate) fn bring_home(&mut self, pool: &Pool<E>) {
        if let Some(element) = self.handle.single()
            && self.strides.is_some()
            && self.len() > 1
        {
            let mut handle = pool.take(1);
            handle.get_mut().expect("a new buffer has one owner")[0] = element;
            self.handle = handle;
        }
    }

    /// The same elements in row-major order; shares the buffer if they already lie so.
    pub fn contiguous(&self) -> Self {
        if self.is_contiguous() { self.clone() } else { self.copied(self.handle.pool()) }
    }

    /// The elements in row-major order.
    pub fn to_vec(&self) -> Vec<E> {
        let mut elements = vec![E::ZERO; self.len()];
        self.copy_to(&mut elements);
        elements
    }

    /// The element at an index, or `None` if there is none.
    ///
    /// ```
    /// # use wengert_autodiff::Tensor;
    /// let x = Tensor::from_fn([2, 3], |i| (10 * i[0] + i[1]) as f32);
    /// assert_eq!(x.get(&[1, 2]), Some(12.0));
    /// assert_eq!(x.get(&[2, 0]), None);
    /// ```
    pub fn get(&self, index: &[usize]) -> Option<E> {
        let inside = index.len() == self.rank()
            && index.iter().zip(self.shape.iter()).all(|(&i, &dim)| i < dim);
        inside.then(|| {
            let strides = self.strides();
            let steps = index.iter().zip(strides.iter()).map(|(&i, &stride)| i as isize * stride);
            self.handle.as_slice()[(self.offset as isize + steps.sum::<isize>()) as usize]
        })
    }

    /// The only element.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> E {
        assert!(
            self.len() == 1,
            "item: the tensor of shape {} holds {} elements, not one",
            self.shape,
            self.len()
        );
        self.handle.as_slice()[self.offset]
    }

    /// The same numbers as another element type, each rounded to nearest.
    pub fn cast<F: Element>(&self) -> Tensor<F> {
        let mut out = expect(Tensor::<F>::stale(self.shape.clone(), None));
        for (to, from) in out.as_mut_slice().iter_mut().zip(self.to_vec()) {
            *to = F::from_f64(from.to_f64());
        }
        out
    }

    /// Whether another tensor (or a tape) holds the same buffer, so that writing would copy it.
    pub fn is_shared(&self) -> bool {
        !self.handle.is_unique()
    }

    /// Whether writing would not have to copy.
    pub(crate) fn is_unique(&self) -> bool {
        self.handle.is_unique()
    }

    /// The pool the buffer came from.
    pub(crate) fn pool(&self) -> Option<&Pool<E>> {
        self.handle.pool()
    }

    /// The whole buffer and the place of the first element in it.
    #[inline]
    pub(crate) fn raw(&self) -> (&[E], usize) {
        (self.handle.as_slice(), self.offset)
    }

    /// Whether this has the very elements of another tensor, in the same places.
    pub(crate) fn is_view_of(&self, other: &Self) -> bool {
        std::ptr::eq(self.handle.as_slice(), other.handle.as_slice())
            && self.offset == other.offset
            && self.shape == other.shape
            && self.strides() == other.strides()
    }

    /// The same buffer seen through another shape, strides and offset. The caller keeps every
    /// reachable element inside the buffer.
    pub(crate) fn view(&self, shape: Shape, strides: Strides, offset: usize) -> Self {
        let strides = (!shape.are_row_major(&strides)).then(|| Box::new(strides));
        Tensor { handle: self.handle.clone(), offset, shape, strides }
    }

    #[inline]
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }
}

/// Equal shapes and equal elements (so a tensor that holds a NaN equals nothing).
impl<E: Element> PartialEq for Tensor<E> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
            && match (self.as_slice(), other.as_slice()) {
                (Some(a), Some(b)) => a == b,
                _ => self.to_vec() == other.to_vec(),
            }
    }
}

impl<E: Element> Default for Tensor<E> {
    /// No elements.
    fn default() -> Self {
        Self::zeros([0])
    }
}

impl<E: Element> From<E> for Tensor<E> {
    fn from(value: E) -> Self {
        Self::scalar(value)
    }
}

#[cfg(test)]
mod tests;
