//! The modules of a crate, the names they define and import, and the paths in them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use wengert_checks::token::{Token, tokens};

use super::graph::Imports;

/// Maximum number of names in a path. A name that is re-exported from a module of the same name
/// grows by one name in each round if it is not found there.
const LONGEST: usize = 16;

/// A path in the module with the first path.
type Place = (Vec<String>, Vec<String>);

/// Where a name was looked for: circular re-exports end, and modules that import all names of each
/// other are searched once.
type Searched = BTreeSet<Place>;

/// A module: a file, or a part of one.
#[derive(Debug, Default)]
struct Module {
    file: String,
    /// The names of the items that are written out here; macros may define others.
    defined: BTreeSet<String>,
    /// The names that `use` imports, with their paths.
    used: BTreeMap<String, Vec<String>>,
    /// The modules from which `use` imports all names.
    globs: Vec<Vec<String>>,
    /// Paths in code.
    paths: Vec<Vec<String>>,
    /// Modules that are compiled for tests only.
    tests: BTreeSet<String>,
}

/// The modules of a crate by their path; that of the root is empty.
#[derive(Debug, Default)]
pub(super) struct Tree {
    modules: BTreeMap<Vec<String>, Module>,
    /// The modules to which globs lead; none while they are looked for.
    opened: RefCell<BTreeMap<Place, Vec<Target>>>,
}

/// The target of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Module(Vec<String>),
    /// An item of the module.
    Item(Vec<String>),
}

impl Tree {
    /// Reads the crate in a source folder.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        let mut open = vec![folder.to_path_buf()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    open.push(entry?.path());
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).map_err(io::Error::other)?;
                files.push((name.display().to_string().replace('\\', "/"), path.clone()));
            }
        }
        let mut sources = Vec::new();
        for (name, path) in files {
            sources.push((name, std::fs::read_to_string(path)?));
        }
        Ok(Self::of(&sources))
    }

    /// The crate of these files, given by their names in the source folder and their texts.
    pub(super) fn of<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Self {
        let mut tree = Tree::default();
        for (name, text) in files {
            let path = module_path(name.as_ref());
            let mut tokens = tokens(text.as_ref());
            tokens.retain(|token| !matches!(token, Token::Comment { .. }));
            Parser { tree: &mut tree, file: name.as_ref(), tokens: &tokens, at: 0 }.module(path);
        }
        let test_roots: Vec<Vec<String>> = tree
            .modules
            .iter()
            .flat_map(|(path, module)| module.tests.iter().map(|name| joined(path, name)))
            .collect();
        tree.modules.retain(|path, _| !test_roots.iter().any(|root| path.starts_with(root)));
        tree
    }

    /// The number of files.
    pub(super) fn files(&self) -> usize {
        self.modules.values().map(|module| &module.file).collect::<BTreeSet<_>>().len()
    }

    /// For each file, the files that define items it names.
    pub(super) fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (at, module) in &self.modules {
            let to = imports.entry(module.file.clone()).or_default();
            for path in module.paths.iter().chain(module.used.values()) {
                for target in self.resolve(at, path, &mut Searched::new()) {
                    if let Target::Item(owner) = target {
                        to.insert(self.modules[&owner].file.clone());
                    }
                }
            }
            for glob in &module.globs {
                for target in self.opened(at, glob) {
                    let (Target::Module(owner) | Target::Item(owner)) = target;
                    to.insert(self.modules[&owner].file.clone());
                }
            }
        }
        for (file, to) in &mut imports {
            to.remove(file);
        }
        imports
    }

    /// The targets of a path in the module `from`; none if it leads to another crate.
    fn resolve(&self, from: &[String], path: &[String], searched: &mut Searched) -> Vec<Target> {
        let mut at = from.to_vec();
        let mut rest = path;
        let mut relative = false;
        while let [first, others @ ..] = rest {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ => break,
            }
            relative = true;
            rest = others;
        }
        let [name, further @ ..] = rest else { return vec![Target::Module(at)] };
        if rest.len() > LONGEST {
            return Vec::new();
        }
        let own = path.len() == 1 && self.modules[from].used.get(name).is_some_and(|p| p == path);
        if own || !self.modules.contains_key(&at) || !searched.insert((at.clone(), rest.to_vec())) {
            return Vec::new();
        }
        let mut targets = self.named(&at, name, further, searched);
        if targets.is_empty() && relative {
            // A name that a macro defines.
            targets.push(Target::Item(at));
        }
        targets
    }

    /// The targets of a glob in the module `at`.
    fn opened(&self, at: &[String], glob: &[String]) -> Vec<Target> {
        let key = (at.to_vec(), glob.to_vec());
        if let Some(targets) = self.opened.borrow().get(&key) {
            return targets.clone();
        }
        self.opened.borrow_mut().insert(key.clone(), Vec::new());
        let targets = self.resolve(at, glob, &mut Searched::new());
        self.opened.borrow_mut().insert(key, targets.clone());
        targets
    }

    /// The targets of `name` in the module `at`, followed by `rest`.
    fn named(
        &self,
        at: &[String],
        name: &str,
        rest: &[String],
        searched: &mut Searched,
    ) -> Vec<Target> {
        let module = &self.modules[at];
        let mut targets = Vec::new();
        let child = joined(at, name);
        if self.modules.contains_key(&child) {
            match rest {
                [] => targets.push(Target::Module(child)),
                [next, further @ ..] => {
                    targets = self.named(&child, next, further, searched);
                    if targets.is_empty() {
                        targets.push(Target::Item(child));
                    }
                }
            }
        }
        if module.defined.contains(name) && (rest.is_empty() || targets.is_empty()) {
            targets.push(Target::Item(at.to_vec()));
        }
        if let Some(path) = module.used.get(name)
            && (rest.is_empty() || targets.is_empty())
        {
            let whole: Vec<String> = path.iter().chain(rest).cloned().collect();
            targets.extend(self.resolve(at, &whole, searched));
        }
        if targets.is_empty() {
            let whole: Vec<String> =
                std::iter::once(name.to_owned()).chain(rest.iter().cloned()).collect();
            for glob in &module.globs {
                for target in self.opened(at, glob) {
                    let Target::Module(owner) = target else { continue };
                    if searched.insert((owner.clone(), whole.clone())) {
                        targets.extend(self.named(&owner, name, rest, searched));
                    }
                }
            }
        }
        targets
    }
}

