//! Reads an MPS file.

use super::MpsError;
use crate::limits::{PROGRAM_COLUMNS_MAX, PROGRAM_ROWS_MAX, PROGRAM_TERMS_MAX};
use crate::solver::Program;
use crate::solver::program::{Class, Column, Row, Sense};
use std::collections::HashMap;

mod bounds;

/// What a solver takes for infinite.
const INFINITE: f64 = 1e20;

/// Where the fields of the fixed format begin and end, in characters.
const FIELDS: [(usize, usize); 6] = [(1, 3), (4, 12), (14, 22), (24, 36), (39, 47), (49, 61)];

/// How a line is cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Free,
    Fixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Before,
    Sense,
    Name,
    Rows,
    Columns,
    Rhs,
    Ranges,
    Bounds,
}

/// What a row is compared by, and where a name leads.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Objective,
    /// An objective after the first.
    Ignored,
    Row(usize),
}

struct Reader {
    section: Section,
    sense: Sense,
    rows: Vec<Row>,
    /// `L`, `G` or `E` of each row.
    signs: Vec<char>,
    ranges: Vec<Option<f64>>,
    kinds: HashMap<String, Kind>,
    columns: Vec<Column>,
    places: HashMap<String, u32>,
    /// The bounds that a line gave, apart from those that are there without.
    given: Vec<(bool, bool)>,
    objective_name: Option<String>,
    has_objective: bool,
    objective: Vec<(u32, f64)>,
    offset: f64,
    integer: bool,
    terms: usize,
}

/// Reads a program from an MPS file, free or fixed.
///
/// # Errors
/// The first line that can't be read, with what would be right.
pub fn read(bytes: &[u8]) -> Result<Program, MpsError> {
    let text = String::from_utf8_lossy(bytes);
    let free = pass(&text, Format::Free);
    match free {
        Ok(program) => Ok(program),
        // Names with blanks in them can be read by their columns alone. The reading that got further says what is wrong.
        Err(error) => pass(&text, Format::Fixed).map_err(|fixed| if fixed.line > error.line { fixed } else { error }),
    }
}

fn pass(text: &str, format: Format) -> Result<Program, MpsError> {
    let mut reader = Reader {
        section: Section::Before,
        sense: Sense::Minimize,
        rows: Vec::new(),
        signs: Vec::new(),
        ranges: Vec::new(),
        kinds: HashMap::new(),
        columns: Vec::new(),
        places: HashMap::new(),
        given: Vec::new(),
        objective_name: None,
        has_objective: false,
        objective: Vec::new(),
        offset: 0.0,
        integer: false,
        terms: 0,
    };
    let mut last = 0;
    for (at, line) in text.lines().enumerate() {
        last = at + 1;
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('*') || line.trim_start().starts_with('*') && line.trim_start().len() == line.len()
        {
            continue;
        }
        let wrong = |detail: String| MpsError { line: at + 1, detail };
        if !line.starts_with([' ', '\t']) {
            if reader.header(line).map_err(wrong)? {
                return reader.finish().map_err(wrong);
            }
            continue;
        }
        let words = words(line, format);
        if !words.is_empty() {
            reader.line(&words).map_err(wrong)?;
        }
    }
    Err(MpsError { line: last, detail: "the file ends without `ENDATA`".into() })
}

fn words(line: &str, format: Format) -> Vec<&str> {
    if format == Format::Free || line.contains("'MARKER'") {
        return line.split_whitespace().collect();
    }
    let cut = |(from, to): (usize, usize)| {
        let from = line.char_indices().nth(from).map(|(at, _)| at)?;
        let rest = &line[from..];
        let width = to - FIELDS.iter().find(|field| field.1 == to).map_or(0, |field| field.0);
        let end = rest.char_indices().nth(width).map_or(rest.len(), |(at, _)| at);
        Some(rest[..end].trim()).filter(|word| !word.is_empty())
    };
    FIELDS.into_iter().filter_map(cut).collect()
}

fn number(word: &str) -> Result<f64, String> {
    let value: f64 =
        word.replace(['D', 'd'], "e").parse().map_err(|_| format!("`{word}` stands where a number would be right"))?;
    if value.is_nan() { Err(format!("`{word}` is no number")) } else { Ok(value) }
}

