//! Learning rates that change over a training run.
//!
//! A [`Schedule`] is the learning rate as a function of the number of steps so far, so it has no
//! state. A [`Scheduler`] counts the steps and sets the rate of an optimizer; a checkpoint saves
//! the scheduler. [`Plateau`] follows a metric instead.
//!
//! | | the rate |
//! |---|---|
//! | [`Constant`] | stays |
//! | [`StepDecay`], [`MultiStep`] | is multiplied by a factor every `n` steps, or at given steps |
//! | [`Exponential`] | falls by a factor at each step |
//! | [`Polynomial`] | falls to zero as a power of the steps left |
//! | [`LinearRate`] | moves along a line |
//! | [`Cosine`], [`CosineRestarts`] | falls along half a cosine, once or again and again |
//! | [`OneCycle`] | rises, then falls far below its initial value; the momentum can fall and rise |
//! | [`lambda`] | a closure |
//!
//! [`then`](Schedule::then), [`warm_up`](Schedule::warm_up) and [`times`](Schedule::times) compose
//! them.
//!
//! ```
//! use wengert_nn::schedule::{Cosine, Schedule, Scheduler};
//! use wengert_nn::{Adam, Optimizer};
//! let mut adam = Adam::<f32>::new(1e-3);
//! let mut scheduler = Scheduler::new(Cosine::new(1e-3, 900).warm_up(100, 0.01));
//! for step in 0..1000 {
//!     // the forward pass, and then
//!     scheduler.step(&mut adam);
//!     // adam.step(&mut model, &loss.backward());
//! }
//! assert!(adam.learning_rate() < 1e-8);
//! ```

mod combine;
mod cosine;
mod decay;
mod one_cycle;
mod plateau;

pub use combine::{Then, Times, WarmUp};
pub use cosine::{Cosine, CosineRestarts};
pub use decay::{Constant, Exponential, LinearRate, MultiStep, Polynomial, StepDecay};
pub use one_cycle::OneCycle;
pub use plateau::Plateau;

use wengert_autodiff::Element;

use crate::optim::Optimizer;
use crate::state::{State, StateError, Stateful};

/// The learning rate at each step of a training run.
pub trait Schedule {
    /// The rate after this number of steps. The first step has the rate at 0.
    fn rate(&self, step: u64) -> f64;

    /// The momentum after this number of steps; `None`, the default, if the schedule leaves the
    /// optimizer's momentum unchanged.
    fn momentum(&self, step: u64) -> Option<f64> {
        let _ = step;
        None
    }

    /// Returns a schedule that follows this one for a number of steps, and then another from its
    /// beginning.
    fn then<S: Schedule>(self, steps: u64, next: S) -> Then<Self, S>
    where
        Self: Sized,
    {
        Then::new(self, steps, next)
    }

    /// Returns a schedule that rises along a line for a number of steps, from the fraction `start`
    /// of this schedule's first rate to that rate, and then follows this schedule.
    ///
    /// Source: P. Goyal et al., "Accurate, large minibatch SGD: training `ImageNet` in 1 hour",
    /// arXiv:1706.02677, 2017.
    ///
    /// # Panics
    /// If `start` is negative or not finite.
    #[track_caller]
    fn warm_up(self, steps: u64, start: f64) -> WarmUp<Self>
    where
        Self: Sized,
    {
        WarmUp::new(self, steps, start)
    }

    /// Returns the product of this schedule and another one, which is used as a factor.
    fn times<S: Schedule>(self, factor: S) -> Times<Self, S>
    where
        Self: Sized,
    {
        Times::new(self, factor)
    }
}

impl<S: Schedule + ?Sized> Schedule for Box<S> {
    fn rate(&self, step: u64) -> f64 {
        (**self).rate(step)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        (**self).momentum(step)
    }
}

impl<S: Schedule + ?Sized> Schedule for &S {
    fn rate(&self, step: u64) -> f64 {
        (**self).rate(step)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        (**self).momentum(step)
    }
}

/// Creates a schedule from a closure that maps the number of steps to the rate.
///
/// ```
/// use wengert_nn::schedule::{Schedule, lambda};
/// // The inverse root of the step, after 100 steps of warming up.
/// let schedule = lambda(|step| 0.1 / ((step + 1) as f64).sqrt()).warm_up(100, 0.0);
/// assert_eq!(schedule.rate(100), 0.1);
/// ```
pub fn lambda<F: Fn(u64) -> f64>(rate: F) -> LambdaRate<F> {
    LambdaRate { rate }
}

/// A closure as a [`Schedule`]; created by [`lambda`].
#[derive(Clone, Copy)]
#[doc(alias = "LambdaLR")]
pub struct LambdaRate<F> {
    rate: F,
}

impl<F: Fn(u64) -> f64> Schedule for LambdaRate<F> {
    fn rate(&self, step: u64) -> f64 {
        (self.rate)(step)
    }
}

impl<F> std::fmt::Debug for LambdaRate<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LambdaRate")
    }
}

/// A schedule with the number of steps that it has made.
#[derive(Clone, Debug)]
pub struct Scheduler<S> {
    schedule: S,
    steps: u64,
}

impl<S: Schedule> Scheduler<S> {
    /// Creates a scheduler at the beginning of the schedule.
    pub fn new(schedule: S) -> Self {
        Self { schedule, steps: 0 }
    }

    /// Sets the optimizer's learning rate for its next step, and its momentum if the schedule has
    /// one, counts that step, and returns the rate. Call it before each step of the optimizer.
    pub fn step<E: Element, O: Optimizer<E> + ?Sized>(&mut self, optimizer: &mut O) -> f64 {
        let rate = self.schedule.rate(self.steps);
        optimizer.set_learning_rate(rate);
        if let Some(momentum) = self.schedule.momentum(self.steps) {
            optimizer.set_momentum(momentum);
        }
        self.steps += 1;
        rate
    }

    /// The learning rate of the next step.
    pub fn rate(&self) -> f64 {
        self.schedule.rate(self.steps)
    }

    /// The number of steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// Saves and loads the number of steps.
impl<S> Stateful for Scheduler<S> {
    fn state(&self) -> State {
        self.steps.state()
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let steps = state.count("count")?;
        state.only(|name| name == "count")?;
        self.steps = steps;
        Ok(())
    }
}

#[track_caller]
fn check_rate(what: &str, rate: f64) {
    assert!(
        rate.is_finite() && rate >= 0.0,
        "the {what} of a schedule must be finite and not negative, got {rate}"
    );
}
