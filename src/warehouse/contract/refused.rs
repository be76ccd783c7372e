//! What is not to be had through the seam.

use super::*;

pub(in super::super) async fn a_write_is_refused_by_the_warehouse(subject: &dyn Subject) {
    let (database, speaks) = (fresh("guarded"), subject.warehouse().speaks());
    subject.put(&database, people("people", 3)).await;
    let target = table(speaks, &database, "people");
    let before = (rows(subject, format!("SELECT id, name FROM {target} ORDER BY id")).await, names_in(subject, &database).await);
    for attack in subject.attacks(&target) {
        let answer = ask(subject, attack.as_str()).await;
        assert!(matches!(answer, Err(WarehouseError::Refused { .. })), "{attack}: {answer:?}");
    }
    let after = (rows(subject, format!("SELECT id, name FROM {target} ORDER BY id")).await, names_in(subject, &database).await);
    assert_eq!(after, before);
}

async fn names_in(subject: &dyn Subject, database: &str) -> Vec<String> {
    subject.warehouse().tables(Some(database), soon(10_000)).await.unwrap().into_iter().map(|table| table.name).collect()
}

pub(in super::super) async fn a_table_of_another_database_needs_its_name(subject: &dyn Subject) {
    let (one, other, speaks) = (fresh("one"), fresh("other"), subject.warehouse().speaks());
    let (mine, theirs) = (fresh("mine"), fresh("theirs"));
    subject.put(&one, people(&mine, 1)).await;
    subject.put(&other, people(&theirs, 2)).await;
    assert_eq!(names_in(subject, &one).await, [mine]);
    assert_eq!(names_in(subject, &other).await, std::slice::from_ref(&theirs));
    assert!(names_in(subject, &fresh("none")).await.is_empty());
    // SQLite looks through every database for a table without one; the gate, which puts the name of the database in, is what keeps them apart.
    if speaks != Speaks::Sqlite {
        let answer = ask(subject, format!("SELECT count(*) FROM {}", quoted(speaks, &theirs))).await;
        assert!(matches!(answer, Err(WarehouseError::Refused { .. })), "{answer:?}");
    }
    let answer = ask(subject, format!("SELECT count(*) FROM {}", table(speaks, &one, &theirs))).await;
    assert!(matches!(answer, Err(WarehouseError::Refused { .. })), "{answer:?}");
}

pub(in super::super) async fn what_is_said_of_an_error_keeps_the_data_out(subject: &dyn Subject) {
    let (database, speaks) = (fresh("secrets"), subject.warehouse().speaks());
    let secret = Column::Text(vec![Some("geheim4711".into())]);
    let secrets = Frame::new(vec![("secret".into(), secret)]).unwrap();
    subject.put(&database, NewTable { name: "secrets".to_owned(), holds: vec![Holds::Text], rows: Arc::new(secrets) }).await;
    let from = table(speaks, &database, "secrets");
    let mut faults = vec![
        "SELECT geheim4711".to_owned(),
        format!("SELECT secret FROM {from} WHERE geheim4711 = 1"),
        "SELECT FROM FROM".to_owned(),
    ];
    match speaks {
        Speaks::ClickHouse => faults.push(format!("SELECT toInt64(assumeNotNull(secret)) FROM {from}")),
        Speaks::PostgreSql => faults.push(format!("SELECT secret::bigint FROM {from}")),
        // These make a nought of it, without an error.
        Speaks::MySql | Speaks::Sqlite => {}
    }
    for sql in faults {
        let error = ask(subject, sql.as_str()).await.unwrap_err();
        assert!(!error.to_string().contains("geheim4711"), "{error}");
        let WarehouseError::Refused { code, said } = error else { panic!("{sql}: {error:?}") };
        assert!(!code.is_empty() && !said.is_empty() && !code.contains("geheim4711"), "{sql}: {code:?} {said:?}");
    }
}
