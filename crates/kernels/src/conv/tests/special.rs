//! Infinities, NaN, empty arrays, and what is refused.

use std::panic::catch_unwind;

use super::*;
use crate::conv::ConvError;

/// A NaN reaches exactly the results that see it.
#[test]
fn special_values_reach_what_sees_them() {
    for level in Level::available() {
        for channels in [Channels::new(3, 20), Channels::depthwise(2, 1), Channels::new(2, 3)] {
            for stride in 1..=2 {
                for value in [f32::NAN, f32::INFINITY] {
                    let window = Window::new([3, 3]).padding([1, 1]).stride([stride, stride]);
                    // The larger batch has its images in the lanes.
                    for batch in [2, 20] {
                        let input = if batch == 2 { [6, 21] } else { [5, 7] };
                        let geometry = ConvGeometry::new(batch, channels, input, window).unwrap();
                        let [x, w, y] = [
                            geometry.input_shape(),
                            geometry.weight_shape(),
                            geometry.output_shape(),
                        ]
                        .map(|shape| vec![1.0_f32; shape.iter().product()]);
                        reach(geometry, level, value, [&x, &w, &y]);
                    }
                }
            }
        }
    }
}

fn reach(geometry: ConvGeometry, level: Level, value: f32, [x, w, y]: [&[f32]; 3]) {
    // What each result should be: `None` where it is finite.
    let check = |name: &str, got: &[f32], want: &[Option<f32>]| {
        for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
            let right = match want {
                None => got.is_finite(),
                Some(want) => got == want || want.is_nan() && got.is_nan(),
            };
            assert!(right, "{name}: element {i} is {got}, not {want:?} in {geometry:?}");
        }
    };
    for place in [0, x.len() / 2, x.len() - 1] {
        let mut x = x.to_vec();
        x[place] = value;
        let (mut out, mut grad) = (vec![f32::NAN; y.len()], vec![f32::NAN; w.len()]);
        with_level(level, || {
            Conv::new(geometry, &x, w, &mut out).run();
            ConvWeightGrad::new(geometry, &x, y, &mut grad).run();
        })
        .unwrap();
        let (mut outs, mut grads) = (vec![None; y.len()], vec![None; w.len()]);
        naive::each_product(&geometry, |x, w, y| {
            if x == place {
                (outs[y], grads[w]) = (Some(value), Some(value));
            }
        });
        check("output", &out, &outs);
        check("weight", &grad, &grads);
    }
    for place in [0, y.len() / 2, y.len() - 1] {
        let mut y = y.to_vec();
        y[place] = value;
        let (mut out, mut grad) = (vec![f32::NAN; x.len()], vec![f32::NAN; w.len()]);
        with_level(level, || {
            ConvTranspose::new(geometry, &y, w, &mut out).run();
            ConvWeightGrad::new(geometry, x, &y, &mut grad).run();
        })
        .unwrap();
        let (mut outs, mut grads) = (vec![None; x.len()], vec![None; w.len()]);
        // Where a tap meets it over padding, the product is that with zero.
        let [_, channels, rows, cols] = geometry.output_shape();
        let taps = w.len() / channels;
        let channel = place / (rows * cols) % channels;
        grads[channel * taps..(channel + 1) * taps].fill(Some(f32::NAN));
        naive::each_product(&geometry, |x, w, y| {
            if y == place {
                (outs[x], grads[w]) = (Some(value), Some(value));
            }
        });
        check("input", &out, &outs);
        check("weight", &grad, &grads);
    }
}

/// Nothing to do, and sums of nothing.
#[test]
fn empty_sizes() {
    let window = Window::new([3, 2]).padding([1, 0]);
    for level in Level::available() {
        for (batch, inputs, outputs) in [(0, 2, 3), (2, 0, 3), (2, 3, 0), (0, 0, 0)] {
            let channels = Channels::new(inputs, outputs);
            for input in [[4, 5], [0, 5]] {
                let window = if input[0] == 0 { window.padding([2, 0]) } else { window };
                let geometry = ConvGeometry::new(batch, channels, input, window).unwrap();
                for beta in [0.0, 0.5] {
                    for bias in [false, true] {
                        Case { beta, bias, ..Case::new(geometry, level) }.check::<f32>();
                    }
                }
            }
        }
        // Only padding is seen.
        let geometry =
            ConvGeometry::new(2, Channels::new(2, 3), [0, 5], window.padding([2, 0])).unwrap();
        Case { bias: true, ..Case::new(geometry, level) }.check::<f64>();
    }
}

