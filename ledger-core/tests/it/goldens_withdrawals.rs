//! Goldens of withdrawals, of blocks and of lots of unplayed money.

use std::fmt::Write as _;

use crate::goldens::{WITHDRAWAL_DIGESTS, amount, compare, dir, record, txn_ref};
use ledger_core::stored::{
    Bearer, CommitBody, DestinationProof, Event, EventRecord, Hold, InstrumentVerified, KycStatus,
    LatePayout, LatePayoutSettled, LotShare, PayoutReturnedTo, PendingStatus, PlayerBlocked, PlayerUnblocked,
    Recovery, ReturnFee, WithdrawalApproved, WithdrawalBreak, WithdrawalCancelled, WithdrawalExpired,
    WithdrawalFailed, WithdrawalKycPassed, WithdrawalMismatch, WithdrawalPaid, WithdrawalPart,
    WithdrawalRejected, WithdrawalRequested, WithdrawalReturned, WithdrawalReviewStarted, WithdrawalSent,
    WithdrawalSplit, WithdrawalSplitOff, WithdrawalTimedOut,
};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    Authorisation, BasisPoints, Block, ContentHash, JurisdictionProfile, MarkPaid, MarkReturned, MethodId,
    OperationKind, PlayerCommand, Policy, Reason, RecordDeposit, RequestWithdrawal, UnplayedMoney,
};

fn hold(total: &str, fee: &str, extra: &str, shares: &[(u64, &str)]) -> Hold {
    Hold {
        amount: amount(total),
        fee: Some(amount(fee)),
        extra: Some(amount(extra)),
        unplayed: shares.iter().map(|(lot, share)| LotShare { lot: *lot, amount: amount(share) }).collect(),
    }
}

fn reason(text: &str) -> Reason {
    Reason::new(text).unwrap()
}

