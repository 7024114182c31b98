//! Derivatives of functions: closures on variables, with a tape that the caller does not see.
//!
//! All derivatives are exact; none uses differences. The backward pass is in `backward`.

use wengert_kernels::Element;

use crate::backward::{CreateGraph, grad};
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// The value of a function with a single number as result, and its gradient with respect to each
/// input (zeros for an input on which the result does not depend).
///
/// ```
/// use wengert_autodiff::{Tensor, value_and_grad};
/// let (x, y) = (Tensor::scalar(3.0_f64), Tensor::scalar(2.0));
/// let (value, [dx, dy]) = value_and_grad(|[x, y]| x * x * y, [&x, &y])?;
/// assert_eq!((value.item(), dx.item(), dy.item()), (18.0, 12.0, 9.0));
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotScalar`] if the result is not a single number, and the errors of the operations'
/// vector-Jacobian products.
pub fn value_and_grad<E: Element, const N: usize>(
    f: impl for<'t> Fn([Var<'t, E>; N]) -> Var<'t, E>,
    inputs: [&Tensor<E>; N],
) -> Result<(Tensor<E>, [Tensor<E>; N])> {
    let tape = Tape::new();
    let vars = inputs.map(|x| tape.variable(x));
    let y = f(vars);
    scalar("value_and_grad", y)?;
    let gradients = pull(y, &filled(y.shape(), E::ONE), vars)?;
    Ok((y.value(), gradients))
}

/// The value of a function, and for each input the vector-Jacobian product: the cotangent times the
/// Jacobian with respect to that input. The cotangent has the shape of the value.
///
/// # Errors
/// [`Error::Shapes`] if the cotangent does not have the shape of the output, and the errors of the
/// operations' vector-Jacobian products.
pub fn vjp<E: Element, const N: usize>(
    f: impl for<'t> Fn([Var<'t, E>; N]) -> Var<'t, E>,
    inputs: [&Tensor<E>; N],
    cotangent: &Tensor<E>,
) -> Result<(Tensor<E>, [Tensor<E>; N])> {
    let tape = Tape::new();
    let vars = inputs.map(|x| tape.variable(x));
    let y = f(vars);
    let gradients = pull(y, cotangent, vars)?;
    Ok((y.value(), gradients))
}

/// The value of a function, and its Jacobian-vector product: the derivative in the direction of the
/// tangents, one for each input.
///
/// It is computed by two backward passes: the vector-Jacobian product is linear in the cotangent,
/// and its own vector-Jacobian product with the tangents is the Jacobian-vector product. (The
/// method is known as double backward.)
///
/// ```
/// use wengert_autodiff::{Tensor, jvp};
/// let x = Tensor::from_slice(&[1.0_f64, 2.0], [2])?;
/// let along = Tensor::from_slice(&[1.0, 0.5], [2])?;
/// let (_, dy) = jvp(|[x]| x * x, [&x], [&along])?;
/// assert_eq!(dy.to_vec(), [2.0, 2.0]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shapes`] if a tangent does not have the shape of its input, and the errors of the
/// operations' vector-Jacobian products.
pub fn jvp<E: Element, const N: usize>(
    f: impl for<'t> Fn([Var<'t, E>; N]) -> Var<'t, E>,
    inputs: [&Tensor<E>; N],
    tangents: [&Tensor<E>; N],
) -> Result<(Tensor<E>, Tensor<E>)> {
    for (x, tangent) in inputs.iter().zip(tangents) {
        same_shape("jvp", "a tangent of its input's shape", x.shape(), tangent.shape())?;
    }
    let tape = Tape::new();
    let vars = inputs.map(|x| tape.variable(x));
    let y = f(vars);
    // A single zero, broadcast to the shape of the output, so that it takes no memory.
    let zero = || filled(y.shape(), E::ZERO);
    if !y.requires_grad() {
        return Ok((y.value(), zero()));
    }
    let cotangent = tape.variable(&zero());
    let pulled = grad(&[y], &[cotangent], &vars, CreateGraph::Yes)?;
    let (mut outputs, mut weights) = (Vec::new(), Vec::new());
    for (pulled, tangent) in pulled.into_iter().zip(tangents) {
        // A product that does not depend on the cotangent is zero.
        if let Some(pulled) = pulled.filter(|pulled| pulled.requires_grad()) {
            outputs.push(pulled);
            weights.push(tape.constant(tangent));
        }
    }
    let along = grad(&outputs, &weights, &[cotangent], CreateGraph::No)?;
    Ok((y.value(), along.into_iter().next().flatten().unwrap_or_else(zero)))
}

