//! A process is killed in the middle of its writes, again and again, and nothing that it was told was stored is missing.

use crate::domain::time::Clock;
use crate::store::sample::{component_of, decision_of, entry_of, moment, raw};
use crate::store::{Config, Record, RecordKind, Write, contract, open};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the child is told which directory and which round it is.
const DIR: &str = "INSTINCT_TEST_KILL_DIR";
const ROUND: &str = "INSTINCT_TEST_KILL_ROUND";

const ROUNDS: usize = 20;

/// Lines that the parent reads before it kills; each round another number, so that the kill falls in different places.
fn lines_before_kill(round: usize) -> usize {
    5 + round * 17 % 60
}

fn config() -> Config {
    // A small bound makes small segments, so that new ones are started while the child is killed.
    Config { decision_bytes_max: 64 << 20, ..Config::default() }
}

/// The three records of one commit: a component of 4 kB, an entry and a decision.
fn records(round: usize, i: usize) -> [Record; 3] {
    let name = format!("{round}.{i}");
    let number = u128::try_from(round * 1_000_000 + i).unwrap();
    [
        Record::Component(component_of("a", &name, &"text ".repeat(800)).into()),
        Record::Entry(entry_of("a", &name)),
        Record::Decision(decision_of("a", moment(), number)),
    ]
}

async fn write_until_killed(dir: &Path, round: usize) {
    let store = open(&config(), dir, Clock::manual(moment())).unwrap();
    let mut out = std::io::stdout();
    for i in 0..1_000_000 {
        // Writes behind fill the same log at the same time, and make the segments fill up.
        for extra in 0..20_u128 {
            let number = u128::try_from(round * 1_000_000 + i).unwrap() * 20 + extra;
            let mut decision = decision_of("behind", moment(), number);
            decision.answer = raw(&format!("\"{}\"", "answer ".repeat(300)));
            let _ = store.record(Write::Put(Record::Decision(decision)));
        }
        store.commit(records(round, i).into_iter().map(Write::Put).collect()).await.unwrap();
        writeln!(out, "stored {i}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
#[ignore = "the child of the test below, which starts it with a directory"]
async fn child() {
    if let (Ok(dir), Ok(round)) = (std::env::var(DIR), std::env::var(ROUND)) {
        write_until_killed(Path::new(&dir), round.parse().unwrap()).await;
    }
}

/// Starts the child, lets it commit, kills it, and gives how many commits it was told of.
fn run_and_kill(dir: &Path, round: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::embedded::kill::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first line of the test runner's may be glued to the first of the child.
    let number = |line: String| line.split_once("stored ").map(|(_, i)| i.parse::<usize>().unwrap());
    let mut stored = 0;
    while stored < lines_before_kill(round) {
        let line = lines.next().expect("the child ended by itself").unwrap();
        stored = number(line).map_or(stored, |i| i + 1);
    }
    child.kill().unwrap();
    // What it printed before the kill landed was acknowledged too.
    for line in lines.map_while(Result::ok) {
        stored = number(line).map_or(stored, |i| i + 1);
    }
    child.wait().unwrap();
    stored
}

#[tokio::test]
async fn every_commit_that_was_acknowledged_is_there_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut stored = Vec::new();
    for round in 0..ROUNDS {
        stored.push(run_and_kill(dir.path(), round));
        let store = open(&config(), dir.path(), Clock::manual(moment())).unwrap();
        let found: Vec<BTreeSet<String>> = RecordKind::ALL.into_iter().map(|kind| contract::keys_of(&*store, kind)).collect();
        let has = |record: &Record| found.iter().any(|keys| keys.contains(&record.key().to_string()));
        for (round, &stored) in stored.iter().enumerate() {
            for i in 0..stored {
                assert!(records(round, i).iter().all(has), "commit {i} of round {round} is not whole");
            }
            // The commit that the kill fell into is there as a whole or not at all.
            let held = records(round, stored).iter().filter(|record| has(record)).count();
            assert!(held == 0 || held == 3, "a commit of round {round} was torn: {held} of 3 records");
        }
    }
}
