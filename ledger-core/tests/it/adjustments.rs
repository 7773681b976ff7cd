//! What the back office does with a player's money: corrections, fees, dormancy, tax (P31, P32, P44 to P46, S103).

use ledger_core::stored::{Direction, Event};
use ledger_core::testing::{Scenario, TestLedger, commands, given, given_nobody};
use ledger_core::{
    AccountKind, Capacity, ChargeInactivityFee, CorrectionStatus, DecideCorrection, KeyScope, MismatchField,
    NotAllowedReason, OpenPlayer, PROPOSALS_MAX, PlayerCommand, ProposeCorrection, Rejection, ReturnTax,
    ShortfallPolicy, TransferDormant, WithholdTax,
};

fn not_allowed(scenario: Scenario, reason: NotAllowedReason) -> Scenario {
    scenario.rejected("not_allowed").refused_as(&Rejection::NotAllowed { reason })
}

/// The data of the last event of a type, as JSON.
fn last(ledger: &TestLedger, name: &str) -> serde_json::Value {
    let event = ledger.events().filter(|record| record.event.type_name() == name).last();
    serde_json::to_value(event.unwrap_or_else(|| panic!("no {name}"))).unwrap()["data"].clone()
}

fn debit(id: &str, amount: &str, on_shortfall: ShortfallPolicy) -> ProposeCorrection {
    ProposeCorrection { on_shortfall: Some(on_shortfall), ..commands::propose_debit(id, amount) }
}

fn tax(id: &str, amount: &str, on_shortfall: ShortfallPolicy) -> WithholdTax {
    WithholdTax { on_shortfall: Some(on_shortfall), ..commands::withhold_tax(id, amount) }
}

// Corrections.

#[test]
fn p31_a_correction_in_the_players_favour_needs_two_people() {
    let proposed = given()
        .cash("100.00")
        .after_secs(5)
        .when(commands::propose_credit("C1", "5.00"))
        .applied()
        .records(&["correction.proposed"])
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    let waiting = &proposed.ledger().state().proposals()[0];
    assert_eq!((waiting.status, waiting.proposed_at), (CorrectionStatus::Proposed, proposed.ledger().now()));
    let applied = proposed
        .when(commands::approve("D1", "C1"))
        .applied()
        .records(&["entry.posted", "correction.applied"])
        .answered("105.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("adjustments of goodwill", "5.00"),
            ("player:cash", "105.00"),
        ]);
    assert!(applied.ledger().state().proposals().is_empty());
    let event = last(applied.ledger(), "correction.applied");
    assert_eq!(
        (&event["by"], &event["txn"], &event["direction"]),
        (&"bob".into(), &"D1".into(), &"credit".into())
    );
    let _ = applied
        .when(commands::propose_credit("C1", "5.00"))
        .replayed("applied")
        .when(commands::approve("D1", "C1"))
        .replayed("applied")
        .when(commands::propose_credit("C1", "6.00"))
        .refused("key_reused");
}

#[test]
fn p31_a_correction_pays_a_debt_first() {
    given()
        .when(commands::propose_debit("C1", "8.00"))
        .when(commands::approve("D1", "C1"))
        .records(&["entry.posted", "negative_balance.raised", "correction.applied"])
        .accounts(&[("adjustments of goodwill", "-8.00"), ("receivable:player", "8.00")])
        .when(ProposeCorrection {
            code: ledger_core::SubAccount::new("error").unwrap(),
            ..commands::propose_credit("C2", "10.00")
        })
        .when(commands::approve("D2", "C2"))
        .applied()
        .accounts(&[
            ("adjustments of goodwill", "-8.00"),
            ("adjustments of error", "10.00"),
            ("player:cash", "2.00"),
        ]);
}

#[test]
fn p32_a_correction_at_the_players_expense() {
    let applied = given()
        .cash("100.00")
        .when(commands::propose_debit("C1", "5.00"))
        .available("100.00")
        .when(commands::approve("D1", "C1"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("adjustments of goodwill", "-5.00"),
            ("player:cash", "95.00"),
        ]);
    let event = last(applied.ledger(), "correction.applied");
    assert_eq!(event["recovery"]["cash"], "5.00");
}

