//! The living state of one strategy's budget for one tenant.
//!
//! Writers take turns; readers on the hot path load a snapshot and wait for nobody. The state is a function of the calibration and of the
//! outcomes in their order, so whoever keeps the outcomes can bring it back after a restart.

use super::acceptance::bin_of;
pub use super::books::Outcome;
use super::books::{self, Books, Change, Spent, State, Tallies, Terms};
use crate::domain::budget::BudgetRules;
use crate::domain::calibration::{Calibration, Evidence, Logistic, ScoreBin};
use crate::domain::judgement::Source;
use crate::domain::time::Timestamp;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was learnt about one near candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// What spoke for the candidate when it was found.
    pub evidence: Evidence,
    /// Whether its decision was right.
    pub right: bool,
    /// Where that is known from.
    pub source: Source,
    /// When it became known.
    pub at: Timestamp,
}

/// What came of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// What is to be stored.
    pub outcome: Outcome,
    /// The state, where it changed.
    pub change: Option<Change>,
}

/// Whether the budget lets a candidate be served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Whether it may be served.
    pub accepted: bool,
    /// Lower confidence bound of P(right): for one that is accepted, among all that are served; for another, among all that would be
    /// served if the line were drawn to let it in.
    pub lower_bound: f64,
    /// P(right) as the model has it.
    pub score: f64,
    /// The least score that is served; `None` where nothing near is.
    pub score_min: Option<f64>,
}

/// How it stands with the budget of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BudgetState {
    /// Whether near candidates are served.
    pub state: State,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why, in words.
    pub why: String,
    /// Whether there is a calibration.
    pub calibrated: bool,
    /// The share of wrong reuses that is tolerated.
    pub error_budget: f64,
    /// How sure the bound on that share must be.
    pub confidence: f64,
    /// The least score that is served; absent where nothing near is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_min: Option<f64>,
    /// Lower confidence bound of P(right) among what is served; absent where nothing near is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right_at_least: Option<f64>,
    /// What is known of the error among what is served.
    pub spent: Spent,
    /// Outcomes by where they came from, since the calibration.
    pub samples: Tallies,
    /// Samples still to come before near reuse may open at all; absent where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples_needed: Option<u64>,
}

/// What readers see.
#[derive(Debug)]
struct View {
    open: bool,
    model: Option<Arc<Logistic>>,
    score_min: Option<f64>,
    bins: Vec<ScoreBin>,
    bounds: Vec<f64>,
    shadows: u64,
}

impl View {
    fn of(books: &Books, terms: Terms) -> Self {
        let shadows = books.tallies.shadow.n;
        Self {
            open: books.state == State::Open,
            model: books.model.clone(),
            score_min: books.score_min,
            bins: books.bins.clone(),
            bounds: books.right_at_least(terms),
            shadows,
        }
    }

    fn bound(&self, score: f64) -> f64 {
        bin_of(&self.bins, score).and_then(|i| self.bounds.get(i)).copied().unwrap_or(0.0)
    }
}

/// The budget of one strategy for one tenant.
#[derive(Debug)]
pub struct Ledger {
    terms: Terms,
    calibration: Option<Arc<Calibration>>,
    view: ArcSwap<View>,
    books: Mutex<Books>,
    // Near hits served since the last outcome.
    served: AtomicU64,
}

impl Ledger {
    /// The budget under `rules`, with nothing learnt but the calibration.
    pub fn new(rules: &BudgetRules, calibration: Option<Arc<Calibration>>, now: Timestamp) -> Self {
        let terms = Terms { budget: rules.error_budget, level: rules.level() };
        let books = match &calibration {
            Some(calibration) => Books::calibrated(calibration, terms),
            None => Books::uncalibrated(rules.start, terms, now),
        };
        let view = ArcSwap::from_pointee(View::of(&books, terms));
        Self { terms, calibration, view, books: Mutex::new(books), served: AtomicU64::new(0) }
    }

