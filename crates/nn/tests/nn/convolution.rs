//! Convolutional networks: outputs, errors of the builder, and training.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::ops::{Conv1dOptions, Conv2dOptions, ConvOptions, Pool2d};
use wengert_autodiff::{Activation, Tape, Tensor};
use wengert_nn::data::Batches;
#[cfg(feature = "data")]
use wengert_nn::data::{Idx, ImageSet};
use wengert_nn::metrics::accuracy;
use wengert_nn::{
    BuildError, Conv, Conv2d, ConvTranspose, ConvTranspose2d, Init, Layer, LayerError, Module,
    Optimizer, PaddedConv, Sequential, SequentialBuilder, Sgd,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(5)
}

/// The network of Y. `LeCun` et al., "Gradient-based learning applied to document recognition",
/// 1998, reduced to images of 8 x 8.
fn lenet() -> SequentialBuilder {
    let relu = Conv2dOptions::new().activation(Activation::Relu);
    Sequential::builder()
        .input([1, 8, 8])
        .conv2d(1, 6, 3, relu.padding(1))
        .max_pool2d(Pool2d::new(2))
        .conv2d(6, 16, 3, relu.padding(1))
        .max_pool2d(Pool2d::new(2))
        .flatten()
        .linear(64, 32, Activation::Relu)
        .linear(32, 10, Activation::Identity)
}

#[test]
fn shapes_are_those_of_the_formula_and_parameters_have_names() {
    let model = lenet().build(&mut rng()).unwrap();
    let tape = Tape::new();
    let trace = model.trace(tape.constant(&Tensor::ones([3, 1, 8, 8]))).unwrap();
    let shapes: Vec<String> = trace.iter().map(|y| y.shape().to_string()).collect();
    let expected =
        ["[3, 6, 8, 8]", "[3, 6, 4, 4]", "[3, 16, 4, 4]", "[3, 16, 2, 2]", "[3, 64]", "[3, 32]"];
    assert_eq!(shapes[..6], expected);
    let names: Vec<String> = model
        .parameters()
        .into_iter()
        .map(|(name, parameter)| format!("{name} {}", parameter.value().shape()))
        .collect();
    assert_eq!(
        names[..4],
        ["0.weight [6, 1, 3, 3]", "0.bias [6]", "2.weight [16, 6, 3, 3]", "2.bias [16]"]
    );
}

/// The initializer is that of the activation, with the receptive field in the fan.
#[test]
fn weights_begin_with_the_scale_of_their_fan() {
    let options = Conv2dOptions::new().activation(Activation::Relu).groups(2);
    let model: Sequential<f64> =
        Sequential::builder().conv2d(64, 64, 3, options).build(&mut rng()).unwrap();
    let weight = model.parameters()[0].1.value().to_vec();
    let square = weight.iter().map(|w| w * w).sum::<f64>() / weight.len() as f64;
    // He: the variance is 2 over the fan-in, 32 channels of 3 x 3.
    assert!((square * 32.0 * 9.0 / 2.0 - 1.0).abs() < 0.05, "{square}");
}

/// The only layer at fault.
fn fault(error: &BuildError) -> (usize, &LayerError) {
    let [fault] = error.faults() else { panic!("{error}") };
    (fault.layer, &fault.error)
}

