//! Padding by rule, separable convolutions, further pools and images of another size: shapes,
//! edges, and what they refuse. Their values are checked in `torch_layers`.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Element, Gradcheck, Mode, Tape, Tensor};
use wengert_nn::{
    AdaptiveMaxPool2d, GlobalAvgPool, GlobalMaxPool, Layer, LpPool1d, LpPool2d, Module,
    PaddedConv1d, PaddedConv2d, Padding, PaddingMode, PixelShuffle, PixelUnshuffle,
    SeparableConv2d, Sequential, SequentialBuilder, Upsample1d, Upsample2d, check_module,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(2)
}

fn network<E: Element>() -> SequentialBuilder<E> {
    let reflect = PaddedConv2d::config(2, 4, [2, 3]).padding(Padding::Same);
    Sequential::builder()
        .input([2, 6, 5])
        .with(reflect.padding_mode(PaddingMode::Reflect).activation(Activation::Tanh))
        .with(SeparableConv2d::config(4, 8, 2))
        .with(PixelShuffle::new(2).unwrap())
        .with(Upsample2d::linear(2).unwrap())
        .with(PixelUnshuffle::new(2).unwrap())
        .with(LpPool2d::new(3.0, 2).unwrap().stride(1).unwrap())
        .with(AdaptiveMaxPool2d::new([3, 2]))
        .with(Upsample2d::nearest([1, 2]).unwrap())
        .with(GlobalAvgPool)
        .linear(8, 3, Activation::Identity)
}

fn shapes<E: Element>() {
    let mut model = network::<E>().build(&mut rng()).unwrap();
    check_module(&mut model).unwrap();
    let names: Vec<String> = model.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..4], ["0.weight", "0.bias", "1.depthwise.weight", "1.depthwise.bias"]);
    for batch in [0, 1, 3] {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::<E>::uniform([batch, 2, 6, 5], -1.0, 1.0, &mut rng()));
        let trace = model.trace(x).unwrap();
        let shapes: Vec<Vec<usize>> = trace.iter().map(|y| y.shape()[1..].to_vec()).collect();
        let expected: [&[usize]; 10] = [
            &[4, 6, 5],
            &[8, 5, 4],
            &[2, 10, 8],
            &[2, 20, 16],
            &[8, 10, 8],
            &[8, 9, 7],
            &[8, 3, 2],
            &[8, 3, 4],
            &[8],
            &[3],
        ];
        assert_eq!(shapes, expected);
        let loss = trace[9].sum();
        assert_eq!(loss.backward().get(x).unwrap().shape(), &x.shape());
    }
}

#[test]
fn batches_of_any_size_in_both_element_types() {
    shapes::<f32>();
    shapes::<f64>();
}

#[test]
fn derivatives_of_inputs_to_second_order() {
    let model = network::<f64>().build(&mut rng()).unwrap();
    let x = Tensor::uniform([1, 2, 6, 5], -1.0, 1.0, &mut rng());
    let check = Gradcheck::new().order(2).mode(Mode::Projection);
    check.run(|[x]| model.forward(x), [&x]).unwrap();
}

/// Norms of windows whose powers are out of range.
#[test]
fn norms_of_windows_neither_overflow_nor_underflow() {
    let pool = LpPool1d::new(4.0, 2).unwrap();
    let x = Tensor::<f32>::from([[1e30, 1e30, 1e-30, 1e-30, 0.0, 0.0]]);
    let y = pool.predict(&x).to_vec();
    let root = 2.0_f32.powf(0.25);
    for (y, want) in y.iter().zip([1e30 * root, 1e-30 * root, 0.0]) {
        assert!((y - want).abs() <= 1e-5 * want, "{y} {want}");
    }
    let tape = Tape::new();
    let x = tape.variable(&x);
    let gradient = pool.forward(x).sum().backward().get(x).unwrap().to_vec();
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
}

