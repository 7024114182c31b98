//! Hooks: functions of the user that read, and may replace, the gradient of a variable in the
//! backward pass.

use std::fmt;
use std::sync::Arc;

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::var::Var;

pub(crate) type Hook<E> = Arc<dyn for<'t> Fn(Var<'t, E>) -> Option<Var<'t, E>> + Send + Sync>;

/// The hooks of a tape, in the order in which they were registered.
pub(crate) struct Hooks<E: Element>(Vec<(u32, Hook<E>)>);

impl<E: Element> Default for Hooks<E> {
    fn default() -> Self {
        Hooks(Vec::new())
    }
}

impl<E: Element> fmt::Debug for Hooks<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(node, _)| node)).finish()
    }
}

impl<E: Element> Hooks<E> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the hooks of the nodes from `len` on.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        if !self.0.is_empty() {
            self.0.retain(|(node, _)| (*node as usize) < len);
        }
    }

    pub(crate) fn push(&mut self, node: u32, hook: Hook<E>) {
        self.0.push((node, hook));
    }

    pub(crate) fn of(&self, node: usize) -> Vec<Hook<E>> {
        let own = self.0.iter().filter(|(at, _)| *at as usize == node);
        own.map(|(_, hook)| Arc::clone(hook)).collect()
    }
}

impl<E: Element> Var<'_, E> {
    /// Registers a function that receives the gradient of this variable. Each backward pass that
    /// reaches the variable calls `hook` when all contributions have been added, before the
    /// gradient is passed to the operands or returned. If the hook returns `Some`, the result
    /// replaces the gradient; `None` leaves it unchanged. Several hooks are called in the order of
    /// registration, each with the result of the previous one. They are removed when the tape is
    /// cleared.
    ///
    /// The operations that a hook applies to the gradient are recorded if the gradient is to be
    /// differentiated again. A hook is not called if the gradient is zero because no contribution
    /// arrived.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.variable(&Tensor::scalar(3.0_f64));
    /// let y = x * 2.0;
    /// y.register_hook(|gradient| Some(gradient * 10.0));
    /// assert_eq!((y * y).backward().get(x).unwrap().item(), 240.0); // 2 y, times 10, times 2
    /// ```
    ///
    /// # Panics
    /// If this variable has no gradient because it is a constant.
    #[track_caller]
    pub fn register_hook(
        self,
        hook: impl for<'t> Fn(Var<'t, E>) -> Option<Var<'t, E>> + Send + Sync + 'static,
    ) {
        if !self.requires_grad() {
            let reason =
                "a hook on a constant is never called; register it on a variable or parameter";
            expect::<()>(Err(Error::NoGradient { reason }));
        }
        self.tape().hooks.borrow_mut().push(self.index(), Arc::new(hook));
    }
}

/// The gradient after all hooks were called, in order.
pub(crate) fn run<E: Element>(hooks: Vec<Hook<E>>, mut gradient: Var<'_, E>) -> Result<Var<'_, E>> {
    let op = "register_hook";
    for hook in hooks {
        let Some(new) = hook(gradient) else { continue };
        if !std::ptr::eq(new.tape(), gradient.tape()) {
            return Err(Error::DifferentTapes { op });
        }
        let (expected, got) = (gradient.shape(), new.shape());
        if expected != got {
            let expected = format!("a hook that returns a gradient of the same shape {expected}");
            return Err(Error::Shapes { op, expected, got: vec![got] });
        }
        gradient = new;
    }
    Ok(gradient)
}
