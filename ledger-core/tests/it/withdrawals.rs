//! Withdrawals until they are sent: W01 to W07, W13 to W27 (docs/scenarios.md), and what every command does in every
//! state (docs/withdrawals.md).

use ledger_core::stored::{DestinationProof, Event, KycStatus, PaymentRef, PayoutReturnedTo, PendingStatus};
use ledger_core::testing::{Scenario, TestOutcome, commands, given};
use ledger_core::{
    AfterChargeback, ApprovalStep, Block, Capacity, DestinationPolicy, JurisdictionId, JurisdictionProfile,
    KycRequirement, LatePayoutPolicy, Limit, MismatchField, NotAllowedReason, OPEN_WITHDRAWALS_MAX,
    OpenPlayer, PARTS_MAX, PassKyc, PlayerCommand, Policy, RECENT_WITHDRAWALS_MAX, RecordDeposit, Rejection,
    RequestWithdrawal, ReverseWithdrawal, UnblockPlayer, Withdrawal, WithdrawalPolicy, WithdrawalStatus,
    WithdrawalTerms,
};
use std::fmt::Write as _;

pub(crate) const CLEARING: (&str, &str) = ("psp:clearing of psp", "100.00");
const W1: &str = "player:withdrawal_pending of cashier/W1";

/// A policy about withdrawals.
pub(crate) fn under(withdrawals: WithdrawalPolicy) -> Policy {
    Policy { withdrawals, ..Policy::default() }
}

/// What holds in EUR.
pub(crate) fn terms(terms: WithdrawalTerms) -> WithdrawalPolicy {
    let currencies = [(commands::currency("EUR"), terms)].into_iter().collect();
    WithdrawalPolicy { currencies, ..WithdrawalPolicy::default() }
}

fn reversed(reverse_withdrawal: ReverseWithdrawal) -> Policy {
    let default_jurisdiction = JurisdictionProfile { reverse_withdrawal, ..JurisdictionProfile::default() };
    Policy { default_jurisdiction, ..Policy::default() }
}

fn step(from: &str, approvals: u8) -> ApprovalStep {
    ApprovalStep { from: commands::decimal(from), approvals }
}

/// The withdrawal that a stream folds to, if there is one.
pub(crate) fn folded(scenario: &Scenario, id: &str) -> Option<Withdrawal> {
    let of = commands::withdrawal(id);
    let aggregate = ledger_core::AggregateRef::Withdrawal(of.clone());
    let stream = scenario.ledger().stream(&aggregate.stream(scenario.ledger().state().player()));
    let mut found = ledger_core::Found::default();
    found.add_stream(&aggregate, &stream).unwrap();
    found.withdrawal(&of).cloned()
}

pub(crate) fn status(scenario: &Scenario, id: &str) -> WithdrawalStatus {
    folded(scenario, id).unwrap().status
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "it is made where it is named")]
fn refused(scenario: Scenario, rejection: Rejection) -> Scenario {
    scenario.refused_as(&rejection)
}

#[track_caller]
fn not_allowed(scenario: Scenario, reason: NotAllowedReason) -> Scenario {
    refused(scenario, Rejection::NotAllowed { reason })
}

const HELD: [(&str, &str); 3] = [CLEARING, ("player:cash", "40.00"), (W1, "60.00")];
const BACK: [(&str, &str); 2] = [CLEARING, ("player:cash", "100.00")];

/// 60 of 100 asked for.
pub(crate) fn asked() -> Scenario {
    given().cash("100").when(commands::request("W1", "60")).applied()
}

#[test]
fn w01_what_is_asked_for_is_held() {
    let asked = asked().records(&["entry.posted", "withdrawal.requested"]).accounts(&HELD).available("40.00");
    assert_eq!(status(&asked, "W1"), WithdrawalStatus::Requested);
    let purse = asked.ledger().state().balance(commands::currency("EUR")).unwrap();
    assert_eq!(purse.pending.map(|pending| pending.to_string()).as_deref(), Some("60.00"));
    // What is pending cannot be played.
    asked.bet("T1", "R", "40.01").rejected("insufficient_funds").accounts(&HELD);
}

#[test]
fn w02_the_same_request_is_a_replay() {
    let again = asked().when(commands::request("W1", "60.0")).replayed("applied").answered("40.00");
    let other = again.when(commands::request("W1", "61")).refused("key_reused").accounts(&HELD);
    let elsewhere =
        RequestWithdrawal { destination: commands::instrument("other"), ..commands::request("W1", "60") };
    other.when(elsewhere).refused("key_reused").accounts(&HELD);
}

#[test]
fn w03_more_than_there_is_is_refused_and_stays_so() {
    let lacking = given().cash("100").when(commands::request("W1", "100.01")).rejected("insufficient_funds");
    let lacking = lacking.accounts(&BACK).cash("100");
    lacking.when(commands::request("W1", "100.01")).replayed("rejected:insufficient_funds");
}

#[test]
fn w05_held_stakes_cannot_be_withdrawn() {
    let held = given().cash("100").bet("T1", "R", "30").when(commands::request("W1", "100"));
    let available = "70.00".parse().unwrap();
    let held = refused(held, Rejection::InsufficientFunds { available, currency: commands::currency("EUR") });
    held.accounts(&[CLEARING, ("player:cash", "70.00"), ("player:held of prov/R", "30.00")]);
}

/// W04 has no bonus yet; the rule is that only cash less what is owed counts.
#[test]
fn w04_only_cash_less_what_is_owed_counts() {
    let owes = given()
        .cash("100")
        .bet("T1", "R", "60")
        .when(commands::chargeback("CB1", "cash-1", "100"))
        .rollback("X1", "T1")
        .available("0.00");
    let owes = owes.policy(under(WithdrawalPolicy {
        after_chargeback: AfterChargeback::Allow,
        ..WithdrawalPolicy::default()
    }));
    owes.when(commands::request("W1", "0.01"))
        .rejected("insufficient_funds")
        .accounts(&[("player:cash", "60.00"), ("receivable:player", "60.00")]);
}

#[test]
fn w06_the_player_takes_it_back() {
    let back = asked().when(commands::cancel_withdrawal("C1", "W1")).applied();
    let back = back.records(&["entry.posted", "withdrawal.cancelled"]).accounts(&BACK).available("100.00");
    assert_eq!(back.ledger().state().open_withdrawals(), 0);
    let again = back.when(commands::cancel_withdrawal("C1", "W1")).replayed("applied");
    not_allowed(again.when(commands::cancel_withdrawal("C2", "W1")), NotAllowedReason::WithdrawalEnded)
        .accounts(&BACK);
}

