//! Generation of the implementation for `#[derive(Module)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Member, Path, Result, Type, parse_quote};

use crate::element::{self, Element};
use crate::options::{ContainerOptions, FieldOptions, Use};

/// A struct, or a variant of an enum.
struct Variant<'a> {
    /// `Self` or `Self::Variant`.
    path: TokenStream,
    fields: Vec<Part<'a>>,
    /// Whether its only field represents the whole module (`transparent`).
    transparent: bool,
}

/// A field that the implementation uses.
struct Part<'a> {
    member: Member,
    name: String,
    binding: Ident,
    ty: &'a Type,
    usage: Use,
}

/// Implements the trait `Module` of the crate `root`.
pub fn module(input: &DeriveInput, root: &Path) -> Result<TokenStream> {
    let options = ContainerOptions::of(&input.attrs)?;
    let root = options.root.as_ref().unwrap_or(root);
    let variants = variants(input)?;
    let used = variants.iter().flat_map(|variant| &variant.fields);
    let parts: Vec<&Type> = used
        .filter(|part| matches!(part.usage, Use::Part | Use::Flatten))
        .map(|part| part.ty)
        .collect();
    let element = element::of(input, options.element.as_ref(), &parts)?;

    let mut generics = input.generics.clone();
    let bounded = element::bounded_by_parts(input, &element, &parts);
    let element: Type = match element {
        Element::Of(ty) => *ty,
        Element::Any => {
            generics.params.push(parse_quote!(__E: #root::__private::Element));
            parse_quote!(__E)
        }
    };
    if !bounded.is_empty() {
        let clause = generics.make_where_clause();
        for parameter in bounded {
            clause.predicates.push(parse_quote!(#parameter: #root::Module<#element>));
        }
    }
    let (parameters, _, clause) = generics.split_for_impl();
    let (_, arguments, _) = input.generics.split_for_impl();

    let name = &input.ident;
    let visit = visit(&variants, root, &element, &quote!(Visitor), &quote!(visit));
    let visit_mut = visit_mut_body(&variants, root, &element);
    let set_training = set_training(&variants, root, &element);
    let description = description(&options, &variants, root, &element);
    Ok(quote! {
        #[automatically_derived]
        #[allow(clippy::pedantic, unused_qualifications, reason = "written by a derive macro")]
        impl #parameters #root::Module<#element> for #name #arguments #clause {
            #[inline(never)]
            fn visit<'__a>(&'__a self, visitor: &mut #root::Visitor<'_, '__a, #element>) {
                #visit
            }
            #[inline(never)]
            fn visit_mut(&mut self, visitor: &mut #root::VisitorMut<'_, #element>) {
                #visit_mut
            }
            #set_training
            #description
        }
    })
}

fn variants(input: &DeriveInput) -> Result<Vec<Variant<'_>>> {
    match &input.data {
        Data::Struct(data) => Ok(vec![variant(quote!(Self), &data.fields, false)?]),
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|each| {
                let name = &each.ident;
                variant(quote!(Self::#name), &each.fields, true)
            })
            .collect(),
        Data::Union(data) => {
            let message = "`Module` can be derived for a struct or an enum, not for a union";
            Err(Error::new_spanned(data.union_token, message))
        }
    }
}

fn variant<'a>(path: TokenStream, fields: &'a Fields, of_enum: bool) -> Result<Variant<'a>> {
    let newtype = matches!(fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1);
    let mut parts: Vec<Part<'a>> = Vec::new();
    for (i, (field, member)) in fields.iter().zip(fields.members()).enumerate() {
        let options = FieldOptions::of(field)?;
        let mut usage = options.usage;
        if usage == Use::Skip {
            continue;
        }
        if usage == Use::Part && of_enum && newtype && options.name.is_none() {
            usage = Use::Flatten;
        }
        let name = match (&options.name, &member) {
            (Some(name), _) => name.value(),
            (None, Member::Named(name)) => name.to_string().trim_start_matches("r#").to_owned(),
            (None, Member::Unnamed(index)) => index.index.to_string(),
        };
        let taken = |part: &Part<'_>| part.usage == Use::Part && part.name == name;
        if usage == Use::Part && parts.iter().any(taken) {
            let message = format!("two parts of this module are named `{name}`");
            return Err(Error::new_spanned(field, message));
        }
        let binding = format_ident!("__f{i}", span = Span::mixed_site());
        parts.push(Part { member, name, binding, ty: &field.ty, usage });
    }
    let transparent = fields.len() == 1 && parts.iter().all(|part| part.usage == Use::Flatten);
    Ok(Variant { path, transparent: transparent && !parts.is_empty(), fields: parts })
}

