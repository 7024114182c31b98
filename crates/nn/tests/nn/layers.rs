//! Normalizations, dropout, embeddings and transposed convolutions; training and inference;
//! buffers.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::ops::{self, Conv2dOptions, CrossEntropyOptions, Pool2d, Reduction};
use wengert_autodiff::{Activation, Element, Kind, Result, Tape, Tensor, Var, checkpoint};
use wengert_nn::data::Batches;
use wengert_nn::metrics::accuracy;
use wengert_nn::{
    Adam, BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Embedding, GroupNorm, Init,
    Layer, LayerError, LayerNorm, Linear, Module, Optimizer, RmsNorm, Sequential,
    SequentialBuilder, Sgd,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(3)
}

fn value<E: Element>(layer: &dyn Layer<E>, x: &Tensor<E>) -> Tensor<E> {
    layer.forward(Tape::new().constant(x)).value()
}

/// Mean and variance of each channel of `[batch, channels]`.
fn statistics(x: &Tensor<f64>) -> Vec<(f64, f64)> {
    let [n, channels] = [x.shape()[0], x.shape()[1]];
    let column = |c: usize| (0..n).map(move |i| (i, c)).map(|(i, c)| x.get(&[i, c]).unwrap());
    (0..channels)
        .map(|c| {
            let mean = column(c).sum::<f64>() / n as f64;
            (mean, column(c).map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64)
        })
        .collect()
}

#[test]
fn batch_norm_follows_the_batches_and_normalizes_by_what_it_followed() {
    let mut layer = BatchNorm1d::<f64>::new(3).momentum(0.25);
    let batches = [1, 2]
        .map(|seed| Tensor::<f64>::uniform([6, 3], -1.0, 4.0, &mut Pcg64::seed_from_u64(seed)));
    let (mut mean, mut variance) = (vec![0.0; 3], vec![1.0; 3]);
    for batch in &batches {
        let y = value(&layer, batch);
        for (c, (m, v)) in statistics(&y).into_iter().enumerate() {
            assert!(m.abs() < 1e-12 && (v - 1.0).abs() < 1e-4, "channel {c}: {m} {v}");
        }
        for (c, (m, v)) in statistics(batch).into_iter().enumerate() {
            mean[c] = 0.75 * mean[c] + 0.25 * m;
            // The sample's variance, of six values.
            variance[c] = 0.75 * variance[c] + 0.25 * v * 6.0 / 5.0;
        }
    }
    let close =
        |a: &Tensor<f64>, b: &[f64]| a.to_vec().iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close(&layer.running_mean().value(), &mean));
    assert!(close(&layer.running_var().value(), &variance));
    layer.eval();
    let x = &batches[0];
    let expected: Vec<f64> =
        (0..18).map(|i| (x.to_vec()[i] - mean[i % 3]) / (variance[i % 3] + 1e-5).sqrt()).collect();
    assert!(close(&value(&layer, x), &expected));
    // Inference does not change the running averages, and accepts a single sample.
    assert!(close(&layer.running_mean().value(), &mean));
    value(&layer, &Tensor::ones([1, 3]));
    layer.train();
    let error = layer.try_forward(Tape::new().constant(&Tensor::ones([1, 3]))).unwrap_err();
    assert!(error.to_string().contains("two values per channel"), "{error}");
}

#[test]
fn running_statistics_belong_to_the_state_of_a_model() {
    let model = Sequential::builder()
        .input([2, 4, 4])
        .batch_norm2d(2)
        .conv2d(2, 3, 3, Conv2dOptions::new())
        .batch_norm2d(3)
        .build(&mut rng())
        .unwrap();
    let names = |model: &Sequential<f32>| -> Vec<String> {
        model.buffers().into_iter().map(|(name, _)| name).collect()
    };
    let expected =
        ["0.running_mean", "0.running_var", "2.running_mean", "2.running_var"].map(str::to_owned);
    assert_eq!(names(&model), expected);
    value(&model, &Tensor::uniform([2, 2, 4, 4], 1.0, 3.0, &mut rng()));
    // The parameters and buffers of a model determine it.
    let other = Sequential::builder()
        .batch_norm2d(2)
        .conv2d(2, 3, 3, Conv2dOptions::new())
        .batch_norm2d(3)
        .build(&mut rng())
        .unwrap();
    for ((_, from), (_, to)) in model.buffers().into_iter().zip(other.buffers()) {
        assert_ne!(from.value(), to.value());
        to.set(from.value());
        assert_eq!(from.value(), to.value());
    }
}

