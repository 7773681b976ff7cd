//! The way from an engine to the store: every call takes its time on the way there and on the way back, and may fail on
//! either. What lands, and when, is written down for the oracle.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use casino_ledger::core::{PartitionDigest, Timestamp};
use casino_ledger::store::{
    EventStore, Head, LedgerIdentity, Lookup, MemoryStore, Position, Shard, ShardAppend, Snapshot,
    StoreError, StoredCommit, genesis,
};
use futures_util::FutureExt as _;
use tokio::sync::watch;

use crate::scheduler::{Event, Sim};
use crate::weather::Weather;

type Appended = Result<Vec<Result<Head, StoreError>>, StoreError>;

/// A way to break the contract of a store, for tests of the oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// An append is answered, and lands a little later (C07).
    AnswersEarly,
    /// An append is refused, and lands a little later.
    LandsAfterRefusal,
    /// The heads are those of a while ago (C22 allows no older ones than were seen; the engine needs the newest).
    OldHeads,
    /// The index does not find what is there (C12).
    ForgetsKeys,
    /// The last commit of a partition is missing (C13).
    ReadsShort,
    /// A snapshot says that it holds more than it does (C16).
    MixesSnapshots,
}

/// An append that nobody waits for any more, on its way.
#[derive(Debug)]
struct Parcel {
    append: ShardAppend,
    /// On a store that is one process's alone nothing of a process arrives after it died.
    sender: Option<Arc<AtomicBool>>,
}

/// The store of a simulation, and what became of it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) sim: Arc<Sim>,
    pub(crate) backing: Arc<MemoryStore>,
    pub(crate) exclusive: bool,
    weather: Weather,
    /// Whether anything fails.
    bad: AtomicBool,
    tick: AtomicU64,
    /// For each shard, when each of its commits landed.
    landed: Mutex<Vec<Vec<u64>>>,
    parcels: Mutex<BTreeMap<u64, Parcel>>,
    parcel: AtomicU64,
    /// How long a call takes that hangs, in microseconds.
    hang: u64,
    plant: Option<Plant>,
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), source: None }
}

fn unknown() -> StoreError {
    StoreError::Unknown { reason: "the answer got lost".to_owned() }
}

/// What the backing store answers at once.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("a store in memory does not wait")
}

impl Wire {
    pub(crate) fn new(
        sim: Arc<Sim>,
        identity: LedgerIdentity,
        exclusive: bool,
        weather: Weather,
        hang: u64,
        plant: Option<Plant>,
    ) -> Arc<Self> {
        let shards = usize::from(identity.shards.get());
        Arc::new(Self {
            sim,
            backing: Arc::new(MemoryStore::new(identity)),
            exclusive,
            weather,
            bad: AtomicBool::new(true),
            tick: AtomicU64::new(0),
            landed: Mutex::new(vec![Vec::new(); shards]),
            parcels: Mutex::new(BTreeMap::new()),
            parcel: AtomicU64::new(0),
            hang,
            plant,
        })
    }

