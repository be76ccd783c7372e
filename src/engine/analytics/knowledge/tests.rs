use super::super::intent::period::Window;
use super::super::intent::{Filter, Intent};
use super::super::layer::Layer;
use super::super::layer::sample::{LIBRARY, library};
use super::super::words::{Reading, Words};
use super::{Act, Answer, Candidate, Check, FORMAT, Knowledge, Meaning, NotKept, NotMoved, Proposal, Says, State, VerifiedPair};
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
        alone: true,
        answer: Answer::Intent(Box::new(Intent::of("library", vec!["loan_count".to_owned()]))),
        sql: "SELECT count(*) FROM loans".to_owned(),
        columns: BTreeSet::from([("loans".to_owned(), "loan_id".to_owned())]),
        layer: ("library".to_owned(), 3),
        label: Confidence::High,
        checks: BTreeSet::from([Check::Gate, Check::Sanity]),
    }
}

fn rows(comment: &str, table: &str, condition: &str) -> Meaning {
    let says = Says::Rows { table: table.to_owned(), condition: condition.to_owned() };
    Meaning { comment: comment.to_owned(), says }
}

fn overdue() -> Meaning {
    rows("Back after the day due.", "loans", "back_at > due_at")
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
    assert_eq!(knowledge.usable(("library", 3))[0].id, id);
    assert!(knowledge.usable(("library", 4)).is_empty(), "another meaning of the words, another answer");
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
    let in_context = Candidate { alone: false, ..candidate() };
    assert_eq!(knowledge.found_right(in_context, act("ana", 1)), Err(NotKept::InContext));
    assert_eq!(knowledge, Knowledge::default());
}

#[test]
fn what_somebody_found_wrong_stays_away_until_an_operator_releases_it() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.found_right(candidate(), act("ana", 1)).expect("it is kept");
    knowledge.found_wrong(candidate(), act("bob", 2), "it counts twice").expect("it is remembered");
    assert!(knowledge.usable(("library", 3)).is_empty() && knowledge.is_quarantined(&candidate()));
    assert_eq!(knowledge.found_right(candidate(), act("ana", 3)), Err(NotKept::Quarantined));
    knowledge.released(&id).expect("it is released");
    assert!(knowledge.usable(("library", 3)).is_empty(), "a release alone proves nothing");
    assert_eq!(knowledge.found_right(candidate(), act("ana", 4)), Ok(id.clone()));
    assert_eq!(knowledge.released(&id), Err(NotKept::NotWrong));
    assert_eq!(knowledge.released("nothing"), Err(NotKept::Unknown));
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
        let meaning = rows("c", table, condition);
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
    let half = Knowledge::default().propose(&library(), "tardy takings", rows("c", "loans", "back_at > due_at"), act("ana", 1));
    assert!(matches!(&half, Err(NotMoved::Wrong(error)) if error.detail.contains("\"takings\"")), "the word is named: {half:?}");
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

/// The same, by way of the store.
fn stored(knowledge: &Knowledge) -> Knowledge {
    let mut read = Knowledge::default();
    for (key, json) in knowledge.since(&Knowledge::default()).expect("it is written") {
        read.put(key, FORMAT, json.expect("it is there").get()).expect("it reads back");
    }
    read
}

