//! The way the SQL stores append, on a simulated database that never blocks: each transaction reads a snapshot,
//! and of two that write the same row the second fails when it commits (snapshot isolation with optimistic
//! concurrency, as Aurora DSQL has it). It keeps the whole contract; with conflicts unseen it does not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use ledger_store::testing::{self, Hook, Stall, StoreBuilder, Verdict, block_on};
use ledger_store::{
    CommitHash, EventStore, Head, HistoryLoss, LedgerIdentity, Lookup, LostAnswer, Position, READ_BYTES_MAX,
    READ_COMMITS_MAX, Recompute, SealedCommit, Shard, ShardAppend, ShardCount, Snapshot, StoreError,
    StoredCommit, genesis, validate_append, validate_snapshot, verify_commit,
};
use tokio::sync::{oneshot, watch};

/// How often a transaction is tried again.
const TRIES_MAX: u32 = 1_000;

/// A row's table and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Head(Shard),
    Commit(Shard, Position),
    Entry(Shard, [u8; 16], Position),
    Partition(PartitionDigest, Position),
    Snapshot(PartitionDigest),
}

#[derive(Debug, Clone)]
enum Row {
    Head(Head, Option<Timestamp>),
    Commit(StoredCommit),
    Entry,
    Snapshot(Snapshot),
}

/// What the database does about conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conflicts {
    Refused,
    /// A planted bug: the last one wins.
    Unseen,
}

enum Fault {
    LoseAnswer(LostAnswer),
    Stall { reached: oneshot::Sender<()>, release: oneshot::Receiver<()> },
}

/// Every version of a row, with the number of the transaction that wrote it. Of a deleted row it is `None`.
type Versions = Vec<(u64, Option<Row>)>;

struct Database {
    conflicts: Conflicts,
    rows: Mutex<BTreeMap<Key, Versions>>,
    newest: AtomicU64,
    fault: Mutex<Option<Fault>>,
    /// Handles of an older generation are dead.
    generation: AtomicU64,
    refused: AtomicU64,
}

struct Conflict;

/// A transaction: what it reads is of one moment, what it writes nobody sees before it commits.
struct Transaction<'a> {
    database: &'a Database,
    begun: u64,
    writes: BTreeMap<Key, Option<Row>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with a lock")
}

impl Database {
    fn begin(&self) -> Transaction<'_> {
        Transaction { database: self, begun: self.newest.load(Ordering::Acquire), writes: BTreeMap::new() }
    }
}

impl Transaction<'_> {
    fn visible(&self, versions: &[(u64, Option<Row>)]) -> Option<Row> {
        versions.iter().rev().find(|(number, _)| *number <= self.begun).and_then(|(_, row)| row.clone())
    }

    fn get(&self, key: Key) -> Option<Row> {
        lock(&self.database.rows).get(&key).and_then(|versions| self.visible(versions))
    }

    /// Rows from one key to another, in order.
    fn scan(&self, from: Key, to: Key, limit: usize) -> Vec<(Key, Row)> {
        let rows = lock(&self.database.rows);
        let range = rows.range(from..=to);
        range.filter_map(|(key, versions)| Some((*key, self.visible(versions)?))).take(limit).collect()
    }

    fn head(&self, identity: &LedgerIdentity, shard: Shard) -> (Head, Option<Timestamp>) {
        match self.get(Key::Head(shard)) {
            Some(Row::Head(head, newest)) => (head, newest),
            _ => (genesis(identity, shard), None),
        }
    }

    /// Commits, unless somebody else wrote one of its rows since it began. Nobody ever waits.
    fn commit(self) -> Result<(), Conflict> {
        let mut rows = lock(&self.database.rows);
        let newer = |key: &Key| {
            let last = rows.get(key).and_then(|versions| versions.last());
            last.is_some_and(|(number, _)| *number > self.begun)
        };
        if self.database.conflicts == Conflicts::Refused && self.writes.keys().any(newer) {
            self.database.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Conflict);
        }
        let number = self.database.newest.load(Ordering::Acquire) + 1;
        for (key, row) in self.writes {
            rows.entry(key).or_default().push((number, row));
        }
        self.database.newest.store(number, Ordering::Release);
        Ok(())
    }
}

/// A store that does in transactions what the statements of the PostgreSQL store do.
struct OccStore {
    identity: LedgerIdentity,
    database: Arc<Database>,
    generation: u64,
    closed: Mutex<bool>,
    seen: Mutex<Vec<Head>>,
    watch: watch::Sender<u64>,
}

impl std::fmt::Debug for OccStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OccStore")
    }
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), source: None }
}

