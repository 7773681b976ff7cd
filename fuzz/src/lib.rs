//! What the fuzz targets check: whatever the bytes, no panic, and what is accepted keeps its invariants.
//!
//! `cargo xtask fuzz` runs them; [`TARGETS`] lists them, and a test runs every seed on any compiler.

mod postings;

use std::cell::LazyCell;

use ledger_core::stored::{CommitBody, CommitIndex, Event, EventError, EventRecord};
use ledger_core::testing::{TestHouse, TestLedger, TestOutcome, given, given_nobody, house_commands};
use ledger_core::{
    Amount, Entry, HouseCommand, HouseId, HouseState, Partition, PlayerCommand, PlayerState, Timestamp,
    UNITS_BOUND,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Takes an input, and panics if it shows a bug.
pub type Target = fn(&[u8]);

/// Every target, by the name of its binary and of its folder of seeds.
pub const TARGETS: [(&str, Target); 7] = [
    ("amount", amount),
    ("body", body),
    ("command", command),
    ("entry", entry),
    ("event", event),
    ("house", house),
    ("upcasting", upcasting),
];

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

/// An entry, stored or made: what `Entry::new` says is what the rules say, and what it takes reads back.
///
/// A JSON object is read as stored; other bytes are postings in a short form, see [`postings`].
pub fn entry(data: &[u8]) {
    let entry = if data.first() == Some(&b'{') {
        let Ok(entry) = serde_json::from_slice::<Entry>(data) else { return };
        postings::judge(entry.postings(), &Ok(entry.clone()));
        entry
    } else {
        let (kind, postings) = postings::read(data);
        let result = Entry::new(kind, postings.clone());
        postings::judge(&postings, &result);
        let Ok(entry) = result else { return };
        entry
    };
    let encoded = serde_json::to_vec(&entry).expect("an entry encodes");
    assert_eq!(serde_json::from_slice::<Entry>(&encoded).ok(), Some(entry));
}

thread_local! {
    /// A ledger without a player, and one whose player p1 has cash, an open round and one that is over.
    static NOBODY: LazyCell<TestLedger> = LazyCell::new(|| given_nobody().ledger().clone());
    static PLAYED: LazyCell<TestLedger> = LazyCell::new(|| {
        let played = given().cash("100.00").bet("T1", "R", "10.00").bet("T0", "R0", "5.00");
        played.win_close("W0", "R0", "7.50").ledger().clone()
    });
    /// A payment provider's partition with money in suspense, open and assigned.
    static SUSPENDED: LazyCell<TestHouse> = LazyCell::new(|| {
        let mut house = TestHouse::new("psp/psp");
        let all: [HouseCommand; 3] = [
            house_commands::capture_unknown("D1", "100.00").into(),
            house_commands::capture_unknown("D2", "7.50").into(),
            house_commands::assign("A2", "D2", "p1").into(),
        ];
        for command in all {
            house.execute(&command).expect("the core does not contradict itself");
        }
        house
    });
}

/// Folding is total: whatever comes, the state says no or goes on, and what goes on can be kept.
fn fold(player: &ledger_core::PlayerId, step: impl Fn(&mut PlayerState) -> bool) {
    let live = PLAYED.with(|played| played.state().clone());
    let live = (live.player() == player).then_some(live);
    for mut state in [Some(PlayerState::new(player.clone())), live].into_iter().flatten() {
        // Twice: what came once must not come again unnoticed, nor break anything.
        for _ in 0..2 {
            if step(&mut state) {
                let kept = state.to_snapshot().expect("a state can be kept");
                assert_eq!(PlayerState::from_snapshot(&kept).expect("what was kept reads back"), state);
            }
        }
    }
}

/// As [`fold`], of a partition of the house.
fn fold_house(house: &HouseId, step: impl Fn(&mut HouseState) -> bool) {
    let live = SUSPENDED.with(|house| house.state().clone());
    let live = (live.house() == house).then_some(live);
    for mut state in [Some(HouseState::new(house.clone())), live].into_iter().flatten() {
        for _ in 0..2 {
            if step(&mut state) {
                let kept = state.to_snapshot().expect("a state can be kept");
                assert_eq!(HouseState::from_snapshot(&kept).expect("what was kept reads back"), state);
            }
        }
    }
}

/// A stored event: what is read writes itself back, and folds or is refused without a panic.
pub fn event(data: &[u8]) {
    let Ok(record) = serde_json::from_slice::<EventRecord>(data) else { return };
    let encoded = serde_json::to_vec(&record).expect("an event encodes");
    assert_eq!(serde_json::from_slice::<EventRecord>(&encoded).ok().as_ref(), Some(&record));
    let partition = record.stream.partition();
    let (record, at) = ([record], Timestamp::EPOCH);
    match partition {
        Partition::Player(player) => fold(&player, |state| state.evolve_all(&record, at).is_ok()),
        Partition::House(house) => fold_house(&house, |state| state.evolve_all(&record, at).is_ok()),
    }
}

/// The body of a commit: both readings of it agree, and it folds or is refused.
pub fn body(data: &[u8]) {
    let index = CommitIndex::of_body(data);
    let Ok(body) = CommitBody::decode(data) else { return };
    let expected = CommitIndex::of(&body, body.partition.digest());
    assert_eq!(index.ok(), Some(expected), "what decodes can be indexed");
    let mut encoded = Vec::new();
    body.encode(&mut encoded).expect("what was read can be written");
    assert_eq!(CommitBody::decode(&encoded).ok().as_ref(), Some(&body));
    match &body.partition {
        Partition::Player(player) => fold(player, |state| state.evolve_commit(&body).is_ok()),
        Partition::House(house) => fold_house(house, |state| state.evolve_commit(&body).is_ok()),
    }
}

/// The most lines of one input: enough for a round and its undoing.
const LINES_MAX: usize = 12;

/// Commands as JSON, one a line; `+60` lets a minute pass. What is read has a fingerprint and writes itself back;
/// the ledger decides it without contradicting itself, knows it when it comes again, and keeps every invariant.
pub fn command(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').take(LINES_MAX).collect();
    let read = |line: &[u8]| serde_json::from_slice::<PlayerCommand>(line).ok();
    let Some(first) = lines.iter().find_map(|line| read(line)) else { return };
    let opens = matches!(first, PlayerCommand::OpenPlayer(_));
    let mut ledger = if opens { NOBODY.with(|l| (*l).clone()) } else { PLAYED.with(|l| (*l).clone()) };
    for line in lines {
        if let Some(seconds) = text(line).and_then(|line| line.strip_prefix('+')) {
            ledger.advance_secs(seconds.parse().unwrap_or_default());
        } else if let Some(command) = read(line) {
            execute(&mut ledger, &command);
        }
    }
    ledger.check().expect("every invariant holds");
}

fn execute(ledger: &mut TestLedger, command: &PlayerCommand) {
    let encoded = serde_json::to_vec(command).expect("a command encodes");
    let read: PlayerCommand = serde_json::from_slice(&encoded).expect("what was written reads back");
    assert_eq!(read.fingerprint(), command.fingerprint());
    let first = ledger.execute(command).expect("the core does not contradict itself").outcome;
    let commits = ledger.commits().len();
    let again = ledger.execute(command).expect("nor when it is told again").outcome;
    // A refusal that leaves its key free may be decided again, and recorded again.
    if matches!(first, TestOutcome::Applied | TestOutcome::Noop | TestOutcome::Tombstoned) {
        assert_eq!(ledger.commits().len(), commits, "a replay appends nothing");
        assert!(matches!(again, TestOutcome::Replayed(_)), "{again:?}");
        // A batch may have had replays in it the first time.
        if !matches!(command, PlayerCommand::Batch(_)) {
            assert_eq!(again, TestOutcome::Replayed(Box::new(first)));
        }
    }
}

/// The name of a partition of the house, then commands to it as JSON, one a line, and time, as for [`command`]. The
/// same must hold; and whatever it is told, it never touches an account of a player.
pub fn house(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Some(name) = lines.next().and_then(text).filter(|name| HouseId::new(name).is_ok()) else { return };
    let suspended = SUSPENDED.with(|house| (*house).clone());
    let mut house = if name == suspended.state().house().as_str() { suspended } else { TestHouse::new(name) };
    for line in lines.take(LINES_MAX) {
        if let Some(seconds) = text(line).and_then(|line| line.strip_prefix('+')) {
            house.advance_secs(seconds.parse().unwrap_or_default());
        } else if let Ok(command) = serde_json::from_slice::<HouseCommand>(line) {
            execute_house(&mut house, &command);
        }
    }
    house.check().expect("every invariant holds");
    assert!(house.accounts().keys().all(|account| !account.code.is_player()));
}

fn execute_house(house: &mut TestHouse, command: &HouseCommand) {
    let encoded = serde_json::to_vec(command).expect("a command encodes");
    let read: HouseCommand = serde_json::from_slice(&encoded).expect("what was written reads back");
    assert_eq!(read.fingerprint(), command.fingerprint());
    let first = house.execute(command).expect("the core does not contradict itself").outcome;
    let commits = house.commits().len();
    if first == TestOutcome::Applied {
        let again = house.execute(command).expect("nor when it is told again").outcome;
        assert_eq!(house.commits().len(), commits, "a replay appends nothing");
        assert_eq!(again, TestOutcome::Replayed(Box::new(first)));
    }
}

/// An event as a store keeps it, taken by type, version and data: what can be read is written as the newest
/// version and reads back as the same event; what this build does not know is an error that says so.
pub fn upcasting(data: &[u8]) {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(rename = "type")]
        name: String,
        schema: u16,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let Ok(parts) = serde_json::from_slice::<Parts<'_>>(data) else { return };
    let newest = Event::TYPES.iter().find(|(name, _)| *name == parts.name).map(|(_, newest)| *newest);
    let known = newest.is_some_and(|newest| (1..=newest).contains(&parts.schema));
    let event = match Event::decode(&parts.name, parts.schema, parts.data.get()) {
        Ok(event) => event,
        Err(EventError::Unknown { schema, .. }) => {
            assert!(!known, "{} {} is known", parts.name, parts.schema);
            assert_eq!(schema, parts.schema);
            return;
        }
        Err(error) => {
            assert!(known, "{} {} is unknown, and not: {error}", parts.name, parts.schema);
            return;
        }
    };
    assert_eq!((event.type_name(), Some(event.schema())), (parts.name.as_str(), newest));
    let record = EventRecord::new("player/p1".parse().expect("a stream"), 1, event);
    let written = serde_json::to_string(&record).expect("an event encodes");
    let again: Parts<'_> = serde_json::from_str(&written).expect("what was written has its parts");
    assert_eq!(Some(again.schema), newest, "what is written is the newest version");
    let read = Event::decode(&again.name, again.schema, again.data.get());
    assert_eq!(read.expect("what was written reads back"), record.event);
    // The way of the store comes to the same.
    assert_eq!(serde_json::from_str::<EventRecord>(&written).ok(), Some(record));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn files(folder: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let all = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        all.map(|file| file.expect("a file").path()).collect()
    }

    #[test]
    fn every_seed_passes() {
        for (name, target) in super::TARGETS {
            let seeds = files(&format!("seeds/{name}"));
            assert!(!seeds.is_empty(), "{name} has no seeds");
            for file in seeds {
                target(&fs::read(file).expect("a seed"));
            }
        }
    }

    /// What is frozen is a seed of everything that reads what is stored.
    #[test]
    fn every_golden_passes() {
        for file in files("../ledger-core/tests/golden") {
            let stored = fs::read(file).expect("a golden file");
            for (_, target) in super::TARGETS {
                target(&stored);
            }
        }
    }

    #[test]
    fn every_target_is_listed() {
        let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
        let binaries: BTreeSet<String> = files("fuzz_targets").into_iter().map(stem).collect();
        let listed: BTreeSet<String> = super::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(binaries, listed);
    }
}
