//! The layers of `convolution.py`.

use wengert_autodiff::ops::{Conv2dOptions, Extent};
use wengert_autodiff::{Activation, Tape};
use wengert_nn::{
    AdaptiveMaxPool1d, AdaptiveMaxPool2d, Conv2d, GlobalAvgPool, GlobalMaxPool, Layer, LpPool1d,
    LpPool2d, PaddedConv1d, PaddedConv2d, Padding, PaddingMode, PixelShuffle, PixelUnshuffle,
    SeparableConv2d, Upsample1d, Upsample2d,
};

use super::dense::layer;
use super::{Case, case};

/// The square of what a layer without parameters gives.
fn square<L: Layer<f64> + Clone + 'static>(name: &str, layer: L) -> Case {
    let build = move |_: &mut rand_pcg::Pcg64| layer.clone();
    case(name, build, |layer: &L, _: &Tape<f64>, x| layer.forward(x[0]).square())
}

pub fn all() -> Vec<Case> {
    let mut all = vec![
        layer("same", PaddedConv2d::config(2, 3, [2, 3]).padding(Padding::Same).dilation([2, 1])),
        layer("valid", PaddedConv1d::config(2, 3, 2).stride(2)),
        layer(
            "same_reflect",
            PaddedConv2d::config(1, 2, 3).padding(Padding::Same).padding_mode(PaddingMode::Reflect),
        ),
        layer(
            "reflect",
            PaddedConv1d::config(4, 2, 3)
                .padding(Padding::Sides(Extent([2])))
                .padding_mode(PaddingMode::Reflect)
                .stride(2)
                .groups(2),
        ),
        layer(
            "replicate",
            PaddedConv2d::config(2, 2, 3)
                .padding(Padding::Sides(Extent([1, 2])))
                .padding_mode(PaddingMode::Replicate)
                .without_bias(),
        ),
        layer("depthwise", Conv2d::depthwise(3, 2)),
    ];
    let options = Conv2dOptions::new().padding(1).stride(2).activation(Activation::Silu);
    all.push(layer("separable", SeparableConv2d::config(2, 4, 3).options(options)));
    all.extend([
        square("adaptive_max_pool1d", AdaptiveMaxPool1d::new(3)),
        square("adaptive_max_pool2d", AdaptiveMaxPool2d::new([2, 3])),
        square("lp_pool1d", LpPool1d::new(2.0, 3).unwrap().stride(2).unwrap()),
        square("lp_pool2d", LpPool2d::new(4.0, [2, 3]).unwrap().stride(1).unwrap()),
        square("lp_pool1d_odd", LpPool1d::new(3.0, 2).unwrap()),
        square("global_avg_pool", GlobalAvgPool),
        square("global_max_pool", GlobalMaxPool),
        square("nearest1d", Upsample1d::nearest(3).unwrap()),
        square("nearest2d", Upsample2d::nearest([2, 1]).unwrap()),
        square("nearest2d_size", Upsample2d::nearest(1).unwrap().size([3, 7])),
        square("linear1d", Upsample1d::linear(2).unwrap()),
        square("bilinear", Upsample2d::linear([2, 3]).unwrap()),
        square("bilinear_corners", Upsample2d::linear(2).unwrap().align_corners()),
        square("bilinear_size", Upsample2d::linear(1).unwrap().size([3, 9])),
        square("pixel_shuffle", PixelShuffle::new(2).unwrap()),
        square("pixel_unshuffle", PixelUnshuffle::new(2).unwrap()),
    ]);
    all
}
