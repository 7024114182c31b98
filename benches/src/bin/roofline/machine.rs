//! The machine's limits: multiply-adds in registers, and memory bandwidth.

use std::collections::BTreeMap;

use wengert::kernels::Element;
pub(crate) use wengert_benches::machine::{Peak, Roof};

use crate::measure::{body, median};
use crate::run::{Run, Work};

/// Sizes of working sets in the first-level cache, the second-level cache, and memory, in bytes.
const PLACES: [(&str, usize); 3] = [("L1", 16 << 10), ("L2", 512 << 10), ("memory", 128 << 20)];

/// Adds the peaks and the bandwidths.
pub(crate) fn cases(run: &mut Run) {
    of_type::<f32>(run);
    of_type::<f64>(run);
}

fn of_type<E: Element>(run: &mut Run) {
    let threads = run.threads();
    let peak = run.install(|| Peak::<E>::new(threads));
    let rounds = run.rounds(&mut [body(|| peak.call())]);
    let time = median(rounds.into_iter().map(|round| round[0]));
    let rate = peak.flops() / time * 1e-9;
    run.add::<E>("fma".into(), rate, "Gflop/s", 1.0, BTreeMap::new());
    for (place, bytes) in PLACES {
        let len = bytes / size_of::<E>();
        for (what, read, written) in
            [("read", len, 0), ("write", 0, len), ("copy", len / 2, len / 2)]
        {
            let case = format!("{what}, {place}");
            let work = Work { case, elements: len, read, written, places: len };
            let mut roof = Roof::<E>::new(work.read, work.written, work.places, threads);
            let rounds = run.rounds(&mut [body(|| roof.call())]);
            let time = median(rounds.into_iter().map(|round| round[0]));
            let rate = bytes as f64 / time * 1e-9;
            run.add::<E>(work.case, rate, "GB/s", 1.0, BTreeMap::new());
        }
    }
}
