//! What there is, what it costs, and servers that go away.

use super::*;
use crate::redis::server::Certificates;
use std::time::Instant;

const SHOP: &str = "CREATE TABLE orders (id BIGINT PRIMARY KEY, bought DATETIME, price DECIMAL(10, 2) COMMENT 'In euro') \
    COMMENT 'What was bought'; CREATE TABLE `Odd Name` (`Column` TEXT); CREATE VIEW recent AS SELECT id FROM orders; \
    INSERT INTO orders SELECT seq, NOW(), 5 FROM seq_1_to_1000; ANALYZE TABLE orders";

#[tokio::test]
async fn tables_are_listed_with_their_columns_comments_and_sizes() {
    let place = Place::new("shop", SHOP);
    let mysql = place.open();
    let found = mysql.tables(None, soon()).await.unwrap();
    let names: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Odd Name", "orders", "recent"]);
    let orders = &found[1];
    assert_eq!((orders.database.as_str(), orders.comment.as_str()), ("shop", "What was bought"));
    assert!(orders.rows.is_some_and(|rows| (900..1_100).contains(&rows)), "{:?}", orders.rows);
    let columns: Vec<_> = orders.columns.iter().map(|c| (c.name.as_str(), c.data_type.as_str(), c.comment.as_str())).collect();
    assert_eq!(columns, [("id", "bigint(20)", ""), ("bought", "datetime", ""), ("price", "decimal(10,2)", "In euro")]);
    assert_eq!((found[2].rows, &found[2].version, found[2].columns.len()), (None, &None, 1), "a view may change with the clock");
    assert!(mysql.tables(Some("no'such\\"), soon()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_version_is_told_once_no_other_change_can_have_the_same() {
    let place = Place::new("versions", "CREATE TABLE t (n INT); INSERT INTO t VALUES (1)");
    let mysql = place.open();
    let version = async || mysql.tables(None, soon()).await.unwrap().remove(0).version;
    let settled = async || {
        let since = Instant::now();
        loop {
            if let Some(version) = version().await {
                return version;
            }
            assert!(since.elapsed() < Duration::from_secs(15), "no version");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let first = settled().await;
    assert_eq!(settled().await, first);
    place.say("INSERT INTO t VALUES (2)");
    assert_eq!(version().await, None, "another change may follow within the second");
    assert_ne!(settled().await, first);
}

#[tokio::test]
async fn a_statement_costs_the_rows_that_the_planner_expects_to_touch() {
    let place = Place::new("costs", SHOP);
    let mysql = place.open();
    let cost = async |sql: &str| mysql.cost(&plain(sql), soon()).await.unwrap().unwrap().rows;
    assert!((900..1_100).contains(&cost("SELECT count(*) FROM orders WHERE price > 100").await));
    assert!(cost("SELECT price FROM orders WHERE id = 5").await < 10);
    assert!(cost("SELECT count(*) FROM orders a, orders b, orders c").await >= 500_000_000);
    let error = mysql.cost(&plain("SELECT 1 FROM nowhere"), soon()).await.unwrap_err();
    assert!(matches!(&error, WarehouseError::Refused { code, .. } if code == "1146"), "{error:?}");
}

#[tokio::test]
async fn a_killed_server_is_away_and_found_again_when_it_is_back() {
    let mut server = MariaDbServer::start(&[]);
    server.say("CREATE DATABASE shop; CREATE USER reader@'%'; GRANT SELECT ON shop.* TO reader@'%'");
    let tls = TlsConfig { on: false, ..TlsConfig::default() };
    let mysql = MySql::open(&Config { url: server.url("reader", "shop"), tls, ..Config::default() }).unwrap();
    assert_eq!(rows(&mysql, "SELECT 1").await.rows.len(), 1);
    // A connection that the server ended is not what a caller gets to see.
    server.say("KILL USER reader");
    assert_eq!(rows(&mysql, "SELECT 1").await.rows.len(), 1);
    server.stop();
    for _ in 0..3 {
        let since = Instant::now();
        let error = mysql.run(&plain("SELECT 1"), &bounds()).await.unwrap_err();
        assert!(matches!(error, WarehouseError::Away { .. }), "{error:?}");
        assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    }
    server.restart();
    assert_eq!(rows(&mysql, "SELECT 1").await.rows.len(), 1);
    server.pause();
    let within = Bounds { deadline: Deadline::after(Duration::from_millis(500)), ..bounds() };
    let since = Instant::now();
    assert!(mysql.run(&plain("SELECT 1"), &within).await.is_err());
    assert!(since.elapsed() < Duration::from_millis(1_500), "a server that hangs costs the deadline: {:?}", since.elapsed());
    server.resume();
    assert_eq!(rows(&mysql, "SELECT 1").await.rows.len(), 1);
}

#[tokio::test]
async fn an_encrypted_way_needs_the_right_authority_and_the_right_password() {
    let (ours, other) = (Certificates::new(), Certificates::new());
    let server = MariaDbServer::start_with_tls(&ours.file("server.pem"), &ours.file("server.key"));
    server.say("CREATE DATABASE shop; CREATE USER reader@'%' IDENTIFIED BY 's3cret'; GRANT SELECT ON shop.* TO reader@'%'");
    let file = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    };
    let (right, wrong) = (file("s3cret\n"), file("guess\n"));
    let config = |authority: &Certificates, password: &tempfile::NamedTempFile| Config {
        url: server.url("reader", "shop"),
        password_file: Some(password.path().to_owned()),
        tls: TlsConfig { ca_file: Some(authority.file("ca.pem")), ..TlsConfig::default() },
        ..Config::default()
    };
    let mysql = MySql::open(&config(&ours, &right)).unwrap();
    assert_eq!(rows(&mysql, "SELECT 1").await.rows.len(), 1);
    let within = Bounds { deadline: Deadline::after(Duration::from_millis(300)), ..bounds() };
    assert!(matches!(mysql.run(&plain(LONG), &within).await, Err(WarehouseError::Late)));
    for (authority, password) in [(&other, &right), (&ours, &wrong)] {
        let error = MySql::open(&config(authority, password)).unwrap().probe(soon()).await.unwrap_err();
        assert!(matches!(error, WarehouseError::Away { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("guess"));
    }
    let plain_text = Config { tls: TlsConfig { on: false, ..TlsConfig::default() }, ..config(&ours, &right) };
    assert!(MySql::open(&plain_text).unwrap().probe(soon()).await.is_err());
}

#[tokio::test]
async fn a_small_query_takes_little_more_than_the_server_does() {
    let place = Place::new("quick", SHOP);
    let mysql = place.open();
    let mut took = Vec::new();
    for _ in 0..200 {
        let since = Instant::now();
        assert_eq!(rows(&mysql, "SELECT count(*), sum(price) FROM orders").await.rows.len(), 1);
        took.push(since.elapsed());
    }
    took.sort();
    println!("a small query took {:?} at the median, {:?} at the 99th percentile", took[100], took[198]);
    assert!(took[100] < Duration::from_millis(100), "{:?}", took[100]);
}
