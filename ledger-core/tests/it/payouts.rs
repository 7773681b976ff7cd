//! Withdrawals from the moment they are sent: W08 to W12, P19 to P26, breaks and late answers (docs/scenarios.md,
//! docs/withdrawals.md).

use crate::withdrawals::{CLEARING, asked, folded, status, terms, under};
use ledger_core::stored::{Bearer, Event, PaymentRef, SuspenseReason, WithdrawalBreak};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    BasisPoints, LatePayoutPolicy, MarkPaid, MarkReturned, MismatchField, NotAllowedReason, Policy,
    Rejection, SendWithdrawal, SettleLatePayout, WithdrawalFee, WithdrawalPolicy, WithdrawalStatus,
    WithdrawalTerms,
};

const BACK: [(&str, &str); 2] = [CLEARING, ("player:cash", "100.00")];
const IN_TRANSIT: [(&str, &str); 3] =
    [CLEARING, ("player:cash", "40.00"), ("payouts:in_transit of psp", "60.00")];
const PAID: [(&str, &str); 2] = [("psp:clearing of psp", "40.00"), ("player:cash", "40.00")];

#[track_caller]
fn not_allowed(scenario: Scenario, reason: NotAllowedReason) -> Scenario {
    scenario.refused_as(&Rejection::NotAllowed { reason })
}

fn approved() -> Scenario {
    asked().when(commands::approve_withdrawal("A1", "W1", "ann")).applied()
}

fn sent() -> Scenario {
    approved().when(commands::send("P1", "W1")).applied()
}

fn paid() -> Scenario {
    sent().when(commands::mark_paid("M1", "W1")).applied()
}

fn breaks(scenario: &Scenario) -> Vec<WithdrawalBreak> {
    let all = scenario.ledger().events().filter_map(|record| match &record.event {
        Event::WithdrawalMismatch(event) => Some(event.what),
        _ => None,
    });
    all.collect()
}

#[test]
fn w08_after_a_time_out_nothing_is_given_back() {
    let unknown = sent().accounts(&IN_TRANSIT).when(commands::mark_unknown("U1", "W1")).applied();
    let unknown = unknown.records(&["withdrawal.timed_out"]).accounts(&IN_TRANSIT);
    assert_eq!(status(&unknown, "W1"), WithdrawalStatus::Unknown);
    let unknown = unknown.when(commands::mark_unknown("U2", "W1")).noop().records(&["txn.noted"]);
    // Nobody can take it back, or send it again: it may have been paid.
    for command in [
        commands::cancel_withdrawal("C1", "W1").into(),
        commands::reject_withdrawal("R1", "W1").into(),
        commands::expire_withdrawal("E1", "W1").into(),
        commands::send("P2", "W1").into(),
        commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "40")]).into(),
    ] {
        let command: ledger_core::PlayerCommand = command;
        let refused = unknown.clone().after_secs(100 * 86_400).when(command);
        not_allowed(refused, NotAllowedReason::WithdrawalSent).accounts(&IN_TRANSIT);
    }
    // The answer comes later.
    unknown.clone().when(commands::mark_paid("M1", "W1")).applied().accounts(&PAID);
    let failed = unknown.when(commands::mark_failed("F1", "W1")).applied().accounts(&BACK);
    let late = failed.when(commands::mark_unknown("U3", "W1")).noop().accounts(&BACK);
    assert_eq!(status(&late, "W1"), WithdrawalStatus::Failed);
}

#[test]
fn w09_a_failure_gives_it_back_once() {
    let unknown = sent().when(commands::mark_unknown("U1", "W1"));
    let failed = unknown.when(commands::mark_failed("F1", "W1")).applied();
    let failed = failed.records(&["entry.posted", "withdrawal.failed"]).accounts(&BACK).available("100.00");
    let again = failed.when(commands::mark_failed("F1", "W1")).replayed("applied");
    let again = again.when(commands::mark_failed("F2", "W1")).noop().records(&["txn.noted"]).accounts(&BACK);
    assert_eq!(again.ledger().state().open_withdrawals(), 0);
    // It pays no debts: what goes back goes where it came from.
    let owes = sent().when(commands::chargeback("CB1", "cash-1", "100")).applied();
    owes.when(commands::mark_failed("F1", "W1"))
        .applied()
        .available("0.00")
        .accounts(&[("player:cash", "60.00"), ("receivable:player", "60.00")]);
}

