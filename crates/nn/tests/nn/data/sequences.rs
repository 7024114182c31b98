//! Sequences of different lengths, and examples computed by closures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wengert_autodiff::Tensor;
use wengert_nn::Stateful;
use wengert_nn::data::{Batches, Computed, Sequences, pad_sequences, pad_tokens, prefetch};

fn sequence(length: usize, first: f32) -> Tensor<f32> {
    Tensor::from_fn([length, 2], |i| first + (10 * i[0] + i[1]) as f32)
}

#[test]
fn padding_follows_each_sequence() {
    let columns = sequence(2, 5.0).t().contiguous();
    let padded = pad_sequences(&[sequence(1, 0.0), sequence(3, 1.0), columns.t()], -1.0).unwrap();
    assert_eq!(padded.values.shape().dims(), [3, 3, 2]);
    let expected = [
        [0.0, 1.0, -1.0, -1.0, -1.0, -1.0],
        [1.0, 2.0, 11.0, 12.0, 21.0, 22.0],
        [5.0, 6.0, 15.0, 16.0, -1.0, -1.0],
    ];
    assert_eq!(padded.values.to_vec(), expected.concat());
    assert_eq!(padded.lengths, [1, 3, 2]);
    assert_eq!(padded.mask.shape().dims(), [3, 3]);
    assert_eq!(padded.mask.count(), 6);
    // Numbers instead of vectors, and sequences without places.
    let numbers = [Tensor::<f64>::zeros([0]), Tensor::from([4.0])];
    assert_eq!(pad_sequences(&numbers, 9.0).unwrap().values.to_vec(), [9.0, 4.0]);
    let empty = pad_sequences(&[Tensor::<f64>::zeros([0, 3])], 1.0).unwrap();
    assert_eq!((empty.values.shape().dims(), empty.lengths), (&[1, 0, 3][..], vec![0]));
    assert_eq!(pad_tokens(&[vec![], vec![]], 1).unwrap().values.shape().dims(), [2, 0]);
}

#[test]
fn sequences_that_do_not_fit_are_refused() {
    let none: [Tensor<f32>; 0] = [];
    let error = pad_sequences(&none, 0.0).unwrap_err().to_string();
    assert!(error.contains("at least 1 sequence, got 0"), "{error}");
    let error = pad_sequences(&[Tensor::<f32>::scalar(1.0)], 0.0).unwrap_err().to_string();
    assert!(error.contains("[length, ..]"), "{error}");
    let other = [sequence(1, 0.0), Tensor::zeros([1, 3])];
    let error = pad_sequences(&other, 0.0).unwrap_err().to_string();
    assert!(error.contains("[1, 2]") && error.contains("[1, 3]"), "{error}");
    let none: [Vec<usize>; 0] = [];
    let error = pad_tokens(&none, 0).unwrap_err().to_string();
    assert!(error.contains("at least 1 sequence, got 0"), "{error}");
}

#[test]
fn batches_of_sequences_are_padded_to_their_longest() {
    let all: Vec<Vec<usize>> = (0..20).map(|i| vec![i; 1 + i % 5]).collect();
    let labels: Vec<usize> = (0..20).collect();
    let mut batches = Batches::new(Sequences::new(all.clone()), labels, 6).unwrap().shuffled(3);
    let state = batches.state();
    let mut seen = 0;
    for batch in batches.epoch() {
        let padded = batch.inputs.pad(99).unwrap();
        assert_eq!(padded.values.shape()[1], padded.lengths.iter().copied().max().unwrap());
        for (row, &label) in batch.targets.iter().enumerate() {
            let width = padded.values.shape()[1];
            let tokens = &padded.values.as_slice()[row * width..][..padded.lengths[row]];
            assert_eq!(tokens, all[label]);
            seen += 1;
        }
    }
    assert_eq!(seen, 20);
    batches.load_state(&state).unwrap();
    let tensors = Sequences::new(vec![sequence(2, 0.0), sequence(1, 7.0)]);
    let batch = Batches::new(tensors, [0, 1], 2).unwrap().next_batch().unwrap();
    assert_eq!(batch.inputs.pad(0.0).unwrap().lengths, [2, 1]);
}

#[test]
fn closures_compute_the_examples_of_each_batch() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let squares = Computed::new(10, move |i| {
        counter.fetch_add(1, Ordering::Relaxed);
        if i == 9 { Err(format!("example {i} is missing")) } else { Ok(i * i) }
    });
    let labels: Vec<usize> = (0..10).collect();
    let mut batches = Batches::new(squares, labels, 4).unwrap().shuffled(1);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    for batch in batches.epoch() {
        for (item, &label) in batch.inputs.items().iter().zip(&*batch.targets) {
            let expected = if label == 9 { None } else { Some(label * label) };
            assert_eq!(item.clone().ok(), expected);
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 10);
    // On another thread.
    let epochs = (0..1).flat_map(move |_| batches.epoch().collect::<Vec<_>>());
    assert_eq!(prefetch(epochs, 1).count(), 3);
}
