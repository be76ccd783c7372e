use super::*;
use crate::engine::trading::aggregate::Config;
use crate::engine::trading::opinion::Opinion;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A classifier that goes by the news' probabilities alone.
fn classifier() -> Classifier {
    let weights = |feature| match feature {
        Feature::NewsUp => [-1.0, 0.0, 1.0],
        Feature::NewsDown => [1.0, 0.0, -1.0],
        _ => [0.0; 3],
    };
    Classifier {
        format: FORMAT,
        learnt_with: LearntWith::here("head"),
        intercepts: [0.0, 0.1, 0.0],
        terms: Feature::ALL.map(|feature| Term { feature, mean: 0.3, scale: 0.2, weights: weights(feature) }).to_vec(),
        temperature: 1.0,
        threshold: Some(0.5),
        data_hash: "00".repeat(32),
        made_on: "2026-01-01".to_owned(),
        figures: Value::Null,
        why: "a test".to_owned(),
    }
}

fn seen(up: f64, down: f64) -> Seen {
    let news = Some(Opinion { signal: 1, conviction: up, reasoning: "the news".to_owned() });
    Seen { news, probabilities: Some(Probabilities { up, neutral: 1.0 - up - down, down }), ..Seen::default() }
}

fn allowed(size_factor: f64) -> RiskView {
    RiskView { veto: None, veto_up: None, veto_down: None, size_factor, reasoning: String::new() }
}

#[test]
fn it_decides_what_is_likely_enough_and_says_what_spoke_for_it() {
    let verdict = classifier().decide(1, &seen(0.8, 0.1), None).unwrap();
    assert_eq!((verdict.signal, verdict.vetoed), (1, false));
    assert!(verdict.conviction > 0.9, "{verdict:?}");
    let begins =
        "a rise, 0.97 likely by the classifier, which asks 0.50; for it: the news' probability of a rise at 0.80 (+2.50), ";
    assert!(verdict.reasoning.starts_with(begins), "{}", verdict.reasoning);
    assert_eq!(classifier().decide(1, &seen(0.1, 0.8), None).unwrap().signal, -1);
}

#[test]
fn below_its_threshold_and_below_the_quorum_it_abstains_and_says_so() {
    let reason = classifier().decide(1, &seen(0.34, 0.33), None).unwrap_err().reason;
    assert!(reason.contains("neither a rise nor a fall") && reason.contains("0.50 is asked"), "{reason}");
    assert!(classifier().decide(2, &seen(0.8, 0.1), None).unwrap_err().reason.contains("1 of the 2 opinions"));
    let unproven = Classifier { threshold: None, ..classifier() };
    assert!(unproven.decide(1, &seen(0.8, 0.1), None).is_err());
}

#[test]
fn risk_vetoes_and_sizes_as_it_does_the_vote() {
    let veto = RiskView { veto: Some("ETH is halted".into()), ..allowed(1.0) };
    let verdict = classifier().decide(1, &seen(0.8, 0.1), Some(&veto)).unwrap();
    assert_eq!((verdict.signal, verdict.vetoed, &*verdict.reasoning), (0, true, "vetoed by risk: ETH is halted"));
    let no_more = RiskView { veto_up: Some("the position is full".into()), ..allowed(1.0) };
    let verdict = classifier().decide(1, &seen(0.8, 0.1), Some(&no_more)).unwrap();
    assert!(verdict.vetoed && verdict.reasoning.contains("the position is full. Without it: a rise"), "{verdict:?}");
    let whole = classifier().decide(1, &seen(0.8, 0.1), None).unwrap();
    let half = classifier().decide(1, &seen(0.8, 0.1), Some(&allowed(0.5))).unwrap();
    assert!(
        (half.conviction - whole.conviction / 2.0).abs() < 1e-12 && half.reasoning.ends_with("Risk leaves 0.50 of the size.")
    );
}

