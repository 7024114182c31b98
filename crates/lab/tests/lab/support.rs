//! Runs the program, and creates small data for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use wengert_lab::args::{Args, Command as Asked, Grid};

/// The program, in a temporary directory and without the caller's environment settings.
pub struct Lab {
    pub dir: TempDir,
}

impl Lab {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With the files of [`write_data`] in `data`.
    pub fn with_data() -> Self {
        let lab = Self::new();
        write_data(&lab.data());
        lab
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wengert-lab"));
        command.args(args).current_dir(self.dir.path()).env_remove("WENGERT_SIMD");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A run of the grid that must succeed in silence; its report.
    pub fn quiet(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["--quiet", "grid"], args].concat());
        assert_eq!(text(&output.stderr), "");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(0));
        self.report("wengert-report", "grid.json")
    }

    pub fn report(&self, out: &str, file: &str) -> Value {
        let path = self.dir.path().join(out).join(file);
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

/// The grid with default options.
pub fn defaults() -> Grid {
    let args: Args = clap::Parser::parse_from(["wengert-lab", "grid"]);
    match args.command {
        Some(Asked::Grid(grid)) => grid,
        other => panic!("{other:?} is no grid"),
    }
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The bytes of an IDX file of unsigned bytes.
pub fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes.extend(data);
    bytes
}

pub const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// Images of 4 x 5 pixels of ten easily distinguished classes: two pixels of each class are bright.
fn images(labels: &[u8]) -> Vec<u8> {
    let mut pixels = vec![0; labels.len() * 20];
    for (i, &label) in labels.iter().enumerate() {
        pixels[i * 20 + 2 * usize::from(label)] = 255;
        pixels[i * 20 + 2 * usize::from(label) + 1] = 128 + i as u8;
    }
    pixels
}

/// A whole data set: 60 training and 20 test images.
pub fn write_data(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (images_name, labels_name, count) in
        [(TRAIN_IMAGES, TRAIN_LABELS, 60_u8), (TEST_IMAGES, TEST_LABELS, 20)]
    {
        let labels: Vec<u8> = (0..count).map(|i| i % 10).collect();
        let shape = [u32::from(count), 4, 5];
        fs::write(directory.join(images_name), idx(&shape, &images(&labels))).unwrap();
        fs::write(directory.join(labels_name), idx(&shape[..1], &labels)).unwrap();
    }
}

/// The report without the conditions of the machine.
pub fn figures(mut report: Value) -> Value {
    assert!(report.as_object_mut().unwrap().remove("conditions").is_some());
    report
}
