//! The writer: one OS thread that owns all shards of an embedded ledger. It takes what waits, decides each
//! command on its player's cached, speculative state, seals the commits into a batch and has it written in
//! one durable write; the next batch is decided while the last one is written. No answer leaves before
//! everything it was decided on is durable.
//!
//! Partitions of the house are decided like players. Two of them matter to all others: what is recorded in the register
//! of currencies and what is published in the configuration is taken in (`known.rs`) once it is durable.

mod batch;
mod decide;
mod known;
mod share;
mod slots;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::BuildHasherDefault;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ledger_core::stored::OutcomeKind;
use ledger_core::{PartitionDigest, Timestamp, WriterId};
use ledger_store::{Head, Lookup, Position, Shard, StoreError, genesis};

use batch::Batch;
pub(crate) use known::Known;
use share::BulkShare;
use slots::{DigestHasher, Gate, Slots};

use crate::clock::{ClockSuspect, Stamper};
use crate::error::ExecuteError;
use crate::inbox::{Intake, STALLED};
use crate::job::{Entry, Job, unrecorded};
use crate::loader::{Loaded, Task, Tasks, snapshot};
use crate::shared::Shared;
use crate::stations::{self, Station};
use crate::threads::Sender;
use crate::write::{Fate, Outgoing, Written, perform};

/// Batches of at most this many commits are written on the writer's own thread when nothing else waits:
/// a hop to another thread costs half as much as the disk.
const INLINE_COMMITS_MAX: usize = 4;

/// How often the writer looks up when nothing happens.
const TICK: Duration = Duration::from_millis(50);

type Digests = HashSet<[u8; 16], BuildHasherDefault<DigestHasher>>;

/// What is decided but not durable, by digest of key or stream: one set for the batch being written, one
/// for the batch being built.
#[derive(Debug, Default)]
struct Overlay {
    sets: [(u64, Digests); 2],
}

impl Overlay {
    fn insert(&mut self, batch: u64, digest: [u8; 16]) {
        let set = match self.sets.iter().position(|(no, _)| *no == batch) {
            Some(i) => i,
            None => {
                // The set of a batch that is durable is free again; its digests were cleared then.
                let free = self.sets.iter().position(|(_, set)| set.is_empty()).unwrap_or(0);
                self.sets[free].0 = batch;
                free
            }
        };
        self.sets[set].1.insert(digest);
    }

    fn batch_of(&self, digest: &[u8; 16]) -> Option<u64> {
        self.sets.iter().filter(|(_, set)| set.contains(digest)).map(|(no, _)| *no).max()
    }

    fn clear(&mut self, batch: u64) {
        for (no, set) in &mut self.sets {
            if *no == batch {
                set.clear();
            }
        }
    }
}

/// What a batch did, counted, for the metrics.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    applied: u64,
    noop: u64,
    tombstoned: u64,
    rejected: u64,
    replayed: u64,
}