/// H28, E50: by jurisdiction, and by law where a policy says nothing.
#[test]
fn w06_a_jurisdiction_forbids_it() {
    let forbidden = asked().policy(reversed(ReverseWithdrawal::Forbidden));
    let forbidden = forbidden.when(commands::cancel_withdrawal("C1", "W1"));
    not_allowed(forbidden, NotAllowedReason::ReverseForbidden).accounts(&HELD);
    for jurisdiction in ["GB", "SE", "GB-ENG"] {
        let jurisdiction = JurisdictionId::new(jurisdiction).unwrap();
        let open = OpenPlayer { jurisdiction: jurisdiction.clone(), ..commands::open(&["EUR"]) };
        let british = ledger_core::testing::given_nobody()
            .policy(reversed(ReverseWithdrawal::UntilSend))
            .when(open)
            .cash("100")
            .when(commands::request("W1", "60"))
            .applied()
            .when(commands::cancel_withdrawal("C1", "W1"));
        let british = not_allowed(british, NotAllowedReason::ReverseForbidden).accounts(&HELD);
        // What the host publishes for it is its own word.
        let named = JurisdictionProfile::default();
        let policy =
            Policy { jurisdictions: [(jurisdiction, named)].into_iter().collect(), ..Policy::default() };
        british.policy(policy).when(commands::cancel_withdrawal("C2", "W1")).applied().accounts(&BACK);
    }
}

#[test]
fn w07_under_review_it_cannot_be_taken_back() {
    let looked_at = asked()
        .when(commands::start_review("V1", "W1"))
        .applied()
        .records(&["withdrawal.review_started"])
        .when(commands::cancel_withdrawal("C1", "W1"));
    let looked_at = not_allowed(looked_at, NotAllowedReason::ReviewStarted).accounts(&HELD);
    let until_send = looked_at.policy(reversed(ReverseWithdrawal::UntilSend));
    until_send
        .clone()
        .when(commands::cancel_withdrawal("C1", "W1"))
        .applied()
        .records(&["entry.posted", "withdrawal.cancelled"])
        .accounts(&BACK);
    let approved = until_send.when(commands::approve_withdrawal("A1", "W1", "ann")).applied();
    approved.clone().when(commands::cancel_withdrawal("C1", "W1")).applied().accounts(&BACK);
    let sent = approved.when(commands::send("P1", "W1")).when(commands::cancel_withdrawal("C1", "W1"));
    not_allowed(sent, NotAllowedReason::WithdrawalSent);
}

fn two_eyes_from(amount: &str) -> Policy {
    let approvals = vec![step("0", 1), step(amount, 2)];
    under(terms(WithdrawalTerms { approvals, ..WithdrawalTerms::default() }))
}

#[test]
fn w13_two_persons_approve_a_large_one() {
    let large = given().cash("100").policy(two_eyes_from("60")).when(commands::request("W1", "60"));
    let first = large.when(commands::approve_withdrawal("A1", "W1", "ann")).applied();
    let first = first.records(&["withdrawal.approved"]).accounts(&HELD);
    assert_eq!(status(&first, "W1"), WithdrawalStatus::PartlyApproved);
    let first = not_allowed(first.when(commands::send("P1", "W1")), NotAllowedReason::NotApproved);
    let again = first.when(commands::approve_withdrawal("A2", "W1", "ann"));
    let again = not_allowed(again, NotAllowedReason::AlreadyApproved).accounts(&HELD);
    assert_eq!(status(&again, "W1"), WithdrawalStatus::PartlyApproved);
    let second = again.when(commands::approve_withdrawal("A3", "W1", "bob")).applied().accounts(&HELD);
    assert_eq!(status(&second, "W1"), WithdrawalStatus::Approved);
    assert_eq!(
        folded(&second, "W1").unwrap().approved_by,
        [commands::person("ann"), commands::person("bob")]
    );
    let third = second.when(commands::approve_withdrawal("A4", "W1", "cem"));
    not_allowed(third, NotAllowedReason::AlreadyApproved);
    // Below the step one is enough.
    let small = given().cash("100").policy(two_eyes_from("60")).when(commands::request("W1", "59.99"));
    let small = small.when(commands::approve_withdrawal("A1", "W1", "ann")).applied();
    assert_eq!(status(&small, "W1"), WithdrawalStatus::Approved);
}

/// How many are needed is fixed by the request, and at least one is.
#[test]
fn w13_the_steps_that_held_at_the_request_hold() {
    let steps = |all: Vec<ApprovalStep>| {
        under(terms(WithdrawalTerms { approvals: all, ..WithdrawalTerms::default() }))
    };
    let needs = |policy: Policy, amount: &str| {
        let asked = given().cash("100").policy(policy).when(commands::request("W1", amount)).applied();
        folded(&asked, "W1").unwrap().approvals
    };
    assert_eq!(needs(steps(vec![step("50", 3), step("10", 2), step("20", 1)]), "50"), 3, "in any order");
    assert_eq!(needs(steps(vec![step("50", 3), step("10", 2), step("20", 1)]), "49.99"), 1);
    assert_eq!(needs(steps(vec![step("0", 0)]), "1"), 1, "none is no four eyes");
    assert_eq!(needs(steps(vec![step("0", 200)]), "1"), ledger_core::APPROVALS_MAX);
    let asked = given().cash("100").policy(two_eyes_from("60")).when(commands::request("W1", "60"));
    let later = asked.policy(Policy::default()).when(commands::approve_withdrawal("A1", "W1", "ann"));
    assert_eq!(status(&later, "W1"), WithdrawalStatus::PartlyApproved);
}

#[test]
fn w14_nobody_approves_his_own() {
    let of_anna = RequestWithdrawal { by: Some(commands::person("anna")), ..commands::request("W1", "60") };
    let own =
        given().cash("100").when(of_anna).applied().when(commands::approve_withdrawal("A1", "W1", "anna"));
    let own = not_allowed(own, NotAllowedReason::SamePerson).accounts(&HELD);
    let split = own
        .when(commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "40")]))
        .applied()
        .when(commands::approve_withdrawal("A2", "W2", "anna"));
    let split = not_allowed(split, NotAllowedReason::SamePerson);
    // Nor what he has changed: eve has split it.
    let split = split.when(commands::approve_withdrawal("A3", "W2", "eve"));
    let split = not_allowed(split, NotAllowedReason::SamePerson);
    let approved = split.when(commands::approve_withdrawal("A4", "W2", "ann")).applied();
    assert_eq!(status(&approved, "W2"), WithdrawalStatus::Approved);
}

