//! Free rounds and jackpots: P33, P34, S93 to S99, S112 and S129 in docs/scenarios.md.

use ledger_core::stored::{CreditKind, JackpotKind, RoundStatus};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    FreeRoundPayment, FreeStake, GrantCredit, JackpotShare, PlaceBet, PlayerCommand, Policy, Rollback,
    RoundClosePolicy, Settle, ShortfallPolicy, free_bet_return,
};

const HUNDRED: (&str, &str) = ("psp:clearing of psp", "100.00");

fn rich() -> Scenario {
    given().cash("100.00")
}

fn free() -> Scenario {
    rich().when(commands::free_bet("T1", "R", "0.20")).applied()
}

#[test]
fn s93_a_free_bet_takes_nothing_and_is_known_to_be_free() {
    let placed = free().records(&["bet.placed"]).accounts(&[HUNDRED, ("player:cash", "100.00")]);
    let round = placed.ledger().round_of("prov", "R").unwrap();
    let known = round.bets[0].free.clone().unwrap();
    assert_eq!((known.campaign.as_str(), known.nominal.to_string()), ("campaign", "0.20".to_owned()));
    assert!(round.bets[0].stake.is_zero());
    let paid = PlaceBet { amount: commands::decimal("0.20"), ..commands::free_bet("T2", "R", "0.20") };
    let _ = placed
        .clone()
        .when(paid)
        .refused("invalid_amount")
        .when(commands::free_bet("T3", "R", "0.001"))
        .refused("precision")
        .when(commands::free_bet("T1", "R", "0.20"))
        .replayed("applied")
        .when(commands::free_bet("T1", "R", "0.30"))
        .refused("key_reused")
        .bet("T1", "R", "0")
        .refused("key_reused");
    // Also for one who has nothing.
    let _ = given().when(commands::free_bet("T1", "R", "0.20")).applied();
}

#[test]
fn s94_a_win_of_a_free_bet_is_borne_by_its_campaign() {
    let paid: [PlayerCommand; 3] = [
        commands::win_close("W1", "R", "7.30").into(),
        commands::win_bet("W1", "R", "T1", "7.30").into(),
        commands::win("W1", "R", "7.30").into(),
    ];
    for win in paid {
        let won = free().when(win).applied().accounts(&[
            HUNDRED,
            ("player:cash", "107.30"),
            ("freespin:cost of campaign", "7.30"),
        ]);
        let _ = won.rollback_win("X1", "W1").applied().accounts(&[HUNDRED, ("player:cash", "100.00")]);
    }
}

#[test]
fn s94_corrections_of_a_free_bets_win_are_the_campaigns_too() {
    let won = || free().win_close("W1", "R", "7.30");
    let cost = |cash, cost| [HUNDRED, ("player:cash", cash), ("freespin:cost of campaign", cost)];
    let _ = won().when(commands::resettle("Y1", "R", "9")).applied().accounts(&cost("109.00", "9.00"));
    let _ = won().when(commands::resettle("Y1", "R", "1")).applied().accounts(&cost("101.00", "1.00"));
    let nothing = [HUNDRED, ("player:cash", "100.00")];
    let _ = won().when(commands::void_settled_bet("V1", "R", "T1")).applied().accounts(&nothing);
    let _ = won().when(commands::unsettle("U1", "R", "T1")).applied().accounts(&nothing);
    let sold = free().when(commands::cash_out("O1", "R", "T1", "3")).applied();
    let _ = sold.accounts(&cost("103.00", "3.00"));
    // What was spent is owed, as of any win.
    let spent = won().bet("T2", "Q", "107.30").rollback_win("X1", "W1").applied().available("-7.30");
    let _ = spent.accounts(&[HUNDRED, ("player:held of prov/Q", "107.30"), ("receivable:player", "7.30")]);
}

#[test]
fn s94_in_a_round_with_other_bets_the_answered_bet_pays() {
    let both = free().bet("T2", "R", "10");
    let _ = both
        .clone()
        .win_bet("W1", "R", "T2", "25")
        .win_bet("W2", "R", "T1", "3")
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            HUNDRED,
            ("player:cash", "118.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "25.00"),
            ("freespin:cost of campaign", "3.00"),
        ]);
    // One that names none is the first bet's.
    let _ = both.win_close("W1", "R", "5").accounts(&[
        HUNDRED,
        ("player:cash", "95.00"),
        ("gaming:stakes of game", "10.00"),
        ("freespin:cost of campaign", "5.00"),
    ]);
}

