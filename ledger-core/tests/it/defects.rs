//! domain.md A.6: defects of public code, each as a test that this ledger does not have it.
//!
//! | defect | where it is tested |
//! |---|---|
//! | 1, 3, 9, 11, 19, 20 | with the bonus; of 1 the fold of a refund's split is checked here (I9) |
//! | 8 | with the limits |
//! | 10 | with withdrawals |
//! | 13, 14 (its answer), 15 (its batch), 17 | gateway |

use ledger_core::testing::{commands, given, invariants};
use ledger_core::{KeyScope, RollbackKind};

#[test]
fn a6_01_a_refund_goes_where_its_stake_came_from() {
    let scenario = given().cash("100.00").bet("T1", "R", "10").rollback("X1", "T1").applied();
    invariants::i9_refunds_restore_their_funds(scenario.ledger().commits()).unwrap();
}

#[test]
fn a6_02_a_cancellation_of_the_missing_is_remembered() {
    given().rollback("X1", "T1").tombstoned().bet("T1", "R", "0").rejected("txn_cancelled").accounts(&[]);
}

#[test]
fn a6_04_a_tombstone_outlives_minutes() {
    given().rollback("X1", "T1").after_secs(301).bet("T1", "R", "0").rejected("txn_cancelled").accounts(&[]);
}

#[test]
fn a6_05_a_dead_bet_is_never_debited_not_even_for_a_moment() {
    let scenario = given().cash("5.00").rollback("X1", "T1").bet("T1", "R", "10").rejected("txn_cancelled");
    assert_eq!(scenario.ledger().state().wallet().version(), 1, "the deposit is the only entry");
}

#[test]
fn a6_06_a_second_win_of_one_id_is_not_paid() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win("W1", "R", "25")
        .applied()
        .win("W1", "R", "25")
        .replayed("applied")
        .win("W1", "R", "26")
        .refused("key_reused")
        .win_close("W1", "R", "25")
        .refused("key_reused")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "115.00"),
            ("player:held of prov/R", "10.00"),
            ("gaming:payouts of game", "25.00"),
        ]);
}

#[test]
fn a6_07_the_key_is_in_the_commit_that_has_the_effect() {
    let scenario = given().cash("100.00").bet("T1", "R", "10");
    let commit = scenario.ledger().commits().last().unwrap();
    assert_eq!(commit.keys.len(), 1);
    assert!(commit.events.iter().any(|record| record.event.type_name() == "entry.posted"));
}

#[test]
fn a6_12_the_end_of_a_round_does_not_borrow_the_ids_of_its_bets() {
    // The close books two lost bets under its own id, so a win of the bet's id is judged by the round.
    let scenario = given().cash("100.00").bet("T1", "R", "10").bet("T2", "R", "5").close("C1", "R").applied();
    let keys: Vec<_> =
        scenario.ledger().commits().last().unwrap().keys.iter().map(|key| key.id.to_string()).collect();
    assert_eq!(keys, ["C1"]);
    scenario.win("T1", "R", "1").rejected("round_closed").rollback("X1", "C1").rejected("not_allowed");
}

#[test]
fn a6_14_a_cancellation_of_the_unknown_leaves_a_record() {
    given().rollback("X1", "T1").tombstoned().records(&["txn.tombstoned"]);
}

#[test]
fn a6_16_a_rollback_is_never_read_as_what_it_undoes() {
    // Whatever kind is stated, undoing a bet gives money back and undoing a win takes it.
    for scope in [KeyScope::PerKind, KeyScope::AnyKind] {
        for kind in [None, Some(RollbackKind::Bet)] {
            given()
                .scope(scope)
                .cash("100.00")
                .bet("T1", "R", "10")
                .when(ledger_core::Rollback { kind, ..commands::rollback("X1", "T1") })
                .applied()
                .available("100.00");
        }
        for kind in [None, Some(RollbackKind::Win)] {
            given()
                .scope(scope)
                .cash("100.00")
                .bet("T1", "R", "10")
                .win_close("W1", "R", "25")
                .when(ledger_core::Rollback { kind, ..commands::rollback("X1", "W1") })
                .applied()
                .available("90.00");
        }
    }
}

#[test]
fn a6_18_payloads_are_compared_and_debts_are_possible() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T1", "R", "10.01")
        .refused("key_reused")
        .win_close("W1", "R", "25")
        .bet("T2", "R2", "115")
        .rollback("X1", "W1")
        .applied()
        .available("-25.00");
}
