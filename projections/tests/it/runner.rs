//! The runner: catch-up and live, waiting, stopping, and everything it must refuse.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger_core::stored::Event;
use ledger_core::{Partition, PlayerId};
use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::trial_balance::{ReadTrialBalance, TrialBalance};
use ledger_projections::{
    Checkpoint, Commit, Feed, FollowError, Memory, Runner, Settings, State, StopReason, View, ViewError,
    WaitError, verify_checkpoint,
};
use ledger_store::{EventStore, MemoryStore, Position, Shard, StoreError};

use crate::gate::{Pass, gated};
use crate::history::{World, append, decoded, id, identity};
use crate::naive::{check_balances, check_rounds, check_trial_balance, now};
use crate::property::block_on;
use crate::stores::Odd;

pub(crate) const LIMIT: Duration = Duration::from_mins(1);
const NEVER: Duration = Duration::from_hours(1);

/// Woken by the store alone: who misses a wake-up hangs.
pub(crate) fn woken() -> Settings {
    Settings { poll_every: NEVER, store_retry_pause: Duration::from_millis(1), ..Settings::default() }
}

pub(crate) fn store(world: &World) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(world.identity))
}

pub(crate) async fn over(runner: &Runner) -> (Option<(Shard, Position)>, StopReason) {
    match runner.wait_until_over(LIMIT).await.unwrap().state {
        State::Stopped(stop) => (stop.at, stop.reason.clone()),
        state => panic!("{state:?}"),
    }
}

async fn lost(runner: &Runner) {
    let (_, reason) = over(runner).await;
    let StopReason::View(error) = reason else { panic!("{reason:?}") };
    assert!(matches!(*error, ViewError::HistoryLost { .. }), "{error}");
}

#[tokio::test]
async fn catches_up_then_lives_side_by_side() {
    let mut world = World::new(8, 6, 3);
    let store = store(&world);
    let mut all = world.run(300);
    append(store.as_ref(), &all).await;
    let balances = Memory::<Balances>::new(&world.identity);
    let trial = Memory::<TrialBalance>::new(&world.identity);
    let rounds = Memory::<Rounds>::new(&world.identity);
    let readers = (balances.reader(), trial.reader(), rounds.reader());
    let small = Settings { batch_commits_max: 7, ..woken() };
    let runners = [
        Runner::start_view(&Feed::new(store.clone()), balances, small).unwrap(),
        Runner::start_view(&Feed::new(store.clone()), trial, woken()).unwrap(),
        Runner::start_view(&Feed::new(store.clone()), rounds, woken()).unwrap(),
    ];
    for part in 0..5 {
        let heads = store.heads().await.unwrap();
        for runner in &runners {
            let checkpoint = runner.wait_for_all(&heads, LIMIT).await.unwrap();
            assert_eq!(checkpoint.heads(), heads);
            assert!(runner.lag().iter().all(|lag| *lag == 0));
        }
        let commits = decoded(&all);
        check_balances(&readers.0, &world, &commits);
        check_trial_balance(&readers.1, &commits);
        check_rounds(&readers.2, &commits);
        let more = world.run(1 + part * 20);
        append(store.as_ref(), &more).await;
        all.extend(more);
    }
    for runner in runners {
        assert!(matches!(runner.stop(LIMIT).await.unwrap().state, State::Ended));
    }
}

#[tokio::test]
async fn a_store_that_never_wakes_is_polled() {
    let mut world = World::new(2, 3, 4);
    let inner = store(&world);
    let odd = Arc::new(Odd::new(inner.clone()));
    let view = Memory::<Balances>::new(&world.identity);
    let settings = Settings { poll_every: Duration::from_millis(2), ..woken() };
    let runner = Runner::start_view(&Feed::new(odd), view, settings).unwrap();
    for _ in 0..3 {
        append(inner.as_ref(), &world.run(10)).await;
        runner.wait_for_all(&inner.heads().await.unwrap(), LIMIT).await.unwrap();
    }
}

/// Commits land from two writers while the view follows: each is counted exactly once.
#[tokio::test]
async fn appends_while_following_are_counted_once() {
    let mut world = World::new(4, 8, 5);
    let store = store(&world);
    let all = world.run(1_500);
    let trial = Memory::<TrialBalance>::new(&world.identity);
    let reader = trial.reader();
    let settings = Settings { batch_commits_max: 16, ..woken() };
    let runner = Runner::start_view(&Feed::new(store.clone()), trial, settings).unwrap();
    let of = |half: u16| all.iter().filter(|(shard, _)| shard.0 % 2 == half).cloned().collect::<Vec<_>>();
    let mut writers = Vec::new();
    for half in [of(0), of(1)] {
        let store = store.clone();
        writers.push(std::thread::spawn(move || {
            half.chunks(3).for_each(|few| block_on(append(store.as_ref(), few)));
        }));
    }
    // Whenever it is read, the books balance.
    while !writers.iter().all(std::thread::JoinHandle::is_finished) {
        now(reader.totals()).unwrap();
        std::thread::yield_now();
    }
    for writer in writers {
        writer.join().unwrap();
    }
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    check_trial_balance(&reader, &decoded(&all));
}

