//! Random histories through the engine, compared with the naive ledger and the model of the core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use casino_ledger::core::stored::{CommitBody, Event, EventRecord};
use casino_ledger::core::testing::generators::{histories, policies};
use casino_ledger::core::testing::invariants;
use casino_ledger::core::testing::{Model, TestLedger};
use casino_ledger::core::{
    Account, ActorId, Amount, CurrencyRegistry, Partition, PlayerCommand, PlayerId, Policy, Rejection,
};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{EventStore, MemoryStore, Position, READ_COMMITS_MAX, ShardCount};
use casino_ledger::{Clock, ExecuteError, Ledger, RecordedOutcome, Settings};
use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::puppet::Puppet;
use crate::support::{Hands, Ticks, identity, in_play, on, player, soon, text, tuned, verified};

/// Those the histories name: the naive ledger knows them from the start, so the engine must too.
const CURRENCIES: &[&str] = &["EUR", "USD", "GBP", "JPY"];

/// A player, what he does, and what it must come to.
struct Expected {
    player: PlayerId,
    history: Vec<PlayerCommand>,
    texts: Vec<String>,
    commits: Vec<CommitBody>,
}

pub(crate) struct Case {
    policy: Policy,
    players: Vec<Expected>,
}

/// Draws a case and has the naive ledger and the model, which must agree, say what it comes to.
pub(crate) fn case(seed: u8, players: usize, steps: usize) -> Case {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut policy = policies().new_tree(&mut runner).unwrap().current();
    // Some engines have clocks of their own: no quote, deposit or withdrawal is too old for any of them.
    policy.fx.max_age_secs = u32::MAX;
    policy.deposits.intent_ttl_secs = u32::MAX;
    policy.withdrawals.kyc_max_age_secs = u32::MAX;
    policy.withdrawals.ttl_secs = u32::MAX;
    // Nor is a session, a round or the time between two.
    policy.default_jurisdiction.round_interval_ms = 0;
    for rule in &mut policy.default_jurisdiction.controls.registers {
        rule.max_age_secs = u32::MAX;
    }
    for source in policy.sources.values_mut().chain([&mut policy.default]) {
        source.sessions.ttl_secs = None;
        if let Some(time_out) = &mut source.round_time_out {
            time_out.after_secs = 0;
        }
    }
    let registry = CurrencyRegistry::standard();
    let players = (0..players).map(|i| {
        let player = player(&format!("player-{i}"));
        let history = histories(steps).new_tree(&mut runner).unwrap().current();
        let mut naive = TestLedger::new(player.clone(), policy.clone());
        let mut known = CurrencyRegistry::default();
        for code in CURRENCIES {
            let currency = *registry.get(code.parse().unwrap()).unwrap();
            naive.register(currency).unwrap();
            known.insert(currency);
        }
        let mut model = Model::new(player.as_str(), policy.clone(), known);
        let texts = history.iter().map(|command| {
            model.set_now(naive.now());
            let text = naive.execute(command).unwrap().outcome.text();
            assert_eq!(text, model.execute(command), "{command:?}");
            text
        });
        let texts = texts.collect();
        assert_eq!(naive.account_texts(), model.account_texts());
        Expected { player, history, texts, commits: naive.commits().to_vec() }
    });
    let players = players.collect();
    Case { policy, players }
}

/// The settings under which the engine writes what the naive ledger writes.
pub(crate) fn like_the_naive(case: &Case, tune: impl FnOnce(&mut Settings)) -> Settings {
    tuned(|s| {
        s.policy = case.policy.clone();
        s.actor = ActorId::new("test").unwrap();
        let clock: Arc<dyn Clock> = Hands::new();
        s.clock = clock;
        tune(s);
    })
}

fn tiny(settings: &mut Settings) {
    settings.cache_bytes = 1_500;
    settings.snapshot_every = 2;
    settings.batch_commands_max = 5;
}

async fn commits_of(store: &dyn EventStore, player: &PlayerId) -> Vec<CommitBody> {
    let partition = Partition::Player(player.clone()).digest();
    let stored = store.read_partition(&partition, Position::ZERO, READ_COMMITS_MAX).await.unwrap();
    stored.iter().map(|commit| CommitBody::decode(&commit.body).unwrap()).collect()
}

fn accounts(commits: &[CommitBody]) -> BTreeMap<Account, Amount> {
    invariants::balances(&invariants::journal(commits)).unwrap()
}

#[derive(Clone, Copy, PartialEq)]
enum Times {
    Equal,
    Differ,
}

