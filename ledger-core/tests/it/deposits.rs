//! Deposits: D01 to D14, P01, P03, FX1 to FX3 (docs/scenarios.md).

use crate::config;
use ledger_core::stored::{Event, LateAfter, PaymentRef, ReleasedTo, SuspenseReason};
use ledger_core::testing::{Scenario, commands, given, given_nobody};
use ledger_core::{
    ATTEMPTS_MAX, AccountKind, AttemptDeposit, CapturePolicy, Deposit, DepositPolicy, DepositStatus,
    FailDeposit, FxRate, HouseItem, InitiateDeposit, OPEN_INTENTS_MAX, PlayerCommand, Policy, RecordDeposit,
    RefundDeposit, Rejection, ReleaseSuspense, ShortfallPolicy,
};
use proptest::prelude::*;

const CASH: (&str, &str) = ("player:cash", "100.00");
const CLEARING: (&str, &str) = ("psp:clearing of psp", "100.00");
const SUSPENSE: (&str, &str) = ("suspense:unmatched_psp of psp", "100.00");

const CREDITED: &[&str] = &["entry.posted", "cashier.deposit.succeeded", "cashier.deposit.completed"];
const SUSPENDED: &[&str] = &["entry.posted", "cashier.deposit.suspended"];

fn with(policy: DepositPolicy) -> Scenario {
    given().policy(Policy { deposits: policy, ..Policy::default() })
}

/// The deposit that the stream of a capture folds to.
fn deposit(scenario: &Scenario, source: &str, id: &str) -> Deposit {
    let of = PaymentRef { source: commands::source(source), id: commands::txn(id) };
    let aggregate = ledger_core::AggregateRef::Deposit(of.clone());
    let stream = scenario.ledger().stream(&aggregate.stream(scenario.ledger().state().player()));
    let mut found = ledger_core::Found::default();
    found.add_stream(&aggregate, &stream).unwrap();
    found.deposit(&of).unwrap().clone()
}

fn reason(scenario: &Scenario) -> SuspenseReason {
    let events: Vec<_> = scenario.ledger().events().collect();
    let reason = events.iter().rev().find_map(|record| match &record.event {
        Event::DepositSuspended(event) => Some(event.reason),
        _ => None,
    });
    reason.unwrap()
}

fn after(scenario: &Scenario) -> Option<LateAfter> {
    let events: Vec<_> = scenario.ledger().events().collect();
    let after = events.iter().rev().find_map(|record| match &record.event {
        Event::DepositSucceeded(event) => Some(event.after),
        _ => None,
    });
    after.unwrap()
}

fn started() -> Scenario {
    given()
        .when(commands::initiate("I1", "100"))
        .records(&["cashier.deposit.initiated"])
        .when(commands::attempt("A1", "I1"))
        .records(&["cashier.deposit.attempted"])
        .accounts(&[])
}

#[test]
fn p01_a_deposit_is_cash() {
    given()
        .when(commands::deposit("D1", "100"))
        .applied()
        .records(&["entry.posted", "cashier.deposit.succeeded"])
        .accounts(&[CLEARING, CASH]);
}

#[test]
fn p03_the_player_pays_a_fee() {
    let paid =
        given().when(RecordDeposit { fee: Some(commands::decimal("2")), ..commands::deposit("D1", "100") });
    paid.applied().accounts(&[CLEARING, ("player:cash", "98.00"), ("fees:income of deposit", "2.00")]);
}

#[test]
fn d01_a_repeated_success_is_one_credit() {
    started()
        .when(commands::capture("D1", "I1", "100"))
        .applied()
        .records(CREDITED)
        .when(commands::capture("D1", "I1", "100"))
        .replayed("applied")
        .when(commands::capture("D1", "I1", "101"))
        .refused("key_reused")
        .accounts(&[CLEARING, CASH]);
}

#[test]
fn d02_what_was_captured_is_credited_and_the_break_recorded() {
    let captured = started().when(commands::capture("D1", "I1", "95")).applied();
    let captured = captured.records(&[
        "entry.posted",
        "cashier.deposit.succeeded",
        "cashier.deposit.completed",
        "cashier.deposit.mismatch",
    ]);
    captured.accounts(&[("psp:clearing of psp", "95.00"), ("player:cash", "95.00")]);
}