    /// Brings back what earlier outcomes had led to. Those from before the calibration are left out: it was learnt since.
    pub fn replay(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        let from = self.calibration.as_ref().map(|c| c.made_at);
        let mut books = self.books.lock();
        for outcome in outcomes.into_iter().filter(|o| from.is_none_or(|from| o.at >= from)) {
            books.take(outcome, self.terms);
        }
        self.view.store(Arc::new(View::of(&books, self.terms)));
    }

    /// Whether a near candidate may be served. Waits for nobody and allocates nothing.
    pub fn verdict(&self, evidence: &Evidence) -> Verdict {
        let view = self.view.load();
        let score = books::score(view.model.as_deref(), evidence);
        // A comparison that is false for NaN, so that damaged evidence can only refuse.
        let accepted = view.score_min.is_some_and(|least| score >= least);
        let lower_bound = if accepted { view.bound(view.score_min.unwrap_or(score)) } else { view.bound(score) };
        Verdict { accepted, lower_bound, score, score_min: view.score_min }
    }

    /// Whether near candidates are served at all.
    pub fn is_open(&self) -> bool {
        self.view.load().open
    }

    /// Notes that a near hit was served.
    pub fn served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    /// Shadow samples taken so far, for the sampler.
    pub fn shadows(&self) -> u64 {
        self.view.load().shadows
    }

    /// Takes what was learnt about a near candidate.
    pub fn record(&self, sample: Sample) -> Recorded {
        let Sample { evidence, right, source, at } = sample;
        let mut books = self.books.lock();
        let outcome = Outcome { evidence, right, source, served: self.served.swap(0, Ordering::Relaxed), at };
        let change = books.take(outcome, self.terms);
        self.view.store(Arc::new(View::of(&books, self.terms)));
        Recorded { outcome, change }
    }

    /// How it stands.
    pub fn state(&self) -> BudgetState {
        let books = self.books.lock();
        let view = self.view.load();
        BudgetState {
            state: books.state,
            since: books.since,
            why: books.why.clone(),
            calibrated: self.calibration.is_some(),
            error_budget: self.terms.budget,
            confidence: 1.0 - self.terms.level,
            score_min: books.score_min,
            right_at_least: books.score_min.map(|score| view.bound(score)),
            spent: books.spent(),
            samples: books.tallies,
            samples_needed: books.samples_to_look(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::model::tests::evidence;
    use crate::domain::budget::Start;
    use crate::domain::calibration::fixture::{calibration, strategy};
    use proptest::prelude::*;

    fn rules() -> BudgetRules {
        strategy().budget.unwrap()
    }

    fn ledger() -> Ledger {
        Ledger::new(&rules(), Some(Arc::new(calibration())), calibration().made_at)
    }

    fn sample(fresh_similarity: f32, right: bool, source: Source) -> Sample {
        Sample { evidence: evidence(fresh_similarity, 0.1), right, source, at: calibration().made_at.plus_seconds(60) }
    }

    #[test]
    fn a_candidate_is_accepted_where_its_score_reaches_the_line() {
        let ledger = ledger();
        let (good, bad) = (ledger.verdict(&evidence(0.81, 0.1)), ledger.verdict(&evidence(0.79, 0.1)));
        assert!(good.accepted && good.score > 0.5 && good.lower_bound >= 0.95, "{good:?}");
        assert!(!bad.accepted && bad.score < 0.5 && bad.lower_bound < 0.95, "{bad:?}");
        assert_eq!(good.score_min, Some(0.5));
    }

    #[test]
    fn damaged_evidence_is_never_accepted() {
        assert!(!ledger().verdict(&evidence(f32::NAN, 0.1)).accepted);
        let uncalibrated = Ledger::new(&rules(), None, calibration().made_at);
        assert!(!uncalibrated.verdict(&evidence(f32::NAN, 0.1)).accepted);
        assert!(uncalibrated.verdict(&evidence(0.8, 0.1)).accepted);
    }

    #[test]
    fn a_burnt_budget_refuses_every_near_candidate_and_says_so() {
        let ledger = ledger();
        let changes: Vec<_> = (0..40).filter_map(|i| ledger.record(sample(0.9, i % 3 != 0, Source::Shadow)).change).collect();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].to, State::ExactOnly);
        assert!(!ledger.verdict(&evidence(1.0, 1.0)).accepted);
        let state = ledger.state();
        assert_eq!((state.state, state.score_min, state.right_at_least), (State::ExactOnly, None, None));
        assert!(state.samples_needed.is_some() && state.why == changes[0].why);
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!((&json["state"], &json["samples"]["shadow"]["n"]), (&"exact_only".into(), &40.into()));
    }

    #[test]
    fn hits_that_were_served_are_stored_with_the_next_outcome() {
        let ledger = ledger();
        (0..7).for_each(|_| ledger.served());
        assert_eq!(ledger.record(sample(0.9, true, Source::Shadow)).outcome.served, 7);
        assert_eq!(ledger.record(sample(0.9, true, Source::Shadow)).outcome.served, 0);
    }

    #[test]
    fn a_new_calibration_starts_anew() {
        let burnt = ledger();
        let stored: Vec<_> = (0..40).map(|i| burnt.record(sample(0.9, i % 3 != 0, Source::Shadow)).outcome).collect();
        let later = Calibration { made_at: calibration().made_at.plus_seconds(3_600), ..calibration() };
        let renewed = Ledger::new(&rules(), Some(Arc::new(later)), calibration().made_at);
        renewed.replay(stored);
        assert_eq!(renewed.state().state, State::Open);
        assert_eq!(renewed.state().samples, Tallies::default());
    }

    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        let source = prop_oneof![Just(Source::Shadow), Just(Source::Feedback), Just(Source::Engine)];
        let one = (0.7_f32..1.0, 0_u8..12, source).prop_map(|(near, luck, source)| sample(near, luck > 0, source));
        prop::collection::vec(one, 0..600)
    }

