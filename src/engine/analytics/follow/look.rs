//! How a result is to be shown, where a prompt asks for nothing else.

use super::super::answer::ChartHint;

/// Names of charts.
const NAMES: &[(&str, ChartHint)] = &[
    ("bar", ChartHint::Bar),
    ("bars", ChartHint::Bar),
    ("barchart", ChartHint::Bar),
    ("column", ChartHint::Bar),
    ("columns", ChartHint::Bar),
    ("histogram", ChartHint::Bar),
    ("line", ChartHint::Line),
    ("lines", ChartHint::Line),
    ("linechart", ChartHint::Line),
    ("pie", ChartHint::Pie),
    ("donut", ChartHint::Pie),
    ("doughnut", ChartHint::Pie),
    ("piechart", ChartHint::Pie),
    ("scatter", ChartHint::Scatter),
    ("scatterplot", ChartHint::Scatter),
    ("heatmap", ChartHint::Heatmap),
    ("table", ChartHint::Table),
    ("tabular", ChartHint::Table),
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
pub(super) fn read(words: &[String]) -> Option<Option<ChartHint>> {
    if NONE.contains(&words.join(" ").as_str()) {
        return Some(Some(ChartHint::None));
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
    let mut named: Vec<ChartHint> = words.iter().filter_map(name).collect();
    named.dedup();
    match named.as_slice() {
        [] if has(CHARTS) => Some(None),
        [look] if has(CHARTS) || has(TURNS) => Some(Some(*look)),
        // Of two nobody knows which.
        _ => None,
    }
}
