//! Formats numbers for tables and messages: with an exponent if they are very small or large.

/// Whether a number is printed without an exponent.
fn is_moderate(x: f64) -> bool {
    x == 0.0 || !x.is_finite() || (1e-3..1e4).contains(&x.abs())
}

/// All digits of a number.
pub(super) fn figure(x: f64) -> String {
    if is_moderate(x) { format!("{x}") } else { format!("{x:e}") }
}

/// A number with `digits` decimals, or with three significant digits and an exponent.
pub(super) fn rounded(x: f64, digits: usize) -> String {
    if is_moderate(x) { format!("{x:.digits$}") } else { format!("{x:.2e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_of_moderate_size_are_written_out() {
        assert_eq!(figure(0.25), "0.25");
        assert_eq!(figure(-1.0), "-1");
        assert_eq!(figure(1e300), "1e300");
        assert_eq!(figure(f64::NAN), "NaN");
        assert_eq!(rounded(1.0, 4), "1.0000");
        assert_eq!(rounded(0.0, 3), "0.000");
        assert_eq!(rounded(4.56e-5, 4), "4.56e-5");
        assert_eq!(rounded(-6.7e153, 4), "-6.70e153");
    }
}
