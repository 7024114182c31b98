//! [`lsuv()`]: layer-sequential unit variance, the scales of weights set by data.

use std::collections::BTreeSet;

use rand::Rng;
use wengert_autodiff::{Element, Kind, Parameter, Tape, Tensor};

use super::figure::figure;
use super::{Init, InitError};
use crate::forward::Layer;
use crate::module::{Module, VisitorMut};
use crate::observe::Observer;

/// How [`lsuv()`] goes about it. The defaults are those of the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lsuv {
    /// By how much a layer's variance may differ from 1.
    pub tolerance: f64,
    /// How often a layer is scaled at most.
    pub rounds: usize,
    /// Whether the weights are drawn anew first, orthogonal, and the biases set to zero.
    pub orthogonal: bool,
}

impl Default for Lsuv {
    fn default() -> Self {
        Self { tolerance: 0.1, rounds: 10, orthogonal: true }
    }
}

/// What became of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LsuvLayer {
    /// Where it is in the module tree.
    pub path: String,
    /// The variance of its pre-activations before it was scaled.
    pub before: f64,
    /// The variance afterwards.
    pub after: f64,
    /// The factor its weights were multiplied by.
    pub scale: f64,
}

/// Why [`lsuv()`] gave up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LsuvError {
    /// The orthogonal weights could not be drawn.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The batch does not fit the module.
    #[error(transparent)]
    Forward(#[from] wengert_autodiff::Error),
    /// A tolerance that nothing can be within.
    #[error(
        "the tolerance of LSUV must be a number not below 0, got {tolerance}; the paper's is 0.1"
    )]
    Tolerance {
        /// What was given.
        tolerance: f64,
    },
    /// A module none of whose parameters is stated to be a weight or a table.
    #[error(
        "none of the module's parameters is stated to be a weight: {} are of no stated kind; make the weights among them with Parameter::weight", others.join(", ")
    )]
    NoWeight {
        /// The parameters of no stated kind.
        others: Vec<String>,
    },
    /// A layer whose pre-activations do not vary, or are not finite.
    #[error(
        "layer {path:?}: its pre-activations have the variance {} on this batch, which no factor of its weights makes 1; look at the batch and at the layers before it", figure(*.variance)
    )]
    Silent {
        /// The layer.
        path: String,
        /// The variance.
        variance: f64,
    },
    /// A layer that does not come to unit variance.
    #[error(
        "layer {path:?}: after {rounds} rounds the variance of its pre-activations is {}, not within {tolerance} of 1; a layer whose output does not scale with its weights (one that adds its input) cannot be scaled as a whole, it has to show its parts in Layer::observe", figure(*.variance)
    )]
    NotReached {
        /// The layer.
        path: String,
        /// The rounds made.
        rounds: usize,
        /// The variance reached.
        variance: f64,
        /// The tolerance asked for.
        tolerance: f64,
    },
}

/// Scales the weights of each layer, from the first to the last, so that its pre-activations have
/// variance 1 on a batch of data: D. Mishkin and J. Matas, "All you need is a good init", ICLR 2016.
///
/// The layers are those the module shows its [`Observer`]; a module that shows none of its parts
/// is scaled as a whole. What is scaled are the parameters stated to be weights or tables
/// ([`Kind`]); a layer without one is passed over, and gains, frozen parameters and those of no
/// stated kind stay as they are.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::{Sequential, init::{Lsuv, lsuv}};
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let mut model: Sequential = Sequential::builder().linear(8, 8, Activation::Tanh).build(&mut rng)?;
/// let batch = Tensor::uniform([64, 8], -3.0, 9.0, &mut rng);
/// let layers = lsuv(&mut model, &batch, Lsuv::default(), &mut rng)?;
/// assert!((layers[0].after - 1.0).abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LsuvError`]; the weights of layers before the one at fault have been scaled then.
pub fn lsuv<E: Element>(
    model: &mut (impl Layer<E> + ?Sized),
    batch: &Tensor<E>,
    options: Lsuv,
    rng: &mut impl Rng,
) -> Result<Vec<LsuvLayer>, LsuvError> {
    lsuv_with(
        model,
        |model, tape, observer| model.observe(tape.constant(batch), observer).map(|_| ()),
        options,
        rng,
    )
}

