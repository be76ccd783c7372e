//! Questions of each kind, by phrases alone: what they say is in the model, what they don't say is asked for.

use super::*;
use serde_json::{Value, json};

fn words() -> Words {
    Words::new(Catalogue::built_in().unwrap())
}

fn model(question: &str) -> (String, Value) {
    let read = words().read(question, None).unwrap_or_else(|why| panic!("{question}: {why:?}"));
    (read.template, read.model)
}

fn not(question: &str) -> NotRead {
    match words().read(question, None) {
        Ok(read) => panic!("{question}: {read:?}"),
        Err(why) => *why,
    }
}

const FUND: &str =
    "Allocate the $50M insurance fund across BTC/ETH/SOL to minimize worst-case 30-day loss with 5% per-market floor.";

#[test]
fn the_fund_is_read_with_what_the_glossary_adds_and_every_source_is_told() {
    let (template, model) = model(FUND);
    assert_eq!(template, "allocation");
    let parameters = &model["parameters"];
    assert_eq!(parameters["budget"]["value"], json!(50_000_000));
    assert_eq!(parameters["min_pct"]["value"], json!(0.05));
    assert_eq!(parameters["max_pct"]["value"], json!(0.4));
    assert_eq!(parameters["cvar"]["value"], json!({"btc": 0.18, "eth": 0.31, "sol": 0.42}));
    assert_eq!(model["sets"]["market"], json!(["btc", "eth", "sol"]));
    let told = model["assumptions"].to_string();
    assert!(told.contains("NR-04") && told.contains("glossary") && told.contains("30-day"), "{told}");
    assert_eq!(model["constraints"].as_array().unwrap().len(), 3);
}

#[test]
fn a_market_that_the_glossary_does_not_know_is_asked_for_by_name() {
    let why = not(&FUND.replace("SOL", "AVAX"));
    let slots: Vec<&str> = why.missing.iter().map(|missing| &*missing.slot).collect();
    assert_eq!(slots, ["cvar"]);
    assert!(why.reason.contains("AVAX") && !why.missing[0].example.is_empty(), "{}", why.reason);
}

#[test]
fn figures_of_the_caller_stand_in_place_of_the_glossary() {
    for question in [
        "Split $80M between BTC, ETH and AVAX to minimise the expected loss, at least 10% each and at most 45% in any market. CVaR is 18%, 31% and 50%.",
        "Split $80M between BTC, ETH and AVAX to minimise the expected loss, at least 10% each and at most 45% in any market. The CVaR of BTC is 18%, the CVaR of ETH is 31% and the CVaR of AVAX is 50%.",
        "Split 80 million dollars between BTC (CVaR 18%), ETH (CVaR 31%) and AVAX (CVaR 50%) at the lowest loss, at least 10% each and at most 45% in any market",
    ] {
        let (_, model) = model(question);
        assert_eq!(model["parameters"]["cvar"]["value"], json!({"btc": 0.18, "eth": 0.31, "avax": 0.5}), "{question}");
        assert_eq!(model["parameters"]["max_pct"]["value"], json!(0.45));
        assert_eq!(model["parameters"]["min_pct"]["value"], json!(0.1));
        assert_eq!(model["parameters"]["cvar"]["source"], "caller");
    }
}

#[test]
fn a_bound_of_one_market_is_not_taken_for_all() {
    let (_, model) =
        model("Allocate $50M across BTC/ETH/SOL to minimize loss with at least 10% in SOL and a 5% floor in every market");
    assert_eq!(model["parameters"]["floor_of"]["value"], json!({"btc": 0, "eth": 0, "sol": 0.1}));
    assert_eq!(model["parameters"]["min_pct"]["value"], json!(0.05));
}

#[test]
fn what_no_slot_takes_up_refuses_the_template() {
    for (more, quoted) in [
        (" ETH must not get more than SOL.", "ETH must not get more than SOL"),
        (" Keep 3 wallets.", "Keep 3 wallets"),
        (" Exclude all markets under review.", "Exclude"),
        (" Use at most two exchanges.", "at most two exchanges"),
    ] {
        let why = not(&format!("{FUND}{more}"));
        assert!(why.unread.iter().any(|part| part.contains(quoted)), "{more}: {why:?}");
    }
    let why = not(&format!("{FUND} Maximize fee revenue."));
    assert!(why.reason.contains("goal"), "{why:?}");
}

