use super::*;
use proptest::prelude::*;

fn deed(user: Option<&str>, action: Action, about: &str) -> Deed {
    Deed {
        tenant: TenantId::new("acme").unwrap(),
        user: user.map(Into::into),
        roles: Roles::granted([Role::Operate]),
        action,
        about: RawValue::from_string(about.to_owned()).unwrap().into(),
        outcome: Outcome::Done,
        trace: Some(TraceId::new(7)),
    }
}

fn chain_of(count: u64) -> (AuditChain, Vec<AuditEvent>) {
    let mut chain = AuditChain::new(TenantId::new("acme").unwrap());
    let deed = |n: u64| deed(Some("desk"), Action::ALL[n as usize % Action::ALL.len()], &format!(r#"{{"n":{}}}"#, n % 3));
    let events = (0..count).map(|n| chain.append(deed(n), Timestamp::from_micros(i64::try_from(n / 2).unwrap()))).collect();
    (chain, events)
}

fn verify(chain: &AuditChain, events: &[AuditEvent]) -> Result<(), Broken> {
    let mut verifier = Verifier::of(chain);
    events.iter().try_for_each(|event| verifier.check(event))?;
    verifier.end(chain)
}

#[test]
fn a_chain_verifies_also_where_its_oldest_events_were_let_go() {
    for count in [0, 1, 2, 9] {
        let (mut chain, events) = chain_of(count);
        assert_eq!(verify(&chain, &events), Ok(()));
        for kept in 1..=events.len() {
            chain.drop_first(&events[kept - 1]);
            assert_eq!(verify(&chain, &events[kept..]), Ok(()));
        }
    }
}

#[test]
fn an_event_with_the_greatest_number_there_is_is_checked_like_any_other() {
    let mut chain = AuditChain { last: u64::MAX - 1, ..AuditChain::new(TenantId::new("acme").unwrap()) };
    let event = chain.append(deed(None, Action::Feedback, "{}"), Timestamp::from_micros(0));
    assert_eq!((event.number, Verifier::from(&event).check(&event)), (u64::MAX, Ok(())));
}

#[test]
fn the_hash_of_an_event_stays_what_it_is() {
    let (chain, _) = chain_of(3);
    assert_eq!(chain.head.to_string(), "f72d9f504b7e59b58afcaed7b7075c6c04053943132b4d0894b46ed0cad90ad8");
}

#[test]
fn words_read_back_as_themselves() {
    assert!(Action::ALL.iter().all(|action| Action::parse(action.as_str()) == Some(*action)));
    assert!(Outcome::ALL.iter().all(|outcome| Outcome::parse(outcome.as_str()) == Some(*outcome)));
    let json: Vec<String> = Action::ALL.iter().map(|action| serde_json::to_string(action).unwrap()).collect();
    assert!(json.iter().zip(Action::ALL).all(|(json, action)| *json == format!("\"{}\"", action.as_str())));
}

#[test]
fn someone_without_a_name_is_not_someone_with_an_empty_one() {
    let of = |user| {
        AuditChain::new(TenantId::new("acme").unwrap()).append(deed(user, Action::Feedback, "{}"), Timestamp::from_micros(0))
    };
    assert_ne!(of(None).hash, of(Some("")).hash);
}

/// One thing done to an event.
fn changed(mut event: AuditEvent, what: u8) -> AuditEvent {
    match what {
        0 => event.number += 1,
        1 => event.at = event.at.plus_millis(1),
        2 => event.deed.tenant = TenantId::new("other").unwrap(),
        3 => event.deed.user = None,
        4 => event.deed.roles = Roles::ALL,
        5 => event.deed.action = if event.deed.action == Action::Feedback { Action::KeysReload } else { Action::Feedback },
        6 => event.deed.about = RawValue::from_string("{}".to_owned()).unwrap().into(),
        7 => event.deed.outcome = Outcome::Failed,
        8 => event.deed.trace = None,
        9 => event.previous = Hash::from_bytes([9; 32]),
        _ => event.hash = Hash::from_bytes([9; 32]),
    }
    event
}

proptest! {
    #[test]
    fn any_event_that_was_changed_is_found_where_it_is_or_right_behind(count in 1_u64..20, at: prop::sample::Index, what in 0_u8..11, rehashed: bool) {
        let (chain, mut events) = chain_of(count);
        let at = at.index(events.len());
        events[at] = changed(events[at].clone(), what);
        if rehashed {
            events[at].hash = events[at].expected_hash();
        }
        // To make the hash right again makes a changed hash what it was.
        if what == 10 && rehashed {
            prop_assert_eq!(verify(&chain, &events), Ok(()));
        } else {
            let found = verify(&chain, &events).unwrap_err().number;
            prop_assert!((at as u64 + 1..=at as u64 + 2).contains(&found), "{found}");
        }
    }

    #[test]
    fn any_event_that_was_removed_is_found(count in 1_u64..20, at: prop::sample::Index) {
        let (chain, mut events) = chain_of(count);
        let at = at.index(events.len());
        events.remove(at);
        prop_assert_eq!(verify(&chain, &events).unwrap_err().number, at as u64 + 1);
    }

    #[test]
    fn any_other_order_is_found(count in 2_u64..20, a: prop::sample::Index, b: prop::sample::Index) {
        let (chain, mut events) = chain_of(count);
        let (a, b) = (a.index(events.len()), b.index(events.len()));
        prop_assume!(a != b);
        events.swap(a, b);
        prop_assert_eq!(verify(&chain, &events).unwrap_err().number, a.min(b) as u64 + 1);
    }

    #[test]
    fn an_event_reads_back_from_its_export(count in 1_u64..5) {
        for event in chain_of(count).1 {
            let line = serde_json::to_string(&ExportedEvent::from(&event)).unwrap();
            let read = serde_json::from_str::<ExportedEvent>(&line).unwrap().read().unwrap();
            prop_assert_eq!((read.hash, read.expected_hash()), (event.hash, event.hash));
        }
    }
}