/// [`lsuv()`] for a module whose forward pass is not that of a [`Layer`]: `forward` runs it, with
/// the layers shown to the observer ([`Observer::child`]).
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Linear, Module, init::{Lsuv, lsuv_with}};
///
/// #[derive(Debug, Module)]
/// struct Siamese {
///     tower: Linear,
///     head: Linear,
/// }
///
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let mut model = Siamese {
///     tower: Linear::config(8, 8).build(&mut rng)?,
///     head: Linear::config(8, 8).build(&mut rng)?,
/// };
/// let pair = [1.0, 5.0].map(|high| Tensor::uniform([64, 8], -1.0, high, &mut rng));
/// let layers = lsuv_with(
///     &mut model,
///     |model, tape, observer| {
///         let [left, right] = [&pair[0], &pair[1]].map(|side| tape.constant(side));
///         let left = observer.child("tower", &model.tower, left)?;
///         let right = observer.child("tower", &model.tower, right)?;
///         observer.child("head", &model.head, left - right).map(|_| ())
///     },
///     Lsuv::default(),
///     &mut rng,
/// )?;
/// assert_eq!(layers.iter().map(|layer| &*layer.path).collect::<Vec<_>>(), ["tower", "head"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`lsuv()`].
pub fn lsuv_with<E: Element, M: Module<E> + ?Sized>(
    model: &mut M,
    mut forward: impl for<'t> FnMut(
        &M,
        &'t Tape<E>,
        &mut Observer<'_, 't, E>,
    ) -> wengert_autodiff::Result<()>,
    options: Lsuv,
    rng: &mut impl Rng,
) -> Result<Vec<LsuvLayer>, LsuvError> {
    if options.tolerance.is_nan() || options.tolerance < 0.0 {
        return Err(LsuvError::Tolerance { tolerance: options.tolerance });
    }
    if options.orthogonal {
        orthogonalize(model, rng)?;
    }
    let all = model.parameters();
    let scaled = all.iter().filter(|(_, parameter)| is_scaled(parameter));
    let weights: Vec<String> = scaled.map(|(path, _)| path.clone()).collect();
    if weights.is_empty() {
        let others = all.iter().filter(|(_, parameter)| parameter.kind() == Kind::Other);
        let others: Vec<String> = others.map(|(path, _)| path.clone()).collect();
        if !others.is_empty() {
            return Err(LsuvError::NoWeight { others });
        }
    }
    let mut tape = Tape::new();
    let mut variances =
        |model: &M| variances(&mut tape, |tape, observer| forward(model, tape, observer));
    let order: Vec<String> = variances(model)?.into_iter().map(|(p, _)| p).collect();
    let mut report = Vec::new();
    let mut seen = BTreeSet::new();
    for path in order {
        let count = weights.iter().filter(|weight| is_below(weight, &path)).count();
        // A layer that is used twice is scaled for its first use.
        if count == 0 || !seen.insert(path.clone()) {
            continue;
        }
        let layer = scale(model, &mut variances, path, count, options)?;
        report.push(layer);
    }
    Ok(report)
}

/// Whether a layer's output scales with a parameter that may be changed.
fn is_scaled<E: Element>(parameter: &Parameter<E>) -> bool {
    let kind = parameter.kind();
    (kind.is_weight() || kind.is_table()) && !parameter.is_frozen()
}

/// Whether a parameter's path is that of a layer with one more name, or below it.
pub(super) fn is_below(parameter: &str, layer: &str) -> bool {
    layer.is_empty() || parameter.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'))
}

/// Brings one layer to unit variance.
fn scale<E: Element, M: Module<E> + ?Sized>(
    model: &mut M,
    variances: &mut dyn FnMut(&M) -> Variances,
    path: String,
    weights: usize,
    options: Lsuv,
) -> Result<LsuvLayer, LsuvError> {
    let mut before = None;
    let mut total = 1.0;
    for round in 0..=options.rounds {
        let all = variances(model)?;
        let variance = all.into_iter().find(|(p, _)| *p == path).map_or(f64::NAN, |(_, v)| v);
        let first = *before.get_or_insert(variance);
        if !(variance.is_finite() && variance > 0.0) {
            return Err(LsuvError::Silent { path, variance });
        }
        if (variance - 1.0).abs() <= options.tolerance {
            return Ok(LsuvLayer { path, before: first, after: variance, scale: total });
        }
        if round == options.rounds {
            let (rounds, tolerance) = (options.rounds, options.tolerance);
            return Err(LsuvError::NotReached { path, rounds, variance, tolerance });
        }
        // With several weights in a chain, each takes its share.
        let factor = variance.powf(-0.5 / weights as f64);
        total *= factor;
        model.visit_mut(&mut VisitorMut::new(&mut |at, parameter| {
            if is_scaled(parameter) && is_below(&at.to_string(), &path) {
                for weight in parameter.value_mut().as_mut_slice() {
                    *weight = E::from_f64(weight.to_f64() * factor);
                }
            }
        }));
    }
    unreachable!("the last round returns")
}

/// The paths of layers and the variances of their pre-activations, in order.
type Variances = Result<Vec<(String, f64)>, LsuvError>;

/// The variance of the pre-activations of each layer that `forward` shows, in order.
fn variances<E: Element>(
    tape: &mut Tape<E>,
    forward: impl for<'t> FnOnce(&'t Tape<E>, &mut Observer<'_, 't, E>) -> wengert_autodiff::Result<()>,
) -> Variances {
    let mut found = Vec::new();
    tape.no_grad(|| {
        let mut see = |path: &str, layer: crate::Observation<'_, E>| {
            found.push((path.to_owned(), variance(&layer.preactivation.value())));
        };
        forward(tape, &mut Observer::new(&mut see))
    })?;
    tape.clear();
    Ok(found)
}

/// The variance of a tensor's elements.
fn variance<E: Element>(tensor: &Tensor<E>) -> f64 {
    let values: Vec<f64> = tensor.to_vec().into_iter().map(E::to_f64).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count
}

fn orthogonalize<E: Element>(
    model: &mut (impl Module<E> + ?Sized),
    rng: &mut impl Rng,
) -> Result<(), InitError> {
    let mut result = Ok(());
    model.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
        let scheme = match parameter.kind() {
            _ if result.is_err() || parameter.is_frozen() => return,
            Kind::Weight { .. } => Init::orthogonal(),
            Kind::Bias => Init::Zeros,
            _ => return,
        };
        result = scheme.redraw(parameter, rng);
    }));
    result
}