fn pays(free_rounds: FreeRoundPayment) -> Policy {
    let mut policy = Policy::default();
    policy.default.free_rounds = free_rounds;
    policy
}

#[test]
fn s95_the_total_of_free_rounds_is_paid_or_news_and_never_both() {
    // Each win is paid: the total is news.
    let each = rich().policy(pays(FreeRoundPayment::Each)).when(commands::free_bet("T1", "R", "0.20"));
    let _ = each
        .win_close("W1", "R", "12")
        .applied()
        .when(commands::free_rounds("F1", "12.00"))
        .noop()
        .records(&["txn.noted"])
        .accounts(&[HUNDRED, ("player:cash", "112.00"), ("freespin:cost of campaign", "12.00")]);
    // The total is paid: each win is news.
    let total = rich().policy(pays(FreeRoundPayment::Total)).when(commands::free_bet("T1", "R", "0.20"));
    let news = total.win_close("W1", "R", "12").applied();
    let news = news.records(&["bet.settled", "round.closed"]).accounts(&[HUNDRED, ("player:cash", "100.00")]);
    assert_eq!(news.ledger().round_of("prov", "R").unwrap().wins[0].reported, "12.00".parse().ok());
    let _ = news
        .clone()
        .when(commands::free_rounds("F1", "12.00"))
        .applied()
        .records(&["entry.posted", "credit.granted"])
        .when(commands::free_rounds("F1", "12"))
        .replayed("applied")
        .when(commands::free_rounds("F1", "13"))
        .refused("key_reused")
        .accounts(&[HUNDRED, ("player:cash", "112.00"), ("freespin:cost of campaign", "12.00")]);
    // A rollback of the news names what was reported, and moves nothing.
    let other = Rollback { amount: Some(commands::decimal("0")), ..commands::rollback_win("X1", "W1") };
    let told = Rollback { amount: Some(commands::decimal("12")), ..commands::rollback_win("X1", "W1") };
    let _ = news.clone().when(other).rejected("mismatch");
    let _ = news.clone().when(told).applied().accounts(&[HUNDRED, ("player:cash", "100.00")]);
    let _ =
        news.when(commands::resettle("Y1", "R", "3")).noop().accounts(&[HUNDRED, ("player:cash", "100.00")]);
}

#[test]
fn s95_wins_of_paid_bets_are_paid_whatever_free_rounds_do() {
    let total = rich().policy(pays(FreeRoundPayment::Total)).bet("T1", "R", "10");
    let _ = total.win_close("W1", "R", "25").applied().available("115.00");
}

#[test]
fn s96_a_release_of_nothing_is_accepted() {
    for policy in [FreeRoundPayment::Each, FreeRoundPayment::Total] {
        let _ = rich()
            .policy(pays(policy))
            .when(commands::free_rounds("F1", "0"))
            .noop()
            .when(commands::free_rounds("F1", "0.00"))
            .replayed("noop")
            .accounts(&[HUNDRED, ("player:cash", "100.00")]);
    }
    let _ = free().win("W1", "R", "0").noop();
}

#[test]
fn s112_a_promotion_that_comes_late_is_paid() {
    let over = rich().bet("T1", "R", "10").win_close("W1", "R", "0").after_secs(1_800);
    let late = GrantCredit {
        round: Some(commands::round("R")),
        ..commands::credit("K1", CreditKind::ProviderPromo, "5")
    };
    let _ = over
        .when(late.clone())
        .applied()
        .when(late)
        .replayed("applied")
        .when(commands::credit("K2", CreditKind::Cashback, "2"))
        .applied()
        .accounts(&[
            HUNDRED,
            ("player:cash", "97.00"),
            ("gaming:stakes of game", "10.00"),
            ("receivable:provider of prov", "5.00"),
            ("cashback:cost of campaign", "2.00"),
        ]);
}

#[test]
fn s129_a_free_bet_on_sports_pays_the_win_less_its_worth() {
    let amount = |text: &str| text.parse::<ledger_core::Amount>().unwrap();
    let net = free_bet_return(amount("36.00"), amount("10.00")).unwrap();
    let slip = rich().when(commands::free_bet("T1", "slip", "10")).applied();
    let _ = slip.when(commands::win_bet("W1", "slip", "T1", &net.to_string())).applied().accounts(&[
        HUNDRED,
        ("player:cash", "126.00"),
        ("freespin:cost of campaign", "26.00"),
    ]);
}

