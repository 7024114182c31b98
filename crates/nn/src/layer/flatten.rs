//! [`Flatten`]: all axes behind the batch become one.

use wengert_autodiff::{Element, Error, Result, Var, ops};

use crate::module::{Module, Visitor, VisitorMut};

/// Makes rows of features of images: what stands between convolutions and linear layers.
///
/// # Shapes
/// `[batch, ..]` to `[batch, features]`; `[batch]` to `[batch, 1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flatten;

impl<E: Element> Module<E> for Flatten {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let shape = x.shape();
        let Some((&batch, rest)) = shape.split_first() else {
            let expected = "x [batch, ..]".to_owned();
            return Err(Error::Shapes { op: "flatten", expected, got: vec![shape] });
        };
        let features: usize = rest.iter().product();
        ops::reshape(x, [batch, features])
    }

    fn visit<'a>(&'a self, _: &mut Visitor<'_, 'a, E>) {}

    fn visit_mut(&mut self, _: &mut VisitorMut<'_, E>) {}
}