/// One event of every type of this part, every optional field there.
pub(crate) fn samples() -> Vec<EventRecord> {
    let [w1, w2, w3, part] = ["W1", "W2", "W3", "W1-2"].map(|id| format!("withdrawal/p1/cashier/{id}"));
    let eur = commands::currency("EUR");
    let txn = |kind, id: &str| txn_ref("office", kind, id);
    let at = |text: &str| text.parse().unwrap();
    vec![
        record(
            &w1,
            1,
            Event::WithdrawalRequested(WithdrawalRequested {
                currency: eur,
                hold: hold("86.00", "2.00", "14.00", &[(1, "40.00"), (3, "30.00")]),
                destination: commands::instrument("iban-1"),
                proof: Some(DestinationProof::Verified(InstrumentVerified {
                    as_of: at("2026-01-01T00:00:00Z"),
                    by: Some(commands::person("anna")),
                })),
                method: Some(MethodId::new("bank").unwrap()),
                kyc: Some(commands::kyc(KycStatus::Pending)),
                by: Some(commands::person("boris")),
                status: PendingStatus::AwaitingKyc,
                approvals: 2,
                entry: 4,
            }),
        ),
        record(
            &part,
            1,
            Event::WithdrawalSplitOff(WithdrawalSplitOff {
                parent: commands::withdrawal("W1"),
                root: commands::withdrawal("W1"),
                requested_at: at("2026-01-01T00:00:01Z"),
                currency: eur,
                hold: hold("36.00", "0.84", "9.00", &[(1, "15.00"), (3, "30.00")]),
                destination: commands::instrument("iban-1"),
                by: Some(commands::person("boris")),
                edited_by: commands::person("eve"),
                status: PendingStatus::PartlyApproved,
                approvals: 2,
                approved_by: vec![commands::person("ann")],
                entry: 5,
            }),
        ),
        record(
            &w1,
            2,
            Event::WithdrawalKycPassed(WithdrawalKycPassed {
                txn: txn(OperationKind::WithdrawalKyc, "K1"),
                as_of: at("2026-01-01T00:00:02Z"),
                by: Some(commands::person("anna")),
                status: PendingStatus::Requested,
            }),
        ),
        record(
            &w1,
            3,
            Event::WithdrawalReviewStarted(WithdrawalReviewStarted {
                txn: txn(OperationKind::WithdrawalReview, "V1"),
                by: commands::person("ann"),
            }),
        ),
        record(
            &w1,
            4,
            Event::WithdrawalApproved(WithdrawalApproved {
                txn: txn(OperationKind::WithdrawalApproval, "A1"),
                by: commands::person("ann"),
                status: PendingStatus::PartlyApproved,
            }),
        ),
        record(
            &w2,
            2,
            Event::WithdrawalRejected(WithdrawalRejected {
                txn: txn(OperationKind::WithdrawalRejection, "R1"),
                by: commands::person("ann"),
                reason: reason("suspicious"),
                currency: eur,
                amount: amount("60.00"),
                entry: 6,
            }),
        ),
        record(
            &w2,
            2,
            Event::WithdrawalCancelled(WithdrawalCancelled {
                txn: txn_ref("cashier", OperationKind::WithdrawalCancel, "C1"),
                currency: eur,
                amount: amount("60.00"),
                entry: 6,
            }),
        ),
        record(
            &w2,
            2,
            Event::WithdrawalExpired(WithdrawalExpired {
                txn: txn_ref("timers", OperationKind::WithdrawalExpire, "E1"),
                due_at: at("2026-01-31T00:00:00Z"),
                currency: eur,
                amount: amount("60.00"),
                entry: 6,
            }),
        ),
        record(
            &w1,
            5,
            Event::WithdrawalSplit(WithdrawalSplit {
                txn: txn(OperationKind::WithdrawalSplit, "S1"),
                by: commands::person("eve"),
                parts: vec![
                    WithdrawalPart { id: commands::txn("W1-1"), amount: amount("50.00") },
                    WithdrawalPart { id: commands::txn("W1-2"), amount: amount("36.00") },
                ],
                entry: 5,
            }),
        ),
        record(
            &w3,
            3,
            Event::WithdrawalSent(WithdrawalSent {
                txn: txn_ref("cashier", OperationKind::PayoutSend, "P1"),
                payout: commands::payment("PO1"),
                by: Some(commands::person("anna")),
                currency: eur,
                amount: amount("84.00"),
                fee: Some(amount("2.00")),
                entry: 7,
            }),
        ),
        record(
            &w3,
            4,
            Event::WithdrawalTimedOut(WithdrawalTimedOut {
                txn: txn_ref("cashier", OperationKind::PayoutUnknown, "U1"),
            }),
        ),
        record(
            &w3,
            6,
            Event::WithdrawalPaid(WithdrawalPaid {
                txn: txn_ref("psp", OperationKind::PayoutPaid, "M1"),
                currency: eur,
                amount: amount("80.00"),
                authorisation: Some(Authorisation::new("AUTH-7").unwrap()),
                rest: Some(Hold { fee: None, ..hold("4.00", "0.00", "1.00", &[(3, "5.00")]) }),
                late: Some(LatePayout {
                    bearer: Some(Bearer::Player),
                    recovery: Some(Recovery {
                        cash: amount("10.00"),
                        receivable: amount("72.00"),
                        written_off: amount("0.00"),
                    }),
                }),
                entry: 8,
            }),
        ),
        record(
            &w3,
            5,
            Event::WithdrawalFailed(WithdrawalFailed {
                txn: txn_ref("psp", OperationKind::PayoutFailed, "F1"),
                reason: Some(reason("account closed")),
                currency: eur,
                amount: amount("100.00"),
                entry: 8,
            }),
        ),
        record(
            &w3,
            7,
            Event::WithdrawalReturned(WithdrawalReturned {
                txn: txn_ref("psp", OperationKind::PayoutReturn, "B1"),
                to: PayoutReturnedTo::Player,
                currency: eur,
                amount: amount("80.00"),
                fee: Some(ReturnFee { amount: amount("5.00"), by: Bearer::Player }),
                credited: amount("88.00"),
                entry: 9,
            }),
        ),
        record(
            &w3,
            5,
            Event::WithdrawalMismatch(WithdrawalMismatch {
                txn: txn_ref("psp", OperationKind::PayoutPaid, "M1"),
                what: WithdrawalBreak::Amount,
                payout: commands::payment("PO1"),
                sent: amount("84.00"),
                paid: Some(amount("80.00")),
            }),
        ),
        record(
            &w3,
            7,
            Event::LatePayoutSettled(LatePayoutSettled {
                txn: txn(OperationKind::PayoutSettlement, "L1"),
                late: LatePayout { bearer: Some(Bearer::House), recovery: None },
                currency: eur,
                amount: amount("80.00"),
                by: commands::person("anna"),
                approved_by: commands::person("boris"),
                entry: 10,
            }),
        ),
        record(
            "player/p1",
            10,
            Event::PlayerBlocked(PlayerBlocked {
                txn: txn(OperationKind::PlayerBlock, "B1"),
                block: Block::PayoutsFrozen,
                by: Some(commands::person("ann")),
                reason: Some(reason("a suspicion")),
            }),
        ),
        record(
            "player/p1",
            11,
            Event::PlayerUnblocked(PlayerUnblocked {
                txn: txn(OperationKind::PlayerUnblock, "B2"),
                block: Block::PayoutsFrozen,
                by: commands::person("ann"),
                approved_by: commands::person("bob"),
                reason: reason("it was nothing"),
            }),
        ),
    ]
}