#[test]
fn what_is_stored_reads_back_one_by_one_and_another_version_does_not() {
    let mut knowledge = taught("tardy", overdue());
    knowledge.found_right(candidate(), act("ana", 1)).expect("it is kept");
    let before = knowledge.clone();
    let wrong = Candidate { answer: Answer::Sql("SELECT 1".to_owned()), ..candidate() };
    let id = knowledge.found_wrong(wrong, act("bob", 2), "no").expect("it is remembered");
    assert_eq!(stored(&knowledge), knowledge);
    let changed = knowledge.since(&before).expect("it is written");
    assert_eq!((changed.len(), changed[0].0.name()), (1, id.clone()), "what was not touched is not written");
    let (key, json) = (changed[0].0, changed[0].1.as_ref().expect("it is there").get());
    let mut read = knowledge.clone();
    assert_eq!(read.put(key, FORMAT + 1, json).expect_err("another version").pointer, "/format");
    assert!(!read.pairs().contains_key(&id), "what can't be read is not what was there before");
    knowledge.released(&id).expect("it is released");
    assert!(matches!(&knowledge.since(&before).expect("it is written")[..], []), "it is as it was");
    assert!(matches!(&stored(&before).since(&knowledge).expect("it is written")[..], [_, _]));
}

#[test]
fn what_was_stored_under_format_1_still_reads() {
    let pair: VerifiedPair = serde_json::from_str(include_str!("fixtures/pair.v1.json")).expect("a pair");
    assert_eq!((pair.question.as_str(), &pair.layer), ("How many loans are there?", &("library".to_owned(), 3)));
    assert!(pair.is_quarantined());
    let term: Proposal = serde_json::from_str(include_str!("fixtures/term.v1.json")).expect("a term");
    assert_eq!((term.phrase.as_str(), term.state(), &term.meaning), ("tardy", State::Approved, &overdue()));
    let mut knowledge = taught("tardy", overdue());
    knowledge.found_wrong(candidate(), act("bob", 2), "it counts twice").expect("it is remembered");
    assert_eq!(FORMAT, 1, "a new format has fixtures of its own");
    assert_eq!(
        serde_json::to_string(&**knowledge.pairs().values().next().expect("a pair")).expect("JSON"),
        include_str!("fixtures/pair.v1.json").trim()
    );
    assert_eq!(
        serde_json::to_string(&**knowledge.proposals().values().next().expect("a term")).expect("JSON"),
        include_str!("fixtures/term.v1.json").trim()
    );
}

#[test]
fn an_answer_found_wrong_is_doubted_in_its_very_question_whatever_the_day() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.found_wrong(candidate(), act("bob", 1), "").expect("it is remembered");
    let doubts = knowledge.doubts();
    let asked = |question: &str, change: &dyn Fn(&mut Intent)| {
        let mut intent = Intent::of("library", vec!["loan_count".to_owned()]);
        change(&mut intent);
        doubts.of(("library", 3), question, &Answer::Intent(Box::new(intent))).map(str::to_owned)
    };
    assert_eq!(asked("how  many loans are there", &|_| {}), Some(id.clone()));
    let window = Window { from: Some(date(2018, 9, 1)), until: Some(date(2018, 10, 1)) };
    assert_eq!(asked("How many loans are there?", &|intent| intent.window = Some(window)), Some(id));
    assert_eq!(asked("How many loans were there?", &|_| {}), None, "other words");
    assert_eq!(
        asked("How many loans are there?", &|intent| intent.dimensions = vec!["town".to_owned()]),
        None,
        "another reading"
    );
    let answer = candidate().answer;
    assert_eq!(doubts.of(("library", 4), "How many loans are there?", &answer), None, "the layer was reviewed since");
}

#[test]
fn a_term_that_applies_lifts_no_doubt_and_a_withdrawn_one_takes_its_pairs_along() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.found_right(candidate(), act("ana", 1)).expect("it is kept");
    let tardy = knowledge.propose(&library(), "tardy", overdue(), act("ana", 2)).expect("it is proposed");
    knowledge.moved(&tardy, State::Confirmed, act("ana", 3), false).expect("it is confirmed");
    knowledge.moved(&tardy, State::Approved, act("otto", 4), true).expect("it is approved");
    assert_eq!(knowledge.usable(("library", 3)).len(), 1, "more words take nothing away");
    knowledge.moved(&tardy, State::Withdrawn, act("otto", 5), true).expect("it is withdrawn");
    assert!(knowledge.usable(("library", 3)).is_empty(), "it may have rested on the word");
    assert_eq!(knowledge.found_right(candidate(), act("bob", 6)), Ok(id));
    assert_eq!(knowledge.usable(("library", 3)).len(), 1);
}

