//! Corrections of bets: what happens after settlement, and to parts of a stake before it (S103, S104, S113 to S131 in
//! docs/scenarios.md).

use ledger_core::stored::{Direction, RoundStatus};
use ledger_core::testing::{Scenario, TestLedger, commands, given, given_nobody};
use ledger_core::{
    Capacity, MismatchField, NotAllowedReason, OPEN_ROUNDS_MAX, PlayerCommand, Policy, Rejection, Resettle,
    Rollback, ShortfallPolicy, Unsettle, VoidSettled,
};
use proptest::prelude::*;

const UNTOUCHED: &[(&str, &str)] = &[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")];

fn not_allowed(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

/// 1000.00, stake 100 on B in R.
fn placed() -> Scenario {
    given().cash("1000.00").bet("B", "R", "100").applied()
}

/// The accounts of [`placed`] with other cash, stakes taken and payouts.
fn books<'a>(cash: &'a str, held: &'a str, stakes: &'a str, payouts: &'a str) -> Vec<(&'a str, &'a str)> {
    let all = [
        ("psp:clearing of psp", "1000.00"),
        ("player:cash", cash),
        ("player:held of prov/R", held),
        ("gaming:stakes of game", stakes),
        ("gaming:payouts of game", payouts),
    ];
    all.into_iter().filter(|(_, amount)| *amount != "0.00").collect()
}

fn cancels_settled() -> Policy {
    let mut policy = Policy::default();
    policy.default.cancel_settled = true;
    policy
}

// Resettlement.

#[test]
fn s113_a_resettlement_moves_the_difference() {
    for named in [false, true] {
        let settle = if named {
            commands::win_bet("W", "R", "B", "150")
        } else {
            commands::win_close("W", "R", "150")
        };
        let resettle = if named {
            commands::resettle_bet("S1", "R", "B", "75")
        } else {
            commands::resettle("S1", "R", "75")
        };
        placed()
            .available("900.00")
            .when(settle)
            .available("1050.00")
            .when(resettle)
            .applied()
            .records(&["entry.posted", "bet.resettled"])
            .round_is("R", RoundStatus::Closed)
            .accounts(&books("975.00", "0.00", "100.00", "75.00"));
    }
}

#[test]
fn s114_a_resettlement_counts_from_the_last_one() {
    let twice = placed()
        .win_close("W", "R", "150")
        .when(commands::resettle("S1", "R", "75"))
        .when(commands::resettle("S2", "R", "160"))
        .applied()
        .accounts(&books("1060.00", "0.00", "100.00", "160.00"));
    // Each has its key; the return it already has is a noop on record.
    twice
        .clone()
        .when(commands::resettle("S1", "R", "75"))
        .replayed("applied")
        .when(commands::resettle("S2", "R", "161"))
        .refused("key_reused")
        .when(commands::resettle("S3", "R", "160.0"))
        .noop()
        .records(&["txn.noted"])
        .accounts(&books("1060.00", "0.00", "100.00", "160.00"));
    // A rollback of the win takes back what stands, and names it.
    twice
        .when(Rollback { amount: Some(commands::decimal("150")), ..commands::rollback_win("X1", "W") })
        .refused_as(&Rejection::Mismatch { field: MismatchField::Amount })
        .when(Rollback { amount: Some(commands::decimal("160")), ..commands::rollback_win("X1", "W") })
        .applied()
        .accounts(&books("900.00", "0.00", "100.00", "0.00"));
}

#[test]
fn p50_a_resettlement_of_minus_75() {
    placed()
        .win_close("W", "R", "150")
        .when(commands::resettle("S1", "R", "75"))
        .accounts(&books("975.00", "0.00", "100.00", "75.00"));
    placed()
        .win_close("W", "R", "150")
        .bet("T2", "R2", "1025")
        .when(commands::resettle("S1", "R", "75"))
        .applied()
        .records(&["entry.posted", "negative_balance.raised", "bet.resettled"])
        .available("-50.00")
        .accounts(&[
            ("psp:clearing of psp", "1000.00"),
            ("receivable:player", "50.00"),
            ("player:held of prov/R2", "1025.00"),
            ("gaming:stakes of game", "100.00"),
            ("gaming:payouts of game", "75.00"),
        ])
        // A better return pays the debt first.
        .when(commands::resettle("S2", "R", "160"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "1000.00"),
            ("player:cash", "35.00"),
            ("player:held of prov/R2", "1025.00"),
            ("gaming:stakes of game", "100.00"),
            ("gaming:payouts of game", "160.00"),
        ]);
}

/// Stake 100, win 150, and all but 50 staked elsewhere.
fn won_and_spent() -> Scenario {
    placed().win_close("W", "R", "150").bet("T2", "R2", "1000").applied()
}

