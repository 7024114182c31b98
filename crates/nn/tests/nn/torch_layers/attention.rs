//! The layers of `attention.py`.

use wengert_autodiff::{Activation, Mask, Tape, Var};
use wengert_nn::{
    AttentionMask, Layer, MultiHeadAttention, MultiHeadAttentionConfig, Rotary, SinusoidalEncoding,
    TransformerDecoder, TransformerDecoderLayer, TransformerEncoder, TransformerEncoderLayer,
    TransformerLayerConfig,
};

use super::{Case, case};

/// Self-attention under a mask.
fn own(name: &str, config: MultiHeadAttentionConfig, mask: AttentionMask) -> Case {
    case(
        name,
        move |rng| config.build(rng).unwrap(),
        move |layer: &MultiHeadAttention<f64>, _, x| layer.self_attend(x[0], &mask).unwrap(),
    )
}

/// Attention to another sequence under a mask.
fn cross(name: &str, config: MultiHeadAttentionConfig, mask: AttentionMask) -> Case {
    case(
        name,
        move |rng| config.build(rng).unwrap(),
        move |layer: &MultiHeadAttention<f64>, _, x| layer.attend(x[0], x[1], x[2], &mask).unwrap(),
    )
}

fn every() -> AttentionMask {
    AttentionMask::new()
}

fn padding() -> Mask {
    Mask::from_fn([2, 5], |i| i[1] < [5, 3][i[0]])
}

fn attention() -> Vec<Case> {
    let config = || MultiHeadAttention::config(4, 2);
    let pairs = Mask::from_fn([2, 2, 3, 5], |i| (i[2] + 2 * i[3] + i[1] + i[0]) % 4 != 0);
    let grouped = || MultiHeadAttention::config(8, 4).kv_heads(2);
    vec![
        own("attention", config(), every()),
        own("attention_one", config(), every()),
        own("attention_no_bias", config().without_bias(), every()),
        own("attention_causal", config(), every().causal()),
        cross("attention_cross", config(), every()),
        cross("attention_other_features", config().key_features(3).value_features(2), every()),
        cross("attention_padded", config(), every().key_padding(&padding())),
        cross("attention_pairs", config(), every().mask(&pairs)),
        own("attention_grouped", grouped(), every().causal()),
        own("attention_rotary", grouped().rotary(), every().causal()),
    ]
}

type Nothing = Vec<wengert_autodiff::Parameter<f64>>;

fn positions() -> Vec<Case> {
    fn function(name: &str, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64> + 'static) -> Case {
        case(name, |_| Nothing::new(), move |_, _: &Tape<f64>, x| f(x[0]))
    }
    vec![
        function("rotary", |x| Rotary::new(6).unwrap().rotate(x, 0).unwrap()),
        function("rotary_halves", |x| Rotary::new(6).unwrap().halves().rotate(x, 0).unwrap()),
        function("sinusoidal", |x| SinusoidalEncoding::new(5).unwrap().forward(x).square()),
    ]
}

fn small<L>(config: TransformerLayerConfig<L>) -> TransformerLayerConfig<L> {
    config.feedforward(6).dropout(0.0)
}

fn gelu<L>(config: TransformerLayerConfig<L>) -> TransformerLayerConfig<L> {
    small(config).activation(Activation::Gelu)
}

fn blocks() -> Vec<Case> {
    let encoder = || TransformerEncoderLayer::config(4, 2);
    let decoder = || TransformerDecoderLayer::config(4, 2);
    vec![
        case(
            "encoder_layer",
            move |rng| gelu(encoder()).build(rng).unwrap(),
            |block: &TransformerEncoderLayer<f64>, _, x| block.forward(x[0]),
        ),
        case(
            "encoder_layer_relu",
            move |rng| small(encoder()).build(rng).unwrap(),
            |block: &TransformerEncoderLayer<f64>, _, x| block.forward(x[0]),
        ),
        case(
            "encoder_layer_pre",
            move |rng| gelu(encoder()).norm_first().causal().build(rng).unwrap(),
            |block: &TransformerEncoderLayer<f64>, _, x| block.forward(x[0]),
        ),
        case(
            "encoder_layer_no_bias",
            move |rng| gelu(encoder()).norm_first().without_bias().build(rng).unwrap(),
            |block: &TransformerEncoderLayer<f64>, _, x| block.forward(x[0]),
        ),
        case(
            "decoder_layer",
            move |rng| gelu(decoder()).build(rng).unwrap(),
            |block: &TransformerDecoderLayer<f64>, _, x| {
                let memory_mask = every().key_padding(&padding());
                block.run(x[0], x[1], &every().causal(), &memory_mask).unwrap()
            },
        ),
        case(
            "decoder_layer_pre",
            move |rng| gelu(decoder()).norm_first().build(rng).unwrap(),
            |block: &TransformerDecoderLayer<f64>, _, x| {
                block.run(x[0], x[1], &every(), &every()).unwrap()
            },
        ),
        case(
            "encoder",
            move |rng| {
                let block = gelu(encoder()).norm_first();
                TransformerEncoder::config(block, 2).norm().build(rng).unwrap()
            },
            |stack: &TransformerEncoder<f64>, _, x| stack.forward(x[0]),
        ),
        case(
            "decoder",
            move |rng| TransformerDecoder::config(gelu(decoder()), 2).norm().build(rng).unwrap(),
            |stack: &TransformerDecoder<f64>, _, x| {
                stack.run(x[0], x[1], &every().causal(), &every()).unwrap()
            },
        ),
    ]
}

pub fn all() -> Vec<Case> {
    [attention(), positions(), blocks()].into_iter().flatten().collect()
}