    /// A number for what happens now: what happens later has a greater one.
    pub(crate) fn tick(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// From here on nothing fails.
    pub(crate) fn clear_up(&self) {
        self.bad.store(false, Ordering::Relaxed);
    }

    fn weather(&self) -> Weather {
        if self.bad.load(Ordering::Relaxed) { self.weather } else { Weather::default() }
    }

    /// What is durable now.
    pub(crate) fn durable(&self) -> Vec<Head> {
        at_once(self.backing.heads()).expect("the store in memory is alive")
    }

    /// When a commit landed.
    pub(crate) fn landed(&self, shard: Shard, position: Position) -> Option<u64> {
        let at = usize::try_from(position.0).ok()?.checked_sub(1)?;
        self.landed.lock().unwrap().get(shard.index())?.get(at).copied()
    }

    fn land(&self, appends: &[ShardAppend]) -> Appended {
        let answer = at_once(self.backing.append(appends));
        let (tick, heads) = (self.tick(), self.durable());
        let mut landed = self.landed.lock().unwrap();
        for (landed, head) in landed.iter_mut().zip(heads) {
            landed.resize(usize::try_from(head.position.0).expect("few commits"), tick);
        }
        answer
    }

    /// Sends the parts of an append on their way that arrive later, if any.
    fn send_later(&self, appends: &[ShardAppend], sender: &Arc<AtomicBool>) {
        for append in appends {
            if self.sim.chance(self.weather().late) {
                let sender = self.exclusive.then(|| Arc::clone(sender));
                let longest =
                    [1_000, 20_000, 4 * self.hang][usize::try_from(self.sim.below(3)).expect("few")];
                self.post(append, sender, longest);
            }
        }
    }

    fn post(&self, append: &ShardAppend, sender: Option<Arc<AtomicBool>>, longest: u64) {
        let number = self.parcel.fetch_add(1, Ordering::Relaxed);
        self.parcels.lock().unwrap().insert(number, Parcel { append: append.clone(), sender });
        self.sim.at(self.sim.below(longest), Event::Arrival(number));
    }

    /// Whether a planted bug shows now.
    fn breaks(&self, plant: Plant, permille: u64) -> bool {
        self.plant == Some(plant) && self.sim.chance(permille)
    }

    /// The heads as they were when each shard was at one of these positions.
    fn heads_at(&self, positions: &[Position]) -> Vec<Head> {
        let head = |(shard, position): (Shard, &Position)| {
            let read = at_once(self.backing.read(shard, *position, 1)).expect("the store in memory is alive");
            let commit = read.first().filter(|commit| commit.position == *position);
            commit.map_or_else(
                || genesis(self.backing.identity(), shard),
                |commit| Head { position: commit.position, hash: commit.hash },
            )
        };
        self.backing.identity().shards.all().zip(positions).map(head).collect()
    }

    /// An append that was given up arrives.
    pub(crate) fn arrive(&self, number: u64) {
        let Some(parcel) = self.parcels.lock().unwrap().remove(&number) else { return };
        let is_fenced = parcel.sender.is_some_and(|dead| dead.load(Ordering::Relaxed));
        let answer = if is_fenced { None } else { Some(self.land(std::slice::from_ref(&parcel.append))) };
        let became = match answer {
            None => "is turned away: its process is dead".to_owned(),
            Some(answer) => format!("arrives late: {}", appended(&answer)),
        };
        self.sim.note(&format!("{} {became}", described(std::slice::from_ref(&parcel.append))));
    }
}

fn described(appends: &[ShardAppend]) -> String {
    let part = |append: &ShardAppend| {
        let first = append.expected.position.0 + 1;
        format!("{}@{first}+{}", append.shard, append.commits.len())
    };
    format!("append [{}]", appends.iter().map(part).collect::<Vec<_>>().join(" "))
}

fn appended(answer: &Appended) -> String {
    let part = |part: &Result<Head, StoreError>| match part {
        Ok(head) => format!("durable to {}", head.position),
        Err(error) => error.to_string(),
    };
    match answer {
        Ok(parts) => parts.iter().map(part).collect::<Vec<_>>().join(", "),
        Err(error) => error.to_string(),
    }
}

/// A process's end of the wire.
#[derive(Debug)]
pub(crate) struct Plug {
    wire: Arc<Wire>,
    /// The process is dead: nothing it does reaches the store any more.
    dead: Arc<AtomicBool>,
    stopped: AtomicBool,
    /// For each shard the newest position that this end has answered.
    shown: Mutex<Vec<Position>>,
    /// How long the engine waits for an answer, in microseconds.
    patience: u64,
}

impl Plug {
    pub(crate) fn new(wire: &Arc<Wire>, dead: Arc<AtomicBool>, patience: u64) -> Self {
        let shards = usize::from(wire.backing.identity().shards.get());
        Self {
            wire: Arc::clone(wire),
            dead,
            stopped: AtomicBool::new(false),
            shown: Mutex::new(vec![Position::ZERO; shards]),
            patience,
        }
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    fn sim(&self) -> &Sim {
        &self.wire.sim
    }

    fn latency(&self) -> u64 {
        let (sim, weather) = (self.sim(), self.wire.weather());
        if sim.chance(weather.hang) {
            self.wire.hang / 2 + sim.below(3 * self.wire.hang)
        } else if sim.chance(weather.slow) {
            1_000 + sim.below(20_000)
        } else {
            20 + sim.below(200)
        }
    }

    fn show(&self, shard: Shard, position: Position) {
        let mut shown = self.shown.lock().unwrap();
        shown[shard.index()] = shown[shard.index()].max(position);
    }

    /// A question: on its way there, asked, on its way back.
    fn question<T>(
        &self,
        what: &str,
        ask: impl FnOnce() -> Result<T, StoreError>,
        told: impl FnOnce(&T) -> String,
    ) -> Result<T, StoreError> {
        let (there, back) = (self.latency(), self.latency());
        let (unasked, unheard) =
            (self.sim().chance(self.wire.weather().unasked), self.sim().chance(self.wire.weather().unheard));
        let answer = self.travel(there, 0).and_then(|()| {
            if unasked {
                return Err(unavailable("the question got lost"));
            }
            let answer = ask()?;
            self.travel(back, there)?;
            if unheard { Err(unavailable("the answer got lost")) } else { Ok(answer) }
        });
        let became = match &answer {
            Ok(answer) => told(answer),
            Err(error) => error.to_string(),
        };
        self.sim().note(&format!("{what}: {became}"));
        answer
    }

    /// A part of the way. The engine gives up a question that takes too long, and hears nothing if it is dead.
    fn travel(&self, micros: u64, before: u64) -> Result<(), StoreError> {
        if self.is_dead() {
            return Err(unavailable("the process is dead"));
        }
        let patience = self.patience.saturating_sub(before);
        self.sim().hold(micros.min(patience));
        if self.is_dead() {
            return Err(unavailable("the process is dead"));
        }
        if micros >= patience { Err(unavailable("the store has not answered in time")) } else { Ok(()) }
    }

    /// How far a question sees that need not see everything: at least what this end has answered before.
    fn horizon(&self) -> Vec<Position> {
        let shown = self.shown.lock().unwrap().clone();
        let is_stale = !self.wire.exclusive && self.sim().chance(self.wire.weather().stale);
        let durable = self.wire.durable();
        let sees = |(shown, head): (Position, Head)| {
            let hidden = head.position.0.saturating_sub(shown.0);
            if is_stale { Position(shown.0 + self.sim().below(hidden + 1)) } else { Position(u64::MAX) }
        };
        shown.into_iter().zip(durable).map(sees).collect()
    }

    /// The newest commit of a player.
    fn last_of(&self, partition: &PartitionDigest) -> Option<Head> {
        let read = at_once(self.wire.backing.read_partition(partition, Position::ZERO, 1_000)).ok()?;
        read.last().map(|commit| Head { position: commit.position, hash: commit.hash })
    }

    fn append_now(&self, appends: &[ShardAppend]) -> Appended {
        let (wire, sim) = (&self.wire, self.sim());
        if self.is_dead() || self.stopped.load(Ordering::Relaxed) {
            return Err(unavailable("the store takes no more"));
        }
        let weather = wire.weather();
        let (there, back) = (self.latency(), self.latency());
        let mut roll = sim.below(1_000);
        let mut falls = |rate: u64| {
            let falls = roll < rate;
            roll = roll.wrapping_sub(rate);
            falls
        };
        let refused = falls(weather.refused);
        let lost = !refused && falls(weather.lost);
        let unanswered = !refused && !lost && falls(weather.unanswered);
        let stopped = !refused && !lost && !unanswered && falls(weather.stopped);
        sim.hold(there);
        if self.is_dead() {
            wire.send_later(appends, &self.dead);
            return Err(unavailable("the process is dead"));
        }
        if refused {
            if wire.breaks(Plant::LandsAfterRefusal, 1_000) {
                for append in appends {
                    wire.post(append, None, 5_000);
                }
            }
            return Err(unavailable("the append was refused"));
        }
        if lost || stopped {
            // Each shard's part may have landed or not.
            let (landed, gone): (Vec<_>, Vec<_>) = appends.iter().cloned().partition(|_| sim.chance(300));
            if !landed.is_empty() {
                // The answer gets lost, whatever it is.
                drop(wire.land(&landed));
            }
            if stopped {
                self.stopped.store(true, Ordering::Relaxed);
            } else {
                wire.send_later(&gone, &self.dead);
            }
            sim.hold(back);
            return Err(unknown());
        }
        if wire.breaks(Plant::AnswersEarly, 100) {
            for append in appends {
                wire.post(append, None, 5_000);
            }
            let last = |append: &ShardAppend| {
                append.commits.last().map_or(append.expected, |c| Head { position: c.position, hash: c.hash })
            };
            return Ok(appends.iter().map(|append| Ok(last(append))).collect());
        }
        let answer = wire.land(appends);
        if sim.chance(weather.twice) {
            wire.send_later(appends, &self.dead);
        }
        sim.hold(back);
        if self.is_dead() {
            return Err(unavailable("the process is dead"));
        }
        if unanswered {
            return Err(unknown());
        }
        for (append, part) in appends.iter().zip(answer.iter().flatten()) {
            match part {
                Ok(head) => self.show(append.shard, head.position),
                Err(StoreError::HeadMoved { actual, .. }) => self.show(append.shard, actual.position),
                Err(_) => {}
            }
        }
        answer
    }
}

fn up_to(horizon: &[Position], commits: Vec<StoredCommit>) -> Vec<StoredCommit> {
    commits.into_iter().filter(|commit| commit.position <= horizon[commit.shard.index()]).collect()
}

fn commits(read: &[StoredCommit]) -> String {
    match (read.first(), read.last()) {
        (Some(first), Some(last)) => format!("{} of {} to {}", read.len(), first.position, last.position),
        _ => "nothing".to_owned(),
    }
}

#[async_trait]
impl EventStore for Plug {
    fn identity(&self) -> &LedgerIdentity {
        self.wire.backing.identity()
    }

