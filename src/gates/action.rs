//! Answers may be taken from a near text; an action that can't be taken back, and a plan, only from the very same.

use super::{Circumstances, Refusal, refuse};
use crate::domain::answer::Gate;
use crate::domain::decision::DecisionKind;
use crate::domain::entry::Entry;
use crate::domain::trust::ActionClass;

pub(super) fn check(entry: &Entry, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    let rules = seen.strategy.action;
    let class = entry.validity.action.unwrap_or(rules.class);
    if class == ActionClass::Irreversible && !rules.semantic && entry.text_hash != seen.text_hash {
        return refuse(Gate::Action, "an irreversible action is taken only from the very same text".to_owned());
    }
    if entry.decision.kind() == DecisionKind::Plan && entry.text_hash != seen.text_hash {
        return refuse(
            Gate::Action,
            "a plan is taken only from the very same text: with another number it is another plan".to_owned(),
        );
    }
    Ok(())
}
