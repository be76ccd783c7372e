//! What every store must do, whatever it is made of.

use super::sample::{self, component_of, decision_of, entry_of, moment, same, text_of};
use super::{Family, Record, RecordKey, RecordKind, Store, Write};
use crate::domain::component::Role;
use crate::domain::ids::ComponentId;
use crate::domain::time::Clock;
use crate::limits::DATASET_PART_BYTES_MAX;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Runs every part of the contract; `open` gives an empty store that lives by the clock it is given.
pub(super) async fn hold(open: impl Fn(Clock) -> Arc<dyn Store>) {
    hold_where(false, open).await;
}

/// The same for a store that may drop what has ended by itself, by a clock that a test can't move: then a sweep finds nothing to do.
pub(super) async fn hold_where(expires_by_itself: bool, open: impl Fn(Clock) -> Arc<dyn Store>) {
    let new = || {
        let clock = Clock::manual(moment());
        (open(clock.clone()), clock)
    };
    what_is_put_is_found_and_what_is_deleted_is_gone(&*new().0).await;
    a_batch_takes_effect_in_its_order(&*new().0).await;
    a_batch_with_a_record_that_can_not_be_stored_leaves_nothing_behind(&*new().0).await;
    tenants_and_families_do_not_mix(&*new().0).await;
    a_scan_sees_what_is_there_and_stops_when_told(&*new().0).await;
    what_is_written_behind_is_seen_at_once_and_after_a_flush(&*new().0).await;
    the_two_ways_to_write_keep_their_order(&*new().0).await;
    large_and_foreign_texts_are_kept_whole(&*new().0).await;
    let (store, clock) = new();
    a_dataset_and_its_parts_come_and_go_together(&*store, &clock).await;
    what_was_taught_is_kept_one_by_one(&*new().0).await;
    let (store, clock) = new();
    an_answer_can_be_judged_until_it_ends(&*store, &clock).await;
    let (store, clock) = new();
    what_has_ended_is_not_seen_and_is_swept(&*store, &clock, expires_by_itself).await;
    let (store, clock) = new();
    old_decisions_are_pruned_and_young_ones_stay(&*store, &clock).await;
}

fn put(record: Record) -> Write {
    Write::Put(record)
}

fn component(tenant: &str, id: &str, text: &str) -> Record {
    Record::Component(component_of(tenant, id, text).into())
}

async fn assert_holds(store: &dyn Store, record: &Record) {
    let found = store.get(&record.key()).await.unwrap();
    assert!(found.as_ref().is_some_and(|found| same(found, record)), "wanted {record:?}, found {found:?}");
}

pub(super) fn keys_of(store: &dyn Store, kind: RecordKind) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut visit = |record: Result<Record, _>| {
        assert!(keys.insert(record.unwrap().key().to_string()), "a scan shows no record twice");
        ControlFlow::Continue(())
    };
    store.scan(kind, &mut visit).unwrap();
    keys
}

async fn what_is_put_is_found_and_what_is_deleted_is_gone(store: &dyn Store) {
    let all = [sample::fixed_component(), sample::fixed_text(), sample::fixed_entry(), sample::fixed_decision()];
    for record in &all {
        assert!(store.get(&record.key()).await.unwrap().is_none());
    }
    store.commit(all.iter().cloned().map(put).collect()).await.unwrap();
    for record in &all {
        assert_holds(store, record).await;
    }
    store.commit(all.iter().map(|record| Write::Delete(record.key())).collect()).await.unwrap();
    for record in &all {
        assert!(store.get(&record.key()).await.unwrap().is_none());
        assert!(keys_of(store, record.kind()).is_empty());
    }
    store.commit(vec![]).await.unwrap();
    store.commit(vec![Write::Delete(all[0].key())]).await.unwrap();
}

async fn a_batch_takes_effect_in_its_order(store: &dyn Store) {
    let (old, new) = (component("a", "c", "old"), component("a", "c", "new"));
    store.commit(vec![put(old.clone()), put(new.clone())]).await.unwrap();
    assert_holds(store, &new).await;
    store.commit(vec![Write::Delete(new.key()), put(old.clone())]).await.unwrap();
    assert_holds(store, &old).await;
    store.commit(vec![put(new.clone()), Write::Delete(new.key())]).await.unwrap();
    assert!(store.get(&new.key()).await.unwrap().is_none());
}

async fn a_batch_with_a_record_that_can_not_be_stored_leaves_nothing_behind(store: &dyn Store) {
    let mut bad = text_of("a", "bad");
    bad.model.revision = "two@signs".into();
    let good = component("a", "good", "good");
    store.commit(vec![put(good.clone()), put(Record::Text(bad))]).await.unwrap_err();
    assert!(store.get(&good.key()).await.unwrap().is_none());
}

