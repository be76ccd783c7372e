//! The confidence of a reuse.

use crate::domain::answer::Confidence;
use crate::domain::decision::{AgentOutcome, Decision, Numeric, Plan, Table};
use crate::domain::plan::{LANGUAGE_MODEL, PlanStatus};
use crate::domain::strategy::Thresholds;
use crate::domain::vote::Tally;

/// The confidence of serving the decision of the very same text.
pub const EXACT: Confidence = Confidence::High;

/// The confidence of having nothing to serve.
pub const NOTHING: Confidence = Confidence::Unable;

/// The confidence of serving the decision of a near text: MEDIUM where it clears both floors by at least half of what lies between floor
/// and identity, else LOW. Never HIGH: an embedding puts "A buys B" beside "B buys A", and nothing here reads who did what.
pub fn of_near(similarity: f32, fresh_similarity: f32, floors: Thresholds) -> Confidence {
    let margin = |value: f32, floor: f32| if floor < 1.0 { (value - floor) / (1.0 - floor) } else { 1.0 };
    let both = margin(similarity, floors.tau) >= 0.5 && margin(fresh_similarity, floors.tau_fresh) >= 0.5;
    if both { Confidence::Medium } else { Confidence::Low }
}

/// The confidence of what near misses agreed on: MEDIUM where nine tenths of the weight stand behind it, else LOW.
pub fn of_vote(tally: &Tally) -> Confidence {
    if tally.share >= 0.9 { Confidence::Medium } else { Confidence::Low }
}

/// The confidence of what an engine decided now: MEDIUM where two of its agents at least came to the same signal and none to the opposite,
/// or where it has no agents; LOW where it stands on one alone or where they disagree. A plan whose model a language model drew up, or that
/// a limit cut short, is LOW.
pub fn of_engine(decision: &Decision) -> Confidence {
    if let Decision::Plan(Plan { report: Some(report), .. }) = decision {
        let drawn = report.assumptions.iter().any(|assumption| assumption.source == LANGUAGE_MODEL);
        let cut = matches!(report.status, PlanStatus::Feasible | PlanStatus::Unknown);
        return if drawn || cut { Confidence::Low } else { Confidence::Medium };
    }
    if let Decision::Numeric(Numeric { fit: Some(fit), .. }) = decision {
        return fit.confidence;
    }
    if let Decision::Table(Table { basis: Some(basis), .. }) = decision {
        return basis.confidence;
    }
    let Decision::Trade(trade) = decision else { return Confidence::Medium };
    let said = |signal: i8| trade.agents.iter().filter(|a| a.outcome == AgentOutcome::Ok && a.signal == signal).count();
    let together = said(trade.signal) >= 2 && (trade.signal == 0 || said(-trade.signal) == 0);
    if trade.agents.is_empty() || together { Confidence::Medium } else { Confidence::Low }
}

/// What the confidence in a fitted model depends on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FitSignals {
    /// Whether it is stale, by its age, by new data or by another entry of the catalogue.
    pub stale: bool,
    /// How long it has been stale by its age, in times of how long it stays fresh.
    pub past: f64,
    /// How old the latest of its data are, in times of how long it stays fresh or of its cadence, whichever is longer.
    pub data_age: f64,
    /// The most that each doubt leaves.
    pub doubts: Vec<Confidence>,
}

/// The confidence in a fitted model: HIGH where it is fresh, its data are recent and nothing is in doubt. A stale one is MEDIUM at the most,
/// and LOW once it has been stale for as long as it stays fresh. Data older than twice the time between fits leave MEDIUM, older than ten
/// times LOW. The worst of all these and of the doubts decides.
pub fn of_fit(signals: &FitSignals) -> Confidence {
    let by = |value: f64, medium: f64, low: f64| match value {
        value if value > low => Confidence::Low,
        value if value > medium => Confidence::Medium,
        _ => Confidence::High,
    };
    let stale = if signals.stale { by(signals.past, -1.0, 1.0).max(Confidence::Medium) } else { Confidence::High };
    // A confidence is the greater the less it says.
    signals.doubts.iter().copied().fold(stale.max(by(signals.data_age, 2.0, 10.0)), Confidence::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_is_trusted_no_more_than_its_worst_signal_allows() {
        let fresh = FitSignals::default();
        assert_eq!(of_fit(&fresh), Confidence::High);
        assert_eq!(of_fit(&FitSignals { stale: true, ..fresh.clone() }), Confidence::Medium);
        assert_eq!(of_fit(&FitSignals { stale: true, past: 1.5, ..fresh.clone() }), Confidence::Low);
        assert_eq!(of_fit(&FitSignals { data_age: 3.0, ..fresh.clone() }), Confidence::Medium);
        assert_eq!(of_fit(&FitSignals { data_age: 30.0, ..fresh.clone() }), Confidence::Low);
        let doubts = vec![Confidence::Medium, Confidence::Unable, Confidence::High];
        assert_eq!(of_fit(&FitSignals { doubts, ..fresh.clone() }), Confidence::Unable);
        assert_eq!(of_fit(&FitSignals { stale: true, doubts: vec![Confidence::Low], ..fresh }), Confidence::Low);
    }

    const FLOORS: Thresholds = Thresholds { tau: 0.9, tau_fresh: 0.8 };

    #[test]
    fn the_weaker_of_the_two_margins_decides() {
        assert_eq!(of_near(0.99, 0.98, FLOORS), Confidence::Medium);
        assert_eq!(of_near(0.99, 0.85, FLOORS), Confidence::Low);
        assert_eq!(of_near(0.905, 0.99, FLOORS), Confidence::Low);
    }

    #[test]
    fn nothing_but_the_same_text_is_ever_high() {
        assert_ne!(of_near(1.0, 1.0, FLOORS), Confidence::High);
        assert_eq!(of_near(f32::NAN, 0.99, FLOORS), Confidence::Low);
    }
}
