//! [`validate()`]: compares what the diagnosis finds in cases with what is known about them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;
use wengert::nn::diagnose::{
    Budget, Cause as Found, Course, Data, Loss, Report, Rules, Takes, Targets, preflight_with,
};
use wengert::nn::{Adam, Layer, RmsProp, Sgd};

use super::data::Rows;
use super::format::{Batch, Case, Cause, Class, Setup, Variant};
use super::format_network::Act;
use super::format_training::{LossName, OptimizerName};
use super::loss::loss_of;
use super::run::{self, Trained, prepare};
use crate::error::LabError;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The number of starts of each case.
    pub starts: u64,
    /// The longest training of a start in seconds.
    pub seconds: f64,
    /// Whether the cases are trained, so that rules can judge the run as well.
    pub train: bool,
}

/// The causes that the diagnosis names for one start of a case.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    /// The case.
    pub id: String,
    /// The class of the case; a repaired case is healthy.
    pub class: Class,
    /// Whether this is the version that works.
    pub repaired: bool,
    /// The names of the causes that stand.
    pub causes: BTreeSet<&'static str>,
    /// The same, before training.
    pub before: BTreeSet<&'static str>,
    /// The causes that are known.
    pub kinds: BTreeSet<String>,
    /// The sets of causes that explain the case, the known ones included, and whether the repair of
    /// each is verified.
    pub accepted: Vec<(BTreeSet<String>, bool)>,
    /// The milliseconds of the diagnosis before training.
    pub milliseconds: f64,
}

/// The fractions of cases that the diagnosis judges right.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figures {
    /// The number of starts of cases with a fault.
    pub faults: usize,
    /// The fraction of them with a finding.
    pub detected: f64,
    /// The fraction whose causes include an accepted set.
    pub lenient: f64,
    /// The fraction whose causes include a set whose repair is verified.
    pub strict: f64,
    /// The fraction whose causes include all that are known.
    pub complete: f64,
    /// The fraction of the named causes that are in an accepted set.
    pub precision: f64,
    /// The fraction of starts of healthy cases with a finding, and their number.
    pub healthy: (f64, usize),
    /// The same of repaired cases.
    pub repaired: (f64, usize),
    /// The mean time before training in milliseconds.
    pub milliseconds: f64,
}

/// What the diagnosis finds in cases.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// The findings, start by start.
    pub starts: Vec<Judgement>,
    /// The fractions that are right.
    pub figures: Figures,
}

/// Diagnoses and trains the cases, on all threads of the current pool.
///
/// # Errors
/// If a case is invalid.
pub fn validate(cases: &[Case], options: Options) -> Result<Validation, LabError> {
    let rules = Rules::standard();
    let mut jobs = Vec::new();
    for case in cases {
        let mut versions = vec![Variant::Given];
        if case.class == Class::Fault && case.fixed.is_some() {
            versions.push(Variant::Fixed);
        }
        for version in versions {
            let setup = case.variant(version)?;
            jobs.extend((1..=options.starts).map(|start| (case, setup.clone(), version, start)));
        }
    }
    let judged = |(case, setup, version, start): &(&Case, Setup, Variant, u64)| {
        judge(case, setup, *version, *start, options, &rules)
    };
    let starts = jobs.par_iter().map(judged).collect::<Result<Vec<_>, LabError>>()?;
    let figures = Figures::of(&starts);
    Ok(Validation { starts, figures })
}

impl Validation {
    /// The lines that the program prints.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.starts.iter().map(ToString::to_string).collect();
        lines.push(self.figures.to_string());
        lines
    }
}

fn judge(
    case: &Case,
    setup: &Setup,
    version: Variant,
    start: u64,
    options: Options,
    rules: &Rules,
) -> Result<Judgement, LabError> {
    let begin = Instant::now();
    let report = diagnosed(setup, start, rules)?;
    let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
    let before = names(&report);
    let after = if options.train {
        let trained = run::train(setup, start, options.seconds)?;
        report.after(course(setup, start, &trained)?, rules)
    } else {
        report
    };
    let words = |set: &[Cause]| set.iter().map(|cause| word(*cause)).collect::<BTreeSet<_>>();
    let mut accepted = vec![(words(&case.kinds), case.accept_verified.contains(&case.kinds))];
    accepted.extend(case.accept_verified.iter().map(|set| (words(set), true)));
    accepted.extend(case.accept_instead.iter().map(|set| (words(set), false)));
    // The known causes are the strict answer where no repair was tried.
    accepted[0].1 = true;
    Ok(Judgement {
        id: case.id.clone(),
        class: case.class,
        repaired: matches!(version, Variant::Fixed),
        causes: names(&after),
        before,
        kinds: words(&case.kinds),
        accepted,
        milliseconds,
    })
}