/// The Jacobian of a function of one tensor.
///
/// # Shapes
/// For an input of shape `s` and an output of shape `t` the result is `[t.., s..]`.
///
/// # Errors
/// The errors of the operations' vector-Jacobian products.
pub fn jacobian<E: Element>(
    f: impl for<'t> Fn(Var<'t, E>) -> Var<'t, E>,
    x: &Tensor<E>,
) -> Result<Tensor<E>> {
    let tape = Tape::new();
    let var = tape.variable(x);
    let y = f(var);
    rows("jacobian", y, var)
}

/// The Hessian of a function of one tensor with a single number as result.
///
/// ```
/// use wengert_autodiff::{Tensor, hessian};
/// let x = Tensor::from_slice(&[1.0_f64, 2.0], [2])?;
/// let h = hessian(|x| (x * x * x).sum(), &x)?;
/// assert_eq!(h.to_vec(), [6.0, 0.0, 0.0, 12.0]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// For an input of shape `s` the result is `[s.., s..]`.
///
/// # Errors
/// [`Error::NotScalar`] if the result is not a single number, and the errors of the operations'
/// vector-Jacobian products.
pub fn hessian<E: Element>(
    f: impl for<'t> Fn(Var<'t, E>) -> Var<'t, E>,
    x: &Tensor<E>,
) -> Result<Tensor<E>> {
    let tape = Tape::new();
    let var = tape.variable(x);
    match gradient("hessian", f(var), var)? {
        Some(gradient) => rows("hessian", gradient, var),
        None => {
            Tensor::try_full(twice(x.shape()), E::ZERO).map_err(|error| error.in_name_of("hessian"))
        }
    }
}

/// The product of the Hessian with a direction, computed without the Hessian, for a function with a
/// single number as result.
///
/// # Errors
/// [`Error::NotScalar`] if the result is not a single number, [`Error::Shapes`] if `direction` does
/// not have the shape of the input, and the errors of the operations' vector-Jacobian products.
pub fn hvp<E: Element>(
    f: impl for<'t> Fn(Var<'t, E>) -> Var<'t, E>,
    x: &Tensor<E>,
    direction: &Tensor<E>,
) -> Result<Tensor<E>> {
    same_shape("hvp", "a direction of the input's shape", x.shape(), direction.shape())?;
    let tape = Tape::new();
    let var = tape.variable(x);
    match gradient("hvp", f(var), var)? {
        Some(gradient) => pull(gradient, direction, [var]).map(|[product]| product),
        None => Tensor::try_full(x.shape(), E::ZERO),
    }
}

/// The recorded gradient, if there is one.
fn gradient<'t, E: Element>(
    op: &'static str,
    y: Var<'t, E>,
    x: Var<'t, E>,
) -> Result<Option<Var<'t, E>>> {
    scalar(op, y)?;
    if !y.requires_grad() {
        return Ok(None);
    }
    Ok(y.grad(x)?.filter(|gradient| gradient.requires_grad()))
}

