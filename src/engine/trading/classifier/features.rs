//! What the agents know of one question, in numbers, in a fixed order: what the classifier sees.

use crate::engine::trading::aggregate::Vote;
use crate::engine::trading::market_context::MarketContext;
use crate::engine::trading::opinion::Opinion;
use crate::engine::trading::sentiment::Probabilities;
use crate::engine::trading::{MARKET_CONTEXT, NEWS_SENTIMENT};
use serde::{Deserialize, Serialize};

/// The version of the features and of how they are worked out; a classifier that was learnt with another one is refused.
pub const FEATURES_VERSION: u32 = 1;

/// Deviations beyond which a move counts as this many, so that one wild day does not outvote everything else.
const DEVIATIONS_MAX: f64 = 4.0;

/// What the local paths of the agents made of a question.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// What News Sentiment says; absent where it abstained.
    pub news: Option<Opinion>,
    /// How likely News Sentiment holds each outcome, whether or not it has an opinion; absent where it read nothing.
    pub probabilities: Option<Probabilities>,
    /// What Market Context says; absent where it abstained.
    pub market: Option<Opinion>,
    /// What Market Context measured; absent where there were no bars to measure.
    pub context: Option<MarketContext>,
}

impl Seen {
    /// The opinions, as the weighted vote takes them.
    pub fn votes(&self) -> Vec<Vote<'_>> {
        let opinions = [(NEWS_SENTIMENT, &self.news), (MARKET_CONTEXT, &self.market)];
        opinions.into_iter().filter_map(|(name, opinion)| Some(Vote { name, opinion: opinion.as_ref()? })).collect()
    }
}

/// One of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is told in words by `Feature::words`")]
pub enum Feature {
    NewsSignal,
    NewsUp,
    NewsNeutral,
    NewsDown,
    NewsSilent,
    MarketSignal,
    MarketSilent,
    VolatilityPercentile,
    Trend,
    DayDeviations,
}

impl Feature {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::NewsSignal,
        Self::NewsUp,
        Self::NewsNeutral,
        Self::NewsDown,
        Self::NewsSilent,
        Self::MarketSignal,
        Self::MarketSilent,
        Self::VolatilityPercentile,
        Self::Trend,
        Self::DayDeviations,
    ];

    /// What it says for a reader of reasons.
    pub fn words(self) -> &'static str {
        match self {
            Self::NewsSignal => "what news_sentiment says, by its conviction",
            Self::NewsUp => "the news' probability of a rise",
            Self::NewsNeutral => "the news' probability of neither",
            Self::NewsDown => "the news' probability of a fall",
            Self::NewsSilent => "whether news_sentiment is silent",
            Self::MarketSignal => "what market_context says, by its conviction",
            Self::MarketSilent => "whether market_context is silent",
            Self::VolatilityPercentile => "the volatility's place in its year",
            Self::Trend => "the week's trend in deviations",
            Self::DayDeviations => "the day's move in deviations",
        }
    }

    /// Its value. What isn't known has the value in the middle.
    pub fn of(self, seen: &Seen) -> f64 {
        let signed = |opinion: &Option<Opinion>| opinion.as_ref().map_or(0.0, |o| f64::from(o.signal) * o.conviction);
        let silent = |opinion: &Option<Opinion>| f64::from(u8::from(opinion.is_none()));
        let probability = |of: fn(&Probabilities) -> f64| seen.probabilities.as_ref().map_or(1.0 / 3.0, of);
        let deviations = |of: fn(&MarketContext) -> f64| {
            seen.context.as_ref().map_or(0.0, |context| of(context).clamp(-DEVIATIONS_MAX, DEVIATIONS_MAX))
        };
        match self {
            Self::NewsSignal => signed(&seen.news),
            Self::NewsUp => probability(|p| p.up),
            Self::NewsNeutral => probability(|p| p.neutral),
            Self::NewsDown => probability(|p| p.down),
            Self::NewsSilent => silent(&seen.news),
            Self::MarketSignal => signed(&seen.market),
            Self::MarketSilent => silent(&seen.market),
            Self::VolatilityPercentile => seen.context.as_ref().and_then(|c| c.volatility.percentile).unwrap_or(0.5),
            Self::Trend => deviations(|context| context.trend),
            Self::DayDeviations => deviations(|context| context.day_deviations),
        }
    }

    /// All values of a question, in order.
    pub fn row(seen: &Seen) -> [f64; Self::ALL.len()] {
        Self::ALL.map(|feature| feature.of(seen))
    }
}
