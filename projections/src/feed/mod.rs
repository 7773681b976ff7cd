//! One decoded feed per process: every view and subscription reads the log through it, and each commit is decoded
//! once for all of them.

mod chunks;
mod pool;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use ledger_store::{EventStore, LedgerIdentity, Position, READ_BYTES_MAX, Shard, StoreError, StoredCommit};
use tokio::sync::oneshot;

use self::chunks::{CHUNK_COMMITS, Chunk, Chunks, Item};
use self::pool::Pool;
use crate::commit::Commit;
use crate::error::ViewError;

/// The most threads that decode ahead for views that catch up.
pub const DECODERS_MAX: usize = 64;

/// How a feed reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSettings {
    /// How many bytes of bodies the feed keeps decoded, for readers that come later; a decoded commit takes about
    /// three times the bytes of its body. A view that falls further behind than this reads by itself.
    pub bytes_max: usize,
    /// How many threads decode ahead for views that catch up. Live views decode on their own threads.
    pub decoders: usize,
}

impl Default for FeedSettings {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { bytes_max: 32 << 20, decoders: cores.div_ceil(2).min(8) }
    }
}

/// What a feed has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedStats {
    /// How many commits were read from the store and decoded.
    pub decoded: u64,
    /// How many commits were given out, each once per reader. What is beyond `decoded` was shared.
    pub given: u64,
}

/// The commits of a store, decoded once for all who follow it in this process. Clones share it.
///
/// The feed keeps what was decoded last, up to a bound of bytes, by pieces of a shard. Who asks for a piece that is
/// there gets it; who asks for one that is not reads and decodes it for all, while others that want the same piece
/// wait for him. Nobody is fed at another's pace: there is no queue to fill up, and a view that is slower than the
/// pieces are kept decodes for itself.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
}

struct Shared {
    store: Arc<dyn EventStore>,
    settings: FeedSettings,
    chunks: Chunks,
    decoded: AtomicU64,
    given: AtomicU64,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("store", &self.shared.store)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// A part of a shard to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) shard: Shard,
    pub(crate) from: Position,
    pub(crate) commits: usize,
}

/// Commits in order, and why there are no more of them if the next one cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) commits: Vec<Arc<Commit>>,
    pub(crate) failed: Option<Arc<ViewError>>,
    /// Less came than was asked for: of bytes there were enough.
    pub(crate) is_short: bool,
    bytes: usize,
}

impl Feed {
    /// The feed of a store.
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self::with_settings(store, FeedSettings::default())
    }

    /// The feed of a store, tuned.
    pub fn with_settings(store: Arc<dyn EventStore>, settings: FeedSettings) -> Self {
        let chunks = Chunks::new(settings.bytes_max);
        let (decoded, given) = (AtomicU64::new(0), AtomicU64::new(0));
        let shared = Arc::new(Shared { store, settings, chunks, decoded, given });
        let pool = Arc::new(Pool::new(Arc::clone(&shared)));
        Self { shared, pool }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.shared.store
    }

    /// What the ledger is.
    pub fn identity(&self) -> &LedgerIdentity {
        self.shared.store.identity()
    }

    /// What was decoded, and what was given out.
    pub fn stats(&self) -> FeedStats {
        let shared = &self.shared;
        FeedStats {
            decoded: shared.decoded.load(Ordering::Relaxed),
            given: shared.given.load(Ordering::Relaxed),
        }
    }

    /// How many threads decode ahead.
    pub(crate) fn decoders(&self) -> usize {
        self.shared.settings.decoders.clamp(1, DECODERS_MAX)
    }

    /// Reads ranges in their order, on this thread.
    pub(crate) async fn read(&self, ranges: &[Range]) -> Result<Batch, StoreError> {
        self.shared.read(ranges).await
    }

    /// Has ranges read and decoded by the feed's own threads. Starts them on first use.
    pub(crate) fn read_ahead(&self, ranges: Vec<Range>) -> oneshot::Receiver<Result<Batch, StoreError>> {
        self.pool.read(ranges, self.decoders())
    }
}

