//! The trainer against a loop written out by hand, and what surrounds the loop.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Error, Gradients, Tape, Tensor, Var};
use wengert_nn::data::{Batch, Batches};
use wengert_nn::schedule::{Cosine, Scheduler};
#[cfg(feature = "checkpoint")]
use wengert_nn::train::Saving;
use wengert_nn::train::{EarlyStopping, Event, Outcome, TrainError, Trainer};
use wengert_nn::{Adam, Average, Layer, Module, Optimizer, Sequential, Sgd};

fn model(seed: u64) -> Sequential {
    Sequential::builder()
        .linear(4, 8, Activation::Tanh)
        .dropout(0.2)
        .linear(8, 3, Activation::Identity)
        .build(&mut Pcg64::seed_from_u64(seed))
        .unwrap()
}

fn batches(seed: u64) -> Batches {
    let inputs = Tensor::from_fn([22, 4], |i| ((1 + 5 * i[0] + i[1]) as f32).sin());
    let labels: Vec<usize> = (0..22).map(|i| i * i % 3).collect();
    Batches::new(&inputs, labels, 4).unwrap().shuffled(seed)
}

fn loss<'t>(model: &Sequential, tape: &'t Tape, batch: &Batch) -> Result<Var<'t>, Error> {
    Ok(model.try_forward(tape.constant(&batch.inputs))?.cross_entropy(&batch.targets))
}

fn weights(model: &Sequential) -> Vec<Vec<f32>> {
    model.parameters().into_iter().map(|(_, p)| p.value().to_vec()).collect()
}

/// A number that depends on every weight.
fn sum(model: &Sequential) -> f64 {
    weights(model).concat().iter().map(|w| f64::from(*w)).sum()
}

#[test]
fn the_loop_is_the_one_written_out() {
    let mut by_hand = model(1);
    let mut optimizer = Adam::new(0.01);
    let mut scheduler = Scheduler::new(Cosine::new(0.01, 9));
    let mut average = Average::ema(0.8);
    let (mut data, mut tape) = (batches(2), Tape::new());
    let (mut losses, mut sums) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        by_hand.train();
        let (mut total, mut ended) = (0.0, false);
        while !ended {
            let mut gradients = Gradients::new();
            let mut count = 0;
            while count < 2 {
                let Some(batch) = data.next_batch() else {
                    ended = true;
                    break;
                };
                let loss = loss(&by_hand, &tape, &batch).unwrap();
                total += f64::from(loss.item()) * batch.targets.len() as f64;
                gradients += loss.backward();
                count += 1;
                tape.clear();
            }
            if count > 0 {
                gradients.scale(1.0 / f64::from(count));
                gradients.clip_norm(0.5);
                scheduler.step(&mut optimizer);
                optimizer.step(&mut by_hand, &gradients);
                average.update(&by_hand);
            }
        }
        losses.push(total / 22.0);
        average.swap(&mut by_hand);
        sums.push(sum(&by_hand));
        average.swap(&mut by_hand);
    }

    let mut trained = model(1);
    let mut norms = Vec::new();
    let mut trainer = Trainer::new(&mut trained, Adam::new(0.01))
        .epochs(3)
        .schedule(Cosine::new(0.01, 9))
        .accumulate(2)
        .clip_norm(0.5)
        .average(Average::ema(0.8))
        .callback(|event| {
            if let Event::Step { norm, .. } = event {
                norms.push(norm.unwrap());
            }
            ControlFlow::Continue(())
        });
    let outcome = trainer.fit(&mut batches(2), loss, |model| vec![("sum", sum(model))]).unwrap();
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(weights(trainer.model()), weights(&by_hand));
    assert_eq!(trainer.history().values("sum"), sums);
    assert_eq!(trainer.history().values("loss"), losses);
    assert_eq!(trainer.history().values("step"), [3.0, 6.0, 9.0]);
    trainer.finish_average();
    assert_eq!(sum(trainer.model()), sums[2]);
    drop(trainer);
    assert_eq!(norms.len(), 9);
}

