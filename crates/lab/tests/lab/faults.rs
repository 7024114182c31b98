//! Errors: one sentence that names the fault, exit status 2, and no change of an old report.

use std::fs::{self, File};
use std::io::Write;

use crate::support::{
    Lab, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, idx, text, write_data,
};

/// The one sentence a faulty run ends with.
fn refused(lab: &Lab, args: &[&str]) -> String {
    let output = lab.run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    let sentence = text(&output.stderr).to_owned();
    assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
    assert!(sentence.starts_with("wengert-lab: ") && !sentence.contains("panicked"), "{sentence}");
    sentence
}

/// The sentence about data of which one file was changed.
fn refused_data(file: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let lab = Lab::with_data();
    let path = lab.data().join(file);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let sentence = refused(&lab, &["grid", "--data", "data", "--epochs", "1"]);
    assert!(sentence.contains(file), "{sentence}");
    assert!(!lab.dir.path().join("wengert-report").exists());
    sentence
}

#[test]
fn faulty_files_are_named_with_their_fault() {
    let cut = refused_data(TRAIN_IMAGES, |bytes| bytes.truncate(bytes.len() - 1));
    assert!(cut.contains("1199"), "{cut}");
    refused_data(TRAIN_LABELS, |bytes| bytes.truncate(6));
    let longer = refused_data(TEST_IMAGES, |bytes| bytes.push(0));
    assert!(longer.contains("20 x 4 x 5"), "{longer}");
    let empty = refused_data(TEST_LABELS, Vec::clear);
    assert!(empty.contains("is empty"), "{empty}");
    let foreign =
        refused_data(TRAIN_IMAGES, |bytes| *bytes = b"\x89PNG\r\n\x1a\n and so on".into());
    assert!(foreign.contains("is not IDX"), "{foreign}");
    let floats = refused_data(TEST_IMAGES, |bytes| bytes[2] = 0x0D);
    assert!(floats.contains("0x0D"), "{floats}");
    let label = refused_data(TRAIN_LABELS, |bytes| bytes[8 + 7] = 10);
    assert!(label.contains("10"), "{label}");
    let huge = refused_data(TRAIN_IMAGES, |bytes| bytes[4..16].fill(0xFF));
    assert!(huge.contains("4294967295"), "{huge}");
    // Labels under the images' name, and fewer labels than images.
    let swapped = refused_data(TRAIN_IMAGES, |bytes| *bytes = idx(&[60], &[0; 60]));
    assert!(swapped.contains("rank"), "{swapped}");
    let fewer = refused_data(TEST_LABELS, |bytes| *bytes = idx(&[19], &[0; 19]));
    assert!(fewer.contains("19") && fewer.contains("20"), "{fewer}");
    let none = refused_data(TEST_IMAGES, |bytes| *bytes = idx(&[20, 0, 5], &[]));
    assert!(none.contains("20 x 0 x 5"), "{none}");
    refused_data(TEST_IMAGES, |bytes| *bytes = idx(&[20, 2, 5], &[0; 200]));
}

