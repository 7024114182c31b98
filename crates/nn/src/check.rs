//! [`check_module`]: tests an implementation of `Module`.

use std::collections::BTreeSet;

use wengert_autodiff::{Element, ParameterId, Shape};

use crate::module::{Module, Visitor, VisitorMut};

/// Errors of [`check_module`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// Two parameters or buffers with the same name.
    #[error("two parameters or buffers are named {name:?}; names must be unique")]
    Repeated {
        /// The name.
        name: String,
    },
    /// A parameter that is shown twice.
    #[error("the parameter {name:?} is also shown as {other:?}; show it once")]
    Shared {
        /// The name.
        name: String,
        /// The other name.
        other: String,
    },
    /// `visit` and `visit_mut` show different parameters.
    #[error(
        "visit and visit_mut must show the same parameters in the same order, but as parameter {place} visit shows {visited}, visit_mut {visited_mut}"
    )]
    Parameters {
        /// The first index at which they differ.
        place: usize,
        /// The name that `visit` shows there.
        visited: String,
        /// The name that `visit_mut` shows there.
        visited_mut: String,
    },
    /// `visit` and `visit_mut` show different modules.
    #[error(
        "visit and visit_mut must show the same modules in the same order, but as module {place} visit shows {visited}, visit_mut {visited_mut}"
    )]
    Children {
        /// The first index at which they differ.
        place: usize,
        /// The name that `visit` shows there.
        visited: String,
        /// The name that `visit_mut` shows there.
        visited_mut: String,
    },
}

/// Tests a manual implementation of [`Module`](trait@Module): [`visit`](Module::visit) and
/// [`visit_mut`](Module::visit_mut) must show the same parameters and modules, in the same order
/// and with the same names, names must be unique, and no parameter may be shown twice.
///
/// Otherwise weights may be loaded into the wrong parameter, or a part may stay in training mode.
///
/// ```
/// use wengert_autodiff::{Parameter, Tensor};
/// use wengert_nn::{Module, Visitor, VisitorMut, check_module};
///
/// struct Affine {
///     weight: Parameter,
///     bias: Parameter,
/// }
///
/// impl Module for Affine {
///     fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a>) {
///         visitor.parameter("weight", &self.weight);
///         visitor.parameter("bias", &self.bias);
///     }
///     fn visit_mut(&mut self, visitor: &mut VisitorMut<'_>) {
///         visitor.parameter("bias", &mut self.bias);
///         visitor.parameter("weight", &mut self.weight);
///     }
/// }
///
/// let [weight, bias] = [0.0, 1.0].map(|x| Parameter::new(Tensor::scalar(x)));
/// let error = check_module(&mut Affine { weight, bias }).unwrap_err();
/// assert!(error.to_string().ends_with("visit shows \"weight\", visit_mut \"bias\""));
/// ```
///
/// # Errors
/// [`ModuleError`], for the first violation.
pub fn check_module<E: Element>(module: &mut (impl Module<E> + ?Sized)) -> Result<(), ModuleError> {
    let mut modules = Vec::new();
    let mut visited: Vec<Shown> = Vec::new();
    module.visit(&mut Visitor::recording(
        &mut |path, parameter| {
            let (id, shape) = (parameter.id(), parameter.value().shape().clone());
            visited.push(Shown { path: path.to_string(), id, shape });
        },
        &mut modules,
    ));
    let modules: Vec<String> = modules.into_iter().map(|module| module.path).collect();
    let buffers: Vec<String> = module.buffers().into_iter().map(|(name, _)| name).collect();
    unique(visited.iter().map(|shown| &shown.path).chain(&buffers))?;
    for (i, shown) in visited.iter().enumerate() {
        if let Some(other) = visited[..i].iter().find(|other| other.id == shown.id) {
            let (name, other) = (shown.path.clone(), other.path.clone());
            return Err(ModuleError::Shared { name, other });
        }
    }

    let mut modules_mut = Vec::new();
    let mut visited_mut: Vec<Shown> = Vec::new();
    module.visit_mut(&mut VisitorMut::recording(
        &mut |path, parameter| {
            let (id, shape) = (parameter.id(), parameter.value().shape().clone());
            visited_mut.push(Shown { path: path.to_string(), id, shape });
        },
        &mut modules_mut,
    ));
    if let Some(place) = difference(&visited, &visited_mut) {
        let text = |all: &[Shown], other: &[Shown]| {
            let Some(shown) = all.get(place) else { return "none".to_owned() };
            let same_name = other.get(place).is_some_and(|other| other.path == shown.path);
            let shape =
                if same_name { format!(" of shape {}", shown.shape) } else { String::new() };
            format!("{:?}{shape}", shown.path)
        };
        let (visited, visited_mut) = (text(&visited, &visited_mut), text(&visited_mut, &visited));
        return Err(ModuleError::Parameters { place, visited, visited_mut });
    }
    if let Some(place) = difference(&modules, &modules_mut) {
        let text = |all: &[String]| {
            all.get(place).map_or_else(|| "none".to_owned(), |path| format!("{path:?}"))
        };
        let (visited, visited_mut) = (text(&modules), text(&modules_mut));
        return Err(ModuleError::Children { place, visited, visited_mut });
    }
    Ok(())
}

/// A parameter that a visitor has seen.
#[derive(PartialEq)]
struct Shown {
    path: String,
    id: ParameterId,
    shape: Shape,
}

fn unique<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), ModuleError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ModuleError::Repeated { name: name.clone() });
        }
    }
    Ok(())
}

/// The first index at which two lists differ.
fn difference<T: PartialEq>(a: &[T], b: &[T]) -> Option<usize> {
    (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i))
}
