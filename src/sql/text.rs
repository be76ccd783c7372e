//! The first look: characters. What the parser and a warehouse could read differently is refused before anything is parsed, and so is what
//! would cost the parser too much.
//!
//! The warehouse only ever sees what the gate prints from the syntax tree; this look keeps texts out whose tree would not be what their
//! author, or an operator who reads them, takes them for.

mod quoted;

use super::dialect::Dialect;
use super::refusal::{Position, RefusalKind, Refused};
use crate::limits::{SQL_BYTES_MAX, SQL_NESTING_MAX, SQL_OPERATORS_MAX};
use std::iter::Peekable;
use std::str::Chars;

/// Words that make the parser's tree deeper without a bracket.
const CHAINING: [&str; 27] = [
    "AND",
    "OR",
    "XOR",
    "NOT",
    "IS",
    "IN",
    "ISNULL",
    "NOTNULL",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "MINUS",
    "COLLATE",
    "LIKE",
    "ILIKE",
    "RLIKE",
    "REGEXP",
    "SIMILAR",
    "BETWEEN",
    "DIV",
    "OVERLAPS",
    "CASE",
    "INTERVAL",
    "BINARY",
    "ZONE",
    "WITH",
    "JOIN",
];

/// How deep the tree of a text can be, at most, by two measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Depth {
    pub(super) operators: usize,
    pub(super) nesting: usize,
}

/// Whether a quoted name may hold a character.
pub(super) fn nameable(c: char) -> bool {
    c.is_alphanumeric() || " _-.%()/#+:&,!*=<>€£$".contains(c)
}

/// Looks at every character once.
pub(super) fn look(sql: &str, dialect: Dialect) -> Result<Depth, Refused> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(Refused::new(RefusalKind::Size, format!("the statement is longer than {SQL_BYTES_MAX} bytes")));
    }
    Look {
        dialect,
        rest: sql.chars().peekable(),
        at: Position { line: 1, column: 1 },
        word: String::new(),
        open: Vec::new(),
        depth: Depth { operators: 0, nesting: 0 },
    }
    .whole()
}

struct Look<'s> {
    dialect: Dialect,
    rest: Peekable<Chars<'s>>,
    at: Position,
    /// The word or number that has just been read, until something else follows.
    word: String,
    /// Closing brackets that are still to come.
    open: Vec<char>,
    depth: Depth,
}

impl Look<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        if next == '\n' {
            self.at = Position { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(next)
    }

    fn peek(&mut self) -> char {
        self.rest.peek().copied().unwrap_or('\0')
    }

    fn refused<T>(&self, kind: RefusalKind, says: impl Into<String>) -> Result<T, Refused> {
        Err(Refused { kind, place: Some(self.at), says: says.into() })
    }

    fn text<T>(&self, says: impl Into<String>) -> Result<T, Refused> {
        self.refused(RefusalKind::Text, says)
    }

    fn whole(mut self) -> Result<Depth, Refused> {
        while let Some(c) = self.next() {
            let word = if c.is_ascii_alphanumeric() || c == '_' { String::new() } else { std::mem::take(&mut self.word) };
            match c {
                ' ' | '\n' | '\t' | '\r' | ',' | '.' => {}
                'a'..='z' | 'A'..='Z' | '_' => self.word(c)?,
                '0'..='9' => self.number(c)?,
                '\'' => self.string(&word)?,
                '"' if self.dialect == Dialect::MySql => self.quoted_text(c)?,
                '"' | '`' => self.quoted_name(c)?,
                '-' if self.peek() == '-' => self.line_comment()?,
                '/' if self.peek() == '*' => self.block_comment()?,
                ';' => return self.end(),
                '(' | '[' => self.opened(c)?,
                ')' | ']' => self.closed(c)?,
                '@' => self.at_sign()?,
                ':' => self.colon()?,
                '&' if matches!(self.peek(), '\'' | '"') => {
                    return self.text("U& before a quoted text changes how the text is read");
                }
                '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '|' | '&' | '^' | '~' => self.operator()?,
                '#' => return self.text("a # begins a comment in one dialect and an operator in another"),
                '$' | '?' | '{' | '}' => return self.text(format!("{c} stands for a parameter, and a question has none")),
                '\\' => return self.text("a backslash outside a quoted text"),
                c if c.is_control() => return self.text("a control character"),
                c => return self.text(format!("the character U+{:04X} outside quotes", c as u32)),
            }
        }
        Ok(self.depth)
    }

    /// After the end there may be white space, nothing else.
    fn end(mut self) -> Result<Depth, Refused> {
        while let Some(c) = self.next() {
            if !matches!(c, ' ' | '\n' | '\t' | '\r') {
                return self.refused(RefusalKind::Statement, "something follows the end of the statement");
            }
        }
        Ok(self.depth)
    }

    fn operator(&mut self) -> Result<(), Refused> {
        self.depth.operators += 1;
        if self.depth.operators > SQL_OPERATORS_MAX {
            return self.refused(RefusalKind::Size, format!("more than {SQL_OPERATORS_MAX} operators"));
        }
        Ok(())
    }

    fn word(&mut self, first: char) -> Result<(), Refused> {
        self.word.push(first);
        while self.peek().is_ascii_alphanumeric() || self.peek() == '_' {
            let next = self.next();
            self.word.extend(next);
        }
        if CHAINING.iter().any(|chaining| chaining.eq_ignore_ascii_case(&self.word)) {
            self.operator()?;
        }
        Ok(())
    }

    /// Decimal digits, a fraction and an exponent. `0x41` is a number here and a text there.
    fn number(&mut self, first: char) -> Result<(), Refused> {
        let mut last = first;
        while self.peek().is_ascii_digit()
            || self.peek() == '.'
            || matches!(self.peek(), 'e' | 'E')
            || (matches!(last, 'e' | 'E') && matches!(self.peek(), '+' | '-'))
        {
            last = self.next().unwrap_or(last);
        }
        if self.peek().is_ascii_alphabetic() || self.peek() == '_' || matches!(last, 'e' | 'E' | '+' | '-') {
            return self.text("a number that goes on with letters, which warehouses read differently");
        }
        self.word.push(last);
        Ok(())
    }

    fn opened(&mut self, c: char) -> Result<(), Refused> {
        self.open.push(if c == '(' { ')' } else { ']' });
        self.depth.nesting = self.depth.nesting.max(self.open.len());
        if self.open.len() > SQL_NESTING_MAX {
            return self.refused(RefusalKind::Size, format!("more than {SQL_NESTING_MAX} brackets inside each other"));
        }
        if c == '[' { self.operator() } else { Ok(()) }
    }

    fn closed(&mut self, c: char) -> Result<(), Refused> {
        if self.open.pop() == Some(c) { Ok(()) } else { self.refused(RefusalKind::Syntax, format!("{c} closes nothing")) }
    }

    fn at_sign(&mut self) -> Result<(), Refused> {
        if self.dialect == Dialect::PostgreSql && self.peek() == '>' {
            return self.operator();
        }
        self.text("@ names a variable of the session")
    }

    fn colon(&mut self) -> Result<(), Refused> {
        match self.peek() {
            ':' => {
                self.next();
                self.operator()
            }
            _ if self.open.last() == Some(&']') => Ok(()),
            _ => self.text("a single colon stands for a parameter or an assignment"),
        }
    }
}
