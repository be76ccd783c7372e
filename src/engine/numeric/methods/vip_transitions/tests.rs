use super::super::trial;
use super::*;
use crate::domain::frame::Column;

fn fitted(rows: &[(&str, f64, f64, f64)], settings: Value) -> Result<Fitted, FitFault> {
    let column = |pick: fn(&(&str, f64, f64, f64)) -> f64| Column::Number(rows.iter().map(pick).collect());
    let months: Vec<&str> = rows.iter().map(|row| row.0).collect();
    let frame = trial::frame(vec![
        ("month", trial::times(&months)),
        ("from", column(|row| row.1)),
        ("to", column(|row| row.2)),
        ("users", column(|row| row.3)),
    ]);
    trial::fit(&VipTransitions, &[("moves", frame)], settings)
}

const JAN: &str = "2026-01-01T00:00:00Z";
const FEB: &str = "2026-02-01T00:00:00Z";

#[test]
fn the_forecast_is_the_distribution_times_the_matrix() {
    let rows = [(JAN, 0.0, 0.0, 90.0), (JAN, 0.0, 1.0, 10.0), (JAN, 1.0, 0.0, 20.0), (JAN, 1.0, 1.0, 80.0)];
    let again: Vec<_> = rows.iter().map(|row| (FEB, row.1, row.2, row.3)).collect();
    let rows = [&rows[..], &again].concat();
    let fit = fitted(&rows, json!({"tiers": 2, "forecast_months": 2})).unwrap();
    // Now (110, 90): 110 · 0.9 + 90 · 0.2 = 117, 110 · 0.1 + 90 · 0.8 = 83.
    assert!((trial::number(&fit, "tiers.0.forecast") - 117.0).abs() < 1e-9);
    assert!((trial::number(&fit, "tiers.1.forecast") - 83.0).abs() < 1e-9);
    assert!((trial::number(&fit, "tiers.1.long_run_share") - 1.0 / 3.0).abs() < 1e-12);
    assert!((trial::number(&fit, "tiers.1.persistence_months") - 5.0).abs() < 1e-9);
    assert_eq!(fit.values["tiers"]["1"]["demotion"]["change"], "moved within chance");
    assert_eq!(fit.values["tiers"]["0"]["direction"], "rise");
    assert!(fit.values["tiers"]["0"].get("demotion").is_none());
    trial::sound(&fit);
}

#[test]
fn newcomers_and_leavers_count_among_users_and_not_among_moves() {
    let gone = f64::NAN;
    let rows = [
        (JAN, 0.0, 0.0, 50.0),
        (JAN, 1.0, 1.0, 50.0),
        (FEB, 0.0, 0.0, 40.0),
        (FEB, 1.0, 1.0, 40.0),
        (FEB, gone, 1.0, 7.0),
        (FEB, 0.0, gone, 9.0),
        (FEB, 9.0, 1.0, 3.0),
        (FEB, 0.0, 0.0, 44.0),
    ];
    let fit = fitted(&rows, json!({"tiers": 2})).unwrap();
    assert_eq!(trial::number(&fit, "tiers.1.current"), 47.0);
    assert_eq!(trial::number(&fit, "tiers.0.current"), 44.0);
    assert_eq!(fit.told.len(), 3, "{:?}", fit.told);
    // Two tiers that nobody leaves have no long run of their own.
    assert_eq!(fit.values["stationary"], Value::Null);
    assert_eq!(fit.values["tiers"]["1"]["persistence_months"], Value::Null);
    trial::sound(&fit);
}

#[test]
fn one_month_and_no_rows_and_negative_users_are_told() {
    assert!(matches!(fitted(&[(JAN, 0.0, 0.0, 5.0)], json!({})), Err(FitFault::Stats(StatsError::TooFew { needed: 2, got: 1 }))));
    assert!(matches!(fitted(&[(JAN, 0.0, 0.0, -5.0)], json!({})), Err(FitFault::NoData(_))));
    assert!(VipTransitions.check(json!({"tier": 7}).as_object().unwrap()).is_err());
}

#[test]
fn the_sample_gives_the_forecast_of_the_worked_example() {
    let fit = trial::case(include_str!("../../cases/nr-08.toml"), &[]);
    assert_eq!(trial::number(&fit, "tiers.3.current"), 480.0);
    assert_eq!(trial::number(&fit, "tiers.3.forecast").round(), 403.0);
    assert_eq!(trial::number(&fit, "tiers.3.change_percent").round(), -16.0);
    assert_eq!(format!("{:.1}", 100.0 * trial::number(&fit, "tiers.3.demotion.history")), "5.2");
    assert_eq!(format!("{:.1}", 100.0 * trial::number(&fit, "tiers.3.demotion.now")), "9.0");
    assert_eq!(fit.values["tiers"]["3"]["demotion"]["change"], "spiked");
}
