//! Expressions and steps of time in the dialects.

use super::super::intent::period::Level;
use super::super::layer::expression::{Aggregate, Expression, Function, Operator};
use super::super::layer::{ColumnName, Step};
use super::sql::{Dialect, Sql};

/// An expression in a dialect.
pub(super) fn expression(dialect: Dialect, from: &Expression) -> Sql {
    let mut sql = Sql::default();
    match from {
        Expression::Column { table: Some(table), name } => sql.column(table, name),
        Expression::Column { table: None, name } => sql.name(name),
        Expression::Number(number) => sql.text(&number.to_string()),
        Expression::Text(text) => sql.literal(text),
        Expression::Binary(Operator::Divide, left, right) => {
            // In floating point and null for nought, whatever the types of the columns are.
            sql.text("(1e0 * ").add(expression(dialect, left)).text(" / NULLIF(").add(expression(dialect, right)).text(", 0))")
        }
        Expression::Binary(operator, left, right) => {
            sql.text("(").add(expression(dialect, left)).text(&format!(" {} ", operator.symbol()));
            sql.add(expression(dialect, right)).text(")")
        }
        Expression::Not(of) => sql.text("(NOT ").add(expression(dialect, of)).text(")"),
        Expression::IsNull { of, negated } => {
            let test = if *negated { " IS NOT NULL)" } else { " IS NULL)" };
            sql.text("(").add(expression(dialect, of)).text(test)
        }
        Expression::In { of, list, negated } => {
            let test = if *negated { " NOT IN (" } else { " IN (" };
            sql.text("(").add(expression(dialect, of)).text(test);
            sql.joined(list.iter().map(|item| expression(dialect, item)).collect(), ", ").text("))")
        }
        Expression::Call(function, operands) => sql.add(call(dialect, *function, operands)),
        Expression::Aggregate(aggregate, of) => sql.add(aggregated(dialect, *aggregate, of.as_deref())),
    };
    sql
}

fn aggregated(dialect: Dialect, aggregate: Aggregate, of: Option<&Expression>) -> Sql {
    let mut sql = Sql::default();
    let Some(of) = of else {
        sql.text("COUNT(*)");
        return sql;
    };
    let of = expression(dialect, of);
    match aggregate {
        Aggregate::Sum => sql.text("SUM(").add(of),
        Aggregate::Count => sql.text("COUNT(").add(of),
        Aggregate::CountDistinct => sql.text("COUNT(DISTINCT ").add(of),
        // MySQL would keep four places of a mean of whole numbers.
        Aggregate::Avg => sql.text("AVG(1e0 * ").add(of),
        Aggregate::Min => sql.text("MIN(").add(of),
        Aggregate::Max => sql.text("MAX(").add(of),
    };
    sql.text(")");
    sql
}

fn call(dialect: Dialect, function: Function, operands: &[Expression]) -> Sql {
    let written: Vec<Sql> = operands.iter().map(|operand| expression(dialect, operand)).collect();
    let mut sql = Sql::default();
    match (function, written.as_slice()) {
        (Function::Coalesce, _) => sql.text("COALESCE(").joined(written, ", ").text(")"),
        (Function::NullIf, _) => sql.text("NULLIF(").joined(written, ", ").text(")"),
        (Function::If, [condition, then, otherwise]) => {
            sql.text("CASE WHEN ").add(condition.clone()).text(" THEN ").add(then.clone());
            sql.text(" ELSE ").add(otherwise.clone()).text(" END")
        }
        (Function::Days, [from, to]) => sql.add(days(dialect, from.clone(), to.clone())),
        (Function::CalendarDays, [from, to]) => sql.add(calendar_days(dialect, from.clone(), to.clone())),
        // The reader of expressions lets no other number of operands through.
        _ => sql.text("NULL"),
    };
    sql
}

fn days(dialect: Dialect, from: Sql, to: Sql) -> Sql {
    let mut sql = Sql::default();
    match dialect {
        Dialect::Clickhouse => sql.text("(dateDiff('second', ").add(from).text(", ").add(to).text(") / 86400e0)"),
        Dialect::Duckdb => sql.text("(epoch(").add(to).text(" - ").add(from).text(") / 86400e0)"),
        Dialect::Mysql => sql.text("(TIMESTAMPDIFF(SECOND, ").add(from).text(", ").add(to).text(") / 86400e0)"),
        Dialect::Postgres => sql.text("(EXTRACT(EPOCH FROM (").add(to).text(" - ").add(from).text(")) / 86400e0)"),
        Dialect::Sqlite => sql.text("(julianday(").add(to).text(") - julianday(").add(from).text("))"),
    };
    sql
}

