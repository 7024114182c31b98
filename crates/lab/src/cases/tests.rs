//! Reads and trains a small file of cases, and reads cases with mistakes.

use super::*;

const CASES: &str = include_str!("cases.json");

#[test]
fn every_case_trains_and_its_fixed_version_reaches_the_mark() {
    let cases = parse(CASES).unwrap();
    assert_eq!(cases.len(), 6);
    for case in &cases {
        let mark = case.verdict.as_ref().unwrap().pass_mark.unwrap();
        let given = train(&case.variant(Variant::Given).unwrap(), 1, 10.0).unwrap();
        assert!(
            given.score.is_nan() || given.score < mark,
            "{}: {} without the fix",
            case.id,
            given.score
        );
        let fixed = train(&case.variant(Variant::Fixed).unwrap(), 1, 10.0).unwrap();
        assert!(fixed.score >= mark, "{}: {} with the fix", case.id, fixed.score);
        assert!(!fixed.not_finite && fixed.losses.iter().all(|loss| loss.is_finite()));
        assert_eq!(fixed.held_out_losses.is_empty(), case.split.is_none(), "{}", case.id);
    }
}

#[test]
fn a_case_is_the_same_after_it_is_written() {
    for case in parse(CASES).unwrap() {
        let text = serde_json::to_string(&case).unwrap();
        assert_eq!(parse(&format!("[{text}]")).unwrap(), [case]);
    }
}

#[test]
fn a_start_is_reproducible() {
    let case = &parse(CASES).unwrap()[0];
    let setup = case.variant(Variant::Given).unwrap();
    let [a, b, c] = [1, 1, 2].map(|start| train(&setup, start, 10.0).unwrap().losses);
    assert_eq!(a, b);
    assert_ne!(a, c);
}

/// The error of the first case with one text replaced by another.
fn error_after(from: &str, to: &str) -> String {
    assert!(CASES.contains(from), "{from}");
    let cases = match parse(&CASES.replacen(from, to, 1)) {
        Ok(cases) => cases,
        Err(error) => return error.to_string(),
    };
    let setup = cases[0].variant(Variant::Given);
    setup.and_then(|setup| train(&setup, 1, 10.0)).unwrap_err().to_string()
}

#[test]
fn an_error_names_the_case_and_the_word() {
    for (from, to, word) in [
        (r#""act": "relu""#, r#""act": "relux""#, "relux"),
        (r#""kind": "gaussians""#, r#""kind": "gauss""#, "gauss"),
        (r#""sep""#, r#""separation""#, "separation"),
        (r#""name": "bce""#, r#""name": "bcee""#, "bcee"),
        (r#""lr": 1e-6"#, r#""lr": -1"#, "lr"),
        (r#""dense": 1,"#, r#""dense": 2,"#, "outputs"),
        (r#""batch": 10"#, r#""batch": 0"#, "batch"),
        (r#""d": 3, "#, "", "`d`"),
        (r#""lr_too_low""#, r#""rate_too_low""#, "rate_too_low"),
    ] {
        let error = error_after(from, to);
        assert!(error.contains("case `gaussians`") && error.contains(word), "{to}: {error}");
    }
}

#[test]
fn shipped_data_have_the_known_sizes_and_means() {
    use super::format_data::Shipped::{BreastCancer, Diabetes, Digits, Iris, Wine};
    for (name, rows, columns, mean) in [
        (Iris, 150, 4, 1.0),
        (Digits, 1797, 64, 4.49081803),
        (Wine, 178, 13, 0.93820225),
        (BreastCancer, 569, 30, 0.62741652),
        (Diabetes, 442, 10, 152.13348416),
    ] {
        let (x, y) = shipped::load(name).unwrap();
        assert_eq!((x.rows(), x.columns, y.rows()), (rows, columns, rows), "{name:?}");
        let got = y.values.iter().sum::<f64>() / rows as f64;
        assert!((got - mean).abs() < 1e-6, "{name:?}: {got}");
    }
}