#[test]
fn s130_a_resettlement_to_nothing_after_the_winnings_are_gone() {
    let books = |rest: &[(&'static str, &'static str)]| {
        let all = [
            ("psp:clearing of psp", "1000.00"),
            ("player:held of prov/R2", "1000.00"),
            ("gaming:stakes of game", "100.00"),
        ];
        [&all, rest].concat()
    };
    let to_zero = |on_shortfall| Resettle { on_shortfall, ..commands::resettle("S1", "R", "0") };
    won_and_spent()
        .when(to_zero(None))
        .applied()
        .available("-100.00")
        .accounts(&books(&[("receivable:player", "100.00")]))
        .bet("T3", "R3", "0.01")
        .rejected("insufficient_funds");
    won_and_spent()
        .when(to_zero(Some(ShortfallPolicy::ZeroOut)))
        .applied()
        .available("0.00")
        .accounts(&books(&[("bad_debt", "100.00")]));
    let kept = books(&[("player:cash", "50.00"), ("gaming:payouts of game", "150.00")]);
    won_and_spent()
        .when(to_zero(Some(ShortfallPolicy::Reject)))
        .rejected("insufficient_funds")
        .accounts(&kept);
    // What the player keeps is what the next correction counts from.
    won_and_spent()
        .when(to_zero(Some(ShortfallPolicy::Retain)))
        .noop()
        .records(&["txn.noted"])
        .accounts(&kept)
        .when(to_zero(None))
        .replayed("noop")
        .when(commands::resettle("S2", "R", "155"))
        .applied()
        .accounts(&books(&[("player:cash", "55.00"), ("gaming:payouts of game", "155.00")]));
}

#[test]
fn a_resettlement_is_for_settled_bets() {
    let refused = |scenario: Scenario, reason| scenario.refused_as(&not_allowed(reason));
    let open = placed().when(commands::resettle_bet("S1", "R", "B", "5"));
    refused(open, NotAllowedReason::NotSettled)
        .when(commands::resettle("S1", "R", "5"))
        .rejected("not_allowed")
        .when(commands::resettle_bet("S1", "R", "T7", "5"))
        .rejected("bet_not_found")
        .when(commands::resettle("S1", "R7", "5"))
        .rejected("bet_not_found")
        .rollback("X1", "B")
        .when(commands::resettle("S1", "R", "5"))
        .rejected("txn_cancelled");
    // In another currency, or in a form it does not have.
    let usd = Resettle { currency: commands::currency("USD"), ..commands::resettle("S1", "R", "5") };
    placed()
        .win_close("W", "R", "1")
        .when(usd)
        .rejected("currency_mismatch")
        .when(commands::resettle("S1", "R", "-1"))
        .refused("invalid_amount")
        .when(commands::resettle("S1", "R", "0.001"))
        .refused("precision")
        .accounts(&books("901.00", "0.00", "100.00", "1.00"));
}

#[test]
fn a_bet_that_ended_without_a_win_is_resettled_from_zero() {
    // Lost by the close: the first resettlement makes the win, the next ones change it.
    placed()
        .close("C1", "R")
        .when(commands::resettle_bet("S1", "R", "B", "40"))
        .applied()
        .accounts(&books("940.00", "0.00", "100.00", "40.00"))
        .when(commands::resettle("S2", "R", "30"))
        .applied()
        .accounts(&books("930.00", "0.00", "100.00", "30.00"))
        // Its id is that of a correction: it is no win to be rolled back, nor buried.
        .rollback("X1", "S1")
        .rejected("not_allowed")
        .when(commands::void_settled_bet("V1", "R", "B"))
        .applied()
        .accounts(&[("psp:clearing of psp", "1000.00"), ("player:cash", "1000.00")]);
}

// Calling off after the settlement.

#[test]
fn s126_a_settled_bet_is_called_off() {
    for command in [
        PlayerCommand::from(commands::void_settled_bet("V1", "R", "B")),
        commands::void_settled_round("V1", "R").into(),
    ] {
        let whole =
            matches!(&command, PlayerCommand::VoidSettled(c) if c.target == ledger_core::VoidTarget::Round);
        let voided = placed()
            .win_bet("W", "R", "B", "160")
            .available("1060.00")
            .when(command.clone())
            .applied()
            .records(&["entry.posted", "settlement.voided"])
            .available("1000.00")
            .round_is("R", if whole { RoundStatus::Cancelled } else { RoundStatus::Closed })
            .accounts(&[("psp:clearing of psp", "1000.00"), ("player:cash", "1000.00")]);
        // Nothing of it comes back.
        voided
            .when(command)
            .replayed("applied")
            .when(commands::void_settled_bet("V2", "R", "B"))
            .rejected("already_rolled_back")
            .rollback("X1", "B")
            .rejected("already_rolled_back")
            .rollback_win("X2", "W")
            .rejected("already_rolled_back")
            .win_bet("W2", "R", "B", "5")
            .rejected("txn_cancelled")
            .when(commands::resettle("S1", "R", "5"))
            .rejected("txn_cancelled")
            .when(commands::unsettle("U1", "R", "B"))
            .rejected("txn_cancelled")
            .bet("B2", "R", "1")
            .rejected(if whole { "txn_cancelled" } else { "round_closed" })
            .accounts(&[("psp:clearing of psp", "1000.00"), ("player:cash", "1000.00")]);
    }
}

