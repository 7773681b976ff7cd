//! Leases of shards: which process should be sent the commands of which player, so that its cache is warm and nobody's
//! append meets another's. Nothing depends on them: any process may append to any shard at any time, and the compare-and-swap of
//! the heads decides.

mod plan;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use ledger_core::PartitionDigest;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::sync::watch;
use uuid::Uuid;

use self::plan::{Beats, Lease, Plan, plan};
use super::failure::Failure;
use super::{Inner, sql};
use crate::error::StoreError;
use crate::types::{LedgerIdentity, Shard};

/// The longest address of a member, in bytes.
const ADDRESS_BYTES_MAX: usize = 1_024;

/// How leases are kept.
#[derive(Debug, Clone, Copy)]
pub struct LeaseOptions {
    /// How often a member says that it lives, and looks at the others; 1 s by default.
    pub every: Duration,
    /// How long a member's count of beats may stand still before the others take its shards; 5 s by default, at least three times
    /// `every`. Measured by each member's own clock: no clock of the server is asked, and none must agree with another.
    pub still_max: Duration,
}

impl Default for LeaseOptions {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), still_max: Duration::from_secs(5) }
    }
}

impl LeaseOptions {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.every.is_zero() || self.still_max < self.every * 3 {
            let Self { every, still_max } = self;
            let what =
                format!("a beat every {every:?} and death after {still_max:?}: take at least three beats");
            return Err(StoreError::Invalid(what));
        }
        Ok(())
    }
}

/// A process that takes part. A process that starts again is another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Uuid);

impl std::fmt::Display for MemberId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A member that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub id: MemberId,
    /// Where it is reached.
    pub address: String,
    /// How many shards it holds.
    pub shards: usize,
}

/// Where a command should be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To this process.
    Here,
    /// To the member at this address.
    At(Arc<str>),
    /// Nobody holds the shard just now, or this process cannot see who does: decide it here. That is always correct.
    Nobody,
}

/// What this member saw last.
#[derive(Debug, Default)]
struct Sight {
    /// By shard; whoever holds it, if he lives.
    holders: Vec<Option<MemberId>>,
    members: BTreeMap<MemberId, (Arc<str>, usize)>,
    /// When it was seen. What is too old is not believed.
    at: Option<Instant>,
    has_left: bool,
}

/// What a member knows and does, for as long as its [`Leases`] live.
#[derive(Debug)]
struct Desk {
    me: MemberId,
    address: String,
    options: LeaseOptions,
    identity: LedgerIdentity,
    sight: Mutex<Sight>,
    changes: watch::Sender<u64>,
    /// Held by a beat, so that leaving comes before or after it.
    turn: tokio::sync::Mutex<()>,
}

/// This process's part in sharing the shards. Ends when it is dropped: then the others take over after
/// [`LeaseOptions::still_max`], or at once after [`Self::leave`].
///
/// Each member holds at most its even share, rounded up, gives up what it holds beyond when another joins, and takes what nobody or
/// a dead member holds. Two members may for a moment both believe that they hold a shard. That costs a decision made again, and nothing
/// else.
#[derive(Debug)]
pub struct Leases {
    desk: Arc<Desk>,
    inner: Arc<Inner>,
    /// The store's own threads, on which its connections live.
    threads: tokio::runtime::Handle,
}

impl Desk {
    fn sight(&self) -> MutexGuard<'_, Sight> {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen, if it may still be believed.
    fn fresh(&self) -> Option<MutexGuard<'_, Sight>> {
        let sight = self.sight();
        let is_fresh = !sight.has_left && sight.at.is_some_and(|at| at.elapsed() < self.options.still_max);
        is_fresh.then_some(sight)
    }
}

