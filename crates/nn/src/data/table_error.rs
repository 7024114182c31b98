//! Errors of tables in CSV.

use std::path::PathBuf;

/// Why a table cannot be read or used. `Display` is one sentence.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file that cannot be read.
    #[error("`{}` cannot be read: {message}; a CSV file was expected", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// Content that is not CSV: lines with different numbers of cells, or bytes that are not UTF-8.
    #[error("{origin}: {message}")]
    Broken {
        /// The source of the data.
        origin: String,
        /// What is wrong, and where.
        message: String,
    },
    /// A table without rows.
    #[error("{origin} has no rows")]
    Empty {
        /// The source of the data.
        origin: String,
    },
    /// A cell whose text is not a value of its column.
    #[error(
        "{origin}: line {line}, column {column} ({name:?}) {}; {expected} was expected",
        content(found)
    )]
    Cell {
        /// The source of the data.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// The name of the column.
        name: String,
        /// The cell.
        found: String,
        /// The expected value.
        expected: &'static str,
    },
    /// Two columns with the same name.
    #[error("{origin} has two columns named {name:?}")]
    Repeated {
        /// The source of the data.
        origin: String,
        /// The name.
        name: String,
    },
    /// A column that the table does not have.
    #[error("there is no column {name:?} among {names:?}")]
    NoColumn {
        /// The requested name.
        name: String,
        /// The names of the columns.
        names: Vec<String>,
    },
    /// A column that holds other values than those requested.
    #[error("the column {name:?} holds {found}, not {expected}")]
    Kind {
        /// The column.
        name: String,
        /// The values that the column holds.
        found: &'static str,
        /// The values that were requested.
        expected: &'static str,
    },
    /// The tensor of the features cannot be created.
    #[error(transparent)]
    Tensor(#[from] wengert_autodiff::Error),
}

fn content(cell: &str) -> String {
    if cell.is_empty() { "is empty".to_owned() } else { format!("is {cell:?}") }
}
