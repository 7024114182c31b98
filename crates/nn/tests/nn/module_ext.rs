//! Parameters by pattern, conversion between element types, and the summary of a model.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::ops::Conv2dOptions;
use wengert_autodiff::{Activation, Element, Tape, Tensor};
use wengert_nn::{
    ConvTranspose1d, ConvertError, Layer, Linear, Lstm, Module, ModuleExt, MultiHeadAttention,
    Optimizer, Sequential, Sgd,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(9)
}

fn network<E: Element>(outputs: usize) -> Sequential<E> {
    Sequential::builder()
        .input([3, 8, 8])
        .conv2d(3, 4, 3, Conv2dOptions::new().activation(Activation::Relu))
        .batch_norm2d(4)
        .flatten()
        .linear(144, outputs, Activation::Identity)
        .build(&mut rng())
        .unwrap()
}

#[test]
fn parameters_are_frozen_by_pattern() {
    let mut model = network::<f32>(2);
    assert_eq!(model.freeze_matching("*.bias"), 3);
    assert_eq!(model.unfreeze_matching("3.*"), 2);
    assert_eq!(model.freeze_matching("4.*"), 0);
    let frozen = model.parameters().into_iter().filter(|(_, p)| p.is_frozen());
    assert!(frozen.map(|(name, _)| name).eq(["0.bias", "1.bias"]));
    let before: Vec<_> = model.parameters().iter().map(|(_, p)| p.value().clone()).collect();
    let tape = Tape::new();
    let x = tape.constant(&Tensor::uniform([4, 3, 8, 8], -1.0, 1.0, &mut rng()));
    let loss = model.forward(x).square().mean();
    Sgd::new(0.1).step(&mut model, &loss.backward());
    for ((name, after), before) in model.parameters().into_iter().zip(before) {
        assert_eq!(*after.value() == before, after.is_frozen(), "{name}");
    }
    let mut seen = Vec::new();
    model.apply(|path, parameter| seen.push((path.to_owned(), parameter.value().len())));
    assert_eq!(seen[0], ("0.weight".to_owned(), 108));
}

#[test]
fn a_model_of_one_element_type_becomes_one_of_the_other() {
    let single = network::<f32>(2);
    // So that the running statistics are not those of a new model.
    single.predict(&Tensor::uniform([4, 3, 8, 8], -1.0, 1.0, &mut rng()));
    let mut double = network::<f64>(2);
    double.apply(|_, parameter| *parameter.value_mut() = Tensor::zeros(parameter.value().shape()));
    double.convert_from(&single).unwrap();
    let mut back = network::<f32>(2);
    back.apply(|_, parameter| *parameter.value_mut() = Tensor::zeros(parameter.value().shape()));
    back.convert_from(&double).unwrap();
    for ((name, a), (_, b)) in single.parameters().into_iter().zip(back.parameters()) {
        assert_eq!(a.value(), b.value(), "{name}");
    }
    for ((name, a), (_, b)) in single.buffers().into_iter().zip(back.buffers()) {
        assert_eq!(a.value(), b.value(), "{name}");
    }

    let error = double.convert_from(&network::<f32>(3)).unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "\"3.weight\" has shape [2, 144], but the values given have shape [3, 144]");
    let other: Sequential = Sequential::builder().batch_norm1d(3).build(&mut rng()).unwrap();
    let missing = double.convert_from(&other).unwrap_err();
    assert!(
        matches!(&missing, ConvertError::Shape { name, .. } if name == "0.weight"),
        "{missing}"
    );
    let empty = double.convert_from(&Sequential::<f32>::empty()).unwrap_err();
    let expected = ConvertError::Missing { name: "0.weight".to_owned(), of: "the first" };
    assert_eq!(empty, expected);
    let error = Sequential::<f64>::empty().convert_from(&other).unwrap_err();
    assert!(matches!(&error, ConvertError::Missing { of: "the second", .. }), "{error}");
}