impl OccStore {
    fn alive(&self) -> Result<&Database, StoreError> {
        if self.database.generation.load(Ordering::Acquire) == self.generation {
            Ok(&self.database)
        } else {
            Err(unavailable("the connection was lost"))
        }
    }

    /// What was seen so far. Taken before a transaction begins: their answers may overtake each other.
    fn seen_before(&self) -> Vec<Head> {
        lock(&self.seen).clone()
    }

    fn checked(&self, before: &[Head], shard: Shard, actual: Head) -> Result<(), StoreError> {
        let seen = before[shard.index()];
        if actual.position < seen.position || actual.position == seen.position && actual.hash != seen.hash {
            let actual = format!("{actual:?}");
            return Err(StoreError::HistoryLost { shard, seen, actual });
        }
        self.note(shard, actual);
        Ok(())
    }

    fn note(&self, shard: Shard, head: Head) {
        let newest = &mut lock(&self.seen)[shard.index()];
        if newest.position < head.position {
            *newest = head;
        }
    }

    async fn append_once(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, Conflict> {
        let before = self.seen_before();
        let mut tx = self.database.begin();
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            answers.push(self.land(&before, &mut tx, append));
        }
        // Here others commit.
        tokio::task::yield_now().await;
        std::thread::yield_now();
        let fault = lock(&self.database.fault).take();
        match fault {
            Some(Fault::Stall { reached, release }) => {
                let _ = reached.send(());
                let _ = release.await;
            }
            Some(other) => *lock(&self.database.fault) = Some(other),
            None => {}
        }
        if self.alive().is_err() {
            return Err(Conflict);
        }
        if !tx.writes.is_empty() {
            tx.commit()?;
        }
        Ok(answers)
    }

    fn land(
        &self,
        before: &[Head],
        tx: &mut Transaction<'_>,
        append: &ShardAppend,
    ) -> Result<Head, StoreError> {
        let ShardAppend { shard, expected, commits } = append;
        let (actual, newest) = tx.head(&self.identity, *shard);
        let last = commits.last().expect("a sound append");
        let after = Head { position: last.position, hash: last.hash };
        let behind = before[shard.index()].position > expected.position;
        if actual != *expected || behind {
            let stands = match tx.get(Key::Commit(*shard, last.position)) {
                Some(Row::Commit(stored)) => stored.hash == last.hash,
                _ => false,
            };
            // A head that is behind shows more than that this one moved.
            self.checked(before, *shard, actual)?;
            let moved = StoreError::HeadMoved { shard: *shard, expected: *expected, actual };
            return if stands { Ok(after) } else { Err(moved) };
        }
        let times = commits.iter().map(|commit| commit.index.recorded_at);
        let newest = times.chain(newest).max();
        // The row that every writer of this shard writes: without it nobody would conflict.
        tx.writes.insert(Key::Head(*shard), Some(Row::Head(after, newest)));
        for SealedCommit { position, previous, hash, body, index } in commits {
            let stored = StoredCommit {
                shard: *shard,
                position: *position,
                previous: *previous,
                hash: *hash,
                body: Arc::clone(body),
            };
            tx.writes.insert(Key::Commit(*shard, *position), Some(Row::Commit(stored)));
            tx.writes.insert(Key::Partition(index.partition, *position), Some(Row::Entry));
            let keys = index.keys.iter().map(|key| *key.as_bytes());
            for digest in keys.chain(index.streams.iter().map(|stream| *stream.as_bytes())) {
                tx.writes.insert(Key::Entry(*shard, digest, *position), Some(Row::Entry));
            }
        }
        Ok(after)
    }

    fn page(&self, commits: impl Iterator<Item = StoredCommit>) -> Result<Vec<StoredCommit>, StoreError> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        for commit in commits {
            verify_commit(&self.identity, &commit)?;
            bytes += commit.body.len();
            page.push(commit);
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(page)
    }
}

