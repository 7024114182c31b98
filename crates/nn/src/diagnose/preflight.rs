//! [`preflight`]: judges a training run before it starts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wengert_autodiff::{Element, Result, Tensor};

use super::data::{Data, DataFacts, Targets};
use super::facts::{Budget, Facts, Network, Trial, observed, tried};
use super::loss::Loss;
use super::{Report, Rules};
use crate::forward::Layer;
use crate::module::{Met, Role, Visitor, train_without_dropout};
use crate::optim::Optimizer;

/// The most examples of the measured batch.
const ROWS: usize = 256;

/// Judges a training run before it starts: the examples and the loss, one batch forward and
/// backward, and three trial steps, all on copies. The model, the optimizer and their random
/// numbers do not change.
///
/// The measured batch has 256 examples at equal distances, or all. What cannot be measured is
/// listed in [`Report::unjudged`].
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::diagnose::{Budget, Cause, Data, Loss, preflight};
/// use wengert_nn::{Adam, Sequential};
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let x = Tensor::<f32>::randn([200, 4], &mut rng) * 100.0;
/// let labels: Vec<usize> = (0..200).map(|i| usize::from(x[[i, 0]] > 0.0)).collect();
/// let model = Sequential::builder()
///     .linear(4, 16, Activation::Relu)
///     .linear(16, 2, Activation::Identity)
///     .build(&mut rng)?;
/// let data = Data::new(&x, labels);
/// let budget = Budget { epochs: 20, batch: 32 };
/// let report = preflight(&model, &Loss::cross_entropy(), &Adam::new(1e-3), &data, budget);
/// println!("{report}");
/// assert_eq!(report.causes(), [Cause::UnscaledInput]);
/// # Ok::<(), wengert_nn::Error>(())
/// ```
pub fn preflight<E: Element, M: Layer<E> + Clone, O: Optimizer<E> + Clone>(
    model: &M,
    loss: &Loss<E>,
    optimizer: &O,
    data: &Data<E>,
    budget: Budget,
) -> Report {
    preflight_with(model, loss, optimizer, data, budget, &Rules::standard())
}

/// [`preflight`] with these rules.
pub fn preflight_with<E: Element, M: Layer<E> + Clone, O: Optimizer<E> + Clone>(
    model: &M,
    loss: &Loss<E>,
    optimizer: &O,
    data: &Data<E>,
    budget: Budget,
    rules: &Rules,
) -> Report {
    let mut unjudged = Vec::new();
    let facts = Facts {
        loss: loss.name().to_owned(),
        takes: loss.takes(),
        rate: optimizer.learning_rate(),
        momentum: optimizer.momentum().unwrap_or(0.0),
        normalizes_steps: optimizer.normalizes_steps(),
        budget,
        data: DataFacts::of(data),
        network: None,
        trial: None,
        course: None,
    };
    let facts = measured(model, loss, optimizer, data, facts, &mut unjudged);
    if facts.takes == super::Takes::Unknown {
        unjudged.push(format!(
            "the output activation and the labels: what the loss {:?} takes is not stated",
            loss.name()
        ));
    }
    if facts.normalizes_steps.is_none() {
        unjudged.push("the length of the steps: the optimizer does not state it".to_owned());
    }
    Report::new(facts, unjudged, rules)
}

/// Adds what a batch and trial steps show.
fn measured<E: Element, M: Layer<E> + Clone, O: Optimizer<E> + Clone>(
    model: &M,
    loss: &Loss<E>,
    optimizer: &O,
    data: &Data<E>,
    mut facts: Facts,
    unjudged: &mut Vec<String>,
) -> Facts {
    if data.rows() == 0 || data.targets.rows() == 0 {
        unjudged.push("the network: there are no examples with targets".to_owned());
        return facts;
    }
    match caught(|| network(model, loss, &data.sample(ROWS))) {
        Ok(network) => facts.network = Some(network),
        Err(error) => {
            unjudged.push(format!("the network: {error}"));
            return facts;
        }
    }
    let rows = facts.budget.batch.clamp(1, ROWS);
    match caught(|| trial(model, loss, optimizer, &data.sample(rows))) {
        Ok(trial) => facts.trial = Some(trial),
        Err(error) => unjudged.push(format!("the learning rate: {error}")),
    }
    facts
}

/// Runs the user's code, whose panics are reported like errors.
fn caught<T>(run: impl FnOnce() -> Result<T>) -> std::result::Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("the forward pass panics: {}", text.unwrap_or("no message")))
        }
    }
}

fn network<E: Element, M: Layer<E> + Clone>(
    model: &M,
    loss: &Loss<E>,
    (inputs, targets): &(Tensor<E>, Targets<E>),
) -> Result<Network> {
    let mut copy = model.clone();
    train_without_dropout(&mut copy);
    observed(&copy, loss, (inputs, targets))
}

fn trial<E: Element, M: Layer<E> + Clone, O: Optimizer<E> + Clone>(
    model: &M,
    loss: &Loss<E>,
    optimizer: &O,
    (inputs, targets): &(Tensor<E>, Targets<E>),
) -> Result<Trial> {
    let mut copy = model.clone();
    copy.train();
    let mut modules = vec![Met::new(String::new(), model)];
    model.visit(&mut Visitor::recording(&mut |_, _| (), &mut modules));
    let roles = |path: &str| {
        modules.iter().find(|met| met.path == path).map_or(Role::Plain, |met| met.role)
    };
    let mut optimizer_copy = optimizer.clone();
    // The state of an optimizer that has made steps is that of the original's parameters.
    let state = optimizer.state(model);
    optimizer_copy.load_state(&copy, &state).map_err(|error| {
        wengert_autodiff::Error::Argument { op: "preflight", message: error.to_string() }
    })?;
    tried(&mut copy, &mut optimizer_copy, loss, &roles, (inputs, targets))
}