    fn is_exclusive(&self) -> bool {
        self.wire.exclusive
    }

    fn is_stopped(&self) -> bool {
        self.is_dead() || self.stopped.load(Ordering::Relaxed)
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let ask = || {
            let mut durable = self.wire.durable();
            if self.wire.breaks(Plant::OldHeads, 300) {
                let shown = self.shown.lock().unwrap().clone();
                durable = self.wire.heads_at(&shown);
            }
            Ok(durable)
        };
        let heads = self.question("heads", ask, |heads| {
            heads.iter().map(|head| head.position.to_string()).collect::<Vec<_>>().join(" ")
        })?;
        for (shard, head) in self.identity().shards.all().zip(&heads) {
            self.show(shard, head.position);
        }
        Ok(heads)
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.question(
            "last_recorded_at",
            || at_once(self.wire.backing.last_recorded_at()),
            |at| format!("{at:?}"),
        )
    }

    async fn append(&self, appends: &[ShardAppend]) -> Appended {
        self.sim().note(&format!("{} is sent", described(appends)));
        let answer = self.append_now(appends);
        self.sim().note(&format!("{}: {}", described(appends), appended(&answer)));
        answer
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let horizon = self.horizon();
        let ask = || Ok(up_to(&horizon, at_once(self.wire.backing.read(shard, from, limit))?));
        let read = self.question(&format!("read {shard} from {from}"), ask, |read| commits(read))?;
        for commit in &read {
            self.show(shard, commit.position);
        }
        Ok(read)
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let horizon = self.horizon();
        let ask = || {
            let mut read =
                up_to(&horizon, at_once(self.wire.backing.read_partition(partition, after, limit))?);
            if self.wire.breaks(Plant::ReadsShort, 100) {
                read.pop();
            }
            Ok(read)
        };
        let read = self.question(&format!("read_partition after {after}"), ask, |read| commits(read))?;
        for commit in &read {
            self.show(commit.shard, commit.position);
        }
        Ok(read)
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        let horizon = self.horizon();
        let shard_of = |lookup: &Lookup| match lookup {
            Lookup::Key(shard, _) | Lookup::Stream(shard, _) => *shard,
            other => panic!("a lookup of a kind this does not know: {other:?}"),
        };
        let ask = || {
            let mut found = at_once(self.wire.backing.lookup(lookups))?;
            for (found, lookup) in found.iter_mut().zip(lookups) {
                found.retain(|position| *position <= horizon[shard_of(lookup).index()]);
                if self.wire.breaks(Plant::ForgetsKeys, 100) {
                    found.clear();
                }
            }
            Ok(found)
        };
        let found = self.question("lookup", ask, |found| format!("{found:?}"))?;
        for (found, lookup) in found.iter().zip(lookups) {
            for position in found {
                self.show(shard_of(lookup), *position);
            }
        }
        Ok(found)
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let shard = self.identity().shards.shard_of(&snapshot.partition);
        let what = format!("write_snapshot {shard}@{}", snapshot.position);
        let durable = self.wire.durable()[shard.index()].position;
        if snapshot.position > durable {
            // The oracle fails the seed: the trace says it.
            self.sim().note(&format!("{NOT_DURABLE}: {what}, durable is {durable}"));
        }
        let forgotten = self.sim().chance(self.wire.weather().forgotten);
        let ask = || if forgotten { Ok(()) } else { at_once(self.wire.backing.write_snapshot(snapshot)) };
        self.question(&what, ask, |()| if forgotten { "forgotten" } else { "kept" }.to_owned())
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        let horizon = self.horizon()[self.identity().shards.shard_of(partition).index()];
        let forgotten = self.sim().chance(self.wire.weather().forgotten);
        let ask = || {
            let mut found = at_once(self.wire.backing.snapshot(partition))?;
            if self.wire.breaks(Plant::MixesSnapshots, 500)
                && let Some(found) = &mut found
                && let Some(later) = self.last_of(partition)
            {
                // It says that it holds more than it does.
                (found.position, found.hash) = (later.position, later.hash);
            }
            Ok(found.filter(|found| !forgotten && found.position <= horizon))
        };
        self.question("snapshot", ask, |found| match found {
            Some(found) => format!("of {}", found.position),
            None => "none".to_owned(),
        })
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.wire.backing.watch()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.stopped.store(true, Ordering::Relaxed);
        self.sim().note("close");
        Ok(())
    }
}

/// What the trace says if a snapshot holds what is not durable.
pub(crate) const NOT_DURABLE: &str = "A SNAPSHOT OF WHAT IS NOT DURABLE";

/// The head of a shard at its beginning.
pub(crate) fn beginning(wire: &Wire, shard: Shard) -> Head {
    genesis(wire.backing.identity(), shard)
}