#[test]
fn s126_only_what_is_missing_after_netting_is_a_shortfall() {
    // Cash 0; stake 100 comes back, 160 are taken: 60 are missing.
    let spent = || placed().win_bet("W", "R", "B", "160").bet("T2", "R2", "1060").applied();
    let void = |on_shortfall| VoidSettled { on_shortfall, ..commands::void_settled_bet("V1", "R", "B") };
    let base = [("psp:clearing of psp", "1000.00"), ("player:held of prov/R2", "1060.00")];
    let with = |rest: &[(&'static str, &'static str)]| [&base, rest].concat();
    spent().when(void(None)).applied().available("-60.00").accounts(&with(&[("receivable:player", "60.00")]));
    let written_off = with(&[("bad_debt", "60.00")]);
    spent().when(void(Some(ShortfallPolicy::ZeroOut))).applied().available("0.00").accounts(&written_off);
    let settled = with(&[("gaming:stakes of game", "100.00"), ("gaming:payouts of game", "160.00")]);
    spent().when(void(Some(ShortfallPolicy::Reject))).rejected("insufficient_funds").accounts(&settled);
    spent().when(void(Some(ShortfallPolicy::Retain))).noop().records(&["txn.noted"]).accounts(&settled);
    // A bet that lost, or won less than its stake, misses nothing, whatever the player owes.
    for policy in [ShortfallPolicy::Reject, ShortfallPolicy::Retain] {
        given()
            .cash("100.00")
            .bet("B", "R", "10")
            .win_bet("W", "R", "B", "4")
            .bet("T2", "R2", "94")
            .when(commands::adjust("A1", Direction::Debit, "20"))
            .available("-20.00")
            .when(VoidSettled { on_shortfall: Some(policy), ..commands::void_settled_bet("V1", "R", "B") })
            .applied()
            .accounts(&[
                ("psp:clearing of psp", "100.00"),
                ("player:cash", "6.00"),
                ("receivable:player", "20.00"),
                ("player:held of prov/R2", "94.00"),
                ("adjustments of prov", "-20.00"),
            ]);
    }
}

#[test]
fn s126_a_policy_lets_a_rollback_call_off_what_is_settled() {
    let settled = || placed().win_bet("W", "R", "B", "160");
    settled().rollback("X1", "B").rejected("already_settled");
    settled()
        .policy(cancels_settled())
        .when(Rollback { amount: Some(commands::decimal("99")), ..commands::rollback("X1", "B") })
        .rejected("mismatch")
        .rollback("X1", "B")
        .applied()
        .records(&["entry.posted", "settlement.voided"])
        .rollback("X2", "X1")
        .refused_as(&not_allowed(NotAllowedReason::RollbackOfRollback))
        .accounts(&[("psp:clearing of psp", "1000.00"), ("player:cash", "1000.00")]);
    // The player keeps it by policy: that is a rollback as well.
    settled()
        .policy(cancels_settled())
        .on_shortfall(ShortfallPolicy::Retain)
        .bet("T2", "R2", "1060")
        .rollback("X1", "B")
        .noop()
        .rollback("X2", "X1")
        .refused_as(&not_allowed(NotAllowedReason::RollbackOfRollback));
}

#[test]
fn p08_a_void_after_a_settled_win_is_one_entry() {
    let scenario = given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W", "R", "36.40")
        .when(commands::void_settled_bet("V1", "R", "T1"))
        .applied()
        .accounts(UNTOUCHED);
    assert_eq!(scenario.ledger().state().wallet().version(), 4, "deposit, bet, win, void");
}

#[test]
fn a_stake_can_be_refunded_after_its_win_was_rolled_back() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W", "R", "25")
        .rollback("X1", "W")
        .rollback("X2", "T1")
        .rejected("already_settled")
        .when(commands::void_settled_bet("V1", "R", "T1"))
        .applied()
        .round_is("R", RoundStatus::Void)
        .accounts(UNTOUCHED);
}

