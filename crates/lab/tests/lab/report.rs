//! The content of grid.json, and its reproducibility.

use serde_json::Value;

use crate::support::{Lab, figures};

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is no list in {value}"))
}

/// A fraction, or null if the activation has none.
fn check_share(value: &Value, name: &str, exists: bool) {
    match value[name].as_f64() {
        Some(share) => assert!(exists && (0.0..=1.0).contains(&share), "{name}: {share}"),
        None => assert!(!exists && value[name].is_null(), "{name}: {}", value[name]),
    }
}

fn check_shares(value: &Value, activation: &str) {
    for end in ["start", "end"] {
        check_share(value, &format!("saturated_{end}"), ["logistic", "tanh"].contains(&activation));
        check_share(value, &format!("dead_{end}"), activation == "relu");
    }
}

/// A finite number, or null with a flag that says what it is.
fn check_number(value: &Value, of: &Value, figure: &str) {
    let flagged = list(of, "non_finite").iter().any(|flag| flag["figure"] == figure);
    assert_eq!(value.is_null(), flagged, "{figure}: {value} in {of}");
    assert!(flagged || value.is_f64(), "{figure}: {value}");
}

fn check_run(run: &Value, activation: &str, epochs: usize, sizes: &[u64]) {
    let accuracy = list(run, "test_accuracy_by_epoch");
    assert_eq!(run["test_accuracy"], *accuracy.last().unwrap());
    for name in ["train_loss", "test_loss", "test_accuracy_by_epoch"] {
        let values = list(run, name);
        assert_eq!(values.len(), epochs, "{name}");
        for (i, value) in values.iter().enumerate() {
            check_number(value, run, &format!("{name}[{i}]"));
        }
    }
    let reached = accuracy.iter().position(|share| share.as_f64().unwrap() >= 0.9);
    let expected = reached.map_or(Value::Null, |i| Value::from(i + 1));
    assert_eq!(run["epochs_to_90_percent"], expected);
    check_shares(run, activation);
    let hidden = list(run, "hidden_layers");
    assert_eq!(hidden.len(), sizes.len() - 2);
    for (layer, size) in hidden.iter().zip(&sizes[1..]) {
        assert_eq!(layer["units"], *size);
        check_shares(layer, activation);
        for name in ["distinct_units_start", "distinct_units_end"] {
            assert!((1..=*size).contains(&layer[name].as_u64().unwrap()), "{name}: {layer}");
        }
    }
    let layers = list(run, "layers");
    assert_eq!(layers.len(), sizes.len() - 1);
    for (i, layer) in layers.iter().enumerate() {
        let figure = format!("layers[{i}].gradient_norm_start");
        check_number(&layer["gradient_norm_start"], run, &figure);
        assert!(layer["weight_changed"].is_boolean() && layer["bias_changed"].is_boolean());
    }
    check_number(&run["gradient_ratio_start"], run, "gradient_ratio_start");
    assert!(run["non_finite_losses"].is_u64());
}

fn check(report: &Value, sizes: &[u64], epochs: usize, seeds: &[u64]) {
    let settings = &report["settings"];
    assert_eq!(settings["architecture"], Value::from(sizes));
    assert_eq!((&settings["epochs"], &settings["seeds"]), (&epochs.into(), &seeds.into()));
    assert_eq!(settings["loss"], "softmax cross-entropy");
    assert!(settings["batch"].as_u64().unwrap() > 0);
    assert!(settings["optimizer"]["learning_rate"].as_f64().unwrap() > 0.0);
    let conditions = &report["conditions"];
    assert_eq!(conditions["version"], env!("CARGO_PKG_VERSION"));
    assert!(list(conditions, "simd_levels_available").contains(&conditions["simd_level"]));
    assert!(conditions["threads"].as_u64().unwrap() >= 1);

    let pairs = list(report, "pairs");
    assert_eq!(pairs.len(), 48);
    for pair in pairs {
        let activation = pair["activation"].as_str().unwrap();
        let verdict = pair["verdict"].as_str().unwrap();
        assert!(!verdict.is_empty() && verdict.lines().count() == 1, "{verdict}");
        check_shares(pair, activation);
        check_number(&pair["gradient_ratio_start"], pair, "gradient_ratio_start");
        let runs = list(pair, "runs");
        assert_eq!(runs.iter().map(|run| run["seed"].as_u64().unwrap()).collect::<Vec<_>>(), seeds);
        for run in runs {
            check_run(run, activation, epochs, sizes);
        }
        let mut accuracies: Vec<f64> =
            runs.iter().map(|run| run["test_accuracy"].as_f64().unwrap()).collect();
        accuracies.sort_by(f64::total_cmp);
        for (name, expected) in
            ["test_accuracy_min", "test_accuracy", "test_accuracy_max"].iter().zip(accuracies)
        {
            assert_eq!(pair[name], expected, "{name}");
        }
    }
    for lesson in list(report, "lessons") {
        assert!(lesson.as_str().unwrap().ends_with('.'), "{lesson}");
    }
}

#[test]
fn the_report_of_an_epoch_is_complete() {
    let report = Lab::new().quiet(&["--epochs", "1"]);
    check(&report, &[64, 64, 32, 10], 1, &[1, 2, 3]);
    let data = &report["settings"]["data"];
    assert_eq!((&data["train_images"], &data["test_images"]), (&1347.into(), &450.into()));
    let guessing = report["guessing_accuracy"].as_f64().unwrap();
    assert!((guessing - 46.0 / 450.0).abs() < 1e-12, "{guessing}");
    for pair in list(&report, "pairs") {
        let scaled =
            ["xavier", "he", "computed"].contains(&pair["initialization"].as_str().unwrap());
        let equal = pair["initialization"] == "zero" || pair["initialization"] == "constant 0.5";
        for layer in list(pair, "runs").iter().flat_map(|run| list(run, "hidden_layers")) {
            let expected = if equal { Value::from(1) } else { layer["units"].clone() };
            assert_eq!(layer["distinct_units_start"], expected);
        }
        // In an epoch, equal units do not learn much; networks with scaled weights do, except with
        // the logistic function.
        let accuracy = pair["test_accuracy"].as_f64().unwrap();
        assert!(!equal || accuracy < 0.5, "{pair}");
        assert!(!scaled || pair["activation"] == "logistic" || accuracy > 0.6, "{pair}");
    }
}

#[test]
fn other_data_and_seeds_are_in_the_report() {
    let report = Lab::with_data().quiet(&["--data", "data", "--epochs", "3", "--seed", "41"]);
    check(&report, &[20, 128, 64, 10], 3, &[41, 42, 43]);
    assert_eq!(report["settings"]["data"]["name"], "data");
    assert_eq!(report["settings"]["data"]["height"], 4);
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() {
    let lab = Lab::with_data();
    let run = |seed: &str, threads: &str| {
        let arguments = ["--data", "data", "--epochs", "2", "--seed", seed, "--threads", threads];
        let report = lab.quiet(&arguments);
        assert_eq!(report["conditions"]["threads"].to_string(), threads);
        figures(report)
    };
    let first = run("5", "1");
    assert_eq!(first, run("5", "1"));
    assert_eq!(first, run("5", "2"));
    assert_eq!(first, run("5", "7"));
    assert_ne!(first, run("6", "1"));
}
