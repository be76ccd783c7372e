//! Tests of the correlation of markets.

use super::*;
use crate::domain::frame::Column;
use crate::stats::monte_carlo::normal;
use fastrand::Rng;

/// Bars of four hours of two markets, whose correlation changes from `before` to `after` thirty days before the end.
fn bars(days: usize, before: f64, after: f64) -> Frame {
    let mut chance = Rng::with_seed(4);
    let start = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
    let (mut times, mut symbols, mut closes, mut prices) = (Vec::new(), Vec::new(), Vec::new(), [100.0_f64, 50.0]);
    for bar in 0..days * 6 {
        let rho: f64 = if bar / 6 + 30 < days { before } else { after };
        let (a, b) = (normal(&mut chance), normal(&mut chance));
        for (at, shock) in [a, rho * a + (1.0 - rho * rho).sqrt() * b].into_iter().enumerate() {
            prices[at] *= (0.01 * shock).exp();
            times.push(Some(start.plus_seconds(bar as u64 * 14_400)));
            symbols.push(Some(["BTC", "ETH"][at].into()));
            closes.push(prices[at]);
        }
    }
    let columns = vec![
        ("time".into(), Column::Time(times)),
        ("symbol".into(), Column::Text(symbols)),
        ("close".into(), Column::Number(closes)),
    ];
    Frame::new(columns).unwrap()
}

fn fit(frame: Frame, symbol: &str, other: &str) -> Result<Fitted, FitFault> {
    let frames = BTreeMap::from([("bars".to_owned(), Arc::new(frame))]);
    let parameters = json!({"symbol": symbol, "other": other}).as_object().cloned().unwrap();
    let as_of = Timestamp::parse("2027-01-01T00:00:00Z").unwrap();
    let input = FitInput { frames: &frames, parameters: &parameters, settings: &Map::new(), previous: None, as_of };
    MarketCorrelation.fit(&input, &FitRun { seed: 7, stop: &|| false })
}

#[test]
fn a_steady_correlation_is_found_without_a_break_under_any_spelling() {
    let fitted = fit(bars(300, 0.8, 0.8), "BTC-PERP", "ETHUSDT").unwrap();
    crate::engine::numeric::methods::trial::sound(&fitted);
    let value = crate::engine::numeric::methods::trial::number(&fitted, "correlation");
    assert!((value - 0.8).abs() < 0.12, "{value}");
    assert_eq!(fitted.values["broke"], json!(false));
}

#[test]
fn a_break_is_told_and_lowers_the_confidence() {
    let fitted = fit(bars(300, 0.9, 0.0), "BTC", "ETH").unwrap();
    assert_eq!(fitted.values["broke"], json!(true), "{:?}", fitted.values);
    assert_eq!(fitted.values["broken_pairs"][0]["pair"], json!("BTC/ETH"));
    assert_eq!(fitted.doubts[0].at_most, Confidence::Medium);
}

#[test]
fn an_unknown_market_the_same_one_twice_and_too_few_days_are_refused() {
    assert!(matches!(fit(bars(300, 0.8, 0.8), "BTC", "DOGE"), Err(FitFault::NoData(name)) if name == "DOGE"));
    assert!(matches!(fit(bars(300, 0.8, 0.8), "BTC", "BTC-PERP"), Err(FitFault::Parameter(_))));
    assert!(matches!(fit(bars(40, 0.8, 0.8), "BTC", "ETH"), Err(FitFault::Stats(StatsError::TooFew { .. }))));
}
