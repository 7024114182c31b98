//! [`recommend()`]: an initializer for each layer of a module tree, with the reason.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rand::Rng;
use wengert_autodiff::{Element, Kind, Shape};

use super::figure::rounded;
use super::gain::moments;
use super::gradient_warning::GradientWarning;
use super::nonlinearity::Nonlinearity;
use super::operating_point::{OperatingPoint, operating_point};
use super::theory::{StackLayer, TheoryError};
use super::tree::{Entry, Tree};
use super::{Init, InitError, layout};
use crate::module::{Met, Module, Role, VisitorMut};

/// How one layer should begin, and why.
#[derive(Clone, Debug)]
pub struct LayerAdvice {
    /// The path of the weight, or of the table, in the module tree.
    pub weight: String,
    /// The scheme of the weight.
    pub weight_init: Init,
    /// The bias's path, if the layer has one.
    pub bias: Option<String>,
    /// The scheme of the bias.
    pub bias_init: Init,
    /// The weight's shape.
    pub shape: Shape,
    /// What the weight is, with its fans.
    pub kind: Kind,
    /// What follows: the layer's own activation, or that of the module after it.
    pub activation: Arc<dyn Nonlinearity>,
    /// The variance of its pre-activations.
    pub variance: f64,
    /// The standard deviation of the weights, times `sqrt(fan_in)`; of a table, that of its
    /// elements.
    pub sigma_w: f64,
    /// The standard deviation of the biases.
    pub sigma_b: f64,
    /// By how much the layer's activation and the weights before the next layer's multiply the
    /// variance of gradients on the way back, for layers of equal width: `chi_1`.
    pub gradient_factor: f64,
    /// Why.
    pub reason: String,
}

/// How a network should begin, layer by layer. Its `Display` is a table.
#[derive(Clone, Debug)]
pub struct Advice {
    /// The layers in order.
    pub layers: Vec<LayerAdvice>,
    /// The paths of the parameters whose [`Kind`] is not stated. They are left as they are.
    pub others: Vec<String>,
    /// What to change in the network, if its gradients vanish or explode whatever the weights.
    pub warning: Option<GradientWarning>,
}

/// The initializer and its parameters for each layer of a module tree, with a sentence of reason,
/// for inputs of mean square 1 (standardized data).
///
/// A layer's activation is put on its edge of chaos, where gradients keep their variance and
/// signals theirs: the operating point is chosen by depth, the weights' scale accounts for what
/// comes in from the layer before, and the first layer's for the data. Activations without such
/// a point get their forward gain, or Glorot's scheme if that is predicted to change the gradient
/// at the first layer less; the reason says what becomes of gradients, and
/// [`Advice::warning`] what to change if they vanish. Layers inside a module of [`Role::Residual`]
/// get [`Fixup`](super::Fixup)'s scales. The rows of a [`Kind::Table`] are activations, and get
/// variance 1.
///
/// What a parameter is, and the fans of a weight, are stated by the layer that made it: see
/// [`Kind`]. Gains, the biases of normalizations, and parameters of no stated kind are left as they
/// are.
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
/// [`TheoryError`] if an activation cannot be computed, or lets nothing through.
pub fn recommend<E: Element>(model: &(impl Module<E> + ?Sized)) -> Result<Advice, TheoryError> {
    recommend_for(model, 1.0)
}

/// [`recommend`] for inputs of another mean square.
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
        // Where Glorot's scheme lets nothing through there is no choice.
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
    /// Draws the parameters it speaks of anew, in the module's order. Others stay, and so do frozen
    /// ones.
    ///
    /// # Errors
    /// [`InitError::OtherModel`] if the module's weights are not those the advice is for, by name,
    /// shape, kind and bias; another [`InitError`] if a scheme cannot be applied. Nothing has
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

    /// Whether these are the weights it speaks of.
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
                return refuse(format!("its weight {name:?} has {has} bias beside it"));
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

    /// The layers as a stack, one after the other, for [`predict`](super::predict). A table is a
    /// layer of one input, whose square is 1. (Of residual modules that is the branch alone, and
    /// normalization is left out.)
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

/// An activation that needs larger weights after it lets nothing through.
const LARGEST_SIGMA: f64 = 1e6;

/// What a layer gets whose activation is not put on the edge of chaos.
#[derive(Clone, Copy, Debug)]
enum Fallback {
    /// Weights that keep the variance of pre-activations at 1.
    ForwardGain,
    /// Weights of variance `2 / (fan_in + fan_out)`.
    Glorot,
}

/// Goes through the layers in order.
#[derive(Clone)]
struct Advisor {
    depth: usize,
    fallback: Fallback,
    /// The operating points found, by the function's values at some places.
    known: HashMap<(Vec<u64>, bool), Option<OperatingPoint>>,
    /// The mean square of what the next layer is given.
    square: f64,
    /// The logarithm of the gradient's mean square at the first layer, relative to the outputs.
    ln_gradient: f64,
    /// The activations met that are not put on the edge of chaos.
    off_the_edge: Vec<String>,
}

impl Advisor {
    fn new(depth: usize, fallback: Fallback) -> Self {
        let known = HashMap::new();
        Self { depth, fallback, known, square: 1.0, ln_gradient: 0.0, off_the_edge: Vec::new() }
    }

