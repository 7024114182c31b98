//! [`Table`]: columns of numbers and categories, read from CSV.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use wengert_autodiff::{Element, Error, Shape, Tensor};

use super::table_error::TableError;

/// Options for reading a table from CSV.
///
/// A column whose first value is a number is numeric, and any other column is categorical, as is a
/// column named by [`category`](Self::category). A missing number is an error unless a replacement
/// is set.
///
/// ```
/// use wengert_nn::data::CsvReader;
/// let text = "length,width,kind\n1.5,2,iris\n0.5,,rose\n1,1,iris\n";
/// let table = CsvReader::new().fill_missing(0.0).parse(text.as_bytes())?;
/// let x = table.features::<f32>(&["length", "width"])?;
/// assert_eq!(x.to_vec(), [1.5, 2.0, 0.5, 0.0, 1.0, 1.0]);
/// let (labels, names) = table.labels("kind")?;
/// assert_eq!((labels, names), (&[0, 1, 0][..], &["iris".to_owned(), "rose".to_owned()][..]));
///
/// let error = CsvReader::new().parse(text.as_bytes()).unwrap_err();
/// assert_eq!(error.to_string(), "the CSV data: line 3, column 2 (\"width\") is empty; \
///     a number was expected");
/// # Ok::<(), wengert_nn::data::TableError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsvReader {
    delimiter: u8,
    header: bool,
    missing: Vec<String>,
    fill: Fill,
    categories: Vec<String>,
}

/// The replacement of a missing number.
#[derive(Clone, Copy, Debug)]
enum Fill {
    Refuse,
    Number(f64),
    Mean,
}

impl Default for CsvReader {
    fn default() -> Self {
        Self::new()
    }
}

impl CsvReader {
    /// Creates a reader for cells separated by commas, with the names of the columns in the first
    /// line.
    pub fn new() -> Self {
        let missing = ["", "?", "NA", "NaN", "nan"].map(str::to_owned).to_vec();
        Self { delimiter: b',', header: true, missing, fill: Fill::Refuse, categories: Vec::new() }
    }

    /// Sets the byte between cells; a comma by default.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter, ..self }
    }

    /// Reads the first line as data. The columns are then named `0`, `1`, ..
    pub fn without_header(self) -> Self {
        Self { header: false, ..self }
    }

    /// Sets the texts that stand for missing values. By default these are the empty text, `?`,
    /// `NA`, `NaN` and `nan`.
    pub fn missing(self, texts: &[&str]) -> Self {
        Self { missing: texts.iter().map(|text| (*text).to_owned()).collect(), ..self }
    }

    /// Replaces missing numbers by this number.
    pub fn fill_missing(self, number: f64) -> Self {
        Self { fill: Fill::Number(number), ..self }
    }

    /// Replaces missing numbers by the mean of the other numbers of their column.
    pub fn fill_missing_by_mean(self) -> Self {
        Self { fill: Fill::Mean, ..self }
    }

    /// Reads this column as categories, even if its values are numbers. Missing values are then a
    /// category of their own.
    pub fn category(mut self, column: &str) -> Self {
        self.categories.push(column.to_owned());
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`TableError`], which names the file, the line and the column.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table, TableError> {
        let path = path.as_ref();
        let origin = format!("`{}`", path.display());
        let failed = |message: String| TableError::File { path: path.to_path_buf(), message };
        let found = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        if !found.is_file() {
            let what = if found.is_dir() { "a directory" } else { "a pipe, a socket or a device" };
            return Err(failed(format!("it is {what}")));
        }
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        self.table(file, &origin)
    }

    /// Reads a table from memory.
    ///
    /// # Errors
    /// [`TableError`], which names the line and the column.
    pub fn parse(&self, csv: &[u8]) -> Result<Table, TableError> {
        self.table(csv, "the CSV data")
    }

    fn table(&self, reader: impl Read, origin: &str) -> Result<Table, TableError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(self.header)
            .trim(csv::Trim::All)
            .from_reader(reader);
        let broken = |error: &csv::Error| TableError::Broken {
            origin: origin.to_owned(),
            message: describe(error),
        };
        let mut names: Vec<String> = Vec::new();
        if self.header {
            let header = reader.headers().map_err(|error| broken(&error))?;
            names = header.iter().map(str::to_owned).collect();
        }
        let mut columns: Vec<Builder> = Vec::new();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| broken(&error))? {
            if columns.is_empty() {
                if !self.header {
                    names = (0..record.len()).map(|i| i.to_string()).collect();
                }
                let categories: HashSet<&String> = self.categories.iter().collect();
                let builder = |name: &String| Builder::new(name, categories.contains(name));
                columns = names.iter().map(builder).collect();
            }
            let line = record.position().map_or(0, csv::Position::line);
            for (place, cell) in record.iter().enumerate() {
                let column = &mut columns[place];
                column.push(self, cell).map_err(|expected| TableError::Cell {
                    origin: origin.to_owned(),
                    line,
                    column: place + 1,
                    name: column.name.clone(),
                    found: shorten(cell),
                    expected,
                })?;
            }
        }
        let mut known = HashSet::new();
        if let Some(name) = names.iter().find(|name| !known.insert(*name)) {
            let (origin, name) = (origin.to_owned(), name.clone());
            return Err(TableError::Repeated { origin, name });
        }
        if let Some(name) = self.categories.iter().find(|name| !known.contains(name)) {
            return Err(TableError::NoColumn { name: name.clone(), names });
        }
        if columns.is_empty() {
            return Err(TableError::Empty { origin: origin.to_owned() });
        }
        let rows = columns[0].rows;
        let columns = columns.into_iter().map(|column| column.finish(self.fill)).collect();
        Ok(Table { names, columns, rows })
    }
}