impl Shared {
    async fn read(&self, ranges: &[Range]) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        for range in ranges {
            let mut next = range.from;
            let mut left = range.commits;
            while left > 0 && batch.failed.is_none() {
                if batch.bytes >= READ_BYTES_MAX {
                    batch.is_short = true;
                    break;
                }
                let before = batch.commits.len();
                self.piece(Range { from: next, commits: left, ..*range }, &mut batch).await?;
                let came = batch.commits.len() - before;
                if came == 0 {
                    batch.is_short = true;
                    break;
                }
                left -= came.min(left);
                next = Position(next.0.saturating_add(came.try_into().unwrap_or(u64::MAX)));
            }
        }
        let given = batch.commits.len().try_into().unwrap_or(u64::MAX);
        self.given.fetch_add(given, Ordering::Relaxed);
        metrics::counter!("casino_ledger_feed_given_commits_total").increment(given);
        Ok(batch)
    }

    /// Adds the beginning of a range to a batch: as much of it as is in one chunk.
    async fn piece(&self, range: Range, batch: &mut Batch) -> Result<(), StoreError> {
        let Range { shard, from, commits } = range;
        let (number, last) = chunks::place(from);
        let cell = self.chunks.cell(shard, number);
        let mut chunk = cell.lock().await;
        if chunk.items.is_empty() {
            chunk.first = from;
        }
        if from < chunk.first {
            // Someone else began in the middle of this chunk; what is before him is read for this reader alone.
            let before = usize::try_from(chunk.first.0 - from.0).unwrap_or(CHUNK_COMMITS);
            drop(chunk);
            let items = self.fetch(shard, from, commits.min(before)).await?;
            batch.take(items.iter());
            return Ok(());
        }
        if chunk.end() <= from {
            let added = self.extend(shard, &mut chunk, from, last).await?;
            self.chunks.grew(shard, number, added);
        }
        let skipped = usize::try_from(from.0 - chunk.first.0).unwrap_or(usize::MAX);
        batch.take(chunk.items.iter().skip(skipped).take(commits));
        Ok(())
    }

    /// Reads what a chunk does not have yet, up to its last position. Answers with how many bytes came.
    async fn extend(
        &self,
        shard: Shard,
        chunk: &mut Chunk,
        from: Position,
        last: Position,
    ) -> Result<usize, StoreError> {
        let end = chunk.end();
        let missing = usize::try_from(last.0.saturating_sub(end.0)).unwrap_or(CHUNK_COMMITS) + 1;
        let mut items = self.fetch(shard, end, missing).await?;
        let follows = match (chunk.items.last(), items.first()) {
            (Some(last), Some(next)) => last.hash == next.previous,
            _ => true,
        };
        if !follows {
            // The store's history is another one now. The reader gets that one, and will see that it is.
            let missing = usize::try_from(last.0.saturating_sub(from.0)).unwrap_or(CHUNK_COMMITS) + 1;
            items = self.fetch(shard, from, missing).await?;
            chunk.items.clear();
            chunk.first = from;
        }
        let bytes = items.iter().map(|item| item.bytes).sum();
        chunk.items.extend(items);
        Ok(bytes)
    }

    async fn fetch(&self, shard: Shard, from: Position, commits: usize) -> Result<Vec<Item>, StoreError> {
        let stored = self.store.read(shard, from, commits).await?;
        let items: Vec<Item> = stored.iter().map(decode).collect();
        let decoded = items.len().try_into().unwrap_or(u64::MAX);
        self.decoded.fetch_add(decoded, Ordering::Relaxed);
        metrics::counter!("casino_ledger_feed_decoded_commits_total").increment(decoded);
        Ok(items)
    }
}

fn decode(stored: &StoredCommit) -> Item {
    let StoredCommit { previous, hash, ref body, .. } = *stored;
    let commit = Commit::decode(stored).map(Arc::new).map_err(Arc::new);
    Item { previous, hash, bytes: body.len(), commit }
}

impl Batch {
    fn take<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        for item in items {
            match &item.commit {
                Ok(commit) => {
                    self.bytes += item.bytes;
                    self.commits.push(Arc::clone(commit));
                }
                Err(error) => {
                    self.failed = Some(Arc::clone(error));
                    return;
                }
            }
        }
    }
}
