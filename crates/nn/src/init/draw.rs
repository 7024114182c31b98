//! [`Init::sample`] and [`Init::sample_for`]: check the numbers of a scheme and sample a tensor.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal, StandardUniform};
use wengert_autodiff::{Element, Kind, Parameter, Result, Shape, Tensor, instances};

use super::truncated::Truncated;
use super::{Distribution, Init, InitError, fans, layout, orthogonal, structured};

/// The standard deviation of the standard normal distribution cut off at -2 and 2:
/// `sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))`.
pub(super) const STD_WITHIN_TWO: f64 = 0.879625661034239781119753;

impl Init {
    /// Samples a tensor of this shape. The fans are those of a weight `[out, in, field ..]` in one
    /// group, see [`fans`]; [`sample_for`](Self::sample_for) takes those of a parameter's [`Kind`].
    ///
    /// # Errors
    /// [`InitError::NoFan`] if the scheme scales with the fan and the shape has fewer than two
    /// axes, [`InitError::Shape`] if the scheme is not defined for the shape, [`InitError::Number`]
    /// if a number of the scheme is outside its domain or too large for the element type,
    /// [`InitError::Size`] if the shape's size does not fit the address space or there is no memory
    /// for it.
    pub fn sample<E: Element>(
        &self,
        shape: impl Into<Shape>,
        rng: &mut impl Rng,
    ) -> Result<Tensor<E>, InitError> {
        self.sample_shape(shape.into(), rng)
    }

    fn sample_shape<E: Element>(
        &self,
        shape: Shape,
        rng: &mut dyn Rng,
    ) -> Result<Tensor<E>, InitError> {
        let fans = fans(&shape);
        self.draw(shape, fans, 1, rng)
    }

