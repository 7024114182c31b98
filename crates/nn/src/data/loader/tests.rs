use wengert_autodiff::Index;

use super::*;

fn batches(n: usize, size: usize) -> Batches {
    let inputs = Tensor::from_fn([n, 2], |i| (10 * i[0] + i[1]) as f32);
    Batches::new(&inputs, (0..n).collect::<Vec<_>>(), size).unwrap()
}

fn labels(epoch: Epoch<'_>) -> Vec<usize> {
    epoch.flat_map(|batch| batch.targets.to_vec()).collect()
}

#[test]
fn every_example_is_dealt_once_with_its_label() {
    let mut plain = batches(7, 3);
    assert_eq!(labels(plain.epoch()), [0, 1, 2, 3, 4, 5, 6]);
    let mut shuffled = batches(7, 3).shuffled(5);
    let first = labels(shuffled.epoch());
    let second = labels(shuffled.epoch());
    assert_ne!(first, second);
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(first, labels(batches(7, 3).shuffled(5).epoch()));
    for batch in shuffled.epoch() {
        for (row, &label) in batch.inputs.to_vec().chunks(2).zip(batch.targets.iter()) {
            assert_eq!(row, [10.0 * label as f32, 10.0 * label as f32 + 1.0]);
        }
    }
}

#[test]
fn a_batch_somebody_holds_is_not_written_over() {
    let mut batches = batches(6, 2);
    let held: Vec<Batch> = batches.epoch().collect();
    let again: Vec<Batch> = batches.epoch().collect();
    for (a, b) in held.iter().zip(&again) {
        assert_eq!(a.inputs, b.inputs);
        assert_eq!(a.targets, b.targets);
    }
}

#[test]
fn batches_nobody_holds_are_used_again() {
    let mut batches = batches(5, 2);
    let places = |batches: &mut Batches| -> Vec<*const f32> {
        let mut places: Vec<_> =
            batches.epoch().map(|batch| batch.inputs.as_slice().unwrap().as_ptr()).collect();
        places.sort_unstable();
        places.dedup();
        places
    };
    let first = places(&mut batches);
    assert_eq!(first, places(&mut batches));
    assert_eq!(first.len(), 2);
}

#[test]
fn what_cannot_be_dealt_is_refused() {
    let inputs = Tensor::<f32>::zeros([3, 2]);
    assert_eq!(Batches::new(&inputs, [0; 3], 0).unwrap_err(), BatchesError::Size);
    let error = Batches::new(&inputs, [0; 4], 1).unwrap_err().to_string();
    assert!(error.starts_with("3 inputs") && error.ends_with("got 4"), "{error}");
    let scalar = Tensor::<f32>::ones([]);
    for error in [
        Batches::new(&scalar, [0; 1], 1).unwrap_err(),
        Batches::new((&inputs, [0; 2]), [0; 3], 1).unwrap_err(),
    ] {
        assert_eq!(error, BatchesError::Rows { what: "inputs" });
    }
    let error = Batches::new(&inputs, &scalar, 1).unwrap_err();
    assert_eq!(error, BatchesError::Rows { what: "targets" });
    assert_eq!(batches(0, 4).epoch().count(), 0);
}

/// Every part of an example comes along, of whatever type.
#[test]
fn rows_of_all_parts_stay_together() {
    let values = Tensor::<f64>::from_fn([7, 2], |i| (10 * i[0] + i[1]) as f64);
    let tokens = Index::from_fn([7, 3], |i| 100 * i[0] + i[1]);
    let strided = Tensor::<f32>::from_fn([2, 7], |i| i[1] as f32).transpose(0, 1);
    let labels: Vec<usize> = (0..7).collect();
    let mut batches = Batches::new((&values, &tokens), (&strided, &labels), 3).unwrap().shuffled(2);
    let mut seen = Vec::new();
    for _ in 0..3 {
        for batch in batches.epoch() {
            let ((values, tokens), (strided, labels)) = (batch.inputs, batch.targets);
            for (row, &label) in labels.iter().enumerate() {
                assert_eq!(values.get(&[row, 1]), Some(10.0 * label as f64 + 1.0));
                assert_eq!(tokens.get(&[row, 2]), Some(100 * label + 2));
                assert_eq!(strided.get(&[row, 0]), Some(label as f32));
            }
            seen.extend_from_slice(&labels);
        }
    }
    seen.sort_unstable();
    let thrice: Vec<usize> = (0..21).map(|i| i / 3).collect();
    assert_eq!(seen, thrice);
}

#[test]
fn batches_one_by_one_are_those_of_epochs() {
    let mut by_epoch = batches(7, 3).shuffled(4);
    let mut one_by_one = batches(7, 3).shuffled(4);
    for _ in 0..3 {
        let expected = labels(by_epoch.epoch());
        let mut found = Vec::new();
        while let Some(batch) = one_by_one.next_batch() {
            found.extend_from_slice(&batch.targets);
        }
        assert_eq!(found, expected);
    }
}

