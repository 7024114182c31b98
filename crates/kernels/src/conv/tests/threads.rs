//! The same bits for any number of threads, however the work is cut, and at any alignment.

use rayon::ThreadPoolBuilder;

use super::*;

fn same_bits<E: Element>(case: &Case) {
    let with_threads = |threads, case: &Case| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.check::<E>())
    };
    let alone = with_threads(1, case);
    for threads in 2..=8 {
        let case = Case { offset: threads % 4, ..*case };
        assert!(alone == with_threads(threads, &case), "{threads} threads: other bits in {case:?}");
    }
}

#[test]
fn forced_pieces_change_no_bit() {
    for level in Level::available() {
        for (channels, window) in [
            (Channels::new(3, 4), Window::new([3, 3]).padding([1, 1])),
            (Channels::new(2, 20), Window::new([2, 3]).stride([2, 2])),
            (Channels::depthwise(4, 1), Window::new([3, 3]).padding([1, 1])),
        ] {
            let geometry = ConvGeometry::new(1, channels, [9, 40], window).unwrap();
            let case = Case { bias: true, ..Case::new(geometry, level) };
            let whole = case.check::<f32>();
            for piece in [40, 1000, 20_000] {
                let tuning = Tuning { piece: Some(piece), ..Tuning::default() };
                let case = Case { tuning, ..case };
                same_bits::<f32>(&case);
                assert!(whole == case.check::<f32>(), "pieces of {piece}: other bits in {case:?}");
            }
        }
    }
}

#[test]
fn images_in_the_lanes_change_no_bit() {
    for level in Level::available() {
        let window = Window::new([5, 5]);
        let geometry = ConvGeometry::new(37, Channels::new(6, 16), [14, 14], window).unwrap();
        let case = Case { bias: true, ..Case::new(geometry, level) };
        let whole = case.check::<f32>();
        for piece in [1000, 1 << 20] {
            let tuning = Tuning { piece: Some(piece), ..Tuning::default() };
            same_bits::<f32>(&Case { tuning, ..case });
            assert!(whole == Case { tuning, ..case }.check::<f32>(), "pieces of {piece}: {case:?}");
        }
    }
}

#[test]
fn large_convolutions_change_no_bit() {
    let level = Level::available().pop().unwrap();
    for (batch, channels) in [(1, Channels::new(24, 40)), (20, Channels::new(6, 8))] {
        let window = Window::new([3, 3]).padding([1, 1]);
        let geometry = ConvGeometry::new(batch, channels, [32, 32], window).unwrap();
        same_bits::<f32>(&Case { offset: 0, ..Case::new(geometry, level) });
    }
}
