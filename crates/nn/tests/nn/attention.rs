//! Attention, positions and transformer blocks: caches, masks, dropout, shapes, and what they
//! refuse.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Element, Mask, Tape, Tensor, checkpoint, gradgradcheck};
use wengert_nn::{
    AttentionMask, KeyValueCache, Layer, LearnedEncoding, Linear, Module, MultiHeadAttention,
    Rotary, Sequential, SinusoidalEncoding, TransformerDecoder, TransformerDecoderLayer,
    TransformerEncoder, TransformerEncoderLayer, check_module,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(4)
}

fn random(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::uniform(shape.to_vec(), -1.0, 1.0, &mut Pcg64::seed_from_u64(seed))
}

fn near(a: &Tensor<f64>, b: &Tensor<f64>) {
    assert_eq!(a.shape(), b.shape());
    for (a, b) in a.to_vec().into_iter().zip(b.to_vec()) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
}

fn shapes<E: Element>() {
    let attention = MultiHeadAttention::config(8, 4).kv_heads(2).rotary().build::<E>(&mut rng());
    let attention = attention.unwrap();
    let block = TransformerEncoderLayer::config(8, 2).feedforward(16).build::<E>(&mut rng());
    let block = block.unwrap();
    for (batch, time) in [(0, 3), (1, 1), (1, 4), (3, 2), (2, 0)] {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::<E>::full([batch, time, 8], E::ONE));
        for y in [attention.forward(x), block.forward(x)] {
            assert_eq!(y.shape(), [batch, time, 8]);
            assert_eq!(y.sum().backward().get(x).unwrap().shape(), &x.shape());
        }
    }
    let mut decoder = TransformerDecoderLayer::config(8, 2).feedforward(16).build::<E>(&mut rng());
    check_module(decoder.as_mut().unwrap()).unwrap();
}

#[test]
fn batches_of_any_size_in_both_element_types() {
    shapes::<f32>();
    shapes::<f64>();
}

#[test]
fn the_type_of_elements_changes_the_rounding_alone() {
    let config = TransformerEncoderLayer::config(8, 2).feedforward(16).dropout(0.0).causal();
    let single = config.build::<f32>(&mut rng()).unwrap();
    let double = config.build::<f64>(&mut rng()).unwrap();
    let x = random(&[2, 5, 8], 1);
    let rounded = Tensor::from_fn([2, 5, 8], |i| x.get(i).unwrap() as f32);
    let pairs = single.predict(&rounded).to_vec().into_iter().zip(double.predict(&x).to_vec());
    for (single, double) in pairs {
        assert!((f64::from(single) - double).abs() < 1e-5, "{single} {double}");
    }
}

#[test]
fn derivatives_of_inputs_to_second_order() {
    let attention = MultiHeadAttention::config(4, 2).kv_heads(1).build::<f64>(&mut rng()).unwrap();
    let mask = Mask::from_fn([2, 3], |i| i[0] + i[1] != 2);
    let mask = AttentionMask::new().mask(&mask);
    let (query, memory) = (random(&[1, 2, 4], 1), random(&[1, 3, 4], 2));
    let of_attention = gradgradcheck(
        |[query, memory]| attention.attend(query, memory, memory, &mask).unwrap(),
        [&query, &memory],
    );
    of_attention.unwrap();
    let rotary = Rotary::new(4).unwrap().base(10.0).unwrap();
    gradgradcheck(|[x]| rotary.rotate(x, 3).unwrap().square(), [&query]).unwrap();
    let learned = LearnedEncoding::config(5, 4).build::<f64>(&mut rng()).unwrap();
    gradgradcheck(|[x]| learned.encode(x, 3).unwrap().square(), [&query]).unwrap();
    let sinusoidal = SinusoidalEncoding::new(4).unwrap();
    gradgradcheck(|[x]| sinusoidal.encode(x, 3).unwrap().square(), [&query]).unwrap();
}

