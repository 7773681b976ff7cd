//! A store in memory: the contract at its plainest, for tests and for trying things out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use ledger_core::{KeyDigest, PartitionDigest, StreamDigest, Timestamp};
use tokio::sync::{oneshot, watch};

use crate::chain::genesis;
use crate::contract::{EventStore, Lookup, READ_BYTES_MAX, READ_COMMITS_MAX, Snapshot};
use crate::error::StoreError;
use crate::types::{Head, LedgerIdentity, Position, SealedCommit, Shard, ShardAppend, StoredCommit};
use crate::validate::{Recompute, validate_append, validate_snapshot, verify_commit};

/// Whether the append whose answer was lost had landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostAnswer {
    /// It landed; only its answer was lost.
    Landed,
    /// It never reached the store.
    NeverArrived,
}

/// How history is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryLoss {
    /// The last commit is gone.
    Behind,
    /// The last commit has another hash.
    Differs,
}

/// An [`EventStore`] in memory. Its contents live as long as one of its handles.
///
/// It fulfils every clause of the contract, where "durable" means "survives [`MemoryStore::reopen`]", and it
/// checks more than it must: every append is hashed and indexed again, every read is verified. So it is the
/// reference that other backends are compared with, not one to measure speed on. It can be told to
/// misbehave (a failed write, a lost answer, a stalled write, a damaged body) so that a host can test what
/// its own code does then.
///
/// ```
/// use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
/// let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::ONE, format: FORMAT };
/// let store = MemoryStore::new(identity);
/// assert_eq!(store.identity(), &identity);
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    identity: LedgerIdentity,
    contents: Arc<Mutex<Contents>>,
    /// Handles of an older generation are dead, as those of a crashed process.
    generation: u64,
    /// The newest heads that this handle has shown (C22).
    seen: Mutex<Vec<Head>>,
    watch: watch::Sender<u64>,
}

#[derive(Debug)]
struct Contents {
    generation: u64,
    stopped: Option<&'static str>,
    fault: Option<Fault>,
    shards: Vec<ShardLog>,
    partitions: HashMap<PartitionDigest, Vec<Position>>,
    keys: HashMap<(Shard, KeyDigest), Vec<Position>>,
    streams: HashMap<(Shard, StreamDigest), Vec<Position>>,
    snapshots: HashMap<PartitionDigest, Snapshot>,
    last_recorded_at: Option<Timestamp>,
}

#[derive(Debug)]
struct ShardLog {
    head: Head,
    commits: Vec<StoredCommit>,
}

#[derive(Debug)]
enum Fault {
    Fail,
    LoseAnswer(LostAnswer),
    Stall { reached: oneshot::Sender<()>, release: oneshot::Receiver<()> },
}

impl MemoryStore {
    /// An empty ledger.
    pub fn new(identity: LedgerIdentity) -> Self {
        let shards = identity.shards.all();
        let contents = Contents {
            generation: 0,
            stopped: None,
            fault: None,
            shards: shards.map(|s| ShardLog { head: genesis(&identity, s), commits: Vec::new() }).collect(),
            partitions: HashMap::new(),
            keys: HashMap::new(),
            streams: HashMap::new(),
            snapshots: HashMap::new(),
            last_recorded_at: None,
        };
        Self {
            identity,
            contents: Arc::new(Mutex::new(contents)),
            generation: 0,
            seen: unseen(&identity),
            watch: watch::Sender::new(0),
        }
    }

    /// A new handle on the same contents. The handles before it are dead, as after a crash: all they answer
    /// is [`StoreError::Unavailable`]. A store that was closed, or whose write failed, works again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a panic left the contents uncertain.
    pub fn reopen(&self) -> Result<Self, StoreError> {
        let mut contents = self.lock()?;
        contents.generation += 1;
        contents.stopped = None;
        contents.fault = None;
        let generation = contents.generation;
        drop(contents);
        Ok(Self {
            identity: self.identity,
            contents: Arc::clone(&self.contents),
            generation,
            seen: unseen(&self.identity),
            watch: watch::Sender::new(0),
        })
    }

    /// Makes the handles that exist dead without opening a new one, as a power cut does. An append that is
    /// stalled will not land.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a panic left the contents uncertain.
    pub fn power_cut(&self) -> Result<(), StoreError> {
        self.lock()?.generation += 1;
        Ok(())
    }

    /// Makes the next append fail as a full disk would: nothing lands, and the store stays failed (C20).
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a panic left the contents uncertain.
    pub fn fail_next_write(&self) -> Result<(), StoreError> {
        self.lock()?.fault = Some(Fault::Fail);
        Ok(())
    }

    /// Makes the next append answer [`StoreError::Unknown`], whether it landed or not (C08).
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a panic left the contents uncertain.
    pub fn lose_next_answer(&self, answer: LostAnswer) -> Result<(), StoreError> {
        self.lock()?.fault = Some(Fault::LoseAnswer(answer));
        Ok(())
    }