fn unknown_player(id: &str, amount: &str) -> RequestWithdrawal {
    RequestWithdrawal { kyc: None, ..commands::request(id, amount) }
}

#[test]
fn w15_without_kyc_it_waits_and_its_money_is_held() {
    let waiting = given().cash("100").when(unknown_player("W1", "60")).applied().accounts(&HELD);
    assert_eq!(status(&waiting, "W1"), WithdrawalStatus::AwaitingKyc);
    let reasons = [
        waiting.clone().when(commands::approve_withdrawal("A1", "W1", "ann")),
        waiting.clone().when(commands::start_review("V1", "W1")),
        waiting.clone().when(commands::send("P1", "W1")),
    ];
    for scenario in reasons {
        not_allowed(scenario, NotAllowedReason::AwaitsKyc).accounts(&HELD);
    }
    let passed = waiting.clone().when(commands::pass_kyc("K1", "W1")).applied();
    let passed = passed.records(&["withdrawal.kyc_passed"]).accounts(&HELD);
    assert_eq!(status(&passed, "W1"), WithdrawalStatus::Requested);
    not_allowed(passed.when(commands::pass_kyc("K2", "W1")), NotAllowedReason::KycNotAwaited);
    // It may be taken back while it waits.
    waiting.when(commands::cancel_withdrawal("C1", "W1")).applied().accounts(&BACK);
}

#[test]
fn w15_a_policy_refuses_or_does_not_ask() {
    let with = |kyc| under(WithdrawalPolicy { kyc, ..WithdrawalPolicy::default() });
    given()
        .cash("100")
        .policy(with(KycRequirement::Reject))
        .when(unknown_player("W1", "60"))
        .rejected("kyc_required")
        .accounts(&BACK)
        .when(unknown_player("W1", "60"))
        .replayed("rejected:kyc_required");
    let free = given().cash("100").policy(with(KycRequirement::NotRequired)).when(unknown_player("W1", "60"));
    assert_eq!(status(&free.applied().accounts(&HELD), "W1"), WithdrawalStatus::Requested);
}

/// Only an answer counts that says so, and is neither too old nor of the future.
#[test]
fn w15_an_answer_counts_while_it_is_fresh() {
    let policy = under(WithdrawalPolicy { kyc_max_age_secs: 60, ..WithdrawalPolicy::default() });
    let after = |secs: u32, kyc| {
        let request = RequestWithdrawal { kyc: Some(kyc), ..commands::request("W1", "60") };
        let asked = given().cash("100").policy(policy.clone()).after_secs(secs).when(request).applied();
        status(&asked, "W1")
    };
    let verified = commands::kyc(KycStatus::Verified);
    assert_eq!(after(60, verified), WithdrawalStatus::Requested);
    assert_eq!(after(61, verified), WithdrawalStatus::AwaitingKyc);
    assert_eq!(after(0, commands::kyc(KycStatus::Pending)), WithdrawalStatus::AwaitingKyc);
    assert_eq!(after(0, commands::kyc(KycStatus::Failed)), WithdrawalStatus::AwaitingKyc);
    let mut ahead = verified;
    ahead.as_of = "2026-01-01T00:00:01Z".parse().unwrap();
    assert_eq!(after(0, ahead), WithdrawalStatus::AwaitingKyc);
    assert_eq!(after(1, ahead), WithdrawalStatus::Requested);
    let waiting = given().cash("100").policy(policy).when(unknown_player("W1", "60")).after_secs(61);
    let waiting = waiting.when(commands::pass_kyc("K1", "W1")).rejected("kyc_required").accounts(&HELD);
    let fresh = PassKyc { as_of: waiting.ledger().now(), ..commands::pass_kyc("K1", "W1") };
    assert_eq!(status(&waiting.when(fresh).applied(), "W1"), WithdrawalStatus::Requested);
}

#[test]
fn w16_a_closed_player_gets_his_money_and_a_frozen_one_does_not() {
    let closed = given().cash("100").when(commands::close_player("Z1")).applied();
    let closed = closed.when(commands::request("W1", "60")).applied().accounts(&HELD);
    let paid = closed
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
        .when(commands::send("P1", "W1"))
        .when(commands::mark_paid("M1", "W1"))
        .applied();
    paid.accounts(&[("psp:clearing of psp", "40.00"), ("player:cash", "40.00")]);

    let frozen = given().cash("100").when(commands::block("B1", Block::PayoutsFrozen)).applied();
    let frozen = frozen.records(&["player.blocked"]).when(commands::request("W1", "60"));
    let frozen = refused(frozen, Rejection::PlayerBlocked { block: Block::PayoutsFrozen });
    // He may play: only what leaves is barred.
    let frozen = frozen.accounts(&BACK).bet("T1", "R", "10").applied().rollback("X1", "T1");
    let frozen = frozen.when(commands::block("B2", Block::PayoutsFrozen));
    let frozen = not_allowed(frozen, NotAllowedReason::AlreadyBlocked);
    let alone = UnblockPlayer {
        approved_by: commands::person("ann"),
        ..commands::unblock("B3", Block::PayoutsFrozen)
    };
    let frozen = not_allowed(frozen.when(alone), NotAllowedReason::SamePerson);
    let lifted = frozen.when(commands::unblock("B4", Block::PayoutsFrozen)).applied();
    let lifted = lifted.records(&["player.unblocked"]).when(commands::request("W2", "60")).applied();
    not_allowed(lifted.when(commands::unblock("B5", Block::PayoutsFrozen)), NotAllowedReason::NotBlocked);
}

#[test]
fn s46_a_frozen_player_wins_and_gets_his_stakes_back() {
    let frozen = given().cash("100").bet("T1", "R1", "10").bet("T2", "R2", "20");
    let frozen = frozen.when(commands::block("B1", Block::PayoutsFrozen)).applied();
    let won = frozen.win_close("W1", "R1", "15").applied().rollback("X1", "T2").applied();
    won.accounts(&[
        CLEARING,
        ("gaming:stakes of game", "10.00"),
        ("gaming:payouts of game", "15.00"),
        ("player:cash", "105.00"),
    ]);
}

fn at_most(day: Option<&str>, week: Option<&str>, month: Option<&str>) -> Policy {
    let most = |text: Option<&str>| text.map(commands::decimal);
    let limits = WithdrawalTerms {
        day_max: most(day),
        week_max: most(week),
        month_max: most(month),
        ..WithdrawalTerms::default()
    };
    under(terms(limits))
}

const DAY: u32 = 86_400;

#[track_caller]
fn beyond(scenario: Scenario, limit: Limit, left: &str) -> Scenario {
    refused(scenario, Rejection::LimitExceeded { limit, left: Some(left.parse().unwrap()) })
}