impl Tally {
    fn outcomes(self) -> [(&'static str, u64); 5] {
        [
            ("applied", self.applied),
            ("noop", self.noop),
            ("tombstoned", self.tombstoned),
            ("rejected", self.rejected),
            ("replayed", self.replayed),
        ]
    }

    fn count(&mut self, outcome: OutcomeKind) {
        match outcome {
            OutcomeKind::Noop => self.noop += 1,
            OutcomeKind::Tombstoned => self.tombstoned += 1,
            OutcomeKind::Rejected => self.rejected += 1,
            _ => self.applied += 1,
        }
    }
}

/// A batch on its way to the store.
struct Writing {
    no: u64,
    /// The partitions it touches.
    partitions: Vec<PartitionDigest>,
    /// What it records that all others must know, once it is durable.
    news: known::News,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    runtime: tokio::runtime::Runtime,
    io: Sender<Outgoing>,
    tasks: Tasks,
    /// Named in every commit, unless the store is this engine's alone.
    name: Option<WriterId>,
    stamper: Stamper,
    now: Result<Timestamp, ClockSuspect>,
    /// The recorded currencies and the policies in force.
    known: Known,
    genesis: Vec<Head>,
    /// The heads that are known to be durable.
    durable: Vec<Head>,
    /// The speculative heads: with everything decided so far.
    heads: Vec<Head>,
    stopped: Vec<Option<StoreError>>,
    slots: Slots,
    parked: usize,
    parked_max: usize,
    bulk_share: BulkShare,
    overlay: Overlay,
    building: Batch,
    /// The batch being written, if one is.
    writing: Option<Writing>,
    /// Every batch up to this one is durable or gone.
    durable_batch: u64,
    waiting: BTreeMap<u64, Vec<PartitionDigest>>,
    /// Players whose parked jobs could be decided, but the batch is full.
    deferred: VecDeque<PartitionDigest>,
    lookups: Vec<Lookup>,
    needed: Vec<Lookup>,
    spans: Vec<Range<usize>>,
    buffer: Vec<u8>,
    tally: Tally,
    /// When loads were last looked at.
    looked: Duration,
    /// The number of the newest load.
    loads: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("heads", &self.heads.len()).finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        runtime: tokio::runtime::Runtime,
        io: Sender<Outgoing>,
        tasks: Tasks,
        heads: Vec<Head>,
        known: Known,
        last: Option<Timestamp>,
    ) -> Self {
        let identity = *shared.store.identity();
        let settings = &shared.settings;
        let genesis: Vec<Head> = identity.shards.all().map(|shard| genesis(&identity, shard)).collect();
        let stamper = Stamper::new(settings.clock.as_ref(), settings.clock_bound, last);
        Self {
            runtime,
            io,
            tasks,
            name: if shared.store.is_exclusive() { None } else { Some(settings.writer.clone()) },
            stamper,
            now: Ok(Timestamp::EPOCH),
            known,
            durable: heads.clone(),
            stopped: vec![None; genesis.len()],
            building: Batch::new(1, genesis.len()),
            genesis,
            heads,
            slots: Slots::new(settings.cache_bytes),
            parked: 0,
            parked_max: settings.lane_capacity.iter().sum(),
            bulk_share: BulkShare::default(),
            overlay: Overlay::default(),
            writing: None,
            durable_batch: 0,
            waiting: BTreeMap::new(),
            deferred: VecDeque::new(),
            lookups: Vec::new(),
            needed: Vec::new(),
            spans: Vec::new(),
            buffer: Vec::with_capacity(4096),
            tally: Tally::default(),
            looked: shared.threads.now(),
            loads: 0,
            shared,
        }
    }

    /// Runs until the ledger is closed and everything taken in is answered.
    pub(crate) fn run(&mut self) {
        loop {
            let idle = self.building.is_empty() || self.writing.is_some();
            if self.building.is_empty() && self.writing.is_none() && self.parked == 0 {
                // What was taken in is answered, although there was nothing to write.
                self.bulk_share.next();
            }
            let intake = self.shared.inbox.take(self.room(), self.bulk_share.room(), idle.then_some(TICK));
            self.now = self.stamper.stamp(self.shared.settings.clock.as_ref());
            if self.shared.hears_clock_accepted() {
                self.stamper.accept(self.shared.settings.clock.as_ref());
                self.now = self.stamper.stamp(self.shared.settings.clock.as_ref());
            }
            self.follow_policy();
            let Intake { jobs, bulk, loaded, written, closing, stalled } = intake;
            self.bulk_share.note(bulk, jobs.len() - bulk);
            if let Some(written) = written {
                self.finish(written);
            }
            for loaded in loaded {
                self.admit(loaded);
            }
            if !jobs.is_empty() {
                self.process(jobs);
            }
            if self.writing.is_none() && !self.building.is_empty() {
                self.write();
            } else if stalled {
                self.give_up_waiting();
            }
            self.resume_deferred();
            self.expire_loads();
            self.evict();
            if !closing {
                self.refresh();
            }
            let done = self.writing.is_none() && self.building.is_empty() && self.parked == 0;
            if closing && done && self.shared.inbox.is_quiet() {
                break;
            }
        }
        self.keep_snapshots();
    }