/// Saved after any number of batches, a loader continues with the next one.
#[test]
fn a_loaded_loader_deals_what_the_saved_one_would_have() {
    let weights: Vec<f64> = (0..7).map(|i| f64::from(i % 3)).collect();
    let kinds: [fn(Batches, &[f64]) -> Batches; 4] = [
        |batches, _| batches,
        |batches, _| batches.shuffled(3),
        |batches, weights| batches.weighted(weights, 3).unwrap(),
        |batches, _| batches.shuffled(3).drop_last(),
    ];
    for (kind, make) in kinds.into_iter().enumerate() {
        for saved_after in 0..12 {
            let mut original = make(batches(7, 3), &weights);
            for _ in 0..saved_after {
                original.next_batch();
            }
            let mut loaded = make(batches(7, 3), &weights);
            loaded.next_batch();
            loaded.load_state(&original.state()).unwrap();
            for _ in 0..9 {
                let next = |batches: &mut Batches| batches.next_batch().map(|b| b.targets.to_vec());
                let (expected, found) = (next(&mut original), next(&mut loaded));
                assert_eq!(found, expected, "kind {kind} saved after {saved_after}");
            }
        }
    }
}

#[test]
fn the_epoch_after_loading_is_the_rest_of_the_saved_one() {
    let mut original = batches(7, 3).shuffled(3);
    original.next_batch();
    let mut loaded = batches(7, 3).shuffled(9);
    loaded.load_state(&original.state()).unwrap();
    let mut rest = Vec::new();
    while let Some(batch) = original.next_batch() {
        rest.extend_from_slice(&batch.targets);
    }
    assert_eq!(loaded.epoch().len(), 2);
    let mut loaded = batches(7, 3).shuffled(9);
    let mut saved = batches(7, 3).shuffled(3);
    saved.next_batch();
    loaded.load_state(&saved.state()).unwrap();
    assert_eq!(labels(loaded.epoch()), rest);
    assert_eq!(labels(loaded.epoch()), labels(original.epoch()));
}

#[test]
fn a_state_of_other_examples_is_refused() {
    let mut loader = batches(7, 3).shuffled(3);
    let before = loader.state();
    assert!(loader.load_state(&batches(8, 3).shuffled(3).state()).is_err());
    assert!(loader.load_state(&batches(7, 3).state()).is_err());
    let mut state = batches(7, 3).shuffled(3).state();
    state.insert_integers("order", [7; 7]);
    let error = loader.load_state(&state).unwrap_err().to_string();
    assert_eq!(error, "\"order\" cannot be used: it has example 7 of 7");
    let mut state = before.clone();
    state.insert_integers("dealt", [1, 8]);
    assert!(loader.load_state(&state).is_err());
    assert!(batches(7, 3).load_state(&before).is_err());
    let mut state = before.clone();
    state.insert_integers("draws", [3, 1, 0]);
    let error = loader.load_state(&state).unwrap_err().to_string();
    assert!(error.contains("it counts 2^64 draws or more"), "{error}");
}

#[test]
fn an_order_with_an_example_twice_is_that_of_weights() {
    let order = |batches: &Batches| {
        let mut state = batches.state();
        state.insert_integers("order", [2, 0, 2]);
        state
    };
    let weighted = || batches(3, 2).weighted(&[1.0; 3], 5).unwrap();
    weighted().load_state(&order(&weighted())).unwrap();
    for mut loader in [batches(3, 2), batches(3, 2).shuffled(5)] {
        let error = loader.load_state(&order(&loader)).unwrap_err().to_string();
        let expected = "\"order\" cannot be used: it has example 2 twice, but each of the 3 must \
                        occur once";
        assert_eq!(error, expected);
        assert_eq!(loader.epoch().flat_map(|b| b.targets.to_vec()).count(), 3);
    }
}

#[test]
fn weights_are_the_chances_of_examples() {
    let n = 4000;
    let weights: Vec<f64> = (0..n).map(|i| [0.0, 1.0, 3.0, 0.0][i % 4]).collect();
    let mut loader = batches(n, 64).weighted(&weights, 5).unwrap();
    let mut counts = [0.0; 4];
    for _ in 0..10 {
        for batch in loader.epoch() {
            for label in batch.targets.iter() {
                counts[label % 4] += 1.0;
            }
        }
    }
    assert_eq!((counts[0], counts[3]), (0.0, 0.0));
    let share: f64 = counts[2] / (counts[1] + counts[2]);
    // Four standard deviations of 40,000 draws.
    assert!((share - 0.75).abs() < 4.0 * (0.1875_f64 / 40_000.0).sqrt(), "{share}");
    for (weights, text) in [
        (&[1.0; 3][..], "4 examples need as many weights, got 3"),
        (&[0.0; 4], "all are zero"),
        (&[1.0, -1.0, 1.0, 1.0], "the weight of example 1 is -1"),
        (&[1.0, 1.0, f64::NAN, 1.0], "the weight of example 2 is NaN"),
    ] {
        let error = batches(4, 2).weighted(weights, 1).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn a_smaller_last_batch_can_be_left_out() {
    let mut loader = batches(7, 3).drop_last();
    assert_eq!((loader.batches(), loader.epoch().len()), (2, 2));
    assert_eq!(labels(loader.epoch()), [0, 1, 2, 3, 4, 5]);
    assert_eq!(labels(batches(2, 3).drop_last().epoch()), [0; 0]);
}