/// A user-defined composite without a mode of its own.
#[derive(Clone, Debug, Module)]
struct Residual {
    inner: Sequential<f32>,
}

impl Layer<f32> for Residual {
    fn try_forward<'t>(&self, x: Var<'t, f32>) -> Result<Var<'t, f32>> {
        Ok(x + self.inner.try_forward(x)?)
    }
}

#[test]
fn modes_reach_every_layer_below() {
    let inner = Sequential::builder().dropout(0.5).batch_norm1d(4).build(&mut rng()).unwrap();
    let mut model = Sequential::empty();
    model.push(Residual { inner });
    let x = Tensor::<f32>::uniform([8, 4], -1.0, 1.0, &mut rng());
    assert_ne!(value(&model, &x), value(&model, &x), "each pass drops others");
    model.eval();
    assert_eq!(value(&model, &x), value(&model, &x));
    assert_eq!(model.buffers()[0].0, "0.inner.1.running_mean");
    model.train();
    assert_ne!(value(&model, &x), value(&model, &x));
}

#[test]
fn dropout_keeps_the_mean_and_its_gradient_has_the_same_mask() {
    let layer = Dropout::new(0.25, &mut rng()).unwrap();
    let tape = Tape::new();
    let x = tape.variable(&Tensor::<f32>::ones([100, 100]));
    let y = layer.forward(x);
    let values = y.value().to_vec();
    let kept = values.iter().filter(|&&y| y != 0.0).count();
    assert!((7300..7700).contains(&kept), "{kept} of 10000 are kept");
    assert!(values.iter().all(|&y| y == 0.0 || (y - 4.0 / 3.0).abs() < 1e-6));
    let loss = y.sum();
    for _ in 0..2 {
        assert_eq!(loss.backward().get(x).unwrap().to_vec(), values);
    }
    // The same seed gives the same passes; successive passes differ.
    let again = Dropout::new(0.25, &mut rng()).unwrap();
    assert_eq!(value(&again, &x.value()).to_vec(), values);
    assert_ne!(value(&again, &x.value()).to_vec(), values);
    // Dropped elements are zero, also NaN and infinity; probabilities of 0 and 1 are valid.
    let all = Dropout::new(1.0, &mut rng()).unwrap();
    let wild = Tensor::from_slice(&[f32::INFINITY, f32::NAN, 1.0], [3]).unwrap();
    assert_eq!(value(&all, &wild).to_vec(), [0.0; 3]);
    let none = Dropout::new(0.0, &mut rng()).unwrap();
    assert_eq!(value(&none, &x.value()), x.value());
    for p in [-0.1, 1.1, f64::NAN] {
        assert!(Dropout::new(p, &mut rng()).is_err(), "{p}");
    }
}

#[test]
fn a_table_is_learned_where_it_is_read_and_its_padding_stays_zero() {
    let init = Init::Normal { mean: 0.0, std: 1.0 };
    let mut table = Embedding::<f64>::new(4, 2, &init, &mut rng()).unwrap().padding(1).unwrap();
    let before = table.weight().value().clone();
    assert_eq!(before.slice(0, 1..2).to_vec(), [0.0; 2]);
    let tape = Tape::new();
    let x = Tensor::from_slice(&[0.0, 1.0, 3.0, 3.0], [2, 2]).unwrap();
    let y = table.forward(tape.constant(&x));
    assert_eq!(y.shape(), [2, 2, 2]);
    let gradients = (y + 1.0).sum().backward();
    let gradient = gradients.parameter(table.weight()).unwrap().to_vec();
    assert_eq!(gradient, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]);
    Sgd::new(0.1).step(&mut table, &gradients);
    assert_eq!(table.weight().value().slice(0, 1..2).to_vec(), [0.0; 2]);
    for wrong in [0.5, -1.0, 4.0, f64::NAN] {
        let x = Tensor::from_slice(&[wrong], [1]).unwrap();
        assert!(table.try_forward(tape.constant(&x)).is_err(), "{wrong}");
    }
}