#[test]
fn routing_of_cases_asks_for_the_hours_and_for_how_many_are_senior() {
    let question = "Assign today's 25 open cases (12 SAR drafts, 8 KYC reviews, 5 transaction audits) to the 8 investigators on shift. Minimize SLA breach risk. SAR drafts require senior investigators.";
    let why = not(question);
    let slots: Vec<&str> = why.missing.iter().map(|missing| &*missing.slot).collect();
    assert_eq!((slots, &*why.unread), (vec!["hours", "skilled"], &[][..]), "{}", why.reason);
    let more = " A SAR draft takes 3 hours, a KYC review takes 2 hours and an audit takes 1.5 hours. 5 of them are senior. At most 8 hours each.";
    let (template, model) = model(&format!("{question}{more}"));
    assert_eq!(template, "assignment");
    let parameters = &model["parameters"];
    assert_eq!(parameters["count"]["value"], json!({"sar_draft": 12, "kyc_review": 8, "transaction_audit": 5}));
    assert_eq!(parameters["hours"]["value"], json!({"sar_draft": 3, "kyc_review": 2, "transaction_audit": 1.5}));
    assert_eq!(parameters["needs_skill"]["value"], json!({"sar_draft": 1, "kyc_review": 0, "transaction_audit": 0}));
    assert_eq!(parameters["skilled"]["value"].as_object().unwrap().values().filter(|v| **v == json!(1)).count(), 5);
    assert_eq!(model["sets"]["person"].as_array().unwrap().len(), 8);
}

#[test]
fn counts_that_contradict_each_other_are_told() {
    let why = not(
        "Assign 26 cases (12 SAR drafts, 8 KYC reviews, 5 audits) to 8 investigators, minimise SLA breach risk. Each takes 2 hours.",
    );
    assert!(why.reason.contains("26") && why.reason.contains("25"), "{}", why.reason);
}

#[test]
fn fee_tiers_ask_for_volumes_and_fees_and_take_them() {
    let question = "Choose maker fee values for tiers 1–5 to maximize monthly fee revenue, subject to ≤5% volume retention loss. Use last 90 days as baseline.";
    let why = not(question);
    let slots: Vec<&str> = why.missing.iter().map(|missing| &*missing.slot).collect();
    assert_eq!((slots, &*why.unread), (vec!["volume", "current"], &[][..]), "{}", why.reason);
    let more = " Baseline volumes are $12B, $11B, $9B, $6B and $4.3B. Current fees are 2.5, 1.5, 0.5, -1 and -3 bps.";
    let (template, model) = model(&format!("{question}{more}"));
    assert_eq!(template, "fee_tiers");
    assert_eq!(model["parameters"]["current"]["value"]["tier_5"], json!(-3));
    assert_eq!(model["parameters"]["volume"]["value"]["tier_5"], json!(4_300_000_000_u64));
    assert_eq!(model["parameters"]["max_drop"]["value"], json!(0.05));
}

