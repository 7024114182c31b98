//! Group normalization: the layer normalization of groups of channels, then a weight and a bias for
//! each channel.

use wengert_kernels::Element;

use super::normalization::{NormOptions, check_eps};
use super::support;
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Group normalization: the channels of each sample are divided into `groups` of equal size, each
/// group is normalized to mean 0 and variance 1 over its channels and positions, and each channel
/// is scaled by its weight and shifted by its bias. One group is layer normalization of the sample;
/// a group per channel is instance normalization.
///
/// Source: Y. Wu, K. He, "Group normalization", arXiv:1803.08494, 2018.
///
/// # Shapes
/// `x` is `[batch, channels, ..]`, `weight` and `bias` `[channels]`; the result has the shape of
/// `x`.
///
/// # Errors
/// If the groups do not divide the channels, or the shapes do not fit.
#[track_caller]
pub fn group_norm<'t, E: Element>(
    x: Var<'t, E>,
    groups: usize,
    weight: Option<Var<'t, E>>,
    bias: Option<Var<'t, E>>,
    eps: f64,
) -> Result<Var<'t, E>> {
    let shape = x.shape();
    let &[batch, channels, ref image @ ..] = shape.dims() else {
        let expected = "x [batch, channels, ..]".to_owned();
        return Err(Error::Shapes { op: "group_norm", expected, got: vec![shape] });
    };
    if groups == 0 || !channels.is_multiple_of(groups) {
        let message =
            format!("the groups must be one or more and divide {channels} channels, got {groups}");
        return Err(Error::Argument { op: "group_norm", message });
    }
    check_eps("group_norm", eps)?;
    let size = channels / groups * image.iter().product::<usize>();
    let rows = Shape::from([batch, groups, size]);
    rows.checked_len::<E>("group_norm")?;
    let rows = super::reshape(x, rows)?;
    let normal = super::layer_norm(rows, None, None, NormOptions::new().eps(eps))?;
    let normal = super::reshape(normal, shape.clone())?;
    // One number per channel, along the second axis.
    let each = |part: Var<'t, E>| {
        if part.shape() != [channels] {
            let expected = format!("a weight and a bias of shape [{channels}]");
            return Err(Error::Shapes { op: "group_norm", expected, got: vec![part.shape()] });
        }
        let ones = std::iter::repeat_n(1, image.len());
        super::reshape(part, [channels].into_iter().chain(ones).collect::<Shape>())
    };
    let scaled = match weight {
        Some(weight) => super::mul(normal, each(weight)?)?,
        None => normal,
    };
    match bias {
        Some(bias) => super::add(scaled, each(bias)?),
        None => Ok(scaled),
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// Group normalization. See [`ops::group_norm`](crate::ops::group_norm()).
    ///
    /// # Panics
    /// If the groups do not divide the channels, or the shapes do not fit.
    #[track_caller]
    pub fn group_norm(
        self,
        groups: usize,
        weight: Option<Var<'t, E>>,
        bias: Option<Var<'t, E>>,
        eps: f64,
    ) -> Self {
        crate::error::expect(group_norm(self, groups, weight, bias, eps))
    }
}

impl<E: Element> Tensor<E> {
    /// Group normalization. See [`ops::group_norm`](crate::ops::group_norm()).
    ///
    /// # Panics
    /// If the groups do not divide the channels, or the shapes do not fit.
    #[track_caller]
    pub fn group_norm(
        &self,
        groups: usize,
        weight: Option<&Self>,
        bias: Option<&Self>,
        eps: f64,
    ) -> Self {
        crate::error::expect(self.try_group_norm(groups, weight, bias, eps))
    }

    /// Fallible version of [`group_norm`](Self::group_norm).
    ///
    /// # Errors
    /// If the groups do not divide the channels, the shapes do not fit, or there is no memory for
    /// the result.
    pub fn try_group_norm(
        &self,
        groups: usize,
        weight: Option<&Self>,
        bias: Option<&Self>,
        eps: f64,
    ) -> Result<Self> {
        support::on_tape(self.pool(), |tape| {
            let [weight, bias] = [weight, bias].map(|part| part.map(|part| tape.constant(part)));
            group_norm(tape.constant(self), groups, weight, bias, eps)
        })
    }
}

instances!(group_norm<E>: group_norm::<E>);
