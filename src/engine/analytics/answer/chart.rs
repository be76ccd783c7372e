//! A chart in Plotly's JSON, chosen by the shape of the rows. Data alone: no code, no markup.

mod marks;
mod rule;
#[cfg(test)]
mod tests;

use self::marks::{Axis, Marks};
use self::rule::{Drawn, by_rule, hinted};
use super::super::compile::ColumnRole;
use super::super::intent::View;
use super::super::layer::Unit;
use super::Given;
use super::model::ChartHint;
use super::phrases::{capital, period, scope, title};
use super::table::heading;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Groups that bars are drawn for; more are cut, and the title says so.
const BARS_MAX: usize = 30;

/// Lines of one chart that can be told apart.
const LINES_MAX: usize = 8;

/// Points of one line.
const POINTS_MAX: usize = 800;

/// Rows and columns of a heat map.
const CELLS_MAX: usize = 50;

/// Rows of a table that is drawn.
const TABLE_ROWS_MAX: usize = 100;

/// The chart of an answer; none where a table says it better or nothing came back.
pub(super) fn chart(given: &Given<'_>) -> Option<Value> {
    let frame = given.primary;
    let marks = Marks::new(given);
    if frame.rows.is_empty() || marks.values.is_empty() || marks.is_empty() || given.hint == Some(ChartHint::None) {
        return None;
    }
    let drawn = given.hint.and_then(|hint| hinted(hint, &marks)).or_else(|| by_rule(given, &marks))?;
    let title = heading_of(given, &marks, drawn);
    Some(match drawn {
        Drawn::Indicator => indicator(given, &marks, &title),
        Drawn::Line => line(&marks, &title),
        Drawn::Bar => bar(given, &marks, &title),
        Drawn::Grouped => grouped(given, &marks, &title),
        Drawn::Heatmap => heatmap(&marks, &title),
        Drawn::Pie => pie(&marks, &title),
        Drawn::Scatter => scatter(&marks, &title),
        Drawn::TwoAxes => two_axes(given, &marks, &title),
        Drawn::Table => table(given, &title),
    })
}

/// What the chart shows: the measures, what they are taken by, which rows, and how many groups of how many.
fn heading_of(given: &Given<'_>, marks: &Marks<'_>, drawn: Drawn) -> String {
    let intent = &given.asked.intent;
    let named: Vec<String> = intent.measures.iter().map(|name| title(name)).collect();
    let lead = if intent.share.is_some() { "share of " } else { "" };
    let by: Vec<String> = marks.keys.iter().filter(|_| intent.is_grouped()).map(|place| marks.title(*place)).collect();
    let by = if by.is_empty() || by == ["period"] { String::new() } else { format!(" by {}", by.join(" and ")) };
    let scope = scope(given.layer(), intent).words;
    let periods = intent
        .comparison
        .as_ref()
        .map(|comparison| format!(", {} and {}", period(&comparison.before), period(&comparison.after)));
    let cut = matches!(drawn, Drawn::Bar | Drawn::Grouped | Drawn::TwoAxes) && marks.keys.len() == 1 && marks.rows() > BARS_MAX;
    let cut = if cut { format!(", the first {BARS_MAX} of {}", marks.rows()) } else { String::new() };
    capital(&format!("{lead}{}{by}{scope}{}{cut}", named.join(" and "), periods.unwrap_or_default()))
}

fn figure(data: Vec<Value>, title: &str, x: &Axis, y: &Axis) -> Value {
    json!({
        "data": data,
        "layout": {
            "title": {"text": marks::plain(title)}, "xaxis": x.layout(), "yaxis": y.layout(),
            "hovermode": "closest", "margin": {"t": 60},
        },
    })
}

/// A number for each value, side by side.
fn indicator(given: &Given<'_>, marks: &Marks<'_>, title: &str) -> Value {
    let count = marks.values.len();
    let data = marks.values.iter().enumerate().map(|(at, column)| {
        let edge = |at: usize| f64::from(u32::try_from(at).unwrap_or(0)) / f64::from(u32::try_from(count).unwrap_or(1));
        let format = marks.exact(*column);
        let currency = given.layer().currency.as_deref().filter(|_| marks.unit(*column) == Some(Unit::Money));
        let prefix = currency.map(|currency| format!("{currency} ")).unwrap_or_default();
        let suffix = if marks.unit(*column) == Some(Unit::Days) { " days" } else { "" };
        json!({
            "type": "indicator", "mode": "number", "value": marks.number(0, *column), "title": {"text": marks::plain(&marks.title(*column))},
            "number": {"valueformat": format, "prefix": prefix, "suffix": suffix}, "domain": {"x": [edge(at), edge(at + 1)]},
        })
    });
    json!({"data": data.collect::<Vec<Value>>(), "layout": {"title": {"text": marks::plain(title)}}})
}

