//! What there is, what it costs, and servers that go away.

use super::*;
use crate::redis::server::Certificates;
use crate::warehouse::TableInfo;
use std::time::Instant;

const SHOP: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, bought timestamp, price numeric(10, 2)); \
    COMMENT ON TABLE orders IS 'What was bought'; COMMENT ON COLUMN orders.price IS 'In euro'; \
    CREATE TABLE \"Odd Name\" (\"Column\" text); CREATE VIEW recent AS SELECT id FROM orders; CREATE TABLE closed (n int); \
    INSERT INTO orders SELECT x, now(), 5 FROM generate_series(1, 1000) x; ANALYZE orders";

async fn tables(postgres: &Postgres) -> Vec<TableInfo> {
    postgres.tables(None, soon()).await.unwrap()
}

#[tokio::test]
async fn tables_are_listed_with_their_columns_comments_and_sizes() {
    let place = Place::new("shop", SHOP);
    place.say("REVOKE SELECT ON closed FROM shop");
    let postgres = place.open();
    let found = tables(&postgres).await;
    let names: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Odd Name", "orders", "recent"]);
    let orders = &found[1];
    assert_eq!((orders.database.as_str(), orders.comment.as_str(), orders.rows), ("shop", "What was bought", Some(1_000)));
    let columns: Vec<_> = orders.columns.iter().map(|c| (c.name.as_str(), c.data_type.as_str(), c.comment.as_str())).collect();
    let expected = [("id", "bigint", ""), ("bought", "timestamp without time zone", ""), ("price", "numeric(10,2)", "In euro")];
    assert_eq!(columns, expected);
    assert_eq!((found[2].rows, &found[2].version), (None, &None), "a view may change with the clock");
    assert!(postgres.tables(Some("no_such"), soon()).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_version_of_a_table_stays_while_nothing_is_written_and_changes_when_something_is() {
    let server = Arc::new(PostgresServer::start(&["-c", "autovacuum=off"]));
    let place = Place::on(server, "versions", "CREATE TABLE t (n int); CREATE TABLE other (n int)");
    let counted = Postgres::open(&Config { versions: Versions::Counters, ..place.config() }).unwrap();
    let version = async |postgres: &Postgres, name: &str| {
        tables(postgres).await.into_iter().find(|table| table.name == name).and_then(|table| table.version).unwrap()
    };
    let exact = place.open();
    for change in ["INSERT INTO t VALUES (1)", "UPDATE t SET n = 2", "DELETE FROM t", "TRUNCATE t"] {
        let (before, counters) = (version(&exact, "t").await, version(&counted, "t").await);
        let other = version(&counted, "other").await;
        assert_eq!(version(&exact, "t").await, before);
        place.say(change);
        assert_ne!(version(&exact, "t").await, before, "{change}");
        let since = Instant::now();
        while version(&counted, "t").await == counters {
            assert!(since.elapsed() < Duration::from_secs(15), "{change}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(version(&counted, "other").await, other);
    }
}

#[tokio::test]
async fn a_statement_costs_the_rows_that_the_planner_expects_to_touch() {
    let place = Place::new("costs", SHOP);
    let postgres = place.open();
    let cost = async |sql: &str| postgres.cost(&plain(sql), soon()).await.unwrap().unwrap().rows;
    assert_eq!(cost("SELECT count(*) FROM orders WHERE price > 100").await, 1_000);
    assert!(cost("SELECT price FROM orders WHERE id = 5").await < 10);
    assert!(cost("SELECT count(*) FROM orders a, orders b, orders c").await >= 1_000_000_000);
    let error = postgres.cost(&plain("SELECT 1 FROM nowhere"), soon()).await.unwrap_err();
    assert!(matches!(&error, WarehouseError::Refused { code, .. } if code == "42P01"), "{error:?}");
    assert_eq!(rows(&postgres, "SELECT count(*) FROM orders").await.rows, [[Cell::Integer(1_000)]]);
}

#[tokio::test]
async fn a_killed_server_is_away_and_found_again_when_it_is_back() {
    let mut server = PostgresServer::start(&[]);
    server.say("CREATE ROLE reader LOGIN");
    let tls = TlsConfig { on: false, ..TlsConfig::default() };
    let postgres = Postgres::open(&Config { url: server.url("reader"), tls, ..Config::default() }).unwrap();
    assert_eq!(rows(&postgres, "SELECT 1").await.rows.len(), 1);
    // A connection that the server ended is not what a caller gets to see.
    server.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'");
    assert_eq!(rows(&postgres, "SELECT 1").await.rows.len(), 1);
    server.stop();
    for _ in 0..3 {
        let since = Instant::now();
        let error = postgres.run(&plain("SELECT 1"), &bounds()).await.unwrap_err();
        assert!(matches!(error, WarehouseError::Away { .. }), "{error:?}");
        assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    }
    server.restart();
    assert_eq!(rows(&postgres, "SELECT 1").await.rows.len(), 1);
    server.pause();
    let within = Bounds { deadline: Deadline::after(Duration::from_millis(500)), ..bounds() };
    let since = Instant::now();
    assert!(postgres.run(&plain("SELECT 1"), &within).await.is_err());
    assert!(since.elapsed() < Duration::from_millis(1_500), "a server that hangs costs the deadline: {:?}", since.elapsed());
    server.resume();
    assert_eq!(rows(&postgres, "SELECT 1").await.rows.len(), 1);
}

#[tokio::test]
async fn an_encrypted_way_needs_the_right_authority_and_the_right_password() {
    let (ours, other) = (Certificates::new(), Certificates::new());
    let server = PostgresServer::start_with_tls(&ours.file("server.pem"), &ours.file("server.key"));
    server.say("CREATE ROLE reader LOGIN PASSWORD 's3cret'");
    let file = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    };
    let (right, wrong) = (file("s3cret\n"), file("guess\n"));
    let config = |authority: &Certificates, password: &tempfile::NamedTempFile| Config {
        url: server.url("reader"),
        password_file: Some(password.path().to_owned()),
        tls: TlsConfig { ca_file: Some(authority.file("ca.pem")), ..TlsConfig::default() },
        ..Config::default()
    };
    let postgres = Postgres::open(&config(&ours, &right)).unwrap();
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(rows(&postgres, sql).await.rows, [[text("true")]]);
    let within = Bounds { deadline: Deadline::after(Duration::from_millis(300)), ..bounds() };
    let long = plain("SELECT count(*) FROM (SELECT generate_series(1, 10000000000)) q");
    assert!(matches!(postgres.run(&long, &within).await, Err(WarehouseError::Late)));
    for (authority, password) in [(&other, &right), (&ours, &wrong)] {
        let error = Postgres::open(&config(authority, password)).unwrap().probe(soon()).await.unwrap_err();
        assert!(matches!(error, WarehouseError::Away { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("guess"));
    }
    let plain_text = Config { tls: TlsConfig { on: false, ..TlsConfig::default() }, ..config(&ours, &right) };
    assert!(Postgres::open(&plain_text).unwrap().probe(soon()).await.is_err());
}

#[tokio::test]
async fn a_small_query_takes_little_more_than_the_server_does() {
    let place = Place::new("quick", SHOP);
    let postgres = place.open();
    let mut took = Vec::new();
    for _ in 0..200 {
        let since = Instant::now();
        assert_eq!(rows(&postgres, "SELECT count(*), sum(price) FROM orders").await.rows.len(), 1);
        took.push(since.elapsed());
    }
    took.sort();
    println!("a small query took {:?} at the median, {:?} at the 99th percentile", took[100], took[198]);
    assert!(took[100] < Duration::from_millis(100), "{:?}", took[100]);
}