#[test]
fn s94_a_source_without_losses_ends_a_free_bet_at_once() {
    let mut policy = Policy::default();
    policy.default.round_close = RoundClosePolicy::ImmediateLoss;
    let _ = rich()
        .policy(policy)
        .when(commands::free_bet("T1", "R", "0.20"))
        .applied()
        .records(&["bet.placed", "bet.settled", "round.closed"])
        .when(commands::result("W1", "R", "7.30"))
        .applied()
        .accounts(&[HUNDRED, ("player:cash", "107.30"), ("freespin:cost of campaign", "7.30")]);
}

// Jackpots.

fn with_share(kind: JackpotKind, share: &str) -> Scenario {
    given().cash("10000.00").when(commands::jackpot_bet("T1", "R", "100.01", kind, share)).applied()
}

const RICH: (&str, &str) = ("psp:clearing of psp", "10000.00");

#[test]
fn s97_a_part_of_the_stake_goes_to_a_jackpot_when_it_is_taken() {
    let placed = with_share(JackpotKind::Network, "0.01").available("9899.99").accounts(&[
        RICH,
        ("player:cash", "9899.99"),
        ("player:held of prov/R", "100.01"),
    ]);
    let _ = placed.win_close("W1", "R", "100.01").applied().available("10000.00").accounts(&[
        RICH,
        ("player:cash", "10000.00"),
        ("gaming:stakes of game", "100.01"),
        ("gaming:payouts of game", "100.01"),
        ("gaming:jackpot_contribution of grand", "0.010000"),
        ("jackpot:network_payable of prov", "0.010000"),
    ]);
}

#[test]
fn p33_a_local_jackpot_gets_its_share() {
    let _ = with_share(JackpotKind::Local, "0.0125").close("C1", "R").applied().accounts(&[
        RICH,
        ("player:cash", "9899.99"),
        ("gaming:stakes of game", "100.01"),
        ("gaming:jackpot_contribution of grand", "0.012500"),
        ("jackpot:liability of grand", "0.012500"),
    ]);
}

#[test]
fn p34_a_network_is_owed_its_share() {
    let two = PlaceBet {
        contributions: ["mini", "grand", "mini"]
            .map(|jackpot| JackpotShare {
                jackpot: commands::sub_account(jackpot),
                kind: JackpotKind::Network,
                amount: commands::decimal("0.05"),
            })
            .to_vec(),
        ..commands::bet("T1", "R", "10")
    };
    let _ = rich().when(two).close("C1", "R").accounts(&[
        HUNDRED,
        ("player:cash", "90.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:jackpot_contribution of mini", "0.100000"),
        ("gaming:jackpot_contribution of grand", "0.050000"),
        ("jackpot:network_payable of prov", "0.150000"),
    ]);
}

#[test]
fn s97_what_goes_to_jackpots_is_at_most_the_stake() {
    let bet = |amount: &str, share: &str| {
        rich().when(commands::jackpot_bet("T1", "R", amount, JackpotKind::Local, share))
    };
    let _ = bet("1", "1").applied();
    let _ = bet("1", "1.000001").refused("invalid_amount");
    let _ = bet("0", "0.01").refused("invalid_amount");
    let _ = bet("1", "0").refused("invalid_amount");
    let _ = bet("1", "-0.01").refused("invalid_amount");
    let _ = bet("1", "0.0000001").refused("precision");
    let _ = bet("1", "0.01").applied().bet("T1", "R", "1").refused("key_reused");
}

#[test]
fn s97_a_bet_that_is_undone_gives_nothing_to_jackpots() {
    let held = || with_share(JackpotKind::Local, "1");
    let nothing = [RICH, ("player:cash", "10000.00")];
    let _ = held().rollback("X1", "T1").accounts(&nothing);
    let _ = held().void_round("V1", "R").accounts(&nothing);
    // After it was taken: both come back.
    let taken = held().close("C1", "R");
    let _ = taken.clone().when(commands::void_settled_bet("V1", "R", "T1")).applied().accounts(&nothing);
    let again = taken.when(commands::unsettle("U1", "R", "T1")).applied();
    let again = again.accounts(&[RICH, ("player:cash", "9899.99"), ("player:held of prov/R", "100.01")]);
    let _ = again.close("C2", "R").accounts(&[
        RICH,
        ("player:cash", "9899.99"),
        ("gaming:stakes of game", "100.01"),
        ("gaming:jackpot_contribution of grand", "1.000000"),
        ("jackpot:liability of grand", "1.000000"),
    ]);
}

