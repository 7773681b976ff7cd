//! The managers that come with the ledger, with providers that follow a script, killed at every step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::core::stored::ExclusionKind;
use casino_ledger::core::testing::commands;
use casino_ledger::core::{
    Block, OfferBonus, OpenPlayer, PersonId, PlayerId, Policy, RoundTimeOut, SourceId, SourcePolicy,
    TimeOutAction, WithdrawalPolicy, WithdrawalTerms,
};
use casino_ledger::process::{
    Call, Cascade, CascadeCall, CascadeSettings, ChargeAnswer, Dormancy, EffectError, Effects, Exclusions,
    Expiries, MemoryProcesses, NoEffects, Payout, PayoutAnswer, PayoutCall, PayoutSettings, Payouts, Started,
};
use casino_ledger::{Ledger, Settings};

use crate::process_kit::{Notes, Running, World, dies_at_every_step, drive, quick};
use crate::support::{bet, cash, code, deposit, eur, funded, open, player, soon, source, text};

/// What a withdrawal may be approved with by nobody.
pub(crate) fn approving(settings: &mut Settings) {
    let terms =
        WithdrawalTerms { auto_approve_max: Some(commands::decimal("1000")), ..WithdrawalTerms::default() };
    settings.policy = Policy {
        withdrawals: WithdrawalPolicy {
            kyc_max_age_secs: u32::MAX,
            currencies: BTreeMap::from([(eur(), terms)]),
            ..WithdrawalPolicy::default()
        },
        ..Policy::default()
    };
}

pub(crate) fn payouts() -> Payouts {
    let provider = |_: &Payout| SourceId::new("psp").ok();
    Payouts::new(PayoutSettings::new(provider)).unwrap()
}

/// A payment provider that remembers what it was told by reference.
#[derive(Default)]
pub(crate) struct Bank {
    /// What it answers to the first call of a reference, and then to each question; copies of a call get the same answer.
    script: Vec<Said>,
    told: Mutex<BTreeMap<String, Vec<String>>>,
    pub(crate) moved: Notes,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Said {
    /// It does it, and says so.
    Done,
    /// It does it, and its answer is lost.
    Lost,
    /// It never arrives.
    NeverArrived,
    /// It works on it.
    Pending,
    /// It does it in the end.
    DoneLater,
    /// It will not.
    Failed,
}

impl Bank {
    pub(crate) fn saying(script: &[Said]) -> Self {
        Self { script: script.to_vec(), ..Self::default() }
    }

    /// What is next for a reference; the last line is said for ever.
    fn next(&self, reference: &str, call: &str) -> Said {
        let mut told = self.told.lock().unwrap();
        let calls = told.entry(reference.to_owned()).or_default();
        let number = calls.iter().position(|known| known == call).unwrap_or_else(|| {
            calls.push(call.to_owned());
            calls.len() - 1
        });
        self.script[number.min(self.script.len() - 1)]
    }

