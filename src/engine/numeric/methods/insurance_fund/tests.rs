//! Tests of the coverage of the insurance fund.

use super::*;
use crate::domain::frame::Column;
use crate::engine::numeric::methods::trial;
use crate::stats::monte_carlo::Draws;

fn bars(days: usize, drift: f64) -> Frame {
    let start = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
    let mut draws = Draws::new(&[1.0, 0.7, 0.7, 1.0], Some(5.0), 3).unwrap().independent();
    let (mut times, mut symbols, mut closes, mut prices) = (Vec::new(), Vec::new(), Vec::new(), [100.0_f64, 50.0]);
    for bar in 0..days * 4 {
        let draw = draws.draw().to_vec();
        for at in 0..2 {
            prices[at] *= (drift * draw[at]).exp();
            times.push(Some(start.plus_seconds(bar as u64 * 21_600)));
            symbols.push(Some(["BTC", "ETHUSDT"][at].into()));
            closes.push(prices[at]);
        }
    }
    let columns = [("time", Column::Time(times)), ("symbol", Column::Text(symbols)), ("close", Column::Number(closes))];
    trial::frame(columns.into_iter().collect())
}

fn fund(balance: f64) -> Frame {
    trial::frame(vec![
        ("time", trial::times(&["2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"])),
        ("balance_usdt", Column::Number(vec![balance, 1.0])),
    ])
}

fn positions() -> Frame {
    book::tests::frame(&[("BTC-PERP", 1e6, 1e5), ("BTC-PERP", -5e5, 2e5), ("ETH-PERP", 8e5, 8e4), ("ETH-PERP", 2e5, 1e5)])
}

fn fit(positions: Frame, balance: f64, bars: Frame) -> Result<Fitted, FitFault> {
    let frames = [("positions", positions), ("fund", fund(balance)), ("bars", bars)];
    trial::fit(&InsuranceFundCoverage, &frames, json!({"trials": 2000, "shock_step": 0.05, "shock_max": 0.4}))
}

#[test]
fn the_chance_of_a_breach_grows_with_the_shock_and_its_interval_is_wilsons() {
    let fitted = fit(positions(), 120_000.0, bars(300, 0.02)).unwrap();
    trial::sound(&fitted);
    let at = |shock: &str| fitted.values["results_by_shock"][shock]["p_breach"].as_f64().unwrap();
    assert!(at("0.05") < at("0.20") && at("0.20") < at("0.35"), "{:?}", fitted.values["results_by_shock"]);
    let one = &fitted.values["results_by_shock"]["0.20"];
    let own = wilson(at("0.20") * 2000.0, 2000.0, 0.95).unwrap().interval;
    assert!((one["wilson_ci_95"][0].as_f64().unwrap() - own.low).abs() < 1e-12);
    assert!((one["coverage"].as_f64().unwrap() - (1.0 - at("0.20"))).abs() < 1e-12);
    assert_eq!(one["worse"]["shock_pct"], json!(0.25));
    assert_eq!(fitted.values["method"], json!("monte_carlo_2k_trials"));
}

#[test]
fn shares_of_the_tail_add_up_and_the_larger_book_leads() {
    let fitted = fit(positions(), 120_000.0, bars(300, 0.02)).unwrap();
    let shares = fitted.values["top_tail_risk_contributors"].as_array().unwrap();
    let total: f64 = shares.iter().map(|one| one["share_pct"].as_f64().unwrap()).sum();
    assert!((total - 100.0).abs() < 0.2, "{shares:?}");
    let lonely = book::tests::frame(&[("BTC-PERP", 9e6, 9e4), ("ETH-PERP", 1e3, 1e3)]);
    let fitted = fit(lonely, 120_000.0, bars(300, 0.02)).unwrap();
    assert_eq!(fitted.values["top_tail_risk_contributors"][0]["market"], json!("BTC-PERP"));
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_the_balance_of_the_future_is_not_looked_at() {
    let (one, two) = (fit(positions(), 5e4, bars(300, 0.02)).unwrap(), fit(positions(), 5e4, bars(300, 0.02)).unwrap());
    assert_eq!(one.values, two.values);
    assert_eq!(one.values["current_if_usdt"], json!(5e4));
}

#[test]
fn no_positions_no_bars_of_a_market_and_still_prices_are_refused() {
    let none = book::tests::frame(&[]);
    assert!(matches!(fit(none, 1e5, bars(300, 0.02)), Err(FitFault::NoData(_))));
    let other = book::tests::frame(&[("DOGE-PERP", 1e5, 1e4)]);
    assert!(matches!(fit(other, 1e5, bars(300, 0.02)), Err(FitFault::NoData(name)) if name.contains("DOGE")));
    assert!(matches!(fit(positions(), 1e5, bars(300, 0.0)), Err(FitFault::Stats(StatsError::Constant(_)))));
    assert!(matches!(fit(positions(), 1e5, bars(20, 0.02)), Err(FitFault::Stats(StatsError::TooFew { .. }))));
}

#[test]
fn the_chance_of_one_position_is_that_of_students_law() {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    let fitted = fit(book::tests::frame(&[("BTC-PERP", 1e6, 1e5)]), 5e4, bars(300, 0.02)).unwrap();
    let nu = trial::number(&fitted, "tail_degrees_of_freedom");
    let deviation = trial::number(&fitted, "closing_width") * trial::number(&fitted, "daily_volatility.BTC-PERP");
    let law = StudentsT::new(0.0, deviation * ((nu - 2.0) / nu).sqrt(), nu).unwrap();
    for shock in [0.05_f64, 0.10, 0.15] {
        // The fund is gone where 1e6 · (1 − price + 0.002) − 1e5 is more than 5e4.
        let chance = law.cdf((1.0_f64 + 0.002 - 0.15).ln() - (1.0 - shock).ln());
        let seen = fitted.values["results_by_shock"][format!("{shock:.2}")]["p_breach"].as_f64().unwrap();
        let error = (chance * (1.0 - chance) / 2000.0).sqrt();
        assert!((seen - chance).abs() < 4.0 * error, "{shock}: {seen} {chance} {error}");
    }
}
