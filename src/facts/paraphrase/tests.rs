use super::super::read;
use super::*;
use crate::domain::time::Timestamp;
use proptest::prelude::*;

fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    LEXICON.get_or_init(|| Lexicon::built_in().unwrap())
}

fn facts(text: &str) -> Facts {
    read(text, Timestamp::parse("2026-11-14T12:00:00Z").unwrap(), lexicon())
}

fn features_of(held: &str, asked: &str, rules: &Rules) -> Option<[f64; NAMES.len()]> {
    let (a, b) = (facts(held), facts(asked));
    features(Said { text: held, facts: &a }, Said { text: asked, facts: &b }, rules, lexicon())
}

fn passes(held: &str, asked: &str, rules: &Rules) -> bool {
    let (a, b) = (facts(held), facts(asked));
    is_paraphrase(Said { text: held, facts: &a }, Said { text: asked, facts: &b }, rules, lexicon())
}

const LOOSE: (&str, &str) = ("Fifteen most viewed articles on Sunday", "Sunday's top 15 articles in terms of views");

#[test]
fn the_model_that_is_compiled_in_is_one_of_these_features() {
    let model = model().unwrap();
    assert_eq!((model.version, model.features.len()), (1, NAMES.len()));
    assert_eq!(model.features, NAMES);
    for tree in &model.trees {
        for (at, node) in tree.iter().enumerate() {
            if let Node::Split(feature, _, low, high) = node {
                assert!(*feature < NAMES.len() && *low > at && *high > at && *low.max(high) < tree.len());
            }
        }
    }
}

#[test]
fn a_free_wording_of_the_same_facts_passes_where_the_rules_let_it() {
    let rules = Rules::default();
    assert!(compare(&facts(LOOSE.0), &facts(LOOSE.1), &rules).is_err(), "the words alone would have passed");
    assert!(passes(LOOSE.0, LOOSE.1, &rules));
    assert!(!passes(LOOSE.0, LOOSE.1, &Rules { paraphrase_min: 1.0, ..rules.clone() }));
    let strict = SlotRule { rule: Rule::MustEqual, unknown: Unknown::Refuse };
    assert!(!passes(LOOSE.0, LOOSE.1, &Rules { wording: strict, ..rules }));
}

#[test]
fn above_the_share_of_unread_words_that_the_rules_allow_only_the_same_wording_passes() {
    let (held, asked) =
        ("Effective tax rate per legal entity, 2021 to 2024", "2021-2024 effective tax rates broken down by legal entity");
    assert!(facts(held).unread_share() > 0.1);
    assert!(passes(held, asked, &Rules::default()));
    assert!(!passes(held, asked, &Rules { unread_share_max: 0.1, ..Rules::default() }));
}

#[test]
fn what_differs_in_a_fact_is_never_asked_of_the_model() {
    let rules = Rules::default();
    for (held, asked) in [
        (LOOSE.0, "Sunday's top 16 articles in terms of views"),
        ("Tesla shares climb after strong deliveries", "Rivian stock rises following robust shipments"),
        ("Approve the purchase order for the Ohio belts", "Turn down the Ohio belts' purchase order, please"),
        ("Restart the queue workers during the migration", "While the migration runs, do not bounce the workers of the queue"),
        ("Move the standby node to Oslo", "If the tests pass, the standby node goes over to Oslo"),
    ] {
        assert_eq!(features_of(held, asked, &rules), None, "{held} | {asked}");
    }
}

#[test]
fn one_word_in_place_of_another_does_not_pass() {
    let rules = Rules::default();
    for (held, asked) in [
        ("Refund the deposit of guest 44", "Refund the breakfast of guest 44"),
        ("Average basket by country last month", "Average discount by country last month"),
        ("Nvidia unveils a chip for cars", "Nvidia unveils a chip for phones"),
    ] {
        assert!(features_of(held, asked, &rules).is_some(), "{held} | {asked}");
        assert!(!passes(held, asked, &rules), "{held} | {asked}");
    }
}

#[test]
fn the_features_count_what_they_say() {
    let found =
        features_of("Shift the nightly backup onto node seven", "Put the nightly backup on node seven", &Rules::default())
            .unwrap();
    let of = |name: &str| found[NAMES.iter().position(|held| *held == name).unwrap()];
    assert_eq!((of("token_shared"), of("token_only_least"), of("token_only_most")), (5.0, 2.0, 2.0));
    assert!((of("token_overlap") - 5.0 / 9.0).abs() < 1e-12 && (of("token_order") - 10.0 / 14.0).abs() < 1e-12);
    assert_eq!(of("quantities"), 1.0);
}

/// Few words, so that texts of them have much in common.
const WORDS: [&str; 16] =
    ["Acme", "buys", "shares", "of", "Bolt", "rises", "5%", "to", "get", "report", "the", "not", "if", "by", "Tuesday", "gross"];

proptest! {
    #[test]
    fn no_two_texts_make_it_panic_and_its_features_are_numbers(held in "\\PC{0,120}", asked in "\\PC{0,120}") {
        let rules = Rules::default();
        if let Some(features) = features_of(&held, &asked, &rules) {
            prop_assert!(features.iter().all(|value| value.is_finite()));
        }
        passes(&held, &asked, &rules);
    }

    #[test]
    fn it_makes_no_difference_which_text_was_first(
        held in prop::collection::vec(prop::sample::select(&WORDS[..]), 1..24),
        asked in prop::collection::vec(prop::sample::select(&WORDS[..]), 1..24),
    ) {
        let (held, asked, rules) = (held.join(" "), asked.join(" "), Rules::default());
        prop_assert_eq!(features_of(&held, &asked, &rules), features_of(&asked, &held, &rules));
        prop_assert_eq!(passes(&held, &asked, &rules), passes(&asked, &held, &rules));
    }
}
