//! Asks prepared questions in a closed loop: each connection sends its next one when it has the answer to the last.
//!
//!     client ADDRESS PATH CONNECTIONS SECONDS BODIES LATENCIES SERVED [ANSWERS]
//!
//! BODIES has one JSON body a line. With SECONDS 0 each is asked once; otherwise they are asked over and over for so long. The time
//! of each answer goes to LATENCIES, one number of nanoseconds a line, and a summary as JSON to standard output. An answer with the text SERVED
//! in it counts as a hit. ANSWERS receives the answers in the order of the questions, for which the run must be one pass.
//!
//! It is one file on the standard library, so that the script can compile it with `rustc` alone; a client in Python would cost more
//! than the answers it waits for.

use std::error::Error;
use std::fs::{File, read_to_string};
use std::io::{BufWriter, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Failure = Box<dyn Error + Send + Sync>;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

struct Work {
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    seconds: f64,
    served: Vec<u8>,
    keep_answers: bool,
    next: AtomicUsize,
    together: Barrier,
}

#[derive(Default)]
struct Seen {
    latencies_ns: Vec<u64>,
    answers: Vec<(usize, Vec<u8>)>,
    hits: usize,
    errors: usize,
    span: Option<(Instant, Instant)>,
}

fn main() -> Result<(), Failure> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, connections, seconds, bodies, latencies, served, answers @ ..] = given.as_slice() else {
        return Err("client ADDRESS PATH CONNECTIONS SECONDS BODIES LATENCIES SERVED [ANSWERS]".into());
    };
    let connections: usize = connections.parse()?;
    let work = Work {
        address: address.parse()?,
        requests: read_to_string(bodies)?.lines().map(|body| request(path, body)).collect(),
        seconds: seconds.parse()?,
        served: served.as_bytes().to_vec(),
        keep_answers: !answers.is_empty(),
        next: AtomicUsize::new(0),
        together: Barrier::new(connections),
    };
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(|| ask(&work))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread ended early")?)
            .collect::<Result<Vec<Seen>, Failure>>()
    })?;
    let begin = all.iter().filter_map(|seen| seen.span).map(|(begin, _)| begin).min().ok_or("nothing was asked")?;
    let end = all.iter().filter_map(|seen| seen.span).map(|(_, end)| end).max().ok_or("nothing was asked")?;
    let mut out = BufWriter::new(File::create(latencies)?);
    for latency_ns in all.iter().flat_map(|seen| &seen.latencies_ns) {
        writeln!(out, "{latency_ns}")?;
    }
    out.flush()?;
    if let [answers] = answers {
        write_answers(answers, &all)?;
    }
    let (hits, errors) = all.iter().fold((0, 0), |(hits, errors), seen| (hits + seen.hits, errors + seen.errors));
    let requests: usize = all.iter().map(|seen| seen.latencies_ns.len()).sum();
    let seconds = (end - begin).as_secs_f64();
    println!("{{\"requests\": {requests}, \"hits\": {hits}, \"errors\": {errors}, \"seconds\": {seconds}}}");
    Ok(())
}

fn write_answers(path: &str, all: &[Seen]) -> Result<(), Failure> {
    let mut answers: Vec<_> = all.iter().flat_map(|seen| &seen.answers).collect();
    answers.sort_by_key(|(number, _)| *number);
    let mut out = BufWriter::new(File::create(path)?);
    for (_, answer) in answers {
        out.write_all(answer)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// One connection. All start together, once each is connected.
fn ask(work: &Work) -> Result<Seen, Failure> {
    let connected = connect(work.address);
    work.together.wait();
    let mut stream = connected?;
    let (mut seen, mut received) = (Seen::default(), Vec::with_capacity(16 * 1024));
    let begin = Instant::now();
    loop {
        let number = work.next.fetch_add(1, Ordering::Relaxed);
        let over = if work.seconds > 0.0 { begin.elapsed().as_secs_f64() >= work.seconds } else { number >= work.requests.len() };
        if over {
            break;
        }
        let sent = Instant::now();
        stream.write_all(&work.requests[number % work.requests.len()])?;
        let (status, body) = answer(&mut stream, &mut received)?;
        seen.latencies_ns.push(u64::try_from(sent.elapsed().as_nanos())?);
        let body = &received[body..];
        seen.errors += usize::from(status != 200);
        seen.hits += usize::from(body.windows(work.served.len()).any(|window| window == work.served));
        if work.keep_answers {
            seen.answers.push((number, body.to_vec()));
        }
    }
    if !seen.latencies_ns.is_empty() {
        seen.span = Some((begin, Instant::now()));
    }
    Ok(seen)
}

fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    Ok(stream)
}

/// Reads one answer; gives its status and where its body begins.
fn answer(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<(u16, usize), Failure> {
    received.clear();
    let mut piece = [0; 16 * 1024];
    let mut whole = None;
    loop {
        if let Some((status, body, end)) = whole {
            if received.len() == end {
                return Ok((status, body));
            }
            if received.len() > end {
                return Err("more came than was asked for".into());
            }
        }
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Err("the service closed a connection".into());
        }
        received.extend_from_slice(&piece[..count]);
        if whole.is_none()
            && let Some(head) = received.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let (status, length) = head_of(std::str::from_utf8(&received[..head])?)?;
            whole = Some((status, head + 4, head + 4 + length));
        }
    }
}

/// The status and the length of the body.
fn head_of(head: &str) -> Result<(u16, usize), Failure> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no status line")?.parse()?;
    let length = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok((status, length.ok_or("an answer without a length")?.1.trim().parse()?))
}
