//! Commits for tests: real bodies, sealed on a head.

use std::sync::Arc;

use ledger_core::stored::CommitIndex;
use ledger_core::{
    HouseId, IdempotencyKey, OperationKind, Partition, PlayerId, SourceId, Stream, Timestamp, TransactionId,
};
use serde::Serialize;

use crate::{Head, LedgerIdentity, SealedCommit, Shard, ShardAppend, ShardCount, commit_hash, genesis};

/// 2026-01-01T00:00:00Z, the time of a commit that names none.
const NEW_YEAR_MICROS: i64 = 1_767_225_600_000_000;

/// Builds the body of a commit as an index reads it, without any event a domain would know.
///
/// ```
/// use ledger_core::OperationKind;
/// use ledger_core::stored::CommitIndex;
/// use ledger_store::testing::CommitBuilder;
/// let body = CommitBuilder::player("p1").key("studio", OperationKind::Bet, "t1").body();
/// assert_eq!(CommitIndex::of_body(&body)?.keys.len(), 1);
/// # Ok::<(), ledger_core::stored::IndexError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CommitBuilder {
    partition: Partition,
    recorded_at: Timestamp,
    keys: Vec<IdempotencyKey>,
    tombstones: Vec<(SourceId, TransactionId)>,
    streams: Vec<Stream>,
    note: String,
    bytes: Option<usize>,
}

#[derive(Serialize)]
struct Body<'a> {
    partition: &'a Partition,
    recorded_at: Timestamp,
    keys: Vec<Key<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tombstones: Vec<Tombstone<'a>>,
    events: Vec<Event<'a>>,
    note: &'a str,
    pad: &'a str,
}

#[derive(Serialize)]
struct Key<'a> {
    source: &'a SourceId,
    kind: OperationKind,
    id: &'a TransactionId,
}

#[derive(Serialize)]
struct Tombstone<'a> {
    source: &'a SourceId,
    id: &'a TransactionId,
}

#[derive(Serialize)]
struct Event<'a> {
    stream: &'a Stream,
}

impl CommitBuilder {
    /// A commit of this partition, without keys or events.
    pub fn new(partition: Partition) -> Self {
        let recorded_at = Timestamp::from_micros(NEW_YEAR_MICROS).unwrap_or(Timestamp::EPOCH);
        Self {
            partition,
            recorded_at,
            keys: vec![],
            tombstones: vec![],
            streams: vec![],
            note: String::new(),
            bytes: None,
        }
    }

    /// A commit of this player.
    ///
    /// # Panics
    ///
    /// If the text is not an identifier.
    pub fn player(id: &str) -> Self {
        Self::new(Partition::Player(PlayerId::new(id).expect("a player id")))
    }

    /// A commit of this purpose of the house.
    ///
    /// # Panics
    ///
    /// If the text is not an identifier.
    pub fn house(id: &str) -> Self {
        Self::new(Partition::House(HouseId::new(id).expect("a house id")))
    }

    /// The time it is recorded at; 2026-01-01 unless given.
    pub fn recorded_at(mut self, at: Timestamp) -> Self {
        self.recorded_at = at;
        self
    }

    /// Consumes a key.
    ///
    /// # Panics
    ///
    /// If a text is not an identifier.
    pub fn key(mut self, source: &str, kind: OperationKind, id: &str) -> Self {
        let (source, id) = (SourceId::new(source).expect("a source"), TransactionId::new(id).expect("an id"));
        self.keys.push(IdempotencyKey { source, kind, id });
        self
    }

    /// Sets a tombstone.
    ///
    /// # Panics
    ///
    /// If a text is not an identifier.
    pub fn tombstone(mut self, source: &str, id: &str) -> Self {
        let (source, id) = (SourceId::new(source).expect("a source"), TransactionId::new(id).expect("an id"));
        self.tombstones.push((source, id));
        self
    }

    /// Adds an event of this stream.
    pub fn stream(mut self, stream: Stream) -> Self {
        self.streams.push(stream);
        self
    }

    /// Adds a text that distinguishes this body from others.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Pads the body to exactly this many bytes. A body that is longer already stays as it is.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// The partition.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The body in JSON.
    pub fn body(&self) -> Vec<u8> {
        let bare = self.encode("");
        let missing = self.bytes.unwrap_or(0).saturating_sub(bare.len());
        if missing == 0 { bare } else { self.encode(&padding(missing)) }
    }

    fn encode(&self, pad: &str) -> Vec<u8> {
        let keys = self.keys.iter().map(|k| Key { source: &k.source, kind: k.kind, id: &k.id }).collect();
        let tombstones = self.tombstones.iter().map(|(source, id)| Tombstone { source, id }).collect();
        let events = self.streams.iter().map(|stream| Event { stream }).collect();
        let Self { partition, recorded_at, note, .. } = self;
        let body = Body { partition, recorded_at: *recorded_at, keys, tombstones, events, note, pad };
        serde_json::to_vec(&body).expect("a body of texts")
    }

    /// The commit, sealed on a head of a shard.
    ///
    /// The shard need not be the partition's own: what must be refused must be possible to build.
    pub fn seal(&self, identity: &LedgerIdentity, shard: Shard, on: Head) -> SealedCommit {
        seal(identity, shard, on, self.body().into())
    }
}

/// Seals a body on a head of a shard.
pub(super) fn seal(identity: &LedgerIdentity, shard: Shard, on: Head, body: Arc<[u8]>) -> SealedCommit {
    let index = CommitIndex::of_body(&body).expect("a body that the builder made");
    let position = on.position.next();
    let hash = commit_hash(identity, shard, position, &on.hash, &body);
    SealedCommit { position, previous: on.hash, hash, body, index }
}

/// Letters that do not compress to nothing and are the same in every run.
fn padding(bytes: usize) -> String {
    let mut dice = super::thread::Dice::new(1);
    std::iter::repeat_with(|| char::from(b"0123456789abcdefghijklmnopqrstuv"[dice.below(32)]))
        .take(bytes)
        .collect()
}

/// A shard as a writer sees it: its head, on which the next commits are sealed. A clone is a rival writer.
#[derive(Debug, Clone)]
pub struct ShardChain {
    identity: LedgerIdentity,
    shard: Shard,
    head: Head,
}

impl ShardChain {
    /// An empty shard.
    pub fn new(identity: LedgerIdentity, shard: Shard) -> Self {
        Self { identity, shard, head: genesis(&identity, shard) }
    }

    /// The shard whose head is this one.
    pub fn at(self, head: Head) -> Self {
        Self { head, ..self }
    }

    /// The head that the next commit is sealed on.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The shard.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// Seals commits on the head, which moves on to the last of them.
    pub fn seal(&mut self, commits: &[CommitBuilder]) -> ShardAppend {
        let expected = self.head;
        let mut seal_next = |commit: &CommitBuilder| {
            let sealed = commit.seal(&self.identity, self.shard, self.head);
            self.head = Head { position: sealed.position, hash: sealed.hash };
            sealed
        };
        let commits = commits.iter().map(&mut seal_next).collect();
        ShardAppend { shard: self.shard, expected, commits }
    }
}

/// The `nth` player of this shard, by names `player-0`, `player-1` ... in order.
pub fn partition_in(shards: ShardCount, shard: Shard, nth: usize) -> Partition {
    let players = (0_u64..).map(|i| CommitBuilder::player(&format!("player-{i}")).partition);
    let mut of_shard = players.filter(|partition| shards.shard_of(&partition.digest()) == shard);
    of_shard.nth(nth).expect("players without end")
}
