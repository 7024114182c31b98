//! Recurrent networks: shapes, states, masks, dropout between layers, and what they refuse.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Element, Mask, Tape, Tensor, gradgradcheck};
use wengert_nn::{
    Adam, Gru, GruCell, Init, Layer, LayerError, Linear, Lstm, LstmCell, Module, Optimizer, Rnn,
    RnnCell, Sequential, check_module,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(8)
}

fn shapes<E: Element>() {
    let lstm = Lstm::config(3, 4).layers(2).bidirectional().build::<E>(&mut rng()).unwrap();
    let gru = Gru::config(3, 4).build::<E>(&mut rng()).unwrap();
    for (batch, time) in [(0, 5), (1, 5), (2, 1), (3, 0)] {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::<E>::full([batch, time, 3], E::ONE));
        let (y, (h, c)) = lstm.run(x, None, None).unwrap();
        assert_eq!(y.shape(), [batch, time, 8]);
        assert_eq!((h.shape(), c.shape()), ([4, batch, 4].into(), [4, batch, 4].into()));
        let (y, h) = gru.run(x, None, None).unwrap();
        assert_eq!((y.shape(), h.shape()), ([batch, time, 4].into(), [1, batch, 4].into()));
        if time > 0 {
            let gradients = (y.sum() + h.sum()).backward();
            assert_eq!(gradients.get(x).unwrap().shape(), &x.shape());
        }
    }
    let cell = RnnCell::config(3, 4).build::<E>(&mut rng()).unwrap();
    let tape = Tape::new();
    let x = tape.constant(&Tensor::<E>::full([0, 3], E::ONE));
    assert_eq!(cell.step(x, None).unwrap().shape(), [0, 4]);
}

#[test]
fn batches_of_any_size_in_both_element_types() {
    shapes::<f32>();
    shapes::<f64>();
}

#[test]
fn the_type_of_elements_changes_the_rounding_alone() {
    let single = Gru::config(3, 4).bidirectional().build::<f32>(&mut rng()).unwrap();
    let double = Gru::config(3, 4).bidirectional().build::<f64>(&mut rng()).unwrap();
    let x = Tensor::<f64>::uniform([2, 6, 3], -1.0, 1.0, &mut rng());
    let rounded = Tensor::from_fn([2, 6, 3], |i| x.get(i).unwrap() as f32);
    let pairs = single.predict(&rounded).to_vec().into_iter().zip(double.predict(&x).to_vec());
    for (single, double) in pairs {
        assert!((f64::from(single) - double).abs() < 1e-6, "{single} {double}");
    }
}

#[test]
fn derivatives_of_inputs_and_states_to_second_order() {
    let random = |shape: &[usize], seed| {
        Tensor::<f64>::uniform(shape.to_vec(), -1.0, 1.0, &mut Pcg64::seed_from_u64(seed))
    };
    let [x, h, c] = [(&[2, 3, 2][..], 1), (&[4, 2, 2], 2), (&[4, 2, 2], 3)]
        .map(|(shape, seed)| random(shape, seed));
    let mask = Mask::from_fn([2, 3], |i| i[1] < [3, 1][i[0]]);
    let lstm = Lstm::config(2, 2).layers(2).bidirectional().build::<f64>(&mut rng()).unwrap();
    let of_lstm = gradgradcheck(
        |[x, h, c]| {
            let (y, (h, c)) = lstm.run(x, Some((h, c)), Some(&mask)).unwrap();
            y.square().sum() + (h * c).sum()
        },
        [&x, &h, &c],
    );
    of_lstm.unwrap();
    let h = h.slice(0, ..2);
    let gru = Gru::config(2, 2).bidirectional().build::<f64>(&mut rng()).unwrap();
    let of_gru = gradgradcheck(|[x, h]| gru.run(x, Some(h), Some(&mask)).unwrap().0, [&x, &h]);
    of_gru.unwrap();
    let rnn = Rnn::config(2, 2).bidirectional().build::<f64>(&mut rng()).unwrap();
    gradgradcheck(|[x, h]| rnn.run(x, Some(h), None).unwrap().1, [&x, &h]).unwrap();
}

