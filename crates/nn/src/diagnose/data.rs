//! [`Data`]: the examples of a training run, and [`DataFacts`]: what rules know about them.

use wengert_autodiff::{Element, Error, Result, Tensor};

/// The targets of some examples.
#[derive(Clone, Debug)]
pub enum Targets<E: Element = f32> {
    /// The class of each example.
    Classes(Vec<usize>),
    /// Numbers with one row for each example: values, probabilities, rows of a one-hot code.
    Values(Tensor<E>),
}

impl<E: Element> Targets<E> {
    /// The number of examples.
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => values.shape().first().copied().unwrap_or(0),
        }
    }

    /// The targets as numbers.
    ///
    /// # Errors
    /// If they are classes.
    pub fn values(&self) -> Result<&Tensor<E>> {
        match self {
            Self::Values(values) => Ok(values),
            Self::Classes(_) => Err(Error::Argument {
                op: "diagnose",
                message: "the loss takes numbers as targets, but the targets are classes".into(),
            }),
        }
    }

    /// The targets as classes.
    ///
    /// # Errors
    /// If they are numbers.
    pub fn classes(&self) -> Result<&[usize]> {
        match self {
            Self::Classes(classes) => Ok(classes),
            Self::Values(_) => Err(Error::Argument {
                op: "diagnose",
                message: "the loss takes classes as targets, but the targets are numbers".into(),
            }),
        }
    }

    /// The targets of the examples at these indices.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(rows.iter().map(|&i| classes[i]).collect()),
            Self::Values(values) => Self::Values(select(values, rows)),
        }
    }

    /// The mean of each output's targets; the share of each class. `None` if there are no targets,
    /// or they do not have this width.
    pub(crate) fn means(&self, width: usize) -> Option<Vec<f64>> {
        let rows = self.rows();
        let mut sums = vec![0.0; width];
        match self {
            Self::Classes(classes) => {
                for &class in classes {
                    *sums.get_mut(class)? += 1.0;
                }
            }
            Self::Values(values) => {
                if values.len() != rows * width {
                    return None;
                }
                for (i, value) in values.to_vec().into_iter().enumerate() {
                    sums[i % width] += value.to_f64();
                }
            }
        }
        (rows > 0).then(|| sums.into_iter().map(|sum| sum / rows as f64).collect())
    }
}

impl<E: Element> From<Vec<usize>> for Targets<E> {
    fn from(classes: Vec<usize>) -> Self {
        Self::Classes(classes)
    }
}

impl<E: Element> From<&[usize]> for Targets<E> {
    fn from(classes: &[usize]) -> Self {
        Self::Classes(classes.to_vec())
    }
}

impl<E: Element> From<Tensor<E>> for Targets<E> {
    fn from(values: Tensor<E>) -> Self {
        Self::Values(values)
    }
}

impl<E: Element> From<&Tensor<E>> for Targets<E> {
    fn from(values: &Tensor<E>) -> Self {
        Self::Values(values.clone())
    }
}

/// The rows of a tensor at these indices.
pub(crate) fn select<E: Element>(from: &Tensor<E>, rows: &[usize]) -> Tensor<E> {
    use crate::data::Rows;
    if from.rank() == 0 {
        return from.clone();
    }
    let mut to = from.blank(rows.len());
    to.copy_rows(from, rows);
    to
}

/// The examples of a training run.
#[derive(Clone, Debug)]
pub struct Data<E: Element = f32> {
    pub(crate) inputs: Tensor<E>,
    pub(crate) targets: Targets<E>,
    pub(crate) held_out: Option<(Tensor<E>, Targets<E>)>,
}

impl<E: Element> Data<E> {
    /// The training examples.
    ///
    /// # Shapes
    /// `inputs` is `[examples, ..]`, `targets` are class labels or a tensor `[examples, outputs]`.
    pub fn new(inputs: &Tensor<E>, targets: impl Into<Targets<E>>) -> Self {
        Self { inputs: inputs.contiguous(), targets: targets.into(), held_out: None }
    }

    /// Adds held-out examples.
    pub fn held_out(self, inputs: &Tensor<E>, targets: impl Into<Targets<E>>) -> Self {
        Self { held_out: Some((inputs.contiguous(), targets.into())), ..self }
    }

    /// The number of training examples.
    pub fn rows(&self) -> usize {
        self.inputs.shape().first().copied().unwrap_or(0)
    }