    /// How many more jobs fit into the batch being built.
    fn room(&self) -> usize {
        if self.building.bytes >= self.shared.settings.batch_bytes_max {
            return 0;
        }
        self.shared.settings.batch_commands_max.saturating_sub(self.building.entries.len())
    }

    /// Goes on with players that did not fit into the batch before.
    fn resume_deferred(&mut self) {
        while self.room() > 0
            && let Some(partition) = self.deferred.pop_front()
        {
            self.resume(partition);
        }
    }

    /// Sends the batch to the store: on this thread if it is small and nothing else waits.
    fn write(&mut self) {
        let dispatch = stations::enter(Station::Dispatch);
        self.bulk_share.next();
        let next = Batch::new(self.building.no + 1, self.genesis.len());
        let mut batch = std::mem::replace(&mut self.building, next);
        let outgoing =
            Outgoing { confirm: batch.unconfirmed(&self.heads), appends: std::mem::take(&mut batch.appends) };
        let tally = std::mem::take(&mut self.tally);
        crate::telemetry::batch(&self.shared, batch.commits, batch.bytes, tally.outcomes());
        let (players, bytes) = self.slots.size();
        crate::telemetry::cache(players, bytes);
        self.shared.in_flight.begin(std::mem::take(&mut batch.entries));
        let partitions = std::mem::take(&mut batch.players);
        let news = if batch.has_news { self.known.news(&self.slots) } else { known::News::default() };
        self.writing = Some(Writing { no: batch.no, partitions, news });
        // Answers alone cost no write on a store that is ours.
        let nothing_to_write = outgoing.appends.is_empty() && self.shared.store.is_exclusive();
        // While this thread writes it can answer nobody, so nobody may be parked.
        let small = batch.commits <= INLINE_COMMITS_MAX && self.parked == 0 && self.shared.inbox.is_quiet();
        if nothing_to_write || small {
            let written = self.perform(&outgoing);
            drop(dispatch);
            return self.finish(written);
        }
        if let Err(outgoing) = self.io.send(outgoing) {
            let written = self.perform(&outgoing);
            self.finish(written);
        }
    }

    fn perform(&self, outgoing: &Outgoing) -> Written {
        let Shared { store, in_flight, inbox, settings, .. } = &*self.shared;
        let settled = || drop(inbox.stall(false));
        perform(store.as_ref(), &self.runtime, outgoing, in_flight, &settled, settings.settle_timeout)
    }

    /// Takes note of what became of the batch that was written.
    fn finish(&mut self, written: Written) {
        let _finish = stations::enter(Station::Finish);
        let Some(Writing { no, partitions: players, news }) = self.writing.take() else { return };
        crate::telemetry::write(written.took);
        for (shard, head) in &written.heads {
            self.durable[shard.index()] = *head;
        }
        self.durable_batch = no;
        self.overlay.clear(no);
        match written.fate {
            Fate::Durable => {
                self.take_in(news, &[]);
                self.snapshot_due(&players);
            }
            Fate::Moved(shards) => {
                self.take_in(news, &shards);
                self.moved(&shards, written.entries, &players);
            }
            Fate::NotLanded(error) => {
                tracing::error!(%error, "a batch was not written: nothing of it is recorded");
                written.entries.into_iter().for_each(|entry| entry.not_recorded(&error));
                self.forget(&players);
                self.abandon(&|| unrecorded(&error));
                self.heads.clone_from(&self.durable);
            }
            Fate::Unknown(error) => {
                tracing::error!(%error, "whether a batch was written is unknown: the ledger stops");
                let reason = error.to_string();
                written.entries.into_iter().for_each(|entry| entry.unknown(&reason));
                self.forget(&players);
                self.abandon(&|| ExecuteError::Unavailable { reason: reason.clone() });
                let stop = StoreError::Unavailable { reason: reason.clone(), source: None };
                self.stopped.iter_mut().for_each(|stopped| *stopped = Some(stop.clone()));
            }
        }
        written.held.into_iter().for_each(Entry::release);
        // With a batch that failed the one behind it was given up.
        self.wake(self.building.no - 1);
    }

