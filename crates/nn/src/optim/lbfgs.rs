//! [`Lbfgs`]: quasi-Newton steps from the last changes of weights and gradients.

use std::collections::VecDeque;

use wengert_autodiff::{Element, Gradients, Tensor};

use super::line_search::{Point, strong_wolfe};
use super::optimizer::check_not_negative;
use crate::module::{Module, VisitorMut};
use crate::state::{ParameterState, State, StateError, check_count};

/// L-BFGS, a quasi-Newton method for losses over all data at once, without noise. A
/// [`step`](Self::step) runs several iterations, and calls a closure to compute the loss whenever
/// they need it.
///
/// An iteration moves all weights by `t d`. The direction `d` is minus the gradient times an
/// estimate of the inverse Hessian, computed from the last changes of weights and gradients. The
/// length `t` is the learning rate; in the first iteration it is divided by the sum of the
/// gradient's absolute values if that is above 1. With [`strong_wolfe`](Self::strong_wolfe) a line
/// search that begins at this length determines `t`. All is computed in f64.
///
/// ```
/// use wengert_autodiff::{Parameter, Tape, Tensor};
/// use wengert_nn::Lbfgs;
/// let mut x = Parameter::new(Tensor::<f64>::from([-1.2, 1.0]));
/// let mut lbfgs = Lbfgs::new(1.0).max_iter(100).tolerances(1e-9, 0.0).strong_wolfe();
/// lbfgs.step(&mut x, |x| {
///     // Rosenbrock's function: (1 - a)^2 + 100 (b - a^2)^2.
///     let tape = Tape::new();
///     let x = tape.parameter(x);
///     let (a, b) = (x.select(0, 0), x.select(0, 1));
///     let loss = (1.0 - a).square() + (b - a.square()).square() * 100.0;
///     (loss.item(), loss.backward())
/// });
/// assert!(x.value().iter().all(|x| (x - 1.0).abs() < 1e-6));
/// ```
///
/// Source: J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition, 2006, algorithm 7.4.
#[derive(Clone, Debug)]
pub struct Lbfgs {
    rate: f64,
    max_iter: usize,
    max_eval: Option<usize>,
    tolerance_grad: f64,
    tolerance_change: f64,
    history: usize,
    line_search: bool,
    memory: Memory,
}

/// The known curvature of the loss.
#[derive(Clone, Debug, Default)]
struct Memory {
    iterations: u64,
    /// The last changes of the weights and of the gradient, the oldest first.
    changes: VecDeque<Change>,
    direction: Vec<f64>,
    length: f64,
    gradient: Vec<f64>,
    /// The initial estimate of the inverse Hessian, a multiple of the identity.
    scale: f64,
}

#[derive(Clone, Debug)]
struct Change {
    weights: Vec<f64>,
    gradient: Vec<f64>,
    /// One divided by the inner product of the two changes.
    rho: f64,
}

impl Change {
    fn new(weights: Vec<f64>, gradient: Vec<f64>) -> Self {
        let rho = 1.0 / dot(&weights, &gradient);
        Self { weights, gradient, rho }
    }
}

/// The smallest curvature along a change for which the change is kept.
const LEAST_CURVATURE: f64 = 1e-10;