    /// Money moves once under a reference.
    fn moves(&self, reference: &str, amount: &str) {
        let text = format!("{reference} {amount}");
        if !self.moved.all().contains(&text) {
            self.moved.add(text);
        }
    }
}

#[async_trait]
impl Effects<Payouts> for Bank {
    async fn perform(&self, call: Call<'_, PayoutCall>) -> Result<PayoutAnswer, EffectError> {
        let (payout, amount) = match call.request {
            PayoutCall::Pay { payout, amount, .. } => (payout, Some(amount.to_string())),
            PayoutCall::Ask { payout } => (payout, None),
        };
        let reference = payout.id.as_str();
        let has_moved = self.moved.all().iter().any(|text| text.starts_with(reference));
        match self.next(reference, call.id.as_str()) {
            Said::Done | Said::DoneLater => {
                if let Some(amount) = amount {
                    self.moves(reference, &amount);
                } else if !has_moved {
                    self.moves(reference, "asked");
                }
                Ok(PayoutAnswer::Paid { amount: None, authorisation: None })
            }
            Said::Lost => {
                if let Some(amount) = amount {
                    self.moves(reference, &amount);
                }
                Err(EffectError::Again("no answer".to_owned()))
            }
            Said::NeverArrived => Ok(PayoutAnswer::NeverArrived),
            Said::Pending => Ok(PayoutAnswer::Pending),
            Said::Failed => Ok(PayoutAnswer::Failed { reason: None }),
        }
    }
}

/// A verified player who asks for 60 of his 100.
async fn asks_for_money(ledger: &Ledger) {
    let p = funded(ledger, "p", "100.00").await;
    ledger.execute(&p, commands::request("W1", "60")).await.unwrap();
}

async fn purse(ledger: &Ledger, of: &str) -> (String, String) {
    let reading = ledger.player(&player(of)).await.unwrap();
    let balance = &reading.balances()[0];
    (
        balance.cash.to_string(),
        balance.pending.map_or_else(|| "0.00".to_owned(), |pending| pending.to_string()),
    )
}

#[tokio::test]
async fn w08_a_payout_without_an_answer_is_unknown_and_nothing_goes_back_until_the_provider_says_what_it_was()
{
    for (answers, ends_with) in [(Said::Done, "40.00"), (Said::Failed, "100.00")] {
        let world = World::new(approving).await;
        asks_for_money(&world.ledger).await;
        let bank = Arc::new(Bank::saying(&[Said::Lost, Said::Pending, Said::Pending, answers]));
        let never = crate::process_kit::Death::never();
        let running = Running::start(
            &world.ledger,
            payouts(),
            crate::process_kit::MortalEffects::new(&bank, &never),
            Arc::new(MemoryProcesses::new()),
            quick(),
        );
        running.quiet().await;
        let state = world.ledger.player(&player("p")).await.unwrap().state;
        let withdrawal = state.withdrawals().next().expect("it is open").clone();
        assert_eq!(format!("{:?}", withdrawal.status).split(' ').next(), Some("Unknown"), "{withdrawal:?}");
        assert_eq!(purse(&world.ledger, "p").await, ("40.00".to_owned(), "0.00".to_owned()));
        drive(&world.clock, &running).await;
        assert_eq!(cash(&world.ledger, &player("p")).await, ends_with);
        assert_eq!(running.handle.all().len(), 0, "it is over");
        assert_eq!(running.handle.stuck(), []);
        running.kill().await;
        world.end().await;
    }
}

#[tokio::test]
async fn w09_a_payout_that_failed_goes_back_once() {
    let end = dies_at_every_step(
        approving,
        async |ledger: &Ledger| asks_for_money(ledger).await,
        payouts,
        || Bank::saying(&[Said::Lost, Said::Pending, Said::Failed]),
        |_| Vec::new(),
    )
    .await;
    assert_eq!(end.accounts["Real payouts:in_transit EUR"], "60.00 60.00");
}

#[tokio::test]
async fn payouts_are_paid_once_wherever_they_die() {
    let end = dies_at_every_step(
        approving,
        async |ledger: &Ledger| asks_for_money(ledger).await,
        payouts,
        || Bank::saying(&[Said::Lost, Said::Pending, Said::DoneLater]),
        |bank: &Bank| bank.moved.all(),
    )
    .await;
    assert_eq!(end.accounts["Real payouts:in_transit EUR"], "60.00 60.00");
    assert_eq!(end.accounts["Real psp:clearing EUR"], "100.00 60.00");
}

#[tokio::test]
async fn w10_a_failure_after_the_payment_is_a_break_and_w11_a_return_goes_to_the_player() {
    let world = World::new(approving).await;
    asks_for_money(&world.ledger).await;
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, payouts(), Bank::saying(&[Said::Done]), kept, quick());
    running.quiet().await;
    assert_eq!(running.handle.all().len(), 0);
    assert_eq!(cash(&world.ledger, &player("p")).await, "40.00");
    // The payment provider's own messages come to the host, under the reference that it was paid under.
    let p = player("p");
    let reference = casino_ledger::process::ProcessId::new("withdrawal/p/cashier/W1").unwrap();
    let payout = casino_ledger::core::stored::PaymentRef {
        source: source("psp"),
        id: reference.transaction("payout").unwrap(),
    };
    let failed =
        casino_ledger::core::MarkFailed { payout: payout.clone(), ..commands::mark_failed("F1", "W1") };
    assert_eq!(text(&soon(world.ledger.execute(&p, failed)).await), "noop");
    assert_eq!(cash(&world.ledger, &p).await, "40.00");
    let returned = casino_ledger::core::MarkReturned { payout, ..commands::mark_returned("B1", "W1") };
    assert_eq!(text(&soon(world.ledger.execute(&p, returned)).await), "applied");
    assert_eq!(cash(&world.ledger, &p).await, "100.00");
    drive(&world.clock, &running).await;
    assert_eq!((running.handle.all().len(), running.handle.stuck().len()), (0, 0));
    running.kill().await;
    world.end().await;
}