impl Leases {
    pub(super) async fn start(
        inner: Arc<Inner>,
        address: String,
        options: LeaseOptions,
    ) -> Result<Self, StoreError> {
        if address.len() > ADDRESS_BYTES_MAX {
            let bytes = address.len();
            return Err(StoreError::Invalid(format!(
                "an address of {bytes} bytes: at most {ADDRESS_BYTES_MAX}"
            )));
        }
        let desk = Arc::new(Desk {
            me: MemberId(Uuid::new_v4()),
            address,
            options,
            identity: inner.identity,
            sight: Mutex::default(),
            changes: watch::Sender::new(0),
            turn: tokio::sync::Mutex::default(),
        });
        let mut beats = Beats::default();
        round(&inner, &desk, &mut beats).await.map_err(Failure::of_read)?;
        tokio::spawn(rounds(Arc::downgrade(&inner), Arc::downgrade(&desk), beats));
        Ok(Self { desk, inner, threads: tokio::runtime::Handle::current() })
    }

    /// Who this process is among the members.
    pub fn me(&self) -> MemberId {
        self.desk.me
    }

    /// Where a command about a partition should be sent.
    pub fn route(&self, partition: &PartitionDigest) -> Route {
        self.holder(self.desk.identity.shards.shard_of(partition))
    }

    /// Where commands of a shard should be sent.
    pub fn holder(&self, shard: Shard) -> Route {
        let Some(sight) = self.desk.fresh() else { return Route::Nobody };
        match sight.holders.get(shard.index()).copied().flatten() {
            Some(holder) if holder == self.desk.me => Route::Here,
            Some(holder) => sight
                .members
                .get(&holder)
                .map_or(Route::Nobody, |(address, _)| Route::At(Arc::clone(address))),
            None => Route::Nobody,
        }
    }

    /// The shards this process holds.
    pub fn held(&self) -> Vec<Shard> {
        let Some(sight) = self.desk.fresh() else { return Vec::new() };
        let all = self.desk.identity.shards.all().zip(&sight.holders);
        all.filter(|(_, holder)| **holder == Some(self.desk.me)).map(|(shard, _)| shard).collect()
    }

    /// The members that live, in the order of their ids.
    pub fn members(&self) -> Vec<Member> {
        let Some(sight) = self.desk.fresh() else { return Vec::new() };
        let member = |(id, (address, shards)): (&MemberId, &(Arc<str>, usize))| Member {
            id: *id,
            address: address.to_string(),
            shards: *shards,
        };
        sight.members.iter().map(member).collect()
    }

    /// Changes whenever a route did. A hint.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.desk.changes.subscribe()
    }

    /// Hands the shards over: gives them up, so that the others take them with their next beat. Stop taking commands before, and
    /// close the ledger after.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: then the others find out by themselves.
    pub async fn leave(self) -> Result<(), StoreError> {
        let (desk, inner) = (Arc::clone(&self.desk), Arc::clone(&self.inner));
        let left = self.threads.spawn(async move {
            let _turn = desk.turn.lock().await;
            desk.sight().has_left = true;
            let shards: Vec<i32> = desk.identity.shards.all().map(|shard| i32::from(shard.0)).collect();
            let me = desk.me.0;
            inner.links.ask(|| sqlx::query(sql::SHARD_LEASE_GIVE).bind(&shards).bind(me)).await?;
            inner.links.ask(|| sqlx::query(sql::MEMBER_LEAVE).bind(me)).await
        });
        let left = left.await.map_err(|error| super::unavailable(error.to_string()))?;
        left.map(drop).map_err(Failure::of_read)
    }
}

async fn rounds(inner: Weak<Inner>, desk: Weak<Desk>, mut beats: Beats) {
    loop {
        let Some(every) = desk.upgrade().map(|desk| desk.options.every) else { return };
        tokio::time::sleep(every).await;
        let (Some(inner), Some(desk)) = (inner.upgrade(), desk.upgrade()) else { return };
        let _turn = desk.turn.lock().await;
        if desk.sight().has_left {
            return;
        }
        if let Err(failure) = round(&inner, &desk, &mut beats).await {
            // What was seen grows old, and is then believed no more.
            tracing::warn!(?failure, "leases could not be kept");
        }
    }
}

fn uuid(row: &PgRow, column: &str) -> Result<MemberId, Failure> {
    Ok(MemberId(row.try_get(column)?))
}

