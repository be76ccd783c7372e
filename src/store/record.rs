//! What is stored, and under which key.

use crate::domain::audit::DecisionRecord;
use crate::domain::audit_chain::{AuditChain, AuditEvent};
use crate::domain::component::{Component, EmbeddedText, ModelRef, Role};
use crate::domain::dataset::{DatasetHead, DatasetPart};
use crate::domain::entry::StoredEntry;
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::{ComponentId, DatasetName, DecisionId, EntryId, PlanId, TenantId, UploadId};
use crate::domain::judgeable_record::JudgeableRecord;
use crate::domain::judgement::{Judgement, Source};
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeRecord};
use crate::domain::market::{Chunk, Instrument};
use crate::domain::plan_record::PlanRecord;
use crate::domain::tag_end::TagEnd;
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::limits::JUDGEMENT_TTL_SEC;
use std::fmt;
use std::sync::Arc;

/// A record of any kind. Cheap to clone: what is large in it is shared.
#[derive(Debug, Clone)]
pub enum Record {
    /// A reusable text with its vector.
    Component(Arc<Component>),
    /// The vector of a fresh text.
    Text(EmbeddedText),
    /// A remembered decision with its vectors.
    Entry(StoredEntry),
    /// The audit record of one decision.
    Decision(DecisionRecord),
    /// A deletion by tag.
    TagEnd(TagEnd),
    /// What was learnt about a decision.
    Judgement(Arc<Judgement>),
    /// Bars of an instrument.
    Market(Arc<Chunk>),
    /// What was done to a tenant's data.
    AuditEvent(Arc<AuditEvent>),
    /// How far the chain of a tenant's audit events goes.
    AuditChain(AuditChain),
    /// An optimisation plan.
    Plan(Arc<PlanRecord>),
    /// A fitted model.
    Fit(Arc<FitRecord>),
    /// What is known of a dataset without its rows.
    Dataset(Arc<DatasetHead>),
    /// Rows of a dataset.
    DatasetPart(Arc<DatasetPart>),
    /// What was taught about questions of data.
    Knowledge(Arc<KnowledgeRecord>),
    /// An answer to a question about data that can be judged.
    Judgeable(Arc<JudgeableRecord>),
}

