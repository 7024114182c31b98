//! Layers whose sizes exceed the memory. Every fallible constructor returns an error of one line,
//! every infallible one panics with one; none aborts the process or runs forever.

#[path = "../../autodiff/tests/support/cases.rs"]
mod cases;

use std::panic::catch_unwind;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::ops::{Conv1dOptions, Conv2dOptions, Pool2d};
use wengert_autodiff::{Activation, Tape, Tensor};
use wengert_nn::{
    ActivationLayer, AdaptiveAvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d, Conv2d, ConvTranspose1d,
    ConvTranspose2d, Dropout, Embedding, Flatten, GatedLinear, GroupNorm, Gru, Highway, Init,
    InstanceNorm, Layer, LayerNorm, LearnedEncoding, Linear, Lstm, MaxPool2d, Maxout,
    MultiHeadAttention, PRelu, PaddedConv1d, Padding, PixelShuffle, RmsNorm, SeparableConv2d,
    Sequential, SequentialBuilder, SpectralNorm, TransformerEncoderLayer, Upsample2d, WeightNorm,
};

const K: usize = 1 << 20;

type Case = cases::Case<String>;

/// Sizes whose products exceed the memory.
const SIZES: [(usize, usize); 9] = [
    (K, K),
    (1 << 40, 1),
    (1, 1 << 40),
    (1 << 40, 1 << 40),
    (usize::MAX, 2),
    (2, usize::MAX),
    (usize::MAX, usize::MAX),
    (0, 1 << 40),
    (1 << 40, 0),
];

fn schemes() -> Vec<Init> {
    vec![
        Init::Zeros,
        Init::Constant(1.0),
        Init::Normal { mean: 0.0, std: 1.0 },
        Init::Uniform { low: -1.0, high: 1.0 },
        Init::truncated_normal(1.0),
        Init::Eye,
        Init::Dirac { groups: 1 },
        Init::Sparse { sparsity: 0.5, std: 1.0 },
        Init::orthogonal(),
        Init::delta_orthogonal(),
        Init::he_normal(),
        Init::xavier_uniform(),
    ]
}

fn text<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| error.to_string())
}

