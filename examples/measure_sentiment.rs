//! How News Sentiment does on labelled text it was not trained on, by the code and the embedder that serve.
//!
//! `cargo run --release --example measure_sentiment -- FILE.csv [--json]`. The file has the columns `text` and `label`; labels are
//! `up`, `neutral` and `down`, or `positive`, `neutral` and `negative`.

use clap::Parser;
use instinct::domain::deadline::Deadline;
use instinct::domain::text::FreshText;
use instinct::embed;
use instinct::engine::trading::sentiment::{Assessment, NewsSentiment, Probabilities};
use instinct::eval::statistics::Rate;
use serde::Serialize;
use std::error::Error;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How News Sentiment does on labelled text.
#[derive(Debug, Parser)]
struct Arguments {
    /// CSV with the columns `text` and `label`.
    file: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// The folder with ONNX Runtime and the models.
    #[arg(long, default_value = "runtime")]
    runtime_dir: PathBuf,
}

#[derive(serde::Deserialize)]
struct Row {
    text: String,
    label: String,
}

/// One text with what was made of it.
struct Judged {
    truth: i8,
    assessment: Assessment,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Measured {
    texts: usize,
    /// The likeliest outcome taken however unlikely it is.
    forced: Rate,
    /// Of those with an opinion.
    answered: Rate,
    coverage: Rate,
    lexicon_alone: Rate,
    most_common_label: Rate,
    macro_f1: f64,
    /// Of the likeliest outcome, ten bins of equal width (Guo et al., 2017).
    expected_calibration_error: f64,
    /// Sum over the three outcomes (Brier, 1950): 0 is best, 2 is worst.
    brier: f64,
    log_loss: f64,
    /// Rows are labels, columns are the likeliest outcomes, both in the order down, neutral, up.
    confusion: [[u64; 3]; 3],
    /// Median microseconds of lexicon and head; the embedder is not in it.
    assess_us: f64,
    optimised_build: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let embedder = embed::open(&embed::Config { workers: 1, runtime_dir: arguments.runtime_dir, ..embed::Config::default() })?;
    let agent = NewsSentiment::open(embedder.model(), embedder.dim())?;
    let (mut judged, mut times) = (Vec::new(), Vec::new());
    for row in csv::Reader::from_path(&arguments.file)?.deserialize() {
        let Row { text, label } = row?;
        let text = FreshText::new(&text)?;
        let vector = embedder.embed(&text, Deadline::after(Duration::from_secs(60))).await?.vector;
        let begun = Instant::now();
        let assessment = agent.assess(None, &text, &vector)?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
        judged.push(Judged { truth: sign(&label)?, assessment });
    }
    times.sort_by(f64::total_cmp);
    let measured = measure(&judged, times.get(times.len() / 2).copied().unwrap_or(0.0));
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&measured)?)?;
    } else {
        print(&measured, &mut out)?;
    }
    Ok(())
}

fn sign(label: &str) -> Result<i8, String> {
    match label {
        "up" | "positive" => Ok(1),
        "neutral" => Ok(0),
        "down" | "negative" => Ok(-1),
        other => Err(format!("there is no label {other:?}: up, neutral and down are known")),
    }
}

fn place(signal: i8) -> usize {
    match signal {
        -1 => 0,
        0 => 1,
        _ => 2,
    }
}