fn word(cause: Cause) -> String {
    serde_json::to_value(cause).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn names(report: &Report) -> BTreeSet<&'static str> {
    report.causes().into_iter().map(Found::name).collect()
}

/// The diagnosis of a case before its training.
///
/// # Errors
/// If the case is invalid.
pub fn diagnosed(setup: &Setup, start: u64, rules: &Rules) -> Result<Report, LabError> {
    let prepared = prepare(setup, start)?;
    let takes = match setup.loss.name {
        LossName::Mse | LossName::Mae => Takes::Numbers,
        LossName::Bce | LossName::BceUnclipped => Takes::Probabilities,
        LossName::BceLogits => Takes::Logits,
        LossName::Cce => Takes::ClassProbabilities,
        LossName::CceLogits => Takes::ClassLogits,
        LossName::Poisson => Takes::Rates,
    };
    let spec = setup.loss.clone();
    let name = serde_json::to_value(spec.name).ok();
    let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
    let loss = Loss::new(name, takes, move |output, targets: &Targets<f32>| {
        loss_of(&spec, output, targets.values()?)
    });
    let rows = |rows: &Rows| (rows.inputs.clone(), rows.targets.clone());
    let (inputs, targets) = rows(&prepared.train);
    let mut data = Data::new(&inputs, targets);
    if let Some((inputs, targets)) = prepared.held_out.as_ref().map(rows) {
        data = data.held_out(&inputs, targets);
    }
    let batch = match setup.batch {
        Batch::Full => data.rows(),
        Batch::Rows(rows) => rows,
    };
    let budget = Budget { epochs: setup.epochs, batch };
    let (network, optimizer) = (&prepared.network, &setup.optimizer);
    let eps = optimizer.eps.unwrap_or(1e-7);
    Ok(match optimizer.name {
        OptimizerName::Sgd => {
            let sgd = Sgd::new(optimizer.lr).momentum(optimizer.momentum.unwrap_or(0.0));
            preflight_with(network, &loss, &sgd, &data, budget, rules)
        }
        OptimizerName::Adam => {
            let [beta1, beta2] = [optimizer.beta1.unwrap_or(0.9), optimizer.beta2.unwrap_or(0.999)];
            let adam = Adam::new(optimizer.lr).betas(beta1, beta2).eps(eps);
            preflight_with(network, &loss, &adam, &data, budget, rules)
        }
        OptimizerName::Rmsprop => {
            let rms_prop = RmsProp::new(optimizer.lr).alpha(optimizer.rho.unwrap_or(0.9)).eps(eps);
            preflight_with(network, &loss, &rms_prop, &data, budget, rules)
        }
    })
}

/// The losses of a run, and the recall of each class where the last layer tells classes apart.
fn course(setup: &Setup, start: u64, trained: &Trained) -> Result<Course, LabError> {
    let rows = prepare(setup, start)?.train;
    let outputs = trained.network.try_predict(&rows.inputs);
    let outputs = outputs.map_err(|e| LabError::Request(format!("case `{}`: {e}", setup.id)))?;
    let width = outputs.shape().last().copied().unwrap_or(1);
    let classes: Vec<usize> = rows.classes.iter().map(|class| *class as usize).collect();
    let count = classes.iter().copied().max().map_or(0, |most| most.min(1000) + 1);
    let linear =
        setup.network.layers.last().is_none_or(|l| l.act.unwrap_or(Act::Linear) == Act::Linear);
    let logits = linear && matches!(setup.loss.name, LossName::BceLogits | LossName::CceLogits);
    let middle = if logits { 0.0 } else { 0.5 };
    let (mut right, mut of) = (vec![0.0; count], vec![0.0; count]);
    for (row, &class) in outputs.to_vec().chunks_exact(width.max(1)).zip(&classes) {
        let predicted = if width == 1 {
            usize::from(f64::from(row[0]) > middle)
        } else {
            let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map_or(0, |(place, _)| place)
        };
        if class < count {
            of[class] += 1.0;
            right[class] += f64::from(u8::from(predicted == class));
        }
    }
    let recalls = right.iter().zip(&of).map(|(right, of): (&f64, &f64)| right / of.max(1.0));
    Ok(Course {
        losses: trained.losses.clone(),
        held_out: trained.held_out_losses.clone(),
        recalls: recalls.collect(),
    })
}

