//! [`Buffer`]: numbers of a layer that are kept with the model but not learned.

use std::sync::{Mutex, PoisonError};

use wengert_autodiff::{Element, Tensor};

/// A tensor that belongs to a model's state without being learned, such as running statistics. The
/// forward pass may change it.
#[derive(Debug)]
pub struct Buffer<E: Element = f32> {
    value: Mutex<Tensor<E>>,
}

impl<E: Element> Buffer<E> {
    /// A buffer.
    pub fn new(value: Tensor<E>) -> Self {
        Self { value: Mutex::new(value) }
    }

    /// What it holds.
    pub fn get(&self) -> Tensor<E> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Holds another tensor from now on.
    pub fn set(&self, value: Tensor<E>) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    /// Replaces the tensor by what `f` makes of it; no other thread reads or replaces it meanwhile.
    pub fn update(&self, f: impl FnOnce(&Tensor<E>) -> Tensor<E>) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = f(&value);
    }
}

impl<E: Element> Clone for Buffer<E> {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}