/// The store has of each player what the naive ledger has: the same commits but for the name of the build.
pub(crate) async fn compare(store: &dyn EventStore, case: &Case) {
    compare_with(store, case, Times::Equal).await;
}

async fn compare_with(store: &dyn EventStore, case: &Case, times: Times) {
    for expected in &case.players {
        let mut commits = commits_of(store, &expected.player).await;
        for (commit, expected) in commits.iter_mut().zip(&expected.commits) {
            commit.engine.clone_from(&expected.engine);
            commit.writer = None;
            if times == Times::Differ {
                commit.recorded_at = expected.recorded_at;
                same_times(&mut commit.events, &expected.events);
            }
        }
        for (i, (found, expected)) in commits.iter().zip(&expected.commits).enumerate() {
            assert_eq!(found, expected, "commit {i}");
        }
        assert_eq!(commits.len(), expected.commits.len(), "{}", expected.player);
        assert_eq!(accounts(&commits), accounts(&expected.commits));
        let state = invariants::replay(&expected.player, &commits).unwrap();
        invariants::check_all(&expected.player, &commits, &state).unwrap();
    }
    verified(store).await;
}

/// Gives rounds that were reopened the times they are expected to have.
fn same_times(events: &mut [EventRecord], expected: &[EventRecord]) {
    for (found, expected) in events.iter_mut().zip(expected) {
        if let (Event::RoundReopened(found), Event::RoundReopened(expected)) =
            (&mut found.event, &expected.event)
        {
            found.round.opened_at = expected.round.opened_at;
            found.round.last_at = expected.round.last_at;
        }
        // What follows from the instant of the commit is another where that is.
        match (&mut found.event, &expected.event) {
            (Event::LimitSet(found), Event::LimitSet(expected)) => found.bounds = expected.bounds,
            (Event::LimitRaiseRequested(found), Event::LimitRaiseRequested(expected)) => {
                found.due_at = expected.due_at;
            }
            (Event::PlayTimeLimitSet(found), Event::PlayTimeLimitSet(expected)) => {
                found.bounds = expected.bounds;
            }
            (Event::PlayTimeRaiseRequested(found), Event::PlayTimeRaiseRequested(expected)) => {
                found.due_at = expected.due_at;
            }
            (Event::SessionLimitRaiseRequested(found), Event::SessionLimitRaiseRequested(expected)) => {
                found.due_at = expected.due_at;
            }
            (Event::TxnRejected(found), Event::TxnRejected(expected)) => {
                let (found, expected) = (&mut found.rejection, &expected.rejection);
                if let Rejection::PlayerExcluded { register: Some(found), .. } = found
                    && let Rejection::PlayerExcluded { register: Some(expected), .. } = expected
                {
                    found.asked_at = expected.asked_at;
                }
            }
            (Event::RegisterAnswered(found), Event::RegisterAnswered(expected)) => {
                for (found, expected) in found.answers.iter_mut().zip(&expected.answers) {
                    found.asked_at = expected.asked_at;
                }
            }
            (Event::LimitWindowsOpened(found), Event::LimitWindowsOpened(expected)) => {
                found.clone_from(expected);
            }
            (Event::PlayTimeWindowsOpened(found), Event::PlayTimeWindowsOpened(expected)) => {
                found.clone_from(expected);
            }
            (Event::ExclusionReturnRequested(found), Event::ExclusionReturnRequested(expected)) => {
                found.returns_at = expected.returns_at;
            }
            (Event::BonusIssued(found), Event::BonusIssued(expected)) => {
                found.expires_at = expected.expires_at;
            }
            (Event::BonusActivated(found), Event::BonusActivated(expected)) => {
                found.expires_at = expected.expires_at;
            }
            _ => {}
        }
        if let (Event::WithdrawalSplitOff(found), Event::WithdrawalSplitOff(expected)) =
            (&mut found.event, &expected.event)
        {
            found.requested_at = expected.requested_at;
        }
    }
}

/// One after the other.
pub(crate) async fn one_by_one(ledger: &Ledger, case: &Case, from: usize, to: usize) {
    for step in from..to {
        for Expected { player, history, texts, .. } in &case.players {
            let Some(command) = history.get(step) else { continue };
            let answer = soon(ledger.request(in_play(player, command.clone()))).await;
            assert_eq!(text(&answer), texts[step], "{player} step {step}: {command:?}");
        }
    }
}

