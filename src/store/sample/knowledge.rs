//! What was taught, for tests.

use super::{NAME, any_moment, moment, raw, tenant};
use crate::domain::ids::QueryId;
use crate::domain::judgeable_record::JudgeableRecord;
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeKind, KnowledgeRecord};
use crate::domain::time::Timestamp;
use crate::store::Record;
use proptest::prelude::*;

/// A pair or a term with this text in it.
pub(in crate::store) fn knowledge_of(tenant_name: &str, kind: KnowledgeKind, number: u8, text: &str) -> Record {
    let record = KnowledgeRecord {
        tenant: tenant(tenant_name),
        key: KnowledgeKey { kind, id: [number; 16] },
        changed_at: moment(),
        version: 1,
        data: raw(&format!("{{\"question\":  {}}}", serde_json::json!(text))),
    };
    Record::Knowledge(record.into())
}

pub(in crate::store) fn fixed_knowledge() -> Record {
    knowledge_of("acme", KnowledgeKind::Pair, 7, "How many ünits?")
}

pub(in crate::store) fn knowledge() -> impl Strategy<Value = Record> {
    let kind = prop::sample::select(KnowledgeKind::ALL.to_vec());
    (NAME, kind, any::<[u8; 16]>(), any_moment(), any::<u32>(), "\\PC{0,60}").prop_map(|(name, kind, id, at, version, text)| {
        let record = KnowledgeRecord {
            tenant: tenant(&name),
            key: KnowledgeKey { kind, id },
            changed_at: at,
            version,
            data: raw(&format!("{{\"question\":  {}}}", serde_json::json!(text))),
        };
        Record::Knowledge(record.into())
    })
}

fn judgeable_of(tenant_name: &str, (at, random): (Timestamp, u128), version: u32, text: &str) -> Record {
    let record = JudgeableRecord {
        tenant: tenant(tenant_name),
        query: QueryId::new(at, random),
        at,
        version,
        data: raw(&format!("{{\"question\":  {}}}", serde_json::json!(text))),
    };
    Record::Judgeable(record.into())
}

pub(in crate::store) fn fixed_judgeable() -> Record {
    judgeable_of("acme", (moment(), 7), 1, "How many ünits?")
}

pub(in crate::store) fn judgeable() -> impl Strategy<Value = Record> {
    (NAME, any::<u128>(), any_moment(), any::<u32>(), "\\PC{0,60}")
        .prop_map(|(name, random, at, version, text)| judgeable_of(&name, (at, random), version, &text))
}