#[test]
fn w17_a_daily_limit_counts_what_was_not_called_off() {
    let used = given()
        .cash("5000")
        .policy(at_most(Some("1000"), None, None))
        .when(commands::request("W1", "900"))
        .applied()
        .when(commands::request("W2", "100"))
        .applied()
        .when(commands::cancel_withdrawal("C1", "W2"))
        .applied()
        .when(commands::request("W3", "200"));
    let used = beyond(used, Limit::WithdrawalsPerDay, "100.00");
    let used = used.accounts(&[
        ("psp:clearing of psp", "5000.00"),
        ("player:cash", "4100.00"),
        ("player:withdrawal_pending of cashier/W1", "900.00"),
    ]);
    // It rolls: 24 hours after the first one it is free again, not before.
    let almost = used.clone().after_secs(DAY - 1).when(commands::request("W4", "100.01"));
    beyond(almost, Limit::WithdrawalsPerDay, "100.00");
    used.clone().after_secs(DAY).when(commands::request("W4", "1000")).applied();
    // Failed, rejected, expired and returned ones are not counted, paid and split ones are.
    let approved = used.when(commands::approve_withdrawal("A1", "W1", "ann"));
    let sent = approved.clone().when(commands::send("P1", "W1")).applied();
    let failed = sent.clone().when(commands::mark_failed("F1", "W1")).when(commands::request("W4", "1000"));
    let failed = failed.applied();
    let paid = sent.when(commands::mark_paid("M1", "W1")).when(commands::request("W4", "101"));
    let paid = beyond(paid, Limit::WithdrawalsPerDay, "100.00");
    paid.when(commands::mark_returned("B1", "W1")).when(commands::request("W5", "1000")).applied();
    failed.when(commands::reject_withdrawal("R1", "W4")).when(commands::request("W5", "1000")).applied();
    let split = approved.when(commands::split_withdrawal("S1", "W1", &[("W6", "400"), ("W7", "500")]));
    let split = beyond(split.when(commands::request("W8", "101")), Limit::WithdrawalsPerDay, "100.00");
    let split = split.when(commands::reject_withdrawal("R1", "W6")).applied();
    beyond(split.when(commands::request("W9", "501")), Limit::WithdrawalsPerDay, "500.00");
}

#[test]
fn w17_weekly_and_monthly_limits_roll_too() {
    let week = given().cash("5000").policy(at_most(None, Some("1000"), None));
    let week = week.when(commands::request("W1", "900")).applied().after_secs(7 * DAY - 1);
    let week = beyond(week.when(commands::request("W2", "101")), Limit::WithdrawalsPerWeek, "100.00");
    week.after_secs(1).when(commands::request("W3", "1000")).applied();
    let month = given().cash("5000").policy(at_most(None, None, Some("1000")));
    let month = month.when(commands::request("W1", "900")).applied().after_secs(31 * DAY - 1);
    let month = beyond(month.when(commands::request("W2", "101")), Limit::WithdrawalsPerMonth, "100.00");
    month.after_secs(1).when(commands::request("W3", "1000")).applied();
    // The shortest window that is passed is told; a limit that has come down leaves nothing.
    let all = given().cash("5000").policy(at_most(Some("10"), Some("5"), Some("1")));
    let all = beyond(all.when(commands::request("W1", "11")), Limit::WithdrawalsPerDay, "10.00");
    let all = beyond(all.when(commands::request("W2", "6")), Limit::WithdrawalsPerWeek, "5.00");
    let all = beyond(all.when(commands::request("W3", "2")), Limit::WithdrawalsPerMonth, "1.00");
    let all = all.when(commands::request("W4", "1")).applied().policy(at_most(Some("0.50"), None, None));
    beyond(all.when(commands::request("W5", "1")), Limit::WithdrawalsPerDay, "0.00");
}

#[test]
fn w18_a_third_pending_one_is_beyond_the_limit() {
    let policy = under(WithdrawalPolicy { pending_max: Some(2), ..WithdrawalPolicy::default() });
    let two = given()
        .cash("100")
        .policy(policy)
        .when(commands::request("W1", "20"))
        .when(commands::request("W2", "20"))
        .applied();
    let limit = Rejection::LimitExceeded { limit: Limit::PendingWithdrawals, left: None };
    let two = refused(two.when(commands::request("W3", "20")), limit.clone());
    let two = two.accounts(&[
        CLEARING,
        ("player:cash", "60.00"),
        ("player:withdrawal_pending of cashier/W1", "20.00"),
        ("player:withdrawal_pending of cashier/W2", "20.00"),
    ]);
    // The parts of one are one.
    let split = two.when(commands::split_withdrawal("S1", "W1", &[("W4", "10"), ("W5", "10")])).applied();
    assert_eq!(
        (split.ledger().state().open_withdrawals(), split.ledger().state().requests_under_way()),
        (3, 2)
    );
    let split = refused(split.when(commands::request("W6", "20")), limit);
    let one = split.when(commands::cancel_withdrawal("C1", "W2")).applied();
    one.when(commands::request("W7", "20")).applied();
}

fn by_card() -> RecordDeposit {
    RecordDeposit { instrument: Some(commands::instrument("card")), ..commands::deposit("D1", "100") }
}

fn to_card(id: &str, deposit: &str) -> RequestWithdrawal {
    RequestWithdrawal {
        destination: commands::instrument("card"),
        proof: Some(DestinationProof::Deposit(commands::payment(deposit))),
        ..commands::request(id, "60")
    }
}

#[test]
fn w21_a_destination_must_be_proven() {
    let unproven = RequestWithdrawal { proof: None, ..commands::request("W1", "60") };
    let with = |destination| under(WithdrawalPolicy { destination, ..WithdrawalPolicy::default() });
    let player = given().when(by_card()).applied();
    player.clone().when(unproven.clone()).rejected("destination_unproven").accounts(&BACK);
    // A deposit from it proves it, the host's word too, unless the loop must be closed.
    player.clone().when(to_card("W1", "D1")).applied().accounts(&HELD);
    player.clone().when(commands::request("W1", "60")).applied().accounts(&HELD);
    let closed = player.clone().policy(with(DestinationPolicy::ClosedLoop));
    closed.clone().when(to_card("W1", "D1")).applied().accounts(&HELD);
    closed.when(commands::request("W1", "60")).rejected("destination_unproven").accounts(&BACK);
    player.clone().policy(with(DestinationPolicy::Any)).when(unproven).applied().accounts(&HELD);
    // A proof that is none is refused whatever the policy says.
    let mismatch = Rejection::Mismatch { field: MismatchField::Destination };
    for policy in [DestinationPolicy::Any, DestinationPolicy::Proven, DestinationPolicy::ClosedLoop] {
        let player = player.clone().policy(with(policy)).cash("100");
        let other = RequestWithdrawal { destination: commands::instrument("iban"), ..to_card("W1", "D1") };
        let player = refused(player.when(other), mismatch.clone());
        let player = player.when(to_card("W2", "D9")).rejected("payment_not_found");
        refused(player.when(to_card("W3", "cash-1")), mismatch.clone());
    }
}

