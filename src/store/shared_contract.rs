//! What every store that several processes share must do, whatever it is made of.

use super::buckets::{Rate, Taken};
use super::sample::{decision_of, entry_of, knowledge_of, moment, same};
use super::shared::{Acquired, Change, Position};
use super::{Record, RecordKind, Shared, Store, Write};
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::domain::time::Clock;
use futures_util::future::join_all;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// Gives one more process its store over the same server.
pub(super) type Join = Box<dyn Fn() -> Arc<dyn Store>>;

const SOON: Duration = Duration::from_secs(5);
const NOW: Duration = Duration::from_millis(1);

/// Runs every part of the contract; `server` gives a way to an empty server that lives by the clock it is given.
pub(super) async fn hold(server: impl Fn(Clock) -> Join) {
    let new = || server(Clock::manual(moment()));
    who_follows_sees_each_write_of_others_and_knows_its_own(&new()).await;
    what_was_written_between_a_position_and_a_scan_is_in_one_of_them(&new()).await;
    who_waits_is_woken_by_a_write(&new()).await;
    many_records_are_read_at_once_in_order(&new()).await;
    generations_are_given_out_once(&new()).await;
    a_lease_has_one_holder_and_its_fence_grows(&new()).await;
    a_word_left_behind_is_told_and_then_the_lease_is_free(&new()).await;
    who_lost_the_lease_writes_nothing(&new()).await;
    processes_take_from_one_bucket(&new()).await;
    let clock = Clock::manual(moment());
    a_note_is_read_by_every_process_until_it_ends(&server(clock.clone()), &clock).await;
    what_two_processes_teach_is_all_there_and_all_told(&new()).await;
}

fn entry(tenant: &str, text: &str) -> Record {
    Record::Entry(entry_of(tenant, text))
}

fn shared(store: &Arc<dyn Store>) -> &dyn Shared {
    store.shared().expect("it is a shared store")
}

fn tenant() -> TenantId {
    TenantId::new("a").unwrap()
}

/// All changes after a position, read to the end.
async fn read(store: &Arc<dyn Store>, position: &mut Position) -> Vec<Change> {
    let mut all = Vec::new();
    loop {
        let found = shared(store).changes(position, NOW).await.unwrap();
        assert!(!found.gap, "nothing was trimmed");
        *position = found.position;
        if found.changes.is_empty() {
            return all;
        }
        all.extend(found.changes);
    }
}

async fn who_follows_sees_each_write_of_others_and_knows_its_own(join: &Join) {
    let (writer, reader) = (join(), join());
    let mut of_reader = shared(&reader).position().await.unwrap();
    let mut of_writer = of_reader.clone();
    let (one, two, of_other) = (entry("a", "one"), entry("a", "two"), entry("b", "of another tenant"));
    writer.commit(vec![Write::Put(one.clone()), Write::Put(two.clone())]).await.unwrap();
    writer.commit(vec![Write::Put(of_other.clone())]).await.unwrap();
    writer.commit(vec![Write::Delete(one.key())]).await.unwrap();
    // Audit records are read where they are needed, and nobody follows them.
    writer.commit(vec![Write::Put(Record::Decision(decision_of("a", moment(), 1)))]).await.unwrap();
    let seen = read(&reader, &mut of_reader).await;
    let of_a: Vec<_> = seen.iter().filter(|change| *change.key.tenant() == tenant()).map(|change| change.key.clone()).collect();
    assert_eq!(of_a, [one.key(), two.key(), one.key()]);
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().any(|change| change.key == of_other.key()) && seen.iter().all(|change| !change.own));
    let own = read(&writer, &mut of_writer).await;
    assert!(own.len() == 4 && own.iter().all(|change| change.own));
    assert!(read(&reader, &mut of_reader).await.is_empty(), "what was read is not given again");
}

async fn what_was_written_between_a_position_and_a_scan_is_in_one_of_them(join: &Join) {
    let (writer, reader) = (join(), join());
    writer.commit(vec![Write::Put(entry("a", "before"))]).await.unwrap();
    let mut position = shared(&reader).position().await.unwrap();
    let between = entry("a", "between");
    writer.commit(vec![Write::Put(between.clone())]).await.unwrap();
    let mut scanned = 0;
    let mut count = |_: Result<Record, _>| {
        scanned += 1;
        ControlFlow::Continue(())
    };
    reader.scan(RecordKind::Entry, &mut count).unwrap();
    assert_eq!(scanned, 2);
    let after = read(&reader, &mut position).await;
    assert_eq!(after.iter().map(|change| &change.key).collect::<Vec<_>>(), [&between.key()]);
}

