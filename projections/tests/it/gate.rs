//! A view that hands every batch over to its test, and goes on when told.

use std::sync::Arc;

use async_trait::async_trait;
use ledger_projections::{Checkpoint, Commit, Skip, View, ViewError};
use ledger_store::{Position, Shard};
use tokio::sync::{mpsc, oneshot};

pub(crate) struct Gate<V> {
    view: V,
    batches: mpsc::UnboundedSender<(usize, oneshot::Sender<Pass>)>,
}

pub(crate) enum Pass {
    Through,
    Poison(Shard, Position),
    Panic,
}

#[async_trait]
impl<V: View> View for Gate<V> {
    fn name(&self) -> &str {
        self.view.name()
    }
    fn version(&self) -> u32 {
        self.view.version()
    }
    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        self.view.checkpoint().await
    }
    async fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        let (pass, passes) = oneshot::channel();
        let _ = self.batches.send((commits.len(), pass));
        match passes.await {
            Ok(Pass::Poison(shard, position)) => {
                let at = |commit: &&Arc<Commit>| (commit.shard, commit.position) == (shard, position);
                match commits.iter().find(at) {
                    Some(commit) => Err(commit.poison("ordered")),
                    None => self.view.apply(commits).await,
                }
            }
            Ok(Pass::Panic) => panic!("ordered"),
            Ok(Pass::Through) | Err(_) => self.view.apply(commits).await,
        }
    }
    async fn skip(&mut self, skip: &Skip) -> Result<Checkpoint, ViewError> {
        self.view.skip(skip).await
    }
}

pub(crate) type Batches = mpsc::UnboundedReceiver<(usize, oneshot::Sender<Pass>)>;

pub(crate) fn gated<V: View>(view: V) -> (Gate<V>, Batches) {
    let (batches, gets) = mpsc::unbounded_channel();
    (Gate { view, batches }, gets)
}

/// Lets the next batch pass, or not; answers with its size.
pub(crate) async fn pass(batches: &mut Batches, pass: Pass) -> usize {
    let (size, gate) = batches.recv().await.expect("a batch");
    assert!(gate.send(pass).is_ok());
    size
}