/// A sequence in pieces, with a cache, gives what the whole one gives under a causal mask.
#[test]
fn a_cache_gives_what_the_whole_sequence_gives() {
    let block = TransformerEncoderLayer::config(8, 4).kv_heads(2).rotary().feedforward(16);
    let mut stack = TransformerEncoder::config(block.causal(), 2).norm().build(&mut rng()).unwrap();
    stack.eval();
    let x = random(&[2, 9, 8], 1);
    let whole = stack.predict(&x);
    let mut caches = stack.caches();
    let mut pieces = Vec::new();
    for (start, end) in [(0, 4), (4, 5), (5, 6), (6, 6), (6, 9)] {
        let tape = Tape::new();
        let piece = tape.constant(&x.slice(1, start..end));
        pieces.push(stack.run_cached(piece, &mut caches).unwrap().value());
        assert_eq!(caches[1].len(), end as usize);
    }
    near(&Tensor::concat(&pieces.iter().collect::<Vec<_>>(), 1), &whole);
    // Cleared, it begins again.
    caches.iter_mut().for_each(KeyValueCache::clear);
    assert!(caches[0].is_empty());
    let tape = Tape::new();
    let again = stack.run_cached(tape.constant(&x), &mut caches).unwrap();
    near(&again.value(), &whole);

    let other = tape.constant(&random(&[3, 1, 8], 1));
    let error = stack.run_cached(other, &mut caches).unwrap_err().to_string();
    assert!(error.contains("the 2 sequences of the cache, got [3]"), "{error}");
    assert_eq!(caches[0].len(), 9, "what is refused is not seen");
    let error = stack.run_cached(other, &mut caches[..1]).unwrap_err().to_string();
    assert_eq!(error, "transformer: needs one cache for each of the 2 layers, got 1");

    let block = TransformerDecoderLayer::config(8, 2).feedforward(16).norm_first();
    let mut stack = TransformerDecoder::config(block, 2).build(&mut rng()).unwrap();
    stack.eval();
    let (tape, mut caches) = (Tape::new(), stack.caches());
    let [x, memory] = [&x, &random(&[2, 3, 8], 2)].map(|x| tape.constant(x));
    let every = AttentionMask::new();
    let whole = stack.run(x, memory, &every.clone().causal(), &every).unwrap().value();
    for t in 0..9 {
        // The tape keeps the earlier keys: the cache must not change what they were.
        let y = stack.run_cached(x.slice(1, t..t + 1), memory, &mut caches, &every).unwrap();
        near(&y.value(), &whole.slice(1, t..t + 1));
    }
}

/// Each head, and each group of heads with its key, computed by itself.
#[test]
fn a_causal_layer_sees_nothing_of_what_follows() {
    let layer = MultiHeadAttention::config(8, 2).causal().build::<f64>(&mut rng()).unwrap();
    let x = random(&[1, 6, 8], 1);
    let other =
        Tensor::from_fn([1, 6, 8], |i| x.get(i).unwrap() + if i[1] > 3 { 1.0 } else { 0.0 });
    let (a, b) = (layer.predict(&x), layer.predict(&other));
    near(&a.slice(1, ..4), &b.slice(1, ..4));
    assert_ne!(a.slice(1, 4..), b.slice(1, 4..));
}

/// A query that sees no key gives the bias of the last projection, and its derivatives are zero.
#[test]
fn a_query_that_sees_nothing_is_finite() {
    for dropout in [0.0, 0.3] {
        let layer = MultiHeadAttention::config(4, 2).dropout(dropout).build::<f64>(&mut rng());
        let layer = layer.unwrap();
        let tape = Tape::new();
        let x = tape.variable(&random(&[2, 3, 4], 1));
        let padding = Mask::from_fn([2, 3], |i| i[0] == 1);
        let y = layer.self_attend(x, &AttentionMask::new().key_padding(&padding)).unwrap();
        assert_eq!(y.value().select(0, 0).to_vec(), [0.0; 12]);
        let gradient = y.square().sum().backward().get(x).unwrap().clone();
        assert_eq!(gradient.select(0, 0).to_vec(), [0.0; 12]);
        assert!(gradient.to_vec().iter().all(|g| g.is_finite()));
        assert!(gradient.select(0, 1).to_vec().iter().any(|&g| g != 0.0));
    }
}