impl Record {
    /// Where it is stored.
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Component(component) => {
                RecordKey::Component { tenant: component.tenant.clone(), family: component.role.into(), id: component.id.clone() }
            }
            Self::Text(text) => RecordKey::Text { tenant: text.tenant.clone(), model: text.model.clone(), hash: text.text_hash },
            Self::Entry(stored) => RecordKey::Entry { tenant: stored.entry.tenant.clone(), id: stored.entry.id },
            Self::Decision(decision) => RecordKey::Decision { tenant: decision.tenant.clone(), id: decision.id },
            Self::TagEnd(end) => RecordKey::TagEnd { tenant: end.tenant.clone(), tag: end.tag.clone() },
            Self::Judgement(judged) => {
                RecordKey::Judgement { tenant: judged.tenant.clone(), decision: judged.decision, source: judged.source }
            }
            Self::Market(chunk) => RecordKey::Market {
                tenant: chunk.tenant.clone(),
                instrument: chunk.instrument.clone(),
                interval_sec: chunk.bars.interval_sec(),
                chunk: chunk.number,
            },
            Self::AuditEvent(event) => RecordKey::AuditEvent { tenant: event.deed.tenant.clone(), number: event.number },
            Self::AuditChain(chain) => RecordKey::AuditChain { tenant: chain.tenant.clone() },
            Self::Plan(plan) => RecordKey::Plan { tenant: plan.tenant.clone(), id: plan.id },
            Self::Fit(fit) => RecordKey::Fit { tenant: fit.tenant.clone(), key: fit.key.clone(), version: fit.version },
            Self::Dataset(head) => RecordKey::Dataset { tenant: head.tenant.clone(), name: head.name.clone() },
            Self::DatasetPart(part) => {
                RecordKey::DatasetPart { tenant: part.tenant.clone(), upload: part.upload, number: part.number }
            }
            Self::Knowledge(taught) => RecordKey::Knowledge { tenant: taught.tenant.clone(), key: taught.key },
            Self::Judgeable(answer) => RecordKey::Judgeable { tenant: answer.tenant.clone(), slot: answer.slot() },
        }
    }

    /// Of which kind it is.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::Component(_) => RecordKind::Component,
            Self::Text(_) => RecordKind::Text,
            Self::Entry(_) => RecordKind::Entry,
            Self::Decision(_) => RecordKind::Decision,
            Self::TagEnd(_) => RecordKind::TagEnd,
            Self::Judgement(_) => RecordKind::Judgement,
            Self::Market(_) => RecordKind::Market,
            Self::AuditEvent(_) => RecordKind::AuditEvent,
            Self::AuditChain(_) => RecordKind::AuditChain,
            Self::Plan(_) => RecordKind::Plan,
            Self::Fit(_) => RecordKind::Fit,
            Self::Dataset(_) => RecordKind::Dataset,
            Self::DatasetPart(_) => RecordKind::DatasetPart,
            Self::Knowledge(_) => RecordKind::Knowledge,
            Self::Judgeable(_) => RecordKind::Judgeable,
        }
    }

    /// When its own time to live ends; `None` for never. Decision records have none: they end by retention.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Component(component) => component.expires_at(),
            Self::Text(text) => text.ttl_sec.map(|ttl| text.created_at.plus_seconds(ttl)),
            Self::Entry(stored) => stored.entry.expires_at(),
            Self::Judgement(judged) => Some(judged.at.plus_seconds(JUDGEMENT_TTL_SEC)),
            Self::Plan(plan) => plan.expires_at(),
            Self::Fit(fit) => fit.expires_at(),
            Self::Dataset(head) => head.expires_at(),
            Self::DatasetPart(part) => part.expires_at(),
            Self::Judgeable(answer) => Some(answer.expires_at()),
            Self::Decision(_) | Self::TagEnd(_) | Self::Market(_) => None,
            Self::AuditEvent(_) | Self::AuditChain(_) | Self::Knowledge(_) => None,
        }
    }

    /// Whether its time to live has ended at `now`.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|end| end <= now)
    }

    /// Whether it is known to be later than `other`, a record of the same key: made later, or the same and closed since. Of two series of
    /// bars the longer is the later.
    pub fn outdates(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Component(a), Self::Component(b)) => a.created_at > b.created_at,
            (Self::Text(a), Self::Text(b)) => a.created_at > b.created_at,
            (Self::Entry(a), Self::Entry(b)) => {
                let closed_since = a.entry.quarantine.is_some() && b.entry.quarantine.is_none();
                a.entry.created_at > b.entry.created_at || (a.entry.created_at == b.entry.created_at && closed_since)
            }
            (Self::Decision(a), Self::Decision(b)) => a.at > b.at,
            (Self::TagEnd(a), Self::TagEnd(b)) => a.generation > b.generation,
            (Self::Judgement(a), Self::Judgement(b)) => a.at > b.at,
            (Self::Market(a), Self::Market(b)) => a.bars.bars().len() > b.bars.bars().len(),
            (Self::AuditChain(a), Self::AuditChain(b)) => (a.last, a.first) > (b.last, b.first),
            (Self::Dataset(a), Self::Dataset(b)) => (a.version, a.created_at) > (b.version, b.created_at),
            (Self::Plan(a), Self::Plan(b)) => (a.history.len(), a.handed_to.len()) > (b.history.len(), b.handed_to.len()),
            (Self::Fit(a), Self::Fit(b)) => a.created_at > b.created_at,
            (Self::Knowledge(a), Self::Knowledge(b)) => a.changed_at > b.changed_at,
            (Self::Judgeable(a), Self::Judgeable(b)) => a.query > b.query,
            _ => false,
        }
    }

    /// When it was made, where it says so.
    pub fn made_at(&self) -> Option<Timestamp> {
        match self {
            Self::Component(component) => Some(component.created_at),
            Self::Text(text) => Some(text.created_at),
            Self::Entry(stored) => Some(stored.entry.created_at),
            Self::Decision(decision) => Some(decision.at),
            Self::TagEnd(end) => Some(end.at),
            Self::Judgement(judged) => Some(judged.at),
            Self::AuditEvent(event) => Some(event.at),
            Self::Plan(plan) => Some(plan.changed_at()),
            Self::Fit(fit) => Some(fit.created_at),
            Self::Dataset(head) => Some(head.created_at),
            Self::DatasetPart(part) => Some(part.created_at),
            Self::Knowledge(taught) => Some(taught.changed_at),
            Self::Judgeable(answer) => Some(answer.at),
            Self::Market(_) | Self::AuditChain(_) => None,
        }
    }
}