#[test]
fn w10_a_failure_after_the_payment_is_a_break_and_no_refund() {
    let both = paid().when(commands::mark_failed("F1", "W1")).noop();
    let both = both.records(&["withdrawal.mismatch"]).accounts(&PAID);
    assert_eq!(breaks(&both), [WithdrawalBreak::FailedAfterPaid]);
    assert_eq!(status(&both, "W1"), WithdrawalStatus::Paid);
    both.when(commands::mark_failed("F1", "W1")).replayed("noop").accounts(&PAID);
}

#[test]
fn w11_a_bank_sends_it_back() {
    let back = paid().accounts(&PAID).when(commands::mark_returned("B1", "W1")).applied();
    let back = back.records(&["entry.posted", "withdrawal.returned"]).accounts(&BACK);
    assert_eq!(status(&back, "W1"), WithdrawalStatus::Returned);
    let again = back.when(commands::mark_returned("B1", "W1")).replayed("applied");
    let again =
        not_allowed(again.when(commands::mark_returned("B2", "W1")), NotAllowedReason::WithdrawalEnded);
    // What comes after is old news.
    again
        .when(commands::mark_paid("M2", "W1"))
        .noop()
        .when(commands::mark_failed("F1", "W1"))
        .noop()
        .accounts(&BACK);
}

fn returned_with(fee: &str, fee_by: Bearer) -> MarkReturned {
    MarkReturned { fee: Some(commands::decimal(fee)), fee_by, ..commands::mark_returned("B1", "W1") }
}

#[test]
fn w11_the_banks_fee_is_borne_by_the_player_or_the_house() {
    let back = paid().when(returned_with("5", Bearer::Player)).applied();
    back.accounts(&[("psp:clearing of psp", "95.00"), ("player:cash", "95.00")]);
    let back = paid().when(returned_with("5", Bearer::House)).applied();
    back.accounts(&[
        ("psp:clearing of psp", "95.00"),
        ("psp:fees of psp", "5.00"),
        ("player:cash", "100.00"),
    ]);
    let all = paid().when(returned_with("60", Bearer::Player)).refused("invalid_amount");
    all.when(returned_with("-1", Bearer::House)).refused("invalid_amount").accounts(&PAID);
}

/// It is new money: what he owes is paid first, as from a deposit.
#[test]
fn w11_what_comes_back_pays_debts_first() {
    let owes = paid().when(commands::chargeback("CB1", "cash-1", "100")).applied().available("-60.00");
    let back = owes.when(commands::mark_returned("B1", "W1")).applied();
    back.records(&["entry.posted", "negative_balance.cleared", "withdrawal.returned"]).accounts(&[]);
}

#[test]
fn w12_a_repeated_payment_is_a_replay() {
    let again = paid().when(commands::mark_paid("M1", "W1")).replayed("applied").accounts(&PAID);
    // Under another id it is known all the same.
    again.when(commands::mark_paid("M2", "W1")).noop().records(&["txn.noted"]).accounts(&PAID);
}

#[test]
fn p19_to_p22_a_withdrawal_is_held_sent_and_paid() {
    let asked = asked().accounts(&[
        CLEARING,
        ("player:cash", "40.00"),
        ("player:withdrawal_pending of cashier/W1", "60.00"),
    ]);
    let approved = asked.when(commands::approve_withdrawal("A1", "W1", "ann")).applied();
    let approved = approved.records(&["withdrawal.approved"]).accounts(&[
        CLEARING,
        ("player:cash", "40.00"),
        ("player:withdrawal_pending of cashier/W1", "60.00"),
    ]);
    let sent = approved.when(commands::send("P1", "W1")).records(&["entry.posted", "withdrawal.sent"]);
    let sent = sent.accounts(&IN_TRANSIT);
    let paid = sent.when(commands::mark_paid("M1", "W1")).records(&["entry.posted", "withdrawal.paid"]);
    paid.accounts(&PAID);
}