#[test]
fn dropout_of_weights_ends_with_training_and_is_drawn_once_in_a_checkpoint() {
    let config = |p| MultiHeadAttention::config(8, 2).dropout(p).causal();
    let plain = config(0.0).build::<f64>(&mut rng()).unwrap();
    let mut layer = config(0.5).build::<f64>(&mut rng()).unwrap();
    let x = random(&[2, 6, 8], 1);
    assert_ne!(layer.predict(&x), layer.predict(&x), "each pass drops others");
    layer.eval();
    near(&layer.predict(&x), &plain.predict(&x));
    let block = TransformerEncoderLayer::config(8, 2).feedforward(16).dropout(0.3);
    let [one, two] = [0, 1].map(|_| block.build::<f64>(&mut rng()).unwrap());
    let tape = Tape::new();
    let [x, again] = [0, 1].map(|_| tape.variable(&x));
    let loss = one.forward(x).square().sum();
    let within = checkpoint(|[x]| two.forward(x), [again]).square().sum();
    assert_eq!(loss.item(), within.item());
    let gradients = [(loss, x), (within, again)].map(|(y, x)| y.backward().get(x).unwrap().clone());
    near(&gradients[0], &gradients[1]);
}

/// The product of a rotated query and key depends on their distance alone.
#[test]
fn rotary_positions_are_relative() {
    for rotary in [Rotary::new(6).unwrap(), Rotary::new(6).unwrap().halves()] {
        let tape = Tape::new();
        let [q, k] = [1, 2].map(|seed| tape.constant(&random(&[1, 6], seed)));
        let product = |a, b| {
            let (q, k) = (rotary.rotate(q, a).unwrap(), rotary.rotate(k, b).unwrap());
            (q * k).sum().item()
        };
        assert!((product(3, 1) - product(12, 10)).abs() < 1e-12);
        assert!((product(3, 1) - product(3, 2)).abs() > 1e-3);
    }
}

#[test]
fn a_learned_position_is_read_at_its_place() {
    let layer = LearnedEncoding::config(5, 2).build::<f64>(&mut rng()).unwrap();
    let table = layer.weight().value().clone();
    let tape = Tape::new();
    let x = tape.constant(&Tensor::zeros([3, 2, 2]));
    let y = layer.encode(x, 3).unwrap();
    assert_eq!(y.value().select(0, 2), table.slice(0, 3..));
    let gradient = y.sum().backward().parameter(layer.weight()).unwrap().to_vec();
    assert_eq!(gradient, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0]);
    let error = layer.encode(x, 4).unwrap_err().to_string();
    assert!(error.contains("there are 5 positions, too few for 2 elements from position 4 on"));
    assert!(layer.encode(x, usize::MAX).is_err());
}

