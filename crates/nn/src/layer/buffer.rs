//! [`Buffer`]: a tensor of a layer that is saved with the model but not learned.

use std::sync::{Mutex, PoisonError};

use wengert_autodiff::{Element, Tensor};

/// A tensor that is part of a model's state but not learned, such as running statistics. The
/// forward pass may change it.
#[derive(Debug)]
pub struct Buffer<E: Element = f32> {
    value: Mutex<Tensor<E>>,
}

impl<E: Element> Buffer<E> {
    /// A buffer with this value.
    pub fn new(value: Tensor<E>) -> Self {
        Self { value: Mutex::new(value) }
    }

    /// The value.
    pub fn value(&self) -> Tensor<E> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the value.
    pub fn set(&self, value: Tensor<E>) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    /// Replaces the value by `f` of it. Other threads that access the buffer wait.
    pub fn update(&self, f: impl FnOnce(&Tensor<E>) -> Tensor<E>) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = f(&value);
    }
}

impl<E: Element> Clone for Buffer<E> {
    fn clone(&self) -> Self {
        Self::new(self.value())
    }
}
