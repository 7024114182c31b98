//! The state of a run: the level, the threads, and the rows measured so far.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use wengert::kernels::Element;
use wengert::kernels::simd::{Level, with_level};

use crate::cli::print_line;
use crate::machine::{Peak, Roof};
use crate::measure::{Body, body, median, rounds};
use crate::report::{Row, heading};

/// The work of one call of a kernel.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) case: String,
    /// Number of elements it processes, which the rate counts.
    pub(crate) elements: usize,
    /// Number of elements it must read from memory.
    pub(crate) read: usize,
    pub(crate) written: usize,
    /// Number of elements of all arrays it uses; an array that is updated in place counts once.
    pub(crate) places: usize,
}

impl Work {
    /// The work of a kernel that reads some arrays and writes others.
    pub(crate) fn out_of_place(case: String, elements: usize, read: usize, written: usize) -> Self {
        Self { case, elements, read, written, places: read + written }
    }
}

/// The state of the program.
pub(crate) struct Run {
    level: Level,
    threads: usize,
    pool: ThreadPool,
    alone: ThreadPool,
    print: bool,
    group: &'static str,
    rows: Vec<Row>,
}

fn pool(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new().num_threads(threads).build()
}

fn on_level<R: Send>(pool: &ThreadPool, level: Level, f: impl FnOnce() -> R + Send) -> R {
    pool.install(|| with_level(level, f)).expect("the level was checked when the run began")
}

impl Run {
    /// A run without rows; `print` writes every row as soon as it is measured.
    pub(crate) fn new(
        level: Level,
        threads: usize,
        print: bool,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        with_level(level, || ())?;
        if print {
            print_line(format_args!("level {level}, {threads} thread(s)\n{}", heading()));
        }
        let (pool, alone) = (pool(threads)?, pool(1)?);
        Ok(Self { level, threads, pool, alone, print, group: "", rows: Vec::new() })
    }

    /// Begins a group.
    pub(crate) fn start(&mut self, group: &'static str) {
        self.group = group;
    }

    /// The rows so far.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Number of threads that kernels may use.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Measures a kernel alternately with its roof and the plain loop.
    ///
    /// With more than one thread, the kernel on one thread is another peer.
    pub(crate) fn case<E: Element>(
        &mut self,
        work: Work,
        kernel: impl FnMut() + Send,
        plain: impl FnMut() + Send,
    ) {
        self.beside::<E>(work, kernel, "plain", plain);
    }

    /// Measures a kernel alternately with its roof and a peer.
    pub(crate) fn beside<E: Element>(
        &mut self,
        work: Work,
        mut kernel: impl FnMut() + Send,
        name: &'static str,
        peer: impl FnMut() + Send,
    ) {
        let elements = work.elements as f64 * 1e-9;
        let passes = (work.read + work.written) as f64 / work.places as f64;
        let mut roof = Roof::<E>::new(work.read, work.written, work.places, self.threads);
        let kernel = Mutex::new(&mut kernel);
        let turn = |times| {
            let mut kernel = kernel.lock().expect("a turn that panics ends the program");
            body(&mut **kernel)(times)
        };
        let (level, alone) = (self.level, &self.alone);
        let mut bodies: Vec<Body<'_>> = vec![Box::new(turn), body(|| roof.call()), body(peer)];
        let mut names = vec![name];
        if self.threads > 1 {
            names.push("one_thread");
            bodies.push(Box::new(move |times| on_level(alone, level, || turn(times))));
        }
        let rounds = self.rounds(&mut bodies);
        drop(bodies);
        let rate = |column: usize| elements / median(rounds.iter().map(|round| round[column]));
        let peers = names.iter().enumerate().map(|(i, name)| (*name, rate(i + 2))).collect();
        self.add::<E>(
            work.case,
            rate(0),
            "Gelem/s",
            median(rounds.iter().map(|round| passes * round[1] / round[0])),
            peers,
        );
    }

    /// Measures a kernel relative to the peak of multiply-adds, alternately with a peer.
    ///
    /// With more than one thread, the kernel on one thread is another peer.
    pub(crate) fn flops<E: Element>(
        &mut self,
        case: String,
        flops: f64,
        mut kernel: impl FnMut() + Send,
        (peer, call): (&'static str, impl FnMut() + Send),
    ) {
        let kernel = Mutex::new(&mut kernel);
        let turn = |times| {
            let mut kernel = kernel.lock().expect("a turn that panics ends the program");
            body(&mut **kernel)(times)
        };
        let (level, threads, alone) = (self.level, self.threads, &self.alone);
        let peak = self.install(|| Peak::<E>::new(threads));
        let mut bodies: Vec<Body<'_>> = vec![Box::new(turn), body(|| peak.call()), body(call)];
        let mut names = vec![peer];
        if threads > 1 {
            names.push("one_thread");
            bodies.push(Box::new(move |times| on_level(alone, level, || turn(times))));
        }
        let rounds = self.rounds(&mut bodies);
        drop(bodies);
        let rate = |column: usize| flops * 1e-9 / median(rounds.iter().map(|round| round[column]));
        let peers = names.iter().enumerate().map(|(i, name)| (*name, rate(i + 2))).collect();
        let of_roof = median(rounds.iter().map(|round| flops / round[0] * round[1] / peak.flops()));
        self.add::<E>(case, rate(0), "Gflop/s", of_roof, peers);
    }

    /// The times of bodies that run alternately, on the level and the threads of the run.
    pub(crate) fn rounds(&self, bodies: &mut [Body<'_>]) -> Vec<Vec<f64>> {
        self.install(|| rounds(bodies))
    }

    /// Calls a function on the level and the threads of the run.
    pub(crate) fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        on_level(&self.pool, self.level, f)
    }

    /// Calls a function on the level of the run and on one thread.
    pub(crate) fn alone<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        on_level(&self.alone, self.level, f)
    }

    /// Adds a row.
    pub(crate) fn add<E: Element>(
        &mut self,
        case: String,
        value: f64,
        unit: &'static str,
        of_roof: f64,
        peers: BTreeMap<&'static str, f64>,
    ) {
        let (group, level, threads) = (self.group, self.level.name(), self.threads);
        let row = Row { group, case, dtype: E::NAME, level, threads, value, unit, of_roof, peers };
        if self.print {
            print_line(row.line());
        }
        self.rows.push(row);
    }
}
