//! The grid of small geometries, and larger ones where blocks end.

use super::*;

/// Every combination of small sizes that has an output: the sizes of the rows walk along with those
/// of the columns, and what else there is with both.
fn small<E: Element>(level: Level, visit: impl Fn(Case) -> Case) -> usize {
    let (mut turn, mut count) = (0, 0);
    for groups in [1, 2, 3] {
        for (inputs, outputs) in [(1, 1), (2, 1), (1, 2), (3, 5)] {
            for kernel in [1, 2, 3, 5] {
                for stride in 1..=3 {
                    for dilation in 1..=2 {
                        for padding in [[0, 0], [1, 1], [2, 0], [0, 3]] {
                            for size in [1, 4, 7, 12] {
                                turn += 1;
                                let other = [[1, 0], [0, 0], [1, 2]][turn % 3];
                                let window = Window {
                                    kernel: [[1, 3, 2][turn % 3], kernel],
                                    stride: [[1, 2, 3, 2][turn % 4], stride],
                                    padding: [other, padding],
                                    dilation: [[1, 2][turn / 2 % 2], dilation],
                                };
                                let channels = Channels {
                                    input: inputs * groups,
                                    output: outputs * groups,
                                    groups,
                                };
                                let rows = [5, 1, 6, 3, 8][turn % 5];
                                let batch = [1, 2, 3][turn / 5 % 3];
                                let Ok(geometry) =
                                    ConvGeometry::new(batch, channels, [rows, size], window)
                                else {
                                    continue;
                                };
                                count += 1;
                                let case = Case {
                                    beta: [0.0, 0.0, 0.5][turn % 3],
                                    bias: turn % 4 == 1,
                                    activation: [Activation::Identity, Activation::Relu]
                                        [usize::from(turn % 8 == 5)],
                                    offset: turn % 5,
                                    seed: turn as u64,
                                    ..Case::new(geometry, level)
                                };
                                visit(case).check::<E>();
                            }
                        }
                    }
                }
            }
        }
    }
    count
}

#[test]
fn every_small_geometry() {
    for level in Level::available() {
        let count = small::<f32>(level, |case| case);
        assert!(count > 2000, "{count} geometries");
        small::<f64>(level, |case| case);
    }
}

#[test]
fn every_small_geometry_in_tiny_blocks() {
    for level in Level::available() {
        small::<f32>(level, |case| Case { tuning: TINY, ..case });
    }
}

#[test]
fn every_small_geometry_with_images_in_the_lanes() {
    for level in Level::available() {
        small::<f32>(level, |case| interleaved(case, 40));
        small::<f64>(level, |case| interleaved(case, usize::MAX / 2));
    }
}

/// The case with the lanes along the batch, in pieces of a given number of products.
fn interleaved(case: Case, piece: usize) -> Case {
    Case { tuning: Tuning { piece: Some(piece), interleaved: Some(true), ..TINY }, ..case }
}

/// Batches about the lanes of a vector, and sizes that choose this way by themselves.
#[test]
fn batches_in_the_lanes() {
    let square = |kernel: usize| Window::new([kernel, kernel]);
    let cases = [
        (Channels::new(6, 16), [14, 14], square(5)),
        (Channels::new(1, 6), [12, 12], square(5).padding([2, 2])),
        (Channels { input: 10, output: 14, groups: 2 }, [9, 11], square(3).stride([2, 3])),
        (Channels::new(5, 9), [7, 40], square(3).dilation([2, 3]).padding([2, 3])),
    ];
    for level in Level::available() {
        for (turn, (channels, input, window)) in cases.into_iter().enumerate() {
            for batch in [4, 7, 15, 16, 19, 33] {
                let geometry = ConvGeometry::new(batch, channels, input, window).unwrap();
                let beta = [0.0, 0.5][turn % 2];
                let case = Case { bias: turn % 2 == 0, beta, ..Case::new(geometry, level) };
                interleaved(case, usize::MAX / 2).check::<f64>();
                case.check::<f32>();
            }
        }
    }
}

