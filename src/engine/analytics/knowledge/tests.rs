use super::super::intent::{Filter, Intent};
use super::super::layer::Layer;
use super::super::layer::sample::{LIBRARY, library};
use super::super::words::{Reading, Words};
use super::{Act, Answer, Candidate, Check, Knowledge, Meaning, NotKept, NotMoved, State};
use crate::domain::answer::Confidence;
use crate::domain::time::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

fn act(who: &str, at: i64) -> Act {
    Act { who: who.to_owned(), at: Timestamp::from_micros(at) }
}

fn candidate() -> Candidate {
    Candidate {
        question: "How many loans are there?".to_owned(),
        answer: Answer::Intent(Box::new(Intent::of("library", vec!["loan_count".to_owned()]))),
        sql: "SELECT count(*) FROM loans".to_owned(),
        columns: BTreeSet::from([("loans".to_owned(), "loan_id".to_owned())]),
        layer: ("library".to_owned(), 3),
        label: Confidence::High,
        checks: BTreeSet::from([Check::Gate, Check::Sanity]),
    }
}

fn overdue() -> Meaning {
    Meaning { comment: "Back after the day due.".to_owned(), table: "loans".to_owned(), condition: "back_at > due_at".to_owned() }
}

/// Knowledge with one approved term.
fn taught(phrase: &str, meaning: Meaning) -> Knowledge {
    let mut knowledge = Knowledge::default();
    let id = knowledge.propose(&library(), phrase, meaning, act("ana", 1)).expect("it is proposed");
    knowledge.moved(&id, State::Confirmed, act("ana", 2), false).expect("it is confirmed");
    knowledge.moved(&id, State::Approved, act("otto", 3), true).expect("it is approved");
    knowledge
}

#[test]
fn an_answer_that_passed_the_checks_and_was_liked_is_used_under_its_layer_alone() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.found_right(candidate(), act("ana", 1)).expect("it is kept");
    assert_eq!(knowledge.usable(&library())[0].id, id);
    let newer = Layer::read(&LIBRARY.replace("version: 3", "version: 4")).expect("a layer");
    assert!(knowledge.usable(&newer).is_empty(), "another meaning of the words, another answer");
    let spaced = Candidate { question: "how many  loans are there?".to_owned(), ..candidate() };
    assert_eq!(knowledge.found_right(spaced, act("bob", 2)), Ok(id), "it is the same question");
}

#[test]
fn an_answer_of_little_worth_or_without_its_checks_is_not_kept() {
    let mut knowledge = Knowledge::default();
    let low = Candidate { label: Confidence::Low, ..candidate() };
    assert_eq!(knowledge.found_right(low, act("ana", 1)), Err(NotKept::Label(Confidence::Low)));
    let unchecked = Candidate { checks: BTreeSet::from([Check::Gate]), ..candidate() };
    assert_eq!(knowledge.found_right(unchecked, act("ana", 1)), Err(NotKept::Unchecked(Check::Sanity)));
    assert_eq!(knowledge, Knowledge::default());
}

#[test]
fn what_somebody_found_wrong_stays_away_until_an_operator_releases_it() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.found_right(candidate(), act("ana", 1)).expect("it is kept");
    knowledge.found_wrong(candidate(), act("bob", 2), "it counts twice").expect("it is remembered");
    assert!(knowledge.usable(&library()).is_empty() && knowledge.is_quarantined(&candidate()));
    assert_eq!(knowledge.found_right(candidate(), act("ana", 3)), Err(NotKept::Quarantined));
    knowledge.released(&id).expect("it is released");
    assert!(knowledge.usable(&library()).is_empty(), "a release alone proves nothing");
    assert_eq!(knowledge.found_right(candidate(), act("ana", 4)), Ok(id.clone()));
    assert_eq!(knowledge.released(&id), Err(NotKept::Unknown), "it is not quarantined");
    let other = Candidate { answer: Answer::Sql("SELECT 1".to_owned()), ..candidate() };
    knowledge.found_wrong(other.clone(), act("bob", 5), "").expect("it is remembered");
    assert!(knowledge.is_quarantined(&other), "what was never liked is remembered too");
}

