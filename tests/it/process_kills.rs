//! Managers killed at every step, where their own tests do not, and all of them at once in worlds that follow a seed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::core::stored::{JackpotKind, SeedMovement};
use casino_ledger::core::testing::{commands, house_commands};
use casino_ledger::core::{
    HouseId, OpenPlayer, PersonId, PlaceBet, PlayerId, RoundId, RoundTimeOut, TimeOutAction,
};
use casino_ledger::process::{
    BetGrowth, Call, Cascade, Dormancy, EffectError, Effects, Exclusions, Expiries, Jackpots, ManyVoids,
    MassCall, MassItem, MassOperation, MassOperations, MassPage, MassProgress, MemoryProcesses, NoEffects,
    Payouts, SignalRules, Signals, Tournaments, Transfers,
};
use casino_ledger::projections::{Feed, MemoryHome, ReadModel as _, Runner, Settings as ViewSettings};
use casino_ledger::{Ledger, Settings};

use crate::process_kit::{
    Death, End, MortalEffects, MortalProcesses, Running, STEPS, World, dies_at_every_step, drive, player_in,
    quick,
};
use crate::process_managers::{Acquirers, Bank, Said, approving, cascade, payouts};
use crate::process_mass::{CASHBACK, generous, manager, order, process};
use crate::process_tournaments as cup;
use crate::process_transfers::asked;
use crate::support::{bet, deposit, funded, open, player, rollback};

/// Pages of three, of what was fixed before: what a host reads from a view.
#[derive(Debug, Clone)]
struct Pages(Vec<MassItem>);

impl Pages {
    fn rounds(names: &[(&str, &str)]) -> Self {
        let item = |(of, round): &(&str, &str)| MassItem::Round {
            player: player(of),
            round: RoundId::new(*round).unwrap(),
        };
        Self(names.iter().map(item).collect())
    }

    fn played(names: &[&str]) -> Self {
        let item = |name: &&str| MassItem::Played {
            player: player(name),
            played: commands::played(&[("slots", "50", "0")], "0"),
        };
        Self(names.iter().map(item).collect())
    }
}

#[async_trait]
impl Effects<MassOperations> for Pages {
    async fn perform(&self, call: Call<'_, MassCall>) -> Result<MassPage, EffectError> {
        if matches!(call.request.order.operation, MassOperation::ClosePeriod { .. }) {
            return Err(EffectError::Never("not here".to_owned()));
        }
        let from: usize = call.request.after.as_deref().map_or(0, |after| after.parse().unwrap());
        let until = (from + 3).min(self.0.len());
        let next = (until < self.0.len()).then(|| until.to_string());
        Ok(MassPage { items: self.0[from..until].to_vec(), next })
    }
}

fn of(end: &End, account: &str) -> String {
    end.accounts.get(account).cloned().unwrap_or_else(|| panic!("{account}: {:?}", end.accounts))
}

#[tokio::test]
async fn dormant_money_is_moved_once_wherever_it_dies() {
    let end = dies_at_every_step(
        |_| {},
        async |ledger: &Ledger| {
            for (name, amount) in [("p", "100.00"), ("q", "30.00"), ("r", "7.00")] {
                funded(ledger, name, amount).await;
            }
        },
        || Dormancy::new(Duration::from_mins(2)).unwrap(),
        || NoEffects,
        |_| Vec::new(),
    )
    .await;
    assert_eq!(of(&end, "Real player:cash EUR"), "137.00 137.00");
    assert_eq!(of(&end, "Real player:dormant EUR"), "0.00 137.00");
}

/// One whose stakes grow, one whose bets are undone, one who does neither.
async fn plays_suspiciously(ledger: &Ledger) {
    let p = funded(ledger, "p", "1000.00").await;
    for (n, stake) in ["1", "1", "1", "10", "10"].into_iter().enumerate() {
        ledger.execute(&p, bet(&format!("t{n}"), &format!("r{n}"), stake)).await.unwrap();
    }
    let q = funded(ledger, "q", "100.00").await;
    for n in 0..4 {
        let (id, back) = (format!("t{n}"), format!("x{n}"));
        ledger.execute(&q, bet(&id, &id, "1")).await.unwrap();
        ledger.execute(&q, rollback(&back, &id)).await.unwrap();
    }
    let r = funded(ledger, "r", "100.00").await;
    ledger.execute(&r, bet("t1", "r1", "1")).await.unwrap();
}

