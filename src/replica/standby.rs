//! The receiving side: takes commits, checks the chain before it stores them, and is promoted.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use ledger_store::{EventStore, Head, StoreError};
use tokio::sync::Mutex;

use super::copy::{sealed, write};
use super::error::ReplicaError;
use super::fence::{Epoch, Fence, FenceState, Role};
use super::link::{Hello, LinkError, Shipment, StandbyLink};

/// A store that follows a primary.
///
/// It takes commits only from a primary of the newest epoch it knows, checks each against its hash and its predecessor, and answers
/// when they are durable. After [`Self::promote`] it takes nothing more, and tells every primary of before that it is fenced: go on
/// serving its link, so that an old primary that comes back learns it.
#[derive(Debug)]
pub struct Standby {
    store: Arc<dyn EventStore>,
    fence: Arc<dyn Fence>,
    /// Held while something is written, so that a promotion waits for it.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    fence: FenceState,
    heard: Option<Instant>,
    commits: u64,
}

/// What a promotion led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The new epoch.
    pub epoch: Epoch,
    /// Where the history goes on, in order of shards. Compare with what clients were answered (signed heads, checkpoints of views): what
    /// is beyond was acknowledged and is not here.
    pub heads: Vec<Head>,
}

/// How a standby fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyReport {
    /// Its role and epoch.
    pub fence: FenceState,
    /// When a primary was last heard.
    pub heard: Option<Instant>,
    /// How many commits it took since it was opened.
    pub commits: u64,
}

impl Standby {
    /// Makes a standby of a store: an empty one with the ledger's identity, a restored backup, or one that was a standby before.
    /// One that a promotion fenced becomes a standby of its successor.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NotAStandby`] for a store that is a primary; [`ReplicaError::Fence`], [`ReplicaError::FenceDamaged`].
    pub fn open(store: Arc<dyn EventStore>, fence: Arc<dyn Fence>) -> Result<Self, ReplicaError> {
        let kept = fence.read()?.unwrap_or(FenceState { role: Role::Standby, epoch: Epoch::NONE });
        if kept.role == Role::Primary {
            return Err(ReplicaError::NotAStandby(kept.epoch));
        }
        Self::with(store, fence, kept.epoch)
    }

    /// Makes a standby of a store that was the primary, on an operator's word that another one is now: after a promotion that the old
    /// one has not heard of. What it has beyond its successor is found when that ships to it.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::Fence`], [`ReplicaError::FenceDamaged`].
    pub fn rejoin(store: Arc<dyn EventStore>, fence: Arc<dyn Fence>) -> Result<Self, ReplicaError> {
        let epoch = fence.read()?.map_or(Epoch::NONE, |kept| kept.epoch);
        Self::with(store, fence, epoch)
    }

    fn with(store: Arc<dyn EventStore>, fence: Arc<dyn Fence>, epoch: Epoch) -> Result<Self, ReplicaError> {
        let state = FenceState { role: Role::Standby, epoch };
        fence.write(state)?;
        Ok(Self { store, fence, state: Mutex::new(State { fence: state, heard: None, commits: 0 }) })
    }

    /// The store it writes.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// Makes it the primary: from here on it takes nothing, and no primary of before can have anything taken. Waits for what is being
    /// written. Then open the ledger on its store. Promoting twice is harmless.
    ///
    /// Call it when the primary is known to be gone or cut off, or after
    /// [`Primary::hand_over`](super::Primary::hand_over). In synchronous mode an old primary that still runs cannot acknowledge
    /// anything from then on; in asynchronous mode it can, until it hears of it: make sure that it does not run.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::Fence`]: then it may or may not be promoted, and takes nothing until it is opened again;
    /// [`ReplicaError::Target`].
    pub async fn promote(&self) -> Result<Promotion, ReplicaError> {
        let mut state = self.state.lock().await;
        let heads = self.store.heads().await.map_err(ReplicaError::Target)?;
        if state.fence.role != Role::Primary {
            // One that was never spoken to may be the copy of a ledger that has a primary.
            let epoch = state.fence.epoch.max(Epoch::FIRST).next();
            let promoted = FenceState { role: Role::Primary, epoch };
            // Before the file says so: whatever becomes of it, nothing more is taken here.
            state.fence.role = Role::Fenced;
            self.fence.write(promoted)?;
            state.fence = promoted;
            tracing::warn!(epoch = promoted.epoch.0, "a standby was promoted to be the primary");
        }
        Ok(Promotion { epoch: state.fence.epoch, heads })
    }

    /// How it fares.
    pub async fn report(&self) -> StandbyReport {
        let state = self.state.lock().await;
        StandbyReport { fence: state.fence, heard: state.heard, commits: state.commits }
    }

    /// Whether a primary of this epoch is heard; a newer one is taken note of.
    fn admit(&self, state: &mut State, epoch: Epoch) -> Result<(), LinkError> {
        let known = state.fence;
        match known.role {
            Role::Primary | Role::Fenced if epoch > known.epoch => {
                let role = "is no standby any more, and knows of no newer primary";
                return Err(LinkError::refused(format!("it {role}: let it rejoin")));
            }
            Role::Primary | Role::Fenced => return Err(LinkError::Fenced { by: known.epoch }),
            Role::Standby if epoch < known.epoch => return Err(LinkError::Fenced { by: known.epoch }),
            Role::Standby if epoch > known.epoch => {
                let newer = FenceState { role: Role::Standby, epoch };
                self.fence.write(newer).map_err(LinkError::away)?;
                state.fence = newer;
            }
            Role::Standby => {}
        }
        state.heard = Some(Instant::now());
        Ok(())
    }
}

/// What a store's failure is to the primary.
fn of_store(error: &StoreError) -> LinkError {
    match error {
        StoreError::Unavailable { .. } | StoreError::Unknown { .. } => LinkError::away(error),
        _ => LinkError::refused(error),
    }
}

#[async_trait]
impl StandbyLink for Standby {
    async fn greet(&self, hello: Hello) -> Result<Vec<Head>, LinkError> {
        if hello.identity != *self.store.identity() {
            let (own, other) = (self.store.identity().ledger, hello.identity.ledger);
            return Err(LinkError::refused(format!(
                "it holds ledger {own}, not {other}, or in another shape"
            )));
        }
        let mut state = self.state.lock().await;
        self.admit(&mut state, hello.epoch)?;
        self.store.heads().await.map_err(|error| of_store(&error))
    }

    async fn ship(&self, shipment: Shipment) -> Result<Vec<Head>, LinkError> {
        let mut state = self.state.lock().await;
        self.admit(&mut state, shipment.epoch)?;
        let mut heads = self.store.heads().await.map_err(|error| of_store(&error))?;
        let mut parts = Vec::with_capacity(shipment.parts.len());
        for part in shipment.parts {
            let head = heads.get(part.shard.index());
            // What is here already, or does not follow: the answer says where this one stands.
            if head != Some(&part.follows) || part.commits.is_empty() {
                continue;
            }
            parts.push(sealed(self.store.identity(), part).map_err(LinkError::refused)?);
        }
        if parts.is_empty() {
            return Ok(heads);
        }
        let landed = write(&*self.store, &parts).await.map_err(|error| match &error {
            ReplicaError::Target(inner) => of_store(inner),
            _ => LinkError::refused(error),
        })?;
        for (part, head) in parts.iter().zip(landed) {
            state.commits += part.commits.len() as u64;
            if let Some(own) = heads.get_mut(part.shard.index()) {
                *own = head;
            }
        }
        Ok(heads)
    }
}