#[test]
fn p19_a_withdrawal_request() {
    asked().accounts(&[
        CLEARING,
        ("player:cash", "40.00"),
        ("player:withdrawal_pending of cashier/W1", "60.00"),
    ]);
}

#[test]
fn p20_an_approval_moves_nothing() {
    approved().records(&["withdrawal.approved"]).accounts(&[
        CLEARING,
        ("player:cash", "40.00"),
        ("player:withdrawal_pending of cashier/W1", "60.00"),
    ]);
}

#[test]
fn p21_what_is_sent_is_in_transit_at_its_provider() {
    let elsewhere = PaymentRef { source: commands::source("bank"), id: commands::txn("9") };
    let sent = approved().when(SendWithdrawal { payout: elsewhere, ..commands::send("P1", "W1") }).applied();
    let sent = sent.accounts(&[CLEARING, ("player:cash", "40.00"), ("payouts:in_transit of bank", "60.00")]);
    // Only what was sent can be answered.
    let other = sent.when(commands::mark_paid("M1", "W1"));
    let other = other.refused_as(&Rejection::Mismatch { field: MismatchField::Payment });
    let payout = PaymentRef { source: commands::source("bank"), id: commands::txn("9") };
    other.when(MarkPaid { payout, ..commands::mark_paid("M2", "W1") }).applied().accounts(&[
        CLEARING,
        ("player:cash", "40.00"),
        ("psp:clearing of bank", "-60.00"),
    ]);
}

#[test]
fn p22_what_is_paid_leaves_clearing() {
    paid().accounts(&PAID);
}

#[test]
fn p23_what_failed_is_cash_again() {
    sent().when(commands::mark_failed("F1", "W1")).applied().accounts(&BACK);
}

#[test]
fn p24_what_is_returned_is_cash_or_in_suspense() {
    paid().when(commands::mark_returned("B1", "W1")).applied().accounts(&BACK);
    let suspended = paid().when(commands::mark_returned_to_suspense("B1", "W1")).applied();
    let suspended = suspended.records(&["entry.posted", "withdrawal.returned", "cashier.deposit.suspended"]);
    let suspended =
        suspended.accounts(&[CLEARING, ("player:cash", "40.00"), ("suspense:unmatched_psp of psp", "60.00")]);
    let reason = suspended.ledger().events().find_map(|record| match &record.event {
        Event::DepositSuspended(event) => Some(event.reason),
        _ => None,
    });
    assert_eq!(reason, Some(SuspenseReason::PayoutReturned));
    // Two persons release it, to the player or back to the payer.
    let released = suspended.clone().when(commands::release("L1", "B1")).applied().accounts(&BACK);
    released.when(commands::release("L2", "B1")).rejected("not_allowed");
    suspended.when(commands::return_to_payer("L1", "B1")).applied().accounts(&PAID);
    // The id of the return is a payment of that provider, and there may be one of that name.
    let taken =
        paid().when(commands::deposit("B1", "1")).when(commands::mark_returned_to_suspense("B1", "W1"));
    taken.refused("key_reused");
    let with_fee = MarkReturned {
        fee: Some(commands::decimal("5")),
        fee_by: Bearer::House,
        ..commands::mark_returned_to_suspense("B1", "W1")
    };
    paid().when(with_fee.clone()).applied().accounts(&[
        ("psp:clearing of psp", "95.00"),
        ("psp:fees of psp", "5.00"),
        ("player:cash", "40.00"),
        ("suspense:unmatched_psp of psp", "60.00"),
    ]);
    paid().when(MarkReturned { fee_by: Bearer::Player, ..with_fee }).applied().accounts(&[
        ("psp:clearing of psp", "95.00"),
        ("player:cash", "40.00"),
        ("suspense:unmatched_psp of psp", "55.00"),
    ]);
}