#[test]
fn e43_the_proposer_cannot_approve() {
    let own = DecideCorrection { by: commands::person("ann"), ..commands::approve("D1", "C1") };
    let proposed = given().cash("100.00").when(commands::propose_credit("C1", "5.00"));
    let still = not_allowed(proposed.when(own.clone()), NotAllowedReason::SamePerson)
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    assert_eq!(still.ledger().state().proposals().len(), 1, "it still waits");
    assert!(still.ledger().commits().last().unwrap().keys.is_empty(), "the key is free");
    // Another person may still approve, also under the same id.
    let _ = still.clone().when(commands::approve("D1", "C1")).applied().available("105.00");
    // The proposer may take it back.
    let _ = still
        .when(DecideCorrection { approve: false, ..own })
        .applied()
        .records(&["correction.declined"])
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
}

#[test]
fn a_correction_is_decided_once() {
    for decision in [commands::approve("D1", "C1"), commands::decline("D1", "C1")] {
        let decided = given().cash("9").when(commands::propose_credit("C1", "5.00")).when(decision).applied();
        let accounts = decided.ledger().account_texts();
        let decided =
            not_allowed(decided.when(commands::approve("D2", "C1")), NotAllowedReason::AlreadyDecided);
        let decided =
            not_allowed(decided.when(commands::decline("D3", "C1")), NotAllowedReason::AlreadyDecided);
        assert_eq!(decided.ledger().account_texts(), accounts);
    }
    let unknown = given().when(commands::approve("D1", "C1"));
    let unknown = not_allowed(unknown, NotAllowedReason::TargetUnknown);
    // A decision that came too early passes once the proposal is there.
    let _ =
        unknown.when(commands::propose_credit("C1", "5.00")).when(commands::approve("D1", "C1")).applied();
    // A proposal belongs to its source.
    let other = DecideCorrection { source: commands::source("other"), ..commands::approve("D1", "C1") };
    let elsewhere = given().when(commands::propose_credit("C1", "5.00")).when(other);
    let _ = not_allowed(elsewhere, NotAllowedReason::TargetUnknown);
}

#[test]
fn p32_funds_are_looked_at_when_it_is_approved() {
    let spent = given()
        .cash("5.00")
        .when(debit("C1", "5.00", ShortfallPolicy::Reject))
        .applied()
        .bet("T1", "R", "2.00")
        .when(commands::approve("D1", "C1"))
        .rejected("insufficient_funds")
        .accounts(&[
            ("psp:clearing of psp", "5.00"),
            ("player:cash", "3.00"),
            ("player:held of prov/R", "2.00"),
        ]);
    assert_eq!(spent.ledger().state().proposals().len(), 1);
    spent.cash("2.00").when(commands::approve("D1", "C1")).applied().accounts(&[
        ("psp:clearing of psp", "7.00"),
        ("player:held of prov/R", "2.00"),
        ("adjustments of goodwill", "-5.00"),
    ]);
}

/// An adjustment of -5 with 3 left: as S42, and a debt unless a policy says otherwise.
#[test]
fn p32_a_correction_of_more_than_there_is_follows_the_policy() {
    let proposed = |policy| {
        let proposal = match policy {
            Some(policy) => debit("C1", "5.00", policy),
            None => commands::propose_debit("C1", "5.00"),
        };
        given().cash("3.00").when(proposal).when(commands::approve("D1", "C1"))
    };
    let debt = [
        ("psp:clearing of psp", "3.00"),
        ("receivable:player", "2.00"),
        ("adjustments of goodwill", "-5.00"),
    ];
    for policy in [None, Some(ShortfallPolicy::AllowNegative)] {
        proposed(policy)
            .applied()
            .records(&["entry.posted", "negative_balance.raised", "correction.applied"])
            .available("-2.00")
            .accounts(&debt);
    }
    proposed(Some(ShortfallPolicy::ZeroOut)).applied().accounts(&[
        ("psp:clearing of psp", "3.00"),
        ("bad_debt", "2.00"),
        ("adjustments of goodwill", "-5.00"),
    ]);
    let nothing = [("psp:clearing of psp", "3.00"), ("player:cash", "3.00")];
    proposed(Some(ShortfallPolicy::Reject)).rejected("insufficient_funds").accounts(&nothing);
    let retained =
        proposed(Some(ShortfallPolicy::Retain)).noop().records(&["correction.declined"]).accounts(&nothing);
    assert_eq!(last(retained.ledger(), "correction.declined")["cause"], "retained");
    not_allowed(retained.when(commands::approve("D2", "C1")), NotAllowedReason::AlreadyDecided)
        .accounts(&nothing);
    // Without a word in the proposal the source's policy at the approval decides.
    given()
        .cash("3.00")
        .when(commands::propose_debit("C1", "5.00"))
        .on_shortfall(ShortfallPolicy::Reject)
        .when(commands::approve("D1", "C1"))
        .rejected("insufficient_funds")
        .accounts(&nothing);
}

