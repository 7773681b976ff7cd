//! Rounds: S56 to S77 in docs/scenarios.md.

use ledger_core::stored::{CreditKind, RoundStatus};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{Finality, GrantCredit, Settle};

#[test]
fn s56_a_win_for_an_unknown_round_is_refused_and_may_come_again() {
    given()
        .cash("100.00")
        .win("W1", "R", "25")
        .rejected("bet_not_found")
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")])
        .bet("T1", "R", "10")
        .win_close("W1", "R", "25")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "115.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "25.00"),
        ]);
}

#[test]
fn s58_credits_need_no_bet() {
    let who_bears = [
        (CreditKind::ProviderPromo, "receivable:provider of prov", "5.00"),
        (CreditKind::NetworkJackpot, "receivable:provider of prov", "5.00"),
        (CreditKind::FreeRound, "freespin:cost of campaign", "5.00"),
        (CreditKind::Cashback, "cashback:cost of campaign", "5.00"),
        // The pool of a local jackpot pays: what it lacks, its own partition will put in. It is kept finer.
        (CreditKind::LocalJackpot, "jackpot:liability of campaign", "-5.000000"),
    ];
    for (kind, account, amount) in who_bears {
        given()
            .when(commands::credit("C1", kind, "5"))
            .applied()
            .when(commands::credit("C1", kind, "5.00"))
            .replayed("applied")
            .accounts(&[("player:cash", "5.00"), (account, amount)]);
    }
    given()
        .when(commands::credit("C1", CreditKind::Cashback, "0"))
        .noop()
        .records(&["txn.noted"])
        .accounts(&[]);
}

#[test]
fn s59_wins_come_one_by_one() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win("W1", "R", "5")
        .applied()
        .held("10.00")
        .win_close("W2", "R", "7")
        .applied()
        .available("102.00")
        .held("0.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "102.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "12.00"),
        ]);
}

#[test]
fn s60_one_win_settles_all_bets() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "10")
        .bet("T3", "R", "5")
        .held("25.00")
        .win_close("W1", "R", "30")
        .applied()
        .available("105.00")
        .held("0.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "105.00"),
            ("gaming:stakes of game", "25.00"),
            ("gaming:payouts of game", "30.00"),
        ]);
}

#[test]
fn s61_bets_are_settled_one_by_one() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "10")
        .bet("T3", "R", "5")
        .win_bet("W1", "R", "T1", "30")
        .applied()
        .held("15.00")
        .win_bet("W2", "R", "T2", "0")
        .applied()
        .held("5.00")
        .win_bet("W3", "R", "T1", "1")
        .rejected("already_settled")
        .round_is("R", RoundStatus::Open)
        .win_bet("W4", "R", "T3", "0")
        .applied()
        .records(&["entry.posted", "bet.settled", "round.closed"])
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "105.00"),
            ("gaming:stakes of game", "25.00"),
            ("gaming:payouts of game", "30.00"),
        ]);
}

#[test]
fn s61_a_refunded_bet_closes_a_round_that_is_settled_otherwise() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "5")
        .win_bet("W1", "R", "T1", "0")
        .void_bet("V1", "R", "T2")
        .applied()
        .records(&["entry.posted", "bet.voided", "round.closed"])
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

fn closed() -> Scenario {
    given().cash("100.00").bet("T1", "R", "10").win_close("W1", "R", "25").applied()
}

const CLOSED: &[(&str, &str)] = &[
    ("psp:clearing of psp", "100.00"),
    ("player:cash", "115.00"),
    ("gaming:stakes of game", "10.00"),
    ("gaming:payouts of game", "25.00"),
];

#[test]
fn s62_a_win_after_the_end_is_refused() {
    closed().win("W2", "R", "5").rejected("round_closed").accounts(CLOSED);
}

#[test]
fn s63_a_promotion_after_the_end_passes() {
    closed()
        .when(GrantCredit {
            round: Some(commands::round("R")),
            ..commands::credit("C1", CreditKind::ProviderPromo, "5")
        })
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("receivable:provider of prov", "5.00"),
            ("player:cash", "120.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "25.00"),
        ]);
}

#[test]
fn s64_a_bet_after_the_end_is_refused() {
    closed().bet("T2", "R", "5").rejected("round_closed").accounts(CLOSED);
}

#[test]
fn s65_a_second_close_does_nothing() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .close("C1", "R")
        .applied()
        .close("C1", "R")
        .replayed("applied")
        .close("C2", "R")
        .noop()
        .records(&["txn.noted"])
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn s66_the_end_of_a_round_without_bets_is_accepted() {
    given()
        .cash("100.00")
        .close("C1", "R")
        .noop()
        .bet("T1", "R", "10")
        .applied()
        .close("C1", "R")
        .replayed("noop")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("player:held of prov/R", "10.00"),
        ]);
}