    /// Holds the next append just before it lands. The receiver hears when the append is there; it goes on
    /// when the sender sends or is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a panic left the contents uncertain.
    pub fn stall_next_write(&self) -> Result<(oneshot::Receiver<()>, oneshot::Sender<()>), StoreError> {
        let (reached, hears) = oneshot::channel();
        let (releases, release) = oneshot::channel();
        self.lock()?.fault = Some(Fault::Stall { reached, release });
        Ok((hears, releases))
    }

    /// Changes one bit of the body of a commit behind the store's back (C14), if there is such a commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a panic left the contents uncertain.
    pub fn damage(&self, shard: Shard, position: Position) -> Result<(), StoreError> {
        let mut contents = self.lock()?;
        let log = contents.shards.get_mut(shard.index());
        let commit = log.and_then(|log| log.commits.iter_mut().find(|commit| commit.position == position));
        if let Some(commit) = commit {
            let mut body = commit.body.to_vec();
            if let Some(byte) = body.last_mut() {
                *byte ^= 1;
            }
            commit.body = body.into();
        }
        Ok(())
    }

    /// Loses history behind the store's back (C22): takes the last commit of a shard away, or makes it another.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a panic left the contents uncertain.
    pub fn lose_history(&self, shard: Shard, loss: HistoryLoss) -> Result<(), StoreError> {
        let genesis = genesis(&self.identity, shard);
        let mut contents = self.lock()?;
        let Some(log) = contents.shards.get_mut(shard.index()) else { return Ok(()) };
        match loss {
            HistoryLoss::Behind => {
                log.commits.pop();
                let last = log.commits.last();
                log.head = last.map_or(genesis, |c| Head { position: c.position, hash: c.hash });
                let end = log.head.position;
                let mine = |found: &Shard| *found == shard;
                let keys = contents.keys.iter_mut().filter(|((found, _), _)| mine(found));
                keys.for_each(|(_, positions)| positions.retain(|position| *position <= end));
                let streams = contents.streams.iter_mut().filter(|((found, _), _)| mine(found));
                streams.for_each(|(_, positions)| positions.retain(|position| *position <= end));
            }
            HistoryLoss::Differs => {
                log.head.hash.0[0] ^= 1;
                if let Some(last) = log.commits.last_mut() {
                    last.hash = log.head.hash;
                }
            }
        }
        Ok(())
    }

    /// A head as it is, which must not lie behind what this handle has shown.
    fn checked(&self, shard: Shard, actual: Head) -> Result<Head, StoreError> {
        let mut seen = self.seen.lock().map_err(|_| unavailable("a panic left the contents uncertain"))?;
        let Some(seen) = seen.get_mut(shard.index()) else { return Ok(actual) };
        let differs = actual.position == seen.position && actual.hash != seen.hash;
        if actual.position < seen.position || differs {
            let actual = format!("position {} with hash {}", actual.position, actual.hash);
            return Err(StoreError::HistoryLost { shard, seen: *seen, actual });
        }
        *seen = actual;
        Ok(actual)
    }

    fn lock(&self) -> Result<MutexGuard<'_, Contents>, StoreError> {
        self.contents.lock().map_err(|_| unavailable("a panic left the contents uncertain"))
    }

    fn alive(&self) -> Result<MutexGuard<'_, Contents>, StoreError> {
        let contents = self.lock()?;
        if contents.generation == self.generation {
            Ok(contents)
        } else {
            Err(unavailable("the store was reopened by another handle"))
        }
    }

    fn writable(&self) -> Result<MutexGuard<'_, Contents>, StoreError> {
        let contents = self.alive()?;
        match contents.stopped {
            None => Ok(contents),
            Some(reason) => Err(unavailable(reason)),
        }
    }

    /// Lets the fault that was ordered happen, as far as it happens before anything lands.
    async fn before_landing(&self) -> Result<Option<LostAnswer>, StoreError> {
        let fault = self.writable()?.fault.take();
        match fault {
            None => Ok(None),
            Some(Fault::Fail) => {
                self.writable()?.stopped = Some("a write failed");
                Err(unavailable("a write failed"))
            }
            Some(Fault::LoseAnswer(LostAnswer::NeverArrived)) => Err(unknown()),
            Some(Fault::LoseAnswer(LostAnswer::Landed)) => Ok(Some(LostAnswer::Landed)),
            Some(Fault::Stall { reached, release }) => {
                // Whoever ordered the stall may have gone; then nothing holds the write.
                let _ = reached.send(());
                let _ = release.await;
                Ok(None)
            }
        }
    }

    fn verified<'a>(
        &self,
        commits: impl Iterator<Item = &'a StoredCommit>,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let (mut page, mut bytes) = (Vec::new(), 0_usize);
        for commit in commits.take(limit.min(READ_COMMITS_MAX)) {
            verify_commit(&self.identity, commit)?;
            page.push(commit.clone());
            bytes = bytes.saturating_add(commit.body.len());
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(page)
    }
}