#[test]
fn d03_another_currency_is_in_suspense() {
    let dollars =
        RecordDeposit { currency: commands::currency("USD"), ..commands::capture("D1", "I1", "110") };
    let suspended = started().when(dollars).applied();
    assert_eq!(reason(&suspended), SuspenseReason::Currency);
    let in_suspense =
        [("psp:clearing of psp in USD", "110.00"), ("suspense:unmatched_psp of psp in USD", "110.00")];
    let suspended = suspended
        .accounts(&in_suspense)
        .when(commands::release("L1", "D1"))
        .rejected("currency_mismatch")
        .accounts(&in_suspense);
    // Two persons release it at a rate.
    let rate = Some(Box::new(commands::rate("EUR", "USD", "1.10")));
    suspended
        .when(ReleaseSuspense { rate, ..commands::release("L2", "D1") })
        .applied()
        .records(&["entry.posted", "cashier.deposit.released"])
        .accounts(&[
            ("psp:clearing of psp in USD", "110.00"),
            ("fx:position in USD", "-110.000000"),
            ("fx:position", "100.000000"),
            CASH,
        ]);
}

#[test]
fn d04_a_success_after_a_failure_of_the_same_reference_wins() {
    let told = FailDeposit { payment: Some(commands::payment("D1")), ..commands::fail("F1", "I1") };
    let failed = started().when(told).applied().records(&["cashier.deposit.failed"]).accounts(&[]);
    let won = failed.clone().when(commands::capture("D1", "I1", "100")).applied().records(CREDITED);
    assert_eq!(after(&won), Some(LateAfter::Failed));
    won.accounts(&[CLEARING, CASH]);

    // An attempt under another reference has failed: this is not its success.
    let attempt = AttemptDeposit { reference: Some(commands::txn("D1")), ..commands::attempt("A1", "I1") };
    let other = given()
        .when(commands::initiate("I1", "100"))
        .when(attempt)
        .when(commands::fail("F1", "I1"))
        .applied()
        .when(commands::capture("D2", "I1", "100"))
        .applied()
        .records(SUSPENDED);
    assert_eq!(reason(&other), SuspenseReason::OtherReference);
    let other = other.accounts(&[CLEARING, SUSPENSE]);
    // And then the one that failed succeeds.
    other.when(commands::capture("D1", "I1", "100")).records(CREDITED).accounts(&[
        ("psp:clearing of psp", "200.00"),
        SUSPENSE,
        CASH,
    ]);

    // The failure of an attempt does not end the deposit, and is told with its success.
    let failed = started().when(commands::fail_attempt("F1", "I1", "A1")).applied();
    let won = failed
        .when(commands::fail_attempt("F2", "I1", "A1"))
        .rejected("not_allowed")
        .when(commands::capture("D1", "I1", "100"))
        .records(CREDITED);
    assert_eq!(after(&won), Some(LateAfter::AttemptFailed));
}

#[test]
fn d04_a_failure_after_the_success_changes_nothing() {
    let attempt = AttemptDeposit { reference: Some(commands::txn("D1")), ..commands::attempt("A1", "I1") };
    given()
        .when(commands::initiate("I1", "100"))
        .when(attempt)
        .when(commands::capture("D1", "I1", "100"))
        .applied()
        .when(commands::fail("F1", "I1"))
        .rejected("not_allowed")
        .when(commands::fail_attempt("F2", "I1", "A1"))
        .noop()
        .records(&["cashier.deposit.failed", "cashier.deposit.mismatch"])
        .accounts(&[CLEARING, CASH]);
}