fn joined(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// The path of a file's module.
fn module_path(file: &str) -> Vec<String> {
    let mut parts: Vec<String> =
        file.trim_end_matches(".rs").split('/').map(String::from).collect();
    if parts.last().is_some_and(|last| last == "mod")
        || matches!(&parts[..], [root] if root == "lib" || root == "main")
    {
        parts.pop();
    }
    parts
}

/// Whether a condition of `cfg` holds outside tests; `None` if unknown.
fn holds(tokens: &[Token]) -> Option<bool> {
    let [Token::Word(name), rest @ ..] = tokens else { return None };
    let parts = || {
        let inner = rest.get(1..rest.len() - 1).unwrap_or_default();
        let mut depth = 0;
        let split = inner.split(move |token| {
            depth += i32::from(token.is('(')) - i32::from(token.is(')'));
            depth == 0 && token.is(',')
        });
        split.filter(|part| !part.is_empty()).map(holds).collect::<Vec<_>>()
    };
    match name.as_str() {
        "test" => Some(false),
        "feature" if rest.last() == Some(&Token::Text("testing".into())) => Some(false),
        "not" => parts().first().copied().flatten().map(|holds| !holds),
        "all" if parts().contains(&Some(false)) => Some(false),
        "any" if parts().iter().all(|part| *part == Some(false)) => Some(false),
        _ => None,
    }
}

struct Parser<'a> {
    tree: &'a mut Tree,
    file: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn peek_is(&self, ahead: usize, mark: char) -> bool {
        self.peek(ahead).is_some_and(|token| token.is(mark))
    }

    fn peek_word(&self, ahead: usize) -> Option<String> {
        self.peek(ahead).and_then(Token::word).map(String::from)
    }

    /// Parses a module up to its closing brace or the end of the file.
    fn module(&mut self, path: Vec<String>) {
        let mut module = Module { file: self.file.to_owned(), ..Module::default() };
        let mut depth = 0;
        while let Some(token) = self.peek(0) {
            match token {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') if depth == 0 => {
                    self.at += 1;
                    break;
                }
                Token::Mark('}') => depth -= 1,
                Token::Mark('#') => {
                    self.attributes(&mut module);
                    continue;
                }
                Token::Word(word) => {
                    let word = word.clone();
                    self.word(&word, &path, &mut module);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.tree.modules.insert(path, module);
    }

    /// Parses a construct that begins with a word.
    fn word(&mut self, word: &str, path: &[String], module: &mut Module) {
        match (word, self.peek_word(1)) {
            ("use", _) => {
                self.at += 1;
                self.use_tree(&mut Vec::new(), module);
            }
            ("mod", Some(name)) if self.peek_is(2, '{') => {
                self.at += 3;
                self.module(joined(path, &name));
            }
            ("pub", _) if self.peek_is(1, '(') => {
                // `pub(in a::b)` names no item.
                self.at += 1;
                self.skip_group();
            }
            (
                "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union",
                Some(name),
            ) => {
                module.defined.insert(name);
                self.at += 2;
            }
            ("macro_rules", _) if self.peek_is(1, '!') => {
                module.defined.extend(self.peek_word(2));
                self.at += 3;
            }
            _ => self.path(module),
        }
    }

    /// Parses a path; a single word names an import or an item of this module.
    fn path(&mut self, module: &mut Module) {
        let mut path = Vec::new();
        while let Some(word) = self.peek_word(0) {
            path.push(word);
            self.at += 1;
            let follows = self.peek_is(0, ':') && self.peek_is(1, ':');
            if !follows || self.peek(2).and_then(Token::word).is_none() {
                break;
            }
            self.at += 2;
        }
        if path.len() > 1 {
            module.paths.push(path);
        }
    }

    /// Parses a `use` tree after its `prefix`.
    fn use_tree(&mut self, prefix: &mut Vec<String>, module: &mut Module) {
        let len = prefix.len();
        if prefix.is_empty() && self.peek_is(0, ':') {
            // `::name` is another crate.
            self.at += 2;
            prefix.push("::".into());
        }
        loop {
            match self.peek(0) {
                Some(Token::Word(word)) => {
                    if word != "self" || prefix.is_empty() {
                        prefix.push(word.clone());
                    }
                    self.at += 1;
                }
                Some(Token::Mark('*')) => {
                    module.globs.push(prefix.clone());
                    self.at += 1;
                    break;
                }
                Some(Token::Mark('{')) => {
                    self.at += 1;
                    while !self.peek_is(0, '}') && self.peek(0).is_some() {
                        self.use_tree(prefix, module);
                        if self.peek_is(0, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                _ => break,
            }
            if self.peek_is(0, ':') && self.peek_is(1, ':') {
                self.at += 2;
                continue;
            }
            let mut name = prefix.last().cloned().unwrap_or_default();
            if self.peek_word(0).as_deref() == Some("as") {
                name = self.peek_word(1).unwrap_or_default();
                self.at += 2;
            }
            if name == "_" {
                name = format!("_ {}", prefix.join("::"));
            }
            module.used.insert(name, prefix.clone());
            break;
        }
        prefix.truncate(len);
    }

    /// Parses an attribute, and skips its item if that is compiled for tests only.
    fn attributes(&mut self, module: &mut Module) {
        self.at += 1;
        let inner = self.peek_is(0, '!');
        self.at += usize::from(inner);
        if !self.peek_is(0, '[') {
            return;
        }
        let start = self.at + 1;
        self.skip_group();
        let attribute = &self.tokens[start..self.at - 1];
        let condition = attribute.get(2..attribute.len().saturating_sub(1)).unwrap_or_default();
        let is_cfg = attribute.first().and_then(Token::word) == Some("cfg");
        if is_cfg && !inner && holds(condition) == Some(false) {
            self.skip_item(module);
        }
    }

    /// Skips an item, statement, field or match arm, and records the name of a module.
    fn skip_item(&mut self, module: &mut Module) {
        while self.peek_is(0, '#') {
            self.at += 1;
            self.skip_group();
        }
        let mut first = self.peek_word(0);
        if first.as_deref() == Some("pub") {
            self.at += 1;
            if self.peek_is(0, '(') {
                self.skip_group();
            }
            first = self.peek_word(0);
        }
        let first = first.unwrap_or_default();
        if first == "mod"
            && let Some(name) = self.peek_word(1)
        {
            module.tests.insert(name);
        }
        let needs_end = matches!(first.as_str(), "use" | "const" | "static" | "let" | "type");
        let is_item = needs_end
            || matches!(
                first.as_str(),
                "mod"
                    | "fn"
                    | "unsafe"
                    | "async"
                    | "struct"
                    | "enum"
                    | "union"
                    | "trait"
                    | "impl"
                    | "extern"
                    | "macro_rules"
            );
        let constant_function = first == "const"
            && matches!(self.peek_word(1).as_deref(), Some("fn" | "unsafe" | "extern"));
        while let Some(token) = self.peek(0) {
            match token {
                Token::Mark(';') => {
                    self.at += 1;
                    return;
                }
                Token::Mark(',') if !is_item => {
                    self.at += 1;
                    return;
                }
                Token::Mark('{') => {
                    self.skip_group();
                    let more = self.peek_is(0, '=')
                        || self.peek_is(0, '.')
                        || self.peek_word(0).is_some_and(|word| word == "if" || word == "else");
                    if (constant_function || !needs_end) && (is_item || !more) {
                        return;
                    }
                }
                Token::Mark('(' | '[') => self.skip_group(),
                Token::Mark('}' | ')' | ']') => return,
                _ => self.at += 1,
            }
        }
    }

    /// Skips a bracketed group, brackets included.
    fn skip_group(&mut self) {
        let mut depth = 0;
        while let Some(token) = self.peek(0) {
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }
}