#[test]
fn a_phrase_may_be_another_name_for_what_the_layer_has() {
    let means = |says: Says| Meaning { comment: "The same.".to_owned(), says };
    let read = |knowledge: &Knowledge, question: &str| {
        let layer = knowledge.applied(&library()).expect("it applies").layer;
        Words::new(Arc::new(layer)).read(question, date(2018, 10, 17))
    };
    let asked = |says: Says, taught_question: &str, known_question: &str| {
        let knowledge = taught("zork", means(says));
        let (Reading::Data(one), Reading::Data(other)) = (read(&knowledge, taught_question), read(&knowledge, known_question))
        else {
            panic!("they are read: {:?}", read(&knowledge, taught_question))
        };
        assert_eq!(one.intent, other.intent);
        assert!(matches!(read(&Knowledge::default(), taught_question), Reading::Unclear { .. }));
    };
    asked(Says::Measure("takings".to_owned()), "total zork by town", "total takings by town");
    asked(Says::Dimension("town".to_owned()), "total takings by zork", "total takings by town");
    asked(Says::Term("open_loan".to_owned()), "How many zork loans were there?", "How many open loans were there?");
    let refused = |says: Says| match Knowledge::default().propose(&library(), "zork", means(says), act("ana", 1)) {
        Err(NotMoved::Wrong(error)) => error.pointer,
        other => panic!("it should be refused: {other:?}"),
    };
    assert_eq!(refused(Says::Measure("nothing".to_owned())), "/meaning/measure");
    assert_eq!(refused(Says::Dimension("nothing".to_owned())), "/meaning/dimension");
    assert_eq!(refused(Says::Value { dimension: "town".to_owned(), value: "Nowhere".to_owned() }), "/meaning/value");
    assert_eq!(refused(Says::Term("nothing".to_owned())), "/meaning/term");
}

#[test]
fn where_nobody_has_a_name_nobody_is_another() {
    let mut knowledge = Knowledge::default();
    let id = knowledge.propose(&library(), "tardy", overdue(), act("", 1)).expect("it is proposed");
    knowledge.moved(&id, State::Confirmed, act("", 2), true).expect("it is confirmed");
    assert_eq!(knowledge.moved(&id, State::Approved, act("", 3), false), Err(NotMoved::NotAllowed));
    knowledge.moved(&id, State::Approved, act("", 3), true).expect("it is approved");
}

#[test]
fn no_more_pairs_are_kept_than_may_be_and_a_wrong_answer_always_finds_room() {
    let numbered = |n: usize, version: u32| {
        let (question, layer) = (format!("How many loans are there in {n}?"), ("library".to_owned(), version));
        Candidate { question, layer, ..candidate() }
    };
    let mut knowledge = Knowledge::default();
    let mut first = String::new();
    for n in 0..2_000 {
        let id = knowledge.found_right(numbered(n, 3), act("ana", n as i64)).expect("it is kept");
        first = if n == 0 { id } else { first };
    }
    assert!(matches!(knowledge.found_right(numbered(2_000, 3), act("ana", 2_000)), Err(NotKept::TooMuch(_))));
    knowledge.found_wrong(numbered(2_001, 3), act("bob", 2_001), "").expect("it is remembered");
    assert!(knowledge.pairs().len() == 2_000 && !knowledge.pairs().contains_key(&first), "the oldest made room");
    // A new version of the layer makes those of the old one useless.
    knowledge.found_right(numbered(2_002, 4), act("ana", 2_002)).expect("it is kept");
    assert_eq!((knowledge.pairs().len(), knowledge.usable(("library", 4)).len()), (2_000, 1));
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
        let meaning = rows("c", "loans", &condition);
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