#[tokio::test]
async fn a_payout_that_never_arrived_is_made_again_under_its_reference() {
    let world = World::new(approving).await;
    asks_for_money(&world.ledger).await;
    let bank = Bank::saying(&[Said::NeverArrived, Said::NeverArrived, Said::Done]);
    let running = Running::start(&world.ledger, payouts(), bank, Arc::new(MemoryProcesses::new()), quick());
    drive(&world.clock, &running).await;
    assert_eq!(cash(&world.ledger, &player("p")).await, "40.00");
    assert_eq!(running.handle.all().len(), 0);
    running.kill().await;
}

#[tokio::test]
async fn frozen_payouts_wait_and_are_sent_when_they_are_not_frozen_any_more() {
    let world = World::new(approving).await;
    asks_for_money(&world.ledger).await;
    let p = player("p");
    world.ledger.execute(&p, commands::block("b1", Block::PayoutsFrozen)).await.unwrap();
    let bank = Bank::saying(&[Said::Done]);
    let running = Running::start(&world.ledger, payouts(), bank, Arc::new(MemoryProcesses::new()), quick());
    drive(&world.clock, &running).await;
    assert_eq!(cash(&world.ledger, &p).await, "40.00");
    assert_eq!(running.handle.all().len(), 1);
    assert_eq!(running.handle.stuck(), []);
    world.ledger.execute(&p, commands::unblock("u1", Block::PayoutsFrozen)).await.unwrap();
    world.clock.pass(55);
    for _ in 0..17 {
        world.clock.pass(55);
        running.quiet().await;
    }
    assert_eq!(running.handle.all().len(), 0);
    running.kill().await;
    assert_eq!(world.end().await.accounts["Real payouts:in_transit EUR"], "60.00 60.00");
}

pub(crate) fn cascade() -> Cascade {
    let providers = |_: &Started| ["psp-a", "psp-b"].iter().filter_map(|id| SourceId::new(id).ok()).collect();
    Cascade::new(CascadeSettings::new(providers)).unwrap()
}

/// What each provider says, by its name.
#[derive(Default)]
pub(crate) struct Acquirers {
    scripts: BTreeMap<&'static str, Bank>,
}

impl Acquirers {
    pub(crate) fn saying(a: &[Said], b: &[Said]) -> Self {
        Self { scripts: BTreeMap::from([("psp-a", Bank::saying(a)), ("psp-b", Bank::saying(b))]) }
    }

    pub(crate) fn moved(&self) -> Vec<String> {
        let all = self.scripts.iter();
        all.flat_map(|(name, bank)| bank.moved.all().into_iter().map(move |text| format!("{name} {text}")))
            .collect()
    }
}

#[async_trait]
impl Effects<Cascade> for Acquirers {
    async fn perform(&self, call: Call<'_, CascadeCall>) -> Result<ChargeAnswer, EffectError> {
        let payment = match call.request {
            CascadeCall::Charge { payment, .. } | CascadeCall::Ask { payment } => payment,
        };
        let bank = &self.scripts[payment.source.as_str()];
        let captured =
            || ChargeAnswer::Captured { amount: None, fee: None, authorisation: None, instrument: None };
        match bank.next(payment.id.as_str(), call.id.as_str()) {
            Said::Done | Said::DoneLater => {
                bank.moves(payment.id.as_str(), "charged");
                Ok(captured())
            }
            Said::Lost => {
                bank.moves(payment.id.as_str(), "charged");
                Err(EffectError::Again("no answer".to_owned()))
            }
            Said::NeverArrived => Ok(ChargeAnswer::Down),
            Said::Pending => Ok(ChargeAnswer::Pending),
            Said::Failed => Ok(ChargeAnswer::Declined { reason: None }),
        }
    }
}

/// A player who starts a deposit of 25.
async fn starts_a_deposit(ledger: &Ledger) {
    let p = player("p");
    ledger.execute(&p, open()).await.unwrap();
    ledger.execute(&p, commands::initiate("I1", "25")).await.unwrap();
}

