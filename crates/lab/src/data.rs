//! The data of the experiments: the digits that are compiled into the program, or a directory of
//! IDX files, divided into training and test images.

use std::path::Path;

use wengert::data::{DataError, Idx, ImageSet};

/// The number of training images of the digits; the other 450 of the 1,797 are the test images.
pub const DIGITS_TRAIN_COUNT: usize = 1347;

/// The largest pixel value of the digits.
const DIGITS_PIXEL_MAX: u8 = 16;

/// The number of classes that a label byte distinguishes.
const CLASSES: usize = 256;

static DIGITS_IMAGES: &[u8] = include_bytes!("../data/digits-images-idx3-ubyte.gz");
static DIGITS_LABELS: &[u8] = include_bytes!("../data/digits-labels-idx1-ubyte.gz");

/// Training and test images of equal size.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name of the data, for headings.
    pub name: String,
    /// The training images.
    pub train: ImageSet,
    /// The test images.
    pub test: ImageSet,
}

impl Dataset {
    /// The embedded digits, in a fixed split of 1,347 and 450.
    pub fn digits() -> Self {
        let all = digits();
        let split = stratified_split(all.labels(), DIGITS_TRAIN_COUNT);
        Self {
            name: "UCI handwritten digits".into(),
            train: all.subset(&split.train),
            test: all.subset(&split.test),
        }
    }

    /// Training and test images in the MNIST layout, pixels 0..=255, from a directory.
    ///
    /// # Errors
    /// If a file is missing or invalid; the error names it.
    pub fn from_directory(directory: &Path) -> Result<Self, DataError> {
        let (train, test) = ImageSet::train_and_test(directory)?;
        Ok(Self { name: directory.display().to_string(), train, test })
    }
}

/// The 1,797 handwritten digits of 8 x 8 pixels with values 0..=16 that are part of the program
/// (E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
/// Repository, 1998, doi 10.24432/C50P49, CC BY 4.0).
pub fn digits() -> ImageSet {
    let set = || {
        let images = Idx::from_reader(DIGITS_IMAGES)?;
        let labels = Idx::from_reader(DIGITS_LABELS)?;
        ImageSet::new(images, labels, 10)?.with_pixel_max(DIGITS_PIXEL_MAX)
    };
    // The bytes are constants of the program, which a test reads.
    set().unwrap_or_else(|error: DataError| unreachable!("the embedded digits: {error}"))
}

/// The indices of training and test images, in increasing order; each image is in exactly one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StratifiedSplit {
    /// The training images.
    pub train: Vec<usize>,
    /// The test images.
    pub test: Vec<usize>,
}

/// Divides images so that every class has the same fraction of both parts, to within one image.
///
/// Of the n images of a class, n * `train_count` / `labels.len()` are for training, rounded down,
/// and the remaining training images are of the classes with the largest remainders. Within a class
/// the images of both parts are distributed evenly over the given order, so that a trend in that
/// order (one writer after another) affects both parts equally. The split does not depend on random
/// numbers.
///
/// # Panics
/// If `train_count` is more than the number of labels.
pub fn stratified_split(labels: &[u8], train_count: usize) -> StratifiedSplit {
    let total = labels.len();
    assert!(
        train_count <= total,
        "{train_count} training images were requested, but there are {total}"
    );
    let class_counts = class_counts(labels);
    let quotas = train_quotas(&class_counts, train_count);

    let mut seen = [0_usize; CLASSES];
    let mut split = StratifiedSplit {
        train: Vec::with_capacity(train_count),
        test: Vec::with_capacity(total - train_count),
    };
    for (index, &label) in labels.iter().enumerate() {
        let class = usize::from(label);
        let (count, quota) = (class_counts[class], quotas[class]);
        // Image j of the class is for training where j * quota / count reaches the next integer,
        // which happens `quota` times in `count` images, at even distances.
        let before = seen[class] * quota / count;
        seen[class] += 1;
        let after = seen[class] * quota / count;
        if after > before {
            split.train.push(index);
        } else {
            split.test.push(index);
        }
    }
    split
}

fn class_counts(labels: &[u8]) -> [usize; CLASSES] {
    let mut counts = [0; CLASSES];
    for &label in labels {
        counts[usize::from(label)] += 1;
    }
    counts
}