fn constructors() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (a, b) in SIZES {
        for init in schemes() {
            macro_rules! case {
                ($name:literal, |$init:ident, $rng:ident| $body:expr) => {{
                    let $init = init.clone();
                    let case = move || {
                        let $rng = &mut Pcg64::seed_from_u64(1);
                        text($body)
                    };
                    cases.push((format!("{} {a} {b} by {init:?}", $name), Box::new(case)));
                }};
            }
            let (line, image) = (Conv1dOptions::new(), Conv2dOptions::new());
            let act = Activation::Tanh;
            case!("sample", |init, rng| init.sample::<f32>([a, b], rng));
            case!("sample of three", |init, rng| init.sample::<f64>([2, a, b], rng));
            case!("sample of four", |init, rng| init.sample::<f32>([a, b, 3, 3], rng));
            case!("Linear", |init, rng| Linear::<f32>::new(a, b, act, &init, rng));
            case!("Conv1d", |init, rng| Conv1d::<f32>::new(a, b, 3, line, &init, rng));
            case!("Conv1d kernel", |init, rng| Conv1d::<f32>::new(1, a, b, line, &init, rng));
            case!("Conv2d", |init, rng| Conv2d::<f32>::new(a, b, 3, image, &init, rng));
            case!("Conv2d kernel", |init, rng| Conv2d::<f32>::new(1, 1, [a, b], image, &init, rng));
            case!("Conv2d groups", |init, rng| {
                Conv2d::<f32>::new(a, a, 1, image.groups(a), &init, rng)
            });
            case!("ConvTranspose1d", |init, rng| {
                ConvTranspose1d::<f32>::new(a, b, 3, line, &init, rng)
            });
            case!("ConvTranspose2d", |init, rng| {
                ConvTranspose2d::<f32>::new(a, b, [1, 2], image, &init, rng)
            });
            case!("Embedding", |init, rng| Embedding::<f32>::new(a, b, &init, rng));
        }
        macro_rules! built {
            ($name:literal, |$builder:ident| $body:expr) => {{
                let case = move || {
                    let $builder: SequentialBuilder = Sequential::builder();
                    text($body.build(&mut Pcg64::seed_from_u64(1)))
                };
                cases.push((format!("build {} {a} {b}", $name), Box::new(case)));
            }};
        }
        let act = Activation::Relu;
        built!("linear", |builder| builder.linear(a, b, act));
        built!("two linear", |builder| builder
            .linear(1, 1, act)
            .linear(1, a, act)
            .linear(a, b, act));
        built!("conv1d", |builder| builder.conv1d(a, b, 3, Conv1dOptions::new()));
        built!("conv2d", |builder| builder.conv2d(a, b, 3, Conv2dOptions::new()));
        built!("conv2d of an input", |builder| {
            builder.input([1, a, b]).conv2d(1, 1, 1, Conv2dOptions::new().padding(a)).flatten()
        });
        built!("conv_transpose2d", |builder| {
            builder.conv_transpose2d(a, b, 3, Conv2dOptions::new().stride(a))
        });
        built!("embedding", |builder| builder.embedding(a, b));
        built!("batch_norm1d", |builder| builder.batch_norm1d(a.max(b)));
        built!("batch_norm2d", |builder| builder.batch_norm2d(a.max(b)));
        built!("layer_norm", |builder| builder.layer_norm([a, b]));
        built!("group_norm", |builder| builder.group_norm(a, b));
        built!("rms_norm", |builder| builder.rms_norm([a, b]));
        built!("pools", |builder| {
            builder
                .input([a, b, b])
                .max_pool2d(Pool2d::new(2))
                .adaptive_avg_pool2d([a, b])
                .flatten()
        });
        macro_rules! norm {
            ($name:literal, $layer:expr) => {{
                let case = move || text($layer);
                cases.push((format!("{} {a} {b}", $name), Box::new(case)));
            }};
        }
        norm!("BatchNorm1d", BatchNorm1d::<f32>::try_new(a));
        norm!("LayerNorm", LayerNorm::<f32>::try_new([a, b]));
        norm!("GroupNorm", GroupNorm::<f64>::try_new(a, b));
        norm!("RmsNorm", RmsNorm::<f32>::try_new([a, b]));
        cases.extend(further_configs(a, b));
    }
    cases
}

/// The layers that are built from a config alone.
fn further_configs(a: usize, b: usize) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    macro_rules! built {
        ($name:literal, |$builder:ident| $body:expr) => {{
            let case = move || {
                let $builder: SequentialBuilder = Sequential::builder();
                text($body.build(&mut Pcg64::seed_from_u64(1)))
            };
            cases.push((format!("build {} {a} {b}", $name), Box::new(case)));
        }};
    }
    built!("recurrent", |builder| builder.with(Lstm::config(a, b).bidirectional()));
    built!("recurrent layers", |builder| builder.with(Gru::config(b, a).layers(3)));
    built!("attention", |builder| {
        builder.with(MultiHeadAttention::config(a, 1).key_features(b))
    });
    built!("transformer", |builder| {
        builder.with(TransformerEncoderLayer::config(a, 1).feedforward(b))
    });
    built!("positions", |builder| builder.with(LearnedEncoding::config(a, b)));
    built!("gated", |builder| builder.with(GatedLinear::swiglu(a, b)));
    built!("maxout", |builder| builder.with(Maxout::config(a, b, a)));
    built!("highway", |builder| builder.with(Highway::config(a.max(b))));
    built!("prelu", |builder| builder.with(PRelu::config().channels(a.max(b))));
    built!("instance_norm", |builder| builder.with(InstanceNorm::config(a.max(b)).affine()));
    built!("separable_conv", |builder| builder.with(SeparableConv2d::config(a, b, 3)));
    built!("padded_conv", |builder| {
        builder.input([1, 8]).with(PaddedConv1d::config(1, a, b).padding(Padding::Same))
    });
    built!("weight_norm", |builder| builder.with(WeightNorm::config(Linear::config(a, b))));
    built!("spectral_norm", |builder| builder.with(SpectralNorm::config(Linear::config(a, b))));
    built!("resampled", |builder| {
        let shuffle = PixelShuffle::new(2).unwrap();
        builder.input([4, a, b]).with(shuffle).with(Upsample2d::nearest(3).unwrap())
    });
    cases
}