/// A line for each measure, or for each group of the other key.
fn line(marks: &Marks<'_>, title: &str) -> Value {
    let time = marks.time_key();
    let axis = marks.key_axis(time);
    let trace = |name: &str, rows: &[usize], column: usize| {
        let rows = &rows[..rows.len().min(POINTS_MAX)];
        let x: Vec<String> = rows.iter().map(|row| marks.raw(*row, time)).collect();
        let y: Vec<Option<f64>> = rows.iter().map(|row| marks.number(*row, column)).collect();
        json!({"type": "scatter", "mode": "lines+markers", "name": marks::plain(name), "x": x, "y": y, "connectgaps": false})
    };
    let first = marks.values[0];
    let all: Vec<usize> = (0..marks.rows()).collect();
    let data: Vec<Value> = match marks.keys.iter().find(|place| **place != time) {
        None => marks.values.iter().map(|column| trace(&marks.title(*column), &all, *column)).collect(),
        Some(other) => {
            let groups = marks.groups(*other);
            let of =
                |group: &String| all.iter().copied().filter(|row| marks.label(*row, *other) == *group).collect::<Vec<usize>>();
            groups.iter().take(LINES_MAX).map(|group| trace(group, &of(group), first)).collect()
        }
    };
    figure(data, title, &axis, &marks.value_axis(first))
}

/// A bar for each group: in the order of what the groups mean where they have one, else the greatest first.
fn bar(given: &Given<'_>, marks: &Marks<'_>, title: &str) -> Value {
    let key = marks.keys[0];
    let column = marks.values[0];
    let mut rows: Vec<usize> = (0..marks.rows()).collect();
    let ordered = given.asked.intent.ranking.is_some() || marks.is_ordered(key) || given.asked.intent.view == View::Relationship;
    if !ordered {
        rows.sort_by(|a, b| {
            let value = |row: usize| marks.number(row, column).unwrap_or(f64::NEG_INFINITY);
            value(*b).total_cmp(&value(*a)).then_with(|| a.cmp(b))
        });
    }
    rows.truncate(BARS_MAX);
    let labels: Vec<String> = rows.iter().map(|row| marks.label(*row, key)).collect();
    let heights: Vec<Option<f64>> = rows.iter().map(|row| marks.number(*row, column)).collect();
    let name = marks::plain(&marks.title(column));
    if marks::are_long(&labels) {
        let data = json!({"type": "bar", "orientation": "h", "name": name, "y": labels, "x": heights});
        let mut chart = figure(vec![data], title, &marks.value_axis(column), &marks.key_axis(key));
        chart["layout"]["yaxis"]["autorange"] = json!("reversed");
        return chart;
    }
    let data = json!({"type": "bar", "name": name, "x": labels, "y": heights});
    figure(vec![data], title, &marks.key_axis(key), &marks.value_axis(column))
}

/// Bars side by side: one for each measure or period, or for each group of the other key.
fn grouped(given: &Given<'_>, marks: &Marks<'_>, title: &str) -> Value {
    let (key, other) = marks.long_and_short();
    let first = marks.values[0];
    let rows: Vec<usize> = (0..marks.rows()).collect();
    let data: Vec<Value> = match other {
        Some(other) => {
            let groups = marks.groups(other);
            let trace = |group: &String| {
                let own: Vec<usize> = rows.iter().copied().filter(|row| marks.label(*row, other) == *group).collect();
                let x: Vec<String> = own.iter().map(|row| marks.label(*row, key)).collect();
                let y: Vec<Option<f64>> = own.iter().map(|row| marks.number(*row, first)).collect();
                json!({"type": "bar", "name": group, "x": x, "y": y})
            };
            groups.iter().map(trace).collect()
        }
        None => {
            let mut rows = rows;
            if given.asked.intent.ranking.is_none() && !marks.is_ordered(key) {
                let last = marks.values.last().copied().unwrap_or(first);
                let value = |row: usize| marks.number(row, last).unwrap_or(f64::NEG_INFINITY);
                rows.sort_by(|a, b| value(*b).total_cmp(&value(*a)).then_with(|| a.cmp(b)));
            }
            rows.truncate(BARS_MAX);
            let labels: Vec<String> = rows.iter().map(|row| marks.label(*row, key)).collect();
            let trace = |column: &usize| {
                let y: Vec<Option<f64>> = rows.iter().map(|row| marks.number(*row, *column)).collect();
                json!({"type": "bar", "name": marks::plain(&marks.title(*column)), "x": labels, "y": y})
            };
            marks.values.iter().map(trace).collect()
        }
    };
    let mut axis = marks.value_axis(first);
    if given.asked.intent.comparison.is_some() || marks.values.len() > 1 {
        axis.title = marks.with_unit(
            &given.asked.intent.measures.iter().map(|name| super::phrases::title(name)).collect::<Vec<_>>().join(", "),
            first,
        );
    }
    let mut chart = figure(data, title, &marks.key_axis(key), &axis);
    chart["layout"]["barmode"] = json!("group");
    chart
}