fn measure(judged: &[Judged], assess_us: f64) -> Measured {
    let rate = |right: &dyn Fn(&Judged) -> bool, of: &dyn Fn(&Judged) -> bool| {
        let of: Vec<_> = judged.iter().filter(|judged| of(judged)).collect();
        Rate::new(of.iter().filter(|judged| right(judged)).count() as u64, of.len() as u64)
    };
    let all = |_: &Judged| true;
    let best = |judged: &Judged| judged.assessment.probabilities.best();
    let opinion = |judged: &Judged| judged.assessment.opinion.is_ok();
    let mut confusion = [[0_u64; 3]; 3];
    for judged in judged {
        confusion[place(judged.truth)][place(best(judged).0)] += 1;
    }
    let most_common = [-1, 0, 1].into_iter().max_by_key(|sign| confusion[place(*sign)].iter().sum::<u64>()).unwrap_or(0);
    let texts = judged.len().max(1) as f64;
    Measured {
        texts: judged.len(),
        forced: rate(&|judged| best(judged).0 == judged.truth, &all),
        answered: rate(&|judged| best(judged).0 == judged.truth, &opinion),
        coverage: rate(&opinion, &all),
        lexicon_alone: rate(&|judged| judged.assessment.lean == judged.truth, &all),
        most_common_label: rate(&|judged| judged.truth == most_common, &all),
        macro_f1: macro_f1(&confusion),
        expected_calibration_error: calibration_error(judged),
        brier: judged.iter().map(brier).sum::<f64>() / texts,
        log_loss: judged.iter().map(|judged| -outcomes(judged)[place(judged.truth)].max(1e-12).ln()).sum::<f64>() / texts,
        confusion,
        assess_us,
        optimised_build: !cfg!(debug_assertions),
    }
}

fn outcomes(judged: &Judged) -> [f64; 3] {
    let Probabilities { up, neutral, down } = judged.assessment.probabilities;
    [down, neutral, up]
}

fn brier(judged: &Judged) -> f64 {
    let truth = place(judged.truth);
    outcomes(judged).into_iter().enumerate().map(|(i, p)| (p - f64::from(u8::from(i == truth))).powi(2)).sum()
}

fn calibration_error(judged: &[Judged]) -> f64 {
    let mut bins = [0.0_f64; 10];
    for judged in judged {
        let (signal, sure) = judged.assessment.probabilities.best();
        bins[((sure * 10.0) as usize).min(9)] += sure - f64::from(u8::from(signal == judged.truth));
    }
    bins.into_iter().map(f64::abs).sum::<f64>() / judged.len().max(1) as f64
}

fn macro_f1(confusion: &[[u64; 3]; 3]) -> f64 {
    let f1 = |class: usize| {
        let labelled: u64 = confusion[class].iter().sum();
        let told: u64 = confusion.iter().map(|row| row[class]).sum();
        2.0 * confusion[class][class] as f64 / (labelled + told).max(1) as f64
    };
    (0..3).map(f1).sum::<f64>() / 3.0
}

fn print(measured: &Measured, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{} texts; 95% Clopper-Pearson intervals", measured.texts)?;
    for (name, rate) in [
        ("News Sentiment, forced", &measured.forced),
        ("News Sentiment, where it answers", &measured.answered),
        ("  coverage", &measured.coverage),
        ("lexicon alone", &measured.lexicon_alone),
        ("most common label", &measured.most_common_label),
    ] {
        writeln!(
            out,
            "{name:34} {:.3}  {:.3} to {:.3}  ({} of {})",
            rate.rate.unwrap_or(0.0),
            rate.low,
            rate.high,
            rate.count,
            rate.of
        )?;
    }
    let Measured { macro_f1, expected_calibration_error, brier, log_loss, .. } = measured;
    writeln!(
        out,
        "macro F1 {macro_f1:.3}, ECE (10 bins) {expected_calibration_error:.3}, Brier {brier:.3}, log loss {log_loss:.3}"
    )?;
    writeln!(out, "label \\ outcome    down neutral      up")?;
    for (name, row) in ["down", "neutral", "up"].iter().zip(&measured.confusion) {
        writeln!(out, "{name:15} {:7} {:7} {:7}", row[0], row[1], row[2])?;
    }
    let build = if measured.optimised_build { "" } else { " (a build without optimisation)" };
    writeln!(out, "lexicon and head: {:.0} µs for a text, median{build}", measured.assess_us)
}