#[test]
fn s67_open_bets_are_lost_at_the_end() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .close("C1", "R")
        .applied()
        .records(&["entry.posted", "bet.settled", "round.closed"])
        .held("0.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn s70_a_win_for_a_rolled_back_bet_is_refused() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .win_bet("W1", "R", "T1", "25")
        .rejected("txn_cancelled")
        .win_close("W1", "R", "25")
        .rejected("txn_cancelled")
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    // Also while another bet of the round is open, and after that one was settled.
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "5")
        .rollback("X1", "T1")
        .win_bet("W1", "R", "T1", "25")
        .rejected("txn_cancelled")
        .win_bet("W2", "R", "T2", "0")
        .applied()
        .win_bet("W1", "R", "T1", "25")
        .rejected("txn_cancelled")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "95.00"),
            ("gaming:stakes of game", "5.00"),
        ]);
}

#[test]
fn s72_wins_of_zero_that_end_nothing_do_nothing() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win("W1", "R", "0")
        .noop()
        .win("W2", "R", "0.00")
        .noop()
        .win("W1", "R", "0")
        .replayed("noop")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("player:held of prov/R", "10.00"),
        ]);
}

#[test]
fn s76_result_and_refund_exclude_each_other() {
    let open = || given().cash("100.00").bet("T1", "R", "10");
    let (zero, some, close) =
        (commands::win("W1", "R", "0"), commands::win("W1", "R", "25"), commands::win_close("W1", "R", "25"));
    for (result, cash, held, stakes, payouts) in [
        (&zero, "90.00", "10.00", "0", "0"),
        (&some, "115.00", "10.00", "0", "25.00"),
        (&close, "115.00", "0", "10.00", "25.00"),
    ] {
        let all = [
            ("psp:clearing of psp", "100.00"),
            ("player:cash", cash),
            ("player:held of prov/R", held),
            ("gaming:stakes of game", stakes),
            ("gaming:payouts of game", payouts),
        ];
        let there: Vec<_> = all.into_iter().filter(|(_, amount)| *amount != "0").collect();
        open()
            .when(result.clone())
            .rollback("X1", "T1")
            .rejected("already_settled")
            .void_bet("V1", "R", "T1")
            .rejected("already_settled")
            .void_round("V2", "R")
            .rejected("already_settled")
            .accounts(&there);
        open()
            .rollback("X1", "T1")
            .when(result.clone())
            .rejected("txn_cancelled")
            .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    }
}

#[test]
fn s77_a_very_late_win_is_booked_now_and_linked_to_its_round() {
    let scenario = given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .after_secs(30 * 86_400)
        .win_close("W1", "R", "25")
        .applied()
        .accounts(CLOSED);
    let last = scenario.ledger().commits().last().unwrap();
    assert_eq!(last.recorded_at, scenario.ledger().now());
    assert_eq!(scenario.ledger().round_of("prov", "R").unwrap().wins.len(), 1);
}

#[test]
fn a_round_whose_bets_are_all_undone_takes_a_new_bet() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .bet("T2", "R", "5")
        .applied()
        .records(&["round.reopened", "entry.posted", "bet.placed"])
        .win_close("W1", "R", "7")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "102.00"),
            ("gaming:stakes of game", "5.00"),
            ("gaming:payouts of game", "7.00"),
        ]);
}

#[test]
fn stakes_and_wins_are_booked_under_the_game_of_their_bet() {
    let other = commands::game("other");
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .when(ledger_core::PlaceBet { game: other, ..commands::bet("T2", "R", "5") })
        .when(Settle { finality: Finality::Bet, ..commands::win_bet("W1", "R", "T2", "20") })
        .applied()
        .close("C1", "R")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "105.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:stakes of other", "5.00"),
            ("gaming:payouts of other", "20.00"),
        ]);
}

#[test]
fn a_win_that_is_corrected_does_not_end_the_round_of_another_that_is_not() {
    // Two bets, two wins, both taken back: correcting the first must leave the round open for the second.
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "5")
        .win_bet("W1", "R", "T1", "1")
        .win_bet("W2", "R", "T2", "2")
        .round_is("R", RoundStatus::Closed)
        .rollback("X1", "W1")
        .applied()
        .rollback("X2", "W2")
        .applied()
        .win_bet("W3", "R", "T1", "11")
        .applied()
        .round_is("R", RoundStatus::Open)
        .win_bet("W4", "R", "T2", "12")
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "108.00"),
            ("gaming:stakes of game", "15.00"),
            ("gaming:payouts of game", "23.00"),
        ]);
}