async fn tenants_and_families_do_not_mix(store: &dyn Store) {
    let (a, b) = (component("a", "c", "of a"), component("b", "c", "of b"));
    let mut instruction = component_of("a", "c", "an instruction");
    instruction.role = Role::Instruction;
    let prompt = Record::Component(instruction.into());
    store.commit(vec![put(a.clone()), put(b.clone()), put(prompt.clone())]).await.unwrap();
    for record in [&a, &b, &prompt] {
        assert_holds(store, record).await;
    }
    store.commit(vec![Write::Delete(b.key())]).await.unwrap();
    assert_holds(store, &a).await;
    let id = ComponentId::new("c").unwrap();
    let gone = RecordKey::Component { tenant: sample::tenant("b"), family: Family::News, id };
    assert!(store.get(&gone).await.unwrap().is_none());
}

async fn a_scan_sees_what_is_there_and_stops_when_told(store: &dyn Store) {
    let records: Vec<Record> = (0..50).map(|i| Record::Entry(entry_of("a", &format!("text {i}")))).collect();
    store.commit(records.iter().cloned().map(put).collect()).await.unwrap();
    store.commit(records[..20].iter().map(|record| Write::Delete(record.key())).collect()).await.unwrap();
    store.commit(records[20..30].iter().cloned().map(put).collect()).await.unwrap();
    let expected: BTreeSet<String> = records[20..].iter().map(|record| record.key().to_string()).collect();
    assert_eq!(keys_of(store, RecordKind::Entry), expected);
    assert!(keys_of(store, RecordKind::Component).is_empty());
    let mut seen = 0;
    let mut visit = |_| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.scan(RecordKind::Entry, &mut visit).unwrap();
    assert_eq!(seen, 3);
}

async fn what_is_written_behind_is_seen_at_once_and_after_a_flush(store: &dyn Store) {
    let records: Vec<Record> = (0..200).map(|i| Record::Decision(decision_of("a", moment(), i))).collect();
    for record in &records {
        store.record(put(record.clone())).unwrap();
        assert_holds(store, record).await;
    }
    store.record(Write::Delete(records[7].key())).unwrap();
    assert!(store.get(&records[7].key()).await.unwrap().is_none());
    store.flush().await.unwrap();
    let expected: BTreeSet<String> = records.iter().map(|record| record.key().to_string()).collect();
    let found = keys_of(store, RecordKind::Decision);
    assert_eq!(found.len(), 199);
    assert!(found.is_subset(&expected) && !found.contains(&records[7].key().to_string()));
    assert_holds(store, &records[8]).await;
    assert_eq!(store.health().lost, 0);
    assert_eq!(store.health().failed, None);
}

async fn the_two_ways_to_write_keep_their_order(store: &dyn Store) {
    for round in 0..20 {
        let behind = component("a", "c", &format!("behind {round}"));
        let committed = component("a", "c", &format!("committed {round}"));
        store.record(put(behind.clone())).unwrap();
        store.commit(vec![put(committed.clone())]).await.unwrap();
        assert_holds(store, &committed).await;
        store.record(put(behind.clone())).unwrap();
        store.flush().await.unwrap();
        assert_holds(store, &behind).await;
    }
}

async fn large_and_foreign_texts_are_kept_whole(store: &dyn Store) {
    let large = component("a", "large", &"0123456789abcdef".repeat(16_384));
    let foreign = component("a", "foreign", "\u{1F680} Zürich 東京 \u{202E}abc\u{0301} \\ \" {}");
    store.commit(vec![put(large.clone()), put(foreign.clone())]).await.unwrap();
    assert_holds(store, &large).await;
    assert_holds(store, &foreign).await;
}

async fn a_dataset_and_its_parts_come_and_go_together(store: &dyn Store, clock: &Clock) {
    // No two parts are the same, and none can be made smaller.
    let bytes = |number: u32| -> Vec<u8> {
        let mut bytes = vec![0; DATASET_PART_BYTES_MAX];
        blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    };
    let head = |version| Record::Dataset(sample::head_of("a", "book", version).into());
    let parts: Vec<Record> =
        (0..8).map(|number| Record::DatasetPart(sample::part_of("a", number, &bytes(number)).into())).collect();
    store.commit(parts.iter().cloned().chain([head(1)]).map(put).collect()).await.unwrap();
    for record in parts.iter().chain([&head(1)]) {
        assert_holds(store, record).await;
    }
    assert_eq!((keys_of(store, RecordKind::Dataset).len(), keys_of(store, RecordKind::DatasetPart).len()), (1, 8));
    let other = Record::Dataset(sample::head_of("b", "book", 1).into());
    store.commit(vec![put(other.clone())]).await.unwrap();
    // The next version takes their place, in one commit.
    let next = Record::DatasetPart(sample::part_of("a", 9, b"next").into());
    let gone = parts.iter().map(|part| Write::Delete(part.key()));
    store.commit([put(next.clone()), put(head(2))].into_iter().chain(gone).collect()).await.unwrap();
    assert_holds(store, &head(2)).await;
    assert_holds(store, &other).await;
    assert_eq!(keys_of(store, RecordKind::DatasetPart), [next.key().to_string()].into());
    // They end together.
    clock.advance_millis(86_400_000);
    assert!(store.get(&head(2).key()).await.unwrap().is_none() && store.get(&next.key()).await.unwrap().is_none());
    while !store.sweep().await.unwrap().is_empty() {}
}

