use super::{Move, MoveError, Moved, Options, Report};
use crate::domain::time::Clock;
use crate::store::sample::{self, component_of, decision_of, entry_of, moment, same, text_of};
use crate::store::{Common, Record, RecordKind, Store, Write, contract, in_memory, open};
use std::sync::Arc;

fn options() -> Options {
    Options { verify_only: false, merge: false, kinds: &RecordKind::ALL, now: moment(), decision_retention_sec: 7 * 24 * 3_600 }
}

fn memory() -> Arc<dyn Store> {
    in_memory(Clock::manual(moment()))
}

async fn with(store: Arc<dyn Store>, records: impl IntoIterator<Item = Record>) -> Arc<dyn Store> {
    store.commit(records.into_iter().map(Write::Put).collect()).await.unwrap();
    store
}

/// Some of each kind, of two tenants.
fn many() -> Vec<Record> {
    let mut records = sample::one_of_each().to_vec();
    for number in 0..300 {
        let tenant = ["a", "b"][number % 2];
        let name = format!("text {number}");
        records.push(Record::Entry(entry_of(tenant, &name)));
        records.push(Record::Component(component_of(tenant, &format!("c{number}"), &name).into()));
        records.push(Record::Text(text_of(tenant, &name)));
        records.push(Record::Decision(decision_of(tenant, moment(), number as u128)));
    }
    records
}

async fn run(from: &Arc<dyn Store>, to: &Arc<dyn Store>, options: Options) -> Result<Report, MoveError> {
    Move { from: Arc::clone(from), to: Arc::clone(to), options }.run(&|_| {}).await
}

fn sums(report: &Report, of: impl Fn(&Moved) -> u64) -> u64 {
    report.kinds.iter().map(of).sum()
}

fn later(text: &str, tau: f32) -> Record {
    let mut stored = entry_of("a", text);
    let entry = Arc::make_mut(&mut stored.entry);
    (entry.created_at, entry.tau) = (moment().plus_seconds(1), tau);
    Record::Entry(stored)
}

#[tokio::test]
async fn everything_is_moved_between_stores_of_any_make_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let embedded = |name: &str| open(&Default::default(), &dir.path().join(name), Clock::manual(moment())).unwrap();
    let records = many();
    let stores = [embedded("a"), Common::new(Clock::manual(moment())).join(), embedded("b"), memory()];
    with(Arc::clone(&stores[0]), records.iter().cloned()).await;
    for pair in stores.windows(2) {
        let report = run(&pair[0], &pair[1], options()).await.unwrap();
        assert!(report.whole(), "{report:?}");
        assert_eq!((sums(&report, |kind| kind.found), sums(&report, |kind| kind.written)), (1_215, 1_215));
        for record in &records {
            assert!(same(&pair[1].get(&record.key()).await.unwrap().unwrap(), record));
        }
    }
    let again = run(&stores[0], &stores[3], options()).await.unwrap();
    assert!(again.whole() && sums(&again, |kind| kind.written) == 0 && sums(&again, |kind| kind.equal) == 1_215, "{again:?}");
}

#[tokio::test]
async fn a_move_that_broke_off_goes_on_where_it_was() {
    let (from, to) = (with(memory(), many()).await, with(memory(), many().into_iter().skip(100).step_by(3)).await);
    let report = run(&from, &to, options()).await.unwrap();
    assert!(report.whole() && sums(&report, |kind| kind.equal) == 372 && sums(&report, |kind| kind.written) == 843, "{report:?}");
}

#[tokio::test]
async fn a_destination_with_other_records_is_left_alone_unless_they_are_merged() {
    let own = Record::Entry(entry_of("a", "own"));
    for there in [own.clone(), later("text 0", 0.5)] {
        let (from, to) = (with(memory(), many()).await, with(memory(), [there.clone()]).await);
        let error = run(&from, &to, options()).await.unwrap_err();
        assert!(matches!(&error, MoveError::NotEmpty { key } if *key == there.key().to_string()), "{error}");
        assert_eq!(contract::keys_of(&*to, RecordKind::Component).len(), 0);
        let report = run(&from, &to, Options { merge: true, ..options() }).await.unwrap();
        assert!(report.whole(), "{report:?}");
        assert!(same(&to.get(&there.key()).await.unwrap().unwrap(), &there), "the later one stays");
        assert_eq!(contract::keys_of(&*to, RecordKind::Component).len(), 301);
    }
    // The other way round the later one is moved.
    let (from, to) = (with(memory(), [later("text 0", 0.5)]).await, with(memory(), many()).await);
    assert!(run(&from, &to, Options { merge: true, ..options() }).await.unwrap().whole());
    assert!(same(&to.get(&later("text 0", 0.5).key()).await.unwrap().unwrap(), &later("text 0", 0.5)));
}

#[tokio::test]
async fn a_difference_is_told_and_nothing_is_written_where_only_that_is_asked() {
    let (from, to) = (with(memory(), many()).await, with(memory(), many().into_iter().skip(1)).await);
    let verify = Options { verify_only: true, ..options() };
    let report = run(&from, &to, verify).await.unwrap();
    let different: Vec<&str> = report.kinds.iter().filter(|kind| !kind.same()).map(|kind| kind.kind).collect();
    assert!(!report.whole() && different == ["component"] && sums(&report, |kind| kind.written) == 0, "{report:?}");
    assert_eq!(contract::keys_of(&*to, RecordKind::Component).len(), 300);
    assert!(run(&from, &from, verify).await.unwrap().whole());
    let merged = run(&to, &from, Options { merge: true, ..verify }).await.unwrap();
    assert!(merged.whole(), "all of it is there, and more is allowed: {merged:?}");
    assert!(!run(&from, &to, Options { merge: true, ..verify }).await.unwrap().whole());
}

#[tokio::test]
async fn a_damaged_record_is_named_and_does_not_stop_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    drop(with(open(&Default::default(), &path, Clock::manual(moment())).unwrap(), many()).await);
    let bad = Record::Entry(entry_of("a", "text 4")).key().to_string();
    let tree = fjall::Database::builder(&path).open().unwrap();
    let entries = tree.keyspace("entries", fjall::KeyspaceCreateOptions::default).unwrap();
    entries.insert(&bad, b"\x02damaged").unwrap();
    drop((entries, tree));
    let from = open(&Default::default(), &path, Clock::manual(moment())).unwrap();
    let to = memory();
    let report = run(&from, &to, options()).await.unwrap();
    assert!(report.damaged.len() == 1 && report.damaged[0].contains(&bad), "{:?}", report.damaged);
    assert!(!report.whole() && report.kinds.iter().all(Moved::same), "{report:?}");
    assert_eq!(contract::keys_of(&*to, RecordKind::Entry).len(), 300);
}

#[tokio::test]
async fn what_ends_soon_is_moved_and_not_compared() {
    let ending = |text: &str, ttl| {
        let mut text = text_of("a", text);
        text.ttl_sec = Some(ttl);
        Record::Text(text)
    };
    let clock = Clock::manual(moment());
    let from = with(in_memory(clock.clone()), [ending("soon", 60), ending("later", 100_000)]).await;
    let to = memory();
    let report = run(&from, &to, options()).await.unwrap();
    assert!(report.whole() && sums(&report, |kind| kind.written) == 2 && sums(&report, |kind| kind.ending_soon) == 1);
    // It ends at the source, and is still at the destination.
    clock.advance_millis(61_000);
    let report = run(&from, &to, Options { now: clock.now(), ..options() }).await.unwrap();
    assert!(report.whole(), "{report:?}");
}