#[test]
fn a_called_off_bet_leaves_its_round_as_the_others_are() {
    // T1 settled, T2 open, T3 undone: the round goes on with T2 and ends with it.
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "5")
        .bet("T3", "R", "1")
        .rollback("X1", "T3")
        .win_bet("W1", "R", "T1", "30")
        .when(commands::void_settled_bet("V1", "R", "T1"))
        .applied()
        .round_is("R", RoundStatus::Open)
        .win_bet("W2", "R", "T2", "7")
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "102.00"),
            ("gaming:stakes of game", "5.00"),
            ("gaming:payouts of game", "7.00"),
        ])
        // The whole round: what is settled, open and undone together.
        .when(commands::void_settled_round("V2", "R"))
        .applied()
        .round_is("R", RoundStatus::Cancelled)
        .accounts(UNTOUCHED);
    // An open bet is called off by it as well, and with it the round of those that are settled.
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "5")
        .win_bet("W1", "R", "T1", "30")
        .when(commands::void_settled_bet("V1", "R", "T2"))
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "120.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "30.00"),
        ]);
}

// Running again.

#[test]
fn s123_a_settled_bet_is_running_again() {
    let running = placed()
        .win_bet("W", "R", "B", "160")
        .when(commands::unsettle("U1", "R", "B"))
        .applied()
        .records(&["round.reopened", "entry.posted", "bet.unsettled"])
        .round_is("R", RoundStatus::Open)
        .available("900.00")
        .held("100.00")
        .accounts(&books("900.00", "100.00", "0.00", "0.00"));
    running
        .clone()
        .when(commands::unsettle("U1", "R", "B"))
        .replayed("applied")
        .when(commands::unsettle("U2", "R", "B"))
        .refused_as(&not_allowed(NotAllowedReason::NotSettled))
        .win_bet("W2", "R", "B", "120")
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("1020.00", "0.00", "100.00", "120.00"));
    running.rollback("X1", "B").applied().round_is("R", RoundStatus::Void).available("1000.00");
    // The win is spent: the balance goes below zero, the stake is held all the same.
    let spent = || placed().win_bet("W", "R", "B", "160").bet("T2", "R2", "1060");
    spent().when(commands::unsettle("U1", "R", "B")).applied().available("-160.00").held("1160.00").accounts(
        &[
            ("psp:clearing of psp", "1000.00"),
            ("receivable:player", "160.00"),
            ("player:held of prov/R", "100.00"),
            ("player:held of prov/R2", "1060.00"),
        ],
    );
    spent()
        .when(Unsettle { on_shortfall: Some(ShortfallPolicy::Retain), ..commands::unsettle("U1", "R", "B") })
        .noop()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "1000.00"),
            ("player:held of prov/R2", "1060.00"),
            ("gaming:stakes of game", "100.00"),
            ("gaming:payouts of game", "160.00"),
        ]);
}

#[test]
fn s124_a_pending_bet_cannot_be_unsettled() {
    placed()
        .when(commands::unsettle("U1", "R", "B"))
        .refused_as(&not_allowed(NotAllowedReason::NotSettled))
        .when(commands::unsettle("U1", "R", "T7"))
        .rejected("bet_not_found")
        .when(commands::unsettle("U1", "R7", "B"))
        .rejected("bet_not_found")
        .accounts(&books("900.00", "100.00", "0.00", "0.00"))
        .rollback("X1", "B")
        .when(commands::unsettle("U1", "R", "B"))
        .rejected("txn_cancelled");
}

#[test]
fn s125_a_discard_of_an_unknown_make_is_remembered() {
    given()
        .cash("100.00")
        .when(commands::rollback_bet("X1", "B"))
        .tombstoned()
        .bet("B", "R", "10")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
    // Of a bet in any round, and of a whole round.
    given()
        .cash("100.00")
        .when(commands::void_settled_bet("V1", "R", "B"))
        .tombstoned()
        .bet("B", "R", "10")
        .rejected("txn_cancelled")
        .when(commands::void_settled_round("V2", "R2"))
        .tombstoned()
        .bet("T2", "R2", "10")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
}

#[test]
fn a_round_is_reopened_only_where_there_is_room() {
    let mut ledger = placed().win_bet("W", "R", "B", "1").ledger().clone();
    for n in 0..OPEN_ROUNDS_MAX {
        ledger.execute(&commands::bet(&format!("F{n}"), &format!("F{n}"), "0").into()).unwrap();
    }
    assert_eq!(ledger.state().open_rounds(), OPEN_ROUNDS_MAX);
    let full = Rejection::CapacityExceeded { what: Capacity::OpenRounds, maximum: 1_000 };
    for command in [
        PlayerCommand::from(commands::rollback_win("X1", "W")),
        commands::unsettle("U1", "R", "B").into(),
        Rollback { on_shortfall: Some(ShortfallPolicy::Reject), ..commands::rollback_win("X1", "W") }.into(),
    ] {
        let answer = ledger.execute(&command).unwrap();
        assert_eq!(answer.outcome.text(), "refused:capacity_exceeded", "{command:?}");
        assert!(format!("{:?}", answer.outcome).contains(&format!("{full:?}")));
    }
    // What is over and stays over needs no room.
    let resettle = commands::resettle("S1", "R", "2").into();
    assert_eq!(ledger.execute(&resettle).unwrap().outcome.text(), "applied");
    ledger.execute(&commands::rollback("X2", "F0").into()).unwrap();
    let again = ledger.execute(&commands::rollback_win("X1", "W").into()).unwrap();
    assert_eq!(again.outcome.text(), "applied");
    ledger.check().unwrap();
}

