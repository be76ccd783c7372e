//! NR-05: which share of trades is wash trading.

mod round_trips;
#[cfg(test)]
mod tests;

use super::plot;
use super::setting;
use super::tabular::{doubt, labels, last_of_each, left_out, pair, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::prevalence::{Prevalence, Validation, rogan_gladen};
use crate::stats::proportion::design_effect;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The prevalence of wash trading. Its frame `trades` has `trade`, `time`, `buyer`, `seller`, `quantity` and `price`; its frame
/// `links`, which it can do without, has `account` and `owner`, accounts of one owner being linked. A trade is flagged where
/// buyer and seller are linked and it is part of a round trip: a run of such trades of one owner within a window of time after
/// which each of its accounts holds what it held before (Victor and Weintraud 2021, "Detecting and quantifying wash trading on
/// decentralized cryptocurrency exchanges", section 4). The share of flagged trades is corrected for what the rule misses and for
/// its false alarms by how it did on trades that people looked into.
#[derive(Debug, Clone, Copy)]
pub struct WashTrades;

struct Settings {
    window_minutes: f64,
    tolerance: f64,
    longest_run: usize,
    validation: Validation,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        let counts = ["validated_wash", "validated_wash_found", "validated_clean", "validated_clean_left"];
        setting::only(given, &[&["window_minutes", "tolerance", "longest_run", "level"][..], &counts].concat())?;
        let count = |at: usize, default: f64| setting::number(given, counts[at], default, 0.0..=1e9);
        let validation = Validation {
            positives: count(0, 200.0)?,
            found: count(1, 200.0)?,
            negatives: count(2, 200.0)?,
            cleared: count(3, 200.0)?,
        };
        for (part, whole, name) in
            [(validation.found, validation.positives, counts[1]), (validation.cleared, validation.negatives, counts[3])]
        {
            if part > whole || whole < 1.0 {
                return Err(FieldError::new(format!("/{name}"), format!("{part} of {whole} is no share")));
            }
        }
        Ok(Self {
            window_minutes: setting::number(given, "window_minutes", 60.0, 0.01..=43_200.0)?,
            tolerance: setting::number(given, "tolerance", 0.01, 0.0..=0.5)?,
            longest_run: setting::whole(given, "longest_run", 12, 2..=64)? as usize,
            validation,
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
        })
    }
}

/// One trade with its accounts by number.
struct Trade {
    at: Timestamp,
    buyer: usize,
    seller: usize,
    quantity: f64,
    notional: f64,
}

/// The trades in order of time, and whose the accounts are.
struct Trades {
    list: Vec<Trade>,
    /// The owner of each account by number; an account without a link is its own owner.
    owner: Vec<usize>,
    owners: Vec<Arc<str>>,
    told: Vec<String>,
}

impl Method for WashTrades {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let trades = Trades::read(input.frame("trades")?, input.frame("links").ok(), input.as_of)?;
        let (flagged, trips) = flags(&trades, &settings, run)?;
        let count = flagged.iter().filter(|flag| **flag).count() as f64;
        let all = trades.list.len() as f64;
        // Trades of one owner are alike: the interval counts with as many independent trades as they are worth.
        let mut clusters: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for (trade, flag) in trades.list.iter().zip(&flagged) {
            let of = clusters.entry(trades.owner[trade.buyer]).or_default();
            of.0 += f64::from(u8::from(*flag));
            of.1 += 1.0;
        }
        let effect = if clusters.len() > 1 { design_effect(&clusters.values().copied().collect::<Vec<_>>())? } else { 1.0 };
        let worth = (all / effect).max(1.0);
        let found = rogan_gladen(count / all * worth, worth, &settings.validation, settings.level)?;
        let self_matched = trades.list.iter().filter(|trade| trades.owner[trade.buyer] == trades.owner[trade.seller]).count();
        let value = values(&found, &trades, &flagged, (effect, trips, self_matched));
        let mut doubts = Vec::new();
        if found.cut {
            doubts.push(doubt(Confidence::Medium, "No more trades were flagged than false alarms explain."));
        }
        if worth < 100.0 {
            doubts.push(doubt(Confidence::Low, "The trades are worth fewer than 100 independent ones."));
        }
        Ok(Fitted {
            values: value.as_object().cloned().unwrap_or_default(),
            observations: trades.list.len() as u64,
            window: window(trades.list.iter().map(|trade| trade.at)),
            doubts,
            chart: Some(chart(&trades, &flagged)),
            told: trades.told,
        })
    }
}

impl Trades {
    fn read(frame: &Frame, links: Option<&Frame>, as_of: Timestamp) -> Result<Self, FitFault> {
        let (ids, times) = (labels(frame, "trade")?, frame.times("time")?);
        let (buyers, sellers) = (labels(frame, "buyer")?, labels(frame, "seller")?);
        let (quantities, prices) = (frame.numbers("quantity")?, frame.numbers("price")?);
        let mut told = Vec::new();
        let kept = last_of_each(ids.iter().cloned());
        kept.tell("trade", &mut told);
        let mut accounts: HashMap<Arc<str>, usize> = HashMap::new();
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut number = |name: &Arc<str>| {
            *accounts.entry(Arc::clone(name)).or_insert_with(|| {
                names.push(Arc::clone(name));
                names.len() - 1
            })
        };
        let (mut list, mut wrong) = (Vec::new(), 0);
        for row in kept.rows {
            match (times[row].filter(|at| *at <= as_of), &buyers[row], &sellers[row]) {
                (Some(at), Some(buyer), Some(seller)) if quantities[row] > 0.0 && prices[row] > 0.0 => {
                    let notional = quantities[row] * prices[row];
                    list.push(Trade { at, buyer: number(buyer), seller: number(seller), quantity: quantities[row], notional });
                }
                _ => wrong += 1,
            }
        }
        left_out(&mut told, wrong, "time, buyer or seller is missing, or quantity or price is not above 0");
        if list.is_empty() {
            return Err(FitFault::NoData("trades".to_owned()));
        }
        list.sort_by_key(|trade| trade.at);
        let (owner, owners) = owners(links, &accounts, names, &mut told)?;
        Ok(Self { list, owner, owners, told })
    }
}

