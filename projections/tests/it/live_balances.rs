//! Balances that are pushed: each change once, the newest for who is slow, nothing lost when a part of it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::stored::Event;
use ledger_core::{Partition, PlayerId};
use ledger_projections::balances::{Balances, PlayerBalances, ReadBalances};
use ledger_projections::{
    AtCheckpoint, AtHead, BalanceUpdates, Checkpoint, Commit, Feed, LiveBalances, LiveError, LiveSettings,
    Memory, MemoryHome, MemoryReader, Page, Runner, Standing, SubscriptionSettings, View, ViewError,
};
use ledger_store::{EventStore, MemoryStore, Position};

use crate::history::{World, append, decoded};
use crate::runner::{LIMIT, store, woken};

fn settings() -> LiveSettings {
    let reading = SubscriptionSettings {
        delivery_events: 5,
        deliveries_max: 1,
        poll_every: Duration::from_hours(1),
        ..SubscriptionSettings::default()
    };
    LiveSettings { reading, ..LiveSettings::default() }
}

struct Pushed {
    runner: Runner,
    home: MemoryHome<Balances>,
    live: LiveBalances,
}

async fn pushed(world: &World, store: &Arc<MemoryStore>, settings: LiveSettings) -> Pushed {
    let home = MemoryHome::<Balances>::new(&world.identity);
    let runner = Runner::start(&Feed::new(store.clone()), home.clone(), woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let live = LiveBalances::start(&runner, Arc::new(home.reader()), settings).await.unwrap();
    Pushed { runner, home, live }
}

async fn next(updates: &mut BalanceUpdates) -> Result<AtHead<Option<PlayerBalances>>, LiveError> {
    tokio::time::timeout(LIMIT, updates.next()).await.expect("in time")
}

/// The positions at which a player's purses changed.
fn changes(commits: &[Arc<Commit>], player: &PlayerId) -> Vec<Position> {
    let own = Partition::Player(player.clone());
    let moves = |commit: &&Arc<Commit>| {
        let opens_or_posts = |event: &Event| {
            matches!(event, Event::EntryPosted(_) | Event::PlayerOpened(_) | Event::PurseOpened(_))
        };
        commit.body.partition == own && commit.body.events.iter().any(|record| opens_or_posts(&record.event))
    };
    commits.iter().filter(moves).map(|commit| commit.position).collect()
}

/// One commit at a time, everybody is as quick as can be: each change is told by itself, and only what changed.
#[tokio::test]
async fn each_change_is_told_once_with_its_position() {
    let mut world = World::new(2, 3, 91);
    let store = store(&world);
    let mut all = world.run(20);
    append(store.as_ref(), &all).await;
    let Pushed { live, home, runner } = pushed(&world, &store, settings()).await;
    let players = world.players();
    let mut updates = BTreeMap::new();
    for player in &players {
        let mut own = live.subscribe(player, None).unwrap();
        let first = next(&mut own).await.unwrap();
        assert_eq!(first.value.is_some(), world.state(player).profile().is_some());
        updates.insert(player.clone(), own);
    }
    let mut told = 0;
    for _ in 0..300 {
        let more = world.run(1);
        append(store.as_ref(), &more).await;
        let commit = decoded(&more).remove(0);
        for player in &players {
            let own = updates.get_mut(player).unwrap();
            if changes(std::slice::from_ref(&commit), player).is_empty() {
                continue;
            }
            let update = next(own).await.unwrap();
            assert_eq!((update.shard, update.head.position), (commit.shard, commit.position));
            let mut purses = world.state(player).balances();
            purses.sort_by_key(|purse| purse.currency);
            assert_eq!(update.value.unwrap().purses, purses);
            told += 1;
        }
        all.extend(more);
    }
    assert!(told > 50, "only {told}");
    // Nobody waits for anything now.
    for own in updates.values_mut() {
        let more = tokio::time::timeout(Duration::from_millis(20), own.next()).await;
        assert!(more.is_err(), "{more:?}");
    }
    drop(home);
    runner.stop(LIMIT).await.unwrap();
}

/// Who looks seldom is told the newest, in order, and ends with what is true.
#[tokio::test]
async fn who_is_slow_is_told_the_newest() {
    let mut world = World::new(2, 2, 92);
    let store = store(&world);
    let mut all = world.run(10);
    append(store.as_ref(), &all).await;
    let Pushed { live, runner, .. } = pushed(&world, &store, settings()).await;
    let player = world.players().remove(0);
    let mut slow = live.subscribe(&player, None).unwrap();
    next(&mut slow).await.unwrap();
    for _ in 0..20 {
        let more = world.run(30);
        append(store.as_ref(), &more).await;
        all.extend(more);
    }
    let of_player = changes(&decoded(&all), &player);
    let last = *of_player.last().unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let mut met = Vec::new();
    loop {
        let update = next(&mut slow).await.unwrap();
        met.push(update.head.position);
        if update.head.position >= last {
            let mut purses = world.state(&player).balances();
            purses.sort_by_key(|purse| purse.currency);
            assert_eq!(update.value.unwrap().purses, purses);
            break;
        }
    }
    assert!(met.is_sorted() && met.len() < of_player.len() / 4, "{} of {}", met.len(), of_player.len());
    let more = tokio::time::timeout(Duration::from_millis(20), slow.next()).await;
    assert!(more.is_err(), "the same is never told twice: {more:?}");
    runner.stop(LIMIT).await.unwrap();
}

/// Nothing waits for a subscriber but one number, and there are only so many of them.
#[tokio::test]
async fn there_are_only_so_many() {
    let world = World::new(1, 1, 93);
    let store = store(&world);
    let few = LiveSettings { subscriptions_max: 2, ..settings() };
    let Pushed { live, runner, .. } = pushed(&world, &store, few).await;
    let player = world.players().remove(0);
    let first = live.subscribe(&player, None).unwrap();
    let _second = live.subscribe(&player, None).unwrap();
    assert!(matches!(live.subscribe(&player, None), Err(LiveError::TooMany { max: 2 })));
    drop(first);
    assert_eq!(live.subscriptions(), 1);
    let _third = live.subscribe(&player, None).unwrap();
    runner.stop(LIMIT).await.unwrap();
}

/// What pushes is killed again and again, in the middle of changes; whoever comes back with what he saw last misses nothing and
/// is told nothing twice.
#[tokio::test]
async fn nothing_is_lost_when_what_pushes_is_killed() {
    let mut world = World::new(2, 2, 94);
    let store = store(&world);
    let mut all = world.run(10);
    append(store.as_ref(), &all).await;
    let player = world.players().remove(0);
    let (mut seen, mut met) = (None, Vec::new());
    for round in 0..12 {
        let Pushed { live, runner, home } = pushed(&world, &store, settings()).await;
        let mut updates = live.subscribe(&player, seen).unwrap();
        let more = world.run(25);
        append(store.as_ref(), &more).await;
        all.extend(more);
        // It is told of some of it, or of nothing.
        for _ in 0..round % 3 {
            let given = tokio::time::timeout(Duration::from_millis(200), updates.next()).await;
            if let Ok(update) = given {
                let position = update.unwrap().head.position;
                assert!(seen.is_none_or(|seen| seen < position), "nothing twice");
                seen = Some(position);
                met.push(position);
            }
        }
        // Every other time the runner goes, else what pushes.
        let ended = if round % 2 == 0 {
            runner.stop(LIMIT).await.unwrap();
            drop(home);
            drain(&mut updates, &mut seen).await
        } else {
            drop(live);
            drain(&mut updates, &mut seen).await
        };
        assert!(matches!(ended, LiveError::Ended), "{ended}");
    }
    let last = *changes(&decoded(&all), &player).last().unwrap();
    let Pushed { live, runner, .. } = pushed(&world, &store, settings()).await;
    let mut updates = live.subscribe(&player, seen).unwrap();
    if seen.is_none_or(|seen| seen < last) {
        let update = next(&mut updates).await.unwrap();
        assert!(update.head.position >= last);
        let mut purses = world.state(&player).balances();
        purses.sort_by_key(|purse| purse.currency);
        assert_eq!(update.value.unwrap().purses, purses);
    }
    runner.stop(LIMIT).await.unwrap();
    let gone = live.subscribe(&player, None);
    assert!(gone.is_ok() || matches!(gone, Err(LiveError::Ended)));
}

/// What was told before the end, and why it ended.
async fn drain(updates: &mut BalanceUpdates, seen: &mut Option<Position>) -> LiveError {
    loop {
        match next(updates).await {
            Ok(update) => {
                assert!(seen.is_none_or(|seen| seen < update.head.position), "nothing twice");
                *seen = Some(update.head.position);
            }
            Err(error) => return error,
        }
    }
}

/// Reads another view than the runner's, and counts how often.
struct Counted(MemoryReader<Balances>, Arc<AtomicU64>);

#[async_trait]
impl Standing for Counted {
    async fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        self.0.checkpoint().await
    }

    async fn changed(&self, limit: Duration) {
        Standing::changed(&self.0, limit).await;
    }
}