/// Both ways round: what the rows do is what the columns do.
#[test]
fn every_small_line() {
    for level in Level::available() {
        let mut turn = 0;
        for kernel in 1..=6 {
            for stride in 1..=4 {
                for dilation in 1..=3 {
                    for padding in 0..=3 {
                        for size in [1, 2, 9, 40] {
                            turn += 1;
                            let window = Window::line(kernel, stride, padding, dilation);
                            let channels = Channels::new([1, 2, 9][turn % 3], [1, 3, 8][turn % 3]);
                            let [lying, standing] = [[1, size], [size, 1]].map(|input| {
                                let mut window = window;
                                if input[1] == 1 {
                                    window.kernel.reverse();
                                    window.stride.reverse();
                                    window.padding.reverse();
                                    window.dilation.reverse();
                                }
                                ConvGeometry::new(2, channels, input, window)
                            });
                            let (Ok(lying), Ok(standing)) = (lying, standing) else { continue };
                            let tuning = [Tuning::default(), TINY][turn % 2];
                            let case = Case { tuning, ..Case::new(lying, level) };
                            let a = case.check::<f64>();
                            let b = Case { geometry: standing, ..case }.check::<f64>();
                            let near = |a: &[f64], b: &[f64]| {
                                a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
                            };
                            assert!(near(&a.output, &b.output) && near(&a.weight, &b.weight));
                        }
                    }
                }
            }
        }
    }
}

/// Geometries of several blocks of the real sizes.
#[test]
fn several_blocks() {
    let geometry = |batch, inputs, outputs, input, window| {
        ConvGeometry::new(batch, Channels::new(inputs, outputs), input, window).unwrap()
    };
    let square = |kernel: usize| Window::new([kernel, kernel]);
    let cases = [
        geometry(2, 50, 20, [13, 30], square(3).padding([1, 1])),
        geometry(1, 9, 17, [5, 900], square(3).padding([1, 1])),
        geometry(3, 4, 33, [17, 19], square(5).stride([2, 2]).padding([2, 2])),
        geometry(1, 3, 20, [40, 40], square(11).stride([4, 4]).padding([2, 2])),
        geometry(2, 40, 12, [9, 9], square(3).dilation([2, 2]).padding([2, 2])),
        geometry(1, 70, 10, [1, 600], Window::line(9, 1, 4, 1)),
        geometry(1, 2, 3, [1, 3000], Window::line(3, 2, 0, 5)),
        geometry(2, 600, 11, [3, 3], square(1)),
    ];
    for level in Level::available() {
        for (turn, &geometry) in cases.iter().enumerate() {
            let activation = [Activation::Identity, Activation::Tanh][turn % 2];
            let case = Case { bias: turn % 2 == 1, activation, ..Case::new(geometry, level) };
            case.check::<f32>();
            case.check::<f64>();
        }
    }
}

/// With a channel to a group, and a few.
#[test]
fn narrow_groups() {
    let mut turn = 0;
    for level in Level::available() {
        for channels in [
            Channels::depthwise(5, 1),
            Channels::depthwise(3, 2),
            Channels { input: 8, output: 12, groups: 4 },
            Channels::new(3, 7),
            Channels::new(1, 6),
        ] {
            for kernel in [1, 3, 5] {
                for stride in 1..=2 {
                    for width in [3, 8, 15, 16, 17, 28, 31, 33, 56, 70] {
                        turn += 1;
                        let window = Window::new([kernel, kernel])
                            .stride([stride, stride])
                            .padding([kernel / 2, kernel / 2])
                            .dilation([1 + turn % 2, 1]);
                        let input = [[6, 9, 11][turn % 3], width];
                        let Ok(geometry) = ConvGeometry::new(2, channels, input, window) else {
                            continue;
                        };
                        let case = Case {
                            bias: turn % 3 == 0,
                            beta: [0.0, 0.0, 0.75][turn % 3],
                            offset: turn % 4,
                            tuning: [Tuning::default(), TINY][turn % 2],
                            ..Case::new(geometry, level)
                        };
                        case.check::<f32>();
                        case.check::<f64>();
                    }
                }
            }
        }
    }
}

/// A transposed convolution of every size that a convolution takes to the same one.
#[test]
fn transposed_sizes() {
    for level in Level::available() {
        for stride in 1..=4 {
            for extra in 0..stride.max(3) {
                for kernel in 1..=4 {
                    for padding in 0..=1 {
                        let window = Window::new([kernel, kernel])
                            .stride([stride, stride])
                            .padding([padding, padding])
                            .dilation([1, 3]);
                        let extra = [extra.min(stride - 1), extra];
                        let geometry =
                            ConvGeometry::transposed(2, Channels::new(3, 2), [3, 4], window, extra);
                        let Ok(geometry) = geometry else { continue };
                        let expected = |axis: usize, positions: usize| {
                            (positions - 1) * stride + window.dilation[axis] * (kernel - 1) + 1
                                - 2 * padding
                                + extra[axis]
                        };
                        assert_eq!(geometry.input(), [expected(0, 3), expected(1, 4)]);
                        Case::new(geometry, level).check::<f32>();
                    }
                }
            }
        }
    }
}