// Cash-outs.

#[test]
fn s119_a_cashed_out_bet_is_settled() {
    let sold = placed()
        .when(commands::cash_out("O1", "R", "B", "150"))
        .applied()
        .records(&["entry.posted", "bet.settled", "round.closed"])
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("1050.00", "0.00", "100.00", "150.00"));
    let settled = Rejection::AlreadySettled { txn: commands::txn("B") };
    sold.when(commands::cash_out("O1", "R", "B", "150"))
        .replayed("applied")
        .win_bet("W", "R", "B", "160")
        .refused_as(&settled)
        .win_close("W", "R", "160")
        .refused_as(&settled)
        .when(commands::cash_out("O2", "R", "B", "150"))
        .refused_as(&settled)
        .when(commands::resettle("S1", "R", "160"))
        .refused_as(&not_allowed(NotAllowedReason::NotReversible))
        .rollback("X1", "B")
        .refused_as(&settled)
        .rollback("X1", "O1")
        .refused_as(&not_allowed(NotAllowedReason::NotReversible))
        .accounts(&books("1050.00", "0.00", "100.00", "150.00"))
        // It is undone as a settlement is.
        .when(commands::unsettle("U1", "R", "B"))
        .applied()
        .accounts(&books("900.00", "100.00", "0.00", "0.00"))
        .win_bet("W", "R", "B", "160")
        .applied()
        .accounts(&books("1060.00", "0.00", "100.00", "160.00"));
}

#[test]
fn s119_in_a_round_with_another_bet_the_result_is_the_others() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "5")
        .when(commands::cash_out("O1", "R", "T1", "8"))
        .applied()
        .round_is("R", RoundStatus::Open)
        .win_bet("W1", "R", "T1", "20")
        .rejected("already_settled")
        .win_close("W1", "R", "7")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "100.00"),
            ("gaming:stakes of game", "15.00"),
            ("gaming:payouts of game", "15.00"),
        ]);
}

#[test]
fn p49_a_partial_cash_out_of_80_for_50() {
    placed()
        .when(commands::cash_out_part("O1", "R", "B", "80", "50"))
        .applied()
        .records(&["entry.posted", "bet.cashed_out"])
        .round_is("R", RoundStatus::Open)
        .held("50.00")
        .accounts(&books("980.00", "50.00", "50.00", "80.00"));
}

/// 50 of 100 sold for 80.
fn half_sold() -> Scenario {
    placed().when(commands::cash_out_part("O1", "R", "B", "80", "50")).applied()
}

#[test]
fn the_rest_of_a_partly_sold_bet_comes_to_any_end() {
    half_sold().win_close("W", "R", "60").applied().accounts(&books("1040.00", "0.00", "100.00", "140.00"));
    half_sold().close("C1", "R").applied().accounts(&books("980.00", "0.00", "100.00", "80.00"));
    let nothing = [("psp:clearing of psp", "1000.00"), ("player:cash", "1000.00")];
    half_sold().when(commands::void_settled_bet("V1", "R", "B")).applied().accounts(&nothing);
    half_sold().when(commands::void_settled_round("V1", "R")).applied().accounts(&nothing);
    half_sold().rollback("X1", "B").rejected("already_settled");
}

#[test]
fn a_stake_is_sold_in_parts_and_never_beyond_itself() {
    half_sold()
        .when(commands::cash_out_part("O2", "R", "B", "9", "50.01"))
        .refused_as(&Rejection::Mismatch { field: MismatchField::Amount })
        .when(commands::cash_out_part("O2", "R", "B", "9", "0"))
        .refused("invalid_amount")
        .when(commands::cash_out_part("O2", "R", "B", "9", "0.001"))
        .refused("precision")
        .when(commands::cash_out_part("O2", "R", "B", "9", "20"))
        .applied()
        .round_is("R", RoundStatus::Open)
        .when(commands::cash_out("O3", "R", "B", "0"))
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("989.00", "0.00", "100.00", "89.00"))
        .win_bet("W", "R", "B", "1")
        .rejected("already_settled")
        .when(commands::unsettle("U1", "R", "B"))
        .applied()
        .accounts(&books("900.00", "100.00", "0.00", "0.00"));
    // A cash-out pays debts first.
    given()
        .cash("10.00")
        .bet("B", "R", "10")
        .when(commands::adjust("A1", Direction::Debit, "4"))
        .when(commands::cash_out("O1", "R", "B", "9"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "10.00"),
            ("player:cash", "5.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "9.00"),
            ("adjustments of prov", "-4.00"),
        ]);
}

