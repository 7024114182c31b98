//! Phrases that are correct although a rule matches them.

/// For each phrase a pattern of whole words in any case, and why it is correct.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    (
        "behind (a|an|the|its|their|this|that|each|every|any)( \\w+)? (feature|flag|pointer|reference|lock)s?",
        "Rust's own terms: what a feature gates, what a pointer refers to",
    ),
    ("behind `cfg\\b", "Rust's own term: what an attribute gates"),
    (
        "(drivers?|functions?|methods?|instructions?|operations?|numbers?|constants?) behind",
        "what an interface is made of, not the next of a sequence",
    ),
    (
        "(falls?|lags?|left|leaves?|hides?|drawn|ridges) behind",
        "the verbs, and the depth of a picture",
    ),
    ("so many( [\\w-]+){0,4} that", "a consequence, not a number that was left out"),
    ("unless( \\w+)? noted", "an exception, not a deferred computation"),
];