#[test]
fn p25_what_is_taken_back_is_cash_again() {
    asked().when(commands::cancel_withdrawal("C1", "W1")).applied().accounts(&BACK);
}

fn with_fee(fixed: &str, rate: u32) -> Policy {
    let fee = WithdrawalFee { fixed: commands::decimal(fixed), rate: BasisPoints::new(rate).unwrap() };
    under(terms(WithdrawalTerms { fee, ..WithdrawalTerms::default() }))
}

/// 86 of 100, of which the player pays 2.
fn with_two() -> Scenario {
    given()
        .cash("100")
        .policy(with_fee("2", 0))
        .when(commands::request("W1", "86"))
        .applied()
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
}

#[test]
fn p26_the_player_pays_a_fee_when_it_is_sent() {
    let asked = with_two().accounts(&[
        CLEARING,
        ("player:cash", "14.00"),
        ("player:withdrawal_pending of cashier/W1", "86.00"),
    ]);
    asked.clone().when(commands::reject_withdrawal("R1", "W1")).applied().accounts(&BACK);
    let fee = ("fees:income of withdrawal", "2.00");
    let sent = asked.when(commands::send("P1", "W1")).applied();
    let sent =
        sent.accounts(&[CLEARING, ("player:cash", "14.00"), ("payouts:in_transit of psp", "84.00"), fee]);
    // What failed cost nothing; what came back did, unless the house says otherwise.
    sent.clone().when(commands::mark_failed("F1", "W1")).applied().accounts(&BACK);
    let paid = sent.when(commands::mark_paid("M1", "W1")).applied();
    let paid = paid.accounts(&[("psp:clearing of psp", "16.00"), ("player:cash", "14.00"), fee]);
    let back = paid.clone().when(commands::mark_returned("B1", "W1")).applied();
    back.accounts(&[CLEARING, ("player:cash", "98.00"), fee]);
    let all = MarkReturned { return_fee: true, ..commands::mark_returned("B1", "W1") };
    paid.when(all).applied().accounts(&BACK);
}

#[test]
fn p26_the_fee_is_a_fixed_part_and_a_share() {
    let pays = |fixed: &str, rate, amount: &str| {
        let asked = given().cash("100").policy(with_fee(fixed, rate)).when(commands::request("W1", amount));
        folded(&asked.applied(), "W1").unwrap().hold.fee().to_string()
    };
    assert_eq!(pays("0.50", 150, "10"), "0.65");
    assert_eq!(pays("0", 150, "0.33"), "0.01", "a half is rounded up, and one cent is the least");
    assert_eq!(pays("0", 50, "1"), "0.01");
    assert_eq!(pays("0", 0, "1"), "0.00");
    assert_eq!(pays("1.999", 0, "10"), "1.99", "a cent is not divided");
    assert_eq!(pays("-3", 0, "10"), "0.00");
    // Nothing would arrive.
    let policy = with_fee("2", 0);
    given().cash("100").policy(policy.clone()).when(commands::request("W1", "2")).refused("invalid_amount");
    let one = given().cash("100").policy(policy).when(commands::request("W1", "2.01")).applied();
    one.when(commands::approve_withdrawal("A1", "W1", "ann")).when(commands::send("P1", "W1")).accounts(&[
        CLEARING,
        ("player:cash", "97.99"),
        ("payouts:in_transit of psp", "0.01"),
        ("fees:income of withdrawal", "2.00"),
    ]);
}

