use super::*;
use crate::engine::analytics::layer::sample::library;

fn linker(layer: &Layer) -> Linker {
    Linker::new(Documents::default().with_layer(layer))
}

fn excerpt(question: &str, columns_max: usize) -> Excerpt {
    let layer = library();
    let linker = linker(&layer);
    within(&linker, &linker.link(question, None, LINKS_MAX), (&layer, &[]), columns_max)
}

#[test]
fn an_excerpt_has_no_more_columns_than_it_may_keys_and_joins_included() {
    for columns_max in [4, 8, 60] {
        let columns = |excerpt: &Excerpt| excerpt.tables.values().map(|table| table.columns.len()).sum::<usize>();
        let found = columns(&excerpt("takings by town of fines and loans of members", columns_max));
        assert!(found <= columns_max || columns_max < 8, "{found} of {columns_max}");
    }
}

#[test]
fn a_small_schema_is_shown_whole_and_a_large_one_as_far_as_it_was_linked() {
    let layer = library();
    let linker = linker(&layer);
    let columns: usize = layer.tables.values().map(|table| table.columns.len()).sum();
    let tables = |columns_max: usize| {
        let mut linked = linker.link("takings", None, 1);
        linked.extend(all_if_few(&linker, columns_max));
        within(&linker, &linked, (&layer, &[]), columns_max).tables.len()
    };
    assert_eq!(tables(columns), layer.tables.len());
    assert!(tables(columns - 1) < layer.tables.len());
}

#[test]
fn what_begins_as_a_word_does_is_near_to_it_and_what_has_some_of_its_letters_is_not() {
    let word = |words: &str, choices: &[&str]| Unplaced {
        words: words.to_owned(),
        reason: String::new(),
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
    };
    assert!(has_near(&word("Deliveries", &["average delivery time"])));
    assert!(!has_near(&word("income", &["come back"])));
    assert!(!has_near(&word("bulky", &[])));
}

#[test]
fn what_the_caller_may_not_see_is_neither_told_nor_named() {
    let all = excerpt("takings by town", 60);
    assert!(all.definitions.iter().any(|defined| defined.name == "takings"));
    let some = seen(all.clone(), |table, column| table != "loans" || column != "status");
    assert!(some.definitions.iter().all(|defined| defined.name != "takings"), "its condition names a column that is not seen");
    assert!(!some.tables["loans"].columns.contains_key("status"));
    let none = seen(all, |table, _| table != "fines");
    assert!(!none.tables.contains_key("fines"));
    assert!(none.joins.iter().all(|(many, one)| !many.starts_with("fines.") && !one.starts_with("fines.")));
}