#[async_trait]
impl EventStore for OccStore {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let before = self.seen_before();
        let tx = self.alive()?.begin();
        let mut heads = Vec::new();
        for shard in self.identity.shards.all() {
            let (head, _) = tx.head(&self.identity, shard);
            heads.push((shard, head));
        }
        heads.into_iter().map(|(shard, head)| self.checked(&before, shard, head).map(|()| head)).collect()
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let tx = self.alive()?.begin();
        Ok(self.identity.shards.all().filter_map(|shard| tx.head(&self.identity, shard).1).max())
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        validate_append(&self.identity, appends, Recompute::HashesAndIndex)?;
        let unknown = || Err(StoreError::Unknown { reason: "the answer was lost".to_owned() });
        self.alive()?;
        if *lock(&self.closed) {
            return Err(unavailable("the store is closed"));
        }
        let lost = {
            let mut fault = lock(&self.database.fault);
            match *fault {
                Some(Fault::LoseAnswer(answer)) => {
                    *fault = None;
                    Some(answer)
                }
                _ => None,
            }
        };
        if lost == Some(LostAnswer::NeverArrived) {
            return unknown();
        }
        for _ in 0..TRIES_MAX {
            // Tried again as a whole: on what the other wrote it comes to something else.
            let Ok(answers) = self.append_once(appends).await else {
                self.alive()?;
                continue;
            };
            for (append, answer) in appends.iter().zip(&answers) {
                if let Ok(head) = answer {
                    self.note(append.shard, *head);
                    self.watch.send_modify(|count| *count += 1);
                }
            }
            return if lost.is_some() { unknown() } else { Ok(answers) };
        }
        Err(unavailable("too many conflicts"))
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let tx = self.alive()?.begin();
        let (from, to) = (Key::Commit(shard, from.max(Position(1))), Key::Commit(shard, Position(u64::MAX)));
        let rows = tx.scan(from, to, limit.min(READ_COMMITS_MAX));
        self.page(rows.into_iter().filter_map(|(_, row)| match row {
            Row::Commit(commit) => Some(commit),
            _ => None,
        }))
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let tx = self.alive()?.begin();
        let shard = self.identity.shards.shard_of(partition);
        let Some(first) = after.0.checked_add(1) else { return Ok(Vec::new()) };
        let (from, to) =
            (Key::Partition(*partition, Position(first)), Key::Partition(*partition, Position(u64::MAX)));
        let found = tx.scan(from, to, limit.min(READ_COMMITS_MAX));
        let commits: Vec<_> = found
            .into_iter()
            .filter_map(|(key, _)| match key {
                Key::Partition(_, position) => tx.get(Key::Commit(shard, position)),
                _ => None,
            })
            .filter_map(|row| match row {
                Row::Commit(commit) => Some(commit),
                _ => None,
            })
            .collect();
        self.page(commits.into_iter())
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        let tx = self.alive()?.begin();
        let find = |lookup: &Lookup| {
            let (shard, digest) = match lookup {
                Lookup::Key(shard, digest) => (*shard, *digest.as_bytes()),
                Lookup::Stream(shard, digest) => (*shard, *digest.as_bytes()),
                _ => return Vec::new(),
            };
            let (from, to) = (Position(0), Position(u64::MAX));
            let found = tx.scan(Key::Entry(shard, digest, from), Key::Entry(shard, digest, to), usize::MAX);
            found
                .into_iter()
                .filter_map(|(key, _)| match key {
                    Key::Entry(_, _, position) => Some(position),
                    _ => None,
                })
                .collect()
        };
        Ok(lookups.iter().map(find).collect())
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        validate_snapshot(&snapshot)?;
        let database = self.alive()?;
        loop {
            let mut tx = database.begin();
            let key = Key::Snapshot(snapshot.partition);
            if let Some(Row::Snapshot(kept)) = tx.get(key)
                && kept.position > snapshot.position
            {
                return Ok(());
            }
            tx.writes.insert(key, Some(Row::Snapshot(snapshot.clone())));
            if tx.commit().is_ok() {
                return Ok(());
            }
        }
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        match self.alive()?.begin().get(Key::Snapshot(*partition)) {
            Some(Row::Snapshot(snapshot)) => Ok(Some(snapshot)),
            _ => Ok(None),
        }
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.watch.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        *lock(&self.closed) = true;
        Ok(())
    }
}

struct Occ {
    shards: u16,
    conflicts: Conflicts,
}

fn opened(identity: LedgerIdentity, database: &Arc<Database>) -> Arc<dyn EventStore> {
    let generation = database.generation.fetch_add(1, Ordering::AcqRel) + 1;
    Arc::new(OccStore {
        identity,
        database: Arc::clone(database),
        generation,
        closed: Mutex::new(false),
        seen: Mutex::new(identity.shards.all().map(|shard| genesis(&identity, shard)).collect()),
        watch: watch::Sender::new(0),
    })
}

type Guard = (LedgerIdentity, Arc<Database>);

