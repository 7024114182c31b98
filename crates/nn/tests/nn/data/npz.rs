//! Several arrays in one file.

use std::path::Path;

use wengert_autodiff::Tensor;
use wengert_nn::data::{Npz, read_npz, write_npz, write_npz_compressed};

fn arrays() -> (Tensor<f64>, Tensor<f64>) {
    let x = Tensor::from_fn([50, 40], |i| (i[0] * i[1]) as f64 / 3.0);
    (x, Tensor::from([1.0, -2.0]))
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arrays.npz");
    let (x, y) = arrays();
    for compressed in [false, true] {
        let named = [("y", &y), ("x", &x)];
        let write = if compressed { write_npz_compressed } else { write_npz };
        write(&path, named).unwrap();
        let all = read_npz::<f64>(&path).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((&all["x"], &all["y"]), (&x, &y));
        let mut file = Npz::open(&path).unwrap();
        assert_eq!(file.read::<f32>("y.npy").unwrap().to_vec(), [1.0, -2.0]);
        let error = file.read::<f32>("z").unwrap_err().to_string();
        assert!(error.contains("it has no array \"z\", but [\"x\", \"y\"]"), "{error}");
    }
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    let small = size(&path);
    write_npz(&path, [("x", &x), ("y", &y)]).unwrap();
    assert!(small < size(&path) / 2);
    let twice = write_npz(&path, [("x", &x), ("x", &x)]).unwrap_err().to_string();
    assert!(twice.contains("cannot be read or written"), "{twice}");
    let none: [(&str, &Tensor<f64>); 0] = [];
    write_npz(&path, none).unwrap();
    assert!(read_npz::<f32>(&path).unwrap().is_empty());
}

#[test]
fn what_is_damaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arrays.npz");
    let (x, y) = arrays();
    for write in [write_npz::<f64>, write_npz_compressed::<f64>] as [fn(_, _) -> _; 2] {
        write(&path, [("x", &x), ("y", &y)]).unwrap();
        let good = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 0x41;
            std::fs::write(&path, &bytes).unwrap();
            // A name or a date may be changed: then the content is the same.
            match read_npz::<f64>(&path) {
                Err(error) => {
                    refused += 1;
                    let error = error.to_string();
                    assert!(error.contains("arrays.npz` "), "{error}");
                    assert!(!error.contains('\n'), "{error}");
                }
                Ok(all) => assert!(all.values().all(|array| [&x, &y].contains(&array))),
            }
        }
        assert!(refused > good.len() / 2, "{refused} of {}", good.len());
        for len in (0..good.len()).step_by(7) {
            std::fs::write(&path, &good[..len]).unwrap();
            assert!(read_npz::<f64>(&path).is_err(), "{len}");
        }
    }
}

#[test]
fn large_compressed_arrays_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arrays.npz");
    write_npz_compressed(&path, [("x", &Tensor::<f32>::zeros([10_000]))]).unwrap();
    let mut file = Npz::open(&path).unwrap().max_bytes(40_000);
    let error = file.read::<f32>("x").unwrap_err().to_string();
    assert!(error.contains("bytes are compressed, above the limit of 40000"), "{error}");
    write_npz(&path, [("x", &Tensor::<f32>::zeros([10_000]))]).unwrap();
    assert!(Npz::open(&path).unwrap().max_bytes(0).read::<f32>("x").is_ok());
    let error = Npz::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("it is a directory"), "{error}");
}

/// The file of `NumPy` 2.4 for `numpy.savez_compressed` of `x`, which is
/// `numpy.arange(6, dtype="i2").reshape(2, 3)`, and `flag`, which is `numpy.array(True)`.
#[test]
fn files_of_numpy_are_read() {
    let mut file = Npz::open("tests/data/numpy.npz").unwrap();
    assert_eq!(file.names(), ["flag", "x"]);
    assert_eq!(file.read::<f32>("flag").unwrap().item(), 1.0);
    let x = file.read::<f64>("x").unwrap();
    assert_eq!((x.shape().dims(), x.to_vec()), (&[2, 3][..], vec![0., 1., 2., 3., 4., 5.]));
}
