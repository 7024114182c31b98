//! Patterns of parameter paths.

/// Whether a path matches a pattern, in which `*` stands for any number of any characters, dots
/// included, and everything else for itself.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == path };
    let Some(mut path) = path.strip_prefix(start) else { return false };
    let mut parts = rest.split('*');
    let end = parts.next_back().unwrap_or_default();
    // The first match of each part leaves most of the path for the following parts.
    for part in parts {
        let Some(at) = path.find(part) else { return false };
        path = &path[at + part.len()..];
    }
    path.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_run() {
        for (pattern, yes, no) in [
            ("*", &["", "0.weight"][..], &[][..]),
            ("0.weight", &["0.weight"], &["10.weight", "0.weights"]),
            ("*.bias", &["0.bias", "a.b.bias"], &["bias", "0.biases"]),
            ("head.*", &["head.weight", "head."], &["head", "ahead.weight"]),
            ("a*b*c", &["abc", "axbxbxc"], &["ab", "acb", "abcd"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("*norm*weight", &["1.norm.weight"], &["1.weight.norm"]),
        ] {
            assert!(yes.iter().all(|path| matches(pattern, path)), "{pattern}: {yes:?}");
            assert!(!no.iter().any(|path| matches(pattern, path)), "{pattern}: {no:?}");
        }
    }
}
