//! [`EarlyStopping`]: stops a training run that no longer improves.

use crate::state::{State, StateError, Stateful};

/// Stops a training run when a metric has not improved for a number of epochs.
///
/// Training stops after exactly [`patience`](Self::patience) epochs without an improvement, like
/// `EarlyStopping` of Keras and Lightning. [`Plateau`](crate::schedule::Plateau) tolerates as many,
/// and lowers the rate after one more. An epoch with an improvement never stops training, so that a
/// patience of 0 is one of 1.
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
    /// Watches this metric, of which smaller values are better, with a patience of 10 epochs.
    pub fn new(metric: &str) -> Self {
        let metric = metric.to_owned();
        Self { metric, patience: 10, least: 0.0, maximize: false, best: None, waited: 0 }
    }

    /// Sets the number of epochs without an improvement after which training stops; 10 by default.
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// Sets the change that a metric must exceed to count as improved; 0 by default.
    pub fn min_delta(self, least: f64) -> Self {
        Self { least, ..self }
    }

    /// Treats larger values of the metric as better.
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

    /// Takes the metric of an epoch, and returns whether training should stop. NaN is not an
    /// improvement.
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
        !better && self.waited >= self.patience
    }
}

/// Saves and loads the best value, and the number of epochs without an improvement.
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
        let waited = state.count("waited")?;
        let best = if state.contains("best") { Some(state.number("best")?) } else { None };
        state.only(|name| name == "waited" || name == "best")?;
        (self.waited, self.best) = (waited, best);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_stops_after_as_many_epochs_as_the_patience() {
        let stop = |patience: u64| {
            let mut stopping = EarlyStopping::new("loss").patience(patience);
            let losses = [5.0, 4.0, 3.0, 3.0, 3.5, 3.0, 2.0];
            losses.iter().position(|&loss| stopping.update(loss))
        };
        assert_eq!([0, 1, 2, 3, 4].map(stop), [Some(3), Some(3), Some(4), Some(5), None]);
    }
}
