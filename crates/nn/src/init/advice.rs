//! [`recommend()`]: an initializer for each layer of a module tree, with a reason.

use std::collections::HashMap;
use std::sync::Arc;

use rand::Rng;
use wengert_autodiff::{Element, Kind, Shape};

use super::figure::rounded;
use super::gain::moments;
use super::gradient_warning::GradientWarning;
use super::nonlinearity::Nonlinearity;
use super::normalized::{Normalized, normalized, variance_of};
use super::operating_point::{OperatingPoint, operating_point};
use super::theory::{StackLayer, TheoryError};
use super::tree::{Entry, Tree};
use super::{Init, InitError, layout};
use crate::module::{Met, Module, Role, VisitorMut};

/// The recommended initializers of one layer, with the reason.
#[derive(Clone, Debug)]
pub struct LayerAdvice {
    /// The path of the weight or table in the module tree.
    pub weight: String,
    /// The scheme of the weight.
    pub weight_init: Init,
    /// The bias's path, if the layer has one.
    pub bias: Option<String>,
    /// The scheme of the bias.
    pub bias_init: Init,
    /// The weight's shape.
    pub shape: Shape,
    /// The kind of the weight, with its fans.
    pub kind: Kind,
    /// The activation of the layer, or that of the module after it.
    pub activation: Arc<dyn Nonlinearity>,
    /// The variance of its pre-activations.
    pub variance: f64,
    /// The standard deviation of the weights, times `sqrt(fan_in)`; for a table, the standard
    /// deviation of its elements.
    pub sigma_w: f64,
    /// The standard deviation of the biases.
    pub sigma_b: f64,
    /// `chi_1`: the factor by which the layer's activation and the next layer's weight multiply the
    /// variance of gradients in the backward pass, for layers of equal width.
    pub gradient_factor: f64,
    /// The reason, in a sentence.
    pub reason: String,
}

/// The recommended initializers of a network, layer by layer. `Display` prints a table.
#[derive(Clone, Debug)]
pub struct Advice {
    /// The layers in order.
    pub layers: Vec<LayerAdvice>,
    /// The paths of the parameters whose [`Kind`] is not stated. They are not changed.
    pub others: Vec<String>,
    /// What to change in the network, if its gradients vanish or explode with any initial weights.
    pub warning: Option<GradientWarning>,
}

/// Recommends an initializer for each layer of a module tree, with a reason, for inputs of mean
/// square 1 (standardized data).
///
/// Each activation is operated on its edge of chaos, where both signals and gradients keep their
/// variance. The point on the edge depends on the depth of the network, and the scale of the
/// weights on the mean square of the layer's inputs. Activations without such a point get their
/// forward gain, or Glorot's scheme if that is predicted to change the gradient at the first layer
/// less; the reason then states the change of gradients per layer, and [`Advice::warning`] what to
/// change if they vanish. Layers inside a module of [`Role::Residual`] get the scales of
/// [`Fixup`](super::Fixup). The rows of a [`Kind::Table`] are activations, and get variance 1.
///
/// The modules of a struct are taken in the order of its fields: declare them in the order in which
/// its forward computation applies them. A function that it applies itself is stated by
/// `#[module(activation = ..)]`.
///
/// The kind of a parameter and the fans of a weight are stated by the layer that owns it: see
/// [`Kind`]. Gains, the biases of normalizations, and parameters of no stated kind are not changed.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Activation;
/// use wengert_nn::{Sequential, init::recommend};
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let mut model: Sequential = Sequential::builder()
///     .linear(64, 32, Activation::Relu)
///     .linear(32, 10, Activation::Identity)
///     .build(&mut rng)?;
/// let advice = recommend(&model)?;
/// println!("{advice}");
/// advice.apply(&mut model, &mut rng)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`TheoryError`] if an activation cannot be computed, or is zero at all inputs that occur.
pub fn recommend<E: Element>(model: &(impl Module<E> + ?Sized)) -> Result<Advice, TheoryError> {
    recommend_for(model, 1.0)
}

