//! What is printed to standard output and standard error.

use std::fs;

use crate::support::{Lab, text};

#[test]
fn help_names_every_option_and_the_exit_status() {
    let output = Lab::new().run(&["--help"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let help = text(&output.stdout);
    for word in [
        "--seed",
        "--json",
        "--quiet",
        "--out",
        "claim",
        "grid",
        "train",
        "theory",
        "--threads",
        "WENGERT_SIMD",
        "MNIST",
    ] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    assert!(help.contains("few minutes") && help.contains("Exit status"), "{help}");
    assert!(!help.contains('\x1b'), "{help}");
}

#[test]
fn a_table_of_plain_text_goes_to_standard_output_and_nothing_to_standard_error() {
    let lab = Lab::with_data();
    for no_color in [None, Some("1")] {
        let mut command = lab.command(&["grid", "--data", "data", "--epochs", "2"]);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
        let table = text(&output.stdout);
        assert!(!table.contains('\x1b'), "{table}");
        for line in table.lines() {
            assert!(line.chars().count() <= 100, "{line}");
            assert_eq!(line.trim_end(), line);
        }
        for name in ["logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu"] {
            assert!(table.lines().any(|line| line.starts_with(name)), "{name}:\n{table}");
        }
        let rows = |name: &str| table.lines().filter(|line| line.starts_with(name)).count();
        for name in ["  zero ", "  constant 0.5 ", "  large ", "  xavier ", "  he ", "  computed "]
        {
            assert_eq!(rows(name), 8, "{name}:\n{table}");
        }
        assert!(table.contains("60 training and 20 test images of 4 x 5"), "{table}");
        assert!(table.contains("20-128-64-10"), "{table}");
        assert!(table.contains("grid.json"), "{table}");
    }
}

#[test]
fn quiet_is_silent_and_writes_the_report() {
    let report = Lab::with_data().quiet(&["--data", "data", "--epochs", "1"]);
    assert_eq!(report["settings"]["epochs"], 1);
}

#[test]
fn the_report_is_written_to_the_given_directory_and_replaces_an_older_one() {
    let lab = Lab::with_data();
    let args = ["grid", "--data", "data", "--epochs", "1", "--quiet", "--out", "a/b"];
    let report = lab.dir.path().join("a/b/grid.json");
    fs::create_dir_all(report.parent().unwrap()).unwrap();
    fs::write(&report, "old").unwrap();
    assert_eq!(lab.run(&args).status.code(), Some(0));
    assert_eq!(lab.report("a/b", "grid.json")["settings"]["epochs"], 1);
    let names: Vec<_> = fs::read_dir(report.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(!lab.dir.path().join("wengert-report").exists());
}

/// A closed pipe is not an error.
#[cfg(unix)]
#[test]
fn a_closed_pipe_is_not_an_error() {
    use std::process::Stdio;
    let lab = Lab::with_data();
    let mut command = lab.command(&["grid", "--data", "data", "--epochs", "1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}