#[test]
fn d05_a_success_of_the_unknown_is_in_suspense() {
    let suspended = given().when(commands::capture("D1", "I9", "100")).applied().records(SUSPENDED);
    assert_eq!(reason(&suspended), SuspenseReason::UnknownIntent);
    assert_eq!(deposit(&suspended, "psp", "D1").status(), DepositStatus::Suspended);
    let suspended = suspended
        .accounts(&[CLEARING, SUSPENSE])
        .available("0.00")
        // The message again, and money of the same reference, are no way out.
        .when(commands::capture("D1", "I9", "100"))
        .replayed("applied")
        .when(commands::refund("B1", "D1"))
        .rejected("not_allowed")
        .when(ReleaseSuspense { approved_by: commands::person("anna"), ..commands::release("L0", "D1") })
        .rejected("not_allowed")
        .when(commands::release("L0", "D9"))
        .rejected("payment_not_found");
    let released = suspended
        .clone()
        .when(commands::release("L1", "D1"))
        .applied()
        .records(&["entry.posted", "cashier.deposit.released"])
        .accounts(&[CLEARING, CASH])
        .when(commands::release("L1", "D1"))
        .replayed("applied")
        .when(commands::release("L2", "D1"))
        .rejected("not_allowed")
        .when(commands::return_to_payer("L3", "D1"))
        .rejected("not_allowed")
        .accounts(&[CLEARING, CASH]);
    assert_eq!(deposit(&released, "psp", "D1").status(), DepositStatus::Succeeded);
    let returned = suspended.when(commands::return_to_payer("L1", "D1")).applied().accounts(&[]);
    assert_eq!(deposit(&returned, "psp", "D1").status(), DepositStatus::Returned);
    returned.when(commands::chargeback("CB1", "D1", "100")).rejected("exceeds_rest").accounts(&[]);
}

#[test]
fn d08_one_deposit_is_tried_at_two_providers() {
    let second = AttemptDeposit { psp: commands::source("psp2"), ..commands::attempt("A2", "I1") };
    let captured = RecordDeposit { source: commands::source("psp2"), ..commands::capture("E1", "I1", "100") };
    let credited = started()
        .when(commands::fail_attempt("F1", "I1", "A1"))
        .applied()
        .when(second)
        .applied()
        .when(captured)
        .applied()
        .records(CREDITED)
        .accounts(&[("psp:clearing of psp2", "100.00"), CASH]);
    assert_eq!(after(&credited), None);
    // The first one comes back to life: the deposit is paid already.
    let second = credited.clone().when(commands::capture("D1", "I1", "100")).applied().records(SUSPENDED);
    assert_eq!(reason(&second), SuspenseReason::SecondCapture);
    second.accounts(&[("psp:clearing of psp2", "100.00"), CLEARING, SUSPENSE, CASH]);
    // A policy may credit it.
    let policy = DepositPolicy { second_capture: CapturePolicy::Credit, ..DepositPolicy::default() };
    let lenient = credited.policy(Policy { deposits: policy, ..Policy::default() });
    let credited = lenient.when(commands::capture("D1", "I1", "100")).applied();
    assert_eq!(after(&credited), Some(LateAfter::Succeeded));
    credited.accounts(&[("psp:clearing of psp2", "100.00"), CLEARING, ("player:cash", "200.00")]);
}

#[test]
fn d10_a_fee_is_a_part_of_what_was_captured() {
    let with_fee =
        |fee: &str| RecordDeposit { fee: Some(commands::decimal(fee)), ..commands::deposit("D1", "100") };
    given().when(with_fee("100")).refused("invalid_amount").accounts(&[]);
    given().when(with_fee("-1")).refused("invalid_amount").accounts(&[]);
    given().when(with_fee("0.001")).refused("precision").accounts(&[]);
    given().when(with_fee("0")).applied().accounts(&[CLEARING, CASH]);
    // The fee stays with the house unless the refund says otherwise.
    let refunded = given()
        .when(with_fee("2"))
        .when(commands::refund("B1", "D1"))
        .applied()
        .accounts(&[("psp:clearing of psp", "2.00"), ("fees:income of deposit", "2.00")]);
    assert_eq!(deposit(&refunded, "psp", "D1").status(), DepositStatus::Refunded);
    given()
        .when(with_fee("2"))
        .when(commands::refund_part("B1", "D1", "98.01"))
        .refused_as(&Rejection::ExceedsRest {
            left: "98.00".parse().unwrap(),
            currency: commands::currency("EUR"),
        })
        .when(RefundDeposit { return_fee: true, ..commands::refund("B2", "D1") })
        .applied()
        .accounts(&[]);
}

