use super::Embedded;
use crate::domain::time::Clock;
use crate::store::sample::{self, component_of, decision_of, entry_of, moment, same};
use crate::store::{Config, Record, RecordKind, Store, StoreError, Write, contract, open};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

fn reopen(dir: &Path, clock: Clock) -> Arc<dyn Store> {
    open(&Config::default(), dir, clock).unwrap()
}

#[tokio::test]
async fn the_embedded_store_holds_the_contract_of_stores() {
    let dir = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    contract::hold(|clock| {
        count.set(count.get() + 1);
        reopen(&dir.path().join(count.get().to_string()), clock)
    })
    .await;
}

#[tokio::test]
async fn what_was_committed_or_flushed_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(moment());
    let all = [sample::fixed_component(), sample::fixed_text(), sample::fixed_entry(), sample::fixed_decision()];
    let store = reopen(dir.path(), clock.clone());
    store.commit(all.iter().cloned().map(Write::Put).collect()).await.unwrap();
    let behind = Record::Component(component_of("a", "behind", "behind").into());
    store.record(Write::Put(behind.clone())).unwrap();
    drop(store);
    let store = reopen(dir.path(), clock);
    for record in all.iter().chain([&behind]) {
        let found = store.get(&record.key()).await.unwrap().unwrap();
        assert!(same(record, &found));
    }
}

#[tokio::test]
async fn a_floor_for_decisions_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(moment());
    let old = Record::Decision(decision_of("a", moment(), 1));
    let store = reopen(dir.path(), clock.clone());
    store.commit(vec![Write::Put(old.clone())]).await.unwrap();
    store.prune(moment().plus_seconds(1)).await.unwrap();
    drop(store);
    let store = reopen(dir.path(), clock);
    assert!(store.get(&old.key()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_second_process_is_told_that_the_directory_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let store = reopen(dir.path(), Clock::System);
    let error = open(&Config::default(), dir.path(), Clock::System).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(store);
    reopen(dir.path(), Clock::System);
}

#[test]
fn a_file_in_place_of_the_directory_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for dir in [file.path().to_owned(), file.path().join("below")] {
        let error = open(&Config::default(), &dir, Clock::System).unwrap_err();
        assert!(matches!(error, StoreError::NotADirectory { .. }), "{error}");
    }
}

#[test]
fn a_setting_out_of_its_range_is_named() {
    let config = Config { decision_bytes_max: 1, ..Config::default() };
    let error = open(&config, Path::new("/nowhere"), Clock::System).unwrap_err();
    assert!(error.to_string().contains("store.decision_bytes_max = 1"), "{error}");
}

#[tokio::test]
async fn data_of_another_layout_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(reopen(dir.path(), Clock::System));
    let tree = fjall::Database::builder(dir.path()).open().unwrap();
    let meta = tree.keyspace("meta", fjall::KeyspaceCreateOptions::default).unwrap();
    meta.insert("layout", "99").unwrap();
    drop((meta, tree));
    let error = open(&Config::default(), dir.path(), Clock::System).unwrap_err();
    assert!(matches!(&error, StoreError::Layout { found, .. } if found == "99"), "{error}");
}

#[tokio::test]
async fn a_damaged_record_is_reported_and_does_not_stop_a_scan() {
    let dir = tempfile::tempdir().unwrap();
    let records: Vec<Record> = (0..3).map(|i| Record::Entry(entry_of("a", &format!("text {i}")))).collect();
    let store = reopen(dir.path(), Clock::manual(moment()));
    store.commit(records.iter().cloned().map(Write::Put).collect()).await.unwrap();
    drop(store);
    let tree = fjall::Database::builder(dir.path()).open().unwrap();
    let entries = tree.keyspace("entries", fjall::KeyspaceCreateOptions::default).unwrap();
    let key = records[1].key().to_string();
    let mut bytes = entries.get(&key).unwrap().unwrap().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    entries.insert(&key, bytes).unwrap();
    drop((entries, tree));
    let store = reopen(dir.path(), Clock::manual(moment()));
    let (mut good, mut bad) = (0, Vec::new());
    let mut visit = |record: Result<Record, crate::store::CodecError>| {
        match record {
            Ok(_) => good += 1,
            Err(error) => bad.push(error.key),
        }
        ControlFlow::Continue(())
    };
    store.scan(RecordKind::Entry, &mut visit).unwrap();
    assert_eq!((good, bad), (2, vec![key]));
    assert!(matches!(store.get(&records[1].key()).await, Err(StoreError::Codec(_))));
    store.commit(vec![Write::Put(records[1].clone())]).await.unwrap();
    assert!(store.get(&records[1].key()).await.unwrap().is_some());
}