    /// Another writer was faster on these shards: drop what was decided there and decide it again.
    fn moved(&mut self, shards: &[(Shard, Head)], entries: Vec<Entry>, players: &[PartitionDigest]) {
        tracing::info!(shards = shards.len(), "another writer appended: deciding again");
        let is_moved = |shard: Shard| shards.iter().any(|(moved, _)| *moved == shard);
        let building = std::mem::replace(&mut self.building, Batch::new(0, self.genesis.len()));
        let no = building.no;
        self.overlay.clear(no);
        self.building = Batch::new(no, self.genesis.len());
        let mut again: Vec<Job> = entries.into_iter().map(|entry| entry.job).collect();
        for entry in building.entries {
            if is_moved(entry.job.shard) { again.push(entry.job) } else { self.building.entries.push(entry) }
        }
        for append in building.appends.into_iter().filter(|append| !is_moved(append.shard)) {
            let mut expected = append.expected;
            for commit in append.commits {
                let next = Head { position: commit.position, hash: commit.hash };
                for digest in commit.index.keys.iter().map(ledger_core::KeyDigest::as_bytes) {
                    self.overlay.insert(no, *digest);
                }
                for digest in commit.index.streams.iter().map(ledger_core::StreamDigest::as_bytes) {
                    self.overlay.insert(no, *digest);
                }
                self.building.append(append.shard, expected, commit);
                expected = next;
            }
        }
        let shard_count = self.shared.store.identity().shards;
        for partition in players.iter().chain(&building.players) {
            if is_moved(shard_count.shard_of(partition)) {
                self.slots.drop_state(partition);
            } else {
                self.building.players.push(*partition);
            }
        }
        // Others of the shard may be cached in a state that is behind.
        let all: Vec<PartitionDigest> =
            self.slots.iter_mut().map(|(p, _)| *p).filter(|p| is_moved(shard_count.shard_of(p))).collect();
        for partition in &all {
            self.slots.drop_state(partition);
            if let Some(slot) = self.slots.get_mut(partition) {
                slot.last_batch = slot.last_batch.min(self.durable_batch);
                // What it waits for is gone: a batch that is decided anew, or a load that may have read
                // before the other writer appended.
                slot.gate = Gate::Ready;
            }
        }
        let recorded = self.runtime.block_on(self.shared.store.last_recorded_at());
        for (shard, actual) in shards {
            let checked = recorded.clone().and_then(|_| self.check_history(*shard, *actual));
            match checked {
                Ok(()) => {
                    self.durable[shard.index()] = *actual;
                    self.heads[shard.index()] = *actual;
                }
                // What is decided on the head that was seen meets one that moved, and comes here again.
                Err(error @ StoreError::Unavailable { .. }) => {
                    tracing::warn!(%error, %shard, "what another writer appended cannot be read now");
                    self.heads[shard.index()] = self.durable[shard.index()];
                }
                Err(error) => {
                    tracing::error!(%error, %shard, "the shard stops");
                    self.stopped[shard.index()] = Some(error);
                }
            }
        }
        self.observe(recorded.ok().flatten());
        self.requeue(again);
        for partition in all {
            if self.slots.get(&partition).is_some_and(|slot| slot.gate == Gate::Ready) {
                self.start_load(partition);
            }
        }
    }

    /// Puts jobs back in front of what waits for their players, in their order, and begins anew.
    fn requeue(&mut self, jobs: Vec<Job>) {
        let mut players = Vec::new();
        for job in jobs.into_iter().rev() {
            let partition = job.partition;
            let slot = self.slots.entry(partition, self.genesis[job.shard.index()]);
            slot.parked.push_front(job);
            self.parked += 1;
            if !players.contains(&partition) {
                players.push(partition);
            }
        }
        for partition in players {
            if self.slots.get(&partition).is_some_and(|slot| slot.gate == Gate::Ready) {
                self.start_load(partition);
            }
        }
    }