#[test]
fn an_approved_term_is_read_in_questions_and_the_layer_has_a_new_version() {
    let knowledge = taught("tardy", overdue());
    let applied = knowledge.applied(&library()).expect("it applies");
    assert_eq!((applied.layer.version, applied.left_out.len()), (30_001, 0));
    let words = Words::new(Arc::new(applied.layer));
    let Reading::Data(asked) = words.read("How many tardy loans were there by town?", date(2018, 10, 17)) else {
        panic!("it is read")
    };
    assert_eq!(asked.intent.filters, [Filter::Term { term: "tardy".to_owned(), negated: false }]);
    let before = Words::new(library()).read("How many tardy loans were there by town?", date(2018, 10, 17));
    assert!(matches!(before, Reading::Unclear { .. }));
}

#[test]
fn nothing_applies_before_it_is_approved_or_after_it_was_withdrawn() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.propose(&library(), "tardy", overdue(), act("ana", 1)).expect("it is proposed");
    let glossary = |knowledge: &Knowledge| knowledge.applied(&library()).expect("it applies").layer.glossary.len();
    assert_eq!(glossary(&knowledge), 1);
    knowledge.moved(&id, State::Confirmed, act("ana", 2), false).expect("it is confirmed");
    assert_eq!(glossary(&knowledge), 1);
    knowledge.moved(&id, State::Approved, act("otto", 3), true).expect("it is approved");
    assert_eq!(glossary(&knowledge), 2);
    knowledge.moved(&id, State::Withdrawn, act("otto", 4), true).expect("it is retired");
    let applied = knowledge.applied(&library()).expect("it applies");
    assert_eq!((applied.layer.glossary.len(), applied.layer.version), (1, 30_002), "an older version is not taken up again");
    let again = knowledge.propose(&library(), "tardy", overdue(), act("ida", 5)).expect("it may be proposed again");
    assert_eq!((again, knowledge.proposals()[&id].steps.len()), (id, 5), "its history stays");
}

#[test]
fn who_proposed_or_confirmed_does_not_approve_and_who_is_no_operator_neither() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.propose(&library(), "tardy", overdue(), act("ana", 1)).expect("it is proposed");
    let no_way = NotMoved::NoWay { from: State::Proposed, to: State::Approved };
    assert_eq!(knowledge.moved(&id, State::Approved, act("otto", 2), true), Err(no_way), "not without a user's word");
    knowledge.moved(&id, State::Confirmed, act("otto", 2), true).expect("it is confirmed");
    assert_eq!(knowledge.moved(&id, State::Approved, act("ana", 3), true), Err(NotMoved::OwnProposal));
    assert_eq!(knowledge.moved(&id, State::Approved, act("otto", 3), true), Err(NotMoved::OwnProposal));
    assert_eq!(knowledge.moved(&id, State::Approved, act("eve", 3), false), Err(NotMoved::NotAllowed));
    assert_eq!(knowledge.moved(&id, State::Withdrawn, act("eve", 3), false), Err(NotMoved::NotAllowed));
    assert_eq!(knowledge.moved("nothing", State::Approved, act("otto", 3), true), Err(NotMoved::Unknown));
}

#[test]
fn a_meaning_that_the_layer_can_not_have_is_refused_where_it_is_proposed() {
    let refused = |phrase: &str, table: &str, condition: &str| {
        let meaning = Meaning { comment: "c".to_owned(), table: table.to_owned(), condition: condition.to_owned() };
        match Knowledge::default().propose(&library(), phrase, meaning, act("ana", 1)) {
            Err(NotMoved::Wrong(error)) => error.pointer,
            other => panic!("`{phrase}` should be refused: {other:?}"),
        }
    };
    assert_eq!(refused("tardy", "loans", "nothing > due_at"), "/glossary/tardy/where");
    assert_eq!(refused("tardy", "nowhere", "back_at > due_at"), "/glossary/tardy/where");
    assert_eq!(refused("tardy", "loans", "sum(loan_id) > 1"), "/glossary/tardy/where");
    assert_eq!(refused("tardy", "loans", "1 = 1"), "/meaning/where");
    assert_eq!(refused("tardy", "loans", "drop table loans"), "/meaning/where");
    assert_eq!(refused("", "loans", "back_at > due_at"), "/phrase");
    // What has a meaning keeps it: a term, a measure, a dimension, a value, something absent, a word of the grammar, a period, a misspelling.
    for phrase in
        ["open", "takings", "open takings", "town", "Aldham", "forecast", "highest", "not", "last month", "2017", "takngs", "the"]
    {
        assert_eq!(refused(phrase, "loans", "back_at > due_at"), "/phrase", "{phrase}");
    }
}

