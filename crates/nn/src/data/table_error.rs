//! What can be wrong with a table in CSV.

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
        /// What the system says.
        message: String,
    },
    /// A file that is not CSV: lines of different numbers of cells, or no text.
    #[error("{origin}: {message}")]
    Broken {
        /// What was read.
        origin: String,
        /// What is wrong, and where.
        message: String,
    },
    /// A table without rows.
    #[error("{origin} has no rows")]
    Empty {
        /// What was read.
        origin: String,
    },
    /// A cell that holds no value of its column.
    #[error(
        "{origin}: line {line}, column {column} ({name:?}) {}; {expected} was expected",
        content(found)
    )]
    Cell {
        /// What was read.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// The name of the column.
        name: String,
        /// The cell.
        found: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// Two columns of one name.
    #[error("{origin} has two columns named {name:?}")]
    Repeated {
        /// What was read.
        origin: String,
        /// The name.
        name: String,
    },
    /// A column that the table does not have.
    #[error("there is no column {name:?} among {names:?}")]
    NoColumn {
        /// The name asked for.
        name: String,
        /// Those that there are.
        names: Vec<String>,
    },
    /// A column of another kind.
    #[error("the column {name:?} is one of {found}, not of {expected}")]
    Kind {
        /// The column.
        name: String,
        /// What it holds.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// A tensor that cannot be made.
    #[error(transparent)]
    Tensor(#[from] wengert_autodiff::Error),
}

fn content(cell: &str) -> String {
    if cell.is_empty() { "is empty".to_owned() } else { format!("is {cell:?}") }
}