/// Writes rows that no store knows of.
fn behind_its_back(database: &Database, write: impl Fn(&mut Transaction<'_>)) -> Hook {
    let mut tx = database.begin();
    write(&mut tx);
    assert!(tx.commit().is_ok(), "nobody else writes");
    Hook::Done
}

#[async_trait]
impl StoreBuilder for Occ {
    type Guard = Guard;

    fn shards(&self) -> ShardCount {
        ShardCount::new(self.shards).expect("a power of two")
    }

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, Guard), StoreError> {
        let database = Arc::new(Database {
            conflicts: self.conflicts,
            rows: Mutex::default(),
            newest: AtomicU64::new(0),
            fault: Mutex::default(),
            generation: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        Ok((opened(identity, &database), (identity, database)))
    }

    async fn reopen(&self, (identity, database): &mut Guard) -> Result<Arc<dyn EventStore>, StoreError> {
        Ok(opened(*identity, database))
    }

    async fn power_cut(&self, (_, database): &mut Guard) -> Hook {
        database.generation.fetch_add(1, Ordering::AcqRel);
        Hook::Done
    }

    async fn stall_next_write(&self, (_, database): &mut Guard) -> Option<Stall> {
        let ((reached, hears), (releases, release)) = (oneshot::channel(), oneshot::channel());
        *lock(&database.fault) = Some(Fault::Stall { reached, release });
        Some(Stall::new(hears, releases))
    }

    async fn lose_next_answer(&self, (_, database): &mut Guard, answer: LostAnswer) -> Hook {
        *lock(&database.fault) = Some(Fault::LoseAnswer(answer));
        Hook::Done
    }

    async fn lose_history(&self, (identity, database): &mut Guard, shard: Shard, loss: HistoryLoss) -> Hook {
        behind_its_back(database, |tx| {
            let (head, newest) = tx.head(identity, shard);
            let Some(Row::Commit(last)) = tx.get(Key::Commit(shard, head.position)) else { return };
            match loss {
                HistoryLoss::Behind => {
                    let before = Head { position: Position(head.position.0 - 1), hash: last.previous };
                    tx.writes.insert(Key::Commit(shard, head.position), None);
                    tx.writes.insert(Key::Head(shard), Some(Row::Head(before, newest)));
                }
                HistoryLoss::Differs => {
                    let other = Head { hash: CommitHash([7; 32]), ..head };
                    tx.writes.insert(Key::Head(shard), Some(Row::Head(other, newest)));
                }
            }
        })
    }

    async fn damage(&self, (_, database): &mut Guard, commit: &StoredCommit) -> Hook {
        behind_its_back(database, |tx| {
            let mut body = commit.body.to_vec();
            body[0] ^= 1;
            let damaged = StoredCommit { body: body.into(), ..commit.clone() };
            tx.writes.insert(Key::Commit(commit.shard, commit.position), Some(Row::Commit(damaged)));
        })
    }
}

mod one_shard {
    ledger_store::conformance_tests!(super::Occ { shards: 1, conflicts: super::Conflicts::Refused });
}

mod many_shards {
    ledger_store::conformance_tests!(super::Occ { shards: 64, conflicts: super::Conflicts::Refused });
}

async fn raced(conflicts: Conflicts) -> (Verdict, u64) {
    let occ = Occ { shards: 1, conflicts };
    let verdict = testing::c06_of_concurrent_appends_exactly_one_lands(&occ).await;
    let (store, (_, database)) = occ.create(testing_identity()).await.expect("a store");
    let rivals = (0..4).map(|rival| {
        let (store, identity) = (Arc::clone(&store), testing_identity());
        std::thread::spawn(move || {
            block_on(async {
                let partition = testing::partition_in(identity.shards, Shard(0), 0);
                for number in 0..50 {
                    let commit =
                        testing::CommitBuilder::new(partition.clone()).note(format!("{rival} {number}"));
                    // Where conflicts are not seen, history differs.
                    let Ok(heads) = store.heads().await else { return };
                    let head = heads[0];
                    let append = testing::ShardChain::new(identity, Shard(0)).at(head).seal(&[commit]);
                    drop(store.append(&[append]).await);
                }
            });
        })
    });
    rivals.collect::<Vec<_>>().into_iter().for_each(|rival| rival.join().expect("a rival"));
    (verdict, database.refused.load(Ordering::Relaxed))
}

fn testing_identity() -> LedgerIdentity {
    LedgerIdentity {
        ledger: ledger_store::LedgerId([0xCC; 16]),
        shards: ShardCount::ONE,
        format: ledger_store::FORMAT,
    }
}

/// The simulator can fail, and its transactions do meet: otherwise passing the kit would prove nothing.
#[test]
fn conflicts_happen_and_matter() {
    let (verdict, refused) = block_on(raced(Conflicts::Refused));
    assert_eq!(verdict, Ok(()));
    assert!(refused > 0, "no two transactions ever met");
    let (verdict, _) = block_on(raced(Conflicts::Unseen));
    verdict.expect_err("with conflicts unseen two appends land on one head");
}
