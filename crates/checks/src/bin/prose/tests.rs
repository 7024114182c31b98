//! What the rules find in made-up comments, and what they leave alone.

use std::sync::LazyLock;

use super::allowed::ALLOWED;
use super::paragraph::{comments, markdown, paragraphs};
use super::rules::{RULES, Rules, Scope, width};

/// Compiled once: every pattern is compiled slowly in a debug build.
static COMPILED: LazyLock<Rules> = LazyLock::new(Rules::new);

/// The findings in the comments of Rust source.
fn in_rust(source: &str) -> Vec<String> {
    let lines = comments(source);
    let mut found = COMPILED.wording(&paragraphs(&lines));
    found.extend(width(source, &lines));
    found.iter().map(ToString::to_string).collect()
}

/// The findings in a Markdown file.
fn in_markdown(source: &str) -> Vec<String> {
    let found = COMPILED.wording(&paragraphs(&markdown(source)));
    found.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_lines(found: &[String], lines: &[usize]) {
    let starts: Vec<String> = lines.iter().map(|line| format!("{line}: ")).collect();
    let matches = found.iter().zip(&starts).all(|(found, start)| found.starts_with(start));
    assert!(found.len() == starts.len() && matches, "{found:#?} should be in the lines {lines:?}");
}

/// For each rule, in the order of the table: text that it finds, and correct text that is close to
/// it.
const CASES: &[(&[&str], &[&str])] = &[
    (&["the sum is put off", "Puts off the sum", "putting off"], &["puts the offset", "a cut off"]),
    (&["a noted sum"], &["unless otherwise noted, in f64", "a denoted value", "notes"]),
    (
        &["Nobody reads it", "what somebody asked for", "someone"],
        &["any body", "the body of no loop"],
    ),
    (
        &["the sum of so many elements", "as many as there are"],
        &["so many epochs that it takes hours", "as many threads as cores", "too many"],
    ),
    (&["told from its output", "cannot be told apart", "tells apart"], &["told", "apart from"]),
    (&["lets go of the buffer", "one hold less"], &["one holds", "lets it go"]),
    (&["The cost goes by the width", "what they go by"], &["going backwards"]),
    (&["can be had", "is had for free"], &["he had", "has had", "they had"]),
    (&["what comes of it", "comes of"], &["becomes of", "outcome of", "comes off"]),
    (&["in turns"], &["in turn", "takes turns", "in turns_of"]),
    (&["mends the lanes", "is mended"], &["recommended", "amends", "mendable"]),
    (&["is looked at", "it looks at them"], &["look at the page", "looked up"]),
    (
        &["the one behind it", "before and behind", "behind the last"],
        &[
            "behind `cfg(test)`",
            "behind the feature `serde`",
            "behind each pointer",
            "the driver behind moments",
            "left behind",
        ],
    ),
    (&["the caller vouches for it"], &["voucher", "avouch"]),
    (
        &["SAFETY: as above.", "SAFETY: the caller's promise, passed on."],
        &["as above", "a NaN is passed on", "SAFETY: `rows` is checked in `new`."],
    ),
];

#[test]
fn each_rule_finds_its_expressions_and_no_others() {
    assert_eq!(CASES.len(), RULES.len(), "a rule has no case");
    for ((rule, _, instead), (wrong, right)) in RULES.iter().zip(CASES) {
        for text in *wrong {
            let found = in_rust(&format!("// {text}\n"));
            assert!(
                found.len() == 1 && found[0].ends_with(&format!(": write {instead}")),
                "{rule:?} in {text:?}: {found:?}"
            );
            if !text.starts_with("SAFETY") {
                assert_lines(&in_markdown(&format!("{text}\n")), &[1]);
            }
        }
        for text in *right {
            assert_eq!(in_rust(&format!("// {text}\n")), [""; 0], "{rule:?} in {text:?}");
        }
    }
}

#[test]
fn each_allowed_phrase_has_a_reason_and_exempts_something() {
    let all: Vec<&str> = CASES.iter().flat_map(|(_, right)| right.iter().copied()).collect();
    let source = format!("// {}", all.join("\n\n// "));
    let found = |rules: Rules| rules.wording(&paragraphs(&comments(&source))).len();
    assert_eq!(found(Rules::new()), 0);
    for (phrase, reason) in ALLOWED {
        assert!(!reason.is_empty(), "{phrase:?}");
        let others = ALLOWED.iter().map(|(other, _)| *other).filter(|other| other != phrase);
        assert!(found(Rules::with(others)) > 0, "no case needs {phrase:?}");
    }
}

#[test]
fn rules_for_safety_comments_do_not_apply_elsewhere() {
    assert!(RULES.iter().any(|&(_, scope, _)| scope == Scope::Safety));
    assert_lines(&in_rust("// SAFETY: as above.\n"), &[1]);
    assert_lines(&in_rust("// As above.\n/// SAFETY: not as above.\n"), &[2]);
    assert_lines(&in_markdown("as above\n"), &[]);
}

#[test]
fn only_comments_of_rust_source_are_checked() {
    let source = r##"
        let behind = 'b'; // behind
        let text = "// behind"; let raw = r#"
        // behind
        "#;
        /* behind */ let quote = '"'; // "behind"
        fn f<'a>(x: &'a str) {} // 'behind
    "##;
    assert_lines(&in_rust(source), &[2, 6, 7]);
}

