//! Verification: what an auditor runs. Walks every shard's chain, recomputes every hash, compares what was witnessed, reads
//! every entry through its one door, replays every player and every partition of the house, and compares snapshots, what the
//! entries add up to, and what house and players say of each other.

mod books;
mod chain;
mod error;
mod fold;
mod player;
mod shard;
mod suspense;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ledger_store::{EventStore, Head, LedgerIdentity, Position, Shard};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::books::Books;
use self::shard::{Plan, ShardReport, ShardWalk};
use self::suspense::Crossings;
use crate::ledger::{aside, runtime};
use crate::panics::guarded;
use crate::proof::{StatementArchive, StatementChain, Trust, Witnesses};

pub use self::books::TrialBalanceLine;
pub use self::error::VerifyError;
pub use self::player::{PlayerVerification, verify_player};

/// The memory that a verification may take for players, in bytes, unless another is set.
pub const VERIFY_MEMORY: usize = 512 << 20;
/// The least that can be set.
pub const VERIFY_MEMORY_MIN: usize = 1 << 20;

/// What a verification found to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The heads of all shards, as recomputed.
    pub heads: Vec<Head>,
    /// How many commits were checked.
    pub commits: u64,
    /// How many entries.
    pub entries: u64,
    /// How many players.
    pub players: u64,
    /// How many partitions of the house, the register of currencies among them.
    pub houses: u64,
    /// Where house and players do not agree on money that went from suspense to a player: it was released without an
    /// assignment, or said to have landed and did not. No commit spans the two, so no rule can prevent it; each is for
    /// a person to look at. Empty if all is well.
    pub breaks: Vec<String>,
    /// How many snapshots are what a replay comes to.
    pub snapshots: u64,
    /// How many snapshots were left out: of another fold, which nothing loads, or newer than the heads.
    pub snapshots_left_out: u64,
    /// The trial balance: one line per account code and currency.
    pub trial_balance: Vec<TrialBalanceLine>,
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The shard that was worked on.
    pub shard: Shard,
    /// Which pass over it: 1, and more if its players do not fit the memory at once.
    pub pass: u32,
    /// The position that was reached.
    pub position: Position,
    /// The position at which the shard ends.
    pub of: Position,
    /// How many commits were checked, over all shards.
    pub checked: u64,
    /// How many there are to check.
    pub commits: u64,
}

/// The shards that a verification has finished, to go on from after an interruption.
///
/// It is as good as the place it was kept in: whoever can change it can have shards left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyCheckpoint {
    identity: LedgerIdentity,
    heads: Vec<Head>,
    done: BTreeMap<u16, DoneShard>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DoneShard {
    /// The witnesses it was compared with.
    witnesses: String,
    report: ShardReport,
}

impl VerifyCheckpoint {
    /// How many shards are finished.
    pub fn shards(&self) -> usize {
        self.done.len()
    }
}

/// Hears of every page of commits.
pub(crate) type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;
/// Hears of every finished shard.
type OnShard = Arc<dyn Fn(&VerifyCheckpoint) + Send + Sync>;

