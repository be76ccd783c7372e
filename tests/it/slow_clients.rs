//! Clients that send or take a byte at a time, or nothing: they are cut off in time, and nobody else is harmed.

use super::service::{Builder, Service};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Later than any limit that is set here, and by far not for ever.
const AT_LAST: Duration = Duration::from_secs(20);

fn impatient() -> Service {
    let seconds = |builder: Builder, name: &str| builder.set(&format!("SERVER__{name}_WITHIN_SEC"), "1");
    ["HEAD", "BODY", "TAKEN"]
        .iter()
        .fold(Builder::new(), |builder, name| seconds(builder, name))
        .set("SERVER__BULK_WRITES_MAX", "1")
        .start()
}

/// A connection whose receiving side has little room.
fn narrow(service: &Service) -> TcpStream {
    let address: SocketAddr = service.url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(AT_LAST)).unwrap();
    socket.into()
}

/// Sends a byte at a time until the other end has had enough, and reads what it says then.
fn trickle(mut stream: TcpStream, bytes: &[u8]) -> (String, Duration) {
    let since = Instant::now();
    for byte in bytes.iter().cycle() {
        if stream.write_all(std::slice::from_ref(byte)).is_err() || since.elapsed() > AT_LAST {
            break;
        }
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut said = [0; 512];
        match stream.read(&mut said) {
            Ok(length) => return (String::from_utf8_lossy(&said[..length]).into_owned(), since.elapsed()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    (String::new(), since.elapsed())
}

#[test]
fn a_head_or_a_body_that_comes_a_byte_at_a_time_is_cut_off_while_others_are_answered() {
    let service = impatient();
    let head = std::thread::spawn({
        let stream = narrow(&service);
        move || {
            trickle(
                stream,
                b"GET /health/live HTTP/1.1\r\nx-long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            )
        }
    });
    let body = std::thread::spawn({
        let mut stream = narrow(&service);
        stream.write_all(b"POST /v1/decide HTTP/1.1\r\nhost: a\r\ncontent-length: 10000\r\n\r\n").unwrap();
        move || trickle(stream, b" ")
    });
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        assert_eq!(service.post("/v1/decide", &json!({"text": "anything", "allow": "fast"})).status, 200);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
    for (slow, status) in [(head, " 408 "), (body, " 408 ")] {
        let (said, after) = slow.join().unwrap();
        assert!(after < Duration::from_secs(6), "{after:?}");
        assert!(said.is_empty() || said.lines().next().unwrap().contains(status), "{said}");
    }
}

#[test]
fn who_takes_nothing_of_the_results_of_a_bulk_write_does_not_keep_its_place() {
    let service = impatient();
    // Lines that are wrong cost no embedding, and each has a long result: more in all than the two ends have room for.
    let body = "{}\n".repeat(60_000);
    let mut stream = narrow(&service);
    write!(stream, "POST /v1/components HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    // Once the head of the answer is there, the place is taken.
    let mut head = [0; 15];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let line = json!({"id": "a", "role": "news", "text": "a text"});
    let busy = || service.request("POST", "/v1/components", line.to_string()).status == 503;
    let held = Instant::now();
    while busy() {
        assert!(held.elapsed() < AT_LAST, "the place is still held after {:?}", held.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    // It took a while to cut the client off, and nothing else did.
    assert!(held.elapsed() > Duration::from_millis(300), "{:?}", held.elapsed());
    drop(stream);
}
