use super::*;
use crate::domain::entry::Band;
use crate::domain::entry::fixture::entry;
use crate::domain::ids::DecisionId;
use crate::domain::strategy::Strategy;
use crate::domain::text::FreshText;
use crate::domain::trust::{ActionClass, Provenance, Quarantine};
use proptest::prelude::{prop_assert_eq, proptest};
use std::sync::LazyLock;

static STRATEGY: LazyLock<Strategy> = LazyLock::new(|| {
    Strategy::from_toml(
        r#"
            name = "s"
            version = 1
            composition = "sum"
            deadline_ms = 500
            thresholds = { tau = 0.9, tau_fresh = 0.8 }
            slots = [{ role = "fresh", weight = 1.0 }]
        "#,
    )
    .unwrap()
});

fn at(moment: &str) -> Timestamp {
    Timestamp::parse(moment).unwrap()
}

fn seen<'a>(market: &'a Market, text: &str) -> Circumstances<'a> {
    let now = at("2026-02-01T00:00:00Z");
    let text_hash = FreshText::new(text).unwrap().hash();
    Circumstances { strategy: &STRATEGY, reading: None, as_of: now, now, market, text_hash, cut: None }
}

fn refused_by(result: Result<(), Refusal>) -> Option<Gate> {
    result.err().map(|refusal| refusal.gate)
}

#[test]
fn both_floors_must_be_cleared() {
    let market = Market::default();
    let judge = |similarity, fresh_similarity| {
        refused_by(judge(&entry("a"), Nearness { similarity, fresh_similarity }, &seen(&market, "b")))
    };
    assert_eq!(judge(0.9, 0.8), None);
    assert_eq!(judge(0.99, 0.79), Some(Gate::Floors));
    assert_eq!(judge(0.89, 0.99), Some(Gate::Floors));
    assert_eq!(judge(f32::NAN, 0.99), Some(Gate::Floors));
    assert_eq!(judge(0.99, f32::NAN), Some(Gate::Floors));
}

#[test]
fn a_text_that_says_otherwise_is_refused_however_near_it_is() {
    let market = Market::default();
    let (lexicon, rules) = (Lexicon::built_in().unwrap(), Rules::default());
    let judged = |held: &str, asked: &str| {
        let facts = facts::read(asked, at("2026-02-01T00:00:00Z"), &lexicon);
        let reading = Some(Reading { text: asked, asked: &facts, lexicon: &lexicon, rules: &rules });
        refused_by(judge(&entry(held), Nearness::SAME, &Circumstances { reading, ..seen(&market, asked) }))
    };
    assert_eq!(judged("Bitcoin rises 5%", "BTC rises 5%"), None);
    for asked in ["Bitcoin falls 5%", "Bitcoin rises 7%", "Ether rises 5%", "Bitcoin did not rise 5%"] {
        assert_eq!(judged("Bitcoin rises 5%", asked), Some(Gate::Facts), "{asked}");
    }
    assert_eq!(judged("Binance sues SEC", "SEC sues Binance"), Some(Gate::Facts));
}

#[test]
fn texts_that_differ_after_a_cut_are_not_taken_for_the_same() {
    let market = Market::default();
    let cut = Some(Cut { tokens: 900, kept: 256 });
    let mut long = entry("a");
    assert_eq!(refused_by(judge(&long, Nearness::SAME, &Circumstances { cut, ..seen(&market, "b") })), Some(Gate::Floors));
    long.cut = cut;
    assert_eq!(refused_by(judge(&long, Nearness::SAME, &seen(&market, "b"))), Some(Gate::Floors));
    assert_eq!(refused_by(judge(&long, Nearness::SAME, &seen(&market, "a"))), None);
}

#[test]
fn a_time_to_live_ends_by_the_clock_and_valid_until_by_the_moment_of_the_question() {
    let market = Market::default();
    let mut short = entry("a");
    short.ttl_sec = Some(3_600);
    let hour = |now| Circumstances { now: at(now), ..seen(&market, "a") };
    assert_eq!(refused_by(judge(&short, Nearness::SAME, &hour("2026-01-01T00:59:59Z"))), None);
    assert_eq!(refused_by(judge(&short, Nearness::SAME, &hour("2026-01-01T01:00:00Z"))), Some(Gate::Validity));

    let mut until = entry("a");
    until.validity.valid_until = Some(at("2026-01-15T00:00:00Z"));
    let of = |as_of| Circumstances { as_of: at(as_of), ..seen(&market, "a") };
    assert_eq!(refused_by(judge(&until, Nearness::SAME, &of("2026-01-15T00:00:00Z"))), None);
    assert_eq!(refused_by(judge(&until, Nearness::SAME, &of("2026-01-15T00:00:01Z"))), Some(Gate::Validity));
}

