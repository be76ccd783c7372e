//! The report as one page: the tables as they are printed, and a chart of the times of each part. It needs no other file and no other site.
//!
//! Charts are made of the report's JSON alone, so that whatever has quantiles in it is shown: bars on a logarithmic scale, from p50 to the
//! maximum; and lines over time of what a soak read.

use serde_json::Value;
use std::fmt::Write;

const QUANTILES: [&str; 5] = ["p50", "p90", "p99", "p999", "max"];
const COLOURS: [&str; 5] = ["#2b6cb0", "#2c9c8f", "#c69214", "#c05621", "#9b2c2c"];
const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
pre{overflow-x:auto;padding:1rem;border:1px solid #8884;border-radius:6px;font-size:13px}\
svg{width:100%;height:auto;margin:.5rem 0 1.5rem}text{font:12px system-ui,sans-serif;fill:currentColor}h2{margin-top:2rem}";

/// Pixels of a chart, of the names at its left and of a bar.
const WIDTH: f64 = 900.0;
const NAMES: f64 = 260.0;
const BAR: f64 = 9.0;

/// Quantiles with the place in the report where they stand.
struct Series {
    name: String,
    us: [f64; 5],
}

/// The page of a report: its tables as text, and its JSON.
pub(crate) fn page(text: &str, report: &Value) -> String {
    let mut body = format!("<h1>Load test</h1>\n<pre>{}</pre>\n", escaped(text.trim()));
    for (part, value) in report.as_object().into_iter().flatten() {
        let mut series = Vec::new();
        gather(&mut Vec::new(), value, &mut series);
        if !series.is_empty() {
            let _ = write!(body, "<h2>{}: milliseconds, p50 to the maximum</h2>\n{}\n", escaped(part), bars(&series));
        }
        if let Some(readings) = value.get("readings").and_then(Value::as_array) {
            for (field, name) in [("rss_kib", "memory, KiB"), ("files", "file handles"), ("threads", "threads")] {
                let _ = write!(body, "<h2>{}: {name} over seconds</h2>\n{}\n", escaped(part), line(readings, field));
            }
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Load test</title>\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )
}

/// What may stand in a page as text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn gather(path: &mut Vec<String>, value: &Value, found: &mut Vec<Series>) {
    match value {
        Value::Object(fields) => {
            let us = QUANTILES.map(|name| fields.get(name).and_then(Value::as_f64));
            if let [Some(a), Some(b), Some(c), Some(d), Some(e)] = us {
                return found.push(Series { name: path.join(" "), us: [a, b, c, d, e] });
            }
            // What has a name of its own is called by it.
            let own = ["scenario", "of", "name"].iter().find_map(|key| fields.get(*key)?.as_str());
            path.extend(own.map(str::to_owned));
            for (name, inner) in fields {
                path.push(name.trim_end_matches("_us").replace('_', " "));
                gather(path, inner, found);
                path.pop();
            }
            if own.is_some() {
                path.pop();
            }
        }
        Value::Array(values) => values.iter().for_each(|inner| gather(path, inner, found)),
        _ => {}
    }
}

fn bars(series: &[Series]) -> String {
    let most = series.iter().flat_map(|one| one.us).fold(1.0, f64::max);
    // From 10 µs, which is less than any request takes.
    let (least, room) = (10.0_f64, WIDTH - NAMES - 90.0);
    let width = |us: f64| (us.max(least) / least).ln() / (most.max(least * 10.0) / least).ln() * room;
    let (mut svg, mut y) = (String::new(), 0.0);
    for one in series {
        let _ = write!(svg, "<text x=\"0\" y=\"{:.0}\">{}</text>", y + 2.5 * BAR + 4.0, escaped(&one.name));
        for ((us, name), colour) in one.us.iter().zip(QUANTILES).zip(COLOURS) {
            let (long, ms) = (width(*us), us / 1_000.0);
            let _ = write!(
                svg,
                "<rect x=\"{NAMES}\" y=\"{y:.0}\" width=\"{long:.1}\" height=\"{:.0}\" fill=\"{colour}\"><title>{name} {ms:.3} ms</title>\
                 </rect><text x=\"{:.1}\" y=\"{:.0}\" style=\"font-size:9px\">{name} {ms:.3}</text>",
                BAR - 1.0,
                NAMES + long + 4.0,
                y + BAR - 1.5,
            );
            y += BAR;
        }
        y += BAR;
    }
    format!("<svg viewBox=\"0 0 {WIDTH} {y:.0}\" role=\"img\">{svg}</svg>")
}

fn line(readings: &[Value], field: &str) -> String {
    let point = |reading: &Value| Some((reading.get("at_sec")?.as_f64()?, reading.get(field)?.as_f64()?));
    let points: Vec<(f64, f64)> = readings.iter().filter_map(point).collect();
    let (last, most) = points.iter().fold((1.0_f64, 1.0_f64), |(x, y), point| (x.max(point.0), y.max(point.1)));
    let place = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", 40.0 + x / last * (WIDTH - 50.0), 150.0 - y / most * 130.0);
    let path: Vec<String> = points.iter().map(place).collect();
    format!(
        "<svg viewBox=\"0 0 {WIDTH} 170\" role=\"img\"><polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>\
         <text x=\"0\" y=\"16\">{most:.0}</text><text x=\"0\" y=\"154\">0</text><text x=\"{:.0}\" y=\"168\">{last:.0} s</text></svg>",
        COLOURS[0],
        path.join(" "),
        WIDTH - 60.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn quantiles(max: u64) -> Value {
        json!({"p50": 100, "p90": 200, "p99": 300, "p999": 400, "max": max})
    }

    #[test]
    fn the_page_has_the_tables_and_a_bar_for_each_quantile_of_whatever_has_some() {
        let report = json!({
            "target": "x",
            "scenarios": [{"scenario": "exact", "service_us": quantiles(500), "requests": 5}],
            "overload": {"flood": {"answered_us": quantiles(5_000_000)}},
        });
        let page = page("a table <of> text & more", &report);
        assert!(page.contains("<pre>a table &lt;of&gt; text &amp; more</pre>"), "{page}");
        assert_eq!(page.matches("<rect").count(), 10);
        assert!(page.contains(">exact service</text>") && page.contains(">flood answered</text>"), "{page}");
        assert!(page.contains("max 5000.000 ms"));
    }

    #[test]
    fn what_a_soak_read_is_a_line_for_each_figure() {
        let reading = |at: u32| json!({"at_sec": at, "rss_kib": 1_000 + at, "files": 9, "threads": 4});
        let page = page("", &json!({"soak": {"readings": [reading(0), reading(5), reading(9)]}}));
        assert_eq!(page.matches("<polyline").count(), 3);
    }

    #[test]
    fn the_page_asks_no_other_site_and_runs_nothing() {
        let page = page("http://127.0.0.1:1/", &json!({"latency": {"client_us": quantiles(1)}}));
        for outside in ["src=", "href=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_name_can_put_nothing_into_the_page() {
        let page = page("", &json!({"scenarios": [{"scenario": "<script>alert(1)</script>", "service_us": quantiles(1)}]}));
        assert!(!page.contains("<script"));
    }
}