async fn who_waits_is_woken_by_a_write(join: &Join) {
    let (writer, reader) = (join(), join());
    writer.commit(vec![Write::Put(entry("a", "before"))]).await.unwrap();
    let position = shared(&reader).position().await.unwrap();
    let written = entry("a", "later");
    let write = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        writer.commit(vec![Write::Put(written.clone())]).await.unwrap();
    };
    let (found, ()) = tokio::join!(shared(&reader).changes(&position, SOON), write);
    assert_eq!(found.unwrap().changes.iter().map(|change| &change.key).collect::<Vec<_>>(), [&written.key()]);
}

async fn many_records_are_read_at_once_in_order(join: &Join) {
    let store = join();
    let records: Vec<Record> = (0..50).map(|n| entry("a", &format!("text {n}"))).collect();
    store.commit(records.iter().skip(1).cloned().map(Write::Put).collect()).await.unwrap();
    let keys: Vec<_> = records.iter().map(Record::key).collect();
    let found = shared(&store).get_many(&keys).await.unwrap();
    assert_eq!(found.len(), 50);
    assert!(matches!(found[0], Ok(None)));
    for (found, record) in found.iter().zip(&records).skip(1) {
        assert!(matches!(found, Ok(Some(found)) if same(found, record)));
    }
    assert!(shared(&store).get_many(&[]).await.unwrap().is_empty());
}

async fn generations_are_given_out_once(join: &Join) {
    let (one, other) = (join(), join());
    let first = shared(&one).next_generation(0).await.unwrap();
    let second = shared(&other).next_generation(0).await.unwrap();
    assert!(first > 0 && second > first);
    assert_eq!(shared(&one).generation().await.unwrap(), second, "what another was given is known here");
    assert!(shared(&one).next_generation(1_000).await.unwrap() > 1_000);
    assert!(shared(&other).next_generation(0).await.unwrap() > 1_001);
}

async fn a_lease_has_one_holder_and_its_fence_grows(join: &Join) {
    let (one, other) = (join(), join());
    let Acquired::Mine(first) = shared(&one).acquire(&tenant(), "run", SOON).await.unwrap() else { panic!("it is free") };
    assert_eq!(shared(&other).acquire(&tenant(), "run", SOON).await.unwrap(), Acquired::Held);
    assert!(matches!(shared(&other).acquire(&tenant(), "another", SOON).await.unwrap(), Acquired::Mine(_)));
    let of_another = TenantId::new("b").unwrap();
    assert!(matches!(shared(&other).acquire(&of_another, "run", SOON).await.unwrap(), Acquired::Mine(_)));
    assert!(shared(&one).renew(&first, SOON).await.unwrap());
    assert!(shared(&one).release(&first, None).await.unwrap());
    assert!(!shared(&one).renew(&first, SOON).await.unwrap() && !shared(&one).release(&first, None).await.unwrap());
    let Acquired::Mine(second) = shared(&other).acquire(&tenant(), "run", SOON).await.unwrap() else { panic!("it is free") };
    assert!(second.fence > first.fence);
}

async fn a_word_left_behind_is_told_and_then_the_lease_is_free(join: &Join) {
    let (one, other) = (join(), join());
    let Acquired::Mine(lease) = shared(&one).acquire(&tenant(), "run", SOON).await.unwrap() else { panic!("it is free") };
    assert!(shared(&one).release(&lease, Some(("nothing to say: no bars", SOON))).await.unwrap());
    let told = shared(&other).acquire(&tenant(), "run", SOON).await.unwrap();
    assert_eq!(told, Acquired::Done("nothing to say: no bars".to_owned()));
    assert!(!shared(&one).renew(&lease, SOON).await.unwrap());
}

