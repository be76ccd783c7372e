//! NR-11: how many alerts are right, and how many cases raise one.

use super::plot;
use super::setting;
use super::tabular::{doubt, flags, labels, last_of_each, left_out, pair, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::detection::{Detection, Reviewed, detection};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Precision and recall of alerts by rule. Its frame `alerts` has `alert`, `rule`, `time` and `confirmed` (missing while nobody
/// has looked into it). Its frame `quiet`, which it can do without, has for each rule, and for all together under `all`, how many
/// cases raised no alert (`cases`), how many of these were drawn at random and looked into (`reviewed`), and how many should have
/// raised one (`missed`). Without it there is no recall.
#[derive(Debug, Clone, Copy)]
pub struct AlertQuality;

/// Under which name all rules together stand.
const ALL: &str = "all";

fn level(given: &Map<String, Value>) -> Result<f64, FieldError> {
    setting::only(given, &["level"])?;
    setting::number(given, "level", 0.95, 0.5..=0.999)
}

impl Method for AlertQuality {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        level(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, _run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let level = level(input.settings)?;
        let frame = input.frame("alerts")?;
        let mut told = Vec::new();
        let mut rules = alerts(frame, &mut told)?;
        match input.frame("quiet") {
            Ok(quiet) => add_quiet(quiet, &mut rules, &mut told)?,
            Err(_) => told.push("There are no reviews of cases without an alert, so that recall is not known.".to_owned()),
        }
        let (mut table, mut unread) = (Map::new(), Vec::new());
        for (rule, counts) in &rules {
            if counts.alarms_reviewed == 0.0 {
                unread.push(rule.as_str());
                continue;
            }
            table.insert(rule.clone(), row(rule, counts, &detection(counts, level)?));
        }
        if !table.contains_key(ALL) {
            return Err(FitFault::NoData("alerts that were looked into".to_owned()));
        }
        if !unread.is_empty() {
            told.push(format!("No alert of these rules was looked into yet: {}.", unread.join(", ")));
        }
        let all = &rules[ALL];
        let mut doubts = Vec::new();
        if all.alarms_reviewed < 0.5 * all.alarms {
            doubts.push(doubt(
                Confidence::Medium,
                "Less than half of the alerts were looked into, and perhaps not the usual ones.",
            ));
        }
        let chart = chart(&table);
        let names: Vec<&String> = table.keys().filter(|rule| *rule != ALL).collect();
        let value = json!({"rules": table, "rule_names": names, "alerts": all.alarms, "reviewed": all.alarms_reviewed});
        Ok(Fitted {
            values: value.as_object().cloned().unwrap_or_default(),
            observations: all.alarms_reviewed as u64,
            window: window(frame.times("time")?.iter().copied().flatten()),
            doubts,
            told,
            chart: Some(chart),
        })
    }
}

/// The counts of alerts by rule, all together under `all`.
fn alerts(frame: &Frame, told: &mut Vec<String>) -> Result<BTreeMap<String, Reviewed>, FitFault> {
    let (alerts, rules, confirmed) = (labels(frame, "alert")?, labels(frame, "rule")?, flags(frame, "confirmed")?);
    let kept = last_of_each(alerts.iter().cloned());
    kept.tell("alert", told);
    let none = Reviewed { alarms: 0.0, alarms_reviewed: 0.0, right: 0.0, quiet: 0.0, quiet_reviewed: 0.0, missed: 0.0 };
    let mut counts = BTreeMap::from([(ALL.to_owned(), none)]);
    let mut nameless = 0;
    for row in kept.rows {
        let Some(rule) = rules[row].as_deref().filter(|rule| *rule != ALL) else {
            nameless += 1;
            continue;
        };
        for name in [rule, ALL] {
            let counted = counts.entry(name.to_owned()).or_insert(none);
            counted.alarms += 1.0;
            counted.alarms_reviewed += f64::from(u8::from(confirmed[row].is_some()));
            counted.right += f64::from(u8::from(confirmed[row] == Some(true)));
        }
    }
    left_out(told, nameless, "rule is missing");
    Ok(counts)
}

fn add_quiet(frame: &Frame, rules: &mut BTreeMap<String, Reviewed>, told: &mut Vec<String>) -> Result<(), FitFault> {
    let names = labels(frame, "rule")?;
    let (cases, reviewed, missed) = (frame.numbers("cases")?, frame.numbers("reviewed")?, frame.numbers("missed")?);
    let kept = last_of_each(names.iter().cloned());
    kept.tell("rule", told);
    let mut wrong = 0;
    for row in kept.rows {
        let fine = missed[row] >= 0.0 && missed[row] <= reviewed[row] && reviewed[row] <= cases[row];
        let Some(counted) = names[row].as_deref().and_then(|rule| rules.get_mut(rule)).filter(|_| fine) else {
            wrong += 1;
            continue;
        };
        (counted.quiet, counted.quiet_reviewed, counted.missed) = (cases[row], reviewed[row], missed[row]);
    }
    left_out(told, wrong, "a rule without alerts, or more cases missed than reviewed or reviewed than there are");
    Ok(())
}

fn row(rule: &str, counts: &Reviewed, found: &Detection) -> Value {
    let mut value = json!({
        "rule": rule,
        "alerts": counts.alarms,
        "reviewed": counts.alarms_reviewed,
        "confirmed": counts.right,
        "open": counts.alarms - counts.alarms_reviewed,
        "precision": found.precision.estimate,
        "precision_interval": pair(found.precision.interval),
        "f1": found.f1,
    });
    if counts.right > 0.0 {
        value["alerts_per_confirmed"] = json!(1.0 / found.precision.estimate);
    }
    if let (Some(recall), Some(missed)) = (found.recall, found.missed) {
        value["recall"] = json!(recall.estimate);
        value["recall_interval"] = pair(recall.interval);
        value["missed_estimate"] = json!(missed.estimate);
        value["missed_interval"] = pair(missed.interval);
    }
    value
}

fn chart(table: &Map<String, Value>) -> Value {
    let bars = |name: &str| {
        let of = |row: &Value| {
            let ends = &row[format!("{name}_interval")];
            Some((row[name].as_f64()?, [ends[0].as_f64()?, ends[1].as_f64()?]))
        };
        let found: Vec<(String, f64, [f64; 2])> =
            table.iter().filter_map(|(rule, row)| of(row).map(|(p, ends)| (rule.clone(), p, ends))).collect();
        let names: Vec<String> = found.iter().map(|one| one.0.clone()).collect();
        let heights: Vec<f64> = found.iter().map(|one| one.1).collect();
        let ends: Vec<[f64; 2]> = found.iter().map(|one| one.2).collect();
        plot::bars(name, &names, &heights, Some(&ends))
    };
    plot::chart(vec![bars("precision"), bars("recall")], "Precision and recall of alerts, with intervals", "rule", "share")
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use crate::domain::frame::Column;

    fn alerts_frame(confirmed: &[Option<bool>]) -> Frame {
        let names: Vec<String> = (0..confirmed.len()).map(|at| format!("a{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        trial::frame(vec![
            ("alert", trial::texts(&names)),
            ("rule", trial::texts(&vec!["spoofing"; confirmed.len()])),
            ("time", trial::times(&vec!["2026-01-01T00:00:00Z"; confirmed.len()])),
            ("confirmed", Column::Flag(confirmed.to_vec())),
        ])
    }

    #[test]
    fn open_alerts_count_as_alerts_and_not_as_wrong() {
        let frame = alerts_frame(&[Some(true), Some(false), None, Some(true)]);
        let fit = trial::fit(&AlertQuality, &[("alerts", frame)], json!({})).unwrap();
        assert!((trial::number(&fit, "rules.spoofing.precision") - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(trial::number(&fit, "rules.all.open"), 1.0);
        assert!(fit.values["rules"]["all"].get("recall").is_none());
        assert_eq!(fit.told, ["There are no reviews of cases without an alert, so that recall is not known."]);
        trial::sound(&fit);
    }

    #[test]
    fn reviews_of_quiet_cases_give_recall_and_impossible_ones_are_left_out() {
        let quiet = trial::frame(vec![
            ("rule", trial::texts(&["all", "spoofing", "layering"])),
            ("cases", Column::Number(vec![1000.0, 1000.0, 5.0])),
            ("reviewed", Column::Number(vec![500.0, 100.0, 5.0])),
            ("missed", Column::Number(vec![1.0, 200.0, 0.0])),
        ]);
        let frame = alerts_frame(&[Some(true), Some(false), Some(true), Some(true)]);
        let fit = trial::fit(&AlertQuality, &[("alerts", frame), ("quiet", quiet)], json!({})).unwrap();
        assert!((trial::number(&fit, "rules.all.recall") - 0.6).abs() < 1e-12);
        assert!(fit.values["rules"]["spoofing"].get("recall").is_none());
        assert_eq!(fit.told.len(), 1);
    }

    #[test]
    fn no_alert_looked_into_is_no_data() {
        assert!(matches!(
            trial::fit(&AlertQuality, &[("alerts", alerts_frame(&[None, None]))], json!({})),
            Err(FitFault::NoData(_))
        ));
        assert!(matches!(trial::fit(&AlertQuality, &[("alerts", alerts_frame(&[]))], json!({})), Err(FitFault::NoData(_))));
    }

    #[test]
    fn the_sample_has_the_precision_that_it_was_made_with() {
        let fit = trial::case(include_str!("../cases/nr-11.toml"), &[]);
        for (rule, truth) in [("structuring", 0.55), ("wash_trading", 0.40), ("velocity", 0.12)] {
            let interval = &fit.values["rules"][rule]["precision_interval"];
            assert!(interval[0].as_f64().unwrap() <= truth && truth <= interval[1].as_f64().unwrap(), "{rule}: {interval}");
        }
        // Of 48,000 quiet cases 0.7 % are true ones, and 240 · 0.55 + 300 · 0.4 + 700 · 0.12 of the alerts are right.
        let interval = &fit.values["rules"]["all"]["recall_interval"];
        let truth = 336.0 / (336.0 + 336.0);
        assert!(interval[0].as_f64().unwrap() <= truth && truth <= interval[1].as_f64().unwrap(), "{interval}");
    }
}
