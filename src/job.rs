//! Jobs: what waits in a lane, with everything computed that needs no state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_core::{
    Context, CurrencyCode, FactsNeeded, HouseCommand, IdError, IdempotencyKey, KeyDigest, Partition,
    PartitionDigest, PlayerCommand, StreamDigest, tombstone_digest,
};
use ledger_store::{Shard, ShardCount, StoreError};
use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::error::ExecuteError;
use crate::lane::Lane;
use crate::request::{KeyQuestion, Reading, Receipt, RecordedOutcome};
use crate::rules::Rules;

static NEXT_JOB: AtomicU64 = AtomicU64::new(1);

fn next_job() -> u64 {
    NEXT_JOB.fetch_add(1, Ordering::Relaxed)
}

type Reply<T> = oneshot::Sender<Result<T, ExecuteError>>;

/// What one operation needs looked up, as digests.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    pub(crate) key: KeyDigest,
    /// Of its own id, and of others that must not be dead.
    pub(crate) tombstones: SmallVec<[KeyDigest; 1]>,
    pub(crate) aggregates: SmallVec<[StreamDigest; 1]>,
    pub(crate) targets: Vec<KeyDigest>,
}

impl Digests {
    fn of(needs: &FactsNeeded, partition: &Partition, digest: &PartitionDigest) -> Self {
        let stream = |aggregate: &ledger_core::AggregateRef| aggregate.stream_in(partition);
        let digests = Self {
            key: needs.key.digest(digest),
            tombstones: needs.dead_ids().map(|(source, id)| tombstone_digest(digest, source, id)).collect(),
            aggregates: needs.aggregates.iter().filter_map(stream).map(|stream| stream.digest()).collect(),
            targets: needs.targets.iter().map(|key| key.digest(digest)).collect(),
        };
        // They are read side by side with what they are of. A command names what is of its own partition.
        debug_assert_eq!(digests.aggregates.len(), needs.aggregates.len());
        digests
    }
}

/// A command to a partition.
#[derive(Debug)]
pub(crate) enum Command {
    Player(PlayerCommand),
    House(HouseCommand),
}

impl Command {
    /// The currency whose purse an answer shows.
    pub(crate) fn currency(&self) -> Option<CurrencyCode> {
        match self {
            Self::Player(command) => command.currency(),
            Self::House(_) => None,
        }
    }

    /// Whether it needs a currency to be recorded for which this holds.
    pub(crate) fn needs_currency(&self, is: impl FnMut(CurrencyCode) -> bool) -> bool {
        match self {
            Self::Player(command) => command.opens_currencies().any(is),
            Self::House(command) => command.currencies().any(is),
        }
    }

    /// What it needs, in a partition and under a policy.
    ///
    /// # Errors
    ///
    /// [`IdError`] if a name cannot be part of a key, or the command is not for partitions of this kind.
    fn needed(&self, partition: &Partition, rules: &Rules) -> Result<FactsNeeded, IdError> {
        match (self, partition) {
            (Self::Player(command), Partition::Player(player)) => {
                FactsNeeded::of(command, player, rules.policy())
            }
            (Self::House(command), Partition::House(house)) => FactsNeeded::of_house(command, house),
            // The handle makes no such job.
            _ => Err(IdError::Empty { what: "partition" }),
        }
    }
}

/// A prepared command.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) command: Command,
    pub(crate) context: Context,
    /// What it was prepared under: its key and needs may hang on it.
    pub(crate) rules: Arc<Rules>,
    pub(crate) needed: FactsNeeded,
    /// For each operation of the command.
    pub(crate) digests: SmallVec<[Digests; 1]>,
    pub(crate) reply: Reply<Receipt>,
}

impl Prepared {
    fn digests(
        needed: &FactsNeeded,
        partition: &Partition,
        digest: &PartitionDigest,
    ) -> SmallVec<[Digests; 1]> {
        needed.operations().iter().map(|needs| Digests::of(needs, partition, digest)).collect()
    }
}

#[derive(Debug)]
pub(crate) enum Ask {
    Execute(Box<Prepared>),
    Read(Reply<Reading>),
    Outcome { key: IdempotencyKey, digest: KeyDigest, reply: Reply<RecordedOutcome> },
}

#[derive(Debug)]
pub(crate) struct Job {
    /// Tells jobs of one process apart.
    pub(crate) id: u64,
    pub(crate) partition: PartitionDigest,
    pub(crate) shard: Shard,
    /// Whose ledger.
    pub(crate) of: Partition,
    /// The lane it came through.
    pub(crate) lane: Lane,
    /// How often it met a state that was out of date.
    pub(crate) attempts: u8,
    pub(crate) ask: Ask,
}

impl Job {
    fn new(of: Partition, shards: ShardCount, ask: impl FnOnce(&PartitionDigest) -> Ask) -> Self {
        let partition = of.digest();
        let ask = ask(&partition);
        Self::about(of, partition, shards, ask)
    }

