//! [`ModuleExt`]: parameters chosen by pattern, conversion between element types, and a summary.

use std::collections::BTreeMap;
use std::fmt;

use wengert_autodiff::{Element, Kind, Parameter, Result, Shape, Tape, Tensor};

use crate::forward::Layer;
use crate::layer::Buffer;
use crate::module::{Module, VisitorMut};
use crate::observe::Observer;
use crate::pattern::matches;
use crate::unchanged::unchanged;

/// Operations on a [`Module`](trait@Module) by the paths of its parameters.
///
/// In a pattern `*` stands for any characters, dots included: `encoder.*` is everything below
/// `encoder`, `*bias` every bias, `layers.*.weight` every weight below `layers`. (`*.bias` does not
/// match the bias of the module itself, whose path is `bias`.)
pub trait ModuleExt<E: Element = f32>: Module<E> {
    /// Calls `f` for each parameter with its path, to change it.
    ///
    /// ```
    /// use wengert_nn::{Linear, ModuleExt};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let mut layer: Linear = Linear::config(3, 2).build(&mut rng)?;
    /// layer.apply(|path, parameter| println!("{path} {}", parameter.value().shape()));
    /// # Ok::<(), wengert_nn::LayerError>(())
    /// ```
    fn apply(&mut self, mut f: impl FnMut(&str, &mut Parameter<E>)) {
        self.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
            f(&path.to_string(), parameter);
        }));
    }

    /// Freezes the parameters whose paths match the pattern, and returns their number.
    ///
    /// ```
    /// use wengert_autodiff::Activation;
    /// use wengert_nn::{Module, ModuleExt, Sequential};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let mut model: Sequential = Sequential::builder()
    ///     .linear(4, 8, Activation::Relu)
    ///     .linear(8, 2, Activation::Identity)
    ///     .build(&mut rng)?;
    /// assert_eq!(model.freeze_matching("0.*"), 2);
    /// let learned = model.parameters().into_iter().filter(|(_, p)| !p.is_frozen());
    /// assert!(learned.map(|(name, _)| name).eq(["1.weight", "1.bias"]));
    /// # Ok::<(), wengert_nn::BuildError>(())
    /// ```
    fn freeze_matching(&mut self, pattern: &str) -> usize {
        set_frozen(self, pattern, true)
    }

    /// Unfreezes the parameters whose paths match the pattern, and returns their number.
    fn unfreeze_matching(&mut self, pattern: &str) -> usize {
        set_frozen(self, pattern, false)
    }

    /// Copies the values of another module's parameters and buffers, rounded to the element type of
    /// this module: converts a model of `f32` to `f64` or back. Both modules must have the same
    /// names and shapes.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// use wengert_nn::{Layer, Linear, ModuleExt};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let single: Linear<f32> = Linear::config(3, 2).build(&mut rng)?;
    /// let mut double: Linear<f64> = Linear::config(3, 2).build(&mut rng)?;
    /// double.convert_from(&single)?;
    /// assert_eq!(double.weight().value().to_vec()[0] as f32, single.weight().value().to_vec()[0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ConvertError`], for the first name or shape that differs. Nothing is changed then.
    fn convert_from<F: Element>(
        &mut self,
        other: &(impl Module<F> + ?Sized),
    ) -> Result<(), ConvertError> {
        let theirs: BTreeMap<String, &Parameter<F>> = other.parameters().into_iter().collect();
        let their_buffers: BTreeMap<String, &Buffer<F>> = other.buffers().into_iter().collect();
        let mine = self.parameters().into_iter().map(|(name, p)| (name, p.value().shape().clone()));
        compare(mine, theirs.iter().map(|(name, p)| (name, p.value().shape().clone())))?;
        let mine = self.buffers().into_iter().map(|(name, b)| (name, b.value().shape().clone()));
        compare(mine, their_buffers.iter().map(|(name, b)| (name, b.value().shape().clone())))?;
        for (name, buffer) in self.buffers() {
            if let Some(theirs) = their_buffers.get(&name) {
                buffer.set(converted(&theirs.value()));
            }
        }
        self.apply(|path, parameter| {
            if let Some(theirs) = theirs.get(path) {
                *parameter.value_mut() = converted(theirs.value());
            }
        });
        Ok(())
    }

    /// Runs a forward pass of zeros of shape `input`, and returns the layers with the shapes of
    /// their outputs, their parameters and their multiplications. Running statistics and random
    /// streams do not change.
    ///
    /// ```
    /// use wengert_autodiff::Activation;
    /// use wengert_nn::{ModuleExt, Sequential};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let model: Sequential = Sequential::builder()
    ///     .linear(4, 8, Activation::Relu)
    ///     .linear(8, 2, Activation::Identity)
    ///     .build(&mut rng)?;
    /// let summary = model.summary([5, 4])?;
    /// assert_eq!(summary.parameters, 4 * 8 + 8 + 8 * 2 + 2);
    /// assert_eq!(summary.multiply_adds, 5 * (4 * 8 + 8 * 2));
    /// println!("{summary}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the module does not accept inputs of this shape.
    fn summary(&self, input: impl Into<Shape>) -> Result<Summary>
    where
        Self: Layer<E>,
    {
        unchanged(self, || summarize(self, input.into()))
    }
}

