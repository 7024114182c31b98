//! [`lsuv()`]: layer-sequential unit variance, which scales weights by a batch of data.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use wengert_autodiff::{Element, Kind, Parameter, Tape, Tensor};

use super::figure::figure;
use super::{Init, InitError};
use crate::forward::Layer;
use crate::module::{Module, VisitorMut};
use crate::observe::Observer;

/// Options of [`lsuv()`]. The defaults are those of the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lsuv {
    /// The largest accepted difference of a layer's variance from 1.
    pub tolerance: f64,
    /// The largest number of times that a layer is scaled.
    pub rounds: usize,
    /// Whether to replace the weights by orthogonal ones and the biases by zeros first.
    pub orthogonal: bool,
}

impl Default for Lsuv {
    fn default() -> Self {
        Self { tolerance: 0.1, rounds: 10, orthogonal: true }
    }
}

/// The effect of [`lsuv()`] on a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LsuvLayer {
    /// The path of the layer in the module tree.
    pub path: String,
    /// The variance of its pre-activations before scaling.
    pub before: f64,
    /// The variance after scaling.
    pub after: f64,
    /// The factor by which the weights were multiplied.
    pub scale: f64,
}

/// Errors of [`lsuv()`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LsuvError {
    /// The orthogonal weights cannot be sampled.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The batch does not fit the module.
    #[error(transparent)]
    Forward(#[from] wengert_autodiff::Error),
    /// A tolerance that is negative or NaN.
    #[error("the tolerance of LSUV must be 0 or more, got {tolerance}; the paper uses 0.1")]
    Tolerance {
        /// The tolerance given.
        tolerance: f64,
    },
    /// A module none of whose parameters is stated to be a weight or a table.
    #[error(
        "the module has no weights to scale: the kind of these parameters is not stated: {}; create the weights among them with Parameter::weight", others.join(", ")
    )]
    NoWeight {
        /// The parameters of no stated kind.
        others: Vec<String>,
    },
    /// A layer whose pre-activations do not vary, or are not finite.
    #[error(
        "layer {path:?}: its pre-activations have variance {} on this batch, which no scale of its weights changes to 1; check the batch and the layers before it", figure(*.variance)
    )]
    Silent {
        /// The layer.
        path: String,
        /// The variance.
        variance: f64,
    },
    /// A layer that does not reach unit variance.
    #[error(
        "layer {path:?}: after {rounds} rounds the variance of its pre-activations is {}, not within {tolerance} of 1; a layer whose output does not scale with its weights (one that adds its input) cannot be scaled as a whole; implement Layer::observe for it, so that its parts are scaled one by one", figure(*.variance)
    )]
    NotReached {
        /// The layer.
        path: String,
        /// The number of rounds.
        rounds: usize,
        /// The variance reached.
        variance: f64,
        /// The tolerance given.
        tolerance: f64,
    },
}

/// Scales the weights of each layer, from the first to the last, so that its pre-activations have
/// variance 1 on a batch of data. Source: D. Mishkin and J. Matas, "All you need is a good init",
/// ICLR 2016.
///
/// The layers are those that the module shows its [`Observer`]; a module that shows no parts is
/// scaled as a whole. Only parameters that are stated to be weights or tables ([`Kind`]) are
/// scaled; layers without one are skipped, and gains, frozen parameters and parameters of no stated
/// kind are not changed.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::{Sequential, init::{Lsuv, lsuv}};
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let mut model: Sequential =
///     Sequential::builder().linear(8, 8, Activation::Tanh).build(&mut rng)?;
/// let batch = Tensor::uniform([64, 8], -3.0, 9.0, &mut rng);
/// let layers = lsuv(&mut model, &batch, Lsuv::default(), &mut rng)?;
/// assert!((layers[0].after - 1.0).abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LsuvError`]; the weights of the layers before the failing one have been scaled then, and those
/// of the failing layer and of the layers after it have not.
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

/// [`lsuv()`] for a module that is not a [`Layer`]: `forward` runs the forward pass and shows the
/// layers to the observer ([`Observer::child`]).
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
        let before = layer_weights(model, &path);
        match scale(model, &mut variances, path, count, options) {
            Ok(layer) => report.push(layer),
            Err(error) => {
                restore(model, &before);
                return Err(error);
            }
        }
    }
    Ok(report)
}

/// Whether a layer's output scales with this parameter, and the parameter is not frozen.
fn is_scaled<E: Element>(parameter: &Parameter<E>) -> bool {
    let kind = parameter.kind();
    (kind.is_weight() || kind.is_table()) && !parameter.is_frozen()
}

/// Whether a path is below that of a layer.
pub(super) fn is_below(parameter: &str, layer: &str) -> bool {
    layer.is_empty() || parameter.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'))
}

/// The weights of a layer that are scaled, with their paths.
fn layer_weights<E: Element, M: Module<E> + ?Sized>(
    model: &M,
    layer: &str,
) -> BTreeMap<String, Tensor<E>> {
    let scaled =
        |(path, parameter): &(String, &Parameter<E>)| is_scaled(parameter) && is_below(path, layer);
    let parameters = model.parameters().into_iter().filter(scaled);
    parameters.map(|(path, parameter)| (path, parameter.value().clone())).collect()
}

/// Returns parameters to the values of these paths.
fn restore<E: Element, M: Module<E> + ?Sized>(model: &mut M, values: &BTreeMap<String, Tensor<E>>) {
    model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
        if let Some(value) = values.get(&path.to_string()) {
            *parameter.value_mut() = value.clone();
        }
    }));
}

/// Scales one layer to unit variance.
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
        // Several weights in a chain share the factor.
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

/// Replaces weights by orthogonal ones and biases by zeros.
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
