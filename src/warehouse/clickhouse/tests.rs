mod peer;

use super::super::contract::{Subject, contract, soon};
use super::super::embedded::tests as engine;
use super::super::{Filled, NewTable};
use super::*;
use crate::domain::sql_value::Cell;
use peer::Peer;
use std::io::{Read, Write};
use std::net::TcpListener;

/// What nothing else in this process begins with.
const ENDLESS: &str = "SELECT sum(cityHash64(number))";

struct Server {
    warehouse: ClickHouse,
    _peer: Peer,
}

fn at(url: &str) -> Config {
    Config { url: url.to_owned(), ..Config::default() }
}

fn server() -> Server {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hidden word\n").unwrap();
    let peer = Peer::start("reader", "hidden word");
    let config = Config { user: "reader".to_owned(), password_file: Some(password.path().to_owned()), ..at(&peer.url()) };
    Server { warehouse: ClickHouse::open(&config).unwrap(), _peer: peer }
}

#[async_trait]
impl Subject for Server {
    fn warehouse(&self) -> &dyn Warehouse {
        &self.warehouse
    }

    async fn put(&self, database: &str, table: NewTable) {
        Filled::put(engine::real(), database, table).await.unwrap();
    }

    fn endless(&self) -> String {
        format!("{ENDLESS} FROM numbers(1000000000000)")
    }

    async fn running(&self) -> usize {
        engine::running(ENDLESS).await
    }

    fn attacks(&self, target: &str) -> Vec<String> {
        engine::attacks(target)
    }
}

contract!(server());

async fn one(warehouse: &ClickHouse) -> Result<Rows, WarehouseError> {
    let statement = Statement { sql: "SELECT 1".to_owned(), values: Vec::new() };
    warehouse.run(&statement, &Bounds { deadline: soon(5_000), rows_max: 10, bytes_max: 1_000 }).await
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_shown_nowhere() {
    let peer = Peer::start("reader", "another");
    let warehouse = ClickHouse::open(&Config { user: "reader".to_owned(), ..at(&peer.url()) }).unwrap();
    // AUTHENTICATION_FAILED
    assert!(matches!(warehouse.probe(soon(5_000)).await, Err(WarehouseError::Refused { code, .. }) if code == "516"));
    let shown = format!("{:?}", server().warehouse);
    assert!(!shown.contains("hidden word"), "{shown}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_away() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let warehouse = ClickHouse::open(&at(&format!("http://127.0.0.1:{port}"))).unwrap();
    assert!(matches!(one(&warehouse).await, Err(WarehouseError::Away { .. })));
}

/// Answers each connection with these bytes.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 65_536]);
            let _ = stream.write_all(answer);
        }
    });
    url
}

#[tokio::test]
async fn what_is_no_answer_of_a_clickhouse_is_told_apart() {
    let away: [&[u8]; 4] = [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n[\"a\"]\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"",
    ];
    for answer in away {
        let got = one(&ClickHouse::open(&at(&answering(answer))).unwrap()).await;
        assert!(matches!(got, Err(WarehouseError::Away { .. })), "{got:?}");
    }
    let refused: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ];
    for (answer, code) in refused.into_iter().zip(["format", "", "404"]) {
        match one(&ClickHouse::open(&at(&answering(answer))).unwrap()).await {
            Err(WarehouseError::Refused { code: got, .. }) => assert_eq!(got, code),
            // A redirect, which is not followed.
            got => assert!(code.is_empty() && matches!(got, Err(WarehouseError::Away { .. })), "{got:?}"),
        }
    }
    let found = one(&server().warehouse).await.unwrap();
    assert_eq!(found.rows, [[Cell::Integer(1)]]);
}

#[tokio::test]
async fn the_version_of_a_table_changes_when_its_parts_do() {
    let (server, database) = (server(), crate::warehouse::contract::fresh("parts"));
    let mut versions = Vec::new();
    for rows in [3, 4] {
        server.put(&database, crate::warehouse::contract::people("people", rows)).await;
        let told = server.warehouse.tables(Some(&database), soon(5_000)).await.unwrap();
        assert_eq!(server.warehouse.tables(Some(&database), soon(5_000)).await.unwrap(), told);
        versions.push(told[0].version.clone().unwrap());
    }
    assert_ne!(versions[0], versions[1]);
}
