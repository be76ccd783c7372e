//! Bounds, deadlines and who goes away.

use super::*;
use futures_util::future::join_all;
use std::time::Instant;

/// How long a warehouse may be at a query after its deadline, on a machine that has much else to do; the queries would take minutes.
const ENDED: Duration = Duration::from_secs(10);

/// Waits until nothing runs in the warehouse any more.
async fn quiet(subject: &dyn Subject) {
    let begin = Instant::now();
    while subject.running().await > 0 {
        assert!(begin.elapsed() < ENDED, "a query still runs in the warehouse {ENDED:?} after its end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn answers_at_once(subject: &dyn Subject) {
    let begin = Instant::now();
    assert_eq!(rows(subject, "SELECT 1 AS one").await[0][0].number(), Some(1.0));
    assert!(begin.elapsed() < Duration::from_secs(2), "the next query took {:?}", begin.elapsed());
}

pub(in super::super) async fn a_result_that_is_too_large_is_told(subject: &dyn Subject) {
    let (database, speaks) = (fresh("large"), subject.warehouse().speaks());
    subject.put(&database, people("people", 2_000)).await;
    let sql = format!("SELECT id, name FROM {} ORDER BY id", table(speaks, &database, "people"));
    let statement = Statement { sql, values: Vec::new() };
    let run = async |rows_max, bytes_max| {
        let bounds = Bounds { rows_max, bytes_max, ..bounds() };
        subject.warehouse().run(&statement, &bounds).await
    };
    assert_eq!(run(2_000, 1 << 20).await.unwrap().rows.len(), 2_000, "as many as allowed are no more than allowed");
    assert!(matches!(run(1_999, 1 << 20).await, Err(WarehouseError::TooLarge(_))));
    assert!(matches!(run(2_000, 4_000).await, Err(WarehouseError::TooLarge(_))));
    answers_at_once(subject).await;
}

pub(in super::super) async fn a_deadline_ends_the_query_in_the_warehouse(subject: &dyn Subject) {
    let statement = Statement { sql: subject.endless(), values: Vec::new() };
    let begin = Instant::now();
    let ended = subject.warehouse().run(&statement, &Bounds { deadline: soon(500), ..bounds() }).await;
    assert!(matches!(ended, Err(WarehouseError::Late)), "{ended:?}");
    assert!(begin.elapsed() < Duration::from_millis(1_500), "told after {:?}", begin.elapsed());
    quiet(subject).await;
    answers_at_once(subject).await;
}

pub(in super::super) async fn a_deadline_that_has_passed_runs_nothing(subject: &dyn Subject) {
    let statement = Statement { sql: subject.endless(), values: Vec::new() };
    let begin = Instant::now();
    let ended = subject.warehouse().run(&statement, &Bounds { deadline: soon(0), ..bounds() }).await;
    assert!(matches!(ended, Err(WarehouseError::Late)), "{ended:?}");
    assert!(begin.elapsed() < Duration::from_millis(500));
}

pub(in super::super) async fn who_goes_away_ends_the_query_in_the_warehouse(subject: &dyn Subject) {
    let statement = Statement { sql: subject.endless(), values: Vec::new() };
    let within = bounds();
    let waited = tokio::time::timeout(Duration::from_millis(400), subject.warehouse().run(&statement, &within)).await;
    assert!(waited.is_err(), "the query must not end before who asked is gone: {waited:?}");
    quiet(subject).await;
    answers_at_once(subject).await;
}

pub(in super::super) async fn a_hundred_queries_at_once_are_all_answered(subject: &dyn Subject) {
    let (database, speaks) = (fresh("many"), subject.warehouse().speaks());
    subject.put(&database, people("people", 100)).await;
    let from = table(speaks, &database, "people");
    let answers =
        join_all((1..=100).map(|id| rows(subject, format!("SELECT sum(id), count(*) FROM {from} WHERE id <= {id}")))).await;
    for (id, found) in (1..=100_u32).zip(answers) {
        assert_eq!((found[0][0].number(), found[0][1].number()), (Some(f64::from(id * (id + 1) / 2)), Some(f64::from(id))));
    }
}

pub(in super::super) async fn the_cost_is_told_where_it_is_known(subject: &dyn Subject) {
    let (database, speaks) = (fresh("cost"), subject.warehouse().speaks());
    subject.put(&database, people("people", 3_000)).await;
    let (place, binding) = placeholder(speaks, 1, &Scalar::Integer(0));
    let sql = format!("SELECT count(*) FROM {} WHERE id > {place}", table(speaks, &database, "people"));
    let cost = subject.warehouse().cost(&Statement { sql, values: vec![binding] }, soon(10_000)).await.unwrap();
    assert!(cost.is_none_or(|cost| cost.rows > 0 && cost.rows < 1_000_000), "{cost:?}");
    let refused =
        subject.warehouse().cost(&Statement { sql: "SELECT no_such_column".to_owned(), values: Vec::new() }, soon(10_000)).await;
    assert!(!matches!(refused, Ok(Some(_))), "{refused:?}");
}
