//! [`Parameter`]: a tensor with an identity, which optimizers and tapes know it by.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use wengert_kernels::Element;

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

/// A map from parameters, by their identity: what optimizers keep their state in.
pub type ParameterMap<V> = HashMap<ParameterId, V, BuildHasherDefault<IdHasher>>;

/// Hashes a [`ParameterId`]. Identities are counted up, so spreading their bits is enough.
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

/// A tensor that is learned: its value changes, its identity stays.
///
/// A tape knows a parameter by its identity, so one used in several places is one leaf and has one
/// gradient. A clone is another parameter with the same value.
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
}

impl<E: Element> Parameter<E> {
    /// A new parameter.
    pub fn new(value: Tensor<E>) -> Self {
        Self { id: ParameterId::next(), value }
    }

    /// Its identity.
    pub fn id(&self) -> ParameterId {
        self.id
    }

    /// Its value.
    pub fn value(&self) -> &Tensor<E> {
        &self.value
    }

    /// Its value, to be changed.
    pub fn value_mut(&mut self) -> &mut Tensor<E> {
        &mut self.value
    }
}

impl<E: Element> Clone for Parameter<E> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}
