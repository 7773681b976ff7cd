//! What an event tells of payments.

use ledger_core::stored::{
    Converted, Event, EventRecord, PaymentRef, ReleasedTo, SuspenseOrigin, SuspenseReason,
};
use ledger_core::{
    Amount, CurrencyCode, HouseAggregateRef, HouseName, HousePurpose, PlayerId, SourceId, Stream,
};

use super::row::{Payment, PaymentKind, PaymentStatus};
use super::{Payments, payment_key};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::key;

/// What an event says of one payment.
struct Told<'a> {
    psp: &'a SourceId,
    kind: PaymentKind,
    reference: &'a str,
    player: Option<&'a PlayerId>,
    merchant: Option<PaymentRef>,
    status: PaymentStatus,
    money: (CurrencyCode, Amount),
    converted: Option<&'a Converted>,
}

pub(super) fn fold(
    rows: &mut Rows<'_, Payments>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    match &record.stream {
        Stream::Deposit(player, psp, id) => deposit(rows, commit, record, player, psp, id.as_str()),
        Stream::Withdrawal(player, source, id) => {
            let of = PaymentRef { source: source.clone(), id: id.clone() };
            withdrawal(rows, commit, record, player, &of)
        }
        Stream::Intent(player, source, id) => {
            let merchant = PaymentRef { source: source.clone(), id: id.clone() };
            match &record.event {
                Event::DepositInitiated(event) => {
                    start(rows, commit, player, &merchant, (event.currency, event.amount))
                }
                Event::DepositFailed(event) => match &event.payment {
                    Some(payment) => fail(rows, commit, player, payment, &merchant),
                    None => Ok(()),
                },
                _ => Ok(()),
            }
        }
        Stream::HouseAggregate(house, HouseAggregateRef::Suspense(reference)) => {
            let Some(HousePurpose::Psp(psp)) = HouseName::of(house).map(|name| name.purpose) else {
                return Ok(());
            };
            if let Event::SuspenseReturned(event) = &record.event {
                return send_back(rows, commit, &psp, reference.as_str(), event.txn.id.as_str());
            }
            let Event::SuspenseCaptured(event) = &record.event else { return Ok(()) };
            let kind = match event.origin {
                SuspenseOrigin::PayoutReturn => PaymentKind::PayoutReturn,
                _ => PaymentKind::Payment,
            };
            let told = Told {
                psp: &psp,
                kind,
                reference: reference.as_str(),
                player: None,
                merchant: None,
                status: PaymentStatus::Suspended,
                money: (event.currency, event.amount),
                converted: None,
            };
            book(rows, commit, &told)
        }
        _ => Ok(()),
    }
}

/// What was in suspense at the house goes back to who had paid it: as much as was captured.
fn send_back(
    rows: &mut Rows<'_, Payments>,
    commit: &Commit,
    psp: &SourceId,
    captured: &str,
    reference: &str,
) -> Result<(), ViewError> {
    for kind in [PaymentKind::Payment, PaymentKind::PayoutReturn] {
        let Some(known) = rows.get(&payment_key(psp, kind, captured))?.flatten() else { continue };
        let told = Told {
            psp,
            kind: PaymentKind::Refund,
            reference,
            player: None,
            merchant: None,
            status: PaymentStatus::Booked,
            money: (known.currency, known.amount),
            converted: None,
        };
        return book(rows, commit, &told);
    }
    Ok(())
}

fn deposit(
    rows: &mut Rows<'_, Payments>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    psp: &SourceId,
    reference: &str,
) -> Result<(), ViewError> {
    let told = |kind, reference, status, money, converted, merchant| Told {
        psp,
        kind,
        reference,
        player: Some(player),
        merchant,
        status,
        money,
        converted,
    };
    let told = match &record.event {
        Event::DepositSucceeded(event) => {
            let money = (event.currency, event.amount);
            told(
                PaymentKind::Payment,
                reference,
                PaymentStatus::Booked,
                money,
                event.converted.as_ref(),
                event.intent.clone(),
            )
        }
        // A payout that came back into suspense is told by its withdrawal, in the same commit.
        Event::DepositSuspended(event) if event.reason == SuspenseReason::PayoutReturned => return Ok(()),
        Event::DepositSuspended(event) => {
            let money = (event.currency, event.amount);
            let merchant = event.intent.clone();
            told(PaymentKind::Payment, reference, PaymentStatus::Suspended, money, None, merchant)
        }
        // Out of suspense to who had paid it: the provider is told to send it back.
        Event::DepositReleased(event) if event.to == ReleasedTo::Payer => {
            let money = (event.currency, event.amount);
            told(PaymentKind::Refund, event.txn.id.as_str(), PaymentStatus::Booked, money, None, None)
        }
        Event::DepositRefunded(event) => {
            let money = (event.currency, event.amount);
            told(
                PaymentKind::Refund,
                event.txn.as_str(),
                PaymentStatus::Booked,
                money,
                event.converted.as_ref(),
                None,
            )
        }
        Event::DepositChargedBack(event) => {
            let money = (event.currency, event.amount);
            told(
                PaymentKind::Chargeback,
                event.txn.as_str(),
                PaymentStatus::Booked,
                money,
                event.converted.as_ref(),
                None,
            )
        }
        Event::ChargebackReversed(event) => {
            let money = (event.currency, event.amount);
            let converted = event.converted.as_ref();
            told(
                PaymentKind::ChargebackReversal,
                event.txn.as_str(),
                PaymentStatus::Booked,
                money,
                converted,
                None,
            )
        }
        _ => return Ok(()),
    };
    book(rows, commit, &told)
}