#[tokio::test]
async fn d08_a_deposit_goes_to_the_second_provider_when_the_first_is_down_under_one_intent() {
    let world = World::new(|_| {}).await;
    starts_a_deposit(&world.ledger).await;
    // The first is down; long after, it says that it has declined.
    let acquirers = Acquirers::saying(&[Said::NeverArrived, Said::NeverArrived, Said::Failed], &[Said::Done]);
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, cascade(), acquirers, kept, quick());
    running.quiet().await;
    assert_eq!(cash(&world.ledger, &player("p")).await, "25.00");
    drive(&world.clock, &running).await;
    assert_eq!((running.handle.all().len(), running.handle.stuck().len()), (0, 0));
    assert_eq!(cash(&world.ledger, &player("p")).await, "25.00");
    running.kill().await;
    let end = world.end().await;
    assert_eq!(end.accounts["Real psp:clearing EUR"], "25.00 0.00");
    assert_eq!(end.accounts["Real player:cash EUR"], "0.00 25.00");
}

#[tokio::test]
async fn d08_a_late_success_of_the_other_provider_is_in_suspense_and_never_lost() {
    let end = dies_at_every_step(
        |_| {},
        async |ledger: &Ledger| starts_a_deposit(ledger).await,
        cascade,
        || Acquirers::saying(&[Said::Lost, Said::Pending, Said::DoneLater], &[Said::Done]),
        Acquirers::moved,
    )
    .await;
    assert_eq!(end.accounts["Real psp:clearing EUR"], "50.00 0.00");
    assert_eq!(end.accounts["Real player:cash EUR"], "0.00 25.00");
    assert_eq!(end.accounts["Real suspense:unmatched_psp EUR"], "0.00 25.00");
}

#[tokio::test]
async fn a_deposit_that_every_provider_declines_has_failed() {
    let world = World::new(|_| {}).await;
    starts_a_deposit(&world.ledger).await;
    let acquirers = Acquirers::saying(&[Said::Failed], &[Said::Pending, Said::Failed]);
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, cascade(), acquirers, kept, quick());
    drive(&world.clock, &running).await;
    assert_eq!((running.handle.all().len(), running.handle.stuck().len()), (0, 0));
    let state = world.ledger.player(&player("p")).await.unwrap().state;
    assert_eq!(state.open_intents(), 0);
    running.kill().await;
    world.end().await;
}

#[tokio::test]
async fn d14_a_refund_of_what_a_cascade_captured_takes_it_from_the_player_and_the_cascade_leaves_it_alone() {
    let world = World::new(|_| {}).await;
    starts_a_deposit(&world.ledger).await;
    let acquirers = Acquirers::saying(&[Said::Done], &[Said::Done]);
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, cascade(), acquirers, kept, quick());
    running.quiet().await;
    let p = player("p");
    world.ledger.execute(&p, bet("t1", "r1", "20.00")).await.unwrap();
    let process = casino_ledger::process::ProcessId::new("intent/p/cashier/I1").unwrap();
    let refund = casino_ledger::core::RefundDeposit {
        source: source("psp-a"),
        deposit: process.transaction("attempt@0").unwrap(),
        ..commands::refund("R1", "x")
    };
    assert_eq!(text(&soon(world.ledger.execute(&p, refund)).await), "applied");
    // He has played 20 of it: he owes them.
    assert_eq!(cash(&world.ledger, &p).await, "-20.00");
    drive(&world.clock, &running).await;
    assert_eq!((running.handle.all().len(), running.handle.stuck().len()), (0, 0));
    running.kill().await;
    let end = world.end().await;
    assert_eq!(end.accounts["Real psp:clearing EUR"], "25.00 25.00");
}

/// A person with three players, the second of whom is excluded.
async fn excludes_one_of_three(ledger: &Ledger) {
    for id in ["a", "b", "c"] {
        let person = Some(PersonId::new("someone").unwrap());
        ledger.execute(&player(id), OpenPlayer { person, ..commands::open(&["EUR"]) }).await.unwrap();
        ledger.execute(&player(id), deposit("d1", "10.00")).await.unwrap();
    }
    ledger.execute(&player("stranger"), open()).await.unwrap();
    ledger.execute(&player("stranger"), deposit("d1", "10.00")).await.unwrap();
    ledger.execute(&player("b"), commands::exclude("x1", ExclusionKind::SelfExclusion, None)).await.unwrap();
}