/// [`recommend`] for inputs of a given mean square.
///
/// # Errors
/// [`TheoryError`] if an activation cannot be computed, or the number is not above 0.
pub fn recommend_for<E: Element>(
    model: &(impl Module<E> + ?Sized),
    input_square: f64,
) -> Result<Advice, TheoryError> {
    if !(input_square.is_finite() && input_square > 0.0) {
        let (what, domain) = ("the mean square of the inputs", "finite and above 0");
        return Err(TheoryError::Number { what, domain, got: input_square });
    }
    let tree = Tree::of(model);
    let mut advisor = Advisor::new(tree.depth(), Fallback::ForwardGain);
    let mut layers = advisor.layers(&tree, input_square)?;
    if !advisor.off_the_edge.is_empty() {
        let mut glorot = Advisor { fallback: Fallback::Glorot, ..advisor.clone() };
        // If no signal passes with Glorot's scheme, the forward gain is the only choice.
        if let Ok(others) = glorot.layers(&tree, input_square)
            && glorot.ln_gradient.abs() < advisor.ln_gradient.abs()
        {
            (layers, advisor) = (others, glorot);
        }
    }
    let warning = GradientWarning::new(advisor.ln_gradient, advisor.depth, advisor.off_the_edge);
    Ok(Advice { layers, others: tree.others, warning })
}

impl Advice {
    /// Samples new values for the parameters of the advice, in the module's order. Frozen
    /// parameters and all others keep their values.
    ///
    /// # Errors
    /// [`InitError::OtherModel`] if the module's weights are not those the advice is for, by name,
    /// shape, kind and bias; another [`InitError`] if a scheme cannot be applied. No parameter has
    /// changed then.
    pub fn apply<E: Element>(
        &self,
        model: &mut dyn Module<E>,
        rng: &mut impl Rng,
    ) -> Result<(), InitError> {
        self.check(&Tree::of(&*model).entries)?;
        let mut schemes = HashMap::new();
        for layer in &self.layers {
            schemes.insert(layer.weight.as_str(), &layer.weight_init);
            if let Some(bias) = &layer.bias {
                schemes.insert(bias.as_str(), &layer.bias_init);
            }
        }
        let mut drawn = HashMap::new();
        for (path, parameter) in model.parameters() {
            if let Some(scheme) = schemes.get(path.as_str())
                && !parameter.is_frozen()
            {
                let shape = parameter.value().shape().clone();
                let value = scheme.sample_for(shape, parameter.kind(), rng)?;
                drawn.insert(path, value);
            }
        }
        model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
            if let Some(value) = drawn.remove(&path.to_string()) {
                *parameter.value_mut() = value;
            }
        }));
        Ok(())
    }

    /// Checks that these are the weights of the advice.
    fn check(&self, weights: &[Entry]) -> Result<(), InitError> {
        let refuse = |why| Err(InitError::OtherModel { why });
        for layer in &self.layers {
            let name = &layer.weight;
            let Some(weight) = weights.iter().find(|weight| weight.path == *name) else {
                return refuse(format!("it has no weight {name:?}"));
            };
            if weight.shape != layer.shape {
                let (got, want) = (&weight.shape, &layer.shape);
                return refuse(format!("its weight {name:?} has the shape {got}, not {want}"));
            }
            if weight.kind != layer.kind {
                let (got, want) = (weight.kind, layer.kind);
                return refuse(format!("its weight {name:?} is {got:?}, not {want:?}"));
            }
            if weight.bias != layer.bias {
                let has = if weight.bias.is_some() { "a" } else { "no" };
                return refuse(format!("its weight {name:?} has {has} bias"));
            }
        }
        let advised = |weight: &&Entry| self.layers.iter().any(|at| at.weight == weight.path);
        match weights.iter().find(|weight| !advised(weight)) {
            Some(weight) => {
                refuse(format!("the advice has nothing on its weight {:?}", weight.path))
            }
            None => Ok(()),
        }
    }

    /// The layers as a stack for [`predict`](super::predict). A table counts as a layer with one
    /// input of square 1. Of residual modules only the branch is included, and normalizations are
    /// left out.
    pub fn stack(&self) -> Vec<StackLayer> {
        let layer = |advice: &LayerAdvice| {
            let last = advice.shape.dims().last().copied().unwrap_or(1);
            let (fan_in, fan_out, units) = match advice.kind {
                Kind::Weight { fan_in, fan_out, layout } => {
                    (fan_in, fan_out, layout::outputs(&advice.shape, layout))
                }
                _ => (1, last, last),
            };
            StackLayer {
                fan_in,
                fan_out,
                units,
                sigma_w: advice.sigma_w,
                sigma_b: advice.sigma_b,
                activation: Arc::clone(&advice.activation),
            }
        };
        self.layers.iter().map(layer).collect()
    }
}