#[test]
fn d14_a_deposit_is_refunded_in_parts_and_never_more_than_it_was() {
    let paid = given().when(commands::deposit("D1", "100"));
    let part = paid
        .clone()
        .when(commands::refund_part("B1", "D1", "30"))
        .applied()
        .records(&["entry.posted", "cashier.deposit.refunded"])
        .accounts(&[("psp:clearing of psp", "70.00"), ("player:cash", "70.00")])
        .when(commands::refund_part("B1", "D1", "30"))
        .replayed("applied")
        .when(commands::refund_part("B2", "D1", "70.01"))
        .rejected("exceeds_rest");
    assert_eq!(deposit(&part, "psp", "D1").status(), DepositStatus::PartiallyRefunded);
    let _ = part
        .when(commands::refund("B3", "D1"))
        .applied()
        .accounts(&[])
        .when(commands::refund("B4", "D1"))
        .rejected("exceeds_rest")
        .when(commands::chargeback("CB1", "D1", "0.01"))
        .rejected("exceeds_rest");
    let usd = commands::currency("USD");
    paid.clone()
        .when(commands::refund("B1", "D9"))
        .rejected("payment_not_found")
        .when(RefundDeposit { currency: usd, ..commands::refund("B1", "D1") })
        .rejected("mismatch")
        .when(commands::refund_part("B1", "D1", "0"))
        .refused("invalid_amount")
        .accounts(&[CLEARING, CASH]);
}

#[test]
fn d14_a_spent_deposit_is_refunded_by_policy() {
    let spent = || given().cash("100").bet("T1", "R", "60").close("C1", "R");
    let refund = |policy| RefundDeposit { on_shortfall: Some(policy), ..commands::refund("B1", "cash-1") };
    let took = [("gaming:stakes of game", "60.00")];
    let untouched = [took[0], CLEARING, ("player:cash", "40.00")];
    spent()
        .when(commands::refund("B1", "cash-1"))
        .applied()
        .records(&["entry.posted", "negative_balance.raised", "cashier.deposit.refunded"])
        .accounts(&[took[0], ("receivable:player", "60.00")]);
    spent().when(refund(ShortfallPolicy::ZeroOut)).applied().accounts(&[took[0], ("bad_debt", "60.00")]);
    spent().when(refund(ShortfallPolicy::Reject)).rejected("insufficient_funds").accounts(&untouched);
    spent().when(refund(ShortfallPolicy::Retain)).rejected("not_allowed").accounts(&untouched);
    let policy = DepositPolicy { on_shortfall: ShortfallPolicy::Reject, ..DepositPolicy::default() };
    spent()
        .policy(Policy { deposits: policy, ..Policy::default() })
        .when(commands::refund("B1", "cash-1"))
        .rejected("insufficient_funds")
        .accounts(&untouched);
}

#[test]
fn a_deposit_that_was_given_up_or_took_too_long_is_over() {
    let cancelled = started().when(commands::cancel_deposit("C1", "I1")).applied();
    let cancelled = cancelled
        .records(&["cashier.deposit.cancelled"])
        .when(commands::cancel_deposit("C2", "I1"))
        .rejected("not_allowed")
        .when(commands::attempt("A2", "I1"))
        .rejected("not_allowed");
    let expired = started()
        .after_secs(86_399)
        .when(commands::expire_deposit("E1", "I1"))
        .rejected("not_allowed")
        .after_secs(1)
        .when(commands::expire_deposit("E1", "I1"))
        .applied()
        .records(&["cashier.deposit.expired"]);
    assert_eq!(expired.ledger().state().open_intents(), 0);
    // Real money of the player, late: credited, unless the policy says otherwise.
    for (over, how) in [(cancelled, LateAfter::Cancelled), (expired, LateAfter::Expired)] {
        let late = over.clone().when(commands::capture("D1", "I1", "100")).applied().records(CREDITED);
        assert_eq!(after(&late), Some(how));
        let late = late.accounts(&[CLEARING, CASH]).when(commands::capture("D2", "I1", "100"));
        assert_eq!(reason(&late), SuspenseReason::SecondCapture);
        let policy = DepositPolicy { late_capture: CapturePolicy::Suspend, ..DepositPolicy::default() };
        let strict = over.policy(Policy { deposits: policy, ..Policy::default() });
        let late = strict.when(commands::capture("D1", "I1", "100")).applied().records(SUSPENDED);
        assert_eq!(reason(&late), SuspenseReason::LateCapture);
        let _ = late.accounts(&[CLEARING, SUSPENSE]);
    }
    given()
        .when(commands::cancel_deposit("C1", "I9"))
        .rejected("payment_not_found")
        .when(commands::expire_deposit("E1", "I9"))
        .rejected("payment_not_found")
        .when(commands::attempt("A1", "I9"))
        .rejected("payment_not_found")
        .when(commands::fail("F1", "I9"))
        .rejected("payment_not_found");
}

