//! The course, by claims whose experiments are short.

use std::fs;

use serde_json::Value;

use crate::support::{Lab, text};

/// Claims with short experiments.
const QUICK: [&str; 4] = ["A4", "A5", "B5", "A1"];

fn run(lab: &Lab, args: &[&str]) -> String {
    let output = lab.run(&[&["claim"], &QUICK[..], args].concat());
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    text(&output.stdout).to_owned()
}

/// The report without times and the machine.
fn figures(lab: &Lab, out: &str) -> Value {
    let mut report = lab.report(out, "claims.json");
    report["conditions"] = Value::Null;
    for claim in report["claims"].as_array_mut().unwrap() {
        claim["seconds"] = Value::Null;
    }
    report
}

#[test]
fn claims_are_tested_in_the_order_of_the_notes_and_reported() {
    let lab = Lab::new();
    let table = run(&lab, &["--threads", "2"]);
    let ids = ["A1 ", "A4 ", "A5 ", "B5 "];
    let places =
        ids.map(|id| table.find(&format!("{id}  ")).unwrap_or_else(|| panic!("{id}:\n{table}")));
    assert!(places.is_sorted(), "{table}");
    assert!(table.contains("holds, with a caveat") && table.contains("claims.html"), "{table}");
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let report = lab.report("wengert-report", "claims.json");
    let claims = report["claims"].as_array().unwrap();
    assert_eq!(claims.len(), QUICK.len());
    for claim in claims {
        assert_eq!(claim["as_stated"], true, "{claim}");
        for check in claim["checks"].as_array().unwrap() {
            let [low, mean, high] =
                ["low", "mean", "high"].map(|end| check["measured"][end].as_f64().unwrap());
            assert!(low <= mean && mean <= high, "{check}");
            assert!(!check["because"].as_str().unwrap().is_empty(), "{check}");
        }
        let page = fs::read_to_string(lab.dir.path().join("wengert-report/claims.html")).unwrap();
        assert!(page.contains(&format!("id={}", claim["id"])), "{claim}");
    }
}

#[test]
fn the_same_seed_gives_the_same_course_on_any_number_of_threads() {
    let lab = Lab::new();
    for (out, args) in [
        ("one", ["--threads", "1", "--seed", "4"]),
        ("three", ["--threads", "3", "--seed", "4"]),
        ("other", ["--threads", "3", "--seed", "5"]),
    ] {
        run(&lab, &[&args[..], &["--out", out]].concat());
    }
    assert_eq!(figures(&lab, "one"), figures(&lab, "three"));
    assert_ne!(figures(&lab, "one")["claims"], figures(&lab, "other")["claims"]);
}

#[test]
fn every_command_prints_json() {
    let lab = Lab::new();
    for args in [
        &["claim", "B5", "--json"][..],
        &["list", "--json"],
        &["activations", "--json"],
        &["init", "--depth", "4", "--width", "16", "--json"],
        &["theory", "--activation", "gelu", "--json"],
        &["train", "--epochs", "1", "--model", "cnn", "--activation", "relu", "--json"],
    ] {
        let output = lab.run(args);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{args:?}");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(value.is_object() || value.is_array(), "{args:?}");
    }
    let listed: Value = serde_json::from_slice(&lab.run(&["list", "--json"]).stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 22);
}

#[test]
fn a_network_is_shown_layer_by_layer_after_every_epoch() {
    let lab = Lab::new();
    let output = lab.run(&["train", "--model", "cnn", "--activation", "relu", "--epochs", "2"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let shown = text(&output.stdout);
    assert_eq!(shown.lines().filter(|line| line.starts_with("epoch ")).count(), 3, "{shown}");
    // The convolutions are the second and the fourth module, the linear layer is the seventh.
    for layer in ["1 ", "3 ", "6 "] {
        assert_eq!(shown.lines().filter(|line| line.starts_with(layer)).count(), 3, "{shown}");
    }
    let history = lab.report("wengert-report", "train.json");
    let epochs = history["epochs"].as_array().unwrap();
    assert!(epochs[2]["test_accuracy"].as_f64() > epochs[0]["test_accuracy"].as_f64(), "{history}");
    assert_eq!(epochs[1]["layers"].as_array().unwrap().len(), 3);
}

#[test]
fn theory_prints_known_constants() {
    let lab = Lab::new();
    let output = lab.run(&["theory", "--activation", "relu"]);
    let shown = text(&output.stdout).to_owned();
    assert!(shown.contains("1.414214") && shown.contains("edge of chaos"), "{shown}");
    let output = lab.run(&["theory", "--activation", "tanh", "--out", "here", "--quiet"]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", ""));
    let theory = lab.report("here", "theory.json");
    let gain = theory["forward_gain"].as_f64().unwrap();
    assert!((gain - 1.5925).abs() < 1e-4, "{gain}");
}

#[test]
fn twenty_layers_learn_from_the_right_weights_and_not_from_others() {
    let lab = Lab::new();
    let right = |activation: &str, init: &str| {
        let args = ["train", "--model", "deep", "--activation", activation, "--init", init];
        let output = lab.run(&[&args[..], &["--epochs", "4", "--quiet"]].concat());
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
        let history = lab.report("wengert-report", "train.json");
        let last = history["epochs"].as_array().unwrap().last().unwrap();
        last["test_accuracy"].as_f64().unwrap()
    };
    for (activation, init) in [("tanh", "xavier"), ("tanh", "advised"), ("relu", "he")] {
        let accuracy = right(activation, init);
        assert!(accuracy > 0.6, "{activation} from {init}: {accuracy}");
    }
    for (activation, init) in [("relu", "xavier"), ("sigmoid", "xavier"), ("tanh", "zero")] {
        let accuracy = right(activation, init);
        assert!(accuracy < 0.3, "{activation} from {init}: {accuracy}");
    }
}
