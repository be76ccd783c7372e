//! Quoted texts, quoted names and comments, character by character.

use super::{Look, nameable};
use crate::sql::refusal::{RefusalKind, Refused};

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

impl Look<'_> {
    pub(super) fn string(&mut self, before: &str) -> Result<(), Refused> {
        if !before.is_empty() && !BEFORE_TEXT.contains(&before.to_ascii_lowercase().as_str()) {
            return self.text(format!("{before} right before a quoted text changes how the text is read"));
        }
        self.quoted_text('\'')
    }

    pub(super) fn quoted_text(&mut self, quote: char) -> Result<(), Refused> {
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

    pub(super) fn quoted_name(&mut self, quote: char) -> Result<(), Refused> {
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
    pub(super) fn line_comment(&mut self) -> Result<(), Refused> {
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

    pub(super) fn block_comment(&mut self) -> Result<(), Refused> {
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
