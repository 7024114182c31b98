//! Image sets from directories: what is found, and the sentence for each thing that can be wrong.

use std::error::Error;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wengert_nn::data::{DataError, FileRole, Idx, ImageSet, Split};

use super::{gzip, idx_file};

const PIXELS: [u8; 12] = [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255];

fn images() -> Vec<u8> {
    idx_file(&[2, 2, 3], &PIXELS)
}

fn labels() -> Vec<u8> {
    idx_file(&[2], &[9, 0])
}

/// A directory with the named files.
fn directory(files: &[(&str, Vec<u8>)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

/// The training files with one of them replaced.
fn with(name: &str, bytes: Vec<u8>) -> TempDir {
    let dir =
        directory(&[("train-images-idx3-ubyte", images()), ("train-labels-idx1-ubyte", labels())]);
    fs::write(dir.path().join(name), bytes).unwrap();
    dir
}

/// The error of reading the training files in `dir`: checked to be one sentence that names a path
/// there, and returned with the path of the directory cut out.
fn fault(dir: &Path) -> (DataError, String) {
    let error = ImageSet::from_directory(dir, Split::Train).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&dir.display().to_string()), "names no path: {text}");
    assert!(!text.contains('\n') && !text.contains(". "), "more than one sentence: {text}");
    let text = text.replace(&format!("{}{}", dir.display(), std::path::MAIN_SEPARATOR), "");
    (error, text)
}

fn sentence(dir: &TempDir) -> String {
    fault(dir.path()).1
}

#[test]
fn both_spellings_are_found_plain_and_compressed() {
    let expected = ImageSet::new(
        Idx::new(vec![2, 2, 3], PIXELS.to_vec()).unwrap(),
        Idx::new(vec![2], vec![9, 0]).unwrap(),
        10,
    )
    .unwrap();
    for (split, prefix) in [(Split::Train, "train"), (Split::Test, "t10k")] {
        for dash in ["-", "."] {
            for (end, pack) in [("", false), (".gz", true), ("", true), (".gz", false)] {
                let pack = |bytes: Vec<u8>| if pack { gzip(&bytes) } else { bytes };
                let names = ["images-idx3", "labels-idx1"]
                    .map(|stem| format!("{prefix}-{}-ubyte{end}", stem.replace('-', dash)));
                let dir = directory(&[(&names[0], pack(images())), (&names[1], pack(labels()))]);
                let set = ImageSet::from_directory(dir.path(), split).unwrap();
                assert_eq!(set, expected, "{names:?}");
            }
        }
    }
}

#[test]
fn a_set_answers_for_its_parts() {
    let dir = with("unrelated", b"ignored".to_vec());
    let set = ImageSet::from_directory(dir.path(), Split::Train).unwrap();
    assert_eq!((set.len(), set.height(), set.width(), set.pixels_per_image()), (2, 2, 3, 6));
    assert_eq!((set.classes(), set.pixel_max()), (10, 255));
    assert_eq!((set.labels(), set.pixels()), (&[9, 0][..], &PIXELS[..]));
    assert_eq!(set.image(0), &PIXELS[..6]);
    assert_eq!(set.image(1), &PIXELS[6..]);
    let scaled = set.scaled_pixels();
    assert_eq!((scaled.len(), scaled[0], scaled[1], scaled[11]), (12, 0.0, 1.0 / 255.0, 1.0));

    let swapped = set.subset(&[1, 0, 1]);
    assert_eq!((swapped.labels(), swapped.len()), (&[0, 9, 0][..], 3));
    assert_eq!(swapped.pixels(), [&PIXELS[6..], &PIXELS[..6], &PIXELS[6..]].concat());
    assert_eq!((swapped.classes(), swapped.height(), swapped.width()), (10, 2, 3));
}

#[test]
#[should_panic(expected = "there is no image 2 in a set of 2; indices start at 0")]
fn an_image_beyond_the_last_panics_in_words() {
    let dir = with("unrelated", Vec::new());
    ImageSet::from_directory(dir.path(), Split::Train).unwrap().image(2);
}