#[test]
fn a_transposed_convolution_is_the_gradient_of_the_convolution_with_its_weight() {
    let options = Conv2dOptions::new().stride(2).padding(1).groups(2);
    let init = Init::he_normal();
    let layer = ConvTranspose2d::<f64>::new(4, 6, 3, options.output_padding(1), &init, &mut rng())
        .unwrap()
        .without_bias();
    let tape = Tape::new();
    let y = tape.constant(&Tensor::uniform([2, 4, 5, 5], -1.0, 1.0, &mut rng()));
    let enlarged = layer.forward(y);
    assert_eq!(enlarged.shape(), [2, 6, 10, 10]);
    let x = tape.variable(&Tensor::zeros([2, 6, 10, 10]));
    let weight = tape.constant(layer.weight().value());
    let loss = (x.conv2d(weight, None, options) * y).sum();
    assert_eq!(loss.backward().get(x).unwrap(), &enlarged.value());
    // The fan-in is 2 channels of 3 x 3, of which one in 2 x 2 reaches an output: 4.5, rounded.
    let weight = layer.weight().value().to_vec();
    let square = weight.iter().map(|w| w * w).sum::<f64>() / weight.len() as f64;
    assert!((square * 5.0 / 2.0 - 1.0).abs() < 0.35, "{square}");
}

#[test]
fn norms_of_samples_need_no_batch() {
    let x = Tensor::<f64>::uniform([1, 2, 8], 1.0, 5.0, &mut rng());
    let y = value(&LayerNorm::<f64>::new([8]), &x);
    for row in y.to_vec().chunks(8) {
        assert!(row.iter().sum::<f64>().abs() < 1e-12);
        assert!((row.iter().map(|y| y * y).sum::<f64>() / 8.0 - 1.0).abs() < 1e-4);
    }
    let y = value(&RmsNorm::<f64>::new([2, 8]), &x).to_vec();
    assert!((y.iter().map(|y| y * y).sum::<f64>() / 16.0 - 1.0).abs() < 1e-5);
    let y = value(&Sequential::builder().group_norm(2, 2).build(&mut rng()).unwrap(), &x);
    for group in y.to_vec().chunks(8) {
        assert!(group.iter().sum::<f64>().abs() < 1e-12);
    }
}

#[test]
fn the_builder_refuses_norms_of_other_shapes() {
    let start = || Sequential::<f32>::builder().input([4, 6, 6]);
    let refused = [
        start().batch_norm2d(3),
        start().batch_norm1d(4),
        start().layer_norm([4, 6]),
        start().rms_norm([5]),
        start().group_norm(2, 6),
        start().conv_transpose2d(3, 2, 3, Conv2dOptions::new()),
        Sequential::builder().linear(2, 3, Activation::Tanh).layer_norm([4]),
        Sequential::builder().linear(2, 3, Activation::Tanh).batch_norm1d(4),
    ];
    for builder in refused {
        let error = builder.build(&mut rng()).unwrap_err();
        let [fault] = error.faults() else { panic!("{error}") };
        assert!(matches!(fault.error, LayerError::Shape { .. }), "{error}");
    }
    let error = start().dropout(2.0).build(&mut rng()).unwrap_err();
    assert!(error.to_string().starts_with("layer 0: dropout"), "{error}");
    let model = start()
        .batch_norm2d(4)
        .conv_transpose2d(4, 2, 2, Conv2dOptions::new().stride(2))
        .group_norm(2, 2)
        .flatten()
        .linear(2 * 12 * 12, 3, Activation::Identity)
        .layer_norm([3])
        .build(&mut rng())
        .unwrap();
    assert_eq!(value(&model, &Tensor::ones([2, 4, 6, 6])).shape().dims(), [2, 3]);
    let words: SequentialBuilder = Sequential::builder().input([5]).embedding(10, 4).rms_norm([4]);
    let words = words.linear(4, 2, Activation::Identity).build(&mut rng()).unwrap();
    assert_eq!(value(&words, &Tensor::ones([2, 5])).shape().dims(), [2, 5, 2]);
}

