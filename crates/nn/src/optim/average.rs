//! [`Average`]: a running average of the weights, for evaluation.

use wengert_autodiff::{Element, Tensor};
use wengert_kernels::optim;

use super::memory::Memories;
use super::optimizer::check_share;
use crate::module::{Module, VisitorMut};
use crate::state::{ParameterState, State, StateError};

/// A running average of a module's parameters, which often performs better than the last weights.
///
/// The first [`update`](Self::update) sets the average to the weights. Each further update moves it
/// by `average += (1 - decay) (w - average)` with [`ema`](Self::ema), and keeps the mean of the
/// weights at all updates with [`swa`](Self::swa). Frozen parameters are averaged, too; buffers are
/// not, so the statistics of batch normalization must be measured again with the averaged weights.
///
/// ```
/// use wengert_nn::{Average, Layer, Linear};
/// # use wengert_autodiff::Tensor;
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// # let mut model = Linear::config(3, 2).build::<f32>(&mut rng)?;
/// # let x = Tensor::ones([1, 3]);
/// let mut average = Average::ema(0.999);
/// // after each step of the optimizer
/// average.update(&model);
/// // for an evaluation: the average in place of the weights, and back
/// average.swap(&mut model);
/// let y = model.predict(&x);
/// average.swap(&mut model);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// Sources: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging",
/// SIAM J. Control Optim. 30, 1992; P. Izmailov et al., "Averaging weights leads to wider optima
/// and better generalization", UAI 2018.
#[doc(alias = "EMA")]
#[doc(alias = "SWA")]
#[derive(Clone, Debug)]
pub struct Average<E: Element = f32> {
    /// The fraction of the average that is kept; `None` for the mean.
    decay: Option<f64>,
    averages: Memories<E>,
}

impl<E: Element> Average<E> {
    /// Creates an exponential moving average that keeps this fraction of itself at each update.
    ///
    /// # Panics
    /// If the fraction is not in [0, 1).
    #[track_caller]
    pub fn ema(decay: f64) -> Self {
        check_share("decay", decay);
        Self { decay: Some(decay), averages: Memories::default() }
    }

    /// Creates the mean over all updates: stochastic weight averaging.
    pub fn swa() -> Self {
        Self { decay: None, averages: Memories::default() }
    }

    /// Adds the current weights to the average.
    pub fn update(&mut self, module: &dyn Module<E>) {
        for (_, parameter) in module.parameters() {
            let weights = parameter.value().contiguous();
            let weights = weights.as_slice().unwrap_or_default();
            let ([average], count) = self.averages.recall(parameter.id(), weights.len());
            if count == 1 {
                average.copy_from_slice(weights);
                continue;
            }
            let share = self.decay.map_or(1.0 / count as f64, |decay| 1.0 - decay);
            optim::average_step(average, weights, E::from_f64(share));
        }
    }

    /// Exchanges the average and the module's weights. Call it before an evaluation and again
    /// afterwards. Parameters that were not averaged stay as they are.
    pub fn swap(&mut self, module: &mut dyn Module<E>) {
        self.with_average(module, |average, weights| average.swap_with_slice(weights));
    }

    /// Copies the averaged weights to the module.
    pub fn copy_to(&mut self, module: &mut dyn Module<E>) {
        self.with_average(module, |average, weights| weights.copy_from_slice(average));
    }

    fn with_average(&mut self, module: &mut dyn Module<E>, f: impl Fn(&mut [E], &mut [E])) {
        module.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
            if let Some(average) = self.averages.first_mut(parameter.id()) {
                let average: &mut Tensor<E> = average;
                f(average.as_mut_slice(), parameter.value_mut().as_mut_slice());
            }
        }));
    }
}

impl<E: Element> ParameterState<E> for Average<E> {
    fn state(&self, module: &dyn Module<E>) -> State {
        let mut state = State::new();
        state.insert_text("kind", "Average");
        self.averages.save(module, &["average"], &mut state);
        state
    }

    fn load_state(&mut self, module: &dyn Module<E>, state: &State) -> Result<(), StateError> {
        state.expect_kind("Average")?;
        self.averages = Memories::load(module, &["average"], state, &["kind"])?;
        Ok(())
    }
}