impl Lbfgs {
    /// Creates the optimizer with at most 20 iterations and 25 evaluations of the loss for each
    /// step, the last 100 changes, and no line search. A step ends when no derivative is above
    /// 1e-7, or the weights or the loss change by at most 1e-9.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<f64>("learning rate", rate);
        Self {
            rate,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history: 100,
            line_search: false,
            memory: Memory::default(),
        }
    }

    /// Sets the largest number of iterations of a step. The largest number of evaluations of the
    /// loss is then 1.25 times as large, unless [`max_eval`](Self::max_eval) sets it.
    pub fn max_iter(self, max_iter: usize) -> Self {
        Self { max_iter, ..self }
    }

    /// Sets the number of evaluations of the loss in a step after which no further iteration
    /// begins.
    pub fn max_eval(self, max_eval: usize) -> Self {
        Self { max_eval: Some(max_eval), ..self }
    }

    /// Sets the tolerances at which a step ends: the largest derivative, and the largest change of
    /// a weight and of the loss.
    ///
    /// # Panics
    /// If one is negative or not finite.
    #[track_caller]
    pub fn tolerances(self, grad: f64, change: f64) -> Self {
        check_not_negative::<f64>("tolerance of the gradient", grad);
        check_not_negative::<f64>("tolerance of changes", change);
        Self { tolerance_grad: grad, tolerance_change: change, ..self }
    }

    /// Sets the largest number of changes that are kept.
    pub fn history(self, history: usize) -> Self {
        Self { history, ..self }
    }

    /// Uses a line search for the length of each iteration's move, which satisfies the strong Wolfe
    /// conditions.
    pub fn strong_wolfe(self) -> Self {
        Self { line_search: true, ..self }
    }

    /// The learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.rate
    }

    /// Changes the learning rate.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn set_learning_rate(&mut self, rate: f64) {
        check_not_negative::<f64>("learning rate", rate);
        self.rate = rate;
    }

    /// Runs several iterations, and returns the loss before them. The closure computes the loss of
    /// the module and its gradients. Frozen parameters and those without a gradient are not
    /// changed.
    pub fn step<E: Element, M: Module<E>>(
        &mut self,
        module: &mut M,
        mut closure: impl FnMut(&M) -> (f64, Gradients<E>),
    ) -> f64 {
        let mut evaluate = |module: &M| {
            let (loss, gradients) = closure(module);
            (loss, flat_gradient(module, &gradients))
        };
        let (first_loss, mut gradient) = evaluate(module);
        let (mut loss, mut evaluations) = (first_loss, 1);
        let most = self.max_eval.unwrap_or(self.max_iter * 5 / 4);
        if gradient.is_empty() || largest(&gradient) <= self.tolerance_grad {
            return first_loss;
        }
        for iteration in 1..=self.max_iter {
            let memory = &mut self.memory;
            memory.iterations += 1;
            memory.turn(&gradient, self.history);
            memory.gradient.clone_from(&gradient);
            let before = loss;
            memory.length = if memory.iterations == 1 {
                let sizes: f64 = gradient.iter().map(|g| g.abs()).sum();
                (1.0 / sizes).min(1.0) * self.rate
            } else {
                self.rate
            };
            let slope = dot(&gradient, &memory.direction);
            // A slope of NaN is no direction of descent either.
            if slope.is_nan() || slope > -self.tolerance_change {
                break;
            }
            if self.line_search {
                let weights = flat_weights(module);
                let start = Point { length: 0.0, loss, slope, gradient: gradient.clone() };
                let direction = &memory.direction;
                let mut tried = 0;
                let left = most.saturating_sub(evaluations).clamp(1, 25);
                let found = strong_wolfe(&start, memory.length, left, |length| {
                    tried += 1;
                    set_weights(module, &weights, length, direction);
                    let (loss, gradient) = evaluate(module);
                    Point { length, loss, slope: dot(&gradient, direction), gradient }
                });
                set_weights(module, &weights, found.length, direction);
                evaluations += tried;
                (memory.length, loss, gradient) = (found.length, found.loss, found.gradient);
            } else {
                let weights = flat_weights(module);
                set_weights(module, &weights, memory.length, &memory.direction);
                if iteration == self.max_iter {
                    break;
                }
                (loss, gradient) = evaluate(module);
                evaluations += 1;
            }
            let moved = largest(&memory.direction) * memory.length;
            if evaluations >= most
                || largest(&gradient) <= self.tolerance_grad
                || moved <= self.tolerance_change
                || (loss - before).abs() < self.tolerance_change
            {
                break;
            }
        }
        first_loss
    }
}

impl Memory {
    /// Adds the last change, and computes the direction for this gradient.
    fn turn(&mut self, gradient: &[f64], history: usize) {
        if self.iterations == 1 || self.gradient.len() != gradient.len() {
            *self = Memory { iterations: self.iterations, scale: 1.0, ..Memory::default() };
            self.direction = gradient.iter().map(|g| -g).collect();
            return;
        }
        let change: Vec<f64> =
            gradient.iter().zip(&self.gradient).map(|(g, old)| g - old).collect();
        let step: Vec<f64> = self.direction.iter().map(|d| d * self.length).collect();
        let curvature = dot(&change, &step);
        if curvature > LEAST_CURVATURE && history > 0 {
            if self.changes.len() == history {
                self.changes.pop_front();
            }
            self.scale = curvature / dot(&change, &change);
            self.changes.push_back(Change::new(step, change));
        }
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = vec![0.0; self.changes.len()];
        for (change, share) in self.changes.iter().zip(&mut shares).rev() {
            *share = dot(&change.weights, &direction) * change.rho;
            add(&mut direction, -*share, &change.gradient);
        }
        for d in &mut direction {
            *d *= self.scale;
        }
        for (change, share) in self.changes.iter().zip(&shares) {
            let back = dot(&change.gradient, &direction) * change.rho;
            add(&mut direction, share - back, &change.weights);
        }
        self.direction = direction;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, of: &[f64]) {
    for (to, of) in to.iter_mut().zip(of) {
        *to += factor * of;
    }
}

/// The largest absolute value, or NaN if `x` contains one.
fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |most: f64, x| if x.abs() > most || x.is_nan() { x.abs() } else { most })
}