#[test]
fn proposals_are_bounded_and_their_form_is_checked() {
    let full = (0..PROPOSALS_MAX)
        .fold(given(), |s, n| s.when(commands::propose_credit(&format!("C{n}"), "1.00")).applied());
    let maximum = u32::try_from(PROPOSALS_MAX).unwrap();
    full.when(commands::propose_credit("more", "1.00"))
        .refused("capacity_exceeded")
        .refused_as(&Rejection::CapacityExceeded { what: Capacity::Proposals, maximum })
        .when(commands::decline("D1", "C7"))
        .applied()
        .when(commands::propose_credit("more", "1.00"))
        .applied()
        .accounts(&[]);
    let usd =
        ProposeCorrection { currency: commands::currency("USD"), ..commands::propose_credit("C1", "-1") };
    given()
        .when(usd)
        .rejected("currency_mismatch")
        .when(commands::propose_credit("C1", "0"))
        .refused("invalid_amount")
        .when(commands::propose_debit("C1", "-1"))
        .refused("invalid_amount")
        .when(commands::propose_debit("C1", "0.001"))
        .refused("precision")
        .when(commands::propose_debit("C1", "0.01"))
        .applied();
}

#[test]
fn another_scope_of_keys_does_not_propose_or_withhold_twice() {
    let before = given()
        .cash("100.00")
        .when(commands::propose_credit("C1", "5.00"))
        .when(commands::propose_credit("C2", "5.00"))
        .when(commands::decline("D2", "C2"))
        .when(commands::withhold_tax("T1", "1.00"))
        .applied();
    before
        .scope(KeyScope::AnyKind)
        .when(commands::propose_credit("C1", "6.00"))
        .refused("key_reused")
        .when(commands::propose_credit("C2", "6.00"))
        .refused("key_reused")
        .when(commands::withhold_tax("T1", "2.00"))
        .refused("key_reused")
        // Its stream is found whatever the scope of keys.
        .when(commands::approve("D1", "C1"))
        .applied()
        .when(commands::return_tax("K1", "T1", "1.00"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("adjustments of goodwill", "5.00"),
            ("player:cash", "105.00"),
        ]);
}

#[test]
fn a_proposal_and_its_decision_in_one_batch() {
    let all = |by: &str| {
        let decision = DecideCorrection { by: commands::person(by), ..commands::approve("D1", "C1") };
        commands::batch(vec![commands::propose_credit("C1", "5.00").into(), decision.into()])
    };
    given()
        .when(all("bob"))
        .applied()
        .records(&["correction.proposed", "entry.posted", "correction.applied"])
        .accounts(&[("adjustments of goodwill", "5.00"), ("player:cash", "5.00")]);
    let refused = given().when(all("ann")).rejected("not_allowed").accounts(&[]);
    assert!(refused.ledger().state().proposals().is_empty());
    let twice = commands::batch(vec![
        commands::propose_credit("C1", "5.00").into(),
        commands::approve("D1", "C1").into(),
        commands::approve("D2", "C1").into(),
    ]);
    given().when(twice).rejected("not_allowed").accounts(&[]);
}

// Fees.

#[test]
fn p44_a_fee_for_inactivity_takes_what_is_there_and_no_more() {
    let charged = given()
        .cash("12.00")
        .when(commands::inactivity_fee("F1", "5.00"))
        .applied()
        .records(&["entry.posted", "fee.charged"])
        .accounts(&[
            ("psp:clearing of psp", "12.00"),
            ("fees:income of inactivity", "5.00"),
            ("player:cash", "7.00"),
        ])
        .bet("B1", "R", "4.00")
        .when(ChargeInactivityFee {
            by: Some(commands::person("ann")),
            ..commands::inactivity_fee("F2", "5.00")
        })
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "12.00"),
            ("fees:income of inactivity", "8.00"),
            ("player:held of prov/R", "4.00"),
        ]);
    let event = last(charged.ledger(), "fee.charged");
    assert_eq!(
        (&event["asked"], &event["amount"], &event["by"]),
        (&"5.00".into(), &"3.00".into(), &"ann".into())
    );
    charged
        .when(commands::inactivity_fee("F3", "5.00"))
        .noop()
        .records(&["txn.noted"])
        .when(commands::inactivity_fee("F3", "5.00"))
        .replayed("noop")
        .when(commands::inactivity_fee("F4", "0"))
        .refused("invalid_amount")
        .accounts(&[
            ("psp:clearing of psp", "12.00"),
            ("fees:income of inactivity", "8.00"),
            ("player:held of prov/R", "4.00"),
        ]);
}