/// Money that was never the player's, or was taken back as not his, proves nothing.
#[test]
fn w21_a_disputed_or_suspended_deposit_proves_nothing() {
    let mismatch = Rejection::Mismatch { field: MismatchField::Destination };
    let suspended = RecordDeposit { intent: Some(commands::intent("I9")), ..by_card() };
    let suspended = given().cash("100").when(suspended).applied();
    let suspended = refused(suspended.when(to_card("W1", "D1")), mismatch.clone());
    suspended.when(commands::release("L1", "D1")).when(to_card("W2", "D1")).applied();
    let allowed =
        under(WithdrawalPolicy { after_chargeback: AfterChargeback::Allow, ..WithdrawalPolicy::default() });
    let disputed = given()
        .policy(allowed)
        .when(by_card())
        .cash("100")
        .when(commands::chargeback("CB1", "D1", "1"))
        .when(to_card("W1", "D1"));
    let disputed = refused(disputed, mismatch);
    let won = disputed.when(commands::reverse_chargeback("CR1", "D1", "CB1")).applied();
    won.when(to_card("W2", "D1")).applied();
}

fn charged_back(after_chargeback: AfterChargeback) -> Scenario {
    let auto_approve_max = Some(commands::decimal("50"));
    let terms = terms(WithdrawalTerms { auto_approve_max, ..WithdrawalTerms::default() });
    given()
        .cash("200")
        .when(commands::chargeback("CB1", "cash-1", "100"))
        .applied()
        .records(&["entry.posted", "cashier.deposit.charged_back", "player.blocked"])
        .policy(under(WithdrawalPolicy { after_chargeback, ..terms }))
}

#[test]
fn w23_a_chargeback_bars_withdrawals_until_the_block_is_lifted() {
    let flagged = Rejection::PlayerBlocked { block: Block::ChargedBack };
    let refuses = charged_back(AfterChargeback::Reject).when(commands::request("W1", "20"));
    let refuses = refused(refuses, flagged.clone()).accounts(&BACK);
    // A second one does not block him twice.
    let refuses = refuses.when(commands::chargeback("CB2", "cash-1", "10")).applied();
    let refuses = refuses.records(&["entry.posted", "cashier.deposit.charged_back"]);
    let lifted = refuses.when(commands::unblock("B1", Block::ChargedBack)).applied();
    lifted.when(commands::request("W2", "20")).applied();

    let held = charged_back(AfterChargeback::Hold).when(commands::request("W1", "20")).applied();
    assert_eq!(status(&held, "W1"), WithdrawalStatus::Requested, "no rule approves it");
    let held = held.when(commands::approve_withdrawal("A1", "W1", "ann")).when(commands::send("P1", "W1"));
    let held = refused(held, flagged).accounts(&[
        CLEARING,
        ("player:cash", "80.00"),
        ("player:withdrawal_pending of cashier/W1", "20.00"),
    ]);
    held.when(commands::unblock("B1", Block::ChargedBack)).when(commands::send("P2", "W1")).applied();

    let allowed = charged_back(AfterChargeback::Allow).when(commands::request("W1", "20")).applied();
    assert_eq!(status(&allowed, "W1"), WithdrawalStatus::Approved);
    allowed.when(commands::send("P1", "W1")).applied();
}

#[test]
fn w24_a_small_one_of_a_verified_player_needs_no_person() {
    let auto_approve_max = Some(commands::decimal("50"));
    let policy = under(terms(WithdrawalTerms { auto_approve_max, ..WithdrawalTerms::default() }));
    let player = given().cash("100").policy(policy.clone());
    let small = player.clone().when(commands::request("W1", "50")).applied();
    assert_eq!(status(&small, "W1"), WithdrawalStatus::Approved);
    small.when(commands::send("P1", "W1")).applied();
    let large = player.clone().when(commands::request("W1", "50.01")).applied();
    assert_eq!(status(&large, "W1"), WithdrawalStatus::Requested);
    // Not without documents; with them afterwards.
    let unverified = player.clone().when(unknown_player("W1", "50")).applied();
    assert_eq!(status(&unverified, "W1"), WithdrawalStatus::AwaitingKyc);
    let verified = unverified.clone().when(commands::pass_kyc("K1", "W1")).applied();
    assert_eq!(status(&verified, "W1"), WithdrawalStatus::Approved);
    let policy = Policy {
        withdrawals: WithdrawalPolicy { kyc: KycRequirement::NotRequired, ..policy.withdrawals },
        ..Policy::default()
    };
    let unknown = given().cash("100").policy(policy).when(unknown_player("W1", "50")).applied();
    assert_eq!(status(&unknown, "W1"), WithdrawalStatus::Requested);
    // Nor what someone of the operator asked for or changed: that would be his own approval.
    let of_anna = RequestWithdrawal { by: Some(commands::person("anna")), ..commands::request("W1", "50") };
    let of_anna = player.clone().when(of_anna).applied();
    assert_eq!(status(&of_anna, "W1"), WithdrawalStatus::Requested);
    let split = unverified.when(commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "30")]));
    let split = split.when(commands::pass_kyc("K1", "W2")).applied();
    assert_eq!(status(&split, "W2"), WithdrawalStatus::Requested);
    let approved = player.when(commands::request("W1", "50")).applied();
    let split = approved.when(commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "30")]));
    assert_eq!(status(&split.applied(), "W2"), WithdrawalStatus::UnderReview);
}

#[test]
fn w27_frozen_after_the_request_it_can_be_rejected_only() {
    let frozen = asked()
        .policy(reversed(ReverseWithdrawal::UntilSend))
        .when(commands::block("B1", Block::PayoutsFrozen))
        .applied();
    let barred = Rejection::PlayerBlocked { block: Block::PayoutsFrozen };
    let cancelled = frozen.clone().when(commands::cancel_withdrawal("C1", "W1"));
    refused(cancelled, barred.clone()).accounts(&HELD);
    let old = frozen.clone().after_secs(31 * DAY).when(commands::expire_withdrawal("E1", "W1"));
    refused(old, barred.clone()).accounts(&HELD);
    let approved = frozen.when(commands::approve_withdrawal("A1", "W1", "ann")).applied();
    let sent = refused(approved.when(commands::send("P1", "W1")), barred).accounts(&HELD);
    assert_eq!(status(&sent, "W1"), WithdrawalStatus::Approved);
    let lifted = sent.clone().when(commands::unblock("B2", Block::PayoutsFrozen));
    lifted.when(commands::send("P1", "W1")).applied();
    sent.when(commands::reject_withdrawal("R1", "W1"))
        .applied()
        .records(&["entry.posted", "withdrawal.rejected"])
        .accounts(&BACK);
}

