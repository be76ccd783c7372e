//! Values of every kind, in and out.

use super::*;

#[tokio::test]
async fn values_of_every_type_come_as_cells_and_unknown_types_as_their_texts() {
    let place = Place::new("kinds", "CREATE TYPE mood AS ENUM ('calm', 'cross'); CREATE DOMAIN euro AS numeric(10, 2)");
    let postgres = place.open();
    let cases = [
        ("NULL::int", Cell::Null),
        ("7::smallint", Cell::Integer(7)),
        ("-7::int", Cell::Integer(-7)),
        ("9223372036854775807::bigint", Cell::Integer(i64::MAX)),
        ("0.1::real", Cell::Number(0.1)),
        ("1.5::float8", Cell::Number(1.5)),
        ("'NaN'::float8", Cell::Null),
        ("'-Infinity'::real", Cell::Null),
        ("'NaN'::numeric", Cell::Null),
        ("12.50::numeric", Cell::Number(12.5)),
        ("sum(x::bigint) FROM generate_series(1, 3) x", Cell::Integer(6)),
        ("12.50::kinds.euro", Cell::Number(12.5)),
        ("true", text("true")),
        ("false", text("false")),
        ("'äöü'::varchar(10)", text("äöü")),
        ("'ab'::char(4)", text("ab  ")),
        ("'calm'::kinds.mood", text("calm")),
        ("date '2017-10-02'", text("2017-10-02")),
        ("time '08:30'", text("08:30:00")),
        ("timestamp '2017-10-02 10:56:33.25'", text("2017-10-02T10:56:33.25")),
        ("timestamptz '2017-10-02 10:56:33+02'", text("2017-10-02T08:56:33Z")),
        ("'infinity'::timestamp", text("infinity")),
        ("'{\"a\": 1}'::json", text("{\"a\": 1}")),
        ("'{\"a\":1}'::jsonb", text("{\"a\": 1}")),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("ARRAY[1, NULL, 3]", text("{1,NULL,3}")),
        ("ARRAY['a', 'b c']", text("{a,\"b c\"}")),
        ("'\\x01ff'::bytea", text("\\x01ff")),
        ("interval '1 day 2 hours'", text("P1DT2H")),
        ("inet '10.0.0.1/8'", text("10.0.0.1/8")),
        ("int4range(1, 5)", text("[1,5)")),
        ("point '(1,2)'", text("(1,2)")),
        ("ROW(1, 'a')", text("(1,a)")),
        ("B'101'", text("101")),
        ("to_tsvector('simple', 'a b')", text("'a':1 'b':2")),
        ("ARRAY['calm']::kinds.mood[]", text("{calm}")),
        ("''", text("")),
    ];
    for (sql, expected) in cases {
        assert_eq!(rows(&postgres, &format!("SELECT {sql}")).await.rows, [[expected]], "{sql}");
    }
}

#[tokio::test]
async fn rows_keep_their_order_and_names_where_columns_become_texts() {
    let place = Place::new("sorted", "");
    let postgres = place.open();
    let got =
        rows(&postgres, "SELECT x, ARRAY[x] AS x FROM generate_series(1, 500) x ORDER BY (x * 7919) % 500 -- the end").await;
    assert_eq!(got.columns, ["x", "x"]);
    let order: Vec<i64> = got.rows.iter().map(|row| row[0].number().unwrap() as i64).collect();
    let mut expected: Vec<i64> = (1..=500).collect();
    expected.sort_by_key(|x| (x * 7919) % 500);
    assert_eq!(order, expected);
}

#[tokio::test]
async fn numbers_are_those_that_the_server_writes() {
    let place = Place::new("digits", "");
    let postgres = place.open();
    let sql =
        "SELECT n::text, n FROM (SELECT ((random() - 0.5) * 10 ^ (x % 40 - 20))::numeric AS n FROM generate_series(1, 2000) x) q";
    for row in rows(&postgres, sql).await.rows {
        let (Cell::Text(written), Some(number)) = (&row[0], row[1].number()) else { panic!("{row:?}") };
        assert_eq!(number, written.parse::<f64>().unwrap(), "{written}");
    }
}

#[tokio::test]
async fn values_go_beside_the_statement_and_never_into_it() {
    let place = Place::new(
        "given",
        "CREATE TABLE t (day date, name varchar(40), n bigint, yes boolean); \
        INSERT INTO t VALUES ('2017-10-02', 'x'' OR true --', 5, true), ('2018-01-01', 'y', 6, false)",
    );
    let postgres = place.open();
    let sql = "SELECT n FROM t WHERE day >= $1 AND name = $2 AND n < $3 AND yes = $4";
    let values = vec![
        bound("date", Scalar::Text("2017-01-01".into())),
        bound("character varying(40)", Scalar::Text("x' OR true --".into())),
        bound("bigint", Scalar::Integer(6)),
        bound("boolean", Scalar::Boolean(true)),
    ];
    let statement = Statement { sql: sql.to_owned(), values };
    assert_eq!(postgres.run(&statement, &bounds()).await.unwrap().rows, [[Cell::Integer(5)]]);
    let estimated = postgres.cost(&statement, soon()).await.unwrap().unwrap();
    assert!(estimated.rows >= 1, "{estimated:?}");
    let wrong =
        Statement { sql: "SELECT n FROM t WHERE n = $1".into(), values: vec![bound("bigint", Scalar::Text("hidden".into()))] };
    let error = postgres.run(&wrong, &bounds()).await.unwrap_err();
    assert!(matches!(&error, WarehouseError::Refused { code, .. } if code == "22P02"), "{error:?}");
    assert!(!error.to_string().contains("hidden"));
    let few = Statement { sql: sql.to_owned(), values: statement.values[..2].to_vec() };
    assert!(matches!(postgres.run(&few, &bounds()).await, Err(WarehouseError::Refused { .. })));
    assert_eq!(refused(&postgres, "SELECT 1\0; SELECT 2").await, "nul");
    assert_eq!(rows(&postgres, "SELECT 1").await.rows, [[Cell::Integer(1)]], "the connection goes on");
}
