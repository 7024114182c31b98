//! [`BatchNorm`]: normalizes channels by batch statistics in training and by running statistics in
//! inference.

use rand::Rng;
use wengert_autodiff::{Element, Error, Parameter, Result, Tensor, Var, instances, ops};

use super::accessors::accessors;
use super::error::expect;
use super::{Buffer, LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::{Module, Role};

/// Batch normalization with a weight and a bias for each channel, which begin as 1 and 0.
///
/// In training each channel is normalized by the mean and the variance of the batch, and updates
/// running averages: `running = (1 - momentum) running + momentum batch` with a `momentum` of 0.1
/// by default and the unbiased variance. In inference ([`Module::eval`]) each channel is normalized
/// by the running averages. These are [`Buffer`]s, and so part of a saved model. If the variance of
/// a batch exceeds the range of the element type (values of 1e19 and more in `f32`), the running
/// variance becomes and stays infinite, and the output of the channel in inference is its bias.
///
/// Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by
/// reducing internal covariate shift", ICML 2015.
///
/// # Shapes
/// `x` is `[batch, channels]` or `[batch, channels, length]` for [`BatchNorm1d`],
/// `[batch, channels, rows, columns]` for [`BatchNorm2d`]; the output has the shape of the input.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Standardization)]
pub struct BatchNorm<const AXES: usize, E: Element = f32> {
    weight: Parameter<E>,
    bias: Parameter<E>,
    running_mean: Buffer<E>,
    running_var: Buffer<E>,
    momentum: f64,
    eps: f64,
    #[module(training)]
    training: bool,
}

/// Batch normalization of features, `[batch, channels]`, or signals, `[batch, channels, length]`.
pub type BatchNorm1d<E = f32> = BatchNorm<1, E>;

/// Batch normalization of images, `[batch, channels, rows, columns]`.
pub type BatchNorm2d<E = f32> = BatchNorm<2, E>;

impl<const AXES: usize> BatchNorm<AXES> {
    /// The config of a layer for `channels` channels.
    pub fn config(channels: usize) -> BatchNormConfig<AXES> {
        BatchNormConfig { channels, momentum: 0.1, eps: 1e-5 }
    }
}

impl<const AXES: usize, E: Element> BatchNorm<AXES, E> {
    /// Creates a layer for `channels` channels.
    ///
    /// # Panics
    /// If there is no memory for the parameters and the running averages.
    #[track_caller]
    pub fn new(channels: usize) -> Self {
        expect(Self::try_new(channels))
    }

    /// [`new`](Self::new), with an error if there is no memory for the parameters and the running
    /// averages.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::OutOfMemory`].
    pub fn try_new(channels: usize) -> Result<Self> {
        let all = |value| {
            Tensor::try_full([channels], value).map_err(|error| error.in_name_of("batch_norm"))
        };
        Ok(Self {
            weight: Parameter::gain(all(E::ONE)?),
            bias: Parameter::bias(all(E::ZERO)?),
            running_mean: Buffer::new(all(E::ZERO)?),
            running_var: Buffer::new(all(E::ONE)?),
            momentum: 0.1,
            eps: 1e-5,
            training: true,
        })
    }

    accessors! {
        layer => layer.weight, Some(&layer.bias), Some(&mut layer.bias);
        "`[channels]`", "`[channels]`"
    }

    /// Sets the weight of a batch in the running averages; 0.1 by default.
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// Sets the number that is added to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// The running average of the means, `[channels]`.
    pub fn running_mean(&self) -> &Buffer<E> {
        &self.running_mean
    }

    /// The running average of the variances, `[channels]`.
    pub fn running_var(&self) -> &Buffer<E> {
        &self.running_var
    }

    /// Updates a running average by a batch's statistic, multiplied by `factor`.
    fn update_running(&self, running: &Buffer<E>, batch: &Tensor<E>, factor: f64) {
        let (stay, go) = (1.0 - self.momentum, self.momentum * factor);
        running.update(|running| {
            let pairs = running.to_vec().into_iter().zip(batch.to_vec());
            let mut moved =
                pairs.map(|(old, new)| E::from_f64(stay * old.to_f64() + go * new.to_f64()));
            Tensor::from_fn(running.shape(), |_| moved.next().unwrap_or(E::ZERO))
        });
    }

    /// The number of values per channel, if the layer accepts the shape.
    fn count(&self, x: Var<'_, E>) -> Result<f64> {
        let shape = x.shape();
        let ranks = if AXES == 1 { 2..=3 } else { AXES + 2..=AXES + 2 };
        let channels = self.weight.value().len();
        if !ranks.contains(&shape.rank()) || shape[1] != channels {
            let expected = if AXES == 1 {
                format!("x [batch, {channels}] or [batch, {channels}, length]")
            } else {
                format!("x [batch, {channels}, rows, columns]")
            };
            return Err(Error::Shapes { op: "batch_norm", expected, got: vec![shape] });
        }
        Ok((shape.numel() / channels.max(1)) as f64)
    }
}

impl<const AXES: usize, E: Element> Layer<E> for BatchNorm<AXES, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let (tape, count) = (x.tape(), self.count(x)?);
        let (weight, bias) = (tape.parameter(&self.weight), tape.parameter(&self.bias));
        if !self.training {
            let [mean, variance] = [&self.running_mean, &self.running_var]
                .map(|buffer| tape.constant(&buffer.value()));
            return ops::batch_norm_inference(
                x,
                mean,
                variance,
                Some(weight),
                Some(bias),
                self.eps,
            );
        }
        let normalized = ops::batch_norm(x, Some(weight), Some(bias), self.eps)?;
        self.update_running(&self.running_mean, &normalized.mean, 1.0);
        self.update_running(&self.running_var, &normalized.variance, count / (count - 1.0));
        Ok(normalized.output)
    }
}

/// Describes a [`BatchNorm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormConfig<const AXES: usize> {
    channels: usize,
    momentum: f64,
    eps: f64,
}

impl<const AXES: usize> BatchNormConfig<AXES> {
    /// Sets the weight of a batch in the running averages; 0.1 by default.
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// Sets the number that is added to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }
}

impl<const AXES: usize, E: Element> LayerConfig<E> for BatchNormConfig<AXES> {
    type Layer = BatchNorm<AXES, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.channels(self.channels, if AXES == 1 { &[1, 2] } else { &[3] })
    }

    fn build(&self, _: &mut dyn Rng) -> Result<BatchNorm<AXES, E>, LayerError> {
        Ok(BatchNorm::try_new(self.channels)?.momentum(self.momentum).eps(self.eps))
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds batch normalization of `channels` features, or of signals of `channels` channels.
    pub fn batch_norm1d(self, channels: usize) -> Self {
        self.with(BatchNorm1d::config(channels))
    }

    /// Adds batch normalization of images of `channels` channels.
    pub fn batch_norm2d(self, channels: usize) -> Self {
        self.with(BatchNorm2d::config(channels))
    }
}

instances!(
    batch_norm<E>:
    SequentialBuilder::<E>::with::<BatchNormConfig<1>>,
    SequentialBuilder::<E>::with::<BatchNormConfig<2>>
);
