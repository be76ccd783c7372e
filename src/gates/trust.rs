//! Whether the strategy trusts who decided, and nobody said since that it was wrong.

use super::{Circumstances, Refusal, refuse};
use crate::domain::answer::Gate;
use crate::domain::entry::Entry;

pub(super) fn check(entry: &Entry, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    if let Some(quarantine) = &entry.quarantine {
        return refuse(
            Gate::Trust,
            format!("quarantine: decision {} was reported wrong at {}", quarantine.decision, quarantine.since),
        );
    }
    let (given, asked) = (entry.provenance, seen.strategy.trust.provenance);
    if given < asked {
        return refuse(Gate::Trust, format!("provenance: {} is below {}", given.as_str(), asked.as_str()));
    }
    Ok(())
}
