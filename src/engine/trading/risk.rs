//! Risk, the local way: what the caller's book allows. It can forbid and make smaller; it never initiates, so its signal is always 0.
//!
//! Size follows volatility: a position of the same size is a larger bet when prices move more, so it is scaled by the target over the realised
//! volatility and never above one (Moreira and Muir, "Volatility-Managed Portfolios", Journal of Finance, 2017).

use super::market_context::realised_volatility;
use super::opinion::{Abstention, Opinion};
use crate::domain::market::{Instrument, Series};
use crate::domain::request::Market;
use crate::domain::risk::{Impact, Limits, Risk, ScheduledEvent};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How risk is judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Annualised volatility up to which a position has its whole size, above 0: 0.6 is sixty per cent a year.
    pub target_volatility: f64,
    /// Seconds before an event of high impact from which nothing is initiated.
    pub event_veto_before_sec: u32,
    /// Seconds after an event of high impact until which nothing is initiated.
    pub event_veto_after_sec: u32,
    /// Seconds before an event of high impact from which size is smaller. One of medium impact makes it smaller where one of high impact
    /// would forbid.
    pub event_lower_before_sec: u32,
    /// By what size is multiplied near an event, 0 to 1.
    pub event_factor: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target_volatility: 0.6,
            event_veto_before_sec: 3_600,
            event_veto_after_sec: 1_800,
            event_lower_before_sec: 24 * 3_600,
            event_factor: 0.5,
        }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The name of the first that is out of it, and the rule.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(self.target_volatility.is_finite() && self.target_volatility > 0.0) {
            return Err(("target_volatility", "it must be above 0"));
        }
        if !(0.0..=1.0).contains(&self.event_factor) {
            return Err(("event_factor", "it must be 0 to 1"));
        }
        Ok(())
    }
}

/// What the agent looks at.
#[derive(Debug, Clone, Copy)]
pub struct Book<'a> {
    /// What the decision is for, where that is known.
    pub instrument: Option<&'a Instrument>,
    /// Its past.
    pub series: Option<&'a Series>,
    /// The caller's positions, prices, limits and events.
    pub market: &'a Market,
    /// The moment that the decision is for.
    pub as_of: Timestamp,
}

/// What the book allows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskView {
    /// Why nothing may be initiated.
    pub veto: Option<String>,
    /// Why nothing may be initiated that a rise is expected of; a fall may be.
    pub veto_up: Option<String>,
    /// Why nothing may be initiated that a fall is expected of; a rise may be.
    pub veto_down: Option<String>,
    /// By what a position is to be multiplied, 0 to 1.
    pub size_factor: f64,
    /// What was looked at, and what could not be.
    pub reasoning: String,
}

impl RiskView {
    /// Why a signal may not be acted on; `None` where it may, and for the signal 0, which initiates nothing, where nothing at all is forbidden.
    pub fn forbids(&self, signal: i8) -> Option<&str> {
        let one_way = match signal {
            1 => self.veto_up.as_deref(),
            -1 => self.veto_down.as_deref(),
            _ => None,
        };
        self.veto.as_deref().or(one_way)
    }

    /// The view as an opinion: never a signal, and as sure as it makes a position smaller.
    pub fn opinion(&self) -> Opinion {
        let conviction = if self.veto.is_some() { 1.0 } else { 1.0 - self.size_factor };
        Opinion { signal: 0, conviction, reasoning: self.reasoning.clone() }
    }
}

/// What is being put together of a view.
#[derive(Debug, Default)]
struct Draft {
    vetoes: Vec<String>,
    up: Vec<String>,
    down: Vec<String>,
    notes: Vec<String>,
    factor: Option<f64>,
}

impl Draft {
    fn lower(&mut self, factor: f64) {
        self.factor = Some(self.factor.unwrap_or(1.0) * factor);
    }

    /// Forbids what would make a holding larger; of one that isn't known, both ways.
    fn no_more(&mut self, held: Option<f64>, why: &str) {
        let held = held.unwrap_or(0.0);
        if held >= 0.0 {
            self.up.push(why.to_owned());
        }
        if held <= 0.0 {
            self.down.push(why.to_owned());
        }
    }
}

/// What the book allows as of the moment of the decision.
///
/// # Errors
/// [`Abstention`] where the request says nothing of risk and there are no bars to measure volatility by.
pub fn assess(config: &Config, book: &Book<'_>) -> Result<RiskView, Abstention> {
    let risk = &book.market.risk;
    let measured = book.instrument.map(|instrument| realised_volatility(instrument, book.series, book.as_of));
    let volatility = measured.unwrap_or_else(|| Err(Abstention::new("no instrument is named")));
    if let (true, Err(error)) = (risk.is_empty(), &volatility) {
        return Err(Abstention::new(format!("the request gives neither limits nor events, and {error}")));
    }
    let mut draft = Draft::default();
    halted(&mut draft, risk, book.instrument);
    daily_loss(&mut draft, risk);
    position(&mut draft, book, &risk.limits);
    exposure(&mut draft, book, risk);
    for event in &risk.events {
        scheduled(&mut draft, config, event, book.as_of);
    }
    match volatility {
        Ok(volatility) => sized(&mut draft, config, volatility),
        Err(error) => draft.notes.push(format!("size is not scaled by volatility: {error}")),
    }
    Ok(view(draft))
}