/// Gradients of equal batches, accumulated, are those of one large batch.
#[test]
fn accumulated_batches_are_one_large_one() {
    let train = |size: usize, accumulate: usize| {
        let inputs = Tensor::<f64>::from_fn([24, 4], |i| ((1 + 5 * i[0] + i[1]) as f64).sin());
        let mut data = Batches::new(&inputs, vec![1; 24], size).unwrap();
        let mut model = Sequential::<f64>::builder()
            .linear(4, 3, Activation::Identity)
            .build(&mut Pcg64::seed_from_u64(1))
            .unwrap();
        Trainer::new(&mut model, Sgd::new(0.5))
            .epochs(4)
            .accumulate(accumulate)
            .fit(
                &mut data,
                |model, tape, batch| {
                    let x = tape.constant(&batch.inputs);
                    Ok(model.try_forward(x)?.cross_entropy(&batch.targets))
                },
                |_| vec![],
            )
            .unwrap();
        model.predict(&inputs)
    };
    let (whole, parts) = (train(12, 1), train(4, 3));
    assert!(whole.iter().zip(parts.iter()).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn a_run_ends_when_it_is_told_to() {
    let mut trained = model(1);
    let mut metric = [3.0, 2.0, 2.5, 2.1, 1.0].into_iter();
    let mut trainer = Trainer::new(&mut trained, Sgd::new(0.1))
        .epochs(5)
        .early_stopping(EarlyStopping::new("metric").patience(2));
    let mut validate = |_: &Sequential| vec![("metric", metric.next().unwrap())];
    let outcome = trainer.fit(&mut batches(1), loss, &mut validate).unwrap();
    assert_eq!((outcome, trainer.history().len()), (Outcome::StoppedEarly, 4));

    let mut trained = model(1);
    let mut trainer =
        Trainer::new(&mut trained, Sgd::new(0.1)).epochs(5).callback(|event| match event {
            Event::Step { step: 8, .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
    let outcome = trainer.fit(&mut batches(1), loss, |_| vec![]).unwrap();
    assert_eq!((outcome, trainer.steps()), (Outcome::StoppedByCallback, 8));

    let flag = Arc::new(AtomicBool::new(false));
    let (mut trained, set) = (model(1), Arc::clone(&flag));
    let mut trainer = Trainer::new(&mut trained, Sgd::new(0.1)).epochs(5).stop_flag(flag).callback(
        move |event| {
            if matches!(event, Event::Step { step: 3, .. }) {
                set.store(true, Ordering::Relaxed);
            }
            ControlFlow::Continue(())
        },
    );
    let outcome = trainer.fit(&mut batches(1), loss, |_| vec![]).unwrap();
    assert_eq!((outcome, trainer.steps()), (Outcome::Interrupted, 3));
}

#[test]
fn what_goes_wrong_is_returned() {
    let mut trained = model(1);
    let before = weights(&trained);
    let mut trainer = Trainer::new(&mut trained, Sgd::new(0.1));
    let error = trainer
        .fit(&mut batches(1), |model, tape, batch| Ok(loss(model, tape, batch)? / 0.0), |_| vec![])
        .unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { step: 1, .. }), "{error}");
    assert!(error.to_string().starts_with("the loss of step 1 is inf"), "{error}");
    assert_eq!(weights(trainer.model()), before);

    let error = trainer
        .fit(
            &mut batches(1),
            |model, tape, _| model.try_forward(tape.constant(&Tensor::ones([1]))),
            |_| vec![],
        )
        .unwrap_err();
    assert!(matches!(error, TrainError::Loss(_)), "{error}");

    let mut trained = model(1);
    let mut trainer =
        Trainer::new(&mut trained, Sgd::new(0.1)).early_stopping(EarlyStopping::new("accuracy"));
    let error = trainer.fit(&mut batches(1), loss, |_| vec![("f1", 0.5)]).unwrap_err().to_string();
    let names = "[\"epoch\", \"step\", \"rate\", \"loss\", \"f1\"]";
    assert_eq!(error, format!("there is no metric \"accuracy\" among {names}"));
}

#[cfg(feature = "checkpoint")]
fn trainer<'m>(model: &'m mut Sequential, folder: &std::path::Path) -> Trainer<'m, Sequential> {
    Trainer::new(model, Adam::new(0.01))
        .epochs(6)
        .schedule(Cosine::new(0.01, 18))
        .accumulate(2)
        .average(Average::swa())
        .early_stopping(EarlyStopping::new("sum").patience(50))
        .saving(Saving::new(folder).every_steps(2).best(2, "sum"))
}

/// Stopped after any step, within an epoch or at its end, a run continues to the same end.
#[cfg(feature = "checkpoint")]
#[test]
fn a_run_that_was_stopped_continues_to_the_bit() {
    let validate = |model: &Sequential| vec![("sum", sum(model))];
    let folder = tempfile::tempdir().unwrap();
    let mut whole_model = model(1);
    let mut whole = trainer(&mut whole_model, folder.path());
    whole.fit(&mut batches(3), loss, validate).unwrap();
    for stop in [1, 2, 3, 4, 9, 17] {
        let folder = tempfile::tempdir().unwrap();
        let (mut first_model, mut data) = (model(1), batches(3));
        let mut first =
            trainer(&mut first_model, folder.path()).callback(move |event| match event {
                Event::Step { step, .. } if *step == stop => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            });
        assert!(!first.resume(&mut data).unwrap());
        first.fit(&mut data, loss, validate).unwrap();
        let (mut second_model, mut data) = (model(7), batches(8));
        let mut second = trainer(&mut second_model, folder.path());
        assert!(second.resume(&mut data).unwrap());
        assert_eq!(second.steps(), stop);
        assert_eq!(second.fit(&mut data, loss, validate).unwrap(), Outcome::Finished);
        assert_eq!(weights(second.model()), weights(whole.model()), "stopped after {stop}");
        assert_eq!(second.history().to_csv(), whole.history().to_csv(), "stopped after {stop}");
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(names[2], "last.safetensors");
    }
}