/// A split shares the fee as the amounts are; each part must pay something out.
#[test]
fn p26_parts_share_the_fee() {
    let split =
        with_two().when(commands::split_withdrawal("S1", "W1", &[("W2", "50"), ("W3", "36")])).applied();
    let fee = |id: &str| folded(&split, id).unwrap().hold.fee().to_string();
    assert_eq!((fee("W2"), fee("W3")), ("1.16".to_owned(), "0.84".to_owned()));
    let sent =
        split.clone().when(commands::send("P1", "W2")).when(commands::send("P2", "W3")).applied().accounts(
            &[
                CLEARING,
                ("player:cash", "14.00"),
                ("payouts:in_transit of psp", "84.00"),
                ("fees:income of withdrawal", "2.00"),
            ],
        );
    sent.when(commands::mark_failed("F1", "W2")).when(commands::mark_paid("M1", "W3")).applied().accounts(&[
        ("psp:clearing of psp", "64.84"),
        ("player:cash", "64.00"),
        ("fees:income of withdrawal", "0.84"),
    ]);
    let dear = given().cash("100").policy(with_fee("3", 0)).when(commands::request("W1", "4")).applied();
    let parts = [("W2", "3.99"), ("W3", "0.01")];
    dear.when(commands::split_withdrawal("S1", "W1", &parts)).refused("invalid_amount");
}

/// E30: what was not paid goes back, and is told.
#[test]
fn less_may_be_paid_than_was_sent() {
    let part = sent().when(commands::mark_paid_part("M1", "W1", "45")).applied();
    let part = part.records(&["entry.posted", "withdrawal.mismatch", "withdrawal.paid"]);
    let part = part.accounts(&[("psp:clearing of psp", "55.00"), ("player:cash", "55.00")]);
    assert_eq!(breaks(&part), [WithdrawalBreak::Amount]);
    assert_eq!(folded(&part, "W1").unwrap().paid.map(|paid| paid.to_string()).as_deref(), Some("45.00"));
    part.when(commands::mark_returned("B1", "W1")).applied().accounts(&BACK);
    // The fee was earned by what was paid.
    let sent_less_fee = with_two().when(commands::send("P1", "W1"));
    sent_less_fee.when(commands::mark_paid_part("M1", "W1", "80")).applied().accounts(&[
        ("psp:clearing of psp", "20.00"),
        ("player:cash", "18.00"),
        ("fees:income of withdrawal", "2.00"),
    ]);
    // All of it is no part; more is the provider's mistake.
    let all = sent().when(commands::mark_paid_part("M1", "W1", "60")).applied();
    all.records(&["entry.posted", "withdrawal.paid"]).accounts(&PAID);
    let more = sent().when(commands::mark_paid_part("M1", "W1", "60.01"));
    let more = more.refused_as(&Rejection::Mismatch { field: MismatchField::Amount });
    more.when(commands::mark_paid_part("M2", "W1", "0")).refused("invalid_amount").accounts(&IN_TRANSIT);
}

fn failed() -> Scenario {
    sent().when(commands::mark_failed("F1", "W1")).applied().accounts(&BACK)
}

#[test]
fn a_late_payment_is_a_break_and_the_player_bears_it() {
    let late = failed().when(commands::mark_paid("M1", "W1")).applied();
    let late = late.records(&["entry.posted", "withdrawal.mismatch", "withdrawal.paid"]).accounts(&PAID);
    assert_eq!(breaks(&late), [WithdrawalBreak::PaidAfterFailed]);
    let late = late.when(commands::mark_paid("M2", "W1")).noop().accounts(&PAID);
    // Another failure is a break again, and no refund.
    let late = late.when(commands::mark_failed("F2", "W1")).noop().accounts(&PAID);
    late.when(commands::mark_returned("B1", "W1")).applied().accounts(&BACK);
    // What he has played is a debt.
    let spent =
        failed().bet("T1", "R", "100").close("C1", "R").when(commands::mark_paid("M1", "W1")).applied();
    let spent =
        spent.records(&["entry.posted", "negative_balance.raised", "withdrawal.mismatch", "withdrawal.paid"]);
    spent.accounts(&[
        ("psp:clearing of psp", "40.00"),
        ("gaming:stakes of game", "100.00"),
        ("receivable:player", "60.00"),
    ]);
    // His fee is due as well, and less may have been paid.
    let fee = with_two().when(commands::send("P1", "W1")).when(commands::mark_failed("F1", "W1"));
    fee.when(commands::mark_paid_part("M1", "W1", "80")).applied().accounts(&[
        ("psp:clearing of psp", "20.00"),
        ("player:cash", "18.00"),
        ("fees:income of withdrawal", "2.00"),
    ]);
}