#[test]
fn the_pixel_maximum_is_checked_and_kept() {
    let dir = with("train-images-idx3-ubyte", idx_file(&[2, 1, 2], &[0, 8, 16, 4]));
    let set = ImageSet::from_directory(dir.path(), Split::Train).unwrap();
    let sixteen = set.clone().with_pixel_max(16).unwrap();
    assert_eq!(sixteen.scaled_pixels(), [0.0, 0.5, 1.0, 0.25]);
    assert_eq!(sixteen.subset(&[1]).scaled_pixels(), [1.0, 0.25]);
    let text = set.clone().with_pixel_max(15).unwrap_err().to_string();
    assert!(text.starts_with("image 1 (counted from 0) has a pixel of value 16"), "{text}");
    let blank = set.subset(&[0]).with_pixel_max(0);
    assert!(matches!(blank, Err(DataError::PixelAboveMax { max: 0, .. })));
}

#[test]
fn a_missing_directory_and_a_file_in_its_place() {
    let dir = directory(&[("file", Vec::new())]);
    let (error, text) = fault(&dir.path().join("absent"));
    assert!(matches!(error, DataError::NoDirectory { .. }));
    assert!(text.contains("cannot be read: "), "{text}");
    assert!(text.ends_with("; the directory of the images and labels files was expected"));
    let (_, text) = fault(&dir.path().join("file"));
    assert!(text.contains("file` is not a directory; the directory of the images"), "{text}");
}

#[test]
fn a_missing_file_is_named_with_the_names_that_would_do() {
    let dir =
        directory(&[("train-images-idx3-ubyte", images()), ("t10k-labels-idx1-ubyte", labels())]);
    let text = sentence(&dir);
    let expected = "holds no training labels; a file named `train-labels-idx1-ubyte` or \
                    `train-labels.idx1-ubyte`, with or without `.gz`, was expected there";
    assert!(text.ends_with(expected), "{text}");
    let text = ImageSet::from_directory(dir.path(), Split::Test).unwrap_err().to_string();
    assert!(text.contains("holds no test images; a file named `t10k-images-idx3-ubyte`"), "{text}");
}

#[test]
fn a_directory_in_the_place_of_a_file() {
    let dir = directory(&[("train-labels-idx1-ubyte", labels())]);
    fs::create_dir(dir.path().join("train-images-idx3-ubyte")).unwrap();
    let expected = "`train-images-idx3-ubyte` is a directory; an IDX file, plain or \
                    gzip-compressed, was expected";
    assert_eq!(sentence(&dir), expected);
    // A file of another spelling beside it is preferred.
    fs::write(dir.path().join("train-images.idx3-ubyte"), images()).unwrap();
    assert_eq!(ImageSet::from_directory(dir.path(), Split::Train).unwrap().len(), 2);
}

#[test]
fn an_absent_file_read_by_name() {
    let dir = directory(&[]);
    let path = dir.path().join("absent.gz");
    let error = Idx::read(&path).unwrap_err();
    assert!(error.to_string().starts_with(&format!("`{}` cannot be read: ", path.display())));
    assert!(error.source().is_some());
    let DataError::Io { origin, .. } = error else { panic!("{error}") };
    assert_eq!((origin.path(), origin.is_decompressed()), (Some(&*path), false));
}

#[test]
fn faulty_bytes_are_reported_with_the_name_of_their_file() {
    let name = "train-images-idx3-ubyte";
    let mut long = images();
    long.push(0);
    for (bytes, expected) in [
        (vec![], " is empty; an IDX file begins with"),
        (
            images()[..20].to_vec(),
            " is truncated: its header states 2 x 2 x 3 = 12 bytes of data, and 4 follow",
        ),
        (
            images()[..9].to_vec(),
            " ends inside its header, which needs at least 16 bytes for the magic \
             number and the dimensions, and has 9",
        ),
        (
            long,
            " has bytes after its last element: its header states 2 x 2 x 3 = 12 bytes \
             of data, and more follow",
        ),
        (
            b"\x89PNG\r\n\x1a\n".to_vec(),
            " is not IDX: it begins with the bytes 89 50 4e 47 (like a PNG image), and an IDX file",
        ),
        (
            b"label,pixel0\n".to_vec(),
            " is not IDX: it begins with the bytes 6c 61 62 65 (like text), and an IDX file",
        ),
        (
            idx_file(&[u32::MAX; 3], &PIXELS),
            " would hold 4294967295 x 4294967295 x 4294967295 elements, more than memory",
        ),
    ] {
        let text = sentence(&with(name, bytes.clone()));
        assert!(text.starts_with(&format!("`{name}`{expected}")), "{text}");
        let text = sentence(&with(name, gzip(&bytes)));
        let compressed = format!("the decompressed content of `{name}`{expected}");
        assert!(text.starts_with(&compressed), "{text}");
    }
    let packed = gzip(&images());
    let cut = sentence(&with(name, packed[..packed.len() - 4].to_vec()));
    let expected = "`train-images-idx3-ubyte` is a damaged or incomplete gzip file (";
    assert!(cut.starts_with(expected), "{cut}");
}

