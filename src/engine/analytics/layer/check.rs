//! Whether all that a layer names is there, and whether its expressions make sense where they stand.

use super::expression::Expression;
use super::model::{Aggregation, ColumnName, ColumnType, Layer, Measure, Table};
use crate::domain::field::FieldError;
use std::collections::BTreeMap;

/// The longest name of a table, column, dimension or measure: PostgreSQL cuts at 63.
const NAME_BYTES_MAX: usize = 63;

type Tables = BTreeMap<String, Table>;

/// Checks a layer and gives each column of its expressions its table.
pub(super) fn check(layer: &mut Layer) -> Result<(), FieldError> {
    names(layer)?;
    currency(layer)?;
    tables(layer)?;
    resolve(layer)?;
    joins(layer)?;
    let layer = &*layer;
    dimensions(layer)?;
    for (name, measure) in &layer.measures {
        measured(layer, &format!("/measures/{name}"), measure)?;
    }
    for (name, term) in &layer.glossary {
        let at = format!("/glossary/{name}");
        plain(&format!("{at}/where"), &term.filter)?;
        reached(layer, &format!("{at}/where"), &term.table, &term.filter)?;
    }
    Ok(())
}

fn names(layer: &Layer) -> Result<(), FieldError> {
    let lists: [(&str, Vec<&String>); 4] = [
        ("tables", layer.tables.keys().collect()),
        ("dimensions", layer.dimensions.keys().collect()),
        ("times", layer.times.keys().collect()),
        ("measures", layer.measures.keys().collect()),
    ];
    for (list, names) in lists {
        for name in names {
            identifier(&format!("/{list}/{name}"), name)?;
            if ["measure_", "bridge_"].iter().any(|own| name.starts_with(own)) && list == "tables" {
                return Err(FieldError::new(format!("/{list}/{name}"), "the compiler keeps names that begin so for itself"));
            }
        }
    }
    let twice = layer.measures.keys().find(|name| layer.dimensions.contains_key(*name));
    match twice {
        Some(name) => Err(FieldError::new(format!("/measures/{name}"), "a dimension has the same name")),
        None => Ok(()),
    }
}

fn currency(layer: &Layer) -> Result<(), FieldError> {
    let code = |currency: &String| currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    match layer.currency.as_ref().is_none_or(code) {
        true => Ok(()),
        false => Err(FieldError::new("/currency", "a currency is three capital letters, as ISO 4217 has them")),
    }
}

fn identifier(at: &str, name: &str) -> Result<(), FieldError> {
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match starts && plain && name.len() <= NAME_BYTES_MAX {
        true => Ok(()),
        false => Err(FieldError::new(at, "a name has letters, digits and underscores, at most 63, and no digit first")),
    }
}

fn tables(layer: &Layer) -> Result<(), FieldError> {
    for (name, table) in &layer.tables {
        let at = format!("/tables/{name}");
        for column in table.columns.keys() {
            identifier(&format!("{at}/columns/{column}"), column)?;
        }
        for (list, columns) in [("key", table.key.iter().collect::<Vec<_>>()), ("comments", table.comments.keys().collect())] {
            if let Some(column) = columns.into_iter().find(|column| !table.columns.contains_key(*column)) {
                return Err(FieldError::new(format!("{at}/{list}"), format!("the table has no column `{column}`")));
            }
        }
    }
    Ok(())
}

fn column(tables: &Tables, at: &str, name: &ColumnName) -> Result<ColumnType, FieldError> {
    let table = tables.get(&name.table).ok_or_else(|| FieldError::new(at, format!("there is no table `{}`", name.table)))?;
    let found = table.columns.get(&name.column).copied();
    found.ok_or_else(|| FieldError::new(at, format!("`{}` has no column `{}`", name.table, name.column)))
}

/// Gives each column its table; a name that stands alone is of `home`.
fn settle(tables: &Tables, at: &str, home: &str, expression: &mut Expression) -> Result<(), FieldError> {
    let mut wrong = None;
    expression.walk_mut(&mut |part| {
        if let Expression::Column { table, name } = part {
            let owner = table.get_or_insert_with(|| home.to_owned());
            let full = ColumnName { table: owner.clone(), column: name.clone() };
            if let Err(error) = column(tables, at, &full) {
                wrong.get_or_insert(error);
            }
        }
    });
    wrong.map_or(Ok(()), Err)
}

