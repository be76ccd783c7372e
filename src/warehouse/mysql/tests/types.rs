//! Values of every kind, in and out.

use super::*;
use crate::warehouse::mysql::connection::Session;
use crate::warehouse::mysql::flavour::Flavour;
use crate::warehouse::mysql::query;

const KINDS: &str = "CREATE TABLE t (tiny TINYINT, big BIGINT UNSIGNED, price DECIMAL(10, 2), count DECIMAL(20, 0), ratio FLOAT, exact DOUBLE, \
         day DATE, at DATETIME(3), moment TIMESTAMP(6), clock TIME(1), born YEAR, name VARCHAR(20), mood ENUM('calm', 'cross'), \
         tags SET('a', 'b'), doc JSON, raw BLOB, bits BIT(10), id UUID, place POINT); \
         SET time_zone = '+02:00'; \
         INSERT INTO t VALUES (-7, 18446744073709551615, 12.50, 6, 0.1, 1e300, '2017-10-02', '2017-10-02 10:56:33.25', \
         '2017-10-02 10:56:33.000001', '-30:00:00.5', 2017, 'äöü', 'calm', 'a,b', '{\"a\": 1}', x'01ff', b'101', \
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL)";

#[tokio::test]
async fn values_of_every_type_come_as_cells() {
    let place = Place::new("kinds", KINDS);
    let mysql = place.open();
    let expected = [
        ("tiny", Cell::Integer(-7)),
        ("big", Cell::Number(18_446_744_073_709_551_615.0)),
        ("price", Cell::Number(12.5)),
        ("count", Cell::Integer(6)),
        ("sum(tiny)", Cell::Integer(-7)),
        ("tiny / 3", Cell::Number(-2.333_333_333_3)),
        ("ratio", Cell::Number(0.1)),
        ("exact", Cell::Number(1e300)),
        ("day", text("2017-10-02")),
        ("at", text("2017-10-02T10:56:33.25")),
        ("moment", text("2017-10-02T08:56:33.000001Z")),
        ("clock", text("-30:00:00.5")),
        ("born", Cell::Integer(2017)),
        ("name", text("äöü")),
        ("mood", text("calm")),
        ("tags", text("a,b")),
        ("doc", text("{\"a\": 1}")),
        ("raw", text("0x01ff")),
        ("bits", Cell::Integer(5)),
        ("id", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("place", Cell::Null),
        ("tiny > 0", Cell::Integer(0)),
        ("1 / 0", Cell::Null),
        ("''", text("")),
        ("'a\\'b\\\\c'", text("a'b\\c")),
    ];
    for (sql, cell) in expected {
        let statement =
            if sql.starts_with("sum") { format!("SELECT {sql} FROM t") } else { format!("SELECT {sql} FROM t LIMIT 1") };
        assert_eq!(rows(&mysql, &statement).await.rows, [[cell]], "{sql}");
    }
}

#[tokio::test]
async fn values_go_beside_the_statement_and_never_into_it() {
    let place = Place::new(
        "given",
        "CREATE TABLE t (day DATE, name VARCHAR(40), n BIGINT, yes BOOLEAN); \
        INSERT INTO t VALUES ('2017-10-02', 'x'' OR true -- ', 5, true), ('2018-01-01', 'y', 6, false)",
    );
    let mysql = place.open();
    let values = vec![
        bound(Scalar::Text("2017-01-01".into())),
        bound(Scalar::Text("x' OR true -- ".into())),
        bound(Scalar::Integer(6)),
        bound(Scalar::Boolean(true)),
    ];
    let statement = Statement { sql: "SELECT n FROM t WHERE day >= ? AND name = ? AND n < ? AND yes = ?".to_owned(), values };
    assert_eq!(mysql.run(&statement, &bounds()).await.unwrap().rows, [[Cell::Integer(5)]]);
    assert!(mysql.cost(&statement, soon()).await.unwrap().unwrap().rows >= 1);
    let few = Statement { values: statement.values[..2].to_vec(), ..statement };
    let error = mysql.run(&few, &bounds()).await.unwrap_err();
    assert!(matches!(error, WarehouseError::Refused { .. }), "{error:?}");
    assert_eq!(rows(&mysql, "SELECT 1").await.rows, [[Cell::Integer(1)]], "the connection goes on");
}

#[tokio::test]
async fn a_server_that_prepares_nothing_gives_the_same_cells() {
    let place = Place::new("texts", KINDS);
    let conn = mysql_async::Conn::new(place.config().client().unwrap()).await.unwrap();
    let mut session = Session { conn, flavour: Flavour::StarRocks };
    let mut of = async |flavour, sql: &str| {
        session.flavour = flavour;
        query::asked(&mut session, &plain(sql), &bounds()).await
    };
    let sql = "SELECT * FROM t UNION ALL SELECT * FROM t";
    let texts = of(Flavour::StarRocks, sql).await.unwrap();
    assert_eq!(texts, of(Flavour::MariaDb, sql).await.unwrap());
    assert_eq!((texts.rows.len(), texts.columns.len()), (2, 19));
    let narrow = Bounds { rows_max: 1, ..bounds() };
    assert!(matches!(query::asked(&mut session, &plain(sql), &narrow).await, Err(WarehouseError::TooLarge(_))));
}
