//! A lexer of Rust source, for the programs that check this workspace's sources.

/// A token of Rust source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// An identifier, a keyword or a number.
    Word(String),
    /// The content of a string literal, escapes as they are written.
    Text(String),
    /// A character of punctuation.
    Mark(char),
    /// A line comment, from its slashes to the end of the line.
    Comment {
        /// The number of its line, counted from 1.
        line: usize,
        /// Its text, slashes included.
        text: String,
    },
}

impl Token {
    /// Whether it is this character of punctuation.
    pub fn is(&self, mark: char) -> bool {
        *self == Token::Mark(mark)
    }

    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// The tokens of a source text, without block comments and lifetimes.
pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut line, mut counted) = (1, 0);
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        if c == '/' && at(i + 1) == '/' {
            line += chars[counted..i].iter().filter(|&&c| c == '\n').count();
            counted = i;
            let length = chars[i..].iter().take_while(|&&c| c != '\n').count();
            tokens.push(Token::Comment { line, text: chars[i..i + length].iter().collect() });
            i += length;
        } else if c == '/' && at(i + 1) == '*' {
            i = comment_end(&chars, i);
        } else if let Some((start, hashes)) = raw_string(&chars, i) {
            let end = raw_end(&chars, start, hashes);
            tokens.push(Token::Text(chars[start..end].iter().collect()));
            i = end + 1 + hashes;
        } else if c == '"' {
            let mut end = i + 1;
            while end < chars.len() && chars[end] != '"' {
                end += if chars[end] == '\\' { 2 } else { 1 };
            }
            tokens.push(Token::Text(chars[i + 1..end.min(chars.len())].iter().collect()));
            i = end + 1;
        } else if c == '\'' {
            i = quote_end(&chars, i);
        } else if c == '_' || c.is_alphanumeric() {
            let start = i;
            while at(i) == '_' || at(i).is_alphanumeric() {
                i += 1;
            }
            tokens.push(Token::Word(chars[start..i].iter().collect()));
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Mark(c));
            }
            i += 1;
        }
    }
    tokens
}

/// The index after the block comment that begins at `i`; block comments nest.
fn comment_end(chars: &[char], mut i: usize) -> usize {
    let mut depth = 0;
    while i < chars.len() {
        match chars[i..] {
            ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
            ['*', '/', ..] => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// If a raw string begins at `i`: where its content begins and the number of its hashes.
fn raw_string(chars: &[char], i: usize) -> Option<(usize, usize)> {
    let mut next = i;
    if matches!(chars[i], 'b' | 'c') {
        next += 1;
    }
    if chars.get(next) != Some(&'r') {
        return None;
    }
    let hashes = chars[next + 1..].iter().take_while(|&&c| c == '#').count();
    let start = next + 1 + hashes;
    (chars.get(start) == Some(&'"')).then_some((start + 1, hashes))
}

/// The index of the quotation mark that ends the raw string.
fn raw_end(chars: &[char], start: usize, hashes: usize) -> usize {
    let ends = |&i: &usize| {
        chars[i] == '"' && chars[i + 1..].iter().take_while(|&&c| c == '#').count() >= hashes
    };
    (start..chars.len()).find(ends).unwrap_or(chars.len())
}

/// The index after the character literal or the lifetime that begins at `i`.
fn quote_end(chars: &[char], i: usize) -> usize {
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    if at(i + 1) == '\\' {
        let escaped = i + 3;
        return (escaped..chars.len()).find(|&i| chars[i] == '\'').map_or(chars.len(), |i| i + 1);
    }
    if at(i + 2) == '\'' {
        return i + 3;
    }
    let mut end = i + 1;
    while at(end) == '_' || at(end).is_alphanumeric() {
        end += 1;
    }
    end
}