/// One beat: says that this member lives, looks at the others, gives and takes.
async fn round(inner: &Inner, desk: &Desk, beats: &mut Beats) -> Result<(), Failure> {
    let (links, me) = (&inner.links, desk.me);
    links.ask(|| sqlx::query(sql::MEMBER_BEAT).bind(me.0).bind(&desk.address)).await?;
    let rows = links.ask(|| sqlx::query(sql::MEMBERS)).await?;
    let mut addresses = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for row in &rows {
        let (id, address): (_, String) = (uuid(row, "id")?, row.try_get("address")?);
        counts.insert(id, row.try_get::<i64, _>("beats")?);
        addresses.insert(id, Arc::<str>::from(address));
    }
    let now = Instant::now();
    beats.note(&counts, now);
    let alive = beats.alive(me, now, desk.options.still_max);
    let leases = read_leases(inner).await?;
    let Plan { give, take, take_over } = plan(me, desk.identity.shards, &leases, &alive);
    let numbers = |shards: &[Shard]| shards.iter().map(|shard| i32::from(shard.0)).collect::<Vec<_>>();
    if !give.is_empty() {
        let give = numbers(&give);
        links.ask(|| sqlx::query(sql::SHARD_LEASE_GIVE).bind(&give).bind(me.0)).await?;
    }
    if !take.is_empty() {
        let take = numbers(&take);
        links.ask(|| sqlx::query(sql::SHARD_LEASE_TAKE).bind(&take).bind(me.0)).await?;
    }
    for Lease { shard, holder, epoch } in &take_over {
        let over = || {
            let query = sqlx::query(sql::SHARD_LEASE_TAKE_OVER).bind(i32::from(shard.0));
            query.bind(me.0).bind(holder.0).bind(epoch)
        };
        links.ask(over).await?;
    }
    let is_changed = !(give.is_empty() && take.is_empty() && take_over.is_empty());
    let leases = if is_changed { read_leases(inner).await? } else { leases };
    // The dead who hold nothing any more.
    for (dead, count) in counts.iter().filter(|(id, _)| !alive.contains(id)) {
        if !leases.iter().any(|lease| lease.holder == *dead) {
            links.ask(|| sqlx::query(sql::MEMBER_BURY).bind(dead.0).bind(count)).await?;
        }
    }
    see(desk, &leases, addresses, &alive, now);
    Ok(())
}

async fn read_leases(inner: &Inner) -> Result<Vec<Lease>, Failure> {
    let rows = inner.links.ask(|| sqlx::query(sql::SHARD_LEASES)).await?;
    let lease = |row: &PgRow| {
        let shard: i32 = row.try_get("shard")?;
        let shard = u16::try_from(shard).map_err(|_| Failure::Damaged(format!("shard {shard}")))?;
        Ok(Lease { shard: Shard(shard), holder: uuid(row, "holder")?, epoch: row.try_get("epoch")? })
    };
    rows.iter().map(lease).collect()
}

/// Keeps what was seen, for routing.
fn see(
    desk: &Desk,
    leases: &[Lease],
    mut addresses: BTreeMap<MemberId, Arc<str>>,
    alive: &std::collections::BTreeSet<MemberId>,
    at: Instant,
) {
    let mut holders = vec![None; usize::from(desk.identity.shards.get())];
    for lease in leases.iter().filter(|lease| alive.contains(&lease.holder)) {
        if let Some(holder) = holders.get_mut(lease.shard.index()) {
            *holder = Some(lease.holder);
        }
    }
    addresses.retain(|id, _| alive.contains(id));
    let shards_of = |id: &MemberId| holders.iter().filter(|holder| **holder == Some(*id)).count();
    let members = addresses.into_iter().map(|(id, address)| (id, (address, shards_of(&id)))).collect();
    let mut sight = desk.sight();
    let is_news = sight.holders != holders || sight.members != members;
    (sight.holders, sight.members, sight.at) = (holders, members, Some(at));
    drop(sight);
    if is_news {
        desk.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}