/// `cotangent . dy/dx` for each input; zeros for an input on which `y` does not depend.
fn pull<E: Element, const N: usize>(
    y: Var<'_, E>,
    cotangent: &Tensor<E>,
    inputs: [Var<'_, E>; N],
) -> Result<[Tensor<E>; N]> {
    same_shape("vjp", "a cotangent of the output's shape", &y.shape(), cotangent.shape())?;
    let tape = y.tape();
    // The closure may have returned a variable of another tape.
    if !inputs.iter().all(|x| std::ptr::eq(x.tape(), tape)) {
        return Err(Error::DifferentTapes { op: "vjp" });
    }
    // Variables of one tape, so that their lifetimes are equal.
    let inputs = inputs.map(|x| tape.var(x.index()));
    let mark = tape.len();
    let found = if y.requires_grad() {
        grad(&[y], &[tape.constant(cotangent)], &inputs, CreateGraph::No)
    } else {
        Ok(vec![None; N])
    };
    // Removes the cotangent from the tape.
    tape.truncate(mark);
    let mut found = found?.into_iter();
    let gradients = inputs.map(|x| match found.next().flatten() {
        Some(gradient) => gradient.try_contiguous(),
        None => Tensor::try_full(x.shape(), E::ZERO),
    });
    all(gradients)
}

/// Returns a closure over variables unchanged. A closure in a `let` has one lifetime for its
/// variables unless its type is known there. Passed through this function, it accepts variables of
/// any tape, as [`gradcheck`](crate::gradcheck), [`jacobian`] and similar functions require.
///
/// ```
/// use wengert_autodiff::{Tensor, closure, gradcheck, gradgradcheck};
/// let f = closure(|[x, w]| (x * w).tanh().sum());
/// let x = Tensor::from_slice(&[0.3_f64, -0.7], [2])?;
/// gradcheck(&f, [&x, &x])?;
/// gradgradcheck(&f, [&x, &x])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn closure<E: Element, const N: usize, F>(f: F) -> F
where
    F: for<'t> Fn([Var<'t, E>; N]) -> Var<'t, E>,
{
    f
}

/// The Jacobian row by row. `op` is the function that the caller has called, for errors.
fn rows<E: Element>(op: &'static str, y: Var<'_, E>, x: Var<'_, E>) -> Result<Tensor<E>> {
    let (from, to) = (x.shape(), y.shape());
    let shape: Shape = to.iter().chain(from.iter()).copied().collect();
    shape.checked_len::<E>(op)?;
    let mut jacobian =
        Tensor::try_full([to.numel(), from.numel()], E::ZERO).map_err(|error| error.of_op(op))?;
    if jacobian.is_empty() {
        return jacobian.try_reshape(shape);
    }
    let width = from.numel().max(1);
    for (k, row) in jacobian.as_mut_slice().chunks_exact_mut(width).enumerate() {
        let mut one_hot = Tensor::try_full(to.clone(), E::ZERO)?;
        one_hot.as_mut_slice()[k] = E::ONE;
        let [product] = pull(y, &one_hot, [x])?;
        product.copy_to(row);
    }
    jacobian.try_reshape(shape)
}

/// A tensor with the same number everywhere, in the memory of one number.
fn filled<E: Element>(shape: Shape, value: E) -> Tensor<E> {
    Tensor::scalar(value).broadcast_to(shape)
}

/// The values, or the first error.
fn all<T, const N: usize>(results: [Result<T>; N]) -> Result<[T; N]> {
    let values: Vec<T> = results.into_iter().collect::<Result<_>>()?;
    Ok(values.try_into().unwrap_or_else(|_| unreachable!("one value for each result")))
}

fn twice(shape: &Shape) -> Shape {
    shape.iter().chain(shape.iter()).copied().collect()
}

fn scalar<E: Element>(op: &'static str, y: Var<'_, E>) -> Result<()> {
    let shape = y.shape();
    if shape.numel() == 1 { Ok(()) } else { Err(Error::NotScalar { op, shape }) }
}