fn resolve(layer: &mut Layer) -> Result<(), FieldError> {
    let Layer { tables, dimensions, measures, glossary, .. } = layer;
    for (name, dimension) in dimensions {
        let at = format!("/dimensions/{name}");
        settle(tables, &format!("{at}/value"), &dimension.table, &mut dimension.value)?;
        if let Some(filter) = &mut dimension.filter {
            settle(tables, &format!("{at}/where"), &dimension.table, filter)?;
        }
    }
    for (name, measure) in measures {
        let at = format!("/measures/{name}");
        if let Some(filter) = &mut measure.filter {
            settle(tables, &format!("{at}/where"), &measure.table, filter)?;
        }
        match &mut measure.per {
            Some(per) => {
                for (value, expression) in &mut per.values {
                    settle(tables, &format!("{at}/per/values/{value}"), &measure.table, expression)?;
                }
            }
            None => {
                settle(tables, &format!("{at}/value"), &measure.table, &mut measure.value)?;
                if let Some(support) = &mut measure.support {
                    settle(tables, &format!("{at}/support"), &measure.table, support)?;
                }
            }
        }
    }
    for (name, term) in glossary {
        settle(tables, &format!("/glossary/{name}/where"), &term.table, &mut term.filter)?;
    }
    Ok(())
}

fn joins(layer: &Layer) -> Result<(), FieldError> {
    for (index, join) in layer.joins.iter().enumerate() {
        let at = format!("/joins/{index}");
        let many = column(&layer.tables, &format!("{at}/many"), &join.many)?;
        let one = column(&layer.tables, &format!("{at}/one"), &join.one)?;
        if many != one {
            return Err(FieldError::new(at, "the two columns are of different types"));
        }
        if layer.tables[&join.one.table].key != [join.one.column.clone()] {
            return Err(FieldError::new(format!("{at}/one"), "this column is not the key of its table"));
        }
    }
    Ok(())
}

fn dimensions(layer: &Layer) -> Result<(), FieldError> {
    for (name, dimension) in &layer.dimensions {
        let at = format!("/dimensions/{name}");
        plain(&format!("{at}/value"), &dimension.value)?;
        reached(layer, &format!("{at}/value"), &dimension.table, &dimension.value)?;
        if let Some(filter) = &dimension.filter {
            plain(&format!("{at}/where"), filter)?;
            reached(layer, &format!("{at}/where"), &dimension.table, filter)?;
        }
        if let Some(counts) = &dimension.counts
            && !layer.measures.contains_key(counts)
        {
            return Err(FieldError::new(format!("{at}/counts"), format!("there is no measure `{counts}`")));
        }
        if let Some(coarser) = &dimension.rolls_up_to
            && !layer.dimensions.contains_key(coarser)
        {
            return Err(FieldError::new(format!("{at}/rolls_up_to"), format!("there is no dimension `{coarser}`")));
        }
        let ends: Vec<Option<f64>> = dimension.steps.iter().map(|step| step.up_to).collect();
        let rising = ends.windows(2).all(|pair| matches!(pair, [Some(a), Some(b)] if a < b) || matches!(pair, [Some(_), None]));
        if !rising || ends.last().is_some_and(Option::is_some) {
            return Err(FieldError::new(format!("{at}/steps"), "steps rise, and the last of them has no `up_to`"));
        }
    }
    for (name, time) in &layer.times {
        let at = format!("/times/{name}/column");
        if column(&layer.tables, &at, &time.column)? != ColumnType::Timestamp {
            return Err(FieldError::new(at, "this column is no timestamp"));
        }
    }
    Ok(())
}

fn plain(at: &str, expression: &Expression) -> Result<(), FieldError> {
    let mut aggregates = false;
    expression.walk(&mut |part| aggregates |= matches!(part, Expression::Aggregate(..)));
    match aggregates {
        true => Err(FieldError::new(at, "an aggregate has no meaning here")),
        false => Ok(()),
    }
}

/// Every column stands within one aggregate, and no aggregate within another.
fn aggregated(at: &str, expression: &Expression) -> Result<(), FieldError> {
    match expression {
        Expression::Aggregate(_, None) | Expression::Number(_) | Expression::Text(_) => Ok(()),
        Expression::Aggregate(_, Some(of)) => plain(at, of),
        Expression::Column { name, .. } => Err(FieldError::new(at, format!("`{name}` stands outside of every aggregate"))),
        Expression::Binary(_, left, right) => aggregated(at, left).and_then(|()| aggregated(at, right)),
        Expression::Not(of) | Expression::IsNull { of, .. } | Expression::In { of, .. } => aggregated(at, of),
        Expression::Call(_, operands) => operands.iter().try_for_each(|operand| aggregated(at, operand)),
    }
}

