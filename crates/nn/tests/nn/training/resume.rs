//! Resuming is exact: 50 steps are 25 steps, a checkpoint, and 25 steps of other objects, to the
//! bit.

use std::path::Path;
use std::process::Command;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Tape, Tensor};
use wengert_nn::data::Batches;
use wengert_nn::schedule::{Cosine, Schedule, Scheduler, WarmUp};
use wengert_nn::{
    Adadelta, Adagrad, Adam, Adamax, Average, Checkpoint, Groups, Lamb, Layer, Lbfgs, Lion,
    Lookahead, Module, Muon, NAdam, Optimizer, RAdam, RmsProp, Sequential, Sgd,
};

const OPTIMIZERS: [&str; 18] = [
    "sgd",
    "momentum",
    "nesterov",
    "adam",
    "adamw",
    "amsgrad",
    "nadam",
    "radam",
    "adamax",
    "rmsprop",
    "adagrad",
    "adadelta",
    "lion",
    "lamb",
    "muon",
    "groups",
    "lookahead",
    "adam of another rate",
];

fn optimizer(name: &str) -> Box<dyn Optimizer> {
    match name {
        "sgd" => Box::new(Sgd::new(0.1)),
        "momentum" => Box::new(Sgd::new(0.1).momentum(0.9).dampening(0.5)),
        "nesterov" => Box::new(Sgd::new(0.1).momentum(0.9).nesterov()),
        "adam" => Box::new(Adam::new(0.01)),
        "adamw" => Box::new(Adam::new(0.01).decoupled(0.1)),
        "amsgrad" => Box::new(Adam::new(0.01).amsgrad()),
        "nadam" => Box::new(NAdam::new(0.01)),
        "radam" => Box::new(RAdam::new(0.01).betas(0.9, 0.95)),
        "adamax" => Box::new(Adamax::new(0.01)),
        "rmsprop" => Box::new(RmsProp::new(0.01)),
        "adagrad" => Box::new(Adagrad::new(0.1).rate_decay(0.01)),
        "adadelta" => Box::new(Adadelta::new(1.0)),
        "lion" => Box::new(Lion::new(0.01)),
        "lamb" => Box::new(Lamb::new(0.01)),
        "muon" => Box::new(Muon::new(0.02)),
        "groups" => {
            let decayed = Adam::new(0.01).decoupled(0.1);
            Box::new(Groups::new(decayed).group("*.bias", Sgd::new(0.1).momentum(0.9)))
        }
        "lookahead" => Box::new(Lookahead::new(Adam::new(0.01), 4, 0.5)),
        "adam of another rate" => Box::new(Adam::new(0.02)),
        other => panic!("{other}"),
    }
}

/// A network with dropout and batch normalization, a schedule, shuffled batches, noise on the
/// inputs, and an average of the weights.
struct Run {
    model: Sequential,
    optimizer: Box<dyn Optimizer>,
    scheduler: Scheduler<WarmUp<Cosine>>,
    batches: Batches,
    rng: Pcg64,
    average: Average,
    step: u64,
}

impl Run {
    /// Objects as a program makes them. Another seed gives other weights and other random numbers.
    fn new(name: &str, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let model = Sequential::builder()
            .linear(6, 16, Activation::Tanh)
            .batch_norm1d(16)
            .dropout(0.3)
            .linear(16, 3, Activation::Identity)
            .build(&mut rng)
            .unwrap();
        let optimizer = optimizer(name);
        let rate = optimizer.learning_rate();
        let inputs = Tensor::from_fn([37, 6], |i| ((1 + 5 * i[0] + i[1]) as f32).sin());
        let labels: Vec<usize> = (0..37).map(|i| i * i % 3).collect();
        Self {
            model,
            optimizer,
            scheduler: Scheduler::new(Cosine::new(rate, 60).warm_up(5, 0.1)),
            batches: Batches::new(&inputs, labels, 8).unwrap().shuffled(seed),
            rng,
            average: Average::ema(0.9),
            step: 0,
        }
    }

    fn train(&mut self, steps: usize) {
        let mut tape = Tape::new();
        let mut done = 0;
        while done < steps {
            let Some(batch) = self.batches.next_batch() else { continue };
            let noise = Tensor::randn(batch.inputs.shape().clone(), &mut self.rng) * 0.1;
            let x = tape.constant(&(&batch.inputs + noise));
            let loss = self.model.forward(x).cross_entropy(batch.targets);
            self.scheduler.step(&mut self.optimizer);
            self.optimizer.step(&mut self.model, &loss.backward());
            self.average.update(&self.model);
            self.step += 1;
            done += 1;
            tape.clear();
        }
    }

