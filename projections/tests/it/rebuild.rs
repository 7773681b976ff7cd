//! Rebuilding beside the live view.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ledger_projections::balances::Balances;
use ledger_projections::trial_balance::{ReadTrialBalance, TrialBalance};
use ledger_projections::{
    Building, Checkpoint, ControlError, Feed, Home, Memory, MemoryHome, RebuildProgress, RebuildSettings,
    RebuildState, Runner, Settings, Skip, Standing, State, StopReason, Throttle, ViewError,
};
use ledger_store::EventStore;

use crate::history::{World, append, decoded};
use crate::naive::{check_balances, check_trial_balance, now};
use crate::property::block_on;
use crate::runner::{LIMIT, over, store, woken};
use crate::stores::Odd;

/// As fast as it goes, in small batches.
pub(crate) fn small() -> Settings {
    Settings { batch_commits_max: 16, rebuild_throttle: Throttle::NONE, ..woken() }
}

pub(crate) fn anew() -> RebuildSettings {
    RebuildSettings { throttle: Throttle::NONE, ..RebuildSettings::default() }
}

/// Rebuilds, and looks at how that ended.
pub(crate) async fn rebuilt(
    runner: &Runner,
    skips: Vec<Skip>,
    expected: impl Fn(&RebuildState) -> bool,
) -> RebuildProgress {
    runner.rebuild(RebuildSettings { skips, ..anew() }, LIMIT).await.unwrap();
    let progress = runner.wait_for_rebuild(LIMIT).await.unwrap();
    assert!(expected(&progress.state), "{progress:?}");
    progress
}