#[test]
fn open_deposits_and_attempts_are_bounded() {
    let full = (0..OPEN_INTENTS_MAX)
        .fold(given(), |s, n| s.when(commands::initiate(&format!("I{n}"), "1")).applied());
    full.when(commands::initiate("more", "1"))
        .refused("capacity_exceeded")
        .when(commands::cancel_deposit("C1", "I0"))
        .applied()
        .when(commands::initiate("more", "1"))
        .applied();
    let tried = (0..ATTEMPTS_MAX).fold(given().when(commands::initiate("I1", "1")), |s, n| {
        s.when(commands::attempt(&format!("A{n}"), "I1")).applied()
    });
    tried.when(commands::attempt("more", "I1")).refused("capacity_exceeded");
}

#[test]
fn the_start_of_a_deposit_is_refused_for_good() {
    let usd = InitiateDeposit { currency: commands::currency("USD"), ..commands::initiate("I1", "1") };
    given()
        .when(usd.clone())
        .rejected("currency_mismatch")
        .when(usd)
        .replayed("rejected:currency_mismatch")
        .when(commands::initiate("I2", "0"))
        .refused("invalid_amount")
        .accounts(&[]);
}

#[test]
fn what_the_house_has_in_suspense_reaches_a_player_once() {
    let item = commands::release_of_house("D1", "100");
    let landed = given()
        .when(item.clone())
        .applied()
        .records(&["entry.posted", "cashier.deposit.released"])
        .accounts(&[("suspense:unmatched_psp of psp", "-100.00"), CASH])
        // Sent again after a crash, by whoever.
        .when(ReleaseSuspense { id: commands::txn("L7"), ..item.clone() })
        .replayed("applied")
        .when(commands::release_of_house("D1", "101"))
        .refused("key_reused")
        // The provider reports it after all.
        .when(commands::deposit("D1", "100"))
        .refused("key_reused")
        .accounts(&[("suspense:unmatched_psp of psp", "-100.00"), CASH]);
    // It can be taken back like any deposit.
    landed
        .when(commands::chargeback("CB1", "D1", "100"))
        .applied()
        .accounts(&[("suspense:unmatched_psp of psp", "-100.00"), ("psp:clearing of psp", "-100.00")]);
    let usd = HouseItem {
        kind: AccountKind::Real,
        amount: commands::decimal("1"),
        currency: commands::currency("USD"),
    };
    let test = HouseItem { kind: AccountKind::Test, ..item.house_item.clone().unwrap() };
    given()
        .when(ReleaseSuspense { to: ReleasedTo::Payer, ..item.clone() })
        .rejected("not_allowed")
        .when(ReleaseSuspense { house_item: Some(usd), ..item.clone() })
        .rejected("currency_mismatch")
        .when(ReleaseSuspense { house_item: Some(test.clone()), ..item.clone() })
        .rejected("mismatch")
        .when(commands::release_of_house("D1", "0"))
        .refused("invalid_amount")
        .when(commands::deposit("D1", "100"))
        .applied()
        .when(item)
        .rejected("not_allowed")
        .accounts(&[CLEARING, CASH]);
}

#[test]
fn money_from_suspense_pays_debts_first() {
    let owes = given().cash("60").bet("T1", "R", "60").close("C1", "R");
    let owes = owes.when(commands::chargeback("CB1", "cash-1", "60")).applied();
    owes.when(commands::capture("D1", "I9", "100"))
        .when(commands::release("L1", "D1"))
        .applied()
        .records(&["entry.posted", "negative_balance.cleared", "cashier.deposit.released"])
        .accounts(&[("gaming:stakes of game", "60.00"), CLEARING, ("player:cash", "40.00")]);
}

#[test]
fn an_unknown_currency_is_no_deposit() {
    let odd = RecordDeposit { currency: commands::currency("XXX"), ..commands::deposit("D1", "1") };
    given().when(odd).refused("currency_unknown").accounts(&[]);
}

fn dollars(id: &str, amount: &str, value: &str) -> RecordDeposit {
    RecordDeposit {
        currency: commands::currency("USD"),
        rate: Some(Box::new(commands::rate("EUR", "USD", value))),
        ..commands::deposit(id, amount)
    }
}

