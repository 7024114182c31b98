//! Compares the gradient that is recorded with the one that is not.
//!
//! A rule may compute the two by different methods:
//! [`Vjp::creates_graph`](crate::Vjp::creates_graph) distinguishes them. The differences of order 1
//! judge the unrecorded gradient. Those of order 2 judge the derivative of the recorded gradient,
//! whatever its value is.

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::function::{both_signs, unravel};
use super::linearity::ROUNDING;
use super::report::OpPath;
use super::{Gradcheck, GradcheckError, VarFn};
use crate::backward::{CreateGraph, grad};
use crate::tape::Tape;
use crate::tensor::Tensor;

/// The elements at which two gradients differ, and the first of them.
#[derive(Clone, Debug)]
pub(crate) struct Differing {
    pub(crate) count: usize,
    pub(crate) of: usize,
    pub(crate) input: usize,
    pub(crate) index: Vec<usize>,
    pub(crate) got: f64,
    pub(crate) expected: f64,
}

/// The elements at which the recorded gradient differs from the unrecorded one.
#[derive(Clone, Debug)]
pub(super) struct RecordedDiffers {
    elements: Differing,
    path: OpPath,
}

impl From<RecordedDiffers> for GradcheckError {
    fn from(RecordedDiffers { elements, path }: RecordedDiffers) -> Self {
        let Differing { count, of, input, index, got, expected } = elements;
        let (recorded, unrecorded) = (got, expected);
        GradcheckError::Recorded { count, of, input, index, recorded, unrecorded, path }
    }
}

impl Gradcheck {
    /// The elements at which two gradients with respect to the same inputs differ by more than the
    /// tolerances and rounding. The rounding is relative to the largest element of the gradient of
    /// the input, because a sum that two rules form in different orders may cancel.
    ///
    /// Elements at which the expected gradient is infinite or NaN are not compared.
    pub(crate) fn differing(
        &self,
        got: &[(usize, Tensor<f64>)],
        expected: &[(usize, Tensor<f64>)],
    ) -> Option<Differing> {
        let (mut first, mut count, mut of) = (None, 0, 0);
        for ((_, got), (input, expected)) in got.iter().zip(expected) {
            let values = expected.to_vec();
            let finite = values.iter().filter(|value| value.is_finite());
            let largest = finite.fold(0.0_f64, |largest, value| largest.max(value.abs()));
            of += values.len();
            for (place, (got, expected_value)) in got.to_vec().into_iter().zip(values).enumerate() {
                let allowed = self.allowed(got, expected_value) + ROUNDING * largest;
                let agrees = got.is_finite() && (got - expected_value).abs() <= allowed;
                if agrees || !expected_value.is_finite() {
                    continue;
                }
                count += 1;
                if first.is_none() {
                    first = Some((*input, unravel(place, expected.shape()), got, expected_value));
                }
            }
        }
        let (input, index, got, expected) = first?;
        Some(Differing { count, of, input, index, got, expected })
    }

    /// Compares the recorded gradient of `f` with the unrecorded one, for a random cotangent with
    /// elements of both signs. `None` if they agree, or if order 2 is not checked and the recorded
    /// gradient is an error.
    pub(super) fn recorded_differs(
        &self,
        f: &VarFn<'_>,
        inputs: &[&Tensor<f64>],
    ) -> Result<Option<RecordedDiffers>, GradcheckError> {
        let tape = Tape::new();
        let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x)).collect();
        let output = f(&vars)?;
        let shape = output.shape();
        let mut rng = Pcg64::seed_from_u64(self.seed ^ 0x2c1b_3c6d);
        let cotangent = Tensor::from_vec(both_signs(&mut rng, shape.numel()), shape)?;
        let cotangent = tape.constant(&cotangent);
        let unrecorded = grad(&[output], &[cotangent], &vars, CreateGraph::No)?;
        let recorded = match grad(&[output], &[cotangent], &vars, CreateGraph::Yes) {
            Err(_) if self.order < 2 => return Ok(None),
            recorded => recorded?,
        };
        let unrecorded = numbered(unrecorded, inputs);
        let values = recorded.into_iter().map(|gradient| gradient.map(|g| g.value())).collect();
        let elements = self.differing(&numbered(values, inputs), &unrecorded);
        Ok(elements.map(|elements| {
            let path = OpPath::between(vars[elements.input], output);
            RecordedDiffers { elements, path }
        }))
    }
}

/// The gradient of each input with its number; zeros for one on which the output does not depend.
fn numbered(
    gradients: Vec<Option<Tensor<f64>>>,
    inputs: &[&Tensor<f64>],
) -> Vec<(usize, Tensor<f64>)> {
    let zeros = |i: usize| Tensor::zeros(inputs[i].shape());
    let all = gradients.into_iter().enumerate();
    all.map(|(i, gradient)| (i, gradient.unwrap_or_else(|| zeros(i)))).collect()
}