/// Two runs, the second from the state of the first, are one.
#[test]
fn a_state_carries_a_sequence_on() {
    let lstm = Lstm::config(2, 3).layers(2).build::<f64>(&mut rng()).unwrap();
    let x = Tensor::<f64>::uniform([2, 7, 2], -1.0, 1.0, &mut rng());
    let tape = Tape::new();
    let all = lstm.run(tape.constant(&x), None, None).unwrap();
    let (first, state) = lstm.run(tape.constant(&x.slice(1, ..4)), None, None).unwrap();
    let (second, state) = lstm.run(tape.constant(&x.slice(1, 4..)), Some(state), None).unwrap();
    let joined = Tensor::concat(&[&first.value(), &second.value()], 1);
    let near = |a: &Tensor<f64>, b: &Tensor<f64>| {
        a.to_vec().iter().zip(b.to_vec()).all(|(a, b)| (a - b).abs() < 1e-14)
    };
    assert!(near(&joined, &all.0.value()));
    assert!(near(&state.0.value(), &all.1.0.value()) && near(&state.1.value(), &all.1.1.value()));
    // The cell, applied by hand, gives the same as a network of one layer.
    let network = Gru::config(2, 3).build::<f64>(&mut rng()).unwrap();
    let cell = GruCell::config(2, 3).build::<f64>(&mut rng()).unwrap();
    let mut h = None;
    for t in 0..7 {
        h = Some(cell.step(tape.constant(&x.select(1, t)), h).unwrap());
    }
    let last = network.run(tape.constant(&x), None, None).unwrap().1;
    assert!(near(&h.unwrap().value(), &last.value()));
}

/// What pads a sequence changes nothing, whatever it is.
#[test]
fn padding_is_left_out() {
    let lstm = Lstm::config(2, 3).layers(2).bidirectional().build::<f64>(&mut rng()).unwrap();
    let x = Tensor::<f64>::uniform([1, 5, 2], -1.0, 1.0, &mut rng());
    let wild = Tensor::from_fn([1, 5, 2], |i| if i[1] < 3 { x.get(i).unwrap() } else { f64::NAN });
    let mask = Mask::from_fn([1, 5], |i| i[1] < 3);
    let tape = Tape::new();
    let (padded, short) = (tape.variable(&wild), tape.variable(&x.slice(1, ..3)));
    let (y, (h, c)) = lstm.run(padded, None, Some(&mask)).unwrap();
    let (y_short, (h_short, c_short)) = lstm.run(short, None, None).unwrap();
    assert_eq!(y.value().slice(1, ..3), y_short.value());
    assert_eq!(y.value().slice(1, 3..).to_vec(), [0.0; 12]);
    assert_eq!((h.value(), c.value()), (h_short.value(), c_short.value()));
    let gradient = (y.square().sum() + (h * c).sum()).backward();
    let of_short = (y_short.square().sum() + (h_short * c_short).sum()).backward();
    let gradient = gradient.get(padded).unwrap();
    let pairs = gradient.slice(1, ..3).to_vec().into_iter();
    for (got, want) in pairs.zip(of_short.get(short).unwrap().to_vec()) {
        assert!((got - want).abs() < 1e-14, "{got} {want}");
    }
    assert_eq!(gradient.slice(1, 3..).to_vec(), [0.0; 4]);
}

#[test]
fn dropout_lies_between_layers_and_ends_with_training() {
    let build =
        |p, layers| Rnn::config(3, 8).layers(layers).dropout(p).build::<f32>(&mut rng()).unwrap();
    let x = Tensor::<f32>::uniform([2, 4, 3], -1.0, 1.0, &mut rng());
    let mut dropped = build(0.5, 2);
    assert_ne!(dropped.predict(&x), dropped.predict(&x), "each pass drops others");
    dropped.eval();
    assert_eq!(dropped.predict(&x), build(0.0, 2).predict(&x));
    dropped.train();
    assert_ne!(dropped.predict(&x), dropped.predict(&x));
    let one = build(0.5, 1);
    assert_eq!(one.predict(&x), build(0.0, 1).predict(&x), "one layer has nothing between");
}

#[test]
fn parameters_have_the_names_of_pytorch() {
    let mut gru =
        Gru::config(2, 3).layers(2).bidirectional().dropout(0.1).build(&mut rng()).unwrap();
    check_module::<f32>(&mut gru).unwrap();
    let names: Vec<_> = gru.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["weight_ih_l0", "bias_ih_l0", "weight_hh_l0"]);
    assert_eq!(names[14..], ["weight_hh_l1_reverse", "bias_hh_l1_reverse"]);
    assert_eq!(gru.parameter("weight_ih_l1").unwrap().value().shape().dims(), [9, 6]);
    assert!(gru.parameter("weight_ih_l2").is_none());
    // The bound of the draws is that of the state's size.
    let lstm = Lstm::config(2, 100).build::<f64>(&mut rng()).unwrap();
    for (name, parameter) in lstm.parameters() {
        let values = parameter.value().to_vec();
        let largest = values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        assert!(largest <= 0.1 && largest > 0.09, "{name}: {largest}");
    }
    let lstm = Lstm::config(2, 3).init(Init::orthogonal()).build::<f64>(&mut rng()).unwrap();
    assert_eq!(lstm.parameter("bias_hh_l0").unwrap().value().to_vec(), [0.0; 12]);
}

