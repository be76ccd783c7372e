//! What an answer is held against where the keys that its joins rely on can't be counted.

use super::query::{TABLES, table};
use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::dataset::{Format, ReadOptions, ReadRows};
use instinct::decide::Decider;
use instinct::decide::analytics::DataQuestion;
use instinct::decide::datasets::NewRows;
use instinct::domain::answer::Confidence;
use instinct::domain::deadline::Deadline;
use instinct::domain::ids::{DatasetName, TenantId};
use instinct::domain::request::Caller;
use instinct::domain::time::{Clock, Timestamp};
use instinct::embed;
use instinct::engine::analytics::library::Library;
use instinct::engine::analytics::{Analytics, Source};
use instinct::engine::steps::Steps;
use instinct::engine::{Engines, analytics};
use instinct::store;
use instinct::warehouse::{
    Bounds, Cost, Filled, NewTable, Opened, Rows, Speaks, Statement, TableInfo, Warehouse, WarehouseError,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The warehouse in process, which does not count keys, as a server does not whose limits such a query would pass.
#[derive(Debug)]
struct Uncounted(Arc<dyn Filled>);

#[async_trait]
impl Warehouse for Uncounted {
    fn speaks(&self) -> Speaks {
        self.0.speaks()
    }

    async fn tables(&self, database: Option<&str>, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
        self.0.tables(database, deadline).await
    }

    async fn run(&self, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        if statement.sql.to_uppercase().starts_with("SELECT COUNT(") {
            return Err(WarehouseError::TooLarge("rows"));
        }
        self.0.run(statement, bounds).await
    }

    async fn cost(&self, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
        self.0.cost(statement, deadline).await
    }
}

#[async_trait]
impl Filled for Uncounted {
    async fn put(&self, database: &str, table: NewTable) -> Result<(), WarehouseError> {
        self.0.put(database, table).await
    }

    async fn drop_table(&self, database: &str, table: &str) -> Result<(), WarehouseError> {
        self.0.drop_table(database, table).await
    }
}

async fn decider(data: &std::path::Path) -> Arc<Decider> {
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = project().join("strategies");
    config.embed.model = "hashing-64".to_owned();
    let Ok(Some(Opened::Filled(warehouse))) = config.warehouse.open(&project().join("runtime"), data) else {
        panic!("there is a warehouse in process")
    };
    let library = Library::read(&project().join("layers")).unwrap();
    let engine = Analytics::new(&config.engine.analytics, library).over(Source::Filled(Arc::new(Uncounted(warehouse))));
    let mut strategies = instinct::app::read_strategies(&config.strategies, &instinct::app::ENGINES).unwrap();
    strategies.by_name.retain(|_, strategy| strategy.engine.as_deref().is_none_or(|engine| engine == analytics::NAME));
    let default = strategies.by_name.keys().find(|name| name.as_str() == "analytics").unwrap().clone();
    strategies.default = default;
    let engines = Engines::default().with_analytics(Arc::new(engine));
    let parts = Parts {
        embedder: embed::open(&config.embed).unwrap(),
        store: store::in_memory(Clock::System),
        search: None,
        graphs: None,
        engines,
        clock: Clock::System,
    };
    App::with_strategies(&config, parts, strategies).await.unwrap().decider
}

async fn put(decider: &Arc<Decider>, name: &str, csv: String) {
    let ReadRows { frame, report } = decider.read_rows(csv.into(), ReadOptions::new(Format::Csv), ()).await.unwrap();
    let settings = instinct::domain::dataset::DatasetSettings::default();
    let rows = NewRows { frame, settings, report, append: false, ttl_sec: None };
    let caller = Caller::trusted(TenantId::default_tenant());
    decider.put_dataset(&caller, &DatasetName::new(name).unwrap(), rows).await.unwrap();
}

async fn asked(decider: &Arc<Decider>, text: &str) -> (Confidence, String) {
    let question = DataQuestion {
        tenant: TenantId::default_tenant(),
        role: Arc::from("decide"),
        text: text.to_owned(),
        as_of: Timestamp::parse("2018-09-01T00:00:00Z").unwrap(),
        session: None,
        layer: None,
        deadline: Deadline::after(Duration::from_secs(110)),
        fresh: false,
        steps: Steps::new(Instant::now()),
    };
    let told = decider.tell_data(&question, None).await.unwrap();
    (told.answer.label, told.answer.reasons.into_iter().map(|reason| reason.because + "\n").collect())
}

#[tokio::test]
async fn where_keys_can_not_be_counted_the_parts_are_held_against_their_whole() {
    let folder = tempfile::tempdir().unwrap();
    let decider = decider(folder.path()).await;
    for name in TABLES {
        put(&decider, name, table(name)).await;
    }
    let question = "Revenue by customer state in 2017";
    let (label, reasons) = asked(&decider, question).await;
    assert!(label <= Confidence::Medium && !reasons.contains("add up to"), "{label:?}: {reasons}");

    // Every customer twice: the join counts each order of his twice, and the sum over all orders joins no customers.
    let customers = table("olist_customers_dataset");
    let (head, rest) = customers.split_once('\n').unwrap();
    put(&decider, "olist_customers_dataset", format!("{head}\n{rest}{rest}")).await;
    let (label, reasons) = asked(&decider, question).await;
    assert!(label == Confidence::Low && reasons.contains("add up to"), "{label:?}: {reasons}");
}
