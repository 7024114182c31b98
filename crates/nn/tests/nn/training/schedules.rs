//! Schedules against those of PyTorch (`../../training_reference/schedules.py`).

use wengert_nn::schedule::{
    Constant, Cosine, CosineRestarts, Exponential, LinearRate, MultiStep, OneCycle, Plateau,
    Polynomial, Schedule, Scheduler, StepDecay, lambda,
};
use wengert_nn::{
    Adagrad, Adam, Adamax, Groups, Lamb, Lion, Lookahead, Muon, Optimizer, RAdam, Sgd, Stateful,
};

fn reference(name: &str) -> Vec<f64> {
    let mut all = super::table(include_str!("../../training_reference/schedules.csv"));
    all.find(|(other, _)| *other == name).unwrap_or_else(|| panic!("{name}")).1
}

fn compare(name: &str, found: &[f64]) {
    let expected = reference(name);
    assert_eq!((found.len(), expected.len()), (31, 31), "{name}");
    for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let close = (found - expected).abs() <= 1e-12 * expected.abs() + 1e-17;
        assert!(close, "{name} at step {step}: {found} for {expected}");
    }
}

fn follow(name: &str, schedule: impl Schedule) {
    compare(name, &(0..=30).map(|step| schedule.rate(step)).collect::<Vec<_>>());
}

#[test]
fn rates_are_those_of_pytorch() {
    follow("step", StepDecay::new(0.1, 7, 0.5));
    follow("multistep", MultiStep::new(0.1, &[3, 10, 11], 0.3));
    follow("exponential", Exponential::new(0.1, 0.9));
    follow("polynomial", Polynomial::new(0.1, 20, 2.0));
    follow("linear", LinearRate::new(0.02, 0.09, 12));
    follow("cosine", Cosine::new(0.1, 30).min(0.01));
    follow("restarts", CosineRestarts::new(0.1, 6).min(0.01));
    follow("longer_restarts", CosineRestarts::new(0.1, 4).factor(2));
    follow("one_cycle", OneCycle::new(0.1, 31));
    let linear = OneCycle::new(0.1, 31).rising(0.45).linear().divisors(10.0, 100.0);
    follow("one_cycle_linear", linear);
    follow("one_cycle_three", OneCycle::new(0.1, 31).three_phase());
    follow("lambda", lambda(|step| 0.1 / (step + 1) as f64));
    follow("warm_up", Cosine::new(0.1, 25).warm_up(5, 0.1));
    follow("then", Constant::new(0.1).then(10, Exponential::new(0.1, 0.9)));
    follow("times", LinearRate::new(0.5, 1.0, 8).times(Exponential::new(0.1, 0.95)));
}

#[test]
fn momenta_are_those_of_pytorch() {
    let cycle = OneCycle::new(0.1, 31).momentum(0.85, 0.95);
    let linear = OneCycle::new(0.1, 31).rising(0.45).linear().momentum(0.7, 0.9);
    for (name, schedule) in [
        ("one_cycle_momentum", cycle),
        ("one_cycle_linear_momentum", linear),
        ("one_cycle_three_momentum", cycle.three_phase()),
    ] {
        let mut adam = Adam::<f32>::new(0.1);
        let mut scheduler = Scheduler::new(schedule);
        let momenta = (0..31).map(|_| {
            scheduler.step(&mut adam);
            adam.momentum().unwrap()
        });
        compare(name, &momenta.collect::<Vec<_>>());
    }
}