/// The key under which a withdrawal finds its payout.
fn payout_key(player: &PlayerId, of: &PaymentRef) -> crate::range::KeyParts {
    // No payment provider is called so: names of sources are not empty.
    key!["", "payout_of", player, of.source, of.id]
}

fn withdrawal(
    rows: &mut Rows<'_, Payments>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    of: &PaymentRef,
) -> Result<(), ViewError> {
    let merchant = Some(of.clone());
    match &record.event {
        Event::WithdrawalSent(event) => {
            let payout = &event.payout;
            let told = Told {
                psp: &payout.source,
                kind: PaymentKind::Payout,
                reference: payout.id.as_str(),
                player: Some(player),
                merchant,
                status: PaymentStatus::Pending,
                money: (event.currency, event.amount),
                converted: None,
            };
            let payment = payment(commit, &told);
            rows.put(&payout_key(player, of), Some(payment.clone()))?;
            rows.put(&payment_key(&payout.source, PaymentKind::Payout, payout.id.as_str()), Some(payment))
        }
        Event::WithdrawalPaid(event) => {
            let Some(known) = rows.get(&payout_key(player, of))?.flatten() else { return Ok(()) };
            let key = payment_key(&known.psp, PaymentKind::Payout, &known.reference);
            let at = commit.body.recorded_at;
            let paid =
                Payment { status: PaymentStatus::Booked, amount: event.amount, at, bookings: 1, ..known };
            rows.put(&key, Some(paid))
        }
        Event::WithdrawalFailed(_) => {
            let Some(known) = rows.get(&payout_key(player, of))?.flatten() else { return Ok(()) };
            let key = payment_key(&known.psp, PaymentKind::Payout, &known.reference);
            let at = commit.body.recorded_at;
            rows.put(&key, Some(Payment { status: PaymentStatus::Failed, at, bookings: 0, ..known }))
        }
        Event::WithdrawalReturned(event) => {
            let Some(known) = rows.get(&payout_key(player, of))?.flatten() else { return Ok(()) };
            let told = Told {
                psp: &known.psp,
                kind: PaymentKind::PayoutReturn,
                reference: &known.reference,
                player: Some(player),
                merchant,
                status: PaymentStatus::Booked,
                money: (event.currency, event.amount),
                converted: None,
            };
            book(rows, commit, &told)
        }
        _ => Ok(()),
    }
}

fn payment(commit: &Commit, told: &Told<'_>) -> Payment {
    let (currency, amount) = told.money;
    Payment {
        psp: told.psp.clone(),
        kind: told.kind,
        reference: told.reference.to_owned(),
        player: told.player.cloned(),
        merchant: told.merchant.clone(),
        status: told.status,
        currency,
        amount,
        rate: told.converted.map(|converted| converted.rate.rate().to_string()),
        at: commit.body.recorded_at,
        bookings: u32::from(matches!(told.status, PaymentStatus::Booked | PaymentStatus::Suspended)),
    }
}

/// Books a payment; one that is known is booked once more, unless it had failed before.
fn book(rows: &mut Rows<'_, Payments>, commit: &Commit, told: &Told<'_>) -> Result<(), ViewError> {
    let key = payment_key(told.psp, told.kind, told.reference);
    let fresh = payment(commit, told);
    let after = match rows.get(&key)?.flatten() {
        Some(known) => known.joined(fresh),
        None => Some(fresh),
    };
    let large = || commit.poison(format!("the payment {} was booked too often", told.reference));
    rows.put(&key, Some(after.ok_or_else(large)?))
}

/// A payment that was reported as failed. What is booked stays so.
fn fail(
    rows: &mut Rows<'_, Payments>,
    commit: &Commit,
    player: &PlayerId,
    of: &PaymentRef,
    merchant: &PaymentRef,
) -> Result<(), ViewError> {
    let key = payment_key(&of.source, PaymentKind::Payment, of.id.as_str());
    if rows.get(&key)?.flatten().is_some() {
        return Ok(());
    }
    let started = rows.get(&intent_key(player, merchant))?.flatten();
    let Some(started) = started else { return Ok(()) };
    let failed = Payment {
        psp: of.source.clone(),
        reference: of.id.to_string(),
        status: PaymentStatus::Failed,
        at: commit.body.recorded_at,
        ..started
    };
    rows.put(&key, Some(failed))
}

fn intent_key(player: &PlayerId, of: &PaymentRef) -> crate::range::KeyParts {
    key!["", "intent", player, of.source, of.id]
}

/// A deposit that was started: what a failed attempt would have paid.
fn start(
    rows: &mut Rows<'_, Payments>,
    commit: &Commit,
    player: &PlayerId,
    of: &PaymentRef,
    money: (CurrencyCode, Amount),
) -> Result<(), ViewError> {
    let told = Told {
        psp: &of.source,
        kind: PaymentKind::Payment,
        reference: of.id.as_str(),
        player: Some(player),
        merchant: Some(of.clone()),
        status: PaymentStatus::Pending,
        money,
        converted: None,
    };
    rows.put(&intent_key(player, of), Some(payment(commit, &told)))
}
