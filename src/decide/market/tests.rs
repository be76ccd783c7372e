use super::*;
use proptest::prelude::*;

fn whose() -> (TenantId, Instrument) {
    (TenantId::default_tenant(), Instrument::new("ETH").unwrap())
}

fn new(minute: i64, close: f64) -> NewBar {
    let bar = Bar::new(Timestamp::from_micros(minute * 60_000_000), [close; 4], 1.0).unwrap();
    NewBar { bar, interval_sec: 60 }
}

fn merged(held: &Series, bars: &[NewBar]) -> Merged {
    let (tenant, instrument) = whose();
    merge((&tenant, &instrument), Some(held), bars)
}

fn minutes(range: std::ops::Range<i64>) -> Series {
    Series::new(60, range.map(|minute| new(minute, 1.0).bar).collect()).unwrap()
}

#[test]
fn a_bar_of_another_interval_or_that_overlaps_is_refused_and_the_others_are_written() {
    let other = NewBar { interval_sec: 3_600, ..new(7, 1.0) };
    let between = NewBar { bar: Bar::new(Timestamp::from_micros(90_000_000), [1.0; 4], 1.0).unwrap(), interval_sec: 60 };
    let Merged { results, series, writes } = merged(&minutes(0..3), &[other, between, new(2, 2.0), new(3, 2.0), new(3, 3.0)]);
    assert_eq!(results[0].as_ref().unwrap_err().pointer, "/interval_sec");
    assert_eq!(results[1].as_ref().unwrap_err().pointer, "/at");
    assert_eq!(results[2..], [Ok(false), Ok(true), Ok(false)]);
    let closes: Vec<f64> = series.bars().iter().map(Bar::close).collect();
    assert_eq!((closes, writes.len()), (vec![1.0, 1.0, 2.0, 3.0], 1), "of two bars of one time the later line holds");
}

#[test]
fn nothing_is_written_where_no_bar_may_join() {
    let Merged { series, writes, .. } = merged(&minutes(0..3), &[NewBar { interval_sec: 0, ..new(9, 1.0) }]);
    assert_eq!((series, writes.len()), (minutes(0..3), 0));
}

#[test]
fn past_the_limit_the_oldest_leave_in_whole_chunks_and_older_ones_are_refused() {
    let most = i64::try_from(MARKET_BARS_MAX).unwrap();
    let full = minutes(1_024..1_024 + most);
    let Merged { results, series, writes } = merged(&full, &[new(0, 1.0), new(1_024 + most, 1.0)]);
    assert_eq!(results[0].as_ref().unwrap_err().pointer, "/at");
    assert_eq!(results[1], Ok(true));
    assert_eq!(series.bars().len(), MARKET_BARS_MAX - 1_024 + 1);
    let keys: Vec<String> = writes.iter().map(|write| write.key().to_string()).collect();
    assert_eq!(keys, ["{default}:market:60:1:ETH".to_owned(), format!("{{default}}:market:60:{}:ETH", 1 + most / 1_024)]);
    assert!(matches!(writes[0], Write::Delete(_)) && matches!(writes[1], Write::Put(_)));
}

proptest! {
    #[test]
    fn what_the_writes_leave_in_the_store_is_the_series_in_memory(
        held in prop::collection::btree_set(-3_000_i64..3_000, 0..60),
        batches in prop::collection::vec(prop::collection::vec((-3_000_i64..3_000, 0.5_f64..2.0), 1..30), 1..4),
    ) {
        let mut series = Series::new(60, held.into_iter().map(|minute| new(minute, 1.0).bar).collect()).unwrap();
        let (tenant, instrument) = whose();
        let mut stored: BTreeMap<String, Arc<Chunk>> = Chunk::all_of(&tenant, &instrument, &series)
            .map(|chunk| (key_of((&tenant, &instrument), 60, chunk.number).to_string(), Arc::new(chunk)))
            .collect();
        for batch in batches {
            let bars: Vec<NewBar> = batch.into_iter().map(|(minute, close)| new(minute, close)).collect();
            let done = merged(&series, &bars);
            prop_assert!(done.results.iter().all(Result::is_ok));
            for write in done.writes {
                match write {
                    Write::Put(Record::Market(chunk)) => stored.insert(Record::Market(Arc::clone(&chunk)).key().to_string(), chunk),
                    write => stored.remove(&write.key().to_string()),
                };
            }
            series = done.series;
        }
        let again = Series::new(60, stored.values().flat_map(|chunk| chunk.bars.bars()).copied().collect()).unwrap();
        prop_assert_eq!(again, series);
    }
}
