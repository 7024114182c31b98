//! Formats numbers and paragraphs as plain text.

/// A fraction in percent, with 0 and 100 only for exact values.
pub fn percent(fraction: f64) -> String {
    match 100.0 * fraction {
        rest if rest.is_nan() => "nan".to_owned(),
        0.0 => "0 %".to_owned(),
        100.0 => "100 %".to_owned(),
        low if low < 1.0 => "<1 %".to_owned(),
        high if high > 99.0 => ">99 %".to_owned(),
        between => format!("{between:.0} %"),
    }
}

/// An accuracy in percent, with one decimal.
pub fn accuracy(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// A ratio of norms, with two decimals or two significant digits.
pub fn ratio(ratio: f64) -> String {
    if ratio == 0.0 {
        "0".to_owned()
    } else if !ratio.is_finite() {
        ratio.to_string().to_lowercase()
    } else if (0.01..100.0).contains(&ratio) {
        format!("{ratio:.2}")
    } else {
        format!("{ratio:.1e}")
    }
}

/// A number with three significant digits, without trailing zeros.
pub fn figure(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        return "0".to_owned();
    }
    if !number.is_finite() {
        return number.to_string().to_lowercase();
    }
    if !(1e-3..1e5).contains(&size) {
        return format!("{number:.1e}");
    }
    let digits = (2 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{number:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `1 epoch`, `2 epochs`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Breaks a paragraph between words into lines of at most `width` characters, each after `indent`
/// spaces. A word that is longer than a line is not broken.
pub fn wrap(paragraph: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let length = |text: &str| text.chars().count();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && indent + length(&line) + 1 + length(word) > width {
            lines.push(format!("{:indent$}{line}", ""));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(format!("{:indent$}{line}", ""));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_fractions_are_0_or_100_percent() {
        let shares = [0.0, 1e-9, 0.0099, 0.01, 0.5, 0.99, 0.991, 1.0 - 1e-9, 1.0, f64::NAN];
        let texts =
            ["0 %", "<1 %", "<1 %", "1 %", "50 %", "99 %", ">99 %", ">99 %", "100 %", "nan"];
        assert_eq!(shares.map(percent), texts);
        assert_eq!(accuracy(0.97111), "97.1 %");
    }

    #[test]
    fn ratios_have_two_digits_at_any_size() {
        let ratios = [0.0, 3.355e-3, 0.01, 1.0, 99.9, 1234.0, f64::INFINITY, f64::NAN];
        assert_eq!(
            ratios.map(ratio),
            ["0", "3.4e-3", "0.01", "1.00", "99.90", "1.2e3", "inf", "nan"]
        );
    }

    #[test]
    fn numbers_have_three_digits() {
        let numbers = [0.0, 1.0, -0.02, 0.123456, 12.345, 1234.5, 99999.0, 1e-7, 1e9, f64::NAN];
        let texts = ["0", "1", "-0.02", "0.123", "12.3", "1234", "99999", "1.0e-7", "1.0e9", "nan"];
        assert_eq!(numbers.map(figure), texts);
    }

    #[test]
    fn lists_and_counts_are_words() {
        let items = ["a", "b", "c"].map(String::from);
        assert_eq!([0, 1, 2, 3].map(|n| list(&items[..n])), ["", "a", "a and b", "a, b and c"]);
        assert_eq!([count(1, "epoch"), count(2, "epoch")], ["1 epoch", "2 epochs"]);
    }

    #[test]
    fn lines_end_between_words_and_within_the_width() {
        assert_eq!(wrap("one two  three\nfour", 9, 0), ["one two", "three", "four"]);
        assert_eq!(wrap("one two", 7, 0), ["one two"]);
        assert_eq!(wrap("one two", 8, 2), ["  one", "  two"]);
        assert_eq!(wrap("extraordinarily so", 5, 0), ["extraordinarily", "so"]);
        assert_eq!(wrap("  ", 5, 3), Vec::<String>::new());
    }
}
