//! A process is killed while it keeps what the store is owed, again and again, and nothing that it was told was kept is missing.

use super::{Config, Journaled};
use crate::domain::time::Clock;
use crate::store::sample::{decision_of, entry_of, moment};
use crate::store::{Common, Record, Store, Write};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the child is told which directory and which round it is.
const DIR: &str = "INSTINCT_TEST_JOURNAL_DIR";
const ROUND: &str = "INSTINCT_TEST_JOURNAL_ROUND";

const ROUNDS: usize = 10;

/// Lines that the parent reads before it kills; each round another number, so that the kill falls in different places.
fn lines_before_kill(round: usize) -> usize {
    5 + round * 17 % 60
}

fn records(round: usize, i: usize) -> [Record; 2] {
    let number = u128::try_from(round * 1_000_000 + i).unwrap();
    [Record::Entry(entry_of("a", &format!("{round}.{i}"))), Record::Decision(decision_of("a", moment(), number))]
}

fn away() -> (Common, Clock) {
    let clock = Clock::manual(moment());
    let server = Common::new(clock.clone());
    server.set_away(true);
    (server, clock)
}

async fn keep_until_killed(dir: &Path, round: usize) {
    let (server, clock) = away();
    let store = Journaled::open(server.join(), &Config::default(), dir, clock).unwrap();
    let mut out = std::io::stdout();
    for i in 0..1_000_000 {
        assert!(!store.backfill(records(round, i).into_iter().map(Write::Put).collect()).await.unwrap());
        writeln!(out, "kept {i}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
#[ignore = "the child of the test below, which starts it with a directory"]
async fn child() {
    if let (Ok(dir), Ok(round)) = (std::env::var(DIR), std::env::var(ROUND)) {
        keep_until_killed(Path::new(&dir), round.parse().unwrap()).await;
    }
}

/// Starts the child, lets it keep some, kills it, and gives how many backfills it was told of.
fn run_and_kill(dir: &Path, round: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::journal::kill::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first line of the test runner's may be glued to the first of the child.
    let number = |line: String| line.split_once("kept ").map(|(_, i)| i.parse::<usize>().unwrap());
    let mut kept = 0;
    while kept < lines_before_kill(round) {
        let line = lines.next().expect("the child ended by itself").unwrap();
        kept = number(line).map_or(kept, |i| i + 1);
    }
    child.kill().unwrap();
    for line in lines.map_while(Result::ok) {
        kept = number(line).map_or(kept, |i| i + 1);
    }
    child.wait().unwrap();
    kept
}

#[tokio::test]
async fn every_backfill_that_was_kept_is_there_after_a_kill_and_replayed_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let kept: Vec<usize> = (0..ROUNDS).map(|round| run_and_kill(dir.path(), round)).collect();
    let (server, clock) = away();
    let store = Journaled::open(server.join(), &Config::default(), dir.path(), clock).unwrap();
    for (round, &kept) in kept.iter().enumerate() {
        for i in 0..kept {
            for record in records(round, i) {
                assert!(store.get(&record.key()).await.unwrap().is_some(), "backfill {i} of round {round} is not whole");
            }
        }
        // The backfill that the kill fell into is there as a whole or not at all. What is not there the store would be asked for.
        let mut held = 0;
        for record in records(round, kept) {
            held += usize::from(matches!(store.get(&record.key()).await, Ok(Some(_))));
        }
        assert!(held == 0 || held == 2, "a backfill of round {round} was torn: {held} of 2 records");
    }
    server.set_away(false);
    while !store.core.log.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let other = server.join();
    for (round, &kept) in kept.iter().enumerate() {
        for record in (0..kept).flat_map(|i| records(round, i)) {
            assert!(other.get(&record.key()).await.unwrap().is_some());
        }
    }
}
