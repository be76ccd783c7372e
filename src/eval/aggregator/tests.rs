use super::*;
use crate::engine::trading::opinion::Opinion;
use crate::engine::trading::sentiment::Probabilities;
use proptest::prelude::*;

/// Examples in which the outcome is what the news says with this chance, else any; the news says each outcome as often. The vote is led
/// astray: in every fourth example the news agent is silent and the market agent says the opposite, surely.
fn drawn(n: usize, chance: f64, seed: u64) -> Vec<Example> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let one = |i: usize| {
        let says = rng.i8(-1..=1);
        let outcome = if rng.f64() < chance { says } else { rng.i8(-1..=1) };
        let [down, neutral, up] = [-1, 0, 1].map(|class| if class == says { 0.8 } else { 0.1 });
        let opinion = |signal| Some(Opinion { signal, conviction: 0.8, reasoning: String::new() });
        let astray = i.is_multiple_of(4);
        let seen = Seen {
            news: if astray { None } else { opinion(says) },
            probabilities: Some(Probabilities { up, neutral, down }),
            market: opinion(if astray { -says } else { says }),
            context: None,
        };
        let at = Timestamp::parse("2024-01-01T00:00:00Z").unwrap().plus_seconds(i as u64 * 3_600);
        Example { at, instrument: Instrument::new("BTC").unwrap(), seen, outcome, by_prices: false }
    };
    (0..n).map(one).collect()
}

fn options() -> Options {
    Options {
        vote: aggregate::Config::default(),
        learnt_with: LearntWith::here("head"),
        origin: ("00".repeat(32), "2026-01-01".to_owned()),
    }
}

fn rate(report: &AggregatorReport, name: &str) -> f64 {
    report.lines.iter().find(|line| line.name == name).unwrap().right.rate.unwrap()
}

#[test]
fn where_the_vote_is_led_astray_the_classifier_wins() {
    let (classifier, report) = learn(&drawn(3_000, 0.7, 1), &options()).unwrap();
    assert_eq!(classifier.check_against(Some("head")), Ok(()));
    let (learnt, vote) = (rate(&report, "classifier"), rate(&report, "weighted vote"));
    assert!(learnt > 0.75 && learnt > vote + 0.05, "{learnt} against {vote}");
    assert!(report.log_loss < report.log_loss_of_shares);
    assert!(report.lines[0].answered.rate.unwrap() > 0.9, "{:?}", report.lines[0]);
    assert!(classifier.why.contains("it was proven on the second part"), "{}", classifier.why);
}

#[test]
fn where_there_is_nothing_to_know_nothing_is_proven_and_no_engine_takes_it() {
    let proven = (0..20).filter(|seed| learn(&drawn(1_000, 0.0, *seed), &options()).unwrap().0.threshold.is_some()).count();
    assert!(proven <= 1, "{proven} of 20");
    let (classifier, report) = learn(&drawn(4_000, 0.0, 3), &options()).unwrap();
    assert_eq!(classifier.threshold, None);
    assert!(report.why.contains("it would never decide"), "{}", report.why);
    assert!(classifier.check_against(Some("head")).unwrap_err().to_string().contains("proved nothing"));
}

#[test]
fn the_same_examples_give_the_same_bytes_and_a_file_that_reads() {
    let file = || serde_json::to_string(&learn(&drawn(800, 0.5, 5), &options()).unwrap().0).unwrap();
    assert_eq!(file(), file());
    Classifier::parse(&file()).unwrap();
}

#[test]
fn what_can_not_be_learnt_from_is_refused() {
    assert_eq!(learn(&drawn(199, 0.5, 1), &options()).unwrap_err(), LearnError::TooFew(199));
    let mut alike = drawn(400, 0.5, 1);
    alike.iter_mut().for_each(|example| example.outcome = 1);
    assert_eq!(learn(&alike, &options()).unwrap_err(), LearnError::OneOutcome);
}

#[test]
fn the_last_part_teaches_nothing() {
    let mut other = drawn(1_200, 0.6, 7);
    let before = learn(&other, &options()).unwrap().0;
    other[900..].iter_mut().for_each(|example| example.outcome = -example.outcome);
    let after = learn(&other, &options()).unwrap().0;
    assert_eq!((before.version(), before.threshold, &before.terms), (after.version(), after.threshold, &after.terms));
    assert_ne!(before.figures, after.figures);
}

#[test]
fn where_prices_tell_no_outcome_reaches_into_the_next_part_and_a_day_counts_once() {
    let mut examples = drawn(2_000, 0.6, 9);
    examples.iter_mut().for_each(|example| example.by_prices = true);
    let cut = parts(&examples);
    for pair in cut.windows(2) {
        let (last, first) = (pair[0].last().unwrap().at, pair[1].first().unwrap().at);
        assert!(last.plus_seconds(HORIZON_SEC) < first);
    }
    assert_eq!(cut[0].len(), 1_000 - 24, "an example an hour, and a day is left out");
    let part = Part::of(&cut[2]);
    assert_eq!((part.examples, part.worth), (500, 22), "from the 1,500th hour on, midday to midday");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_the_outcomes_the_parts_come_in_time_and_the_figures_are_shares(seed: u64, chance in 0.0_f64..=1.0, n in 200_usize..320) {
        let examples = drawn(n, chance, seed);
        let cut = parts(&examples);
        prop_assert!(cut.iter().flatten().map(|example| example.at).is_sorted());
        let (classifier, report) = learn(&examples, &options()).unwrap();
        prop_assert!(Classifier::parse(&serde_json::to_string(&classifier).unwrap()).unwrap() == classifier);
        for line in &report.lines {
            prop_assert!(line.right.of == line.answered.count && line.answered.of == report.parts[2].examples as u64);
        }
    }
}
