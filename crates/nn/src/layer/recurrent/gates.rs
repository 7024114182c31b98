//! [`Gates`]: what a step of each recurrent network computes from its sums.

use std::fmt::Debug;

use wengert_autodiff::{Activation, Element, Result, Var, ops};

/// A kind of recurrent network: [`SimpleGates`], [`LstmGates`] or [`GruGates`]. Sealed.
pub trait Gates: Clone + Debug + PartialEq + Send + Sync + 'static + private::Sealed {
    /// The state between two steps: one variable, or for an LSTM the pair `(h, c)`.
    type State<'t, E: Element>: Copy;

    #[doc(hidden)]
    const NAME: &'static str;

    /// The number of gates, each with `hidden` rows of the weights.
    #[doc(hidden)]
    const COUNT: usize;

    /// Whether the state has a second part.
    #[doc(hidden)]
    const CELL: bool;

    #[doc(hidden)]
    fn parts<E: Element>(state: Self::State<'_, E>) -> Parts<'_, E>;

    #[doc(hidden)]
    fn state<E: Element>(parts: Parts<'_, E>) -> Self::State<'_, E>;

    /// Computes the next state from the sums over the inputs and the sums over the state, both
    /// `[batch, COUNT hidden]`.
    #[doc(hidden)]
    fn step<'t, E: Element>(
        &self,
        inputs: Var<'t, E>,
        recurrent: Var<'t, E>,
        state: Parts<'t, E>,
    ) -> Result<Parts<'t, E>>;
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::SimpleGates {}
    impl Sealed for super::LstmGates {}
    impl Sealed for super::GruGates {}
}

/// The state of any kind; `c` is the cell state of an LSTM.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Parts<'t, E: Element> {
    pub(super) h: Var<'t, E>,
    pub(super) c: Option<Var<'t, E>>,
}

/// One sum and its activation: the kind of [`Rnn`](crate::Rnn).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimpleGates {
    pub(super) nonlinearity: Activation,
}

impl Default for SimpleGates {
    fn default() -> Self {
        Self { nonlinearity: Activation::Tanh }
    }
}

/// Input, forget, cell and output gate, in this order: the kind of [`Lstm`](crate::Lstm).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LstmGates;

/// Reset, update and new gate, in this order: the kind of [`Gru`](crate::Gru).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GruGates;

impl Gates for SimpleGates {
    type State<'t, E: Element> = Var<'t, E>;

    const NAME: &'static str = "rnn";
    const COUNT: usize = 1;
    const CELL: bool = false;

    fn parts<E: Element>(h: Self::State<'_, E>) -> Parts<'_, E> {
        Parts { h, c: None }
    }

    fn state<E: Element>(parts: Parts<'_, E>) -> Var<'_, E> {
        parts.h
    }

    fn step<'t, E: Element>(
        &self,
        inputs: Var<'t, E>,
        recurrent: Var<'t, E>,
        _: Parts<'t, E>,
    ) -> Result<Parts<'t, E>> {
        let h = ops::activate(ops::add(inputs, recurrent)?, self.nonlinearity)?;
        Ok(Parts { h, c: None })
    }
}

impl Gates for LstmGates {
    type State<'t, E: Element> = (Var<'t, E>, Var<'t, E>);

    const NAME: &'static str = "lstm";
    const COUNT: usize = 4;
    const CELL: bool = true;

    fn parts<E: Element>((h, c): Self::State<'_, E>) -> Parts<'_, E> {
        Parts { h, c: Some(c) }
    }

    fn state<E: Element>(parts: Parts<'_, E>) -> Self::State<'_, E> {
        (parts.h, parts.c.unwrap_or(parts.h))
    }

    fn step<'t, E: Element>(
        &self,
        inputs: Var<'t, E>,
        recurrent: Var<'t, E>,
        state: Parts<'t, E>,
    ) -> Result<Parts<'t, E>> {
        let (_, c) = Self::state(state);
        let sums = ops::add(inputs, recurrent)?;
        let c = ops::lstm_cell(sums, c)?;
        Ok(Parts { h: ops::lstm_output(sums, c)?, c: Some(c) })
    }
}

impl Gates for GruGates {
    type State<'t, E: Element> = Var<'t, E>;

    const NAME: &'static str = "gru";
    const COUNT: usize = 3;
    const CELL: bool = false;

    fn parts<E: Element>(h: Self::State<'_, E>) -> Parts<'_, E> {
        Parts { h, c: None }
    }

    fn state<E: Element>(parts: Parts<'_, E>) -> Var<'_, E> {
        parts.h
    }

    fn step<'t, E: Element>(
        &self,
        inputs: Var<'t, E>,
        recurrent: Var<'t, E>,
        state: Parts<'t, E>,
    ) -> Result<Parts<'t, E>> {
        Ok(Parts { h: ops::gru_cell(inputs, recurrent, state.h)?, c: None })
    }
}
