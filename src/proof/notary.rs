//! The notary: takes statements of a ledger's heads, has them signed and keeps them.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ledger_core::Timestamp;
use ledger_store::{EventStore, Head, Shard, StoreError};
use tokio::sync::Mutex;

use super::archive::{ArchiveError, StatementArchive};
use super::chain::beginning;
use super::merkle::{Frontier, leaf_hash};
use super::signer::{PublicKey, Signer, SignerError};
use super::statement::{ShardHead, Statement, StatementHash};
use super::walk;
use crate::aside::reading;
use crate::clock::Clock;
use crate::ledger::{Ledger, runtime, spawn};
use crate::threads::Threads;
use crate::watchdog::Leash;

/// The longest pause after failures of the background thread.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// Why no statement was taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotaryError {
    /// The log cannot be read, or is not the one of the last statement: [`StoreError::HistoryLost`]. Then nothing is
    /// signed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The signer's signature is not one of its key.
    #[error("the signature that came from the signer is not one of key {key}")]
    BadSignature {
        /// The key it says it has.
        key: PublicKey,
    },
    /// The signer has another key than the one that signs next.
    #[error("the signer has key {found}, but {expected} signs next: introduce the new key first")]
    WrongKey {
        /// The signer's key.
        found: PublicKey,
        /// The one that signs next.
        expected: PublicKey,
    },
    /// The last statement in the archive is of another ledger.
    #[error("the archive holds statements of another ledger")]
    OtherLedger,
    /// The archive failed. If it did after signing, the same number is signed again by the next call.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

/// How far a notary has read: what the next statement needs of the last one.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Progress {
    sequence: u64,
    trees: Vec<Frontier>,
}

impl Progress {
    /// Whether it is the progress that a statement was taken with.
    fn is_of(&self, sequence: u64, heads: &[ShardHead]) -> bool {
        let fits = |(tree, head): (&Frontier, &ShardHead)| {
            tree.is_sound() && tree.size() == head.head.position.0 && tree.root() == head.root
        };
        self.sequence == sequence && self.trees.len() == heads.len() && self.trees.iter().zip(heads).all(fits)
    }
}

/// Takes statements of one ledger.
///
/// Taking the first statement reads the whole log, every later one what came since; if what the last one left in the
/// archive is lost, the whole log again. It holds one read of the store in memory.
#[derive(Debug)]
pub struct Notary {
    store: Arc<dyn EventStore>,
    signer: Arc<dyn Signer>,
    archive: Arc<dyn StatementArchive>,
    clock: Arc<dyn Clock>,
    replaces_lost_key: bool,
    /// Held while a statement is taken, so that two calls take two.
    progress: Mutex<Option<Progress>>,
}

impl Ledger {
    /// A notary of this ledger, with its clock.
    pub fn notary(&self, signer: Arc<dyn Signer>, archive: Arc<dyn StatementArchive>) -> Notary {
        Notary::new(self.store(), signer, archive, Arc::clone(&self.shared().settings.clock))
    }
}

