//! [`State`]: the named entries that a checkpoint holds of an optimizer, a schedule or a loader,
//! and the traits of objects that have such a state.

#[cfg_attr(
    not(feature = "checkpoint"),
    allow(dead_code, reason = "entries in files are those of checkpoints")
)]
mod entry;
mod error;

use std::collections::BTreeMap;

use wengert_autodiff::{Element, Shape, Tensor};

#[cfg(not(feature = "checkpoint"))]
use entry::Entry;
pub(crate) use entry::half;
#[cfg(feature = "checkpoint")]
pub(crate) use entry::{ElementType, Entry, Stored};
pub use error::StateError;

use crate::module::Module;

/// Tensors, integers, numbers and text by name: the state of a part of a training run.
///
/// A state that was read from a file holds the positions of its tensors in that file. A tensor is
/// read when it is requested, after its shape and element type were compared with the expected
/// ones, so that a file cannot make a program allocate more memory than the state that it requests.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::State;
/// let mut state = State::new();
/// state.insert_number("rate", 0.1);
/// state.insert_tensor("mean", &Tensor::<f32>::ones([2]));
/// assert_eq!(state.number("rate")?, 0.1);
/// let error = state.tensor::<f32>("mean", &[3].into()).unwrap_err();
/// assert_eq!(error.to_string(), "\"mean\" has shape [2], where [3] was expected");
/// # Ok::<(), wengert_nn::StateError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct State {
    entries: BTreeMap<String, Entry>,
}

/// An object whose state can be saved and loaded by itself: a schedule, a loader, a generator, a
/// counter.
///
/// An object that has loaded the state of another object continues as that object would have
/// continued.
pub trait Stateful {
    /// Returns the state.
    fn state(&self) -> State;

    /// Replaces the state by a saved state.
    ///
    /// # Errors
    /// If the state does not belong to such an object. Nothing is changed then.
    fn load_state(&mut self, state: &State) -> Result<(), StateError>;
}

/// An object whose state is about the parameters of a module: an optimizer, an average of weights.
/// It is saved under the paths of the parameters.
pub trait ParameterState<E: Element = f32> {
    /// Returns the state for the parameters of `module`.
    fn state(&self, module: &dyn Module<E>) -> State;

    /// Replaces the state by a saved state, for the parameters of `module`.
    ///
    /// # Errors
    /// If the state does not belong to such an object, or is about other parameters. Nothing is
    /// changed then.
    fn load_state(&mut self, module: &dyn Module<E>, state: &State) -> Result<(), StateError>;
}

impl State {
    /// Creates a state without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor. Replaces an entry with the same name.
    pub fn insert_tensor<E: Element>(&mut self, name: impl Into<String>, tensor: &Tensor<E>) {
        self.insert(name.into(), Entry::tensor(tensor));
    }

    /// Adds integers. Replaces an entry with the same name.
    pub fn insert_integers(&mut self, name: impl Into<String>, integers: impl Into<Vec<u64>>) {
        self.insert(name.into(), Entry::Integers(integers.into()));
    }

    /// Adds a number. Replaces an entry with the same name.
    pub fn insert_number(&mut self, name: impl Into<String>, number: f64) {
        self.insert(name.into(), Entry::tensor(&Tensor::scalar(number)));
    }

    /// Adds a text. Replaces an entry with the same name.
    pub fn insert_text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.insert(name.into(), Entry::Text(text.into()));
    }

    /// Adds the entries of a state as a part: they are named `part/entry`.
    pub fn insert_part(&mut self, part: &str, state: State) {
        for (name, entry) in state.entries {
            self.insert(format!("{part}/{name}"), entry);
        }
    }

    pub(crate) fn insert(&mut self, name: String, entry: Entry) {
        self.entries.insert(name, entry);
    }

    /// Returns the entries of a part, named without the part; empty if there are none.
    pub fn part(&self, part: &str) -> State {
        let prefix = format!("{part}/");
        let of_part = self.entries.range(prefix.clone()..);
        let entries = of_part.map_while(|(name, entry)| {
            name.strip_prefix(&prefix).map(|name| (name.to_owned(), entry.clone()))
        });
        State { entries: entries.collect() }
    }

    /// Returns a tensor of this shape. Floating-point numbers of any width in a file are converted,
    /// rounded to the nearest.
    ///
    /// # Errors
    /// If there is no such entry, it is not a tensor of this shape, or it cannot be read.
    pub fn tensor<E: Element>(&self, name: &str, shape: &Shape) -> Result<Tensor<E>, StateError> {
        self.entry(name)?.read_tensor(name, shape)
    }

    /// Returns `count` integers.
    ///
    /// # Errors
    /// If there is no such entry, it does not have `count` integers, or it cannot be read.
    pub fn integers(&self, name: &str, count: usize) -> Result<Vec<u64>, StateError> {
        self.entry(name)?.read_integers(name, count)
    }

    /// Returns an integer.
    ///
    /// # Errors
    /// If there is no such entry, it is not one integer, or it cannot be read.
    pub fn integer(&self, name: &str) -> Result<u64, StateError> {
        Ok(self.integers(name, 1)?[0])
    }

    /// Returns an integer that counts steps, epochs or the like.
    ///
    /// # Errors
    /// Those of [`integer`](Self::integer) and of [`check_count`].
    pub(crate) fn count(&self, name: &str) -> Result<u64, StateError> {
        check_count(name, self.integer(name)?)
    }

    /// Returns a number.
    ///
    /// # Errors
    /// If there is no such entry, it is not a number, or it cannot be read.
    pub fn number(&self, name: &str) -> Result<f64, StateError> {
        Ok(self.tensor::<f64>(name, &Shape::from([]))?.item())
    }

    /// Returns a text.
    ///
    /// # Errors
    /// If there is no such entry, or it is not a text.
    pub fn text(&self, name: &str) -> Result<&str, StateError> {
        match self.entry(name)? {
            Entry::Text(text) => Ok(text),
            other => Err(other.unlike(name, "a text")),
        }
    }

    /// The shape of a tensor, or of integers; `None` if there is no such entry, or it is a text.
    pub fn shape(&self, name: &str) -> Option<Shape> {
        self.entries.get(name)?.shape()
    }

    pub(crate) fn entry(&self, name: &str) -> Result<&Entry, StateError> {
        let missing = || StateError::Missing { name: name.to_owned() };
        self.entries.get(name).ok_or_else(missing)
    }

    #[cfg(feature = "checkpoint")]
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Whether there is an entry with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The names of the entries, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns an error if there is an entry for which `known` is false.
    pub(crate) fn only(&self, known: impl Fn(&str) -> bool) -> Result<(), StateError> {
        match self.names().find(|name| !known(name)) {
            Some(name) => Err(StateError::Unexpected { name: name.to_owned() }),
            None => Ok(()),
        }
    }

    /// Returns an error for the state of another kind of object.
    pub(crate) fn expect_kind(&self, kind: &str) -> Result<(), StateError> {
        match self.text("kind")? {
            found if found == kind => Ok(()),
            found => Err(StateError::Kind { expected: kind.to_owned(), found: found.to_owned() }),
        }
    }
}

