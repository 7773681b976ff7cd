//! The home of a view in memory.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use ledger_store::LedgerIdentity;

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::view::View;

/// A view that is kept in memory by [`Memory`].
///
/// `fold` computes all that a batch changes without touching the state, and may fail; `merge` puts it in and
/// cannot fail. So a batch is all or nothing, and readers are held up by the merge only.
pub trait MemoryModel: Send + Sync + 'static {
    /// The view's name.
    const NAME: &'static str;
    /// The version of the fold.
    const VERSION: u32;
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

struct Contents<S> {
    checkpoint: Checkpoint,
    state: S,
}

type Shared<M> = Arc<RwLock<Contents<<M as MemoryModel>::State>>>;

/// A view in memory. It starts empty: on every start of the process it is folded again from the first commit.
pub struct Memory<M: MemoryModel> {
    shared: Shared<M>,
    model: PhantomData<M>,
}

/// Reads a [`Memory`] view, from any thread, while it is being projected.
pub struct MemoryReader<M: MemoryModel> {
    shared: Shared<M>,
    model: PhantomData<M>,
}

impl<M: MemoryModel> fmt::Debug for Memory<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("view", &M::NAME).finish_non_exhaustive()
    }
}

impl<M: MemoryModel> fmt::Debug for MemoryReader<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReader").field("view", &M::NAME).finish_non_exhaustive()
    }
}

impl<M: MemoryModel> Clone for MemoryReader<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), model: PhantomData }
    }
}

fn uncertain<T>(_: PoisonError<T>) -> ViewError {
    ViewError::home("a panic left the view in memory uncertain")
}

impl<M: MemoryModel> Memory<M> {
    /// An empty view of a ledger.
    pub fn new(identity: &LedgerIdentity) -> Self {
        let contents = Contents { checkpoint: Checkpoint::start(identity), state: M::State::default() };
        Self { shared: Arc::new(RwLock::new(contents)), model: PhantomData }
    }

    /// A reader of this view; it stays good while the view is followed by a runner.
    pub fn reader(&self) -> MemoryReader<M> {
        MemoryReader { shared: Arc::clone(&self.shared), model: PhantomData }
    }
}

impl<M: MemoryModel> MemoryReader<M> {
    /// Reads the state together with the checkpoint it is true at. The projection waits until `read` is done.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if a panic left the view uncertain.
    pub fn read<T>(&self, read: impl FnOnce(&M::State, &Checkpoint) -> T) -> Result<T, ViewError> {
        let contents = self.shared.read().map_err(uncertain)?;
        Ok(read(&contents.state, &contents.checkpoint))
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
        Ok(self.shared.read().map_err(uncertain)?.checkpoint.clone())
    }

    async fn apply(&mut self, commits: &[Commit]) -> Result<Checkpoint, ViewError> {
        // Only this method writes, and it has the view to itself, so what is folded on is what is merged into.
        let (changes, after) = {
            let contents = self.shared.read().map_err(uncertain)?;
            let advance = contents.checkpoint.advance(commits)?;
            if advance.fresh.is_empty() {
                return Ok(advance.after);
            }
            (M::fold(&contents.state, &advance.fresh)?, advance.after)
        };
        let mut contents = self.shared.write().map_err(uncertain)?;
        M::merge(&mut contents.state, changes);
        contents.checkpoint = after.clone();
        Ok(after)
    }
}
