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
