//! What is ended, and what is refused.

use super::*;
use std::time::Instant;

async fn until(met: impl Fn() -> bool) -> Duration {
    let since = Instant::now();
    while !met() {
        assert!(since.elapsed() < Duration::from_secs(10), "it still is not so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    since.elapsed()
}

async fn until_nothing_runs(place: &Place) -> Duration {
    until(|| running(&place.server, place.name) == 0).await
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_statement_in_the_server() {
    let place = Place::new("dropped", "");
    let mysql = place.open();
    let mut took = Vec::new();
    for _ in 0..5 {
        let gone = tokio::time::timeout(Duration::from_millis(300), mysql.run(&plain(LONG), &bounds())).await;
        assert!(gone.is_err());
        took.push(until_nothing_runs(&place).await);
    }
    took.sort();
    println!("a dropped statement was over in the server after {:?} at the median, {:?} at most", took[2], took[4]);
    assert!(took[2] < Duration::from_secs(2), "{took:?}");
    assert!(mysql.connections.open() <= 2);
    assert_eq!(rows(&mysql, "SELECT 1").await.rows, [[Cell::Integer(1)]]);
}

#[tokio::test]
async fn a_result_that_is_larger_than_the_bounds_ends_the_statement() {
    let place = Place::new("large", "CREATE TABLE t (n INT); INSERT INTO t SELECT seq FROM seq_1_to_1000");
    let mysql = place.open();
    let bytes = Bounds { bytes_max: 100_000, ..bounds() };
    let endless = plain("SELECT REPEAT('x', 100) FROM t a, t b, t c, t d");
    assert!(matches!(mysql.run(&endless, &bytes).await, Err(WarehouseError::TooLarge(_))));
    assert!(until_nothing_runs(&place).await < Duration::from_secs(2));
}

#[tokio::test]
async fn nothing_is_written_whatever_the_statement_says() {
    let place = Place::new("kept", "CREATE TABLE t (n INT); INSERT INTO t VALUES (1)");
    place.server.say(
        "CREATE FUNCTION kept.sneak() RETURNS INT SQL SECURITY DEFINER MODIFIES SQL DATA \
         BEGIN INSERT INTO kept.t VALUES (2); RETURN 1; END; GRANT ALL ON kept.* TO kept@'%'",
    );
    let mysql = MySql::open(&Config { writable: Writable::Warn, ..place.config() }).unwrap();
    for (sql, code) in [
        ("INSERT INTO t VALUES (2)", "1792"),
        ("INSERT INTO t VALUES (2) RETURNING n", "1792"),
        ("SELECT sneak()", "1792"),
        ("SELECT 1; DELETE FROM t", "1064"),
        ("SET SESSION TRANSACTION READ WRITE", "no_columns"),
        ("COMMIT", "no_columns"),
        ("SELECT n INTO @x FROM t", "no_columns"),
        ("SELECT 1 FROM nowhere", "1146"),
    ] {
        assert_eq!(refused(&mysql, sql).await, code, "{sql}");
    }
    assert_eq!(place.say("SELECT n FROM t"), ["1"]);
    assert_eq!(rows(&mysql, "SELECT LOAD_FILE('/etc/hostname'), n FROM t").await.rows, [[Cell::Null, Cell::Integer(1)]]);
}

#[tokio::test]
async fn a_role_that_could_write_is_refused_unless_the_settings_say_to_warn() {
    let place = Place::new("writer", "CREATE TABLE t (n INT)");
    place.open().probe(soon()).await.unwrap();
    place.say("GRANT UPDATE ON writer.t TO writer@'%'");
    let refused = place.open().probe(soon()).await.unwrap_err();
    let WarehouseError::Refused { code, said } = &refused else { panic!("{refused:?}") };
    assert!(code == "writable" && said.contains("UPDATE on `writer`.`t`"), "{said}");
    MySql::open(&Config { writable: Writable::Warn, ..place.config() }).unwrap().probe(soon()).await.unwrap();
    place.say(
        "REVOKE UPDATE ON writer.t FROM writer@'%'; CREATE ROLE editor; GRANT INSERT ON writer.* TO editor; \
        GRANT editor TO writer@'%'; SET DEFAULT ROLE editor FOR writer@'%'",
    );
    let refused = place.open().probe(soon()).await.unwrap_err();
    assert!(matches!(&refused, WarehouseError::Refused { said, .. } if said.contains("INSERT on `writer`.*")), "{refused:?}");
}

#[tokio::test]
async fn more_queries_than_may_wait_are_turned_away() {
    let place = Place::new("busy", "");
    let pool = PoolConfig { connections_max: 1, waiting_max: 1, ..PoolConfig::default() };
    let mysql = Arc::new(MySql::open(&Config { pool, ..place.config() }).unwrap());
    let ask = |sql: &'static str, wait: u64| {
        let mysql = Arc::clone(&mysql);
        let bounds = Bounds { deadline: Deadline::after(Duration::from_millis(wait)), ..bounds() };
        tokio::spawn(async move { mysql.run(&plain(sql), &bounds).await })
    };
    let first = ask(LONG, 4_000);
    until(|| running(&place.server, place.name) > 0).await;
    let second = ask("SELECT 1", 1_000);
    until(|| mysql.connections.waiting() == 1).await;
    let third = ask("SELECT 1", 20_000);
    let (third, second, first) = (third.await.unwrap(), second.await.unwrap(), first.await.unwrap());
    assert!(matches!(third, Err(WarehouseError::Busy)), "it does not wait: {third:?}");
    assert!(matches!(second, Err(WarehouseError::Busy)), "it waited in vain: {second:?}");
    assert!(matches!(first, Err(WarehouseError::Late)), "{first:?}");
    assert_eq!(rows(&mysql, "SELECT 1").await.rows, [[Cell::Integer(1)]]);
}
