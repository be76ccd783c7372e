//! Tests of the volatility regimes.

use super::regimes::COUNT;
use super::*;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::methods::bars::tests::hourly;
use crate::engine::numeric::methods::trial;
use crate::stats::monte_carlo::normal;
use fastrand::Rng;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Yearly volatility and daily drift of each regime that the prices are made with.
const TRUTH: [(f64, f64); COUNT] = [(0.2, 0.0), (0.45, 0.0), (0.9, 0.025), (0.95, -0.03)];

/// Hourly prices that stay in a regime for some twenty days, and the regime of each day.
fn prices(days: usize, seed: u64) -> (Vec<f64>, Vec<usize>) {
    let mut chance = Rng::with_seed(seed);
    let (mut price, mut regime, mut closes, mut regimes) = (1_000.0_f64, 1, vec![1_000.0], Vec::new());
    for _ in 0..days {
        if chance.f64() < 0.05 {
            regime = chance.usize(..COUNT);
        }
        regimes.push(regime);
        let (volatility, drift) = TRUTH[regime];
        for _ in 0..24 {
            price *= (drift / 24.0 + volatility / (365.0_f64 * 24.0).sqrt() * normal(&mut chance)).exp();
            closes.push(price);
        }
    }
    (closes, regimes)
}

fn fit(frame: Frame, settings: Value, previous: Option<&Map<String, Value>>) -> Result<Fitted, FitFault> {
    let frames = BTreeMap::from([("bars".to_owned(), Arc::new(frame))]);
    let parameters = json!({"symbol": "BTC-PERP"}).as_object().cloned().unwrap();
    let settings = settings.as_object().cloned().unwrap();
    let as_of = Timestamp::parse("2030-01-01T00:00:00Z").unwrap();
    let input = FitInput { frames: &frames, parameters: &parameters, settings: &settings, previous, as_of };
    VolatilityRegimes.fit(&input, &FitRun { seed: 7, stop: &|| false })
}

#[test]
fn regimes_that_the_prices_were_made_with_are_found_under_their_names() {
    let (closes, truth) = prices(700, 5);
    let fitted = fit(hourly(&closes), json!({"starts": 1}), None).unwrap();
    trial::sound(&fitted);
    let regimes = fitted.values["regimes"].as_array().unwrap();
    let volatility = |at: usize| regimes[at]["realised_volatility"].as_f64().unwrap();
    assert!(volatility(0) < 0.35 && volatility(1) < 0.65 && volatility(2) > 0.6 && volatility(3) > 0.6, "{regimes:?}");
    assert!(regimes[2]["mean_daily_return"].as_f64().unwrap() > 0.0 && regimes[3]["mean_daily_return"].as_f64().unwrap() < 0.0);
    // The means look back some days, so that a change is seen with a delay.
    let recent = fitted.values["recent_days"].as_array().unwrap();
    let last: Vec<u64> = recent.iter().map(|one| one["regime"].as_u64().unwrap()).collect();
    // The last whole day of the prices is the last but one of the truth, for the last bar begins a day of its own.
    let right = last.iter().rev().zip(truth.iter().rev()).filter(|(own, truth)| **own == **truth as u64).count();
    assert!(right * 10 >= last.len() * 6, "{right} of {}", last.len());
}

#[test]
fn the_values_are_those_of_the_contract_and_chances_add_up() {
    let (closes, _) = prices(300, 9);
    let fitted = fit(hourly(&closes), json!({"starts": 1}), None).unwrap();
    let chances = fitted.values["transition_probs"].as_object().unwrap();
    let keys: Vec<&String> = chances.keys().collect();
    assert_eq!(
        keys,
        ["to_regime_0_low_vol", "to_regime_1_neutral", "to_regime_2_high_vol_bullish", "to_regime_3_high_vol_bearish"]
    );
    let total: f64 = chances.values().map(|chance| chance.as_f64().unwrap()).sum();
    assert!((total - 1.0).abs() < 1e-12);
    for key in ["current_regime", "days_in_current_regime", "avg_persistence_days", "silhouette_score"] {
        assert!(fitted.values[key].is_number(), "{key}");
    }
    let next = fitted.values["next_week"].as_array().unwrap();
    assert_eq!((next.len(), &next[0]["name"]), (COUNT, &json!("stay")));
    assert!(next[1]["probability"].as_f64().unwrap() >= next[3]["probability"].as_f64().unwrap());
}

#[test]
fn labels_stay_what_they_were_where_a_week_of_data_comes_on_top() {
    let (closes, _) = prices(400, 3);
    let before = fit(hourly(&closes[..24 * 393 + 1]), json!({"starts": 1}), None).unwrap();
    let after = fit(hourly(&closes), json!({"starts": 1}), Some(&before.values)).unwrap();
    let agreement = trial::number(&after, "agreement_with_previous_fit");
    assert!(agreement >= 0.9, "{agreement}");
    assert_eq!(after.values["relabelled"], json!(false));
}

#[test]
fn a_fit_before_in_another_shape_is_left_aside() {
    let (closes, _) = prices(200, 3);
    let odd = json!({"regimes": [{"centre": [1.0]}], "transition_matrix_daily": "none"}).as_object().cloned().unwrap();
    let (own, plain) = (fit(hourly(&closes), json!({"starts": 1}), Some(&odd)), fit(hourly(&closes), json!({"starts": 1}), None));
    assert_eq!(own.unwrap().values, plain.unwrap().values);
}

#[test]
fn a_still_price_too_few_days_no_rows_and_a_stop_are_told() {
    assert!(matches!(fit(hourly(&[100.0; 24 * 200]), json!({}), None), Err(FitFault::Stats(StatsError::Constant(_)))));
    assert!(matches!(fit(hourly(&prices(60, 1).0), json!({}), None), Err(FitFault::Stats(StatsError::TooFew { .. }))));
    assert!(matches!(fit(hourly(&[]), json!({}), None), Err(FitFault::NoData(_))));
    assert!(matches!(fit(hourly(&[100.0]), json!({}), None), Err(FitFault::Stats(StatsError::TooFew { .. }))));
    assert!(VolatilityRegimes.check(json!({"horizon_days": 0}).as_object().unwrap()).is_err());
}
