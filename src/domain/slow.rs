//! The slow step, as a strategy file says it.

use super::field::FieldError;
use crate::limits::{DEADLINE_MS_MAX, VOTERS_MAX};
use serde::{Deserialize, Serialize};

/// How whole prompts are matched where no near text answered, and who may vote then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SlowRules {
    /// Least cosine of the prompts at which an entry answers alone, above 0 and below 1. Prompts share most of what they say, so that it is
    /// higher than a floor for texts would be.
    pub tau_prompt: f32,
    /// How far below its floor a candidate may lie to have a vote, 0 to 0.5: below τ in the composed space, below `tau_prompt` in that of the
    /// prompts.
    pub near: f32,
    /// How many of the nearest prompts are looked at, 1 to 64.
    pub candidates: usize,
    /// Milliseconds of the deadline that must be left for the step, 1 to 120,000; with less it is left out.
    pub least_ms: u32,
}

impl Default for SlowRules {
    fn default() -> Self {
        Self { tau_prompt: 0.92, near: 0.05, candidates: 16, least_ms: 100 }
    }
}

impl SlowRules {
    /// Checks every number against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        let rules = [
            ("tau_prompt", self.tau_prompt > 0.0 && self.tau_prompt < 1.0, "it is above 0 and below 1"),
            ("near", (0.0..=0.5).contains(&self.near), "it is 0 to 0.5"),
            ("candidates", (1..=VOTERS_MAX).contains(&self.candidates), "it is 1 to 64"),
            ("least_ms", (1..=DEADLINE_MS_MAX).contains(&self.least_ms), "it is 1 to 120,000"),
        ];
        match rules.into_iter().find(|(_, good, _)| !good) {
            Some((name, _, rule)) => Err(FieldError::new(format!("/slow/{name}"), rule)),
            None => Ok(()),
        }
    }

    /// What a cosine of prompts says on the scale of the composed vectors, whose floor is `tau`: floor is brought to floor and identity to
    /// identity, so that candidates of both spaces can be weighed together.
    pub fn on_the_scale_of(&self, tau: f32, similarity: f32) -> f32 {
        1.0 - (1.0 - similarity) * (1.0 - tau) / (1.0 - self.tau_prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floors_meet_identity_stays_and_the_order_is_kept(tau in 0.1_f32..0.99, tau_prompt in 0.1_f32..0.99, a in -1.0_f32..1.0, b in -1.0_f32..1.0) {
            let rules = SlowRules { tau_prompt, ..SlowRules::default() };
            let scaled = |similarity| rules.on_the_scale_of(tau, similarity);
            prop_assert!((scaled(1.0) - 1.0).abs() < 1e-5 && (scaled(tau_prompt) - tau).abs() < 1e-4);
            prop_assert!((a <= b) == (scaled(a) <= scaled(b)) || (a - b).abs() < 1e-5);
        }
    }
}
