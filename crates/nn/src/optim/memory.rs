//! The arrays that an optimizer keeps for each parameter, and how a checkpoint saves them.

use wengert_autodiff::{Element, ParameterId, ParameterMap, Tensor};

use crate::module::Module;
use crate::state::{State, StateError};

/// The memory of a parameter: arrays of its size, and the number of its steps.
#[derive(Clone, Debug)]
struct Memory<E: Element> {
    arrays: Vec<Tensor<E>>,
    steps: u64,
}

/// The memories of all parameters of an optimizer.
#[derive(Clone, Debug)]
pub(super) struct Memories<E: Element>(ParameterMap<Memory<E>>);

impl<E: Element> Default for Memories<E> {
    fn default() -> Self {
        Memories(ParameterMap::default())
    }
}

impl<E: Element> Memories<E> {
    /// Returns the `N` arrays of a parameter of `len` elements, which begin at zero, and the number
    /// of the current step, counted from one.
    pub(super) fn recall<const N: usize>(
        &mut self,
        id: ParameterId,
        len: usize,
    ) -> ([&mut [E]; N], u64) {
        if let Some(array) = self.first_mut(id) {
            let kept = array.len();
            assert!(
                kept == len,
                "a parameter has {len} elements, but had {kept} at the optimizer's last step: use a \
                 new optimizer after replacing a value by one of another size"
            );
        }
        self.recall_from(id, || Tensor::zeros([len]))
    }

    /// Returns the arrays like [`recall`](Self::recall), with arrays that begin as `start`.
    pub(super) fn recall_from<const N: usize>(
        &mut self,
        id: ParameterId,
        start: impl FnMut() -> Tensor<E>,
    ) -> ([&mut [E]; N], u64) {
        let memory = self.0.entry(id).or_insert_with(|| Memory { arrays: Vec::new(), steps: 0 });
        memory.arrays.resize_with(N.max(memory.arrays.len()), start);
        memory.steps += 1;
        let mut arrays = memory.arrays.iter_mut();
        let next = |_| arrays.next().map(Tensor::as_mut_slice).unwrap_or_default();
        (std::array::from_fn(next), memory.steps)
    }

    /// The first array of a parameter, if it has a memory.
    pub(super) fn first_mut(&mut self, id: ParameterId) -> Option<&mut Tensor<E>> {
        self.0.get_mut(&id)?.arrays.first_mut()
    }

    /// Adds the memories to a state: for the parameter `path` its arrays as `path.array` in the
    /// parameter's shape, and the number of its steps as `path.step`.
    pub(super) fn save(&self, module: &dyn Module<E>, arrays: &[&str], state: &mut State) {
        for (path, parameter) in module.parameters() {
            let Some(memory) = self.0.get(&parameter.id()) else { continue };
            let shape = parameter.value().shape();
            for (name, array) in arrays.iter().zip(&memory.arrays) {
                let array = array.try_reshape(shape.clone()).unwrap_or_else(|_| array.clone());
                state.insert_tensor(format!("{path}.{name}"), &array);
            }
            state.insert_integers(format!("{path}.step"), [memory.steps]);
        }
    }

    /// Loads the memories that [`save`](Self::save) has saved. The state must have no other entries
    /// except `others`, and no number of steps above 2^53.
    pub(super) fn load(
        module: &dyn Module<E>,
        arrays: &[&str],
        state: &State,
        others: &[&str],
    ) -> Result<Self, StateError> {
        let (mut memories, mut known) = (Self::default(), 0);
        for (path, parameter) in module.parameters() {
            let steps = format!("{path}.step");
            if !state.contains(&steps) {
                continue;
            }
            let (steps, shape) = (state.count(&steps)?, parameter.value().shape());
            let read = |name: &&str| {
                let array = state.tensor::<E>(&format!("{path}.{name}"), shape)?;
                // A separate copy that can be changed in place, as a flat array.
                let elements = array.into_vec();
                let len = elements.len();
                Tensor::from_vec(elements, [len]).map_err(|error| StateError::Content {
                    name: format!("{path}.{name}"),
                    message: error.to_string(),
                })
            };
            let arrays = arrays.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            known += arrays.len() + 1;
            memories.0.insert(parameter.id(), Memory { arrays, steps });
        }
        if known + others.iter().filter(|name| state.contains(name)).count() < state.len() {
            let paths: Vec<String> =
                module.parameters().into_iter().map(|(path, _)| path).collect();
            state.only(|name| {
                let of_parameter = |path: &String| {
                    name.strip_prefix(path.as_str())
                        .and_then(|rest| rest.strip_prefix('.'))
                        .is_some_and(|rest| {
                            let saved = state.contains(&format!("{path}.step"));
                            saved && (rest == "step" || arrays.contains(&rest))
                        })
                };
                others.contains(&name) || paths.iter().any(of_parameter)
            })?;
        }
        Ok(memories)
    }

    /// The state of an optimizer of this kind, with its learning rate and memories.
    pub(super) fn state(
        &self,
        kind: &str,
        rate: f64,
        module: &dyn Module<E>,
        arrays: &[&str],
    ) -> State {
        let mut state = State::new();
        state.insert_text("kind", kind);
        state.insert_number("learning_rate", rate);
        self.save(module, arrays, &mut state);
        state
    }

    /// Loads the learning rate and the memories from a state of an optimizer of this kind.
    pub(super) fn load_state(
        kind: &str,
        module: &dyn Module<E>,
        state: &State,
        arrays: &[&str],
    ) -> Result<(f64, Self), StateError> {
        state.expect_kind(kind)?;
        let rate = load_rate::<E>(state)?;
        Ok((rate, Self::load(module, arrays, state, &["kind", "learning_rate"])?))
    }
}

/// Loads a learning rate, and checks that it is not negative, and finite when rounded to the
/// element type.
pub(super) fn load_rate<E: Element>(state: &State) -> Result<f64, StateError> {
    let rate = state.number("learning_rate")?;
    if E::from_f64(rate).to_f64().is_finite() && rate >= 0.0 {
        return Ok(rate);
    }
    let element = std::any::type_name::<E>();
    Err(StateError::Content {
        name: "learning_rate".to_owned(),
        message: format!(
            "it is {rate:e}, but a learning rate must be not negative, and finite as {element}"
        ),
    })
}

/// Saves and loads an optimizer with a field `rate` and memories.
macro_rules! parameter_state {
    ($optimizer:ident, $kind:literal, |$this:ident| $rate:expr, $memories:expr, $arrays:expr) => {
        impl<E: wengert_autodiff::Element> crate::state::ParameterState<E> for $optimizer<E> {
            fn state(&self, module: &dyn crate::module::Module<E>) -> crate::state::State {
                let $this = self;
                $memories.state($kind, $rate, module, $arrays)
            }

            fn load_state(
                &mut self,
                module: &dyn crate::module::Module<E>,
                state: &crate::state::State,
            ) -> Result<(), crate::state::StateError> {
                let $this = self;
                let loaded =
                    crate::optim::memory::Memories::load_state($kind, module, state, $arrays)?;
                ($rate, $memories) = loaded;
                Ok(())
            }
        }

        wengert_autodiff::instances!($optimizer<E>: <$optimizer<E> as crate::Optimizer<E>>::step);
    };
}

pub(super) use parameter_state;