/// The gradients of all parameters that are not frozen, concatenated; zero where a parameter has no
/// gradient.
fn flat_gradient<E: Element>(module: &dyn Module<E>, gradients: &Gradients<E>) -> Vec<f64> {
    let mut flat = Vec::new();
    for (_, parameter) in module.parameters() {
        if parameter.is_frozen() {
            continue;
        }
        match gradients.release(parameter) {
            Some(gradient) => flat.extend(gradient.iter().map(|g| g.to_f64())),
            None => flat.resize(flat.len() + parameter.value().len(), 0.0),
        }
    }
    flat
}

/// The weights of all parameters that are not frozen.
fn flat_weights<E: Element>(module: &dyn Module<E>) -> Vec<f64> {
    let parameters = module.parameters();
    let learned = parameters.iter().filter(|(_, parameter)| !parameter.is_frozen());
    learned.flat_map(|(_, p)| p.value().iter().map(|w| w.to_f64()).collect::<Vec<_>>()).collect()
}

/// Sets the weights to `weights + length * direction`; those that do not move keep their bits.
fn set_weights<E: Element>(
    module: &mut dyn Module<E>,
    weights: &[f64],
    length: f64,
    direction: &[f64],
) {
    let mut from = weights.iter().zip(direction);
    module.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
        if !parameter.is_frozen() {
            let to = parameter.value_mut().as_mut_slice();
            for (to, (weight, direction)) in to.iter_mut().zip(&mut from) {
                *to = E::from_f64(weight + length * direction);
            }
        }
    }));
}

/// The paths of the parameters that are not frozen, and the number of their elements.
fn learned<E: Element>(module: &dyn Module<E>) -> (String, usize) {
    let (mut paths, mut count) = (Vec::new(), 0);
    for (path, parameter) in module.parameters() {
        if !parameter.is_frozen() {
            count += parameter.value().len();
            paths.push(path);
        }
    }
    (paths.join("\n"), count)
}

impl<E: Element> ParameterState<E> for Lbfgs {
    fn state(&self, module: &dyn Module<E>) -> State {
        let Memory { iterations, changes, direction, length, gradient, scale } = &self.memory;
        let mut state = State::new();
        state.insert_text("kind", "Lbfgs");
        state.insert_text("parameters", learned(module).0);
        state.insert_number("learning_rate", self.rate);
        state.insert_integers("counts", [*iterations, changes.len() as u64]);
        let mut insert = |name: &str, values: &[f64]| {
            if let Ok(tensor) = Tensor::from_slice(values, [values.len()]) {
                state.insert_tensor(name, &tensor);
            }
        };
        if *iterations > 0 {
            insert("numbers", &[*length, *scale]);
            insert("direction", direction);
            insert("gradient", gradient);
        }
        for (place, change) in changes.iter().enumerate() {
            insert(&format!("change.{place}.weights"), &change.weights);
            insert(&format!("change.{place}.gradient"), &change.gradient);
        }
        state
    }

    fn load_state(&mut self, module: &dyn Module<E>, state: &State) -> Result<(), StateError> {
        state.expect_kind("Lbfgs")?;
        let rate = super::memory::load_rate::<f64>(state)?;
        let (paths, len) = learned(module);
        if state.text("parameters")? != paths {
            return Err(StateError::Content {
                name: "parameters".to_owned(),
                message: "the parameters that are not frozen differ from those of the saved state"
                    .to_owned(),
            });
        }
        let counts = state.integers("counts", 2)?;
        let read = |name: &str, len: usize| {
            Ok::<_, StateError>(state.tensor::<f64>(name, &[len].into())?.into_vec())
        };
        let mut memory =
            Memory { iterations: check_count("counts", counts[0])?, ..Memory::default() };
        let mut known = 4;
        if memory.iterations > 0 {
            let numbers = read("numbers", 2)?;
            (memory.length, memory.scale) = (numbers[0], numbers[1]);
            (memory.direction, memory.gradient) = (read("direction", len)?, read("gradient", len)?);
            known += 3;
        }
        for place in 0..counts[1] {
            let weights = read(&format!("change.{place}.weights"), len)?;
            let gradient = read(&format!("change.{place}.gradient"), len)?;
            memory.changes.push_back(Change::new(weights, gradient));
            known += 2;
        }
        if state.len() > known {
            let names = ["kind", "parameters", "learning_rate", "counts", "numbers", "direction"];
            state.only(|name| {
                let change = name.strip_prefix("change.").and_then(|rest| rest.split_once('.'));
                let counted = change.is_some_and(|(place, of)| {
                    place.parse().is_ok_and(|place: u64| place < counts[1])
                        && (of == "weights" || of == "gradient")
                });
                names.contains(&name) || name == "gradient" || counted
            })?;
        }
        (self.rate, self.memory) = (rate, memory);
        Ok(())
    }
}
