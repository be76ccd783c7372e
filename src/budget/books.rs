//! What was counted so far, and what follows from it: the ledger's state, changed by one outcome at a time and by nothing else.
//!
//! Proof and alarm are kept apart. A **proof** widens what is served: it counts samples of near candidates, served or not, and is made
//! only at looks that are planned ahead, each with its own share of the level, so that looking often can't prove what isn't so. An
//! **alarm** closes near reuse: it counts what was served, at every outcome. What the calibration said is forgotten then, for it was
//! shown to be wrong, and the proof begins anew.

use super::acceptance::{self, Line, bin_of, right_at_least};
use super::bound::{Z_95, least_samples, lower, wilson};
use super::fit::Labelled;
use super::learner::Learner;
use crate::domain::budget::Start;
use crate::domain::calibration::{Acceptance, Calibration, Evidence, Logistic, ScoreBin};
use crate::domain::judgement::Source;
use crate::domain::time::Timestamp;
use crate::limits::BIN_SAMPLES_MAX;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bins of a strategy without a calibration, over a score that is the fresh similarity.
const BINS_UNCALIBRATED: usize = 100;

/// How much must have been counted since the last look before the next: a quarter more each time, so that looks are few.
const LOOK_GROWTH: f64 = 1.25;

/// Samples without which a model is not worth fitting.
const LEARNING_SAMPLES_MIN: f64 = 200.0;

/// Windows of an alarm in shadow samples, and in reported hits, with the share of the level that each may raise a false alarm with. The
/// short one sees that something broke, the long one that it is a little worse than it should be.
const ALARMS_SHADOW: [(usize, f64); 2] = [(50, 0.1), (500, 1.0)];
const ALARMS_REPORTED: [(u64, f64); 2] = [(200, 0.1), (5_000, 1.0)];

/// Wrong ones without which there is no alarm: one or two are no pattern, and their neighbourhood is closed without one.
const ALARM_WRONG_MIN: f64 = 3.0;

/// Reports of wrong hits that are remembered.
const REPORTS_MAX: usize = 512;

/// Whether near candidates are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Near candidates are served where their score is high enough.
    Open,
    /// Only exact hits are.
    ExactOnly,
}

impl State {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ExactOnly => "exact_only",
        }
    }
}

/// What was learnt about one near candidate, as it is stored, so that a restart can replay it: what the books are kept from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// What spoke for the candidate. The score is taken anew at a replay, for the model may be another by then.
    pub evidence: Evidence,
    /// Whether its decision was right.
    pub right: bool,
    /// Where that is known from.
    pub source: Source,
    /// Near hits that were served since the outcome before.
    pub served: u64,
    /// When it became known.
    pub at: Timestamp,
}

/// The proof and the alarm that a strategy asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The share of wrong reuses that is tolerated.
    pub budget: f64,
    /// The chance that a proof may fail with.
    pub level: f64,
}

/// How many outcomes came from one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SourceTally)]
pub struct Tally {
    /// All of them.
    pub n: u64,
    /// The wrong ones.
    pub wrong: u64,
}

/// How many outcomes came from each source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tallies {
    /// Decided again after they were served.
    pub shadow: Tally,
    /// Reported by callers.
    pub feedback: Tally,
    /// Not served, and decided by an engine.
    pub engine: Tally,
}

/// The share of wrong ones among what was served, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Spent {
    /// Shadow samples that it is counted over, the newest.
    pub n: u64,
    /// The wrong ones among them.
    pub wrong: u64,
    /// Wrong over all; absent where nothing was counted.
    pub rate: Option<f64>,
    /// Lower end of its two-sided interval (Wilson, 95%).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A new state of a strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it is now.
    pub to: State,
    /// Why, in words.
    pub why: String,
}

/// The counts and the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Books {
    /// What was counted by score, the calibration's counts among it until an alarm.
    pub(super) bins: Vec<ScoreBin>,
    /// P(right | evidence): the calibration's model, or the one that was learnt since; without either it is the fresh similarity.
    pub(super) model: Option<Arc<Logistic>>,
    /// Learns a model where there is no calibration.
    learner: Option<Learner>,
    /// From which score a proof may well begin, as the calibration has it.
    hint: Option<f64>,
    pub(super) state: State,
    pub(super) since: Timestamp,
    pub(super) why: String,
    /// The least score that is served; none where nothing near is.
    pub(super) score_min: Option<f64>,
    pub(super) tallies: Tallies,
    /// Looks that were taken since the last alarm.
    looks: u32,
    /// Samples counted since the last alarm, and at how many the next look is.
    counted: u64,
    look_at: u64,
    /// Near hits served since near reuse was last opened.
    pub(super) served: u64,
    /// Of the newest shadow samples, which were wrong.
    shadow: VecDeque<bool>,
    /// After how many served hits each report of a wrong one came.
    reported: VecDeque<u64>,
}