#[test]
fn a_shuffle_and_its_reverse_are_the_identity() {
    let x = Tensor::<f64>::uniform([2, 18, 2, 3], -1.0, 1.0, &mut rng());
    let (shuffle, back) = (PixelShuffle::new(3).unwrap(), PixelUnshuffle::new(3).unwrap());
    assert_eq!(back.predict(&shuffle.predict(&x)), x);
    let one = Upsample2d::linear(1).unwrap();
    assert_eq!(one.predict(&x), x);
    assert_eq!(one.align_corners().predict(&x), x);
    // NaN and infinity stay where they are.
    let wild = Tensor::from([[f32::NAN, 1.0, f32::INFINITY]]);
    let y = Upsample1d::nearest(2).unwrap().predict(&wild).to_vec();
    assert!(y[0].is_nan() && y[1].is_nan() && y[2..] == [1.0, 1.0, f32::INFINITY, f32::INFINITY]);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let tape = Tape::new();
    let x = |shape: &[usize]| tape.constant(&Tensor::<f32>::zeros(shape.to_vec()));
    let pool = LpPool2d::new(2.0, 3).unwrap();
    let cases = [
        (
            PixelShuffle::new(2).unwrap().try_forward(x(&[1, 6, 2, 2])),
            "pixel_shuffle: expected x [.., channels 2 2",
        ),
        (PixelShuffle::new(2).unwrap().try_forward(x(&[4, 2])), "pixel_shuffle: expected "),
        (PixelUnshuffle::new(2).unwrap().try_forward(x(&[1, 3, 2])), "pixel_unshuffle: expected "),
        (
            Upsample2d::nearest(2).unwrap().try_forward(x(&[3])),
            "upsample: expected x [.., rows, columns]",
        ),
        (
            Upsample1d::nearest(2).unwrap().try_forward(x(&[3, 0])),
            "upsample: expected x [.., length] with",
        ),
        (Upsample1d::nearest(usize::MAX).unwrap().try_forward(x(&[1, 3])), "upsample: [3] times"),
        (AdaptiveMaxPool2d::new(2).try_forward(x(&[2, 0, 3])), "adaptive_max_pool: expected x"),
        (AdaptiveMaxPool2d::new(usize::MAX).try_forward(x(&[2, 3, 3])), "adaptive_max_pool: "),
        (
            pool.try_forward(x(&[1, 2, 4])),
            "lp_pool: a window of [3, 3] does not fit an input of [2, 4]",
        ),
        (GlobalAvgPool.try_forward(x(&[2, 3])), "global_avg_pool: expected x [batch, channels"),
        (GlobalMaxPool.try_forward(x(&[2, 3, 0])), "global_max_pool: expected x [batch, channels"),
    ];
    for (result, begins) in cases {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with(begins), "{error}");
    }
    assert!(Upsample1d::nearest(1).unwrap().size(usize::MAX / 2).try_forward(x(&[1, 3])).is_err());
    assert!(Upsample2d::linear([0, 1]).is_err());
    assert!(PixelShuffle::new(0).is_err() && PixelUnshuffle::new(usize::MAX).is_err());
    for (p, kernel) in [(0.5, 2), (f64::NAN, 2), (2.0, 0)] {
        assert!(LpPool1d::new(p, kernel).is_err(), "{p} {kernel}");
    }
    assert!(pool.stride(0).is_err());
    let same = PaddedConv1d::config(2, 3, 3).padding(Padding::Same).stride(2);
    let error = same.build::<f32>(&mut rng()).unwrap_err().to_string();
    assert_eq!(error, "padded_conv: padding that keeps the size requires a stride of 1, got [2]");
    // More is mirrored than there is.
    let reflect = PaddedConv1d::config(2, 3, 9).padding(Padding::Same);
    let layer = reflect.padding_mode(PaddingMode::Reflect).build::<f32>(&mut rng()).unwrap();
    assert!(layer.try_forward(x(&[1, 2, 4])).is_err());
    assert!(layer.try_forward(x(&[4])).is_err());
    let build =
        |builder: SequentialBuilder<f32>| builder.build(&mut rng()).unwrap_err().to_string();
    let start = |sizes: &[usize]| Sequential::builder().input(sizes.to_vec());
    let error = build(start(&[3, 2, 2]).with(PixelShuffle::new(2).unwrap()));
    assert!(error.contains("takes [channels 2 2, rows, columns]"), "{error}");
    assert!(build(start(&[3]).with(GlobalMaxPool)).contains("takes [channels, positions, ..]"));
    assert!(build(start(&[1, 2, 4]).with(pool)).contains("does not fit an input of [2, 4]"));
    assert!(build(start(&[3]).with(pool)).contains("takes [.., rows, columns]"));
    assert!(build(start(&[3, 8]).with(same)).contains("stride of 1"));
}
