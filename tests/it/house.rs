//! Partitions of the house through the engine: the same durability, keys, replays, lanes and faults as players.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use casino_ledger::core::stored::{CommitBody, CreditKind, FxDirection, ProviderLine, PspLine, SeedMovement};
use casino_ledger::core::testing::commands as player_commands;
use casino_ledger::core::testing::generators::{HOUSES, HouseStep, house_histories};
use casino_ledger::core::testing::{TestHouse, house_commands as commands, invariants};
use casino_ledger::core::{
    AccountCode, ActorId, CurrencyRegistry, GrantCredit, HouseCommand, HouseId, HouseState, Partition,
    Rejection,
};
use casino_ledger::projections::trial_balance::{Detail, ReadTrialBalance, TrialBalance};
use casino_ledger::projections::{Feed, MemoryHome, Runner};
use casino_ledger::store::log::simulation::{Fault, Keep, SimulatedDisk};
use casino_ledger::store::log::{LogOptions, LogStore, Prepare};
use casino_ledger::store::{EventStore, Position, READ_COMMITS_MAX, Shard, ShardCount, StoreError};
use casino_ledger::{
    Clock, ExecuteError, HouseRequest, Lane, Ledger, RecordedOutcome, Settings, SystemClock, Verification,
};
use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::puppet::{Puppet, Trick};
use crate::support::{
    Hands, cash, code, eur, funded, identity, in_memory, memory, on, player, settings, soon, text, tuned,
    verified, win,
};

fn house(text: &str) -> HouseId {
    commands::house(text)
}

async fn send(ledger: &Ledger, of: &str, command: impl Into<HouseCommand>) -> String {
    text(&soon(ledger.execute_house(&house(of), command)).await)
}

async fn state(ledger: &Ledger, of: &str) -> HouseState {
    soon(ledger.house(&house(of))).await.unwrap().state
}

async fn commits_of(store: &dyn EventStore, of: &str) -> Vec<CommitBody> {
    let partition = Partition::House(house(of)).digest();
    let stored = store.read_partition(&partition, Position::ZERO, READ_COMMITS_MAX).await.unwrap();
    stored.iter().map(|commit| CommitBody::decode(&commit.body).unwrap()).collect()
}

#[tokio::test]
async fn a_command_to_the_house_is_applied_once_and_answered_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let settle =
        || commands::settle_psp("B1", &[(PspLine::Payments, "100"), (PspLine::ReserveHeld, "10")], "90");
    let (ledger, psp) = (soon(Ledger::open(dir.path(), settings())).await.unwrap(), house("psp/acme"));
    let first = soon(ledger.execute_house(&psp, settle())).await.unwrap();
    assert_eq!(first.entry.as_ref().unwrap().to_string(), "house/psp/acme:1");
    assert!(first.balances.is_empty() && !first.replayed);
    let again = soon(ledger.execute_house(&psp, settle())).await.unwrap();
    assert!(again.replayed);
    assert_eq!((again.position, again.hash, &again.entry), (first.position, first.hash, &first.entry));
    let other = commands::settle_psp("B1", &[(PspLine::Payments, "101")], "101");
    assert_eq!(send(&ledger, "psp/acme", other).await, "refused:key_reused");
    assert_eq!(
        send(&ledger, "psp/other", commands::return_item("R1", "D1")).await,
        "refused:payment_not_found"
    );
    assert_eq!(send(&ledger, "treasury", settle()).await, "refused:wrong_partition");
    let rejected = commands::settle_psp("B2", &[(PspLine::ReserveReleased, "11")], "11");
    assert_eq!(send(&ledger, "psp/acme", rejected).await, "rejected:exceeds_rest");
    let reading = soon(ledger.house(&psp)).await.unwrap();
    assert_eq!(reading.state.balance(AccountCode::PspReserve, eur()).unwrap().to_string(), "10.00");
    assert!(reading.position > first.position);
    let key = HouseCommand::from(settle()).key(&psp).unwrap();
    assert!(matches!(
        soon(ledger.house_outcome(&psp, &key)).await.unwrap(),
        RecordedOutcome::Accepted(receipt) if receipt.replayed && receipt.hash == first.hash
    ));
    let absent = soon(ledger.house_outcome(&house("psp/other"), &key)).await.unwrap();
    assert!(matches!(absent, RecordedOutcome::Absent { .. }));
    soon(ledger.close()).await.unwrap();
    // And after the ledger was opened again.
    let ledger = soon(Ledger::open(dir.path(), settings())).await.unwrap();
    assert_eq!(send(&ledger, "psp/acme", settle()).await, "replayed:applied");
    assert_eq!(state(&ledger, "psp/acme").await, reading.state);
    let verification = verified(ledger.store().as_ref()).await;
    assert_eq!((verification.players, verification.houses, verification.entries), (0, 2, 1));
    soon(ledger.close()).await.unwrap();
}

