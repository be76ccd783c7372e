//! How a result is to be shown, where a prompt asks for nothing else.

use serde::{Deserialize, Serialize};

/// How a result is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Bars.
    Bar,
    /// Lines.
    Line,
    /// A pie.
    Pie,
    /// Points.
    Scatter,
    /// A heat map.
    Heatmap,
    /// A table.
    Table,
    /// No chart.
    Nothing,
}

/// Names of charts.
const NAMES: &[(&str, Look)] = &[
    ("bar", Look::Bar),
    ("bars", Look::Bar),
    ("barchart", Look::Bar),
    ("column", Look::Bar),
    ("columns", Look::Bar),
    ("histogram", Look::Bar),
    ("line", Look::Line),
    ("lines", Look::Line),
    ("linechart", Look::Line),
    ("pie", Look::Pie),
    ("donut", Look::Pie),
    ("doughnut", Look::Pie),
    ("piechart", Look::Pie),
    ("scatter", Look::Scatter),
    ("scatterplot", Look::Scatter),
    ("heatmap", Look::Heatmap),
    ("table", Look::Table),
    ("tabular", Look::Table),
];

/// What a chart is called.
const CHARTS: &[&str] = &["chart", "graph", "plot", "diagram", "visual", "visualisation", "visualization"];

/// Words that turn one thing into another; with one of them the name of a chart is enough.
const TURNS: &[&str] = &["as", "into", "to", "instead", "rather", "make", "switch", "change", "turn", "convert", "draw", "plot"];

/// Words that say nothing about how.
const AROUND: &[&str] = &[
    "a",
    "an",
    "the",
    "it",
    "this",
    "that",
    "them",
    "these",
    "me",
    "show",
    "please",
    "now",
    "can",
    "could",
    "you",
    "display",
    "render",
    "use",
    "using",
    "with",
    "in",
    "of",
    "same",
    "view",
    "format",
    "form",
    "type",
    "data",
    "result",
    "results",
    "numbers",
    "just",
    "give",
    "want",
    "i",
    "would",
    "like",
    "and",
    "ok",
    "visualise",
    "visualize",
    "type",
    "then",
    "different",
    "another",
    "other",
    "horizontal",
    "vertical",
];

/// Prompts that take the chart away.
const NONE: &[&str] =
    &["no chart", "no graph", "without chart", "without a chart", "without the chart", "hide the chart", "remove the chart"];

/// How a result is to be shown, where a prompt says nothing but that; an inner `None` leaves it to the rule.
pub(super) fn read(words: &[String]) -> Option<Option<Look>> {
    if NONE.contains(&words.join(" ").as_str()) {
        return Some(Some(Look::Nothing));
    }
    // `heat map` is one word.
    let words = words.join(" ").replace("heat map", "heatmap").replace("đổi biểu đồ", "change chart");
    let words: Vec<&str> = words.split(' ').collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let name = |word: &&str| NAMES.iter().find(|(name, _)| name == word).map(|(_, look)| *look);
    let known = |word: &&str| CHARTS.contains(word) || TURNS.contains(word) || AROUND.contains(word) || name(word).is_some();
    if !words.iter().all(known) {
        return None;
    }
    let mut named: Vec<Look> = words.iter().filter_map(name).collect();
    named.dedup();
    match named.as_slice() {
        [] if has(CHARTS) => Some(None),
        [look] if has(CHARTS) || has(TURNS) => Some(Some(*look)),
        // Of two nobody knows which.
        _ => None,
    }
}
