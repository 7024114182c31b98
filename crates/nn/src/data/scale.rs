//! [`Scaler`]: features brought to a common scale.

use wengert_autodiff::{Element, Error, Result, Tensor, Var, ops};

use crate::forward::Layer;
use crate::layer::Buffer;
use crate::module::Module;

/// Scales features by numbers that are measured on the training examples: `(x - offset) * factor`.
///
/// The scaler is a layer. Placed before a network, it is saved and loaded with the network, and
/// scales every input in the same way, in training, in tests and in use. Its numbers are not
/// learned.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::Scaler;
/// let train = Tensor::from([[1.0_f32, 100.0], [3.0, 300.0]]);
/// let scaler = Scaler::standardize(&train)?;
/// assert_eq!(scaler.transform(&train)?.to_vec(), [-1.0, -1.0, 1.0, 1.0]);
/// let test = Tensor::from([[2.0_f32, 400.0]]);
/// assert_eq!(scaler.transform(&test)?.to_vec(), [0.0, 2.0]);
/// assert_eq!(scaler.inverse(&scaler.transform(&test)?)?, test);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// Inputs are `[.., features]`.
#[derive(Clone, Debug, Module)]
pub struct Scaler<E: Element = f32> {
    offset: Buffer<E>,
    factor: Buffer<E>,
}

impl<E: Element> Scaler<E> {
    /// Measures a scaler that brings each feature to mean 0 and standard deviation 1 (that of a
    /// population). A feature with the same value in all rows becomes 0.
    ///
    /// # Errors
    /// If `data` is not `[rows, features]` with at least one row, or a number is not finite.
    pub fn standardize(data: &Tensor<E>) -> Result<Self> {
        let columns = columns(data)?;
        Self::new(&columns, |column| {
            let n = column.len() as f64;
            // Sums differences from one of the values, so that equal values have exactly that mean.
            let first = column[0];
            let mean = first + column.iter().map(|x| (x - first) / n).sum::<f64>();
            let variance = column.iter().map(|x| (x - mean).powi(2) / n).sum::<f64>();
            (mean, variance.sqrt())
        })
    }

    /// Measures a scaler that brings each feature to the range 0..=1. A feature with the same value
    /// in all rows becomes 0.
    ///
    /// # Errors
    /// If `data` is not `[rows, features]` with at least one row, or a number is not finite.
    pub fn min_max(data: &Tensor<E>) -> Result<Self> {
        let columns = columns(data)?;
        Self::new(&columns, |column| {
            let least = column.iter().copied().fold(f64::INFINITY, f64::min);
            let most = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (least, most - least)
        })
    }

    fn new(columns: &[Vec<f64>], measure: impl Fn(&[f64]) -> (f64, f64)) -> Result<Self> {
        let measured: Vec<(f64, f64)> = columns.iter().map(|column| measure(column)).collect();
        let features = [columns.len()];
        let offset = Tensor::try_from_fn(features, |i| E::from_f64(measured[i[0]].0))?;
        let factor = Tensor::try_from_fn(features, |i| {
            let width = measured[i[0]].1;
            E::from_f64(if width > 0.0 { 1.0 / width } else { 1.0 })
        })?;
        Ok(Self { offset: Buffer::new(offset), factor: Buffer::new(factor) })
    }

    /// Scales inputs: `(x - offset) * factor`.
    ///
    /// # Errors
    /// If the number of features differs from that of the scaler.
    pub fn transform(&self, x: &Tensor<E>) -> Result<Tensor<E>> {
        self.check(x.shape())?;
        x.try_sub(&self.offset.value())?.try_mul(&self.factor.value())
    }

    /// Returns scaled inputs to their original scale, the inverse of
    /// [`transform`](Self::transform).
    ///
    /// # Errors
    /// If the number of features differs from that of the scaler.
    pub fn inverse(&self, x: &Tensor<E>) -> Result<Tensor<E>> {
        self.check(x.shape())?;
        x.try_div(&self.factor.value())?.try_add(&self.offset.value())
    }

