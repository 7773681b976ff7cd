//! Chargebacks and debts: X01 to X07, P28 to P30 (docs/scenarios.md).

use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{CHARGEBACKS_MAX, Chargeback, Rejection, ReverseChargeback, WriteOffDebt};

fn eur(left: &str) -> Rejection {
    Rejection::ExceedsRest { left: left.parse().unwrap(), currency: commands::currency("EUR") }
}

fn with_fee(id: &str, amount: &str) -> Chargeback {
    Chargeback { fee: Some(commands::decimal("15")), ..commands::chargeback(id, "cash-1", amount) }
}

/// A player with 40 of cash left of a deposit of 100, who owes 60 after its chargeback.
fn owes_sixty() -> Scenario {
    given()
        .cash("100")
        .bet("T1", "R", "60")
        .close("C1", "R")
        .when(with_fee("CB1", "100"))
        .applied()
        .records(&[
            "entry.posted",
            "negative_balance.raised",
            "cashier.deposit.charged_back",
            "player.blocked",
        ])
        .accounts(&OWES)
}

const LOST: (&str, &str) = ("gaming:stakes of game", "60.00");
const FEE: (&str, &str) = ("chargeback:fees of psp", "15.00");
const OWES: [(&str, &str); 4] =
    [LOST, FEE, ("psp:clearing of psp", "-15.00"), ("receivable:player", "60.00")];

#[test]
fn x01_a_chargeback_takes_the_deposit_and_costs_a_fee() {
    given()
        .cash("100")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "50")
        .available("140.00")
        .when(with_fee("CB1", "100"))
        .applied()
        .records(&["entry.posted", "cashier.deposit.charged_back", "player.blocked"])
        .accounts(&[
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "50.00"),
            ("psp:clearing of psp", "-15.00"),
            FEE,
            ("player:cash", "40.00"),
        ]);
}

#[test]
fn p28_what_was_spent_is_owed() {
    owes_sixty().available("-60.00").bet("T2", "R2", "1").rejected("insufficient_funds");
}

#[test]
fn p29_a_deposit_pays_the_debt_first() {
    let paid = owes_sixty().cash("100");
    paid.records(&["entry.posted", "negative_balance.cleared", "cashier.deposit.succeeded"])
        .available("40.00")
        .accounts(&[LOST, FEE, ("psp:clearing of psp", "85.00"), ("player:cash", "40.00")]);
    let part = owes_sixty().cash("59.99");
    part.records(&["entry.posted", "cashier.deposit.succeeded"]).accounts(&[
        LOST,
        FEE,
        ("psp:clearing of psp", "44.99"),
        ("receivable:player", "0.01"),
    ]);
}

#[test]
fn x04_a_dispute_that_is_won_pays_the_debt_and_the_rest_is_cash() {
    owes_sixty()
        .when(commands::reverse_chargeback("CR1", "cash-1", "CB1"))
        .applied()
        .records(&["entry.posted", "negative_balance.cleared", "cashier.deposit.chargeback_reversed"])
        .accounts(&[LOST, FEE, ("psp:clearing of psp", "85.00"), ("player:cash", "40.00")])
        .when(commands::reverse_chargeback("CR1", "cash-1", "CB1"))
        .replayed("applied")
        .when(commands::reverse_chargeback("CR2", "cash-1", "CB1"))
        .rejected("not_allowed");
    // In parts, with the fee, and then disputed once more.
    let part = |id: &str, amount: &str| ReverseChargeback {
        amount: Some(commands::decimal(amount)),
        ..commands::reverse_chargeback(id, "cash-1", "CB1")
    };
    owes_sixty()
        .when(part("CR1", "100.01"))
        .refused_as(&eur("100.00"))
        .when(part("CR1", "70"))
        .applied()
        .accounts(&[LOST, FEE, ("psp:clearing of psp", "55.00"), ("player:cash", "10.00")])
        .when(part("CR2", "30.01"))
        .refused_as(&eur("30.00"))
        .when(ReverseChargeback { fee: Some(commands::decimal("15.01")), ..part("CR2", "30") })
        .refused_as(&eur("15.00"))
        .when(ReverseChargeback { fee: Some(commands::decimal("15")), ..part("CR2", "30") })
        .applied()
        .accounts(&[LOST, ("psp:clearing of psp", "100.00"), ("player:cash", "40.00")])
        .when(commands::chargeback("CB2", "cash-1", "100"))
        .applied()
        .accounts(&[LOST, ("receivable:player", "60.00")]);
    owes_sixty()
        .when(commands::reverse_chargeback("CR1", "cash-1", "CB9"))
        .rejected("payment_not_found")
        .when(commands::reverse_chargeback("CR1", "D9", "CB1"))
        .rejected("payment_not_found")
        .accounts(&OWES);
}