/// Constructs a layer.
type Make = fn(&mut Pcg64) -> Box<dyn Layer<f32>>;

/// Layers of ordinary sizes, applied to broadcast operands that need no memory.
fn passes() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let shapes: [&[usize]; 7] = [
        &[1 << 40, 2],
        &[1 << 40, 2, 2],
        &[K / 8, 2, K, K],
        &[1, 2, K, K],
        &[0, 2, 1 << 20, 1 << 20],
        &[K, K, 2],
        &[2; 40],
    ];
    let layers: Vec<(&str, Make)> = vec![
        ("Linear", |rng| {
            let init = Init::he_normal();
            Box::new(Linear::new(2, 3, Activation::Gelu, &init, rng).expect("a small layer"))
        }),
        ("Conv1d", |rng| {
            let init = Init::he_normal();
            let options = Conv1dOptions::new();
            Box::new(Conv1d::new(2, 3, 1, options, &init, rng).expect("a small layer"))
        }),
        ("Conv2d", |rng| {
            let init = Init::he_normal();
            let options = Conv2dOptions::new().padding(1);
            Box::new(Conv2d::new(2, 3, 3, options, &init, rng).expect("a small layer"))
        }),
        ("BatchNorm1d", |_| Box::new(BatchNorm1d::new(2))),
        ("BatchNorm2d", |_| Box::new(BatchNorm2d::new(2))),
        ("LayerNorm", |_| Box::new(LayerNorm::new([2]))),
        ("GroupNorm", |_| Box::new(GroupNorm::new(1, 2))),
        ("RmsNorm", |_| Box::new(RmsNorm::new([2]))),
        ("Dropout", |rng| Box::new(Dropout::new(0.5, rng).expect("a probability"))),
        ("ActivationLayer", |_| Box::new(ActivationLayer(Activation::Mish))),
        ("MaxPool2d", |_| Box::new(MaxPool2d(Pool2d::new(2)))),
        ("AdaptiveAvgPool2d", |_| Box::new(AdaptiveAvgPool2d([2, 2].into()))),
        ("Flatten", |_| Box::new(Flatten)),
        ("Embedding", |rng| {
            Box::new(Embedding::new(3, 2, &Init::Zeros, rng).expect("a small layer"))
        }),
    ];
    for shape in shapes {
        for &(name, make) in &layers {
            let case = move || {
                let model = make(&mut Pcg64::seed_from_u64(1));
                let tape = Tape::new();
                let x = tape.variable(&Tensor::scalar(1.0).broadcast_to(shape));
                let value = model.try_forward(x).and_then(|y| {
                    let total = wengert_autodiff::ops::mean(y)?;
                    if total.requires_grad() { total.try_backward().map(|_| ()) } else { Ok(()) }
                });
                text(value)
            };
            cases.push((format!("{name} on {shape:?}"), Box::new(case)));
        }
    }
    cases
}

/// Constructors that panic.
fn infallible() -> Vec<Case> {
    let panicking: Vec<(&str, fn())> = vec![
        ("BatchNorm1d::new", || drop(BatchNorm1d::<f32>::new(1 << 40))),
        ("BatchNorm2d::new", || drop(BatchNorm2d::<f32>::new(usize::MAX))),
        ("LayerNorm::new", || drop(LayerNorm::<f32>::new([K, K]))),
        ("GroupNorm::new", || drop(GroupNorm::<f32>::new(1, 1 << 40))),
        ("RmsNorm::new", || drop(RmsNorm::<f32>::new([usize::MAX, 3]))),
        ("Tensor::zeros", || drop(Tensor::<f32>::zeros([K, K]))),
    ];
    let case = |(name, make): (&str, fn())| -> Case {
        let name = name.to_owned();
        let case = move || {
            let said = catch_unwind(make).expect_err("there is no memory for it");
            Err(said.downcast_ref::<String>().cloned().unwrap_or_default())
        };
        (name, Box::new(case))
    };
    panicking.into_iter().map(case).collect()
}

