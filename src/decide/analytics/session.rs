//! What was asked before in a conversation, so that `only for SP` and `as a line chart` have something to change.
//!
//! Where several processes share a store, the next prompt may come to any of them: what was asked last is left there as a note, of a
//! tenant's in one of so many places, so that they take a bounded room. Two conversations that meet in a place lose what came before, and
//! so do all while the store is away and another process is asked; then a prompt stands for itself.

use super::{Analyst, DataQuestion};
use crate::decide::Decider;
use crate::domain::ids::TenantId;
use crate::engine::analytics::answer::ChartHint;
use crate::engine::analytics::follow::{FollowUp, Previous, follow};
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::words::{Asked, Reading};
use jiff::civil::Date;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Conversations of all tenants that are held; the one that was longest silent makes room.
const SESSIONS_MAX: usize = 10_000;

/// Places of one tenant for the conversations that processes share.
const PLACES: u64 = 4_096;

/// How long a conversation that is shared may be silent.
const SILENT_MAX: Duration = Duration::from_secs(30 * 60);

/// How long a question waits to hear what was asked before it.
const HEARD_WITHIN: Duration = Duration::from_millis(100);

/// Bytes of a note; a question has 2,000 characters.
const NOTE_BYTES_MAX: usize = 64 << 10;

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
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Last {
    session: Arc<str>,
    layer: String,
    digest: [u8; 32],
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
    /// What a prompt says in its conversation, in which this was said last.
    pub(super) fn heard(&self, question: &DataQuestion, last: Option<Arc<Last>>, as_of: Date) -> Heard {
        if question.session.is_none() {
            return Heard::NEW;
        }
        let library = self.library_of(&question.tenant);
        // What was understood by other words than today's may not be expressible any more.
        let stands = |last: &Last| library.named(&last.layer).is_some_and(|reader| reader.digest == last.digest);
        let last = last.filter(|last| question.layer.as_ref().is_none_or(|layer| *layer == last.layer) && stands(last));
        let reader = match &last {
            Some(last) => library.named(&last.layer),
            None => library.all().next(),
        };
        let Some(reader) = reader else { return Heard::NEW };
        let previous = last.as_ref().map(|last| Previous { intent: Some(&last.asked.intent), question: &last.question });
        match (follow(reader.words(), previous, &question.text, as_of), last) {
            (FollowUp::Reset, _) => {
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
}

impl Decider {
    /// What was asked last in the conversation of a question: by the store that processes share, else by this one.
    pub(super) async fn last_turn(&self, question: &DataQuestion) -> Option<Arc<Last>> {
        let session = question.session.as_ref()?;
        let Some(shared) = self.store.shared() else {
            return self.analyst.sessions.last.get(&(question.tenant.clone(), Arc::clone(session)));
        };
        match timeout(HEARD_WITHIN, shared.note(&question.tenant, &place(session))).await {
            Ok(Ok(note)) => {
                let last: Last = serde_json::from_str(&note?).ok()?;
                (last.session == *session).then(|| Arc::new(last))
            }
            failed => {
                tracing::debug!(?failed, "what was asked before is not known to all");
                self.analyst.sessions.last.get(&(question.tenant.clone(), Arc::clone(session)))
            }
        }
    }

    /// Keeps what was understood, for the next prompt of the conversation.
    pub(super) async fn remember_turn(&self, question: &DataQuestion, (reader, asked): (&Reader, &Asked)) {
        let Some(session) = &question.session else { return };
        let last = Arc::new(Last {
            session: Arc::clone(session),
            layer: reader.layer.name.clone(),
            digest: reader.digest,
            question: question.text.clone(),
            asked: asked.clone(),
        });
        self.analyst.sessions.last.insert((question.tenant.clone(), Arc::clone(session)), Arc::clone(&last));
        if self.store.shared().is_some() {
            let note = serde_json::to_string(&*last).ok().filter(|note| note.len() <= NOTE_BYTES_MAX);
            self.leave(&question.tenant, session, note.unwrap_or_default()).await;
        }
    }

    /// Ends the conversation of a question: a fragment would change one that is not the last any more.
    pub(super) async fn forget_turn(&self, question: &DataQuestion) {
        let Some(session) = &question.session else { return };
        self.analyst.sessions.last.remove(&(question.tenant.clone(), Arc::clone(session)));
        self.leave(&question.tenant, session, String::new()).await;
    }

    /// Leaves a note for other processes, where there are any.
    async fn leave(&self, tenant: &TenantId, session: &str, note: String) {
        let Some(shared) = self.store.shared() else { return };
        let left = timeout(HEARD_WITHIN, shared.leave_note(tenant, &place(session), &note, SILENT_MAX)).await;
        if !matches!(left, Ok(Ok(()))) {
            tracing::debug!(?left, "what was asked is not told to other processes");
        }
    }
}

/// The name of the note of a conversation.
fn place(session: &str) -> String {
    let hash = blake3::hash(session.as_bytes());
    let number = hash.as_bytes().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("data-session-{}", number % PLACES)
}
