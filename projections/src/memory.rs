//! The home of a view in memory.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use ledger_store::{Head, LedgerIdentity, Shard, genesis};
use tokio::sync::watch;

use crate::checkpoint::{AtCheckpoint, AtHead, Checkpoint};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::home::{Building, Home, Live};
use crate::skip::Skip;
use crate::standing::Standing;
use crate::view::View;

/// The most lanes of a view that is kept by shard: more would be more locks than threads ever meet.
const LANES_MAX: usize = 16;
/// Fewer commits than this are folded on one thread: starting a second one costs more.
const PARALLEL_COMMITS_MIN: usize = 512;

/// A view that is kept in memory by [`Memory`].
///
/// `fold` computes all that a batch changes without touching the state, and may fail; `merge` puts it in and
/// cannot fail. So a batch is all or nothing, and readers are held up by the merge only.
pub trait MemoryModel: Send + Sync + 'static {
    /// The view's name.
    const NAME: &'static str;
    /// The version of the fold.
    const VERSION: u32;
    /// Whether a shard's commits read and change nothing that those of another shard do. Then the home keeps a
    /// state for every few shards, folds them side by side, and lets readers of one at the others' batches.
    const BY_SHARD: bool;
    /// What the view holds.
    type State: Default + Send + Sync;
    /// What a batch changes.
    type Changes: Send;

    /// What the commits change, given the state before them.
    ///
    /// # Errors
    ///
    /// [`ViewError::Poison`] for a commit that the view cannot take.
    fn fold(state: &Self::State, commits: &[&Commit]) -> Result<Self::Changes, ViewError>;

    /// Puts the changes into the state.
    fn merge(state: &mut Self::State, changes: Self::Changes);
}

/// Neighbouring shards with their part of the state.
struct Lane<S> {
    heads: Vec<Head>,
    skips: Vec<Skip>,
    state: S,
}

/// One generation of a view.
struct Generation<M: MemoryModel> {
    identity: LedgerIdentity,
    lanes: Vec<RwLock<Lane<M::State>>>,
    /// How many shards a lane has.
    width: usize,
    /// Whether a [`Memory`] writes to it.
    is_written: AtomicBool,
}

fn uncertain<T>(_: PoisonError<T>) -> ViewError {
    ViewError::Damaged("a panic left the view in memory uncertain".to_owned())
}

impl<M: MemoryModel> Generation<M> {
    fn new(identity: &LedgerIdentity) -> Self {
        let shards: Vec<Shard> = identity.shards.all().collect();
        let lanes = if M::BY_SHARD { shards.len().min(LANES_MAX) } else { 1 };
        let width = shards.len().div_ceil(lanes);
        let lane = |shards: &[Shard]| {
            let heads = shards.iter().map(|shard| genesis(identity, *shard)).collect();
            RwLock::new(Lane { heads, skips: Vec::new(), state: M::State::default() })
        };
        let lanes = shards.chunks(width).map(lane).collect();
        Self { identity: *identity, lanes, width, is_written: AtomicBool::new(false) }
    }

    fn lane(&self, shard: Shard) -> Result<&RwLock<Lane<M::State>>, ViewError> {
        self.lanes.get(shard.index() / self.width).ok_or_else(|| ViewError::no_shard(shard))
    }

    fn locked(&self) -> Result<Vec<RwLockReadGuard<'_, Lane<M::State>>>, ViewError> {
        self.lanes.iter().map(|lane| lane.read().map_err(uncertain)).collect()
    }

    /// Where the lanes stand. Each is true for itself, and shards commute (V08).
    fn checkpoint_of(&self, lanes: &[RwLockReadGuard<'_, Lane<M::State>>]) -> Result<Checkpoint, ViewError> {
        let heads = lanes.iter().flat_map(|lane| lane.heads.iter().copied()).collect();
        let skips: Vec<Skip> = lanes.iter().flat_map(|lane| lane.skips.iter().cloned()).collect();
        let checkpoint = Checkpoint::from_heads(&self.identity, heads)?;
        if skips.is_empty() { Ok(checkpoint) } else { checkpoint.with_skips(skips) }
    }

    fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        self.checkpoint_of(&self.locked()?)
    }
}

/// What readers see, over the generations.
struct Cell<M: MemoryModel> {
    live: RwLock<Arc<Generation<M>>>,
    changed: watch::Sender<()>,
}

