//! Image sets: an array of images with an array of labels. `idx` reads the arrays.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{DataError, FileRole, Origin};
use super::idx::Idx;

/// The number of classes of MNIST and of data sets in its format.
const MNIST_CLASSES: usize = 10;

/// The part of a data set in the MNIST layout: the file names begin with `train` or `t10k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The training images.
    Train,
    /// The test images.
    Test,
}

/// Grey images of equal size, with a class label each.
///
/// # Shapes
/// Images are count x height x width, labels count; count, height and width are at least 1, and
/// every label is below the number of classes.
///
/// ```
/// use wengert_nn::data::{Idx, ImageSet};
///
/// let images = Idx::new(vec![2, 1, 2], vec![0, 16, 8, 4])?;
/// let labels = Idx::new(vec![2], vec![1, 0])?;
/// let set = ImageSet::new(images, labels, 2)?.with_pixel_max(16)?;
/// assert_eq!(set.image(1), [8, 4]);
/// assert_eq!(set.scaled_pixels(), [0.0, 1.0, 0.5, 0.25]);
/// # Ok::<(), wengert_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    images: Idx,
    labels: Vec<u8>,
    classes: usize,
    pixel_max: u8,
}

impl ImageSet {
    /// Combines images and labels. The largest pixel value is 255, unless
    /// [`ImageSet::with_pixel_max`] changes it.
    ///
    /// # Errors
    /// If the images are not of rank 3 or have no pixels, the labels are not of rank 1, their
    /// counts differ, or a label is not below `classes`.
    pub fn new(images: Idx, labels: Idx, classes: usize) -> Result<Self, DataError> {
        let names = [Origin::memory("the images array"), Origin::memory("the labels array")];
        Self::checked(images, labels, classes, names)
    }

    /// Reads an images file and its labels file, plain or gzip-compressed.
    ///
    /// # Errors
    /// Those of [`Idx::read`] and [`ImageSet::new`], with the name of the file.
    pub fn read(
        images_path: impl AsRef<Path>,
        labels_path: impl AsRef<Path>,
        classes: usize,
    ) -> Result<Self, DataError> {
        let (images_path, labels_path) = (images_path.as_ref(), labels_path.as_ref());
        let names = [Origin::file(images_path), Origin::file(labels_path)];
        let images = Idx::read_as(images_path, Some(FileRole::Images))?;
        let labels = Idx::read_as(labels_path, Some(FileRole::Labels))?;
        Self::checked(images, labels, classes, names)
    }

    /// Reads one part of a set of ten classes in the MNIST layout (MNIST, Fashion-MNIST, KMNIST)
    /// from `directory`: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or the two
    /// `t10k-` files; `-idx` may be spelt `.idx`, and each may end in `.gz`.
    ///
    /// # Errors
    /// If the directory or a file is missing, and those of [`ImageSet::read`].
    pub fn from_directory(directory: impl AsRef<Path>, split: Split) -> Result<Self, DataError> {
        let directory = directory.as_ref();
        let images = find(directory, split, FileRole::Images)?;
        let labels = find(directory, split, FileRole::Labels)?;
        Self::read(images, labels, MNIST_CLASSES)
    }

    /// Reads both parts of a set in the MNIST layout: training and test images, of equal size.
    ///
    /// # Errors
    /// Those of [`ImageSet::from_directory`], and if the images of the two parts differ in size.
    pub fn train_and_test(directory: impl AsRef<Path>) -> Result<(Self, Self), DataError> {
        let directory = directory.as_ref();
        let half = |split| -> Result<(PathBuf, Self), DataError> {
            let images = find(directory, split, FileRole::Images)?;
            let labels = find(directory, split, FileRole::Labels)?;
            let set = Self::read(&images, labels, MNIST_CLASSES)?;
            Ok((images, set))
        };
        let (train_path, train) = half(Split::Train)?;
        let (test_path, test) = half(Split::Test)?;
        let train_size = [train.height(), train.width()];
        let test_size = [test.height(), test.width()];
        if train_size != test_size {
            return Err(DataError::SizeMismatch {
                train: Origin::file(&train_path),
                train_size,
                test: Origin::file(&test_path),
                test_size,
            });
        }
        Ok((train, test))
    }

    /// Sets the pixel value of full intensity, for example 16 for the UCI digits.
    ///
    /// # Errors
    /// If a pixel is above `pixel_max`, or `pixel_max` is 0.
    pub fn with_pixel_max(mut self, pixel_max: u8) -> Result<Self, DataError> {
        // A maximum of 0 would scale to 0 / 0, and is refused for all pixels.
        let fault = |&value: &u8| value > pixel_max || pixel_max == 0;
        if let Some(index) = self.pixels().iter().position(fault) {
            return Err(DataError::PixelAboveMax {
                image: index / self.pixels_per_image(),
                value: self.pixels()[index],
                max: pixel_max,
            });
        }
        self.pixel_max = pixel_max;
        Ok(self)
    }

