//! Jackpots: E15, E18, E36, E38, P33, P35, P36 in docs/scenarios.md, from the stake that gives to one to the player who
//! wins it.

use std::collections::BTreeMap;

use ledger_core::stored::{
    AwardOutcome, ClaimEnd, CommitBody, CreditKind, Event, JackpotKind, JackpotRate, JackpotStatus,
    JackpotTerms, SeedMovement, SweepOrigin,
};
use ledger_core::testing::commands::{self as player_commands, currency, decimal};
use ledger_core::testing::house_commands::{self as commands, jackpot, jackpot_terms};
use ledger_core::testing::invariants::{self, i15_the_liability_is_held_or_owed};
use ledger_core::testing::{HouseScenario, Scenario, TestHouse, TestLedger, given, given_house};
use ledger_core::{
    AccountCode, AccountKind, Amount, AwardJackpot, BasisPoints, Capacity, ChangeJackpotStatus, ClaimJackpot,
    ConfigureJackpot, CurrencyRegistry, GrantCredit, HouseCommand, JACKPOT_CLAIMS_MAX, JACKPOT_GAMES_MAX,
    JACKPOT_SWEEP_PARTS_MAX, JackpotShare, JackpotStep, JackpotTally, KeyScope, MismatchField,
    NotAllowedReason, OPEN_JACKPOT_AWARDS_MAX, OpenPlayer, Partition, PayJackpot, PlaceBet, PlayerCommand,
    PlayerId, Policy, Rejection, SWEEP_ORIGINS_MAX, SweepJackpot, SweepPart, jackpot_steps,
};
use proptest::prelude::*;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

fn pool() -> HouseScenario {
    configured(jackpot_terms("100.00"))
}

/// A jackpot with terms, and a first seed of 1,000.
fn configured(terms: JackpotTerms) -> HouseScenario {
    given_house("jackpot/mega")
        .when(commands::configure("C1", terms))
        .applied()
        .records(&["jackpot.configured"])
        .when(commands::seed("J1", SeedMovement::CostToPool, "1000"))
        .applied()
}

fn held(pool: &HouseScenario) -> String {
    pool.house().state().jackpot().unwrap().amount(currency("EUR")).unwrap().to_string()
}

fn bet_for(of: &str, id: &str, round: &str, stake: &str, share: &str) -> PlaceBet {
    let jackpot = player_commands::sub_account(of);
    let share = JackpotShare { jackpot, kind: JackpotKind::Local, amount: decimal(share) };
    PlaceBet { contributions: vec![share], ..player_commands::bet(id, round, stake) }
}

/// A player with 100 who lost 10 of it, of which a share went to the jackpot.
fn played(share: &str) -> Scenario {
    given().cash("100").when(bet_for("mega", "T1", "R", "10", share)).applied().close("C1", "R").applied()
}

fn tally(commits: &[CommitBody]) -> JackpotTally {
    let mut tally = JackpotTally::default();
    for body in commits {
        tally.add(body).unwrap();
    }
    tally
}

/// What a player's log booked for the jackpot, as the sweep of shard 3.
fn swept(player: &Scenario) -> SweepJackpot {
    let commits = player.ledger().commits();
    let up_to = u64::try_from(commits.len()).unwrap();
    tally(commits).sweep(&commands::house("jackpot/mega"), 3, 0, up_to).unwrap()
}

/// The command that follows the last commit of a player.
fn after_player(player: &Scenario) -> HouseCommand {
    match jackpot_steps(player.ledger().commits().last().unwrap()).unwrap().as_slice() {
        [JackpotStep::House(house, command)] if house.as_str() == "jackpot/mega" => command.clone(),
        steps => panic!("{steps:?}"),
    }
}

/// The command that follows the last commit of a pool.
fn after_pool(pool: &HouseScenario) -> PlayerCommand {
    match jackpot_steps(pool.house().commits().last().unwrap()).unwrap().as_slice() {
        [JackpotStep::Player(_, command)] => command.clone(),
        steps => panic!("{steps:?}"),
    }
}

/// What the accounts of players and pools come to together.
fn together(players: &[&TestLedger], pools: &[&TestHouse]) -> BTreeMap<String, String> {
    let mut sums: BTreeMap<String, rust_decimal::Decimal> = BTreeMap::new();
    let texts = players.iter().map(|ledger| ledger.account_texts());
    for (account, text) in texts.chain(pools.iter().map(|pool| pool.account_texts())).flatten() {
        *sums.entry(account).or_default() += decimal(&text);
    }
    let sums = sums.into_iter().filter(|(_, sum)| !sum.is_zero());
    sums.map(|(account, sum)| (account, sum.normalize().to_string())).collect()
}

fn expected(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(account, text)| ((*account).to_owned(), (*text).to_owned())).collect()
}

// The way of a jackpot.

#[test]
fn p36_a_claim_is_awarded_by_the_pool_and_paid_by_the_players_commit() {
    let player = played("0.125");
    let pool = pool().when(swept(&player)).applied().records(&["jackpot.swept"]);
    assert_eq!(held(&pool), "1000.125000");
    let claimed = player.when(player_commands::claim_jackpot("K1", "R")).applied();
    let claimed = claimed.records(&["jackpot.claimed"]).available("90.00");
    let awarded = pool.when(after_player(&claimed)).applied().records(&["entry.posted", "jackpot.awarded"]);
    // The fraction of a cent and the seed are what the next one begins with.
    assert_eq!(held(&awarded), "100.005000");
    let awarded = awarded.accounts(&[
        ("jackpot:seed_cost of mega", "1100.000000"),
        ("jackpot:liability of mega", "1100.000000"),
    ]);
    let paid = claimed.when(after_pool(&awarded)).applied().records(&["entry.posted", "jackpot.paid"]);
    let paid = paid.accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "1090.12"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:jackpot_contribution of mega", "0.125000"),
        ("jackpot:liability of mega", "-999.995000"),
    ]);
    assert!(paid.ledger().state().jackpot_claims().is_empty());
    let settled = awarded.when(after_player(&paid)).applied().records(&["jackpot.award_settled"]);
    assert!(settled.house().state().jackpot().unwrap().open_awards().is_empty());
    assert_eq!(
        together(&[paid.ledger()], &[settled.house()]),
        expected(&[
            ("psp:clearing of psp", "100"),
            ("player:cash", "1090.12"),
            ("gaming:stakes of game", "10"),
            ("gaming:jackpot_contribution of mega", "0.125"),
            ("jackpot:seed_cost of mega", "1100"),
            ("jackpot:liability of mega", "100.005"),
        ])
    );
}

