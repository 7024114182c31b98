//! [`Checkpoint`]: the parts of a training run.

use std::path::Path;

use wengert_autodiff::Element;

use super::model::{Plan, model_state};
use super::{CheckpointError, LoadOptions};
use crate::module::Module;
use crate::optim::Optimizer;
use crate::state::{ParameterState, State, StateError, Stateful};

/// The parts of a training run, to be saved to a file or loaded from one: see [the module](super).
///
/// A file must have exactly these parts to be loaded. After an error every part is unchanged.
pub struct Checkpoint<'a, E: Element = f32> {
    model: &'a mut dyn Module<E>,
    /// Objects whose state is about the model's parameters.
    followers: Vec<(String, &'a mut dyn ParameterState<E>)>,
    parts: Vec<(String, &'a mut dyn Stateful)>,
}

/// The part with the positions of the model's random numbers.
const RANDOM: &str = "random";

impl<'a, E: Element> Checkpoint<'a, E> {
    /// Creates a checkpoint of a model: its parameters, its buffers, and the random streams of its
    /// layers.
    pub fn new(model: &'a mut dyn Module<E>) -> Self {
        Self { model, followers: Vec::new(), parts: Vec::new() }
    }

    /// Adds the optimizer of the model, as the part `optimizer`.
    pub fn optimizer<O: Optimizer<E>>(self, optimizer: &'a mut O) -> Self {
        self.follower("optimizer", optimizer)
    }

    /// Adds an object whose state is about the model's parameters, such as an
    /// [`Average`](crate::Average), as the part with this name.
    pub fn follower(mut self, name: &str, follower: &'a mut dyn ParameterState<E>) -> Self {
        self.followers.push((name.to_owned(), follower));
        self
    }

    /// Adds any other object with a state, as the part with this name.
    pub fn with(mut self, name: &str, part: &'a mut dyn Stateful) -> Self {
        self.parts.push((name.to_owned(), part));
        self
    }

    /// Writes all parts to a file, atomically.
    ///
    /// # Errors
    /// [`CheckpointError`], if two parts have the same name or the file cannot be written. An
    /// existing file is then unchanged.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        let mut state = model_state(&*self.model, path)?;
        let mut insert = |name: &str, part: State| {
            // A part is also identified by an entry with its name, in case that it has no entries.
            if state.names().any(|entry| of_part(entry, name) || entry == name) {
                let (path, name) = (path.to_path_buf(), name.to_owned());
                return Err(CheckpointError::Repeated { path, name });
            }
            state.insert_part(name, part);
            Ok(())
        };
        insert(RANDOM, random_state(&*self.model))?;
        for (name, follower) in &self.followers {
            insert(name, follower.state(&*self.model))?;
        }
        for (name, part) in &self.parts {
            insert(name, part.state())?;
        }
        super::write::write(path, &state)
    }

    /// Loads all parts from a file.
    ///
    /// # Errors
    /// [`CheckpointError`], if the file is damaged or has other parts. All parts are then
    /// unchanged.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        let state = super::read::read(path)?;
        let known: Vec<&str> = self.names().collect();
        let mut own = State::new();
        for (name, entry) in state.entries() {
            if !known.iter().any(|part| of_part(name, part)) {
                own.insert(name.to_owned(), entry.clone());
            }
        }
        let plan = Plan::new(&*self.model, &own, path, &LoadOptions::new())?;
        let failed = |part: &str| {
            let part = part.to_owned();
            move |error: StateError| CheckpointError::state(path)(error.within(&part))
        };
        let positions =
            random_positions(&*self.model, &state.part(RANDOM)).map_err(failed(RANDOM))?;

        let followers_before: Vec<State> =
            self.followers.iter().map(|(_, follower)| follower.state(&*self.model)).collect();
        let parts_before: Vec<State> = self.parts.iter().map(|(_, part)| part.state()).collect();
        let mut before = followers_before.iter().chain(&parts_before);
        if before.any(|state| state.names().next().is_some())
            && !state.names().any(|name| name.contains('/'))
        {
            let parts = self.names().skip(1).map(str::to_owned).collect();
            return Err(CheckpointError::ModelOnly { path: path.to_path_buf(), parts });
        }
        if let Err(error) = self.load_parts(&state, failed) {
            for ((_, follower), before) in self.followers.iter_mut().zip(&followers_before) {
                // Each object loads its own state, saved above, so this does not fail.
                let restored = follower.load_state(&*self.model, before);
                debug_assert!(restored.is_ok(), "{restored:?}");
            }
            for ((_, part), before) in self.parts.iter_mut().zip(&parts_before) {
                let restored = part.load_state(before);
                debug_assert!(restored.is_ok(), "{restored:?}");
            }
            return Err(error);
        }
        plan.carry_out(&mut *self.model);
        for ((_, stream), position) in self.model.random_streams().into_iter().zip(positions) {
            stream.set_position(position);
        }
        Ok(())
    }

    fn load_parts<F: FnOnce(StateError) -> CheckpointError>(
        &mut self,
        state: &State,
        failed: impl Fn(&str) -> F,
    ) -> Result<(), CheckpointError> {
        for (name, follower) in &mut self.followers {
            let loaded = follower.load_state(&*self.model, &state.part(name));
            loaded.map_err(failed(name))?;
        }
        for (name, part) in &mut self.parts {
            part.load_state(&state.part(name)).map_err(failed(name))?;
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let followers = self.followers.iter().map(|(name, _)| name.as_str());
        let parts = self.parts.iter().map(|(name, _)| name.as_str());
        std::iter::once(RANDOM).chain(followers).chain(parts)
    }
}

/// Whether an entry belongs to a part.
fn of_part(entry: &str, part: &str) -> bool {
    entry.strip_prefix(part).is_some_and(|rest| rest.starts_with('/'))
}

fn random_state<E: Element>(model: &dyn Module<E>) -> State {
    let mut state = State::new();
    for (path, stream) in model.random_streams() {
        state.insert_integers(path, stream.position());
    }
    state
}

fn random_positions<E: Element>(
    model: &dyn Module<E>,
    state: &State,
) -> Result<Vec<[u64; 2]>, StateError> {
    let streams = model.random_streams();
    state.only(|name| streams.iter().any(|(path, _)| path == name))?;
    let position = |(path, _): &(String, _)| {
        let integers = state.integers(path, 2)?;
        Ok([integers[0], integers[1]])
    };
    streams.iter().map(position).collect()
}

impl<E: Element> std::fmt::Debug for Checkpoint<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checkpoint of a model and {:?}", self.names().collect::<Vec<_>>())
    }
}
