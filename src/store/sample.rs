//! Records for tests: fixed ones, and generated ones of every shape.

mod datasets;
mod knowledge;

pub(super) use self::datasets::{dataset, dataset_part, fixed_dataset, fixed_dataset_part, head_of, part_of};
pub(super) use self::knowledge::{fixed_judgeable, fixed_knowledge, judgeable, knowledge, knowledge_of};

use super::Record;
use crate::domain::answer::Confidence;
use crate::domain::audit::DecisionRecord;
use crate::domain::audit_chain::{Action, AuditChain, AuditEvent, Deed, Outcome};
use crate::domain::calibration::Evidence;
use crate::domain::component::{Component, Cut, EmbeddedText, ModelRef, Role};
use crate::domain::decision::Payload;
use crate::domain::entry::{Band, Entry, Part, Provenance, StoredEntry, Validity};
use crate::domain::field::FieldError;
use crate::domain::fit_record::{FitAbout, FitDoubt, FitKey, FitMade, FitRecord, FitSource};
use crate::domain::ids::{ComponentId, DecisionId, EntryId, PlanId, StrategyName, TenantId, TraceId};
use crate::domain::judgement::{Judgement, Source};
use crate::domain::market::{Bar, Chunk, Instrument, Series};
use crate::domain::partition::PartitionKey;
use crate::domain::plan::Assumption;
use crate::domain::plan_record::{
    AskedAlternative, AskedChange, MadeWith, PlanAsked, PlanChange, PlanFailure, PlanKey, PlanLimits, PlanLink, PlanRecord,
    PlanState,
};
use crate::domain::role::{Role as CallerRole, Roles};
use crate::domain::tag_end::TagEnd;
use crate::domain::text::{FreshText, TextHash};
use crate::domain::time::Timestamp;
use crate::domain::trust::{ActionClass, Quarantine};
use crate::domain::vector::UnitVector;
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::sync::Arc;

/// The moment at which the fixed records are written.
pub(super) fn moment() -> Timestamp {
    Timestamp::parse("2025-03-14T12:30:00.000001Z").unwrap()
}

/// Ids of fixtures were given out when an id knew no microseconds.
fn to_the_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_millis() * 1_000)
}

pub(super) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn model() -> ModelRef {
    ModelRef { id: "bge-small".into(), revision: "5c38ec7".into() }
}

fn vector(seed: f32) -> UnitVector {
    UnitVector::normalised((0_u8..8).map(|i| (f32::from(i) + seed).sin()).collect()).unwrap()
}

pub(super) fn component_of(tenant_name: &str, id: &str, text: &str) -> Component {
    Component {
        tenant: tenant(tenant_name),
        id: ComponentId::new(id).unwrap(),
        role: Role::Context,
        text: text.into(),
        text_hash: FreshText::stored(text).unwrap().hash(),
        tags: vec!["ETH".into(), "ünïcode 日本".into()],
        as_of: moment().plus_seconds(1),
        created_at: moment(),
        ttl_sec: None,
        meta: serde_json::from_str(r#"{"source":"wire","rank":1.5}"#).unwrap(),
        model: model(),
        vector: vector(0.1),
        chunks: 2,
    }
}

pub(super) fn text_of(tenant_name: &str, text: &str) -> EmbeddedText {
    EmbeddedText {
        tenant: tenant(tenant_name),
        text_hash: FreshText::stored(text).unwrap().hash(),
        model: model(),
        vector: vector(0.2),
        cut: Some(Cut { tokens: 600, kept: 512 }),
        created_at: moment(),
        ttl_sec: Some(3_600),
    }
}

pub(super) fn entry_of(tenant_name: &str, text: &str) -> StoredEntry {
    let hash = FreshText::stored(text).unwrap().hash();
    let fresh = Part { role: "fresh".into(), id: hash.to_string(), weight: 0.4 };
    let context = Part { role: "context".into(), id: "c:1".into(), weight: 0.6 };
    let price = [("ETH".to_owned(), Band { min: 3_510.1, max: 3_600.25 })].into();
    let entry = Entry {
        id: EntryId::from_bytes(hash.0),
        tenant: tenant(tenant_name),
        strategy: StrategyName::new("news-impact").unwrap(),
        strategy_version: 3,
        partition: PartitionKey::parse(&"ab".repeat(32)).unwrap(),
        model: model(),
        text: text.into(),
        text_hash: hash,
        cut: None,
        parts: vec![context, fresh],
        tau: 0.9,
        decision: Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.7,"labels":{"a":"b"}}"#).unwrap(),
        validity: Validity {
            valid_until: Some(moment().plus_seconds(60)),
            price,
            regime: Some("high-vol".into()),
            ..Validity::default()
        },
        provenance: Provenance::Engine,
        as_of: moment(),
        created_at: moment(),
        ttl_sec: None,
        tags: vec!["ETH".into()],
        generation: 0,
        quarantine: None,
    };
    StoredEntry { entry: Arc::new(entry), vector: vector(0.3), fresh: vector(0.4), prompt: None, facts: None }
}

