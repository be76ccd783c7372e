use super::*;
use crate::domain::frame::{Column, Frame};
use crate::domain::sql_value::Cell;
use crate::warehouse::Holds;
use crate::warehouse::contract::{Subject, contract, fresh};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The runtime folder of the tests.
fn runtime_dir() -> PathBuf {
    std::env::var_os("INSTINCT_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime")), PathBuf::from)
}

/// The engine of the test process: a process has one.
pub(in super::super) fn real() -> &'static Embedded {
    static REAL: LazyLock<Embedded> = LazyLock::new(|| Embedded::new(&Config::default(), &runtime_dir(), &folder()));
    &REAL
}

/// A folder of this process, without those that processes before left behind: nothing can be cleared away under an engine that runs.
fn folder() -> PathBuf {
    const NAME: &str = "instinct-warehouse-test-";
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.strip_prefix(NAME).is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    std::env::temp_dir().join(format!("{NAME}{}", std::process::id()))
}

/// What nothing else in this process begins with.
const ENDLESS: &str = "SELECT sum(sipHash64(number))";

/// Statements in the engine that begin so.
pub(in super::super) async fn running(begin: &str) -> usize {
    real().engine().await.unwrap().running(begin)
}

/// A new connection to the engine, which may do anything.
pub(super) fn connection() -> Connection {
    Engine::get(&real().0.library, &real().0.folder, &real().0.config).unwrap().connect().unwrap()
}

/// Runs statements on a new connection that may do anything, and the last one with values for its rows in a format.
pub(in super::super) fn raw(before: &[String], sql: &str, values: &[(String, String)], format: &str) -> Result<Vec<u8>, String> {
    let mut connection = connection();
    before.iter().try_for_each(|sql| connection.execute(sql)).map_err(|fault| fault.0)?;
    let answer = connection.query(sql.as_bytes(), format, values).map_err(|fault| fault.0)?;
    Ok(answer.bytes().to_vec())
}

/// Why a statement may not run here.
pub(in super::super) fn guarded(sql: &str) -> Option<&'static str> {
    guard::fault(sql)
}

struct EmbeddedSubject;

#[async_trait]
impl Subject for EmbeddedSubject {
    fn warehouse(&self) -> &dyn Warehouse {
        real()
    }

    fn filled(&self) -> Option<&dyn Filled> {
        Some(real())
    }

    async fn put(&self, database: &str, table: NewTable) {
        Filled::put(real(), database, table).await.unwrap();
    }

    fn endless(&self) -> String {
        format!("{ENDLESS} FROM numbers(1000000000000)")
    }

    async fn running(&self) -> usize {
        running(ENDLESS).await
    }

    fn attacks(&self, target: &str) -> Vec<String> {
        attacks(target)
    }
}

pub(in super::super) fn attacks(target: &str) -> Vec<String> {
    let beside = std::env::temp_dir().join("instinct-written");
    let beside = beside.display();
    vec![
        format!("INSERT INTO {target} VALUES (9, 'x')"),
        format!("INSERT INTO {target} SELECT 9, 'x'"),
        format!("WITH 1 AS a INSERT INTO {target} SELECT a, 'x'"),
        format!("DROP TABLE {target}"),
        format!("TRUNCATE TABLE {target}"),
        format!("ALTER TABLE {target} DELETE WHERE 1"),
        format!("DELETE FROM {target} WHERE 1"),
        format!("RENAME TABLE {target} TO default.x"),
        format!("DETACH TABLE {target}"),
        "ATTACH TABLE x".to_owned(),
        "CREATE TABLE x (a Int8) ENGINE = Memory".to_owned(),
        "CREATE TEMPORARY TABLE x (a Int8)".to_owned(),
        "CREATE DATABASE x".to_owned(),
        "CREATE FUNCTION x AS (a) -> a".to_owned(),
        "SET readonly = 0".to_owned(),
        "SET max_threads = 9".to_owned(),
        "SELECT 1 SETTINGS readonly = 0".to_owned(),
        "SELECT 1 SETTINGS max_execution_time = 0".to_owned(),
        "SYSTEM SHUTDOWN".to_owned(),
        "KILL QUERY WHERE 1".to_owned(),
        format!("SELECT 1; DROP TABLE {target}"),
        format!("SELECT * FROM {target} INTO OUTFILE '{beside}'"),
        format!("INSERT INTO FUNCTION file('{beside}', 'CSV', 'a Int8') VALUES (1)"),
        "SELECT file('/etc/passwd')".to_owned(),
        "SELECT `file`('/etc/passwd')".to_owned(),
        "SELECT * FROM file('/etc/passwd', 'LineAsString')".to_owned(),
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')".to_owned(),
        "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'CSV', 'a String')".to_owned(),
        "SELECT * FROM remote('127.0.0.1:1', system.one)".to_owned(),
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')".to_owned(),
        "SELECT * FROM sqlite('/etc/passwd', 'a')".to_owned(),
        "SELECT * FROM executable('ls', 'TSV', 'a String')".to_owned(),
    ]
}