#[test]
fn momenta_reach_every_optimizer_through_every_schedule() {
    let cycle = || OneCycle::new(0.1, 11).momentum(0.5, 0.75);
    let schedules: [Box<dyn Schedule>; 4] = [
        Box::new(cycle()),
        Box::new(cycle().warm_up(3, 0.1)),
        Box::new(Constant::new(0.5).times(cycle())),
        Box::new(cycle().then(5, Constant::new(0.1))),
    ];
    let optimizers: [Box<dyn Optimizer<f32>>; 8] = [
        Box::new(Sgd::new(0.1)),
        Box::new(Lion::new(0.1)),
        Box::new(RAdam::new(0.1)),
        Box::new(Adamax::new(0.1)),
        Box::new(Lamb::new(0.1)),
        Box::new(Muon::new(0.1)),
        Box::new(Lookahead::new(Adam::new(0.1), 5, 0.5)),
        Box::new(Groups::new(Sgd::new(0.1)).group("*bias", Adam::new(0.1))),
    ];
    for mut optimizer in optimizers {
        for schedule in &schedules {
            optimizer.set_momentum(0.1);
            Scheduler::new(schedule).step(&mut optimizer);
            assert_eq!(optimizer.momentum(), Some(0.75));
        }
        Scheduler::new(Constant::new(0.1)).step(&mut optimizer);
        assert_eq!(optimizer.momentum(), Some(0.75));
    }
    let mut without = Adagrad::<f32>::new(0.1);
    Scheduler::new(cycle()).step(&mut without);
    assert_eq!(without.momentum(), None);
    assert_eq!(Constant::new(0.1).then(5, cycle()).momentum(4), None);
    assert_eq!(Constant::new(0.1).then(5, cycle()).momentum(5), Some(0.75));
    assert_eq!(Schedule::momentum(&cycle(), u64::MAX), Some(0.75));
}

#[test]
fn plateaus_are_those_of_pytorch() {
    let small = Plateau::new(0.1).factor(0.5).patience(2).cooldown(1).min(0.01);
    let large = Plateau::new(0.1).factor(0.5).patience(1).threshold(0.05).maximize();
    for (name, plateau) in [("plateau", small), ("plateau_max", large)] {
        // In one run, and saved and loaded after each epoch.
        let (mut whole, mut sgd) = (plateau.clone(), Sgd::<f32>::new(0.1));
        let mut parts = plateau.clone();
        let mut rates = vec![0.1];
        for step in 0..30 {
            let metric = 1.0 + (f64::from(step).cos().abs() * 10.0).round_ties_even() / 10.0;
            rates.push(whole.step(metric, &mut sgd));
            let mut next = plateau.clone();
            next.load_state(&parts.state()).unwrap();
            assert_eq!(next.step(metric, &mut sgd), whole.rate());
            parts = next;
        }
        compare(name, &rates);
    }
}

#[test]
fn a_scheduler_sets_the_rate_of_each_step() {
    let (mut sgd, mut scheduler) =
        (Sgd::<f32>::new(1.0), Scheduler::new(Exponential::new(0.5, 0.5)));
    for expected in [0.5, 0.25, 0.125] {
        assert_eq!((scheduler.rate(), scheduler.step(&mut sgd)), (expected, expected));
        assert_eq!(sgd.learning_rate(), expected);
    }
    let mut later = Scheduler::new(Exponential::new(0.5, 0.5));
    later.load_state(&scheduler.state()).unwrap();
    assert_eq!((later.steps(), later.rate()), (3, 0.0625));
}

#[test]
fn rates_after_the_end_stay() {
    for schedule in [
        Box::new(Cosine::new(0.1, 10).min(0.01)) as Box<dyn Schedule>,
        Box::new(LinearRate::new(0.1, 0.01, 10)),
        Box::new(OneCycle::new(0.01 * 25.0 * 1e4, 11)),
        Box::new(Cosine::new(0.1, 0).min(0.01)),
    ] {
        for step in [10, 11, 1000, u64::MAX] {
            assert!((schedule.rate(step) - 0.01).abs() < 1e-12, "{}", schedule.rate(step));
        }
    }
    assert!(CosineRestarts::new(0.1, 3).factor(3).rate(u64::MAX).is_finite());
    assert!(CosineRestarts::new(0.1, 3).rate(u64::MAX).is_finite());
}