/// Questions of every other kind, each with a value that its model must have.
#[test]
fn a_question_of_every_kind_is_read() {
    for (question, kind, pointer, value) in [
        (
            "Allocate $10M across bonds, equities and gold to maximize expected return, at most 50% in each. Bonds return 4%, equities return 9% and gold returns 6%.",
            "allocation_return",
            "/parameters/rate/value",
            json!({"bond": 0.04, "equity": 0.09, "gold": 0.06}),
        ),
        (
            "Open as few fire stations as possible so that every district is covered: A covers North and East; B covers South; C covers North, South and West",
            "covering",
            "/parameters/covers/value/c",
            json!({"north": 1, "east": 0, "south": 1, "west": 1}),
        ),
        (
            "Liquidate 900 BTC over 6 periods, at most 250 in each period, with the least market impact. The impact is 0.5 in each period.",
            "execution",
            "/parameters/most/value",
            json!(250),
        ),
        (
            "Rebalance BTC, ETH and SOL from 50%, 30% and 20% to targets of 40%, 35% and 25% with at most 8% turnover, minimise the deviation from target",
            "rebalancing",
            "/parameters/target/value",
            json!({"btc": 0.4, "eth": 0.35, "sol": 0.25}),
        ),
        (
            "Choose among projects with a budget of $10M to maximize total return: Alpha costs $4M and returns $7M, Beta costs $3M and returns $5M, Gamma costs $6M and returns $9M",
            "selection",
            "/parameters/value/value",
            json!({"alpha": 7_000_000, "beta": 5_000_000, "gamma": 9_000_000}),
        ),
        (
            "In which order should we liquidate Alpha, Beta and Gamma to minimise the total delay cost? Alpha takes 3 hours, Beta takes 2 hours and Gamma takes 4 hours. Alpha loses $200 an hour, Beta loses $500 an hour and Gamma loses $100 an hour. Alpha before Gamma.",
            "sequencing",
            "/sets/pair",
            json!([["alpha", "gamma"]]),
        ),
        (
            "We need 5 nurses on Monday, 7 on Tuesday, 6 on Wednesday, 8 on Thursday, 9 on Friday, 4 on Saturday and 3 on Sunday. Each works 5 days in a row. Minimise the number of nurses.",
            "shifts",
            "/parameters/demand/value/friday",
            json!(9),
        ),
        (
            "Ship from Lisbon and Porto to Lyon and Nice at the lowest cost. Lisbon supplies 100, Porto supplies 150; Lyon needs 80, Nice needs 120. Lisbon to Lyon costs $4, Lisbon to Nice $6, Porto to Lyon $5, Porto to Nice $3.",
            "transport",
            "/parameters/cost/value/porto",
            json!({"lyon": 5, "nice": 3}),
        ),
    ] {
        let (template, model) = model(question);
        assert_eq!((&*template, model.pointer(pointer)), (kind, Some(&value)), "{question}");
    }
}

#[test]
fn what_is_no_question_of_this_kind_is_told_so() {
    for question in ["hello there", "Federal Reserve raises interest rates by a quarter point", "what is the VaR of our book?"] {
        let why = not(question);
        assert_eq!((&why.template, why.missing.len()), (&None, 0), "{question}: {why:?}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_asked_never_panics(question in "(allocate|assign|choose|ship|A covers B|sell|tiers 1–|minimize (loss|cost|number)|[0-9]{1,4}|\\$[0-9]{1,3}M|%|BTC|ETH|, | and |; |each|before|hours|senior|at most|on Monday| ){0,40}") {
        let _ = words().read(&question, None);
    }

    #[test]
    fn a_changed_number_is_another_model(budget in 1_u32..999, floor in 1_u32..33) {
        let asked = FUND.replace("$50M", &format!("${budget}M")).replace("5%", &format!("{floor}%"));
        let (_, model) = model(&asked);
        proptest::prop_assert_eq!(model["parameters"]["budget"]["value"].as_f64().unwrap(), f64::from(budget) * 1e6);
        proptest::prop_assert!((model["parameters"]["min_pct"]["value"].as_f64().unwrap() - f64::from(floor) / 100.0).abs() < 1e-12);
    }
}

/// Textbook questions of a mix: what each product takes and brings, and limits of all kinds.
#[test]
fn a_mix_of_products_is_read_with_every_number_in_its_place() {
    let question = "A workshop makes lamps and vases. Each lamp takes 3 hours of polishing and 2 hours of painting. Each vase takes 1 hour of \
        polishing and 4 hours of painting. There are 90 hours of polishing and 120 hours of painting available. The profit per lamp is $25 \
        and the profit per vase is $30. At least 5 lamps must be made. How many of each should be made to maximize profit?";
    let (template, model) = model(question);
    assert_eq!((&*template, &model["sets"]["product"]), ("mix", &json!(["lamp", "vase"])));
    let numbers = model["parameters"].to_string();
    for expected in [r#"{"lamp":3.0,"vase":1.0}"#, r#"{"lamp":2.0,"vase":4.0}"#, r#"{"lamp":25.0,"vase":30.0}"#] {
        assert!(numbers.contains(expected), "{expected} in {numbers}");
    }
    let constraints: Vec<&str> =
        model["constraints"].as_array().unwrap().iter().map(|c| c["expression"].as_str().unwrap()).collect();
    assert_eq!(constraints.len(), 3, "{constraints:?}");
    assert!(constraints.iter().any(|c| c.starts_with("x[lamp] >= ")), "{constraints:?}");

    let why = not(&question.replace("There are 90 hours of polishing", "There are 90 tins of varnish"));
    assert_eq!(why.template.as_deref(), Some("mix"), "{why:?}");
}
