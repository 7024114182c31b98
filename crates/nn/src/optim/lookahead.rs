//! [`Lookahead`]: slow weights that follow the weights of another optimizer.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::Memories;
use super::optimizer::Optimizer;
use crate::module::{Module, VisitorMut};
use crate::state::{ParameterState, State, StateError};

/// Lookahead: every `period` steps of another optimizer, slow weights move by the fraction `alpha`
/// towards the current weights, `slow += alpha (w - slow)`, and the weights continue from there.
///
/// ```
/// use wengert_nn::{Adam, Lookahead, Optimizer};
/// let optimizer = Lookahead::<Adam>::new(Adam::new(1e-3), 5, 0.5);
/// assert_eq!(optimizer.learning_rate(), 1e-3);
/// ```
///
/// Source: M. R. Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", `NeurIPS` 2019.
#[derive(Clone, Debug)]
pub struct Lookahead<O, E: Element = f32> {
    inner: O,
    period: u64,
    alpha: f64,
    steps: u64,
    slow: Memories<E>,
}

impl<O: Optimizer<E>, E: Element> Lookahead<O, E> {
    /// Wraps another optimizer. The paper has a period of 5 and an `alpha` of 0.5.
    ///
    /// # Panics
    /// If the period is 0 or `alpha` is not in 0..=1.
    #[track_caller]
    pub fn new(inner: O, period: u64, alpha: f64) -> Self {
        assert!(period > 0, "lookahead: the period must be at least 1 step, got 0");
        assert!((0.0..=1.0).contains(&alpha), "lookahead: alpha must lie in 0..=1, got {alpha}");
        Self { inner, period, alpha, steps: 0, slow: Memories::default() }
    }

    /// The wrapped optimizer.
    pub fn inner(&self) -> &O {
        &self.inner
    }
}

impl<O: Optimizer<E>, E: Element> Optimizer<E> for Lookahead<O, E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        for (_, parameter) in module.parameters() {
            if parameter.is_frozen() || self.slow.first_mut(parameter.id()).is_some() {
                continue;
            }
            // The slow weights begin at the weights.
            let ([slow], _) = self.slow.recall(parameter.id(), parameter.value().len());
            let weights = parameter.value().contiguous();
            slow.copy_from_slice(weights.as_slice().unwrap_or_default());
        }
        self.inner.step(module, gradients);
        self.steps += 1;
        if !self.steps.is_multiple_of(self.period) {
            return;
        }
        let alpha = E::from_f64(self.alpha);
        module.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
            if parameter.is_frozen() {
                return;
            }
            if let Some(slow) = self.slow.first_mut(parameter.id()) {
                let (slow, weights) = (slow.as_mut_slice(), parameter.value_mut().as_mut_slice());
                optim::average_step(slow, weights, alpha);
                weights.copy_from_slice(slow);
            }
        }));
    }

    fn learning_rate(&self) -> f64 {
        self.inner.learning_rate()
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.inner.set_learning_rate(rate);
    }

    fn momentum(&self) -> Option<f64> {
        self.inner.momentum()
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.inner.set_momentum(momentum);
    }

    fn normalizes_steps(&self) -> Option<bool> {
        self.inner.normalizes_steps()
    }
}

impl<O: Optimizer<E>, E: Element> ParameterState<E> for Lookahead<O, E> {
    fn state(&self, module: &dyn Module<E>) -> State {
        let mut state = State::new();
        state.insert_text("kind", "Lookahead");
        state.insert_integers("steps", [self.steps]);
        self.slow.save(module, &["slow"], &mut state);
        state.insert_part("inner", self.inner.state(module));
        state
    }

    fn load_state(&mut self, module: &dyn Module<E>, state: &State) -> Result<(), StateError> {
        state.expect_kind("Lookahead")?;
        let steps = state.count("steps")?;
        let inner: Vec<&str> = state.names().filter(|name| name.starts_with("inner/")).collect();
        let others = [&inner[..], &["kind", "steps"]].concat();
        let slow = Memories::load(module, &["slow"], state, &others)?;
        let loaded = self.inner.load_state(module, &state.part("inner"));
        loaded.map_err(|error| error.within("inner"))?;
        (self.steps, self.slow) = (steps, slow);
        Ok(())
    }
}
