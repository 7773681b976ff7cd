//! Sealed fields in the envelope: opaque, bounded, outside of every rule.

use std::collections::BTreeMap;

use ledger_core::stored::{
    CommitBody, CommitIndex, FieldName, SEALED_BYTES_MAX, SEALED_FIELDS_MAX, SealedBytes, SealedError,
    SealedFields,
};
use ledger_core::testing::{commands, given};
use ledger_core::{ActorId, Context, Partition, Timestamp};

fn name(text: &str) -> FieldName {
    FieldName::new(text).unwrap()
}

/// Two fields, as any encryption might have left them.
pub(crate) fn fields() -> SealedFields {
    let sealed = |bytes: &[u8]| SealedBytes::new(bytes).unwrap();
    let all = [(name("ip"), sealed(&[1, 0, 0, 0, 1, 250, 251])), (name("device_1"), sealed(&[7; 40]))];
    SealedFields::new(all.into()).unwrap()
}

fn body() -> CommitBody {
    let placed = given().cash("100.00").bet("T1", "R", "10").applied();
    placed.ledger().commits().last().unwrap().clone()
}

fn encoded(body: &CommitBody) -> String {
    let mut bytes = Vec::new();
    body.encode(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn sealed_fields_are_left_out_when_there_are_none_and_read_back_when_there_are() {
    let plain = body();
    assert!(!encoded(&plain).contains("sealed"));
    assert!(CommitBody::decode(encoded(&plain).as_bytes()).unwrap().sealed.is_empty());
    let sealed = CommitBody { sealed: fields(), ..plain.clone() };
    let text = encoded(&sealed);
    assert!(text.contains(r#""sealed":{"device_1":"#), "by name, in the order of names: {text}");
    let read = CommitBody::decode(text.as_bytes()).unwrap();
    assert_eq!(read, sealed);
    assert_eq!(read.sealed.field(&name("ip")).unwrap().as_bytes(), [1, 0, 0, 0, 1, 250, 251]);
    assert_eq!(read.sealed.len(), 2);
    assert_eq!(
        CommitIndex::of_body(text.as_bytes()).unwrap(),
        CommitIndex::of_body(encoded(&plain).as_bytes()).unwrap()
    );
}

#[test]
fn a_draft_takes_the_sealed_fields_of_its_context() {
    let ledger = given().cash("100.00").ledger().clone();
    let state = ledger.state().clone();
    let command = commands::bet("T1", "R", "10").into();
    let registry = ledger_core::CurrencyRegistry::standard();
    let policy = ledger_core::Policy::default();
    let facts = ledger_core::Facts::new(ledger_core::Found::NOTHING, &registry, &policy);
    let now = Timestamp::from_micros(state.recorded_at().unwrap().as_micros()).unwrap();
    let decided = ledger_core::PlayerLedger::decide(&state, &command, &facts, now).unwrap();
    let ledger_core::Decision::Commit(draft) = decided else { panic!("{decided:?}") };
    let context = Context { sealed: fields(), ..Context::of(ActorId::new("host").unwrap()) };
    let hash = policy.content_hash().unwrap();
    assert_eq!(draft.clone().into_body(&state, context.clone(), hash, "1", now).sealed, fields());
    let house: Partition = "house/currencies".parse().unwrap();
    assert_eq!(draft.into_house_body(house, context, hash, "1", now).sealed, fields());
}

#[test]
fn names_values_and_their_number_are_bounded() {
    assert_eq!(name("ip").as_str(), "ip");
    assert!(FieldName::new("x".repeat(32)).is_ok());
    for wrong in ["", "IP", "my ip", "ip.v4", "jürgen", "a-b", &"x".repeat(33)] {
        assert_eq!(FieldName::new(wrong), Err(SealedError::Name { bytes: wrong.len() }));
        let text = FieldName::new(wrong).unwrap_err().to_string();
        assert!(wrong.is_empty() || !text.contains(wrong), "an error repeats no name: {text}");
    }
    assert!(SealedBytes::new(&[1; SEALED_BYTES_MAX]).is_ok());
    for bytes in [0, SEALED_BYTES_MAX + 1] {
        assert_eq!(SealedBytes::new(&vec![1; bytes]), Err(SealedError::Bytes { bytes }));
    }
    assert_eq!("AAE".parse::<SealedBytes>().unwrap().as_bytes(), [0, 1]);
    for wrong in ["AAE=", "A", "++++", "Zürich"] {
        assert_eq!(wrong.parse::<SealedBytes>(), Err(SealedError::Text));
    }
    let many = |count: usize| -> BTreeMap<_, _> {
        (0..count).map(|i| (name(&format!("f{i}")), SealedBytes::new(&[1]).unwrap())).collect()
    };
    assert!(SealedFields::new(many(SEALED_FIELDS_MAX)).is_ok());
    let fields = SEALED_FIELDS_MAX + 1;
    assert_eq!(SealedFields::new(many(fields)), Err(SealedError::TooMany { fields }));
}

#[test]
fn stored_bytes_go_through_the_same_door() {
    let text = encoded(&CommitBody { sealed: fields(), ..body() });
    let seventeen: Vec<_> = (0..17).map(|i| format!(r#""f{i}":"AAE""#)).collect();
    for (from, to) in [
        (r#""ip":"#, r#""IP":"#),
        (r#""ip":"AQ"#, r#""ip":"A Q"#),
        (r#""ip":"AQAAAAH6-w""#, r#""ip":"""#),
        (r#""ip":"AQAAAAH6-w""#, &seventeen.join(",")),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(CommitBody::decode(changed.as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn what_is_shown_of_a_sealed_value_is_its_length() {
    assert_eq!(format!("{:?}", SealedBytes::new(b"abcdefgh").unwrap()), "SealedBytes(8 bytes)");
    assert_eq!(format!("{:?}", name("ip")), "FieldName(\"ip\")");
}
