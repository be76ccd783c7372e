use super::*;
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn bar(seconds: i64, close: f64) -> Bar {
    Bar::new(at(seconds), [close; 4], 1.0).unwrap()
}

#[test]
fn an_instrument_is_the_same_in_either_case_and_never_a_path() {
    assert_eq!(Instrument::new("eth").unwrap(), Instrument::new("ETH").unwrap());
    assert_eq!(Instrument::new("Brk.b").unwrap().as_str(), "BRK.B");
    for bad in ["", "a/b", "{a}", "^GSPC", " ETH"] {
        assert!(Instrument::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_bar_that_can_not_be_names_the_value_that_is_wrong() {
    let refused = |prices, volume| Bar::new(at(0), prices, volume).unwrap_err().pointer;
    assert_eq!(refused([0.0, 2.0, 1.0, 1.5], 1.0), "/open");
    assert_eq!(refused([1.5, f64::INFINITY, 1.0, 1.5], 1.0), "/high");
    assert_eq!(refused([1.5, 1.4, 1.0, 1.2], 1.0), "/high");
    assert_eq!(refused([1.5, 2.0, 1.3, 1.2], 1.0), "/low");
    assert_eq!(refused([1.5, 2.0, 1.0, f64::NAN], 1.0), "/close");
    assert_eq!(refused([1.5, 2.0, 1.0, 1.2], -1.0), "/volume");
    assert!(Bar::new(at(0), [1.0; 4], 0.0).is_ok());
}

#[test]
fn a_bar_is_seen_from_the_moment_it_closes_and_not_before() {
    let series = Series::new(60, vec![bar(0, 1.0), bar(60, 2.0)]).unwrap();
    assert_eq!(series.until(at(59)).bars(), []);
    assert_eq!(series.until(at(60)).bars(), [bar(0, 1.0)]);
    assert_eq!(series.until(at(119)).bars(), [bar(0, 1.0)]);
    assert_eq!(series.until(at(120)), series);
}

#[test]
fn two_bars_of_one_time_or_that_overlap_are_refused_by_their_number() {
    let twice = Series::new(60, vec![bar(60, 1.0), bar(0, 1.0), bar(60, 2.0)]).unwrap_err();
    assert_eq!(twice.pointer, "/bars/2");
    let overlapping = Series::new(60, vec![bar(30, 1.0), bar(0, 1.0)]).unwrap_err();
    assert_eq!(overlapping.pointer, "/bars/0");
    assert_eq!(Series::new(0, Vec::new()).unwrap_err().pointer, "/interval_sec");
    assert_eq!(Series::new(INTERVAL_SEC_MAX + 1, Vec::new()).unwrap_err().pointer, "/interval_sec");
}

#[test]
fn a_bar_clashes_with_its_neighbours_and_not_with_the_one_it_replaces() {
    let series = Series::new(60, vec![bar(0, 1.0), bar(120, 1.0)]).unwrap();
    for (seconds, clashes) in
        [(0, false), (60, false), (30, true), (61, true), (-60, false), (-59, true), (180, false), (179, true)]
    {
        assert_eq!(series.clash(&bar(seconds, 2.0)).is_some(), clashes, "{seconds}");
    }
}

fn any_bars() -> impl Strategy<Value = Vec<Bar>> {
    prop::collection::btree_map(-1_000_i64..1_000, 0.1_f64..1e6, 0..60)
        .prop_map(|bars| bars.into_iter().map(|(slot, close)| bar(slot * 60, close)).collect())
}

proptest! {
    #[test]
    fn no_bar_after_the_moment_is_ever_seen_and_none_before_it_is_missing(bars in any_bars(), as_of in -70_000_i64..70_000) {
        let seen = Series::new(60, bars.clone()).unwrap().until(at(as_of));
        let expected: Vec<Bar> = bars.into_iter().filter(|bar| bar.at().plus_seconds(60) <= at(as_of)).collect();
        prop_assert_eq!(seen.bars(), expected);
    }

    #[test]
    fn the_order_in_which_bars_are_given_does_not_matter(bars in any_bars().prop_shuffle()) {
        let series = Series::new(60, bars.clone()).unwrap();
        let mut sorted = bars;
        sorted.sort_by_key(Bar::at);
        prop_assert_eq!(series.bars(), sorted);
    }

    #[test]
    fn later_bars_take_the_place_of_earlier_ones_and_all_others_stay(old in any_bars(), new in any_bars()) {
        let merged = Series::new(60, old.clone()).unwrap().with(&new);
        let by_time: std::collections::BTreeMap<Timestamp, Bar> = old.into_iter().chain(new).map(|bar| (bar.at(), bar)).collect();
        prop_assert_eq!(merged.bars(), by_time.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn whatever_the_numbers_a_bar_that_is_taken_holds_its_invariants(prices: [f64; 4], volume: f64) {
        if let Ok(bar) = Bar::new(at(0), prices, volume) {
            prop_assert!(bar.low() > 0.0 && bar.high().is_finite() && bar.volume() >= 0.0);
            prop_assert!(bar.low() <= bar.open().min(bar.close()) && bar.open().max(bar.close()) <= bar.high());
        }
    }
}