/// The kinds of record, each with a table of fields of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are those of `Record`, which documents them")]
pub enum RecordKind {
    Component,
    Text,
    Entry,
    Decision,
    TagEnd,
    Judgement,
    Market,
    AuditEvent,
    AuditChain,
    Plan,
    Fit,
    Dataset,
    DatasetPart,
    Knowledge,
    Judgeable,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Component,
        Self::Text,
        Self::Entry,
        Self::Decision,
        Self::TagEnd,
        Self::Judgement,
        Self::Market,
        Self::AuditEvent,
        Self::AuditChain,
        Self::Plan,
        Self::Fit,
        // A copy that is cut short has parts without their head rather than a head without its parts.
        Self::DatasetPart,
        Self::Dataset,
        Self::Knowledge,
        Self::Judgeable,
    ];

    /// Those that are one tenant's trail, which goes on from where it is and is never put together from two.
    pub const TRAIL: [Self; 2] = [Self::AuditEvent, Self::AuditChain];

    /// The name in file names, metrics and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Text => "text",
            Self::Entry => "entry",
            Self::Decision => "decision",
            Self::TagEnd => "tag_end",
            Self::Judgement => "judgement",
            Self::Market => "market",
            Self::AuditEvent => "audit_event",
            Self::AuditChain => "audit_chain",
            Self::Plan => "plan",
            Self::Fit => "fit",
            Self::Dataset => "dataset",
            Self::DatasetPart => "dataset_part",
            Self::Knowledge => "knowledge",
            Self::Judgeable => "judgeable",
        }
    }
}

/// The family of a component's key, which follows from its role: changing a role within a family keeps the key, and
/// changing it across families is a delete and a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// What a prompt is made of.
    Prompt,
    /// What happened.
    News,
}

impl Family {
    /// Both, for whoever knows an id and not its role.
    pub const ALL: [Self; 2] = [Self::Prompt, Self::News];

    /// The name within a key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::News => "news",
        }
    }
}

impl From<Role> for Family {
    fn from(role: Role) -> Self {
        if role.key_family() == Self::News.as_str() { Self::News } else { Self::Prompt }
    }
}

/// The key of a record. Printed it is the key in Redis, with the tenant in braces: a hash tag, so that a cluster keeps
/// the records of one tenant together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is named like the field of the record that it comes from")]
pub enum RecordKey {
    /// `{tenant}:ec:prompt:<id>` or `{tenant}:ec:news:<id>`.
    Component { tenant: TenantId, family: Family, id: ComponentId },
    /// `{tenant}:ec:text:<model>@<revision>:<hash>`.
    Text { tenant: TenantId, model: ModelRef, hash: TextHash },
    /// `{tenant}:sc:combo:<sha>`.
    Entry { tenant: TenantId, id: EntryId },
    /// `{tenant}:decision:<ulid>`.
    Decision { tenant: TenantId, id: DecisionId },
    /// `{tenant}:tag_end:<tag>`.
    TagEnd { tenant: TenantId, tag: String },
    /// `{tenant}:judgement:<source>:<ulid>`.
    Judgement { tenant: TenantId, decision: DecisionId, source: Source },
    /// `{tenant}:market:<interval_sec>:<chunk>:<instrument>`.
    Market { tenant: TenantId, instrument: Instrument, interval_sec: u32, chunk: i64 },
    /// `{tenant}:audit_event:<number>`.
    AuditEvent { tenant: TenantId, number: u64 },
    /// `{tenant}:audit_chain`.
    AuditChain { tenant: TenantId },
    /// `{tenant}:plan:<ulid>`.
    Plan { tenant: TenantId, id: PlanId },
    /// `{tenant}:fit:<case>:<parameters>:<version>`.
    Fit { tenant: TenantId, key: FitKey, version: u64 },
    /// `{tenant}:dataset:<name>`.
    Dataset { tenant: TenantId, name: DatasetName },
    /// `{tenant}:dataset_part:<ulid>:<number>`.
    DatasetPart { tenant: TenantId, upload: UploadId, number: u32 },
    /// `{tenant}:knowledge:<kind>:<id>`.
    Knowledge { tenant: TenantId, key: KnowledgeKey },
    /// `{tenant}:judgeable:<slot>`.
    Judgeable { tenant: TenantId, slot: u16 },
}

