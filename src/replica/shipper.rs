//! The sending side: a thread for each standby that reads what landed and hands it over.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::select;
use ledger_store::{EventStore, Head, Shard, StoreError};
use tokio::sync::watch;

use super::compare::{Side, head_at};
use super::copy::{Due, gather};
use super::error::ReplicaError;
use super::fence::{Epoch, Fence, FenceState, Role};
use super::link::{Hello, LinkError, Shipment, StandbyLink};

/// How long a shipper rests before it asks a standby again that is away; it doubles up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// How often a shipper looks at the heads although nobody said that something landed: another handle may write.
const LOOK: Duration = Duration::from_secs(1);

/// What a standby does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Following {
    /// It was not reached yet.
    Connecting,
    /// It takes what it is sent.
    Yes,
    /// It does not answer; it is asked again.
    Away(String),
    /// It was given up: its history is another, or it cannot read what it is sent. Someone has to look, then start the primary again.
    Broken(String),
}

/// How a standby fares, as its primary sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyStatus {
    /// The name the host gave it.
    pub name: String,
    /// What it does.
    pub following: Following,
    /// Its durable heads, as it said last; empty if it never did.
    pub heads: Vec<Head>,
    /// How many commits it lacks.
    pub behind: u64,
    /// How long ago it last had all that there was when it was sent something, or was reached.
    pub current: Option<Duration>,
}

/// What a primary knows of one standby.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) following: Following,
    pub(super) heads: Vec<Head>,
    pub(super) current_at: Option<Instant>,
}

impl Known {
    /// Whether it has a shard up to a head. Its chain is ours, so the position tells.
    fn has(&self, shard: Shard, head: &Head) -> bool {
        self.heads.get(shard.index()).is_some_and(|own| own.position >= head.position)
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) standbys: Vec<Known>,
    pub(super) fenced: Option<Epoch>,
    /// Answers do not wait for standbys, although they should.
    pub(super) is_degraded: bool,
    /// No more appends: what is there is sent, then the shippers end.
    pub(super) is_closing: bool,
}

impl State {
    /// How many standbys have all of these.
    pub(super) fn copies_of(&self, landed: &[(Shard, Head)]) -> usize {
        let has_all = |known: &&Known| {
            !known.heads.is_empty() && landed.iter().all(|(shard, head)| known.has(*shard, head))
        };
        self.standbys.iter().filter(has_all).count()
    }
}

/// What the primary and its shippers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) fence: Arc<dyn Fence>,
    pub(super) epoch: Epoch,
    /// How long one call of a link may take.
    pub(super) call_limit: Duration,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
    /// Rises with every change of the state, for those who must not block.
    pub(super) noticed: watch::Sender<u64>,
    /// Rises with every append, and when it is over.
    pub(super) landed: watch::Sender<u64>,
    pub(super) over: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another store was promoted: nothing is acknowledged any more, in this process and after it.
    fn stop_fenced(&self, by: Epoch) {
        tracing::error!(
            epoch = self.epoch.0,
            by = by.0,
            "fenced: another store was promoted; this one stops"
        );
        let kept = self.fence.write(FenceState { role: Role::Fenced, epoch: by });
        if let Err(error) = kept {
            tracing::error!(%error, "that this store is fenced could not be written down");
        }
        self.state().fenced = Some(by);
        self.notify();
    }

    fn notify(&self) {
        self.changed.notify_all();
        self.noticed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn update(&self, standby: usize, update: impl FnOnce(&mut Known)) {
        if let Some(known) = self.state().standbys.get_mut(standby) {
            update(known);
        }
        self.notify();
    }
}

/// Why following ended.
enum End {
    Closed,
    Away(String),
    Fenced(Epoch),
    Broken(String),
}

impl From<LinkError> for End {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Away { reason } => Self::Away(reason),
            LinkError::Fenced { by } => Self::Fenced(by),
            LinkError::Refused { reason } => Self::Broken(reason),
        }
    }
}

impl From<ReplicaError> for End {
    fn from(error: ReplicaError) -> Self {
        match error {
            ReplicaError::Source(StoreError::Corrupted(_) | StoreError::HistoryLost { .. })
            | ReplicaError::Chain { .. } => Self::Broken(error.to_string()),
            _ => Self::Away(error.to_string()),
        }
    }
}

/// One thread's work: one standby.
pub(super) struct Shipper {
    pub(super) shared: Arc<Shared>,
    pub(super) standby: usize,
    pub(super) link: Arc<dyn StandbyLink>,
}

impl Shipper {
    /// Follows until it is over.
    pub(super) async fn run(self) {
        let mut over = self.shared.over.subscribe();
        let until = async move {
            // An error says that the primary is gone.
            let _ = over.wait_for(|over| *over).await;
        };
        let work = self.follow_on();
        futures_util::pin_mut!(until, work);
        select(until, work).await;
    }