#[test]
fn a_builder_knows_their_shapes() {
    let build = |inputs| {
        Sequential::<f32>::builder()
            .input([7, 3])
            .with(Lstm::config(3, 4).bidirectional())
            .with(Linear::config(inputs, 2))
            .build(&mut rng())
    };
    assert_eq!(build(8).unwrap().predict(&Tensor::ones([2, 7, 3])).shape().dims(), [2, 7, 2]);
    let error = build(4).unwrap_err().to_string();
    assert!(
        error.starts_with("layer 1 takes 4 features, but the layers before it give 8"),
        "{error}"
    );
    let flat = Sequential::<f32>::builder().input([3]).with(Rnn::config(3, 4)).build(&mut rng());
    let error = flat.unwrap_err().to_string();
    assert_eq!(error, "layer 0 takes [time, 3], but the layers before it give [3]");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let config = || Lstm::config(3, 4);
    let refused: [(LayerError, &str); 5] = [
        (Lstm::config(3, 0).build::<f32>(&mut rng()).unwrap_err(), "lstm: the state must have"),
        (config().layers(0).build::<f32>(&mut rng()).unwrap_err(), "lstm: the number of layers"),
        (config().dropout(1.5).build::<f32>(&mut rng()).unwrap_err(), "dropout: the probability"),
        (
            config().dropout(f64::NAN).build::<f32>(&mut rng()).unwrap_err(),
            "dropout: the probability",
        ),
        (Lstm::config(3, usize::MAX / 2).build::<f32>(&mut rng()).unwrap_err(), "lstm: the state"),
    ];
    for (error, begins) in refused {
        assert!(error.to_string().starts_with(begins), "{error}");
    }
    let lstm = config().build::<f32>(&mut rng()).unwrap();
    let tape = Tape::new();
    let zeros = |shape: &[usize]| tape.constant(&Tensor::<f32>::zeros(shape.to_vec()));
    let x = zeros(&[2, 5, 3]);
    let state = |h: &[usize], c: &[usize]| Some((zeros(h), zeros(c)));
    let mask = Mask::full([5, 2], true);
    let cases = [
        (lstm.run(zeros(&[2, 3]), None, None), "x [batch, time, 3], got [2, 3]"),
        (lstm.run(zeros(&[2, 5, 4]), None, None), "x [batch, time, 3], got [2, 5, 4]"),
        (lstm.run(x, state(&[1, 2, 5], &[1, 2, 4]), None), "[1, 2, 4], got [1, 2, 5]"),
        (lstm.run(x, state(&[1, 2, 4], &[2, 4]), None), "[1, 2, 4], got [2, 4]"),
        (lstm.run(x, None, Some(&mask)), "[2, 5], got [5, 2]"),
    ];
    for (result, ends) in cases {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with("lstm: expected ") && error.ends_with(ends), "{error}");
    }
    let cell = LstmCell::config(3, 4).build::<f32>(&mut rng()).unwrap();
    let error = cell.step(x, None).unwrap_err().to_string();
    assert_eq!(error, "lstm: expected x [batch, 3], got [2, 5, 3]");
    let error = cell.step(zeros(&[2, 3]), state(&[1, 4], &[2, 4])).unwrap_err().to_string();
    assert_eq!(error, "lstm: expected a state of shape [2, 4], got [1, 4]");
}

/// The first element of a sequence, remembered over its length.
#[test]
fn an_lstm_learns_to_remember() {
    #[derive(Debug, Module)]
    struct Model {
        lstm: Lstm,
        head: Linear,
    }
    let mut model = Model {
        lstm: Lstm::config(1, 8).build(&mut rng()).unwrap(),
        head: Linear::config(8, 2).build(&mut rng()).unwrap(),
    };
    let labels: Vec<usize> = (0..16).map(|i| i % 2).collect();
    let x = Tensor::from_fn([16, 8, 1], |i| {
        if i[1] == 0 {
            [-1.0, 1.0][i[0] % 2]
        } else {
            ((i[0] * 5 + i[1] * 3) % 7) as f32 / 7.0 - 0.5
        }
    });
    let mut adam = Adam::new(0.05);
    let mut last = f32::INFINITY;
    for _ in 0..120 {
        let tape = Tape::new();
        let (_, (h, _)) = model.lstm.run(tape.constant(&x), None, None).unwrap();
        let loss = model.head.forward(h.select(0, 0)).cross_entropy(&labels[..]);
        last = loss.item();
        adam.step(&mut model, &loss.backward());
    }
    assert!(last < 0.05, "{last}");
    assert_eq!(model.head.activation(), Activation::Identity);
}