    /// At most this number of training examples, at equal distances.
    pub(crate) fn sample(&self, most: usize) -> (Tensor<E>, Targets<E>) {
        let rows = spread(self.rows().min(self.targets.rows()), most);
        (select(&self.inputs, &rows), self.targets.select(&rows))
    }
}

/// At most `most` of the indices below `rows`, at equal distances.
pub(crate) fn spread(rows: usize, most: usize) -> Vec<usize> {
    let count = rows.min(most);
    (0..count).map(|i| i * rows / count).collect()
}

/// A column of the inputs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Column {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub std: f64,
    /// The root of the mean square.
    pub rms: f64,
}

/// What is known about the examples.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DataFacts {
    /// The number of training examples.
    pub rows: usize,
    /// The columns of the inputs: the elements of an example, or the channels of an image.
    pub columns: Vec<Column>,
    /// The number of elements of the inputs that are NaN or infinite.
    pub not_finite: usize,
    /// Pairs of columns with the same values.
    pub duplicates: Vec<(usize, usize)>,
    /// The targets.
    pub targets: TargetFacts,
    /// The number of held-out examples and their targets.
    pub held_out: Option<(usize, TargetFacts)>,
}

/// What is known about the targets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TargetFacts {
    /// The number of examples with a target.
    pub rows: usize,
    /// The number of numbers for each example; 1 for class labels.
    pub width: usize,
    /// Whether they are class labels.
    pub labels: bool,
    /// The number of elements that are NaN or infinite.
    pub not_finite: usize,
    /// The smallest and the largest number.
    pub range: [f64; 2],
    /// The root of the mean square.
    pub rms: f64,
    /// The root of the mean over outputs of the variance.
    pub std: f64,
    /// Whether all numbers are whole.
    pub whole: bool,
    /// The number of different values, up to 1000.
    pub distinct: usize,
    /// The share of rows whose numbers sum to 1 within 1/1000.
    pub sum_to_one: f64,
    /// How often each class occurs, where the targets are classes: labels, one-hot rows, or one
    /// number that is 0 or 1.
    pub counts: Option<Vec<usize>>,
    sorted: Vec<f64>,
}

impl TargetFacts {
    /// The share of the numbers outside a range.
    pub fn outside(&self, [low, high]: [f64; 2]) -> f64 {
        let below = self.sorted.partition_point(|&y| y < low);
        let above = self.sorted.len() - self.sorted.partition_point(|&y| y <= high);
        (below + above) as f64 / self.sorted.len().max(1) as f64
    }

    /// The number of different labels, if every target is one whole number that is not negative:
    /// class labels that are stored as numbers.
    pub fn numbered_classes(&self) -> Option<usize> {
        let [low, high] = self.range;
        (!self.labels && self.width == 1 && self.whole && low >= 0.0 && self.distinct <= 200)
            .then_some((high as usize).saturating_add(1))
            .filter(|&classes| classes >= 3 && classes <= 4 * self.distinct)
    }

    pub(crate) fn of<E: Element>(targets: &Targets<E>) -> Self {
        match targets {
            Targets::Classes(classes) => {
                let most = classes.iter().copied().max().map_or(0, |most| most.min(1 << 20) + 1);
                let mut counts = vec![0; most];
                for &class in classes {
                    if let Some(count) = counts.get_mut(class) {
                        *count += 1;
                    }
                }
                let numbers: Vec<f64> = classes.iter().map(|&class| class as f64).collect();
                let facts = Self::of_numbers(&numbers, classes.len(), 1);
                Self { labels: true, counts: Some(counts), ..facts }
            }
            Targets::Values(values) => {
                let rows = targets.rows();
                let numbers: Vec<f64> = values.to_vec().into_iter().map(E::to_f64).collect();
                let width = numbers.len().checked_div(rows).unwrap_or(0);
                Self::of_numbers(&numbers, rows, width)
            }
        }
    }

