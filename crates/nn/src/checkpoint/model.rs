//! The parameters and buffers of a model.

use std::collections::BTreeMap;
use std::path::Path;

use wengert_autodiff::{Element, Shape, Tensor};

use super::{CheckpointError, LoadOptions, LoadReport, Misfit};
use crate::module::{Module, VisitorMut};
use crate::state::{Entry, State, StateError};

/// Saves the parameters and buffers of a model under their paths, atomically.
///
/// ```
/// use wengert_nn::{Linear, load_model, save_model};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("model.safetensors");
/// let layer = Linear::config(3, 2).build::<f32>(&mut rng)?;
/// let mut other = Linear::config(3, 2).build(&mut rng)?;
/// save_model(&layer, &path)?;
/// load_model(&mut other, &path)?;
/// assert_eq!(layer.weight().value(), other.weight().value());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`CheckpointError`], if the file cannot be written. An existing file is then unchanged.
pub fn save_model<E: Element>(
    model: &(impl Module<E> + ?Sized),
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    super::write::write(path, &model_state(model, path)?)
}

/// Loads the parameters and buffers of a model. The file must contain all of them and nothing else.
/// To load only the model from the file of a [`Checkpoint`](super::Checkpoint), call
/// [`load_model_with`] with options that skip `*/*`.
///
/// # Errors
/// [`CheckpointError`], if the file is damaged or does not fit. The model is then unchanged.
pub fn load_model<E: Element>(
    model: &mut (impl Module<E> + ?Sized),
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    load_model_with(model, path, &LoadOptions::new()).map(|_| ())
}

/// Loads the parameters and buffers of a model from a file with other names or layouts, or loads
/// only the entries that fit: see [`LoadOptions`].
///
/// # Errors
/// [`CheckpointError`], if the file is damaged, or does not fit and is not loaded leniently. The
/// model is then unchanged.
pub fn load_model_with<E: Element>(
    model: &mut (impl Module<E> + ?Sized),
    path: impl AsRef<Path>,
    options: &LoadOptions,
) -> Result<LoadReport, CheckpointError> {
    let path = path.as_ref();
    let state = super::read::read(path)?;
    let plan = Plan::new(model, &state, path, options)?;
    Ok(plan.carry_out(model))
}

/// The state of a model: its parameters and buffers by their paths.
pub(super) fn model_state<E: Element>(
    model: &(impl Module<E> + ?Sized),
    path: &Path,
) -> Result<State, CheckpointError> {
    let mut state = State::new();
    let parameters = model.parameters().into_iter().map(|(name, p)| (name, p.value().clone()));
    let buffers = model.buffers().into_iter().map(|(name, buffer)| (name, buffer.value()));
    for (name, tensor) in parameters.chain(buffers) {
        if state.contains(&name) {
            return Err(CheckpointError::Repeated { path: path.to_path_buf(), name });
        }
        state.insert_tensor(name, &tensor);
    }
    Ok(state)
}

/// The tensors to load into a model. All are read before the first parameter is changed.
pub(super) struct Plan<E: Element> {
    tensors: BTreeMap<String, Tensor<E>>,
    report: LoadReport,
}

impl<E: Element> Plan<E> {
    pub(super) fn new(
        model: &(impl Module<E> + ?Sized),
        state: &State,
        path: &Path,
        options: &LoadOptions,
    ) -> Result<Self, CheckpointError> {
        let mut entries = BTreeMap::new();
        let mut report = LoadReport::default();
        for (name, entry) in state.entries() {
            let Some(target) = options.name_of(name) else { continue };
            if let Some((other, _)) = entries.insert(target.clone(), (name, entry)) {
                return Err(CheckpointError::State {
                    path: path.to_path_buf(),
                    source: Box::new(StateError::Content {
                        name: name.to_owned(),
                        message: format!("{other:?} is also renamed to {target:?}"),
                    }),
                });
            }
        }
        let mut shapes: Vec<(String, Shape)> = Vec::new();
        let parameters = model.parameters().into_iter();
        shapes.extend(parameters.map(|(path, p)| (path, p.value().shape().clone())));
        let buffers = model.buffers().into_iter();
        shapes.extend(buffers.map(|(path, buffer)| (path, buffer.value().shape().clone())));
        let mut found = Vec::new();
        for (target, shape) in shapes {
            match entries.remove(&target) {
                Some((name, entry)) => {
                    let transposed = options.is_transposed(name) && shape.rank() >= 2;
                    match misfit(&target, entry, &shape, transposed) {
                        Some(misfit) => report.misfits.push(misfit),
                        None => found.push((target, name, entry, shape, transposed)),
                    }
                }
                None => report.missing.push(target),
            }
        }
        report.unexpected = entries.into_values().map(|(name, _)| name.to_owned()).collect();
        if !options.is_lenient() && !report.is_complete() {
            let (path, report) = (path.to_path_buf(), Box::new(report));
            return Err(CheckpointError::Model { path, report });
        }
        let mut tensors = BTreeMap::new();
        for (target, name, entry, shape, transposed) in found {
            let shape = if transposed { swapped(&shape) } else { shape };
            let read = entry.read_tensor::<E>(name, &shape);
            let mut tensor = read.map_err(CheckpointError::state(path))?;
            if transposed {
                tensor = super::write::contiguous(path, name, &tensor.transpose(-1, -2))?;
            }
            report.loaded.push(target.clone());
            tensors.insert(target, tensor);
        }
        Ok(Self { tensors, report })
    }

    /// Moves the tensors into the model.
    pub(super) fn carry_out(mut self, model: &mut (impl Module<E> + ?Sized)) -> LoadReport {
        for (path, buffer) in model.buffers() {
            if let Some(tensor) = self.tensors.remove(&path) {
                buffer.set(tensor);
            }
        }
        model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
            if let Some(tensor) = self.tensors.remove(&path.to_string()) {
                *parameter.value_mut() = tensor;
            }
        }));
        self.report
    }
}

/// The shape with its last two axes exchanged.
fn swapped(shape: &Shape) -> Shape {
    let mut dims = shape.to_vec();
    let rank = dims.len();
    dims.swap(rank - 1, rank - 2);
    dims.into_iter().collect()
}

/// Why an entry cannot be loaded into a parameter or buffer of this shape; `None` if it can.
fn misfit(path: &str, entry: &Entry, shape: &Shape, transposed: bool) -> Option<Misfit> {
    let found = entry.shape().unwrap_or_default();
    let expected = if transposed { swapped(shape) } else { shape.clone() };
    let element = (!entry.is_float()).then(|| entry.element_name());
    (element.is_some() || found != expected).then(|| Misfit {
        path: path.to_owned(),
        expected,
        found,
        element,
    })
}
