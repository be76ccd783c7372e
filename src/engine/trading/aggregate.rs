//! From what the agents say to one decision: the weighted majority of the signals (Littlestone and Warmuth, "The Weighted Majority
//! Algorithm", Information and Computation, 1994), with conviction to break ties, under the veto of risk.
//!
//! What it rests on:
//! - agents that abstained are not asked; fewer than the quorum make an abstention, never a default;
//! - the signal with the most weight wins, whatever the convictions; of two with the same weight the one whose weights times convictions
//!   are more, and where these are the same too the opinions cancel out, which is an abstention;
//! - a winner of which nobody is sure enough is an abstention: an agent that is hardly better than a coin breaks ties and decides nothing;
//! - the conviction is the share of all weight that agrees, times how sure it is, times the size that risk leaves;
//! - a veto wins over all of this: the decision is then the signal 0, with the reason.

use super::opinion::{Abstention, Opinion};
use super::risk::RiskView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Weights that differ by less are the same.
const SAME: f64 = 1e-9;

/// How opinions are weighed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The weight of each agent's vote by its name, from 0; an agent that is not named has 1.
    pub weights: BTreeMap<String, f64>,
    /// Least opinions that make a decision, from 1. Risk gives none.
    pub quorum: usize,
    /// Least conviction, 0 to 1, that one of those who agree must have.
    pub conviction_min: f64,
    /// The file of a classifier that decides in place of the vote, beside the strategies; the vote where absent.
    pub classifier: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let weights = [("news_sentiment".to_owned(), 0.7), ("market_context".to_owned(), 0.3)].into();
        Self { weights, quorum: 1, conviction_min: 0.1, classifier: None }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The name of the first that is out of it, and the rule.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !self.weights.values().all(|weight| weight.is_finite() && *weight >= 0.0) {
            return Err(("weights", "each must be 0 or more"));
        }
        if self.quorum == 0 {
            return Err(("quorum", "it must be 1 or more"));
        }
        if !(0.0..=1.0).contains(&self.conviction_min) {
            return Err(("conviction_min", "it must be 0 to 1"));
        }
        Ok(())
    }

    fn weight_of(&self, name: &str) -> f64 {
        self.weights.get(name).copied().unwrap_or(1.0)
    }
}

/// What one agent votes.
#[derive(Debug, Clone, Copy)]
pub struct Vote<'a> {
    /// Which agent.
    pub name: &'a str,
    /// What it thinks.
    pub opinion: &'a Opinion,
}

/// What the agents decide together.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// 1, 0 or −1.
    pub signal: i8,
    /// How sure, 0 to 1.
    pub conviction: f64,
    /// Who decided, and why.
    pub reasoning: String,
    /// Whether risk forbade what the agents would have decided.
    pub vetoed: bool,
}

/// The votes for one signal.
#[derive(Debug, Default)]
struct Side<'a> {
    weight: f64,
    sure: f64,
    votes: Vec<Vote<'a>>,
}

