//! What a caller asks, once it was read and checked.

use super::deadline::Deadline;
use super::field::FieldError;
use super::ids::{ComponentId, StrategyName, TenantId, TraceId};
use super::market::{Bar, INTERVAL_SEC_DEFAULT, Instrument, Series};
use super::risk::Risk;
use super::role::Roles;
use super::text::FreshText;
use super::time::Timestamp;
use super::trace::TraceParent;
use crate::limits::{POSTED_BARS_MAX, POSTED_INSTRUMENTS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::schema::{Array, ArrayBuilder, ArrayItems, KnownFormat, Object, Schema, SchemaFormat, Type};

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// For whom.
    pub tenant: TenantId,
    /// By what name, as the credentials say it; absent where none are asked for.
    pub user: Option<Arc<str>>,
    /// What the caller may do.
    pub roles: Roles,
}

impl Caller {
    /// One who may do everything for a tenant: a command, and everybody on loopback while no credentials are configured.
    pub fn trusted(tenant: TenantId) -> Self {
        Self { tenant, user: None, roles: Roles::ALL }
    }
}

/// How far a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Allow {
    /// Memory, by the fresh text.
    Fast,
    /// Memory, by the full prompt too.
    Slow,
    /// An engine, where nothing may be reused.
    #[default]
    Engine,
}

/// The state of the market that the caller sees.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Market {
    /// Prices by instrument.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub price: BTreeMap<String, f64>,
    /// The regime, such as `high-vol`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regime: Option<String>,
    /// What the caller holds of instruments, by name; negative for short.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub position: BTreeMap<String, f64>,
    /// Past prices by instrument. Those that had not closed by the request's `as_of` are not looked at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bars: BTreeMap<String, PostedSeries>,
    /// The state of the caller's book and its limits.
    #[serde(skip_serializing_if = "Risk::is_empty")]
    pub risk: Risk,
}

/// Past prices of one instrument, as they come over the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostedSeries {
    /// Seconds of each bar; an hour where absent.
    #[serde(default = "an_hour")]
    #[schema(minimum = 1, maximum = 604_800)]
    pub interval_sec: u32,
    /// Each bar as `[start, open, high, low, close, volume]`, in any order.
    #[schema(schema_with = bars_schema)]
    pub bars: Vec<(Timestamp, f64, f64, f64, f64, f64)>,
}

fn bars_schema() -> Array {
    let at = Object::builder().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let number = || Schema::from(Object::with_type(Type::Number));
    let values = [Schema::from(at), number(), number(), number(), number(), number()];
    let count = Some(values.len());
    let bar = ArrayBuilder::new().prefix_items(values).items(ArrayItems::False).min_items(count).max_items(count);
    ArrayBuilder::new()
        .items(bar)
        .description(Some("Each bar as `[start, open, high, low, close, volume]`, in any order."))
        .examples([json!([["2025-03-14T12:00:00Z", 1890.1, 1893.0, 1888.4, 1891.7, 5210.5]])])
        .build()
}

fn an_hour() -> u32 {
    INTERVAL_SEC_DEFAULT
}

impl PostedSeries {
    /// The series that the bars make.
    ///
    /// # Errors
    /// The first [`FieldError`], with a pointer within this part; the values of a bar are numbered as they stand in it.
    pub fn series(&self) -> Result<Series, FieldError> {
        let bar = |(n, (at, open, high, low, close, volume)): (usize, &(Timestamp, f64, f64, f64, f64, f64))| {
            Bar::new(*at, [*open, *high, *low, *close], *volume).map_err(|error| {
                let place = ["/open", "/high", "/low", "/close", "/volume"].iter().position(|name| *name == error.pointer);
                let place = place.map_or(String::new(), |place| format!("/{}", place + 1));
                FieldError::new(format!("/bars/{n}{place}"), error.detail)
            })
        };
        Series::new(self.interval_sec, self.bars.iter().enumerate().map(bar).collect::<Result<_, _>>()?)
    }
}