#[test]
fn images_of_another_rank_are_named_as_such() {
    // A header of another rank before the data of images, and whole files of another rank.
    for rank in [1, 2, 4] {
        let sentence = refused_data(TRAIN_IMAGES, |bytes| bytes[3] = rank);
        let says = sentence.contains(&format!("has rank {rank}"));
        assert!(says && sentence.contains("images of rank 3"), "{sentence}");
    }
    for shape in [&[60, 20][..], &[60, 4, 5, 1]] {
        let sentence = refused_data(TRAIN_IMAGES, |bytes| *bytes = idx(shape, &[0; 1200]));
        assert!(sentence.contains("images of rank 3"), "{sentence}");
    }
    let sentence = refused_data(TEST_LABELS, |bytes| bytes[3] = 2);
    assert!(sentence.contains("labels of rank 1"), "{sentence}");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused() {
    let lab = Lab::with_data();
    let path = lab.data().join(TRAIN_LABELS);
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    for command in ["grid", "train"] {
        let sentence = refused(&lab, &[command, "--data", "data", "--epochs", "1"]);
        assert!(sentence.contains(TRAIN_LABELS) && sentence.contains("pipe"), "{sentence}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_thread_that_is_refused_is_an_error_of_every_command() {
    let lab = Lab::new();
    // A stack of 2 GiB does not fit into 1.2 GB of address space, so the first thread is refused.
    // Stacks of the usual size would fill the address space, and a started thread that finds no
    // room for its signal stack aborts the process inside the standard library.
    let program = env!("CARGO_BIN_EXE_wengert-lab");
    let limits = "ulimit -v 1200000 && export RUST_MIN_STACK=2147483648";
    for command in ["activations", "init --depth 2 --width 8", "theory --activation tanh", "train"]
    {
        let line = format!("{limits} && exec {program} {command} --threads 4");
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &line]).current_dir(lab.dir.path()).output().unwrap();
        let sentence = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {sentence}");
        assert!(sentence.contains("a thread cannot be started"), "{command}: {sentence}");
        assert!(sentence.contains("--threads"), "{command}: {sentence}");
    }
}

#[test]
fn a_damaged_archive_is_named() {
    let lab = Lab::with_data();
    let plain = fs::read(lab.data().join(TRAIN_IMAGES)).unwrap();
    fs::remove_file(lab.data().join(TRAIN_IMAGES)).unwrap();
    let archive = lab.data().join(format!("{TRAIN_IMAGES}.gz"));
    let mut encoder =
        flate2::write::GzEncoder::new(File::create(&archive).unwrap(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    encoder.finish().unwrap();
    let args = ["grid", "--data", "data", "--epochs", "1", "--quiet"];
    assert_eq!(lab.run(&args).status.code(), Some(0));

    let bytes = fs::read(&archive).unwrap();
    fs::write(&archive, &bytes[..bytes.len() / 2]).unwrap();
    let sentence = refused(&lab, &args);
    assert!(sentence.contains(&format!("{TRAIN_IMAGES}.gz")), "{sentence}");
}

#[test]
fn missing_files_and_directories_are_named() {
    let lab = Lab::new();
    let sentence = refused(&lab, &["grid", "--data", "nowhere"]);
    assert!(sentence.contains("nowhere"), "{sentence}");
    for file in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
        write_data(&lab.data());
        fs::remove_file(lab.data().join(file)).unwrap();
        let sentence = refused(&lab, &["grid", "--data", "data"]);
        assert!(sentence.contains(file) && sentence.contains("holds no"), "{sentence}");
    }
    write_data(&lab.data());
    let file = format!("data/{TRAIN_IMAGES}");
    let sentence = refused(&lab, &["grid", "--data", &file]);
    assert!(sentence.contains("not a directory"), "{sentence}");
}

#[test]
fn an_unwritable_path_is_named_before_the_training() {
    let lab = Lab::with_data();
    fs::write(lab.dir.path().join("file"), "mine").unwrap();
    for out in ["file", "file/below"] {
        // Training for this number of epochs would take hours.
        let args = ["grid", "--data", "data", "--epochs", "100000", "--out", out];
        let sentence = refused(&lab, &args);
        assert!(sentence.contains(&format!("`{out}`")), "{sentence}");
    }
    assert_eq!(fs::read_to_string(lab.dir.path().join("file")).unwrap(), "mine");
    fs::create_dir_all(lab.dir.path().join("out/grid.json")).unwrap();
    let sentence = refused(&lab, &["grid", "--data", "data", "--epochs", "100000", "--out", "out"]);
    assert!(sentence.contains("grid.json"), "{sentence}");
}

#[test]
fn an_unknown_simd_level_is_named() {
    let lab = Lab::new();
    for value in ["sse9", "avx-512"] {
        let output = lab.command(&["--quiet"]).env("WENGERT_SIMD", value).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let sentence = text(&output.stderr);
        assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
        assert!(sentence.contains("WENGERT_SIMD") && sentence.contains(value), "{sentence}");
        assert!(!sentence.contains("panicked"), "{sentence}");
    }
}

#[test]
fn a_lower_simd_level_runs_and_is_reported() {
    let lab = Lab::with_data();
    let args = ["grid", "--data", "data", "--epochs", "1", "--quiet"];
    let output = lab.command(&args).env("WENGERT_SIMD", "portable").output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert_eq!(lab.report("wengert-report", "grid.json")["conditions"]["simd_level"], "portable");
}

#[test]
fn an_invalid_command_line_is_refused() {
    let lab = Lab::new();
    for args in [
        &["grid", "--epochs", "0"][..],
        &["train", "--model", "none"],
        &["--threads", "none"],
        &["--seed", "-1"],
        &["digits"],
        &["claim"],
    ] {
        let output = lab.run(args);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{args:?}");
        assert!(text(&output.stderr).contains("error"), "{args:?}");
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    let lab = Lab::new();
    let sentence = refused(&lab, &["claim", "A5", "C1"]);
    assert!(sentence.contains("`C1`") && sentence.contains("A14"), "{sentence}");
    for args in [&["theory", "--activation", "swish2"][..], &["train", "--activation", "swish2"]] {
        let sentence = refused(&lab, args);
        assert!(sentence.contains("`swish2`") && sentence.contains("gelu"), "{sentence}");
    }
    for rate in
        [&["train", "--rate=-1"][..], &["train", "--rate", "-1"], &["train", "--rate", "-0.001"]]
    {
        let sentence = refused(&lab, rate);
        assert!(sentence.contains("the learning rate must be 0 or more, not -"), "{sentence}");
    }
    assert!(!lab.dir.path().join("wengert-report").exists());
}
