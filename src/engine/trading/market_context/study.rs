//! The measurement that the convictions come from, to be run by hand over hourly bars in gzipped CSV files, `<name>_*.csv.gz` with the
//! columns time, open, high, low, close and volume, in a folder that `INSTINCT_TEST_BARS` names.

use super::*;
use crate::domain::market::{Bar, Series};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Where the years that set the convictions end.
const SPLIT: &str = "2024-01-01T00:00:00Z";

/// Hours between two samples.
const EVERY: usize = 6;

/// Samples that are worth one: four overlap in a day, and the instruments move together.
const WORTH_ONE: f64 = 8.0;

/// Samples of a fair coin that are mixed in.
const PRIOR: f64 = 250.0;

/// One moment: what was measured, and the log return of the 24 hours after it.
struct Sample {
    at: Timestamp,
    context: MarketContext,
    next: f64,
}

/// Bars by instrument and time; two files may share one.
fn bars_of(folder: &Path) -> BTreeMap<String, BTreeMap<Timestamp, Bar>> {
    let mut bars: BTreeMap<String, BTreeMap<Timestamp, Bar>> = BTreeMap::new();
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".csv.gz") else { continue };
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
        let of = bars.entry(stem.split('_').next().unwrap().to_owned()).or_default();
        for line in text.lines().skip(1) {
            let values: Vec<&str> = line.split(',').collect();
            let number = |i: usize| values[i].parse::<f64>().unwrap();
            let at = Timestamp::parse(&values[0].replace(' ', "T")).unwrap();
            of.insert(at, Bar::new(at, [number(1), number(2), number(3), number(4)], number(5)).unwrap());
        }
    }
    bars
}

fn samples(folder: &Path) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (name, bars) in bars_of(folder) {
        let (instrument, series) = (Instrument::new(&name).unwrap(), Series::new(3_600, bars.into_values().collect()).unwrap());
        let bars = series.bars();
        for i in (24 * 31..bars.len() - 24).step_by(EVERY) {
            let at = series.closes_at(&bars[i]);
            let Ok(context) = read(&instrument, Some(&series), at) else { continue };
            samples.push(Sample { at, context, next: (bars[i + 24].close() / bars[i].close()).ln() });
        }
    }
    samples
}

/// How many there are, and how often the sign that `call` gives was right.
fn right<'a>(samples: impl Iterator<Item = &'a Sample>, call: impl Fn(&Sample) -> f64) -> (usize, f64) {
    let called: Vec<bool> =
        samples.map(|s| call(s) * s.next).filter(|product| *product != 0.0).map(|product| product > 0.0).collect();
    (called.len(), called.iter().filter(|right| **right).count() as f64 / called.len().max(1) as f64)
}

/// The conviction that a share of right calls is worth.
fn conviction_of((n, share): (usize, f64)) -> f64 {
    let worth = n as f64 / WORTH_ONE;
    2.0 * (share - 0.5) * worth / (worth + PRIOR)
}

#[test]
#[ignore = "reads years of bars from the folder in INSTINCT_TEST_BARS; run by hand"]
fn the_convictions_are_those_that_the_bars_of_2020_to_2023_are_worth() {
    let folder = std::env::var("INSTINCT_TEST_BARS").unwrap();
    let samples = samples(Path::new(&folder));
    let split = Timestamp::parse(SPLIT).unwrap();
    let known = |s: &&Sample| s.at.plus_seconds(24 * 3_600) < split;
    let later = |s: &&Sample| s.at >= split;
    let said = |s: &Sample| s.context.opinion().map_or(0.0, |opinion| f64::from(opinion.signal));
    for (years, of) in [("2020-2023", &known as &dyn Fn(&&Sample) -> bool), ("2024-", &later)] {
        let all = || samples.iter().filter(|s| of(s));
        println!("{years}: {} samples", all().count());
        println!("  always up          {:?}", right(all(), |_| 1.0));
        println!("  the week's trend   {:?}", right(all(), |s| s.context.trend));
        println!("  the day's reversal {:?}", right(all(), |s| -s.context.day_deviations));
        println!("  the agent          {:?}", right(all(), said));
        for regime in [VolatilityRegime::Calm, VolatilityRegime::Normal, VolatilityRegime::High] {
            let within = all().filter(|s| s.context.regime.volatility == Some(regime));
            let found = right(within, said);
            println!("  the agent, {regime:?}: {found:?}, worth a conviction of {:.3}", conviction_of(found));
        }
        for (from, to) in [(0.25, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 2.0), (2.0, 99.0)] {
            let within = all().filter(|s| (from..to).contains(&s.context.day_deviations.abs()));
            println!("  the agent, a move of {from} to {to}: {:?}", right(within, said));
        }
    }
    let of = |regime| right(samples.iter().filter(known).filter(|s| s.context.regime.volatility == Some(regime)), said);
    for (regime, conviction) in
        [(VolatilityRegime::Calm, CONVICTION), (VolatilityRegime::Normal, CONVICTION), (VolatilityRegime::High, CONVICTION_HIGH)]
    {
        let worth = conviction_of(of(regime));
        assert!((worth - conviction).abs() < 0.01, "{regime:?}: {worth} is not {conviction}");
    }
}
