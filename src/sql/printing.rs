//! The text that the warehouse sees: printed from the syntax tree, read back and compared, its placeholders in the dialect's own form.

use super::binding::Binding;
use super::dialect::Dialect;
use super::reading::{Reading, read};
use super::refusal::{RefusalKind, Refused, refuse};
use sqlparser::ast::{Value, ValueWithSpan, VisitMut, VisitorMut};
use sqlparser::tokenizer::{Token, Tokenizer};
use std::ops::ControlFlow;

/// Prints a statement; fails where the parser does not read the same tree from the print.
pub(super) fn print(reading: &Reading, dialect: Dialect) -> Result<String, Refused> {
    let mut query = reading.query.clone();
    if dialect.backslash_escapes() {
        let _ = query.visit(&mut Backslashes);
    }
    let mut text = query.to_string();
    if let Some(rows) = reading.last_limit {
        text.push_str(&format!(" LIMIT {rows}"));
    }
    match read(&text, dialect) {
        Ok(again) if again == *reading => Ok(text),
        _ => refuse(RefusalKind::Text, "the statement would not be read again as it was meant"),
    }
}

/// Doubles backslashes, which the parser took for escapes and the printer does not put back.
struct Backslashes;

impl VisitorMut for Backslashes {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) = &mut value.value
            && text.contains('\\')
        {
            *text = text.replace('\\', "\\\\");
        }
        ControlFlow::Continue(())
    }
}

/// Writes placeholders as the dialect's clients expect them; answers the text and the bindings in the order of the placeholders.
pub(super) fn with_placeholders(text: String, bound: &[Binding], dialect: Dialect) -> Result<(String, Vec<Binding>), Refused> {
    if bound.is_empty() || dialect == Dialect::PostgreSql {
        return Ok((text, bound.to_vec()));
    }
    let tokens = Tokenizer::new(dialect.grammar(), &text)
        .with_unescape(false)
        .tokenize()
        .map_err(|error| Refused::new(RefusalKind::Text, error.to_string()))?;
    if tokens.iter().map(ToString::to_string).collect::<String>() != text {
        return refuse(RefusalKind::Text, "the placeholders of the statement cannot be told from its texts");
    }
    let (mut written, mut order) = (String::with_capacity(text.len()), Vec::new());
    for token in tokens {
        let Token::Placeholder(inner) = &token else {
            written.push_str(&token.to_string());
            continue;
        };
        let number: usize = inner.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let Some(binding) = number.checked_sub(1).and_then(|at| bound.get(at)) else {
            return refuse(RefusalKind::Text, "a placeholder without a value");
        };
        match dialect {
            Dialect::ClickHouse => written.push_str(&format!("{{{}:{}}}", binding.name, parameter_type(&binding.data_type))),
            Dialect::MySql => {
                written.push('?');
                order.push(Binding { name: (order.len() + 1).to_string(), ..binding.clone() });
            }
            Dialect::DuckDb | Dialect::PostgreSql => written.push_str(&format!("${number}")),
        }
    }
    Ok((written, if dialect == Dialect::MySql { order } else { bound.to_vec() }))
}

/// ClickHouse's type of a parameter; how a column is kept does not matter to its values.
fn parameter_type(data_type: &str) -> &str {
    let inner = data_type.strip_prefix("LowCardinality(").and_then(|rest| rest.strip_suffix(')'));
    inner.map_or(data_type, parameter_type)
}
