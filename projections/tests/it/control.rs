//! What an operator can tell a runner: pause, resume, throttle, skip; and what is shown then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger_core::{ActorId, Partition, PlayerId, Reason, Timestamp};
use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::rounds::{ReadRounds, Rounds};
use ledger_projections::trial_balance::{ReadTrialBalance, TrialBalance};
use ledger_projections::{
    ControlError, Feed, Home, Memory, MemoryHome, MemoryModel, Progress, RebuildProgress, RebuildState,
    Runner, SKIPS_MAX, Settings, Skip, SkipOrder, Standing, State, StopReason, Throttle, View, ViewError,
};
use ledger_store::{EventStore, Position, Shard};

use crate::gate::{Pass, gated, pass};
use crate::history::{World, append, decoded, id};
use crate::naive::check_balances;
use crate::rebuild::anew;
use crate::runner::{LIMIT, over, store, woken};

pub(crate) fn skip_order(shard: Shard, position: Position) -> SkipOrder {
    let (by, why) = (id(ActorId::new, "anna"), id(Reason::new, "ticket 17: a bug of the view"));
    SkipOrder { shard, position, by, why, at: "2026-01-02T03:04:05Z".parse().unwrap() }
}

async fn until(runner: &Runner, enough: impl FnMut(&Progress) -> bool) {
    let mut progress = runner.watch();
    tokio::time::timeout(LIMIT, progress.wait_for(enough)).await.expect("in time").expect("alive");
}

