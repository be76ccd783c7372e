//! How near misses vote, as a strategy file says it.

use super::field::FieldError;
use crate::limits::VOTERS_MAX;
use serde::{Deserialize, Serialize};

/// How the decisions of the nearest entries are weighed where none of them may answer alone.
///
/// An entry of cosine s, age a and conviction c weighs exp(`kernel`·(s − 1)) · ½^(a / `half_life_sec`) · max(0, 1 + `conviction_gain`·(c −
/// `conviction_pivot`)): a Nadaraya–Watson estimate (Nadaraya 1964, Watson 1964) of the share of each decision, drawn towards the shares
/// among the voters by a prior that weighs as much as `prior` entries of the same text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VoteRules {
    /// Whether the vote alone decides: then neither the same text nor a near one answers without it.
    pub alone: bool,
    /// How many of the nearest entries vote, 1 to 64.
    pub voters: usize,
    /// Least cosine of the composed vectors that a voter has.
    pub floor: f32,
    /// How fast a voter's weight falls with its distance, above 0.
    pub kernel: f64,
    /// Seconds after which a voter weighs half; age counts for nothing where absent.
    pub half_life_sec: Option<u64>,
    /// The conviction that changes no weight.
    pub conviction_pivot: f64,
    /// How much a conviction above the pivot adds to a weight; 0 where conviction counts for nothing.
    pub conviction_gain: f64,
    /// What the prior weighs, from 0.
    pub prior: f64,
    /// The least weight of all voters together, above 0.
    pub evidence_min: f64,
    /// The least share of the winner, above one half.
    pub share_min: f64,
}

impl Default for VoteRules {
    fn default() -> Self {
        Self {
            alone: false,
            voters: 8,
            floor: 0.6,
            kernel: 20.0,
            half_life_sec: None,
            conviction_pivot: 0.5,
            conviction_gain: 0.0,
            prior: 0.1,
            evidence_min: 0.2,
            share_min: 0.9,
        }
    }
}

impl VoteRules {
    /// Checks every number against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        let rules = [
            ("voters", (1..=VOTERS_MAX).contains(&self.voters), "it is 1 to 64"),
            ("floor", (0.0..=1.0).contains(&self.floor), "it is 0 to 1"),
            ("kernel", self.kernel > 0.0 && self.kernel.is_finite(), "it is above 0"),
            ("half_life_sec", self.half_life_sec != Some(0), "it is above 0"),
            ("conviction_pivot", (0.0..=1.0).contains(&self.conviction_pivot), "it is 0 to 1"),
            ("conviction_gain", self.conviction_gain >= 0.0 && self.conviction_gain.is_finite(), "it is 0 or more"),
            ("prior", self.prior >= 0.0 && self.prior.is_finite(), "it is 0 or more"),
            ("evidence_min", self.evidence_min > 0.0 && self.evidence_min.is_finite(), "it is above 0"),
            ("share_min", self.share_min > 0.5 && self.share_min <= 1.0, "it is above 0.5 and at most 1"),
        ];
        match rules.into_iter().find(|(_, good, _)| !good) {
            Some((name, _, rule)) => Err(FieldError::new(format!("/vote/{name}"), rule)),
            None => Ok(()),
        }
    }

    /// What an entry weighs.
    pub fn weight(&self, similarity: f32, age_sec: f64, conviction: Option<f64>) -> f64 {
        let near = (self.kernel * (f64::from(similarity).min(1.0) - 1.0)).exp();
        let fresh = self.half_life_sec.map_or(1.0, |half| 0.5_f64.powf(age_sec.max(0.0) / half as f64));
        let sure = conviction.map_or(1.0, |c| (1.0 + self.conviction_gain * (c - self.conviction_pivot)).max(0.0));
        near * fresh * sure
    }
}

/// How a vote came out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Tally {
    /// How many entries voted.
    pub voters: usize,
    /// What all of them weighed together; 1 is one entry of the same text, just written.
    pub evidence: f64,
    /// The winner's share, the prior counted in.
    pub share: f64,
}