async fn who_lost_the_lease_writes_nothing(join: &Join) {
    let (one, other) = (join(), join());
    let Acquired::Mine(lost) = shared(&one).acquire(&tenant(), "run", SOON).await.unwrap() else { panic!("it is free") };
    let (kept, refused) = (entry("a", "kept"), entry("a", "refused"));
    assert!(shared(&one).commit_under(&lost, vec![Write::Put(kept.clone())]).await.unwrap());
    assert!(shared(&one).release(&lost, None).await.unwrap());
    assert!(matches!(shared(&other).acquire(&tenant(), "run", SOON).await.unwrap(), Acquired::Mine(_)));
    assert!(!shared(&one).commit_under(&lost, vec![Write::Put(refused.clone())]).await.unwrap());
    assert!(other.get(&kept.key()).await.unwrap().is_some());
    assert!(other.get(&refused.key()).await.unwrap().is_none());
}

async fn processes_take_from_one_bucket(join: &Join) {
    let all = [join(), join(), join()];
    let take = |n: usize, of: &str, role, rate| {
        let (store, of) = (Arc::clone(&all[n % 3]), TenantId::new(of).unwrap());
        async move { shared(&store).take(&of, role, rate).await.unwrap() }
    };
    let slow = Rate::new(0.01, 20).unwrap();
    let taken = join_all((0..90).map(|n| take(n, "a", Role::Decide, slow))).await;
    assert_eq!(taken.iter().filter(|taken| **taken == Taken::Yes).count(), 20, "as many as the burst, whoever asks");
    for taken in taken {
        assert!(matches!(taken, Taken::Yes | Taken::NotFor(_)));
        if let Taken::NotFor(wait) = taken {
            assert!((Duration::from_secs(60)..=Duration::from_secs(100)).contains(&wait), "{wait:?}");
        }
    }
    assert_eq!(take(0, "a", Role::Write, slow).await, Taken::Yes, "another role has a bucket of its own");
    assert_eq!(take(0, "b", Role::Decide, slow).await, Taken::Yes, "and so has another tenant");
    let quick = Rate::new(20.0, 1).unwrap();
    assert_eq!(take(0, "c", Role::Decide, quick).await, Taken::Yes);
    // Whoever waits for as long as he is told is let through.
    if let Taken::NotFor(wait) = take(1, "c", Role::Decide, quick).await {
        assert!(wait <= Duration::from_millis(50), "{wait:?}");
        tokio::time::sleep(wait + Duration::from_millis(1)).await;
        assert_eq!(take(2, "c", Role::Decide, quick).await, Taken::Yes);
    }
}

async fn a_note_is_read_by_every_process_until_it_ends(join: &Join, clock: &Clock) {
    let (one, other, strange) = (join(), join(), TenantId::new("b").unwrap());
    let long = Duration::from_secs(60);
    let read = |name: &'static str| {
        let other = Arc::clone(&other);
        async move { shared(&other).note(&tenant(), name).await.unwrap() }
    };
    assert_eq!(read("n").await, None);
    shared(&one).leave_note(&tenant(), "n", "grüße \"\n", long).await.unwrap();
    assert_eq!((read("n").await.as_deref(), read("m").await), (Some("grüße \"\n"), None));
    assert_eq!(shared(&other).note(&strange, "n").await.unwrap(), None, "another tenant's is another note");
    shared(&other).leave_note(&tenant(), "n", "", long).await.unwrap();
    assert_eq!(shared(&one).note(&tenant(), "n").await.unwrap().as_deref(), Some(""), "the latest holds");
    shared(&one).leave_note(&tenant(), "n", "short", NOW).await.unwrap();
    // A server has a clock of its own.
    clock.advance_millis(20);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(read("n").await, None, "it has ended");
}

async fn what_two_processes_teach_is_all_there_and_all_told(join: &Join) {
    use crate::domain::knowledge_record::KnowledgeKind::Pair;
    let (one, other) = (join(), join());
    let mut position = shared(&one).position().await.unwrap();
    let (by_one, by_other) = (knowledge_of("a", Pair, 1, "by one"), knowledge_of("a", Pair, 2, "by the other"));
    let written = tokio::join!(one.commit(vec![Write::Put(by_one.clone())]), other.commit(vec![Write::Put(by_other.clone())]));
    written.0.unwrap();
    written.1.unwrap();
    for store in [&one, &other] {
        let found = shared(store).get_many(&[by_one.key(), by_other.key()]).await.unwrap();
        assert!(found.iter().zip([&by_one, &by_other]).all(|(found, was)| matches!(found, Ok(Some(found)) if same(found, was))));
    }
    let told = read(&one, &mut position).await;
    assert_eq!(told.iter().filter(|change| !change.own).map(|change| &change.key).collect::<Vec<_>>(), [&by_other.key()]);
}
