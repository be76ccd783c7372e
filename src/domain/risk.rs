//! What a caller says of its own book: exposure, limits, and what is to come.
//!
//! Amounts are in the currency of the account, whichever that is; holdings in `market.position` are in units of the instrument.

use super::field::FieldError;
use super::market::Instrument;
use super::time::Timestamp;
use crate::limits::{POSTED_EVENTS_MAX, POSTED_INSTRUMENTS_MAX, TAG_BYTES_MAX};
use serde::{Deserialize, Serialize};

/// The state of a book and what it may do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Risk {
    /// What the account is worth, above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equity: Option<f64>,
    /// The sum of the absolute values of all positions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gross_exposure: Option<f64>,
    /// Profit of this day so far; a loss is negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_pnl: Option<f64>,
    /// What must not be passed.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Instruments that may not be traded now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halted: Vec<String>,
    /// What is scheduled, such as a rate decision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ScheduledEvent>,
}

/// What must not be passed; each holds where it is given.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The greatest absolute value of the position in one instrument, in the currency of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_position: Option<f64>,
    /// The greatest gross exposure, in the currency of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gross: Option<f64>,
    /// The greatest gross exposure over equity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_leverage: Option<f64>,
    /// The greatest loss of one day, as a positive amount in the currency of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_daily_loss: Option<f64>,
}

impl Limits {
    /// Whether no limit is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that is known to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledEvent {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What, such as `FOMC`.
    pub name: String,
    /// How much it may move.
    pub impact: Impact,
}

/// How much an event may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EventImpact)]
pub enum Impact {
    /// Hardly anything.
    Low,
    /// Something.
    Medium,
    /// A great deal.
    High,
}

impl Risk {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what types alone can't say.
    ///
    /// # Errors
    /// The first [`FieldError`], with a pointer within the state.
    pub fn check(&self) -> Result<(), FieldError> {
        let Limits { max_position, max_gross, max_leverage, max_daily_loss } = self.limits;
        for (at, value, above_zero) in [
            ("/equity", self.equity, true),
            ("/gross_exposure", self.gross_exposure, false),
            ("/limits/max_position", max_position, false),
            ("/limits/max_gross", max_gross, false),
            ("/limits/max_leverage", max_leverage, false),
            ("/limits/max_daily_loss", max_daily_loss, false),
        ] {
            let fits = |value: f64| value.is_finite() && value >= 0.0 && !(above_zero && value == 0.0);
            if let Some(value) = value.filter(|value| !fits(*value)) {
                let least = if above_zero { "above 0" } else { "0 or more" };
                return Err(FieldError::new(at, format!("{value} is not {least}")));
            }
        }
        if let Some(pnl) = self.daily_pnl.filter(|pnl| !pnl.is_finite()) {
            return Err(FieldError::new("/daily_pnl", format!("{pnl} is no amount")));
        }
        self.check_halted()?;
        self.check_events()
    }

    fn check_halted(&self) -> Result<(), FieldError> {
        let named = self.halted.len();
        if named > POSTED_INSTRUMENTS_MAX {
            let detail = format!("{named} instruments are more than the {POSTED_INSTRUMENTS_MAX} that are allowed");
            return Err(FieldError::new("/halted", detail));
        }
        let bad = self.halted.iter().enumerate().find_map(|(i, name)| Some((i, Instrument::new(name).err()?)));
        bad.map_or(Ok(()), |(i, error)| Err(FieldError::new(format!("/halted/{i}"), error.to_string())))
    }

    fn check_events(&self) -> Result<(), FieldError> {
        if self.events.len() > POSTED_EVENTS_MAX {
            let detail = format!("{} events are more than the {POSTED_EVENTS_MAX} that are allowed", self.events.len());
            return Err(FieldError::new("/events", detail));
        }
        match self.events.iter().position(|event| event.name.trim().is_empty() || event.name.len() > TAG_BYTES_MAX) {
            Some(i) => Err(FieldError::new(format!("/events/{i}/name"), format!("a name has 1 to {TAG_BYTES_MAX} bytes"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(risk: &Risk) -> String {
        risk.check().unwrap_err().pointer
    }

    #[test]
    fn an_amount_that_can_not_be_names_its_field() {
        assert_eq!(refused(&Risk { equity: Some(0.0), ..Risk::default() }), "/equity");
        assert_eq!(refused(&Risk { gross_exposure: Some(-1.0), ..Risk::default() }), "/gross_exposure");
        assert_eq!(refused(&Risk { daily_pnl: Some(f64::NAN), ..Risk::default() }), "/daily_pnl");
        let limits = Limits { max_leverage: Some(f64::INFINITY), ..Limits::default() };
        assert_eq!(refused(&Risk { limits, ..Risk::default() }), "/limits/max_leverage");
        assert_eq!(Risk { daily_pnl: Some(-5.0), gross_exposure: Some(0.0), ..Risk::default() }.check(), Ok(()));
    }

    #[test]
    fn a_halted_instrument_or_an_event_without_a_name_is_named_by_its_number() {
        assert_eq!(refused(&Risk { halted: vec!["ETH".into(), "a b".into()], ..Risk::default() }), "/halted/1");
        let event = ScheduledEvent { at: Timestamp::from_micros(0), name: " ".into(), impact: Impact::High };
        assert_eq!(refused(&Risk { events: vec![event.clone()], ..Risk::default() }), "/events/0/name");
        let many = vec![ScheduledEvent { name: "FOMC".into(), ..event }; POSTED_EVENTS_MAX + 1];
        assert_eq!(refused(&Risk { events: many, ..Risk::default() }), "/events");
    }
}