#[test]
fn a_cash_out_needs_an_open_bet() {
    placed()
        .when(commands::cash_out("O1", "R7", "B", "5"))
        .rejected("bet_not_found")
        .when(commands::cash_out("O1", "R", "T7", "5"))
        .rejected("bet_not_found")
        .when(ledger_core::CashOut {
            currency: commands::currency("USD"),
            ..commands::cash_out("O1", "R", "B", "5")
        })
        .rejected("currency_mismatch")
        .rollback("X1", "B")
        .when(commands::cash_out("O1", "R", "B", "5"))
        .rejected("txn_cancelled")
        .accounts(&[("psp:clearing of psp", "1000.00"), ("player:cash", "1000.00")]);
}

// Parts of a stake.

#[test]
fn part_of_an_open_stake_goes_back() {
    let part = given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .when(commands::rollback_part("X1", "T1", "4"))
        .applied()
        .records(&["entry.posted", "bet.returned"])
        .round_is("R", RoundStatus::Open)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "94.00"),
            ("player:held of prov/R", "6.00"),
        ]);
    let mismatch = Rejection::Mismatch { field: MismatchField::Amount };
    part.clone()
        .when(commands::rollback_part("X1", "T1", "4"))
        .replayed("applied")
        .rollback("X9", "X1")
        .refused_as(&not_allowed(NotAllowedReason::RollbackOfRollback))
        .when(commands::rollback_part("X2", "T1", "6.01"))
        .refused_as(&mismatch)
        .when(commands::rollback_part("X2", "T1", "0"))
        .refused("invalid_amount")
        .when(commands::rollback_part("X2", "T1", "-1"))
        .refused("invalid_amount")
        .when(commands::rollback_part("X2", "T1", "0.001"))
        .refused("precision")
        .when(commands::rollback_part("X2", "T1", "2"))
        .applied()
        // The whole rest: rolled back.
        .when(commands::rollback_part("X3", "T1", "4"))
        .applied()
        .records(&["entry.posted", "bet.rolled_back"])
        .round_is("R", RoundStatus::Void)
        .when(commands::rollback_part("X4", "T1", "1"))
        .rejected("already_rolled_back")
        .accounts(UNTOUCHED);
    part.clone().rollback("X2", "T1").applied().round_is("R", RoundStatus::Void).accounts(UNTOUCHED);
    part.clone().void_bet("V1", "R", "T1").applied().accounts(UNTOUCHED);
    part.clone().void_round("V1", "R").applied().accounts(UNTOUCHED);
    let settled = part.clone().win_close("W", "R", "25").applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "119.00"),
        ("gaming:stakes of game", "6.00"),
        ("gaming:payouts of game", "25.00"),
    ]);
    settled
        .clone()
        .when(commands::rollback_part("X2", "T1", "1"))
        .rejected("already_settled")
        .when(commands::void_settled_bet("V1", "R", "T1"))
        .applied()
        .accounts(UNTOUCHED);
    settled
        .when(commands::unsettle("U1", "R", "T1"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "94.00"),
            ("player:held of prov/R", "6.00"),
        ])
        .when(commands::cash_out_part("O1", "R", "T1", "9", "6.01"))
        .rejected("mismatch")
        .when(commands::cash_out("O1", "R", "T1", "9"))
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "103.00"),
            ("gaming:stakes of game", "6.00"),
            ("gaming:payouts of game", "9.00"),
        ]);
}

#[test]
fn a_part_must_be_declared_and_is_of_a_bet() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .when(Rollback { partial: false, ..commands::rollback_part("X1", "T1", "4") })
        .rejected("mismatch")
        .win_close("W", "R", "25")
        .when(Rollback { kind: None, ..commands::rollback_part("X2", "W", "4") })
        .refused_as(&not_allowed(NotAllowedReason::NotReversible))
        // Of a bet never seen: it must not come later.
        .when(commands::rollback_part("X3", "T9", "4"))
        .tombstoned()
        .bet("T9", "R9", "10")
        .rejected("txn_cancelled")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "115.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "25.00"),
        ]);
    // Declared or not is part of what was asked.
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .when(commands::rollback_part("X1", "T1", "10"))
        .applied()
        .when(Rollback { partial: false, ..commands::rollback_part("X1", "T1", "10") })
        .refused("key_reused");
}

// Weak spots of before.

/// Cash 30 and a debt of 20, and a win of 25 that is paid.
fn owing() -> Scenario {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W", "R", "25")
        .bet("T2", "R2", "30")
        .bet("T3", "R3", "85")
        .when(commands::adjust("A1", Direction::Debit, "20"))
        .rollback("X1", "T2")
        .available("10.00")
}