/// The largest count of steps, epochs or the like that is loaded: 2^53. No run reaches it, up to it
/// `f64` is exact, and the counter does not overflow afterwards.
const LARGEST_COUNT: u64 = 1 << 53;

/// Returns a count that was read from the entry `name`.
///
/// # Errors
/// [`StateError::Content`] if the count is above 2^53.
pub(crate) fn check_count(name: &str, count: u64) -> Result<u64, StateError> {
    if count <= LARGEST_COUNT {
        return Ok(count);
    }
    Err(StateError::Content {
        name: name.to_owned(),
        message: format!("it counts {count}, but a count must be at most 2^53 = {LARGEST_COUNT}"),
    })
}

macro_rules! counters {
    ($($integer:ty),+) => {$(
        /// Saves and loads a counter.
        impl Stateful for $integer {
            fn state(&self) -> State {
                let mut state = State::new();
                state.insert_integers("count", [*self as u64]);
                state
            }

            fn load_state(&mut self, state: &State) -> Result<(), StateError> {
                let count = state.integer("count")?;
                state.only(|name| name == "count")?;
                *self = <$integer>::try_from(count).map_err(|_| StateError::Content {
                    name: "count".to_owned(),
                    message: format!("{count} is beyond the range of the counter"),
                })?;
                Ok(())
            }
        }
    )+};
}

counters!(u32, u64, usize);

/// Saves and loads a number.
impl Stateful for f64 {
    fn state(&self) -> State {
        let mut state = State::new();
        state.insert_number("value", *self);
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let value = state.number("value")?;
        state.only(|name| name == "value")?;
        *self = value;
        Ok(())
    }
}

/// Saves and loads a generator, which continues at the draw at which it was saved.
#[cfg(feature = "checkpoint")]
impl Stateful for rand_pcg::Pcg64 {
    fn state(&self) -> State {
        let mut state = State::new();
        state.insert_text("generator", serde_json::to_string(self).unwrap_or_default());
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let loaded = serde_json::from_str(state.text("generator")?);
        state.only(|name| name == "generator")?;
        *self = loaded.map_err(|error| StateError::Content {
            name: "generator".to_owned(),
            message: format!("it is not the state of a Pcg64 generator ({error})"),
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_their_own_entries() {
        let mut inner = State::new();
        inner.insert_number("rate", 0.5);
        inner.insert_text("kind", "Sgd");
        let mut outer = State::new();
        outer.insert_part("first", inner.clone());
        outer.insert_part("first/second", inner);
        outer.insert_integers("firsts", [1, 2]);
        let first = outer.part("first");
        assert!(first.names().eq(["kind", "rate", "second/kind", "second/rate"]));
        assert_eq!(outer.part("first/second").text("kind").unwrap(), "Sgd");
        assert!(outer.part("none").is_empty());
        assert_eq!(outer.integers("firsts", 2).unwrap(), [1, 2]);
    }

    #[test]
    fn an_entry_of_another_kind_is_refused() {
        let mut state = State::new();
        state.insert_text("text", "a");
        state.insert_integers("integers", [1]);
        state.insert_number("number", 1.0);
        for (error, text) in [
            (state.integer("number").unwrap_err(), "\"number\" holds F64, where integers (U64)"),
            (state.number("integers").unwrap_err(), "\"integers\" holds U64, where"),
            (state.number("text").unwrap_err(), "\"text\" holds a text, where"),
            (state.text("number").unwrap_err().clone(), "\"number\" holds F64, where a text"),
            (state.number("none").unwrap_err(), "there is no \"none\""),
            (state.integers("integers", 2).unwrap_err(), "\"integers\" has shape [1], where [2]"),
        ] {
            assert!(error.to_string().starts_with(text), "{error}");
        }
        assert!(state.expect_kind("Adam").is_err());
    }

    #[test]
    fn counters_and_numbers_come_back() {
        let (mut count, mut number) = (0_usize, 0.0);
        count.load_state(&7_usize.state()).unwrap();
        number.load_state(&(-0.25_f64).state()).unwrap();
        assert_eq!((count, number), (7, -0.25));
        let mut small = 0_u32;
        assert!(small.load_state(&u64::MAX.state()).is_err());
    }
}
