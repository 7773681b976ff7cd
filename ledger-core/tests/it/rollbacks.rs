//! Rollbacks: S31 to S55 in docs/scenarios.md.

use ledger_core::stored::{OutcomeKind, RoundStatus};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    AggregateRef, CurrencyRegistry, Decision, Facts, Found, IdempotencyKey, KeyScope, OperationKind,
    PlayerCommand, PlayerLedger, Rollback, RoundId, RoundRef, ShortfallPolicy,
};

const UNTOUCHED: &[(&str, &str)] = &[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")];

#[test]
fn s31_a_rolled_back_bet_gives_its_stake_back() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .applied()
        .records(&["entry.posted", "bet.rolled_back"])
        .available("100.00")
        .held("0.00")
        .round_is("R", RoundStatus::Void)
        .accounts(UNTOUCHED);
}

#[test]
fn s32_a_repeated_rollback_is_replayed() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .rollback("X1", "T1")
        .replayed("applied")
        .accounts(UNTOUCHED);
}

#[test]
fn s33_a_second_rollback_of_one_bet_is_refused() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .rollback("X2", "T1")
        .rejected("already_rolled_back")
        // The refusal did not consume X2.
        .rollback("X2", "T1")
        .rejected("already_rolled_back")
        .accounts(UNTOUCHED);
}

fn tombstoned() -> Scenario {
    given().cash("100.00").rollback("X1", "T9").tombstoned().records(&["txn.tombstoned"])
}

#[test]
fn s34_a_rollback_of_the_unknown_is_remembered() {
    tombstoned().answered("100.00").rollback("X1", "T9").replayed("tombstoned").accounts(UNTOUCHED);
}

#[test]
fn s35_a_bet_after_its_rollback_is_refused() {
    tombstoned()
        .bet("T9", "R", "10")
        .rejected("txn_cancelled")
        .bet("T9", "R", "10")
        .replayed("rejected:txn_cancelled")
        .accounts(UNTOUCHED);
}

#[test]
fn s36_a_tombstone_is_told_before_funds() {
    given().rollback("X1", "T9").tombstoned().bet("T9", "R", "10").rejected("txn_cancelled").accounts(&[]);
}

#[test]
fn s38_a_tombstone_does_not_age() {
    tombstoned().after_secs(360).bet("T9", "R", "10").rejected("txn_cancelled").accounts(UNTOUCHED);
    tombstoned().after_secs(u32::MAX).bet("T9", "R", "10").rejected("txn_cancelled").accounts(UNTOUCHED);
}

#[test]
fn s39_a_refused_bet_was_never_placed() {
    given()
        .cash("100.00")
        .bet("T1", "R", "100.01")
        .rejected("insufficient_funds")
        .rollback("X1", "T1")
        .tombstoned()
        .bet("T1", "R", "100.01")
        .replayed("rejected:insufficient_funds")
        .accounts(UNTOUCHED);
    given()
        .refusals_do_not_stick()
        .cash("100.00")
        .bet("T1", "R", "100.01")
        .rollback("X1", "T1")
        .tombstoned()
        .cash("1.00")
        .bet("T1", "R", "100.01")
        .rejected("txn_cancelled")
        .accounts(&[("psp:clearing of psp", "101.00"), ("player:cash", "101.00")]);
}

#[test]
fn s40_a_settled_bet_is_not_rolled_back() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "25")
        .rollback("X1", "T1")
        .rejected("already_settled")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "115.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "25.00"),
        ]);
}

#[test]
fn s41_a_win_is_rolled_back_and_its_round_live_again() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "25")
        .rollback("X1", "W1")
        .applied()
        .records(&["round.reopened", "entry.posted", "win.rolled_back"])
        .available("90.00")
        .round_is("R", RoundStatus::Open)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ])
        // The corrected win.
        .win_close("W2", "R", "20")
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "110.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "20.00"),
        ]);
}