    fn layers(&mut self, tree: &Tree, square: f64) -> Result<Vec<LayerAdvice>, TheoryError> {
        (self.square, self.ln_gradient) = (square, 0.0);
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
        // What comes out must be of use to the next layer, and gradients to this one.
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
                "the last layer of a residual branch begins at zero: the block passes on its input (Fixup)".into()
            } else {
                format!(
                    "one of {} residual branches: the scale times {:.3}, so that a step's effect does not grow with depth (Fixup)",
                    fixup.branches,
                    fixup.scale()
                )
            };
        } else {
            self.square = here.second;
        }
        if let Some(square) = normalized(tree.following(i))? {
            self.square = square;
            advice.reason =
                "normalized after it: any scale will do, and this one is unit variance".into();
        } else if fixup.is_none() {
            // The first layer's pre-activations are where the gradient is wanted.
            let incoming = match weight.kind.fans() {
                Some((fan_in, fan_out)) if i > 0 => {
                    weight_variance * fan_out as f64 / fan_in as f64
                }
                _ => 1.0,
            };
            self.ln_gradient += here.slope.ln() + incoming.ln();
            if let Some(name) = choice.off_the_edge
                && !self.off_the_edge.contains(&name)
            {
                self.off_the_edge.push(name);
            }
        }
        advice.sigma_w = weight_variance.sqrt();
        if advice.sigma_w > 0.0 {
            advice.weight_init = match weight.kind {
                Kind::Table { .. } => Init::Normal { mean: 0.0, std: advice.sigma_w },
                _ => Init::lecun_normal().gain(advice.sigma_w),
            };
        }
        if advice.sigma_b > 0.0 {
            advice.bias_init = Init::Normal { mean: 0.0, std: advice.sigma_b };
        }
        Ok(advice)
    }

    /// Where to keep a layer's pre-activations, and why.
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
            // The mean square of the inputs times the variance of the weights, times the fan-in.
            let glorot = self.square * 2.0 * fan_in / (fan_in + fan_out);
            let (variance, scheme) = match self.fallback {
                Fallback::ForwardGain => (1.0, "the forward gain keeps signals"),
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
                "{name}: no biases put it on the edge of chaos at moderate pre-activations; {scheme}, but gradients change by {} a layer, and a shared mean of {} is passed on",
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
        let reason = if activation.is_identity() {
            "linear: variance 1/fan_in of unit inputs keeps signals and gradients; here outputs of variance 1".into()
        } else if point.sigma_b == 0.0 && (point.chi_q - 1.0).abs() < 1e-6 {
            format!(
                "{name}: weights of variance {}/fan_in keep signals and gradients at any scale",
                rounded(point.sigma_w.powi(2), 3)
            )
        } else {
            format!(
                "{name} on the edge of chaos: pre-activations stay at variance {:.3} (each layer multiplies a deviation by {:.2}), gradients keep theirs, and unrelated inputs reach correlation {correlation:.2} after {depth} layers",
                point.q, point.chi_q
            )
        };
        let bias_variance = if bias { point.sigma_b.powi(2) } else { 0.0 };
        Ok(Choice {
            variance: point.q,
            bias_variance,
            next_weight_variance: point.sigma_w.powi(2),
            reason,
            off_the_edge: None,
        })
    }
}

/// The mean square of what comes out of modules among which one normalizes.
fn normalized<'a>(modules: impl Iterator<Item = &'a Met>) -> Result<Option<f64>, TheoryError> {
    let mut square = None;
    for module in modules {
        if module.role == Role::Normalization {
            square = Some(1.0);
        } else if square.is_some() && !module.nonlinearity().is_identity() {
            square = Some(moments(&*module.nonlinearity(), 1.0)?.second);
        }
    }
    Ok(square)
}

struct Choice {
    variance: f64,
    bias_variance: f64,
    next_weight_variance: f64,
    reason: String,
    /// The activation's name, if it is not put on the edge of chaos.
    off_the_edge: Option<String>,
}

impl Choice {
    /// A table of rows that are activations themselves.
    fn table(activation: &dyn Nonlinearity) -> Result<Self, TheoryError> {
        Ok(Self {
            variance: 1.0,
            bias_variance: 0.0,
            next_weight_variance: 1.0 / moments(activation, 1.0)?.second,
            reason: "a table: its rows are the activations, and begin with variance 1".into(),
            off_the_edge: None,
        })
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.layers.iter().map(|layer| layer.weight.len()).max().unwrap_or(0).max(6);
        write!(
            f,
            "{:width$}  {:>7} {:>7} {:>7} {:>6}",
            "weight", "sigma_w", "sigma_b", "q", "chi_1"
        )?;
        let mut last = None;
        for layer in &self.layers {
            write!(
                f,
                "\n{:width$}  {:>7} {:>7} {:>7} {:>6}",
                layer.weight,
                rounded(layer.sigma_w, 4),
                rounded(layer.sigma_b, 4),
                rounded(layer.variance, 4),
                rounded(layer.gradient_factor, 3)
            )?;
            if last.replace(&layer.reason) == Some(&layer.reason) {
                write!(f, "  as above")?;
            } else {
                write!(f, "  {}", layer.reason)?;
            }
        }
        if !self.others.is_empty() {
            write!(f, "\nleft as they are, being of no stated kind: {}", self.others.join(", "))?;
        }
        if let Some(warning) = &self.warning {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}