#[tokio::test]
async fn waiting_has_a_limit_and_an_end() {
    let mut world = World::new(1, 3, 6);
    let store = store(&world);
    append(store.as_ref(), &world.run(20)).await;
    let (view, mut batches) = gated(Memory::<Balances>::new(&world.identity));
    let settings = Settings { batch_commits_max: 10, ..woken() };
    let runner = Runner::start_view(&Feed::new(store.clone()), view, settings).unwrap();
    let shard = Shard(0);

    let (size, pass) = batches.recv().await.unwrap();
    assert_eq!((size, runner.lag()), (10, vec![20]));
    let short = Duration::from_millis(5);
    assert!(matches!(runner.wait_for(shard, Position(1), short).await, Err(WaitError::TimedOut { .. })));
    assert!(runner.wait_for(shard, Position::ZERO, short).await.is_ok(), "it is there already");
    assert!(matches!(runner.wait_for(Shard(1), Position(1), LIMIT).await, Err(WaitError::NoShard { .. })));
    pass.send(Pass::Through).map_err(|_| ()).unwrap();
    let checkpoint = runner.wait_for(shard, Position(10), LIMIT).await.unwrap();
    assert_eq!(checkpoint.heads()[0].position, Position(10));

    let (_, pass) = batches.recv().await.unwrap();
    assert_eq!(runner.lag(), vec![10]);
    assert!(matches!(runner.progress().state, State::CatchingUp));
    pass.send(Pass::Poison(shard, Position(15))).map_err(|_| ()).unwrap();
    // What stands before the poison is applied.
    batches.recv().await.unwrap().1.send(Pass::Through).map_err(|_| ()).unwrap();
    let refused = runner.wait_for(shard, Position(15), LIMIT).await;
    assert!(matches!(refused, Err(WaitError::Stopped { .. })), "{refused:?}");
    assert!(runner.wait_for(shard, Position(14), LIMIT).await.is_ok(), "a stopped view still contains it");
    let (at, _) = over(&runner).await;
    assert_eq!(at, Some((shard, Position(15))));

    let mut other = store.heads().await.unwrap();
    other[0].hash = ledger_store::CommitHash([1; 32]);
    let trial =
        Runner::start_view(&Feed::new(store.clone()), Memory::<TrialBalance>::new(&world.identity), woken())
            .unwrap();
    assert!(matches!(trial.wait_for_all(&other, LIMIT).await, Err(WaitError::OtherHistory { .. })));
}

#[tokio::test]
async fn stopping_ends_what_waits() {
    let world = World::new(1, 1, 7);
    let store = store(&world);
    let runner =
        Runner::start_view(&Feed::new(store.clone()), Memory::<Balances>::new(&world.identity), woken())
            .unwrap();
    let mut waiting = Box::pin(runner.wait_for(Shard(0), Position(1), LIMIT));
    let early = tokio::time::timeout(Duration::from_millis(1), &mut waiting).await;
    assert!(early.is_err());
    drop(waiting);
    assert!(matches!(runner.stop(LIMIT).await.unwrap().state, State::Ended));
}

#[tokio::test]
async fn a_poison_commit_stops_one_view_and_not_the_other() {
    let mut world = World::new(4, 5, 8);
    let store = store(&world);
    append(store.as_ref(), &world.run(100)).await;
    let (view, mut batches) = gated(Memory::<Balances>::new(&world.identity));
    let stops = Runner::start_view(&Feed::new(store.clone()), view, woken()).unwrap();
    let panics = gated(Memory::<Rounds>::new(&world.identity));
    let (view, mut panicking) = panics;
    let panics = Runner::start_view(&Feed::new(store.clone()), view, woken()).unwrap();
    let goes_on =
        Runner::start_view(&Feed::new(store.clone()), Memory::<TrialBalance>::new(&world.identity), woken())
            .unwrap();

    let place = (Shard(2), Position(3));
    batches.recv().await.unwrap().1.send(Pass::Poison(place.0, place.1)).map_err(|_| ()).unwrap();
    batches.recv().await.unwrap().1.send(Pass::Through).map_err(|_| ()).unwrap();
    let (at, reason) = over(&stops).await;
    assert_eq!(at, Some(place));
    assert!(reason.to_string().contains("ordered"));
    assert_eq!(stops.progress().checkpoint.head(place.0).unwrap().position, Position(2));

    panicking.recv().await.unwrap().1.send(Pass::Panic).map_err(|_| ()).unwrap();
    let (_, reason) = over(&panics).await;
    assert!(matches!(reason, StopReason::Panicked(text) if text == "ordered"));

    append(store.as_ref(), &world.run(50)).await;
    goes_on.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
}