#[tokio::test]
async fn an_exclusion_reaches_every_player_of_a_person_and_its_window_is_told() {
    let world = World::new(|_| {}).await;
    excludes_one_of_three(&world.ledger).await;
    world.clock.pass(3);
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, Exclusions::new().unwrap(), NoEffects, kept, quick());
    running.quiet().await;
    for id in ["a", "b", "c"] {
        assert_eq!(
            code(&world.ledger.execute(&player(id), bet("t1", "r1", "1.00")).await),
            "player_excluded",
            "{id}"
        );
    }
    assert_eq!(code(&world.ledger.execute(&player("stranger"), bet("t1", "r1", "1.00")).await), "ok");
    let person = Exclusions::process(&PersonId::new("someone").unwrap()).unwrap();
    let state = running.handle.process(&person).unwrap();
    assert_eq!(state.window(), Some(Duration::from_secs(3)));
    // A player of his who is opened later is excluded too.
    let again = Some(PersonId::new("someone").unwrap());
    world
        .ledger
        .execute(&player("d"), OpenPlayer { person: again, ..commands::open(&["EUR"]) })
        .await
        .unwrap();
    running.quiet().await;
    assert_eq!(
        code(&world.ledger.execute(&player("d"), deposit("d1", "1.00")).await),
        "ok",
        "money that comes is held"
    );
    assert_eq!(code(&world.ledger.execute(&player("d"), bet("t1", "r1", "1.00")).await), "player_excluded");
    // And one who turns out to be he.
    world.ledger.execute(&player("stranger"), commands::set_person("s1", Some("someone"))).await.unwrap();
    running.quiet().await;
    assert_eq!(
        code(&world.ledger.execute(&player("stranger"), bet("t2", "r2", "1.00")).await),
        "player_excluded"
    );
    running.kill().await;
    world.end().await;
}

/// An exclusion that has an end reaches the others although less than the least is left of it, and those opened later.
#[tokio::test]
async fn an_exclusion_with_an_end_reaches_the_others_in_its_last_days_too() {
    let world = World::new(|_| {}).await;
    let person = || Some(PersonId::new("someone").unwrap());
    let opened =
        |player: &PlayerId| (player.clone(), OpenPlayer { person: person(), ..commands::open(&["EUR"]) });
    for id in ["a", "b"] {
        let (player, open) = opened(&player(id));
        world.ledger.execute(&player, open).await.unwrap();
    }
    let until = Some("2026-07-01T00:00:00Z".parse().unwrap());
    let exclude = commands::exclude("e1", ExclusionKind::SelfExclusion, until);
    world.ledger.execute(&player("a"), exclude).await.unwrap();
    for _ in 0..30 {
        world.clock.pass(86_400);
        world.ledger.accept_clock();
    }
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, Exclusions::new().unwrap(), NoEffects, kept, quick());
    running.quiet().await;
    let (c, open) = opened(&player("c"));
    world.ledger.execute(&c, open).await.unwrap();
    running.quiet().await;
    assert_eq!(running.handle.stuck(), []);
    for id in ["b", "c"] {
        assert_eq!(
            code(&world.ledger.execute(&player(id), bet("t1", "r1", "1.00")).await),
            "player_excluded",
            "{id}"
        );
    }
    running.kill().await;
    world.end().await;
}

#[tokio::test]
async fn exclusions_reach_every_player_once_wherever_they_die() {
    let end = dies_at_every_step(
        |_| {},
        async |ledger: &Ledger| excludes_one_of_three(ledger).await,
        || Exclusions::new().unwrap(),
        || NoEffects,
        |_| Vec::new(),
    )
    .await;
    assert_eq!(end.accounts["Real player:cash EUR"], "0.00 40.00");
}

/// What takes a minute at most.
fn hasty(settings: &mut Settings) {
    approving(settings);
    let policy = &mut settings.policy;
    policy.deposits.intent_ttl_secs = 60;
    policy.withdrawals.ttl_secs = 120;
    policy.withdrawals.currencies.clear();
    policy.default = SourcePolicy {
        round_time_out: Some(RoundTimeOut { after_secs: 180, then: TimeOutAction::Lose }),
        ..SourcePolicy::default()
    };
}

/// A round, a deposit and a withdrawal that nobody goes on with.
async fn leaves_things_open(ledger: &Ledger) {
    let p: PlayerId = funded(ledger, "p", "100.00").await;
    ledger.execute(&p, bet("t1", "r1", "10.00")).await.unwrap();
    ledger.execute(&p, bet("t2", "r2", "5.00")).await.unwrap();
    ledger.execute(&p, commands::rollback("x2", "t2")).await.unwrap();
    ledger.execute(&p, commands::initiate("I1", "25")).await.unwrap();
    ledger.execute(&p, commands::request("W1", "60")).await.unwrap();
}

