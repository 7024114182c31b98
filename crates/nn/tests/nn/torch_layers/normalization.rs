//! The layers of `normalization.py`.

use wengert_autodiff::Tape;
use wengert_nn::{
    Conv1d, Conv2d, ConvTranspose1d, InstanceNorm, Layer, LayerConfig, Linear, Module,
    SpectralNorm, WeightNorm, Weighted,
};

use super::dense::layer;
use super::{Case, case, numbers};

/// Spectral normalization with the vectors of the script.
fn spectral<C: LayerConfig<f64> + 'static>(name: &str, config: C, training: bool) -> Case
where
    C::Layer: Weighted<f64> + 'static,
{
    case(
        name,
        move |rng| {
            let layer = config.build(rng).unwrap();
            let mut layer = SpectralNorm::<_, f64>::new(layer, rng).unwrap();
            let (u, v) = layer.vectors();
            u.set(numbers(70, u.value().shape()));
            v.set(numbers(71, v.value().shape()));
            if !training {
                layer.eval();
            }
            layer
        },
        |layer: &SpectralNorm<C::Layer, f64>, _: &Tape<f64>, x| layer.forward(x[0]),
    )
}

pub fn all() -> Vec<Case> {
    vec![
        layer("instance_norm", InstanceNorm::config(3)),
        layer("instance_norm_affine", InstanceNorm::config(3).affine().eps(1e-3)),
        layer("instance_norm_one", InstanceNorm::config(1).affine()),
        layer("weight_norm", WeightNorm::config(Linear::config(3, 2))),
        layer("weight_norm_layer", WeightNorm::config(Linear::config(3, 2))),
        layer("weight_norm_conv", WeightNorm::config(Conv2d::config(2, 3, 2))),
        spectral("spectral_norm", Linear::config(3, 2), false),
        spectral("spectral_norm_conv", Conv1d::config(2, 3, 2), false),
        spectral("spectral_norm_transposed", ConvTranspose1d::config(2, 3, 2), false),
        spectral("spectral_norm_training", Linear::config(3, 2), true),
    ]
}