pub(super) fn decision_of(tenant_name: &str, at: Timestamp, number: u128) -> DecisionRecord {
    DecisionRecord {
        tenant: tenant(tenant_name),
        id: DecisionId::new(to_the_millisecond(at), number),
        at,
        request: raw(r#"{ "text": "SEC approves  spot ETH ETF", "as_of": null }"#),
        answer: raw(&format!(r#"{{"outcome":"decided", "number": {number}, "n": 1.50}}"#)),
    }
}

pub(super) fn raw(json: &str) -> Arc<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap().into()
}

pub(super) fn fixed_component() -> Record {
    Record::Component(component_of("acme", "news:01J", "the merge is done — 完了").into())
}

pub(super) fn fixed_text() -> Record {
    Record::Text(text_of("acme", "SEC approves spot ETH ETF"))
}

pub(super) fn entry_of_format_1() -> Record {
    Record::Entry(entry_of("acme", "SEC approves spot ETH ETF"))
}

pub(super) fn fixed_entry() -> Record {
    let mut stored = entry_of("acme", "SEC approves spot ETH ETF");
    let mut entry = Entry::clone(&stored.entry);
    entry.generation = 4;
    entry.quarantine = Some(any_quarantine_of(moment(), "it was a rumour"));
    entry.validity.position.insert("ETH".into(), Band { min: -2.0, max: 0.5 });
    entry.validity.versions.insert("pricing".into(), "2".into());
    entry.validity.action = Some(ActionClass::Irreversible);
    stored.entry = Arc::new(entry);
    Record::Entry(stored)
}

fn any_quarantine_of(since: Timestamp, note: &str) -> Quarantine {
    Quarantine {
        since,
        decision: DecisionId::new(to_the_millisecond(moment()), 9),
        note: Some(note.to_owned()).filter(|note| !note.is_empty()),
    }
}

pub(super) fn fixed_tag_end() -> Record {
    Record::TagEnd(TagEnd { tenant: tenant("acme"), tag: "NVDA ünïcode".into(), generation: 4, at: moment() })
}

pub(super) fn fixed_judgement() -> Record {
    let decided = |signal| Payload::parse(&format!(r#"{{"kind":"trade","signal":{signal},"conviction":0.7}}"#)).unwrap();
    let judgement = Judgement {
        tenant: tenant("acme"),
        decision: DecisionId::new(to_the_millisecond(moment()), 7),
        source: Source::Feedback,
        right: false,
        strategy: StrategyName::new("news-impact").unwrap(),
        strategy_version: 3,
        partition: PartitionKey::parse(&"ab".repeat(32)).unwrap(),
        model: model(),
        entry: Some(EntryId::from_bytes([7; 32])),
        evidence: Some(Evidence {
            fresh_similarity: 0.9,
            similarity: 0.95,
            margin: 0.125,
            unanimous: false,
            agreement: 0.75,
            agreeing: 5,
            spread: 0.0625,
            age_sec: 60,
            unread: 0.25,
            neighbours: 8,
        }),
        served: 12,
        text: "SEC approves spot ETH ETF".into(),
        fresh: Some(vector(0.5)),
        decided: decided(1),
        expected: Some(decided(-1)),
        note: Some("it was a rumour".into()),
        at: moment(),
    };
    Record::Judgement(judgement.into())
}

pub(super) fn fixed_market() -> Record {
    let bar =
        |hour: u64, close: f64| Bar::new(moment().plus_seconds(hour * 3_600), [1.5, 2.0, 1e-3, close], 0.1 + close).unwrap();
    market_of("acme", Series::new(3_600, vec![bar(0, 1.25), bar(1, 0.7), bar(4, 1.0 / 3.0)]).unwrap())
}

fn market_of(name: &str, bars: Series) -> Record {
    let number = Chunk::number_of(bars.last().unwrap().at(), bars.interval_sec());
    Record::Market(Chunk::new(tenant(name), Instrument::new("ETH:PERP").unwrap(), number, bars).unwrap().into())
}

/// A fixed record of each kind.
pub(super) fn one_of_each() -> [Record; 15] {
    [
        fixed_component(),
        fixed_text(),
        fixed_entry(),
        fixed_decision(),
        fixed_tag_end(),
        fixed_judgement(),
        fixed_market(),
        fixed_audit_event(),
        fixed_audit_chain(),
        fixed_plan(),
        fixed_fit(),
        fixed_dataset(),
        fixed_dataset_part(),
        fixed_knowledge(),
        fixed_judgeable(),
    ]
}

pub(super) fn fixed_plan() -> Record {
    let asked = PlanAsked {
        title: Some("Insurance fund".into()),
        text: Some("Allocate the fund".into()),
        alternatives: vec![AskedAlternative { name: "all in".into(), values: [("x".to_owned(), 1.0)].into() }],
        sensitivity: vec![AskedChange { parameter: "max_pct".into(), to: 0.5 }],
        assumptions: vec![Assumption { text: "90 days".into(), source: "template allocation".into() }],
        limits: PlanLimits { time_ms: Some(500), nodes: Some(9), gap: Some(0.01) },
    };
    let change = |state, note: Option<&str>| PlanChange {
        at: moment(),
        by: Some("desk ünïcode".into()),
        state,
        note: note.map(Into::into),
    };
    let record = PlanRecord {
        tenant: tenant("acme"),
        id: PlanId::new(to_the_millisecond(moment()), 7),
        created_at: moment(),
        asked_by: Some("desk ünïcode".into()),
        key: PlanKey::of([7; 32], &asked),
        model: raw(r#"{ "model_type": "lp",  "objective": {"sense": "minimize", "expression": "x"} }"#),
        asked,
        report: Some(raw(r#"{"title":"Insurance fund","model_type":"lp","status":"optimal","objective":14.0}"#)),
        failure: None,
        state: PlanState::Approved,
        history: vec![change(PlanState::Draft, None), change(PlanState::Approved, Some("as agreed"))],
        refers_to: vec![PlanLink::Decision(DecisionId::new(to_the_millisecond(moment()), 1))],
        handed_to: vec![PlanLink::Plan(PlanId::new(to_the_millisecond(moment()), 8))],
        made_with: Some(MadeWith { instinct: "0.1.0".into(), solver: "HiGHS 1.15.1".into() }),
        ttl_sec: Some(86_400),
    };
    Record::Plan(record.into())
}

pub(super) fn fixed_fit() -> Record {
    let object = |json: &str| serde_json::from_str(json).unwrap();
    let record = FitRecord {
        tenant: tenant("acme"),
        key: FitKey { case: "NR-01".into(), parameters: "00112233445566aa".into() },
        version: 3,
        parameters: object(r#"{"symbol":"BTC-PERP"}"#),
        created_at: moment(),
        next_run_at: moment().plus_seconds(86_400),
        stale_at: moment().plus_seconds(86_400),
        values: object(r#"{"current_regime":2,"regime_label":"high-vol bullish skew","transition_probs":{"to_regime_1":0.42}}"#),
        about: FitAbout {
            observations: 35_064,
            window: Some([moment(), moment().plus_seconds(3_600)]),
            doubts: vec![FitDoubt { at_most: Confidence::Low, reason: "the regimes are hardly told apart".into() }],
            told: vec!["3 duplicate rows were left out.".into()],
        },
        chart: Some(raw(r#"{ "data": [],  "layout": {} }"#)),
        sources: vec![FitSource {
            input: "bars".into(),
            dataset: "ohlcv".into(),
            version: "7".into(),
            hash: "ab".repeat(32),
            rows: 35_064,
        }],
        made: FitMade {
            instinct: "0.1.0".into(),
            method: "volatility-regimes".into(),
            entry: "00112233445566bb".into(),
            seed: 42,
            took_ms: 8_123,
        },
        by: Some("desk ünïcode".into()),
        ttl_sec: Some(86_400),
    };
    Record::Fit(record.into())
}

fn fixed_deed() -> Deed {
    Deed {
        tenant: tenant("acme"),
        user: Some("desk ünïcode".into()),
        roles: Roles::granted([CallerRole::Operate]),
        action: Action::EntriesDelete,
        about: raw(r#"{ "tags": ["NVDA"], "deleted": 3 }"#),
        outcome: Outcome::Done,
        trace: Some(TraceId::new(7)),
    }
}

pub(super) fn fixed_audit_event() -> Record {
    Record::AuditEvent(AuditChain::new(tenant("acme")).append(fixed_deed(), moment()).into())
}

pub(super) fn fixed_audit_chain() -> Record {
    let mut chain = AuditChain::new(tenant("acme"));
    let first = chain.append(fixed_deed(), moment());
    let _ = chain.append(fixed_deed(), moment());
    chain.drop_first(&first);
    Record::AuditChain(chain)
}

pub(super) fn fixed_decision() -> Record {
    Record::Decision(decision_of("acme", moment(), 7))
}

/// Whether two records are the same, to the byte.
pub(super) fn same(a: &Record, b: &Record) -> bool {
    match (a, b) {
        (Record::Component(a), Record::Component(b)) => a == b,
        (Record::Text(a), Record::Text(b)) => a == b,
        (Record::Entry(a), Record::Entry(b)) => a == b,
        (Record::Decision(a), Record::Decision(b)) => {
            let bytes = |d: &DecisionRecord| [d.request.get().to_owned(), d.answer.get().to_owned()];
            (&a.tenant, a.id, a.at, bytes(a)) == (&b.tenant, b.id, b.at, bytes(b))
        }
        (Record::TagEnd(a), Record::TagEnd(b)) => a == b,
        (Record::Judgement(a), Record::Judgement(b)) => a == b,
        (Record::Market(a), Record::Market(b)) => a == b,
        (Record::AuditEvent(a), Record::AuditEvent(b)) => {
            let all = |e: &AuditEvent| (e.number, e.at, e.hash, e.previous, e.expected_hash());
            all(a) == all(b)
        }
        (Record::AuditChain(a), Record::AuditChain(b)) => a == b,
        (Record::Dataset(a), Record::Dataset(b)) => a == b,
        (Record::DatasetPart(a), Record::DatasetPart(b)) => a == b,
        (Record::Plan(a), Record::Plan(b)) => {
            // What is raw JSON is compared byte for byte, and nothing else of it is no data.
            let all = |plan: &PlanRecord| format!("{plan:?}");
            all(a) == all(b)
        }
        (Record::Fit(a), Record::Fit(b)) => format!("{a:?}") == format!("{b:?}"),
        (Record::Knowledge(a), Record::Knowledge(b)) => format!("{a:?}") == format!("{b:?}"),
        (Record::Judgeable(a), Record::Judgeable(b)) => format!("{a:?}") == format!("{b:?}"),
        _ => false,
    }
}

const NAME: &str = "[a-zA-Z0-9][a-zA-Z0-9:._-]{0,20}";

fn any_vector() -> impl Strategy<Value = UnitVector> {
    prop::collection::vec(-1.0_f32..1.0, 1..40).prop_filter_map("a direction", UnitVector::normalised)
}

fn any_moment() -> impl Strategy<Value = Timestamp> {
    (-30_000_000_000_000_000_i64..200_000_000_000_000_000).prop_map(Timestamp::from_micros)
}

fn any_model() -> impl Strategy<Value = ModelRef> {
    ("[a-z@:/é]{1,12}", "[a-z0-9:é]{1,12}").prop_map(|(id, revision)| ModelRef { id: id.into(), revision: revision.into() })
}

fn any_texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("\\PC{0,12}", 0..4)
}

fn any_ttl() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(any::<u64>())
}

fn any_cut() -> impl Strategy<Value = Option<Cut>> {
    prop::option::of((any::<u32>(), any::<u32>()).prop_map(|(tokens, kept)| Cut { tokens, kept }))
}

pub(super) fn component() -> impl Strategy<Value = Record> {
    let roles = [Role::Instruction, Role::Framework, Role::Tool, Role::Exemplar, Role::Context, Role::News];
    let names = (NAME, NAME, prop::sample::select(roles.to_vec()), "\\PC{0,200}", any_texts());
    let moments = (any_moment(), any_moment(), any_ttl(), any::<[u8; 32]>(), any::<u32>());
    let meta = prop::collection::btree_map("\\PC{0,9}", any::<Option<f64>>(), 0..4);
    (names, moments, meta, any_model(), any_vector()).prop_map(|(names, moments, meta, model, vector)| {
        let (tenant_name, id, role, text, tags) = names;
        let (as_of, created_at, ttl_sec, hash, chunks) = moments;
        let meta = meta.into_iter().map(|(name, value)| (name, value.into())).collect();
        let id = ComponentId::new(&id).unwrap();
        let (tenant, text, text_hash) = (tenant(&tenant_name), text.into(), TextHash(hash));
        let component =
            Component { tenant, id, role, text, text_hash, tags, as_of, created_at, ttl_sec, meta, model, vector, chunks };
        Record::Component(component.into())
    })
}

pub(super) fn text() -> impl Strategy<Value = Record> {
    (NAME, any::<[u8; 32]>(), any_model(), any_vector(), any_cut(), any_moment(), any_ttl()).prop_map(
        |(name, hash, model, vector, cut, created_at, ttl_sec)| {
            let (tenant, text_hash) = (tenant(&name), TextHash(hash));
            Record::Text(EmbeddedText { tenant, text_hash, model, vector, cut, created_at, ttl_sec })
        },
    )
}

fn any_decision() -> impl Strategy<Value = Payload> {
    let trade = (-1_i8..=1, 0.0..=1.0_f64, "\\PC{0,30}")
        .prop_map(|(signal, conviction, reasoning)| serde_json::json!({"kind": "trade", "signal": signal, "conviction": conviction, "reasoning": reasoning}));
    let numeric = any::<Option<f64>>()
        .prop_map(|value| serde_json::json!({"kind": "numeric", "value": value.unwrap_or(0.1), "interval": [0.0, 1.0]}));
    let report = "\\PC{0,60}".prop_map(|text| serde_json::json!({"kind": "report", "text": text}));
    prop_oneof![trade, numeric, report].prop_filter_map("a payload that checks", |value| Payload::parse(&value.to_string()).ok())
}

fn any_validity() -> impl Strategy<Value = Validity> {
    let band = (-1e9_f64..1e9, -1e9_f64..1e9).prop_map(|(min, max)| Band { min, max }).boxed();
    let bands = || prop::collection::btree_map("\\PC{1,6}", band.clone(), 0..3);
    let versions = prop::collection::btree_map("\\PC{1,6}", "\\PC{0,6}", 0..3);
    let action = prop::option::of(prop::sample::select(vec![ActionClass::Answer, ActionClass::Irreversible]));
    let said = (prop::option::of("\\PC{0,9}".boxed()), prop::option::of("[0-9a-f]{64}"));
    (prop::option::of(any_moment()), bands(), said, bands(), versions, action).prop_map(
        |(valid_until, price, (regime, book), position, versions, action)| Validity {
            valid_until,
            price,
            regime,
            position,
            versions,
            book,
            action,
        },
    )
}

pub(super) fn entry() -> impl Strategy<Value = Record> {
    let names = (NAME, NAME, any_model(), "\\PC{0,200}", any_texts(), any::<u32>());
    let hashes = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u8; 32]>(), any_cut());
    let part = ("[a-z]{1,9}", NAME, 0.0_f32..1.0).prop_map(|(role, id, weight)| Part { role, id, weight });
    let provenances = [Provenance::Import, Provenance::Feedback, Provenance::Engine, Provenance::Operator];
    let quarantine = prop::option::of((any_moment(), "\\PC{0,9}").prop_map(|(since, note)| any_quarantine_of(since, &note)));
    let ended = (any::<u64>(), quarantine);
    let decided = (any_decision(), any_validity(), prop::sample::select(provenances.to_vec()), 0.0_f32..1.0, ended);
    let moments = (any_moment(), any_moment(), any_ttl());
    let parts = prop::collection::vec(part, 0..4);
    (names, hashes, parts, decided, moments, (any_vector(), any_vector())).prop_map(
        |(names, hashes, parts, decided, (as_of, created_at, ttl_sec), (vector, fresh))| {
            let (name, strategy, model, text, tags, strategy_version) = names;
            let (decision, validity, provenance, tau, (generation, quarantine)) = decided;
            let id = EntryId::from_bytes(hashes.0);
            let partition = PartitionKey::parse(&hex::encode(hashes.1)).unwrap();
            let (tenant, strategy) = (tenant(&name), StrategyName::new(&strategy).unwrap());
            let (text, text_hash, cut) = (text.into(), TextHash(hashes.2), hashes.3);
            let entry = Entry {
                id,
                tenant,
                strategy,
                strategy_version,
                partition,
                model,
                text,
                text_hash,
                cut,
                parts,
                tau,
                decision,
                validity,
                provenance,
                as_of,
                created_at,
                ttl_sec,
                tags,
                generation,
                quarantine,
            };
            let facts = crate::domain::facts::Facts { words: vec![entry.text.to_string()], ..Default::default() };
            let facts = entry.ttl_sec.is_some().then(|| Arc::new(facts));
            // The prompt's vector has the dimensions of the fresh one.
            let turned = || UnitVector::normalised(fresh.as_slice().iter().map(|v| -v).collect());
            let prompt = (entry.generation.is_multiple_of(2)).then(turned).flatten();
            Record::Entry(StoredEntry { entry: Arc::new(entry), vector, fresh, prompt, facts })
        },
    )
}

pub(super) fn tag_end() -> impl Strategy<Value = Record> {
    (NAME, "\\PC{1,20}", any::<u64>(), any_moment())
        .prop_map(|(name, tag, generation, at)| Record::TagEnd(TagEnd { tenant: tenant(&name), tag, generation, at }))
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let cosines = (-1.0_f32..1.0, -1.0_f32..1.0, -0.3_f32..0.3, 0.0_f32..1.0, -0.3_f32..0.3);
    let counts = (any::<bool>(), any::<u8>(), any::<u64>(), 0.0_f32..1.0, any::<u8>());
    (cosines, counts).prop_map(|(cosines, (unanimous, agreeing, age_sec, unread, neighbours))| {
        let (fresh_similarity, similarity, margin, agreement, spread) = cosines;
        Evidence { fresh_similarity, similarity, margin, unanimous, agreement, agreeing, spread, age_sec, unread, neighbours }
    })
}

pub(super) fn judgement() -> impl Strategy<Value = Record> {
    let which = (NAME, any_moment(), any::<u128>(), prop::sample::select(Source::ALL.to_vec()), any::<bool>());
    let made = (NAME, any::<u32>(), any::<[u8; 32]>(), any_model(), prop::option::of(any::<[u8; 32]>()));
    let seen = (prop::option::of(any_evidence()), any::<u64>(), "\\PC{0,60}", prop::option::of(any_vector()));
    let said = (any_decision(), prop::option::of(any_decision()), prop::option::of("\\PC{0,30}"), any_moment());
    (which, made, seen, said).prop_map(|(which, made, seen, said)| {
        let (name, decided_at, random, source, right) = which;
        let (strategy, strategy_version, partition, model, entry) = made;
        let (evidence, served, text, fresh) = seen;
        let (decided, expected, note, at) = said;
        let judgement = Judgement {
            tenant: tenant(&name),
            decision: DecisionId::new(decided_at, random),
            source,
            right,
            strategy: StrategyName::new(&strategy).unwrap(),
            strategy_version,
            partition: PartitionKey::parse(&hex::encode(partition)).unwrap(),
            model,
            entry: entry.map(EntryId::from_bytes),
            evidence,
            served,
            text: text.into(),
            fresh,
            decided,
            expected,
            note,
            at,
        };
        Record::Judgement(judgement.into())
    })
}

pub(super) fn market() -> impl Strategy<Value = Record> {
    let values = (1e-9_f64..1e9, 0.0_f64..1.0, 0.0_f64..1.0, 0.0_f64..1.0, 0.0_f64..1e12);
    let bars = prop::collection::btree_map(0_u64..1_000, values, 1..20);
    (NAME, 1_u32..604_800, -1_000_000_000_i64..5_000_000_000, bars).prop_map(|(name, interval_sec, near_sec, bars)| {
        let chunk = near_sec.div_euclid(i64::from(interval_sec) * 1_024);
        let start = Timestamp::from_micros(0);
        let offset = |slot: u64| (chunk * 1_024 + i64::try_from(slot).unwrap()) * i64::from(interval_sec) * 1_000;
        let bar = |(slot, (price, a, b, c, volume)): (u64, (f64, f64, f64, f64, f64))| {
            let (open, close, high, low) = (price * (1.0 + a), price * (1.0 + b), price * (2.0 + c), price);
            Bar::new(start.plus_millis(offset(slot)), [open, high, low, close], volume).unwrap()
        };
        market_of(&name, Series::new(interval_sec, bars.into_iter().map(bar).collect()).unwrap())
    })
}

fn any_hash() -> impl Strategy<Value = blake3::Hash> {
    any::<[u8; 32]>().prop_map(blake3::Hash::from_bytes)
}

pub(super) fn audit_event() -> impl Strategy<Value = Record> {
    let who = (NAME, prop::option::of("\\PC{0,20}"), prop::sample::subsequence(CallerRole::ALL.to_vec(), 0..4));
    let what =
        (prop::sample::select(Action::ALL), "\\PC{0,40}", prop::sample::select(Outcome::ALL), prop::option::of(any::<u128>()));
    (who, what, any::<u64>(), any_moment(), any_hash(), any_hash()).prop_map(|(who, what, number, at, previous, hash)| {
        let ((name, user, roles), (action, about, outcome, trace)) = (who, what);
        let deed = Deed {
            tenant: tenant(&name),
            user: user.map(Into::into),
            roles: Roles::granted(roles),
            action,
            about: raw(&serde_json::json!({ "tag": about }).to_string()),
            outcome,
            trace: trace.map(TraceId::new),
        };
        Record::AuditEvent(AuditEvent { number, at, deed, previous, hash }.into())
    })
}

pub(super) fn audit_chain() -> impl Strategy<Value = Record> {
    (NAME, any::<u64>(), any::<u64>(), any_hash(), any_hash()).prop_map(|(name, first, last, anchor, head)| {
        Record::AuditChain(AuditChain { tenant: tenant(&name), first, anchor, last, head })
    })
}

pub(super) fn decision() -> impl Strategy<Value = Record> {
    (NAME, any_moment(), any::<u128>(), "\\PC{0,90}", any::<f64>()).prop_map(|(name, at, random, text, number)| {
        // Blanks between the parts are kept too: an audit record is what was sent, byte for byte.
        let request = raw(&format!("{{ \"text\":  {} }}", serde_json::json!(text)));
        let answer = raw(&serde_json::json!({ "n": number }).to_string());
        Record::Decision(DecisionRecord { tenant: tenant(&name), id: DecisionId::new(at, random), at, request, answer })
    })
}

pub(super) fn plan() -> impl Strategy<Value = Record> {
    let which = (NAME, any_moment(), any::<u128>(), any::<[u8; 32]>(), any_ttl(), prop::option::of("\\PC{0,20}"));
    let number = -1e300_f64..1e300;
    let limits = (any::<Option<u64>>(), any::<Option<u64>>(), prop::option::of(0.0_f64..1.0))
        .prop_map(|(time_ms, nodes, gap)| PlanLimits { time_ms, nodes, gap });
    let values = prop::collection::btree_map("\\PC{1,9}", number.clone(), 0..4);
    let alternatives =
        prop::collection::vec(("\\PC{1,9}", values).prop_map(|(name, values)| AskedAlternative { name, values }), 0..3);
    let changes = prop::collection::vec(("\\PC{1,9}", number).prop_map(|(parameter, to)| AskedChange { parameter, to }), 0..3);
    let asked = (prop::option::of("\\PC{0,30}"), prop::option::of("\\PC{0,30}"), alternatives, changes, limits).prop_map(
        |(title, text, alternatives, sensitivity, limits)| PlanAsked {
            title,
            text,
            alternatives,
            sensitivity,
            assumptions: Vec::new(),
            limits,
        },
    );
    let change = (
        any_moment(),
        prop::option::of("\\PC{0,9}"),
        prop::sample::select(PlanState::ALL.to_vec()),
        prop::option::of("\\PC{0,30}"),
    )
        .prop_map(|(at, by, state, note)| PlanChange { at, by: by.map(Into::into), state, note });
    let link = (any::<bool>(), any::<u128>()).prop_map(|(plan, random)| match plan {
        true => PlanLink::Plan(PlanId::new(moment(), random)),
        false => PlanLink::Decision(DecisionId::new(moment(), random)),
    });
    let error = ("\\PC{0,9}", "\\PC{0,30}").prop_map(|(pointer, detail)| FieldError { pointer, detail });
    let failure = ("\\PC{1,9}", "\\PC{0,30}", prop::collection::vec(error, 0..3))
        .prop_map(|(kind, detail, errors)| PlanFailure { kind, detail, errors });
    let made = ("\\PC{1,9}", "\\PC{1,9}").prop_map(|(instinct, solver)| MadeWith { instinct, solver });
    let lists =
        (prop::collection::vec(change, 0..4), prop::collection::vec(link.clone(), 0..3), prop::collection::vec(link, 0..3));
    let found = ("\\PC{0,90}", prop::option::of("\\PC{0,90}"), prop::option::of(failure), prop::option::of(made), any::<bool>());
    (which, asked, lists, found).prop_map(|(which, asked, (history, refers_to, handed_to), found)| {
        let (name, created_at, random, key, ttl_sec, by) = which;
        let (model, report, failure, made_with, mps) = found;
        let model = if mps { serde_json::json!(model) } else { serde_json::json!({ "model_type": model }) };
        let record = PlanRecord {
            tenant: tenant(&name),
            id: PlanId::new(created_at, random),
            created_at,
            asked_by: by.map(Into::into),
            key: PlanKey::of(key, &asked),
            model: raw(&model.to_string()),
            asked,
            report: report.map(|title| raw(&format!("{{ \"title\":  {} }}", serde_json::json!(title)))),
            failure,
            state: history.last().map_or(PlanState::Draft, |change| change.state),
            history,
            refers_to,
            handed_to,
            made_with,
            ttl_sec,
        };
        Record::Plan(record.into())
    })
}

pub(super) fn fit() -> impl Strategy<Value = Record> {
    let object = prop::collection::btree_map("\\PC{1,9}", -1e300_f64..1e300, 0..4).prop_map(|map| {
        map.into_iter().map(|(name, number)| (name, serde_json::json!(number))).collect::<serde_json::Map<_, _>>()
    });
    let word = prop::sample::select(vec![Confidence::High, Confidence::Medium, Confidence::Low, Confidence::Unable]);
    let doubt = (word, "\\PC{0,30}").prop_map(|(at_most, reason)| FitDoubt { at_most, reason });
    let about = (
        any::<u64>(),
        prop::option::of([any_moment(), any_moment()]),
        prop::collection::vec(doubt, 0..3),
        prop::collection::vec("\\PC{0,30}", 0..3),
    )
        .prop_map(|(observations, window, doubts, told)| FitAbout { observations, window, doubts, told });
    let source = ("\\PC{1,9}", "\\PC{1,9}", "\\PC{1,9}", any::<u64>()).prop_map(|(input, dataset, version, rows)| FitSource {
        input,
        dataset,
        version,
        hash: "00".repeat(32),
        rows,
    });
    let made = ("\\PC{1,9}", "\\PC{1,9}", any::<u64>(), any::<u64>()).prop_map(|(instinct, method, seed, took_ms)| FitMade {
        instinct,
        method,
        entry: "00112233445566bb".into(),
        seed,
        took_ms,
    });
    let which = (NAME, "[A-Za-z0-9-]{1,9}", "[0-9a-f]{16}", any::<u64>(), [any_moment(), any_moment(), any_moment()]);
    let rest =
        (prop::option::of("\\PC{0,30}"), prop::collection::vec(source, 0..3), made, prop::option::of("\\PC{0,9}"), any_ttl());
    (which, object.clone(), object, about, rest).prop_map(|(which, parameters, values, about, rest)| {
        let (name, case, digest, version, [created_at, next_run_at, stale_at]) = which;
        let (title, sources, made, by, ttl_sec) = rest;
        let record = FitRecord {
            tenant: tenant(&name),
            key: FitKey { case: case.into(), parameters: digest.into() },
            version,
            parameters,
            created_at,
            next_run_at,
            stale_at,
            values,
            about,
            chart: title.map(|title| raw(&format!("{{ \"layout\":  {} }}", serde_json::json!(title)))),
            sources,
            made,
            by: by.map(Into::into),
            ttl_sec,
        };
        Record::Fit(record.into())
    })
}
