//! Windows of news events with a trading signal: the prototype's dataset.
//!
//! It comes in two forms. The parsed one lists the events; in the raw one they are inside the prompt, as blocks `Row n` of lines
//! `field: value`. Of an event its summary and its evolution are kept: the evolution is written anew for each prompt, and so tells one hour's window from the
//! next one's. Its price changes are a function of its category and sentiment and are left out.

use super::lines::{each, text};
use super::{BadLine, Piece, Row};
use crate::domain::component::Role;
use crate::domain::ids::ComponentId;
use crate::domain::time::Timestamp;
use crate::eval::decision;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// The dataset's own zone; its times carry no offset.
const ZONE: &str = "America/New_York";

#[derive(Deserialize)]
struct Line {
    datetime_est: String,
    signal: f64,
    #[serde(default)]
    conviction: Option<f64>,
    #[serde(default)]
    events: Option<Vec<Event>>,
    #[serde(default)]
    input_report: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    datetime_est: String,
    summary: String,
    #[serde(default)]
    events_evolution: String,
}

pub(super) fn windows(bytes: &[u8]) -> Vec<Result<Row, BadLine>> {
    each(bytes, |line, row: Line| {
        let bad = |detail: String| BadLine::new(line, detail);
        let at = moment(&row.datetime_est).ok_or_else(|| bad(format!("`{}` is not a date and time", row.datetime_est)))?;
        let events = match (row.events, &row.input_report) {
            (Some(events), _) => events,
            (None, Some(prompt)) => of_prompt(prompt),
            (None, None) => return Err(bad("it has neither `events` nor `input_report`".to_owned())),
        };
        if events.is_empty() {
            return Err(bad("no event was found in it".to_owned()));
        }
        if ![-1.0, 0.0, 1.0].contains(&row.signal) {
            return Err(bad(format!("the signal {} is not one of -1, 0 and 1", row.signal)));
        }
        let decision =
            decision::trade(row.signal as i8, row.conviction.unwrap_or(0.5)).map_err(|error| BadLine::new(line, error))?;
        let pieces = events.iter().map(|event| piece(line, event, at)).collect::<Result<Vec<_>, _>>()?;
        let whole: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        // The latest event alone is short enough for the model to read whole.
        let latest = events.iter().max_by(|a, b| a.datetime_est.cmp(&b.datetime_est));
        let headline = latest.map(|event| text(line, &event.summary)).transpose()?;
        Ok(Row { line, text: text(line, &whole.join("\n"))?, headline, decision, at: Some(at), tags: Vec::new(), pieces })
    })
}

fn piece(line: usize, event: &Event, decided: Timestamp) -> Result<Piece, BadLine> {
    let text = text(line, &format!("{}\n{}", event.summary, event.events_evolution))?;
    let hash = text.hash().to_string();
    let id =
        ComponentId::new(&format!("event:{}", hash.get(..16).unwrap_or_default())).map_err(|error| BadLine::new(line, error))?;
    // An event that claims to be later than what was decided on it must have been known by then all the same.
    let at = moment(&event.datetime_est).unwrap_or(decided).min(decided);
    Ok(Piece { id, role: Role::News, text, at })
}

/// The events of a prompt: each block begins at a line `Row n`, and a field ends where the next known one begins.
fn of_prompt(prompt: &str) -> Vec<Event> {
    const FIELDS: [&str; 6] = ["datetime_est", "type", "summary", "category", "sentiment", "events_evolution"];
    let mut events: Vec<Event> = Vec::new();
    let mut within = "";
    for line in prompt.lines() {
        let is_row = line.strip_prefix("Row ").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if is_row {
            events.push(Event { datetime_est: String::new(), summary: String::new(), events_evolution: String::new() });
            within = "";
            continue;
        }
        let Some(event) = events.last_mut() else { continue };
        let field = FIELDS.iter().find_map(|field| Some((*field, line.strip_prefix(field)?.strip_prefix(": ")?)));
        let value = match field {
            Some((name, value)) => {
                within = name;
                value
            }
            // A price change ends what is kept; all else goes on with the field that it stands in.
            None if line.starts_with("price_change_") => {
                within = "";
                continue;
            }
            None => line,
        };
        match within {
            "datetime_est" if field.is_some() => value.clone_into(&mut event.datetime_est),
            "summary" => add_line(&mut event.summary, value),
            "events_evolution" => add_line(&mut event.events_evolution, value),
            _ => {}
        }
    }
    events.retain(|event| !event.summary.trim().is_empty());
    events
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

fn moment(text: &str) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok()?;
    let zoned = TimeZone::get(ZONE).ok()?.to_zoned(local).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}
