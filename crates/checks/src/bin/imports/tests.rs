//! The loops of small made-up crates.

use super::graph::loops;
use super::module::Tree;

/// The loops of a crate of these files, each as its files in order.
fn found<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Vec<Vec<String>> {
    loops(&Tree::of(files).imports())
}

#[track_caller]
fn assert_loops(files: &[(&str, &str)], expected: &[&[&str]]) {
    let tree = Tree::of(files);
    assert_eq!(loops(&tree.imports()), expected, "{tree:#?}");
}

#[test]
fn files_that_import_each_other_are_a_loop() {
    let lib = ("lib.rs", "mod a; mod b; mod c;");
    let a = ("a.rs", "use crate::b::B; pub struct A;");
    let c = ("c.rs", "use crate::a::A;");
    assert_loops(&[lib, a, ("b.rs", "use crate::a::A; pub struct B;"), c], &[&["a.rs", "b.rs"]]);
    assert_loops(&[lib, a, ("b.rs", "pub struct B;"), c], &[]);
}

#[test]
fn a_longer_way_around_is_one_loop_and_the_largest_comes_first() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod x; mod y;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::a::A; pub struct C;"),
        ("x.rs", "use crate::y::Y; pub struct X;"),
        ("y.rs", "use crate::{x::X, a::A}; pub struct Y;"),
    ];
    assert_loops(&files, &[&["a.rs", "b.rs", "c.rs"], &["x.rs", "y.rs"]]);
}

#[test]
fn every_kind_of_path_is_an_import() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = ("a.rs", "use crate::b::B; pub struct A; pub fn f() {}");
    for b in [
        "use crate::a::A;",
        "use crate::{a::{self, A}};",
        "use super::a::{f as g, A as _};",
        "use crate::a::*;",
        "use crate::a; fn g() { a::f() }",
        "use crate::a as other; fn g() { other::f() }",
        "fn g() { crate::a::f() }",
        "fn g() -> super::a::A { super::a::A }",
        "fn g(x: Vec<crate::a::A>) {}",
        "macro_rules! m { () => { $crate::a::f() } }",
        "mod inner { use super::super::a::A; }",
        "mod inner { fn g() { crate::a::f::<u8>() } }",
        "#[cfg(not(test))] use crate::a::A;",
        "#[cfg(any(test, unix))] use crate::a::A;",
        "pub(in crate::b) use crate::a::A;",
        "const QUOTE: char = '\\''; use crate::a::A;",
        "fn g<'a>(x: &'a str) -> char { 'a' } use crate::a::A;",
    ] {
        let b = format!("pub struct B; {b}");
        assert_loops(&[lib, a, ("b.rs", b.as_str())], &[&["a.rs", "b.rs"]]);
    }
}

#[test]
fn what_names_no_item_is_no_import() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = ("a.rs", "use crate::b::B; pub struct A; pub fn f() {}");
    for b in [
        "",
        "use crate::a;",
        "// use crate::a::A;",
        "/* /* */ use crate::a::A; */",
        "/// [`A`](crate::a::A)\nfn f() {}",
        "const TEXT: &str = \"use crate::a::A; \\\" crate::a::f()\";",
        "const TEXT: &str = r#\"\" use crate::a::A;\"#;",
        "use std::a::A; use ::a::A;",
        "pub(in crate::a) struct C;",
    ] {
        let b = format!("pub struct B; {b}");
        assert_loops(&[lib, a, ("b.rs", b.as_str())], &[]);
    }
}