/// Files of zeros whose content fits in memory once, but not twice.
#[cfg(all(feature = "checkpoint", feature = "data"))]
fn files() -> Vec<Case> {
    use std::io::Write;

    use wengert_autodiff::Parameter;
    use wengert_nn::Module;
    use wengert_nn::checkpoint::LoadOptions;

    /// A model of one weight.
    #[derive(Debug, Module)]
    struct One {
        weight: Parameter,
    }
    /// A file that begins with `start`, followed by zeros.
    fn zeros(start: &[u8], count: usize) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(start).expect("a file that can be written");
        file.as_file().set_len((start.len() + count) as u64).expect("a file of this length");
        file
    }
    /// Loads a weight of `rows` rows and `columns` columns from a file of another type or layout.
    fn load(
        [rows, columns]: [usize; 2],
        dtype: &str,
        width: usize,
        transpose: bool,
    ) -> Result<(), String> {
        let mut model = One { weight: Parameter::new(Tensor::zeros([rows, columns])) };
        let shape = if transpose { [columns, rows] } else { [rows, columns] };
        let bytes = rows * columns * width;
        let header = format!(
            r#"{{"weight":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[0,{bytes}]}}}}"#
        );
        let file =
            zeros(&[&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat(), bytes);
        let options = LoadOptions::new();
        let options = if transpose { options.transpose("weight") } else { options };
        text(wengert_nn::load_model_with(&mut model, file.path(), &options))
    }
    vec![
        (
            "column-major npy".to_owned(),
            Box::new(|| {
                let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (7000, 10000), }\n";
                let length = (header.len() as u16).to_le_bytes();
                let start = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
                let file = zeros(&start, 70_000_000);
                text(wengert_nn::data::read_npy::<f64>(file.path()))
            }),
        ),
        ("transposed weight".to_owned(), Box::new(|| load([8000, 12_500], "BF16", 2, true))),
        ("weight of f64".to_owned(), Box::new(|| load([7000, 10_000], "F64", 8, false))),
    ]
}

#[cfg(not(all(feature = "checkpoint", feature = "data")))]
fn files() -> Vec<Case> {
    Vec::new()
}

fn cases() -> Vec<Case> {
    constructors().into_iter().chain(passes()).chain(infallible()).chain(files()).collect()
}

#[test]
fn every_constructor_refuses_or_fits() {
    cases::run_in_children("every_constructor_refuses_or_fits", cases, 1000);
}

/// The error of a layer's constructor names the layer.
#[test]
fn a_layer_that_is_too_large_is_refused_in_its_own_name() {
    let (init, rng) = (Init::he_normal(), &mut Pcg64::seed_from_u64(1));
    let (huge, none) = (1 << 62, Activation::Identity);
    let (line, plane) = (Conv1dOptions::new(), Conv2dOptions::new());
    let errors = [
        ("linear", text(Linear::<f32>::new(huge, 2, none, &init, rng))),
        ("linear", text(Linear::<f32>::new(K, K, none, &init, rng))),
        ("conv1d", text(Conv1d::<f32>::new(2, huge, 3, line, &init, rng))),
        ("conv2d", text(Conv2d::<f32>::new(2, huge, 3, plane, &init, rng))),
        ("conv_transpose1d", text(ConvTranspose1d::<f32>::new(2, huge, 3, line, &init, rng))),
        ("conv_transpose2d", text(ConvTranspose2d::<f32>::new(2, huge, 3, plane, &init, rng))),
        ("embedding", text(Embedding::<f32>::new(huge, 2, &init, rng))),
        ("layer_norm", text(LayerNorm::<f32>::try_new([huge]))),
        ("rms_norm", text(RmsNorm::<f32>::try_new([huge]))),
        ("group_norm", text(GroupNorm::<f32>::try_new(2, huge))),
        ("batch_norm", text(BatchNorm2d::<f32>::try_new(huge))),
        ("prelu", text(PRelu::<f32>::try_new(huge, 0.25))),
    ];
    for (layer, result) in errors {
        let error = result.expect_err("a layer that is too large");
        assert!(error.starts_with(&format!("{layer}: ")), "{layer}: {error}");
    }
}