impl Market {
    /// Checks what types alone can't say.
    ///
    /// # Errors
    /// The first [`FieldError`], with a pointer within the market.
    pub fn check(&self) -> Result<(), FieldError> {
        let under = |at: String| move |error: FieldError| FieldError::new(format!("{at}{}", error.pointer), error.detail);
        for (what, values) in [("price", &self.price), ("position", &self.position)] {
            if let Some((name, value)) = values.iter().find(|(_, value)| !value.is_finite()) {
                return Err(FieldError::new(format!("/{what}/{name}"), format!("{value} is no {what}")));
            }
        }
        for (what, named) in [("price", self.price.len()), ("position", self.position.len()), ("bars", self.bars.len())] {
            if named > POSTED_INSTRUMENTS_MAX {
                let detail = format!("{named} instruments are more than the {POSTED_INSTRUMENTS_MAX} that are allowed");
                return Err(FieldError::new(format!("/{what}"), detail));
            }
        }
        let posted: usize = self.bars.values().map(|series| series.bars.len()).sum();
        if posted > POSTED_BARS_MAX {
            let detail =
                format!("{posted} bars are more than the {POSTED_BARS_MAX} that are allowed; PUT /v1/market/{{instrument}}");
            return Err(FieldError::new("/bars", detail));
        }
        let mut seen: BTreeMap<Instrument, &str> = BTreeMap::new();
        for (name, series) in &self.bars {
            let at = format!("/bars/{}", name.replace('~', "~0").replace('/', "~1"));
            let instrument = Instrument::new(name).map_err(|error| FieldError::new(at.clone(), error.to_string()))?;
            if let Some(other) = seen.insert(instrument, name) {
                return Err(FieldError::new(at, format!("it is the same instrument as `{other}`")));
            }
            series.series().map_err(under(at))?;
        }
        self.risk.check().map_err(under("/risk".to_owned()))
    }

    /// What the caller holds of an instrument, in units of it; `None` where nothing is said.
    pub fn position_of(&self, instrument: &Instrument) -> Option<f64> {
        of(&self.position, instrument)
    }

    /// The price of an instrument that the caller sees.
    pub fn price_of(&self, instrument: &Instrument) -> Option<f64> {
        of(&self.price, instrument)
    }
}

fn of(values: &BTreeMap<String, f64>, instrument: &Instrument) -> Option<f64> {
    values.iter().find_map(|(name, value)| name.eq_ignore_ascii_case(instrument.as_str()).then_some(*value))
}

impl Market {
    /// A digest of the caller's positions, exposure and limits; `None` where it gives no more than positions.
    pub fn book(&self) -> Option<String> {
        if self.risk.is_empty() {
            return None;
        }
        let said = serde_json::to_vec(&(&self.position, &self.risk)).ok()?;
        Some(blake3::hash(&said).to_hex().to_string())
    }
}

/// A decision request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The fresh text.
    pub text: FreshText,
    /// By which strategy.
    pub strategy: StrategyName,
    /// The moment that the question speaks of.
    pub as_of: Timestamp,
    /// Whether that is simply the present: then what was decided while the request was under way is not later than it.
    pub as_of_now: bool,
    /// By what soft context is chosen.
    pub tags: Vec<String>,
    /// Soft context by id, instead of by tags.
    pub context: Vec<ComponentId>,
    /// The state of the market.
    pub market: Market,
    /// How far it may go.
    pub allow: Allow,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// Whether the answer explains itself at length.
    pub explain: bool,
    /// The engine that the caller chose, where the strategy leaves that to triage.
    pub engine: Option<String>,
    /// Whether the caller would come back for an answer that is not there by the deadline.
    pub pending: bool,
    /// By when an answer is worth having.
    pub deadline: Deadline,
    /// The trace that it belongs to.
    pub trace: TraceId,
    /// Its place in that trace, where the trace is recorded.
    pub span: Option<TraceParent>,
}

