//! What is said to a person: plain-text tables to standard output, progress to standard error; and the same as JSON.

use crate::Failure;
use crate::capacity::Capacity;
use crate::html;
use crate::latency::Latency;
use crate::open_loop::ScenarioReport;
use crate::overload::Overload;
use crate::slow::Slow;
use crate::soak::Soak;
use crate::telemetry::Telemetry;
use crate::tenants::Mixed;
use crate::trust::TrustReport;
use serde::Serialize;
use std::path::Path;

/// Everything that one run found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) target: String,
    pub(crate) entries: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) scenarios: Vec<ScenarioReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust: Option<TrustReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capacity: Option<Capacity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overload: Option<Overload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) soak: Option<Soak>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slow: Option<Slow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenants: Option<Mixed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) telemetry: Option<Telemetry>,
}

/// Where it was measured. Figures without it mean little.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
}

impl Default for Machine {
    fn default() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
        Self { cpu: model.unwrap_or("unknown CPU").to_owned(), cores: cores() }
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Report {
    /// Wrong answers and errors of everything that may fail the run.
    pub(crate) fn faults(&self) -> u64 {
        let scenarios = self.scenarios.iter().map(|s| s.wrong + s.errors);
        let others = [
            // A paraphrase or a near miss that is answered badly is a figure to tighten gates by, not a fault of this build.
            self.trust.as_ref().map(|t| t.errors()),
            self.capacity.as_ref().map(Capacity::faults),
            self.latency.as_ref().map(|l| l.wrong + l.errors),
            self.overload.as_ref().map(Overload::faults),
            self.slow.as_ref().map(Slow::faults),
            self.tenants.as_ref().map(Mixed::faults),
            self.telemetry.as_ref().map(Telemetry::faults),
        ];
        scenarios.chain(others.into_iter().flatten()).sum()
    }

    /// The tables.
    pub(crate) fn text(&self) -> String {
        let machine = &self.machine;
        let mut parts = vec![format!(
            "machine: {}, {} cores, shared by the service and this load test\ntarget: {}, {} entries at the start",
            machine.cpu, machine.cores, self.target, self.entries
        )];
        if !self.scenarios.is_empty() {
            let open_loop = crate::open_loop::table(&self.scenarios);
            parts.push(format!(
                "Open loop; times in ms. `intended` counts from the moment a request was due, `service` from when it was sent.\n{open_loop}"
            ));
        }
        let examples = self.scenarios.iter().flat_map(|s| &s.examples).chain(self.latency.iter().flat_map(|l| &l.examples));
        let examples: Vec<String> = examples.map(|example| format!("  {example}")).collect();
        if !examples.is_empty() {
            parts.push(examples.join("\n"));
        }
        if let Some(trust) = &self.trust {
            parts.push(format!("Trust, not timed and never a failure:\n{}", trust.table()));
        }
        parts.extend(self.capacity.iter().map(Capacity::table));
        parts.extend(self.latency.iter().map(Latency::table));
        parts.extend(self.overload.iter().map(Overload::table));
        parts.extend(self.soak.iter().map(Soak::table));
        parts.extend(self.slow.iter().map(Slow::table));
        parts.extend(self.tenants.iter().map(Mixed::table));
        parts.extend(self.telemetry.iter().map(Telemetry::table));
        parts.join("\n\n")
    }

    pub(crate) fn print(&self) {
        println!("{}", self.text());
    }

    pub(crate) fn write_page(&self, path: &Path) -> Result<(), Failure> {
        let page = html::page(&self.text(), &serde_json::to_value(self)?);
        std::fs::write(path, page).map_err(|e| format!("{} can't be written: {e}", path.display()).into())
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(self)?;
        std::fs::write(path, json + "\n").map_err(|e| format!("{} can't be written: {e}", path.display()).into())
    }
}

/// Lays out a table: the first column to the left, the others to the right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(i, (cell, width))| if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A share in percent.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1}%", part as f64 * 100.0 / whole as f64) }
}

#[expect(clippy::print_stderr, reason = "progress goes to standard error, so that standard output holds the report alone")]
pub(crate) fn say(words: &str) {
    eprintln!("loadtest: {words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["exact".to_owned(), "7".to_owned()]];
        assert_eq!(table(&["a", "count"], &rows), "a      count\nexact      7");
    }
}