    /// The number of images.
    #[expect(clippy::len_without_is_empty, reason = "a set holds at least one image")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The number of rows of an image.
    pub fn height(&self) -> usize {
        self.images.shape()[1]
    }

    /// The number of columns of an image.
    pub fn width(&self) -> usize {
        self.images.shape()[2]
    }

    /// Height times width: the number of inputs of a network that takes flattened images.
    pub fn pixels_per_image(&self) -> usize {
        self.height() * self.width()
    }

    /// The number of classes; every label is below it.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The pixel value of full intensity.
    pub fn pixel_max(&self) -> u8 {
        self.pixel_max
    }

    /// All pixels, image after image, row after row.
    pub fn pixels(&self) -> &[u8] {
        self.images.data()
    }

    /// The labels, one for each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of one image, row after row.
    ///
    /// # Panics
    /// If `index` is not below [`ImageSet::len`].
    #[track_caller]
    pub fn image(&self, index: usize) -> &[u8] {
        assert!(
            index < self.len(),
            "there is no image {index} in a set of {}; indices start at 0",
            self.len()
        );
        let size = self.pixels_per_image();
        &self.pixels()[index * size..][..size]
    }

    /// All pixels divided by [`ImageSet::pixel_max`], in 0..=1.
    ///
    /// # Shapes
    /// count x (height x width), row-major.
    pub fn scaled_pixels(&self) -> Vec<f32> {
        let max = f32::from(self.pixel_max);
        self.pixels().iter().map(|&pixel| f32::from(pixel) / max).collect()
    }

    /// The images at `indices`, in that order, with their labels.
    ///
    /// # Panics
    /// If `indices` is empty or one is not below [`ImageSet::len`].
    #[track_caller]
    pub fn subset(&self, indices: &[usize]) -> Self {
        assert!(
            !indices.is_empty(),
            "a subset must have at least one image, but no index was given"
        );
        let mut pixels = Vec::with_capacity(indices.len() * self.pixels_per_image());
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            pixels.extend_from_slice(self.image(index));
            labels.push(self.labels[index]);
        }
        let shape = vec![indices.len(), self.height(), self.width()];
        let images = Idx::new(shape, pixels)
            .unwrap_or_else(|error| panic!("the subset cannot be made: {error}"));
        Self { images, labels, ..*self }
    }

    fn checked(
        images: Idx,
        labels: Idx,
        classes: usize,
        [images_name, labels_name]: [Origin; 2],
    ) -> Result<Self, DataError> {
        for (idx, role, name) in
            [(&images, FileRole::Images, &images_name), (&labels, FileRole::Labels, &labels_name)]
        {
            if idx.shape().len() != role.rank() {
                let (origin, shape) = (name.clone(), idx.shape().to_vec());
                return Err(DataError::WrongRank { origin, role, shape });
            }
        }
        if images.data().is_empty() {
            let shape = images.shape().to_vec();
            return Err(DataError::NoPixels { origin: images_name, shape });
        }
        let (_, labels) = labels.into_parts();
        if labels.len() != images.shape()[0] {
            return Err(DataError::CountMismatch {
                images: images_name,
                image_count: images.shape()[0],
                labels: labels_name,
                label_count: labels.len(),
            });
        }
        if let Some(position) = labels.iter().position(|&label| usize::from(label) >= classes) {
            let (origin, label) = (labels_name, labels[position]);
            return Err(DataError::LabelOutOfRange { origin, position, label, classes });
        }
        Ok(Self { images, labels, classes, pixel_max: u8::MAX })
    }
}

/// The file of `directory` with the images or labels of `split`.
fn find(directory: &Path, split: Split, role: FileRole) -> Result<PathBuf, DataError> {
    let no_directory =
        |reason: String| Err(DataError::NoDirectory { path: directory.to_path_buf(), reason });
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return no_directory("is not a directory".into()),
        Err(error) => return no_directory(format!("cannot be read: {error}")),
    }
    let prefix = match split {
        Split::Train => "train",
        Split::Test => "t10k",
    };
    let (stem, wanted) = match (role, split) {
        (FileRole::Images, Split::Train) => ("images", "training images"),
        (FileRole::Images, Split::Test) => ("images", "test images"),
        (FileRole::Labels, Split::Train) => ("labels", "training labels"),
        (FileRole::Labels, Split::Test) => ("labels", "test labels"),
    };
    let rank = role.rank();
    let names = ["-", "."].map(|dash| format!("{prefix}-{stem}{dash}idx{rank}-ubyte"));
    let paths: Vec<PathBuf> = names
        .iter()
        .flat_map(|name| [directory.join(name), directory.join(format!("{name}.gz"))])
        .collect();
    // Some archives unpack to a directory of the file's name: a file with another spelling of the
    // name is preferred, and without one the directory is reported.
    let file = paths.iter().find(|path| path.is_file());
    match file.or_else(|| paths.iter().find(|path| path.exists())) {
        Some(path) => Ok(path.clone()),
        None => Err(DataError::MissingFile {
            directory: directory.to_path_buf(),
            wanted,
            names: names.to_vec(),
        }),
    }
}
