//! Serialization with the feature `serde`: a struct with the fields `shape`, a list of integers,
//! and `elements`, a list in row-major order. Input is not trusted: the number of elements must be
//! that of the shape, and memory is allocated only for elements that are present.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use wengert_kernels::Element;

use super::Tensor;
use crate::index::Index;
use crate::mask::Mask;
use crate::shape::Shape;

/// A list of the sizes.
impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.dims())
    }
}

/// A list of the sizes.
impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Shape::from)
    }
}

/// The elements of a cloneable iterator, serialized as a list.
struct List<I>(I);

impl<I> Serialize for List<I>
where
    I: Clone + ExactSizeIterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// Serializes the struct `name`.
fn write<S: Serializer, T: Serialize>(
    serializer: S,
    name: &'static str,
    shape: &Shape,
    elements: impl Clone + ExactSizeIterator<Item = T>,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct(name, 2)?;
    fields.serialize_field("shape", shape)?;
    fields.serialize_field("elements", &List(elements))?;
    fields.end()
}

/// Deserialized fields, before the number of elements is checked against the shape.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked<T> {
    shape: Shape,
    elements: Vec<T>,
}

/// The shape and the elements in row-major order, for any strides. A text format may not restore
/// every element: JSON has null for NaN and infinities, and `serde_json` reads f64 exactly only
/// with its feature `float_roundtrip`.
///
/// # Errors
/// Fails also if the elements are a deferred result that there is no memory for.
impl<E: Element + Serialize> Serialize for Tensor<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.compute().map_err(serde::ser::Error::custom)?;
        write(serializer, "Tensor", self.shape(), self.iter())
    }
}

impl<'de, E: Element + Deserialize<'de>> Deserialize<'de> for Tensor<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { shape, elements } = Unchecked::deserialize(deserializer)?;
        Tensor::from_vec(elements, shape).map_err(D::Error::custom)
    }
}

impl Serialize for Index {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, "Index", self.shape(), self.as_slice().iter())
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { shape, elements } = Unchecked::deserialize(deserializer)?;
        Index::from_vec(elements, shape).map_err(D::Error::custom)
    }
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.try_to_contiguous().map_err(serde::ser::Error::custom)?;
        write(serializer, "Mask", self.shape(), values.iter())
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked::<bool> { shape, elements } = Unchecked::deserialize(deserializer)?;
        Mask::from_slice(&elements, shape).map_err(D::Error::custom)
    }
}