#[test]
fn every_step_of_a_jackpot_may_come_again() {
    let player = played("0.125").when(player_commands::claim_jackpot("K1", "R"));
    let sweep = swept(&player);
    let claim = after_player(&player);
    let pool = pool().when(sweep.clone()).when(sweep).replayed().when(claim.clone()).when(claim).replayed();
    let pay = after_pool(&pool);
    let player = player.when(pay.clone()).applied();
    let paid = after_player(&player);
    let player = player.when(pay).replayed("applied").when(player_commands::claim_jackpot("K1", "R"));
    let _ = player.replayed("applied");
    let pool = pool.when(paid.clone()).applied().when(paid).replayed();
    // Paid is not refused, whoever says so.
    let _ = pool.when(commands::award_refused(1)).refused("key_reused");
}

/// E38: the pool's log orders them, in whichever shards their players are.
#[test]
fn e38_of_two_claims_the_first_gets_the_pool_and_the_second_the_new_one() {
    let pool = pool().when(commands::sweep(0, 0, 5, "50.25")).when(commands::sweep(9, 0, 2, "0.755"));
    assert_eq!(held(&pool), "1051.005000");
    let first = pool.when(commands::award("p2", "K1")).applied();
    let second = first.when(commands::award("p1", "K1")).applied();
    let awards = second.house().state().jackpot().unwrap().open_awards();
    let got: Vec<_> =
        awards.iter().map(|won| (won.number, won.claim.player.as_str(), won.amount.to_string())).collect();
    assert_eq!(got, [(1, "p2", "1051.00".to_owned()), (2, "p1", "100.00".to_owned())]);
    assert_eq!(held(&second), "100.005000");
    let _ = second.accounts(&[
        ("jackpot:seed_cost of mega", "1200.000000"),
        ("jackpot:liability of mega", "1200.000000"),
    ]);
}

/// E36: a pool that cannot be won grows, what is not paid is carried, and nothing is rounded away.
#[test]
fn e36_no_contribution_is_lost_and_what_is_not_paid_is_carried() {
    let terms = JackpotTerms { must_hit_by: Some(amount("1200.00")), ..jackpot_terms("0.00") };
    let pool = configured(terms)
        .when(commands::jackpot_status("S1", JackpotStatus::Suspended))
        .applied()
        .when(commands::award("p1", "K1"))
        .refused_as(&no(NotAllowedReason::JackpotSuspended))
        .when(commands::sweep(0, 0, 1, "199.999999"))
        .applied();
    assert!(!pool.house().state().jackpot().unwrap().must_hit());
    let pool = pool.when(commands::sweep(0, 1, 2, "100.000001")).applied();
    assert!(pool.house().state().jackpot().unwrap().must_hit());
    let awarded = pool
        .when(commands::jackpot_status("S2", JackpotStatus::Open))
        .applied()
        .when(commands::award("p1", "K1"))
        .applied()
        .records(&["jackpot.awarded"]);
    assert_eq!(awarded.house().state().jackpot().unwrap().open_awards()[0].amount, amount("1200.00"));
    assert_eq!(held(&awarded), "100.000000");
    // What is less than a cent is nobody's win, and stays.
    let rest = awarded.when(commands::award("p1", "K2")).applied().when(commands::sweep(0, 2, 3, "0.009999"));
    let left = Rejection::ExceedsRest { left: amount("0.009999"), currency: currency("EUR") };
    let rest = rest.when(commands::award("p1", "K3")).rejected("exceeds_rest").refused_as(&left);
    let _ = rest.when(commands::sweep(0, 3, 4, "0.000001")).when(commands::award("p1", "K3")).applied();
}

#[test]
fn p35_the_next_seed_comes_from_the_reserve_as_far_as_that_goes() {
    let pool = pool().when(commands::seed("J2", SeedMovement::CostToReserve, "30")).applied();
    let awarded = pool.when(commands::award("p1", "K1")).applied().accounts(&[
        ("jackpot:seed_cost of mega", "1100.000000"),
        ("jackpot:liability of mega", "1100.000000"),
    ]);
    let Some(Event::JackpotAwarded(event)) = awarded.house().events().last().map(|record| &record.event)
    else {
        panic!("no award");
    };
    assert_eq!(event.seed_from_reserve, Some(amount("30.000000")));
    assert_eq!(event.seed_from_cost, Some(amount("70.000000")));
    assert_eq!((event.carried, event.entry), (amount("0.000000"), Some(3)));
    // All of it from the reserve.
    let _ = awarded
        .when(commands::seed("J3", SeedMovement::CostToReserve, "250"))
        .when(commands::award("p1", "K2"))
        .applied()
        .accounts(&[
            ("jackpot:seed_cost of mega", "1350.000000"),
            ("jackpot:seed_reserve of mega", "150.000000"),
            ("jackpot:liability of mega", "1200.000000"),
        ]);
}

// Sweeps.

#[test]
fn sweeps_come_in_order_without_a_gap_or_an_overlap() {
    let out_of_order = no(NotAllowedReason::SweepOutOfOrder);
    let pool = pool().when(commands::sweep(3, 0, 10, "5")).applied();
    for (after, up_to) in [(11, 12), (9, 12), (10, 10), (10, 9)] {
        let _ = pool.clone().when(commands::sweep(3, after, up_to, "5")).refused_as(&out_of_order);
    }
    // Each shard has its own positions.
    let pool = pool.when(commands::sweep(4, 1, 2, "1")).refused_as(&out_of_order);
    let pool =
        pool.when(commands::sweep(4, 0, 2, "1")).applied().when(commands::sweep(3, 10, 12, "2")).applied();
    // The same stretch again is a copy; with another sum it is another.
    let pool = pool.when(commands::sweep(3, 0, 10, "5.00")).replayed();
    let pool = pool.when(commands::sweep(3, 0, 10, "6")).refused("key_reused");
    let pool = pool.when(commands::sweep(3, 0, 12, "5")).refused("key_reused");
    assert_eq!(held(&pool), "1008.000000");
    let known = pool.house().state().jackpot().unwrap();
    assert_eq!((known.swept(&SweepOrigin::Shard(3)), known.swept(&SweepOrigin::Shard(4))), (12, 2));
    // A stretch in which nothing was booked moves the position too.
    let nothing = SweepJackpot { parts: Vec::new(), ..commands::sweep(3, 12, 90, "0") };
    let pool = pool.when(nothing).applied();
    assert_eq!(pool.house().state().jackpot().unwrap().swept(&SweepOrigin::Shard(3)), 90);
}

#[test]
fn a_sweep_says_what_was_booked_in_each_currency_once() {
    let part = |code: &str, contributed: &str, drawn: &str| SweepPart {
        currency: currency(code),
        contributed: decimal(contributed),
        drawn: decimal(drawn),
    };
    let of = |parts| SweepJackpot { parts, ..commands::sweep(3, 0, 1, "0") };
    let pool = pool();
    let refused = |parts, code: &str| drop(pool.clone().when(of(parts)).refused(code));
    refused(vec![part("EUR", "0.0000001", "0")], "precision");
    refused(vec![part("EUR", "1", "0.0000001")], "precision");
    refused(vec![part("EUR", "1", "-1")], "invalid_amount");
    refused(vec![part("XXX", "1", "0")], "currency_unknown");
    let twice = of(vec![part("EUR", "1", "0"), part("EUR", "1", "0")]);
    let _ = pool.clone().when(twice).refused_as(&no(NotAllowedReason::Lines));
    // What is in another currency is known, and nobody wins it.
    let both = of(vec![part("USD", "7.5", "0"), part("EUR", "-1.5", "20")]);
    let pool = pool.when(both).applied();
    let known = pool.house().state().jackpot().unwrap();
    assert_eq!(known.amount(currency("USD")), Some(amount("7.500000")));
    assert_eq!(held(&pool), "978.500000");
}