impl LayerAdvice {
    /// Chooses the schemes of the weight and the bias by their variances.
    fn set_schemes(&mut self, weight_variance: f64) {
        self.sigma_w = weight_variance.sqrt();
        if self.sigma_w > 0.0 {
            self.weight_init = match self.kind {
                Kind::Table { .. } => Init::Normal { mean: 0.0, std: self.sigma_w },
                _ => Init::lecun_normal().gain(self.sigma_w),
            };
        }
        if self.sigma_b > 0.0 {
            self.bias_init = Init::Normal { mean: 0.0, std: self.sigma_b };
        }
    }
}

/// If the next layer needs larger weights than this, no signal passes the activation.
const LARGEST_SIGMA: f64 = 1e6;

/// The scheme of a layer whose activation has no usable point on the edge of chaos.
#[derive(Clone, Copy, Debug)]
enum Fallback {
    /// Weights that keep the variance of pre-activations at 1.
    ForwardGain,
    /// Weights of variance `2 / (fan_in + fan_out)`.
    Glorot,
}

/// Computes the advice layer by layer, in order.
#[derive(Clone)]
struct Advisor {
    depth: usize,
    fallback: Fallback,
    /// The operating points found so far, by the function's values at some points.
    known: HashMap<(Vec<u64>, bool), Option<OperatingPoint>>,
    /// The mean square of the next layer's inputs.
    square: f64,
    /// The variance of a unit of the next layer's inputs over the examples.
    input_variance: f64,
    /// The logarithm of the gradient's mean square at the first layer, relative to the outputs.
    ln_gradient: f64,
    /// The names of the activations without a usable point on the edge of chaos.
    off_the_edge: Vec<String>,
}

impl Advisor {
    fn new(depth: usize, fallback: Fallback) -> Self {
        Self {
            depth,
            fallback,
            known: HashMap::new(),
            square: 1.0,
            input_variance: 1.0,
            ln_gradient: 0.0,
            off_the_edge: Vec::new(),
        }
    }

    fn layers(&mut self, tree: &Tree, square: f64) -> Result<Vec<LayerAdvice>, TheoryError> {
        (self.square, self.input_variance, self.ln_gradient) = (square, square, 0.0);
        self.off_the_edge.clear();
        (0..tree.entries.len()).map(|i| self.layer(tree, i)).collect()
    }

    fn operating_point(
        &mut self,
        activation: &dyn Nonlinearity,
        bias: bool,
    ) -> Result<Option<OperatingPoint>, TheoryError> {
        let places = [-4.0, -1.5, -0.7, -0.2, 0.1, 0.6, 1.1, 3.0];
        let values = activation.evaluate(&places)?.values;
        let key = (values.into_iter().map(f64::to_bits).collect(), bias);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let found = operating_point(activation, self.depth, bias)?;
        self.known.insert(key, found);
        Ok(found)
    }