impl Notary {
    /// A notary of a store's ledger. [`Ledger::notary`](crate::Ledger::notary) makes one of an open ledger.
    pub fn new(
        store: Arc<dyn EventStore>,
        signer: Arc<dyn Signer>,
        archive: Arc<dyn StatementArchive>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, signer, archive, clock, replaces_lost_key: false, progress: Mutex::new(None) }
    }

    /// Signs with a key that no statement introduced, because the old one is lost. Every verifier must be told of it:
    /// [`Trust::replaced_from`](super::Trust::replaced_from).
    pub fn replacing_lost_key(mut self) -> Self {
        self.replaces_lost_key = true;
        self
    }

    /// Takes a statement of what is durable now.
    ///
    /// # Errors
    ///
    /// [`NotaryError`]. Nothing is signed if the log does not continue the one of the last statement.
    pub async fn take(&self) -> Result<Statement, NotaryError> {
        let mut progress = self.progress.lock().await;
        let last = self.archive.last().await?;
        self.take_after(last, None, &mut progress).await
    }

    /// Takes a statement that introduces the key of the statements after it. The notary of those has another signer.
    ///
    /// # Errors
    ///
    /// [`NotaryError`].
    pub async fn take_introducing(&self, next: PublicKey) -> Result<Statement, NotaryError> {
        let mut progress = self.progress.lock().await;
        let last = self.archive.last().await?;
        self.take_after(last, Some(next), &mut progress).await
    }

    /// Takes a statement if the last one is at least a period old, by the clock, or if there is none.
    ///
    /// # Errors
    ///
    /// [`NotaryError`].
    pub async fn take_if_due(&self, period: Duration) -> Result<Option<Statement>, NotaryError> {
        let mut progress = self.progress.lock().await;
        let last = self.archive.last().await?;
        let is_due = |last: &Statement| {
            age(last.header().taken_at(), self.clock.wall()).is_some_and(|age| age >= period)
        };
        if last.as_ref().is_some_and(|last| !is_due(last)) {
            return Ok(None);
        }
        self.take_after(last, None, &mut progress).await.map(Some)
    }

    async fn take_after(
        &self,
        last: Option<Statement>,
        next: Option<PublicKey>,
        progress: &mut Option<Progress>,
    ) -> Result<Statement, NotaryError> {
        self.check_key(last.as_ref())?;
        let identity = *self.store.identity();
        let (sequence, previous, seen) = match &last {
            None => (0, StatementHash::NONE, beginning(&identity)),
            Some(last) if *last.header().identity() == identity => {
                (last.header().sequence(), last.header().hash(), last.heads().to_vec())
            }
            Some(_) => return Err(NotaryError::OtherLedger),
        };
        let known = self.known(progress.take(), sequence, &seen).await;
        let from = seen.clone();
        let (heads, trees) =
            reading("notary", &self.store, move |store| async move { extend(&*store, &from, known).await })
                .await?;
        let now = self.clock.wall();
        let taken_at = last.as_ref().map_or(now, |last| now.max(last.header().taken_at()));
        let keys = (self.signer.public_key(), next);
        let claim = Statement::claim(identity, (sequence + 1, previous), taken_at, &heads, keys);
        let signature = self.signer.sign(claim.message().as_bytes()).await?;
        let statement = claim.signed(signature).and_then(|header| Statement::new(header, heads));
        let statement = statement.ok_or(NotaryError::BadSignature { key: self.signer.public_key() })?;
        self.write_hashes(&seen, &statement).await?;
        self.archive.put(&statement).await?;
        tracing::info!(ledger = %identity.ledger, sequence = sequence + 1, "signed the heads");
        let made = Progress { sequence: sequence + 1, trees };
        self.keep(&made).await;
        *progress = Some(made);
        Ok(statement)
    }

    fn check_key(&self, last: Option<&Statement>) -> Result<(), NotaryError> {
        let Some(header) = last.map(Statement::header) else { return Ok(()) };
        let (expected, found) = (header.next_key().unwrap_or(header.key()), self.signer.public_key());
        if found == expected || self.replaces_lost_key {
            Ok(())
        } else {
            Err(NotaryError::WrongKey { found, expected })
        }
    }

    /// The trees that the last statement was taken with, if they are known.
    async fn known(
        &self,
        held: Option<Progress>,
        sequence: u64,
        heads: &[ShardHead],
    ) -> Option<Vec<Frontier>> {
        if sequence == 0 {
            return Some(heads.iter().map(|_| Frontier::new()).collect());
        }
        if let Some(held) = held.filter(|held| held.is_of(sequence, heads)) {
            return Some(held.trees);
        }
        let bytes = self.archive.progress().await?;
        let kept: Progress = serde_json::from_slice(&bytes).ok()?;
        kept.is_of(sequence, heads).then_some(kept.trees)
    }

    async fn keep(&self, progress: &Progress) {
        let Ok(bytes) = serde_json::to_vec(progress) else { return };
        if let Err(error) = self.archive.keep_progress(&bytes).await {
            // It only makes the next statement quick.
            tracing::warn!(%error, "the progress of the notary was not kept");
        }
    }

    /// Writes the hashes of the commits since the last statement, if the archive keeps them.
    async fn write_hashes(&self, seen: &[ShardHead], statement: &Statement) -> Result<(), NotaryError> {
        let sequence = statement.header().sequence();
        let Some(mut sink) = self.archive.hash_sink(sequence)? else { return Ok(()) };
        let spans: Vec<_> = seen.iter().map(|seen| seen.head).zip(statement.heads().to_vec()).collect();
        reading("notary", &self.store, move |store| async move {
            for (shard, (from, to)) in (0..).map(Shard).zip(spans) {
                let mut failed = Ok(());
                let reached = walk::each(&*store, shard, from, to.head.position, &mut |commit| {
                    if failed.is_ok() {
                        failed = sink.write_all(&commit.hash.0);
                    }
                })
                .await?;
                if reached != to.head {
                    let actual = format!("hash {} there", reached.hash);
                    return Err(StoreError::HistoryLost { shard, seen: to.head, actual }.into());
                }
                failed.map_err(|error| ArchiveError::io("writing hashes", error))?;
            }
            sink.finish().map_err(|error| ArchiveError::io("writing hashes", error))?;
            Ok::<_, NotaryError>(())
        })
        .await
    }

    /// Takes statements once a period on a thread of its own, until the handle is dropped. What fails is told as a
    /// `tracing` error and tried again, with pauses of up to a minute.
    ///
    /// The signer runs on that thread. One that needs the host's runtime is driven by a task of the host instead, which
    /// calls [`Self::take_if_due`].
    ///
    /// # Errors
    ///
    /// [`NotaryError::Thread`].
    pub fn start(self: Arc<Self>, period: Duration) -> Result<NotaryThread, NotaryError> {
        let leash = Arc::new(Leash::new(Threads::new(None)));
        let runtime = runtime()?;
        let thread = {
            let leash = Arc::clone(&leash);
            spawn("notary", move || {
                let pace = (period / 20).clamp(Duration::from_millis(10), Duration::from_secs(1));
                let mut pause = pace;
                loop {
                    match runtime.block_on(self.take_if_due(period)) {
                        Ok(_) => pause = pace,
                        Err(error) => {
                            tracing::error!(%error, "no statement was taken");
                            pause = (pause * 2).min(PAUSE_MAX);
                        }
                    }
                    if leash.sleep(pause) {
                        break;
                    }
                }
            })?
        };
        Ok(NotaryThread { leash, thread: Some(thread) })
    }
}