#[test]
fn a_price_band_wants_a_price_within_it() {
    let mut banded = entry("a");
    banded.validity.price.insert("ETH".to_owned(), Band { min: 3_000.0, max: 4_000.0 });
    let with = |price: Option<f64>| {
        let market = Market { price: price.map(|p| ("ETH".to_owned(), p)).into_iter().collect(), ..Market::default() };
        refused_by(judge(&banded, Nearness::SAME, &seen(&market, "a")))
    };
    assert_eq!((with(Some(3_000.0)), with(Some(4_000.0))), (None, None));
    assert_eq!((with(Some(4_000.1)), with(None)), (Some(Gate::Validity), Some(Gate::Validity)));
}

#[test]
fn a_position_band_wants_what_the_caller_holds() {
    let mut flat = entry("a");
    flat.validity.position.insert("ETH".to_owned(), Band { min: -1.0, max: 0.0 });
    let with = |held: Option<f64>| {
        let market = Market { position: held.map(|p| ("ETH".to_owned(), p)).into_iter().collect(), ..Market::default() };
        judge(&flat, Nearness::SAME, &seen(&market, "a")).err().map(|refusal| refusal.saw)
    };
    assert_eq!((with(Some(-1.0)), with(Some(0.0))), (None, None));
    assert!(with(Some(0.1)).unwrap().starts_with("position: ETH at 0.1"));
    assert!(with(None).unwrap().contains("gives no position"));
}

#[test]
fn an_entry_that_was_made_with_other_versions_is_refused() {
    let market = Market::default();
    let mut made = entry("a");
    made.validity.versions.insert("pricing".to_owned(), "2".to_owned());
    let judged = |current: Option<&str>| {
        let versions = current.map(|v| ("pricing".to_owned(), v.to_owned())).into_iter().collect();
        let strategy = Strategy { versions, ..STRATEGY.clone() };
        refused_by(judge(&made, Nearness::SAME, &Circumstances { strategy: &strategy, ..seen(&market, "a") }))
    };
    assert_eq!(judged(Some("2")), None);
    assert_eq!((judged(Some("3")), judged(None)), (Some(Gate::Validity), Some(Gate::Validity)));
}

#[test]
fn who_decided_must_be_trusted_enough() {
    let market = Market::default();
    let ranks = [Provenance::Import, Provenance::Feedback, Provenance::Engine, Provenance::Operator];
    for (given_rank, given) in ranks.into_iter().enumerate() {
        for (asked_rank, asked) in ranks.into_iter().enumerate() {
            let decided = Entry { provenance: given, ..entry("a") };
            let mut strategy = STRATEGY.clone();
            strategy.trust.provenance = asked;
            let judged = judge(&decided, Nearness::SAME, &Circumstances { strategy: &strategy, ..seen(&market, "a") });
            assert_eq!(refused_by(judged), (given_rank < asked_rank).then_some(Gate::Trust), "{given:?} {asked:?}");
        }
    }
}

#[test]
fn what_was_reported_wrong_serves_no_more_not_even_the_same_text() {
    let market = Market::default();
    let mut wrong = entry("a");
    let decision = DecisionId::new(at("2026-01-31T00:00:00Z"), 7);
    wrong.quarantine = Some(Quarantine { since: at("2026-01-31T00:00:00Z"), decision, note: None });
    assert_eq!(refused_by(judge(&wrong, Nearness::SAME, &seen(&market, "a"))), Some(Gate::Trust));
}

#[test]
fn an_irreversible_action_is_taken_only_from_the_same_text_unless_the_strategy_says_otherwise() {
    let market = Market::default();
    let mut act = entry("a");
    let judged = |act: &Entry, semantic, asked| {
        let mut strategy = STRATEGY.clone();
        strategy.action.semantic = semantic;
        refused_by(judge(act, Nearness::SAME, &Circumstances { strategy: &strategy, ..seen(&market, asked) }))
    };
    assert_eq!(judged(&act, false, "b"), None);
    act.validity.action = Some(ActionClass::Irreversible);
    assert_eq!((judged(&act, false, "a"), judged(&act, false, "b")), (None, Some(Gate::Action)));
    assert_eq!(judged(&act, true, "b"), None);
}

proptest! {
    #[test]
    fn no_entry_serves_a_question_of_a_time_before_its_own(entry_us in 0_i64..4e15 as i64, asked_us in 0_i64..4e15 as i64) {
        let market = Market::default();
        let mut old = entry("a");
        old.as_of = Timestamp::from_micros(entry_us);
        let asked = Circumstances { as_of: Timestamp::from_micros(asked_us), ..seen(&market, "a") };
        let served = judge(&old, Nearness::SAME, &asked).is_ok();
        prop_assert_eq!(served, asked_us >= entry_us);
    }

    #[test]
    fn nothing_below_a_floor_is_ever_served(similarity in -1.0_f32..1.0, fresh_similarity in -1.0_f32..1.0) {
        let market = Market::default();
        let near = Nearness { similarity, fresh_similarity };
        let served = judge(&entry("a"), near, &seen(&market, "b")).is_ok();
        prop_assert_eq!(served, similarity >= 0.9 && fresh_similarity >= 0.8);
    }
}