/// One measure by two keys.
fn heatmap(marks: &Marks<'_>, title: &str) -> Value {
    let (first, second, column) = (marks.keys[0], marks.keys[1], marks.values[0]);
    let (mut down, mut along) = (marks.groups(first), marks.groups(second));
    down.truncate(CELLS_MAX);
    along.truncate(CELLS_MAX);
    let mut cells = vec![vec![None; along.len()]; down.len()];
    let places = |groups: &[String]| -> BTreeMap<String, usize> {
        groups.iter().enumerate().map(|(at, group)| (group.clone(), at)).collect()
    };
    let (rows, columns) = (places(&down), places(&along));
    for row in 0..marks.rows() {
        if let (Some(y), Some(x)) = (rows.get(&marks.label(row, first)), columns.get(&marks.label(row, second))) {
            cells[*y][*x] = marks.number(row, column);
        }
    }
    let data = json!({
        "type": "heatmap", "x": along, "y": down, "z": cells, "colorscale": "Blues", "reversescale": true,
        "colorbar": {"title": {"text": marks::plain(&marks.with_unit(&marks.title(column), column))}, "tickformat": marks.tick(column)},
    });
    let mut chart = figure(vec![data], title, &marks.key_axis(second), &marks.key_axis(first));
    chart["layout"]["yaxis"]["autorange"] = json!("reversed");
    chart
}

fn pie(marks: &Marks<'_>, title: &str) -> Value {
    let (key, column) = (marks.keys[0], marks.values[0]);
    let labels: Vec<String> = (0..marks.rows()).map(|row| marks.label(row, key)).collect();
    let values: Vec<f64> = (0..marks.rows()).map(|row| marks.number(row, column).unwrap_or(0.0)).collect();
    json!({
        "data": [{"type": "pie", "labels": labels, "values": values, "textinfo": "label+percent"}],
        "layout": {"title": {"text": marks::plain(title)}},
    })
}

/// One measure against the other, a point for each group; against the groups where there is one measure.
fn scatter(marks: &Marks<'_>, title: &str) -> Value {
    let key = marks.keys[0];
    let rows = 0..marks.rows().min(POINTS_MAX);
    let labels: Vec<String> = rows.clone().map(|row| marks.label(row, key)).collect();
    let numbers = |column: usize| rows.clone().map(|row| marks.number(row, column)).collect::<Vec<Option<f64>>>();
    match marks.values[..] {
        [first, second, ..] => {
            let data = json!({"type": "scatter", "mode": "markers", "text": labels, "x": numbers(first), "y": numbers(second)});
            figure(vec![data], title, &marks.value_axis(first), &marks.value_axis(second))
        }
        _ => {
            let column = marks.values[0];
            let data = json!({"type": "scatter", "mode": "markers", "x": labels, "y": numbers(column)});
            figure(vec![data], title, &marks.key_axis(key), &marks.value_axis(column))
        }
    }
}

/// Two measures of different units over the same groups.
fn two_axes(given: &Given<'_>, marks: &Marks<'_>, title: &str) -> Value {
    let key = marks.keys[0];
    let rows = 0..marks.rows().min(POINTS_MAX);
    let along_time = given.asked.intent.by_time.is_some();
    let x: Vec<String> = rows.clone().map(|row| if along_time { marks.raw(row, key) } else { marks.label(row, key) }).collect();
    let numbers = |column: usize| rows.clone().map(|row| marks.number(row, column)).collect::<Vec<Option<f64>>>();
    let (first, second) = (marks.values[0], marks.values[1]);
    let sort = if along_time { json!({"type": "scatter", "mode": "lines+markers"}) } else { json!({"type": "bar"}) };
    let trace = |column: usize, mut trace: Value| {
        trace["name"] = json!(marks::plain(&marks.title(column)));
        trace["x"] = json!(x);
        trace["y"] = json!(numbers(column));
        trace
    };
    let mut other = trace(second, json!({"type": "scatter", "mode": "lines+markers"}));
    other["yaxis"] = json!("y2");
    let mut chart = figure(vec![trace(first, sort), other], title, &marks.key_axis(key), &marks.value_axis(first));
    let mut right = marks.value_axis(second).layout();
    right["overlaying"] = json!("y");
    right["side"] = json!("right");
    right["showgrid"] = json!(false);
    right["tickmode"] = json!("auto");
    right["rangemode"] = json!("tozero");
    chart["layout"]["yaxis"]["rangemode"] = json!("tozero");
    chart["layout"]["yaxis2"] = right;
    chart["layout"]["legend"] = json!({"orientation": "h", "y": 1.1});
    chart
}

fn table(given: &Given<'_>, title: &str) -> Value {
    let frame = given.primary;
    let headings: Vec<String> =
        (0..frame.columns.len()).map(|place| marks::plain(&capital(&heading(given, frame, place)))).collect();
    let marks = Marks::new(given);
    let columns = (0..frame.columns.len()).map(|place| {
        let cell = |row: usize| match frame.columns[place].role {
            ColumnRole::Key => marks.label(row, place),
            _ => marks.number(row, place).map_or_else(String::new, |number| {
                super::figures::shown(number, marks.unit(place), given.layer().currency.as_deref())
            }),
        };
        (0..frame.rows.len().min(TABLE_ROWS_MAX)).map(cell).collect::<Vec<String>>()
    });
    json!({
        "data": [{"type": "table", "header": {"values": headings}, "cells": {"values": columns.collect::<Vec<_>>()}}],
        "layout": {"title": {"text": marks::plain(title)}},
    })
}
