//! LIMIT: put in where there is none, lowered where it is too high.

use super::refusal::{RefusalKind, Refused, refuse};
use super::walk::Walk;
use sqlparser::ast::{Expr, Fetch, LimitClause, Offset, Value};

impl Walk<'_> {
    pub(super) fn limit(
        &mut self,
        clause: &mut Option<LimitClause>,
        fetch: &mut Option<Fetch>,
        outermost: bool,
    ) -> Result<(), Refused> {
        if let Some(Fetch { with_ties, percent, quantity }) = fetch.take() {
            if with_ties || percent || !matches!(clause, None | Some(LimitClause::LimitOffset { limit: None, .. })) {
                return refuse(RefusalKind::Clause, "FETCH with ties, a percentage or a LIMIT");
            }
            let asked = Some(quantity.unwrap_or_else(|| number(1)));
            match clause {
                Some(LimitClause::LimitOffset { limit, .. }) => *limit = asked,
                _ => *clause = Some(LimitClause::LimitOffset { limit: asked, offset: None, limit_by: Vec::new() }),
            }
        }
        if outermost && clause.is_none() {
            *clause = Some(LimitClause::LimitOffset { limit: None, offset: None, limit_by: Vec::new() });
        }
        let rows_max = self.gate.limits.rows_max;
        match clause {
            None => Ok(()),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if let Some(Offset { value, rows: _ }) = offset {
                    literal(value)?;
                }
                // A LIMIT BY counts for each group; the rows of the whole are limited after it.
                if outermost && limit_by.is_empty() {
                    let asked = limit.as_ref().map(literal).transpose()?;
                    *limit = Some(number(asked.map_or(rows_max, |asked| asked.min(rows_max))));
                } else if let Some(limit) = limit {
                    literal(limit)?;
                }
                Ok(())
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                literal(offset)?;
                let asked = literal(limit)?;
                if outermost {
                    *limit = number(asked.min(rows_max));
                }
                Ok(())
            }
        }
    }
}

fn number(rows: u64) -> Expr {
    Expr::value(Value::Number(rows.to_string(), false))
}

/// A number that is written out: what is computed cannot be bounded.
fn literal(expression: &Expr) -> Result<u64, Refused> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) => digits.parse().map_err(|_| Refused::new(RefusalKind::Size, format!("{digits} rows"))),
            _ => refuse(RefusalKind::Clause, "LIMIT and OFFSET take a number"),
        },
        _ => refuse(RefusalKind::Clause, "LIMIT and OFFSET take a number that is written out"),
    }
}
