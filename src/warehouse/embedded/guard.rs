//! What the engine in process would do although it may only read, for it is also its own client: write a result to a file, run a second
//! statement, end other queries, read files by a function. A statement in which that could be is not run. It knows only as much of
//! the language as is needed to tell names and words from texts, and takes nothing that it can't tell for sure.

/// Functions that look out of the database.
const FUNCTIONS: [&str; 10] = [
    "file",
    "catboostevaluate",
    "filesystem",
    "filesystemavailable",
    "filesystemcapacity",
    "filesystemunreserved",
    "getserversetting",
    "sqlite",
    "sleep",
    "sleepeachrow",
];

/// Words that stand in a SELECT only to send its rows elsewhere. Settings are refused by the engine, and another format is no rows.
const WORDS: [&str; 2] = ["into", "outfile"];

/// Words that a SELECT begins with.
const FIRST: [&str; 2] = ["select", "with"];

/// A piece of a statement.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A word, or a number.
    Word(String),
    /// A name in quotes.
    Quoted(String),
    /// A text.
    Text,
    /// Anything else.
    Mark(u8),
}

/// Why a statement may not run; `None` where it may.
pub(super) fn fault(sql: &str) -> Option<&'static str> {
    let tokens = match tokens(sql.as_bytes()) {
        Ok(tokens) => tokens,
        Err(fault) => return Some(fault),
    };
    let first = tokens.iter().find(|token| **token != Token::Mark(b'('));
    if !matches!(first, Some(Token::Word(word)) if FIRST.contains(&word.as_str())) {
        return Some("it is no SELECT");
    }
    for (at, token) in tokens.iter().enumerate() {
        let called = tokens.get(at + 1) == Some(&Token::Mark(b'('));
        match token {
            Token::Word(name) | Token::Quoted(name) if called && FUNCTIONS.contains(&name.as_str()) => {
                return Some("it calls what looks out of the database");
            }
            Token::Word(word) if WORDS.contains(&word.as_str()) => return Some("it sends its rows elsewhere"),
            _ => {}
        }
    }
    None
}

fn tokens(sql: &[u8]) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = sql.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'\'' => {
                at = quoted(sql, at)?.1;
                tokens.push(Token::Text);
            }
            b'`' | b'"' => {
                let (name, end) = quoted(sql, at)?;
                tokens.push(Token::Quoted(name));
                at = end;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => {
                let end = sql[at..]
                    .iter()
                    .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
                    .map_or(sql.len(), |n| at + n);
                tokens.push(Token::Word(String::from_utf8_lossy(&sql[at..end]).to_ascii_lowercase()));
                at = end;
            }
            b';' => return Err("it is more than one statement"),
            b'$' | b'\\' | b'#' | 0..=31 | 127.. => return Err("it has what a SELECT has not, outside of quotes"),
            b'-' if sql.get(at + 1) == Some(&b'-') => return Err("it has a comment"),
            b'/' if sql.get(at + 1) == Some(&b'*') => return Err("it has a comment"),
            mark => {
                tokens.push(Token::Mark(mark));
                at += 1;
            }
        }
    }
    Ok(tokens)
}

/// What stands in the quotes that begin at a place, in small letters, and where they end. A quote in them is doubled or behind a backslash.
fn quoted(sql: &[u8], begin: usize) -> Result<(String, usize), &'static str> {
    let (quote, mut at, mut inner) = (sql[begin], begin + 1, Vec::new());
    while let Some(&byte) = sql.get(at) {
        at += 1;
        if byte == b'\\' {
            // What an escape stands for may be any letter, by its number for one; a name has no need of one.
            if quote != b'\'' && sql.get(at).is_none_or(|next| !matches!(next, b'\\' | b'`' | b'"' | b'\'')) {
                return Err("it has an escape in a name");
            }
            inner.extend(sql.get(at));
            at += 1;
        } else if byte != quote {
            inner.push(byte);
        } else if sql.get(at) == Some(&quote) {
            inner.push(quote);
            at += 1;
        } else {
            return Ok((String::from_utf8_lossy(&inner).to_lowercase(), at));
        }
    }
    Err("a quote has no end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_select_passes_whatever_its_texts_say() {
        for sql in [
            "SELECT 1",
            "(SELECT 1) UNION ALL (SELECT 2)",
            "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
            "SELECT 'it''s; INTO OUTFILE \\' -- x', \"a;b\", `into` FROM `file` WHERE a <> -1 AND b / 2 > 3",
            "SELECT file, format, format('{}', x) FROM t",
            "SELECT {p1:String}, t.`größe` FROM t",
        ] {
            assert_eq!(fault(sql), None, "{sql}");
        }
    }

    #[test]
    fn what_is_more_than_a_select_does_not_pass() {
        for sql in [
            "",
            "INSERT INTO t VALUES (1)",
            "KILL QUERY WHERE 1",
            "USE system",
            "SET x = 1",
            "SELECT 1; SELECT 2",
            "SELECT 1 INTO OUTFILE 'x'",
            "SELECT 1 Into\nOutFile 'x'",
            "SELECT file('/etc/passwd')",
            "SELECT `file` ('/etc/passwd')",
            "SELECT \"fi\\x6ce\"('/etc/passwd')",
            "SELECT 1 -- x",
            "SELECT 1 /* x */",
            "SELECT 1 # x",
            "SELECT $$x$$",
            "SELECT 'x",
            "SELECT \u{2018}x\u{2019}",
            "SELECT\u{a0}1",
        ] {
            assert!(fault(sql).is_some(), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn a_text_in_quotes_is_never_read_as_more(text in "\\PC*") {
            let sql = format!("SELECT '{}' AS a", text.replace('\\', "\\\\").replace('\'', "\\'"));
            prop_assert_eq!(fault(&sql), None);
            let sql = format!("SELECT '{}' INTO OUTFILE 'x'", text.replace('\\', "\\\\").replace('\'', "''"));
            prop_assert!(fault(&sql).is_some());
        }
    }
}