#[test]
fn shapes_that_do_not_fit_are_refused_when_built() {
    let build = |builder: SequentialBuilder| builder.build(&mut rng()).unwrap_err();
    let plain = Conv2dOptions::new();
    let error = build(Sequential::builder().input([3, 8, 8]).conv2d(1, 6, 3, plain));
    assert_eq!(
        error.to_string(),
        "layer 0 takes [1, rows, columns], but the layers before it give [3, 8, 8]"
    );
    let error = build(Sequential::builder().conv2d(1, 6, 3, plain).conv2d(5, 2, 3, plain));
    assert!(error.to_string().contains("takes [5, rows, columns]"), "{error}");
    assert!(error.to_string().contains("give [6, _, _]"), "{error}");
    let error = build(Sequential::builder().input([1, 4, 4]).conv2d(1, 6, 5, plain));
    assert!(matches!(fault(&error), (0, LayerError::Sizes(_))), "{error}");
    let deep = lenet().linear(11, 2, Activation::Identity);
    assert_eq!(fault(&build(deep)), (7, &LayerError::Features { takes: 11, given: 10 }));
    let pools = Sequential::builder().input([1, 2, 2]).max_pool2d(Pool2d::new(2));
    let error = build(pools.max_pool2d(Pool2d::new(2)));
    assert!(matches!(fault(&error), (1, LayerError::Sizes(_))), "{error}");
    let error = build(Sequential::builder().input([8]).max_pool2d(Pool2d::new(2)));
    assert!(error.to_string().contains("takes [.., rows, columns]"), "{error}");
    let error = build(Sequential::builder().conv2d(3, 6, 3, plain.groups(2)));
    assert!(error.to_string().contains("groups"), "{error}");
    let error = build(Sequential::builder().input([4]).conv1d(4, 4, 3, Conv1dOptions::new()));
    assert!(matches!(fault(&error), (0, LayerError::Shape { .. })), "{error}");
    let error = build(Sequential::builder().input([]).linear(1, 1, Activation::Identity));
    assert!(matches!(fault(&error), (0, LayerError::Shape { .. })), "{error}");
}

/// The error of a layer that cannot be built.
fn refused<L>(layer: Result<L, LayerError>) -> String {
    layer.map(|_| ()).unwrap_err().to_string()
}

/// Layers whose kernel, stride, dilation or number of groups is zero are refused.
fn sizes_of_zero_are_refused<const AXES: usize>() {
    let (plain, init) = (ConvOptions::<AXES>::new(), Init::he_normal());
    let zero = {
        let mut sizes = [2; AXES];
        sizes[AXES - 1] = 0;
        sizes
    };
    let asked =
        |what| format!("d: a {what} of {zero:?} was asked for, but it must be at least 1 along");
    let cases = [
        (zero, plain, asked("kernel")),
        ([3; AXES], plain.stride(zero), asked("stride")),
        ([3; AXES], plain.dilation(zero), asked("dilation")),
        ([3; AXES], plain.groups(0), "d: 0 groups were asked for, but".to_owned()),
    ];
    for (kernel, options, says) in cases {
        let rng = &mut rng();
        for (name, error) in [
            ("conv", refused(Conv::<AXES, f32>::new(2, 2, kernel, options, &init, rng))),
            (
                "conv",
                refused(Conv::<AXES>::config(2, 2, kernel).options(options).build::<f32>(rng)),
            ),
            (
                "conv_transpose",
                refused(ConvTranspose::<AXES, f32>::new(2, 2, kernel, options, &init, rng)),
            ),
            (
                "conv_transpose",
                refused(
                    ConvTranspose::<AXES>::config(2, 2, kernel).options(options).build::<f32>(rng),
                ),
            ),
        ] {
            assert!(error.starts_with(&format!("{name}{AXES}{says}")), "{error}");
        }
    }
    let error = refused(PaddedConv::<AXES>::config(2, 2, zero).build::<f32>(&mut rng()));
    assert!(error.contains(&asked("kernel")), "{error}");
}

#[test]
fn windows_of_size_zero_are_refused_when_built() {
    sizes_of_zero_are_refused::<1>();
    sizes_of_zero_are_refused::<2>();
    // The input's size is not known.
    let build = |builder: SequentialBuilder| builder.build(&mut rng()).unwrap_err().to_string();
    for (name, pool) in [
        ("kernel", Pool2d::new([2, 0])),
        ("stride", Pool2d::new(2).stride([2, 0])),
        ("dilation", Pool2d::new(2).dilation([2, 0])),
    ] {
        let says = format!("pool2d: a {name} of [2, 0] was asked for, but it must be at least 1");
        let error = build(Sequential::builder().max_pool2d(pool));
        assert!(error.contains(&format!("layer 0: max_{says}")), "{error}");
        let error = build(Sequential::builder().avg_pool2d(pool));
        assert!(error.contains(&format!("layer 0: avg_{says}")), "{error}");
    }
    let error = build(Sequential::builder().max_pool2d(Pool2d::new(2).padding(2)));
    assert!(error.contains("must be at most 1, half of the 2"), "{error}");
}

