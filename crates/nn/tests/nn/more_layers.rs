//! Dense layers, gates, branches, bags, further dropouts and normalizations: shapes, modes, and
//! what they refuse. Their values are checked in `torch_layers`.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Element, Index, Tape, Tensor, checkpoint, gradgradcheck, ops};
use wengert_nn::{
    AlphaDropout, BagMode, Bilinear, ChannelDropout, Embedding, EmbeddingBag, GatedLinear, Glu,
    Highway, Init, InstanceNorm, Lambda, Layer, LayerConfig, Linear, Maxout, Module, PRelu,
    Parallel, Residual, SampleShape, Sequential, SpectralNorm, StochasticDepth, Unflatten,
    WeightNorm, check_module,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(6)
}

fn random(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::uniform(shape.to_vec(), -1.0, 1.0, &mut Pcg64::seed_from_u64(seed))
}

fn stack<E: Element>() -> Sequential<E> {
    let branch = |outputs| Sequential::builder().linear(6, outputs, Activation::Tanh);
    Sequential::builder()
        .input([4])
        .with(GatedLinear::swiglu(4, 12))
        .with(Glu::default())
        .with(Highway::config(6))
        .with(Parallel::concat(-1).branch(branch(2)).branch(branch(4)))
        .with(Maxout::config(6, 6, 2))
        .with(Residual::config(WeightNorm::config(Linear::config(6, 6))))
        .with(SpectralNorm::config(Linear::config(6, 6)))
        .with(Unflatten::new([3, 2]))
        .with(PRelu::config().channels(3))
        .with(ChannelDropout::config(0.5))
        .with(AlphaDropout::config(0.1))
        .with(StochasticDepth::config(0.2))
        .with(InstanceNorm::config(3).affine())
        .layer(Lambda::new("last", |x| ops::select(x, 2, -1)))
        .build(&mut rng())
        .unwrap()
}

fn shapes<E: Element>() {
    let mut model = stack::<E>();
    check_module(&mut model).unwrap();
    let names: Vec<String> = model.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(model.clone().parameters().len(), names.len());
    for name in
        ["0.weight", "2.gate.bias", "3.1.0.weight", "5.inner.weight_g", "8.weight", "12.bias"]
    {
        assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
    }
    let buffers: Vec<String> = model.buffers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(buffers, ["6.u", "6.v"]);
    for batch in [0, 1, 5] {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::<E>::full([batch, 4], E::ONE));
        let y = model.forward(x);
        assert_eq!(y.shape(), [batch, 3]);
        assert_eq!(y.sum().backward().get(x).unwrap().shape(), &x.shape());
    }
    model.eval();
    let x = Tensor::full([5, 4], E::ONE);
    assert_eq!(model.predict(&x), model.predict(&x), "inference draws nothing");
}

#[test]
fn batches_of_any_size_in_both_element_types() {
    shapes::<f32>();
    shapes::<f64>();
}

#[test]
fn derivatives_of_inputs_to_second_order() {
    let mut model = stack::<f64>();
    model.eval();
    gradgradcheck(|[x]| model.forward(x), [&random(&[2, 4], 3)]).unwrap();
    let bilinear = Bilinear::config(3, 2, 4).build::<f64>(&mut rng()).unwrap();
    let inputs = [random(&[2, 3], 1), random(&[2, 2], 2)];
    gradgradcheck(|[a, b]| bilinear.forward(a, b).tanh(), [&inputs[0], &inputs[1]]).unwrap();
    let bag = EmbeddingBag::config(4, 2).mode(BagMode::Sum).build::<f64>(&mut rng()).unwrap();
    let index = Index::from_slice(&[0, 3, 3, 1], [2, 2]).unwrap();
    let weights = random(&[2, 2], 5);
    gradgradcheck(|[w]| bag.lookup_weighted(&index, w).unwrap().square().sum(), [&weights])
        .unwrap();
    let noisy = ChannelDropout::new(0.4, &mut rng()).unwrap();
    let tape = Tape::new();
    let x = tape.variable(&random(&[3, 4, 2], 4));
    let y = noisy.forward(x);
    let gradient = (y * y).sum().backward().get(x).unwrap().clone();
    // y = m x with a factor m that is 0 or 1 / (1 - p): the gradient of the squares is 2 m y.
    let factor = 1.0 / 0.6;
    for (gradient, y) in gradient.to_vec().into_iter().zip(y.value().to_vec()) {
        assert!((gradient - 2.0 * factor * y).abs() < 1e-12);
    }
}

