use super::*;
use crate::domain::answer::Confidence;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::engine::analytics::layer::Layer;
use crate::engine::analytics::layer::sample::LIBRARY;
use crate::engine::analytics::library::Library;
use crate::engine::analytics::reconcile::Derivation;
use crate::engine::analytics::written::Missing;
use crate::engine::steps::Steps;

fn answered(missing: Vec<Missing>) -> Outcome {
    let derivation = Derivation { label: Confidence::Medium, reasons: Vec::new() };
    Outcome::Answered(Box::new(Answered { parts: Vec::new(), missing, reconciliation: None, derivation }))
}

#[test]
fn what_may_turn_out_otherwise_in_a_moment_is_not_kept_for_long() {
    let missing = |because| vec![Missing { question: "q".to_owned(), because, attempts: Vec::new() }];
    assert_eq!(keeps(&answered(Vec::new())), Keeps::Long);
    assert_eq!(keeps(&answered(missing(WhyMissing::Refused { reason: String::new() }))), Keeps::Long);
    assert_eq!(keeps(&answered(missing(WhyMissing::Silent { silence: Silence::Failed }))), Keeps::Moment);
    let failed = |silence: Silence| Outcome::Failed { reason: silence.to_string(), missing: Vec::new() };
    assert_eq!(keeps(&failed(Silence::Failed)), Keeps::Moment);
    assert_eq!(keeps(&failed(Silence::Late)), Keeps::Not);
}

fn question(text: &str, tenant: &str, day: &str) -> DataQuestion {
    DataQuestion {
        tenant: TenantId::new(tenant).expect("a name"),
        role: Arc::from("decide"),
        text: text.to_owned(),
        as_of: Timestamp::parse(&format!("{day}T00:00:00Z")).expect("a moment"),
        session: None,
        layer: None,
        deadline: Deadline::after(Duration::from_secs(1)),
        fresh: false,
        steps: Steps::new(Instant::now()),
    }
}

#[test]
fn an_answer_serves_the_same_words_of_the_same_tenant_and_nothing_else() {
    let mut library = Library::default();
    library.add(Layer::read(LIBRARY).expect("a layer"), [7; 32]);
    let reader = library.all().next().expect("it was added");
    let of = |question: &DataQuestion| key(question, reader, None);
    let first = of(&question("median fine  by town?", "a", "2018-09-01"));
    assert_eq!(first, of(&question("Median fine by town?", "a", "2018-10-01")), "the day makes no difference to it");
    for other in [
        of(&question("median fine by city?", "a", "2018-09-01")),
        of(&question("median fine by town", "a", "2018-09-01")),
        of(&question("median fine by town?", "b", "2018-09-01")),
    ] {
        assert_ne!(first, other);
    }
    let of_day = |day| of(&question("median fine of last month", "a", day));
    assert_ne!(of_day("2018-09-01"), of_day("2018-10-01"));
}

#[test]
fn a_failure_is_forgotten_after_a_moment() {
    let kept = KeptWritten::new(1 << 20);
    let key = KeptKey { tenant: TenantId::new("a").expect("a name"), digest: [1; 32] };
    let put = |until| {
        kept.0.insert(
            key.clone(),
            Arc::new(Wrote { outcome: answered(Vec::new()), spent: Spent::default(), versions: Vec::new(), until }),
        )
    };
    put(None);
    assert!(kept.get(&key).is_some());
    put(Some(Instant::now()));
    assert!(kept.get(&key).is_none());
}