fn view(draft: Draft) -> RiskView {
    let Draft { vetoes, up, down, notes, factor } = draft;
    let joined = |reasons: &[String]| (!reasons.is_empty()).then(|| reasons.join("; "));
    let said = |what: &str, reasons: &[String]| joined(reasons).map(|reasons| format!("{what}: {reasons}"));
    let size_factor = factor.unwrap_or(1.0).clamp(0.0, 1.0);
    let parts = [
        said("nothing may be initiated", &vetoes),
        said("nothing that gains from a rise", &up),
        said("nothing that gains from a fall", &down),
        Some(format!("size times {size_factor:.2}")),
        joined(&notes),
    ];
    let reasoning = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    RiskView { veto: joined(&vetoes), veto_up: joined(&up), veto_down: joined(&down), size_factor, reasoning }
}

fn halted(draft: &mut Draft, risk: &Risk, instrument: Option<&Instrument>) {
    match instrument {
        Some(instrument) if risk.halted.iter().any(|name| name.eq_ignore_ascii_case(instrument.as_str())) => {
            draft.vetoes.push(format!("{instrument} is halted"));
        }
        None if !risk.halted.is_empty() => {
            draft.notes.push("whether it is halted can't be told: no instrument is named".to_owned())
        }
        _ => {}
    }
}

fn daily_loss(draft: &mut Draft, risk: &Risk) {
    match (risk.limits.max_daily_loss, risk.daily_pnl) {
        (Some(limit), Some(pnl)) if pnl < 0.0 && -pnl >= limit => {
            draft.vetoes.push(format!("the day's loss of {} has reached its limit of {limit}", -pnl));
        }
        (Some(_), None) => draft.notes.push("max_daily_loss can't be checked without daily_pnl".to_owned()),
        _ => {}
    }
}

fn position(draft: &mut Draft, book: &Book<'_>, limits: &Limits) {
    let Some(limit) = limits.max_position else { return };
    let held = book.instrument.and_then(|instrument| book.market.position_of(instrument));
    let last = || Some(book.series?.until(book.as_of).last()?.close());
    let price = book.instrument.and_then(|instrument| book.market.price_of(instrument)).or_else(last);
    match (held, price) {
        (Some(held), _) if held == 0.0 && limit > 0.0 => {}
        (Some(held), Some(price)) => {
            let value = (held * price).abs();
            if value >= limit {
                draft.no_more(Some(held), &format!("the position of {value:.2} has reached its limit of {limit}"));
            }
        }
        _ => draft.notes.push("max_position can't be checked without the position and a price".to_owned()),
    }
}

fn exposure(draft: &mut Draft, book: &Book<'_>, risk: &Risk) {
    let held = book.instrument.and_then(|instrument| book.market.position_of(instrument));
    let Limits { max_gross, max_leverage, .. } = risk.limits;
    match (max_gross, risk.gross_exposure) {
        (Some(limit), Some(gross)) if gross >= limit => {
            draft.no_more(held, &format!("the gross exposure of {gross} has reached its limit of {limit}"));
        }
        (Some(_), None) => draft.notes.push("max_gross can't be checked without gross_exposure".to_owned()),
        _ => {}
    }
    match (max_leverage, risk.gross_exposure, risk.equity) {
        (Some(limit), Some(gross), Some(equity)) if gross >= limit * equity => {
            draft.no_more(held, &format!("the leverage of {:.2} has reached its limit of {limit}", gross / equity));
        }
        (Some(_), gross, equity) if gross.is_none() || equity.is_none() => {
            draft.notes.push("max_leverage can't be checked without gross_exposure and equity".to_owned());
        }
        _ => {}
    }
}

fn scheduled(draft: &mut Draft, config: &Config, event: &ScheduledEvent, as_of: Timestamp) {
    let ahead_sec = event.at.millis_since(as_of).div_euclid(1_000);
    let close = (-i64::from(config.event_veto_after_sec)..=i64::from(config.event_veto_before_sec)).contains(&ahead_sec);
    let near = close || (0..=i64::from(config.event_lower_before_sec)).contains(&ahead_sec);
    let told = format!("{} ({:?} impact) at {}", event.name, event.impact, event.at);
    match event.impact {
        Impact::High if close => draft.vetoes.push(told),
        Impact::High if near => {
            draft.lower(config.event_factor);
            draft.notes.push(format!("smaller before {told}"));
        }
        Impact::Medium if close => {
            draft.lower(config.event_factor);
            draft.notes.push(format!("smaller around {told}"));
        }
        _ => {}
    }
}

fn sized(draft: &mut Draft, config: &Config, volatility: f64) {
    if volatility > config.target_volatility {
        draft.lower(config.target_volatility / volatility);
    }
    let (realised, target) = (100.0 * volatility, 100.0 * config.target_volatility);
    draft.notes.push(format!("volatility {realised:.0}% a year, whole size up to {target:.0}%"));
}

#[cfg(test)]
mod tests;
