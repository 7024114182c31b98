//! [`Layer`]: a module that maps one variable to one.

use std::fmt::Debug;

use wengert_autodiff::{Element, Result, Tape, Tensor, Var};

use crate::module::Module;
use crate::observe::Observer;

/// A module that maps one variable to one.
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
    /// The output for a batch of inputs, recorded on the inputs' tape.
    ///
    /// # Errors
    /// If the inputs' shape does not fit.
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>>;

    /// The output for a batch of inputs. See [`try_forward`](Self::try_forward).
    ///
    /// # Panics
    /// If the inputs' shape does not fit.
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, E>) -> Var<'t, E> {
        match self.try_forward(x) {
            Ok(y) => y,
            Err(error) => panic!("{error}"),
        }
    }

    /// The output for a batch of inputs, every layer on the way shown to `observer`.
    ///
    /// A layer that has layers passes them on with [`Observer::child`], in place of calling their
    /// `try_forward`. One that does not override this is shown as a whole.
    ///
    /// # Errors
    /// If the inputs' shape does not fit.
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let output = self.try_forward(x)?;
        observer.layer(x, output, output);
        Ok(output)
    }

    /// The output for a batch of inputs, without gradients: the forward pass on a tape of its own.
    ///
    /// Like every forward pass it depends on the mode: call [`eval`](Module::eval) once after
    /// training.
    ///
    /// # Errors
    /// If the inputs' shape does not fit.
    fn try_predict(&self, inputs: &Tensor<E>) -> Result<Tensor<E>> {
        let tape = Tape::new();
        let outputs = tape.no_grad(|| self.try_forward(tape.constant(inputs))?.try_value())?;
        // A deferred result is computed here, where there is an error to return.
        outputs.try_as_slice()?;
        Ok(outputs)
    }

    /// The output for a batch of inputs, without gradients. See [`try_predict`](Self::try_predict).
    ///
    /// ```
    /// use wengert_autodiff::{Activation, Tensor};
    /// use wengert_nn::{Layer, Sequential};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let model = Sequential::builder().linear(3, 2, Activation::Tanh).build(&mut rng)?;
    /// assert_eq!(model.predict(&Tensor::<f32>::ones([5, 3])).shape().dims(), [5, 2]);
    /// # Ok::<(), wengert_nn::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// If the inputs' shape does not fit.
    #[track_caller]
    fn predict(&self, inputs: &Tensor<E>) -> Tensor<E> {
        match self.try_predict(inputs) {
            Ok(outputs) => outputs,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<E: Element, L: Layer<E> + ?Sized> Layer<E> for Box<L> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        (**self).try_forward(x)
    }
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        (**self).observe(x, observer)
    }
}