#[test]
fn what_is_diverted_goes_to_the_reserve_and_what_goes_back_comes_out_of_the_pool() {
    let terms = JackpotTerms { diversion: BasisPoints::new(2_500).unwrap(), ..jackpot_terms("100.00") };
    let pool = configured(terms).when(commands::sweep(0, 0, 1, "10.000003")).applied();
    let pool = pool.records(&["entry.posted", "jackpot.swept"]).accounts(&[
        ("jackpot:seed_cost of mega", "1000.000000"),
        ("jackpot:seed_reserve of mega", "2.500000"),
        ("jackpot:liability of mega", "997.500000"),
    ]);
    assert_eq!(held(&pool), "1007.500003");
    // What left the pool was booked there by players' commits: 10.000003.
    let back = pool.when(commands::sweep(0, 1, 2, "-4")).applied().records(&["jackpot.swept"]);
    assert_eq!(held(&back), "1003.500003");
}

#[test]
fn what_is_above_the_ceiling_goes_to_another_jackpot_or_the_reserve() {
    let ceiling = JackpotTerms { ceiling: Some(amount("1005.00")), ..jackpot_terms("100.00") };
    let to_reserve = configured(ceiling.clone()).when(commands::sweep(0, 0, 1, "12.345678")).applied();
    assert_eq!(held(&to_reserve), "1005.000000");
    let _ = to_reserve.accounts(&[
        ("jackpot:seed_cost of mega", "1000.000000"),
        ("jackpot:seed_reserve of mega", "7.345678"),
        ("jackpot:liability of mega", "992.654322"),
    ]);
    let terms = JackpotTerms {
        overflow: Some(jackpot("mini")),
        diversion: BasisPoints::new(1_000).unwrap(),
        ..ceiling
    };
    let pool = configured(terms).when(commands::sweep(0, 0, 1, "12.345678")).applied();
    assert_eq!(held(&pool), "1005.000000");
    let pool = pool.accounts(&[
        ("jackpot:seed_cost of mega", "1000.000000"),
        ("jackpot:seed_reserve of mega", "1.234567"),
        ("jackpot:liability of mega", "992.654322"),
        ("jackpot:liability of mini", "6.111111"),
    ]);
    // The other is told, once.
    let steps = jackpot_steps(pool.house().commits().last().unwrap()).unwrap();
    let [JackpotStep::House(house, tell)] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(house.as_str(), "jackpot/mini");
    let mini = given_house("jackpot/mini").when(tell.clone()).applied().accounts(&[]);
    let mini = mini.when(tell.clone()).replayed();
    assert_eq!(held(&mini), "6.111111");
    // What was above it by a seed is no contribution, and stays.
    let more =
        pool.when(commands::seed("J2", SeedMovement::CostToPool, "50")).when(commands::sweep(0, 1, 2, "1"));
    assert_eq!(held(&more), "1055.000000");
    let told = more.house().state().jackpot().unwrap().overflows(&jackpot("mini"));
    assert_eq!(told, 2);
}

/// Each jackpot that gets something of another counts for itself, so none waits for what went elsewhere.
#[test]
fn what_leaves_a_pool_is_told_to_each_target_from_its_first_on() {
    let terms = JackpotTerms {
        ceiling: Some(amount("1005.00")),
        overflow: Some(jackpot("mini")),
        ..jackpot_terms("100.00")
    };
    let tell = |pool: &HouseScenario, to: &str| {
        let steps = jackpot_steps(pool.house().commits().last().unwrap()).unwrap();
        let [JackpotStep::House(house, tell)] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!(house.as_str(), to);
        tell.clone()
    };
    let first = configured(terms).when(commands::sweep(0, 0, 1, "10")).applied();
    let mini = given_house("jackpot/mini").when(tell(&first, "jackpot/mini")).applied();
    let closed = first.when(commands::close_jackpot("X1", "major")).applied();
    let major = given_house("jackpot/major").when(tell(&closed, "jackpot/major")).applied();
    assert_eq!((held(&mini).as_str(), held(&major).as_str()), ("5.000000", "1005.000000"));
    let later = closed.when(commands::sweep(0, 1, 2, "1")).applied();
    assert_eq!(held(&major.when(tell(&later, "jackpot/major")).applied()), "1006.000000");
}

/// Of two jackpots that name each other neither sends back what it got of the other.
#[test]
fn what_came_from_a_jackpot_is_not_sent_back_to_it() {
    let from = |jackpot_of: &str| SweepJackpot {
        origin: SweepOrigin::Jackpot(jackpot(jackpot_of)),
        ..commands::sweep(0, 0, 1, "3")
    };
    let full = JackpotTerms {
        ceiling: Some(amount("1000.00")),
        overflow: Some(jackpot("mini")),
        ..jackpot_terms("100.00")
    };
    let kept = configured(full.clone()).when(from("mini")).applied();
    assert_eq!(held(&kept), "1000.000000");
    let kept = kept.accounts(&[
        ("jackpot:liability of mega", "997.000000"),
        ("jackpot:seed_cost of mega", "1000.000000"),
        ("jackpot:seed_reserve of mega", "3.000000"),
    ]);
    assert_eq!(kept.house().state().jackpot().unwrap().overflows(&jackpot("mini")), 0);
    let passed = configured(full.clone()).when(from("other")).applied();
    assert_eq!(passed.house().state().jackpot().unwrap().overflows(&jackpot("mini")), 1);
    let closed = configured(full).when(commands::close_jackpot("X1", "mini")).applied();
    let stays = closed.when(from("mini")).applied();
    assert_eq!(held(&stays), "3.000000");
}

/// S98, S99: what a provider decides itself is drawn from the liability, and the pool learns of it.
#[test]
fn s98_a_jackpot_that_its_provider_pays_is_drawn_from_the_pool() {
    let won = GrantCredit {
        of: player_commands::sub_account("mega"),
        ..player_commands::credit("L1", CreditKind::LocalJackpot, "400")
    };
    let player = played("0.5").when(won).applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "490.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:jackpot_contribution of mega", "0.500000"),
        ("jackpot:liability of mega", "-399.500000"),
    ]);
    let sweep = swept(&player);
    assert_eq!((sweep.parts[0].contributed, sweep.parts[0].drawn), (decimal("0.5"), decimal("400")));
    let pool = pool().when(sweep).applied();
    assert_eq!(held(&pool), "600.500000");
}

