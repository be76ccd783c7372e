//! The cases of market structure, risk and options over the sample data: values as the entry says, and a sentence.

use super::trial::{frame, renamed, sample, sound};
use crate::domain::frame::{Column, Frame};
use crate::domain::time::Timestamp;
use crate::engine::numeric::catalogue::{Case, Catalogue, Moment};
use crate::engine::numeric::method::{FitInput, FitRun, Fitted};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// The last so many days of bars of the sample.
fn bars(days: u64) -> Frame {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/datasets/ohlcv.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let (mut times, mut symbols, mut closes) = (Vec::new(), Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let [time, symbol, close] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        times.push(Some(Timestamp::parse(time).unwrap()));
        symbols.push(Some(Arc::from(symbol)));
        closes.push(close.parse().unwrap());
    }
    let last = times.iter().flatten().max().unwrap().as_micros();
    let from = last - days as i64 * super::bars::DAY;
    let rows: Vec<usize> = (0..times.len()).filter(|&row| times[row].is_some_and(|time| time.as_micros() > from)).collect();
    frame(vec![("time", Column::Time(times)), ("symbol", Column::Text(symbols)), ("close", Column::Number(closes))]).take(&rows)
}

fn of_symbol(frame: &Frame, symbol: &str) -> Frame {
    super::trial::only(frame, "symbol", symbol)
}

/// The fit of a case, checked against its entry, and what is said of it a day later.
fn told(id: &str, frames: Vec<(&str, Frame)>, parameters: Value, settings: Value) -> (Fitted, String) {
    let catalogue = Catalogue::built_in().unwrap();
    let case: &Arc<Case> = catalogue.get(id).unwrap();
    let given: BTreeMap<String, Value> = parameters.as_object().unwrap().clone().into_iter().collect();
    let parameters = case.given(&given).unwrap();
    let mut all = case.settings.clone();
    all.extend(settings.as_object().unwrap().clone());
    let frames = frames.into_iter().map(|(name, frame)| (name.to_owned(), Arc::new(frame))).collect();
    let as_of = Timestamp::parse("2026-04-16T06:00:00Z").unwrap();
    let input = FitInput { frames: &frames, parameters: &parameters, settings: &all, previous: None, as_of };
    let fitted = case.method.fit(&input, &FitRun { seed: 7, stop: &|| false }).unwrap();
    sound(&fitted);
    case.output.check(&fitted.values).unwrap();
    let described: Vec<&str> = case.output.names().collect();
    assert!(fitted.values.keys().all(|name| described.contains(&name.as_str())), "{:?}", fitted.values.keys());
    let moment = Moment { fitted_at: as_of, now: as_of.plus_seconds(14 * 3_600) };
    let said = case.sentence.say(&parameters, &fitted.values, moment).unwrap();
    (fitted, said)
}

#[test]
fn the_regime_of_the_sample_is_told_as_in_the_worked_example() {
    let (fitted, said) =
        told("NR-01", vec![("bars", of_symbol(&bars(500), "BTC"))], json!({"symbol": "BTC-PERP"}), json!({"starts": 0}));
    let regime = &fitted.values["current_regime"];
    assert!(said.starts_with(&format!("BTC-PERP is in regime {regime} (")), "{said}");
    assert!(
        said.contains("days on average; this is day ") && said.contains("Next-week transition probabilities: stay "),
        "{said}"
    );
    assert!(said.ends_with("Last fit: 14h ago."), "{said}");
}

#[test]
fn the_coverage_of_the_samples_fund_is_told_at_the_shock_that_was_asked_for() {
    let frames = || {
        let positions = sample("open_positions.csv");
        let names = [("market", "market"), ("notional_usdt", "notional_usdt"), ("margin_usdt", "margin_usdt")];
        vec![("positions", renamed(&positions, &names)), ("fund", sample("insurance_fund.csv")), ("bars", bars(200))]
    };
    let fewer = json!({"trials": 2000, "shock_step": 0.05, "shock_max": 0.25});
    let (fitted, said) = told("NR-04", frames(), json!({"shock_pct": 0.15}), fewer);
    assert_eq!(fitted.values["current_if_usdt"], json!(50_000_000.0));
    assert!(said.starts_with("Insurance fund coverage probability at 15% shock: ") && said.contains("% (CI: "), "{said}");
    assert!(said.contains(" At 20% shock: ") && said.contains(" Top tail-risk contributors: "), "{said}");
    let at = |shock: &str| fitted.values["results_by_shock"][shock]["p_breach"].as_f64().unwrap();
    assert!(at("0.05") < at("0.15") && at("0.15") < at("0.25"));
}

#[test]
fn the_volatility_of_the_sample_is_forecast_for_the_days_that_were_asked_for() {
    let (_, said) =
        told("NR-13", vec![("bars", of_symbol(&bars(730), "ETH"))], json!({"symbol": "ETH", "horizon_days": 14}), json!({}));
    assert!(said.starts_with("ETH-PERP volatility over the next 14 days: "), "{said}");
}

#[test]
fn the_correlation_of_the_samples_markets_is_told() {
    let (fitted, said) = told("NR-16", vec![("bars", bars(300))], json!({}), json!({}));
    assert!(said.starts_with("BTC-PERP and ETH-PERP: correlation 0."), "{said}");
    assert!(fitted.values["matrix"]["SOL"]["BTC"].as_f64().unwrap() > 0.3);
}

#[test]
fn the_greeks_of_the_samples_book_are_told() {
    let (fitted, said) = told("NR-18", vec![("positions", sample("option_positions.csv"))], json!({}), json!({}));
    assert!(said.starts_with("The option book is worth ") && said.contains(" over 60 positions. Delta "), "{said}");
    let by: &Map<String, Value> = fitted.values["by_underlying"].as_object().unwrap();
    let total: f64 = by.values().map(|sums| sums["vega_point"].as_f64().unwrap()).sum();
    assert!((total - fitted.values["vega_point"].as_f64().unwrap()).abs() < 1e-6);
}