#[test]
fn p44_a_fee_leaves_alone_what_a_debt_will_take() {
    // 3 of debt and, by a refund, 5 of cash: 2 are available.
    let owing = given()
        .cash("5.00")
        .bet("B1", "R", "5.00")
        .when(commands::propose_debit("C1", "3.00"))
        .when(commands::approve("D1", "C1"))
        .rollback("X1", "B1")
        .available("2.00");
    owing
        .when(commands::inactivity_fee("F1", "5.00"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "5.00"),
            ("adjustments of goodwill", "-3.00"),
            ("fees:income of inactivity", "2.00"),
            ("receivable:player", "3.00"),
            ("player:cash", "3.00"),
        ])
        .when(commands::inactivity_fee("F2", "5.00"))
        .noop();
}

// Dormancy.

#[test]
fn p45_cash_becomes_dormant_and_comes_back() {
    let dormant = given()
        .cash("42.00")
        .bet("B1", "R", "2.00")
        .after_secs(9)
        .when(commands::transfer_dormant("T1"))
        .applied()
        .records(&["entry.posted", "dormant.transferred"])
        .answered("0.00")
        .accounts(&[
            ("psp:clearing of psp", "42.00"),
            ("player:held of prov/R", "2.00"),
            ("player:dormant", "40.00"),
        ]);
    let state = dormant.ledger().state();
    assert_eq!(state.standing().dormant_since, Some(dormant.ledger().now()));
    assert_eq!(state.balances()[0].dormant.unwrap().to_string(), "40.00");
    let again = dormant
        .bet("B2", "R2", "1.00")
        .rejected("insufficient_funds")
        .when(commands::inactivity_fee("F1", "5.00"))
        .noop()
        .when(commands::transfer_dormant("T2"))
        .noop()
        .records(&["txn.noted"])
        .rollback("X1", "B1")
        .applied()
        .after_secs(9)
        .when(commands::transfer_dormant("T3"))
        .applied()
        .when(commands::reclaim_dormant("K1"))
        .applied()
        .records(&["entry.posted", "dormant.reclaimed"])
        .accounts(&[("psp:clearing of psp", "42.00"), ("player:cash", "42.00")]);
    assert_eq!(again.ledger().state().standing().dormant_since, None);
    again
        .when(commands::reclaim_dormant("K2"))
        .noop()
        .when(commands::reclaim_dormant("K1"))
        .replayed("applied")
        .bet("B3", "R3", "42.00")
        .applied()
        .accounts(&[("psp:clearing of psp", "42.00"), ("player:held of prov/R3", "42.00")]);
}

#[test]
fn p45_one_claim_brings_the_player_back_whatever_other_purses_hold() {
    let usd = commands::currency("USD");
    let both = given_nobody()
        .when(commands::open(&["EUR", "USD"]))
        .cash("10.00")
        .when(ledger_core::RecordDeposit { currency: usd, ..commands::deposit("D1", "7.00") })
        .when(commands::transfer_dormant("T1"))
        .when(TransferDormant { currency: usd, ..commands::transfer_dormant("T2") })
        .when(commands::reclaim_dormant("K1"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "10.00"),
            ("psp:clearing of psp in USD", "7.00"),
            ("player:cash", "10.00"),
            ("player:dormant in USD", "7.00"),
        ]);
    assert_eq!(both.ledger().state().standing().dormant_since, None);
    let gbp = TransferDormant { currency: commands::currency("GBP"), ..commands::transfer_dormant("T3") };
    let _ = both.when(gbp).rejected("currency_mismatch");
}

#[test]
fn p45_a_debt_stands_while_the_cash_is_dormant() {
    given()
        .cash("5.00")
        .bet("B1", "R", "5.00")
        .when(commands::propose_debit("C1", "3.00"))
        .when(commands::approve("D1", "C1"))
        .rollback("X1", "B1")
        .when(commands::transfer_dormant("T1"))
        .applied()
        .available("-3.00")
        .accounts(&[
            ("psp:clearing of psp", "5.00"),
            ("adjustments of goodwill", "-3.00"),
            ("receivable:player", "3.00"),
            ("player:dormant", "5.00"),
        ])
        .when(commands::reclaim_dormant("K1"))
        .available("2.00")
        .accounts(&[
            ("psp:clearing of psp", "5.00"),
            ("adjustments of goodwill", "-3.00"),
            ("receivable:player", "3.00"),
            ("player:cash", "5.00"),
        ]);
}