    fn check(&self, shape: &wengert_autodiff::Shape) -> Result<()> {
        let features = self.offset.value().len();
        if shape.last() == Some(&features) {
            return Ok(());
        }
        let (expected, got) = (format!("x [.., {features}]"), vec![shape.clone()]);
        Err(Error::Shapes { op: "scaler", expected, got })
    }
}

impl<E: Element> Layer<E> for Scaler<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.check(&x.shape())?;
        let [offset, factor] =
            [&self.offset, &self.factor].map(|buffer| x.tape().constant(&buffer.value()));
        ops::mul(ops::sub(x, offset)?, factor)
    }
}

/// The values of each feature.
fn columns<E: Element>(data: &Tensor<E>) -> Result<Vec<Vec<f64>>> {
    let shape = data.shape();
    let &[rows, features] = shape.dims() else {
        let (expected, got) = ("data [rows, features]".to_owned(), vec![shape.clone()]);
        return Err(Error::Shapes { op: "scaler", expected, got });
    };
    if rows == 0 {
        let (expected, got) = ("data with at least one row".to_owned(), vec![shape.clone()]);
        return Err(Error::Shapes { op: "scaler", expected, got });
    }
    let mut columns = vec![Vec::with_capacity(rows); features];
    for (i, x) in data.iter().enumerate() {
        let (row, feature, x) = (i / features, i % features, x.to_f64());
        if !x.is_finite() {
            let message =
                format!("row {row} has {x} for feature {feature}; numbers must be finite");
            return Err(Error::Argument { op: "scaler", message });
        }
        columns[feature].push(x);
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use wengert_autodiff::Tape;

    use super::*;

    #[test]
    fn features_have_the_scale_asked_for() {
        let data = Tensor::<f64>::from_fn([40, 3], |i| {
            [1e6 + (i[0] as f64).sin(), -3.0, 1e-9 * (i[0] * i[0]) as f64][i[1]]
        });
        let scaled = Scaler::standardize(&data).unwrap().transform(&data).unwrap();
        let [mean, square] = [scaled.clone(), &scaled * &scaled].map(|x| x.mean_axes(&[0], false));
        for feature in [0, 2] {
            assert!(mean.get(&[feature]).unwrap().abs() < 1e-9);
            assert!((square.get(&[feature]).unwrap() - 1.0).abs() < 1e-9);
        }
        assert_eq!(square.get(&[1]), Some(0.0));
        let scaler = Scaler::min_max(&data).unwrap();
        let scaled = scaler.transform(&data).unwrap();
        for feature in [0, 2] {
            let column: Vec<f64> =
                (0..40).map(|row| scaled.get(&[row, feature]).unwrap()).collect();
            assert_eq!(column.iter().copied().fold(1.0, f64::min), 0.0);
            assert!((column.iter().copied().fold(0.0, f64::max) - 1.0).abs() < 1e-15);
        }
        let back = scaler.inverse(&scaled).unwrap();
        assert!(back.iter().zip(data.iter()).all(|(a, b)| (a - b).abs() <= 1e-9));
        let tape = Tape::new();
        assert_eq!(scaler.forward(tape.constant(&data)).value(), scaled);
        let names: Vec<String> = scaler.buffers().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["offset", "factor"]);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let error = |data: &[f32], shape: &[usize]| {
            let data = Tensor::from_slice(data, shape).unwrap();
            Scaler::standardize(&data).unwrap_err().to_string()
        };
        assert!(error(&[1.0, f32::NAN], &[2, 1]).contains("row 1 has NaN for feature 0"));
        assert!(error(&[], &[0, 2]).contains("at least one row"));
        assert!(error(&[1.0], &[1]).contains("data [rows, features]"));
        let scaler = Scaler::standardize(&Tensor::<f32>::ones([2, 3])).unwrap();
        assert!(scaler.transform(&Tensor::ones([2, 2])).is_err());
    }
}