/// A stake that goes back takes its contribution along, also if that was won by then.
#[test]
fn what_goes_back_after_it_was_won_is_made_up_for_by_what_comes() {
    let terms = jackpot_terms("0.00");
    let pool = given_house("jackpot/mega").when(commands::configure("C1", terms));
    let pool = pool.when(commands::sweep(0, 0, 1, "5")).when(commands::award("p1", "K1")).applied();
    let pool = pool.when(commands::sweep(0, 1, 2, "-2")).applied();
    assert_eq!(held(&pool), "-2.000000");
    let left = Rejection::ExceedsRest { left: amount("-2.000000"), currency: currency("EUR") };
    let pool = pool.when(commands::award("p1", "K2")).refused_as(&left);
    let pool = pool.when(commands::sweep(0, 2, 3, "3")).when(commands::award("p1", "K2")).applied();
    assert_eq!(pool.house().state().jackpot().unwrap().open_awards()[1].amount, amount("1.00"));
}

// Claims.

#[test]
fn a_claim_is_withdrawn_with_its_round() {
    let claimed =
        given().cash("100").bet("T1", "R", "10").when(player_commands::claim_jackpot("K1", "R")).applied();
    let awarded = pool().when(after_player(&claimed)).applied();
    let undone = claimed.clone().rollback("X1", "T1").applied();
    let undone = undone.records(&["entry.posted", "bet.rolled_back", "jackpot.claim_withdrawn"]);
    let undone = undone.accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    let last = undone.ledger().events().last().unwrap();
    let Event::JackpotClaimWithdrawn(event) = &last.event else { panic!("{last:?}") };
    assert_eq!((event.cause, event.by.as_ref()), (ClaimEnd::RoundUndone, None));
    let refused = undone.when(after_pool(&awarded)).refused_as(&no(NotAllowedReason::ClaimNotOpen));
    // The pool gets it back.
    let back = awarded.house().state().jackpot().unwrap().open_awards()[0].refused();
    let pool = awarded.when(back).applied();
    assert_eq!(held(&pool), "1100.000000");
    // A claim on a round that was undone is none.
    let _ = refused.when(player_commands::claim_jackpot("K2", "R")).rejected("txn_cancelled");
    let voided = claimed.void_round("V1", "R").applied();
    assert!(voided.ledger().state().jackpot_claims().is_empty());
}

#[test]
fn a_bet_that_goes_back_beside_another_leaves_the_claim_alone() {
    let claimed = given()
        .cash("100")
        .bet("T1", "R", "10")
        .bet("T2", "R", "10")
        .when(player_commands::claim_jackpot("K1", "R"))
        .rollback("X1", "T1")
        .applied();
    assert_eq!(claimed.ledger().state().jackpot_claims().len(), 1);
    let claim = &claimed.ledger().state().jackpot_claims()[0];
    assert_eq!((claim.of.id.as_str(), claim.jackpot.as_str(), claim.round.as_str()), ("K1", "mega", "R"));
    // One of another round, too.
    let other = claimed.bet("T3", "Q", "10").rollback("X2", "T3").applied();
    assert_eq!(other.ledger().state().jackpot_claims().len(), 1);
    let _ = other
        .rollback("X3", "T2")
        .applied()
        .when(player_commands::pay_jackpot("K1", 1, "5"))
        .refused_as(&no(NotAllowedReason::ClaimNotOpen));
}

/// A settled round that is called off as a whole takes its claim along, unless it was paid.
#[test]
fn a_claim_that_was_paid_stands_whatever_becomes_of_its_round() {
    let claimed = played("0.5").when(player_commands::claim_jackpot("K1", "R")).applied();
    let called_off = claimed.clone().when(player_commands::void_settled_round("V1", "R")).applied();
    assert!(called_off.ledger().state().jackpot_claims().is_empty());
    let paid = claimed.when(player_commands::pay_jackpot("K1", 1, "1000")).applied();
    let paid = paid.when(player_commands::void_settled_round("V1", "R")).applied();
    let _ = paid.accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "1100.00"),
        ("jackpot:liability of mega", "-1000.000000"),
    ]);
}

/// A provider that rolls back the id of its claim takes it back, whether it came before the claim or after it.
#[test]
fn a_claim_is_rolled_back_by_its_id() {
    let played = played("0.5");
    let claimed = played.clone().when(player_commands::claim_jackpot("K1", "R")).applied();
    let awarded = pool().when(after_player(&claimed)).applied();
    let back = claimed.rollback("X1", "K1").tombstoned();
    let back = back.records(&["txn.tombstoned", "jackpot.claim_withdrawn"]);
    let Some(Event::JackpotClaimWithdrawn(event)) = back.ledger().events().last().map(|r| &r.event) else {
        panic!("the claim stands");
    };
    assert_eq!(event.cause, ClaimEnd::RolledBack);
    let _ = back.when(after_pool(&awarded)).rejected("txn_cancelled");
    let before = played.rollback("X1", "K1").tombstoned();
    let _ = before.when(player_commands::claim_jackpot("K1", "R")).rejected("txn_cancelled");
}

#[test]
fn of_a_payment_and_a_withdrawal_the_first_counts() {
    let claimed = played("0.5").when(player_commands::claim_jackpot("K1", "R")).applied();
    let withdrawn = claimed.clone().when(player_commands::withdraw_claim("K1")).applied();
    let withdrawn = withdrawn.records(&["jackpot.claim_withdrawn"]);
    let withdrawn = withdrawn.when(player_commands::withdraw_claim("K1")).replayed("applied");
    let _ = withdrawn.when(player_commands::pay_jackpot("K1", 1, "1000")).refused("key_reused");
    let paid = claimed.when(player_commands::pay_jackpot("K1", 1, "1000")).applied();
    let paid = paid.when(player_commands::withdraw_claim("K1")).refused("key_reused");
    let _ = paid.when(player_commands::withdraw_claim("K9")).refused_as(&no(NotAllowedReason::ClaimNotOpen));
}

/// A payment is the ledger's own: also where the ids of a source are unique over all kinds of its operations.
#[test]
fn a_claim_is_paid_whatever_the_scope_of_its_sources_keys() {
    let player = played("0.5").scope(KeyScope::AnyKind);
    let player = player.when(bet_for("mega", "T2", "R2", "10", "0.5")).applied();
    let claimed = player
        .when(ClaimJackpot { id: player_commands::txn("C9"), ..player_commands::claim_jackpot("C9", "R2") });
    let claimed = claimed.applied();
    let pool = pool().when(after_player(&claimed)).applied();
    let paid = claimed.when(after_pool(&pool)).applied();
    assert!(paid.ledger().state().jackpot_claims().is_empty());
}