#[test]
fn a_phrase_may_be_broken_across_lines() {
    assert_lines(&in_rust("/// The sum of so\n/// many elements.\n"), &[1]);
    assert_lines(&in_rust("/// Short.\n/// The sum is\n/// had.\n"), &[2]);
    assert_lines(&in_markdown("for so\n   many\n"), &[1]);
    // Not across what separates paragraphs.
    for between in ["\n", "///\n", "/// - ", "/// # ", "/// 1. ", "/// | "] {
        assert_lines(&in_rust(&format!("/// so\n{between}many\n")), &[]);
    }
    assert_lines(&in_rust("/// so\n// many\n//! so\nlet x = 1;\n// many\n"), &[]);
    assert_lines(&in_markdown("so\n\nmany\n"), &[]);
}

#[test]
fn code_is_not_checked_but_its_comments_are() {
    assert_lines(&in_rust("/// `behind`, `a` behind `b`\n"), &[1]);
    assert_lines(&in_rust("/// `so\n/// many`\n"), &[]);
    assert_lines(&in_rust("/// ```\n/// behind(); // behind\n/// ```\n/// behind\n"), &[2, 4]);
    assert_lines(
        &in_rust("//! One:\n//!\n//!     behind\n//!\n//!     behind\n//! behind\n"),
        &[6],
    );
    assert_lines(&in_markdown("```sh\nls behind  # behind\n```\nbehind\n"), &[2, 4]);
    assert_lines(&in_markdown("One:\n\n    behind\n\nbehind\n"), &[5]);
    // Four spaces in a paragraph, or in a comment that is no documentation, are not code.
    assert_lines(&in_markdown("- one\n    behind\n"), &[2]);
    assert_lines(&in_rust("//     behind\n"), &[1]);
}

#[test]
fn wide_comments_are_found_unless_they_cannot_be_broken() {
    let words = |columns: usize| "é ".repeat(columns / 2);
    for (mark, line) in [("// ", 1), ("/// ", 1), ("//! ", 1), ("\n    // ", 2)] {
        let indent = mark.trim_start_matches('\n').len();
        let fits = format!("{mark}{}", &words(100).chars().take(100 - indent).collect::<String>());
        assert_lines(&in_rust(&fits), &[]);
        assert_lines(&in_rust(&format!("{fits}é")), &[line]);
    }
    assert_lines(&in_rust(&format!("let x = 1; // {}", words(100))), &[1]);
    let url = format!("https://example.org/{}", "a".repeat(100));
    assert_lines(&in_rust(&format!("// {url}\n//! <{url}>\n")), &[]);
    assert_lines(&in_rust(&format!("// see {url}\n")), &[1]);
    assert_lines(&in_rust(&format!("/// | {} |\n", words(100))), &[]);
    // A wide line without a comment is rustfmt's concern.
    assert_lines(&in_rust(&format!("let x = \"// {}\";\n", words(100))), &[]);
}
