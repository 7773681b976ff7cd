//! Standbys: what they have when an answer comes, what happens while they are away, and how one is promoted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use casino_ledger::core::Partition;
use casino_ledger::replica::{
    Epoch, Fence, FenceState, FileFence, Following, Hello, LinkError, MemoryFence, Mode, Primary,
    PrimaryOptions, Relation, ReplicaError, Role, Shipment, Standby, StandbyLink, WhenAway, bring_back,
    compare, copy,
};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::testing::StoreBuilder;
use casino_ledger::store::{EventStore, Head, LedgerIdentity, MemoryStore, ShardCount, StoreError};
use casino_ledger::{ExecuteError, Ledger, Receipt, Settings};

use crate::support::{
    cash, deposit, funded, identity, memory, on, open, player, settings, soon, tuned, verified,
};

/// A way to a standby that can be cut, before or after it took what it was sent.
#[derive(Debug)]
struct Wire {
    to: Arc<Standby>,
    is_cut: AtomicBool,
    loses_answers: AtomicBool,
    shipments: AtomicU64,
}

impl Wire {
    fn new(to: &Arc<Standby>) -> Arc<Self> {
        let (is_cut, loses_answers) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { to: Arc::clone(to), is_cut, loses_answers, shipments: AtomicU64::new(0) })
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }

    fn is_there(&self) -> Result<(), LinkError> {
        if self.is_cut.load(Ordering::SeqCst) { Err(LinkError::away("the wire is cut")) } else { Ok(()) }
    }
}

#[async_trait]
impl StandbyLink for Wire {
    async fn greet(&self, hello: Hello) -> Result<Vec<Head>, LinkError> {
        self.is_there()?;
        self.to.greet(hello).await
    }

    async fn ship(&self, shipment: Shipment) -> Result<Vec<Head>, LinkError> {
        self.is_there()?;
        self.shipments.fetch_add(1, Ordering::SeqCst);
        let answer = self.to.ship(shipment).await;
        if self.loses_answers.swap(false, Ordering::SeqCst) {
            return Err(LinkError::away("the answer was lost"));
        }
        answer
    }
}

const PATIENCE: Duration = Duration::from_millis(150);

fn synchronous(when_away: WhenAway) -> PrimaryOptions {
    let mode = Mode::Synchronous { copies: 1, patience: PATIENCE, when_away };
    PrimaryOptions { contact_patience: Duration::from_secs(5), ..PrimaryOptions::new(mode) }
}

fn four() -> LedgerIdentity {
    identity(ShardCount::new(4).unwrap())
}

fn standby(store: &Arc<dyn EventStore>) -> Arc<Standby> {
    Arc::new(Standby::open(Arc::clone(store), Arc::new(MemoryFence::default())).unwrap())
}

/// A primary in memory with one standby in memory.
struct Pair {
    primary: Arc<Primary>,
    own: Arc<dyn EventStore>,
    fence: Arc<MemoryFence>,
    wire: Arc<Wire>,
    standby: Arc<Standby>,
    copy: Arc<dyn EventStore>,
}

async fn pair(options: PrimaryOptions) -> Pair {
    let (own, copy): (Arc<dyn EventStore>, Arc<dyn EventStore>) =
        (Arc::new(MemoryStore::new(four())), Arc::new(MemoryStore::new(four())));
    let (standby, fence) = (standby(&copy), Arc::new(MemoryFence::default()));
    let wire = Wire::new(&standby);
    let links: Vec<(String, Arc<dyn StandbyLink>)> = vec![("b".to_owned(), Arc::clone(&wire) as _)];
    let primary = Primary::start(Arc::clone(&own), Arc::clone(&fence) as _, options, links).await.unwrap();
    Pair { primary: Arc::new(primary), own, fence, wire, standby, copy }
}

