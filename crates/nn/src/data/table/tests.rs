use super::*;

fn parse(text: &str) -> Result<Table, TableError> {
    CsvReader::new().parse(text.as_bytes())
}

#[test]
fn columns_have_their_kinds() {
    let text = "\u{feff}a;b ;c\n1;x y;-1e3\n\n2.5;\"q\"\"; z\";0\n-.5;x y; 7\n";
    let table = CsvReader::new().delimiter(b';').parse(text.as_bytes()).unwrap();
    assert_eq!((table.rows(), table.names()), (3, &["a", "b", "c"].map(str::to_owned)[..]));
    assert_eq!(table.numbers("a").unwrap(), [1.0, 2.5, -0.5]);
    let (codes, names) = table.labels("b").unwrap();
    assert_eq!((codes, names), (&[0, 1, 0][..], &["x y", "q\"; z"].map(str::to_owned)[..]));
    let x = table.features::<f64>(&["c", "b"]).unwrap();
    assert_eq!(x.to_vec(), [-1e3, 1.0, 0.0, 0.0, 0.0, 1.0, 7.0, 1.0, 0.0]);
    let table = CsvReader::new().without_header().category("1").parse(b"1,2\n3,4\n").unwrap();
    assert_eq!(table.labels("1").unwrap().0, [0, 1]);
    assert_eq!(table.numbers("0").unwrap(), [1.0, 3.0]);
}

#[test]
fn missing_numbers_are_filled() {
    let text = b"a,b,c\n?,NA,x\n1,,\n3,5,y\n";
    let of = |reader: CsvReader| reader.parse(text).unwrap();
    let table = of(CsvReader::new().fill_missing(-1.0));
    assert_eq!(table.numbers("a").unwrap(), [-1.0, 1.0, 3.0]);
    assert_eq!(table.numbers("b").unwrap(), [-1.0, -1.0, 5.0]);
    // Missing values are a category of their own.
    assert_eq!(table.labels("c").unwrap().1, ["x", "", "y"]);
    let table = of(CsvReader::new().fill_missing_by_mean());
    assert_eq!(table.numbers("a").unwrap(), [2.0, 1.0, 3.0]);
    assert_eq!(table.numbers("b").unwrap(), [5.0; 3]);
    let large = b"a\n1e308\n?\n1e308\n";
    let table = CsvReader::new().fill_missing_by_mean().parse(large).unwrap();
    assert_eq!(table.numbers("a").unwrap(), [1e308; 3]);
    assert_eq!(mean([f64::MAX; 3].into_iter()), f64::MAX);
    assert_eq!(mean([1e308, 1e308, -1e308, -1e308].into_iter()), 0.0);
}

#[test]
fn categories_may_all_differ() {
    let text = (0..50_000).map(|i| format!("id{i},{i}\n")).collect::<Vec<_>>().concat();
    let table = CsvReader::new().without_header().parse(text.as_bytes()).unwrap();
    let (codes, names) = table.labels("0").unwrap();
    assert!(codes.iter().copied().eq(0..50_000));
    assert_eq!((names.len(), &*names[49_999]), (50_000, "id49999"));
    // A table as wide as that one is long.
    let header: Vec<String> = (0..50_000).map(|i| format!("c{i}")).collect();
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let text = format!("{}\n{}\n", header.join(","), vec!["1"; 50_000].join(","));
    let reader = header.iter().fold(CsvReader::new(), |reader, name| reader.category(name));
    let table = reader.parse(text.as_bytes()).unwrap();
    assert_eq!(table.features::<f32>(&names).unwrap().shape().dims(), [1, 50_000]);
}

#[test]
fn features_beyond_the_memory_are_an_error() {
    // 2^16 rows of 2^30 features of 8 bytes: more than an address has bits for.
    let text = (0..1 << 16).map(|i| format!("x{i}\n")).collect::<Vec<_>>().concat();
    let table = CsvReader::new().without_header().parse(text.as_bytes()).unwrap();
    let error = table.features::<f64>(&vec!["0"; 1 << 14]).unwrap_err();
    assert!(matches!(error, TableError::Tensor(Error::OutOfMemory { .. })), "{error}");
    let expected = "features: a tensor of shape [65536, 1073741824] needs 562949953421312 bytes";
    assert!(error.to_string().starts_with(expected), "{error}");
    let long =
        Table { names: table.names, columns: vec![Column::Numbers(vec![])], rows: usize::MAX };
    let error = long.features::<f32>(&["0"; 2]).unwrap_err();
    assert!(matches!(error, TableError::Tensor(Error::TooLarge { .. })), "{error}");
}

#[test]
fn errors_name_the_line_and_the_column() {
    for (text, expected) in [
        ("a,b\n1,2\n3,x\n", "line 3, column 2 (\"b\") is \"x\"; a finite number was expected"),
        ("a,b\n1,2\n3,inf\n", "line 3, column 2 (\"b\") is \"inf\"; a finite number"),
        ("a,b\n1,2\n\"3\n4\",2\n", "line 3, column 1 (\"a\") is \"3\\n4\""),
        ("a,b\n1,2\n3\n", "line 3 has 1 cells, where 2 were expected"),
        ("a,b\n1,2\n,3\n", "line 3, column 1 (\"a\") is empty; a number was expected"),
        ("a,a\n1,2\n", "has two columns named \"a\""),
        ("a,b\n", "has no rows"),
        ("", "has no rows"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with("the CSV data") && error.contains(expected), "{error}");
    }
    let error = CsvReader::new().parse(b"a,b\n1,\xff\n").unwrap_err().to_string();
    assert!(error.contains("line 2, column 2 is not UTF-8"), "{error}");
    let table = parse("a,b\n1,x\n").unwrap();
    assert!(table.numbers("c").unwrap_err().to_string().contains("among [\"a\", \"b\"]"));
    assert!(table.numbers("b").is_err() && table.labels("a").is_err());
    assert!(CsvReader::new().category("z").parse(b"a\n1\n").is_err());
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = CsvReader::new().read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("it is a directory; a CSV file was expected"), "{error}");
    let path = folder.path().join("a.csv");
    assert!(CsvReader::new().read(&path).unwrap_err().to_string().contains("a.csv"));
    std::fs::write(&path, "a\n1\n").unwrap();
    assert_eq!(CsvReader::new().read(&path).unwrap().rows(), 1);
}