/// How much time passed; `None` if it went back.
fn age(from: Timestamp, to: Timestamp) -> Option<Duration> {
    let micros = to.as_micros().checked_sub(from.as_micros())?;
    u64::try_from(micros).ok().map(Duration::from_micros)
}

/// Reads what came since, and answers heads and trees as they are now. Without the trees as they were, it reads
/// everything.
async fn extend(
    store: &dyn EventStore,
    seen: &[ShardHead],
    known: Option<Vec<Frontier>>,
) -> Result<(Vec<ShardHead>, Vec<Frontier>), StoreError> {
    let heads = store.heads().await?;
    let mut shards = Vec::with_capacity(heads.len());
    let mut trees = Vec::with_capacity(heads.len());
    for ((shard, head), old) in (0..).map(Shard).zip(heads).zip(seen) {
        let mut tree = known.as_ref().and_then(|known| known.get(shard.index()).cloned());
        let mut from = old.head;
        if tree.is_none() {
            let mut whole = Frontier::new();
            let origin = walk::origin(store, shard);
            let reached = add(store, shard, origin, old.head, &mut whole).await?;
            let rebuilt = ShardHead { head: reached, root: whole.root() };
            if rebuilt != *old {
                let actual = format!("hash {} there, and tree {}", reached.hash, rebuilt.root);
                return Err(StoreError::HistoryLost { shard, seen: old.head, actual });
            }
            from = reached;
            tree = Some(whole);
        }
        let mut tree = tree.unwrap_or_default();
        let reached = add(store, shard, from, head, &mut tree).await?;
        if reached != head {
            let actual = format!("position {} with hash {}", head.position, head.hash);
            return Err(StoreError::HistoryLost { shard, seen: reached, actual });
        }
        shards.push(ShardHead { head, root: tree.root() });
        trees.push(tree);
    }
    Ok((shards, trees))
}

async fn add(
    store: &dyn EventStore,
    shard: Shard,
    from: Head,
    to: Head,
    tree: &mut Frontier,
) -> Result<Head, StoreError> {
    walk::each(store, shard, from, to.position, &mut |commit| tree.push(leaf_hash(&commit.hash.0))).await
}

/// The thread of [`Notary::start`]; it ends when this is dropped.
#[derive(Debug)]
pub struct NotaryThread {
    leash: Arc<Leash>,
    thread: Option<JoinHandle<()>>,
}

impl NotaryThread {
    /// Ends the thread and waits until a statement under way is kept.
    pub fn stop(mut self) {
        self.leash.end();
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            drop(thread.join());
        }
    }
}

impl Drop for NotaryThread {
    fn drop(&mut self) {
        self.leash.end();
    }
}