    async fn follow_on(&self) {
        let mut pause = PAUSE.0;
        loop {
            let started = Instant::now();
            let end = self.follow().await.err().unwrap_or(End::Closed);
            match end {
                End::Closed => return,
                End::Fenced(by) => return self.shared.stop_fenced(by),
                End::Broken(reason) => {
                    tracing::error!(
                        standby = self.name(),
                        reason,
                        "a standby was given up: someone has to look"
                    );
                    return self
                        .shared
                        .update(self.standby, |known| known.following = Following::Broken(reason));
                }
                End::Away(reason) => {
                    tracing::warn!(standby = self.name(), reason, "a standby is away");
                    self.shared.update(self.standby, |known| known.following = Following::Away(reason));
                    if self.shared.state().is_closing {
                        return;
                    }
                    if started.elapsed() > PAUSE.1 {
                        pause = PAUSE.0;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    fn name(&self) -> String {
        self.shared.state().standbys.get(self.standby).map(|known| known.name.clone()).unwrap_or_default()
    }

    /// Greets, then sends what lands, until something goes wrong.
    async fn follow(&self) -> Result<(), End> {
        let shared = &*self.shared;
        let mut landed = shared.landed.subscribe();
        let identity = *shared.store.identity();
        let hello = Hello { identity, epoch: shared.epoch };
        let mut heads = self.limited(self.link.greet(hello)).await?;
        self.check(&heads).await?;
        shared.update(self.standby, |known| {
            (known.following, known.heads) = (Following::Yes, heads.clone());
        });
        loop {
            // What lands after the heads were read wakes the wait below.
            landed.mark_unchanged();
            let goals = shared.store.heads().await.map_err(ReplicaError::Source)?;
            let both = identity.shards.all().zip(heads.iter().zip(&goals));
            let due: Vec<Due> = both
                .filter(|(_, (at, goal))| at.position < goal.position)
                .map(|(shard, (at, goal))| Due { shard, at: *at, goal: *goal })
                .collect();
            if due.is_empty() {
                self.is_current();
                if shared.state().is_closing {
                    return Err(End::Closed);
                }
                let _ = tokio::time::timeout(LOOK, landed.changed()).await;
                continue;
            }
            let (parts, is_all) = gather(&*shared.store, &due).await?;
            let shipment = Shipment { epoch: shared.epoch, parts };
            let after = heads_after(&heads, &shipment);
            let answer = self.limited(self.link.ship(shipment)).await?;
            if answer != after {
                return Err(End::Away(
                    "it did not take what it was sent; it is asked where it stands".to_owned(),
                ));
            }
            heads = answer;
            shared.update(self.standby, |known| known.heads.clone_from(&heads));
            if is_all {
                self.is_current();
            }
        }
    }

    /// It has all that there was a moment ago: answers may wait for it again.
    fn is_current(&self) {
        self.shared.update(self.standby, |known| known.current_at = Some(Instant::now()));
    }

    /// The standby's history must be the beginning of ours.
    async fn check(&self, heads: &[Head]) -> Result<(), End> {
        let store = &*self.shared.store;
        let goals = store.heads().await.map_err(ReplicaError::Source)?;
        if heads.len() != goals.len() {
            return Err(End::Broken(format!("it answers {} heads, there are {}", heads.len(), goals.len())));
        }
        for (shard, (head, goal)) in store.identity().shards.all().zip(heads.iter().zip(&goals)) {
            if head.position > goal.position {
                let (own, other) = (goal.position, head.position);
                let what =
                    format!("shard {shard} stands at {other} there, at {own} here: bring it back first");
                return Err(End::Broken(what));
            }
            let own = head_at(store, Side::Source, shard, head.position).await?;
            if own.hash != head.hash {
                let at = head.position;
                return Err(End::Broken(format!(
                    "shard {shard} has another history there, at or before {at}"
                )));
            }
        }
        Ok(())
    }

    async fn limited<T>(&self, call: impl Future<Output = Result<T, LinkError>>) -> Result<T, End> {
        match tokio::time::timeout(self.shared.call_limit, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(End::Away(format!("no answer within {:?}", self.shared.call_limit))),
        }
    }
}

/// Where a standby stands once it has taken a shipment.
fn heads_after(heads: &[Head], shipment: &Shipment) -> Vec<Head> {
    let mut after = heads.to_vec();
    for part in &shipment.parts {
        if let (Some(head), Some(last)) = (after.get_mut(part.shard.index()), part.commits.last()) {
            *head = Head { position: last.position, hash: last.hash };
        }
    }
    after
}
