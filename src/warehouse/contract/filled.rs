//! Tables: what is told of them, and what the service puts.

use super::*;
use std::sync::atomic::AtomicBool;

pub(in super::super) async fn the_tables_are_told_with_their_columns(subject: &dyn Subject) {
    let database = fresh("told");
    subject.put(&database, people("b_people", 7)).await;
    subject.put(&database, people("a_people", 3)).await;
    let tables = subject.warehouse().tables(Some(&database), soon(10_000)).await.unwrap();
    assert_eq!(tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["a_people", "b_people"]);
    for (table, rows) in tables.iter().zip([3, 7]) {
        assert_eq!(table.database, database);
        assert_eq!(table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["id", "name"]);
        assert!(table.columns.iter().all(|column| !column.data_type.is_empty()));
        assert!(subject.filled().is_none() || table.rows == Some(rows), "{:?}", table.rows);
    }
}

/// A table in which every row says of which put it is, and how many rows that put has.
fn generation(number: u32) -> NewTable {
    let count = 1_000 + number;
    let columns = vec![
        ("put".into(), Column::Number(vec![f64::from(number); count as usize])),
        ("count".into(), Column::Number(vec![f64::from(count); count as usize])),
    ];
    NewTable { name: "changing".to_owned(), holds: vec![Holds::Integer; 2], rows: Arc::new(Frame::new(columns).unwrap()) }
}

pub(in super::super) async fn a_put_is_seen_whole_or_not_at_all(subject: &dyn Subject) {
    let Some(filled) = subject.filled() else { return };
    let (database, speaks) = (fresh("changing"), subject.warehouse().speaks());
    filled.put(&database, generation(0)).await.unwrap();
    let (put, count, from) = (quoted(speaks, "put"), quoted(speaks, "count"), table(speaks, &database, "changing"));
    let sql = format!("SELECT count(*), min({put}), max({put}), max({count}) FROM {from}");
    let done = AtomicBool::new(false);
    let read = async {
        let mut last = 0.0;
        while !done.load(Ordering::Relaxed) {
            let found: Vec<f64> = rows(subject, sql.as_str()).await[0].iter().filter_map(Cell::number).collect();
            assert!(found[1] == found[2] && found[0] == found[3], "rows of two puts, or a part of one: {found:?}");
            assert!(found[1] >= last, "an older put after a newer one");
            last = found[1];
        }
        last
    };
    let write = async {
        for number in 1..=12 {
            filled.put(&database, generation(number)).await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(read, async { tokio::join!(read_again(subject, &sql, &done), write) });
    assert_eq!(rows(subject, sql.as_str()).await[0][1].number(), Some(12.0));
}

async fn read_again(subject: &dyn Subject, sql: &str, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let found: Vec<f64> = rows(subject, sql).await[0].iter().filter_map(Cell::number).collect();
        assert!(found[1] == found[2] && found[0] == found[3], "rows of two puts, or a part of one: {found:?}");
    }
}

pub(in super::super) async fn a_put_changes_the_version_and_the_columns(subject: &dyn Subject) {
    let Some(filled) = subject.filled() else { return };
    let database = fresh("versions");
    let mut versions = Vec::new();
    for count in [3, 3, 4] {
        filled.put(&database, people("people", count)).await.unwrap();
        let first = info(subject, &database, "people").await.unwrap();
        assert_eq!(info(subject, &database, "people").await.unwrap(), first, "two readings of the same rows are equal");
        versions.push(first.version.unwrap());
    }
    versions.dedup();
    assert_eq!(versions.len(), 3, "each put has a version of its own: {versions:?}");
    let other = Frame::new(vec![("other".into(), Column::Flag(vec![Some(true), None]))]).unwrap();
    filled.put(&database, NewTable { name: "people".to_owned(), holds: vec![Holds::Flag], rows: Arc::new(other) }).await.unwrap();
    let info = info(subject, &database, "people").await.unwrap();
    assert_eq!((info.columns.len(), info.columns[0].name.as_str(), info.rows), (1, "other", Some(2)));
}

pub(in super::super) async fn a_table_that_was_dropped_is_gone(subject: &dyn Subject) {
    let Some(filled) = subject.filled() else { return };
    let (database, speaks) = (fresh("dropped"), subject.warehouse().speaks());
    filled.put(&database, people("people", 3)).await.unwrap();
    filled.drop_table(&database, "people").await.unwrap();
    assert_eq!(info(subject, &database, "people").await, None);
    assert!(ask(subject, format!("SELECT count(*) FROM {}", table(speaks, &database, "people"))).await.is_err());
    filled.drop_table(&database, "people").await.unwrap();
    filled.drop_table(&fresh("none"), "people").await.unwrap();
    filled.put(&database, people("people", 2)).await.unwrap();
    assert_eq!(info(subject, &database, "people").await.unwrap().rows, Some(2));
}