impl RecordKey {
    /// Of which kind the record is.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::Component { .. } => RecordKind::Component,
            Self::Text { .. } => RecordKind::Text,
            Self::Entry { .. } => RecordKind::Entry,
            Self::Decision { .. } => RecordKind::Decision,
            Self::TagEnd { .. } => RecordKind::TagEnd,
            Self::Judgement { .. } => RecordKind::Judgement,
            Self::Market { .. } => RecordKind::Market,
            Self::AuditEvent { .. } => RecordKind::AuditEvent,
            Self::AuditChain { .. } => RecordKind::AuditChain,
            Self::Plan { .. } => RecordKind::Plan,
            Self::Fit { .. } => RecordKind::Fit,
            Self::Dataset { .. } => RecordKind::Dataset,
            Self::DatasetPart { .. } => RecordKind::DatasetPart,
            Self::Knowledge { .. } => RecordKind::Knowledge,
            Self::Judgeable { .. } => RecordKind::Judgeable,
        }
    }

    /// Whose record it is.
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Component { tenant, .. }
            | Self::Text { tenant, .. }
            | Self::Entry { tenant, .. }
            | Self::Decision { tenant, .. }
            | Self::TagEnd { tenant, .. }
            | Self::Judgement { tenant, .. }
            | Self::Market { tenant, .. }
            | Self::AuditEvent { tenant, .. }
            | Self::Plan { tenant, .. }
            | Self::Fit { tenant, .. }
            | Self::Dataset { tenant, .. }
            | Self::DatasetPart { tenant, .. }
            | Self::Knowledge { tenant, .. }
            | Self::Judgeable { tenant, .. }
            | Self::AuditChain { tenant } => tenant,
        }
    }

    /// Reads what [`fmt::Display`] prints; `None` where `text` is no key of a record.
    pub fn parse(text: &str) -> Option<Self> {
        let (tenant, rest) = text.strip_prefix('{')?.split_once("}:")?;
        let tenant = TenantId::new(tenant).ok()?;
        if let Some(id) = rest.strip_prefix("decision:") {
            return Some(Self::Decision { tenant, id: DecisionId::parse(id).ok()? });
        }
        if let Some(id) = rest.strip_prefix("plan:") {
            return Some(Self::Plan { tenant, id: PlanId::parse(id).ok()? });
        }
        if let Some(rest) = rest.strip_prefix("fit:") {
            let (key, digits) = rest.rsplit_once(':')?;
            let version: u64 = digits.parse().ok()?;
            let key = FitKey::parse(key)?;
            return (version.to_string() == digits).then_some(Self::Fit { tenant, key, version });
        }
        if let Some(name) = rest.strip_prefix("dataset:") {
            return Some(Self::Dataset { tenant, name: DatasetName::new(name).ok()? });
        }
        if let Some(rest) = rest.strip_prefix("dataset_part:") {
            let (upload, digits) = rest.split_once(':')?;
            let number: u32 = digits.parse().ok()?;
            let key = Self::DatasetPart { tenant, upload: UploadId::parse(upload).ok()?, number };
            return key.to_string().ends_with(rest).then_some(key);
        }
        if let Some(key) = rest.strip_prefix("knowledge:") {
            return Some(Self::Knowledge { tenant, key: KnowledgeKey::parse(key)? });
        }
        if let Some(digits) = rest.strip_prefix("judgeable:") {
            let slot: u16 = digits.parse().ok()?;
            return (slot.to_string() == digits).then_some(Self::Judgeable { tenant, slot });
        }
        if let Some(tag) = rest.strip_prefix("tag_end:") {
            return Some(Self::TagEnd { tenant, tag: tag.to_owned() });
        }
        if let Some(rest) = rest.strip_prefix("judgement:") {
            let (name, id) = rest.split_once(':')?;
            let source = Source::ALL.into_iter().find(|known| known.as_str() == name)?;
            return Some(Self::Judgement { tenant, decision: DecisionId::parse(id).ok()?, source });
        }
        if let Some(rest) = rest.strip_prefix("market:") {
            return Self::parse_market(tenant, rest);
        }
        if let Some(digits) = rest.strip_prefix("audit_event:") {
            let number: u64 = digits.parse().ok()?;
            return (number.to_string() == digits).then_some(Self::AuditEvent { tenant, number });
        }
        if rest == "audit_chain" {
            return Some(Self::AuditChain { tenant });
        }
        if rest.starts_with("sc:combo:") {
            return Some(Self::Entry { tenant, id: EntryId::parse(rest).ok()? });
        }
        let (family, rest) = rest.strip_prefix("ec:")?.split_once(':')?;
        if family == "text" {
            // The hash has no colon, which an id of a model may have.
            let (model, hash) = rest.rsplit_once(':')?;
            return Some(Self::Text { tenant, model: ModelRef::parse(model)?, hash: TextHash::parse(hash)? });
        }
        let family = Family::ALL.into_iter().find(|known| known.as_str() == family)?;
        Some(Self::Component { tenant, family, id: ComponentId::new(rest).ok()? })
    }

    fn parse_market(tenant: TenantId, rest: &str) -> Option<Self> {
        // The instrument is the last, for it may have colons.
        let mut parts = rest.splitn(3, ':');
        let (interval_sec, chunk, name) = (parts.next()?, parts.next()?, parts.next()?);
        let instrument = Instrument::new(name).ok().filter(|instrument| instrument.as_str() == name)?;
        let key = Self::Market { tenant, instrument, interval_sec: interval_sec.parse().ok()?, chunk: chunk.parse().ok()? };
        // A number has other spellings, such as `+1`, which would be other keys for one record.
        key.to_string().ends_with(rest).then_some(key)
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component { tenant, family, id } => write!(f, "{{{tenant}}}:ec:{}:{id}", family.as_str()),
            Self::Text { tenant, model, hash } => write!(f, "{{{tenant}}}:ec:text:{model}:{hash}"),
            Self::Entry { tenant, id } => write!(f, "{{{tenant}}}:{id}"),
            Self::Decision { tenant, id } => write!(f, "{{{tenant}}}:decision:{id}"),
            Self::TagEnd { tenant, tag } => write!(f, "{{{tenant}}}:tag_end:{tag}"),
            Self::Judgement { tenant, decision, source } => write!(f, "{{{tenant}}}:judgement:{}:{decision}", source.as_str()),
            Self::Market { tenant, instrument, interval_sec, chunk } => {
                write!(f, "{{{tenant}}}:market:{interval_sec}:{chunk}:{instrument}")
            }
            Self::AuditEvent { tenant, number } => write!(f, "{{{tenant}}}:audit_event:{number}"),
            Self::AuditChain { tenant } => write!(f, "{{{tenant}}}:audit_chain"),
            Self::Plan { tenant, id } => write!(f, "{{{tenant}}}:plan:{id}"),
            Self::Fit { tenant, key, version } => write!(f, "{{{tenant}}}:fit:{key}:{version}"),
            Self::Dataset { tenant, name } => write!(f, "{{{tenant}}}:dataset:{name}"),
            Self::DatasetPart { tenant, upload, number } => write!(f, "{{{tenant}}}:dataset_part:{upload}:{number}"),
            Self::Knowledge { tenant, key } => write!(f, "{{{tenant}}}:knowledge:{key}"),
            Self::Judgeable { tenant, slot } => write!(f, "{{{tenant}}}:judgeable:{slot}"),
        }
    }
}

