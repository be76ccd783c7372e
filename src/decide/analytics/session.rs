//! What was asked before in a conversation, so that `only for SP` and `as a line chart` have something to change.

use super::{Analyst, DataQuestion};
use crate::domain::ids::TenantId;
use crate::engine::analytics::answer::ChartHint;
use crate::engine::analytics::follow::{FollowUp, Previous, follow};
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::words::{Asked, Reading};
use jiff::civil::Date;
use quick_cache::sync::Cache;
use serde::Serialize;
use std::sync::Arc;

/// Conversations of all tenants that are held; the one that was longest silent makes room.
const SESSIONS_MAX: usize = 10_000;

/// What a question is, beside those before it in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = QueryIntent)]
pub enum Turn {
    /// It stands for itself.
    NewQuery,
    /// It changes the question before it.
    DataFilter,
    /// It shows the result before it otherwise.
    VisualUpdate,
    /// It ends the conversation; the next question stands for itself.
    Reset,
}

/// The latest question of a session that was understood.
#[derive(Debug)]
struct Last {
    layer: String,
    question: String,
    asked: Asked,
}

/// The conversations.
#[derive(Debug)]
pub(super) struct Sessions {
    last: Cache<(TenantId, Arc<str>), Arc<Last>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { last: Cache::new(SESSIONS_MAX) }
    }
}

/// A prompt in its conversation.
#[derive(Debug)]
pub(super) struct Heard {
    pub turn: Turn,
    /// What it turned out to be; none where it stands for itself and is still to be read.
    pub read: Option<(Arc<Reader>, Reading)>,
    /// The chart that it asks for.
    pub hint: Option<ChartHint>,
}

impl Heard {
    const NEW: Self = Self { turn: Turn::NewQuery, read: None, hint: None };
}

impl Analyst {
    /// What a prompt says in its conversation.
    pub(super) fn heard(&self, question: &DataQuestion, as_of: Date) -> Heard {
        let Some(session) = &question.session else { return Heard::NEW };
        let key = (question.tenant.clone(), Arc::clone(session));
        let last = self.sessions.last.get(&key).filter(|last| question.layer.as_ref().is_none_or(|layer| *layer == last.layer));
        let reader = match &last {
            Some(last) => self.library.named(&last.layer),
            None => self.library.all().next(),
        };
        let Some(reader) = reader else { return Heard::NEW };
        let previous = last.as_ref().map(|last| Previous { intent: Some(&last.asked.intent), question: &last.question });
        match (follow(reader.words(), previous, &question.text, as_of), last) {
            (FollowUp::Reset, _) => {
                self.sessions.last.remove(&key);
                Heard { turn: Turn::Reset, read: Some((Arc::clone(reader), Reading::Conversational)), hint: None }
            }
            (FollowUp::DataFilter(changed), Some(last)) => {
                let asked = Asked {
                    intent: changed.intent,
                    percent: last.asked.percent,
                    corrections: Vec::new(),
                    assumptions: changed.changes,
                };
                let read = (Arc::clone(reader), Reading::Data(Box::new(asked)));
                Heard { turn: Turn::DataFilter, read: Some(read), hint: None }
            }
            (FollowUp::VisualUpdate { look }, Some(last)) => {
                let read = (Arc::clone(reader), Reading::Data(Box::new(last.asked.clone())));
                Heard { turn: Turn::VisualUpdate, read: Some(read), hint: look }
            }
            _ => Heard::NEW,
        }
    }

    /// Forgets what was understood before: a fragment would change a question that is not the last one any more.
    pub(super) fn forget_turn(&self, question: &DataQuestion) {
        let Some(session) = &question.session else { return };
        self.sessions.last.remove(&(question.tenant.clone(), Arc::clone(session)));
    }

    /// Keeps what was understood, for the next prompt of the conversation.
    pub(super) fn remember_turn(&self, question: &DataQuestion, (reader, asked): (&Reader, &Asked)) {
        let Some(session) = &question.session else { return };
        let last = Last { layer: reader.layer.name.clone(), question: question.text.clone(), asked: asked.clone() };
        self.sessions.last.insert((question.tenant.clone(), Arc::clone(session)), Arc::new(last));
    }
}
