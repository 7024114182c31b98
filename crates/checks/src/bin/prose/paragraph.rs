//! Paragraphs of prose in comments and Markdown: a phrase that is broken across two lines is found
//! only in the joined text.

use std::ops::Range;

use wengert_checks::token::{Token, tokens};

/// Where a line of prose is from. Lines of different kinds are never one paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `///` or `//!`.
    Doc,
    /// `//`.
    Comment,
    Markdown,
}

/// A line of prose without the slashes of its comment.
#[derive(Debug)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// A paragraph, the lines joined by single spaces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Paragraph {
    pub(super) text: String,
    /// For each line the offset in `text` where it begins, and its number.
    lines: Vec<(usize, usize)>,
}

impl Paragraph {
    /// The number of the line that has the byte at this offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        let after = self.lines.partition_point(|&(start, _)| start <= offset);
        self.lines[after - 1].1
    }

    /// The ranges of the code spans, backticks included.
    pub(super) fn code(&self) -> Vec<Range<usize>> {
        let ticks: Vec<usize> = self.text.match_indices('`').map(|(at, _)| at).collect();
        ticks.chunks_exact(2).map(|pair| pair[0]..pair[1] + 1).collect()
    }

    fn push(&mut self, number: usize, text: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.lines.push((self.text.len(), number));
        self.text.push_str(text);
    }
}

/// The lines of the line comments in Rust source.
pub(super) fn comments(source: &str) -> Vec<Line> {
    let comment = |token| match token {
        Token::Comment { line, text } => {
            let is_doc = text.starts_with("///") || text.starts_with("//!");
            let kind = if is_doc { Kind::Doc } else { Kind::Comment };
            let text = text[if is_doc { 3 } else { 2 }..].to_owned();
            Some(Line { number: line, kind, text })
        }
        _ => None,
    };
    tokens(source).into_iter().filter_map(comment).collect()
}

/// The lines of a Markdown file.
pub(super) fn markdown(source: &str) -> Vec<Line> {
    let line =
        |(i, text): (usize, &str)| Line { number: i + 1, kind: Kind::Markdown, text: text.into() };
    source.lines().enumerate().map(line).collect()
}

/// The paragraphs of lines of prose. Items of a list, headings and rows of a table are paragraphs
/// of their own. Of code blocks only the comments count, each for itself.
pub(super) fn paragraphs(lines: &[Line]) -> Vec<Paragraph> {
    let mut paragraphs = vec![Paragraph::new()];
    let mut previous: Option<&Line> = None;
    let mut block = Block::Blank;
    for line in lines {
        let continues = previous.is_some_and(|previous| {
            (previous.number + 1, previous.kind) == (line.number, line.kind)
        });
        if !continues {
            block = Block::Blank;
        }
        previous = Some(line);
        let text = line.text.trim();
        let is_fence = text.starts_with("```") || text.starts_with("~~~");
        let indent = line.text.len() - line.text.trim_start().len();
        let code_indent = if line.kind == Kind::Doc { 5 } else { 4 };
        let indented = line.kind != Kind::Comment && indent >= code_indent;
        let starts = block != Block::Prose || starts_paragraph(text);
        block = match block {
            Block::Fenced if is_fence => Block::Blank,
            Block::Fenced => Block::Fenced,
            _ if is_fence => Block::Fenced,
            _ if text.is_empty() && block == Block::Indented => Block::Indented,
            _ if text.is_empty() => Block::Blank,
            Block::Blank | Block::Indented if indented => Block::Indented,
            _ => Block::Prose,
        };
        let prose = match block {
            Block::Prose => text,
            Block::Fenced | Block::Indented if !is_fence => comment_in_code(text),
            _ => "",
        };
        if starts || block != Block::Prose {
            paragraphs.push(Paragraph::new());
        }
        if let Some(paragraph) = paragraphs.last_mut().filter(|_| !prose.is_empty()) {
            paragraph.push(line.number, prose);
        }
    }
    paragraphs.retain(|paragraph| !paragraph.text.is_empty());
    paragraphs
}

impl Paragraph {
    fn new() -> Self {
        Self { text: String::new(), lines: Vec::new() }
    }
}

/// What a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Nothing: what follows may be indented code.
    Blank,
    Prose,
    /// A code block between fences.
    Fenced,
    /// A code block by indentation.
    Indented,
}

/// Whether a line begins a paragraph though no blank line precedes it.
fn starts_paragraph(text: &str) -> bool {
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "#", "|"].iter().any(|mark| text.starts_with(mark))
        || (number.len() < text.len() && number.starts_with(". "))
}

/// The comment at the end of a line of code, of a shell as well.
fn comment_in_code(text: &str) -> &str {
    let after = |mark: &str| text.split_once(mark).map(|(_, comment)| comment.trim());
    after("// ").or_else(|| after("# ")).unwrap_or("")
}
