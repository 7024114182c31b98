//! [`Groups`]: separate optimizers for some parameters.

use wengert_autodiff::{Element, Gradients};

use super::optimizer::{Optimizer, check_any_gradient, check_not_negative};
use super::select::Selected;
use crate::module::Module;
use crate::pattern::matches;
use crate::state::{ParameterState, State, StateError};

/// Parameter groups: the parameters whose path matches a pattern have a separate optimizer, with
/// its own learning rate, weight decay and other settings.
///
/// The first step panics if a pattern matches no parameter of the module.
///
/// A parameter belongs to the first group whose pattern matches, or else to the optimizer given to
/// [`new`](Self::new). In a pattern `*` stands for any characters, dots included.
/// [`set_learning_rate`](Optimizer::set_learning_rate) sets the rate of that optimizer and scales
/// the rates of the groups by the same factor, so that a schedule keeps their ratios.
///
/// ```
/// use wengert_nn::{Adam, Groups, Optimizer};
/// let adam = |decay| Adam::<f32>::new(1e-3).decoupled(decay);
/// let mut optimizer = Groups::new(adam(0.01))
///     .group("*bias", adam(0.0))
///     .group("encoder.*", Adam::new(1e-4).decoupled(0.01));
/// optimizer.set_learning_rate(2e-3);
/// assert_eq!(optimizer.rates(), [2e-3, 2e-3, 2e-4]);
/// ```
pub struct Groups<E: Element = f32> {
    rate: f64,
    /// The first optimizer is for the parameters that match no pattern.
    optimizers: Vec<Box<dyn Optimizer<E> + Send>>,
    /// The learning rates as multiples of the first optimizer's.
    shares: Vec<f64>,
    patterns: Vec<String>,
    /// Whether the patterns were checked: each matches a parameter.
    checked: bool,
}

impl<E: Element> Groups<E> {
    /// Creates the optimizer of all parameters that belong to no group.
    pub fn new(optimizer: impl Optimizer<E> + Send + 'static) -> Self {
        let (rate, shares) = (optimizer.learning_rate(), vec![1.0]);
        let optimizers: Vec<Box<dyn Optimizer<E> + Send>> = vec![Box::new(optimizer)];
        Self { rate, optimizers, shares, patterns: Vec::new(), checked: false }
    }

    /// Adds a group after the others, with this optimizer for the parameters whose path matches
    /// `pattern`.
    ///
    /// # Panics
    /// If the learning rate of the optimizer given to [`new`](Self::new) is 0, because the rates of
    /// the groups are multiples of it.
    #[track_caller]
    pub fn group(mut self, pattern: &str, optimizer: impl Optimizer<E> + Send + 'static) -> Self {
        assert!(
            self.rate > 0.0,
            "groups: the rate of the first optimizer is 0; it must be positive, because the rates \
             of the groups are multiples of it"
        );
        self.shares.push(optimizer.learning_rate() / self.rate);
        self.patterns.push(pattern.to_owned());
        self.optimizers.push(Box::new(optimizer));
        self
    }

    /// Panics in the first step if a pattern matches no parameter.
    fn check_patterns(&mut self, module: &dyn Module<E>) {
        if self.checked {
            return;
        }
        let paths: Vec<String> = module.parameters().into_iter().map(|(path, _)| path).collect();
        for pattern in &self.patterns {
            assert!(
                paths.iter().any(|path| matches(pattern, path)),
                "groups: the pattern {pattern:?} fits no parameter of the module; its parameters \
                 are {}",
                paths.join(", ")
            );
        }
        self.checked = true;
    }

    /// The learning rate of the first optimizer, followed by those of the groups in order.
    pub fn rates(&self) -> Vec<f64> {
        self.optimizers.iter().map(Optimizer::learning_rate).collect()
    }

