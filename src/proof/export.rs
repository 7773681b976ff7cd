//! Exports of the chain: every commit in a plain form that needs no knowledge of a store's files.

use std::io::{self, Write};
use std::sync::Arc;

use ledger_store::{EventStore, LedgerIdentity, StoreError};

use super::walk;
use crate::aside::reading;

const TAG: &str = "casino-ledger export 1";

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export cannot be written.
    #[error("writing the export: {0}")]
    Io(#[from] io::Error),
}

/// Writes every commit that is durable when it begins, shard by shard, in the format of `docs/proofs.md`; answers how
/// many there are. Reads on a thread of its own, one read of the store at a time.
///
/// # Errors
///
/// [`ExportError`]. What was written until then is not an export: it lacks the last line.
pub async fn export_chain(
    store: &Arc<dyn EventStore>,
    mut to: impl Write + Send + 'static,
) -> Result<u64, ExportError> {
    reading("export", store, move |store| async move {
        let LedgerIdentity { ledger, shards, format } = *store.identity();
        let heads = store.heads().await?;
        writeln!(to, "{TAG}\nledger {ledger}\nshards {}\nformat {format}", shards.get())?;
        let mut commits = 0_u64;
        for (shard, head) in shards.all().zip(heads) {
            let mut written = Ok(());
            let origin = walk::origin(&*store, shard);
            walk::each(&*store, shard, origin, head.position, &mut |commit| {
                if written.is_ok() {
                    let (position, hash, body) = (commit.position, commit.hash, &commit.body);
                    written = writeln!(to, "commit {shard} {position} {hash} {}", body.len())
                        .and_then(|()| to.write_all(body))
                        .and_then(|()| to.write_all(b"\n"));
                    commits += 1;
                }
            })
            .await?;
            written?;
        }
        writeln!(to, "end {commits}")?;
        to.flush()?;
        Ok(commits)
    })
    .await
}