#[test]
fn a_builder_knows_their_shapes() {
    let build = |time: usize| {
        Sequential::<f32>::builder()
            .input([time])
            .embedding(11, 8)
            .with(LearnedEncoding::config(6, 8))
            .with(SinusoidalEncoding::config(8))
            .with(MultiHeadAttention::config(8, 2))
            .with(TransformerEncoderLayer::config(8, 2).feedforward(16))
            .with(TransformerEncoder::config(TransformerEncoderLayer::config(8, 4), 2))
            .with(Linear::config(8, 11).activation(Activation::Identity))
            .build(&mut rng())
    };
    assert_eq!(build(6).unwrap().predict(&Tensor::ones([2, 6])).shape().dims(), [2, 6, 11]);
    let error = build(7).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer 1 takes [time, 8] with at most 6 elements, but the layers before it give [7, 8]"
    );
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let refused = |config: wengert_nn::MultiHeadAttentionConfig, text: &str| {
        let error = config.build::<f32>(&mut rng()).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    let config = || MultiHeadAttention::config(8, 2);
    refused(MultiHeadAttention::config(8, 3), "must divide the number of features");
    refused(MultiHeadAttention::config(8, 0), "got 8 features and 0 heads");
    refused(MultiHeadAttention::config(0, 1), "got 0 features and 1 heads");
    refused(MultiHeadAttention::config(8, 4).kv_heads(3), "got 4 heads and 3 of keys and values");
    refused(config().kv_heads(0), "got 2 heads and 0 of keys and values");
    refused(config().dropout(1.5), "the probability to drop an element must be in 0..=1, got 1.5");
    refused(MultiHeadAttention::config(6, 2).rotary(), "must be even and positive, got 3");
    let block = TransformerEncoderLayer::config(8, 2).feedforward(0).build::<f32>(&mut rng());
    assert!(block.unwrap_err().to_string().contains("width of the linear layers must be positive"));
    assert!(Rotary::new(4).unwrap().base(f64::NAN).is_err());
    assert!(SinusoidalEncoding::new(0).is_err());

    let layer = config().build::<f32>(&mut rng()).unwrap();
    let tape = Tape::new();
    let x = |shape: &[usize]| tape.constant(&Tensor::<f32>::zeros(shape.to_vec()));
    let every = AttentionMask::new;
    let queries = x(&[3, 5, 8]);
    let full = |shape: &[usize]| Mask::full(shape.to_vec(), true);
    let cases = [
        (layer.self_attend(x(&[5, 8]), &every()), "x [batch, time, 8], got [5, 8]"),
        (layer.self_attend(x(&[3, 5, 7]), &every()), "x [batch, time, 8], got [3, 5, 7]"),
        (
            layer.attend(queries, x(&[2, 4, 8]), x(&[2, 4, 8]), &every()),
            "a value [batch, keys, 8], got [3, 5, 8], [2, 4, 8] and [2, 4, 8]",
        ),
        (
            layer.attend(queries, x(&[3, 4, 8]), x(&[3, 6, 8]), &every()),
            "got [3, 5, 8], [3, 4, 8] and [3, 6, 8]",
        ),
        (
            layer.self_attend(queries, &every().key_padding(&full(&[5, 3]))),
            "a key padding mask [batch, keys], [3, 5], got [5, 3]",
        ),
        (
            layer.self_attend(queries, &every().mask(&full(&[4, 5]))),
            "here [3, 2, 5, 5], got [4, 5]",
        ),
        (
            layer.self_attend(queries, &every().causal().mask(&full(&[2, 5, 5]))),
            "here [3, 2, 5, 5], got [2, 5, 5]",
        ),
        (layer.self_attend(queries, &every().mask(&full(&[5]))), "here [3, 2, 5, 5], got [5]"),
    ];
    for (result, ends) in cases {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with("multi_head_attention: expected "), "{error}");
        assert!(error.ends_with(ends), "{error}");
    }
    let other = config().key_features(3).build::<f32>(&mut rng()).unwrap();
    let error = other.try_forward(queries).unwrap_err().to_string();
    assert!(
        error.contains("this layer takes 8, 3 and 8; give it all three with `attend`"),
        "{error}"
    );
    let rotary = Rotary::new(4).unwrap();
    let error = rotary.rotate(x(&[2, 6]), 0).unwrap_err().to_string();
    assert_eq!(error, "rotary: expected x [.., time, 4], got [2, 6]");
    assert!(rotary.rotate(x(&[4]), 0).is_err());
    let error = SinusoidalEncoding::new(4).unwrap().try_forward(x(&[4])).unwrap_err().to_string();
    assert_eq!(error, "sinusoidal_encoding: expected x [.., time, 4], got [4]");
}