#[test]
fn s97_a_source_without_losses_contributes_at_once() {
    let mut policy = Policy::default();
    policy.default.round_close = RoundClosePolicy::ImmediateLoss;
    let bet = || commands::jackpot_bet("T1", "R", "10", JackpotKind::Network, "1");
    let taken = rich().policy(policy).when(bet()).applied().accounts(&[
        HUNDRED,
        ("player:cash", "90.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:jackpot_contribution of grand", "1.000000"),
        ("jackpot:network_payable of prov", "1.000000"),
    ]);
    // A part of the stake, and the rest of it.
    let part = taken.when(commands::rollback_part("X1", "T1", "2.50")).applied().accounts(&[
        HUNDRED,
        ("player:cash", "92.50"),
        ("gaming:stakes of game", "7.50"),
        ("gaming:jackpot_contribution of grand", "0.750000"),
        ("jackpot:network_payable of prov", "0.750000"),
    ]);
    let _ = part.rollback("X2", "T1").applied().accounts(&[HUNDRED, ("player:cash", "100.00")]);
}

#[test]
fn s97_parts_of_a_stake_contribute_in_proportion_and_all_of_it_all() {
    // A third of a stake of 9 takes a third of 0.01, rounded down; the last part takes the rest.
    let bet = || rich().when(commands::jackpot_bet("T1", "R", "9", JackpotKind::Local, "0.01"));
    let books = |held: &'static str, stakes: &'static str, share: &'static str| {
        let all = [
            HUNDRED,
            ("player:cash", "91.00"),
            ("player:held of prov/R", held),
            ("gaming:stakes of game", stakes),
            ("gaming:jackpot_contribution of grand", share),
            ("jackpot:liability of grand", share),
        ];
        all.into_iter().filter(|(_, amount)| *amount != "0.00").collect::<Vec<_>>()
    };
    let sold = bet().when(commands::cash_out_part("O1", "R", "T1", "0", "3")).applied();
    let sold = sold.accounts(&books("6.00", "3.00", "0.003333"));
    let sold = sold.when(commands::cash_out_part("O2", "R", "T1", "0", "3"));
    let sold = sold.accounts(&books("3.00", "6.00", "0.006666"));
    let _ = sold.close("C1", "R").accounts(&books("0.00", "9.00", "0.010000"));
    // What goes back of the stake contributes nothing.
    let back = bet().when(commands::rollback_part("X1", "T1", "1")).applied().close("C1", "R");
    let _ = back.accounts(&[
        HUNDRED,
        ("player:cash", "92.00"),
        ("gaming:stakes of game", "8.00"),
        ("gaming:jackpot_contribution of grand", "0.008888"),
        ("jackpot:liability of grand", "0.008888"),
    ]);
}

#[test]
fn s98_the_win_of_a_round_and_its_jackpot_come_in_two_deposits() {
    let jackpot = GrantCredit {
        round: Some(commands::round("R")),
        of: commands::sub_account("grand"),
        ..commands::credit("J1", CreditKind::LocalJackpot, "1000")
    };
    let placed =
        rich().when(commands::jackpot_bet("T1", "R", "10", JackpotKind::Local, "1")).win("W1", "R", "5");
    // The last closes: the adapter says so with it.
    let last = commands::batch(vec![jackpot.clone().into(), commands::close("C1", "R").into()]);
    let won = placed.when(last).applied().round_is("R", RoundStatus::Closed).accounts(&[
        HUNDRED,
        ("player:cash", "1095.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:payouts of game", "5.00"),
        ("gaming:jackpot_contribution of grand", "1.000000"),
        ("jackpot:liability of grand", "-999.000000"),
    ]);
    // S99: it comes again.
    let _ = won.when(jackpot).replayed("applied").available("1095.00");
}

#[test]
fn s99_a_jackpot_win_comes_again() {
    let jackpot = || commands::credit("J1", CreditKind::NetworkJackpot, "1000");
    let _ = rich().when(jackpot()).applied().when(jackpot()).replayed("applied").accounts(&[
        HUNDRED,
        ("player:cash", "1100.00"),
        ("receivable:provider of prov", "1000.00"),
    ]);
}

#[test]
fn a_campaign_is_a_part_of_what_a_bet_is() {
    let friday = PlaceBet {
        free: Some(FreeStake {
            campaign: commands::sub_account("friday"),
            nominal: commands::decimal("0.2"),
        }),
        ..commands::free_bet("T1", "R", "0.20")
    };
    let _ = free().when(friday).refused("key_reused");
    let named = Settle { bet: Some(commands::txn("T1")), ..commands::win("W1", "R", "5") };
    let _ = free().on_shortfall(ShortfallPolicy::Reject).when(named).applied();
}
