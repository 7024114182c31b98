//! Parsing of the options in `#[module(..)]`.

use std::fmt::Display;

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, Field, LitStr, Path, Result, Type};

use crate::element::{self, Element};

/// The options of a struct or an enum.
#[derive(Default)]
pub struct ContainerOptions {
    pub root: Option<Path>,
    pub element: Option<Element>,
    pub role: Option<Expr>,
    pub activation: Option<Expr>,
    pub nonlinearity: Option<Expr>,
}

impl ContainerOptions {
    pub fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        each(attributes, |meta| {
            if meta.path.is_ident("crate") {
                set(&mut options.root, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("element") {
                let named: Type = meta.value()?.parse()?;
                let any = matches!(&named, Type::Path(path) if path.path.is_ident("any"));
                let named = if any { Element::Any } else { Element::Of(Box::new(named)) };
                set(&mut options.element, &meta, named)
            } else if meta.path.is_ident("role") {
                set(&mut options.role, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("activation") {
                set(&mut options.activation, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("nonlinearity") {
                set(&mut options.nonlinearity, &meta, meta.value()?.parse()?)
            } else {
                Err(unknown(
                    &meta,
                    "a module has the options `crate`, `element`, `role`, `activation` and `nonlinearity`; \
                     `skip`, `training`, `flatten` and `name` are options of a field",
                ))
            }
        })?;
        Ok(options)
    }
}

/// How the derived implementation uses a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// As a part under the field's name.
    Part,
    /// As a part whose own parts are parts of the module.
    Flatten,
    /// As the flag that indicates whether the module is being trained.
    Training,
    Skip,
}

/// The options of a field.
pub struct FieldOptions {
    pub usage: Use,
    pub name: Option<LitStr>,
}

impl FieldOptions {
    pub fn of(field: &Field) -> Result<Self> {
        let (mut usage, mut name) = (None, None);
        each(&field.attrs, |meta| {
            if meta.path.is_ident("skip") {
                set(&mut usage, &meta, Use::Skip)
            } else if meta.path.is_ident("training") {
                if !matches!(&field.ty, Type::Path(path) if path.path.is_ident("bool")) {
                    let message = "a field marked `training` must be a `bool`: it is true while \
                                   the module is being trained";
                    return Err(Error::new_spanned(&field.ty, message));
                }
                set(&mut usage, &meta, Use::Training)
            } else if meta.path.is_ident("flatten") {
                set(&mut usage, &meta, Use::Flatten)
            } else if meta.path.is_ident("name") {
                let given: LitStr = meta.value()?.parse()?;
                if given.value().is_empty() || given.value().contains('.') {
                    let message = "the name of a part must not be empty or contain a dot, which \
                                   separates the names of a path";
                    return Err(Error::new_spanned(given, message));
                }
                set(&mut name, &meta, given)
            } else {
                Err(unknown(
                    &meta,
                    "a field has the options `skip`, `training`, `flatten` and `name = \"..\"`",
                ))
            }
        })?;
        if let (Some(_), Some(name)) = (usage, &name) {
            let message = "only a part has a name; remove `name` or the other option";
            return Err(Error::new_spanned(name, message));
        }
        let plain = name.is_none() && element::is_plain(&field.ty);
        let usage = usage.unwrap_or(if plain { Use::Skip } else { Use::Part });
        Ok(Self { usage, name })
    }
}

fn each(
    attributes: &[Attribute],
    mut see: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    let mut ours = attributes.iter().filter(|attribute| attribute.path().is_ident("module"));
    ours.try_for_each(|attribute| attribute.parse_nested_meta(&mut see))
}

fn set<T>(option: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("this option contradicts or repeats an earlier one")),
    }
}

fn unknown(meta: &ParseNestedMeta<'_>, right: impl Display) -> Error {
    let name = meta.path.get_ident().map_or_else(String::new, ToString::to_string);
    meta.error(format!("unknown option `{name}`: {right}"))
}
