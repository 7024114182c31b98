//! [`Muon`]: momentum whose steps are orthogonal matrices.

use wengert_autodiff::{Element, Gradients, Kind, Parameter, Shape, Tensor};
use wengert_kernels::{elementwise, optim};

use super::adam::Adam;
use super::memory::Memories;
use super::optimizer::{
    Optimizer, check_any_gradient, check_not_negative, for_each_parameter, has_gradient,
};
use super::select::Selected;
use super::setters::{momentum, not_negative, share};
use crate::module::Module;
use crate::state::{ParameterState, State, StateError};

/// Muon: weights move along their momentum, brought close to an orthogonal matrix by five
/// Newton-Schulz iterations. Other parameters (biases, gains, tables) are updated by [`Adam`].
///
/// For the gradient `g` of a weight of `n` rows (outputs) and `m` columns (inputs; for a
/// convolution, inputs times window positions):
///
/// ```text
/// b = momentum b + (1 - momentum) g           d = (1 - momentum) g + momentum b
/// x = d / |d|, then five times  x = 3.4445 x - 4.775 (x x^T) x + 2.0315 (x x^T)^2 x
/// w -= rate (sqrt(max(1, n / m)) x + weight_decay w)
/// ```
///
/// The iterations leave the singular values of `x` between about 0.7 and 1.2, not at 1.
///
/// ```
/// use wengert_nn::{Adam, Muon};
/// let muon = Muon::<f32>::new(0.02).weight_decay(0.01).others(Adam::new(1e-3).decoupled(0.01));
/// ```
///
/// Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
#[derive(Clone, Debug)]
pub struct Muon<E: Element = f32> {
    rate: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    momenta: Memories<E>,
    others: Adam<E>,
    /// The learning rate of `others` as a multiple of this optimizer's.
    share: f64,
}

/// The polynomial whose iteration drives singular values in (0, 1] towards 1.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.775, 2.0315];
const ITERATIONS: usize = 5;
/// The smallest norm by which a matrix is divided.
const LEAST: f64 = 1e-7;

impl<E: Element> Muon<E> {
    /// Creates the optimizer with a momentum of 0.95 in Nesterov's form, no weight decay, and for
    /// other parameters Adam with a learning rate of 3e-4.
    ///
    /// # Panics
    /// If the rate is not positive, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        let muon = Self {
            rate,
            momentum: 0.95,
            nesterov: true,
            weight_decay: 0.0,
            momenta: Memories::default(),
            others: Adam::new(3e-4),
            share: 0.0,
        };
        muon.others(Adam::new(3e-4))
    }

    share! {
        /// Sets the fraction of the momentum that is kept from step to step.
        momentum = "momentum";
    }

    /// Uses the momentum itself as the direction, `d = b`.
    pub fn without_nesterov(mut self) -> Self {
        self.nesterov = false;
        self
    }

    not_negative! {
        /// Sets the weight decay, which is applied to the weights instead of the gradient.
        weight_decay = "weight decay";
    }

    /// Sets the optimizer of the parameters that are not weights.
    /// [`set_learning_rate`](Optimizer::set_learning_rate) scales its learning rate by the same
    /// factor.
    ///
    /// # Panics
    /// If the learning rate of this `Muon` is not positive, or not finite when rounded to the
    /// element type.
    #[track_caller]
    pub fn others(mut self, others: Adam<E>) -> Self {
        assert!(
            E::from_f64(self.rate).to_f64().is_finite() && self.rate > 0.0,
            "muon: the learning rate must be positive, and finite when rounded to {}, got {:e}",
            std::any::type_name::<E>(),
            self.rate
        );
        self.share = others.learning_rate() / self.rate;
        self.others = others;
        self
    }
}

/// Whether the parameter is a weight, which Muon itself updates.
fn is_weight<E: Element>(parameter: &Parameter<E>) -> bool {
    matches!(parameter.kind(), Kind::Weight { .. }) && parameter.value().rank() >= 2
}

/// The numbers of rows and columns of a weight of this shape.
fn matrix(shape: &Shape) -> [usize; 2] {
    [shape[0], shape[1..].iter().product()]
}

