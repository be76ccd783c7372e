//! The confidence of a reuse.

use crate::domain::answer::Confidence;
use crate::domain::decision::{AgentOutcome, Decision, Plan};
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
    let Decision::Trade(trade) = decision else { return Confidence::Medium };
    let said = |signal: i8| trade.agents.iter().filter(|a| a.outcome == AgentOutcome::Ok && a.signal == signal).count();
    let together = said(trade.signal) >= 2 && (trade.signal == 0 || said(-trade.signal) == 0);
    if trade.agents.is_empty() || together { Confidence::Medium } else { Confidence::Low }
}

#[cfg(test)]
mod tests {
    use super::*;

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