#[tokio::test]
async fn the_first_use_of_a_currency_by_the_house_records_it() {
    let (ledger, store) = in_memory(ShardCount::DEFAULT).await;
    let exchange = commands::exchange_funds("X1", "110", "101");
    assert_eq!(send(&ledger, "treasury", exchange).await, "applied");
    let codes = ledger.currencies().iter().map(|currency| currency.code().to_string()).collect::<Vec<_>>();
    assert_eq!(codes, ["EUR", "USD"]);
    assert_eq!(state(&ledger, "currencies").await.currencies(), ledger.currencies().as_ref());
    let unknown = casino_ledger::core::BookFxResult {
        currency: "XXX".parse().unwrap(),
        ..commands::fx_result("G1", FxDirection::Gain, "1")
    };
    assert_eq!(send(&ledger, "treasury", unknown).await, "refused:currency_unknown");
    // The register is a partition as any other.
    assert_eq!(send(&ledger, "currencies", commands::register("JPY")).await, "applied");
    assert_eq!(send(&ledger, "currencies", commands::register("EUR")).await, "replayed:applied");
    assert_eq!(ledger.currencies().iter().count(), 3);
    assert_eq!(commits_of(store.as_ref(), "currencies").await.len(), 3);
    // And no player needs to wait for what is recorded.
    soon(ledger.execute(&player("p"), player_commands::open(&["EUR", "JPY"]))).await.unwrap();
    assert_eq!(commits_of(store.as_ref(), "currencies").await.len(), 3);
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn the_house_waits_in_the_cashiers_lane_unless_it_is_told_otherwise() {
    let store = memory(ShardCount::ONE);
    let puppet = Puppet::exclusive(store);
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.lane_capacity = [1, 2, 1])).await;
    assert_eq!(send(&ledger, "treasury", commands::cover("T0", "1")).await, "applied");
    puppet.strings.loads.hold();
    let loads = puppet.strings.load_calls.now();
    // Parked while their states are loaded, so that what follows waits in the lanes.
    let cold = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.house(&house("psp/cold")).await.unwrap() }
    });
    soon(puppet.strings.load_calls.above(loads)).await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let writing = tokio::spawn({
        let ledger = ledger.clone();
        async move { send(&ledger, "treasury", commands::cover("T1", "1")).await }
    });
    soon(puppet.strings.append_calls.above(calls)).await;
    puppet.strings.loads.open();
    puppet.strings.appends.open();
    assert_eq!(soon(writing).await.unwrap(), "applied");
    assert!(soon(cold).await.unwrap().state.is_new());
    let mut request = HouseRequest::new(house("treasury"), commands::cover("T2", "1"));
    request.lane = Some(Lane::Bulk);
    request.context = Some(casino_ledger::core::Context::of(ActorId::new("anna").unwrap()));
    soon(ledger.request_house(request)).await.unwrap();
    let last = commits_of(ledger.store().as_ref(), "treasury").await.pop().unwrap();
    assert_eq!(last.actor.as_str(), "anna");
    soon(ledger.close()).await.unwrap();
}

// Two engines on one store.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_the_house_is_applied_once_wherever_it_is_sent() {
    for shards in [ShardCount::ONE, ShardCount::DEFAULT] {
        let store = memory(shards);
        let (a, b) =
            (on(Arc::clone(&store) as _, settings()).await, on(Arc::clone(&store) as _, settings()).await);
        assert_eq!(send(&a, "provider/prov", commands::accrue_fees("F0", "100")).await, "applied");
        let mut tasks = Vec::new();
        for n in 0..120_usize {
            // More payments than there is owed; each is sent to both.
            let pay = commands::settle_provider(&format!("S{n}"), &[(ProviderLine::Fees, "1")], "-1");
            for ledger in [&a, &b] {
                let (ledger, pay) = (ledger.clone(), pay.clone());
                tasks.push((n, tokio::spawn(async move { send(&ledger, "provider/prov", pay).await })));
            }
        }
        let mut answers: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (n, task) in tasks {
            answers.entry(n).or_default().push(soon(task).await.unwrap());
        }
        let applied = answers.values().filter(|both| both.contains(&"applied".to_owned()));
        for both in applied.clone() {
            assert!(both.contains(&"replayed:applied".to_owned()), "{both:?}");
        }
        assert_eq!(applied.count(), 100);
        for ledger in [&a, &b] {
            let owed = state(ledger, "provider/prov").await.balance(AccountCode::ProviderFeesPayable, eur());
            assert_eq!(owed.unwrap().to_string(), "0.00");
        }
        assert_eq!(verified(store.as_ref()).await.entries, 101);
    }
}

