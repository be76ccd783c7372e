//! The price with its regimes behind it, the volatility below, and the chances of a change beside it.

use super::NAMES;
use super::features::Features;
use super::regimes::{COUNT, Regimes};
use crate::engine::numeric::methods::bars::Day;
use serde_json::{Map, Value, json};

/// Blue for calm, grey for the usual, green for up and red for down.
const COLOURS: [&str; COUNT] = ["#4c8fd6", "#b8bcc4", "#2fa36b", "#d6503f"];
/// Points of one line.
const POINTS_MAX: usize = 800;

/// The chart of the case.
pub(super) fn timeline(days: &[Day], features: &Features, found: &Regimes, parameters: &Map<String, Value>) -> Value {
    let symbol = parameters.get("symbol").and_then(Value::as_str).unwrap_or("The market");
    let every = days.len().div_ceil(POINTS_MAX).max(1);
    let chosen: Vec<usize> = (0..days.len()).filter(|at| at % every == 0 || at + 1 == days.len()).collect();
    let x: Vec<String> = chosen.iter().map(|&at| date(&days[at])).collect();
    let price: Vec<f64> = chosen.iter().map(|&at| days[at].close).collect();
    let volatility: Vec<f64> = chosen.iter().map(|&at| 100.0 * features.native[2 * at].exp()).collect();
    let mut data = vec![
        json!({"type": "scatter", "mode": "lines", "name": "price", "x": x, "y": price, "line": {"color": "#1c2430", "width": 1.4}, "showlegend": false}),
        json!({"type": "scatter", "mode": "lines", "name": "volatility", "x": x, "y": volatility, "yaxis": "y2",
               "line": {"color": "#6a4fb3", "width": 1.2}, "showlegend": false}),
        heat_map(&found.fit.model.after(7)),
    ];
    // The bands are shapes, which have no legend of their own.
    data.extend((0..COUNT).map(|at| {
        json!({"type": "scatter", "mode": "markers", "name": NAMES[at][1], "x": [x.first()], "y": [null],
               "marker": {"color": COLOURS[at], "size": 11, "symbol": "square"}})
    }));
    let title = format!("{symbol}: volatility regimes, now {}", NAMES[found.current()][1]);
    json!({"data": data, "layout": {
        "title": {"text": title},
        "hovermode": "x",
        "legend": {"orientation": "h", "x": 0.0, "y": 1.06},
        "shapes": bands(days, found),
        "xaxis": {"title": {"text": "day (UTC)"}, "domain": [0.0, 0.7], "anchor": "y2", "type": "date", "range": [x.first(), x.last()]},
        "yaxis": {"title": {"text": "price, log scale"}, "type": "log", "dtick": "D2", "domain": [0.32, 1.0]},
        "yaxis2": {"title": {"text": "volatility, % a year"}, "domain": [0.0, 0.26], "rangemode": "tozero"},
        "xaxis3": {"title": {"text": "regime a week later"}, "domain": [0.8, 1.0], "anchor": "y3", "tickangle": -40},
        "yaxis3": {"title": {"text": "regime now"}, "domain": [0.45, 0.95], "anchor": "x3", "autorange": "reversed"},
    }})
}

fn date(day: &Day) -> String {
    day.start.to_string().get(..10).unwrap_or_default().to_owned()
}

fn heat_map(week: &[f64]) -> Value {
    let names: Vec<&str> = NAMES.iter().map(|name| name[2]).collect();
    let z: Vec<&[f64]> = week.chunks_exact(COUNT).collect();
    json!({"type": "heatmap", "name": "chance", "x": names, "y": names, "z": z, "xaxis": "x3", "yaxis": "y3", "zmin": 0, "zmax": 1,
           "colorscale": "Blues", "reversescale": true, "showscale": false, "texttemplate": "%{z:.0%}"})
}

/// A coloured band behind the price for each spell.
fn bands(days: &[Day], found: &Regimes) -> Vec<Value> {
    let mut from = 0;
    let mut bands = Vec::new();
    for (regime, length) in found.spells() {
        let until = days.get(from + length).map_or_else(|| date(&days[from + length - 1]), date);
        bands.push(
            json!({"type": "rect", "xref": "x", "yref": "paper", "x0": date(&days[from]), "x1": until, "y0": 0.0, "y1": 1.0,
                          "fillcolor": COLOURS[regime], "opacity": 0.28, "line": {"width": 0}, "layer": "below"}),
        );
        from += length;
    }
    bands
}
