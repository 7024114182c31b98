//! [`Plateau`]: a learning rate that falls when a metric no longer improves.

use wengert_autodiff::Element;

use super::check_rate;
use crate::optim::Optimizer;
use crate::state::{State, StateError, Stateful, check_count};

/// A learning rate that falls by a factor when a metric has not improved for a number of epochs.
///
/// A metric improves if it is smaller than the best value so far by more than the fraction
/// `threshold` of that value, or with [`maximize`](Self::maximize) larger by more than that. NaN is
/// not an improvement.
///
/// The rate falls after one epoch more than [`patience`](Self::patience) without an improvement,
/// like PyTorch's `ReduceLROnPlateau`. [`EarlyStopping`](crate::train::EarlyStopping) stops one
/// epoch earlier at the same patience.
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
    /// The number of epochs since the last improvement.
    waited: u64,
    /// The number of remaining epochs of the cooldown.
    cooling: u64,
}

impl Plateau {
    /// Creates a schedule that begins at this rate, with a factor of 0.1, a patience of 10 epochs,
    /// a threshold of 1e-4, no cooldown and no minimum rate.
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

    /// Sets the factor by which the rate falls; 0.1 by default.
    ///
    /// # Panics
    /// If the factor is not in 0..1.
    #[track_caller]
    pub fn factor(self, factor: f64) -> Self {
        assert!((0.0..1.0).contains(&factor), "the factor must lie in [0, 1), got {factor}");
        Self { factor, ..self }
    }

    /// Sets the number of epochs without an improvement that are tolerated: the rate falls after
    /// one more. 10 by default.
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// Sets the smallest improvement, as a fraction of the best value; 1e-4 by default.
    ///
    /// # Panics
    /// If the fraction is negative or not finite.
    #[track_caller]
    pub fn threshold(self, threshold: f64) -> Self {
        check_rate("threshold", threshold);
        Self { threshold, ..self }
    }

    /// Sets the number of epochs after a fall that do not count as epochs without an improvement; 0
    /// by default.
    pub fn cooldown(self, cooldown: u64) -> Self {
        Self { cooldown, ..self }
    }

    /// Sets the minimum rate; 0 by default.
    ///
    /// # Panics
    /// If the minimum is negative or not finite.
    #[track_caller]
    pub fn min(self, min: f64) -> Self {
        check_rate("minimum rate", min);
        Self { min, ..self }
    }

    /// Treats larger values of the metric as better.
    pub fn maximize(self) -> Self {
        Self { maximize: true, ..self }
    }

    /// Takes the metric of an epoch, sets the optimizer's learning rate for the next epoch, and
    /// returns the rate.
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

    /// The current learning rate.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The best value of the metric so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}

/// Saves and loads the rate, the best value, and the numbers of epochs waited.
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
        check_count("waited", waited[0])?;
        state.only(|name| ["rate", "best", "waited"].contains(&name))?;
        (self.rate, self.best) = (rate, best);
        (self.waited, self.cooling) = (waited[0], waited[1]);
        Ok(())
    }
}
