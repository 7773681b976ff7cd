//! The loader: reads cold states and facts from the store on a thread of its own, and keeps snapshots,
//! so that the writer never waits for a read.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger_core::stored::{CommitBody, CommitIndex, EventRecord, TombstoneRecord};
use ledger_core::{
    AggregateRef, Found, IdempotencyKey, KeyDigest, KnownOperation, Partition, PartitionDigest, Stream,
    StreamDigest, Timestamp,
};
use ledger_store::{
    CommitHash, EventStore, Head, Lookup, Position, READ_COMMITS_MAX, Shard, Snapshot, StoreError,
    StoredCommit, genesis,
};

use crate::lane::Lane;
use crate::panics::guarded;
use crate::state::State;
use crate::threads::{Sender, Waiting};

/// What a parked job needs from the log: names, and the digests that the index finds them by.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) keys: Vec<(IdempotencyKey, KeyDigest)>,
    pub(crate) tombstones: Vec<(TombstoneRecord, KeyDigest)>,
    pub(crate) aggregates: Vec<(AggregateRef, StreamDigest)>,
}

/// Work for the loader.
#[derive(Debug)]
pub(crate) enum Task {
    Load {
        /// Comes back with what was found.
        no: u64,
        /// The lane of who waits for it; `Bulk` if nobody else does.
        lane: Lane,
        partition: PartitionDigest,
        shard: Shard,
        of: Partition,
        state: bool,
        needs: Option<(u64, Box<Needs>)>,
    },
    Snapshot(Snapshot),
}

/// The tasks of one class, before one of the other has its turn all the same.
const FIRST_IN_A_ROW: u32 = 8;
/// The tasks the loader looks through for urgent ones; the rest wait in the channel, whose places bound them.
const LOOKED_THROUGH_MAX: usize = 1_024;

/// The tasks that the loader has looked at: loads that a player waits for come before those of mass operations and before
/// snapshots, of which one goes in between now and then.
#[derive(Debug, Default)]
struct Queue {
    first: VecDeque<Task>,
    later: VecDeque<Task>,
    /// How many of the first have gone in a row.
    in_a_row: u32,
}

impl Queue {
    fn len(&self) -> usize {
        self.first.len() + self.later.len()
    }

    fn put(&mut self, task: Task) {
        let is_first = matches!(task, Task::Load { lane: Lane::Play | Lane::Cashier, .. });
        if is_first { self.first.push_back(task) } else { self.later.push_back(task) }
    }

    fn take(&mut self) -> Option<Task> {
        let is_turn = self.first.is_empty() || self.in_a_row >= FIRST_IN_A_ROW;
        if is_turn && let Some(task) = self.later.pop_front() {
            self.in_a_row = 0;
            return Some(task);
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.first.pop_front()
    }

    /// The next task; `None` once nothing can come any more.
    fn next(&mut self, tasks: &Waiting<Task>) -> Option<Task> {
        if self.len() == 0 {
            self.put(tasks.recv().ok()?);
        }
        while self.len() < LOOKED_THROUGH_MAX
            && let Some(task) = tasks.try_recv()
        {
            self.put(task);
        }
        self.take()
    }
}

/// The facts of the log that one job needs.
#[derive(Debug, Default)]
pub(crate) struct LoadedFacts {
    /// The job they were loaded for; they are good for no other.
    pub(crate) job: u64,
    pub(crate) found: Found,
    /// Where each operation of `found` is recorded.
    pub(crate) heads: Vec<(IdempotencyKey, Head)>,
}

impl LoadedFacts {
    /// Where an operation is recorded.
    pub(crate) fn head(&self, key: &IdempotencyKey) -> Option<Head> {
        self.heads.iter().find(|(known, _)| known == key).map(|(_, head)| *head)
    }
}

/// A partition as loaded.
#[derive(Debug)]
pub(crate) struct LoadedState {
    pub(crate) state: State,
    pub(crate) head: Head,
    pub(crate) since_snapshot: u32,
}

#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) no: u64,
    pub(crate) partition: PartitionDigest,
    pub(crate) result: Result<(Option<LoadedState>, Option<LoadedFacts>), StoreError>,
}