/// Bet 10, win 25, and all 115 staked elsewhere.
fn spent() -> Scenario {
    given().cash("100.00").bet("T1", "R", "10").win_close("W1", "R", "25").bet("T2", "R2", "115").applied()
}

const SPENT: &[(&str, &str)] = &[
    ("psp:clearing of psp", "100.00"),
    ("player:held of prov/R2", "115.00"),
    ("gaming:stakes of game", "10.00"),
    ("gaming:payouts of game", "25.00"),
];

#[test]
fn s42a_a_spent_win_becomes_a_debt() {
    let owed = [
        ("psp:clearing of psp", "100.00"),
        ("receivable:player", "25.00"),
        ("player:held of prov/R2", "115.00"),
        ("gaming:stakes of game", "10.00"),
    ];
    spent()
        .rollback("X1", "W1")
        .applied()
        .records(&["round.reopened", "entry.posted", "negative_balance.raised", "win.rolled_back"])
        .available("-25.00")
        .accounts(&owed)
        .bet("T3", "R3", "0.01")
        .rejected("insufficient_funds")
        .accounts(&owed)
        // Bets are blocked until the debt is paid and the stake is there.
        .cash("30.00")
        .available("5.00")
        .bet("T4", "R3", "5.01")
        .rejected("insufficient_funds")
        .bet("T5", "R3", "5.00")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "130.00"),
            ("player:held of prov/R2", "115.00"),
            ("player:held of prov/R3", "5.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn s42a_wins_and_credits_pay_debts_first_and_refunds_do_not() {
    let owing = || spent().rollback("X1", "W1").applied();
    owing().win_close("W2", "R2", "20").applied().available("-5.00").accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("receivable:player", "5.00"),
        ("gaming:stakes of game", "125.00"),
        ("gaming:payouts of game", "20.00"),
    ]);
    owing()
        .when(commands::credit("C1", ledger_core::stored::CreditKind::Cashback, "40"))
        .applied()
        .available("15.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "15.00"),
            ("player:held of prov/R2", "115.00"),
            ("gaming:stakes of game", "10.00"),
            ("cashback:cost of campaign", "40.00"),
        ]);
    owing().rollback("X2", "T2").applied().available("90.00").accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("receivable:player", "25.00"),
        ("player:cash", "115.00"),
        ("gaming:stakes of game", "10.00"),
    ]);
}

#[test]
fn s42b_a_policy_refuses_to_take_back_a_spent_win() {
    spent()
        .on_shortfall(ShortfallPolicy::Reject)
        .rollback("X1", "W1")
        .rejected("insufficient_funds")
        .round_is("R", RoundStatus::Closed)
        .accounts(SPENT)
        // The key was not consumed: with the money back the same rollback passes.
        .rollback("X2", "T2")
        .applied()
        .rollback("X1", "W1")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn s42c_a_policy_lets_the_player_keep_a_spent_win() {
    spent()
        .on_shortfall(ShortfallPolicy::Retain)
        .rollback("X1", "W1")
        .noop()
        .records(&["win.retained"])
        .round_is("R", RoundStatus::Closed)
        .accounts(SPENT)
        .rollback("X1", "W1")
        .replayed("noop")
        .rollback("X2", "W1")
        .rejected("already_rolled_back")
        .accounts(SPENT);
}

#[test]
fn s42d_a_policy_writes_a_spent_win_off() {
    spent().on_shortfall(ShortfallPolicy::ZeroOut).rollback("X1", "W1").applied().available("0.00").accounts(
        &[
            ("psp:clearing of psp", "100.00"),
            ("player:held of prov/R2", "115.00"),
            ("gaming:stakes of game", "10.00"),
            ("bad_debt", "25.00"),
        ],
    );
    // What is there is taken first; a command may say more than the policy.
    spent()
        .cash("10.00")
        .when(Rollback { on_shortfall: Some(ShortfallPolicy::ZeroOut), ..commands::rollback("X1", "W1") })
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "110.00"),
            ("player:held of prov/R2", "115.00"),
            ("gaming:stakes of game", "10.00"),
            ("bad_debt", "15.00"),
        ]);
}