/// All players at once, each with several commands in flight.
async fn in_flight(ledger: &Ledger, case: &Case, at_once: usize) {
    let mut tasks = Vec::new();
    for Expected { player, history, texts, .. } in &case.players {
        let (ledger, player, history, texts) =
            (ledger.clone(), player.clone(), history.clone(), texts.clone());
        tasks.push(tokio::spawn(async move {
            for (chunk, texts) in history.chunks(at_once).zip(texts.chunks(at_once)) {
                let requests = chunk.iter().map(|command| in_play(&player, command.clone())).collect();
                let answers: Vec<_> = ledger.execute_all(requests).await.iter().map(text).collect();
                assert_eq!(answers, texts, "{player}: {chunk:?}");
            }
        }));
    }
    for task in tasks {
        soon(task).await.unwrap();
    }
}

/// A ledger that knows the currencies of the histories: a player of no history is opened with all of them.
pub(crate) async fn opened(store: Arc<dyn EventStore>, settings: Settings) -> Ledger {
    let ledger = on(store, settings).await;
    for _ in 0..100 {
        let open = casino_ledger::core::testing::commands::open(CURRENCIES);
        if soon(ledger.request(in_play(&player("opener"), PlayerCommand::from(open)))).await.is_ok() {
            break;
        }
    }
    ledger
}

pub(crate) fn longest(case: &Case) -> usize {
    case.players.iter().map(|expected| expected.history.len()).max().unwrap_or(0)
}

fn new_memory(shards: ShardCount) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(identity(shards)))
}

fn on_disk(dir: &tempfile::TempDir, shards: ShardCount) -> Arc<LogStore> {
    let options = LogOptions { segment_bytes: 1 << 20, ..LogOptions::default() };
    Arc::new(LogStore::open_or_create(&dir.path().join("ledger"), identity(shards), options).unwrap())
}