#[test]
fn one_that_was_learnt_with_something_else_is_refused_by_name() {
    let refused = |classifier: Classifier, head| classifier.check_against(head).unwrap_err().to_string();
    assert_eq!(classifier().check_against(Some("head")), Ok(()));
    let other = refused(classifier(), Some("another"));
    assert!(other.contains("the sentiment head head and here is another") && other.contains("tune --aggregator"), "{other}");
    assert!(refused(classifier(), None).contains("here is none"));
    let learnt_with = LearntWith { trading: "0".to_owned(), ..LearntWith::here("head") };
    assert!(refused(Classifier { learnt_with, ..classifier() }, Some("head")).contains("local paths of version 0"));
    let unproven = Classifier { threshold: None, ..classifier() };
    assert!(refused(unproven, Some("head")).contains("proved nothing"));
}

#[test]
fn a_file_is_read_back_as_it_was_written_and_a_damaged_one_is_refused() {
    let written = serde_json::to_value(classifier()).unwrap();
    let read = |value: &Value| Classifier::parse(&value.to_string());
    assert_eq!(read(&written).unwrap(), classifier());
    for (at, wrong, says) in [
        ("/format", json!(2), "format is 2"),
        ("/learnt_with/features", json!(99), "the features of version 99"),
        ("/terms/0/feature", json!("news_up"), "each once and in order"),
        ("/terms/0/feature", json!("fortune"), "unknown variant"),
        ("/terms/1/scale", json!(0.0), "not above 0"),
        ("/temperature", json!(0.0), "temperature"),
        ("/threshold", json!(1.5), "no probability"),
        ("/intercepts", json!([0.0]), "array of length 3"),
    ] {
        let mut damaged = written.clone();
        *damaged.pointer_mut(at).unwrap() = wrong;
        let error = read(&damaged).unwrap_err().to_string();
        assert!(error.contains(says), "{at}: {error}");
    }
}

#[test]
fn its_version_tells_classifiers_apart_by_what_decides() {
    let warmer = Classifier { temperature: 2.0, ..classifier() };
    let told_otherwise = Classifier { why: "other words".to_owned(), ..classifier() };
    assert_ne!(warmer.version(), classifier().version());
    assert_eq!(told_otherwise.version(), classifier().version());
}

#[test]
fn the_settings_take_the_name_of_a_file() {
    let read: Config = serde_json::from_value(json!({"classifier": "a.json"})).unwrap();
    assert_eq!((read.classifier, Config::default().classifier), (Some("a.json".into()), None));
}

prop_compose! {
    fn any_seen()(
        news in prop::option::of((-1_i8..=1, 0.0_f64..=1.0)),
        market in prop::option::of((-1_i8..=1, 0.0_f64..=1.0)),
        shares in prop::option::of((0.0_f64..1.0, 0.0_f64..1.0)),
    ) -> Seen {
        let opinion = |(signal, conviction)| Opinion { signal, conviction, reasoning: String::new() };
        let probabilities = shares.map(|(a, b)| Probabilities { up: a * b, neutral: 1.0 - a, down: a * (1.0 - b) });
        Seen { news: news.map(opinion), market: market.map(opinion), probabilities, context: None }
    }
}

proptest! {
    #[test]
    fn what_it_decides_is_at_least_as_likely_as_it_asks_and_never_surer_than_risk_leaves(
        seen in any_seen(), least in 0.0_f64..=1.0, size in 0.0_f64..=1.0, temperature in 0.1_f64..10.0,
    ) {
        let classifier = Classifier { threshold: Some(least), temperature, ..classifier() };
        let p = classifier.probabilities(&Feature::row(&seen));
        prop_assert!((p.up + p.neutral + p.down - 1.0).abs() < 1e-9);
        match classifier.decide(1, &seen, Some(&allowed(size))) {
            Ok(verdict) => {
                prop_assert!(p.best().1 >= least && verdict.signal == p.best().0);
                prop_assert!((0.0..=size).contains(&verdict.conviction));
                prop_assert!(!seen.votes().is_empty());
            }
            Err(_) => prop_assert!(p.best().1 < least || seen.votes().is_empty()),
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        prop_assert!(Classifier::parse(&text).is_err());
    }
}
