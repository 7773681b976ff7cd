//! One shard: its chain, what stands in it, and its players, in as many passes as they need.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ledger_core::stored::{CommitBody, CommitIndex, Event};
use ledger_core::{Partition, Stream, Timestamp};
use ledger_store::{EventStore, Head, Lookup, Position, Shard, StoredCommit};
use serde::{Deserialize, Serialize};

use super::books::{Books, TrialBalanceLine};
use super::chain::ChainCheck;
use super::error::VerifyError;
use super::fold::{Folded, Pass};
use super::suspense::{Crossings, CrossingsOfShard};
use super::{OnProgress, Progress};
use crate::proof::{StatementArchive, Witnesses};

/// How many commits are read at once; a read also ends at [`ledger_store::READ_BYTES_MAX`].
pub(super) const PAGE_COMMITS: usize = 1_024;

/// What is the same for all shards of a verification.
pub(super) struct Plan {
    pub(super) heads: Vec<Head>,
    pub(super) witnesses: Witnesses,
    pub(super) archive: Option<Arc<dyn StatementArchive>>,
    /// The memory for the players of one shard, in bytes.
    pub(super) bytes_max: usize,
    pub(super) checks_index: bool,
    pub(super) progress: Option<OnProgress>,
    /// Commits checked, over all shards.
    pub(super) checked: AtomicU64,
    /// The first shard that was found wrong: those after it need not go on.
    pub(super) wrong_shard: AtomicU32,
}

/// What was found to be right about a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShardReport {
    pub(super) head: Head,
    pub(super) commits: u64,
    pub(super) entries: u64,
    pub(super) players: u64,
    pub(super) houses: u64,
    pub(super) snapshots: u64,
    pub(super) snapshots_left_out: u64,
    pub(super) lines: Vec<TrialBalanceLine>,
    pub(super) crossings: CrossingsOfShard,
}

/// The verification of one shard.
pub(super) struct ShardWalk<'a> {
    store: &'a dyn EventStore,
    plan: &'a Plan,
    shard: Shard,
    head: Head,
    books: Books,
    crossings: Crossings,
    recorded_at: Option<Timestamp>,
}

/// The first thing found wrong, and before which position others are looked for.
type First = Option<(Position, VerifyError)>;

fn note(first: &mut First, position: Position, error: VerifyError) {
    if first.as_ref().is_none_or(|(known, _)| position <= *known) {
        *first = Some((position, error));
    }
}

/// Where something was found wrong; `None` if it is no matter of a place, as when the store cannot be read.
fn place(error: &VerifyError) -> Option<Position> {
    match error {
        VerifyError::Commit { position, .. }
        | VerifyError::Snapshot { position, .. }
        | VerifyError::Index { position, .. } => Some(*position),
        VerifyError::Witness { first, witnessed, .. } => Some(first.unwrap_or(*witnessed)),
        _ => None,
    }
}

impl<'a> ShardWalk<'a> {
    pub(super) fn new(store: &'a dyn EventStore, plan: &'a Plan, shard: Shard) -> Option<Self> {
        let head = plan.heads.get(shard.index()).copied()?;
        Some(Self {
            store,
            plan,
            shard,
            head,
            books: Books::default(),
            crossings: Crossings::default(),
            recorded_at: None,
        })
    }