#[test]
fn a_payment_is_of_the_claim_it_names() {
    let mismatch = |field| Rejection::Mismatch { field };
    let claimed = given()
        .when(player_commands::add_purse("W1", "USD"))
        .cash("100")
        .bet("T1", "R", "10")
        .when(player_commands::claim_jackpot("K1", "R"))
        .applied();
    let pay = || player_commands::pay_jackpot("K1", 1, "1000");
    let wrong: [(PayJackpot, Rejection); 5] = [
        (PayJackpot { jackpot: jackpot("mini"), ..pay() }, mismatch(MismatchField::Jackpot)),
        (PayJackpot { kind: AccountKind::Test, ..pay() }, mismatch(MismatchField::Kind)),
        (PayJackpot { currency: currency("USD"), ..pay() }, mismatch(MismatchField::Currency)),
        (player_commands::pay_jackpot("K1", 1, "0"), Rejection::InvalidAmount { amount: "0".to_owned() }),
        (
            player_commands::pay_jackpot("K1", 1, "0.001"),
            Rejection::Precision { amount: "0.001".to_owned(), scale: 2 },
        ),
    ];
    for (pay, refusal) in wrong {
        let _ = claimed.clone().when(pay).refused_as(&refusal);
    }
    let _ = claimed.when(pay()).applied();
}

#[test]
fn a_claim_names_a_round_and_a_purse_of_the_player_and_there_is_room() {
    let none = Rejection::BetNotFound { round: player_commands::round("Q") };
    let player = given().cash("100").bet("T1", "R", "10");
    let player = player.when(player_commands::claim_jackpot("K1", "Q")).refused_as(&none);
    let foreign = ClaimJackpot { currency: currency("USD"), ..player_commands::claim_jackpot("K1", "R") };
    let mut player = player.when(foreign).rejected("currency_mismatch");
    for at in 0..JACKPOT_CLAIMS_MAX {
        player = player.when(player_commands::claim_jackpot(&format!("K{at}"), "R")).applied();
    }
    let full = Rejection::CapacityExceeded { what: Capacity::JackpotClaims, maximum: 64 };
    let _ = player
        .when(player_commands::claim_jackpot("K99", "R"))
        .refused_as(&full)
        .when(player_commands::withdraw_claim("K7"))
        .when(player_commands::claim_jackpot("K99", "R"))
        .applied();
}

/// A claim comes with the settlement of its round in one commit, and is paid whatever the player's standing.
#[test]
fn a_claim_may_come_with_the_result_and_is_paid_to_a_closed_player() {
    let batch = player_commands::batch(vec![
        player_commands::win_close("W1", "R", "0").into(),
        player_commands::claim_jackpot("K1", "R").into(),
    ]);
    let claimed = given().cash("100").bet("T1", "R", "10").when(batch).applied();
    let _ = claimed
        .when(player_commands::close_player("Z1"))
        .applied()
        .when(player_commands::pay_jackpot("K1", 1, "50"))
        .applied()
        .available("140.00");
}

// Terms and status.

#[test]
fn e18_parameters_change_by_two_persons_and_stand_in_the_log() {
    let first = jackpot_terms("100.00");
    let pool = pool();
    let _ = pool
        .clone()
        .when(commands::configure("C2", first.clone()))
        .refused_as(&no(NotAllowedReason::Unchanged));
    let alone = ConfigureJackpot {
        approved_by: player_commands::person("anna"),
        ..commands::configure("C2", jackpot_terms("200.00"))
    };
    let pool = pool.when(alone).refused_as(&no(NotAllowedReason::SamePerson));
    let pool = pool.when(commands::configure("C2", jackpot_terms("200.00"))).applied();
    let known = pool.house().state().jackpot().unwrap();
    assert_eq!((known.terms_version(), known.terms().unwrap().seed), (2, amount("200.00")));
    let in_dollars = JackpotTerms { currency: currency("USD"), ..first };
    let differs = Rejection::Mismatch { field: MismatchField::Currency };
    let _ = pool.when(commands::configure("C3", in_dollars)).refused_as(&differs);
}

#[test]
fn terms_that_contradict_themselves_are_refused() {
    let usual = || jackpot_terms("100.00");
    let points = |points| BasisPoints::new(points).unwrap();
    let contradictory = [
        JackpotTerms { must_hit_by: Some(amount("100.00")), ..usual() },
        JackpotTerms { ceiling: Some(amount("99.99")), ..usual() },
        JackpotTerms { overflow: Some(jackpot("mini")), ..usual() },
        JackpotTerms { overflow: Some(jackpot("mega")), ceiling: Some(amount("500.00")), ..usual() },
    ];
    let amounts = [
        JackpotTerms { seed: amount("-1.00"), ..usual() },
        JackpotTerms { seed: amount("100"), ..usual() },
        JackpotTerms { must_hit_by: Some(amount("500.000")), ..usual() },
        JackpotTerms { ceiling: Some(amount("9000000000000.00")), ..usual() },
        JackpotTerms { diversion: points(10_001), ..usual() },
        JackpotTerms { rate: JackpotRate::Share(points(10_001)), ..usual() },
        JackpotTerms { rate: JackpotRate::Fixed(amount("0.01")), ..usual() },
        JackpotTerms {
            games: [(player_commands::game("game"), JackpotRate::Fixed(amount("-0.010000")))].into(),
            ..usual()
        },
    ];
    let house = || given_house("jackpot/mega");
    for terms in contradictory {
        let _ =
            house().when(commands::configure("C1", terms)).refused_as(&no(NotAllowedReason::JackpotTerms));
    }
    for terms in amounts {
        let _ =
            house().when(commands::configure("C1", terms)).refused_as(&no(NotAllowedReason::TermsAmounts));
    }
    let games = (0..=JACKPOT_GAMES_MAX).map(|n| (player_commands::game(&format!("g{n}")), usual().rate));
    let many = JackpotTerms { games: games.collect(), ..usual() };
    let full = Rejection::CapacityExceeded { what: Capacity::GamesOfJackpot, maximum: 1_024 };
    let _ = house().when(commands::configure("C1", many)).refused_as(&full);
    let unknown = JackpotTerms { currency: currency("XXX"), ..usual() };
    let _ = house().when(commands::configure("C1", unknown)).refused("currency_unknown");
}

#[test]
fn a_jackpot_without_terms_is_not_won() {
    let without = no(NotAllowedReason::JackpotWithoutTerms);
    let pool = given_house("jackpot/mega").when(commands::sweep(0, 0, 1, "5")).applied();
    let pool = pool.when(commands::award("p1", "K1")).refused_as(&without);
    let pool = pool.when(commands::jackpot_status("S1", JackpotStatus::Suspended)).refused_as(&without);
    // What came before is in it.
    let pool = pool.when(commands::configure("C1", jackpot_terms("0.00"))).applied();
    assert_eq!(held(&pool), "5.000000");
    let other = AwardJackpot { currency: currency("USD"), ..commands::award("p1", "K1") };
    let _ = pool.when(other).rejected("currency_mismatch").when(commands::award("p1", "K1")).applied();
}