impl<M: MemoryModel> Cell<M> {
    fn live(&self) -> Arc<Generation<M>> {
        // Only a pointer stands behind the lock: whoever panicked, it is the old one or the new one.
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The home of a view in memory. Clones are the same home.
///
/// It starts empty: on every start of the process the view is folded again from the first commit.
pub struct MemoryHome<M: MemoryModel> {
    cell: Arc<Cell<M>>,
    building: Arc<Mutex<Option<Arc<Generation<M>>>>>,
}

/// A view in memory, as a runner follows the log with it.
pub struct Memory<M: MemoryModel> {
    cell: Arc<Cell<M>>,
    generation: Arc<Generation<M>>,
    threads: usize,
}

/// Reads a view in memory, from any thread, while it is being projected or built anew.
pub struct MemoryReader<M: MemoryModel> {
    cell: Arc<Cell<M>>,
}

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl<M: MemoryModel> fmt::Debug for $name<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("view", &M::NAME).finish_non_exhaustive()
            }
        }
    )*};
}
shown!(MemoryHome, Memory, MemoryReader);

impl<M: MemoryModel> Clone for MemoryHome<M> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell), building: Arc::clone(&self.building) }
    }
}

impl<M: MemoryModel> Clone for MemoryReader<M> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell) }
    }
}

impl<M: MemoryModel> MemoryHome<M> {
    /// A home with an empty view of a ledger.
    pub fn new(identity: &LedgerIdentity) -> Self {
        let live = RwLock::new(Arc::new(Generation::new(identity)));
        let cell = Arc::new(Cell { live, changed: watch::Sender::new(()) });
        Self { cell, building: Arc::new(Mutex::new(None)) }
    }

    /// A reader of whatever is the live view.
    pub fn reader(&self) -> MemoryReader<M> {
        MemoryReader { cell: Arc::clone(&self.cell) }
    }

    fn view(&self, generation: Arc<Generation<M>>) -> Result<Memory<M>, ViewError> {
        if generation.is_written.swap(true, Ordering::AcqRel) {
            return Err(ViewError::InUse { home: format!("the view {} in memory", M::NAME) });
        }
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Ok(Memory { cell: Arc::clone(&self.cell), generation, threads })
    }
}

#[async_trait]
impl<M: MemoryModel> Home for MemoryHome<M> {
    type View = Memory<M>;

    fn name(&self) -> &str {
        M::NAME
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    async fn live(&self) -> Result<Live<Memory<M>>, ViewError> {
        let view = self.view(self.cell.live())?;
        // What a panic left uncertain is not followed on.
        view.generation.checkpoint()?;
        Ok(Live::Ready(view))
    }

    async fn building(&self, how: Building) -> Result<Option<Memory<M>>, ViewError> {
        let generation = {
            let mut building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
            match (how, building.as_ref()) {
                (Building::Resume, None) => return Ok(None),
                (Building::Resume, Some(generation)) => Arc::clone(generation),
                (Building::Anew, _) => {
                    let identity = self.cell.live().identity;
                    Arc::clone(building.insert(Arc::new(Generation::new(&identity))))
                }
            }
        };
        self.view(generation).map(Some)
    }

    async fn swap(&self, built: &mut Memory<M>) -> Result<(), ViewError> {
        *self.cell.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&built.generation);
        *self.building.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.cell.changed.send_replace(());
        Ok(())
    }