#[tokio::test]
async fn decision_records_are_bounded_by_bytes_and_the_newest_stay() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { decision_bytes_max: 16 << 20, ..Config::default() };
    let clock = Clock::manual(moment());
    let store = open(&config, dir.path(), clock.clone()).unwrap();
    // Text that does not compress, or the bound on what lies on disk would hardly be reached.
    let noise = |i: u32| hex::encode(blake3::hash(&i.to_le_bytes()).as_bytes());
    let mut last = None;
    for group in 0..60_u32 {
        let mut writes = Vec::new();
        for i in 0..256_u32 {
            let mut decision = decision_of("a", clock.now(), u128::from(group * 256 + i));
            let filler: String = (0..32).map(|part| noise((group * 256 + i) * 32 + part)).collect();
            decision.answer = sample::raw(&format!("\"{filler}\""));
            last = Some(Record::Decision(decision.clone()));
            writes.push(Write::Put(Record::Decision(decision)));
        }
        clock.advance_millis(1_000);
        store.commit(writes).await.unwrap();
    }
    let kept = contract::keys_of(&*store, RecordKind::Decision).len();
    assert!(kept < 60 * 256, "all {kept} are still there");
    assert!(kept > 256, "only {kept} are left");
    assert!(store.get(&last.unwrap().key()).await.unwrap().is_some());
    drop(store);
    let store = open(&config, dir.path(), clock).unwrap();
    let kept_after = contract::keys_of(&*store, RecordKind::Decision).len();
    assert!((256..=kept).contains(&kept_after), "{kept_after} of {kept}");
}

#[tokio::test]
async fn decision_records_past_retention_are_hidden_and_their_segments_go() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { decision_retention_sec: 1_600, ..Config::default() };
    let clock = Clock::manual(moment());
    let store = Embedded::open(&config, dir.path(), clock.clone()).unwrap();
    for i in 0..64 {
        let decision = decision_of("a", clock.now(), i);
        store.commit(vec![Write::Put(Record::Decision(decision))]).await.unwrap();
        clock.advance_millis(50_000);
    }
    // 64 records over 3,200 seconds, of which the last 1,600 are kept.
    assert_eq!(contract::keys_of(&store, RecordKind::Decision).len(), 32);
    let segments = store.disk.segments();
    assert!((2..=20).contains(&segments), "{segments} segments");
}

#[tokio::test]
async fn a_decision_put_twice_across_segments_is_seen_once_and_as_the_newer() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(moment());
    let store = reopen(dir.path(), clock.clone());
    let mut decision = decision_of("a", moment(), 1);
    store.commit(vec![Write::Put(Record::Decision(decision.clone()))]).await.unwrap();
    // Past a sixteenth of retention the next write goes to a new segment.
    clock.advance_millis(24 * 3_600_000);
    store.commit(vec![Write::Put(Record::Decision(decision_of("a", clock.now(), 2)))]).await.unwrap();
    decision.answer = sample::raw("\"newer\"");
    let newer = Record::Decision(decision);
    store.commit(vec![Write::Put(newer.clone())]).await.unwrap();
    assert!(same(&store.get(&newer.key()).await.unwrap().unwrap(), &newer));
    assert_eq!(contract::keys_of(&*store, RecordKind::Decision).len(), 2);
    store.commit(vec![Write::Delete(newer.key())]).await.unwrap();
    assert!(store.get(&newer.key()).await.unwrap().is_none());
    assert_eq!(contract::keys_of(&*store, RecordKind::Decision).len(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_loses_nothing_that_it_took() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { queue_records: 8, ..Config::default() };
    let store = open(&config, dir.path(), Clock::manual(moment())).unwrap();
    let mut taken = Vec::new();
    let mut refused = 0;
    for i in 0..20_000 {
        let record = Record::Decision(decision_of("a", moment(), i));
        match store.record(Write::Put(record.clone())) {
            Ok(()) => taken.push(record.key().to_string()),
            Err(StoreError::QueueFull { capacity: 8 }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0, "the queue was never full");
    store.flush().await.unwrap();
    assert_eq!(contract::keys_of(&*store, RecordKind::Decision), taken.into_iter().collect());
}

#[tokio::test]
async fn commits_of_many_callers_are_all_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = reopen(dir.path(), Clock::manual(moment()));
    let tasks: Vec<_> = (0..64)
        .map(|i| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let record = Record::Component(component_of("a", &format!("c{i}"), "text").into());
                store.commit(vec![Write::Put(record)]).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    drop(store);
    let store = reopen(dir.path(), Clock::manual(moment()));
    assert_eq!(contract::keys_of(&*store, RecordKind::Component).len(), 64);
}