/// Serves tasks until the writer is gone.
pub(crate) fn run(
    store: &Arc<dyn EventStore>,
    report: &dyn Fn(Loaded),
    tasks: &Waiting<Task>,
    runtime: &tokio::runtime::Runtime,
) {
    let mut queue = Queue::default();
    while let Some(task) = queue.next(tasks) {
        match task {
            Task::Load { no, lane: _, partition, shard, of, state, needs } => {
                let loading = || runtime.block_on(load(store.as_ref(), partition, shard, &of, state, needs));
                // A panic fails this load; the thread serves the others.
                let result = guarded(loading).unwrap_or_else(|what| Err(StoreError::Corrupted(what)));
                report(Loaded { no, partition, result });
            }
            Task::Snapshot(snapshot) => {
                let kept = guarded(|| runtime.block_on(store.write_snapshot(snapshot)));
                if let Err(error) = kept.unwrap_or_else(|what| Err(StoreError::Corrupted(what))) {
                    // A snapshot is only an optimisation: its loss costs a longer replay.
                    tracing::warn!(%error, "a snapshot was not kept");
                }
            }
        }
    }
}

/// The writer's end: tasks go in without waiting.
#[derive(Debug)]
pub(crate) struct Tasks(pub(crate) Sender<Task>);

impl Tasks {
    /// Hands a task over; gives it back if the loader has too much to do.
    pub(crate) fn give(&self, task: Task) -> Result<(), Task> {
        self.0.try_send(task)
    }
}

async fn load(
    store: &dyn EventStore,
    partition: PartitionDigest,
    shard: Shard,
    of: &Partition,
    state: bool,
    needs: Option<(u64, Box<Needs>)>,
) -> Result<(Option<LoadedState>, Option<LoadedFacts>), StoreError> {
    let loaded = if state { Some(load_state(store, &partition, shard, of).await?) } else { None };
    let facts = match needs {
        Some((job, needs)) => Some(LoadedFacts { job, ..load_facts(store, shard, of, *needs).await? }),
        None => None,
    };
    Ok((loaded, facts))
}

/// The body of a commit, which may be damaged, or of a newer release.
pub(crate) fn decode(commit: &StoredCommit) -> Result<CommitBody, StoreError> {
    CommitBody::decode(&commit.body).map_err(|e| StoreError::unreadable_at(commit.shard, commit.position, &e))
}

/// A usable snapshot: of this fold, and naming a commit of the partition that the log has with the same hash.
async fn usable_snapshot(
    store: &dyn EventStore,
    partition: &PartitionDigest,
    shard: Shard,
    of: &Partition,
) -> Result<Option<(State, Head)>, StoreError> {
    let Some(snapshot) = store.snapshot(partition).await? else { return Ok(None) };
    if snapshot.fold != State::fold(of) {
        return Ok(None);
    }
    let named = store.read(shard, snapshot.position, 1).await?;
    let is_own = |body: &[u8]| CommitIndex::of_body(body).is_ok_and(|index| index.partition == *partition);
    let stands = named
        .first()
        .is_some_and(|c| c.position == snapshot.position && c.hash == snapshot.hash && is_own(&c.body));
    if !stands {
        tracing::warn!(%shard, position = %snapshot.position, "a snapshot names no commit of its partition: ignored");
        return Ok(None);
    }
    let head = Head { position: snapshot.position, hash: snapshot.hash };
    Ok(State::from_snapshot(of, &snapshot.bytes).map(|state| (state, head)))
}

