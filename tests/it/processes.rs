//! The runner of processes: once in effect, retries, what is stuck, rebuilding, two of one name, another history.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::Ledger;
use casino_ledger::core::stored::{CreditKind, Event};
use casino_ledger::core::testing::commands;
use casino_ledger::core::{ActorId, GrantCredit, OpenPlayer, Partition, PlayerId, Policy, Reason, Timestamp};
use casino_ledger::process::{
    Call, EffectError, Effects, FileProcesses, Input, ManagerName, MemoryProcesses, NoEffects, OrderError,
    ProcessId, ProcessManager, ProcessSettings, ProcessStop, ProcessStore, Turn, Wants, step,
};
use casino_ledger::projections::Occurrence;
use casino_ledger::store::{EventStore, ShardCount};
use serde::{Deserialize, Serialize};

use crate::process_kit::{Death, MortalEffects, Running, World, accounts, dies_at_every_step, drive, quick};
use crate::puppet::{Puppet, Trick};
use crate::support::{cash, deposit, funded, memory, on, player, soon, tuned};

/// Gives a player a gift for each deposit; a deposit of more than 1,000 asks a person first.
struct Gifts {
    name: ManagerName,
    version: u32,
}

impl Gifts {
    fn new() -> Self {
        Self { name: ManagerName::new("gifts").unwrap(), version: 1 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Gift {
    player: PlayerId,
    asks: bool,
    is_allowed: bool,
    is_left_out: bool,
}

impl ProcessManager for Gifts {
    type State = Gift;
    type Effect = ();
    type Answer = ();
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let (Some(record), Partition::Player(player)) = (event.record(), &event.commit().body.partition)
        else {
            return;
        };
        match &record.event {
            Event::DepositSucceeded(_) => {
                processes.extend(ProcessId::new(&record.stream.to_string()));
            }
            // Its id tells whose it is.
            Event::CreditGranted(credit) => {
                let of = credit.credit.id.as_str().split_once('#').map_or("", |(of, _)| of);
                let _ = player;
                processes.extend(ProcessId::new(of));
            }
            _ => {}
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<Gift>,
        input: Input<'_, (), Infallible>,
        _: &mut Turn<Infallible>,
    ) {
        match input {
            Input::Event(event) => {
                match (event.record().map(|record| &record.event), &event.commit().body.partition) {
                    (Some(Event::DepositSucceeded(deposit)), Partition::Player(player)) => {
                        let asks = deposit.amount.to_decimal() > commands::decimal("1000");
                        let (is_allowed, is_left_out) = (!asks, false);
                        *state = Some(Gift { player: player.clone(), asks, is_allowed, is_left_out });
                    }
                    (Some(Event::CreditGranted(_)), _) => *state = None,
                    _ => {}
                }
            }
            Input::Answered { .. } => {
                if let Some(gift) = state {
                    gift.is_allowed = true;
                }
            }
            Input::Skipped { .. } => *state = None,
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, gift: &Gift, _: &Policy, wants: &mut Wants<()>) {
        if gift.is_allowed {
            wants.player("give", &gift.player, |key| GrantCredit {
                source: key.source,
                id: key.id,
                ..commands::credit("x", CreditKind::ProviderPromo, "1.00")
            });
        } else {
            wants.effect(&step(&["ask"]), ());
        }
    }
}

/// Somebody who is asked, and says nothing so many times.
#[derive(Default)]
struct Person {
    silent: usize,
    refuses: bool,
    asked: AtomicUsize,
}

#[async_trait]
impl Effects<Gifts> for Person {
    async fn perform(&self, _: Call<'_, ()>) -> Result<(), EffectError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if self.refuses && asked < self.silent {
            return Err(EffectError::Never("he is on holiday".to_owned()));
        }
        if asked < self.silent { Err(EffectError::Again("he does not answer".to_owned())) } else { Ok(()) }
    }
}

fn kept() -> Arc<MemoryProcesses> {
    Arc::new(MemoryProcesses::new())
}

fn ann() -> ActorId {
    ActorId::new("ann").unwrap()
}

fn reason(text: &str) -> Reason {
    Reason::new(text).unwrap()
}

async fn three_deposits(ledger: &Ledger) {
    for id in ["p", "q", "r"] {
        funded(ledger, id, "100.00").await;
    }
    ledger.execute(&player("p"), deposit("big", "2000.00")).await.unwrap();
}

#[tokio::test]
async fn a_gift_is_given_once_wherever_it_dies() {
    let end = dies_at_every_step(
        |_| {},
        async |ledger: &Ledger| three_deposits(ledger).await,
        Gifts::new,
        || Person { silent: 2, ..Person::default() },
        |_| Vec::new(),
    )
    .await;
    assert_eq!(end.accounts["Real player:cash EUR"], "0.00 2304.00");
}

#[tokio::test]
async fn folding_the_log_again_sends_nothing_that_has_an_outcome() {
    let world = World::new(|_| {}).await;
    three_deposits(&world.ledger).await;
    let store = kept();
    let running = Running::start(&world.ledger, Gifts::new(), Person::default(), store.clone(), quick());
    drive(&world.clock, &running).await;
    running.kill().await;
    let before = world.end().await;
    let rebuilt = || {
        let mut settings = quick();
        settings.rebuild = true;
        settings
    };
    // By a newer fold, by an order, and because everything kept is lost.
    let newer = Gifts { version: 2, ..Gifts::new() };
    for (manager, settings, lost) in
        [(newer, quick(), false), (Gifts::new(), rebuilt(), false), (Gifts::new(), quick(), true)]
    {
        if lost {
            store.forget();
        }
        let person = Arc::new(Person::default());
        let effects = MortalEffects::new(&person, &Death::never());
        let running = Running::start(&world.ledger, manager, effects, store.clone(), settings);
        drive(&world.clock, &running).await;
        assert_eq!((running.handle.all().len(), running.handle.stuck().len()), (0, 0));
        running.kill().await;
        assert_eq!(world.end().await, before);
        assert_eq!(person.asked.load(Ordering::SeqCst), 0, "nobody is asked again for what is over");
    }
}

#[tokio::test]
async fn what_fails_too_often_is_stuck_until_somebody_resumes_or_skips_it_and_the_others_go_on() {
    for skips in [false, true] {
        let world = World::new(|_| {}).await;
        three_deposits(&world.ledger).await;
        let store = kept();
        let mut patience: ProcessSettings = quick();
        patience.retries_max = 2;
        let person = Person { silent: 3, ..Person::default() };
        let running = Running::start(&world.ledger, Gifts::new(), person, store.clone(), patience.clone());
        drive(&world.clock, &running).await;
        let stuck = running.handle.stuck();
        let [of] = &stuck[..] else { panic!("{stuck:?}") };
        assert_eq!((of.step.as_deref(), of.tries), (Some("ask"), 3));
        assert!(of.reason.contains("he does not answer"), "{}", of.reason);
        assert_eq!(cash(&world.ledger, &player("p")).await, "2101.00", "the small ones are given");
        let of = of.clone();
        // It is stuck after a restart too. He is slow to answer then, so that the process is there to be looked at.
        running.kill().await;
        let person = Person { silent: 1, ..Person::default() };
        let running = Running::start(&world.ledger, Gifts::new(), person, store.clone(), patience);
        drive(&world.clock, &running).await;
        assert_eq!(running.handle.stuck(), std::slice::from_ref(&of));
        let wrong = ProcessId::new("nobody").unwrap();
        let nobody = running.handle.resume(&wrong, None, ann(), reason("a mistake")).await;
        assert_eq!(nobody, Err(OrderError::NotStuck));
        if skips {
            running.handle.skip(&of.process, "ask", ann(), reason("he left")).await.unwrap();
        } else {
            running.handle.resume(&of.process, Some("ask"), ann(), reason("he is back")).await.unwrap();
            assert_eq!(
                running.handle.decisions(&of.process).iter().map(|d| d.by.as_str()).collect::<Vec<_>>(),
                ["ann"]
            );
        }
        drive(&world.clock, &running).await;
        assert_eq!((running.handle.all().len(), running.handle.stuck().len()), (0, 0));
        let given = if skips { "2101.00" } else { "2102.00" };
        assert_eq!(cash(&world.ledger, &player("p")).await, given);
        running.kill().await;
    }
}

#[tokio::test]
async fn a_call_that_will_never_be_answered_is_stuck_at_once() {
    let world = World::new(|_| {}).await;
    three_deposits(&world.ledger).await;
    let person = Person { silent: 1, refuses: true, ..Person::default() };
    let running = Running::start(&world.ledger, Gifts::new(), person, kept(), quick());
    running.quiet().await;
    assert_eq!(running.handle.stuck()[0].reason, "he is on holiday");
    let of = running.handle.stuck()[0].process.clone();
    running.handle.resume(&of, None, ann(), reason("he is back")).await.unwrap();
    running.quiet().await;
    assert_eq!(running.handle.stuck(), []);
    running.kill().await;
}

/// A process for each player that is opened.
fn opened(event: &Occurrence, processes: &mut Vec<ProcessId>) {
    if let (Some(Event::PlayerOpened(_)), Partition::Player(player)) =
        (event.record().map(|record| &record.event), &event.commit().body.partition)
    {
        processes.extend(ProcessId::of(&[player.as_str()]));
    }
}

/// Opens the players that others ask for, which is refused if they are there.
struct Twins(ManagerName);

impl ProcessManager for Twins {
    type State = PlayerId;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.0
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        opened(event, processes);
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<PlayerId>,
        input: Input<'_, Infallible, Infallible>,
        _: &mut Turn<Infallible>,
    ) {
        if let Input::Event(event) = input
            && let Partition::Player(player) = &event.commit().body.partition
        {
            *state = Some(player.clone());
        }
    }

    fn wants(&self, _: &ProcessId, state: &PlayerId, _: &Policy, wants: &mut Wants<Infallible>) {
        // The ledger refuses a second opening with another payload.
        wants.player("open", state, |_| OpenPlayer { zone: "UTC".to_owned(), ..commands::open(&["EUR"]) });
    }
}

#[tokio::test]
async fn a_refusal_that_a_manager_does_not_expect_is_stuck_and_is_not_repeated() {
    let world = World::new(|_| {}).await;
    world.ledger.execute(&player("p"), commands::open(&["EUR"])).await.unwrap();
    let manager = Twins(ManagerName::new("twins").unwrap());
    let running = Running::start(&world.ledger, manager, NoEffects, kept(), quick());
    drive(&world.clock, &running).await;
    let stuck = running.handle.stuck();
    assert_eq!(stuck.len(), 1);
    assert!(stuck[0].reason.starts_with("refused: "), "{}", stuck[0].reason);
    assert_eq!(running.handle.skip(&stuck[0].process, "open", ann(), reason("known")).await, Ok(()));
    running.quiet().await;
    assert_eq!(running.handle.stuck(), []);
    assert_eq!(running.handle.decisions(&stuck[0].process).len(), 1);
    running.kill().await;
}

#[tokio::test]
async fn two_runners_of_one_name_do_no_harm_and_one_of_them_stops() {
    let world = World::new(|_| {}).await;
    let store = kept();
    let start = || Running::start(&world.ledger, Gifts::new(), Person::default(), store.clone(), quick());
    let (one, two) = (start(), start());
    three_deposits(&world.ledger).await;
    let first = tokio::select! {
        () = one_is_gone(&one) => 1,
        () = one_is_gone(&two) => 2,
        () = tokio::time::sleep(Duration::from_secs(10)) => 0,
    };
    let (gone, left) = match first {
        1 => (one, two),
        2 => (two, one),
        _ => panic!("both go on"),
    };
    assert!(matches!(gone.ended().await, Err(ProcessStop::Store(_))));
    drive(&world.clock, &left).await;
    left.kill().await;
    assert_eq!(world.end().await.accounts["Real player:cash EUR"], "0.00 2304.00");
}

async fn one_is_gone(running: &Running<Gifts>) {
    while running.handle.resume(&ProcessId::new("x").unwrap(), None, ann(), reason("x")).await
        != Err(OrderError::Gone)
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn two_runners_that_keep_apart_still_give_every_gift_once() {
    let world = World::new(|_| {}).await;
    let start = || Running::start(&world.ledger, Gifts::new(), Person::default(), kept(), quick());
    let (one, two) = (start(), start());
    three_deposits(&world.ledger).await;
    drive(&world.clock, &one).await;
    drive(&world.clock, &two).await;
    one.kill().await;
    two.kill().await;
    assert_eq!(world.end().await.accounts["Real player:cash EUR"], "0.00 2304.00");
}

#[tokio::test]
async fn a_log_that_lost_what_was_folded_is_refused() {
    let world = World::new(|_| {}).await;
    three_deposits(&world.ledger).await;
    let store = kept();
    let running = Running::start(&world.ledger, Gifts::new(), Person::default(), store.clone(), quick());
    drive(&world.clock, &running).await;
    running.handle.stop().await.unwrap();
    running.ended().await.unwrap();
    // Another ledger under the same identity, with another history.
    let other = World::new(|_| {}).await;
    funded(&other.ledger, "p", "77.00").await;
    let running = Running::start(&other.ledger, Gifts::new(), Person::default(), store, quick());
    let ended = running.ended().await;
    assert!(matches!(&ended, Err(ProcessStop::Subscribe(_) | ProcessStop::Checkpoint(_))), "{ended:?}");
    assert_eq!(cash(&other.ledger, &player("p")).await, "77.00", "nothing was done");
}

#[tokio::test]
async fn a_runner_goes_on_from_its_files_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(|_| {}).await;
    three_deposits(&world.ledger).await;
    for round in 0..3 {
        let store = Arc::new(FileProcesses::open(folder.path()).unwrap());
        let person = Person { silent: usize::MAX, ..Person::default() };
        let mut patience = quick();
        patience.retries_max = u32::MAX;
        let running = Running::start(&world.ledger, Gifts::new(), person, store.clone(), patience);
        while running.handle.all().len() != 1 || !running.handle.status().is_live {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        running.handle.stop().await.unwrap();
        running.ended().await.unwrap();
        let saved = store.load(&ManagerName::new("gifts").unwrap()).await.unwrap().unwrap();
        assert_eq!(saved.processes.len(), 1, "round {round}");
    }
    assert_eq!(cash(&world.ledger, &player("p")).await, "2101.00");
}

#[tokio::test]
async fn a_store_that_fails_and_a_lane_that_is_full_are_waited_for() {
    let puppet = Puppet::exclusive(memory(ShardCount::ONE));
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.lane_capacity = [16_384, 1, 1])).await;
    for i in 0..40 {
        funded(&ledger, &format!("p{i}"), "1.00").await;
    }
    puppet.trick(Trick::Fail(casino_ledger::store::StoreError::Unavailable {
        reason: "told to".to_owned(),
        source: None,
    }));
    let mut many = quick();
    many.parallel_max = 40;
    let running = Running::start(&ledger, Gifts::new(), Person::default(), kept(), many);
    // What waits for its next try is not under way.
    soon(async {
        while !running.handle.status().is_live || running.handle.status().processes > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert_eq!(running.handle.stuck(), []);
    running.kill().await;
    let (accounts, _) = accounts(puppet.as_ref() as &dyn EventStore).await;
    assert_eq!(accounts["Real player:cash EUR"], "0.00 80.00");
}

#[tokio::test]
async fn a_closed_ledger_ends_the_runner_and_too_many_processes_stop_it() {
    let world = World::new(|_| {}).await;
    three_deposits(&world.ledger).await;
    let mut few = quick();
    few.processes_max = 2;
    let running = Running::start(&world.ledger, Gifts::new(), Person::default(), kept(), few);
    assert!(matches!(running.ended().await, Err(ProcessStop::TooManyProcesses(2))));
    let running = Running::start(&world.ledger, Gifts::new(), Person::default(), kept(), quick());
    drive(&world.clock, &running).await;
    running.kill().await;
    world.ledger.execute(&player("p"), deposit("late", "1.00")).await.unwrap();
    soon(world.ledger.close()).await.unwrap();
    let running = Running::start(&world.ledger, Gifts::new(), Person::default(), kept(), quick());
    let ended = running.ended().await;
    assert!(matches!(ended, Err(ProcessStop::LedgerClosed)), "{ended:?}");
}

/// Rings three times after a player was opened, a minute apart.
struct Alarm(ManagerName);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rings {
    opened: Timestamp,
    /// For when each was set, and when it came.
    rang: Vec<(Timestamp, Timestamp)>,
}

impl ProcessManager for Alarm {
    type State = Rings;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.0
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        opened(event, processes);
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<Rings>,
        input: Input<'_, Infallible, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        match (input, state) {
            (Input::Event(_), state) => *state = Some(Rings { opened: turn.at, rang: Vec::new() }),
            (Input::Fired { timer: "ring", at }, Some(rings)) => rings.rang.push((at, turn.at)),
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, rings: &Rings, _: &Policy, wants: &mut Wants<Infallible>) {
        let count = u64::try_from(rings.rang.len()).unwrap();
        if count < 3 {
            wants.timer("ring", rings.opened.saturating_add(Duration::from_secs(60 * (count + 1))));
        }
    }
}

#[tokio::test]
async fn timers_fire_once_each_in_their_order_also_those_that_came_due_while_nothing_ran() {
    let world = World::new(|_| {}).await;
    world.ledger.execute(&player("p"), commands::open(&["EUR"])).await.unwrap();
    let start = || Alarm(ManagerName::new("alarm").unwrap());
    let store = kept();
    let of = ProcessId::of(&["p"]).unwrap();
    let seconds = |running: &Running<Alarm>| {
        let rings = running.handle.process(&of).unwrap();
        let since = |at: Timestamp| (at.as_micros() - rings.opened.as_micros()) / 1_000_000;
        rings.rang.iter().map(|(due, at)| (since(*due), since(*at))).collect::<Vec<_>>()
    };
    let running = Running::start(&world.ledger, start(), NoEffects, store.clone(), quick());
    running.quiet().await;
    world.clock.pass(59);
    running.quiet().await;
    assert_eq!(seconds(&running), []);
    world.clock.pass(2);
    running.quiet().await;
    assert_eq!(seconds(&running), [(60, 61)]);
    running.handle.stop().await.unwrap();
    running.ended().await.unwrap();
    world.clock.pass(1_000);
    let running = Running::start(&world.ledger, start(), NoEffects, store, quick());
    running.quiet().await;
    assert_eq!(seconds(&running), [(60, 61), (120, 1_061), (180, 1_061)]);
    running.kill().await;
    // All of it again, where what was kept is lost.
    let running = Running::start(&world.ledger, start(), NoEffects, kept(), quick());
    running.quiet().await;
    assert_eq!(seconds(&running), [(60, 1_061), (120, 1_061), (180, 1_061)]);
    running.kill().await;
}
