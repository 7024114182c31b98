//! Layers that normalize each sample by itself: [`LayerNorm`], [`GroupNorm`], [`RmsNorm`].

use wengert_autodiff::ops::{self, NormOptions};
use wengert_autodiff::{Element, Parameter, Result, Shape, Tensor, Var};

use super::accessors::accessors;
use super::error::expect;
use crate::module::{Module, Role, Visitor, VisitorMut};

/// Layer normalization over the last axes, with a weight and a bias that begin as 1 and 0; see
/// [`ops::layer_norm`].
///
/// # Shapes
/// `[.., the normalized axes]`; the output has the input's shape.
#[derive(Clone, Debug)]
pub struct LayerNorm<E: Element = f32> {
    weight: Parameter<E>,
    bias: Parameter<E>,
    eps: f64,
}

impl<E: Element> LayerNorm<E> {
    /// A layer over axes of these sizes, the last of the input.
    ///
    /// # Panics
    /// As [`try_new`](Self::try_new) fails.
    #[track_caller]
    pub fn new(normalized: impl Into<Shape>) -> Self {
        expect(Self::try_new(normalized))
    }

    /// The same, if there is memory for the parameters.
    ///
    /// # Errors
    /// [`Error::TooLarge`](wengert_autodiff::Error::TooLarge) and
    /// [`Error::OutOfMemory`](wengert_autodiff::Error::OutOfMemory).
    pub fn try_new(normalized: impl Into<Shape>) -> Result<Self> {
        let shape = normalized.into();
        let weight = Parameter::gain(Tensor::try_full(shape.clone(), E::ONE)?);
        Ok(Self { weight, bias: Parameter::bias(Tensor::try_full(shape, E::ZERO)?), eps: 1e-5 })
    }

    /// What is added to the variance, 1e-5 unless told otherwise.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    accessors! {
        layer => layer.weight, Some(&layer.bias), Some(&mut layer.bias);
        "the sizes of the normalized axes", "the sizes of the normalized axes"
    }
}

impl<E: Element> Module<E> for LayerNorm<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let tape = x.tape();
        let options = NormOptions::new().axes(self.weight.value().rank()).eps(self.eps);
        let (weight, bias) = (tape.parameter(&self.weight), tape.parameter(&self.bias));
        ops::layer_norm(x, Some(weight), Some(bias), options)
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.parameter("weight", &self.weight);
        visitor.parameter("bias", &self.bias);
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        visitor.parameter("weight", &mut self.weight);
        visitor.parameter("bias", &mut self.bias);
    }

    fn role(&self) -> Role {
        Role::Normalization
    }
}

/// Group normalization, with a weight and a bias for each channel that begin as 1 and 0; see
/// [`ops::group_norm`].
///
/// # Shapes
/// `[batch, channels, ..]`; the output has the input's shape.
#[derive(Clone, Debug)]
pub struct GroupNorm<E: Element = f32> {
    groups: usize,
    weight: Parameter<E>,
    bias: Parameter<E>,
    eps: f64,
}

impl<E: Element> GroupNorm<E> {
    /// A layer of so many groups, which must divide the channels.
    ///
    /// # Panics
    /// As [`try_new`](Self::try_new) fails.
    #[track_caller]
    pub fn new(groups: usize, channels: usize) -> Self {
        expect(Self::try_new(groups, channels))
    }

    /// The same, if there is memory for the parameters.
    ///
    /// # Errors
    /// [`Error::TooLarge`](wengert_autodiff::Error::TooLarge) and
    /// [`Error::OutOfMemory`](wengert_autodiff::Error::OutOfMemory).
    pub fn try_new(groups: usize, channels: usize) -> Result<Self> {
        let weight = Parameter::gain(Tensor::try_full([channels], E::ONE)?);
        let bias = Parameter::bias(Tensor::try_full([channels], E::ZERO)?);
        Ok(Self { groups, weight, bias, eps: 1e-5 })
    }

    /// What is added to the variance, 1e-5 unless told otherwise.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    accessors! {
        layer => layer.weight, Some(&layer.bias), Some(&mut layer.bias);
        "`[channels]`", "`[channels]`"
    }
}

impl<E: Element> Module<E> for GroupNorm<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let tape = x.tape();
        let (weight, bias) = (tape.parameter(&self.weight), tape.parameter(&self.bias));
        ops::group_norm(x, self.groups, Some(weight), Some(bias), self.eps)
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.parameter("weight", &self.weight);
        visitor.parameter("bias", &self.bias);
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        visitor.parameter("weight", &mut self.weight);
        visitor.parameter("bias", &mut self.bias);
    }

    fn role(&self) -> Role {
        Role::Normalization
    }
}

/// Root mean square normalization over the last axes, with a weight that begins as 1; see
/// [`ops::rms_norm`].
///
/// # Shapes
/// `[.., the normalized axes]`; the output has the input's shape.
#[derive(Clone, Debug)]
pub struct RmsNorm<E: Element = f32> {
    weight: Parameter<E>,
    eps: f64,
}

impl<E: Element> RmsNorm<E> {
    /// A layer over axes of these sizes, the last of the input.
    ///
    /// # Panics
    /// As [`try_new`](Self::try_new) fails.
    #[track_caller]
    pub fn new(normalized: impl Into<Shape>) -> Self {
        expect(Self::try_new(normalized))
    }

    /// The same, if there is memory for the parameters.
    ///
    /// # Errors
    /// [`Error::TooLarge`](wengert_autodiff::Error::TooLarge) and
    /// [`Error::OutOfMemory`](wengert_autodiff::Error::OutOfMemory).
    pub fn try_new(normalized: impl Into<Shape>) -> Result<Self> {
        Ok(Self { weight: Parameter::gain(Tensor::try_full(normalized, E::ONE)?), eps: 1e-5 })
    }

    /// What is added to the mean square, 1e-5 unless told otherwise.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    accessors! {
        layer => layer.weight, { let _ = layer; None }, { let _ = layer; None };
        "the sizes of the normalized axes", "which this normalization has not"
    }
}

impl<E: Element> Module<E> for RmsNorm<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let options = NormOptions::new().axes(self.weight.value().rank()).eps(self.eps);
        ops::rms_norm(x, Some(x.tape().parameter(&self.weight)), options)
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.parameter("weight", &self.weight);
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        visitor.parameter("weight", &mut self.weight);
    }

    fn role(&self) -> Role {
        Role::Normalization
    }
}