impl Judgement {
    fn names(&self, strict: bool) -> bool {
        self.accepted.iter().any(|(set, verified)| {
            (*verified || !strict) && set.iter().all(|cause| self.causes.contains(cause.as_str()))
        })
    }

    fn complete(&self) -> bool {
        self.kinds.iter().all(|cause| self.causes.contains(cause.as_str()))
    }

    /// The named causes that are in an accepted set, and all named causes.
    fn right(&self) -> (usize, usize) {
        let known = |cause: &&&str| self.accepted.iter().any(|(set, _)| set.contains(**cause));
        (self.causes.iter().filter(known).count(), self.causes.len())
    }
}

impl Figures {
    fn of(all: &[Judgement]) -> Self {
        let share = |all: &[&Judgement], holds: &dyn Fn(&Judgement) -> bool| {
            all.iter().filter(|one| holds(one)).count() as f64 / all.len().max(1) as f64
        };
        let broken = |one: &&Judgement| one.class != Class::Healthy && !one.repaired;
        let faults: Vec<&Judgement> = all.iter().filter(broken).collect();
        let healthy: Vec<&Judgement> =
            all.iter().filter(|one| one.class == Class::Healthy).collect();
        let repaired: Vec<&Judgement> = all.iter().filter(|one| one.repaired).collect();
        let counts = faults.iter().map(|one| one.right());
        let (right, named) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let flagged: &dyn Fn(&Judgement) -> bool = &|one| !one.causes.is_empty();
        Self {
            faults: faults.len(),
            detected: share(&faults, flagged),
            lenient: share(&faults, &|one| one.names(false)),
            strict: share(&faults, &|one| one.names(true)),
            complete: share(&faults, &Judgement::complete),
            precision: right as f64 / named.max(1) as f64,
            healthy: (share(&healthy, flagged), healthy.len()),
            repaired: (share(&repaired, flagged), repaired.len()),
            milliseconds: all.iter().map(|one| one.milliseconds).sum::<f64>()
                / all.len().max(1) as f64,
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let healthy = self.class == Class::Healthy || self.repaired;
        let mark = match (healthy, self.causes.is_empty()) {
            (true, true) => "ok",
            (true, false) => "FALSE ALARM",
            (false, true) => "MISSED",
            (false, false) if self.complete() => "complete",
            (false, false) if self.names(true) => "strict",
            (false, false) if self.names(false) => "lenient",
            (false, false) => "WRONG",
        };
        let list = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(" ");
        let known = self.kinds.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let version = if self.repaired { " (repaired)" } else { "" };
        write!(f, "{mark:<12}{}{version}: named [{}]", self.id, list(&self.causes))?;
        if self.causes != self.before {
            write!(f, ", before training [{}]", list(&self.before))?;
        }
        if !healthy {
            write!(f, ", known [{known}]")?;
        }
        Ok(())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("faults with a finding", self.detected, self.faults),
            ("named, any accepted explanation", self.lenient, self.faults),
            ("named, explanation verified by its repair", self.strict, self.faults),
            ("all known causes named", self.complete, self.faults),
            ("precision of the named causes", self.precision, self.faults),
            ("healthy networks with a finding", self.healthy.0, self.healthy.1),
            ("repaired networks with a finding", self.repaired.0, self.repaired.1),
        ];
        for (what, share, of) in rows {
            writeln!(f, "{what:<44}{:>7.1} % of {of} starts", 100.0 * share)?;
        }
        write!(f, "{:<44}{:>7.1} ms", "mean time before training", self.milliseconds)
    }
}