/// What a player had when he was closed is his, and so is what was pending: it goes its way.
#[test]
fn e45_open_withdrawals_survive_the_closing_of_a_player() {
    let closed = asked().when(commands::close_player("Z1")).applied();
    let pending = closed.ledger().events().find_map(|record| match &record.event {
        Event::PlayerClosed(event) => event.purses.first().and_then(|purse| purse.pending),
        _ => None,
    });
    assert_eq!(pending.map(|pending| pending.to_string()).as_deref(), Some("60.00"));
    closed.clone().when(commands::cancel_withdrawal("C1", "W1")).applied().accounts(&BACK);
    closed
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
        .when(commands::send("P1", "W1"))
        .when(commands::mark_paid("M1", "W1"))
        .when(commands::request("W2", "40"))
        .applied()
        .when(commands::approve_withdrawal("A2", "W2", "ann"))
        .when(commands::send("P2", "W2"))
        .when(commands::mark_paid("M2", "W2"))
        .applied()
        .accounts(&[]);
}

#[test]
fn an_old_one_that_nobody_looked_at_expires() {
    let policy = under(WithdrawalPolicy { ttl_secs: 60, ..WithdrawalPolicy::default() });
    let young = asked().policy(policy.clone()).after_secs(59).when(commands::expire_withdrawal("E1", "W1"));
    let young = not_allowed(young, NotAllowedReason::NotExpired).accounts(&HELD);
    let looked_at = young.clone().after_secs(1).when(commands::start_review("V1", "W1"));
    let looked_at = looked_at.when(commands::expire_withdrawal("E2", "W1"));
    not_allowed(looked_at, NotAllowedReason::ReviewStarted).accounts(&HELD);
    let old = young.after_secs(1).when(commands::expire_withdrawal("E3", "W1")).applied();
    old.records(&["entry.posted", "withdrawal.expired"]).accounts(&BACK);
    let waiting = given().cash("100").policy(policy).when(unknown_player("W1", "60")).after_secs(60);
    waiting.when(commands::expire_withdrawal("E1", "W1")).applied().accounts(&BACK);
}

const PARTS: [(&str, &str); 4] = [
    CLEARING,
    ("player:cash", "40.00"),
    ("player:withdrawal_pending of cashier/W2", "20.00"),
    ("player:withdrawal_pending of cashier/W3", "40.00"),
];

#[test]
fn parts_of_a_withdrawal_add_up_to_it_and_live_on_their_own() {
    let split = asked().when(commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "40")])).applied();
    let split =
        split.records(&["entry.posted", "withdrawal.split", "withdrawal.split_off", "withdrawal.split_off"]);
    let split = split.accounts(&PARTS);
    assert_eq!(status(&split, "W1"), WithdrawalStatus::Split);
    let part = folded(&split, "W2").unwrap();
    assert_eq!((part.root, part.status), (commands::withdrawal("W1"), WithdrawalStatus::Requested));
    let split = split
        .when(commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "40")]))
        .replayed("applied")
        .when(commands::approve_withdrawal("A1", "W1", "ann"));
    let split = not_allowed(split, NotAllowedReason::WithdrawalEnded).accounts(&PARTS);
    // Its parts go different ways; the request of a part's id is no new withdrawal.
    let split = split.when(commands::request("W2", "20")).refused("key_reused").accounts(&PARTS);
    let one = split.when(commands::cancel_withdrawal("C1", "W2")).applied();
    let one = one.accounts(&[
        CLEARING,
        ("player:cash", "60.00"),
        ("player:withdrawal_pending of cashier/W3", "40.00"),
    ]);
    let again = one.when(commands::split_withdrawal("S2", "W3", &[("W4", "39.99"), ("W5", "0.01")]));
    let again = again.applied().when(commands::approve_withdrawal("A2", "W4", "ann"));
    assert_eq!(
        folded(&again, "W4").unwrap().root,
        commands::withdrawal("W1"),
        "of what the player asked for"
    );
    again.when(commands::send("P1", "W4")).when(commands::mark_paid("M1", "W4")).applied().accounts(&[
        ("psp:clearing of psp", "60.01"),
        ("player:cash", "60.00"),
        ("player:withdrawal_pending of cashier/W5", "0.01"),
    ]);
}

/// Splitting is no way around the second person.
#[test]
fn parts_keep_the_approvals_of_the_whole_but_for_that_of_who_splits_it() {
    let parts = [("W2", "20"), ("W3", "40")];
    let large = given().cash("100").policy(two_eyes_from("60")).when(commands::request("W1", "60"));
    let early = large.clone().when(commands::split_withdrawal("S1", "W1", &parts)).applied();
    let early = early.when(commands::approve_withdrawal("A1", "W2", "ann")).applied();
    assert_eq!(status(&early, "W2"), WithdrawalStatus::PartlyApproved, "a small part of a large one");
    let half = large.when(commands::approve_withdrawal("A1", "W1", "ann"));
    let kept = half.clone().when(commands::split_withdrawal("S1", "W1", &parts)).applied();
    assert_eq!(status(&kept, "W2"), WithdrawalStatus::PartlyApproved);
    let full = half.clone().when(commands::approve_withdrawal("A2", "W1", "bob"));
    let kept = full.when(commands::split_withdrawal("S1", "W1", &parts)).applied();
    assert_eq!(status(&kept, "W3"), WithdrawalStatus::Approved);
    kept.when(commands::send("P1", "W3")).applied();
    let by_eve = half.clone().when(commands::approve_withdrawal("A2", "W1", "eve"));
    let lost = by_eve.when(commands::split_withdrawal("S1", "W1", &parts)).applied();
    assert_eq!(status(&lost, "W2"), WithdrawalStatus::PartlyApproved);
    assert_eq!(folded(&lost, "W2").unwrap().approved_by, [commands::person("ann")]);
    let reviewed = asked().when(commands::start_review("V1", "W1"));
    let reviewed = reviewed.when(commands::split_withdrawal("S1", "W1", &parts)).applied();
    assert_eq!(status(&reviewed, "W2"), WithdrawalStatus::UnderReview);
    let only_eve = asked().when(commands::approve_withdrawal("A1", "W1", "eve"));
    let lost = only_eve.when(commands::split_withdrawal("S1", "W1", &parts)).applied();
    assert_eq!(status(&lost, "W2"), WithdrawalStatus::UnderReview);
    let waiting = given().cash("100").when(unknown_player("W1", "60"));
    let waiting = waiting.when(commands::split_withdrawal("S1", "W1", &parts)).applied();
    assert_eq!(status(&waiting, "W2"), WithdrawalStatus::AwaitingKyc);
}