/// Decides on the opinions that there are, in any order. `risk` is absent where that agent abstained.
///
/// # Errors
/// [`Abstention`] where there are too few opinions, they cancel out, or none of those who win is sure enough.
pub fn aggregate(config: &Config, votes: &[Vote<'_>], risk: Option<&RiskView>) -> Result<Verdict, Abstention> {
    under(risk, || voted(config, votes))
}

fn voted(config: &Config, votes: &[Vote<'_>]) -> Result<Verdict, Abstention> {
    enough(config.quorum, votes.len())?;
    let (signal, side, all) = majority(config, votes)?;
    let surest = side.votes.iter().map(|vote| vote.opinion.conviction).fold(0.0, f64::max);
    if surest < config.conviction_min {
        let least = config.conviction_min;
        let detail = format!("{} would decide, but none with a conviction of {least}; the surest has {surest:.2}", names(&side));
        return Err(Abstention::new(detail));
    }
    Ok(Verdict { signal, conviction: side.sure / all, reasoning: told(signal, &side, votes), vetoed: false })
}

/// Puts what `decide` says under the veto and the size of risk, which is absent where that agent abstained.
///
/// # Errors
/// The [`Abstention`] of `decide`.
pub(super) fn under(
    risk: Option<&RiskView>,
    decide: impl FnOnce() -> Result<Verdict, Abstention>,
) -> Result<Verdict, Abstention> {
    // What nothing may be initiated on needs no opinions.
    if let Some(why) = risk.and_then(|view| view.veto.as_deref()) {
        return Ok(vetoed(why, None));
    }
    let Verdict { signal, conviction, reasoning, vetoed: _ } = decide()?;
    if let Some(why) = risk.and_then(|view| view.forbids(signal)) {
        return Ok(vetoed(why, Some(&reasoning)));
    }
    let size = risk.map_or(1.0, |view| view.size_factor);
    let reasoning = if size < 1.0 { format!("{reasoning} Risk leaves {size:.2} of the size.") } else { reasoning };
    Ok(Verdict { signal, conviction: (conviction * size).clamp(0.0, 1.0), reasoning, vetoed: false })
}

/// Checks that there are as many opinions as a decision needs.
///
/// # Errors
/// [`Abstention`] where there are fewer.
pub(super) fn enough(quorum: usize, given: usize) -> Result<(), Abstention> {
    let needed = quorum.max(1);
    if given < needed {
        let told = match given {
            0 => "no agent has an opinion".to_owned(),
            given => format!("{given} of the {needed} opinions that are needed were given"),
        };
        return Err(Abstention::new(told));
    }
    Ok(())
}

/// A signal in words.
pub(super) fn outcome(signal: i8) -> &'static str {
    match signal {
        1 => "a rise",
        -1 => "a fall",
        _ => "neither a rise nor a fall",
    }
}

/// The signal with the most weight, those who vote for it, and the weight of all.
fn majority<'a>(config: &Config, votes: &[Vote<'a>]) -> Result<(i8, Side<'a>, f64), Abstention> {
    let mut sides: BTreeMap<i8, Side<'a>> = BTreeMap::new();
    let mut sorted = votes.to_vec();
    // A sum of floats depends on its order, and what is decided must not depend on who answered first.
    sorted.sort_by(|a, b| a.name.cmp(b.name).then(a.opinion.conviction.total_cmp(&b.opinion.conviction)));
    for vote in sorted {
        let (weight, side) = (config.weight_of(vote.name), sides.entry(vote.opinion.signal.signum()).or_default());
        side.weight += weight;
        side.sure += weight * vote.opinion.conviction;
        side.votes.push(vote);
    }
    let all: f64 = sides.values().map(|side| side.weight).sum();
    if all < SAME {
        return Err(Abstention::new("none of those who have an opinion has a weight"));
    }
    let most = sides.values().map(|side| side.weight).fold(0.0, f64::max);
    sides.retain(|_, side| most - side.weight < SAME);
    let surest = sides.values().map(|side| side.sure).fold(0.0, f64::max);
    sides.retain(|_, side| surest - side.sure < SAME);
    match (sides.len(), sides.pop_first()) {
        (1, Some((signal, side))) => Ok((signal, side, all)),
        _ => Err(Abstention::new("the opinions cancel out")),
    }
}

fn names(side: &Side<'_>) -> String {
    side.votes.iter().map(|vote| vote.name).collect::<Vec<_>>().join(" and ")
}

/// Who decided what, why, and who saw it differently.
fn told(signal: i8, side: &Side<'_>, votes: &[Vote<'_>]) -> String {
    let what = outcome(signal);
    let reasons: Vec<String> =
        side.votes.iter().map(|vote| format!("{}: {}", vote.name, vote.opinion.reasoning.trim_end_matches('.'))).collect();
    let mut against: Vec<&str> = votes.iter().filter(|v| v.opinion.signal.signum() != signal).map(|v| v.name).collect();
    against.sort_unstable();
    let against = if against.is_empty() { String::new() } else { format!(" Against: {}.", against.join(", ")) };
    format!("{what}, by {} of {}. {}.{against}", side.votes.len(), votes.len(), reasons.join("; "))
}

/// The decision that initiates nothing. A veto is a rule and no estimate, so it is sure.
fn vetoed(why: &str, instead_of: Option<&str>) -> Verdict {
    let instead = instead_of.map_or(String::new(), |said| format!(". Without it: {said}"));
    Verdict { signal: 0, conviction: 1.0, reasoning: format!("vetoed by risk: {why}{instead}"), vetoed: true }
}

#[cfg(test)]
mod tests;