impl Contents {
    fn land(&mut self, append: &ShardAppend) -> Result<Head, StoreError> {
        let Some(log) = self.shards.get_mut(append.shard.index()) else {
            return Err(StoreError::Invalid(format!("there is no shard {}", append.shard)));
        };
        if log.head != append.expected {
            return log.landed_before(append).ok_or(StoreError::HeadMoved {
                shard: append.shard,
                expected: append.expected,
                actual: log.head,
            });
        }
        for commit in &append.commits {
            log.push(append.shard, commit);
        }
        let head = log.head;
        append.commits.iter().for_each(|commit| self.index(append.shard, commit));
        Ok(head)
    }

    fn index(&mut self, shard: Shard, commit: &SealedCommit) {
        let SealedCommit { position, index, .. } = commit;
        add(self.partitions.entry(index.partition).or_default(), *position);
        for key in &index.keys {
            add(self.keys.entry((shard, *key)).or_default(), *position);
        }
        for stream in &index.streams {
            add(self.streams.entry((shard, *stream)).or_default(), *position);
        }
        self.last_recorded_at = self.last_recorded_at.max(Some(index.recorded_at));
    }
}

impl ShardLog {
    fn push(&mut self, shard: Shard, commit: &SealedCommit) {
        let SealedCommit { position, previous, hash, ref body, .. } = *commit;
        self.commits.push(StoredCommit { shard, position, previous, hash, body: Arc::clone(body) });
        self.head = Head { position, hash };
    }

    fn at(&self, position: Position) -> Option<&StoredCommit> {
        let index = position.0.checked_sub(1).and_then(|index| usize::try_from(index).ok())?;
        self.commits.get(index)
    }

    /// The head of this append if every commit of it stands where it would have landed (C08).
    fn landed_before(&self, append: &ShardAppend) -> Option<Head> {
        let stands = |c: &SealedCommit| self.at(c.position).is_some_and(|stored| stored.hash == c.hash);
        let last = append.commits.last()?;
        let landed = append.commits.iter().all(stands);
        landed.then_some(Head { position: last.position, hash: last.hash })
    }
}

fn unseen(identity: &LedgerIdentity) -> Mutex<Vec<Head>> {
    Mutex::new(identity.shards.all().map(|shard| genesis(identity, shard)).collect())
}

fn add(positions: &mut Vec<Position>, position: Position) {
    if positions.last() != Some(&position) {
        positions.push(position);
    }
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), source: None }
}

fn unknown() -> StoreError {
    StoreError::Unknown { reason: "the answer was lost".to_owned() }
}

#[async_trait]
impl EventStore for MemoryStore {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    fn is_stopped(&self) -> bool {
        self.writable().is_err()
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let contents = self.alive()?;
        let heads = self.identity.shards.all().zip(&contents.shards);
        heads.map(|(shard, log)| self.checked(shard, log.head)).collect()
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.alive()?.last_recorded_at)
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        validate_append(&self.identity, appends, Recompute::HashesAndIndex)?;
        let lost = self.before_landing().await?;
        let answers: Vec<_> = {
            let mut contents = self.writable()?;
            let mut land = |append: &ShardAppend| {
                if let Some(log) = contents.shards.get(append.shard.index()) {
                    self.checked(append.shard, log.head)?;
                }
                contents.land(append).and_then(|head| self.checked(append.shard, head).or(Ok(head)))
            };
            appends.iter().map(&mut land).collect()
        };
        if answers.iter().any(Result::is_ok) {
            self.watch.send_modify(|count| *count += 1);
        }
        if lost.is_some() { Err(unknown()) } else { Ok(answers) }
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let contents = self.alive()?;
        let skipped = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        let log = contents.shards.get(shard.index());
        self.verified(log.into_iter().flat_map(|log| &log.commits).skip(skipped), limit)
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let contents = self.alive()?;
        let log = contents.shards.get(self.identity.shards.shard_of(partition).index());
        let positions = contents.partitions.get(partition).into_iter().flatten();
        let later = positions.filter(|position| **position > after);
        self.verified(later.filter_map(|position| log?.at(*position)), limit)
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        let contents = self.alive()?;
        let find = |lookup: &Lookup| match *lookup {
            Lookup::Key(shard, key) => contents.keys.get(&(shard, key)).cloned().unwrap_or_default(),
            Lookup::Stream(shard, stream) => {
                contents.streams.get(&(shard, stream)).cloned().unwrap_or_default()
            }
        };
        Ok(lookups.iter().map(find).collect())
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        validate_snapshot(&snapshot)?;
        let mut contents = self.writable()?;
        let kept = contents.snapshots.get(&snapshot.partition);
        if kept.is_none_or(|kept| kept.position <= snapshot.position) {
            contents.snapshots.insert(snapshot.partition, snapshot);
        }
        Ok(())
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.alive()?.snapshots.get(partition).cloned())
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.watch.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let mut contents = self.alive()?;
        contents.stopped.get_or_insert("the store is closed");
        Ok(())
    }
}
