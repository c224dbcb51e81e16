//! Files that a workload names, and the rows in them. Who reads a workload says how a file is read; nothing is opened here.

use std::cell::RefCell;

use super::limits;
use super::problem::{Place, Problem, Source};
use super::units::FromText;
use super::words;

/// Gives the text of the file of a name, or says in a sentence why there is none.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// The files that a workload names, as they are opened; problems point into them.
pub(super) struct Files<'a> {
    read: &'a ReadFile<'a>,
    /// How many sources there were before.
    first: usize,
    opened: RefCell<Vec<Source>>,
}

impl<'a> Files<'a> {
    /// Files behind the `first` sources that there are already.
    pub(super) fn new(read: &'a ReadFile<'a>, first: usize) -> Self {
        Self {
            read,
            first,
            opened: RefCell::default(),
        }
    }

    /// What was opened.
    pub(super) fn into_sources(self) -> Vec<Source> {
        self.opened.into_inner()
    }

    /// The rows of the file `name`, which is named at `place`, two cells each, called `columns`. What is wrong is noted.
    pub(super) fn rows<A: FromText, B: FromText>(
        &self,
        name: &str,
        place: Place,
        columns: [&str; 2],
        problems: &mut Vec<Problem>,
    ) -> Vec<(A, B, Place)> {
        let before = problems.len();
        match (self.read)(name) {
            Ok(text) => {
                let rows = rows(
                    &text,
                    self.first + self.opened.borrow().len(),
                    columns,
                    problems,
                );
                self.opened.borrow_mut().push(Source {
                    name: name.to_owned(),
                    text,
                    is_file: true,
                });
                if rows.is_empty() && problems.len() == before {
                    let [first, second] = columns;
                    problems.push(Problem::new(
                        place,
                        format!("{name} holds no row; each is a line `{first},{second}`"),
                    ));
                }
                rows
            }
            Err(sentence) => {
                problems.push(Problem::new(place, sentence));
                Vec::new()
            }
        }
    }
}

/// The rows of `text`, which is source number `source`. Empty lines, lines that begin with `#`, and a first line with the names
/// of the columns are passed over.
fn rows<A: FromText, B: FromText>(
    text: &str,
    source: usize,
    columns: [&str; 2],
    problems: &mut Vec<Problem>,
) -> Vec<(A, B, Place)> {
    let (mut start, mut rows) = (0, Vec::new());
    for (number, line) in text.split('\n').enumerate() {
        let place = Place {
            source,
            start,
            length: line.trim_end().len(),
        };
        start += line.len() + 1;
        let cells: Vec<&str> = line.trim().split(',').map(str::trim).collect();
        let is_heading = number == 0 && cells == columns;
        if line.trim().is_empty() || line.starts_with('#') || is_heading {
            continue;
        }
        if rows.len() == limits::ROWS {
            let message = format!("more than {} rows; join neighbours", limits::ROWS);
            problems.push(Problem::new(place, message));
            break;
        }
        match row(&cells, columns) {
            Ok((first, second)) => rows.push((first, second, place)),
            Err(message) => problems.push(Problem::new(place, message)),
        }
    }
    rows
}

fn row<A: FromText, B: FromText>(cells: &[&str], columns: [&str; 2]) -> Result<(A, B), String> {
    let [first, second] = cells else {
        let found = words::counted(cells.len() as u64, "cell");
        return Err(format!(
            "found {found}; a row is `{},{}`",
            columns[0], columns[1]
        ));
    };
    Ok((A::from_text(first)?, B::from_text(second)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::units::{Portion, Size};

    const COLUMNS: [&str; 2] = ["size", "weight"];

    #[test]
    fn rows_are_read_with_their_places() {
        let mut problems = Vec::new();
        let text = "size,weight\r\n100b, 30%\r\n\n# large ones\n2kb,0.7";
        let rows: Vec<(Size, Portion, Place)> = rows(text, 3, COLUMNS, &mut problems);
        assert_eq!(problems, []);
        let place = |start, length| Place {
            source: 3,
            start,
            length,
        };
        assert_eq!(
            rows,
            [
                (Size(100), Portion(0.3), place(13, 9)),
                (Size(2048), Portion(0.7), place(38, 7))
            ]
        );
    }

    #[test]
    fn rows_have_a_limit() {
        let (text, mut problems) = ("1b,1\n".repeat(limits::ROWS + 5), Vec::new());
        let rows: Vec<(Size, Portion, Place)> = rows(&text, 0, COLUMNS, &mut problems);
        assert_eq!((rows.len(), problems.len()), (limits::ROWS, 1));
    }
}
