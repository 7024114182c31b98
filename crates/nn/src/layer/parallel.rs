//! [`Parallel`]: several layers with the same input, whose outputs are added or concatenated.

use std::fmt::Debug;
use std::sync::Arc;

use rand::Rng;
use wengert_autodiff::{Element, Error, Result, Var, ops};

use super::{LayerConfig, LayerError, SampleShape, Sequential, SequentialBuilder};
use crate::forward::Layer;
use crate::module::Module;
use crate::observe::Observer;
use crate::parts::decimal;

/// Branches that all take the layer's input, and whose outputs are added, or concatenated along an
/// axis. The parameters of the first branch are named `0.0.weight` and so on.
///
/// ```
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::{Layer, Parallel, Sequential};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let branches = Parallel::concat(-1)
///     .branch(Sequential::builder().linear(3, 4, Activation::Tanh))
///     .branch(Sequential::builder().linear(3, 2, Activation::Relu));
/// let model: Sequential = Sequential::builder().with(branches).build(&mut rng)?;
/// assert_eq!(model.predict(&Tensor::ones([5, 3])).shape().dims(), [5, 6]);
/// # Ok::<(), wengert_nn::BuildError>(())
/// ```
///
/// # Shapes
/// Each branch takes the input. Outputs that are added must have equal shapes; outputs that are
/// concatenated may differ in the size of that axis only.
#[derive(Clone, Debug, Module)]
pub struct Parallel<E: Element = f32> {
    #[module(flatten)]
    branches: Vec<Sequential<E>>,
    #[module(skip)]
    join: Join,
}

/// How the outputs of the branches are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    Sum,
    Concat(isize),
}

impl Parallel {
    /// Describes branches whose outputs are added. Add the branches with
    /// [`branch`](ParallelConfig::branch).
    pub fn sum<E: Element>() -> ParallelConfig<E> {
        ParallelConfig { branches: Vec::new(), join: Join::Sum }
    }

    /// Describes branches whose outputs are concatenated along an axis; negative axes count from
    /// the end.
    pub fn concat<E: Element>(axis: isize) -> ParallelConfig<E> {
        ParallelConfig { branches: Vec::new(), join: Join::Concat(axis) }
    }
}

impl<E: Element> Parallel<E> {
    /// The branches in order.
    pub fn branches(&self) -> &[Sequential<E>] {
        &self.branches
    }

    fn join<'t>(&self, outputs: &[Var<'t, E>]) -> Result<Var<'t, E>> {
        let (first, rest) = outputs.split_first().ok_or_else(no_branches)?;
        match self.join {
            Join::Concat(axis) => ops::concat(outputs, axis),
            Join::Sum => {
                let got: Vec<_> = outputs.iter().map(|y| y.shape()).collect();
                if got.iter().any(|shape| *shape != got[0]) {
                    let expected = "branches whose outputs have one shape".to_owned();
                    return Err(Error::Shapes { op: "parallel", expected, got });
                }
                rest.iter().try_fold(*first, |sum, &y| ops::add(sum, y))
            }
        }
    }
}

fn no_branches() -> Error {
    let message = "there is no branch; add at least one with `branch`".to_owned();
    Error::Argument { op: "parallel", message }
}

impl<E: Element> Layer<E> for Parallel<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let outputs = self.branches.iter().enumerate().map(|(i, branch)| {
            branch.try_forward(x).map_err(|error| error.in_layer(&i.to_string()))
        });
        self.join(&outputs.collect::<Result<Vec<_>>>()?)
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let branches = self.branches.iter().enumerate();
        let outputs =
            branches.map(|(i, branch)| observer.child(decimal(i, &mut [0; 20]), branch, x));
        self.join(&outputs.collect::<Result<Vec<_>>>()?)
    }
}

/// Describes [`Parallel`] branches.
#[derive(Clone, Debug)]
pub struct ParallelConfig<E: Element = f32> {
    branches: Vec<Arc<SequentialBuilder<E>>>,
    join: Join,
}

impl<E: Element> ParallelConfig<E> {
    /// Adds a branch.
    pub fn branch(mut self, branch: SequentialBuilder<E>) -> Self {
        self.branches.push(Arc::new(branch));
        self
    }

    /// Builds the branches, with parameters drawn in order from `rng`.
    ///
    /// # Errors
    /// If there is no branch, or a branch cannot be built.
    pub fn build(&self, rng: &mut impl Rng) -> Result<Parallel<E>, LayerError> {
        if self.branches.is_empty() {
            return Err(no_branches().into());
        }
        let build = |(i, branch): (usize, &Arc<SequentialBuilder<E>>)| {
            branch.build(rng).map_err(|error| {
                let message = format!("branch {i}: {error}");
                LayerError::from(Error::Argument { op: "parallel", message })
            })
        };
        let branches = self.branches.iter().enumerate().map(build).collect::<Result<_, _>>()?;
        Ok(Parallel { branches, join: self.join })
    }
}

impl<E: Element> LayerConfig<E> for ParallelConfig<E> {
    type Layer = Parallel<E>;

    fn output_shape(&self, _: &SampleShape) -> Result<SampleShape, LayerError> {
        Ok(SampleShape::Unknown)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Parallel<E>, LayerError> {
        self.build(&mut rng)
    }
}
