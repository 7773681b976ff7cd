//! The decision on a captured deposit: whose money it is.

use super::command::RecordDeposit;
use super::exchange::{credit, currency, target};
use super::intent::known_intent;
use super::postings::{deposit_with_fee, suspend};
use super::state::{Intent, IntentStatus};
use crate::account::AccountCode;
use crate::ids::SubAccount;
use crate::money::{Amount, Currency, CurrencyCode};
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::{CapturePolicy, DepositPolicy, UnplayedMoney};
use crate::rejection::{NotAllowedReason, Rejection, not_allowed};
use crate::stored::{
    DepositBreak, DepositCompleted, DepositMismatch, DepositSucceeded, DepositSuspended, Event, LateAfter,
    Money, PaymentRef, SuspenseReason,
};
use crate::time::Timestamp;
use crate::wallet::{self, LotMoves, Purse, incoming};

/// Whether money may reach the player at all: not while he is excluded, for it would be there to be staked (D07).
fn may_be_credited(state: &PlayerState, now: Timestamp) -> bool {
    state.check_not_excluded(now).is_ok()
}

/// Whose the money is.
enum Verdict {
    /// The player's; with what had become of the deposit before, where one does not expect it.
    Credit(Option<LateAfter>),
    Suspend(SuspenseReason),
}

fn under(policy: CapturePolicy, after: LateAfter, otherwise: SuspenseReason) -> Verdict {
    match policy {
        CapturePolicy::Credit => Verdict::Credit(Some(after)),
        CapturePolicy::Suspend => Verdict::Suspend(otherwise),
    }
}

/// What the deposit at the cashier says to its capture.
fn by_intent(intent: &Intent, capture: &PaymentRef, policy: &DepositPolicy) -> Verdict {
    match intent.status {
        IntentStatus::Initiated | IntentStatus::Pending => {
            let failed = intent.attempt_of(capture).is_some_and(|attempt| attempt.failed);
            Verdict::Credit(failed.then_some(LateAfter::AttemptFailed))
        }
        IntentStatus::Failed if intent.has_failed_as(capture) => Verdict::Credit(Some(LateAfter::Failed)),
        IntentStatus::Failed => Verdict::Suspend(SuspenseReason::OtherReference),
        IntentStatus::Cancelled => {
            under(policy.late_capture, LateAfter::Cancelled, SuspenseReason::LateCapture)
        }
        IntentStatus::Expired => under(policy.late_capture, LateAfter::Expired, SuspenseReason::LateCapture),
        IntentStatus::Succeeded => {
            under(policy.second_capture, LateAfter::Succeeded, SuspenseReason::SecondCapture)
        }
    }
}

/// An amount of a command, above zero.
fn above_zero(amount: rust_decimal::Decimal, currency: &Currency) -> Result<Amount, Rejection> {
    let taken = incoming(amount, currency)?;
    if taken.is_zero() {
        return Err(Rejection::InvalidAmount { amount: amount.to_string() });
    }
    Ok(taken)
}

/// The player's fee: below the amount; none if it is zero.
fn fee_of(command: &RecordDeposit, amount: Amount, currency: &Currency) -> Result<Option<Amount>, Rejection> {
    let Some(fee) = command.fee else { return Ok(None) };
    let taken = incoming(fee, currency)?;
    if taken >= amount {
        return Err(Rejection::InvalidAmount { amount: fee.to_string() });
    }
    Ok(Some(taken).filter(|fee| fee.is_positive()))
}

pub(super) fn record(command: &RecordDeposit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let of = command.of();
    if facts.found.deposit(&of).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let intent = command.intent.as_ref().map(|intent| known_intent(state, facts, intent));
    let verdict = match intent {
        _ if !may_be_credited(state, work.now()) => Verdict::Suspend(SuspenseReason::NotCreditable),
        Some(None) => Verdict::Suspend(SuspenseReason::UnknownIntent),
        Some(Some(intent)) => by_intent(intent, &of, &facts.policy.deposits),
        None => Verdict::Credit(None),
    };
    let rate = command.rate.as_deref().filter(|_| matches!(verdict, Verdict::Credit(_)));
    if rate.is_some() && command.fee.is_some_and(|fee| !fee.is_zero()) {
        return Err(not_allowed(NotAllowedReason::FeeWithRate).into());
    }
    let target = target(rate, command.currency, facts, work)?;
    let currency = currency(command.currency, facts, work)?;
    let amount = above_zero(command.amount, &currency)?;
    let fee = fee_of(command, amount, &currency)?;

    let unplayed = state.unplayed_money(facts.policy);
    let captured = Captured { command, of, currency, amount, intent: intent.flatten().cloned(), unplayed };
    match (verdict, state.wallet().purse(target)) {
        (Verdict::Suspend(reason), _) => captured.suspend(reason, work),
        (Verdict::Credit(_), None) => captured.suspend(SuspenseReason::Currency, work),
        (Verdict::Credit(after), Some(_)) => captured.credit(target, fee, after, work),
    }
}

