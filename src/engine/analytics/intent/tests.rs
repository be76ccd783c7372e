use super::period::{Unit, Window};
use super::{Filter, Intent, Ranking, Threshold};
use crate::engine::analytics::intent::Relation;
use crate::engine::analytics::layer::End;
use jiff::civil::date;

fn values(dimension: &str, values: &[&str]) -> Filter {
    Filter::Values {
        dimension: dimension.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        negated: false,
    }
}

fn intent() -> Intent {
    Intent::of("library", vec!["takings".to_owned()])
}

#[test]
fn the_order_of_what_has_none_changes_nothing() {
    let mut one = intent();
    one.dimensions = vec!["town".to_owned(), "shelf".to_owned()];
    one.filters = vec![values("town", &["b", "a"]), values("shelf", &["x"])];
    let mut other = intent();
    other.dimensions = vec!["shelf".to_owned(), "town".to_owned()];
    other.filters = vec![values("shelf", &["x"]), values("town", &["a"]), values("town", &["b"])];
    assert_eq!(one.digest(), other.digest());
}

#[test]
fn each_difference_makes_another_digest() {
    let mut all =
        vec![intent(), Intent::of("library", vec!["loan_count".to_owned()]), Intent::of("other", vec!["takings".to_owned()])];
    let mut with = |change: fn(&mut Intent)| {
        let mut changed = intent();
        change(&mut changed);
        all.push(changed);
    };
    with(|intent| intent.window = Window::year(2017));
    with(|intent| intent.window = Window::year(2018));
    with(|intent| intent.dimensions = vec!["town".to_owned()]);
    with(|intent| intent.ranking = Some(Ranking { first: End::High, limit: 5, by_change: false }));
    with(|intent| intent.ranking = Some(Ranking { first: End::Low, limit: 5, by_change: false }));
    with(|intent| intent.ranking = Some(Ranking { first: End::High, limit: 6, by_change: false }));
    with(|intent| {
        intent.thresholds = vec![Threshold { measure: "loan_count".to_owned(), relation: Relation::AtLeast, bound: 10.0 }]
    });
    with(|intent| {
        intent.thresholds = vec![Threshold { measure: "loan_count".to_owned(), relation: Relation::MoreThan, bound: 10.0 }]
    });
    with(|intent| intent.filters = vec![values("town", &["a"])]);
    with(|intent| {
        intent.filters = vec![Filter::Values { dimension: "town".to_owned(), values: vec!["a".to_owned()], negated: true }]
    });
    with(|intent| intent.time = Some("back".to_owned()));
    let mut digests: Vec<_> = all.iter().map(Intent::digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn a_window_is_named_by_the_unit_that_it_is() {
    let window = |from, unit, count| Window::of(from, unit, count).expect("a window");
    assert_eq!(window(date(2017, 7, 1), Unit::Month, 3).label(), "2017-Q3");
    assert_eq!(window(date(2017, 7, 1), Unit::Month, 1).label(), "2017-07");
    assert_eq!(window(date(2017, 1, 1), Unit::Year, 1).label(), "2017");
    assert_eq!(window(date(2017, 2, 1), Unit::Month, 3).label(), "2017-02-01 to 2017-04-30");
}

#[test]
fn windows_that_touch_do_not_overlap_and_open_ones_reach_on() {
    let (one, next) = (Window::year(2017).expect("a year"), Window::year(2018).expect("a year"));
    assert!(!one.overlaps(&next));
    assert!(Window { from: one.from, until: None }.overlaps(&next));
    assert!(next.through(one).is_none());
}