/// A matrix with the singular vectors of `x` and singular values near 1.
fn orthogonal<E: Element>(x: &Tensor<E>) -> Tensor<E> {
    let [rows, columns] = matrix(x.shape());
    let norm = x.norm(2.0).item().to_f64().max(LEAST);
    let mut x = x / E::from_f64(norm);
    // Multiplies by the smaller of the two products of x with its transpose.
    if rows > columns {
        x = x.t();
    }
    let [a, b, c] = COEFFICIENTS.map(E::from_f64);
    for _ in 0..ITERATIONS {
        let gram = x.matmul(&x.t());
        let polynomial = &gram * b + gram.matmul(&gram) * c;
        x = &x * a + polynomial.matmul(&x);
    }
    if rows > columns { x.t() } else { x }
}

impl<E: Element> Optimizer<E> for Muon<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        check_any_gradient(&*module, gradients);
        let Self { rate, momentum, nesterov, weight_decay, .. } = *self;
        let number = E::from_f64;
        let mut shapes = std::collections::HashMap::new();
        for (_, parameter) in module.parameters() {
            if is_weight(parameter) {
                shapes.insert(parameter.id(), matrix(parameter.value().shape()));
            }
        }
        let keep = |_: &str, parameter: &Parameter<E>| is_weight(parameter);
        let mut weights_only = Selected { module: &mut *module, keep };
        let update = |id, weights: &mut [E], gradient: &[E]| {
            let [rows, columns] = shapes[&id];
            let ([mean], _) = self.momenta.recall(id, weights.len());
            optim::average_step(mean, gradient, number(1.0 - momentum));
            let mut direction = if nesterov { gradient.to_vec() } else { mean.to_vec() };
            if nesterov {
                optim::average_step(&mut direction, mean, number(momentum));
            }
            let Ok(direction) = Tensor::from_vec(direction, [rows, columns]) else { return };
            let step = orthogonal(&direction).contiguous();
            let size = rate * (rows as f64 / columns.max(1) as f64).max(1.0).sqrt();
            elementwise::scale_in_place(number(1.0 - rate * weight_decay), weights);
            elementwise::axpy(number(-size), step.as_slice().unwrap_or_default(), weights);
        };
        if has_gradient(&weights_only, gradients) {
            for_each_parameter(&mut weights_only, gradients, update);
        }
        let keep = |_: &str, parameter: &Parameter<E>| !is_weight(parameter);
        Selected { module, keep }.step(&mut self.others, gradients);
    }

    fn learning_rate(&self) -> f64 {
        self.rate
    }

    fn set_learning_rate(&mut self, rate: f64) {
        check_not_negative::<E>("learning rate", rate);
        self.rate = rate;
        self.others.set_learning_rate(rate * self.share);
    }

    momentum!(momentum);
}

impl<E: Element> ParameterState<E> for Muon<E> {
    fn state(&self, module: &dyn Module<E>) -> State {
        let mut state = self.momenta.state("Muon", self.rate, module, &["momentum_buffer"]);
        state.insert_part("others", self.others.state(module));
        state
    }

    fn load_state(&mut self, module: &dyn Module<E>, state: &State) -> Result<(), StateError> {
        state.expect_kind("Muon")?;
        let rate = super::memory::load_rate::<E>(state)?;
        let others: Vec<&str> = state.names().filter(|name| name.starts_with("others/")).collect();
        let known = [&others[..], &["kind", "learning_rate"]].concat();
        let momenta = Memories::load(module, &["momentum_buffer"], state, &known)?;
        let loaded = self.others.load_state(module, &state.part("others"));
        loaded.map_err(|error| error.within("others"))?;
        (self.rate, self.momenta) = (rate, momenta);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_nearly_orthogonal() {
        use rand::SeedableRng;
        let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
        for shape in [[6, 20], [20, 6], [9, 9]] {
            let step = orthogonal(&Tensor::<f64>::randn(shape, &mut rng));
            assert_eq!(step.shape().dims(), shape);
            let wide = if shape[0] > shape[1] { step.t() } else { step };
            let gram = wide.matmul(&wide.t());
            // The sum of the squared singular values is the trace.
            let mean = gram.diagonal(0).mean().item();
            assert!((0.5..1.5).contains(&mean), "{shape:?}: {mean}");
        }
        let zero = orthogonal(&Tensor::<f32>::zeros([3, 2]));
        assert!(zero.to_vec().iter().all(|x| *x == 0.0));
    }
}