/// Loads a partition: the newest usable snapshot, and the commits after it.
pub(crate) async fn load_state(
    store: &dyn EventStore,
    partition: &PartitionDigest,
    shard: Shard,
    of: &Partition,
) -> Result<LoadedState, StoreError> {
    let (mut state, mut head) = match usable_snapshot(store, partition, shard, of).await? {
        Some(found) => found,
        None => (State::new(of), genesis(store.identity(), shard)),
    };
    let mut since_snapshot: u32 = 0;
    loop {
        let commits = store.read_partition(partition, head.position, READ_COMMITS_MAX).await?;
        let Some(last) = commits.last() else { break };
        let end = Head { position: last.position, hash: last.hash };
        for commit in &commits {
            let body = decode(commit)?;
            state
                .evolve_commit(&body)
                .map_err(|fault| StoreError::corrupted_at(commit.shard, commit.position, fault))?;
            since_snapshot = since_snapshot.saturating_add(1);
        }
        head = end;
    }
    Ok(LoadedState { state, head, since_snapshot })
}

async fn read_one(
    store: &dyn EventStore,
    shard: Shard,
    position: Position,
) -> Result<StoredCommit, StoreError> {
    let commits = store.read(shard, position, 1).await?;
    match commits.into_iter().next() {
        Some(commit) if commit.position == position => Ok(commit),
        _ => Err(StoreError::corrupted_at(shard, position, "the index names a commit that is not there")),
    }
}

/// A commit the index names for a partition. Whatever the index finds is compared with what is stored: it must be of
/// this partition, and hold what was looked for.
async fn read_found(
    store: &dyn EventStore,
    shard: Shard,
    of: &Partition,
    position: Position,
    sought: &dyn std::fmt::Display,
    holds: impl FnOnce(&CommitBody) -> bool,
) -> Result<(CommitBody, Head), StoreError> {
    let commit = read_one(store, shard, position).await?;
    let body = decode(&commit)?;
    if body.partition == *of && holds(&body) {
        return Ok((body, Head { position, hash: commit.hash }));
    }
    let what = format!("the index finds {sought} of {of} here, the commit has it not");
    Err(StoreError::corrupted_at(shard, position, what))
}

/// An operation by its key.
async fn operation(
    store: &dyn EventStore,
    shard: Shard,
    of: &Partition,
    key: &IdempotencyKey,
    positions: &[Position],
) -> Result<Option<(KnownOperation, Head)>, StoreError> {
    let Some(position) = positions.first() else { return Ok(None) };
    let holds = |body: &CommitBody| body.keys.iter().any(|record| record.key() == *key);
    let (body, head) = read_found(store, shard, of, *position, key, holds).await?;
    Ok(KnownOperation::find(&body, key).map(|known| (known, head)))
}

/// Whether the id of a command is dead.
async fn tombstone(
    store: &dyn EventStore,
    shard: Shard,
    of: &Partition,
    record: &TombstoneRecord,
    positions: &[Position],
) -> Result<bool, StoreError> {
    let Some(position) = positions.first() else { return Ok(false) };
    let sought = format!("a tombstone of {}:{}", record.source, record.id);
    let holds = |body: &CommitBody| body.tombstones.contains(record);
    read_found(store, shard, of, *position, &sought, holds).await?;
    Ok(true)
}

/// The events of a stream, with the instants of their commits.
async fn stream(
    store: &dyn EventStore,
    shard: Shard,
    of: &Partition,
    stream: &Stream,
    positions: &[Position],
) -> Result<Vec<(EventRecord, Timestamp)>, StoreError> {
    let mut events = Vec::new();
    for position in positions {
        let holds = |body: &CommitBody| body.events.iter().any(|record| record.stream == *stream);
        let (body, _) = read_found(store, shard, of, *position, stream, holds).await?;
        let at = body.recorded_at;
        let own = body.events.into_iter().filter(|record| record.stream == *stream);
        events.extend(own.map(|record| (record, at)));
    }
    Ok(events)
}

async fn add_stream(
    store: &dyn EventStore,
    shard: Shard,
    of: &Partition,
    aggregate: &AggregateRef,
    positions: &[Position],
    found: &mut Found,
) -> Result<(), StoreError> {
    let Some(name) = aggregate.stream_in(of) else { return Ok(()) };
    let events = stream(store, shard, of, &name, positions).await?;
    found
        .add_stream(aggregate, &events)
        .map_err(|fault| StoreError::Corrupted(format!("stream {name}: {fault}")))
}

