//! Checkpoint files: what they hold, damaged ones, and a process that is killed while it saves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Tensor};
use wengert_nn::checkpoint::{LoadOptions, read, write};
use wengert_nn::{
    Checkpoint, Module, Sequential, Sgd, State, load_model, load_model_with, save_model,
};

fn model(seed: u64) -> Sequential {
    Sequential::builder()
        .linear(4, 3, Activation::Tanh)
        .batch_norm1d(3)
        .linear(3, 2, Activation::Identity)
        .build(&mut Pcg64::seed_from_u64(seed))
        .unwrap()
}

fn values(model: &Sequential) -> Vec<(String, Vec<f32>)> {
    let parameters = model.parameters().into_iter().map(|(name, p)| (name, p.value().to_vec()));
    let buffers = model.buffers().into_iter().map(|(name, b)| (name, b.value().to_vec()));
    parameters.chain(buffers).collect()
}

/// A file of a header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn a_model_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let (saved, mut loaded) = (model(1), model(2));
    save_model(&saved, &path).unwrap();
    assert_ne!(values(&saved), values(&loaded));
    load_model(&mut loaded, &path).unwrap();
    assert_eq!(values(&saved), values(&loaded));
    // Again over the same name, and no other file is left.
    save_model(&loaded, &path).unwrap();
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["model.safetensors"]);
}

/// A view of one number that would fill more memory than there are addresses.
#[test]
fn a_tensor_too_large_to_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut state = State::new();
    state.insert_tensor("view", &Tensor::<f64>::ones([1]).broadcast_to([1 << 47]));
    let error = write(&path, &state).unwrap_err().to_string();
    assert!(error.contains("\"view\" needs 1125899906842624 bytes, more than"), "{error}");
    assert!(!path.exists());
}

#[test]
fn every_kind_of_entry_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut state = State::new();
    state.insert_tensor("single", &Tensor::from([1.0_f32, f32::NAN, -0.0, f32::INFINITY]));
    state.insert_tensor("double", &Tensor::<f64>::from_fn([3, 2, 4], |i| 0.1 * i[0] as f64));
    state.insert_tensor("strided", &Tensor::<f64>::from_fn([3, 5], |i| i[1] as f64).t());
    state.insert_tensor("empty", &Tensor::<f32>::zeros([0, 3]));
    state.insert_integers("integers", [0, 1, u64::MAX]);
    state.insert_number("number", 0.1);
    state.insert_text("text", "\"a\" \u{1F980}\n\0");
    state.insert_tensor("long", &Tensor::<f32>::from_fn([100_003], |i| i[0] as f32));
    write(&path, &state).unwrap();
    let read_state = read(&path).unwrap();
    assert!(state.names().eq(read_state.names()));
    let bits = |x: Tensor<f32>| x.to_vec().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let single = |state: &State| bits(state.tensor("single", &[4].into()).unwrap());
    assert_eq!(single(&read_state), single(&state));
    for (name, shape) in [("double", &[3, 2, 4][..]), ("strided", &[5, 3]), ("long", &[100_003])] {
        let shape = shape.iter().copied().collect();
        let get = |state: &State| state.tensor::<f64>(name, &shape).unwrap();
        assert_eq!(get(&read_state), get(&state), "{name}");
    }
    assert_eq!(read_state.integers("integers", 3).unwrap(), [0, 1, u64::MAX]);
    assert_eq!(read_state.number("number").unwrap(), 0.1);
    assert_eq!(read_state.text("text").unwrap(), "\"a\" \u{1F980}\n\0");
    // A state that was read can be written: the same file.
    let again = folder.path().join("again.safetensors");
    write(&again, &read_state).unwrap();
    assert_eq!(fs::read(again).unwrap(), fs::read(path).unwrap());
}

