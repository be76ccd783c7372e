use super::*;
use crate::domain::audit_chain::{Action, AuditEvent, Broken, Outcome};
use crate::domain::role::Roles;
use crate::store::{self, Common};
use futures_util::future::join_all;
use proptest::prelude::*;
use serde_json::json;

fn acme() -> TenantId {
    TenantId::new("acme").unwrap()
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_micros(1_000_000))
}

fn deed(n: usize) -> Deed {
    Deed {
        tenant: acme(),
        user: Some("desk".into()),
        roles: Roles::ALL,
        action: Action::EntriesDelete,
        about: about(json!({ "n": n })).unwrap(),
        outcome: Outcome::Done,
        trace: None,
    }
}

async fn events(log: &AuditLog) -> Vec<AuditEvent> {
    let mut all = Vec::new();
    log.verify(&acme(), &mut |event| all.push(event.clone())).await.unwrap();
    all
}

async fn written(log: &Arc<AuditLog>, count: usize) {
    for n in 0..count {
        assert_eq!(log.append(deed(n)).await.unwrap(), n as u64 + 1);
    }
}

#[tokio::test]
async fn deeds_at_once_get_a_place_each_whoever_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let common = Common::new(Clock::System);
    let alone = AuditLog::new(store::open(&store::Config::default(), folder.path(), clock()).unwrap(), clock());
    let shared: Vec<_> = (0..3).map(|_| AuditLog::new(common.join(), clock())).collect();
    for logs in [&[alone][..], &shared] {
        let appends = (0..300).map(|n| logs[n % logs.len()].append(deed(n)));
        let mut places: Vec<u64> = join_all(appends).await.into_iter().map(Result::unwrap).collect();
        places.sort_unstable();
        assert_eq!(places, (1..=300).collect::<Vec<_>>());
        for log in logs {
            assert_eq!(events(log).await.len(), 300);
        }
    }
}

#[tokio::test]
async fn a_deed_whose_caller_went_away_is_on_record_all_the_same() {
    let log = AuditLog::new(Common::new(Clock::System).join(), clock());
    let gone = tokio::time::timeout(Duration::ZERO, log.append(deed(0)));
    let _ = gone.await;
    assert_eq!(log.append(deed(1)).await.unwrap(), 2);
    assert_eq!(events(&log).await.len(), 2);
}

#[tokio::test]
async fn tenants_have_chains_of_their_own() {
    let log = AuditLog::new(store::in_memory(clock()), clock());
    written(&log, 2).await;
    let other = TenantId::new("other").unwrap();
    assert_eq!(log.append(Deed { tenant: other.clone(), ..deed(0) }).await.unwrap(), 1);
    assert_eq!(log.tenants().unwrap(), [acme(), other.clone()]);
    assert_eq!(log.page(&other, 0, 10).await.unwrap().events.len(), 1);
}

#[tokio::test]
async fn pages_follow_one_another() {
    let log = AuditLog::new(store::in_memory(clock()), clock());
    written(&log, 7).await;
    let mut numbers = Vec::new();
    for after in [0, 3, 6, 7, u64::MAX] {
        let page = log.page(&acme(), after, 3).await.unwrap();
        numbers.push(page.events.iter().map(|event| event.number).collect::<Vec<_>>());
    }
    assert_eq!(numbers, [vec![1, 2, 3], vec![4, 5, 6], vec![7], vec![], vec![]]);
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_said_to_be_on_record_and_the_chain_goes_on_afterwards() {
    let common = Common::new(Clock::System);
    let log = AuditLog::new(common.join(), clock());
    written(&log, 1).await;
    common.set_away(true);
    assert!(matches!(log.append(deed(1)).await, Err(AuditError::Store(_))));
    common.set_away(false);
    assert_eq!(log.append(deed(1)).await.unwrap(), 2);
    assert_eq!(events(&log).await.len(), 2);
}

#[tokio::test]
async fn retention_drops_the_oldest_and_the_rest_still_hangs_together() {
    let time = clock();
    let log = AuditLog::new(store::in_memory(time.clone()), time.clone());
    written(&log, 600).await;
    time.advance_millis(100_000);
    assert_eq!(log.append(deed(600)).await.unwrap(), 601);
    let config = Config { retention_sec: 60, ..Config::default() };
    assert_eq!(log.retain(&config).await.unwrap(), 600);
    assert_eq!(events(&log).await.iter().map(|event| event.number).collect::<Vec<_>>(), [601]);
    time.advance_millis(100_000);
    assert_eq!(log.retain(&config).await.unwrap(), 0, "the latest stays");
    assert_eq!(log.append(deed(601)).await.unwrap(), 602);
    assert_eq!(log.retain(&config).await.unwrap(), 1);
    assert_eq!(log.retain(&Config { retention_sec: 0, ..Config::default() }).await.unwrap(), 0);
    let chain = log.verify(&acme(), &mut |_| {}).await.unwrap();
    assert_eq!((chain.first, chain.last), (602, 602));
}

#[tokio::test]
async fn what_was_done_to_the_store_behind_the_chain_is_found() {
    let key = |number| RecordKey::AuditEvent { tenant: acme(), number };
    let changed = |event: &AuditEvent| {
        let mut event = event.clone();
        event.deed.user = Some("nobody".into());
        event.hash = event.expected_hash();
        Write::Put(Record::AuditEvent(event.into()))
    };
    for (number, found) in [(1, 2), (3, 4), (5, 5)] {
        let log = AuditLog::new(store::in_memory(clock()), clock());
        written(&log, 5).await;
        let all = events(&log).await;
        log.store.commit(vec![changed(&all[number - 1])]).await.unwrap();
        let broken = log.verify(&acme(), &mut |_| {}).await.unwrap_err();
        assert!(matches!(broken, VerifyError::Broken(Broken { number, .. }) if number == found), "{broken}");
        log.store.commit(vec![Write::Delete(key(number as u64))]).await.unwrap();
        let broken = log.verify(&acme(), &mut |_| {}).await.unwrap_err();
        assert!(matches!(broken, VerifyError::Broken(Broken { number: n, .. }) if n == number as u64), "{broken}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for (retention_sec, good) in [(0, true), (1, false), (60, true), (TTL_SEC_MAX, true), (TTL_SEC_MAX + 1, false)] {
        assert_eq!(Config { retention_sec, ..Config::default() }.check().is_ok(), good, "{retention_sec}");
    }
}

proptest! {
    #[test]
    fn what_an_event_is_about_is_never_more_than_an_event_may_hold(texts in prop::collection::vec("\\PC{0,400}", 0..300), deep in 0_usize..5) {
        let value = (0..deep).fold(json!({ "tags": texts }), |inner, _| json!({ "all": vec![inner; 3] }));
        let raw = about(value).unwrap();
        prop_assert!(raw.get().len() <= AUDIT_ABOUT_BYTES_MAX);
        prop_assert!(serde_json::from_str::<Value>(raw.get()).is_ok());
    }
}
