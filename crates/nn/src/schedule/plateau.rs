//! [`Plateau`]: a rate that falls where a metric stands still.

use wengert_autodiff::Element;

use super::check_rate;
use crate::optim::Optimizer;
use crate::state::{State, StateError, Stateful};

/// A rate that falls by a factor when a metric has not improved for a number of epochs.
///
/// A metric improves if it is below the best one so far by more than the share `threshold` of that,
/// or with [`maximize`](Self::maximize) above it by more. NaN is no improvement.
///
/// ```
/// use wengert_nn::schedule::Plateau;
/// # let mut sgd = wengert_nn::Sgd::<f32>::new(0.1);
/// let mut plateau = Plateau::new(0.1).factor(0.5).patience(1);
/// let rates: Vec<f64> =
///     [3.0, 2.0, 2.0, 2.0, 1.9].iter().map(|&loss| plateau.step(loss, &mut sgd)).collect();
/// assert_eq!(rates, [0.1, 0.1, 0.1, 0.05, 0.05]);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "ReduceLROnPlateau")]
pub struct Plateau {
    rate: f64,
    factor: f64,
    patience: u64,
    threshold: f64,
    cooldown: u64,
    min: f64,
    maximize: bool,
    best: Option<f64>,
    /// The number of epochs without an improvement.
    waited: u64,
    /// The number of epochs in which none is waited for.
    cooling: u64,
}

impl Plateau {
    /// From this rate, with a factor of 0.1, a patience of 10 epochs, a threshold of 1e-4, no
    /// cooldown and no least rate.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_rate("rate", rate);
        Self {
            rate,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            cooldown: 0,
            min: 0.0,
            maximize: false,
            best: None,
            waited: 0,
            cooling: 0,
        }
    }

    /// With this factor of the rate.
    ///
    /// # Panics
    /// If it is not in 0..1.
    #[track_caller]
    pub fn factor(self, factor: f64) -> Self {
        assert!((0.0..1.0).contains(&factor), "the factor must lie in [0, 1), got {factor}");
        Self { factor, ..self }
    }

    /// With this number of epochs without an improvement that are waited, and the rate falls after
    /// the next one.
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// With the least improvement, as a share of the best metric.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn threshold(self, threshold: f64) -> Self {
        check_rate("threshold", threshold);
        Self { threshold, ..self }
    }

    /// With a number of epochs after a fall that do not count as waiting.
    pub fn cooldown(self, cooldown: u64) -> Self {
        Self { cooldown, ..self }
    }

    /// With this least rate.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn min(self, min: f64) -> Self {
        check_rate("least rate", min);
        Self { min, ..self }
    }

    /// For a metric that is better when it is larger.
    pub fn maximize(self) -> Self {
        Self { maximize: true, ..self }
    }

    /// Takes in the metric of an epoch, and sets the optimizer's rate for the next, which is
    /// returned.
    pub fn step<E: Element, O: Optimizer<E> + ?Sized>(
        &mut self,
        metric: f64,
        optimizer: &mut O,
    ) -> f64 {
        if self.improves(metric) {
            (self.best, self.waited) = (Some(metric), 0);
        } else {
            self.waited += 1;
        }
        if self.cooling > 0 {
            (self.cooling, self.waited) = (self.cooling - 1, 0);
        }
        if self.waited > self.patience {
            self.rate = (self.rate * self.factor).max(self.min.min(self.rate));
            (self.cooling, self.waited) = (self.cooldown, 0);
        }
        optimizer.set_learning_rate(self.rate);
        self.rate
    }

    fn improves(&self, metric: f64) -> bool {
        let Some(best) = self.best else { return !metric.is_nan() };
        if self.maximize {
            metric > best * (1.0 + self.threshold)
        } else {
            metric < best * (1.0 - self.threshold)
        }
    }

    /// The rate.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The best metric so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}

/// The rate, the best metric, and how long it was waited.
impl Stateful for Plateau {
    fn state(&self) -> State {
        let mut state = State::new();
        state.insert_number("rate", self.rate);
        if let Some(best) = self.best {
            state.insert_number("best", best);
        }
        state.insert_integers("waited", [self.waited, self.cooling]);
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let rate = state.number("rate")?;
        if !(rate.is_finite() && rate >= 0.0) {
            let (name, message) = ("rate".to_owned(), format!("it is {rate}"));
            return Err(StateError::Content { name, message });
        }
        let best = if state.contains("best") { Some(state.number("best")?) } else { None };
        let waited = state.integers("waited", 2)?;
        state.only(|name| ["rate", "best", "waited"].contains(&name))?;
        (self.rate, self.best) = (rate, best);
        (self.waited, self.cooling) = (waited[0], waited[1]);
        Ok(())
    }
}
