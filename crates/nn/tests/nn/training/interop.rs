//! Files of PyTorch and `safetensors` for Python: `../../training_reference/torch_files.py` writes
//! them, and checks the one that is written here.

use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Element, Tensor};
use wengert_nn::{Layer, LoadOptions, Module, Sequential, load_model, load_model_with, save_model};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/training_reference")).join(name)
}

/// The network of the script, with other weights.
fn model<E: Element>() -> Sequential<E> {
    let model = Sequential::builder()
        .linear(4, 3, Activation::Identity)
        .batch_norm1d(3)
        .activation(Activation::Tanh)
        .linear(3, 2, Activation::Identity)
        .build(&mut Pcg64::seed_from_u64(9));
    let mut model = model.unwrap();
    model.eval();
    model
}

/// The outputs that the script prints.
const OUTPUTS: [f64; 10] = [
    -0.30817294120788574,
    -0.12411168962717056,
    -0.32658013701438904,
    0.08637858182191849,
    -0.3737146556377411,
    -0.09863447397947311,
    -0.29161718487739563,
    -0.060098204761743546,
    -0.35409653186798096,
    0.06502122431993484,
];

fn compare<E: Element>(file: &str, tolerance: f64) {
    let mut model = model::<E>();
    let report = load_model_with(&mut model, reference(file), &LoadOptions::pytorch()).unwrap();
    assert_eq!(report.loaded.len(), 8, "{report:?}");
    let x = Tensor::from_fn([5, 4], |i| E::from_f64(((4 * i[0] + i[1]) as f64).sin()));
    for (found, expected) in model.predict(&x).to_vec().iter().zip(OUTPUTS) {
        let found = found.to_f64();
        assert!((found - expected).abs() < tolerance, "{file}: {found} for {expected}");
    }
}

#[test]
fn models_of_pytorch_are_read() {
    compare::<f32>("torch_f32.safetensors", 1e-6);
    compare::<f64>("torch_f32.safetensors", 1e-6);
    // Of 11 and 8 bits.
    compare::<f32>("torch_f16.safetensors", 2e-3);
    compare::<f32>("torch_bf16.safetensors", 2e-2);
    compare::<f64>("torch_bf16.safetensors", 2e-2);
}

/// The counter of batch normalization is not skipped unless that is asked for.
#[test]
fn what_only_pytorch_has_is_named() {
    let error = load_model(&mut model::<f32>(), reference("torch_f32.safetensors")).unwrap_err();
    let text = "the model has no \"1.num_batches_tracked\"";
    assert!(error.to_string().ends_with(text), "{error}");
}

/// Saves PyTorch's model.
fn save(path: &Path) {
    let mut model = model::<f32>();
    let file = reference("torch_f32.safetensors");
    load_model_with(&mut model, file, &LoadOptions::pytorch()).unwrap();
    save_model(&model, path).unwrap();
}

/// Checks that a saved file has the bytes of the file that `torch_files.py check` has read. With
/// `WENGERT_WRITE_REFERENCE` set, writes that file first.
#[test]
fn the_saved_file_is_the_one_that_python_has_checked() {
    if std::env::var_os("WENGERT_WRITE_REFERENCE").is_some() {
        save(&reference("wengert.safetensors"));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wengert.safetensors");
    save(&path);
    let checked = std::fs::read(reference("wengert.safetensors")).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), checked);
}