fn suspicious() -> Signals {
    let mut rules = SignalRules::default();
    rules.version = 1;
    rules.quiet = Duration::from_hours(1);
    rules.bet_growth = Some(BetGrowth { last: 2, before: 3, times: 50_000 });
    rules.many_voids = Some(ManyVoids { voids: 4, within: Duration::from_mins(1) });
    Signals::new(rules).unwrap()
}

#[tokio::test]
async fn signals_are_raised_once_wherever_they_die() {
    let world = World::new(|_| {}).await;
    plays_suspiciously(&world.ledger).await;
    let before = world.end().await;
    let end = dies_at_every_step(
        |_| {},
        async |ledger: &Ledger| plays_suspiciously(ledger).await,
        suspicious,
        || NoEffects,
        |_| Vec::new(),
    )
    .await;
    assert_eq!(end.commits, before.commits + 2, "an alert of p, one of q");
    assert_eq!(end.accounts, before.accounts, "alerts move no money");
}

fn rounds_of_a_game(is: &str) -> String {
    let game = commands::bet("x", "x", "1").game;
    let period = r#""from":"2025-12-01T00:00:00.000000Z","#;
    let (from, to) = match is {
        "refund_rounds" => (period, r#","to":"2026-02-01T00:00:00.000000Z""#),
        _ => ("", ""),
    };
    format!(r#"{{{from}"game":"{game}","is":"{is}","reason":"the server burns","source":"prov"{to}}}"#)
}

const FIVE: [(&str, &str); 5] = [("p0", "r0"), ("p0", "r1"), ("p1", "r0"), ("p1", "r1"), ("p2", "r0")];

async fn five_rounds(ledger: &Ledger, settled: bool) {
    for name in ["p0", "p1", "p2"] {
        funded(ledger, name, "100.00").await;
    }
    for (name, round) in FIVE {
        ledger.execute(&player(name), bet(&format!("t-{round}"), round, "10.00")).await.unwrap();
        if settled {
            let win = commands::win_close(&format!("w-{round}"), round, "4.00");
            ledger.execute(&player(name), win).await.unwrap();
        }
    }
    let is = if settled { "refund_rounds" } else { "void_open_rounds" };
    order(ledger, "fault", &rounds_of_a_game(is)).await.unwrap();
}

#[tokio::test]
async fn rounds_of_a_game_are_called_off_once_wherever_it_dies() {
    let end = dies_at_every_step(
        generous,
        async |ledger: &Ledger| five_rounds(ledger, false).await,
        manager,
        || Pages::rounds(&FIVE),
        |_| Vec::new(),
    )
    .await;
    assert_eq!(of(&end, "Real player:held EUR"), "50.00 50.00");
    assert_eq!(of(&end, "Real player:cash EUR"), "50.00 350.00");
}

#[tokio::test]
async fn rounds_of_a_game_are_refunded_once_wherever_it_dies() {
    let end = dies_at_every_step(
        generous,
        async |ledger: &Ledger| five_rounds(ledger, true).await,
        manager,
        || Pages::rounds(&FIVE),
        |_| Vec::new(),
    )
    .await;
    assert_eq!(of(&end, "Real gaming:stakes EUR"), "50.00 50.00");
    assert_eq!(of(&end, "Real gaming:payouts EUR"), "20.00 20.00");
    assert_eq!(of(&end, "Real player:held EUR"), "50.00 50.00");
}

fn progress(order: &str) -> (casino_ledger::process::ProcessId, Option<casino_ledger::core::TransactionId>) {
    MassProgress::key(&casino_ledger::core::DocumentName::new(order).unwrap()).unwrap()
}

/// What became of an order is in the log: the view of it is the same where everything that a runner had saved is lost.
#[tokio::test]
async fn how_far_an_order_is_can_be_read_from_the_log_whatever_dies() {
    let world = World::new(generous).await;
    five_rounds(&world.ledger, false).await;
    // A round that is settled meanwhile cannot be called off.
    let p2 = player("p2");
    world.ledger.execute(&p2, commands::win_close("w0", "r0", "4.00")).await.unwrap();
    let of_eight = r#"{"game":"game","is":"void_open_rounds","reason":"the server burns","source":"prov"}"#;
    let content = format!(r#"{{"of":8,"operation":{of_eight},"order":"counted"}}"#);
    let document =
        house_commands::publish("o-counted", casino_ledger::process::MASS_KIND, "counted", &content);
    world.ledger.execute_house(&HouseId::new("configuration").unwrap(), document).await.unwrap();
    let store = world.ledger.store();
    let feed = Feed::new(Arc::clone(&store));
    let home = MemoryHome::<MassProgress>::new(store.identity());
    let view = home.reader();
    let follower = Runner::start(&feed, home, ViewSettings::default()).unwrap();
    for _ in 0..2 {
        let running = Running::start(
            &world.ledger,
            manager(),
            Pages::rounds(&FIVE),
            Arc::new(MemoryProcesses::new()),
            quick(),
        );
        drive(&world.clock, &running).await;
        let run = running.handle.process(&process("fault")).unwrap();
        assert!(run.finished_at.is_some());
        running.kill().await;
        follower.wait_for_all(&world.ledger.heads().await.unwrap(), Duration::from_secs(10)).await.unwrap();
        let row = view.get(&progress("fault")).await.unwrap().value.unwrap();
        let refused: u64 = row.refused.values().sum();
        // Two orders name the same five rounds: one is settled, and the others can be called off once.
        let other = view.get(&progress("counted")).await.unwrap().value.unwrap();
        let other_refused: u64 = other.refused.values().sum();
        assert_eq!((row.done + other.done, refused + other_refused), (4, 6), "{row:?} {other:?}");
        assert!(row.ordered_at.is_some() && row.last_at >= row.first_at && row.first_at.is_some());
        assert_eq!((row.of, other.of), (None, Some(8)));
        assert_eq!((run.done, run.refused.values().sum::<u64>()), (row.done, refused));
    }
    follower.stop(Duration::from_secs(5)).await.unwrap();
    world.end().await;
}

/// What these managers need of a policy.
fn everything(settings: &mut Settings) {
    approving(settings);
    let withdrawals = settings.policy.withdrawals.clone();
    generous(settings);
    settings.policy.withdrawals = withdrawals;
    settings.policy.default_jurisdiction.player_transfers = true;
    settings.policy.default.round_time_out =
        Some(RoundTimeOut { after_secs: 180, then: TimeOutAction::Lose });
}

/// Something for each manager, of players of its own.
async fn something_for_all(ledger: &Ledger) {
    let w = funded(ledger, "w", "100.00").await;
    ledger.execute(&w, commands::request("W1", "60")).await.unwrap();
    ledger.execute(&player("c"), open()).await.unwrap();
    ledger.execute(&player("c"), commands::initiate("I1", "25")).await.unwrap();
    for id in ["a", "b", "e"] {
        let person = Some(PersonId::new("someone").unwrap());
        ledger.execute(&player(id), OpenPlayer { person, ..commands::open(&["EUR"]) }).await.unwrap();
        ledger.execute(&player(id), deposit("d1", "10.00")).await.unwrap();
    }
    let excluded = commands::exclude("x1", casino_ledger::core::stored::ExclusionKind::SelfExclusion, None);
    ledger.execute(&player("b"), excluded).await.unwrap();
    let x: PlayerId = funded(ledger, "x", "100.00").await;
    ledger.execute(&x, bet("t1", "r1", "10.00")).await.unwrap();
    plays_suspiciously(ledger).await;
    for name in ["m1", "m2", "m3", "m4"] {
        funded(ledger, name, "100.00").await;
    }
    order(ledger, "december", CASHBACK).await.unwrap();
    let pool = HouseId::new("jackpot/mega").unwrap();
    let terms = house_commands::jackpot_terms("100.00");
    ledger.execute_house(&pool, house_commands::configure("C1", terms)).await.unwrap();
    ledger.execute_house(&pool, house_commands::seed("S1", SeedMovement::CostToPool, "100")).await.unwrap();
    let j = funded(ledger, "j", "100.00").await;
    let mut stake: PlaceBet = commands::jackpot_bet("t1", "r1", "50", JackpotKind::Local, "0.50");
    stake.contributions[0].jackpot = commands::sub_account("mega");
    ledger.execute(&j, stake).await.unwrap();
    ledger.execute(&j, commands::claim_jackpot("c1", "r1")).await.unwrap();
    ledger.execute(&j, commands::win_close("w1", "r1", "0")).await.unwrap();
    // One way and the other: whichever of the two is heard first when the log is folded again.
    let (low, high) = (player_in(0), player_in(3));
    for of in [&low, &high] {
        funded(ledger, of.as_str(), "50.00").await;
    }
    ledger.execute(&low, asked(&low, "up", high.as_str(), "30")).await.unwrap();
    ledger.execute(&high, asked(&high, "down", low.as_str(), "20")).await.unwrap();
    cup::open(ledger).await;
    for (name, won) in [("k1", "15"), ("k2", "30")] {
        let k = funded(ledger, name, "100.00").await;
        ledger.execute(&k, commands::enter_tournament("e1", "10", "1")).await.unwrap();
        cup::round(ledger, name, "1", won).await;
    }
}

/// The outside of all managers: it outlives them.
struct Outside {
    bank: Arc<Bank>,
    acquirers: Arc<Acquirers>,
    pages: Arc<Pages>,
    nothing: Arc<NoEffects>,
}

impl Outside {
    fn new() -> Self {
        Self {
            bank: Arc::new(Bank::saying(&[Said::Lost, Said::Pending, Said::DoneLater])),
            acquirers: Arc::new(Acquirers::saying(
                &[Said::Lost, Said::Pending, Said::DoneLater],
                &[Said::Done],
            )),
            pages: Arc::new(Pages::played(&["m1", "m2", "m3", "m4", "nobody"])),
            nothing: Arc::new(NoEffects),
        }
    }

    fn moved(&self) -> Vec<String> {
        let mut all = self.bank.moved.all();
        all.extend(self.acquirers.moved());
        all
    }
}

/// All managers but `Dormancy` at work on one ledger, in one process: what kills one kills all.
struct All {
    payouts: Running<Payouts>,
    cascade: Running<Cascade>,
    exclusions: Running<Exclusions>,
    expiries: Running<Expiries>,
    signals: Running<Signals>,
    mass: Running<MassOperations>,
    jackpots: Running<Jackpots>,
    transfers: Running<Transfers>,
    tournaments: Running<Tournaments>,
}

impl All {
    fn start(ledger: &Ledger, kept: &MemoryProcesses, outside: &Outside, death: &Arc<Death>) -> Self {
        let store = || MortalProcesses::new(kept, death);
        let nothing = || MortalEffects::new(&outside.nothing, death);
        let jackpots = Jackpots::new(Duration::from_hours(24)).unwrap();
        Self {
            payouts: Running::start(
                ledger,
                payouts(),
                MortalEffects::new(&outside.bank, death),
                store(),
                quick(),
            ),
            cascade: Running::start(
                ledger,
                cascade(),
                MortalEffects::new(&outside.acquirers, death),
                store(),
                quick(),
            ),
            exclusions: Running::start(ledger, Exclusions::new().unwrap(), nothing(), store(), quick()),
            expiries: Running::start(ledger, Expiries::new().unwrap(), nothing(), store(), quick()),
            signals: Running::start(ledger, suspicious(), nothing(), store(), quick()),
            mass: Running::start(
                ledger,
                manager(),
                MortalEffects::new(&outside.pages, death),
                store(),
                quick(),
            ),
            jackpots: Running::start(ledger, jackpots, nothing(), store(), quick()),
            transfers: Running::start(ledger, Transfers::new().unwrap(), nothing(), store(), quick()),
            tournaments: Running::start(ledger, cup::manager(), nothing(), store(), quick()),
        }
    }

    async fn quiet(&self) {
        // What one does may be news for another that was quiet before.
        for _ in 0..2 {
            self.payouts.quiet().await;
            self.cascade.quiet().await;
            self.exclusions.quiet().await;
            self.expiries.quiet().await;
            self.signals.quiet().await;
            self.mass.quiet().await;
            self.jackpots.quiet().await;
            self.transfers.quiet().await;
            self.tournaments.quiet().await;
        }
    }

    async fn drive(&self, world: &World) {
        for _ in 0..STEPS {
            self.quiet().await;
            world.clock.pass(50);
        }
        self.quiet().await;
    }

    fn stuck(&self) -> usize {
        self.payouts.handle.stuck().len()
            + self.cascade.handle.stuck().len()
            + self.exclusions.handle.stuck().len()
            + self.expiries.handle.stuck().len()
            + self.signals.handle.stuck().len()
            + self.mass.handle.stuck().len()
            + self.jackpots.handle.stuck().len()
            + self.transfers.handle.stuck().len()
            + self.tournaments.handle.stuck().len()
    }

    async fn kill(self) {
        self.payouts.kill().await;
        self.cascade.kill().await;
        self.exclusions.kill().await;
        self.expiries.kill().await;
        self.signals.kill().await;
        self.mass.kill().await;
        self.jackpots.kill().await;
        self.transfers.kill().await;
        self.tournaments.kill().await;
    }
}

/// How many worlds are lived through.
const SEEDS: u64 = 25;

/// Draws that follow from a seed (`SplitMix64`).
struct Draws(u64);

impl Draws {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

/// A world in which all managers work, and die together as often as the seed says; what it came to.
async fn lives_and_dies(seed: Option<u64>) -> (End, Vec<String>) {
    let mut world = World::new(everything).await;
    something_for_all(&world.ledger).await;
    let (kept, outside) = (MemoryProcesses::new(), Outside::new());
    if let Some(seed) = seed {
        let mut draws = Draws(seed);
        for _ in 0..=draws.below(4) {
            let death = Death::after(i64::try_from(draws.below(400)).unwrap());
            let all = All::start(&world.ledger, &kept, &outside, &death);
            tokio::select! {
                () = all.drive(&world) => {}
                () = death.struck() => {}
            }
            all.kill().await;
            if draws.below(3) == 0 {
                kept.forget();
            }
            if draws.below(3) == 0 {
                world.restart().await;
            }
        }
    }
    let all = All::start(&world.ledger, &kept, &outside, &Death::never());
    all.drive(&world).await;
    assert_eq!(all.stuck(), 0, "seed {seed:?}");
    all.kill().await;
    (world.end().await, outside.moved())
}

#[tokio::test]
async fn all_managers_at_once_come_to_the_same_whenever_they_die() {
    let undisturbed = lives_and_dies(None).await;
    let end = &undisturbed.0;
    assert_eq!(of(end, "Real payouts:in_transit EUR"), "60.00 60.00");
    assert_eq!(of(end, "Real jackpot:liability EUR").split(' ').next(), Some("100.000000"));
    assert_eq!(
        of(end, "Real gaming:stakes EUR"),
        "0.00 104.00",
        "what nobody settled is lost, the stake of the jackpot, and those of the tournament"
    );
    assert_eq!(of(end, "Real host:liability EUR"), "50.00 50.00");
    assert_eq!(of(end, "Real tournament:pool EUR"), "100.00 100.00");
    for (k, left) in [("k1", "134.00 EUR"), ("k2", "169.00 EUR")] {
        assert_eq!(end.purses[&player(k)], [left]);
    }
    for seed in 0..SEEDS {
        assert_eq!(lives_and_dies(Some(seed)).await, undisturbed, "seed {seed}");
    }
}
