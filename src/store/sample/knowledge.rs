//! What was taught, for tests.

use super::{NAME, any_moment, moment, raw, tenant};
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeKind, KnowledgeRecord};
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