#[tokio::test]
async fn expiries_come_in_their_time_and_in_their_order_also_after_a_long_sleep() {
    for asleep in [false, true] {
        let world = World::new(hasty).await;
        leaves_things_open(&world.ledger).await;
        if asleep {
            world.clock.pass(100);
            world.ledger.accept_clock();
            world.clock.pass(150);
            world.ledger.accept_clock();
        }
        let before = world.end().await.commits;
        let kept = Arc::new(MemoryProcesses::new());
        let running = Running::start(&world.ledger, Expiries::new().unwrap(), NoEffects, kept, quick());
        let mut at = Vec::new();
        for _ in 0..=5 {
            running.quiet().await;
            at.push(world.end().await.commits - before);
            world.clock.pass(40);
        }
        // After 0, 40, 80, 120, 160 and 200 seconds; the round is lost after 180.
        assert_eq!(at, if asleep { vec![3; 6] } else { vec![0, 0, 1, 2, 2, 3] });
        assert_eq!(purse(&world.ledger, "p").await, ("90.00".to_owned(), "0.00".to_owned()));
        assert_eq!((running.handle.all().len(), running.handle.stuck().len()), (0, 0));
        running.kill().await;
        world.end().await;
    }
}

#[tokio::test]
async fn expiries_end_everything_once_wherever_they_die() {
    let end = dies_at_every_step(
        hasty,
        async |ledger: &Ledger| leaves_things_open(ledger).await,
        || Expiries::new().unwrap(),
        || NoEffects,
        |_| Vec::new(),
    )
    .await;
    assert_eq!(end.accounts["Real player:withdrawal_pending EUR"], "60.00 60.00");
}

#[tokio::test]
async fn money_of_a_player_who_is_not_seen_becomes_dormant_and_he_can_have_it_back() {
    let world = World::new(|_| {}).await;
    let p = funded(&world.ledger, "p", "100.00").await;
    let manager = || Dormancy::new(Duration::from_mins(2)).unwrap();
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, manager(), NoEffects, kept, quick());
    world.clock.pass(100);
    world.ledger.accept_clock();
    running.quiet().await;
    world.ledger.execute(&p, bet("t1", "r1", "10.00")).await.unwrap();
    // A manager knows what it has folded: time must not come before the bet.
    running.quiet().await;
    world.clock.pass(50);
    running.quiet().await;
    assert_eq!(cash(&world.ledger, &p).await, "90.00", "he was seen");
    world.clock.pass(40);
    world.clock.pass(40);
    world.ledger.accept_clock();
    drive(&world.clock, &running).await;
    assert_eq!(cash(&world.ledger, &p).await, "0.00");
    world.ledger.execute(&p, commands::reclaim_dormant("c1")).await.unwrap();
    running.quiet().await;
    assert_eq!(cash(&world.ledger, &p).await, "90.00");
    running.kill().await;
    world.end().await;
}

#[tokio::test]
async fn an_offer_that_nobody_claims_ends_in_its_time() {
    let bonuses = |settings: &mut Settings| {
        settings.policy.bonuses = [(commands::terms_name("welcome"), commands::bonus_terms(1))].into();
    };
    let world = World::new(bonuses).await;
    let p = funded(&world.ledger, "p", "100.00").await;
    let until = Some("2026-01-01T00:01:00Z".parse().unwrap());
    for id in ["A", "B"] {
        let offer = OfferBonus { until, ..commands::offer_bonus(id, "20") };
        world.ledger.execute(&p, offer).await.unwrap();
    }
    world.ledger.execute(&p, commands::claim_bonus("C1", "B")).await.unwrap();
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, Expiries::new().unwrap(), NoEffects, kept, quick());
    running.quiet().await;
    let before = world.end().await.commits;
    world.clock.pass(40);
    running.quiet().await;
    assert_eq!(world.end().await.commits, before);
    world.clock.pass(40);
    running.quiet().await;
    assert_eq!(world.end().await.commits, before + 1, "the one that was claimed has no end");
    let state = world.ledger.player(&p).await.unwrap();
    assert_eq!(state.state.awards().len(), 1);
    running.kill().await;
    world.end().await;
}
