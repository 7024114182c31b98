//! What a case must come to, and which kernels have cases.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::child::note;

/// What a call must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The right answer.
    Answer,
    /// A panic or an error, with a message of the kernel's.
    Refusal,
    /// Either of the two: sizes that name no elements, but cannot be counted on the way there.
    Either,
}

impl Want {
    /// An answer if the arguments fit each other.
    pub fn answer_if(fits: bool) -> Self {
        if fits { Want::Answer } else { Want::Refusal }
    }
}

/// What the standard library and the compiler's own checks say: no kernel's message.
const FOREIGN: [&str; 13] = [
    "attempt to",
    "out of bounds",
    "out of range",
    "slice index",
    "chunk size",
    "chunk_size",
    "capacity overflow",
    "CapacityOverflow",
    "Option::unwrap",
    "Result::unwrap",
    "mid > len",
    "slice length",
    "assertion",
];

/// Functions that need no case.
const EXEMPT: [(&str, &str); 5] = [
    (
        "reads a field",
        "Activation::kinks Activation::bends Activation::range Activation::sloping Sloping::contains \
         Chain::len Chain::is_empty Program::arrays Program::scratch \
         ConvGeometry::batch ConvGeometry::channels ConvGeometry::input ConvGeometry::output \
         ConvGeometry::window ConvGeometry::input_shape ConvGeometry::output_shape \
         ConvGeometry::weight_shape MatRef::rows MatRef::cols MatRef::row_stride \
         MatRef::col_stride MatMut::rows MatMut::cols MatMut::row_stride MatMut::col_stride \
         PoolGeometry::planes \
         PoolGeometry::input PoolGeometry::output PoolGeometry::window AdaptiveGeometry::planes \
         AdaptiveGeometry::input AdaptiveGeometry::output",
    ),
    (
        "stores what is checked where it is used",
        "Chain::new Channels::new Channels::depthwise Conv::new ConvTranspose::new \
         ConvWeightGrad::new Gemm::new Stream::new Window::new Window::line Window::stride \
         Window::padding Window::padding_sides Window::dilation",
    ),
    ("swaps two dimensions of a checked view", "MatRef::t MatMut::t"),
    (
        "checks the domain of a number, and takes no sizes",
        "Activation::leaky_relu Activation::check Activation::check_in",
    ),
    ("computes one number", "LeakyRelu::new Softplus::new"),
];

/// The cases of a family.
pub struct Report {
    family: String,
    called: BTreeSet<String>,
    faults: Vec<String>,
}

impl Report {
    pub fn new(family: &str) -> Self {
        // Refusals by the thousand: what they say is in the reports.
        std::panic::set_hook(Box::new(|_| {}));
        Report { family: family.to_owned(), called: BTreeSet::new(), faults: Vec::new() }
    }

    /// Calls a kernel: `run` returns whether the answer is right.
    pub fn call(
        &mut self,
        kernel: &str,
        given: impl Display,
        want: Want,
        run: impl FnOnce() -> bool,
    ) {
        note(&format!("{}::{kernel} of {given}", self.family));
        if !self.called.contains(kernel) {
            self.called.insert(kernel.to_owned());
        }
        let fault = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(false) => "gave a wrong answer".to_owned(),
            Ok(true) if want == Want::Refusal => "did not refuse".to_owned(),
            Ok(true) => return,
            Err(panic) => {
                let message = panic.downcast_ref::<String>().map(String::as_str);
                let message = message.or(panic.downcast_ref::<&str>().copied()).unwrap_or("");
                let foreign = FOREIGN.iter().any(|text| message.contains(text));
                if want != Want::Answer && !foreign {
                    return;
                }
                format!("panicked: {message}")
            }
        };
        self.faults.push(format!("{}::{kernel} of {given} {fault}", self.family));
    }

    /// Ends the process with an error if there were faults, or a public function was not called.
    pub fn finish(mut self) {
        let exempt: BTreeSet<&str> =
            EXEMPT.iter().flat_map(|(_, names)| names.split_whitespace()).collect();
        let family = &self.family;
        let public = public_functions(family);
        for name in public.iter().filter(|name| !exempt.contains(name.as_str())) {
            if !self.called.contains(name) {
                self.faults.push(format!("{family}::{name} is public and has no case"));
            }
        }
        for name in self.called.difference(&public) {
            self.faults.push(format!("{family}::{name} has cases and is no public function"));
        }
        let count = self.faults.len();
        for fault in self.faults.iter().take(7).rev() {
            note(fault);
        }
        assert!(count == 0, "{count} faults");
    }
}

/// The public functions in the sources of a module, methods as `Type::name`.
fn public_functions(module: &str) -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![sources.join(format!("{module}.rs"))];
    collect(&sources.join(module), &mut files);
    files.retain(|file| file.is_file());
    assert!(!files.is_empty(), "the module {module} has sources");
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).expect("a source can be read");
        let (mut owner, mut entries) = (None, false);
        for line in text.lines().take_while(|line| *line != "mod tests {") {
            if line.starts_with("impl") {
                owner = implemented(line);
            }
            entries = entries && line != "}" || line.ends_with("entry_points! {");
            if let Some(name) = function(line) {
                names.insert(name.to_owned());
            } else if let (Some(name), Some(owner)) =
                (line.strip_prefix("    ").and_then(function), &owner)
            {
                names.insert(format!("{owner}::{name}"));
            } else if entries && let Some((list, _)) = line.split_once(": ") {
                // A line of a table: the names of the functions that the macro makes.
                let list = list.trim().split(", ");
                let is_name = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
                names.extend(list.filter(is_name).map(str::to_owned));
            }
        }
    }
    names
}

/// The sources in a folder, but for those of tests.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The name of the public function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    let name = rest.strip_prefix("fn ")?;
    Some(&name[..name.find(|c: char| !c.is_alphanumeric() && c != '_')?])
}

/// The type whose own functions follow a line `impl<..> Type<..> {`.
fn implemented(line: &str) -> Option<String> {
    if line.contains(" for ") {
        return None;
    }
    let mut depth = 0;
    let rest = line.strip_prefix("impl")?.trim_start_matches(|c: char| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth > 0 || c == '>'
    });
    let name = rest.trim_start();
    Some(name[..name.find(|c: char| !c.is_alphanumeric() && c != '_')?].to_owned())
}
