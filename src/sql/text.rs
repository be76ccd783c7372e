//! The first look: characters. What the parser and a warehouse could read differently is refused before anything is parsed, and so is what
//! would cost the parser too much.
//!
//! The warehouse only ever sees what the gate prints from the syntax tree; this look keeps texts out whose tree would not be what their
//! author, or an operator who reads them, takes them for.

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

/// Words that may stand right before a quoted text.
const BEFORE_TEXT: [&str; 30] = [
    "date",
    "time",
    "timestamp",
    "datetime",
    "interval",
    "and",
    "or",
    "not",
    "in",
    "like",
    "ilike",
    "then",
    "else",
    "when",
    "select",
    "between",
    "from",
    "as",
    "by",
    "on",
    "where",
    "having",
    "case",
    "separator",
    "escape",
    "zone",
    "regexp",
    "rlike",
    "distinct",
    "to",
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

    fn string(&mut self, before: &str) -> Result<(), Refused> {
        if !before.is_empty() && !BEFORE_TEXT.contains(&before.to_ascii_lowercase().as_str()) {
            return self.text(format!("{before} right before a quoted text changes how the text is read"));
        }
        self.quoted_text('\'')
    }

    fn quoted_text(&mut self, quote: char) -> Result<(), Refused> {
        let mut before = '\0';
        while let Some(c) = self.next() {
            match c {
                _ if c == quote && self.peek() == quote && before != '\\' => {
                    self.next();
                    before = quote;
                    continue;
                }
                _ if c == quote && before == '\\' => return self.text("a backslash before a quote"),
                _ if c == quote => return Ok(()),
                '\\' if self.dialect.backslash_escapes() => {
                    self.escape(quote)?;
                    before = '\0';
                    continue;
                }
                _ => self.inside(c)?,
            }
            before = c;
        }
        self.refused(RefusalKind::Syntax, "a quoted text does not end")
    }

    /// Escapes that every reader takes alike. Others are read in several ways: `\d` is two characters to one, one to another.
    fn escape(&mut self, quote: char) -> Result<(), Refused> {
        match self.next() {
            Some('\\') if self.peek() == quote => self.text("a backslash before a quote"),
            Some('\\' | 'n' | 't' | 'r') => Ok(()),
            Some('\'' | '"') => self.text("a backslash before a quote; write the quote twice"),
            Some(c) => self.text(format!("the escape \\{c} is read in several ways; write \\\\ for a backslash")),
            None => self.refused(RefusalKind::Syntax, "a quoted text does not end"),
        }
    }

    /// A character of a quoted text: letters of every script, numbers and signs that show; none that hide or pass for a quote.
    fn inside(&self, c: char) -> Result<(), Refused> {
        match c {
            '\n' | '\t' | '\r' => Ok(()),
            c if c.is_control() => self.text("a control character"),
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{fffd}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{10ffff}' => self.text(format!("the invisible character U+{:04X}", c as u32)),
            '\u{2b9}'..='\u{2bf}'
            | '\u{2c8}'
            | '\u{2ca}'
            | '\u{2cb}'
            | '\u{2032}'..='\u{2037}'
            | '\u{201b}'
            | '\u{201f}'
            | '\u{ff02}'
            | '\u{ff07}'
            | '\u{ff40}'
            | '\u{ff3c}'
            | '\u{ff1b}'
            | '\u{37e}' => self.text(format!("the character U+{:04X}, which passes for another", c as u32)),
            _ => Ok(()),
        }
    }

    fn quoted_name(&mut self, quote: char) -> Result<(), Refused> {
        if !self.dialect.quotes_names_with(quote) {
            return self.text(format!("{quote} does not quote a name in this dialect"));
        }
        let mut length = 0;
        while let Some(c) = self.next() {
            if c == quote {
                return if length == 0 || self.peek() == quote {
                    self.text("an empty name, or a quote inside one")
                } else {
                    Ok(())
                };
            }
            length += 1;
            if !nameable(c) || length > 128 {
                return self.text(format!("the character U+{:04X} in a quoted name", c as u32));
            }
        }
        self.refused(RefusalKind::Syntax, "a quoted name does not end")
    }

    /// A comment that is prose is dropped with the text. One that could hide or hold a part of a statement is refused.
    fn line_comment(&mut self) -> Result<(), Refused> {
        self.next();
        if !matches!(self.peek(), ' ' | '\t') {
            return self.text("-- without a space after it is two minus signs in one dialect and a comment in another");
        }
        let mut held = String::new();
        while !matches!(self.peek(), '\n' | '\0') {
            let next = self.next();
            held.extend(next);
        }
        self.prose(&held)
    }

    fn block_comment(&mut self) -> Result<(), Refused> {
        self.next();
        let mut held = String::new();
        while let Some(c) = self.next() {
            if c == '*' && self.peek() == '/' {
                self.next();
                return self.prose(&held);
            }
            held.push(c);
        }
        self.refused(RefusalKind::Syntax, "a comment does not end")
    }

    fn prose(&self, held: &str) -> Result<(), Refused> {
        let said = held.trim();
        let prose = held.starts_with([' ', '\t', '\n']) && said.chars().next().is_some_and(char::is_alphanumeric);
        if prose && said.chars().all(|c| c.is_alphanumeric() || " ,.:()%-\n\t\r".contains(c)) && !said.contains("--") {
            return Ok(());
        }
        self.text("a comment that is not plain words: it could hide or hold a part of a statement")
    }
}