    /// The paths of a module's parameters that belong to the first optimizer, and to each group.
    ///
    /// ```
    /// use wengert_nn::{Groups, Linear, Sgd};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let layer = Linear::config(3, 2).build::<f32>(&mut rng)?;
    /// let groups = Groups::new(Sgd::new(0.1).weight_decay(1e-4)).group("*bias", Sgd::new(0.1));
    /// assert_eq!(groups.members(&layer), [["weight"], ["bias"]]);
    /// # Ok::<(), wengert_nn::LayerError>(())
    /// ```
    pub fn members(&self, module: &dyn Module<E>) -> Vec<Vec<String>> {
        let mut members = vec![Vec::new(); self.optimizers.len()];
        for (path, _) in module.parameters() {
            members[group_of(&self.patterns, &path)].push(path);
        }
        members
    }
}

/// The index of the optimizer of a parameter.
fn group_of(patterns: &[String], path: &str) -> usize {
    patterns.iter().position(|pattern| matches(pattern, path)).map_or(0, |at| at + 1)
}

impl<E: Element> Optimizer<E> for Groups<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        check_any_gradient(&*module, gradients);
        self.check_patterns(&*module);
        let Self { optimizers, patterns, .. } = self;
        for (place, optimizer) in optimizers.iter_mut().enumerate() {
            let keep = |path: &str, _: &_| group_of(patterns, path) == place;
            Selected { module: &mut *module, keep }.step(optimizer, gradients);
        }
    }

    fn learning_rate(&self) -> f64 {
        self.rate
    }

    fn set_learning_rate(&mut self, rate: f64) {
        check_not_negative::<E>("learning rate", rate);
        self.rate = rate;
        for (optimizer, share) in self.optimizers.iter_mut().zip(&self.shares) {
            optimizer.set_learning_rate(rate * share);
        }
    }

    fn momentum(&self) -> Option<f64> {
        self.optimizers[0].momentum()
    }

    fn normalizes_steps(&self) -> Option<bool> {
        self.optimizers[0].normalizes_steps()
    }

    /// Sets the momentum of all optimizers that have one.
    fn set_momentum(&mut self, momentum: f64) {
        for optimizer in &mut self.optimizers {
            optimizer.set_momentum(momentum);
        }
    }
}

impl<E: Element> ParameterState<E> for Groups<E> {
    fn state(&self, module: &dyn Module<E>) -> State {
        let mut state = State::new();
        state.insert_text("kind", "Groups");
        state.insert_number("learning_rate", self.rate);
        for (place, optimizer) in self.optimizers.iter().enumerate() {
            state.insert_part(&place.to_string(), optimizer.state(module));
        }
        state
    }

    fn load_state(&mut self, module: &dyn Module<E>, state: &State) -> Result<(), StateError> {
        state.expect_kind("Groups")?;
        let rate = super::memory::load_rate::<E>(state)?;
        let parts: Vec<String> = (0..self.optimizers.len()).map(|i| i.to_string()).collect();
        state.only(|name| {
            let of_part = |part: &String| {
                name.strip_prefix(part.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            name == "kind" || name == "learning_rate" || parts.iter().any(of_part)
        })?;
        let before: Vec<State> = self.optimizers.iter().map(|o| o.state(module)).collect();
        for (place, part) in parts.iter().enumerate() {
            let loaded = self.optimizers[place].load_state(module, &state.part(part));
            if let Err(error) = loaded {
                for (optimizer, before) in self.optimizers[..place].iter_mut().zip(&before) {
                    // Each optimizer loads its own state, saved above, so this does not fail.
                    let restored = optimizer.load_state(module, before);
                    debug_assert!(restored.is_ok(), "{restored:?}");
                }
                return Err(error.within(part));
            }
        }
        self.rate = rate;
        Ok(())
    }
}

impl<E: Element> std::fmt::Debug for Groups<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, shares, patterns, .. } = self;
        write!(f, "Groups of rate {rate}, shares {shares:?} for {patterns:?}")
    }
}