fn same_shape(op: &'static str, what: &str, expected: &Shape, got: &Shape) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Shapes { op, expected: format!("{what}, {expected}"), got: vec![got.clone()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f64]) -> Tensor<f64> {
        Tensor::from_slice(values, [values.len()]).unwrap()
    }

    /// `y = W tanh(x)`, whose derivatives are `W diag(1 - tanh^2)`.
    fn network(x: Var<'_, f64>) -> Var<'_, f64> {
        let w = Tensor::from_fn([2, 3], |i| 1.0 + 2.0 * i[0] as f64 - 0.7 * i[1] as f64);
        x.tape().constant(&w).matmul(x.tanh().unsqueeze(1)).reshape([2])
    }

    fn near(got: &Tensor<f64>, want: &Tensor<f64>) {
        assert_eq!(got.shape(), want.shape());
        for (got, want) in got.to_vec().into_iter().zip(want.to_vec()) {
            assert!((got - want).abs() < 1e-13, "{got} {want}");
        }
    }

    #[test]
    fn products_with_the_jacobian_from_either_side_agree_with_it() {
        let x = vector(&[0.3, -1.2, 0.8]);
        let jacobian = jacobian(network, &x).unwrap();
        let expected = Tensor::from_fn([2, 3], |i| {
            let t = x.get(&[i[1]]).unwrap().tanh();
            (1.0 + 2.0 * i[0] as f64 - 0.7 * i[1] as f64) * (1.0 - t * t)
        });
        near(&jacobian, &expected);
        let (tangent, cotangent) = (vector(&[0.5, -2.0, 1.0]), vector(&[3.0, -1.0]));
        let (value, along) = jvp(|[x]| network(x), [&x], [&tangent]).unwrap();
        near(&along, &jacobian.matmul(&tangent.reshape([3, 1])).reshape([2]));
        let (same, [pulled]) = vjp(|[x]| network(x), [&x], &cotangent).unwrap();
        near(&pulled, &cotangent.reshape([1, 2]).matmul(&jacobian).reshape([3]));
        assert_eq!(value, same);
    }

    #[test]
    fn the_hessian_and_its_products_agree() {
        let x = vector(&[0.3, -1.2, 0.8]);
        let h = hessian(|x| (x.exp() * x.sum()).sum(), &x).unwrap();
        // d^2/dx_i dx_j of S sum(e^x), S = sum(x): e^x_i + e^x_j, and S e^x_i on the diagonal too.
        let e = x.exp();
        let total = x.sum().item();
        let expected = Tensor::from_fn([3, 3], |i| {
            let (a, b) = (e.get(&i[..1]).unwrap(), e.get(&i[1..]).unwrap());
            a + b + if i[0] == i[1] { total * a } else { 0.0 }
        });
        near(&h, &expected);
        let direction = vector(&[1.0, 2.0, -1.0]);
        let product = hvp(|x| (x.exp() * x.sum()).sum(), &x, &direction).unwrap();
        near(&product, &h.matmul(&direction.reshape([3, 1])).reshape([3]));
    }

    fn constant(x: Var<'_, f64>) -> Var<'_, f64> {
        x.detach().sum()
    }

    #[test]
    fn what_does_not_depend_on_the_input_is_zero() {
        let (x, y) = (vector(&[1.0, 2.0]), vector(&[3.0, 4.0]));
        let (_, [dx, dy]) = value_and_grad(|[x, _]| x.sum(), [&x, &y]).unwrap();
        assert_eq!((dx.to_vec(), dy.to_vec()), (vec![1.0; 2], vec![0.0; 2]));
        assert_eq!(hessian(constant, &x).unwrap(), Tensor::zeros([2, 2]));
        assert_eq!(hvp(constant, &x, &y).unwrap(), Tensor::zeros([2]));
        assert_eq!(hessian(|x| x.sum(), &x).unwrap(), Tensor::zeros([2, 2]));
        assert_eq!(jacobian(constant, &x).unwrap(), Tensor::zeros([2]));
        assert_eq!(jvp(|[x]| x.detach(), [&x], [&y]).unwrap().1, Tensor::zeros([2]));
        assert_eq!(jacobian(|x| x, &Tensor::zeros([0])).unwrap(), Tensor::<f64>::zeros([0, 0]));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let (x, wrong) = (vector(&[1.0, 2.0]), vector(&[1.0]));
        assert!(matches!(value_and_grad(|[x]| x, [&x]), Err(Error::NotScalar { .. })));
        assert!(matches!(hessian(|x| x, &x), Err(Error::NotScalar { .. })));
        assert!(matches!(jvp(|[x]| x, [&x], [&wrong]), Err(Error::Shapes { .. })));
        assert!(matches!(vjp(|[x]| x, [&x], &wrong), Err(Error::Shapes { .. })));
        assert!(matches!(hvp(|x| x.sum(), &x, &wrong), Err(Error::Shapes { .. })));
    }

    #[test]
    fn an_output_of_another_tape_is_refused() {
        let other: &'static Tape<f64> = Box::leak(Box::new(Tape::new()));
        let foreign = other.variable(&Tensor::scalar(3.0));
        let s = Tensor::scalar(2.0);
        let different = Error::DifferentTapes { op: "vjp" };
        assert_eq!(value_and_grad(|[_]| foreign * foreign, [&s]).unwrap_err(), different);
        assert_eq!(jacobian(|_| foreign * foreign, &s).unwrap_err(), different);
    }
}