#[test]
fn s43_a_rollback_that_disagrees_is_refused_and_buries_nothing() {
    let wrong = [
        Rollback { round: Some(RoundId::new("R2").unwrap()), ..commands::rollback("X1", "T1") },
        Rollback { currency: Some(commands::currency("USD")), ..commands::rollback("X1", "T1") },
        Rollback { amount: Some(commands::decimal("9.99")), ..commands::rollback("X1", "T1") },
    ];
    for command in wrong {
        given()
            .cash("100.00")
            .bet("T1", "R", "10")
            .when(command)
            .rejected("mismatch")
            .accounts(&[
                ("psp:clearing of psp", "100.00"),
                ("player:cash", "90.00"),
                ("player:held of prov/R", "10.00"),
            ])
            .when(Rollback {
                round: Some(RoundId::new("R").unwrap()),
                currency: Some(commands::currency("EUR")),
                amount: Some(commands::decimal("10")),
                ..commands::rollback("X1", "T1")
            })
            .applied()
            .accounts(UNTOUCHED);
    }
}

#[test]
fn s43_a_void_of_a_bet_in_the_wrong_round_buries_nothing() {
    // Live, and in a round that is over.
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .void_bet("V1", "R2", "T1")
        .rejected("mismatch")
        .win_close("T1", "R", "5")
        .applied()
        .void_bet("V1", "R2", "T1")
        .rejected("mismatch")
        .rollback("T1", "T1")
        .rejected("already_settled")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "95.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "5.00"),
        ]);
}

#[test]
fn s47_a_rollback_is_not_rolled_back() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .rollback("X2", "X1")
        .rejected("not_allowed")
        .accounts(UNTOUCHED);
    // Nor one that came for the unknown, nor one that was retained.
    tombstoned().rollback("X2", "X1").rejected("not_allowed").accounts(UNTOUCHED);
    spent()
        .on_shortfall(ShortfallPolicy::Retain)
        .rollback("X1", "W1")
        .rollback("X2", "X1")
        .rejected("not_allowed")
        .accounts(SPENT);
}

#[test]
fn s50_a_cancelled_round_gives_all_stakes_back_and_takes_no_more() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "5")
        .void_round("V1", "R")
        .applied()
        .records(&["entry.posted", "round.voided"])
        .round_is("R", RoundStatus::Cancelled)
        .bet("T3", "R", "1")
        .rejected("txn_cancelled")
        .win("W1", "R", "1")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED)
        .void_round("V1", "R")
        .replayed("applied")
        .void_round("V2", "R")
        .rejected("already_rolled_back")
        .accounts(UNTOUCHED);
}

#[test]
fn s50_a_round_can_be_cancelled_before_its_first_bet() {
    given()
        .cash("100.00")
        .void_round("V1", "R")
        .tombstoned()
        .bet("T1", "R", "10")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
}

#[test]
fn s52_a_cancellation_of_an_unknown_reservation_is_accepted_and_kept() {
    given()
        .cash("100.00")
        .when(commands::rollback_bet("X1", "T9"))
        .tombstoned()
        .bet("T9", "R", "10")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
}

#[test]
fn s53_a_bet_whose_answer_was_lost_is_rolled_back() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .applied()
        .round_is("R", RoundStatus::Void)
        .accounts(UNTOUCHED);
}

#[test]
fn s54_bet_and_rollback_in_either_order() {
    given().cash("100.00").bet("T1", "R", "10").applied().rollback("X1", "T1").applied().accounts(UNTOUCHED);
    given()
        .cash("100.00")
        .rollback("X1", "T1")
        .tombstoned()
        .bet("T1", "R", "10")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
}

#[test]
fn s55_win_and_rollback_of_the_bet_in_either_order() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "25")
        .applied()
        .rollback("X1", "T1")
        .rejected("already_settled")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "115.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "25.00"),
        ]);
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .rollback("X1", "T1")
        .applied()
        .win_close("W1", "R", "25")
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
}

