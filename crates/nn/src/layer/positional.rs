//! Positions added to sequences: [`SinusoidalEncoding`] and [`LearnedEncoding`].

use rand::Rng;
use wengert_autodiff::{Element, Error, Parameter, Result, Tensor, Var, ops};

use super::{LayerConfig, LayerError, SampleShape};
use crate::forward::Layer;
use crate::init::Init;
use crate::module::Module;

/// Adds to each element of a sequence an encoding of its position: `sin(t w_i)` in feature `2i`,
/// `cos(t w_i)` in feature `2i + 1`, with `w_i = 10000^(-2i / features)`.
///
/// Source: A. Vaswani et al., "Attention is all you need", arXiv:1706.03762, 2017, section 3.5.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, SinusoidalEncoding};
/// let y = SinusoidalEncoding::new(4)?.predict(&Tensor::<f32>::zeros([1, 3, 4]));
/// assert_eq!(y.to_vec()[..4], [0.0, 1.0, 0.0, 1.0]); // position 0
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[.., time, features]`; the output has the input's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Module)]
pub struct SinusoidalEncoding {
    features: usize,
}

impl SinusoidalEncoding {
    /// Creates an encoding of `features` features.
    ///
    /// # Errors
    /// If the number of features is zero.
    pub fn new(features: usize) -> Result<Self, LayerError> {
        if features == 0 {
            let message = "the number of features must be positive, got 0".to_owned();
            return Err(Error::Argument { op: "sinusoidal_encoding", message }.into());
        }
        Ok(Self { features })
    }

    /// Describes an encoding of `features` features.
    pub fn config(features: usize) -> SinusoidalEncodingConfig {
        SinusoidalEncodingConfig { features }
    }

    /// Adds the encoding to a sequence whose first element is at position `offset`.
    ///
    /// # Errors
    /// If `x` has another number of features or no time axis.
    pub fn encode<'t, E: Element>(&self, x: Var<'t, E>, offset: usize) -> Result<Var<'t, E>> {
        let time = time("sinusoidal_encoding", x, self.features)?;
        let mut table = Tensor::<E>::try_full([time, self.features], E::ZERO)?;
        for (k, entry) in table.as_mut_slice().iter_mut().enumerate() {
            let (t, feature) = (offset.saturating_add(k / self.features), k % self.features);
            let pair = (feature - feature % 2) as f64;
            let angle = t as f64 * 10_000_f64.powf(-pair / self.features as f64);
            *entry = E::from_f64(if feature % 2 == 0 { angle.sin() } else { angle.cos() });
        }
        ops::add(x, x.tape().constant(&table))
    }
}

impl<E: Element> Layer<E> for SinusoidalEncoding {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.encode(x, 0)
    }
}

/// Describes a [`SinusoidalEncoding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinusoidalEncodingConfig {
    features: usize,
}

impl<E: Element> LayerConfig<E> for SinusoidalEncodingConfig {
    type Layer = SinusoidalEncoding;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.features(self.features, self.features)
    }

    fn build(&self, _: &mut dyn Rng) -> Result<SinusoidalEncoding, LayerError> {
        SinusoidalEncoding::new(self.features)
    }
}

/// Adds a learned vector to each element of a sequence, one for each position.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, LearnedEncoding};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let encoding = LearnedEncoding::config(16, 4).build(&mut rng)?;
/// let y = encoding.predict(&Tensor::<f32>::zeros([2, 3, 4]));
/// assert_eq!(y.to_vec()[..12], encoding.weight().value().to_vec()[..12]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[.., time, features]` with at most as many elements as there are positions; the output has the
/// input's shape. `weight` is `[positions, features]`.
#[derive(Clone, Debug, Module)]
pub struct LearnedEncoding<E: Element = f32> {
    weight: Parameter<E>,
}

impl LearnedEncoding {
    /// The config of vectors for `positions` positions, drawn from N(0, 0.02^2).
    pub fn config(positions: usize, features: usize) -> LearnedEncodingConfig {
        let init = Init::Normal { mean: 0.0, std: 0.02 };
        LearnedEncodingConfig { positions, features, init }
    }
}

impl<E: Element> LearnedEncoding<E> {
    /// The vectors, `[positions, features]`.
    pub fn weight(&self) -> &Parameter<E> {
        &self.weight
    }

    /// Adds the vectors to a sequence whose first element is at position `offset`.
    ///
    /// # Errors
    /// If `x` has another number of features or no time axis, or goes beyond the last position.
    pub fn encode<'t>(&self, x: Var<'t, E>, offset: usize) -> Result<Var<'t, E>> {
        let [positions, features] = [0, 1].map(|axis| self.weight.value().shape()[axis]);
        let time = time("learned_encoding", x, features)?;
        if offset.checked_add(time).is_none_or(|end| end > positions) {
            let message = format!(
                "there are {positions} positions, too few for {time} elements from position \
                 {offset} on"
            );
            return Err(Error::Argument { op: "learned_encoding", message });
        }
        let weight = x.tape().parameter(&self.weight);
        ops::add(x, ops::narrow(weight, 0, offset, time)?)
    }
}

impl<E: Element> Layer<E> for LearnedEncoding<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.encode(x, 0)
    }
}

/// Describes a [`LearnedEncoding`].
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedEncodingConfig {
    positions: usize,
    features: usize,
    init: Init,
}

impl LearnedEncodingConfig {
    /// Sets the initializer of the vectors.
    pub fn init(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// Builds the layer, with vectors drawn from `rng`.
    ///
    /// # Errors
    /// If the initializer cannot be applied.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<LearnedEncoding<E>, LayerError> {
        let weight = self.init.sample([self.positions, self.features], rng);
        let weight = weight.map_err(|error| error.of_layer("learned_encoding"))?;
        Ok(LearnedEncoding { weight: Parameter::table(weight) })
    }
}

impl<E: Element> LayerConfig<E> for LearnedEncodingConfig {
    type Layer = LearnedEncoding<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        if let SampleShape::Axes(axes) = input
            && let [.., Some(time), _] = axes[..]
            && time > self.positions
        {
            return Err(input.refused(format!(
                "[time, {}] with at most {} elements",
                self.features, self.positions
            )));
        }
        input.features(self.features, self.features)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<LearnedEncoding<E>, LayerError> {
        self.build(&mut rng)
    }
}

/// The number of elements of a sequence `[.., time, features]`.
fn time<E: Element>(op: &'static str, x: Var<'_, E>, features: usize) -> Result<usize> {
    let shape = x.shape();
    match shape.dims() {
        &[.., time, given] if given == features => Ok(time),
        _ => {
            let expected = format!("x [.., time, {features}]");
            Err(Error::Shapes { op, expected, got: vec![shape] })
        }
    }
}
