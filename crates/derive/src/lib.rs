//! `#[derive(Module)]`: gives visitors access to the parameters of a struct or an enum.
//!
//! Use it through `wengert::nn::Module` or `wengert_nn::Module`, whose documentation lists the
//! options that `#[module(..)]` takes.

#![forbid(unsafe_code)]

mod element;
mod expand;
mod options;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input, parse_quote};

/// Implements `Module`: every field is a part of the module, unless it has a primitive type or is
/// marked `#[module(skip)]`. For programs that depend on `wengert-nn`.
#[proc_macro_derive(Module, attributes(module))]
pub fn module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::module(&input, &parse_quote!(::wengert_nn))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// [`macro@Module`] for programs that depend on `wengert`, which exports it as `Module`.
#[doc(hidden)]
#[proc_macro_derive(FacadeModule, attributes(module))]
pub fn facade_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::module(&input, &parse_quote!(::wengert::nn))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