impl<E: Element, M: Module<E> + ?Sized> ModuleExt<E> for M {}

fn set_frozen<E: Element>(
    module: &mut (impl Module<E> + ?Sized),
    pattern: &str,
    frozen: bool,
) -> usize {
    let mut count = 0;
    module.apply(|path, parameter| {
        if matches(pattern, path) {
            parameter.set_frozen(frozen);
            count += 1;
        }
    });
    count
}

/// Why [`ModuleExt::convert_from`] refuses a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A parameter or buffer that one of the modules does not have.
    #[error(
        "{name:?} is only in {of} of the two modules; both need the same parameters and buffers"
    )]
    Missing {
        /// The name.
        name: String,
        /// The module that has it: "the first" is the module that is changed.
        of: &'static str,
    },
    /// A parameter or buffer of another shape.
    #[error("{name:?} has shape {takes}, but the values given have shape {given}")]
    Shape {
        /// The name.
        name: String,
        /// Its shape.
        takes: Shape,
        /// The shape of the other module's.
        given: Shape,
    },
}

fn compare<'a>(
    mine: impl Iterator<Item = (String, Shape)>,
    theirs: impl Iterator<Item = (&'a String, Shape)>,
) -> Result<(), ConvertError> {
    let mut theirs: BTreeMap<&String, Shape> = theirs.collect();
    for (name, takes) in mine {
        match theirs.remove(&name) {
            None => return Err(ConvertError::Missing { name, of: "the first" }),
            Some(given) if given != takes => {
                return Err(ConvertError::Shape { name, takes, given });
            }
            Some(_) => {}
        }
    }
    match theirs.into_keys().next() {
        Some(name) => Err(ConvertError::Missing { name: name.clone(), of: "the second" }),
        None => Ok(()),
    }
}

fn converted<E: Element, F: Element>(from: &Tensor<F>) -> Tensor<E> {
    let mut values = from.to_vec().into_iter();
    Tensor::from_fn(from.shape().clone(), |_| {
        E::from_f64(values.next().map_or(f64::NAN, F::to_f64))
    })
}

/// The result of [`ModuleExt::summary`]. `Display` prints a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The layers in the order in which they are computed.
    pub layers: Vec<LayerSummary>,
    /// The number of elements of all parameters.
    pub parameters: usize,
    /// The number of elements of the parameters that are learned, without frozen ones.
    pub learned: usize,
    /// The number of multiplications with weights. Products of activations with each other, as in
    /// attention, are not counted.
    pub multiply_adds: usize,
    /// The size of all parameters in bytes.
    pub parameter_bytes: usize,
    /// The size of the outputs of all layers in bytes, which training keeps until the gradient is
    /// computed.
    pub output_bytes: usize,
}

