//! The store under test, with its place, its model and what the clauses do with it again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::commit::{CommitBuilder, ShardChain, partition_in};
use super::{Hook, Model, StoreBuilder, Verdict, Violation, ensure, not_tested};
use crate::{EventStore, FORMAT, Head, LedgerId, LedgerIdentity, Shard, ShardAppend, StoreError, genesis};

/// How a store ends before it is reopened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Close,
    Drop,
    PowerCut,
}

pub(super) struct Subject<'a, B: StoreBuilder> {
    pub(super) builder: &'a B,
    pub(super) guard: B::Guard,
    pub(super) identity: LedgerIdentity,
    pub(super) model: Model,
    store: Option<Arc<dyn EventStore>>,
}

impl<'a, B: StoreBuilder> Subject<'a, B> {
    pub(super) async fn new(builder: &'a B) -> Result<Self, Violation> {
        static LEDGERS: AtomicU64 = AtomicU64::new(1);
        let mut ledger = [0xC5; 16];
        ledger[8..].copy_from_slice(&LEDGERS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let identity = LedgerIdentity { ledger: LedgerId(ledger), shards: builder.shards(), format: FORMAT };
        let (store, guard) = builder.create(identity).await?;
        let subject = Self { builder, guard, identity, model: Model::new(identity), store: Some(store) };
        subject.model.check(subject.store()).await?;
        Ok(subject)
    }

    pub(super) fn store(&self) -> &dyn EventStore {
        self.store.as_deref().expect("a store between the end of one and the start of the next")
    }

    pub(super) fn shared(&self) -> Arc<dyn EventStore> {
        Arc::clone(self.store.as_ref().expect("a store between the end of one and the start of the next"))
    }

    /// Ends the store without opening it again.
    pub(super) async fn end(&mut self, how: Ending) -> Verdict {
        match how {
            Ending::Close => self.store().close().await?,
            Ending::Drop => {}
            Ending::PowerCut => {
                if self.builder.power_cut(&mut self.guard).await == Hook::Absent {
                    not_tested("power cut", "the store is dropped instead");
                }
            }
        }
        if let Some(store) = self.store.take() {
            let others = Arc::strong_count(&store) - 1;
            drop(store);
            ensure!(others == 0, "the kit kept {others} handles: a bug of the kit");
        }
        Ok(())
    }

    pub(super) async fn reopen(&mut self, how: Ending) -> Verdict {
        self.end(how).await?;
        self.store = Some(self.builder.reopen(&mut self.guard).await?);
        Ok(())
    }

    /// Opens again after [`Self::end`], and gives an error of the opening back.
    pub(super) async fn open(&mut self) -> Result<(), StoreError> {
        self.store = Some(self.builder.reopen(&mut self.guard).await?);
        Ok(())
    }

    /// Up to `count` shards, spread over all there are.
    pub(super) fn some_shards(&self, count: usize) -> Vec<Shard> {
        let all: Vec<_> = self.identity.shards.all().collect();
        let step = (all.len() / count).max(1);
        all.into_iter().rev().step_by(step).take(count).collect()
    }

    pub(super) fn chain(&self, shard: Shard) -> ShardChain {
        ShardChain::new(self.identity, shard).at(self.model.head(shard))
    }

    /// A commit of the first player of a shard.
    pub(super) fn commit(&self, shard: Shard, note: impl Into<String>) -> CommitBuilder {
        CommitBuilder::new(partition_in(self.identity.shards, shard, 0)).note(note)
    }

    /// As many commits of one shard, told apart by their notes.
    pub(super) fn commits(&self, shard: Shard, note: &str, count: usize) -> Vec<CommitBuilder> {
        let first = self.commit(shard, note);
        (0..count).map(|i| first.clone().note(format!("{note} {i}"))).collect()
    }

    /// Seals commits on the model's head of a shard.
    pub(super) fn seal(&self, shard: Shard, commits: &[CommitBuilder]) -> ShardAppend {
        self.chain(shard).seal(commits)
    }

    /// Appends commits that must land.
    pub(super) async fn land(&mut self, shard: Shard, commits: &[CommitBuilder]) -> Verdict {
        let append = self.seal(shard, commits);
        self.must_land(&append).await
    }

    /// Sends an append that must land, and takes note of it.
    pub(super) async fn must_land(&mut self, append: &ShardAppend) -> Verdict {
        let answer = one(self.store(), append).await?;
        ensure_landed(append, &answer)?;
        self.model.landed(append);
        Ok(())
    }

    pub(super) async fn check(&self) -> Verdict {
        self.model.check(self.store()).await
    }

    /// The store's own check of its index agrees.
    pub(super) async fn check_index(&self) -> Verdict {
        crate::verify_index(self.store()).await?;
        Ok(())
    }

    /// A head that no store of this ledger has at this position.
    pub(super) fn foreign_head(&self, shard: Shard, position: crate::Position) -> Head {
        let other = LedgerIdentity { ledger: LedgerId([0xEE; 16]), ..self.identity };
        Head { position, hash: genesis(&other, shard).hash }
    }
}

/// Sends an append of one shard and gives the one answer.
pub(super) async fn one(
    store: &dyn EventStore,
    append: &ShardAppend,
) -> Result<Result<Head, StoreError>, Violation> {
    let mut answers = store.append(std::slice::from_ref(append)).await?;
    ensure!(answers.len() == 1, "{} answers to an append of one shard", answers.len());
    answers.pop().ok_or_else(|| Violation::new("no answer"))
}

/// The head that an append leads to.
pub(super) fn head_after(append: &ShardAppend) -> Head {
    append.commits.last().map_or(append.expected, |c| Head { position: c.position, hash: c.hash })
}

pub(super) fn ensure_landed(append: &ShardAppend, answer: &Result<Head, StoreError>) -> Verdict {
    match answer {
        Ok(head) if *head == head_after(append) => Ok(()),
        Ok(head) => Err(Violation::new(format!("the append ends at {:?}, not {head:?}", head_after(append)))),
        Err(error) => Err(Violation::new(format!("an append on the right head was refused: {error}"))),
    }
}

pub(super) fn ensure_moved(append: &ShardAppend, answer: &Result<Head, StoreError>, now: Head) -> Verdict {
    match answer {
        Err(StoreError::HeadMoved { shard, expected, actual }) => {
            let right = (*shard, *expected, *actual) == (append.shard, append.expected, now);
            ensure!(right, "HeadMoved names shard {shard}, {expected:?} and {actual:?}; the head is {now:?}");
            Ok(())
        }
        Err(error) => Err(Violation::new(format!("HeadMoved was due, not: {error}"))),
        Ok(head) => Err(Violation::new(format!("HeadMoved was due, the store says it landed at {head:?}"))),
    }
}
