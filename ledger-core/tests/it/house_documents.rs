//! Configuration documents: published by two persons, stored once, in force from an instant on.

use std::sync::Arc;

use ledger_core::stored::{DocumentPublished, Event, EventRecord, ShapeLevel, ShapesActivated};
use ledger_core::testing::commands::{person, source};
use ledger_core::testing::house_commands as commands;
use ledger_core::testing::{HouseScenario, given_house};
use ledger_core::{
    CONFIGURATION_BYTES_MAX, Capacity, ContentHash, DOCUMENT_BYTES_MAX, DocumentCheck, DocumentDraft,
    DocumentKind, DocumentName, KeyScope, NotAllowedReason, Policy, PublishDocument, Rejection,
    ShortfallPolicy, SourcePolicy, Timestamp, VERSIONS_MAX, policy_of,
};

const PUBLISHED: &[&str] = &["document.stored", "document.published"];

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

/// A check that knows `terms`: they must have a limit, and no other document may forbid them.
#[derive(Debug)]
struct Terms(DocumentKind);

impl DocumentCheck for Terms {
    fn kind(&self) -> &DocumentKind {
        &self.0
    }

    fn check(&self, draft: &DocumentDraft<'_>) -> Result<(), String> {
        if !draft.content.as_str().contains("\"limit\"") {
            return Err("terms need a limit".to_owned());
        }
        let forbidding = DocumentName::new("forbidding").unwrap();
        match draft.configuration.in_force(&self.0, &forbidding, draft.effective_from) {
            Some(_) => Err("a profile forbids them".to_owned()),
            None => Ok(()),
        }
    }
}

fn given_configuration() -> HouseScenario {
    let terms = Terms(DocumentKind::new("terms").unwrap());
    given_house("configuration").documents(vec![Arc::new(terms)])
}

fn terms(id: &str, limit: &str) -> PublishDocument {
    commands::publish(id, "terms", "summer", &format!("{{\"limit\":\"{limit}\"}}"))
}

/// Seconds after the scenario's beginning.
fn at(secs: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    Timestamp::from_micros(start.as_micros() + secs * 1_000_000).unwrap()
}

fn in_force(house: &HouseScenario, secs: i64) -> Option<(u64, String)> {
    let (kind, name) = (DocumentKind::new("terms").unwrap(), DocumentName::new("summer").unwrap());
    let found = house.house().state().configuration().in_force(&kind, &name, at(secs));
    found.map(|(version, content)| (version.version, content.as_str().to_owned()))
}

fn limit(version: u64, limit: &str) -> (u64, String) {
    (version, format!("{{\"limit\":\"{limit}\"}}"))
}