/// Commits come all the time, the view is rebuilt several times, and whoever reads sees balanced books that never go
/// back in time.
pub(crate) async fn while_writing<H: Home>(
    home: H,
    reader: Arc<dyn ReadTrialBalance>,
    mut world: World,
) -> (Runner, World, Vec<Arc<ledger_projections::Commit>>) {
    let store = store(&world);
    let mut all = world.run(300);
    append(store.as_ref(), &all).await;
    let runner = Runner::start(&Feed::new(store.clone()), home, small()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let more = world.run(1_200);
    let done = Arc::new(AtomicBool::new(false));
    let swapped = Arc::new(AtomicUsize::new(0));
    let writing = {
        let (store, more, done, swapped) = (store.clone(), more.clone(), done.clone(), swapped.clone());
        std::thread::spawn(move || {
            for (number, few) in more.chunks(7).enumerate() {
                // In a home that is slow to rebuild, the second half is written during a second rebuild.
                while number == 85 && swapped.load(Ordering::SeqCst) == 0 {
                    std::thread::sleep(Duration::from_millis(2));
                }
                block_on(append(store.as_ref(), few));
                std::thread::sleep(Duration::from_millis(2));
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    let reading = {
        let (reader, done) = (reader.clone(), done.clone());
        std::thread::spawn(move || {
            let mut last: Option<Checkpoint> = None;
            let mut reads = 0;
            while !done.load(Ordering::SeqCst) {
                let totals = block_on(reader.totals()).unwrap();
                if let Some(last) = &last {
                    assert!(totals.checkpoint.is_at_least(last), "no reader goes back in time");
                }
                last = Some(totals.checkpoint);
                reads += 1;
            }
            reads
        })
    };
    while !done.load(Ordering::SeqCst) {
        rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Swapped)).await;
        swapped.fetch_add(1, Ordering::SeqCst);
    }
    let rebuilds = swapped.load(Ordering::SeqCst);
    writing.join().unwrap();
    assert!(reading.join().unwrap() > 10 && rebuilds > 1, "{rebuilds} rebuilds while it was written");
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    all.extend(more);
    (runner, world, decoded(&all))
}

#[tokio::test]
async fn in_memory_while_writing_it_ends_equal() {
    let world = World::new(4, 8, 51);
    let home = MemoryHome::<TrialBalance>::new(&world.identity);
    let reader = home.reader();
    let (_runner, _, commits) = while_writing(home, Arc::new(reader.clone()), world).await;
    check_trial_balance(&reader, &commits);
}

#[tokio::test]
async fn it_can_be_cancelled_and_the_live_view_goes_on() {
    let mut world = World::new(4, 8, 52);
    let store = store(&world);
    let all = world.run(400);
    append(store.as_ref(), &all).await;
    let home = MemoryHome::<Balances>::new(&world.identity);
    let reader = home.reader();
    let runner = Runner::start(&Feed::new(store.clone()), home.clone(), small()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let slow = Throttle { commits_per_second: std::num::NonZeroU32::new(100), ..Throttle::NONE };
    let settings = RebuildSettings {
        throttle: slow,
        on_progress: Some(Arc::new(move |progress| {
            assert!(progress.done <= progress.total);
            count.fetch_add(1, Ordering::SeqCst);
        })),
        ..anew()
    };
    runner.rebuild(settings, LIMIT).await.unwrap();
    let again = runner.rebuild(anew(), LIMIT).await;
    assert!(matches!(again, Err(ControlError::NotNow { .. })), "one at a time: {again:?}");
    let mut progress = runner.watch_rebuild();
    progress.wait_for(|progress| progress.done > 0).await.unwrap();
    // The live view is followed meanwhile.
    let more = world.run(50);
    append(store.as_ref(), &more).await;
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    assert!(matches!(runner.rebuild_progress().state, RebuildState::Building));
    runner.cancel_rebuild();
    let progress = runner.wait_for_rebuild(LIMIT).await.unwrap();
    assert!(matches!(progress.state, RebuildState::Cancelled), "{progress:?}");
    assert!(progress.done < 400 && told.load(Ordering::SeqCst) > 1);
    assert!(home.building(Building::Resume).await.unwrap().is_none(), "nothing of it is left");
    let all: Vec<_> = all.into_iter().chain(more).collect();
    check_balances(&reader, &world, &decoded(&all));
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Swapped)).await;
    check_balances(&reader, &world, &decoded(&all));
}

#[tokio::test]
async fn a_throttled_rebuild_can_be_let_go() {
    let mut world = World::new(4, 8, 53);
    let store = store(&world);
    append(store.as_ref(), &world.run(2_000)).await;
    let home = MemoryHome::<Balances>::new(&world.identity);
    let runner = Runner::start(&Feed::new(store.clone()), home, small()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let slow = Throttle { commits_per_second: std::num::NonZeroU32::new(10), ..Throttle::NONE };
    runner.rebuild(RebuildSettings { throttle: slow, ..anew() }, LIMIT).await.unwrap();
    let mut progress = runner.watch_rebuild();
    progress.wait_for(|progress| progress.done > 0).await.unwrap();
    runner.throttle_rebuild(Throttle::NONE);
    let progress = runner.wait_for_rebuild(LIMIT).await.unwrap();
    assert!(matches!(progress.state, RebuildState::Swapped), "{progress:?}");
}

#[tokio::test]
async fn a_paused_view_stays_paused_when_it_was_rebuilt() {
    let mut world = World::new(2, 4, 54);
    let store = store(&world);
    append(store.as_ref(), &world.run(100)).await;
    let home = MemoryHome::<Balances>::new(&world.identity);
    let reader = home.reader();
    let runner = Runner::start(&Feed::new(store.clone()), home, small()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    runner.pause(LIMIT).await.unwrap();
    append(store.as_ref(), &world.run(100)).await;
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Swapped)).await;
    assert!(matches!(runner.progress().state, State::Paused));
    let at = reader.checkpoint().await.unwrap();
    append(store.as_ref(), &world.run(10)).await;
    assert!(runner.wait_for_all(&store.heads().await.unwrap(), Duration::from_millis(20)).await.is_err());
    assert_eq!(reader.checkpoint().await.unwrap(), at);
    runner.resume(LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
}

/// A store that lost history stops the view. Once it is decided that this is the history, a rebuild mends the view.
#[tokio::test]
async fn after_lost_history_a_rebuild_mends_the_view() {
    let mut world = World::new(2, 4, 55);
    let all = world.run(100);
    let whole = store(&world);
    append(whole.as_ref(), &all).await;
    let odd = Arc::new(Odd::new(whole.clone()));
    let home = MemoryHome::<TrialBalance>::new(&world.identity);
    let reader = home.reader();
    let settings = Settings { poll_every: Duration::from_millis(2), ..small() };
    let runner = Runner::start(&Feed::new(odd.clone()), home, settings).unwrap();
    runner.wait_for_all(&whole.heads().await.unwrap(), LIMIT).await.unwrap();
    let restored = store(&world);
    append(restored.as_ref(), &all[..60]).await;
    odd.exchange(restored.clone());
    let (_, reason) = over(&runner).await;
    assert!(matches!(&reason, StopReason::View(error) if matches!(**error, ViewError::HistoryLost { .. })));
    assert_eq!(reader.checkpoint().await.unwrap().commits(), 100, "it is read as it stands");
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Swapped)).await;
    runner.wait_for_all(&restored.heads().await.unwrap(), LIMIT).await.unwrap();
    check_trial_balance(&reader, &decoded(&all[..60]));
    // And it follows on.
    append(restored.as_ref(), &all[60..]).await;
    runner.wait_for_all(&restored.heads().await.unwrap(), LIMIT).await.unwrap();
    check_trial_balance(&reader, &decoded(&all));
}

#[tokio::test]
async fn a_view_without_a_home_cannot_be_rebuilt() {
    let mut world = World::new(1, 3, 56);
    let store = store(&world);
    append(store.as_ref(), &world.run(10)).await;
    let view = Memory::<Balances>::new(&world.identity);
    let runner = Runner::start_view(&Feed::new(store), view, small()).unwrap();
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Failed(_))).await;
    let resume = RebuildSettings { how: Building::Resume, ..anew() };
    runner.rebuild(resume, LIMIT).await.unwrap();
    let progress = runner.wait_for_rebuild(LIMIT).await.unwrap();
    assert!(matches!(progress.state, RebuildState::Failed(_)), "{progress:?}");
}

