use super::super::layer::sample::library;
use super::bm25::{Bm25, terms};
use super::{Documents, Linked, Linker, Pair, Place};
use crate::domain::vector::UnitVector;
use crate::warehouse::{ColumnInfo, TableInfo};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn linker() -> Linker {
    Linker::new(Documents::default().with_layer(&library()))
}

fn vector(values: &[f32]) -> UnitVector {
    UnitVector::normalised(values.to_vec()).expect("it has a direction")
}

fn called(linked: &[Linked]) -> Vec<&str> {
    linked.iter().map(|link| link.called.as_str()).collect()
}

#[test]
fn a_rare_word_counts_for_more_than_a_common_one_and_a_repeated_one_for_less_each_time() {
    let texts = ["loan loan loan loan", "loan fine", "loan branch", "loan shelf"];
    let bm25 = Bm25::new(texts.into_iter());
    let ranked = bm25.rank("loan fine");
    assert_eq!(ranked[0].document, 1);
    let once = bm25.rank("loan").iter().find(|shared| shared.document == 1).expect("it is found").score;
    let four_times = bm25.rank("loan").iter().find(|shared| shared.document == 0).expect("it is found").score;
    assert!(four_times > once && four_times < 4.0 * once);
}

#[test]
fn the_score_is_that_of_the_formula() {
    // Two documents of two words each: the length weighs nothing, and the word stands in one of them once.
    let bm25 = Bm25::new(["alpha beta", "gamma delta"].into_iter());
    let expected = (1.0_f64 + (2.0 - 1.0 + 0.5) / (1.0 + 0.5)).ln() * 2.2 / (1.0 + 1.2);
    assert!((bm25.rank("alpha")[0].score - expected).abs() < 1e-12);
}

#[test]
fn names_are_taken_apart_and_endings_left_out() {
    assert_eq!(terms("order_purchaseTimestamp"), ["order", "purchas", "timestamp"]);
    assert_eq!(terms("loans.lent_at"), terms("loan lent"));
    assert!(terms("how many of the").is_empty());
}

#[test]
fn a_question_is_linked_to_the_measure_the_dimension_and_the_value_that_it_names() {
    let linked = linker().link("What were the takings by town in Aldham?", None, 6);
    let places: Vec<&Place> = linked.iter().map(|link| &link.place).collect();
    assert!(places.contains(&&Place::Measure { name: "takings".to_owned() }), "{places:?}");
    assert!(places.contains(&&Place::Dimension { name: "town".to_owned() }), "{places:?}");
    assert!(places.contains(&&Place::Value { dimension: "town".to_owned(), value: "Aldham".to_owned() }), "{places:?}");
    assert!(linked.iter().all(|link| link.by_meaning.is_none() && !link.words.is_empty()), "it says why");
}

#[test]
fn what_no_word_leads_to_is_found_by_its_meaning_and_both_together_come_first() {
    let linker = linker();
    let towns: Vec<Option<UnitVector>> = linker
        .documents()
        .iter()
        .map(|document| match &document.place {
            Place::Dimension { name } if name == "town" => Some(vector(&[1.0, 0.1])),
            Place::Measure { name } if name == "takings" => Some(vector(&[0.8, 0.6])),
            _ => Some(vector(&[-1.0, 0.0])),
        })
        .collect();
    let linker = linker.with_vectors(towns);
    let linked = linker.link("takings per municipality", Some(&vector(&[1.0, 0.0])), 3);
    assert_eq!(linked[0].place, Place::Measure { name: "takings".to_owned() });
    let town = linked.iter().find(|link| link.called == "town").expect("it is found");
    assert_eq!((town.by_words, town.by_meaning.map(|ranked| ranked.rank)), (None, Some(1)));
    assert_eq!(called(&linker.choices("municipality", Some(&vector(&[1.0, 0.0])), 1)), ["town"]);
    assert!(
        linker.choices("municipality", Some(&vector(&[-0.4, 1.0])), 5).is_empty()
            || linker.choices("municipality", None, 5).is_empty()
    );
}

#[test]
fn the_fused_score_is_the_sum_over_the_rankings() {
    let linker = linker();
    let vectors = linker.documents().iter().map(|_| Some(vector(&[1.0, 0.0]))).collect();
    let linked = linker.with_vectors(vectors).link("takings", Some(&vector(&[1.0, 0.0])), usize::MAX);
    for link in linked {
        let part = |ranked: Option<super::Ranked>| {
            ranked.map_or(0.0, |ranked| 1.0 / (60.0 + f64::from(u32::try_from(ranked.rank).expect("small"))))
        };
        assert!((link.score - part(link.by_words) - part(link.by_meaning)).abs() < 1e-12);
    }
}