fn late_in_suspense() -> Scenario {
    let policy = WithdrawalPolicy { late_payout: LatePayoutPolicy::Suspense, ..WithdrawalPolicy::default() };
    failed().policy(under(policy)).when(commands::mark_paid("M1", "W1")).applied()
}

#[test]
fn a_late_payment_is_in_suspense_until_two_persons_decide() {
    const SUSPENSE: (&str, &str) = ("suspense:unmatched_psp of psp", "-60.00");
    let clearing = ("psp:clearing of psp", "40.00");
    let late = late_in_suspense().accounts(&[clearing, ("player:cash", "100.00"), SUSPENSE]);
    let alone = SettleLatePayout {
        approved_by: commands::person("anna"),
        ..commands::settle_late("L1", "W1", Bearer::Player)
    };
    let late = not_allowed(late.when(alone), NotAllowedReason::SamePerson);
    let on_player = late.clone().when(commands::settle_late("L2", "W1", Bearer::Player)).applied();
    let on_player = on_player.records(&["entry.posted", "withdrawal.late_payout_settled"]).accounts(&PAID);
    let again = on_player.when(commands::settle_late("L3", "W1", Bearer::House));
    let again = not_allowed(again, NotAllowedReason::NotSuspended);
    again.when(commands::mark_returned("B1", "W1")).applied().accounts(&BACK);
    let on_house = late.clone().when(commands::settle_late("L2", "W1", Bearer::House)).applied();
    let on_house = on_house.accounts(&[clearing, ("player:cash", "100.00"), ("bad_debt", "60.00")]);
    // What comes back goes to who bore it; a bank's fee is the house's there.
    let back = on_house.when(commands::mark_returned("B1", "W1"));
    let back = not_allowed(back, NotAllowedReason::NotBorneByPlayer);
    let kept =
        MarkReturned { fee: Some(commands::decimal("5")), ..commands::mark_returned_to_suspense("B2", "W1") };
    back.when(kept.clone()).applied().records(&["entry.posted", "withdrawal.returned"]).accounts(&[
        ("psp:clearing of psp", "95.00"),
        ("psp:fees of psp", "5.00"),
        ("player:cash", "100.00"),
    ]);
    let back =
        not_allowed(late.when(commands::mark_returned("B1", "W1")), NotAllowedReason::NotBorneByPlayer);
    back.when(kept).applied().accounts(&[
        ("psp:clearing of psp", "95.00"),
        ("psp:fees of psp", "5.00"),
        ("player:cash", "100.00"),
    ]);
    let spent = failed().bet("T1", "R", "100").close("C1", "R");
    let policy = WithdrawalPolicy { late_payout: LatePayoutPolicy::Suspense, ..WithdrawalPolicy::default() };
    let spent = spent.policy(under(policy)).when(commands::mark_paid("M1", "W1"));
    spent.when(commands::settle_late("L1", "W1", Bearer::Player)).applied().accounts(&[
        clearing,
        ("gaming:stakes of game", "100.00"),
        ("receivable:player", "60.00"),
    ]);
    // Only what is in suspense can be decided on.
    not_allowed(
        paid().when(commands::settle_late("L1", "W1", Bearer::House)),
        NotAllowedReason::NotSuspended,
    );
}

/// P53 for withdrawals.
#[test]
fn p53_a_withdrawal_of_a_test_player_is_booked_on_test_accounts() {
    let open = ledger_core::OpenPlayer { kind: ledger_core::AccountKind::Test, ..commands::open(&["EUR"]) };
    let sent = ledger_core::testing::given_nobody()
        .when(open)
        .cash("100")
        .policy(with_fee("2", 0))
        .when(commands::request("W1", "60"))
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
        .when(commands::send("P1", "W1"))
        .applied();
    sent.accounts(&[
        ("psp:clearing of psp test", "100.00"),
        ("player:cash test", "40.00"),
        ("payouts:in_transit of psp test", "58.00"),
        ("fees:income of withdrawal test", "2.00"),
    ]);
}
