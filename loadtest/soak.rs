//! What a service keeps while it is under steady load: memory, file handles and threads, read from `/proc` each second.
//!
//! The first part of a run fills caches and pools; the slope is that of the second half, by least squares.

use crate::Failure;
use crate::report::table as lay_out;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One reading.
#[derive(Debug, Clone, Copy, Serialize)]
struct Reading {
    at_sec: f64,
    rss_kib: f64,
    files: f64,
    threads: f64,
}

/// All readings of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Soak {
    readings: Vec<Reading>,
}

/// Reads in the background until it is told to stop.
#[derive(Debug)]
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<Reading>>,
}

impl Watch {
    /// Watches the process `pid`, once each second.
    pub(crate) fn start(pid: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let (start, mut readings) = (Instant::now(), Vec::new());
            while !ends.load(Ordering::Relaxed) {
                readings.extend(read(pid, start));
                std::thread::sleep(Duration::from_secs(1));
            }
            readings
        });
        Self { over, thread }
    }

    /// Stops, and gives what was read.
    pub(crate) fn end(self) -> Result<Soak, Failure> {
        self.over.store(true, Ordering::Relaxed);
        let readings = self.thread.join().map_err(|_| "the thread that watches the service panicked")?;
        Ok(Soak { readings })
    }
}

fn read(pid: u32, start: Instant) -> Option<Reading> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok()
    };
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as f64;
    Some(Reading { at_sec: start.elapsed().as_secs_f64(), rss_kib: number("VmRSS")?, files, threads: number("Threads")? })
}

/// The slope of the least-squares line through points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (mean_x, mean_y) = (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in points {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x) * (x - mean_x);
    }
    if below > 0.0 { above / below } else { 0.0 }
}

impl Soak {
    pub(crate) fn table(&self) -> String {
        let Some((first, last)) = self.readings.first().zip(self.readings.last()) else { return "nothing was read".to_owned() };
        let later = self.readings.get(self.readings.len() / 2..).unwrap_or_default();
        let row = |name: &str, of: fn(&Reading) -> f64| {
            let points: Vec<(f64, f64)> = later.iter().map(|reading| (reading.at_sec, of(reading))).collect();
            let most = self.readings.iter().map(of).fold(0.0, f64::max);
            let an_hour = slope(&points) * 3_600.0;
            [of(first), of(last), most, an_hour].iter().fold(vec![name.to_owned()], |mut row, cell| {
                row.push(format!("{cell:.1}"));
                row
            })
        };
        let rows = [row("memory, MiB", |r| r.rss_kib / 1_024.0), row("file handles", |r| r.files), row("threads", |r| r.threads)];
        format!(
            "What the service kept over {:.0} s; the slope is that of the second half.\n{}",
            last.at_sec,
            lay_out(&["", "at first", "at last", "at most", "slope an hour"], &rows)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_a_line_is_its_own() {
        let points: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 3.0 + 0.5 * f64::from(x))).collect();
        assert!((slope(&points) - 0.5).abs() < 1e-12);
        assert!(slope(&[(1.0, 2.0)]).abs() < 1e-12);
    }

    #[test]
    fn this_very_process_can_be_read() {
        let reading = read(std::process::id(), Instant::now()).unwrap();
        assert!(reading.rss_kib > 100.0 && reading.files >= 3.0 && reading.threads >= 1.0);
    }
}