    /// Samples a tensor for a parameter of this kind.
    ///
    /// For a [`Kind::Weight`] the fans are those of the kind, the orthogonal schemes sample a
    /// matrix `[out / groups, in / groups * field]` for each group, and a weight whose inputs come
    /// first is sampled as `[out, in / groups, field ..]` and then permuted to the layout of the
    /// kind. The padding row of a [`Kind::Table`] is always zero. For the other kinds, and for
    /// tables, this is [`sample`](Self::sample), which treats a table as a weight `[out, in]`.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use wengert_autodiff::{Kind, Tensor, WeightLayout};
    /// use wengert_nn::Init;
    /// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// // The weight of a transposed convolution from 100 channels to 3, kernel 4x4.
    /// let layout = WeightLayout { inputs_first: true, ..WeightLayout::default() };
    /// let kind = Kind::Weight { fan_in: 100 * 16, fan_out: 3 * 16, layout };
    /// let weight: Tensor = Init::lecun_normal().sample_for([100, 3, 4, 4], kind, &mut rng)?;
    /// let variance = weight.square().mean().item();
    /// assert!((variance.sqrt() - 0.025).abs() < 0.001);
    /// # Ok::<(), wengert_nn::InitError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`sample`](Self::sample), and [`InitError::Shape`] if the groups of a weight do not
    /// divide its shape.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn sample_for<E: Element>(
        &self,
        shape: impl Into<Shape>,
        kind: Kind,
        rng: &mut impl Rng,
    ) -> Result<Tensor<E>, InitError> {
        self.sample_kind(shape.into(), kind, rng)
    }

    /// Samples like [`sample_for`](Self::sample_for), without a type parameter for the generator.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn sample_kind<E: Element>(
        &self,
        shape: Shape,
        kind: Kind,
        rng: &mut dyn Rng,
    ) -> Result<Tensor<E>, InitError> {
        match kind {
            Kind::Weight { fan_in, fan_out, layout } => {
                let Some(canonical) = layout::canonical(&shape, layout) else {
                    let needs = layout::needs(layout);
                    return Err(InitError::Shape { init: self.clone(), shape, needs });
                };
                let drawn = self.draw(canonical, Some((fan_in, fan_out)), layout.groups, rng)?;
                Ok(if layout.inputs_first {
                    layout::exchanged(&drawn, layout.groups)
                } else {
                    drawn
                })
            }
            Kind::Table { padding: Some(padding) } => {
                let mut table = self.sample_shape(shape.clone(), rng)?;
                if let [rows, features] = *shape.dims()
                    && padding < rows
                {
                    let row = padding * features..(padding + 1) * features;
                    table.as_mut_slice()[row].fill(E::ZERO);
                }
                Ok(table)
            }
            _ => self.sample_shape(shape, rng),
        }
    }

    /// Samples a new value for a parameter, by [`sample_for`](Self::sample_for) with its shape and
    /// kind.
    ///
    /// # Errors
    /// Those of [`sample_for`](Self::sample_for); the parameter is not changed then.
    pub fn redraw<E: Element>(
        &self,
        parameter: &mut Parameter<E>,
        rng: &mut impl Rng,
    ) -> Result<(), InitError> {
        let shape = parameter.value().shape().clone();
        *parameter.value_mut() = self.sample_for(shape, parameter.kind(), rng)?;
        Ok(())
    }

    /// Samples a tensor of shape `[out, in / groups, field ..]`.
    #[inline(never)]
    #[track_caller]
    fn draw<E: Element>(
        &self,
        shape: Shape,
        fans: Option<(usize, usize)>,
        groups: usize,
        mut rng: &mut dyn Rng,
    ) -> Result<Tensor<E>, InitError> {
        let rng = &mut rng;
        self.check()?;
        if !E::from_f64(self.largest()).is_finite() {
            let why = "its samples exceed the range of the element type";
            return Err(InitError::Number { init: self.clone(), why });
        }
        let unfit = |needs, shape| InitError::Shape { init: self.clone(), shape, needs };
        let tensor = match *self {
            Init::Zeros => Tensor::try_full(shape, E::ZERO),
            Init::Constant(value) => Tensor::try_full(shape, E::from_f64(value)),
            Init::Normal { mean, std } => normal(shape, mean, std, rng),
            Init::Uniform { low, high } => uniform(shape, low, high, rng),
            Init::TruncatedNormal { mean, std, low, high } => {
                truncated(shape, &Truncated::new(mean, std, low, high), [low, high], rng)
            }
            Init::Eye => match shape.dims() {
                [_, _] => structured::eye(shape),
                _ => return Err(unfit("a matrix, [out, in]", shape)),
            },
            Init::Dirac { groups } => match shape.dims() {
                [outputs, _, _, ..] if outputs.is_multiple_of(groups) => {
                    structured::dirac(shape, groups)
                }
                _ => {
                    let needs = "a convolution's weight, [out, in, k..], with a number of outputs that the groups divide";
                    return Err(unfit(needs, shape));
                }
            },
            Init::Sparse { sparsity, std } => match *shape.dims() {
                [rows, columns] => structured::sparse(rows, columns, sparsity, std, rng),
                _ => return Err(unfit("a matrix, [out, in]", shape)),
            },
            Init::Orthogonal { gain } => match shape.dims() {
                [rows, rest @ ..] if !rest.is_empty() => {
                    let columns = rest.iter().fold(1, |all: usize, size| all.saturating_mul(*size));
                    let matrix = orthogonal::haar_groups(groups, *rows, columns, rng)?;
                    fill(shape, matrix.iter().map(|x| gain * x))
                }
                _ => return Err(unfit("at least two axes, [out, in, ..]", shape)),
            },
            Init::DeltaOrthogonal { gain } => match *shape.dims() {
                [outputs, inputs, _, ..] if outputs / groups >= inputs => {
                    let matrix = orthogonal::haar_groups(groups, outputs, inputs, rng)?;
                    structured::centred(shape, |out, input| gain * matrix[out * inputs + input])
                }
                _ => {
                    let needs = "a convolution's weight, [out, in, k..], with at least as many outputs as inputs in each group";
                    return Err(unfit(needs, shape));
                }
            },
            Init::Scaled { distribution, fan, gain } => {
                let Some(count) = fans.map(|fans| fan.of(fans)) else {
                    return Err(InitError::NoFan { init: self.clone(), shape });
                };
                // A layer without connections has no weights.
                let std = gain / count.max(f64::MIN_POSITIVE).sqrt();
                match distribution {
                    Distribution::Normal => normal(shape, 0.0, std, rng),
                    Distribution::Uniform => {
                        let reach = 3.0_f64.sqrt() * std;
                        uniform(shape, -reach, reach, rng)
                    }
                    Distribution::TruncatedNormal => {
                        let within_two = Truncated::new(0.0, 1.0, -2.0, 2.0);
                        let scale = std / STD_WITHIN_TWO;
                        Tensor::try_from_fn(shape, |_| E::from_f64(scale * within_two.draw(rng)))
                    }
                }
            }
        };
        Ok(tensor?)
    }

    /// A bound on the magnitude of samples that holds with a probability of 1 - 2^-1000 or more.
    fn largest(&self) -> f64 {
        // The normal distribution has a probability below 2^-1000 beyond this many deviations.
        const FAR: f64 = 40.0;
        match *self {
            Init::Constant(value) => value.abs(),
            Init::Normal { mean, std } => mean.abs() + FAR * std,
            Init::Uniform { low, high } => low.abs().max(high.abs()),
            Init::Sparse { std, .. } => FAR * std,
            Init::Scaled { gain, .. } => FAR * gain,
            Init::Orthogonal { gain } | Init::DeltaOrthogonal { gain } => gain,
            // The ends may be infinite; samples are within a few deviations of the mean or an end.
            Init::TruncatedNormal { mean, .. } => mean.abs(),
            _ => 1.0,
        }
    }

    fn check(&self) -> Result<(), InitError> {
        let refuse = |why| Err(InitError::Number { init: self.clone(), why });
        let scale = |number: f64| number.is_finite() && number >= 0.0;
        match *self {
            Init::Constant(value) if !value.is_finite() => refuse("the value must be finite"),
            Init::Normal { mean, std } if !(mean.is_finite() && scale(std)) => {
                refuse("the mean must be finite, the standard deviation finite and not negative")
            }
            Init::Uniform { low, high } if !((high - low).is_finite() && low <= high) => {
                refuse("the ends must be finite, and the lower not above the upper")
            }
            Init::TruncatedNormal { mean, std, .. }
                if !(mean.is_finite() && scale(std) && std > 0.0) =>
            {
                refuse("the mean must be finite, the standard deviation finite and above 0")
            }
            Init::TruncatedNormal { mean, std, low, high }
                if !(low < high && (low - mean) / std < 1e8 && (high - mean) / std > -1e8) =>
            {
                refuse(
                    "the lower end must be below the upper, and the interval within 1e8 standard deviations of the mean",
                )
            }
            Init::Dirac { groups: 0 } => refuse("there must be at least one group"),
            Init::Sparse { sparsity, std } if !((0.0..=1.0).contains(&sparsity) && scale(std)) => {
                refuse(
                    "the sparsity must be in 0..=1, the standard deviation finite and not negative",
                )
            }
            Init::Scaled { gain, .. }
            | Init::Orthogonal { gain }
            | Init::DeltaOrthogonal { gain }
                if !scale(gain) =>
            {
                refuse("the gain must be finite and not negative")
            }
            _ => Ok(()),
        }
    }
}