/// A layer in a [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerSummary {
    /// The path of the layer; empty if the summarized module is itself a layer without parts.
    pub path: String,
    /// The shape of the layer's outputs.
    pub output: Shape,
    /// The number of elements of the layer's parameters.
    pub parameters: usize,
    /// The number of multiplications with the layer's weights.
    pub multiply_adds: usize,
}

fn summarize<E: Element>(layer: &(impl Layer<E> + ?Sized), input: Shape) -> Result<Summary> {
    let parameters = layer.parameters();
    let tape = Tape::new();
    let x = tape.constant(&Tensor::try_full(input, E::ZERO)?);
    let mut layers = Vec::new();
    tape.no_grad(|| {
        layer.observe(
            x,
            &mut Observer::new(&mut |path, seen| {
                let below = |name: &str| {
                    path.is_empty()
                        || name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
                };
                let own = parameters.iter().filter(|(name, _)| below(name)).map(|(_, p)| p);
                let (input, output) = (seen.input.shape(), seen.output.shape());
                let products = own.clone().map(|p| products(p, &input, &output)).sum();
                layers.push(LayerSummary {
                    path: path.to_owned(),
                    output,
                    parameters: own.map(|p| p.value().len()).sum(),
                    multiply_adds: products,
                });
            }),
        )
    })?;
    let count = |learned: bool| {
        let counted = parameters.iter().filter(|(_, p)| !(learned && p.is_frozen()));
        counted.map(|(_, p)| p.value().len()).sum::<usize>()
    };
    let outputs: usize = layers.iter().map(|layer| layer.output.numel()).sum();
    Ok(Summary {
        parameters: count(false),
        learned: count(true),
        multiply_adds: layers.iter().map(|layer| layer.multiply_adds).sum(),
        parameter_bytes: count(false) * size_of::<E>(),
        output_bytes: outputs * size_of::<E>(),
        layers,
    })
}

/// The number of multiplications with a weight: each of its elements is used once for each
/// position. The positions of a convolution are the output's axes after the channels, those of a
/// transposed convolution the input's; any other layer has its features last.
fn products<E: Element>(parameter: &Parameter<E>, input: &Shape, output: &Shape) -> usize {
    let Kind::Weight { layout, .. } = parameter.kind() else { return 0 };
    let moved = parameter.value().rank() > 2;
    let shape = if layout.inputs_first { input } else { output };
    let features = if moved { shape.get(1) } else { shape.last() };
    let positions = shape.numel().checked_div(features.copied().unwrap_or(1)).unwrap_or(0);
    parameter.value().len() * positions
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["layer", "output", "parameters", "multiply-adds"].map(str::to_owned);
        let rows = self.layers.iter().map(|layer| {
            let path = if layer.path.is_empty() { "(all)" } else { &layer.path };
            [
                path,
                &layer.output.to_string(),
                &grouped(layer.parameters),
                &grouped(layer.multiply_adds),
            ]
            .map(str::to_owned)
        });
        let rows: Vec<[String; 4]> = [header].into_iter().chain(rows).collect();
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let [a, b, c, d] = [0, 1, 2, 3].map(width);
        for [path, output, parameters, products] in &rows {
            writeln!(f, "{path:a$}  {output:b$}  {parameters:>c$}  {products:>d$}")?;
        }
        writeln!(
            f,
            "{} parameters ({} learned), {} multiply-adds",
            grouped(self.parameters),
            grouped(self.learned),
            grouped(self.multiply_adds)
        )?;
        let mebibytes = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "{:.2} MiB of parameters, {:.2} MiB of outputs",
            mebibytes(self.parameter_bytes),
            mebibytes(self.output_bytes)
        )
    }
}

/// A number with a space before each group of three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_by_three() {
        let grouped = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(grouped, ["0", "999", "1 000", "1 234 567"]);
    }
}