/// One change.
#[derive(Debug, Clone)]
pub enum Write {
    /// Stores a record, in place of the one under its key.
    Put(Record),
    /// Removes the record under a key; nothing happens where there is none.
    Delete(RecordKey),
}

impl Write {
    /// Which record it changes.
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Put(record) => record.key(),
            Self::Delete(key) => key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::knowledge_record::KnowledgeKind;
    use proptest::prelude::*;

    #[test]
    fn keys_are_spelt_as_the_contract_says() {
        let tenant = TenantId::new("acme").unwrap();
        let id = ComponentId::new("news:01J").unwrap();
        let model = ModelRef { id: "bge".into(), revision: "r1".into() };
        let news = RecordKey::Component { tenant: tenant.clone(), family: Role::Context.into(), id: id.clone() };
        assert_eq!(news.to_string(), "{acme}:ec:news:news:01J");
        let prompt = RecordKey::Component { tenant: tenant.clone(), family: Role::Tool.into(), id };
        assert_eq!(prompt.to_string(), "{acme}:ec:prompt:news:01J");
        let text = RecordKey::Text { tenant: tenant.clone(), model, hash: TextHash([0; 32]) };
        assert_eq!(text.to_string(), format!("{{acme}}:ec:text:bge@r1:{}", "00".repeat(32)));
        let entry = RecordKey::Entry { tenant: tenant.clone(), id: EntryId::from_bytes([1; 32]) };
        assert_eq!(entry.to_string(), format!("{{acme}}:sc:combo:{}", "01".repeat(32)));
        let id = DecisionId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        assert_eq!(RecordKey::Decision { tenant, id }.to_string(), "{acme}:decision:01ARZ3NDEKTSV4RRFFQ69G5FAV");
    }

