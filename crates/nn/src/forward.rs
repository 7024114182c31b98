//! [`Layer`]: a module that maps one variable to another.

use std::fmt::Debug;

use wengert_autodiff::{Element, Result, Tape, Tensor, Var, instances};

use crate::module::Module;
use crate::observe::Observer;

/// A module that maps one variable, the input, to another, the output.
///
/// ```
/// use wengert_autodiff::{Element, Result, Var};
/// use wengert_nn::{Layer, Linear, Module};
///
/// /// `x + linear(x)`
/// #[derive(Clone, Debug, Module)]
/// #[module(role = wengert_nn::Role::Residual)]
/// struct Residual<E: Element> {
///     inner: Linear<E>,
/// }
///
/// impl<E: Element> Layer<E> for Residual<E> {
///     fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
///         Ok(x + self.inner.try_forward(x)?)
///     }
/// }
/// ```
pub trait Layer<E: Element = f32>: Module<E> + Debug {
    /// Computes the output for a batch of inputs, recorded on the tape of the inputs.
    ///
    /// # Errors
    /// If the layer does not accept the shape of the inputs.
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>>;

    /// Computes the output for a batch of inputs. See [`try_forward`](Self::try_forward).
    ///
    /// # Panics
    /// If the layer does not accept the shape of the inputs.
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, E>) -> Var<'t, E> {
        match self.try_forward(x) {
            Ok(y) => y,
            Err(error) => panic!("{error}"),
        }
    }

    /// Computes the output for a batch of inputs, and shows `observer` every layer on the way.
    ///
    /// A layer that contains layers runs them by [`Observer::child`] in place of `try_forward`. The
    /// default shows the layer as a whole.
    ///
    /// # Errors
    /// If the layer does not accept the shape of the inputs.
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let output = self.try_forward(x)?;
        observer.layer(x, output, output);
        Ok(output)
    }

    /// Computes the output for a batch of inputs without gradients, on a new tape.
    ///
    /// The result depends on the mode: call [`eval`](Module::eval) once after training. In training
    /// mode batch norm updates its running statistics, and dropout draws random numbers, as in
    /// [`try_forward`](Self::try_forward).
    ///
    /// # Errors
    /// If the layer does not accept the shape of the inputs.
    fn try_predict(&self, inputs: &Tensor<E>) -> Result<Tensor<E>> {
        predict(inputs, &|x| self.try_forward(x))
    }

    /// Computes the output for a batch of inputs without gradients. See
    /// [`try_predict`](Self::try_predict).
    ///
    /// ```
    /// use wengert_autodiff::{Activation, Tensor};
    /// use wengert_nn::{Layer, Sequential};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let model = Sequential::builder().linear(3, 2, Activation::Tanh).build(&mut rng)?;
    /// assert_eq!(model.predict(&Tensor::<f32>::ones([5, 3])).shape().dims(), [5, 2]);
    /// # Ok::<(), wengert_nn::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the layer does not accept the shape of the inputs.
    #[track_caller]
    fn predict(&self, inputs: &Tensor<E>) -> Tensor<E> {
        match self.try_predict(inputs) {
            Ok(outputs) => outputs,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Computes the value of a function on a new tape, without gradients.
#[inline(never)]
fn predict<E: Element>(
    inputs: &Tensor<E>,
    forward: &dyn for<'t> Fn(Var<'t, E>) -> Result<Var<'t, E>>,
) -> Result<Tensor<E>> {
    let tape = Tape::new();
    let outputs = tape.no_grad(|| forward(tape.constant(inputs))?.try_value())?;
    // Computes a deferred result here, so that its error is returned.
    outputs.try_as_slice()?;
    Ok(outputs)
}

instances!(predict<E>: predict::<E>);

impl<E: Element, L: Layer<E> + ?Sized> Layer<E> for Box<L> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        (**self).try_forward(x)
    }
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        (**self).observe(x, observer)
    }
}