    fn checkpoint(&mut self) -> Checkpoint<'_> {
        Checkpoint::new(&mut self.model)
            .optimizer(&mut self.optimizer)
            .follower("average", &mut self.average)
            .with("schedule", &mut self.scheduler)
            .with("batches", &mut self.batches)
            .with("rng", &mut self.rng)
            .with("step", &mut self.step)
    }

    /// All there is, as the bytes of its file.
    fn bytes(&mut self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        self.checkpoint().save(&path).unwrap();
        std::fs::read(path).unwrap()
    }
}

#[test]
fn fifty_steps_are_twice_twenty_five() {
    let folder = tempfile::tempdir().unwrap();
    for name in OPTIMIZERS {
        let mut whole = Run::new(name, 1);
        whole.train(50);
        let path = folder.path().join("run.safetensors");
        let mut first = Run::new(name, 1);
        first.train(25);
        first.checkpoint().save(&path).unwrap();
        // Other weights and seeds, and objects that have a past.
        let mut second = Run::new(name, 2);
        second.train(3);
        second.checkpoint().load(&path).unwrap();
        assert_eq!(second.bytes(), first.bytes(), "{name}: loaded");
        second.train(25);
        assert_eq!(second.bytes(), whole.bytes(), "{name}: continued");
        // The state matters: without it, the run is another one.
        let mut fresh = Run::new(name, 2);
        fresh.train(25);
        assert_ne!(fresh.bytes(), whole.bytes(), "{name}");
    }
}

/// Set in the child process of the next test: the folder of the checkpoints.
const RESUME: &str = "WENGERT_TEST_RESUME";

fn continue_in_this_process(folder: &Path) {
    for name in OPTIMIZERS {
        let path = folder.join(format!("{name}.safetensors"));
        let mut run = Run::new(name, 3);
        run.checkpoint().load(&path).unwrap();
        run.train(25);
        run.checkpoint().save(&path).unwrap();
    }
}

