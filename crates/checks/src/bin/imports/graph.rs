//! Strongly connected components of a graph of imports.

use std::collections::{BTreeMap, BTreeSet};

/// For each file the files it imports.
pub(super) type Imports = BTreeMap<String, BTreeSet<String>>;

/// The files that can be reached from `start` along `edges`; `start` itself only if a path leads
/// back to it.
fn reached<'a>(edges: &'a Imports, start: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        for next in edges.get(file).into_iter().flatten() {
            if seen.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    seen
}

/// The loops, each with its files in order, the largest loop first. A file that names itself is not
/// a loop.
pub(super) fn loops(imports: &Imports) -> Vec<Vec<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reached(imports, file))).collect();
    let mut seen = BTreeSet::new();
    let mut loops = Vec::new();
    for (&file, there) in &reach {
        if seen.contains(file) {
            continue;
        }
        let back = |other: &&str| reach.get(other).is_some_and(|reach| reach.contains(file));
        let members: Vec<&str> = there.iter().copied().filter(back).collect();
        seen.extend(members.iter().copied());
        if members.len() > 1 {
            loops.push(members.into_iter().map(String::from).collect());
        }
    }
    loops.sort_by_key(|members: &Vec<String>| std::cmp::Reverse(members.len()));
    loops
}
