//! Work that reads much of a store: done on a thread of its own, because stores may block.

use std::future::Future;
use std::sync::Arc;

use ledger_store::{EventStore, StoreError};

use crate::ledger::{aside, runtime};

/// Runs a future that reads a store, on a thread named `ledger-<name>`.
pub(crate) async fn reading<T, E, F, W>(name: &str, store: &Arc<dyn EventStore>, work: W) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: Future<Output = Result<T, E>>,
    W: FnOnce(Arc<dyn EventStore>) -> F + Send + 'static,
{
    let store = Arc::clone(store);
    let failed = |error| E::from(StoreError::io("starting a thread", error));
    let done = aside(name, move || runtime().map(|runtime| runtime.block_on(work(store))));
    match done.await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) | Err(error) => Err(failed(error)),
    }
}
