//! Values there and back.

use super::*;
use crate::domain::time::Timestamp;

/// One column of each kind, with a null in each.
fn everything(name: &str) -> NewTable {
    let moment = |text: &str| Some(Timestamp::parse(text).unwrap());
    let columns = vec![
        ("id".into(), Column::Number(vec![1.0, 2.0, 3.0, 4.0])),
        ("town".into(), Column::Text(vec![Some("Šibenik".into()), Some("".into()), None, Some("a'b\\c\"d\n\t`e`".into())])),
        ("whole".into(), Column::Number(vec![-9_007_199_254_740_992.0, 0.0, f64::NAN, 42.0])),
        ("measure".into(), Column::Number(vec![-0.125, 2.0, f64::NAN, 1e300])),
        (
            "at".into(),
            Column::Time(vec![
                moment("2018-03-05T10:00:00Z"),
                moment("1969-12-31T23:59:59.5Z"),
                None,
                moment("2020-02-29T01:02:03.000004Z"),
            ]),
        ),
        ("fast".into(), Column::Flag(vec![Some(true), Some(false), None, Some(true)])),
    ];
    let holds = vec![Holds::Integer, Holds::Text, Holds::Integer, Holds::Number, Holds::Timestamp, Holds::Flag];
    NewTable { name: name.to_owned(), holds, rows: Arc::new(Frame::new(columns).unwrap()) }
}

/// MySQL has no type for yes or no, only a small number.
fn flag(speaks: Speaks, value: bool) -> Vec<Cell> {
    let mut allowed = vec![text(if value { "true" } else { "false" })];
    if speaks == Speaks::MySql {
        allowed.push(Cell::Integer(i64::from(value)));
    }
    allowed
}

pub(in super::super) async fn what_was_put_is_read_as_it_was(subject: &dyn Subject) {
    let (database, speaks) = (fresh("values"), subject.warehouse().speaks());
    subject.put(&database, everything("everything")).await;
    let from = table(speaks, &database, "everything");
    let found = ask(subject, format!("SELECT id, town, whole, measure, at, fast FROM {from} ORDER BY id")).await.unwrap();
    assert_eq!(found.columns, ["id", "town", "whole", "measure", "at", "fast"]);
    let wanted = [
        vec![
            Cell::Integer(1),
            text("Šibenik"),
            Cell::Integer(-9_007_199_254_740_992),
            Cell::Number(-0.125),
            text("2018-03-05T10:00:00"),
        ],
        vec![Cell::Integer(2), text(""), Cell::Integer(0), Cell::Number(2.0), text("1969-12-31T23:59:59.5")],
        vec![Cell::Integer(3), Cell::Null, Cell::Null, Cell::Null, Cell::Null],
        vec![
            Cell::Integer(4),
            text("a'b\\c\"d\n\t`e`"),
            Cell::Integer(42),
            Cell::Number(1e300),
            text("2020-02-29T01:02:03.000004"),
        ],
    ];
    let flags = [flag(speaks, true), flag(speaks, false), vec![Cell::Null], flag(speaks, true)];
    assert_eq!(found.rows.len(), wanted.len());
    for ((row, wanted), flag) in found.rows.iter().zip(&wanted).zip(&flags) {
        assert_eq!(row[..5], wanted[..]);
        assert!(flag.contains(&row[5]), "{:?} is none of {flag:?}", row[5]);
    }
}

pub(in super::super) async fn a_number_with_a_fraction_is_no_whole_one(subject: &dyn Subject) {
    let (database, speaks) = (fresh("fractions"), subject.warehouse().speaks());
    let columns = vec![("id".into(), Column::Number(vec![1.0, 2.0])), ("n".into(), Column::Number(vec![1.5, 3.0]))];
    let rows_put = Arc::new(Frame::new(columns).unwrap());
    subject.put(&database, NewTable { name: "t".to_owned(), holds: vec![Holds::Integer; 2], rows: rows_put }).await;
    let found = rows(subject, format!("SELECT n FROM {} ORDER BY id", table(speaks, &database, "t"))).await;
    assert_eq!(found, [vec![Cell::Null], vec![Cell::Integer(3)]]);
}

pub(in super::super) async fn sums_and_counts_are_numbers(subject: &dyn Subject) {
    let (database, speaks) = (fresh("sums"), subject.warehouse().speaks());
    subject.put(&database, people("people", 10)).await;
    let from = table(speaks, &database, "people");
    let found = rows(subject, format!("SELECT count(*), sum(id), avg(id), min(name), max(NULLIF(id, id)) FROM {from}")).await;
    let numbers: Vec<_> = found[0].iter().map(Cell::number).collect();
    assert_eq!(numbers, [Some(10.0), Some(55.0), Some(5.5), None, None]);
    assert_eq!(found[0][3..], [text("name 1"), Cell::Null]);
}