/// A rebuild waits for a live view that is behind, but not for ever.
#[tokio::test]
async fn a_rebuild_gives_way_but_gets_on() {
    let mut world = World::new(2, 4, 57);
    let store = store(&world);
    append(store.as_ref(), &world.run(200)).await;
    let home = MemoryHome::<Balances>::new(&world.identity);
    let runner = Runner::start(&Feed::new(store.clone()), home, small()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    runner.pause(LIMIT).await.unwrap();
    append(store.as_ref(), &world.run(200)).await;
    // The live view stays behind for as long as it is paused.
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Swapped)).await;
}

/// What goes with a view goes with the live one: nothing of it while a new one is being built, nothing again after.
#[tokio::test]
async fn side_effects_follow_the_live_view_across_a_rebuild() {
    let mut world = World::new(4, 8, 58);
    let store = store(&world);
    let mut all = world.run(150);
    append(store.as_ref(), &all).await;
    let home = MemoryHome::<Balances>::new(&world.identity);
    let reader = home.reader();
    let runner = Runner::start(&Feed::new(store.clone()), home, small()).unwrap();
    let from = Checkpoint::start(&world.identity);
    let mut effects = runner.subscribe(from, ledger_projections::SubscriptionSettings::default()).unwrap();
    let mut met = Vec::new();
    let mut drain = async |met: &mut Vec<_>, until: u64| loop {
        let delivery = tokio::time::timeout(LIMIT, effects.next()).await.unwrap().unwrap().unwrap();
        assert!(now(reader.checkpoint()).unwrap().is_at_least(&delivery.checkpoint), "the view has it");
        met.extend(delivery.events.iter().map(ledger_projections::Occurrence::id));
        if delivery.checkpoint.commits() >= until {
            break;
        }
    };
    drain(&mut met, 150).await;
    runner.pause(LIMIT).await.unwrap();
    let more = world.run(100);
    append(store.as_ref(), &more).await;
    all.extend(more);
    // The new one is ahead of the paused one, and becomes the live one: only then its events are delivered.
    let before = met.len();
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Swapped)).await;
    assert_eq!(met.len(), before);
    runner.resume(LIMIT).await.unwrap();
    drain(&mut met, 250).await;
    let expected: usize = decoded(&all).iter().map(|commit| commit.body.events.len()).sum();
    let distinct: std::collections::BTreeSet<_> = met.iter().collect();
    assert_eq!((met.len(), distinct.len()), (expected, expected), "each event once");
    // When the runner is gone, it ends.
    runner.stop(LIMIT).await.unwrap();
    assert!(tokio::time::timeout(LIMIT, effects.next()).await.unwrap().is_none());
}