    proptest! {
        #[test]
        fn a_key_reads_back_as_itself(
            tag in "\\PC{0,9}", instrument in "[A-Z0-9][A-Z0-9:._-]{0,9}", (interval_sec, chunk) in any::<(u32, i64)>(), tenant in "[a-z0-9][a-z0-9:._-]{0,9}", id in "[a-z0-9][a-z0-9:._-]{0,9}", model in "[a-z:@é]{1,9}", hash: [u8; 32],
        ) {
            let tenant = TenantId::new(&tenant).unwrap();
            let id = ComponentId::new(&id).unwrap();
            let decision = DecisionId::new(Timestamp::from_micros(1), u128::from_le_bytes(*hash.first_chunk().unwrap()));
            let model = ModelRef { id: model.into(), revision: "r".into() };
            for key in [
                RecordKey::Component { tenant: tenant.clone(), family: Family::Prompt, id: id.clone() },
                RecordKey::Component { tenant: tenant.clone(), family: Family::News, id: id.clone() },
                RecordKey::Text { tenant: tenant.clone(), model, hash: TextHash(hash) },
                RecordKey::Entry { tenant: tenant.clone(), id: EntryId::from_bytes(hash) },
                RecordKey::Decision { tenant: tenant.clone(), id: decision },
                RecordKey::TagEnd { tenant: tenant.clone(), tag },
                RecordKey::Judgement { tenant: tenant.clone(), decision, source: Source::Shadow },
                RecordKey::AuditEvent { tenant: tenant.clone(), number: chunk.unsigned_abs() },
                RecordKey::AuditChain { tenant: tenant.clone() },
                RecordKey::Plan { tenant: tenant.clone(), id: PlanId::new(Timestamp::from_micros(1), 7) },
                RecordKey::Fit { tenant: tenant.clone(), key: FitKey { case: "NR-01".into(), parameters: "00ff00ff00ff00ff".into() }, version: u64::from(interval_sec) },
                RecordKey::Dataset { tenant: tenant.clone(), name: DatasetName::new(id.as_str()).unwrap() },
                RecordKey::DatasetPart { tenant: tenant.clone(), upload: UploadId::new(Timestamp::from_micros(1), 7), number: interval_sec },
                RecordKey::Judgeable { tenant: tenant.clone(), slot: (interval_sec % 1_000) as u16 },
                RecordKey::Knowledge { tenant: tenant.clone(), key: KnowledgeKey { kind: KnowledgeKind::Term, id: *hash.first_chunk().unwrap() } },
                RecordKey::Market { tenant, instrument: Instrument::new(&instrument).unwrap(), interval_sec, chunk },
            ] {
                prop_assert_eq!(RecordKey::parse(&key.to_string()), Some(key));
            }
        }

        #[test]
        fn no_text_makes_the_reader_of_keys_panic(text in "\\PC{0,80}") {
            let _ = RecordKey::parse(&text);
        }
    }
}