    /// Another writer's clock may be ahead: what it recorded must not be followed by an earlier instant.
    fn observe(&mut self, recorded: Option<Timestamp>) {
        if recorded.is_some_and(|at| self.stamper.observe(at)) {
            self.now = self.stamper.stamp(self.shared.settings.clock.as_ref());
        }
    }

    /// A head that moved must have grown out of the one that was seen.
    fn check_history(&self, shard: Shard, actual: Head) -> Result<(), StoreError> {
        let seen = self.durable[shard.index()];
        let lost = |actual: String| StoreError::HistoryLost { shard, seen, actual };
        if actual.position < seen.position {
            return Err(lost(format!("only position {}", actual.position)));
        }
        if seen.position == Position::ZERO {
            return Ok(());
        }
        let commits = self.runtime.block_on(self.shared.store.read(shard, seen.position, 1))?;
        match commits.first() {
            Some(commit) if commit.position == seen.position && commit.hash == seen.hash => Ok(()),
            Some(commit) => Err(lost(format!("hash {} there", commit.hash))),
            None => Err(lost("nothing there".to_owned())),
        }
    }

    /// Fails everything that waits for a player.
    fn fail_parked(&mut self, partition: &PartitionDigest, error: &dyn Fn() -> ExecuteError) {
        let Some(slot) = self.slots.get_mut(partition) else { return };
        let jobs = std::mem::take(&mut slot.parked);
        self.parked -= jobs.len();
        for job in jobs {
            job.fail(error());
        }
    }

    /// Fails everything that waits for a player if his shard has stopped; nothing may be decided there.
    fn fail_if_stopped(&mut self, partition: &PartitionDigest) -> bool {
        let front = self.slots.get(partition).and_then(|slot| slot.parked.front());
        let Some(error) = front.and_then(|job| self.stopped[job.shard.index()].clone()) else { return false };
        self.fail_parked(partition, &|| ExecuteError::Store(error.clone()));
        true
    }

    /// Drops the states of players whose commits did not land.
    fn forget(&mut self, players: &[PartitionDigest]) {
        for partition in players {
            self.slots.drop_state(partition);
            if let Some(slot) = self.slots.get_mut(partition) {
                slot.last_batch = slot.last_batch.min(self.durable_batch);
            }
        }
    }

    /// Gives up the batch being built: nothing of it was sent. Whoever waits for it must be woken.
    fn abandon(&mut self, error: &dyn Fn() -> ExecuteError) {
        let no = self.building.no;
        let building = std::mem::replace(&mut self.building, Batch::new(no + 1, self.genesis.len()));
        self.overlay.clear(no);
        for entry in building.entries {
            entry.job.fail(error());
        }
        for append in &building.appends {
            self.heads[append.shard.index()] = append.expected;
        }
        let writing = self.writing.as_ref().map_or(self.durable_batch, |writing| writing.no);
        for partition in &building.players {
            self.slots.drop_state(partition);
            if let Some(slot) = self.slots.get_mut(partition) {
                slot.last_batch = slot.last_batch.min(writing);
            }
        }
        if self.writing.is_none() {
            self.durable_batch = no;
        }
    }

    /// While a write hangs nobody waits for it: what is decided behind it, and what is parked, is answered
    /// as not recorded. Loads have a limit of their own.
    fn give_up_waiting(&mut self) {
        let stalled = || ExecuteError::Unavailable { reason: STALLED.to_owned() };
        if self.parked > 0 {
            let mut given_up = Vec::new();
            for (_, slot) in self.slots.iter_mut() {
                if !matches!(slot.gate, Gate::Loading(_)) {
                    given_up.extend(slot.parked.drain(..));
                }
            }
            self.parked -= given_up.len();
            for job in given_up {
                job.fail(stalled());
            }
        }
        if !self.building.is_empty() {
            self.abandon(&stalled);
            self.wake(self.building.no - 1);
        }
    }

