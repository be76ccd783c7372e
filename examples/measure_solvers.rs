//! Solves every MPS file of a folder twice, in a worker as the service does and by the library alone in this process, and compares time
//! and objective: `cargo run --release --example measure_solvers -- FOLDER [REPEATS]`. Optima are read from the first `optima*.csv` of the
//! folder, whose columns include `name` and `objective`. Of several repeats the quickest counts.

use flate2::read::MultiGzDecoder;
use instinct::modelling::mps;
use instinct::solver::{self, Cancel, Config, Limits, Name, Program, Solution, SolveStatus, Solver};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Failure = Box<dyn Error>;

/// Largest difference to the listed optimum, for each unit of it, of an LP and of a MIP.
const WITHIN: (f64, f64) = (1e-6, 1e-4);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        // This program is its own worker.
        Some("solve-worker") => solver::worker_main(arguments.get(1).map_or("", String::as_str)),
        Some(folder) => match measure(Path::new(folder), arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(1)) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => complain(&error.to_string()),
        },
        None => complain("usage: measure_solvers FOLDER [REPEATS]"),
    }
}

#[expect(clippy::print_stderr, reason = "what an example says to a person goes to standard error")]
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

/// One way's solution, and the milliseconds of its quickest repeat.
struct Run {
    solution: Solution,
    ms: f64,
}

/// Measures every file; whether all came to their optimum.
fn measure(folder: &Path, repeats: usize) -> Result<bool, Failure> {
    let runtime = PathBuf::from(std::env::var_os("INSTINCT_RUNTIME_DIR").unwrap_or_else(|| "runtime".into()));
    let solvers = solver::open(&Config::default(), &runtime)?;
    solvers.ready(Name::Highs)?;
    let limits = Limits { time: Duration::from_secs(60), memory_bytes: 2 << 30, nodes: None, gap: 1e-6 };
    let (optima, mut right, mut total) = (optima(folder)?, true, [0.0, 0.0]);
    println!(
        "{:<12} {:>7} {:>7} {:>8} {:>20} {:>9} {:>10} {:>10}",
        "name", "columns", "rows", "terms", "objective", "off by", "worker ms", "alone ms"
    );
    for file in files(folder)? {
        let program = mps::read(&unpacked(&file)?)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().split('.').next().unwrap_or_default().to_owned();
        let mut runs: [Option<Run>; 2] = [None, None];
        for repeat in 0..repeats * 2 {
            // Each way goes first as often as the other.
            let way = (repeat + repeat / 2) % 2;
            let begin = Instant::now();
            let solution = match way {
                0 => solvers.solve(&program, &limits, &Cancel::default())?,
                _ => solvers.solve_unguarded(&program, &limits)?,
            };
            let ms = begin.elapsed().as_secs_f64() * 1e3;
            if runs[way].as_ref().is_none_or(|run| ms < run.ms) {
                runs[way] = Some(Run { solution, ms });
            }
        }
        let [Some(worker), Some(alone)] = runs else { return Err("nothing was measured".into()) };
        let off = off_by(&worker.solution, optima.get(&name).copied());
        right &= off.is_some_and(|off| off <= if program.columns.iter().any(|c| c.integer) { WITHIN.1 } else { WITHIN.0 });
        total = [total[0] + worker.ms, total[1] + alone.ms];
        row(&name, &program, off, [&worker, &alone]);
    }
    println!(
        "worker {:.0} ms, alone {:.0} ms, ratio {:.3}; {}",
        total[0],
        total[1],
        total[0] / total[1],
        if right { "all right" } else { "NOT ALL RIGHT" }
    );
    Ok(right)
}

fn row(name: &str, program: &Program, off: Option<f64>, [worker, alone]: [&Run; 2]) {
    let terms: usize = program.rows.iter().map(|row| row.terms.len()).sum();
    let objective =
        worker.solution.objective.map_or_else(|| format!("{:?}", worker.solution.status), |value| format!("{value:.9e}"));
    let off = off.map_or_else(|| "unknown".to_owned(), |off| format!("{off:.1e}"));
    let (columns, rows) = (program.columns.len(), program.rows.len());
    println!("{name:<12} {columns:>7} {rows:>7} {terms:>8} {objective:>20} {off:>9} {:>10.2} {:>10.2}", worker.ms, alone.ms);
}

fn off_by(solution: &Solution, wanted: Option<f64>) -> Option<f64> {
    let (objective, wanted) = (solution.objective.filter(|_| solution.status == SolveStatus::Optimal)?, wanted?);
    Some((objective - wanted).abs() / wanted.abs().max(1.0))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "gz" || extension == "mps"));
    files.sort();
    Ok(files)
}

fn unpacked(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = fs::read(file)?;
    if file.extension().is_some_and(|extension| extension != "gz") {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(&*bytes).read_to_end(&mut text)?;
    Ok(text)
}

fn optima(folder: &Path) -> Result<BTreeMap<String, f64>, Failure> {
    let listed = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("optima") && name.ends_with(".csv")
    };
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    let path = entries.iter().find(|path| listed(path)).ok_or("the folder has no optima*.csv")?;
    let mut reader = csv::Reader::from_path(path)?;
    let headers = reader.headers()?.clone();
    let column =
        |name: &str| headers.iter().position(|header| header == name).ok_or(format!("{} has no column {name}", path.display()));
    let (name, objective) = (column("name")?, column("objective")?);
    let mut optima = BTreeMap::new();
    for record in reader.records() {
        let record = record?;
        optima.insert(record.get(name).unwrap_or_default().to_owned(), record.get(objective).unwrap_or_default().parse()?);
    }
    Ok(optima)
}