/// The owner of each account, and their names.
fn owners(
    links: Option<&Frame>,
    accounts: &HashMap<Arc<str>, usize>,
    names: Vec<Arc<str>>,
    told: &mut Vec<String>,
) -> Result<(Vec<usize>, Vec<Arc<str>>), FitFault> {
    let mut of_account: Vec<usize> = (0..names.len()).collect();
    let mut owners = names;
    let Some(links) = links else {
        told.push("No links between accounts are known, so that only accounts that trade with themselves are found.".to_owned());
        return Ok((of_account, owners));
    };
    let (linked, named) = (labels(links, "account")?, labels(links, "owner")?);
    let kept = last_of_each(linked.iter().cloned());
    kept.tell("account of a link", told);
    let mut known: HashMap<Arc<str>, usize> = HashMap::new();
    for row in kept.rows {
        let (Some(account), Some(owner)) = (&linked[row], &named[row]) else { continue };
        if let Some(&account) = accounts.get(account) {
            of_account[account] = *known.entry(Arc::clone(owner)).or_insert_with(|| {
                owners.push(Arc::clone(owner));
                owners.len() - 1
            });
        }
    }
    Ok((of_account, owners))
}

/// Which trades are flagged, and how many round trips there are.
fn flags(trades: &Trades, settings: &Settings, run: &FitRun<'_>) -> Result<(Vec<bool>, usize), StatsError> {
    let mut by_owner: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, trade) in trades.list.iter().enumerate() {
        let owner = trades.owner[trade.buyer];
        if owner == trades.owner[trade.seller] {
            by_owner.entry(owner).or_default().push(at);
        }
    }
    let rule = round_trips::Rule {
        window_micros: (settings.window_minutes * 60e6) as i64,
        tolerance: settings.tolerance,
        longest_run: settings.longest_run,
    };
    let (mut flagged, mut trips) = (vec![false; trades.list.len()], 0);
    for rows in by_owner.values() {
        if (run.stop)() {
            return Err(StatsError::Stopped);
        }
        let list: Vec<round_trips::Passed> = rows
            .iter()
            .map(|&at| &trades.list[at])
            .map(|t| round_trips::Passed { at_micros: t.at.as_micros(), buyer: t.buyer, seller: t.seller, quantity: t.quantity })
            .collect();
        for trip in rule.find(&list) {
            trips += 1;
            trip.for_each(|at| flagged[rows[at]] = true);
        }
    }
    Ok((flagged, trips))
}

fn values(found: &Prevalence, trades: &Trades, flagged: &[bool], (effect, trips, self_matched): (f64, usize, usize)) -> Value {
    let volume = |only: bool| -> f64 {
        trades.list.iter().zip(flagged).filter(|(_, flag)| **flag || !only).map(|(trade, _)| trade.notional).sum()
    };
    let owners: Vec<Value> = top(trades, flagged)
        .into_iter()
        .take(10)
        .map(|(name, count, notional)| json!({"owner": name, "trades": count, "notional": notional}))
        .collect();
    json!({
        "prevalence": found.corrected.estimate,
        "prevalence_interval": pair(found.corrected.interval),
        "prevalence_standard_error": found.standard_error,
        "flagged_share": found.apparent.estimate,
        "flagged_share_interval": pair(found.apparent.interval),
        "flagged_trades": flagged.iter().filter(|flag| **flag).count(),
        "flagged_volume": volume(true),
        "flagged_volume_share": volume(true) / volume(false),
        "round_trips": trips,
        "self_matched_trades": self_matched,
        "trades": trades.list.len(),
        "volume": volume(false),
        "design_effect": effect,
        "sensitivity": found.sensitivity.estimate,
        "sensitivity_interval": pair(found.sensitivity.interval),
        "specificity": found.specificity.estimate,
        "specificity_interval": pair(found.specificity.interval),
        "top_owners": owners,
    })
}

/// Owners by flagged trades, the most first, with their notional.
fn top(trades: &Trades, flagged: &[bool]) -> Vec<(Arc<str>, usize, f64)> {
    let mut by: BTreeMap<usize, (usize, f64)> = BTreeMap::new();
    for (trade, _) in trades.list.iter().zip(flagged).filter(|(_, flag)| **flag) {
        let of = by.entry(trades.owner[trade.buyer]).or_default();
        *of = (of.0 + 1, of.1 + trade.notional);
    }
    let mut list: Vec<_> =
        by.into_iter().map(|(owner, (count, notional))| (Arc::clone(&trades.owners[owner]), count, notional)).collect();
    list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list
}

fn chart(trades: &Trades, flagged: &[bool]) -> Value {
    let mut days: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (trade, flag) in trades.list.iter().zip(flagged) {
        let day = days.entry(trade.at.to_string().chars().take(10).collect()).or_default();
        *day = (day.0 + f64::from(u8::from(*flag)), day.1 + 1.0);
    }
    let skip = days.len().saturating_sub(plot::POINTS_MAX);
    let (names, shares): (Vec<String>, Vec<f64>) =
        days.into_iter().skip(skip).map(|(day, (flags, all))| (day, 100.0 * flags / all)).unzip();
    plot::chart(vec![plot::bars("flagged", &names, &shares, None)], "Trades flagged as wash trading", "day", "share of trades, %")
}