fn calendar_days(dialect: Dialect, from: Sql, to: Sql) -> Sql {
    let mut sql = Sql::default();
    match dialect {
        Dialect::Clickhouse => sql.text("dateDiff('day', toDate(").add(from).text("), toDate(").add(to).text("))"),
        Dialect::Duckdb => sql.text("date_diff('day', CAST(").add(from).text(" AS DATE), CAST(").add(to).text(" AS DATE))"),
        Dialect::Mysql => sql.text("DATEDIFF(").add(to).text(", ").add(from).text(")"),
        Dialect::Postgres => sql.text("(CAST(").add(to).text(" AS DATE) - CAST(").add(from).text(" AS DATE))"),
        Dialect::Sqlite => sql.text("CAST(julianday(date(").add(to).text(")) - julianday(date(").add(from).text(")) AS INTEGER)"),
    };
    sql
}

/// A number sorted into steps, by their labels.
pub(super) fn stepped(number: &Sql, steps: &[Step]) -> Sql {
    let mut sql = Sql::default();
    sql.text("CASE");
    for step in steps {
        match step.up_to {
            Some(most) => {
                sql.text(" WHEN ").add(number.clone()).text(&format!(" <= {most} THEN ")).literal(&step.label);
            }
            None => {
                sql.text(" ELSE ").literal(&step.label);
            }
        }
    }
    sql.text(" END");
    sql
}

/// The step of time that a moment is in: a year, a day of the week and an hour as a number, all others as sortable text.
pub(super) fn level(dialect: Dialect, level: Level, of: &ColumnName) -> Sql {
    let (before, after) = match dialect {
        Dialect::Sqlite => match level {
            Level::Year => ("CAST(strftime('%Y', ", ") AS INTEGER)"),
            Level::Quarter => return sqlite_quarter(of),
            Level::Month => ("strftime('%Y-%m', ", ")"),
            Level::Week => ("date(", ", 'weekday 0', '-6 days')"),
            Level::Day => ("date(", ")"),
            Level::DayOfWeek => ("((CAST(strftime('%w', ", ") AS INTEGER) + 6) % 7 + 1)"),
            Level::HourOfDay => ("CAST(strftime('%H', ", ") AS INTEGER)"),
        },
        Dialect::Duckdb => match level {
            Level::Year => ("year(", ")"),
            Level::Quarter => return twice("concat(year(", "), '-Q', quarter(", "))", of),
            Level::Month => ("strftime(", ", '%Y-%m')"),
            Level::Week => ("strftime(date_trunc('week', ", "), '%Y-%m-%d')"),
            Level::Day => ("strftime(", ", '%Y-%m-%d')"),
            Level::DayOfWeek => ("isodow(", ")"),
            Level::HourOfDay => ("hour(", ")"),
        },
        Dialect::Clickhouse => match level {
            Level::Year => ("toYear(", ")"),
            Level::Quarter => return twice("concat(toString(toYear(", ")), '-Q', toString(toQuarter(", ")))", of),
            Level::Month => ("substring(toString(toDate(", ")), 1, 7)"),
            Level::Week => ("toString(toMonday(", "))"),
            Level::Day => ("toString(toDate(", "))"),
            Level::DayOfWeek => ("toDayOfWeek(", ")"),
            Level::HourOfDay => ("toHour(", ")"),
        },
        Dialect::Mysql => match level {
            Level::Year => ("YEAR(", ")"),
            Level::Quarter => return twice("CONCAT(YEAR(", "), '-Q', QUARTER(", "))", of),
            Level::Month => ("DATE_FORMAT(", ", '%Y-%m')"),
            Level::Week => return twice("DATE_FORMAT(DATE_SUB(", ", INTERVAL WEEKDAY(", ") DAY), '%Y-%m-%d')", of),
            Level::Day => ("DATE_FORMAT(", ", '%Y-%m-%d')"),
            Level::DayOfWeek => ("(WEEKDAY(", ") + 1)"),
            Level::HourOfDay => ("HOUR(", ")"),
        },
        Dialect::Postgres => match level {
            Level::Year => ("CAST(EXTRACT(YEAR FROM ", ") AS INTEGER)"),
            Level::Quarter => ("to_char(", ", 'YYYY-\"Q\"Q')"),
            Level::Month => ("to_char(", ", 'YYYY-MM')"),
            Level::Week => ("to_char(date_trunc('week', ", "), 'YYYY-MM-DD')"),
            Level::Day => ("to_char(", ", 'YYYY-MM-DD')"),
            Level::DayOfWeek => ("CAST(EXTRACT(ISODOW FROM ", ") AS INTEGER)"),
            Level::HourOfDay => ("CAST(EXTRACT(HOUR FROM ", ") AS INTEGER)"),
        },
    };
    let mut sql = Sql::default();
    sql.text(before).column(&of.table, &of.column).text(after);
    sql
}

fn twice(before: &str, between: &str, after: &str, of: &ColumnName) -> Sql {
    let mut sql = Sql::default();
    sql.text(before).column(&of.table, &of.column).text(between).column(&of.table, &of.column).text(after);
    sql
}

fn sqlite_quarter(of: &ColumnName) -> Sql {
    twice("(strftime('%Y', ", ") || '-Q' || ((CAST(strftime('%m', ", ") AS INTEGER) + 2) / 3))", of)
}
