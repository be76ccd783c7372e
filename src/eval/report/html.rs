//! The page: one file without anything to fetch. Apache ECharts draws the charts; it is vendored, and `page/README.md` says whence.

use super::Report;
use serde::Serialize;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const TUNING_SCRIPT: &str = include_str!("page/tuning.js");
const PARTS: &str = include_str!("page/parts.js");
const CHARTS: &str = include_str!("page/charts.js");
const ECHARTS: &str = include_str!("page/echarts-6.1.0.common.min.js");

/// The page of an evaluation.
///
/// # Errors
/// Where the report can't be written as JSON.
pub fn page(report: &Report) -> Result<String, serde_json::Error> {
    assembled(report, SCRIPT)
}

/// The page of a tuning.
///
/// # Errors
/// Where the report can't be written as JSON.
pub fn tuning_page(report: &impl Serialize) -> Result<String, serde_json::Error> {
    assembled(report, TUNING_SCRIPT)
}

fn assembled(report: &impl Serialize, script: &str) -> Result<String, serde_json::Error> {
    // Within a script element only `</script` and `<!--` mean anything, and in JSON a `<` stands in texts alone.
    let json = serde_json::to_string(report)?.replace('<', "\\u003c");
    // The page is cut at its marks rather than searched and replaced, for the data may hold a mark's own words.
    let mut page = String::with_capacity(ECHARTS.len() + json.len() + 65_536);
    for piece in PAGE.split("@@") {
        page.push_str(match piece {
            "STYLE" => STYLE,
            "ECHARTS" => ECHARTS,
            "CHARTS" => CHARTS,
            "PARTS" => PARTS,
            "SCRIPT" => script,
            "REPORT" => &json,
            other => other,
        });
    }
    Ok(page)
}