#[test]
fn tables_of_a_warehouse_and_answered_questions_are_found_too() {
    let column = |name: &str, comment: &str| ColumnInfo {
        name: name.to_owned(),
        data_type: "String".to_owned(),
        comment: comment.to_owned(),
    };
    let table = TableInfo {
        database: "d".to_owned(),
        name: "github_events".to_owned(),
        comment: String::new(),
        columns: vec![column("repo_name", "the repository"), column("actor_login", "who did it")],
        rows: None,
        version: None,
    };
    let samples = BTreeMap::from([(("github_events".to_owned(), "actor_login".to_owned()), vec!["torvalds".to_owned()])]);
    let pair = Pair {
        id: "p1".to_owned(),
        question: "most starred repository".to_owned(),
        sql: "SELECT 1".to_owned(),
        columns: BTreeSet::new(),
    };
    let linker = Linker::new(Documents::default().with_tables(&[table], &samples).with_pairs(&[pair]));
    let first = |question: &str| linker.link(question, None, 1).remove(0).place;
    assert_eq!(
        first("what did torvalds do"),
        Place::Column { table: "github_events".to_owned(), column: "actor_login".to_owned() }
    );
    assert_eq!(first("starred"), Place::Pair { id: "p1".to_owned() });
}

#[test]
fn an_excerpt_has_what_a_query_needs_and_the_way_between_its_tables() {
    let (linker, layer) = (linker(), library());
    let linked = linker.link("takings by town", None, 2);
    let excerpt = linker.excerpt(&linked, (&layer, &[]), 2);
    let tables: Vec<&str> = excerpt.tables.keys().map(String::as_str).collect();
    assert_eq!(tables, ["fines", "loans", "members"], "loans is on the way from fines to members");
    assert!(
        excerpt.tables["fines"].columns.contains_key("amount") && excerpt.tables["members"].columns["member_id"].contains("key")
    );
    assert!(!excerpt.tables["loans"].columns.contains_key("due_at"), "what nobody asked for is left out");
    assert!(excerpt.joins.contains(&("fines.loan_id".to_owned(), "loans.loan_id".to_owned())), "{:?}", excerpt.joins);
    let whole = linker.excerpt(&linked, (&layer, &[]), 20);
    assert!(whole.tables["fines"].columns.contains_key("reason"), "with room to spare a table is told whole");
    let takings = excerpt.definitions.iter().find(|defined| defined.name == "takings").expect("it is defined");
    assert_eq!((takings.value.as_str(), takings.condition.as_deref()), ("sum(fines.amount)", Some("loans.status <> 'void'")));
}

proptest! {
    #[test]
    fn any_text_is_linked_in_one_order_and_a_shorter_list_is_the_beginning_of_a_longer(
        text in "\\PC{0,60}|(takings|town|fines|loan|by|zzz| ){0,8}", top in 0_usize..12, values in prop::collection::vec(-1.0_f32..1.0, 3)
    ) {
        let linker = linker();
        let vectors = (0..linker.documents().len()).map(|n| UnitVector::normalised(vec![(n % 7) as f32, (n % 5) as f32, 1.0])).collect();
        let linker = linker.with_vectors(vectors);
        let vector = UnitVector::normalised(values);
        let all = linker.link(&text, vector.as_ref(), usize::MAX);
        let some = linker.link(&text, vector.as_ref(), top);
        prop_assert_eq!(&some[..], &all[..top.min(all.len())]);
        prop_assert!(all.windows(2).all(|pair| pair[0].score >= pair[1].score));
        prop_assert!(all.iter().all(|link| link.by_words.is_some() || link.by_meaning.is_some()));
    }

    #[test]
    fn a_vector_of_another_length_finds_nothing_and_breaks_nothing(text in "\\PC{0,30}") {
        let linker = linker();
        let vectors = linker.documents().iter().map(|_| UnitVector::normalised(vec![1.0, 2.0])).collect();
        let linked = linker.with_vectors(vectors).link(&text, UnitVector::normalised(vec![1.0; 5]).as_ref(), 9);
        prop_assert!(linked.iter().all(|link| link.by_meaning.is_none()));
    }
}