#[tokio::test]
async fn a_commit_from_the_future_stops_where_it_stands() {
    let mut world = World::new(1, 3, 9);
    let store = store(&world);
    let sound = world.run(30);
    append(store.as_ref(), &sound).await;
    let last = decoded(&sound).pop().unwrap();
    let mut bytes = Vec::new();
    last.body.encode(&mut bytes).unwrap();
    let name = last.body.events[0].event.type_name();
    let text = String::from_utf8(bytes).unwrap().replace(name, "jackpot.from_the_future");
    let future = world.seal_bytes(text.as_bytes(), &last.body.partition);
    append(store.as_ref(), &[future]).await;
    append(store.as_ref(), &world.run(5)).await;

    let view = Memory::<TrialBalance>::new(&world.identity);
    let reader = view.reader();
    let runner = Runner::start_view(&Feed::new(store), view, woken()).unwrap();
    let (at, reason) = over(&runner).await;
    assert_eq!(at, Some((Shard(0), Position(31))));
    assert!(reason.to_string().contains("use a newer casino-ledger"), "{reason}");
    check_trial_balance(&reader, &decoded(&sound));
}

#[tokio::test]
async fn an_entry_of_nobody_is_poison() {
    let mut world = World::new(1, 2, 10);
    let store = store(&world);
    append(store.as_ref(), &world.run(40)).await;
    let commits = store.read(Shard(0), Position(1), 100).await.unwrap();
    let posted = |commit: &Commit| {
        matches!(commit.body.partition, Partition::Player(_))
            && commit.body.events.iter().any(|record| matches!(record.event, Event::EntryPosted(_)))
    };
    let commit = commits.iter().map(|stored| Commit::decode(stored).unwrap()).find(posted).unwrap();
    let mut body = commit.body;
    body.partition = Partition::Player(id(PlayerId::new, "nobody"));
    let sealed = world.seal(&body);
    append(store.as_ref(), &[sealed]).await;
    let runner =
        Runner::start_view(&Feed::new(store), Memory::<Balances>::new(&world.identity), woken()).unwrap();
    let (at, reason) = over(&runner).await;
    assert_eq!(at, Some((Shard(0), Position(41))));
    assert!(reason.to_string().contains("never opened"), "{reason}");
}

/// A view that was fed from a history, to be followed on another one.
async fn fed(world: &World, commits: &[Arc<Commit>]) -> Memory<Balances> {
    let mut view = Memory::<Balances>::new(&world.identity);
    view.apply(commits).await.unwrap();
    view
}