    fn layer(&mut self, tree: &Tree, i: usize) -> Result<LayerAdvice, TheoryError> {
        let weight = &tree.entries[i];
        let activation = tree
            .following(i)
            .map(Met::nonlinearity)
            .find(|nonlinearity| !nonlinearity.is_identity())
            .unwrap_or_else(|| tree.modules[weight.owner].nonlinearity());
        let choice = match weight.kind.fans() {
            Some(fans) => self.choose(&*activation, weight.bias.is_some(), fans)?,
            None => Choice::table(&*activation)?,
        };
        let (q, bias_variance) = (choice.variance, choice.bias_variance);
        let square = if weight.kind.is_table() { 1.0 } else { self.square };
        let mut weight_variance = (q - bias_variance) / square.max(f64::MIN_POSITIVE);
        let here = moments(&*activation, q)?;
        // The weights that the next layer needs for its signals and for this layer's gradients.
        let next = choice.next_weight_variance.max(q / here.second);
        if next.is_nan() || next.sqrt() > LARGEST_SIGMA {
            let (activation, second) = (activation.name(), here.second);
            return Err(TheoryError::Silent { activation, variance: q, second });
        }
        let mut advice = LayerAdvice {
            weight: weight.path.clone(),
            weight_init: Init::Zeros,
            bias: weight.bias.clone(),
            bias_init: Init::Zeros,
            shape: weight.shape.clone(),
            kind: weight.kind,
            activation,
            variance: q,
            sigma_w: 0.0,
            sigma_b: bias_variance.sqrt(),
            gradient_factor: here.slope * choice.next_weight_variance,
            reason: choice.reason,
        };
        let fixup = if weight.kind.is_weight() { tree.fixup(i) } else { None };
        if let Some((fixup, place)) = fixup {
            let last = place + 1 == fixup.layers;
            weight_variance =
                if last { 0.0 } else { choice.next_weight_variance * fixup.scale().powi(2) };
            advice.sigma_b = 0.0;
            advice.reason = if last {
                "the last layer of a residual branch begins at zero, so that the block returns its input unchanged (Fixup)".into()
            } else {
                format!(
                    "one of {} residual branches: the scale is multiplied by {:.3}, so that the effect of a training step does not grow with depth (Fixup)",
                    fixup.branches,
                    fixup.scale()
                )
            };
        }
        // The gradient is taken at the first layer's pre-activations: its weight is no factor.
        let (square, input_variance) = (self.square, self.input_variance);
        let widths = match weight.kind.fans() {
            Some((fan_in, fan_out)) if i > 0 => Some(fan_out as f64 / fan_in as f64),
            _ => None,
        };
        if let Some(Normalized { role, after_activation, outputs }) = normalized(tree.following(i))?
        {
            self.square = outputs.second;
            self.input_variance = variance_of(&outputs);
            let spread = |square: f64, variance: f64| {
                if role == Role::Normalization { square } else { variance }
            };
            let factor = if after_activation {
                here.slope * weight_variance / spread(here.second, variance_of(&here))
            } else {
                // The scale of the weights cancels.
                1.0 / spread(square, input_variance)
            };
            let factor = outputs.slope * factor;
            advice.reason =
                "followed by a normalization, so that any scale works; this one gives pre-activations of variance 1"
                    .into();
            if fixup.is_none() {
                self.ln_gradient += widths.map_or(outputs.slope, |widths| factor * widths).ln();
                if widths.is_some() && factor.ln().abs() > UNSTEADY {
                    advice.reason = format!(
                        "{}, but each layer multiplies the variance of gradients by {}",
                        advice.reason,
                        rounded(factor, 3)
                    );
                    self.push_off_the_edge(advice.activation.name());
                }
            }
        } else if fixup.is_none() {
            self.square = here.second;
            self.input_variance = variance_of(&here);
            let incoming = widths.map_or(1.0, |widths| weight_variance * widths);
            self.ln_gradient += here.slope.ln() + incoming.ln();
            if let Some(name) = choice.off_the_edge {
                self.push_off_the_edge(name);
            }
        }
        advice.set_schemes(weight_variance);
        Ok(advice)
    }