#[test]
fn a_split_that_is_none_is_refused() {
    let split = |parts: &[(&str, &str)]| asked().when(commands::split_withdrawal("S1", "W1", parts));
    not_allowed(split(&[("W2", "60")]), NotAllowedReason::Parts).accounts(&HELD);
    not_allowed(split(&[]), NotAllowedReason::Parts);
    split(&[("W2", "60"), ("W3", "0")]).refused("invalid_amount").accounts(&HELD);
    split(&[("W2", "20"), ("W3", "39.99")]).rejected("mismatch").accounts(&HELD);
    split(&[("W2", "20"), ("W3", "40.01")]).rejected("mismatch");
    split(&[("W2", "20"), ("W3", "40.005")]).refused("precision");
    split(&[("W2", "20"), ("W2", "40")]).refused("key_reused");
    split(&[("W1", "20"), ("W2", "40")]).refused("key_reused").accounts(&HELD);
    let names: Vec<String> = (0..=PARTS_MAX).map(|n| format!("P{n}")).collect();
    let parts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let maximum = u32::try_from(PARTS_MAX).unwrap();
    let too_many = Rejection::CapacityExceeded { what: Capacity::PartsOfWithdrawal, maximum };
    refused(split(&parts), too_many).accounts(&HELD);
}

#[test]
fn there_is_room_for_so_many() {
    let policy = under(WithdrawalPolicy { ttl_secs: 0, ..WithdrawalPolicy::default() });
    let mut ledger = given().cash("5000").policy(policy).ledger().clone();
    let mut run = |command: PlayerCommand| ledger.execute(&command).unwrap().outcome;
    for n in 0..OPEN_WITHDRAWALS_MAX {
        assert_eq!(run(commands::request(&format!("W{n}"), "1").into()), TestOutcome::Applied);
    }
    let full = |what, maximum: usize| {
        let maximum = u32::try_from(maximum).unwrap();
        TestOutcome::Refused(Rejection::CapacityExceeded { what, maximum })
    };
    assert_eq!(
        run(commands::request("X", "1").into()),
        full(Capacity::OpenWithdrawals, OPEN_WITHDRAWALS_MAX)
    );
    let split = commands::split_withdrawal("S", "W0", &[("Y1", "0.50"), ("Y2", "0.50")]);
    assert_eq!(run(split.clone().into()), full(Capacity::OpenWithdrawals, OPEN_WITHDRAWALS_MAX));
    assert_eq!(run(commands::cancel_withdrawal("C", "W1").into()), TestOutcome::Applied);
    assert_eq!(run(split.into()), TestOutcome::Applied);
    assert_eq!(
        run(commands::request("X", "1").into()),
        full(Capacity::OpenWithdrawals, OPEN_WITHDRAWALS_MAX)
    );
    // Those of a month, paid ones.
    for n in 2..OPEN_WITHDRAWALS_MAX {
        let id = format!("W{n}");
        assert_eq!(run(commands::reject_withdrawal(&format!("R{n}"), &id).into()), TestOutcome::Applied);
    }
    for n in 0..RECENT_WITHDRAWALS_MAX - 2 {
        let id = format!("V{n}");
        for command in [
            commands::request(&id, "1").into(),
            commands::approve_withdrawal(&format!("A{n}"), &id, "ann").into(),
            commands::send(&format!("P{n}"), &id).into(),
            commands::mark_paid(&format!("M{n}"), &id).into(),
        ] {
            assert_eq!(run(command), TestOutcome::Applied);
        }
    }
    let month = full(Capacity::RecentWithdrawals, RECENT_WITHDRAWALS_MAX);
    assert_eq!(run(commands::request("X", "1").into()), month);
    ledger.advance_secs(31 * DAY);
    assert_eq!(ledger.execute(&commands::request("X", "1").into()).unwrap().outcome, TestOutcome::Applied);
    ledger.check().unwrap();
}

#[test]
fn amounts_and_purses_are_looked_at() {
    let player = || given().cash("100");
    player().when(commands::request("W1", "0")).refused("invalid_amount");
    player().when(commands::request("W1", "-1")).refused("invalid_amount");
    player().when(commands::request("W1", "1.005")).refused("precision");
    let dollars = RequestWithdrawal { currency: commands::currency("USD"), ..commands::request("W1", "1") };
    player().when(dollars).rejected("currency_mismatch").accounts(&BACK);
    player().when(commands::start_review("V1", "W9")).rejected("payment_not_found");
    // An id that some source used for another withdrawal is free for this one.
    let other = RequestWithdrawal { source: commands::source("shop"), ..commands::request("W1", "20") };
    player().when(commands::request("W1", "20")).when(other).applied().accounts(&[
        CLEARING,
        ("player:cash", "60.00"),
        ("player:withdrawal_pending of cashier/W1", "20.00"),
        ("player:withdrawal_pending of shop/W1", "20.00"),
    ]);
}

/// The whole way in one commit, and a batch that fails on its way.
#[test]
fn a_batch_asks_approves_and_sends() {
    let all = || -> Vec<PlayerCommand> {
        vec![
            commands::request("W1", "60").into(),
            commands::approve_withdrawal("A1", "W1", "ann").into(),
            commands::send("P1", "W1").into(),
        ]
    };
    let sent = given().cash("100").when(commands::batch(all())).applied();
    let sent = sent.accounts(&[CLEARING, ("player:cash", "40.00"), ("payouts:in_transit of psp", "60.00")]);
    assert_eq!(status(&sent, "W1"), WithdrawalStatus::Sending);
    let ended: Vec<PlayerCommand> = vec![
        commands::mark_failed("F1", "W1").into(),
        commands::mark_paid("M1", "W1").into(),
        commands::mark_returned("B1", "W1").into(),
    ];
    let ended = sent.when(commands::batch(ended)).applied().accounts(&BACK);
    assert_eq!(status(&ended, "W1"), WithdrawalStatus::Returned);
    let mut too_much = all();
    too_much.push(commands::request("W2", "60").into());
    given().cash("100").when(commands::batch(too_much)).accounts(&BACK);
}