fn finite(word: &str) -> Result<f64, String> {
    let value = number(word)?;
    if value.abs() < INFINITE { Ok(value) } else { Err(format!("`{word}` is past what a solver can tell apart")) }
}

impl Reader {
    /// Takes the name of a section; true at the end.
    fn header(&mut self, line: &str) -> Result<bool, String> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default().to_uppercase();
        let rest = words.next();
        self.section = match name.as_str() {
            "NAME" => Section::Before,
            "OBJSENSE" | "OBJSENS" => {
                if let Some(word) = rest {
                    self.set_sense(word)?;
                }
                Section::Sense
            }
            "OBJNAME" | "OBJECTIVE" => Section::Name,
            "ROWS" => Section::Rows,
            "COLUMNS" => Section::Columns,
            "RHS" => Section::Rhs,
            "RANGES" => Section::Ranges,
            "BOUNDS" => Section::Bounds,
            "ENDATA" => return Ok(true),
            _ => {
                let known = "`NAME`, `OBJSENSE`, `ROWS`, `COLUMNS`, `RHS`, `RANGES`, `BOUNDS` and `ENDATA`";
                return Err(format!("`{name}` is no section that is read here; there are {known}"));
            }
        };
        Ok(false)
    }

    fn set_sense(&mut self, word: &str) -> Result<(), String> {
        self.sense = match word.to_uppercase().as_str() {
            "MAX" | "MAXIMIZE" | "MAXIMISE" => Sense::Maximize,
            "MIN" | "MINIMIZE" | "MINIMISE" => Sense::Minimize,
            _ => return Err(format!("`{word}` is neither `MAX` nor `MIN`")),
        };
        Ok(())
    }

    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match self.section {
            Section::Before => Err("data before the first section".into()),
            Section::Sense => self.set_sense(words[0]),
            Section::Name => {
                self.objective_name = Some(words[0].to_owned());
                Ok(())
            }
            Section::Rows => self.row(words),
            Section::Columns => self.column(words),
            Section::Rhs => self.pairs(words, Self::rhs),
            Section::Ranges => self.pairs(words, Self::range),
            Section::Bounds => self.bound(words),
        }
    }

    fn row(&mut self, words: &[&str]) -> Result<(), String> {
        let [sign, name] = words else {
            return Err(format!("a row has a kind and a name, and {} words stand here", words.len()));
        };
        let kind = match sign.to_uppercase().as_str() {
            "N" => {
                let named = self.objective_name.as_deref().is_none_or(|wanted| wanted == *name);
                if self.has_objective || !named {
                    Kind::Ignored
                } else {
                    self.has_objective = true;
                    Kind::Objective
                }
            }
            "L" | "G" | "E" => {
                if self.rows.len() >= PROGRAM_ROWS_MAX {
                    return Err(format!("more than {PROGRAM_ROWS_MAX} rows"));
                }
                let sign = sign.chars().next().unwrap_or('E').to_ascii_uppercase();
                let lower = if sign == 'L' { f64::NEG_INFINITY } else { 0.0 };
                let upper = if sign == 'G' { f64::INFINITY } else { 0.0 };
                self.rows.push(Row { name: (*name).to_owned(), terms: Vec::new(), lower, upper, only_if: Vec::new() });
                self.signs.push(sign);
                self.ranges.push(None);
                Kind::Row(self.rows.len() - 1)
            }
            _ => return Err(format!("`{sign}` is no kind of row; there are `N`, `L`, `G` and `E`")),
        };
        match self.kinds.insert((*name).to_owned(), kind) {
            Some(_) => Err(format!("the row `{name}` stands twice")),
            None => Ok(()),
        }
    }

    fn column(&mut self, words: &[&str]) -> Result<(), String> {
        if words.get(1) == Some(&"'MARKER'") {
            self.integer = match words.last() {
                Some(&"'INTORG'") => true,
                Some(&"'INTEND'") => false,
                _ => return Err("a marker is `'INTORG'` or `'INTEND'`".into()),
            };
            return Ok(());
        }
        let [name, pairs @ ..] = words else { return Err("a column needs a name".into()) };
        if !matches!(pairs.len(), 2 | 4) {
            return Err(format!("a column has one or two pairs of a row and a number, and {} words stand here", words.len()));
        }
        let column = match self.columns.last() {
            Some(last) if last.name == *name => u32::try_from(self.columns.len() - 1).unwrap_or(u32::MAX),
            _ => self.new_column(name)?,
        };
        for pair in pairs.chunks_exact(2) {
            let value = finite(pair[1])?;
            let kind = self.kind(pair[0])?;
            self.terms += 1;
            if self.terms > PROGRAM_TERMS_MAX {
                return Err(format!("more than {PROGRAM_TERMS_MAX} numbers"));
            }
            let terms = match kind {
                Kind::Objective => &mut self.objective,
                Kind::Ignored => continue,
                Kind::Row(row) => &mut self.rows[row].terms,
            };
            if terms.last().is_some_and(|last| last.0 == column) {
                return Err(format!("the column `{name}` has two numbers in the row `{}`", pair[0]));
            }
            if value != 0.0 {
                terms.push((column, value));
            }
        }
        Ok(())
    }

    fn new_column(&mut self, name: &str) -> Result<u32, String> {
        if self.columns.len() >= PROGRAM_COLUMNS_MAX {
            return Err(format!("more than {PROGRAM_COLUMNS_MAX} columns"));
        }
        let column = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        if self.places.insert(name.to_owned(), column).is_some() {
            return Err(format!("the column `{name}` stands in two places"));
        }
        self.columns.push(Column { name: name.to_owned(), lower: 0.0, upper: f64::INFINITY, integer: self.integer });
        self.given.push((false, false));
        Ok(column)
    }

    fn kind(&self, name: &str) -> Result<Kind, String> {
        self.kinds.get(name).copied().ok_or_else(|| format!("there is no row `{name}`"))
    }

    /// Pairs of a row and a number, after the name of a vector where one stands.
    fn pairs(&mut self, words: &[&str], then: fn(&mut Self, Kind, f64) -> Result<(), String>) -> Result<(), String> {
        let pairs = if words.len() % 2 == 1 { &words[1..] } else { words };
        if !matches!(pairs.len(), 2 | 4) {
            return Err(format!("one or two pairs of a row and a number would be right, and {} words stand here", words.len()));
        }
        for pair in pairs.chunks_exact(2) {
            let kind = self.kind(pair[0])?;
            then(self, kind, finite(pair[1])?)?;
        }
        Ok(())
    }

    fn rhs(&mut self, kind: Kind, value: f64) -> Result<(), String> {
        match kind {
            Kind::Objective => self.offset = -value,
            Kind::Ignored => {}
            Kind::Row(row) => {
                let sign = self.signs[row];
                let row = &mut self.rows[row];
                if sign != 'L' {
                    row.lower = value;
                }
                if sign != 'G' {
                    row.upper = value;
                }
            }
        }
        Ok(())
    }

    fn range(&mut self, kind: Kind, value: f64) -> Result<(), String> {
        if let Kind::Row(row) = kind {
            self.ranges[row] = Some(value);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Program, String> {
        for ((row, sign), range) in self.rows.iter_mut().zip(&self.signs).zip(&self.ranges) {
            let Some(range) = *range else { continue };
            match sign {
                'L' => row.lower = row.upper - range.abs(),
                'G' => row.upper = row.lower + range.abs(),
                _ if range < 0.0 => row.lower = row.upper + range,
                _ => row.upper = row.lower + range,
            }
        }
        for (column, given) in self.columns.iter_mut().zip(&self.given) {
            if column.integer && *given == (false, false) {
                column.upper = 1.0;
            }
            if column.lower > column.upper {
                return Err(format!(
                    "the lower bound {} of `{}` is above its upper bound {}",
                    column.lower, column.name, column.upper
                ));
            }
        }
        if self.columns.is_empty() {
            return Err("the file has no columns".into());
        }
        let class = if self.columns.iter().any(|column| column.integer) { Class::Mip } else { Class::Lp };
        Ok(Program {
            class,
            sense: self.sense,
            columns: self.columns,
            objective: self.objective,
            offset: self.offset,
            quadratic: Vec::new(),
            rows: self.rows,
            cones: Vec::new(),
            rules: Vec::new(),
        })
    }
}
