//! Verification of one player: his complete history, in the chain it stands in.

use std::sync::Arc;

use ledger_core::stored::{CommitBody, CommitIndex, Event, PurseBalance};
use ledger_core::{Partition, PartitionDigest, PlayerId, PlayerState, Stream};
use ledger_store::{EventStore, Head, Position, Shard};
use serde::Deserialize;

use super::books::Books;
use super::chain::ChainCheck;
use super::error::VerifyError;
use super::fold::{Folded, Pass};
use super::shard::PAGE_COMMITS;
use crate::aside::reading;
use crate::proof::Witnesses;

/// What was found to be right about one player.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlayerVerification {
    /// His shard.
    pub shard: Shard,
    /// The head of his shard, as recomputed.
    pub head: Head,
    /// His last commit; position 0 if he has none.
    pub last: Head,
    /// How many commits he has.
    pub commits: u64,
    /// How many entries.
    pub entries: u64,
    /// How many keys were consumed.
    pub keys: u64,
    /// How many snapshots are what a replay comes to: he has one or none.
    pub snapshots: u64,
    /// How many were left out: of another fold, which nothing loads, or newer than the head.
    pub snapshots_left_out: u64,
    /// His balances, as his entries add up to them.
    pub balances: Vec<PurseBalance>,
}

/// Verifies the complete history of one player: the chain of his shard, so that nothing of him is left out; each of his
/// commits; that his keys stand once; that his entries add up to his balances; his snapshot; and that the index finds
/// exactly these commits.
///
/// Reads his shard once, on a thread of its own; of other players' commits only the partition is read. His keys are held in
/// memory, 32 bytes each.
///
/// # Errors
///
/// [`VerifyError`] naming the first wrong commit.
pub async fn verify_player(
    store: &Arc<dyn EventStore>,
    player: &PlayerId,
    witnesses: &Witnesses,
) -> Result<PlayerVerification, VerifyError> {
    let (player, witnesses) = (player.clone(), witnesses.clone());
    reading("verify", store, move |store| async move {
        let partition = Partition::Player(player).digest();
        let shard = store.identity().shards.shard_of(&partition);
        let heads = store.heads().await?;
        let head = heads.get(shard.index()).copied().ok_or_else(|| VerifyError::Commit {
            shard,
            position: Position::ZERO,
            what: "the store has no head of the shard".to_owned(),
        })?;
        let walk = PlayerWalk {
            store: &*store,
            shard,
            partition,
            books: Books::default(),
            pass: Pass::first(usize::MAX),
            indexed: Indexed::default(),
            found: PlayerVerification {
                shard,
                head,
                last: Head {
                    position: Position::ZERO,
                    hash: ledger_store::genesis(store.identity(), shard).hash,
                },
                commits: 0,
                entries: 0,
                keys: 0,
                snapshots: 0,
                snapshots_left_out: 0,
                balances: Vec::new(),
            },
        };
        walk.run(&witnesses).await
    })
    .await
}

/// The commits of the player as the index finds them, read ahead.
#[derive(Debug, Default)]
struct Indexed {
    ahead: std::collections::VecDeque<Position>,
    /// The last that was read ahead.
    last: Option<Position>,
}

struct PlayerWalk<'a> {
    store: &'a dyn EventStore,
    shard: Shard,
    partition: PartitionDigest,
    books: Books,
    pass: Pass,
    indexed: Indexed,
    found: PlayerVerification,
}

#[derive(Deserialize)]
struct Named {
    partition: Partition,
}

impl PlayerWalk<'_> {
    async fn run(mut self, witnesses: &Witnesses) -> Result<PlayerVerification, VerifyError> {
        let (head, shard) = (self.found.head, self.shard);
        let mut chain = ChainCheck::new(*self.store.identity(), shard, witnesses.of(shard))?;
        let missing = |position| VerifyError::Commit { shard, position, what: "it is missing".to_owned() };
        while chain.last().position < head.position {
            let next = chain.last().position.next();
            let commits = self.store.read(shard, next, PAGE_COMMITS).await?;
            if commits.is_empty() {
                return Err(missing(next));
            }
            for commit in commits.iter().take_while(|commit| commit.position <= head.position) {
                chain.take(commit)?;
                let wrong = |what: String| VerifyError::Commit { shard, position: commit.position, what };
                let named: Named =
                    serde_json::from_slice(&commit.body).map_err(|error| wrong(error.to_string()))?;
                if named.partition.digest() == self.partition {
                    self.take(commit).await?;
                }
            }
            if chain.last().position < next {
                return Err(missing(next));
            }
        }
        if chain.last() != head {
            let what = "the recomputed head is another".to_owned();
            return Err(VerifyError::Commit { shard, position: head.position, what });
        }
        chain.end()?;
        self.end().await
    }

    async fn take(&mut self, commit: &ledger_store::StoredCommit) -> Result<(), VerifyError> {
        let (shard, position) = (self.shard, commit.position);
        let wrong = |what: String| VerifyError::Commit { shard, position, what };
        let body = CommitBody::decode(&commit.body).map_err(|error| wrong(error.to_string()))?;
        let index = CommitIndex::of_body(&commit.body).map_err(|error| wrong(error.to_string()))?;
        for record in &body.events {
            if record.stream.partition() != body.partition {
                return Err(wrong(format!("stream {} is of another partition", record.stream)));
            }
            if let (Event::EntryPosted(event), Stream::Wallet(_)) = (&record.event, &record.stream) {
                self.books.post(&event.entry).map_err(wrong)?;
            }
        }
        self.pass.take(self.store, commit, &body, &index).await?;
        self.found.commits += 1;
        self.found.keys += body.keys.len() as u64;
        self.found.last = Head { position, hash: commit.hash };
        match self.next_indexed().await? {
            Some(indexed) if indexed == position => Ok(()),
            indexed => {
                let what = match indexed {
                    Some(other) => format!("the next commit of the player stands here, it finds {other}"),
                    None => "the player has a commit here, it finds none".to_owned(),
                };
                Err(VerifyError::Index { shard, position, what })
            }
        }
    }

    /// The next commit of the player that the index finds, up to the head.
    async fn next_indexed(&mut self) -> Result<Option<Position>, VerifyError> {
        if self.indexed.ahead.is_empty() {
            let after = self.indexed.last.unwrap_or(Position::ZERO);
            let commits = self.store.read_partition(&self.partition, after, PAGE_COMMITS).await?;
            let head = self.found.head.position;
            let positions = commits.iter().map(|commit| commit.position).take_while(|at| *at <= head);
            self.indexed.ahead.extend(positions);
            self.indexed.last = self.indexed.ahead.back().copied().or(self.indexed.last);
        }
        Ok(self.indexed.ahead.pop_front())
    }

    async fn end(mut self) -> Result<PlayerVerification, VerifyError> {
        let (shard, head) = (self.shard, self.found.head);
        if let Some(position) = self.next_indexed().await? {
            let what = "it finds a commit of the player here, which is not his".to_owned();
            return Err(VerifyError::Index { shard, position, what });
        }
        self.found.balances = self.pass.state(&self.partition).map(PlayerState::balances).unwrap_or_default();
        let mut folded = Folded::default();
        self.pass.end(self.store, shard, head.position, true, &mut folded).await?;
        let books = self.books.check_balanced().and_then(|()| self.books.check_purses(&folded.purses));
        books.map_err(|what| VerifyError::Books(format!("shard {shard}: {what}")))?;
        self.found.entries = self.books.entries;
        self.found.snapshots = folded.snapshots;
        self.found.snapshots_left_out = folded.snapshots_left_out;
        Ok(self.found)
    }
}
