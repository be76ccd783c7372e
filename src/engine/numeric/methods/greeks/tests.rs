//! Tests of the Greeks of a book.

use super::*;
use crate::domain::frame::Column;
use crate::engine::numeric::methods::trial;

/// Columns of options: kind, style, strike, quantity and volatility.
fn book(rows: &[(&str, &str, f64, f64, f64)], expiry: &str) -> Frame {
    let number = |value: &dyn Fn(usize) -> f64| Column::Number((0..rows.len()).map(value).collect());
    trial::frame(vec![
        ("underlying", trial::texts(&vec!["BTC"; rows.len()])),
        ("kind", trial::texts(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("style", trial::texts(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("expiry", trial::times(&vec![expiry; rows.len()])),
        ("strike", number(&|at| rows[at].2)),
        ("quantity", number(&|at| rows[at].3)),
        ("price", number(&|_| 100.0)),
        ("volatility", number(&|at| rows[at].4)),
        ("rate", number(&|_| 0.05)),
    ])
}

fn fit(rows: &[(&str, &str, f64, f64, f64)], expiry: &str) -> Result<Fitted, FitFault> {
    trial::fit(&GreeksAggregation, &[("positions", book(rows, expiry))], json!({}))
}

#[test]
fn a_call_less_a_put_is_a_forward_with_a_delta_of_one_and_no_gamma_nor_vega() {
    let fitted = fit(&[("call", "spot", 90.0, 2.0, 0.5), ("put", "spot", 90.0, -2.0, 0.5)], "2027-07-02T00:00:00Z").unwrap();
    trial::sound(&fitted);
    assert!((trial::number(&fitted, "delta_units") - 2.0).abs() < 1e-12);
    assert!(trial::number(&fitted, "gamma_1pct").abs() < 1e-12 && trial::number(&fitted, "vega_point").abs() < 1e-12);
    assert!(trial::number(&fitted, "parity_gap_max") < 1e-14);
    // 182 days at 5%: 100 − 90·exp(−0.05·182/365), twice.
    let forward = 2.0 * (100.0 - 90.0 * (-0.05_f64 * 182.0 / 365.0).exp());
    assert!((trial::number(&fitted, "value") - forward).abs() < 1e-9);
}

#[test]
fn sums_over_underlyings_and_expiries_are_those_of_the_book_and_the_ladder_begins_at_no_gain() {
    let fitted = fit(&[("call", "future", 100.0, 5.0, 0.4), ("put", "spot", 100.0, 5.0, 0.4)], "2027-04-01T00:00:00Z").unwrap();
    let own = trial::number(&fitted, "vega_point");
    assert!((trial::number(&fitted, "by_underlying.BTC.vega_point") - own).abs() < 1e-12);
    assert!((fitted.values["by_expiry"][0]["vega_point"].as_f64().unwrap() - own).abs() < 1e-12);
    assert!(fitted.values["ladder"][10]["gain"].as_f64().unwrap().abs() < 1e-9);
    // Two long options gain on both sides of where the book is worth least.
    assert!(
        fitted.values["ladder"][20]["gain"].as_f64().unwrap() > 0.0 && fitted.values["ladder"][0]["gain"].as_f64().unwrap() > 0.0
    );
}

#[test]
fn scenarios_are_the_book_valued_again_and_agree_with_the_greeks_to_the_second_order() {
    let rows = [("call", "spot", 105.0, 5.0, 0.4), ("put", "future", 90.0, -3.0, 0.6)];
    let fitted = fit(&rows, "2027-07-02T00:00:00Z").unwrap();
    let greek = |name: &str| trial::number(&fitted, name);
    let scenarios = fitted.values["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 8);
    let at = |price: f64, points: f64| {
        let here = |one: &&Value| one["price_move"] == json!(price) && one["volatility_move"] == json!(points);
        scenarios.iter().find(here).unwrap()
    };
    let higher = fit(
        &rows.map(|(kind, style, strike, q, volatility)| (kind, style, strike, q, volatility + 0.01)),
        "2027-07-02T00:00:00Z",
    );
    let higher = higher.unwrap();
    for name in ["value", "delta", "gamma_1pct", "vega_point", "theta_day", "rho_bp"] {
        let (told, own) = (at(0.0, 0.01)[name].as_f64().unwrap(), trial::number(&higher, name));
        assert!((told - own).abs() < 1e-9 * (1.0 + own.abs()), "{name}: {told} {own}");
    }
    let mean = |name: &str, a: &Value, b: &Value| 0.5 * (a[name].as_f64().unwrap() - b[name].as_f64().unwrap());
    assert!((mean("gain", at(0.0, 0.01), at(0.0, -0.01)) - greek("vega_point")).abs() < 1e-4, "a point up and down is vega");
    assert!((mean("gain", at(0.01, 0.0), at(-0.01, 0.0)) - 0.01 * greek("delta")).abs() < 1e-4, "1% up and down is delta");
    let (told, own) = (mean("delta_units", at(0.01, 0.0), at(-0.01, 0.0)), greek("gamma_1pct") / 100.0);
    assert!((told - own).abs() < 5e-3 * own.abs(), "delta moves by gamma: {told} {own}");
}

#[test]
fn a_volatility_below_a_point_stays_above_nothing_in_every_scenario() {
    let fitted = fit(&[("call", "spot", 90.0, 2.0, 0.005)], "2027-07-02T00:00:00Z").unwrap();
    trial::sound(&fitted);
    assert_eq!(fitted.values["scenarios"].as_array().unwrap().len(), 8);
}

#[test]
fn ended_and_senseless_options_are_left_out_and_told() {
    let fitted = fit(
        &[("call", "spot", 90.0, 2.0, 0.5), ("swap", "spot", 90.0, 2.0, 0.5), ("put", "spot", -1.0, 1.0, 0.5)],
        "2027-07-02T00:00:00Z",
    )
    .unwrap();
    assert_eq!(fitted.values["left_out"], json!(2));
    assert_eq!(fitted.doubts[0].at_most, Confidence::Medium);
    assert!(matches!(fit(&[("call", "spot", 90.0, 2.0, 0.5)], "2026-07-02T00:00:00Z"), Err(FitFault::NoData(_))));
}