impl Books {
    /// The books of a strategy that has a calibration.
    pub fn calibrated(calibration: &Calibration, terms: Terms) -> Self {
        let (state, why) = match &calibration.acceptance {
            Acceptance::Proven { .. } => (State::Open, "the calibration proves it".to_owned()),
            Acceptance::Unattainable { reason } => (State::ExactOnly, reason.clone()),
        };
        let books = Self::new(calibration.bins.clone(), terms, calibration.made_at);
        let model = Some(Arc::new(calibration.model.clone()));
        Self { state, why, model, hint: calibration.hint, score_min: calibration.acceptance.score_min(), learner: None, ..books }
    }

    /// The books of a strategy that has none: what clears floors and gates is served until it is shown to be too often wrong, or nothing
    /// near is until a line is proven.
    pub fn uncalibrated(start: Start, terms: Terms, now: Timestamp) -> Self {
        let open = Self { look_at: learning_look(terms), ..Self::new(empty_bins(), terms, now) };
        match start {
            Start::Open => open,
            Start::Closed => {
                let why = "there is no calibration, and nothing was proven yet".to_owned();
                Self { state: State::ExactOnly, score_min: None, why, ..open }
            }
        }
    }

    /// P(right) as it is estimated now. NaN where the evidence is damaged, which accepts nothing.
    pub fn score(&self, evidence: &Evidence) -> f64 {
        score(self.model.as_deref(), evidence)
    }

    fn new(bins: Vec<ScoreBin>, terms: Terms, since: Timestamp) -> Self {
        Self {
            bins,
            model: None,
            learner: Some(Learner::default()),
            hint: None,
            state: State::Open,
            since,
            why: "there is no calibration: floors and gates alone decide".to_owned(),
            score_min: Some(0.0),
            tallies: Tallies::default(),
            looks: 0,
            counted: 0,
            look_at: first_look(terms),
            served: 0,
            shadow: VecDeque::new(),
            reported: VecDeque::new(),
        }
    }

    /// Takes one outcome. The same outcomes in the same order give the same books.
    pub fn take(&mut self, outcome: Outcome, terms: Terms) -> Option<Change> {
        self.tally(&outcome);
        self.count(&outcome);
        if self.state == State::Open {
            self.watch(&outcome);
            if let Some(why) = self.alarm(terms) {
                return Some(self.close(why, outcome.at, terms));
            }
        }
        self.look(terms, outcome.at)
    }

    /// For each bin the lower bound of P(right).
    pub(super) fn right_at_least(&self, terms: Terms) -> Vec<f64> {
        right_at_least(&self.bins, terms.level)
    }

    /// What is known of the error among what is served.
    pub fn spent(&self) -> Spent {
        let (n, wrong) = (self.shadow.len() as u64, self.shadow.iter().filter(|wrong| **wrong).count() as u64);
        let (low, high) = wilson(wrong as f64, n as f64, Z_95);
        Spent { n, wrong, rate: (n > 0).then(|| wrong as f64 / n as f64), low, high }
    }

    /// How many more samples there are to be before near reuse may open at all; `None` where it is open.
    pub fn samples_to_look(&self) -> Option<u64> {
        (self.state == State::ExactOnly).then(|| self.look_at.saturating_sub(self.counted))
    }

    fn tally(&mut self, outcome: &Outcome) {
        let tally = match outcome.source {
            Source::Shadow => &mut self.tallies.shadow,
            Source::Feedback => &mut self.tallies.feedback,
            Source::Engine => &mut self.tallies.engine,
        };
        tally.n += 1;
        tally.wrong += u64::from(!outcome.right);
    }

    /// Counts a sample into its bin. Callers who praise what was right choose what they praise, so that proves nothing; what they call
    /// wrong is believed.
    fn count(&mut self, outcome: &Outcome) {
        if outcome.source == Source::Feedback && outcome.right {
            return;
        }
        let score = self.score(&outcome.evidence);
        let Some(bin) = bin_of(&self.bins, score).and_then(|i| self.bins.get_mut(i)) else { return };
        if bin.n >= BIN_SAMPLES_MAX {
            let kept = (BIN_SAMPLES_MAX - 1.0) / bin.n;
            bin.n *= kept;
            bin.wrong *= kept;
        }
        bin.n += 1.0;
        bin.wrong += f64::from(u8::from(!outcome.right));
        self.counted += 1;
        if let Some(learner) = &mut self.learner {
            learner.take(Labelled { evidence: outcome.evidence, right: outcome.right });
        }
    }

    fn watch(&mut self, outcome: &Outcome) {
        self.served = self.served.saturating_add(outcome.served);
        match outcome.source {
            Source::Shadow => {
                self.shadow.push_back(!outcome.right);
                let kept = ALARMS_SHADOW.iter().map(|(window, _)| *window).max().unwrap_or(0);
                while self.shadow.len() > kept {
                    self.shadow.pop_front();
                }
            }
            Source::Feedback if !outcome.right => {
                self.reported.push_back(self.served);
                while self.reported.len() > REPORTS_MAX {
                    self.reported.pop_front();
                }
            }
            Source::Feedback | Source::Engine => {}
        }
    }