#[test]
fn a_new_process_continues_to_the_bit() {
    if let Some(folder) = std::env::var_os(RESUME) {
        return continue_in_this_process(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    for name in OPTIMIZERS {
        let mut run = Run::new(name, 1);
        run.train(25);
        run.checkpoint().save(folder.path().join(format!("{name}.safetensors"))).unwrap();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "training::resume::a_new_process_continues_to_the_bit"])
        .env(RESUME, folder.path())
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    for name in OPTIMIZERS {
        let mut whole = Run::new(name, 1);
        whole.train(50);
        let found = std::fs::read(folder.path().join(format!("{name}.safetensors"))).unwrap();
        assert_eq!(found, whole.bytes(), "{name}");
    }
}

#[test]
fn lbfgs_continues_to_the_bit() {
    let inputs = Tensor::from_fn([20, 6], |i| ((1 + 5 * i[0] + i[1]) as f32).sin());
    let loss = |model: &Sequential| {
        let tape = Tape::new();
        let loss = model.forward(tape.constant(&inputs)).square().mean();
        (f64::from(loss.item()), loss.backward())
    };
    let make = |seed| {
        let mut rng = Pcg64::seed_from_u64(seed);
        let model = Sequential::<f32>::builder()
            .linear(6, 5, Activation::Tanh)
            .linear(5, 2, Activation::Tanh)
            .build(&mut rng);
        (model.unwrap(), Lbfgs::new(0.5).max_iter(3).history(4))
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let (mut whole, mut lbfgs) = make(1);
    for _ in 0..6 {
        lbfgs.step(&mut whole, loss);
    }
    let (mut first, mut lbfgs) = make(1);
    for _ in 0..3 {
        lbfgs.step(&mut first, loss);
    }
    Checkpoint::new(&mut first).follower("lbfgs", &mut lbfgs).save(&path).unwrap();
    let (mut second, mut lbfgs) = make(2);
    lbfgs.step(&mut second, loss);
    Checkpoint::new(&mut second).follower("lbfgs", &mut lbfgs).load(&path).unwrap();
    for _ in 0..3 {
        lbfgs.step(&mut second, loss);
    }
    let weights = |model: &Sequential| -> Vec<Vec<f32>> {
        model.parameters().into_iter().map(|(_, p)| p.value().to_vec()).collect()
    };
    assert_eq!(weights(&second), weights(&whole));
}

/// What fails to load changes nothing, whichever part it is that does not fit.
#[test]
fn a_checkpoint_that_does_not_fit_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut saved = Run::new("adam", 1);
    saved.train(5);
    for part in ["optimizer", "average", "schedule", "batches", "rng", "step", "model", "more"] {
        let mut other = 0_u32;
        let mut more = 0_u32;
        let Run { model, optimizer, scheduler, batches, rng, average, step } = &mut saved;
        let mut other_model = Sequential::<f32>::builder()
            .linear(6, 16, Activation::Tanh)
            .build(&mut Pcg64::seed_from_u64(1))
            .unwrap();
        let mut checkpoint = if part == "model" {
            Checkpoint::new(&mut other_model)
        } else {
            Checkpoint::new(model)
        };
        checkpoint = match part {
            "optimizer" => checkpoint.with("optimizer", &mut other),
            _ => checkpoint.optimizer(optimizer),
        };
        // In the place of each part a counter, which has another state (a counter has a text).
        let mut text = Pcg64::seed_from_u64(1);
        checkpoint = match part {
            "average" => checkpoint.with("average", &mut text),
            _ => checkpoint.follower("average", average),
        };
        let mut wrong = Pcg64::seed_from_u64(1);
        let mut wrong_rng = 7_u64;
        checkpoint = match part {
            "schedule" => checkpoint.with("schedule", &mut wrong),
            _ => checkpoint.with("schedule", scheduler),
        };
        let mut wrong = Pcg64::seed_from_u64(1);
        checkpoint = match part {
            "batches" => checkpoint.with("batches", &mut wrong),
            _ => checkpoint.with("batches", batches),
        };
        checkpoint = match part {
            "rng" => checkpoint.with("rng", &mut wrong_rng),
            _ => checkpoint.with("rng", rng),
        };
        let mut wrong = Pcg64::seed_from_u64(1);
        checkpoint = match part {
            "step" => checkpoint.with("step", &mut wrong),
            _ => checkpoint.with("step", step),
        };
        if part == "more" {
            checkpoint = checkpoint.with("more", &mut more);
        }
        checkpoint.save(&path).unwrap();

        let mut run = Run::new("adam", 2);
        run.train(7);
        let before = run.bytes();
        let error = run.checkpoint().load(&path).unwrap_err().to_string();
        let named = if part == "model" { "0.weight" } else { part };
        let names = error.contains(named) || part == "model" && error.contains("1.weight");
        assert!(names && error.contains("run.safetensors"), "{part}: {error}");
        assert_eq!(run.bytes(), before, "{part}: {error}");
    }
}

/// A count near the end of its range, as in a damaged file, is refused by its name, and nothing is
/// changed.
#[test]
fn counts_that_no_run_reaches_are_refused() {
    use wengert_nn::schedule::{Constant, Plateau};
    use wengert_nn::train::EarlyStopping;
    use wengert_nn::{ParameterState, Stateful};
    let count_of = |name: &str, error: &str| {
        let expected =
            format!("{name:?} cannot be used: it counts 18446744073709551615, but a count must");
        assert!(error.starts_with(&expected), "{error}");
    };
    let mut run = Run::new("sgd", 1);
    for name in OPTIMIZERS {
        run.optimizer = optimizer(name);
        run.train(1);
        let saved = run.optimizer.state(&run.model);
        let is_count = |name: &&str| name.contains("step");
        let counts: Vec<&str> = saved.names().filter(is_count).collect();
        assert_eq!(counts.is_empty(), name == "sgd", "{name}");
        for count in counts {
            let mut state = saved.clone();
            state.insert_integers(count, [1 << 53]);
            run.optimizer.load_state(&run.model, &state).unwrap();
            let before = format!("{:?}", run.optimizer.state(&run.model));
            state.insert_integers(count, [u64::MAX]);
            let error = run.optimizer.load_state(&run.model, &state).unwrap_err();
            count_of(count, &error.to_string());
            assert_eq!(format!("{:?}", run.optimizer.state(&run.model)), before, "{name}");
        }
    }
    let mut average = run.average.state(&run.model);
    let count = average.names().find(|name| name.contains("step")).unwrap().to_owned();
    average.insert_integers(count.clone(), [u64::MAX]);
    count_of(&count, &run.average.load_state(&run.model, &average).unwrap_err().to_string());
    let mut lbfgs = Lbfgs::new(0.5);
    let mut state = lbfgs.state(&run.model);
    state.insert_integers("counts", [u64::MAX, 0]);
    count_of("counts", &lbfgs.load_state(&run.model, &state).unwrap_err().to_string());
    let parts: [(&str, usize, Box<dyn Stateful>); 3] = [
        ("count", 1, Box::new(Scheduler::new(Constant::new(0.1)))),
        ("waited", 2, Box::new(Plateau::new(0.1))),
        ("waited", 1, Box::new(EarlyStopping::new("loss"))),
    ];
    for (count, len, mut part) in parts {
        let mut state = part.state();
        state.insert_integers(count, vec![u64::MAX; len]);
        count_of(count, &part.load_state(&state).unwrap_err().to_string());
    }
}

#[test]
fn a_generator_continues_at_its_draw() {
    use wengert_nn::Stateful;
    let mut rng = Pcg64::seed_from_u64(5);
    let _: [u32; 7] = rng.random();
    let mut other = Pcg64::seed_from_u64(6);
    other.load_state(&Stateful::state(&rng)).unwrap();
    assert_eq!(other.random::<[u64; 4]>(), rng.random::<[u64; 4]>());
    let mut broken = Stateful::state(&rng);
    broken.insert_text("generator", "{\"state\": 1}");
    assert!(other.load_state(&broken).unwrap_err().to_string().contains("Pcg64"));
}