fn refund_dollars(id: &str, of: &str, amount: Option<&str>) -> RefundDeposit {
    let currency = commands::currency("USD");
    RefundDeposit { amount: amount.map(commands::decimal), currency, ..commands::refund(id, of) }
}

#[test]
fn fx1_a_deposit_in_dollars_goes_back_at_its_own_rate() {
    let exchanged = [
        ("psp:clearing of psp in USD", "110.00"),
        ("fx:position in USD", "-110.000000"),
        ("fx:position", "100.000000"),
        CASH,
    ];
    let paid = given().when(dollars("D1", "110.00", "1.10")).applied().accounts(&exchanged);
    let whole = paid.clone().after_secs(1_000_000).when(refund_dollars("B1", "D1", None)).applied();
    let _ = whole.accounts(&[]).available("0.00");
    // In parts too, and a dispute that is won.
    paid.when(refund_dollars("B1", "D1", Some("10")))
        .applied()
        .accounts(&[
            ("psp:clearing of psp in USD", "100.00"),
            ("fx:position in USD", "-100.000000"),
            ("fx:position", "90.909091"),
            ("rounding", "-0.000909"),
            ("player:cash", "90.91"),
        ])
        .when(ledger_core::Chargeback {
            currency: commands::currency("USD"),
            ..commands::chargeback("CB1", "D1", "100")
        })
        .applied()
        .accounts(&[])
        .when(ledger_core::ReverseChargeback {
            currency: commands::currency("USD"),
            amount: Some(commands::decimal("30")),
            ..commands::reverse_chargeback("CR1", "D1", "CB1")
        })
        .applied()
        .when(ledger_core::ReverseChargeback {
            currency: commands::currency("USD"),
            ..commands::reverse_chargeback("CR2", "D1", "CB1")
        })
        .applied()
        .when(refund_dollars("B2", "D1", Some("100.01")))
        .rejected("exceeds_rest")
        .when(refund_dollars("B3", "D1", Some("100")))
        .applied()
        .accounts(&[]);
}

#[test]
fn fx2_what_rounding_keeps_is_booked() {
    given().when(dollars("D1", "100.01", "1.1")).applied().accounts(&[
        ("psp:clearing of psp in USD", "100.01"),
        ("fx:position in USD", "-100.010000"),
        ("fx:position", "90.918182"),
        ("rounding", "-0.001818"),
        ("player:cash", "90.92"),
    ]);
}

#[test]
fn fx3_an_old_rate_is_refused_and_a_fresh_one_passes() {
    let stale = given().after_secs(61).when(dollars("D1", "110", "1.10"));
    let fresh = FxRate::new(
        ledger_core::RateId::new("fresh").unwrap(),
        commands::currency("EUR"),
        commands::currency("USD"),
        commands::decimal("1.10"),
        commands::source("treasury"),
        "2026-01-01T00:01:00Z".parse().unwrap(),
    );
    let fresh = RecordDeposit { rate: Some(Box::new(fresh.unwrap())), ..dollars("D1", "110", "1.10") };
    let paid = stale.rejected("not_allowed").accounts(&[]).when(fresh).applied();
    // A copy is a copy, whatever rate it comes with.
    paid.when(dollars("D1", "110", "1.25")).replayed("applied").available("100.00");
    // Of other currencies; with a fee; into a currency the player does not have.
    let wrong = |base: &str, quote: &str| RecordDeposit {
        rate: Some(Box::new(commands::rate(base, quote, "1.10"))),
        ..dollars("D1", "110", "1.10")
    };
    given().when(wrong("EUR", "GBP")).rejected("mismatch").accounts(&[]);
    let fee = Some(commands::decimal("1"));
    given().when(RecordDeposit { fee, ..dollars("D1", "110", "1.10") }).rejected("not_allowed").accounts(&[]);
    let suspended = given().when(wrong("USD", "GBP")).applied();
    assert_eq!(reason(&suspended), SuspenseReason::Currency);
}

#[test]
fn a_deposit_in_the_players_other_currency_is_a_break_and_his() {
    let both = given_nobody().when(commands::open(&["EUR", "USD"])).when(commands::initiate("I1", "100"));
    let dollars =
        RecordDeposit { currency: commands::currency("USD"), ..commands::capture("D1", "I1", "100") };
    both.when(dollars)
        .applied()
        .records(&[CREDITED[0], CREDITED[1], CREDITED[2], "cashier.deposit.mismatch"])
        .accounts(&[("psp:clearing of psp in USD", "100.00"), ("player:cash in USD", "100.00")]);
}