#[test]
fn a_rollback_prefers_a_bet_to_a_win_wherever_they_stand() {
    // T1 is a bet of a round that is over and a win of a live one: the settled bet is what is meant.
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "0")
        .bet("T2", "R2", "5")
        .win("T1", "R2", "3")
        .applied()
        .rollback("X1", "T1")
        .rejected("already_settled")
        .rollback_win("X2", "T1")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "85.00"),
            ("player:held of prov/R2", "5.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn a_refused_bet_does_not_hide_a_win_of_its_id() {
    given()
        .cash("100.00")
        .bet("T1", "R0", "1000")
        .rejected("insufficient_funds")
        .bet("T2", "R", "10")
        .win_close("T1", "R", "25")
        .applied()
        .rollback("X1", "T1")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn a_stated_kind_is_kept_where_ids_are_over_all_kinds() {
    let settled = given()
        .scope(KeyScope::AnyKind)
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "25")
        .bet("T2", "R2", "5");
    let accounts = [
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "110.00"),
        ("player:held of prov/R2", "5.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:payouts of game", "25.00"),
    ];
    settled
        .clone()
        .when(commands::rollback_bet("X1", "W1"))
        .rejected("not_allowed")
        .when(commands::rollback_win("X2", "T2"))
        .rejected("not_allowed")
        .when(commands::rollback_win("X3", "T1"))
        .rejected("not_allowed")
        .accounts(&accounts);
    settled.when(commands::rollback_win("X1", "W1")).applied();
}

/// An engine that hands over a refused target gets the same decision as one that leaves it out.
#[test]
fn a_refused_target_counts_as_unseen() {
    let scenario = given().cash("9").bet("T1", "R", "10").rejected("insufficient_funds");
    let ledger = scenario.ledger();
    let key = IdempotencyKey {
        source: commands::source("prov"),
        kind: OperationKind::Bet,
        id: commands::txn("T1"),
    };
    let refused = ledger.outcome(&key).unwrap();
    assert!(refused.is_rejected());
    let registry = CurrencyRegistry::standard();
    for command in [
        PlayerCommand::from(commands::rollback("X1", "T1")),
        commands::rollback_bet("X1", "T1").into(),
        commands::void_bet("V1", "R", "T1").into(),
    ] {
        let mut found = Found::default();
        found.add_operation(refused.clone());
        let facts = Facts::new(&found, &registry, ledger.policy());
        let told = PlayerLedger::decide(ledger.state(), &command, &facts, ledger.now()).unwrap();
        assert_eq!(told, ledger.decide(&command).unwrap());
        assert!(matches!(told, Decision::Commit(draft) if draft.outcome == OutcomeKind::Tombstoned));
    }
}

/// An engine that hands over the round of a target although another was asked for does no harm.
#[test]
fn a_fetched_round_counts_only_if_it_was_asked_for() {
    let scenario = given().cash("9").bet("T1", "R", "1").win_close("W1", "R", "0");
    let ledger = scenario.ledger();
    let registry = CurrencyRegistry::standard();
    let other =
        AggregateRef::Round(RoundRef { source: commands::source("prov"), round: commands::round("R") });
    let events = ledger.stream(&other.stream(ledger.state().player()));
    let mut found = Found::default();
    found.add_stream(&other, &events).unwrap();
    let facts = Facts::new(&found, &registry, ledger.policy());
    for command in [
        PlayerCommand::from(commands::bet("T2", "R2", "1")),
        commands::win("W2", "R2", "1").into(),
        commands::close("C2", "R2").into(),
        commands::void_round("V2", "R2").into(),
        commands::void_bet("V2", "R2", "T2").into(),
    ] {
        let told = PlayerLedger::decide(ledger.state(), &command, &facts, ledger.now()).unwrap();
        assert_eq!(told, ledger.decide(&command).unwrap(), "{command:?}");
    }
}