#[test]
fn bags_take_offsets_and_refuse_wrong_ones() {
    let bag = EmbeddingBag::config(5, 2).padding(4).build::<f32>(&mut rng()).unwrap();
    let tape = Tape::new();
    assert_eq!(bag.lookup_offsets(&tape, &[], &[]).unwrap().shape(), [0, 2]);
    let empty = bag.lookup_offsets(&tape, &[], &[0, 0]).unwrap();
    assert_eq!(empty.value().to_vec(), [0.0; 4]);
    let padded = bag.lookup_offsets(&tape, &[4, 1, 4], &[0, 1]).unwrap().value();
    assert_eq!(padded.select(0, 0).to_vec(), [0.0; 2]);
    assert_eq!(padded.select(0, 1), bag.weight().value().select(0, 1));
    for wrong in [&[1, 2][..], &[0, 2, 1], &[0, 4], &[]] {
        let error = bag.lookup_offsets(&tape, &[0, 1, 2], wrong).unwrap_err().to_string();
        assert!(error.starts_with("embedding_bag: offsets must begin at 0, "), "{error}");
    }
    assert!(bag.lookup_offsets(&tape, &[5], &[0]).is_err(), "there is no row 5");
    assert!(bag.lookup(&tape, &Index::from([1, 2])).is_err(), "bags have an axis of their own");
    let weights = tape.constant(&Tensor::ones([1, 2]));
    let index = Index::from_slice(&[1, 2], [1, 2]).unwrap();
    let error = bag.lookup_weighted(&index, weights).unwrap_err().to_string();
    assert_eq!(error, "embedding_bag: weights require the mode Sum, but the mode is Mean");
}

#[test]
fn a_tied_table_has_one_gradient() {
    let table = Embedding::config(6, 3).build::<f64>(&mut rng()).unwrap();
    let tape = Tape::new();
    let x = table.lookup(&tape, &Index::from([1, 4])).unwrap();
    let loss = table.scores(x).unwrap().cross_entropy(&[4, 1][..]);
    let gradient = loss.backward().parameter(table.weight()).unwrap().clone();
    assert!(gradient.to_vec().iter().all(|&g| g != 0.0), "each row is scored");
    assert!(table.scores(tape.constant(&Tensor::ones([2, 4]))).is_err());
}