#[test]
fn a_closed_jackpot_moves_on_to_another_with_all_that_still_comes() {
    let terms = JackpotTerms { diversion: BasisPoints::new(5_000).unwrap(), ..jackpot_terms("100.00") };
    let pool =
        configured(terms).when(commands::sweep(0, 0, 1, "10")).when(commands::award("p1", "K1")).applied();
    let pool = pool.when(commands::close_jackpot("S1", "mini")).refused_as(&no(NotAllowedReason::AwardsOpen));
    let pool = pool.when(commands::award_paid(1, 9)).applied();
    for wrong in [
        ChangeJackpotStatus { moves_to: None, ..commands::close_jackpot("S1", "mini") },
        commands::close_jackpot("S1", "mega"),
        ChangeJackpotStatus { status: JackpotStatus::Suspended, ..commands::close_jackpot("S1", "mini") },
    ] {
        let _ = pool.clone().when(wrong).refused_as(&no(NotAllowedReason::JackpotTarget));
    }
    let same = commands::jackpot_status("S1", JackpotStatus::Open);
    let pool = pool.when(same).refused_as(&no(NotAllowedReason::Unchanged));
    let pool = pool.when(commands::seed("J5", SeedMovement::CostToReserve, "3")).applied();
    let closed = pool.when(commands::close_jackpot("S1", "mini")).applied();
    let closed = closed.records(&["entry.posted", "jackpot.status_changed"]).accounts(&[
        ("jackpot:seed_cost of mega", "1098.000000"),
        ("jackpot:liability of mega", "995.000000"),
        ("jackpot:liability of mini", "103.000000"),
    ]);
    assert_eq!(held(&closed), "0.000000");
    let shut = no(NotAllowedReason::JackpotClosed);
    let closed = closed
        .when(commands::award("p1", "K2"))
        .refused_as(&shut)
        .when(commands::configure("C9", jackpot_terms("1.00")))
        .refused_as(&shut)
        .when(commands::seed("J9", SeedMovement::CostToPool, "1"))
        .refused_as(&shut)
        .when(commands::jackpot_status("S2", JackpotStatus::Open))
        .refused_as(&shut);
    // What comes late goes on; first what went back is made up for.
    let closed = closed.when(commands::sweep(0, 1, 2, "-1")).when(commands::sweep(0, 2, 3, "1.5")).applied();
    let closed = closed.records(&["entry.posted", "jackpot.swept"]).accounts(&[
        ("jackpot:seed_cost of mega", "1098.000000"),
        ("jackpot:liability of mega", "994.500000"),
        ("jackpot:liability of mini", "103.500000"),
    ]);
    // The other takes both in, in their order.
    let told: Vec<_> =
        closed.house().commits().iter().flat_map(|body| jackpot_steps(body).unwrap()).collect();
    let mut mini = given_house("jackpot/mini").when(commands::configure("C1", jackpot_terms("0.00")));
    for step in told {
        if let JackpotStep::House(_, command) = step {
            mini = mini.when(command).applied();
        }
    }
    assert_eq!(held(&mini), "103.500000");
}

#[test]
fn what_a_pool_keeps_is_bounded() {
    let part = SweepPart { currency: currency("EUR"), contributed: decimal("1"), drawn: decimal("0") };
    let codes = CurrencyRegistry::standard();
    let parts: Vec<_> = codes
        .iter()
        .take(JACKPOT_SWEEP_PARTS_MAX + 1)
        .map(|known| SweepPart { currency: known.code(), ..part.clone() })
        .collect();
    let many = SweepJackpot { parts, ..commands::sweep(0, 0, 1, "0") };
    let full = Rejection::CapacityExceeded { what: Capacity::PartsOfSweep, maximum: 64 };
    let _ = pool().when(many).refused_as(&full);
    let mut house = pool().house().clone();
    for shard in 0..SWEEP_ORIGINS_MAX {
        let shard = u16::try_from(shard).unwrap();
        house.execute(&commands::sweep(shard, 0, 1, "1").into()).unwrap();
    }
    let refused =
        |house: &mut TestHouse, command: HouseCommand| house.execute(&command).unwrap().outcome.text();
    assert_eq!(refused(&mut house, commands::sweep(9_999, 0, 1, "1").into()), "refused:capacity_exceeded");
    assert_eq!(refused(&mut house, commands::sweep(7, 1, 2, "1").into()), "applied");
    house.execute(&commands::configure("C2", jackpot_terms("1.00")).into()).unwrap();
    for claim in 0..OPEN_JACKPOT_AWARDS_MAX {
        assert_eq!(refused(&mut house, commands::award("p1", &format!("K{claim}")).into()), "applied");
    }
    assert_eq!(refused(&mut house, commands::award("p1", "K").into()), "refused:capacity_exceeded");
    assert_eq!(refused(&mut house, commands::award_refused(7).into()), "applied");
    assert_eq!(refused(&mut house, commands::award_refused(7).into()), "replayed:applied");
    let unknown = house.execute(&commands::award_paid(9_999, 1).into()).unwrap().outcome.text();
    assert_eq!(unknown, "rejected:not_allowed");
    assert_eq!(refused(&mut house, commands::award("p1", "K").into()), "applied");
}

/// A pool of test money is another one: it learns of test players only, and pays no other.
#[test]
fn p53_a_jackpot_of_test_money_is_another() {
    let open = OpenPlayer { kind: AccountKind::Test, ..player_commands::open(&["EUR"]) };
    let player = ledger_core::testing::given_nobody()
        .when(open)
        .cash("100")
        .when(bet_for("mega", "T1", "R", "10", "0.5"))
        .close("C1", "R")
        .when(player_commands::claim_jackpot("K1", "R"))
        .applied();
    let tally = tally(player.ledger().commits());
    let test = tally.sweep(&commands::house("test/jackpot/mega"), 3, 0, 5).unwrap();
    assert_eq!(test.parts[0].contributed, decimal("0.5"));
    let real = tally.sweep(&commands::house("jackpot/mega"), 3, 0, 5).unwrap();
    assert!(real.parts.is_empty());
    assert_eq!(tally.sweep(&commands::house("treasury"), 3, 0, 5), None);
    let steps = jackpot_steps(player.ledger().commits().last().unwrap()).unwrap();
    let [JackpotStep::House(house, award)] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(house.as_str(), "test/jackpot/mega");
    let pool = given_house("test/jackpot/mega")
        .when(commands::configure("C1", jackpot_terms("10.00")))
        .when(commands::seed("J1", SeedMovement::CostToPool, "100"))
        .when(award.clone())
        .applied();
    let paid = player.when(after_pool(&pool)).applied().accounts(&[
        ("psp:clearing of psp test", "100.00"),
        ("player:cash test", "190.00"),
        ("gaming:stakes of game test", "10.00"),
        ("gaming:jackpot_contribution of mega test", "0.500000"),
        ("jackpot:liability of mega test", "-99.500000"),
    ]);
    let steps = jackpot_steps(paid.ledger().commits().last().unwrap()).unwrap();
    assert!(matches!(&steps[..], [JackpotStep::House(house, _)] if house.as_str() == "test/jackpot/mega"));
}