    #[test]
    fn a_replay_learns_the_very_same_model_anew() {
        let closed = BudgetRules { calibration: None, start: Start::Closed, ..rules() };
        let mut rng = fastrand::Rng::with_seed(3);
        let first = Ledger::new(&closed, None, calibration().made_at);
        let stored = (0..2_000).map(|_| {
            let margin = 0.3 * rng.f32();
            let right = margin > 0.1 || rng.u8(0..3) > 0;
            let taken = Sample { evidence: evidence(0.9, margin), ..sample(0.9, right, Source::Engine) };
            first.record(taken).outcome
        });
        let stored: Vec<Outcome> = stored.collect();
        assert!(first.is_open());
        let second = Ledger::new(&closed, None, calibration().made_at);
        second.replay(stored);
        assert_eq!(*second.books.lock(), *first.books.lock());
        let verdicts = |ledger: &Ledger| [0.02, 0.1, 0.25].map(|margin| ledger.verdict(&evidence(0.9, margin)));
        assert_eq!(verdicts(&second), verdicts(&first));
        assert!(verdicts(&first)[2].accepted && verdicts(&first)[2].lower_bound > 0.9);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_replay_of_what_was_stored_gives_the_same_state(samples in samples()) {
            let first = ledger();
            let stored: Vec<Outcome> = samples.into_iter().map(|s| {
                first.served();
                let json = serde_json::to_string(&first.record(s).outcome).unwrap();
                serde_json::from_str(&json).unwrap()
            }).collect();
            let second = ledger();
            second.replay(stored);
            prop_assert_eq!(second.state(), first.state());
            prop_assert_eq!(&*second.books.lock(), &*first.books.lock());
            for near in [0.7, 0.8, 0.9, 1.0] {
                prop_assert_eq!(second.verdict(&evidence(near, 0.1)), first.verdict(&evidence(near, 0.1)));
            }
        }
    }
}