/// Describes an error of the CSV parser.
fn describe(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} cells, where {expected_len} were expected")
        }
        csv::ErrorKind::Utf8 { pos, err } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line}, column {} is not UTF-8", err.field() + 1)
        }
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

fn shorten(cell: &str) -> String {
    if cell.chars().count() > 40 {
        return format!("{}..", cell.chars().take(40).collect::<String>());
    }
    cell.to_owned()
}

/// A column that is being read.
struct Builder {
    name: String,
    /// Whether the column is categorical even if its values are numbers.
    category: bool,
    rows: usize,
    /// The number of missing values before the first one that is present.
    pending: usize,
    cells: Option<Column>,
    /// The index of each category by its name.
    places: HashMap<String, usize>,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    /// The numbers; NaN for a missing one until the column is complete.
    Numbers(Vec<f64>),
    Categories {
        /// Empty until the column is complete.
        names: Vec<String>,
        codes: Vec<usize>,
    },
}

impl Builder {
    fn new(name: &str, category: bool) -> Self {
        let (name, places) = (name.to_owned(), HashMap::new());
        Self { name, category, rows: 0, pending: 0, cells: None, places }
    }

    /// Adds a cell. The error is what was expected instead.
    fn push(&mut self, reader: &CsvReader, cell: &str) -> Result<(), &'static str> {
        self.rows += 1;
        let missing = !self.category && reader.missing.iter().any(|text| text == cell);
        if missing && matches!(self.cells, None | Some(Column::Numbers(_))) {
            if matches!(reader.fill, Fill::Refuse) {
                return Err("a number");
            }
            match &mut self.cells {
                Some(Column::Numbers(numbers)) => numbers.push(f64::NAN),
                _ => self.pending += 1,
            }
            return Ok(());
        }
        let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
        let cells = self.cells.get_or_insert_with(|| match number {
            Some(_) if !self.category => Column::Numbers(vec![f64::NAN; self.pending]),
            _ => {
                if self.pending > 0 {
                    self.places.insert(String::new(), 0);
                }
                Column::Categories { names: Vec::new(), codes: vec![0; self.pending] }
            }
        });
        match cells {
            Column::Numbers(numbers) => numbers.push(number.ok_or("a finite number")?),
            Column::Categories { codes, .. } => {
                let next = self.places.len();
                let known = self.places.get(cell).copied();
                codes.push(known.unwrap_or_else(|| {
                    self.places.insert(cell.to_owned(), next);
                    next
                }));
            }
        }
        Ok(())
    }

    fn finish(self, fill: Fill) -> Column {
        let mut column = self.cells.unwrap_or(Column::Numbers(vec![f64::NAN; self.pending]));
        match &mut column {
            Column::Numbers(numbers) => {
                let instead = match fill {
                    Fill::Number(number) => number,
                    Fill::Mean | Fill::Refuse => {
                        mean(numbers.iter().copied().filter(|number| !number.is_nan()))
                    }
                };
                for number in numbers.iter_mut().filter(|number| number.is_nan()) {
                    *number = instead;
                }
            }
            Column::Categories { names, .. } => {
                *names = vec![String::new(); self.places.len()];
                for (name, place) in self.places {
                    names[place] = name;
                }
            }
        }
        column
    }
}