#[tokio::test]
async fn a_paused_view_stands_still_and_is_read() {
    let mut world = World::new(4, 5, 31);
    let store = store(&world);
    let mut all = world.run(60);
    append(store.as_ref(), &all).await;
    let view = Memory::<Balances>::new(&world.identity);
    let reader = view.reader();
    let runner = Runner::start_view(&Feed::new(store.clone()), view, woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    runner.pause(LIMIT).await.unwrap();
    runner.pause(LIMIT).await.unwrap();
    assert!(matches!(runner.progress().state, State::Paused));
    let more = world.run(40);
    append(store.as_ref(), &more).await;
    let heads = store.heads().await.unwrap();
    assert!(runner.wait_for_all(&heads, Duration::from_millis(30)).await.is_err());
    assert_eq!(reader.checkpoint().await.unwrap().commits(), 60);
    runner.resume(LIMIT).await.unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    all.extend(more);
    check_balances(&reader, &world, &decoded(&all));
    let ended = runner.watch();
    runner.stop(LIMIT).await.unwrap();
    assert!(matches!(ended.borrow().state, State::Ended));
}

#[tokio::test]
async fn it_pauses_after_the_batch_in_hand() {
    let mut world = World::new(1, 3, 32);
    let store = store(&world);
    append(store.as_ref(), &world.run(30)).await;
    let (view, mut batches) = gated(Memory::<Balances>::new(&world.identity));
    let settings = Settings { batch_commits_max: 10, ..woken() };
    let runner = Runner::start_view(&Feed::new(store), view, settings).unwrap();
    let (_, gate) = batches.recv().await.unwrap();
    let impatient = runner.pause(Duration::from_millis(5)).await;
    assert!(matches!(impatient, Err(ControlError::TimedOut { .. })), "it is busy: {impatient:?}");
    assert!(gate.send(Pass::Through).is_ok());
    // It was told all the same.
    until(&runner, |progress| matches!(progress.state, State::Paused)).await;
    assert_eq!(runner.progress().checkpoint.commits(), 10);
    runner.resume(LIMIT).await.unwrap();
    assert_eq!(pass(&mut batches, Pass::Through).await, 10);
}

/// Whoever gave up waiting holds nothing, and several who hold it do not undo each other, nor a pause.
#[tokio::test]
async fn it_goes_on_behind_the_last_who_holds_it() {
    let mut world = World::new(1, 3, 36);
    let store = store(&world);
    append(store.as_ref(), &world.run(30)).await;
    let (view, mut batches) = gated(Memory::<Balances>::new(&world.identity));
    let settings = Settings { batch_commits_max: 10, ..woken() };
    let runner = Runner::start_view(&Feed::new(store.clone()), view, settings).unwrap();
    let (_, gate) = batches.recv().await.unwrap();
    let impatient = runner.hold(Duration::from_millis(5)).await;
    assert!(matches!(impatient, Err(ControlError::TimedOut { .. })), "it is busy: {impatient:?}");
    let dropped = tokio::time::timeout(Duration::from_millis(5), runner.hold(LIMIT)).await;
    assert!(dropped.is_err());
    assert!(gate.send(Pass::Through).is_ok());
    assert_eq!(pass(&mut batches, Pass::Through).await, 10, "what was not waited for holds nothing");
    let (_, gate) = batches.recv().await.unwrap();
    let let_through = async { assert!(gate.send(Pass::Through).is_ok()) };
    let (first, ()) = tokio::join!(runner.hold(LIMIT), let_through);
    let (first, second) = (first.unwrap(), runner.hold(LIMIT).await.unwrap());
    assert!(matches!(runner.progress().state, State::Paused));
    append(store.as_ref(), &world.run(10)).await;
    let heads = store.heads().await.unwrap();
    drop(first);
    runner.pause(LIMIT).await.unwrap();
    runner.resume(LIMIT).await.unwrap();
    assert!(runner.wait_for_all(&heads, Duration::from_millis(30)).await.is_err());
    assert!(batches.try_recv().is_err(), "the second holds it");
    drop(second);
    assert_eq!(pass(&mut batches, Pass::Through).await, 10);
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    let held = runner.hold(LIMIT).await.unwrap();
    runner.pause(LIMIT).await.unwrap();
    drop(held);
    append(store.as_ref(), &world.run(10)).await;
    let heads = store.heads().await.unwrap();
    assert!(runner.wait_for_all(&heads, Duration::from_millis(30)).await.is_err(), "the pause lasts");
    runner.resume(LIMIT).await.unwrap();
    assert_eq!(pass(&mut batches, Pass::Through).await, 10);
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    // What holds it does not keep it from ending.
    let held = runner.hold(LIMIT).await.unwrap();
    assert!(matches!(runner.stop(LIMIT).await.unwrap().state, State::Ended));
    drop(held);
}

/// A view that was rebuilt does not take the place of one that is being read.
#[tokio::test]
async fn a_rebuilt_view_waits_for_who_holds_the_live_one() {
    let mut world = World::new(2, 3, 37);
    let store = store(&world);
    append(store.as_ref(), &world.run(50)).await;
    let home = MemoryHome::<Balances>::new(&world.identity);
    let runner = Runner::start(&Feed::new(store.clone()), home, woken()).unwrap();
    let heads = store.heads().await.unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    let held = runner.hold(LIMIT).await.unwrap();
    runner.rebuild(anew(), LIMIT).await.unwrap();
    let swapping = |progress: &RebuildProgress| matches!(progress.state, RebuildState::Swapping);
    let mut rebuilds = runner.watch_rebuild();
    tokio::time::timeout(LIMIT, rebuilds.wait_for(swapping)).await.unwrap().unwrap();
    assert!(runner.wait_for_rebuild(Duration::from_millis(30)).await.is_err(), "it waits");
    drop(held);
    let done = runner.wait_for_rebuild(LIMIT).await.unwrap();
    assert!(matches!(done.state, RebuildState::Swapped), "{done:?}");
    append(store.as_ref(), &world.run(10)).await;
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
}

#[tokio::test]
async fn a_throttle_holds_it_back_and_can_be_taken_off() {
    let mut world = World::new(2, 4, 33);
    let store = store(&world);
    append(store.as_ref(), &world.run(400)).await;
    let heads = store.heads().await.unwrap();
    let rate = |rate: u32| Throttle { commits_per_second: std::num::NonZeroU32::new(rate), ..Throttle::NONE };
    let settings = Settings { throttle: rate(100), ..woken() };
    let view = Memory::<Balances>::new(&world.identity);
    let began = Instant::now();
    let runner = Runner::start_view(&Feed::new(store.clone()), view, settings).unwrap();
    until(&runner, |progress| progress.checkpoint.commits() >= 30).await;
    // Ten at once, then ten each tenth of a second.
    assert!(began.elapsed() >= Duration::from_millis(190), "{:?}", began.elapsed());
    assert!(runner.progress().checkpoint.commits() < 400);
    runner.throttle(Throttle::NONE);
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
}

/// A model that cannot take one commit until it is mended.
struct Fussy;

static MENDED: AtomicBool = AtomicBool::new(false);
const FUSSY_AT: (Shard, Position) = (Shard(1), Position(5));

impl MemoryModel for Fussy {
    const NAME: &'static str = "fussy";
    const VERSION: u32 = 1;
    const BY_SHARD: bool = true;
    type State = <TrialBalance as MemoryModel>::State;
    type Changes = <TrialBalance as MemoryModel>::Changes;

    fn fold(
        state: &Self::State,
        commits: &[&ledger_projections::Commit],
    ) -> Result<Self::Changes, ViewError> {
        let fussy = commits.iter().find(|commit| (commit.shard, commit.position) == FUSSY_AT);
        if let Some(commit) = fussy.filter(|_| !MENDED.load(Ordering::SeqCst)) {
            return Err(commit.poison_event(&commit.body.events[0], "a bug of the view"));
        }
        <TrialBalance as MemoryModel>::fold(state, commits)
    }

    fn merge(state: &mut Self::State, changes: Self::Changes) {
        <TrialBalance as MemoryModel>::merge(state, changes);
    }
}

#[tokio::test]
async fn a_skip_is_recorded_and_told_with_every_answer() {
    let mut world = World::new(2, 6, 34);
    let store = store(&world);
    let all = world.run(100);
    append(store.as_ref(), &all).await;
    let heads = store.heads().await.unwrap();
    let home = MemoryHome::<Fussy>::new(&world.identity);
    let reader = home.reader();
    let runner = Runner::start(&Feed::new(store.clone()), home, woken()).unwrap();
    let (at, reason) = over(&runner).await;
    assert_eq!(at, Some(FUSSY_AT));
    let State::Stopped(stop) = runner.progress().state else { panic!("it stopped") };
    let types: Vec<_> = decoded(&all)
        .iter()
        .filter(|commit| (commit.shard, commit.position) == FUSSY_AT)
        .flat_map(|commit| commit.body.events.iter().map(|record| record.event.type_name()))
        .collect();
    assert_eq!(stop.events, types, "the stop names the events");
    assert!(stop.is_skippable() && stop.to_string().contains("what to do: mend the view"), "{stop}");
    assert!(reason.to_string().contains(types[0]), "{reason}");

    // Only the commit it stopped at.
    let other = runner.skip(skip_order(FUSSY_AT.0, FUSSY_AT.1.next()), LIMIT).await;
    assert!(matches!(other, Err(ControlError::NotNow { .. })), "{other:?}");
    assert!(reader.checkpoint().await.unwrap().incomplete().is_none());

    // To try again without mending changes nothing.
    runner.resume(LIMIT).await.unwrap();
    assert_eq!(over(&runner).await.0, Some(FUSSY_AT));

    runner.skip(skip_order(FUSSY_AT.0, FUSSY_AT.1), LIMIT).await.unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    let checkpoint = reader.checkpoint().await.unwrap();
    let [skip] = checkpoint.skips() else { panic!("{:?}", checkpoint.skips()) };
    let hash = store.read(FUSSY_AT.0, FUSSY_AT.1, 1).await.unwrap()[0].hash;
    assert_eq!((skip.shard, skip.position, skip.hash), (FUSSY_AT.0, FUSSY_AT.1, hash));
    assert_eq!((skip.by.as_str(), skip.why.as_str()), ("anna", "ticket 17: a bug of the view"));
    assert_eq!(skip.at, "2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap());
    assert!(skip.what.contains("a bug of the view"), "{}", skip.what);

    // Answers about the other shard lack nothing.
    let of_shard = reader.read_shard(FUSSY_AT.0, |_| ()).unwrap();
    assert_eq!(
        of_shard.incomplete.map(|incomplete| (incomplete.since, incomplete.skips)),
        Some((skip.clone(), 1))
    );
    assert_eq!(reader.read_shard(Shard(0), |_| ()).unwrap().incomplete, None);
    let whole = reader.read(|_| ()).unwrap();
    assert_eq!(whole.incomplete().map(|incomplete| incomplete.since), Some(skip.clone()));

    // A view that runs has nothing to skip.
    let running = runner.skip(skip_order(FUSSY_AT.0, FUSSY_AT.1), LIMIT).await;
    assert!(matches!(running, Err(ControlError::NotNow { .. })), "{running:?}");

    // A rebuild stops at it too, unless it may leave it out or the view was mended; then it is complete.
    crate::rebuild::rebuilt(&runner, vec![], |state| {
        matches!(state, ledger_projections::RebuildState::Failed(_))
    })
    .await;
    assert_eq!(reader.checkpoint().await.unwrap(), checkpoint, "the live view is as it was");
    let skips = checkpoint.skips().to_vec();
    crate::rebuild::rebuilt(&runner, skips, |state| {
        matches!(state, ledger_projections::RebuildState::Swapped)
    })
    .await;
    assert_eq!(reader.checkpoint().await.unwrap().skips(), checkpoint.skips());
    MENDED.store(true, Ordering::SeqCst);
    crate::rebuild::rebuilt(&runner, vec![], |state| {
        matches!(state, ledger_projections::RebuildState::Swapped)
    })
    .await;
    let mended = reader.checkpoint().await.unwrap();
    assert_eq!((mended.heads(), mended.skips()), (&heads[..], &[][..]));
}

#[tokio::test]
async fn a_commit_nobody_can_read_can_be_left_out() {
    let mut world = World::new(1, 3, 35);
    let store = store(&world);
    let sound = world.run(30);
    append(store.as_ref(), &sound).await;
    let last = decoded(&sound).pop().unwrap();
    let mut bytes = Vec::new();
    last.body.encode(&mut bytes).unwrap();
    let name = last.body.events[0].event.type_name();
    let text = String::from_utf8(bytes).unwrap().replace(name, "jackpot.from_the_future");
    append(store.as_ref(), &[world.seal_bytes(text.as_bytes(), &last.body.partition)]).await;
    append(store.as_ref(), &world.run(5)).await;
    let home = MemoryHome::<TrialBalance>::new(&world.identity);
    let reader = home.reader();
    let runner = Runner::start(&Feed::new(store.clone()), home, woken()).unwrap();
    assert_eq!(over(&runner).await.0, Some((Shard(0), Position(31))));
    runner.skip(skip_order(Shard(0), Position(31)), LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let totals = reader.totals().await.unwrap();
    let incomplete = totals.incomplete().expect("it says so");
    assert_eq!((incomplete.since.position, incomplete.skips), (Position(31), 1));
    assert!(incomplete.since.what.contains("use a newer casino-ledger"), "{}", incomplete.since.what);
}

/// What is wrong with the history or with the home is nothing that one commit could be blamed for.
#[tokio::test]
async fn lost_history_cannot_be_skipped() {
    let mut world = World::new(1, 3, 36);
    let all = world.run(20);
    let mut view = Memory::<Balances>::new(&world.identity);
    view.apply(&decoded(&all)).await.unwrap();
    let behind = store(&world);
    append(behind.as_ref(), &all[..10]).await;
    let runner = Runner::start_view(&Feed::new(behind), view, woken()).unwrap();
    let (at, reason) = over(&runner).await;
    assert!(matches!(&reason, StopReason::View(error) if matches!(**error, ViewError::HistoryLost { .. })));
    let (shard, position) = at.unwrap();
    let refused = runner.skip(skip_order(shard, position), LIMIT).await;
    assert!(matches!(refused, Err(ControlError::NotNow { .. })), "{refused:?}");
    assert!(matches!(runner.pause(LIMIT).await, Err(ControlError::NotNow { .. })));
}

#[tokio::test]
async fn there_is_a_bound_on_skips() {
    let mut world = World::new(1, 2, 37);
    let commits = decoded(&world.run(SKIPS_MAX + 2));
    let mut view = Memory::<TrialBalance>::new(&world.identity);
    let skip = |commit: &ledger_projections::Commit| Skip {
        shard: commit.shard,
        position: commit.position,
        previous: commit.previous,
        hash: commit.hash,
        what: "x".to_owned(),
        by: id(ActorId::new, "anna"),
        why: id(Reason::new, "y"),
        at: Timestamp::EPOCH,
    };
    for commit in &commits[..SKIPS_MAX] {
        view.skip(&skip(commit)).await.unwrap();
    }
    let refused = view.skip(&skip(&commits[SKIPS_MAX])).await;
    assert!(matches!(refused, Err(ViewError::NotSkippable(_))), "{refused:?}");
    // What comes in between is taken as ever.
    view.apply(&commits[SKIPS_MAX..]).await.unwrap();
    assert_eq!(view.checkpoint().await.unwrap().skips().len(), SKIPS_MAX);
}

/// A model that panics when it is told to.
struct Nervous;

static PANIC: AtomicBool = AtomicBool::new(false);

impl MemoryModel for Nervous {
    const NAME: &'static str = "nervous";
    const VERSION: u32 = 1;
    const BY_SHARD: bool = true;
    type State = <Balances as MemoryModel>::State;
    type Changes = <Balances as MemoryModel>::Changes;

    fn fold(
        state: &Self::State,
        commits: &[&ledger_projections::Commit],
    ) -> Result<Self::Changes, ViewError> {
        assert!(!PANIC.load(Ordering::SeqCst), "told to");
        <Balances as MemoryModel>::fold(state, commits)
    }

    fn merge(state: &mut Self::State, changes: Self::Changes) {
        <Balances as MemoryModel>::merge(state, changes);
    }
}

#[tokio::test]
async fn after_a_panic_the_view_is_opened_again() {
    let mut world = World::new(2, 4, 38);
    let store = store(&world);
    append(store.as_ref(), &world.run(50)).await;
    let home = MemoryHome::<Nervous>::new(&world.identity);
    let reader = home.reader();
    let runner = Runner::start(&Feed::new(store.clone()), home.clone(), woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    PANIC.store(true, Ordering::SeqCst);
    append(store.as_ref(), &world.run(20)).await;
    let (_, reason) = over(&runner).await;
    assert!(matches!(&reason, StopReason::Panicked(text) if text == "told to"), "{reason}");
    assert_eq!(reader.checkpoint().await.unwrap().commits(), 50, "readers see it as it stands");
    runner.resume(LIMIT).await.unwrap();
    assert!(matches!(over(&runner).await.1, StopReason::Panicked(_)));
    PANIC.store(false, Ordering::SeqCst);
    runner.resume(LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    // The home has one runner at a time.
    assert!(matches!(home.live().await, Err(ViewError::InUse { .. })));
    runner.stop(LIMIT).await.unwrap();
    assert!(home.live().await.is_ok());
}

#[tokio::test]
async fn a_view_without_a_home_is_not_opened_again() {
    let mut world = World::new(1, 3, 39);
    let store = store(&world);
    append(store.as_ref(), &world.run(10)).await;
    let (view, mut batches) = gated(Memory::<Balances>::new(&world.identity));
    let runner = Runner::start_view(&Feed::new(store), view, woken()).unwrap();
    pass(&mut batches, Pass::Panic).await;
    assert!(matches!(over(&runner).await.1, StopReason::Panicked(_)));
    let refused = runner.resume(LIMIT).await;
    assert!(matches!(refused, Err(ControlError::NotNow { .. })), "{refused:?}");
}

/// A read that must not be older than one's own write waits for it, and not for ever.
#[tokio::test]
async fn a_reader_waits_for_its_own_write() {
    let mut world = World::new(2, 4, 40);
    let store = store(&world);
    let view = Memory::<Balances>::new(&world.identity);
    let reader: Arc<dyn ReadBalances> = Arc::new(view.reader());
    let runner = Runner::start_view(&Feed::new(store.clone()), view, woken()).unwrap();
    let written = world.run(30);
    append(store.as_ref(), &written).await;
    for (shard, commit) in &written {
        let head = reader.at_least(*shard, commit.position, LIMIT).await.unwrap();
        assert!(head.position >= commit.position);
        let Partition::Player(player) = &decoded(&[(*shard, commit.clone())])[0].body.partition else {
            continue;
        };
        assert!(reader.player(player).await.unwrap().head.position >= commit.position);
    }
    let short = Duration::from_millis(20);
    let early = reader.at_least(Shard(0), Position(1_000), short).await;
    assert!(
        matches!(early, Err(ViewError::Behind { wanted: Position(1_000), limit, .. }) if limit == short),
        "{early:?}"
    );
    let nowhere = reader.at_least(Shard(9), Position(1), short).await;
    assert!(matches!(nowhere, Err(ViewError::OtherLedger(_))), "{nowhere:?}");
    runner.stop(LIMIT).await.unwrap();
}

/// Pages are read while the view moves on: what was there all the time is met once.
#[tokio::test]
async fn pages_are_stable_while_the_view_moves_on() {
    let mut world = World::new(8, 60, 41);
    let store = store(&world);
    append(store.as_ref(), &world.run(500)).await;
    let feed = Feed::new(store.clone());
    let (balances, rounds) =
        (Memory::<Balances>::new(&world.identity), Memory::<Rounds>::new(&world.identity));
    let (balances_reader, rounds_reader) = (balances.reader(), rounds.reader());
    let runners = [
        Runner::start_view(&feed, balances, woken()).unwrap(),
        Runner::start_view(&feed, rounds, woken()).unwrap(),
    ];
    paged(&mut world, &store, &runners, &balances_reader, &rounds_reader).await;
}

pub(crate) async fn paged(
    world: &mut World,
    store: &Arc<ledger_store::MemoryStore>,
    runners: &[Runner],
    balances: &dyn ReadBalances,
    rounds: &dyn ReadRounds,
) {
    let caught_up = async || {
        let heads = store.heads().await.unwrap();
        for runner in runners {
            runner.wait_for_all(&heads, LIMIT).await.unwrap();
        }
    };
    caught_up().await;
    let known: Vec<PlayerId> =
        balances.list(None, 1_000).await.unwrap().value.rows.into_iter().map(|(player, _)| player).collect();
    let (mut met, mut cursor, mut last) = (Vec::new(), None, None);
    loop {
        append(store.as_ref(), &world.run(30)).await;
        caught_up().await;
        let page = balances.list(cursor.as_ref(), 3).await.unwrap();
        assert!(
            last.as_ref().is_none_or(|last| page.checkpoint.is_at_least(last)),
            "each page says where it is true"
        );
        last = Some(page.checkpoint);
        met.extend(page.value.rows.into_iter().map(|(player, _)| player));
        cursor = page.value.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(met.is_sorted_by(|left, right| left < right), "none twice");
    assert!(known.iter().all(|player| met.contains(player)), "all that were there");

    let status = ledger_core::stored::RoundStatus::Open;
    let listed = |page: ledger_projections::rounds::RoundPage| {
        page.rows.into_iter().map(|row| row.cursor()).collect::<Vec<_>>()
    };
    // A round may be closed and opened again: only what was open at every look stayed.
    let mut stayed = listed(rounds.list(status, None, 1_000).await.unwrap().value);
    let (mut met, mut cursor) = (Vec::new(), None);
    loop {
        append(store.as_ref(), &world.run(5)).await;
        caught_up().await;
        let now = listed(rounds.list(status, None, 1_000).await.unwrap().value);
        stayed.retain(|round| now.contains(round));
        let page = rounds.list(status, cursor.as_ref(), 7).await.unwrap().value;
        cursor.clone_from(&page.next);
        met.extend(listed(page));
        if cursor.is_none() {
            break;
        }
    }
    assert!(met.is_sorted_by(|left, right| left < right), "none twice");
    let missing: Vec<_> = stayed.iter().filter(|round| !met.contains(round)).collect();
    assert!(missing.is_empty(), "all that stayed: {missing:?} of {}", stayed.len());
    assert!(stayed.len() > 5, "{} stayed", stayed.len());
}