async fn what_was_taught_is_kept_one_by_one(store: &dyn Store) {
    use crate::domain::knowledge_record::KnowledgeKind::{Pair, Term};
    let pair = sample::knowledge_of("a", Pair, 1, "found right");
    let (term, of_other) = (sample::knowledge_of("a", Term, 1, "a word"), sample::knowledge_of("b", Pair, 1, "of another"));
    store.commit([&pair, &term, &of_other].map(|record| put(record.clone())).into()).await.unwrap();
    // A pair and a term of one number are two, and so are those of two tenants.
    for record in [&pair, &term, &of_other] {
        assert_holds(store, record).await;
    }
    let wrong = sample::knowledge_of("a", Pair, 1, "found wrong since");
    store.commit(vec![put(wrong.clone()), Write::Delete(term.key())]).await.unwrap();
    assert_holds(store, &wrong).await;
    assert_holds(store, &of_other).await;
    assert!(store.get(&term.key()).await.unwrap().is_none());
    assert_eq!(keys_of(store, RecordKind::Knowledge), [wrong.key().to_string(), of_other.key().to_string()].into());
}

async fn an_answer_can_be_judged_until_it_ends(store: &dyn Store, clock: &Clock) {
    let answer = sample::fixed_judgeable();
    store.record(put(answer.clone())).unwrap();
    assert_holds(store, &answer).await;
    store.flush().await.unwrap();
    assert_holds(store, &answer).await;
    clock.advance_millis(7 * 86_400_000);
    assert!(store.get(&answer.key()).await.unwrap().is_none());
    while !store.sweep().await.unwrap().is_empty() {}
}

async fn what_has_ended_is_not_seen_and_is_swept(store: &dyn Store, clock: &Clock, expires_by_itself: bool) {
    let swept = |keys: Vec<RecordKey>| if expires_by_itself { Vec::new() } else { keys };
    let mut short = text_of("a", "short");
    short.ttl_sec = Some(60);
    let mut renewed = text_of("a", "renewed");
    renewed.ttl_sec = Some(60);
    let mut later = renewed.clone();
    later.ttl_sec = Some(600);
    let (short, later) = (Record::Text(short), Record::Text(later));
    let endless = component("a", "endless", "endless");
    let writes = [short.clone(), Record::Text(renewed), endless.clone(), later.clone()];
    store.commit(writes.into_iter().map(put).collect()).await.unwrap();
    clock.advance_millis(59_999);
    assert_holds(store, &short).await;
    assert!(store.sweep().await.unwrap().is_empty());
    clock.advance_millis(1);
    assert!(store.get(&short.key()).await.unwrap().is_none());
    assert_eq!(keys_of(store, RecordKind::Text), [later.key().to_string()].into());
    assert_eq!(store.sweep().await.unwrap(), swept(vec![short.key()]));
    assert!(store.sweep().await.unwrap().is_empty());
    assert_holds(store, &later).await;
    assert_holds(store, &endless).await;
    clock.advance_millis(600_000);
    assert!(store.get(&later.key()).await.unwrap().is_none());
    assert_eq!(store.sweep().await.unwrap(), swept(vec![later.key()]));
}

async fn old_decisions_are_pruned_and_young_ones_stay(store: &dyn Store, clock: &Clock) {
    let old = Record::Decision(decision_of("a", moment(), 1));
    let other = Record::Decision(decision_of("b", moment(), 1));
    store.commit(vec![put(old.clone()), put(other.clone()), put(sample::fixed_entry())]).await.unwrap();
    clock.advance_millis(10_000);
    let young = Record::Decision(decision_of("a", clock.now(), 2));
    store.commit(vec![put(young.clone())]).await.unwrap();
    store.prune(moment()).await.unwrap();
    assert_holds(store, &old).await;
    store.prune(clock.now()).await.unwrap();
    for pruned in [&old, &other] {
        assert!(store.get(&pruned.key()).await.unwrap().is_none());
    }
    assert_eq!(keys_of(store, RecordKind::Decision), [young.key().to_string()].into());
    assert_holds(store, &young).await;
    assert_holds(store, &sample::fixed_entry()).await;
}