/// What is wrong is said in a sentence.
#[test]
fn what_is_refused() {
    let new = |channels, input, window| ConvGeometry::new(1, channels, input, window);
    let error = |result: Result<ConvGeometry, ConvError>| result.unwrap_err().to_string();
    let one = Channels::new(1, 1);
    assert_eq!(
        error(new(one, [4, 9], Window::new([3, 3]).dilation([2, 1]))),
        "a kernel of 3 with dilation 2 spans 5 rows, but the input has 4, and 4 with its \
         padding of 0 before and 0 after: it needs 5 or more"
    );
    assert_eq!(
        error(new(one, [4, 9], Window::new([3, 3]).stride([1, 0]))),
        "a window's stride along the columns is 0, but must be at least 1"
    );
    let said = error(new(Channels { input: 4, output: 6, groups: 4 }, [4, 9], Window::new([1, 1])));
    assert!(said.contains("4 groups") && said.contains("6 output channels"), "{said}");
    assert!(new(Channels { input: 4, output: 6, groups: 0 }, [4, 9], Window::new([1, 1])).is_err());
    let huge = usize::MAX;
    for window in [
        Window::new([huge, 1]),
        Window::new([2, 2]).dilation([huge, 1]),
        Window::new([1, 1]).padding([huge, 1]),
        Window::new([1, 1]).stride([huge, 1]),
    ] {
        assert!(error(new(one, [3, 3], window)).contains("cannot be counted"));
        assert!(ConvGeometry::transposed(1, one, [3, 3], window, [0, 0]).is_err());
    }
    let many = Channels::new(huge / 4, 4);
    assert!(error(new(many, [3, 3], Window::new([1, 1]))).contains("cannot be counted"));
    let transposed =
        |extra, window| error(ConvGeometry::transposed(1, one, [1, 1], window, [0, extra]));
    assert!(transposed(2, Window::new([1, 1])).contains("stride 1 or the dilation 1"));
    assert!(transposed(0, Window::new([1, 1]).padding([0, 1])).contains("make nothing of 1"));

    let message = |call: &(dyn Fn() + std::panic::RefUnwindSafe)| {
        *catch_unwind(call).unwrap_err().downcast::<String>().unwrap()
    };
    let geometry = new(one, [2, 2], Window::new([1, 1])).unwrap();
    let said = message(&|| Conv::new(geometry, &[0.0_f32; 4], &[0.0], &mut [0.0; 3]).run());
    assert!(said.contains("output") && said.contains("4 elements, but 3 were given"), "{said}");
    let said = message(&|| {
        let mut out = [0.0_f32; 4];
        let conv = Conv::new(geometry, &[0.0; 4], &[0.0], &mut out);
        Conv { bias: Some(&[0.0; 2]), ..conv }.run();
    });
    assert!(said.contains("a bias of 1 channels has as many elements, but 2 were given"), "{said}");
}

/// Where a window does not move, or sees one position, the way to the next may be of any length.
#[test]
fn steps_that_lead_nowhere_may_be_long() {
    let far = usize::MAX >> 3;
    for level in Level::available() {
        for channels in [Channels::new(2, 3), Channels::new(2, 24), Channels::depthwise(2, 1)] {
            for window in [
                Window::new([1, 4]).dilation([far, 1]),
                Window::new([4, 1]).dilation([2, far]).padding([3, 0]),
                Window::new([4, 3]).stride([far >> 3, 2]),
                Window::new([2, 20]).stride([1, far >> 3]),
            ] {
                let geometry = ConvGeometry::new(2, channels, [4, 20], window).unwrap();
                Case::new(geometry, level).check::<f32>();
            }
        }
    }
}
