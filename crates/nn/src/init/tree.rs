//! [`Tree`]: the weights and tables of a module tree in order, and the modules that contain them.

use wengert_autodiff::{Element, Kind, Parameter, Shape};

use super::fixup::Fixup;
use super::lsuv::is_below;
use crate::module::{Met, Module, Path, Role, Visitor};

/// A weight or a table in the tree.
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) shape: Shape,
    pub(super) kind: Kind,
    /// The path of its bias.
    pub(super) bias: Option<String>,
    /// The index of the module that directly contains it.
    pub(super) owner: usize,
}

/// A flattened module tree.
pub(super) struct Tree {
    pub(super) modules: Vec<Met>,
    pub(super) entries: Vec<Entry>,
    /// The paths of the parameters of no stated kind.
    pub(super) others: Vec<String>,
}

/// A parameter found by the visitor.
struct Found {
    path: String,
    /// The path of the module that directly contains it.
    inside: String,
    shape: Shape,
    kind: Kind,
}

impl Tree {
    pub(super) fn of<E: Element>(model: &(impl Module<E> + ?Sized)) -> Self {
        let mut found = Vec::new();
        let mut modules = vec![Met::new(String::new(), model)];
        let mut see = |path: Path<'_>, parameter: &Parameter<E>| {
            found.push(Found {
                path: path.to_string(),
                inside: path.module(),
                shape: parameter.value().shape().clone(),
                kind: parameter.kind(),
            });
        };
        model.visit(&mut Visitor::recording(&mut see, &mut modules));
        let mut tree = Self { modules, entries: Vec::new(), others: Vec::new() };
        // The weights and gains without a bias so far: the path of the module, and the entry.
        let mut open: Vec<(String, Option<usize>)> = Vec::new();
        for Found { path, inside, shape, kind } in found {
            match kind {
                Kind::Weight { .. } | Kind::Table { .. } => {
                    let owner = tree.modules.iter().position(|module| module.path == inside);
                    let Some(owner) = owner else { continue };
                    if kind.is_weight() {
                        open.push((inside, Some(tree.entries.len())));
                    }
                    tree.entries.push(Entry { path, shape, kind, bias: None, owner });
                }
                Kind::Gain => open.push((inside, None)),
                Kind::Bias => {
                    // The bias belongs to the nearest one before it in the same module.
                    if let Some(at) = open.iter().rposition(|(module, _)| *module == inside)
                        && let (_, Some(entry)) = open.remove(at)
                    {
                        tree.entries[entry].bias = Some(path);
                    }
                }
                _ => tree.others.push(path),
            }
        }
        tree
    }

    /// The number of weights.
    pub(super) fn depth(&self) -> usize {
        self.entries.iter().filter(|entry| entry.kind.is_weight()).count()
    }

    /// The modules from an entry's own to that of the next entry, without those that contain
    /// others.
    pub(super) fn following(&self, entry: usize) -> impl Iterator<Item = &Met> {
        let start = self.entries[entry].owner;
        let end = self.entries.get(entry + 1).map_or(self.modules.len(), |next| next.owner);
        let leaf = |i: usize| {
            let path = &self.modules[i].path;
            self.modules.get(i + 1).is_none_or(|next| !is_below(&next.path, path))
        };
        (start..end.max(start + 1))
            .filter(move |&i| i == start || leaf(i))
            .map(|i| &self.modules[i])
    }

    /// The innermost residual module around an entry.
    fn residual(&self, entry: usize) -> Option<&Met> {
        let path = &self.entries[entry].path;
        let around = |module: &&Met| module.role == Role::Residual && is_below(path, &module.path);
        self.modules.iter().rev().find(around)
    }

    /// For a weight in a residual branch: the scales of the branch, and the weight's index in it.
    pub(super) fn fixup(&self, weight: usize) -> Option<(Fixup, usize)> {
        let block = &self.residual(weight)?.path;
        let inside = |i: &usize| {
            self.entries[*i].kind.is_weight()
                && self.residual(*i).is_some_and(|module| module.path == *block)
        };
        let members: Vec<usize> = (0..self.entries.len()).filter(inside).collect();
        let branches = self.modules.iter().filter(|module| module.role == Role::Residual).count();
        let place = members.iter().position(|&i| i == weight)?;
        Some((Fixup { branches, layers: members.len() }, place))
    }
}