/// The shares of what is dropped, the sizes of the rest, and that all of it ends with training.
#[test]
fn what_is_dropped_is_dropped_as_a_whole() {
    let x = Tensor::<f64>::ones([100, 40, 3]);
    let mut channels = ChannelDropout::new(0.25, &mut rng()).unwrap();
    let y = channels.predict(&x).to_vec();
    let dropped = y.chunks(3).filter(|channel| **channel == [0.0; 3]).count();
    assert!((900..1100).contains(&dropped), "{dropped} of 4000 channels");
    let rest = y.chunks(3).filter(|channel| channel.iter().all(|y| (y - 4.0 / 3.0).abs() < 1e-12));
    assert_eq!(rest.count() + dropped, 4000);
    assert_ne!(channels.predict(&x), channels.predict(&x), "each pass drops others");
    Module::<f64>::eval(&mut channels);
    assert_eq!(channels.predict(&x), x);

    let samples = StochasticDepth::new(0.5, &mut rng()).unwrap();
    let y = samples.predict(&x).to_vec();
    let dropped = y.chunks(120).filter(|sample| sample.iter().all(|&y| y == 0.0)).count();
    let kept = y.chunks(120).filter(|sample| sample.iter().all(|&y| y == 2.0)).count();
    assert!(dropped + kept == 100 && (30..70).contains(&dropped), "{dropped} {kept}");
    let batch = samples.whole_batch();
    let passes: Vec<f64> = (0..64).map(|_| batch.predict(&x).mean().item()).collect();
    assert!(passes.contains(&0.0) && passes.contains(&2.0));
    assert!(passes.iter().all(|&mean| mean == 0.0 || mean == 2.0));

    let alpha = AlphaDropout::new(0.3, &mut rng()).unwrap();
    let normal = Tensor::<f64>::randn([40_000], &mut rng());
    let y = alpha.predict(&normal);
    assert!(y.mean().item().abs() < 0.02, "{}", y.mean().item());
    assert!((y.var(0).item() - 1.0).abs() < 0.03, "{}", y.var(0).item());
    // The formula, on what is dropped: a (alpha - alpha p), with a^2 = 1 / ((1 - p) (1 + p
    // alpha^2)).
    let limit = -1.758_099_340_847_376_6_f64;
    let low = limit * 0.7 / (0.7 * (1.0 + 0.3 * limit * limit)).sqrt();
    let dropped = y.to_vec().iter().filter(|&&y| (y - low).abs() < 1e-12).count();
    assert!((11_500..12_500).contains(&dropped), "{dropped}");
    let all = AlphaDropout::new(1.0, &mut rng()).unwrap();
    assert_eq!(all.predict(&Tensor::<f64>::ones([3])).to_vec(), [0.0; 3]);
    // What is dropped is gone, whatever it was.
    let all = ChannelDropout::new(1.0, &mut rng()).unwrap();
    let wild = Tensor::from_slice(&[f64::INFINITY, f64::NAN], [1, 2]).unwrap();
    assert_eq!(all.predict(&wild).to_vec(), [0.0; 2]);
}

#[test]
fn a_checkpoint_draws_the_same_mask_again() {
    fn compare<L: Layer<f64> + Clone>(layer: &L) {
        let (one, two) = (layer.clone(), layer.clone());
        let tape = Tape::new();
        let [x, again] = [0, 1].map(|_| tape.variable(&random(&[8, 6, 2], 1)));
        let plain = one.forward(x).tanh().square().sum();
        let within = checkpoint(|[x]| two.forward(x).tanh().square().sum(), [again]);
        assert_eq!(plain.item(), within.item());
        let gradient = plain.backward().get(x).unwrap().clone();
        assert_eq!(&gradient, within.backward().get(again).unwrap());
        assert!(gradient.to_vec().contains(&0.0) && gradient.to_vec().iter().any(|&g| g != 0.0));
    }
    compare(&ChannelDropout::new(0.5, &mut rng()).unwrap());
    compare(&AlphaDropout::new(0.5, &mut rng()).unwrap());
    compare(&StochasticDepth::new(0.5, &mut rng()).unwrap());
}