/// A clone is independent, including its running averages.
#[test]
fn clones_have_statistics_of_their_own() {
    let layer = BatchNorm2d::<f32>::new(1);
    let clone = layer.clone();
    value(&layer, &Tensor::uniform([2, 1, 2, 2], 5.0, 6.0, &mut rng()));
    assert_ne!(layer.running_mean().value(), clone.running_mean().value());
    let linear = Linear::<f32>::new(1, 1, Activation::Identity, &Init::Zeros, &mut rng()).unwrap();
    assert!(linear.buffers().is_empty());
}

#[test]
fn a_network_is_trained_through_checkpoints_as_it_is_without() {
    let train = |through: bool| {
        let mut rng = rng();
        let part = || Sequential::builder().linear(6, 6, Activation::Tanh).dropout(0.3);
        let mut model: Sequential<f64> = Sequential::empty();
        model.push(part().batch_norm1d(6).build(&mut rng).unwrap());
        model.push(part().layer_norm([6]).build(&mut rng).unwrap());
        let x = Tensor::<f64>::uniform([16, 6], -1.0, 1.0, &mut rng);
        let (mut tape, mut adam) = (Tape::new(), Adam::new(0.01));
        let mut losses = Vec::new();
        for _ in 0..40 {
            // The whole, and each part within it.
            let body = |[x]: [_; 1]| {
                model.layers().fold(x, |x: Var<'_, f64>, part| {
                    if through { checkpoint(|[x]| part.forward(x), [x]) } else { part.forward(x) }
                })
            };
            let x = tape.constant(&x);
            let y = if through { checkpoint(body, [x]) } else { body([x]) };
            let loss = (y - x).square().mean();
            adam.step(&mut model, &loss.backward());
            losses.push(loss.item());
            tape.clear();
        }
        let parameters: Vec<_> =
            model.parameters().into_iter().map(|(_, p)| p.value().to_vec()).collect();
        let buffers: Vec<_> =
            model.buffers().into_iter().map(|(_, b)| b.value().to_vec()).collect();
        (losses, parameters, buffers)
    };
    let (losses, parameters, buffers) = train(false);
    assert!(losses[39] < losses[0], "{losses:?}");
    assert_eq!(buffers.len(), 2);
    assert_eq!(train(true), (losses, parameters, buffers));
}

/// The builder's error has the operation's name and the fault.
#[test]
fn the_builder_names_the_layer_that_does_not_fit() {
    let start = || Sequential::<f32>::builder().input([4, 6, 6]);
    let wide = Pool2d::new(9);
    for (builder, begins) in [
        (start().max_pool2d(wide), "layer 0: max_pool2d: "),
        (start().avg_pool2d(wide), "layer 0: avg_pool2d: "),
        (
            start().conv2d(4, 2, 3, Conv2dOptions::new().groups(0)),
            "layer 0: conv2d: 0 groups were asked for, but their number must be positive and divide \
             both the 4 input channels and the 2 output channels",
        ),
        (
            start().conv_transpose2d(4, 2, 3, Conv2dOptions::new().groups(0)),
            "layer 0: conv_transpose2d: 0 groups were asked for, but their number must be positive and divide \
             both the 4 input channels and the 2 output channels",
        ),
    ] {
        let error = builder.build(&mut rng()).unwrap_err().to_string();
        assert!(error.starts_with(begins), "{error}");
    }
    let tape = Tape::<f32>::new();
    let [x, weight] = [[1, 4, 6, 6], [4, 4, 3, 3]].map(|shape| tape.constant(&Tensor::ones(shape)));
    let none = Conv2dOptions::new().groups(0);
    for error in [
        ops::conv2d(x, weight, None, none).unwrap_err(),
        ops::conv_transpose2d(x, weight, None, none).unwrap_err(),
    ] {
        assert!(error.to_string().contains("0 groups were asked for"), "{error}");
    }
}

