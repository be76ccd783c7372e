//! Datasets within one process: what another process over the store sees, what an upload that breaks off leaves, and who is told.

use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::datasets::{BARS, DatasetsError, NewRows};
use instinct::decide::{Decider, NewBar};
use instinct::domain::dataset::{DatasetReport, DatasetSettings};
use instinct::domain::frame::{Column, Frame};
use instinct::domain::ids::{DatasetName, TenantId};
use instinct::domain::market::{Bar, Instrument};
use instinct::domain::request::Caller;
use instinct::domain::time::{Clock, Timestamp};
use instinct::embed;
use instinct::engine::Engines;
use instinct::store::{self, Common, Record, RecordKey, RecordKind, Shared, Store, StoreError, StoreHealth, Visit, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

async fn app_over(store: Arc<dyn Store>, clock: Clock) -> Arc<Decider> {
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = project().join("strategies");
    config.embed.model = "hashing-64".to_owned();
    config.datasets.cache_bytes = 1 << 20;
    let embedder = embed::open(&config.embed).unwrap();
    let strategies =
        instinct::app::without_engines(instinct::app::read_strategies(&config.strategies, &instinct::app::ENGINES).unwrap());
    let parts = Parts { embedder, store, search: None, graphs: None, engines: Engines::default(), clock };
    App::with_strategies(&config, parts, strategies).await.unwrap().decider
}

fn caller() -> Caller {
    Caller { user: Some("ada".into()), ..Caller::trusted(TenantId::new("acme").unwrap()) }
}

fn name(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

/// Numbers that can't be made smaller.
fn noise(rows: usize, seed: u64) -> Frame {
    let mut random = fastrand::Rng::with_seed(seed);
    Frame::new(vec![("n".into(), Column::Number((0..rows).map(|_| random.f64()).collect()))]).unwrap()
}

fn new(frame: Frame) -> NewRows {
    NewRows { frame, settings: DatasetSettings::default(), report: DatasetReport::default(), append: false, ttl_sec: None }
}

async fn frame(decider: &Decider, of: &str) -> Option<Arc<Frame>> {
    decider.frame_of(&caller().tenant, &name(of)).await.unwrap().map(|(frame, _)| frame)
}

fn parts_in(store: &dyn Store) -> usize {
    let mut count = 0;
    let mut visit = |record: Result<Record, _>| {
        assert!(record.is_ok());
        count += 1;
        ControlFlow::Continue(())
    };
    store.scan(RecordKind::DatasetPart, &mut visit).unwrap();
    count
}

/// A store that is cut off after so many more commits, as a process is that is killed.
#[derive(Debug)]
struct CutOff {
    inner: Arc<dyn Store>,
    commits_left: AtomicI64,
}

#[async_trait]
impl Store for CutOff {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        if self.commits_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(StoreError::Away { detail: "it was cut off".to_owned() });
        }
        self.inner.commit(writes).await
    }

    fn record(&self, write: Write) -> Result<(), StoreError> {
        self.inner.record(write)
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.inner.get(key).await
    }

    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.inner.scan(kind, visit)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush().await
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        self.inner.prune(before).await
    }

    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        self.inner.sweep().await
    }

    fn health(&self) -> StoreHealth {
        self.inner.health()
    }

    fn shared(&self) -> Option<&dyn Shared> {
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_an_upload_breaks_off_what_was_there_stays_whole_and_what_is_left_behind_is_removed() {
    let (small, large) = (noise(1_000, 1), noise(1_200_000, 2));
    for there in [true, false] {
        for commits in 0..3 {
            let clock = Clock::manual(Timestamp::parse("2025-03-14T12:00:00Z").unwrap());
            let inner = store::in_memory(clock.clone());
            let cut = Arc::new(CutOff { inner: Arc::clone(&inner), commits_left: AtomicI64::new(i64::MAX) });
            let decider = app_over(Arc::clone(&cut) as Arc<dyn Store>, clock.clone()).await;
            if there {
                decider.put_dataset(&caller(), &name("n"), new(small.clone())).await.unwrap();
            }
            cut.commits_left.store(commits, Ordering::SeqCst);
            let error = decider.put_dataset(&caller(), &name("n"), new(large.clone())).await.unwrap_err();
            assert!(matches!(error, DatasetsError::Store(_)), "{error}");
            let left = parts_in(&*inner) - usize::from(there);
            assert_eq!(left, if commits == 2 { 8 } else { 0 }, "after {commits} commits");
            // The one that was cut off, and the one that is started after it.
            let successor = app_over(Arc::clone(&inner), clock.clone()).await;
            for one in [&decider, &successor] {
                assert_eq!(frame(one, "n").await.as_deref(), there.then_some(&small));
                assert_eq!(one.list_datasets(&caller().tenant).len(), usize::from(there));
            }
            successor.sweep().await.unwrap();
            assert_eq!(parts_in(&*inner), left + usize::from(there), "it may still be under way");
            clock.advance_millis(3_600_000);
            successor.sweep().await.unwrap();
            assert_eq!(parts_in(&*inner), usize::from(there), "after {commits} commits");
            let head = successor.put_dataset(&caller(), &name("n"), new(large.clone())).await.unwrap();
            assert_eq!((head.version, parts_in(&*inner)), (1 + u64::from(there), head.parts.len()));
            assert_eq!(frame(&successor, "n").await.as_deref(), Some(&large), "also where it is larger than what memory keeps");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_writes_the_others_read_and_those_who_subscribed_are_told() {
    let common = Common::new(Clock::System);
    let (one, other) = (app_over(common.join(), Clock::System).await, app_over(common.join(), Clock::System).await);
    let mut told = other.datasets.subscribe();
    let (tenant, of) = (caller().tenant, name("n"));
    for seed in 1..=3 {
        let frame_there = noise(2_000, seed);
        let head = one.put_dataset(&caller(), &of, new(frame_there.clone())).await.unwrap();
        assert!(other.catch_up(Duration::from_secs(10)).await);
        assert_eq!(other.dataset_version(&tenant, &of), Some(head.current()));
        assert_eq!(frame(&other, "n").await.as_deref(), Some(&frame_there));
        assert_eq!(told.recv().await.unwrap().name, of);
    }
    // One that was replaced unheard is looked up anew.
    let unheard = noise(10, 9);
    one.put_dataset(&caller(), &of, new(unheard.clone())).await.unwrap();
    assert!(frame(&other, "n").await.is_some_and(|frame| [10, 2_000].contains(&frame.rows())));
    assert!(other.catch_up(Duration::from_secs(10)).await);
    assert_eq!(frame(&other, "n").await.as_deref(), Some(&unheard));
    let more = NewRows { append: true, ..new(noise(5, 10)) };
    assert_eq!(other.put_dataset(&caller(), &of, more).await.unwrap().rows, 15, "the other may write it as well");
    assert!(one.catch_up(Duration::from_secs(10)).await);
    one.delete_dataset(&tenant, &of).await.unwrap();
    assert!(other.catch_up(Duration::from_secs(10)).await);
    assert!(other.dataset(&tenant, &of).is_none() && parts_in(&*common.join()) == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_one_time_take_turns_and_no_version_is_given_twice() {
    let decider = app_over(store::in_memory(Clock::System), Clock::System).await;
    let writes = (0..12).map(|seed| {
        let decider = Arc::clone(&decider);
        async move { decider.put_dataset(&caller(), &name("n"), new(noise(100, seed))).await.unwrap().version }
    });
    let mut versions = futures_util::future::join_all(writes).await;
    versions.sort_unstable();
    assert_eq!(versions, (1..=12).collect::<Vec<u64>>());
    assert_eq!(parts_in(&*decider.store), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_ends_by_its_time_to_live_and_its_parts_with_it() {
    let clock = Clock::manual(Timestamp::parse("2025-03-14T12:00:00Z").unwrap());
    let decider = app_over(store::in_memory(clock.clone()), clock.clone()).await;
    let short = NewRows { ttl_sec: Some(60), ..new(noise(10, 1)) };
    decider.put_dataset(&caller(), &name("n"), short).await.unwrap();
    assert!(frame(&decider, "n").await.is_some());
    clock.advance_millis(60_000);
    assert!(frame(&decider, "n").await.is_none());
    decider.sweep().await.unwrap();
    assert_eq!(parts_in(&*decider.store), 0);
    assert_eq!(decider.holdings(&caller().tenant).datasets, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_that_change_are_another_version_of_ohlcv_and_told_until_a_dataset_has_its_name() {
    let decider = app_over(store::in_memory(Clock::System), Clock::System).await;
    let (tenant, of) = (caller().tenant, name(BARS));
    let eth = Instrument::new("ETH").unwrap();
    let bar = |minute: i64, close: f64| {
        let at = Timestamp::from_micros(minute * 60_000_000);
        NewBar { bar: Bar::new(at, [close; 4], 1.0).unwrap(), interval_sec: 60 }
    };
    assert!(decider.dataset_version(&tenant, &of).is_none() && frame(&decider, BARS).await.is_none());
    let mut told = decider.datasets.subscribe();
    decider.put_bars(&tenant, &eth, vec![bar(1, 1.0), bar(2, 2.0)]).await.unwrap();
    assert_eq!(told.try_recv().unwrap().name, of);
    let first = decider.dataset_version(&tenant, &of).unwrap();
    assert_eq!(decider.dataset_version(&tenant, &of), Some(first), "nothing changed");
    assert_eq!(frame(&decider, BARS).await.unwrap().numbers("close").unwrap(), [1.0, 2.0]);
    decider.put_bars(&tenant, &eth, vec![bar(1, 5.0)]).await.unwrap();
    let second = decider.dataset_version(&tenant, &of).unwrap();
    assert!(second.hash != first.hash && second.window == first.window);
    assert_eq!(frame(&decider, BARS).await.unwrap().numbers("close").unwrap(), [5.0, 2.0]);
    decider.put_dataset(&caller(), &of, new(noise(3, 1))).await.unwrap();
    assert_eq!(decider.dataset_version(&tenant, &of).unwrap().version, 1);
    while told.try_recv().is_ok() {}
    decider.put_bars(&tenant, &eth, vec![bar(3, 5.0)]).await.unwrap();
    assert!(told.try_recv().is_err(), "bars are no longer what the name means");
}
