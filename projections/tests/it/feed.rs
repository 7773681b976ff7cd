//! One decode for all who follow: shared, bounded, and nobody held up by another.

use std::time::Duration;

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Feed, FeedSettings, Memory, Runner, Settings};
use ledger_store::EventStore;

use crate::gate::{Pass, gated};
use crate::history::{World, append, decoded};
use crate::naive::{check_balances, check_rounds, check_trial_balance};
use crate::runner::{LIMIT, store, woken};

#[tokio::test]
async fn three_views_share_one_decode() {
    let mut world = World::new(8, 6, 61);
    let store = store(&world);
    let mut all = world.run(700);
    append(store.as_ref(), &all).await;
    let feed = Feed::new(store.clone());
    let (balances, trial, rounds) = (
        Memory::<Balances>::new(&world.identity),
        Memory::<TrialBalance>::new(&world.identity),
        Memory::<Rounds>::new(&world.identity),
    );
    let readers = (balances.reader(), trial.reader(), rounds.reader());
    let small = Settings { batch_commits_max: 50, ..woken() };
    let runners = [
        Runner::start_view(&feed, balances, small.clone()).unwrap(),
        Runner::start_view(&feed, trial, small).unwrap(),
        Runner::start_view(&feed, rounds, woken()).unwrap(),
    ];
    for _ in 0..10 {
        let heads = store.heads().await.unwrap();
        for runner in &runners {
            runner.wait_for_all(&heads, LIMIT).await.unwrap();
        }
        let more = world.run(20);
        append(store.as_ref(), &more).await;
        all.extend(more);
    }
    for runner in &runners {
        runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    }
    let stats = feed.stats();
    let commits = u64::try_from(all.len()).unwrap();
    assert_eq!(stats.decoded, commits, "each commit once, in catching up and live");
    assert!(stats.given >= 3 * commits, "{stats:?}");
    let commits = decoded(&all);
    check_balances(&readers.0, &world, &commits);
    check_trial_balance(&readers.1, &commits);
    check_rounds(&readers.2, &commits);
}

#[tokio::test]
async fn a_slow_view_holds_nobody_up_and_reads_by_itself() {
    let mut world = World::new(4, 6, 62);
    let store = store(&world);
    let all = world.run(3_000);
    append(store.as_ref(), &all).await;
    let heads = store.heads().await.unwrap();
    let bytes: usize = all.iter().map(|(_, commit)| commit.body.len()).sum();
    let feed = Feed::with_settings(store.clone(), FeedSettings { bytes_max: bytes / 10, decoders: 2 });
    let settings = Settings { batch_commits_max: 300, ..woken() };
    let slow = Memory::<Balances>::new(&world.identity);
    let reader = slow.reader();
    let (slow, mut batches) = gated(slow);
    let slow = Runner::start_view(&feed, slow, settings.clone()).unwrap();
    let (_, gate) = batches.recv().await.unwrap();
    let fast = Memory::<TrialBalance>::new(&world.identity);
    let fast_reader = fast.reader();
    let fast = Runner::start_view(&feed, fast, settings).unwrap();
    fast.wait_for_all(&heads, LIMIT).await.unwrap();
    assert!(slow.progress().checkpoint.commits() == 0, "it is still at its first batch");
    // It goes on alone: what was decoded for the other is gone.
    let before = feed.stats().decoded;
    assert!(gate.send(Pass::Through).is_ok());
    drop(batches);
    slow.wait_for_all(&heads, LIMIT).await.unwrap();
    assert!(feed.stats().decoded > before + 1_000, "{} after {before}", feed.stats().decoded);
    let commits = decoded(&all);
    check_balances(&reader, &world, &commits);
    check_trial_balance(&fast_reader, &commits);
}

/// Whatever is kept, whoever reads what, the answer is the log's.
#[tokio::test]
async fn without_room_everything_is_read_from_the_store() {
    let mut world = World::new(2, 5, 63);
    let store = store(&world);
    let all = world.run(900);
    append(store.as_ref(), &all).await;
    for (bytes_max, decoders) in [(0, 1), (1, 3), (20_000, 2)] {
        let feed = Feed::with_settings(store.clone(), FeedSettings { bytes_max, decoders });
        let view = Memory::<Rounds>::new(&world.identity);
        let reader = view.reader();
        let settings = Settings { batch_commits_max: 70, ..woken() };
        let runner = Runner::start_view(&feed, view, settings).unwrap();
        runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
        check_rounds(&reader, &decoded(&all));
    }
}

/// The feed keeps what a store had. When the store has another history, nobody is fed the old one on its new heads.
#[tokio::test]
async fn another_history_is_not_mixed_with_what_is_kept() {
    let mut world = World::new(1, 3, 64);
    let all = world.run(120);
    let whole = store(&world);
    append(whole.as_ref(), &all[..100]).await;
    let mut forked = World::new(1, 3, 64);
    let mut fork = forked.run(100);
    forked.draw(99);
    fork.truncate(80);
    let odd = std::sync::Arc::new(crate::stores::Odd::new(whole.clone()));
    let feed = Feed::new(odd.clone());
    let settings = Settings { poll_every: Duration::from_millis(2), ..woken() };
    let first = Memory::<Balances>::new(&world.identity);
    let first = Runner::start_view(&feed, first, settings.clone()).unwrap();
    first.wait_for_all(&whole.heads().await.unwrap(), LIMIT).await.unwrap();
    // 100 commits are kept. Another history: equal up to 80, then others.
    let mut other = World::new(1, 3, 64);
    let mut theirs = other.run(80);
    other.draw(99);
    theirs.extend(other.run(60));
    let restored = store(&world);
    append(restored.as_ref(), &theirs).await;
    odd.exchange(restored.clone());
    let second = Memory::<Balances>::new(&world.identity);
    let reader = second.reader();
    let second = Runner::start_view(&feed, second, settings).unwrap();
    // It may be given what was kept; then it sees that the log has another hash, and stops. It never shows a mixture.
    let _ = second.wait_until_over(Duration::from_secs(2)).await;
    let progress = second.progress();
    if progress.checkpoint.commits() == 140 {
        check_balances(&reader, &other, &decoded(&theirs));
    } else {
        let (_, reason) = crate::runner::over(&second).await;
        assert!(reason.to_string().contains("lost history"), "{reason}");
        // Begun anew, it reads the history that is there.
        let third = Memory::<Balances>::new(&world.identity);
        let reader = third.reader();
        let third = Runner::start_view(&feed, third, woken()).unwrap();
        let caught_up = third.wait_for_all(&restored.heads().await.unwrap(), Duration::from_secs(5)).await;
        caught_up.expect("the feed reads what is there");
        check_balances(&reader, &other, &decoded(&theirs));
    }
}