    /// Whether what was served is too often wrong, in words.
    fn alarm(&self, terms: Terms) -> Option<String> {
        let overspent = |wrong: f64, n: f64, share: f64| {
            wrong >= ALARM_WRONG_MIN && lower(wrong, n.max(wrong), terms.level * share) > terms.budget
        };
        for (window, share) in ALARMS_SHADOW {
            let newest = self.shadow.iter().rev().take(window);
            let (n, wrong) = (newest.len(), newest.filter(|wrong| **wrong).count());
            if overspent(wrong as f64, n as f64, share) {
                return Some(format!("{wrong} of the last {n} shadow samples were wrong"));
            }
        }
        for (window, share) in ALARMS_REPORTED {
            let from = self.served.saturating_sub(window);
            let wrong = self.reported.iter().filter(|at| **at > from || from == 0).count();
            let n = self.served.min(window);
            if overspent(wrong as f64, n as f64, share) {
                return Some(format!("callers reported {wrong} of the last {n} near hits as wrong"));
            }
        }
        None
    }

    fn close(&mut self, why: String, at: Timestamp, terms: Terms) -> Change {
        for bin in &mut self.bins {
            (bin.n, bin.wrong) = (0.0, 0.0);
        }
        (self.looks, self.counted, self.look_at) = (0, 0, first_look(terms));
        if self.learner.is_some() {
            // What was learnt sorted badly, so that begins anew too.
            (self.learner, self.model, self.bins) = (Some(Learner::default()), None, empty_bins());
            self.look_at = learning_look(terms);
        }
        self.shadow.clear();
        self.reported.clear();
        self.served = 0;
        self.score_min = None;
        self.turn(State::ExactOnly, why, at)
    }

    fn turn(&mut self, to: State, why: String, at: Timestamp) -> Change {
        (self.state, self.since) = (to, at);
        self.why.clone_from(&why);
        Change { to, why }
    }

    /// At a planned look, widens what is served where that is proven.
    fn look(&mut self, terms: Terms, at: Timestamp) -> Option<Change> {
        if self.counted < self.look_at {
            return None;
        }
        self.looks += 1;
        if self.learner.is_some() {
            return self.learn(terms, at);
        }
        self.look_at = (self.counted as f64 * LOOK_GROWTH).ceil() as u64;
        // The shares 1/2, 1/6, 1/12, … of the looks add up to one.
        let look = f64::from(self.looks);
        let found = acceptance::line(&self.bins, terms.budget, terms.level / (look * (look + 1.0)), self.hint)?;
        if self.score_min.is_some_and(|now| now <= found.score_min) {
            return None;
        }
        self.draw(&found, at)
    }

    /// At a planned look, fits the model anew, and changes over to it where it is proven to serve more.
    ///
    /// Each look has the whole level: the confidence is that of the line at the look that drew it, and not of all looks together. The
    /// samples of the looks are nested, so that over a stream whose error is just above the budget some three times the level of all
    /// strategies open at some look; shared among the looks the level would leave most streams of ten thousand requests closed. The alarm
    /// watches what was opened.
    fn learn(&mut self, terms: Terms, at: Timestamp) -> Option<Change> {
        self.look_at = (self.counted as f64 * LOOK_GROWTH).ceil() as u64;
        let unproven = self.state == State::Open && self.model.is_none();
        let learner = self.learner.as_ref().filter(|_| !unproven)?;
        let learnt = learner.learn(terms, terms.level);
        let now = self.model.as_ref().zip(self.score_min).map_or(0, |(model, least)| learner.served_by(model, least));
        let found = learnt.line.filter(|line| learner.served_by(&learnt.model, line.score_min) > now)?;
        (self.model, self.bins) = (Some(Arc::new(learnt.model)), learnt.bins);
        self.draw(&found, at)
    }

    /// Serves from a line on that was proven.
    fn draw(&mut self, found: &Line, at: Timestamp) -> Option<Change> {
        self.score_min = Some(found.score_min);
        if self.state == State::Open {
            return None;
        }
        let why = format!("{:.0} of {:.0} samples that score at least {:.4} were wrong", found.wrong, found.n, found.score_min);
        Some(self.turn(State::Open, why, at))
    }
}

/// Bins of equal width, with nothing in them.
fn empty_bins() -> Vec<ScoreBin> {
    let bin = |i| ScoreBin { from: i as f64 / BINS_UNCALIBRATED as f64, n: 0.0, wrong: 0.0 };
    (0..BINS_UNCALIBRATED).map(bin).collect()
}

/// P(right) by a model, or the fresh similarity without one.
pub(super) fn score(model: Option<&Logistic>, evidence: &Evidence) -> f64 {
    model.map_or_else(|| f64::from(evidence.fresh_similarity).clamp(0.0, 1.0), |model| model.score(evidence))
}

/// The first look at which a model is learnt: by then the better third of the samples may be enough to prove something.
fn learning_look(terms: Terms) -> u64 {
    (3.0 * least_samples(terms.budget, terms.level)).max(LEARNING_SAMPLES_MIN) as u64
}

/// The first look is taken once there may be enough to prove something.
fn first_look(terms: Terms) -> u64 {
    least_samples(terms.budget, terms.level / 2.0) as u64
}

#[cfg(test)]
mod tests;