#[test]
fn tests_do_not_count() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = ("a.rs", "use crate::b::B; pub struct A; pub fn f() {}");
    for b in [
        "#[cfg(test)] mod tests { use crate::a::A; }",
        "#[cfg(test)] use crate::{a::A, a::f};",
        "#[cfg(any(test, feature = \"testing\"))] pub use crate::a::A;",
        "#[cfg(all(unix, test))] #[allow(dead_code)] fn g<X, Y>() { crate::a::f() }",
        "#[cfg(test)] pub(crate) const fn g() -> u8 { crate::a::f(); 0 }",
        "#[cfg(test)] const C: [fn(); 2] = { [crate::a::f, crate::a::f] };",
        "fn g() { match 0 { #[cfg(test)] 1 if true => crate::a::f(), _ => {} } }",
        "fn g() { match 0 { #[cfg(test)] C { .. } => { crate::a::f() } _ => {} } }",
        "struct C { #[cfg(test)] a: crate::a::A, #[cfg(test)] b: crate::a::A }",
    ] {
        for after in ["", "fn h() {}"] {
            let b = format!("pub struct B; {b} {after}");
            assert_loops(&[lib, a, ("b.rs", b.as_str())], &[]);
        }
        // What follows counts again.
        let b = format!("pub struct B; {b} use crate::a::A as Again;");
        assert_loops(&[lib, a, ("b.rs", b.as_str())], &[&["a.rs", "b.rs"]]);
    }
    let tests = ("b/tests.rs", "use crate::a::A; pub struct Case;");
    assert_loops(&[lib, a, ("b/mod.rs", "pub struct B; #[cfg(test)] mod tests;"), tests], &[]);
    let named = "pub struct B; mod tests; use tests::Case;";
    assert_loops(&[lib, a, ("b/mod.rs", named), tests], &[&["a.rs", "b/mod.rs", "b/tests.rs"]]);
}

#[test]
fn reexports_are_followed_and_are_imports() {
    // The root re-exports everything, but `b` needs only `ground`.
    let lib = ("lib.rs", "mod a; mod b; mod ground; pub use a::A; pub use ground::Ground;");
    let ground = ("ground.rs", "pub trait Ground {}");
    let a = ("a.rs", "use crate::b::B; pub struct A;");
    assert_loops(&[lib, ground, a, ("b.rs", "use crate::Ground; pub struct B;")], &[]);
    let b = ("b.rs", "use crate::{A, Ground}; pub struct B;");
    assert_loops(&[lib, ground, a, b], &[&["a.rs", "b.rs"]]);
    // A folder's `mod.rs` with an item of its own.
    let lib = ("lib.rs", "mod a;");
    let folder = ("a/mod.rs", "mod b; pub use b::B; pub struct Own;");
    assert_loops(&[lib, folder, ("a/b.rs", "pub struct B;")], &[]);
    let b = ("a/b.rs", "use super::Own; pub struct B;");
    assert_loops(&[lib, folder, b], &[&["a/b.rs", "a/mod.rs"]]);
    // Through a glob, under another name, and names that lead in a circle.
    let folder = ("a/mod.rs", "mod b; mod c; pub use b::*; use c::C as D; use crate::a::a as a;");
    let b = ("a/b.rs", "use super::D; pub struct B;");
    let c = ("a/c.rs", "use super::B; pub struct C;");
    assert_loops(&[lib, folder, b, c], &[&["a/b.rs", "a/c.rs"]]);
}

#[test]
fn globs_of_other_crates_beside_globs_of_this_one_end() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let modules: String = names.map(|name| format!("mod {name}; pub use {name}::*;")).concat();
    let folder = format!("{modules} use other::prelude::*;");
    let file = "use other::prelude::*; use another::*; use super::*; use super::G;".to_owned();
    let mut files = vec![("lib.rs".to_owned(), "mod x;".to_owned()), ("x/mod.rs".into(), folder)];
    files.extend(names.map(|name| (format!("x/{name}.rs"), file.clone())));
    files.push(("x/g.rs".into(), "pub struct G;".into()));
    // The folder and its six files, but not the file that they all name.
    let found = found(&files);
    assert_eq!((found.len(), found[0].len()), (1, 7), "{found:?}");
}

#[test]
fn a_name_from_a_macro_is_in_the_module_that_should_have_it() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = ("a.rs", "functions! { exp, log } use crate::b::B;");
    let b = ("b.rs", "use crate::a::exp; pub struct B;");
    assert_loops(&[lib, a, b], &[&["a.rs", "b.rs"]]);
}

#[test]
fn a_function_may_be_called_as_its_module_is() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = ("a/mod.rs", "mod norm; pub use norm::norm; use crate::b::B;");
    let norm = ("a/norm.rs", "pub fn norm() {}");
    assert_loops(&[lib, a, norm, ("b.rs", "use crate::a::norm; pub struct B;")], &[]);
    assert_eq!(found(&[lib, a, norm, ("b.rs", "pub struct B;")]).len(), 0);
}