/// What is damaged is refused in a sentence that names the file, and changes nothing.
#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let info = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!("{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
    };
    let one = |info: String| format!("{{\"a\":{info}}}");
    let two = |a: String, b: String| format!("{{\"a\":{a},\"b\":{b}}}");
    let wengert = |text: &str| {
        format!("{{\"__metadata__\":{{\"wengert\":{}}}}}", serde_json::Value::from(text))
    };
    let huge = "[4294967296,4294967296,2]";
    for (bytes, text) in [
        (vec![], "it has 0 bytes"),
        (vec![1; 7], "it has 7 bytes"),
        (u64::MAX.to_le_bytes().to_vec(), "its first 8 bytes are 18446744073709551615, above"),
        ((1_u64 << 40).to_le_bytes().to_vec(), "above the limit of 16777216"),
        (1000_u64.to_le_bytes().to_vec(), "a header of 1000 bytes, and 0 follow"),
        (file("", &[]), "its header cannot be used"),
        (file("{", &[]), "its header cannot be used"),
        (file("[1]", &[]), "its header cannot be used"),
        (file(&"[".repeat(100_000), &[]), "its header cannot be used"),
        (file("{\"a\":1}", &[]), "its header cannot be used"),
        (file(&one(info("F32", "[1]", 0, 4)), &[0; 3]), "it is truncated: its header states 4"),
        (file(&one(info("F32", "[1]", 0, 4)), &[0; 5]), "it has bytes after its data"),
        (file(&one(info("F32", "[2]", 0, 4)), &[0; 4]), "its header cannot be used"),
        (file(&one(info("F32", "[1]", 4, 8)), &[0; 8]), "its header cannot be used"),
        (file(&one(info("F32", "[1]", 4, 0)), &[0; 8]), "its header cannot be used"),
        (file(&one(info("F32", "[-1]", 0, 4)), &[0; 4]), "its header cannot be used"),
        (file(&one(info("F32", huge, 0, 4)), &[0; 4]), "its header cannot be used"),
        (file(&one(info("F31", "[1]", 0, 4)), &[0; 4]), "its header cannot be used"),
        (
            file(&two(info("F32", "[2]", 0, 8), info("F32", "[2]", 4, 12)), &[0; 12]),
            "its header cannot be used",
        ),
        (
            file(&two(info("F32", "[1]", 0, 4), info("F32", "[1]", 8, 12)), &[0; 12]),
            "its header cannot be used",
        ),
        (file(&wengert("{"), &[]), "is not JSON"),
        (file(&wengert("{}"), &[]), "has no version"),
        (
            file(&wengert("{\"version\":2}"), &[]),
            "was written in version 2 of the checkpoint layout",
        ),
        (file(&wengert("{\"version\":1}"), &[]), "has no texts"),
        (
            file(&wengert("{\"version\":1,\"texts\":{\"a\":1}}"), &[]),
            "has a text entry that is not a string",
        ),
        (file("{}", &[]), "the file has no \"0.weight\""),
        (file(&one(info("I64", "[1]", 0, 8)), &[0; 8]), "the model has no \"a\""),
    ] {
        fs::write(&path, bytes).unwrap();
        let mut loaded = model(1);
        let error = load_model(&mut loaded, &path).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("model.safetensors"), "{text}: {error}");
        assert!(!error.contains('\n'), "{error}");
        assert_eq!(values(&loaded), values(&model(1)));
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("model.safetensors");
    for (path, text) in
        [(&missing, "cannot be read"), (&folder.path().to_path_buf(), "is a directory")]
    {
        let error = load_model(&mut model(1), path).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains(&*path.to_string_lossy()), "{error}");
    }
    let error = save_model(&model(1), &missing).unwrap_err().to_string();
    assert!(error.contains("cannot be written") && error.contains("missing"), "{error}");
    let error = save_model(&model(1), folder.path()).unwrap_err().to_string();
    assert!(error.contains("cannot be written: it is a directory"), "{error}");
    assert!(save_model(&model(1), Path::new("/")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn devices_and_full_disks_are_refused() {
    let error = load_model(&mut model(1), "/dev/zero").unwrap_err().to_string();
    assert!(error.contains("a pipe, a socket or a device"), "{error}");
    // No file can be made here, whoever asks.
    let error = save_model(&model(1), "/proc/self/model.safetensors").unwrap_err().to_string();
    assert!(error.contains("`/proc/self/model.safetensors` cannot be written"), "{error}");
}

/// A tensor is not read, and no memory set aside, before its shape is the expected one: here of a
/// terabyte that a sparse file claims.
#[cfg(target_os = "linux")]
#[test]
fn a_claimed_size_costs_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let (count, bytes) = (1_u64 << 38, 1_u64 << 40);
    let header = format!(
        "{{\"0.weight\":{{\"dtype\":\"F32\",\"shape\":[{count}],\"data_offsets\":[0,{bytes}]}}}}"
    );
    let start = file(&header, &[]);
    fs::write(&path, &start).unwrap();
    let opened = fs::OpenOptions::new().write(true).open(&path).unwrap();
    if opened.set_len(start.len() as u64 + bytes).is_err() {
        return; // A file system without sparse files of that size.
    }
    let report = load_model_with(&mut model(1), &path, &LoadOptions::new().lenient()).unwrap();
    assert_eq!(report.misfits.len(), 1, "{report}");
    assert!(report.loaded.is_empty());
}

#[test]
fn what_does_not_fit_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut state = State::new();
    state.insert_tensor("0.weight", &Tensor::<f32>::full([3, 4], 0.5));
    state.insert_tensor("0.bias", &Tensor::<f32>::full([4], 0.5));
    state.insert_integers("2.bias", [1, 2]);
    state.insert_tensor("head.weight", &Tensor::<f32>::ones([1]));
    write(&path, &state).unwrap();
    let error = load_model(&mut model(1), &path).unwrap_err().to_string();
    for text in [
        "`/",
        "the file has no \"1.weight\", \"1.bias\", \"2.weight\", \"1.running_mean\"",
        "the model has no \"head.weight\"",
        "\"0.bias\" has shape [4] in the file and [3] in the model",
        "\"2.bias\" holds U64, where F64, F32, F16 or BF16 was expected",
    ] {
        assert!(error.contains(text), "{text}: {error}");
    }
    let mut loaded = model(1);
    let report = load_model_with(&mut loaded, &path, &LoadOptions::new().lenient()).unwrap();
    assert_eq!((report.loaded.len(), report.missing.len()), (1, 5));
    assert_eq!(
        (&report.unexpected[..], report.misfits.len()),
        (&["head.weight".to_owned()][..], 2)
    );
    let (loaded, fresh) = (values(&loaded), values(&model(1)));
    assert_eq!(loaded[0].1, [0.5; 12]);
    assert_eq!(loaded[1..], fresh[1..]);
}