    fn about(of: Partition, partition: PartitionDigest, shards: ShardCount, ask: Ask) -> Self {
        let shard = shards.shard_of(&partition);
        Self { id: next_job(), partition, shard, of, lane: Lane::Play, attempts: 0, ask }
    }

    /// Prepares a command on the caller's thread, off the writer's; gives the key to ask for with it.
    pub(crate) fn execute(
        of: Partition,
        command: Command,
        context: Context,
        rules: Arc<Rules>,
        shards: ShardCount,
        reply: Reply<Receipt>,
    ) -> Result<(IdempotencyKey, Self), IdError> {
        let needed = command.needed(&of, &rules)?;
        let key = needed.key.clone();
        let partition = of.digest();
        let digests = Prepared::digests(&needed, &of, &partition);
        let prepared = Prepared { command, context, rules, needed, digests, reply };
        let ask = Ask::Execute(Box::new(prepared));
        Ok((key, Self::about(of, partition, shards, ask)))
    }

    /// Prepares a command again, if it was prepared under other rules than those in force; answers whether it was.
    pub(crate) fn prepare_under(&mut self, rules: &Arc<Rules>) -> Result<bool, IdError> {
        let Ask::Execute(prepared) = &mut self.ask else { return Ok(false) };
        if Arc::ptr_eq(&prepared.rules, rules) {
            return Ok(false);
        }
        prepared.needed = prepared.command.needed(&self.of, rules)?;
        prepared.digests = Prepared::digests(&prepared.needed, &self.of, &self.partition);
        prepared.rules = Arc::clone(rules);
        Ok(true)
    }

    pub(crate) fn read(of: Partition, shards: ShardCount, reply: Reply<Reading>) -> Self {
        Self::new(of, shards, |_| Ask::Read(reply))
    }

    pub(crate) fn outcome(question: KeyQuestion, shards: ShardCount, reply: Reply<RecordedOutcome>) -> Self {
        let KeyQuestion { of, key } = question;
        Self::new(of, shards, |partition| Ask::Outcome { digest: key.digest(partition), key, reply })
    }

    /// The key to ask for if the outcome becomes unknown.
    pub(crate) fn key(&self) -> Option<&IdempotencyKey> {
        match &self.ask {
            Ask::Execute(prepared) => Some(&prepared.needed.key),
            Ask::Outcome { key, .. } => Some(key),
            Ask::Read(_) => None,
        }
    }

    /// Answers with a failure. A caller that is gone does not mind.
    pub(crate) fn fail(self, error: ExecuteError) {
        self.ask.fail(error);
    }
}

impl Ask {
    fn fail(self, error: ExecuteError) {
        match self {
            Ask::Execute(prepared) => drop(prepared.reply.send(Err(error))),
            Ask::Read(reply) => drop(reply.send(Err(error))),
            Ask::Outcome { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// The answer to a decided job, held back until everything it rests on is durable.
#[derive(Debug)]
pub(crate) enum Answer {
    Receipt(Box<Receipt>),
    Failure(Box<ExecuteError>),
    Reading(Box<Reading>),
    Outcome(Box<RecordedOutcome>),
}

/// A decided job.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) job: Job,
    pub(crate) answer: Answer,
    /// Whether it appends a commit.
    pub(crate) appends: bool,
    /// Whether the answer waits until the writer has taken in what it did: see [`crate::writer`].
    pub(crate) is_held: bool,
}

impl Entry {
    /// Sends the answer.
    pub(crate) fn release(self) {
        let Self { job, answer, .. } = self;
        match (job.ask, answer) {
            (Ask::Execute(prepared), Answer::Receipt(receipt)) => drop(prepared.reply.send(Ok(*receipt))),
            (Ask::Read(reply), Answer::Reading(reading)) => drop(reply.send(Ok(*reading))),
            (Ask::Outcome { reply, .. }, Answer::Outcome(outcome)) => drop(reply.send(Ok(*outcome))),
            (ask, Answer::Failure(error)) => ask.fail(*error),
            (ask, _) => ask.fail(ExecuteError::Bug { what: "an answer of another kind".to_owned() }),
        }
    }

    /// Answers that the write's outcome is unknown: a commit may have landed, an answer alone cannot.
    pub(crate) fn unknown(self, reason: &str) {
        let key = if self.appends { self.job.key().cloned() } else { None };
        self.job.fail(match key {
            Some(key) => ExecuteError::Indeterminate { key },
            None => ExecuteError::Unavailable { reason: reason.to_owned() },
        });
    }

    /// Answers that nothing was recorded.
    pub(crate) fn not_recorded(self, error: &StoreError) {
        self.job.fail(unrecorded(error));
    }
}

/// A store error of a write of which nothing landed, for the caller.
pub(crate) fn unrecorded(error: &StoreError) -> ExecuteError {
    match error {
        StoreError::Unavailable { .. } => ExecuteError::Unavailable { reason: error.to_string() },
        error => ExecuteError::Store(error.clone()),
    }
}
