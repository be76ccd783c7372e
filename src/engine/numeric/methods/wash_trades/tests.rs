use super::super::trial;
use super::*;
use crate::domain::frame::Column;

fn trades(rows: &[(&str, &str, &str, f64)]) -> Frame {
    let ids: Vec<String> = (0..rows.len()).map(|at| format!("t{at}")).collect();
    trial::frame(vec![
        ("trade", trial::texts(&ids.iter().map(String::as_str).collect::<Vec<_>>())),
        ("time", trial::times(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("buyer", trial::texts(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("seller", trial::texts(&rows.iter().map(|row| row.2).collect::<Vec<_>>())),
        ("quantity", Column::Number(rows.iter().map(|row| row.3).collect())),
        ("price", Column::Number(vec![100.0; rows.len()])),
    ])
}

fn links() -> Frame {
    trial::frame(vec![("account", trial::texts(&["a", "b", "x"])), ("owner", trial::texts(&["one", "one", "other"]))])
}

const T0: &str = "2026-03-01T10:00:00Z";
const T1: &str = "2026-03-01T10:05:00Z";
const T2: &str = "2026-03-01T10:06:00Z";

#[test]
fn linked_accounts_that_trade_there_and_back_are_flagged_and_others_are_not() {
    let rows = [
        (T1, "b", "a", 2.0),
        (T0, "a", "b", 2.0),
        (T0, "a", "x", 2.0),
        (T1, "x", "a", 2.0),
        (T2, "a", "b", 7.0),
        (T2, "", "b", 7.0),
    ];
    let fit = trial::fit(&WashTrades, &[("trades", trades(&rows)), ("links", links())], json!({})).unwrap();
    assert_eq!(trial::number(&fit, "flagged_trades"), 2.0);
    assert_eq!(trial::number(&fit, "self_matched_trades"), 3.0);
    assert_eq!(trial::number(&fit, "round_trips"), 1.0);
    assert!((trial::number(&fit, "flagged_share") - 0.4).abs() < 1e-12);
    assert!((trial::number(&fit, "flagged_volume_share") - 400.0 / 1500.0).abs() < 1e-12);
    assert_eq!(fit.values["top_owners"][0]["owner"], "one");
    assert_eq!(fit.told.len(), 1);
    trial::sound(&fit);
}

#[test]
fn without_links_an_account_has_only_itself() {
    let rows = [(T0, "a", "b", 2.0), (T1, "b", "a", 2.0), (T1, "c", "c", 1.0)];
    let fit = trial::fit(&WashTrades, &[("trades", trades(&rows))], json!({})).unwrap();
    assert_eq!(trial::number(&fit, "flagged_trades"), 1.0);
    assert!(fit.told[0].starts_with("No links"));
}

#[test]
fn the_correction_is_that_of_rogan_and_gladen_and_wrong_counts_are_refused() {
    let settings =
        json!({"validated_wash": 100, "validated_wash_found": 80, "validated_clean": 100, "validated_clean_left": 100});
    let rows = [(T0, "a", "b", 2.0), (T1, "b", "a", 2.0), (T1, "c", "d", 1.0), (T1, "d", "e", 1.0), (T2, "e", "f", 1.0)];
    let fit = trial::fit(&WashTrades, &[("trades", trades(&rows)), ("links", links())], settings).unwrap();
    assert!((trial::number(&fit, "prevalence") - 0.5).abs() < 1e-12);
    let wrong = json!({"validated_wash": 10, "validated_wash_found": 11});
    assert_eq!(WashTrades.check(wrong.as_object().unwrap()).unwrap_err().pointer, "/validated_wash_found");
    assert!(matches!(trial::fit(&WashTrades, &[("trades", trades(&[]))], json!({})), Err(FitFault::NoData(_))));
}

#[test]
fn the_sample_has_the_share_that_it_was_made_with() {
    let fit = trial::case(include_str!("../../cases/nr-05.toml"), &[("symbol", "ALT-PERP")]);
    let interval = &fit.values["prevalence_interval"];
    // One trade in eight is wash trading; the script says so.
    assert!(interval[0].as_f64().unwrap() < 0.125 && 0.125 < interval[1].as_f64().unwrap(), "{:?}", fit.values);
}