pub(in super::super) async fn a_result_without_rows_has_its_columns(subject: &dyn Subject) {
    let (database, speaks) = (fresh("nothing"), subject.warehouse().speaks());
    subject.put(&database, people("people", 2)).await;
    let from = table(speaks, &database, "people");
    let found = ask(subject, format!("SELECT id, name AS who FROM {from} WHERE id > 5")).await.unwrap();
    assert_eq!((found.columns, found.rows), (vec!["id".to_owned(), "who".to_owned()], Vec::new()));
    subject.put(&database, people("nobody", 0)).await;
    let count = rows(subject, format!("SELECT count(*) FROM {}", table(speaks, &database, "nobody"))).await;
    assert_eq!(count[0][0].number(), Some(0.0));
}

pub(in super::super) async fn names_and_values_of_every_script_are_kept(subject: &dyn Subject) {
    let (database, speaks) = (fresh("scripts"), subject.warehouse().speaks());
    let values = ["naïve", "東京", "🚲 e\u{301}", "\u{202e}abc", "NULL", "\\N", "{p1:String}", "$1 ? :p"];
    let columns = vec![
        ("id".into(), Column::Number((1..=8).map(f64::from).collect())),
        ("größe 大".into(), Column::Text(values.iter().map(|value| Some(Arc::from(*value))).collect())),
    ];
    let put = NewTable {
        name: "Bestellung 注文".to_owned(),
        holds: vec![Holds::Integer, Holds::Text],
        rows: Arc::new(Frame::new(columns).unwrap()),
    };
    subject.put(&database, put).await;
    let (column, from) = (quoted(speaks, "größe 大"), table(speaks, &database, "Bestellung 注文"));
    let found = ask(subject, format!("SELECT {column} FROM {from} ORDER BY id")).await.unwrap();
    assert_eq!(found.columns, ["größe 大"]);
    let found: Vec<Cell> = found.rows.into_iter().flatten().collect();
    assert_eq!(found, values.map(text));
}

pub(in super::super) async fn parameters_arrive_as_they_are(subject: &dyn Subject) {
    let speaks = subject.warehouse().speaks();
    let texts = [
        "",
        "plain",
        "it's",
        "''",
        "\\",
        "\\'",
        "a\\nb",
        "two\nlines",
        "tab\there",
        "cr\rlf\n",
        "\"`;--/*",
        "'; DROP TABLE t; --",
        "NULL",
        "\\N",
        "{p1:String}",
        "$1",
        "?",
        "%s %",
        "東京 🚲",
        " blank ",
        "\u{1}\u{7f}",
        "nul\0inside",
    ];
    for given in texts {
        let (place, binding) = placeholder(speaks, 1, &Scalar::Text(given.to_owned()));
        let statement = Statement { sql: format!("SELECT {place} AS v"), values: vec![binding] };
        match subject.warehouse().run(&statement, &bounds()).await {
            Ok(found) => assert_eq!(found.rows, [vec![text(given)]], "{given:?}"),
            // PostgreSQL can't keep one, and says so.
            Err(WarehouseError::Refused { .. }) if given.contains('\0') && speaks == Speaks::PostgreSql => {}
            Err(error) => panic!("{given:?}: {error:?}"),
        }
    }
}

pub(in super::super) async fn parameters_have_their_types(subject: &dyn Subject) {
    let (database, speaks) = (fresh("bound"), subject.warehouse().speaks());
    subject.put(&database, people("people", 20)).await;
    let (above, first) = placeholder(speaks, 1, &Scalar::Integer(5));
    let (name, second) = placeholder(speaks, 2, &Scalar::Text("name 7".to_owned()));
    let (yes, third) = placeholder(speaks, 3, &Scalar::Boolean(true));
    let from = table(speaks, &database, "people");
    let sql = format!("SELECT id FROM {from} WHERE id > {above} AND name = {name} AND (id = 7) = {yes}");
    let statement = Statement { sql, values: vec![first, second, third] };
    assert_eq!(subject.warehouse().run(&statement, &bounds()).await.unwrap().rows, [vec![Cell::Integer(7)]]);
    for number in [i64::MIN, -1, i64::MAX] {
        let (place, binding) = placeholder(speaks, 1, &Scalar::Integer(number));
        let statement = Statement { sql: format!("SELECT {place} AS v"), values: vec![binding] };
        assert_eq!(subject.warehouse().run(&statement, &bounds()).await.unwrap().rows, [vec![Cell::Integer(number)]]);
    }
}