#[test]
fn a_summary_counts_parameters_products_and_bytes() {
    let mut model = network::<f64>(10);
    model.freeze_matching("3.*");
    let summary = model.summary([2, 3, 8, 8]).unwrap();
    let rows: Vec<(&str, String, usize, usize)> = summary
        .layers
        .iter()
        .map(|l| (&l.path[..], l.output.to_string(), l.parameters, l.multiply_adds))
        .collect();
    let expected = [
        ("0", "[2, 4, 6, 6]", 112, 2 * 36 * 108),
        ("1", "[2, 4, 6, 6]", 8, 0),
        ("2", "[2, 144]", 0, 0),
        ("3", "[2, 10]", 1450, 2 * 1440),
    ]
    .map(|(path, output, parameters, products)| (path, output.to_owned(), parameters, products));
    assert_eq!(rows, expected);
    assert_eq!((summary.parameters, summary.learned), (1570, 120));
    assert_eq!(summary.multiply_adds, 7776 + 2880);
    assert_eq!(summary.parameter_bytes, 1570 * 8);
    assert_eq!(summary.output_bytes, (288 + 288 + 288 + 20) * 8);
    let text = summary.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "layer  output        parameters  multiply-adds");
    assert_eq!(lines[1], "0      [2, 4, 6, 6]         112          7 776");
    assert_eq!(lines[5], "1 570 parameters (120 learned), 10 656 multiply-adds");
    assert_eq!(lines[6], "0.01 MiB of parameters, 0.01 MiB of outputs");

    // A layer of several weights that is made of no others, and one whose weight moves over its
    // input.
    let attention = MultiHeadAttention::config(8, 2).build::<f32>(&mut rng()).unwrap();
    assert_eq!(attention.summary([3, 5, 8]).unwrap().multiply_adds, 15 * (24 * 8 + 8 * 8));
    let lstm = Lstm::config(3, 4).build::<f32>(&mut rng()).unwrap();
    assert_eq!(lstm.summary([2, 7, 3]).unwrap().multiply_adds, 14 * 16 * (3 + 4));
    let transposed = ConvTranspose1d::config(2, 3, 4).build::<f32>(&mut rng()).unwrap();
    assert_eq!(transposed.summary([5, 2, 6]).unwrap().multiply_adds, 5 * 6 * 2 * 3 * 4);
    let linear = Linear::config(3, 4).build::<f32>(&mut rng()).unwrap();
    assert!(linear.summary([2, 5]).is_err());
    assert_eq!(linear.summary([0, 3]).unwrap().multiply_adds, 0);
}

/// Prediction needs no tape and no lock of the caller's: one model for several threads.
#[test]
fn one_model_predicts_on_several_threads() {
    let mut model = Lstm::config(3, 4).layers(2).dropout(0.5).build::<f32>(&mut rng()).unwrap();
    model.eval();
    let x = Tensor::<f32>::uniform([2, 5, 3], -1.0, 1.0, &mut rng());
    let expected = model.predict(&x);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| model.predict(&x))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

#[test]
fn inspections_leave_running_statistics_and_random_streams() {
    let model: Sequential = Sequential::builder()
        .linear(3, 4, Activation::Identity)
        .batch_norm1d(4)
        .dropout(0.5)
        .linear(4, 2, Activation::Tanh)
        .build(&mut rng())
        .unwrap();
    let state = || {
        let buffers = model.buffers().into_iter().map(|(_, buffer)| buffer.value());
        let streams = model.random_streams().into_iter().map(|(_, stream)| stream.position());
        (buffers.collect::<Vec<_>>(), streams.collect::<Vec<_>>())
    };
    let before = state();
    model.summary([5, 3]).unwrap();
    let (batch, cotangent) = (Tensor::ones([5, 3]), Tensor::ones([5, 2]));
    wengert_nn::init::measure(&model, &batch, &cotangent).unwrap();
    assert_eq!(state(), before);
    // A forward pass in training mode is one of training.
    model.predict(&batch);
    assert_ne!(state(), before);
}

#[test]
fn an_error_names_the_layer() {
    let inner =
        Sequential::<f32>::builder().linear(3, 4, Activation::Tanh).linear(5, 2, Activation::Tanh);
    let mut part: Sequential = Sequential::empty();
    part.push(Linear::config(3, 4).build(&mut rng()).unwrap());
    part.push(Linear::config(5, 2).build(&mut rng()).unwrap());
    assert!(inner.build(&mut rng()).is_err());
    let mut model: Sequential = Sequential::empty();
    model.push(part);
    let expected = "layer 0.1: linear: expected x [.., 5] for a weight [out, in] of [2, 5], got \
                    [7, 4], [2, 5] and [2]";
    let error = model.try_predict(&Tensor::ones([7, 3])).unwrap_err();
    assert_eq!(error.to_string(), expected);
    let error = model.summary([7, 3]).unwrap_err();
    assert_eq!(error.to_string(), expected);
}