fn head_of(receipt: &Receipt) -> Head {
    Head { position: receipt.position, hash: receipt.hash }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether the standby has this commit.
async fn has(copy: &dyn EventStore, receipt: &Receipt) -> bool {
    let read = copy.read(receipt.shard, receipt.position, 1).await.unwrap();
    read.first().is_some_and(|commit| commit.hash == head_of(receipt).hash)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_synchronous_mode_whatever_is_answered_is_at_the_standby() {
    let pair = pair(synchronous(WhenAway::Wait)).await;
    let ledger = on(Arc::clone(&pair.primary) as _, settings()).await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let (ledger, copy) = (ledger.clone(), Arc::clone(&pair.copy));
        tasks.push(tokio::spawn(async move {
            let p = funded(&ledger, &format!("p{number}"), "10.00").await;
            for n in 0..25 {
                let receipt = ledger.execute(&p, deposit(&format!("m{n}"), "0.01")).await.unwrap();
                assert!(has(&*copy, &receipt).await, "{receipt:?} was answered and is not there");
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(compare(&*pair.own, &*pair.copy).await.unwrap(), [Relation::Same; 4]);
    let status = pair.primary.standbys().await.unwrap();
    assert_eq!((status[0].following.clone(), status[0].behind), (Following::Yes, 0));
    assert_eq!(verified(&*pair.copy).await.trial_balance, verified(&*pair.own).await.trial_balance);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_standby_is_away_nothing_is_acknowledged_and_then_everything_is_there_once() {
    let pair = pair(synchronous(WhenAway::Wait)).await;
    let patient = tuned(|s| s.write_timeout = Duration::from_millis(400));
    let ledger = on(Arc::clone(&pair.primary) as _, patient).await;
    let p = funded(&ledger, "p", "10.00").await;
    pair.wire.cut(true);
    let answer = ledger.execute(&p, deposit("d2", "1.00")).await;
    assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
    assert!(!pair.primary.is_degraded());
    pair.wire.cut(false);
    until("the standby", async || {
        ledger.execute(&p, deposit("d2", "1.00")).await.is_ok_and(|receipt| receipt.replayed)
    })
    .await;
    // An answer that gets lost on the way is asked for again; nothing lands twice.
    pair.wire.loses_answers.store(true, Ordering::SeqCst);
    let receipt = soon(ledger.execute(&p, deposit("d3", "1.00"))).await;
    assert!(receipt.is_ok() || matches!(receipt, Err(ExecuteError::Indeterminate { .. })), "{receipt:?}");
    until("the answer", async || ledger.execute(&p, deposit("d3", "1.00")).await.is_ok()).await;
    assert_eq!(cash(&ledger, &p).await, "12.00");
    assert_eq!(compare(&*pair.own, &*pair.copy).await.unwrap(), [Relation::Same; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_goes_on_alone_says_so_and_waits_again_once_the_standby_is_back() {
    let pair = pair(synchronous(WhenAway::GoOn)).await;
    let ledger = on(Arc::clone(&pair.primary) as _, settings()).await;
    let p = funded(&ledger, "p", "10.00").await;
    pair.wire.cut(true);
    ledger.execute(&p, deposit("d2", "1.00")).await.unwrap();
    assert!(pair.primary.is_degraded());
    let started = Instant::now();
    let missing = ledger.execute(&p, deposit("d3", "1.00")).await.unwrap();
    assert!(started.elapsed() < PATIENCE, "only the first one waits");
    assert!(!has(&*pair.copy, &missing).await);
    let status = &pair.primary.standbys().await.unwrap()[0];
    assert!(matches!(status.following, Following::Away(_)) && status.behind >= 1, "{status:?}");
    pair.wire.cut(false);
    until("the standby", async || pair.primary.standbys().await.unwrap()[0].behind == 0).await;
    let receipt = ledger.execute(&p, deposit("d4", "1.00")).await.unwrap();
    assert!(!pair.primary.is_degraded() && has(&*pair.copy, &receipt).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_fences_the_old_writer_and_loses_nothing_that_was_acknowledged() {
    for _ in 0..5 {
        let pair = pair(synchronous(WhenAway::Wait)).await;
        let quick = tuned(|s| {
            (s.write_timeout, s.settle_timeout) = (Duration::from_millis(300), Duration::from_secs(1));
        });
        let ledger = on(Arc::clone(&pair.primary) as _, quick).await;
        let mut tasks = Vec::new();
        for number in 0..6 {
            let ledger = ledger.clone();
            tasks.push(tokio::spawn(async move {
                let p = player(&format!("p{number}"));
                let mut acknowledged = Vec::new();
                if ledger.execute(&p, open()).await.is_err() {
                    return (p, acknowledged);
                }
                for n in 0.. {
                    match ledger.execute(&p, deposit(&format!("m{n}"), "1.00")).await {
                        Ok(receipt) => acknowledged.push((n, receipt)),
                        Err(_) => break,
                    }
                }
                (p, acknowledged)
            }));
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        let promotion = pair.standby.promote().await.unwrap();
        assert_eq!(promotion.epoch, Epoch(2), "whether it was spoken to or not yet");
        let mut sums = Vec::new();
        for task in tasks {
            let (p, acknowledged) = soon(task).await.unwrap();
            for (_, receipt) in &acknowledged {
                let at = promotion.heads[receipt.shard.index()].position;
                assert!(receipt.position <= at, "{receipt:?} was acknowledged after the promotion");
                assert!(has(&*pair.copy, receipt).await);
            }
            sums.push((p, acknowledged.len()));
        }
        assert!(pair.primary.fenced().is_some() && pair.primary.is_stopped());
        assert_eq!(pair.fence.read().unwrap().unwrap().role, Role::Fenced);
        // Not even after a restart.
        let again = Primary::start(
            Arc::clone(&pair.own),
            Arc::clone(&pair.fence) as _,
            synchronous(WhenAway::Wait),
            vec![("b".to_owned(), Arc::clone(&pair.wire) as _)],
        )
        .await;
        assert!(matches!(again, Err(ReplicaError::Fenced { .. })), "{again:?}");

        let ledger = on(Arc::clone(&pair.copy), settings()).await;
        for (p, count) in sums {
            for n in 0..count {
                assert!(ledger.execute(&p, deposit(&format!("m{n}"), "1.00")).await.unwrap().replayed);
            }
        }
        verified(&*pair.copy).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_change_loses_nothing_in_either_mode() {
    for options in [PrimaryOptions::new(Mode::Asynchronous), synchronous(WhenAway::Wait)] {
        let pair = pair(options).await;
        let ledger = on(Arc::clone(&pair.primary) as _, settings()).await;
        let p = funded(&ledger, "p", "10.00").await;
        for n in 0..50 {
            ledger.execute(&p, deposit(&format!("m{n}"), "1.00")).await.unwrap();
        }
        ledger.close().await.unwrap();
        let status = pair.primary.hand_over().await.unwrap();
        assert_eq!(status[0].behind, 0);
        let promotion = pair.standby.promote().await.unwrap();
        assert_eq!(promotion.epoch, Epoch(2));
        assert_eq!(promotion.heads, pair.own.heads().await.unwrap());
        // The two change places.
        let kept = pair.fence.read().unwrap();
        assert_eq!(kept, Some(FenceState { role: Role::Standby, epoch: Epoch(1) }));
        let reopened: Arc<dyn EventStore> = Arc::new(MemoryStore::new(four()));
        copy(&*pair.own, &*reopened, &mut |_| {}).await.unwrap();
        let old = standby(&reopened);
        let fence = Arc::new(MemoryFence::default());
        fence.write(FenceState { role: Role::Primary, epoch: promotion.epoch }).unwrap();
        let links: Vec<(String, Arc<dyn StandbyLink>)> = vec![("a".to_owned(), Wire::new(&old) as _)];
        let new =
            Primary::start(Arc::clone(&pair.copy), fence, synchronous(WhenAway::Wait), links).await.unwrap();
        let ledger = on(Arc::new(new), settings()).await;
        assert_eq!(cash(&ledger, &p).await, "60.00");
        let receipt = ledger.execute(&p, deposit("after", "1.00")).await.unwrap();
        assert!(has(&*reopened, &receipt).await);
        assert_eq!(old.report().await.fence, FenceState { role: Role::Standby, epoch: Epoch(2) });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_asynchronous_standby_had_not_got_is_brought_back() {
    let pair = pair(PrimaryOptions::new(Mode::Asynchronous)).await;
    let ledger = on(Arc::clone(&pair.primary) as _, settings()).await;
    let shard =
        |p: &casino_ledger::core::PlayerId| four().shards.shard_of(&Partition::Player(p.clone()).digest());
    let p = funded(&ledger, "p", "10.00").await;
    let other = (0..100).map(|n| format!("q{n}")).find(|id| shard(&player(id)) != shard(&p)).unwrap();
    let q = funded(&ledger, &other, "10.00").await;
    until("the standby", async || pair.primary.standbys().await.unwrap()[0].behind == 0).await;
    pair.wire.cut(true);
    // Acknowledged, and not there.
    ledger.execute(&p, deposit("d2", "1.00")).await.unwrap();
    ledger.execute(&q, deposit("d2", "1.00")).await.unwrap();
    drop(ledger);
    pair.standby.promote().await.unwrap();
    let current: Arc<dyn EventStore> = Arc::clone(&pair.copy);
    let ledger = on(Arc::clone(&current), settings()).await;
    ledger.execute(&q, deposit("other", "5.00")).await.unwrap();

    let brought = bring_back(&*pair.own, &*current, &mut |_| {}).await.unwrap();
    assert_eq!(brought.shards, [(shard(&p), 1)]);
    assert_eq!(
        brought.conflicts.iter().map(|conflict| (conflict.shard, conflict.lost)).collect::<Vec<_>>(),
        [(shard(&q), 1)]
    );
    verified(&*current).await;
    // The old one comes back as a primary: it is told before it says anything, and never acknowledges again.
    pair.wire.cut(false);
    until("the fence", async || pair.primary.fenced().is_some()).await;
    let refused = pair.primary.append(&[]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_starts_when_a_standby_was_reached_and_has_what_it_must() {
    let options =
        |mode| PrimaryOptions { contact_patience: Duration::from_millis(100), ..PrimaryOptions::new(mode) };
    for mode in [Mode::Asynchronous, synchronous(WhenAway::GoOn).mode] {
        let (own, copy): (Arc<dyn EventStore>, Arc<dyn EventStore>) =
            (Arc::new(MemoryStore::new(four())), Arc::new(MemoryStore::new(four())));
        // What landed and was never sent: it may be acknowledged only once it is there.
        let ledger = on(Arc::clone(&own), settings()).await;
        let p = funded(&ledger, "p", "10.00").await;
        drop(ledger);
        let wire = Wire::new(&standby(&copy));
        wire.cut(true);
        let start = async |options: PrimaryOptions| {
            let links: Vec<(String, Arc<dyn StandbyLink>)> = vec![("b".to_owned(), Arc::clone(&wire) as _)];
            Primary::start(Arc::clone(&own), Arc::new(MemoryFence::default()), options, links).await
        };
        let early = start(options(mode)).await;
        assert!(matches!(early, Err(ReplicaError::NotReached { reached: 0, due: 1, .. })), "{early:?}");
        // On an operator's word it begins alone.
        drop(start(PrimaryOptions { begins_alone: true, ..options(mode) }).await.unwrap());
        wire.cut(false);
        let primary = start(PrimaryOptions { contact_patience: Duration::from_secs(10), ..options(mode) })
            .await
            .unwrap();
        let ledger = on(Arc::new(primary), settings()).await;
        let receipt = ledger.execute(&p, deposit("d1", "10.00")).await.unwrap();
        assert!(receipt.replayed);
        if mode != Mode::Asynchronous {
            assert!(has(&*copy, &receipt).await, "what is answered again is at the standby too");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_primary_that_starts_is_told_before_it_answers() {
    let pair = pair(synchronous(WhenAway::Wait)).await;
    let ledger = on(Arc::clone(&pair.primary) as _, settings()).await;
    funded(&ledger, "p", "10.00").await;
    let (own, fence) = (Arc::clone(&pair.own), Arc::new(MemoryFence::default()));
    // As it stood when the machine went off.
    fence.write(FenceState { role: Role::Primary, epoch: Epoch(1) }).unwrap();
    pair.standby.promote().await.unwrap();
    for options in [PrimaryOptions::new(Mode::Asynchronous), synchronous(WhenAway::GoOn)] {
        let links: Vec<(String, Arc<dyn StandbyLink>)> = vec![("b".to_owned(), Arc::clone(&pair.wire) as _)];
        let old = Primary::start(Arc::clone(&own), Arc::clone(&fence) as _, options, links).await;
        assert!(matches!(old, Err(ReplicaError::Fenced { by: Epoch(2) })), "{old:?}");
        assert_eq!(fence.read().unwrap(), Some(FenceState { role: Role::Fenced, epoch: Epoch(2) }));
    }
}

#[tokio::test]
async fn a_standby_takes_nothing_that_does_not_belong_to_it() {
    let pair = pair(PrimaryOptions::new(Mode::Asynchronous)).await;
    let ledger = on(Arc::clone(&pair.primary) as _, settings()).await;
    funded(&ledger, "p", "10.00").await;
    until("the standby", async || pair.primary.standbys().await.unwrap()[0].behind == 0).await;
    let refused = |answer: Result<Vec<Head>, LinkError>| matches!(answer, Err(LinkError::Refused { .. }));
    let other = Hello { identity: identity(ShardCount::ONE), epoch: Epoch(9) };
    assert!(refused(pair.standby.greet(other).await));
    let heads = pair.copy.heads().await.unwrap();
    let (shard, head) = four().shards.all().zip(heads.clone()).find(|(_, head)| head.position.0 > 0).unwrap();
    let mut commit = pair.copy.read(shard, head.position, 1).await.unwrap().remove(0);
    commit.position = head.position.next();
    commit.previous = head.hash;
    let part = casino_ledger::replica::ShardCommits { shard, follows: head, commits: vec![commit] };
    let damaged = Shipment { epoch: Epoch(1), parts: vec![part.clone()] };
    assert!(refused(pair.standby.ship(damaged).await), "its hash is of another place");
    let mut elsewhere = part.clone();
    elsewhere.follows.position = head.position.next();
    let answer = pair.standby.ship(Shipment { epoch: Epoch(1), parts: vec![elsewhere] }).await;
    assert_eq!(answer, Ok(heads.clone()), "what does not follow is left out, and it says where it stands");
    assert_eq!(pair.copy.heads().await.unwrap(), heads);
    // An older primary is told, a newer one is taken note of.
    let hello = |epoch| Hello { identity: four(), epoch: Epoch(epoch) };
    pair.standby.greet(hello(5)).await.unwrap();
    assert_eq!(pair.standby.greet(hello(4)).await, Err(LinkError::Fenced { by: Epoch(5) }));
    assert_eq!(pair.standby.promote().await.unwrap().epoch, Epoch(6));
    assert_eq!(pair.standby.promote().await.unwrap().epoch, Epoch(6), "twice is once");
    assert_eq!(pair.standby.greet(hello(5)).await, Err(LinkError::Fenced { by: Epoch(6) }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_with_another_history_is_given_up() {
    let own: Arc<dyn EventStore> = Arc::new(MemoryStore::new(four()));
    let copy: Arc<dyn EventStore> = Arc::new(MemoryStore::new(four()));
    let on_own = on(Arc::clone(&own), settings()).await;
    let on_copy = on(Arc::clone(&copy), settings()).await;
    funded(&on_own, "p", "10.00").await;
    funded(&on_copy, "p", "11.00").await;
    let wire = Wire::new(&standby(&copy));
    let links: Vec<(String, Arc<dyn StandbyLink>)> = vec![("b".to_owned(), wire as _)];
    let options = PrimaryOptions::new(Mode::Asynchronous);
    let given_up = Primary::start(own, Arc::new(MemoryFence::default()), options, links).await;
    assert!(
        matches!(&given_up, Err(ReplicaError::NotReached { standbys, .. }) if standbys.contains("another history")),
        "{given_up:?}"
    );
}

#[tokio::test]
async fn a_fence_is_kept_in_a_file() {
    let home = tempfile::tempdir().unwrap();
    let fence = FileFence::new(home.path().join("fence.json"));
    assert_eq!(fence.read().unwrap(), None);
    let store: Arc<dyn EventStore> = memory(ShardCount::ONE);
    Standby::open(Arc::clone(&store), Arc::new(fence.clone())).unwrap();
    let none = || Vec::new();
    let options = || PrimaryOptions::new(Mode::Asynchronous);
    let early = Primary::start(Arc::clone(&store), Arc::new(fence.clone()), options(), none()).await;
    assert!(matches!(early, Err(ReplicaError::NotPromoted)), "{early:?}");
    fence.write(FenceState { role: Role::Primary, epoch: Epoch(3) }).unwrap();
    let taken = Standby::open(Arc::clone(&store), Arc::new(fence.clone()));
    assert!(matches!(taken, Err(ReplicaError::NotAStandby(Epoch(3)))), "{taken:?}");
    assert_eq!(
        Primary::start(Arc::clone(&store), Arc::new(fence.clone()), options(), none()).await.unwrap().epoch(),
        Epoch(3)
    );
    Standby::rejoin(Arc::clone(&store), Arc::new(fence.clone())).unwrap();
    assert_eq!(fence.read().unwrap(), Some(FenceState { role: Role::Standby, epoch: Epoch(3) }));
    std::fs::write(fence.path(), "{\"role\":\"king\"}").unwrap();
    assert!(matches!(fence.read(), Err(ReplicaError::FenceDamaged { .. })));
    let alone =
        Primary::start(store, Arc::new(MemoryFence::default()), synchronous(WhenAway::Wait), none()).await;
    assert!(matches!(alone, Err(ReplicaError::Settings(_))), "{alone:?}");
}

/// A synchronous primary with one standby keeps the contract of the store it wraps.
struct Replicated;

async fn replicated(own: &MemoryStore, copy: &MemoryStore) -> Result<Arc<dyn EventStore>, StoreError> {
    let copy: Arc<dyn EventStore> = Arc::new(copy.reopen()?);
    let options = PrimaryOptions { begins_alone: true, ..synchronous(WhenAway::Wait) };
    let mode = Mode::Synchronous { copies: 1, patience: Duration::from_secs(20), when_away: WhenAway::Wait };
    let links: Vec<(String, Arc<dyn StandbyLink>)> = vec![("b".to_owned(), standby(&copy) as _)];
    let own: Arc<dyn EventStore> = Arc::new(own.reopen()?);
    let options = PrimaryOptions { mode, ..options };
    Ok(Arc::new(Primary::start(own, Arc::new(MemoryFence::default()), options, links).await.unwrap()))
}

#[async_trait]
impl StoreBuilder for Replicated {
    type Guard = (MemoryStore, MemoryStore);

    async fn create(
        &self,
        identity: LedgerIdentity,
    ) -> Result<(Arc<dyn EventStore>, Self::Guard), StoreError> {
        let guard = (MemoryStore::new(identity), MemoryStore::new(identity));
        Ok((replicated(&guard.0, &guard.1).await?, guard))
    }

    async fn reopen(&self, guard: &mut Self::Guard) -> Result<Arc<dyn EventStore>, StoreError> {
        replicated(&guard.0, &guard.1).await
    }
}

mod conformance {
    casino_ledger::store::conformance_tests!(super::Replicated);
}

/// Logs on disk, as it is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_logs_on_disk_are_a_pair() {
    let home = tempfile::tempdir().unwrap();
    let options = || LogOptions { segment_bytes: 256 << 10, ..LogOptions::default() };
    let log = |name: &str| -> Arc<dyn EventStore> {
        Arc::new(LogStore::create(&home.path().join(name), four(), options()).unwrap())
    };
    let (own, copy) = (log("a"), log("b"));
    let fence = |name: &str| Arc::new(FileFence::new(home.path().join(name)));
    let standby = Arc::new(Standby::open(Arc::clone(&copy), fence("b.fence")).unwrap());
    let links: Vec<(String, Arc<dyn StandbyLink>)> = vec![("b".to_owned(), Arc::clone(&standby) as _)];
    let primary = Primary::start(own, fence("a.fence"), synchronous(WhenAway::Wait), links).await.unwrap();
    let ledger: Ledger = on(Arc::new(primary), Settings::new().unwrap()).await;
    for n in 0..64 {
        funded(&ledger, &format!("p{n}"), "10.00").await;
    }
    ledger.close().await.unwrap();
    drop(ledger);
    standby.promote().await.unwrap();
    drop(standby);
    copy.close().await.unwrap();
    drop(copy);
    let copy: Arc<dyn EventStore> = Arc::new(LogStore::open(&home.path().join("b"), options()).unwrap());
    let own: Arc<dyn EventStore> = Arc::new(LogStore::open(&home.path().join("a"), options()).unwrap());
    assert_eq!(compare(&*own, &*copy).await.unwrap(), [Relation::Same; 4]);
    assert_eq!(verified(&*copy).await.commits, 129, "a currency, and two of each player");
}