// I15.

/// The logs of a pool, with something of everything in it.
fn staged() -> TestHouse {
    let terms = JackpotTerms { diversion: BasisPoints::new(2_500).unwrap(), ..jackpot_terms("100.00") };
    configured(terms)
        .when(commands::sweep(0, 0, 1, "10"))
        .when(commands::award("p1", "K1"))
        .when(commands::award("p1", "K2"))
        .when(commands::award_refused(2))
        .applied()
        .house()
        .clone()
}

#[test]
fn i15_a_pool_that_does_not_add_up() {
    let house = staged();
    let id = commands::house("jackpot/mega");
    let check = |plant: &dyn Fn(&mut Vec<CommitBody>)| {
        let mut commits = house.commits().to_vec();
        plant(&mut commits);
        let journal = invariants::journal(&commits);
        invariants::i15_a_pool_adds_up(&id, &commits, house.state(), &journal)
    };
    assert_eq!(check(&|_| {}), Ok(()));
    // A contribution that is lost, an award that carries too little, one that is made twice, an entry that moves more.
    let lost = check(&|commits| drop(commits.remove(2)));
    assert!(lost.unwrap_err().starts_with("I15"));
    let carried = check(&|commits| {
        if let Event::JackpotAwarded(event) = &mut commits[3].events.last_mut().unwrap().event {
            event.carried = amount("0.010000");
        }
    });
    assert!(carried.unwrap_err().contains("carry"));
    let twice = check(&|commits| commits.push(commits[4].clone()));
    assert!(twice.unwrap_err().starts_with("I15"));
    let moved = check(&|commits| {
        if let Event::JackpotSwept(event) = &mut commits[2].events.last_mut().unwrap().event {
            event.reserved = Some(amount("2.400000"));
        }
    });
    assert!(moved.unwrap_err().starts_with("I15"));
}

#[test]
fn i15_a_liability_that_nobody_holds() {
    let player = played("0.5");
    let pool = pool();
    let (kind, mega) = (AccountKind::Real, jackpot("mega"));
    let all = [player.ledger().commits(), pool.house().commits()];
    let unswept = tally(player.ledger().commits());
    let state = pool.house().state();
    assert_eq!(i15_the_liability_is_held_or_owed((kind, &mega), state, &all, &unswept), Ok(()));
    let nothing = JackpotTally::default();
    let lost = i15_the_liability_is_held_or_owed((kind, &mega), state, &all, &nothing);
    assert!(lost.unwrap_err().starts_with("I15"));
}

/// One step of a small world: players of two shards who feed two jackpots and win them.
#[derive(Debug, Clone)]
enum Step {
    Bet {
        player: usize,
        jackpot: &'static str,
        share: &'static str,
        round: u8,
    },
    Close {
        player: usize,
        round: u8,
    },
    Undo {
        player: usize,
        bet: usize,
    },
    CallOff {
        player: usize,
        round: u8,
    },
    Claim {
        player: usize,
        jackpot: &'static str,
        round: u8,
    },
    Withdraw {
        player: usize,
        claim: usize,
    },
    Draw {
        player: usize,
        jackpot: &'static str,
    },
    Sweep {
        shard: usize,
    },
    Run,
    /// The second jackpot closes for good.
    CloseMini,
}

fn steps() -> impl Strategy<Value = Step> {
    let jackpots = prop::sample::select(&["mega", "mini"][..]);
    let shares = prop::sample::select(&["0.0125", "1", "0.333333", "7.5"][..]);
    prop_oneof![
        6 => (0..3_usize, jackpots.clone(), shares, 0..4_u8)
            .prop_map(|(player, jackpot, share, round)| Step::Bet { player, jackpot, share, round }),
        4 => (0..3_usize, 0..4_u8).prop_map(|(player, round)| Step::Close { player, round }),
        1 => (0..3_usize, 0..6_usize).prop_map(|(player, bet)| Step::Undo { player, bet }),
        1 => (0..3_usize, 0..4_u8).prop_map(|(player, round)| Step::CallOff { player, round }),
        3 => (0..3_usize, jackpots.clone(), 0..4_u8)
            .prop_map(|(player, jackpot, round)| Step::Claim { player, jackpot, round }),
        1 => (0..3_usize, 0..4_usize).prop_map(|(player, claim)| Step::Withdraw { player, claim }),
        1 => (0..3_usize, jackpots).prop_map(|(player, jackpot)| Step::Draw { player, jackpot }),
        3 => (0..2_usize).prop_map(|shard| Step::Sweep { shard }),
        3 => Just(Step::Run),
        1 => Just(Step::CloseMini),
    ]
}

/// Players, pools, and a runner that carries what follows from each commit, some of it late.
struct World {
    players: Vec<TestLedger>,
    pools: Vec<TestHouse>,
    /// How much of each log the runner has followed.
    followed: Vec<usize>,
    /// How many commits of each player are swept.
    swept: Vec<usize>,
    /// The position each shard was swept to.
    positions: [u64; 2],
    ids: u32,
}

const JACKPOTS: [&str; 2] = ["mega", "mini"];

impl World {
    fn new() -> Self {
        let players: Vec<_> = (0..3)
            .map(|n| {
                let id = PlayerId::new(format!("p{n}")).unwrap();
                let mut ledger = TestLedger::new(id, Policy::default());
                ledger.register(*CurrencyRegistry::standard().get(currency("EUR")).unwrap()).unwrap();
                ledger.execute(&player_commands::open(&["EUR"]).into()).unwrap();
                ledger.execute(&player_commands::deposit("D1", "100000").into()).unwrap();
                ledger
            })
            .collect();
        let mega = JackpotTerms {
            diversion: BasisPoints::new(1_250).unwrap(),
            ceiling: Some(amount("30.00")),
            overflow: Some(jackpot("mini")),
            ..jackpot_terms("20.00")
        };
        let pools = JACKPOTS.iter().map(|name| {
            let mut house = TestHouse::new(&format!("jackpot/{name}"));
            let terms = if *name == "mega" { mega.clone() } else { jackpot_terms("0.00") };
            house.execute(&commands::configure("C1", terms).into()).unwrap();
            house.execute(&commands::seed("J1", SeedMovement::CostToPool, "20").into()).unwrap();
            house
        });
        let pools = pools.collect();
        Self { players, pools, followed: vec![0; 5], swept: vec![0; 3], positions: [0; 2], ids: 0 }
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("N{}", self.ids)
    }