#[test]
fn a_term_that_a_newer_layer_defines_itself_is_left_out_with_the_reason() {
    let knowledge = taught("tardy", overdue());
    let reviewed = LIBRARY
        .replace("glossary:", "glossary:\n  tardy_loan: {comment: c, table: loans, where: back_at is null, synonyms: [tardy]}");
    let applied = knowledge.applied(&Layer::read(&reviewed).expect("a layer")).expect("it applies");
    assert_eq!(applied.left_out.len(), 1);
    assert!(applied.layer.glossary.contains_key("tardy_loan") && !applied.layer.glossary.contains_key("tardy"));
}

#[test]
fn what_is_stored_reads_back_and_another_version_does_not() {
    let mut knowledge = taught("tardy", overdue());
    knowledge.found_right(candidate(), act("ana", 1)).expect("it is kept");
    knowledge
        .found_wrong(Candidate { answer: Answer::Sql("SELECT 1".to_owned()), ..candidate() }, act("bob", 2), "no")
        .expect("it is");
    let stored = knowledge.write().expect("it is written");
    assert_eq!(Knowledge::read(&stored).as_ref(), Ok(&knowledge));
    let newer = String::from_utf8(stored).expect("text").replace("\"format\":1", "\"format\":2");
    assert_eq!(Knowledge::read(newer.as_bytes()).expect_err("another version").pointer, "/format");
}

proptest! {
    #[test]
    fn no_step_leads_to_an_approval_by_one_person_alone(
        steps in prop::collection::vec((0_usize..5, prop::sample::select(&["ana", "otto"][..]), any::<bool>()), 0..12)
    ) {
        let mut knowledge = Knowledge::default();
        let id = knowledge.propose(&library(), "tardy", overdue(), act("ana", 0)).expect("it is proposed");
        let states = [State::Proposed, State::Confirmed, State::Approved, State::Rejected, State::Withdrawn];
        for (at, (to, who, operator)) in steps.into_iter().enumerate() {
            let _ = knowledge.moved(&id, states[to], act(who, at as i64), operator);
        }
        let steps = &knowledge.proposals()[&id].steps;
        let confirmed = steps.iter().rfind(|step| step.to == State::Confirmed).map(|step| step.by.who.clone());
        for approved in steps.iter().filter(|step| step.to == State::Approved) {
            prop_assert!(approved.by.who != "ana" && confirmed.as_ref() != Some(&approved.by.who));
        }
        let applies = knowledge.applied(&library()).expect("it applies").layer.glossary.contains_key("tardy");
        prop_assert_eq!(applies, knowledge.proposals()[&id].state() == State::Approved);
    }

    #[test]
    fn no_phrase_or_condition_panics_or_changes_what_was_reviewed(phrase in "\\PC{0,40}", condition in "\\PC{0,40}|(back_at|>|due_at|is|null|'|\\(| ){0,9}") {
        let meaning = Meaning { comment: "c".to_owned(), table: "loans".to_owned(), condition };
        let mut knowledge = Knowledge::default();
        if let Ok(id) = knowledge.propose(&library(), &phrase, meaning, act("ana", 1)) {
            knowledge.moved(&id, State::Confirmed, act("ana", 2), false).expect("it is confirmed");
            knowledge.moved(&id, State::Approved, act("otto", 3), true).expect("it is approved");
            let applied = knowledge.applied(&library()).expect("it applies").layer;
            for (name, term) in &library().glossary {
                prop_assert_eq!(applied.glossary.get(name), Some(term));
            }
            prop_assert_eq!(&applied.measures, &library().measures);
        }
    }
}