#[test]
fn files_of_a_run_and_of_a_model_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (run, alone) = (folder.path().join("run"), folder.path().join("model"));
    let (mut saved, mut sgd) = (model(1), Sgd::<f32>::new(0.1));
    save_model(&saved, &alone).unwrap();
    Checkpoint::new(&mut saved).optimizer(&mut sgd).save(&run).unwrap();

    let mut other = model(2);
    let text = load_model(&mut other, &run).unwrap_err().to_string();
    assert!(text.contains("this is the file of a training run: load it with"), "{text}");
    let skip = LoadOptions::new().skip("*/*");
    load_model_with(&mut other, &run, &skip).unwrap();
    assert_eq!(values(&other), values(&saved));

    let mut other = model(2);
    let before = values(&other);
    let text =
        Checkpoint::new(&mut other).optimizer(&mut sgd).load(&alone).unwrap_err().to_string();
    let hint = "no other part of a training run (expected: optimizer): load it with \
                `load_model`";
    assert!(text.contains(hint), "{text}");
    assert_eq!(values(&other), before);
}

#[test]
fn names_and_layouts_are_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let original = model(1);
    let mut state = State::new();
    for (name, values) in values(&original) {
        let (weight, name) = (name == "0.weight", name.replace('.', "/"));
        let tensor = if weight {
            Tensor::from_slice(&values, [3, 4]).unwrap().t()
        } else if values.len() == 6 {
            Tensor::from_slice(&values, [2, 3]).unwrap()
        } else {
            Tensor::from_slice(&values, [values.len()]).unwrap()
        };
        state.insert_tensor(format!("net/{name}"), &tensor);
    }
    state.insert_integers("net/1/num_batches_tracked", [3]);
    write(&path, &state).unwrap();
    let options = LoadOptions::pytorch()
        .rename(|name| name.replace("net/", ""))
        .rename(|name| name.replace('/', "."))
        .transpose("net/0/weight");
    let mut loaded = model(2);
    let report = load_model_with(&mut loaded, &path, &options).unwrap();
    assert!(report.is_complete(), "{report}");
    assert_eq!(values(&loaded), values(&original));
    let both = LoadOptions::new().rename(|_| "0.weight".to_owned());
    let error = load_model_with(&mut loaded, &path, &both).unwrap_err().to_string();
    assert!(error.contains("also renamed to \"0.weight\""), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever bytes of a file are replaced or cut off: an error or a model, and no panic.
    #[test]
    fn any_damage_ends_in_an_error_or_a_model(
        cut in 0_usize..2000,
        changes in proptest::collection::vec((0_usize..700, any::<u8>()), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        save_model(&model(1), &path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(cut.max(1));
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        fs::write(&path, bytes).unwrap();
        let mut loaded = model(2);
        match load_model(&mut loaded, &path) {
            Ok(()) => {}
            Err(error) => {
                prop_assert!(error.to_string().contains("model.safetensors"));
                prop_assert_eq!(values(&loaded), values(&model(2)));
            }
        }
    }
}

const SIZE: usize = 50_000;

/// A state whose numbers are all this one.
fn numbered(number: f32) -> State {
    let mut state = State::new();
    for name in ["first", "second", "third"] {
        state.insert_tensor(name, &Tensor::full([SIZE], number));
    }
    state
}

/// The number of such a file, if it is whole.
fn number(path: &Path) -> f32 {
    let state = read(path).unwrap();
    let tensor = |name| state.tensor::<f32>(name, &[SIZE].into()).unwrap().to_vec();
    let all = [tensor("first"), tensor("second"), tensor("third")].concat();
    assert!(all.iter().all(|x| *x == all[0]), "the file is a mixture");
    all[0]
}

/// Set in the child process of the next test: the file that the child saves until it is killed.
const KILLED: &str = "WENGERT_TEST_KILLED";

/// The line that the child prints before each save.
const SAVING: &str = "saving";

fn save_until_killed(path: &Path) {
    let mut next = number(path);
    loop {
        next += 1.0;
        println!("{SAVING}");
        write(path, &numbered(next)).unwrap();
    }
}

/// A process that is killed at any moment of saving leaves the old file or the new one.
#[test]
fn a_killed_process_leaves_a_whole_file() {
    if let Some(path) = std::env::var_os(KILLED) {
        return save_until_killed(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    write(&path, &numbered(0.0)).unwrap();
    let mut before = 0.0;
    for kill in 0..200_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "training::files::a_killed_process_leaves_a_whole_file",
                "--nocapture",
            ])
            .env(KILLED, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Within the first save or one of the next two.
        let begun = 1 + kill % 3;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let saves = lines.by_ref().filter(|line| line.ends_with(SAVING));
        assert_eq!(saves.take(begun as usize).count() as u64, begun);
        thread::sleep(Duration::from_micros(7 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        let after = number(&path);
        assert!(after >= before + (begun - 1) as f32, "kill {kill}: {after} after {before}");
        before = after;
    }
}