/// A player whose deposits are lots, with 100 of them.
fn unplayed() -> Scenario {
    let rate = BasisPoints::new(2_000).unwrap();
    let default_jurisdiction =
        JurisdictionProfile { unplayed: UnplayedMoney::Fee { rate }, ..JurisdictionProfile::default() };
    let instrument = Some(commands::instrument("card-1"));
    let deposit = RecordDeposit { instrument, ..commands::deposit("D1", "100") };
    given().policy(Policy { default_jurisdiction, ..Policy::default() }).when(deposit).applied()
}

fn last(scenario: &Scenario) -> CommitBody {
    // The policy document will grow; the shape of a commit must not change with it.
    CommitBody { policy: ContentHash::of(b"policy"), ..scenario.ledger().commits().last().unwrap().clone() }
}

pub(crate) fn unplayed_bet() -> CommitBody {
    last(&unplayed().bet("T1", "R", "40").applied())
}

pub(crate) fn withdrawal() -> CommitBody {
    let from_deposit = RequestWithdrawal {
        destination: commands::instrument("card-1"),
        proof: Some(DestinationProof::Deposit(commands::payment("D1"))),
        ..commands::request("W1", "10")
    };
    last(&unplayed().when(from_deposit).applied())
}

/// What is found again by its digest must have the same digest for ever.
#[test]
fn digests_of_withdrawals_are_what_they_always_were() {
    let policy = Policy::default();
    let player = ledger_core::PlayerId::new("p1").unwrap();
    let of_someone =
        RequestWithdrawal { by: Some(commands::person("anna")), ..commands::request("W2", "60") };
    let part = MarkPaid { amount: Some(commands::decimal("80")), ..commands::mark_paid("M2", "W1") };
    let kept = MarkReturned {
        fee: Some(commands::decimal("5")),
        fee_by: Bearer::House,
        return_fee: true,
        ..commands::mark_returned_to_suspense("B2", "W1")
    };
    let commands: [PlayerCommand; 20] = [
        commands::request("W1", "60.00").into(),
        of_someone.into(),
        commands::pass_kyc("K1", "W1").into(),
        commands::start_review("V1", "W1").into(),
        commands::approve_withdrawal("A1", "W1", "ann").into(),
        commands::reject_withdrawal("R1", "W1").into(),
        commands::cancel_withdrawal("C1", "W1").into(),
        commands::expire_withdrawal("E1", "W1").into(),
        commands::split_withdrawal("S1", "W1", &[("W1-1", "50"), ("W1-2", "10.0")]).into(),
        commands::send("P1", "W1").into(),
        commands::mark_unknown("U1", "W1").into(),
        commands::mark_paid("M1", "W1").into(),
        part.into(),
        commands::mark_failed("F1", "W1").into(),
        commands::mark_returned("B1", "W1").into(),
        kept.into(),
        commands::settle_late("L1", "W1", Bearer::Player).into(),
        commands::block("X1", Block::PayoutsFrozen).into(),
        commands::block("X2", Block::ChargedBack).into(),
        commands::unblock("X3", Block::PayoutsFrozen).into(),
    ];
    let print = |command: &PlayerCommand| {
        format!("fingerprint of {} {}", command.key(&player, &policy).unwrap(), command.fingerprint())
    };
    let mut lines: Vec<_> = commands.iter().map(print).collect();
    let stream: ledger_core::Stream = "withdrawal/p1/cashier/W1".parse().unwrap();
    let mut line = format!("stream {stream} ");
    for byte in stream.digest().as_bytes() {
        write!(line, "{byte:02x}").unwrap();
    }
    lines.push(line);
    let text = serde_json::to_string_pretty(&lines).unwrap();
    compare(&dir("tests/golden").join(WITHDRAWAL_DIGESTS), &text).unwrap();
}
