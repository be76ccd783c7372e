//! NR-09: how concentrated positions are in few hands.

use super::plot;
use super::setting;
use super::tabular::{doubt, labels, last_of_each, left_out, pair, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::concentration::{Index, Resampling, hhi, normalised_hhi, tail_index, top_share};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The index of Herfindahl and Hirschman over positions. Its frame `positions` has `account`, `notional` (its size counts, not
/// its side) and, where there are several moments, `time`: the last position of an account is the one that counts.
#[derive(Debug, Clone, Copy)]
pub struct HhiConcentration;

struct Settings {
    level: f64,
    listed: usize,
    trials: usize,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["level", "listed", "trials"])?;
        Ok(Self {
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
            listed: setting::whole(given, "listed", 10, 1..=50)? as usize,
            trials: setting::whole(given, "trials", 999, 199..=9_999)? as usize,
        })
    }
}

impl Method for HhiConcentration {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let frame = input.frame("positions")?;
        let (accounts, sizes) = (labels(frame, "account")?, frame.numbers("notional")?);
        let times = frame.columns().iter().any(|(name, _)| &**name == "time").then(|| frame.times("time")).transpose()?;
        let mut told = Vec::new();
        let missing = sizes.iter().zip(&accounts).filter(|(size, account)| size.is_nan() && account.is_some()).count();
        left_out(&mut told, missing, "notional is missing");
        let mut order: Vec<usize> = (0..frame.rows()).filter(|&row| !sizes[row].is_nan()).collect();
        if let Some(times) = times {
            order.sort_by_key(|&row| times[row]);
        }
        let kept = last_of_each(order.iter().map(|&row| accounts[row].clone()));
        kept.tell("account", &mut told);
        let mut held: Vec<(Arc<str>, f64)> = kept
            .rows
            .iter()
            .map(|&at| order[at])
            .filter_map(|row| Some((accounts[row].clone()?, sizes[row].abs())))
            .filter(|(_, size)| *size > 0.0)
            .collect();
        if held.is_empty() {
            return Err(FitFault::NoData("positions".to_owned()));
        }
        held.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let amounts: Vec<f64> = held.iter().map(|(_, size)| *size).collect();
        let index = hhi(&amounts, settings.level, Resampling { trials: settings.trials, seed: run.seed }, run.stop)?;
        let mut values = values(&index, &held, &amounts, settings.listed)?;
        values.insert("seed".to_owned(), json!(run.seed));
        let tail = tail_index(&amounts)?;
        values.insert("tail_index".to_owned(), json!(tail.map(|(index, _)| index)));
        let heavy = tail.is_some_and(|(index, error)| index + 2.0 * error < 2.0).then(|| {
            doubt(Confidence::Medium, "The tail of the positions is so heavy that more accounts would have another concentration, and the interval may be too narrow.")
        });
        let few = (held.len() < 10).then(|| doubt(Confidence::Medium, format!("Only {} accounts hold positions.", held.len())));
        Ok(Fitted {
            values,
            observations: held.len() as u64,
            window: times.and_then(|times| window(times.iter().copied().flatten())),
            doubts: few.into_iter().chain(heavy).collect(),
            told,
            chart: Some(chart(&held, &amounts, settings.listed)),
        })
    }
}

/// The bounds of the Merger Guidelines of the US Department of Justice and the FTC (2023), section 2.1.
fn word(points: f64) -> &'static str {
    match points {
        p if p < 1_000.0 => "unconcentrated",
        p if p <= 1_800.0 => "moderately concentrated",
        _ => "highly concentrated",
    }
}