    fn step(&mut self, step: &Step) {
        let id = self.id();
        let round = |round: u8| format!("R{round}");
        let (player, command): (usize, PlayerCommand) = match step {
            Step::Bet { player, jackpot, share, round: of } => {
                (*player, bet_for(jackpot, &id, &round(*of), "10", share).into())
            }
            Step::Close { player, round: of } => (*player, player_commands::close(&id, &round(*of)).into()),
            Step::Undo { player, bet } => {
                (*player, player_commands::rollback(&id, &format!("N{bet}")).into())
            }
            Step::CallOff { player, round: of } => {
                (*player, player_commands::void_settled_round(&id, &round(*of)).into())
            }
            Step::Claim { player, jackpot: of, round: in_round } => {
                let claim = player_commands::claim_jackpot(&id, &round(*in_round));
                (*player, ClaimJackpot { jackpot: jackpot(of), ..claim }.into())
            }
            Step::Withdraw { player, claim } => {
                let open = self.players[*player].state().jackpot_claims();
                let Some(claim) = open.get(*claim % open.len().max(1)) else { return };
                (*player, player_commands::withdraw_claim(claim.of.id.as_str()).into())
            }
            Step::Draw { player, jackpot } => {
                let of = player_commands::sub_account(jackpot);
                let credit = player_commands::credit(&id, CreditKind::LocalJackpot, "3.21");
                (*player, GrantCredit { of, ..credit }.into())
            }
            Step::Sweep { shard } => return self.sweep(*shard),
            Step::Run => return self.run(),
            Step::CloseMini => {
                let close = commands::close_jackpot(&id, "mega");
                self.pools[1].execute(&close.into()).unwrap();
                return;
            }
        };
        self.players[player].execute(&command).unwrap();
    }

    /// The players of a shard: two in the first.
    fn of_shard(shard: usize) -> std::ops::Range<usize> {
        if shard == 0 { 0..2 } else { 2..3 }
    }

    fn unswept(&self, shard: usize) -> JackpotTally {
        let mut tally = JackpotTally::default();
        for player in Self::of_shard(shard) {
            let commits = &self.players[player].commits()[self.swept[player]..];
            for body in commits {
                tally.add(body).unwrap();
            }
        }
        tally
    }

    fn sweep(&mut self, shard: usize) {
        let tally = self.unswept(shard);
        let from = self.positions[shard];
        for pool in &mut self.pools {
            let number = u16::try_from(shard).unwrap();
            let sweep = tally.sweep(pool.state().house(), number, from, from + 1).unwrap();
            assert_eq!(pool.execute(&sweep.into()).unwrap().outcome.text(), "applied");
        }
        self.positions[shard] += 1;
        for player in Self::of_shard(shard) {
            self.swept[player] = self.players[player].commits().len();
        }
    }

    /// Follows every log by what follows from its next commit.
    fn run(&mut self) {
        for log in 0..5 {
            let commits = match log {
                0..3 => self.players[log].commits(),
                _ => self.pools[log - 3].commits(),
            };
            let Some(body) = commits.get(self.followed[log]).cloned() else { continue };
            self.followed[log] += 1;
            for step in jackpot_steps(&body).unwrap() {
                self.carry(&body, &step);
            }
        }
    }

    fn carry(&mut self, body: &CommitBody, step: &JackpotStep) {
        match step {
            JackpotStep::House(house, command) => {
                let pool = self.pools.iter_mut().find(|pool| pool.state().house() == house).unwrap();
                let _ = pool.execute(command).unwrap();
            }
            JackpotStep::Player(player, command) => {
                let ledger = self.players.iter_mut().find(|own| own.state().player() == player).unwrap();
                let answer = ledger.execute(command).unwrap().outcome.text();
                let for_good = ["refused:key_reused", "rejected:not_allowed", "rejected:txn_cancelled"];
                if for_good.contains(&&*answer) {
                    let Partition::House(house) = &body.partition else { panic!("{body:?}") };
                    let pool = self.pools.iter_mut().find(|pool| pool.state().house() == house).unwrap();
                    let PlayerCommand::PayJackpot(pay) = command else { panic!("{command:?}") };
                    let refused = pool.state().jackpot().unwrap().open_award(pay.award).unwrap().refused();
                    assert_eq!(refused.outcome, AwardOutcome::Refused);
                    assert_eq!(pool.execute(&refused.into()).unwrap().outcome.text(), "applied");
                } else {
                    assert!(answer.ends_with("applied"), "{answer}: {command:?}");
                }
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        self.players.iter().try_for_each(TestLedger::check)?;
        self.pools.iter().try_for_each(TestHouse::check)?;
        let players = self.players.iter().map(TestLedger::commits);
        let all: Vec<_> = players.chain(self.pools.iter().map(TestHouse::commits)).collect();
        let mut unswept = JackpotTally::default();
        for (player, swept) in self.players.iter().zip(&self.swept) {
            player.commits()[*swept..].iter().for_each(|body| unswept.add(body).unwrap());
        }
        for (name, pool) in JACKPOTS.iter().zip(&self.pools) {
            let of = (AccountKind::Real, &jackpot(name));
            i15_the_liability_is_held_or_owed(of, pool.state(), &all, &unswept)?;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(crate::config(120))]

    /// Seeds and contributions are what was paid, what is owed and what is carried, at every moment of any history.
    #[test]
    fn i15_holds_over_all_logs_at_every_step(steps in prop::collection::vec(steps(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            let checked = world.check();
            prop_assert!(checked.is_ok(), "{step:?}: {}", checked.unwrap_err());
        }
        // Once everything is told and carried, what the house owes for a jackpot is what its pool holds.
        for _ in 0..400 {
            world.run();
        }
        for shard in 0..2 {
            world.sweep(shard);
        }
        for _ in 0..400 {
            world.run();
        }
        prop_assert!(world.check().is_ok());
        for pool in &world.pools {
            prop_assert!(pool.state().balance(AccountCode::JackpotSeedReserve, currency("EUR"))
                .is_none_or(|reserve| !reserve.is_negative()));
        }
    }
}

/// The world reaches what it is for.
#[test]
fn histories_of_jackpots_reach_every_event() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let mut runner =
        TestRunner::new_with_rng(crate::config(1), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let steps = prop::collection::vec(steps(), 30..60).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        for _ in 0..200 {
            world.run();
        }
        let players = world.players.iter().flat_map(TestLedger::events);
        let events: Vec<_> = players.chain(world.pools.iter().flat_map(TestHouse::events)).collect();
        for record in events {
            let refused = match &record.event {
                Event::JackpotAwardSettled(event) => event.outcome == AwardOutcome::Refused,
                Event::JackpotSwept(event) => event.overflow.is_some(),
                _ => false,
            };
            seen.insert(format!("{}{}", record.event.type_name(), if refused { " +" } else { "" }));
        }
    }
    for event in [
        "jackpot.configured",
        "jackpot.status_changed",
        "jackpot.swept",
        "jackpot.swept +",
        "jackpot.awarded",
        "jackpot.award_settled",
        "jackpot.award_settled +",
        "jackpot.claimed",
        "jackpot.claim_withdrawn",
        "jackpot.paid",
    ] {
        assert!(seen.contains(event), "{event} was never reached: {seen:?}");
    }
}