    fn push_off_the_edge(&mut self, name: String) {
        if !self.off_the_edge.contains(&name) {
            self.off_the_edge.push(name);
        }
    }

    /// The variance of a layer's pre-activations, with the reason.
    fn choose(
        &mut self,
        activation: &dyn Nonlinearity,
        bias: bool,
        (fan_in, fan_out): (usize, usize),
    ) -> Result<Choice, TheoryError> {
        let depth = self.depth;
        let Some(OperatingPoint { point, correlation }) = self.operating_point(activation, bias)?
        else {
            let name = activation.name();
            let (fan_in, fan_out) = (fan_in as f64, fan_out as f64);
            // Mean square of the inputs * variance of the weights * fan-in.
            let glorot = self.square * 2.0 * fan_in / (fan_in + fan_out);
            let (variance, scheme) = match self.fallback {
                Fallback::ForwardGain => (1.0, "the forward gain keeps the variance of signals"),
                Fallback::Glorot => {
                    (glorot, "Glorot's scheme changes gradients less than the forward gain")
                }
            };
            let here = moments(activation, variance)?;
            let next = match self.fallback {
                Fallback::ForwardGain => 1.0 / here.second,
                Fallback::Glorot => 1.0,
            };
            let reason = format!(
                "{name}: no initial weights and biases keep the variance of both signals and gradients (there is no edge of chaos at moderate pre-activations); {scheme}, but each layer multiplies the variance of gradients by {}, and the mean output of all units is {} (ideally 0)",
                rounded(next * here.slope, 3),
                rounded(here.mean, 2)
            );
            return Ok(Choice {
                variance,
                bias_variance: 0.0,
                next_weight_variance: next,
                reason,
                off_the_edge: Some(name),
            });
        };
        let name = activation.name();
        let bias_variance = if bias { point.sigma_b.powi(2) } else { 0.0 };
        let from = format!(
            "from inputs of mean square {} and weights of variance {}/fan_in",
            rounded(self.square, 3),
            rounded((point.q - bias_variance) / self.square.max(f64::MIN_POSITIVE), 3)
        );
        let reason = if activation.is_identity() {
            format!("linear: outputs of variance 1 {from}")
        } else if point.sigma_b == 0.0 && (point.chi_q - 1.0).abs() < 1e-6 {
            format!(
                "{name} keeps the variance of signals and gradients at any scale of the inputs: pre-activations of variance {} {from}",
                rounded(point.q, 3)
            )
        } else {
            format!(
                "{name} on the edge of chaos, where gradients keep their variance: pre-activations stay at variance {:.3} (each layer multiplies a deviation from it by {:.2}), and two uncorrelated inputs have correlation {correlation:.2} after {depth} layers",
                point.q, point.chi_q
            )
        };
        Ok(Choice {
            variance: point.q,
            bias_variance,
            next_weight_variance: point.sigma_w.powi(2),
            reason,
            off_the_edge: None,
        })
    }
}

/// The logarithm of the factor by which a normalized layer multiplies the variance of gradients,
/// from which on it counts as vanishing or exploding.
const UNSTEADY: f64 = 0.5;

struct Choice {
    variance: f64,
    bias_variance: f64,
    next_weight_variance: f64,
    reason: String,
    /// The activation's name, if it has no usable point on the edge of chaos.
    off_the_edge: Option<String>,
}

impl Choice {
    /// The choice for a table, whose rows are activations themselves.
    fn table(activation: &dyn Nonlinearity) -> Result<Self, TheoryError> {
        Ok(Self {
            variance: 1.0,
            bias_variance: 0.0,
            next_weight_variance: 1.0 / moments(activation, 1.0)?.second,
            reason: "a table: its rows are the inputs of later layers, and get variance 1".into(),
            off_the_edge: None,
        })
    }
}