// Faults.

#[tokio::test]
async fn a_write_that_fails_leaves_the_house_as_it_was() {
    let store = memory(ShardCount::ONE);
    let puppet = Puppet::exclusive(Arc::clone(&store) as _);
    let ledger = on(Arc::clone(&puppet) as _, settings()).await;
    assert_eq!(send(&ledger, "psp/acme", commands::capture_unknown("D1", "100")).await, "applied");
    puppet.trick(Trick::Fail(StoreError::Unavailable { reason: "for a moment".to_owned(), source: None }));
    let failed = soon(ledger.execute_house(&house("psp/acme"), commands::assign("A1", "D1", "p1"))).await;
    assert!(failed.as_ref().is_err_and(ExecuteError::is_retryable), "{failed:?}");
    assert!(state(&ledger, "psp/acme").await.items().all(|item| item.assignment().is_none()));
    assert_eq!(send(&ledger, "psp/acme", commands::assign("A1", "D1", "p1")).await, "applied");
    // A currency whose record failed is recorded by the next one who needs it.
    let yen = || casino_ledger::core::BookFxResult {
        currency: "JPY".parse().unwrap(),
        ..commands::fx_result("G1", FxDirection::Gain, "1")
    };
    puppet.trick(Trick::Fail(StoreError::Unavailable { reason: "for a moment".to_owned(), source: None }));
    assert!(soon(ledger.execute_house(&house("treasury"), yen())).await.is_err());
    assert!(ledger.currencies().get("JPY".parse().unwrap()).is_none());
    assert_eq!(send(&ledger, "treasury", yen()).await, "applied");
    puppet.trick(Trick::Panic);
    let unknown = soon(ledger.execute_house(&house("treasury"), commands::cover("T1", "1"))).await;
    let key = HouseCommand::from(commands::cover("T1", "1")).key(&house("treasury")).unwrap();
    assert!(
        matches!(&unknown, Err(ExecuteError::Indeterminate { key: asked }) if *asked == key),
        "{unknown:?}"
    );
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn a_damaged_partition_of_the_house_is_found() {
    let (ledger, store) = in_memory(ShardCount::ONE).await;
    let _ = funded(&ledger, "p", "100.00").await;
    assert_eq!(send(&ledger, "psp/acme", commands::capture_unknown("D1", "100")).await, "applied");
    assert_eq!(send(&ledger, "psp/acme", commands::return_item("R1", "D1")).await, "applied");
    let puppet = Puppet::new(Arc::clone(&store) as _);
    // Its second commit is kept back.
    let of = Partition::House(house("psp/acme"));
    let own = move |body: &[u8]| CommitBody::decode(body).unwrap().partition == of;
    puppet.lie(move |read| {
        let mut seen = 0;
        let mut lied = read;
        lied.retain(|commit| {
            seen += usize::from(own(&commit.body));
            !(own(&commit.body) && seen == 1)
        });
        lied
    });
    let other = on(Arc::clone(&puppet) as _, settings()).await;
    let reading = soon(other.house(&house("psp/acme"))).await;
    assert!(matches!(&reading, Err(ExecuteError::Store(StoreError::Corrupted(_)))), "{reading:?}");
    // The players of the shard go on.
    assert_eq!(cash(&other, &player("p")).await, "100.00");
}

// Suspense: two commits, and whatever happens between them.

/// Money of nobody known comes in, twice, and both items are assigned to a player.
async fn assigned(ledger: &Ledger) -> Result<(), ExecuteError> {
    let (psp, p) = (house("psp/psp"), player("p"));
    ledger.execute(&p, player_commands::open(&["EUR"])).await?;
    for (reference, amount, id) in [("D1", "100", "A1"), ("D2", "7.50", "A2")] {
        ledger.execute_house(&psp, commands::capture_unknown(reference, amount)).await?;
        ledger.execute_house(&psp, commands::assign(id, reference, "p")).await?;
    }
    Ok(())
}

fn suspense_of(verification: &Verification) -> String {
    let line = verification.trial_balance.iter().find(|line| line.account == AccountCode::Suspense);
    line.map_or("none".to_owned(), |line| line.credits.checked_sub(line.debits).unwrap().to_string())
}

#[tokio::test]
async fn what_the_house_assigned_is_carried_to_the_player_once() {
    let (ledger, store) = in_memory(ShardCount::DEFAULT).await;
    soon(assigned(&ledger)).await.unwrap();
    let before = verified(store.as_ref()).await;
    assert_eq!((suspense_of(&before).as_str(), before.breaks.len()), ("107.50", 0));
    let psp = house("psp/psp");
    let carried = soon(ledger.carry_assignments(&psp)).await.unwrap();
    let shown: Vec<_> = carried.iter().map(|c| c.outcome.as_ref().unwrap().to_string()).collect();
    assert_eq!(shown, ["p:1", "p:2"]);
    assert_eq!(cash(&ledger, &player("p")).await, "107.50");
    assert_eq!(state(&ledger, "psp/psp").await.open_items(), 0);
    assert!(soon(ledger.carry_assignments(&psp)).await.unwrap().is_empty());
    assert!(soon(ledger.carry_assignments(&house("treasury"))).await.unwrap().is_empty());
    let after = verified(store.as_ref()).await;
    assert_eq!((suspense_of(&after).as_str(), after.breaks.len()), ("0.00", 0));
}

#[tokio::test]
async fn an_assignment_that_the_player_cannot_take_waits_for_a_person() {
    let (ledger, store) = in_memory(ShardCount::ONE).await;
    let psp = house("psp/psp");
    let p = funded(&ledger, "p", "1.00").await;
    let dollars = casino_ledger::core::SuspendCapture {
        currency: "USD".parse().unwrap(),
        ..commands::capture_unknown("D1", "110")
    };
    for command in [
        HouseCommand::from(dollars),
        commands::assign("A1", "D1", "p").into(),
        commands::capture_unknown("D2", "5").into(),
        commands::assign("A2", "D2", "nobody").into(),
        commands::capture_unknown("D3", "9").into(),
        commands::assign("A3", "D3", "p").into(),
    ] {
        assert_eq!(send(&ledger, "psp/psp", command).await, "applied");
    }
    // One is called off meanwhile, the player's half first.
    let item = state(&ledger, "psp/psp").await.item(&player_commands::txn("D3")).unwrap().clone();
    let by = player_commands::person("anna");
    let (_, refusal) = item.refusal(&psp, by, commands::reason("not his")).unwrap();
    assert_eq!(text(&soon(ledger.execute(&p, refusal)).await), "applied");
    let carried = soon(ledger.carry_assignments(&psp)).await.unwrap();
    let shown: Vec<_> = carried.iter().map(|c| c.outcome.as_ref().unwrap_err().code()).collect();
    assert_eq!(shown, ["currency_mismatch", "player_unknown", "key_reused"]);
    // With a rate the first one lands, under the same key, and the next round confirms it.
    let item = state(&ledger, "psp/psp").await.item(&player_commands::txn("D1")).unwrap().clone();
    let (_, release) = item.release(&psp).unwrap();
    let now = casino_ledger::SystemClock::default().wall();
    let rate = player_commands::rate_at("EUR", "USD", "1.10", now);
    let release = casino_ledger::core::ReleaseSuspense { rate: Some(Box::new(rate)), ..release };
    assert_eq!(text(&soon(ledger.execute(&p, release)).await), "applied");
    assert_eq!(send(&ledger, "psp/psp", commands::cancel_assignment("C3", "D3", "A3")).await, "applied");
    let carried = soon(ledger.carry_assignments(&psp)).await.unwrap();
    assert_eq!(carried.len(), 2);
    assert_eq!(cash(&ledger, &p).await, "101.00");
    assert!(verified(store.as_ref()).await.breaks.is_empty());
    assert_eq!(state(&ledger, "psp/psp").await.open_items(), 2);
}

#[tokio::test]
async fn a_release_that_nobody_assigned_is_a_break() {
    let (ledger, store) = in_memory(ShardCount::DEFAULT).await;
    let (p, q) = (funded(&ledger, "p", "1.00").await, funded(&ledger, "q", "1.00").await);
    let release = |amount| player_commands::release_of_house("D1", amount);
    let breaks = async |what: &str| {
        let found = verified(store.as_ref()).await.breaks;
        assert!(found.iter().any(|found| found.contains(what)), "{what}: {found:?}");
        found.len()
    };
    soon(ledger.execute(&p, release("100"))).await.unwrap();
    assert_eq!(breaks("released to p").await, 1);
    for command in
        [HouseCommand::from(commands::capture_unknown("D1", "100")), commands::assign("A1", "D1", "q").into()]
    {
        assert_eq!(send(&ledger, "psp/psp", command).await, "applied");
    }
    assert_eq!(breaks("released to p").await, 1, "it is another's");
    soon(ledger.execute(&q, release("100.01"))).await.unwrap();
    assert_eq!(breaks("100.01 EUR of psp:D1 were released to q").await, 2, "another amount");
    assert_eq!(send(&ledger, "psp/psp", commands::capture_unknown("D2", "5")).await, "applied");
    assert_eq!(send(&ledger, "psp/psp", commands::assign("A2", "D2", "p")).await, "applied");
    assert_eq!(send(&ledger, "psp/psp", commands::confirm("L2", "D2", "A2")).await, "applied");
    assert_eq!(breaks("D2 of psp/psp is said to have landed").await, 3);
    // Both halves of one that is right.
    let (reference, third) = ("D3", player_commands::release_of_house("D3", "9"));
    assert_eq!(send(&ledger, "psp/psp", commands::capture_unknown(reference, "9")).await, "applied");
    assert_eq!(send(&ledger, "psp/psp", commands::assign("A3", reference, "p")).await, "applied");
    soon(ledger.execute(&p, third)).await.unwrap();
    assert_eq!(breaks("D2").await, 3);
    // Called off although it landed: then it was given away.
    assert_eq!(send(&ledger, "psp/psp", commands::cancel_assignment("C3", reference, "A3")).await, "applied");
    assert_eq!(breaks("of psp:D3 were released to p").await, 4);
    // Test money to a real player, by who says that it is real.
    assert_eq!(send(&ledger, "test/psp/psp", commands::capture_unknown("D4", "7")).await, "applied");
    assert_eq!(send(&ledger, "test/psp/psp", commands::assign("A4", "D4", "p")).await, "applied");
    let carried = soon(ledger.carry_assignments(&house("test/psp/psp"))).await.unwrap();
    assert_eq!(carried[0].outcome.as_ref().unwrap_err().code(), "mismatch");
    assert_eq!(breaks("D3").await, 4);
    soon(ledger.execute(&p, player_commands::release_of_house("D4", "7"))).await.unwrap();
    assert_eq!(breaks("of psp:D4 were released to p").await, 5);
}

fn open_log(disk: &SimulatedDisk) -> Option<Arc<LogStore>> {
    let options = LogOptions {
        segment_bytes: 16 << 10,
        prepare: Prepare::Inline,
        files: Arc::new(disk.clone()),
        ..LogOptions::default()
    };
    let shards = ShardCount::new(4).unwrap();
    match LogStore::open_or_create(Path::new("/ledger"), identity(shards), options) {
        Ok(store) => Some(Arc::new(store)),
        Err(_) if disk.is_dead() => None,
        Err(error) => panic!("{error}"),
    }
}

/// The whole flow, whatever of it was done before.
async fn flow(ledger: &Ledger) -> Result<(), ExecuteError> {
    assigned(ledger).await?;
    ledger.carry_assignments(&house("psp/psp")).await?;
    Ok(())
}

/// The power is cut at every call to the disk: wherever it was, the flow goes on where it stood, and the money is with
/// the player once.
#[tokio::test]
async fn a_crossing_from_suspense_survives_a_power_cut_anywhere() {
    let mut cuts = 0;
    for call in 1..=60 {
        for keep in [Keep::Nothing, Keep::Some(call), Keep::All] {
            let disk = SimulatedDisk::new();
            disk.arm(call, Fault::Death);
            if let Some(store) = open_log(&disk)
                && let Ok(ledger) = Ledger::with_store(store, settings()).await
            {
                drop(soon(flow(&ledger)).await);
                drop(soon(ledger.close()).await);
            }
            cuts += usize::from(disk.is_dead());
            let disk = disk.after_power_cut(keep);
            let store = open_log(&disk).expect("no fault is armed");
            let between = verified(store.as_ref()).await;
            assert!(between.breaks.is_empty(), "call {call}: {:?}", between.breaks);
            let ledger = on(Arc::clone(&store) as _, settings()).await;
            soon(flow(&ledger)).await.unwrap();
            assert_eq!(cash(&ledger, &player("p")).await, "107.50", "call {call}");
            let after = verified(store.as_ref()).await;
            // Register, opening, two captures, assignments, releases and confirmations.
            assert_eq!((after.commits, after.entries), (10, 4), "call {call}: nothing stands twice");
            assert_eq!(suspense_of(&after), "0.00");
            soon(ledger.close()).await.unwrap();
        }
    }
    assert!(cuts > 80, "only {cuts} cuts");
}

// Random histories.

struct Case {
    house: &'static str,
    history: Vec<HouseCommand>,
    texts: Vec<String>,
    naive: TestHouse,
}

/// Histories of all partitions, and what they come to by the naive engine.
fn cases(seed: u8, steps: usize) -> Vec<Case> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let draw = |house: &'static str| {
        let drawn = house_histories(house, steps).new_tree(&mut runner).unwrap().current();
        let commands = drawn.into_iter().filter_map(|step| match step {
            HouseStep::Command(command) => Some(*command),
            // The clock is that of all partitions, and stands still.
            HouseStep::Wait(_) => None,
        });
        let mut naive = TestHouse::new(house);
        // Tales make some longer; what is not sent is not expected.
        let history: Vec<HouseCommand> = commands.take(steps).collect();
        let texts = history.iter().map(|command| naive.execute(command).unwrap().outcome.text()).collect();
        Case { house, history, texts, naive }
    };
    HOUSES.into_iter().filter(|house| *house != "currencies").map(draw).collect()
}