#[test]
fn reject_and_retain_look_at_cash_less_debt() {
    let accounts = [
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "30.00"),
        ("receivable:player", "20.00"),
        ("player:held of prov/R3", "85.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:payouts of game", "25.00"),
        ("adjustments of prov", "-20.00"),
    ];
    let win = |on_shortfall| Rollback { on_shortfall: Some(on_shortfall), ..commands::rollback("X2", "W") };
    let resettle = |on_shortfall| Resettle {
        on_shortfall: Some(on_shortfall),
        ..commands::resettle("S1", "R", "14.99")
    };
    owing()
        .accounts(&accounts)
        .when(win(ShortfallPolicy::Reject))
        .rejected("insufficient_funds")
        .accounts(&accounts);
    owing().when(win(ShortfallPolicy::Retain)).noop().records(&["win.retained"]).accounts(&accounts);
    owing().when(resettle(ShortfallPolicy::Reject)).rejected("insufficient_funds").accounts(&accounts);
    owing().when(resettle(ShortfallPolicy::Retain)).noop().records(&["txn.noted"]).accounts(&accounts);
    // What he has beyond his debt can be taken.
    owing()
        .when(Resettle { on_shortfall: Some(ShortfallPolicy::Reject), ..commands::resettle("S1", "R", "15") })
        .applied()
        .available("0.00");
}

// Sportsbook: messages around a bet.

#[test]
fn s117_a_cancellation_of_a_refused_bet_credits_nothing() {
    given()
        .cash("50.00")
        .bet("B", "R", "100")
        .rejected("insufficient_funds")
        .when(commands::rollback_bet("X1", "B"))
        .tombstoned()
        .bet("B", "R", "100")
        .replayed("rejected:insufficient_funds")
        .accounts(&[("psp:clearing of psp", "50.00"), ("player:cash", "50.00")]);
    given()
        .cash("50.00")
        .bet("B", "R", "100")
        .when(commands::void_settled_bet("V1", "R", "B"))
        .tombstoned()
        .accounts(&[("psp:clearing of psp", "50.00"), ("player:cash", "50.00")]);
}

#[test]
fn s118_news_move_no_money() {
    let news = placed();
    let accounts = books("900.00", "100.00", "0.00", "0.00");
    for (n, about) in ["BetAccepted", "BonusSummary", "EmptyRelease", "Other"].into_iter().enumerate() {
        let id = format!("N{n}");
        news.clone()
            .when(commands::inform(&id, about))
            .noop()
            .records(&["txn.noted"])
            .when(commands::inform(&id, about))
            .replayed("noop")
            .when(commands::inform(&id, "something else"))
            .refused("key_reused")
            .accounts(&accounts)
            // It is nothing that could be rolled back.
            .rollback("X1", &id)
            .rejected("not_allowed");
    }
}

#[test]
fn s129_a_free_bet_is_settled_with_its_net_win() {
    // Stake 10 not returned, gross win 36: the adapter sends 26.
    given()
        .cash("100.00")
        .bet("B", "R", "0")
        .win_bet("W", "R", "B", "26")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "126.00"),
            ("gaming:payouts of game", "26.00"),
        ])
        .when(commands::resettle_bet("S1", "R", "B", "0"))
        .applied()
        .accounts(UNTOUCHED);
}

#[test]
fn s131_a_refund_of_an_unknown_parent_is_remembered() {
    given()
        .cash("100.00")
        .rollback("X1", "B")
        .tombstoned()
        .rollback("X1", "B")
        .replayed("tombstoned")
        .bet("B", "R", "10")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
}

// Adjustments.

#[test]
fn s103_a_debit_of_five_with_three_left_follows_the_policy() {
    let poor = || given().cash("3.00");
    let debit = |on_shortfall| ledger_core::AdjustRound {
        on_shortfall,
        ..commands::adjust("A1", Direction::Debit, "5")
    };
    let base = ("psp:clearing of psp", "3.00");
    poor()
        .when(debit(None))
        .applied()
        .records(&["entry.posted", "negative_balance.raised", "adjustment.applied"])
        .available("-2.00")
        .accounts(&[base, ("receivable:player", "2.00"), ("adjustments of prov", "-5.00")]);
    let whole = [base, ("player:cash", "3.00")];
    poor().when(debit(Some(ShortfallPolicy::Reject))).rejected("insufficient_funds").accounts(&whole);
    poor().when(debit(Some(ShortfallPolicy::Retain))).noop().records(&["txn.noted"]).accounts(&whole);
    poor().when(debit(Some(ShortfallPolicy::ZeroOut))).applied().available("0.00").accounts(&[
        base,
        ("bad_debt", "2.00"),
        ("adjustments of prov", "-5.00"),
    ]);
    poor().on_shortfall(ShortfallPolicy::Reject).when(debit(None)).rejected("insufficient_funds");
}