#[tokio::test]
async fn outcomes_and_bodies_depend_neither_on_shards_nor_on_the_store() {
    for seed in 0..6 {
        let case = case(seed, 3, 30);
        for shards in [ShardCount::ONE, ShardCount::DEFAULT] {
            let dir = tempfile::tempdir().unwrap();
            let stores: [Arc<dyn EventStore>; 2] = [new_memory(shards), on_disk(&dir, shards)];
            for store in stores {
                let ledger = opened(Arc::clone(&store), like_the_naive(&case, |_| {})).await;
                one_by_one(&ledger, &case, 0, longest(&case)).await;
                compare(store.as_ref(), &case).await;
                soon(ledger.close()).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn tiny_caches_and_forced_reopens_change_nothing() {
    for seed in 10..20 {
        let case = case(seed, 4, 40);
        let shards = if seed % 2 == 0 { ShardCount::ONE } else { ShardCount::DEFAULT };
        let mut memory = new_memory(shards);
        let dir = tempfile::tempdir().unwrap();
        let steps = longest(&case);
        for from in (0..steps).step_by(15) {
            let to = (from + 15).min(steps);
            let ledger = opened(Arc::clone(&memory) as _, like_the_naive(&case, tiny)).await;
            one_by_one(&ledger, &case, from, to).await;
            soon(ledger.close()).await.unwrap();
            memory = Arc::new(memory.reopen().unwrap());
            if seed < 13 {
                let ledger = opened(on_disk(&dir, shards), like_the_naive(&case, tiny)).await;
                one_by_one(&ledger, &case, from, to).await;
                soon(ledger.close()).await.unwrap();
            }
        }
        compare(memory.as_ref(), &case).await;
        if seed < 13 {
            compare(on_disk(&dir, shards).as_ref(), &case).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_players_with_many_commands_in_flight_come_to_the_same_as_one_by_one() {
    for seed in 20..44_u8 {
        let case = case(seed, 12, 60);
        let shards = if seed % 2 == 0 { ShardCount::ONE } else { ShardCount::DEFAULT };
        let at_once = [2, 5, 13, 61][usize::from(seed) % 4];
        let tune = |settings: &mut Settings| {
            if seed % 3 == 0 {
                tiny(settings);
            }
            settings.batch_commands_max = [1, 3, 8, 2_048][usize::from(seed / 4) % 4];
        };
        let memory = new_memory(shards);
        let ledger = opened(Arc::clone(&memory) as _, like_the_naive(&case, tune)).await;
        in_flight(&ledger, &case, at_once).await;
        compare(memory.as_ref(), &case).await;
        soon(ledger.close()).await.unwrap();
        if seed % 4 == 0 {
            let dir = tempfile::tempdir().unwrap();
            let log = on_disk(&dir, shards);
            let ledger = opened(Arc::clone(&log) as _, like_the_naive(&case, tune)).await;
            in_flight(&ledger, &case, at_once).await;
            compare(log.as_ref(), &case).await;
            soon(ledger.close()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_engines_that_share_the_players_come_to_the_same_as_one() {
    for seed in 50..58_u8 {
        let case = case(seed, 6, 40);
        let shards = if seed % 2 == 0 { ShardCount::ONE } else { ShardCount::DEFAULT };
        let store = new_memory(shards);
        // With both clocks standing still two commits can be the same, byte for byte, and land as one (C08).
        let clock: Arc<dyn Clock> = Ticks::new();
        let ticking = |settings: &mut Settings| settings.clock = Arc::clone(&clock);
        let a = opened(Arc::clone(&store) as _, like_the_naive(&case, ticking)).await;
        let b = opened(
            Arc::clone(&store) as _,
            like_the_naive(&case, |s| {
                ticking(s);
                tiny(s);
            }),
        )
        .await;
        let mut tasks = Vec::new();
        for (i, Expected { player, history, texts, .. }) in case.players.iter().enumerate() {
            let (a, b) = (a.clone(), b.clone());
            let (player, history, texts) = (player.clone(), history.clone(), texts.clone());
            tasks.push(tokio::spawn(async move {
                // Each command of a player goes to the one or the other; the players run side by side.
                for (step, command) in history.into_iter().enumerate() {
                    let ledger = if (step * 7 + i) % 3 == 0 { &a } else { &b };
                    let answer = ledger.request(in_play(&player, command)).await;
                    assert_eq!(text(&answer), texts[step], "{player} step {step}");
                }
            }));
        }
        for task in tasks {
            soon(task).await.unwrap();
        }
        compare_with(store.as_ref(), &case, Times::Differ).await;
    }
}

/// Sends a command until its outcome is known, as a host does.
pub(crate) async fn insist(ledger: &Ledger, player: &PlayerId, command: &PlayerCommand) -> String {
    loop {
        let answer = ledger.request(in_play(player, command.clone())).await;
        match answer {
            Err(error) if error.is_retryable() => tokio::time::sleep(Duration::from_millis(1)).await,
            // Whoever does not know asks; what is recorded is answered as a replay.
            Err(ExecuteError::Indeterminate { key }) => match ledger.outcome(player, &key).await {
                Ok(RecordedOutcome::Accepted(receipt)) => {
                    return text(&Ok(*receipt)).replace("replayed:", "");
                }
                Ok(RecordedOutcome::Refused(refusal)) => {
                    return format!("rejected:{}", refusal.rejection.code());
                }
                Ok(_) => {}
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            },
            answer => return text(&answer),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_chaos_changes_nothing_for_those_who_insist() {
    for seed in 60..76_u8 {
        let case = case(seed, 6, 30);
        let shards = if seed % 2 == 0 { ShardCount::ONE } else { ShardCount::DEFAULT };
        let store = new_memory(shards);
        let clock: Arc<dyn Clock> = Ticks::new();
        let ticking = |settings: &mut Settings| settings.clock = Arc::clone(&clock);
        let shared = seed % 4 < 2;
        let puppets = if shared {
            vec![Puppet::new(Arc::clone(&store) as _), Puppet::new(Arc::clone(&store) as _)]
        } else {
            vec![Puppet::exclusive(Arc::clone(&store) as _)]
        };
        let mut ledgers = Vec::new();
        for puppet in &puppets {
            let tune = |settings: &mut Settings| {
                ticking(settings);
                if seed % 3 == 0 {
                    tiny(settings);
                }
            };
            ledgers.push(opened(Arc::clone(puppet) as _, like_the_naive(&case, tune)).await);
            puppet.chaos(u64::from(seed));
        }
        let mut tasks = Vec::new();
        for (i, Expected { player, history, texts, .. }) in case.players.iter().enumerate() {
            let (ledgers, player) = (ledgers.clone(), player.clone());
            let (history, texts) = (history.clone(), texts.clone());
            tasks.push(tokio::spawn(async move {
                for (step, command) in history.iter().enumerate() {
                    let answer = insist(&ledgers[(step * 5 + i) % ledgers.len()], &player, command).await;
                    assert_eq!(answer, texts[step], "seed {seed} {player} step {step}: {command:?}");
                }
            }));
        }
        for task in tasks {
            soon(task).await.unwrap();
        }
        compare_with(store.as_ref(), &case, Times::Differ).await;
    }
}