fn values(index: &Index, held: &[(Arc<str>, f64)], amounts: &[f64], listed: usize) -> Result<Map<String, Value>, FitFault> {
    let all: f64 = amounts.iter().sum();
    let top: Vec<Value> = held
        .iter()
        .take(listed)
        .map(|(account, size)| json!({"account": account, "notional": size, "share": size / all}))
        .collect();
    let points = 1e4 * index.estimate;
    let value = json!({
        "hhi": index.estimate,
        "hhi_standard_error": index.standard_error,
        "hhi_interval": pair(index.interval),
        "hhi_points": points,
        "hhi_points_interval": [1e4 * index.interval.low, 1e4 * index.interval.high],
        "normalised_hhi": normalised_hhi(index.estimate, held.len()),
        "effective_holders": 1.0 / index.estimate,
        "holders": held.len(),
        "total_notional": all,
        "level": word(points),
        "top_1_share": top_share(amounts, 1)?,
        "top_5_share": top_share(amounts, 5)?,
        "top_10_share": top_share(amounts, 10)?,
        "top": top,
    });
    Ok(value.as_object().cloned().unwrap_or_default())
}

fn chart(held: &[(Arc<str>, f64)], amounts: &[f64], listed: usize) -> Value {
    let all: f64 = amounts.iter().sum();
    let names: Vec<String> = held.iter().take(listed).map(|(account, _)| account.to_string()).collect();
    let shares: Vec<f64> = amounts.iter().take(listed).map(|size| 100.0 * size / all).collect();
    plot::chart(vec![plot::bars("share", &names, &shares, None)], "Largest positions", "account", "share of open interest, %")
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use crate::domain::frame::Column;

    #[test]
    fn four_equal_positions_on_either_side_are_as_concentrated_as_four() {
        let frame = trial::frame(vec![
            ("account", trial::texts(&["a", "b", "c", "d", "a"])),
            ("notional", Column::Number(vec![1.0, -5.0, 5.0, 5.0, 5.0])),
        ]);
        let fitted = trial::fit(&HhiConcentration, &[("positions", frame)], json!({})).unwrap();
        assert_eq!(fitted.values["hhi"], 0.25);
        assert_eq!(fitted.values["effective_holders"], 4.0);
        assert_eq!(fitted.values["level"], "highly concentrated");
        assert_eq!(fitted.told, ["1 row was left out: the same account came again later."]);
        assert_eq!(fitted.doubts.len(), 1);
    }

    #[test]
    fn the_last_position_in_time_counts_whatever_the_order_of_rows() {
        let frame = trial::frame(vec![
            ("account", trial::texts(&["a", "a", "b"])),
            ("notional", Column::Number(vec![3.0, 9.0, 1.0])),
            ("time", trial::times(&["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"])),
        ]);
        let fitted = trial::fit(&HhiConcentration, &[("positions", frame)], json!({})).unwrap();
        assert_eq!(fitted.values["total_notional"], 4.0);
        trial::sound(&fitted);
    }

    #[test]
    fn nothing_held_one_holder_and_wrong_settings() {
        let frame = |sizes: &[f64]| {
            trial::frame(vec![("account", trial::texts(&vec!["a"; sizes.len()])), ("notional", Column::Number(sizes.to_vec()))])
        };
        assert!(matches!(trial::fit(&HhiConcentration, &[("positions", frame(&[0.0]))], json!({})), Err(FitFault::NoData(_))));
        assert!(matches!(trial::fit(&HhiConcentration, &[], json!({})), Err(FitFault::NoData(_))));
        let one = trial::fit(&HhiConcentration, &[("positions", frame(&[7.0]))], json!({})).unwrap();
        assert_eq!(one.values["hhi"], 1.0);
        trial::sound(&one);
        assert!(HhiConcentration.check(json!({"level": 2}).as_object().unwrap()).is_err());
    }

    #[test]
    fn a_market_of_few_large_holders_is_the_more_concentrated_one() {
        let entry = include_str!("../cases/nr-09.toml");
        let (broad, narrow) = (trial::case(entry, &[("symbol", "BTC-PERP")]), trial::case(entry, &[("symbol", "ALT-PERP")]));
        assert!(trial::number(&narrow, "hhi_interval.0") > trial::number(&broad, "hhi_interval.1"));
        assert_eq!(broad.values["level"], "unconcentrated");
        // Log-normal with σ = 1.2: n · HHI = exp(σ²), over 600 accounts.
        let truth = 1.44_f64.exp() / 600.0;
        assert!(trial::number(&broad, "hhi_interval.0") < truth && truth < trial::number(&broad, "hhi_interval.1"));
    }
}