/// As in PyTorch: a layer without input channels has outputs that are the bias.
#[test]
fn layers_without_channels_are_accepted() {
    let (options, init) = (Conv2dOptions::new(), Init::he_normal());
    for (inputs, outputs) in [(0, 3), (3, 0), (0, 0)] {
        let x = Tensor::ones([2, inputs, 5, 5]);
        let conv = Conv2d::<f32>::new(inputs, outputs, 3, options, &init, &mut rng()).unwrap();
        assert_eq!(conv.predict(&x), Tensor::zeros([2, outputs, 3, 3]));
        let transposed =
            ConvTranspose2d::<f32>::new(inputs, outputs, 3, options, &init, &mut rng()).unwrap();
        assert_eq!(transposed.predict(&x), Tensor::zeros([2, outputs, 7, 7]));
    }
}

#[test]
fn sizes_that_are_not_known_are_left_to_the_run() {
    let description: SequentialBuilder = Sequential::builder()
        .conv2d(1, 2, 3, Conv2dOptions::new())
        .adaptive_avg_pool2d([2, 3])
        .flatten()
        .linear(12, 1, Activation::Identity);
    let model = description.build(&mut rng()).unwrap();
    let tape = Tape::new();
    for size in [4, 9] {
        let y = model.forward(tape.constant(&Tensor::ones([5, 1, size, size + 1])));
        assert_eq!(y.shape(), [5, 1]);
    }
    let error = model.try_forward(tape.constant(&Tensor::ones([5, 3, 9, 9]))).unwrap_err();
    assert!(error.to_string().contains("conv2d"), "{error}");
}

/// An observer receives the convolution before the activation.
#[test]
fn an_observer_sees_the_preactivation() {
    let options = Conv2dOptions::new().activation(Activation::Tanh);
    let layer = Conv2d::<f64>::new(2, 3, 2, options, &Init::he_normal(), &mut rng()).unwrap();
    let tape = Tape::new();
    let x = tape.constant(&Tensor::uniform([2, 2, 3, 3], -1.0, 1.0, &mut rng()));
    let mut seen = Vec::new();
    let mut see = |_: &str, layer: wengert_nn::Observation<'_, f64>| {
        seen.push((layer.preactivation.value(), layer.output.value()));
    };
    let y = layer.observe(x, &mut wengert_nn::Observer::new(&mut see)).unwrap().value();
    let (before, after) = &seen[0];
    assert_eq!(before.tanh(), *after);
    assert_eq!(layer.forward(x).value(), *after);
    assert_eq!(y, *after);
}

#[cfg(feature = "data")]
fn digits() -> ImageSet {
    let path = |name: &str| format!("{}/../lab/data/{name}.gz", env!("CARGO_MANIFEST_DIR"));
    let images = Idx::read(path("digits-images-idx3-ubyte")).unwrap();
    let labels = Idx::read(path("digits-labels-idx1-ubyte")).unwrap();
    ImageSet::new(images, labels, 10).unwrap().with_pixel_max(16).unwrap()
}

/// Trains on four fifths of the digits for three epochs, and tests on the others.
#[cfg(feature = "data")]
#[test]
fn lenet_learns_handwritten_digits() {
    let all = digits();
    let (tested, trained): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|i| i % 5 == 0);
    let part = |indices: &[usize]| {
        let set = all.subset(indices);
        let pixels = Tensor::from_vec(set.scaled_pixels(), [set.len(), 1, 8, 8]).unwrap();
        let labels: Vec<usize> = set.labels().iter().map(|&label| label.into()).collect();
        (pixels, labels)
    };
    let ((inputs, labels), (test_inputs, test_labels)) = (part(&trained), part(&tested));
    let mut model = lenet().build(&mut rng()).unwrap();
    let mut batches = Batches::new(&inputs, &labels, 32).unwrap().shuffled(1);
    let (mut sgd, mut tape) = (Sgd::new(0.05).momentum(0.9), Tape::new());
    for _ in 0..3 {
        for batch in batches.epoch() {
            let loss = model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.targets);
            sgd.step(&mut model, &loss.backward());
            tape.clear();
        }
    }
    let logits = tape.no_grad(|| model.forward(tape.constant(&test_inputs)).value());
    let score = accuracy(&logits, &test_labels);
    assert!(score > 0.9, "{score} of the digits are recognised");
}