// Tax.

#[test]
fn p46_tax_is_withheld_from_a_win() {
    let withheld = given()
        .cash("10.00")
        .bet("B1", "R", "10.00")
        .win_close("W1", "R", "100.00")
        .when(WithholdTax { on: Some(commands::txn("W1")), ..commands::withhold_tax("T1", "20.00") })
        .applied()
        .records(&["entry.posted", "tax.withheld"])
        .accounts(&[
            ("psp:clearing of psp", "10.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "100.00"),
            ("tax:withheld_player of DE", "20.00"),
            ("player:cash", "80.00"),
        ]);
    assert_eq!(last(withheld.ledger(), "tax.withheld")["on"], "W1");
    let _ = withheld
        .when(WithholdTax { on: Some(commands::txn("W1")), ..commands::withhold_tax("T1", "20.00") })
        .replayed("applied")
        .when(commands::withhold_tax("T1", "20.00"))
        .refused("key_reused");
}

#[test]
fn p46_tax_that_is_not_there_is_refused_unless_the_command_says_otherwise() {
    let short = || given().cash("15.00");
    let nothing = [("psp:clearing of psp", "15.00"), ("player:cash", "15.00")];
    let refused = short().when(commands::withhold_tax("T1", "20.00")).rejected("insufficient_funds");
    refused
        .accounts(&nothing)
        .cash("5.00")
        .when(commands::withhold_tax("T1", "20.00"))
        .applied()
        .accounts(&[("psp:clearing of psp", "20.00"), ("tax:withheld_player of DE", "20.00")]);
    // A policy for rollbacks is none for taxes.
    let _ = short()
        .on_shortfall(ShortfallPolicy::ZeroOut)
        .when(commands::withhold_tax("T1", "20.00"))
        .rejected("insufficient_funds");
    short().when(tax("T1", "20.00", ShortfallPolicy::AllowNegative)).applied().accounts(&[
        ("psp:clearing of psp", "15.00"),
        ("tax:withheld_player of DE", "20.00"),
        ("receivable:player", "5.00"),
    ]);
    short().when(tax("T1", "20.00", ShortfallPolicy::ZeroOut)).applied().accounts(&[
        ("psp:clearing of psp", "15.00"),
        ("tax:withheld_player of DE", "20.00"),
        ("bad_debt", "5.00"),
    ]);
    short().when(tax("T1", "20.00", ShortfallPolicy::Retain)).noop().accounts(&nothing);
    // Cash that a debt will take is not available.
    given()
        .cash("5.00")
        .bet("B1", "R", "5.00")
        .when(commands::propose_debit("C1", "3.00"))
        .when(commands::approve("D1", "C1"))
        .rollback("X1", "B1")
        .when(commands::withhold_tax("T1", "2.01"))
        .rejected("insufficient_funds")
        .when(commands::withhold_tax("T1", "2.00"))
        .applied();
}

#[test]
fn p46_a_tax_goes_back_in_parts_and_never_more_than_was_withheld() {
    let withheld = given().cash("30.00").when(commands::withhold_tax("T1", "20.00"));
    let too_much = |s: Scenario, id: &str, amount: &str| {
        s.when(commands::return_tax(id, "T1", amount))
            .rejected("mismatch")
            .refused_as(&Rejection::Mismatch { field: MismatchField::Amount })
    };
    let usd = ReturnTax { currency: commands::currency("USD"), ..commands::return_tax("K0", "T1", "1") };
    let part = too_much(withheld, "K1", "20.01")
        .when(usd)
        .refused_as(&Rejection::Mismatch { field: MismatchField::Currency })
        .when(commands::return_tax("K1", "T1", "0"))
        .refused("invalid_amount")
        .when(commands::return_tax("K1", "T1", "-1"))
        .refused("invalid_amount")
        .when(commands::return_tax("K1", "T1", "0.001"))
        .refused("precision")
        .when(commands::return_tax("K1", "T1", "15.00"))
        .applied()
        .records(&["entry.posted", "tax.returned"])
        .accounts(&[
            ("psp:clearing of psp", "30.00"),
            ("tax:withheld_player of DE", "5.00"),
            ("player:cash", "25.00"),
        ]);
    let whole = too_much(part, "K2", "5.01")
        .when(commands::return_tax("K2", "T1", "5.00"))
        .applied()
        .accounts(&[("psp:clearing of psp", "30.00"), ("player:cash", "30.00")]);
    let whole = too_much(whole, "K3", "0.01");
    let _ = not_allowed(whole.when(commands::return_tax("K4", "T9", "1")), NotAllowedReason::TargetUnknown);
}

#[test]
fn p46_what_was_written_off_goes_back_to_the_house_last() {
    given()
        .cash("15.00")
        .when(tax("T1", "20.00", ShortfallPolicy::ZeroOut))
        .when(commands::return_tax("K1", "T1", "12.00"))
        .accounts(&[
            ("psp:clearing of psp", "15.00"),
            ("tax:withheld_player of DE", "8.00"),
            ("bad_debt", "5.00"),
            ("player:cash", "12.00"),
        ])
        .when(commands::return_tax("K2", "T1", "4.00"))
        .accounts(&[
            ("psp:clearing of psp", "15.00"),
            ("tax:withheld_player of DE", "4.00"),
            ("bad_debt", "4.00"),
            ("player:cash", "15.00"),
        ])
        .when(commands::return_tax("K3", "T1", "4.00"))
        .accounts(&[("psp:clearing of psp", "15.00"), ("player:cash", "15.00")]);
    // A debt for the tax is paid by its return.
    given()
        .cash("15.00")
        .when(tax("T1", "20.00", ShortfallPolicy::AllowNegative))
        .when(commands::return_tax("K1", "T1", "20.00"))
        .accounts(&[("psp:clearing of psp", "15.00"), ("player:cash", "15.00")]);
}

// Test accounts.

#[test]
fn p53_a_test_players_whole_life_is_booked_on_test_accounts() {
    let life: Vec<PlayerCommand> = vec![
        commands::bet("B1", "R1", "10").into(),
        commands::win_close("W1", "R1", "25").into(),
        commands::bet("B2", "R2", "20").into(),
        commands::rollback("X1", "B2").into(),
        commands::rollback("X2", "W1").into(),
        commands::credit("K1", ledger_core::stored::CreditKind::Cashback, "3").into(),
        commands::propose_credit("C1", "5").into(),
        commands::approve("D1", "C1").into(),
        debit("C2", "500", ShortfallPolicy::AllowNegative).into(),
        commands::approve("D2", "C2").into(),
        commands::deposit("P2", "1000").into(),
        commands::inactivity_fee("F1", "5").into(),
        commands::withhold_tax("T1", "20").into(),
        commands::return_tax("T2", "T1", "5").into(),
        commands::transfer_dormant("S1").into(),
        commands::reclaim_dormant("S2").into(),
        commands::add_purse("U1", "USD").into(),
        commands::close_player("Z1").into(),
        commands::reopen_player("Z2").into(),
    ];
    let open = OpenPlayer { kind: AccountKind::Test, ..commands::open(&["EUR"]) };
    let start = given_nobody().when(open).cash("100.00");
    let end = life.into_iter().fold(start, |s, command| s.when(command).applied());
    assert!(end.ledger().accounts().keys().all(|account| account.kind == AccountKind::Test));
    end.accounts(&[
        ("psp:clearing of psp test", "1100.00"),
        ("gaming:stakes of game test", "10.00"),
        ("cashback:cost of campaign test", "3.00"),
        ("adjustments of goodwill test", "-495.00"),
        ("fees:income of inactivity test", "5.00"),
        ("tax:withheld_player of DE test", "15.00"),
        ("player:cash test", "578.00"),
    ]);
}

#[test]
fn corrections_say_who_did_what_and_why() {
    let done = given()
        .cash("100.00")
        .when(commands::propose_debit("C1", "5.00"))
        .when(commands::approve("D1", "C1"));
    let proposed = done.ledger().events().find_map(|record| match &record.event {
        Event::CorrectionProposed(event) => Some(event.clone()),
        _ => None,
    });
    let proposed = proposed.unwrap();
    assert_eq!((proposed.direction, proposed.by.as_str()), (Direction::Debit, "ann"));
    assert_eq!(proposed.reason.as_str(), "a complaint");
    let streams: Vec<_> = done.ledger().events().map(|record| record.stream.to_string()).collect();
    assert_eq!(
        streams[streams.len() - 3..],
        ["correction/p1/office/C1", "wallet/p1", "correction/p1/office/C1"]
    );
}
