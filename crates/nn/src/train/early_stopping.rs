//! [`EarlyStopping`]: ends a training run that no longer improves.

use crate::state::{State, StateError, Stateful};

/// Ends a training run when a metric has not improved for a number of epochs.
///
/// ```
/// use wengert_nn::train::EarlyStopping;
/// let mut stopping = EarlyStopping::new("val_loss").patience(2);
/// let stops = [3.0, 2.0, 2.5, f64::NAN].map(|loss| stopping.update(loss));
/// assert_eq!(stops, [false, false, false, true]);
/// assert_eq!(stopping.best(), Some(2.0));
/// ```
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    metric: String,
    patience: u64,
    least: f64,
    maximize: bool,
    best: Option<f64>,
    waited: u64,
}

impl EarlyStopping {
    /// By this metric, smaller being better, after 10 epochs without an improvement.
    pub fn new(metric: &str) -> Self {
        let metric = metric.to_owned();
        Self { metric, patience: 10, least: 0.0, maximize: false, best: None, waited: 0 }
    }

    /// After this number of epochs without an improvement.
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// Only a change above this number is an improvement.
    pub fn min_delta(self, least: f64) -> Self {
        Self { least, ..self }
    }

    /// For a metric that is better when it is larger.
    pub fn maximize(self) -> Self {
        Self { maximize: true, ..self }
    }

    /// The name of the metric.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Takes in the metric of an epoch; whether training is to stop. NaN is no improvement.
    pub fn update(&mut self, value: f64) -> bool {
        let better = match self.best {
            None => !value.is_nan(),
            Some(best) if self.maximize => value > best + self.least,
            Some(best) => value < best - self.least,
        };
        if better {
            (self.best, self.waited) = (Some(value), 0);
        } else {
            self.waited += 1;
        }
        self.waited >= self.patience
    }
}

/// The best value, and the number of epochs without an improvement.
impl Stateful for EarlyStopping {
    fn state(&self) -> State {
        let mut state = State::new();
        state.insert_integers("waited", [self.waited]);
        if let Some(best) = self.best {
            state.insert_number("best", best);
        }
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let waited = state.integer("waited")?;
        let best = if state.contains("best") { Some(state.number("best")?) } else { None };
        state.only(|name| name == "waited" || name == "best")?;
        (self.waited, self.best) = (waited, best);
        Ok(())
    }
}
