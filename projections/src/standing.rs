//! Where a reader's view stands, and waiting until it stands far enough.

use std::time::Duration;

use async_trait::async_trait;
use ledger_store::{Head, Position, Shard};
use tokio::time::{Instant, sleep};

use crate::checkpoint::Checkpoint;
use crate::error::ViewError;

/// The first pause between two looks at a view that is kept where nobody wakes its readers.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_millis(32);

/// What every reader of a view can say: where the view stands. Every `Read...` trait includes it.
#[async_trait]
pub trait Standing: Send + Sync {
    /// Where the view stands, and what was left out.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn checkpoint(&self) -> Result<Checkpoint, ViewError>;

    /// Waits until something may have changed, at most so long.
    ///
    /// The default sleeps; a home that can wake its readers does better.
    async fn changed(&self, limit: Duration) {
        sleep(limit).await;
    }

    /// Waits until the view contains a position, so that the next read shows what was written there: the shard and
    /// position of a receipt let its caller read his own write. Answers with where the view then stands. A view that
    /// is only being made is waited for too.
    ///
    /// Needs a tokio runtime with time.
    ///
    /// # Errors
    ///
    /// [`ViewError::Behind`] if it does not within the limit, [`ViewError::NotReady`] if there is no view by then,
    /// [`ViewError::OtherLedger`] if there is no such shard, [`ViewError`] if the view cannot be read.
    async fn at_least(&self, shard: Shard, position: Position, limit: Duration) -> Result<Head, ViewError> {
        // Without an end where no clock can say it.
        let end = Instant::now().checked_add(limit);
        let mut pause = PAUSE_MIN;
        loop {
            let behind = match self.checkpoint().await {
                Ok(checkpoint) => {
                    let head = checkpoint.head(shard).ok_or_else(|| ViewError::no_shard(shard))?;
                    if head.position >= position {
                        return Ok(head);
                    }
                    ViewError::Behind { shard, at: head.position, wanted: position, limit }
                }
                // Its runner has not opened it yet, or builds this version.
                Err(error @ ViewError::NotReady { .. }) => error,
                Err(error) => return Err(error),
            };
            let left = end.map_or(PAUSE_MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(behind);
            }
            self.changed(pause.min(left)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