fn reached(layer: &Layer, at: &str, from: &str, expression: &Expression) -> Result<(), FieldError> {
    if !layer.tables.contains_key(from) {
        return Err(FieldError::new(at, format!("there is no table `{from}`")));
    }
    let unreached = expression.tables().into_iter().find(|table| layer.way(from, table).is_none());
    match unreached {
        Some(table) => Err(FieldError::new(at, format!("no join leads from `{from}` to `{table}` without counting rows twice"))),
        None => Ok(()),
    }
}

fn measured(layer: &Layer, at: &str, measure: &Measure) -> Result<(), FieldError> {
    aggregated(&format!("{at}/value"), &measure.value)?;
    if let Some(filter) = &measure.filter {
        plain(&format!("{at}/where"), filter)?;
        reached(layer, &format!("{at}/where"), &measure.table, filter)?;
    }
    if let Some(support) = &measure.support {
        aggregated(&format!("{at}/support"), support)?;
    }
    inner(layer, at, measure)?;
    for (list, names) in [("siblings", &measure.siblings), ("population", &measure.population)] {
        for name in names {
            let other = layer.measures.get(name);
            let at = format!("{at}/{list}");
            let other = other.ok_or_else(|| FieldError::new(&at, format!("there is no measure `{name}`")))?;
            if list == "siblings" && (other.unit, other.aggregation) != (measure.unit, measure.aggregation) {
                return Err(FieldError::new(at, format!("`{name}` has another unit or is another kind of aggregate")));
            }
        }
    }
    for (field, name) in
        [("complement", &measure.complement), ("counted", &measure.counted), ("worth", &measure.worth), ("lasts", &measure.lasts)]
    {
        let Some(name) = name else { continue };
        let at = format!("{at}/{field}");
        let other = layer.measures.get(name).ok_or_else(|| FieldError::new(&at, format!("there is no measure `{name}`")))?;
        if field == "complement" && (other.aggregation, measure.aggregation) != (Aggregation::Share, Aggregation::Share) {
            return Err(FieldError::new(at, "only shares make up a whole"));
        }
    }
    if let Some((first, second)) = &measure.of_each
        && let Some(name) = [first, second].into_iter().find(|name| !layer.measures.contains_key(*name))
    {
        return Err(FieldError::new(format!("{at}/of_each"), format!("there is no measure `{name}`")));
    }
    if let Some(time) = &measure.time {
        let at = format!("{at}/time");
        let found = layer.times.get(time).ok_or_else(|| FieldError::new(&at, format!("there is no time `{time}`")))?;
        if layer.way(&measure.table, &found.column.table).is_none() {
            return Err(FieldError::new(at, format!("no join leads from `{}` to it", measure.table)));
        }
    }
    if let Some(stepped) = &measure.stepped
        && layer.dimensions.get(stepped).is_none_or(|dimension| dimension.counts.is_none())
    {
        return Err(FieldError::new(format!("{at}/stepped"), format!("there is no dimension `{stepped}` that counts something")));
    }
    match measure.range {
        Some((least, most)) if least > most => Err(FieldError::new(format!("{at}/range"), "the least is more than the most")),
        _ => Ok(()),
    }
}

fn inner(layer: &Layer, at: &str, measure: &Measure) -> Result<(), FieldError> {
    let Some(per) = &measure.per else { return reached(layer, &format!("{at}/value"), &measure.table, &measure.value) };
    column(&layer.tables, &format!("{at}/per/key"), &per.key)?;
    if layer.way(&measure.table, &per.key.table).is_none() {
        return Err(FieldError::new(format!("{at}/per/key"), format!("no join leads from `{}` to it", measure.table)));
    }
    for (name, value) in &per.values {
        let at = format!("{at}/per/values/{name}");
        identifier(&at, name)?;
        aggregated(&at, value)?;
        reached(layer, &at, &measure.table, value)?;
    }
    let mut unknown = None;
    for expression in [Some(&measure.value), measure.support.as_ref()].into_iter().flatten() {
        expression.walk(&mut |part| {
            if let Expression::Column { table, name } = part
                && (table.is_some() || !per.values.contains_key(name))
            {
                unknown = Some(name.clone());
            }
        });
    }
    match unknown {
        Some(name) => Err(FieldError::new(format!("{at}/value"), format!("`{name}` is no value of the inner step"))),
        None => Ok(()),
    }
}