#[test]
fn x05_two_persons_write_a_debt_off() {
    let part =
        |amount: &str| WriteOffDebt { amount: Some(commands::decimal(amount)), ..commands::write_off("O1") };
    owes_sixty()
        .when(WriteOffDebt { approved_by: commands::person("anna"), ..commands::write_off("O1") })
        .rejected("not_allowed")
        .when(part("60.01"))
        .refused_as(&eur("60.00"))
        .when(part("0"))
        .refused("invalid_amount")
        .accounts(&OWES)
        .when(part("20"))
        .applied()
        .records(&["entry.posted", "debt.written_off"])
        .accounts(&[
            LOST,
            FEE,
            ("psp:clearing of psp", "-15.00"),
            ("receivable:player", "40.00"),
            ("bad_debt", "20.00"),
        ]);
}

#[test]
fn p30_a_debt_is_written_off() {
    owes_sixty()
        .when(commands::write_off("O1"))
        .applied()
        .records(&["entry.posted", "negative_balance.cleared", "debt.written_off"])
        .accounts(&[LOST, FEE, ("psp:clearing of psp", "-15.00"), ("bad_debt", "60.00")])
        .when(commands::write_off("O1"))
        .replayed("applied")
        .when(commands::write_off("O2"))
        .rejected("not_allowed");
    let usd = WriteOffDebt { currency: commands::currency("USD"), ..commands::write_off("O1") };
    owes_sixty().when(usd).rejected("currency_mismatch").accounts(&OWES);
}

#[test]
fn x07_a_repeated_chargeback_has_one_effect() {
    owes_sixty()
        .when(with_fee("CB1", "100"))
        .replayed("applied")
        .when(with_fee("CB1", "99"))
        .refused("key_reused")
        // The same dispute under another id takes no more than there is.
        .when(with_fee("CB2", "100"))
        .refused_as(&eur("0.00"))
        .when(commands::refund("B1", "cash-1"))
        .rejected("exceeds_rest")
        .accounts(&OWES);
}

#[test]
fn refunds_and_chargebacks_together_never_exceed_the_deposit() {
    given()
        .cash("100")
        .when(commands::refund_part("B1", "cash-1", "30"))
        .when(commands::chargeback("CB1", "cash-1", "70.01"))
        .refused_as(&eur("70.00"))
        .when(commands::chargeback("CB1", "cash-1", "50"))
        .applied()
        .when(commands::refund_part("B2", "cash-1", "20.01"))
        .refused_as(&eur("20.00"))
        .when(commands::refund("B2", "cash-1"))
        .applied()
        .accounts(&[]);
}

#[test]
fn money_in_suspense_is_charged_back_from_there_and_comes_back_there() {
    let suspended = given().when(commands::capture("D1", "I9", "100"));
    let disputed = suspended
        .when(Chargeback { fee: Some(commands::decimal("15")), ..commands::chargeback("CB1", "D1", "60") })
        .applied()
        .accounts(&[("suspense:unmatched_psp of psp", "40.00"), ("psp:clearing of psp", "25.00"), FEE]);
    disputed
        .when(commands::release("L1", "D1"))
        .applied()
        .accounts(&[("psp:clearing of psp", "25.00"), FEE, ("player:cash", "40.00")])
        .when(commands::reverse_chargeback("CR1", "D1", "CB1"))
        .applied()
        .accounts(&[
            ("suspense:unmatched_psp of psp", "60.00"),
            ("psp:clearing of psp", "85.00"),
            FEE,
            ("player:cash", "40.00"),
        ])
        .when(commands::release("L2", "D1"))
        .applied()
        .accounts(&[("psp:clearing of psp", "85.00"), FEE, ("player:cash", "100.00")]);
}

#[test]
fn a_chargeback_takes_the_players_fee_from_him_too() {
    let paid =
        ledger_core::RecordDeposit { fee: Some(commands::decimal("2")), ..commands::deposit("D1", "100") };
    given()
        .when(paid)
        .when(commands::chargeback("CB1", "D1", "100"))
        .applied()
        .accounts(&[("fees:income of deposit", "2.00"), ("receivable:player", "2.00")]);
}

#[test]
fn chargebacks_of_a_deposit_are_bounded() {
    let full = (0..CHARGEBACKS_MAX).fold(given().cash("101"), |s, n| {
        s.when(commands::chargeback(&format!("CB{n}"), "cash-1", "1")).applied()
    });
    full.when(commands::chargeback("more", "cash-1", "1")).refused("capacity_exceeded");
}