#[test]
fn images_and_labels_exchanged() {
    let dir = with("train-images-idx3-ubyte", gzip(&labels()));
    let expected = "the decompressed content of `train-images-idx3-ubyte` has rank 1 (2), where \
                    images of rank 3 (count x height x width) were expected; it looks like a labels \
                    file";
    assert_eq!(sentence(&dir), expected);

    let dir = with("train-labels-idx1-ubyte", images());
    let expected = "`train-labels-idx1-ubyte` has rank 3 (2 x 2 x 3), where labels of rank 1 \
                    (count) were expected; it looks like an images file";
    let (error, text) = fault(dir.path());
    assert_eq!(text, expected);
    let DataError::WrongRank { role, .. } = error else { panic!("{error}") };
    assert_eq!(role, FileRole::Labels);

    let dir = with("train-images-idx3-ubyte", idx_file(&[2, 6], &PIXELS));
    assert!(sentence(&dir).ends_with(
        "has rank 2 (2 x 6), where images of rank 3 (count x height x width) were expected"
    ));
}

#[test]
fn counts_that_differ() {
    let dir = with("train-labels-idx1-ubyte", idx_file(&[3], &[1, 2, 3]));
    let expected = "`train-labels-idx1-ubyte` holds 3 labels and `train-images-idx3-ubyte` holds \
                    2 images, where one label for each image was expected";
    assert_eq!(sentence(&dir), expected);
}

#[test]
fn a_label_that_names_no_class() {
    let dir = with("train-labels-idx1-ubyte", idx_file(&[2], &[9, 10]));
    let expected = "`train-labels-idx1-ubyte` has the label 10 at position 1 (counted from 0), \
                    where labels below 10, the number of classes, were expected";
    assert_eq!(sentence(&dir), expected);
    let paths = ["images-idx3", "labels-idx1"].map(|n| dir.path().join(format!("train-{n}-ubyte")));
    let eleven = ImageSet::read(&paths[0], &paths[1], 11).unwrap();
    assert_eq!((eleven.labels(), eleven.classes()), (&[9, 10][..], 11));
}

#[test]
fn images_without_pixels() {
    for dims in [[0, 28, 28], [2, 0, 28], [2, 28, 0]] {
        let dir = with("train-images-idx3-ubyte", idx_file(&dims, &[]));
        let text = sentence(&dir);
        assert!(text.starts_with("`train-images-idx3-ubyte` holds no pixels ("), "{text}");
    }
}

#[test]
fn arrays_in_memory_are_named_as_such() {
    let idx = |dims: &[usize]| Idx::new(dims.to_vec(), vec![1; dims.iter().product()]).unwrap();
    let text = ImageSet::new(idx(&[2]), idx(&[2]), 10).unwrap_err().to_string();
    assert!(text.starts_with("the images array has rank 1 (2)"), "{text}");
    let text = ImageSet::new(idx(&[2, 1, 1]), idx(&[2]), 1).unwrap_err().to_string();
    assert!(text.starts_with("the labels array has the label 1 at position 0"), "{text}");
}

#[test]
fn training_and_test_images_must_be_of_one_size() {
    let dir = with("t10k-images-idx3-ubyte", idx_file(&[1, 3, 2], &PIXELS[..6]));
    fs::write(dir.path().join("t10k-labels-idx1-ubyte"), idx_file(&[1], &[4])).unwrap();
    let text = ImageSet::train_and_test(dir.path()).unwrap_err().to_string();
    assert!(text.contains("t10k-images-idx3-ubyte` holds images of 3 x 2 pixels and `"), "{text}");
    assert!(
        text.ends_with(
            "train-images-idx3-ubyte` images of 2 x 3, where both were expected to be of one size"
        ),
        "{text}"
    );

    fs::write(dir.path().join("t10k-images-idx3-ubyte"), idx_file(&[1, 2, 3], &PIXELS[..6]))
        .unwrap();
    let (train, test) = ImageSet::train_and_test(dir.path()).unwrap();
    assert_eq!((train.len(), test.len(), test.labels()), (2, 1, &[4][..]));
}
