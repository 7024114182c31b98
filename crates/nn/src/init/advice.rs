//! [`recommend()`]: an initializer for each layer of a module tree, with the reason.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rand::Rng;
use wengert_autodiff::{Element, Shape};

use super::figure::rounded;
use super::fixup::Fixup;
use super::gain::moments;
use super::lsuv::is_below;
use super::nonlinearity::Nonlinearity;
use super::operating_point::{OperatingPoint, operating_point};
use super::theory::{StackLayer, TheoryError};
use super::{Init, InitError, fans};
use crate::module::{Met, Module, Role, Visitor, VisitorMut};

/// How one layer should begin, and why.
#[derive(Clone, Debug)]
pub struct LayerAdvice {
    /// The weight's path in the module tree.
    pub weight: String,
    /// The scheme of the weight.
    pub weight_init: Init,
    /// The bias's path, if the layer has one.
    pub bias: Option<String>,
    /// The scheme of the bias.
    pub bias_init: Init,
    /// The weight's shape.
    pub shape: Shape,
    /// What follows: the layer's own activation, or that of the module behind it.
    pub activation: Arc<dyn Nonlinearity>,
    /// The variance of its pre-activations.
    pub variance: f64,
    /// The standard deviation of the weights, times `sqrt(fan_in)`.
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
}

/// The initializer and its parameters for each layer of a module tree, with a sentence of reason,
/// for inputs of mean square 1 (standardized data).
///
/// A layer's activation is put on its edge of chaos, where gradients keep their variance and
/// signals theirs: the operating point is chosen by depth, the weights' scale accounts for what
/// comes in from the layer before, and the first layer's for the data. Activations without such
/// a point get their forward gain, and the reason says what becomes of gradients. Layers inside a
/// module of [`Role::Residual`] get [`Fixup`]'s scales.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Activation;
/// use wengert_nn::{Sequential, init::recommend};
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let mut model = Sequential::builder()
///     .linear(64, 32, Activation::Relu)
///     .linear(32, 10, Activation::Identity)
///     .build::<f32>(&mut rng)?;
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
    let depth = tree.weights.len();
    let mut advisor = Advisor { depth, known: HashMap::new(), square: input_square };
    let layers = (0..depth).map(|i| advisor.layer(&tree, i)).collect::<Result<_, _>>()?;
    Ok(Advice { layers })
}