/// The estimate approaches the largest singular value as training passes, and inference changes
/// nothing.
#[test]
fn spectral_norm_approaches_the_largest_singular_value() {
    let diagonal =
        Tensor::from_fn([3, 3], |i| if i[0] == i[1] { [5.0, 4.0, 1.0][i[0]] } else { 0.0 });
    let mut inner = Linear::config(3, 3).without_bias().build::<f64>(&mut rng()).unwrap();
    *inner.weight_mut().value_mut() = diagonal;
    let mut layer = SpectralNorm::<_, f64>::new(inner, &mut rng()).unwrap().steps(3);
    let x = Tensor::from_slice(&[1.0, 1.0, 1.0], [1, 3]).unwrap();
    for _ in 0..20 {
        layer.predict(&x);
    }
    layer.eval();
    let before = layer.vectors().0.value();
    for (y, want) in layer.predict(&x).to_vec().into_iter().zip([1.0, 0.8, 0.2]) {
        assert!((y - want).abs() < 1e-8, "{y} {want}");
    }
    assert_eq!(layer.vectors().0.value(), before);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let tape = Tape::new();
    let x = |shape: &[usize]| tape.constant(&Tensor::<f32>::zeros(shape.to_vec()));
    let linear = || Linear::config(3, 2).init(Init::Zeros);
    let bilinear = Bilinear::config(3, 2, 4).build::<f32>(&mut rng()).unwrap();
    let fewer = Residual::new(linear().build::<f32>(&mut rng()).unwrap());
    let branches = |outputs| Sequential::<f32>::builder().linear(3, outputs, Activation::Identity);
    let unequal =
        Parallel::sum().branch(branches(2)).branch(branches(1)).build(&mut rng()).unwrap();
    let channels = PRelu::<f32>::try_new(3, 0.25).unwrap();
    let noise = ChannelDropout::new(0.5, &mut rng()).unwrap();
    let instance = InstanceNorm::config(3).build::<f32>().unwrap();
    let cases = [
        (
            bilinear.try_forward(x(&[2, 3]), x(&[2, 3])),
            "bilinear: expected x1 [.., 3] and x2 [.., 2]",
        ),
        (
            bilinear.try_forward(x(&[2, 3]), x(&[4, 2])),
            "bilinear: expected x1 [.., 3] and x2 [.., 2]",
        ),
        (fewer.try_forward(x(&[2, 3])), "residual: expected an inner layer whose output has"),
        (
            unequal.try_forward(x(&[2, 3])),
            "parallel: expected branches whose outputs have one shape",
        ),
        (channels.try_forward(x(&[2, 4])), "prelu: expected x [batch, 3, ..], got [2, 4]"),
        (
            Glu::default().try_forward(x(&[2, 3])),
            "glu: expected an even size of axis -1, got [2, 3]",
        ),
        (Glu::new(3).try_forward(x(&[2, 4])), "glu: axis 3 does not exist"),
        (noise.try_forward(x(&[2])), "channel_dropout: expected x [batch, channels, ..], got [2]"),
        (instance.try_forward(x(&[2, 3])), "instance_norm: expected x [batch, 3, positions, ..]"),
        (Unflatten::new([2, 2]).try_forward(x(&[2, 3])), "unflatten: expected x [batch, features]"),
    ];
    for (result, begins) in cases {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with(begins), "{error}");
    }
    for p in [-0.1, 1.5, f64::NAN] {
        assert!(ChannelDropout::new(p, &mut rng()).is_err(), "{p}");
        assert!(AlphaDropout::new(p, &mut rng()).is_err(), "{p}");
        let error = StochasticDepth::new(p, &mut rng()).unwrap_err().to_string();
        assert!(error.starts_with("stochastic_depth: the probability to drop must be in 0..=1"));
    }
    assert!(PRelu::<f32>::try_new(0, 0.25).is_err());
    assert!(Bilinear::config(0, 2, 3).build::<f32>(&mut rng()).is_err());
    assert!(Maxout::config(3, 2, 0).build::<f32>(&mut rng()).is_err());
    assert!(InstanceNorm::config(0).build::<f32>().is_err());
    assert!(GatedLinear::glu(3, usize::MAX).build::<f32>(&mut rng()).is_err());
    assert!(Parallel::sum::<f32>().build(&mut rng()).is_err());

    let build = |builder: wengert_nn::SequentialBuilder<f32>| {
        builder.build(&mut rng()).unwrap_err().to_string()
    };
    let start = |sizes: &[usize]| Sequential::builder().input(sizes.to_vec());
    assert_eq!(
        build(start(&[3]).with(Residual::config(linear()))),
        "layer 0 takes the shape its inner layer gives, [2], but the layers before it give [3]"
    );
    assert!(build(start(&[3]).with(Glu::default())).contains("an even number"));
    assert!(build(start(&[3]).with(Unflatten::new([2, 2]))).contains("takes [4]"));
    assert!(build(start(&[3, 2]).with(PRelu::config().channels(2))).contains("takes [2, ..]"));
    assert!(build(start(&[2]).with(WeightNorm::config(linear()))).contains("takes 3 features"));
    let branch = Parallel::sum().branch(branches(2).linear(3, 1, Activation::Tanh));
    assert!(build(start(&[3]).with(branch)).contains("branch 0: layer 1 takes 3 features"));
    let shape = LayerConfig::<f32>::output_shape(&Glu::new(1), &SampleShape::default()).unwrap();
    assert_eq!(shape.to_string(), "[..]");
}
