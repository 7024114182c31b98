//! Selection of a module's element type from its declaration.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    DeriveInput, Error, GenericArgument, GenericParam, PathArguments, Result, Type, TypeParamBound,
    WherePredicate, parse_quote,
};

/// The element type for which a module is implemented.
#[derive(Clone)]
pub enum Element {
    /// Every element type: the implementation gets a type parameter for it.
    Any,
    Of(Box<Type>),
}

/// The element type that the options name; otherwise the type parameter bounded by `Element`;
/// otherwise every element type if the types of the parts do not determine it; otherwise the `f64`
/// or `f32` that they name; otherwise `f32`.
pub fn of(input: &DeriveInput, option: Option<&Element>, parts: &[&Type]) -> Result<Element> {
    if let Some(named) = option {
        return Ok(named.clone());
    }
    let bounded = bounded_parameters(input);
    match bounded[..] {
        [] => {}
        [parameter] => return Ok(Element::Of(parse_quote!(#parameter))),
        [_, second, ..] => {
            let message = "more than one type parameter is bounded by `Element`; name the module's with \
                `#[module(element = ..)]`";
            return Err(Error::new_spanned(second, message));
        }
    }
    let parameters: Vec<&Ident> = input.generics.type_params().map(|param| &param.ident).collect();
    if parts.iter().all(|part| mentions(part, &|name| parameters.contains(&name))) {
        return Ok(Element::Any);
    }
    let named = |name: &str| parts.iter().find(|part| mentions(part, &|ident| ident == name));
    match (named("f32"), named("f64")) {
        (Some(_), Some(part)) => {
            let message = "this module has parts of `f32` and of `f64`; name its element type with \
                `#[module(element = ..)]`, and mark the other fields `#[module(skip)]`";
            Err(Error::new_spanned(part, message))
        }
        (None, Some(_)) => Ok(Element::Of(parse_quote!(f64))),
        _ => Ok(Element::Of(parse_quote!(f32))),
    }
}

/// The type parameters bounded by `Element`, in the list of parameters or in the where clause.
fn bounded_parameters(input: &DeriveInput) -> Vec<&Ident> {
    let clause = input.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let clause: Vec<_> = clause
        .filter_map(|predicate| match predicate {
            WherePredicate::Type(predicate) => Some(predicate),
            _ => None,
        })
        .collect();
    let bounded = |param: &&syn::TypeParam| {
        let in_clause = clause.iter().filter(|predicate| {
            matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(&param.ident))
        });
        let mut bounds = param.bounds.iter().chain(in_clause.flat_map(|p| &p.bounds));
        bounds.any(|bound| {
            matches!(bound, TypeParamBound::Trait(bound)
                if bound.path.segments.last().is_some_and(|segment| segment.ident == "Element"))
        })
    };
    input.generics.type_params().filter(bounded).map(|param| &param.ident).collect()
}

/// The type parameters, apart from `element`, that the types of parts mention.
pub fn bounded_by_parts<'a>(
    input: &'a DeriveInput,
    element: &Element,
    parts: &[&Type],
) -> Vec<&'a Ident> {
    let is_element = |name: &Ident| match element {
        Element::Of(ty) => matches!(&**ty, Type::Path(path) if path.path.is_ident(name)),
        Element::Any => false,
    };
    let params = input.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        _ => None,
    });
    params
        .filter(|name| !is_element(name))
        .filter(|name| parts.iter().any(|part| mentions(part, &|ident| ident == *name)))
        .collect()
}

/// Whether the predicate holds for an identifier in the type.
fn mentions(ty: &Type, predicate: &dyn Fn(&Ident) -> bool) -> bool {
    fn any(tokens: TokenStream, predicate: &dyn Fn(&Ident) -> bool) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => predicate(&ident),
            TokenTree::Group(group) => any(group.stream(), predicate),
            _ => false,
        })
    }
    any(ty.to_token_stream(), predicate)
}

const PRIMITIVES: [&str; 18] = [
    "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
    "i32", "i64", "i128", "isize", "f32", "f64",
];

/// Whether the type is primitive, or a container of primitive types, and so cannot hold a
/// parameter.
pub fn is_plain(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return false };
            match (&*last.ident.to_string(), &last.arguments) {
                ("PhantomData", _) => true,
                (name, PathArguments::None) => PRIMITIVES.contains(&name),
                ("Option" | "Vec" | "Box" | "BTreeMap", PathArguments::AngleBracketed(list)) => {
                    list.args
                        .iter()
                        .all(|arg| matches!(arg, GenericArgument::Type(ty) if is_plain(ty)))
                }
                _ => false,
            }
        }
        Type::Array(array) => is_plain(&array.elem),
        Type::Slice(slice) => is_plain(&slice.elem),
        Type::Reference(reference) => is_plain(&reference.elem),
        Type::Paren(paren) => is_plain(&paren.elem),
        Type::Group(group) => is_plain(&group.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_plain),
        Type::BareFn(_) => true,
        _ => false,
    }
}