impl Request {
    /// A request that says no more than its text: as of now, as far as engines, and welcome to be answered later.
    pub fn plain(text: FreshText, strategy: StrategyName, as_of: Timestamp, deadline: Deadline) -> Self {
        Self {
            text,
            strategy,
            as_of,
            as_of_now: true,
            tags: Vec::new(),
            context: Vec::new(),
            market: Market::default(),
            allow: Allow::default(),
            session: None,
            explain: false,
            engine: None,
            pending: true,
            deadline,
            trace: TraceId::new(fastrand::u128(..)),
            span: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(json: &str) -> Market {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_wrong_with_posted_bars_is_named_to_the_value() {
        for (json, pointer) in [
            (
                r#"{"bars": {"ETH": {"bars": [["2025-03-14T12:00:00Z", 1, 2, 1, 1.5, 3], ["2025-03-14T13:00:00Z", 1, 0.5, 1, 1, 3]]}}}"#,
                "/bars/ETH/bars/1/2",
            ),
            (r#"{"bars": {"ETH": {"bars": [["2025-03-14T12:00:00Z", 1, 1, 1, 1, -3]]}}}"#, "/bars/ETH/bars/0/5"),
            (
                r#"{"bars": {"ETH": {"bars": [["2025-03-14T12:00:00Z", 1, 1, 1, 1, 3], ["2025-03-14T12:30:00Z", 1, 1, 1, 1, 3]]}}}"#,
                "/bars/ETH/bars/1",
            ),
            (r#"{"bars": {"ETH": {"interval_sec": 0, "bars": []}}}"#, "/bars/ETH/interval_sec"),
            (r#"{"bars": {"ETH": {"bars": []}, "eth": {"bars": []}}}"#, "/bars/eth"),
            (r#"{"bars": {"a/b": {"bars": []}}}"#, "/bars/a~1b"),
            (r#"{"risk": {"equity": -1}}"#, "/risk/equity"),
            (r#"{"risk": {"halted": [""]}}"#, "/risk/halted/0"),
        ] {
            assert_eq!(market(json).check().unwrap_err().pointer, pointer, "{json}");
        }
        assert!(
            serde_json::from_str::<Market>(r#"{"bars": {"ETH": {"bars": [["2025-03-14T12:00:00Z", 1, 1, 1, 1]]}}}"#).is_err()
        );
        assert!(serde_json::from_str::<Market>(r#"{"risk": {"mood": 1}}"#).is_err());
    }

    #[test]
    fn more_bars_than_a_request_may_bring_are_refused() {
        let bar = (Timestamp::from_micros(0), 1.0, 1.0, 1.0, 1.0, 1.0);
        let many = PostedSeries { interval_sec: 60, bars: vec![bar; POSTED_BARS_MAX + 1] };
        let market = Market { bars: [("ETH".to_owned(), many)].into(), ..Market::default() };
        assert_eq!(market.check().unwrap_err().pointer, "/bars");
    }

    #[test]
    fn a_market_reads_back_as_it_was_written_and_an_empty_one_says_nothing() {
        let json = r#"{"price":{"ETH":3510.2},"position":{"eth":-2.0},"bars":{"ETH":{"interval_sec":60,"bars":[["2025-03-14T12:00:00Z",1.0,2.0,0.5,1.5,3.0]]}},"risk":{"equity":10.0,"limits":{"max_gross":5.0},"halted":["SOL"],"events":[{"at":"2025-03-19T18:00:00Z","name":"FOMC","impact":"high"}]}}"#;
        let read = market(json);
        assert_eq!(read.check(), Ok(()));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert_eq!(read.position_of(&Instrument::new("ETH").unwrap()), Some(-2.0));
        assert_eq!(serde_json::to_string(&Market::default()).unwrap(), "{}");
    }
}