#[test]
fn every_layer_with_parameters_shows_and_lends_them() {
    macro_rules! check {
        ($layer:expr) => {{
            let mut layer = $layer;
            layer.weight_mut().value_mut().as_mut_slice().fill(2.0);
            assert!(layer.weight().value().to_vec().iter().all(|w| *w == 2.0));
            if let Some(bias) = layer.bias_mut() {
                bias.value_mut().as_mut_slice().fill(3.0);
            }
            let bias = layer.bias().map(|bias| bias.id());
            let shown: Vec<_> = layer.parameters().iter().map(|(_, p)| p.id()).collect();
            let lent: Vec<_> = [Some(layer.weight().id()), bias].into_iter().flatten().collect();
            assert_eq!(shown, lent);
            let kinds: Vec<Kind> = layer.parameters().iter().map(|(_, p)| p.kind()).collect();
            assert!(!kinds.contains(&Kind::Other), "{kinds:?}");
        }};
    }
    let (init, options) = (Init::he_normal(), Conv2dOptions::new());
    check!(Linear::<f32>::new(2, 3, Activation::Tanh, &init, &mut rng()).unwrap());
    check!(Linear::<f32>::new(2, 3, Activation::Tanh, &init, &mut rng()).unwrap().without_bias());
    check!(Conv2d::<f32>::new(2, 3, 2, options, &init, &mut rng()).unwrap());
    check!(ConvTranspose2d::<f32>::new(2, 3, 2, options, &init, &mut rng()).unwrap());
    check!(Embedding::<f32>::new(2, 3, &Init::ones(), &mut rng()).unwrap());
    check!(BatchNorm2d::<f32>::new(3));
    check!(LayerNorm::<f32>::new([3, 2]));
    check!(GroupNorm::<f32>::new(1, 3));
    check!(RmsNorm::<f32>::new([3, 2]));
}

/// Losses, metrics and batches accept the same types of labels.
#[test]
fn labels_come_in_any_form() {
    let tape = Tape::<f64>::new();
    let x = tape.constant(&Tensor::from_slice(&[1.0, 0.0, 0.0, 2.0], [2, 2]).unwrap());
    let list = vec![0, 1];
    let inputs = Tensor::<f64>::ones([2, 1]);
    let mut batches = Batches::new(&inputs, &list, 2).unwrap();
    let batch = batches.epoch().next().unwrap();
    macro_rules! each {
        ($($labels:expr),+) => {$(
            let plain = x.cross_entropy($labels).item();
            assert_eq!(x.cross_entropy_with($labels, CrossEntropyOptions::new()).item(), plain);
            let likelihood = x.log_softmax(1).nll_loss($labels, None, Reduction::Mean).item();
            assert!((likelihood - plain).abs() < 1e-12);
            assert_eq!(accuracy(&x.value(), $labels), 1.0);
            assert!(Batches::new(&inputs, $labels, 1).is_ok());
        )+};
    }
    each!(
        [0, 1],
        &[0, 1],
        &list[..],
        &list,
        list.clone(),
        &batch.targets,
        batch.targets.clone(),
        &batch.targets[..]
    );
}

