//! SQL as it is put together: text, names and bindings, written for a dialect only at the end.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A dialect of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// ClickHouse.
    Clickhouse,
    /// DuckDB.
    Duckdb,
    /// MySQL 8, MariaDB 10.5, StarRocks.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// A value that stands beside the SQL and not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
pub enum Binding {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Midnight at the beginning of a day.
    Moment(Date),
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Name(String),
    Literal(String),
    Bound(Binding),
}

/// A statement, or a part of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sql {
    pieces: Vec<Piece>,
}

impl Sql {
    /// Adds text that is SQL in every dialect.
    pub fn text(&mut self, text: &str) -> &mut Self {
        if let Some(Piece::Text(last)) = self.pieces.last_mut() {
            last.push_str(text);
        } else {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
        self
    }

    /// Adds the name of a table or column.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.pieces.push(Piece::Name(name.to_owned()));
        self
    }

    /// Adds `table.column`.
    pub fn column(&mut self, table: &str, column: &str) -> &mut Self {
        self.name(table).text(".").name(column)
    }

    /// Adds a text that the layer holds.
    pub fn literal(&mut self, text: &str) -> &mut Self {
        self.pieces.push(Piece::Literal(text.to_owned()));
        self
    }

    /// Adds a value that a question brought.
    pub fn bind(&mut self, binding: Binding) -> &mut Self {
        self.pieces.push(Piece::Bound(binding));
        self
    }

    /// Adds a part.
    pub fn add(&mut self, part: Self) -> &mut Self {
        for piece in part.pieces {
            match piece {
                Piece::Text(text) => {
                    self.text(&text);
                }
                other => self.pieces.push(other),
            }
        }
        self
    }

    /// Adds parts with something between them.
    pub fn joined(&mut self, parts: Vec<Self>, between: &str) -> &mut Self {
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                self.text(between);
            }
            self.add(part);
        }
        self
    }

    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The statement with a mark for each value.
    pub fn marked(&self, dialect: Dialect) -> String {
        let mut marks = 0;
        self.write(dialect, |binding| {
            marks += 1;
            mark(dialect, binding, marks)
        })
    }

    /// The statement with its values written into it, for a parser or a reader.
    pub fn inlined(&self, dialect: Dialect) -> String {
        self.write(dialect, |binding| match binding {
            Binding::Text(text) => quoted(dialect, text),
            Binding::Integer(number) => number.to_string(),
            Binding::Number(number) => number.to_string(),
            Binding::Moment(day) => moment(dialect, &quoted(dialect, &format!("{day} 00:00:00"))),
        })
    }

    /// The values, in the order of their marks.
    pub fn bindings(&self) -> Vec<Binding> {
        let bound = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Bound(binding) => Some(binding.clone()),
            _ => None,
        });
        bound.collect()
    }

    /// The names of tables and columns in it, of the layer's and of the compiler's own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn write(&self, dialect: Dialect, mut bound: impl FnMut(&Binding) -> String) -> String {
        let mut text = String::new();
        let quote = if dialect == Dialect::Mysql { '`' } else { '"' };
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                // The layer's check lets no name through that a quote could be in.
                Piece::Name(name) => {
                    text.push(quote);
                    text.push_str(name);
                    text.push(quote);
                }
                Piece::Literal(literal) => text.push_str(&quoted(dialect, literal)),
                Piece::Bound(binding) => text.push_str(&bound(binding)),
            }
        }
        text
    }
}

fn mark(dialect: Dialect, binding: &Binding, number: usize) -> String {
    match dialect {
        Dialect::Clickhouse => {
            let kind = match binding {
                Binding::Text(_) => "String",
                Binding::Integer(_) => "Int64",
                Binding::Number(_) => "Float64",
                Binding::Moment(_) => "DateTime",
            };
            format!("{{p{number}:{kind}}}")
        }
        Dialect::Mysql => "?".to_owned(),
        Dialect::Sqlite => format!("?{number}"),
        Dialect::Duckdb | Dialect::Postgres => match binding {
            Binding::Text(_) => format!("CAST(${number} AS VARCHAR)"),
            Binding::Integer(_) => format!("CAST(${number} AS BIGINT)"),
            Binding::Number(_) => format!("CAST(${number} AS DOUBLE PRECISION)"),
            Binding::Moment(_) => format!("CAST(${number} AS TIMESTAMP)"),
        },
    }
}

fn moment(dialect: Dialect, quoted: &str) -> String {
    match dialect {
        Dialect::Clickhouse => format!("toDateTime({quoted})"),
        Dialect::Duckdb | Dialect::Postgres => format!("CAST({quoted} AS TIMESTAMP)"),
        Dialect::Mysql | Dialect::Sqlite => quoted.to_owned(),
    }
}

/// A text as a literal. ClickHouse and MySQL read a backslash as the beginning of an escape; the others take it as it stands.
fn quoted(dialect: Dialect, text: &str) -> String {
    let text = text.replace('\0', "").replace('\'', "''");
    match dialect {
        Dialect::Clickhouse | Dialect::Mysql => format!("'{}'", text.replace('\\', "\\\\")),
        Dialect::Duckdb | Dialect::Postgres | Dialect::Sqlite => format!("'{text}'"),
    }
}