contract!(EmbeddedSubject);

#[tokio::test]
async fn a_query_that_was_ended_leaves_the_processor_alone() {
    let statement = Statement { sql: EmbeddedSubject.endless(), values: Vec::new() };
    let within = Bounds { deadline: Deadline::after(Duration::from_millis(300)), rows_max: 10, bytes_max: 1_000 };
    assert!(matches!(real().run(&statement, &within).await, Err(WarehouseError::Late)));
    let begin = Instant::now();
    while EmbeddedSubject.running().await > 0 {
        assert!(begin.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_query_that_wants_more_memory_than_allowed_is_refused_and_the_next_one_runs() {
    let hungry = Statement { sql: "SELECT length(groupArray(number)) FROM numbers(1000000000)".to_owned(), values: Vec::new() };
    let within = Bounds { deadline: Deadline::after(Duration::from_secs(60)), rows_max: 10, bytes_max: 1_000 };
    // MEMORY_LIMIT_EXCEEDED
    assert!(matches!(real().run(&hungry, &within).await, Err(WarehouseError::Refused { code, .. }) if code == "241"));
    let small = Statement { sql: "SELECT 1".to_owned(), values: Vec::new() };
    assert_eq!(real().run(&small, &within).await.unwrap().rows, [[Cell::Integer(1)]]);
}

#[tokio::test]
async fn texts_that_come_again_and_again_are_kept_once_and_read_as_they_were() {
    let database = fresh("again");
    let towns = |row: u32| (!row.is_multiple_of(7)).then(|| Arc::from(["Split", "Zadar", ""][(row % 3) as usize]));
    let texts: Vec<Option<Arc<str>>> = (0..70_000).map(towns).collect();
    let numbers = Column::Number((0..70_000).map(f64::from).collect());
    let frame = Frame::new(vec![("n".into(), numbers), ("town".into(), Column::Text(texts.clone()))]).unwrap();
    let table = NewTable { name: "t".to_owned(), holds: vec![Holds::Integer, Holds::Text], rows: Arc::new(frame) };
    Filled::put(real(), &database, table).await.unwrap();
    let told = real().tables(Some(&database), Deadline::after(Duration::from_secs(10))).await.unwrap();
    assert_eq!(told[0].columns[1].data_type, "LowCardinality(Nullable(String))");
    let statement = Statement { sql: format!("SELECT town FROM `{database}`.t ORDER BY n"), values: Vec::new() };
    let within = Bounds { deadline: Deadline::after(Duration::from_secs(60)), rows_max: 70_000, bytes_max: 1 << 30 };
    let found = real().run(&statement, &within).await.unwrap().rows;
    let wanted = texts.iter().map(|text| text.as_deref().map_or(Cell::Null, |text| Cell::Text(text.to_owned())));
    assert!(found.into_iter().flatten().eq(wanted));
}

#[tokio::test]
async fn rows_with_every_byte_in_them_are_put_whole() {
    let database = fresh("bytes");
    let rows = 200_000_u32;
    let numbers = Column::Number((0..rows).map(f64::from).collect());
    let texts =
        Column::Text((0..rows).map(|row| Some(Arc::from(format!("{}\n\n;\0{row}", char::from((row % 256) as u8))))).collect());
    let frame = Frame::new(vec![("n".into(), numbers), ("t".into(), texts.clone())]).unwrap();
    let table = NewTable { name: "t".to_owned(), holds: vec![Holds::Integer, Holds::Text], rows: Arc::new(frame) };
    Filled::put(real(), &database, table).await.unwrap();
    let statement = Statement { sql: format!("SELECT t FROM `{database}`.t ORDER BY n"), values: Vec::new() };
    let within = Bounds { deadline: Deadline::after(Duration::from_secs(60)), rows_max: 200_000, bytes_max: 1 << 30 };
    let found = real().run(&statement, &within).await.unwrap().rows;
    let Column::Text(texts) = texts else { unreachable!() };
    assert!(found.len() == texts.len());
    assert!(found.iter().zip(&texts).all(|(row, text)| row[0] == Cell::Text(text.as_deref().unwrap().to_owned())));
}

#[tokio::test]
async fn a_library_that_is_not_there_is_told_and_the_service_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let nowhere = Embedded::new(&Config::default(), place.path(), real().0.folder.parent().unwrap());
    // Where the engine of the process runs already, it is that one.
    if let Err(error) = nowhere.warm().await {
        assert!(matches!(error, WarehouseError::Away { .. }), "{error:?}");
    }
    real().warm().await.unwrap();
    let elsewhere = Embedded::new(&Config::default(), &runtime_dir(), place.path());
    assert!(matches!(elsewhere.warm().await, Err(WarehouseError::Away { said }) if said.contains("has the folder")));
}