/// A verification with options.
///
/// Memory is what is set for players, and one read of the store (up to 16 MiB) and a few pages of decoded commits for each
/// thread. If the players of a shard do not fit, the shard is read several times. One player alone is never divided: his
/// state and 32 bytes for each of his keys must fit.
pub struct Verifier {
    store: Arc<dyn EventStore>,
    memory: usize,
    threads: usize,
    witnesses: Witnesses,
    archive: Option<(Arc<dyn StatementArchive>, Trust)>,
    checks_index: bool,
    progress: Option<OnProgress>,
    on_shard: Option<OnShard>,
    resume: Option<VerifyCheckpoint>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("memory", &self.memory)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verification of a store's ledger: with [`VERIFY_MEMORY`], and as many threads as the machine has cores.
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self {
            store,
            memory: VERIFY_MEMORY,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            witnesses: Witnesses::new(),
            archive: None,
            checks_index: false,
            progress: None,
            on_shard: None,
            resume: None,
        }
    }

    /// How much memory players may take, in bytes, over all threads; at least [`VERIFY_MEMORY_MIN`].
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes.max(VERIFY_MEMORY_MIN);
        self
    }

    /// How many threads work, each on one shard at a time; at least one.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Compares with what was seen before. Statements among them must have been checked.
    pub fn witnesses(mut self, witnesses: Witnesses) -> Self {
        self.witnesses = witnesses;
        self
    }

    /// Checks every statement of an archive, from the first on, and compares the log with each. If the archive keeps
    /// hashes, the first wrong commit is named, and not only the period it lies in.
    pub fn archive(mut self, archive: Arc<dyn StatementArchive>, trust: Trust) -> Self {
        self.archive = Some((archive, trust));
        self
    }

    /// Asks the index for everything it must find too.
    pub fn check_index(mut self) -> Self {
        self.checks_index = true;
        self
    }

    /// Is called after every page of commits, from the threads that work.
    pub fn progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Is called after every finished shard with what to go on from.
    pub fn on_shard(mut self, on_shard: impl Fn(&VerifyCheckpoint) + Send + Sync + 'static) -> Self {
        self.on_shard = Some(Arc::new(on_shard));
        self
    }

    /// Goes on from a checkpoint: verifies up to the heads it was begun with, without the shards that are finished.
    pub fn resume(mut self, checkpoint: VerifyCheckpoint) -> Self {
        self.resume = Some(checkpoint);
        self
    }

    /// Verifies everything up to the heads that are durable when it begins, on threads of its own.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] naming the first wrong commit of the first wrong shard, or what does not add up.
    pub async fn run(self) -> Result<Verification, VerifyError> {
        let done = aside("verify", move || {
            let runtime = runtime().map_err(|error| VerifyError::Thread(error.to_string()))?;
            let prepared = runtime.block_on(self.prepare())?;
            self.work(&prepared)
        });
        done.await.map_err(|error| VerifyError::Thread(error.to_string()))?
    }

    /// Heads, witnesses, and the shards that are finished already.
    async fn prepare(&self) -> Result<(Plan, VerifyCheckpoint), VerifyError> {
        let identity = *self.store.identity();
        let mut witnesses = self.witnesses.clone();
        if let Some((archive, trust)) = &self.archive {
            add_archive(&mut witnesses, identity, archive, trust.clone()).await?;
        }
        if let Some(shard) = witnesses.shards().find(|shard| shard.0 >= identity.shards.get()) {
            let what = format!("there is no shard {shard} in the log");
            let seen = witnesses.of(shard).first().map_or(Position::ZERO, |witness| witness.head.position);
            return Err(VerifyError::Witness {
                shard,
                first: None,
                vouched: Position::ZERO,
                witnessed: seen,
                statement: None,
                what,
            });
        }
        let mut checkpoint = match &self.resume {
            Some(checkpoint) => checkpoint.clone(),
            None => {
                let heads = self.store.heads().await?;
                VerifyCheckpoint { identity, heads, done: BTreeMap::new() }
            }
        };
        if checkpoint.identity != identity || checkpoint.heads.len() != usize::from(identity.shards.get()) {
            return Err(VerifyError::Checkpoint("it is of another ledger".to_owned()));
        }
        for (shard, done) in &checkpoint.done {
            let shard = Shard(*shard);
            if checkpoint.heads.get(shard.index()) != Some(&done.report.head) {
                return Err(VerifyError::Checkpoint(format!("shard {shard} does not end at its head")));
            }
            crate::proof::passes_through(&*self.store, shard, done.report.head).await?;
        }
        checkpoint.done.retain(|shard, done| done.witnesses == witnesses_digest(&witnesses, Shard(*shard)));
        let checked = checkpoint.done.values().map(|done| done.report.commits).sum();
        let plan = Plan {
            heads: checkpoint.heads.clone(),
            witnesses,
            archive: self.archive.as_ref().map(|(archive, _)| Arc::clone(archive)),
            bytes_max: self.memory / self.threads.min(usize::from(identity.shards.get())),
            checks_index: self.checks_index,
            progress: self.progress.clone(),
            checked: AtomicU64::new(checked),
            wrong_shard: AtomicU32::new(u32::MAX),
        };
        Ok((plan, checkpoint))
    }

    /// Works on all shards that are not finished; each thread takes the next one.
    fn work(&self, (plan, checkpoint): &(Plan, VerifyCheckpoint)) -> Result<Verification, VerifyError> {
        let left: Vec<Shard> = checkpoint
            .identity
            .shards
            .all()
            .filter(|shard| !checkpoint.done.contains_key(&shard.0))
            .collect();
        let next = AtomicUsize::new(0);
        let done = Mutex::new(checkpoint.clone());
        let failed: Mutex<Option<(Shard, VerifyError)>> = Mutex::new(None);
        let fail = |shard: Shard, error: VerifyError| {
            plan.wrong_shard.fetch_min(u32::from(shard.0), Ordering::Relaxed);
            let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
            if first.as_ref().is_none_or(|(known, _)| shard < *known) {
                *first = Some((shard, error));
            }
        };
        let work = || {
            while let Some(shard) = left.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                if failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                    // Shards are taken in order: whatever comes now comes after one that is wrong.
                    return;
                }
                let verified = guarded(|| verify_shard(&*self.store, plan, shard));
                match verified {
                    Ok(Ok(Some(report))) => self.finish(&done, plan, shard, report),
                    Ok(Ok(None)) => return,
                    Ok(Err(error)) => fail(shard, error),
                    Err(panic) => fail(shard, VerifyError::Thread(panic)),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(left.len()) {
                let thread = std::thread::Builder::new().name("ledger-verify".to_owned());
                if let Err(error) = thread.spawn_scoped(scope, work) {
                    tracing::warn!(%error, "verifying with fewer threads");
                }
            }
            work();
        });
        if let Some((_, error)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        whole(plan, done.done.into_values().map(|done| done.report))
    }

    fn finish(&self, done: &Mutex<VerifyCheckpoint>, plan: &Plan, shard: Shard, report: ShardReport) {
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        let witnesses = witnesses_digest(&plan.witnesses, shard);
        done.done.insert(shard.0, DoneShard { witnesses, report });
        if let Some(on_shard) = &self.on_shard {
            on_shard(&done);
        }
    }
}