#[async_trait]
impl ReadBalances for Counted {
    async fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerBalances>>, ViewError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.player(player).await
    }

    async fn list(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<(PlayerId, PlayerBalances), PlayerId>>, ViewError> {
        ReadBalances::list(&self.0, after, limit).await
    }
}

/// Where the view that is read lags behind what was told, it is waited for, and not asked again and again.
#[tokio::test]
async fn a_view_that_lags_is_waited_for() {
    let mut world = World::new(1, 1, 96);
    let store = store(&world);
    let begin = world.run(10);
    append(store.as_ref(), &begin).await;
    let mut lagging = Memory::<Balances>::new(&world.identity);
    lagging.apply(&decoded(&begin)).await.unwrap();
    let runner =
        Runner::start_view(&Feed::new(store.clone()), Memory::<Balances>::new(&world.identity), woken())
            .unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let reads = Arc::new(AtomicU64::new(0));
    let reader = Arc::new(Counted(lagging.reader(), Arc::clone(&reads)));
    // A pause that no clock can say is a long one.
    let forever = LiveSettings { pause: Duration::MAX, ..settings() };
    let patient = LiveBalances::start(&runner, reader.clone(), forever).await.unwrap();
    let live = LiveBalances::start(&runner, reader, settings()).await.unwrap();
    let player = world.players().remove(0);
    next(&mut patient.subscribe(&player, None).unwrap()).await.unwrap();
    let mut updates = live.subscribe(&player, None).unwrap();
    next(&mut updates).await.unwrap();
    let more = world.run(20);
    let last = *changes(&decoded(&more), &player).last().unwrap();
    append(store.as_ref(), &more).await;
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let before = reads.load(Ordering::Relaxed);
    let early = tokio::time::timeout(Duration::from_millis(200), updates.next()).await;
    assert!(early.is_err(), "{early:?}");
    let asked = reads.load(Ordering::Relaxed) - before;
    assert!(asked <= 2, "asked {asked} times");
    let (update, ()) = tokio::join!(next(&mut updates), async {
        lagging.apply(&decoded(&more)).await.unwrap();
    });
    assert!(update.unwrap().head.position >= last);
    // And what never comes ends with what pushes.
    let more = world.run(20);
    assert!(!changes(&decoded(&more), &player).is_empty());
    append(store.as_ref(), &more).await;
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), updates.next()).await.is_err());
    let (ended, ()) = tokio::join!(next(&mut updates), async { drop(live) });
    assert!(matches!(ended, Err(LiveError::Ended)), "{ended:?}");
}

/// A pause between updates holds for who would be quicker.
#[tokio::test]
async fn a_pause_makes_one_update_of_several_changes() {
    let mut world = World::new(1, 1, 95);
    let store = store(&world);
    append(store.as_ref(), &world.run(10)).await;
    let paused = LiveSettings { pause: Duration::from_millis(300), ..settings() };
    let Pushed { live, runner, .. } = pushed(&world, &store, paused).await;
    let player = world.players().remove(0);
    let mut updates = live.subscribe(&player, None).unwrap();
    next(&mut updates).await.unwrap();
    let mut commits = Vec::new();
    for _ in 0..10 {
        let more = world.run(2);
        append(store.as_ref(), &more).await;
        commits.extend(decoded(&more));
    }
    let last = *changes(&commits, &player).last().unwrap();
    let mut met = 0;
    loop {
        met += 1;
        if next(&mut updates).await.unwrap().head.position >= last {
            break;
        }
    }
    assert!(met <= 3, "{met} updates of {} changes", changes(&commits, &player).len());
    runner.stop(LIMIT).await.unwrap();
}
