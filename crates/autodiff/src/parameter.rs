//! [`Parameter`]: a tensor with an identity, by which optimizers and tapes refer to it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use wengert_kernels::Element;

use crate::kind::Kind;
use crate::tensor::Tensor;

/// The identity of a [`Parameter`], unique within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterId(NonZeroU64);

impl ParameterId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(id).expect("2^64 parameters are never made"))
    }
}

/// A map with parameters as keys, by their identity. Optimizers keep their state in such maps.
pub type ParameterMap<V> = HashMap<ParameterId, V, BuildHasherDefault<IdHasher>>;

/// Hashes a [`ParameterId`]. Ids are consecutive numbers, so spreading their bits is sufficient.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing: the golden ratio's bits.
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// A tensor that is learned: its value changes, its identity does not.
///
/// A tape identifies a parameter by its id: a parameter that is used in several places is one leaf
/// and has one gradient. A clone is a different parameter with the same value and the same
/// [`Kind`]; it is frozen if the original is.
///
/// The kind states what a layer does with the parameter, and determines how an initializer fills
/// it. [`new`](Self::new) leaves it unspecified; [`weight`](Self::weight), [`bias`](Self::bias),
/// [`gain`](Self::gain), [`table`](Self::table) and [`of_kind`](Self::of_kind) specify it.
///
/// ```
/// use wengert_autodiff::{Parameter, Tape, Tensor};
/// let weight = Parameter::new(Tensor::from_slice(&[2.0_f32, 3.0], [2])?);
/// let tape = Tape::new();
/// let loss = (tape.parameter(&weight) * tape.parameter(&weight)).sum();
/// let gradients = loss.backward();
/// assert_eq!(gradients.parameter(&weight).unwrap().to_vec(), [4.0, 6.0]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
#[derive(Debug)]
pub struct Parameter<E: Element = f32> {
    id: ParameterId,
    value: Tensor<E>,
    kind: Kind,
    frozen: bool,
}

impl<E: Element> Parameter<E> {
    /// A new parameter of the kind [`Kind::Other`], which initializers do not change.
    pub fn new(value: Tensor<E>) -> Self {
        Self::of_kind(value, Kind::Other)
    }

    /// A new parameter of this kind.
    pub fn of_kind(value: Tensor<E>, kind: Kind) -> Self {
        Self { id: ParameterId::next(), value, kind, frozen: false }
    }

    /// A new weight of shape `[outputs, inputs, ..]`. The fan-in is the number of products in the
    /// sum for one output, the fan-out the number of sums that one input takes part in.
    ///
    /// ```
    /// use wengert_autodiff::{Kind, WeightLayout, Parameter, Tensor};
    /// let rows = Parameter::weight(Tensor::<f32>::zeros([8, 3]), 3, 8);
    /// assert_eq!(rows.kind(), Kind::weight(3, 8));
    /// // The weight of `x.matmul(w)` has its inputs on the first axis.
    /// let layout = WeightLayout { inputs_first: true, ..WeightLayout::default() };
    /// let kind = Kind::Weight { fan_in: 3, fan_out: 8, layout };
    /// let columns = Parameter::of_kind(Tensor::<f32>::zeros([3, 8]), kind);
    /// assert_eq!(columns.clone().kind().fans(), Some((3, 8)));
    /// ```
    pub fn weight(value: Tensor<E>, fan_in: usize, fan_out: usize) -> Self {
        Self::of_kind(value, Kind::weight(fan_in, fan_out))
    }

    /// A new bias.
    pub fn bias(value: Tensor<E>) -> Self {
        Self::of_kind(value, Kind::Bias)
    }

    /// A new gain.
    pub fn gain(value: Tensor<E>) -> Self {
        Self::of_kind(value, Kind::Gain)
    }

    /// A new table of shape `[rows, features]`, without a padding row.
    pub fn table(value: Tensor<E>) -> Self {
        Self::of_kind(value, Kind::Table { padding: None })
    }

    /// The identity of the parameter.
    pub fn id(&self) -> ParameterId {
        self.id
    }

    /// What a layer does with the parameter.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Changes the kind.
    pub fn set_kind(&mut self, kind: Kind) {
        self.kind = kind;
    }

    /// Whether the parameter is frozen; see [`set_frozen`](Self::set_frozen).
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Freezes the parameter, or unfreezes it. A frozen parameter is a constant on a tape: it has
    /// no gradient, and optimizers do not change it. [`value_mut`](Self::value_mut) can still set
    /// its value.
    ///
    /// ```
    /// use wengert_autodiff::{Connection, Parameter, Tape, Tensor};
    /// let mut weight = Parameter::new(Tensor::from_slice(&[2.0_f32, 3.0], [2])?);
    /// weight.set_frozen(true);
    /// let tape = Tape::new();
    /// let x = tape.variable(&Tensor::ones([2]));
    /// let gradients = (x * tape.parameter(&weight)).sum().backward();
    /// assert!(gradients.parameter(&weight).is_none());
    /// assert_eq!(gradients.parameter_connection(&weight, &tape), Connection::Constant);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    pub fn set_frozen(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// The value of the parameter.
    pub fn value(&self) -> &Tensor<E> {
        &self.value
    }

    /// The value of the parameter, for writing.
    pub fn value_mut(&mut self) -> &mut Tensor<E> {
        &mut self.value
    }
}

impl<E: Element> Clone for Parameter<E> {
    fn clone(&self) -> Self {
        Self { frozen: self.frozen, ..Self::of_kind(self.value.clone(), self.kind) }
    }
}