/// The number of training images of each class, by the largest-remainder method; of equal
/// remainders the smaller class has priority.
fn train_quotas(class_counts: &[usize; CLASSES], train_count: usize) -> [usize; CLASSES] {
    let total = class_counts.iter().sum::<usize>().max(1);
    let mut quotas = class_counts.map(|count| count * train_count / total);
    let mut by_remainder: Vec<usize> = (0..CLASSES).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(class_counts[class] * train_count % total));
    let left_over = train_count - quotas.iter().sum::<usize>();
    for &class in &by_remainder[..left_over] {
        quotas[class] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Checks that every image occurs once, in order, and every class is within one image of its
    /// part.
    fn check(labels: &[u8], train_count: usize) -> StratifiedSplit {
        let split = stratified_split(labels, train_count);
        assert_eq!(split.train.len(), train_count);
        for part in [&split.train, &split.test] {
            assert!(part.is_sorted_by(|a, b| a < b), "{part:?}");
        }
        let mut all = [&split.train[..], &split.test[..]].concat();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..labels.len()), "an image is missing or in both parts");

        let whole = class_counts(labels);
        for part in [&split.train, &split.test] {
            let chosen: Vec<u8> = part.iter().map(|&i| labels[i]).collect();
            for (class, count) in class_counts(&chosen).into_iter().enumerate() {
                // |count - whole * part / total| < 1, without rounding.
                let difference = (count * labels.len()).abs_diff(whole[class] * part.len());
                assert!(
                    difference < labels.len().max(1),
                    "class {class}: {count} of {}",
                    whole[class]
                );
            }
        }
        split
    }

    #[test]
    fn every_split_of_uneven_classes_is_stratified() {
        // 1, 2, 4, ... images of classes 0, 1, 2, ..., first sorted, then interleaved.
        let sorted: Vec<u8> =
            (0..6).flat_map(|class| std::iter::repeat_n(class, 1 << class)).collect();
        let interleaved: Vec<u8> =
            (0..sorted.len()).map(|i| sorted[i * 26 % sorted.len()]).collect();
        let extremes = vec![255, 0, 255, 0, 0];
        for labels in [sorted, interleaved, extremes, vec![7; 10], vec![3], vec![]] {
            for train_count in 0..=labels.len() {
                check(&labels, train_count);
            }
        }
    }

    #[test]
    fn both_parts_are_distributed_over_the_given_order() {
        let split = check(&[5; 12], 9);
        assert_eq!(split.test, [0, 4, 8]);
        // In every interval of a class, the fraction of training images is kept to within one
        // image.
        let labels = digits().labels().to_vec();
        let split = check(&labels, DIGITS_TRAIN_COUNT);
        for end in (0..labels.len()).step_by(100) {
            let test = split.test.iter().filter(|&&index| index < end).count();
            let expected = end as f64 * 450.0 / 1797.0;
            assert!((test as f64 - expected).abs() <= 10.0, "{test} of {end}, not {expected}");
        }
    }

    #[test]
    #[should_panic(expected = "4 training images were requested, but there are 3")]
    fn more_training_images_than_images_are_refused() {
        stratified_split(&[0, 1, 2], 4);
    }

    #[test]
    fn the_embedded_digits_are_those_of_the_repository() {
        let digits = digits();
        assert_eq!((digits.len(), digits.height(), digits.width()), (1797, 8, 8));
        assert_eq!((digits.classes(), digits.pixel_max()), (10, 16));
        assert_eq!(digits.pixels().iter().max(), Some(&16));
        assert_eq!(digits.pixels().iter().map(|&p| u64::from(p)).sum::<u64>(), 561_718);
        assert_eq!(
            class_counts(digits.labels())[..11],
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180, 0]
        );
        #[rustfmt::skip]
        let first = [
            0, 0,  5, 13,  9,  1,  0, 0,
            0, 0, 13, 15, 10, 15,  5, 0,
            0, 3, 15,  2,  0, 11,  8, 0,
            0, 4, 12,  0,  0,  8,  8, 0,
            0, 5,  8,  0,  0,  9,  8, 0,
            0, 4, 11,  0,  1, 12,  7, 0,
            0, 2, 14,  5, 10, 12,  0, 0,
            0, 0,  6, 13, 10,  0,  0, 0,
        ];
        assert_eq!((digits.image(0), digits.labels()[0]), (&first[..], 0));
        assert_eq!(digits.image(1796)[..8], [0, 0, 10, 14, 8, 1, 0, 0]);
        assert_eq!(digits.labels()[1796], 8);
    }

    #[test]
    fn the_split_of_the_digits_is_fixed() {
        let Dataset { train, test, .. } = Dataset::digits();
        assert_eq!((train.len(), test.len()), (1347, 450));
        assert_eq!((train.pixel_max(), test.pixel_max()), (16, 16));
        let train_counts = class_counts(train.labels());
        let test_counts = class_counts(test.labels());
        assert_eq!(train_counts[..10], [133, 136, 133, 137, 136, 136, 136, 134, 131, 135]);
        assert_eq!(test_counts[..10], [45, 46, 44, 46, 45, 46, 45, 45, 43, 45]);
        let split = stratified_split(digits().labels(), DIGITS_TRAIN_COUNT);
        assert_eq!(split.test[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 32]);
        assert_eq!(split.test.iter().sum::<usize>(), 395415);
    }

    #[test]
    fn a_directory_is_read_with_pixels_up_to_255() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, shape: &[usize], data: &[u8]| {
            let bytes = Idx::new(shape.to_vec(), data.to_vec()).unwrap().to_bytes();
            fs::write(dir.path().join(name), bytes).unwrap();
        };
        write("train-images-idx3-ubyte", &[2, 1, 2], &[0, 255, 51, 102]);
        write("train-labels-idx1-ubyte", &[2], &[3, 4]);
        write("t10k-images-idx3-ubyte", &[1, 1, 2], &[255, 0]);
        let text = Dataset::from_directory(dir.path()).unwrap_err().to_string();
        assert!(text.contains("holds no test labels"), "{text}");
        write("t10k-labels-idx1-ubyte", &[1], &[9]);
        let data = Dataset::from_directory(dir.path()).unwrap();
        assert_eq!(data.name, dir.path().display().to_string());
        assert_eq!(data.train.scaled_pixels(), [0.0, 1.0, 0.2, 0.4]);
        assert_eq!((data.test.labels(), data.test.scaled_pixels()), (&[9][..], vec![1.0, 0.0]));
    }
}
