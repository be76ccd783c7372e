//! The report as a few lines of text.

use super::{Report, StreamPoint};
use crate::eval::budget::{BudgetReport, Kept};
use crate::eval::engines::EngineReport;
use crate::eval::pairs::ClassTally;
use crate::eval::statistics::{Rate, Stage, Tally};
use std::fmt::Write;

/// A report as text: the figures as configured, the baselines, the gates, the latency.
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    // Writing into a text can't fail.
    let _ = all(report, &mut out);
    out
}

fn all(report: &Report, out: &mut String) -> std::fmt::Result {
    let strategy = &report.strategy;
    let (tau, tau_fresh) = (strategy.thresholds.tau, strategy.thresholds.tau_fresh);
    writeln!(out, "strategy {} version {}, tau {tau}, tau_fresh {tau_fresh}, {}", strategy.name, strategy.version, report.model)?;
    for data in &report.data {
        let Some(name) = Some(&data.name).filter(|_| data.bad + data.left_out > 0) else { continue };
        writeln!(out, "{name}: {} rows used, {} left out, {} bad lines", data.rows, data.left_out, data.bad)?;
    }
    for stream in &report.streams {
        writeln!(out, "\n{} ({} requests, {} decisions)", stream.name, stream.tally.requests, stream.decisions)?;
        writeln!(out, "{:<22} {:>23} {:>23} {:>23} {:>23}", "", "hit rate", "error", "precision per hit", "agreement")?;
        row(out, "instinct", &stream.tally)?;
        for baseline in &stream.baselines {
            row(out, &baseline.name, &baseline.tally)?;
        }
        let within = stream.curve.iter().filter(|point| point.tally.error.rate.is_some_and(|e| e <= report.error_budget));
        let best = within.max_by(|a, b| a.tally.hit_rate.count.cmp(&b.tally.hit_rate.count));
        if let Some(best) = best {
            row(out, &format!("best {}", setting(best)), &best.tally)?;
        }
        for point in stream.curve.iter().filter(|point| point.share_min.is_some()) {
            row(out, &setting(point), &point.tally)?;
        }
        stream.error_budget.iter().try_for_each(|budget| under_budget(out, budget))?;
        gates(out, &stream.gates)?;
        latency(out, &stream.latency)?;
        stream.engines.iter().try_for_each(|engines| with_engines(out, engines))?;
    }
    if let Some(pairs) = &report.pairs {
        writeln!(out, "\npairs ({})", pairs.pairs)?;
        writeln!(out, "{:<22} {:>25} {:>25}", "", "same, served", "different, served")?;
        for class in pairs.classes.iter().chain(&pairs.baselines) {
            class_row(out, class)?;
        }
        gates(out, &pairs.gates)?;
        latency(out, &pairs.latency)?;
    }
    Ok(())
}

fn row(out: &mut String, name: &str, tally: &Tally) -> std::fmt::Result {
    let [hits, error, precision, agreement] = [tally.hit_rate, tally.error, tally.precision_per_hit, tally.agreement].map(share);
    writeln!(out, "{name:<22} {hits:>23} {error:>23} {precision:>23} {agreement:>23}")
}

fn with_engines(out: &mut String, report: &EngineReport) -> std::fmt::Result {
    writeln!(out, "with engines            {:>23} {:>23}", "answered", "agreement")?;
    for path in &report.by_path {
        writeln!(out, "  {:<22}{:>23} {:>23}", path.path, share(path.answered), share(path.agreement))?;
    }
    writeln!(out, "  {:<22}{:>23} {:>23}", "all", share(complement(report.abstained)), share(report.agreement))?;
    let reached = share(report.reached_an_engine);
    let (p50, p95, total) = (report.engine_p50_ms, report.engine_p95_ms, report.engine_total_sec);
    writeln!(out, "  an engine was asked for {reached}: p50 {p50:.1} ms, p95 {p95:.1} ms, {total:.2} s in all")
}

/// The rate of all that a rate is not about.
fn complement(rate: Rate) -> Rate {
    Rate::new(rate.of - rate.count, rate.of)
}

/// The one setting that a point of the curve stands for.
fn setting(point: &StreamPoint) -> String {
    match point.share_min {
        Some(share) => format!("share_min {share:.3}"),
        None => format!("tau_fresh {:.2}", point.tau_fresh),
    }
}

fn under_budget(out: &mut String, budget: &BudgetReport) -> std::fmt::Result {
    let (percent, state) = (budget.rules.error_budget * 100.0, &budget.state);
    let held = |held: bool| if held { "held" } else { "BROKEN" };
    writeln!(
        out,
        "error budget {percent}%: {} on the last {} requests, {} on all; now {} since {}: {}",
        held(budget.held_late),
        budget.late.hits.of,
        held(budget.held_whole),
        state.state.as_str(),
        state.since,
        state.why
    )?;
    writeln!(out, "{:<22} {:>23} {:>23} {:>23} {:>23}", "", "hits, all", "wrong of them", "hits, late", "wrong of them")?;
    kept(out, "instinct", &budget.whole, &budget.late)?;
    for beside in &budget.beside {
        kept(out, &beside.name, &beside.whole, &beside.late)?;
        let times = |times: Option<f64>| times.map_or_else(|| "–".to_owned(), |times| format!("{times:.1}"));
        writeln!(out, "  times as many hits: {} on all, {} late", times(beside.times_whole), times(beside.times_late))?;
    }
    Ok(())
}

fn kept(out: &mut String, name: &str, whole: &Kept, late: &Kept) -> std::fmt::Result {
    let [hits, wrong, late_hits, late_wrong] = [whole.hits, whole.wrong_of_hits, late.hits, late.wrong_of_hits].map(share);
    writeln!(out, "{name:<22} {hits:>23} {wrong:>23} {late_hits:>23} {late_wrong:>23}")
}

fn class_row(out: &mut String, class: &ClassTally) -> std::fmt::Result {
    let shown = |rate: Rate| if rate.of == 0 { "–".to_owned() } else { format!("{}/{} {}", rate.count, rate.of, share(rate)) };
    writeln!(out, "{:<22} {:>25} {:>25}", class.class, shown(class.same_served), shown(class.different_served))
}

fn gates(out: &mut String, gates: &[crate::eval::statistics::GateTally]) -> std::fmt::Result {
    for gate in gates {
        let name = gate.gate.as_str();
        writeln!(
            out,
            "gate {name:<10} refused the nearest {} times rightly, {} times wrongly",
            gate.nearest_wrong, gate.nearest_right
        )?;
    }
    Ok(())
}

fn latency(out: &mut String, stages: &[Stage]) -> std::fmt::Result {
    for stage in stages.iter().filter(|stage| matches!(stage.stage, "embed" | "total")) {
        writeln!(out, "{} p50 {} µs, p95 {} µs, p99 {} µs", stage.stage, stage.p50_us, stage.p95_us, stage.p99_us)?;
    }
    Ok(())
}

/// A share with its interval, in per cent.
fn share(rate: Rate) -> String {
    match rate.rate {
        Some(share) => format!("{:.2}% [{:.1}, {:.1}]", share * 100.0, rate.low * 100.0, rate.high * 100.0),
        None => "–".to_owned(),
    }
}