// What every command does in every state.

/// A withdrawal in each state, as W1.
fn in_every_state() -> Vec<(&'static str, Scenario)> {
    let policy = two_eyes_from("60");
    let start = || given().cash("100").policy(policy.clone());
    let waiting = start().when(unknown_player("W1", "60"));
    let requested = start().when(commands::request("W1", "60"));
    let reviewed = requested.clone().when(commands::start_review("V0", "W1"));
    let partly = reviewed.clone().when(commands::approve_withdrawal("A0", "W1", "cem"));
    let approved = partly.clone().when(commands::approve_withdrawal("A9", "W1", "dan"));
    let sending = approved.clone().when(commands::send("P0", "W1"));
    let unknown = sending.clone().when(commands::mark_unknown("U0", "W1"));
    let paid = sending.clone().when(commands::mark_paid("M0", "W1"));
    let failed = sending.clone().when(commands::mark_failed("F0", "W1"));
    let late = WithdrawalPolicy { late_payout: LatePayoutPolicy::Suspense, ..policy.withdrawals.clone() };
    let late = failed.clone().policy(under(late)).when(commands::mark_paid("M0", "W1"));
    let returned = paid.clone().when(commands::mark_returned("B0", "W1"));
    let split = requested.clone().when(commands::split_withdrawal("S0", "W1", &[("W8", "20"), ("W9", "40")]));
    let cancelled = requested.clone().when(commands::cancel_withdrawal("C0", "W1"));
    let rejected = requested.clone().when(commands::reject_withdrawal("R0", "W1"));
    let expired = requested.clone().after_secs(30 * DAY).when(commands::expire_withdrawal("E0", "W1"));
    vec![
        ("awaiting_kyc", waiting),
        ("requested", requested),
        ("under_review", reviewed),
        ("partly_approved", partly),
        ("approved", approved),
        ("sending", sending),
        ("unknown", unknown),
        ("paid", paid),
        ("paid, in suspense", late),
        ("failed", failed),
        ("returned", returned),
        ("split", split),
        ("cancelled", cancelled),
        ("rejected", rejected),
        ("expired", expired),
        ("never seen", start()),
    ]
}

fn every_command() -> Vec<(&'static str, PlayerCommand)> {
    vec![
        ("PassKyc", commands::pass_kyc("K1", "W1").into()),
        ("StartReview", commands::start_review("V1", "W1").into()),
        ("ApproveWithdrawal", commands::approve_withdrawal("A1", "W1", "ann").into()),
        ("RejectWithdrawal", commands::reject_withdrawal("R1", "W1").into()),
        ("CancelWithdrawal", commands::cancel_withdrawal("C1", "W1").into()),
        ("ExpireWithdrawal", commands::expire_withdrawal("E1", "W1").into()),
        ("SplitWithdrawal", commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "40")]).into()),
        ("SendWithdrawal", commands::send("P1", "W1").into()),
        ("MarkUnknown", commands::mark_unknown("U1", "W1").into()),
        ("MarkPaid", commands::mark_paid("M1", "W1").into()),
        ("MarkFailed", commands::mark_failed("F1", "W1").into()),
        ("MarkReturned", commands::mark_returned("B1", "W1").into()),
        ("SettleLatePayout", commands::settle_late("L1", "W1", ledger_core::stored::Bearer::House).into()),
    ]
}

fn word<T: serde::Serialize>(value: T) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// What a command comes to, as the page says it.
fn cell(scenario: &Scenario) -> String {
    let outcome = &scenario.answer().outcome;
    let has = |name: &str| {
        let last = scenario.ledger().commits().last().unwrap();
        last.events.iter().any(|record| record.event.type_name() == name)
    };
    match outcome {
        TestOutcome::Applied if has("withdrawal.mismatch") => {
            format!("**{}**, break", word(status(scenario, "W1")))
        }
        TestOutcome::Applied => format!("**{}**", word(status(scenario, "W1"))),
        TestOutcome::Noop if has("withdrawal.mismatch") => "noop, break".to_owned(),
        TestOutcome::Noop => "noop".to_owned(),
        TestOutcome::Rejected(Rejection::NotAllowed { reason }) => word(reason),
        TestOutcome::Rejected(rejection) => rejection.code().to_owned(),
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn the_page_says_what_every_command_does_in_every_state() {
    let states = in_every_state();
    for (name, scenario) in states.iter().filter(|(name, _)| *name != "never seen") {
        assert_eq!(word(status(scenario, "W1")), name.split(',').next().unwrap());
    }
    let mut text = String::from("| in state |");
    let all = every_command();
    for (name, _) in &all {
        write!(text, " `{name}` |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(all.len()));
    for (name, scenario) in &states {
        write!(text, "\n| {name} |").unwrap();
        for (_, command) in &all {
            let after = scenario.clone().when(command.clone());
            write!(text, " {} |", cell(&after)).unwrap();
        }
    }
    text.push('\n');
    let path = crate::goldens::dir("../docs/withdrawals.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let begin = page.find("| in state |").expect("the page has the table");
    let end = page[begin..].find("\n\n").map_or(page.len(), |at| begin + at + 1);
    if std::env::var_os("LEDGER_BLESS_DOCS").is_some() {
        let written = format!("{}{text}{}", &page[..begin], &page[end..]);
        std::fs::write(&path, written).unwrap();
    } else {
        assert_eq!(&page[begin..end], text, "LEDGER_BLESS_DOCS=1 writes it");
    }
}

/// The ids of a payment provider's messages are its own; where the return of a payout goes to suspense, too.
#[test]
fn names_are_as_they_are_told() {
    let of = PaymentRef { source: commands::source("a/b"), id: commands::txn("c~d") };
    let request =
        RequestWithdrawal { source: of.source.clone(), id: of.id.clone(), ..commands::request("W", "60") };
    let asked = given().cash("100").when(request).applied();
    asked.accounts(&[
        CLEARING,
        ("player:cash", "40.00"),
        ("player:withdrawal_pending of a~1b/c~0d", "60.00"),
    ]);
    let json = r#"{"command":"mark_returned","source":"psp","id":"B1",
        "withdrawal":{"source":"cashier","id":"W1"},"payout":{"source":"psp","id":"W1"},"to":"suspense"}"#;
    let read: PlayerCommand = serde_json::from_str(json).unwrap();
    let expected = commands::mark_returned_to_suspense("B1", "W1");
    assert_eq!(expected.to, PayoutReturnedTo::Suspense);
    assert_eq!(read, expected.into());
    assert_eq!(word(PendingStatus::PartlyApproved), word(WithdrawalStatus::PartlyApproved));
}