fn last_published(house: &HouseScenario) -> DocumentPublished {
    match &house.house().events().last().unwrap().event {
        Event::DocumentPublished(event) => event.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_document_is_published_by_two_persons_and_found_by_its_hash() {
    let house = given_configuration()
        .when(PublishDocument { approved_by: person("anna"), ..terms("P1", "10") })
        .refused("not_allowed")
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(terms("P1", "10"))
        .applied()
        .records(PUBLISHED)
        .when(terms("P1", "10"))
        .replayed()
        .when(terms("P1", "11"))
        .refused("key_reused");
    let hash = ContentHash::of(br#"{"limit":"10"}"#);
    let published = last_published(&house);
    assert_eq!((published.hash, published.previous), (hash, None));
    assert_eq!((published.author, published.approved_by), (person("anna"), person("boris")));
    assert_eq!(published.effective_from, at(0), "at once");
    let streams: Vec<_> = house.house().events().map(|record| record.stream.to_string()).collect();
    assert_eq!(
        streams,
        [format!("content/configuration/{hash}"), "document/configuration/terms/summer".to_owned()]
    );
    assert_eq!(in_force(&house, 0), Some(limit(1, "10")));
}

#[test]
fn a_newer_version_takes_the_place_of_the_older_from_its_instant_on() {
    let house = given_configuration()
        .when(terms("P1", "10"))
        .applied()
        .when(PublishDocument { effective_from: Some(at(100)), ..terms("P2", "20") })
        .applied()
        .records(PUBLISHED);
    let shown: Vec<_> = [0, 99, 100, 101].into_iter().map(|secs| in_force(&house, secs).unwrap()).collect();
    assert_eq!(shown, [limit(1, "10"), limit(1, "10"), limit(2, "20"), limit(2, "20")]);
    assert_eq!(last_published(&house).previous, Some(ContentHash::of(br#"{"limit":"10"}"#)));
    // A third one is there before the second: that will never be.
    let house = house.when(PublishDocument { effective_from: Some(at(50)), ..terms("P3", "30") }).applied();
    let shown: Vec<_> = [49, 50, 100].into_iter().map(|secs| in_force(&house, secs).unwrap()).collect();
    assert_eq!(shown, [limit(1, "10"), limit(3, "30"), limit(3, "30")]);
    assert_eq!(house.house().state().configuration().bytes(), 2 * r#"{"limit":"10"}"#.len());
    let _ = house
        .after_secs(10)
        .when(PublishDocument { effective_from: Some(at(9)), ..terms("P4", "40") })
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::Backdated))
        .when(PublishDocument { effective_from: Some(at(10)), ..terms("P4", "40") })
        .applied();
}

#[test]
fn a_content_is_stored_once_while_it_is_or_may_be_in_force() {
    let later = |id: &str, secs, of| PublishDocument { effective_from: Some(at(secs)), ..terms(id, of) };
    let house = given_configuration()
        .when(terms("P1", "10"))
        .records(PUBLISHED)
        .when(later("P2", 100, "20"))
        .records(PUBLISHED)
        // Back to the first, while it is still in force: nothing to store.
        .when(later("P3", 200, "10"))
        .applied()
        .records(&["document.published"])
        // The same in another document.
        .when(commands::publish("P4", "terms", "winter", r#"{"limit":"20"}"#))
        .records(&["document.published"]);
    // The second is replaced, everywhere, and left the state; when it comes back it is stored again.
    let house = house
        .after_secs(300)
        .when(commands::publish("P5", "terms", "winter", r#"{"limit":"30"}"#))
        .records(PUBLISHED);
    assert!(house.house().state().configuration().content(&ContentHash::of(br#"{"limit":"20"}"#)).is_none());
    let house = house.when(terms("P6", "20")).applied().records(PUBLISHED);
    let stored: Vec<_> = house
        .house()
        .events()
        .filter(
            |record| matches!(&record.event, Event::DocumentStored(e) if e.content.as_str().contains("20")),
        )
        .map(|record| record.version)
        .collect();
    assert_eq!(stored, [1, 2], "one stream, numbered on");
}

#[test]
fn who_changed_it_meanwhile_is_not_overwritten() {
    let expecting = |id: &str, of, version| PublishDocument { expected: Some(version), ..terms(id, of) };
    let _ = given_configuration()
        .when(expecting("P1", "10", 1))
        .refused("document_version")
        .refused_as(&Rejection::DocumentVersion { version: 0 })
        .when(expecting("P1", "10", 0))
        .applied()
        .when(expecting("P2", "20", 0))
        .rejected("document_version")
        .refused_as(&Rejection::DocumentVersion { version: 1 })
        .when(expecting("P2", "20", 1))
        .applied();
}

#[test]
fn a_version_that_changes_nothing_is_refused() {
    let _ = given_configuration()
        .when(PublishDocument { effective_from: Some(at(100)), ..terms("P1", "10") })
        .applied()
        .when(PublishDocument { effective_from: Some(at(200)), ..terms("P2", "10") })
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::Unchanged))
        // Earlier than it was to be: that is a change.
        .when(PublishDocument { effective_from: Some(at(50)), ..terms("P2", "10") })
        .applied()
        .records(&["document.published"])
        .when(terms("P3", "20"))
        .applied()
        .when(terms("P4", "10"))
        .applied();
}

#[derive(Debug)]
struct Wordy(DocumentKind, String);
impl DocumentCheck for Wordy {
    fn kind(&self) -> &DocumentKind {
        &self.0
    }
    fn check(&self, _: &DocumentDraft<'_>) -> Result<(), String> {
        Err(self.1.clone())
    }
}

#[test]
fn what_no_check_knows_or_a_check_refuses_is_not_published() {
    let invalid = |what: &str| Rejection::DocumentInvalid { what: what.to_owned() };
    let publish = |kind: &str, name: &str, content: &str| commands::publish("P1", kind, name, content);
    let house = given_configuration()
        .when(terms("P0", "1"))
        .applied()
        .when(publish("terns", "summer", r#"{"limit":"1"}"#))
        .refused("document_invalid")
        .refused_as(&invalid("nobody knows this kind of document"))
        .when(publish("terms", "summer", "{}"))
        .refused_as(&invalid("terms need a limit"));
    // A check sees what else is in force then.
    let forbidding = PublishDocument {
        effective_from: Some(at(100)),
        ..commands::publish("P2", "terms", "forbidding", r#"{"limit":"0"}"#)
    };
    let _ = house
        .when(forbidding)
        .applied()
        .when(PublishDocument { effective_from: Some(at(99)), ..terms("P3", "5") })
        .applied()
        .when(PublishDocument { effective_from: Some(at(100)), ..terms("P4", "6") })
        .refused("document_invalid")
        .refused_as(&invalid("a profile forbids them"));
    let long = "x".repeat(100_000);
    let wordy = Wordy(DocumentKind::new("wordy").unwrap(), long);
    let _ = given_house("configuration")
        .documents(vec![Arc::new(wordy)])
        .when(commands::publish("P1", "wordy", "a", "{}"))
        .refused_as(&invalid(&"x".repeat(200)));
}

#[test]
fn a_policy_is_published_as_it_is_hashed() {
    let policy = Policy {
        default: SourcePolicy { on_shortfall: ShortfallPolicy::Reject, ..SourcePolicy::default() },
        ..Policy::default()
    };
    let house = given_house("configuration").when(commands::publish_policy("P1", &policy)).applied();
    assert_eq!(last_published(&house).hash, policy.content_hash().unwrap());
    let (kind, name) = (DocumentKind::new("policy").unwrap(), DocumentName::new("default").unwrap());
    let (_, content) = house.house().state().configuration().in_force(&kind, &name, at(0)).unwrap();
    assert_eq!(policy_of(content).unwrap(), policy);
    // Written in another order, or with what is left out, or what no policy has: another hash, or no policy.
    for (content, what) in [
        (
            r#"{"sources":{},"version":1,"default":{"key_scope":"per_kind","on_shortfall":"reject","sticky_rejections":true}}"#,
            "order",
        ),
        (r#"{"version":1}"#, "order"),
        (r#"{"version":1,"mood":"fair"}"#, "unknown field"),
        (r#"{"version":"1"}"#, "invalid type"),
    ] {
        let refused = house.clone().when(commands::publish("P2", "policy", "default", content));
        let refused = refused.refused("document_invalid");
        let text = format!("{:?}", refused.answer().outcome);
        assert!(text.contains(what), "{text}");
    }
    let other = PublishDocument {
        name: DocumentName::new("other").unwrap(),
        ..commands::publish_policy("P2", &policy)
    };
    let _ = house.when(other).refused("document_invalid");
}

/// Were the scope of a source's keys to change, what it sent before would not be found, and its copy would be a new
/// operation.
#[test]
fn the_scope_of_keys_never_changes() {
    use KeyScope::{AnyKind, PerKind};
    let scoped = |sources: &[(&str, KeyScope)], default: KeyScope| Policy {
        default: SourcePolicy { key_scope: default, ..SourcePolicy::default() },
        sources: sources
            .iter()
            .map(|(id, key_scope)| {
                (source(id), SourcePolicy { key_scope: *key_scope, ..SourcePolicy::default() })
            })
            .collect(),
        ..Policy::default()
    };
    let publish = |id: &str, policy: &Policy| commands::publish_policy(id, policy);
    let later = |id: &str, secs, policy: &Policy| PublishDocument {
        effective_from: Some(at(secs)),
        ..commands::publish_policy(id, policy)
    };
    let one = scoped(&[("prov", AnyKind)], PerKind);
    let house = given_house("configuration")
        .when(publish("P1", &scoped(&[], AnyKind)))
        .refused("document_invalid")
        // A source that is not named yet gets its scope with its name.
        .when(later("P1", 100, &one))
        .applied();
    let _ = house
        .clone()
        // Not even before it is in force.
        .when(publish("P2", &scoped(&[("prov", PerKind)], PerKind)))
        .refused("document_invalid")
        .when(publish("P2", &scoped(&[], PerKind)))
        .refused("document_invalid")
        .when(publish("P2", &scoped(&[("prov", AnyKind), ("other", AnyKind)], PerKind)))
        .applied();
    // Of the settings, too.
    let _ = given_house("configuration")
        .policy(one)
        .when(publish("P1", &scoped(&[], PerKind)))
        .refused("document_invalid")
        .when(publish("P1", &scoped(&[("prov", AnyKind)], PerKind)))
        .applied();
}

#[test]
fn documents_are_bounded() {
    let later = |n: usize, secs: i64| PublishDocument {
        effective_from: Some(at(secs)),
        ..terms(&format!("P{n}"), &n.to_string())
    };
    let mut house = given_configuration();
    for n in 0..VERSIONS_MAX {
        house = house.when(later(n, i64::try_from(n).unwrap() * 10)).applied();
    }
    let maximum = u32::try_from(VERSIONS_MAX).unwrap();
    let _ = house
        .when(later(99, 1_000))
        .refused("capacity_exceeded")
        .refused_as(&Rejection::CapacityExceeded { what: Capacity::DocumentVersions, maximum })
        // What is over counts no more.
        .after_secs(10)
        .when(later(99, 1_000))
        .applied();
    let big = |n: usize| {
        let content = format!("{{\"limit\":\"{n:03}\",\"x\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES_MAX - 22));
        assert_eq!(content.len(), DOCUMENT_BYTES_MAX);
        commands::publish(&format!("B{n}"), "terms", &format!("big-{n}"), &content)
    };
    let mut state = ledger_core::HouseState::new(commands::house("configuration"));
    let (currencies, policy) = (ledger_core::CurrencyRegistry::empty(), Policy::default());
    let checks: Vec<Arc<dyn DocumentCheck>> = vec![Arc::new(Terms(DocumentKind::new("terms").unwrap()))];
    let facts = ledger_core::Facts {
        documents: &checks,
        ..ledger_core::Facts::new(ledger_core::Found::NOTHING, &currencies, &policy)
    };
    let mut taken = 0;
    let refused = loop {
        let command = big(taken).into();
        match ledger_core::HouseLedger::decide(&state, &command, &facts, Timestamp::EPOCH).unwrap() {
            ledger_core::Decision::Commit(draft) => {
                state.evolve_all(&draft.events, Timestamp::EPOCH).unwrap();
            }
            other => break other,
        }
        taken += 1;
    };
    assert_eq!(taken, CONFIGURATION_BYTES_MAX / DOCUMENT_BYTES_MAX);
    let maximum = u32::try_from(CONFIGURATION_BYTES_MAX).unwrap();
    let expected = Rejection::CapacityExceeded { what: Capacity::DocumentBytes, maximum };
    assert_eq!(refused, ledger_core::Decision::Refuse(expected));
}

#[test]
fn a_content_that_is_not_what_its_name_says_is_damage() {
    let house = given_configuration().when(terms("P1", "10")).applied();
    let body = &house.house().commits()[0];
    let fold = |change: &dyn Fn(&mut ledger_core::stored::CommitBody)| {
        let mut body = body.clone();
        change(&mut body);
        let mut state = ledger_core::HouseState::new(commands::house("configuration"));
        state.evolve_commit(&body).map(|()| state)
    };
    assert!(fold(&|_| {}).is_ok());
    let other = ledger_core::DocumentContent::new(r#"{"limit":"11"}"#).unwrap();
    assert!(
        fold(&|body| {
            if let Event::DocumentStored(event) = &mut body.events[0].event {
                event.content = other.clone();
            }
        })
        .is_err()
    );
    assert!(
        fold(&|body| {
            if let Event::DocumentPublished(event) = &mut body.events[1].event {
                event.hash = other.hash();
            }
        })
        .is_err()
    );
    assert!(fold(&|body| drop(body.events.remove(0))).is_err(), "a version of a content that is nowhere");
    assert!(fold(&|body| body.events[1].version = 2).is_err());
}

/// This build knows one level, which every ledger begins at.
#[test]
fn shapes_of_a_level_that_is_unknown_or_active_are_not_activated() {
    let house = given_configuration()
        .when(commands::activate(2))
        .refused("not_allowed")
        .refused_as(&no(NotAllowedReason::LevelUnknown))
        .when(commands::activate(1))
        .refused("not_allowed")
        .refused_as(&no(NotAllowedReason::LevelPassed));
    assert_eq!(house.house().state().level(), ShapeLevel::FIRST);
    given_house("treasury").when(commands::activate(2)).refused("wrong_partition");
}

/// What a newer release activated is folded by an older one too, so that it can see that it must stop.
#[test]
fn a_level_rises_and_never_falls() {
    let mut state = ledger_core::HouseState::new(commands::house("configuration"));
    let activated = |version, level| {
        let reason = commands::reason("no older release is left");
        let event = Event::ShapesActivated(ShapesActivated { level: ShapeLevel(level), reason });
        [EventRecord::new("house/configuration".parse().unwrap(), version, event)]
    };
    state.evolve_all(&activated(1, 2), Timestamp::EPOCH).unwrap();
    assert_eq!(state.level(), ShapeLevel(2));
    for level in [0, 1, 2] {
        assert!(state.clone().evolve_all(&activated(2, level), Timestamp::EPOCH).is_err(), "{level}");
    }
    state.evolve_all(&activated(2, 4), Timestamp::EPOCH).unwrap();
    assert_eq!(state.level(), ShapeLevel(4));
    let mut elsewhere = ledger_core::HouseState::new(commands::house("treasury"));
    let event =
        activated(1, 2).map(|record| EventRecord { stream: "house/treasury".parse().unwrap(), ..record });
    assert!(elsewhere.evolve_all(&event, Timestamp::EPOCH).is_err());
}