async fn load_facts(
    store: &dyn EventStore,
    shard: Shard,
    of: &Partition,
    needs: Needs,
) -> Result<LoadedFacts, StoreError> {
    let Needs { keys, tombstones, aggregates } = needs;
    let mut lookups = Vec::with_capacity(keys.len() + tombstones.len() + aggregates.len());
    lookups.extend(keys.iter().map(|(_, digest)| Lookup::Key(shard, *digest)));
    lookups.extend(tombstones.iter().map(|(_, digest)| Lookup::Key(shard, *digest)));
    lookups.extend(aggregates.iter().map(|(_, digest)| Lookup::Stream(shard, *digest)));
    let positions = store.lookup(&lookups).await?;
    let mut positions = positions.iter().map(Vec::as_slice);
    let mut next = || positions.next().unwrap_or_default();

    let mut facts = LoadedFacts::default();
    let mut more: Vec<AggregateRef> = Vec::new();
    for (key, _) in &keys {
        if let Some((known, head)) = operation(store, shard, of, key, next()).await? {
            more.extend(known.subject.aggregate());
            facts.found.add_operation(known);
            facts.heads.push((key.clone(), head));
        }
    }
    for (record, _) in tombstones {
        if tombstone(store, shard, of, &record, next()).await? {
            facts.found.add_tombstone(record);
        }
    }
    for (aggregate, _) in &aggregates {
        add_stream(store, shard, of, aggregate, next(), &mut facts.found).await?;
    }
    // What a known operation was about is needed as well, such as the round of the bet that is rolled back.
    more.sort_unstable();
    more.dedup();
    // What is not of this partition has no stream here; positions come in the order of what is looked up.
    let is_new = |aggregate: &AggregateRef| !aggregates.iter().any(|(named, _)| named == aggregate);
    more.retain(|aggregate| is_new(aggregate) && aggregate.stream_in(of).is_some());
    if !more.is_empty() {
        let streams = more.iter().filter_map(|aggregate| aggregate.stream_in(of));
        let lookups: Vec<_> = streams.map(|stream| Lookup::Stream(shard, stream.digest())).collect();
        let positions = store.lookup(&lookups).await?;
        for (aggregate, positions) in more.iter().zip(&positions) {
            add_stream(store, shard, of, aggregate, positions, &mut facts.found).await?;
        }
    }
    Ok(facts)
}

/// A snapshot of a durable state.
pub(crate) fn snapshot(
    partition: PartitionDigest,
    state: &State,
    position: Position,
    hash: CommitHash,
) -> Option<Snapshot> {
    let (fold, bytes) = state.to_snapshot()?;
    Some(Snapshot { partition, position, hash, fold, bytes })
}

#[cfg(test)]
mod tests {
    use ledger_core::PlayerId;
    use ledger_store::ShardCount;

    use super::*;

    fn load(no: u64, lane: Lane) -> Task {
        let of = Partition::Player(PlayerId::new("p").unwrap());
        let partition = of.digest();
        Task::Load {
            no,
            lane,
            partition,
            shard: ShardCount::ONE.shard_of(&partition),
            of,
            state: true,
            needs: None,
        }
    }

    #[test]
    fn a_load_of_a_mass_operation_waits_for_those_of_players_but_not_for_ever() {
        let (send, receive) = crate::threads::Threads::new(None).channel(64);
        let all = (0..20).map(|no| load(no, if no < 4 { Lane::Bulk } else { Lane::Play }));
        all.for_each(|task| send.try_send(task).unwrap());
        drop(send);
        let mut queue = Queue::default();
        let mut served = Vec::new();
        while let Some(Task::Load { no, .. }) = queue.next(&receive) {
            served.push(no);
        }
        let expected: Vec<u64> = (4..12).chain([0]).chain(12..20).chain([1, 2, 3]).collect();
        assert_eq!(served, expected);
    }
}