fn verify_shard(
    store: &dyn EventStore,
    plan: &Plan,
    shard: Shard,
) -> Result<Option<ShardReport>, VerifyError> {
    let runtime = runtime().map_err(|error| VerifyError::Thread(error.to_string()))?;
    runtime.block_on(async {
        match ShardWalk::new(store, plan, shard) {
            Some(walk) => walk.run().await,
            None => Err(VerifyError::Commit {
                shard,
                position: Position::ZERO,
                what: "the store has no head of it".to_owned(),
            }),
        }
    })
}

/// Checks the statements of an archive and takes them as witnesses.
async fn add_archive(
    witnesses: &mut Witnesses,
    identity: LedgerIdentity,
    archive: &Arc<dyn StatementArchive>,
    trust: Trust,
) -> Result<(), VerifyError> {
    let Some(last) = archive.last().await? else { return Ok(()) };
    let mut chain = StatementChain::new(identity, trust);
    let end = last.header().sequence();
    for sequence in 1..=end {
        match archive.statement(sequence).await? {
            Some(statement) => {
                chain.push(&statement)?;
                witnesses.add_statement(&statement);
            }
            None => {
                // The one that comes next tells that this one is missing.
                for later in sequence + 1..=end {
                    if let Some(statement) = archive.statement(later).await? {
                        chain.push(&statement)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Tells whether a shard was compared with the same witnesses.
fn witnesses_digest(witnesses: &Witnesses, shard: Shard) -> String {
    let mut hash = Sha256::new();
    for witness in witnesses.of(shard) {
        hash.update(witness.head.position.0.to_be_bytes());
        hash.update(witness.head.hash.0);
        hash.update(witness.root.map_or([0; 32], |root| root.0));
    }
    crate::hex::text(&hash.finalize())
}

/// Adds the shards up.
fn whole(plan: &Plan, reports: impl Iterator<Item = ShardReport>) -> Result<Verification, VerifyError> {
    let (mut books, mut crossings) = (Books::default(), Crossings::default());
    let mut all = Verification {
        heads: plan.heads.clone(),
        commits: 0,
        entries: 0,
        players: 0,
        houses: 0,
        breaks: Vec::new(),
        snapshots: 0,
        snapshots_left_out: 0,
        trial_balance: Vec::new(),
    };
    for report in reports {
        books.merge(&report.lines, report.entries).map_err(VerifyError::Books)?;
        all.commits += report.commits;
        all.players += report.players;
        all.houses += report.houses;
        crossings.merge(report.crossings);
        all.snapshots += report.snapshots;
        all.snapshots_left_out += report.snapshots_left_out;
    }
    books.check_balanced().map_err(VerifyError::Books)?;
    all.breaks = crossings.breaks();
    all.entries = books.entries;
    all.trial_balance = books.lines();
    Ok(all)
}

/// Verifies everything up to the heads that are durable when it begins, in the caller's task. A [`Verifier`] does the same
/// on several threads, with witnesses and more.
///
/// # Errors
///
/// [`VerifyError`] naming the first wrong commit of the first wrong shard, or the account that does not
/// add up.
pub async fn verify(store: &dyn EventStore) -> Result<Verification, VerifyError> {
    let plan = Plan {
        heads: store.heads().await?,
        witnesses: Witnesses::new(),
        archive: None,
        bytes_max: VERIFY_MEMORY,
        checks_index: false,
        progress: None,
        checked: AtomicU64::new(0),
        wrong_shard: AtomicU32::new(u32::MAX),
    };
    let mut reports = Vec::with_capacity(plan.heads.len());
    for shard in store.identity().shards.all() {
        if let Some(walk) = ShardWalk::new(store, &plan, shard) {
            reports.extend(walk.run().await?);
        }
    }
    whole(&plan, reports.into_iter())
}
