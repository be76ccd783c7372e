//! Charts in Plotly's JSON.

use serde_json::{Value, json};

/// The most points of one line.
pub(super) const POINTS_MAX: usize = 400;

/// A chart of these traces with a title and titles of its axes.
pub(super) fn chart(data: Vec<Value>, title: &str, x: &str, y: &str) -> Value {
    json!({
        "data": data,
        "layout": {"title": {"text": title}, "xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}, "hovermode": "closest"},
    })
}

/// A line; `shape` is `linear`, or `hv` for a step that falls at its point.
pub(super) fn line(name: &str, points: &[(f64, f64)], shape: &str) -> Value {
    let thinned = thin(points);
    let (x, y): (Vec<f64>, Vec<f64>) = thinned.into_iter().unzip();
    json!({"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": {"shape": shape}})
}

/// The area between two lines, for intervals.
pub(super) fn band(name: &str, low: &[(f64, f64)], high: &[(f64, f64)], shape: &str) -> [Value; 2] {
    let mut lower = line(name, low, shape);
    let mut upper = line(name, high, shape);
    for trace in [&mut lower, &mut upper] {
        trace["line"] = json!({"shape": shape, "width": 0});
        trace["showlegend"] = json!(false);
        trace["hoverinfo"] = json!("skip");
    }
    upper["fill"] = json!("tonexty");
    // A shade through which the lines can be seen.
    upper["fillcolor"] = json!("rgba(99, 110, 125, 0.2)");
    [lower, upper]
}

/// Bars, with the distances down and up to the ends of intervals where there are any.
pub(super) fn bars(name: &str, labels: &[String], heights: &[f64], ends: Option<&[[f64; 2]]>) -> Value {
    let mut trace = json!({"type": "bar", "name": name, "x": labels, "y": heights});
    if let Some(ends) = ends {
        let up: Vec<f64> = ends.iter().zip(heights).map(|(end, height)| (end[1] - height).max(0.0)).collect();
        let down: Vec<f64> = ends.iter().zip(heights).map(|(end, height)| (height - end[0]).max(0.0)).collect();
        trace["error_y"] = json!({"type": "data", "symmetric": false, "array": up, "arrayminus": down});
    }
    trace
}

/// The points of a line, every so many of them where there are too many, first and last kept.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.len().saturating_sub(1);
    points.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last).map(|(_, point)| *point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_thinned_and_keeps_its_ends() {
        let points: Vec<(f64, f64)> = (0..5_000).map(|at| (f64::from(at), 0.0)).collect();
        let thinned = thin(&points);
        assert!(thinned.len() <= POINTS_MAX + 1);
        assert_eq!((thinned[0].0, thinned[thinned.len() - 1].0), (0.0, 4_999.0));
    }

    #[test]
    fn intervals_of_bars_are_distances_from_their_heights() {
        let trace = bars("x", &["a".to_owned()], &[0.5], Some(&[[0.4, 0.7]]));
        assert!((trace["error_y"]["array"][0].as_f64().unwrap() - 0.2).abs() < 1e-12);
        assert!((trace["error_y"]["arrayminus"][0].as_f64().unwrap() - 0.1).abs() < 1e-12);
    }
}
