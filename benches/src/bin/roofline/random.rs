//! Random fills.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use wengert::kernels::random::{Stream, fill_uniform};

use crate::data::{LARGE, SMALL, zeros};
use crate::run::{Run, Work};

/// Adds the fills, in cache and in memory. The plain loop is `rand`'s, with the generator `Pcg64`.
pub(crate) fn cases(run: &mut Run) {
    macro_rules! of_type {
        ($E:ty, $len:expr) => {
            let len = $len;
            let (mut y, mut z) = (zeros::<$E>(len), zeros::<$E>(len));
            let mut rng = Pcg64::seed_from_u64(1);
            let stream = Stream::new(1, 0);
            let case = format!("uniform, {len}");
            fill_uniform(stream, 0.0, 1.0, &mut y);
            check(&case, &y, 0.5, 1.0 / 12.0);
            run.case::<$E>(
                Work::out_of_place(case, len, 0, len),
                || fill_uniform(stream, 0.0, 1.0, &mut y),
                || z.iter_mut().for_each(|z| *z = rng.random()),
            );
        };
    }
    for len in [SMALL, LARGE] {
        of_type!(f32, len);
        of_type!(f64, len);
    }
}

/// Panics unless mean and variance are within six standard errors of the distribution's.
fn check<E: Copy + Into<f64>>(case: &str, y: &[E], mean: f64, variance: f64) {
    let count = y.len() as f64;
    let moment = |about: f64, power: i32| {
        y.iter().map(|&y| (y.into() - about).powi(power)).sum::<f64>() / count
    };
    let near = |got: f64, want: f64, spread: f64| (got - want).abs() < 6.0 * spread / count.sqrt();
    assert!(near(moment(0.0, 1), mean, variance.sqrt()), "{case}: the mean is {}", moment(0.0, 1));
    assert!(near(moment(mean, 2), variance, 1.5 * variance), "{case}: {}", moment(mean, 2));
}