#[tokio::test]
async fn another_history_is_refused_at_the_start() {
    let mut world = World::new(2, 3, 11);
    let all = world.run(40);
    let mut other = World::new(2, 3, 12);
    let (ours, theirs) = (store(&world), store(&other));
    append(ours.as_ref(), &all).await;
    append(theirs.as_ref(), &other.run(60)).await;

    let view = fed(&world, &decoded(&all)).await;
    lost(&Runner::start_view(&Feed::new(theirs.clone()), view, woken()).unwrap()).await;

    let behind = store(&world);
    append(behind.as_ref(), &all[..20]).await;
    let view = fed(&world, &decoded(&all)).await;
    lost(&Runner::start_view(&Feed::new(behind), view, woken()).unwrap()).await;

    let view = Memory::<Balances>::new(&identity(4));
    let runner = Runner::start_view(&Feed::new(ours.clone()), view, woken()).unwrap();
    let (_, reason) = over(&runner).await;
    let StopReason::View(error) = reason else { panic!("{reason:?}") };
    assert!(matches!(*error, ViewError::OtherLedger(_)), "{error}");

    let view = fed(&world, &decoded(&all)).await;
    let runner = Runner::start_view(&Feed::new(ours.clone()), view, woken()).unwrap();
    runner.wait_for_all(&ours.heads().await.unwrap(), LIMIT).await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_is_compared_by_hash_at_its_position() {
    let mut world = World::new(2, 3, 11);
    let all = world.run(60);
    let ours = store(&world);
    append(ours.as_ref(), &all).await;
    let checkpoint = fed(&world, &decoded(&all[..30])).await.checkpoint().await.unwrap();
    verify_checkpoint(&checkpoint, ours.as_ref()).await.unwrap();
    let lost = |found| matches!(found, Err(FollowError::View(ViewError::HistoryLost { .. })));
    for index in 0..2 {
        let mut heads = checkpoint.heads().to_vec();
        heads[index].hash = ledger_store::CommitHash([1; 32]);
        let forged = Checkpoint::from_heads(&world.identity, heads.clone()).unwrap();
        assert!(lost(verify_checkpoint(&forged, ours.as_ref()).await), "another hash within the log");
        heads[index].position = Position(1_000);
        let beyond = Checkpoint::from_heads(&world.identity, heads.clone()).unwrap();
        assert!(lost(verify_checkpoint(&beyond, ours.as_ref()).await), "beyond the head");
        heads[index].position = Position::ZERO;
        let start = Checkpoint::from_heads(&world.identity, heads).unwrap();
        assert!(lost(verify_checkpoint(&start, ours.as_ref()).await), "another genesis");
    }
}

/// The runner compares before it asks the view for anything, also where there is nothing new to read.
#[tokio::test]
async fn the_runner_compares_before_it_applies() {
    let mut world = World::new(1, 3, 11);
    let all = world.run(20);
    let mut other = World::new(1, 3, 12);
    let theirs = store(&other);
    append(theirs.as_ref(), &other.run(40)).await;
    let (view, mut batches) = gated(fed(&world, &decoded(&all)).await);
    let runner = Runner::start_view(&Feed::new(theirs), view, woken()).unwrap();
    lost(&runner).await;
    assert!(batches.recv().await.is_none(), "no batch was applied");
}

#[tokio::test]
async fn another_history_is_refused_while_live() {
    let mut world = World::new(2, 3, 13);
    let all = world.run(60);
    let whole = store(&world);
    append(whole.as_ref(), &all).await;
    let mut forked = World::new(2, 3, 13);
    let mut fork = forked.run(40);
    forked.draw(99);
    fork.extend(forked.run(60));
    for (commits, name) in [(&all[..30], "behind"), (&fork[..], "forked")] {
        let odd = Arc::new(Odd::new(whole.clone()));
        let settings = Settings { poll_every: Duration::from_millis(2), ..woken() };
        let runner =
            Runner::start_view(&Feed::new(odd.clone()), Memory::<Balances>::new(&world.identity), settings)
                .unwrap();
        runner.wait_for_all(&whole.heads().await.unwrap(), LIMIT).await.unwrap();
        let restored = store(&world);
        append(restored.as_ref(), commits).await;
        odd.exchange(restored);
        println!("{name}");
        lost(&runner).await;
    }
}

#[tokio::test]
async fn an_unavailable_store_is_asked_again_but_not_for_ever() {
    let mut world = World::new(2, 3, 14);
    let inner = store(&world);
    append(inner.as_ref(), &world.run(30)).await;
    let odd = Arc::new(Odd::new(inner.clone()));
    let settings = Settings { store_retries_max: 4, ..woken() };
    odd.failures.store(4, Ordering::SeqCst);
    let runner = Runner::start_view(
        &Feed::new(odd.clone()),
        Memory::<Balances>::new(&world.identity),
        settings.clone(),
    )
    .unwrap();
    runner.wait_for_all(&inner.heads().await.unwrap(), LIMIT).await.unwrap();
    drop(runner);
    odd.failures.store(1_000, Ordering::SeqCst);
    let runner =
        Runner::start_view(&Feed::new(odd.clone()), Memory::<Balances>::new(&world.identity), settings)
            .unwrap();
    let (_, reason) = over(&runner).await;
    assert!(matches!(reason, StopReason::Store(StoreError::Unavailable { .. })), "{reason}");
    assert!(odd.failures.load(Ordering::SeqCst) > 900, "a bound on retries");
}

#[tokio::test]
async fn damaged_bytes_stop_the_projection_at_once() {
    let mut world = World::new(1, 3, 15);
    let store = store(&world);
    append(store.as_ref(), &world.run(10)).await;
    store.damage(Shard(0), Position(5)).unwrap();
    let runner =
        Runner::start_view(&Feed::new(store), Memory::<Balances>::new(&world.identity), woken()).unwrap();
    let (_, reason) = over(&runner).await;
    assert!(matches!(reason, StopReason::Store(StoreError::Corrupted(_))), "{reason}");
}
