//! Jobs: what waits in a lane, with everything computed that needs no state.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger_core::{
    Context, FactsNeeded, IdError, IdempotencyKey, KeyDigest, Partition, PartitionDigest, PlayerCommand,
    PlayerId, Policy, RegisterCurrency, StreamDigest, tombstone_digest,
};
use ledger_store::{Shard, ShardCount, StoreError};
use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::error::ExecuteError;
use crate::request::{KeyQuestion, PlayerReading, Receipt, RecordedOutcome, Request};

static NEXT_JOB: AtomicU64 = AtomicU64::new(1);

fn next_job() -> u64 {
    NEXT_JOB.fetch_add(1, Ordering::Relaxed)
}

type Reply<T> = oneshot::Sender<Result<T, ExecuteError>>;

/// What one operation needs looked up, as digests.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    pub(crate) key: KeyDigest,
    pub(crate) tombstone: KeyDigest,
    pub(crate) aggregates: SmallVec<[StreamDigest; 1]>,
    pub(crate) targets: Vec<KeyDigest>,
}

impl Digests {
    fn of(needs: &FactsNeeded, player: &PlayerId, partition: &PartitionDigest) -> Self {
        Self {
            key: needs.key.digest(partition),
            tombstone: tombstone_digest(partition, &needs.key.source, &needs.key.id),
            aggregates: needs.aggregates.iter().map(|a| a.stream(player).digest()).collect(),
            targets: needs.targets.iter().map(|key| key.digest(partition)).collect(),
        }
    }
}

/// A prepared command.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) command: PlayerCommand,
    pub(crate) context: Context,
    pub(crate) needed: FactsNeeded,
    /// For each operation of the command.
    pub(crate) digests: SmallVec<[Digests; 1]>,
    pub(crate) reply: Reply<Receipt>,
}

#[derive(Debug)]
pub(crate) enum Ask {
    Execute(Box<Prepared>),
    Read(Reply<PlayerReading>),
    Outcome { key: IdempotencyKey, digest: KeyDigest, reply: Reply<RecordedOutcome> },
    Register { command: RegisterCurrency, reply: Reply<()> },
}

#[derive(Debug)]
pub(crate) struct Job {
    /// Tells jobs of one process apart.
    pub(crate) id: u64,
    pub(crate) partition: PartitionDigest,
    pub(crate) shard: Shard,
    /// `None` for a job of the house.
    pub(crate) player: Option<PlayerId>,
    /// How often it met a state that was out of date.
    pub(crate) attempts: u8,
    pub(crate) ask: Ask,
}

impl Job {
    /// Prepares a command on the caller's thread, off the writer's; gives the key to ask for with it.
    pub(crate) fn execute(
        request: Request,
        context: Context,
        policy: &Policy,
        shards: ShardCount,
        reply: Reply<Receipt>,
    ) -> Result<(IdempotencyKey, Self), IdError> {
        let needed = FactsNeeded::of(&request.command, &request.player, policy)?;
        let partition = Partition::Player(request.player.clone()).digest();
        let operations = needed.operations().iter();
        let digests = operations.map(|needs| Digests::of(needs, &request.player, &partition)).collect();
        let key = needed.key.clone();
        let prepared = Prepared { command: request.command, context, needed, digests, reply };
        let job = Self {
            id: next_job(),
            partition,
            shard: shards.shard_of(&partition),
            player: Some(request.player),
            attempts: 0,
            ask: Ask::Execute(Box::new(prepared)),
        };
        Ok((key, job))
    }

    pub(crate) fn read(player: PlayerId, shards: ShardCount, reply: Reply<PlayerReading>) -> Self {
        let partition = Partition::Player(player.clone()).digest();
        Self {
            id: next_job(),
            partition,
            shard: shards.shard_of(&partition),
            player: Some(player),
            attempts: 0,
            ask: Ask::Read(reply),
        }
    }

    pub(crate) fn outcome(question: KeyQuestion, shards: ShardCount, reply: Reply<RecordedOutcome>) -> Self {
        let partition = Partition::Player(question.player.clone()).digest();
        let digest = question.key.digest(&partition);
        Self {
            id: next_job(),
            partition,
            shard: shards.shard_of(&partition),
            player: Some(question.player),
            attempts: 0,
            ask: Ask::Outcome { key: question.key, digest, reply },
        }
    }

    pub(crate) fn register(
        command: RegisterCurrency,
        shards: ShardCount,
        reply: Reply<()>,
    ) -> Result<Self, IdError> {
        let partition = ledger_core::register_partition()?.digest();
        Ok(Self {
            id: next_job(),
            partition,
            shard: shards.shard_of(&partition),
            player: None,
            attempts: 0,
            ask: Ask::Register { command, reply },
        })
    }

    /// The key to ask for if the outcome becomes unknown.
    pub(crate) fn key(&self) -> Option<&IdempotencyKey> {
        match &self.ask {
            Ask::Execute(prepared) => Some(&prepared.needed.key),
            Ask::Outcome { key, .. } => Some(key),
            Ask::Read(_) | Ask::Register { .. } => None,
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
            Ask::Register { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// The answer to a decided job, held back until everything it rests on is durable.
#[derive(Debug)]
pub(crate) enum Answer {
    Receipt(Box<Receipt>),
    Failure(Box<ExecuteError>),
    Reading(Box<PlayerReading>),
    Outcome(Box<RecordedOutcome>),
    Registered,
}

/// A decided job.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) job: Job,
    pub(crate) answer: Answer,
    /// Whether it appends a commit.
    pub(crate) appends: bool,
}

impl Entry {
    /// Sends the answer.
    pub(crate) fn release(self) {
        let Self { job, answer, .. } = self;
        match (job.ask, answer) {
            (Ask::Execute(prepared), Answer::Receipt(receipt)) => drop(prepared.reply.send(Ok(*receipt))),
            (Ask::Read(reply), Answer::Reading(reading)) => drop(reply.send(Ok(*reading))),
            (Ask::Outcome { reply, .. }, Answer::Outcome(outcome)) => drop(reply.send(Ok(*outcome))),
            (Ask::Register { reply, .. }, Answer::Registered) => drop(reply.send(Ok(()))),
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