/// The mean of finite numbers, which is finite even if their sum is not; NaN if there are none.
fn mean(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = numbers.clone().count() as f64;
    let sum: f64 = numbers.clone().sum();
    if sum.is_finite() {
        return sum / count;
    }
    // Rounding may carry the sum of the shares beyond the largest number.
    let largest = numbers.clone().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    numbers.map(|x| x / count).sum::<f64>().clamp(-largest, largest)
}

/// A table of named columns, each of numbers or of categories.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
    rows: usize,
}

impl Table {
    /// The number of rows, without the line of names.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn column(&self, name: &str) -> Result<&Column, TableError> {
        let place = self.names.iter().position(|other| other == name);
        Ok(&self.columns[place.ok_or_else(|| self.no_column(name))?])
    }

    fn no_column(&self, name: &str) -> TableError {
        TableError::NoColumn { name: name.to_owned(), names: self.names.clone() }
    }

    /// Returns the numbers of a column.
    ///
    /// # Errors
    /// If there is no such column, or it is categorical.
    pub fn numbers(&self, name: &str) -> Result<&[f64], TableError> {
        match self.column(name)? {
            Column::Numbers(numbers) => Ok(numbers),
            Column::Categories { .. } => Err(TableError::Kind {
                name: name.to_owned(),
                found: "categories",
                expected: "numbers",
            }),
        }
    }

    /// Returns the categories of a column: the index of each row's category, and the names of the
    /// categories, in the order of their first occurrence.
    ///
    /// # Errors
    /// If there is no such column, or it is numeric.
    pub fn labels(&self, name: &str) -> Result<(&[usize], &[String]), TableError> {
        match self.column(name)? {
            Column::Categories { names, codes } => Ok((codes, names)),
            Column::Numbers(_) => Err(TableError::Kind {
                name: name.to_owned(),
                found: "numbers",
                expected: "categories; read it with `CsvReader::category`",
            }),
        }
    }

    /// Converts columns to features, `[rows, features]`. A numeric column is one feature. A
    /// categorical column is one-hot encoded: it has a feature for each category, 1 for the
    /// category of the row and 0 for the others.
    ///
    /// # Errors
    /// If there is no such column, or not enough memory for the tensor.
    pub fn features<E: Element>(&self, columns: &[&str]) -> Result<Tensor<E>, TableError> {
        let names = self.names.iter().map(String::as_str);
        let places: HashMap<&str, usize> = names.zip(0..).collect();
        let column = |name: &&str| match places.get(name) {
            Some(&place) => Ok(&self.columns[place]),
            None => Err(self.no_column(name)),
        };
        let columns: Vec<&Column> = columns.iter().map(column).collect::<Result<_, _>>()?;
        let width = |column: &&Column| match column {
            Column::Numbers(_) => 1,
            Column::Categories { names, .. } => names.len(),
        };
        let features = columns.iter().map(width).fold(0, usize::saturating_add);
        let (op, shape) = ("features", Shape::from([self.rows, features]));
        let len = self.rows.checked_mul(features);
        let bytes = len.and_then(|len| len.checked_mul(size_of::<E>()));
        let (Some(len), Some(bytes)) = (len, bytes) else {
            return Err(Error::TooLarge { op, shape }.into());
        };
        let mut data = Vec::new();
        data.try_reserve_exact(len).map_err(|_| Error::OutOfMemory {
            op,
            shape,
            bytes,
            limit: None,
        })?;
        for row in 0..self.rows {
            for column in &columns {
                match column {
                    Column::Numbers(numbers) => data.push(E::from_f64(numbers[row])),
                    Column::Categories { names, codes } => {
                        let hot = |code| if code == codes[row] { E::ONE } else { E::ZERO };
                        data.extend((0..names.len()).map(hot));
                    }
                }
            }
        }
        Ok(Tensor::from_vec(data, [self.rows, features])?)
    }
}

#[cfg(test)]
mod tests;
