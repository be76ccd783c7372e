//! What is ended, and what is refused.

use super::*;
use std::time::Instant;

/// A statement that runs for minutes.
const LONG: &str = "SELECT count(*) FROM (SELECT generate_series(1, 10000000000)) q";

async fn until(met: impl Fn() -> bool) -> Duration {
    let since = Instant::now();
    while !met() {
        assert!(since.elapsed() < Duration::from_secs(10), "it still is not so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    since.elapsed()
}

async fn until_nothing_runs(place: &Place) -> Duration {
    until(|| place.running() == 0).await
}

#[tokio::test]
async fn the_deadline_ends_the_statement_in_the_server() {
    let place = Place::new("late", "");
    let postgres = place.open();
    let since = Instant::now();
    let within = Bounds { deadline: Deadline::after(Duration::from_millis(400)), ..bounds() };
    let error = postgres.run(&plain(LONG), &within).await.unwrap_err();
    assert!(matches!(error, WarehouseError::Late), "{error:?}");
    assert!(since.elapsed() < Duration::from_millis(1_500), "{:?}", since.elapsed());
    assert!(until_nothing_runs(&place).await < Duration::from_secs(2));
    let gone = Bounds { deadline: Deadline::after(Duration::ZERO), ..bounds() };
    assert!(matches!(postgres.run(&plain("SELECT 1"), &gone).await, Err(WarehouseError::Late)));
    assert_eq!(rows(&postgres, "SELECT 1").await.rows, [[Cell::Integer(1)]]);
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_statement_in_the_server() {
    let place = Place::new("dropped", "");
    let postgres = place.open();
    let mut took = Vec::new();
    for _ in 0..5 {
        let gone = tokio::time::timeout(Duration::from_millis(300), postgres.run(&plain(LONG), &bounds())).await;
        assert!(gone.is_err());
        took.push(until_nothing_runs(&place).await);
    }
    took.sort();
    println!("a dropped statement was over in the server after {:?} at the median, {:?} at most", took[2], took[4]);
    assert!(took[2] < Duration::from_secs(2), "{took:?}");
    assert!(postgres.connections.open() <= 2);
    assert_eq!(rows(&postgres, "SELECT 1").await.rows, [[Cell::Integer(1)]]);
}

#[tokio::test]
async fn a_result_that_is_larger_than_the_bounds_is_an_error_and_ends_the_statement() {
    let place = Place::new("large", "");
    let postgres = place.open();
    let series = |count: u64| plain(&format!("SELECT repeat('x', 100), generate_series(1, {count})"));
    let ten = Bounds { rows_max: 10, ..bounds() };
    assert_eq!(postgres.run(&series(10), &ten).await.unwrap().rows.len(), 10);
    assert!(matches!(postgres.run(&series(11), &ten).await, Err(WarehouseError::TooLarge(_))));
    let bytes = Bounds { bytes_max: 100_000, ..bounds() };
    assert!(matches!(postgres.run(&series(10_000_000_000), &bytes).await, Err(WarehouseError::TooLarge(_))));
    assert!(until_nothing_runs(&place).await < Duration::from_secs(2));
}

#[tokio::test]
async fn nothing_is_written_whatever_the_statement_says() {
    let place = Place::new(
        "kept",
        "CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE SEQUENCE s; \
        CREATE FUNCTION sneak() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO kept.t VALUES (2) RETURNING n'; \
        GRANT USAGE ON SEQUENCE s TO kept",
    );
    let postgres = place.open();
    for (sql, code) in [
        ("INSERT INTO t VALUES (2) RETURNING n", "25006"),
        ("INSERT INTO t VALUES (2)", "no_columns"),
        ("COMMIT", "no_columns"),
        ("SET default_transaction_read_only = off", "no_columns"),
        ("WITH x AS (DELETE FROM t RETURNING n) SELECT * FROM x", "25006"),
        ("SELECT sneak()", "25006"),
        ("SELECT nextval('s')", "25006"),
        ("SELECT 1; DELETE FROM t", "42601"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "25001"),
        ("SELECT 1 FROM nowhere", "42P01"),
        ("SELECT 1 / 0", "22012"),
    ] {
        assert_eq!(refused(&postgres, sql).await, code, "{sql}");
    }
    // Not even a setting outlives the statement that made it.
    rows(
        &postgres,
        "SELECT set_config('default_transaction_read_only', 'off', false), set_config('statement_timeout', '0', false)",
    )
    .await;
    for _ in 0..3 {
        let kept =
            rows(&postgres, "SELECT current_setting('default_transaction_read_only'), current_setting('transaction_read_only')")
                .await;
        assert_eq!(kept.rows, [[text("on"), text("on")]]);
    }
    assert_eq!(place.say("SELECT n FROM t"), ["1"]);
    // Before PostgreSQL 16 a large object may be made in any transaction, so it is the end of the transaction that undoes it.
    let made = rows(&postgres, "SELECT lo_from_bytea(0, 'x')").await.rows[0][0].number().unwrap();
    assert!(place.say("SELECT oid FROM pg_largeobject_metadata").is_empty(), "{made}");
}

#[tokio::test]
async fn a_role_that_could_write_is_refused_unless_the_settings_say_to_warn() {
    let place = Place::new("writer", "CREATE TABLE t (n int)");
    let said = |error| match error {
        WarehouseError::Refused { code, said } if code == "writable" => said,
        other => panic!("{other:?}"),
    };
    place.open().probe(soon()).await.unwrap();
    place.say("GRANT UPDATE (n) ON t TO writer");
    let postgres = place.open();
    assert!(said(postgres.probe(soon()).await.unwrap_err()).contains("table t"));
    assert!(said(postgres.run(&plain("SELECT 1"), &bounds()).await.unwrap_err()).contains("table t"));
    let warns = Postgres::open(&Config { writable: Writable::Warn, ..place.config() }).unwrap();
    warns.probe(soon()).await.unwrap();
    assert_eq!(refused(&warns, "WITH x AS (UPDATE t SET n = 1 RETURNING n) SELECT n FROM x").await, "25006");
    place.say("REVOKE UPDATE (n) ON t FROM writer; GRANT CREATE ON SCHEMA writer TO writer");
    assert!(said(place.open().probe(soon()).await.unwrap_err()).contains("make tables"));
    let owner = Config { url: place.server.url("postgres"), ..place.config() };
    assert!(said(Postgres::open(&owner).unwrap().probe(soon()).await.unwrap_err()).contains("anything"));
}

#[tokio::test]
async fn more_queries_than_may_wait_are_turned_away() {
    let place = Place::new("busy", "");
    let pool = PoolConfig { connections_max: 1, waiting_max: 1, ..PoolConfig::default() };
    let postgres = Arc::new(Postgres::open(&Config { pool, ..place.config() }).unwrap());
    let ask = |sql: &'static str, wait: u64| {
        let postgres = Arc::clone(&postgres);
        let bounds = Bounds { deadline: Deadline::after(Duration::from_millis(wait)), ..bounds() };
        tokio::spawn(async move { postgres.run(&plain(sql), &bounds).await })
    };
    let first = ask(LONG, 4_000);
    until(|| place.running() > 0).await;
    let second = ask("SELECT 1", 1_000);
    until(|| postgres.connections.waiting() == 1).await;
    let third = ask("SELECT 1", 20_000);
    let (third, second, first) = (third.await.unwrap(), second.await.unwrap(), first.await.unwrap());
    assert!(matches!(third, Err(WarehouseError::Busy)), "it does not wait: {third:?}");
    assert!(matches!(second, Err(WarehouseError::Busy)), "it waited in vain: {second:?}");
    assert!(matches!(first, Err(WarehouseError::Late)), "{first:?}");
    assert_eq!(rows(&postgres, "SELECT 1").await.rows, [[Cell::Integer(1)]]);
}