fn like_the_naive(tune: impl FnOnce(&mut Settings)) -> Settings {
    tuned(|s| {
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

/// A ledger that knows the currencies of the histories.
async fn opened(store: Arc<dyn EventStore>, settings: Settings) -> Ledger {
    let ledger = on(store, settings).await;
    for code in ["EUR", "USD", "JPY"] {
        for _ in 0..100 {
            if soon(ledger.execute_house(&house("currencies"), commands::register(code))).await.is_ok() {
                break;
            }
        }
    }
    ledger
}

/// The store has of each partition what the naive engine has.
async fn compare(store: &dyn EventStore, cases: &[Case], same_times: bool) {
    for case in cases {
        let mut commits = commits_of(store, case.house).await;
        for (commit, expected) in commits.iter_mut().zip(case.naive.commits()) {
            commit.engine.clone_from(&expected.engine);
            commit.writer = None;
            // Publications of the case change the policy for all that follow them.
            commit.policy = expected.policy;
            if !same_times {
                commit.recorded_at = expected.recorded_at;
            }
        }
        for (at, (found, expected)) in commits.iter().zip(case.naive.commits()).enumerate() {
            if case.house == "configuration" && !same_times {
                continue;
            }
            assert_eq!(found, expected, "{} commit {at}", case.house);
        }
        assert_eq!(commits.len(), case.naive.commits().len(), "{}", case.house);
        if same_times {
            invariants::check_house(&house(case.house), &commits, case.naive.state()).unwrap();
        }
    }
    verified(store).await;
}

async fn one_by_one(ledger: &Ledger, cases: &[Case], from: usize, to: usize) {
    for step in from..to {
        for Case { house, history, texts, .. } in cases {
            let Some(command) = history.get(step) else { continue };
            assert_eq!(
                send(ledger, house, command.clone()).await,
                texts[step],
                "{house} step {step}: {command:?}"
            );
        }
    }
}

#[tokio::test]
async fn random_histories_of_the_house_come_to_the_same_on_every_store_and_with_any_shards() {
    for seed in 0..3 {
        let cases = cases(seed, 30);
        for shards in [ShardCount::ONE, ShardCount::DEFAULT] {
            let dir = tempfile::tempdir().unwrap();
            let options = LogOptions { segment_bytes: 1 << 20, ..LogOptions::default() };
            let log =
                LogStore::open_or_create(&dir.path().join("ledger"), identity(shards), options).unwrap();
            let stores: [Arc<dyn EventStore>; 2] = [memory(shards), Arc::new(log)];
            for store in stores {
                let ledger = opened(Arc::clone(&store), like_the_naive(|_| {})).await;
                one_by_one(&ledger, &cases, 0, 30).await;
                compare(store.as_ref(), &cases, true).await;
                soon(ledger.close()).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn tiny_caches_and_forced_reopens_change_nothing_of_the_house() {
    for seed in 10..14 {
        let cases = cases(seed, 40);
        let shards = if seed % 2 == 0 { ShardCount::ONE } else { ShardCount::DEFAULT };
        let mut store = memory(shards);
        for from in (0..40).step_by(10) {
            let ledger = opened(Arc::clone(&store) as _, like_the_naive(tiny)).await;
            one_by_one(&ledger, &cases, from, from + 10).await;
            soon(ledger.close()).await.unwrap();
            store = Arc::new(store.reopen().unwrap());
        }
        compare(store.as_ref(), &cases, true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_chaos_changes_nothing_for_houses_that_insist() {
    for seed in 20..26_u8 {
        let cases = cases(seed, 25);
        let shards = if seed % 2 == 0 { ShardCount::ONE } else { ShardCount::DEFAULT };
        let store = memory(shards);
        let shared = seed % 4 < 2;
        let puppets = if shared {
            vec![Puppet::new(Arc::clone(&store) as _), Puppet::new(Arc::clone(&store) as _)]
        } else {
            vec![Puppet::exclusive(Arc::clone(&store) as _)]
        };
        let mut ledgers = Vec::new();
        for puppet in &puppets {
            let tune = |settings: &mut Settings| {
                // Two engines whose clocks stand still would write the same bytes for one another's commits.
                settings.clock = Arc::new(SystemClock::default());
                settings.refresh = Duration::from_millis(20);
                if seed % 3 == 0 {
                    tiny(settings);
                }
            };
            ledgers.push(opened(Arc::clone(puppet) as _, like_the_naive(tune)).await);
            puppet.chaos(u64::from(seed));
        }
        let mut tasks = Vec::new();
        for (i, case) in cases.iter().enumerate().filter(|(_, case)| !hangs_on_time(case)) {
            let ledgers = ledgers.clone();
            let (of, history, texts) = (case.house, case.history.clone(), case.texts.clone());
            tasks.push(tokio::spawn(async move {
                for (step, command) in history.iter().enumerate() {
                    let ledger = &ledgers[(step * 5 + i) % ledgers.len()];
                    let answer = insist(ledger, of, command).await;
                    assert_eq!(answer, texts[step], "seed {seed} {of} step {step}: {command:?}");
                }
            }));
        }
        for task in tasks {
            soon(task).await.unwrap();
        }
        let without: Vec<Case> = cases.into_iter().filter(|case| !hangs_on_time(case)).collect();
        compare(store.as_ref(), &without, false).await;
    }
}

/// Whether what commands come to hangs on the time: documents are in force from then on, tournaments begin and end.
fn hangs_on_time(case: &Case) -> bool {
    case.house == "configuration" || case.house.starts_with("tournament/")
}

/// Sends a command until its outcome is known, as a host does.
async fn insist(ledger: &Ledger, of: &str, command: &HouseCommand) -> String {
    loop {
        match ledger.execute_house(&house(of), command.clone()).await {
            Err(error) if error.is_retryable() => {}
            Err(ExecuteError::Indeterminate { key }) => match ledger.house_outcome(&house(of), &key).await {
                Ok(RecordedOutcome::Accepted(receipt)) => {
                    return text(&Ok(*receipt)).replace("replayed:", "");
                }
                Ok(_) => {}
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            },
            answer => return text(&answer),
        }
    }
}

// Views.

/// Players and the house together: the trial balance of the view is that of verification, and both sides are equal.
#[tokio::test]
async fn the_trial_balance_counts_players_and_house_and_is_zero() {
    let (ledger, store) = in_memory(ShardCount::DEFAULT).await;
    for (i, id) in ["p", "q", "r"].iter().enumerate() {
        let p = funded(&ledger, id, "100.00").await;
        for n in 0..=i {
            let (bet, round) = (format!("T{n}"), format!("R{n}"));
            soon(ledger.execute(&p, crate::support::bet(&bet, &round, "10.00"))).await.unwrap();
        }
        soon(ledger.execute(&p, win("W0", "R0", "25.00", casino_ledger::core::Finality::Round)))
            .await
            .unwrap();
        let jackpot = GrantCredit {
            source: player_commands::source("prov"),
            ..player_commands::credit("K1", CreditKind::NetworkJackpot, "50")
        };
        soon(ledger.execute(&p, jackpot)).await.unwrap();
    }
    for case in cases(30, 40).iter().filter(|case| !["configuration", "psp/acme"].contains(&case.house)) {
        for command in &case.history {
            soon(ledger.execute_house(&house(case.house), command.clone())).await.ok();
        }
    }
    let lines = [(PspLine::Payments, "300"), (PspLine::Fees, "5"), (PspLine::ReserveHeld, "30")];
    for (of, command) in [
        ("psp/psp", HouseCommand::from(commands::settle_psp("B1", &lines, "265"))),
        ("psp/psp", commands::capture_unknown("D9", "40").into()),
        ("psp/psp", commands::assign("A9", "D9", "p").into()),
        ("jackpot/mega", commands::seed("Z1", SeedMovement::CostToPool, "1000").into()),
        ("provider/prov", commands::settle_provider("Z1", &[(ProviderLine::Jackpots, "150")], "150").into()),
    ] {
        assert_eq!(send(&ledger, of, command).await, "applied");
    }
    soon(ledger.carry_assignments(&house("psp/psp"))).await.unwrap();
    soon(ledger.close()).await.unwrap();
    let verification = verified(store.as_ref()).await;
    // Those histories confirm what no player has.
    assert!(
        verification.breaks.iter().all(|found| found.contains("test/psp/acme")),
        "{:?}",
        verification.breaks
    );
    let home = MemoryHome::<TrialBalance>::new(store.identity());
    let reader = home.reader();
    let feed = Feed::new(Arc::clone(&store) as _);
    let runner = Runner::start(&feed, home, casino_ledger::projections::Settings::default()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), Duration::from_secs(15)).await.unwrap();
    let rows = reader.rows(Detail::Account).await.unwrap().value;
    let shown: BTreeMap<String, (String, String)> = rows
        .iter()
        .map(|row| (row.account.to_string(), (row.debits.to_string(), row.credits.to_string())))
        .collect();
    assert_eq!(rows.len(), verification.trial_balance.len());
    for line in &verification.trial_balance {
        let account = casino_ledger::core::Account {
            kind: line.kind,
            code: line.account,
            of: None,
            currency: line.currency,
        };
        let expected = (line.debits.to_string(), line.credits.to_string());
        let found = &shown[&account.to_string()];
        let plain = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
        assert_eq!((plain(&found.0), plain(&found.1)), (plain(&expected.0), plain(&expected.1)), "{account}");
    }
    assert!(!reader.totals().await.unwrap().value.is_empty(), "debits equal credits in each book");
    let clearing = rows.iter().find(|row| {
        row.account.code == AccountCode::PspClearing
            && row.account.currency == eur()
            && row.account.kind == casino_ledger::core::AccountKind::Real
    });
    assert!(clearing.is_some());
}

#[tokio::test]
async fn verification_finds_a_commit_of_the_house_that_touches_a_player() {
    let (ledger, store) = in_memory(ShardCount::ONE).await;
    assert_eq!(send(&ledger, "psp/acme", commands::capture_unknown("D1", "100")).await, "applied");
    let commits = store.read(Shard(0), Position(1), 100).await.unwrap();
    let body = std::str::from_utf8(&commits.last().unwrap().body).unwrap();
    let forged = body.replace("suspense:unmatched_psp\",\"of\":\"acme\"", "player:cash\"");
    assert_ne!(forged, body);
    let body = CommitBody::decode(forged.as_bytes()).unwrap();
    let mut honest = HouseState::new(house("psp/acme"));
    assert!(honest.evolve_commit(&body).unwrap_err().to_string().contains("touches player:cash"));
    let unknown: Result<_, ExecuteError> =
        soon(ledger.execute_house(&house("nonsense"), commands::register("EUR"))).await;
    assert_eq!(code(&unknown), "wrong_partition");
    assert!(matches!(unknown.unwrap_err().rejection(), Some(Rejection::WrongPartition)));
    assert!(CurrencyRegistry::standard().get(eur()).is_some());
}