    fn of_numbers(numbers: &[f64], rows: usize, width: usize) -> Self {
        let mut sorted: Vec<f64> = numbers.iter().copied().filter(|y| y.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len().max(1) as f64;
        let square = sorted.iter().map(|y| y * y).sum::<f64>() / count;
        let mut variance = 0.0;
        for column in 0..width {
            let of = || numbers.iter().skip(column).step_by(width.max(1));
            let mean = of().sum::<f64>() / rows.max(1) as f64;
            variance += of().map(|y| (y - mean).powi(2)).sum::<f64>() / rows.max(1) as f64;
        }
        let mut distinct = 0;
        for (i, y) in sorted.iter().enumerate() {
            if i == 0 || sorted[i - 1] != *y {
                distinct += 1;
            }
            if distinct == 1000 {
                break;
            }
        }
        let sums = |row: &&[f64]| (row.iter().sum::<f64>() - 1.0).abs() < 1e-3;
        let hot = |row: &[f64]| {
            let ones = row.iter().filter(|y| **y == 1.0).count();
            ones == 1 && row.iter().all(|y| *y == 0.0 || *y == 1.0)
        };
        let whole = sorted.iter().all(|y| y.fract() == 0.0);
        let by_row = || numbers.chunks_exact(width.max(1));
        let range = [*sorted.first().unwrap_or(&f64::NAN), *sorted.last().unwrap_or(&f64::NAN)];
        let counts = if width > 1 && by_row().all(hot) {
            let mut counts = vec![0; width];
            for row in by_row() {
                if let Some(class) = row.iter().position(|y| *y == 1.0) {
                    counts[class] += 1;
                }
            }
            Some(counts)
        } else if width == 1 && whole && range[0] >= 0.0 && range[1] <= 1.0 {
            let ones = sorted.iter().filter(|y| **y == 1.0).count();
            Some(vec![sorted.len() - ones, ones])
        } else {
            None
        };
        Self {
            rows,
            width,
            labels: false,
            not_finite: numbers.len() - sorted.len(),
            range,
            rms: square.sqrt(),
            std: (variance / width.max(1) as f64).sqrt(),
            whole,
            distinct,
            sum_to_one: by_row().filter(sums).count() as f64 / rows.max(1) as f64,
            counts,
            sorted,
        }
    }
}

/// The most rows and columns from which facts about the inputs are computed.
const ROWS: usize = 1024;
const COLUMNS: usize = 4096;

impl DataFacts {
    pub(crate) fn of<E: Element>(data: &Data<E>) -> Self {
        let rows = spread(data.rows(), ROWS);
        let sample = select(&data.inputs, &rows);
        let dims = sample.shape().dims().to_vec();
        let width: usize = dims.iter().skip(1).product();
        let numbers: Vec<f64> = sample.to_vec().into_iter().map(E::to_f64).collect();
        // The channels of images, or the elements.
        let (columns, positions) = match dims[..] {
            [_, channels, h, w] => (channels, h * w),
            _ => (width, 1),
        };
        let columns = columns.min(COLUMNS);
        let not_finite = numbers.iter().filter(|x| !x.is_finite()).count();
        let of_column = |column: usize| {
            let at = column * positions;
            numbers
                .chunks_exact(width.max(1))
                .flat_map(move |row| row[at..at + positions].iter().copied())
                .filter(|x| x.is_finite())
        };
        let described = |column: usize| {
            let count = of_column(column).count().max(1) as f64;
            let mean = of_column(column).sum::<f64>() / count;
            let variance = of_column(column).map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            Column { mean, std: variance.sqrt(), rms: (variance + mean * mean).sqrt() }
        };
        let all: Vec<Column> = (0..columns).map(described).collect();
        Self {
            rows: data.rows(),
            duplicates: duplicates(&all, |column| of_column(column).collect()),
            columns: all,
            not_finite,
            targets: TargetFacts::of(&data.targets),
            held_out: data.held_out.as_ref().map(|(inputs, targets)| {
                (inputs.shape().first().copied().unwrap_or(0), TargetFacts::of(targets))
            }),
        }
    }
}

/// The pairs of columns with the same values, constant ones aside.
fn duplicates(columns: &[Column], values: impl Fn(usize) -> Vec<f64>) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..columns.len()).filter(|&i| columns[i].std > 0.0).collect();
    let key = |i: usize| (columns[i].mean, columns[i].std);
    order.sort_by(|&a, &b| key(a).0.total_cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
    let same = |pair: &&[usize]| key(pair[0]) == key(pair[1]) && values(pair[0]) == values(pair[1]);
    order.windows(2).filter(same).map(|pair| (pair[0].min(pair[1]), pair[0].max(pair[1]))).collect()
}