/// The builder reports every layer at fault, and checks the layers after one against its output for
/// a valid input.
#[test]
fn the_builder_reports_every_fault_with_its_position() {
    let nan = Init::Normal { mean: 0.0, std: f64::NAN };
    let builder: SequentialBuilder = Sequential::builder()
        .input([4])
        .linear(5, 6, Activation::Tanh)
        .layer_norm([7])
        .dropout(-1.0)
        .linear(6, 3, Activation::Identity)
        .with(Linear::config(3, 3).init(nan))
        .linear(2, 1, Activation::Identity)
        .with(Embedding::config(3, 2).padding(3));
    let error = builder.build(&mut rng()).unwrap_err();
    let faults: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
    let begins = [
        "layer 0 takes 5 features, but the layers before it give 4",
        "layer 1 takes [.., 7], but the layers before it give [.., 6]",
        "layer 2: dropout: ",
        "layer 5 takes 2 features, but the layers before it give 3",
    ];
    assert_eq!(
        faults[..3].iter().zip(begins).filter(|(f, b)| f.starts_with(b)).count(),
        3,
        "{error}"
    );
    assert_eq!(error.faults().iter().map(|f| f.layer).collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6]);
    assert!(faults[4].starts_with(begins[3]), "{error}");
    assert!(matches!(error.faults()[3].error, LayerError::Init(_)), "{error}");
    assert!(faults[5].contains("padding"), "{error}");
    assert_eq!(error.to_string(), faults.join("; "));
}

/// A config builds the same layer as its constructor, to the bit.
#[test]
fn configs_make_the_layers_of_the_constructors() {
    let options = Conv2dOptions::new().padding(1).activation(Activation::Relu);
    let init = Init::lecun_uniform();
    let by_config: Sequential<f64> = Sequential::builder()
        .with(Conv2d::config(2, 3, 3).options(options).init(init.clone()))
        .with(BatchNorm2d::config(3).momentum(0.5).eps(0.25))
        .with(ConvTranspose2d::config(3, 2, 2).init(init.clone()).without_bias())
        .with(GroupNorm::config(2, 2).eps(0.5))
        .flatten()
        .with(LayerNorm::config([50]).eps(0.125))
        .with(RmsNorm::config([50]).eps(0.75))
        .with(Linear::config(50, 2).activation(Activation::Tanh).init(init.clone()))
        .build(&mut rng())
        .unwrap();
    let mut rng = rng();
    let mut by_hand = Sequential::empty();
    by_hand.push(Conv2d::<f64>::new(2, 3, 3, options, &init, &mut rng).unwrap());
    by_hand.push(BatchNorm2d::new(3).momentum(0.5).eps(0.25));
    let plain = Conv2dOptions::new();
    let transposed = ConvTranspose2d::new(3, 2, 2, plain, &init, &mut rng).unwrap();
    by_hand.push(transposed.without_bias());
    by_hand.push(GroupNorm::new(2, 2).eps(0.5));
    by_hand.push(wengert_nn::Flatten);
    by_hand.push(LayerNorm::new([50]).eps(0.125));
    by_hand.push(RmsNorm::new([50]).eps(0.75));
    by_hand.push(Linear::new(50, 2, Activation::Tanh, &init, &mut rng).unwrap());
    let x = Tensor::uniform([3, 2, 4, 4], -1.0, 1.0, &mut rng);
    assert_eq!(value(&by_config, &x), value(&by_hand, &x));
    let names = |model: &Sequential<f64>| -> Vec<String> {
        model.parameters().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&by_config), names(&by_hand));
    let running = |model: &Sequential<f64>| -> Vec<Tensor<f64>> {
        model.buffers().into_iter().map(|(_, buffer)| buffer.value()).collect()
    };
    assert_eq!(running(&by_config), running(&by_hand));
}

/// Predictions equal forward passes, by shared reference and on several threads.
#[test]
fn predictions_are_forward_passes() {
    let mut model: Sequential = Sequential::builder()
        .linear(3, 4, Activation::Gelu)
        .dropout(0.5)
        .batch_norm1d(4)
        .build(&mut rng())
        .unwrap();
    model.eval();
    let model = &model;
    let x = Tensor::uniform([5, 3], -1.0, 1.0, &mut rng());
    let expected = value(model, &x);
    std::thread::scope(|scope| {
        for handle in [(); 3].map(|()| scope.spawn(|| model.predict(&x))) {
            assert_eq!(handle.join().unwrap(), expected);
        }
    });
    assert!(model.try_predict(&Tensor::ones([5, 4])).is_err());
}