impl Advice {
    /// Draws the parameters it speaks of anew, in the module's order. Others stay.
    ///
    /// # Errors
    /// [`InitError::OtherModel`] if the module's weights are not those the advice is for, by name,
    /// shape and bias; another [`InitError`] if a scheme cannot be applied. Nothing has changed
    /// then.
    pub fn apply<E: Element>(
        &self,
        model: &mut dyn Module<E>,
        rng: &mut impl Rng,
    ) -> Result<(), InitError> {
        self.check(&Tree::of(&*model).weights)?;
        let mut schemes = HashMap::new();
        for layer in &self.layers {
            schemes.insert(layer.weight.as_str(), &layer.weight_init);
            if let Some(bias) = &layer.bias {
                schemes.insert(bias.as_str(), &layer.bias_init);
            }
        }
        let mut drawn = HashMap::new();
        for (path, parameter) in model.parameters() {
            if let Some(scheme) = schemes.get(path.as_str()) {
                let value = scheme.sample(parameter.value().shape().clone(), rng)?;
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
    fn check(&self, weights: &[Weight]) -> Result<(), InitError> {
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
            if weight.bias != layer.bias {
                let has = if weight.bias.is_some() { "a" } else { "no" };
                return refuse(format!("its weight {name:?} has {has} bias beside it"));
            }
        }
        let advised = |weight: &&Weight| self.layers.iter().any(|at| at.weight == weight.path);
        match weights.iter().find(|weight| !advised(weight)) {
            Some(weight) => {
                refuse(format!("the advice has nothing on its weight {:?}", weight.path))
            }
            None => Ok(()),
        }
    }

    /// The layers as a stack, one behind the other, for [`predict`](super::predict). (Of residual
    /// modules that is the branch alone, and normalization is left out.)
    pub fn stack(&self) -> Vec<StackLayer> {
        let layer = |advice: &LayerAdvice| {
            let (fan_in, fan_out) = fans(&advice.shape).unwrap_or_default();
            StackLayer {
                fan_in,
                fan_out,
                units: advice.shape[0],
                sigma_w: advice.sigma_w,
                sigma_b: advice.sigma_b,
                activation: Arc::clone(&advice.activation),
            }
        };
        self.layers.iter().map(layer).collect()
    }
}

/// A weight in the tree.
struct Weight {
    path: String,
    shape: Shape,
    bias: Option<String>,
    /// The number of the module it is directly in.
    owner: usize,
}

/// A module tree laid flat.
struct Tree {
    modules: Vec<Met>,
    weights: Vec<Weight>,
}

impl Tree {
    fn of<E: Element>(model: &(impl Module<E> + ?Sized)) -> Self {
        let mut parameters = Vec::new();
        let mut modules = vec![Met::new(String::new(), model)];
        let mut see = |path: crate::Path<'_>, parameter: &wengert_autodiff::Parameter<E>| {
            parameters.push((path.to_string(), parameter.value().shape().clone()));
        };
        model.visit(&mut Visitor::noting(&mut see, &mut modules));
        let parent = |path: &str| path.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
        let weights = parameters
            .iter()
            .filter(|(_, shape)| shape.rank() >= 2)
            .filter_map(|(path, shape)| {
                let inside = parent(path);
                let bias = if inside.is_empty() { "bias".into() } else { format!("{inside}.bias") };
                let bias = parameters.iter().any(|(path, _)| *path == bias).then_some(bias);
                let owner = modules.iter().position(|module| module.path == inside)?;
                Some(Weight { path: path.clone(), shape: shape.clone(), bias, owner })
            })
            .collect();
        Self { modules, weights }
    }

    /// The modules between a weight's and the next one's, its own included, without those that have
    /// parts.
    fn behind(&self, weight: usize) -> impl Iterator<Item = &Met> {
        let start = self.weights[weight].owner;
        let end = self.weights.get(weight + 1).map_or(self.modules.len(), |next| next.owner);
        let leaf = |i: usize| {
            let path = &self.modules[i].path;
            self.modules.get(i + 1).is_none_or(|next| !is_below(&next.path, path))
        };
        (start..end.max(start + 1))
            .filter(move |&i| i == start || leaf(i))
            .map(|i| &self.modules[i])
    }

    /// The innermost residual module around a weight.
    fn residual(&self, weight: usize) -> Option<&Met> {
        let path = &self.weights[weight].path;
        let around = |module: &&Met| module.role == Role::Residual && is_below(path, &module.path);
        self.modules.iter().rev().find(around)
    }

    /// The rule for a weight of a residual branch, and its number there.
    fn fixup(&self, weight: usize) -> Option<(Fixup, usize)> {
        let block = &self.residual(weight)?.path;
        let inside = |i: &usize| self.residual(*i).is_some_and(|module| module.path == *block);
        let members: Vec<usize> = (0..self.weights.len()).filter(inside).collect();
        let branches = self.modules.iter().filter(|module| module.role == Role::Residual).count();
        let place = members.iter().position(|&i| i == weight)?;
        Some((Fixup { branches, layers: members.len() }, place))
    }
}

/// An activation that needs larger weights behind it lets nothing through.
const LARGEST_SIGMA: f64 = 1e6;

/// Goes through the layers in order.
struct Advisor {
    depth: usize,
    /// The operating points found, by the function's values at some places.
    known: HashMap<(Vec<u64>, bool), Option<OperatingPoint>>,
    /// The mean square of what the next layer is given.
    square: f64,
}

impl Advisor {
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
        let weight = &tree.weights[i];
        let activation = tree
            .behind(i)
            .map(Met::nonlinearity)
            .find(|nonlinearity| !nonlinearity.is_identity())
            .unwrap_or_else(|| tree.modules[weight.owner].nonlinearity());
        let choice = self.choose(&*activation, weight.bias.is_some())?;
        let (q, bias_variance) = (choice.variance, choice.bias_variance);
        let mut weight_variance = (q - bias_variance) / self.square.max(f64::MIN_POSITIVE);
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
            activation,
            variance: q,
            sigma_w: 0.0,
            sigma_b: bias_variance.sqrt(),
            gradient_factor: here.slope * choice.next_weight_variance,
            reason: choice.reason,
        };
        if let Some((fixup, place)) = tree.fixup(i) {
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
        if let Some(square) = normalized(tree.behind(i))? {
            self.square = square;
            advice.reason =
                "normalized behind it: any scale will do, and this one is unit variance".into();
        }
        advice.sigma_w = weight_variance.sqrt();
        if advice.sigma_w > 0.0 {
            advice.weight_init = Init::lecun_normal().gain(advice.sigma_w);
        }
        if advice.sigma_b > 0.0 {
            advice.bias_init = Init::Normal { mean: 0.0, std: advice.sigma_b };
        }
        Ok(advice)
    }

    /// Where to keep a layer's pre-activations, and why.
    fn choose(&mut self, activation: &dyn Nonlinearity, bias: bool) -> Result<Choice, TheoryError> {
        let depth = self.depth;
        let Some(OperatingPoint { point, correlation }) = self.operating_point(activation, bias)?
        else {
            let here = moments(activation, 1.0)?;
            let next = 1.0 / here.second;
            let factor = next * here.slope;
            let reason = format!(
                "{}: no biases put it on the edge of chaos at moderate pre-activations; the forward gain keeps signals, but gradients change by {} a layer, and a shared mean of {} is passed on: a few layers at most",
                activation.name(),
                rounded(factor, 3),
                rounded(here.mean, 2)
            );
            return Ok(Choice {
                variance: 1.0,
                bias_variance: 0.0,
                next_weight_variance: next,
                reason,
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
        Ok(())
    }
}
