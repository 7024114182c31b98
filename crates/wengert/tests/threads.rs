//! Tensors in the tasks of a program that uses rayon itself.

use std::cell::RefCell;
use std::sync::{RwLock, mpsc};
use std::thread;
use std::time::Duration;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use wengert::prelude::*;

/// Large enough that a product uses several threads.
const SIZE: usize = 192;

fn matrix(value: f32) -> Tensor {
    Tensor::full([SIZE, SIZE], value)
}

/// Runs `tasks` in a pool of four threads, and fails if they deadlock.
fn in_pool(tasks: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let runner = thread::spawn(move || {
        ThreadPoolBuilder::new().num_threads(4).build().unwrap().install(tasks);
        done.send(()).unwrap();
    });
    let ended = ended.recv_timeout(Duration::from_secs(60));
    assert_ne!(ended, Err(mpsc::RecvTimeoutError::Timeout), "the tasks wait for each other");
    runner.join().unwrap();
}

#[test]
fn a_lock_is_held_across_a_product() {
    let weight = RwLock::new(matrix(1.0));
    in_pool(move || {
        (0..160).into_par_iter().for_each(|task| {
            if task % 8 == 0 {
                *weight.write().unwrap() = matrix(1.0);
            } else {
                let weight = weight.read().unwrap();
                let product = matrix(2.0).matmul(&weight);
                assert_eq!(product.to_vec()[SIZE], 2.0 * SIZE as f32);
            }
        });
    });
}

#[test]
fn every_thread_has_a_tape_of_its_own() {
    thread_local! {
        static TAPE: RefCell<Tape> = RefCell::new(Tape::new());
    }
    in_pool(|| {
        (0..160).into_par_iter().for_each(|_| {
            TAPE.with_borrow_mut(|tape| {
                let x = tape.variable(&matrix(2.0));
                let loss = x.matmul(tape.constant(&matrix(1.0))).sum();
                let gradient = loss.backward().get(x).unwrap().to_vec();
                assert!(gradient.iter().all(|g| *g == SIZE as f32));
                tape.clear();
            });
        });
    });
}