#[test]
fn a_batch_starts_and_captures() {
    let batch = commands::batch(vec![
        commands::initiate("I1", "100").into(),
        commands::attempt("A1", "I1").into(),
        commands::capture("D1", "I1", "100").into(),
        commands::refund_part("B1", "D1", "30").into(),
        commands::chargeback("CB1", "D1", "30").into(),
    ]);
    given()
        .when(batch)
        .applied()
        .accounts(&[("psp:clearing of psp", "40.00"), ("player:cash", "40.00")])
        .when(commands::refund("B2", "D1"))
        .applied()
        .accounts(&[]);
}

proptest! {
    #![proptest_config(config(200))]

    /// In whatever order the messages on one deposit come, and however often, the player is credited once.
    #[test]
    fn messages_on_a_deposit_commute(
        order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..5_usize, 0..4),
    ) {
        let attempt = AttemptDeposit { reference: Some(commands::txn("D1")), ..commands::attempt("A1", "I1") };
        let messages: [PlayerCommand; 5] = [
            commands::fail_attempt("F1", "I1", "A1").into(),
            commands::capture("D1", "I1", "100").into(),
            commands::capture("D1", "I1", "100").into(),
            commands::capture("D2", "I1", "100").into(),
            FailDeposit { payment: Some(commands::payment("D1")), ..commands::fail_attempt("F2", "I1", "A1") }.into(),
        ];
        let start = given().when(commands::initiate("I1", "100")).when(attempt);
        let end = order.iter().chain(&again).fold(start, |s, n| s.when(messages[*n].clone()));
        let _ = end.accounts(&[("psp:clearing of psp", "200.00"), SUSPENSE, CASH]);
    }

    /// While a player owes, no new money becomes cash, on whatever way it comes.
    #[test]
    fn p29_new_money_pays_debts_before_it_is_cash(
        debt in 1..200_u32,
        money in prop::collection::vec((0..6_u8, 1..100_u32), 1..8),
    ) {
        let spent = given().cash(&debt.to_string()).bet("T0", "R0", &debt.to_string());
        let mut now = spent.close("C0", "R0").when(commands::chargeback("CB0", "cash-1", &debt.to_string())).applied();
        for (n, (way, amount)) in money.into_iter().enumerate() {
            let (id, amount) = (format!("N{n}"), amount.to_string());
            let before = purse(&now);
            now = match way {
                0 => now.when(commands::deposit(&id, &amount)),
                1 => now.bet(&id, &id, "0").win_close(&format!("W{n}"), &id, &amount),
                2 => now.when(commands::credit(&id, ledger_core::stored::CreditKind::Cashback, &amount)),
                3 => now.when(commands::capture(&id, "nothing", &amount)).when(commands::release(&id, &id)),
                4 => now.when(commands::release_of_house(&id, &amount)),
                _ => now.when(dollars(&id, &amount, "1.10")),
            }
            .applied();
            let after = purse(&now);
            prop_assert!(after.1 == 0 || after.0 == before.0, "{:?} became {:?}", before, after);
            prop_assert!(after.0 - after.1 > before.0 - before.1);
        }
    }
}

/// Cash and debt.
fn purse(scenario: &Scenario) -> (i128, i128) {
    let purse = scenario.ledger().state().wallet().purse(commands::currency("EUR")).copied().unwrap();
    (purse.cash().units(), purse.receivable().units())
}

#[test]
fn a_policy_of_deposits_is_in_its_document_only_where_it_is_used() {
    let text = |policy: &Policy| serde_json::to_string(policy).unwrap();
    assert!(!text(&Policy::default()).contains("deposits"));
    let policy = Policy {
        deposits: DepositPolicy { intent_ttl_secs: 60, ..DepositPolicy::default() },
        ..Policy::default()
    };
    assert!(text(&policy).contains(r#""deposits":{"intent_ttl_secs":60,"late_capture":"credit""#));
    let expired = with(policy.deposits).when(commands::initiate("I1", "1")).after_secs(60);
    expired.when(commands::expire_deposit("E1", "I1")).applied();
}
