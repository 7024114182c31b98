//! The cost of embedding: number of crates, cold build time, and size of a stripped program.
//!
//!     cargo run --release -p wengert-benches --bin weight
//!
//! Creates a program in a temporary folder that trains a small network and depends on the facade as
//! a user's program does, and builds it with a new target folder. The build time is meaningful only
//! on a quiet machine.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const PROGRAM: &str = r#"
use wengert::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut model = Sequential::builder()
        .linear(2, 8, Activation::Tanh)
        .linear(8, 1, Activation::Identity)
        .build(&mut rng)?;
    let inputs = Tensor::from_vec(vec![0., 0., 0., 1., 1., 0., 1., 1.], [4, 2])?;
    let targets = Tensor::from_vec(vec![0., 1., 1., 0.], [4, 1])?;
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    let mut tape = Tape::new();
    let mut last = f32::NAN;
    for _ in 0..1000 {
        let loss = model.forward(tape.constant(&inputs)).mse_loss(tape.constant(&targets));
        last = loss.item();
        sgd.step(&mut model, &loss.backward());
        tape.clear();
    }
    println!("{last}");
    if last < 0.01 { Ok(()) } else { Err("it did not learn".into()) }
}
"#;

fn cargo(folder: &Path, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(folder).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("cargo {} failed: {said}", arguments.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Number of crates in the build of a program with this dependency, without the program itself.
fn crates(folder: &Path) -> Result<usize, Box<dyn Error>> {
    let tree = cargo(folder, &["tree", "--edges", "normal,build", "--prefix", "none"])?;
    let names: BTreeSet<&str> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|l| !l.is_empty()).collect();
    Ok(names.len() - 1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let facade = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/wengert").canonicalize()?;
    std::fs::create_dir(folder.path().join("src"))?;
    std::fs::write(folder.path().join("src/main.rs"), PROGRAM)?;
    let manifest = |features: &str| {
        format!(
            "[package]\nname = \"weight\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\nwengert = {{ path = '{}'{features} }}\n\
             [profile.release]\nstrip = true\n[workspace]\n",
            facade.display()
        )
    };
    let place = folder.path().join("Cargo.toml");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    std::fs::copy(lock, folder.path().join("Cargo.lock"))?;

    std::fs::write(&place, manifest(", default-features = false"))?;
    println!("crates without default features: {:5}      (at most 32)", crates(folder.path())?);
    std::fs::write(&place, manifest(""))?;
    println!("crates with them:                {:5}      (at most 50)", crates(folder.path())?);

    std::fs::write(&place, manifest(", default-features = false"))?;
    cargo(folder.path(), &["fetch"])?;
    let start = Instant::now();
    cargo(folder.path(), &["build", "--release", "--offline"])?;
    println!(
        "cold release build:              {:7.1} s  (at most 45)",
        start.elapsed().as_secs_f64()
    );
    let program = folder.path().join("target/release/weight");
    let size = std::fs::metadata(&program)?.len() as f64 / 1e6;
    println!("stripped program:                {size:8.2} MB (at most 2.5)");
    let run = Command::new(&program).output()?;
    if !run.status.success() {
        return Err("the program did not learn".into());
    }
    Ok(())
}