instances!(init<E>: Init::sample_kind::<E>);

/// A tensor of numbers computed in f64, in row-major order.
fn fill<E: Element>(shape: Shape, mut numbers: impl Iterator<Item = f64>) -> Result<Tensor<E>> {
    Tensor::try_from_fn(shape, |_| E::from_f64(numbers.next().unwrap_or(0.0)))
}

fn normal<E: Element>(shape: Shape, mean: f64, std: f64, rng: &mut impl Rng) -> Result<Tensor<E>> {
    Tensor::try_from_fn(shape, |_| {
        let draw: f64 = StandardNormal.sample(rng);
        E::from_f64(mean + std * draw)
    })
}

/// Rounds a number to the element type without leaving the interval from `low` to `high`, if the
/// interval contains a number of the type.
fn round_within<E: Element>(x: f64, [low, high]: [f64; 2], inside: impl Fn(f64) -> bool) -> E {
    let nearest = E::from_f64(x);
    if nearest.to_f64().is_infinite() {
        return nearest;
    }
    let mut rounded = nearest;
    let sign = if nearest.to_f64() >= high { -1.0 } else { 1.0 };
    let mut step = (0.25 * f64::EPSILON * x.abs()).max(f64::from_bits(1));
    // The first number away from the violated end, by doubling steps.
    while !inside(rounded.to_f64()) {
        let beyond = if sign < 0.0 { rounded.to_f64() < low } else { rounded.to_f64() >= high };
        if beyond || !step.is_finite() {
            return nearest;
        }
        rounded = E::from_f64(x + sign * step);
        step *= 2.0;
    }
    rounded
}

fn uniform<E: Element>(shape: Shape, low: f64, high: f64, rng: &mut impl Rng) -> Result<Tensor<E>> {
    Tensor::try_from_fn(shape, |_| {
        let draw: f64 = StandardUniform.sample(rng);
        let x = low + (high - low) * draw;
        round_within(x, [low, high], |x| low <= x && x < high)
    })
}

fn truncated<E: Element>(
    shape: Shape,
    cut: &Truncated,
    ends: [f64; 2],
    rng: &mut impl Rng,
) -> Result<Tensor<E>> {
    Tensor::try_from_fn(shape, |_| {
        round_within(cut.draw(rng), ends, |x| (ends[0]..=ends[1]).contains(&x))
    })
}

#[cfg(test)]
mod tests {
    use super::round_within;

    #[test]
    fn rounding_stays_within_the_interval() {
        let half_open = |x: f64, low: f64, high: f64| {
            round_within::<f32>(x, [low, high], |x| low <= x && x < high)
        };
        assert_eq!(half_open(1.0 - 1e-12, 0.0, 1.0), 1.0_f32.next_down());
        assert_eq!(half_open(-1e-60, -1.0, 0.0), 0.0_f32.next_down());
        // The nearest f32 of 0.7 is below it.
        assert_eq!(half_open(0.7 + 1e-12, 0.7, 1.0), 0.7_f32.next_up());
        assert_eq!(half_open(0.25, 0.0, 1.0), 0.25);
        // No f32 lies within.
        assert_eq!(half_open(1.0 + 1e-12, 1.0 + 1e-13, 1.0 + 1e-11), 1.0);
        assert_eq!(half_open(2.5, 2.5, 2.5), 2.5);
        assert_eq!(round_within::<f64>(1.0, [0.0, 1.0], |x| x < 1.0), 1.0_f64.next_down());
        let closed = round_within::<f32>(0.1 - 1e-12, [0.0, 0.1], |x| (0.0..=0.1).contains(&x));
        assert_eq!(closed, 0.1_f32.next_down());
    }
}