/// A captured deposit that is about to be booked.
struct Captured<'a> {
    command: &'a RecordDeposit,
    of: PaymentRef,
    currency: Currency,
    amount: Amount,
    intent: Option<Intent>,
    unplayed: UnplayedMoney,
}

/// A deposit brings a lot where its player's jurisdiction asks what becomes of unplayed money.
pub(super) fn new_lot(purse: &Purse, unplayed: UnplayedMoney) -> LotMoves<'static> {
    match unplayed {
        UnplayedMoney::Free => LotMoves::default(),
        UnplayedMoney::Fee { .. } | UnplayedMoney::Block => LotMoves::opens(purse.currency().code()),
    }
}

impl Captured<'_> {
    fn stream(&self, state: &PlayerState) -> Stream {
        Stream::Deposit(state.player().clone(), self.of.source.clone(), self.of.id.clone())
    }

    fn credit(
        self,
        target: CurrencyCode,
        fee: Option<Amount>,
        after: Option<LateAfter>,
        work: &mut Workspace<'_>,
    ) -> Outcome {
        let purse = wallet::purse(work.state(), target)?;
        let psp = &self.command.source;
        let lots = new_lot(purse, self.unplayed);
        let (postings, converted) = match (fee, self.command.rate.as_deref()) {
            (Some(fee), _) => (deposit_with_fee(purse, psp, self.amount, fee)?, None),
            (None, None) => (wallet::deposit(purse, SubAccount::source(psp), self.amount)?, None),
            (None, rate) => {
                credit(purse, AccountCode::PspClearing, psp, (&self.currency, self.amount), rate)?
            }
        };
        let entry =
            work.post_with(postings, &lots)?.ok_or_else(|| Fault::corrupted("a deposit without an entry"))?;
        let event = Event::DepositSucceeded(DepositSucceeded {
            currency: self.command.currency,
            amount: self.amount,
            authorisation: self.command.authorisation.clone(),
            instrument: self.command.instrument.clone(),
            intent: self.command.intent.clone(),
            fee,
            converted,
            after,
            entry,
        });
        work.push_first(self.stream(work.state()), event);
        if after != Some(LateAfter::Succeeded) {
            self.complete(false, work)?;
        }
        Ok(Some(target))
    }

    fn suspend(self, reason: SuspenseReason, work: &mut Workspace<'_>) -> Outcome {
        let postings = suspend(&self.command.source, self.amount, self.command.currency);
        let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("a deposit without an entry"))?;
        let event = Event::DepositSuspended(DepositSuspended {
            reason,
            currency: self.command.currency,
            amount: self.amount,
            authorisation: self.command.authorisation.clone(),
            instrument: self.command.instrument.clone(),
            intent: self.command.intent.clone(),
            entry,
        });
        work.push_first(self.stream(work.state()), event);
        // The deposit was paid; only the player cannot have it. Other reasons leave it as it was.
        if matches!(reason, SuspenseReason::Currency | SuspenseReason::NotCreditable) {
            self.complete(true, work)?;
        }
        Ok(None)
    }

    /// The deposit at the cashier comes to its end, and what differs is recorded for reconciliation.
    fn complete(self, suspended: bool, work: &mut Workspace<'_>) -> Result<(), Stop> {
        let Some(mut intent) = self.intent else { return Ok(()) };
        if intent.status == IntentStatus::Succeeded {
            return Ok(());
        }
        let asked = Money { currency: intent.currency, amount: intent.amount };
        let captured = Money { currency: self.command.currency, amount: self.amount };
        let completed = DepositCompleted { capture: self.of.clone(), suspended };
        work.push_intent(&mut intent, Event::DepositCompleted(completed))?;
        if asked != captured {
            let what = if asked.currency == captured.currency {
                DepositBreak::Amount
            } else {
                DepositBreak::Currency
            };
            let mismatch = DepositMismatch { what, capture: self.of, asked, captured: Some(captured) };
            work.push_intent(&mut intent, Event::DepositMismatch(mismatch))?;
        }
        Ok(())
    }
}
