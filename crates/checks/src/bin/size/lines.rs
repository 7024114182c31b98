//! Lines of unoptimized LLVM code of the kernels, by module.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::Command;

use regex::Regex;
use rustc_demangle::demangle;

/// Lines and number of functions of a module.
type Count = (usize, usize);

/// The module of the kernels that a function belongs to: the first in its name that is not one of
/// those which only carry kernels of others.
fn module(name: &str, paths: &Regex) -> String {
    let mut modules = paths.captures_iter(name).map(|path| path[1].to_owned());
    let first = modules.next();
    let carries = |module: &String| {
        matches!(module.as_str(), "element" | "float" | "simd" | "slices" | "threads")
    };
    first
        .iter()
        .cloned()
        .chain(modules)
        .find(|module| !carries(module))
        .or(first)
        .unwrap_or_else(|| "other crates".to_owned())
}

/// Counts the functions of a file of LLVM code.
fn count(code: &str) -> BTreeMap<String, Count> {
    let paths = Regex::new(r"wengert_kernels::([a-z_0-9]+)").expect("the expression is valid");
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut current: Option<(String, usize)> = None;
    for line in code.lines() {
        if let Some(definition) = line.strip_prefix("define ") {
            let symbol = definition.split('@').nth(1).unwrap_or_default();
            let symbol = symbol.split('(').next().unwrap_or_default().trim_matches('"');
            current = Some((module(&format!("{:#}", demangle(symbol)), &paths), 0));
        }
        if let Some((_, lines)) = &mut current {
            *lines += 1;
        }
        if line == "}"
            && let Some((module, lines)) = current.take()
        {
            let count = counts.entry(module).or_default();
            *count = (count.0 + lines, count.1 + 1);
        }
    }
    counts
}

/// Compiles the kernels to LLVM code and prints the table.
pub(crate) fn print() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kernels.ll");
    let status = Command::new(env!("CARGO"))
        .args(["rustc", "--release", "-p", "wengert-kernels", "--lib", "--target-dir"])
        .arg(folder.path())
        .args(["--", "-C", "no-prepopulate-passes", "-C", "codegen-units=1"])
        .args(["-C", "symbol-mangling-version=v0"])
        .arg(format!("--emit=llvm-ir={}", file.display()))
        .status()?;
    if !status.success() {
        return Err("cargo rustc --release -p wengert-kernels failed".into());
    }
    let counts = count(&fs::read_to_string(&file)?);
    let total = counts.values().fold((0, 0), |sum: Count, n| (sum.0 + n.0, sum.1 + n.1));
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|(_, (lines, _))| std::cmp::Reverse(*lines));
    println!("{:16} {:>9} {:>7} {:>9}", "module", "lines", "share", "functions");
    for (module, (lines, functions)) in rows {
        let share = 100.0 * lines as f64 / total.0 as f64;
        println!("{module:16} {lines:9} {share:6.1}% {functions:9}");
    }
    println!("{:16} {:9} {:>7} {:9}", "all", total.0, "", total.1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn lines_belong_to_the_module_of_the_kernel() {
        let code = "define internal void @_RNvNtCs1_15wengert_kernels4gemm3run(ptr %a) {\n\
                    start:\n  ret void\n}\n\
                    declare void @other()\n\
                    define void @main() {\n}\n";
        let counts: Vec<_> = count(code).into_iter().collect();
        assert_eq!(counts, [("gemm".to_owned(), (4, 1)), ("other crates".to_owned(), (2, 1))]);
    }
}