#[test]
fn s104_a_repeated_credit_has_one_effect() {
    let credit = commands::adjust("A1", Direction::Credit, "5");
    let accounts =
        [("psp:clearing of psp", "100.00"), ("player:cash", "105.00"), ("adjustments of prov", "5.00")];
    given()
        .cash("100.00")
        .when(credit.clone())
        .applied()
        .records(&["entry.posted", "adjustment.applied"])
        .when(credit.clone())
        .replayed("applied")
        .when(ledger_core::AdjustRound { direction: Direction::Debit, ..credit })
        .refused("key_reused")
        .when(commands::adjust("A2", Direction::Debit, "0"))
        .noop()
        .records(&["txn.noted"])
        .rollback("X1", "A1")
        .rejected("not_allowed")
        .accounts(&accounts);
    // Linked to a round it stands in its stream, in whatever state that is.
    let linked = |id: &str| ledger_core::AdjustRound {
        round: Some(commands::round("R")),
        ..commands::adjust(id, Direction::Credit, "1")
    };
    given()
        .cash("100.00")
        .when(linked("A1"))
        .bet("T1", "R", "10")
        .when(linked("A2"))
        .close("C1", "R")
        .when(linked("A3"))
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "93.00"),
            ("gaming:stakes of game", "10.00"),
            ("adjustments of prov", "3.00"),
        ]);
}

// Order.

/// One bet and all that can be said of it.
fn about_one_bet() -> Vec<PlayerCommand> {
    vec![
        commands::bet("B", "R", "10").into(),
        commands::win_bet("W", "R", "B", "25").into(),
        commands::win("M", "R", "3").into(),
        commands::close("C", "R").into(),
        commands::rollback("X1", "B").into(),
        commands::rollback_win("X2", "W").into(),
        commands::rollback_part("X3", "B", "4").into(),
        commands::void_bet("V1", "R", "B").into(),
        commands::void_settled_bet("V2", "R", "B").into(),
        commands::void_settled_round("V3", "R").into(),
        commands::unsettle("U", "R", "B").into(),
        commands::resettle_bet("S1", "R", "B", "5").into(),
        commands::resettle("S2", "R", "40").into(),
        commands::cash_out_part("O1", "R", "B", "6", "5").into(),
        commands::cash_out("O2", "R", "B", "7").into(),
    ]
}

fn ledger(cash: &str, policy: Policy) -> TestLedger {
    let scenario = given_nobody().policy(policy).when(commands::open(&["EUR"]));
    scenario.when(commands::deposit("D", cash)).ledger().clone()
}

proptest! {
    #![proptest_config(crate::config(1_000))]

    /// In whatever order and however often they come: no panic, no fault, and all invariants. Once the bet was
    /// called off as settled, nothing of it is left.
    #[test]
    fn any_order_of_corrections_keeps_the_invariants(
        order in prop::collection::vec(prop::sample::select(about_one_bet()), 1..30),
        cancel_settled in any::<bool>(),
        shortfall in prop::sample::select(vec![
            ShortfallPolicy::AllowNegative, ShortfallPolicy::Reject, ShortfallPolicy::Retain,
            ShortfallPolicy::ZeroOut,
        ]),
    ) {
        let mut policy = Policy::default();
        (policy.default.cancel_settled, policy.default.on_shortfall) = (cancel_settled, shortfall);
        let mut ledger = ledger("10.00", policy);
        for command in &order {
            ledger.execute(command).unwrap();
            if let Err(violation) = ledger.check() {
                prop_assert!(false, "{command:?}: {violation}");
            }
        }
        let mut last = ledger.clone();
        last.execute(&commands::void_settled_round("END", "R").into()).unwrap();
        let untouched = [("psp:clearing of psp", "10.00"), ("player:cash", "10.00")];
        let untouched = untouched.map(|(name, amount)| (name.to_owned(), amount.to_owned()));
        let texts = last.account_texts();
        let kept = ledger.events().chain(last.events()).any(|record| {
            matches!(record.event.type_name(), "win.retained" | "txn.noted")
        });
        prop_assert!(kept || texts == untouched.into_iter().collect(), "{:?}", texts);
    }

    /// Any order of a bet and all that undoes it before its result ends the same.
    #[test]
    fn a_bet_and_what_undoes_it_end_alike_in_any_order(
        order in Just([
            PlayerCommand::from(commands::bet("B", "R", "10")),
            commands::bet("B", "R", "10").into(),
            commands::rollback("X1", "B").into(),
            commands::rollback("X1", "B").into(),
            commands::void_settled_bet("V1", "R", "B").into(),
            commands::void_bet("V2", "R", "B").into(),
            commands::rollback_part("X2", "B", "4").into(),
        ].to_vec()).prop_shuffle(),
    ) {
        let mut ledger = ledger("100.00", Policy::default());
        let start = ledger.account_texts();
        for command in &order {
            ledger.execute(command).unwrap();
        }
        prop_assert_eq!(ledger.account_texts(), start);
    }
}