    async fn discard(&self) -> Result<(), ViewError> {
        *self.building.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    async fn tidy(&self) -> Result<(), ViewError> {
        // Memory goes when the last reader lets go of it.
        Ok(())
    }
}

impl<M: MemoryModel> Drop for Memory<M> {
    fn drop(&mut self) {
        self.generation.is_written.store(false, Ordering::Release);
    }
}

/// Does every piece of work, on up to so many threads; answers in the order of the pieces.
fn side_by_side<W: Send, T: Send>(threads: usize, work: Vec<W>, run: impl Fn(W) -> T + Sync) -> Vec<T> {
    let threads = threads.min(work.len());
    if threads < 2 {
        return work.into_iter().map(run).collect();
    }
    let pieces: Vec<_> = work.into_iter().map(|piece| Mutex::new(Some(piece))).collect();
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(index) else { return done };
            let piece = piece.lock().unwrap_or_else(PoisonError::into_inner).take();
            done.extend(piece.map(|piece| (index, run(piece))));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

impl<M: MemoryModel> Memory<M> {
    /// An empty view of a ledger, in a home of its own. A [`MemoryHome`] can also rebuild it.
    pub fn new(identity: &LedgerIdentity) -> Self {
        let MemoryHome { cell, .. } = MemoryHome::<M>::new(identity);
        let generation = cell.live();
        generation.is_written.store(true, Ordering::Release);
        Self { cell, generation, threads: thread::available_parallelism().map_or(1, usize::from) }
    }

    /// A reader of this view; it stays good while the view is followed by a runner.
    pub fn reader(&self) -> MemoryReader<M> {
        MemoryReader { cell: Arc::clone(&self.cell) }
    }

    fn apply_batch(&self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        let generation = &self.generation;
        // Only this view writes, and it is here: what is folded on is what is merged into.
        let advance = generation.checkpoint()?.advance(commits)?;
        let mut lanes: Vec<Vec<&Commit>> = vec![Vec::new(); generation.lanes.len()];
        for commit in &advance.fresh {
            if let Some(lane) = lanes.get_mut(commit.shard.index() / generation.width) {
                lane.push(commit);
            }
        }
        let work: Vec<_> = generation.lanes.iter().zip(&lanes).filter(|(_, lane)| !lane.is_empty()).collect();
        let threads = if advance.fresh.len() < PARALLEL_COMMITS_MIN { 1 } else { self.threads };
        let folded = side_by_side(threads, work, |(lane, commits)| {
            let fold = || M::fold(&lane.read().map_err(uncertain)?.state, commits);
            fold().map(|changes| (lane, commits, changes))
        });
        let (folded, failed): (Vec<_>, Vec<_>) = folded.into_iter().partition(Result::is_ok);
        let place = |error: &ViewError| {
            let at = error.at();
            advance.fresh.iter().position(|commit| Some((commit.shard, commit.position)) == at)
        };
        // Of several lanes that fail, the one whose commit was delivered first tells.
        if let Some(error) = failed.into_iter().filter_map(Result::err).min_by_key(place) {
            return Err(error);
        }
        let folded: Vec<_> = folded.into_iter().filter_map(Result::ok).collect();
        let merged = side_by_side(threads, folded, |(lane, commits, changes)| {
            let mut lane = lane.write().map_err(uncertain)?;
            M::merge(&mut lane.state, changes);
            for commit in commits {
                if let Some(head) = lane.heads.get_mut(commit.shard.index() % generation.width) {
                    *head = commit.head();
                }
            }
            Ok(())
        });
        merged.into_iter().collect::<Result<(), ViewError>>()?;
        self.cell.changed.send_replace(());
        Ok(advance.after)
    }
}

impl<M: MemoryModel> MemoryReader<M> {
    /// Reads the part of the state that a shard's commits change, with the head it is true at. The projection of
    /// that part waits until `read` is done.
    ///
    /// # Errors
    ///
    /// [`ViewError::OtherLedger`] if there is no such shard, [`ViewError::Damaged`] if a panic left the view
    /// uncertain.
    pub fn read_shard<T>(
        &self,
        shard: Shard,
        read: impl FnOnce(&M::State) -> T,
    ) -> Result<AtHead<T>, ViewError> {
        let generation = self.cell.live();
        let lane = generation.lane(shard)?.read().map_err(uncertain)?;
        let head = lane.heads.get(shard.index() % generation.width);
        let head = *head.ok_or_else(|| ViewError::no_shard(shard))?;
        let incomplete = crate::Incomplete::of(lane.skips.iter().filter(|skip| skip.shard == shard));
        Ok(AtHead { shard, head, incomplete, value: read(&lane.state) })
    }

    /// Reads all parts of the state together with the checkpoint they are true at: one part, or several if the model
    /// is kept by shard. The projection waits until `read` is done.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if a panic left the view uncertain.
    pub fn read<T>(&self, read: impl FnOnce(&[&M::State]) -> T) -> Result<AtCheckpoint<T>, ViewError> {
        let generation = self.cell.live();
        let lanes = generation.locked()?;
        let checkpoint = generation.checkpoint_of(&lanes)?;
        let states: Vec<&M::State> = lanes.iter().map(|lane| &lane.state).collect();
        Ok(AtCheckpoint { checkpoint, value: read(&states) })
    }

    /// What the ledger is.
    pub fn identity(&self) -> LedgerIdentity {
        self.cell.live().identity
    }
}

#[async_trait]
impl<M: MemoryModel> Standing for MemoryReader<M> {
    async fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        self.cell.live().checkpoint()
    }

    async fn changed(&self, limit: Duration) {
        let mut changed = self.cell.changed.subscribe();
        let _ = tokio::time::timeout(limit, changed.changed()).await;
    }
}

#[async_trait]
impl<M: MemoryModel> View for Memory<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        self.generation.checkpoint()
    }

    async fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        self.apply_batch(commits)
    }

    async fn skip(&mut self, skip: &Skip) -> Result<Checkpoint, ViewError> {
        let after = self.generation.checkpoint()?.skip(skip)?;
        let mut lane = self.generation.lane(skip.shard)?.write().map_err(uncertain)?;
        if let Some(head) = lane.heads.get_mut(skip.shard.index() % self.generation.width) {
            *head = skip.head();
        }
        lane.skips.push(skip.clone());
        drop(lane);
        self.cell.changed.send_replace(());
        Ok(after)
    }
}