    /// Goes on with the players that waited for a batch.
    fn wake(&mut self, upto: u64) {
        let later = self.waiting.split_off(&(upto + 1));
        let due = std::mem::replace(&mut self.waiting, later);
        for partition in due.into_values().flatten() {
            let Some(slot) = self.slots.get_mut(&partition) else { continue };
            if !matches!(slot.gate, Gate::Waiting(_)) {
                continue;
            }
            slot.gate = Gate::Ready;
            if slot.state.is_none() { self.start_load(partition) } else { self.resume(partition) }
        }
    }

    /// Takes in what the loader found.
    fn admit(&mut self, loaded: Loaded) {
        let Loaded { no, partition, result } = loaded;
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        if !matches!(slot.gate, Gate::Loading(_)) || slot.load != no {
            return;
        }
        slot.gate = Gate::Ready;
        match result {
            Ok((loaded, facts)) => {
                let recorded = loaded.as_ref().and_then(|loaded| loaded.state.recorded_at());
                if let Some(loaded) = loaded {
                    // What is loaded is durable.
                    self.known.take_in(&self.shared, &partition, &loaded.state);
                    slot.state = Some(loaded.state);
                    slot.head = loaded.head;
                    slot.since_snapshot = loaded.since_snapshot;
                }
                slot.facts = facts;
                self.observe(recorded);
                self.slots.reweigh(&partition);
                self.resume(partition);
            }
            Err(error) => {
                tracing::error!(%error, "a player could not be loaded");
                self.fail_parked(&partition, &|| unrecorded(&error));
            }
        }
    }

    /// Gives up on jobs whose loads take too long. The load itself is taken in when it comes.
    fn expire_loads(&mut self) {
        let (limit, now) = (self.shared.settings.load_timeout, self.shared.threads.now());
        if self.parked == 0 || now.saturating_sub(self.looked) < TICK {
            return;
        }
        self.looked = now;
        let mut given_up = Vec::new();
        for (_, slot) in self.slots.iter_mut() {
            if let Gate::Loading(since) = slot.gate
                && now.saturating_sub(since) > limit
            {
                given_up.extend(slot.parked.drain(..));
            }
        }
        self.parked -= given_up.len();
        for job in given_up {
            job.fail(ExecuteError::Unavailable {
                reason: "the player's state takes too long to load".to_owned(),
            });
        }
    }

    fn evict(&mut self) {
        let from = self.shared.settings.snapshot_every.div_ceil(10).max(1);
        for (partition, slot) in self.slots.evict(self.durable_batch, from) {
            if let Some(state) = &slot.state
                && let Some(snapshot) = snapshot(partition, state, slot.head.position, slot.head.hash)
            {
                // If the loader is too busy, the player is replayed from further back next time.
                drop(self.tasks.give(Task::Snapshot(snapshot)));
            }
        }
    }

    /// Keeps snapshots of players that have many commits since their last one.
    fn snapshot_due(&mut self, players: &[PartitionDigest]) {
        let (every, durable) = (self.shared.settings.snapshot_every, self.durable_batch);
        for partition in players {
            if let Some(slot) = self.slots.get_mut(partition)
                && slot.since_snapshot >= every
                && slot.last_batch <= durable
                && let Some(state) = &slot.state
                && let Some(snapshot) = snapshot(*partition, state, slot.head.position, slot.head.hash)
                && self.tasks.give(Task::Snapshot(snapshot)).is_ok()
            {
                slot.since_snapshot = 0;
            }
        }
    }

    /// Keeps snapshots of the players that a next start would replay longest.
    fn keep_snapshots(&mut self) {
        let from = self.shared.settings.snapshot_every.div_ceil(10).max(1);
        let mut snapshots = Vec::new();
        for (partition, slot) in self.slots.iter_mut() {
            if slot.since_snapshot >= from
                && slot.last_batch <= self.durable_batch
                && let Some(state) = &slot.state
            {
                snapshots.extend(snapshot(*partition, state, slot.head.position, slot.head.hash));
            }
        }
        for snapshot in snapshots {
            if let Err(error) = self.runtime.block_on(self.shared.store.write_snapshot(snapshot)) {
                tracing::warn!(%error, "a snapshot was not kept");
                return;
            }
        }
    }
}
