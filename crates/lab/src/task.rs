//! [`Task`]: a data set as tensors, with the sizes of a network's layers.

use std::sync::Arc;

use wengert::Tensor;
use wengert::data::ImageSet;

use crate::data::Dataset;

/// The number of examples that are evaluated at once, so that memory does not grow with the data.
const PART: usize = 512;

/// Training and test examples, with the sizes of the layers.
#[derive(Debug)]
pub struct Task {
    /// The name of the data.
    pub name: String,
    /// Height and width of an image.
    pub image: [usize; 2],
    /// The training examples.
    pub train: Examples,
    /// The test examples.
    pub test: Examples,
    /// The sizes of the layers, from the inputs to the classes.
    pub architecture: Vec<usize>,
}

/// Inputs with their labels.
#[derive(Debug)]
pub struct Examples {
    inputs: Tensor<f32>,
    labels: Vec<usize>,
    parts: Vec<Part>,
}

/// Consecutive examples.
#[derive(Debug)]
pub struct Part {
    /// The inputs, `[examples, features]`, a view of all inputs.
    pub inputs: Tensor<f32>,
    /// The labels.
    pub labels: Arc<[usize]>,
}

impl Task {
    /// A data set, for networks with these hidden layers.
    pub fn new(data: &Dataset, hidden: &[usize]) -> Self {
        let ends = [data.train.pixels_per_image(), data.train.classes()];
        let architecture = [&ends[..1], hidden, &ends[1..]].concat();
        Self {
            name: data.name.clone(),
            image: [data.train.height(), data.train.width()],
            train: Examples::new(&data.train),
            test: Examples::new(&data.test),
            architecture,
        }
    }

    /// The test accuracy of always predicting the most frequent class of the test examples.
    pub fn guessing(&self) -> f64 {
        let mut counts = vec![0_usize; self.architecture.last().copied().unwrap_or(0)];
        for &label in self.test.labels() {
            counts[label] += 1;
        }
        counts.into_iter().max().unwrap_or(0) as f64 / self.test.len() as f64
    }
}

impl Examples {
    /// The images of a set, with pixels scaled to 0..=1.
    pub fn new(set: &ImageSet) -> Self {
        let shape = [set.len(), set.pixels_per_image()];
        let inputs = Tensor::from_vec(set.scaled_pixels(), shape)
            .unwrap_or_else(|error| unreachable!("the pixels of a set fill its shape: {error}"));
        let labels = set.labels().iter().map(|&label| usize::from(label)).collect();
        Self::of(inputs, labels)
    }

    /// Any examples: inputs `[examples, features]`, with a label each.
    pub fn of(inputs: Tensor<f32>, labels: Vec<usize>) -> Self {
        let parts = labels
            .chunks(PART)
            .enumerate()
            .map(|(i, labels)| {
                let start = (i * PART) as isize;
                let end = start + labels.len() as isize;
                Part { inputs: inputs.slice(0, start..end), labels: labels.into() }
            })
            .collect();
        Self { inputs, labels, parts }
    }

    /// The number of examples.
    #[expect(clippy::len_without_is_empty, reason = "a set has at least one image")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// All inputs, `[examples, features]`.
    pub fn inputs(&self) -> &Tensor<f32> {
        &self.inputs
    }

    /// The labels.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// All examples, in parts of bounded size.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole_in_order() {
        let task = Task::new(&Dataset::digits(), &[64, 32]);
        assert_eq!(task.architecture, [64, 64, 32, 10]);
        assert_eq!((task.train.len(), task.test.len()), (1347, 450));
        let sizes: Vec<usize> = task.train.parts().iter().map(|part| part.labels.len()).collect();
        assert_eq!(sizes, [512, 512, 323]);
        let pixels: Vec<f32> =
            task.train.parts().iter().flat_map(|part| part.inputs.to_vec()).collect();
        assert_eq!(pixels, task.train.inputs().to_vec());
        let labels: Vec<usize> =
            task.train.parts().iter().flat_map(|part| part.labels.to_vec()).collect();
        assert_eq!(labels, task.train.labels());
    }

    #[test]
    fn guessing_gets_the_most_frequent_class() {
        // 46 of the 450 test digits are ones, and as many are threes and fives.
        assert_eq!(Task::new(&Dataset::digits(), &[8]).guessing(), 46.0 / 450.0);
    }
}
