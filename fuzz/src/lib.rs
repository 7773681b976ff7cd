//! What the fuzz targets check: whatever the bytes, no panic, and what is accepted keeps its invariants.

use ledger_core::stored::{CommitBody, CommitIndex, EventRecord};
use ledger_core::{Amount, Entry, Partition, PlayerCommand, PlayerState, Side, UNITS_BOUND};

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The text of an amount: what is read writes itself back, within the bounds.
pub fn amount(data: &[u8]) {
    let Some(Ok(amount)) = text(data).map(str::parse::<Amount>) else { return };
    assert!(amount.units().unsigned_abs() < UNITS_BOUND.unsigned_abs());
    assert_eq!(amount.to_string().parse(), Ok(amount));
    assert_eq!(Amount::from_decimal(amount.to_decimal(), amount.scale()), Ok(amount));
}

/// A stored entry: what is accepted balances per currency and book.
pub fn entry(data: &[u8]) {
    let Ok(entry) = serde_json::from_slice::<Entry>(data) else { return };
    for posting in entry.postings() {
        let sum = |side: Side| {
            entry
                .postings()
                .iter()
                .filter(|p| {
                    p.side == side && p.currency == posting.currency && p.account.book() == posting.account.book()
                })
                .map(|p| p.amount.rescale_up(18).map(Amount::units).unwrap_or_default())
                .fold(0_i128, i128::saturating_add)
        };
        // Beyond what scale 18 can hold the comparison says nothing.
        if entry.postings().iter().all(|p| p.amount.rescale_up(18).is_ok()) {
            assert_eq!(sum(Side::Debit), sum(Side::Credit));
        }
        assert!(posting.amount.is_positive());
    }
    let encoded = serde_json::to_vec(&entry).expect("an entry encodes");
    assert_eq!(serde_json::from_slice::<Entry>(&encoded).ok(), Some(entry));
}

/// A stored event: what is read writes itself back, and folds or is refused without a panic.
pub fn event(data: &[u8]) {
    let Ok(record) = serde_json::from_slice::<EventRecord>(data) else { return };
    let encoded = serde_json::to_vec(&record).expect("an event encodes");
    assert_eq!(serde_json::from_slice::<EventRecord>(&encoded).ok().as_ref(), Some(&record));
    if let Partition::Player(player) = record.stream.partition() {
        let mut state = PlayerState::new(player);
        let _ = state.evolve(&record);
        let _ = state.evolve(&record);
    }
}

/// The body of a commit: both readings of it agree.
pub fn body(data: &[u8]) {
    let index = CommitIndex::of_body(data);
    let Ok(body) = CommitBody::decode(data) else { return };
    let expected = CommitIndex::of(&body, body.partition.digest());
    assert_eq!(index.ok(), Some(expected), "what decodes can be indexed");
    let mut encoded = Vec::new();
    if body.encode(&mut encoded).is_ok() {
        assert_eq!(CommitBody::decode(&encoded).ok(), Some(body));
    }
}

/// A command as JSON: what is read has a fingerprint and writes itself back.
pub fn command(data: &[u8]) {
    let Ok(command) = serde_json::from_slice::<PlayerCommand>(data) else { return };
    let encoded = serde_json::to_vec(&command).expect("a command encodes");
    let again: PlayerCommand = serde_json::from_slice(&encoded).expect("what was written reads back");
    assert_eq!(again.fingerprint(), command.fingerprint());
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_seed_passes() {
        let targets: [(&str, fn(&[u8])); 5] = [
            ("amount", super::amount),
            ("body", super::body),
            ("command", super::command),
            ("entry", super::entry),
            ("event", super::event),
        ];
        for (name, target) in targets {
            let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
            let files: Vec<_> = fs::read_dir(&seeds).expect("seeds").map(|f| f.expect("a file").path()).collect();
            assert!(!files.is_empty(), "{name} has no seeds");
            for file in files {
                target(&fs::read(file).expect("a seed"));
            }
        }
    }
}