/// A match on `self` that processes the fields of each variant.
fn each(
    variants: &[Variant<'_>],
    what: impl Fn(&Variant<'_>) -> (Vec<usize>, TokenStream),
) -> TokenStream {
    if variants.is_empty() {
        return quote!(match *self {});
    }
    let arms = variants.iter().map(|variant| {
        let path = &variant.path;
        let (bound, body) = what(variant);
        let bindings = bound.iter().map(|&i| {
            let Part { member, binding, .. } = &variant.fields[i];
            quote!(#member: #binding)
        });
        quote!(#path { #(#bindings,)* .. } => { #body })
    });
    quote!(match self { #(#arms)* })
}

/// The body of `visit`.
fn visit(
    variants: &[Variant<'_>],
    root: &Path,
    element: &Type,
    visitor: &TokenStream,
    method: &TokenStream,
) -> TokenStream {
    let body = each(variants, |variant| {
        let shown = |part: &Part<'_>| matches!(part.usage, Use::Part | Use::Flatten);
        let bound = indices(variant, shown);
        let calls = bound.iter().map(|&i| {
            let Part { name, binding, ty, usage, .. } = &variant.fields[i];
            // The span of the field's type makes an error about the type point at it.
            let binding = Ident::new(&binding.to_string(), binding.span().located_at(ty.span()));
            let span = Span::call_site().located_at(ty.span());
            if *usage == Use::Flatten {
                quote_spanned! { span =>
                    #root::Module::<#element>::#method(#binding, visitor);
                }
            } else {
                quote_spanned! { span =>
                    #root::#visitor::child(visitor, #name, #binding);
                }
            }
        });
        let calls = quote!(#(#calls)*);
        (bound, calls)
    });
    quote! {
        let _ = &visitor;
        #body
    }
}

/// The body of `visit_mut`: the definition of `visit` for the other visitor.
fn visit_mut_body(variants: &[Variant<'_>], root: &Path, element: &Type) -> TokenStream {
    visit(variants, root, element, &quote!(VisitorMut), &quote!(visit_mut))
}

/// `set_training`, if a field is marked `training`.
fn set_training(variants: &[Variant<'_>], root: &Path, element: &Type) -> Option<TokenStream> {
    let told = |part: &Part<'_>| matches!(part.usage, Use::Training | Use::Flatten);
    if !variants.iter().any(|variant| variant.fields.iter().any(told)) {
        return None;
    }
    let body = each(variants, |variant| {
        let bound = indices(variant, told);
        let calls = bound.iter().map(|&i| {
            let Part { binding, usage, .. } = &variant.fields[i];
            if *usage == Use::Training {
                quote!(*#binding = training;)
            } else {
                quote!(#root::Module::<#element>::set_training(#binding, training);)
            }
        });
        let calls = quote!(#(#calls)*);
        (bound, calls)
    });
    Some(quote! {
        fn set_training(&mut self, training: bool) {
            #body
        }
    })
}

/// `role`, `activation` and `nonlinearity`: those of the options, or of the part that represents
/// the module.
fn description(
    options: &ContainerOptions,
    variants: &[Variant<'_>],
    root: &Path,
    element: &Type,
) -> TokenStream {
    let private = quote!(#root::__private);
    let rows = [
        ("role", &options.role, quote!(#root::Role), quote!(#root::Role::Plain)),
        (
            "activation",
            &options.activation,
            quote!(#private::Activation),
            quote!(#private::Activation::Identity),
        ),
        (
            "nonlinearity",
            &options.nonlinearity,
            quote!(::core::option::Option<::std::sync::Arc<dyn #private::Nonlinearity>>),
            quote!(::core::option::Option::None),
        ),
    ];
    let transparent = variants.iter().any(|variant| variant.transparent);
    let methods = rows.into_iter().map(|(name, given, returns, default)| {
        let name = Ident::new(name, Span::call_site());
        let body = match given {
            Some(given) => quote!(#given),
            None if transparent => each(variants, |variant| {
                let bound = indices(variant, |_| variant.transparent);
                let body = match bound.first().map(|&i| &variant.fields[i].binding) {
                    Some(whole) => quote!(#root::Module::<#element>::#name(#whole)),
                    None => default.clone(),
                };
                (bound, body)
            }),
            None => return TokenStream::new(),
        };
        quote! {
            fn #name(&self) -> #returns {
                #body
            }
        }
    });
    quote!(#(#methods)*)
}

/// The indices of the fields for which the predicate holds.
fn indices(variant: &Variant<'_>, predicate: impl Fn(&Part<'_>) -> bool) -> Vec<usize> {
    (0..variant.fields.len()).filter(|&i| predicate(&variant.fields[i])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(input: &DeriveInput) -> String {
        match module(input, &parse_quote!(::wengert_nn)) {
            Ok(tokens) => panic!("it is derived: {tokens}"),
            Err(error) => error.to_string(),
        }
    }

    fn derived(input: &DeriveInput) -> String {
        let tokens = module(input, &parse_quote!(::wengert_nn)).unwrap();
        tokens.to_string().replace(' ', "")
    }

    #[test]
    fn what_cannot_be_derived_is_refused_with_what_would_be_right() {
        let cases = [
            (refused(&parse_quote!(union U { a: u32, b: f32 })), "a struct or an enum"),
            (
                refused(&parse_quote!(
                    #[module(skip)]
                    struct S;
                )),
                "unknown option `skip`",
            ),
            (
                refused(&parse_quote!(
                    struct S {
                        #[module(element = f32)]
                        a: Linear,
                    }
                )),
                "a field has the options",
            ),
            (
                refused(&parse_quote!(
                    struct S {
                        #[module(skip, flatten)]
                        a: Linear,
                    }
                )),
                "contradicts or repeats",
            ),
            (
                refused(&parse_quote!(
                    struct S {
                        #[module(training)]
                        mode: Mode,
                    }
                )),
                "must be a `bool`",
            ),
            (
                refused(&parse_quote!(
                    struct S {
                        #[module(name = "a.b")]
                        a: Linear,
                    }
                )),
                "must not be empty or contain a dot",
            ),
            (
                refused(&parse_quote!(
                    struct S {
                        #[module(skip, name = "a")]
                        a: Linear,
                    }
                )),
                "only a part has a name",
            ),
            (
                refused(&parse_quote!(
                    struct S {
                        a: Linear,
                        #[module(name = "a")]
                        b: Linear,
                    }
                )),
                "two parts of this module are named `a`",
            ),
            (
                refused(&parse_quote!(
                    struct S {
                        a: Linear<f32>,
                        b: Linear<f64>,
                    }
                )),
                "parts of `f32` and of `f64`",
            ),
            (
                refused(&parse_quote!(
                    struct S<A: Element, B>
                    where
                        B: Element,
                    {
                        a: Two<A, B>,
                    }
                )),
                "more than one type parameter",
            ),
        ];
        for (message, expected) in cases {
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn the_element_type_is_read_from_the_declaration() {
        let cases = [
            (
                derived(&parse_quote!(
                    struct S {
                        a: Linear,
                        n: usize,
                    }
                )),
                "Module<f32>forS",
            ),
            (
                derived(&parse_quote!(
                    struct S {
                        a: [Linear<f64>; 2],
                        n: f32,
                    }
                )),
                "Module<f64>forS",
            ),
            (
                derived(&parse_quote!(
                    struct S<T: Element> {
                        a: Linear<T>,
                    }
                )),
                "Module<T>forS<T>{",
            ),
            (
                derived(&parse_quote!(
                    struct S<T>
                    where
                        T: nn::Element,
                    {
                        a: Linear<T>,
                    }
                )),
                "Module<T>forS<T>where",
            ),
            (
                derived(&parse_quote!(
                    struct S<T: Element, M> {
                        a: Vec<M>,
                        b: Linear<T>,
                    }
                )),
                "Module<T>forS<T,M>whereM:::wengert_nn::Module<T>",
            ),
            (
                derived(&parse_quote!(
                    struct S<M> {
                        a: M,
                    }
                )),
                "Module<__E>forS<M>whereM:::wengert_nn::Module<__E>",
            ),
            (
                derived(&parse_quote!(
                    struct S<M> {
                        a: M,
                        b: Linear,
                    }
                )),
                "Module<f32>forS<M>whereM:::wengert_nn::Module<f32>",
            ),
            (
                derived(&parse_quote!(
                    struct S;
                )),
                "Module<__E>forS",
            ),
            (
                derived(&parse_quote!(
                    #[module(element = any)]
                    struct S {
                        a: Dropout,
                    }
                )),
                "Module<__E>forS",
            ),
            (
                derived(&parse_quote!(
                    #[module(element = f64, crate = w::nn)]
                    struct S {
                        a: Alias,
                    }
                )),
                "implw::nn::Module<f64>forS",
            ),
        ];
        for (tokens, expected) in cases {
            assert!(tokens.contains(expected), "{expected} in {tokens}");
        }
    }

    #[test]
    fn fields_that_cannot_hold_a_parameter_are_not_shown() {
        let tokens = derived(&parse_quote! {
            struct S {
                weight: Parameter,
                heads: usize,
                sizes: Vec<[usize; 2]>,
                name: Option<&'static str>,
                scale: (f32, f64),
                act: fn(f32) -> f32,
                marker: PhantomData<Linear>,
                #[module(skip)]
                options: ConvOptions<2>,
            }
        });
        assert_eq!(tokens.matches("::child(").count(), 2, "{tokens}");
        assert!(tokens.contains("child(visitor,\"weight\""), "{tokens}");
    }
}