    /// Verifies the shard. `None` if it was stopped because of another.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] naming the first wrong commit.
    pub(super) async fn run(mut self) -> Result<Option<ShardReport>, VerifyError> {
        let mut first: First = None;
        let mut folded = Folded::default();
        let mut pass = Pass::first(self.plan.bytes_max);
        match self.first_pass(&mut pass).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => match place(&error) {
                Some(position) => note(&mut first, position, error),
                None => return Err(error),
            },
        }
        let mut number = 1;
        let mut current = Some(pass);
        while let Some(mut pass) = current.take() {
            if number > 1 {
                let until =
                    first.as_ref().map_or(self.head.position, |(at, _)| Position(at.0.saturating_sub(1)));
                match self.later_pass(&mut pass, number, until).await {
                    Ok(true) => {}
                    Ok(false) => return Ok(None),
                    Err(error) => match place(&error) {
                        Some(position) => note(&mut first, position, error),
                        None => return Err(error),
                    },
                }
            }
            number += 1;
            // A key that stands twice in the commit that was found wrong says more than what follows from it.
            let end = first.as_ref().map_or(self.head.position, |(at, _)| *at);
            let next = pass.next();
            match pass.end(self.store, self.shard, end, first.is_none(), &mut folded).await {
                Ok(()) => {}
                Err(error) => match place(&error) {
                    Some(position) => note(&mut first, position, error),
                    None => return Err(error),
                },
            }
            current = next;
        }
        if let Some((_, error)) = first {
            return Err(error);
        }
        self.report(&folded).map(Some)
    }

    fn report(self, folded: &Folded) -> Result<ShardReport, VerifyError> {
        let checked = self.books.check_balanced().and_then(|()| self.books.check_purses(&folded.purses));
        checked.map_err(|what| VerifyError::Books(format!("shard {}: {what}", self.shard)))?;
        Ok(ShardReport {
            head: self.head,
            commits: self.head.position.0,
            entries: self.books.entries,
            players: folded.players,
            houses: folded.houses,
            snapshots: folded.snapshots,
            snapshots_left_out: folded.snapshots_left_out,
            lines: self.books.lines(),
            crossings: self.crossings.into_parts(),
        })
    }

    fn wrong(&self, position: Position, what: impl Into<String>) -> VerifyError {
        VerifyError::Commit { shard: self.shard, position, what: what.into() }
    }

    fn tell(&self, pass: u32, position: Position, commits: u64) -> bool {
        let checked = self.plan.checked.fetch_add(commits, Ordering::Relaxed) + commits;
        if let Some(progress) = &self.plan.progress {
            let (shard, of) = (self.shard, self.head.position);
            let all = self.plan.heads.iter().map(|head| head.position.0).sum();
            progress(&Progress { shard, pass, position, of, checked, commits: all });
        }
        self.plan.wrong_shard.load(Ordering::Relaxed) > u32::from(self.shard.0)
    }

    /// Chain, witnesses, contents and books of every commit, and the players of the first pass. Answers whether it came
    /// to its end.
    async fn first_pass(&mut self, pass: &mut Pass) -> Result<bool, VerifyError> {
        let identity = *self.store.identity();
        let mut chain = ChainCheck::new(identity, self.shard, self.plan.witnesses.of(self.shard))?;
        let found = self.walk(&mut chain, pass).await;
        // Something is wrong. What follows from it is found here, what it began with perhaps only by the kept hashes.
        let Err(error) = found else { return found };
        let Some(at) = place(&error) else { return Err(error) };
        let traced = chain.trace(self.store, self.plan.archive.as_ref(), at).await?;
        Err(traced.filter(|traced| place(traced).is_some_and(|first| first <= at)).unwrap_or(error))
    }

    async fn walk(&mut self, chain: &mut ChainCheck<'_>, pass: &mut Pass) -> Result<bool, VerifyError> {
        while chain.last().position < self.head.position {
            let commits = self.store.read(self.shard, chain.last().position.next(), PAGE_COMMITS).await?;
            if commits.is_empty() {
                return Err(self.wrong(chain.last().position.next(), "it is missing"));
            }
            let page: Vec<_> =
                commits.iter().take_while(|commit| commit.position <= self.head.position).collect();
            for commit in &page {
                chain.take(commit)?;
                let (body, index) = self.contents(commit)?;
                if pass.has(&index.partition) {
                    pass.take(self.store, commit, &body, &index).await?;
                }
                if self.plan.checks_index {
                    self.check_index(commit, &index).await?;
                }
            }
            if page.is_empty() {
                return Err(self.wrong(chain.last().position.next(), "it is missing"));
            }
            if !self.tell(1, chain.last().position, page.len() as u64) {
                return Ok(false);
            }
        }
        if chain.last() != self.head {
            return Err(self.wrong(self.head.position, "the recomputed head is another"));
        }
        chain.end()?;
        Ok(true)
    }

    /// What must hold of every commit by itself, and of the books.
    fn contents(&mut self, commit: &StoredCommit) -> Result<(CommitBody, CommitIndex), VerifyError> {
        let shard = self.shard;
        let wrong = |what: String| VerifyError::Commit { shard, position: commit.position, what };
        let body = CommitBody::decode(&commit.body).map_err(|e| wrong(e.to_string()))?;
        let index = CommitIndex::of_body(&commit.body).map_err(|e| wrong(e.to_string()))?;
        if commit.shard != shard || self.store.identity().shards.shard_of(&index.partition) != shard {
            return Err(wrong(format!("{} belongs to another shard", body.partition)));
        }
        if self.recorded_at.replace(body.recorded_at).is_some_and(|last| last > body.recorded_at) {
            return Err(wrong("it is recorded before its predecessor".to_owned()));
        }
        for record in &body.events {
            if record.stream.partition() != body.partition {
                let what =
                    format!("stream {} is of another partition than {}", record.stream, body.partition);
                return Err(wrong(what));
            }
            if let (Event::EntryPosted(event), Stream::Wallet(_) | Stream::Statement(_)) =
                (&record.event, &record.stream)
            {
                self.books.post(&event.entry).map_err(&wrong)?;
            }
        }
        self.crossings.take(&body);
        Ok((body, index))
    }

    /// What the index must find a commit by, it finds.
    async fn check_index(&self, commit: &StoredCommit, index: &CommitIndex) -> Result<(), VerifyError> {
        let keys = index.keys.iter().map(|key| Lookup::Key(self.shard, *key));
        let streams = index.streams.iter().map(|stream| Lookup::Stream(self.shard, *stream));
        let lookups: Vec<_> = keys.chain(streams).collect();
        let found = self.store.lookup(&lookups).await?;
        let lies = |what: &str| VerifyError::Index {
            shard: self.shard,
            position: commit.position,
            what: what.to_owned(),
        };
        for (lookup, positions) in lookups.iter().zip(&found) {
            if !positions.contains(&commit.position) {
                let what = match lookup {
                    Lookup::Key(..) => "a key or tombstone of the commit is not found",
                    _ => "a stream of the commit is not found",
                };
                return Err(lies(what));
            }
            if positions.contains(&Position::ZERO) {
                return Err(lies("it finds a commit at position 0"));
            }
        }
        let before = Position(commit.position.0 - 1);
        let partition = self.store.read_partition(&index.partition, before, 1).await?;
        match partition.first() {
            Some(found) if found.position == commit.position => Ok(()),
            _ => Err(lies("the commit is not found by its partition")),
        }
    }

    /// The players that were left for another pass. The chain was found right; only their commits are read closely.
    async fn later_pass(
        &mut self,
        pass: &mut Pass,
        number: u32,
        until: Position,
    ) -> Result<bool, VerifyError> {
        let mut last = Position::ZERO;
        while last < until {
            let commits = self.store.read(self.shard, last.next(), PAGE_COMMITS).await?;
            for commit in commits.iter().take_while(|commit| commit.position <= until) {
                if commit.position != last.next() {
                    return Err(self.wrong(last.next(), "it was there a moment ago, and is gone"));
                }
                last = commit.position;
                self.take_again(pass, commit).await?;
            }
            if commits.is_empty() {
                return Err(self.wrong(last.next(), "it was there a moment ago, and is gone"));
            }
            if !self.tell(number, last, 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn take_again(&self, pass: &mut Pass, commit: &StoredCommit) -> Result<(), VerifyError> {
        #[derive(Deserialize)]
        struct Named {
            partition: Partition,
        }
        let wrong = |what: String| self.wrong(commit.position, what);
        let named: Named = serde_json::from_slice(&commit.body).map_err(|e| wrong(e.to_string()))?;
        if !pass.has(&named.partition.digest()) {
            return Ok(());
        }
        let body = CommitBody::decode(&commit.body).map_err(|e| wrong(e.to_string()))?;
        let index = CommitIndex::of_body(&commit.body).map_err(|e| wrong(e.to_string()))?;
        pass.take(self.store, commit, &body, &index).await
    }
}
